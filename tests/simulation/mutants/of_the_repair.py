"""Clients that repair, audit or hand over with a rule missing."""

from __future__ import annotations

import weakref
from typing import Any, Iterator, Sequence

import pytest

from binance_uds.account import Account
from binance_uds.events.base import FROM_REST, Event
from binance_uds.events.usdm import OrderTradeUpdate
from binance_uds.protocol import audit, delivery, facts, findings, repair
from binance_uds.protocol import commands as do
from binance_uds.protocol.budget import Budget
from binance_uds.protocol.delivery import Delivery, Taken
from binance_uds.protocol.ledger.doubts import Doubts
from binance_uds.protocol.reactions import errands, handover
from binance_uds.protocol.reading.errands import Steps
from binance_uds.protocol.session import RULES
from binance_uds.protocol.situation import Situation, State
from tests.simulation.mutants.table import mutant

# Reading


@mutant()
def nothing_is_read(patch: pytest.MonkeyPatch) -> None:
    """A reconnect is the end of a gap; REST is not asked."""

    def read_nothing(task: Any, books: Any, recovery: Any) -> Steps:
        return recovery
        yield  # A generator all the same.

    patch.setattr(errands, "repair", read_nothing)


@mutant("signed")
def rest_is_read_before_the_connection_is_in_use(patch: pytest.MonkeyPatch) -> None:
    """Of what was read nothing counts that happened in the last seconds before the connection told of everything."""
    keep = repair._Repair._keep_trades

    def keep_early(work: Any, symbol: str, since_ms: int, page: Any) -> None:
        early = tuple(row for row in page.rows if row.trade_time_ms < work.task.until_ms - 2_000)
        keep(work, symbol, since_ms, type(page)(early, page.malformed, page.sent_ms, page.refused))

    patch.setattr(repair._Repair, "_keep_trades", keep_early)


@mutant("signed")
def rest_is_believed_at_once(patch: pytest.MonkeyPatch) -> None:
    """REST is read without giving it time to settle, and what does not balance is not read again."""
    settle = errands.settle_first

    def at_once(session: Situation, now: Any) -> None:
        settle(session, now)
        if facts.SettleDue in session.timers:
            session.arm(facts.SettleDue, now, 0.0)

    patch.setattr(errands, "settle_first", at_once)
    patch.setattr(errands, "_pauses", lambda session, now: ())


@mutant("signed")
def only_known_symbols_are_read(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks for symbols that were traded for the first time while nothing was heard."""

    def known(work: Any) -> Any:
        return work.books.symbols() | work.task.user_symbols
        yield  # A generator all the same.

    patch.setattr(repair._Repair, "find_symbols", known)


@mutant("short pages")
def a_full_page_is_the_last(patch: pytest.MonkeyPatch) -> None:
    """What is asked for has to fit on one page."""
    patch.setattr("binance_uds.protocol.reading.errands._Pages.is_full", property(lambda pages: False))


@mutant("signed")
def what_is_not_answered_is_given_up(patch: pytest.MonkeyPatch) -> None:
    """A read that fails once counts as one that tells of nothing."""

    def give_up(session: Situation, finding: findings.ReadUnanswered, now: Any, jitter: float) -> Iterator[do.Command]:
        yield from errands._go_on(session, errands.Answer(sent_ms=session.clock.now_ms(now)), now)

    patch.setitem(RULES, (State.SERVING, findings.ReadUnanswered), (State.SERVING, give_up))


@mutant("short pages")
def reads_are_not_weighed(patch: pytest.MonkeyPatch) -> None:
    """The client reads as fast as it can, whatever the address has used already."""
    patch.setattr(Budget, "ask", lambda self, who, weight, now, **limits: 0.0)


# Identity and order


@mutant()
def fills_are_told_apart_by_trade_id_alone(patch: pytest.MonkeyPatch) -> None:
    """A fill is identified by symbol and trade id, so that one leg of a self-trade is taken for a copy of the other."""

    def fill_id(fill: OrderTradeUpdate) -> Any:
        return (fill.symbol, 0, fill.trade_id or 0)

    patch.setattr(delivery, "fill_id", fill_id)


@mutant("signed")
def copies_are_delivered(patch: pytest.MonkeyPatch) -> None:
    """What was delivered already is delivered again when REST tells of it."""
    patch.setattr("binance_uds.protocol.identity.Delivered.has_fill", lambda self, identified, time_ms: False)


@mutant("signed")
def held_events_are_dropped_at_a_reconnect(patch: pytest.MonkeyPatch) -> None:
    """What waits for the end of a repair is thrown away when another connection is lost meanwhile."""

    take, sockets = Delivery.take, weakref.WeakKeyDictionary[Delivery, int]()

    def take_anew(taker: Delivery, frame: Any, socket: int, now: float = 0.0) -> Taken:
        if taker._hold is not None and sockets.get(taker, socket) != socket:
            taker._hold.take()
        sockets[taker] = socket
        return take(taker, frame, socket, now)

    patch.setattr(Delivery, "take", take_anew)


@mutant("signed")
def recovered_fills_come_last(patch: pytest.MonkeyPatch) -> None:
    """What was recovered is delivered behind what was held back, as if it were in order."""

    def appended(held: Sequence[Event], recovered: Sequence[Event]) -> Iterator[Event]:
        yield from held
        yield from recovered

    patch.setattr(delivery, "merged", appended)
    patch.setattr(Delivery, "_dated", lambda taker, event: event)


@mutant("signed")
def nothing_is_marked_late(patch: pytest.MonkeyPatch) -> None:
    """Events are let go after ``max_hold``, and what is recovered then is delivered as if it came in order."""
    patch.setattr(Delivery, "_dated", lambda taker, event: event)


@mutant("signed")
def rest_moves_orders_backwards(patch: pytest.MonkeyPatch) -> None:
    """A row of REST counts, however old what it tells is."""
    apply = Account.apply

    def apply_any(account: Account, event: Event) -> bool:
        return apply(account, event) or event.origin == FROM_REST

    patch.setattr(Account, "apply", apply_any)


@mutant("signed")
def accounts_are_not_repaired(patch: pytest.MonkeyPatch) -> None:
    """Balances and positions that were read are not told of."""
    patch.setattr(delivery.recovered, "account_states", lambda balances, positions: iter(()))


@mutant("signed")
def how_the_account_trades_is_not_read(patch: pytest.MonkeyPatch) -> None:
    """Leverage, margin types and modes are what the stream happened to tell."""
    patch.setattr(delivery.Delivery, "configure", lambda made, configuration: ())


# Audit and doubts


@mutant("signed")
def nothing_is_audited(patch: pytest.MonkeyPatch) -> None:
    """Sums of what came are the only thing that is doubted; nobody looks for orders that nothing was told of."""
    patch.setitem(RULES, (State.SERVING, facts.AuditDue), (State.SERVING, lambda *anything: iter(())))


@mutant("signed")
def nothing_is_counted(patch: pytest.MonkeyPatch) -> None:
    """Neither sums nor audits: as long as a connection looks healthy, nothing is missing."""
    patch.setitem(RULES, (State.SERVING, facts.AuditDue), (State.SERVING, lambda *anything: iter(())))
    for name in ("order", "position", "announced"):
        patch.setattr(Doubts, name, lambda doubts, told, now: None)


@mutant("signed")
def audits_forget_too_much(patch: pytest.MonkeyPatch) -> None:
    """The watermark moves up to the end of an audit, over what the audit could not see yet."""
    forget = Delivery.forget_before

    def forget_more(taker: Delivery, floor_ms: int) -> None:
        forget(taker, floor_ms + 300_000)

    patch.setattr(Delivery, "forget_before", forget_more)


@mutant("signed")
def the_watermark_moves_after_a_failure(patch: pytest.MonkeyPatch) -> None:
    """An audit that found fills of a symbol missing ends like one that found everything in order."""
    patch.setattr(audit._Audit, "missing", lambda work: None)


# Hand-over


@mutant("restless")
def no_barrier_at_the_hand_over(patch: pytest.MonkeyPatch) -> None:
    """The second connection takes over as soon as it is confirmed, whatever the first one still has under way."""

    def hand_over(session: Situation, finding: object, now: Any, jitter: float) -> Iterator[do.Command]:
        assert session.second is not None
        socket = session.second.socket
        yield from handover.ask_first(session, finding, now, jitter)
        yield do.Discard(socket)
        yield from handover._hand_over(session, now, jitter)

    patch.setitem(RULES, (State.SERVING, findings.SecondConfirmed), (State.SERVING, hand_over))


@mutant("twin")
def a_lost_twin_is_no_matter(patch: pytest.MonkeyPatch) -> None:
    """The second connection takes the place of the first, however little of it the second one carried."""

    def replace(session: Situation, finding: Any, now: Any, jitter: float) -> Iterator[do.Command]:
        assert session.second is not None
        yield do.Adopt(session.second.socket)
        yield from handover._hand_over(session, now, jitter)

    patch.setitem(RULES, (State.SERVING, findings.FirstLost), (State.SERVING, replace))


@mutant("twin")
def both_connections_are_delivered(patch: pytest.MonkeyPatch) -> None:
    """What two connections tell is delivered twice."""

    def is_new_fill(taker: Any, fill: OrderTradeUpdate) -> bool:
        taker_is_new_fill(taker, fill)
        return True

    taker_is_new_fill = Delivery._is_new_fill
    patch.setattr(Delivery, "_is_new_fill", is_new_fill)
