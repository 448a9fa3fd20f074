"""A round of asking in the name of a workspace: read what holds, let the router ask, write down what came of it.

Two short transactions with none between them: while another company thinks, the database waits for nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from engagerr.core.ai.answers import Kept, content_hash, keep, read_kept
from engagerr.core.ai.budget import budget_spent, read_spent
from engagerr.core.ai.policy import policy_for, read_policies
from engagerr.core.ai.qualities import read_qualities
from engagerr.core.ai.router import Asked, Given, Order, Router
from engagerr.core.ai.tasks import PrivacyClass, Task, TaskName
from engagerr.core.ai.usage import Call, Outcome, write_calls
from engagerr.core.errors import Unavailable
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from msgspec import Struct


class NoAnswer(Unavailable):
    """No model gave an answer: the task has no floor here, or one model was asked for and nobody may stand in."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that fits the task, who gave it, and why those who were to be asked before did not.

    `from_floor` says that a rule answered and no model.
    """

    output: Struct
    provider: str
    model: str
    version: str
    outcome: Outcome
    from_floor: bool
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """What answering took. `micro_usd` is millionths of a US dollar, without the calls whose price nobody knows."""

    inputs: int = 0
    cached: int = 0
    repaired: int = 0
    from_floor: int = 0
    calls: int = 0
    calls_failed: int = 0
    calls_of_unknown_price: int = 0
    micro_usd: int = 0
    seconds: float = 0.0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Batch:
    """Answers in the order of the inputs, and what they took."""

    task: TaskName
    inputs: tuple[Struct, ...]
    answers: tuple[Answer, ...]
    totals: Totals


class Rounds:
    """Round after round for one task. `privacy` is the class of the words; a `provider` or `model` is asked first."""

    def __init__(
        self,
        access: Access,
        router: Router,
        task: Task,
        *,
        privacy: PrivacyClass,
        provider: str | None = None,
        model: str | None = None,
    ) -> None:
        self._access = access
        self._router = router
        self._task = task
        self._named = {"provider": provider, "model": model}
        self._privacy = privacy
        self._only: str | None = None

    def answer(self, inputs: Sequence[Struct], *, progress: Callable[[int], None] | None = None) -> Batch:
        """Answer each input; raises `BudgetSpent` and `NoAnswer`, with what was done on the accounts."""
        asked = self.ask(inputs, progress=progress)
        if asked.refused is not None:
            raise budget_spent(self._task, asked.refused, self._access.clock.now())
        if asked.unanswered:
            raise _no_answer(self._task, next(iter(asked.unanswered.values())))
        answers = tuple(_answer(given) for given in asked.answers if given is not None)
        if self._task.name is TaskName.EMBED and answers:
            # Vectors of two models cannot be compared: later rounds are the same model's or nobody's.
            self._only = next(given.candidate.label for given in asked.answers if given is not None)
        return Batch(self._task.name, tuple(inputs), answers, _totals(answers, asked.calls))

    def ask(
        self,
        inputs: Sequence[Struct],
        *,
        label: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Asked:
        """One round; with `label`, that model alone is asked. What was not answered is in the result."""
        access, task, only = self._access, self._task, label or self._only
        keyed = {content_hash(task, one): one for one in inputs}
        with access.transaction(Permission.USE_AI) as session:
            tenant_id = access.tenant.id
            policy = policy_for(task, read_policies(session, tenant_id=tenant_id), access.settings.ai)
            measured = read_qualities(session, tenant_id=tenant_id).get(str(task.name), {})
            spent = read_spent(session, tenant_id=tenant_id, task=task, now=access.clock.now())
            order = self._router.order(
                task, policy=policy, qualities={label: row.quality for label, row in measured.items()},
                privacy=self._privacy, **self._named,
            )  # fmt: skip
            if only is not None:
                chosen = tuple(one for one in order.candidates if one.label == only)
                order = Order(chosen, tuple(entry for entry in order.shut_out if entry[0] == only))
            models = [candidate.label for candidate in order.candidates]
            kept = read_kept(session, tenant_id=tenant_id, task=task, models=models, asked=keyed)
        return self._router.ask(
            task, inputs, order, policy=policy, spent=spent, kept=kept, progress=progress, record=self._record
        )

    def _record(self, calls: Sequence[Call], made: Kept) -> None:
        access, now = self._access, self._access.clock.now()
        # Whoever was demoted meanwhile has asked all the same: the accounts tell of it.
        with access.database.transaction(access.tenant.id) as session:
            write_calls(
                session, tenant_id=access.tenant.id, member_id=access.member.id, task=self._task, calls=calls, at=now
            )
            keep(session, tenant_id=access.tenant.id, task=self._task, made=made, now=now)


def _answer(given: Given) -> Answer:
    one = given.candidate
    return Answer(
        given.output, one.provider.name, one.offer.model, one.offer.version, given.outcome, one.is_floor, given.why
    )


def _totals(answers: Sequence[Answer], calls: Sequence[Call]) -> Totals:
    made = [call for call in calls if call.outcome not in (Outcome.CACHED, Outcome.REFUSED)]
    return Totals(
        inputs=len(answers),
        cached=sum(answer.outcome is Outcome.CACHED for answer in answers),
        repaired=sum(answer.outcome is Outcome.REPAIRED for answer in answers),
        from_floor=sum(answer.from_floor for answer in answers),
        calls=len(made),
        calls_failed=sum(call.outcome is Outcome.FAILED for call in made),
        calls_of_unknown_price=sum(call.micro_usd is None for call in made),
        micro_usd=sum(call.micro_usd or 0 for call in made),
        seconds=sum(call.seconds for call in made),
    )


def _no_answer(task: Task, why: Sequence[str]) -> NoAnswer:
    said = f": {'; '.join(why)}" if why else ""
    return NoAnswer(
        f"No model answered {task.name}{said}.",
        hint="`engagerr ai models` shows who could, and who may.",
        facts={"task": str(task.name), "why": list(why)},
    )
