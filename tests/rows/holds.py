"""A hold with money in it, what moved and stopped it, and what came of that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.fakes.cluster import Connection

Row = dict[str, Any]


def fill(connection: Connection, write: Callable[..., Row], rows: dict[str, Row]) -> None:
    """One row in each table of holds."""
    from tests.factories import WHEN

    hold = write(
        "holds", subject=f"milestone:{uuid4()}", title="Trail video", currency="EUR", agreed_minor=100_000,
        customer="Trailpeak", shares=[{"party": "commission", "weight": 1}], terms_hash=bytes(32), silence_days=14,
        opened_at=WHEN,
    )  # fmt: skip
    write(
        "hold_payments", operation_id=uuid4(), hold_id=hold["id"], amount_minor=100_000, payment_id=f"pi_{uuid4().hex}",
        charge_id="ch_1", at=WHEN,
    )  # fmt: skip
    dispute = write(
        "disputes", provider_id=f"dp_{uuid4().hex}", hold_id=hold["id"], amount_minor=100, currency="EUR", state="open",
        opened_at=WHEN, updated_at=WHEN,
    )  # fmt: skip
    movement = write(
        "hold_movements", hold_id=hold["id"], kind="recall", key=f"recall:{uuid4()}", amount_minor=100, reason="late",
        needs_second=True, requested_at=WHEN, dispute_id=dispute["id"],
    )  # fmt: skip
    write("hold_shares", movement_id=movement["id"], party="commission", amount_minor=100, state="kept")
    write("hold_blocks", hold_id=hold["id"], kind="manual", reason="asked to wait", opened_at=WHEN)
    write(
        "payouts", provider_id=f"po_{uuid4().hex}", account="acct_1", amount_minor=100, currency="EUR", state="paid",
        updated_at=WHEN,
    )  # fmt: skip
    write(
        "receipts", kind="fund", subject=f"operation:{uuid4()}", amount_minor=100, currency="EUR",
        document={"title": "Trail video", "reason": None, "lines": []}, at=WHEN,
    )  # fmt: skip
    write(
        "fx_quotes", sell_minor=100, sell_currency="EUR", buy_minor=108, buy_currency="USD", rate="27/25",
        source="the bank", quoted_at=WHEN, expires_at=WHEN + timedelta(hours=1),
    )  # fmt: skip
    write("payment_limits", role="finance", currency="EUR", most_minor=100_000, updated_at=WHEN)
