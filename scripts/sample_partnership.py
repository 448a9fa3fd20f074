"""The partnerships of the sample workspace: one paid in part, one signed, one being negotiated, one just asked for.

Beside them a brand that subscribes to a plan, an invoice, and a brief. Made through the same verbs as anybody's, with
the sandbox of the home as payment provider. Running it again makes what is still missing, and changes nothing else.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from engagerr import Engagerr, Money, Workspace
from engagerr.core.deals.contracting.signing import Signer
from engagerr.core.deals.offering.drafting import Counter, LineEdit
from engagerr.core.deals.offering.line_items import Wanted
from engagerr.core.deals.pipeline.deals import NewDeal
from engagerr.core.errors import EngagerrError, InvalidInput, NotFound
from engagerr.core.payments.billing.invoice_lines import LineDraft
from engagerr.core.payments.billing.invoice_parties import PartyDetails

BRAND, BRAND_MAIL = "Alpenpfad", "mara@alpenpfad.example"
BILLED, PLAN = "Alpenpfad GmbH", "brand-desk"
CREATOR = "Jonna Brenner"
DEAL = "Trail shoes, spring"
BRIEF = "Fjellzahn: launch of the Kamm 3"


def fill(work: Workspace) -> bool:
    """Make what is not there yet; False where all of it is.

    Raises:
        InvalidInput: this home has a payment provider of its own.
    """
    payments = work.access.settings.payments
    if payments.secret_key() is not None or payments.stripe_url is not None:
        raise InvalidInput(
            "The sample's money moves in the sandbox only, and here a payment provider is set.",
            hint="Take the Stripe key and stripe_url out of the settings and the environment of this home.",
        )
    today = work.access.clock.now().date()
    offers = ((DEAL, "youtube_integration", "900.00", 60), ("Autumn jackets", "instagram_reel", "600.00", 90),
              ("Winter gloves", "instagram_story", "350.00", 30))  # fmt: skip
    made = [_offer(work, title, *what, until=today + timedelta(days=days)) for title, *what, days in offers]
    made += [_sign(work, DEAL), _pay(work), _sign(work, "Autumn jackets"), _counter(work, "Winter gloves")]
    made.append(_ask(work, "Camp kitchen, summer"))
    made += [_subscribe(work), _bill(work), _look_for(work)]
    return any(made)


def _look_for(work: Workspace) -> bool:
    """The brief of a brand, kept: the console opens it."""
    from engagerr.core.matching.brief_file import read_brief

    if any(row.title == BRIEF for row in work.briefs.list()):
        return False
    said = read_brief(Path(__file__).parent / "sample_data" / "brief-trail-running.json")
    work.briefs.add(replace(said, title=BRIEF))
    return True


def _stage(work: Workspace, title: str) -> str | None:
    try:
        return work.deals.show(title).row.stage
    except NotFound:
        return None


def _offer(work: Workspace, title: str, deliverable: str, price: str, *, until: date) -> bool:
    stage = _stage(work, title)
    if stage is None:
        work.deals.add(
            NewDeal(title, brand=BRAND, brand_email=BRAND_MAIL, creators=(CREATOR,), currency="EUR",
                    expected=Money.parse(price, "EUR"))
        )  # fmt: skip
        work.proposals.add_line(title, Wanted(CREATOR, deliverable, price=Money.parse(price, "EUR"), due_on=until))
    if stage in (None, "enquiry"):
        work.proposals.send(title)
    return stage in (None, "enquiry")


def _counter(work: Workspace, title: str) -> bool:
    """The brand would have it for less: it is our turn."""
    if _stage(work, title) != "proposed":
        return False
    change = LineEdit(price=Money.parse("300.00", "EUR"))
    work.proposals.counter(title, Counter(edits={"1": change}), theirs=True)
    return True


def _ask(work: Workspace, title: str) -> bool:
    """An enquiry of a brand of whom no mail address is known: it cannot go on."""
    if _stage(work, title) is not None:
        return False
    work.deals.add(NewDeal(title, brand="Herdwerk", creators=(CREATOR,)))
    return True


def _sign(work: Workspace, title: str) -> bool:
    if _stage(work, title) != "proposed":
        return False
    work.proposals.accept(title, theirs=True)
    work.contracts.draft(title, commission_rate=Decimal("0.15"), law="Germany")
    sent = work.contracts.send(title)
    assert sent.code is not None
    work.contracts.sign(title, Signer("Ann Berg", "ann@northlight.example", title="Managing Director"))
    work.contracts.sign(title, Signer("Mara Pfad", BRAND_MAIL, title="Head of Marketing"), code=sent.code.code)
    return True


def _pay(work: Workspace) -> bool:
    """The payee is through with onboarding, the milestone is paid for, and a part of it is released."""
    if _stage(work, DEAL) != "contracted":
        return False
    if not work.payments.payees.list():
        work.payments.payees.add(CREATOR, email="jonna@brenner.example", creator=CREATOR)
    work.payments.payees.onboard(CREATOR)
    account = work.payments.payees.show(CREATOR).account
    assert account is not None
    _onboarded(work, account)
    work.payments.payees.refresh(CREATOR)
    if work.payments.holds.show(DEAL).hold.state == "agreed":
        work.payments.holds.fund(DEAL, method="pm_card_visa")
    piece = work.deliverables.list(deal=DEAL)[0]
    work.deliverables.submit(piece.id, link="https://drive.example/trail-shoes-cut-1")
    work.payments.holds.release(DEAL, amount=Money.parse("300.00", "EUR"), reason="the script", key="the script")
    return True


def _subscribe(work: Workspace) -> bool:
    """The brand tries the plan on which it reads reports."""
    parties = work.payments.invoices.parties
    if work.payments.subscriptions.list():
        return False
    us = PartyDetails(country="DE", vat_id="DE136695976", street="Kai 1", postcode="20459", city="Hamburg")
    them = PartyDetails(country="AT", vat_id="ATU13585627", street="Innrain 1", postcode="6020", city="Innsbruck")
    parties.save_self("Northlight GmbH", us)
    parties.save(BILLED, them)
    if not work.payments.plans.list():
        prices = [("month", Money.parse("49.00", "EUR"))]
        work.payments.plans.add(PLAN, name="Brand desk", prices=prices, trial_days=14, features=("reports",))
    work.payments.subscriptions.start(BILLED, PLAN, payment_method="pm_card_visa")
    return True


def _bill(work: Workspace) -> bool:
    """A workshop was given: its invoice has a number and waits to be paid."""
    if work.payments.invoices.list():
        return False
    line = LineDraft("Workshop: briefs that creators can work with", Money.parse("400.00", "EUR"))
    drafted = work.payments.invoices.draft(BILLED, [line], key="the workshop")
    work.payments.invoices.finalise(drafted.head.id)
    return True


def _onboarded(work: Workspace, account: str) -> None:
    """What the payee does on the provider's pages; the sandbox has a control for it."""
    import httpx
    from engagerr.core.payments.sandbox import KEY, local_sandbox

    server = local_sandbox(work.access.settings.home, clock=work.access.clock)
    try:
        httpx.post(f"{server.url}/_sandbox/onboarding/{account}", headers={"Authorization": f"Bearer {KEY}"})
    finally:
        server.close()


def main() -> int:
    """Fill the workspace of this home; 2 where it is refused."""
    try:
        with Engagerr.open() as engagerr:
            print("filled" if fill(engagerr.workspace()) else "was there already")
    except EngagerrError as error:
        print(f"{error}" + (f" {error.hint}" if error.hint else ""), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
