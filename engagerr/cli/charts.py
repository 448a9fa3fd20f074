"""Pictures for the terminal: sparklines, line charts and bars with intervals. What is missing is a gap, never zero.

Nothing is said by colour alone, everything fits the width asked for, and where the terminal cannot write Unicode the
same picture is drawn in ASCII.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from engagerr.cli.output import MISSING, clean, compact, number

if TYPE_CHECKING:
    from rich.text import Text

WIDTH = 80
_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = ".:-=+*#@"
_GAP = " "
_TO_ASCII = str.maketrans(
    {
        "│": "|", "┤": "+", "├": "+", "─": "-", "┬": "+", "┴": "+", "┼": "+", "└": "+", "┘": "+", "┌": "+", "┐": "+",
        "●": "o", "█": "#", "…": "~", MISSING: "-", "–": "-", "×": "x",
    }
)  # fmt: skip
_TICKS = 5
_SHORTEST_BAR_TRACK = 12
# Decimals of a thousand are noise.
_WHOLE_FROM = 1000


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of `bars`: a value with its interval. `value` None is a row that says `note` and draws nothing."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""


def sparkline(values: Sequence[float | None], *, width: int | None = None, plain_text: bool | None = None) -> str:
    """One character a value, from the lowest block to the highest; a missing value is a blank.

    With more values than `width`, neighbours go together as the mean of those that are known. `plain_text` forces
    ASCII on or off; by default the terminal decides.
    """
    blocks = _ASCII_BLOCKS if _plain(plain_text) else _BLOCKS
    shown = _condensed(values, width) if width else list(values)
    known = [value for value in shown if value is not None]
    if not known:
        return _GAP * len(shown)
    lowest, spread = min(known), max(known) - min(known)

    def block(value: float) -> str:
        # A line that does not move is drawn in the middle: neither low nor high.
        share = (value - lowest) / spread if spread else 0.5
        return blocks[min(len(blocks) - 1, int(share * len(blocks)))]

    return "".join(_GAP if value is None else block(value) for value in shown)


def line_chart(
    points: Sequence[tuple[datetime, float | None]],
    *,
    title: str,
    width: int = WIDTH,
    height: int = 15,
    plain_text: bool | None = None,
) -> Text:
    """A line over time, drawn by plotext; at a missing value the line is broken. The axis begins where the data do.

    At most `width` columns and `height` lines. Without a number it says so instead.
    """
    import plotext
    from rich.text import Text

    ascii_only = _plain(plain_text)
    known = [(moment, value) for moment, value in points if value is not None]
    if not known:
        return Text(_asciified(f"{_fitted(clean(title), width - 21).rstrip()}: no number is known.", ascii_only))
    figure = plotext.figure
    # There is one figure in the process, so nothing of an earlier picture may stay on it.
    figure.clear()
    plotext.terminal.limit(False, False)
    figure.plot_size(max(width, 30), max(height - 1, 5))
    for run in _runs(points):
        seconds = [moment.timestamp() for moment, _ in run]
        # A number alone between gaps would be a speck of braille.
        marker = "*" if ascii_only else "braille" if len(run) > 1 else "●"
        figure.draw(figure.signal(seconds, [value for _, value in run], marker=marker).lines(len(run) > 1))
    moments = _moments(known[0][0], known[-1][0], ticks=max(2, min(_TICKS, width // 16)))
    figure.ruler("x", "lower").ticks([moment.timestamp() for moment in moments], labels=_days(moments))
    levels = _levels([value for _, value in known])
    figure.ruler("y", "left").ticks(levels, labels=_level_labels(levels))
    drawing = figure.build().string(colorless=True)
    figure.clear()
    lines = [_fitted(clean(title), width), *drawing.splitlines()]
    return Text(
        _asciified("\n".join(line.rstrip() for line in lines).rstrip("\n"), ascii_only), no_wrap=True, overflow="crop"
    )


def bars(
    rows: Sequence[Bar],
    *,
    reference: float | None = None,
    width: int = WIDTH,
    plain_text: bool | None = None,
    places: int = 2,
) -> Text:
    """Values with their intervals on one scale, a row each: `├──●──┤`, and the figures beside it in digits.

    `reference` is marked in every row by `│` (1 for "the usual"). The scale runs from the lowest to the highest end of
    all intervals; it does not begin at zero, for lengths are not compared here but positions.
    """
    from rich.cells import cell_len
    from rich.text import Text

    ascii_only = _plain(plain_text)
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    if not ends:
        said = [f"{clean(row.label)}  {row.note or MISSING}" for row in rows] or ["Nothing to draw."]
        return Text(_asciified("\n".join(said), ascii_only))
    scale = [*ends, reference] if reference is not None else ends
    lowest, highest = min(scale), max(scale)
    digits = [_digits(row, places) for row in rows]
    label_width = min(max(cell_len(clean(row.label)) for row in rows), width // 3)
    track = width - label_width - max(map(cell_len, digits)) - 4
    lines = []
    for row, figures in zip(rows, digits, strict=True):
        parts = [_fitted(clean(row.label), label_width), figures]
        # Where there is no room for a picture, the digits alone tell it.
        if track >= _SHORTEST_BAR_TRACK:
            parts.insert(1, _track(row, reference, lowest, highest, track))
        lines.append(_fitted("  ".join(parts), width).rstrip())
    return Text(_asciified("\n".join(lines), ascii_only), no_wrap=True, overflow="crop")


def _plain(wanted: bool | None) -> bool:
    """Whether to keep to ASCII: as told, else where standard output cannot write UTF-8."""
    if wanted is not None:
        return wanted
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") not in {"utf8", "utf16", "utf32"}


def _asciified(text: str, ascii_only: bool) -> str:
    return text.translate(_TO_ASCII).encode("ascii", "replace").decode() if ascii_only else text


def _condensed(values: Sequence[float | None], width: int) -> list[float | None]:
    """At most `width` values: the means of what is known in equal stretches; a stretch without any stays missing."""
    if len(values) <= width:
        return list(values)
    condensed: list[float | None] = []
    for place in range(width):
        stretch = values[place * len(values) // width : (place + 1) * len(values) // width]
        known = [value for value in stretch if value is not None]
        condensed.append(sum(known) / len(known) if known else None)
    return condensed


def _runs(points: Sequence[tuple[datetime, float | None]]) -> Iterator[list[tuple[datetime, float]]]:
    """Stretches of numbers without a missing one between them."""
    run: list[tuple[datetime, float]] = []
    for moment, value in points:
        if value is not None:
            run.append((moment, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _moments(first: datetime, last: datetime, *, ticks: int) -> list[datetime]:
    if last - first < timedelta(days=1):
        return [first]
    return [first + (last - first) * place / (ticks - 1) for place in range(ticks)]


def _days(moments: Sequence[datetime]) -> list[str]:
    years = {moment.year for moment in moments}
    form = "%d %b" if len(years) == 1 and len(moments) > 1 else "%Y-%m-%d"
    return [f"{moment:{form}}" for moment in moments]


def _levels(values: Sequence[float]) -> list[float]:
    lowest, highest = min(values), max(values)
    if lowest == highest:
        return [lowest]
    return [lowest + (highest - lowest) * place / 4 for place in range(5)]


def _level_labels(levels: Sequence[float]) -> list[str]:
    """As short as tells them apart: 1.2M and 1.3M, but 120,400 and 120,450."""
    short = [compact(round(level)) for level in levels]
    if len(set(short)) == len(short) and max(abs(level) for level in levels) >= 10:
        return short
    places = 0 if max(levels) - min(levels) >= len(levels) else 2
    return [number(level, places=places) for level in levels]


def _track(row: Bar, reference: float | None, lowest: float, highest: float, width: int) -> str:
    def column(value: float) -> int:
        return round((value - lowest) / (highest - lowest) * (width - 1)) if highest > lowest else width // 2

    cells = [" "] * width
    if reference is not None:
        cells[column(reference)] = "│"
    if row.value is None:
        return "".join(cells)
    if row.low is not None and row.high is not None:
        first, last = column(row.low), column(row.high)
        cells[first : last + 1] = "─" * (last + 1 - first)
        if reference is not None and first <= column(reference) <= last:
            cells[column(reference)] = "┼"
        cells[first], cells[last] = "├", "┤"
    cells[column(row.value)] = "●"
    return "".join(cells)


def _digits(row: Bar, places: int) -> str:
    if row.value is None:
        return clean(row.note) or MISSING
    places = places if abs(row.value) < _WHOLE_FROM else 0
    figures = f"{row.value:,.{places}f}"
    if row.low is not None and row.high is not None:
        figures += f" ({row.low:,.{places}f}–{row.high:,.{places}f})"
    return f"{figures} {clean(row.note)}".rstrip()


def _fitted(text: str, width: int) -> str:
    """The text in exactly so many columns of the terminal: a Chinese character takes two."""
    from rich.cells import cell_len, set_cell_size

    return set_cell_size(text, width) if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"
