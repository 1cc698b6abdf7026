"""The board on terminals of several sizes."""

import io
from decimal import Decimal

import pytest
from rich.console import Console

import binance_uds as uds
from binance_uds.cli.board import Board
from binance_uds.cli.screen import draw

LIVE = uds.Health(
    state=uds.StreamState.LIVE,
    why="every proof holds",
    transport_proof_age_s=0.25,
    key_proof_age_s=12.0,
    subscription="confirmed",
    signed=True,
    events=1234,
    gaps=3,
)


def full_board(**options):
    board = Board("the title", **options)
    board.take(uds.StateChanged(old=uds.StreamState.IDLE, new=uds.StreamState.LIVE, reason=""), 1.0)
    for number in range(60):
        board.take(
            uds.OrderTradeUpdate(
                symbol="币安人生USDT",
                side="SELL",
                order_id=number,
                trade_id=number,
                execution_type="TRADE",
                status="PARTIALLY_FILLED",
                quantity=Decimal("12345.678"),
                filled_quantity=Decimal("1.5"),
                last_filled_quantity=Decimal("0.125"),
                last_filled_price=Decimal("30000.1"),
                commission=Decimal("0.01"),
            ),
            2.0,
        )
    board.take(
        uds.AccountUpdate(
            balances=(uds.Balance(asset="USDT", wallet_balance=Decimal(99), cross_wallet_balance=Decimal(99)),),
            positions=(
                uds.Position(symbol="BTCUSDT", amount=Decimal(-2), entry_price=Decimal(1), position_side="BOTH"),
            ),
        ),
        2.0,
    )
    return board


def opened(gap_id, since_ms=1_000):
    return uds.GapOpened(gap_id=gap_id, since_ms=since_ms, cause="connection does not answer")


def closed(gap_id):
    return uds.GapClosed(gap_id=gap_id, since_ms=0, until_ms=750, cause="x", proof="unproven", unrecoverable=("fills",))


def drawn(board, width=80, height=24, health=LIVE, at=9.0):
    output = io.StringIO()
    console = Console(file=output, width=width, height=height, force_terminal=False)
    console.print(draw(board, health, at, width, height, began_wall=0.0))
    return output.getvalue().splitlines()


@pytest.mark.parametrize("width, height", [(80, 24), (120, 40), (200, 60), (80, 14)])
@pytest.mark.parametrize("knows_faults", [True, False])
def test_size(width, height, knows_faults):
    """The board fills the terminal exactly, empty or full to the brim."""
    for board in (Board("the title", knows_faults=knows_faults), full_board(knows_faults=knows_faults)):
        for number in range(30):
            if knows_faults:
                board.take_fault("goes half-open: nothing passes", 1.0)
            board.take(opened(number), 2.0)
            board.take(closed(number), 3.0)
        lines = drawn(board, width, height)

        assert height == len(lines)
        assert all(len(line) <= width for line in lines)


def test_state():
    """State, since when, why, and the age of each proof stand at the top."""
    lines = drawn(full_board())

    assert "the title" in lines[0]
    assert "● LIVE for 8 s  every proof holds" in lines[1]
    assert "connection 0.2 s ago, key 12 s ago; last event never" in lines[2]
    assert "subscribed" in lines[2]
    assert lines[-1].startswith("1234 events, 60 fills, 3 gaps")


def test_attention_and_key_only():
    """What a person should look at displaces the reason, and key-only mode is said."""
    board = full_board()
    board.take(uds.Attention(code="banned", message="this address is banned"), 3.0)
    lines = drawn(board, health=uds.Health(state=uds.StreamState.STALE, why="silence", callback_errors=2))

    assert "● STALE" in lines[1]
    assert "this address is banned" in lines[1]
    assert "not subscribed; key-only" in lines[2]
    assert "2 callback errors" in lines[-1]


def test_faults():
    """A fault stands beside what the stream made of it, and how long that took."""
    board = full_board(knows_faults=True)
    board.take_fault("drops the connection", 1.0)
    board.take(opened(1), 1.5)
    board.take(closed(1), 2.0)
    board.take_fault("goes half-open: nothing passes", 3.0)
    lines = drawn(board)

    rows = [" ".join(line.split()) for line in lines if "drops" in line or "half-open" in line]

    assert [
        "1.0 drops the connection connection does not answer 0.50 s 1.00 s",
        "3.0 goes half-open: nothing passes not yet",
    ] == rows


def test_gaps():
    """Without known faults the gaps stand alone, dated, with their report."""
    board = full_board()
    board.take(opened(1), 3661.0)
    board.take(closed(1), 3662.0)
    board.take(opened(2), 3663.0)
    lines = drawn(board)

    assert any("01:01:01" in line and "0.75 s" in line and "may be missing" in line for line in lines)
    assert any("01:01:03" in line and "open" in line for line in lines)


def test_orders_fills_account():
    """Orders, fills, balances and positions are there; wide terminals show more of each."""
    narrow, wide = (" ".join(" ".join(drawn(full_board(), *size)).split()) for size in ((80, 24), (120, 40)))

    for text in (narrow, wide):
        assert "partly filled" in text
        assert "0.125 30000.1" in text
        assert "balances USDT 99" in text
        assert "positions BTCUSDT -2" in text
    assert "0.01" in wide
    assert ("fee" in narrow, "fee" in wide) == (False, True)


def test_hostile_text():
    """What the exchange sends is shown as text: no markup, no control characters."""
    board = full_board()
    board.take(uds.Attention(code="x", message="[red]\x1b[2Jboo[/red]"), 3.0)

    assert "[red]\\x1b[2Jboo[/red]" in drawn(board)[1]
