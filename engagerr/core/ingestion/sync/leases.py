"""Leases: one run at a time works on an account. A lease runs out when nobody renews it, and goes at once to the next
run when its holder was a process of this machine that is gone."""

from __future__ import annotations

import os
import socket
import threading
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, EngagerrError
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.clock import Clock
    from engagerr.core.db import Database, Session


class LeaseHeld(Conflict):
    """Another run is working on the account."""


class LeaseLost(Conflict):
    """The lease ran out, and another run took the account over."""


def machine() -> str:
    """This machine since it booted: processes are known by their number only so far. Containers that share a name
    number their processes each for itself."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        numbering = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        boot = numbering = ""
    return f"{socket.gethostname()}~{boot}.{numbering}"


def holder_of_this_process() -> str:
    """Who we are, for others to read: machine and process."""
    return f"{machine()}:{os.getpid()}"


def is_gone(holder: str) -> bool:
    """Whether the holder was a process of this machine that runs no more. Of other machines nobody can tell."""
    where, _, process = holder.rpartition(":")
    if where != machine() or not process.isdigit() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return _is_zombie(process)


def _is_zombie(process: str) -> bool:
    """Whether it is dead and nobody has collected it: in a container without an init that may last for ever."""
    try:
        status = Path("/proc", process, "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # The state stands behind the name, which may hold anything, brackets too.
    return status.rpartition(")")[2].split()[:1] in (["Z"], ["X"])


def take_lease(
    session: Session, *, tenant_id: UUID, account_id: UUID, account: str, run_id: UUID, now: datetime, seconds: int
) -> None:
    """Take the account for this run, or raise `LeaseHeld` saying who has it and until when."""
    session.execute(text(_NEED_NOT_LAST))
    values = {
        "tenant_id": tenant_id, "account_id": account_id, "run_id": run_id, "holder": holder_of_this_process(),
        "now": now, "until": now + timedelta(seconds=seconds),
    }  # fmt: skip
    held = session.execute(text(_HELD), values).one_or_none()
    gone = held.holder if held is not None and is_gone(held.holder) else None
    # Said without waiting: whoever lands a page holds the row until it has landed.
    if held is not None and held.until > now and gone is None:
        raise _is_held(account, held.holder, held.until)
    taken = session.execute(
        text(
            """
            INSERT INTO sync_leases AS lease (tenant_id, account_id, run_id, holder, taken_at, until)
            VALUES (:tenant_id, :account_id, :run_id, :holder, :now, :until)
            ON CONFLICT (tenant_id, account_id) DO UPDATE
              SET run_id = :run_id, holder = :holder, taken_at = :now, until = :until
              WHERE lease.until <= :now OR lease.holder = CAST(:gone AS text)
            RETURNING 1
            """
        ),
        {**values, "gone": gone},
    ).one_or_none()
    if taken is None:
        row = session.execute(text(_HELD), values).one_or_none()
        raise _is_held(account, *(row or ("another run", now)))


# A lease that a crash of the server forgets was held on a connection that went with it: nobody waits for the disk.
_NEED_NOT_LAST = "SET LOCAL synchronous_commit TO off"
_HELD = "SELECT holder, until FROM sync_leases WHERE tenant_id = :tenant_id AND account_id = :account_id"


def _is_held(account: str, holder: str, until: datetime) -> LeaseHeld:
    return LeaseHeld(
        f"{account} is being synced by {holder.replace('~', ' since boot ')}.",
        hint=f"Its lease is renewed while it lives and ends at {until:%H:%M:%S} UTC if it has died.",
        facts={"account": account, "holder": holder, "until": until.isoformat()},
    )


def require_lease(
    session: Session, *, tenant_id: UUID, account_id: UUID, account: str, run_id: UUID, now: datetime, seconds: int
) -> None:
    """Renew the lease and hold it still for this transaction; raises `LeaseLost` if it is no longer this run's."""
    ours = session.execute(
        text(
            "UPDATE sync_leases SET until = :until WHERE tenant_id = :tenant_id AND account_id = :account_id"
            " AND run_id = :run_id RETURNING 1"
        ),
        {
            "tenant_id": tenant_id, "account_id": account_id, "run_id": run_id,
            "until": now + timedelta(seconds=seconds),
        },
    ).one_or_none()  # fmt: skip
    if ours is None:
        raise LeaseLost(
            f"The lease on {account} ran out and another run took it over.",
            hint="Nothing is lost: that run goes on from the last page that landed.",
            facts={"account": account},
        )


def release_lease(session: Session, *, tenant_id: UUID, account_id: UUID, run_id: UUID) -> None:
    """Give the account back, if it is still ours; in a transaction of its own."""
    session.execute(text(_NEED_NOT_LAST))
    session.execute(
        text("DELETE FROM sync_leases WHERE tenant_id = :tenant_id AND account_id = :account_id AND run_id = :run_id"),
        {"tenant_id": tenant_id, "account_id": account_id, "run_id": run_id},
    )


class Heartbeat:
    """Renews all leases of a run from a thread of its own, however long a worker waits for a platform."""

    def __init__(self, database: Database, *, clock: Clock, tenant_id: UUID, run_id: UUID, seconds: int) -> None:
        self._database = database
        self._clock = clock
        self._tenant_id = tenant_id
        self._run_id = run_id
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="engagerr-leases", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self._seconds / 3):
            try:
                with self._database.transaction(self._tenant_id) as session:
                    session.execute(
                        text(
                            # A lease that is held just now is being renewed by its worker. To wait for it could be to
                            # wait in a circle.
                            "UPDATE sync_leases SET until = :until WHERE tenant_id = :tenant_id AND account_id IN ("
                            " SELECT account_id FROM sync_leases WHERE tenant_id = :tenant_id AND run_id = :run_id"
                            " FOR UPDATE SKIP LOCKED)"
                        ),
                        {
                            "tenant_id": self._tenant_id, "run_id": self._run_id,
                            "until": self._clock.now() + timedelta(seconds=self._seconds),
                        },
                    )  # fmt: skip
            except EngagerrError as error:
                # The next beat may get through; if none does, the pages find the lease gone and stop.
                log("sync.heartbeat_missed", level="warning", run=str(self._run_id), error=str(error))
