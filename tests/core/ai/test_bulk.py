"""Bulk work goes batch by batch, can be stopped anywhere, and goes on where it stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from engagerr import Workspace
from engagerr.core.ai.ai import Ai
from engagerr.core.ai.budget import BudgetSpent
from engagerr.core.ai.bulk import RunState
from engagerr.core.ai.inputs import input_of, task_named
from engagerr.core.ai.provider import ProviderFailed, Said
from engagerr.core.ai.rounds import NoAnswer
from engagerr.core.ai.router import Router
from engagerr.core.ai.tasks import BriefText, Piece, PlainText, Task, TaskName
from engagerr.core.errors import Conflict, InvalidInput
from msgspec import Struct
from tests.fakes.ai_provider import FakeProvider, down, floor, well


def an_ai(workspace: Workspace, *providers: FakeProvider) -> Ai:
    router = Router(providers, clock=workspace.access.clock, timeout_seconds=5)
    return Ai(workspace.access, lambda: router)


def texts(count: int) -> list[PlainText]:
    return [PlainText(text=f"text {number}") for number in range(count)]


def test_batches_come_as_they_are_done_and_inputs_are_read_as_they_are_needed(workspace: Workspace) -> None:
    hosted = FakeProvider(most_at_once=8)
    ai = an_ai(workspace, hosted, floor())
    read: list[int] = []

    def reading() -> Iterator[Struct]:
        for number, one in enumerate(texts(100)):
            read.append(number)
            yield one

    seen: list[tuple[int, int]] = []
    batches = ai.bulk("summary", reading(), name="all", total=100, batch_size=10, progress=lambda *at: seen.append(at))
    first = next(batches)
    assert (len(first.answers), len(read), len(hosted.heard)) == (10, 10, 10)
    assert first.inputs == tuple(texts(10))
    [run] = ai.runs()
    assert (run.state, run.done, run.total) == (RunState.RUNNING, 10, 100)
    assert sum(len(batch.answers) for batch in batches) == 90
    [run] = ai.runs()
    assert (run.state, run.done, run.member) == (RunState.DONE, 100, workspace.member.name)
    assert seen[-1] == (100, 100)
    assert seen == sorted(seen)


def test_whoever_stops_loses_the_call_at_hand_and_goes_on_from_the_cache(workspace: Workspace) -> None:
    calls = 0

    def interrupted(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
        nonlocal calls
        calls += 1
        if calls == 25:
            raise KeyboardInterrupt
        return well(task, inputs, complaint)

    # On the caller's own thread, as Ctrl-C is.
    here = floor(interrupted)
    here._offers = tuple(replace_most(offer) for offer in here._offers)
    ai = an_ai(workspace, here)
    with pytest.raises(KeyboardInterrupt):
        list(ai.bulk("summary", texts(50), name="night", total=50, batch_size=10))
    [run] = ai.runs()
    assert (run.state, run.done) == (RunState.STOPPED, 20)
    again = list(ai.bulk("summary", texts(50), name="night", total=50, batch_size=10))
    assert sum(batch.totals.cached for batch in again) == 24
    assert sum(len(batch.answers) for batch in again) == 50
    assert len(here.heard) == 25 + 26
    [run] = ai.runs()
    assert (run.state, run.done) == (RunState.DONE, 50)
    [row] = ai.usage()
    assert (row.calls, row.answered, row.cached) == (50, 50, 24)


def replace_most(offer: object) -> object:
    from dataclasses import replace

    return replace(offer, most_at_once=1)  # type: ignore[type-var]


def test_leaving_the_loop_marks_the_run_as_stopped(workspace: Workspace) -> None:
    ai = an_ai(workspace, floor())
    batches = ai.bulk("summary", texts(30), name="short", batch_size=10)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    [run] = ai.runs()
    assert (run.state, run.done, run.total) == (RunState.STOPPED, 10, None)


def test_an_input_that_cannot_be_used_stops_the_run_and_is_named_by_its_place(workspace: Workspace) -> None:
    ai = an_ai(workspace, floor())
    batches = ai.bulk("summary", [*texts(12), Piece(title="x")], name="odd", batch_size=5)
    with pytest.raises(InvalidInput, match="Input 13"):
        list(batches)
    assert ai.runs()[0].done == 10


def test_a_name_belongs_to_one_task(workspace: Workspace) -> None:
    ai = an_ai(workspace, floor())
    list(ai.bulk("summary", texts(1), name="mine"))
    with pytest.raises(Conflict, match="mine is a run of summary"):
        ai.bulk("sentiment", texts(1), name="mine")
    for name, size in (("", 10), ("x", 0)):
        with pytest.raises(InvalidInput):
            ai.bulk("summary", texts(1), name=name, batch_size=size)


def test_no_transaction_is_open_while_a_model_thinks(workspace: Workspace) -> None:
    """The pool has no connection lent out while the provider is at work."""
    database = workspace.access.database
    lent: list[int] = []

    def looking(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
        pool = database._engine.pool  # type: ignore[union-attr]
        lent.append(pool.checkedout())  # type: ignore[attr-defined]
        return well(task, inputs, complaint)

    an_ai(workspace, FakeProvider(speech=looking), floor()).run("summary", texts(3))
    assert lent == [0, 0, 0]


def test_vectors_of_a_bulk_are_of_one_model_or_the_run_stops(workspace: Workspace) -> None:
    hosted, other = FakeProvider("one"), FakeProvider("two", quality=0.5)
    ai = an_ai(workspace, hosted, other)
    batches = ai.bulk("embed", texts(20), name="vectors", batch_size=10)
    next(batches)
    hosted.speech = down
    with pytest.raises(NoAnswer, match="503"):
        next(batches)
    assert other.heard == []


def test_a_task_that_nobody_does_is_told_as_such(workspace: Workspace) -> None:
    ai = an_ai(workspace, floor(tasks=[TaskName.TOPIC]))
    with pytest.raises(NoAnswer, match="No model answered summary"):
        ai.run("summary", texts(1))
    with pytest.raises(NoAnswer, match="401"):
        an_ai(workspace, FakeProvider(speech=refusing)).run("summary", texts(1))


def refusing(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
    raise ProviderFailed("it answered 401", transient=False)


def test_a_run_over_budget_is_stopped_and_not_lost(workspace: Workspace) -> None:
    from engagerr import Money
    from engagerr.core.ai.provider import Price

    ai = an_ai(workspace, FakeProvider(price=Price(100_000, 100_000)), floor())
    ai.set_policy(monthly=Money(100, "USD"), over_budget="refuse")
    with pytest.raises(BudgetSpent):
        list(ai.bulk("summary", texts(200), name="dear", batch_size=5))
    [run] = ai.runs()
    assert run.state is RunState.STOPPED
    assert 0 < run.done < 200


def test_an_answer_with_a_character_that_json_in_the_database_cannot_hold_is_still_given(workspace: Workspace) -> None:
    from engagerr.core.ai.tasks import Summary

    ai = an_ai(workspace, floor(lambda task, inputs, complaint: [Said(Summary(summary="a\0b")) for _ in inputs]))
    assert ai.run("summary", texts(1)).answers[0].output == Summary(summary="a\0b")
    assert ai.run("summary", texts(1)).totals.cached == 0


def test_plain_texts_become_what_the_task_takes() -> None:
    today = "2026-11-23"
    assert input_of(task_named("topic"), "Shoes", today=today) == Piece(title="Shoes")
    assert input_of(task_named("topic"), '{"title": "Shoes", "tags": ["run"]}', today=today) == Piece(
        title="Shoes", tags=("run",)
    )
    assert input_of(task_named("brief"), "Shoes", today=today) == BriefText(text="Shoes", today=today)
    said = '{"text": "Shoes", "today": "2026-01-02"}'
    assert input_of(task_named("brief"), said, today=today) == BriefText(text="Shoes", today="2026-01-02")
    # Braces alone make no object.
    assert input_of(task_named("summary"), "{so they say", today=today) == PlainText(text="{so they say")
    with pytest.raises(InvalidInput, match="not what topic takes"):
        input_of(task_named("topic"), '{"title": 5}', today=today)
