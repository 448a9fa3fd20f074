"""How long money may be held, and who is told when that time runs out: never in silence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.clock import SystemClock
from engagerr.core.events import open_task, resolve_tasks
from engagerr.core.money import Money
from engagerr.core.payments.held.holds import read_holds

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

# docs.stripe.com/connect/manual-payouts, read in November 2026: how long funds may wait, by the platform's country.
_LONGEST = {"US": timedelta(days=730), "TH": timedelta(days=10)}
_ELSEWHERE = timedelta(days=90)
# A person is told so many days before the end, and once it has come.
WARNED_AT = (30, 7, 0)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A hold whose time runs out. `days_left` is below zero once it has."""

    hold_id: UUID
    title: str
    held: Money
    must_end_by: datetime
    days_left: int


def longest_hold(country: str) -> timedelta:
    """How long money may be held by a business of this country (ISO 3166-1 alpha-2)."""
    return _LONGEST.get(country, _ELSEWHERE)


def judged_at(session: Session, access: Access) -> datetime:
    """The moment by which it is decided whether silence has lasted long enough: a machine whose clock runs ahead of the
    database's releases nothing early. A clock that is not the machine's (a test's) is the only one there is."""
    now = access.clock.now()
    if not isinstance(access.clock, SystemClock):
        return now
    told: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return min(now, told)


def read_deadlines(session: Session, access: Access, *, within_days: int = 30) -> tuple[Deadline, ...]:
    """Holds with money in them whose time ends within so many days, the nearest first."""
    now = access.clock.now()
    due = read_holds(
        session, tenant_id=access.tenant.id,
        where="hold.held_minor > 0 AND hold.must_end_by <= :until", until=now + timedelta(days=within_days),
    )  # fmt: skip
    rows = [
        Deadline(hold.id, hold.title, hold.held, hold.must_end_by, (hold.must_end_by - now).days)
        for hold in due
        if hold.must_end_by is not None
    ]
    return tuple(sorted(rows, key=lambda row: row.must_end_by))


def warn_of_deadlines(session: Session, access: Access) -> int:
    """Open or renew the task of each hold whose time runs out, at 30 and 7 days before and at the end; closes the tasks
    of those that hold nothing any more. Returns how many people were told anew."""
    now, told = access.clock.now(), 0
    for row in read_deadlines(session, access):
        reached = next(days for days in sorted(WARNED_AT) if row.days_left <= days)
        over = row.days_left <= 0
        open_task(
            session, tenant_id=access.tenant.id, kind="hold.must_end", about=row.hold_id, subject=str(row.hold_id),
            message=f"{row.held} for {row.title} may be held no longer: release or refund it now."
            if over else f"{row.held} for {row.title} may be held for {row.days_left} more days.",
            hint=f"engagerr payment release {str(row.hold_id)[-8:]}, or engagerr payment refund …", now=now,
        )  # fmt: skip
        told += session.execute(
            text(
                "UPDATE holds SET warned_days = :reached WHERE tenant_id = :tenant_id AND id = :id"
                " AND (warned_days IS NULL OR warned_days > :reached)"
            ),
            {"tenant_id": access.tenant.id, "id": row.hold_id, "reached": reached},
        ).rowcount
    for hold in read_holds(
        session, tenant_id=access.tenant.id, where="hold.held_minor = 0 AND hold.warned_days IS NOT NULL"
    ):
        resolve_tasks(session, tenant_id=access.tenant.id, kind="hold.must_end", about=hold.id, now=now)
        session.execute(
            text("UPDATE holds SET warned_days = NULL WHERE tenant_id = :tenant_id AND id = :id"),
            {"tenant_id": access.tenant.id, "id": hold.id},
        )
    return told
