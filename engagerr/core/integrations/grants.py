"""Grants: what an account's owner allowed, sealed in the vault; and the tokens that sync runs make calls with.

Steps take a session and never commit. Whoever seals first takes the shared side of a lock whose other side belongs to
the rotation of keys: no secret can land sealed with a key that is being taken away.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.events import emit
from engagerr.core.integrations.connector import Connector
from engagerr.core.integrations.redaction import redacted
from engagerr.core.integrations.tokens import App, Tokens
from engagerr.core.tenancy.vault import Sealed, Vault, VaultKeyMissing

if TYPE_CHECKING:
    from engagerr.core.db import Database, Session
    from engagerr.core.integrations.http import PlatformHttp
    from engagerr.core.integrations.token_source import TokenSource
    from engagerr.core.settings import Settings

ACTIVE, LOST, REVOKED = "active", "lost", "revoked"
_LONGEST_REASON = 300


class NotConnected(NotFound):
    """The account is not connected to that platform."""


class AppMissing(InvalidInput):
    """The platform wants an app of ours, and the settings name none."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What is known of a grant; its secret stays in the vault."""

    account_id: UUID
    connector: str
    state: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    connected_at: datetime
    renewed_at: datetime | None
    lost_at: datetime | None
    lost_reason: str | None
    sealed: Sealed | None = field(repr=False)

    @property
    def place(self) -> str:
        """What its secret is bound to, besides the tenant."""
        return place_of(self.account_id, self.connector)


def app_of(settings: Settings, connector: Connector) -> App | None:
    """The app that the settings name for a connector, if any."""
    section = settings.platforms.get(connector.name)
    if section is None or not section.client_id:
        return None
    return App(section.client_id, section.secret())


def require_app(settings: Settings, connector: Connector) -> App:
    """The app, or an error that says how to name one."""
    app = app_of(settings, connector)
    if app is None:
        raise AppMissing(
            f"No app is named for {connector.title}: it lets nobody in without one.",
            hint=how_to_configure(connector),
            facts={"connector": connector.name, "documentation": connector.documentation},
        )
    return app


def how_to_configure(connector: Connector) -> str:
    """Which settings name the app, and where an app is registered."""
    prefix = f"ENGAGERR_PLATFORMS__{connector.name.upper()}"
    return (
        f"Register one ({connector.documentation}), then set {prefix}__CLIENT_ID and {prefix}__CLIENT_SECRET"
        " (or …_SECRET_FILE)."
    )


# ── Steps ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def store_grant(
    session: Session,
    *,
    tenant_id: UUID,
    account_id: UUID,
    connector: Connector,
    tokens: Tokens | None,
    vault: Vault,
    member_id: UUID | None,
    now: datetime,
) -> None:
    """Step: keep a fresh grant, over whatever was there; `tokens` are None where none are needed."""
    from sqlalchemy import text

    share_the_keys(session, tenant_id)
    sealed = None
    if tokens is not None:
        _refuse_a_second_key(session, vault, place_of(account_id, connector.name))
        sealed = vault.seal(tokens.as_secret(), place=place_of(account_id, connector.name))
    session.execute(
        text(
            """
            INSERT INTO platform_grants (tenant_id, account_id, connector, state, scopes, secret, sealed_key, key_id,
                                         expires_at, connected_by, connected_at)
            VALUES (:tenant_id, :account_id, :connector, 'active', :scopes, :secret, :sealed_key, :key_id, :expires_at,
                    :member_id, :now)
            ON CONFLICT (tenant_id, account_id, connector) DO UPDATE
              SET state = 'active', scopes = excluded.scopes, secret = excluded.secret,
                  sealed_key = excluded.sealed_key, key_id = excluded.key_id, expires_at = excluded.expires_at,
                  connected_by = excluded.connected_by, connected_at = excluded.connected_at, renewed_at = NULL,
                  lost_at = NULL, lost_reason = NULL
            """
        ),
        {
            "tenant_id": tenant_id, "account_id": account_id, "connector": connector.name,
            "scopes": list(tokens.scopes) if tokens else [], "member_id": member_id, "now": now,
            "expires_at": tokens.expires_at if tokens else None, **sealed_columns(sealed),
        },
    )  # fmt: skip
    emit(session, tenant_id=tenant_id, about=account_id, kind="grant.connected", now=now, connector=connector.name)


def read_grant(session: Session, account_id: UUID, connector: str, *, hold: bool = False) -> Grant | None:
    """Step: a grant; with `hold`, nobody else renews or ends it before this transaction is over."""
    from sqlalchemy import text

    row = session.execute(
        text(
            f"SELECT {_FIELDS} FROM platform_grants WHERE tenant_id = engagerr_tenant() AND account_id = :account_id"  # noqa: S608  constants
            f" AND connector = :connector{' FOR UPDATE' if hold else ''}"
        ),
        {"account_id": account_id, "connector": connector},
    ).one_or_none()
    return None if row is None else _grant(row)


def grants_of(session: Session, account_id: UUID) -> tuple[Grant, ...]:
    """Step: all grants of an account, revoked ones too."""
    from sqlalchemy import text

    rows = session.execute(
        text(
            f"SELECT {_FIELDS} FROM platform_grants WHERE tenant_id = engagerr_tenant() AND account_id = :account_id"  # noqa: S608
            " ORDER BY connector"
        ),
        {"account_id": account_id},
    )
    return tuple(_grant(row) for row in rows)


def lose_grant(
    session: Session, *, tenant_id: UUID, account_id: UUID, connector: str, reason: str, now: datetime
) -> bool:
    """Step: the platform no longer accepts this grant. True the first time, when the event is written."""
    from sqlalchemy import text

    said = redacted(reason)[:_LONGEST_REASON]
    lost = session.execute(
        text(
            "UPDATE platform_grants SET state = 'lost', lost_at = :now, lost_reason = :reason"
            " WHERE tenant_id = :tenant_id AND account_id = :account_id AND connector = :connector AND state = 'active'"
        ),
        {"tenant_id": tenant_id, "account_id": account_id, "connector": connector, "reason": said, "now": now},
    ).rowcount
    if lost:
        emit(
            session, tenant_id=tenant_id, about=account_id, kind="grant.lost", now=now, connector=connector,
            reason=said,
        )  # fmt: skip
    return bool(lost)


def erase_grant(session: Session, *, tenant_id: UUID, account_id: UUID, connector: str, now: datetime) -> bool:
    """Step: forget the secret of a grant for good; the row stays as history. True if there was something to end."""
    from sqlalchemy import text

    ended = session.execute(
        text(
            "UPDATE platform_grants SET state = 'revoked', secret = NULL, sealed_key = NULL, key_id = NULL,"
            " expires_at = NULL"
            " WHERE tenant_id = :tenant_id AND account_id = :account_id AND connector = :connector"
            " AND state <> 'revoked'"
        ),
        {"tenant_id": tenant_id, "account_id": account_id, "connector": connector},
    ).rowcount
    if ended:
        emit(session, tenant_id=tenant_id, about=account_id, kind="grant.revoked", now=now, connector=connector)
    return bool(ended)


def tokens_of(grant: Grant, vault: Vault) -> Tokens | None:
    """The grant's tokens; None where none are needed (or any more)."""
    return None if grant.sealed is None else Tokens.from_secret(vault.open(grant.sealed, place=grant.place))


def reseal_grants(session: Session, *, tenant_id: UUID, vault: Vault, key_id: str) -> int:
    """Step of a rotation: every data key sealed under this key of the vault. The secrets themselves stay untouched."""
    from sqlalchemy import text

    # Waits for whoever seals just now, and keeps others from beginning before this has committed.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": _lock(tenant_id)})
    rows = session.execute(
        text(
            f"SELECT {_FIELDS} FROM platform_grants WHERE tenant_id = :tenant_id AND key_id <> :key_id"  # noqa: S608
            " ORDER BY account_id, connector FOR UPDATE"
        ),
        {"tenant_id": tenant_id, "key_id": key_id},
    )
    grants = [_grant(row) for row in rows]
    refuse_lost_keys(session, vault)
    for grant in grants:
        assert grant.sealed is not None
        fresh = vault.reseal(grant.sealed, place=grant.place)
        session.execute(
            text(
                "UPDATE platform_grants SET sealed_key = :sealed_key, key_id = :key_id"
                " WHERE tenant_id = :tenant_id AND account_id = :account_id AND connector = :connector"
            ),
            {
                "tenant_id": tenant_id, "account_id": grant.account_id, "connector": grant.connector,
                "sealed_key": fresh.sealed_key, "key_id": fresh.key_id,
            },
        )  # fmt: skip
    return len(grants)


def refuse_lost_keys(session: Session, vault: Vault, *, besides: str | None = None) -> None:
    """Step: an error that names every grant whose key of the vault is not here, if there are any."""
    from sqlalchemy import text

    rows = session.execute(
        text(
            "SELECT account_id, connector, key_id, platform || ':' || handle AS account FROM platform_grants AS grants"
            " JOIN accounts ON accounts.tenant_id = grants.tenant_id AND accounts.id = account_id"
            " WHERE grants.tenant_id = engagerr_tenant() AND key_id IS NOT NULL ORDER BY platform, handle_key"
        )
    ).all()
    here = {key_id: vault.has_key(key_id) for key_id in {row.key_id for row in rows}}
    lost = [row for row in rows if not here[row.key_id] and place_of(row.account_id, row.connector) != besides]
    if lost:
        names = sorted({row.account for row in lost})
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        keys = ", ".join(sorted({row.key_id for row in lost}))
        raise VaultKeyMissing(
            f"The vault's key {keys} is not here. It sealed the sign-ins of {shown}.",
            hint=f"Put it back into {vault.place}, or name its file with ENGAGERR_VAULT__PREVIOUS_KEY_FILE. If it is"
            f" lost: engagerr platform disconnect {names[0]}, and connect it again.",
            facts={"key_ids": sorted({row.key_id for row in lost}), "accounts": names},
        )


_FIELDS = (
    "account_id, connector, state, scopes, expires_at, connected_at, renewed_at, lost_at, lost_reason, secret,"
    " sealed_key, key_id"
)


def _grant(row: Any) -> Grant:
    sealed = None if row.secret is None else Sealed(bytes(row.secret), bytes(row.sealed_key), row.key_id)
    return Grant(
        row.account_id, row.connector, row.state, tuple(row.scopes), row.expires_at, row.connected_at, row.renewed_at,
        row.lost_at, row.lost_reason, sealed,
    )  # fmt: skip


def sealed_columns(sealed: Sealed | None) -> dict[str, Any]:
    """A sealed secret as the table's columns."""
    if sealed is None:
        return {"secret": None, "sealed_key": None, "key_id": None}
    return {"secret": sealed.secret, "sealed_key": sealed.sealed_key, "key_id": sealed.key_id}


def place_of(account_id: UUID, connector: str) -> str:
    """What a grant's secret is bound to, besides the tenant."""
    return f"{account_id}/{connector}"


def _lock(tenant_id: UUID) -> str:
    return f"engagerr vault {tenant_id}"


def share_the_keys(session: Session, tenant_id: UUID) -> None:
    """Step, before any row is held and before a key is read: a rotation waits for us, and we for it."""
    from sqlalchemy import text

    session.execute(text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:name, 0))"), {"name": _lock(tenant_id)})


def _refuse_a_second_key(session: Session, vault: Vault, place: str) -> None:
    """A home whose key file vanished must not go on with a new key as if nothing had happened."""
    if vault.current_key_id() is None:
        refuse_lost_keys(session, vault, besides=place)


# ── Tokens for calls ───────────────────────────────────────────────────────────────────────────────────────────────


class GrantBook:
    """Opens grants of one tenant for sync runs. Threads may share it."""

    def __init__(self, database: Database, *, tenant_id: UUID, settings: Settings, http: PlatformHttp) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._settings = settings
        self._http = http
        self._vault = Vault(settings, tenant_id)
        # A renewal keeps a connection while the platform answers: some must be left for everybody else.
        self._renewals = threading.BoundedSemaphore(max(1, settings.database.pool_size // 2))

    def open_grant(self, account_id: UUID, connector: Connector) -> TokenSource:
        """The tokens of an account; raises `NotConnected` and `GrantLost`."""
        from engagerr.core.integrations.token_source import TokenSource

        return TokenSource(
            self._database, tenant_id=self._tenant_id, account_id=account_id, connector=connector,
            settings=self._settings, vault=self._vault, http=self._http, renewals=self._renewals,
        )  # fmt: skip
