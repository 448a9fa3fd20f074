"""Entitlements: what a subscription lets its party use just now, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

if TYPE_CHECKING:
    from engagerr.core.db import Session

# A failed renewal does not shut anybody out at once: the card may be mended while the provider tries again.
GRACE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A feature that a party may use. `until` is None where nothing ends it; `why` says by what."""

    party_id: UUID
    party: str
    feature: str
    plan: str
    state: str
    until: datetime | None
    why: str


def entitlements(
    session: Session, *, tenant_id: UUID, now: datetime, party_id: UUID | None = None
) -> tuple[Entitlement, ...]:
    """Step: everything that somebody may use at this moment, of one party or of all.

    A trial and a paid period entitle; so do seven days after a renewal that failed. Incomplete, unpaid, paused and
    cancelled ones do not.
    """
    rows = session.execute(
        text(
            """
            SELECT sub.party_id, party.name AS party, plan.name AS plan, feature, sub.state, sub.trial_ends_at,
                   sub.period_end, sub.cancel_at_period_end, sub.past_due_since
            FROM subscriptions AS sub
            JOIN plans AS plan ON plan.tenant_id = sub.tenant_id AND plan.id = sub.plan_id
            JOIN billing_parties AS party ON party.tenant_id = sub.tenant_id AND party.id = sub.party_id
            CROSS JOIN unnest(plan.features) AS feature
            WHERE sub.tenant_id = :tenant_id AND sub.state IN ('trialing', 'active', 'past_due')
              AND (CAST(:party_id AS uuid) IS NULL OR sub.party_id = :party_id)
            ORDER BY lower(party.name), feature, sub.created_at
            """
        ),
        {"tenant_id": tenant_id, "party_id": party_id},
    )
    found = []
    for row in rows:
        until, why = _until(row.state, row)
        if until is None or until > now:
            found.append(Entitlement(row.party_id, row.party, row.feature, row.plan, row.state, until, why))
    return tuple(found)


def entitled(session: Session, feature: str, *, tenant_id: UUID, now: datetime, party_id: UUID | None = None) -> bool:
    """Step: whether a party (any, where none is named) may use a feature at this moment."""
    return any(one.feature == feature for one in entitlements(session, tenant_id=tenant_id, now=now, party_id=party_id))


def _until(state: str, row: object) -> tuple[datetime | None, str]:
    told = {name: getattr(row, name) for name in ("trial_ends_at", "period_end", "past_due_since")}
    if state == "past_due":
        since = told["past_due_since"]
        return (since + GRACE if since is not None else None), "a renewal failed: days of grace"
    if getattr(row, "cancel_at_period_end", False):
        return told["period_end"], "cancelled: until what was paid for ends"
    if state == "trialing":
        return None, f"on trial until {told['trial_ends_at']:%Y-%m-%d}" if told["trial_ends_at"] else "on trial"
    return None, "paid"
