"""A tenant and a person at work in it: what every feature is given, and the only way to tenant data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import Forbidden
from engagerr.core.tenancy.audit import write_audit
from engagerr.core.tenancy.permissions import PERMISSIONS, Permission, Role
from engagerr.core.tenancy.tokens import is_expired, not_signed_in

if TYPE_CHECKING:
    from engagerr.core.clock import Clock
    from engagerr.core.db import Database, Session
    from engagerr.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Tenant:
    """An agency, a brand or a creator that has its own workspace."""

    id: UUID
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a workspace."""

    id: UUID
    name: str
    email: str | None
    role: Role


@dataclass(frozen=True, slots=True)
class Access:
    """Who acts, in which tenant, on which database, at what time."""

    database: Database
    settings: Settings
    clock: Clock
    tenant: Tenant
    member: Member
    token_id: UUID | None = None

    def require(self, permission: Permission, session: Session | None = None) -> None:
        """Refuse unless the member's role allows it: the role they have now, if asked within a session."""
        role = self.member.role if session is None else self._still_in(session).role
        if permission not in PERMISSIONS[role]:
            allowed = ", ".join(other for other in Role if permission in PERMISSIONS[other])
            raise Forbidden(
                f"As {role} you may not {permission}.",
                hint=f"Ask somebody who is {allowed}.",
                facts={"role": str(role), "permission": str(permission)},
            )

    @contextlib.contextmanager
    def transaction(self, permission: Permission, *, snapshot: bool = False) -> Iterator[Session]:
        """One transaction in this tenant, if the member may; with `snapshot`, it reads all of one moment."""
        with self.database.transaction(self.tenant.id, snapshot=snapshot) as session:
            self.require(permission, session)
            yield session

    def allows(self, session: Session, permission: Permission) -> bool:
        """Whether the member may, in the role that they have now."""
        return permission in PERMISSIONS[self._still_in(session).role]

    def _still_in(self, session: Session) -> Member:
        """The member as they stand now: who was removed or demoted since this workspace was opened, is so at once."""
        from sqlalchemy import text

        row = session.execute(
            text(
                "SELECT members.role, tokens.revoked_at, tokens.expires_at"
                " FROM members LEFT JOIN tokens ON tokens.tenant_id = members.tenant_id AND tokens.id = :token_id"
                " WHERE members.tenant_id = :tenant_id AND members.id = :member_id AND members.removed_at IS NULL"
            ),
            {"tenant_id": self.tenant.id, "member_id": self.member.id, "token_id": self.token_id},
        ).one_or_none()
        if row is None or row.revoked_at or is_expired(row.expires_at, self.clock.now()):
            raise not_signed_in()
        return replace(self.member, role=Role(row.role))

    def audit(self, session: Session, action: str, subject: str, **detail: Any) -> None:
        """Write what was done into the audit log, in the same transaction."""
        write_audit(
            session, tenant_id=self.tenant.id, member_id=self.member.id, action=action, subject=subject, detail=detail
        )
