"""Verbs on deals that the list and the page of one share: a new one, another stage, an end, an owner, a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.widgets import Static

from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.rights import refused_for
from engagerr.tui.widgets.deal_cells import stage_words
from engagerr.tui.widgets.dialogs import Ask, Choice, Field, Form, Menu, written
from engagerr.tui.writing import Cell, cell, plain

if TYPE_CHECKING:
    from uuid import UUID

    from engagerr.core.deals.pipeline.criteria import Check
    from engagerr.core.deals.pipeline.deal_pages import DealPage
    from engagerr.tui.page import Page

# The way of a deal that goes well, and how it ends otherwise, as the core has them.
LINE = ("enquiry", "proposed", "negotiating", "contracted", "in_production", "submitted", "approved", "live", "paid")
CLOSED = ("declined", "cancelled")
_NAMED = 3


class MoveMenu(Menu):
    """Where a deal can go from here, with what it takes to go on: what is met, and what is missing."""

    def __init__(self, title: str, checks: Sequence[Check], choices: Sequence[Choice[Any]]) -> None:
        super().__init__(title, choices)
        self.checks = checks

    def body(self) -> ComposeResult:
        """The criteria between the title and the choices."""
        yield Static(written([(self.menu_title, "ink-bold")]), classes="dialog-title")
        for check in self.checks:
            for line in check_lines(check):
                yield Static(written(line.parts))
        if self.checks:
            yield Static("", classes="space")
        yield Static(id="choices")
        yield Static(written([("esc", "accent"), (" leave it where it is", "faint")]), classes="dialog-keys")


def check_lines(check: Check) -> list[Cell]:
    """An exit criterion: `✓`, `✕` or `?` and its sentence, with what is there or lacking."""
    sign, token = {
        True: (glyphs.DONE, "good"), False: (glyphs.FAILED, "attention"), None: (glyphs.QUESTION, "unknown"),
    }[check.met]  # fmt: skip
    detail = f" ({check.detail})" if check.detail else ""
    return [Cell(((f"{sign} ", token), (f"{check.sentence}{detail}", "soft" if check.met else "ink")))]


def move_deal(page: Page, deal_id: UUID, *, then: Callable[[Any], None] | None = None) -> None:
    """Ask the core where the deal can go, show it with what is missing, and take the step that is chosen."""
    if (refused := refused_for(page.desk, Permission.EDIT_DEALS)) is not None:
        page.console.say(refused, mood="attention")
        return

    def opened(deal: DealPage) -> None:
        menu = MoveMenu(
            f"{deal.row.title} is {deal.row.stage.replace('_', ' ')}", deal.checks, stage_choices(deal)
        )  # fmt: skip
        page.app.push_screen(menu, lambda to: None if to is None else take_step(page, deal, to, then=then))

    page.do("deal:stages", lambda: page.desk.deals.show(deal_id), then=opened)


def stage_choices(deal: DealPage) -> list[Choice[str]]:
    """The stages that one step leads to. What the core refuses for want of something stands there as refused."""
    choices = []
    for number, stage in enumerate(deal.nexts, start=1):
        onwards = _is_onwards(deal.row.stage, stage)
        missing = len(deal.missing) if onwards else 0
        lacking = None
        if missing:
            lacking = f"lacks {missing} of {len(deal.checks)}: see above"
        words = (
            stage_words(stage) if stage not in CLOSED else {"declined": "Decline it", "cancelled": "Cancel it"}[stage]
        )
        if not onwards and stage not in CLOSED:
            words = f"{'Reopen: ' if deal.row.closed_from else 'Back to '}{words.lower()}"
        choices.append(Choice(str(number), words, stage, refused=lacking, danger=stage in CLOSED))
    return choices


def take_step(page: Page, deal: DealPage, to: str, *, then: Callable[[Any], None] | None = None) -> None:
    """Take a deal to a stage; a step back, an end and a reopening ask for the reason, which both sides read."""
    before, title, deal_id = deal.row.stage, deal.row.title, deal.row.id
    words = to.replace("_", " ")

    def run(reason: str | None) -> None:
        deals = page.desk.deals

        def step() -> DealPage:
            if deal.row.closed_from:
                return deals.reopen(deal_id, reason=reason or "")
            if to in CLOSED:
                end = deals.decline if to == "declined" else deals.cancel
                return end(deal_id, reason=reason or "")
            return deals.move(deal_id, to, reason=reason)

        def moved(after: DealPage) -> None:
            if before in after.nexts:
                page.console.remember_undo(
                    f"step of “{title}” to {words}", lambda: deals.move(deal_id, before, reason="taken back")
                )
            (then or (lambda _after: page.read_now()))(after)

        page.do(f"deal:{deal_id}", step, said=f"{title} is {words}.", then=moved)

    if _is_onwards(before, to):
        run(None)
        return
    ask_reason(page, f"{title}: {words}", run, words=words)


def when_said(
    page: Page, topic: str, call: Callable[[Any], Any], *, said: Callable[[Any], str] | str | None = None,
    then: Callable[[Any], None] | None = None,
) -> Callable[[Any], None]:  # fmt: skip
    """What a dialog calls with its answer: the verb is run with it; without an answer, nothing is."""

    def answered(answer: Any) -> None:
        if answer:
            page.do(topic, call, answer, said=said, then=then)

    return answered


def ask_reason(page: Page, title: str, then: Callable[[str], Any], *, words: str = "keep it") -> None:
    """Ask why; what is answered is never empty."""
    page.app.push_screen(
        Ask(title, label="Why? Both sides read it, and the trail of the deal keeps it.", words=words,
            check=lambda said: None if said.strip() else "Say it in a few words."),
        lambda said: None if not said else then(said.strip()),
    )  # fmt: skip


def close_many(page: Page, deals: Sequence[tuple[UUID, str]], how: str, done: Callable[[], None]) -> None:
    """Decline or cancel several deals for one reason; each by itself, so that one that is refused stops no other."""

    def run(reason: str) -> None:
        def close() -> list[str]:
            refused = []
            for deal_id, title in deals:
                try:
                    end = page.desk.deals.decline if how == "decline" else page.desk.deals.cancel
                    end(deal_id, reason=reason)
                except EngagerrError as error:
                    refused.append(f"{title}: {error.message}")
            return refused

        def said(refused: list[str]) -> str:
            closed = len(deals) - len(refused)
            verb = "Declined" if how == "decline" else "Cancelled"
            tail = f" Not done: {' '.join(refused[:_NAMED])}" if refused else ""
            return f"{verb} {closed} of {len(deals)}.{tail}"

        def ended(_refused: list[str]) -> None:
            done()
            page.read_now()

        page.do("deals:close", close, said=said, then=ended)

    verb = "Decline" if how == "decline" else "Cancel"
    ask_reason(page, f"{verb} {named(deals)}", run, words=how)


def named(deals: Sequence[tuple[UUID, str]]) -> str:
    """`“A”`, or `5 deals: A, B, C and 2 more`."""
    titles = [title for _, title in deals]
    if len(titles) == 1:
        return f"“{titles[0]}”"
    more = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
    return f"{len(titles)} deals: {', '.join(titles[:_NAMED])}{more}"


def assign_deals(page: Page, deals: Sequence[tuple[UUID, str]], owners: Sequence[str | None]) -> None:
    """Say who of this workspace looks after the deals; it can be undone."""
    if (refused := refused_for(page.desk, Permission.EDIT_DEALS)) is not None:
        page.console.say(refused, mood="attention")
        return

    def opened(members: Any) -> None:
        people = [one for one in members if getattr(one, "removed_at", None) is None][:9]
        choices = [
            Choice(str(at), one.name or one.email, one.email or one.name) for at, one in enumerate(people, start=1)
        ]
        menu = Menu(f"Who looks after {named(deals)}", [*choices, Choice("0", "nobody", "")])
        page.app.push_screen(menu, lambda who: None if who is None else give(who))

    def give(who: str) -> None:
        from engagerr.core.deals.pipeline.deal_writing import Changes

        def write(to: Sequence[str | None]) -> None:
            for (deal_id, _), owner in zip(deals, to, strict=True):
                page.desk.deals.edit(deal_id, Changes(owner=owner or ""))

        page.console.remember_undo(f"owner of {named(deals)}", lambda: write(owners))
        whom = who or "nobody"
        page.do("deals:owner", lambda: write([who] * len(deals)), said=f"{named(deals)}: {whom} looks after it.")

    page.do("deals:members", page.desk.members.list, then=opened)


def new_deal(page: Page, *, then: Callable[[Any], None]) -> None:
    """A form for a new deal; it begins as an enquiry."""
    if (refused := refused_for(page.desk, Permission.EDIT_DEALS)) is not None:
        page.console.say(refused, mood="attention")
        return
    currency = page.desk.access.settings.payments.currency

    def made(said: dict[str, str] | None) -> None:
        if said is None:
            return
        from engagerr.core.deals.pipeline.deals import NewDeal

        expected = amount_said(said["expected"])
        new = NewDeal(
            said["title"], brand=said["brand"] or None, brand_email=said["mail"] or None,
            creators=tuple(name.strip() for name in said["creators"].split(",") if name.strip()),
            currency=(said["currency"] or currency).upper(), expected=expected,
        )  # fmt: skip
        page.do("deal:new", lambda: page.desk.deals.add(new), said=f"{said['title']} is an enquiry.", then=then)

    page.app.push_screen(
        Form(
            "A new deal",
            [
                Field("title", "Title", placeholder="Trail shoes, spring", check=_needed),
                Field("brand", "Brand", placeholder="Alpenpfad", check=_needed),
                Field("mail", "Mail of the brand, for offers", placeholder="mara@alpenpfad.example"),
                Field("creators", "Creators, with commas between", placeholder="Jonna Brenner"),
                Field("currency", "Currency", value=currency, check=_currency),
                Field("expected", "What you expect of it; only you read it", placeholder="4000", check=_amount),
            ],
            words="open the deal",
        ),
        made,
    )


def amount_said(words: str) -> Decimal | None:
    """`4,000.50` as a number; None for nothing. `InvalidInput` for anything else."""
    said = plain(words).strip().replace(",", "").replace(" ", "")
    if not said:
        return None
    try:
        amount = Decimal(said)
    except InvalidOperation as error:
        raise InvalidInput(f"{words!r} is no amount.", hint="Write it like 4000 or 4,000.50.") from error
    if not amount.is_finite() or amount < 0:
        raise InvalidInput(f"{words!r} is no amount.", hint="Write it like 4000 or 4,000.50.")
    return amount


def ask_path(page: Page, title: str, name: str, write: Callable[[str], Path]) -> None:
    """Ask for a path, write there on a thread, and say where the file is."""
    page.app.push_screen(
        Ask(title, label="Where to; a file that is there is not replaced.", value=name, words="write it"),
        when_said(page, "file", write, said=lambda done: f"Written: {done}", then=lambda _done: None),
    )


def plain_lines(words: str, width: int, token: str = "ink") -> list[Cell]:
    """A sentence over as many lines as it takes."""
    import textwrap

    return [cell(line, token) for line in textwrap.wrap(plain(words), width)]


def _is_onwards(before: str, to: str) -> bool:
    return before in LINE and to in LINE and LINE.index(to) > LINE.index(before)


def _needed(said: str) -> str | None:
    return None if said.strip() else "This is needed."


def _currency(said: str) -> str | None:
    fine = len(said.strip()) == 3 and said.strip().isalpha()
    return None if fine else "Three letters, such as EUR."


def _amount(said: str) -> str | None:
    try:
        amount_said(said)
    except InvalidInput as error:
        return error.message
    return None
