"""What is made quickly is what the class itself would make."""

from __future__ import annotations

import pickle

import attrs
import pytest

from binance_uds.account_view import OrderState, PositionState
from binance_uds.events.usdm import TradeLite
from binance_uds.makers import maker, twin_of


@attrs.frozen(weakref_slot=False)
class Row:
    """A row with a private field and a default."""

    name: str
    _told: int = 7


@pytest.mark.parametrize(
    ("values", "named"), [(("a",), {}), (("a", 8), {}), (("a",), {"told": 9}), ((), {"name": "a"})]
)
def test_it_makes_what_the_class_makes(values, named):
    """By place and by name, with defaults."""
    made = maker(Row)(*values, **named)

    assert Row(*values, **named) == made
    assert (Row, hash(Row(*values, **named))) == (type(made), hash(made))
    assert made == pickle.loads(pickle.dumps(made))


def test_fields_by_name_alone_are_so():
    """As events have them."""
    made = maker(TradeLite)(symbol="BTCUSDT", order_id=7, trade_id=9, side="BUY", raw={})

    assert TradeLite(symbol="BTCUSDT", order_id=7, trade_id=9, side="BUY") == made
    with pytest.raises(TypeError):
        maker(TradeLite)(1)


def test_what_was_made_is_frozen():
    """The twin's freedom ends with it."""
    made = maker(Row)("a")

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.name = "b"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del made.name


@pytest.mark.parametrize("values", [(), ("a", 1, 2)])
def test_wrong_arguments_are_refused(values):
    """As the class refuses them."""
    with pytest.raises(TypeError):
        maker(Row)(*values)


@pytest.mark.parametrize("of", [OrderState, PositionState])
def test_the_rows_of_the_account_can_be_made(of):
    """With nothing but defaults."""
    assert of() == maker(of)()


def test_a_twin_has_the_slots_and_no_lock():
    """So that it can be filled, and become the other."""
    twin = object.__new__(twin_of(Row))
    twin.name, twin._told = "a", 7
    twin.__class__ = Row

    assert Row("a") == twin
