"""
What a user-data session does next.

Facts come in, commands go out. A fact is first understood (``understanding.py``), then looked up: every transition is
a row of ``RULES``, and what is impossible in a state is a missing row. What is done about it stands in ``reactions``.
Nothing here blocks, reads a clock or draws a random number: both are arguments. The README draws the table.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Tuple, Type

import attrs

from ..events.notices import StreamState
from ..instants import Instant
from . import commands as do
from . import facts, findings
from .commands import Command
from .facts import Fact
from .reactions import connections, ending, errands, handover, keys, trouble
from .situation import Situation, State
from .understanding import understand


class SessionMisused(RuntimeError):
    """A fact that is impossible in the session's state was reported; a defect of this package."""


@attrs.define(eq=False)
class Session(Situation):
    """One user-data session, from start to stop. One thread calls it; any thread may ask for its ``verdict``."""

    def handle(self, fact: Fact, now: Instant, jitter: float) -> List[Command]:
        """
        Digest one fact.

        Args:
            fact: What happened.
            now: When it is digested.
            jitter: A random number from 0 up to 1, for waits.

        Returns:
            Commands, to be carried out in this order.

        Raises:
            SessionMisused: The fact is impossible in this state; nothing changed.
        """
        if not self.clock.is_known:
            self.clock.hear(self.books.told_ms, now)
        finding = understand(self, fact, now)
        if finding is None:
            return []
        try:
            target, react = RULES[self.state, type(finding)]
        except KeyError:
            raise SessionMisused(f"{type(finding).__name__} while {self.state.value}") from None
        if isinstance(fact, facts.TIMERS):
            self.disarm(type(fact))
        commands = list(react(self, finding, now, jitter))
        # Only now: whatever interrupts a reaction, such as Ctrl-C, must not leave a state that nothing was done for.
        self.state = target
        # Nobody should learn of a change only after a call that took seconds.
        swift = [command for command in commands if not isinstance(command, do.BLOCKING)]
        slow = [command for command in commands if isinstance(command, do.BLOCKING)]
        return [*swift, *self.announce_state(now), *slow]

    def heard(self, socket: int, since: Instant) -> None:
        """
        A frame came on this connection.

        Args:
            socket: The connection's number.
            since: When it was last looked at before. The frame is younger than that, and nothing more is known: it may
                have lain unread while the machine slept or the thread was busy, and the connection died meanwhile.
        """
        second = self.second
        if second is not None and socket == second.socket:
            second.heard_at, second.pinged_at = since, None
        elif socket == self.socket:
            self.proofs.renew_transport(since)
            self.disarm(facts.PongOverdue)

    def due(self, now: Instant) -> List[Fact]:
        """Return the timers whose moment has come, earliest first; what is done about one may void the next."""
        ripe = sorted((at, timer.__name__, timer) for timer, at in self.timers.items() if at <= now.monotonic)
        return [timer() for _, _, timer in ripe]

    def next_deadline(self, now: Instant) -> float:
        """Return the monotonic time at which there will be something to do, if nothing happens before."""
        moments = [now.monotonic + self.timings.longest_sleep, *self.timers.values()]
        if self.standing.serving:
            # A little later than the lapse itself, or the proof would just still stand when it is judged.
            moments += [now.monotonic + lapse + 0.001 for lapse in self.proofs.until_lapse(self.timings, now)]
        return min(moments)

    def crash(self, reason: str) -> None:
        """The worker failed: whatever was going on is over, and visibly so."""
        self.state = State.FAILED
        self.end(StreamState.FAILED, reason)


_Rule = Tuple[State, Callable[..., Iterator[Command]]]
RULES: Dict[Tuple[State, Type[object]], _Rule] = {
    (State.IDLE, facts.Started): (State.KEYLESS, keys.begin),
    (State.IDLE, facts.StopRequested): (State.STOPPED, ending.shut),
    # A key
    (State.KEYLESS, facts.KeyGranted): (State.CONNECTING, keys.take_key),
    (State.KEYLESS, findings.CallUnanswered): (State.WAITING, trouble.wait_unanswered),
    (State.KEYLESS, findings.CallHeld): (State.WAITING, trouble.wait_held),
    (State.KEYLESS, findings.CallBlocked): (State.WAITING, trouble.wait_blocked),
    (State.KEYLESS, findings.CredentialsRefused): (State.WAITING, trouble.wait_refused),
    (State.KEYLESS, findings.StartRefused): (State.FAILED, ending.refuse_start),
    (State.WAITING, facts.RetryDue): (State.KEYLESS, keys.ask_for_key),
    # A connection
    (State.CONNECTING, facts.SocketOpened): (State.CONFIRMING, connections.ask_for_subscription),
    (State.CONNECTING, findings.PlanFailed): (State.CONNECTING, connections.try_next_plan),
    (State.CONNECTING, findings.PlansUnconfirmed): (State.CONNECTING, connections.fall_back),
    (State.CONNECTING, findings.PlansExhausted): (State.WAITING, trouble.wait_without_plan),
    # A subscription
    (State.CONFIRMING, findings.SubscriptionConfirmed): (State.SERVING, connections.serve_confirmed),
    (State.CONFIRMING, findings.SecretUnproven): (State.VERIFYING, connections.verify_secret),
    (State.CONFIRMING, findings.PlanFailed): (State.CONNECTING, connections.try_next_plan),
    (State.CONFIRMING, findings.PlansUnconfirmed): (State.CONNECTING, connections.fall_back),
    (State.CONFIRMING, findings.PlansExhausted): (State.WAITING, trouble.wait_without_plan),
    # A secret
    (State.VERIFYING, facts.BalancesRead): (State.SERVING, connections.serve_verified),
    (State.VERIFYING, facts.RetryDue): (State.VERIFYING, connections.read_balances),
    (State.VERIFYING, findings.ClockRefused): (State.VERIFYING, connections.sign_again),
    (State.VERIFYING, findings.CallUnanswered): (State.VERIFYING, trouble.wait_unanswered),
    (State.VERIFYING, findings.CallHeld): (State.VERIFYING, trouble.wait_held),
    (State.VERIFYING, findings.CallBlocked): (State.VERIFYING, trouble.wait_blocked),
    (State.VERIFYING, findings.StartRefused): (State.FAILED, ending.refuse_start),
    (State.VERIFYING, findings.SubscriptionConfirmed): (State.VERIFYING, connections.confirm_late),
    # The end of a connection, announced before it is in use
    **{(state, facts.ShutdownNoticed): (state, handover.rotate_later) for state in (State.CONFIRMING, State.VERIFYING)},
    # A life
    (State.SERVING, facts.PingDue): (State.SERVING, connections.ping),
    (State.SERVING, facts.ProbeDue): (State.SERVING, keys.probe),
    (State.SERVING, facts.KeyOutlived): (State.SERVING, trouble.outlive_key),
    (State.SERVING, findings.KeyConfirmed): (State.SERVING, keys.confirm_key),
    (State.SERVING, findings.KeyUnnamed): (State.SERVING, keys.probe_by_request),
    (State.SERVING, findings.CallUnanswered): (State.SERVING, trouble.probe_unanswered),
    (State.SERVING, findings.CallHeld): (State.SERVING, trouble.probe_held),
    (State.SERVING, findings.CallBlocked): (State.SERVING, trouble.probe_blocked),
    (State.SERVING, findings.CredentialsRefused): (State.SERVING, trouble.probe_refused),
    (State.SERVING, findings.StartRefused): (State.FAILED, ending.refuse_start),
    (State.SERVING, findings.SubscriptionConfirmed): (State.SERVING, connections.confirm_late),
    (State.SERVING, findings.FrameLost): (State.SERVING, trouble.suspect_frame),
    # What is read about the account
    (State.SERVING, facts.RowsRead): (State.SERVING, errands.take_rows),
    (State.SERVING, facts.ReadPostponed): (State.SERVING, errands.read_when_affordable),
    (State.SERVING, facts.ReadingDue): (State.SERVING, errands.read_on),
    (State.SERVING, findings.ReadRefused): (State.SERVING, errands.take_refusal),
    (State.SERVING, findings.ReadUnanswered): (State.SERVING, errands.read_again),
    (State.SERVING, findings.ReadHeld): (State.SERVING, errands.read_when_allowed),
    (State.SERVING, findings.ReadForbidden): (State.SERVING, errands.read_when_trusted),
    (State.SERVING, findings.ClockRefused): (State.SERVING, errands.read_with_clock),
    (State.SERVING, facts.Grounded): (State.SERVING, errands.grounded),
    (State.SERVING, facts.SettleDue): (State.SERVING, errands.repair_settled),
    (State.SERVING, facts.Merged): (State.SERVING, errands.close_repaired),
    (State.SERVING, facts.AuditDue): (State.SERVING, errands.begin_audit),
    (State.SERVING, facts.FillsSuspected): (State.SERVING, errands.suspect_fills),
    (State.SERVING, facts.HoldOverdue): (State.SERVING, errands.let_go),
    (State.SERVING, facts.HoldFilled): (State.SERVING, errands.let_go),
    # A second connection
    (State.SERVING, facts.RotationDue): (State.SERVING, handover.rotate),
    (State.SERVING, facts.RotationAsked): (State.SERVING, handover.rotate),
    (State.SERVING, facts.ShutdownNoticed): (State.SERVING, handover.rotate),
    (State.SERVING, facts.SecondDue): (State.SERVING, handover.open_second),
    (State.SERVING, findings.SecondOpened): (State.SERVING, handover.ask_second),
    (State.SERVING, findings.SecondConfirmed): (State.SERVING, handover.ask_first),
    (State.SERVING, findings.SecondGarbled): (State.SERVING, handover.cover_anew),
    (State.SERVING, findings.BarrierPassed): (State.SERVING, handover.pass_barrier),
    (State.SERVING, findings.SecondFailed): (State.SERVING, handover.lose_second),
    (State.SERVING, findings.FirstLost): (State.SERVING, handover.replace_first),
    # An interruption
    **{
        (state, findings.Interrupted): (State.KEYLESS, trouble.begin_again)
        for state in (State.CONFIRMING, State.VERIFYING, State.SERVING)
    },
    **{
        (state, findings.InterruptedAgain): (State.WAITING, trouble.begin_again_later)
        for state in (State.CONFIRMING, State.VERIFYING, State.SERVING)
    },
    # In every state between the start and the end
    **{
        (state, fact): (target or state, react)
        for state in (
            State.KEYLESS,
            State.CONNECTING,
            State.CONFIRMING,
            State.VERIFYING,
            State.SERVING,
            State.WAITING,
        )
        for fact, target, react in (
            (facts.ClockRead, None, connections.read_clock),
            (facts.ClocksJumped, None, trouble.doubt),
            (facts.StartOverdue, State.FAILED, ending.give_up_start),
            (facts.StopRequested, State.STOPPED, ending.shut),
        )
    },
}
