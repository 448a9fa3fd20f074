"""What can be done in a deal now: its offers, its contract, its pieces, its money. The core has the last word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.money_verbs import approve_verb, fund_verb, refund_verb, reject_verb, release_verb
from engagerr.tui.rights import refused_for
from engagerr.tui.screens import contract_verbs, offer_verbs, piece_verbs
from engagerr.tui.screens.deal_moves import move_deal, take_step, when_said
from engagerr.tui.widgets.dialogs import Ask, Choice, Field, Form, Sheet
from engagerr.tui.writing import cell, money_text

if TYPE_CHECKING:
    from engagerr.core.deals.delivery.deliverables import DeliverableDetail
    from engagerr.core.desk.deal import DealView
    from engagerr.core.payments.held.held_money import HoldPage
    from engagerr.tui.page import Page

Verb = tuple[str, str, Callable[[], Any], str | None, bool]
_LETTERS = "abcdefghilmnopqrstuvwyz0123456789"


def choices_of(verbs: Sequence[Verb]) -> list[Choice[Callable[[], Any]]]:
    """The verbs as a menu; a letter that is taken gives way to the next one that is free in the words, then at all."""
    taken: set[str] = set()
    choices = []
    for key, words, run, refused, danger in verbs:
        letters = [key, *(letter for letter in words.casefold() if letter in _LETTERS), *_LETTERS]
        # `j` and `k` move in the menu, and the key that opens it chooses nothing in it.
        free = next(letter for letter in letters if letter not in taken and letter not in "jkx")
        taken.add(free)
        choices.append(Choice(free, words, run, refused=refused, danger=danger))
    return choices


def deal_verbs(
    page: Page, view: DealView, piece: DeliverableDetail | None, hold: HoldPage | None
) -> list[Choice[Callable[[], Any]]]:
    """All verbs of a deal as it stands: those of the piece and the money under the cursor first."""
    verbs: list[Verb] = []
    if piece is not None:
        verbs += piece_verbs.verbs(page, view, piece)
    verbs += offer_verbs.verbs(page, view)
    verbs += contract_verbs.verbs(page, view)
    verbs += money_verbs_of(page, view, hold)
    verbs += whole_deal(page, view)
    return choices_of(verbs)


def money_verbs_of(page: Page, view: DealView, hold: HoldPage | None) -> list[Verb]:
    """Fund, release, refund, approve, reject: for the hold under the cursor, else the first that waits for one."""
    held = hold or _pressing(view.holds.value or ())
    if view.holds.hidden:
        has = [one for one in view.milestones.value or () if one.hold_id is not None]
        return (
            [("r", "release, refund", lambda: None, refused_for(page.desk, Permission.RELEASE), False)] if has else []
        )
    if held is None:
        return []
    row = held.hold
    of = f" of {row.title}" if len(view.holds.value or ()) > 1 else ""
    release, fund = refused_for(page.desk, Permission.RELEASE), refused_for(page.desk, Permission.FUND)
    approve = refused_for(page.desk, Permission.APPROVE_RELEASE)
    verbs: list[Verb] = []
    for move in held.movements:
        if move.state != "requested":
            continue
        asked_myself = move.requested_by_id == page.desk.member.id
        own = "You asked for it yourself; somebody else approves it." if asked_myself else None
        words = f"the {move.kind} of {money_text(move.amount)}"
        verbs.append(("y", f"approve {words} …", partial(approve_verb, page, move), approve or own, False))
        verbs.append(("n", f"reject {words} …", partial(reject_verb, page, move), approve, False))
    if row.state in ("agreed", "funded") and row.funded < row.agreed:
        lacks = money_text(row.agreed - row.funded)
        verbs.append(("f", f"have {lacks} paid{of} …", lambda: fund_verb(page, held), fund, False))
    if held.available:
        blocked = row.blocks[0].reason if row.blocks else None
        amount = money_text(held.available)
        verbs += [
            ("r", f"release {amount}{of} …", lambda: release_verb(page, held), release or blocked, False),
            ("p", f"release a part{of} …", lambda: release_verb(page, held, part=True), release or blocked, False),
            ("b", f"refund {amount}{of} …", lambda: refund_verb(page, held), release, True),
        ]
        verbs.append(_stop_verb(page, held, approve))
    return verbs


def whole_deal(page: Page, view: DealView) -> list[Verb]:
    """Another stage, what it is about, the other side, its end."""
    deal = view.page
    edit = refused_for(page.desk, Permission.EDIT_DEALS)
    kept = None if deal.row.kept_by(page.desk.tenant.id) else f"{deal.row.keeper} keeps this deal."
    verbs: list[Verb] = [
        ("m", "move to another stage …", lambda: move_deal(page, deal.row.id), edit, False),
        ("e", "change what it is about …", lambda: edit_deal(page, view), edit, False),
    ]
    if deal.row.alone and deal.row.closed_from is None and deal.row.stage != "paid":
        verbs.append(("j", "let the other side in by a code …", lambda: share(page, view), edit or kept, False))
    for end in ("declined", "cancelled"):
        if end in deal.nexts:
            words = "decline the deal …" if end == "declined" else "cancel the deal …"
            verbs.append(("z", words, partial(take_step, page, deal, end), edit, True))
    return verbs


def edit_deal(page: Page, view: DealView) -> None:
    """Title, brand and mail (of who keeps it), and what one's own side expects and notes."""
    deal = view.page
    kept = deal.row.kept_by(page.desk.tenant.id)
    expected = "" if deal.own.expected is None else str(deal.own.expected.amount)
    fields = [
        Field("expected", f"What you expect of it, in {deal.row.currency}; only you read it", value=expected,
              check=offer_verbs.amount_or_nothing),
        Field("note", "A note for your own people", value=deal.own.note or ""),
    ]  # fmt: skip
    if kept:
        fields = [
            Field("title", "Title", value=deal.row.title), Field("brand", "Brand", value=deal.row.brand),
            Field("mail", "Mail of the brand", value=deal.row.brand_email or ""),
            Field("creators", "Creators to add, with commas between"), *fields,
        ]  # fmt: skip

    def said(typed: dict[str, str] | None) -> None:
        if typed is None:
            return
        from engagerr.core.deals.pipeline.deal_writing import Changes

        def changed(name: str, now: str | None) -> str | None:
            words = typed.get(name)
            return None if words is None or words == (now or "") else words

        def changes() -> Changes:
            amount = offer_verbs.money_said(typed["expected"], deal.row.currency)
            return Changes(
                title=changed("title", deal.row.title), brand=changed("brand", deal.row.brand),
                brand_email=changed("mail", deal.row.brand_email), note=changed("note", deal.own.note),
                expected=None if typed["expected"] == expected else amount,
                add_creators=tuple(name.strip() for name in typed.get("creators", "").split(",") if name.strip()),
            )  # fmt: skip

        page.do(f"deal:{deal.row.id}", lambda: page.desk.deals.edit(deal.row.id, changes()), said="Changed.")

    page.app.push_screen(Form(f"What “{deal.row.title}” is about", fields), said)


def share(page: Page, view: DealView) -> None:
    """A code with which the other side's workspace joins, once; it is shown this one time."""

    def made(code: Any) -> None:
        page.app.push_screen(
            Sheet(
                "The code of this deal, once",
                [cell(code.code, "accent"), cell(""), cell(f"Good until {code.expires_at:%Y-%m-%d %H:%M} UTC. It is not"
                                                           " shown again.", "soft"),
                 cell("They type: engagerr deal join CODE", "soft")],
            )
        )  # fmt: skip
        page.read_now()

    page.do("deal:share", lambda: page.desk.deals.share(view.page.row.id), then=made)


def _stop_verb(page: Page, held: HoldPage, refused: str | None) -> Verb:
    manual = next((one for one in held.hold.blocks if one.kind == "manual"), None)
    holds = page.desk.payments.holds

    def ask(title: str, run: Callable[[str], Any], words: str) -> None:
        page.app.push_screen(
            Ask(title, label="Why; it is kept.", words=words, check=lambda said: None if said.strip() else "Say why."),
            when_said(page, "hold:stop", lambda said: run(said.strip()), said=f"{title}: done."),
        )  # fmt: skip

    if manual is not None:
        title = "Let it be released again"
        return ("u", "let it be released again …",
                lambda: ask(title, lambda said: holds.unblock(held.hold.id, reason=said), "let it"),
                refused, False)  # fmt: skip
    return ("s", "stop its release by hand …",
            lambda: ask("Stop the release", lambda said: holds.block(held.hold.id, reason=said), "stop it"), refused,
            False)  # fmt: skip


def _pressing(holds: Sequence[HoldPage]) -> HoldPage | None:
    """The hold that something waits for: a second person, a release, a payment."""
    waits = [one for one in holds if any(move.state == "requested" for move in one.movements)]
    held = [one for one in holds if one.available]
    unpaid = [one for one in holds if one.hold.state in ("agreed", "funded") and one.hold.funded < one.hold.agreed]
    return next(iter([*waits, *held, *unpaid]), None)
