"""Runs a commented SQL file of this folder inside the current migration."""

from __future__ import annotations

from pathlib import Path

from alembic import op

_SQL = Path(__file__).parent / "sql"


def run_file(name: str) -> None:
    """Run the file as one script; `:app` stands for the application role."""
    connection = op.get_bind()
    app = op.get_context().config.attributes["app_role"]  # type: ignore[union-attr]
    quoted = '"' + str(app).replace('"', '""') + '"'
    script = (_SQL / name).read_text(encoding="utf-8").replace("TO :app", f"TO {quoted}")
    # The driver's own cursor: the scripts hold no parameters, and percent signs and colons mean what they say.
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(script)
