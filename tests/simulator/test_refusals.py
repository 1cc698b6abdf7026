from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from binance_uds.simulator.refusals import Refused, refused

SAMPLES = Path(__file__).parents[1] / "payloads_rest" / "usdm"


def test_a_refusal_says_what_binance_says() -> None:
    """Code and words are those of the sample answer."""
    sample = json.loads((SAMPLES / "error_1125.json").read_text("utf-8"))

    assert sample == refused(-1125).body


def test_a_refusal_names_the_parameter() -> None:
    """Where Binance names what is wrong, so do we."""

    assert (
        "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."
        == refused(-1102, "quantity").message
    )


@pytest.mark.parametrize("refusal", [Refused(503, -1008, "busy"), refused(-2013)])
def test_refusals_travel(refusal: Refused) -> None:
    """A refusal survives pickling and explains itself."""
    copy = pickle.loads(pickle.dumps(refusal))

    assert (refusal.status, refusal.body, str(refusal)) == (copy.status, copy.body, str(copy))
