"""The driver's own cursor in a session's transaction: for its kind of parameters (`%(name)s`), COPY and binary rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection


def driver_cursor(session: Connection, *, binary: bool = False) -> psycopg.Cursor[Any]:
    """A cursor of psycopg. In its `binary` form, numbers and bytes come over the line as they are: many rows of them
    are read without parsing digits."""
    connection = cast("psycopg.Connection[Any]", session.connection.driver_connection)
    return connection.cursor(binary=binary)
