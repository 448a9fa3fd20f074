"""The arithmetic of an invoice: lines, tax a rate, sums, in whole minor units. Nothing here touches the database.

Tax is rounded half to even, once for each rate's sum (`total`, which is how EN 16931 has it) or on each line (`line`);
which of the two it was is written on the invoice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal

from engagerr.core.errors import InvalidInput
from engagerr.core.money import Money
from engagerr.core.payments.billing.vat import ZERO, Category, Treatment

ROUNDINGS = ("total", "line")
PIECE = "C62"  # UN/ECE recommendation 20: one
_MOST_LINES = 500
_LARGEST_MINOR = 10**15
_QUANTITY_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class LineDraft:
    """What is to be billed: `unit` is the net price of one. A quantity below zero takes off. `rate` is another VAT rate
    than the standard one (a reduced rate, as a fraction), where VAT is charged at all."""

    title: str
    unit: Money
    quantity: Decimal = Decimal(1)
    detail: str | None = None
    unit_code: str = PIECE
    rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line as it stands: `net` = quantity times `unit`. `tax` only where tax is rounded on each line."""

    position: int
    title: str
    detail: str | None
    quantity: Decimal
    unit_code: str
    unit: Money
    net: Money
    category: Category
    rate: Decimal
    tax: Money | None


@dataclass(frozen=True, slots=True)
class TaxSum:
    """What one rate comes to. `reason` says why there is no tax, `reason_code` the same in the VATEX list."""

    category: Category
    rate: Decimal
    basis: Money
    tax: Money
    reason: str | None
    reason_code: str | None


@dataclass(frozen=True, slots=True)
class Computed:
    """Lines and sums that agree with each other."""

    lines: tuple[InvoiceLine, ...]
    taxes: tuple[TaxSum, ...]
    net: Money
    tax: Money

    @property
    def gross(self) -> Money:
        """What is to be paid."""
        return self.net + self.tax


def computed(drafts: Sequence[LineDraft], treated: Treatment, *, currency: str, rounding: str = "total") -> Computed:
    """Lines with net prices, their tax and sums. Refuses other currencies, no lines, and a total below zero."""
    if rounding not in ROUNDINGS:
        raise InvalidInput(f"Tax is not rounded {rounding!r}.", hint="One of: total, line.")
    if not drafts or len(drafts) > _MOST_LINES:
        raise InvalidInput(f"An invoice has 1 to {_MOST_LINES} lines, not {len(drafts)}.", hint="Add a line, or split.")
    lines = tuple(_line(at, draft, treated, currency, rounding) for at, draft in enumerate(drafts, start=1))
    return _summed(lines, treated, currency, rounding)


def of_gross(items: Sequence[tuple[str, str | None, int]], treated: Treatment, *, currency: str) -> Computed:
    """Lines from what was charged with tax in it: (title, detail, minor units; below zero takes off).

    The sum to pay is exactly what was charged: tax is taken out of the whole, and what rounding leaves over goes to the
    largest line.
    """
    if not items:
        raise InvalidInput("Nothing was charged, so there is nothing to bill.")
    gross = Money(sum(minor for _, _, minor in items), currency)
    net = net_of(gross, treated.rate)
    nets = [net_of(Money(minor, currency), treated.rate) for _, _, minor in items]
    largest = max(range(len(nets)), key=lambda at: (abs(nets[at].minor), -at))
    nets[largest] += net - _sum(nets, currency)
    lines = tuple(
        InvoiceLine(
            at, title, detail, Decimal(-1 if part.minor < 0 else 1), PIECE, Money(abs(part.minor), currency), part,
            treated.category, treated.rate, None,
        )
        for at, ((title, detail, _), part) in enumerate(zip(items, nets, strict=True), start=1)
    )  # fmt: skip
    taxes = (TaxSum(treated.category, treated.rate, net, gross - net, treated.reason, treated.code),)
    return Computed(lines, taxes, net, gross - net)


def net_of(gross: Money, rate: Decimal) -> Money:
    """What is left of an amount that has tax in it."""
    net = (Decimal(gross.minor) / (1 + rate)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    return Money(int(net), gross.currency)


def credited(taxes: Sequence[TaxSum], left: Sequence[Money], amount: Money, *, title: str) -> Computed:
    """The lines of a credit note for part of an invoice: the amount (with tax) is spread over the rates by what is
    `left` of each, largest remainder first, so that its parts are exactly the amount."""
    total = _sum(left, amount.currency)
    if amount.minor <= 0 or total < amount:
        raise InvalidInput(
            f"{amount} cannot be credited: {total} of the invoice is left.",
            hint="Credit at most what is left of it.", facts={"asked": amount.minor, "left": total.minor},
        )  # fmt: skip
    parts = amount.split([one.minor for one in left])
    lines: list[InvoiceLine] = []
    sums: list[TaxSum] = []
    for taxed, part in zip(taxes, parts, strict=True):
        if not part:
            continue
        net = net_of(part, taxed.rate)
        sums.append(replace(taxed, basis=net, tax=part - net))
        lines.append(
            InvoiceLine(
                len(lines) + 1, title, None, Decimal(1), PIECE, net, net, taxed.category, taxed.rate, None
            )
        )  # fmt: skip
    net = _sum([one.basis for one in sums], amount.currency)
    return Computed(tuple(lines), tuple(sums), net, amount - net)


def _line(at: int, draft: LineDraft, treated: Treatment, currency: str, rounding: str) -> InvoiceLine:
    title = " ".join(draft.title.split())
    if not title or len(title) > 200 or len(draft.detail or "") > 2_000:
        raise InvalidInput(f"Line {at} needs a title of 1 to 200 characters.", hint="Put more into its detail.")
    if draft.unit.currency != currency:
        raise InvalidInput(f"Line {at} is in {draft.unit.currency}, the invoice in {currency}.", hint="Bill it apart.")
    if not draft.quantity.is_finite() or draft.quantity == 0 or draft.quantity % _QUANTITY_PLACES != 0:
        raise InvalidInput(f"Line {at} has no usable quantity: {draft.quantity}.", hint="At most four decimals, not 0.")
    if not 0 <= draft.unit.minor < _LARGEST_MINOR or abs(draft.quantity) >= 10**9:
        raise InvalidInput(f"Line {at} has a price below zero, or one that is too large.", hint="Give a quantity < 0.")
    exact = (draft.quantity * draft.unit.minor).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    net = Money(int(exact), currency)
    category, rate = _rate(at, draft, treated)
    tax = net.share(rate) if rounding == "line" else None
    return InvoiceLine(at, title, draft.detail, draft.quantity, draft.unit_code, draft.unit, net, category, rate, tax)


def _rate(at: int, draft: LineDraft, treated: Treatment) -> tuple[Category, Decimal]:
    if draft.rate is None or draft.rate == treated.rate:
        return treated.category, treated.rate
    if treated.category is not Category.STANDARD:
        raise InvalidInput(f"Line {at} names a VAT rate, but there is no VAT. {treated.why}", hint="Leave it out.")
    if not (draft.rate.is_finite() and ZERO <= draft.rate < 1) or draft.rate % Decimal("0.00001") != 0:
        raise InvalidInput(f"{draft.rate} is no VAT rate.", hint="A fraction: 0.07 is 7 %.")
    return (Category.STANDARD if draft.rate else Category.ZERO_RATED), draft.rate


def _summed(lines: tuple[InvoiceLine, ...], treated: Treatment, currency: str, rounding: str) -> Computed:
    groups: dict[tuple[Category, Decimal], list[InvoiceLine]] = {}
    for line in lines:
        groups.setdefault((line.category, line.rate), []).append(line)
    taxes = []
    for (category, rate), members in sorted(groups.items(), key=lambda entry: (-entry[0][1], entry[0][0])):
        basis = _sum([line.net for line in members], currency)
        tax = (
            _sum([line.tax for line in members if line.tax is not None], currency)
            if rounding == "line"
            else basis.share(rate)
        )
        told = (treated.reason, treated.code) if category is treated.category else (None, None)
        taxes.append(TaxSum(category, rate, basis, tax, *told))
    net, tax = _sum([one.basis for one in taxes], currency), _sum([one.tax for one in taxes], currency)
    if net.minor < 0 or tax.minor < 0 or (net + tax).minor == 0:
        raise InvalidInput(
            f"The lines come to {net + tax}.", hint="An invoice asks for money; to give some back, credit an invoice."
        )
    return Computed(lines, tuple(taxes), net, tax)


def _sum(parts: Sequence[Money], currency: str) -> Money:
    return Money(sum(part.minor for part in parts), currency)
