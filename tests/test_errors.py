"""What goes wrong on purpose: says who must act and what to do, and travels."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from binance_uds import errors
from binance_uds.errors import (
    BacklogOverflow,
    ConfigurationError,
    CredentialsRejected,
    ExchangeError,
    ForkedStream,
    JournalError,
    StartTimeout,
    StreamGroupError,
    StreamInterrupted,
    UserDataStreamError,
    WaitTimeout,
)

EXAMPLES = [
    (
        StreamGroupError({"alice": StartTimeout(5, "no answer"), "bob": UserDataStreamError("odd")}),
        "alice: not LIVE within 5 s: no answer; bob: odd",
    ),
    (
        JournalError("a.jsonl", 7, "it was changed or cut"),
        "the journal cannot be replayed: line 7 of a.jsonl: it was changed or cut",
    ),
    (JournalError("a.jsonl", 0, "no such file"), "the journal cannot be replayed: a.jsonl: no such file"),
    (ConfigurationError("no such market"), "no such market"),
    (
        CredentialsRejected(401, -2014, "API-key format invalid."),
        (
            "Binance refused the credentials (HTTP 401, -2014: API-key format invalid.); "
            "check that the API key was copied whole"
        ),
    ),
    (
        CredentialsRejected(401, -2015, "Invalid API-key, IP, or permissions for action."),
        (
            "Binance refused the credentials (HTTP 401, -2015: Invalid API-key, IP, or permissions for action.); "
            "check the key, its IP restriction and that futures are enabled for it"
        ),
    ),
    (
        CredentialsRejected(400, -1022, "Signature for this request is not valid."),
        (
            "Binance refused the credentials (HTTP 400, -1022: Signature for this request is not valid.); "
            "check the API secret: the signature made with it was refused"
        ),
    ),
    (
        CredentialsRejected(401, None, "no explanation"),
        (
            "Binance refused the credentials (HTTP 401, no explanation); "
            "check the API key, its secret, its IP restriction and its permissions"
        ),
    ),
    (
        ExchangeError(400, -1125, "This listenKey does not exist."),
        "Binance answered HTTP 400, -1125: This listenKey does not exist.",
    ),
    (ExchangeError(503, None, "no explanation"), "Binance answered HTTP 503, no explanation"),
    (
        ExchangeError(429, -1003, "Too many requests", 12.4),
        "Binance answered HTTP 429, -1003: Too many requests; it asks to wait 12 s",
    ),
    (StreamInterrupted("reset by peer"), "reset by peer"),
    (StartTimeout(30.0, "getting a listen key"), "not LIVE within 30 s: getting a listen key"),
    (WaitTimeout(2.5, "OrderTradeUpdate"), "no OrderTradeUpdate within 2.5 s"),
    (
        BacklogOverflow(100, 7),
        (
            "the queue of 100 events is full and closed; 7 did not fit. "
            "Read faster, or give the stream a larger max_backlog"
        ),
    ),
    (
        ForkedStream(),
        (
            "this stream was started before fork() and lives in the parent process only; "
            "make and start a UserDataStream in this process instead"
        ),
    ),
]
IDS = [type(error).__name__ for error, _ in EXAMPLES]


def pickled(protocol):
    """Return a way through a pickle of this protocol."""
    return lambda error: pickle.loads(pickle.dumps(error, protocol))


@pytest.mark.parametrize("error, words", EXAMPLES, ids=IDS)
def test_an_error_says_what_to_do(error, words):
    """The words name what happened and, where a person must act, what to do."""
    assert words == str(error)


@pytest.mark.parametrize("error", [error for error, _ in EXAMPLES], ids=IDS)
@pytest.mark.parametrize("travel", [*map(pickled, range(6)), copy.copy])
def test_an_error_travels_whole(error, travel):
    """Pickled or copied, an error keeps its class, its words and its facts."""
    arrived = travel(error)

    assert type(error) is type(arrived)
    assert str(error) == str(arrived)
    # By what they print: exceptions among them equal nothing but themselves.
    assert repr(vars(error)) == repr(vars(arrived))
    assert repr(error.args) == repr(arrived.args)


@pytest.mark.parametrize(
    "error, facts",
    [
        (CredentialsRejected(401, -2015, "no"), {"status": 401, "code": -2015, "message": "no"}),
        (
            ExchangeError(418, -1003, "banned", 60.0),
            {"status": 418, "code": -1003, "message": "banned", "retry_after_s": 60.0},
        ),
        (StreamInterrupted("reset"), {"reason": "reset"}),
        (StartTimeout(3.0, "why"), {"timeout": 3.0, "reason": "why"}),
        (WaitTimeout(3.0, "what"), {"timeout": 3.0, "awaited": "what"}),
        (JournalError("a", 7, "why"), {"path": "a", "line": 7, "reason": "why"}),
        (BacklogOverflow(5, 2), {"limit": 5, "missed": 2}),
    ],
)
def test_facts_are_attributes(error, facts):
    """Nobody has to read prose to learn a number."""
    assert facts == {name: getattr(error, name) for name in facts}


def test_every_error_is_of_the_tree_and_drawn_in_it():
    """One base takes them all, and the drawing at the top of the module shows each."""
    members = [member for _, member in inspect.getmembers(errors, inspect.isclass)]
    classes = [member for member in members if member.__module__ == errors.__name__]

    assert {type(error) for error, _ in EXAMPLES} | {UserDataStreamError} == set(classes)
    assert [] == [member.__name__ for member in classes if not issubclass(member, UserDataStreamError)]
    assert [] == [member.__name__ for member in classes if f"* {member.__name__}" not in errors.__doc__]


def test_the_kinds_that_callers_catch():
    """Wrong credentials are a matter of configuration, and a wait that is over is a TimeoutError."""
    assert issubclass(CredentialsRejected, ConfigurationError)
    assert issubclass(WaitTimeout, TimeoutError)
    assert not issubclass(StartTimeout, ConfigurationError)
