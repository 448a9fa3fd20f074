"""What money and its milestone tell each other: that it is settled, whether it is approved, whether silence may do."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.deals.pipeline.stages import deal_money_changed

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

_MILESTONE = "milestone:"
# As the database has it, which refuses a release by silence of anything else.
_NOT_UP = """
SELECT 1 FROM deal_milestones AS due
JOIN deal_deliverables AS piece ON piece.tenant_id = due.tenant_id AND piece.milestone_id = due.id
WHERE due.tenant_id = :tenant_id AND due.id = CAST(:id AS uuid) AND due.paid_when = 'live'
  AND piece.state NOT IN ('live', 'checked', 'cancelled') LIMIT 1
"""
_NOT_APPROVED = """
SELECT 1 FROM deal_deliverables AS piece
WHERE piece.tenant_id = :tenant_id AND piece.milestone_id = CAST(:id AS uuid)
  AND piece.state NOT IN ('approved', 'live', 'checked', 'cancelled') LIMIT 1
"""


def silence_releases(session: Session, access: Access, subject: str) -> bool:
    """Whether silence may release what is held for a subject: once all of it is live, unless its contract pays for what
    is approved. What a person releases is theirs to decide."""
    if not subject.startswith(_MILESTONE):
        return True
    found = session.execute(
        text(_NOT_UP), {"tenant_id": access.tenant.id, "id": UUID(subject.removeprefix(_MILESTONE))}
    ).first()
    return found is None


def is_approved(session: Session, access: Access, subject: str) -> bool:
    """Whether the brand has approved every piece that is held for; of what is no milestone, nobody approves any."""
    if not subject.startswith(_MILESTONE):
        return True
    found = session.execute(
        text(_NOT_APPROVED), {"tenant_id": access.tenant.id, "id": UUID(subject.removeprefix(_MILESTONE))}
    ).first()
    return found is None


def hold_settled(session: Session, access: Access, subject: str) -> None:
    """A hold is settled: a live deal all of whose holds are is paid. Told again, it does nothing."""
    if not subject.startswith(_MILESTONE):
        return
    deal_id = session.execute(
        text("SELECT deal_id FROM deal_milestones WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid)"),
        {"tenant_id": access.tenant.id, "id": UUID(subject.removeprefix(_MILESTONE))},
    ).scalar_one_or_none()
    if deal_id is not None:
        deal_money_changed(session, access, deal_id)
