"""The content map: what belongs together, why, and what waits for a yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from engagerr.tui import glyphs
from engagerr.tui.screens.map_figures import MapFigures
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Choice, FilterLine, Menu
from engagerr.tui.widgets.family_rows import GROUPS, MapRow, columns, family_key, item_key, kept_rows, rows_of
from engagerr.tui.widgets.grid import Grid

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.families_page import FamiliesPage, FamilyHead
    from engagerr.core.desk.opened_family import OpenedFamily

_ORDERS = (
    ("newest", "newest first"), ("oldest", "oldest first"), ("waiting", "most to review first"),
    ("items", "most items first"), ("title", "by title"), ("plays", "most plays first"),
)  # fmt: skip
_IN_FAMILIES = ("title", "length", "audience", "link")
_MOST_OPEN = 12
_MORE_ITEMS = 2_000
_MORE_HEADS = 2_000


@dataclass(frozen=True, slots=True)
class MapRead:
    """What one reading gave: the families, and those that are open."""

    page: FamiliesPage
    opened: dict[UUID, OpenedFamily]


class ContentMap(MapFigures):
    """Tab 4."""

    tab: ClassVar[str] = "map"
    name_in_words: ClassVar[str] = "Content map"
    kinds: ClassVar[frozenset[str]] = frozenset({"edge", "content", "import", "sync", "creator", "account"})
    has_side: ClassVar[bool] = True
    AUTO_FOCUS = "#families"
    DEFAULT_CSS = """
    ContentMap #evidence { height: 8; }
    ContentMap.-wide #evidence { display: none; }
    ContentMap.-narrow.-short #evidence { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "accept", "accept", id="map.accept"),
        Binding("n", "reject", "reject", id="map.reject"),
        Binding("m", "move", "move", id="map.move"),
        Binding("w", "why", "why", id="page.why"),
        Binding("g", "group", "group", id="page.group"),
        Binding("f", "filter", "filter", id="page.filter"),
        Binding("s", "sort", "sort", id="page.sort"),
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("plus", "split", "split off", id="map.split", key_display="+"),
        Binding("o", "address", "address", id="page.address"),
        Binding("e", "export", "export", id="page.export"),
        Binding("right", "open_close(True)", "open the family", show=False, id="map.open"),
        Binding("left", "open_close(False)", "close the family", show=False, id="map.close"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.open_ids: list[UUID] = []
        self.opened: dict[UUID, OpenedFamily | None] = {}
        self.limits: dict[UUID, int] = {}
        self.group, self.order, self.words = "family", "newest", ""
        self.heads_limit = _MORE_HEADS
        self._find: tuple[UUID, str] | None = None
        self._pinned: FamilyHead | None = None
        self._cursor: str | None = None

    # The frame.

    def main(self) -> ComposeResult:
        """The list, the line to filter it, and the lower pane of narrow terminals."""
        from engagerr.core.desk.families_page import headline_total

        yield FilterLine(placeholder="words of a title, a creator, a platform, waiting, rejected …")
        yield Grid(columns(self.total_of, headline_total), key=lambda row: row.key, markable=True, id="families")
        yield Static(id="evidence", classes="lower")

    def kept(self) -> dict[str, Any]:
        """Open families, how they are grouped, ordered and filtered, and where the cursor stood."""
        current = self.grid.current
        return {
            "open": [str(one) for one in self.open_ids], "group": self.group, "order": self.order,
            "words": self.query_one(FilterLine).value, "at": current.key if current else self._cursor,
        }  # fmt: skip

    def restore(self, kept: dict[str, Any]) -> None:
        """As it was left."""
        for one in kept.get("open", ())[:_MOST_OPEN]:
            try:
                self.open_ids.append(UUID(one))
            except ValueError:
                continue
        self.group = str(kept.get("group")) if kept.get("group") in GROUPS else "family"
        self.order = str(kept.get("order")) if kept.get("order") in dict(_ORDERS) else "newest"
        self._cursor = kept.get("at")
        if words := kept.get("words"):
            line = self.query_one(FilterLine)
            line.value, line.display = words, True

    # Reading.

    def read(self, work: Workspace) -> MapRead:
        """The families, and the items of those that are open; one that is no more is closed."""
        from engagerr.core.desk.families_page import families_page
        from engagerr.core.desk.opened_family import MOST_ITEMS, open_family
        from engagerr.core.errors import NotFound

        order = "newest" if self.order == "plays" else self.order
        page = families_page(work, words=self.words, order=order, limit=self.heads_limit)
        opened = {}
        for family in list(self.open_ids):
            try:
                opened[family] = open_family(work, family, limit=self.limits.get(family, MOST_ITEMS))
            except NotFound:
                continue
        return MapRead(page, opened)

    def has_nothing(self, answer: MapRead) -> bool:
        """No family, and nothing that is asked for by words."""
        return not answer.page.heads and not self.words

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """No families yet: what to do next."""
        unsorted = self.answer.page.unsorted
        if not unsorted:
            return [("No families, and no posts yet. Import some:  ", "soft"), ("engagerr import file PATH", "ink")]
        posts = "1 post waits" if unsorted == 1 else f"{unsorted:,} posts wait"
        return [(f"No families. {posts} to be sorted.  ", "soft"), ("x", "accent"),
                (" look for what belongs together", "soft")]  # fmt: skip

    def draw(self, answer: MapRead) -> None:
        """Fill the list; what was read of a family before stays until it is read again."""
        self.opened = {family: answer.opened.get(family) for family in self.open_ids if family in answer.opened}
        self.open_ids = list(self.opened)
        self.figures_are_old()
        self.show_rows()
        if self._cursor is not None:
            self.grid.go_to(self._cursor)
            self._cursor = None
        self._go_to_found()
        if self.order == "plays":
            self.read_all_totals()

    @property
    def heads(self) -> list[FamilyHead]:
        """The families that are read; one that was asked for from elsewhere and is not among them comes first."""
        if self.answer is None:
            return []
        heads = list(self.answer.page.heads)
        if self._pinned is not None and all(head.id != self._pinned.id for head in heads):
            heads.insert(0, self._pinned)
        return heads

    def show_rows(self) -> None:
        """Make the rows anew from what is read: families, and the items of those that are open."""
        if self.answer is None:
            return
        heads = self.heads
        if self.order == "plays":
            heads.sort(key=self._plays, reverse=True)
        rows = list(rows_of(heads, self.opened, group=self.group))
        if self.answer.page.left_out:
            rows.append(
                MapRow(f"more:heads:{len(heads)}", "more", heads[-1],
                       words=f"{self.answer.page.left_out:,} more families; enter shows more, f narrows down")
            )  # fmt: skip
        words = self.query_one(FilterLine).value.split()
        if words:
            kept = kept_rows(rows, words)
            rows = [row for row in rows if row.key in kept]
        # Within a family the creator is the same on every line: titles, which are deep in the tree, need the room.
        self.grid.choose_columns(_IN_FAMILIES if self.opened else None)
        self.grid.fill(rows)
        self._say_heading()

    def _plays(self, head: Any) -> Any:
        from engagerr.core.desk.families_page import headline_total

        first = headline_total(self.totals.get(head.id, ()))
        return -1 if first is None or first.value is None else first.value

    def _say_heading(self) -> None:
        heading, page = self.query_one(Heading), self.answer.page
        shown = len(page.heads)
        count = f"{page.total:,} families" if page.total != 1 else "1 family"
        if page.left_out:
            count = f"{shown:,} of {count}"
        said = [count] if self.order == "newest" and not page.left_out else [count, dict(_ORDERS)[self.order]]
        said += [f"by {self.group}"] if self.group != "family" else []
        marked = len(self.grid.marked)
        said[1:1] = [f"{marked:,} marked"] if marked else []
        heading.scope = " · ".join(said)
        heading.freshness = f"{glyphs.SUGGESTED} {page.waiting:,} to review" if page.waiting else "nothing to review"
        heading.mood = "unknown" if page.waiting else "soft"

    # Answers on topics of its own.

    def answered(self, topic: str, result: Any) -> None:
        """An item that was looked for, a family that was opened, a new look at everything; figures besides."""
        if topic == "find":
            self._open_at(*result)
        elif topic == "suggest":
            self.console.say("Looked at everything again: what is new stands in the map.")
            self.read_now()
        elif topic == "open":
            self.opened[result.family_id] = result
            self.show_rows()
        else:
            super().answered(topic, result)

    # Opening and finding.

    @on(Grid.Opened, "#families")
    def _opened(self, event: Grid.Opened) -> None:
        row: MapRow = event.row
        if row.kind == "family":
            self.toggle_family(row.head.id)
        elif row.key.startswith("more:heads"):
            self.heads_limit += _MORE_HEADS
            self.read_now()
        elif row.kind == "more":
            self.limits[row.head.id] = self.limits.get(row.head.id, 0) + _MORE_ITEMS
            self._read_family(row.head.id)
        elif row.piece is not None:
            self.action_why()

    def toggle_family(self, family: UUID) -> None:
        """Open a family, or close it."""
        if family in self.opened:
            self.opened.pop(family)
            self.open_ids.remove(family)
            self.show_rows()
            return
        self.open_ids.append(family)
        while len(self.open_ids) > _MOST_OPEN:
            self.opened.pop(self.open_ids.pop(0), None)
        self.opened[family] = None
        self.show_rows()
        self._read_family(family)

    def _read_family(self, family: UUID) -> None:
        from engagerr.core.desk.opened_family import MOST_ITEMS, open_family

        work, limit = self.desk, self.limits.get(family, MOST_ITEMS)
        self.load("open", lambda: open_family(work, family, limit=limit))

    def action_open_close(self, opening: bool) -> None:
        """Right opens the family under the cursor, left closes it and goes back to its head."""
        row = self.grid.current
        if row is None or (row.head.id in self.opened) == opening:
            return
        self.toggle_family(row.head.id)
        self.grid.go_to(family_key(row.head.id))

    def show_thing(self, kind: str, subject: str) -> None:
        """Open the family of an item that was asked for, with the cursor on the item."""
        work = self.desk

        def find() -> Any:
            from engagerr.core.desk.families_page import family_head

            return family_head(work, subject), subject

        self.load("find", find)

    def _open_at(self, head: Any, item: str) -> None:
        line = self.query_one(FilterLine)
        line.value, line.display, self.words = "", False, ""
        self._find = (head.id, item)
        if head.id not in self.open_ids:
            self.open_ids.append(head.id)
        self._pinned = head
        self.read_now()

    def _go_to_found(self) -> None:
        if self._find is None:
            return
        family, item = self._find
        self._find = None
        opened = self.opened.get(family)
        pieces = opened.pieces if opened is not None else ()
        piece = next((one for one in pieces if str(one.id) == item), None)
        if not self.grid.go_to(item_key(family, piece) if piece else family_key(family)):
            self.console.say("It is not among the families that are shown; f searches for its title.", mood="attention")
        self.grid.focus()

    # Order, group, filter.

    def action_group(self) -> None:
        """The items of open families as a tree, by platform, or by relation."""
        self.group = GROUPS[(GROUPS.index(self.group) + 1) % len(GROUPS)]
        self.show_rows()

    def action_sort(self) -> None:
        """Choose the order of the families."""
        choices = [Choice(name[0], words, name) for name, words in _ORDERS]
        self.app.push_screen(Menu("Order of the families", choices), self._sorted)

    def _sorted(self, order: str | None) -> None:
        if order is None or order == self.order:
            return
        before = self.order

        def to(wanted: str) -> None:
            self.order = wanted
            self.read_now()

        self.remember_here(f"order: {dict(_ORDERS)[order]}", lambda: to(before))
        to(order)

    def action_filter(self) -> None:
        """Search the list as one types."""
        self.query_one(FilterLine).open()

    @on(Input.Changed, "#filter")
    def _filtering(self) -> None:
        if self.answer is not None:
            self.show_rows()

    @on(Input.Submitted, "#filter")
    def _filtered(self, event: Input.Submitted) -> None:
        """Where more families are than were read, the database is asked for the words."""
        self.grid.focus()
        event.input.display = bool(event.value.strip())
        if self.answer is not None and (self.answer.page.left_out or self.words) and self.words != event.value:
            self.words = event.value.strip()
            self.read_now()

    @on(FilterLine.Closed)
    def _unfiltered(self) -> None:
        self.grid.focus()
        if self.words:
            self.words = ""
            self.read_now()
        else:
            self.show_rows()

    def action_back(self) -> None:
        """Marks first, then the filter, then as everywhere."""
        line = self.query_one(FilterLine)
        if self.grid.marked and not self.query(".side.-open"):
            self.grid.marked = set()
            self.grid.repaint()
            self._say_heading()
        elif line.display and not self.query(".side.-open"):
            line.action_close()
        else:
            super().action_back()

    @on(Grid.Marked)
    def _marked(self) -> None:
        self._say_heading()

    @on(Grid.HeadingClicked)
    def _heading_clicked(self, event: Grid.HeadingClicked) -> None:
        self._sorted({"title": "title", "length": "items", "audience": "plays", "link": "waiting"}.get(event.column))
