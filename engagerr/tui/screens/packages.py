"""The best set of creators for a budget: what it costs, whom it reaches, how near to the best it is, and other sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from engagerr.core.errors import EngagerrError
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.loading import Cancelled, Loading, Progress, Work, WorkState
from engagerr.tui.page import Command, Page
from engagerr.tui.rights import refused_for
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Choice, Field, Form, Sheet, written
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import BLANK, Cell, cell, count, money, money_text, short

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.matching.briefs import BriefRow
    from engagerr.core.matching.package import Package, Pick
    from engagerr.core.matching.package_candidates import Wish
    from engagerr.core.money import Money

_TOPIC = "package"
_LEFT = "left: nothing was built"
_MOST_SECONDS = 20.0


class PackageView(Page):
    """One set at a time; `n` builds another without the creator under the cursor, `v` goes through the sets."""

    tab: ClassVar[str] = "discover"
    name_in_words: ClassVar[str] = "Discover › Package"
    has_side: ClassVar[bool] = True
    DEFAULT_CSS = "PackageView #sum { height: 5; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "wish", "limits", id="package.wish"),
        Binding("n", "without", "without", id="package.without"),
        Binding("y", "keep", "keep", id="package.keep"),
        Binding("v", "next_set", "other sets", id="package.sets"),
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("w", "why", "why", id="package.why"),
    ]

    def __init__(self, brief: BriefRow, put_on_list: Callable[[Mapping[UUID, str]], None]) -> None:
        super().__init__()
        self.brief, self._put_on_list = brief, put_on_list
        self.wish: Wish | None = None
        self.sets: list[tuple[Wish, Package]] = []
        self.at = -1
        self._work: Work | None = None

    def main(self) -> ComposeResult:
        """The picks and what they come to."""
        yield Grid(
            [
                Column("kept", "", lambda pick: cell(glyphs.DONE if self._is_kept(pick) else "", "good"), 1),
                Column("creator", "Creator", lambda pick: cell(pick.creator), 16, grow=True),
                Column("fit", "Fit", lambda pick: cell(f"{100 * pick.score:.0f}"), 3, right=True),
                Column("price", "Price", _price, 12, right=True),
                Column("reach", "Reach", lambda pick: count(pick.reach, why="estimated from views", estimated=True), 8,
                       right=True),
                Column("adds", "Adds", lambda pick: count(pick.adds, why="estimated from views", estimated=True), 8,
                       right=True),
                Column("on", "On", lambda pick: cell(" ".join(pick.platforms), "soft"), 14, rank=1),
            ],
            key=lambda pick: pick.creator_id, id="picks",
        )  # fmt: skip
        yield Static(id="sum", classes="lower narrow-only")

    # Building is long work: it stands in the list of jobs, and `esc` leaves it.

    def read(self, work: Workspace) -> Any:
        """Nothing is read: sets are built."""
        return self.sets

    def draw(self, answer: Any) -> None:
        """The first set is built at once."""
        self.query_one(Heading).scope = self.brief.title
        if not self.sets and self._work is None:
            self.build(self._first_wish())

    def _first_wish(self) -> Wish:
        from engagerr.core.matching.package_candidates import Wish

        return Wish(most_seconds=_MOST_SECONDS)

    def build(self, wish: Wish) -> None:
        """Build the best set of this wish; a build that still runs is left."""
        self.leave_work()
        self.wish = wish
        asked, work = self.brief.brief, self.desk

        def run(progress: Progress) -> tuple[Wish, Package]:
            progress.report(0, 1, "reading who can be picked")
            try:
                found = work.packages.build(asked, wish)
            except EngagerrError:
                if progress.stop.is_set():
                    # Nobody waits for it any more, so its failure is nobody's news.
                    raise Cancelled from None
                raise
            progress.report(1, 1)
            return wish, found

        self._work = self.work(_TOPIC, f"Package for {self.brief.title}", run, clock=work.access.clock)
        self.console.works.append(self._work)
        self.query_one(Heading).freshness = f"building, up to {wish.most_seconds:.0f} s …  esc leaves"

    def leave_work(self) -> None:
        """Wait no more for a set that is being built."""
        if self._work is not None and self._work.state is WorkState.RUNNING:
            self._work.stop.set()
            self._work.state = WorkState.CANCELLED
        self._work = None

    def answered(self, topic: str, result: Any) -> None:
        """A set was built; one that was left in the meantime is not taken up."""
        if topic == _TOPIC and result[0] is self.wish and self._work is not None:
            self._work = None
            self.sets.append(result)
            self.at = len(self.sets) - 1
            self._show()

    @on(Loading.Told)
    def _told_of(self, event: Loading.Told) -> None:
        if event.work is self._work and event.work.state is WorkState.CANCELLED:
            self._work = None
            self.query_one(Heading).freshness = _LEFT

    def refused(self, topic: str, error: EngagerrError) -> None:
        """No set keeps the limits: which of them, and what to do."""
        if topic != _TOPIC:
            super().refused(topic, error)
            return
        self._work = None
        self.query_one(Heading).freshness = "not built"
        if not self.sets:
            self._say_instead(
                [
                    (f"{glyphs.FAILED} No package: ", "danger"),
                    (error.message, "ink"),
                    (f"\n  {error.hint}" if error.hint else "", "soft"),
                    ("\n\n  f", "accent"),
                    (" change the limits", "soft"),
                ]
            )
        else:
            self.console.complain(error)

    def action_back(self) -> None:
        """Leave the building first, then the screen."""
        if self._work is not None and self._work.state is WorkState.RUNNING:
            self.leave_work()
            self.query_one(Heading).freshness = _LEFT
            return
        super().action_back()

    # What is shown.

    @property
    def shown(self) -> Package | None:
        """The set on screen."""
        return self.sets[self.at][1] if self.sets else None

    def _show(self) -> None:
        package = self.shown
        if package is None:
            return
        self._say_instead(())
        heading = self.query_one(Heading)
        heading.scope = f"{self.brief.title} · set {self.at + 1} of {len(self.sets)}"
        heading.freshness = f"{money_text(package.price)} of {money_text(package.budget)}"
        self.query_one("#picks", Grid).fill(package.picks)
        self.query_one("#sum", Static).update(_text(sum_lines(package)))
        self._draw_side()

    def moved(self, grid: Grid[Any], row: Pick | None) -> None:
        """The side pane: the set, its assumptions, the others."""
        self._draw_side()

    @on(Grid.Opened, "#picks")
    def _opened(self, event: Grid.Opened) -> None:
        self.console.open_thing("creator", event.row.creator_id, event.row.creator)

    def _draw_side(self) -> None:
        if (package := self.shown) is not None:
            others = [cell("Sets", "faint"), *(self._set_line(at) for at in range(len(self.sets)))]
            self.show_side([*sum_lines(package), BLANK, *others, BLANK, *basis_lines(package)])

    def _set_line(self, at: int) -> Cell:
        wish, package = self.sets[at]
        first = self.sets[0][1]
        said = [f"{at + 1}  {money_text(package.price)}  {glyphs.ABOUT} {short(package.reach)}"]
        if at:
            difference = package.reach - first.reach
            said.append(f"  {'+' if difference >= 0 else ''}{short(difference)}")
        parts = [(glyphs.BAR if at == self.at else " ", "accent"), (" ".join(said), "ink")]
        if wish.must_not:
            parts.append((f"  without {len(wish.must_not)}", "soft"))
        return Cell(tuple(parts))

    def _is_kept(self, pick: Pick) -> bool:
        return self.wish is not None and str(pick.creator_id) in self.wish.must

    # Keys.

    def action_without(self) -> None:
        """The best set without the creator under the cursor."""
        pick: Pick | None = self.query_one("#picks", Grid).current
        if pick is not None and self.wish is not None:
            must = tuple(one for one in self.wish.must if one != str(pick.creator_id))
            self._other(f"set without {pick.creator}", replace(
                self.wish, must_not=(*self.wish.must_not, str(pick.creator_id)), must=must))  # fmt: skip

    def action_keep(self) -> None:
        """This creator must be in every further set; again: need not."""
        pick: Pick | None = self.query_one("#picks", Grid).current
        if pick is None or self.wish is None:
            return
        name = str(pick.creator_id)
        must = (
            tuple(one for one in self.wish.must if one != name) if name in self.wish.must else (*self.wish.must, name)
        )
        self.wish = replace(self.wish, must=must)
        self.query_one("#picks", Grid).repaint()

    def _other(self, name: str, wish: Wish) -> None:
        before = self.at
        self.build(wish)
        self.remember_here(name, lambda: self._go_to(before))

    def _go_to(self, at: int) -> None:
        if 0 <= at < len(self.sets):
            self.leave_work()
            self.at, self.wish = at, self.sets[at][0]
            self._show()

    def action_next_set(self) -> None:
        """The next of the sets that were built."""
        if len(self.sets) < 2:
            self.console.say(
                "There is one set. n builds another without the creator under the cursor.", mood="attention"
            )
        else:
            self._go_to((self.at + 1) % len(self.sets))

    def action_wish(self) -> None:
        """Budget and limits."""
        wish = self.wish or self._first_wish()
        budget = wish.budget or self.brief.brief.budget
        currency = budget.currency if budget is not None else "EUR"
        assumed = wish.price_per_thousand_views
        fields = [
            Field("budget", "Budget", f"{budget.amount} {budget.currency}" if budget is not None else "", "9000 EUR",
                  _money_wrong(currency)),
            Field("least", "Creators at least", str(wish.picks[0]), check=_count_wrong),
            Field("most", "Creators at most", str(wish.picks[1]), check=_count_wrong),
            Field("score", "Fit at least, 0 to 100", f"{100 * wish.score_min:.0f}", check=_count_wrong),
            Field("assumed", "Price of a thousand views where no rate is known (empty: leave them out)",
                  f"{assumed.amount} {assumed.currency}" if assumed else "", f"40 {currency}", _money_wrong(currency)),
        ]  # fmt: skip

        def filled(said: dict[str, str] | None) -> None:
            if said is not None:
                self.build(replace(
                    wish, budget=_money(said["budget"], currency), picks=(int(said["least"]), int(said["most"])),
                    score_min=int(said["score"]) / 100, price_per_thousand_views=_money(said["assumed"], currency),
                ))  # fmt: skip

        self.app.push_screen(Form("Package", fields, words="build after the last"), filled)

    def action_why(self) -> None:
        """What the figures rest on."""
        if (package := self.shown) is not None:
            self.app.push_screen(Sheet("What this rests on", [*sum_lines(package), BLANK, *basis_lines(package)]))

    def verbs_title(self) -> str:
        """What `x` is about."""
        return f"Package for {self.brief.title}"

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """The menu of `x`."""
        none = None if self.shown else "No set is built yet."
        return [
            Choice("s", "Put all on the shortlist", self.to_shortlist,
                   refused_for(self.desk, Permission.EDIT_BRIEFS) or none),
            Choice("d", "Propose: new deal with this package …", self.new_deal,
                   refused_for(self.desk, Permission.EDIT_DEALS) or none),
            Choice("f", "Change the limits …", self.action_wish),
        ]  # fmt: skip

    def commands(self) -> Sequence[Command]:
        """The same in the palette."""
        return [
            Command(f"Package: {verb.words.lower()}", verb.answer, f"x {verb.key}", verb.refused)
            for verb in self.verbs()
        ]

    def to_shortlist(self) -> None:
        """The picks on the shortlist of the brief."""
        if (package := self.shown) is not None:
            self._put_on_list({pick.creator_id: pick.creator for pick in package.picks})
            self.console.say(f"{len(package.picks):,} creators are put on the shortlist.")

    def new_deal(self) -> None:
        """A deal with the creators of this set, and a draft at the package's prices."""
        package, work = self.shown, self.desk
        if package is None:
            return
        fields = [
            Field("title", "Its title", self.brief.title),
            Field(
                "brand",
                "Brand",
                self.brief.brief.brand or "",
                check=lambda said: None if said else "A deal is with a brand.",
            ),
        ]

        def make(said: dict[str, str]) -> Any:
            from engagerr.core.deals.offering.drafting import Source
            from engagerr.core.deals.pipeline.deals import NewDeal

            creators = tuple(str(pick.creator_id) for pick in package.picks)
            new = NewDeal(said["title"], brand=said["brand"], brief=str(self.brief.id), creators=creators,
                          currency=package.budget.currency, expected=package.price)  # fmt: skip
            opened = work.deals.add(new)
            work.proposals.draft(opened.row.id, Source(package=document_of(package)))
            return opened

        def filled(said: dict[str, str] | None) -> None:
            if said is not None:
                self.do(
                    "deal",
                    make,
                    said,
                    said=f"Opened {said['title']}, with a draft at {money_text(package.price)}.",
                    then=lambda found: self.console.open_thing("deal", found.row.id, found.row.title),
                )

        self.app.push_screen(Form("New deal with this package", fields, words="open it after the last"), filled)


def document_of(package: Package) -> dict[str, Any]:
    """The package as a draft takes it."""
    return {
        "brief": package.brief.title,
        "picks": [
            {
                "creator_id": str(pick.creator_id), "creator": pick.creator, "price_basis": pick.price_basis,
                "price": {"minor": pick.price.minor, "currency": pick.price.currency},
            }
            for pick in package.picks
        ],
    }  # fmt: skip


def sum_lines(package: Package) -> list[Cell]:
    """What the set costs and reaches, and what is proven of it."""
    proof = "proven" if package.proven else "as near as was proven in the time"
    assumed = sum(pick.price_basis != "rate card" for pick in package.picks)
    about = f"{glyphs.ABOUT} " if assumed else ""
    return [
        Cell((("Price    ", "soft"), (f"{about}{money_text(package.price)}", "ink-bold"),
              (f" of {money_text(package.budget)}", "soft"))),
        Cell((("Reach    ", "soft"), (f"{glyphs.ABOUT} {short(package.reach)} people", "ink-bold"),
              (f", no set reaches over {short(package.bound)}", "soft"))),
        Cell((("Gap      ", "soft"), (f"{100 * package.gap:.2f} %", "ink"), (f", {proof}", "soft"))),
        Cell((("From     ", "soft"), (f"{package.candidates:,} of {package.considered:,} creators", "ink"),
              (f", mean fit {100 * package.mean_score:.0f}", "soft"))),
    ]  # fmt: skip


def basis_lines(package: Package) -> list[Cell]:
    """Who could not be picked, and what the figures rest on."""
    lines = [cell("Left out", "faint")] if package.excluded else []
    lines += [cell(f"{one.count:>6,}  {one.reason}", "soft") for one in package.excluded]
    return [*lines, BLANK, cell("Rests on", "faint"), *(cell(said, "soft") for said in package.assumptions)]


def _price(pick: Pick) -> Cell:
    if pick.price_basis == "rate card":
        return money(pick.price)
    return Cell(((f"{glyphs.ABOUT} {money_text(pick.price)}", "ink"),), "assumed from views: no rate is known")


def _money(said: str, currency: str) -> Money | None:
    from engagerr.core.money import Money

    if not said.strip():
        return None
    amount, _, named = said.strip().partition(" ")
    return Money.parse(amount, named.strip().upper() or currency)


def _money_wrong(currency: str) -> Callable[[str], str | None]:
    def wrong(said: str) -> str | None:
        try:
            _money(said, currency)
        except EngagerrError as error:
            return error.message
        return None

    return wrong


def _count_wrong(said: str) -> str | None:
    return None if said.strip().isdigit() else "A whole number."


def _text(lines: Sequence[Cell]) -> Any:
    from textual.content import Content

    return Content("\n").join(written(line.parts) for line in lines)


__all__ = ["PackageView", "basis_lines", "document_of", "sum_lines"]
