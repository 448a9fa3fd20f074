"""A board: columns of cards, walked with `h` `l` and `j` `k`; painted from its cards, as a list is from its rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from engagerr.tui import glyphs
from engagerr.tui.writing import Cell, cut

Card = TypeVar("Card")

_HEAD = 2
_GAP = 2
_NARROW, _FEW = 120, 2
_LEAST = 26


@dataclass(frozen=True, slots=True)
class Lane(Generic[Card]):
    """A column: its name, what its cards come to, and the cards from the top."""

    key: str
    name: str
    sums: Cell
    cards: tuple[Card, ...]


class Board(Widget, Generic[Card], can_focus=True):
    """Lanes of cards. `key` names a card for good: the cursor stays with it. `lines(card)` are the lines of a card.

    Under 120 columns two lanes are shown, and more where there is room; the lane of the cursor always is.
    """

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", id="board.open"),
        Binding("left,h", "lane(-1)", "stage before", show=False, id="board.left"),
        Binding("right,l", "lane(1)", "next stage", show=False, id="board.right"),
        Binding("down,j", "card(1)", "down", show=False, id="board.down"),
        Binding("up,k", "card(-1)", "up", show=False, id="board.up"),
        Binding("home", "edge(0)", "first card", show=False, id="board.first"),
        Binding("end", "edge(1)", "last card", show=False, id="board.last"),
    ]

    class Moved(Message):
        """The cursor stands on another card (None: the lane is empty)."""

        def __init__(self, board: Board[Any], card: Any) -> None:
            super().__init__()
            self.board = board
            self.card = card

        @property
        def control(self) -> Board[Any]:
            """The board."""
            return self.board

    class Opened(Moved):
        """A card was opened."""

    def __init__(
        self,
        *,
        key: Callable[[Card], Hashable],
        lines: Callable[[Card], Sequence[tuple[Cell, Cell]]],
        card_lines: int = 3,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._key_of, self._lines_of, self._card_lines = key, lines, card_lines
        self._lanes: list[Lane[Card]] = []
        self._lane = 0
        self._at = 0
        self._first_lane = 0
        self._top = 0
        self._styles_here: dict[tuple[str, str], Style] = {}

    @property
    def current(self) -> Card | None:
        """The card that has the cursor."""
        cards = self._lanes[self._lane].cards if self._lanes else ()
        return cards[self._at] if self._at < len(cards) else None

    @property
    def place(self) -> str:
        """Which lane of how many: `2 of 5`."""
        return f"{self._lane + 1} of {len(self._lanes)}" if self._lanes else ""

    @property
    def lane(self) -> Lane[Card] | None:
        """The lane of the cursor."""
        return self._lanes[self._lane] if self._lanes else None

    def fill(self, lanes: Sequence[Lane[Card]]) -> None:
        """Show these lanes; the cursor stays on its card if that is still there, wherever it stands now."""
        before = None if self.current is None else self._key_of(self.current)
        first = not self._lanes
        self._lanes = list(lanes)
        if before is None or not self.go_to(before):
            with_cards = next((at for at, lane in enumerate(self._lanes) if lane.cards), 0)
            self._lane = with_cards if first else min(self._lane, max(len(self._lanes) - 1, 0))
            self._go(self._lane, self._at)

    def go_to(self, key: Hashable) -> bool:
        """Move the cursor to a card; False where it is not there."""
        for at, lane in enumerate(self._lanes):
            for place, card in enumerate(lane.cards):
                if self._key_of(card) == key:
                    self._go(at, place)
                    return True
        return False

    # Keys and mouse.

    def action_lane(self, by: int) -> None:
        """The lane beside."""
        self._go(self._lane + by, self._at)

    def action_card(self, by: int) -> None:
        """The card below or above."""
        self._go(self._lane, self._at + by)

    def action_edge(self, end: int) -> None:
        """The first or the last card of the lane."""
        self._go(self._lane, end * (10**6))

    def action_open(self) -> None:
        """Open the card under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self, self.current))

    def on_click(self, event: events.Click) -> None:
        """A card takes the cursor, and opens when it has it."""
        width = self._lane_width
        lane = self._first_lane + event.x // (width + _GAP)
        if event.button != 1 or lane >= len(self._lanes) or event.y < _HEAD:
            return
        place = self._top_of(lane) + (event.y - _HEAD) // (self._card_lines + 1)
        if (lane, place) == (self._lane, self._at):
            self.action_open()
        elif place < len(self._lanes[lane].cards):
            self._go(lane, place)

    def _go(self, lane: int, at: int) -> None:
        self._lane = min(max(lane, 0), max(len(self._lanes) - 1, 0))
        cards = self._lanes[self._lane].cards if self._lanes else ()
        self._at = min(max(at, 0), max(len(cards) - 1, 0))
        self._into_view()
        self.refresh()
        self.post_message(self.Moved(self, self.current))

    def _into_view(self) -> None:
        shown = self._shown
        self._first_lane = min(max(self._first_lane, self._lane - shown + 1), self._lane)
        self._first_lane = max(min(self._first_lane, len(self._lanes) - shown), 0)
        fits = max((self.size.height - _HEAD) // (self._card_lines + 1), 1)
        self._top = min(max(self._top, self._at - fits + 1), self._at)

    def _top_of(self, lane: int) -> int:
        return self._top if lane == self._lane else 0

    # Painting.

    @property
    def _shown(self) -> int:
        width = self.size.width
        many = _FEW if width < _NARROW else max((width + _GAP) // (_LEAST + _GAP), 1)
        return max(min(many, len(self._lanes)), 1)

    @property
    def _lane_width(self) -> int:
        return max((self.size.width - _GAP * (self._shown - 1)) // self._shown, 8)

    def on_resize(self) -> None:
        """Another width shows other lanes."""
        self._into_view()

    def notify_style_update(self) -> None:
        """Another theme: the styles made so far are not its."""
        super().notify_style_update()
        self._styles_here.clear()

    def render_line(self, y: int) -> Strip:
        """One line over all lanes that are shown."""
        segments: list[Segment] = []
        width = self._lane_width
        for number, lane in enumerate(range(self._first_lane, min(self._first_lane + self._shown, len(self._lanes)))):
            if number:
                segments.append(Segment(" " * _GAP, self._style("ink", "background")))
            segments += self._lane_line(lane, y, width)
        blank = self._style("ink", "background")
        return Strip(segments).adjust_cell_length(self.size.width, blank).simplify()

    def _lane_line(self, number: int, y: int, width: int) -> list[Segment]:
        lane, here = self._lanes[number], number == self._lane
        if y == 0:
            token = "ink-bold" if here else "soft"
            return self._fitted([(f" {lane.name}", token), (f"  {len(lane.cards)}", "faint")], (), width, "background")
        if y == 1:
            return self._fitted([(" ", "ink"), *lane.sums.parts], (), width, "background")
        place, part = divmod(y - _HEAD, self._card_lines + 1)
        place += self._top_of(number)
        if place >= len(lane.cards) or part == self._card_lines:
            return self._fitted([], (), width, "background")
        lines = self._lines_of(lane.cards[place])
        left, right = lines[part] if part < len(lines) else (Cell(()), Cell(()))
        under = here and place == self._at
        ground = ("cursor" if self.has_focus else "raised") if under else "background"
        gutter = (glyphs.BAR if under and self.has_focus else " ", "accent")
        return self._fitted([gutter, *left.parts], right.parts, width, ground)

    def _fitted(
        self, left: Sequence[tuple[str, str]], right: Sequence[tuple[str, str]], width: int, ground: str
    ) -> list[Segment]:
        room = width - sum(cell_len(text) for text, _ in right)
        segments, used = [], 0
        for text, token in left:
            piece = cut(text, room - used - 1) if used + cell_len(text) > room - bool(right) else text
            segments.append(Segment(piece, self._style(token, ground)))
            used += cell_len(piece)
        segments.append(Segment(" " * max(room - used, 0), self._style("ink", ground)))
        segments += [Segment(text, self._style(token, ground)) for text, token in right]
        return segments

    def _style(self, token: str, ground: str) -> Style:
        style = self._styles_here.get((token, ground))
        if style is None:
            colours = self.app.theme_variables
            bold = token.endswith("-bold")
            style = Style(
                color=colours[token.removesuffix("-bold")], bgcolor=colours[ground], bold=bold or None
            )  # fmt: skip
            self._styles_here[token, ground] = style
        return style
