"""The one plot people ask for: wallet balance and realised profit over time, with the gaps shaded."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Sequence, Tuple

import attrs

from ..errors import ConfigurationError
from ..events import AccountUpdate, GapClosed, GapOpened, OrderTradeUpdate, Proof
from ..tables import missing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: A value at a time: milliseconds of the exchange's clock.
Point = Tuple[int, Decimal]

_ZERO = Decimal(0)


@attrs.frozen
class Span:
    """
    A blind interval.

    Attributes:
        since_ms: Its start.
        until_ms: Its end; None while it is open.
        is_proven: Whether it is closed, and on evidence that nothing is missing.
    """

    since_ms: int
    until_ms: Optional[int]
    is_proven: bool


def balance_points(items: Iterable[object], asset: str) -> List[Point]:
    """Return the wallet balance of an asset each time it was told."""
    points = [
        (item.transaction_time_ms or item.event_time_ms or 0, balance.wallet_balance)
        for item in items
        if isinstance(item, AccountUpdate)
        for balance in item.balances
        if balance.asset == asset
    ]
    # By time, since what was read back may come late; of one time the last stays the last.
    return sorted((point for point in points if point[0]), key=lambda point: point[0])


def profit_points(items: Iterable[object], asset: str) -> Tuple[List[Point], List[Point]]:
    """Return the realised profit so far after each fill quoted in an asset: before fees, and after fees paid in it."""
    fills = [item for item in items if isinstance(item, OrderTradeUpdate) and item.is_fill]
    gross = net = _ZERO
    before: List[Point] = []
    after: List[Point] = []
    for fill in sorted(fills, key=lambda fill: fill.transaction_time_ms or 0):
        # A delivery contract has its date behind: BTCUSDT_261225.
        if not fill.transaction_time_ms or not fill.symbol.split("_")[0].endswith(asset):
            continue
        gross += fill.realized_profit or _ZERO
        net += fill.realized_profit or _ZERO
        if fill.commission_asset == asset:
            net -= fill.commission or _ZERO
        before.append((fill.transaction_time_ms, gross))
        after.append((fill.transaction_time_ms, net))
    return before, after


def spans(items: Iterable[object]) -> List[Span]:
    """Return the blind intervals, the open one included."""
    found: Dict[int, Span] = {}
    for item in items:
        if isinstance(item, GapOpened):
            found[item.gap_id] = Span(item.since_ms, None, False)
        elif isinstance(item, GapClosed):
            found[item.gap_id] = Span(item.since_ms, item.until_ms, item.proof != Proof.UNPROVEN)
    return list(found.values())


def draw(items: Sequence[object], asset: str) -> Figure:
    """
    Return the figure.

    Args:
        items: Events and notices.
        asset: Whose balance, and in which the profit is.

    Raises:
        ConfigurationError: matplotlib is not installed, or the asset is no text.
    """
    if not isinstance(asset, str) or not asset:
        raise ConfigurationError("plot() takes the name of an asset, such as 'USDT'")
    try:
        from matplotlib import pyplot
    except ImportError:
        raise missing("history.plot()", "matplotlib") from None
    figure: Figure
    figure, (top, bottom) = pyplot.subplots(
        2, sharex=True, figsize=(9, 4.8), layout="constrained", height_ratios=(3, 2), facecolor="white"
    )
    # The caller's cell shows what it is handed; left open, it would be shown at the end of the cell, too.
    pyplot.close(figure)
    balances, (before, after) = balance_points(items, asset), profit_points(items, asset)
    blind = spans(items)
    _curve(top, balances, "wallet balance", color="#1f5fbf")
    _curve(bottom, before, "realised, before fees", color="#1a7f37")
    _curve(bottom, after, "after fees", color="#9a5b00", linestyle="--")
    bottom.axhline(0, color="#808080", linewidth=0.8)
    times = [at for at, _ in (*balances, *before)]
    times += [at for span in blind for at in (span.since_ms, span.until_ms) if at is not None]
    for axes, label in ((top, f"wallet balance, {asset}"), (bottom, f"realised profit, {asset}")):
        axes.set_ylabel(label)
        axes.grid(visible=True, color="#e3e3e3")
        axes.set_axisbelow(True)
        axes.margins(x=0.02)
        axes.spines[["top", "right"]].set_visible(False)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        if not times:
            axes.text(0.5, 0.5, "nothing was delivered yet", transform=axes.transAxes, ha="center", va="center")
    if times:
        _shade((top, bottom), blind, max(times))
        for axes in (top, bottom):
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="best", frameon=True, framealpha=0.9, fontsize="small")
    bottom.set_xlabel("time, UTC")
    return figure


def _curve(axes: Any, points: Sequence[Point], label: str, **style: Any) -> None:
    """Draw values that hold until the next one."""
    if points:
        times, values = [_utc(at) for at, _ in points], [float(value) for _, value in points]
        marker = "o" if len(points) < 60 else None
        axes.plot(times, values, drawstyle="steps-post", marker=marker, markersize=3, label=label, **style)


def _shade(panels: Sequence[Any], blind: Sequence[Span], last_ms: int) -> None:
    """Shade the blind intervals in every panel; what is not proven is hatched, so that colour is not all."""
    looks: Dict[bool, Dict[str, Any]] = {
        True: {"facecolor": "#f2a900", "alpha": 0.28, "label": "gap, repaired"},
        False: {"facecolor": "#d9534f", "alpha": 0.28, "hatch": "////", "label": "gap, unproven or open"},
    }
    for axes in panels:
        named = {is_proven: dict(look) for is_proven, look in looks.items()}
        for span in blind:
            look = named[span.is_proven]
            axes.axvspan(_utc(span.since_ms), _utc(span.until_ms or last_ms), edgecolor="none", zorder=0.5, **look)
            # Once in the legend.
            look.pop("label", None)


def _utc(at_ms: int) -> datetime.datetime:
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(milliseconds=at_ms)
