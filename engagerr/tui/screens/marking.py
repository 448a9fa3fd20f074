"""A shortlist as marks in a list: `space` puts a creator on it or takes them off, and the core follows in order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import EngagerrError
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.page import Page
from engagerr.tui.rights import refused_for
from engagerr.tui.widgets.dialogs import Confirm
from engagerr.tui.widgets.grid import Grid

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.discover import BriefPage
    from engagerr.core.matching.briefs import BriefRow

_NAMED = 3
_TOPIC = "shortlist"
_LONGEST_NAME = 120


def first_names(names: Sequence[str]) -> str:
    """`Ann Lee, Ben Okafor, Cara Diaz and 9 more`."""
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED:,} more" if len(names) > _NAMED else shown


class Marking(Page):
    """A page whose grid `#matches` shows the shortlist of its brief as marks.

    A mark is seen at once and kept as soon as those before it are; what could not be kept is taken back.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pending: dict[UUID, bool] = {}
        self._keeping: dict[UUID, bool] = {}
        self._batch = 0
        self._all_kept = False

    @property
    def brief_row(self) -> BriefRow | None:
        """The brief that is open."""
        page: BriefPage | None = self.answer
        return None if page is None else page.row

    def on_list(self) -> set[UUID]:
        """Who is on the shortlist, with what is still being kept."""
        page: BriefPage | None = self.answer
        held = set() if page is None else {one.creator_id for one in page.chosen}
        for changes in (self._keeping, self._pending):
            held |= {one for one, there in changes.items() if there}
            held -= {one for one, there in changes.items() if not there}
        return held

    def take_up_marks(self) -> None:
        """The marks of the list are the shortlist."""
        grid = self.query_one("#matches", Grid)
        grid.marked = set(self.on_list())
        grid.refresh()

    def marks_changed(self) -> None:
        """Keep what was marked; a refused mark is taken back, many at once are asked about."""
        grid = self.query_one("#matches", Grid)
        before, names = self.on_list(), {row.creator_id: row.match.creator for row in grid.rows}
        added = [one for one in names if one in grid.marked and one not in before]
        removed = [one for one in names if one in before and one not in grid.marked]
        if refusal := refused_for(self.desk, Permission.EDIT_BRIEFS, Permission.READ_TERMS, Permission.USE_AI):
            self.console.say(refusal, mood="attention")
            self.take_up_marks()
            return
        told = self._told(removed)
        if len(added) + len(removed) <= 1 and not told:
            self._change(added, removed, names)
            return
        title, lines = _asked(added, removed, names)

        def answered(sure: bool | None) -> None:
            if sure:
                self._change(added, removed, names)
            else:
                self.take_up_marks()

        self.app.push_screen(Confirm(title, [*lines, *told], key="y", words="do it", keep="leave as it is"), answered)

    def put_on_list(self, creators: Mapping[UUID, str]) -> None:
        """Put these on the shortlist as if they had been marked."""
        self._change([one for one in creators if one not in self.on_list()], [], creators)

    def _told(self, removed: Collection[UUID]) -> list[str]:
        page: BriefPage | None = self.answer
        found = [] if page is None else [one for one in page.chosen if one.creator_id in removed]
        return [
            f"{one.creator} is {one.state}{' and has a note' if one.note else ''}: both go. m changes the stage."
            for one in found
            if one.state != "candidate" or one.note
        ]

    def _change(self, added: Sequence[UUID], removed: Sequence[UUID], names: Mapping[UUID, str]) -> None:
        if not added and not removed:
            return
        self._pending |= dict.fromkeys(added, True) | dict.fromkeys(removed, False)
        self.take_up_marks()
        self._keep_next()
        some = [names[one] for one in (*added, *removed)]
        work, brief, shortlist = self.desk, self.brief_row, self.list_id
        if brief is None:
            return

        def back() -> None:
            _keep(work, brief, shortlist, removed, added)

        what = "on" if added else "off"
        self.console.remember_undo(f"{first_names(some)} {what} the shortlist", back)

    @property
    def list_id(self) -> str | None:
        """The shortlist that is open; None: the first mark makes one."""
        page: BriefPage | None = self.answer
        return None if page is None or page.shortlist is None else str(page.shortlist.id)

    def _keep_next(self) -> None:
        """Keep what waits, one batch after the other: two at a time would overtake each other."""
        brief = self.brief_row
        if self._keeping or not self._pending or brief is None:
            return
        self._keeping, self._pending = self._pending, {}
        added = [one for one, there in self._keeping.items() if there]
        removed = [one for one, there in self._keeping.items() if not there]
        # Each batch under a name of its own: the worker of the one before may not have ended yet.
        self._batch += 1
        topic = f"{_TOPIC}-{self._batch}"
        self.do(topic, _keep, self.desk, brief, self.list_id, added, removed, then=self._kept_marks)

    def _kept_marks(self, _row: Any) -> None:
        if self._pending:
            kept, self._keeping = self._keeping, {}
            # Until it is read again, what was kept stands as if it still waited behind what does.
            self._pending = kept | self._pending
            self._keep_next()
            return
        self._all_kept = True
        self.read_now()

    def marks_read(self) -> None:
        """A page was read; if all had been kept by then, it says who is on the list."""
        if self._all_kept and not self._pending:
            self._all_kept, self._keeping = False, {}

    def marks_failed(self, topic: str, error: EngagerrError) -> bool:
        """Take back what could not be kept; False where this is about something else."""
        if not topic.startswith(f"{_TOPIC}-"):
            return False
        self._keeping, self._pending = {}, {}
        self.take_up_marks()
        self.console.complain(error)
        return True


def _asked(added: Sequence[UUID], removed: Sequence[UUID], names: Mapping[UUID, str]) -> tuple[str, list[str]]:
    some = added or removed
    people = f"{len(some):,} creators" if len(some) != 1 else names[some[0]]
    title = f"Put {people} on the shortlist" if added else f"Take {people} off the shortlist"
    return title, [first_names([names[one] for one in some])] if len(some) > 1 else []


def _keep(
    work: Workspace, brief: BriefRow, shortlist: str | None, added: Sequence[UUID], removed: Sequence[UUID]
) -> str:
    """Put on and take off; the first one makes the list, called as the brief is. Returns the list's id."""
    if shortlist is None:
        there = [one for one in work.shortlists.list() if one.brief_id == brief.id]
        made = there[0] if there else work.shortlists.create(brief.title[:_LONGEST_NAME], str(brief.id))
        shortlist = str(made.id)
    if added:
        work.shortlists.add(shortlist, [str(one) for one in added])
    held = {entry.creator_id for entry in _entries(work, shortlist)} if removed else set()
    for one in removed:
        if one in held:
            work.shortlists.remove_entry(shortlist, str(one))
    return shortlist


def _entries(work: Workspace, shortlist: str) -> Sequence[Any]:
    from engagerr.core.desk.discover import chosen_of

    return chosen_of(work, UUID(shortlist))
