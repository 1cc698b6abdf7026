"""One run of one client: its process beside the exchange's, and what came of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import pathlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import urlencode

import attrs

from tests.benchmarks.entrants import Entrant
from tests.benchmarks.environments import ROOT
from tests.other_clients.processes import Deadline, Program, Unfinished, surroundings

#: For a client to start and listen, and for everything to come, in seconds.
_START_S, _BLAST_S = 30.0, 60.0

#: With a busy main thread clients are so much slower, and no slower for being sent less.
_BUSY_SHARE = 0.3

#: How many events a second latency is measured at.
PER_SECOND = 1_000

#: Where clients look for the certificates they trust.
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE")


@attrs.frozen
class Circumstances:
    """
    What a run is like.

    Attributes:
        tls: Whether the stream is encrypted.
        busy: Whether the client's main thread works meanwhile.
    """

    tls: bool
    busy: bool

    @property
    def name(self) -> str:
        """Such as ``"tls, busy"``."""
        return f"{'tls' if self.tls else 'plain'}, {'busy' if self.busy else 'idle'}"


@attrs.frozen
class Outcome:
    """
    What came of a run.

    Attributes:
        rate: Events a second, from the exchange's first byte to the last callback.
        cpu_us: Microseconds of processor time for an event, all threads of the process; None with a busy main thread.
        memory_mb: The most it had up to the end of the blast.
        ready_mb: The most it had before the first event.
        latencies_us: From the exchange's send to the callback, of each paced event.
        versions: Of what takes part.
    """

    rate: float
    cpu_us: Optional[float]
    memory_mb: float
    ready_mb: float
    latencies_us: Tuple[float, ...] = attrs.field(repr=False)
    versions: Dict[str, str] = attrs.field(repr=False)


class Blaster:
    """The exchange's process; ends with its ``with`` block."""

    def __init__(self, ports: Mapping[str, Optional[int]], certificate: Optional[pathlib.Path]) -> None:
        self._ports = ports
        self._certificate = certificate

    @property
    def has_tls(self) -> bool:
        """Whether it was given a certificate."""
        return self._certificate is not None

    def surroundings(self, circumstances: Circumstances) -> Dict[str, str]:
        """Return what a client needs to know, and to trust."""
        host = "127.0.0.1"
        trusted = str(self._certificate)
        scheme, port = ("wss", self._ports["tls"]) if circumstances.tls else ("ws", self._ports["plain"])
        trust = dict.fromkeys(_TRUST, trusted) if circumstances.tls else {}
        return {"REST_URL": f"http://{host}:{self._ports['plain']}", "STREAM_URL": f"{scheme}://{host}:{port}", **trust}

    def order(self, path: str, deadline: Deadline, **parameters: int) -> Dict[str, Any]:
        """
        Let it send something, and return what it says when it has.

        Raises:
            Unfinished: It did not in time.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._ports["plain"], timeout=deadline.left_s)
        try:
            with contextlib.closing(connection):
                connection.request("POST", f"{path}?{urlencode(parameters)}")
                answer: Dict[str, Any] = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unfinished(f"the exchange did not {path[1:]}: {type(error).__name__}") from None
        return answer


@contextmanager
def running_blaster(frames: int, *, tls: bool) -> Iterator[Blaster]:
    """
    Run the exchange.

    Args:
        frames: How many it prepares.
        tls: Whether it listens with TLS, too; takes trustme.

    Raises:
        Unfinished: It did not start.
    """
    with tempfile.TemporaryDirectory(prefix="blaster-") as place:
        command = [sys.executable, "-m", "tests.benchmarks.blaster", "--frames", str(frames)]
        trusted = None
        if tls:
            trusted, own = _certificates(pathlib.Path(place))
            command += ["--certificate", str(own)]
        with Program(command, surroundings(), str(ROOT)) as program:
            ports = program.wait_for(lambda line: line.startswith("{"), Deadline(_BLAST_S), "told its ports")
            yield Blaster(json.loads(ports), trusted)


def _certificates(place: pathlib.Path) -> Tuple[pathlib.Path, pathlib.Path]:
    """Write the certificate that clients trust, and the exchange's own with its key."""
    import trustme

    authority = trustme.CA()
    trusted, own = place / "trusted.pem", place / "own.pem"
    authority.cert_pem.write_to_path(str(trusted))
    authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(str(own))
    return trusted, own


def run(
    entrant: Entrant,
    python: str,
    blaster: Blaster,
    circumstances: Circumstances,
    events: int,
    paced: int,
    path: Optional[str] = None,
) -> Outcome:
    """
    Let a client receive a blast, and events one at a time after it.

    Args:
        entrant: The client.
        python: An interpreter that has it.
        blaster: The exchange.
        circumstances: What the run is like.
        events: How many a client is sent that gets all of them.
        paced: How many at ``PER_SECOND``, 0 for none.
        path: Where the interpreter looks for modules first.

    Raises:
        Unfinished: It failed, did not receive everything, or not in time.
    """
    share = entrant.share * (_BUSY_SHARE if circumstances.busy else 1.0)
    sent = max(100, round(events * share / 100) * 100)
    environment = surroundings(
        **blaster.surroundings(circumstances),
        EVENTS=str(sent),
        PACED=str(paced),
        BUSY=str(int(circumstances.busy)),
        **({} if path is None else {"PYTHONPATH": path}),
    )
    with Program([python, str(entrant.source)], environment, str(entrant.source.parent)) as program:
        started = Deadline(_START_S)
        ready = _told(program, "ready", started, "listened")
        deadline = Deadline(_BLAST_S)
        blast = blaster.order("/blast", deadline, frames=sent)
        blasted = _told(program, "blasted", deadline, f"received {sent} events")
        _check_last(blast, blasted)
        latencies: List[float] = []
        if paced:
            pace = blaster.order("/pace", deadline, frames=paced, per_second=PER_SECOND)
            heard = _told(program, "paced", deadline, f"received {paced} more")
            _check_last(pace, heard)
            latencies = [(heard_ns - sent_ns) / 1000 for sent_ns, heard_ns in zip(pace["sent_ns"], heard["heard_ns"])]
        over = _told(program, "over", deadline, "ended")
        versions = _told(program, "versions", deadline, "told its versions")
    broken = [what for what, is_so in over["checks"].items() if not is_so]
    if broken:
        raise Unfinished(f"not so at its end: {', '.join(broken)}")
    return Outcome(
        rate=sent / (blasted["ended_ns"] - blast["began_ns"]) * 1e9,
        cpu_us=None if circumstances.busy else blasted["cpu_s"] / sent * 1e6,
        memory_mb=blasted["memory_mb"],
        ready_mb=ready["memory_mb"],
        latencies_us=tuple(latencies),
        versions=versions,
    )


def _check_last(sent: Mapping[str, Any], heard: Mapping[str, Any]) -> None:
    """As many events as were sent may be others, or some of them twice."""
    if str(sent["last_ms"]) not in heard["last"]:
        raise Unfinished(f"what it received last is not what was sent last: {heard['last'][:200]}")


def _told(program: Program, name: str, deadline: Deadline, what: str) -> Any:
    """Return what a client told under a name."""
    return json.loads(program.wait_for(lambda line: line.startswith(f'{{"{name}"'), deadline, what))[name]
