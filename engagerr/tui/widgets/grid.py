"""A list of any length, painted from its rows: a cell is written when its line is drawn, so that filling is free."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engagerr.tui import glyphs
from engagerr.tui.writing import Cell, cut

Row = TypeVar("Row")

_GAP = 2
_WHEEL_ROWS = 3


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column: `cell` writes it for a row.

    Of the columns that `grow`, all share what room is left, and lose their ends where it is short; no other is ever
    cut. Where room is short, columns with the highest `rank` go first; rank 0 always stays. `sort` gives what rows
    are ordered by (None: missing, which comes last in both directions).
    """

    key: str
    heading: str
    cell: Callable[[Row], Cell]
    width: int
    right: bool = False
    grow: bool = False
    rank: int = 0
    sort: Callable[[Row], Any] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """By which column rows stand, and in which direction."""

    column: str
    descending: bool = False


@dataclass(slots=True)
class _Layout:
    width: int = -1
    columns: list[tuple[Column[Any], int]] = field(default_factory=list)


class Grid(ScrollView, Generic[Row], can_focus=True, inherit_bindings=False):
    """Rows under a heading, one of which has the cursor; rows may be marked, sorted and left out.

    `key` names a row for good: the cursor and the marks stay with it when the rows are read again. With `below`, each
    row takes 1 + `below_lines` lines: `below(row)` gives the cells of the further ones.
    """

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", id="list.open"),
        Binding("down,j", "move(1)", "down", show=False, id="list.down"),
        Binding("up,k", "move(-1)", "up", show=False, id="list.up"),
        Binding("pagedown", "page(1)", "a page down", show=False, id="list.page_down"),
        Binding("pageup", "page(-1)", "a page up", show=False, id="list.page_up"),
        Binding("home", "edge(0)", "first row", show=False, id="list.first"),
        Binding("end", "edge(1)", "last row", show=False, id="list.last"),
        Binding("space", "mark", "mark", show=False, id="list.mark"),
        Binding("asterisk", "mark_all", "mark all shown", show=False, id="list.mark_all"),
    ]

    class Moved(Message):
        """The cursor stands on another row (None: there is none)."""

        def __init__(self, grid: Grid[Any], row: Any) -> None:
            super().__init__()
            self.grid = grid
            self.row = row

        @property
        def control(self) -> Grid[Any]:
            """The grid, for `@on(Grid.Moved, "#id")`."""
            return self.grid

    class Opened(Moved):
        """A row was opened: by `enter`, or by a click on the row that has the cursor."""

    class Marked(Message):
        """Other rows are marked than before."""

        def __init__(self, grid: Grid[Any]) -> None:
            super().__init__()
            self.grid = grid

        @property
        def control(self) -> Grid[Any]:
            """The grid."""
            return self.grid

    class HeadingClicked(Message):
        """The heading of a column was clicked."""

        def __init__(self, grid: Grid[Any], column: str) -> None:
            super().__init__()
            self.grid = grid
            self.column = column

        @property
        def control(self) -> Grid[Any]:
            """The grid."""
            return self.grid

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        *,
        key: Callable[[Row], Hashable],
        below: Callable[[Row], Sequence[Cell]] | None = None,
        below_lines: int = 0,
        headings: bool = True,
        markable: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._all_columns = tuple(columns)
        self._chosen: tuple[str, ...] | None = None
        self._key_of = key
        self._below = below
        self._lines = 1 + below_lines
        self._heading_lines = 1 if headings else 0
        self._markable = markable
        self._given: list[Row] = []
        self._shown: list[Row] = []
        self._kept: Callable[[Row], bool] | None = None
        self.order: Order | None = None
        self.marked: set[Hashable] = set()
        self._at = 0
        self._plan = _Layout()
        self._styles_by_token: dict[tuple[str, str], Style] = {}

    # What it shows.

    @property
    def rows(self) -> Sequence[Row]:
        """The rows that are shown, in their order."""
        return self._shown

    @property
    def current(self) -> Row | None:
        """The row that has the cursor."""
        return self._shown[self._at] if self._shown else None

    @property
    def cursor(self) -> int:
        """Where the cursor stands among the shown rows."""
        return self._at

    @property
    def marked_rows(self) -> list[Row]:
        """The marked rows that are shown; without marks, the row under the cursor."""
        marked = [row for row in self._shown if self._key_of(row) in self.marked]
        return marked or ([self.current] if self.current is not None else [])

    def fill(self, rows: Iterable[Row]) -> None:
        """Show these rows; the cursor stays on its row if that is still there, else where it was."""
        self._given = list(rows)
        if self.marked:
            self.marked &= {self._key_of(row) for row in self._given}
        self._arrange()

    def keep_only(self, kept: Callable[[Row], bool] | None) -> None:
        """Leave out rows; None shows all again."""
        self._kept = kept
        self._arrange()

    def sort_by(self, order: Order | None) -> None:
        """Order the rows by a column; None takes them as they were given."""
        self.order = order
        self._arrange()

    def choose_columns(self, keys: Sequence[str] | None) -> None:
        """Show only these columns, in this order; None shows all."""
        self._chosen = None if keys is None else tuple(keys)
        self._plan = _Layout()
        self.refresh()

    @property
    def columns(self) -> tuple[Column[Row], ...]:
        """The chosen columns, whether or not there is room for them."""
        if self._chosen is None:
            return self._all_columns
        by_key = {column.key: column for column in self._all_columns}
        return tuple(by_key[key] for key in self._chosen if key in by_key)

    def go_to(self, key: Hashable) -> bool:
        """Move the cursor to the row of this key; False where it is not shown."""
        at = next((at for at, row in enumerate(self._shown) if self._key_of(row) == key), None)
        if at is not None:
            self._go(at)
        return at is not None

    def repaint(self) -> None:
        """Draw the rows again: what they show has changed, and they have not."""
        self._styles_by_token.clear()
        self.refresh()

    # Keys and mouse.

    def action_move(self, by: int) -> None:
        """Move the cursor by so many rows."""
        self._go(self._at + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by a page."""
        self._go(self._at + by * max(self._page_rows - 1, 1))

    def action_edge(self, end: int) -> None:
        """Move the cursor to the first or the last row."""
        self._go((len(self._shown) - 1) * end)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self, self.current))

    def action_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go on to the next."""
        if not self._markable or self.current is None:
            return
        self.marked ^= {self._key_of(self.current)}
        self._repaint_row(self._at)
        self._go(self._at + 1)
        self.post_message(self.Marked(self))

    def action_mark_all(self) -> None:
        """Mark all rows that are shown; if they are, take all marks away."""
        if not self._markable:
            return
        keys = {self._key_of(row) for row in self._shown}
        self.marked = set() if keys <= self.marked else keys
        self.refresh()
        self.post_message(self.Marked(self))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Marking is a key only where rows can be marked."""
        return not (action in ("mark", "mark_all") and not self._markable)

    def on_click(self, event: events.Click) -> None:
        """A heading sorts, a row takes the cursor, and opens when it has it."""
        if event.button != 1:
            return
        if event.y < self._heading_lines:
            if (column := self._column_at(event.x)) is not None:
                self.post_message(self.HeadingClicked(self, column.key))
            return
        at = (int(self.scroll_offset.y) + event.y - self._heading_lines) // self._lines
        if at == self._at:
            self.action_open()
        else:
            self._go(at)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows at a time; the cursor stays."""
        event.stop()
        self.scroll_relative(y=_WHEEL_ROWS, animate=False, immediate=True)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows at a time; the cursor stays."""
        event.stop()
        self.scroll_relative(y=-_WHEEL_ROWS, animate=False, immediate=True)

    def on_focus(self) -> None:
        """The cursor is stronger with focus than without."""
        self._repaint_row(self._at)

    def on_blur(self) -> None:
        """The cursor is stronger with focus than without."""
        self._repaint_row(self._at)

    def notify_style_update(self) -> None:
        """Another theme: the styles made so far are not its."""
        super().notify_style_update()
        self._styles_by_token.clear()

    # Painting.

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the headings, or a line of a row."""
        if self._plan.width != self._room:  # not on a resize: the first paint may come before it
            self._lay_out(self._room)
        if y < self._heading_lines:
            return self._heading_strip()
        at, part = divmod(int(self.scroll_offset.y) + y - self._heading_lines, self._lines)
        if at >= len(self._shown):
            return Strip.blank(self._room, self._style("ink", "background"))
        return self._row_strip(at, part)

    def _row_strip(self, at: int, part: int) -> Strip:
        row = self._shown[at]
        under_cursor = at == self._at
        ground = ("cursor" if self.has_focus else "raised") if under_cursor else "background"
        gutter = glyphs.BAR if under_cursor and self.has_focus else " "
        segments = [Segment(gutter, self._style("accent", ground))]
        if self._markable:
            marked = part == 0 and self._key_of(row) in self.marked
            segments.append(Segment(f"{glyphs.MARKED} " if marked else "  ", self._style("accent", ground)))
        if part == 0:
            for number, (column, width) in enumerate(self._plan.columns):
                if number:
                    segments.append(Segment(" " * _GAP, self._style("ink", ground)))
                segments += self._cell_segments(column.cell(row), width, ground, right=column.right)
        elif self._below is not None:
            cells = self._below(row)
            if part <= len(cells):
                used = sum(segment.cell_length for segment in segments)
                segments += self._cell_segments(cells[part - 1], self._room - used - 1, ground, right=False)
        return Strip(segments).adjust_cell_length(self._room, self._style("ink", ground)).simplify()

    def _cell_segments(self, cell: Cell, width: int, ground: str, *, right: bool) -> list[Segment]:
        text_width = sum(cell_len(text) for text, _ in cell.parts)
        room = " " * (width - text_width)
        if text_width <= width:
            segments = [Segment(text, self._style(token, ground)) for text, token in cell.parts if text]
            filler = [Segment(room, self._style("ink", ground))] if room else []
            return filler + segments if right else segments + filler
        segments, left = [], width
        for text, token in cell.parts:
            if left <= 0:
                break
            piece = cut(text, left) if cell_len(text) > left else text
            segments.append(Segment(piece, self._style(token, ground)))
            left -= cell_len(piece)
        return [*segments, Segment(" " * max(left, 0), self._style("ink", ground))]

    def _heading_strip(self) -> Strip:
        style = self._style("faint", "background")
        segments = [Segment("   " if self._markable else " ", style)]
        for number, (column, width) in enumerate(self._plan.columns):
            if number:
                segments.append(Segment(" " * _GAP, style))
            text = column.heading
            if self.order is not None and self.order.column == column.key:
                text = f"{text.rstrip()} {'↓' if self.order.descending else '↑'}"
            text = cut(text, width)
            pad = width - cell_len(text)
            segments.append(Segment(" " * pad + text if column.right else text + " " * pad, style))
        return Strip(segments).adjust_cell_length(self._room, style).simplify()

    def _lay_out(self, width: int) -> None:
        columns = list(self.columns)
        room = width - (3 if self._markable else 1) - 1

        def need(kept: Sequence[Column[Row]]) -> int:
            return sum(column.width for column in kept) + _GAP * max(len(kept) - 1, 0)

        while need(columns) > room and any(column.rank for column in columns):
            columns.remove(max(reversed(columns), key=lambda column: column.rank))
        growing = [column for column in columns if column.grow]
        spare = room - need(columns)
        widths = {column.key: column.width for column in columns}
        for place, column in enumerate(growing):
            widths[column.key] = max(widths[column.key] + spare // len(growing) + (place < spare % len(growing)), 4)
        self._plan = _Layout(width, [(column, widths[column.key]) for column in columns])
        self.virtual_size = Size(1, len(self._shown) * self._lines + self._heading_lines)

    def _style(self, token: str, ground: str) -> Style:
        style = self._styles_by_token.get((token, ground))
        if style is None:
            colours = self.app.theme_variables
            bold = token.endswith("-bold")
            colour = colours[token.removesuffix("-bold")]
            style = Style(color=colour, bgcolor=colours[ground], bold=bold or None)
            self._styles_by_token[token, ground] = style
        return style

    # Order and place.

    def _arrange(self) -> None:
        before = self._key_of(self.current) if self.current is not None else None
        shown = self._given if self._kept is None else [row for row in self._given if self._kept(row)]
        if self.order is not None:
            shown = _ordered(shown, self.order, {column.key: column for column in self._all_columns})
        self._shown = shown
        self._at = self._found(before)
        self._plan.width = -1
        self.virtual_size = Size(1, len(shown) * self._lines + self._heading_lines)
        self._into_view()
        self.refresh()
        self.post_message(self.Moved(self, self.current))

    def _found(self, key: Hashable) -> int:
        last = max(len(self._shown) - 1, 0)
        if key is None:
            return min(self._at, last)
        if self._at <= last and self._shown and self._key_of(self._shown[self._at]) == key:
            return self._at
        return next((at for at, row in enumerate(self._shown) if self._key_of(row) == key), min(self._at, last))

    def _go(self, at: int) -> None:
        at = min(max(at, 0), max(len(self._shown) - 1, 0))
        if at == self._at or not self._shown:
            return
        before, self._at = self._at, at
        self._repaint_row(before)
        self._repaint_row(at)
        self._into_view()
        self.post_message(self.Moved(self, self.current))

    def _into_view(self) -> None:
        top, room = int(self.scroll_offset.y), self.size.height - self._heading_lines
        first, last = self._at * self._lines, (self._at + 1) * self._lines - 1
        if room <= 0:
            return
        if first < top:
            self.scroll_to(y=first, animate=False, immediate=True, force=True)
        elif last >= top + room:
            self.scroll_to(y=last - room + 1, animate=False, immediate=True, force=True)

    def _repaint_row(self, at: int) -> None:
        y = at * self._lines + self._heading_lines - int(self.scroll_offset.y)
        if y + self._lines > self._heading_lines and y < self.size.height:
            top = max(y, self._heading_lines)
            self.refresh(Region(0, top, self._room, y + self._lines - top))

    @property
    def _room(self) -> int:
        """The width without the scrollbar, which `size` of a ScrollView includes."""
        return self.scrollable_content_region.width

    @property
    def _page_rows(self) -> int:
        return max((self.size.height - self._heading_lines) // self._lines, 1)

    def _column_at(self, x: int) -> Column[Row] | None:
        left = 3 if self._markable else 1
        for column, width in self._plan.columns:
            if left <= x < left + width:
                return column
            left += width + _GAP
        return None


def _ordered(rows: Sequence[Row], order: Order, columns: dict[str, Column[Row]]) -> list[Row]:
    """Rows in order; what is missing comes last in both directions."""
    column = columns.get(order.column)
    if column is None or column.sort is None:
        return list(rows)
    known = [(value, row) for row in rows if (value := column.sort(row)) is not None]
    unknown = [row for row in rows if column.sort(row) is None]
    known.sort(key=lambda pair: pair[0], reverse=order.descending)
    return [row for _, row in known] + unknown


def fitted(cell: Cell, width: int) -> str:
    """A cell as text of exactly this width, for drawing outside a grid."""
    return set_cell_size(cut(cell.text, width), width)
