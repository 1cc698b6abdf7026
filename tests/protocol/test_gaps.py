"""Blind intervals, and the reports that end them."""

from __future__ import annotations

from typing import FrozenSet, List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.events.notices import GapCause, GapClosed, Proof
from binance_uds.protocol.facts import MergeTally
from binance_uds.protocol.gaps import NEVER_RECOVERED, UNRECOVERABLE, Gap, Repaired
from tests.protocol.told import BTC, ETH

ADA = "ADAUSDT"


def gap(gap_id: int = 1, *symbols: str, balances: bool = False) -> Gap:
    """A gap of these symbols, or of all."""
    of: Optional[FrozenSet[str]] = frozenset(symbols) if symbols or balances else None
    return Gap(gap_id, 100, GapCause.FRAMES_MISSING, symbols=of)


def repaired(*gaps: int, recovered: Tuple = (), late: Tuple = (), duplicates: int = 0) -> Repaired:
    """What came of a repair that balanced, and missed one thing."""
    return Repaired(gaps, Proof.BALANCED, MergeTally(recovered, late, (), duplicates), ("order 7",))


def test_what_nothing_was_read_of_is_unproven():
    """The report names whatever may be missing."""
    report = GapClosed(
        gap_id=3,
        since_ms=90,
        until_ms=200,
        cause=GapCause.FRAMES_MISSING,
        proof=Proof.UNPROVEN,
        unrecoverable=UNRECOVERABLE,
    )

    assert report == gap(3).closed(90, 200, None)


@pytest.mark.parametrize(
    ("symbols", "lost"), [((), ("order 7", *NEVER_RECOVERED)), ((BTC,), ("order 7",))], ids=["all", "one symbol"]
)
def test_a_report_says_what_came_of_the_repair(symbols, lost):
    """Counts, the proof, and what no call tells: a gap of some symbols alone had no signals in it."""
    fills = ((120, BTC), (130, BTC))
    report = GapClosed(
        gap_id=1,
        since_ms=100,
        until_ms=200,
        cause=GapCause.FRAMES_MISSING,
        proof=Proof.BALANCED,
        recovered=2,
        late=1,
        duplicates=5,
        unrecoverable=lost,
    )

    assert report == gap(1, *symbols).closed(100, 200, repaired(1, recovered=fills, late=fills[1:], duplicates=5))


def test_a_report_covers_what_was_recovered():
    """A frame may be lost before the connection is known to be gone, and after another one is in use."""
    report = gap().closed(100, 200, repaired(1, recovered=((150, BTC), (80, BTC), (210, ETH))))

    assert (80, 210) == (report.since_ms, report.until_ms)


def test_each_gap_tells_of_its_own_symbols():
    """What fits several is told of with the first, and what fits none with the last."""
    fills = ((1, ADA), (2, BTC), (3, ETH), (4, BTC))
    result = repaired(1, 2, 3, recovered=fills, late=fills[1:2], duplicates=4)
    own = [result.of(each) for each in (gap(1, BTC), gap(2, BTC, ETH), gap(3, balances=True))]

    assert [MergeTally(fills[1::2], fills[1:2], (), 4), MergeTally(fills[2:3]), MergeTally(fills[:1])] == own
    assert MergeTally() == result.tally


def test_a_gap_of_everything_tells_of_everything():
    """What is left for the next one are those fills that are none of its."""
    fills = ((1, ADA), (2, BTC))
    result = repaired(1, 2, recovered=fills, duplicates=1)

    assert [MergeTally(fills, (), (), 1), MergeTally()] == [result.of(gap(1)), result.of(gap(2, BTC))]


@given(
    st.lists(st.none() | st.frozensets(st.sampled_from([BTC, ETH, ADA])), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(1, 300), st.sampled_from([BTC, ETH, ADA])), max_size=8),
    st.data(),
)
def test_every_fill_is_told_of_once(of_symbols, fills, data):
    """Whatever gaps a repair ends: their reports add up to what it found, and each covers its own."""
    late = data.draw(st.lists(st.sampled_from(fills), unique=True)) if fills else []
    gaps = [Gap(number, 100, GapCause.BAD_FRAME, symbols=symbols) for number, symbols in enumerate(of_symbols, 1)]
    result = repaired(*(one.gap_id for one in gaps), recovered=tuple(fills), late=tuple(late), duplicates=3)
    reports: List[GapClosed] = [one.closed(100, 200, result) for one in gaps]

    assert len(fills) == sum(report.recovered for report in reports)
    assert len(late) == sum(report.late for report in reports)
    assert [3, *[0] * (len(gaps) - 1)] == [report.duplicates for report in reports]
    assert all(report.since_ms <= 100 and report.until_ms >= 200 for report in reports)
    assert MergeTally() == result.tally
