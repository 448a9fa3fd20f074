"""Writes the names of countries, languages and months that the floor reads in briefs: `python scripts/make_names.py`.

The names are the Unicode CLDR's, as the package Babel carries them (pip install babel; 31 MB, so it is no dependency).
"""

from __future__ import annotations

import json
from pathlib import Path

_OUT = Path(__file__).parent.parent / "engagerr/core/ai/floor/names.json"
_IN = ("en", "de", "es", "fr")
# What people write and the CLDR's main names lack.
_MORE_COUNTRIES = {
    "GB": ("UK", "U.K.", "Great Britain", "Britain", "England", "Scotland", "Wales", "Großbritannien", "Gran Bretaña",
           "Grande-Bretagne", "Inglaterra", "Angleterre"),
    "US": ("USA", "U.S.", "U.S.A.", "US", "America", "the States", "Vereinigte Staaten von Amerika", "EE. UU.", "EEUU"),
    "NL": ("Holland", "Holanda", "Hollande"),
    "CZ": ("Czech Republic", "Tschechische Republik"),
    "CH": ("Suisse romande", "Deutschschweiz", "Romandie"),
    "CA": ("Québec", "Quebec"),
    "BE": ("Flanders", "Wallonie"),
    "KR": ("Korea", "Corea", "Corée"),
    "TR": ("Turkey",),
    "AE": ("UAE", "Emirates"),
    "CN": ("mainland China",),
}  # fmt: skip
# Territories that are also common words or names of people; nobody means them in a brief without saying more.
_WITHOUT = {"001", "150", "419", "EU", "EZ", "UN", "ZZ", "QO", "XA", "XB", "AQ"}


def main() -> None:
    """Write the file anew."""
    from babel import Locale
    from babel.dates import get_month_names

    countries: dict[str, set[str]] = {}
    languages: dict[str, set[str]] = {}
    months: dict[str, int] = {}
    for name in _IN:
        locale = Locale.parse(name)
        for code, called in locale.territories.items():
            if len(code) == 2 and code not in _WITHOUT:
                countries.setdefault(code, set()).add(called)
        for code, called in locale.languages.items():
            if len(code) == 2:
                languages.setdefault(code, set()).add(called)
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, called in get_month_names(width, context=context, locale=locale).items():
                    months[called.casefold().rstrip(".")] = number
    for code, called in _MORE_COUNTRIES.items():
        countries[code].update(called)
    written = {
        "source": "Unicode CLDR, © 1991-2026 Unicode, Inc., licence Unicode-3.0 (unicode.org/license.txt)",
        "countries": {code: sorted(called) for code, called in sorted(countries.items())},
        "languages": {code: sorted(called) for code, called in sorted(languages.items())},
        "months": dict(sorted(months.items())),
    }
    _OUT.write_text(json.dumps(written, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
