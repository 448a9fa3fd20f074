"""Verbs on creators, accounts, terms and rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.money import Money
from engagerr.core.roster.identity import account_key, find_creator, parse_account
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

STATUSES = ("prospect", "active", "paused", "former")


@dataclass(frozen=True, slots=True)
class CreatorRow:
    """One creator in a list. `items` counts content items over all accounts."""

    id: UUID
    name: str
    country: str | None
    languages: tuple[str, ...]
    topics: tuple[str, ...]
    status: str
    agent: str | None
    do_not_pitch: bool
    accounts: tuple[str, ...]
    items: int


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A platform account. `provisional` means that no file has named it yet."""

    id: UUID
    platform: str
    handle: str
    native_id: str | None
    name: str | None
    url: str | None
    provisional: bool
    creator: str | None
    items: int


@dataclass(frozen=True, slots=True)
class TermsRow:
    """Representation terms: commission as a share (0.15), valid from `since` up to and including `until`."""

    id: UUID
    commission_rate: Decimal
    exclusive: bool
    since: date | None
    until: date | None
    note: str | None


@dataclass(frozen=True, slots=True)
class RateRow:
    """What a creator asks for a deliverable."""

    deliverable: str
    amount: Money
    quoted_at: datetime


@dataclass(frozen=True, slots=True)
class AudienceRow:
    """A share (0 to 1) of the audience: of the creator's as a whole, or of one `account`'s (`platform:handle`)."""

    dimension: str
    value: str
    share: Decimal
    observed_at: datetime
    account: str | None = None


@dataclass(frozen=True, slots=True)
class CreatorPage:
    """Everything that the roster knows of one creator. `terms` and `rates` are None where the role may not see them."""

    id: UUID
    name: str
    country: str | None
    languages: tuple[str, ...]
    topics: tuple[str, ...]
    bio: str | None
    status: str
    agent: str | None
    do_not_pitch: bool
    do_not_pitch_reason: str | None
    accounts: tuple[AccountRow, ...]
    terms: tuple[TermsRow, ...] | None
    rates: tuple[RateRow, ...] | None
    audience: tuple[AudienceRow, ...]


_CREATOR_FIELDS = (
    "name", "country", "languages", "topics", "bio", "status", "agent", "do_not_pitch", "do_not_pitch_reason",
)  # fmt: skip


class Roster:
    """The creators whom this workspace represents or watches."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def add(
        self,
        name: str,
        *,
        country: str | None = None,
        languages: Sequence[str] = (),
        topics: Sequence[str] = (),
        bio: str | None = None,
        status: str = "active",
        agent: str | None = None,
    ) -> CreatorPage:
        """Add a creator. `country` is ISO 3166 (DE), `languages` are ISO 639 (de)."""
        from sqlalchemy.exc import IntegrityError

        values = _checked(
            {
                "name": name, "country": country, "languages": list(languages), "topics": list(topics), "bio": bio,
                "status": status, "agent": agent,
            }
        )  # fmt: skip
        with self._access.transaction(Permission.EDIT_ROSTER) as session:
            try:
                creator_id = insert_creator(session, self._access.tenant.id, values)
            except IntegrityError as error:
                raise Conflict(
                    f"{values['name']} is on the roster already.",
                    hint=f'See engagerr creator show "{values["name"]}".',
                    facts={"creator": values["name"]},
                ) from error
            self._access.audit(session, "creator.added", f"creator:{creator_id}", name=values["name"])
            return self._page(session, creator_id)

    def edit(self, creator: str, **changes: Any) -> CreatorPage:
        """Change fields of a creator: those of `add`, and do_not_pitch with do_not_pitch_reason."""
        from sqlalchemy import text
        from sqlalchemy.exc import IntegrityError

        unknown = set(changes) - set(_CREATOR_FIELDS)
        if unknown:
            raise InvalidInput(
                f"A creator has no field {', '.join(sorted(unknown))}.", hint=f"Fields: {', '.join(_CREATOR_FIELDS)}."
            )
        empty = [
            field
            for field in ("name", "languages", "topics", "status", "do_not_pitch")
            if changes.get(field, 0) is None
        ]
        if empty:
            raise InvalidInput(f"{empty[0]} cannot be empty.", hint="Leave it out to keep it as it is.")
        values = _checked(changes)
        with self._access.transaction(Permission.EDIT_ROSTER) as session:
            creator_id, _ = find_creator(session, creator)
            if values:
                # Column names come from the fixed list above, values are bound.
                assignments = ", ".join(f"{field} = :{field}" for field in values)
                try:
                    session.execute(
                        text(f"UPDATE creators SET {assignments}, updated_at = now() WHERE id = :id"),  # noqa: S608
                        {**values, "id": creator_id},
                    )
                except IntegrityError as error:
                    raise Conflict(
                        f"Somebody else on the roster is called {values.get('name')}.", hint="Choose another name."
                    ) from error
                self._access.audit(session, "creator.edited", f"creator:{creator_id}", **values)
            return self._page(session, creator_id)

    def list(self, *, status: str | None = None, topic: str | None = None) -> tuple[CreatorRow, ...]:
        """The roster by name."""
        from sqlalchemy import text

        with self._access.transaction(Permission.READ) as session:
            rows = session.execute(
                text(
                    """
                    SELECT creators.id, creators.name, country, languages, topics, status, agent, do_not_pitch,
                           coalesce(held.accounts, '{}') AS accounts, coalesce(held.items, 0) AS items
                    FROM creators LEFT JOIN (
                      SELECT creator_id, array_agg(platform || ':' || handle ORDER BY platform, handle) AS accounts,
                             sum((SELECT count(*) FROM content_items WHERE content_items.tenant_id = accounts.tenant_id
                                   AND content_items.account_id = accounts.id)) AS items
                      FROM accounts GROUP BY creator_id) AS held ON held.creator_id = creators.id
                    WHERE (CAST(:status AS text) IS NULL OR status = :status)
                      AND (CAST(:topic AS text) IS NULL OR :topic = ANY (topics))
                    ORDER BY lower(creators.name), creators.id
                    """
                ),
                {"status": status, "topic": topic},
            )
            return tuple(
                CreatorRow(
                    row.id, row.name, row.country, tuple(row.languages), tuple(row.topics), row.status, row.agent,
                    row.do_not_pitch, tuple(row.accounts), int(row.items),
                )
                for row in rows
            )  # fmt: skip

    def show(self, creator: str) -> CreatorPage:
        """Everything about one creator, by id or exact name."""
        with self._access.transaction(Permission.READ) as session:
            creator_id, _ = find_creator(session, creator)
            return self._page(session, creator_id)

    def add_account(
        self, creator: str, account: str, *, native_id: str | None = None, url: str | None = None
    ) -> AccountRow:
        """Give a creator a platform account (`platform:handle`). An account belongs to one creator."""
        from sqlalchemy import text
        from sqlalchemy.exc import IntegrityError

        name = parse_account(account)
        with self._access.transaction(Permission.EDIT_ROSTER) as session:
            creator_id, creator_name = find_creator(session, creator)
            held = session.execute(
                text(
                    "SELECT accounts.id, accounts.creator_id, creators.name AS creator FROM accounts"
                    " LEFT JOIN creators ON creators.tenant_id = accounts.tenant_id AND creators.id = creator_id"
                    " WHERE accounts.platform = :platform AND handle_key = :key"
                ),
                {"platform": name.platform, "key": account_key(name.handle)},
            ).one_or_none()
            if held is not None and held.creator_id not in (None, creator_id):
                raise Conflict(
                    f"{name} belongs to {held.creator}.",
                    hint="An account belongs to one creator. Check the handle, or rename it there first.",
                    facts={"account": str(name), "creator": held.creator},
                )
            held = (
                held
                or session.execute(
                    # The stand-in that a file without a name made is now called by its name.
                    text(
                        "SELECT id, creator_id, NULL AS creator FROM accounts"
                        " WHERE platform = :platform AND creator_id = :creator_id AND provisional"
                    ),
                    {"platform": name.platform, "creator_id": creator_id},
                ).one_or_none()
            )
            values = {
                "tenant_id": self._access.tenant.id, "creator_id": creator_id, "platform": name.platform,
                "handle": name.handle, "key": account_key(name.handle), "native_id": native_id, "url": url,
            }  # fmt: skip
            statement = (
                "INSERT INTO accounts (tenant_id, creator_id, platform, handle, handle_key, native_id, url)"
                " VALUES (:tenant_id, :creator_id, :platform, :handle, :key, :native_id, :url) RETURNING id"
            )
            if held is not None:
                values["id"] = held.id
                statement = (
                    "UPDATE accounts SET handle = :handle, handle_key = :key, provisional = false,"
                    " creator_id = :creator_id, native_id = coalesce(:native_id, native_id), url = coalesce(:url, url)"
                    " WHERE id = :id RETURNING id"
                )
            try:
                account_id = session.execute(text(statement), values).scalar_one()
            except IntegrityError as error:
                raise Conflict(
                    f"Another {name.platform} account on the roster has the id {native_id} already.",
                    hint="`engagerr account list` shows them all. Check the id, or leave it out.",
                    facts={"account": str(name), "native_id": native_id},
                ) from error
            self._access.audit(
                session, "account.added", f"account:{account_id}", account=str(name), creator=creator_name
            )
            return next(row for row in _accounts(session, creator_id) if row.id == account_id)

    def accounts(self) -> tuple[AccountRow, ...]:
        """Every platform account of the workspace, by platform and handle."""
        with self._access.transaction(Permission.READ) as session:
            return _accounts(session, None)

    def set_terms(
        self,
        creator: str,
        *,
        commission_rate: Decimal,
        exclusive: bool,
        since: date | None = None,
        until: date | None = None,
        note: str | None = None,
    ) -> TermsRow:
        """Represent a creator for a time. Two terms of one creator may not overlap (an exclusion constraint)."""
        from sqlalchemy import text
        from sqlalchemy.exc import IntegrityError

        if not (
            commission_rate.is_finite() and 0 <= commission_rate < 1 and commission_rate == round(commission_rate, 5)
        ):
            raise InvalidInput(
                f"{commission_rate} is no commission rate.",
                hint="A share between 0 and 1 with up to five decimals: 0.15 is fifteen per cent.",
            )
        if since and until and until < since:
            raise InvalidInput(f"The terms would end on {until}, before they begin on {since}.", hint="Swap the dates.")
        with self._access.transaction(Permission.EDIT_TERMS) as session:
            creator_id, name = find_creator(session, creator)
            try:
                row = session.execute(
                    text(
                        "INSERT INTO representation_terms"
                        " (tenant_id, creator_id, commission_rate, exclusive, valid, note)"
                        " VALUES (:tenant_id, :creator_id, :rate, :exclusive, daterange(:since, :until, '[]'), :note)"
                        " RETURNING id"
                    ),
                    {
                        "tenant_id": self._access.tenant.id, "creator_id": creator_id, "rate": commission_rate,
                        "exclusive": exclusive, "since": since, "until": until, "note": note,
                    },
                ).one()  # fmt: skip
            except IntegrityError as error:
                raise Conflict(
                    f"{name} has terms for part of that time already.",
                    hint=f'See engagerr creator show "{name}"; end the older terms first (engagerr creator end-terms).',
                    facts={"creator": name},
                ) from error
            self._access.audit(
                session, "terms.set", f"creator:{creator_id}", commission_rate=str(commission_rate),
                exclusive=exclusive, since=since, until=until,
            )  # fmt: skip
            return next(terms for terms in _terms(session, creator_id) if terms.id == row.id)

    def end_terms(self, creator: str, *, on: date) -> TermsRow:
        """End the terms that stand on that day, with that day as their last."""
        from sqlalchemy import text

        with self._access.transaction(Permission.EDIT_TERMS) as session:
            creator_id, name = find_creator(session, creator)
            ended = session.execute(
                text(
                    "UPDATE representation_terms SET valid = daterange(lower(valid), :on, '[]')"
                    " WHERE creator_id = :creator_id AND valid @> CAST(:on AS date) RETURNING id"
                ),
                {"creator_id": creator_id, "on": on},
            ).scalar_one_or_none()
            if ended is None:
                raise InvalidInput(f"{name} has no terms on {on}.", hint=f'See engagerr creator show "{name}".')
            self._access.audit(session, "terms.ended", f"creator:{creator_id}", on=on)
            return next(terms for terms in _terms(session, creator_id) if terms.id == ended)

    def set_rate(self, creator: str, *, deliverable: str, amount: Money) -> RateRow:
        """Quote a rate for a deliverable. Older quotes stay as history; the newest stands."""
        deliverable = deliverable.strip()
        deliverable = deliverable.strip()
        with self._access.transaction(Permission.EDIT_TERMS) as session:
            creator_id, _ = find_creator(session, creator)
            insert_rate(session, self._access.tenant.id, creator_id, deliverable, amount)
            self._access.audit(
                session, "rate.set", f"creator:{creator_id}", deliverable=deliverable, amount=str(amount)
            )
            return next(
                rate
                for rate in _rates(session, creator_id)
                if (rate.deliverable, rate.amount.currency) == (deliverable, amount.currency)
            )

    def _page(self, session: Session, creator_id: UUID) -> CreatorPage:
        from sqlalchemy import text

        row = session.execute(
            text(
                "SELECT id, name, country, languages, topics, bio, status, agent, do_not_pitch, do_not_pitch_reason"
                " FROM creators WHERE id = :id"
            ),
            {"id": creator_id},
        ).one()
        sees_terms = self._access.allows(session, Permission.READ_TERMS)
        audience = session.execute(
            text(
                """
                (SELECT DISTINCT ON (dimension, value) dimension, value, share, observed_at, NULL AS account
                 FROM audience_shares WHERE creator_id = :id ORDER BY dimension, value, observed_at DESC)
                UNION ALL
                (SELECT DISTINCT ON (account_id, dimension, value) dimension, value, share, observed_at,
                        platform || ':' || handle
                 FROM account_audience_shares AS shares
                 JOIN accounts ON accounts.tenant_id = shares.tenant_id AND accounts.id = account_id
                 WHERE accounts.creator_id = :id ORDER BY account_id, dimension, value, observed_at DESC)
                ORDER BY account NULLS FIRST, dimension, share DESC, value
                """
            ),
            {"id": creator_id},
        )
        return CreatorPage(
            id=row.id,
            name=row.name,
            country=row.country,
            languages=tuple(row.languages),
            topics=tuple(row.topics),
            bio=row.bio,
            status=row.status,
            agent=row.agent,
            do_not_pitch=row.do_not_pitch,
            do_not_pitch_reason=row.do_not_pitch_reason,
            accounts=_accounts(session, creator_id),
            terms=_terms(session, creator_id) if sees_terms else None,
            rates=_rates(session, creator_id) if sees_terms else None,
            audience=tuple(AudienceRow(*share) for share in audience),
        )


def insert_creator(session: Session, tenant_id: UUID, values: dict[str, Any]) -> UUID:
    """Step: one creator row; raises the driver's IntegrityError when the name is taken."""
    from sqlalchemy import text

    row = {
        "country": None, "languages": [], "topics": [], "bio": None, "status": "active", "agent": None, **values,
        "tenant_id": tenant_id,
    }  # fmt: skip
    creator_id: UUID = session.execute(
        text(
            "INSERT INTO creators (tenant_id, name, country, languages, topics, bio, status, agent)"
            " VALUES (:tenant_id, :name, :country, :languages, :topics, :bio, :status, :agent) RETURNING id"
        ),
        row,
    ).scalar_one()
    return creator_id


def insert_rate(session: Session, tenant_id: UUID, creator_id: UUID, deliverable: str, amount: Money) -> bool:
    """Step: a rate, unless the one that stands says the same. True if a row was written."""
    from sqlalchemy import text

    if not deliverable.strip() or amount.minor < 0:
        raise InvalidInput("A rate needs a deliverable and an amount of zero or more.")
    written = session.execute(
        text(
            """
            INSERT INTO rates (tenant_id, creator_id, deliverable, minor, currency, quoted_at)
            SELECT :tenant_id, :creator_id, :deliverable, :minor, :currency, clock_timestamp()
            WHERE CAST(:minor AS bigint) IS DISTINCT FROM (
              SELECT minor FROM rates
              WHERE tenant_id = :tenant_id AND creator_id = :creator_id AND deliverable = :deliverable
                AND currency = :currency
              ORDER BY quoted_at DESC, id DESC LIMIT 1)
            """
        ),
        {
            "tenant_id": tenant_id, "creator_id": creator_id, "deliverable": deliverable.strip(),
            "minor": amount.minor, "currency": amount.currency,
        },
    )  # fmt: skip
    return bool(written.rowcount)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    checked = dict(values)
    if "name" in checked:
        checked["name"] = str(checked["name"]).strip()
        if not checked["name"]:
            raise InvalidInput("A creator needs a name.")
    country = checked.get("country")
    if country is not None:
        checked["country"] = country.strip().upper()
        if not (len(checked["country"]) == 2 and checked["country"].isascii() and checked["country"].isalpha()):
            raise InvalidInput(f"{country!r} is no country code.", hint="Two letters of ISO 3166, such as DE.")
    for field in ("languages", "topics"):
        if field in checked:
            words = [word.strip().lower() for word in checked[field] if word.strip()]
            checked[field] = list(dict.fromkeys(words))
    if "status" in checked and checked["status"] not in STATUSES:
        raise InvalidInput(f"{checked['status']!r} is no status.", hint=f"One of: {', '.join(STATUSES)}.")
    return checked


def _accounts(session: Session, creator_id: UUID | None) -> tuple[AccountRow, ...]:
    from sqlalchemy import text

    rows = session.execute(
        text(
            "SELECT accounts.id, platform, handle, native_id, accounts.name, url, provisional, creators.name,"
            " (SELECT count(*) FROM content_items WHERE content_items.tenant_id = accounts.tenant_id"
            "   AND content_items.account_id = accounts.id)"
            " FROM accounts LEFT JOIN creators ON creators.tenant_id = accounts.tenant_id AND creators.id = creator_id"
            " WHERE (CAST(:creator_id AS uuid) IS NULL OR creator_id = :creator_id) ORDER BY platform, handle_key"
        ),
        {"creator_id": creator_id},
    )
    return tuple(AccountRow(*row) for row in rows)


def _terms(session: Session, creator_id: UUID) -> tuple[TermsRow, ...]:
    from sqlalchemy import text

    rows = session.execute(
        text(
            "SELECT id, commission_rate, exclusive, lower(valid) AS since, upper(valid) - 1 AS until, note"
            " FROM representation_terms WHERE creator_id = :id ORDER BY lower(valid) NULLS FIRST, id"
        ),
        {"id": creator_id},
    )
    return tuple(TermsRow(*row) for row in rows)


def _rates(session: Session, creator_id: UUID) -> tuple[RateRow, ...]:
    from sqlalchemy import text

    rows = session.execute(
        text(
            "SELECT DISTINCT ON (deliverable, currency) deliverable, minor, currency, quoted_at FROM rates"
            " WHERE creator_id = :id ORDER BY deliverable, currency, quoted_at DESC, id DESC"
        ),
        {"id": creator_id},
    )
    return tuple(RateRow(row.deliverable, Money(row.minor, row.currency), row.quoted_at) for row in rows)
