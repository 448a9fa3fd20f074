"""The measures of mapping, by their textbook definitions: pure functions of what was found and of the answers."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engagerr.core.content.detection.pieces import FoundEdge, Piece, ScoredPair
from engagerr.core.content.evaluation.gold import SAME_WORK, Gold, Sets

Labels = Mapping[Hashable, int]
_LEAST_GROUPS_FOR_AN_INTERVAL = 10
_RESAMPLES = 2000
_LEAST_FOR_CALIBRATION = 20
BINS = 10


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 with the counts that they rest on. A ratio of nothing is None, never 0 or 1."""

    right: int
    found: int
    gold: int

    @property
    def precision(self) -> float | None:
        """Right ones among those found."""
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """Found ones among those that there are."""
        return self.right / self.gold if self.gold else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, as 2·right / (found + gold): defined as soon as there is either."""
        return 2 * self.right / (self.found + self.gold) if self.found + self.gold else None


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval; `groups` is how many were drawn from."""

    low: float
    high: float
    groups: int


@dataclass(frozen=True, slots=True)
class BCubed:
    """Precision, recall and their harmonic mean, each the mean over `items`. None without an item."""

    precision: float | None
    recall: float | None
    f1: float | None
    items: int


@dataclass(frozen=True, slots=True)
class Blocking:
    """What blocking let through. `recall` is None where there is nothing to find, `reduction` where there is no pair.

    `recall` is "pairs completeness" and `reduction` the "reduction ratio" against all pairs within a show (Christen,
    Data Matching, 2012, section 7.2). Candidates are counted at both ends, and an item without any counts as 0.
    """

    recall: float | None
    gold: int
    candidates: int
    mean_per_item: float | None
    p99_per_item: float | None
    max_per_item: int
    reduction: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected calibration error: the mean gap between confidence and frequency, weighed by the bins' sizes.

    `equal_width` uses 10 bins of width 0.1 (Naeini, Cooper & Hauskrecht, AAAI 2015), `equal_mass` 10 bins of equal
    size (Nguyen & O'Connor, EMNLP 2015), which is the steadier one where almost all confidences are near 0 or 1.
    None, with `why`, where fewer than 20 were there to judge by.
    """

    equal_width: float | None
    equal_mass: float | None
    n: int
    why: str | None = None


@dataclass(frozen=True, slots=True)
class ClipScore:
    """How well children find their parent: `first` and `among_three` are shares of `children`; None without any."""

    edges: Score
    children: int
    first: float | None
    among_three: float | None


def components(ids: Iterable[Hashable], edges: Iterable[tuple[Hashable, Hashable]]) -> dict[Hashable, int]:
    """The connected component of every id."""
    sets = Sets(ids)
    for one, other in edges:
        sets.join(one, other)
    return sets.labels()


def implied_pairs(
    found: Labels, gold: Labels, *, among: Collection[Hashable] | None = None, unjudged: Labels | None = None
) -> Score:
    """Pairs in one component against pairs in one gold work: pairwise precision and recall of two clusterings.

    `among` limits both sides to pairs of which both ends are in it. Counted from the contingency table, so that large
    components cost no more than small ones (Hubert & Arabie 1985 count pairs this way). Found pairs of two works with
    one number in `unjudged` are not counted at all.
    """
    ids = [one for one in gold if among is None or one in among]
    cells = Counter((found[one], gold[one]) for one in ids)
    open_ones = [one for one in ids if unjudged and one in unjudged]
    asides = Counter((found[one], (unjudged or {})[one]) for one in open_ones)
    known = Counter((found[one], (unjudged or {})[one], gold[one]) for one in open_ones)
    return Score(
        right=_pairs(cells.values()),
        found=_pairs(Counter(found[one] for one in ids).values()) - _pairs(asides.values()) + _pairs(known.values()),
        gold=_pairs(Counter(gold[one] for one in ids).values()),
    )


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)


def f1_interval(
    found: Labels,
    gold: Labels,
    *,
    among: Collection[Hashable] | None = None,
    unjudged: Labels | None = None,
    seed: int = 20_261_101,
) -> Interval | None:
    """95 % bootstrap percentile interval of the pairwise F1; gold groups are drawn with replacement (seeded).

    Pairs of one group stand or fall together, so groups are drawn and not pairs. A wrong pair across two groups counts
    half to each. None with fewer than 10 groups that have a pair at all.
    """
    import numpy
    from scipy.stats import bootstrap

    rows = [row for row in _by_group(found, gold, among, unjudged or {}) if row[1] + row[2] > 0]
    if len(rows) < _LEAST_GROUPS_FOR_AN_INTERVAL:
        return None
    right, claimed, there = (numpy.array(column, dtype=float) for column in zip(*rows, strict=True))

    def f1(right: Any, claimed: Any, there: Any, axis: int = -1) -> Any:
        return 2 * numpy.sum(right, axis=axis) / (numpy.sum(claimed, axis=axis) + numpy.sum(there, axis=axis))

    interval = bootstrap(
        (right, claimed, there), f1, paired=True, vectorized=True, n_resamples=_RESAMPLES, batch=100,
        method="percentile", rng=numpy.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Interval(float(interval.low), float(interval.high), len(rows))


def _by_group(
    found: Labels, gold: Labels, among: Collection[Hashable] | None, unjudged: Labels
) -> list[tuple[float, float, float]]:
    """(right, found, gold) of every gold group; the sums over all groups are the counts of `implied_pairs`."""
    ids = [one for one in gold if among is None or one in among]
    cells: dict[int, Counter[int]] = defaultdict(Counter)
    for one in ids:
        cells[gold[one]][found[one]] += 1
    sizes = Counter(found[one] for one in ids)
    asides = Counter((found[one], unjudged[one]) for one in ids if one in unjudged)
    known = Counter((found[one], unjudged[one], gold[one]) for one in ids if one in unjudged)
    spared: Counter[int] = Counter()
    for (component, number, group), size in known.items():
        spared[group] += size * (asides[component, number] - size)
    rows = []
    for group, parts in cells.items():
        right = _pairs(parts.values())
        across = sum(part * (sizes[component] - part) for component, part in parts.items()) - spared[group]
        rows.append((float(right), right + across / 2, float(_pairs([sum(parts.values())]))))
    return rows


def b_cubed(found: Labels, gold: Labels, *, among: Collection[Hashable] | None = None) -> BCubed:
    """B-cubed precision and recall: for each item, how pure its cluster is and how much of its group it holds.

    Bagga & Baldwin 1998 with equal weights of items; Amigó et al. 2009 show that it meets all four constraints on a
    measure of clusterings. F1 is the harmonic mean of the two means.
    """
    ids = [one for one in gold if among is None or one in among]
    if not ids:
        return BCubed(None, None, None, 0)
    cells = Counter((found[one], gold[one]) for one in ids)
    of_found = Counter(found[one] for one in ids)
    of_gold = Counter(gold[one] for one in ids)
    precision = math.fsum(size * size / of_found[cluster] for (cluster, _), size in cells.items()) / len(ids)
    recall = math.fsum(size * size / of_gold[group] for (_, group), size in cells.items()) / len(ids)
    return BCubed(precision, recall, 2 * precision * recall / (precision + recall), len(ids))


def blocking(
    pieces: Sequence[Piece],
    pairs: Iterable[tuple[Hashable, Hashable]],
    wanted: Iterable[frozenset[Hashable]],
) -> Blocking:
    """What the candidate `pairs` cover of the `wanted` ones, and how many each piece has."""
    import numpy

    candidates = {frozenset(pair) for pair in pairs}
    of_piece = Counter(end for pair in candidates for end in pair)
    counts = numpy.array([of_piece[piece.id] for piece in pieces])
    gold = set(wanted)
    possible = _pairs(Counter(piece.show for piece in pieces).values())
    return Blocking(
        recall=len(gold & candidates) / len(gold) if gold else None,
        gold=len(gold),
        candidates=len(candidates),
        mean_per_item=float(counts.mean()) if len(counts) else None,
        p99_per_item=float(numpy.percentile(counts, 99)) if len(counts) else None,
        max_per_item=int(counts.max(initial=0)),
        reduction=1 - len(candidates) / possible if possible else None,
    )


def gold_pairs(gold: Labels, *, among: Collection[Hashable] | None = None) -> set[frozenset[Hashable]]:
    """Every pair of one group."""
    members: dict[int, list[Hashable]] = defaultdict(list)
    for one, group in gold.items():
        if among is None or one in among:
            members[group].append(one)
    return {
        frozenset({one, other})
        for group in members.values()
        for at, one in enumerate(group)
        for other in group[at + 1 :]
    }


def calibration(judged: Sequence[tuple[float, bool]]) -> Calibration:
    """Expected calibration error of (confidence, was it right)."""
    import numpy

    if len(judged) < _LEAST_FOR_CALIBRATION:
        why = f"{len(judged)} to judge by; {_LEAST_FOR_CALIBRATION} are the least that say anything"
        return Calibration(None, None, len(judged), why)
    confidence = numpy.array([one for one, _ in judged], dtype=float)
    right = numpy.array([one for _, one in judged], dtype=float)
    wide = numpy.minimum((confidence * BINS).astype(int), BINS - 1)
    # By values and not by places: equal confidences share a bin, or the order of ties would make an error of its own.
    edges = numpy.unique(numpy.quantile(confidence, numpy.linspace(0, 1, BINS + 1)[1:-1]))
    mass = numpy.searchsorted(edges, confidence, side="left")

    def error(of_bin: Any) -> float:
        bins = [numpy.flatnonzero(of_bin == number) for number in range(BINS)]
        gaps = [len(one) * abs(confidence[one].mean() - right[one].mean()) for one in bins if len(one)]
        return float(math.fsum(gaps) / len(judged))

    return Calibration(error(wide), error(mass), len(judged))


def is_judged(one: Hashable, other: Hashable, relation: str, gold: Gold) -> bool:
    """Whether the answers say anything on it: not on whether two clips of one source are the same cut."""
    if relation != SAME_WORK or gold.works[one] == gold.works[other]:
        return True
    return one not in gold.cuts or gold.cuts[one] != gold.cuts.get(other)


def edge_is_right(edge: FoundEdge, gold: Gold) -> bool:
    """Whether an edge tells the truth: the same work, or a right parent of its child."""
    if edge.relation == SAME_WORK:
        return gold.works[edge.child] == gold.works[edge.parent]
    _, right = gold.parents.get(edge.child, ("", frozenset[Hashable]()))
    return edge.parent in right


def pair_is_right(pair: ScoredPair, gold: Gold) -> bool:
    """Whether the relation that a pair was scored for holds; `one` is the child where the relation has one."""
    if pair.relation == SAME_WORK:
        return gold.works[pair.one] == gold.works[pair.other]
    _, right = gold.parents.get(pair.one, ("", frozenset[Hashable]()))
    return pair.other in right


def edge_score(
    edges: Iterable[FoundEdge], gold: Gold, relation: str, *, among: Collection[Hashable] | None = None
) -> Score:
    """Found edges from a child to its parent: right, found, and how many children there are to find a parent for.

    An edge belongs to the relation that the answers give its child; where they give none, to its own (a false alarm).
    The right parent under another name of the relation counts as right. Two right edges of one child, to two
    renditions of its source, are one thing found. What was found to be the same cut has its parent in common: where
    one of two twins has an edge, the other has it through it.
    """
    edges = _with_twins(tuple(edges))
    told = {child: kind for child, (kind, _) in gold.parents.items()}
    found = [
        edge
        for edge in edges
        if edge.relation != SAME_WORK
        and told.get(edge.child, edge.relation) == relation
        and (among is None or (edge.child in among and edge.parent in among))
    ]
    right = {edge.child for edge in found if edge_is_right(edge, gold)}
    wrong = {(edge.child, edge.parent) for edge in found if not edge_is_right(edge, gold)}
    return Score(len(right), len(right) + len(wrong), len(_children(gold, relation, among)))


def one_parent_each(edges: Iterable[FoundEdge]) -> list[FoundEdge]:
    """Of the edges to parents, the surest one of each work: a cut has one source, and so have its twins."""
    edges = tuple(edges)
    works = _works(edges)
    surest: dict[Hashable, FoundEdge] = {}
    for edge in edges:
        if edge.relation != SAME_WORK:
            standing = surest.setdefault(works.find(edge.child), edge)
            if (edge.confidence, str(standing.parent)) > (standing.confidence, str(edge.parent)):
                surest[works.find(edge.child)] = edge
    return list(surest.values())


def _works(edges: Iterable[FoundEdge]) -> Sets:
    works = Sets()
    for edge in edges:
        if edge.relation == SAME_WORK:
            works.join(edge.child, edge.parent)
    return works


def _with_twins(edges: tuple[FoundEdge, ...]) -> list[FoundEdge]:
    """The edges to parents; each twin that has none of its own gets the surest one of its twins."""
    works = _works(edges)
    drawn = [edge for edge in edges if edge.relation != SAME_WORK]
    have = {edge.child for edge in drawn}
    surest = {works.find(edge.child): edge for edge in one_parent_each(edges)}
    return drawn + [
        replace(surest[works.find(twin)], child=twin)
        for twin in works.labels()
        if twin not in have and works.find(twin) in surest
    ]


def _children(gold: Gold, relation: str, among: Collection[Hashable] | None) -> dict[Hashable, frozenset[Hashable]]:
    return {
        child: right
        for child, (kind, right) in gold.parents.items()
        if kind == relation and (among is None or (child in among and not right.isdisjoint(among)))
    }


def parents_found(
    edges: Sequence[FoundEdge],
    pairs: Iterable[ScoredPair],
    gold: Gold,
    relation: str,
    *,
    among: Collection[Hashable] | None = None,
) -> ClipScore:
    """Right parent at the first place, and among the first three, of each child's candidates by confidence.

    A child's candidates are what it was scored against as a child, and its edges; one without a candidate has not
    found its parent.
    """
    ranked: dict[Hashable, dict[Hashable, float]] = defaultdict(dict)
    scored = [(pair.one, pair.other, pair.probability) for pair in pairs if pair.relation != SAME_WORK]
    drawn = [(edge.child, edge.parent, edge.confidence) for edge in edges if edge.relation != SAME_WORK]
    for child, parent, confidence in (*scored, *drawn):
        ranked[child][parent] = max(confidence, ranked[child].get(parent, 0.0))
    children = _children(gold, relation, among)
    firsts = threes = 0
    for child, right in children.items():
        order = sorted(ranked[child].items(), key=lambda one: (-one[1], str(one[0])))
        firsts += any(parent in right for parent, _ in order[:1])
        threes += any(parent in right for parent, _ in order[:3])
    n = len(children)
    score = edge_score(edges, gold, relation, among=among)
    return ClipScore(score, n, firsts / n if n else None, threes / n if n else None)
