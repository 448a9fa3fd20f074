"""What models may cost in a month: what a call is likely to cost, what it did cost, and what is left.

Millionths of a US dollar throughout, as whole numbers; months are calendar months in UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import text

from engagerr.core.ai.policy import OverBudget, Policy
from engagerr.core.ai.tasks import CostClass, Task
from engagerr.core.errors import Unavailable

if TYPE_CHECKING:
    from uuid import UUID

    from msgspec import Struct

    from engagerr.core.ai.provider import Price
    from engagerr.core.db import Session

# English has about four characters a token, German and French three, Chinese one or two: an estimate may be too high
# and must not be too low.
_BYTES_A_TOKEN = 3
# The schema, the frame of the request and the separators around it.
_TOKENS_AROUND = 300
_TOKENS_OUT = {CostClass.LIGHT: 200, CostClass.TEXT: 1200, CostClass.WRITING: 1200}


class BudgetSpent(Unavailable):
    """The month's budget for models does not cover this, and the policy is to refuse."""


def estimated(task: Task, inputs: Sequence[Struct], price: Price) -> int:
    """What a call is likely to cost at most, in millionths of a US dollar."""
    words = sum(len(msgspec.json.encode(one)) for one in inputs) + len(inputs) * len(task.instruction)
    tokens_in = words // _BYTES_A_TOKEN + _TOKENS_AROUND * len(inputs)
    return price.of(tokens_in, _TOKENS_OUT[task.cost] * len(inputs))


@dataclass(frozen=True, slots=True)
class Spent:
    """What this month has cost so far: every task, and the one at hand. Calls whose price nobody knows are left out."""

    of_all: int = 0
    of_task: int = 0

    def and_(self, micro_usd: int) -> Spent:
        """With one more call of the task."""
        return replace(self, of_all=self.of_all + micro_usd, of_task=self.of_task + micro_usd)


def in_the_way(policy: Policy, spent: Spent, micro_usd: int) -> OverBudget | None:
    """None if so much more may be spent; else what the policy says is to happen."""
    if not micro_usd:
        return None
    limits = (
        (policy.monthly_of_all, spent.of_all, policy.over_budget_of_all),
        (policy.monthly_of_task, spent.of_task, policy.over_budget_of_task),
    )
    broken = {word for limit, so_far, word in limits if limit is not None and so_far + micro_usd > limit}
    if not broken:
        return None
    return OverBudget.REFUSE if OverBudget.REFUSE in broken else OverBudget.DEGRADE


def month_of(now: datetime) -> tuple[datetime, datetime]:
    """The month of a moment: its first moment, and that of the next."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first, first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def read_spent(session: Session, *, tenant_id: UUID, task: Task, now: datetime) -> Spent:
    """What this month has cost, from the accounts."""
    row = session.execute(
        text(
            "SELECT coalesce(sum(micro_usd), 0) AS of_all,"
            " coalesce(sum(micro_usd) FILTER (WHERE task = :task), 0) AS of_task"
            " FROM ai_calls WHERE tenant_id = :tenant_id AND at >= :since"
        ),
        {"tenant_id": tenant_id, "task": str(task.name), "since": month_of(now)[0]},
    ).one()
    return Spent(int(row.of_all), int(row.of_task))


def budget_spent(task: Task, label: str, now: datetime) -> BudgetSpent:
    """The refusal, in words."""
    return BudgetSpent(
        f"The month's budget for models does not cover {task.name} by {label}, and the policy is to refuse.",
        hint="Raise it or let free models answer: `engagerr ai set-policy --monthly 50` or `--over-budget degrade`.",
        facts={"task": str(task.name), "model": label},
        retry_after=(month_of(now)[1] - now).total_seconds(),
    )
