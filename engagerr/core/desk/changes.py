"""What others change in this workspace, as it happens: the database tells, over a connection of its own."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import psycopg

from engagerr.core.errors import Unavailable
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from uuid import UUID

    from engagerr.core.api import Workspace

HEARTBEAT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """Something changed. `kind` is what was done ("hold.released", "import.finished", "sync.succeeded"), `subject` the
    noun and id that it was done to ("hold:0197…"), None where the change has no id; `at` is when it was heard."""

    kind: str
    subject: str | None
    at: datetime


def channel_of(tenant_id: UUID) -> str:
    """The channel on which the database tells the changes of a workspace."""
    return f"engagerr_{tenant_id.hex}"


def follow(work: Workspace, *, seconds: float = 60) -> Iterator[Change | None]:
    """Every change of this workspace from now on, by whomever, for so many seconds; None at least every second.

    Who may read is asked once, at the beginning: follow again after the time. What happens between two followings is
    not told twice nor kept, so read anew what is shown. Closing the iterator closes the connection.

    Raises:
        Unavailable: the connection was lost. Follow again, and read anew what is shown.
    """
    with work.access.transaction(Permission.READ):
        pass
    connection = work.access.database.connection_of_its_own(application_name="engagerr: changes")
    return _changes(work, connection, seconds)


def _changes(work: Workspace, connection: psycopg.Connection[object], seconds: float) -> Iterator[Change | None]:
    clock, until = work.access.clock, time.monotonic() + seconds
    try:
        with contextlib.closing(connection):
            connection.execute(f"LISTEN {channel_of(work.access.tenant.id)}")
            yield None  # from here on, nothing is missed
            while (left := until - time.monotonic()) > 0:
                heard = False
                for told in connection.notifies(timeout=min(left, HEARTBEAT_SECONDS), stop_after=1):
                    heard = True
                    said = json.loads(told.payload)
                    yield Change(said["kind"], said["subject"], clock.now())
                if not heard:
                    yield None
    except psycopg.Error as error:
        raise Unavailable(
            "The database no longer tells what changes: the connection was lost.",
            hint="It is tried again by itself; `engagerr db status` says how the database is.",
            retry_after=HEARTBEAT_SECONDS,
        ) from error
