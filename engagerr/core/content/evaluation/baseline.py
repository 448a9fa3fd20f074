"""What plain means reach: titles compared letter by letter, one threshold, one-to-one. The bar to clear."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from engagerr.core.content.detection.pieces import Piece
from engagerr.core.content.evaluation.gold import Gold, Sets
from engagerr.core.content.evaluation.measures import Score, components, implied_pairs

# Where no other show is there to choose a threshold on. It is what the open sets give when they choose together.
STATED_THRESHOLD = 56.0
_THRESHOLDS = tuple(float(step) for step in range(30, 101))
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Match:
    """Two titled pieces of different platforms and how alike their titles are: `ratio` is 0 to 100."""

    ratio: float
    one: Hashable
    other: Hashable


def title_matches(pieces: Sequence[Piece], *, least: float = _THRESHOLDS[0]) -> tuple[Match, ...]:
    """The best title matches within each show, one-to-one within each pair of platforms, surest first.

    The likeness is rapidfuzz's normalised indel ratio of the case-folded titles. Pairs are taken greedily from the
    most alike down; because of that order the matches at any threshold are simply those at or above it.
    """
    matches: list[Match] = []
    for titled in _titled(pieces).values():
        platforms = sorted(titled)
        for at, one in enumerate(platforms):
            for other in platforms[at + 1 :]:
                matches += _one_to_one(titled[one], titled[other], least)
    return tuple(sorted(matches, key=lambda match: (-match.ratio, str(match.one), str(match.other))))


def _titled(pieces: Sequence[Piece]) -> Mapping[Hashable, Mapping[str, list[Piece]]]:
    by_show: dict[Hashable, dict[str, list[Piece]]] = defaultdict(lambda: defaultdict(list))
    for piece in pieces:
        if piece.title:
            by_show[piece.show][piece.platform].append(piece)
    return by_show


def _one_to_one(ones: Sequence[Piece], others: Sequence[Piece], least: float) -> list[Match]:
    import numpy
    from rapidfuzz import process
    from rapidfuzz.fuzz import ratio

    left = [(piece.title or "").casefold() for piece in ones]
    right = [(piece.title or "").casefold() for piece in others]
    found: list[Match] = []
    for begin in range(0, len(left), _ROWS_AT_ONCE):
        likeness = process.cdist(left[begin : begin + _ROWS_AT_ONCE], right, scorer=ratio, score_cutoff=least)
        found += [
            Match(float(likeness[row, column]), ones[begin + row].id, others[column].id)
            for row, column in numpy.argwhere(likeness >= least)
        ]
    found.sort(key=lambda match: (-match.ratio, str(match.one), str(match.other)))
    taken: set[Hashable] = set()
    kept = []
    for match in found:
        if match.one not in taken and match.other not in taken:
            taken |= {match.one, match.other}
            kept.append(match)
    return kept


def best_threshold(curves: Sequence[Mapping[float, float]]) -> float | None:
    """The threshold with the best mean F1 over shows, each of which counts alike whatever its size; None without any.

    Of equally good ones the middle, which is what a careful person would take.
    """
    if not curves:
        return None
    means = {threshold: math.fsum(curve[threshold] for curve in curves) / len(curves) for threshold in _THRESHOLDS}
    best = [threshold for threshold, mean in means.items() if mean == max(means.values())]
    return best[len(best) // 2]


def f1_by_threshold(matches: Sequence[Match], gold: Gold, *, among: Collection[Hashable]) -> Mapping[float, float]:
    """The pairwise F1 on the pieces `among` at every threshold; nothing where these have nothing to find."""
    works = {one: work for one, work in gold.works.items() if one in among}
    gold_size = implied_pairs(works, works).gold
    if not gold_size:
        return {}
    if gold.cuts:
        # Which joined clips do not count is not to be had from running sums.
        return {
            threshold: implied_pairs(
                components(works, [(one.one, one.other) for one in matches if one.ratio >= threshold]),
                works,
                unjudged=gold.cuts,
            ).f1
            or 0.0
            for threshold in _THRESHOLDS
        }
    falling = [match for match in matches if match.one in works and match.other in works]
    sets, sizes, place = Sets(works), dict.fromkeys(works, 1), 0
    found = right = 0
    score: dict[float, float] = {}
    members = {one: {work: 1} for one, work in works.items()}
    for threshold in reversed(_THRESHOLDS):
        while place < len(falling) and falling[place].ratio >= threshold:
            one, other = sets.find(falling[place].one), sets.find(falling[place].other)
            place += 1
            if one == other:
                continue
            found += sizes[one] * sizes[other]
            small, large = sorted((members[one], members[other]), key=len)
            right += sum(count * large.get(work, 0) for work, count in small.items())
            sets.join(one, other)
            sizes[other] += sizes[one]
            for work, count in small.items():
                large[work] = large.get(work, 0) + count
            members[other] = large
        score[threshold] = 2 * right / (found + gold_size)
    return score


@dataclass(frozen=True, slots=True)
class ClipGuess:
    """What title likeness says about clips: shares of `children` whose right parent is first, or among the first three.

    It is told which items are clips, which detection has to find out.
    """

    children: int
    first: float | None
    among_three: float | None
    edges: Score


def parents_by_title(pieces: Sequence[Piece], gold: Gold, relation: str, *, least: float) -> ClipGuess:
    """Each known child with the most alike titles among the pieces of its show that are no children.

    By the token-set ratio (ties by the plain one), as a clip's title often holds its episode's. `least` is the
    likeness from which the first is drawn as an edge.
    """
    from rapidfuzz import process
    from rapidfuzz.fuzz import ratio, token_set_ratio

    children = {child: right for child, (kind, right) in gold.parents.items() if kind == relation}
    candidates: dict[Hashable, list[Piece]] = defaultdict(list)
    for piece in pieces:
        if piece.id not in gold.parents and piece.title:
            candidates[piece.show].append(piece)
    firsts = threes = drawn = right_ones = 0
    for piece in pieces:
        if piece.id not in children or not piece.title or not candidates[piece.show]:
            continue
        titles = [(one.title or "").casefold() for one in candidates[piece.show]]
        scores = process.cdist([piece.title.casefold()], titles, scorer=token_set_ratio)[0]
        plain = process.cdist([piece.title.casefold()], titles, scorer=ratio)[0]
        order = sorted(range(len(titles)), key=lambda at: (-scores[at], -plain[at], str(candidates[piece.show][at].id)))
        hits = [candidates[piece.show][at].id in children[piece.id] for at in order[:3]]
        firsts += hits[0]
        threes += any(hits)
        if scores[order[0]] >= least:
            drawn += 1
            right_ones += hits[0]
    n = len(children)
    return ClipGuess(n, firsts / n if n else None, threes / n if n else None, Score(right_ones, drawn, n))
