"""Formats that a workspace has made for itself: mappings of tables that no built-in format knows, kept under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from sqlalchemy import text

from engagerr.core.errors import Broken, Conflict, NotFound
from engagerr.core.integrations.formats.mapped_table import TableMapping, checked, format_of
from engagerr.core.integrations.formats.source import Format

if TYPE_CHECKING:
    from datetime import datetime

    from engagerr.core.db import Session


class NameTaken(Conflict):
    """A built-in format has this name."""


class UnknownSavedFormat(NotFound):
    """No mapping was saved under this name."""


def save_format(
    session: Session, tenant_id: UUID, mapping: TableMapping, member_id: UUID | None, now: datetime
) -> None:
    """Keep a mapping under its name, in place of an earlier one of that name.

    Raises `BadMapping` for one that cannot be used, and `NameTaken` for the name of a built-in format.
    """
    from engagerr.core.integrations.formats.table import FORMATS

    checked(mapping)
    if mapping.name == "auto" or any(mapping.name == known.name for known in FORMATS):
        raise NameTaken(
            f"{mapping.name!r} is a format that Engagerr brings along.",
            hint="Choose another name; `engagerr import formats` lists those that are taken.",
            facts={"name": mapping.name},
        )
    session.execute(
        text(
            "INSERT INTO saved_formats (tenant_id, name, definition, member_id, saved_at)"
            " VALUES (:tenant_id, :name, CAST(:definition AS jsonb), :member_id, :saved_at)"
            " ON CONFLICT (tenant_id, name) DO UPDATE SET definition = excluded.definition,"
            " member_id = excluded.member_id, saved_at = excluded.saved_at"
        ),
        {
            "tenant_id": tenant_id,
            "name": mapping.name,
            "definition": msgspec.json.encode(mapping).decode(),
            "member_id": member_id,
            "saved_at": now,
        },
    )


def load_formats(session: Session, tenant_id: UUID) -> tuple[Format, ...]:
    """The saved formats, in the order of their names."""
    rows = session.execute(
        text("SELECT name, definition FROM saved_formats WHERE tenant_id = :tenant_id ORDER BY name"),
        {"tenant_id": tenant_id},
    )
    return tuple(_format(row.name, row.definition) for row in rows)


def remove_format(session: Session, tenant_id: UUID, name: str) -> None:
    """Forget a saved format; what was imported with it stays. Raises `UnknownSavedFormat`."""
    removed = session.execute(
        text("DELETE FROM saved_formats WHERE tenant_id = :tenant_id AND name = :name RETURNING name"),
        {"tenant_id": tenant_id, "name": name},
    ).one_or_none()
    if removed is None:
        raise UnknownSavedFormat(
            f"No format was saved as {name!r}.",
            hint="`engagerr import formats` lists the saved ones at the end.",
            facts={"name": name},
        )


def _format(name: str, definition: object) -> Format:
    try:
        return format_of(msgspec.convert(definition, TableMapping))
    except msgspec.ValidationError as error:
        raise Broken(
            f"The saved format {name!r} cannot be read ({error}).",
            hint=f"Remove it and map the file again: engagerr import remove-format {name}",
            facts={"name": name},
        ) from error
