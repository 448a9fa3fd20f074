"""A brief as a person wrote it → its fields, by rules in English, German, Spanish and French. What it does not say
stays empty; what it says about anything else than a brief (instructions to whoever reads it, say) is ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from engagerr.core.ai.floor.amounts import budget_in, followers_in
from engagerr.core.ai.floor.formats import deliverables_in, languages_in, platforms_in, subject_of
from engagerr.core.ai.floor.names import countries_in
from engagerr.core.ai.floor.sentences import sentences_of, without_asides
from engagerr.core.ai.floor.windows import Window, window_in
from engagerr.core.ai.floor.wishes import wishes_in
from engagerr.core.ai.tasks import BriefText, StructuredBrief

VERSION = "brief 1"
# Over all cases of the evaluation, see docs/decisions/0024 for what they can and cannot tell.
QUALITY: float | None = 0.942

_LONGEST_TITLE = 80
_UNTITLED = "Untitled brief"


def answer(inputs: Sequence[BriefText]) -> list[StructuredBrief]:
    """One structured brief per text."""
    return [_structured(brief) for brief in inputs]


def _structured(brief: BriefText) -> StructuredBrief:
    text = without_asides(brief.text)
    must, must_not = wishes_in(text)
    shut_out = {country for wish in must_not for country in countries_in(wish)}
    least, most = followers_in(text)
    budget = budget_in(text)
    first, last = _window(text, brief.today)
    return StructuredBrief(
        title=title_of(text),
        category=subject_of(text),
        platforms=platforms_in(text),
        countries=tuple(country for country in countries_in(text) if country not in shut_out),
        languages=languages_in(text),
        followers_min=least,
        followers_max=most,
        budget_minor=budget[0] if budget else None,
        budget_currency=budget[1] if budget else None,
        deliverables=deliverables_in(text),
        must=must,
        must_not=must_not,
        window_from=first.isoformat() if first else None,
        window_to=last.isoformat() if last else None,
    )


def _window(text: str, today: str) -> Window:
    try:
        first, last = window_in(text, today=date.fromisoformat(today))
    except ValueError:  # there is no such day as today
        return None, None
    return (None, None) if first and last and first > last else (first, last)


def title_of(text: str) -> str:
    """The first line if it is short, else its first sentence, cut at a word."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    line = next((line for line in lines if line), _UNTITLED)
    if "\n" not in text.strip() or len(line) > _LONGEST_TITLE:
        line = next(iter(sentences_of(line)), line)
    if len(line) <= _LONGEST_TITLE:
        return line.rstrip(" .:;,!?") or _UNTITLED
    cut = line[: _LONGEST_TITLE - 1]
    return f"{cut[: cut.rfind(' ')] if ' ' in cut else cut}…"
