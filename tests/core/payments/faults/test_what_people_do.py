"""Scenarios 33 and 48 to 50: shares that do not divide, terms that change, and input that means no good."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from engagerr import Money
from engagerr.core.errors import Conflict, EngagerrError, InvalidInput
from engagerr.core.payments.held.holds import Share, cancel_hold, change_hold, open_hold
from engagerr.core.tenancy import Permission
from tests.core.deals.signed_deals import a_signed_deal
from tests.core.payments.faults.conftest import Stage, eur

SPLITS = (
    ("1.00", (1, 1, 1, 0), (34, 33, 33, 0)),
    ("100.01", (70, 20, 10, 0), (70_01, 20_00, 10_00, 0)),
    ("500.00", (1, 0, 0, 0), (500_00, 0, 0, 0)),
    ("500.00", (0, 0, 0, 1), (0, 0, 0, 500_00)),
    ("333.33", (3333, 3333, 3333, 1), (111_10, 111_10, 111_10, 3)),
)


def test_what_does_not_divide_goes_out_to_the_cent(money: Stage) -> None:
    """Scenario 33: from the payment to the balances at the provider."""
    parties = sorted(f"creator:{money.payee(name)}" for name in ("Ann Lee", "Bea Ott", "Cem Kaya"))
    before = (0, 0, 0, 0)
    for number, (amount, weights, parts) in enumerate(SPLITS):
        shares = list(zip((*parties, "commission"), weights, strict=True))
        # The order in which they are named changes nothing.
        hold = money.hold(*reversed(shares), amount=amount, subject=f"work:{number}")
        money.paid(hold)
        money.work.payments.holds.release(hold.id)
        connected = (money.balance("connected", party) for party in parties)
        after = (*connected, money.balance("commission", "commission"))
        assert tuple(now - then for now, then in zip(after, before, strict=True)) == parts
        assert sum(parts) == hold.agreed.minor
        before = after
    money.ends_well()


def test_a_commission_that_was_edited_after_the_signature_changes_no_release(money: Stage) -> None:
    """Scenario 48"""
    money.payee("Zoe Fink")
    deal = a_signed_deal(money.work)
    name = next(one.name for one in money.work.roster.list() if one.id == deal.creator_id)
    money.work.roster.set_terms(name, commission_rate=Decimal("0.45"), exclusive=False)
    [video, _] = money.work.deliverables.milestones(deal.title)
    assert video.hold is not None
    money.work.payments.holds.fund(video.hold.id, method="pm_card_visa")
    for block in money.of(video.hold).blocks:
        assert block.kind == "delivery"
    moved = money.work.payments.holds.release(video.hold.id, reason="the video is with them")
    assert [(share.party, share.amount) for share in moved.shares] == [
        (f"creator:{deal.creator_id}", eur("640.00")), ("commission", eur("160.00")),
    ]  # fmt: skip
    money.ends_well()


MALICIOUS: dict[str, Any] = {
    "negative": "-5", "not a number": "NaN", "infinite": "Infinity", "beyond any number": "1e400",
    "beyond any money": "1e30", "a hundredth of a cent": "0.0001", "words": "all of it", "nothing": "",
    "a null": "5\x00",
}  # fmt: skip


def test_input_that_means_no_good_is_refused_and_nothing_is_sent(money: Stage) -> None:
    """Scenario 49"""
    hold, holds = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="500.00"), money.work.payments.holds
    money.paid(hold)
    before = len([call for call in money.wire.calls if call.method == "POST"])
    for how, amount in MALICIOUS.items():
        for verb in (holds.release, holds.refund):
            with pytest.raises(EngagerrError) as refused:
                verb(hold.id, amount=Money.parse(amount, "EUR"), key=f"{how} {verb.__name__}")
            assert isinstance(refused.value, (InvalidInput, Conflict)), how
    with pytest.raises(InvalidInput):
        Money(10.5, "EUR")  # type: ignore[arg-type]
    for name in ("Ann\u202eeeL", "Ann\x00", "\ud83d"):
        with pytest.raises(InvalidInput):
            money.work.payments.payees.add(name, email="ann@creators.example")

    def fund_something_called(title: str) -> None:
        with money.work.access.transaction(Permission.FUND) as session:
            odd = open_hold(
                session, money.work.access, subject="work:9", title=title, amount=eur("5.00"),
                shares=[Share("commission", 1)], terms_hash=bytes(32), customer="Trailpeak",
            )  # fmt: skip
        holds.fund(odd, method="pm_card_visa")

    for title in ("Ann\u202eeeL", "Video\x00"):
        with pytest.raises(InvalidInput):
            fund_something_called(title)
    assert len([call for call in money.wire.calls if call.method == "POST"]) == before
    assert len(holds.show(hold.id).movements) == 0
    assert money.of(hold).held == eur("500.00")
    money.ends_well()


def test_digits_of_another_script_are_the_amount_that_they_spell_or_none(money: Stage) -> None:
    """Scenario 49: what is shown back is what is moved."""
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    try:
        amount = Money.parse("１２", "EUR")
    except InvalidInput:
        amount = None
    assert amount in (None, eur("12.00"))
    money.ends_well()


def test_what_was_funded_is_not_edited_away(money: Stage) -> None:
    """Scenario 50"""
    money.top_up()
    access, holds = money.work.access, money.work.payments.holds
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)

    def change(amount: str, terms: bytes) -> None:
        with access.transaction(Permission.FUND) as session:
            change_hold(session, access, hold.id, amount=eur(amount), shares=[Share("commission", 1)], terms_hash=terms)

    with pytest.raises(Conflict, match=r"it cannot become EUR 400\.00"):
        change("400.00", bytes([1] * 32))
    with pytest.raises(Conflict, match="still holds"), access.transaction(Permission.FUND) as session:
        cancel_hold(session, access, hold.id)
    with pytest.raises(EngagerrError):
        change("600.00", bytes(32))  # by no newly signed version
    change("600.00", bytes([2] * 32))
    assert money.paid(money.of(hold)).payment.amount == eur("100.00")
    holds.refund(hold.id)
    money.ends_well()
    assert money.of(hold).refunded == eur("600.00")
