"""Books that are known not to be what was written pay nobody, until they are proved again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from engagerr.core.errors import Conflict
from engagerr.core.events import open_task, resolve_tasks

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.payments.ledger.verifying import Verdict
    from engagerr.core.tenancy import Access

_KIND, _SUBJECT = "books.unsound", "books"
_HINT = "Keep the database as it is and compare it with a backup; engagerr payment verify shows where, and lifts this."


class Unsound(Conflict):
    """The books were found not to be sound: nothing is released from them."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Nothing is released while the books are not sound. {what}", hint=_HINT)


def remember(session: Session, access: Access, verdict: Verdict) -> None:
    """Stop releases where the books are not sound, and let them go on where they are."""
    tenant_id, now = access.tenant.id, access.clock.now()
    if verdict.sound:
        if resolve_tasks(session, tenant_id=tenant_id, kind=_KIND, about=tenant_id, now=now):
            access.audit(session, "books.sound", "books", transfers=verdict.transfers)
        return
    opened = open_task(
        session, tenant_id=tenant_id, kind=_KIND, about=tenant_id, subject=_SUBJECT,
        message=f"The books are not sound: {verdict.breaks[0].what}.", hint=_HINT, now=now,
    )  # fmt: skip
    if opened:
        access.audit(session, "books.unsound", "books", breaks=len(verdict.breaks), transfers=verdict.transfers)


def why_unsound(session: Session, access: Access) -> str | None:
    """What the last proof found wrong; None while nothing is known to be."""
    found: str | None = session.execute(
        text(
            "SELECT message FROM tasks WHERE tenant_id = :tenant_id AND kind = :kind AND about = :tenant_id"
            " AND subject = :subject AND resolved_at IS NULL"
        ),
        {"tenant_id": access.tenant.id, "kind": _KIND, "subject": _SUBJECT},
    ).scalar_one_or_none()
    return found


def refuse_unsound(session: Session, access: Access) -> None:
    """`Unsound` while the books are known not to be."""
    if (what := why_unsound(session, access)) is not None:
        raise Unsound(what)
