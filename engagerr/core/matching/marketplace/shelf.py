"""What others show: listings from all workspaces that let this one see them, a page at a time and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.db.driver import driver_cursor
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.matching.condition import Condition
from engagerr.core.matching.marketplace.reads import count_read
from engagerr.core.matching.marketplace.snapshot import FIELDS, ListingSnapshot, snapshot_from
from engagerr.core.matching.profile_words import folded
from engagerr.core.matching.search.compiling import compile_search
from engagerr.core.matching.search.language import parse
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

LARGEST_PAGE = 100
# Whom this workspace blocks, it does not see either.
SEEN = """{row}.shown AND NOT EXISTS (SELECT FROM market_blocks AS blocked
  WHERE blocked.tenant_id = %(tenant_id)s AND blocked.blocked_tenant_id = {row}.tenant_id)"""


@dataclass(frozen=True, slots=True)
class ShelfListing:
    """A listing as it is shown. `own`: this workspace publishes it."""

    id: UUID
    publisher_id: UUID
    publisher: str
    own: bool
    version: int
    published_at: datetime
    shown: ListingSnapshot


@dataclass(frozen=True, slots=True)
class ShelfPage:
    """Listings, the newest first. `after` begins the next page, None where this was the last one. `unknown` listings
    are left out as they do not show what was asked for; `left` rows of others may still be read in this hour.
    """

    listings: tuple[ShelfListing, ...]
    after: str | None
    unknown: int
    left: int


class Shelf:
    """Listings that are shown to this workspace, its own among them."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def browse(
        self,
        where: str | None = None,
        *,
        platform: str | None = None,
        country: str | None = None,
        language: str | None = None,
        topic: str | None = None,
        followers_min: int | None = None,
        followers_max: int | None = None,
        words: str | None = None,
        condition: Condition | None = None,
        limit: int = 25,
        after: str | None = None,
    ) -> ShelfPage:
        """A page of listings that meet all that is asked; what a listing does not show, it does not meet.

        `where` is an expression of `engagerr search`, over public figures only; `words` are looked for in names,
        topics, headlines and texts. `condition` is one on the alias `profile`.
        Raises `ReadEnough` (an `Unavailable` with `retry_after`) when the hour's share is read.
        """
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidInput(f"A page holds 1 to {LARGEST_PAGE} listings, not {limit}.")
        asked = _asked(
            platform=platform, country=country, language=language, topic=topic, followers_min=followers_min,
            followers_max=followers_max, words=words and folded(words),
        )  # fmt: skip
        if where is not None:
            asked &= compile_search(parse(where), now=self._access.clock.now(), public=True).condition
        if condition is not None:
            asked &= condition
        page = asked if after is None else asked & _after(after)
        with self._access.transaction(Permission.READ) as session:
            rows = self._rows(session, page, limit + 1)
            unknown = self._unknown(session, asked)
            shown = tuple(self._listing(row) for row in rows[:limit])
            left = count_read(
                session, tenant_id=self._access.tenant.id, now=self._access.clock.now(),
                rows=sum(not listing.own for listing in shown),
            )  # fmt: skip
        more = shown[-1] if len(rows) > limit else None
        return ShelfPage(shown, f"{more.published_at.isoformat()}/{more.id}" if more else None, unknown, left)

    def show(self, listing: str | UUID) -> ShelfListing:
        """One listing that is shown to this workspace, by id (the last six or more digits do) or the exact name."""
        with self._access.transaction(Permission.READ) as session:
            found = self.find(session, listing)
            count_read(
                session, tenant_id=self._access.tenant.id, now=self._access.clock.now(), rows=0 if found.own else 1
            )
        return found

    def find(self, session: Session, listing: str | UUID) -> ShelfListing:
        """The one listing that is meant; `NotFound` if it is not shown to this workspace, whyever."""
        meant = named("listing_id", "name", listing)
        rows = self._rows(session, meant, 2)
        if len(rows) > 1:
            raise InvalidInput(f"More than one listing is called {listing}.", hint="Give its id.")
        if not rows:
            raise NotFound(
                f"There is no listing {str(listing)!r} on the shelf.", hint="`engagerr market listings` shows them.",
                facts={"listing": str(listing)},
            )  # fmt: skip
        return self._listing(rows[0])

    def _unknown(self, session: Session, asked: Condition) -> int:
        """How many listings the condition is neither true nor false of."""
        rows = read(
            session,
            f"""
            SELECT count(*) AS n FROM market_listings AS profile
            WHERE {SEEN.format(row="profile")} AND ({asked.sql}) IS NULL
            """,  # noqa: S608  conditions of this package, values are bound
            {**asked.parameters, "tenant_id": self._access.tenant.id},
        )
        return int(rows[0]["n"])

    def _rows(self, session: Session, asked: Condition, limit: int) -> Sequence[Mapping[str, Any]]:
        columns = ", ".join(f"profile.{name}" for name in FIELDS)
        return read(
            session,
            f"""
            SELECT profile.listing_id, profile.tenant_id, profile.publisher, profile.version, profile.published_at,
                   {columns}
            FROM market_listings AS profile WHERE {SEEN.format(row="profile")} AND ({asked.sql})
            ORDER BY profile.published_at DESC, profile.listing_id LIMIT %(limit)s
            """,  # noqa: S608  conditions and columns of this package, values are bound
            {**asked.parameters, "tenant_id": self._access.tenant.id, "limit": limit},
        )

    def _listing(self, row: Mapping[str, Any]) -> ShelfListing:
        return ShelfListing(
            row["listing_id"], row["tenant_id"], row["publisher"], row["tenant_id"] == self._access.tenant.id,
            row["version"], row["published_at"], snapshot_from(row),
        )  # fmt: skip


def read(session: Session, query: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows by column name, through the driver: conditions carry the driver's own parameters."""
    from psycopg.rows import dict_row

    with driver_cursor(session) as cursor:
        cursor.row_factory = dict_row
        return cursor.execute(query, dict(parameters)).fetchall()


def named(id_column: str, name_column: str, given: str | UUID) -> Condition:
    """Rows over `profile` with this id (whole, or six or more of its last digits) or exactly this name."""
    words = str(given).strip()
    digits = words.lower().replace("-", "")
    by_name = f"lower(profile.{name_column}) = lower(%(given)s)"
    if len(digits) < 6 or set(digits) - set("0123456789abcdef"):
        return Condition(by_name, {"given": words})
    tail = f"right(replace(profile.{id_column}::text, '-', ''), length(%(tail)s)) = %(tail)s"
    return Condition(f"{tail} OR {by_name}", {"given": words, "tail": digits})


def _asked(
    *,
    platform: str | None,
    country: str | None,
    language: str | None,
    topic: str | None,
    followers_min: int | None,
    followers_max: int | None,
    words: str | None,
) -> Condition:
    parts = {
        "platform": ("%(platform)s = ANY (profile.platforms)", platform and platform.lower()),
        "country": ("profile.country = %(country)s", country and country.upper()),
        "language": (
            "%(language)s = ANY (profile.languages || profile.content_languages)",
            language and language.lower(),
        ),
        "topic": ("(%(topic)s = ANY (profile.topics) OR profile.main_topic = %(topic)s)", topic and topic.lower()),
        "followers_min": ("profile.followers >= %(followers_min)s", followers_min),
        "followers_max": ("profile.followers <= %(followers_max)s", followers_max),
        "words": ("profile.words @@ plainto_tsquery('simple', %(words)s)", words),
    }
    asked = Condition()
    for name, (sql, value) in parts.items():
        if value is not None:
            asked &= Condition(sql, {name: value})
    return asked


def _after(after: str) -> Condition:
    moment, separator, listing = after.partition("/")
    try:
        since, last = datetime.fromisoformat(moment), UUID(listing)
    except ValueError:
        separator = ""
    if not separator:
        raise InvalidInput(f"{after!r} begins no page.", hint="Take it from the page before.")
    return Condition(
        "(profile.published_at < %(since)s OR profile.published_at = %(since)s AND profile.listing_id > %(last)s)",
        {"since": since, "last": last},
    )
