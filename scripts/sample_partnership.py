"""The partnerships of the sample workspace: one paid in part, one signed, one being negotiated, one just asked for.

Made through the same verbs as anybody's, with the sandbox of the home as payment provider. Running it again changes
nothing.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from engagerr import Engagerr, Money, Workspace
from engagerr.core.deals.deals import NewDeal
from engagerr.core.deals.line_items import Wanted
from engagerr.core.deals.signing import Signer
from engagerr.core.errors import NotFound

BRAND, BRAND_MAIL = "Alpenpfad", "mara@alpenpfad.example"
CREATOR = "Jonna Brenner"
DEAL = "Trail shoes, spring"


def fill(work: Workspace) -> bool:
    """Make them; False where they are there already."""
    try:
        work.deals.show(DEAL)
    except NotFound:
        pass
    else:
        return False
    today = work.access.clock.now().date()
    _offer(work, DEAL, "youtube_integration", "900.00", until=today + timedelta(days=60))
    _sign(work, DEAL)
    _pay(work)
    _offer(work, "Autumn jackets", "instagram_reel", "600.00", until=today + timedelta(days=90))
    _sign(work, "Autumn jackets")

    _offer(work, "Winter gloves", "instagram_story", "350.00", until=today + timedelta(days=30))
    work.deals.add(
        NewDeal("Camp kitchen, summer", brand="Herdwerk", brand_email="lou@herdwerk.example", creators=(CREATOR,))
    )
    return True


def _offer(work: Workspace, title: str, deliverable: str, price: str, *, until: object) -> None:
    work.deals.add(
        NewDeal(title, brand=BRAND, brand_email=BRAND_MAIL, creators=(CREATOR,), currency="EUR",
                expected=Money.parse(price, "EUR"))
    )  # fmt: skip
    work.proposals.add_line(
        title,
        Wanted(CREATOR, deliverable, price=Money.parse(price, "EUR"), due_on=until),  # type: ignore[arg-type]
    )
    work.proposals.send(title)


def _sign(work: Workspace, title: str) -> None:
    work.proposals.accept(title, theirs=True)
    work.contracts.draft(title, commission_rate=Decimal("0.15"), law="Germany")
    sent = work.contracts.send(title)
    assert sent.code is not None
    work.contracts.sign(title, Signer("Ann Berg", "ann@northlight.example", title="Managing Director"))
    work.contracts.sign(title, Signer("Mara Pfad", BRAND_MAIL, title="Head of Marketing"), code=sent.code.code)


def _pay(work: Workspace) -> None:
    """The payee is through with onboarding, the milestone is paid for, and a part of it is released."""
    work.payments.payees.add(CREATOR, email="jonna@brenner.example", creator=CREATOR)
    work.payments.payees.onboard(CREATOR)
    account = work.payments.payees.show(CREATOR).account
    assert account is not None
    _onboarded(work, account)
    work.payments.payees.refresh(CREATOR)
    work.payments.holds.fund(DEAL, method="pm_card_visa")
    piece = work.deliverables.list(deal=DEAL)[0]
    work.deliverables.submit(piece.id, link="https://drive.example/trail-shoes-cut-1")
    work.payments.holds.release(DEAL, amount=Money.parse("300.00", "EUR"), reason="the script", key="the script")


def _onboarded(work: Workspace, account: str) -> None:
    """What the payee does on the provider's pages; the sandbox has a control for it."""
    import httpx
    from engagerr.core.payments.sandbox import KEY, local_sandbox

    server = local_sandbox(work.access.settings.home, clock=work.access.clock)
    try:
        httpx.post(f"{server.url}/_sandbox/onboarding/{account}", headers={"Authorization": f"Bearer {KEY}"})
    finally:
        server.close()


def main() -> None:
    """Fill the workspace of this home."""
    with Engagerr.open() as engagerr:
        print("filled" if fill(engagerr.workspace()) else "was there already")


if __name__ == "__main__":
    main()
