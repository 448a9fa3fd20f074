"""Tasks that models answer, for one workspace: `work.ai`. Every other feature asks models through this class."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO, TYPE_CHECKING

from engagerr.core.ai.budget import Spent, month_of, read_spent
from engagerr.core.ai.bulk import RunRow, RunState, begin_run, move_run, read_runs, task_of_run
from engagerr.core.ai.inputs import checked_inputs, input_of, read_lines, task_named
from engagerr.core.ai.models import ModelRow, model_rows
from engagerr.core.ai.policy import (
    ALL_TASKS,
    KNOWN_PROVIDERS,
    OverBudget,
    Policy,
    PolicyRow,
    forget_policy,
    policy_for,
    read_policies,
    stricter,
    write_policy,
)
from engagerr.core.ai.qualities import read_qualities
from engagerr.core.ai.rounds import Batch, Rounds, Totals
from engagerr.core.ai.router import Router
from engagerr.core.ai.tasks import TASKS, PrivacyClass, Task, TaskName
from engagerr.core.ai.usage import By, UsageRow, read_usage
from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.money import Money
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from msgspec import Struct

    from engagerr.core.ai.evaluation.evaluation import EvaluationReport

# So many are asked between two transactions: what a run that is cut short has paid for is kept.
INPUTS_AT_A_TIME = 100
_MICRO_USD_A_CENT = 10_000
# How many are done, and of how many (0 where nobody knows).
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TaskPolicy:
    """What holds for a task, and what this month cost so far (millionths of a US dollar). `own` is its row, if any.

    `may_leave` says whether words of its class may be sent to another company at all.
    """

    task: TaskName
    privacy: PrivacyClass
    may_leave: bool
    policy: Policy
    spent: Spent
    own: PolicyRow | None


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """The policy of a workspace: the row for all tasks, if there is one, and what holds for each."""

    everything: PolicyRow | None
    tasks: tuple[TaskPolicy, ...]
    month_begins: datetime
    month_ends: datetime


class Ai:
    """Asks models in the name of a workspace: within its policy and budget, from its cache, onto its accounts."""

    def __init__(self, access: Access, router: Callable[[], Router]) -> None:
        self._access = access
        self._router = router

    def run(
        self,
        task: TaskName | str,
        inputs: Iterable[Struct],
        *,
        provider: str | None = None,
        model: str | None = None,
        privacy: PrivacyClass | None = None,
        progress: Progress | None = None,
    ) -> Batch:
        """Answer each input. With `provider` or `model`, that one is asked first, and else only the floor.

        `privacy` says that these words are of a stricter class than the task's. No transaction is open while a model
        thinks; what was answered before an error or Ctrl-C stays in the cache.

        Raises:
            InvalidInput: an unknown task or model, or an input that the task does not take.
            BudgetSpent: the budget does not cover it, and the policy is to refuse.
            NoAnswer: there is no floor for the task, and nobody else answered.
        """
        wanted = task_named(task)
        given = checked_inputs(wanted, inputs)
        rounds = Rounds(
            self._access,
            self._router(),
            wanted,
            privacy=stricter(wanted.privacy, privacy),
            provider=provider,
            model=model,
        )
        # Vectors are of one model or of none: all at once.
        size = max(1, len(given)) if wanted.name is TaskName.EMBED else INPUTS_AT_A_TIME
        batches: list[Batch] = []
        for begin in range(0, len(given), size):
            batches.append(rounds.answer(given[begin : begin + size], progress=_from(begin, len(given), progress)))
        return Batch(
            wanted.name,
            given,
            tuple(answer for batch in batches for answer in batch.answers),
            sum((batch.totals for batch in batches), Totals()),
        )

    def bulk(
        self,
        task: TaskName | str,
        inputs: Iterable[Struct],
        *,
        name: str,
        total: int | None = None,
        batch_size: int = INPUTS_AT_A_TIME,
        provider: str | None = None,
        model: str | None = None,
        privacy: PrivacyClass | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Batch]:
        """Answer any number of inputs, a batch at a time, under a name by which `runs` shows how far it is.

        What a batch brought is kept before the next begins: whoever stops here and runs the same again has the answers
        so far from the cache, at once and for nothing, and goes on where it stopped. The inputs are read as they are
        needed.

        Raises:
            InvalidInput, BudgetSpent, NoAnswer: as `run` does, and the name stays as `stopped`.
            Conflict: the name is that of another task.
        """
        wanted = task_named(task)
        if batch_size < 1 or not name.strip():
            raise InvalidInput("Bulk work needs a name, and batches of one or more.", hint="Name it: --name nightly.")
        rounds = Rounds(
            self._access,
            self._router(),
            wanted,
            privacy=stricter(wanted.privacy, privacy),
            provider=provider,
            model=model,
        )
        with self._access.transaction(Permission.USE_AI) as session:
            before = task_of_run(session, tenant_id=self._access.tenant.id, name=name)
            if before not in (None, str(wanted.name)):
                raise Conflict(f"{name} is a run of {before}.", hint="Choose another name.", facts={"task": before})
            begin_run(
                session, tenant_id=self._access.tenant.id, member_id=self._access.member.id, name=name,
                task=str(wanted.name), total=total, now=self._access.clock.now(),
            )  # fmt: skip
        return self._batches(rounds, wanted, iter(inputs), name, total, batch_size, progress)

    def _batches(
        self,
        rounds: Rounds,
        task: Task,
        inputs: Iterator[Struct],
        name: str,
        total: int | None,
        size: int,
        progress: Progress | None,
    ) -> Iterator[Batch]:
        done, state = 0, RunState.STOPPED
        try:
            while chunk := checked_inputs(task, itertools.islice(inputs, size), after=done):
                batch = rounds.answer(chunk, progress=_from(done, total, progress))
                done += len(chunk)
                self._move(name, RunState.RUNNING, done, total)
                yield batch
            state = RunState.DONE
        finally:
            # A total that was wrong is corrected by what there was.
            self._move(name, state, done, done if state is RunState.DONE else total)

    def _move(self, name: str, state: RunState, done: int, total: int | None) -> None:
        with self._access.transaction(Permission.USE_AI) as session:
            move_run(
                session, tenant_id=self._access.tenant.id, name=name, state=state, done=done,
                total=None if total is None else max(total, done), now=self._access.clock.now(),
            )  # fmt: skip

    def inputs(self, task: TaskName | str, said: Iterable[str]) -> tuple[Struct, ...]:
        """Inputs for a task from plain texts or JSON objects; raises `InvalidInput` for what it does not take."""
        wanted, today = task_named(task), f"{self._access.clock.now():%Y-%m-%d}"
        return tuple(
            input_of(wanted, one, today=today, where=f"Input {place}") for place, one in enumerate(said, start=1)
        )

    def inputs_from(self, task: TaskName | str, lines: IO[str], *, is_csv: bool = False) -> Iterator[Struct]:
        """Inputs for a task from the lines of a file: JSON objects or plain texts, or a table with a heading."""
        return read_lines(task_named(task), lines, is_csv=is_csv, today=f"{self._access.clock.now():%Y-%m-%d}")

    def runs(self) -> tuple[RunRow, ...]:
        """Bulk work, the newest first. One that says `running` and was not heard of for long was killed."""
        with self._access.transaction(Permission.READ) as session:
            return read_runs(session, tenant_id=self._access.tenant.id)

    def models(self, task: TaskName | str | None = None) -> tuple[ModelRow, ...]:
        """Every model for every task (or one), in the order in which they are asked."""
        wanted = [task_named(task)] if task is not None else list(TASKS.values())
        with self._access.transaction(Permission.READ) as session:
            policies = read_policies(session, tenant_id=self._access.tenant.id)
            measured = read_qualities(session, tenant_id=self._access.tenant.id)
        rows = []
        for one in wanted:
            policy = policy_for(one, policies, self._access.settings.ai)
            rows += model_rows(self._router(), one, policy, measured.get(str(one.name), {}))
        return tuple(rows)

    def evaluate(
        self,
        tasks: Sequence[TaskName | str] | None = None,
        *,
        models: Sequence[str] | None = None,
        progress: Progress | None = None,
    ) -> EvaluationReport:
        """Measure models on the labelled cases that come with Engagerr, for these tasks or all; keeps the figures.

        `models` are names of providers, or provider/model; the floor is measured beside them. The cases are nobody's
        secret: a policy that lets words leave for a task lets its cases leave, also of confidential tasks. What it
        costs is on the accounts.
        """
        from engagerr.core.ai.evaluation.evaluation import evaluate

        wanted = list(TASKS.values()) if tasks is None else [task_named(task) for task in tasks]
        return evaluate(self._access, self._router(), wanted, models=models, progress=progress)

    def usage(self, *, month: str | None = None, by: By | str = By.TASK) -> tuple[UsageRow, ...]:
        """What models did and cost in a calendar month (YYYY-MM, UTC; this one, if none is named)."""
        try:
            grouped = By(by)
            named = datetime.strptime(month, "%Y-%m") if month else None  # noqa: DTZ007  the zone follows
        except ValueError:
            raise InvalidInput(
                f"{month or by!r} cannot be used.", hint=f"Months are YYYY-MM; by is one of: {', '.join(By)}."
            ) from None
        now = self._access.clock.now()
        since, until = month_of(named.replace(tzinfo=now.tzinfo) if named else now)
        with self._access.transaction(Permission.READ) as session:
            return read_usage(session, tenant_id=self._access.tenant.id, since=since, until=until, by=grouped)

    def policy(self) -> PolicyReport:
        """What models may see and cost in this workspace."""
        now, settings = self._access.clock.now(), self._access.settings.ai
        with self._access.transaction(Permission.READ) as session:
            rows = read_policies(session, tenant_id=self._access.tenant.id)
            spent = {
                name: read_spent(session, tenant_id=self._access.tenant.id, task=task, now=now)
                for name, task in TASKS.items()
            }
        tasks = []
        for name, task in TASKS.items():
            holds = policy_for(task, rows, settings)
            secret = task.privacy is PrivacyClass.CONFIDENTIAL and not holds.allows_confidential
            own = rows.get(str(name))
            tasks.append(TaskPolicy(name, task.privacy, not (holds.stays_here or secret), holds, spent[name], own))
        return PolicyReport(rows.get(ALL_TASKS), tuple(tasks), *month_of(now))

    def set_policy(
        self,
        task: TaskName | str = ALL_TASKS,
        *,
        stays_here: bool | None = None,
        allows_confidential: bool | None = None,
        providers: Sequence[str] | None = None,
        monthly: Money | None = None,
        unlimited: bool = False,
        over_budget: OverBudget | str | None = None,
    ) -> PolicyRow:
        """Change what holds for a task, or for all; what is not named stays. Written to the audit log.

        `monthly` is in US dollars; `unlimited` takes it away. An empty `providers` allows any.

        Raises:
            InvalidInput: an unknown task or provider, another currency, or leave for confidential words of all tasks.
        """
        name = task if task == ALL_TASKS else str(task_named(task).name)
        if allows_confidential and name == ALL_TASKS:
            raise InvalidInput(
                "Confidential words are let out for one task at a time.",
                hint="Name it: `engagerr ai set-policy clauses …`.",
            )
        micro_usd = _micro_usd(monthly)
        tenant_id = self._access.tenant.id
        with self._access.transaction(Permission.SET_AI_POLICY) as session:
            default = PolicyRow(name, over_budget=OverBudget(self._access.settings.ai.over_budget))
            before = read_policies(session, tenant_id=tenant_id).get(name, default)
            row = replace(
                before,
                stays_here=before.stays_here if stays_here is None else stays_here,
                allows_confidential=before.allows_confidential if allows_confidential is None else allows_confidential,
                providers=before.providers if providers is None else self._known(providers),
                monthly_micro_usd=None if unlimited else before.monthly_micro_usd if micro_usd is None else micro_usd,
                over_budget=before.over_budget if over_budget is None else _over_budget(over_budget),
                updated_at=self._access.clock.now(),
            )
            write_policy(session, tenant_id=tenant_id, row=row)
            self._access.audit(
                session, "ai.policy_set", f"ai_policy:{name}", stays_here=row.stays_here,
                allows_confidential=row.allows_confidential, providers=list(row.providers),
                monthly_micro_usd=row.monthly_micro_usd, over_budget=str(row.over_budget),
            )  # fmt: skip
        return row

    def remove_policy(self, task: TaskName | str = ALL_TASKS) -> None:
        """Take the row of a task away, or that for all: what was set besides it holds again."""
        name = task if task == ALL_TASKS else str(task_named(task).name)
        with self._access.transaction(Permission.SET_AI_POLICY) as session:
            if not forget_policy(session, tenant_id=self._access.tenant.id, task=name):
                raise NotFound(f"No policy was set for {name}.", hint="`engagerr ai policy` shows what holds.")
            self._access.audit(session, "ai.policy_removed", f"ai_policy:{name}")

    def _known(self, providers: Sequence[str]) -> tuple[str, ...]:
        named = tuple(dict.fromkeys(providers))
        known = sorted({*KNOWN_PROVIDERS, *self._router().names})
        for one in named:
            if one not in known:
                raise InvalidInput(
                    f"{one!r} is no provider of models here.",
                    hint=f"There are: {', '.join(known)}.",
                    facts={"known": known},
                )
        return named


def _from(begin: int, total: int | None, progress: Progress | None) -> Callable[[int], None] | None:
    return None if progress is None else lambda done: progress(begin + done, total or 0)


def _micro_usd(monthly: Money | None) -> int | None:
    if monthly is None:
        return None
    if monthly.currency != "USD" or monthly.minor < 0:
        raise InvalidInput("Models are paid for in US dollars.", hint='Give a budget like Money(5000, "USD").')
    return monthly.minor * _MICRO_USD_A_CENT


def _over_budget(word: OverBudget | str) -> OverBudget:
    try:
        return OverBudget(word)
    except ValueError:
        raise InvalidInput(f"{word!r} cannot be used.", hint="Over budget: refuse or degrade.") from None
