"""What the screens of money share: who is asked to decide, the deal behind a hold, something to read, a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from engagerr.tui.page import Page
from engagerr.tui.widgets.dialogs import Ask, Choice, Menu, Sheet
from engagerr.tui.writing import Cell, cut, day

_LATER = (("1", "until tomorrow", 1), ("3", "for three days", 3), ("7", "for a week", 7))
_NAMED = 3


class MoneyDesk(Page):
    """A page about money. `chosen` says what is decided about: the key that Today knows, and a name."""

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        return self.console.engagerr.clock.now()

    def chosen(self) -> Sequence[tuple[str, str]]:
        """The things that the person marked, else the one under the cursor."""
        return ()

    def done_with_chosen(self) -> None:
        """What was marked has been dealt with."""

    def show_sheet(self, title: str, lines: Sequence[Cell]) -> None:
        """Something to read."""
        if lines:
            self.app.push_screen(Sheet(cut(title, 60), lines))

    def open_deal_of(self, hold_id: Any) -> None:
        """Go to the deal of a hold."""
        from engagerr.core.desk.money_facts import hold_facts

        def found(facts: Any) -> None:
            if facts.deal_id is None:
                self.console.say("It belongs to no deal of the list.", mood="attention")
            else:
                self.console.open_thing("deal", facts.deal_id, facts.deal or "")

        self.do("deal", lambda: hold_facts(self.desk, hold_id), then=found)

    def action_assign(self) -> None:
        """Ask somebody to decide."""
        chosen = self.chosen()
        if not chosen:
            self.console.say("Only what waits for a decision can be assigned.", mood="soft")
            return

        def named(email: str | None) -> None:
            if email is None:
                return
            from engagerr.core.desk.marks import assign

            whom = email.strip() or None
            self._mark(f"assigning {self._names(chosen)}",
                       lambda: [assign(self.desk, key, member_email=whom) for key, _ in chosen],
                       f"Assigned to {whom or 'nobody'}.  u undo")  # fmt: skip

        self.app.push_screen(
            Ask(f"Assign {self._names(chosen)}", label="The member's mail address; empty for nobody.",
                value=self.desk.member.email or ""),
            named,
        )  # fmt: skip

    def action_later(self) -> None:
        """Put it off, for oneself."""
        chosen = self.chosen()
        if not chosen:
            self.console.say("Only what waits for a decision can be put off.", mood="soft")
            return

        def put_off(days: int | None) -> None:
            if days is None:
                return
            from engagerr.core.desk.marks import later

            until = self.now + timedelta(days=days)
            self._mark(f"putting off {self._names(chosen)}",
                       lambda: [later(self.desk, key, until=until) for key, _ in chosen],
                       f"Off your list of today until {day(until, self.now)}.  u undo")  # fmt: skip

        choices = [Choice(key, words, days) for key, words, days in _LATER]
        self.app.push_screen(Menu(f"Later: {self._names(chosen)}", choices), put_off)

    def _mark(self, name: str, call: Callable[[], list[Any]], said: str) -> None:
        from engagerr.core.desk.marks import undo

        def marked(marks: list[Any]) -> None:
            self.console.remember_undo(name, lambda: [undo(self.desk, mark.id) for mark in marks])
            self.done_with_chosen()
            self.read_now()

        self.do("mark", call, said=said, then=marked)

    @staticmethod
    def _names(chosen: Sequence[tuple[str, str]]) -> str:
        names = ", ".join(cut(name, 30) for _, name in chosen[:_NAMED])
        return f"{names} and {len(chosen) - _NAMED} more" if len(chosen) > _NAMED else names
