"""The model that both displays show."""

from decimal import Decimal

import binance_uds as uds
from binance_uds.cli.board import KEPT, Board, Incident


def order(order_id=1, **changes):
    fields = {"symbol": "BTCUSDT", "side": "BUY", "order_id": order_id, "execution_type": "NEW", "status": "NEW"}
    return uds.OrderTradeUpdate(**{**fields, **changes})


def account(amount="1", wallet="5"):
    return uds.AccountUpdate(
        balances=(uds.Balance(asset="USDT", wallet_balance=Decimal(wallet), cross_wallet_balance=Decimal(0)),),
        positions=(
            uds.Position(symbol="BTCUSDT", amount=Decimal(amount), entry_price=Decimal(1), position_side="BOTH"),
        ),
    )


def opened(gap_id=1):
    return uds.GapOpened(gap_id=gap_id, since_ms=1_000, cause="listen key expired")


def closed(gap_id=1):
    return uds.GapClosed(gap_id=gap_id, since_ms=1_000, until_ms=1_250, cause="listen key expired", proof="unproven")


def test_orders():
    """An order stands once, as last heard of, the latest first."""
    board = Board("test")
    for item in (order(1), order(2), order(1, status="FILLED", filled_quantity=Decimal(1))):
        board.take(item, 0.0)

    assert ["FILLED", "NEW"] == [line.status for line in board.recent_orders(5)]
    assert 1 == len(board.recent_orders(1))


def test_algo_orders():
    """A conditional order and an order of the same number are two."""
    board = Board("test")
    board.take(order(1), 0.0)
    board.take(uds.AlgoUpdate(algo_id=1, symbol="BTCUSDT", side="SELL", status="TRIGGERED"), 0.0)

    assert [("SELL", None), ("BUY", None)] == [(line.side, line.filled) for line in board.recent_orders(5)]


def test_bounds():
    """A board that runs for months does not grow."""
    board = Board("test")
    for number in range(KEPT + 50):
        board.take(order(number, execution_type="TRADE", trade_id=number), 0.0)
        board.take(opened(number), 0.0)

    assert [KEPT] * 3 == [len(board.orders), len(board.fills), len(board.incidents)]
    assert KEPT + 50 == board.fills_seen
    assert KEPT + 49 == board.recent_fills(1)[0].trade_id


def test_ways():
    """Fills that came by REST, and those that came late, are counted."""
    board = Board("test")
    for trade_id, changes in ((1, {}), (2, {"origin": "rest"}), (3, {"origin": "rest", "late": True})):
        board.take(order(trade_id, execution_type="TRADE", trade_id=trade_id, **changes), 0.0)

    assert (3, 2, 1) == (board.fills_seen, board.recovered_seen, board.late_seen)


def test_account():
    """Balances are as last told, and a closed position is none."""
    board = Board("test")
    board.take(account(), 0.0)
    held = list(board.positions)
    board.take(account("0", "4"), 0.0)

    assert [("BTCUSDT", "BOTH")] == held
    assert ({}, {"USDT": Decimal(4)}) == (board.positions, board.balances)


def test_gap_answers_fault():
    """A gap is shown beside the fault it answers, with how long that took."""
    board = Board("test", knows_faults=True)
    board.take_fault("expires the key", 1.0)
    board.take(opened(), 1.5)
    board.take(closed(), 2.0)

    assert [Incident(1.0, "expires the key", 1, "listen key expired", 1.5, closed(), 2.0)] == board.recent_incidents(5)
    assert 250 == board.blind_ms


def test_gap_without_fault():
    """A gap nobody can explain stands by itself."""
    board = Board("test")
    board.take(opened(), 1.5)

    assert [Incident(1.5, None, 1, "listen key expired", 1.5)] == board.recent_incidents(5)


def test_unanswered_fault():
    """A gap belongs to the fault right before it; one that was slept through stays unanswered."""
    board = Board("test", knows_faults=True)
    board.take_fault("first", 1.0)
    board.take_fault("second", 2.0)
    board.take(opened(), 2.5)

    assert [("first", None), ("second", 1)] == [(one.fault, one.gap_id) for one in board.incidents]


def test_open_incidents():
    """Gaps that were announced and not closed; a fault that nobody noticed is none of them."""
    board = Board("test", knows_faults=True)
    board.take(opened(1), 1.0)
    board.take(opened(2), 1.5)
    board.take_fault("first", 2.0)
    board.take(closed(1), 2.5)

    assert [2] == [one.gap_id for one in board.open_incidents()]


def test_state():
    """The state is dated by its announcement, or by who looks when there was none."""
    board = Board("test")
    board.take(uds.StateChanged(old=uds.StreamState.IDLE, new=uds.StreamState.LIVE, reason=""), 1.0)
    board.look(uds.Health(state=uds.StreamState.LIVE, why=""), 3.0)
    announced = (board.state, board.state_since)
    board.look(uds.Health(state=uds.StreamState.STALE, why=""), 4.0)

    assert (uds.StreamState.LIVE, 1.0) == announced
    assert (uds.StreamState.STALE, 4.0) == (board.state, board.state_since)


def test_attention():
    """What a person should look at stays in sight."""
    board = Board("test")
    board.take(uds.Attention(code="banned", message="wait a while"), 0.0)

    assert "wait a while" == board.attention
