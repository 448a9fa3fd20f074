"""How the console writes numbers, money, changes, days and what is missing. Pure: values in, cells out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from engagerr.tui import glyphs

if TYPE_CHECKING:
    from engagerr.core.money import Money

NARROW_SPACE = "\N{NO-BREAK SPACE}"
_SIZES = ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k"))
# Only where the sign names one currency; all others are written by their code.
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩"}
_STEADY = Decimal("0.04")
_WEEKDAY_WITHIN_DAYS = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one cell: runs of text with the token of their colour.

    `reason` says why a figure is missing, estimated or broken; the line above the keys shows it under the cursor.
    """

    parts: tuple[tuple[str, str], ...]
    reason: str | None = None

    @property
    def text(self) -> str:
        """The text without its colours."""
        return "".join(text for text, _ in self.parts)


def cell(text: str, token: str = "ink", *, reason: str | None = None) -> Cell:
    """A cell of one run."""
    return Cell(((text, token),), reason)


BLANK = cell("")


def missing(reason: str) -> Cell:
    """A figure that is not there, and why. Never zero and never blank."""
    return Cell(((glyphs.MISSING, "faint"),), reason)


def hidden(whom: str = "Only people with the right to see it.") -> Cell:
    """A figure that this person may not see."""
    return Cell((("hidden", "faint"),), whom)


def count(value: Decimal | float | None, *, why: str = "not reported", estimated: bool = False,
          broken: str | None = None, token: str = "ink") -> Cell:  # fmt: skip
    """`1.2 M`, `835 k`, `947`; `≈` before an estimate, `†` after a figure that spans a change of definition."""
    if value is None:
        return missing(why)
    text = (f"{glyphs.ABOUT}{NARROW_SPACE}" if estimated else "") + short(value)
    if broken:
        return Cell(((text, token), (glyphs.CHANGED, "attention")), broken)
    return Cell(((text, token),), why if estimated else None)


def short(value: Decimal | float) -> str:
    """A count in at most four digits and its unit."""
    exact = Decimal(str(value))
    sign, size = (glyphs.MINUS if exact < 0 else ""), abs(exact)
    for unit, suffix in _SIZES:
        scaled = size / unit
        if scaled >= Decimal("0.9995") or (size >= 1000 and suffix == "k"):
            places = Decimal("0.1") if scaled < Decimal("99.95") else Decimal(1)
            return f"{sign}{scaled.quantize(places, ROUND_HALF_UP):,}{NARROW_SPACE}{suffix}"
    return f"{sign}{size.quantize(Decimal(1), ROUND_HALF_UP):,}"


def whole(value: Decimal | int) -> str:
    """A count in full, with separators."""
    return f"{value:,.0f}".replace("-", glyphs.MINUS)


def money(amount: Money | None, *, why: str = "no amount yet", token: str = "ink") -> Cell:
    """`€12,500.00`, `CHF 1,200.00`: always with the decimals that the currency has."""
    return missing(why) if amount is None else cell(money_text(amount), token)


def money_text(amount: Money) -> str:
    """The same as text."""
    from engagerr.core.money import minor_digits

    sign = glyphs.MINUS if amount.minor < 0 else ""
    symbol = _SIGNS.get(amount.currency, f"{amount.currency}{NARROW_SPACE}")
    return f"{sign}{symbol}{abs(amount.amount):,.{minor_digits(amount.currency)}f}"


def about_money(amount: Money) -> str:
    """An estimate: rounded to whole units, without decimals."""
    symbol = _SIGNS.get(amount.currency, f"{amount.currency}{NARROW_SPACE}")
    return f"{glyphs.ABOUT}{NARROW_SPACE}{symbol}{amount.amount:,.0f}"


def change(ratio: Decimal | float | None, *, good: str = "up", why: str = "nothing to compare with") -> Cell:
    """`+31 %`, `−18 %`; within ±4 % in grey. `good` is "up", "down" or "neither", as the definition says."""
    if ratio is None:
        return missing(why)
    exact = Decimal(str(ratio))
    per_cent = (exact * 100).quantize(Decimal(1), ROUND_HALF_UP)
    sign = glyphs.MINUS if per_cent < 0 else "+"
    token = "soft"
    if abs(exact) > _STEADY and good != "neither":
        token = "good" if (exact > 0) == (good == "up") else "danger"
    return cell(f"{sign}{abs(per_cent):,}{NARROW_SPACE}%", token)


def points(difference: Decimal | float | None, *, why: str = "nothing to compare with") -> Cell:
    """A change of a ratio, in percentage points: `−0.3 pt`. `difference` is a fraction: 0.003 is 0.3 points."""
    if difference is None:
        return missing(why)
    exact = (Decimal(str(difference)) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return cell(f"{glyphs.MINUS if exact < 0 else '+'}{abs(exact)}{NARROW_SPACE}pt", "soft")


def ratio(value: Decimal | float | None, *, why: str = "not reported", estimated: bool = False) -> Cell:
    """A share as per cent with one decimal: `4.1 %`. `value` is a fraction."""
    if value is None:
        return missing(why)
    per_cent = (Decimal(str(value)) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    about = f"{glyphs.ABOUT}{NARROW_SPACE}" if estimated else ""
    return cell(f"{about}{per_cent}{NARROW_SPACE}%", reason=why if estimated else None)


def day(value: date | datetime | None, now: datetime, *, zone: tzinfo = UTC, year: bool = False) -> str:
    """`Tue 1 Dec`: the weekday within 60 days, in its place the year of another one; both where `year` asks (money)."""
    if value is None:
        return glyphs.MISSING
    here = value.astimezone(zone).date() if isinstance(value, datetime) else value
    today = now.astimezone(zone).date()
    near = abs((here - today).days) <= _WEEKDAY_WITHIN_DAYS and (year or here.year == today.year)
    weekday = f"{here:%a} " if near else ""
    return f"{weekday}{here.day} {here:%b}" + (f" {here.year}" if year or here.year != today.year else "")


def clock(value: datetime | None, now: datetime, *, zone: tzinfo = UTC) -> str:
    """`06:10` today, `Tue 1 Dec 06:10` on another day."""
    if value is None:
        return glyphs.MISSING
    here = value.astimezone(zone)
    if here.date() == now.astimezone(zone).date():
        return f"{here:%H:%M}"
    return f"{day(here, now, zone=zone)} {here:%H:%M}"


def span(until: date | datetime | None, now: datetime, *, zone: tzinfo = UTC) -> str:
    """`9 d left`, `today`, `3 d late`."""
    if until is None:
        return glyphs.MISSING
    there = until.astimezone(zone).date() if isinstance(until, datetime) else until
    days = (there - now.astimezone(zone).date()).days
    return "today" if days == 0 else f"{days} d left" if days > 0 else f"{-days} d late"


def age(since: datetime | None, now: datetime) -> str:
    """How long since, in the largest whole unit: `41 d`, `3 h`, `12 min`."""
    if since is None:
        return glyphs.MISSING
    seconds = max(int((now - since).total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:,} {unit}"
    return "now"


def cut(text: str, width: int) -> str:
    """The text in at most so many cells, its end given way to `…`; on one line and without control characters."""
    text = plain(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…" if width > 0 else ""


def cut_middle(text: str, width: int) -> str:
    """For addresses and names of files: the middle gives way."""
    text = plain(text)
    if cell_len(text) <= width or width < 3:
        return cut(text, width)
    head = (width - 1) // 2
    tail = width - 1 - head
    return set_cell_size(text, head) + "…" + set_cell_size(text[-tail:], tail)


def plain(text: str) -> str:
    """Text from elsewhere, fit for a terminal: one line, no control characters, nothing that turns the direction."""
    if text.isprintable():
        return text
    kept = (" " if sign in "\n\r\t\u2028\u2029" else sign for sign in text)
    turning = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F}
    return "".join(sign for sign in kept if (sign.isprintable() or sign == NARROW_SPACE) and ord(sign) not in turning)


def sparkline(values: Sequence[Decimal | float | None], *, width: int = 14, breaks: Sequence[int] = ()) -> Cell:
    """The last `width` values as levels: history in `dim`, the last in `accent`, `·` for a gap, `┆` before a break.

    `breaks` are indices into `values` at which another definition begins.
    """
    start = max(len(values) - width, 0)
    start += sum(at > start for at in breaks) if start or len(values) + len(breaks) > width else 0
    shown = [None if value is None else float(value) for value in values[start:]]
    known = [value for value in shown if value is not None]
    if not known:
        return missing("no figures in this time")
    low, high = min(0.0, *known), max(known)
    last = max(at for at, value in enumerate(shown) if value is not None)
    parts: list[tuple[str, str]] = []
    for at, value in enumerate(shown):
        if at + start in breaks and at:
            parts.append((glyphs.BREAK, "attention"))
        if value is None:
            parts.append((glyphs.GAP, "faint"))
            continue
        level = round((value - low) / (high - low) * (len(glyphs.LEVELS) - 1)) if high > low else 0
        parts.append((glyphs.LEVELS[level], "accent" if at == last else "dim"))
    return Cell(tuple(parts))


def bar(share: Decimal | float | None, width: int, *, token: str = "accent", why: str = "unknown") -> Cell:
    """A share between 0 and 1 as a bar; an unknown one is written as unknown and draws nothing."""
    if share is None:
        return Cell((("?" + " " * (width - 1), "unknown"),), why)
    filled = round(min(max(float(share), 0.0), 1.0) * width)
    return Cell(((glyphs.FULL * filled, token), ("─" * (width - filled), "line")))
