"""What a provider of models is: what it offers, and how it is asked. Everything else about it is its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from msgspec import Struct

    from engagerr.core.ai.tasks import Task, TaskName


class Where(StrEnum):
    """Where the words go: they stay on this machine, or they leave it."""

    HERE = "here"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Price:
    """What a provider asks, in millionths of a US dollar for a thousand tokens; what runs here asks nothing."""

    micro_usd_in: int = 0
    micro_usd_out: int = 0

    def of(self, tokens_in: int, tokens_out: int) -> int:
        """The price of one call in millionths of a US dollar, rounded up."""
        return -(-(self.micro_usd_in * tokens_in + self.micro_usd_out * tokens_out) // 1000)


@dataclass(frozen=True, slots=True)
class Offer:
    """A model for a task. `quality` is its figure in the task's evaluation, 0 to 1, or None if it was never measured.

    `version` changes whenever answers may change: it is part of the cache's key. `seconds` is the usual time of a call.
    """

    task: TaskName
    model: str
    version: str
    quality: float | None = None
    price: Price = Price()
    seconds: float = 0.01
    most_at_once: int = 1


@dataclass(frozen=True, slots=True)
class Said:
    """What a provider said to one input: JSON as it came (the router checks it), or a struct of ours."""

    said: bytes | Struct
    tokens_in: int = 0
    tokens_out: int = 0


class ProviderFailed(Exception):
    """A provider gave no answer. `transient` failures open its breaker and are worth another try later.

    It stays within `core.ai`: the router goes on to the next provider. `message` names no key and no text of the input.
    """

    def __init__(self, message: str, *, transient: bool, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.transient = transient
        self.retry_after_seconds = retry_after_seconds


class Provider(Protocol):
    """Models behind one door."""

    @property
    def name(self) -> str:
        """As settings and accounts name it: floor, local, deepseek, huggingface, or a name of the operator's choice."""

    @property
    def where(self) -> Where:
        """Whether the words leave this machine."""

    def offers(self) -> tuple[Offer, ...]:
        """What it can do, best first for each task; cheap, without a call."""

    def answer(
        self, task: Task, inputs: Sequence[Struct], *, model: str, timeout_seconds: float, complaint: str | None = None
    ) -> Sequence[Said]:
        """One answer per input, in their order; raises `ProviderFailed`. Ends within `timeout_seconds`.

        `complaint` says what was wrong with the last answer to the same (single) input, when it is asked to repair it.
        """
