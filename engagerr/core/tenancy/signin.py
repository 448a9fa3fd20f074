"""Founding a workspace and opening one with a token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.errors import InvalidInput
from engagerr.core.tenancy.access import Member, Tenant
from engagerr.core.tenancy.audit import write_audit
from engagerr.core.tenancy.permissions import Role
from engagerr.core.tenancy.tokens import hash_token, is_expired, make_token, not_signed_in, tenant_of

if TYPE_CHECKING:
    from engagerr.core.db import Database, Session

KINDS = ("agency", "brand", "creator")


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who came in, where, and by which token."""

    tenant: Tenant
    member: Member
    token_id: UUID


def found_tenant(
    database: Database, *, kind: str, name: str, email: str | None, session_days: int, now: datetime
) -> tuple[SignIn, str]:
    """Make a tenant with its first member, the owner, and sign them in. Returns that and the session token."""
    from sqlalchemy import text

    name = name.strip()
    if not name:
        raise InvalidInput("A workspace needs a name.", hint='For example --agency "North".')
    if kind not in KINDS:
        raise InvalidInput(f"{kind!r} is no kind of workspace.", hint=f"One of: {', '.join(KINDS)}.")
    with database.system() as session:
        tenant_id = session.execute(text("SELECT engagerr_new_id()")).scalar_one()
    with database.transaction(tenant_id) as session:
        session.execute(
            text("INSERT INTO tenants (id, kind, name) VALUES (:id, :kind, :name)"),
            {"id": tenant_id, "kind": kind, "name": name},
        )
        member_id = session.execute(
            text(
                "INSERT INTO members (tenant_id, email, name, role) VALUES (:tenant_id, :email, :name, 'owner')"
                " RETURNING id"
            ),
            {"tenant_id": tenant_id, "email": email, "name": email or "owner"},
        ).scalar_one()
        write_audit(
            session,
            tenant_id=tenant_id,
            member_id=member_id,
            action="tenant.founded",
            subject=f"tenant:{tenant_id}",
            detail={"kind": kind, "name": name},
        )
        token_id, token = issue_token(
            session, tenant_id=tenant_id, member_id=member_id, issued_by=member_id, kind="session",
            name="first sign-in", expires_at=now + timedelta(days=session_days),
        )  # fmt: skip
    member = Member(member_id, email or "owner", email, Role.OWNER)
    return SignIn(Tenant(tenant_id, kind, name), member, token_id), token


def issue_token(
    session: Session,
    *,
    tenant_id: UUID,
    member_id: UUID,
    issued_by: UUID,
    kind: str,
    name: str,
    expires_at: datetime | None,
) -> tuple[UUID, str]:
    """Store the hash of a fresh token that acts as `member_id`; returns its id and itself, never shown again."""
    from sqlalchemy import text

    token = make_token(tenant_id, kind)
    token_id: UUID = session.execute(
        text(
            "INSERT INTO tokens (tenant_id, member_id, kind, name, token_hash, expires_at)"
            " VALUES (:tenant_id, :member_id, :kind, :name, :hash, :expires_at) RETURNING id"
        ),
        {
            "tenant_id": tenant_id, "member_id": member_id, "kind": kind, "name": name,
            "hash": hash_token(token), "expires_at": expires_at,
        },
    ).scalar_one()  # fmt: skip
    write_audit(
        session,
        tenant_id=tenant_id,
        member_id=issued_by,
        action="token.issued",
        subject=f"member:{member_id}",
        detail={"kind": kind, "name": name, "expires_at": expires_at},
    )
    return token_id, token


def sign_in(database: Database, token: str, *, now: datetime) -> SignIn:
    """The tenant and member that the token opens; `NotSignedIn` for any token that opens nothing."""
    from sqlalchemy import text

    tenant_id = tenant_of(token)
    with database.transaction(tenant_id) as session:
        found = session.execute(
            text(
                "SELECT tenants.kind, tenants.name AS tenant_name, members.id, members.name, members.email,"
                " members.role, tokens.id AS token_id, tokens.expires_at, tokens.revoked_at, members.removed_at"
                " FROM tokens JOIN members ON members.tenant_id = tokens.tenant_id AND members.id = tokens.member_id"
                " JOIN tenants ON tenants.id = tokens.tenant_id"
                " WHERE tokens.tenant_id = :tenant_id AND tokens.token_hash = :hash"
            ),
            {"tenant_id": tenant_id, "hash": hash_token(token)},
        ).one_or_none()
    if found is None or found.revoked_at or found.removed_at or is_expired(found.expires_at, now):
        raise not_signed_in()
    return SignIn(
        Tenant(tenant_id, found.kind, found.tenant_name),
        Member(found.id, found.name, found.email, Role(found.role)),
        found.token_id,
    )


def find_tenant(database: Database, tenant_id: UUID) -> Tenant | None:
    """The tenant with this id, if it is in this database."""
    from sqlalchemy import text

    with database.transaction(tenant_id) as session:
        found = session.execute(
            text("SELECT id, kind, name FROM tenants WHERE id = :id"), {"id": tenant_id}
        ).one_or_none()
    return None if found is None else Tenant(found.id, found.kind, found.name)


def sign_in_again(
    database: Database, tenant: Tenant, *, email: str | None, session_days: int, now: datetime
) -> tuple[SignIn, str]:
    """A fresh session for an owner of a tenant that this home founded: the one with this email, else the first.

    Whoever holds the home's database password can do anything in it, so this gives nothing away: it saves the owner
    whose session ended from founding a second workspace beside the first.
    """
    from sqlalchemy import text

    with database.transaction(tenant.id) as session:
        found = session.execute(
            text(
                "SELECT id, name, email, role FROM members"
                " WHERE tenant_id = :tenant_id AND removed_at IS NULL AND role = 'owner'"
                " ORDER BY lower(email) = lower(:email) DESC NULLS LAST, created_at LIMIT 1"
            ),
            {"tenant_id": tenant.id, "email": email},
        ).one()
        token_id, token = issue_token(
            session, tenant_id=tenant.id, member_id=found.id, issued_by=found.id, kind="session", name="sign-in",
            expires_at=now + timedelta(days=session_days),
        )  # fmt: skip
    return SignIn(tenant, Member(found.id, found.name, found.email, Role(found.role)), token_id), token
