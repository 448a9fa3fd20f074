"""The token that calls are made with: opened from the vault, renewed ahead of its end, lost only when it is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.integrations.connector import Connector, NoSignIn, OAuth2
from engagerr.core.integrations.faults import GrantLost, PlatformUnavailable
from engagerr.core.integrations.grants import (
    LOST,
    REVOKED,
    NotConnected,
    app_of,
    lose_grant,
    place_of,
    read_grant,
    require_app,
    sealed_columns,
    share_the_keys,
    tokens_of,
)
from engagerr.core.integrations.oauth import can_renew, renew, renewal_margin
from engagerr.core.integrations.tokens import Tokens

if TYPE_CHECKING:
    from engagerr.core.clock import Clock
    from engagerr.core.db import Database, Session
    from engagerr.core.integrations.http import PlatformHttp
    from engagerr.core.settings import Settings
    from engagerr.core.tenancy.vault import Vault


class TokenSource:
    """The token of one account: opened once, renewed ahead of its end and after a refusal. For one run; thread-safe.

    A renewal holds the grant's row, so that of many processes one asks the platform and the others then find its
    answer. The new tokens are committed before anything else is done with them. A process that dies between the
    platform's answer and that commit (milliseconds) loses them: platforms that hand out a new refresh token each time
    (X, TikTok) may refuse the old one after that, and the grant is then lost and one task says so; the others go on.
    """

    def __init__(
        self,
        database: Database,
        *,
        tenant_id: UUID,
        account_id: UUID,
        connector: Connector,
        settings: Settings,
        vault: Vault,
        http: PlatformHttp,
        renewals: threading.BoundedSemaphore,
    ) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._account_id = account_id
        self._connector = connector
        self._settings = settings
        self._app = app_of(settings, connector)
        self._vault = vault
        self._http = http
        self._renewals = renewals
        self._clock: Clock = http.clock
        self._guard = threading.Lock()
        self._gone = False
        self._tokens: Tokens | None = None
        with database.transaction(tenant_id) as session:
            self._tokens = self._standing(session, hold=False)

    def token(self) -> str | None:
        """The token to send; None where none is needed. Raises `GrantLost`, and what the platform's no means."""
        with self._guard:
            tokens = self._tokens
            if self._gone:
                raise self._lost()
            if tokens is None or not self._is_due(tokens):
                return _sent(tokens)
            try:
                self._take(self._renewed(tokens, refused=False))
            except PlatformUnavailable:
                if tokens.expires_at is None or tokens.expires_at <= self._clock.now():
                    raise
                return _sent(tokens)  # it is good for a while yet
            if self._gone:
                raise self._lost()
            return _sent(self._tokens)

    def renew(self) -> str | None:
        """A new token after the platform refused the last one; None when the grant is lost for good."""
        with self._guard:
            if self._tokens is None:
                return None
            self._take(self._renewed(self._tokens, refused=True))
            return _sent(self._tokens)

    def _take(self, tokens: Tokens | None) -> None:
        self._tokens, self._gone = tokens, tokens is None

    def _is_due(self, tokens: Tokens) -> bool:
        if tokens.expires_at is None:
            return False
        now = self._clock.now()
        if not can_renew(self._connector, tokens) or self._app is None:
            return tokens.expires_at <= now
        return tokens.expires_at <= now + renewal_margin(self._connector, tokens)

    def _renewed(self, used: Tokens, *, refused: bool) -> Tokens | None:
        """Tokens other than those used; None when there are none to be had, which is then known to all."""
        with self._renewals, self._database.transaction(self._tenant_id) as session:
            share_the_keys(session, self._tenant_id)
            try:
                held = self._standing(session, hold=True)
            except (GrantLost, NotConnected):
                return None
            if held is None:
                return None
            if held.access_token != used.access_token and not self._is_due(held):
                return held  # another process was quicker
            problem = self._problem(held, refused=refused)
            if problem is None:
                # An app that this machine does not know is the machine's fault, and loses nothing.
                app = require_app(self._settings, self._connector)
                try:
                    fresh = renew(self._http, self._connector, app, held)
                except GrantLost as lost:
                    problem = str(lost.facts.get("said", lost.message))
                else:
                    self._keep(session, fresh)
                    return fresh
            lose_grant(
                session, tenant_id=self._tenant_id, account_id=self._account_id, connector=self._connector.name,
                reason=problem, now=self._clock.now(),
            )  # fmt: skip
        return None

    def _problem(self, held: Tokens, *, refused: bool) -> str | None:
        """Why there is no use in asking for new tokens, in words."""
        over = held.expires_at is not None and held.expires_at <= self._clock.now()
        why = "the token has run out" if over else "the platform refused the token"
        if not can_renew(self._connector, held):
            return f"{why}, and it cannot be renewed"
        if isinstance(self._connector.auth, OAuth2) and held.refresh_token is None and (over or refused):
            # Exchanged tokens renew themselves. A page's own token dies with that of the person it came from.
            return f"{why}, and only one that works can be renewed"
        return None

    def _keep(self, session: Session, fresh: Tokens) -> None:
        from sqlalchemy import text

        sealed = self._vault.seal(fresh.as_secret(), place=place_of(self._account_id, self._connector.name))
        session.execute(
            text(
                "UPDATE platform_grants SET secret = :secret, sealed_key = :sealed_key, key_id = :key_id,"
                " scopes = :scopes, expires_at = :expires_at, renewed_at = :now"
                " WHERE tenant_id = :tenant_id AND account_id = :account_id AND connector = :connector"
            ),
            {
                "tenant_id": self._tenant_id, "account_id": self._account_id, "connector": self._connector.name,
                "scopes": list(fresh.scopes), "expires_at": fresh.expires_at, "now": self._clock.now(),
                **sealed_columns(sealed),
            },
        )  # fmt: skip

    def _standing(self, session: Session, *, hold: bool) -> Tokens | None:
        grant = read_grant(session, self._account_id, self._connector.name, hold=hold)
        if grant is None or grant.state == REVOKED:
            if isinstance(self._connector.auth, NoSignIn) and grant is None:
                return None
            raise NotConnected(
                f"The account is not connected to {self._connector.title}.",
                hint=f"Connect it: engagerr platform connect {self._connector.name}",
                facts={"connector": self._connector.name, "account_id": str(self._account_id)},
            )
        if grant.state == LOST:
            raise self._lost(grant.lost_reason)
        return tokens_of(grant, self._vault)

    def _lost(self, reason: str | None = None) -> GrantLost:
        said = f": {reason}" if reason else ""
        return GrantLost(
            f"{self._connector.title} no longer accepts the sign-in{said}.",
            hint=f"Connect it again: engagerr platform connect {self._connector.name}",
            facts={"connector": self._connector.name, "account_id": str(self._account_id)},
        )


def _sent(tokens: Tokens | None) -> str | None:
    return None if tokens is None else tokens.account_token or tokens.access_token
