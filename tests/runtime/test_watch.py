"""Health, timeline and log of a stream."""

from __future__ import annotations

import datetime
import logging

import pytest

from binance_uds.credentials import Secret
from binance_uds.events import Attention, GapCause, GapClosed, GapOpened, Proof, StateChanged, StreamState
from binance_uds.runtime.watch import TIMELINE_LENGTH, Health, Step, StreamLog, Timeline, level_of

SECRET = Secret("CanarySecret" + "s" * 52)


def test_a_step_reads_like_a_log_line():
    """A step prints its moment in UTC to the millisecond, and its text."""
    at = datetime.datetime(2026, 3, 4, 5, 6, 7, 89_999, tzinfo=datetime.timezone.utc)

    assert "2026-03-04 05:06:07.089 connected" == str(Step(at, "connected"))


def test_the_timeline_keeps_the_latest_steps_in_order():
    """Oldest first, dated in UTC, and no more than a few hundred."""
    timeline = Timeline()
    for number in range(TIMELINE_LENGTH + 5):
        timeline.add(1_700_000_000.25 + number, f"step {number}")
    steps = timeline.steps()

    assert [f"step {number}" for number in range(5, TIMELINE_LENGTH + 5)] == [step.text for step in steps]
    assert datetime.datetime(2023, 11, 14, 22, 13, 25, 250_000, datetime.timezone.utc) == steps[0].at


def test_the_timeline_knows_no_secret():
    """A secret in a step's text is masked."""
    timeline = Timeline()
    timeline.add(0.0, f"tried {SECRET.reveal()} in vain")

    assert ["tried *** in vain"] == [step.text for step in timeline.steps()]


def test_every_line_carries_the_name_and_no_secret(caplog):
    """Each area's lines begin with the stream's name, and secrets in arguments are masked."""
    log = StreamLog("mine")
    with caplog.at_level(logging.DEBUG, "binance_uds"):
        for area in (log.session, log.callbacks):
            area.info("saw %s", SECRET.reveal())

    assert ["[mine] saw ***"] * 2 == [record.getMessage() for record in caplog.records]
    assert ["binance_uds.session", "binance_uds.callbacks"] == [record.name for record in caplog.records]


@pytest.mark.parametrize(
    ("notice", "level"),
    [
        (GapOpened(gap_id=1, since_ms=1, cause=GapCause.KEY_GONE), logging.WARNING),
        (GapClosed(gap_id=1, since_ms=1, until_ms=2, cause="x", proof=Proof.UNPROVEN), logging.WARNING),
        (GapClosed(gap_id=1, since_ms=1, until_ms=2, cause="x", proof=Proof.BALANCED), logging.INFO),
        (Attention(code="x", message="y"), logging.WARNING),
        (StateChanged(old=StreamState.STALE, new=StreamState.LIVE, reason="every proof holds"), logging.INFO),
    ],
)
def test_what_a_person_should_know_is_a_warning(notice, level):
    """So a program that logs no more than warnings hears of each blind interval, and of what stays missing."""
    assert level == level_of(notice)


def test_health_before_anything_happened():
    """What is not known yet is None, what is counted is 0."""
    health = Health(state=StreamState.IDLE, why="not started")

    assert [None] * 4 == [
        health.transport_proof_age_s,
        health.key_proof_age_s,
        health.delivery_proof_age_s,
        health.last_event_age_s,
    ]
    assert (0, 0, 0, 0, 0) == (
        health.gaps,
        health.reconnects,
        health.events,
        health.callback_errors,
        health.backlog,
    )
