"""The evaluation's cases, and how rules do at them."""

from __future__ import annotations

from types import ModuleType

from engagerr.core.ai.answers import Complaint, checked
from engagerr.core.ai.evaluation.evaluation import cases_of, measured
from engagerr.core.ai.tasks import TASKS, TaskName
from msgspec import Struct


def inputs_of(name: TaskName) -> list[Struct]:
    """What the evaluation asks of a model."""
    return [given for given, _ in cases_of(name)]


def figure(rules: ModuleType, name: TaskName) -> float:
    """The task's figure for these rules, as the evaluation measures it; every answer must fit the task."""
    inputs = inputs_of(name)
    answers = rules.answer(inputs)
    for given, answer in zip(inputs, answers, strict=True):
        assert not isinstance(checked(TASKS[name], given, answer), Complaint)
    quality, _, _ = measured(name, answers)
    assert quality is not None
    return quality
