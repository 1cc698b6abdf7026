"""What is put on the screen in words."""

from decimal import Decimal

import attrs
import pytest

import binance_uds as uds
from binance_uds.cli.words import Told, amount, counted, outcome, printable, seconds, signed, status, tell

ORDER = uds.OrderTradeUpdate(
    symbol="BTCUSDT",
    side="BUY",
    order_type="LIMIT",
    quantity=Decimal("0.010"),
    price=Decimal("30000.00"),
    status="NEW",
    execution_type="NEW",
    order_id=1,
)
FILL = uds.OrderTradeUpdate(
    symbol="BTCUSDT",
    side="SELL",
    status="PARTIALLY_FILLED",
    execution_type="TRADE",
    order_id=1,
    trade_id=2,
    last_filled_quantity=Decimal("0.010"),
    last_filled_price=Decimal("30000.10"),
    commission=Decimal("0.15"),
    commission_asset="USDT",
    origin="rest",
    late=True,
)
GAP = uds.GapClosed(gap_id=3, since_ms=1_000, until_ms=2_500, cause="x", proof="unproven", unrecoverable=("fills",))


@pytest.mark.parametrize(
    "item, told",
    [
        (ORDER, Told("order", "BTCUSDT BUY limit 0.01 at 30000: new")),
        (
            FILL,
            Told("fill", "BTCUSDT SELL 0.01 at 30000.1, fee 0.15 USDT; order partly filled (by REST, late)"),
        ),
        (
            attrs.evolve(FILL, status=None, late=False),
            Told("fill", "BTCUSDT SELL 0.01 at 30000.1, fee 0.15 USDT (by REST)"),
        ),
        (
            attrs.evolve(ORDER, execution_type=None, status="CANCELED", origin="rest"),
            Told("order", "BTCUSDT BUY limit 0.01 at 30000: canceled (by REST)"),
        ),
        (uds.AccountUpdate(origin="rest"), Told("account", "nothing changed (by REST)")),
        (uds.TradeLite(symbol="BTCUSDT", side="BUY", trade_id=1, order_id=2), None),
        (
            uds.AccountUpdate(
                balances=(uds.Balance(asset="USDT", wallet_balance=Decimal("9.50"), cross_wallet_balance=Decimal(9)),),
                positions=(
                    uds.Position(
                        symbol="BTCUSDT", amount=Decimal("0.20"), entry_price=Decimal(7), position_side="LONG"
                    ),
                    uds.Position(symbol="ETHUSDT", amount=Decimal(0), entry_price=Decimal(0), position_side="BOTH"),
                ),
            ),
            Told("account", "USDT 9.5, BTCUSDT LONG +0.2 at 7, ETHUSDT flat"),
        ),
        (
            uds.AlgoUpdate(
                algo_id=1,
                symbol="BTCUSDT",
                side="SELL",
                order_type="STOP_MARKET",
                quantity=Decimal(1),
                trigger_price=Decimal(5),
                status="NEW",
            ),
            Told("algo", "BTCUSDT SELL stop market 1 from 5: new"),
        ),
        (
            uds.ListenKeyExpired(listen_key_tag="abc123"),
            Told("key", "the exchange says that listen key abc123 expired"),
        ),
        (
            uds.StateChanged(old=uds.StreamState.LIVE, new=uds.StreamState.STALE, reason="silence"),
            Told("stream", "STALE, was LIVE: silence"),
        ),
        (uds.GapOpened(gap_id=3, since_ms=1, cause="connection lost"), Told("gap", "gap 3 opened: connection lost")),
        (GAP, Told("gap", "gap 3 closed, 1.50 s long: unproven; may be missing: fills")),
        (
            uds.GapClosed(gap_id=3, since_ms=0, until_ms=500, cause="x", proof="balanced", recovered=2),
            Told("gap", "gap 3 closed, 0.50 s long: balanced, 2 by REST; nothing missing"),
        ),
        (
            uds.UndecodableFrame(reason="not JSON", size=9),
            Told("frame", "a frame of 9 bytes could not be read: not JSON"),
        ),
        (uds.Attention(code="banned", message="wait"), Told("ATTENTION", "banned: wait")),
        (
            uds.CallbackFailed(handler=print, event=FILL, exception=KeyError("x")),
            Told("callback", "a callback raised KeyError"),
        ),
        (uds.MarginCall(), Told("event", "MarginCall")),
    ],
)
def test_tell(item, told):
    """Everything a stream delivers has its words, but for what only repeats another event."""
    assert told == tell(item)


def test_no_control_characters():
    """What came from outside cannot command the terminal."""
    told = tell(uds.Attention(code="\x1b[2J", message="a\nb\x9b1m\u202e\x07 币安"))

    assert Told("ATTENTION", "\\x1b[2J: a\\nb\\x9b1m\\u202e\\x07 币安") == told
    assert "plain" == printable("plain")


@pytest.mark.parametrize(
    "value, text",
    [(None, "?"), ("0.000", "0"), ("1E+3", "1000"), ("1.50", "1.5"), ("-0.00000001", "-0.00000001"), ("100", "100")],
)
def test_amount(value, text):
    """Amounts are exact, without exponent and needless zeros."""
    assert text == amount(None if value is None else Decimal(value))


def test_signed():
    """A long position shows its plus."""
    assert ["+1.5", "-2", "0"] == [signed(Decimal(value)) for value in ("1.50", "-2", "0")]


@pytest.mark.parametrize(
    "value, text", [(None, "-"), (0.123, "0.12 s"), (12.7, "13 s"), (600, "10 min"), (9_000, "2.5 h")]
)
def test_seconds(value, text):
    """Durations have the precision that matters."""
    assert text == seconds(value)


@pytest.mark.parametrize(
    "found, text", [({}, "unproven"), ({"recovered": 12}, "unproven, 12 by REST"),
                    ({"recovered": 12, "late": 1}, "unproven, 12 by REST, 1 late")],
)  # fmt: skip
def test_outcome(found, text):
    """A closed gap is its evidence, and what was found, if anything."""
    assert text == outcome(attrs.evolve(GAP, **found))


@pytest.mark.parametrize(
    "numbers, text",
    [
        ((7, 0, 0), "7 fills"),
        ((1, 1, 0), "1 fill (1 by REST)"),
        ((7, 2, 0), "7 fills (2 by REST)"),
        ((7, 2, 1), "7 fills (2 by REST, 1 late)"),
    ],
)
def test_counted(numbers, text):
    """Fills that came another way are counted apart, if there are any."""
    assert text == counted(*numbers)


def test_status():
    """Words of the exchange become words of people."""
    assert ["partly filled", "stop market", "?"] == [status(word) for word in ("PARTIALLY_FILLED", "STOP_MARKET", None)]
