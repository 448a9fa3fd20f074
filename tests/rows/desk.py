"""A mark on something that waits, taken back, and a view that somebody kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.fakes.cluster import Connection

Row = dict[str, Any]

_WHEN = datetime(2026, 10, 15, 9, 30, tzinfo=UTC)


def fill(connection: Connection, write: Callable[..., Row], rows: dict[str, Row]) -> None:
    """One row in each table of the desk."""
    member_id = rows["members"]["id"]
    given = {"key": "hold:1", "member_id": member_id, "assignee_id": member_id, "at": _WHEN}
    mark = write("desk_marks", kind="assigned", **given)
    write("desk_marks", kind="undone", undoes=mark["id"], **given)
    write(
        "desk_views", screen="roster", name="Big ones", member_id=member_id, state={"sort": "followers"},
        created_at=_WHEN, updated_at=_WHEN,
    )  # fmt: skip
