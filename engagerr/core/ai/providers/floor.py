"""The floor as a provider: rules that always answer, on this machine, for nothing."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from engagerr.core.ai.provider import Offer, ProviderFailed, Said, Where
from engagerr.core.ai.tasks import Task, TaskName

if TYPE_CHECKING:
    from msgspec import Struct

_RULES = "engagerr.core.ai.floor"
_MODEL = "rules"
_AT_ONCE = 256


class Floor:
    """The provider `floor`: every task but embedding, which has a model in the base install."""

    @property
    def name(self) -> str:
        """Always floor."""
        return "floor"

    @property
    def where(self) -> Where:
        """Nothing leaves this machine."""
        return Where.HERE

    def offers(self) -> tuple[Offer, ...]:
        """One set of rules for each task, with its version and its measured figure."""
        return tuple(
            Offer(task, _MODEL, rules.VERSION, rules.QUALITY, seconds=0.001, most_at_once=_AT_ONCE)
            for task in TaskName
            if (rules := _rules(task)) is not None
        )

    def answer(
        self,
        task: Task,
        inputs: Sequence[Struct],
        *,
        model: str,  # noqa: ARG002  there is one
        timeout_seconds: float,  # noqa: ARG002  milliseconds
        complaint: str | None = None,  # noqa: ARG002  rules say the same again
    ) -> Sequence[Said]:
        """The rules' answers."""
        rules = _rules(task.name)
        if rules is None:
            raise ProviderFailed("there are no rules for this task", transient=False)
        return [Said(said) for said in rules.answer(inputs)]


@functools.cache
def _rules(task: TaskName) -> ModuleType | None:
    name = f"{_RULES}.{task.value}"
    return importlib.import_module(name) if importlib.util.find_spec(name) is not None else None
