"""Events made of rows: against what the stream itself would have said."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal

import attrs
import pytest

from binance_uds.events.usdm import (
    EVENTS,
    AccountConfigUpdate,
    AccountUpdate,
    AlgoUpdate,
    Balance,
    OrderTradeUpdate,
    Position,
)
from binance_uds.events.usdm_rows import (
    AccountConfigRow,
    AlgoRow,
    BalanceRow,
    OrderRow,
    PositionRow,
    SymbolConfigRow,
    TradeRow,
)
from binance_uds.markets import USDM
from binance_uds.protocol.decoding.strict import Decoder, parse, unwrap
from binance_uds.protocol.reading import reads, recovered
from binance_uds.simulator.exchange import Exchange

START_MS = 1_700_000_000_000

TRADE = TradeRow(
    symbol="BTCUSDT",
    trade_id=11,
    order_id=7,
    side="SELL",
    position_side="SHORT",
    last_filled_quantity=Decimal("0.2"),
    last_filled_price=Decimal(30000),
    realized_profit=Decimal("-1.5"),
    commission=Decimal("-0.3"),
    commission_asset="BNB",
    is_maker=True,
    trade_time_ms=START_MS,
    raw={"id": 11},
)
ORDER = OrderRow(
    symbol="BTCUSDT",
    order_id=7,
    client_order_id="mine",
    side="SELL",
    position_side="SHORT",
    status="PARTIALLY_FILLED",
    order_type="LIMIT",
    original_order_type="STOP",
    time_in_force="GTC",
    quantity=Decimal(1),
    filled_quantity=Decimal("0.5"),
    price=Decimal(29000),
    average_price=Decimal(29500),
    stop_price=Decimal(28000),
    activation_price=Decimal(5),
    callback_rate=Decimal(6),
    is_reduce_only=True,
    is_close_all=False,
    is_price_protected=True,
    working_type="MARK_PRICE",
    price_match="NONE",
    self_trade_prevention="EXPIRE_BOTH",
    good_till_date_ms=0,
    creation_time_ms=START_MS - 9,
    update_time_ms=START_MS + 9,
    raw={"orderId": 7},
)


def account(**changes):
    """Return an event of the account, read by REST, with nothing in it but what is given."""
    return AccountUpdate(origin="rest", **changes)


class TestFill:
    """A trade becomes the event it was."""

    def test_of_a_trade_alone(self):
        """What the trade's row says, and nothing else."""
        event = recovered.fill(TRADE)

        assert (
            OrderTradeUpdate(
                origin="rest",
                event_time_ms=None,
                transaction_time_ms=START_MS,
                symbol="BTCUSDT",
                side="SELL",
                execution_type="TRADE",
                order_id=7,
                last_filled_quantity=Decimal("0.2"),
                last_filled_price=Decimal(30000),
                commission=Decimal("-0.3"),
                commission_asset="BNB",
                trade_time_ms=START_MS,
                trade_id=11,
                is_maker=True,
                position_side="SHORT",
                realized_profit=Decimal("-1.5"),
            )
            == event
        )
        assert TRADE.raw is event.raw
        assert event.is_fill
        assert not event.late

    def test_with_its_order(self):
        """Of the order comes what an order keeps for life, and what was ordered; not what it has become since."""
        assert attrs.evolve(
            recovered.fill(TRADE),
            client_order_id="mine",
            order_type="LIMIT",
            original_order_type="STOP",
            time_in_force="GTC",
            quantity=Decimal(1),
            price=Decimal(29000),
            stop_price=Decimal(28000),
            activation_price=Decimal(5),
            callback_rate=Decimal(6),
            is_reduce_only=True,
            is_close_all=False,
            is_price_protected=True,
            working_type="MARK_PRICE",
            price_match="NONE",
            self_trade_prevention="EXPIRE_BOTH",
            good_till_date_ms=0,
        ) == recovered.fill(TRADE, ORDER)
        assert TRADE.raw is recovered.fill(TRADE, ORDER).raw

    def test_the_order_fills_in_what_the_trade_lacks(self):
        """A position side that the trade's row does not tell is the order's; a fee is nobody else's to tell."""
        event = recovered.fill(attrs.evolve(TRADE, position_side=None, commission=None), ORDER)

        assert ("SHORT", None) == (event.position_side, event.commission)

    @pytest.mark.parametrize(
        ("status", "filled", "expected"),
        [
            ("PARTIALLY_FILLED", "0.5", ("PARTIALLY_FILLED", Decimal(29500))),
            ("FILLED", "0.5", ("FILLED", Decimal(29500))),
            ("CANCELED", "0.5", ("PARTIALLY_FILLED", Decimal(29500))),
            ("EXPIRED", "0.5", ("PARTIALLY_FILLED", Decimal(29500))),
            ("EXPIRED_IN_MATCH", "0.5", ("PARTIALLY_FILLED", Decimal(29500))),
            ("NEW", "0.5", (None, Decimal(29500))),
            ("SOMETHING_NEW", "0.5", (None, Decimal(29500))),
            ("FILLED", "0.2", ("PARTIALLY_FILLED", None)),
            ("SOMETHING_NEW", "0.2", ("PARTIALLY_FILLED", None)),
            ("PARTIALLY_FILLED", "0.6", (None, None)),
            ("FILLED", None, (None, None)),
        ],
    )
    def test_status_and_mean_price_are_those_of_the_moment_or_none(self, status, filled, expected):
        """They are told where the order's row proves them: by its quantity, whatever became of it since."""
        filled = None if filled is None else Decimal(filled)
        event = recovered.fill(TRADE, attrs.evolve(ORDER, status=status), filled)

        assert (filled, *expected) == (event.filled_quantity, event.status, event.average_price)

    def test_a_chain_needs_no_order(self):
        """How much was filled is known where all fills are, though nothing else of the order is."""
        event = recovered.fill(TRADE, None, Decimal("0.5"))

        assert (Decimal("0.5"), None, None) == (event.filled_quantity, event.status, event.average_price)


def test_an_order_state():
    """It says what the order is; what happened to it last is not known."""
    event = recovered.order_state(ORDER)

    assert (
        OrderTradeUpdate(
            origin="rest",
            transaction_time_ms=START_MS + 9,
            trade_time_ms=START_MS + 9,
            symbol="BTCUSDT",
            order_id=7,
            client_order_id="mine",
            side="SELL",
            position_side="SHORT",
            status="PARTIALLY_FILLED",
            order_type="LIMIT",
            original_order_type="STOP",
            time_in_force="GTC",
            quantity=Decimal(1),
            filled_quantity=Decimal("0.5"),
            price=Decimal(29000),
            average_price=Decimal(29500),
            stop_price=Decimal(28000),
            activation_price=Decimal(5),
            callback_rate=Decimal(6),
            is_reduce_only=True,
            is_close_all=False,
            is_price_protected=True,
            working_type="MARK_PRICE",
            price_match="NONE",
            self_trade_prevention="EXPIRE_BOTH",
            good_till_date_ms=0,
        )
        == event
    )
    assert ORDER.raw is event.raw
    assert not event.is_fill


def test_an_algo_state():
    """It says what the conditional order is, at the time of its row."""
    row = AlgoRow(
        algo_id=5,
        client_algo_id="stop",
        algo_type="CONDITIONAL",
        order_type="STOP_MARKET",
        symbol="BTCUSDT",
        side="SELL",
        position_side="BOTH",
        time_in_force="GTC",
        quantity=Decimal("0.0007"),
        status="TRIGGERED",
        actual_order_id=8,
        average_price=Decimal(25000),
        filled_quantity=Decimal("0.0003"),
        trigger_price=Decimal(25100),
        price=Decimal(0),
        self_trade_prevention="NONE",
        working_type="CONTRACT_PRICE",
        price_match="NONE",
        is_close_all=False,
        is_price_protected=True,
        is_reduce_only=True,
        is_trailing_activated=False,
        creation_time_ms=START_MS - 9,
        update_time_ms=START_MS,
        trigger_time_ms=START_MS - 1,
        good_till_date_ms=0,
        raw={"algoId": 5},
    )
    event = recovered.algo_state(row)

    assert (
        AlgoUpdate(
            origin="rest",
            transaction_time_ms=START_MS,
            client_algo_id="stop",
            algo_id=5,
            algo_type="CONDITIONAL",
            order_type="STOP_MARKET",
            symbol="BTCUSDT",
            side="SELL",
            position_side="BOTH",
            time_in_force="GTC",
            quantity=Decimal("0.0007"),
            status="TRIGGERED",
            actual_order_id=8,
            average_price=Decimal(25000),
            filled_quantity=Decimal("0.0003"),
            trigger_price=Decimal(25100),
            price=Decimal(0),
            self_trade_prevention="NONE",
            working_type="CONTRACT_PRICE",
            price_match="NONE",
            is_close_all=False,
            is_price_protected=True,
            is_reduce_only=True,
            trigger_time_ms=START_MS - 1,
            good_till_date_ms=0,
            is_trailing_activated=False,
        )
        == event
    )
    assert row.raw is event.raw


class TestAccountStates:
    """Balances and positions become events, each row at its own time."""

    def test_nothing(self):
        """No rows, no event."""
        assert () == recovered.account_states()

    def test_rows_of_one_time_are_one_event_and_the_oldest_comes_first(self):
        """So an event's time is the time of each of its rows, as on the stream."""

        def balance(asset, time_ms):
            return BalanceRow(
                asset=asset,
                wallet_balance=Decimal(9),
                cross_wallet_balance=Decimal(8),
                update_time_ms=time_ms,
                raw={"asset": asset},
            )

        position = PositionRow(
            symbol="BTCUSDT",
            position_side="LONG",
            amount=Decimal(-3),
            entry_price=Decimal(30000),
            break_even_price=Decimal(30001),
            unrealized_profit=Decimal(4),
            isolated_wallet=Decimal(0),
            margin_asset="USDT",
            update_time_ms=5,
            raw={"symbol": "BTCUSDT"},
        )
        events = recovered.account_states(
            iter([balance("USDT", 5), balance("BNB", 9), balance("USDC", 0)]), iter([position])
        )
        values = {"wallet_balance": Decimal(9), "cross_wallet_balance": Decimal(8)}
        held = Position(
            symbol="BTCUSDT",
            position_side="LONG",
            amount=Decimal(-3),
            entry_price=Decimal(30000),
            break_even_price=Decimal(30001),
            unrealized_profit=Decimal(4),
            isolated_wallet=Decimal(0),
            margin_asset="USDT",
        )

        assert (
            account(transaction_time_ms=0, balances=(Balance(asset="USDC", **values),)),
            account(transaction_time_ms=5, balances=(Balance(asset="USDT", **values),), positions=(held,)),
            account(transaction_time_ms=9, balances=(Balance(asset="BNB", **values),)),
        ) == events
        assert [
            {"balances": [{"asset": "USDC"}], "positions": []},
            {"balances": [{"asset": "USDT"}], "positions": [{"symbol": "BTCUSDT"}]},
            {"balances": [{"asset": "BNB"}], "positions": []},
        ] == [event.raw for event in events]
        assert events == pickle.loads(pickle.dumps(events))


# Against the stream of the local exchange


@attrs.define
class Trading:
    """An account of the local exchange, and all that its stream said."""

    exchange: Exchange
    account: object
    events: list

    @classmethod
    def begin(cls, *, hedge_mode=False):
        """Open an account."""
        exchange = Exchange(START_MS)
        balances = {"USDT": "1000000", "USDC": "1000"}
        return cls(exchange, exchange.open_account("alice", balances=balances, hedge_mode=hedge_mode), [])

    def listen(self):
        """Hear what was pushed; then let a while pass."""
        decoder = Decoder(EVENTS)
        for push in self.exchange.take_pushes():
            self.events.append(decoder.event(unwrap(parse(json.dumps(push.payload)))).event)
        self.exchange.advance(self.exchange.now_ms + 10)

    def place(self, side, quantity, price=None, **options):
        """Place an order of BTCUSDT, listen, and return its id."""
        limit = {"type": "MARKET"} if price is None else {"type": "LIMIT", "price": price}
        order = {"symbol": "BTCUSDT", "side": side, "quantity": quantity, **limit, **options}
        order_id = self.exchange.place_order(self.account, **order)["orderId"]
        self.listen()
        return order_id

    def told(self, of):
        """What the stream said, of one class."""
        return [event for event in self.events if isinstance(event, of)]

    def rows(self, read, answer):
        """Read an answer of the exchange, which must be whole."""
        found = reads.rows(read, json.loads(json.dumps(answer)), USDM)
        assert ((), ()) == (found.malformed, found.incomplete)
        return found.rows

    def fills(self):
        """The fills as REST tells them, each with what its order had filled by then."""
        history = self.exchange.read_all_orders(self.account, limit=1000)
        orders = {row.order_id: row for row in self.rows(reads.all_orders(0), history)}
        filled, events = {}, []
        trades = self.exchange.read_user_trades(self.account, "BTCUSDT", limit=1000)
        for trade in self.rows(reads.user_trades("BTCUSDT"), trades):
            filled[trade.order_id] = filled.get(trade.order_id, 0) + trade.last_filled_quantity
            events.append(recovered.fill(trade, orders[trade.order_id], filled[trade.order_id]))
        return events


def known(event):
    """Return what an event says."""
    return {
        field.name: getattr(event, field.name)
        for field in attrs.fields(type(event))
        if field.name not in ("raw", "origin") and getattr(event, field.name) is not None
    }


def agreement(told, found):
    """Return where what was recovered says something else than what was told; both by the order of coming."""
    assert len(told) == len(found) > 0
    pairs = [(known(live), known(rest)) for live, rest in zip(told, found)]
    return [(key, live.get(key), rest[key]) for live, rest in pairs for key in rest if rest[key] != live.get(key)]


#: What of a fill no row tells; the mean price of the time of a fill, of none but an order's last.
UNTOLD = {
    "event_time_ms",
    "bids_notional",
    "asks_notional",
    "strategy_type",
    "strategy_id",
    "strategy_sub_id",
    "expiry_reason",
    "average_price",
}


@pytest.mark.parametrize("hedge_mode", [False, True])
def test_recovered_fills_say_what_the_stream_said(hedge_mode):
    """Market and limit orders, in one piece or several, ended or not, with themselves: word for word, or None."""
    trading = Trading.begin(hedge_mode=hedge_mode)
    long, short = ({"position_side": side} if hedge_mode else {} for side in ("LONG", "SHORT"))
    trading.exchange.set_liquidity("BTCUSDT", depth="0.3", largest_trade="0.04")
    trading.place("BUY", "0.1", **long)
    trading.place("BUY", "0.5", **long)
    resting = trading.place("SELL", "1", "30100", client_order_id="mine", **short)
    trading.place("BUY", "0.2", "30100", self_trade_prevention="NONE", **long)
    trading.place("BUY", "0.5", "30100", time_in_force="IOC", **long)
    trading.exchange.fill_resting(trading.account, resting, "0.2")
    trading.listen()
    trading.exchange.cancel_order(trading.account, symbol="BTCUSDT", order_id=resting)
    trading.listen()
    told = [event for event in trading.told(OrderTradeUpdate) if event.is_fill]
    found = trading.fills()

    assert [] == agreement(told, found)
    assert {"PARTIALLY_FILLED", "FILLED"} == {event.status for event in found}
    assert set() == {key for live, rest in zip(told, found) for key in known(live).keys() - known(rest)} - UNTOLD


@pytest.mark.fault(62)
def test_a_recovered_liquidation_is_a_trade():
    """What only the stream calls CALCULATED, with a status that never changes, is a trade by REST, and filled."""
    trading = Trading.begin()
    trading.place("BUY", "0.1")
    trading.exchange.liquidate(trading.account, "BTCUSDT")
    trading.listen()
    told = [event for event in trading.told(OrderTradeUpdate) if event.is_fill]

    assert [("execution_type", "CALCULATED", "TRADE"), ("status", "NEW", "FILLED")] == sorted(
        agreement(told, trading.fills())
    )


def test_an_amended_order_is_told_as_it_is_now():
    """Quantity and price are those after the amendment: REST remembers no others."""
    trading = Trading.begin()
    resting = trading.place("SELL", "1", "30100")
    trading.exchange.fill_resting(trading.account, resting, "0.4")
    trading.listen()
    amended = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "2", "price": "30200"}
    trading.exchange.amend_order(trading.account, order_id=resting, **amended)
    trading.listen()
    told = [event for event in trading.told(OrderTradeUpdate) if event.is_fill]

    assert [("price", Decimal(30100), Decimal(30200)), ("quantity", 1, 2)] == sorted(agreement(told, trading.fills()))


def test_recovered_states_say_what_the_stream_said_last():
    """Orders, conditional orders, balances and positions: the last word of the stream, or None."""
    trading = Trading.begin()
    exchange, alice = trading.exchange, trading.account
    ended = trading.place("BUY", "0.1")
    resting = trading.place("SELL", "1", "30100")
    exchange.fill_resting(alice, resting, "0.4")
    trading.listen()
    exchange.transfer(alice, "USDC", "-7")
    trading.listen()
    exchange.place_algo_order(
        alice, symbol="BTCUSDT", side="SELL", quantity="0.1", type="STOP_MARKET", trigger_price="25000"
    )
    trading.listen()
    orders = [
        recovered.order_state(row)
        for order_id in (ended, resting)
        for row in trading.rows(
            reads.order("BTCUSDT", order_id), exchange.read_order(alice, "BTCUSDT", order_id=order_id)
        )
    ]
    last = {event.order_id: event for event in trading.told(OrderTradeUpdate)}
    algos = [
        recovered.algo_state(row)
        for row in trading.rows(reads.open_algo_orders(), exchange.read_open_algo_orders(alice))
    ]
    accounts = recovered.account_states(
        trading.rows(reads.balances(), exchange.read_balance(alice)),
        trading.rows(reads.positions(), exchange.read_position_risk(alice)),
    )
    told = trading.told(AccountUpdate)[-2:]

    assert [] == agreement([last[ended], last[resting]], orders)
    # By REST an order that was not triggered has filled nothing; the stream does not mention it.
    assert {"average_price", "filled_quantity"} == {key for key, _, _ in agreement(trading.told(AlgoUpdate), algos)}
    assert [event.transaction_time_ms for event in told] == [event.transaction_time_ms for event in accounts]
    assert [] == agreement([event.balances[0] for event in told], [event.balances[0] for event in accounts])
    # The stream of the local exchange leaves out what the documents leave out.
    assert [("margin_asset", None, "USDT")] == agreement(
        [event.positions[0] for event in told[:1]], [event.positions[0] for event in accounts[:1]]
    )


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (SymbolConfigRow(symbol="BTCUSDT", leverage=7, margin_type="CROSSED"), {"symbol": "BTCUSDT", "leverage": 7}),
        (
            AccountConfigRow(is_hedge_mode=True, is_multi_assets_mode=False),
            {"is_hedge_mode": True, "is_multi_assets_mode": False},
        ),
    ],
)
def test_a_setting_is_told_as_of_a_moment(row, told):
    """A leverage, or both modes; REST has no time for them, so it is the one that is given."""
    row = attrs.evolve(row, raw={"as": "it came"})
    event = recovered.configuration_state(row, START_MS)

    assert AccountConfigUpdate(transaction_time_ms=START_MS, origin="rest", **told) == event
    assert row.raw == event.raw
