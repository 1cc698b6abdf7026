"""The canonical text of what a stream delivered."""

import json
from decimal import Decimal

import binance_uds as uds
from binance_uds.account import Account
from binance_uds.recording.canonical import canonical, canonical_account


def test_an_event_is_a_line_of_json():
    """Sorted, exact, and with what it came as."""
    balance = uds.Balance(asset="USDT", wallet_balance=Decimal("1.50"), cross_wallet_balance=Decimal("0"))
    event = uds.AccountUpdate(
        reason="DEPOSIT", balances=(balance,), event_time_ms=5, raw={"z": Decimal("1.0"), "a": []}
    )
    text = canonical(event)
    told = json.loads(text)["AccountUpdate"]

    assert "\n" not in text
    assert "1.50" == told["balances"][0]["wallet_balance"]
    assert {"a": [], "z": "1.0"} == told["raw"]
    assert text == canonical(
        uds.AccountUpdate(**{**{f: getattr(event, f) for f in ("reason", "balances", "raw")}, "event_time_ms": 5})
    )
    assert text != canonical(uds.AccountUpdate(reason="WITHDRAW", balances=(balance,), event_time_ms=5))


def test_a_notice_is_one_too():
    """States by their words, callbacks and exceptions by their names."""
    change = uds.StateChanged(old=uds.StreamState.IDLE, new=uds.StreamState.LIVE, reason="why")
    failed = uds.CallbackFailed(handler=test_a_notice_is_one_too, event=change, exception=ValueError("x"))

    assert '{"StateChanged":{"new":"LIVE","old":"IDLE","reason":"why"}}' == canonical(change)
    assert {"handler": "test_a_notice_is_one_too", "exception": "ValueError"}.items() <= json.loads(canonical(failed))[
        "CallbackFailed"
    ].items()


def test_the_account_is_a_line():
    """Whatever is known of it, none of it twice."""
    account = Account()
    account.apply(
        uds.OrderTradeUpdate(
            symbol="BTCUSDT", order_id=7, side="BUY", status="NEW", quantity=Decimal(2), transaction_time_ms=5
        )
    )
    told = json.loads(canonical_account(account.snapshot()))["Account"]

    assert ["BTCUSDT 7"] == list(told["open_orders"])
    assert "2" == told["open_orders"]["BTCUSDT 7"]["quantity"]
    assert (False, 5) == (told["trusted"], told["as_of_ms"])
