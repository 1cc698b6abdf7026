"""
The REST interface of the exchange: who asks, how often, and what is answered.

Pure: requests go in as text, answers come out as JSON-ready values. ``routes.py`` holds what can be asked.

Source: USDⓈ-M Futures > General Info > Limits, Endpoint security type; Error Code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import attrs

from binance_uds.simulator import signing
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.limits import Limited, OrderLimit, WeightLimit
from binance_uds.simulator.parameters import Parameters
from binance_uds.simulator.records import Account
from binance_uds.simulator.refusals import Refused
from binance_uds.simulator.routes import ROUTES, Call, Route, Security
from binance_uds.simulator.rules import Rules

LISTEN_KEY_PATH = "/fapi/v1/listenKey"

_FUTURES = "/fapi/"


@attrs.frozen
class Request:
    """An HTTP request, undecoded."""

    method: str
    path: str
    query: str = attrs.field(default="", repr=False)
    body: str = attrs.field(default="", repr=False)
    api_key: Optional[str] = attrs.field(default=None, repr=False)


@attrs.frozen
class Answer:
    """An HTTP answer; the body is JSON-ready."""

    status: int
    body: Any = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict)


class HttpApi:
    """The REST interface to a model, for clients that all come from one address."""

    def __init__(self, exchange: Exchange, rules: Rules) -> None:
        self._exchange = exchange
        self._rules = rules
        self._weight = WeightLimit.of(rules.weight_per_minute)
        self._orders: dict[str, OrderLimit] = {}

    def answer(self, request: Request) -> Answer:
        """Answer a request at the model's present time; what is refused is answered as well."""
        route = ROUTES.get((request.method, request.path))
        parameters = Parameters.of(request.query, request.body)
        weight = 1 if route is None else route.weight_of(parameters)
        limited = self._weight.spend(weight, self._exchange.now_ms)
        headers = {"X-MBX-USED-WEIGHT-1M": str(self._weight.minute.used)}
        if limited is not None:
            return self._answer_limited(limited, headers)
        try:
            if route is None:
                words = f"Path {request.path}, Method {request.method} is invalid"
                raise Refused(404, -5000, words)
            body = self._carry_out(request, route, parameters, headers)
        except Refused as refusal:
            return Answer(refusal.status, refusal.body, headers)
        return Answer(200, body, headers)

    def account_of(self, api_key: Optional[str]) -> Account:
        """
        Find who an API key belongs to.

        Raises:
            Refused: -2014 for what cannot be a key, -2015 for an unknown one, and for one of another address.
        """
        wanted = signing.check_key_format(api_key)
        for account in self._exchange.accounts.values():
            if account.api_key == wanted and not account.permissions.bound_elsewhere:
                return account
        raise _not_allowed()

    def _carry_out(self, request: Request, route: Route, parameters: Parameters, headers: dict[str, str]) -> Any:
        if route.security is Security.NONE:
            return route.act(Call(self._exchange, parameters))
        account = self.account_of(request.api_key)
        if request.path.startswith(_FUTURES) and not account.permissions.trades_futures:
            raise _not_allowed()
        if route.security is Security.SIGNED:
            signing.check_time(parameters, self._exchange.now_ms)
            signing.check_signature(account.api_secret, request.query, request.body)
            if request.method == "GET" and not account.permissions.reads:
                raise _not_allowed()
        if route.is_order:
            self._count_order(account, headers)
        return route.act(Call(self._exchange, parameters, account))

    def _count_order(self, account: Account, headers: dict[str, str]) -> None:
        limit = self._orders.get(account.name)
        if limit is None:
            limit = OrderLimit.of(self._rules.orders_per_10s, self._rules.orders_per_minute)
            self._orders[account.name] = limit
        full = limit.count(self._exchange.now_ms)
        headers["X-MBX-ORDER-COUNT-10S"] = str(limit.ten_seconds.used)
        headers["X-MBX-ORDER-COUNT-1M"] = str(limit.minute.used)
        if full is not None:
            headers["Retry-After"] = _seconds_until(full.ends_ms, self._exchange.now_ms)
            span = "TEN_SECONDS" if full is limit.ten_seconds else "MINUTE"
            message = f"Too many new orders; current limit is {full.limit} orders per {span}."
            raise Refused(429, -1015, message)

    def _answer_limited(self, limited: Limited, headers: dict[str, str]) -> Answer:
        headers["Retry-After"] = _seconds_until(limited.until_ms, self._exchange.now_ms)
        if limited.status == 418:
            message = (
                f"Way too many requests; IP banned until {limited.until_ms}. "
                "Please use the websocket for live updates to avoid bans."
            )
        else:
            message = (
                f"Too many requests; current limit is {self._weight.minute.limit} requests per minute. "
                "Please use the websocket for live updates to avoid polling the API."
            )
        return Answer(limited.status, {"code": -1003, "msg": message}, headers)


def _not_allowed() -> Refused:
    """The one refusal for an unknown key, a wrong address and a missing right: Binance does not say which."""
    return Refused(401, -2015, "Invalid API-key, IP, or permissions for action.")


def _seconds_until(end_ms: int, now_ms: int) -> str:
    return str(max(1, -(-(end_ms - now_ms) // 1000)))
