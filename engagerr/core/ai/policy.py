"""What a workspace allows models to see and to cost, and the one place where words are kept on this machine.

Nothing is sent to a provider that `permitted` did not let through: the router asks no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import text

from engagerr.core.ai.provider import Where
from engagerr.core.ai.tasks import PrivacyClass, Task

if TYPE_CHECKING:
    from uuid import UUID

    from engagerr.core.ai.provider import Provider
    from engagerr.core.db import Session
    from engagerr.core.settings import AiSettings

ALL_TASKS = "*"
# The provider that answers when nobody else may or can. It runs here and costs nothing, so no policy shuts it out.
FLOOR = "floor"
# A policy may name these before their keys are set.
KNOWN_PROVIDERS = (FLOOR, "local", "deepseek", "huggingface", "endpoint")
_CLASSES = (PrivacyClass.PUBLIC, PrivacyClass.INTERNAL, PrivacyClass.CONFIDENTIAL)


class OverBudget(StrEnum):
    """What happens when the month's budget is spent: the task is refused, or models that cost nothing answer."""

    REFUSE = "refuse"
    DEGRADE = "degrade"


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """What was set for one task, or for all (`*`). `monthly_micro_usd` is None where no budget was set.

    `providers` are those that may be asked, in order of preference; empty is any.
    """

    task: str
    stays_here: bool = False
    allows_confidential: bool = False
    providers: tuple[str, ...] = ()
    monthly_micro_usd: int | None = None
    over_budget: OverBudget = OverBudget.DEGRADE
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for one task. Budgets are millionths of a US dollar a calendar month (UTC); None is no limit.

    `monthly_of_all` counts every task of the workspace, `monthly_of_task` this one.
    """

    stays_here: bool
    allows_confidential: bool
    providers: tuple[str, ...]
    monthly_of_all: int | None
    monthly_of_task: int | None
    over_budget_of_all: OverBudget
    over_budget_of_task: OverBudget


def policy_for(task: Task, rows: Mapping[str, PolicyRow], settings: AiSettings) -> Policy:
    """What holds for a task, from its own row, the row for all, and the settings.

    What keeps words here adds up: if all tasks stay here, no single one leaves, whatever its row says. The list of
    providers and the leave for confidential words are the task's own where it has a row. Both budgets hold.
    """
    everything = rows.get(ALL_TASKS)
    own = rows.get(str(task.name))
    nearest = own or everything or PolicyRow(ALL_TASKS)
    fallback = OverBudget(settings.over_budget)
    of_all = everything.monthly_micro_usd if everything else None
    if of_all is None and settings.monthly_budget_usd is not None:
        of_all = int(settings.monthly_budget_usd * 1_000_000)
    return Policy(
        stays_here=any(row.stays_here for row in (own, everything) if row is not None),
        # A word for all tasks is not enough: whoever lets contracts out says so of the contracts.
        allows_confidential=own is not None and own.allows_confidential,
        providers=nearest.providers or (everything.providers if everything else ()),
        monthly_of_all=of_all,
        monthly_of_task=own.monthly_micro_usd if own else None,
        over_budget_of_all=everything.over_budget if everything else fallback,
        over_budget_of_task=own.over_budget if own else fallback,
    )


def permitted(provider: Provider, *, privacy: PrivacyClass, policy: Policy) -> str | None:
    """None if this provider may see words of this class, else why not. The only place where that is decided."""
    if provider.name == FLOOR and provider.where is Where.HERE:
        return None
    if provider.where is not Where.HERE:
        if policy.stays_here:
            return "the policy keeps these words on this machine"
        if privacy is PrivacyClass.CONFIDENTIAL and not policy.allows_confidential:
            return "confidential words leave this machine only where the task's policy allows it"
    if policy.providers and provider.name not in policy.providers:
        return "the policy does not name it"
    return None


def stricter(first: PrivacyClass, second: PrivacyClass | None) -> PrivacyClass:
    """The stricter of two classes; None says nothing."""
    return first if second is None else max(first, second, key=_CLASSES.index)


_READ = """
SELECT task, stays_here, allows_confidential, providers, monthly_micro_usd, over_budget, updated_at
FROM ai_policies WHERE tenant_id = :tenant_id ORDER BY task
"""
_WRITE = """
INSERT INTO ai_policies (tenant_id, task, stays_here, allows_confidential, providers, monthly_micro_usd, over_budget,
                         updated_at)
VALUES (:tenant_id, :task, :stays_here, :allows_confidential, CAST(:providers AS text[]), :monthly, :over_budget, :now)
ON CONFLICT (tenant_id, task) DO UPDATE SET stays_here = EXCLUDED.stays_here,
  allows_confidential = EXCLUDED.allows_confidential, providers = EXCLUDED.providers,
  monthly_micro_usd = EXCLUDED.monthly_micro_usd, over_budget = EXCLUDED.over_budget, updated_at = EXCLUDED.updated_at
"""


def read_policies(session: Session, *, tenant_id: UUID) -> dict[str, PolicyRow]:
    """The rows of this workspace, by task."""
    return {
        row.task: PolicyRow(
            row.task, row.stays_here, row.allows_confidential, tuple(row.providers), row.monthly_micro_usd,
            OverBudget(row.over_budget), row.updated_at,
        )
        for row in session.execute(text(_READ), {"tenant_id": tenant_id})
    }  # fmt: skip


def write_policy(session: Session, *, tenant_id: UUID, row: PolicyRow) -> None:
    """Set the row of its task."""
    providers: Sequence[str] = list(row.providers)
    session.execute(
        text(_WRITE),
        {
            "tenant_id": tenant_id, "task": row.task, "stays_here": row.stays_here,
            "allows_confidential": row.allows_confidential, "providers": providers, "monthly": row.monthly_micro_usd,
            "over_budget": str(row.over_budget), "now": row.updated_at,
        },
    )  # fmt: skip


def forget_policy(session: Session, *, tenant_id: UUID, task: str) -> bool:
    """Take the row of this task away; False where there is none."""
    done = session.execute(
        text("DELETE FROM ai_policies WHERE tenant_id = :tenant_id AND task = :task"),
        {"tenant_id": tenant_id, "task": task},
    )
    return bool(done.rowcount)
