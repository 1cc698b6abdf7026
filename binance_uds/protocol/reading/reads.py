"""
What the exchange can be asked by REST about an account, as data, and what its answers tell.

A ``Read`` says what is wanted, in Binance's parameters; where it is read and what that costs stands in the market's
row. Pure: whoever waits makes the call, and hands the parsed JSON to ``rows``.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Union

import attrs

from ...markets import Market, ReadName
from ..decoding.strict import TOO_DEEP, Reader, Undecodable, is_too_deep

#: The most rows that one answer holds.
MOST_ROWS = 1000

#: The longest time a read may span, from its first to its last millisecond.
LONGEST_SPAN_MS = 7 * 86_400_000 - 1

#: How far back trades, orders and income are surely shown, in milliseconds; who asks for more may be refused. Source:
#: Account Trade List (three months, which are 89 days at the least, of which one is to spare), All Orders (90 days).
SHOWN_MS = 88 * 86_400_000


@attrs.frozen
class Read:
    """
    One signed GET request.

    Attributes:
        name: What is read, one of ``ReadName``'s.
        arguments: Binance's parameter names and their values, in the order in which they are sent.
    """

    name: str
    arguments: Tuple[Tuple[str, Union[str, int]], ...] = ()

    @property
    def parameters(self) -> Dict[str, Union[str, int]]:
        """What to sign and send."""
        return dict(self.arguments)


@attrs.frozen
class Rows:
    """
    What an answer tells.

    Attributes:
        rows: Every row that can be used, in the order of the answer.
        malformed: The rows that cannot, each as which and why: ``"user_trades[3]: TradeRow without a usable side"``.
        incomplete: The fields that are None in a usable row because what was sent is not of their type, each once:
            ``"commission of user_trades"``.
    """

    rows: Tuple[Any, ...]
    malformed: Tuple[str, ...] = ()
    incomplete: Tuple[str, ...] = ()


def open_orders(symbol: Optional[str] = None) -> Read:
    """Every resting order, of one symbol or of all; ``OrderRow``."""
    return _read(ReadName.OPEN_ORDERS, symbol=symbol)


def open_algo_orders(symbol: Optional[str] = None) -> Read:
    """Every conditional order that was not triggered yet, of one symbol or of all; ``AlgoRow``."""
    return _read(ReadName.OPEN_ALGO_ORDERS, symbol=symbol)


def positions() -> Read:
    """The positions of all symbols that have one or an open order; ``PositionRow``."""
    return Read(ReadName.POSITIONS)


def balances() -> Read:
    """The balances of all assets; ``BalanceRow``."""
    return Read(ReadName.BALANCES)


def order(symbol: str, order_id: int) -> Read:
    """One order; ``OrderRow``. One that ended without a fill is forgotten 3 days after its placing: -2013."""
    return _read(ReadName.ORDER, symbol=symbol, orderId=order_id)


def algo_order(algo_id: int) -> Read:
    """One conditional order; ``AlgoRow``. It is forgotten as an order is; just after its placing -2013 is no answer."""
    return _read(ReadName.ALGO_ORDER, algoId=algo_id)


def all_orders(
    start_ms: Optional[int],
    end_ms: Optional[int] = None,
    symbol: Optional[str] = None,
    order_id: Optional[int] = None,
    limit: int = MOST_ROWS,
) -> Read:
    """
    Orders, whatever became of them, oldest first; ``OrderRow``.

    Args:
        start_ms: The times may mean those of placement, by the exchange's clock; None with ``order_id``.
        end_ms: The last millisecond, at most ``LONGEST_SPAN_MS`` later; None means now.
        symbol: Without it, those of all symbols.
        order_id: This order and those after it; the exchange then does not look at the times.
        limit: The most rows wanted.
    """
    return _read(ReadName.ALL_ORDERS, symbol=symbol, orderId=order_id, startTime=start_ms, endTime=end_ms, limit=limit)


def user_trades(
    symbol: str,
    *,
    start_ms: Optional[int] = None,
    end_ms: Optional[int] = None,
    from_id: Optional[int] = None,
    limit: int = MOST_ROWS,
) -> Read:
    """
    Fills of a symbol, oldest first; ``TradeRow``.

    Without a start or an id it is the newest that are answered, else the oldest. The two fills of a self-trade share
    an id, and a page may end between them: the next starts *from* the last id.

    Args:
        symbol: Which.
        start_ms: From this millisecond of the exchange's clock on.
        end_ms: To this one, at most ``LONGEST_SPAN_MS`` later.
        from_id: From this trade id on, instead of times.
        limit: The most rows wanted.

    Raises:
        ValueError: Both times and an id, which the exchange refuses.
    """
    if from_id is not None and (start_ms is not None or end_ms is not None):
        raise ValueError("trades are read by time or from an id, not both")
    return _read(ReadName.USER_TRADES, symbol=symbol, startTime=start_ms, endTime=end_ms, fromId=from_id, limit=limit)


def income(start_ms: int, end_ms: Optional[int] = None, limit: int = MOST_ROWS) -> Read:
    """
    What changed the balances, oldest first; ``IncomeRow``.

    Args:
        start_ms: From this millisecond of the exchange's clock on.
        end_ms: To this one, at most ``LONGEST_SPAN_MS`` later; None means now.
        limit: The most rows wanted.
    """
    return _read(ReadName.INCOME, startTime=start_ms, endTime=end_ms, limit=limit)


def symbol_configs() -> Read:
    """Leverage and margin type of every symbol; ``SymbolConfigRow``."""
    return Read(ReadName.SYMBOL_CONFIGS)


def account_config() -> Read:
    """The modes of the account; ``AccountConfigRow``."""
    return Read(ReadName.ACCOUNT_CONFIG)


def _read(name: str, **arguments: Union[str, int, None]) -> Read:
    return Read(name, tuple((key, value) for key, value in arguments.items() if value is not None))


def path(read: Read, market: Market) -> str:
    """Return the path to send a read to."""
    return market.endpoint(read.name).path


def weight(read: Read, market: Market) -> int:
    """Return what a read counts towards the request weight of a minute."""
    endpoint = market.endpoint(read.name)
    if endpoint.weight_without_symbol is None or "symbol" in read.parameters:
        return endpoint.weight
    return endpoint.weight_without_symbol


def rows(read: Read, answer: Any, market: Market) -> Rows:
    """
    Read the rows of an answer.

    Args:
        read: What was asked.
        answer: The parsed JSON. Its rows become ``raw``, so it must not be changed afterwards.
        market: Says what the rows are.

    Returns:
        The rows that can be used, and the names of what cannot; a name repeats nothing of the content.

    Raises:
        Undecodable: The answer is not a list of rows or, where one row is asked for, not an object.
    """
    endpoint = market.endpoint(read.name)
    if not isinstance(answer, dict if endpoint.is_single else list):
        raise Undecodable(f"the answer to {read.name} is not {'an object' if endpoint.is_single else 'a list'}")
    reader = Reader(endpoint.row_class)
    usable: List[Any] = []
    malformed: List[str] = []
    incomplete: Dict[str, None] = {}
    for index, row in enumerate([answer] if endpoint.is_single else answer):
        where = f"{read.name}[{index}]"
        fields: List[str] = []
        try:
            usable.append(_row(reader, row, fields))
        except Undecodable as error:
            malformed.append(f"{where}: {error.reason}")
        else:
            incomplete.update((f"{field} of {read.name}", None) for field in fields)
    return Rows(tuple(usable), tuple(malformed), tuple(incomplete))


def _row(reader: Reader, row: Any, malformed: List[str]) -> Any:
    if not isinstance(row, dict):
        raise Undecodable("not an object")
    if is_too_deep(row):
        raise Undecodable(TOO_DEEP)
    return reader.read(row, malformed, raw=row)
