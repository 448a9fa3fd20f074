"""How long a deal may stand in a stage before somebody should look: the days, a workspace's own, and what is stuck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.deals.pipeline.stages import LINE, checked_stage, said
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.db import Session

# An enquiry is answered within days; an offer is valid for two weeks and asked after in one; net 30 with some patience.
DEFAULT_DAYS: Mapping[str, int] = {
    "enquiry": 3, "proposed": 7, "negotiating": 14, "contracted": 7, "in_production": 30, "submitted": 5,
    "approved": 7, "live": 45,
}  # fmt: skip
_MOST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Age:
    """Whole days in the stage, and from how many on it is stuck; None where the stage is an end."""

    days: int
    limit: int | None

    @property
    def stuck(self) -> bool:
        """It has stood there for as long as is thought right, or longer."""
        return self.limit is not None and self.days >= self.limit


@dataclass(frozen=True, slots=True)
class AgeLimit:
    """From how many days on a deal in this stage is stuck; `own` where the workspace set it."""

    stage: str
    days: int
    own: bool


def limits_by_stage(session: Session, *, tenant_id: UUID) -> tuple[AgeLimit, ...]:
    """For every stage in which a deal can be stuck, in the order of the line."""
    rows = session.execute(
        text("SELECT stage, days FROM deal_ageing WHERE tenant_id = :tenant_id"), {"tenant_id": tenant_id}
    )
    own = {row.stage: row.days for row in rows}
    return tuple(
        AgeLimit(stage, own.get(stage, DEFAULT_DAYS[stage]), stage in own) for stage in LINE if stage in DEFAULT_DAYS
    )


def age_of(since: datetime, stage: str, limits: tuple[AgeLimit, ...], *, now: datetime) -> Age:
    """How long it has stood there."""
    limit = next((one.days for one in limits if one.stage == stage), None)
    return Age(max((now - since).days, 0), limit)


def set_limit(session: Session, stage: str, days: int | None, *, tenant_id: UUID) -> AgeLimit:
    """Set the days of a stage; None goes back to the usual."""
    stage = checked_stage(stage)
    if stage not in DEFAULT_DAYS:
        raise InvalidInput(f"Nothing is stuck that is {said(stage)}.", hint=f"One of: {', '.join(DEFAULT_DAYS)}.")
    values = {"tenant_id": tenant_id, "stage": stage, "days": days}
    if days is None:
        session.execute(text("DELETE FROM deal_ageing WHERE tenant_id = :tenant_id AND stage = :stage"), values)
        return AgeLimit(stage, DEFAULT_DAYS[stage], own=False)
    if not 1 <= days <= _MOST_DAYS:
        raise InvalidInput(f"{days} days are no time to wait.", hint=f"1 to {_MOST_DAYS}.")
    session.execute(
        text(
            "INSERT INTO deal_ageing (tenant_id, stage, days) VALUES (:tenant_id, :stage, :days)"
            " ON CONFLICT (tenant_id, stage) DO UPDATE SET days = excluded.days"
        ),
        values,
    )
    return AgeLimit(stage, days, own=True)
