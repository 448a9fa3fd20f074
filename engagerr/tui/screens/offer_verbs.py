"""Verbs on the offers of a deal: a draft and its lines, sending it, the answers of either side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import InvalidInput
from engagerr.core.money import Money
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.deal_moves import amount_said, ask_reason, when_said
from engagerr.tui.widgets.dialogs import Confirm, Field, Form
from engagerr.tui.writing import money_text

if TYPE_CHECKING:
    from engagerr.core.deals.offering.offers import Proposal
    from engagerr.core.desk.deal import DealView
    from engagerr.tui.page import Page

Verb = tuple[str, str, Callable[[], Any], str | None, bool]
_OFFERING = ("enquiry", "proposed", "negotiating")


def verbs(page: Page, view: DealView) -> list[Verb]:
    """What can be done with the offers as they stand."""
    deal = view.page
    if deal.row.stage not in _OFFERING:
        return []
    refused = refused_for(page.desk, Permission.EDIT_DEALS)
    found = _draft_verbs(page, view, refused)
    standing = next((one for one in deal.offers if one.state in ("sent", "accepted")), None)
    if standing is None:
        return found
    if standing.state == "sent" and standing.mine:
        brand = deal.row.brand
        if deal.row.alone:
            found += [
                ("y", f"{brand} said yes to offer {standing.version} …", lambda: accept(page, view, theirs=True),
                 refused, False),
                ("c", f"{brand} wants it otherwise …", lambda: counter(page, view, standing, theirs=True), refused,
                 False),
                ("n", f"{brand} said no …", lambda: decline(page, view, theirs=True), refused, False),
            ]  # fmt: skip
        found.append(("w", "take the offer back …", lambda: withdraw(page, view), refused, True))
    elif standing.state == "sent":
        found += [
            ("y", f"say yes to offer {standing.version} …", lambda: accept(page, view, theirs=False), refused, False),
            ("c", "answer with another offer …", lambda: counter(page, view, standing, theirs=False), refused, False),
            ("n", "say no to the offer …", lambda: decline(page, view, theirs=False), refused, False),
        ]
    elif not _bound(view):
        found.append(("w", "give the accepted offer up …", lambda: withdraw(page, view), refused, True))
    return found


def _bound(view: DealView) -> bool:
    return any(one.contract.state in ("draft", "sent", "signed") for one in view.papers.value or ())


def _draft_verbs(page: Page, view: DealView, refused: str | None) -> list[Verb]:
    deal_id = view.page.row.id
    found: list[Verb] = []
    if view.draft is not None:
        found += [
            ("s", f"send the offer of {money_text(view.draft.total)} …", lambda: send(page, view), refused, False),
            ("l", "add a line to the draft …", lambda: add_line(page, view), refused, False),
            ("i", "change a line of the draft …", lambda: change_line(page, view), refused, False),
            ("t", "throw the draft away …", lambda: discard(page, view), refused, True),
        ]
        return found
    if not any(one.state in ("sent", "accepted") for one in view.page.offers):
        creators = bool(view.page.creators)
        none = None if creators else "No creator is named yet."
        found.append(
            ("d", "draft an offer of rate cards",
             lambda: page.do("offer", lambda: page.desk.proposals.draft(deal_id), said="Drafted; nobody else sees it."),
             refused or none, False)
        )  # fmt: skip
        found.append(("l", "draft an offer, line by line …", lambda: add_line(page, view), refused or none, False))
    return found


def send(page: Page, view: DealView) -> None:
    """Send the draft, with a word and for so many days."""
    deal = view.page.row

    def sent(said: dict[str, str] | None) -> None:
        if said is None:
            return
        days = int(said["days"]) if said["days"] else None
        message, despite = said["message"] or None, said["despite"] or None
        page.do(
            "offer",
            lambda: page.desk.proposals.send(deal.id, message=message, valid_days=days, despite=despite),
            said=lambda offer: f"Offer {offer.version} of {money_text(offer.total)} was sent to {deal.brand}.",
        )

    fields = [
        Field("message", "A word with it", placeholder="As we spoke."),
        Field("days", "Days that it is valid", value="14", check=_days),
        Field("despite", "Why, if it goes beyond your own limit; only you read it"),
    ]
    page.app.push_screen(Form(f"Send the offer to {deal.brand}", fields, words="send it"), sent)


def add_line(page: Page, view: DealView) -> None:
    """A further line; without a draft, one is begun."""
    row, creators = view.page.row, view.page.creators

    def added(said: dict[str, str] | None) -> None:
        if said is None:
            return
        from engagerr.core.deals.offering.line_items import Wanted

        def add() -> Proposal:
            price, pieces = money_said(said["price"], row.currency), int(said["pieces"] or 1)
            what, due = said["what"].replace(" ", "_"), day_said(said["due"])
            return page.desk.proposals.add_line(row.id, Wanted(said["creator"], what, price, pieces, due_on=due))

        page.do("offer", add, said="Added to the draft.")

    fields = [
        Field("creator", "Creator", value=creators[0] if creators else "", check=_needed),
        Field("what", "What", placeholder="youtube_integration, instagram_reel, instagram_story", check=_needed),
        Field("price", f"Price of one piece, in {row.currency}; else the rate card's", check=amount_or_nothing),
        Field("pieces", "Pieces", value="1", check=_count),
        Field("due", "Has to be up until", placeholder="2027-03-15", check=_day),
    ]
    page.app.push_screen(Form(f"A line of the offer to {row.brand}", fields, words="add it"), added)


def change_line(page: Page, view: DealView) -> None:
    """Another price, number or day of a line; with 0 pieces the line goes."""
    draft, row = view.draft, view.page.row
    if draft is None:
        return
    refs = [line.ref for line in draft.document.lines]

    def changed(said: dict[str, str] | None) -> None:
        if said is None:
            return
        from engagerr.core.deals.offering.drafting import LineEdit

        ref, deals = said["ref"], page.desk.proposals
        if said["pieces"] == "0":
            page.do("offer", lambda: deals.remove_line(row.id, ref), said=f"Line {ref} is gone.")
            return

        def change() -> Proposal:
            pieces = int(said["pieces"]) if said["pieces"] else None
            edit = LineEdit(money_said(said["price"], row.currency), pieces, day_said(said["due"]))
            return deals.set_line(row.id, ref, edit)

        page.do("offer", change, said=f"Line {ref} is changed.")

    fields = [
        Field("ref", f"Line: {', '.join(refs) or 'none yet'}", value=refs[0] if refs else "",
              check=lambda said: None if said in refs else f"One of {', '.join(refs)}."),
        Field("price", f"Price of one piece, in {row.currency}", check=amount_or_nothing),
        Field("pieces", "Pieces; 0 takes the line out", check=_count),
        Field("due", "Has to be up until", placeholder="2027-03-15", check=_day),
    ]  # fmt: skip
    page.app.push_screen(Form("Change a line; what stays empty stays as it is", fields), changed)


def counter(page: Page, view: DealView, offer: Proposal, *, theirs: bool) -> None:
    """Answer an offer with one that differs: line by line, `1=2800, 2=300`."""
    row = view.page.row
    lines = ", ".join(
        f"{line.ref} {line.deliverable.replace('_', ' ')} {money_text(Money(line.unit_minor, offer.document.currency))}"
        for line in offer.document.lines
    )

    def check(said: str) -> str | None:
        try:
            found = prices_said(said, row.currency)
        except InvalidInput as error:
            return f"{error.message} {error.hint}"
        unknown = [ref for ref in found if ref not in {line.ref for line in offer.document.lines}]
        return f"There is no line {unknown[0]}." if unknown else None if found else "Say at least one price."

    def answered(said: dict[str, str] | None) -> None:
        if said is None:
            return
        from engagerr.core.deals.offering.drafting import Counter, LineEdit, TermsEdit

        prices = prices_said(said["prices"], row.currency)
        edits = {ref: LineEdit(price=price) for ref, price in prices.items()}
        wanted = Counter(edits=edits, terms=TermsEdit(message=said["message"] or None))
        page.do(
            "offer", lambda: page.desk.proposals.counter(row.id, wanted, theirs=theirs),
            said=lambda made: f"Offer {made.version} of {money_text(made.total)} answers offer {offer.version}.",
        )  # fmt: skip

    whose = f"What {row.brand} wants" if theirs else "Your answer"
    page.app.push_screen(
        Form(
            f"{whose}, instead of offer {offer.version}",
            [Field("prices", f"Lines: {lines}", placeholder="1=2800, 2=300", check=check),
             Field("message", "A word with it")],
            words="put it down" if theirs else "send it",
        ),
        answered,
    )  # fmt: skip


def accept(page: Page, view: DealView, *, theirs: bool) -> None:
    """Say yes, or put down that an outside brand did; it can be given up until there is a contract."""
    row = view.page.row
    offer = next(one for one in view.page.offers if one.state == "sent")
    who = f"{row.brand} agreed" if theirs else "You agree"
    lines = [f"{who} to offer {offer.version}: {money_text(offer.total)}.", "The contract is drafted from it."]
    page.app.push_screen(
        Confirm(f"Offer {offer.version} is accepted", lines, key="a", words="accept it", keep="leave it open"),
        when_said(page, "offer", lambda _yes: page.desk.proposals.accept(row.id, theirs=theirs),
                  said=f"Agreed on {money_text(offer.total)}. Draft the contract next."),
    )  # fmt: skip


def decline(page: Page, view: DealView, *, theirs: bool) -> None:
    """Say no to the open offer; the deal goes on."""
    deal_id = view.page.row.id
    ask_reason(
        page, "No to the offer",
        lambda why: page.do("offer", lambda: page.desk.proposals.decline(deal_id, reason=why, theirs=theirs),
                            said="The offer is declined; the deal goes on."),
        words="say no",
    )  # fmt: skip


def withdraw(page: Page, view: DealView) -> None:
    """Take the open offer back, or give the accepted one up."""
    deal_id = view.page.row.id
    ask_reason(
        page, "Take the offer back",
        lambda why: page.do("offer", lambda: page.desk.proposals.withdraw(deal_id, reason=why),
                            said="The offer is taken back."),
        words="take it back",
    )  # fmt: skip


def discard(page: Page, view: DealView) -> None:
    """Throw the draft away; nobody else has seen it."""
    deal_id = view.page.row.id
    page.app.push_screen(
        Confirm("Throw the draft away", ["Nobody else has seen it. It cannot be brought back."], key="d",
                words="throw it away", keep="keep it"),
        when_said(page, "offer", lambda _yes: page.desk.proposals.discard(deal_id), said="The draft is gone."),
    )  # fmt: skip


# As typed.


def money_said(words: str, currency: str) -> Money | None:
    """An amount of the deal's currency; None for nothing."""
    amount = amount_said(words)
    return None if amount is None else Money.parse(amount, currency)


def amount_or_nothing(words: str) -> str | None:
    """What is wrong with an amount, or None."""
    try:
        amount_said(words)
    except InvalidInput as error:
        return error.message
    return None


def prices_said(words: str, currency: str) -> dict[str, Money]:
    """`1=2800, 2=300` as prices by line."""
    found: dict[str, Money] = {}
    for part in words.replace(";", ",").split(", "):
        ref, equals, price = part.strip().strip(",").partition("=")
        if not part.strip(" ,"):
            continue
        amount = money_said(price, currency)
        if not equals or not ref.strip() or amount is None:
            raise InvalidInput(f"{part.strip()!r} says no price of a line.", hint="Write it like 1=2800, 2=300.")
        found[ref.strip()] = amount
    return found


def day_said(words: str) -> date | None:
    """A day as 2027-03-15; None for nothing."""
    try:
        return date.fromisoformat(words.strip()) if words.strip() else None
    except ValueError as error:
        raise InvalidInput(f"{words!r} is no day.", hint="Write it as 2027-03-15.") from error


def _day(words: str) -> str | None:
    try:
        day_said(words)
    except InvalidInput as error:
        return f"{error.message} {error.hint}"
    return None


def _needed(words: str) -> str | None:
    return None if words.strip() else "This is needed."


def _count(words: str) -> str | None:
    return None if not words.strip() or words.strip().isdecimal() else "A whole number."


def _days(words: str) -> str | None:
    fine = not words or (words.isdecimal() and 1 <= int(words) <= 365)
    return None if fine else "1 to 365 days."
