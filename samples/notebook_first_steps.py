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
# # First steps
#
# Watch an account from a notebook: its state, its orders, what it holds. This needs no account of yours, because it
# starts an exchange on this machine. Open it in Jupyter with jupytext, or in VS Code as it is.

# %%
import attrs

import binance_uds as uds
from binance_uds.simulator import LocalExchange

exchange = LocalExchange(seed=7).start()
market = attrs.evolve(uds.USDM, rest_url=exchange.rest_url, stream_url=exchange.stream_url)

# %% [markdown]
# **With an account of yours** leave out the cell above, put `BINANCE_API_KEY` and `BINANCE_API_SECRET` into the
# environment, and write `stream = uds.UserDataStream.from_env()` here. A read-only key is enough to watch; the orders
# below are then yours to place. (`settle` says by how many seconds REST may lag behind; leave it at its default there.)

# %%
stream = uds.UserDataStream(exchange.api_key, exchange.api_secret, market=market, name="first steps", settle=0.3)
stream.start()

# %% [markdown]
# `show()` keeps this cell up to date while the others run. To look once, `stream`, `stream.health` or
# `stream.account` as the last line of a cell do.

# %% tags=["picture"]
stream.show()

# %% [markdown]
# ## Orders
#
# The event of an order that fills at once may come before the answer to its request, so wait for what the account
# becomes, not for an event. `wait_until` looks at once and after whatever comes, for 30 seconds at most.

# %%
exchange.buy("BTCUSDT", "0.25", client_order_id="my-first")
exchange.buy("ETHUSDT", "2", client_order_id="my-second")
exchange.place_order(
    symbol="BTCUSDT", side="SELL", type="LIMIT", quantity="0.1", price="31500", client_order_id="take-profit"
)
account = stream.wait_until(lambda account: account.order("my-second").is_done and account.order("take-profit").is_open)
print("bought at", account.order("my-first").average_price, "and", account.order("my-second").average_price)

# %%
stream.account

# %% [markdown]
# Each event shows itself as well. Here the queue is opened first, so that nothing is missed.

# %%
with stream.events(uds.OrderTradeUpdate) as events:
    exchange.set_price("ETHUSDT", "2050")
    exchange.sell("ETHUSDT", "0.5", client_order_id="half")
    fill = next(event for event in events if event.is_fill)
fill

# %% [markdown]
# ## A gap
#
# Now the listen key expires and an order fills before the stream is back. The report says from when to when nothing
# was heard, how many fills were read back by REST, and on what evidence that is all of them.

# %% tags=["picture"]
with stream.events(uds.GapClosed) as reports:
    exchange.faults.expire_key()
    exchange.sell("BTCUSDT", "0.05", client_order_id="unheard")
    report = reports.get(timeout=30)
report

# %%
stream.health

# %% [markdown]
# ## The end
#
# A stream goes on until it is stopped, whatever becomes of the cell that made it.

# %% tags=["end"]
stream.stop()
exchange.stop()
