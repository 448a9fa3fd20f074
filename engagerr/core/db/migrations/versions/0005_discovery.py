"""AI tasks and their accounts, creators' profiles and vectors, briefs, shortlists, and the marketplace's shelf."""

from engagerr.core.db.migrations.run_sql import run_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_file("0005_discovery.sql")
