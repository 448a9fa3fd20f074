"""The provider's books as copied, a run of reconciliation and a difference that it found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.fakes.cluster import Connection

Row = dict[str, Any]

_WHEN = datetime(2026, 10, 15, 9, 30, tzinfo=UTC)


def fill(connection: Connection, write: Callable[..., Row], rows: dict[str, Row]) -> None:
    """One row in each table of reconciliation."""
    write(
        "provider_lines", account="", line_id="txn_1", kind="charge", currency="EUR", amount_minor=120_000,
        fee_minor=1_825, source_id="ch_1", related_ids=["pi_1"], status="available", created_at=_WHEN, fetched_at=_WHEN,
    )  # fmt: skip
    write(
        "provider_payouts", account="acct_1", payout_id="po_1", currency="EUR", amount_minor=90_000, status="paid",
        automatic=False, created_at=_WHEN, fetched_at=_WHEN,
    )  # fmt: skip
    write("reconciliation_cursors", account="", stream="lines", through_at=_WHEN, updated_at=_WHEN)
    run = write(
        "reconciliations", started_at=_WHEN, finished_at=_WHEN, through_at=_WHEN, lines=1, payouts=1, transfers=0,
        matched=0, opened=1, cleared=0, kinds={"unknown_object": 1},
    )  # fmt: skip
    write(
        "differences", fingerprint=uuid4().bytes + uuid4().bytes, kind="unknown_object", account="", object_id="ch_1",
        currency="EUR", theirs_minor=118_175, found_by=run["id"], found_at=_WHEN, seen_by=run["id"],
    )  # fmt: skip
