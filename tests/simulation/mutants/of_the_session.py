"""Clients whose session lacks a rule: keys, proofs, generations, retries, the beginning of gaps."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from binance_uds.protocol import commands as do
from binance_uds.protocol import facts, findings, understanding
from binance_uds.protocol.proofs import Proofs
from binance_uds.protocol.reactions import trouble
from binance_uds.protocol.session import RULES
from binance_uds.protocol.situation import Situation, State
from tests.simulation.mutants.table import mutant


def _means_nothing(session: Situation, fact: object, now: object) -> None:
    return None


def _confirms_whatever_it_names(session: Situation, fact: facts.KeyNamed, now: object) -> findings.KeyConfirmed:
    return findings.KeyConfirmed(fact.sent_at)


@mutant()
def expiry_and_probe_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """Neither an expiry notice nor what a probe says about the key means anything."""
    patch.setitem(understanding._MEANINGS, facts.ExpiryNoticed, _means_nothing)
    patch.setitem(understanding._MEANINGS, facts.KeyNamed, _confirms_whatever_it_names)
    patch.setattr(understanding, "NO_SUCH_KEY", None)


@mutant()
def the_probe_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """The expiry notice is believed, a probe's result is not."""
    patch.setitem(understanding._MEANINGS, facts.KeyNamed, _confirms_whatever_it_names)
    patch.setattr(understanding, "NO_SUCH_KEY", None)


@mutant()
def the_key_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    """A probe that names another key counts as one that names ours."""
    patch.setitem(understanding._MEANINGS, facts.KeyNamed, _confirms_whatever_it_names)


@mutant()
def no_pong_is_asked_for(patch: pytest.MonkeyPatch) -> None:
    """The client sends pings, and does not mind when nothing comes back."""

    def ping(session: Situation, finding: object, now: Any, jitter: float) -> Iterator[do.Command]:
        session.arm(facts.PingDue, now, session.timings.ping_interval)
        yield do.SendPing(session.socket, session.pings.send(now))

    patch.setitem(RULES, (State.SERVING, facts.PingDue), (State.SERVING, ping))


@mutant()
def proofs_do_not_age(patch: pytest.MonkeyPatch) -> None:
    """A proof counts for ever."""
    patch.setattr(Proofs, "lapsed", lambda self, timings, now: None)


@mutant()
def old_generations_are_heard(patch: pytest.MonkeyPatch) -> None:
    """What an old key or an old connection says counts as if it were about the present one."""

    def is_stale(session: Situation, fact: Any, now: Any) -> bool:
        return isinstance(fact, facts.TIMERS) and session.timers.get(type(fact), now.monotonic + 1) > now.monotonic

    patch.setattr(understanding, "_is_stale", is_stale)


@mutant()
def every_expiry_counts(patch: pytest.MonkeyPatch) -> None:
    """An expiry notice counts whatever key it names, whatever connection it came on, and however often it comes."""
    is_stale = understanding._is_stale

    def never_for_expiry(session: Situation, fact: Any, now: Any) -> bool:
        return not isinstance(fact, facts.ExpiryNoticed) and is_stale(session, fact, now)

    def expired(session: Situation, fact: facts.ExpiryNoticed, now: Any) -> Any:
        return understanding._interruption(session, now, "listen key expired")

    patch.setattr(understanding, "_is_stale", never_for_expiry)
    patch.setitem(understanding._MEANINGS, facts.ExpiryNoticed, expired)


@mutant()
def gaps_begin_now(patch: pytest.MonkeyPatch) -> None:
    """A gap begins when it is noticed, not when everything was last proven."""
    patch.setattr(Proofs, "oldest", lambda self, now: now)


@mutant()
def holds_are_not_obeyed(patch: pytest.MonkeyPatch) -> None:
    """The client asks again while the exchange wants no request."""
    from binance_uds.edges import holds

    patch.setattr(holds, "held", lambda origin, now: None)
    patch.setattr(trouble, "hold", lambda seconds, jitter: 1.0)


@mutant()
def retries_do_not_wait(patch: pytest.MonkeyPatch) -> None:
    """What failed is tried again at once, every time."""
    from binance_uds.protocol.backoff import Backoff

    patch.setattr(Backoff, "next_wait", lambda self, jitter: 0.2)


@mutant()
def one_bad_frame_is_nothing(patch: pytest.MonkeyPatch) -> None:
    """A frame that cannot be read opens no gap."""
    patch.setitem(understanding._MEANINGS, facts.FramesUndecodable, _means_nothing)


@mutant()
def clock_jumps_are_not_noticed(patch: pytest.MonkeyPatch) -> None:
    """Proofs are aged by the monotonic clock alone, and nobody sees that the machine slept."""
    from binance_uds.instants import Instant

    patch.setattr(Instant, "age", lambda self, now: now.monotonic - self.monotonic)
    patch.setattr(Instant, "jump", lambda self, now: 0.0)


@mutant()
def the_subscription_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    """A connection that opens is used, whatever it says of its subscription."""

    def listed(session: Situation, fact: facts.SubscriptionListed, now: Any) -> Any:
        return understanding._confirmation(session, named=True) if session.is_confirming else None

    patch.setitem(understanding._MEANINGS, facts.SubscriptionListed, listed)


@mutant()
def keys_show_in_what_is_delivered(patch: pytest.MonkeyPatch) -> None:
    """Listen keys are not masked in payloads."""
    patch.setattr("binance_uds.protocol.frames.may_name_key", lambda frame, payload, keys: False)
