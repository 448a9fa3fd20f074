"""Measuring models: the cases of each task, asked of each model that may see them, and what came out is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from engagerr.core.ai.evaluation.measures import FEWEST_CASES, MEASURES, Case, interval
from engagerr.core.ai.policy import FLOOR
from engagerr.core.ai.qualities import QualityRow, write_quality
from engagerr.core.ai.rounds import Rounds
from engagerr.core.ai.tasks import TASKS, PrivacyClass, Task, TaskName
from engagerr.core.ai.usage import Outcome
from engagerr.core.errors import InvalidInput
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from msgspec import Struct

    from engagerr.core.ai.router import Router

# A model that was out of reach for more of the cases was not measured.
_MOST_OUT_OF_REACH = 0.05


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """How one model did at one task.

    `quality` is the figure of that `measure` (0 to 1) over `cases`, with its 95 % interval, or None, and `why` says why
    not. `wrong` counts the cases whose answer did not fit the task: they count as wrong. `micro_usd` is what asking
    cost (millionths of a US dollar), `seconds` how long a case took; None where all came from the cache.
    """

    task: TaskName
    provider: str
    model: str
    version: str
    measure: str
    quality: float | None
    low: float | None
    high: float | None
    cases: int
    wrong: int
    micro_usd: int
    seconds: float | None
    why: str | None


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What was measured, task by task, the best first."""

    rows: tuple[EvaluationRow, ...]


@cache
def cases_of(name: TaskName) -> tuple[tuple[Struct, dict[str, Any]], ...]:
    """The labelled cases of a task as (input, what is right); empty where there are none.

    Where rules were written with the cases beside them, others are measured by: those in `cases/unseen`.
    """
    folder, task = files(__package__).joinpath("cases"), TASKS[name]
    found = next(
        (
            one
            for one in (folder.joinpath("unseen", f"{name}.jsonl"), folder.joinpath(f"{name}.jsonl"))
            if one.is_file()
        ),
        None,
    )
    if found is None:
        return ()
    lines = [json.loads(line) for line in found.read_text(encoding="utf-8").splitlines() if line.strip()]
    return tuple((msgspec.convert(line["input"], task.takes), line["expected"]) for line in lines)


def measured(name: TaskName, answers: Sequence[Struct | None]) -> tuple[float | None, tuple[float, float] | None, int]:
    """The figure of answers to all cases of a task (in their order), its 95 % interval, and the number of cases."""
    known = cases_of(name)
    cases = [Case(asked, right, answer) for (asked, right), answer in zip(known, answers, strict=True)]
    if len(cases) < FEWEST_CASES:
        return None, None, len(cases)
    return MEASURES[name].figure(cases), interval(MEASURES[name], cases), len(cases)


def measured_floor(name: TaskName, answer: Callable[[Sequence[Any]], Sequence[Struct]]) -> float | None:
    """The figure of a function that answers, such as a floor's; rounded to three places."""
    figure, _, _ = measured(name, list(answer([asked for asked, _ in cases_of(name)])))
    return None if figure is None else round(figure, 3)


def evaluate(
    access: Access,
    router: Router,
    tasks: Sequence[Task],
    *,
    models: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> EvaluationReport:
    """Ask each model each case of each task; see `Ai.evaluate`.

    The floor is always measured too: figures are worth something beside each other, on the same cases.
    """
    there = [(task, label, names) for task in tasks for label, names in _labels(router, task)]
    chosen = {task.name for task, _, names in there if _wanted(names, models)}
    work = [one for one in there if one[0].name in chosen and (_wanted(one[2], models) or one[2][0] == FLOOR)]
    if models and not work:
        raise InvalidInput(
            f"No model here is called {models[0]} and does {tasks[0].name if len(tasks) == 1 else 'any of it'}.",
            hint="`engagerr ai models` shows what there is.",
        )
    total = sum(len(cases_of(task.name)) for task, _, _ in work)
    done, rows = 0, []
    for task, label, names in work:
        rows.append(_row(access, router, task, label, names))
        done += len(cases_of(task.name))
        if progress is not None:
            progress(done, total)
    at = {task.name: place for place, task in enumerate(tasks)}
    rows.sort(key=lambda row: (at[row.task], row.quality is None, -(row.quality or 0), row.provider, row.model))
    return EvaluationReport(tuple(rows))


def _labels(router: Router, task: Task) -> list[tuple[str, tuple[str, str, str]]]:
    return [
        (f"{provider.name}/{offer.model}@{offer.version}", (provider.name, offer.model, offer.version))
        for provider, offer in router.offers(task)
    ]


def _wanted(names: tuple[str, str, str], models: Sequence[str] | None) -> bool:
    provider, model, version = names
    return not models or bool({provider, f"{provider}/{model}", f"{provider}/{model}@{version}"} & set(models))


def _row(access: Access, router: Router, task: Task, label: str, names: tuple[str, str, str]) -> EvaluationRow:
    known = cases_of(task.name)
    row = EvaluationRow(task.name, *names, MEASURES[task.name].name, None, None, None, len(known), 0, 0, None, None)
    if len(known) < FEWEST_CASES:
        return replace(row, why=f"{len(known)} cases are too few")
    # The cases come with Engagerr: they are nobody's secret, whatever the task usually sees.
    asked = Rounds(access, router, task, privacy=PrivacyClass.PUBLIC).ask([one for one, _ in known], label=label)
    calls = [call for call in asked.calls if call.outcome not in (Outcome.CACHED, Outcome.REFUSED)]
    if calls:
        seconds = sum(call.seconds for call in calls) / sum(call.inputs for call in calls)
        row = replace(row, micro_usd=sum(call.micro_usd or 0 for call in calls), seconds=seconds)
    out_of_reach = [why for place, why in asked.unanswered.items() if place not in asked.misfits]
    if len(out_of_reach) > _MOST_OUT_OF_REACH * len(known):
        return replace(row, why=out_of_reach[0][-1].removeprefix(f"{label}: "))
    answers = [None if given is None else given.output for given in asked.answers]
    quality, between, _ = measured(task.name, answers)
    if quality is not None:
        low, high = between or (None, None)
        row = replace(row, quality=quality, low=low, high=high, wrong=len(asked.unanswered))
        _keep(access, row, label)
    return row


def _keep(access: Access, row: EvaluationRow, label: str) -> None:
    figure = QualityRow(str(row.task), label, row.quality or 0.0, row.cases, access.clock.now())
    detail: dict[str, object] = {"measure": row.measure, "low": row.low, "high": row.high, "wrong": row.wrong}
    with access.transaction(Permission.USE_AI) as session:
        write_quality(session, tenant_id=access.tenant.id, row=figure, detail=detail)
