"""Evidence in words: what spoke for an edge and against it, each piece with its share of the confidence."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engagerr.core.content.detection.words import fold, stem, words
from engagerr.core.content.evidence import Evidence

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from engagerr.core.content.detection.corpus import Corpus
    from engagerr.core.content.detection.scoring import RelationModel

_MOST_WORDS = 6
_TELLING_WEIGHT = 1.0
_SUREST = 0.999
_LEAST_SHARE = 0.005
# Features that are one argument to a person, under the name of the evidence.
_KINDS: Mapping[str, str] = {
    "name_alike": "title", "name_contained": "title", "name_rare": "title", "nameless": "title", "same_name": "title",
    "spelling_alike": "title", "name_in_work": "title", "work_in_name": "title", "rare_in_names": "title",
    "rare_in_its_text": "description", "rare_in_text": "description",
    "name_in_text": "description", "texts_alike": "description", "texts_rare": "description",
    "name_in_its_text": "description", "work_in_text": "description",
    "date_near": "date", "date_far": "date", "date_unknown": "prior", "date_by_habit": "date", "follows": "date",
    "before": "date", "late": "date", "title_date_fits": "date_in_title", "title_date_off": "date_in_title",
    "number_equal": "episode", "number_by_habit": "episode",
    "number_differs": "episode", "number_off_habit": "episode", "one_part_only": "part", "rerun_once": "wording",
    "wording": "wording", "lengths_equal": "duration", "lengths_differ": "duration", "length_fits": "duration",
    "language_differs": "language", "links_shared": "link", "same_platform": "platform", "same_account": "platform",
    "meaning_alike": "embedding",
}  # fmt: skip


def explain(
    corpus: Corpus,
    model: RelationModel,
    child: int,
    parent: int,
    features: Mapping[str, float],
    *,
    lead: float,
    rival: str | None,
    lag_days: float = 0.0,
) -> tuple[float, tuple[Evidence, ...]]:
    """(confidence, evidence whose weights add up to it).

    A logistic model adds log-odds; people think in shares of a probability. Each piece gets the part of the way from
    the starting probability to the final one that its log-odds are of all log-odds, so signs and order are kept.
    """
    shares: dict[str, float] = {}
    for name, weight in model.weights.items():
        value = features.get(name, 0.0)
        if value:
            kind = _KINDS.get(name, name)
            shares[kind] = shares.get(kind, 0.0) + weight * value
    if model.lead:
        shares["rivals"] = model.lead * lead
    start = model.chance(model.base)
    # Nothing that is alike is certain: that is for what somebody wrote down.
    confidence = min(_SUREST, round(model.chance(model.base + sum(shares.values())), 3))
    way = sum(shares.values())
    scale = (confidence - start) / way if abs(way) > 1e-9 else 0.0
    said = [
        Evidence(kind, _sentence(kind, corpus, child, parent, features, lead, rival, lag_days), round(share * scale, 3))
        for kind, share in sorted(shares.items(), key=lambda item: -abs(item[1]))
        if abs(share * scale) >= _LEAST_SHARE and kind != "prior"
    ]
    rest = round(confidence - sum(piece.weight for piece in said), 3)
    said.append(Evidence("prior", "where any two pieces that come this far begin", rest))
    return confidence, tuple(said)


def _sentence(
    kind: str,
    corpus: Corpus,
    child: int,
    parent: int,
    features: Mapping[str, float],
    lead: float,
    rival: str | None,
    lag_days: float,
) -> str:
    if kind in _ABOUT_WORDS:
        return _ABOUT_WORDS[kind](corpus, child, parent, features)
    if kind == "date":
        return _about_dates(corpus, child, parent, lag_days)
    if kind == "duration":
        return f"{_length(corpus.seconds[child])} against {_length(corpus.seconds[parent])}"
    if kind == "rivals":
        ahead = "the next best" if lead > 0 else "a better one"
        return f"{ahead} is {rival}" if rival else "nothing else comes near"
    fits = features.get("title_date_fits", 0.0) > 0
    return {
        "date_in_title": "the date in the title fits" if fits else "the date in the title is another month's",
        "part": "only one of them is named as a part",
        "wording": "its title calls itself a clip" if features.get("wording") else "only one of them is a rerun",
        "language": "they are in different languages",
        "link": "one points at the other, or both at the same page",
        "platform": "they are on the same platform",
        "embedding": f"what they say is alike ({features.get('meaning_alike', 0.0):.0%})",
    }.get(kind, kind)


def _about_numbers(corpus: Corpus, child: int, parent: int, features: Mapping[str, float]) -> str:
    left, right = _number_of(corpus, child), _number_of(corpus, parent)
    if features.get("number_equal") and left == right:
        return f"both are number {left}"
    if features.get("number_equal") or features.get("number_by_habit"):
        return f"number {left} is number {right} there, as with the others"
    return f"number {left} against number {right}"


def _about_title(corpus: Corpus, child: int, parent: int, features: Mapping[str, float]) -> str:
    if corpus.titles[child] and corpus.titles[child] == corpus.titles[parent]:
        return "the titles are the same"
    shared = _shared(corpus, corpus.names, corpus.names, child, parent)
    if shared:
        return f"both titles have {', '.join(shared)}"
    from rapidfuzz import fuzz

    one, other = corpus.titles[child], corpus.titles[parent]
    # Nothing is easily found within: a short title says little.
    within = fuzz.partial_ratio(one, other) / 100.0 * min(1.0, min(len(one), len(other)) / 12.0)
    return f"the titles are spelled alike ({max(features.get('spelling_alike', 0.0), within):.0%})"


def _about_texts(corpus: Corpus, child: int, parent: int, features: Mapping[str, float]) -> str:
    for names, bodies, whose in ((child, parent, "the parent's"), (parent, child, "the child's")):
        shared = _shared(corpus, corpus.names, corpus.bodies, names, bodies)
        if (
            shared
            and max(features.get(name, 0.0) for name in ("name_in_text", "name_in_its_text", "work_in_text")) > 0.2
        ):
            return f"{whose} text has {', '.join(shared)} of the other's title"
    shared = _shared(corpus, corpus.bodies, corpus.bodies, child, parent)
    return f"both texts have {', '.join(shared)}" if shared else "the texts have words in common"


def _shared(corpus: Corpus, left: csr_array, right: csr_array, row: int, other: int) -> list[str]:
    """The words that both rows have, the rarest first, as one of the titles writes them."""
    first = left.indices[left.indptr[row] : left.indptr[row + 1]]
    second = right.indices[right.indptr[other] : right.indptr[other + 1]]
    common = set(first.tolist()).intersection(second.tolist())
    if not common:
        return []
    weighed = sorted((-weight, word) for word in common if (weight := corpus.weights[word]) >= _TELLING_WEIGHT)
    telling = [word for _, word in weighed]
    if not telling:
        return []
    written = {**_as_written(corpus.pieces[other].title or ""), **_as_written(corpus.pieces[row].title or "")}
    return [f"“{written.get(corpus.surface[word], corpus.surface[word])}”" for word in telling[:_MOST_WORDS]]


@functools.lru_cache(maxsize=8_192)
def _as_written(title: str) -> Mapping[str, str]:
    """The words of a title by their stems."""
    found: dict[str, str] = {}
    for word in re.findall(r"\w+", title):
        if word.isascii() and "_" not in word:
            found[stem(word.lower())] = word
        else:
            folded = fold(word)
            found |= {part: word for part in words(folded) if part in folded}
    return found


def _about_dates(corpus: Corpus, child: int, parent: int, lag_days: float) -> str:
    days = corpus.published[child] - corpus.published[parent]
    if math.isnan(days):
        return "one of them has no date"
    apart = abs(days)
    when = (
        "the same day"
        if apart < 1
        else f"{apart:.0f} day{'s' if round(apart) != 1 else ''} {'after' if days > 0 else 'before'} it"
    )
    habit = f"; these accounts are usually {abs(lag_days):.0f} days apart" if abs(lag_days) >= 1.5 else ""
    return f"published {when}{habit}"


def _number_of(corpus: Corpus, row: int) -> int:
    return int(corpus.episode[row] if corpus.episode[row] >= 0 else corpus.bare[row])


def _length(seconds: float) -> str:
    whole = int(seconds)
    return (
        f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
        if whole >= 3600
        else f"{whole // 60}:{whole % 60:02}"
    )


_ABOUT_WORDS = {"title": _about_title, "description": _about_texts, "episode": _about_numbers}
