"""What can be connected and what is: connectors and connections as a person reads of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.integrations.connector import AppToken, Connector, NoSignIn, OAuth2, Scope, Stream
from engagerr.core.integrations.grants import app_of, how_to_configure

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.settings import Settings


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """A permission that is asked for, and what it lets us do."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class StreamRow:
    """One kind of data that a connector brings: every so many hours, and how many days back (None: all there is)."""

    name: str
    title: str
    yields: str
    every_hours: float
    look_back_days: float | None
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConnectorRow:
    """A platform that can be connected. `sign_in` is "account" (a person allows it), "app" (the app's own token is
    enough) or "none". `app` says whether the settings name an app where one is needed; if not, `to_do` says how."""

    name: str
    title: str
    platform: str
    sign_in: str
    device: bool
    app: bool
    to_do: str | None
    scopes: tuple[ScopeRow, ...]
    streams: tuple[StreamRow, ...]
    documentation: str


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """An account and the grant that opens it: never the token. `state` is active, lost or revoked; `withheld` are the
    permissions that were asked for and not given, in words."""

    account_id: UUID
    account: str
    creator: str | None
    connector: str
    state: str
    scopes: tuple[str, ...]
    withheld: tuple[str, ...]
    expires_at: datetime | None
    connected_at: datetime
    last_error: str | None


def connector_row(settings: Settings, connector: Connector) -> ConnectorRow:
    """What there is to know of a connector before it is used."""
    auth = connector.auth
    needs_app = not isinstance(auth, NoSignIn)
    app = needs_app and app_of(settings, connector) is not None
    return ConnectorRow(
        name=connector.name,
        title=connector.title,
        platform=connector.platform,
        sign_in="account" if isinstance(auth, OAuth2) else "app" if isinstance(auth, AppToken) else "none",
        device=isinstance(auth, OAuth2) and auth.device_url is not None,
        app=app,
        to_do=how_to_configure(connector) if needs_app and not app else None,
        scopes=tuple(ScopeRow(scope.name, scope.words) for scope in _scopes_of(connector)),
        streams=tuple(_stream(stream) for stream in connector.streams),
        documentation=connector.documentation,
    )


def connection_rows(session: Session, connectors: Mapping[str, Connector]) -> tuple[ConnectionRow, ...]:
    """Step: every account that is or was connected."""
    from sqlalchemy import text

    rows = session.execute(
        text(
            """
            SELECT account_id, platform || ':' || handle AS account, creators.name AS creator, connector,
                   grants.state, scopes, grants.expires_at, connected_at,
                   CASE WHEN grants.state = 'lost' THEN lost_reason ELSE (
                     SELECT coalesce(error->>'message', error #>> '{}') FROM sync_checkpoints AS at
                     WHERE at.tenant_id = grants.tenant_id AND at.account_id = grants.account_id
                       AND at.connector = grants.connector AND error IS NOT NULL
                     ORDER BY updated_at DESC LIMIT 1) END AS last_error
            FROM platform_grants AS grants
            JOIN accounts ON accounts.tenant_id = grants.tenant_id AND accounts.id = account_id
            LEFT JOIN creators ON creators.tenant_id = accounts.tenant_id AND creators.id = creator_id
            WHERE grants.tenant_id = engagerr_tenant()
            ORDER BY platform, handle_key, connector
            """
        )
    )
    return tuple(
        ConnectionRow(
            row.account_id, row.account, row.creator, row.connector, row.state, tuple(row.scopes),
            _withheld(row, connectors), row.expires_at, row.connected_at, row.last_error,
        )
        for row in rows
    )  # fmt: skip


def _withheld(row: Any, connectors: Mapping[str, Connector]) -> tuple[str, ...]:
    connector = connectors.get(row.connector)
    if connector is None or not row.scopes:  # a token made elsewhere does not say what it allows
        return ()
    return tuple(scope.words for scope in _scopes_of(connector) if scope.name not in row.scopes)


def _scopes_of(connector: Connector) -> tuple[Scope, ...]:
    return tuple(scope for scope in connector.auth.scopes if scope.asked) if isinstance(connector.auth, OAuth2) else ()


def _stream(stream: Stream) -> StreamRow:
    back = stream.look_back
    return StreamRow(
        stream.name, stream.title, stream.yields, stream.every / timedelta(hours=1),
        None if back is None else back / timedelta(days=1), stream.scopes,
    )  # fmt: skip
