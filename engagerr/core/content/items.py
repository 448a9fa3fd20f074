"""How items and edges are named by a person, and found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from engagerr.core.db import Session

_SHORT_ID = re.compile(r"[0-9a-f]{6,31}")


def find_item(session: Session, name: str) -> UUID:
    """The item with this id, or named `platform:native_id`."""
    from sqlalchemy import text

    wanted = _uuid(name)
    if wanted is not None:
        found = session.execute(
            text("SELECT id FROM content_items WHERE id = :id"), {"id": wanted}
        ).scalar_one_or_none()
    else:
        platform, separator, native_id = name.strip().partition(":")
        if not separator or not native_id:
            raise InvalidInput(
                f"{name!r} does not name an item.", hint="Write platform:native_id, for example youtube:3FKyVeipMss."
            )
        found = session.execute(
            text(
                "SELECT id FROM content_items WHERE tenant_id = engagerr_tenant() AND platform = :platform"
                " AND native_id = :native_id"
            ),
            {"platform": platform.lower(), "native_id": native_id},
        ).scalar_one_or_none()
    if found is None:
        raise NotFound(
            f"There is no item {name!r} here.", hint="`engagerr content list` shows what is.", facts={"item": name}
        )
    return UUID(str(found))


def find_edge(session: Session, name: str) -> UUID:
    """The edge with this id, or whose id ends in these six or more hexadecimal digits."""
    from sqlalchemy import text

    wanted = _uuid(name)
    if wanted is not None:
        found = session.execute(text("SELECT id FROM content_edges WHERE id = :id"), {"id": wanted}).scalars().all()
    elif _SHORT_ID.fullmatch(name.strip().lower()):
        found = (
            session.execute(
                text("SELECT id FROM content_edges WHERE right(replace(id::text, '-', ''), :length) = :tail LIMIT 2"),
                {"length": len(name.strip()), "tail": name.strip().lower()},
            )
            .scalars()
            .all()
        )
    else:
        raise InvalidInput(
            f"{name!r} does not name an edge.", hint="Give its id, or the last six or more digits of it."
        )
    if len(found) > 1:
        raise InvalidInput(f"More than one edge ends in {name!r}.", hint="Give more digits of the id.")
    if not found:
        raise NotFound(
            f"There is no edge {name!r} here.", hint="`engagerr content suggest` shows their ids.", facts={"edge": name}
        )
    return UUID(str(found[0]))


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name.strip())
    except ValueError:
        return None
