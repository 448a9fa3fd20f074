"""What a workspace keeps on this machine stays there, whichever way a model is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.ai.ai import Ai
from engagerr.core.ai.evaluation.evaluation import cases_of
from engagerr.core.ai.policy import OverBudget, Policy, PolicyRow, permitted, policy_for, stricter
from engagerr.core.ai.provider import Where
from engagerr.core.ai.router import Router
from engagerr.core.ai.tasks import TASKS, MatchFacts, Piece, PlainText, PrivacyClass, TaskName
from engagerr.core.errors import Forbidden, InvalidInput, NotFound
from engagerr.core.settings import AiSettings
from engagerr.core.tenancy import Permission
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import colleague
from tests.fakes.ai_provider import FakeProvider, floor, lying, repairing
from tests.fakes.cluster import Connection

SETTINGS = AiSettings()  # type: ignore[call-arg]
TEXT = PlainText(text="Ann is paid 900 euros.")


@pytest.fixture
def hosted() -> FakeProvider:
    """Another company's model, better than all."""
    return FakeProvider("deepseek", quality=0.99)


@pytest.fixture
def ai(workspace: Workspace, hosted: FakeProvider) -> Ai:
    """The workspace's, with one hosted model and the floor."""
    router = Router([hosted, floor()], clock=workspace.access.clock, timeout_seconds=5)
    return Ai(workspace.access, lambda: router)


def ways(ai: Ai) -> Iterator[Callable[[TaskName, Any], object]]:
    """Every way in which words reach a router."""
    yield lambda task, one: ai.run(task, [one])
    yield lambda task, one: ai.run(task, [one], provider="deepseek")
    yield lambda task, one: ai.run(task, [one], model="deepseek-model")
    yield lambda task, one: ai.run(task, [one], privacy=PrivacyClass.PUBLIC)
    yield lambda task, one: list(ai.bulk(task, [one], name=f"bulk {task}"))
    yield lambda task, one: ai.evaluate([task])
    yield lambda task, one: ai.evaluate([task], models=["deepseek"])


@pytest.mark.parametrize("speech", [None, lying, repairing])
def test_words_that_stay_here_are_given_to_nobody_elsewhere(ai: Ai, hosted: FakeProvider, speech: Any) -> None:
    hosted.speech = speech or hosted.speech
    ai.set_policy(stays_here=True)
    ai.set_policy("summary", stays_here=False, providers=["deepseek"])
    for way in ways(ai):
        way(TaskName.SUMMARY, TEXT)
        way(TaskName.SENTIMENT, TEXT)
    assert hosted.heard == []
    [answer] = ai.run("summary", [TEXT]).answers
    assert answer.from_floor
    assert answer.why == ("deepseek/deepseek-model@1: the policy keeps these words on this machine",)


def test_contracts_leave_only_where_their_own_policy_says_so(ai: Ai, hosted: FakeProvider) -> None:
    [answer] = ai.run("clauses", [TEXT]).answers
    assert answer.from_floor
    assert "confidential" in answer.why[0]
    ai.set_policy(providers=["deepseek"])
    ai.set_policy("clauses", stays_here=False, providers=["deepseek"])
    ai.run("clauses", [TEXT], provider="deepseek")
    assert hosted.heard == []
    ai.set_policy("clauses", allows_confidential=True)
    [answer] = ai.run("clauses", [TEXT]).answers
    assert answer.provider == "deepseek"
    ai.set_policy(stays_here=True)
    assert ai.run("clauses", [PlainText(text="another")]).answers[0].from_floor


def test_leave_for_all_tasks_is_no_leave_for_contracts() -> None:
    row = PolicyRow("*", allows_confidential=True)
    assert not policy_for(TASKS[TaskName.CLAUSES], {"*": row}, SETTINGS).allows_confidential
    assert policy_for(TASKS[TaskName.CLAUSES], {"clauses": row}, SETTINGS).allows_confidential


def test_a_caller_may_make_words_stricter_and_never_laxer(ai: Ai, hosted: FakeProvider) -> None:
    assert ai.run("summary", [TEXT], privacy=PrivacyClass.CONFIDENTIAL).answers[0].from_floor
    assert ai.run("clauses", [TEXT], privacy=PrivacyClass.PUBLIC).answers[0].from_floor
    assert hosted.heard == []
    assert ai.run("summary", [TEXT], privacy=PrivacyClass.PUBLIC).answers[0].provider == "deepseek"
    assert stricter(PrivacyClass.INTERNAL, PrivacyClass.CONFIDENTIAL) is PrivacyClass.CONFIDENTIAL
    assert stricter(PrivacyClass.INTERNAL, PrivacyClass.PUBLIC) is PrivacyClass.INTERNAL


def test_cases_of_a_confidential_task_are_nobody_s_secret(ai: Ai, hosted: FakeProvider) -> None:
    ai.evaluate(["clauses"], models=["deepseek"])
    assert len(hosted.heard) == len(cases_of(TaskName.CLAUSES)) > 0
    assert TEXT not in hosted.heard


def test_only_those_that_the_policy_names_are_asked(workspace: Workspace) -> None:
    one, two, here = FakeProvider("deepseek"), FakeProvider("huggingface"), FakeProvider("local", where=Where.HERE)
    router = Router([one, two, here, floor()], clock=workspace.access.clock, timeout_seconds=5)
    ai = Ai(workspace.access, lambda: router)
    ai.set_policy("topic", providers=["huggingface"])
    assert ai.run("topic", [Piece(title="Shoes")]).answers[0].provider == "huggingface"
    assert ai.run("topic", [Piece(title="Boots")], provider="deepseek").answers[0].from_floor
    assert one.heard == here.heard == []
    # For all other tasks nothing was said.
    assert [row.provider for row in ai.models("sentiment")][-1] == "floor"


def test_a_provider_that_calls_itself_the_floor_but_is_elsewhere_gets_nothing() -> None:
    policy = policy_for(TASKS[TaskName.SUMMARY], {"*": PolicyRow("*", stays_here=True)}, SETTINGS)
    assert permitted(FakeProvider("floor"), privacy=PrivacyClass.PUBLIC, policy=policy) is not None


@given(
    rows=st.dictionaries(
        st.sampled_from(["*", "clauses", "topic"]),
        st.builds(
            PolicyRow,
            task=st.just("x"),
            stays_here=st.booleans(),
            allows_confidential=st.booleans(),
            providers=st.sampled_from([(), ("deepseek",), ("local", "deepseek")]),
        ),
    ),
    name=st.sampled_from([TaskName.CLAUSES, TaskName.TOPIC]),
    provider=st.sampled_from(["deepseek", "local"]),
    where=st.sampled_from(Where),
)
def test_whatever_is_set_the_strictest_word_holds(
    rows: dict[str, PolicyRow], name: TaskName, provider: str, where: Where
) -> None:
    task = TASKS[name]
    policy: Policy = policy_for(task, rows, SETTINGS)
    why_not = permitted(FakeProvider(provider, where=where), privacy=task.privacy, policy=policy)
    mine = [rows[key] for key in ("*", str(name)) if key in rows]
    if why_not is None and where is Where.ELSEWHERE:
        assert not any(row.stays_here for row in mine)
        assert task.privacy is not PrivacyClass.CONFIDENTIAL or rows[str(name)].allows_confidential
    if why_not is None:
        assert not mine or not mine[-1].providers or provider in mine[-1].providers
    assert permitted(floor(), privacy=task.privacy, policy=policy) is None


def test_policies_belong_to_a_workspace(ai: Ai, other_workspace: Workspace, hosted: FakeProvider) -> None:
    ai.set_policy(stays_here=True)
    router = Router([hosted, floor()], clock=other_workspace.access.clock)
    other = Ai(other_workspace.access, lambda: router)
    assert other.policy().everything is None
    assert other.run("summary", [TEXT]).answers[0].provider == "deepseek"
    # What the other workspace was answered is not in this one's cache, nor on its accounts.
    assert ai.run("summary", [TEXT]).totals.cached == 0
    assert [row.key for row in ai.usage(by="model")] == ["floor/floor-model@1"]


def test_who_may_only_look_sets_no_policy_and_asks_no_model(
    workspace: Workspace, engagerr: Engagerr, hosted: FakeProvider
) -> None:
    viewer = colleague(workspace, engagerr, "viewer")
    router = Router([hosted, floor()], clock=viewer.access.clock)
    looking = Ai(viewer.access, lambda: router)
    assert looking.models("summary")
    assert looking.usage() == ()
    assert len(looking.policy().tasks) == len(TASKS)
    for forbidden in (
        lambda: looking.set_policy(stays_here=False),
        looking.remove_policy,
        lambda: looking.run("summary", [TEXT]),
        lambda: looking.bulk("summary", [TEXT], name="x"),
        lambda: looking.evaluate(["summary"]),
    ):
        with pytest.raises(Forbidden):
            forbidden()
    assert hosted.heard == []
    analyst = colleague(workspace, engagerr, "analyst")
    with pytest.raises(Forbidden, match=str(Permission.SET_AI_POLICY)):
        Ai(analyst.access, lambda: router).set_policy(stays_here=False)


def test_a_policy_keeps_what_is_not_named_and_is_audited(
    ai: Ai, workspace: Workspace, superuser_connection: Connection
) -> None:
    ai.set_policy(stays_here=True, over_budget="refuse")
    row = ai.set_policy(providers=["deepseek", "deepseek", "floor"])
    assert (row.stays_here, row.over_budget, row.providers) == (True, OverBudget.REFUSE, ("deepseek", "floor"))
    ai.remove_policy()
    assert ai.policy().everything is None
    with pytest.raises(NotFound):
        ai.remove_policy("topic")
    actions = superuser_connection.execute(
        "SELECT action, subject FROM audit_log WHERE action LIKE 'ai.%' ORDER BY sequence"
    ).fetchall()
    assert actions == [("ai.policy_set", "ai_policy:*")] * 2 + [("ai.policy_removed", "ai_policy:*")]


def test_inputs_of_another_task_are_refused_before_anybody_is_asked(ai: Ai, hosted: FakeProvider) -> None:
    with pytest.raises(InvalidInput, match="Input 2 is a Piece; summary takes PlainText"):
        ai.run("summary", [TEXT, Piece(title="x")])
    with pytest.raises(InvalidInput, match="cannot be written"):
        ai.run("summary", [PlainText(text="half a \ud83d")])
    with pytest.raises(InvalidInput, match="characters"):
        ai.run("summary", [PlainText(text="x" * 50_000)])
    with pytest.raises(InvalidInput, match="Input 1"):
        ai.run("match_reason", [MatchFacts(creator="a", brief="b", score=7.0, signals=())])
    assert hosted.heard == []
