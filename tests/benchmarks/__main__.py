"""
Our client and others side by side against one local exchange: ``python -m tests.benchmarks``.

Each is installed in an environment of its own, at pinned versions, and receives the same events over plain and TLS
sockets, with its main thread at rest and at work, round after round, the clients taking turns. Printed are medians
and same-round ratios; ``--json`` and ``--plot`` keep them. What cannot be installed or does not finish is named.

Exit code: 0 when everything ran that could be installed, 1 otherwise; whether it was fast is for the reader.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, Dict, List, Optional, Tuple

from tests.benchmarks import promises, report
from tests.benchmarks.entrants import (
    ENTRANTS,
    OUR_IMPORT,
    OURS,
    OURS_SPEED,
    PROGRAMS,
    PROGRAMS_IMPORT,
    STREAMS_IMPORT,
    THEIR_IMPORT,
    Entrant,
    named,
)
from tests.benchmarks.environments import ROOT, NotInstalled, environment_for
from tests.benchmarks.runs import Blaster, Circumstances, Outcome, run, running_blaster
from tests.other_clients.processes import Unfinished, surroundings

#: A client that failed so often under some circumstances is not asked again.
_MOST_FAILURES = 2

_IMPORT_S = 60.0

Results = Dict[str, Any]


def main() -> int:
    """Run the benchmark; returns the exit code."""
    options = _options()
    with _home(options.home) as home:
        pythons, results = _install(options, home)
        circumstances = [Circumstances(tls=tls, busy=busy) for tls in options.sockets for busy in (False, True)]
        results["circumstances"] = [one.name for one in circumstances]
        # A client is sent the blast and then the paced events.
        with running_blaster(options.events + options.paced, tls=True in options.sockets) as blaster:
            for number in range(options.rounds):
                _round(number, pythons, results, blaster, circumstances, options)
            _measure_idle_streams(pythons, results, blaster, options.path)
        if not options.skip_parts:
            results["promises"] = promises.measured(rounds=options.rounds)
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    print(report.summary(results), flush=True)
    if options.plot is not None:
        from tests.benchmarks import plot

        plot.draw(results, options.plot)
    failed = [client for client in results["clients"].values() if client["failures"] and not client["not_installed"]]
    return int(bool(failed))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, help="rounds (7)")
    parser.add_argument("--events", type=int, help="events of a blast; slow clients get a part (100000)")
    parser.add_argument("--paced", type=int, help="events of a latency measurement, 1,000 a second (1500)")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 20000 events and 500, over plain sockets")
    parser.add_argument("--clients", help="names of programs under clients/, separated by commas (all)")
    parser.add_argument("--plain", action="store_true", help="only over plain sockets")
    parser.add_argument("--tls", action="store_true", help="only over TLS")
    parser.add_argument("--home", type=pathlib.Path, help="where environments are kept (removed afterwards)")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environments (this one)")
    parser.add_argument("--here", action="store_true", help="install nothing; all clients run in this interpreter")
    parser.add_argument("--skip-parts", action="store_true", help="leave out the cost of each promise")
    parser.add_argument("--json", type=pathlib.Path, help="where the figures go")
    parser.add_argument("--plot", type=pathlib.Path, help="where a picture goes; takes matplotlib")
    options = parser.parse_args()
    rounds, events, paced = (2, 20_000, 500) if options.quick else (7, 100_000, 1_500)
    options.rounds, options.events = options.rounds or rounds, options.events or events
    options.paced = paced if options.paced is None else options.paced
    options.path = str(ROOT) if options.here else None
    options.sockets = [False, True]
    if options.plain or options.tls or options.quick:
        options.sockets = [tls for tls, is_chosen in ((False, options.plain), (True, options.tls)) if is_chosen] or [
            False
        ]
    names = [entrant.name for entrant in ENTRANTS] if options.clients is None else options.clients.split(",")
    unknown = set(names) - {entrant.name for entrant in ENTRANTS}
    if unknown:
        parser.error(f"no such client: {', '.join(sorted(unknown))}")
    options.entrants = [named(name) for name in names]
    return options


@contextlib.contextmanager
def _home(given: Any) -> Iterator[pathlib.Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as home:
        yield pathlib.Path(home)


def _install(options: argparse.Namespace, home: pathlib.Path) -> Tuple[Dict[str, str], Results]:
    """Return the interpreter of each client that could be installed, and the results to be filled."""
    pythons: Dict[str, str] = {}
    clients: Dict[str, Any] = {}
    for entrant in options.entrants:
        row = {"title": entrant.title, "delivers": entrant.delivers, "version": "", "not_installed": False}
        clients[entrant.name] = {**row, "runs": {}, "failures": {}}
        try:
            pythons[entrant.name] = options.python if options.here else environment_for(entrant, home, options.python)
        except NotInstalled as trouble:
            _say(f"{entrant.title}: not installed: {trouble}")
            clients[entrant.name]["not_installed"] = True
            clients[entrant.name]["failures"] = {"all": f"not installed: {trouble}"}
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    results = {"date": date, "machine": _machine(options.python), "rounds": options.rounds, "events": options.events}
    return pythons, {**results, "clients": clients, "imports": {}, "idle_stream_mb": None}


def _machine(python: str) -> str:
    """Return what the figures depend on, and how much else was going on."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    version = subprocess.run([python, "-V"], check=True, capture_output=True, text=True).stdout.strip()
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, {version}, load average before {load}"


def _round(
    number: int,
    pythons: Dict[str, str],
    results: Results,
    blaster: Blaster,
    circumstances: Sequence[Circumstances],
    options: argparse.Namespace,
) -> None:
    entrants = [entrant for entrant in options.entrants if entrant.name in pythons]
    # Another one begins each round: what the machine does meanwhile strikes them in turn.
    turn = number % max(1, len(entrants))
    for one in circumstances:
        for entrant in entrants[turn:] + entrants[:turn]:
            _run_once(entrant, pythons[entrant.name], results, blaster, one, options)
    for entrant in entrants:
        statements = [] if entrant.imports is None or entrant.name == OURS_SPEED else [entrant.imports]
        if entrant.name == OURS:
            statements = [THEIR_IMPORT, OUR_IMPORT, PROGRAMS_IMPORT, STREAMS_IMPORT]
        for statement in statements:
            if number == 0:
                # The first time it may have to be compiled.
                _imported(pythons[entrant.name], statement, options.path)
            imported = _imported(pythons[entrant.name], statement, options.path)
            results["imports"].setdefault(statement, []).append(imported)
    _say(f"round {number + 1} of {options.rounds} is over")


def _run_once(
    entrant: Entrant,
    python: str,
    results: Results,
    blaster: Blaster,
    one: Circumstances,
    options: argparse.Namespace,
) -> None:
    client = results["clients"][entrant.name]
    runs: List[Any] = client["runs"].setdefault(one.name, [])
    if one.tls and entrant.no_tls:
        client["failures"][one.name] = entrant.no_tls
        return
    if runs.count(None) >= _MOST_FAILURES:
        runs.append(None)
        return
    try:
        outcome = run(entrant, python, blaster, one, options.events, 0 if one.busy else options.paced, options.path)
    except Unfinished as trouble:
        _say(f"{entrant.title}, {one.name}: {trouble}")
        client["failures"][one.name] = f"failed: {trouble}"
        runs.append(None)
        return
    runs.append(_row(outcome))
    client["versions"] = outcome.versions
    # The first is the client's own; behind it stands what it rests on.
    client["version"] = next((version for name, version in outcome.versions.items() if name != "python"), "")
    _say(f"{entrant.title:28} {one.name:12} {outcome.rate:9,.0f} events/s")


def _row(outcome: Outcome) -> Dict[str, Any]:
    row: Dict[str, Any] = {
        "rate": outcome.rate,
        "cpu_us": outcome.cpu_us,
        "memory_mb": outcome.memory_mb,
        "ready_mb": outcome.ready_mb,
    }
    if outcome.latencies_us:
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
            row[name] = report.percentile(outcome.latencies_us, share)
    return row


def _imported(python: str, statement: str, path: Optional[str]) -> Any:
    """Import something in a fresh process."""
    command = [python, str(PROGRAMS / "imported.py"), statement]
    told = ""
    with contextlib.suppress(subprocess.SubprocessError):
        told = subprocess.run(
            command, check=True, env=_environment(path), capture_output=True, text=True, timeout=_IMPORT_S
        ).stdout
    return json.loads(told) if told else None


def _measure_idle_streams(pythons: Dict[str, str], results: Results, blaster: Blaster, path: Optional[str]) -> None:
    if OURS not in pythons:
        return
    environment = {**_environment(path), **blaster.surroundings(Circumstances(tls=False, busy=False))}
    command = [pythons[OURS], str(PROGRAMS / "idle_streams.py")]
    try:
        told = subprocess.run(command, check=True, env=environment, capture_output=True, text=True, timeout=_IMPORT_S)
    except subprocess.SubprocessError as trouble:
        _say(f"idle streams: {trouble}")
        return
    figures = json.loads(told.stdout)
    if figures["are_live"]:
        results["idle_stream_mb"] = figures["stream_mb"]


def _environment(path: Optional[str]) -> Dict[str, str]:
    return surroundings(**({} if path is None else {"PYTHONPATH": path}))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
