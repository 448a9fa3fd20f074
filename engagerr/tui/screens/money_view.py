"""What one view of the Money screen is: which rows it reads, how they look, what can be decided about one of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.rights import refused_for
from engagerr.tui.widgets.dialogs import Choice
from engagerr.tui.widgets.grid import Column
from engagerr.tui.writing import Cell

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.tui.screens.money_desk import MoneyDesk

Verb = Choice[Callable[[], Any]]


class MoneyView:
    """A view: a list of one kind of thing. Rows are values of the core."""

    name: ClassVar[str] = ""
    words: ClassVar[str] = ""
    empty: ClassVar[str] = "Nothing here."
    # The kinds of things that search and Today may ask for.
    homes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, page: MoneyDesk) -> None:
        self.page = page

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        return self.page.now

    @property
    def work(self) -> Workspace:
        """The open workspace."""
        return self.page.desk

    def refused(self, permission: Permission) -> str | None:
        """Why this member may not, who may, and what they can do instead; None where they may."""
        who = refused_for(self.work, permission)
        return None if who is None else f"{who} You may ask:  a"

    # What a view gives.

    def says_empty(self) -> str:
        """What would bring the first row."""
        return self.empty

    def columns(self) -> Sequence[Column[Any]]:
        """How a row looks."""
        raise NotImplementedError

    def key(self, row: Any) -> Hashable:
        """What names a row for good."""
        named: Hashable = row.id
        return named

    def read(self, work: Workspace) -> Sequence[Any]:
        """The rows; runs on a thread."""
        raise NotImplementedError

    def named(self, row: Any) -> str:
        """A row in a few words, for menus and the palette."""
        raise NotImplementedError

    def searched(self, row: Any) -> str:
        """What the filter searches."""
        return self.named(row)

    def is_over(self, row: Any) -> bool:
        """Whether a row is left out until somebody asks for `all`."""
        return False

    def ids(self, row: Any) -> tuple[str, ...]:
        """The ids under which search and Today may ask for a row."""
        return (str(self.key(row)),)

    def agenda_key(self, row: Any) -> str | None:
        """Under which key Today knows the thing; None: it cannot be assigned or put off."""
        return None

    def asks(self, row: Any) -> Callable[[Workspace], Any] | None:
        """What else the side pane has to read, on a thread; None: the row has it all."""
        return None

    def side(self, row: Any, more: Any) -> Sequence[Cell]:
        """The side pane; `more` is what `asks` answered."""
        return ()

    def verbs(self, row: Any) -> Sequence[Verb]:
        """What can be decided about a row."""
        return ()

    def commands(self) -> Sequence[Verb]:
        """What the view can do without a row, for the palette and for `x` on an empty list."""
        return ()

    def open(self, row: Any) -> None:
        """`enter` on a row."""
        self.page.show_sheet(self.named(row), self.side(row, None))

    def why(self, row: Any) -> Sequence[Cell]:
        """`w` on a row."""
        return self.side(row, None)

    def new(self) -> None:
        """`+` in this view."""
        self.page.console.say("Nothing new is made here.", mood="soft")
