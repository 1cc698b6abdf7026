"""What the stream tells about itself."""

from __future__ import annotations

import inspect
import json
import pickle

import attrs
import pytest

from binance_uds.events import notices
from binance_uds.events.notices import (
    Attention,
    AttentionCode,
    CallbackFailed,
    GapCause,
    GapClosed,
    GapOpened,
    Notice,
    Proof,
    StateChanged,
    StreamState,
    UndecodableFrame,
)

EXAMPLES = [
    StateChanged(old=StreamState.LIVE, new=StreamState.STALE, reason="connection lost"),
    GapOpened(gap_id=1, since_ms=1_700_000_000_000, cause=GapCause.KEY_EXPIRED),
    GapClosed(gap_id=1, since_ms=1, until_ms=2, cause=GapCause.KEY_EXPIRED, proof=Proof.UNPROVEN),
    CallbackFailed(handler=print, event="event", exception=ValueError("odd")),
    UndecodableFrame(reason="not JSON", size=7),
    Attention(code=AttentionCode.BANNED, message="wait"),
]
IDS = [type(notice).__name__ for notice in EXAMPLES]


def test_every_notice_is_a_notice():
    """One base takes them all."""
    classes = {
        member
        for _, member in inspect.getmembers(notices, inspect.isclass)
        if member.__module__ == notices.__name__ and attrs.has(member)
    }

    assert {Notice, *map(type, EXAMPLES)} == classes
    assert [] == [member for member in classes if not issubclass(member, Notice)]


@pytest.mark.parametrize("notice", EXAMPLES, ids=IDS)
def test_a_notice_is_a_value(notice):
    """It cannot be changed, has no room for more, and shows every field by name."""
    first = attrs.fields(type(notice))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(notice, first, None)

    assert not hasattr(notice, "__dict__")
    assert notice == attrs.evolve(notice)
    assert [] == [field.name for field in attrs.fields(type(notice)) if f"{field.name}=" not in repr(notice)]


@pytest.mark.parametrize("notice", [notice for notice in EXAMPLES if not isinstance(notice, CallbackFailed)])
def test_a_notice_travels(notice):
    """It can be put onto a queue between processes."""
    assert notice == pickle.loads(pickle.dumps(notice))


@pytest.mark.parametrize("notice", EXAMPLES, ids=IDS)
def test_the_fields_of_a_notice_are_explained(notice):
    """The docstring has a line for every field."""
    fields = [field.name for field in attrs.fields(type(notice))]
    missing = [name for name in fields if f"\n    {name}: " not in inspect.getdoc(type(notice))]

    assert [] == missing


def test_a_report_without_findings_counts_nothing():
    """What was not looked for is 0, and nothing is named."""
    closed = EXAMPLES[2]

    assert (0, 0, 0, ()) == (closed.recovered, closed.late, closed.duplicates, closed.unrecoverable)


@pytest.mark.parametrize("state", StreamState)
def test_a_state_equals_its_name(state):
    """Whoever compares with a text, as with the words of an event, is not told silently that nothing ever is LIVE."""
    assert state == state.name
    assert 1 == {state.name: 1}[state]
    assert f'{{"state": "{state.name}"}}' == json.dumps({"state": state})
    assert f"   {state.name}" == f"{state:>{len(state.name) + 3}}"
    assert state != "live"


@pytest.mark.parametrize("state", StreamState)
def test_a_state_reads_as_its_name(state):
    """In a message a state is one word, and the class explains it."""
    assert state.name == state.value == str(state) == f"{state}"
    assert f"``{state.name}``" in StreamState.__doc__


def test_a_change_of_state_reads_as_a_sentence():
    """So it stands in the log and the timeline, which are for people."""
    changed = StateChanged(old=StreamState.LIVE, new=StreamState.STALE, reason="connection lost")

    assert "STALE, was LIVE: connection lost" == str(changed)
    assert repr(changed).startswith("StateChanged(old=")


@pytest.mark.parametrize(
    ("notice", "words"),
    [
        (
            GapOpened(gap_id=1, since_ms=1_700_000_000_123, cause=GapCause.KEY_GONE),
            "gap 1 opened: listen key no longer exists; blind since 2023-11-14 22:13:20.123 UTC",
        ),
        (
            GapClosed(
                gap_id=1, since_ms=1_700_000_000_123, until_ms=1_700_000_002_000, cause=GapCause.KEY_GONE,
                proof=Proof.BALANCED, recovered=3, late=1,
            ),
            ("gap 1 closed as balanced: listen key no longer exists; blind from 2023-11-14 22:13:20.123 to "
            "2023-11-14 22:13:22.000 UTC; 3 fills recovered, 1 of them late; nothing missing"),
        ),
        (
            GapClosed(
                gap_id=2, since_ms=1_700_000_000_000, until_ms=1_700_000_001_000, cause="x", proof=Proof.UNPROVEN,
                unrecoverable=("fills", "margin calls"),
            ),
            ("gap 2 closed as unproven: x; blind from 2023-11-14 22:13:20.000 to 2023-11-14 22:13:21.000 UTC; "
            "0 fills recovered; may be missing: fills, margin calls"),
        ),
        (UndecodableFrame(reason="not JSON", size=7), "a frame of 7 bytes could not be read: not JSON"),
        (Attention(code=AttentionCode.BANNED, message="wait"), "banned: wait"),
    ],
)  # fmt: skip
def test_a_notice_reads_as_a_sentence(notice, words):
    """Whoever prints or logs it sees what matters, without the names of fields."""
    assert words == str(notice)


@pytest.mark.parametrize("vocabulary", [GapCause, Proof, AttentionCode])
def test_the_words_of_a_vocabulary_are_distinct_texts(vocabulary):
    """Causes, proofs and codes are plain text, to compare with, and no two are the same."""
    words = [value for name, value in vars(vocabulary).items() if name.isupper()]

    assert {str} == {type(word) for word in words}
    assert len(words) == len(set(words))


def test_what_a_person_should_look_at_has_these_codes():
    """The codes are public, and what programs compare with does not change unnoticed."""
    words = {name: value for name, value in vars(AttentionCode).items() if name.isupper()}

    assert {
        "CREDENTIALS_REJECTED": "credentials-rejected",
        "SUBSCRIPTION_UNCONFIRMED": "subscription-unconfirmed",
        "SHORT_LIVED": "short-lived",
        "BANNED": "banned",
        "BLOCKED": "blocked",
        "MALFORMED_FIELD": "malformed-field",
        "AUDIT_UNREAD": "audit-unread",
        "CURSOR_NOT_SAVED": "cursor-not-saved",
        "RECORDING_STOPPED": "recording-stopped",
    } == words
