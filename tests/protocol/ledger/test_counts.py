"""What was counted comes back from JSON, and from books that were filled with it, as it stood."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from binance_uds.protocol.ledger.books import Books, OpenAlgo
from binance_uds.protocol.ledger.chains import OrderChain, PositionChain
from binance_uds.protocol.ledger.counts import Counts
from binance_uds.protocol.ledger.json_shapes import Malformed

COUNTS = Counts(
    grounded_ms=5,
    orders={("BTCUSDT", 7): OrderChain(counted=Decimal("0.1"), claimed=Decimal("0.2"), good_ms=6, touched_ms=8)},
    positions={("BTCUSDT", "LONG"): PositionChain(base=Decimal("0.1"), base_ms=7, is_whole=True)},
    algo_orders={3: OpenAlgo("ETHUSDT", None, 9)},
    balances={"USDT": (9, Decimal("10.50"))},
)


def test_counts_come_back_from_json():
    """As text and back, to the last digit."""
    assert COUNTS == Counts.read(json.loads(json.dumps(COUNTS.written())))
    assert "10.50" == COUNTS.written()["balances"]["USDT"][1]


@pytest.mark.parametrize(
    "part", [{"orders": []}, {"positions": {"BTCUSDT": {"LONG": 1}}}, {"balances": {"USDT": ["9", "1"]}}]
)
def test_what_is_no_count_is_refused(part):
    """Each part of it by itself."""
    with pytest.raises(Malformed):
        Counts.read({**COUNTS.written(), **part})


def test_books_filled_with_counts_grow_by_themselves():
    """A value that was kept does not change because a stream goes on from it."""
    books = Books()
    COUNTS.enter(books)
    books.chains.orders["BTCUSDT", 7].counted += 1
    books.chains.positions["BTCUSDT", "LONG"].fills.append((10, Decimal(1)))
    books.balances["USDT"] = (11, Decimal(0))

    assert (5, {3: OpenAlgo("ETHUSDT", None, 9)}) == (books.chains.grounded_ms, books.algo_orders)
    assert Decimal("0.1") == COUNTS.orders["BTCUSDT", 7].counted
    assert [] == COUNTS.positions["BTCUSDT", "LONG"].fills
    assert (9, Decimal("10.50")) == COUNTS.balances["USDT"]
