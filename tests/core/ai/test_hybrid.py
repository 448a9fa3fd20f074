"""Letters and meaning in one score."""

from __future__ import annotations

import numpy as np
import pytest
from engagerr import InvalidInput
from engagerr.core.ai import LetterIndex, fuse
from hypothesis import given
from hypothesis import strategies as st

SCORES = st.lists(st.floats(-1, 1), min_size=2, max_size=9)


def test_forms_of_a_word_and_decorated_letters_are_alike() -> None:
    scores = LetterIndex(["Baking breads at home", "Insurance of houses", "𝗕𝗮𝗸𝗲𝗿𝘆 tour"]).scores("baker bakes bread")
    assert scores[0] > 0.2
    assert scores[2] > 0.2
    assert scores[1] < 0.1


def test_a_text_is_wholly_like_itself_and_one_without_letters_is_unknown() -> None:
    index = LetterIndex(["gear talk", "!!!", "パンの焼き方"])
    scores = index.scores("gear talk")
    assert scores[0] == pytest.approx(1)
    assert np.isnan(scores[1])
    assert scores[2] == 0
    assert np.isnan(index.scores("🔥")).all()


def test_rare_words_count_more_than_those_that_every_text_has() -> None:
    scores = LetterIndex(["podcast quantum", "podcast gardens", "podcast knitting"]).scores("podcast gardens")
    assert scores[1] > 2 * scores[0]


def test_no_texts_have_no_scores() -> None:
    assert LetterIndex([]).scores("gear").shape == (0,)


@given(SCORES)
def test_equal_scores_stay_as_they_are(scores: list[float]) -> None:
    given_scores = np.array(scores)
    assert np.allclose(fuse(given_scores, given_scores), given_scores)


@given(SCORES, st.data())
def test_more_of_either_is_never_less_of_both(scores: list[float], data: st.DataObject) -> None:
    lexical, semantic = np.array(scores), np.zeros(len(scores))
    place = data.draw(st.integers(0, len(scores) - 1))
    before = fuse(lexical, semantic)
    semantic[place] = 0.5
    after = fuse(lexical, semantic)
    assert after[place] > before[place]


def test_what_one_way_does_not_know_is_neither_gain_nor_loss() -> None:
    fused = fuse(np.array([0.2, 0.2, 0.2]), np.array([0.6, np.nan, 0.0]))
    assert fused[0] > fused[1] > fused[2]
    assert fused[1] == pytest.approx((0.2 + 0.3) / 2)


def test_a_way_that_knows_nothing_leaves_the_other_as_it_is() -> None:
    alone = np.array([0.1, np.nan, 0.7])
    fused = fuse(alone, np.full(3, np.nan))
    assert np.array_equal(fused, alone, equal_nan=True)
    assert np.isnan(fuse(np.full(2, np.nan), np.full(2, np.nan))).all()


def test_scores_of_different_candidates_are_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be put together"):
        fuse(np.zeros(2), np.zeros(3))
