"""Which accounts a sign-in opens, and which of the roster's they are: found, completed, or made where the user said
whose they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import InvalidInput
from engagerr.core.ingestion.accounts import OtherCreator, UnknownAccount
from engagerr.core.integrations.connector import Account, Connector, Identity, NoSignIn
from engagerr.core.integrations.faults import NotThere
from engagerr.core.integrations.records import AccountRecord
from engagerr.core.roster.identity import AccountName, account_key, find_creator
from engagerr.core.roster.roster import insert_creator

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.integrations.http import PlatformHttp
    from engagerr.core.integrations.tokens import Tokens


class SeveralAccounts(InvalidInput):
    """The sign-in opens several accounts, and nobody said which is meant."""


class NotThatAccount(InvalidInput):
    """The sign-in opens other accounts than the one named."""


def opened_by(
    http: PlatformHttp, connector: Connector, tokens: Tokens | None, named: AccountName | None
) -> tuple[Identity, ...]:
    """The accounts that a fresh grant opens, as the platform says. Raises what the platform's no means."""
    account = None if named is None else Account(named.platform, named.handle)
    token = None if tokens is None else tokens.access_token
    identities = connector.identify(http.ask(connector, account=account, token=lambda: token), account)
    if not identities:
        raise NotThere(
            f"{connector.title} shows no {named}." if named else f"That sign-in opens no account of {connector.title}.",
            hint="Check the name." if named else "Sign in as the account's owner, and allow what is asked for.",
            facts={"connector": connector.name, "account": str(named) if named else None},
        )
    return identities


def choose(
    session: Session, connector: Connector, identities: tuple[Identity, ...], named: AccountName | None
) -> Identity:
    """Step: the one that is meant: the one named, the only one, or the only one on the roster."""
    if named is not None:
        known = _known(session, named.platform, {account_key(named.handle)}, {named.handle})
        for identity in identities:
            record = identity.account
            names = {account_key(text) for text in (record.handle, record.native_id, record.url) if text}
            if account_key(named.handle) in names or (
                known and known.native_id and known.native_id == record.native_id
            ):
                return identity
        # A feed is its address, whatever it calls itself; and some platforms do not tell the handle.
        if isinstance(connector.auth, NoSignIn) or (len(identities) == 1 and identities[0].account.handle is None):
            return identities[0]
        names_of = _names(identities)
        raise NotThatAccount(
            f"That sign-in opens {', '.join(names_of)}, and not {named}.",
            hint="Sign in as that account, or leave --account out.",
            facts={"accounts": names_of, "account": str(named)},
        )
    if len(identities) == 1:
        return identities[0]
    on_roster = [identity for identity in identities if _of_roster(session, identity.account)]
    if len(on_roster) == 1:
        return on_roster[0]
    names_of = _names(identities)
    raise SeveralAccounts(
        f"That sign-in opens {len(identities)} accounts: {', '.join(names_of)}.",
        hint=f"Say which: --account {names_of[0]}",
        facts={"accounts": names_of},
    )


def account_for(
    session: Session,
    tenant_id: UUID,
    connector: Connector,
    identity: Identity,
    named: AccountName | None,
    creator: str | None,
) -> tuple[UUID, str]:
    """Step: (id, platform:handle) of the roster's account, completed with what the platform says, or made."""
    from sqlalchemy import text

    record = identity.account
    handle = record.handle or (named.handle if named else None) or record.native_id or record.name
    if named is not None and (isinstance(connector.auth, NoSignIn) or handle is None):
        handle = named.handle
    assert handle is not None, "an identity says who it is"
    keys = {account_key(handle)} | ({account_key(named.handle)} if named else set())
    ids = {text for text in (record.native_id, named.handle if named else None) if text}
    known = _known(session, connector.platform, keys, ids)
    whose = None if creator is None else _creator(session, tenant_id, creator)
    if known is None and whose is not None:
        known = _stand_in(session, connector.platform, whose[0])
    if known is None and whose is None:
        raise UnknownAccount(
            f"{connector.platform}:{handle} is not on the roster.",
            hint="Say whose it is with --creator NAME (the creator is made if missing).",
            facts={"accounts": [f"{connector.platform}:{handle}"]},
        )
    if known is not None and whose is not None and known.creator_id not in (None, whose[0]):
        raise OtherCreator(
            f"{connector.platform}:{known.handle} belongs to {known.creator}, not to {whose[1]}.",
            hint="Leave --creator out, or check whose account this is.",
            facts={"account": f"{connector.platform}:{known.handle}", "creator": known.creator},
        )
    values = {
        "tenant_id": tenant_id, "platform": connector.platform, "native_id": record.native_id, "name": record.name,
        "url": record.url, "creator_id": whose[0] if whose else None,
    }  # fmt: skip
    if known is None:
        made: UUID = session.execute(
            text(
                "INSERT INTO accounts (tenant_id, creator_id, platform, handle, handle_key, native_id, name, url)"
                " VALUES (:tenant_id, :creator_id, :platform, :handle, :key, :native_id, :name, :url) RETURNING id"
            ),
            {**values, "handle": handle, "key": account_key(handle)},
        ).scalar_one()
        return made, f"{connector.platform}:{handle}"
    # The platform's word is newer than ours only where ours was a stand-in or the bare id.
    better = known.provisional or (known.native_id is not None and known.handle == known.native_id)
    kept = handle if better else known.handle
    session.execute(
        text(
            "UPDATE accounts SET creator_id = coalesce(creator_id, :creator_id), handle = :handle, handle_key = :key,"
            " native_id = coalesce(native_id, :native_id), name = coalesce(:name, name), url = coalesce(:url, url),"
            " provisional = false WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {**values, "handle": kept, "key": account_key(kept), "id": known.id},
    )
    return known.id, f"{connector.platform}:{kept}"


def _of_roster(session: Session, record: AccountRecord) -> Any:
    keys = {account_key(record.handle)} if record.handle else set()
    return _known(session, record.platform, keys, {record.native_id} if record.native_id else set())


_COLUMNS = "accounts.id, creator_id, handle, native_id, provisional, creators.name AS creator"
_JOINED = (
    " FROM accounts LEFT JOIN creators ON creators.tenant_id = accounts.tenant_id AND creators.id = creator_id"
    " WHERE accounts.tenant_id = engagerr_tenant() AND platform = :platform"
)


def _known(session: Session, platform: str, keys: set[str], native_ids: set[str]) -> Any:
    """The roster's account: by the platform's id before the handle, which may be somebody else's by now."""
    from sqlalchemy import text

    return session.execute(
        text(
            f"SELECT {_COLUMNS}{_JOINED} AND (handle_key = ANY (:keys) OR native_id = ANY (:native_ids))"
            " ORDER BY (native_id = ANY (:native_ids)) DESC NULLS LAST LIMIT 1"
        ),
        {"platform": platform, "keys": sorted(keys), "native_ids": sorted(native_ids)},
    ).one_or_none()


def _stand_in(session: Session, platform: str, creator_id: UUID) -> Any:
    """The creator's account that a file without a name made: it is called by its name from now on."""
    from sqlalchemy import text

    return session.execute(
        text(f"SELECT {_COLUMNS}{_JOINED} AND creator_id = :creator_id AND provisional LIMIT 1"),
        {"platform": platform, "creator_id": creator_id},
    ).one_or_none()


def _creator(session: Session, tenant_id: UUID, name: str) -> tuple[UUID, str]:
    """The creator of that name or id; made if missing."""
    from sqlalchemy import text

    if not name.strip():
        raise InvalidInput("A creator needs a name.")
    row = session.execute(
        text(
            "SELECT id, name FROM creators WHERE tenant_id = :tenant_id"
            " AND (id::text = lower(:name) OR lower(name) = lower(:name))"
        ),
        {"tenant_id": tenant_id, "name": name.strip()},
    ).one_or_none()
    if row is not None:
        return row.id, row.name
    insert_creator(session, tenant_id, {"name": name.strip()})
    return find_creator(session, name.strip())


def _names(identities: tuple[Identity, ...]) -> list[str]:
    return [
        f"{identity.account.platform}:{identity.account.handle or identity.account.native_id or identity.account.name}"
        for identity in identities
    ]
