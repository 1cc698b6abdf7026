"""Reading request parameters with the exchange's complaints."""

from decimal import Decimal

import pytest

from binance_uds.simulator.parameters import Parameters
from binance_uds.simulator.refusals import Refused


def test_reading():
    """Texts become what is asked for; what was not sent is None, False or the default."""
    parameters = Parameters.of("symbol=%E5%B8%81USDT&orderId=9007199254740993&price=0.10", "reduceOnly=TRUE")

    assert "币USDT" == parameters.required("symbol")
    assert 9007199254740993 == parameters.required_integer("orderId")
    assert Decimal("0.10") == parameters.decimal("price") == parameters.required_decimal("price")
    assert (True, True) == (parameters.flag("reduceOnly"), parameters.required_flag("reduceOnly"))
    assert (None, None, None) == (
        parameters.text("a"),
        parameters.optional_integer("a"),
        parameters.decimal("a"),
    )
    assert (500, False) == (parameters.integer("limit", 500), parameters.flag("a"))


def test_the_query_wins():
    """A parameter in query and body has the query's value."""
    assert "query" == Parameters.of("where=query", "where=body&more=1").text("where")


@pytest.mark.parametrize(
    "code, read",
    [
        (-1102, lambda parameters: parameters.required("absent")),
        (-1102, lambda parameters: parameters.required("empty")),
        (-1105, lambda parameters: parameters.text("empty")),
        (-1100, lambda parameters: parameters.integer("word", 5)),
        (-1102, lambda parameters: parameters.required_integer("word")),
        (-1100, lambda parameters: parameters.decimal("word")),
        (-1100, lambda parameters: parameters.decimal("huge")),
        (-1102, lambda parameters: parameters.required_decimal("absent")),
        (-1102, lambda parameters: parameters.flag("word")),
        (-1102, lambda parameters: parameters.required_flag("absent")),
    ],
)
def test_complaints(code, read):
    """Each kind of nonsense has its code."""
    with pytest.raises(Refused) as refused:
        read(Parameters.of("empty=&word=abc&huge=1e999", ""))

    assert code == refused.value.code


def test_values_are_in_no_repr():
    """Parameters hold signatures, so they can be logged without their values."""
    assert "secret" not in repr(Parameters.of("signature=secret", ""))
