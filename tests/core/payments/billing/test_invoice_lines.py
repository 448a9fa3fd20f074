"""The arithmetic of invoices holds for any lines."""

from __future__ import annotations

from decimal import Decimal

import pytest
from engagerr import Money
from engagerr.core.errors import InvalidInput
from engagerr.core.payments.billing.invoice_lines import LineDraft, computed, credited, of_gross
from engagerr.core.payments.billing.vat import Category, Treatment
from hypothesis import assume, given
from hypothesis import strategies as st

STANDARD = Treatment(Category.STANDARD, Decimal("0.19"), "DE", "at home")
NONE = Treatment(Category.REVERSE_CHARGE, Decimal(0), "FR", "abroad", "Reverse charge", "VATEX-EU-AE")

rates = st.sampled_from([None, Decimal("0.07"), Decimal("0.055"), Decimal(0)])
lines = st.builds(
    LineDraft,
    title=st.just("Reel"),
    unit=st.builds(Money, st.integers(0, 10**9), st.just("EUR")),
    quantity=st.decimals("0.0001", "9999", places=4),
    rate=rates,
)


@given(st.lists(lines, min_size=1, max_size=12), st.sampled_from(["total", "line"]))
def test_sums_are_the_sums_of_what_is_written(drafts: list[LineDraft], rounding: str) -> None:
    assume(any(draft.unit.minor * draft.quantity >= 1 for draft in drafts))
    found = computed(drafts, STANDARD, currency="EUR", rounding=rounding)
    assert found.net.minor == sum(line.net.minor for line in found.lines) == sum(one.basis.minor for one in found.taxes)
    assert found.gross.minor == found.net.minor + sum(one.tax.minor for one in found.taxes)
    for one in found.taxes:
        members = [line for line in found.lines if (line.category, line.rate) == (one.category, one.rate)]
        assert one.basis.minor == sum(line.net.minor for line in members)
        # Rounded once, it is within half a unit of the exact tax; on each line, within half a unit a line.
        off = abs(one.tax.minor - one.basis.minor * one.rate)
        assert off <= Decimal("0.5") * (1 if rounding == "total" else len(members))


@given(
    st.lists(st.integers(-(10**7), 10**9).filter(bool), min_size=1, max_size=9),
    st.sampled_from(["0.19", "0.2", "0.255", "0.081"]),
)
def test_what_was_charged_with_tax_is_billed_to_the_cent(charged: list[int], rate: str) -> None:
    assume(sum(charged) > 0)
    treated = Treatment(Category.STANDARD, Decimal(rate), "DE", "at home")
    found = of_gross([("Plan", None, minor) for minor in charged], treated, currency="EUR")
    assert found.gross.minor == sum(charged)
    assert sum(line.net.minor for line in found.lines) == found.net.minor
    assert all(line.unit.minor >= 0 and line.quantity in (1, -1) for line in found.lines)


@given(st.lists(st.integers(1, 10**8), min_size=1, max_size=3), st.data())
def test_credit_notes_take_no_more_than_is_left_and_end_at_nothing(grosses: list[int], data: st.DataObject) -> None:
    drafts = [
        LineDraft("Reel", Money(gross, "EUR"), rate=rate)
        for gross, rate in zip(grosses, (None, Decimal("0.07"), Decimal("0.025")), strict=False)
    ]
    invoice = computed(drafts, STANDARD, currency="EUR")
    left = [one.basis + one.tax for one in invoice.taxes]
    for _ in range(3):
        rest = sum(one.minor for one in left)
        if rest == 0:
            break
        amount = Money(data.draw(st.integers(1, rest)), "EUR")
        note = credited(invoice.taxes, left, amount, title="Credit")
        assert note.gross == amount
        taken = {(one.category, one.rate): (one.basis + one.tax).minor for one in note.taxes}
        left = [
            Money(have.minor - taken.get((one.category, one.rate), 0), "EUR")
            for one, have in zip(invoice.taxes, left, strict=True)
        ]
        assert all(one.minor >= 0 for one in left)
    with pytest.raises(InvalidInput, match="cannot be credited"):
        credited(invoice.taxes, left, Money(sum(one.minor for one in left) + 1, "EUR"), title="Credit")


def test_tax_is_rounded_half_to_even_once_or_on_each_line() -> None:
    drafts = [LineDraft("Story", Money(50, "EUR"))] * 3  # 9.5 each: 28.5 in all
    assert computed(drafts, STANDARD, currency="EUR").tax.minor == 28
    by_line = computed(drafts, STANDARD, currency="EUR", rounding="line")
    assert [line.tax for line in by_line.lines] == [Money(10, "EUR")] * 3
    assert by_line.tax.minor == 30


def test_where_no_tax_is_charged_the_reason_goes_with_the_sum() -> None:
    found = computed([LineDraft("Reel", Money(100, "EUR"))], NONE, currency="EUR")
    assert (found.tax.minor, found.taxes[0].reason, found.taxes[0].reason_code) == (0, "Reverse charge", "VATEX-EU-AE")


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (LineDraft("", Money(100, "EUR")), "title"),
        (LineDraft("x" * 201, Money(100, "EUR")), "title"),
        (LineDraft("Reel", Money(100, "USD")), "in USD"),
        (LineDraft("Reel", Money(-1, "EUR")), "below zero"),
        (LineDraft("Reel", Money(10**15, "EUR")), "too large"),
        (LineDraft("Reel", Money(100, "EUR"), Decimal("NaN")), "quantity"),
        (LineDraft("Reel", Money(100, "EUR"), Decimal(0)), "quantity"),
        (LineDraft("Reel", Money(100, "EUR"), Decimal("0.00001")), "quantity"),
        (LineDraft("Reel", Money(100, "EUR"), rate=Decimal("1.2")), "no VAT rate"),
        (LineDraft("Reel", Money(100, "EUR"), Decimal(-1)), "come to"),
    ],
)
def test_what_cannot_be_billed_is_refused(draft: LineDraft, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        computed([draft], STANDARD, currency="EUR")
    with pytest.raises(InvalidInput, match="names a VAT rate"):
        computed([LineDraft("Reel", Money(100, "EUR"), rate=Decimal("0.07"))], NONE, currency="EUR")
