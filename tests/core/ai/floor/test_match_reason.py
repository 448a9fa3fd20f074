"""Reasons say what the facts say, name what is unknown, and invent no number."""

from __future__ import annotations

import re

import pytest
from engagerr.core.ai.floor import match_reason as rules
from engagerr.core.ai.tasks import MatchFacts, Reason, ReasonSignal, TaskName
from hypothesis import given
from hypothesis import strategies as st
from tests.core.ai.floor.cases import figure, inputs_of


def signal(name: str, value: float | None, weight: float = 1.0, state: str = "value", *evidence: str) -> ReasonSignal:
    return ReasonSignal(name=name, value=value, weight=weight, state=state, evidence=evidence)


def reason(*signals: ReasonSignal, score: float = 0.5) -> str:
    [answer] = rules.answer([MatchFacts(creator="@ann", brief="Boots", score=score, signals=signals)])
    return answer.reason


def test_the_strongest_the_weakest_and_the_unknown_are_named() -> None:
    said = reason(
        signal("topic_fit", 0.9, 3, "value", "41 of 52 videos are about hiking"),
        signal("price_fit", 0.4, 1, "estimated"),
        signal("history", None, 1, "not_reported"),
        score=0.81,
    )
    assert said == (
        "@ann scores 0.81 for Boots. Strongest is topic fit (0.90): 41 of 52 videos are about hiking."
        " Weakest is price fit (0.40, estimated). Nothing is known of history."
    )


def test_one_known_signal_is_called_the_only_one() -> None:
    said = reason(signal("price_fit", 0.65), signal("topic_fit", None, 1, "expired"))
    assert said == "@ann scores 0.50 for Boots. Only price fit is known (0.65). Nothing is known of topic fit."


def test_nothing_known_is_said_as_such() -> None:
    assert reason(signal("a", None), signal("b", None)) == "@ann scores 0.50 for Boots. Nothing is known of a and b."
    assert reason() == "@ann scores 0.50 for Boots."


def test_a_heavy_signal_carries_and_a_light_one_can_be_weakest() -> None:
    said = reason(signal("light", 1.0, 0.1), signal("heavy", 0.8, 5), signal("low", 0.1, 0.2))
    assert "Strongest is heavy" in said
    assert "Also strong is light" in said
    assert "Weakest is low" in said


def demands(facts: MatchFacts, said: Reason) -> float:
    """The share of what a reason must hold: creator, brief, each unknown signal; and no number of its own."""
    allowed = {f"{value:.2f}" for value in [facts.score, *(s.value for s in facts.signals if s.value is not None)]}
    told = " ".join([facts.creator, facts.brief, *(e for s in facts.signals for e in s.evidence)])
    numbers = set(re.findall(r"\d+(?:[.,]\d+)*", said.reason)) - set(re.findall(r"\d+(?:[.,]\d+)*", told)) - allowed
    wanted = [facts.creator, facts.brief, *(s.name.replace("_", " ") for s in facts.signals if s.value is None)]
    met = [name in said.reason for name in wanted]
    return (sum(met) / len(met)) * (not numbers)


def test_every_case_is_answered_with_its_facts_only() -> None:
    for facts in inputs_of(TaskName.MATCH_REASON):
        assert isinstance(facts, MatchFacts)
        assert demands(facts, rules.answer([facts])[0]) == 1.0


TEXT = st.text(max_size=300)
SIGNALS = st.builds(
    ReasonSignal, name=TEXT, value=st.none() | st.floats(0, 1), weight=st.floats(0, 100), state=TEXT,
    evidence=st.lists(TEXT, max_size=3).map(tuple),
)  # fmt: skip


@given(
    st.builds(
        MatchFacts, creator=TEXT, brief=TEXT, score=st.floats(0, 1), signals=st.lists(SIGNALS, max_size=20).map(tuple)
    )
)
def test_a_reason_is_never_too_long(facts: MatchFacts) -> None:
    [answer] = rules.answer([facts])
    assert 1 <= len(answer.reason) <= 2000


def test_the_quality_that_it_claims_is_the_one_that_is_measured() -> None:
    assert pytest.approx(figure(rules, TaskName.MATCH_REASON), abs=0.005) == rules.QUALITY
