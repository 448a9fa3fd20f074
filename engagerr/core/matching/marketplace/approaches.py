"""Verbs between two workspaces: applying for a brief, inviting a listing, and answering."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.matching.condition import Condition
from engagerr.core.matching.marketplace.free_text import checked_text, internal_notes
from engagerr.core.matching.marketplace.listings import NotToBePitched
from engagerr.core.matching.marketplace.published_briefs import PublishedBriefs, ShelfBrief
from engagerr.core.matching.marketplace.reads import count_read
from engagerr.core.matching.marketplace.shelf import Shelf, ShelfListing, named, read
from engagerr.core.roster.identity import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Who was declined may ask about the same again after this long, not the next minute.
DAYS_AFTER_NO = 30
# A person who writes to each by name sends a handful a day; whoever sends more addresses a list.
APPROACHES_A_DAY = 100

_ENDED = {"accepted": "was accepted", "declined": "was declined", "withdrawn": "was withdrawn"}


@dataclass(frozen=True, slots=True)
class Approach:
    """An application (a listing asks for a brief) or an invitation (a brief asks for a listing).

    `incoming`: it was sent to this workspace. `other` is the other side's name, None where it is not known any more.
    """

    id: UUID
    kind: str
    state: str
    incoming: bool
    other_id: UUID
    other: str | None
    brief_id: UUID
    brief: str
    listing_id: UUID
    creator: str
    message: str | None
    answer: str | None
    sent_at: datetime
    answered_at: datetime | None


class Approaches:
    """What this workspace sent to others and they to it. Sending the same again while it is open changes nothing."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._shelf = Shelf(access)
        self._briefs = PublishedBriefs(access)

    def apply(self, brief: str | UUID, *, creator: str, message: str | None = None) -> Approach:
        """Apply for somebody's brief with a creator of this workspace, whose listing must be published.

        `NotFound` for a brief that is not shown to this workspace (blocked, withdrawn, closed: it reads the same);
        `NotToBePitched`, `Conflict` where there is no listing, it was declined lately, or this workspace blocks them.
        """
        with self._access.transaction(Permission.TRADE) as session:
            listing = self._own_listing(session, creator)
            wanted = self._briefs.find(session, brief)
            if wanted.own:
                raise InvalidInput(
                    f"{wanted.shown.title!r} is a brief of your own.", hint="Put creators on a shortlist."
                )
            words = self._checked(session, message, creator_id=listing[0])
            return self._send(
                session, "application", to=wanted.publisher_id, brief=wanted, listing=listing[1], message=words
            )

    def invite(self, listing: str | UUID, *, brief: str | UUID, message: str | None = None) -> Approach:
        """Invite a listing of somebody else's to a brief of this workspace, which must be published.

        `NotFound` for a listing that is not shown to this workspace, whyever.
        """
        with self._access.transaction(Permission.TRADE) as session:
            offered = self._briefs.find(session, brief)
            if not offered.own:
                raise NotFound(
                    f"There is no published brief {str(brief)!r} of this workspace.",
                    hint="Publish it first, so that who is invited can read it: engagerr market publish BRIEF",
                    facts={"brief": str(brief)},
                )  # fmt: skip
            wanted = self._shelf.find(session, listing)
            if wanted.own:
                raise InvalidInput(f"{wanted.shown.name} is a creator of your own.", hint="Put them on a shortlist.")
            return self._send(
                session, "invitation", to=wanted.publisher_id, brief=offered, listing=wanted,
                message=self._checked(session, message, creator_id=None),
            )  # fmt: skip

    def inbox(self, *, state: str | None = None) -> tuple[Approach, ...]:
        """What others sent to this workspace, the newest first; nothing from whom it blocks."""
        mine = Condition("profile.to_tenant_id = %(tenant_id)s")
        return self._list(mine & _in_state(state))

    def outbox(self, *, state: str | None = None) -> tuple[Approach, ...]:
        """What this workspace sent, the newest first."""
        mine = Condition("profile.tenant_id = %(tenant_id)s")
        return self._list(mine & _in_state(state))

    def withdraw(self, approach: str | UUID) -> Approach:
        """Take back what this workspace sent and nobody answered yet."""
        return self._end(approach, "withdrawn", None)

    def accept(self, approach: str | UUID, *, answer: str | None = None) -> Approach:
        """Say yes to what was sent to this workspace."""
        return self._end(approach, "accepted", answer)

    def decline(self, approach: str | UUID, *, answer: str | None = None) -> Approach:
        """Say no to what was sent to this workspace."""
        return self._end(approach, "declined", answer)

    def _send(
        self, session: Session, kind: str, *, to: UUID, brief: ShelfBrief, listing: ShelfListing, message: str | None
    ) -> Approach:
        now = self._access.clock.now()
        key = {
            "tenant_id": self._access.tenant.id, "to": to, "kind": kind, "brief_id": brief.id,
            "listing_id": listing.id, "now": now,
        }  # fmt: skip
        self._may_send(session, key)
        with _refused_as_not_found(kind):
            sent = session.execute(
                text(
                    """
                    INSERT INTO market_approaches (tenant_id, to_tenant_id, kind, brief_id, listing_id, sender,
                                                   brief_title, creator, message, sent_at)
                    VALUES (:tenant_id, :to, :kind, :brief_id, :listing_id, '', '', '', :message, :now)
                    ON CONFLICT (tenant_id, to_tenant_id, kind, brief_id, listing_id) WHERE state = 'sent' DO NOTHING
                    RETURNING id
                    """
                ),
                {**key, "message": message},
            ).scalar_one_or_none()
        same = Condition(
            "profile.tenant_id = %(tenant_id)s AND profile.to_tenant_id = %(to)s AND profile.kind = %(kind)s"
            " AND profile.brief_id = %(brief_id)s AND profile.listing_id = %(listing_id)s AND profile.state = 'sent'",
            key,
        )
        found = self._read(session, same)
        if not found:
            raise Conflict("It was answered just now.", hint="See `engagerr market outbox`.")
        if sent is not None:
            count_read(session, tenant_id=self._access.tenant.id, now=now, rows=1)
            self._access.audit(
                session, f"{kind}.sent", f"approach:{sent}", to=to, brief=found[0].brief, creator=found[0].creator
            )
        return found[0]

    def _may_send(self, session: Session, key: Mapping[str, Any]) -> None:
        """Refuse what was declined lately, and more in a day than a person sends."""
        row = session.execute(
            text(
                """
                SELECT count(*) FILTER (WHERE sent_at > :now - interval '1 day') AS today,
                       max(answered_at) FILTER (WHERE state = 'declined' AND to_tenant_id = :to AND kind = :kind
                         AND brief_id = :brief_id AND listing_id = :listing_id) AS declined_at
                FROM market_approaches WHERE tenant_id = :tenant_id
                """
            ),
            key,
        ).one()
        if row.declined_at is not None and row.declined_at + timedelta(days=DAYS_AFTER_NO) > key["now"]:
            raise Conflict(
                f"This was declined on {row.declined_at.date()}.",
                hint=f"Ask again {DAYS_AFTER_NO} days after that, or about something else.",
                facts={"declined_at": row.declined_at.isoformat()},
            )
        if row.today >= APPROACHES_A_DAY:
            raise Conflict(
                f"This workspace has sent {row.today} approaches within a day, which is as many as it may.",
                hint="Go on tomorrow.", facts={"approaches_a_day": APPROACHES_A_DAY},
            )  # fmt: skip

    def _end(self, approach: str | UUID, state: str, answer: str | None) -> Approach:
        """Take the one step that this side may take; taking it again changes nothing."""
        side = "tenant_id" if state == "withdrawn" else "to_tenant_id"
        with self._access.transaction(Permission.TRADE) as session:
            held = self._meant(session, approach, side)
            if held.state == state:
                return held
            if held.state != "sent":
                raise _over(held)
            words = checked_text(answer, "answer", addresses=True)
            ended = session.execute(
                text(
                    f"""
                    UPDATE market_approaches SET state = :state, answer = :answer, answered_at = :now
                    WHERE {side} = :tenant_id AND id = :id AND state = 'sent' RETURNING id
                    """  # noqa: S608  one of two columns
                ),
                {
                    "state": state, "answer": words, "now": self._access.clock.now(), "id": held.id,
                    "tenant_id": self._access.tenant.id,
                },
            ).scalar_one_or_none()  # fmt: skip
            after = self._meant(session, held.id, side)
            if ended is None and after.state != state:
                raise _over(after)
            if ended is not None:
                self._access.audit(
                    session, f"{held.kind}.{state}", f"approach:{held.id}", other=held.other_id, brief=held.brief,
                    creator=held.creator,
                )  # fmt: skip
            return after

    def _meant(self, session: Session, approach: str | UUID, side: str) -> Approach:
        meant = named("id", "id::text", approach)
        found = self._read(session, Condition(f"profile.{side} = %(tenant_id)s") & meant)
        if len(found) > 1:
            raise InvalidInput(f"More than one approach ends in {approach}.", hint="Give more digits of the id.")
        if not found:
            where = "outbox" if side == "tenant_id" else "inbox"
            raise NotFound(
                f"There is no approach {str(approach)!r} in your {where}.",
                hint=f"`engagerr market {where}` shows them.", facts={"approach": str(approach)},
            )  # fmt: skip
        return found[0]

    def _own_listing(self, session: Session, creator: str) -> tuple[UUID, ShelfListing]:
        """(creator, the published listing of theirs), held as it is until the transaction ends."""
        tenant_id = self._access.tenant.id
        creator_id, name = find_creator(session, creator)
        row = session.execute(
            text(
                "SELECT do_not_pitch, (SELECT id FROM listings WHERE listings.tenant_id = creators.tenant_id"
                " AND creator_id = creators.id) AS listing_id"
                " FROM creators WHERE tenant_id = :tenant_id AND id = :id FOR SHARE"
            ),
            {"tenant_id": tenant_id, "id": creator_id},
        ).one()
        if row.do_not_pitch:
            raise NotToBePitched(name)
        with contextlib.suppress(NotFound):
            if row.listing_id is not None:
                return creator_id, self._shelf.find(session, row.listing_id)
        raise Conflict(
            f"{name} has no published listing, which is what the other side would read.",
            hint=f'Publish it first: engagerr listing publish "{name}"', facts={"creator": name},
        )  # fmt: skip

    def _checked(self, session: Session, message: str | None, *, creator_id: UUID | None) -> str | None:
        if creator_id is None:
            return checked_text(message, "message", addresses=True)
        whose = {"tenant_id": self._access.tenant.id, "creator_id": creator_id}
        # Naming a price to one partner is what a message is for; notes are for nobody.
        return checked_text(message, "message", addresses=True, internal=internal_notes(session, **whose))

    def _list(self, asked: Condition) -> tuple[Approach, ...]:
        with self._access.transaction(Permission.READ) as session:
            return self._read(session, asked)

    def _read(self, session: Session, asked: Condition) -> tuple[Approach, ...]:
        """Approaches of both directions; what somebody sent whom this workspace blocks is not there."""
        rows = read(
            session,
            f"""
            SELECT profile.id, profile.kind, profile.state, profile.to_tenant_id = %(tenant_id)s AS incoming,
                   CASE WHEN profile.tenant_id = %(tenant_id)s THEN profile.to_tenant_id ELSE profile.tenant_id END
                     AS other_id,
                   CASE WHEN profile.to_tenant_id = %(tenant_id)s THEN profile.sender
                        ELSE coalesce(brief.publisher, listing.publisher) END AS other,
                   profile.brief_id, profile.brief_title AS brief, profile.listing_id, profile.creator, profile.message,
                   profile.answer, profile.sent_at, profile.answered_at
            FROM market_approaches AS profile
            LEFT JOIN market_briefs AS brief ON profile.kind = 'application'
              AND brief.tenant_id = profile.to_tenant_id AND brief.brief_id = profile.brief_id
            LEFT JOIN market_listings AS listing ON profile.kind = 'invitation'
              AND listing.tenant_id = profile.to_tenant_id AND listing.listing_id = profile.listing_id
            WHERE {asked.sql} AND NOT (profile.to_tenant_id = %(tenant_id)s AND EXISTS (
              SELECT FROM market_blocks AS blocked
              WHERE blocked.tenant_id = %(tenant_id)s AND blocked.blocked_tenant_id = profile.tenant_id))
            ORDER BY profile.sent_at DESC, profile.id
            """,  # noqa: S608  conditions of this package, values are bound
            {**asked.parameters, "tenant_id": self._access.tenant.id},
        )
        return tuple(Approach(**row) for row in rows)


def _in_state(state: str | None) -> Condition:
    states = ("sent", *_ENDED)
    if state is None:
        return Condition()
    if state not in states:
        raise InvalidInput(f"No approach is {state!r}.", hint=f"One of: {', '.join(states)}.")
    return Condition("profile.state = %(state)s", {"state": state})


def _over(held: Approach) -> Conflict:
    return Conflict(
        f"The {held.kind} about {held.creator} and {held.brief!r} {_ENDED[held.state]} already.",
        hint="A new one can be sent.", facts={"approach": str(held.id), "state": held.state},
    )  # fmt: skip


@contextlib.contextmanager
def _refused_as_not_found(kind: str) -> Iterator[None]:
    """What was shown a moment ago and is not any more: to the sender it is simply gone."""
    try:
        yield
    except IntegrityError as error:
        if constraint_of(error) != "market_approaches_shown":
            raise
        what = "brief" if kind == "application" else "listing"
        raise NotFound(
            f"The {what} is not on the shelf any more.", hint=f"`engagerr market {what}s` shows those that are."
        ) from error
