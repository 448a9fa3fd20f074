"""How exports write numbers, durations and dates, and what each cell means. Absent is never zero.

Numbers come as "1234", "1,234", "1.234", "1 234", "1.234,5", "1.2K", "12 %"; dates as "Sep 14, 2026", "14. Sept. 2026",
"14 de septiembre", "2026-09-14", "09/14/2026 06:08". A cell is read by its own shape first; only what stays open
("1.234") is settled by the other cells of its column and file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

from engagerr.core.integrations.records import State


class Unit(StrEnum):
    """What a metric column counts in, and so how its cells are read."""

    COUNT = "count"  # whole, zero or more
    NET = "net"  # whole, may be negative (subscribers, likes taken back)
    DECIMAL = "decimal"
    PERCENT = "percent"
    HOURS = "hours"
    SECONDS = "seconds"  # written h:mm:ss, m:ss or as plain seconds
    MONEY = "money"  # in the currency that the heading names


@dataclass(frozen=True, slots=True)
class Reported:
    """A cell as understood: `value` is `None` exactly when `state` carries no value."""

    value: int | Decimal | None
    state: State


_WHOLE = {Unit.COUNT, Unit.NET}
_MISSING = {
    "",
    "undefined",
    "null",
    "none",
    "nan",
    "n/a",
    "na",
    "n.a.",
    "not available",
    "k. a.",
    "k.a.",
    "n.d.",
    "s.o.",
}
_DASHES = {"-", "--", "–", "—", "−", "‐", "---"}
_FACTORS = {
    "": 1,
    "k": 10**3, "tsd": 10**3, "mil": 10**3,
    "m": 10**6, "mio": 10**6, "mill": 10**6,
    "b": 10**9, "bn": 10**9, "mrd": 10**9, "md": 10**9,
}  # fmt: skip
_NUMBER = re.compile(r"([+-]?)\s?([0-9][0-9.,' ]*|[.,][0-9]+)\s?([a-z]*)\.?")
_GROUPED = {
    mark: re.compile(rf"[0-9]{{1,3}}(?:[{mark}][0-9]{{2,3}})*[{mark}][0-9]{{3}}") for mark in (".", ",", " ", "'")
}
_MAX_DIGITS = 18  # what a 64-bit column holds; a longer "count" is an id or damage
_ODD_MARKS = str.maketrans(
    {"’": "'", "`": "'", "−": "-", "–": "-", "٫": ".", "٬": ",", "\u200e": "", "\u200f": "", "\u061c": ""}
)


def is_missing(text: str) -> bool:
    """True where a cell names no figure: empty, "undefined", "-", "N/A"."""
    word = text.strip()
    return word.casefold() in _MISSING or word in _DASHES


def is_dash(text: str) -> bool:
    """True for a lone dash, which some exports use for "does not apply"."""
    return text.strip() in _DASHES


def read_number(text: str, unit: Unit, *, decimal_mark: str | None = ".") -> Reported:
    """Understand one cell. `decimal_mark` ("." or ",") settles "1.234"; `None` means that the file contradicts itself.

    Raises `ValueError` with the reason, in words for the user, when the cell is not a number of this unit.
    """
    cell = text.strip()
    if cell.isascii() and cell.isdigit() and len(cell) <= _MAX_DIGITS:
        plain = int(cell)
        return Reported(plain if unit in _WHOLE or unit is Unit.SECONDS else Decimal(plain), _state(plain))
    if is_missing(cell):
        return Reported(None, State.NOT_REPORTED)
    if unit is Unit.SECONDS:
        seconds = read_duration(cell)
        return Reported(int(seconds) if seconds == seconds.to_integral_value() else seconds, _state(seconds))
    sign, body, factor = _parts(cell, unit)
    value = Decimal(_plain_digits(body, whole=unit in _WHOLE, rounded=factor > 1, decimal_mark=decimal_mark))
    if factor > 1:  # multiplying rounds to the context's digits, even by one
        value *= factor
    if sign == "-":
        value = -value
    if unit is Unit.COUNT and value < 0:
        raise ValueError("a count cannot be negative")
    if unit in _WHOLE:
        if value != value.to_integral_value():
            raise ValueError("a count has no fraction")
        value_read: int | Decimal = int(value)
    else:
        value_read = value
    # "1.2K" is the platform's own rounding: the figure lies near 1,200 and is not known better.
    return Reported(value_read, State.ESTIMATED if factor > 1 and value_read else _state(value_read))


def read_duration(text: str) -> Decimal:
    """Seconds of "978", "59.5", "4:23", "0:04:23" or "1:11:11,270". Raises `ValueError` with the reason."""
    match = re.fullmatch(r"(?:(\d{1,5}):)?(?:(\d{1,5}):)?(\d{1,9})(?:[.,](\d{1,6}))?", text.strip(), re.ASCII)
    if match is None:
        raise ValueError("it is not a duration such as 978, 4:23 or 0:04:23")
    first, second, seconds, fraction = match.groups()
    hours, minutes = (int(first or 0), int(second)) if second is not None else (0, int(first or 0))
    if first is not None and (int(seconds) > 59 or (second is not None and minutes > 59)):
        raise ValueError("its minutes or seconds go beyond 59")
    return Decimal(
        f"{hours * 3600 + minutes * 60 + int(seconds)}.{fraction}"
        if fraction
        else hours * 3600 + minutes * 60 + int(seconds)
    )


@dataclass(slots=True)
class DecimalMarks:
    """Evidence, gathered cell by cell, of which mark ("." or ",") a file and each of its columns use for decimals."""

    delimiter: str = ","
    _columns: dict[int, set[str]] = field(default_factory=dict)
    _weak: set[str] = field(default_factory=set)

    def observe(self, column: int, text: str, unit: Unit) -> None:
        """Look at one more cell."""
        if unit is Unit.SECONDS or ("." not in text and "," not in text):
            return
        try:
            _, body, factor = _parts(text.strip(), unit)
        except ValueError:
            return
        mark, certain = _decimal_mark_of(body, rounded=factor > 1)
        if mark and certain:
            self._columns.setdefault(column, set()).add(mark)
        elif mark and unit in _WHOLE:  # 1.234 views: whole things have no decimals, so the mark groups thousands
            self._weak.add("," if mark == "." else ".")

    def of(self, columns: Iterable[int]) -> dict[int, str | None]:
        """The decimal mark of each column; `None` where the evidence contradicts itself."""
        everywhere: set[str] = set().union(*self._columns.values())
        unproven = "," if self.delimiter == ";" else "."
        marks: dict[int, str | None] = {}
        for column in columns:
            seen = self._columns.get(column) or everywhere or self._weak or {unproven}
            marks[column] = next(iter(seen)) if len(seen) == 1 else None
        return marks


def _state(value: int | Decimal) -> State:
    return State.VALUE if value else State.ZERO


def _parts(cell: str, unit: Unit) -> tuple[str, str, int]:
    """Sign, digits with their marks, and the factor of "K" or "Mio."."""
    text = unicodedata.normalize("NFKC", cell).translate(_ODD_MARKS).casefold().strip()
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)
    if unit is Unit.PERCENT:
        text = text.removesuffix("%").removeprefix("%").strip()
    if unit is Unit.MONEY:
        text = re.sub(r"^([+-]?)\s*(?:us\$|[$€£¥])|(?:us\$|[$€£¥])$", r"\1", text).strip()
    match = _NUMBER.fullmatch(text) if len(text) <= 40 else None
    if match is None or match[3] not in _FACTORS:
        raise ValueError("it is not a number")
    return match[1], match[2].strip(), _FACTORS[match[3]]


def _decimal_mark_of(body: str, *, rounded: bool) -> tuple[str | None, bool]:
    """The decimal mark that the digits show by themselves, and whether that is certain."""
    dots, commas = body.count("."), body.count(",")
    if dots and commas:
        return ("." if body.rindex(".") > body.rindex(",") else ","), True
    if dots + commas == 0:
        return None, False
    mark = "." if dots else ","
    if dots + commas > 1:
        return ("," if dots else "."), True
    left, right = body.split(mark)
    return mark, rounded or not (len(right) == 3 and len(left) <= 3 and not left.startswith("0") and left != "")


def _plain_digits(body: str, *, whole: bool, rounded: bool, decimal_mark: str | None) -> str:
    """The digits with "." for decimals and no grouping."""
    mark, certain = _decimal_mark_of(body, rounded=rounded)
    if mark and not certain:
        if whole:
            mark = None
        elif decimal_mark is None:
            readings = f"{body.replace(mark, '')} or {body.replace(mark, '.')}"
            raise ValueError(f"it can be read as {readings}, and the other numbers of this file do not say which")
        else:
            mark = decimal_mark
    left, _, right = body.rpartition(mark) if mark and mark in body else (body, "", "")
    if not left.isdigit() and left and not any(grouped.fullmatch(left) for grouped in _GROUPED.values()):
        raise ValueError("its digits are not grouped as a number is")
    if mark and mark in body and not right.isdigit():
        raise ValueError("it is not a number")
    digits = re.sub(r"[^0-9]", "", left)
    if len(digits.lstrip("0")) > _MAX_DIGITS:
        raise ValueError("it is too large to be a figure of a platform")
    return f"{digits or '0'}.{right}" if right else digits


# Names of months where platforms write them out. Any beginning of at least three letters counts ("Sept.", "janv.").
_MONTH_NAMES = (
    "january february march april may june july august september october november december",
    "januar februar marz april mai juni juli august september oktober november dezember",
    "maerz mrz",  # German again: the spelling without umlaut, and the abbreviation
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
)
_WEEKDAYS = frozenset(
    word
    for words in (
        "mon monday tue tues tuesday wed wednesday thu thur thurs thursday fri friday sat saturday sun sunday",
        "mo montag di dienstag mi mittwoch do donnerstag fr freitag sa samstag so sonntag",
        "lun lunes martes mie miercoles jue jueves vie viernes sab sabado dom domingo",
        "lundi mardi mer mercredi jeu jeudi ven vendredi sam samedi dim dimanche",
    )
    for word in words.split()
)
_FILLERS = frozenset({"de", "del", "the", "of", "st", "nd", "rd", "th", "er", "um", "at", "a"})


def _month_words() -> dict[str, int]:
    months: dict[str, set[int]] = {}
    for names in _MONTH_NAMES:
        words = names.split()
        for at, word in enumerate(words):
            number = at + 1 if len(words) == 12 else 3
            for length in range(3, len(word) + 1):
                months.setdefault(word[:length], set()).add(number)
    return {word: next(iter(numbers)) for word, numbers in months.items() if len(numbers) == 1}


_MONTHS = _month_words()
_TIME = re.compile(
    r"(?<![\sT,])[\sT,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:\s*([ap])\.?m\.?)?(?:\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2}))?$",
    re.I | re.ASCII,
)


_MOST_YEARS = 25  # no platform that gives figures by day is older


@dataclass(frozen=True, slots=True)
class Day:
    """A day as written: `year` is `None` where the export leaves it out."""

    year: int | None
    month: int
    day: int

    def on(self, year: int) -> date | None:
        """The date in that year; `None` for 29 February of a common year."""
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return None

    def latest(self, bound: date) -> date:
        """The date itself, or without a year the latest such date that is not after `bound`."""
        if self.year is not None:
            return date(self.year, self.month, self.day)
        for year in range(bound.year, bound.year - 9, -1):  # leap years are at most eight years apart (1896, 1904)
            found = self.on(year)
            if found is not None and found <= bound:
                return found
        raise ValueError("there is no such day in any recent year")


def read_day(text: str, *, month_first: bool = True) -> Day:
    """A day in ISO form, in figures, or with the month in words. Raises `ValueError` with the reason."""
    cell = unicodedata.normalize("NFKC", text).strip()
    match = re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", cell, re.ASCII)
    if match:
        return _checked(Day(int(match[1]), int(match[2]), int(match[3])))
    match = re.fullmatch(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", cell, re.ASCII)
    if match:
        first, second = int(match[1]), int(match[3])
        month, day = (first, second) if month_first and match[2] == "/" else (second, first)
        return _checked(Day(int(match[4]), month, day))
    return _day_in_words(cell)


def read_moment(text: str, *, month_first: bool = True) -> datetime:
    """An aware UTC moment; a day alone is its midnight, and a time without a zone is taken as UTC.

    Raises `ValueError` with the reason; a day without a year is refused here.
    """
    day, clock = split_time(text)
    written = read_day(day, month_first=month_first)
    if written.year is None:
        raise ValueError("it names no year")
    return at_clock(date(written.year, written.month, written.day), clock)


def split_time(text: str) -> tuple[str, re.Match[str] | None]:
    """The day and the time of day of a cell such as "03/27/2026 06:08"."""
    clock = _TIME.search(text.strip())
    return (text.strip()[: clock.start()], clock) if clock else (text.strip(), None)


def at_clock(day: date, clock: re.Match[str] | None) -> datetime:
    """The moment of that day which `split_time` found; midnight without one. Raises `ValueError`."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if clock is None:
        return midnight
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    if clock[4]:
        if not 1 <= hour <= 12:
            raise ValueError("its time of day does not exist")
        hour = hour % 12 + (12 if clock[4].lower() == "p" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("its time of day does not exist")
    offset = timedelta(0)
    if clock[5] and clock[5][0] in "+-":
        digits = clock[5][1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (-1 if clock[5][0] == "-" else 1)
        if abs(offset) >= timedelta(hours=24):
            raise ValueError("its time zone does not exist")
    try:
        return midnight.replace(hour=hour, minute=minute, second=second, tzinfo=timezone(offset)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it lies outside the calendar") from error


def months_come_first(cells: Iterable[str]) -> tuple[bool, bool]:
    """Whether figures such as 03/27/2026 lead with the month, and whether the cells prove it.

    Without proof the answer is yes, the order that Meta's English exports use.
    """
    first_is_day = second_is_day = False
    for cell in cells:
        match = re.match(r"\s*(\d{1,2})/(\d{1,2})/\d{4}", cell, re.ASCII)
        if match:
            first_is_day |= int(match[1]) > 12
            second_is_day |= int(match[2]) > 12
    return not (first_is_day and not second_is_day), first_is_day or second_is_day


def dates_of(days: Sequence[Day], *, bound: date) -> list[date]:
    """Dates for a daily series that may leave out its years, the newest not after `bound`.

    A series runs forwards or backwards and can span New Year: each day is placed as close as possible to its
    neighbour. A series that contains 29 February lies where that day exists. Raises `ValueError` where the days stand
    in no order, so that they would reach back further than any platform's figures.
    """
    if not days:
        return []
    if all(day.year is not None for day in days):
        return [day.latest(bound) for day in days]
    anchors = [bound]
    if any(day.year is None and (day.month, day.day) == (2, 29) for day in days):
        anchors += [bound - timedelta(days=365 * back) for back in range(1, 9)]
    best: tuple[timedelta, list[date]] | None = None
    for anchor in anchors:
        for backwards in (False, True):
            placed = _placed(list(reversed(days)) if not backwards else list(days), anchor)
            if placed is None:
                continue
            if not backwards:
                placed.reverse()
            span = max(placed) - min(placed)
            if best is None or span < best[0]:
                best = (span, placed)
    if best is None:
        raise ValueError("the days name no year and stand in no order that would tell it")
    return best[1]


def _placed(newest_first: list[Day], bound: date) -> list[date] | None:
    placed: list[date] = []
    earliest = bound.year - _MOST_YEARS
    for day in newest_first:
        bound = day.latest(bound)
        if bound.year < earliest:
            return None
        placed.append(bound)
    return placed


def _checked(day: Day) -> Day:
    year = 2000 if day.year is None else day.year  # without a year, 29 February may exist
    if not 1 <= year <= 9998 or day.on(year) is None:
        raise ValueError("there is no such day")
    return day


def _day_in_words(cell: str) -> Day:
    folded = "".join(char for char in unicodedata.normalize("NFKD", cell.casefold()) if not unicodedata.combining(char))
    tokens = re.findall(r"[0-9]+|[^\W\d_]+", folded)
    figures = [int(token) for token in tokens if token.isdigit() and len(token) <= 4]
    words = [token for token in tokens if not token.isdigit()]
    months = [_MONTHS[word] for word in words if word in _MONTHS]
    strange = [word for word in words if word not in _MONTHS and word not in _WEEKDAYS and word not in _FILLERS]
    years = [figure for figure in figures if figure > 31]
    days = [figure for figure in figures if figure <= 31]
    if strange or not months or len(days) != 1 or len(years) > 1 or len(figures) != len(tokens) - len(words):
        raise ValueError("it is not a day that we can read")
    if years and years[0] < 1000:
        raise ValueError("its year does not have four digits")
    # A weekday such as the Spanish "mar." reads like a month; it stands before the month, so the last one is meant.
    return _checked(Day(years[0] if years else None, months[-1], days[0]))
