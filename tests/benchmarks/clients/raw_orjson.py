"""No client: frames are cut out of the socket and read by ``orjson.loads``; what all others are compared with."""

import orjson
from meter import Meter
from raw import listen

meter = Meter("orjson")
loads, hear = orjson.loads, meter.hear


def take(payload):
    hear(loads(payload))


listen(meter, take)
