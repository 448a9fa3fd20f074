"""Charts drawn in cells: columns over time, bars of groups, bars of a distribution. What is missing is a gap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from engagerr.tui import glyphs
from engagerr.tui.writing import NARROW_SPACE, Cell, cut, short

Runs = list[tuple[str, str]]
BLOCKS = " ▁▂▃▄▅▆▇█"
AXIS = 8
_EIGHTHS = 8
_WIDEST = 4
_MOST_LABELLED = 4
_STEPS = tuple(map(Decimal, ("1", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "10")))
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Turning:
    """Before column `at`, figures were counted otherwise: the sentence says how."""

    at: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Track:
    """One series over `buckets`; None is a bucket of which nobody knows. The last one is not over where `so_far`.

    `highest` is the highest figure of all tracks, where several are drawn to one scale.
    """

    title: str
    buckets: tuple[date, ...]
    values: tuple[Decimal | None, ...]
    unit: str = "count"
    turnings: tuple[Turning, ...] = ()
    so_far: bool = False
    highest: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BarRow:
    """One bar: `share` of the longest (None: unknown, which draws nothing), and its figure on the right."""

    label: str
    share: float | None
    figure: Cell
    token: str = "accent"


def ceiling(values: Sequence[Decimal | None], rows: int) -> Decimal:
    """The figure at the upper edge: no value exceeds it, and each row is a round number high."""
    highest = max((value for value in values if value is not None), default=Decimal(0))
    if highest <= 0:
        return Decimal(rows)
    each = highest / rows
    power = Decimal(10) ** each.adjusted()
    return next(step * power for step in _STEPS if step * power >= each) * rows


def level(value: Decimal, top: Decimal, rows: int) -> int:
    """How many eighths of a row the column of a value fills: at least one above zero, none at zero and below."""
    if value <= 0:
        return 0
    return max(int((value / top * rows * _EIGHTHS).to_integral_value()), 1)


def column_width(count: int, width: int) -> int:
    """How many cells a bucket has, its gap included."""
    return min(max((width - AXIS - 1) // max(count, 1), 1), _WIDEST)


def fitting(width: int) -> int:
    """How many buckets there is room for."""
    return max(width - AXIS - 3, 1)


def painted(
    track: Track, width: int, height: int, *, days: bool = True, beside: frozenset[int] = frozenset()
) -> list[Runs]:
    """The track as lines: title and breaks, columns of so many rows, and below them the days.

    `beside` are the buckets before which other tracks break: there is a cell free, so that all stay aligned.
    """
    start = max(len(track.values) - fitting(width), 0)
    values, buckets = track.values[start:], track.buckets[start:]
    turnings = [Turning(one.at - start, one.sentence) for one in track.turnings if one.at >= start]
    breaks = sorted({one.at for one in turnings} | {at - start for at in beside if at >= start})
    rows = max(height - 1 - days, 1)
    top = ceiling([*values, track.highest], rows)
    size = column_width(len(values), width - len(breaks))
    older = max((one.at for one in turnings), default=0)
    body = [
        _row(row, rows, values, top, size, turnings, breaks, older=older, so_far=track.so_far, unit=track.unit)
        for row in reversed(range(rows))
    ]
    lines = [_title(track.title, turnings, size, breaks, width), *body]
    return [*lines, _days(buckets, size, breaks, width)] if days else lines


def stacked(tracks: Sequence[Track], width: int, height: int) -> list[Runs]:
    """Several tracks one below the other over the same buckets; the days stand once, below the last."""
    each = max((height - 1) // max(len(tracks), 1), 2)
    lines: list[Runs] = []
    beside = frozenset(one.at for track in tracks for one in track.turnings)
    for at, track in enumerate(tracks):
        last = at == len(tracks) - 1
        lines += painted(track, width, each + last, days=last, beside=beside)
    return lines[:height]


def _row(
    row: int,
    rows: int,
    values: Sequence[Decimal | None],
    top: Decimal,
    size: int,
    turnings: Sequence[Turning],
    breaks: Sequence[int],
    *,
    older: int,
    so_far: bool,
    unit: str,
) -> Runs:
    labelled = rows <= _MOST_LABELLED or (rows - 1 - row) % 2 == 0
    text = scale(top * (row + 1) / rows, unit) if labelled else ""
    parts: Runs = [(" " * max(AXIS - 2 - cell_len(text), 0) + text + "  ", "faint")]
    at_turn = {one.at for one in turnings}
    for at, value in enumerate(values):
        if at in breaks:
            parts.append((glyphs.BREAK if at in at_turn else " ", "attention"))
        token = "soft" if so_far and at == len(values) - 1 else "dim" if at < older else "accent"
        parts.append(_mark(value, row, level(value or Decimal(0), top, rows), size, token))
    return parts


def _mark(value: Decimal | None, row: int, filled: int, size: int, token: str) -> tuple[str, str]:
    solid, gap = max(size - 1, 1), " " * (size - max(size - 1, 1))
    if row == 0 and (value is None or value <= 0):
        if value is None:
            return glyphs.GAP + " " * (size - 1), "faint"
        return ("0" if value == 0 else glyphs.MINUS) + " " * (size - 1), "faint" if value == 0 else "danger"
    return BLOCKS[min(max(filled - row * _EIGHTHS, 0), _EIGHTHS)] * solid + gap, token


def scale(value: Decimal, unit: str) -> str:
    """A figure of the axis: `600 k`; time in hours."""
    if unit == "seconds":
        hours = value / _HOUR
        return f"{_rounded(hours)}{NARROW_SPACE}h"
    return _rounded(value)


def _rounded(value: Decimal) -> str:
    if value < 10 and value != value.to_integral_value():
        return f"{value:.1f}"
    return short(value).replace(f".0{NARROW_SPACE}", NARROW_SPACE)


def _place(at: int, size: int, breaks: Sequence[int]) -> int:
    """In which cell the break before a bucket, or the bucket, stands."""
    return AXIS + at * size + sum(one < at for one in breaks)


def _title(title: str, turnings: Sequence[Turning], size: int, breaks: Sequence[int], width: int) -> Runs:
    parts: Runs = [(f" {cut(title, width - 2)}", "soft")]
    used = cell_len(parts[0][0])
    if not turnings:
        return parts
    last = turnings[-1]
    place = _place(last.at, size, breaks)
    sentence = f" {last.sentence}"
    # Above its break if it fits there, else wherever more of it does.
    if place > used and width - place - 2 < min(cell_len(sentence), width - used - 4):
        place = used + 2
    gap = max(place - used, 2)
    return [*parts, (" " * gap, "soft"), (glyphs.BREAK, "attention"), (cut(sentence, width - used - gap - 2), "soft")]


def _days(buckets: Sequence[date], size: int, breaks: Sequence[int], width: int) -> Runs:
    """The months below the columns in which they begin; single days where all are of a month or two."""
    line = " " * width
    end = 0
    months = len({(day.year, day.month) for day in buckets}) > 2
    for at, day in enumerate(buckets):
        first = at == 0 or not months or (day.year, day.month) != (buckets[at - 1].year, buckets[at - 1].month)
        place = _place(at, size, breaks) + (at in breaks)
        text = f"{day:%b}" if months else f"{day.day} {day:%b}"
        if months and (at == 0 or day.year != buckets[at - 1].year):
            text = f"{day:%b} {day:%Y}" if at else text
        if first and place >= end and place + len(text) <= width:
            line = line[:place] + text + line[place + len(text) :]
            end = place + len(text) + 1
    return [(line.rstrip(), "faint")]


def barred(title: str, rows: Sequence[BarRow], width: int, height: int) -> list[Runs]:
    """Rows of bars below their title; what does not fit is counted in the last line."""
    shown = rows if len(rows) <= height - 1 else rows[: max(height - 2, 0)]
    label = min(max((cell_len(row.label) for row in rows), default=0), max(width // 3, 8))
    figure = max((cell_len(row.figure.text) for row in rows), default=0)
    room = max(width - label - figure - 6, 4)
    lines: list[Runs] = [[(f" {cut(title, width - 2)}", "soft")]]
    for row in shown:
        name = cut(row.label, label)
        parts: Runs = [(f" {name}{' ' * (label - cell_len(name))}  ", "ink")]
        if row.share is None:
            parts.append((" " * room, "ink"))
        else:
            full = round(min(max(row.share, 0.0), 1.0) * room)
            full = max(full, 1) if row.share > 0 else full
            parts += [(glyphs.FULL * full, row.token), ("─" * (room - full), "line")]
        parts += [("  " + " " * (figure - cell_len(row.figure.text)), "ink"), *row.figure.parts]
        lines.append(parts)
    if len(shown) < len(rows):
        lines.append([(f" and {len(rows) - len(shown)} more, in the table below", "faint")])
    return lines


class Drawing(Widget):
    """A picture painted line by line from what it is given; it is made again when its size changes."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._maker: Callable[[int, int], list[Runs]] | None = None
        self._lines: list[Runs] = []
        self._made_for = (-1, -1)
        self._style_of: dict[str, Style] = {}

    def show(self, maker: Callable[[int, int], list[Runs]]) -> None:
        """Show what this makes for a width and a height."""
        self._maker = maker
        self._made_for = (-1, -1)
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme: the styles made so far are not its."""
        super().notify_style_update()
        self._style_of.clear()

    def render_line(self, y: int) -> Strip:
        """One line of the picture."""
        size = (self.size.width, self.size.height)
        if self._maker is not None and self._made_for != size:
            self._lines = self._maker(*size)
            self._made_for = size
        parts = self._lines[y] if y < len(self._lines) else []
        segments = [Segment(text, self._style(token)) for text, token in parts if text]
        return Strip(segments).adjust_cell_length(size[0], self._style("ink")).simplify()

    def _style(self, token: str) -> Style:
        style = self._style_of.get(token)
        if style is None:
            colours = self.app.theme_variables
            style = Style(
                color=colours[token.removesuffix("-bold")], bgcolor=colours["background"],
                bold=token.endswith("-bold") or None,
            )  # fmt: skip
            self._style_of[token] = style
        return style
