"""The console: tabs, looks, keys that work everywhere, and the one workspace that all screens ask."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual.app import App, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.events import Event, Key
from textual.message import Message
from textual.screen import Screen

from engagerr.core.errors import Broken, EngagerrError, Unavailable
from engagerr.tui.glyphs import AsciiGlyphs, OnlyText, ascii_needed
from engagerr.tui.loading import Work
from engagerr.tui.memory import Memory
from engagerr.tui.palette import Commands, Palette
from engagerr.tui.theme import DARK, LOOKS, TOKENS, themes
from engagerr.tui.tidying import Tidying
from engagerr.tui.widgets.chrome import Tabs

if TYPE_CHECKING:
    from engagerr import Engagerr, Workspace
    from engagerr.tui.page import Page

TABS = (
    ("today", "Today"), ("roster", "Roster"), ("analytics", "Analytics"), ("map", "Map"), ("review", "Review"),
    ("discover", "Discover"), ("deals", "Deals"), ("money", "Money"), ("ops", "Ops"),
)  # fmt: skip
# Where each screen's class is: read when it is first shown.
SCREENS = {
    "today": "today:Today", "roster": "roster:Roster", "analytics": "analytics:Analytics", "map": "map:ContentMap",
    "review": "review:Review", "discover": "discover:Discover", "deals": "deals:Deals", "money": "money:MoneyPage",
    "ops": "ops:Ops", "settings": "settings:SettingsPage",
}  # fmt: skip
# On which tab a kind of thing is looked at.
HOMES = {
    "creator": "roster", "account": "roster", "connection": "roster", "item": "map", "family": "map",
    "review": "review", "suggestion": "review", "brief": "discover", "shortlist": "discover",
    "approach": "discover", "deal": "deals", "proposal": "deals", "contract": "deals", "deliverable": "deals",
    "rights": "deals", "hold": "money", "payout": "money", "movement": "money", "dispute": "money", "payee": "money",
    "tax_form": "money", "invoice": "money", "subscription": "money", "difference": "money", "operation": "money",
    "payment": "money", "receipt": "money", "sync": "ops", "job": "ops", "task": "ops", "anomaly": "analytics",
    "definition": "analytics",
}  # fmt: skip
_MOST_UNDO = 50
_TOAST_OVER_SECONDS = 0.25
_AHEAD_AFTER_SECONDS = 1.0
_KEY_WAITS_SECONDS = 2.0
_MOODS: Mapping[str, Literal["information", "warning", "error"]] = {"attention": "warning", "danger": "error"}


@dataclass(frozen=True, slots=True)
class Undo:
    """What `u` would take back, by name."""

    name: str
    run: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened in the background, for the list of `.`; failures stay until they are seen."""

    words: str
    mood: str
    at: datetime


class Console(App[None]):
    """The agency console. It is handed an `Engagerr`; it signs in, or asks how."""

    CSS_PATH = "app.tcss"
    TITLE = "Engagerr"
    COMMANDS: ClassVar[set[Any]] = {Commands}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    ENABLE_COMMAND_PALETTE = True
    MODES: ClassVar[dict[str, Any]] = {}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"tab('{name}')", title, show=False, id=f"tab.{name}")
          for number, (name, title) in enumerate(TABS, start=1)),
        Binding("comma", "tab('settings')", "settings", show=False, id="tab.settings", key_display=","),
        Binding("slash", "search", "search", show=False, id="app.search", key_display="/"),
        Binding("question_mark", "keys", "all keys of here", show=False, id="app.keys", key_display="?"),
        Binding("full_stop", "notices", "jobs and notices", show=False, id="app.notices", key_display="."),
        Binding("ctrl+q", "quit", "quit", show=False, id="app.quit", priority=True),
    ]  # fmt: skip

    class Changed(Message):
        """Somebody changed something in the workspace."""

        def __init__(self, kind: str) -> None:
            super().__init__()
            self.kind = kind

    def __init__(self, engagerr: Engagerr, *, workspace: Workspace | None = None, follow: bool = True) -> None:
        settings = engagerr.settings
        self.engagerr = engagerr
        self.memory = Memory(settings.home / "console.json")
        self._workspace = workspace
        self._follow = follow
        self.undos: list[Undo] = []
        self.notices: list[Notice] = []
        self.works: list[Work] = []
        self.bugs: list[Exception] = []
        self._opened = 0
        self.tidying = Tidying(self)
        super().__init__()
        self.animation_level = "none"
        self._filters.append(OnlyText())
        if ascii_needed(settings.console.glyphs):
            self._filters.append(AsciiGlyphs())
        self.set_keymap(dict(settings.console.keys))
        for name, where in SCREENS.items():
            self.add_mode(name, self._maker(where))

    @property
    def workspace(self) -> Workspace:
        """The workspace that is open."""
        if self._workspace is None:
            raise Broken("A screen was shown before anybody signed in.")
        return self._workspace

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Tokens for the moment in which another theme than ours is chosen."""
        return dict(TOKENS[DARK])

    def on_load(self) -> None:
        """Looks first, so that the first paint has them."""
        for theme in themes():
            self.register_theme(theme)
        wanted = self.memory.get("look") or self.engagerr.settings.console.look
        self.theme = LOOKS.get(wanted, DARK)

    def on_mount(self) -> None:
        """Sign in, or go on where the console was left."""
        self.tidying.begin()
        if self._workspace is None:
            from engagerr.tui.screens.sign_in import SignIn

            self.push_screen(SignIn(), self.signed_in)
        else:
            self.signed_in(self._workspace)

    def signed_in(self, workspace: Workspace | None) -> None:
        """A workspace is open: show its screens and follow its changes."""
        if workspace is None:
            self.exit()
            return
        self._workspace = workspace
        tab = self.memory.get("tab", "today")
        self.switch_mode(self._mode(tab if tab in SCREENS else "today"))
        if self._follow:
            from engagerr.tui.following import follow_changes

            follow_changes(self)
            self.set_timer(_AHEAD_AFTER_SECONDS, self._import_ahead)

    def _import_ahead(self) -> None:
        """The code of the other screens, so that the first look at each of them does not wait for it."""

        def import_all() -> None:
            for where in SCREENS.values():
                importlib.import_module(f"engagerr.tui.screens.{where.partition(':')[0]}")

        self.run_worker(import_all, thread=True, group="ahead")

    def open_workspace(self, workspace: Workspace) -> None:
        """Change to another workspace: every screen is made anew, and those of the other one go."""
        self.save()
        self.workers.cancel_all()
        old = [self._mode(name) for name in SCREENS]
        self._opened += 1
        for name, where in SCREENS.items():
            self.add_mode(self._mode(name), self._maker(where))
        self.undos.clear()
        for work in self.works:
            work.stop.set()
        self.works.clear()
        # What waits and what happened there is nobody's business here.
        self.notices.clear()
        self.show_counts({}, frozenset())
        self.signed_in(workspace)
        for mode in old:
            self.remove_mode(mode)

    def _mode(self, name: str) -> str:
        """The mode of a tab in the workspace that is open."""
        return name if not self._opened else f"{name}-{self._opened}"

    async def on_event(self, event: Event) -> None:
        """Textual's own. A key that comes before the screen that it is meant for is drawn waits for it."""
        self.tidying.told(event)
        if isinstance(event, Key):
            until = time.monotonic() + _KEY_WAITS_SECONDS
            while self._screen_stack and not self.screen.is_mounted and time.monotonic() < until:
                await asyncio.sleep(0.002)
        await super().on_event(event)

    def on_console_changed(self, event: Changed) -> None:
        """Tell every screen that exists."""
        for page in self.pages():
            page.changed(event.kind)

    def pages(self) -> Iterator[Page]:
        """The screens that were opened so far."""
        from engagerr.tui.page import Page

        for stack in list(self._screen_stacks.values()):
            yield from (screen for screen in stack if isinstance(screen, Page))

    def open_thing(self, kind: str, subject: Any, name: str = "") -> None:
        """Go to where a creator, an item, a deal, a contract, a hold … is looked at, and put the cursor on it."""
        tab = HOMES.get(kind)
        if tab is None:
            self.say(f"{name or kind}: there is no screen for it yet.", mood="attention")
            return
        self.action_tab(tab)
        self.call_after_refresh(self._show_thing, kind, subject)

    def _show_thing(self, kind: str, subject: Any) -> None:
        from engagerr.tui.page import Page

        if isinstance(self.screen, Page):
            self.screen.show_thing(kind, str(subject))

    def pop_screen(self) -> AwaitComplete:
        """Close the topmost screen; nothing of it stays behind."""
        closed = super().pop_screen()
        self.tidying.closed()
        return closed

    # What screens tell.

    def say(self, words: str, *, mood: str = "ink") -> None:
        """The result of what the person did, for four seconds."""
        self.notify(words, severity=_MOODS.get(mood, "information"), timeout=4, markup=False)

    def _refresh_notifications(self) -> None:
        # Every screen shows them anew. One that ends between Textual's question and its timer would get a timer of less
        # than no time, which never lets the loop go: so what is about to end is not shown again.
        for one in list(self._notifications):
            if one.time_left < _TOAST_OVER_SECONDS and one in self._notifications:
                del self._notifications[one]
        super()._refresh_notifications()

    def complain(self, error: EngagerrError) -> None:
        """A verb failed: what happened and what to do next."""
        self.notify(
            f"{error.message}{f' {error.hint}' if error.hint else ''}", severity="error", timeout=8, markup=False
        )

    def note(self, words: str, *, mood: str = "soft") -> None:
        """Something that happened in the background: it waits in the list of `.`."""
        self.notices.append(Notice(words, mood, self.engagerr.clock.now()))
        del self.notices[:-200]

    def remember_undo(self, name: str, run: Callable[[], Any]) -> None:
        """What the person just did can be taken back; `run` is called on a thread."""
        self.undos.append(Undo(name, run))
        del self.undos[:-_MOST_UNDO]

    def frame_page(self, page: Page) -> None:
        """Give the row of tabs what it shows of the other screens."""
        tabs = page.query_one(Tabs)
        tabs.counts = dict(self.memory.get("counts", {}))
        tabs.alarms = frozenset(self.memory.get("alarms", ()))

    def show_counts(self, counts: Mapping[str, int], alarms: frozenset[str]) -> None:
        """How much waits on which tab, and where something is dangerous."""
        self.memory.keep("counts", dict(counts))
        self.memory.keep("alarms", sorted(alarms))
        for page in self.pages():
            self.frame_page(page)

    # Keys that work everywhere.

    def action_tab(self, name: str) -> None:
        """Go to a tab, where it was left."""
        if self._workspace is None or (isinstance(self.screen, Screen) and self.screen.is_modal):
            return
        self.memory.keep("tab", name)
        self.switch_mode(self._mode(name))

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        """A tab was clicked."""
        self.action_tab(event.name)

    def action_undo(self) -> None:
        """Take back what was done last."""
        if not self.undos:
            self.say("There is nothing to undo.", mood="attention")
            return
        from engagerr.tui.page import Page

        if not isinstance(page := self.screen, Page):
            return
        undo = self.undos.pop()

        def take_back() -> Any:
            try:
                return undo.run()
            except Unavailable:
                # Nothing was taken back yet: it can be once the connection is there again.
                self.undos.append(undo)
                raise

        # One after the other: the next of them may rest on what this one restores.
        if not page.do("undo", take_back, said=f"Undone: {undo.name}"):
            self.undos.append(undo)

    def action_search(self) -> None:
        """Search everything."""
        if self._workspace is not None:
            from engagerr.tui.screens.search import SearchScreen

            self.push_screen(SearchScreen())

    def action_command_palette(self) -> None:
        """The commands of here; one palette at a time, also where something was opened upon it."""
        if self._workspace is not None and not any(isinstance(one, Palette) for one in self.screen_stack):
            self.push_screen(Palette())

    def action_keys(self) -> None:
        """All keys of the screen that is shown."""
        from engagerr.tui.screens.keys import KeysScreen

        self.push_screen(KeysScreen(self.screen))

    def action_notices(self) -> None:
        """Jobs and notices."""
        if self._workspace is not None:
            from engagerr.tui.screens.notices import Notices

            self.push_screen(Notices())

    def action_look(self, look: str) -> None:
        """Change the look, and remember it."""
        self.theme = LOOKS[look]
        self.memory.keep("look", look)

    def get_system_commands(self, screen: Screen[object]) -> Iterator[SystemCommand]:
        """Ours are in `palette.Commands`."""
        return iter(())

    async def action_quit(self) -> None:
        """Leave; where one was is remembered."""
        self.save()
        self.exit()

    def save(self) -> None:
        """Write what is to be remembered."""
        for page in self.pages():
            page.remember()
        self.memory.save()

    @staticmethod
    def _maker(where: str) -> Callable[[], Screen[Any]]:
        module, name = where.split(":")

        def make() -> Screen[Any]:
            made: Screen[Any] = getattr(importlib.import_module(f"engagerr.tui.screens.{module}"), name)()
            return made

        return make
