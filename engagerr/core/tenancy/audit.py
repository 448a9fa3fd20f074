"""The audit log: who did what to what, append-only, each row carrying the hash of the one before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.telemetry import correlation_id

if TYPE_CHECKING:
    from engagerr.core.db import Database, Session


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What `verify_audit` found. `first_bad` is the number of the first entry that does not fit, or None."""

    entries: int
    intact: bool
    first_bad: int | None
    reason: str | None


def write_audit(
    session: Session, *, tenant_id: UUID, member_id: UUID | None, action: str, subject: str, detail: dict[str, Any]
) -> None:
    """Append one entry. The database gives it number, time and hash (see migrations/sql)."""
    from sqlalchemy import text

    session.execute(
        text(
            "INSERT INTO audit_log (tenant_id, sequence, at, member_id, action, subject, detail, correlation_id,"
            " previous_hash, hash) VALUES (:tenant_id, 0, now(), :member_id, :action, :subject,"
            " CAST(:detail AS jsonb), :correlation_id, '', '')"
        ),
        {
            "tenant_id": tenant_id,
            "member_id": member_id,
            "action": action,
            "subject": subject,
            "detail": json.dumps(detail, default=str, ensure_ascii=False),
            "correlation_id": correlation_id(),
        },
    )


def verify_audit(database: Database, tenant_id: UUID) -> AuditVerdict:
    """Walk the tenant's chain: numbers without a gap, each hash right, each link to the one before, the end as kept."""
    from sqlalchemy import text

    with database.transaction(tenant_id) as session:
        found = session.execute(
            text(
                # The hashes are computed anew from the stored columns; row number, link and hash must all fit.
                """
                WITH chain AS (
                  SELECT sequence, hash, engagerr_audit_hash(audit_log) AS recomputed, previous_hash,
                         lag(hash, 1, ''::bytea) OVER (ORDER BY sequence) AS hash_before,
                         row_number() OVER (ORDER BY sequence) AS expected
                  FROM audit_log)
                SELECT count(*) AS entries,
                       min(expected) FILTER (WHERE sequence <> expected) AS gap,
                       min(sequence) FILTER (WHERE hash <> recomputed) AS altered,
                       min(sequence) FILTER (WHERE previous_hash <> hash_before) AS unlinked,
                       (SELECT sequence FROM audit_heads) AS head_sequence,
                       (SELECT hash FROM audit_heads)
                         IS NOT DISTINCT FROM (SELECT hash FROM chain ORDER BY sequence DESC LIMIT 1) AS ends_well
                FROM chain
                """
            )
        ).one()
    bad = [
        (number, reason)
        for number, reason in (
            (found.gap, "an entry is missing"),
            (found.altered, "an entry was altered"),
            (found.unlinked, "an entry does not follow the one before"),
        )
        if number is not None
    ]
    if not bad and (found.head_sequence or 0) != found.entries:
        bad.append((found.entries + 1, "entries are missing at the end"))
    elif not bad and not found.ends_well:
        bad.append((found.entries, "the last entry was altered"))
    first, reason = min(bad, default=(None, None))
    return AuditVerdict(entries=found.entries, intact=not bad, first_bad=first, reason=reason)
