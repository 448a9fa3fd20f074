"""A row in each table of deals and proposals: a deal with an offer, and what the workspace keeps to itself of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

from psycopg.rows import dict_row
from tests.fakes.cluster import Connection

Row = dict[str, Any]

WHEN = datetime(2026, 10, 15, 9, 30, tzinfo=UTC)


def fill(connection: Connection, write: Callable[..., Row], rows: dict[str, Row]) -> None:
    """A deal that nobody has joined: the other tenant must not see a thing of it."""
    creator, member = rows["creators"], rows["members"]
    deal = write(
        "deals", keeper="-", side="agency", title=f"Trail shoes {uuid4().hex[:8]}", brand="Alpenpfad",
        brand_email="mara@alpenpfad.example", flow="agency", currency="EUR", stage_since=WHEN,
        stage_member_id=member["id"], stage_actor="Ann", stage_role="owner", created_at=WHEN, updated_at=WHEN,
    )  # fmt: skip
    with connection.cursor(row_factory=dict_row) as cursor:
        # Its trigger wrote it.
        step = cursor.execute("SELECT * FROM deal_steps WHERE deal_id = %s", [deal["id"]]).fetchone()
    assert step is not None
    rows["deal_steps"] = step
    write("deal_creators", deal_id=deal["id"], creator_id=creator["id"], name=creator["name"], added_at=WHEN)
    own = {"deal_id": deal["id"], "deal_tenant_id": deal["tenant_id"]}
    write("deal_sides", **own, owner_id=member["id"], expected_minor=400_000, note="they pay late", updated_at=WHEN)
    write(
        "deal_invitations", deal_id=deal["id"], code_hash=sha256(uuid4().bytes).digest(), made_at=WHEN,
        expires_at=WHEN + timedelta(days=14),
    )  # fmt: skip
    write("deal_ageing", stage="proposed", days=5)
    line = {"ref": "1", "creator_id": str(creator["id"]), "deliverable": "youtube_integration", "quantity": 1}
    document = {"currency": "EUR", "lines": [{**line, "unit_minor": 400_000}]}
    write("proposal_drafts", **own, document=document, floor_minor=350_000, updated_at=WHEN)
    proposal = write(
        "proposals", deal_id=deal["id"], version=1, side="agency", document=document, currency="EUR",
        total_minor=400_000, sent_by="Ann", sent_at=WHEN,
    )  # fmt: skip
    write(
        "proposal_secrets", **own, proposal_id=proposal["id"], currency="EUR", floor_minor=350_000, cost_minor=300_000,
        written_at=WHEN,
    )  # fmt: skip
