"""Evaluation as a whole: detection is judged on items alone, fairly set beside titles compared letter by letter."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.content.detection.pieces import Detection, FoundEdge, Piece, ScoredPair
from engagerr.core.content.evaluation import GroupSet, evaluate, read_groups
from engagerr.core.content.evaluation.baseline import best_threshold, f1_by_threshold, title_matches
from engagerr.core.content.evaluation.folding import gold_of_all
from engagerr.core.content.evaluation.judging import AUTO_CONFIRMED
from engagerr.core.errors import InvalidInput
from tests.fakes.embedder import WordEmbedder

SAMPLE = Path(__file__).parents[3] / "data" / "groups.jsonl"


def by_equal_titles(pieces: Sequence[Piece], *, with_pairs: bool) -> Detection:
    """Finds what has the same title; a stand-in whose answers are known."""
    assert with_pairs
    same: dict[Any, list[Piece]] = defaultdict(list)
    for piece in pieces:
        same[piece.show, piece.title].append(piece)
    two = [(first.id, other.id) for first, *others in same.values() for other in others if first.title]
    return Detection(
        tuple(FoundEdge(other, first, "same_work", 0.99, AUTO_CONFIRMED, ()) for first, other in two),
        len(pieces),
        len(two),
        pairs=tuple(ScoredPair(other, first, "same_work", 0.99) for first, other in two),
    )


def finds_nothing(pieces: Sequence[Piece], *, with_pairs: bool) -> Detection:
    return Detection((), len(pieces), 0)


def write(path: Path, show: str, *titles: tuple[str | None, str | None]) -> Path:
    rows = [
        {
            "show": show,
            "relation": "same_episode",
            "items": [
                {"platform": "podcast", "id": f"e{n}", "title": one},
                {"platform": "youtube", "id": f"v{n}", "title": other},
            ],
        }
        for n, (one, other) in enumerate(titles)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def two_shows(tmp_path: Path) -> list[Path]:
    words = ("harbour", "mill", "orchard", "ferry", "clock", "weather", "candle", "rope", "kelp", "lantern", "baker")
    return [
        write(tmp_path / "north.jsonl", "North", *((f"The {word} keeper", f"The {word} keeper!") for word in words)),
        write(tmp_path / "south.jsonl", "South", *((word * 2, word * 2) for word in words), (None, "nothing to go by")),
    ]


def test_each_method_has_a_row_for_each_set(two_shows: list[Path]) -> None:
    found = evaluate(two_shows, detector=by_equal_titles)
    rows = {(row.set, row.method): row for row in found.rows}
    assert len(rows) == 6
    north, south = rows["north", "engagerr"], rows["south", "engagerr"]
    assert north.decidable.f1 == 0
    assert (south.decidable.f1, south.untitled) == (1.0, 1)
    assert south.everything.recall == pytest.approx(11 / 12)
    assert rows["north", "title_ratio"].decidable.f1 == 1.0
    assert south.blocking
    assert south.blocking.recall == 1.0
    assert south.auto == south.decidable
    assert south.seen is None
    frame = found.frame()
    assert set(frame["decidable_f1"]) == {0.0, 1.0}
    assert any("1 of 24 items have no title" in note for note in found.notes)


def test_the_threshold_of_the_baseline_is_chosen_on_other_shows(two_shows: list[Path]) -> None:
    [one, other] = read_groups(two_shows)
    curve = f1_by_threshold(title_matches(other.pieces), other.gold, among={piece.id for piece in other.pieces})
    rows = {(row.set, row.method): row for row in evaluate(two_shows, detector=finds_nothing).rows}
    assert rows["north", "title_ratio"].thresholds == {"North": best_threshold([curve])}
    assert one.gold.works.keys().isdisjoint(other.gold.works)


def test_the_baseline_at_its_best_is_at_least_as_good() -> None:
    rows = {row.method: row for row in evaluate([SAMPLE], detector=finds_nothing).rows if row.relation == "same_work"}
    best, chosen = rows["title_ratio_at_its_best"].decidable.f1, rows["title_ratio"].decidable.f1
    assert best
    assert chosen
    assert best >= chosen > 0


@pytest.mark.parametrize("with_cuts", [True, False])
def test_the_curve_is_what_joining_at_each_threshold_gives(with_cuts: bool) -> None:
    from engagerr.core.content.evaluation.measures import components, implied_pairs

    [one] = read_groups([SAMPLE])
    matches = title_matches(one.pieces)
    titled = {piece.id for piece in one.pieces}
    gold = one.gold if with_cuts else replace(one.gold, cuts={})
    for threshold, f1 in f1_by_threshold(matches, gold, among=titled).items():
        drawn = [(match.one, match.other) for match in matches if match.ratio >= threshold]
        assert f1 == implied_pairs(components(titled, drawn), gold.works, unjudged=gold.cuts).f1


def test_matches_are_one_to_one_within_two_platforms() -> None:
    [one] = read_groups([SAMPLE])
    platform = {piece.id: piece.platform for piece in one.pieces}
    taken = [(end, platform[far]) for match in title_matches(one.pieces) for end, far in
             ((match.one, match.other), (match.other, match.one))]  # fmt: skip
    assert len(taken) == len(set(taken))


def test_a_detector_that_finds_nothing_has_no_precision_and_no_recall(two_shows: list[Path]) -> None:
    row = evaluate(two_shows, detector=finds_nothing, baseline=False).rows[0]
    assert (row.decidable.precision, row.decidable.recall) == (None, 0.0)
    assert row.blocking is None
    assert row.calibration_of_edges
    assert row.calibration_of_edges.equal_mass is None
    assert row.families
    assert (row.families.precision, row.families.recall) == (1.0, 0.5)


def test_clips_have_a_row_of_their_own_also_for_titles() -> None:
    found = evaluate([SAMPLE], detector=finds_nothing)
    rows = {(row.relation, row.method): row for row in found.rows}
    ours, titles = rows["clip_of", "engagerr"], rows["clip_of", "title_ratio"]
    assert (ours.children, ours.first_parent, ours.parent_among_three) == (3, 0.0, 0.0)
    assert titles.children == 3
    assert titles.parent_among_three
    assert titles.parent_among_three > 0
    assert any("by its role (2 ×)" in note for note in found.notes)


def test_a_wrongly_joined_pair_of_those_kept_apart_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "negative.jsonl"
    items = [{"platform": "podcast", "id": f"e{n}", "title": title} for n, title in enumerate("AAB")]
    pairs = [(0, 1), (0, 2)]
    path.write_text("\n".join(json.dumps({"show": "S", "relation": "none", "label": 0, "item_a": items[a], "item_b": items[b]}) for a, b in pairs))  # fmt: skip # noqa: E501
    [row] = evaluate([path], detector=by_equal_titles, baseline=False).rows
    assert (row.kept_apart, row.wrongly_joined) == (2, 1)
    assert (row.decidable.recall, row.decidable.precision) == (None, 0.0)


def test_each_show_is_judged_by_a_model_that_has_not_seen_it(two_shows: list[Path]) -> None:
    left_out: list[str] = []
    judged: list[tuple[str, set[Any]]] = []

    def trainer(sets: Sequence[GroupSet], show: str) -> Any:
        assert {one.name for one in sets} == {"north", "south"}
        left_out.append(show)

        def detector(pieces: Sequence[Piece], *, with_pairs: bool) -> Detection:
            judged.append((show, {piece.show for piece in pieces}))
            return by_equal_titles(pieces, with_pairs=with_pairs)

        return detector

    found = evaluate(two_shows, folds="show", trainer=trainer, baseline=False)
    assert left_out == ["North", "South"]
    assert judged == [("North", {"North"}), ("South", {"South"})]
    assert all(row.seen is False for row in found.rows)
    whole = evaluate(two_shows, detector=by_equal_titles, baseline=False)
    assert [row.decidable for row in found.rows] == [row.decidable for row in whole.rows]


def test_folds_need_a_second_show_and_a_known_kind(two_shows: list[Path]) -> None:
    with pytest.raises(InvalidInput, match="at least two shows"):
        evaluate(two_shows[:1], folds="show")
    with pytest.raises(InvalidInput, match="no folds by “group”"):
        evaluate(two_shows, folds="group")


@pytest.mark.parametrize("embedder", [None, WordEmbedder()])
def test_progress_ends_at_its_end(two_shows: list[Path], embedder: WordEmbedder | None) -> None:
    seen: list[tuple[int, int]] = []

    def told(pieces: Sequence[Piece], *, with_pairs: bool, vectors: Any = None) -> Detection:
        assert (vectors is None) == (embedder is None)
        return finds_nothing(pieces, with_pairs=with_pairs)

    evaluate(two_shows, detector=told, embedder=embedder, progress=lambda done, of: seen.append((done, of)))
    assert seen[-1][0] == seen[-1][1] == len(seen)


@pytest.mark.parametrize("folds", [None, "show"])
def test_with_an_embedder_a_detector_is_told_what_the_pieces_mean(two_shows: list[Path], folds: str | None) -> None:
    judged: list[Piece] = []

    def by_vectors(pieces: Sequence[Piece], *, with_pairs: bool, vectors: Any) -> Detection:
        judged.extend(pieces)
        assert set(vectors) >= {piece.id for piece in pieces if piece.title}
        assert all(math.isclose(float(row @ row), 1, abs_tol=1e-5) for row in vectors.values())
        return finds_nothing(pieces, with_pairs=with_pairs)

    detector: Any = by_vectors
    found = evaluate(
        two_shows, folds=folds, detector=detector, trainer=lambda _sets, _show: detector, embedder=WordEmbedder()
    )
    assert len(judged) == sum({row.set: row.items for row in found.rows}.values())
    assert found.notes[0] == "Items were compared by words and by vectors of words 1."


def test_the_answers_of_several_sets_do_not_run_into_each_other(two_shows: list[Path]) -> None:
    sets = read_groups(two_shows)
    gold = gold_of_all(sets)
    assert len(set(gold.works.values())) == sum(len(set(one.gold.works.values())) for one in sets)
    assert len(gold.works) == sum(len(one.pieces) for one in sets)
