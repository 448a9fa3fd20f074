"""Searches that are kept, whom they found before, and the task that names who is new."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.db.driver import driver_cursor
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.events import open_task, resolve_tasks
from engagerr.core.matching.search.compiling import compile_search
from engagerr.core.matching.search.expression import from_json
from engagerr.core.matching.search.meaning import Meaning, asked_of, ranked, unwanted_condition
from engagerr.core.matching.search.searching import MAY_BE_PITCHED, asks_for_marked
from engagerr.core.tenancy import Access

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.matching.search.searching import Query

TASK = "search.found"
_BEST = 100
_NAMED = 5
_MOST_NAME = 120

Hits = dict[UUID, str]


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search under a name. `expression` is its filters as one would write them; `known` is whom it found before."""

    name: str
    expression: str
    text: str | None
    sort: str | None
    alerts: bool
    known: int
    query: Mapping[str, Any]
    created_at: datetime
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Checked:
    """One kept search asked again: how many it finds, and the names of those who are new.

    `best` is true where free text finds as many as are kept of it at most: there may be more, and these are the best.
    """

    name: str
    found: int
    new: tuple[str, ...]
    best: bool = False


def hits(session: Session, *, tenant_id: UUID, query: Query, now: datetime, meaning: Meaning | None) -> Hits:
    """Everybody whom a query finds, with their names; of free text, the best hundred."""
    compiled = compile_search(query.where, now=now, include_missing=query.include_missing)
    asked = asked_of(query.text or "")
    unwanted, _ = unwanted_condition(session, tenant_id=tenant_id, asked=asked, meaning=meaning)
    condition = compiled.condition & unwanted
    if not asks_for_marked(query.where):
        condition = condition & MAY_BE_PITCHED
    only: list[UUID] | None = None
    if asked.wanted:
        by_text = ranked(session, tenant_id=tenant_id, wanted=asked.wanted, meaning=meaning, condition=condition)
        only = list(by_text.scores)[:_BEST]
    cursor = driver_cursor(session)
    cursor.execute(
        "SELECT profile.creator_id, profile.name FROM creator_profiles AS profile"  # noqa: S608  registered SQL
        f" WHERE profile.tenant_id = %(tenant_id)s AND ({condition.sql})"
        " AND (%(only)s::uuid[] IS NULL OR profile.creator_id = ANY (%(only)s::uuid[]))"
        " ORDER BY lower(profile.name), profile.creator_id",
        {"tenant_id": tenant_id, **condition.parameters, "only": only},
    )
    return dict(cursor.fetchall())


def keep(session: Session, access: Access, name: str, query: Query, *, alerts: bool, found: Hits) -> SavedSearch:
    """Write a search under its name, in place of an older one, and take whom it finds as known."""
    called = " ".join(name.split())
    if not called or len(called) > _MOST_NAME:
        raise InvalidInput(f"{name!r} is no name of a search.", hint=f"Give 1 to {_MOST_NAME} characters.")
    values = {
        "tenant_id": access.tenant.id, "name": called, "query": json.dumps(query.document()), "alerts": alerts,
        "member_id": access.member.id, "now": access.clock.now(),
    }  # fmt: skip
    session.execute(
        text(
            "INSERT INTO saved_searches (tenant_id, name, query, alerts, member_id, created_at, checked_at)"
            " VALUES (:tenant_id, :name, CAST(:query AS jsonb), :alerts, :member_id, :now, :now)"
            " ON CONFLICT (tenant_id, name) DO UPDATE SET query = excluded.query, alerts = excluded.alerts,"
            " member_id = excluded.member_id, checked_at = excluded.checked_at"
        ),
        values,
    )
    session.execute(text("DELETE FROM saved_search_hits WHERE tenant_id = :tenant_id AND name = :name"), values)
    _remember(session, access, called, list(found), told=True)
    access.audit(session, "search.saved", f"search:{called}", alerts=alerts, found=len(found))
    return read_one(session, tenant_id=access.tenant.id, name=called)


def read_all(session: Session, *, tenant_id: UUID) -> tuple[SavedSearch, ...]:
    """The kept searches, by name."""
    rows = session.execute(text(f"{_SAVED} ORDER BY lower(saved.name), saved.name"), {"tenant_id": tenant_id})
    return tuple(_saved(row) for row in rows)


def read_one(session: Session, *, tenant_id: UUID, name: str) -> SavedSearch:
    """The search of this name; `NotFound` names those that there are."""
    row = session.execute(
        text(f"{_SAVED} AND lower(saved.name) = lower(:name)"), {"tenant_id": tenant_id, "name": " ".join(name.split())}
    ).first()
    if row is None:
        known = [one.name for one in read_all(session, tenant_id=tenant_id)][:_NAMED]
        raise NotFound(
            f"No search is kept as {name!r}.",
            hint=f"There are: {', '.join(known)}." if known else "Keep one: engagerr search save NAME EXPRESSION",
            facts={"search": name},
        )
    return _saved(row)


_SAVED = """
SELECT saved.*, (SELECT count(*) FROM saved_search_hits AS hit
                 WHERE hit.tenant_id = :tenant_id AND hit.name = saved.name) AS known
FROM saved_searches AS saved WHERE saved.tenant_id = :tenant_id"""


def _saved(row: Any) -> SavedSearch:
    return SavedSearch(
        name=row.name, expression=str(from_json(row.query["where"])), text=row.query.get("text"),
        sort=row.query.get("sort"), alerts=row.alerts, known=row.known, query=row.query, created_at=row.created_at,
        checked_at=row.checked_at,
    )  # fmt: skip


def forget(session: Session, access: Access, name: str) -> None:
    """Remove a kept search and whom it found."""
    held = read_one(session, tenant_id=access.tenant.id, name=name)
    values = {"tenant_id": access.tenant.id, "name": held.name}
    session.execute(text("DELETE FROM saved_search_hits WHERE tenant_id = :tenant_id AND name = :name"), values)
    session.execute(text("DELETE FROM saved_searches WHERE tenant_id = :tenant_id AND name = :name"), values)
    resolve_tasks(
        session, tenant_id=access.tenant.id, kind=TASK, about=access.tenant.id, subject=held.name,
        now=access.clock.now(),
    )  # fmt: skip
    access.audit(session, "search.removed", f"search:{held.name}")


def note(session: Session, access: Access, held: SavedSearch, found: Hits) -> Checked:
    """Remember whom a search finds, and open its task if somebody is new. Nobody is told of twice."""
    new = _remember(session, access, held.name, list(found), told=not held.alerts)
    now = access.clock.now()
    session.execute(
        text("UPDATE saved_searches SET checked_at = :now WHERE tenant_id = :tenant_id AND name = :name"),
        {"tenant_id": access.tenant.id, "name": held.name, "now": now},
    )
    names = tuple(sorted((found[creator] for creator in new), key=str.casefold))
    if held.alerts and names:
        _tell(session, access, held.name, now)
    return Checked(held.name, len(found), names, best=bool(held.text) and len(found) >= _BEST)


def _remember(session: Session, access: Access, name: str, creators: list[UUID], *, told: bool) -> list[UUID]:
    """Add whom the search had not found before; returns them."""
    now = access.clock.now()
    rows = session.execute(
        text(
            "INSERT INTO saved_search_hits (tenant_id, name, creator_id, first_seen_at, told_at)"
            " SELECT :tenant_id, :name, creator_id, :now, CAST(:told_at AS timestamptz)"
            " FROM unnest(CAST(:creators AS uuid[])) AS creator_id"
            " ON CONFLICT DO NOTHING RETURNING creator_id"
        ),
        {
            "tenant_id": access.tenant.id, "name": name, "now": now, "told_at": now if told else None,
            "creators": [str(one) for one in creators],
        },
    )  # fmt: skip
    return list(rows.scalars())


def _tell(session: Session, access: Access, name: str, now: datetime) -> None:
    """One task a search. While it is open it grows: its words name all who are new since it was last closed."""
    values = {"tenant_id": access.tenant.id, "name": name, "kind": TASK, "now": now}
    opened = session.execute(
        text(
            "SELECT opened_at FROM tasks WHERE tenant_id = :tenant_id AND kind = :kind AND subject = :name"
            " AND resolved_at IS NULL"
        ),
        values,
    ).scalar_one_or_none()
    names = list(
        session.execute(
            text(
                "SELECT creator.name FROM saved_search_hits AS hit JOIN creators AS creator"
                " ON creator.tenant_id = hit.tenant_id AND creator.id = hit.creator_id"
                " WHERE hit.tenant_id = :tenant_id AND hit.name = :name"
                " AND (hit.told_at IS NULL"
                " OR hit.told_at >= CAST(:opened AS timestamptz) AND hit.first_seen_at >= :opened)"
                " ORDER BY lower(creator.name), creator.id"
            ),
            {**values, "opened": opened},
        ).scalars()
    )
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    open_task(
        session, tenant_id=access.tenant.id, kind=TASK, about=access.tenant.id, subject=name,
        message=f"The search {name!r} finds {len(names)} new: {', '.join(names[:_NAMED])}{more}.",
        hint=f'Look at them: engagerr search run "{name}"', now=now,
    )  # fmt: skip
    session.execute(
        text(
            "UPDATE saved_search_hits SET told_at = :now WHERE tenant_id = :tenant_id AND name = :name"
            " AND told_at IS NULL"
        ),
        values,
    )
