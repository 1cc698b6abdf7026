"""The board on terminals of several sizes."""

import io
from decimal import Decimal

import attrs
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
    delivery_proof_age_s=40.0,
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


def closed(gap_id, recovered=0):
    return uds.GapClosed(
        gap_id=gap_id,
        since_ms=0,
        until_ms=750,
        cause="x",
        proof="unproven",
        recovered=recovered,
        unrecoverable=("fills",),
    )


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
    assert "proof ages: connection 0.2 s, key 12 s, delivery 40 s; last event never" == lines[2].rstrip()
    assert lines[-1].startswith("1234 events, 60 fills, 3 gaps")


def test_attention_and_key_only():
    """What a person should look at displaces the reason, and key-only mode is said."""
    board = full_board()
    board.take(uds.Attention(code="banned", message="this address is banned"), 3.0)
    health = uds.Health(state=uds.StreamState.STALE, why="silence", callback_errors=2)
    lines = drawn(board, 100, health=health)

    assert "● STALE" in lines[1]
    assert "this address is banned" in lines[1]
    assert "proof ages: connection none, key none; last event never; key-only; not subscribed" == lines[2].rstrip()
    assert "2 callback errors" in lines[-1]


@pytest.mark.parametrize("width, result", [(80, ""), (120, "connection does not answer: ")])
def test_faults(width, result):
    """A fault stands beside what the stream makes of it: nothing, then a cause, then what came of it, and when."""
    board = full_board(knows_faults=True)
    for number, words in enumerate(("drops the connection", "deletes the key", "goes half-open"), start=1):
        board.take_fault(words, number)
        if number < 3:
            board.take(opened(number), number + 0.5)
    board.take(closed(1, recovered=2), 2.0)
    lines = drawn(board, width)
    rows = [" ".join(line.split()) for line in lines if any(word in line for word in ("drops", "deletes", "half-open"))]

    assert [
        f"1.0 drops the connection {result}unproven, 2 by REST 0.50 s 1.00 s",
        "2.0 deletes the key connection does not answer 0.50 s",
        "3.0 goes half-open not yet",
    ] == rows


def test_gaps():
    """Without known faults the gaps stand alone, dated, with their report."""
    board = full_board()
    board.take(opened(1), 3661.0)
    board.take(closed(1, recovered=2), 3662.0)
    board.take(opened(2), 3663.0)
    lines = [" ".join(line.split()) for line in drawn(board, 120)]

    assert "01:01:01 connection does not answer 0.75 s unproven, 2 by REST; may be missing: fills" in lines
    assert "01:01:03 connection does not answer open" in lines


def test_repairing():
    """While a gap is repaired, the state says which, and since when; its row says that it is being looked into."""
    board = full_board()
    board.take(opened(1), 3.0)
    board.take(opened(2), 4.0)
    board.take(
        uds.StateChanged(old=uds.StreamState.STALE, new=uds.StreamState.REPAIRING, reason="a gap is being repaired"),
        5.0,
    )
    health = attrs.evolve(LIVE, state=uds.StreamState.REPAIRING, why="a gap is being repaired")
    lines = [" ".join(line.split()) for line in drawn(board, 100, health=health)]

    assert "● REPAIRING for 4 s a gap is being repaired: gaps 1, 2, open for 6 s" == lines[1]
    assert "00:00:03 connection does not answer open connected, reading back what was missed" in lines


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


def test_ways():
    """A fill that was read by REST says so, and one that came late, on every terminal; the counts tell how many."""
    board = full_board()
    for trade_id, late in ((61, False), (60, True)):
        fill = attrs.evolve(board.fills[-1], trade_id=trade_id, origin="rest", late=late)
        board.take(fill, 3.0)
    for size in ((80, 24), (120, 40)):
        lines = drawn(board, *size)

        assert ["late", "REST"] == [line.split()[-1] for line in lines if line.rstrip().endswith(("late", "REST"))]
        assert "62 fills (2 by REST, 1 late), 3 gaps" in lines[-1]


def test_no_zero_balances():
    """A balance of nothing takes no room."""
    board = full_board()
    nothing = uds.Balance(asset="USDC", wallet_balance=Decimal(0), cross_wallet_balance=Decimal(0))
    board.take(uds.AccountUpdate(balances=(nothing,), origin="rest"), 3.0)

    assert "balances   USDT 99" == next(line.rstrip() for line in drawn(board) if line.startswith("balances"))


def test_hostile_text():
    """What the exchange sends is shown as text: no markup, no control characters."""
    board = full_board()
    board.take(uds.Attention(code="x", message="[red]\x1b[2Jboo[/red]"), 3.0)

    assert "[red]\\x1b[2Jboo[/red]" in drawn(board)[1]
