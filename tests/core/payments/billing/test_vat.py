"""VAT: who charges what to whom, by the rates of the day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.payments.billing.vat import EU, RATES, Nature, TaxSide, checked_vat_id, standard_rate, treatment

DAY = date(2026, 10, 15)
GERMAN = TaxSide("DE", vat_id="DE136695976")


def test_the_rate_of_the_day_of_supply_counts() -> None:
    for day, rate in (("2020-06-30", "0.19"), ("2020-07-01", "0.16"), ("2020-12-31", "0.16"), ("2021-01-01", "0.19")):
        assert standard_rate("DE", date.fromisoformat(day)) == Decimal(rate)
    assert standard_rate("FI", date(2024, 8, 31)) == Decimal("0.24")
    assert standard_rate("FI", date(2024, 9, 1)) == Decimal("0.255")
    assert standard_rate("EE", date(2025, 7, 1)) == Decimal("0.24")
    assert standard_rate("RO", date(2025, 8, 1)) == Decimal("0.21")


def test_a_rate_that_nobody_gave_is_refused_and_never_zero() -> None:
    with pytest.raises(InvalidInput, match="not known"):
        standard_rate("DE", date(2019, 12, 31))
    with pytest.raises(InvalidInput, match="not known"):
        standard_rate("US", DAY)


def test_rates_are_in_order_and_every_member_state_has_one() -> None:
    assert len(EU) == 27
    for rates in RATES.values():
        assert [dated.since for dated in rates] == sorted(dated.since for dated in rates)
        assert all(0 < dated.rate < Decimal("0.3") for dated in rates)


@pytest.mark.parametrize(
    ("seller", "buyer", "nature", "category", "rate", "country"),
    [
        (GERMAN, TaxSide("DE"), Nature.SERVICES, "S", "0.19", "DE"),
        (GERMAN, TaxSide("FR", vat_id="FR40303265045"), Nature.SERVICES, "AE", "0", "FR"),
        (GERMAN, TaxSide("FR"), Nature.SERVICES, "S", "0.19", "DE"),
        (GERMAN, TaxSide("FR", business=False), Nature.SERVICES, "S", "0.19", "DE"),
        (GERMAN, TaxSide("FR", business=False, evidence=2), Nature.DIGITAL, "S", "0.20", "FR"),
        (GERMAN, TaxSide("US"), Nature.SERVICES, "O", "0", None),
        (GERMAN, TaxSide("CH"), Nature.DIGITAL, "O", "0", None),
        (TaxSide("DE", small_business=True), TaxSide("DE"), Nature.SERVICES, "E", "0", "DE"),
        (TaxSide("US"), TaxSide("US"), Nature.SERVICES, "O", "0", None),
        (TaxSide("GB"), TaxSide("DE", vat_id="DE136695976"), Nature.SERVICES, "O", "0", None),
    ],
)
def test_services_are_taxed_where_the_law_has_them(
    seller: TaxSide, buyer: TaxSide, nature: Nature, category: str, rate: str, country: str | None
) -> None:
    treated = treatment(seller, buyer, on=DAY, nature=nature)
    assert (treated.category, treated.rate, treated.country) == (category, Decimal(rate), country)
    assert treated.why
    assert (treated.reason is None) == (category == "S")


def test_where_a_private_buyer_of_electronic_services_is_has_to_be_proven() -> None:
    with pytest.raises(InvalidInput, match="1 of 2 pieces"):
        treatment(GERMAN, TaxSide("FR", business=False, evidence=1), on=DAY, nature=Nature.DIGITAL)


@pytest.mark.parametrize(
    ("written", "country", "kept"),
    [
        ("de 136 695 976", "DE", "DE136695976"),
        ("136695976", "DE", "DE136695976"),
        ("EL094259216", "GR", "EL094259216"),
        ("GB 980 7806 84", "GB", "GB980780684"),
        ("anything", "US", "ANYTHING"),
    ],
)
def test_a_vat_id_is_kept_compact_with_its_prefix(written: str, country: str, kept: str) -> None:
    assert checked_vat_id(written, country) == kept


@pytest.mark.parametrize(("written", "country"), [("DE136695975", "DE"), ("DE136695976", "FR"), ("", "AT")])
def test_a_vat_id_with_wrong_digits_or_of_another_country_is_refused(written: str, country: str) -> None:
    with pytest.raises(InvalidInput, match="no VAT id"):
        checked_vat_id(written, country)
