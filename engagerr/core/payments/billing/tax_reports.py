"""Reports to tax offices, from the books: 1099-NEC, 1099-K and DAC7, by thresholds that have dates and sources.

Each movement of money counts in one place only. What was credited to a payee is a release into what they are owed; what
they were paid is the transfer on from there; the payout to their bank is neither. A reversal takes back where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput
from engagerr.core.money import Money
from engagerr.core.payments.billing.invoice_parties import issuer
from engagerr.core.payments.billing.tax_forms import TaxDetails, TaxForm, forms, open_details
from engagerr.core.payments.billing.vat import EU
from engagerr.core.tenancy import Access

if TYPE_CHECKING:
    from engagerr.core.db import Session

NEC, K, DAC7 = "1099-NEC", "1099-K", "DAC7"


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which amount (US dollars) and number of transactions a form is due, for payments of these years."""

    form: str
    amount: int
    transactions: int
    since: int
    until: int | None
    above: bool
    source: str


# `above`: more than the amount, and not the amount itself. The states of the US have thresholds of their own, some of
# them lower: they are not in here.
THRESHOLDS = (
    Threshold(NEC, 600, 0, 2020, 2025, False, "IRC § 6041(a), § 6041A(a)"),
    Threshold(NEC, 2_000, 0, 2026, 2026, False, "P.L. 119-21 § 70433; indexed for inflation after 2026"),
    Threshold(K, 20_000, 200, 2020, None, True, "IRC § 6050W(e) as restored by P.L. 119-21 § 70432"),
)


@dataclass(frozen=True, slots=True)
class UsRow:
    """One payee of a 1099. `usd` is None where a currency has no rate; `amounts` are as they were paid.

    `problems` say what is missing before it can be filed, such as a W-9.
    """

    party: str
    country: str | None
    tin: str | None
    tin_kind: str | None
    address: str | None
    amounts: tuple[Money, ...]
    transactions: int
    usd: Money | None
    reportable: bool | None
    why: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UsReport:
    """Everybody who was paid in a year and may be a US person, whether or not a form is due."""

    kind: str
    year: int
    threshold: Threshold
    due_on: date
    rows: tuple[UsRow, ...]
    foreign: int


@dataclass(frozen=True, slots=True)
class Dac7Quarter:
    """One quarter in one currency: consideration is net of fees, which stand beside it."""

    quarter: int
    consideration: Money
    fees: Money
    activities: int


@dataclass(frozen=True, slots=True)
class Dac7Row:
    """One seller. `account` is where they are paid to, as far as it is known."""

    party: str
    country: str | None
    tin: str | None
    vat_id: str | None
    born_on: date | None
    registration: str | None
    address: str | None
    account: str | None
    quarters: tuple[Dac7Quarter, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dac7Report:
    """Everybody resident in the Union who earned something in a year; `outside` counts those who live elsewhere.

    There is no lower limit: the exclusion of small sellers (30 sales and 2,000 EUR) is for goods, not for services
    (Directive 2011/16/EU, Annex V, section I.B.4).
    """

    kind: str
    year: int
    due_on: date
    rows: tuple[Dac7Row, ...]
    outside: int


@dataclass(frozen=True, slots=True)
class _Payee:
    """A person, whom the books may know as payee and as creator: `person` is the same for both."""

    person: str
    party_id: UUID | None
    name: str
    country: str | None
    vat_id: str | None
    address: str | None
    account: str | None


def us_report(
    session: Session, access: Access, kind: str, year: int, *, rates: Mapping[str, Decimal], threshold: Decimal | None
) -> UsReport:
    """Step: who gets a 1099 of this kind.

    A workspace that settles for others (`engagerr invoice issuer --settles-for-others`) reports what went through the
    payment provider on 1099-K, gross of commission; any other reports what it paid its own contractors on 1099-NEC.
    What was paid past the provider is always NEC. So nothing stands on both.
    """
    if kind not in (NEC, K):
        raise InvalidInput(f"There is no report {kind!r}.", hint=f"{NEC} or {K}.")
    limit = threshold_of(kind, year, threshold)
    settles = issuer(session, tenant_id=access.tenant.id).settles_for_others
    payees, held = _payees(session, access), _held_forms(session, access)
    sums = _us_sums(session, access, kind, year, payees, settles=settles)
    rows: list[UsRow] = []
    foreign = 0
    for payee, amounts, transactions in sorted(sums, key=lambda found: found[0].name.casefold()):
        if _is_foreign(payee, held):
            foreign += 1
            continue
        rows.append(_us_row(session, access, payee, held, amounts, transactions, limit, rates))
    # 1099-NEC: 31 January (IRC § 6071(c)). 1099-K to the payee: 31 January as well (§ 6050W(f)).
    return UsReport(kind, year, limit, date(year + 1, 1, 31), tuple(rows), foreign)


def dac7_report(session: Session, access: Access, year: int) -> Dac7Report:
    """Step: the sellers of a year, by quarter and currency, as the books credited them."""
    if not 2023 <= year <= access.clock.now().year:
        raise InvalidInput(f"There is no DAC7 report for {year}.", hint="From 2023 to this year.")
    payees, held = _payees(session, access), _held_forms(session, access)
    earned: dict[str, dict[tuple[int, str], Dac7Quarter]] = {}
    people: dict[str, _Payee] = {}
    for row in session.execute(text(_CREDITED), {"tenant_id": access.tenant.id, "year": year}):
        payee = payees[row.party]
        people[payee.person] = payee
        nothing = Money(0, row.currency)
        quarters = earned.setdefault(payee.person, {})
        so_far = quarters.get((row.quarter, row.currency), Dac7Quarter(row.quarter, nothing, nothing, 0))
        quarters[row.quarter, row.currency] = Dac7Quarter(
            row.quarter, so_far.consideration + Money(int(row.net), row.currency),
            so_far.fees + Money(int(row.fees), row.currency), so_far.activities + row.activities,
        )  # fmt: skip
    rows, outside = [], 0
    for person in sorted(earned, key=lambda one: people[one].name.casefold()):
        payee = people[person]
        details = None if payee.party_id is None else open_details(session, access, party_id=payee.party_id, kind=DAC7)
        country = details.country if details else payee.country
        if country is not None and country not in EU:
            outside += 1
            continue
        rows.append(_dac7_row(payee, details, held, country, list(earned[person].values())))
    return Dac7Report(DAC7, year, date(year + 1, 1, 31), tuple(rows), outside)


def threshold_of(kind: str, year: int, given: Decimal | None = None) -> Threshold:
    """The threshold of a year. `InvalidInput` for a year whose threshold is not published here: it is not guessed."""
    found = next(
        (
            one
            for one in THRESHOLDS
            if one.form == kind and one.since <= year and (one.until is None or year <= one.until)
        ),
        None,
    )
    if given is not None:
        return Threshold(kind, int(given), found.transactions if found else 0, year, year, kind == K, "given by hand")
    if found is None:
        raise InvalidInput(
            f"The threshold of {kind} for {year} is not known here: it is indexed every year.",
            hint="Look it up at the IRS and give it: --threshold 2000", facts={"form": kind, "year": year},
        )  # fmt: skip
    return found


def report_hash(report: UsReport | Dac7Report) -> bytes:
    """What tells a report from one that was taken when the books said something else."""
    return hashlib.sha256(json.dumps(asdict(report), sort_keys=True, default=str).encode()).digest()


# ── Rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _us_row(
    session: Session, access: Access, payee: _Payee, held: Mapping[tuple[UUID, str], TaxForm],
    amounts: tuple[Money, ...], transactions: int, limit: Threshold, rates: Mapping[str, Decimal],
) -> UsRow:  # fmt: skip
    form = held.get((payee.party_id, "W-9")) if payee.party_id else None
    details = open_details(session, access, party_id=payee.party_id, kind="W-9") if form and payee.party_id else None
    usd = _in_dollars(amounts, rates)
    reportable, why = _judged(usd, transactions, limit)
    problems = []
    if details is None:
        problems.append("no W-9 or W-8 on record: until there is one, backup withholding may be due (IRC § 3406)")
    if payee.address is None:
        problems.append("no address")
    if usd is None:
        missing = sorted({money.currency for money in amounts} - {"USD", *rates})
        problems.append(f"no rate to US dollars for {', '.join(missing)}")
    return UsRow(
        details.name if details else payee.name, details.country if details else payee.country,
        details.tin if details else None, details.tin_kind if details else None, payee.address, amounts, transactions,
        usd, reportable, why, tuple(problems),
    )  # fmt: skip


def _judged(usd: Money | None, transactions: int, limit: Threshold) -> tuple[bool | None, str]:
    if usd is None:
        return None, "not known in US dollars"
    at = Money(limit.amount * 100, "USD")
    reached = at < usd if limit.above else at <= usd
    enough = transactions > limit.transactions or limit.transactions == 0
    said = f"{usd} {'above' if limit.above else 'of'} {at}"
    if limit.transactions:
        said += f", {transactions} of more than {limit.transactions} transactions"
    return reached and enough, said


def _dac7_row(
    payee: _Payee, details: TaxDetails | None, held: Mapping[tuple[UUID, str], TaxForm], country: str | None,
    quarters: Sequence[Dac7Quarter],
) -> Dac7Row:  # fmt: skip
    form = held.get((payee.party_id, DAC7)) if payee.party_id else None
    problems = []
    if details is None:
        problems.append("no self-certification on record (name, tax number, date of birth)")
    elif form is not None and form.standing == "expired":
        problems.append(f"the self-certification has not been confirmed since {form.signed_on}")
    if payee.address is None:
        problems.append("no address")
    if payee.account is None:
        problems.append("no account identifier")
    if country is None:
        problems.append("no country of residence")
    return Dac7Row(
        details.name if details else payee.name, country, details.tin if details else None, payee.vat_id,
        details.born_on if details else None, details.registration if details else None, payee.address, payee.account,
        tuple(sorted(quarters, key=lambda one: (one.quarter, one.consideration.currency))), tuple(problems),
    )  # fmt: skip


def _is_foreign(payee: _Payee, held: Mapping[tuple[UUID, str], TaxForm]) -> bool:
    """A valid W-8 says so; without any form, living elsewhere does. A W-9 says the contrary."""
    if payee.party_id is None:
        return payee.country not in (None, "US")
    if (payee.party_id, "W-9") in held:
        return False
    w8 = [held[payee.party_id, kind] for kind in ("W-8BEN", "W-8BEN-E") if (payee.party_id, kind) in held]
    if w8:
        return any(form.standing in ("valid", "expiring") for form in w8)
    return payee.country not in (None, "US")


def _in_dollars(amounts: Sequence[Money], rates: Mapping[str, Decimal]) -> Money | None:
    total = Decimal(0)
    for money in amounts:
        rate = Decimal(1) if money.currency == "USD" else rates.get(money.currency)
        if rate is None:
            return None
        total += money.amount * rate
    return Money(int((total * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)), "USD")


def _us_sums(
    session: Session, access: Access, kind: str, year: int, payees: _Payees, *, settles: bool
) -> list[tuple[_Payee, tuple[Money, ...], int]]:
    """Whom, what counts on this form by currency, and in how many transactions. A person counts once."""
    values = {"tenant_id": access.tenant.id, "year": year}
    if kind == K:
        found = [
            (row.party, row.currency, int(row.net) + int(row.fees), row.activities)
            for row in (session.execute(text(_CREDITED), values) if settles else ())
        ]
    else:
        found = [
            (row.party, row.currency, int(row.paid), row.payments)
            for row in session.execute(text(_PAID), {**values, "through_provider": not settles})
        ]
    people: dict[str, _Payee] = {}
    sums: dict[str, dict[str, int]] = {}
    counts: dict[str, int] = {}
    for party, currency, minor, count in found:
        payee = payees[party]
        people[payee.person] = payee
        by_currency = sums.setdefault(payee.person, {})
        by_currency[currency] = by_currency.get(currency, 0) + minor
        counts[payee.person] = counts.get(payee.person, 0) + count
    return [
        (people[person], tuple(Money(minor, currency) for currency, minor in sorted(amounts.items())), counts[person])
        for person, amounts in sums.items()
    ]


def _held_forms(session: Session, access: Access) -> dict[tuple[UUID, str], TaxForm]:
    rows = forms(session, access.tenant.id, access.clock.now().date())
    return {(row.party_id, row.kind): row for row in rows if row.standing in ("valid", "expiring", "expired")}


class _Payees(dict[str, _Payee]):
    """Parties of the books as people; one that nobody knows any more keeps its name of the books."""

    def __missing__(self, party: str) -> _Payee:
        return _Payee(party, None, party, None, None, None, None)


def _payees(session: Session, access: Access) -> _Payees:
    rows = session.execute(text(_PAYEES), {"tenant_id": access.tenant.id}).mappings()
    found = _Payees()
    for row in rows:
        place = " ".join(part for part in (row["postcode"], row["city"]) if part)
        address = ", ".join(part for part in (row["street"], place, row["region"]) if part) or None
        found[row["party"]] = _Payee(
            str(row["party_id"] or row["payee_id"] or row["party"]), row["party_id"], row["name"], row["country"],
            row["vat_id"], address if row["street"] else None, row["account"],
        )  # fmt: skip
    return found


# A payee or creator of the books, and the party of invoices that is tied to it.
_PAYEES = """
    SELECT DISTINCT ON (known.party) known.party, known.payee_id, party.id AS party_id,
           coalesce(party.name, known.name) AS name, coalesce(party.country, known.country) AS country, party.vat_id,
           party.street, party.postcode, party.city, party.region,
           coalesce(party.iban, known.destination_label) AS account
    FROM (
      SELECT 'payee:' || payee.id AS party, payee.id AS payee_id, payee.creator_id, payee.name, payee.country,
             payee.destination_label
      FROM payees AS payee WHERE payee.tenant_id = :tenant_id
      UNION ALL
      SELECT 'creator:' || creator.id, payee.id, creator.id, creator.name, coalesce(payee.country, creator.country),
             payee.destination_label
      FROM creators AS creator
      LEFT JOIN payees AS payee ON payee.tenant_id = creator.tenant_id AND payee.creator_id = creator.id
      WHERE creator.tenant_id = :tenant_id
    ) AS known
    LEFT JOIN billing_parties AS party ON party.tenant_id = :tenant_id
      AND (party.payee_id = known.payee_id OR (party.payee_id IS NULL AND party.creator_id = known.creator_id))
    ORDER BY known.party, party.payee_id IS NULL, party.created_at
"""

# What was credited to each party, by quarter: releases less what was recalled. The commission of the same movement is a
# fee of those who shared in it, each by their part: parts of a running sum, so that they add up to the last cent.
_CREDITED = """
    WITH moved AS (
      SELECT transfer.id, split_part(coalesce(pending.key, transfer.key), ':', 2) AS movement, transfer.subject,
             transfer.currency, transfer.amount_minor, transfer.recorded_at,
             CASE WHEN transfer.kind IN ('release', 'commission') THEN 1 ELSE -1 END AS sign,
             CASE WHEN transfer.kind IN ('release', 'commission') THEN target.kind ELSE source.kind END AS whose,
             CASE WHEN transfer.kind IN ('release', 'commission') THEN target.party ELSE source.party END AS party
      FROM ledger_transfers AS transfer
      JOIN ledger_accounts AS source ON source.tenant_id = transfer.tenant_id AND source.id = transfer.source_id
      JOIN ledger_accounts AS target ON target.tenant_id = transfer.tenant_id AND target.id = transfer.destination_id
      LEFT JOIN ledger_transfers AS pending ON pending.tenant_id = transfer.tenant_id
        AND pending.id = transfer.pending_id
      WHERE transfer.tenant_id = :tenant_id AND transfer.phase IN ('single', 'post')
        AND transfer.kind IN ('release', 'commission', 'reversal', 'recovery')
        AND transfer.recorded_at >= make_timestamptz(:year, 1, 1, 0, 0, 0, 'UTC')
        AND transfer.recorded_at < make_timestamptz(:year + 1, 1, 1, 0, 0, 0, 'UTC')
    ), kept AS (
      SELECT movement, sign, currency, sum(amount_minor) AS commission FROM moved WHERE whose = 'commission'
      GROUP BY movement, sign, currency
    ), shared AS (
      SELECT moved.*, sum(amount_minor) OVER (PARTITION BY movement, sign, currency) AS whole,
             sum(amount_minor) OVER (PARTITION BY movement, sign, currency ORDER BY id) AS so_far
      FROM moved WHERE whose IN ('payable', 'connected')
    ), shares AS (
      SELECT party, subject, currency, recorded_at, sign * amount_minor AS net,
             sign * coalesce(div(commission * so_far, whole) - div(commission * (so_far - amount_minor), whole), 0)
               AS fees
      FROM shared LEFT JOIN kept USING (movement, sign, currency)
    )
    SELECT party, currency, extract(quarter FROM recorded_at AT TIME ZONE 'UTC')::int AS quarter, sum(net) AS net,
           sum(fees) AS fees, count(DISTINCT subject) FILTER (WHERE net > 0)::int AS activities
    FROM shares GROUP BY 1, 2, 3
"""

# What each party was paid: transfers on from what they were owed, less what was taken back after that. The payout from
# their balance to their bank is their own money moving.
_PAID = """
    SELECT party, currency, sum(paid) AS paid, count(*) FILTER (WHERE paid > 0)::int AS payments FROM (
      SELECT source.party, transfer.currency, transfer.amount_minor AS paid, target.kind AS through
      FROM ledger_transfers AS transfer
      JOIN ledger_accounts AS source ON source.tenant_id = transfer.tenant_id AND source.id = transfer.source_id
      JOIN ledger_accounts AS target ON target.tenant_id = transfer.tenant_id AND target.id = transfer.destination_id
      WHERE transfer.tenant_id = :tenant_id AND transfer.phase IN ('single', 'post') AND source.kind = 'payable'
        AND target.kind IN ('connected', 'outside')
        AND transfer.recorded_at >= make_timestamptz(:year, 1, 1, 0, 0, 0, 'UTC')
        AND transfer.recorded_at < make_timestamptz(:year + 1, 1, 1, 0, 0, 0, 'UTC')
      UNION ALL
      SELECT source.party, transfer.currency, -transfer.amount_minor, 'connected'
      FROM ledger_transfers AS transfer
      JOIN ledger_accounts AS source ON source.tenant_id = transfer.tenant_id AND source.id = transfer.source_id
      WHERE transfer.tenant_id = :tenant_id AND transfer.phase IN ('single', 'post') AND source.kind = 'connected'
        AND transfer.kind IN ('reversal', 'recovery')
        AND transfer.recorded_at >= make_timestamptz(:year, 1, 1, 0, 0, 0, 'UTC')
        AND transfer.recorded_at < make_timestamptz(:year + 1, 1, 1, 0, 0, 0, 'UTC')
    ) AS moved
    WHERE through = 'outside' OR :through_provider
    GROUP BY party, currency
"""
