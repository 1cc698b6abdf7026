"""Wallet balance and realised profit over time, with the gaps shaded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import matplotlib as mpl
import pytest

import binance_uds as uds
from binance_uds.notebook.plot import Span, balance_points, draw, profit_points, spans

mpl.use("Agg")

AT_MS = 1_700_000_000_000
D = Decimal


def fill(at: int, profit: str, fee: str = "1", **fields: Any) -> uds.OrderTradeUpdate:
    told = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "order_id": 1,
        "execution_type": "TRADE",
        "transaction_time_ms": AT_MS + at,
        "realized_profit": D(profit),
        "commission": D(fee),
        "commission_asset": "USDT",
        **fields,
    }
    return uds.OrderTradeUpdate(**told)


def update(at: int, balance: str, asset: str = "USDT") -> uds.AccountUpdate:
    row = uds.Balance(asset=asset, wallet_balance=D(balance), cross_wallet_balance=D(balance))
    return uds.AccountUpdate(transaction_time_ms=AT_MS + at, balances=(row,))


def closed(gap_id: int, since: int, until: int, proof: str) -> uds.GapClosed:
    return uds.GapClosed(gap_id=gap_id, since_ms=AT_MS + since, until_ms=AT_MS + until, cause="c", proof=proof)


ITEMS = [
    uds.GapOpened(gap_id=1, since_ms=AT_MS + 5, cause="c"),
    update(10, "100"),
    fill(10, "5"),
    closed(1, 4, 12, "balanced"),
    update(30, "110"),
    fill(30, "-2"),
    # Read back after what followed it.
    update(20, "105"),
    fill(20, "4", "0.5", origin="rest", late=True),
    closed(2, 35, 40, "unproven"),
    uds.GapOpened(gap_id=3, since_ms=AT_MS + 50, cause="c"),
]


def test_the_balance_is_in_the_order_of_time():
    """What was read back late stands where it belongs, and other assets are left out."""
    points = balance_points([*ITEMS, update(5, "1", "BNB")], "USDT")

    assert [(AT_MS + 10, D(100)), (AT_MS + 20, D(105)), (AT_MS + 30, D(110))] == points


def test_the_profit_is_summed_in_the_order_of_time():
    """Before fees, and after those that were paid in the asset."""
    gross, net = profit_points([*ITEMS, fill(15, "0", "9", commission_asset="BNB")], "USDT")

    assert [D(5), D(5), D(9), D(7)] == [value for _, value in gross]
    assert [D(4), D(4), D("7.5"), D("4.5")] == [value for _, value in net]


def test_the_profit_is_of_the_asset_alone():
    """Symbols quoted in another are left out, dated contracts in this one are not, and an order is no fill."""
    items = [
        fill(1, "1", symbol="BTCUSDC"),
        fill(2, "2", symbol="BTCUSDT_261225"),
        fill(3, "4", execution_type="NEW"),
        fill(4, "8", transaction_time_ms=None),
    ]

    assert [D(2)] == [value for _, value in profit_points(items, "USDT")[0]]


def test_gaps_are_spans():
    """As their report says, else from their opening on."""
    expected = [
        Span(AT_MS + 4, AT_MS + 12, True),
        Span(AT_MS + 35, AT_MS + 40, False),
        Span(AT_MS + 50, None, False),
    ]

    assert expected == spans(ITEMS)


def test_the_figure_shows_all_of_it():
    """Two panels over one axis of time, each gap shaded in both, what is unproven hatched, each kind named once."""
    figure = draw(ITEMS, "USDT")
    top, bottom = figure.axes
    names = [text.get_text() for text in top.get_legend().get_texts()]

    assert ["wallet balance", "gap, repaired", "gap, unproven or open"] == names
    assert ["wallet balance, USDT", "realised profit, USDT"] == [axes.get_ylabel() for axes in (top, bottom)]
    assert [3, 3] == [len(axes.patches) for axes in (top, bottom)]
    assert [None, "////", "////"] == [patch.get_hatch() for patch in top.patches]
    assert [100, 105, 110] == list(top.lines[0].get_ydata())
    assert "time, UTC" == bottom.get_xlabel()
    figure.canvas.draw()


def test_a_figure_of_nothing():
    """Says so."""
    figure = draw([], "USDT")
    figure.canvas.draw()

    assert "nothing was delivered yet" == figure.axes[0].texts[0].get_text()


def test_the_figure_is_nobody_elses():
    """It is not among those that pyplot shows by itself, so that a cell shows it once."""
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    draw(ITEMS, "USDT")

    assert before == pyplot.get_fignums()


@pytest.mark.parametrize("asset", ["", None, uds.Balance])
def test_the_asset_is_checked(asset):
    """In words."""
    with pytest.raises(uds.ConfigurationError, match="takes the name of an asset"):
        draw(ITEMS, asset)
