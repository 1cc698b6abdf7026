"""No client: frames are cut out of the socket and read by ``json.loads``."""

import json

from meter import Meter
from raw import listen

meter = Meter()
loads, hear = json.loads, meter.hear


def take(payload):
    hear(loads(payload))


listen(meter, take)
