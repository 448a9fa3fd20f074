"""Money and numbers of followers as people write them: €15k, 15.000 EUR, between 5 and 8 thousand dollars, 50k–500k."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from engagerr.core.money import minor_digits

_TIMES = {
    "k": 1000, "tsd": 1000, "tausend": 1000, "thousand": 1000, "mil": 1000, "mille": 1000, "grand": 1000,
    "m": 10**6, "mn": 10**6, "mio": 10**6, "million": 10**6, "millions": 10**6, "millionen": 10**6, "millón": 10**6,
    "millon": 10**6, "millones": 10**6, "lakh": 10**5, "crore": 10**7,
}  # fmt: skip
# A dollar without a country is one of the United States, as in prices everywhere; ¥ is taken as yen.
_SIGNS = {
    "us$": "USD", "ca$": "CAD", "c$": "CAD", "a$": "AUD", "au$": "AUD", "nz$": "NZD", "s$": "SGD", "hk$": "HKD",
    "r$": "BRL", "mx$": "MXN", "$ ca": "CAD", "$ca": "CAD", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR",
    "₩": "KRW", "zł": "PLN", "₺": "TRY", "₽": "RUB", "₴": "UAH", "kč": "CZK", "fr.": "CHF",
}  # fmt: skip
_WORDS = {
    "euro": "EUR", "euros": "EUR", "dollar": "USD", "dollars": "USD", "dólar": "USD", "dólares": "USD",
    "pound": "GBP", "pounds": "GBP", "pfund": "GBP", "libras": "GBP", "livres sterling": "GBP", "quid": "GBP",
    "yen": "JPY", "franken": "CHF", "francs suisses": "CHF", "swiss francs": "CHF", "francos suizos": "CHF",
    "rupees": "INR", "rupien": "INR", "zloty": "PLN", "złoty": "PLN", "won": "KRW", "reais": "BRL",
    "pesos colombianos": "COP", "pesos mexicanos": "MXN", "pesos argentinos": "ARS", "pesos chilenos": "CLP",
    "dirhams": "AED",
}  # fmt: skip
_CODES = (
    "EUR", "USD", "GBP", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN", "JPY",
    "KRW", "CNY", "INR", "BRL", "MXN", "ARS", "CLP", "COP", "PEN", "UYU", "ZAR", "NGN", "KES", "TRY", "ILS", "AED",
    "SAR", "SGD", "HKD", "TWD", "THB", "IDR", "MYR", "PHP", "VND", "UAH", "ISK",
)  # fmt: skip
_CURRENCIES = _SIGNS | _WORDS | {code.casefold(): code for code in _CODES}
_SPACES = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"

_NUMBER = rf"(?:\d{{1,3}}(?:['’{_SPACES}]\d{{3}})+(?:[.,]\d{{1,2}})?(?!\d)|\d(?:[\d.,]*\d)?)"
_MULTIPLE = rf"(?:[{_SPACES}]?(?:{'|'.join(sorted(map(re.escape, _TIMES), key=len, reverse=True))})\b\.?)"
_NO_MORE_LETTERS = r"(?![^\W_])"
_CURRENCY = "|".join(
    re.escape(name) + (_NO_MORE_LETTERS if name[-1].isalpha() else "")
    for name in sorted(_CURRENCIES, key=len, reverse=True)
)
_BEFORE = rf"(?:(?<![^\W\d_])(?:{_CURRENCY})[{_SPACES}]?)"
_AFTER = rf"(?:[{_SPACES}]?(?:{_CURRENCY}))"
_TO = rf"[{_SPACES}]?(?:-|–|—|to|and|bis|und|a|y|à|et)[{_SPACES}]?"
_RANGE = re.compile(
    rf"(?P<before>{_BEFORE})?(?<![\d.,])(?P<low>{_NUMBER})(?P<low_times>{_MULTIPLE})?(?P<middle>{_AFTER})?"
    rf"(?:{_TO}(?P<before_high>{_BEFORE})?(?P<high>{_NUMBER})(?P<high_times>{_MULTIPLE})?)?(?P<plus>\+)?(?P<after>{_AFTER})?",
    re.IGNORECASE,
)
_THE_WHOLE = re.compile(
    r"\b(?:total|in all|overall|cap|capped|maximum|maximal|max|bis zu|up to|insgesamt|gesamt\w*|budget|presupuesto|"
    r"tope|plafond|enveloppe)\b",
    re.IGNORECASE,
)
_A_FEE = re.compile(r"\b(?:honorar|money|spend|spent|pay|fee|ausgeben)\b", re.IGNORECASE)
_OF_ONE = re.compile(r"\b(?:cpm|cpc|cpa|tkp|per (?:1,?000|view|click)|par vue|pro klick)\b", re.IGNORECASE)
# What one creator or one post is paid is no whole: how many there will be is not said with it.
_ONE = (
    r"(?:(?:single |einzelne[nrms]? )?(?:creator\w*|influencer\w*|kreator\w*|person|personne|persona|head|kopf|"
    r"cabeza|tête|streamer\w*|youtuber\w*|blogger\w*|tiktoker\w*|account|channel|kanal|talent|partner|ambassador|collab\w*|kooperation|"
    r"post\b|posting|beitrag|publicación|publication|reel\b|story|short\b|asset|deliverable|piece|stück|"
    r"creador\w*|créat\w+|influenceu\w+))"
)
_EACH = re.compile(
    rf"[{_SPACES}]?[({_SPACES}]?(?:(?:budget|fees?|max|maximum|maximal|net|netto|brutto|gross|flat|fix|fixed|tops|"
    rf"honorar|pauschal|incl?\.? vat|zzgl\.? mwst\.?)[{_SPACES}]+){{0,2}}"
    rf"(?:/[{_SPACES}]?{_ONE}|(?:per|an?|pro|je|por|par|für jede[nrs]?|for each|for every|for one)[{_SPACES}-]{_ONE}|"
    r"p\.?p\b|each\b|apiece\b|pro kopf\b|cada un[oa]\b|chacune?\b)",
    re.IGNORECASE,
)
_EACH_BEFORE = re.compile(
    rf"\b(?:per|pro|je|por|par)[{_SPACES}-]{_ONE}[\s:=(–-]{{0,3}}(?:(?:budget|fees?|rate|honorar|gage|max\w*|"
    r"up to|bis zu|about|around|ca\.?|rund|etwa|hasta|jusqu['’]à|is|ist|of|von|de|we pay|zahlen wir)\W{1,3}){0,3}$",
    re.IGNORECASE,
)
_NEAR = 28
# More digits than any budget has: a telephone number, or mischief.
_MOST_DIGITS = 15
_MOST_MINOR, _MOST_FOLLOWERS = 10**15, 10**10

_FOLLOWERS = (
    r"(?:instagram[ -]|youtube[ -]|tiktok[ -])?(?:followers?|subscribers?|subs|abonnent\w*|abonnés?|abonnées?|"
    r"seguidor\w*|suscriptor\w*|listeners?|h[öo]rer\w*|auditeurs?|oyentes|fans)\b"
)
_FOLLOWERS_AFTER = re.compile(rf"[{_SPACES}]?(?:de |of |d['’])?{_FOLLOWERS}", re.IGNORECASE)
_FOLLOWERS_BEFORE = re.compile(
    rf"{_FOLLOWERS}[{_SPACES}]?(?:count|zahl)?[{_SPACES}]?[:=]?[{_SPACES}]?(?P<how>[^\d.;\n]{{0,24}})$", re.IGNORECASE
)
_AT_MOST = re.compile(
    r"\b(?:under|below|up to|at most|less than|fewer than|no more than|max\w*|unter|bis(?: zu)?|höchstens|weniger als|"
    r"menos de|hasta|como máximo|moins de|jusqu['’]à|au plus|maximum)\W*$",
    re.IGNORECASE,
)
# A range beside these is of followers though nobody says so: "hikers on YouTube, 20k-200k".
_PEOPLE = (
    r"(?:you\s?tube\w*|instagram\w*|insta|tik\s?tok\w*|twitch\w*|podcast\w*|linked\s?in|facebook|twitter|"
    r"[\w-]*creator\w*|[\w-]*kreator\w*|[\w-]*influencer\w*|creador\w*|créat(?:eur|rice)\w*|influenceu\w+|influenciador\w*|"
    r"streamer\w*|blogger\w*|accounts?|channels?|kanäle|profiles?|profile|cuentas|canales|comptes|chaînes)"
)
_PEOPLE_BEFORE = re.compile(rf"(?<![^\W_]){_PEOPLE}\W{{1,4}}(?:\w+\W{{1,2}}){{0,2}}$", re.IGNORECASE)
_PEOPLE_AFTER = re.compile(rf"[{_SPACES}]?(?:\w{{2,20}}[{_SPACES}]){{0,4}}{_PEOPLE}(?![^\W_])", re.IGNORECASE)
_NOTHING_ELSE = re.compile(
    rf"[{_SPACES}]?(?:$|[,.;:)\n!?]|(?:on|auf|en|sur|in|aus|from|who|die|que|qui|range|please|bitte)\b)", re.IGNORECASE
)
_OF_ELSE = re.compile(
    r"\b(?:budget\w*|fees?|honorar\w*|pay\w*|spend\w*|cost\w*|presupuesto|cachet|views?|aufrufe|vues|vistas|impressions?|"
    r"visits?|orders?|downloads?|units?|streams?|clicks?|likes?|reach|reichweite|cpm|price|preis)\b",
    re.IGNORECASE,
)
# Fewer are minutes or euros, and plain numbers up to this are years.
_FEWEST_UNNAMED, _LAST_YEAR = 1000, 2100
_IN_WORDS = {
    "half a million": "500000", "a quarter of a million": "250000", "a million": "1000000", "one million": "1000000",
    "eine halbe million": "500000", "einer halben million": "500000", "medio millón": "500000",
    "un demi-million": "500000", "una millón": "1000000", "un millón": "1000000", "a hundred thousand": "100000",
}  # fmt: skip

_SMALL = {
    "a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "eighteen": 18, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_THOUSANDS = re.compile(
    rf"\b(?:(?P<hundreds>{'|'.join(_SMALL)})[ -]hundred(?: and)?[ -]?)?(?:(?P<tens>{'|'.join(_SMALL)})[ -]?)?"
    rf"(?:(?P<ones>{'|'.join(_SMALL)})[ -]?)?(?:thousand|grand)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Amount:
    low: Decimal
    high: Decimal | None
    currency: str | None
    plus: bool
    start: int
    end: int
    in_thousands: bool


def budget_in(text: str) -> tuple[int, str] | None:
    """The budget as (minor units, currency), or None. Of a range it is the upper end: the most that may be spent.

    Of several sums it is the one that is called a budget, a total or a cap, else the first; a price per thousand views
    is none, nor is what each creator or post is paid. Sums are never added up or multiplied.
    """
    text = _in_figures(text)
    best: tuple[int, _Amount] | None = None
    for amount in _amounts(text):
        if amount.currency is None:
            continue
        before, after = text[max(0, amount.start - _NEAR) : amount.start], text[amount.end : amount.end + _NEAR]
        before = re.split(r"[;\n]", before)[-1]
        before_all = re.split(r"[;\n]", text[max(0, amount.start - 2 * _NEAR) : amount.start])[-1]
        after = re.split(r"[.;\n]", after)[0]
        rank = 3 * bool(_THE_WHOLE.search(before)) + 2 * bool(_THE_WHOLE.search(after)) + bool(_A_FEE.search(before))
        if _OF_ONE.search(after[:8]) or _EACH.match(text, amount.end) or _EACH_BEFORE.search(before_all):
            continue
        if best is None or rank > best[0]:
            best = (rank, amount)
    if best is None or best[1].currency is None:
        return None
    minor = int((best[1].high or best[1].low).scaleb(minor_digits(best[1].currency)).to_integral_value())
    return (minor, best[1].currency) if minor <= _MOST_MINOR else None


def followers_in(text: str) -> tuple[int | None, int | None]:
    """(least, most) followers, subscribers or listeners that are asked for; None where the text sets no such bound.

    A range beside a platform or creators ("hikers on YouTube, 20k-200k") is one of followers without the word.
    """
    text = _in_figures(text)
    amounts = [
        one
        for one in _amounts(text)
        if one.currency is None and max(int(one.low), int(one.high or 0)) <= _MOST_FOLLOWERS
    ]
    for place, amount in enumerate(amounts):
        before = text[max(0, amount.start - 60) : amount.start]
        if not (_FOLLOWERS_BEFORE.search(before) or _FOLLOWERS_AFTER.match(text, amount.end)):
            continue
        low = int(amount.low)
        if amount.high is not None:
            return low, int(amount.high)
        if _AT_MOST.search(before):
            return None, low
        return low, _at_most(text, amount, amounts[place + 1 :])
    unnamed = next((one for one in amounts if _of_people(text, one)), None)
    return (None, None) if unnamed is None else (int(unnamed.low), int(unnamed.high or unnamed.low))


def _at_most(text: str, least: _Amount, later: list[_Amount]) -> int | None:
    """The upper bound that follows a lower one: 20.000 Follower, gerne bis 150.000."""
    if not later or later[0].high is not None or later[0].low < least.low:
        return None
    between = text[least.end : later[0].start]
    near = len(between) <= 2 * _NEAR and not re.search(r"[.;\n]", between) and not _OF_ELSE.search(between)
    alone = _NOTHING_ELSE.match(text, later[0].end) or _FOLLOWERS_AFTER.match(text, later[0].end)
    return int(later[0].low) if near and alone and _AT_MOST.search(between) else None


def _of_people(text: str, amount: _Amount) -> bool:
    if amount.high is None or amount.low < _FEWEST_UNNAMED or not (amount.in_thousands or amount.low > _LAST_YEAR):
        return False
    before = re.split(r"[.;!?\n]", text[max(0, amount.start - 2 * _NEAR) : amount.start])[-1]
    if _OF_ELSE.search(before):
        return False
    if people := _PEOPLE_AFTER.match(text, amount.end):
        return _OF_ELSE.search(people.group()) is None
    return bool(_NOTHING_ELSE.match(text, amount.end) and _PEOPLE_BEFORE.search(before))


def _in_figures(text: str) -> str:
    """Numbers in words as figures: forty thousand, a hundred and twenty grand, half a million."""
    for words, number in _IN_WORDS.items():
        text = re.sub(rf"\b{words}\b", number, text, flags=re.IGNORECASE)

    def figures(match: re.Match[str]) -> str:
        hundreds = 100 * _SMALL.get((match["hundreds"] or "").casefold(), 0)
        rest = sum(_SMALL[word.casefold()] for word in (match["tens"], match["ones"]) if word)
        return str(1000 * (hundreds + rest)) if hundreds + rest else match.group()

    return _THOUSANDS.sub(figures, text)


def _amounts(text: str) -> Iterator[_Amount]:
    for match in _RANGE.finditer(text):
        low, high = _number(match["low"]), _number(match["high"])
        if low is None:
            continue
        times_low, times_high = _times(match["low_times"]), _times(match["high_times"])
        if high is not None and times_high is not None and times_low is None and low < 1000:
            times_low = times_high  # "between 5 and 8 thousand", "20-200k"
        low *= times_low or 1
        high = None if high is None else high * (times_high or 1)
        signs = [match[name] for name in ("after", "before_high", "middle", "before") if match[name]]
        end = match.end()
        if high is not None and high < low:
            high, end = None, match.end("middle") if match["middle"] else match.end("low")
        currency = _CURRENCIES[signs[0].strip(_SPACES).casefold()] if signs else None
        yield _Amount(low, high, currency, bool(match["plus"]), match.start(), end, times_low is not None)


def _times(written: str | None) -> int | None:
    return None if written is None else _TIMES[written.strip(_SPACES).rstrip(".").casefold()]


def _number(written: str | None) -> Decimal | None:
    """A number whose separators may be of any country: 15.000, 12,500, 8,00,000, 3.200,50, 5'000, 4.5."""
    if written is None:
        return None
    plain = re.sub(rf"[{_SPACES}'’]", "", written)
    if len(plain) > _MOST_DIGITS:
        return None
    last = max(plain.rfind("."), plain.rfind(","))
    if last == -1:
        return Decimal(plain)
    mark, decimals = plain[last], plain[last + 1 :]
    groups = plain.split(mark)
    one_kind = len(set(re.findall(r"[.,]", plain))) == 1
    in_groups = len(decimals) == 3 and all(1 <= len(group) <= 3 for group in groups) and groups[0] != "0"
    if one_kind and (in_groups or len(groups) > 2):
        return Decimal("".join(groups)) if len(decimals) == 3 else None
    whole = re.sub(r"[.,]", "", plain[:last])
    return Decimal(f"{whole}.{decimals}") if len(decimals) <= 3 else Decimal(whole + decimals)
