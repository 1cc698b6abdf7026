"""
HTML for people who look at a stream in a notebook: cards, facts and tables, as text.

Everything that is not written here is escaped and freed of secrets, whatever it holds. The look is inline and uses the
colours of the notebook around it, JupyterLab's or VS Code's, else the light or dark that the system prefers; a state, a
side or a sign is always a word or a glyph, too, never a colour alone.
"""

from __future__ import annotations

import datetime
import enum
import html
from decimal import Decimal
from typing import Any, Callable, Iterable, List, Mapping, Optional, Sequence, Tuple

import attrs

from .redaction import redact

#: In what a time's field is named after: milliseconds since the Unix epoch.
MILLISECONDS = "_ms"

#: After so many characters a text is cut in a table.
_LONGEST_TEXT = 300

_LIGHT = "color-scheme:light;--uds-up:#1a7f37;--uds-down:#c62828"
_DARK = "color-scheme:dark;--uds-up:#4cc764;--uds-down:#ff8a80"

STYLE = f"""<style>
.binance-uds{{{_LIGHT}}}
@media (prefers-color-scheme:dark){{.binance-uds{{{_DARK}}}}}
[data-jp-theme-light="true"] .binance-uds,.vscode-light .binance-uds{{{_LIGHT}}}
[data-jp-theme-light="false"] .binance-uds,.vscode-dark .binance-uds{{{_DARK}}}
.binance-uds{{
color:var(--jp-content-font-color1,var(--vscode-editor-foreground,inherit));
font:13px/1.5 var(--jp-ui-font-family,system-ui,-apple-system,"Segoe UI",sans-serif);
border:1px solid rgba(128,128,128,.35);border-radius:6px;padding:8px 12px 10px;margin:4px 0;
max-width:72em;overflow-x:auto}}
.binance-uds .uds-head{{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 10px}}
.binance-uds .uds-title{{font-weight:600;font-size:14px}}
.binance-uds .uds-soft,.binance-uds dt,.binance-uds .uds-label,.binance-uds table.uds-rows th{{opacity:.72}}
.binance-uds .uds-badge{{color:#fff;border-radius:4px;padding:0 8px;font-weight:600;letter-spacing:.02em}}
.binance-uds .uds-good{{background:#1a7f37}}
.binance-uds .uds-warn{{background:#9a5b00}}
.binance-uds .uds-bad{{background:#b3261e}}
.binance-uds .uds-calm{{background:#57606a}}
.binance-uds .uds-up{{color:var(--uds-up)}}
.binance-uds .uds-down{{color:var(--uds-down)}}
.binance-uds dl.uds-facts{{display:flex;flex-wrap:wrap;gap:4px 22px;margin:8px 0 0;padding:0}}
.binance-uds dl.uds-facts>div{{flex:none;min-width:5em;max-width:100%}}
.binance-uds dl.uds-facts dt{{font-size:11px;line-height:1.3;font-weight:400}}
.binance-uds dl.uds-facts dd{{font-variant-numeric:tabular-nums;overflow-wrap:anywhere}}
.binance-uds dl.uds-facts dt,.binance-uds dl.uds-facts dd{{float:none;width:auto;margin:0;padding:0}}
.binance-uds .uds-label{{margin:10px 0 0;font-size:11px;font-weight:600;text-transform:uppercase;letter-spacing:.05em}}
.binance-uds table.uds-rows{{border-collapse:collapse;border:0;margin:2px 0 0;font-size:13px;
table-layout:auto;width:auto}}
.binance-uds table.uds-rows tr{{background:none}}
.binance-uds table.uds-rows thead{{border:0}}
.binance-uds table.uds-rows th,.binance-uds table.uds-rows td{{text-align:left;vertical-align:top;
padding:2px 16px 2px 0;border:0;border-bottom:1px solid rgba(128,128,128,.22);white-space:nowrap;max-width:none}}
.binance-uds table.uds-rows th{{font-weight:400;font-size:11px}}
.binance-uds table.uds-rows .uds-number{{text-align:right;font-variant-numeric:tabular-nums}}
.binance-uds table.uds-rows td.uds-wide{{white-space:normal;min-width:18em;overflow-wrap:anywhere}}
</style>"""


@attrs.frozen
class Html:
    """Text that is markup already; only this module makes one of what it did not escape."""

    text: str

    def __str__(self) -> str:
        return self.text


def escaped(value: object) -> str:
    """Return any text as HTML text: without secrets, and without what a browser would take for markup."""
    text = redact(str(value))
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}…"
    return html.escape(text)


def _element(name: str, css_class: str, inner: str) -> Html:
    return Html(f'<{name} class="{css_class}">{inner}</{name}>')


# Values


def amount(value: Decimal) -> str:
    """Return money, a price or a quantity exactly, with commas for thousands and without needless zeros."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def gain(value: Optional[Decimal]) -> Html:
    """Return what may be won or lost: with its sign, and in its colour."""
    if value is None or not value:
        return Html("0" if value is not None else "")
    return _element("span", "uds-up" if value > 0 else "uds-down", f"{'+' if value > 0 else ''}{amount(value)}")


def side(word: Optional[str]) -> Html:
    """Return BUY or LONG, SELL or SHORT in its colour; any other word as it is."""
    css_class = {"BUY": "uds-up", "LONG": "uds-up", "SELL": "uds-down", "SHORT": "uds-down"}.get(word or "")
    text = escaped(word or "")
    return Html(text) if css_class is None else _element("span", css_class, text)


def moment(at_ms: Optional[int], *, date: bool = True) -> str:
    """Return a time, UTC, to the millisecond; empty where there is none."""
    if at_ms is None or at_ms <= 0:
        return ""
    try:
        at = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=at_ms)
    except OverflowError:
        return str(at_ms)
    clock = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    return f"{at:%Y-%m-%d} {clock}" if date else clock


def duration(seconds: Optional[float], digits: int = 0) -> str:
    """Return a length of time at a precision that can be read in passing; ``digits`` are those of less than 10 s."""
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.{digits if seconds < 10 else 0}f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"


def shown(name: str, value: Any) -> Html:
    """Return the value of a field of this name as a person reads it."""
    if isinstance(value, Html):
        return value
    if isinstance(value, bool):
        return Html("yes" if value else "no")
    if isinstance(value, int) and name.endswith(MILLISECONDS):
        return Html(moment(value) or escaped(value))
    if isinstance(value, Decimal):
        return gain(value) if "profit" in name or "realized" in name else Html(amount(value))
    if isinstance(value, BaseException):
        return Html(f"{escaped(type(value).__name__)}: {escaped(value)}")
    if name in ("side", "position_side"):
        return side(value)
    if isinstance(value, enum.Enum):
        return Html(escaped(value.value))
    if isinstance(value, (tuple, list)):
        return Html(", ".join(str(shown(name, each)) for each in value))
    if attrs.has(type(value)):
        return Html(escaped(type(value).__name__))
    if callable(value):
        return Html(escaped(getattr(value, "__qualname__", type(value).__qualname__)))
    return Html("" if value is None else escaped(value))


# Parts


def badge(text: str, kind: str = "calm") -> Html:
    """Return a word that stands out; its kind is good, warn, bad or calm."""
    return _element("span", f"uds-badge uds-{kind}", escaped(text))


#: What a stream's state looks like: a glyph, and the kind of its badge.
_STATES = {
    "LIVE": ("●", "good"),
    "STALE": ("▲", "warn"),
    "REPAIRING": ("◆", "warn"),
    "STARTING": ("◌", "calm"),
    "FAILED": ("✕", "bad"),
    "STOPPED": ("■", "calm"),
    "IDLE": ("○", "calm"),
}


def state_badge(state: str) -> Html:
    """Return a stream's state as a badge."""
    glyph, kind = _STATES.get(state, ("", "calm"))
    return badge(f"{glyph} {state}", kind)


def facts(told: Iterable[Tuple[str, Any]]) -> Html:
    """Return names and values side by side; what is None is left out."""
    parts = [
        f"<div><dt>{escaped(name)}</dt><dd>{shown(name, value)}</dd></div>" for name, value in told if value is not None
    ]
    return _element("dl", "uds-facts", "".join(parts)) if parts else Html("")


#: How a column is shown: as text, as numbers one below the other, or as text that may break its line.
TEXT, NUMBER, WIDE = "", "uds-number", "uds-wide"


def table(label: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]], *, most: int = 20) -> Html:
    """
    Return a table with its label; nothing when there are no rows.

    Args:
        label: What it is a table of.
        columns: The headings, and for each TEXT, NUMBER or WIDE. One that is empty in all rows is left out.
        rows: A value for each column.
        most: Of more rows only so many are shown, and it is said how many are left out.
    """
    if not rows:
        return Html("")
    cells = [[shown("", value) for value in row] for row in rows[:most]]
    used = [any(row[column].text for row in cells) for column in range(len(columns))]
    kept = [(kind, column) for column, kind in enumerate(columns.values()) if used[column]]
    names = list(columns)
    head = "".join(_cell("th", kind, Html(escaped(names[column]))) for kind, column in kept)
    body = "".join(f"<tr>{''.join(_cell('td', kind, row[column]) for kind, column in kept)}</tr>" for row in cells)
    left_out = f'<div class="uds-soft">and {len(rows) - most:,} more</div>' if len(rows) > most else ""
    return Html(
        f'<div class="uds-label">{escaped(label)}</div>'
        f'<table class="uds-rows"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{left_out}'
    )


def _cell(name: str, kind: str, inner: Html) -> str:
    return f'<{name} class="{kind}">{inner}</{name}>' if kind else f"<{name}>{inner}</{name}>"


def note(text: str) -> Html:
    """Return a line said softly."""
    return _element("div", "uds-soft", escaped(text))


def card(title: str, *parts: Html, beside: Iterable[Html] = (), said: str = "") -> str:
    """
    Return a whole view, which is what a notebook is handed.

    Args:
        title: What it is a view of.
        parts: What stands below each other.
        beside: Badges beside the title.
        said: A few words behind them.
    """
    head = f'<span class="uds-title">{escaped(title)}</span>{"".join(map(str, beside))}'
    if said:
        head += f'<span class="uds-soft">{escaped(said)}</span>'
    return f'{STYLE}<div class="binance-uds"><div class="uds-head">{head}</div>{"".join(map(str, parts))}</div>'


# Any event, notice or row


def record(thing: Any, *, title: str = "", beside: Iterable[Html] = (), further: Iterable[Tuple[str, Any]] = ()) -> str:
    """
    Return an attrs object as a card: its fields by name, rows inside it as tables, and no field that is None.

    Args:
        thing: The object. Its ``raw`` is left out, as in its repr.
        title: In place of the name of its class.
        beside: Badges beside the title.
        further: What is said of it beyond its fields.
    """
    told: List[Tuple[str, Any]] = list(further)
    tables: List[Html] = []
    for field in attrs.fields(type(thing)):
        value = getattr(thing, field.name)
        if not field.repr:
            continue
        if isinstance(value, tuple) and value and attrs.has(type(value[0])):
            tables.append(rows_of(field.name, value))
        elif value != ():
            told.append((field.name, value))
    return card(title or type(thing).__name__, facts(told), *tables, beside=beside)


def rows_of(label: str, rows: Sequence[Any]) -> Html:
    """Return attrs objects of one class as a table: a column for each field that any of them fills."""
    names = [
        field.name
        for field in attrs.fields(type(rows[0]))
        if field.repr and any(getattr(row, field.name) is not None for row in rows)
    ]
    is_number: Callable[[str], bool] = lambda name: any(  # noqa: E731
        isinstance(getattr(row, name), (Decimal, int)) and not isinstance(getattr(row, name), bool) for row in rows
    )
    columns = {name: NUMBER if is_number(name) else TEXT for name in names}
    return table(label, columns, [[shown(name, getattr(row, name)) for name in names] for row in rows])
