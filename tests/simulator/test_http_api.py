"""The REST interface without a socket: weights, order counts and every route."""

import pytest

from binance_uds.simulator.exchange import Exchange, KeyPermissions
from binance_uds.simulator.http_api import LISTEN_KEY_PATH, HttpApi, Request
from binance_uds.simulator.routes import ROUTES, Security
from binance_uds.simulator.rules import Rules
from binance_uds.simulator.signing import sign

#: In the middle of a minute.
START_MS = 1_700_000_030_000


@pytest.fixture
def exchange():
    """A model with one account."""
    exchange = Exchange(START_MS)
    exchange.open_account("alice")
    return exchange


def ask(exchange, api, method, path, query=""):
    """Ask with key, time and signature, whether they are needed or not."""
    account = exchange.accounts["alice"]
    query = f"{query}&timestamp={exchange.now_ms}".lstrip("&")
    signed = f"{query}&signature={sign(account.api_secret, query)}"
    return api.answer(Request(method, path, signed, api_key=account.api_key))


def test_weights_depend_on_the_symbol(exchange):
    """Some calls cost forty times as much without a symbol."""
    api = HttpApi(exchange, Rules())
    answers = [
        ask(exchange, api, "GET", "/fapi/v1/openOrders", query) for query in ("symbol=BTCUSDT", "", "symbol=BTCUSDT")
    ]

    assert ["1", "41", "42"] == [answer.headers["X-MBX-USED-WEIGHT-1M"] for answer in answers]


def test_refused_requests_have_weight_too(exchange):
    """A refusal is counted like an answer."""
    api = HttpApi(exchange, Rules())
    api.answer(Request("GET", "/fapi/v1/income"))

    assert "60" == ask(exchange, api, "GET", "/fapi/v1/income").headers["X-MBX-USED-WEIGHT-1M"]


def test_the_wait_is_told_in_seconds(exchange):
    """Retry-After reaches to the end of the minute, rounded up."""
    api = HttpApi(exchange, Rules(weight_per_minute=1))
    ask(exchange, api, "GET", "/fapi/v1/ping")
    refused = ask(exchange, api, "GET", "/fapi/v1/ping")
    exchange.advance(START_MS + 60_000)

    assert (429, "10") == (refused.status, refused.headers["Retry-After"])
    assert 200 == ask(exchange, api, "GET", "/fapi/v1/ping").status


def test_orders_are_counted_per_account(exchange):
    """Orders cost no weight but count, and one too many is refused without being placed."""
    api = HttpApi(exchange, Rules(orders_per_10s=1))
    order = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01"
    first = ask(exchange, api, "POST", "/fapi/v1/order", order)
    second = ask(exchange, api, "POST", "/fapi/v1/order", order)

    assert (200, "0", "1") == (
        first.status,
        first.headers["X-MBX-USED-WEIGHT-1M"],
        first.headers["X-MBX-ORDER-COUNT-1M"],
    )
    assert (429, -1015) == (second.status, second.body["code"])
    assert 1 == len(exchange.accounts["alice"].fills)


@pytest.mark.parametrize("method, path", ROUTES)
def test_who_may_ask(exchange, method, path):
    """A route asks for no more and no less than its security says."""
    api = HttpApi(exchange, Rules())
    security = ROUTES[method, path].security
    anonymous = api.answer(Request(method, path))
    with_key = api.answer(Request(method, path, api_key=exchange.accounts["alice"].api_key))
    codes = [answer.body.get("code") if isinstance(answer.body, dict) else None for answer in (anonymous, with_key)]

    assert (security is not Security.NONE) == (codes[0] == -2014)
    assert (security is Security.SIGNED) == (with_key.body == timestamp_missing())


PERMISSIONS = "/sapi/v1/account/apiRestrictions"
POSITIONS = "/fapi/v3/positionRisk"


@pytest.mark.parametrize(
    "permissions, refused",
    [
        (KeyPermissions(), set()),
        (KeyPermissions(withdraws=True, transfers=True), set()),
        (KeyPermissions(reads=False), {PERMISSIONS, POSITIONS}),
        (KeyPermissions(trades_futures=False), {LISTEN_KEY_PATH, POSITIONS}),
        (KeyPermissions(bound_elsewhere=True), {LISTEN_KEY_PATH, PERMISSIONS, POSITIONS}),
    ],
)
def test_a_key_may_do_what_its_owner_permits(exchange, permissions, refused):
    """Everything else is refused with the one code that does not say why."""
    exchange.permit(exchange.accounts["alice"], permissions)
    api = HttpApi(exchange, Rules())
    calls = [("POST", LISTEN_KEY_PATH), ("GET", PERMISSIONS), ("GET", POSITIONS)]
    answers = {path: ask(exchange, api, method, path) for method, path in calls}

    assert refused == {path for path, answer in answers.items() if answer.status == 401}
    assert {-2015} >= {answers[path].body["code"] for path in refused}


def timestamp_missing():
    """The complaint about a signed request without its time."""
    return {
        "code": -1102,
        "msg": "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.",
    }


def test_secrets_are_in_no_repr(exchange):
    """Requests can be logged."""
    request = Request("GET", "/fapi/v1/order", "signature=secret", "secret", "secret")

    assert "secret" not in repr(request)
