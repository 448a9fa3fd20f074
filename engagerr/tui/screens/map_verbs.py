"""What can be done on the content map: accept, turn down, move, split off, merge, look again, export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.desk.files import write_new
from engagerr.core.errors import EngagerrError
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.page import Command
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.links import LinksPage, Rehung, as_text, named
from engagerr.tui.screens.map_export import export_row, family_file, known_form
from engagerr.tui.widgets.dialogs import Ask, Choice, Confirm, Field, Form, Menu, Sheet
from engagerr.tui.widgets.grid import Grid
from engagerr.tui.writing import cell, clock

if TYPE_CHECKING:
    from engagerr.core.content.decisions import Decision
    from engagerr.core.desk.opened_family import Piece
    from engagerr.tui.loading import Progress
    from engagerr.tui.widgets.family_rows import MapRow

_NAMED = 3


class MapVerbs(LinksPage):
    """The verbs; the screen itself is `ContentMap`."""

    totals: dict[UUID, Any]

    @property
    def grid(self) -> Grid[MapRow]:
        """The list."""
        return self.query_one("#families", Grid)

    @property
    def piece(self) -> Piece | None:
        """The item under the cursor."""
        row = self.grid.current
        return None if row is None else row.piece

    def _marked_links(self) -> list[Piece]:
        """The marked items that hang, or might hang, on another."""
        marked = [row for row in self.grid.rows if row.key in self.grid.marked]
        return [row.piece for row in marked if row.piece is not None and row.piece.edge_id is not None]

    def _marked_families(self) -> list[MapRow]:
        return [row for row in self.grid.rows if row.key in self.grid.marked and row.kind == "family"]

    # Accept and reject.

    def action_accept(self) -> None:
        """Say that the link under the cursor (or all marked ones) is right."""
        self._decide(right=True)

    def action_reject(self) -> None:
        """Say that the link under the cursor (or all marked ones) is wrong."""
        self._decide(right=False)

    def _decide(self, *, right: bool) -> None:
        if not self.may_decide():
            return
        marked = self._marked_links()
        if len(marked) > 1:
            self._answer_many(marked, right=right)
            return
        piece = marked[0] if marked else self.piece
        if piece is None or piece.edge_id is None:
            self.console.say("Nothing hangs here by a link. Open the family, and choose an item below it.",
                             mood="attention")  # fmt: skip
            return
        if piece.state == ("confirmed" if right else "rejected"):
            done = "confirmed" if right else "turned down"
            self.console.say(f"The link of {named(piece.title)} is {done} already.", mood="attention")
            return
        if right and piece.held:
            self.console.say(f"{named(piece.title)} hangs on another item. m moves it here.", mood="attention")
            return
        self._decide_one(piece, right=right)

    def _decide_one(self, piece: Piece, *, right: bool) -> None:
        work, edge = self.desk, str(piece.edge_id)
        word = "Accepted" if right else "Turned down" if piece.state == "suggested" else "Taken off"

        def decide() -> Any:
            if piece.state == "suggested":
                return work.review.answer(edge, right=right)
            return work.content.confirm(edge) if right else work.content.reject(edge)

        def done(_answer: Any) -> None:
            self.remember_link(f"link of {named(piece.title)}", edge)
            self.grid.marked.clear()
            self.read_now()

        self.do(f"decide:{edge}", decide, said=f"{word}: link of {named(piece.title)}. u takes it back.", then=done)

    def _answer_many(self, pieces: Sequence[Piece], *, right: bool) -> None:
        verb, work = ("Accept" if right else "Turn down"), self.desk
        lines = [f"{named(piece.title)}" for piece in pieces[:_NAMED]]
        if len(pieces) > _NAMED:
            lines.append(f"and {len(pieces) - _NAMED:,} more.")
        lines.append("All of it or nothing; u takes all of it back.")
        edges = [str(piece.edge_id) for piece in pieces]

        def answered(sure: bool | None) -> None:
            if sure:
                call = work.content.confirm if right else work.content.reject
                self.do("decide", lambda: call(*edges), said=f"{verb}ed: {len(edges):,} links." if right else
                        f"Turned down: {len(edges):,} links.", then=done)  # fmt: skip

        def done(_answer: Any) -> None:
            self.remember_link(f"{len(edges):,} links", edges[0])
            self.grid.marked.clear()
            self.read_now()

        self.app.push_screen(
            Confirm(f"{verb} {len(pieces):,} links", lines, key="a" if right else "d",
                    words=f"{verb.lower()} all {len(pieces):,}", keep="leave them"),
            answered,
        )  # fmt: skip

    # Move, split, merge.

    def action_move(self) -> None:
        """Hang the item under the cursor elsewhere; with two or more marked families, make one of them."""
        if not self.may_decide():
            return
        if len(self._marked_families()) > 1:
            self._merge(self._marked_families())
            return
        row = self.grid.current
        if row is None or row.kind not in ("family", "item"):
            return
        piece = row.piece
        if piece is not None and piece.state == "suggested" and piece.held:
            self._move(piece, Rehung(str(piece.parent_id), "", None), piece.relation)
            return
        item = piece or row.head
        edge = piece.edge_id if piece is not None and piece.state == "suggested" else None
        self.ask_parent(item.id, f"{item.platform}:{item.native_id}", item.title,
                        lambda chosen: self._moved_to(row, chosen), without=edge)  # fmt: skip

    def _moved_to(self, row: MapRow, chosen: Rehung) -> None:
        piece = row.piece
        if piece is not None and piece.relation is not None:
            self._move(piece, chosen, piece.relation)
        elif chosen.edge is not None:
            self._move(piece or row.head, chosen, None)
        else:
            title = piece.title if piece is not None else row.head.title
            self.ask_relation(title, lambda relation: self._move(piece or row.head, chosen, relation))

    def _move(self, item: Any, chosen: Rehung, relation: str | None) -> None:
        work, name = self.desk, str(item.id)
        waiting = getattr(item, "state", None) == "suggested" and not item.held

        def move() -> str:
            if chosen.edge is not None and waiting:
                return str(work.review.choose(chosen.edge, instead_of=str(item.edge_id)).edges[0].id)
            if chosen.edge is not None and relation is None:
                return str(work.review.answer(chosen.edge, right=True).edges[0].id)
            return str(work.content.move(name, chosen.item, relation=relation).edges[0].id)

        def moved(edge: str) -> None:
            self.remember_link(f"move of {named(item.title)}", edge)
            self.read_now()

        where = f" below {named(chosen.title)}" if chosen.title else " here"
        self.do("move", move, said=f"Moved: {named(item.title)}{where}. u takes it back.", then=moved)

    def action_split(self) -> None:
        """Cut the item under the cursor out of its family, with all below it: a family of its own."""
        if not self.may_decide():
            return
        piece, work = self.piece, self.desk
        if piece is None or not piece.stands or piece.state is None:
            self.console.say("Only an item that hangs in a family can be split off.", mood="attention")
            return

        def done(reshaped: Any) -> None:
            self.remember_link(f"split of {named(piece.title)}", reshaped.edges[0].id)
            self.read_now()

        self.do("split", work.content.split, str(piece.id),
                said=f"Split off: {named(piece.title)}. u takes it back.", then=done)  # fmt: skip

    def _merge(self, rows: Sequence[MapRow]) -> None:
        choices = [
            Choice(str(at), f"into {named(row.head.title)}, {row.head.items:,} items", row)
            for at, row in enumerate(rows[:9], start=1)
        ]

        def chosen(into: MapRow | None) -> None:
            if into is not None:
                self._merge_into(into, [row for row in rows if row is not into])

        self.app.push_screen(Menu(f"Make one family of {len(rows):,}", choices), chosen)

    def _merge_into(self, into: MapRow, others: Sequence[MapRow]) -> None:
        work = self.desk

        def merge() -> tuple[list[str], EngagerrError | None]:
            edges: list[str] = []
            for row in others:
                try:
                    edges.append(str(work.content.merge(str(row.head.id), str(into.head.id)).edges[0].id))
                except EngagerrError as error:
                    # What was merged before stays, and can be taken back: it must not be lost with the error.
                    return edges, error
            return edges, None

        def done(answer: tuple[list[str], EngagerrError | None]) -> None:
            edges, error = answer
            for row, edge in zip(others, edges, strict=False):
                self.remember_link(f"merge of {named(row.head.title)}", edge)
            if error is not None:
                self.console.complain(error)
            self.grid.marked.clear()
            self.read_now()

        def said(answer: tuple[list[str], EngagerrError | None]) -> str:
            many = f"{len(answer[0]):,} of {len(others):,} merged into {named(into.head.title)}."
            return f"{many} u takes it back, one by one."

        self.do("merge", merge, said=said, then=done)

    # Look at the source, look again, export.

    def action_address(self) -> None:
        """Copy the address of the item under the cursor, and show it."""
        row = self.grid.current
        if row is not None and row.kind in ("family", "item"):
            self.show_address((row.piece or row.head).url)

    def suggest(self) -> None:
        """Look at everything again: what belongs together, and why."""
        if not self.may_decide():
            return
        work = self.desk

        def look(progress: Progress) -> Any:
            return work.content.suggest(progress=progress.report)

        self.console.works.append(self.work("suggest", "Look for what belongs together", look))
        self.console.say("Looking for what belongs together. . shows how far it is.")

    def action_export(self) -> None:
        """Write what is on the screen as CSV or JSON, or the family as a picture, to a path that is asked for."""
        if self.grid.current is None:
            self.console.say("There is nothing on the screen to export.", mood="attention")
            return
        rows = [export_row(row, self.totals.get(row.head.id)) for row in self.grid.rows
                if row.kind in ("family", "item")]  # fmt: skip
        family, work = self.grid.current.head.id, self.desk

        def write(path: str) -> str:
            drawn = family_file(work, family, path)
            body = as_text(rows, path) if drawn is None else drawn
            return str(write_new(path, body.encode() if isinstance(body, str) else body))

        def said(path: str) -> str:
            what = f"{len(rows):,} rows" if path.lower().endswith((".csv", ".json")) else "the family"
            return f"Written: {what} to {path}."

        def answered(path: str | None) -> None:
            if path:
                self.do("export", write, path.strip(), said=said, then=lambda _path: None)

        self.app.push_screen(
            Ask("Export what is on the screen", label="The list: .csv, .json. This family: .svg, .html, .png, .graphml",
                value="families.csv", words="write it", check=known_form),
            answered,
        )  # fmt: skip

    # Menu and palette.

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """What `x` offers for the row under the cursor."""
        return [Choice(key, words, run, refused) for key, words, run, refused in self._verbs()]

    def verbs_title(self) -> str:
        """The thing under the cursor."""
        row = self.grid.current
        return "Content map" if row is None else (row.piece or row.head).title

    def commands(self) -> Sequence[Command]:
        """The same in the command palette, and how the list is shown."""
        row = self.grid.current
        of = f" · {named((row.piece or row.head).title)}" if row is not None else ""
        found = [
            Command(f"Content: {words}{of if key != 'l' else ''}", run, key, refused)
            for key, words, run, refused in self._verbs()
        ]
        screen: Any = self
        return [
            *found,
            Command("Content: why is it here …", screen.action_why, "w"),
            Command("Content: copy the address", self.action_address, "o"),
            Command("Content: export what is on the screen …", self.action_export, "e"),
            Command("Content: group by family, platform or relation", screen.action_group, "g"),
            Command("Content: order …", screen.action_sort, "s"),
            Command("Content: filter", screen.action_filter, "f"),
            Command(f"Content: decisions so far{of}", self._show_decisions),
            Command(f"Content: take back the last decision of anybody{of}", self._undo_here),
            Command(
                f"Term: note a disclosure, a sponsor or a licence …{of}",
                self._note_term,
                refused=refused_for(self.desk, Permission.EDIT_TERMS),
            ),
        ]

    def _show_decisions(self) -> None:
        """What people decided on the link under the cursor, the newest first."""
        piece, work = self.piece, self.desk
        if piece is None or piece.edge_id is None:
            self.console.say("Choose an item that hangs on another.", mood="attention")
            return
        edge, now = piece.edge_id, self.console.engagerr.clock.now()

        def show(found: Sequence[Decision]) -> None:
            lines = [cell("Nobody has decided on it: it stands as it was found.", "soft")] if not found else []
            for one in found:
                back = ", taken back since" if one.undone else ""
                lines.append(cell(f"{one.action}: {one.before} {'→'} {one.after}{back}"))
                lines.append(
                    cell(f"  {one.member or 'nobody known'}, {clock(one.at, now)}. {one.reason or ''}", "soft")
                )
            self.app.push_screen(Sheet(piece.title, lines))

        self.do("decisions", lambda: work.content.decisions(edges=[edge]), then=show)

    def _note_term(self) -> None:
        """Note what was agreed about the item under the cursor; what it reaches is shown with the evidence."""
        row, work = self.grid.current, self.desk
        if row is None or row.kind not in ("family", "item"):
            return
        item = row.piece or row.head

        def answered(said: dict[str, str] | None) -> None:
            if said is not None:
                self.do("term", lambda: work.terms.add(
                    str(item.id), kind=said["kind"], party=said["party"] or None, detail=said["detail"] or None
                ), said=f"Noted: {said['kind'].replace('_', ' ')} of {named(item.title)}.")  # fmt: skip

        self.app.push_screen(
            Form(f"What was agreed about {named(item.title)}?", [
                Field("kind", "disclosure, sponsorship or usage_rights", "disclosure", check=_known_kind),
                Field("party", "With whom"), Field("detail", "What exactly, for people"),
            ], words="note it"),
            answered,
        )  # fmt: skip

    def _undo_here(self) -> None:
        piece, work = self.piece, self.desk
        if piece is None or piece.edge_id is None:
            self.console.say("Choose an item that hangs on another.", mood="attention")
        elif self.may_decide():
            said = "Taken back: the last decision on this item."
            self.do("undo", work.content.undo, str(piece.edge_id), said=said)

    def _verbs(self) -> list[tuple[str, str, Callable[[], Any], str | None]]:
        refusal, piece, row = self.refusal, self.piece, self.grid.current
        families, links = self._marked_families(), self._marked_links()
        no_link = None if (piece and piece.edge_id) or links else "nothing hangs here by a link"
        no_branch = None if piece and piece.stands and piece.state else "only an item that hangs in a family"
        many = f"{len(links):,} marked links" if len(links) > 1 else "the link"
        found: list[tuple[str, str, Callable[[], Any], str | None]] = [
            ("y", f"accept {many}", self.action_accept, refusal or no_link),
            ("n", f"turn down {many}", self.action_reject, refusal or no_link),
        ]
        if len(families) > 1:
            found.append(("m", f"make one family of {len(families):,} …", self.action_move, refusal))
        else:
            nothing = None if row is not None else "nothing is under the cursor"
            found.append(("m", "hang it elsewhere …", self.action_move, refusal or nothing))
        found.append(("+", "split it off as a family of its own", self.action_split, refusal or no_branch))
        found.append(("l", "look again for what belongs together", self.suggest, refusal))
        return found


def _known_kind(kind: str) -> str | None:
    from engagerr.core.content.term_rules import TermKind

    return None if kind in tuple(TermKind) else f"One of: {', '.join(TermKind)}."
