"""Each broken promise is caught, and nothing else is called one."""

from decimal import Decimal

import attrs
import pytest

import binance_uds as uds
from binance_uds.cli.tally import Gap, Mishap, gaps_in, tally


@attrs.frozen
class Fill:
    """A fill as an exchange remembers it."""

    symbol: str
    order_id: int
    trade_id: int
    time_ms: int
    quantity: Decimal = Decimal("0.5")
    price: Decimal = Decimal(100)


FILLS = (Fill("BTCUSDT", 1, 10, 1_000), Fill("ETHUSDT", 2, 5, 2_000), Fill("BTCUSDT", 3, 11, 3_000))
MISHAP = Mishap(1_900, "the key expires")


def event(fill, **changes):
    fields = {
        "symbol": fill.symbol,
        "side": "BUY",
        "order_id": fill.order_id,
        "trade_id": fill.trade_id,
        "execution_type": "TRADE",
        "last_filled_quantity": fill.quantity,
        "last_filled_price": fill.price,
    }
    return uds.OrderTradeUpdate(**{**fields, **changes})


def opened(gap_id=1, since_ms=1_800):
    return uds.GapOpened(gap_id=gap_id, since_ms=since_ms, cause="listen key expired")


def closed(gap_id=1, since_ms=1_800, until_ms=2_100, proof="balanced", **found):
    return uds.GapClosed(
        gap_id=gap_id, since_ms=since_ms, until_ms=until_ms, cause="listen key expired", proof=proof, **found
    )


def judge(items, fills=FILLS, mishaps=(MISHAP,), state=uds.StreamState.LIVE, signed=True):
    return tally(fills, items, mishaps, state, "every proof holds", signed=signed)


def test_everything_delivered():
    """A run in which nothing is missing keeps every promise."""
    verdict = judge([event(FILLS[0]), opened(), event(FILLS[1]), closed(), event(FILLS[2])])

    assert () == verdict.broken
    assert (3, 3, 0, 0, 0) == (
        verdict.executed,
        verdict.delivered,
        verdict.recovered,
        verdict.lost,
        verdict.signalled,
    )
    assert verdict.kept


def test_recovered_and_late():
    """Fills that were read by REST are counted, and so are those that came behind newer ones, if they say so."""
    read, late = event(FILLS[1], origin="rest"), event(FILLS[0], origin="rest", late=True)
    verdict = judge([opened(), event(FILLS[2]), read, late, closed(recovered=2, late=1)])

    assert () == verdict.broken
    assert (3, 2, 1, {"balanced": 1}) == (verdict.delivered, verdict.recovered, verdict.late, verdict.proofs)


@pytest.mark.parametrize("at_ms", [1_799, 2_000, 2_101])
def test_missing(at_ms):
    """With the secret a fill that is missing is lost, inside a gap as outside."""
    fills = (FILLS[0], attrs.evolve(FILLS[1], time_ms=at_ms), FILLS[2])
    verdict = judge([event(FILLS[0]), opened(), closed(), event(FILLS[2])], fills)

    assert ("a fill was never delivered: ETHUSDT, order 2, trade 5",) == verdict.broken
    assert (2, 1, 0) == (verdict.delivered, verdict.lost, verdict.signalled)


@pytest.mark.parametrize("at_ms", [1_800, 2_000, 2_100])
def test_signalled(at_ms):
    """Without it a fill that is missing inside an announced gap is counted apart, bounds included."""
    fills = (FILLS[0], attrs.evolve(FILLS[1], time_ms=at_ms), FILLS[2])
    verdict = judge([event(FILLS[0]), opened(), closed(), event(FILLS[2])], fills, signed=False)

    assert () == verdict.broken
    assert (2, 1, 0) == (verdict.delivered, verdict.signalled, verdict.lost)


@pytest.mark.parametrize("at_ms", [1_799, 2_101])
def test_missing_elsewhere(at_ms):
    """A fill that is missing a millisecond outside every gap is a broken promise even then."""
    fills = (FILLS[0], attrs.evolve(FILLS[1], time_ms=at_ms), FILLS[2])
    verdict = judge([event(FILLS[0]), opened(), closed(), event(FILLS[2])], fills, signed=False)

    assert ("a fill was never delivered, outside every announced gap: ETHUSDT, order 2, trade 5",) == verdict.broken
    assert (0, 1) == (verdict.signalled, verdict.lost)


def test_the_report_counts_rather_than_the_announcement():
    """A gap that turned out to begin earlier than announced covers what its report says."""
    verdict = judge([event(FILLS[0]), opened(since_ms=2_050), closed(), event(FILLS[2])], signed=False)

    assert (1, ()) == (verdict.signalled, verdict.broken)


@pytest.mark.parametrize(
    "items, sentence",
    [
        (
            [event(FILLS[0]), event(FILLS[0]), event(FILLS[1]), event(FILLS[2])],
            "a fill was delivered twice: BTCUSDT, order 1, trade 10",
        ),
        (
            [event(FILLS[2]), event(FILLS[1]), event(FILLS[0])],
            "a fill was delivered out of order and not marked late: BTCUSDT, order 1, trade 10",
        ),
        (
            [*map(event, FILLS[:2]), event(FILLS[2], late=True)],
            "a fill was marked late and was not: BTCUSDT, order 3, trade 11",
        ),
        (
            [event(FILLS[0], origin="rest"), *map(event, FILLS[1:])],
            "the reports name 0 recovered and 0 late fills, 1 and 0 came",
        ),
        (
            [event(fill) for fill in (*FILLS, Fill("BTCUSDT", 9, 99, 0))],
            "a fill was delivered that never happened: BTCUSDT, order 9, trade 99",
        ),
        (
            [event(FILLS[0], last_filled_quantity=Decimal(5)), event(FILLS[1]), event(FILLS[2])],
            "a fill of 0.5 at 100 was delivered as 5 at 100: BTCUSDT, order 1, trade 10",
        ),
    ],
)
def test_wrongly_delivered(items, sentence):
    """What comes twice, out of order, with other numbers, from nowhere or unreported is a broken promise."""
    assert (sentence,) == judge([opened(), closed(), *items]).broken


def test_counts_of_what_went_wrong():
    """What came twice and what came out of order is counted, each by itself."""
    verdict = judge([opened(), closed(), event(FILLS[2]), event(FILLS[2]), event(FILLS[1]), event(FILLS[0])])

    assert (1, 1, 3) == (verdict.duplicated, verdict.out_of_order, verdict.delivered)


def test_late_and_equal_trade_ids():
    """What is marked late may come late, and the two sides of a self-trade share a trade id."""
    other_side = Fill("BTCUSDT", 4, 11, 3_000)
    items = [event(FILLS[2]), event(other_side), event(FILLS[1]), event(FILLS[0], late=True)]

    assert () == judge([opened(), closed(), *items], (*FILLS, other_side)).broken


def test_unnoticed_fault():
    """A fault that no gap covers was slept through."""
    verdict = judge([opened(since_ms=1_901), closed(since_ms=1_901), *map(event, FILLS)])

    assert ('"the key expires" was followed by no gap that covers it',) == verdict.broken
    assert 1 == verdict.unprovoked


def test_gap_left_open():
    """A gap that is never closed is a broken promise."""
    verdict = judge([opened(), *map(event, FILLS)])

    assert ("gap 1 (listen key expired) was never closed",) == verdict.broken
    assert (1, 0) == (verdict.announced, verdict.closed)


def test_not_live_at_the_end():
    """A stream that is not LIVE when everything has settled did not recover."""
    verdict = judge([opened(), closed(), *map(event, FILLS)], state=uds.StreamState.STALE)

    assert ("the stream was STALE at the end (every proof holds), not LIVE",) == verdict.broken


def test_what_is_no_fill():
    """Orders that were only placed, and fills told early and in short, are no fills."""
    lite = uds.TradeLite(symbol="BTCUSDT", side="BUY", trade_id=10, order_id=1)
    placed = event(FILLS[0], execution_type="NEW", trade_id=0)
    verdict = judge([opened(), closed(), lite, placed, *map(event, FILLS)])

    assert () == verdict.broken


def test_lines():
    """The verdict can be read aloud, broken promises first, what was lost, doubled and out of order last."""
    items = [opened(), closed(recovered=1), opened(2, 5_000), event(FILLS[0], origin="rest"), event(FILLS[2])]

    assert [
        "broken promise: a fill was never delivered: ETHUSDT, order 2, trade 5",
        "broken promise: gap 2 (listen key expired) was never closed",
        "fills: 3 executed, 2 delivered, 1 of them recovered by REST, 0 late",
        "gaps: 1 opened by faults, 2 announced (1 of them without a fault), 1 closed: 1 balanced",
        "promises kept: no",
        "lost 1, duplicated 0, out of order 0",
    ] == list(judge(items).lines())


def test_lines_without_the_secret():
    """What could only be signalled stands in the last line, too."""
    verdict = judge([opened(), closed(proof="unproven"), event(FILLS[0]), event(FILLS[2])], signed=False)

    assert [
        "fills: 3 executed, 2 delivered, 1 inside announced gaps, not read back for want of the secret",
        "gaps: 1 opened by faults, 1 announced, 1 closed: 1 unproven",
        "promises kept: yes",
        "only signalled 1, lost 0, duplicated 0, out of order 0",
    ] == list(verdict.lines())


def test_gaps_in():
    """Gaps are found in what was delivered, closed or not."""
    items = [opened(), closed(), opened(2, 5_000)]

    assert (
        Gap(1, 1_800, 2_100, "listen key expired", "balanced"),
        Gap(2, 5_000, None, "listen key expired"),
    ) == gaps_in(items)
