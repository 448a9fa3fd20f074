"""The people of a workspace and the tokens that act for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.tenancy.access import Access
from engagerr.core.tenancy.permissions import Permission, Role
from engagerr.core.tenancy.signin import issue_token

if TYPE_CHECKING:
    from engagerr.core.db import Session


_LONGEST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One member as shown."""

    id: UUID
    name: str
    email: str | None
    role: str
    since: datetime


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token as shown: never the token itself."""

    id: UUID
    kind: str
    name: str
    member: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made. `token` is shown this once."""

    name: str
    member: str
    token: str
    expires_at: datetime | None


class Members:
    """Verbs on members and tokens of the workspace."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def list(self) -> tuple[MemberRow, ...]:
        """Everybody who is in, by name."""
        from sqlalchemy import text

        with self._access.transaction(Permission.READ) as session:
            rows = session.execute(
                text("SELECT id, name, email, role, created_at FROM members WHERE removed_at IS NULL ORDER BY name, id")
            )
            return tuple(MemberRow(*row) for row in rows)

    def add(self, email: str, *, role: str = "viewer", name: str | None = None) -> MemberRow:
        """Add a person. They act through tokens made for them with `issue_token`."""
        from sqlalchemy import text

        if "@" not in email:
            raise InvalidInput(f"{email!r} is not an email address.", hint="For example ann@north.example.")
        with self._access.transaction(Permission.MANAGE_MEMBERS) as session:
            row = session.execute(
                # Who was taken out may come back, as the same person in the log.
                text(
                    "INSERT INTO members (tenant_id, email, name, role) VALUES (:tenant_id, :email, :name, :role)"
                    " ON CONFLICT (tenant_id, lower(email)) DO UPDATE SET role = excluded.role, removed_at = NULL"
                    " WHERE members.removed_at IS NOT NULL RETURNING id, name, email, role, created_at"
                ),
                {
                    "tenant_id": self._access.tenant.id, "email": email, "name": name or email,
                    "role": _role(role).value,
                },
            ).one_or_none()  # fmt: skip
            if row is None:
                raise Conflict(f"{email} is a member already.", hint="`engagerr member list` shows everybody.")
            self._access.audit(session, "member.added", f"member:{row.id}", email=email, role=role)
            return MemberRow(*row)

    def set_role(self, email: str, *, role: str) -> MemberRow:
        """Give a member another role. The last owner keeps theirs."""
        from sqlalchemy import text

        with self._access.transaction(Permission.MANAGE_MEMBERS) as session:
            owners = _lock_owners(session)
            member = _find(session, email)
            if member.role == Role.OWNER and _role(role) is not Role.OWNER:
                _refuse_last_owner(owners, member)
            row = session.execute(
                text("UPDATE members SET role = :role WHERE id = :id RETURNING id, name, email, role, created_at"),
                {"role": _role(role).value, "id": member.id},
            ).one()
            self._access.audit(session, "member.role_set", f"member:{row.id}", before=member.role, after=role)
            return MemberRow(*row)

    def remove(self, email: str) -> MemberRow:
        """Take a member out; their tokens open nothing from then on. What they did stays in the audit log."""
        from sqlalchemy import text

        with self._access.transaction(Permission.MANAGE_MEMBERS) as session:
            owners = _lock_owners(session)
            member = _find(session, email)
            if member.role == Role.OWNER:
                _refuse_last_owner(owners, member)
            session.execute(text("UPDATE members SET removed_at = now() WHERE id = :id"), {"id": member.id})
            session.execute(
                text("UPDATE tokens SET revoked_at = coalesce(revoked_at, now()) WHERE member_id = :id"),
                {"id": member.id},
            )
            self._access.audit(session, "member.removed", f"member:{member.id}", email=email)
            return member

    def tokens(self) -> tuple[TokenRow, ...]:
        """Every token of the workspace, newest first, without the tokens themselves."""
        from sqlalchemy import text

        with self._access.transaction(Permission.MANAGE_MEMBERS) as session:
            rows = session.execute(
                text(
                    "SELECT tokens.id, tokens.kind, tokens.name, members.name, tokens.created_at, tokens.expires_at,"
                    " tokens.revoked_at FROM tokens JOIN members ON members.tenant_id = tokens.tenant_id"
                    " AND members.id = tokens.member_id ORDER BY tokens.created_at DESC, tokens.id"
                )
            )
            return tuple(TokenRow(*row) for row in rows)

    def issue_token(self, *, name: str, member: str | None = None, days: int | None = None) -> NewToken:
        """An API token for a script, acting as `member` (an email; yourself if None), ending after `days` if given."""
        if days is not None and not 1 <= days <= _LONGEST_DAYS:
            raise InvalidInput(
                f"A token cannot last {days} days.", hint=f"Between 1 and {_LONGEST_DAYS}; leave it out for no end."
            )
        with self._access.transaction(Permission.MANAGE_MEMBERS) as session:
            person = _find(session, member) if member else None
            expires_at = None if days is None else self._access.clock.now() + timedelta(days=days)
            _, token = issue_token(
                session,
                tenant_id=self._access.tenant.id,
                member_id=person.id if person else self._access.member.id,
                issued_by=self._access.member.id,
                kind="api",
                name=name,
                expires_at=expires_at,
            )
            return NewToken(name, person.name if person else self._access.member.name, token, expires_at)

    def revoke_token(self, token_id: UUID) -> TokenRow:
        """End a token now."""
        from sqlalchemy import text

        with self._access.transaction(Permission.MANAGE_MEMBERS) as session:
            changed = session.execute(
                text("UPDATE tokens SET revoked_at = coalesce(revoked_at, now()) WHERE id = :id"), {"id": token_id}
            )
            if changed.rowcount == 0:
                raise NotFound(f"There is no token {token_id}.", hint="`engagerr token list` shows their ids.")
            self._access.audit(session, "token.revoked", f"token:{token_id}")
        return next(row for row in self.tokens() if row.id == token_id)


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError as error:
        raise InvalidInput(f"{role!r} is no role.", hint=f"One of: {', '.join(Role)}.") from error


def _find(session: Session, email: str) -> MemberRow:
    from sqlalchemy import text

    row = session.execute(
        text(
            "SELECT id, name, email, role, created_at FROM members"
            " WHERE lower(email) = lower(:email) AND removed_at IS NULL"
        ),
        {"email": email},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no member {email}.", hint="`engagerr member list` shows everybody.")
    return MemberRow(*row)


def _lock_owners(session: Session) -> int:
    """How many owners there are; nobody else changes that until this transaction ends."""
    from sqlalchemy import text

    owners = session.execute(
        text("SELECT id FROM members WHERE role = 'owner' AND removed_at IS NULL ORDER BY id FOR UPDATE")
    )
    return len(owners.all())


def _refuse_last_owner(owners: int, member: MemberRow) -> None:
    if owners == 1:
        raise Conflict(f"{member.name} is the last owner of this workspace.", hint="Make somebody else an owner first.")
