"""binance_uds with a secret: typed events, ``raw``, identity, sequence checks and the account view, all of it on."""

import importlib.util

import attrs
from meter import API_KEY, API_SECRET, REST_URL, STREAM_URL, Meter

import binance_uds as uds

#: The account is read at the start, and once more after so many seconds; the benchmark lies between the two.
SETTLE_S = 50.0

#: Used where it is installed.
FASTER = ["orjson"] if importlib.util.find_spec("orjson") else []

meter = Meter("binance-uds", "requests", "websocket-client", "attrs", *FASTER)
market = attrs.evolve(uds.USDM, rest_url=REST_URL, stream_url=f"{STREAM_URL}/private")
stream = uds.UserDataStream(API_KEY, API_SECRET, market=market, settle=SETTLE_S)
gaps, failures = [], []
stream.on(uds.Event)(meter.hear)
stream.on(uds.GapOpened)(gaps.append)
stream.on(uds.CallbackFailed)(failures.append)
stream.start(timeout=30)


def checks():
    """What has to be so if everything came and added up."""
    return {
        "LIVE": stream.state is uds.StreamState.LIVE,
        "no gap opened": not gaps,
        "no callback failed": not failures,
        "the account is trusted": stream.account.trusted,
        "the subscription is confirmed": stream.health.subscription == "confirmed",
    }


meter.checks = checks
meter.ready()
meter.wait()
