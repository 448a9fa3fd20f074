"""Who gets whom: renditions one-to-one between accounts, works without doubles, cuts many-to-one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
from engagerr.core.content.detection import Piece, detect
from engagerr.core.content.detection.assigning import group_works, one_to_one
from engagerr.core.content.detection.corpus import lay_out
from engagerr.core.content.detection.scoring import lead_over_rivals
from engagerr.core.content.thresholds import NEVER, Threshold, Thresholds
from hypothesis import given
from hypothesis import strategies as st
from tests.core.content.detection.shows import (
    SHOW,
    a_piece,
    a_season,
    a_short,
    a_video,
    an_episode,
    families,
    joined,
)

if TYPE_CHECKING:
    from engagerr.core.content.detection.assigning import Works
    from engagerr.core.content.detection.corpus import Corpus, Flags

Scores = Mapping[tuple[int, int], float]


def a_corpus(*accounts: int) -> Corpus:
    """So many pieces on each account; the first account has the first rows."""
    return lay_out([
        an_episode(f"podcast:{account}-{at}", "Sleep", account=str(account))
        for account, pieces in enumerate(accounts) for at in range(pieces)
    ])  # fmt: skip


def assigned(corpus: Corpus, scores: Scores, *, at_least: float = 0.0) -> set[tuple[int, int]]:
    one, other, total = columns(scores)
    stands = one_to_one(corpus, one, other, total, at_least=at_least)
    return {pair for pair, stood in zip(scores, stands, strict=True) if stood}


def columns(scores: Scores) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pairs = np.array(list(scores), dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1], np.array(list(scores.values()), dtype=np.float64)


def grown(
    corpus: Corpus, scores: Scores, *, vetoed: Sequence[tuple[int, int]] = (), against: Sequence[tuple[int, int]] = ()
) -> Works:
    def among(pairs: Sequence[tuple[int, int]]) -> Flags:
        return np.array([pair in pairs for pair in scores], dtype=bool)

    one, other, total = columns(scores)
    stands = one_to_one(corpus, one, other, total, at_least=0.0)
    return group_works(corpus, one, other, total, among(vetoed), among(against), stands)


def test_the_best_whole_is_chosen_and_not_the_best_pair() -> None:
    scores = {(0, 2): 5.0, (0, 3): 4.0, (1, 2): 4.0}
    assert assigned(a_corpus(2, 2), scores) == {(0, 3), (1, 2)}


def test_nothing_below_the_least_is_assigned() -> None:
    scores = {(0, 2): 5.0, (1, 3): 0.5, (1, 2): 4.0}
    assert assigned(a_corpus(2, 2), scores, at_least=1.0) == {(0, 2)}


def test_a_piece_has_a_partner_on_every_other_account() -> None:
    scores = {(0, 1): 5.0, (0, 2): 3.0, (1, 2): 4.0}
    assert assigned(a_corpus(1, 1, 1), scores) == set(scores)


@given(st.data())
def test_no_piece_has_two_partners_on_one_account_and_greed_does_no_better(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=2, max_size=3))
    corpus = a_corpus(*sizes)
    account = corpus.account.tolist()
    able = [(one, other) for one in range(len(corpus)) for other in range(one) if account[one] != account[other]]
    pairs = data.draw(st.lists(st.sampled_from(able), unique=True, max_size=30))
    scores = {pair: data.draw(st.floats(-3, 8)) for pair in pairs}
    chosen = assigned(corpus, scores)
    places = [(piece, account[met]) for one, other in chosen for piece, met in ((one, other), (other, one))]
    assert len(places) == len(set(places))
    assert all(scores[pair] >= 0 for pair in chosen)
    taken: set[tuple[int, int]] = set()
    greedy = 0.0
    for (one, other), score in sorted(scores.items(), key=lambda item: -item[1]):
        wanted = {(one, account[other]), (other, account[one])}
        if score >= 0 and not wanted & taken:
            taken |= wanted
            greedy += score
    assert sum(scores[pair] for pair in chosen) >= greedy - 1e-6


def test_a_crowd_of_look_alikes_is_assigned_too() -> None:
    # Beyond some hundreds the assignment is greedy; it is one-to-one all the same.
    scores = {(one, 420 + other): 9.0 - abs(one - other) for one in range(420) for other in range(420)
              if abs(one - other) <= 1}  # fmt: skip
    assert assigned(a_corpus(420, 420), scores) == {(at, 420 + at) for at in range(420)}


def test_pieces_that_agree_become_one_work() -> None:
    works = grown(a_corpus(1, 1, 1), {(0, 1): 5.0, (0, 2): 3.0, (1, 2): 4.0})
    assert len(set(works.work.tolist())) == 1


def test_a_work_never_has_two_pieces_of_one_account() -> None:
    # 0 and 1 are of one account; each has a partner, and the partners are sure of each other.
    works = grown(a_corpus(2, 1, 1), {(0, 2): 6.0, (1, 3): 5.0, (2, 3): 5.5})
    assert works.work[0] != works.work[1]
    assert Counter(works.work.tolist()) == {works.work[0]: 3, works.work[1]: 1}


def test_one_weak_pair_does_not_join_two_works() -> None:
    scores = {(0, 1): 6.0, (2, 3): 6.0, (1, 2): 0.8}
    works = grown(a_corpus(1, 1, 1, 1), scores)
    assert works.work[0] == works.work[1] != works.work[2] == works.work[3]
    assert works.held.tolist() == [True, True, False]


def test_two_works_that_agree_in_most_become_one() -> None:
    works = grown(a_corpus(1, 1, 1, 1), {(0, 1): 6.0, (2, 3): 6.0, (1, 2): 5.0, (0, 3): 4.0})
    assert len(set(works.work.tolist())) == 1


def test_what_forbids_one_pair_keeps_whole_works_apart() -> None:
    scores = {(0, 1): 6.0, (2, 3): 6.0, (1, 2): 5.0, (0, 3): -30.0}
    works = grown(a_corpus(1, 1, 1, 1), scores, vetoed=[(0, 3)])
    assert works.work[0] != works.work[3]


def test_a_contradiction_weighs_more_than_having_nothing_in_common() -> None:
    scores = {(0, 1): 6.0, (1, 2): 2.5, (0, 2): -4.0}
    assert len(set(grown(a_corpus(1, 1, 1), scores).work.tolist())) == 1
    assert len(set(grown(a_corpus(1, 1, 1), scores, against=[(0, 2)]).work.tolist())) == 2


@given(st.data())
def test_works_have_no_doubles_and_no_vetoed_pairs_whatever_the_scores(data: st.DataObject) -> None:
    corpus = a_corpus(*data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=4)))
    account = corpus.account.tolist()
    able = [(one, other) for other in range(len(corpus)) for one in range(other) if account[one] != account[other]]
    pairs = data.draw(st.lists(st.sampled_from(able), unique=True, max_size=25))
    scores = {pair: data.draw(st.floats(-3, 8)) for pair in pairs}
    vetoed = data.draw(st.lists(st.sampled_from(pairs), max_size=3)) if pairs else []
    scores |= dict.fromkeys(vetoed, -30.0)
    works = grown(corpus, scores, vetoed=vetoed)
    doubles = Counter(zip(works.work.tolist(), account, strict=True))
    assert set(doubles.values()) == {1}
    assert all(works.work[one] != works.work[other] for one, other in vetoed)
    assert all(
        works.work[one] == works.work[other] for (one, other), held in zip(scores, works.held, strict=True) if held
    )


def lead(pairs: Scores, *, stranger: float = -9.0) -> dict[tuple[int, int], float]:
    one, other, alone = columns(pairs)
    return dict(zip(pairs, lead_over_rivals(one, other, alone, stranger=stranger).tolist(), strict=True))


def test_the_best_is_ahead_and_the_others_are_behind() -> None:
    found = lead({(0, 10): 4.0, (0, 11): 1.0, (0, 12): 0.0})
    assert found[0, 10] > 0 > found[0, 11] > found[0, 12]


def test_a_tie_has_no_lead() -> None:
    assert lead({(0, 10): 4.0, (0, 11): 4.0}) == {(0, 10): 0.0, (0, 11): 0.0}


def test_a_rival_that_fits_better_elsewhere_is_less_of_a_rival() -> None:
    contested = lead({(0, 10): 4.0, (0, 11): 3.0})
    settled = lead({(0, 10): 4.0, (0, 11): 3.0, (1, 11): 7.0})
    assert settled[0, 10] > contested[0, 10]


def test_to_be_the_only_one_to_ask_is_no_more_than_being_ahead_of_a_stranger() -> None:
    assert lead({(0, 10): -5.0}, stranger=-5.0)[0, 10] == 0.0
    assert lead({(0, 10): -5.0}, stranger=-9.0)[0, 10] > 0.0


@given(st.dictionaries(st.tuples(st.integers(0, 4), st.integers(10, 14)), st.floats(-20, 20), max_size=15))
def test_a_lead_lies_between_minus_one_and_one(pairs: Scores) -> None:
    assert all(-1.0 <= value <= 1.0 for value in lead(pairs).values())


def three_accounts() -> list[Piece]:
    more = [
        an_episode(f"spotify:{at}", str(piece.title), day=7 * at + 1)
        for at, piece in enumerate(a_season()[1::2])
    ]  # fmt: skip
    return a_season() + more


def test_a_work_on_three_accounts_is_one_family_that_hangs_on_the_feed() -> None:
    found = detect(three_accounts())
    assert joined(found) == {pair for at in range(12) for pair in
                             ((f"podcast:{at}", f"spotify:{at}"), (f"podcast:{at}", f"youtube:{at}"))}  # fmt: skip
    assert {str(edge.parent).partition(":")[0] for edge in found.edges} == {"podcast"}


def test_two_uploads_of_one_recording_do_not_both_become_the_episode() -> None:
    extra = [
        an_episode("podcast:a", "Ships of war with Ann Lee", day=90),
        a_video("youtube:b", "Ships of war | Ann Lee", day=90.1),
        a_video("youtube:c", "Ships of war, live | Ann Lee", day=91),
    ]
    assert [pair for pair in joined(detect(a_season() + extra)) if "podcast:a" in pair] == [("podcast:a", "youtube:b")]


def test_many_clips_have_one_source() -> None:
    clips = [
        a_short(f"tiktok:{which}", f"Lighthouse keepers {which} Marco Ruiz #shorts", day=8 + at)
        for at, which in enumerate(("again", "tonight", "at sea"))
    ]
    found = detect(a_season() + clips)
    assert {(edge.child, edge.parent) for edge in found.edges if edge.relation == "clip_of"} == {
        (clip.id, "youtube:1") for clip in clips
    }


def test_a_clip_that_could_be_of_many_is_asked_about_three_times_at_most() -> None:
    subjects = "Tidal pools, lighthouse keepers, salted caramel, mountain rescue, paper kites, glass blowing"
    clip = a_short("tiktok:c", f"{subjects} #shorts", day=20)
    asked = [edge for edge in detect([*a_season(), clip]).edges if edge.child == "tiktok:c"]
    assert 2 <= len(asked) <= 3
    assert {edge.state for edge in asked} == {"suggested"}
    assert len({str(edge.parent).partition(":")[2] for edge in asked}) == len(asked), "each work is asked about once"


def test_a_clip_whose_source_is_sure_is_asked_about_no_further() -> None:
    clip = a_short(
        "tiktok:c", "Lighthouse keepers, Marco Ruiz, salted caramel, Ines Roth #shorts", day=7.3,
        body="From Lighthouse keepers with Marco Ruiz. Also: Tidal pools with Ann Meyer, Salted caramel with Ines Roth",
    )  # fmt: skip

    def found(auto_confirm: float) -> list[tuple[str, str]]:
        bands = Thresholds((Threshold("clip_of", auto_confirm, 0.05, 0, 0, ""),))
        edges = detect([*a_season(), clip], thresholds=bands).edges
        return [(str(edge.parent), edge.state) for edge in edges if edge.child == "tiktok:c"]

    asked = found(NEVER)
    assert len(asked) > 1
    assert asked[0] == ("youtube:1", "suggested")
    assert found(0.6) == [("youtube:1", "auto_confirmed")]


def test_a_hashtag_is_taken_apart_by_the_titles_of_the_show() -> None:
    def parents(title: str) -> list[str]:
        found = detect([*a_season(), a_short("tiktok:c", title, day=200)])
        return [str(edge.parent) for edge in found.edges if edge.child == "tiktok:c"]

    assert parents("Never again #marcoruiz") == ["youtube:1"]
    assert parents("Never again #quietharbour") == []


def test_a_post_promotes_what_it_names() -> None:
    post = a_piece("x:p", "New today: Lighthouse keepers with Marco Ruiz", kind="post", day=7.2)
    found = [edge for edge in detect([*a_season(), post]).edges if edge.child == "x:p"]
    assert [(edge.relation, str(edge.parent).partition(":")[2]) for edge in found] == [("promotes", "1")]


def test_nothing_is_found_between_two_shows() -> None:
    shows = {"podcast": SHOW, "youtube": "Another show"}
    apart = [
        a_piece(str(piece.id), piece.title, show=shows[piece.platform], published_at=piece.published_at,
                duration_seconds=piece.duration_seconds, kind=piece.kind)
        for piece in a_season()
    ]  # fmt: skip
    found = detect(apart)
    assert found.edges == ()
    assert found.compared == 0


NOTHING_IN_COMMON = {
    "two bare pieces": [a_piece("tiktok:a"), a_piece("youtube:b")],
    "two without a date": [a_piece("tiktok:a", "Cats are great"), a_piece("youtube:b", "Quarterly tax return")],
    "one day": [a_piece("tiktok:a", "Cats are great", day=0), a_piece("youtube:b", "Quarterly tax return", day=0)],
    "two episodes": [a_piece("podcast:a", "Cats are great", day=0), a_piece("youtube:b", "Quarterly taxes", day=0)],
    "one day without titles": [a_piece("podcast:a", day=0), a_piece("youtube:b", day=0)],
    "two ids as titles": [a_piece("podcast:a", "1", day=0), a_piece("youtube:b", "2", day=0)],
    "a short and an hour": [
        a_short("tiktok:a", "Cats are great", day=0), a_video("youtube:b", "Quarterly tax return", day=0),
    ],
}  # fmt: skip


@pytest.mark.parametrize("pieces", NOTHING_IN_COMMON.values(), ids=NOTHING_IN_COMMON)
def test_two_pieces_with_nothing_in_common_are_never_joined_unasked(pieces: list[Piece]) -> None:
    assert [edge for edge in detect(pieces).edges if edge.state == "auto_confirmed"] == []


def test_strangers_in_a_show_find_nobody() -> None:
    strangers = [
        a_piece("tiktok:a", "Cats are great", kind="short_video"),
        a_piece("youtube:stray", "Quarterly tax return", kind="long_video"),
        a_piece("x:p", "Good morning", kind="post"),
    ]
    found = detect(a_season() + strangers)
    assert {piece for family in families(found) if len(family) > 1 for piece in family} == {
        str(piece.id) for piece in a_season()
    }


def test_no_pieces_and_one_piece_are_looked_at_without_complaint() -> None:
    assert detect([]).edges == ()
    assert detect([a_piece("youtube:a", "Sleep")]).edges == ()
