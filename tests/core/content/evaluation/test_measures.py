"""The measures against worked examples, against each other's definitions, and at their ends."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping

import pytest
from engagerr.core.content.detection.pieces import FoundEdge, Piece, ScoredPair
from engagerr.core.content.evaluation.gold import make_gold
from engagerr.core.content.evaluation.measures import (
    Score,
    b_cubed,
    blocking,
    calibration,
    components,
    edge_score,
    f1_interval,
    gold_pairs,
    implied_pairs,
    one_parent_each,
    parents_found,
)
from hypothesis import given
from hypothesis import strategies as st

Labels = dict[Hashable, int]
CLUSTERINGS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40).map(
    lambda rows: (dict(enumerate(row[0] for row in rows)), dict(enumerate(row[1] for row in rows)))
)


def labels(*clusters: str) -> Labels:
    """ "ab", "c" → a and b in one cluster, c in another."""
    return {one: number for number, members in enumerate(clusters) for one in members}


def pairs_by_hand(found: Mapping[Hashable, int], gold: Mapping[Hashable, int]) -> Score:
    two = list(itertools.combinations(gold, 2))
    claimed = [pair for pair in two if found[pair[0]] == found[pair[1]]]
    there = [pair for pair in two if gold[pair[0]] == gold[pair[1]]]
    return Score(len(set(claimed) & set(there)), len(claimed), len(there))


@given(CLUSTERINGS)
def test_implied_pairs_are_what_counting_every_pair_gives(both: tuple[Labels, Labels]) -> None:
    found, gold = both
    assert implied_pairs(found, gold) == pairs_by_hand(found, gold)
    some = {one for one in gold if hash(one) % 3}
    limited = {one: gold[one] for one in some}
    assert implied_pairs(found, gold, among=some) == pairs_by_hand(found, limited)


def test_pairwise_precision_and_recall_of_a_worked_example() -> None:
    score = implied_pairs(labels("abc", "de"), labels("ab", "cde"))
    # Found ab ac bc de, there are ab cd ce de: two right.
    assert (score.right, score.found, score.gold) == (2, 4, 4)
    assert score.precision == score.recall == score.f1 == 0.5


def test_a_ratio_of_nothing_is_none_and_not_nought() -> None:
    assert (Score(0, 0, 5).precision, Score(0, 0, 5).recall, Score(0, 0, 5).f1) == (None, 0.0, 0.0)
    assert (Score(0, 3, 0).precision, Score(0, 3, 0).recall, Score(0, 3, 0).f1) == (0.0, None, 0.0)
    assert Score(0, 0, 0).f1 is None


def test_b_cubed_of_the_example_in_amigo_and_others() -> None:
    # Bagga & Baldwin's own: entities 1-5, 6-7, 8-c; the response joins the second and the third.
    gold = labels("12345", "67", "89abc")
    response = labels("12345", "6789abc")
    joined = b_cubed(response, gold)
    assert joined.precision == pytest.approx((5 * 1 + 2 * 2 / 7 + 5 * 5 / 7) / 12)
    assert joined.recall == 1
    # The other response joins the two large ones, which is worse.
    worse = b_cubed(labels("1234589abc", "67"), gold)
    assert worse.precision == pytest.approx(7 / 12)
    assert worse.recall == 1
    assert worse.f1 == pytest.approx(2 * (7 / 12) / (1 + 7 / 12))


@given(CLUSTERINGS)
def test_b_cubed_is_the_mean_over_items_of_purity_and_completeness(both: tuple[Labels, Labels]) -> None:
    found, gold = both
    precision = recall = 0.0
    for one in gold:
        cluster = {other for other in gold if found[other] == found[one]}
        group = {other for other in gold if gold[other] == gold[one]}
        precision += len(cluster & group) / len(cluster)
        recall += len(cluster & group) / len(group)
    measured = b_cubed(found, gold)
    assert measured.precision == pytest.approx(precision / len(gold))
    assert measured.recall == pytest.approx(recall / len(gold))
    assert measured.precision is not None
    assert 0 < measured.precision <= 1 + 1e-12


@given(CLUSTERINGS)
def test_the_answers_themselves_score_one_and_their_names_do_not_matter(both: tuple[Labels, Labels]) -> None:
    found, gold = both
    assert b_cubed(gold, gold).f1 == pytest.approx(1)
    assert implied_pairs(gold, gold).f1 in (1.0, None)
    renamed = {one: 100 - label for one, label in found.items()}
    assert implied_pairs(renamed, gold) == implied_pairs(found, gold)
    backwards = dict(reversed(found.items())), dict(reversed(gold.items()))
    assert b_cubed(*backwards).f1 == pytest.approx(b_cubed(renamed, gold).f1)


def test_singletons_are_pure_and_incomplete() -> None:
    gold = labels("abcd")
    alone = b_cubed(labels("a", "b", "c", "d"), gold)
    assert (alone.precision, alone.recall) == (1.0, 0.25)
    assert b_cubed({}, {}).f1 is None


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12))))
def test_components_are_equal_for_what_a_path_joins(edges: list[tuple[int, int]]) -> None:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = ([one for one, _ in edges], [other for _, other in edges])
    _, theirs = connected_components(coo_array(([1] * len(edges), ends), shape=(13, 13)), directed=False)
    found = components(range(13), edges)
    for one, other in itertools.combinations(range(13), 2):
        assert (found[one] == found[other]) == (theirs[one] == theirs[other])


def test_the_interval_holds_the_figure_narrows_with_groups_and_needs_ten() -> None:
    def world(groups: int) -> tuple[Labels, Labels]:
        gold: Labels = {(group, place): group for group in range(groups) for place in range(2)}
        # Every fourth pair is missed.
        found: Labels = {
            (group, place): group if group % 4 else 10_000 + 2 * group + place
            for group in range(groups)
            for place in range(2)
        }
        return found, gold

    assert f1_interval(*world(9)) is None
    small, large = f1_interval(*world(40)), f1_interval(*world(400))
    figure = implied_pairs(*world(400)).f1
    assert small
    assert large
    assert figure
    assert large.low <= figure <= large.high
    assert large.high - large.low < small.high - small.low
    assert small.groups == 40
    assert f1_interval(*world(40)) == small


@given(CLUSTERINGS)
def test_the_interval_rests_on_the_counts_of_all_pairs(both: tuple[Labels, Labels]) -> None:
    from engagerr.core.content.evaluation.measures import _by_group

    found, gold = both
    rows = _by_group(found, gold, None, {})
    score = implied_pairs(found, gold)
    assert [sum(column) for column in zip(*rows, strict=True)] == pytest.approx([score.right, score.found, score.gold])


def piece(name: str, show: str = "s") -> Piece:
    return Piece(id=name, show=show, platform="youtube", account="a", native_id=name)


def test_candidates_are_counted_at_both_ends_and_recall_is_of_what_is_wanted() -> None:
    pieces = [piece(name) for name in "abcd"] + [piece("z", "other")]
    found = blocking(pieces, [("a", "b"), ("b", "a"), ("a", "c")], gold_pairs(labels("ab", "cd", "z")))
    assert found.recall == 0.5
    assert found.candidates == 2
    assert found.max_per_item == 2
    assert found.mean_per_item == pytest.approx(4 / 5)
    # Six pairs within the show, none with the other show's piece.
    assert found.reduction == pytest.approx(1 - 2 / 6)
    assert blocking([], [], []).recall is None


def test_confidence_that_comes_true_has_no_error_and_boasting_has() -> None:
    honest = [(0.95, n != 0) for n in range(20)] + [(0.25, n < 5) for n in range(20)]
    assert calibration(honest).equal_width == pytest.approx(0)
    assert calibration(honest).equal_mass == pytest.approx(0)
    boasting = [(0.9, n % 2 == 0) for n in range(40)]
    assert calibration(boasting).equal_width == pytest.approx(0.4)
    assert calibration(boasting).equal_mass == pytest.approx(0.4)


def test_too_few_to_judge_calibration_by_are_told_and_not_judged() -> None:
    few = calibration([(0.5, True)] * 19)
    assert few.equal_mass is None
    assert few.equal_width is None
    assert few.why
    assert "19" in few.why


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=20, max_size=60))
def test_calibration_does_not_depend_on_the_order(judged: list[tuple[float, bool]]) -> None:
    there, back = calibration(judged), calibration(judged[::-1])
    assert there.equal_mass == pytest.approx(back.equal_mass)
    assert there.equal_width == pytest.approx(back.equal_width)
    assert there.equal_mass is not None
    assert 0 <= there.equal_mass <= 1


CLIPS = make_gold(
    "pqrxyz", same=[("p", "q")], children={"x": ("clip_of", {"p"}), "y": ("clip_of", {"p"}), "z": ("clip_of", {"r"})}
)


def edge(child: str, parent: str, confidence: float = 0.9, relation: str = "clip_of") -> FoundEdge:
    return FoundEdge(child, parent, relation, confidence, "suggested", ())


def test_any_rendition_of_the_source_is_a_right_parent_and_counts_once() -> None:
    edges = [edge("x", "q"), edge("x", "p"), edge("y", "r"), edge("r", "p")]
    assert edge_score(edges, CLIPS, "clip_of") == Score(right=1, found=3, gold=3)


def test_a_right_parent_under_another_name_is_right() -> None:
    assert edge_score([edge("x", "p", relation="part_of")], CLIPS, "clip_of") == Score(1, 1, 3)
    assert edge_score([edge("x", "p", relation="same_work")], CLIPS, "clip_of") == Score(0, 0, 3)


def test_parents_are_ranked_by_confidence() -> None:
    pairs = [
        ScoredPair("x", other, "clip_of", probability) for other, probability in (("r", 0.5), ("p", 0.4), ("y", 0.1))
    ]
    pairs += [ScoredPair("z", other, "clip_of", 0.9) for other in "pqx"]
    pairs += [ScoredPair("z", "r", "clip_of", 0.8), ScoredPair("y", "p", "same_work", 0.99)]
    found = parents_found([edge("y", "q")], pairs, CLIPS, "clip_of")
    # x has it second, y by its edge, z only fourth.
    assert found.children == 3
    assert found.first == pytest.approx(1 / 3)
    assert found.among_three == pytest.approx(2 / 3)


def test_without_children_there_is_no_share() -> None:
    found = parents_found([], [], make_gold("ab", same=[], children={}), "clip_of")
    assert (found.first, found.among_three, found.edges.f1) == (None, None, None)


@given(CLUSTERINGS, st.integers(1, 4))
def test_pairs_of_which_nothing_is_known_count_neither_way(both: tuple[Labels, Labels], every: int) -> None:
    from engagerr.core.content.evaluation.measures import _by_group

    found, gold = both
    unjudged = {one: number % every for number, one in enumerate(gold) if number % 3}
    claimed = [
        (one, other)
        for one, other in itertools.combinations(gold, 2)
        if found[one] == found[other]
        and (gold[one] == gold[other] or one not in unjudged or unjudged[one] != unjudged.get(other))
    ]
    score = implied_pairs(found, gold, unjudged=unjudged)
    assert score.found == len(claimed)
    assert score.right == implied_pairs(found, gold).right
    assert sum(row[1] for row in _by_group(found, gold, None, unjudged)) == pytest.approx(len(claimed))


def test_a_twin_has_its_parent_through_its_twin() -> None:
    edges = [edge("x", "p"), edge("x", "y", relation="same_work")]
    assert edge_score(edges, CLIPS, "clip_of") == Score(right=2, found=2, gold=3)
    assert edge_score([*edges, edge("y", "r")], CLIPS, "clip_of") == Score(right=1, found=2, gold=3)


def test_a_cut_keeps_its_surest_parent_and_shares_it_with_its_twin() -> None:
    edges = [edge("x", "p", 0.9), edge("x", "r", 0.5), edge("y", "r", 0.6), edge("x", "y", relation="same_work")]
    assert one_parent_each(edges) == [edges[0]]
    assert one_parent_each(edges[:3]) == [edges[0], edges[2]]
    # A twin without an edge gets the surest one only.
    assert edge_score([edges[0], edges[1], edges[3]], CLIPS, "clip_of") == Score(right=2, found=3, gold=3)
