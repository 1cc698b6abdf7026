"""A picture of the results for the README; takes matplotlib, which the extra ``benchmark`` installs."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from tests.benchmarks.entrants import RAW_FRAMES, named
from tests.benchmarks.report import BUSY, PLAIN, median

#: Where the axis begins, which has no zero.
_SLOWEST = 1_000

_OURS, _OTHERS, _NO_CLIENT, _BESIDE = "#c8860a", "#4a6fa5", "#a8a8a8", "#d8d8d8"


def draw(results: Mapping[str, Any], target: pathlib.Path) -> None:
    """
    Draw events a second, idle and beside a busy main thread, and latency.

    Args:
        results: What the JSON file holds.
        target: An SVG file.
    """
    clients = {
        name: client
        for name, client in results["clients"].items()
        if name != RAW_FRAMES and median(client["runs"].get(PLAIN, []), "rate") is not None
    }
    names = list(reversed(clients))
    titles = [clients[name]["title"] for name in names]
    colours = [_OURS if named(name).is_ours else _NO_CLIENT if name.startswith("raw") else _OTHERS for name in names]

    def medians(circumstances: str, figure: str) -> list[float]:
        return [median(clients[name]["runs"].get(circumstances, []), figure) or 0.0 for name in names]

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "benchmark", "font.size": 9}):
        figure = Figure(figsize=(9.0, 0.34 * len(names) + 1.2), layout="constrained")
        rates, latencies = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        places = range(len(names))
        rates.barh(places, medians(PLAIN, "rate"), color=colours, height=0.7)
        rates.barh(places, medians(BUSY, "rate"), color="black", height=0.18)
        rates.set_xscale("log")
        rates.set_xlim(left=_SLOWEST)
        rates.set_yticks(places, titles)
        rates.set_xlabel("events/s (black: beside a busy main thread)")
        latencies.hlines(places, medians(PLAIN, "p50"), medians(PLAIN, "p99"), color=_BESIDE, linewidth=4)
        latencies.scatter(medians(PLAIN, "p50"), places, color=colours, zorder=3)
        latencies.set_xscale("log")
        latencies.set_xlabel("µs from send to callback: p50, up to p99")
        for axes in (rates, latencies):
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(axis="x", color="#eeeeee")
            axes.set_axisbelow(True)
        figure.suptitle(f"{results['machine']}; {results['date']}; medians of {results['rounds']} rounds", fontsize=8)
        target.parent.mkdir(parents=True, exist_ok=True)
        FigureCanvasSVG(figure).print_svg(target, metadata={"Date": None})
