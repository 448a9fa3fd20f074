"""How people write amounts of money on the command line."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.money import Money

# 6,000 and 6,000.50; anything else with a comma in it may be a decimal comma, and is refused.
_IN_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")


def amount_of(said: str) -> Money | Decimal:
    """ "3000 EUR" or "3,000.50 EUR" as money; without a currency the bare amount.

    Raises:
        InvalidInput: no amount, or one that may be read in two ways, such as 12,50.
    """
    from engagerr.core.money import Money

    amount, _, currency = said.strip().partition(" ")
    if _IN_THOUSANDS.fullmatch(amount):
        amount = amount.replace(",", "")
    if currency.strip():
        return Money.parse(amount, currency.strip().upper())
    try:
        return Decimal(amount)
    except ArithmeticError:
        raise InvalidInput(f"{said!r} is not an amount.", hint="Write it like 1250.00, or 1250.00 EUR.") from None


def money_of(said: str, currency: str) -> Money:
    """An amount of this currency, which may stand beside it.

    Raises:
        InvalidInput: no amount, one that may be read in two ways, or one of another currency.
    """
    from engagerr.core.money import Money

    amount = amount_of(said)
    if isinstance(amount, Decimal):
        return Money.parse(amount, currency)
    if amount.currency != currency:
        raise InvalidInput(f"{amount} is not in {currency}.", hint=f"Here the amount is one of {currency}.")
    return amount


def share_of(said: str) -> Decimal:
    """A share as a fraction: 15% and 0.15 are the same.

    Raises:
        InvalidInput: no number, or no share of a whole; 15 without a sign may be meant either way.
    """
    try:
        share = Decimal(said.strip().removesuffix("%").strip())
    except ArithmeticError:
        share = Decimal("NaN")
    share = share / 100 if "%" in said else share
    if not share.is_finite() or not 0 <= share <= 1:
        raise InvalidInput(f"{said!r} is no rate.", hint="Write 15% or 0.15.")
    return share
