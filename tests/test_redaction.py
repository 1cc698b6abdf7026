"""Secrets do not reach a log."""

from __future__ import annotations

import gc
import io
import logging
import threading
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from binance_uds import redaction
from binance_uds.credentials import Secret
from binance_uds.redaction import MASK, WATCHED_LOGGERS, RedactingFilter, redact, watch_loggers, watched

CANARY = "canary-7Qx+/=&Zw9"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """Yield a watched logger and what it wrote."""
    logger, written = watched("tests.redaction"), io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger, written
    logger.removeHandler(handler)


def test_a_known_secret_is_masked_raw_and_encoded():
    """Its value is found wherever it stands, percent-encoded too."""
    secret = Secret(CANARY)
    text = f"a {CANARY} b /ws?key={quote(CANARY, safe='')}&x=1 {CANARY}"

    assert f"a {MASK} b /ws?key={MASK}&x=1 {MASK}" == redact(text)
    assert CANARY == secret.reveal()


def test_a_forgotten_secret_is_not_looked_for():
    """A secret is masked for as long as it lives, so that a year of keys does not slow the logs down."""
    secret = Secret(CANARY)
    known = len(redaction._known)
    del secret
    gc.collect()

    assert CANARY == redact(CANARY)
    assert len(redaction._known) < known


@pytest.mark.parametrize("gone", ["the older", "the younger"])
def test_a_secret_is_masked_while_any_of_its_copies_lives(gone):
    """The exchange hands out the same key again: the value stays masked when either object goes."""
    copies = [Secret(CANARY), Secret(CANARY)]
    del copies[0 if gone == "the older" else 1]
    gc.collect()

    assert MASK == redact(CANARY)
    assert 1 == len(copies)


def test_a_short_text_is_no_secret():
    """Masking a short text would blacken half the log."""
    short = Secret("BTCUSDT")

    assert "BTCUSDT filled" == redact("BTCUSDT filled")
    assert "BTCUSDT" == short.reveal()


@pytest.mark.parametrize(
    "text, masked",
    [
        (
            "GET /fapi/v3/balance?timestamp=1&signature=abc123",
            "GET /fapi/v3/balance?timestamp=1&signature=***",
        ),
        ("?signature=abc&recvWindow=1", "?signature=***&recvWindow=1"),
        ("wss://host/ws?listenKey=abc&events=A/B", "wss://host/ws?listenKey=***&events=A/B"),
        ("'/x?signature=abc' \"/y?listenKey=def\" end", "'/x?signature=***' \"/y?listenKey=***\" end"),
        ("nothing of the kind", "nothing of the kind"),
    ],
)
def test_signatures_are_masked_by_their_name(text, masked):
    """A signature is new with each request, so it is known by the name before it."""
    assert masked == redact(text)


def test_a_secret_that_only_json_can_hold_is_masked():
    """A lone surrogate disturbs neither the search nor the encoding."""
    odd = Secret("\udfff" * 10)

    assert "a ***" == redact("a " + odd.reveal())


def test_messages_and_arguments_are_masked(log):
    """Whether a secret stands in the message or comes as an argument, it is gone."""
    logger, written = log
    secret = Secret(CANARY)
    logger.info("plain %s", CANARY)
    logger.debug(f"inside {CANARY}")
    logger.warning("%(key)s", {"key": secret.reveal()})

    assert ["INFO plain ***", "DEBUG inside ***", "WARNING ***"] == written.getvalue().splitlines()


def test_tracebacks_are_masked(log):
    """The words of an exception are part of what is logged."""
    logger, written = log
    secret = Secret(CANARY)
    try:
        raise ValueError(f"no route to /ws?key={quote(secret.reveal(), safe='')}")
    except ValueError:
        logger.exception("failed")

    assert "ValueError: no route to /ws?key=***" in written.getvalue()
    assert quote(CANARY, safe="") not in written.getvalue()


def test_a_message_that_does_not_format_is_masked_and_harms_nobody(log, capsys):
    """A slip in someone's logging call raises nothing here, and its arguments are masked."""
    logger, written = log
    secret = Secret(CANARY)
    slip = "two %s %s"
    logger.info(slip, secret.reveal())

    assert "INFO two %s %s ('***',)\n" == written.getvalue()
    assert "" == capsys.readouterr().err


def test_the_loggers_of_the_libraries_are_watched():
    """Everything through which a URL could pass has the filter, and only once however often it is asked for."""
    watch_loggers()
    watch_loggers()
    filters = [
        [found for found in logging.getLogger(name).filters if isinstance(found, RedactingFilter)]
        for name in WATCHED_LOGGERS
    ]

    assert {"urllib3.connectionpool", "websocket"} <= set(WATCHED_LOGGERS)
    assert [1] * len(WATCHED_LOGGERS) == [len(found) for found in filters]


def test_the_loggers_of_the_libraries_are_looked_up_once(monkeypatch):
    """What they are looked up under is a lock that Ctrl-C elsewhere may have left held; a removed filter comes back."""
    watch_loggers()
    logger = logging.getLogger(WATCHED_LOGGERS[0])
    (found,) = (each for each in logger.filters if isinstance(each, RedactingFilter))
    logger.removeFilter(found)
    with monkeypatch.context() as patch:
        patch.setattr(logging, "getLogger", lambda name: pytest.fail("it would wait"))
        watch_loggers()

    assert found in logger.filters


def test_secrets_come_and_go_while_others_log():
    """Threads that make secrets and threads that mask do not disturb each other."""
    failures: list[BaseException] = []

    def make() -> None:
        try:
            for number in range(2_000):
                Secret(f"{number:08d}{CANARY}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=make, daemon=True) for _ in range(2)]
    kept = Secret(CANARY)
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert MASK == redact(kept.reveal())
    for thread in threads:
        thread.join(20.0)

    assert [] == failures
