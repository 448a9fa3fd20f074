"""When a campaign runs, as people say it: March to April 2027, vom 1. März bis zum 15. April, next spring, Q2, by …"""

from __future__ import annotations

import calendar
import functools
import re
from collections.abc import Callable
from datetime import date, timedelta

from engagerr.core.ai.floor.names import month_of, month_pattern

# First and last day; None where the text leaves that end open.
Window = tuple[date | None, date | None]

_SEASONS = {
    "spring": 3, "frühjahr": 3, "frühling": 3, "primavera": 3, "printemps": 3,
    "summer": 6, "sommer": 6, "verano": 6, "été": 6,
    "autumn": 9, "fall": 9, "herbst": 9, "otoño": 9, "automne": 9,
    "winter": 12, "invierno": 12, "hiver": 12,
}  # fmt: skip
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4,
    "erste": 1, "ersten": 1, "erstes": 1, "zweite": 2, "zweiten": 2, "zweites": 2, "dritte": 3, "dritten": 3,
    "drittes": 3, "vierte": 4, "vierten": 4, "viertes": 4, "1.": 1, "2.": 2, "3.": 3, "4.": 4,
    "primer": 1, "segundo": 2, "tercer": 3, "cuarto": 4,
    "premier": 1, "deuxième": 2, "troisième": 3, "quatrième": 4,
}  # fmt: skip
_NEXT = (
    r"(?:next|coming|this coming|nächste[rnms]?|kommende[rnms]?|próxim[oa]|prochaine?|this|diese[rnms]?|est[ea]|ce|cet)"
)
_YEAR = r"(?P<year>20\d\d)"
_OF = r"(?:\s+(?:of|de|del|d['’])\s*|\s+)?"
_BY = r"\b(?:by|before|until|no later than|bis|vor|spätestens|antes del?|hasta|avant|jusqu['’]au|d['’]ici)\b"
_TO = r"\s*(?:-|–|—|to|until|through|and|bis(?:\s+zum)?|und|al?|y|au|et|à)\s*"
# When nothing is to happen is not when it happens.
_NOT_DURING = re.compile(
    r"\b(?:nothing|not|never|nobody|no posts?|nichts|nicht|keine?\w*|nada|no|rien|pas)\s+(?:\w+\s+)?"
    r"(?:during|während|in der zeit|durante|pendant)\b[^.\n]*",
    re.IGNORECASE,
)
_NEXT_YEAR = re.compile(
    r"(?<![^\W_])(?:of )?(?:next year|(?:nächste[ns]|kommende[ns]) jahr(?:es)?|(?:del |el )?"
    r"(?:próximo año|año que viene)|(?:de )?l['’](?:année prochaine|an prochain))(?![^\W_])",
    re.IGNORECASE,
)
_DAYS_TO_A_YEAR = 366
# How far from a month, in characters, and how far ahead a year may be to be that month's.
_BESIDE, _YEARS_AHEAD = 40, 5


def window_in(text: str, *, today: date) -> Window:
    """The first and last day of the window that the text names, or None for an end that it does not name.

    Months and quarters without a year are of the year that is said beside them, else the next ones that are not over.
    What ended before today is no window. Seasons are those of the northern half.
    """
    text = _NEXT_YEAR.sub(str(today.year + 1), _NOT_DURING.sub("", text))
    for look in _LOOKS:
        window = look(text, today)
        # What is over tells of another campaign ("as in March 2024"), or is a slip: no window lies in the past.
        if window is not None and (window[1] is None or window[1] >= today):
            return window
    return None, None


def _year_of(text: str, match: re.Match[str], today: date, group: str = "year") -> int | None:
    """The year that the match itself says, or that stands beside it: autumn 2027 (September to November)."""
    if match[group]:
        return int(match[group])
    before, after = text[max(0, match.start() - _BESIDE) : match.start()], text[match.end() : match.end() + _BESIDE]
    found = [
        (len(gap), int(beside["year"]))
        for beside, gap in (
            *((one, before[one.end() :]) for one in _patterns()["beside"].finditer(before)),
            *((one, after[: one.start()]) for one in _patterns()["beside"].finditer(after)),
        )
        if today.year <= int(beside["year"]) <= today.year + _YEARS_AHEAD
        and not beside["other"]
        and not _patterns()["apart"].search(gap)
    ]
    return min(found)[1] if found else None


def _from_day_to_day(text: str, today: date) -> Window | None:
    match = _patterns()["days"].search(text)
    if match is None:
        return None
    month_to = month_of(match["month_to"]) or 0
    month_from = month_of(match["month_from"] or "") or month_to
    year_to = _year_of(text, match, today, "year_to")
    if year_to and not match["year_to"]:
        year_to += month_from > month_to
    last = _day(year_to, month_to, int(match["day_to"]), today)
    if last is None:
        return None
    year_from = int(match["year_from"]) if match["year_from"] else last.year - (month_from > month_to)
    first = _day(year_from, month_from, int(match["day_from"]), today)
    return None if first is None or first > last else (first, last)


def _iso(text: str, today: date) -> Window | None:
    found = []
    for year, month, day in re.findall(r"\b(20\d\d)-(\d\d)-(\d\d)\b", text):
        found.append(_day(int(year), int(month), int(day), today))
    for day, month, year in re.findall(r"(?<![\d.])(\d{1,2})\.(\d{1,2})\.(20\d\d)\b", text):
        found.append(_day(int(year), int(month), int(day), today))
    days = sorted(day for day in found if day is not None)
    if not days:
        return None
    if len(days) == 1 and re.search(_BY + r"[^.\n\d]{0,12}$", text[: _first_digit_of_date(text)], re.IGNORECASE):
        return None, days[0]
    return days[0], days[-1]


def _first_digit_of_date(text: str) -> int:
    match = re.search(r"\b20\d\d-\d\d-\d\d\b|(?<![\d.])\d{1,2}\.\d{1,2}\.20\d\d\b", text)
    return match.start() if match else 0


def _deadline(text: str, today: date) -> Window | None:
    match = _patterns()["deadline"].search(text)
    if match is not None:
        month, year = month_of(match["month"]) or 0, _year_of(text, match, today)
        if match["day"]:
            last = _day(year, month, int(match["day"]), today)
            return None if last is None else (None, last)
        first, last = _month(year, month, today)
        return None, last if match["end"] else first - timedelta(days=1)
    if re.search(_BY + r"\s+(?:christmas|weihnachten|navidad|noël)\b", text, re.IGNORECASE):
        return None, _next(date(today.year, 12, 24), today)
    return None


def _from_month_to_month(text: str, today: date) -> Window | None:
    match = _patterns()["months"].search(text)
    if match is None:
        return None
    month_from, month_to = month_of(match["month_from"]) or 0, month_of(match["month_to"]) or 0
    year_to = _year_of(text, match, today, "year_to")
    if year_to and not match["year_to"]:  # winter 2027 (December to February) begins in that year
        year_to += month_from > month_to
    _, last = _month(year_to, month_to, today)
    year = int(match["year_from"]) if match["year_from"] else last.year - (month_from > month_to)
    return date(year, month_from, 1), last


def _part_of_a_month(text: str, today: date) -> Window | None:
    match = _patterns()["part"].search(text)
    if match is None:
        return None
    first, last = _month(_year_of(text, match, today), month_of(match["month"]) or 0, today)
    if match["second"]:
        return first + timedelta(days=15), last
    return first, first + timedelta(days=13 if match["weeks"] else 14)


def _single_day(text: str, today: date) -> Window | None:
    match = _patterns()["day"].search(text)
    if match is None:
        return None
    day = _day(_year_of(text, match, today), month_of(match["month"]) or 0, int(match["day"]), today)
    return None if day is None else (day, day)


def _single_month(text: str, today: date) -> Window | None:
    match = _patterns()["month of a year"].search(text) or _patterns()["month"].search(text)
    if match is None:
        return None
    return _month(_year_of(text, match, today), month_of(match["month"]) or 0, today)


def _quarter(text: str, today: date) -> Window | None:
    match = re.search(rf"\bQ(?P<number>[1-4])(?:[\s/]*{_YEAR})?\b", text) or re.search(
        rf"(?P<word>{'|'.join(map(re.escape, _ORDINALS))})\s+(?:quarter|quartal|trimestre)(?:{_OF}{_YEAR})?",
        text,
        re.IGNORECASE,
    )
    if match is None:
        return None
    found = match.groupdict()
    number = int(found["number"]) if found.get("number") else _ORDINALS[found["word"].casefold()]
    _, last = _month(_year_of(text, match, today), 3 * number, today)
    return date(last.year, 3 * number - 2, 1), last


def _half(text: str, today: date) -> Window | None:
    match = re.search(rf"\bH(?P<number>[12])(?:[\s/]*{_YEAR})?\b", text) or re.search(
        rf"(?P<word>{'|'.join(map(re.escape, _ORDINALS))})\s+(?:half of (?:the )?year|half(?={_OF}20\d\d)|halbjahr|"
        rf"semestre)(?:{_OF}{_YEAR})?",
        text,
        re.IGNORECASE,
    )
    if match is None:
        return None
    found = match.groupdict()
    number = int(found["number"]) if found.get("number") else _ORDINALS[found["word"].casefold()]
    if number > 2:
        return None
    _, last = _month(_year_of(text, match, today), 6 * number, today)
    return date(last.year, 6 * number - 5, 1), last


def _season(text: str, today: date) -> Window | None:
    names = "|".join(_SEASONS)
    match = re.search(
        rf"\b(?P<next>{_NEXT}\s+)?(?:late |early )?(?P<season>{names})(?:\s+(?P<after>prochaine?|próxim[oa]))?"
        rf"(?:{_OF}{_YEAR})?\b",
        text,
        re.IGNORECASE,
    )
    while match is not None and not (match["next"] or match["after"] or match["year"]):
        match = match.re.search(text, match.end())
    if match is None:
        return None
    month = _SEASONS[match["season"].casefold()]
    year = int(match["year"]) if match["year"] else _next(date(today.year, month, 1), today).year
    last_month = (month + 1) % 12 + 1
    last_year = year + (month == 12)
    return date(year, month, 1), date(last_year, last_month, calendar.monthrange(last_year, last_month)[1])


def _next_month(text: str, today: date) -> Window | None:
    words = (
        r"\b(?P<next>next month|nächste[nr]? monat|kommenden monat|(?:el )?(?:próximo mes|mes que viene)|"
        r"(?:le )?mois prochain)\b"
    )
    match = re.search(words + r"|\b(?P<this>this month|diesen monat|este mes|ce mois)\b", text, re.IGNORECASE)
    if match is None:
        return None
    first = today.replace(day=1)
    if match["next"]:
        first = (first + timedelta(days=31)).replace(day=1)
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


_LOOKS: tuple[Callable[[str, date], Window | None], ...] = (
    _from_day_to_day, _iso, _from_month_to_month, _deadline, _part_of_a_month, _single_day, _quarter, _half,
    _single_month,     _season, _next_month,
)  # fmt: skip


@functools.cache
def _patterns() -> dict[str, re.Pattern[str]]:
    month, day = month_pattern(), r"\d{1,2}"
    named, ends = rf"(?P<month>{month})(?![^\W\d_])", r"(?:st|nd|rd|th|\.|er|º)?"
    year = rf"(?:,?{_OF}{_YEAR})?"
    year_from, year_to = year.replace("<year>", "<year_from>"), year.replace("<year>", "<year_to>")
    first, last = rf"(?P<month_from>{month})(?![^\W\d_])", rf"(?P<month_to>{month})(?![^\W\d_])"
    compiled = {
        "days": rf"\b(?P<day_from>{day}){ends}(?:{_OF}{first})?{year_from}{_TO}(?:the |el |le )?"
        rf"(?P<day_to>{day}){ends}{_OF}{last}{year_to}",
        "deadline": rf"{_BY}\s+(?:the\s+|el\s+|le\s+|zum\s+|dem\s+)?"
        rf"(?P<end>(?:the )?end of\s+|ende\s+|finales de\s+|fin\s+)?"
        rf"(?:(?P<day>{day}){ends}{_OF})?{named}{year}",
        "months": rf"(?<![^\W_]){first}{year_from}{_TO}{last}{year_to}",
        "part": rf"\b(?:(?P<weeks>first two weeks|ersten zwei wochen|primeras dos semanas|premières deux semaines)|"
        rf"first half|erste hälfte|primera mitad|première moitié|(?P<second>second half|zweite hälfte|segunda mitad|"
        rf"seconde moitié|deuxième moitié)){_OF}(?:in |von |du mois )?{named}{year}",
        "day": rf"\b(?P<day>{day}){ends}{_OF}{named}{year}",
        "month": rf"(?<![^\W_])(?:in|im|en|during|ab|durante|courant|mid|mitte)[\s-]+{named}{year}",
        "month of a year": rf"(?<![^\W_]){named}{_OF}{_YEAR}",
        # A year of its own: not another month's, no sum and no number of people.
        "beside": rf"(?P<other>(?<![^\W_]){month}{_OF})?(?<![\d.,€$£#/-]){_YEAR}(?![\d%€$£k/-]|[.,]\d|\s?(?:[€$£%]|eur|"
        r"usd|gbp|chf|follower|abonn|seguid|subs))",
        "apart": rf"[\d;]|[.!?]\s|(?<![^\W_]){month}(?![^\W_])",
    }
    return {name: re.compile(pattern, re.IGNORECASE) for name, pattern in compiled.items()}


def _day(year: int | None, month: int, day: int, today: date) -> date | None:
    """That day, in the next year in which it is not over where no year is given; None if there is no such day."""
    try:
        return date(year, month, day) if year else _next(date(today.year, month, day), today)
    except ValueError:
        return None


def _month(year: int | None, month: int, today: date) -> tuple[date, date]:
    if year is None:
        end = date(today.year, month, calendar.monthrange(today.year, month)[1])
        year = _next(end, today).year
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def _next(day: date, today: date) -> date:
    """The day, or the same day of next year where it lies before today."""
    if day >= today:
        return day
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # 29 February
        return day + timedelta(days=_DAYS_TO_A_YEAR)
