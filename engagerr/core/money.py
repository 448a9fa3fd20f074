"""Money: integer minor units of one ISO 4217 currency, with arithmetic that never loses a cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from engagerr.core.errors import InvalidInput

_MOST_DIGITS = 30

# ISO 4217 (2024 list): currencies whose minor unit is not a hundredth. All others have two decimals.
_MINOR_DIGITS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0,
    "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip


def minor_digits(currency: str) -> int:
    """How many decimals the currency's minor unit has (JPY 0, EUR 2, KWD 3)."""
    return _MINOR_DIGITS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency: `minor` units (cents, yen), never a float.

    >>> str(Money(123450, "EUR"))
    'EUR 1,234.50'
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.minor, int) or isinstance(self.minor, bool):
            raise InvalidInput(
                f"Money takes whole minor units, not {self.minor!r}.", hint='Use Money.parse("12.50", "EUR").'
            )
        if not (
            len(self.currency) == 3 and self.currency.isascii() and self.currency.isalpha() and self.currency.isupper()
        ):
            raise InvalidInput(
                f"{self.currency!r} is not a currency code.", hint="Use three capital letters of ISO 4217, such as EUR."
            )

    @classmethod
    def parse(cls, amount: str | int | Decimal, currency: str) -> Money:
        """Read an amount in major units ("12.50"). More decimals than the currency has are refused."""
        try:
            minor = Decimal(amount).scaleb(minor_digits(currency))
            if minor.adjusted() > _MOST_DIGITS:
                raise ValueError("more money than there is")
            whole = int(minor)
        except (ArithmeticError, ValueError) as error:
            raise InvalidInput(f"{amount!r} is not an amount.", hint='Write it like "1250.00".') from error
        if minor != whole:
            raise InvalidInput(
                f"{amount} {currency} has more decimals than {currency} knows.",
                hint=f"{currency} has {minor_digits(currency)} decimals.",
            )
        return cls(whole, currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency))

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same_currency(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same_currency(other)
        return self.minor <= other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def share(self, rate: Decimal | str) -> Money:
        """A rate of this amount ("0.15" is 15 %), rounded half to even to a whole minor unit."""
        part = (Decimal(self.minor) * Decimal(rate)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
        return Money(int(part), self.currency)

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Divide by integer weights without losing a minor unit: the parts always add up to the whole.

        Left-over units go to the largest remainders, earlier parts first (Hamilton's method).
        """
        total = sum(weights)
        if total <= 0 or any(weight < 0 for weight in weights):
            raise InvalidInput("A split needs weights of zero or more, and at least one above zero.")
        sign = -1 if self.minor < 0 else 1
        whole = abs(self.minor)
        parts = [whole * weight // total for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda at: (-(whole * weights[at] % total), at))
        for at in by_remainder[: whole - sum(parts)]:
            parts[at] += 1
        return [Money(sign * part, self.currency) for part in parts]

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:,.{minor_digits(self.currency)}f}"

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise InvalidInput(f"{self.currency} and {other.currency} cannot be added or compared.")
