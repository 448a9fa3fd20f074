"""The filter of the roster as it is typed: words, `platform:yt`, `followers>10k`, `stale`. Pure: text in, tests out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from engagerr.core.desk.roster import CODES

if TYPE_CHECKING:
    from engagerr.core.desk.figures import Figure
    from engagerr.core.desk.roster import RosterRow

Test = Callable[["RosterRow", str], bool]

_TERM = re.compile(r'(-?)((?:[a-z_]+(?:>=|<=|>|<|=|:))?(?:"[^"]*"?|\S*))', re.IGNORECASE)
_COMPARED = re.compile(r"([a-z_]+)(>=|<=|>|<|=)(.*)", re.IGNORECASE)
_NUMBER = re.compile(r"(-?\d+(?:[.,]\d+)?)\s*(k|m|bn|%|d)?", re.IGNORECASE)
_PRICE = re.compile(r"(\d+(?:\.\d+)?)(k?)\s*([a-z]{3})", re.IGNORECASE)
_SIZES = {"": 1.0, "k": 1e3, "m": 1e6, "bn": 1e9, "%": 0.01, "d": 1.0}
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": lambda one, other: one > other, ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other, "<=": lambda one, other: one <= other,
    "=": lambda one, other: one == other,
}  # fmt: skip
_SHARES = ("change", "engagement")
_SHORT = {"eng": "engagement", "on": "platform", "deals": "open_deals", "posted": "last_post", "is": "sync"}
_FIGURES: Mapping[str, Callable[[RosterRow], Figure]] = {
    "followers": lambda row: row.followers, "views": lambda row: row.views, "change": lambda row: row.change,
    "engagement": lambda row: row.engagement,
}  # fmt: skip
_SYNCS = {
    "stale": ("late", "broken"), "late": ("late",), "broken": ("broken",), "fresh": ("fresh",),
    "unconnected": ("none",), "connected": ("fresh", "late", "broken"),
}  # fmt: skip
_WORDS: Mapping[str, Callable[[RosterRow], Sequence[str | None]]] = {
    "name": lambda row: (row.name,), "handle": lambda row: (row.handle,), "agent": lambda row: (row.agent,),
    "status": lambda row: (row.status,), "topic": lambda row: (row.topic, *row.topics),
}  # fmt: skip
EXAMPLE = "words  platform:yt  topic:music  followers>10k  change<0  posted<30d  price<500eur  stale"


@dataclass(frozen=True, slots=True)
class RosterFilter:
    """A filter that was read. All `tests` have to hold; `wrong` says what was not understood, and is left out."""

    said: str
    tests: tuple[Test, ...] = ()
    wrong: tuple[str, ...] = ()

    def holds(self, row: RosterRow, words: str) -> bool:
        """Whether a row passes; `words` are its own, as `words_of` gives them."""
        return all(test(row, words) for test in self.tests)


def words_of(row: RosterRow) -> str:
    """What bare words of a filter are looked for in."""
    said = (row.name, row.handle, *row.topics, row.topic, row.country, row.agent)
    return "\n".join(filter(None, said)).casefold()


def read_filter(said: str, now: datetime) -> RosterFilter:
    """Read what was typed. Terms stand side by side and all have to hold; `-` before one turns it round."""
    tests: list[Test] = []
    wrong: list[str] = []
    for negated, term in _TERM.findall(said.strip()):
        if not term:
            continue
        found = _test(term, now)
        if isinstance(found, str):
            wrong.append(found)
        else:
            tests.append(_turned(found) if negated else found)
    return RosterFilter(said, tuple(tests), tuple(wrong))


def _turned(test: Test) -> Test:
    return lambda row, words: not test(row, words)


def _test(term: str, now: datetime) -> Test | str:
    """The test of one term, or what is wrong with it."""
    if term.startswith('"'):
        return _contains(term)
    if compared := _COMPARED.fullmatch(term):
        return _comparison(compared[1].lower(), compared[2], compared[3], now)
    field, colon, value = term.partition(":")
    if colon and "/" not in value:
        return _field(field.lower(), value.strip('"'))
    if states := _SYNCS.get(term.lower()):
        return lambda row, _words: row.sync in states
    return _contains(term)


def _contains(term: str) -> Test:
    wanted = term.strip('"').casefold()
    return lambda _row, words: wanted in words


def _field(name: str, value: str) -> Test | str:
    name, wanted = _SHORT.get(name, name), value.casefold()
    if not wanted:
        return f"{name}: of what?"
    if made := _MADE.get(name):
        return made(wanted)
    read = _WORDS.get(name)
    if read is None:
        return f"{name}: is none of {', '.join((*_WORDS, 'platform', 'country', 'is', 'missing'))}"
    return lambda row, _words: any(wanted in (one or "").casefold() for one in read(row))


def _in(wanted: str) -> Test | str:
    return lambda row, _words: (row.country or "").casefold() == wanted


def _synced(wanted: str) -> Test | str:
    states = _SYNCS.get(wanted)
    return (lambda row, _words: row.sync in states) if states else f"is:{wanted} – one of {', '.join(_SYNCS)}"


def _on(wanted: str) -> Test | str:
    code = CODES.get(wanted) or next((code for code in CODES.values() if code.casefold() == wanted), None)
    if code is None:
        begun = [code for platform, code in CODES.items() if platform.startswith(wanted)]
        if not begun:
            return f"platform:{wanted} – one of {', '.join(CODES)}"
        return lambda row, _words: any(one in row.platforms for one in begun)
    return lambda row, _words: code in row.platforms


def _missing(name: str) -> Test | str:
    read = _FIGURES.get(name)
    if read is None:
        return f"missing:{name} – one of {', '.join(_FIGURES)}"
    return lambda row, _words: read(row).value is None


def _comparison(name: str, sign: str, value: str, now: datetime) -> Test | str:
    name, compare = _SHORT.get(name, name), _COMPARE[sign]
    if name == "price":
        return _price(sign, value)
    read = _number_of(name, now)
    if read is None:
        return f"{name}{sign} is none of {', '.join((*_FIGURES, 'deals', 'notes', 'posted', 'price'))}"
    number = _NUMBER.fullmatch(value.strip())
    if number is None:
        return f"{name}{sign}{value or '…'} – a number such as 10k, 1.5m or 4%"
    size = float(number[1].replace(",", ".")) * _SIZES[(number[2] or "").lower()]
    if name in _SHARES and number[2] != "%" and abs(size) >= 1:
        return f"{name}{sign}{value} – a share such as 4%"
    return lambda row, _words: (known := read(row)) is not None and compare(known, size)


def _number_of(name: str, now: datetime) -> Callable[[RosterRow], float | None] | None:
    """How a number of a row is read; None where it is missing."""
    if figure := _FIGURES.get(name):
        return lambda row: figure(row).value
    return {
        "open_deals": lambda row: row.open_deals, "notes": lambda row: row.notes,
        "last_post": lambda row: None if row.last_post is None else (now - row.last_post).days,
    }.get(name)  # fmt: skip


def _price(sign: str, value: str) -> Test | str:
    found = _PRICE.fullmatch(value.strip())
    if found is None:
        return f"price{sign}{value or '…'} – with its currency: price<500eur"
    from engagerr.core.money import minor_digits

    currency, compare = found[3].upper(), _COMPARE[sign]
    minor = float(found[1]) * _SIZES[found[2].lower()] * 10 ** minor_digits(currency)
    return lambda row, _words: any(one.currency == currency and compare(one.minor, minor) for one in row.prices)


_MADE: Mapping[str, Callable[[str], Test | str]] = {
    "platform": _on, "country": _in, "sync": _synced, "missing": lambda wanted: _missing(_SHORT.get(wanted, wanted)),
}  # fmt: skip
