"""What can be done with a brief, its shortlist and the creator under the cursor: the menu of `x`, keys, the palette."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.page import Command
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.brief_asks import ask_new_deal, ask_publish, ask_stage, count_wrong
from engagerr.tui.screens.marking import Marking
from engagerr.tui.screens.picking import Picker
from engagerr.tui.widgets.dialogs import Ask, Choice, Confirm, Menu, Sheet
from engagerr.tui.widgets.discovery import why_lines
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import BLANK, cell, money_text

if TYPE_CHECKING:
    from engagerr.core.desk.discover import BriefPage, Chosen, Matches
    from engagerr.core.matching.briefs import BriefRow
    from engagerr.core.matching.matching import Explanation, PitchDraft
    from engagerr.tui.widgets.matches import MatchRow

_LONGEST_TITLE = 200
_NO_BRIEF = "No brief is open: g chooses one, + writes one."
_NOT_ON_LIST = "Not on the shortlist: space puts them on it."
_EMPTY_LIST = "Nobody is on the shortlist: space puts the creator under the cursor on it."


class BriefVerbs(Marking):
    """The verbs. A page of it has `current`, `brief`, `shortlist` and `matches`."""

    brief: str | None
    shortlist: str | None
    matches: Matches | None

    # Where the verbs act.

    def _row(self) -> MatchRow | None:
        return cast("MatchRow | None", self.query_one("#matches", Grid).current)

    def _page(self) -> BriefPage | None:
        return cast("BriefPage | None", self.answer)

    def chosen_one(self) -> Chosen | None:
        """The creator under the cursor as they stand on the shortlist, None where they do not."""
        page, row = self._page(), self._row()
        if page is None or row is None:
            return None
        return next((one for one in page.chosen if one.creator_id == row.creator_id), None)

    def verbs_title(self) -> str:
        """The brief, and who is under the cursor."""
        row = self._row()
        title = self.brief_row.title if self.brief_row else "Discover"
        return f"{title} · {row.match.creator}" if row else title

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """The menu of `x`."""
        brief, row, page = self.brief_row, self._row(), self._page()
        edit = refused_for(self.desk, Permission.EDIT_BRIEFS)
        if brief is None or page is None:
            return [Choice("n", "Write a brief …", self.action_new_brief, edit)]
        trade = refused_for(self.desk, Permission.TRADE)
        deals, ask = refused_for(self.desk, Permission.EDIT_DEALS), refused_for(self.desk, Permission.USE_AI)
        nobody = None if page.chosen else _EMPTY_LIST
        person = None if row else "Nobody is under the cursor."
        is_open = brief.state == "open"
        return [
            Choice("d", "Propose the shortlist: new deal …", self.new_deal, deals or nobody),
            Choice("t", "Draft a message to this creator", self.draft_pitch, ask or person),
            Choice("m", "Change the stage on the shortlist …", self.action_stage,
                   edit or (None if self.chosen_one() else _NOT_ON_LIST)),
            Choice("k", "Build a package for the budget …", self.open_package, ask),
            Choice("c", "Compare", self.action_compare, person),
            Choice("e", "Edit the brief …", self.edit_brief, edit),
            Choice("p", "Publish the brief to the marketplace …", self.publish_brief,
                   trade or (None if is_open else f"The brief is {brief.state}: open it first.")),
            Choice("w", "Take the brief off the marketplace …", self.withdraw_brief,
                   trade or (None if page.published else "Nobody else sees it.")),
            Choice("o", "Close the brief" if is_open else "Open the brief", self.turn_brief, edit),
            Choice("r", "Remove the shortlist …", self.remove_list,
                   edit or (None if page.shortlist else "There is no shortlist."), danger=True),
        ]  # fmt: skip

    def brief_commands(self) -> Sequence[Command]:
        """The same for the palette, with names filled in, and what has no place in the menu."""
        row = self._row()
        who = row.match.creator if row else "the creator under the cursor"
        name = self.brief_row.title if self.brief_row else "…"
        words = {
            "d": "Deal: propose the shortlist …", "t": f"Match: draft a message to {who}",
            "m": f"Shortlist: change the stage of {who} …", "k": "Match: package for the budget …",
            "c": "Match: compare", "e": f"Brief: edit {name} …", "p": f"Brief: publish {name} …",
            "w": f"Brief: take {name} off the marketplace …", "o": f"Brief: open or close {name}",
            "r": "Shortlist: remove …", "n": "Brief: write one …",
        }  # fmt: skip
        found = [Command(words[verb.key], verb.answer, f"x {verb.key}", verb.refused) for verb in self.verbs()]
        none = None if self.brief_row else _NO_BRIEF
        edit = refused_for(self.desk, Permission.EDIT_BRIEFS)
        found += [
            Command("Brief: choose …", self.action_brief, "g"),
            Command("Brief: write one …", self.action_new_brief, "+", edit),
            Command(f"Match: explain {who}", cast("Any", self).action_why, "w", none),
            Command("Match: how fit is counted", cast("Any", self).show_rules),
            Command("Match: export as CSV …", self.action_export, "e", none),
            Command("Search: filter the results …", cast("Any", self).action_filter, "f", none),
            Command("Shortlist: show, with scores then and now", self.open_shortlist, "v s", none),
            Command("Shortlist: fill with the best …", self.fill_list, "", edit or none),
            Command("Shortlist: begin another …", self.another_list, "", edit or none),
            Command("Shortlist: choose …", self.choose_list, "", none),
            Command("Market: applications and invitations", self.open_market, "v m"),
            Command("Listing: what others see of our creators", self.open_listings, "v l"),
        ]
        return found

    # Briefs.

    def action_brief(self) -> None:
        """Choose a brief."""
        page = self._page()
        if page is None or not page.briefs:
            self.action_new_brief()
            return
        columns: list[Column[BriefRow]] = [
            Column("title", "", lambda row: cell(row.title), 20, grow=True),
            Column("brand", "", lambda row: cell(row.brief.brand or "", "soft"), 14, rank=1),
            Column("state", "", lambda row: cell(row.state, "good" if row.state == "open" else "faint"), 6),
            Column(
                "budget",
                "",
                lambda row: cell(money_text(row.brief.budget) if row.brief.budget is not None else ""),
                12,
                right=True,
            ),
        ]
        at = self.brief_row.id if self.brief_row else None
        picker = Picker("Brief", page.briefs, columns, key=lambda row: row.id, at=at,
                        words=lambda row: f"{row.title} {row.brief.brand or ''} {row.state}")  # fmt: skip

        def chosen(row: BriefRow | None) -> None:
            if row is not None:
                self.open_brief(str(row.id))

        self.app.push_screen(picker, chosen)

    def open_brief(self, name: str, *, keep_shortlist: bool = False) -> None:
        """Show another brief, by its id or title."""
        if not keep_shortlist:
            self.shortlist = None
        self.brief = name
        self.read_now()

    def action_new_brief(self) -> None:
        """Write a brief."""
        from engagerr.tui.screens.brief_editor import BriefEditor

        if refusal := refused_for(self.desk, Permission.EDIT_BRIEFS):
            self.console.say(refusal, mood="attention")
            return
        self.app.push_screen(BriefEditor(None, self.open_brief))

    def edit_brief(self) -> None:
        """Change what the brief says."""
        from engagerr.tui.screens.brief_editor import BriefEditor

        self.app.push_screen(BriefEditor(self.brief_row, self.open_brief))

    def turn_brief(self) -> None:
        """Close an open brief, open any other; `u` takes it back."""
        row = self.brief_row
        if row is None:
            return
        state, work = "closed" if row.state == "open" else "open", self.desk
        self.do("brief", work.briefs.set_state, str(row.id), state, said=f"{row.title}: {state}.")
        self.console.remember_undo(f"{row.title} {state}", lambda: work.briefs.set_state(str(row.id), row.state))

    def publish_brief(self) -> None:
        """Ask what others may see of it, then show it."""
        if self.brief_row is not None:
            ask_publish(self, self.brief_row)

    def withdraw_brief(self) -> None:
        """Take it off the shelf."""
        row = self.brief_row
        if row is None:
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self.do(
                    "publish", self.desk.marketplace.briefs.withdraw, str(row.id), said=f"Nobody else sees {row.title}."
                )

        lines = ["Others see it no longer. Invitations that stand open in its name are withdrawn."]
        self.app.push_screen(
            Confirm(f"Take {row.title} off the marketplace", lines, key="y", words="take it off"), answered
        )

    # Shortlists.

    def action_stage(self) -> None:
        """What became of the creator under the cursor."""
        one, shortlist = self.chosen_one(), self.list_id
        if one is None or shortlist is None:
            self.console.say(_NOT_ON_LIST, mood="attention")
            return
        ask_stage(self, shortlist, one.creator_id, one.creator, one.state)

    def fill_list(self) -> None:
        """Put the best so many on the shortlist."""

        def said(words: str | None) -> None:
            if words is not None and self.matches is not None:
                best = self.matches.found.results[: int(words)]
                self.put_on_list({match.creator_id: match.creator for match in best})

        self.app.push_screen(
            Ask(
                "Put the best on the shortlist", label="How many", value="10", words="put them on it", check=count_wrong
            ),
            said,
        )

    def another_list(self) -> None:
        """Begin another shortlist for the same brief."""
        row = self.brief_row
        if row is None:
            return

        def said(words: str | None) -> None:
            if words:
                self.do("list", self.desk.shortlists.create, words, str(row.id), then=self._show_list)

        self.app.push_screen(Ask(f"Another shortlist for {row.title}", label="Its name", words="begin it"), said)

    def choose_list(self) -> None:
        """Which of the brief's shortlists is open."""
        page = self._page()
        if page is None or len(page.shortlists) < 2:
            self.console.say("There is no other shortlist for this brief.", mood="attention")
            return
        columns: list[Column[Any]] = [
            Column("name", "", lambda row: cell(row.name), 20, grow=True),
            Column("entries", "", lambda row: cell(f"{row.entries:,}", "soft"), 6, right=True),
        ]

        def chosen(row: Any) -> None:
            if row is not None:
                self._show_list(row)

        picker = Picker("Shortlist", page.shortlists, columns, key=lambda row: row.id, words=lambda row: row.name)
        self.app.push_screen(picker, chosen)

    def _show_list(self, row: Any) -> None:
        self.shortlist = str(row.id)
        self.read_now()

    def remove_list(self) -> None:
        """Remove the shortlist with its entries."""
        page = self._page()
        if page is None or page.shortlist is None:
            return
        row = page.shortlist

        def answered(sure: bool | None) -> None:
            if sure:
                self.shortlist = None
                self.do("list", self.desk.shortlists.remove, str(row.id), said=f"{row.name} is removed.")

        lines = [f"{row.entries:,} creators are on it; their notes and scores of that day go with it.",
                 "What was won or lost stays kept."]  # fmt: skip
        self.app.push_screen(Confirm(f"Remove the shortlist {row.name}", lines, key="y", words="remove it"), answered)

    def new_deal(self) -> None:
        """A deal that begins with the shortlist, its brief and its budget."""
        page = self._page()
        if page is not None and page.shortlist is not None and page.row is not None:
            names = [one.creator for one in page.chosen if one.state not in ("lost", "dropped")]
            ask_new_deal(self, page.row, str(page.shortlist.id), names)

    def draft_pitch(self) -> None:
        """A message to the creator under the cursor, for a person to mend. Nothing is sent."""
        row, brief = self._row(), self.brief_row
        if row is None or brief is None:
            return

        def show(draft: PitchDraft) -> None:
            lines = [cell(draft.subject, "ink-bold"), BLANK, *(cell(line) for line in draft.body.splitlines())]
            lines += [BLANK, cell(f"Drafted by {draft.by}. Not sent: copy and mend it.", "faint")]
            if draft.broken:
                lines.append(cell(f"The brief rules them out: {'; '.join(draft.broken)}.", "attention"))
            self.app.push_screen(Sheet(f"A message to {draft.creator}", lines))

        self.do("pitch", self.desk.matching.pitch, brief.brief, str(row.creator_id), then=show)

    # Other views.

    def action_views(self) -> None:
        """What else there is to look at."""
        none = None if self.brief_row else _NO_BRIEF
        choices: list[Choice[Callable[[], Any]]] = [
            Choice("s", "Shortlist: scores then and now, stages, notes", self.open_shortlist,
                   none or (None if self.list_id else _EMPTY_LIST)),
            Choice("k", "Package: the best set for the budget", self.open_package,
                   none or refused_for(self.desk, Permission.USE_AI)),
            Choice("m", "Marketplace: applications, invitations, briefs of others", self.open_market),
            Choice("l", "Listings: what others see of our creators", self.open_listings),
        ]  # fmt: skip

        def chosen(run: Callable[[], Any] | None) -> None:
            if run is not None:
                run()

        self.app.push_screen(Menu("Look at", choices), chosen)

    def open_shortlist(self) -> None:
        """The shortlist with the scores of the day and of now."""
        from engagerr.tui.screens.shortlist import ShortlistView

        if self.brief_row is not None and self.list_id is not None:
            self.app.push_screen(ShortlistView(self.brief_row, self.list_id, self.read_now))
        else:
            self.console.say(_EMPTY_LIST, mood="attention")

    def open_package(self) -> None:
        """The best set for the budget."""
        from engagerr.tui.screens.packages import PackageView

        if self.brief_row is not None:
            self.app.push_screen(PackageView(self.brief_row, self.put_on_list))

    def open_market(self, subject: str | None = None) -> None:
        """Approaches and the shelf."""
        from engagerr.tui.screens.marketplace import Market

        self.app.push_screen(Market("approaches", subject))

    def open_listings(self) -> None:
        """What others see of our creators."""
        from engagerr.tui.screens.marketplace import Market

        self.app.push_screen(Market("listings"))

    def action_compare(self) -> None:
        """The marked creators side by side; of more than four, the one under the cursor and the best."""
        from engagerr.tui.screens.compare_creators import MOST, CompareCreators

        brief, row = self.brief_row, self._row()
        grid = self.query_one("#matches", Grid)
        if brief is None or row is None or len(grid.rows) < 2:
            self.console.say("There is nobody to compare with.", mood="attention")
            return
        marked = [one for one in grid.rows if one.creator_id in grid.marked and one is not row]
        others = marked or [one for one in grid.rows if one is not row][:1]
        people = sorted([row, *others[: MOST - 1]], key=lambda one: one.rank)
        self.app.push_screen(
            CompareCreators(
                brief, [one.creator_id for one in people], {one.creator_id: one.match.creator for one in grid.rows}
            )
        )

    def action_export(self) -> None:
        """The results as a CSV file."""
        matches, brief = self.matches, self.brief_row
        if matches is None or brief is None:
            self.console.say(_NO_BRIEF, mood="attention")
            return
        name = "".join(sign if sign.isalnum() else "-" for sign in brief.title.lower()).strip("-")[:60]

        def said(path: str | None) -> None:
            if path:
                from engagerr.core.desk.discover_export import write_matches

                self.do(
                    "export",
                    write_matches,
                    matches,
                    Path(path).expanduser(),
                    said=lambda count: f"{count:,} creators written to {path}.",
                    then=lambda _count: None,
                )

        self.app.push_screen(
            Ask(
                "Export the results as CSV", label="Into which file", value=f"{name or 'matches'}.csv", words="write it"
            ),
            said,
        )

    def say_why(self, found: Explanation) -> None:
        """All that a place rests on."""
        title = f"Why not {found.creator}" if found.match is None else f"Why {found.creator} stands here"
        self.app.push_screen(Sheet(title, why_lines(found, self.matches.found if self.matches else None)))
