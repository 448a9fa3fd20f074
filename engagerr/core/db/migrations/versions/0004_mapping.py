"""Content mapping: decisions that can be taken back exactly, what hangs on an item, and what a review skipped."""

from engagerr.core.db.migrations.run_sql import run_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_file("0004_mapping.sql")
