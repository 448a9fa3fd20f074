"""Connecting accounts to platforms: what can be connected, signing in, and letting go again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from engagerr.core.errors import EngagerrError, InvalidInput, NotFound
from engagerr.core.ingestion.connection_rows import ConnectionRow, ConnectorRow, connection_rows, connector_row
from engagerr.core.ingestion.opened_accounts import account_for, choose, opened_by
from engagerr.core.integrations.connector import AppToken, Connector, Identity, NoSignIn, OAuth2
from engagerr.core.integrations.grants import (
    REVOKED,
    Grant,
    app_of,
    erase_grant,
    grants_of,
    refuse_lost_keys,
    require_app,
    reseal_grants,
    store_grant,
    tokens_of,
)
from engagerr.core.integrations.oauth import (
    DeviceCode,
    PendingSignIn,
    app_tokens,
    await_device,
    begin,
    begin_device,
    code_in,
    redeem,
    revoke,
)
from engagerr.core.integrations.registry import connector_named
from engagerr.core.integrations.tokens import Tokens, checked_token
from engagerr.core.roster.identity import AccountName, account_key, parse_account
from engagerr.core.tenancy import Access, Permission
from engagerr.core.tenancy.vault import Vault

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.integrations.http import PlatformHttp
    from engagerr.core.integrations.tokens import App


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A connection that was ended. Here it is gone in any case; `at_platform` says whether it is there too."""

    account: str
    connector: str
    at_platform: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class KeysRotated:
    """`resealed` secrets were put under the key `key_id`, which stands in `place`."""

    resealed: int
    key_id: str
    place: str


@dataclass(frozen=True, slots=True)
class PendingDevice:
    """A sign-in with a code that a person types in on another device."""

    connector: str
    code: DeviceCode


class Reseal(Protocol):
    """A step that puts every secret of one kind under a new key of the vault; returns how many."""

    def __call__(self, session: Session, *, tenant_id: UUID, vault: Vault, key_id: str) -> int:
        """Reseal what is under another key."""
        ...


class Platforms:
    """The platforms of this workspace: connecting accounts, and what is connected.

    `also_sealed`: the steps of other features that keep secrets in the vault. A rotation of its key takes them along.
    """

    def __init__(
        self,
        access: Access,
        connectors: Mapping[str, Connector],
        http: PlatformHttp,
        *,
        also_sealed: Sequence[Reseal] = (),
    ) -> None:
        self._access = access
        self._also_sealed = also_sealed
        self._connectors = connectors
        self._http = http
        # A code is good for one use. Should the account not be clear then, the person need not sign in again.
        self._in_hand: dict[str, Tokens] = {}

    def list(self) -> tuple[ConnectorRow, ...]:
        """Every installed connector, by name."""
        self._access.require(Permission.READ)
        return tuple(connector_row(self._access.settings, connector) for connector in self._connectors.values())

    def show(self, connector: str) -> ConnectorRow:
        """One connector."""
        self._access.require(Permission.READ)
        return connector_row(self._access.settings, connector_named(self._connectors, connector))

    def connections(self) -> tuple[ConnectionRow, ...]:
        """Every account that is or was connected."""
        with self._access.transaction(Permission.READ) as session:
            return connection_rows(session, self._connectors)

    # ── connecting ─────────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, connector: str, *, redirect_uri: str) -> PendingSignIn:
        """Begin signing in with a browser: open the `url`, then `finish` with what came back to `redirect_uri`."""
        found, app = self._with_app(connector)
        return begin(found, app, redirect_uri=redirect_uri)

    def finish(
        self,
        pending: PendingSignIn,
        redirect_or_code: str,
        *,
        account: str | None = None,
        creator: str | None = None,
    ) -> ConnectionRow:
        """Connect the account that the sign-in opens: which one, where it opens several, and whose, where it is new.

        Raises `SeveralAccounts` and `UnknownAccount`, after which it can be called again with the answer.
        """
        connector, app = self._with_app(pending.connector)
        tokens = self._in_hand.get(pending.state)
        if tokens is None:
            code = code_in(pending, redirect_or_code, title=connector.title)
            tokens = self._in_hand[pending.state] = redeem(self._http, connector, app, pending, code)
        connection = self._connect(connector, tokens, account=account, creator=creator)
        del self._in_hand[pending.state]
        return connection

    def begin_device(self, connector: str) -> PendingDevice:
        """Begin signing in with a code: show it, then `connect_device`."""
        found, app = self._with_app(connector)
        return PendingDevice(found.name, begin_device(self._http, found, app))

    def connect_device(
        self,
        pending: PendingDevice,
        *,
        account: str | None = None,
        creator: str | None = None,
        waiting: Callable[[timedelta], None] | None = None,
    ) -> ConnectionRow:
        """Wait until the code was typed in, then connect like `finish`. `waiting` is told what time is left."""
        connector, app = self._with_app(pending.connector)
        tokens = self._in_hand.get(pending.code.device_code)
        if tokens is None:
            tokens = await_device(self._http, connector, app, pending.code, waiting=waiting)
            self._in_hand[pending.code.device_code] = tokens
        connection = self._connect(connector, tokens, account=account, creator=creator)
        del self._in_hand[pending.code.device_code]
        return connection

    def connect_token(
        self, connector: str, token: str, *, account: str | None = None, creator: str | None = None
    ) -> ConnectionRow:
        """Connect with an access token that was made elsewhere. It is used until the platform refuses it."""
        found = self._allowed(connector)
        if isinstance(found.auth, NoSignIn):
            raise InvalidInput(f"{found.title} needs no token.", hint="Leave --token-stdin out.")
        return self._connect(
            found, Tokens(access_token=checked_token(token, what="token")), account=account, creator=creator
        )

    def connect(self, connector: str, *, account: str, creator: str | None = None) -> ConnectionRow:
        """Connect an account that the platform shows to everybody, or to every app: `podcast:FEED`, `twitch:NAME`."""
        found = self._allowed(connector)
        if isinstance(found.auth, OAuth2):
            raise InvalidInput(
                f"{found.title} wants its account's owner to sign in.",
                hint=f"engagerr platform connect {found.name}",
                facts={"connector": found.name},
            )
        tokens = None
        if isinstance(found.auth, AppToken):
            tokens = app_tokens(self._http, found, require_app(self._access.settings, found))
        return self._connect(found, tokens, account=account, creator=creator)

    # ── letting go ─────────────────────────────────────────────────────────────────────────────────────────────────

    def disconnect(self, account: str, *, connector: str | None = None) -> tuple[Disconnected, ...]:
        """End an account's connections, at the platform and here. What was fetched stays.

        A platform that does not answer, or says no, keeps nothing here from being erased; the result says so.
        """
        name = parse_account(account)
        vault = Vault(self._access.settings, self._access.tenant.id)
        with self._access.transaction(Permission.CONNECT) as session:
            account_id, shown = _account_named(session, name)
            standing = [
                grant
                for grant in grants_of(session, account_id)
                if grant.state != REVOKED and connector in (None, grant.connector)
            ]
            if not standing:
                raise NotFound(
                    f"{shown} is not connected" + (f" with {connector}." if connector else "."),
                    hint="`engagerr platform connections` lists what is.",
                    facts={"account": shown, "connector": connector},
                )
            others = self._others(session, standing)
        ended = []
        for grant in standing:
            at_platform, reason = self._end_at_platform(grant, others, vault)
            with self._access.transaction(Permission.CONNECT) as session:
                erase_grant(
                    session, tenant_id=self._access.tenant.id, account_id=account_id, connector=grant.connector,
                    now=self._access.clock.now(),
                )  # fmt: skip
                self._access.audit(
                    session, "platform.disconnected", f"account:{account_id}", account=shown,
                    connector=grant.connector, at_platform=at_platform,
                )  # fmt: skip
            ended.append(Disconnected(shown, grant.connector, at_platform, reason))
        return tuple(ended)

    def rotate_keys(self) -> KeysRotated:
        """Put every secret under a new key of the vault. Broken off anywhere, all stays readable; then run it again."""
        access = self._access
        vault = Vault(access.settings, access.tenant.id)
        with access.transaction(Permission.CONNECT) as session:
            refuse_lost_keys(session, vault)
        with vault.rotation() as key_id, access.transaction(Permission.CONNECT) as session:
            resealed = reseal_grants(session, tenant_id=access.tenant.id, vault=vault, key_id=key_id)
            for reseal in self._also_sealed:
                resealed += reseal(session, tenant_id=access.tenant.id, vault=vault, key_id=key_id)
            access.audit(session, "vault.rotated", f"tenant:{access.tenant.id}", key_id=key_id, resealed=resealed)
        return KeysRotated(resealed, key_id, vault.place)

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _allowed(self, name: str) -> Connector:
        """The connector, if the member may connect: asked before anything goes to the platform."""
        with self._access.transaction(Permission.CONNECT):
            return connector_named(self._connectors, name)

    def _with_app(self, name: str) -> tuple[Connector, App]:
        connector = self._allowed(name)
        return connector, require_app(self._access.settings, connector)

    def _connect(
        self, connector: Connector, tokens: Tokens | None, *, account: str | None, creator: str | None
    ) -> ConnectionRow:
        """Ask which accounts the grant opens, then keep it with the one that is meant."""
        named = self._named(connector, account)
        identities = opened_by(self._http, connector, tokens, named)
        access, now = self._access, self._access.clock.now()
        with access.transaction(Permission.CONNECT) as session:
            identity = choose(session, connector, identities, named)
            account_id, shown = account_for(session, access.tenant.id, connector, identity, named, creator)
            if tokens is not None and identity.token is not None:
                tokens = _with_account_token(tokens, identity)
            store_grant(
                session, tenant_id=access.tenant.id, account_id=account_id, connector=connector, tokens=tokens,
                vault=Vault(access.settings, access.tenant.id), member_id=access.member.id, now=now,
            )  # fmt: skip
            access.audit(
                session, "platform.connected", f"account:{account_id}", account=shown, connector=connector.name,
                scopes=list(tokens.scopes) if tokens else [],
            )  # fmt: skip
            return next(
                row
                for row in connection_rows(session, self._connectors)
                if (row.account_id, row.connector) == (account_id, connector.name)
            )

    @staticmethod
    def _named(connector: Connector, account: str | None) -> AccountName | None:
        if account is None:
            if isinstance(connector.auth, OAuth2):
                return None
            raise InvalidInput(
                f"Say which account of {connector.title}.",
                hint=f"Add --account {connector.platform}:"
                + ("https://… (the address of the feed)" if isinstance(connector.auth, NoSignIn) else "HANDLE"),
            )
        name = parse_account(account)
        if name.platform != connector.platform:
            raise InvalidInput(
                f"{name} is not an account of {connector.title}.",
                hint=f"Name one like {connector.platform}:HANDLE.",
                facts={"account": str(name), "connector": connector.name},
            )
        return name

    def _others(self, session: Session, standing: Sequence[Grant]) -> tuple[Grant, ...]:
        """Further grants of the same connectors: one sign-in may have opened several accounts."""
        from sqlalchemy import text

        ids = session.execute(
            text(
                "SELECT DISTINCT account_id FROM platform_grants WHERE tenant_id = engagerr_tenant()"
                " AND connector = ANY (:connectors) AND account_id <> :account_id AND state = 'active'"
            ),
            {"connectors": [grant.connector for grant in standing], "account_id": standing[0].account_id},
        ).scalars()
        return tuple(grant for one in ids for grant in grants_of(session, one) if grant.sealed is not None)

    def _end_at_platform(self, grant: Grant, others: Sequence[Grant], vault: Vault) -> tuple[bool, str | None]:
        connector = self._connectors.get(grant.connector)
        if connector is None:
            return False, f"the connector {grant.connector} is not installed"
        if not isinstance(connector.auth, OAuth2) or grant.sealed is None:
            return False, None  # nothing was granted there
        try:
            tokens = tokens_of(grant, vault)
            assert tokens is not None
            if any(_same_sign_in(tokens, other, vault) for other in others if other.connector == grant.connector):
                return False, "another account was connected with the same sign-in and keeps it"
            ended = revoke(self._http, connector, app_of(self._access.settings, connector), tokens)
        except EngagerrError as error:
            return False, error.message
        return ended, None if ended else f"{connector.title} has no way to do so from here"


def _with_account_token(tokens: Tokens, identity: Identity) -> Tokens:
    from dataclasses import replace

    return replace(tokens, account_token=identity.token)


def _same_sign_in(tokens: Tokens, other: Grant, vault: Vault) -> bool:
    try:
        theirs = tokens_of(other, vault)
    except EngagerrError:
        return False
    return theirs is not None and (
        theirs.access_token == tokens.access_token
        or (tokens.refresh_token is not None and theirs.refresh_token == tokens.refresh_token)
    )


def _account_named(session: Session, name: AccountName) -> tuple[UUID, str]:
    from sqlalchemy import text

    row = session.execute(
        text(
            "SELECT id, platform || ':' || handle AS shown FROM accounts WHERE tenant_id = engagerr_tenant()"
            " AND platform = :platform AND (handle_key = :key OR native_id = :handle)"
            " ORDER BY handle_key = :key DESC LIMIT 1"
        ),
        {"platform": name.platform, "key": account_key(name.handle), "handle": name.handle},
    ).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no account {name} on the roster.",
            hint="`engagerr platform connections` lists what is connected.",
            facts={"account": str(name)},
        )
    return row.id, row.shown
