"""A summary of at most three of the text's own sentences: those that come early and say what the others say too."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from engagerr.core.ai.floor.sentences import sentences_of, spoken_to_machines
from engagerr.core.ai.tasks import PlainText, Summary

VERSION = "summary 1"
# Over all cases of the evaluation, see docs/decisions/0024 for what they can and cannot tell.
QUALITY: float | None = 0.68

_MOST_SENTENCES = 3
_LONGEST = 1200
# Longer texts repeat themselves; the first sentences say what they are about.
_MOST_READ = 400
_WORD = re.compile(r"[^\W_]{3,}")
# How much coming first weighs beside meaning what the rest means (chosen among 0 to 2 on half of the cases).
_FIRST, _FADES_OVER = 0.5, 3.0
_NOTHING = "…"


def answer(inputs: Sequence[PlainText]) -> list[Summary]:
    """One summary per text. No word is in it that is not in the text, "…" aside, which stands for what was left out."""
    return [Summary(summary=_summary(given.text)) for given in inputs]


def _summary(text: str) -> str:
    sentences = sentences_of(text)
    # A text that is nothing but words to machines is still a text.
    sentences = [one for one in sentences if not spoken_to_machines(one)] or sentences
    kept = sorted(_best(sentences[:_MOST_READ]))
    chosen = [sentences[place] for place in kept]
    while len(chosen) > 1 and len(" ".join(chosen)) > _LONGEST:
        chosen.pop()
    whole = " ".join(chosen)
    if len(whole) > _LONGEST:
        whole = whole[: _LONGEST - 1].rsplit(" ", 1)[0] + "…"
    return whole or _NOTHING


def _best(sentences: Sequence[str]) -> list[int]:
    if len(sentences) <= _MOST_SENTENCES:
        return list(range(len(sentences)))
    words = [Counter(word.casefold() for word in _WORD.findall(one)) for one in sentences]
    seen_in = Counter(word for counted in words for word in counted)
    vectors = [
        _unit({word: n * math.log(1 + len(sentences) / seen_in[word]) for word, n in one.items()}) for one in words
    ]
    centre: Counter[str] = Counter()
    for vector in vectors:
        centre.update(vector)
    middle = _unit(centre)
    scores = [
        (
            -(
                sum(share * middle.get(word, 0.0) for word, share in vector.items())
                + _FIRST * math.exp(-place / _FADES_OVER)
            ),
            place,
        )
        for place, vector in enumerate(vectors)
    ]
    return [place for _, place in sorted(scores)[:_MOST_SENTENCES]]


def _unit(vector: dict[str, float] | Counter[str]) -> dict[str, float]:
    length = math.sqrt(sum(share * share for share in vector.values()))
    return {word: share / length for word, share in vector.items()} if length else {}
