from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from binance_uds import events
from binance_uds.events import usdm, vocabulary
from binance_uds.protocol.decoding.strict import Decoder, Payload, parse, unwrap

PAYLOADS = Path(__file__).parents[1] / "payloads" / "usdm"
VOCABULARIES = [value for value in vars(vocabulary).values() if isinstance(value, type)]

#: Which field speaks which vocabulary.
SPOKEN = {
    usdm.OrderTradeUpdate: {
        "side": vocabulary.Side,
        "order_type": vocabulary.OrderType,
        "time_in_force": vocabulary.TimeInForce,
        "execution_type": vocabulary.ExecutionType,
        "status": vocabulary.OrderStatus,
        "working_type": vocabulary.WorkingType,
        "original_order_type": vocabulary.OrderType,
        "position_side": vocabulary.PositionSide,
        "strategy_type": vocabulary.StrategyType,
        "self_trade_prevention": vocabulary.SelfTradePrevention,
        "price_match": vocabulary.PriceMatch,
        "expiry_reason": vocabulary.ExpiryReason,
    },
    usdm.AccountUpdate: {"reason": vocabulary.AccountUpdateReason},
    usdm.Position: {"margin_type": vocabulary.MarginType, "position_side": vocabulary.PositionSide},
    usdm.TradeLite: {"side": vocabulary.Side},
    usdm.MarginCallPosition: {
        "margin_type": vocabulary.MarginCallMarginType,
        "position_side": vocabulary.PositionSide,
    },
    usdm.AlgoUpdate: {
        "algo_type": vocabulary.AlgoType,
        "order_type": vocabulary.OrderType,
        "side": vocabulary.Side,
        "position_side": vocabulary.PositionSide,
        "time_in_force": vocabulary.TimeInForce,
        "status": vocabulary.AlgoStatus,
        "self_trade_prevention": vocabulary.SelfTradePrevention,
        "working_type": vocabulary.WorkingType,
        "price_match": vocabulary.PriceMatch,
    },
    usdm.StrategyUpdate: {
        "strategy_type": vocabulary.StrategyType,
        "status": vocabulary.StrategyStatus,
        "operation": vocabulary.StrategyOperation,
    },
    usdm.GridUpdate: {"strategy_type": vocabulary.StrategyType, "status": vocabulary.StrategyStatus},
}


def words(of):
    """Return the constants of a vocabulary, name to word."""
    return {name: word for name, word in vars(of).items() if name.isupper()}


@pytest.mark.parametrize("of", VOCABULARIES)
def test_a_vocabulary_is_documented_text(of):
    """A vocabulary explains itself, and holds nothing but distinct plain texts."""
    constants = words(of)

    assert inspect.getdoc(of)
    assert {str} == {type(word) for word in constants.values()}
    assert len(constants) == len(set(constants.values()))
    assert [] == [name for name in vars(of) if not name.startswith("__") and name not in constants]


@pytest.mark.parametrize(
    "of", [of for of in VOCABULARIES if of not in (vocabulary.ExpiryReason, vocabulary.StrategyOperation)]
)
def test_a_word_is_spelt_like_its_name(of):
    """Where Binance sends words rather than codes, the constant is named like the word."""
    assert {name: name for name in words(of)} == {name: word.upper() for name, word in words(of).items()}


def test_codes_are_complete():
    """Every code of the two coded vocabularies has a name."""
    assert {str(code) for code in range(12)} == set(words(vocabulary.ExpiryReason).values())
    assert {str(code) for code in range(8001, 8016)} == set(words(vocabulary.StrategyOperation).values())


def test_look_alikes_keep_their_own_spelling():
    """The spellings Binance uses for one thing in two events stay apart."""
    assert ("cross", "CROSSED") == (vocabulary.MarginType.CROSS, vocabulary.MarginCallMarginType.CROSSED)
    assert ("CANCELED", "CANCELLED") == (vocabulary.OrderStatus.CANCELED, vocabulary.StrategyStatus.CANCELLED)


def things():
    """Yield every event and row of the samples."""
    decoder = Decoder(usdm.EVENTS)
    for path in sorted(PAYLOADS.rglob("*.json")):
        payload = unwrap(parse(path.read_bytes()))
        if isinstance(payload, Payload):
            event = decoder.event(payload).event
            yield event
            yield from getattr(event, "balances", ())
            yield from getattr(event, "positions", ())


def test_the_samples_speak_the_vocabularies():
    """Every word in the samples is one of its field's vocabulary."""
    spoken = set()
    for thing in things():
        for field, of in SPOKEN.get(type(thing), {}).items():
            word = getattr(thing, field)
            if word is not None:
                spoken.add(type(thing))
                assert (field, True) == (field, word in words(of).values())

    assert set(SPOKEN) == spoken


def test_every_vocabulary_is_spoken_and_exported():
    """No vocabulary is without a field, and each can be had from the package of events."""
    assert set(VOCABULARIES) == {of for fields in SPOKEN.values() for of in fields.values()}
    for of in VOCABULARIES:
        assert getattr(events, of.__name__) is of
        assert of.__name__ in events.__all__


@pytest.mark.parametrize("of", SPOKEN)
def test_docstrings_name_the_vocabulary_of_a_field(of):
    """The docstring of a field with a vocabulary leads there."""
    for field, spoken in SPOKEN[of].items():
        if spoken not in (vocabulary.StrategyType, vocabulary.AlgoType):
            (text,) = re.findall(rf"^ {{4}}{field}: ((?:.|\n {{8}})*)", inspect.getdoc(of), re.MULTILINE)
            assert (field, True) == (field, f"``{spoken.__name__}``" in text)
