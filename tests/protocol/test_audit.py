"""What was lost on a connection that looks healthy is found, named, and nothing else is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_uds.protocol.audit import Unread, audit
from binance_uds.protocol.reading.reads import Read
from binance_uds.protocol.reading.recovery import Recovery
from tests.protocol.trader import NOTHING_AMISS, SETTLE_MS, Led, Trader, lead

BTC, ETH = frozenset({"BTCUSDT"}), frozenset({"ETHUSDT"})


def trader(**options: Any) -> Trader:
    """Return a trader with an order and a position of some age, all of it told."""
    made = Trader(**options).ground()
    side = {"position_side": "LONG"} if options.get("hedge_mode") else {}
    made.buy("0.2", **side)
    made.buy("0.3", "29900", **side)
    made.stop_order() if not side else None
    made.hear()
    return made.pass_time(10.0)


def settled(made: Trader) -> Trader:
    """Let REST settle."""
    return made.pass_time(SETTLE_MS / 1000 + 1.0)


def resting(made: Trader) -> int:
    """Return the id of the order that rests."""
    (order_id,) = made.account.open_orders
    return order_id


# In order


def test_an_account_at_rest_is_in_order_and_costs_little():
    """No pause, nothing missing, and one request more than the snapshot costs: seven."""
    led = settled(trader()).audit()

    assert led.found is None
    standing = ["balances", "positions", "open_algo_orders", "open_orders"]
    assert [*standing, "all_orders", "symbol_configs", "account_config"] == [read.name for read in led.reads]
    assert [] == led.pauses


@pytest.mark.parametrize("hedge_mode", [False, True])
def test_what_happens_while_it_reads_is_in_order(hedge_mode):
    """Rows and frames are compared both ways: either may be the older."""
    made = trader(hedge_mode=hedge_mode)
    side = {"position_side": "LONG"} if hedge_mode else {}
    deeds = [
        lambda: made.sell("0.1", **side),
        lambda: made.fill(resting(made), "0.1"),
        lambda: made.exchange.transfer(made.account, "USDT", "7"),
        lambda: made.buy("1", symbol="ETHUSDT", **side),
        lambda: made.cancel(resting(made)),
    ]

    def live(read: Read) -> None:
        if deeds:
            deeds.pop(0)()

    made.meanwhile = live
    led = settled(made).audit()
    made.hear()

    assert led.found is None
    assert NOTHING_AMISS == made.amiss()


def test_what_is_on_its_way_is_waited_for():
    """A frame that is late by less than the pause is no loss, and one pause is all there is."""
    made = settled(trader())
    made.fill(resting(made), "0.1")
    made.buy("0.1")
    led = lead_silently(made)

    assert led.found is None
    assert [2.0] == led.pauses


def lead_silently(made: Trader) -> Led:
    """Audit while frames come only in pauses."""
    steps = audit(made.since_ms, made.now_ms, made.delivery.books, SETTLE_MS, 2.0)
    return lead(steps, made.answer, lambda seconds: made.pass_time(seconds).hear())


def test_a_position_whose_end_is_on_its_way_is_waited_for():
    """REST shows it flat by not showing it, and the frames come in the pause."""
    made = trader()
    made.cancel(resting(made))
    settled(made.hear())
    made.sell("0.2")
    led = lead_silently(made)

    assert led.found is None
    assert [2.0] == led.pauses


def test_an_order_that_rest_may_not_show_yet_is_not_asked_for():
    """Placed within the settle time: REST may be behind, and an answer would prove nothing."""
    made = settled(trader())
    made.exchange.rest_lag_ms = SETTLE_MS - 500
    made.buy("0.1", "29800")
    made.hear()
    led = made.audit()

    assert ([], None) == (led.read("order"), led.found)


@pytest.mark.fault(22)
def test_rest_behind_the_stream_is_no_loss():
    """Orders and positions that REST shows as they were before the stream told otherwise are in order."""
    made = trader()
    settled(made)
    made.exchange.rest_lag_ms = SETTLE_MS - 100
    made.fill(resting(made), "0.3")
    made.sell("0.2")
    made.exchange.transfer(made.account, "USDT", "7")
    made.buy("0.1", "29800")
    made.hear()

    assert made.audit().found is None


# Missing


def lost(made: Trader) -> Any:
    """Lose what was pushed, let REST settle, and return what is missing."""
    settled(made.miss())
    led = made.audit()

    assert [2.0] == led.pauses
    return led.found


@pytest.mark.fault(28)
def test_a_lost_fill_is_found_by_its_order():
    """Since when is what the last agreement of that order's sums says; the row is handed on."""
    made = trader()
    good_ms = made.delivery.books.chains.orders["BTCUSDT", resting(made)].good_ms
    made.fill(resting(made), "0.1")
    found = lost(made)

    assert BTC == found.symbols
    assert made.since_ms <= found.since_ms <= good_ms
    assert {("BTCUSDT", resting(made))} == set(found.found.orders)


@pytest.mark.fault(28)
def test_an_order_that_was_never_told_is_found():
    """Placed, filled and over: nothing but the list of all orders tells of it, and it counts from its placing."""
    made = trader()
    placed_ms = made.now_ms
    made.buy("1", symbol="ETHUSDT")
    made.sell("1", symbol="ETHUSDT")
    found = lost(made)

    assert (ETH, placed_ms, 2) == (found.symbols, found.since_ms, len(found.found.orders))


def test_a_lost_cancellation_is_found_and_an_order_of_long_ago_asked_for_singly():
    """Its times may mean its creation, so what stood open and is gone is asked for by itself."""
    made = trader()
    made.pass_time(86_400.0)
    gone, watermark_ms = resting(made), made.now_ms
    made.cancel(gone)
    settled(made.miss())
    led = made.audit(watermark_ms)

    assert [{"symbol": "BTCUSDT", "orderId": gone}] == led.read("order")
    assert (BTC, watermark_ms) == (led.found.symbols, led.found.since_ms)
    assert "CANCELED" == led.found.found.orders["BTCUSDT", gone].status


def test_a_lost_amendment_is_found():
    """Other terms, and no fill."""
    made = trader()
    made.exchange.amend_order(
        made.account, symbol="BTCUSDT", side="BUY", order_id=resting(made), quantity="0.4", price="29900"
    )

    assert BTC == lost(made).symbols


def test_a_lost_conditional_order_is_found():
    """One that was placed, and one that was cancelled, which is asked for by itself."""
    made = trader()
    (old,) = made.delivery.books.algo_orders
    new = made.stop_order(symbol="ETHUSDT", trigger="1500")
    made.exchange.cancel_algo_order(made.account, algo_id=old)
    found = lost(made)

    assert BTC | ETH == found.symbols
    assert {old: "CANCELED", new: "NEW"} == {algo_id: row.status for algo_id, row in found.found.algo_orders.items()}


# What the exchange has forgotten

DAYS_3_S = 3 * 86_400.0


@pytest.mark.fault(24)
def test_an_order_that_ended_and_is_forgotten_is_found_once():
    """It stood for days, its cancellation was lost: the repair names it, the account ends it, and nobody asks again."""
    made = trader()
    gone, told_ms = resting(made), made.delivery.account.order(resting(made)).updated_ms
    made.pass_time(DAYS_3_S)
    made.cancel(gone)
    found = lost(made)
    made.since_ms, made.until_ms = found.since_ms, made.now_ms
    report = made.repair(found.symbols, found.found)
    again = settled(made).audit()

    assert (BTC, told_ms) == (found.symbols, found.since_ms)
    assert [f"the end of order {gone} of BTCUSDT (unknown to the exchange)"] == report.lost
    assert (True, {}) == (made.delivery.account.order(gone).is_forgotten, dict(made.delivery.account.open_orders))
    assert (None, []) == (again.found, again.read("order"))


@pytest.mark.fault(24)
def test_a_conditional_order_that_ended_and_is_forgotten_is_found_once():
    """As an order is."""
    made = trader()
    ((gone, waiting),) = made.delivery.books.algo_orders.items()
    made.pass_time(DAYS_3_S)
    made.exchange.cancel_algo_order(made.account, algo_id=gone)
    found = lost(made)
    made.since_ms, made.until_ms = found.since_ms, made.now_ms
    report = made.repair(found.symbols, found.found)
    again = settled(made).audit()

    assert (BTC, waiting.time_ms) == (found.symbols, found.since_ms)
    assert [f"the end of conditional order {gone} (unknown to the exchange)"] == report.lost
    assert (True, {}) == (
        made.delivery.account.algo_order(gone).is_forgotten,
        dict(made.delivery.account.open_algo_orders),
    )
    assert (None, []) == (again.found, again.read("algo_order"))


@pytest.mark.parametrize("age_s, is_found", [(59.0, False), (61.0, True)])
@pytest.mark.parametrize("name", ["order", "algo_order"])
def test_an_order_told_of_lately_that_rest_does_not_know_may_be_one_it_does_not_know_yet(name, age_s, is_found):
    """REST may be behind by more than it is granted; a minute later that is no reason any more."""
    made = Trader().ground()
    if name == "order":
        made.cancel(made.buy("0.3", "29900"))
    else:
        made.exchange.cancel_algo_order(made.account, algo_id=made.stop_order())
    made.hear(only=lambda payload: payload.get("o", {}).get("X") == "NEW")
    made.pass_time(age_s)
    made.refusing = {name: -2013}
    made.spoil = lambda read, rows: [] if read.name.endswith("orders") else rows
    led = made.audit()

    assert 1 == len(led.read(name))
    assert is_found is (led.found is not None)


@pytest.mark.parametrize("name", ["order", "algo_order"])
def test_the_end_of_a_forgotten_order_may_be_on_its_way(name):
    """Its frame comes in the pause."""
    made = trader()
    made.pass_time(DAYS_3_S)
    if name == "order":
        made.cancel(resting(made))
    else:
        (algo_id,) = made.delivery.books.algo_orders
        made.exchange.cancel_algo_order(made.account, algo_id=algo_id)
    led = lead_silently(settled(made))

    assert 1 == len(led.read(name))
    assert (None, [2.0]) == (led.found, led.pauses)


def test_a_lost_balance_is_found():
    """Of no symbol; since the watermark at the earliest."""
    made = trader()
    made.exchange.transfer(made.account, "USDC", "5")
    at_ms = made.now_ms
    found = lost(made)

    assert (frozenset(), at_ms) == (found.symbols, found.since_ms)


@pytest.mark.fault(28)
def test_a_lost_funding_fee_of_an_isolated_position_is_found_behind_another_word_about_the_balance():
    """The balance is as it was told, only the position's margin is not; the repair tells it, once."""
    made = Trader()
    made.exchange.change_margin_type(made.account, "BTCUSDT", "ISOLATED")
    made.ground().buy("0.2")
    told_ms = made.now_ms
    made.hear().pass_time(8 * 3_600.0).miss()
    made.exchange.transfer(made.account, "USDT", "5")
    settled(made.hear())
    found = made.missing()
    made.since_ms, made.until_ms = found.since_ms, made.now_ms
    report = made.repair(found.symbols, found.found)
    (position,) = made.account.positions.values()
    again = settled(made).audit()

    assert (BTC, True) == (found.symbols, found.since_ms <= told_ms)
    assert [position.isolated_wallet] == [
        row.isolated_wallet for event in report.events for row in getattr(event, "positions", ())
    ]
    assert made.delivery.account.position("BTCUSDT").isolated_wallet == position.isolated_wallet
    assert None is again.found


def hide_orders(read: Read, rows: list[Any]) -> list[Any]:
    """Show no order at all."""
    return [] if read.name in ("all_orders", "open_orders") else rows


def test_a_lost_position_is_found():
    """When its order cannot be seen its amount still tells, from where it agreed for the last time."""
    made = trader(spoil=hide_orders)
    base_ms = made.delivery.books.chains.positions["BTCUSDT", "BOTH"].base_ms
    made.buy("0.1")
    found = lost(made)

    assert BTC == found.symbols
    assert base_ms >= found.since_ms


@pytest.mark.parametrize("side, quantity", [("BUY", "0.1"), ("SELL", "0.2")], ids=["larger", "flat"])
def test_a_lost_word_about_a_position_is_found(side, quantity):
    """The fill came and its account update did not: nothing is missing in the sums, but the account shows it wrong."""
    made = trader()
    # REST shows a flat position where an order stands.
    made.cancel(resting(made))
    made.hear()
    made.place(side, quantity)
    made.hear(lambda payload: payload["e"] != "ACCOUNT_UPDATE")
    made.exchange.transfer(made.account, "USDT", "1")
    made.hear()
    found = lost(made)
    made.since_ms, made.until_ms = found.since_ms, made.now_ms
    made.repair(found.symbols, found.found)

    assert BTC == found.symbols
    assert made.exchange.truth(made.account)["positions"] == {
        key: row.amount for key, row in made.delivery.account.positions.items()
    }
    assert settled(made).audit().found is None


def test_a_lost_word_about_a_position_that_is_as_large_as_before_is_found():
    """It was turned round and back within a millisecond: its amount is the old one, and its price is not."""
    made = trader()
    made.pass_time(1.0)
    made.exchange.set_price("BTCUSDT", "31000")
    for side in ("SELL", "BUY"):
        made.exchange.place_order(made.account, symbol="BTCUSDT", side=side, quantity="0.4", type="MARKET")
    made.hear(lambda payload: payload["e"] != "ACCOUNT_UPDATE")
    made.exchange.transfer(made.account, "USDT", "1")
    made.hear()
    found = lost(made)
    made.since_ms, made.until_ms = found.since_ms, made.now_ms
    made.repair(found.symbols, found.found)
    key = ("BTCUSDT", "BOTH")

    assert BTC == found.symbols
    assert 31_000 == made.account.positions[key].entry_price
    assert 31_000 == made.delivery.account.positions[key].entry_price
    assert settled(made).audit().found is None


def test_a_lost_word_about_a_position_behind_another_of_its_millisecond_is_found():
    """Both fills came, and the amount between them: it is of the very moment of the row of REST, and not the last."""
    made = trader()
    made.pass_time(1.0)
    for _ in range(2):
        made.exchange.place_order(made.account, symbol="BTCUSDT", side="BUY", quantity="0.1", type="MARKET")
    told_amounts = iter([True, False])
    made.hear(lambda payload: payload["e"] != "ACCOUNT_UPDATE" or next(told_amounts))
    made.exchange.transfer(made.account, "USDT", "1")
    made.hear()
    found = lost(made)
    made.since_ms, made.until_ms = found.since_ms, made.now_ms
    made.repair(found.symbols, found.found)

    assert BTC == found.symbols
    assert made.exchange.truth(made.account)["positions"] == {
        key: row.amount for key, row in made.delivery.account.positions.items()
    }
    assert settled(made).audit().found is None


def test_a_lost_balance_of_one_millisecond_with_a_told_one_is_found():
    """A row shows what its millisecond ended with."""
    made = trader()
    made.exchange.transfer(made.account, "USDC", "5")
    made.hear()
    made.exchange.transfer(made.account, "USDC", "5")

    assert frozenset() == lost(made).symbols


def test_a_position_of_a_symbol_never_seen_is_found():
    """It is new, so it counts from the watermark."""
    made = trader(spoil=hide_orders)
    made.buy("1", symbol="ETHUSDT")

    assert ETH <= lost(made).symbols


def test_a_position_that_is_not_shown_any_more_is_found():
    """REST leaves out what is flat; the fill that closed it was lost."""
    made = trader(spoil=hide_orders)
    made.sell("0.2")

    assert BTC == lost(made).symbols


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_in_hedge_mode_either_side_may_be_gone(side):
    """Both sides are closed; of one it is told during the pause, and the other is missing all the same."""
    made = trader(hedge_mode=True, spoil=hide_orders)
    made.cancel(resting(made))
    made.sell("0.2", position_side="SHORT")
    settled(made.hear())
    close = {
        "LONG": lambda: made.sell("0.2", position_side="LONG"),
        "SHORT": lambda: made.buy("0.2", position_side="SHORT"),
    }
    close.pop(side)()
    made.miss()
    for close_the_other in close.values():
        close_the_other()
    led = lead_silently(settled(made))

    assert BTC == led.found.symbols


def test_a_young_position_that_is_not_shown_yet_is_not_gone():
    """REST may be behind by the settle time."""
    made = settled(trader())
    made.exchange.rest_lag_ms = SETTLE_MS - 500
    made.buy("1", symbol="ETHUSDT")
    made.hear()

    assert made.audit().found is None


@pytest.mark.parametrize("how", ["malformed", "refused"])
def test_positions_that_cannot_be_read_are_not_gone(how):
    """One that cannot be read is not one that is not shown; or every audit would open a gap that finds nothing."""
    made = settled(trader())
    if how == "refused":
        made.refusing = {"positions": -1100}
    else:
        made.spoil = lambda read, rows: [{} for _ in rows] if read.name == "positions" else rows

    assert isinstance(made.audit().found, Unread)


@pytest.mark.parametrize("name", ["open_orders", "open_algo_orders", "balances"])
@pytest.mark.parametrize("how", ["malformed", "refused"])
def test_what_cannot_be_read_is_not_missing(name, how):
    """Orders that are not shown are asked for singly, and stand; but nothing is proven."""
    made = settled(trader())
    if how == "refused":
        made.refusing = {name: -1100}
    else:
        made.spoil = lambda read, rows: [{} for _ in rows] if read.name == name else rows

    assert isinstance(made.audit().found, Unread)


@pytest.mark.parametrize("name", ["order", "algo_order"])
def test_an_order_that_is_gone_and_cannot_be_read_proves_nothing(name):
    """Nobody knows what became of it, conditional or not."""
    made = trader()
    made.pass_time(86_400.0).hear()
    watermark_ms = made.now_ms
    if name == "order":
        made.cancel(resting(made))
    else:
        (gone,) = made.delivery.books.algo_orders
        made.exchange.cancel_algo_order(made.account, algo_id=gone)
    made.spoil = lambda read, rows: [{}] if read.name == name else rows
    led = settled(made.miss()).audit(watermark_ms)

    assert 1 == len(led.read(name))
    assert isinstance(led.found, Unread)


def test_orders_of_two_symbols_with_one_id_are_two():
    """An id is unique within its symbol alone: that one is open says nothing about the other."""
    made = trader()
    gone = resting(made)
    made.pass_time(86_400.0)
    watermark_ms = made.now_ms
    made.cancel(gone)

    def twin(read: Read, rows: list[Any]) -> list[Any]:
        if read.name != "open_orders":
            return rows
        at_ms = watermark_ms - 1
        return [
            {
                "symbol": "ETHUSDT",
                "orderId": gone,
                "side": "BUY",
                "status": "NEW",
                "executedQty": "0",
                "updateTime": at_ms,
            }
        ]

    made.spoil = twin
    settled(made.miss())
    led = made.audit(watermark_ms)

    assert [{"symbol": "BTCUSDT", "orderId": gone}] == led.read("order")


# Where orders of all symbols are refused


def without_all_orders(made: Trader) -> Trader:
    """Make the exchange tell of the orders of one symbol at a time only."""
    made.refusing = {"all_orders": -1102}
    return made


def test_where_orders_are_refused_income_names_the_symbols_and_their_trades_are_read():
    """Trades since the watermark, of the symbols named there alone."""
    made = without_all_orders(trader())
    placed_ms = made.now_ms
    made.buy("1", symbol="ETHUSDT")
    made.sell("1", symbol="ETHUSDT")
    settled(made.miss())
    led = made.audit(placed_ms - 1)

    assert ["ETHUSDT"] == [read["symbol"] for read in led.read("user_trades")]
    assert (ETH, placed_ms) == (led.found.symbols, led.found.since_ms)


def test_where_orders_are_refused_what_was_told_is_in_order():
    """Every trade was delivered; an income without a symbol is no riddle."""
    made = without_all_orders(trader())
    made.exchange.transfer(made.account, "USDT", "5")
    made.hear()
    led = settled(made).audit()

    assert led.found is None
    assert ["BTCUSDT"] == [read["symbol"] for read in led.read("user_trades")]


def test_where_orders_and_income_are_refused_nothing_is_proven():
    """What cannot be read to its end is named, and so is every row that cannot be used."""
    made = settled(trader())
    made.refusing = {"all_orders": -1102, "income": -1100}
    made.spoil = lambda read, rows: [{} for _ in rows] if read.name == "balances" else rows

    assert (
        Unread(
            (
                "balances[0]: BalanceRow without a usable asset",
                "balances[1]: BalanceRow without a usable asset",
                "income, which cannot be read to their end",
            )
        )
        == made.audit().found
    )


def test_a_malformed_income_is_named():
    """It may be that of a symbol that nothing else names."""
    made = without_all_orders(settled(trader()))
    made.spoil = lambda read, rows: [{}, *rows[1:]] if read.name == "income" else rows

    assert Unread(("income[0]: IncomeRow without a usable income_type",)) == made.audit().found


def test_what_is_missing_says_more_than_what_could_not_be_read():
    """It is repaired; the audit after that says the rest."""
    made = trader()
    made.fill(resting(made), "0.1")
    made.refusing = {"balances": -1100}

    assert BTC == lost(made).symbols


# What follows


def test_the_repair_of_what_was_missing_puts_everything_in_order():
    """The rows that were found are handed to the repair, and the next audit finds nothing."""
    made = trader()
    made.fill(resting(made), "0.1")
    made.cancel(resting(made))
    made.buy("1", symbol="ETHUSDT")
    made.exchange.transfer(made.account, "USDC", "5")
    found = lost(made)
    made.since_ms, made.until_ms = found.since_ms, made.now_ms
    recovery = Recovery(orders=dict(found.found.orders), algo_orders=dict(found.found.algo_orders))
    report = made.repair(found.symbols, recovery)

    assert NOTHING_AMISS == made.amiss()
    assert [] == report.lost
    assert settled(made).audit().found is None


@pytest.mark.fault(27, 28)
@settings(max_examples=60, deadline=None)
@given(
    kept=st.lists(st.booleans(), min_size=30, max_size=30),
    deeds=st.lists(st.sampled_from(["buy", "sell", "fill", "other", "transfer", "stop", "cancel"]), max_size=8),
    hedge_mode=st.booleans(),
)
def test_whatever_frames_are_lost_audit_and_repair_bring_it_back(kept, deeds, hedge_mode):
    """Any frames may be missing: what the audit finds and the repair reads is all there is, in one round."""
    made = trader(hedge_mode=hedge_mode)
    side = {"position_side": "LONG"} if hedge_mode else {}
    luck = iter(kept)
    for deed in deeds:
        opened = [order for order in made.account.open_orders.values() if order.symbol == "BTCUSDT"]
        if deed == "buy":
            made.buy("0.05", **side)
        elif deed == "sell":
            made.sell("0.02", **side)
        elif deed == "fill" and opened:
            made.fill(opened[0].order_id, "0.1")
        elif deed == "cancel" and opened:
            made.cancel(opened[0].order_id)
        elif deed == "other":
            made.buy("1", symbol="ETHUSDT", **side)
        elif deed == "transfer":
            made.exchange.transfer(made.account, "USDC", "3")
        elif deed == "stop" and not hedge_mode:
            made.stop_order()
    made.hear(lambda payload: next(luck, True))
    settled(made)
    led = made.audit()
    if led.found is not None:
        made.since_ms, made.until_ms = led.found.since_ms, made.now_ms
        made.delivery.hold(led.found.symbols)
        made.repair(led.found.symbols, led.found.found)
    truth = made.exchange.truth(made.account)
    account = made.delivery.account

    assert [] == made.amiss()["lost"] + made.amiss()["doubled"]
    assert truth["positions"] == {key: row.amount for key, row in account.positions.items()}
    assert truth["balances"] == {asset: row.wallet_balance for asset, row in account.balances.items()} | {
        asset: Decimal(0) for asset in truth["balances"] if asset not in account.balances
    }
    assert set(truth["open_orders"]) == set(account.open_orders)
    assert set(truth["open_algo_orders"]) == set(account.open_algo_orders)
    assert settled(made).audit().found is None
