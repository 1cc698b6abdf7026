"""
What time it is at the exchange.

Its clock is read now and then; between two readings ours carries it on. Every answer is a bound, widened by what the
reading did not tell: how much of the round trip lay before it. Before the first reading the bounds hold by our own
clock and by the times of events; either may be wrong, our clock because nobody set it, an event because it was long on
its way.
"""

from __future__ import annotations

import math
from typing import List, Optional, Tuple

import attrs

from ..instants import Instant

#: By what share two clocks may drift apart; a computer's quartz is good to some 50 millionths.
DRIFT = 100e-6


@attrs.frozen
class _Reading:
    """What the exchange's clock showed at a moment, and by how much that may be wrong; no moment before the first."""

    uncertainty_ms: int
    at: Optional[Instant] = None
    ms: int = 0


class ExchangeClock:
    """
    The exchange's clock as far as it is known. One thread takes readings; any may ask what it shows.

    Args:
        unknown_ms: By how much an answer may be wrong before the first reading, in milliseconds.
    """

    def __init__(self, unknown_ms: int) -> None:
        # Replaced as a whole, never changed: whoever asks meanwhile is answered by the old one or by the new one.
        self._reading = _Reading(unknown_ms)
        self._heard: Optional[Tuple[int, Instant]] = None
        self._is_doubted = False

    def hear(self, told_ms: int, at: Instant) -> None:
        """The newest event that has come by now is of this time, 0 before the first; of no use after a reading."""
        if told_ms > (0 if self._heard is None else self._heard[0]):
            self._heard = told_ms, at

    def set(self, server_ms: int, sent_at: Instant, received_at: Instant) -> None:
        """
        Take a reading, unless the one before still says more: a slow answer must not spoil what a swift one told.

        Args:
            server_ms: What the exchange answered.
            sent_at: Just before the question was sent.
            received_at: Just after the answer came.
        """
        round_trip_ms = sent_at.most_ms_to(received_at)
        # One more for the truncation of either clock to whole milliseconds.
        uncertainty_ms = round_trip_ms // 2 + 1 + _drift_ms(round_trip_ms)
        reading = _Reading(uncertainty_ms, received_at, server_ms + round_trip_ms // 2)
        if not self._bears_out(reading, received_at):
            self._reading = reading
        self._is_doubted = False

    def _bears_out(self, reading: _Reading, at: Instant) -> bool:
        """Whether the last reading tells more narrowly than another one what the clock shows now, and both can be."""
        earliest_ms, latest_ms = self.earliest_ms(at), self.latest_ms(at)
        is_narrower = latest_ms - earliest_ms <= 2 * reading.uncertainty_ms
        can_be = earliest_ms <= reading.ms + reading.uncertainty_ms and latest_ms >= reading.ms - reading.uncertainty_ms
        return self.is_known and not self._is_doubted and is_narrower and can_be

    @property
    def uncertainty_ms(self) -> int:
        """By how much an answer may be wrong, in milliseconds, just after a reading."""
        return self._reading.uncertainty_ms

    @property
    def is_known(self) -> bool:
        """Whether the exchange's clock was ever read."""
        return self._reading.at is not None

    def doubt(self) -> None:
        """Our own clocks disagree, so it wants to be read again; until then the bounds are as wide as they disagree."""
        self._is_doubted = True

    def wants_reading(self, interval: float, now: Instant) -> bool:
        """Whether there is no reading, none to trust, or none younger than ``interval`` seconds."""
        read_at = self._reading.at
        return read_at is None or self._is_doubted or read_at.age(now) > interval

    def offset_ms(self, now: Instant) -> int:
        """Return by how much the exchange's clock is ahead of this machine's."""
        return self.now_ms(now) - now.wall_ms

    def now_ms(self, now: Instant) -> int:
        """Return the exchange's time at ``now``, which is after the last reading, as well as it is known."""
        reading = self._reading
        if reading.at is None:
            return now.wall_ms
        return reading.ms + round(1000 * reading.at.age(now))

    def earliest_ms(self, moment: Instant) -> int:
        """Return the earliest the exchange's clock can have shown at ``moment``."""
        reading = self._reading
        if reading.at is None:
            return min(self._guesses(moment)) - reading.uncertainty_ms
        return reading.ms + reading.at.least_ms_to(moment) - _uncertainty_ms(reading, reading.at, moment)

    def latest_ms(self, moment: Instant) -> int:
        """Return the latest the exchange's clock can have shown at ``moment``."""
        reading = self._reading
        if reading.at is None:
            return max(self._guesses(moment)) + reading.uncertainty_ms
        return reading.ms + reading.at.most_ms_to(moment) + _uncertainty_ms(reading, reading.at, moment)

    def _guesses(self, moment: Instant) -> List[int]:
        """Return what the exchange's clock may have shown, unread: by ours, and by the last event's."""
        if self._heard is None:
            return [moment.wall_ms]
        told_ms, at = self._heard
        return [moment.wall_ms, told_ms + at.least_ms_to(moment), told_ms + at.most_ms_to(moment)]


def _uncertainty_ms(reading: _Reading, read_at: Instant, moment: Instant) -> int:
    """Return by how much an answer about a moment, before or after a reading, may be wrong."""
    apart_ms = max(abs(read_at.least_ms_to(moment)), abs(read_at.most_ms_to(moment)))
    return reading.uncertainty_ms + _drift_ms(apart_ms)


def _drift_ms(span_ms: int) -> int:
    """Return by how much two clocks may drift apart in so many milliseconds."""
    return math.ceil(span_ms * DRIFT)
