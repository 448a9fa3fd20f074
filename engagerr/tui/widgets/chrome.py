"""What frames every screen: the tabs, the line that says where one is, the line of reasons, and the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from engagerr.tui import glyphs
from engagerr.tui.writing import Cell, cut

if TYPE_CHECKING:
    from textual.screen import Screen

_SHORT = {"escape": "esc", "question_mark": "?", "full_stop": ".", "slash": "/", "comma": ",", "plus": "+",
          "asterisk": "*", "ctrl+p": "ctrl+p"}  # fmt: skip


class Line(Widget):
    """One row of text in tokens' colours."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Line { height: 1; }"
    ground: ClassVar[str] = "background"

    def parts(self, width: int) -> Sequence[tuple[str, str]]:
        """The runs of text of this line, at most `width` cells."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """The one line."""
        width = self.size.width
        segments = [Segment(text, self.style_of(token)) for text, token in self.parts(width) if text]
        return Strip(segments).adjust_cell_length(width, self.style_of("ink")).simplify()

    def style_of(self, token: str) -> Style:
        """The style of a token on this line's ground; `chip` is the current tab."""
        colours = self.app.theme_variables
        if token == "chip":
            return Style(color=colours["on-accent"], bgcolor=colours["accent"], bold=True)
        bold = token.endswith("-bold")
        return Style(color=colours[token.removesuffix("-bold")], bgcolor=colours[self.ground], bold=bold or None)


class Tabs(Line):
    """Row 1: the screens by number, the current one as a chip; what waits stands after the name where there is room."""

    ground = "panel"
    current: reactive[str] = reactive("")
    counts: reactive[Mapping[str, int]] = reactive(dict)
    alarms: reactive[frozenset[str]] = reactive(frozenset())

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, tabs: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.tabs = tabs

    def parts(self, width: int) -> Sequence[tuple[str, str]]:
        """`1 Today`, chip for the current one; where not all names have room, the others are numbers."""
        return [part for _, parts in self._drawn(width) for part in parts]

    def _drawn(self, width: int) -> list[tuple[str, list[tuple[str, str]]]]:
        """What stands for each tab: as roomy as there is room for."""
        for roomy, spaced, named in ((True, True, True), (False, True, True), (False, False, True)):
            drawn = [(name, self._one(at, roomy, spaced, named, width)) for at, (name, _) in enumerate(self.tabs, 1)]
            if sum(cell_len(text) for _, parts in drawn for text, _ in parts) <= width:
                return drawn
        return [(name, self._one(at, False, False, False, width)) for at, (name, _) in enumerate(self.tabs, 1)]

    def _one(self, at: int, roomy: bool, spaced: bool, named: bool, width: int) -> list[tuple[str, str]]:
        name, title = self.tabs[at - 1]
        alarm = glyphs.DANGER if name in self.alarms else ""
        if name == self.current:
            return [(f" {at} {title}{alarm if roomy else ''} ", "chip")]
        # Where it is tight, the sign of danger of the tab before stands in the place of the space.
        tight = not spaced and at > 1 and self.tabs[at - 2][0] in self.alarms and self.tabs[at - 2][0] != self.current
        parts = [("" if tight else " ", "soft"), (f"{at}", "faint"), (f" {title}" if named else "", "soft")]
        parts.append((alarm, "danger"))
        if (waiting := self.counts.get(name, 0)) and width >= 120:
            parts.append((f" {waiting}", "attention"))
        return [*parts, (" " if roomy else "", "soft")]

    def on_click(self, event: events.Click) -> None:
        """Go to the tab that was clicked."""
        left = 0
        for name, parts in self._drawn(self.size.width):
            width = sum(cell_len(text) for text, _ in parts)
            if left <= event.x < left + width:
                self.post_message(self.Chosen(name))
                return
            left += width


class Heading(Line):
    """Row 2: where one is and what is filtered on the left, how fresh it is on the right."""

    where: reactive[str] = reactive("")
    scope: reactive[str] = reactive("")
    freshness: reactive[str] = reactive("")
    mood: reactive[str] = reactive("soft")

    def parts(self, width: int) -> Sequence[tuple[str, str]]:
        """The left side gives way first."""
        right = cut(self.freshness, max(width - 20, 0))
        room = width - 2 - cell_len(right) - 2
        where = cut(self.where, room)
        scope = cut(self.scope, room - cell_len(where) - 2)
        left = cell_len(where) + (2 + cell_len(scope) if scope else 0)
        return [
            (" ", "ink"), (where, "ink-bold"), (f"  {scope}" if scope else "", "soft"),
            (" " * max(width - 2 - left - cell_len(right), 1), "ink"), (right, self.mood), (" ", "ink"),
        ]  # fmt: skip


class Banner(Line):
    """A lost connection or a failed refresh, under the heading; not there while all is well."""

    DEFAULT_CSS = "Banner { height: 1; display: none; } Banner.-said { display: block; }"
    said: reactive[str] = reactive("")

    def parts(self, width: int) -> Sequence[tuple[str, str]]:
        """`! Connection lost …`."""
        return [(" ! ", "danger"), (cut(self.said, width - 4), "danger")]

    def watch_said(self, said: str) -> None:
        """Shown only while there is something to say."""
        self.set_class(bool(said), "-said")


class Reason(Line):
    """The line above the keys: why the figure under the cursor is missing, or what just happened."""

    said: reactive[str] = reactive("")
    token: reactive[str] = reactive("soft")

    def parts(self, width: int) -> Sequence[tuple[str, str]]:
        """One sentence."""
        return [(" ", "soft"), (cut(self.said, width - 2), self.token)]

    def explain(self, cells: Sequence[tuple[str, Cell]]) -> None:
        """Say the reasons of a row's cells, named by their columns."""
        reasons: dict[str, list[str]] = {}
        for name, cell in cells:
            if cell.reason:
                reasons.setdefault(cell.reason, []).append(name.strip().lower())
        self.token = "soft"
        self.said = " · ".join(f"{glyphs.MISSING} {', '.join(names)}: {why}" for why, names in reasons.items())


class Keys(Line):
    """The last row: what the keys do here. `? keys` never goes; the others drop from the end where room is short."""

    ground = "panel"

    def on_mount(self) -> None:
        """The keys follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _screen: Screen[object]) -> None:
        self.refresh()

    def shown(self, width: int) -> list[tuple[str, str, Binding]]:
        """Key, words and binding of what there is room for."""
        kept: list[tuple[str, str, Binding]] = []
        room = width - len(" ? keys ") - 2
        for key, words, binding in bar_keys(self.screen):
            room -= cell_len(key) + 1 + cell_len(words) + 2
            if room < 0:
                break
            kept.append((key, words, binding))
        return kept

    def parts(self, width: int) -> Sequence[tuple[str, str]]:
        """` enter open  w why …   ? keys`."""
        parts: list[tuple[str, str]] = [(" ", "soft")]
        used = 1
        for key, words, _ in self.shown(width):
            parts += [(key, "accent"), (f" {words}  ", "soft")]
            used += cell_len(key) + cell_len(words) + 3
        right = "? keys"
        parts += [(" " * max(width - used - len(right) - 1, 1), "soft"), ("?", "accent"), (" keys", "soft")]
        return parts

    async def on_click(self, event: events.Click) -> None:
        """A key in the bar does what it says."""
        left = 1
        for key, words, binding in self.shown(self.size.width):
            width = cell_len(key) + cell_len(words) + 3
            if left <= event.x < left + width:
                active = self.screen.active_bindings
                node = next((entry.node for entry in active.values() if entry.binding == binding), self.screen)
                await self.app.run_action(binding.action, node)
                return
            left += width
        if event.x >= self.size.width - len("? keys") - 1:
            await self.app.run_action("keys")


def bar_keys(screen: Screen[object]) -> list[tuple[str, str, Binding]]:
    """The keys that the bar shows, those of the focused part first; each idea once."""
    seen: set[str] = set()
    shown = []
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.show or not active.enabled or binding.action in seen or not binding.description:
            continue
        seen.add(binding.action)
        shown.append((key_name(binding), binding.description, binding))
    return shown


def key_name(binding: Binding) -> str:
    """How a key is written: `esc`, `?`, `x`."""
    if binding.key_display:
        return binding.key_display
    return _SHORT.get(binding.key, binding.key)
