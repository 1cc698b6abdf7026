"""
Errands led from read to read: against rows that a test lays down, or an account of the pure exchange.

    trader = Trader().ground()
    trader.buy("0.1")
    trader.miss()
    trader.connect()
    report = trader.repair()
    assert NOTHING_AMISS == trader.amiss()

A `Trader` has everything between the exchange and the user but the session: the stream, which may be deaf, the REST
interface by its real routes, whose answers a test may spoil, and the delivery. Nothing here waits.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Tuple, Union

import attrs

from binance_uds.events import usdm
from binance_uds.events.base import Event
from binance_uds.events.usdm import OrderTradeUpdate
from binance_uds.events.usdm_rows import AlgoRow, BalanceRow, IncomeRow, OrderRow, PositionRow, TradeRow
from binance_uds.markets import USDM
from binance_uds.protocol import facts
from binance_uds.protocol.audit import Missing, audit
from binance_uds.protocol.delivery import Delivery
from binance_uds.protocol.facts import MergeTally
from binance_uds.protocol.identity import fill_id
from binance_uds.protocol.reading import reads
from binance_uds.protocol.reading.errands import Answer, Pause, Steps, Tell
from binance_uds.protocol.reading.reads import Read
from binance_uds.protocol.reading.recovery import Recovery
from binance_uds.protocol.reading.snapshot import snapshot
from binance_uds.protocol.repair import Task, repair
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.parameters import Parameters
from binance_uds.simulator.records import Account
from binance_uds.simulator.refusals import Refused
from binance_uds.simulator.routes import ROUTES, Call

START_MS = 1_700_000_000_000
DAY_MS = 86_400_000
SETTLE_MS = 3_000
ROUND_TRIP_MS = 50
#: As a session has them: until a minute is over.
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0)

#: The most steps that any errand of these tests takes; more is a storm.
MOST_STEPS = 3_000

#: What `Trader.amiss` returns when all is well.
NOTHING_AMISS: Dict[str, List[Any]] = {"lost": [], "doubled": [], "wrongly late or in order": []}


# Rows


def trade_row(trade_id: int, **changes: Any) -> TradeRow:
    """Return the row of a fill: one thousandth of a BTCUSDT bought."""
    told: Dict[str, Any] = {
        "symbol": "BTCUSDT",
        "trade_id": trade_id,
        "order_id": 1,
        "side": "BUY",
        "position_side": "BOTH",
        "last_filled_quantity": Decimal("0.001"),
        "last_filled_price": Decimal(30_000),
        "trade_time_ms": START_MS + trade_id,
    }
    return TradeRow(**{**told, **changes})


def order_row(order_id: int, **changes: Any) -> OrderRow:
    """Return the row of an order: a new one for a whole BTCUSDT."""
    told: Dict[str, Any] = {
        "symbol": "BTCUSDT",
        "order_id": order_id,
        "side": "BUY",
        "position_side": "BOTH",
        "status": "NEW",
        "quantity": Decimal(1),
        "filled_quantity": Decimal(0),
        "price": Decimal(29_000),
        "creation_time_ms": START_MS + order_id,
        "update_time_ms": START_MS + order_id,
    }
    return OrderRow(**{**told, **changes})


def income_row(symbol: Optional[str], time_ms: int) -> IncomeRow:
    """Return the row of a commission."""
    return IncomeRow(symbol=symbol, income_type="COMMISSION", time_ms=time_ms, transaction_id=time_ms)


def position_row(amount: str, at_ms: int, **changes: Any) -> PositionRow:
    """Return the row of a position in BTCUSDT."""
    told: Dict[str, Any] = {"symbol": "BTCUSDT", "position_side": "BOTH", "entry_price": Decimal(30_000)}
    return PositionRow(**{**told, "amount": Decimal(amount), "update_time_ms": at_ms, **changes})


def balance_row(wallet: str, at_ms: int, asset: str = "USDT") -> BalanceRow:
    """Return the row of a balance."""
    return BalanceRow(
        asset=asset, wallet_balance=Decimal(wallet), cross_wallet_balance=Decimal(wallet), update_time_ms=at_ms
    )


def algo_row(algo_id: int, **changes: Any) -> AlgoRow:
    """Return the row of a conditional order."""
    told: Dict[str, Any] = {
        "algo_id": algo_id,
        "symbol": "BTCUSDT",
        "side": "SELL",
        "status": "NEW",
        "update_time_ms": START_MS + algo_id,
    }
    return AlgoRow(**{**told, **changes})


# Errands


@attrs.define
class Led:
    """An errand that is through: what it wanted, step by step, and what it found."""

    steps: List[Union[Read, Pause, Tell]] = attrs.field(factory=list)
    found: Any = None

    @property
    def reads(self) -> List[Read]:
        """What it read."""
        return [step for step in self.steps if isinstance(step, Read)]

    @property
    def pauses(self) -> List[float]:
        """For how many seconds it paused, each time."""
        return [step.seconds for step in self.steps if isinstance(step, Pause)]

    def read(self, name: str) -> List[Dict[str, Any]]:
        """Return the parameters of each read of a name."""
        return [read.parameters for read in self.reads if read.name == name]


def lead(
    steps: Steps, answer: Callable[[Read], Answer], pause: Callable[[float], object] = lambda seconds: None
) -> Led:
    """Lead an errand to its end."""
    led = Led()
    reply: Optional[Answer] = None
    while True:
        try:
            step = next(steps) if reply is None else steps.send(reply)
        except StopIteration as end:
            led.found = end.value
            return led
        led.steps.append(step)
        assert len(led.steps) <= MOST_STEPS, "a storm"
        if isinstance(step, Pause):
            pause(step.seconds)
            reply = Answer()
        elif isinstance(step, Tell):
            reply = Answer()
        else:
            reply = answer(step)


# An account


@attrs.define
class Report:
    """What came of a repair: what was read, what was delivered at its end, and how that was counted."""

    led: Led
    events: Tuple[Event, ...]
    tally: MergeTally

    @property
    def recovery(self) -> Recovery:
        """What was found."""
        found: Recovery = self.led.found
        return found

    @property
    def proof(self) -> str:
        """On what evidence the gap is closed."""
        return self.recovery.proof

    @property
    def lost(self) -> List[str]:
        """What is named as missing for good."""
        return self.recovery.unrecoverable


@attrs.define
class Trader:
    """
    An account of the pure exchange, and a client of it.

    Attributes:
        spoil: Changes the rows of an answer, as JSON, before they are read.
        refusing: Codes with which reads are refused, by name.
        meanwhile: What happens before a read is answered.
        page: The most rows on a page.
        delivered: What the user got, in order.
        since_ms: When the gap began.
        until_ms: When the connection was in use again.
    """

    exchange: Exchange = attrs.field(factory=lambda: Exchange(START_MS))
    account: Account = attrs.field(init=False)
    hedge_mode: bool = False
    spoil: Callable[[Read, List[Any]], List[Any]] = lambda read, rows: rows
    refusing: Dict[str, int] = attrs.field(factory=dict)
    meanwhile: Callable[[Read], None] = lambda read: None
    page: int = reads.MOST_ROWS
    delivery: Delivery = attrs.field(factory=lambda: Delivery(usdm.EVENTS, signed=True))
    delivered: List[Event] = attrs.field(factory=list)
    facts: List[facts.Fact] = attrs.field(factory=list)
    since_ms: int = START_MS
    until_ms: int = START_MS
    _grounded_ms: int = START_MS

    def __attrs_post_init__(self) -> None:
        balances = {"USDT": "1000000", "USDC": "1000000"}
        self.account = self.exchange.open_account("alice", balances=balances, hedge_mode=self.hedge_mode)

    # Time

    @property
    def now_ms(self) -> int:
        """The exchange's time."""
        return self.exchange.now_ms

    def pass_time(self, seconds: float) -> Trader:
        """Let time pass."""
        self.exchange.advance(self.now_ms + round(1000 * seconds))
        return self

    # Deeds

    def place(self, side: str, quantity: str, price: Optional[str] = None, **options: Any) -> int:
        """Place an order, at the market or with a limit, and return its id; a moment passes."""
        limit = {"type": "MARKET"} if price is None else {"type": "LIMIT", "price": price}
        order = {"symbol": "BTCUSDT", "side": side, "quantity": quantity, **limit, **options}
        placed: int = self.exchange.place_order(self.account, **order)["orderId"]
        self.pass_time(0.01)
        return placed

    def buy(self, quantity: str = "0.1", price: Optional[str] = None, **options: Any) -> int:
        """Buy."""
        return self.place("BUY", quantity, price, **options)

    def sell(self, quantity: str = "0.1", price: Optional[str] = None, **options: Any) -> int:
        """Sell."""
        return self.place("SELL", quantity, price, **options)

    def fill(self, order_id: int, quantity: str) -> None:
        """Let a resting order be filled by so much; a moment passes."""
        self.exchange.fill_resting(self.account, order_id, quantity)
        self.pass_time(0.01)

    def cancel(self, order_id: int, symbol: str = "BTCUSDT") -> None:
        """Cancel an order; a moment passes."""
        self.exchange.cancel_order(self.account, symbol=symbol, order_id=order_id)
        self.pass_time(0.01)

    def stop_order(self, side: str = "SELL", trigger: str = "25000", symbol: str = "BTCUSDT") -> int:
        """Place a conditional order and return its id; a moment passes."""
        placed: int = self.exchange.place_algo_order(
            self.account, symbol=symbol, side=side, quantity="0.1", type="STOP_MARKET", trigger_price=trigger
        )["algoId"]
        self.pass_time(0.01)
        return placed

    def holds(self, symbol: str) -> bool:
        """Whether a position is open."""
        position = self.account.positions.get((symbol, "BOTH"))
        return position is not None and bool(position.amount)

    # The stream

    def hear(self, only: Callable[[Dict[str, Any]], bool] = lambda payload: True) -> Trader:
        """Let what was pushed arrive, or only some of it; the rest is lost."""
        for push in self.exchange.take_pushes():
            if only(push.payload):
                taken = self.delivery.take(json.dumps(push.payload), 1, self.now_ms / 1000)
                self.delivered.extend(item for item in taken.items if isinstance(item, Event))
                self.facts.extend(taken.facts)
        return self

    def miss(self) -> Trader:
        """Lose what was pushed; nothing of it will be told."""
        self.exchange.take_pushes()
        return self

    def connect(self) -> Trader:
        """From now on the stream delivers everything, held back until the gap is repaired."""
        self.until_ms = self.now_ms
        self.delivery.hold(None)
        return self

    # REST

    def answer(self, read: Read) -> Answer:
        """Answer a read, by the exchange's own routes."""
        self.meanwhile(read)
        sent_ms = self.now_ms
        self.exchange.advance(sent_ms + ROUND_TRIP_MS)
        parameters = {name: str(value) for name, value in read.arguments}
        try:
            if read.name in self.refusing:
                raise Refused(400, self.refusing[read.name], "no")
            route = ROUTES["GET", reads.path(read, USDM)]
            told = json.loads(json.dumps(route.act(Call(self.exchange, Parameters(parameters), self.account))))
        except Refused as refused:
            return Answer(sent_ms=sent_ms, refused=refused.code)
        is_single = not isinstance(told, list)
        spoilt = self.spoil(read, [told] if is_single else told)
        found = reads.rows(read, spoilt[0] if is_single else spoilt, USDM)
        return Answer(found.rows, found.malformed, sent_ms)

    def lead(self, steps: Steps) -> Led:
        """Lead an errand to its end; what is pushed meanwhile arrives between the reads."""

        def answer(read: Read) -> Answer:
            self.hear()
            return self.answer(read)

        return lead(steps, answer, lambda seconds: self.pass_time(seconds).hear())

    def ground(self) -> Trader:
        """Read the account as it stands, as at a start; the stream delivers from here on."""
        self.miss()
        self._grounded_ms = self.now_ms
        self.look_again()
        self.pass_time(1.0)
        self.since_ms = self.now_ms
        return self

    def look_again(self) -> Trader:
        """Read the account once more, as a session does when REST has settled."""
        self.delivery.ground(self.lead(snapshot(SETTLE_MS)).found, self.now_ms)
        return self

    def task(self, symbols: Optional[FrozenSet[str]] = None, **changes: Any) -> Task:
        """Return the task to repair the gap."""
        task = Task(self.since_ms, self.until_ms, SETTLE_MS, symbols, page_rows=self.page)
        return attrs.evolve(task, **changes)

    def repair(
        self, symbols: Optional[FrozenSet[str]] = None, recovery: Optional[Recovery] = None, **changes: Any
    ) -> Report:
        """Let REST settle, repair the gap, and deliver what comes of it."""
        self.pass_time(SETTLE_MS / 1000)
        steps = repair(self.task(symbols, **changes), self.delivery.books, recovery or Recovery())
        return self.merge(self.lead(steps))

    def merge(self, led: Led) -> Report:
        """Deliver what a repair has found."""
        events, tally = self.delivery.merge(led.found)
        self.delivered.extend(events)
        return Report(led, events, tally)

    def audit(self, since_ms: Optional[int] = None, pause: float = 2.0) -> Led:
        """Compare the account with what was delivered."""
        since_ms = self._grounded_ms if since_ms is None else since_ms
        return self.lead(audit(since_ms, self.now_ms, self.delivery.books, SETTLE_MS, pause, self.page))

    def missing(self) -> Optional[Missing]:
        """Return what an audit finds missing."""
        found: Optional[Missing] = self.audit().found
        return found

    # What must hold

    @property
    def fills(self) -> List[OrderTradeUpdate]:
        """The fills that the user got, in order."""
        return [event for event in self.delivered if isinstance(event, OrderTradeUpdate) and event.is_fill]

    def amiss(self) -> Dict[str, List[Any]]:
        """Return the fills since the start that the user did not get, or twice, or with the wrong word about order."""
        traded = [
            (fill.symbol, fill.order_id, fill.trade_id)
            for fill in self.account.fills
            if fill.time_ms >= self._grounded_ms
        ]
        told = [fill_id(fill) for fill in self.fills]
        wrong, highest = [], dict[str, int]()
        for fill in self.fills:
            assert fill.trade_id is not None
            if fill.late is not (fill.trade_id < highest.get(fill.symbol, 0)):
                wrong.append(fill_id(fill))
            highest[fill.symbol] = max(highest.get(fill.symbol, 0), fill.trade_id)
        return {
            "lost": sorted(set(traded) - set(told)),
            "doubled": sorted({fill for fill in told if told.count(fill) > 1} | (set(told) - set(traded))),
            "wrongly late or in order": wrong,
        }
