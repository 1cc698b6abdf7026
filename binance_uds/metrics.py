"""
A stream's health as numbers for Prometheus; needs the extra ``metrics``.

    from binance_uds.metrics import register

    register(stream, latency=True)  # in prometheus_client's own registry
    prometheus_client.start_http_server(9000)

Each scrape reads ``stream.health``; nothing is counted on the stream's thread, but for the latency where it is asked
for. Counters count since the stream object was made, and are 0 again in a new process, as Prometheus expects. In
prometheus_client's mode for several processes nothing of this is exported but the latency: a stream lives in one
process, so scrape that one.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Sequence, Union

from .errors import ConfigurationError
from .events import Event, StreamState
from .events.base import FROM_REST
from .runtime.watch import Health
from .stream import UserDataStream

try:
    import prometheus_client
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector, CollectorRegistry
except ModuleNotFoundError as error:
    if error.name != "prometheus_client":
        raise
    raise ModuleNotFoundError(
        "binance_uds.metrics needs prometheus_client: pip install 'binance_uds[metrics]'", name=error.name
    ) from None

#: Upper bounds of the latency's buckets, in seconds: from a machine beside the exchange to a gap's repair.
LATENCY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

#: How often the offset of the exchange's clock is asked for, in seconds; a stream reads it more seldom.
_OFFSET_INTERVAL_S = 1.0


class _Figure(NamedTuple):
    """One number of a stream's health: how it is called, what it means, and what it is; no sample where it is None."""

    name: str
    help: str
    value: Callable[[Health], Union[float, bool, None]]


_COUNTERS: Sequence[_Figure] = (
    _Figure("events", "Events delivered.", lambda health: health.events),
    _Figure("gaps", "Blind intervals announced.", lambda health: health.gaps),
    _Figure(
        "blind_seconds",
        "How long the closed blind intervals lasted, together; each by itself, also where two overlap.",
        lambda health: health.blind_s,
    ),
    _Figure(
        "reconnects", "Connections taken into use after the first of each start.", lambda health: health.reconnects
    ),
    _Figure("callback_errors", "Exceptions that came out of callbacks.", lambda health: health.callback_errors),
)

_GAUGES: Sequence[_Figure] = (
    _Figure(
        "open_gap_seconds",
        "How long the open blind interval has lasted so far; 0 while none is open.",
        lambda health: health.open_gap_s or 0.0,
    ),
    _Figure("backlog", "Events that wait in events() queues.", lambda health: health.backlog),
    _Figure(
        "transport_proof_age_seconds",
        "Since a frame, or the pong to our own ping.",
        lambda health: health.transport_proof_age_s,
    ),
    _Figure(
        "key_proof_age_seconds",
        "Since a request was sent that named our key as the account's.",
        lambda health: health.key_proof_age_s,
    ),
    _Figure(
        "delivery_proof_age_seconds",
        "Since the account was compared with what was delivered, and nothing was missing.",
        lambda health: health.delivery_proof_age_s,
    ),
    _Figure("last_event_age_seconds", "Since an event was delivered.", lambda health: health.last_event_age_s),
    _Figure("key_age_seconds", "Since the listen key in use was obtained.", lambda health: health.key_age_s),
    _Figure(
        "subscription_confirmed",
        "Whether the exchange named our key on the connection in use.",
        lambda health: None if health.subscription is None else health.subscription == "confirmed",
    ),
    _Figure(
        "used_weight",
        "Request weight that this address had used in its minute, as the exchange last said.",
        lambda health: health.used_weight,
    ),
    _Figure(
        "clock_offset_seconds",
        "By how much the exchange's clock is ahead of this machine's.",
        lambda health: None if health.clock_offset_ms is None else health.clock_offset_ms / 1000,
    ),
)


class Latency:
    """
    How long events take from the exchange to a callback, as a histogram in seconds.

    Measured is from an event's ``event_time_ms``, when the exchange made it, to the moment at which this is called as
    one of the stream's callbacks, by this machine's clock and the offset that was measured between the two. That
    *includes* the exchange's own way to the socket, the network, the wait until the stream's thread reads, also because
    a callback is slow, the time that events are held for a repair, decoding, and the callbacks that were registered
    before. It does *not* include what the exchange did before it made the event (``E`` less ``T`` of the payload), this
    stream's callbacks behind it, or the wait in an ``events()`` queue. Events that were read by REST, and those without
    a time, do not count.

    The offset is known to within half a round trip of the request that read it, and no better; where the network is
    faster than that, a latency may seem to be negative, and counts as 0.

    Args:
        stream: Whose events.
        observe: Takes each latency, in seconds.
    """

    def __init__(self, stream: UserDataStream, observe: Callable[[float], object]) -> None:
        self._stream = stream
        self._observe = observe
        self._offset_ms = 0
        self._offset_is_good_until = 0.0

    def __call__(self, event: Event) -> None:
        if event.event_time_ms is None or event.origin == FROM_REST:
            return
        now = time.monotonic()
        if now >= self._offset_is_good_until:
            self._offset_is_good_until = now + _OFFSET_INTERVAL_S
            self._offset_ms = self._stream.health.clock_offset_ms or 0
        self._observe(max(time.time() * 1000 + self._offset_ms - event.event_time_ms, 0.0) / 1000)


class StreamCollector(Collector):
    """
    What a registry asks for the numbers of some streams, each labelled with its stream's name.

    Args:
        streams: Those that it tells of; more may be added.
        latency: Whether to measure how long events take; see ``Latency``. It costs a callback for each event.
        buckets: Upper bounds of the latency's buckets, in seconds.

    Raises:
        ConfigurationError: Two streams have one name, so their numbers could not be told apart.
    """

    def __init__(
        self, *streams: UserDataStream, latency: bool = False, buckets: Sequence[float] = LATENCY_BUCKETS
    ) -> None:
        self._streams: Dict[str, UserDataStream] = {}
        self._meters: Dict[str, Latency] = {}
        self._histogram: Optional[prometheus_client.Histogram] = None
        if latency:
            self._histogram = prometheus_client.Histogram(
                _name("exchange_to_callback_seconds"),
                "From the time an event bears to the callback, by the exchange's clock as far as it is known.",
                ["stream"],
                registry=None,
                buckets=buckets,
            )
        for stream in streams:
            self.add(stream)

    def add(self, stream: UserDataStream) -> None:
        """
        Tell of this stream, too, whether or not it runs.

        Raises:
            ConfigurationError: Another stream has its name.
        """
        if self._streams.get(stream.name, stream) is not stream:
            raise ConfigurationError(f"two streams are named {stream.name!r}; give them names that differ")
        if self._histogram is not None and stream.name not in self._meters:
            meter = Latency(stream, self._histogram.labels(stream.name).observe)
            self._meters[stream.name] = meter
            stream.on(Event)(meter)
        # As a whole: a scrape in another thread may be reading.
        self._streams = {**self._streams, stream.name: stream}

    def remove(self, stream: UserDataStream) -> None:
        """Tell of this stream no more; one that is not told of is no error."""
        if self._streams.get(stream.name) is not stream:
            return
        self._streams = {name: other for name, other in self._streams.items() if other is not stream}
        meter = self._meters.pop(stream.name, None)
        if meter is not None and self._histogram is not None:
            stream.off(meter)
            self._histogram.remove(stream.name)

    def collect(self) -> Iterator[Metric]:
        """Yield every number, as of now."""
        healths = {name: stream.health for name, stream in self._streams.items()}
        yield _states(healths)
        for figure in _COUNTERS:
            yield _filled(CounterMetricFamily(_name(figure.name), figure.help, labels=["stream"]), figure, healths)
        for figure in _GAUGES:
            yield _filled(GaugeMetricFamily(_name(figure.name), figure.help, labels=["stream"]), figure, healths)
        if self._histogram is not None:
            yield from self._histogram.collect()


def register(
    *streams: UserDataStream,
    registry: CollectorRegistry = prometheus_client.REGISTRY,
    latency: bool = False,
    buckets: Sequence[float] = LATENCY_BUCKETS,
) -> StreamCollector:
    """
    Make a collector and register it: once for each registry, with all streams, or ``add`` them to it later.

    Args:
        streams: As those of ``StreamCollector``.
        registry: Where; by default prometheus_client's own.
        latency: As that of ``StreamCollector``.
        buckets: As those of ``StreamCollector``.

    Raises:
        ConfigurationError: Two streams have one name.
        ValueError: The registry has such a collector already.
    """
    collector = StreamCollector(*streams, latency=latency, buckets=buckets)
    try:
        registry.register(collector)
    except ValueError:
        # Nobody would ever ask it, and its callbacks would measure on.
        for stream in streams:
            collector.remove(stream)
        raise
    return collector


def _name(name: str) -> str:
    return f"binance_uds_{name}"


def _states(healths: Mapping[str, Health]) -> GaugeMetricFamily:
    """Return for each stream and state 1 if it is the stream's, else 0."""
    family = GaugeMetricFamily(_name("state"), "1 for the state that the stream is in.", labels=["stream", "state"])
    for name, health in healths.items():
        for state in StreamState:
            family.add_metric([name, str(state)], float(health.state is state))
    return family


def _filled(
    family: Union[CounterMetricFamily, GaugeMetricFamily], figure: _Figure, healths: Mapping[str, Health]
) -> Metric:
    for name, health in healths.items():
        value = figure.value(health)
        if value is not None:
            family.add_metric([name], float(value))
    return family
