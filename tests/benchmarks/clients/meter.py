"""
How a client program measures what its client delivers, and tells the runner: a JSON object a line, on standard output.

    {"ready": {"memory_mb": 51.2}}
    {"blasted": {"ended_ns": ..., "cpu_s": 1.2, "memory_mb": 54.3, "last": "OrderTradeUpdate(...)"}}
    {"paced": {"heard_ns": [...], "last": "..."}}
    {"over": {"checks": {"no gap opened": true}}}
    {"versions": {"python": "3.12.1", "python-binance": "1.0.37"}}

What to expect stands in the environment: ``EVENTS`` as fast as they come, then ``PACED`` one by one; ``BUSY`` is "1"
when the main thread works meanwhile. Times are nanoseconds of the monotonic clock, which the exchange shares.
Only the standard library, and nothing newer than Python 3.9.
"""

import json
import os
import sys
import threading
import time

REST_URL = os.environ["REST_URL"]  #: Such as ``http://127.0.0.1:40123``.
STREAM_URL = os.environ["STREAM_URL"]  #: Such as ``wss://127.0.0.1:40124``, to which ``/private`` belongs.
API_KEY, API_SECRET = "k" * 64, "s" * 64  #: Nobody looks at them.
EVENTS, PACED, BUSY = int(os.environ["EVENTS"]), int(os.environ["PACED"]), os.environ["BUSY"] == "1"

#: A run is over after so many seconds, whatever happens.
PATIENCE_S = 240.0


def tell(**what):
    """Write a JSON object as a line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Meter:
    """Counts what a client delivers."""

    def __init__(self, *distributions):
        self._distributions = distributions
        self._left = EVENTS
        self._heard_ns = []
        self._began_cpu = 0.0
        self._over = threading.Event()
        #: What else a client has to say about its run, asked when the run is over.
        self.checks = dict

    def ready(self):
        """Say that the client listens."""
        self._began_cpu = time.process_time()
        tell(ready={"memory_mb": peak_mb()})

    def hear(self, event):
        """The client's callback: an event came, in whatever shape."""
        self._left -= 1
        if self._left <= 0:
            self._reached(event, time.monotonic_ns())

    def wait(self):
        """Keep the main thread, at work or at rest, until everything came; then end the process."""
        give_up = time.monotonic() + PATIENCE_S
        if BUSY:
            while not self._over.is_set() and time.monotonic() < give_up:
                _work()
        if self._over.wait(max(0.0, give_up - time.monotonic())):
            tell(over={"checks": self.checks()})
            tell(versions=self._versions())
        # Not every client stops when it is told to.
        os._exit(0)

    def _versions(self):
        # Only now: it takes some MB, which are not the client's.
        import importlib.metadata

        versions = {name: importlib.metadata.version(name) for name in self._distributions}
        return {"python": sys.version.split()[0], **versions}

    def _reached(self, event, now_ns):
        if self._left == 0:
            cpu_s = time.process_time() - self._began_cpu
            tell(blasted={"ended_ns": now_ns, "cpu_s": cpu_s, "memory_mb": peak_mb(), "last": repr(event)})
        else:
            self._heard_ns.append(now_ns)
        if self._left == -PACED:
            if PACED:
                tell(paced={"heard_ns": self._heard_ns, "last": repr(event)})
            self._over.set()


def _work():
    """Something for the main thread to do, without giving up the interpreter's lock by itself."""
    total = 0
    for number in range(20_000):
        total += number * number
    return total


def peak_mb():
    """Return the most memory the process ever had, in MB; ``ru_maxrss`` may be that of the process it was forked of."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except OSError:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
