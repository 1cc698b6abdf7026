"""
Book every fill exactly once, whatever kills the process: fill and cursor go into a database in one transaction.

    BINANCE_API_KEY=... BINANCE_API_SECRET=... python samples/restart_with_cursor.py fills.db

A cursor by itself promises *at least once*: a program that dies gets once more what was delivered after it last kept
the cursor. Here each event and the cursor that counts it are committed together, so the database has both or neither.
The running total would show every fill that is booked twice.
"""

import contextlib
import sqlite3
import sys
from decimal import Decimal
from typing import Optional

import binance_uds as uds

TABLES = """
CREATE TABLE IF NOT EXISTS fills (symbol TEXT, order_id INTEGER, trade_id INTEGER, side TEXT, quantity TEXT);
CREATE TABLE IF NOT EXISTS totals (symbol TEXT PRIMARY KEY, bought TEXT);
CREATE TABLE IF NOT EXISTS cursor (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), text TEXT);
"""


def last_cursor(database: sqlite3.Connection) -> Optional[str]:
    """Return the cursor of the last transaction; None in the first run."""
    row = database.execute("SELECT text FROM cursor").fetchone()
    return None if row is None else row[0]


def book(database: sqlite3.Connection, fill: uds.OrderTradeUpdate) -> None:
    """Add a fill to the list and to its symbol's total."""
    quantity = fill.last_filled_quantity or Decimal(0)
    row = database.execute("SELECT bought FROM totals WHERE symbol = ?", (fill.symbol,)).fetchone()
    total = Decimal(row[0] if row else 0) + (quantity if fill.side == uds.Side.BUY else -quantity)
    database.execute("REPLACE INTO totals VALUES (?, ?)", (fill.symbol, str(total)))
    database.execute(
        "INSERT INTO fills VALUES (?, ?, ?, ?, ?)",
        (fill.symbol, fill.order_id, fill.trade_id, fill.side, str(quantity)),
    )


def main(path: str, market: uds.Market = uds.USDM, timings: Optional[uds.Timings] = None) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(TABLES)
        run(database, market, timings)


def run(database: sqlite3.Connection, market: uds.Market, timings: Optional[uds.Timings]) -> None:
    """Book what comes until the stream ends."""
    stream = uds.UserDataStream.from_env(market=market, cursor=last_cursor(database), timings=timings)

    @stream.on(uds.Event)
    @stream.on(uds.StateChanged)
    def commit(item: object) -> None:
        # Inside a callback the cursor counts the event at hand. In the first run there is none until just before LIVE.
        cursor = stream.cursor
        try:
            with database:
                if isinstance(item, uds.OrderTradeUpdate) and item.is_fill:
                    book(database, item)
                if cursor is not None:
                    database.execute("REPLACE INTO cursor VALUES (1, ?)", (cursor.to_text(),))
        except sqlite3.Error as error:
            # Going on would leave this fill out for good. The next run gets it again.
            raise SystemExit(f"not booked: {error}") from None

    @stream.on(uds.GapClosed)
    def report(gap: uds.GapClosed) -> None:
        print(f"read back {gap.recovered} fills of {gap.cause} ({gap.proof})", flush=True)

    # In this thread, which is the one that may use the database.
    stream.run()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("which file is the database? python samples/restart_with_cursor.py fills.db")
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        print("stopped")
