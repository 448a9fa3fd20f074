"""What it means for a deal that the money of one of its milestones is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.deals.stages import deal_money_changed

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

_MILESTONE = "milestone:"


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
