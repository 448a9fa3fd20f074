"""How much of what others show a workspace may read in an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Unavailable

if TYPE_CHECKING:
    from engagerr.core.db import Session

# A person who looks at a page of 25 listings a minute, without a pause, reads 1,500 in an hour; nobody works faster,
# and a workspace seldom has several who do. Whoever copies a shelf of 100,000 needs close to three days for it.
ROWS_AN_HOUR = 1_500


class ReadEnough(Unavailable):
    """The workspace has read as much of the marketplace as it may in this hour."""

    def __init__(self, *, retry_after: float) -> None:
        super().__init__(
            f"This workspace may read {ROWS_AN_HOUR:,} rows of the marketplace in an hour, and this would be more.",
            hint=f"Go on in {max(1, round(retry_after / 60))} minutes, or ask more narrowly.",
            facts={"rows_an_hour": ROWS_AN_HOUR},
            retry_after=retry_after,
        )


def count_read(session: Session, *, tenant_id: UUID, now: datetime, rows: int) -> int:
    """Count rows of others that are about to be shown; returns how many are left in this hour, or `ReadEnough`.

    A question counts as one row even if nothing answers it, or questions could be asked without end. Who asks at the
    same time waits for the count, so that many at once read no more than one after the other.
    """
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    read = session.execute(
        text(
            "INSERT INTO market_reads (tenant_id, hour, rows) VALUES (:tenant_id, :hour, :rows)"
            " ON CONFLICT (tenant_id, hour) DO UPDATE SET rows = market_reads.rows + EXCLUDED.rows RETURNING rows"
        ),
        {"tenant_id": tenant_id, "hour": hour, "rows": max(rows, 1)},
    ).scalar_one()
    if read > ROWS_AN_HOUR:
        raise ReadEnough(retry_after=(hour + timedelta(hours=1) - now).total_seconds())
    return int(ROWS_AN_HOUR - read)
