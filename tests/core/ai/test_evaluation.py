"""What is measured: right answers earn everything, wrong ones nothing; who was out of reach has no figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from engagerr import Workspace
from engagerr.core.ai.ai import Ai
from engagerr.core.ai.evaluation.evaluation import EvaluationReport, EvaluationRow, cases_of, measured
from engagerr.core.ai.evaluation.measures import FEWEST_CASES, MEASURES, Case, interval
from engagerr.core.ai.provider import Price, Said
from engagerr.core.ai.router import Router
from engagerr.core.ai.tasks import TASKS, MatchFacts, Reason, ReasonSignal, Summary, Task, TaskName
from engagerr.core.errors import InvalidInput
from msgspec import Struct
from tests.fakes.ai_provider import FakeProvider, down, floor, lying

LABELLED = [TaskName.TOPIC, TaskName.LANGUAGE, TaskName.SENTIMENT, TaskName.SAFETY]


def right_answer(name: TaskName, asked: Any, expected: dict[str, Any]) -> Struct:
    """What somebody who knows the label says."""
    said: dict[TaskName, Any] = {
        TaskName.TOPIC: lambda: {"topics": [{"topic": expected["topic"], "probability": 1}]},
        TaskName.LANGUAGE: lambda: {"language": expected["language"], "probability": 1},
        TaskName.SENTIMENT: lambda: {
            "score": {"positive": 1, "neutral": 0, "negative": -1}[expected["sentiment"]], "sure": 1,
        },
        TaskName.SAFETY: lambda: {
            "findings": [{"flag": flag, "severity": 2, "words": asked.title} for flag in expected["flags"]]
        },
        TaskName.BRIEF: lambda: {"title": "x", **expected},
        TaskName.CLAUSES: lambda: expected,
        TaskName.SUMMARY: lambda: expected,
        TaskName.MATCH_REASON: lambda: expected,
        TaskName.PITCH: lambda: expected,
        TaskName.EMBED: lambda: {"vector": [float(place == expected["pair"]) for place in range(100)]},
    }  # fmt: skip
    return msgspec.convert(said[name](), TASKS[name].gives)


@pytest.mark.parametrize("name", TaskName)
def test_right_answers_earn_everything_and_none_nothing(name: TaskName) -> None:
    cases = cases_of(name)
    assert len(cases) >= FEWEST_CASES
    best, between, count = measured(name, [right_answer(name, asked, expected) for asked, expected in cases])
    assert best == pytest.approx(1)
    assert count == len(cases)
    assert between is not None
    # Nothing is certain because it went well a few times.
    assert 0.5 < between[0] < between[1] <= 1
    assert measured(name, [None] * len(cases))[0] == 0


@pytest.mark.parametrize("name", LABELLED)
def test_one_wrong_answer_costs_something_and_little(name: TaskName) -> None:
    cases = cases_of(name)
    answers = [right_answer(name, asked, expected) for asked, expected in cases]
    figure, between, _ = measured(name, [None, *answers[1:]])
    assert figure is not None
    assert between is not None
    assert 0.9 < figure < 1
    assert between[0] <= figure <= between[1]


def test_flagging_nothing_at_all_is_no_good_guess() -> None:
    cases = cases_of(TaskName.SAFETY)
    nothing = msgspec.convert({"findings": []}, TASKS[TaskName.SAFETY].gives)
    figure, _, _ = measured(TaskName.SAFETY, [nothing for _ in cases])
    assert figure is not None
    assert figure < 0.5


def test_a_field_that_the_brief_does_not_say_counts_against_whoever_fills_it() -> None:
    [(asked, expected)] = [case for case in cases_of(TaskName.BRIEF) if "budget_minor" not in case[1]][:1]
    honest = right_answer(TaskName.BRIEF, asked, expected)
    guessing = msgspec.structs.replace(honest, budget_minor=100_000, budget_currency="EUR")
    score = MEASURES[TaskName.BRIEF].figure
    assert score([Case(asked, expected, guessing)]) < score([Case(asked, expected, honest)]) == 1


def test_an_invented_number_costs_a_summary_everything() -> None:
    asked, expected = cases_of(TaskName.SUMMARY)[0]
    score = MEASURES[TaskName.SUMMARY].figure
    kept = Summary(summary=expected["summary"])
    invented = Summary(summary=f"{expected['summary']} She has 9,731 dogs.")
    assert score([Case(asked, expected, kept)]) == 1
    assert score([Case(asked, expected, invented)]) == 0


def test_a_reason_names_the_strongest_the_weakest_and_the_unknown_and_may_round() -> None:
    facts = MatchFacts(
        creator="Ann", brief="Shoes", score=0.8123,
        signals=(
            ReasonSignal(name="topic_fit", value=0.934, weight=1, state="value"),
            ReasonSignal(name="price_fit", value=0.4, weight=1, state="value"),
            ReasonSignal(name="audience_fit", value=None, weight=1, state="not_reported"),
            ReasonSignal(name="reliability", value=0.7, weight=1, state="value"),
        ),
    )  # fmt: skip
    score = MEASURES[TaskName.MATCH_REASON].figure

    def of(words: str) -> float:
        return score([Case(facts, {}, Reason(reason=words))])

    assert of("Ann scores 0.81 (81 %). Topic fit is best (0.93), price fit 0.40 worst, audience fit unknown.") == 1
    assert of("Topic fit is best, price fit worst.") == pytest.approx(2 / 3)
    assert of("Topic fit 0.99, price fit and audience fit.") == 0


def test_too_few_cases_have_no_interval() -> None:
    measure = MEASURES[TaskName.LANGUAGE]
    cases = [Case(asked, expected, None) for asked, expected in cases_of(TaskName.LANGUAGE)]
    assert interval(measure, cases[: FEWEST_CASES - 1]) is None
    low, high = interval(measure, cases) or (1, 0)
    assert 0 <= low < high < 0.3


# --- models ---------------------------------------------------------------------------------------------------------


def knowing(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
    """A model that knows the labels."""
    known = {msgspec.json.encode(asked): expected for asked, expected in cases_of(task.name)}
    return [Said(right_answer(task.name, one, known[msgspec.json.encode(one)]), 10, 10) for one in inputs]


def an_ai(workspace: Workspace, *providers: FakeProvider) -> Ai:
    router = Router([*providers, floor()], clock=workspace.access.clock, timeout_seconds=5)
    return Ai(workspace.access, lambda: router)


def of_new(report: EvaluationReport) -> EvaluationRow:
    """The row of the model called new; the floor was measured beside it."""
    assert {row.provider for row in report.rows} == {"new", "floor"}
    return next(row for row in report.rows if row.provider == "new")


def test_a_measured_model_is_asked_before_a_worse_one_from_then_on(workspace: Workspace) -> None:
    ai = an_ai(workspace, FakeProvider("new", knowing, quality=None, price=Price(1000, 1000), most_at_once=8))
    assert [row.provider for row in ai.models("topic")] == ["floor", "new"]
    report = ai.evaluate(["topic"])
    assert [row.provider for row in report.rows] == ["new", "floor"]
    assert report.rows[0].quality == pytest.approx(1)
    assert report.rows[0].micro_usd == 20 * len(cases_of(TaskName.TOPIC))
    assert [row.provider for row in ai.models("topic")] == ["new", "floor"]
    [first, _] = ai.models("topic")
    assert (first.quality_from, first.cases) == ("here", len(cases_of(TaskName.TOPIC)))
    # Measuring again is free: the answers are known.
    again = ai.evaluate(["topic"], models=["new"])
    assert (again.rows[0].micro_usd, again.rows[0].seconds) == (0, None)


def test_another_version_has_to_be_measured_again(workspace: Workspace) -> None:
    an_ai(workspace, FakeProvider("new", knowing, quality=None)).evaluate(["language"], models=["new/new-model"])
    [row] = [
        row
        for row in an_ai(workspace, FakeProvider("new", quality=None, version="2")).models("language")
        if row.provider == "new"
    ]
    assert row.quality is None


@pytest.mark.parametrize("speech", [down, lying])
def test_a_model_that_is_out_of_reach_or_gives_up_is_not_measured_and_says_why(
    workspace: Workspace, speech: Any
) -> None:
    ai = an_ai(workspace, FakeProvider("new", speech, quality=0.7))
    row = of_new(ai.evaluate(["language"], models=["new"]))
    assert row.quality is None
    assert row.why
    assert next(row for row in ai.models("language") if row.provider == "new").quality == 0.7


def test_answers_that_do_not_fit_count_as_wrong(workspace: Workspace) -> None:
    odd: list[Struct] = [asked for asked, _ in cases_of(TaskName.LANGUAGE)][::7]

    def sometimes(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
        return lying(task, inputs, complaint) if inputs[0] in odd else knowing(task, inputs, complaint)

    row = of_new(an_ai(workspace, FakeProvider("new", sometimes)).evaluate(["language"], models=["new"]))
    assert row.wrong == len(odd)
    assert row.quality == pytest.approx(1 - len(odd) / row.cases)


def test_where_words_stay_here_the_cases_do_too(workspace: Workspace) -> None:
    hosted = FakeProvider("new", knowing)
    ai = an_ai(workspace, hosted)
    ai.set_policy(stays_here=True)
    row = of_new(ai.evaluate(["language"], models=["new"]))
    assert row.why == "the policy keeps these words on this machine"
    assert hosted.heard == []


def test_a_model_that_is_not_there_cannot_be_measured(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="No model here is called nobody"):
        an_ai(workspace).evaluate(models=["nobody"])
