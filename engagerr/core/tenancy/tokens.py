"""Tokens: the tenant they open and a secret, of which only the hash is stored.

A token is `engagerr_s_` (session) or `engagerr_a_` (API), the tenant's id in base32, and 256 random bits. The tenant
is in it because nothing can be looked up under row-level security before the tenant is known; a forged tenant finds
no hash.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime
from uuid import UUID

from engagerr.core.errors import Forbidden

_PREFIX = {"session": "engagerr_s_", "api": "engagerr_a_"}


class NotSignedIn(Forbidden):
    """No token, or one that opens nothing."""


def make_token(tenant_id: UUID, kind: str) -> str:
    """A fresh token of this kind ("session" or "api") for the tenant."""
    tenant = base64.b32encode(tenant_id.bytes).decode().rstrip("=").lower()
    return f"{_PREFIX[kind]}{tenant}_{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> bytes:
    """What is stored. The secret has 256 random bits, so a plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(token.encode()).digest()


def tenant_of(token: str) -> UUID:
    """The tenant that the token claims to open."""
    for prefix in _PREFIX.values() if token.isascii() else ():
        if token.startswith(prefix):
            encoded = token[len(prefix) :].split("_", 1)[0]
            try:
                return UUID(bytes=base64.b32decode(encoded.upper() + "======"))
            except ValueError:
                break
    raise not_signed_in()


def is_expired(expires_at: datetime | None, now: datetime) -> bool:
    """Whether a token with this end no longer opens anything."""
    return expires_at is not None and expires_at <= now


def not_signed_in() -> NotSignedIn:
    """The one answer to every bad token: which part of it is wrong is nobody's business."""
    return NotSignedIn(
        "You are not signed in here, or the sign-in has ended.",
        hint='Run `engagerr init --agency "Your agency"`, or set ENGAGERR_TOKEN to a token of this workspace.',
    )
