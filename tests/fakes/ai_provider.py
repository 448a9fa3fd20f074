"""Providers of models for tests: good, down, slow, lying and expensive ones, which remember what they were given."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from engagerr.core.ai.provider import Offer, Price, ProviderFailed, Said, Where
from engagerr.core.ai.tasks import (
    TASKS,
    Clauses,
    Language,
    Pitch,
    Reason,
    Safety,
    Sentiment,
    StructuredBrief,
    Summary,
    Task,
    TaskName,
    Topic,
    Topics,
    TopicShare,
    Vector,
)
from msgspec import Struct

# An answer that fits each task, whatever was asked.
FITS: dict[TaskName, Struct] = {
    TaskName.EMBED: Vector(vector=(0.6, 0.8)),
    TaskName.TOPIC: Topics(topics=(TopicShare(topic=Topic.GAMING, probability=0.9),)),
    TaskName.LANGUAGE: Language(language="en", probability=0.9),
    TaskName.SENTIMENT: Sentiment(score=0.5, sure=0.9),
    TaskName.SAFETY: Safety(findings=()),
    TaskName.SUMMARY: Summary(summary="It is about shoes."),
    TaskName.BRIEF: StructuredBrief(title="Shoes"),
    TaskName.CLAUSES: Clauses(clauses=()),
    TaskName.MATCH_REASON: Reason(reason="The topics agree."),
    TaskName.PITCH: Pitch(subject="Shoes", body="Would you like to try them?"),
}
FREE = Price()
Speech = Callable[[Task, Sequence[Struct], str | None], Sequence[Said]]


def well(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
    """Answers that fit, with a hundred tokens in and ten out each."""
    return [Said(FITS[task.name], 100, 10) for _ in inputs]


def lying(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
    """JSON of some other kind, again and again."""
    return [Said(b'{"verdict": "buy it"}', 100, 10) for _ in inputs]


def down(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
    """Nobody answers."""
    raise ProviderFailed("it answered 503", transient=True)


def repairing(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
    """Wrong at first, right once it is told what was wrong."""
    return lying(task, inputs, complaint) if complaint is None else well(task, inputs, complaint)


class FakeProvider:
    """A provider that does every task in one way. `heard` is all that it was given, `complaints` what it was told."""

    def __init__(
        self,
        name: str = "hosted",
        speech: Speech = well,
        *,
        where: Where = Where.ELSEWHERE,
        quality: float | None = 0.9,
        price: Price = FREE,
        most_at_once: int = 1,
        version: str = "1",
        tasks: Sequence[TaskName] = tuple(TASKS),
        seconds: float = 0.01,
    ) -> None:
        self.name = name
        self.where = where
        self.speech = speech
        self.heard: list[Struct] = []
        self.calls: list[int] = []
        self.complaints: list[str] = []
        self._offers = tuple(
            Offer(task, f"{name}-model", version, quality, price, seconds, most_at_once) for task in tasks
        )

    def offers(self) -> tuple[Offer, ...]:
        """What it was made to offer."""
        return self._offers

    def answer(
        self, task: Task, inputs: Sequence[Struct], *, model: str, timeout_seconds: float, complaint: str | None = None
    ) -> Sequence[Said]:
        """Remembers, then speaks."""
        self.heard += inputs
        self.calls.append(len(inputs))
        if complaint is not None:
            self.complaints.append(complaint)
        return self.speech(task, inputs, complaint)


class SlowProvider(FakeProvider):
    """Answers when the test says so, or never. Give it to a router with a time-out of a moment, and release it."""

    def __init__(self, name: str = "slow", **options: Any) -> None:
        super().__init__(name, self._wait, **options)
        self._released = threading.Event()

    def release(self) -> None:
        """Let whoever waits go on."""
        self._released.set()

    def _wait(self, task: Task, inputs: Sequence[Struct], complaint: str | None) -> Sequence[Said]:
        self._released.wait(30)
        return well(task, inputs, complaint)


def floor(
    speech: Speech = well, *, quality: float | None = 0.5, tasks: Sequence[TaskName] = tuple(TASKS)
) -> FakeProvider:
    """The floor: here, free, always right."""
    return FakeProvider("floor", speech, where=Where.HERE, quality=quality, most_at_once=64, tasks=tasks, seconds=0.0)
