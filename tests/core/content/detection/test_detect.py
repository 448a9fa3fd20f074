"""What holds for every run: order and names change nothing, weights add up, judgements stand."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from engagerr.core.content.detection import FoundEdge, Judgements, Piece, detect
from engagerr.core.content.thresholds import NEVER, Threshold, Thresholds
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.core.content.detection.shows import (
    a_piece,
    a_season,
    a_short,
    a_video,
    an_episode,
    between,
    families,
    joined,
    names,
)

PLATFORMS = ("podcast", "youtube", "tiktok", "spotify", "x")
WORDS = (
    "tides", "keepers", "salt", "moon", "Ann", "Meyer", "part 1", "part 2", "#12", "Ep. 13", "January", "2024",
    "#shorts", "encore", "第3回", "mines",
)  # fmt: skip
KINDS = (None, "episode", "short_video", "long_video", "post", "video", "live")
HINTS: tuple[dict[str, Any], ...] = ({}, {"episode": 12}, {"season": 1, "episode": "3"}, {"chapters": ["tides"]})
EXAMPLES = settings(max_examples=40)


def said(most: int) -> st.SearchStrategy[str | None]:
    return st.none() | st.lists(st.sampled_from(WORDS), max_size=most).map(" ".join)


@st.composite
def shows(draw: st.DrawFn) -> list[Piece]:
    """Small muddled shows: few words, few days, so that much looks alike and much is missing."""
    pieces = []
    for at in range(draw(st.integers(2, 12))):
        platform = draw(st.sampled_from(PLATFORMS))
        pieces.append(
            a_piece(
                f"{platform}:{at}", draw(said(5)),
                show=draw(st.sampled_from(["a", "a", "b"])), account=draw(st.sampled_from(["one", "two"])),
                kind=draw(st.sampled_from(KINDS)), body=draw(said(6)), day=draw(st.none() | st.integers(0, 60)),
                duration_seconds=draw(st.none() | st.sampled_from([0.0, 30.0, 60.0, 600.0, 1_800.0, 3_600.0, 3_605.0])),
                language=draw(st.sampled_from([None, "en", "de", "en-US"])),
                links=draw(st.sampled_from([(), (("website", "https://a.example/x"),), (("youtube", "1"),)])),
                url=draw(st.none() | st.just(f"https://a.example/tides-and-keepers-{at}")),
                hints=draw(st.sampled_from(HINTS)),
            )
        )  # fmt: skip
    return pieces


def told(edge: FoundEdge) -> tuple[Any, ...]:
    return edge.relation, edge.confidence, edge.state, edge.evidence


def of(piece: Hashable, edges: tuple[FoundEdge, ...]) -> set[FoundEdge]:
    return {edge for edge in edges if piece in (edge.child, edge.parent)}


@EXAMPLES
@given(shows(), st.randoms(use_true_random=False))
def test_the_order_of_pieces_changes_nothing(pieces: list[Piece], random: Any) -> None:
    shuffled = list(pieces)
    random.shuffle(shuffled)
    assert detect(shuffled).edges == detect(pieces).edges


@EXAMPLES
@given(shows())
def test_names_of_pieces_and_shows_change_nothing_but_names(pieces: list[Piece]) -> None:
    renamed = [
        replace(piece, id=(7, at), show={"a": "zz", "b": "aa"}[str(piece.show)]) for at, piece in enumerate(pieces)
    ]
    back = {(7, at): piece.id for at, piece in enumerate(pieces)}
    found = detect(pieces).edges
    event("edges" if found else "no edges")
    assert {(back[edge.child], back[edge.parent], *told(edge)) for edge in detect(renamed).edges} == {  # type: ignore[index]
        (edge.child, edge.parent, *told(edge)) for edge in found
    }


@EXAMPLES
@given(shows())
def test_every_edge_is_whole_and_explains_itself(pieces: list[Piece]) -> None:
    found = detect(pieces, with_pairs=True)
    show = {piece.id: piece.show for piece in pieces}
    account = {str(piece.id): (piece.show, piece.platform, piece.account) for piece in pieces}
    for edge in found.edges:
        assert edge.child != edge.parent
        assert show[edge.child] == show[edge.parent]
        assert 0.0 <= edge.confidence <= 1.0
        assert edge.state in {"auto_confirmed", "suggested"}
        assert sum(piece.weight for piece in edge.evidence) == pytest.approx(edge.confidence, abs=0.002)
        assert all(piece.kind and piece.detail and math.isfinite(piece.weight) for piece in edge.evidence)
        assert len({piece.kind for piece in edge.evidence}) == len(edge.evidence)
    works = replace(found, edges=tuple(edge for edge in found.edges if edge.relation == "same_work"))
    for family in families(works):
        assert len({account[piece] for piece in family}) == len(family), "an account is in a work once"
    children = [edge.child for edge in works.edges]
    assert len(children) == len(set(children)), "a rendition hangs on one piece"
    cuts = [edge.child for edge in found.edges if edge.relation != "same_work"]
    assert all(cuts.count(cut) <= 3 for cut in cuts)
    sure = {edge.child for edge in works.edges if edge.state == "auto_confirmed"}
    assert not sure & set(cuts), "what is surely a rendition is no cut"
    assert all(0.0 <= pair.probability <= 1.0 for pair in found.pairs)


@EXAMPLES
@given(shows(), st.data())
def test_with_a_focus_the_edges_of_that_piece_are_those_of_the_whole_run(
    pieces: list[Piece], data: st.DataObject
) -> None:
    new = data.draw(st.sampled_from(pieces)).id
    whole, part = detect(pieces), detect(pieces, focus={new})
    event("edges" if of(new, whole.edges) else "no edges")
    assert of(new, part.edges) == of(new, whole.edges)
    assert new in part.settled
    assert part.compared <= whole.compared


@EXAMPLES
@given(shows(), st.data())
def test_a_rejected_pair_does_not_come_back_in_any_guise(pieces: list[Piece], data: st.DataObject) -> None:
    edges = detect(pieces).edges
    rejected = data.draw(st.sampled_from(edges)) if edges else None
    event("rejected" if rejected else "nothing to reject")
    if rejected is None:
        return
    ends = {str(rejected.child), str(rejected.parent)}
    found = detect(pieces, judgements=Judgements(rejected=frozenset({frozenset({rejected.child, rejected.parent})})))
    assert not any({edge.child, edge.parent} == {rejected.child, rejected.parent} for edge in found.edges)
    works = replace(found, edges=tuple(edge for edge in found.edges if edge.relation == "same_work"))
    assert not any(ends <= family for family in families(works)), "nor by way of a third piece"


@EXAMPLES
@given(shows(), st.data())
def test_what_is_settled_stays(pieces: list[Piece], data: st.DataObject) -> None:
    edges = detect(pieces).edges
    settled = data.draw(st.sampled_from(edges)) if edges else None
    event(settled.relation if settled else "nothing to settle")
    if settled is None:
        return
    parents = {settled.child: (settled.parent, settled.relation)}
    again = detect(pieces, judgements=Judgements(parents=parents)).edges
    if settled.relation == "same_work":
        assert any({edge.child, edge.parent} == {settled.child, settled.parent} for edge in again)
    else:
        cuts = [edge for edge in again if edge.relation != "same_work"]
        assert not any(edge.child == settled.child for edge in cuts), "of a piece that hangs nothing is asked"


def test_two_runs_are_one_run() -> None:
    pieces = a_season()
    assert detect(pieces, with_pairs=True) == detect(pieces, with_pairs=True)


@pytest.mark.parametrize("at", [0, 7, 19])
def test_in_a_show_with_habits_a_focus_finds_what_the_whole_run_finds(at: int) -> None:
    pieces = a_season(20, feed="Ep. {n}: {subject} with {guest}", channel="#{n} {subject} | {guest}", ahead=3, lag=2.0)
    found = detect(pieces, focus={f"podcast:{at}"})
    assert (f"podcast:{at}", f"youtube:{at}") in joined(found)
    assert f"youtube:{at}" in found.settled
    assert found.compared < detect(pieces).compared


SHIPS = [
    an_episode("podcast:a", "Ships of war with Ann Lee", day=90),
    a_video("youtube:b", "Ships of war | Ann Lee", day=90.1),
    a_video("youtube:c", "Ships of war, live | Ann Lee", day=91),
]


def rejecting(*pairs: tuple[str, str]) -> Judgements:
    return Judgements(rejected=frozenset(frozenset(pair) for pair in pairs))


def test_when_the_best_is_rejected_the_next_best_takes_its_place() -> None:
    found = joined(detect(a_season() + SHIPS, judgements=rejecting(("podcast:a", "youtube:b"))))
    assert [pair for pair in found if "podcast:a" in pair] == [("podcast:a", "youtube:c")]


def test_what_a_person_settled_leaves_no_place_for_a_better_one() -> None:
    settled = Judgements(parents={"youtube:c": ("podcast:a", "same_work")})
    found = joined(detect(a_season() + SHIPS, judgements=settled))
    assert [pair for pair in found if "podcast:a" in pair] == [("podcast:a", "youtube:c")]


def test_what_a_person_settled_leaves_no_place_even_where_nothing_is_alike() -> None:
    unlike = a_video("youtube:c", "Another name altogether", day=400, duration_seconds=90_000.0)
    settled = Judgements(parents={"youtube:c": ("podcast:a", "same_work")})
    assert between([*a_season(), *SHIPS[:2], unlike], "podcast:a", "youtube:b", judgements=settled) is None


CLIP = a_short("tiktok:c", "Lighthouse keepers and Marco Ruiz #shorts", day=8)


def sources(judgements: Judgements) -> set[str]:
    found = detect([*a_season(), CLIP], judgements=judgements)
    return {str(edge.parent) for edge in found.edges if edge.child == "tiktok:c"}


def test_a_clip_that_is_rejected_for_a_recording_is_not_asked_about_its_other_rendition() -> None:
    assert sources(Judgements()) == {"youtube:1"}
    assert not sources(rejecting(("tiktok:c", "youtube:1"))) & {"youtube:1", "podcast:1"}


def test_a_clip_that_hangs_already_is_not_asked_about() -> None:
    assert sources(Judgements(parents={"tiktok:c": ("youtube:4", "clip_of")})) == set()


def test_links_that_were_weighed_elsewhere_are_not_counted_twice() -> None:
    page = (("website", "https://harbour.example/ships"),)
    pieces = a_season() + [replace(piece, links=page) for piece in SHIPS[:2]]
    linked = Judgements(linked=frozenset({frozenset({"podcast:a", "youtube:b"})}))
    with_links, without = (between(pieces, "podcast:a", "youtube:b", judgements=one) for one in (None, linked))
    assert with_links is not None
    assert without is not None
    assert "link" in {piece.kind for piece in with_links.evidence}
    assert "link" not in {piece.kind for piece in without.evidence}


def test_vectors_speak_where_words_do_not() -> None:
    pieces = [*a_season(), a_short("tiktok:c", "Warum sie nie schlafen", day=200)]
    rng = np.random.default_rng(7)
    vectors: dict[Hashable, Any] = {}
    for piece in pieces:
        vector = rng.normal(size=64).astype(np.float32)
        vectors[piece.id] = vector / np.linalg.norm(vector)
    vectors["tiktok:c"] = vectors["youtube:5"]
    assert not [edge for edge in detect(pieces).edges if edge.child == "tiktok:c"]
    edge = between(pieces, "tiktok:c", "youtube:5", vectors=vectors)
    assert edge is not None
    assert max(edge.evidence, key=lambda piece: piece.weight).kind in {"embedding", "rivals"}
    assert "embedding" in {piece.kind for piece in edge.evidence}


def test_some_pieces_may_be_without_a_vector() -> None:
    pieces = a_season()
    vectors: dict[Hashable, Any] = {
        "podcast:0": np.full(4, 0.5, dtype=np.float32),
        "youtube:0": np.full(4, 0.5, dtype=np.float32),
    }
    assert joined(detect(pieces, vectors=vectors)) == joined(detect(pieces))


def banded(auto_confirm: float, ask: float) -> set[str]:
    rows = [Threshold(name, auto_confirm, ask, 0, 0, "") for name in ("same_work", "clip_of", "promotes")]
    return {edge.state for edge in detect([*a_season(), CLIP], thresholds=Thresholds(tuple(rows))).edges}


def test_the_bands_of_a_tenant_decide_what_stands_and_what_is_asked() -> None:
    assert banded(0.3, 0.2) == {"auto_confirmed"}
    assert banded(NEVER, 0.2) == {"suggested"}
    assert banded(NEVER, 0.0) == {"suggested"}
    assert banded(NEVER, NEVER) == set()


def test_a_relation_without_a_threshold_is_never_confirmed_unasked() -> None:
    found = detect([*a_season(), CLIP], thresholds=Thresholds(()))
    assert {edge.state for edge in found.edges} == {"suggested"}


def test_evidence_says_what_it_saw() -> None:
    pieces = a_season(feed="Ep. {n}: {subject} with {guest}", channel="#{n} {subject} | {guest}")
    edge = between(pieces, "podcast:1", "youtube:1")
    assert edge is not None
    details = {piece.kind: piece.detail for piece in edge.evidence}
    assert "2" in details["episode"]
    assert "lighthouse" in details["title"].casefold()
    assert "50:3" in details["duration"]
    assert "same day" in details["date"]
    assert all(piece.weight > 0 for piece in edge.evidence if piece.kind in {"episode", "title", "duration", "date"})


@pytest.mark.parametrize("gone", [
    "title", "body", "url", "published_at", "duration_seconds", "language", "kind",
])  # fmt: skip
def test_whatever_is_missing_everywhere_breaks_nothing(gone: str) -> None:
    nothing: dict[str, Any] = {gone: None}
    pieces = [replace(piece, **nothing) for piece in [*a_season(), CLIP]]
    found = detect(pieces, with_pairs=True)
    assert not any(math.isnan(edge.confidence) for edge in found.edges)
    assert not any(math.isnan(pair.probability) for pair in found.pairs)
    if gone == "title":
        assert not [edge for edge in found.edges if edge.state == "auto_confirmed" and edge.relation == "clip_of"]
    else:
        assert len(joined(found)) == 12, "what is left is enough"


def test_pieces_of_which_nothing_is_known_find_nobody() -> None:
    bare = [a_piece(name, hints={"episode": "?", "chapters": []}) for name in names(a_season())]
    assert detect(bare).edges == ()
