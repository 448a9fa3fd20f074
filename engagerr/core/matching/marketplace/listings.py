"""Verbs on the listings of this workspace: what of a creator others may see, chosen, dated and numbered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, NotFound
from engagerr.core.matching.marketplace.choosing import made_choice
from engagerr.core.matching.marketplace.snapshot import (
    SHOWABLE,
    Choice,
    ListingSnapshot,
    columns_of,
    document_of,
    snapshot_from,
    snapshot_of,
)
from engagerr.core.matching.profile_words import configurations, folded
from engagerr.core.matching.profiles import Profiles, stale_creators
from engagerr.core.money import Money
from engagerr.core.roster.identity import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class ListingRow:
    """One listing of this workspace in a list. `version` 0 and no day: it was never published."""

    id: UUID
    creator: str
    state: str
    version: int
    published_at: datetime | None
    headline: str | None


@dataclass(frozen=True, slots=True)
class ListingVersion:
    """One version of a listing: what was shown, exactly, from `published_at` on."""

    version: int
    published_at: datetime
    shown: ListingSnapshot


@dataclass(frozen=True, slots=True)
class ListingPage:
    """A listing with all that it ever showed, the newest version first. Others see the newest while it is published."""

    id: UUID
    creator_id: UUID
    creator: str
    state: str
    version: int
    versions: tuple[ListingVersion, ...]


@dataclass(frozen=True, slots=True)
class ListingPreview:
    """What others would see. `refused` says why it cannot be published as it stands, None if it can."""

    creator_id: UUID
    creator: str
    next_version: int
    shown: ListingSnapshot
    refused: str | None


class NotToBePitched(Conflict):
    """The creator is marked as one whom nobody may pitch."""

    def __init__(self, creator: str) -> None:
        super().__init__(
            f"{creator} is not to be pitched, so there is no listing of them.",
            hint=f'`engagerr creator show "{creator}"` says why; take the mark away first if it no longer holds.',
            facts={"creator": creator},
        )


class Listings:
    """What this workspace publishes: one listing a creator, shown as a snapshot until the next one is published."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def preview(
        self,
        creator: str,
        *,
        fields: Sequence[str] | None = None,
        headline: str | None = None,
        about: str | None = None,
        rates: Mapping[str, Money] | None = None,
        meaning: bool | None = None,
    ) -> ListingPreview:
        """Exactly what `publish` with the same words would show to others; nothing is published."""
        bring_up_to_date(self._access, creator, Permission.TRADE)
        with self._access.transaction(Permission.TRADE) as session:
            creator_id, name = find_creator(session, creator)
            held = self._held(session, creator_id)
            choice = made_choice(
                session, self._access.tenant.id, creator_id, held, fields=fields, headline=headline, about=about,
                rates=rates, meaning=meaning,
            )  # fmt: skip
            profile = self._profile(session, creator_id)
            refused = NotToBePitched(name).message if profile["do_not_pitch"] else None
            next_version = 1 if held is None else int(held["version"]) + 1
            return ListingPreview(creator_id, name, next_version, snapshot_of(profile, choice), refused)

    def publish(
        self,
        creator: str,
        *,
        fields: Sequence[str] | None = None,
        headline: str | None = None,
        about: str | None = None,
        rates: Mapping[str, Money] | None = None,
        meaning: bool | None = None,
    ) -> ListingPage:
        """Show a creator to other workspaces: a new version, with the figures as they stand now.

        `fields` are groups or single figures (`snapshot.GROUPS`), at first the identity and the reach. `rates` are
        amounts by deliverable, stated here and never taken from the rate card. `meaning`: searches by meaning may find
        it. What is None stays as it was in the version before; an empty value takes it away.
        Raises `NotToBePitched` (a `Conflict`) and `InvalidInput` for words that must not be shown.
        """
        bring_up_to_date(self._access, creator, Permission.TRADE)
        now = self._access.clock.now()
        with self._access.transaction(Permission.TRADE) as session:
            creator_id, name = find_creator(session, creator)
            if self._hold_still(session, creator_id):
                raise NotToBePitched(name)
            choice = made_choice(
                session, self._access.tenant.id, creator_id, self._held(session, creator_id), fields=fields,
                headline=headline, about=about, rates=rates, meaning=meaning,
            )  # fmt: skip
            snapshot = snapshot_of(self._profile(session, creator_id), choice)
            listing_id, version = session.execute(
                text(
                    "INSERT INTO listings (tenant_id, creator_id, version, state, created_at, updated_at)"
                    " VALUES (:tenant_id, :creator_id, 1, 'published', :now, :now)"
                    " ON CONFLICT (tenant_id, creator_id) DO UPDATE"
                    " SET version = listings.version + 1, state = 'published', updated_at = EXCLUDED.updated_at"
                    " RETURNING id, version"
                ),
                {"tenant_id": self._access.tenant.id, "creator_id": creator_id, "now": now},
            ).one()
            self._keep(session, listing_id, version, choice, snapshot, now)
            self._show(session, listing_id, creator_id, version, choice, snapshot, now)
            self._access.audit(
                session, "listing.published", f"listing:{listing_id}", creator=name, version=version,
                figures=choice.figures, rates={deliverable: str(money) for deliverable, money in choice.rates.items()},
                meaning=choice.meaning,
            )  # fmt: skip
            return self._page(session, listing_id)

    def withdraw(self, creator: str) -> ListingPage:
        """Take a listing away, and with it the applications that stand open in its name. Its versions stay with you."""
        with self._access.transaction(Permission.TRADE) as session:
            listing = self._find(session, creator)
            key = {"tenant_id": self._access.tenant.id, "id": listing["id"], "now": self._access.clock.now()}
            if listing["state"] == "published":
                for statement in (
                    "UPDATE listings SET state = 'withdrawn', updated_at = :now"
                    " WHERE tenant_id = :tenant_id AND id = :id",
                    "UPDATE market_listings SET shown = false WHERE tenant_id = :tenant_id AND listing_id = :id",
                    "UPDATE market_approaches SET state = 'withdrawn', answered_at = :now WHERE tenant_id = :tenant_id"
                    " AND kind = 'application' AND listing_id = :id AND state = 'sent'",
                ):
                    session.execute(text(statement), key)
                self._access.audit(session, "listing.withdrawn", f"listing:{listing['id']}", creator=listing["creator"])
            return self._page(session, listing["id"])

    def list(self) -> tuple[ListingRow, ...]:
        """All listings of this workspace by the name of the creator."""
        with self._access.transaction(Permission.READ) as session:
            rows = session.execute(
                text(
                    """
                    SELECT listing.id, creator.name AS creator, listing.state, listing.version, version.published_at,
                           version.snapshot #>> '{shown,headline}' AS headline
                    FROM listings AS listing
                    JOIN creators AS creator
                      ON creator.tenant_id = listing.tenant_id AND creator.id = listing.creator_id
                    LEFT JOIN listing_versions AS version ON version.tenant_id = listing.tenant_id
                      AND version.listing_id = listing.id AND version.version = listing.version
                    WHERE listing.tenant_id = :tenant_id ORDER BY lower(creator.name), listing.id
                    """
                ),
                {"tenant_id": self._access.tenant.id},
            )
            return tuple(ListingRow(**row._mapping) for row in rows)

    def show(self, creator: str) -> ListingPage:
        """A listing of this workspace with all of its versions, by the creator's name, or by its own id."""
        with self._access.transaction(Permission.READ) as session:
            return self._page(session, self._find(session, creator)["id"])

    def _hold_still(self, session: Session, creator_id: UUID) -> bool:
        """Whether nobody may pitch the creator; it cannot change until this transaction ends."""
        return bool(
            session.execute(
                text("SELECT do_not_pitch FROM creators WHERE tenant_id = :tenant_id AND id = :id FOR SHARE"),
                {"tenant_id": self._access.tenant.id, "id": creator_id},
            ).scalar_one()
        )

    def _profile(self, session: Session, creator_id: UUID) -> dict[str, Any]:
        """The chosen-from columns: the figures of the profile, if one was made, under the roster's own words.

        Only these columns are read: nothing that is not to be shown comes this far.
        """
        figures = [name for name in SHOWABLE if name not in ("country", "languages", "topics", "platforms")]
        columns = ", ".join(f"profile.{name}" for name in [*figures, "missing", "figures_as_of"])
        row = session.execute(
            text(
                f"""
                SELECT creator.do_not_pitch, creator.name, creator.country, creator.languages, creator.topics,
                       ARRAY(SELECT DISTINCT platform FROM accounts WHERE accounts.tenant_id = creator.tenant_id
                             AND accounts.creator_id = creator.id ORDER BY 1) AS platforms, {columns}
                FROM creators AS creator LEFT JOIN creator_profiles AS profile
                  ON profile.tenant_id = creator.tenant_id AND profile.creator_id = creator.id
                WHERE creator.tenant_id = :tenant_id AND creator.id = :creator_id
                """  # noqa: S608  columns of a fixed list
            ),
            {"tenant_id": self._access.tenant.id, "creator_id": creator_id},
        ).one()
        return dict(row._mapping)

    def _held(self, session: Session, creator_id: UUID) -> Mapping[str, Any] | None:
        """The listing of a creator with its newest version, None if there is none."""
        row = session.execute(
            text(
                """
                SELECT listing.id, listing.version, listing.state, version.snapshot FROM listings AS listing
                LEFT JOIN listing_versions AS version ON version.tenant_id = listing.tenant_id
                  AND version.listing_id = listing.id AND version.version = listing.version
                WHERE listing.tenant_id = :tenant_id AND listing.creator_id = :creator_id
                """
            ),
            {"tenant_id": self._access.tenant.id, "creator_id": creator_id},
        ).one_or_none()
        return None if row is None else dict(row._mapping)

    def _find(self, session: Session, creator: str) -> Mapping[str, Any]:
        row = session.execute(
            text(
                """
                SELECT listing.id, listing.state, creator.name AS creator FROM listings AS listing
                JOIN creators AS creator ON creator.tenant_id = listing.tenant_id AND creator.id = listing.creator_id
                WHERE listing.tenant_id = :tenant_id AND (lower(creator.name) = lower(:name)
                  OR listing.id::text = lower(:name) OR creator.id::text = lower(:name))
                """
            ),
            {"tenant_id": self._access.tenant.id, "name": creator.strip()},
        ).one_or_none()
        if row is None:
            raise NotFound(
                f"There is no listing of {creator!r} in this workspace.",
                hint=f'Publish one: engagerr listing publish "{creator.strip()}"',
                facts={"listing": creator},
            )
        return dict(row._mapping)

    def _keep(
        self, session: Session, listing_id: UUID, version: int, choice: Choice, snapshot: ListingSnapshot, now: datetime
    ) -> None:
        document = {"figures": choice.figures, "meaning": choice.meaning, "shown": document_of(snapshot)}
        session.execute(
            text(
                "INSERT INTO listing_versions (tenant_id, listing_id, version, snapshot, member_id, published_at)"
                " VALUES (:tenant_id, :listing_id, :version, CAST(:snapshot AS jsonb), :member_id, :now)"
            ),
            {
                "tenant_id": self._access.tenant.id, "listing_id": listing_id, "version": version,
                "snapshot": json.dumps(document, ensure_ascii=False), "member_id": self._access.member.id, "now": now,
            },
        )  # fmt: skip

    def _show(
        self,
        session: Session,
        listing_id: UUID,
        creator_id: UUID,
        version: int,
        choice: Choice,
        snapshot: ListingSnapshot,
        now: datetime,
    ) -> None:
        """Put the snapshot on the shelf in place of the one before. Its words are made of what it shows."""
        tenant_id = self._access.tenant.id
        session.execute(
            text("DELETE FROM market_listings WHERE tenant_id = :tenant_id AND listing_id = :listing_id"),
            {"tenant_id": tenant_id, "listing_id": listing_id},
        )
        columns = columns_of(snapshot)
        values = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in columns.items()}
        casts = {name: f"CAST(:{name} AS jsonb)" for name, value in columns.items() if isinstance(value, dict)}
        casts["unavailable"] = "CAST(:unavailable AS datemultirange)"
        languages = configurations((*snapshot.languages, *snapshot.content_languages))
        words = " || ".join(
            f"setweight(to_tsvector('{one}', :{part}), '{weight}')"
            for one in languages
            for part, weight in (("of_names", "A"), ("of_texts", "B"))
        )
        names = ", ".join(columns)
        session.execute(
            text(
                f"""
                INSERT INTO market_listings (tenant_id, listing_id, version, shown, publisher, published_at, words,
                                             space, vector, {names})
                SELECT :tenant_id, :listing_id, :version, true, '', :now, {words}, embedded.space, embedded.vector,
                       {", ".join(casts.get(name, f":{name}") for name in columns)}
                FROM (SELECT) AS one LEFT JOIN LATERAL (
                  SELECT space, vector FROM creator_vectors WHERE tenant_id = :tenant_id AND creator_id = :creator_id
                    AND :meaning ORDER BY made_at DESC, space LIMIT 1) AS embedded ON true
                """  # noqa: S608  columns and configurations of fixed lists
            ),
            {
                **values, "tenant_id": tenant_id, "listing_id": listing_id, "creator_id": creator_id,
                "version": version, "now": now, "meaning": choice.meaning,
                "of_names": folded(" ".join((snapshot.name, *snapshot.topics))),
                "of_texts": folded("\n".join(filter(None, (snapshot.headline, snapshot.about)))),
            },
        )  # fmt: skip

    def _page(self, session: Session, listing_id: UUID) -> ListingPage:
        key = {"tenant_id": self._access.tenant.id, "id": listing_id}
        listing = session.execute(
            text(
                "SELECT listing.id, listing.creator_id, creators.name, listing.state, listing.version"
                " FROM listings AS listing JOIN creators"
                " ON creators.tenant_id = listing.tenant_id AND creators.id = listing.creator_id"
                " WHERE listing.tenant_id = :tenant_id AND listing.id = :id"
            ),
            key,
        ).one()
        versions = session.execute(
            text(
                "SELECT version, published_at, snapshot FROM listing_versions"
                " WHERE tenant_id = :tenant_id AND listing_id = :id ORDER BY version DESC"
            ),
            key,
        )
        shown = (
            ListingVersion(row.version, row.published_at, snapshot_from(row.snapshot.get("shown", {})))
            for row in versions
        )
        return ListingPage(
            listing.id, listing.creator_id, listing.name, listing.state, listing.version, tuple(shown)
        )  # fmt: skip


def bring_up_to_date(access: Access, creator: str, permission: Permission) -> None:
    """Make the creator's profile again, if something it is made of has changed since."""
    with access.transaction(permission) as session:
        creator_id, _ = find_creator(session, creator)
        stale = creator_id in stale_creators(session, tenant_id=access.tenant.id, now=access.clock.now())
    if stale:
        Profiles(access).refresh([str(creator_id)])
