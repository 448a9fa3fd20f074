"""The figures of one set: what detection found in it, and what title likeness alone finds."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from engagerr.core.content.detection.pieces import Detection, FoundEdge, ScoredPair
from engagerr.core.content.evaluation.baseline import (
    STATED_THRESHOLD,
    Match,
    best_threshold,
    f1_by_threshold,
    parents_by_title,
)
from engagerr.core.content.evaluation.gold import NOT_THE_SAME, RELATIONS, SAME_WORK, Gold
from engagerr.core.content.evaluation.groups import GroupSet
from engagerr.core.content.evaluation.measures import (
    Calibration,
    Score,
    b_cubed,
    blocking,
    calibration,
    components,
    edge_is_right,
    f1_interval,
    gold_pairs,
    implied_pairs,
    is_judged,
    one_parent_each,
    pair_is_right,
    parents_found,
)
from engagerr.core.content.evaluation.rows import BASELINE, BASELINE_AT_BEST, OURS, EvaluationRow

AUTO_CONFIRMED = "auto_confirmed"

_LIKELY = 0.5


def _row(one: GroupSet, relation: str, method: str, **figures: Any) -> EvaluationRow:
    called = tuple(sorted(said for said in one.called if RELATIONS.get(said, SAME_WORK) in (relation, NOT_THE_SAME)))
    return EvaluationRow(
        set=one.name, shows=tuple(str(show) for show in one.shows), relation=relation, called=called, method=method,
        items=len(one.pieces), untitled=one.untitled, groups=one.groups, **figures,
    )  # fmt: skip


def _titled(one: GroupSet) -> frozenset[Hashable]:
    return frozenset(piece.id for piece in one.pieces if piece.title and piece.id not in one.undecidable)


def judge(one: GroupSet, found: Detection) -> list[EvaluationRow]:
    """The rows of one set: same_work, and each relation with a parent that the answers or the findings have."""
    same = [edge for edge in found.edges if edge.relation == SAME_WORK]
    relations = sorted({kind for kind, _ in one.gold.parents.values()})
    relations += [
        name for name in sorted({edge.relation for edge in found.edges} - {SAME_WORK}) if name not in relations
    ]
    return [
        _judge_works(one, found, same),
        *(_judge_children(one, found, relation) for relation in relations),
    ]


def _judge_works(one: GroupSet, found: Detection, same: Sequence[FoundEdge]) -> EvaluationRow:
    ids, titled, gold = [piece.id for piece in one.pieces], _titled(one), one.gold
    works = components(ids, [(edge.child, edge.parent) for edge in same])
    auto = components(ids, [(edge.child, edge.parent) for edge in same if edge.state == AUTO_CONFIRMED])
    # A question that is likelier wrong than right makes no family.
    likely = [edge for edge in (*same, *one_parent_each(found.edges)) if edge.confidence >= _LIKELY]
    families = components(ids, [(edge.child, edge.parent) for edge in likely])
    standing = components(ids, [(edge.child, edge.parent) for edge in found.edges if edge.state == AUTO_CONFIRMED])
    judged = [edge for edge in same if is_judged(edge.child, edge.parent, SAME_WORK, gold)]
    wanted = gold_pairs(gold.works, among=titled)
    candidates = [(pair.one, pair.other) for pair in found.pairs]
    return _row(
        one,
        SAME_WORK,
        OURS,
        everything=implied_pairs(works, gold.works, unjudged=gold.cuts),
        decidable=implied_pairs(works, gold.works, among=titled, unjudged=gold.cuts),
        interval=f1_interval(works, gold.works, among=titled, unjudged=gold.cuts),
        auto=implied_pairs(auto, gold.works, among=titled, unjudged=gold.cuts),
        auto_everything=implied_pairs(auto, gold.works, unjudged=gold.cuts),
        direct=Score(sum(edge_is_right(edge, gold) for edge in judged), len(judged), len(gold_pairs(gold.works))),
        families=b_cubed(families, gold.families),
        families_decidable=b_cubed(families, gold.families, among=titled),
        families_auto=b_cubed(standing, gold.families, among=titled),
        blocking=blocking(one.pieces, candidates, wanted) if found.pairs else None,
        calibration_of_edges=calibration([(edge.confidence, edge_is_right(edge, gold)) for edge in judged]),
        calibration_of_pairs=_calibration_of_pairs(found.pairs, gold, SAME_WORK),
        **_apart(one, families),
    )


def _apart(one: GroupSet, families: Mapping[Hashable, int]) -> dict[str, int]:
    joined = sum(len({families[end] for end in pair}) == 1 for pair in one.gold.apart)
    return {"kept_apart": len(one.gold.apart), "wrongly_joined": joined}


def _calibration_of_pairs(pairs: Sequence[ScoredPair], gold: Gold, relation: str) -> Calibration:
    judged = [pair for pair in pairs if pair.relation == relation and is_judged(pair.one, pair.other, relation, gold)]
    return calibration([(pair.probability, pair_is_right(pair, gold)) for pair in judged])


def _judge_children(one: GroupSet, found: Detection, relation: str) -> EvaluationRow:
    titled, gold = _titled(one), one.gold
    all_of_them = parents_found(found.edges, found.pairs, gold, relation)
    decidable = parents_found(found.edges, found.pairs, gold, relation, among=titled)
    auto = [edge for edge in found.edges if edge.state == AUTO_CONFIRMED]
    drawn = [edge for edge in found.edges if edge.relation == relation]
    wanted = {
        frozenset({child, parent})
        for child, (kind, right) in gold.parents.items()
        if kind == relation
        for parent in right
    }
    candidates = [(pair.one, pair.other) for pair in found.pairs]
    return _row(
        one,
        relation,
        OURS,
        everything=all_of_them.edges,
        decidable=decidable.edges,
        auto=parents_found(auto, (), gold, relation, among=titled).edges,
        auto_everything=parents_found(auto, (), gold, relation).edges,
        direct=Score(sum(edge_is_right(edge, gold) for edge in drawn), len(drawn), all_of_them.children),
        blocking=blocking(one.pieces, candidates, wanted) if found.pairs else None,
        calibration_of_edges=calibration([(edge.confidence, edge_is_right(edge, gold)) for edge in drawn]),
        calibration_of_pairs=_calibration_of_pairs(found.pairs, gold, relation),
        children=all_of_them.children,
        first_parent=all_of_them.first,
        parent_among_three=all_of_them.among_three,
    )


def rows_of_matches(
    sets: Sequence[GroupSet],
    matches: Mapping[str, Sequence[Match]],
    *,
    methods: tuple[str, str] = (BASELINE, BASELINE_AT_BEST),
    stated: float = STATED_THRESHOLD,
) -> list[EvaluationRow]:
    """The rows of something that scores pairs 0 to 100 and draws those above a threshold; `matches` by set.

    Two for each set: with the threshold chosen on the other shows (`stated` where there are none), and with the one
    that the set's own answers would choose, which nobody has in earnest.
    """
    shows = sorted({show for one in sets for show in one.shows}, key=str)
    curves = {show: [curve for one in sets if (curve := _curve(one, matches[one.name], show))] for show in shows}
    rows: list[EvaluationRow] = []
    for one in sets:
        chosen: dict[str, float] = {}
        best: dict[str, float] = {}
        for show in one.shows:
            others = [curve for other in shows if other != show for curve in curves[other]]
            chosen[str(show)] = best_threshold(others) or stated
            own = _curve(one, matches[one.name], show)
            best[str(show)] = (best_threshold([own]) if own else None) or chosen[str(show)]
        for method, thresholds in zip(methods, (chosen, best), strict=True):
            rows.append(works_of_matches(one, matches[one.name], thresholds, method))
    return rows


def clip_rows_by_title(one: GroupSet, thresholds: Mapping[str, float]) -> list[EvaluationRow]:
    """What title likeness says about the clips of a set."""
    least = sum(thresholds.values()) / len(thresholds)
    rows = []
    for relation in sorted({kind for kind, _ in one.gold.parents.values()}):
        guess = parents_by_title(one.pieces, one.gold, relation, least=least)
        rows.append(
            _row(
                one,
                relation,
                BASELINE,
                everything=guess.edges,
                decidable=guess.edges,
                children=guess.children,
                first_parent=guess.first,
                parent_among_three=guess.among_three,
                thresholds=thresholds,
            )
        )
    return rows


def _curve(one: GroupSet, matches: Sequence[Match], show: Hashable) -> Mapping[float, float]:
    return f1_by_threshold(
        matches, one.gold, among=frozenset(piece.id for piece in one.pieces if piece.show == show) & _titled(one)
    )


def works_of_matches(
    one: GroupSet, matches: Sequence[Match], thresholds: Mapping[str, float], method: str
) -> EvaluationRow:
    """The row of a set when its matches from `thresholds` (by show, 0 to 100) on are drawn."""
    titled, gold = _titled(one), one.gold
    show_of = {piece.id: str(piece.show) for piece in one.pieces}
    drawn = [(match.one, match.other) for match in matches if match.ratio >= thresholds[show_of[match.one]]]
    works = components(list(show_of), drawn)
    return _row(
        one,
        SAME_WORK,
        method,
        everything=implied_pairs(works, gold.works, unjudged=gold.cuts),
        decidable=implied_pairs(works, gold.works, among=titled, unjudged=gold.cuts),
        interval=f1_interval(works, gold.works, among=titled, unjudged=gold.cuts),
        families=b_cubed(works, gold.families),
        families_decidable=b_cubed(works, gold.families, among=titled),
        thresholds=thresholds,
        **_apart(one, works),
    )
