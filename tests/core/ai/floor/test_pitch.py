"""Pitches: a template in four languages, with what the facts say and no price."""

from __future__ import annotations

import pytest
from engagerr.core.ai.floor import pitch as rules
from engagerr.core.ai.floor.amounts import budget_in
from engagerr.core.ai.tasks import Pitch, PitchFacts, TaskName
from hypothesis import given
from hypothesis import strategies as st
from tests.core.ai.floor.cases import figure, inputs_of


def pitch(text: str = "A boot is launched.", *strengths: str, language: str = "en") -> Pitch:
    facts = PitchFacts(creator="Ann", brief="Boots", brief_text=text, strengths=strengths, language=language)
    return rules.answer([facts])[0]


@pytest.mark.parametrize(
    ("language", "opening"),
    [
        ("en", "Hello Ann,"),
        ("de", "Hallo Ann,"),
        ("es", "Hola, Ann:"),
        ("fr", "Bonjour Ann,"),
        ("de-AT", "Hallo Ann,"),
        ("ja", "Hello Ann,"),
    ],
)
def test_it_is_written_in_the_language_that_is_asked_for_or_in_english(language: str, opening: str) -> None:
    assert pitch(language=language).body.startswith(opening)


def test_sums_of_money_are_left_out() -> None:
    said = pitch("Budget is €15k. A boot is launched.", "quoted 900 EUR", "you hike").body
    assert "A boot is launched." in said
    assert "you hike" in said
    assert "15k" not in said
    assert "900" not in said


def test_placeholders_in_strangers_words_stay_words() -> None:
    assert "Why you: {creator} {brief}." in pitch("X.", "{creator} {brief}").body


def test_every_case_names_the_creator_the_brief_and_each_strength() -> None:
    for facts in inputs_of(TaskName.PITCH):
        assert isinstance(facts, PitchFacts)
        said = rules.answer([facts])[0]
        assert facts.brief in said.subject
        assert facts.creator in said.body
        assert facts.brief in said.body
        assert all(strength in said.body for strength in facts.strengths)
        assert budget_in(said.body) is None


TEXT = st.text(max_size=600)


@given(
    st.builds(
        PitchFacts,
        creator=TEXT,
        brief=TEXT,
        brief_text=TEXT,
        strengths=st.lists(TEXT, max_size=9).map(tuple),
        language=st.text(max_size=4),
    )
)
def test_a_pitch_is_never_too_long(facts: PitchFacts) -> None:
    said = rules.answer([facts])[0]
    assert 1 <= len(said.subject) <= 200
    assert 1 <= len(said.body) <= 4000


def test_the_quality_that_it_claims_is_the_one_that_is_measured() -> None:
    assert pytest.approx(figure(rules, TaskName.PITCH), abs=0.005) == rules.QUALITY
