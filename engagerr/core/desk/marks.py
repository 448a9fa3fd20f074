"""Marks on what waits: put off until a day, or given to somebody. Nothing is overwritten; a mark can be taken back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.db import Session

LONGEST = timedelta(days=366)
_KEY = re.compile(r"[a-z_]+:\S{1,200}")


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark. `kind`: later (this member does not want to see it before `until`) or assigned (`assigned_to` sees to
    it; None: nobody any more). `by` made it."""

    id: UUID
    key: str
    kind: str
    until: datetime | None
    assigned_to: str | None
    by: str
    at: datetime


def later(work: Workspace, key: str, *, until: datetime) -> Mark:
    """Put a thing off: it leaves this member's agenda until then, and nobody else's.

    `key` is the agenda's. `InvalidInput` for a moment that is not within the coming 366 days.
    """
    now = work.access.clock.now()
    if until.tzinfo is None or not now < until <= now + LONGEST:
        raise InvalidInput(
            "It can be put off until a moment of the coming 366 days.", hint="Give a day after today.",
            facts={"until": until.isoformat()},
        )  # fmt: skip
    with work.access.transaction(Permission.READ) as session:
        return _write(session, work, key, kind="later", until=until)


def assign(work: Workspace, key: str, *, member_email: str | None) -> Mark:
    """Give a thing to a member of the workspace; None: to nobody any more. Everybody's agenda shows it.

    To oneself anybody may; to somebody else who takes part in deals. `NotFound` where no member has that address.
    """
    mine = member_email is not None and member_email.strip().lower() == (work.member.email or "").lower()
    with work.access.transaction(Permission.READ if mine else Permission.READ_DEALS) as session:
        assignee = None if member_email is None else _member(session, work, member_email)
        return _write(session, work, key, kind="assigned", assignee_id=assignee)


def undo(work: Workspace, mark_id: UUID) -> Mark:
    """Take back a mark; what was marked before it counts again. Returns the mark that was taken back.

    `later` is taken back by who put it off; `NotFound` for a mark of theirs, `Conflict` where it was taken back before.
    """
    with work.access.transaction(Permission.READ) as session:
        found = session.execute(text(_ONE), {**_who(work), "id": mark_id}).one_or_none()
        if found is None or (found.kind == "later" and found.member_id != work.member.id):
            raise NotFound(f"There is no mark {mark_id}.", hint="Nothing was changed.", facts={"mark": str(mark_id)})
        if found.kind == "assigned" and found.member_id != work.member.id:
            work.access.require(Permission.READ_DEALS, session)
        if found.undone:
            raise Conflict("The mark was taken back already.", hint="Nothing was changed.")
        session.execute(
            text(
                "INSERT INTO desk_marks (tenant_id, key, kind, assignee_id, undoes, member_id, at)"
                " VALUES (:tenant_id, :key, 'undone', :assignee_id, :undoes, :member_id, :now)"
            ),
            {
                **_who(work), "key": found.key, "assignee_id": found.assignee_id, "undoes": mark_id,
                "now": work.access.clock.now(),
            },
        )  # fmt: skip
        work.access.audit(session, "desk.mark_undone", f"mark:{mark_id}", key=found.key)
        return _mark(found)


def standing(session: Session, work: Workspace, keys: Sequence[str]) -> dict[str, dict[str, Mark]]:
    """Step: the marks that count on these keys, by key and kind: this member's own `later`, everybody's `assigned`."""
    found: dict[str, dict[str, Mark]] = {}
    if keys:
        rows = session.execute(text(_STANDING), {**_who(work), "keys": list(keys)})
        for row in rows:
            found.setdefault(row.key, {})[row.kind] = _mark(row)
    return found


def _write(
    session: Session, work: Workspace, key: str, *, kind: str, until: datetime | None = None,
    assignee_id: UUID | None = None,
) -> Mark:  # fmt: skip
    if not _KEY.fullmatch(key):
        raise InvalidInput(f"{key[:80]!r} is no key of the agenda.", hint="`engagerr desk today -o json` shows them.")
    values = {**_who(work), "key": key, "kind": kind, "until": until, "assignee_id": assignee_id}
    made = session.execute(
        text(
            "INSERT INTO desk_marks (tenant_id, key, kind, until, assignee_id, member_id, at)"
            " VALUES (:tenant_id, :key, :kind, :until, :assignee_id, :member_id, :now) RETURNING id"
        ),
        {**values, "now": work.access.clock.now()},
    ).scalar_one()
    told: dict[str, Any] = {"key": key}
    told |= {"until": until} if kind == "later" else {"assignee": assignee_id}
    work.access.audit(session, f"desk.{kind}", f"mark:{made}", **told)
    return _mark(session.execute(text(_ONE), {**values, "id": made}).one())


def _member(session: Session, work: Workspace, email: str) -> UUID:
    found: UUID | None = session.execute(
        text(
            "SELECT id FROM members WHERE tenant_id = :tenant_id AND lower(email) = lower(:email)"
            " AND removed_at IS NULL"
        ),
        {**_who(work), "email": email.strip()},
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(
            f"Nobody here has the address {email.strip()!r}.", hint="`engagerr member list` shows the people.",
            facts={"email": email.strip()},
        )  # fmt: skip
    return found


def _who(work: Workspace) -> dict[str, Any]:
    return {"tenant_id": work.access.tenant.id, "member_id": work.member.id}


def _mark(row: Any) -> Mark:
    return Mark(row.id, row.key, row.kind, row.until, row.assignee, row.maker, row.at)


_COLUMNS = """
mark.id, mark.key, mark.kind, mark.until, mark.member_id, mark.assignee_id, mark.at,
coalesce(assignee.name, assignee.email) AS assignee,
coalesce(maker.name, maker.email) AS maker,
EXISTS (SELECT FROM desk_marks AS taken WHERE taken.tenant_id = mark.tenant_id AND taken.undoes = mark.id) AS undone
FROM desk_marks AS mark
JOIN members AS maker ON maker.tenant_id = mark.tenant_id AND maker.id = mark.member_id
LEFT JOIN members AS assignee ON assignee.tenant_id = mark.tenant_id AND assignee.id = mark.assignee_id
"""
_ONE = f"SELECT {_COLUMNS} WHERE mark.tenant_id = :tenant_id AND mark.id = :id AND mark.kind <> 'undone'"
_STANDING = f"""
SELECT DISTINCT ON (mark.key, mark.kind) {_COLUMNS}
WHERE mark.tenant_id = :tenant_id AND mark.key = ANY (CAST(:keys AS text[]))
  AND (mark.kind = 'assigned' OR mark.kind = 'later' AND mark.member_id = :member_id)
  AND NOT EXISTS (SELECT FROM desk_marks AS taken WHERE taken.tenant_id = mark.tenant_id AND taken.undoes = mark.id)
ORDER BY mark.key, mark.kind, mark.id DESC
"""  # noqa: S608  columns of this module
