"""Values that come from lists which are known beforehand: another word would silently find nobody, so it is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial

# Nearer than this, a word is taken for a slip of another.
_NEARLY = 0.6
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:-\w+)*")


def why_not(filter: str, value: str) -> str | None:
    """What to write instead of a value that this filter can never have; None where it may have it.

    Only filters whose values are a closed list refuse any: where creators live, which language they speak, the topics
    that pieces are sorted into, statuses, and platforms as far as one is nearly a known one.
    """
    asked = _CLOSED.get(filter)
    return None if asked is None else asked(value.strip())


def _country(word: str) -> str | None:
    from engagerr.core.ai.floor.names import country_codes, country_of

    if word.upper() in country_codes():
        return None
    code = country_of(word)
    return f"Did you mean {code}? Countries are two letters." if code else "Countries are two letters, such as DE."


def _language(word: str) -> str | None:
    from engagerr.core.ai.floor.names import language_codes, language_of

    written = _LANGUAGE.fullmatch(word.lower())
    if written and written[1] in language_codes():
        return None
    code = language_of(word)
    # Codes of three letters are of languages that have none of two: they are not listed here.
    if written and len(written[1]) == 3 and code is None:
        return None
    return f"Did you mean {code}? Languages are two letters." if code else "Languages are two letters, such as de."


def _platform(word: str) -> str | None:
    from engagerr.core.matching.platform_names import platform_meant

    meant = platform_meant(word)
    return f"Did you mean {meant}?" if meant else None


def _one_of(words: Callable[[], Sequence[str]], word: str) -> str | None:
    known = words()
    if word.casefold() in known:
        return None
    near = get_close_matches(word.casefold(), known, n=1, cutoff=_NEARLY)
    return f"Did you mean {near[0]}?" if near else f"One of: {', '.join(known)}."


def _topics() -> Sequence[str]:
    from engagerr.core.ai.tasks import Topic

    return tuple(topic.value for topic in Topic)


def _statuses() -> Sequence[str]:
    from engagerr.core.roster.roster import STATUSES

    return STATUSES


_CLOSED: Mapping[str, Callable[[str], str | None]] = {
    "country": _country,
    "language": _language,
    "content_language": _language,
    "platform": _platform,
    "main_topic": partial(_one_of, _topics),
    "status": partial(_one_of, _statuses),
}
