"""Connections to platforms, sync, events and the schedule."""

from engagerr.core.db.migrations.run_sql import run_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_file("0002_platforms.sql")
