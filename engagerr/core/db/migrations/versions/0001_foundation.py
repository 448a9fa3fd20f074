"""Tenancy, roster, content, observations and imports, with everything that guards them."""

from engagerr.core.db.migrations.run_sql import run_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_file("0001_functions.sql")
    run_file("0001_tables.sql")
    run_file("0001_guards.sql")
