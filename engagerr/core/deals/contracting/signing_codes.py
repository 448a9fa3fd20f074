"""One-time codes with which somebody without a workspace here signs or declines; only their hashes are kept."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.deals.contracting.contract_checks import plain_text
from engagerr.core.deals.contracting.contract_reading import VersionRow
from engagerr.core.errors import Forbidden, InvalidInput

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

# 80 random bits, which nobody guesses in as many tries.
_SECRET_BYTES = 10
MOST_TRIES = 5
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time signing code, shown once: only its hash is kept."""

    code: str
    email: str
    expires_at: datetime


class CodeRefused(Forbidden):
    """A signing code that opens nothing (any more)."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The signing code {why}.", hint="`engagerr contract send` makes a new one.")


def make_code(session: Session, access: Access, version: VersionRow, *, email: str, days: int) -> Code:
    """Step: a code for a version, in place of those made before."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    letters = base64.b32encode(secret).decode()
    now = access.clock.now()
    made = Code(
        "-".join(letters[at : at + 4] for at in range(0, len(letters), 4)), checked_email(email), now + timedelta(days)
    )
    values = {"tenant_id": access.tenant.id, "version_id": version.id, "now": now}
    void_codes(session, access, version)
    session.execute(
        text(
            "INSERT INTO contract_invitations (tenant_id, version_id, email, code_hash, member_id, made_at, expires_at)"
            " VALUES (:tenant_id, :version_id, :email, :code_hash, :member_id, :now, :expires_at)"
        ),
        {
            **values, "email": made.email, "code_hash": _code_hash(secret), "member_id": access.member.id,
            "expires_at": made.expires_at,
        },
    )  # fmt: skip
    return made


def void_codes(session: Session, access: Access, version: VersionRow) -> None:
    """Step: codes of a version that were not used open nothing any more."""
    session.execute(
        text(
            "UPDATE contract_invitations SET used_at = :now"
            " WHERE tenant_id = :tenant_id AND version_id = :version_id AND used_at IS NULL"
        ),
        {"tenant_id": access.tenant.id, "version_id": version.id, "now": access.clock.now()},
    )


def invitation_for(session: Session, access: Access, version: VersionRow, code: str) -> tuple[UUID | None, str]:
    """Step: (invitation, the address it went to) of a code; (None, why it is refused) else, which counts as a try.

    It raises nothing, so that the try is kept: the caller commits, then raises `CodeRefused`.
    """
    row = session.execute(
        text(
            "SELECT id, email, code_hash, tries, expires_at FROM contract_invitations"
            " WHERE tenant_id = :tenant_id AND version_id = :version_id AND used_at IS NULL FOR UPDATE"
        ),
        {"tenant_id": access.tenant.id, "version_id": version.id},
    ).one_or_none()
    if row is None:
        return None, "was used already, or none was made"
    if row.tries >= MOST_TRIES:
        return None, "was mistyped too often and opens nothing any more"
    if row.expires_at <= access.clock.now():
        return None, f"was good until {row.expires_at:%Y-%m-%d %H:%M} UTC"
    letters = "".join(code.split()).replace("-", "").upper()
    try:
        given = base64.b32decode(letters)
    except ValueError:
        given = b""
    if not secrets.compare_digest(_code_hash(given), bytes(row.code_hash)):
        session.execute(
            text("UPDATE contract_invitations SET tries = tries + 1 WHERE tenant_id = :tenant_id AND id = :id"),
            {"tenant_id": access.tenant.id, "id": row.id},
        )
        return None, f"is not the one that was sent ({MOST_TRIES - row.tries - 1} tries left)"
    return row.id, row.email


def checked_email(address: str) -> str:
    """The address of a person as it can be kept; `InvalidInput` for what is none."""
    cleaned = plain_text(address, "email")
    if not _EMAIL.match(cleaned):
        raise InvalidInput(f"{cleaned!r} is no address of mail.", hint="Write it like pat@brand.example.")
    return cleaned


def _code_hash(secret: bytes) -> bytes:
    return hashlib.sha256(b"engagerr.contract." + secret).digest()
