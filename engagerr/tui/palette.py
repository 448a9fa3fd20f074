"""The command palette: the verbs of the screen with the thing under the cursor filled in, then those of everywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from engagerr.tui.closing import ClosesOnce
from engagerr.tui.page import Command, Page
from engagerr.tui.writing import plain

if TYPE_CHECKING:
    from engagerr.tui.app import Console


class Palette(CommandPalette, ClosesOnce[None]):
    """Textual's palette; `enter` and `esc` pressed at once close it once."""

    def _action_command_list(self, action: str) -> None:
        # A page up or down while the list is being filled anew asks for a line that is not laid out yet.
        with contextlib.suppress(KeyError):
            super()._action_command_list(action)


class Commands(Provider):
    """What can be done here."""

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for command in self._commands():
            words = self._words(command)
            yield DiscoveryHit(Content(words), self._runner(command), text=words, help=self._help(command))

    async def search(self, query: str) -> Hits:
        """What fits the words typed so far."""
        matcher = self.matcher(query)
        for command in self._commands():
            words = self._words(command)
            score, places = matcher.fuzzy_search.match(query, words)
            if score <= 0:
                continue
            shown = Content(words)
            for at in places:
                shown = shown.stylize(matcher.match_style, at, at + 1)
            yield Hit(score, shown, self._runner(command), text=words, help=self._help(command))

    def _commands(self) -> Iterator[Command]:
        console = cast("Console", self.app)
        if isinstance(self.screen, Page):
            yield from self.screen.commands()
        from engagerr.tui.app import SCREENS, TABS

        keys = {name: str(number) for number, (name, _) in enumerate(TABS, start=1)}
        titles = {**dict(TABS), "settings": "Settings"}
        for name in SCREENS:
            yield Command(f"Go: {titles[name]}", _call(console.action_tab, name), keys.get(name, ","))
        yield Command("Search: creators, content, deals, contracts", console.action_search, "/")
        for look in ("dark", "light", "contrast"):
            yield Command(f"Theme: {look}", _call(console.action_look, look))
        yield Command("Keys: all keys of this screen", console.action_keys, "?")
        yield Command("Jobs: what is running, what happened", console.action_notices, ".")
        yield Command("Console: quit", console.action_quit, "ctrl+q")

    @staticmethod
    def _words(command: Command) -> str:
        return plain(f"{command.words}{f'   {command.key}' if command.key else ''}")

    @staticmethod
    def _help(command: Command) -> Any:
        # Text is read as markup by Textual, content is not: names of others stand in it.
        return Content(plain(command.refused or command.help))

    def _runner(self, command: Command) -> Callable[[], Any]:
        console = cast("Console", self.app)
        if command.refused is not None:
            return _call(console.say, command.refused)
        return command.run


def _call(function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    return lambda: function(*args)
