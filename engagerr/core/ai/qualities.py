"""How good each model was when it was last measured here: what routing goes by before a provider's word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import text

if TYPE_CHECKING:
    from uuid import UUID

    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class QualityRow:
    """A figure between 0 and 1 from so many cases. `model` is provider/model@version."""

    task: str
    model: str
    quality: float
    cases: int
    measured_at: datetime


def read_qualities(session: Session, *, tenant_id: UUID) -> dict[str, dict[str, QualityRow]]:
    """What was measured in this workspace, by task and model."""
    found: dict[str, dict[str, QualityRow]] = {}
    for row in session.execute(
        text("SELECT task, model, quality, cases, measured_at FROM ai_qualities WHERE tenant_id = :tenant_id"),
        {"tenant_id": tenant_id},
    ):
        found.setdefault(row.task, {})[row.model] = QualityRow(*row)
    return found


def write_quality(session: Session, *, tenant_id: UUID, row: QualityRow, detail: dict[str, object]) -> None:
    """Keep a figure; it takes the place of an older one of the same model and version."""
    session.execute(
        text(
            "INSERT INTO ai_qualities (tenant_id, task, model, quality, cases, detail, measured_at)"
            " VALUES (:tenant_id, :task, :model, :quality, :cases, CAST(:detail AS jsonb), :now)"
            " ON CONFLICT (tenant_id, task, model) DO UPDATE SET quality = EXCLUDED.quality, cases = EXCLUDED.cases,"
            " detail = EXCLUDED.detail, measured_at = EXCLUDED.measured_at"
        ),
        {
            "tenant_id": tenant_id, "task": row.task, "model": row.model, "quality": row.quality, "cases": row.cases,
            "detail": msgspec.json.encode(detail).decode(), "now": row.measured_at,
        },
    )  # fmt: skip
