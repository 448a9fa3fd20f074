"""A row in each table of delivery: one milestone with one deliverable that is live, was checked, and let pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from psycopg.rows import dict_row
from tests.fakes.cluster import Connection

Row = dict[str, Any]

WHEN = datetime(2026, 10, 21, 9, 0, tzinfo=UTC)


def fill(connection: Connection, write: Callable[..., Row], rows: dict[str, Row]) -> None:
    """What the signed contract asks for. The step moves the deliverable, so that is read back."""
    item, creator, member = rows["content_items"], rows["creators"], rows["members"]
    agreed = {"deal_id": rows["deals"]["id"], "contract_version_id": rows["contract_versions"]["id"]}
    since = {"state_since": WHEN, "created_at": WHEN}
    milestone = write(
        "deal_milestones", **agreed, **since, ref=f"M{uuid4().hex[:6]}", title="The video", currency="EUR",
        amount_minor=400_000, hold_id=rows["holds"]["id"],
    )  # fmt: skip
    deliverable = write(
        "deal_deliverables", **agreed, **since, milestone_id=milestone["id"], ref=f"D{uuid4().hex[:6]}",
        creator_id=creator["id"],
        creator=creator["name"], kind="youtube_integration", platform="youtube", revisions_allowed=2,
    )  # fmt: skip
    of_it = {"deal_id": rows["deals"]["id"], "deliverable_id": deliverable["id"]}
    step: Row = {"deliverable_id": deliverable["id"], "deal_id": rows["deals"]["id"], "sequence": 0, "from_state": ""}
    for days, (to, what) in enumerate(
        (
            ("submitted", {"link": "https://drafts.example/1"}), ("approved", {}),
            ("live", {"item_id": item["id"], "link": item["url"]}),
        ),
        start=1,
    ):  # fmt: skip
        write(
            "deliverable_steps", **step, **what, to_state=to, side="agency", actor_tenant_id=member["tenant_id"],
            member_id=member["id"], actor="Ann", round=0, at=WHEN + timedelta(days=days),
        )  # fmt: skip
    judged = {"item_id": item["id"], "text_hash": bytes(range(32))}
    write(
        "deliverable_checks", **of_it, **judged, run_id=uuid4(), item=f"{item['platform']}:{item['native_id']}",
        way="own", regime="DE 2020-11-07", verdict="missing", why="Nothing says that it is an ad.", checked_at=WHEN,
    )  # fmt: skip
    write(
        "deliverable_overrides", **judged, deliverable_id=deliverable["id"], reason="said in the first sentence",
        member_id=member["id"], at=WHEN,
    )  # fmt: skip
    with connection.cursor(row_factory=dict_row) as cursor:
        for table in ("deal_milestones", "deal_deliverables"):
            moved = cursor.execute(f"SELECT * FROM {table}").fetchone()
            assert moved is not None
            rows[table] = moved
