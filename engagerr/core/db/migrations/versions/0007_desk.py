"""What the console rests on: marks and saved views, change notices, notes; money by four eyes; a faster ledger."""

from engagerr.core.db.migrations.run_sql import run_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_file("0007_desk.sql")
    run_file("0007_notes.sql")
    run_file("0007_money.sql")
    run_file("0007_ledger.sql")
