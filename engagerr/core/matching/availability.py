"""When creators cannot work, and what they have promised not to do for a brand's competitors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class Away:
    """Days on which a creator cannot work; both are within, None is open."""

    id: UUID
    creator_id: UUID
    creator: str
    since: date | None
    until: date | None
    note: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Exclusivity:
    """A promise not to work for competitors in a category; to the `brand` that holds it, a deal is no conflict.

    Without countries it holds everywhere. Both days are within; None is open.
    """

    id: UUID
    creator_id: UUID
    creator: str
    category: str
    brand: str | None
    countries: tuple[str, ...]
    since: date | None
    until: date | None
    note: str | None
    created_at: datetime


Row = TypeVar("Row", Away, Exclusivity)


class Availability:
    """Days away and exclusivities of the creators of this workspace."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def add(self, creator: str, *, since: date | None, until: date | None, note: str | None = None) -> Away:
        """Note that a creator cannot work from one day to another, both included. One of them has to be given."""
        _days(since, until)
        with self._access.transaction(Permission.EDIT_ROSTER) as session:
            creator_id, _ = find_creator(session, creator)
            made = session.execute(
                text(
                    "INSERT INTO creator_unavailability (tenant_id, creator_id, during, note)"
                    " VALUES (:tenant_id, :creator_id, daterange(:since, :until, '[]'), :note) RETURNING id"
                ),
                self._values(creator_id, since=since, until=until, note=note),
            ).scalar_one()
            self._changed(session, creator_id, "availability.added", since=since, until=until)
            return self._away(session, "AND away.id = :id", id=made)[0]

    def list(self, creator: str | None = None) -> tuple[Away, ...]:
        """When creators are away, the soonest first; of everybody, or of one."""
        with self._access.transaction(Permission.READ) as session:
            if creator is None:
                return self._away(session, "")
            return self._away(
                session, "AND away.creator_id = :creator_id", creator_id=find_creator(session, creator)[0]
            )

    def remove(self, away_id: str) -> Away:
        """Take days away back, by their id or its last digits (six at least)."""
        with self._access.transaction(Permission.EDIT_ROSTER) as session:
            found = _one(self._away(session, ""), away_id, "days away", "engagerr availability list")
            session.execute(
                text("DELETE FROM creator_unavailability WHERE tenant_id = :tenant_id AND id = :id"),
                {"tenant_id": self._access.tenant.id, "id": found.id},
            )
            self._changed(session, found.creator_id, "availability.removed", since=found.since, until=found.until)
            return found

    def add_exclusivity(
        self,
        creator: str,
        *,
        category: str,
        brand: str | None = None,
        countries: Sequence[str] = (),
        since: date | None = None,
        until: date | None = None,
        note: str | None = None,
    ) -> Exclusivity:
        """Note a promise: nothing for competitors of `brand` in `category`, in these countries (ISO 3166; none: all).

        Both days are within; without them it is open.
        """
        what = " ".join(category.split()).casefold()
        if not what:
            raise InvalidInput("The category has no name.", hint="Say what competitors sell, such as sports shoes.")
        places = sorted({country.strip().upper() for country in countries})
        if wrong := [one for one in places if len(one) != 2 or not one.isalpha() or not one.isascii()]:
            raise InvalidInput(f"{wrong[0]!r} is no country.", hint="Two letters of ISO 3166, such as DE.")
        if since and until:
            _days(since, until)
        with self._access.transaction(Permission.EDIT_TERMS) as session:
            creator_id, _ = find_creator(session, creator)
            made = session.execute(
                text(
                    "INSERT INTO creator_exclusivities"
                    " (tenant_id, creator_id, category, brand, countries, during, note)"
                    " VALUES (:tenant_id, :creator_id, :category, :brand, CAST(:countries AS text[]),"
                    " daterange(:since, :until, '[]'), :note) RETURNING id"
                ),
                self._values(
                    creator_id, category=what, brand=brand, countries=places, since=since, until=until, note=note
                ),
            ).scalar_one()
            self._changed(
                session, creator_id, "exclusivity.added", category=what, brand=brand, since=since, until=until
            )
            return self._promises(session, "AND bound.id = :id", id=made)[0]

    def exclusivities(self, creator: str | None = None) -> tuple[Exclusivity, ...]:
        """What was promised, by creator; of everybody, or of one."""
        with self._access.transaction(Permission.READ_TERMS) as session:
            if creator is None:
                return self._promises(session, "")
            return self._promises(
                session, "AND bound.creator_id = :creator_id", creator_id=find_creator(session, creator)[0]
            )

    def remove_exclusivity(self, exclusivity_id: str) -> Exclusivity:
        """Take a promise back, by its id or its last digits (six at least)."""
        with self._access.transaction(Permission.EDIT_TERMS) as session:
            found = _one(self._promises(session, ""), exclusivity_id, "exclusivity", "engagerr exclusivity list")
            session.execute(
                text("DELETE FROM creator_exclusivities WHERE tenant_id = :tenant_id AND id = :id"),
                {"tenant_id": self._access.tenant.id, "id": found.id},
            )
            self._changed(session, found.creator_id, "exclusivity.removed", category=found.category, brand=found.brand)
            return found

    # Steps

    def _values(self, creator_id: UUID, **values: Any) -> dict[str, Any]:
        return {"tenant_id": self._access.tenant.id, "creator_id": creator_id, **values}

    def _changed(self, session: Session, creator_id: UUID, action: str, **detail: Any) -> None:
        # The profile is made again before it is read next.
        session.execute(
            text("DELETE FROM creator_profiles WHERE tenant_id = :tenant_id AND creator_id = :creator_id"),
            self._values(creator_id),
        )
        self._access.audit(session, action, f"creator:{creator_id}", **detail)

    def _away(self, session: Session, condition: str, **values: Any) -> tuple[Away, ...]:
        rows = session.execute(
            text(
                "SELECT away.id, away.creator_id, creator.name AS creator, lower(during) AS since,"  # noqa: S608  ours
                " upper(during) - 1 AS until, away.note, away.created_at FROM creator_unavailability AS away"
                " JOIN creators AS creator ON creator.tenant_id = away.tenant_id AND creator.id = away.creator_id"
                f" WHERE away.tenant_id = :tenant_id {condition}"
                " ORDER BY lower(during) NULLS FIRST, upper(during) NULLS LAST, lower(creator.name), away.id"
            ),
            {"tenant_id": self._access.tenant.id, **values},
        ).mappings()
        return tuple(Away(**row) for row in rows)

    def _promises(self, session: Session, condition: str, **values: Any) -> tuple[Exclusivity, ...]:
        rows = session.execute(
            text(
                "SELECT bound.id, bound.creator_id, creator.name AS creator, category, brand, countries,"  # noqa: S608
                " lower(during) AS since, upper(during) - 1 AS until, bound.note, bound.created_at"
                " FROM creator_exclusivities AS bound"
                " JOIN creators AS creator ON creator.tenant_id = bound.tenant_id AND creator.id = bound.creator_id"
                f" WHERE bound.tenant_id = :tenant_id {condition}"
                " ORDER BY lower(creator.name), category, lower(during) NULLS FIRST, bound.id"
            ),
            {"tenant_id": self._access.tenant.id, **values},
        ).mappings()
        return tuple(Exclusivity(**{**row, "countries": tuple(row["countries"])}) for row in rows)


def _days(since: date | None, until: date | None) -> None:
    if since is None and until is None:
        raise InvalidInput("Neither a first nor a last day is given.", hint="Give --since, --until, or both.")
    if since is not None and until is not None and until < since:
        raise InvalidInput(f"It would end on {until}, before it begins on {since}.", hint="Swap the days.")


def _one(rows: Sequence[Row], named: str, what: str, listing: str) -> Row:
    wanted = named.strip().lower()
    digits = wanted.replace("-", "")
    found = [row for row in rows if str(row.id) == wanted or (len(digits) >= 6 and row.id.hex.endswith(digits))]
    if len(found) != 1:
        said = f"There is no {what} {named!r}." if not found else f"{len(found)} {what} end with {named!r}."
        raise NotFound(said, hint=f"`{listing}` shows their ids.", facts={"id": named})
    return found[0]
