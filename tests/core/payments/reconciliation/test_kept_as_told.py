"""What the provider reported is kept as it was reported, and what was decided stays written down."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.factories import a_tenant, fill_every_table, in_tenant
from tests.fakes.cluster import Connection


@pytest.fixture
def tenant_id(app_connection: Connection) -> UUID:
    with app_connection.transaction():
        made = a_tenant(app_connection)
        fill_every_table(app_connection, made)
    return made


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE provider_lines SET amount_minor = 1",
        "UPDATE provider_lines SET fee_minor = 0, currency = 'USD'",
        "DELETE FROM provider_lines",
        "UPDATE provider_payouts SET amount_minor = 1",
        "DELETE FROM provider_payouts",
        "UPDATE reconciliations SET opened = 0",
        "DELETE FROM reconciliations",
        "UPDATE differences SET theirs_minor = ours_minor",
        "DELETE FROM differences",
    ],
)
def test_the_application_may_not_rewrite_it(app_connection: Connection, tenant_id: UUID, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, tenant_id):
        app_connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("UPDATE provider_lines SET amount_minor = 1", "provider_lines_stands"),
        ("DELETE FROM provider_lines", "provider_lines_stands"),
        ("UPDATE provider_payouts SET currency = 'USD'", "provider_payouts_stands"),
        ("DELETE FROM provider_payouts", "provider_payouts_stands"),
    ],
)
def test_nor_may_the_owner(owner_connection: Connection, tenant_id: UUID, statement: str, refused: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as caught, in_tenant(owner_connection, tenant_id):
        owner_connection.execute(statement)
    assert caught.value.diag.constraint_name == refused


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ({"state": "open", "decided_at": "2026-10-15"}, "differences_decided_check"),
        ({"state": "dismissed", "decided_at": "2026-10-15", "reason": ""}, "differences_reason_check"),
        ({"state": "explained", "decided_at": "2026-10-15", "reason": None}, "differences_reason_check"),
        ({"state": "forgotten", "decided_at": "2026-10-15"}, "differences_state_check"),
    ],
)
def test_a_difference_is_not_decided_without_a_word(
    app_connection: Connection, tenant_id: UUID, values: dict[str, Any], refused: str
) -> None:
    changes = ", ".join(f"{name} = %({name})s" for name in values)
    with pytest.raises(psycopg.errors.CheckViolation) as caught, in_tenant(app_connection, tenant_id):
        app_connection.execute(f"UPDATE differences SET {changes}", values)
    assert caught.value.diag.constraint_name == refused


def test_a_lines_state_may_be_brought_up_to_date(app_connection: Connection, tenant_id: UUID) -> None:
    with in_tenant(app_connection, tenant_id):
        changed = app_connection.execute("UPDATE provider_lines SET status = 'pending', payout_id = 'po_1'")
        assert changed.rowcount == 1
