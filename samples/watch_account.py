"""
Watch an account from a plain script, until Ctrl-C.

    BINANCE_API_KEY=... python samples/watch_account.py
"""

import binance_uds as uds


def main(market: uds.Market = uds.USDM) -> None:
    stream = uds.UserDataStream.from_env(market=market)

    @stream.on(uds.OrderTradeUpdate)
    def on_order(event: uds.OrderTradeUpdate) -> None:
        print(event.symbol, event.side, event.status, event.filled_quantity, "of", event.quantity, flush=True)

    @stream.on(uds.AccountUpdate)
    def on_account(event: uds.AccountUpdate) -> None:
        for balance in event.balances:
            print(balance.asset, balance.wallet_balance, f"({event.reason})", flush=True)

    @stream.on(uds.Notice)
    def on_notice(notice: uds.Notice) -> None:
        print(notice, flush=True)

    with stream:
        stream.join()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("stopped")
