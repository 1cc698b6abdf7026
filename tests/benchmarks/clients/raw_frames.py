"""No client: frames are cut out of the socket and not looked at."""

from meter import Meter
from raw import listen

meter = Meter()
listen(meter, meter.hear)
