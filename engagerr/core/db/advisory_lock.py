"""Advisory locks that outlive transactions: held by a connection of their own, and gone with the process."""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import text

from engagerr.core.db.database import in_words

if TYPE_CHECKING:
    from engagerr.core.db.database import Database, Session

# What pg_locks shows of an advisory lock with one number of 64 bits.
_OF_KEY = (
    "locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND ((classid::bigint << 32) | objid::bigint) = hashtextextended({key}, 0)"
)


class AdvisoryLock:
    """One holder at a time in the whole database. PostgreSQL lets go of it when the holder's connection ends: at once
    after a kill -9, within 20 seconds when the holder's machine is gone. Not for a pooler that shares connections."""

    def __init__(self, database: Database, key: str, *, holder: str) -> None:
        self._database = database
        self._key = key
        self._holder = holder
        self._connection: psycopg.Connection[Any] | None = None
        self._asking = threading.RLock()  # one thread at a time speaks to the connection, or ends it

    def take(self) -> bool:
        """Take it if it is free, without waiting; True also if it is ours already."""
        with self._asking:
            if self.is_held():
                return True
            connection = self._database.connection_of_its_own(application_name=self._holder)
            try:
                taken = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [self._key])
                free = taken.fetchone() == (True,)
            except psycopg.Error as error:
                connection.close()
                raise in_words(error) from error
            if free:
                self._connection = connection
            else:
                connection.close()
            return free

    def is_held(self) -> bool:
        """Whether it is ours now, asked of the server: a connection that was lost has lost the lock."""
        with self._asking:
            if self._connection is None:
                return False
            try:
                found = self._connection.execute(
                    f"SELECT 1 FROM pg_locks WHERE pid = pg_backend_pid() AND {_OF_KEY.format(key='%s')}",  # noqa: S608
                    [self._key],
                ).fetchone()
            except psycopg.Error:
                found = None
            if found is None:
                self.release()
            return found is not None

    def release(self) -> None:
        """Let go of it."""
        with self._asking:
            if self._connection is not None:
                with contextlib.suppress(psycopg.Error):
                    # A connection that is closed is gone here at once and over there a moment later.
                    self._connection.execute("SELECT pg_advisory_unlock_all()")
                with contextlib.suppress(psycopg.Error):
                    self._connection.close()
                self._connection = None

    def __enter__(self) -> AdvisoryLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder_of(session: Session, key: str) -> str | None:
    """Who holds the lock now, as they named themselves; None if nobody does."""
    holder: str | None = session.execute(
        text(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE "  # noqa: S608
            + _OF_KEY.format(key=":key")
        ),
        {"key": key},
    ).scalar_one_or_none()
    return holder
