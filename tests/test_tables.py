"""Rows of attrs objects as pandas tables."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any, Optional

import attrs
import pandas as pd
import pytest

from binance_uds.errors import ConfigurationError
from binance_uds.events import Balance, GapClosed, OrderTradeUpdate, Position, StateChanged, StreamState
from binance_uds.tables import cells_of, frame_of, kinds_of


def frame(row_class: type, rows: list[Any], *, numeric: bool = False) -> pd.DataFrame:
    kinds = kinds_of(row_class)
    return frame_of([cells_of(row, kinds) for row in rows], kinds, numeric=numeric, what="this")


def position(**fields: Any) -> Position:
    return Position(**{"symbol": "BTCUSDT", "amount": Decimal(1), "entry_price": Decimal(2), **fields})


def test_ids_stay_exact_beside_those_that_are_missing():
    """A column of whole numbers does not become one of fractions because a value is missing."""
    rows = [
        OrderTradeUpdate(symbol="BTCUSDT", side="BUY", order_id=2**53 + 1, trade_id=2**53 + 3),
        OrderTradeUpdate(symbol="BTCUSDT", side="BUY", order_id=2**63 - 1),
    ]
    made = frame(OrderTradeUpdate, rows)

    assert ["Int64", "Int64"] == [str(made[name].dtype) for name in ("order_id", "trade_id")]
    assert [2**53 + 1, 2**63 - 1] == list(made.order_id)
    assert 2**53 + 3 == made.trade_id[0]
    assert made.trade_id.isna()[1]


def test_an_id_beyond_the_widest_column_is_kept_whole():
    """Then the column holds Python's own numbers."""
    made = frame(OrderTradeUpdate, [OrderTradeUpdate(symbol="BTCUSDT", side="BUY", order_id=2**70)])

    assert 2**70 == made.order_id[0]


def test_money_is_exact_unless_numbers_are_asked_for():
    """``Decimal`` as it came, or floating-point numbers with what is missing as NaN."""
    rows = [Balance(asset="USDT", wallet_balance=Decimal("0.10"), cross_wallet_balance=Decimal(3))]
    exact, numeric = frame(Balance, rows), frame(Balance, rows, numeric=True)

    assert "0.10" == str(exact.wallet_balance[0])
    assert [0.1, 3.0] == [numeric.wallet_balance[0], numeric.cross_wallet_balance[0]]
    assert "float64" == str(numeric.balance_change.dtype)
    assert numeric.balance_change.isna()[0]


def test_times_stand_as_timestamps_beside_the_milliseconds():
    """UTC, of one unit whatever the values; what is no time is none."""
    rows = [
        OrderTradeUpdate(
            symbol="BTCUSDT", side="BUY", order_id=1, transaction_time_ms=1_700_000_000_123, good_till_date_ms=0
        ),
        OrderTradeUpdate(symbol="BTCUSDT", side="BUY", order_id=1, transaction_time_ms=10**30),
    ]
    made = frame(OrderTradeUpdate, rows)

    assert pd.Timestamp("2023-11-14 22:13:20.123", tz="UTC") == made.transaction_time[0]
    assert made.transaction_time.isna()[1]
    assert made.good_till_date.isna().all()
    assert {"datetime64[ms, UTC]"} == {
        str(made[name].dtype) for name in ("transaction_time", "good_till_date", "event_time")
    }
    assert list(made.columns).index("transaction_time") + 1 == list(made.columns).index("transaction_time_ms")


def test_yes_and_no_may_be_missing():
    """A flag that was not told is neither."""
    rows = [OrderTradeUpdate(symbol="B", side="BUY", order_id=1, is_maker=flag) for flag in (True, None)]
    made = frame(OrderTradeUpdate, rows)

    assert "boolean" == str(made.is_maker.dtype)
    assert made.is_maker[0]
    assert made.is_maker.isna()[1]


def test_words_and_states_are_text():
    """An enumeration shows its word, and a tuple of words stays one."""
    changed = frame(StateChanged, [StateChanged(old=StreamState.IDLE, new=StreamState.LIVE, reason="started")])
    closed = GapClosed(gap_id=1, since_ms=1, until_ms=2, cause="c", proof="p", unrecoverable=("fills",))
    kinds = kinds_of(GapClosed)
    gaps = frame_of([cells_of(closed, kinds)], kinds, numeric=False, what="this")

    assert ["IDLE", "LIVE"] == [changed.old[0], changed.new[0]]
    assert ("fills",) == gaps.unrecoverable[0]


def test_a_table_without_rows_has_its_columns():
    """So that a program need not ask whether there was anything."""
    empty = frame(Balance, [])

    assert ["asset", "wallet_balance", "cross_wallet_balance", "balance_change"] == list(empty.columns)
    assert 0 == len(empty)


def test_rows_inside_become_columns():
    """Named after the field, the row and its field; the side is named where there is one."""

    @attrs.frozen(kw_only=True)
    class Update:
        reason: Optional[str] = None
        positions: tuple[Position, ...] = ()

    rows = [
        Update(positions=(position(position_side="BOTH"), position(position_side="LONG", amount=Decimal(7)))),
        Update(reason="ORDER"),
    ]
    kinds = {"reason": "str"}
    cells = [cells_of(row, kinds) for row in rows]
    made = frame_of(cells, kinds, numeric=True, what="this")

    assert [1.0, 7.0] == [made["positions.BTCUSDT.amount"][0], made["positions.BTCUSDT.LONG.amount"][0]]
    assert made["positions.BTCUSDT.amount"].isna()[1]


def test_what_is_private_or_raw_is_no_column():
    """As in the repr."""
    assert "raw" not in kinds_of(OrderTradeUpdate)
    assert "raw" not in cells_of(OrderTradeUpdate(symbol="B", side="BUY", order_id=1, raw={"e": 1}), {})


def test_without_pandas_the_error_names_the_extra(monkeypatch):
    """Nothing but the table is missing then."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigurationError, match=r"history.to_frame\(\) needs pandas; .*binance-uds\[notebook\]"):
        frame_of([], {}, numeric=False, what="history.to_frame()")
