"""Clients whose cursor says something else than what was handed over."""

from __future__ import annotations

from typing import Any, Iterator

import attrs
import pytest

from binance_uds.protocol import facts
from binance_uds.protocol.commands import Command
from binance_uds.protocol.delivery import Delivery
from binance_uds.protocol.ledger.cursor import Cursor
from binance_uds.protocol.ledger.handed import Handed
from binance_uds.protocol.reactions import keys
from binance_uds.protocol.reading.recovery import Recovery
from binance_uds.protocol.session import RULES
from binance_uds.protocol.situation import Situation, State
from tests.simulation.mutants.table import mutant


@mutant("signed")
def the_event_at_hand_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A cursor that is asked for inside a callback does not count its event."""
    ask = Handed.cursor

    def without(handed: Handed, *args: Any, with_in_hand: bool, **options: Any) -> Any:
        return ask(handed, *args, **options)

    patch.setattr(Handed, "cursor", without)


@mutant("signed")
def what_was_read_counts_as_delivered(patch: pytest.MonkeyPatch) -> None:
    """What a repair found counts before it is handed over."""
    merge = Delivery.merge

    def merge_and_count(delivery: Delivery, recovery: Recovery) -> Any:
        found = merge(delivery, recovery)
        delivery.restate()
        return found

    patch.setattr(Delivery, "merge", merge_and_count)


@mutant("signed")
def a_cursor_forgets_its_fills(patch: pytest.MonkeyPatch) -> None:
    """The next process does not know what the last one delivered."""
    read = Cursor.books
    patch.setattr(Cursor, "books", lambda cursor: read(attrs.evolve(cursor, fills=frozenset())))


@mutant("signed")
def a_restart_is_no_gap(patch: pytest.MonkeyPatch) -> None:
    """What happened since the cursor is not announced, and not looked for."""

    def begin(session: Situation, finding: facts.Started, now: Any, jitter: float) -> Iterator[Command]:
        session.resume_ms = None
        yield from keys.begin(session, finding, now, jitter)

    patch.setitem(RULES, (State.IDLE, facts.Started), (State.KEYLESS, begin))


@mutant("key-only")
def the_end_of_a_restart_is_dated_by_our_clock(patch: pytest.MonkeyPatch) -> None:
    """A gap that cannot be repaired is closed as soon as there is a connection, whatever this machine's clock says."""
    patch.setattr("binance_uds.protocol.reactions.connections._close_dated", Situation.close_gaps)
