"""What models cost is counted, told, and kept within the month's budget."""

from __future__ import annotations

import pytest
from engagerr import Money, Workspace
from engagerr.core.ai.ai import Ai
from engagerr.core.ai.budget import BudgetSpent, Spent, estimated, in_the_way, month_of
from engagerr.core.ai.policy import OverBudget, Policy
from engagerr.core.ai.provider import Price
from engagerr.core.ai.router import Router
from engagerr.core.ai.tasks import TASKS, PlainText, TaskName
from engagerr.core.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.ai_provider import FakeProvider, SlowProvider, down, floor, repairing
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection

# A hundred tokens in and ten out, as the fake counts: 11 000 millionths of a dollar a call.
DEAR = Price(100_000, 100_000)
A_CALL = 11_000


def an_ai(workspace: Workspace, *providers: FakeProvider, timeout_seconds: float = 5) -> Ai:
    router = Router([*providers, floor()], clock=workspace.access.clock, timeout_seconds=timeout_seconds)
    return Ai(workspace.access, lambda: router)


def texts(*words: str) -> list[PlainText]:
    return [PlainText(text=word) for word in words]


def test_every_call_is_on_the_accounts_with_what_it_cost(workspace: Workspace) -> None:
    ai = an_ai(workspace, FakeProvider("one", down, quality=0.95), FakeProvider("two", repairing, price=DEAR))
    batch = ai.run("summary", texts("a", "b"))
    ai.run("summary", texts("a"))
    assert batch.totals.micro_usd == 4 * A_CALL
    rows = {row.key: row for row in ai.usage(by="model")}
    two, one = rows["two/two-model@1"], rows["one/one-model@1"]
    assert (two.calls, two.failed, two.repaired, two.cached, two.micro_usd) == (4, 2, 2, 1, 4 * A_CALL)
    assert (two.tokens_in, two.tokens_out) == (400, 40)
    assert (one.calls, one.failed, one.answered, one.micro_usd) == (3, 3, 0, 0)
    [task] = ai.usage()
    assert (task.key, task.calls, task.micro_usd) == ("summary", 7, 4 * A_CALL)


def test_the_accounts_say_why_and_never_what_was_asked(workspace: Workspace, superuser_connection: Connection) -> None:
    ai = an_ai(workspace, FakeProvider("one", down))
    ai.run("summary", texts("the words of a creator"))
    rows = superuser_connection.execute("SELECT outcome, reason FROM ai_calls ORDER BY outcome").fetchall()
    assert rows == [("answered", None), ("failed", "it answered 503")]


def test_the_accounts_cannot_be_changed(workspace: Workspace, app_connection: Connection) -> None:
    an_ai(workspace).run("summary", texts("a"))
    import psycopg

    for statement in ("UPDATE ai_calls SET micro_usd = 0", "DELETE FROM ai_calls"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_connection.execute(statement)
        app_connection.rollback()


def test_a_call_that_was_cut_off_has_an_unknown_price_and_is_told_of(workspace: Workspace) -> None:
    slow = SlowProvider(price=DEAR)
    ai = an_ai(workspace, slow, timeout_seconds=0.05)
    batch = ai.run("summary", texts("a"))
    slow.release()
    assert (batch.totals.calls_of_unknown_price, batch.totals.micro_usd) == (1, 0)
    row = next(row for row in ai.usage(by="model") if row.key.startswith("slow"))
    assert (row.calls_of_unknown_price, row.micro_usd) == (1, 0)


def test_beyond_the_budget_free_models_answer_and_the_answer_says_so(workspace: Workspace) -> None:
    hosted = FakeProvider(price=DEAR)
    ai = an_ai(workspace, hosted)
    likely = estimated(TASKS[TaskName.SUMMARY], texts("a"), DEAR)
    ai.set_policy(monthly=Money(-(-(likely + A_CALL) // 10_000), "USD"))
    batch = ai.run("summary", texts("a", "b", "c", "d", "e"))
    who = [answer.provider for answer in batch.answers]
    assert who[:2] == ["hosted", "hosted"]
    assert who[-1] == "floor"
    assert "budget" in batch.answers[-1].why[0]
    asked = len(hosted.heard)
    # What is known costs nothing, and is given out whatever was spent.
    again = ai.run("summary", texts("a", "e"))
    assert [answer.provider for answer in again.answers] == ["hosted", "floor"]
    assert len(hosted.heard) == asked
    assert ai.usage()[0].refused > 0


def test_a_budget_that_refuses_stops_the_task_and_keeps_what_was_paid_for(
    workspace: Workspace, clock: SteeredClock
) -> None:
    hosted = FakeProvider(price=DEAR)
    ai = an_ai(workspace, hosted)
    likely = estimated(TASKS[TaskName.SUMMARY], texts("a"), DEAR)
    ai.set_policy(monthly=Money(-(-likely // 10_000), "USD"), over_budget="refuse")
    with pytest.raises(BudgetSpent) as refused:
        ai.run("summary", texts("a", "b", "c"))
    assert refused.value.retry_after == (month_of(clock.now())[1] - clock.now()).total_seconds()
    assert "set-policy" in (refused.value.hint or "")
    assert [row.micro_usd for row in ai.usage()] == [A_CALL * len(hosted.heard)]
    assert ai.run("summary", texts("a")).totals.cached == 1
    # Free models are asked as before.
    assert ai.run("summary", texts("b"), provider="floor").answers[0].from_floor
    clock.set(month_of(clock.now())[1])
    assert ai.run("summary", texts("b")).answers[0].provider == "hosted"


def test_a_budget_of_nothing_lets_no_call_through_that_costs(workspace: Workspace) -> None:
    hosted, free = FakeProvider(price=DEAR), FakeProvider("free", quality=0.6)
    ai = an_ai(workspace, hosted, free)
    ai.set_policy("summary", monthly=Money(0, "USD"))
    assert ai.run("summary", texts("a")).answers[0].provider == "free"
    assert ai.run("sentiment", texts("a")).answers[0].provider == "hosted"
    ai.set_policy(monthly=Money(0, "USD"))
    assert ai.run("sentiment", texts("b")).answers[0].provider == "free"
    ai.set_policy(unlimited=True)
    assert ai.run("sentiment", texts("c")).answers[0].provider == "hosted"


def test_budgets_are_in_dollars(workspace: Workspace) -> None:
    for wrong in (Money(100, "EUR"), Money(-1, "USD")):
        with pytest.raises(InvalidInput, match="US dollars"):
            an_ai(workspace).set_policy(monthly=wrong)


def test_the_setting_s_budget_holds_where_no_policy_has_one(workspace: Workspace) -> None:
    access = workspace.access
    settings = access.settings.model_copy(
        update={"ai": access.settings.ai.model_copy(update={"monthly_budget_usd": 0, "over_budget": "refuse"})}
    )
    from dataclasses import replace

    router = Router([FakeProvider(price=DEAR), floor()], clock=access.clock)
    ai = Ai(replace(access, settings=settings), lambda: router)
    with pytest.raises(BudgetSpent):
        ai.run("summary", texts("a"))
    ai.set_policy(monthly=Money(100_000, "USD"))
    assert ai.run("summary", texts("a")).answers[0].provider == "hosted"


limits = st.one_of(st.none(), st.integers(0, 1000))


@given(limits, limits, st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_no_call_is_let_through_that_would_exceed_either_budget(
    of_all: int | None, of_task: int | None, task_spent: int, more: int, micro_usd: int
) -> None:
    policy = Policy(
        stays_here=False, allows_confidential=False, providers=(), monthly_of_all=of_all, monthly_of_task=of_task,
        over_budget_of_all=OverBudget.REFUSE, over_budget_of_task=OverBudget.DEGRADE,
    )  # fmt: skip
    spent = Spent(task_spent + more, task_spent)
    over_all = of_all is not None and spent.of_all + micro_usd > of_all
    over_task = of_task is not None and spent.of_task + micro_usd > of_task
    found = in_the_way(policy, spent, micro_usd)
    if micro_usd == 0 or not (over_all or over_task):
        assert found is None
    else:
        assert found is (OverBudget.REFUSE if over_all else OverBudget.DEGRADE)


@given(st.text(max_size=400), st.integers(0, 10_000), st.integers(0, 10_000))
def test_an_estimate_is_no_lower_than_a_token_for_every_four_characters(
    words: str, price_in: int, price_out: int
) -> None:
    price = Price(price_in, price_out)
    likely = estimated(TASKS[TaskName.SUMMARY], [PlainText(text=words)], price)
    assert likely >= price.of(len(words) // 4 + 100, 200)
