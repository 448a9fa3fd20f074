"""Deals, contracts and deliverables; the ledger, holds, and what passes between us and the payment provider."""

from engagerr.core.db.migrations.run_sql import run_file

revision = "0006"
down_revision = "0005"

# In the order in which they stand on each other.
_FILES = ("ledger", "provider", "holds", "billing", "reconciliation", "deals", "contracts", "delivery")


def upgrade() -> None:
    for name in _FILES:
        run_file(f"0006_{name}.sql")
