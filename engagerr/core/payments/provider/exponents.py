"""How the payment provider counts money: which of its amounts are whole units, hundredths or thousandths.

Stripe's own table (docs.stripe.com/currencies, read in November 2026), frozen here because it agrees with neither ISO
4217 nor CLDR: it takes krónur and Ugandan shillings in hundredths that must be zero, and ariary in whole units. Of the
shilling its page says both; the special case, which is the more exact of the two, is what is followed.
"""

from __future__ import annotations

from dataclasses import dataclass

from engagerr.core.errors import InvalidInput
from engagerr.core.money import Money, minor_digits

ZERO_DECIMAL = frozenset((
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
))  # fmt: skip
THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
# Hundredths that must be zero, in every call.
WHOLE_UNITS_IN_HUNDREDTHS = frozenset(("ISK", "UGX"))
# Charged in hundredths, paid out in whole units only.
WHOLE_PAYOUTS = frozenset(("HUF", "ISK", "TWD", "UGX"))
# Currencies whose thousandths Stripe does not know: their amounts would be read as ten times what they are.
_NOT_TAKEN = frozenset(("CLF", "IQD", "LYD", "UYI", "UYW"))


@dataclass(frozen=True, slots=True)
class Payable:
    """What of a balance can be paid out now, and what has to stay until more comes."""

    paid: Money
    stays: Money


def provider_digits(currency: str) -> int:
    """How many decimals the provider's amounts of this currency have."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def to_provider(money: Money) -> int:
    """The amount as the provider takes it. `InvalidInput` where it cannot express it: nothing is rounded in silence.

    >>> to_provider(Money(5, "ISK")), to_provider(Money(500, "JPY")), to_provider(Money(1050, "EUR"))
    (500, 500, 1050)
    """
    _refuse_unknown(money.currency)
    theirs, ours = provider_digits(money.currency), minor_digits(money.currency)
    amount, rest = _rescaled(money.minor, ours, theirs)
    step = _step(money.currency)
    if rest or amount % step:
        raise InvalidInput(
            f"{money} cannot be paid through the provider: it takes {money.currency} in steps of"
            f" {from_provider(max(step, 1), money.currency)}.",
            hint="Round the amount before it is agreed.",
            facts={"minor": money.minor, "currency": money.currency},
        )
    return amount


def from_provider(amount: int, currency: str) -> Money:
    """The provider's amount as money; its currency codes are written in small letters.

    `InvalidInput` for a fraction that our currency does not know.
    """
    code = currency.upper()
    _refuse_unknown(code)
    theirs, ours = provider_digits(code), minor_digits(code)
    minor, rest = _rescaled(amount, theirs, ours)
    if rest:
        raise InvalidInput(
            f"The provider speaks of {amount} {code}, which is no whole number of minor units.",
            hint="Settle the fraction with the provider; the books know whole minor units only.",
            facts={"amount": amount, "currency": code},
        )
    return Money(minor, code)


def provider_step(currency: str) -> int:
    """How many of our minor units the smallest amount is that the provider can express; 1 for nearly all.

    >>> provider_step("EUR"), provider_step("KWD"), provider_step("MGA")
    (1, 10, 100)
    """
    return _in_ours(_step(currency), currency)


def payable(balance: Money) -> Payable:
    """How much of a balance the provider can pay out: for some currencies whole units only, the rest stays."""
    _refuse_unknown(balance.currency)
    in_ours = _in_ours(100 if balance.currency in WHOLE_PAYOUTS else _step(balance.currency), balance.currency)
    stays = balance.minor % in_ours if balance.minor > 0 else balance.minor
    return Payable(Money(balance.minor - stays, balance.currency), Money(stays, balance.currency))


def _in_ours(step: int, currency: str) -> int:
    """A step in the provider's units as one in ours."""
    return max(step * int(10 ** minor_digits(currency)) // int(10 ** provider_digits(currency)), 1)


def _rescaled(amount: int, digits: int, to_digits: int) -> tuple[int, int]:
    """(the amount with so many decimals, what is lost by that)."""
    up: int = 10 ** max(to_digits - digits, 0)
    down: int = 10 ** max(digits - to_digits, 0)
    return divmod(amount * up, down)


def _step(currency: str) -> int:
    """Amounts must be multiples of this, in the provider's units."""
    if currency in WHOLE_UNITS_IN_HUNDREDTHS:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def _refuse_unknown(currency: str) -> None:
    if currency in _NOT_TAKEN:
        raise InvalidInput(
            f"The payment provider does not know the minor unit of {currency}.", hint="Agree another currency."
        )
