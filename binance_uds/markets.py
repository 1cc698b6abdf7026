"""
The markets, each a row of data: where it is, by which paths its private stream is reached, what its calls answer.

No other module asks which market it deals with; it reads the row. Source of the facts: USDⓈ-M Futures > General Info
and User Data Streams > Connect; "Important WebSocket Change Notice" of 2026-03 (path split, legacy URLs retired
2026-04-23); for paths and weights of the reads the pages named at the classes of their rows.
"""

from __future__ import annotations

import re
from typing import Optional, Tuple
from urllib.parse import urlsplit

import attrs

from .credentials import Secret
from .errors import ConfigurationError
from .events import Event, usdm, usdm_rows
from .events.base import Row


class AccessForm:
    """
    How a private stream is asked for, once the host is known. ``str`` constants.

    ``QUERY``: ``/ws?listenKey=<key>&events=A/B``, every event name spelt out, because a form without names is
    contested. ``SUBSCRIBE``: ``/stream`` and a SUBSCRIBE message, as the official SDK does. ``PATH``: ``/ws/<key>``, as
    the Connect page still says.
    """

    QUERY = "query"
    SUBSCRIBE = "subscribe"
    PATH = "path"


@attrs.frozen
class AccessPlan:
    """One way to the private stream: a base URL and a form."""

    stream_url: str
    form: str

    def url(self, key: Secret, events: Tuple[str, ...]) -> Secret:
        """
        Return the URL to connect to; secret, because the key alone opens the stream.

        Args:
            key: The listen key.
            events: The event names to ask for, where the form has room for them.
        """
        base = self.stream_url.rstrip("/")
        if self.form == AccessForm.QUERY:
            return Secret(f"{base}/ws?listenKey={key.reveal()}&events={'/'.join(events)}")
        if self.form == AccessForm.SUBSCRIBE:
            return Secret(f"{base}/stream")
        return Secret(f"{base}/ws/{key.reveal()}")

    def __str__(self) -> str:
        return f"{urlsplit(self.stream_url).hostname} ({self.form} form)"


class ReadName:
    """
    What can be read about an account by signed GET requests. ``str`` constants.

    ``ORDER`` and ``ALGO_ORDER`` are one order each; ``ALL_ORDERS`` are those of some time, whatever became of them.
    """

    OPEN_ORDERS = "open_orders"
    OPEN_ALGO_ORDERS = "open_algo_orders"
    POSITIONS = "positions"
    BALANCES = "balances"
    ORDER = "order"
    ALGO_ORDER = "algo_order"
    ALL_ORDERS = "all_orders"
    USER_TRADES = "user_trades"
    INCOME = "income"
    SYMBOL_CONFIGS = "symbol_configs"
    ACCOUNT_CONFIG = "account_config"


@attrs.frozen
class Endpoint:
    """
    Where one of the reads goes, what it costs and what it answers.

    Attributes:
        name: Which, one of ``ReadName``'s.
        path: Path on the REST host.
        row_class: What each row of the answer is.
        weight: What it counts towards the request weight of a minute, for one symbol or where it has none.
        weight_without_symbol: What it counts when it asks for all symbols, where that differs.
        is_single: Whether it answers one row by itself, instead of a list.
    """

    name: str
    path: str
    row_class: type[Row]
    weight: int
    weight_without_symbol: Optional[int] = None
    is_single: bool = False


@attrs.frozen
class Wallet:
    """
    Where Binance tells what an API key may do: on the host of the wallet, which serves all markets.

    Source: Wallet > Account > Get API Key Permission; 1 of the weight of that host.

    Attributes:
        of_rest_url: The REST host whose keys it knows.
        url: Scheme and host.
        path: Path of the signed call.
    """

    of_rest_url: str = "https://fapi.binance.com"
    url: str = "https://api.binance.com"
    path: str = "/sapi/v1/account/apiRestrictions"


@attrs.frozen(kw_only=True)
class Market:
    """
    One market family on one set of hosts. Make your own with ``attrs.evolve``.

    Attributes:
        name: Short and lower case, such as ``"usdm"``; used in logs and default stream names.
        rest_url: Scheme and host of the REST interface.
        stream_url: Scheme, host and prefix of the private WebSocket.
        other_stream_urls: Further hosts to try where sources disagree about the right one.
        access_forms: Forms of ``AccessForm`` to try on each host, best first.
        listen_key_path: Path of the three listen-key calls.
        probe_names_key: Whether PUT on that path answers with the key; where not, POST is the probe.
        time_path: Path of the unsigned server time.
        reads: Where what the account is and did can be read, an endpoint for each name.
        weight_limit: Request weight that the exchange allows an address within a minute.
        event_classes: What the stream is known to send.
        wallet: Where the permissions of its API keys are read.
        events: The names asked for in the query form. Extend it to receive types added by Binance later.
        allow_plaintext: Permit ``http://`` and ``ws://`` beyond loopback.

    Raises:
        ConfigurationError: A URL is malformed, or plain text to a host that is not loopback; a text stands where a
            tuple of texts belongs.
    """

    name: str
    rest_url: str = attrs.field()
    stream_url: str = attrs.field()
    # It is the default of an argument, which help() prints: shown is by what markets differ, and not their tables.
    other_stream_urls: Tuple[str, ...] = ()
    access_forms: Tuple[str, ...] = attrs.field(
        default=(AccessForm.QUERY, AccessForm.SUBSCRIBE, AccessForm.PATH), repr=False
    )
    listen_key_path: str = attrs.field(repr=False)
    probe_names_key: bool = attrs.field(repr=False)
    time_path: str = attrs.field(repr=False)
    reads: Tuple[Endpoint, ...] = attrs.field(repr=False)
    weight_limit: int = attrs.field(repr=False)
    event_classes: Tuple[type[Event], ...] = attrs.field(repr=False)
    events: Tuple[str, ...] = attrs.field(repr=False)
    wallet: Wallet = attrs.field(default=Wallet(), repr=False)
    allow_plaintext: bool = False

    def __attrs_post_init__(self) -> None:
        for field in ("other_stream_urls", "access_forms", "events"):
            # A single text would be taken letter by letter: events that Binance does not have, and so silence.
            if isinstance(getattr(self, field), str):
                raise ConfigurationError(f"{field} of a market must be a tuple of texts, not one text")
        _check_url(self.rest_url, ("https", "http"), self.allow_plaintext)
        for url in (self.stream_url, *self.other_stream_urls):
            _check_url(url, ("wss", "ws"), self.allow_plaintext)
        unknown = set(self.access_forms) - {AccessForm.QUERY, AccessForm.SUBSCRIBE, AccessForm.PATH}
        if unknown or not self.access_forms:
            raise ConfigurationError("a market needs at least one access form, each one of AccessForm's")

    @property
    def access_plans(self) -> Tuple[AccessPlan, ...]:
        """Every way to the private stream, best first."""
        return tuple(
            AccessPlan(url, form) for url in (self.stream_url, *self.other_stream_urls) for form in self.access_forms
        )

    @property
    def permissions_url(self) -> str:
        """The host to ask what an API key may do; a REST host of one's own itself, for no other knows the key."""
        return self.wallet.url if self.rest_url == self.wallet.of_rest_url else self.rest_url

    def endpoint(self, name: str) -> Endpoint:
        """
        Return where to read something.

        Args:
            name: What, one of ``ReadName``'s.

        Raises:
            KeyError: This market has no such read.
        """
        for endpoint in self.reads:
            if endpoint.name == name:
                return endpoint
        raise KeyError(name)


def _check_url(url: object, schemes: Tuple[str, str], allow_plaintext: bool) -> None:
    if not isinstance(url, str):
        raise ConfigurationError(f"a market's URL must be text, not {type(url).__name__}")
    if any(character.isspace() for character in url):
        raise ConfigurationError("a market's URL has white space in it")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ConfigurationError("a market's URL is malformed") from None
    encrypted, plain = schemes
    if parts.scheme not in schemes or not parts.hostname:
        # Of a host without a scheme what stands before the port would be taken for one.
        told = f", not {parts.scheme}://" if parts.scheme and "://" in url else "; this one has no scheme"
        raise ConfigurationError(f"a market's URL must look like {encrypted}://host{told}")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError("a market's URL must not carry credentials, a query or a fragment")
    if parts.scheme == plain and not allow_plaintext and not is_loopback(parts.hostname):
        raise ConfigurationError(
            f"{plain}://{parts.hostname} would send the listen key unencrypted; use {encrypted}://, "
            "or set allow_plaintext=True in the market if that network is yours"
        )


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    return host in ("localhost", "::1") or bool(re.fullmatch(r"127(\.\d{1,3}){3}", host))


#: USDⓈ-M futures in production.
USDM = Market(
    name="usdm",
    rest_url="https://fapi.binance.com",
    stream_url="wss://fstream.binance.com/private",
    listen_key_path="/fapi/v1/listenKey",
    probe_names_key=True,
    time_path="/fapi/v1/time",
    reads=(
        Endpoint(ReadName.OPEN_ORDERS, "/fapi/v1/openOrders", usdm_rows.OrderRow, 1, weight_without_symbol=40),
        Endpoint(ReadName.OPEN_ALGO_ORDERS, "/fapi/v1/openAlgoOrders", usdm_rows.AlgoRow, 1, weight_without_symbol=40),
        Endpoint(ReadName.POSITIONS, "/fapi/v3/positionRisk", usdm_rows.PositionRow, 5),
        Endpoint(ReadName.BALANCES, "/fapi/v3/balance", usdm_rows.BalanceRow, 5),
        Endpoint(ReadName.ORDER, "/fapi/v1/order", usdm_rows.OrderRow, 1, is_single=True),
        Endpoint(ReadName.ALGO_ORDER, "/fapi/v1/algoOrder", usdm_rows.AlgoRow, 1, is_single=True),
        Endpoint(ReadName.ALL_ORDERS, "/fapi/v1/allOrders", usdm_rows.OrderRow, 5),
        Endpoint(ReadName.USER_TRADES, "/fapi/v1/userTrades", usdm_rows.TradeRow, 5),
        Endpoint(ReadName.INCOME, "/fapi/v1/income", usdm_rows.IncomeRow, 30),
        Endpoint(ReadName.SYMBOL_CONFIGS, "/fapi/v1/symbolConfig", usdm_rows.SymbolConfigRow, 5),
        Endpoint(ReadName.ACCOUNT_CONFIG, "/fapi/v1/accountConfig", usdm_rows.AccountConfigRow, 5, is_single=True),
    ),
    weight_limit=2_400,
    event_classes=usdm.EVENTS,
    events=tuple(event.wire_name for event in usdm.EVENTS),
)

#: USDⓈ-M futures on Binance's demo hosts. Three WebSocket hosts are named by different sources, so all are tried.
USDM_DEMO = attrs.evolve(
    USDM,
    name="usdm-demo",
    rest_url="https://demo-fapi.binance.com",
    weight_limit=6_000,
    stream_url="wss://fstream.binancefuture.com/private",
    other_stream_urls=("wss://demo-fstream.binance.com/private", "wss://stream.binancefuture.com/private"),
)
