"""Value added tax on services: whether there is any, at which rate, and what an invoice says when there is none.

Rules: Council Directive 2006/112/EC, articles 44 and 45 (where services are taxed), 58 (electronic services to private
people), 196 (reverse charge), 226 (what an invoice says) and 284 (small businesses). What is here covers services in
general, which is what creators and agencies sell; goods, margin schemes and the territories within states that have
rules of their own (the Canary Islands, Büsingen, Livigno …) are not judged. This is no tax advice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from engagerr.core.errors import InvalidInput

ZERO = Decimal(0)


class Nature(StrEnum):
    """What is sold, as far as it decides the place of taxation."""

    SERVICES = "services"
    DIGITAL = "digital"


class Category(StrEnum):
    """UNTDID 5305, as EN 16931 uses it."""

    STANDARD = "S"
    ZERO_RATED = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    OUTSIDE = "O"


@dataclass(frozen=True, slots=True)
class DatedRate:
    """A country's standard rate from a day on."""

    rate: Decimal
    since: date


@dataclass(frozen=True, slots=True)
class TaxSide:
    """What matters of a seller or a buyer. `evidence` counts what says where a private buyer is."""

    country: str
    business: bool = True
    vat_id: str | None = None
    small_business: bool = False
    evidence: int = 0


@dataclass(frozen=True, slots=True)
class Treatment:
    """How a supply is taxed. `country` is where, None where no VAT law reaches; `why` is a sentence for people.

    `reason` stands on the invoice wherever no tax is charged; `code` is its code in the VATEX list of EN 16931.
    """

    category: Category
    rate: Decimal
    country: str | None
    why: str
    reason: str | None = None
    code: str | None = None


# Standard rates since 2020. Sources: European Commission, Taxes in Europe Database (TEDB), VAT rates applied in the
# member states; for the others Value Added Tax Act 1994 s. 2 (GB), MWSTG art. 25 (CH, LI), merverdiavgiftsloven
# § 5-1 (NO), lög nr. 50/1988 14. gr. (IS). Before the first day given for a country, its rate is not known here.
_RATES: dict[str, tuple[tuple[str, str], ...]] = {
    "AT": (("2020-01-01", "0.20"),),
    "BE": (("2020-01-01", "0.21"),),
    "BG": (("2020-01-01", "0.20"),),
    "CY": (("2020-01-01", "0.19"),),
    "CZ": (("2020-01-01", "0.21"),),
    "DE": (("2020-01-01", "0.19"), ("2020-07-01", "0.16"), ("2021-01-01", "0.19")),
    "DK": (("2020-01-01", "0.25"),),
    "EE": (("2020-01-01", "0.20"), ("2024-01-01", "0.22"), ("2025-07-01", "0.24")),
    "ES": (("2020-01-01", "0.21"),),
    "FI": (("2020-01-01", "0.24"), ("2024-09-01", "0.255")),
    "FR": (("2020-01-01", "0.20"),),
    "GR": (("2020-01-01", "0.24"),),
    "HR": (("2020-01-01", "0.25"),),
    "HU": (("2020-01-01", "0.27"),),
    "IE": (("2020-01-01", "0.23"), ("2020-09-01", "0.21"), ("2021-03-01", "0.23")),
    "IT": (("2020-01-01", "0.22"),),
    "LT": (("2020-01-01", "0.21"),),
    "LU": (("2020-01-01", "0.17"), ("2023-01-01", "0.16"), ("2024-01-01", "0.17")),
    "LV": (("2020-01-01", "0.21"),),
    "MT": (("2020-01-01", "0.18"),),
    "NL": (("2020-01-01", "0.21"),),
    "PL": (("2020-01-01", "0.23"),),
    "PT": (("2020-01-01", "0.23"),),
    "RO": (("2020-01-01", "0.19"), ("2025-08-01", "0.21")),
    "SE": (("2020-01-01", "0.25"),),
    "SI": (("2020-01-01", "0.22"),),
    "SK": (("2020-01-01", "0.20"), ("2025-01-01", "0.23")),
    "GB": (("2020-01-01", "0.20"),),
    "CH": (("2020-01-01", "0.077"), ("2024-01-01", "0.081")),
    "LI": (("2020-01-01", "0.077"), ("2024-01-01", "0.081")),
    "NO": (("2020-01-01", "0.25"),),
    "IS": (("2020-01-01", "0.24"),),
}
EU = frozenset(_RATES) - {"GB", "CH", "LI", "NO", "IS"}
RATES: dict[str, tuple[DatedRate, ...]] = {
    country: tuple(DatedRate(Decimal(rate), date.fromisoformat(since)) for since, rate in rates)
    for country, rates in _RATES.items()
}

# Two pieces of evidence that agree: Implementing Regulation (EU) No 282/2011, articles 24b (d) and 24f.
EVIDENCE_NEEDED = 2

REVERSE_CHARGE = "Reverse charge: the recipient owes the VAT (art. 196, Directive 2006/112/EC)."
SMALL_BUSINESS = "No VAT is charged: small-business scheme (art. 284, Directive 2006/112/EC)."
SELF_BILLING = "Self-billing"  # the words that art. 226 (10a) asks for


def standard_rate(country: str, on: date) -> Decimal:
    """A country's standard rate on a day, as a fraction. `InvalidInput` where it is not known here."""
    known = [dated.rate for dated in RATES.get(country, ()) if dated.since <= on]
    if not known:
        raise InvalidInput(
            f"The VAT rate of {country} on {on} is not known here.",
            hint="Name the rate yourself: --rate 0.2",
            facts={"country": country, "on": on.isoformat()},
        )
    return known[-1]


def has_vat(country: str) -> bool:
    """Whether the VAT of this country is known here."""
    return country in RATES


def treatment(seller: TaxSide, buyer: TaxSide, *, on: date, nature: Nature = Nature.SERVICES) -> Treatment:
    """How a service is taxed that was done on a day: the rate of that day counts, not that of the invoice's.

    Without two pieces of evidence of where a private buyer of an electronic service is, it is refused, not guessed.
    """
    if not has_vat(seller.country):
        return _outside(f"The seller is in {seller.country}, whose VAT, if any, is not known here.", "")
    if seller.small_business:
        return Treatment(
            Category.EXEMPT, ZERO, seller.country, "The seller charges no VAT, as a small business.", SMALL_BUSINESS
        )
    if seller.country == buyer.country:
        return _standard(seller.country, on, "Seller and buyer are in the same country.")
    if buyer.business:
        return _abroad_to_business(seller, buyer, on)
    if nature is Nature.DIGITAL:
        return _digital_to_people(buyer, on)
    return _standard(seller.country, on, "Services to private people are taxed where the seller is (art. 45).")


def checked_vat_id(vat_id: str, country: str) -> str:
    """A VAT id, compact and with its prefix. `InvalidInput` where form or check digits are wrong, or the country.

    Only the form is checked; whether it is registered, the authority's own service (VIES) tells.
    """
    from stdnum import get_cc_module
    from stdnum.eu import vat as eu_vat
    from stdnum.exceptions import ValidationError

    prefix = "EL" if country == "GR" else country
    written = "".join(vat_id.split()).upper()
    try:
        if country in EU:
            number = eu_vat.compact(written if written.startswith(prefix) else prefix + written)
            eu_vat.validate(number)
        else:
            module = get_cc_module(country.lower(), "vat")
            if module is None:
                return written
            number = module.validate(written.removeprefix(prefix) if country == "GB" else written)
            number = prefix + number if country == "GB" else number
    except ValidationError as error:
        raise InvalidInput(
            f"{vat_id!r} is no VAT id of {country}.",
            hint="Copy it from a letter of the tax office, with its prefix of two letters.",
            facts={"vat_id": vat_id, "country": country, "why": type(error).__name__},
        ) from error
    return str(number)


def _abroad_to_business(seller: TaxSide, buyer: TaxSide, on: date) -> Treatment:
    if seller.country in EU and buyer.country in EU:
        if buyer.vat_id is None:
            # Art. 18 of Implementing Regulation 282/2011: who shows no VAT id is not yet known to be a business.
            return _standard(seller.country, on, "The buyer has shown no VAT id, so the seller's own VAT is charged.")
        return Treatment(
            Category.REVERSE_CHARGE, ZERO, buyer.country,
            "Services to a business in another member state are taxed there, by the recipient (art. 44, 196).",
            REVERSE_CHARGE, "VATEX-EU-AE",
        )  # fmt: skip
    return _outside(
        f"Services to a business are taxed where it is, in {buyer.country} (art. 44).", f" in {seller.country}"
    )


def _digital_to_people(buyer: TaxSide, on: date) -> Treatment:
    if buyer.evidence < EVIDENCE_NEEDED:
        raise InvalidInput(
            f"It is not proven that the buyer is in {buyer.country}: {buyer.evidence} of {EVIDENCE_NEEDED} pieces of"
            " evidence are there.",
            hint="Note two that agree, such as the billing address and the bank's country.",
            facts={"country": buyer.country, "evidence": buyer.evidence, "needed": EVIDENCE_NEEDED},
        )
    if has_vat(buyer.country):
        return _standard(buyer.country, on, "Electronic services to private people are taxed where they are (art. 58).")
    return _outside(f"Electronic services to private people are taxed where they are, in {buyer.country}.", " here")


def _standard(country: str, on: date, why: str) -> Treatment:
    return Treatment(Category.STANDARD, standard_rate(country, on), country, why)


def _outside(why: str, where: str) -> Treatment:
    return Treatment(Category.OUTSIDE, ZERO, None, why, f"Not subject to VAT{where}.", "VATEX-EU-O")
