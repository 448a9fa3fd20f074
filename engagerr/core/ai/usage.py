"""The accounts of what models were asked: a line a call, and what the lines add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from uuid import UUID

    from engagerr.core.ai.tasks import Task
    from engagerr.core.db import Session


class Outcome(StrEnum):
    """How it went: answered at once, from the cache, after one repair, not at all, or not even asked (the budget)."""

    ANSWERED = "answered"
    CACHED = "cached"
    REPAIRED = "repaired"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the accounts: what happened to so many inputs of a call.

    `micro_usd` (millionths of a US dollar) and the tokens are None where nobody knows them: a call that was cut off may
    have been charged for.
    """

    provider: str
    model: str
    version: str
    outcome: Outcome
    inputs: int
    tokens_in: int | None
    tokens_out: int | None
    micro_usd: int | None
    seconds: float
    reason: str | None = None


class By(StrEnum):
    """What usage is told by."""

    TASK = "task"
    MODEL = "model"
    DAY = "day"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What models did for one task, model, day or member.

    The outcomes count inputs; an input that one model failed and another answered is counted in both. `calls` are those
    that were made, without what came from the cache. `micro_usd` and the tokens are sums of what is known;
    `calls_of_unknown_price` were cut off and are in none of them.
    """

    key: str
    calls: int
    answered: int
    cached: int
    repaired: int
    failed: int
    refused: int
    tokens_in: int
    tokens_out: int
    micro_usd: int
    calls_of_unknown_price: int
    seconds: float


_WRITE = """
INSERT INTO ai_calls (tenant_id, at, member_id, task, provider, model, version, outcome, inputs, tokens_in, tokens_out,
                      micro_usd, seconds, reason)
SELECT :tenant_id, :at, :member_id, :task, line.*
FROM unnest(CAST(:providers AS text[]), CAST(:models AS text[]), CAST(:versions AS text[]), CAST(:outcomes AS text[]),
            CAST(:inputs AS int[]), CAST(:tokens_in AS bigint[]), CAST(:tokens_out AS bigint[]),
            CAST(:micro_usd AS bigint[]), CAST(:seconds AS float8[]), CAST(:reasons AS text[])) AS line
"""


def write_calls(
    session: Session, *, tenant_id: UUID, member_id: UUID, task: Task, calls: Sequence[Call], at: datetime
) -> None:
    """Put these calls into the accounts."""
    if not calls:
        return
    session.execute(
        text(_WRITE),
        {
            "tenant_id": tenant_id, "at": at, "member_id": member_id, "task": str(task.name),
            "providers": [call.provider for call in calls], "models": [call.model for call in calls],
            "versions": [call.version for call in calls], "outcomes": [str(call.outcome) for call in calls],
            "inputs": [call.inputs for call in calls], "tokens_in": [call.tokens_in for call in calls],
            "tokens_out": [call.tokens_out for call in calls], "micro_usd": [call.micro_usd for call in calls],
            "seconds": [call.seconds for call in calls], "reasons": [call.reason for call in calls],
        },
    )  # fmt: skip


# What a line is grouped by; the keys are ours, never a caller's.
_KEYS = {
    By.TASK: "call.task",
    By.MODEL: "call.provider || '/' || call.model || '@' || call.version",
    By.DAY: "to_char(call.at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    By.MEMBER: "coalesce(member.email, member.name, 'nobody')",
}
_READ = """
SELECT {key} AS key,
       count(*) FILTER (WHERE outcome NOT IN ('cached', 'refused')) AS calls,
       coalesce(sum(inputs) FILTER (WHERE outcome = 'answered'), 0) AS answered,
       coalesce(sum(inputs) FILTER (WHERE outcome = 'cached'), 0) AS cached,
       coalesce(sum(inputs) FILTER (WHERE outcome = 'repaired'), 0) AS repaired,
       coalesce(sum(inputs) FILTER (WHERE outcome = 'failed'), 0) AS failed,
       coalesce(sum(inputs) FILTER (WHERE outcome = 'refused'), 0) AS refused,
       coalesce(sum(tokens_in), 0) AS tokens_in, coalesce(sum(tokens_out), 0) AS tokens_out,
       coalesce(sum(micro_usd), 0) AS micro_usd, count(*) FILTER (WHERE micro_usd IS NULL) AS unknown,
       sum(seconds) AS seconds
FROM ai_calls AS call
LEFT JOIN members AS member ON member.tenant_id = call.tenant_id AND member.id = call.member_id
WHERE call.tenant_id = :tenant_id AND call.at >= :since AND call.at < :until
GROUP BY 1 ORDER BY {order}
"""


def read_usage(session: Session, *, tenant_id: UUID, since: datetime, until: datetime, by: By) -> tuple[UsageRow, ...]:
    """What the accounts of this time add up to; days in their order, all else by what it cost."""
    order = "1" if by is By.DAY else "10 DESC, 2 DESC, 1"
    rows = session.execute(
        text(_READ.format(key=_KEYS[by], order=order)), {"tenant_id": tenant_id, "since": since, "until": until}
    )
    return tuple(
        UsageRow(
            row.key, row.calls, int(row.answered), int(row.cached), int(row.repaired), int(row.failed),
            int(row.refused), int(row.tokens_in), int(row.tokens_out), int(row.micro_usd), row.unknown, row.seconds,
        )
        for row in rows
    )  # fmt: skip
