"""Names of countries, languages and months in four languages: `names.json`, from the Unicode CLDR."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

# Regions that stand for countries in briefs, and nothing else does.
_REGIONS = {
    "DACH": ("DE", "AT", "CH"), "D-A-CH": ("DE", "AT", "CH"), "Benelux": ("BE", "NL", "LU"),
    "Nordics": ("DK", "FI", "IS", "NO", "SE"), "Nordic countries": ("DK", "FI", "IS", "NO", "SE"),
    "Scandinavia": ("DK", "NO", "SE"), "Skandinavien": ("DK", "NO", "SE"), "Scandinavie": ("DK", "NO", "SE"),
    "Baltics": ("EE", "LV", "LT"), "Iberia": ("ES", "PT"),
}  # fmt: skip
# People's names and everyday words that are countries too: they count only where another country stands beside them.
_ALSO_WORDS = frozenset({"chad", "jordan", "georgia", "guinea", "jersey", "mali", "niger", "oman", "togo", "cuba"})
# Shorter names count only as they are written ("US", not "us").
_AS_WRITTEN = 3


@dataclass(frozen=True, slots=True)
class _Names:
    countries: Mapping[str, tuple[str, ...]]
    languages: Mapping[str, str]
    months: Mapping[str, int]
    country_codes: frozenset[str]
    language_codes: frozenset[str]


def countries_in(text: str) -> tuple[str, ...]:
    """ISO 3166 codes of the countries that the text names, in its order, each once."""
    names = _names()
    found: dict[str, None] = {}
    doubtful: dict[str, None] = {}
    pattern = _those_in(text, names.countries)
    for match in re.finditer(pattern, text, re.IGNORECASE) if pattern else ():
        word = match.group()
        if len(word) <= _AS_WRITTEN and word != word.upper():
            continue
        into = doubtful if word.casefold() in _ALSO_WORDS else found
        for code in names.countries[word.casefold()]:
            into[code] = None
    return tuple(found | doubtful) if found else ()


def country_of(word: str) -> str | None:
    """The ISO 3166 code of a country by its name, however it is written; None for a region or what is no country."""
    codes = _names().countries.get(word.casefold(), ())
    return codes[0] if len(codes) == 1 else None


def country_codes() -> frozenset[str]:
    """The ISO 3166 codes of all countries, and of what the CLDR holds for one."""
    return _names().country_codes


def language_codes() -> frozenset[str]:
    """The ISO 639-1 codes of all languages."""
    return _names().language_codes


def language_of(word: str) -> str | None:
    """The ISO 639-1 code of a language by its name, or None."""
    return _names().languages.get(word.casefold())


def language_pattern(text: str) -> str | None:
    """A pattern for the names of languages that stand in this text, to be put into others; None where none does."""
    return _those_in(text, _names().languages)


def month_of(word: str) -> int | None:
    """The month by its name or abbreviation, or None."""
    return _names().months.get(word.casefold().rstrip("."))


def month_pattern() -> str:
    """A pattern for any month's name, to be put into others."""
    return "(?:" + "|".join(map(re.escape, sorted(_names().months, key=len, reverse=True))) + r")\.?"


@functools.cache
def _names() -> _Names:
    data = json.loads(resources.files(__package__).joinpath("names.json").read_text(encoding="utf-8"))
    countries: dict[str, tuple[str, ...]] = {
        name.casefold(): (code,) for code, names in data["countries"].items() for name in names
    }
    countries |= {name.casefold(): codes for name, codes in _REGIONS.items()}
    languages = {name.casefold(): code for code, names in data["languages"].items() for name in names}
    return _Names(
        countries=countries,
        languages=languages,
        months=data["months"],
        country_codes=frozenset(data["countries"]),
        language_codes=frozenset(data["languages"]),
    )


def _those_in(text: str, names: Mapping[str, object]) -> str | None:
    # A pattern of all names would be tried at each letter: a thousand times as slow as looking for each name first.
    folded = text.casefold()
    longest_first = sorted((name for name in names if name in folded), key=len, reverse=True)
    return rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w$])" if longest_first else None
