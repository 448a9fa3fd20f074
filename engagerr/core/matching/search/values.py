"""What the values of filters mean: 20k, 3%, 14d, 8min, 2027-03-01..2027-04-30, amounts of a currency."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from engagerr.core.errors import InvalidInput
from engagerr.core.matching.search.filters import Found, Kind
from engagerr.core.money import Money

_NUMBER = re.compile(r"([+-]?\d[\d_]*(?:\.\d+)?|[+-]?\.\d+)\s*(k|m|mio|bn|%)?", re.IGNORECASE)
_SIZES = {"": 1, "k": 1_000, "m": 1_000_000, "mio": 1_000_000, "bn": 1_000_000_000}
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(h|d|w|mo|y)", re.IGNORECASE)
_AGE_DAYS = {"h": 1 / 24, "d": 1, "w": 7, "mo": 30.4375, "y": 365.25}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|min|h)?", re.IGNORECASE)
_LENGTH_SECONDS = {"": 1, "s": 1, "sec": 1, "min": 60, "h": 3600}
_LARGEST = Decimal(10) ** 18
_TRUE, _FALSE = {"yes", "true", "1"}, {"no", "false", "0"}


def bad_value(found: Found, value: str, hint: str, column: int | None) -> InvalidInput:
    """A value that the filter cannot use."""
    at = "" if column is None else f" (column {column})"
    return InvalidInput(
        f"{value!r} is no value of {found.written}{at}.",
        hint=hint,
        facts={"filter": found.written, "value": value, "column": column},
    )


def read_value(found: Found, value: str, column: int | None = None) -> Any:
    """One value in the unit of the filter's column; ages in days, lengths in seconds, shares from 0 to 1."""
    kind = found.filter.kind
    if kind in (Kind.WORD, Kind.WORDS):
        return value.casefold()
    if kind is Kind.MONEY:
        return _money(found, value, column)
    if kind is Kind.AGE:
        return _scaled(found, value, _AGE, _AGE_DAYS, "Write an age such as 14d, 2w, 6mo or 1y.", column)
    if kind is Kind.DURATION:
        return _scaled(found, value, _LENGTH, _LENGTH_SECONDS, "Write a length such as 90s, 8min or 1h.", column)
    if kind is Kind.DATE:
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise bad_value(found, value, "Write a day such as 2027-03-01.", column) from None
    return _number(found, value, column)


def _number(found: Found, value: str, column: int | None) -> float:
    match = _NUMBER.fullmatch(value.strip())
    share = found.filter.kind is Kind.SHARE
    if match is None:
        raise bad_value(found, value, "Write a share such as 3% or 0.03." if share else "Write 20000 or 20k.", column)
    try:
        number = Decimal(match.group(1).replace("_", ""))
    except InvalidOperation:
        raise bad_value(found, value, "Write a number such as 20000 or 20k.", column) from None
    unit = (match.group(2) or "").lower()
    if share and unit not in ("", "%"):
        raise bad_value(found, value, "It is a share: write 3% or 0.03.", column)
    if share and not unit and abs(number) > 1:
        raise bad_value(found, value, f"It is a share: write {value}% or {number / 100}.", column)
    if unit == "%" and not share:
        raise bad_value(found, value, "It is a number, not a share: write 20000 or 20k.", column)
    number = number / 100 if unit == "%" else number * _SIZES[unit]
    if abs(number) > _LARGEST:
        raise bad_value(found, value, "Nothing is as large as that.", column)
    return float(number)


def _money(found: Found, value: str, column: int | None) -> int:
    currency = found.parts[-1]
    match = _NUMBER.fullmatch(value.strip())
    if match is None or (match.group(2) or "").lower() == "%":
        raise bad_value(found, value, f"Write an amount in {currency}, such as 2500 or 2.5k.", column)
    amount = Decimal(match.group(1).replace("_", "")) * _SIZES[(match.group(2) or "").lower()]
    return Money.parse(amount, currency).minor


def _scaled(
    found: Found, value: str, pattern: re.Pattern[str], sizes: Mapping[str, float], hint: str, column: int | None
) -> float:
    match = pattern.fullmatch(value.strip())
    if match is None:
        raise bad_value(found, value, hint, column)
    return float(match.group(1)) * sizes[(match.group(2) or "").lower()]


def read_days(found: Found, value: str, column: int | None = None) -> tuple[date, date]:
    """The first and the last of some days, both within: 2027-03-01..2027-04-30, or one day."""
    first, _, last = value.partition("..")
    try:
        since = date.fromisoformat(first)
        until = date.fromisoformat(last or first)
    except ValueError:
        raise bad_value(found, value, "Write days as 2027-03-01..2027-04-30.", column) from None
    if until < since:
        raise bad_value(found, value, "The days end before they begin.", column)
    return since, until


def read_flag(found: Found, value: str, column: int | None = None) -> bool:
    """yes or no."""
    if value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise bad_value(found, value, f"Write {found.written}, or not {found.written}.", column)


def moment_before(now: datetime, days: float) -> datetime:
    """The moment that many days before now; never before the year 1."""
    try:
        return now - timedelta(days=days)
    except OverflowError:
        return datetime.min.replace(tzinfo=now.tzinfo)
