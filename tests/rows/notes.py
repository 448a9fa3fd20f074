"""A note on a creator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.fakes.cluster import Connection

Row = dict[str, Any]

WHEN = datetime(2026, 10, 15, 9, 30, tzinfo=UTC)


def fill(connection: Connection, write: Callable[..., Row], rows: dict[str, Row]) -> None:
    """One that was removed: every column is filled."""
    member_id = rows["members"]["id"]
    write(
        "creator_notes", creator_id=rows["creators"]["id"], body="Answers within a day, never on Fridays.",
        member_id=member_id, written_at=WHEN, removed_at=WHEN, removed_by=member_id,
    )  # fmt: skip
