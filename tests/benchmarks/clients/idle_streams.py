"""How much memory an idle stream takes: that of 20 beside each other, behind a first one that loaded everything."""

import json
import os
import time

import attrs

import binance_uds as uds

STREAMS, SETTLED_S = 20, 0.6
SECRETS = ("k" * 64, "s" * 64)

market = attrs.evolve(
    uds.USDM, rest_url=os.environ["REST_URL"], stream_url=f"{os.environ['STREAM_URL']}/private", weight_limit=100_000
)


def started(number):
    # Twenty first looks at once are more than one address may use in a minute, but for an exchange that does not count.
    timings = attrs.evolve(uds.Timings(), settle=0.1, weight_most=100_000)
    stream = uds.UserDataStream(*SECRETS, market=market, timings=timings, name=f"idle-{number}")
    stream.start(timeout=30)
    return stream


def resident_mb():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


streams = [started(0)]
time.sleep(SETTLED_S)
before_mb = resident_mb()
streams.extend(started(number + 1) for number in range(STREAMS))
time.sleep(SETTLED_S)
are_live = all(stream.state is uds.StreamState.LIVE for stream in streams)
print(json.dumps({"stream_mb": (resident_mb() - before_mb) / STREAMS, "are_live": are_live}), flush=True)
os._exit(0)
