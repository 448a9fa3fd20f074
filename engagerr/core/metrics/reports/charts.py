"""Charts as pictures: SVG for pages and print, PNG where only pixels go. The same chart gives the same bytes.

Drawn by matplotlib without a screen and without its global state. On a page, colours are the page's own custom
properties, so that one picture serves light and dark.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from engagerr.core.metrics.reports.document import Chart, ChartSeries, Drawing, Form, number
from engagerr.core.metrics.reports.plain_words import one_line

if TYPE_CHECKING:
    from decimal import Decimal

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Choice = TypeVar("Choice")

WIDTH = 420.0
_HEIGHT = 232.0
_BAR_HEIGHT = 24.0
_TEXT = 13.0
_MOST_TICKS = 6
_MOST_BARS = 24
_LONGEST_NAME = 30
_LONGEST_WORDS = 54
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# On white, each of these has a contrast of at least 4.5 : 1; report.css gives their counterparts on dark.
INK = "#1d2733"
SOFT = "#5b6673"
RULE = "#d9dee4"
PAPER = "#ffffff"
SERIES = ("#1f5f8b", "#b0482b", "#47702f", "#7a4a8c", "#8a5a00", "#0f6f6c")
# A line is known by its marker and dash too, a bar by its hatch: colour is never the only carrier.
_MARKERS = ("o", "s", "^", "D", "v", "P")
_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
_HATCHES = ("", "//", "\\\\", "xx", "--", "||")
_PROPERTIES = {INK: "--ink", SOFT: "--soft", RULE: "--rule", PAPER: "--paper"} | {
    colour: f"--series-{at}" for at, colour in enumerate(SERIES, 1)
}


@dataclass(frozen=True, slots=True)
class _Style:
    """How the one drawing is dressed: `as_text` leaves letters to the page's fonts."""

    as_text: bool


def svg(chart: Chart, *, name: str = "chart", for_page: bool = True) -> str:
    """The chart as an `<svg>` element.

    For a page, its letters and colours are the page's; otherwise letters are outlines and colours fixed, so that it
    looks alike everywhere. `name` begins every id in it, so that several pictures can stand on one page.
    """
    with _dressed(_Style(as_text=for_page)):
        figure = draw(chart)
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata=_NO_METADATA)
    return _on_page(written.getvalue(), name) if for_page else _named(written.getvalue(), name)


def png(chart: Chart, *, scale: float = 2.0, background: str = PAPER) -> bytes:
    """The chart as a PNG, `scale` pixels to the unit (420 units wide)."""
    with _dressed(_Style(as_text=False)):
        figure = draw(chart)
        written = io.BytesIO()
        figure.savefig(written, format="png", dpi=72 * scale, facecolor=background, metadata={"Software": None})
    return written.getvalue()


def draw(chart: Chart) -> Figure:
    """The chart as a matplotlib figure, 72 units to the inch."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    chart = replace(
        chart,
        labels=tuple(map(_drawable, chart.labels)),
        series=tuple(replace(line, name=_drawable(line.name)) for line in chart.series),
    )
    rows = min(len(chart.labels), _MOST_BARS) * (1 if chart.drawing is Drawing.STACKED else len(chart.series))
    lying = chart.drawing in {Drawing.BAR, Drawing.STACKED}
    height = _BAR_HEIGHT * rows + (40 if chart.drawing is Drawing.STACKED else 16) if lying else _HEIGHT
    if len(chart.series) > 1:
        height += 20 * math.ceil(len(chart.series) / _legend_columns(chart.series)) + 4
    layout = ConstrainedLayoutEngine(w_pad=4 / 72, h_pad=4 / 72)
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72, layout=layout)
    _draw_into(figure.add_subplot(), chart)
    return figure


def _draw_into(axes: Axes, chart: Chart) -> None:
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=_TEXT, labelcolor=SOFT, pad=6)
    axes.set_axisbelow(True)
    if chart.drawing is Drawing.LINE:
        _lines(axes, chart)
    elif chart.drawing is Drawing.COLUMN:
        _columns(axes, chart)
    else:
        _bars(axes, chart)
    if len(chart.series) > 1:
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=_legend_columns(chart.series), frameon=False,
            fontsize=_TEXT, labelcolor=INK, borderaxespad=0, handlelength=1.8, columnspacing=1.4,
        )  # fmt: skip


def _lines(axes: Axes, chart: Chart) -> None:
    at = range(len(chart.labels))
    for index, line in enumerate(chart.series):
        axes.plot(
            at, _floats(line.values), label=line.name, color=_of(SERIES, index), linewidth=2,
            linestyle=_of(_DASHES, index), marker=_of(_MARKERS, index), markersize=4.5, clip_on=False,
        )  # fmt: skip
    _periods(axes, chart)


def _columns(axes: Axes, chart: Chart) -> None:
    """Columns side by side only where several series have a value: before and after a change of rule seldom have."""
    there = [
        [index for index, line in enumerate(chart.series) if line.values[place] is not None]
        for place in range(len(chart.labels))
    ]
    for index, line in enumerate(chart.series):
        places, widths = [], []
        for place, held in enumerate(there):
            width = 0.72 / max(len(held), 1)
            order = held.index(index) if index in held else 0
            places.append(place + (order - (len(held) - 1) / 2) * width if held else place)
            widths.append(width)
        axes.bar(
            places, _floats(line.values), widths, label=line.name, color=_of(SERIES, index),
            hatch=_of(_HATCHES, index), edgecolor=PAPER, linewidth=0,
        )  # fmt: skip
    _periods(axes, chart)


def _periods(axes: Axes, chart: Chart) -> None:
    """Time to the right, values on a scale from zero (a level's own range would make a molehill a mountain)."""
    count = len(chart.labels)
    step = max(math.ceil(count / _MOST_TICKS), 1)
    shown = range((count - 1) % step, count, step)
    axes.set_xticks(list(shown), [_period(chart.labels[place]) for place in shown])
    axes.set_xlim(-0.5, max(count, 1) - 0.5)
    axes.grid(visible=True, axis="y", color=RULE, linewidth=1)
    lowest, highest = _extent(chart)
    axes.set_ylim(lowest * 1.08, highest * 1.08 or 1)
    axes.locator_params(axis="y", nbins=5, integer=_whole(chart))
    axes.yaxis.set_major_formatter(lambda value, _: _scale(value, chart))


def _bars(axes: Axes, chart: Chart) -> None:
    """Lying bars, the first label on top; the figure stands at the end of each."""
    stacked = chart.drawing is Drawing.STACKED
    labels = chart.labels[:_MOST_BARS]
    height = 0.66 if stacked else 0.74 / max(len(chart.series), 1)
    reached = [0.0] * len(labels)
    for index, line in enumerate(chart.series):
        values = line.values[:_MOST_BARS]
        places = [at + (0 if stacked else (index - (len(chart.series) - 1) / 2) * height) for at in range(len(labels))]
        drawn = [0.0 if value is None else float(value) for value in values]
        axes.barh(
            places, drawn, height, left=list(reached) if stacked else 0, label=line.name, color=_of(SERIES, index),
            hatch=_of(_HATCHES, index) if len(chart.series) > 1 else "", edgecolor=PAPER, linewidth=0,
        )  # fmt: skip
        if stacked:
            reached = [start + length for start, length in zip(reached, drawn, strict=True)]
            continue
        for at, (place, length) in enumerate(zip(places, drawn, strict=True)):
            cell = chart.cell(line, at)
            axes.annotate(
                f"{cell.shown} {cell.why}" if cell.why else cell.shown, (length, place), xytext=(5, 0),
                textcoords="offset points", va="center", fontsize=_TEXT, color=SOFT if cell.why else INK,
            )  # fmt: skip
    axes.set_yticks(range(len(labels)), [_short(label) for label in labels])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    if stacked:
        axes.set_xlim(0, max([*reached, 1.0]))
        axes.xaxis.set_major_formatter(lambda value, _: _scale(value, chart))
        axes.locator_params(axis="x", nbins=5)
    else:
        axes.set_xticks([])
        axes.set_xlim(0, _extent(chart)[1] * 1.3 or 1)


def _whole(chart: Chart) -> bool:
    """Whether only whole numbers are meant: half a piece on an axis is nonsense."""
    values = [value for line in chart.series for value in line.values if value is not None]
    return chart.form is Form.NUMBER and all(value == value.to_integral_value() for value in values)


def _legend_columns(series: Sequence[ChartSeries]) -> int:
    """As many names a line as there is room for; a letter is some 7 units wide, the sign before it 40."""
    widest = max(len(line.name) for line in series) * 7 + 40
    return max(min(len(series), int(WIDTH // widest)), 1)


def _extent(chart: Chart) -> tuple[float, float]:
    """The lowest and the highest value, zero included."""
    values = [float(value) for line in chart.series for value in line.values if value is not None]
    return min([*values, 0.0]), max([*values, 0.0])


def _floats(values: Sequence[Decimal | None]) -> list[float]:
    """Gaps as NaN: a line stops there and no bar is drawn."""
    return [math.nan if value is None else float(value) for value in values]


def _of(choices: Sequence[Choice], index: int) -> Choice:
    return choices[index % len(choices)]


def _period(label: str) -> str:
    """`2026-10` → Oct 26, `2026-10-05` → 5 Oct; anything else as it is."""
    if month := re.fullmatch(r"(\d{4})-(\d{2})", label):
        return f"{_MONTHS[int(month[2]) - 1]} {month[1][2:]}"
    if date := re.fullmatch(r"\d{4}-(\d{2})-(\d{2})", label):
        return f"{int(date[2])} {_MONTHS[int(date[1]) - 1]}"
    return _short(label)


def _drawable(words: str) -> str:
    """Words on one line: no picture can hold a control character, and none has room for a page of them."""
    line = one_line(words[: 4 * _LONGEST_WORDS])
    return line if len(line) <= _LONGEST_WORDS else f"{line[:_LONGEST_WORDS]}…"


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_NAME else f"{label[: _LONGEST_NAME - 1].rstrip()}…"


def _scale(value: float, chart: Chart) -> str:
    """A value on an axis: 12k, 1.5M; shares as per cent."""
    if chart.form in {Form.PERCENT, Form.CHANGE}:
        return f"{value * 100:.4g} %"
    if chart.form is Form.SECONDS:
        return number(value, form=Form.SECONDS).shown
    for size, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{suffix}"
    return f"{value:.4g}"


_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@contextmanager
def _dressed(style: _Style) -> Iterator[None]:
    import matplotlib

    settings: dict[Any, Any] = {
        "svg.hashsalt": "engagerr",
        "svg.fonttype": "none" if style.as_text else "path",
        "font.family": "DejaVu Sans",
        "font.size": _TEXT,
        "text.parse_math": False,
        "hatch.linewidth": 0.8,
        "path.simplify": False,
    }
    # Only names can hold letters that the drawing font lacks; a page writes them in a font of its own.
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # A name of letters as wide as W: the picture is drawn, and its data stands beside it.
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        yield


def _on_page(written: str, name: str) -> str:
    """The bare element, as wide as its place, in the page's fonts and colours."""
    written = _named(written, name)
    for colour, known in _PROPERTIES.items():
        written = written.replace(colour, f"var({known})")
    written = written.replace("xlink:href", "href")
    written = re.sub(r" ?font-family: [^;\"]*;", "", written)
    return re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
        r'<svg viewBox="\1" stroke-linejoin="round" aria-hidden="true">',
        written,
        count=1,
    )


def _named(written: str, name: str) -> str:
    element = written[written.index("<svg ") :].strip()
    # A style element in a page speaks to the whole page.
    element = re.sub(r"<style .*?</style>\s*", "", element, flags=re.DOTALL)
    element = element.replace("<svg ", '<svg stroke-linejoin="round" stroke-linecap="butt" ', 1)
    element = re.sub(r'\bid="', f'id="{name}-', element)
    element = re.sub(r'href="#', f'href="#{name}-', element)
    return element.replace("url(#", f"url(#{name}-")
