"""Saved views: how somebody likes to see a screen (filter, sort, columns), for themselves or for everybody."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.db import Session

LARGEST_STATE_BYTES = 12_000
LONGEST_NAME = 80
MOST_VIEWS = 100
_SCREEN = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class View:
    """A saved view. `state` is what the screen wrote and reads again; `mine`: this member made it."""

    id: UUID
    screen: str
    name: str
    state: Mapping[str, Any]
    shared: bool
    mine: bool
    by: str
    updated_at: datetime


def save(work: Workspace, screen: str, name: str, state: Mapping[str, Any], *, shared: bool = False) -> View:
    """Keep a view under a name (letter case aside); one of the same name is replaced.

    `shared` ones are everybody's, and are replaced by whoever takes part in deals. `state` is JSON of at most 12,000
    bytes. `InvalidInput` beyond that, beyond 100 views of a screen, or for what is no JSON.
    """
    called = _checked_name(screen, name)
    document = _document(state)
    with work.access.transaction(Permission.READ_DEALS if shared else Permission.READ) as session:
        values = {
            **_who(work), "screen": screen, "name": called, "state": document, "shared": shared,
            "now": work.access.clock.now(),
        }  # fmt: skip
        if session.execute(text(_COUNT), values).scalar_one() >= MOST_VIEWS:
            raise InvalidInput(f"{screen} has {MOST_VIEWS} saved views.", hint="Remove one first.")
        made = session.execute(text(_SAVE_SHARED if shared else _SAVE_OWN), values).scalar_one()
        work.access.audit(session, "desk.view_saved", f"view:{made}", screen=screen, name=called, shared=shared)
        return next(view for view in _read(session, work, screen) if view.id == made)


def list(work: Workspace, screen: str) -> tuple[View, ...]:
    """The views of a screen: this member's own and those that are shared, by name."""
    _checked_name(screen, "any")
    with work.access.transaction(Permission.READ) as session:
        return builtins.tuple(_read(session, work, screen))


def remove(work: Workspace, screen: str, name: str, *, shared: bool = False) -> None:
    """Remove a view of one's own, or a shared one: who made it, or who manages members. `NotFound` without one."""
    called = _checked_name(screen, name)
    with work.access.transaction(Permission.READ) as session:
        for view in _read(session, work, screen):
            if view.name.lower() == called.lower() and view.shared == shared:
                if not view.mine:
                    work.access.require(Permission.MANAGE_MEMBERS, session)
                session.execute(
                    text("DELETE FROM desk_views WHERE tenant_id = :tenant_id AND id = :id"),
                    {**_who(work), "id": view.id},
                )
                work.access.audit(session, "desk.view_removed", f"view:{view.id}", screen=screen, name=view.name)
                return
    raise NotFound(f"There is no view {called!r} of {screen}.", hint="Its list shows those there are.")


def _read(session: Session, work: Workspace, screen: str) -> builtins.list[View]:
    rows = session.execute(text(_LIST), {**_who(work), "screen": screen})
    return [
        View(
            row.id, row.screen, row.name, row.state, row.shared, row.member_id == work.member.id, row.maker,
            row.updated_at,
        )
        for row in rows
    ]  # fmt: skip


def _checked_name(screen: str, name: str) -> str:
    called = " ".join(name.split())
    if not _SCREEN.fullmatch(screen):
        raise InvalidInput(f"{screen[:40]!r} is no name of a screen.", hint="For example: roster.")
    if not called or len(called) > LONGEST_NAME or not called.isprintable():
        raise InvalidInput("A view needs a name of 1 to 80 characters.", hint="Give it a shorter one.")
    return called


def _document(state: Mapping[str, Any]) -> str:
    try:
        document = json.dumps(dict(state), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"The view cannot be kept: {error}.", hint="Only what JSON can hold is kept.") from error
    size = len(document.encode("utf-8", "surrogatepass"))
    if size > LARGEST_STATE_BYTES or "\\u0000" in document:
        raise InvalidInput(
            f"The view is too large to be kept: {size:,} bytes of {LARGEST_STATE_BYTES:,}."
            if size > LARGEST_STATE_BYTES else "The view holds a character that cannot be kept.",
            hint="Keep filters, not rows.",
        )  # fmt: skip
    return document


def _who(work: Workspace) -> dict[str, Any]:
    return {"tenant_id": work.access.tenant.id, "member_id": work.member.id}


_LIST = """
SELECT view.*, coalesce(maker.name, maker.email) AS maker
FROM desk_views AS view
JOIN members AS maker ON maker.tenant_id = view.tenant_id AND maker.id = view.member_id
WHERE view.tenant_id = :tenant_id AND view.screen = :screen AND (view.shared OR view.member_id = :member_id)
ORDER BY lower(view.name), view.shared, view.id
"""
_COUNT = """
SELECT count(*) FROM desk_views
WHERE tenant_id = :tenant_id AND screen = :screen AND shared = :shared AND (shared OR member_id = :member_id)
  AND lower(name) <> lower(:name)
"""
_INSERT = """
INSERT INTO desk_views (tenant_id, screen, name, member_id, shared, state, created_at, updated_at)
VALUES (:tenant_id, :screen, :name, :member_id, :shared, CAST(:state AS jsonb), :now, :now)
"""
_REPLACE = "DO UPDATE SET name = excluded.name, state = excluded.state, updated_at = excluded.updated_at RETURNING id"
_SAVE_OWN = f"{_INSERT} ON CONFLICT (tenant_id, screen, member_id, lower(name)) WHERE NOT shared {_REPLACE}"
_SAVE_SHARED = f"{_INSERT} ON CONFLICT (tenant_id, screen, lower(name)) WHERE shared {_REPLACE}"
