"""
What the rounds came to: medians, same-round ratios, and the promises they are held against.

The results as they stand in the JSON file go in, text comes out. ``python -m tests.benchmarks.report results.json``
prints it once more; with ``README.md`` behind that it writes the figures between that file's two marks.
"""

from __future__ import annotations

import json
import math
import pathlib
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Dict, List, Optional, Tuple

from tests.benchmarks.entrants import (
    OUR_IMPORT,
    OURS,
    OURS_SPEED,
    PROGRAMS_IMPORT,
    RAW,
    RAW_FRAMES,
    STREAMS_IMPORT,
    THEIR_IMPORT,
    named,
)

Json = Mapping[str, Any]

PLAIN, BUSY, TLS = "plain, idle", "plain, busy", "tls, idle"

#: Between these lines of the README stand the figures.
_BEGIN, _END = "<!-- benchmark -->\n", "<!-- /benchmark -->"

#: How many times another client's events a second ours are to be.
_FASTER_THAN = {
    "nautilus": 0.9,
    "unicorn_picows": 2.5,
    "python_binance_threaded": 7.0,
    "official_sdk": 7.0,
    "old_connector": 10.0,
}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share of all does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def median(runs: Iterable[Optional[Json]], figure: str) -> Optional[float]:
    """Return the median of a figure over the rounds that have it."""
    values = [run[figure] for run in runs if run is not None and run.get(figure) is not None]
    return statistics.median(values) if values else None


def ratio(one: Sequence[Optional[Json]], other: Sequence[Optional[Json]], figure: str) -> Optional[float]:
    """Return the median of one figure against another's of the same round."""
    values = [
        mine[figure] / theirs[figure]
        for mine, theirs in zip(one, other)
        if mine is not None and theirs is not None and mine.get(figure) and theirs.get(figure)
    ]
    return statistics.median(values) if values else None


def table(results: Json, circumstances: str) -> str:
    """Return what the clients came to under some circumstances, as Markdown."""
    columns = ("client", "version", "callback receives", "events/s", "of raw + orjson", "CPU µs/event")
    columns += ("p50 µs", "p99 µs", "p99.9 µs", "MB before", "peak MB")
    lines = [f"| {' | '.join(columns)} |", f"| --- | --- | --- |{' ---: |' * 8}"]
    raw = _runs(results, RAW, circumstances)
    for name, client in results["clients"].items():
        runs = _runs(results, name, circumstances)
        about = [client["title"], client["version"] or "", client["delivers"]]
        if median(runs, "rate") is None:
            lines.append(f"| {' | '.join([*about, _why_not(client, circumstances)])} | | | | | | | |")
            continue
        figures = [
            f"{median(runs, 'rate'):,.0f}",
            _figure(ratio(runs, raw, "rate"), ".2f"),
            *(_figure(median(runs, figure), ".1f") for figure in ("cpu_us",)),
            *(_figure(median(runs, figure), ".0f") for figure in ("p50", "p99", "p999")),
            *(_figure(median(runs, figure), ".0f") for figure in ("ready_mb", "memory_mb")),
        ]
        lines.append(f"| {' | '.join([*about, *figures])} |")
    return "\n".join(lines)


def readme_text(results: Json) -> str:
    """Return what the README says of a run, as Markdown."""
    columns = ("", "callback receives", "events/s", "of raw + orjson", "beside a busy thread", "over TLS")
    columns += ("CPU µs/event", "p50 / p99 / p99.9 µs", "peak MB", "import ms")
    lines = [f"{results['machine']}, {results['date']}; medians of {results['rounds']} rounds.", ""]
    lines += [f"| {' | '.join(columns)} |", f"| --- | --- |{' ---: |' * 8}"]
    raw = _runs(results, RAW, PLAIN)
    for name, client in results["clients"].items():
        runs = _runs(results, name, PLAIN)
        tails = [_figure(median(runs, figure), ".0f") for figure in ("p50", "p99", "p999")]
        figures = [
            _figure(median(runs, "rate"), ",.0f") or _why_not(client, PLAIN),
            _figure(ratio(runs, raw, "rate"), ".2f"),
            _figure(median(_runs(results, name, BUSY), "rate"), ",.0f"),
            _figure(median(_runs(results, name, TLS), "rate"), ",.0f"),
            _figure(median(runs, "cpu_us"), ".1f"),
            " / ".join(tails) if all(tails) else "",
            _figure(median(runs, "memory_mb"), ".0f"),
            _figure(median(results["imports"].get(named(name).imports, []), "ms"), ".0f"),
        ]
        lines.append(f"| {client['title']} {client['version']} | {' | '.join([client['delivers'], *figures])} |")
    took = {
        statement: _figure(median(results["imports"].get(statement, []), "ms"), ".0f")
        for statement in (THEIR_IMPORT, OUR_IMPORT, STREAMS_IMPORT)
    }
    lines += ["", f"`{THEIR_IMPORT}` takes {took[THEIR_IMPORT]} ms. For ours the table shows"]
    lines.append(f"`{PROGRAMS_IMPORT}`; `{OUR_IMPORT}` alone takes {took[OUR_IMPORT]} ms, for its names are")
    lines.append(
        "loaded when they are used, and all that a running stream loads, requests and websocket-client among it,"
    )
    lines.append(f"takes {took[STREAMS_IMPORT]} ms.")
    if results.get("idle_stream_mb") is not None:
        lines.append(f"An idle stream takes {results['idle_stream_mb']:.2f} MB, its thread and connection included.")
    if results.get("promises"):
        lines += ["What each promise costs:", "", promises_table(results), ""]
        lines.append(f"The next to be looked at: {candidates(results)}.")
    return "\n".join(lines) + "\n"


def imports_table(results: Json) -> str:
    """Return what importing costs, as Markdown."""
    lines = ["| in a fresh process | ms | peak MB |", "| --- | ---: | ---: |"]
    for words, runs in results["imports"].items():
        lines.append(f"| `{words}` | {_figure(median(runs, 'ms'), '.0f')} | {_figure(median(runs, 'mb'), '.0f')} |")
    return "\n".join(lines)


def promises_table(results: Json) -> str:
    """Return what each promise costs for an event, as Markdown."""
    promises = results["promises"]
    lines = ["| part | µs/event |", "| --- | ---: |"]
    lines.extend(f"| {name} | {cost_us:.2f} |" for name, cost_us in promises["cost_us"].items())
    lines.append(f"| all together | {promises['all_us']:.2f} |")
    return "\n".join(lines)


def candidates(results: Json) -> str:
    """Return the three parts that take most, which are the next to be looked at."""
    costs = sorted(results["promises"]["cost_us"].items(), key=lambda part: -part[1])
    return "; ".join(f"{name} ({cost_us:.1f} µs)" for name, cost_us in costs[:3])


def verdicts(results: Json) -> List[Tuple[str, str, Optional[bool]]]:
    """Return each thing that was to be shown: what, the figure, and whether it holds; None where it is not known."""
    found: List[Tuple[str, str, Optional[bool]]] = []

    def at_least(what: str, value: Optional[float], bound: float) -> None:
        found.append((f"{what} >= {bound:g}", _figure(value, ".2f"), None if value is None else value >= bound))

    def at_most(what: str, value: Optional[float], bound: float, form: str = ".2f") -> None:
        found.append((f"{what} <= {bound:g}", _figure(value, form), None if value is None else value <= bound))

    for circumstances, ours in ((PLAIN, OURS_SPEED), (PLAIN, OURS)):
        value = ratio(_runs(results, ours, circumstances), _runs(results, RAW, circumstances), "rate")
        at_least(f"{_title(results, ours)} against raw + orjson", value, 0.30 if ours == OURS_SPEED else 0.25)
        if ours == OURS_SPEED:
            at_least("the same, as far as it might go", value, 0.40)
    best = OURS_SPEED if _runs(results, OURS_SPEED, PLAIN) else OURS
    for other, bound in _FASTER_THAN.items():
        ours, theirs = _runs(results, best, PLAIN), _runs(results, other, PLAIN)
        at_least(f"events/s against {_title(results, other)}", ratio(ours, theirs, "rate"), bound)
        at_most(f"CPU an event against {_title(results, other)}", ratio(ours, theirs, "cpu_us"), 1.0)
    for other in ("python_binance_threaded", "old_connector"):
        value = ratio(_runs(results, best, BUSY), _runs(results, other, BUSY), "rate")
        at_least(f"beside a busy main thread, against {_title(results, other)}", value, 10.0)
    ours, frames = median(_runs(results, best, PLAIN), "p50"), median(_runs(results, RAW_FRAMES, PLAIN), "p50")
    at_most("p50 behind a raw frame read, µs", None if ours is None or frames is None else ours - frames, 120, ".0f")
    for figure, said in (("p50", "below"), ("p99", "no worse than")):
        others = [median(_runs(results, other, PLAIN), figure) for other in _FASTER_THAN]
        known = [value for value in others if value is not None]
        mine = median(_runs(results, best, PLAIN), figure)
        least = min(known) if known else None
        holds = None if mine is None or least is None else (mine < least if figure == "p50" else mine <= least)
        what = f"{figure} {said} every other client's, µs"
        found.append((what, f"{_figure(mine, '.0f')} against {_figure(least, '.0f')}", holds))
    imports = results.get("imports", {})
    if THEIR_IMPORT in imports:
        at_most(
            f"{OUR_IMPORT}, against {THEIR_IMPORT}",
            ratio(imports.get(OUR_IMPORT, []), imports[THEIR_IMPORT], "ms"),
            0.5,
        )
    at_most("peak memory under blast, MB", median(_runs(results, best, PLAIN), "memory_mb"), 40, ".1f")
    return found


def verdicts_text(results: Json) -> str:
    """Return the verdicts, a line each."""
    words = {True: "holds", False: "DOES NOT HOLD", None: "not known"}
    return "\n".join(f"  {words[holds]:14} {what}: {value}" for what, value, holds in verdicts(results))


def summary(results: Json) -> str:
    """Return everything, for a terminal and for whoever copies it."""
    parts = [f"{results['machine']}, {results['date']}, {results['rounds']} rounds, medians"]
    for circumstances in results["circumstances"]:
        parts += [f"\n{circumstances} main thread\n", table(results, circumstances)]
    if results.get("imports"):
        parts += ["\nimports\n", imports_table(results)]
    if results.get("idle_stream_mb") is not None:
        parts.append(f"\nan idle stream takes {results['idle_stream_mb']:.2f} MB, thread and connection included")
    if results.get("promises"):
        parts += ["\nwhat each promise costs, in this process alone\n", promises_table(results)]
        parts += ["\nwhere the time of an event goes\n", results["promises"]["profile"]]
        parts.append(f"\nthe next to be looked at: {candidates(results)}")
    parts += ["\nwhat was to be shown\n", verdicts_text(results)]
    return "\n".join(parts)


def _runs(results: Json, name: str, circumstances: str) -> Sequence[Optional[Json]]:
    client: Dict[str, Any] = results["clients"].get(name, {})
    runs: Sequence[Optional[Json]] = client.get("runs", {}).get(circumstances, [])
    return runs


def _title(results: Json, name: str) -> str:
    client = results["clients"].get(name)
    return name if client is None else str(client["title"])


def _why_not(client: Json, circumstances: str) -> str:
    return str(client["failures"].get(circumstances) or "not run").splitlines()[0].replace("|", "/")[:120]


def _figure(value: Optional[float], form: str) -> str:
    return "" if value is None else format(value, form)


def main() -> None:
    """Print results that were kept, or write them into the README."""
    results = json.loads(pathlib.Path(sys.argv[1]).read_text())
    if len(sys.argv) == 2:
        print(summary(results))
        return
    readme = pathlib.Path(sys.argv[2])
    before, _, rest = readme.read_text().partition(_BEGIN)
    _, _, behind = rest.partition(_END)
    readme.write_text(f"{before}{_BEGIN}{readme_text(results)}{_END}{behind}")


if __name__ == "__main__":
    main()
