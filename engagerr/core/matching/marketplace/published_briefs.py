"""Verbs on briefs that are shown to other workspaces, and on those that others show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.matching.brief_file import Brief, brief_of
from engagerr.core.matching.condition import Condition
from engagerr.core.matching.marketplace.free_text import checked_text
from engagerr.core.matching.marketplace.reads import count_read
from engagerr.core.matching.marketplace.shelf import LARGEST_PAGE, SEEN, named, read
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

_LONGEST_TITLE = 200
_LONGEST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class ShelfBrief:
    """A brief as it is shown. `own`: this workspace publishes it. What `shown` does not say, others do not see.

    `closes_on` is the last day for applications, None: until it is withdrawn.
    """

    id: UUID
    publisher_id: UUID
    publisher: str
    own: bool
    version: int
    published_at: datetime
    closes_on: date | None
    shown: Brief


class PublishedBriefs:
    """Briefs on the shelf: this workspace's own and those that others let it see."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def publish(
        self,
        brief: str,
        *,
        title: str | None = None,
        text_shown: bool = True,
        budget: bool = False,
        brand: bool = False,
        closes_on: date | None = None,
    ) -> ShelfBrief:
        """Show an open brief to other workspaces: what is asked for always, budget and brand only if so chosen.

        `title` is what others read in place of the brief's own. A title or text that gives a hidden brand or budget
        away is refused (`InvalidInput`). Publishing again shows the brief as it stands now, as the next version.
        """
        now = self._access.clock.now()
        if closes_on is not None and closes_on < now.date():
            raise InvalidInput(f"{closes_on} is over.", hint="Choose a day to come, or none.")
        with self._access.transaction(Permission.TRADE) as session:
            brief_id, state, whole = self._own(session, brief)
            if state != "open":
                raise Conflict(
                    f"The brief {whole.title!r} is {state}; only open briefs are shown.",
                    hint="Open it first, then publish it.", facts={"brief": whole.title, "state": state},
                )  # fmt: skip
            shown = _shown(whole, title=title, text_shown=text_shown, budget=budget, brand=brand)
            session.execute(
                text(
                    """
                    INSERT INTO market_briefs (tenant_id, brief_id, version, shown, publisher, title, document,
                                               closes_on, published_at)
                    VALUES (:tenant_id, :brief_id, 1, true, '', :title, CAST(:document AS jsonb), :closes_on, :now)
                    ON CONFLICT (tenant_id, brief_id) DO UPDATE
                    SET version = market_briefs.version + 1, shown = true, title = EXCLUDED.title,
                        document = EXCLUDED.document, closes_on = EXCLUDED.closes_on,
                        published_at = EXCLUDED.published_at
                    """
                ),
                {
                    "tenant_id": self._access.tenant.id, "brief_id": brief_id, "title": shown.title,
                    "document": json.dumps(shown.document(), ensure_ascii=False), "closes_on": closes_on, "now": now,
                },
            )  # fmt: skip
            found = self.find(session, brief_id)
            self._access.audit(
                session, "brief.published", f"brief:{brief_id}", title=shown.title, version=found.version,
                budget=budget, brand=brand, closes_on=closes_on,
            )  # fmt: skip
            return found

    def withdraw(self, brief: str) -> str:
        """Take a brief off the shelf, and with it the invitations that stand open in its name; returns its title."""
        with self._access.transaction(Permission.TRADE) as session:
            brief_id, _, whole = self._own(session, brief)
            key = {"tenant_id": self._access.tenant.id, "id": brief_id, "now": self._access.clock.now()}
            taken = session.execute(
                text(
                    "UPDATE market_briefs SET shown = false WHERE tenant_id = :tenant_id AND brief_id = :id AND shown"
                    " RETURNING title"
                ),
                key,
            ).scalar_one_or_none()
            if taken is not None:
                session.execute(
                    text(
                        "UPDATE market_approaches SET state = 'withdrawn', answered_at = :now"
                        " WHERE tenant_id = :tenant_id AND kind = 'invitation' AND brief_id = :id AND state = 'sent'"
                    ),
                    key,
                )
                self._access.audit(session, "brief.withdrawn", f"brief:{brief_id}", title=taken)
            return whole.title

    def browse(
        self,
        *,
        platform: str | None = None,
        country: str | None = None,
        category: str | None = None,
        words: str | None = None,
        own: bool = False,
        limit: int = 25,
    ) -> tuple[ShelfBrief, ...]:
        """Briefs that are shown and still open for applications, the newest first; with `own`, only this workspace's.

        A brief that names no platform or country means any, so it is found by every one. Rows of others are counted
        (`ReadEnough`).
        """
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidInput(f"A page holds 1 to {LARGEST_PAGE} briefs, not {limit}.")
        asked = Condition("profile.tenant_id = %(tenant_id)s") if own else Condition()
        for name, value in (("platforms", platform and platform.lower()), ("countries", country and country.upper())):
            if value:
                asked &= Condition(
                    f"(NOT profile.document ? '{name}' OR profile.document -> '{name}' ? %({name})s)", {name: value}
                )
        if category:
            asked &= Condition("lower(profile.document ->> 'category') = %(category)s", {"category": category.lower()})
        if words:
            searched = "concat_ws(' ', profile.title, profile.document ->> 'category', profile.document ->> 'text')"
            asked &= Condition(
                f"to_tsvector('simple', {searched}) @@ plainto_tsquery('simple', %(words)s)", {"words": words}
            )
        with self._access.transaction(Permission.READ) as session:
            found = self.seen(session, asked, limit)
            count_read(
                session, tenant_id=self._access.tenant.id, now=self._access.clock.now(),
                rows=sum(not brief.own for brief in found),
            )  # fmt: skip
        return found

    def show(self, brief: str | UUID) -> ShelfBrief:
        """One brief that is shown to this workspace, by id (the last six or more digits do) or the exact title."""
        with self._access.transaction(Permission.READ) as session:
            found = self.find(session, brief)
            count_read(
                session, tenant_id=self._access.tenant.id, now=self._access.clock.now(), rows=0 if found.own else 1
            )
        return found

    def find(self, session: Session, brief: str | UUID) -> ShelfBrief:
        """The one brief that is meant; `NotFound` if it is not shown to this workspace, whyever."""
        found = self.seen(session, named("brief_id", "title", brief), 2)
        if len(found) > 1:
            raise InvalidInput(f"More than one brief is called {brief}.", hint="Give its id.")
        if not found:
            raise NotFound(
                f"There is no brief {str(brief)!r} on the shelf.", hint="`engagerr market briefs` shows them.",
                facts={"brief": str(brief)},
            )  # fmt: skip
        return found[0]

    def seen(self, session: Session, asked: Condition, limit: int) -> tuple[ShelfBrief, ...]:
        """Briefs that this workspace may see under a condition over `profile`; counting them is the caller's duty."""
        rows = read(
            session,
            f"""
            SELECT profile.brief_id, profile.tenant_id, profile.publisher, profile.version, profile.published_at,
                   profile.closes_on, profile.title, profile.document
            FROM market_briefs AS profile WHERE {SEEN.format(row="profile")}
              AND (profile.closes_on IS NULL OR profile.closes_on >= %(today)s) AND ({asked.sql})
            ORDER BY profile.published_at DESC, profile.brief_id LIMIT %(limit)s
            """,  # noqa: S608  conditions of this package, values are bound
            {
                **asked.parameters, "tenant_id": self._access.tenant.id, "limit": limit,
                "today": self._access.clock.now().date(),
            },
        )  # fmt: skip
        return tuple(self._shelf_brief(row) for row in rows)

    def _shelf_brief(self, row: Mapping[str, Any]) -> ShelfBrief:
        return ShelfBrief(
            row["brief_id"], row["tenant_id"], row["publisher"], row["tenant_id"] == self._access.tenant.id,
            row["version"], row["published_at"], row["closes_on"], _readable(row["document"], row["title"]),
        )  # fmt: skip

    def _own(self, session: Session, brief: str) -> tuple[UUID, str, Brief]:
        """(id, state, the brief) of one of this workspace's, by id, its last digits, or title."""
        meant = named("id", "title", brief)
        rows: Sequence[Mapping[str, Any]] = read(
            session,
            f"""
            SELECT profile.id, profile.state, profile.title, profile.document, profile.brand FROM briefs AS profile
            WHERE profile.tenant_id = %(tenant_id)s AND ({meant.sql})
            """,  # noqa: S608  conditions of this package, values are bound
            {**meant.parameters, "tenant_id": self._access.tenant.id},
        )
        if len(rows) > 1:
            raise InvalidInput(f"More than one brief is called {brief}.", hint="Give its id.")
        if not rows:
            raise NotFound(
                f"There is no brief {brief!r} in this workspace.", hint="`engagerr brief list` shows them.",
                facts={"brief": brief},
            )  # fmt: skip
        row = rows[0]
        whole = brief_of({**_object(row["document"]), "title": row["title"]}, where=f"the brief {row['title']}")
        return row["id"], row["state"], replace(whole, brand=whole.brand or row["brand"])


def _shown(whole: Brief, *, title: str | None, text_shown: bool, budget: bool, brand: bool) -> Brief:
    """What others read of a brief: no key of its file that means nothing here, as nobody knows what it holds."""
    secret = [whole.brand] if whole.brand and not brand else []
    amounts = {"the budget": whole.budget} if whole.budget and not budget else {}
    called = checked_text(
        whole.title if title is None else title, "title", longest=_LONGEST_TITLE, amounts=amounts
    )  # fmt: skip
    if called is None:
        raise InvalidInput("A brief is shown under a title.", hint="Give one, or leave it out for the brief's own.")
    said = checked_text(whole.text, "text", longest=_LONGEST_TEXT, amounts=amounts) if text_shown else None
    shown = replace(
        whole, title=called, text=said or "", brand=whole.brand if brand else None,
        budget=whole.budget if budget else None, unread=(),
    )  # fmt: skip
    everything = json.dumps(shown.document(), ensure_ascii=False).casefold()
    for name in secret:
        if name.casefold() in everything:
            raise InvalidInput(
                f"What would be shown names the brand {name}, which is to stay hidden.",
                hint="Choose another title, leave the text out, or show the brand.", facts={"brand": name},
            )  # fmt: skip
    return shown


def _readable(document: Any, title: str) -> Brief:
    """A shown brief; one that another version of Engagerr wrote and that cannot be read shows its title."""
    try:
        return brief_of({**_object(document), "title": title}, where=title)
    except InvalidInput:
        return Brief(title=title)


def _object(document: Any) -> dict[str, Any]:
    return dict(document) if isinstance(document, Mapping) else {}
