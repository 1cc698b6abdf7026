# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # History
#
# What a stream delivered, as pandas tables and as a plot. This needs no account of yours, because it starts an
# exchange on this machine.

# %%
import random
import time

import attrs

import binance_uds as uds
from binance_uds.simulator import LocalExchange

exchange = LocalExchange(seed=7).start()
market = attrs.evolve(uds.USDM, rest_url=exchange.rest_url, stream_url=exchange.stream_url)

# %% [markdown]
# **With an account of yours** leave out the cell above and write `stream = uds.UserDataStream.from_env()` here, without
# the timings: they are shortened so that what takes a minute there takes a second here. Then leave out the next cell,
# too, and come back when something was traded.

# %%
timings = uds.Timings(
    keepalive_interval=0.7, key_lease_least=5, ping_interval=0.8, gap_margin=0.1, settle=0.2, short_life=0.2
)
stream = uds.UserDataStream(exchange.api_key, exchange.api_secret, market=market, name="history", timings=timings)
stream.start()

# %% [markdown]
# Somebody trades for five seconds. Meanwhile the listen key expires, and the connection breaks.

# %%
chance = random.Random(4)
price = 30_000
for step in range(50):
    price += chance.randint(-140, 180)
    exchange.set_price("BTCUSDT", price)
    if step == 15:
        exchange.faults.expire_key()
    if step == 35:
        exchange.faults.drop()
    (exchange.buy if step % 4 < 2 else exchange.sell)("BTCUSDT", f"0.{chance.randint(2, 9)}")
    time.sleep(0.1)
stream.wait_until(lambda account: account.trusted and stream.health.gaps >= 2)

# %% [markdown]
# ## Tables
#
# One row for each event, and a column for each field. Money is exact `Decimal`; `numeric=True` makes it numbers to
# calculate with. Beside each time in milliseconds stands the same as a timestamp, UTC.

# %%
orders = stream.history.to_frame(uds.OrderTradeUpdate, numeric=True)
fills = orders[orders.execution_type == "TRADE"]
fills[["transaction_time", "origin", "side", "last_filled_quantity", "last_filled_price", "realized_profit"]].tail(6)

# %%
fills.groupby("origin")[["realized_profit", "commission"]].sum()

# %% [markdown]
# Rows inside an event, such as the balances of an account update, one below the other:

# %%
stream.history.to_frame(uds.Balance)[["transaction_time", "origin", "reason", "asset", "wallet_balance"]].tail(4)

# %% [markdown]
# The gaps are in the history, too, and the account is a table if you wish:

# %%
stream.history.to_frame(uds.GapClosed)[["since", "until", "cause", "proof", "recovered", "unrecoverable"]]

# %%
stream.account.to_frame("positions", numeric=True)[["symbol", "amount", "entry_price", "accumulated_realized"]]

# %% [markdown]
# ## The plot
#
# Wallet balance and realised profit, with the time shaded in which nothing was heard. What happened meanwhile was read
# back by REST.

# %% tags=["picture"]
stream.history.plot()

# %% tags=["end"]
stream.stop()
exchange.stop()
