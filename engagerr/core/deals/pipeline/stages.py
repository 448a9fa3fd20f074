"""The stages of a deal: which step leads where and who may take it, and the one way in which a deal takes a step."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.deals.pipeline.visibility import COLUMNS, DealRow, held_deal, row_of
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.events import emit

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

# The way of a deal that goes well.
LINE = (
    "enquiry", "proposed", "negotiating", "contracted", "in_production", "submitted", "approved", "live", "paid",
)  # fmt: skip
CLOSED = ("declined", "cancelled")
STAGES = (*LINE, *CLOSED)
# Before a contract binds anybody.
OFFERING = ("enquiry", "proposed", "negotiating")

BOTH, KEEPER = "both", "keeper"
# (from, to): who may take the step. The database has the same table (engagerr_deal_stage_steps), and the last word.
STEPS: dict[tuple[str, str], str] = {
    **dict.fromkeys(itertools.pairwise(LINE), BOTH),
    # Whether everything is settled is in the keeper's books alone.
    ("live", "paid"): KEEPER,
    ("proposed", "contracted"): BOTH,
    ("proposed", "enquiry"): BOTH,
    ("contracted", "negotiating"): KEEPER,
    ("submitted", "in_production"): BOTH,
    ("approved", "in_production"): BOTH,
    ("live", "approved"): BOTH,
    **{(stage, closed): BOTH for stage in OFFERING for closed in CLOSED},
    **{(stage, "cancelled"): KEEPER for stage in LINE[3:-1]},
}

# What a refused step says, by the constraint that refused it.
_REFUSED = {
    "deals_stage_step": "A deal that is {stage} does not become {to} by this workspace.",
    "deals_stage_reason": "A deal is declined, cancelled and reopened for a reason.",
}


class StepRefused(Conflict):
    """The deal does not go from where it stands to the stage that was asked for, or not by this side."""

    def __init__(self, deal: DealRow, to: str, *, keeps: bool) -> None:
        self.deal_id, self.stage, self.to = deal.id, deal.stage, to
        onwards = nexts(deal, keeps=keeps)
        super().__init__(
            f"{deal.title!r} is {said(deal.stage)} and does not become {said(to)} by this workspace.",
            hint=f"From here it becomes {', '.join(map(said, onwards))}." if onwards else "It is at its end.",
            facts={"deal": str(deal.id), "stage": deal.stage, "to": to, "next": list(onwards)},
        )


def said(stage: str) -> str:
    """The stage in words."""
    return stage.replace("_", " ")


def checked_stage(stage: str) -> str:
    """The stage as it is stored ("in production" is in_production); `InvalidInput` for anything else."""
    known = "_".join(stage.lower().replace("-", " ").replace("_", " ").split())
    if known not in STAGES:
        raise InvalidInput(f"There is no stage {stage!r}.", hint=f"One of: {', '.join(map(said, STAGES))}.")
    return known


def nexts(deal: DealRow, *, keeps: bool) -> tuple[str, ...]:
    """The stages that one step leads to, for who keeps the deal or for the counterparty, the way onwards first."""
    if deal.closed_from is not None:
        return (deal.closed_from,) if keeps or deal.stage == "declined" else ()
    possible = (to for (before, to), who in STEPS.items() if before == deal.stage and (keeps or who == BOTH))
    here = STAGES.index(deal.stage)
    return tuple(sorted(possible, key=lambda to: (to in CLOSED, STAGES.index(to) < here, STAGES.index(to))))


def is_forward(before: str, to: str) -> bool:
    """Whether this is a step onwards (not back, not to an end, not a reopening)."""
    return before in LINE and to in LINE and LINE.index(to) > LINE.index(before)


def way(deal: DealRow, to: str, *, keeps: bool) -> tuple[str, ...]:
    """The stages to pass through: one step where there is one, else each in turn; () where no way leads there."""
    if to in nexts(deal, keeps=keeps):
        return (to,)
    if is_forward(deal.stage, to) and LINE.index(deal.stage) >= LINE.index("contracted"):
        return LINE[LINE.index(deal.stage) + 1 : LINE.index(to) + 1]
    return ()


def advance(session: Session, access: Access, deal_id: UUID, to: str, reason: str | None = None) -> DealRow:
    """Take the deal to a stage, in the transaction at hand, whichever party acts; being there already changes nothing.

    Exit criteria are the caller's: whoever signs, approves or pays knows that it happened. After a contract, stages in
    between are passed one by one. `StepRefused` where no step leads there; every step is on the deal's trail, in the
    audit log of this workspace, and an event.
    """
    tenant_id = access.tenant.id
    deal = held_deal(session, deal_id, tenant_id=tenant_id)
    if deal.stage == to:
        return deal
    steps = way(deal, to, keeps=deal.kept_by(tenant_id))
    if not steps:
        raise StepRefused(deal, to, keeps=deal.kept_by(tenant_id))
    for stage in steps:
        deal = _step(session, access, deal, stage, reason)
    return deal


def deal_money_changed(session: Session, access: Access, deal_id: UUID) -> DealRow:
    """A hold of this deal was settled: a live deal all of whose holds are settled is paid. Anything else stays."""
    from engagerr.core.deals.pipeline.criteria import missing_of

    deal = held_deal(session, deal_id, tenant_id=access.tenant.id)
    if deal.stage != "live" or missing_of(session, deal, "live", tenant_id=access.tenant.id, now=access.clock.now()):
        return deal
    return advance(session, access, deal_id, "paid", "every hold is settled")


def _step(session: Session, access: Access, deal: DealRow, to: str, reason: str | None) -> DealRow:
    with refused_as_conflict(deal, to, keeps=deal.kept_by(access.tenant.id)):
        row = session.execute(
            text(
                f"""
                UPDATE deals SET stage = :to, stage_since = :now, stage_reason = :reason, stage_member_id = :member_id,
                                 stage_actor = :actor, stage_role = :role, updated_at = :now
                WHERE tenant_id = :keeper AND id = :id RETURNING {COLUMNS}
                """  # noqa: S608  columns of visibility
            ),
            {
                "to": to, "now": access.clock.now(), "reason": reason or None, "member_id": access.member.id,
                "actor": access.member.name, "role": access.member.role, "keeper": deal.tenant_id, "id": deal.id,
            },
        ).one()  # fmt: skip
    told(session, access, deal, before=deal.stage, to=to, reason=reason)
    return row_of(row)


def told(session: Session, access: Access, deal: DealRow, *, before: str | None, to: str, reason: str | None) -> None:
    """Write the step into this workspace's audit log and its events."""
    access.audit(session, "deal.moved", deal.subject, before=before, to=to, reason=reason)
    emit(
        session, tenant_id=access.tenant.id, about=access.tenant.id, kind="deal.moved", now=access.clock.now(),
        deal=deal.id, before=before, after=to,
    )  # fmt: skip


@contextlib.contextmanager
def refused_as_conflict(deal: DealRow, to: str, *, keeps: bool) -> Iterator[None]:
    """What the database refuses about a step, in words."""
    try:
        yield
    except IntegrityError as error:
        constraint = constraint_of(error)
        if constraint == "deals_stage_step":
            raise StepRefused(deal, to, keeps=keeps) from error
        if constraint == "deals_stage_reason":
            raise InvalidInput(_REFUSED[constraint], hint="Add --reason.", facts={"deal": str(deal.id)}) from error
        raise
