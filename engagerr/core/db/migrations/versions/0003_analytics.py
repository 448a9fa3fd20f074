"""Rollups, campaigns, and reports that go out by themselves."""

from engagerr.core.db.migrations.run_sql import run_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_file("0003_analytics.sql")
