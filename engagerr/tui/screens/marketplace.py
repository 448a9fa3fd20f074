"""The marketplace: what was sent to us and by us, what others show, and what others see of our creators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from engagerr.core.errors import EngagerrError
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.page import Command, Page
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.offers import (
    LARGEST_PAGE,
    OFFER_READERS,
    OFFER_STATES,
    VIEWS,
    Offer,
    offer_lines,
    snapshot_lines,
)
from engagerr.tui.screens.picking import Picker
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Ask, Choice, Confirm, Field, Form, Sheet
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import BLANK, Cell, cell, day

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.matching.marketplace.approaches import Approach
    from engagerr.core.matching.marketplace.listings import ListingPage, ListingPreview


class Market(Page):
    """One list; `v` changes what it shows."""

    tab: ClassVar[str] = "discover"
    name_in_words: ClassVar[str] = "Discover › Marketplace"
    kinds: ClassVar[frozenset[str]] = frozenset({"application", "invitation", "listing", "market", "brief"})
    has_side: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "accept", "accept", id="market.accept"),
        Binding("n", "decline", "decline", id="market.decline"),
        Binding("v", "views", "view", id="market.view"),
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("plus", "new_listing", "new listing", id="market.new", key_display="+"),
    ]

    def __init__(self, view: str = "approaches", subject: str | None = None) -> None:
        super().__init__()
        self.view, self._subject = view, subject

    def main(self) -> ComposeResult:
        """The list."""
        yield Grid(
            [
                Column("sign", "", lambda row: cell(*OFFER_STATES.get(row.sign, (glyphs.CONFIRMED, "soft"))), 1),
                Column("title", "What", lambda row: cell(row.title), 20, grow=True),
                Column("whose", "With", lambda row: cell(row.whose, "soft"), 16, rank=1),
                Column("said", "", lambda row: cell(row.said, "soft"), 16, grow=True, rank=2),
                Column("state", "State", lambda row: cell(row.sign, "soft"), 9),
                Column("at", "Since", self._since, 10, right=True),
            ],
            key=lambda row: row.key, id="offers",
        )  # fmt: skip

    def read(self, work: Workspace) -> Sequence[Offer]:
        """What the view shows."""
        return OFFER_READERS[self.view](work)

    def has_nothing(self, answer: Sequence[Offer]) -> bool:
        """Nothing of the view's kind."""
        return not answer

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """What would be here."""
        said = {
            "approaches": "Nobody has written, and nothing was sent.", "briefs": "Nobody shows a brief that is open.",
            "creators": "Nobody shows a creator.", "listings": "No listing yet: others see none of our creators.",
        }[self.view]  # fmt: skip
        step = [("+", "accent"), (" show a creator to others   ", "soft")] if self.view == "listings" else []
        return [(f"{said}\n\n", "soft"), *step, ("v", "accent"), (" other views", "soft")]

    def draw(self, answer: Sequence[Offer]) -> None:
        """The list."""
        heading, grid = self.query_one(Heading), self.query_one("#offers", Grid)
        heading.scope = VIEWS[self.view]
        waiting = sum(1 for row in answer if self.view == "approaches" and row.sign == "sent" and row.thing.incoming)
        heading.freshness = f"{waiting} to answer" if waiting else ""
        grid.fill(answer)
        if self._subject is not None:
            row = next((row for row in answer if str(row.key) == self._subject), None)
            if row is not None:
                grid.go_to(row.key)
            self._subject = None

    def moved(self, grid: Grid[Any], row: Offer | None) -> None:
        """The whole of it."""
        self.show_side([] if row is None else offer_lines(row.thing, self.desk.access.clock.now()))

    @property
    def current(self) -> Any:
        """The thing under the cursor."""
        row: Offer | None = self.query_one("#offers", Grid).current
        return None if row is None else row.thing

    @on(Grid.Opened, "#offers")
    def _opened(self, event: Grid.Opened) -> None:
        offer: Offer = event.row
        if offer is not event.grid.current:  # another view was chosen before this was heard
            return
        thing, work = offer.thing, self.desk
        if self.view == "listings":
            self.do("listing", work.marketplace.listings.show, thing.creator, then=self._show_page)
        else:
            lines = offer_lines(thing, work.access.clock.now())
            self.app.push_screen(Sheet(offer.title, lines))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what was sent is answered, and only our own list grows."""
        if action in ("accept", "decline"):
            return self.view == "approaches"
        return self.view == "listings" if action == "new_listing" else super().check_action(action, parameters)

    def action_views(self) -> None:
        """Another view."""
        from engagerr.tui.widgets.dialogs import Menu

        choices = [Choice(name[0], words, name) for name, words in VIEWS.items()]

        def chosen(name: str | None) -> None:
            if name is not None:
                self.look_at(name)

        self.app.push_screen(Menu("Look at", choices), chosen)

    # Answers.

    def action_accept(self) -> None:
        """Say yes."""
        self._give("accept")

    def action_decline(self) -> None:
        """Say no."""
        self._give("decline")

    def _give(self, how: str) -> None:
        one = self.current
        if refusal := self._cannot_answer():
            self.console.say(refusal, mood="attention")
            return
        verb = getattr(self.desk.marketplace.approaches, how)

        def said(words: str | None) -> None:
            if words is not None:
                self.do("answer", lambda: verb(one.id, answer=words.strip() or None),
                        said=lambda found: f"{found.creator} for {found.brief}: {found.state}.")  # fmt: skip

        title = f"{'Accept' if how == 'accept' else 'Decline'}: {one.creator} for {one.brief}"
        self.app.push_screen(
            Ask(title, label=f"What {one.other or 'they'} read with it (may stay empty)", words=how), said
        )

    def _cannot_answer(self) -> str | None:
        one = self.current
        if self.view != "approaches" or one is None:
            return "There is nothing to answer here."
        if not one.incoming:
            return "You sent this: they answer. x takes it back."
        if one.state != "sent":
            return f"It is {one.state} already."
        return refused_for(self.desk, Permission.TRADE)

    # The menu.

    def verbs_title(self) -> str:
        """What `x` is about."""
        row: Offer | None = self.query_one("#offers", Grid).current
        return row.title if row else VIEWS[self.view]

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """What can be done in this view."""
        trade, one = refused_for(self.desk, Permission.TRADE), self.current
        none = None if one is not None else "Nothing is under the cursor."
        if self.view == "approaches":
            own = None if one is None or not one.incoming else "They sent it: y or n answers."
            over = None if one is None or one.state == "sent" else f"It is {one.state} already."
            won = None if one is not None and one.state == "accepted" else "Only what was accepted becomes a deal."
            return [
                Choice("y", "Accept …", self.action_accept, none or self._cannot_answer()),
                Choice("n", "Decline …", self.action_decline, none or self._cannot_answer()),
                Choice("w", "Take it back …", self.withdraw_approach, trade or none or own or over, danger=True),
                Choice("d", "New deal of it …", self.new_deal,
                       refused_for(self.desk, Permission.EDIT_DEALS) or none or won),
                Choice("b", "Block this workspace …", self.block, trade or none, danger=True),
            ]  # fmt: skip
        if self.view == "briefs":
            own = None if one is None or not one.own else "It is your own."
            return [Choice("a", "Apply with a creator …", self.apply, trade or none or own)]
        if self.view == "creators":
            own = None if one is None or not one.own else "It is your own."
            return [Choice("i", "Invite to a brief …", self.invite, trade or none or own)]
        shown = None if one is not None and one.state == "published" else "Nobody else sees it."
        return [
            Choice("p", "Preview what others would see", self.preview, trade or none),
            Choice("u", "Publish as it stands now …", self.publish, trade or none),
            Choice("w", "Withdraw …", self.withdraw_listing, trade or none or shown, danger=True),
            Choice("n", "Show another creator …", self.action_new_listing, trade),
        ]

    def commands(self) -> Sequence[Command]:
        """The same in the palette."""
        title = self.verbs_title()
        found = [
            Command(
                f"Market: {verb.words.removesuffix(' …').lower()} · {title}", verb.answer, f"x {verb.key}", verb.refused
            )
            for verb in self.verbs()
        ]
        found += [Command(f"Market: {words.lower()}", _call(self.look_at, name)) for name, words in VIEWS.items()]
        return found

    def look_at(self, view: str) -> None:
        """Change the view."""
        self.view = view
        self.query_one("#offers", Grid).fill(())
        self.refresh_bindings()
        self.read_now()

    def withdraw_approach(self) -> None:
        """Take back what was sent."""
        one = self.current

        def answered(sure: bool | None) -> None:
            if sure:
                self.do("answer", self.desk.marketplace.approaches.withdraw, one.id, said="Taken back.")

        self.app.push_screen(
            Confirm(
                f"Take back: {one.creator} for {one.brief}", ["They see it no longer."], key="y", words="take it back"
            ),
            answered,
        )

    def block(self) -> None:
        """Neither sees the other any more."""
        one = self.current

        def said(words: str | None) -> None:
            if words is not None:
                self.do("block", lambda: self.desk.marketplace.blocks.block(str(one.other_id), reason=words or None),
                        said=lambda found: f"{found.name} is blocked. They are not told.")  # fmt: skip

        self.app.push_screen(
            Ask(
                f"Block {one.other or 'this workspace'}",
                label="Neither of you sees the other any more. Why, for your own people",
                words="block",
            ),
            said,
        )

    def new_deal(self) -> None:
        """A deal of what was accepted: the other workspace is in it from the start."""
        one = self.current
        fields = [Field("title", "Its title", one.brief), Field("brand", "Brand (empty: as the brief says)")]

        def filled(said: dict[str, str] | None) -> None:
            if said is None:
                return
            from engagerr.core.deals.pipeline.deals import NewDeal

            new = NewDeal(said["title"], brand=said["brand"] or None, approach=str(one.id))
            self.do("deal", self.desk.deals.add, new, said=f"Opened {said['title']}.",
                    then=lambda found: self.console.open_thing("deal", found.row.id, found.row.title))  # fmt: skip

        self.app.push_screen(
            Form(f"New deal: {one.creator} for {one.brief}", fields, words="open it after the last"), filled
        )

    def apply(self) -> None:
        """Apply with one of our published creators."""
        one, work = self.current, self.desk
        self.do("choose", work.marketplace.listings.list, then=lambda rows: self._choose(
            "Apply with", [row for row in rows if row.state == "published"], lambda row: row.creator,
            lambda row, words: work.marketplace.approaches.apply(one.id, creator=row.creator, message=words),
            "Publish a listing first: only creators whom others see can apply."))  # fmt: skip

    def invite(self) -> None:
        """Invite somebody's creator to one of our published briefs."""
        one, work = self.current, self.desk
        self.do(
            "choose",
            lambda: work.marketplace.briefs.browse(own=True, limit=LARGEST_PAGE),
            then=lambda rows: self._choose(
                "Invite to",
                rows,
                lambda row: row.shown.title,
                lambda row, words: work.marketplace.approaches.invite(one.id, brief=row.id, message=words),
                "Publish a brief first: whom you invite must be able to read it.",
            ),
        )

    def _choose(self, title: str, rows: Sequence[Any], name: Callable[[Any], str],
                send: Callable[[Any, str | None], Approach], nobody: str) -> None:  # fmt: skip
        if not rows:
            self.console.say(nobody, mood="attention")
            return

        def told(row: Any, words: str | None) -> None:
            if words is not None:
                self.do("send", send, row, words.strip() or None, said=_sent)

        def chosen(row: Any) -> None:
            if row is not None:
                ask = Ask(f"{title} {name(row)}", label="What they read with it (may stay empty)", words="send")
                self.app.push_screen(ask, lambda words: told(row, words))

        columns: list[Column[Any]] = [Column("name", "", lambda row: cell(name(row)), 20, grow=True)]
        self.app.push_screen(Picker(title, rows, columns, key=lambda row: row.id, words=name, says="choose"), chosen)

    # Listings.

    def action_new_listing(self) -> None:
        """Show one more creator to others."""
        if refusal := refused_for(self.desk, Permission.TRADE):
            self.console.say(refusal, mood="attention")
            return

        def said(name: str | None) -> None:
            if name:
                self._preview(name, publish=True)

        self.app.push_screen(Ask("Show a creator to others", label="Name or id", words="preview first"), said)

    def preview(self) -> None:
        """What others would see; nothing is published."""
        self._preview(self.current.creator, publish=False)

    def publish(self) -> None:
        """See it once more, then publish."""
        self._preview(self.current.creator, publish=True)

    def _preview(self, creator: str, *, publish: bool) -> None:
        work = self.desk

        def answered(found: ListingPreview, sure: bool | None) -> None:
            if sure:
                said = f"{found.creator} is on the marketplace."
                self.do("listing", work.marketplace.listings.publish, str(found.creator_id), said=said)

        def show(found: ListingPreview) -> None:
            lines, name = snapshot_lines(found.shown), found.creator
            if found.refused:
                self.app.push_screen(Sheet(f"{name}: cannot be shown", [cell(found.refused, "danger"), BLANK, *lines]))
            elif not publish:
                self.app.push_screen(Sheet(f"{name}: what others would see, version {found.next_version}", lines))
            else:
                title, seen = f"Publish {name}, version {found.next_version}", [line.text for line in lines]
                dialog = Confirm(title, seen, key="y", words="publish", keep="not yet")
                self.app.push_screen(dialog, lambda sure: answered(found, sure))

        self.do("preview", work.marketplace.listings.preview, creator, then=show)

    def withdraw_listing(self) -> None:
        """Off the shelf."""
        one = self.current

        def answered(sure: bool | None) -> None:
            if sure:
                self.do(
                    "listing",
                    self.desk.marketplace.listings.withdraw,
                    one.creator,
                    said=f"Nobody else sees {one.creator}.",
                )

        lines = ["Open applications in its name are withdrawn. Its versions stay with you."]
        self.app.push_screen(
            Confirm(f"Withdraw the listing of {one.creator}", lines, key="y", words="withdraw"), answered
        )

    def _show_page(self, page: ListingPage) -> None:
        head = [cell(f"{page.state}, version {page.version}, {len(page.versions)} so far", "soft"), BLANK]
        lines = snapshot_lines(page.versions[0].shown) if page.versions else [cell("It was never published.", "soft")]
        self.app.push_screen(Sheet(page.creator, [*head, *lines]))

    def refused(self, topic: str, error: EngagerrError) -> None:
        """What happened and what to do."""
        self.console.complain(error)

    def _since(self, row: Offer) -> Cell:
        return cell(glyphs.MISSING if row.at is None else day(row.at, self.desk.access.clock.now()), "soft")


def _call(function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    return lambda: function(*args)


def _sent(found: Approach) -> str:
    return f"Sent to {found.other or 'them'}: {found.creator} for {found.brief}."
