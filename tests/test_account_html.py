"""The account as HTML tables."""

from __future__ import annotations

from decimal import Decimal

from binance_uds.account import Account
from binance_uds.events import AccountUpdate, AlgoUpdate, Balance, OrderTradeUpdate, Position

START_MS = 1_700_000_000_123


def account_of(*, trusted: bool = True, symbol: str = "BTCUSDT") -> Account:
    account = Account(lambda: trusted)
    account.synchronise()
    account.apply(
        AccountUpdate(
            event_time_ms=START_MS,
            transaction_time_ms=START_MS,
            balances=(Balance(asset="USDT", wallet_balance=Decimal("9999.50"), cross_wallet_balance=Decimal(9000)),),
            positions=(
                Position(
                    symbol=symbol,
                    amount=Decimal("-0.25"),
                    entry_price=Decimal(30000),
                    unrealized_profit=Decimal("12.5"),
                    position_side="SHORT",
                ),
            ),
        )
    )
    account.apply(
        OrderTradeUpdate(
            transaction_time_ms=START_MS,
            symbol=symbol,
            side="SELL",
            order_id=17,
            client_order_id="take-profit",
            order_type="LIMIT",
            status="NEW",
            quantity=Decimal("0.1"),
            price=Decimal(31500),
            filled_quantity=Decimal(0),
        )
    )
    account.apply(
        AlgoUpdate(
            transaction_time_ms=START_MS,
            symbol=symbol,
            side="BUY",
            algo_id=18,
            client_algo_id="stop",
            status="NEW",
            quantity=Decimal(1),
            trigger_price=Decimal(33000),
        )
    )
    return account


def test_everything_there_is_has_a_row():
    """Balances, positions with their side, open orders and conditional ones."""
    html = account_of()._repr_html_()

    for cell in (
        '<td>USDT</td><td class="uds-number">9,999.5</td><td class="uds-number">9,000</td>',
        '<span class="uds-down">SHORT</span>',
        '<td class="uds-number"><span class="uds-down">-0.25</span></td><td class="uds-number">30,000</td>',
        '<span class="uds-up">+12.5</span>',
        "<td>take-profit</td>",
        '<td class="uds-number">33,000</td>',
        "as of 2023-11-14 22:13:20.123 UTC",
    ):
        assert cell in html


def test_whether_it_is_trusted_is_said():
    """In words, and of the live view as of a snapshot."""
    assert "✓ trusted" in account_of()._repr_html_()
    assert "? not trusted" in account_of(trusted=False)._repr_html_()
    assert account_of().view()._repr_html_() == account_of().snapshot()._repr_html_()


def test_an_account_without_anything():
    """Says so, rather than nothing."""
    assert "no balances, no positions, no open orders" in Account()._repr_html_()


def test_a_hostile_symbol_is_text():
    """Whatever the exchange calls it."""
    assert "<script" not in account_of(symbol="<script>alert(1)</script>")._repr_html_()
