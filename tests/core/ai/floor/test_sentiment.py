"""How warm a text is: words, negation, emphasis, emoji."""

from __future__ import annotations

from pathlib import Path

import pytest
from engagerr.core.ai.floor import sentiment as rules
from engagerr.core.ai.tasks import PlainText
from hypothesis import given, settings
from hypothesis import strategies as st

CASES = [line.split("\t") for line in Path("tests/data/ai/sentiment.tsv").read_text(encoding="utf-8").splitlines()]
_NEITHER = 0.15


def score(text: str) -> float:
    return rules.answer([PlainText(text=text)])[0].score


def sign(value: float) -> str:
    return "+" if value > _NEITHER else "-" if value < -_NEITHER else "0"


def test_written_sentences_are_told_as_well_as_the_quality_says() -> None:
    right = sum(sign(score(text)) == wanted for wanted, text in CASES)
    assert rules.QUALITY is not None
    assert right / len(CASES) >= rules.QUALITY


@pytest.mark.parametrize("text", ["not bad at all", "Gar nicht schlecht!", "Pas mal du tout !", "No está nada mal"])
def test_a_denied_fault_is_praise(text: str) -> None:
    assert score(text) > _NEITHER


@pytest.mark.parametrize("text", ["This is not good", "Das ist nicht gut", "Non è bello", "Ce n'est pas beau"])
def test_denied_praise_is_blame(text: str) -> None:
    assert score(text) < 0


def test_a_denial_ends_with_its_part_of_the_sentence() -> None:
    assert score("No, I love it") > _NEITHER


def test_very_strengthens_and_a_bit_weakens() -> None:
    assert score("a bit boring") > score("boring") > score("very boring")


def test_what_follows_but_weighs_more() -> None:
    assert score("It is boring but beautiful") > score("It is beautiful but boring")


def test_emoji_speak_in_any_language() -> None:
    assert score("最高 😍😍") > _NEITHER
    assert score("🤮") < -_NEITHER


def test_without_a_known_word_nothing_is_felt_and_nothing_sure() -> None:
    (said,) = rules.answer([PlainText(text="The match starts at noon")])
    assert (said.score, said.sure) == (0, 0)


def test_feelings_that_pull_both_ways_are_less_sure() -> None:
    mixed, plain = rules.answer([PlainText(text="awful, amazing"), PlainText(text="amazing, awesome")])
    assert mixed.sure < plain.sure


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=120))
def test_any_text_has_an_answer_within_bounds(text: str) -> None:
    (said,) = rules.answer([PlainText(text=text)])
    assert -1 <= said.score <= 1
    assert 0 <= said.sure <= 1
