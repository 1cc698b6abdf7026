"""What a check found, for people and for programs."""

from __future__ import annotations

import pickle

import pytest

from binance_uds.credentials import Secret
from binance_uds.doctor import Finding, Outcome

SECRET = Secret("CanarySecret" + "d" * 52)


@pytest.mark.parametrize("advice, line", [("", "clock: ok: it is right"), ("set it", "clock: ok: it is right; set it")])
def test_it_prints_as_a_line(advice, line):
    """Check, outcome, what was found, and what to do if there is something to do."""
    assert line == str(Finding("clock", Outcome.OK, "it is right", advice))


def test_it_holds_no_secret_and_pickles():
    """Whatever words of others went into it."""
    finding = Finding("REST", Outcome.FAILED, f"no {SECRET.reveal()}", f"not {SECRET.reveal()}")

    assert ("no ***", "not ***") == (finding.words, finding.advice)
    assert finding == pickle.loads(pickle.dumps(finding))
