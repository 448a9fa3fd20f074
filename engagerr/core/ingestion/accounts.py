"""Whose file is it: from the names in a file to creators and accounts of the roster, made where the user said so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.ingestion.staging import without_nul
from engagerr.core.money import Money
from engagerr.core.roster.identity import AccountName, account_key, find_creator, provisional_handle
from engagerr.core.roster.roster import insert_rate

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.ingestion.staging import Staged, StagedAccount
    from engagerr.core.integrations.records import CreatorRecord


@dataclass(frozen=True, slots=True)
class Owner:
    """What the user said about whose file it is."""

    account: AccountName | None
    creator: str | None
    may_make_accounts: bool


class UnknownAccount(InvalidInput):
    """The file is of an account that nobody on the roster has, or does not say of which."""


class OtherCreator(Conflict):
    """The account belongs to another creator than the one named."""


class AccountBook:
    """Resolves the accounts of one staged file, inside the import's transaction."""

    def __init__(self, session: Session, *, tenant_id: UUID, owner: Owner, file_name: str) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._owner = owner
        self._file_name = file_name
        self._creators: dict[str, UUID] = {}
        if owner.creator is not None and _is_uuid(owner.creator):
            # `--creator` takes an id as well as a name.
            creator_id, name = find_creator(session, owner.creator)
            self._owner = replace(owner, creator=name)
            self._creators[name] = creator_id
        self.creators_new = 0
        self.accounts_new = 0
        self.creators_changed = 0
        self.notices: list[str] = []

    def describe_creators(self, records: Iterable[CreatorRecord], *, observed_at: Any) -> None:
        """Make or update the creators that the file describes, with rates and audience."""
        for record in records:
            if record.status == "prospect":
                creator_id = self._prospect_id(record)
            else:
                creator_id = self._creator_id(record.name, status=record.status)
            changed = self._session.execute(
                text(
                    """
                    UPDATE creators SET country = coalesce(:country, country),
                           languages = coalesce(:languages, languages),
                           topics = coalesce(:topics, topics), bio = coalesce(:bio, bio), updated_at = now()
                    WHERE id = :id AND (NOT :prospect OR status = 'prospect')
                      AND (country, languages, topics, bio) IS DISTINCT FROM
                      (coalesce(:country, country), coalesce(:languages, languages), coalesce(:topics, topics),
                       coalesce(:bio, bio))
                    """
                ),
                {
                    "id": creator_id, "prospect": record.status == "prospect", "country": record.country,
                    "bio": without_nul(record.bio),
                    "languages": None if record.languages is None else [without_nul(word) for word in record.languages],
                    "topics": None if record.topics is None else [without_nul(word) for word in record.topics],
                },
            )  # fmt: skip
            self.creators_changed += changed.rowcount
            for rate in record.rates:
                insert_rate(
                    self._session, self._tenant_id, creator_id, rate.deliverable, Money(rate.minor, rate.currency)
                )
            for share in record.audience:
                self._session.execute(
                    text(
                        "INSERT INTO audience_shares (tenant_id, creator_id, dimension, value, share, observed_at)"
                        " VALUES (:tenant_id, :creator_id, :dimension, :value, :share, :observed_at)"
                        " ON CONFLICT DO NOTHING"
                    ),
                    {
                        "tenant_id": self._tenant_id, "creator_id": creator_id, "dimension": share.dimension,
                        "value": share.value, "share": str(share.share),
                        "observed_at": share.observed_at or observed_at,
                    },
                )  # fmt: skip

    def resolve(self, staged: Staged) -> dict[int, UUID]:
        """{staged account number: account id}; raises for accounts that nobody has, naming all of them."""
        if self._owner.account is not None:
            self._check_given_account(staged)
        resolved: dict[int, UUID] = {}
        unknown: list[StagedAccount] = []
        loose = 0
        for account in staged.accounts.values():
            account_id, is_loose = self._resolve_one(account)
            if account_id is None:
                unknown.append(account)
            else:
                resolved[account.number] = account_id
                loose += is_loose
        if unknown:
            raise self._unknown(unknown)
        if loose:
            self.notices.append(
                f"{loose} account{'s have' if loose > 1 else ' has'} no creator yet; name one with "
                "engagerr creator add-account CREATOR PLATFORM:HANDLE."
            )
        return resolved

    def _resolve_one(self, staged: StagedAccount) -> tuple[UUID | None, bool]:
        """(account id or None if it cannot be made, whether it was made without a creator)."""
        handle, native_id = staged.handle, staged.native_id
        if self._owner.account is not None:
            # A feed's address is its identity, whatever the user calls it.
            if (
                native_id is None
                and handle
                and staged.platform == "podcast"
                and not self._is(self._owner.account, handle)
            ):
                native_id = handle
            handle = self._owner.account.handle
        creator = self._owner.creator or staged.creator
        creator_id = self._creator_id(creator) if creator else None
        if handle is None:
            return (None, False) if creator_id is None or creator is None else (
                self._only_account(staged.platform, creator_id, creator), False,
            )  # fmt: skip
        known = self._known(staged.platform, handle, native_id) or self._by_items(staged, creator_id)
        if known is not None:
            self._complete(known, handle, native_id, staged, creator_id, creator)
            return known.id, False
        if creator_id is None and not self._owner.may_make_accounts and self._owner.account is None:
            return None, False
        if creator_id is None and self._owner.account is not None and not self._owner.may_make_accounts:
            return None, False
        self.accounts_new += 1
        made: UUID = self._session.execute(
            text(
                "INSERT INTO accounts (tenant_id, creator_id, platform, handle, handle_key, native_id, name, url)"
                " VALUES (:tenant_id, :creator_id, :platform, :handle, :key, :native_id, :name, :url) RETURNING id"
            ),
            {
                "tenant_id": self._tenant_id, "creator_id": creator_id, "platform": staged.platform, "handle": handle,
                "key": account_key(handle), "native_id": native_id, "name": staged.name, "url": staged.url,
            },
        ).scalar_one()  # fmt: skip
        return made, creator_id is None

    def _known(self, platform: str, handle: str, native_id: str | None) -> Row[Any] | None:
        return self._session.execute(
            text(
                # A handle and a native id may each be all that a file knows of the account.
                """
                SELECT accounts.id, creator_id, handle, native_id, provisional, creators.name AS creator
                FROM accounts
                LEFT JOIN creators ON creators.tenant_id = accounts.tenant_id AND creators.id = creator_id
                WHERE accounts.tenant_id = engagerr_tenant() AND platform = :platform
                  AND (handle_key = :key OR native_id IN (:native_id, :handle))
                ORDER BY (handle_key = :key) DESC LIMIT 1
                """
            ),
            {"platform": platform, "key": account_key(handle), "native_id": native_id, "handle": handle},
        ).one_or_none()

    def _by_items(self, staged: StagedAccount, creator_id: UUID | None) -> Row[Any] | None:
        """An account whose real name we did not know: a stand-in, or one known by its native id or its handle only.

        It is recognised by its items, if all of the file's items that are known here are its; a stand-in also by its
        creator, if it is all that they have on the platform.
        """
        only_native = staged.handle is not None and staged.handle == staged.native_id
        return self._session.execute(
            text(
                """
                SELECT account.id, account.creator_id, handle, native_id, provisional, creators.name AS creator
                FROM accounts AS account
                LEFT JOIN creators ON creators.tenant_id = account.tenant_id AND creators.id = account.creator_id
                WHERE account.tenant_id = :tenant_id AND account.platform = :platform
                  AND (CAST(:creator_id AS uuid) IS NULL OR account.creator_id = :creator_id)
                  AND (provisional OR (:only_native AND native_id IS NULL) OR (NOT :has_native AND native_id = handle))
                  AND ((provisional AND account.creator_id = :creator_id
                        AND 1 = (SELECT count(*) FROM accounts AS theirs WHERE theirs.tenant_id = :tenant_id
                                   AND theirs.creator_id = :creator_id AND theirs.platform = :platform))
                       OR (account.id = ANY (
                             SELECT known.account_id FROM stage_items JOIN content_items AS known
                               ON known.tenant_id = :tenant_id AND known.platform = stage_items.platform
                              AND known.native_id = stage_items.native_id
                             WHERE stage_items.account = :number)
                           AND NOT EXISTS (
                             SELECT FROM stage_items JOIN content_items AS known
                               ON known.tenant_id = :tenant_id AND known.platform = stage_items.platform
                              AND known.native_id = stage_items.native_id
                             WHERE stage_items.account = :number AND known.account_id <> account.id)))
                ORDER BY provisional DESC, handle_key LIMIT 1
                """
            ),
            {
                "tenant_id": self._tenant_id, "platform": staged.platform, "creator_id": creator_id,
                "number": staged.number, "only_native": only_native, "has_native": staged.native_id is not None,
            },
        ).one_or_none()  # fmt: skip

    def _complete(
        self,
        known: Row[Any],
        handle: str,
        native_id: str | None,
        staged: StagedAccount,
        creator_id: UUID | None,
        creator: str | None,
    ) -> None:
        if creator_id is not None and known.creator_id not in (None, creator_id):
            raise OtherCreator(
                f"{staged.platform}:{known.handle} belongs to {known.creator}, not to {creator}.",
                hint="Leave --creator out, or check whose file this is.",
                facts={"account": f"{staged.platform}:{known.handle}", "creator": known.creator},
            )
        other = self._session.execute(
            text(
                "SELECT platform || ':' || handle FROM accounts WHERE tenant_id = :tenant_id AND platform = :platform"
                " AND native_id = :native_id AND id <> :id"
            ),
            {"tenant_id": self._tenant_id, "platform": staged.platform, "native_id": native_id, "id": known.id},
        ).scalar_one_or_none()
        if other is not None:
            raise OtherCreator(
                f"{self._file_name} says that {staged.platform}:{known.handle} and {other} are one account.",
                hint=f"Both stand on the roster. Import it with --account {other} to add it to that one.",
                facts={"accounts": [f"{staged.platform}:{known.handle}", other]},
            )
        # A handle that is only the native id gives way to the real handle, and a stand-in to any.
        better = handle != known.handle and (
            known.provisional or (known.handle == known.native_id and handle != known.native_id)
        )
        if known.provisional:
            self.notices.append(
                f"{staged.platform}:{known.handle} is known by its name now: {staged.platform}:{handle}."
            )
        self._session.execute(
            text(
                "UPDATE accounts SET creator_id = coalesce(creator_id, :creator_id), handle = :handle,"
                " handle_key = :key, native_id = coalesce(native_id, :native_id), name = coalesce(:name, name),"
                " url = coalesce(:url, url), provisional = false WHERE id = :id"
            ),
            {
                "creator_id": creator_id, "handle": handle if better else known.handle,
                "key": account_key(handle if better else known.handle), "id": known.id,
                "native_id": native_id,
                "name": staged.name, "url": staged.url,
            },
        )  # fmt: skip

    def _only_account(self, platform: str, creator_id: UUID, creator: str) -> UUID:
        """The creator's one account of the platform, for a file that names none; a stand-in is made if need be."""
        held = self._session.execute(
            text(
                "SELECT id, handle FROM accounts WHERE tenant_id = :tenant_id AND platform = :platform"
                " AND creator_id = :creator_id AND provisional = (NOT EXISTS ("
                "   SELECT FROM accounts AS named WHERE named.tenant_id = :tenant_id AND named.platform = :platform"
                "   AND named.creator_id = :creator_id AND NOT named.provisional))"
            ),
            {"tenant_id": self._tenant_id, "platform": platform, "creator_id": creator_id},
        ).all()
        if len(held) > 1:
            names = ", ".join(f"{platform}:{row.handle}" for row in held)
            raise UnknownAccount(
                f"{self._file_name} does not name its account, and {creator} has several on {platform}: {names}.",
                hint=f"Say which: --account {platform}:{held[0].handle}",
                facts={"accounts": [f"{platform}:{row.handle}" for row in held]},
            )
        if held:
            return UUID(str(held[0].id))
        handle = provisional_handle(creator)
        taken = self._session.execute(
            text("SELECT 1 FROM accounts WHERE tenant_id = :tenant_id AND platform = :platform AND handle_key = :key"),
            {"tenant_id": self._tenant_id, "platform": platform, "key": account_key(handle)},
        ).one_or_none()
        if taken:  # two names that read alike: Ann Lee and Ann-Lee
            handle = f"{handle.rstrip('?')}-{str(creator_id)[-4:]}?"
        self.accounts_new += 1
        self.notices.append(
            f"The file does not name its account: {platform}:{handle} stands in until its name is known."
        )
        made: UUID = self._session.execute(
            text(
                "INSERT INTO accounts (tenant_id, creator_id, platform, handle, handle_key, provisional)"
                " VALUES (:tenant_id, :creator_id, :platform, :handle, :key, true) RETURNING id"
            ),
            {
                "tenant_id": self._tenant_id, "creator_id": creator_id, "platform": platform, "handle": handle,
                "key": account_key(handle),
            },
        ).scalar_one()  # fmt: skip
        return made

    def _prospect_id(self, record: CreatorRecord) -> UUID:
        """The creator whom a list of strangers speaks of: whoever has one of the accounts, never who has but the name.

        A list gives names as the account shows them today, which neither stay nor tell two people apart.
        """
        name = record.name.strip()
        for account in record.accounts:
            known = self._known(account.platform, account.handle, account.native_id) if account.handle else None
            if known is not None and known.creator_id is not None:
                self._creators[name] = known.creator_id
                return UUID(str(known.creator_id))
        taken = self._session.execute(
            text("SELECT 1 FROM creators WHERE tenant_id = :tenant_id AND lower(name) = lower(:name)"),
            {"tenant_id": self._tenant_id, "name": name},
        ).one_or_none()
        handle = next((account.handle for account in record.accounts if account.handle), None)
        told_apart = name if taken is None or handle is None else f"{name} ({record.accounts[0].platform}:@{handle})"
        made = self._creators[name] = self._creator_id(told_apart, status=record.status)
        return made

    def _creator_id(self, name: str, *, status: str | None = None) -> UUID:
        """The creator of that name, made if missing. Letter case is the database's business: it keeps names unique."""
        name = name.strip()
        held = self._creators.get(name)
        while held is None:
            values = {"tenant_id": self._tenant_id, "name": name, "status": status}
            held = self._session.execute(
                text("SELECT id FROM creators WHERE tenant_id = :tenant_id AND lower(name) = lower(:name)"), values
            ).scalar_one_or_none()
            if held is None:
                held = self._session.execute(
                    text(
                        "INSERT INTO creators (tenant_id, name, status)"
                        " VALUES (:tenant_id, :name, coalesce(:status, 'active'))"
                        " ON CONFLICT DO NOTHING RETURNING id"
                    ),
                    values,
                ).scalar_one_or_none()
                self.creators_new += held is not None
        self._creators[name] = held
        return held

    def _check_given_account(self, staged: Staged) -> None:
        given = self._owner.account
        assert given is not None
        for account in staged.accounts.values():
            if account.platform != given.platform:
                raise InvalidInput(
                    f"{self._file_name} is of {account.platform}; {given} is not.",
                    hint=f"Name an account like --account {account.platform}:HANDLE.",
                )
            names_another = (
                account.handle is not None
                and not self._is(given, account.handle)
                and account.handle != account.native_id
                and account.platform != "podcast"
            )
            if names_another or len(staged.accounts) > 1:
                raise InvalidInput(
                    f"{self._file_name} says that it is of {account.platform}:{account.handle}, not of {given}.",
                    hint="Leave --account out, or check whose file this is.",
                    facts={"account": f"{account.platform}:{account.handle}", "given": str(given)},
                )

    def _unknown(self, accounts: list[StagedAccount]) -> UnknownAccount:
        nameless = [account for account in accounts if account.handle is None]
        if nameless and self._owner.account is None:
            return UnknownAccount(
                f"{self._file_name} does not say whose account it is.",
                hint=f"Add --account {nameless[0].platform}:HANDLE, or --creator NAME (made if missing).",
                facts={"platform": nameless[0].platform},
            )
        names = [str(self._owner.account)] if self._owner.account else [f"{a.platform}:{a.handle}" for a in accounts]
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        return UnknownAccount(
            f"{shown} {'is' if len(names) == 1 else 'are'} not on the roster.",
            hint="Say whose it is with --creator NAME (the creator is made if missing).",
            facts={"accounts": names},
        )

    @staticmethod
    def _is(name: AccountName, handle: str) -> bool:
        return account_key(name.handle) == account_key(handle)


def _is_uuid(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True
