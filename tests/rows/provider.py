"""What passes between us and the payment provider."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.fakes.cluster import Connection

Row = dict[str, Any]

_WHEN = datetime(2026, 10, 15, 9, 30, tzinfo=UTC)


def fill(connection: Connection, write: Callable[..., Row], rows: dict[str, Row]) -> None:
    """One of each: a customer, a payee, an operation that was never sent, an event, a cursor."""
    unique = uuid4().hex
    write("payment_customers", name="Trailhead", name_key=f"trailhead {unique}", email="pay@trailhead.example")
    payee = write(
        "payees", creator_id=rows["creators"]["id"], name="Ann Lee", name_key=f"ann lee {unique}", kind="individual",
        country="DE", currency="EUR",
    )  # fmt: skip
    write(
        "payment_operations", kind="account", purpose=f"payee {unique}", subject=f"payee:{payee['id']}",
        request={"contact_email": "ann@lee.example"}, request_hash=bytes(32), created_at=_WHEN, updated_at=_WHEN,
    )  # fmt: skip
    write(
        "provider_events", event_id=f"evt_{unique}", type="payout.paid", object_id="po_1", livemode=False,
        created_at=_WHEN, via="poll", payload={"id": f"evt_{unique}"}, received_at=_WHEN,
    )  # fmt: skip
    write("provider_cursors", name=f"events:{unique}", created_at=_WHEN, updated_at=_WHEN)
