"""The embedded PostgreSQL: found in the wheel, initialised closed, started on demand, shared and stopped.

Layout, with `base` = `home/postgres` (for root a symlink to `/var/lib/engagerr/<id>`, because PostgreSQL refuses
root and no folder above the home may be opened for the account that it runs as):

    home/postgres.lock       taken by whoever starts or stops the server
    home/postgres.ready      written last: roles, database and extensions are all there
    home/secrets/postgres-*  one password a role, 0600
    base/data, base/run      the cluster and its socket, 0700, owned by the account that the server runs as
    base/engagerr.conf       settings, rewritten at every start; included by data/postgresql.conf
    base/socket_dir          where the socket is, when `base/run` is too long a name for one

The wheel's own Python layer is never imported: it trusts every local user and opens every folder above the data.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.db.embedded.account import SYSTEM_ROOT, Account, system_account
from engagerr.core.db.embedded.configuration import configuration
from engagerr.core.db.embedded.files import last_line, make_folder, size_bytes_of, write_file
from engagerr.core.db.embedded.postmaster import (
    PORT,
    Postmaster,
    ServerAddress,
    drop_old_logs,
    fits_a_socket,
    forget_dead_postmaster,
    log_tail,
    serving,
)
from engagerr.core.db.embedded.programs import programs_for, wheel_version
from engagerr.core.errors import EngagerrError, Forbidden, InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    import psycopg

DATABASE = "engagerr"
SUPERUSER = "postgres"
ROLES = ("engagerr_owner", "engagerr_app")

_START_SECONDS = 120
_SHELL_SPECIAL = re.compile(r'["$`\\]')

_GRANTS = (
    f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
    f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO engagerr_app",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    # Loading a month: compressing the pages of its indexes takes longer than writing them to the log.
    "GRANT SET ON PARAMETER wal_compression TO engagerr_owner",
    "CREATE EXTENSION IF NOT EXISTS ltree",
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "CREATE EXTENSION IF NOT EXISTS vector",
)
# What a home was last prepared with: a newer Engagerr adds an extension or a right to homes that are there already.
_PREPARED = hashlib.sha256("\n".join(_GRANTS).encode()).hexdigest()[:16]
_HBA = "# Every connection comes through the private socket and proves a password.\n" + "".join(
    f"local {database} all scram-sha-256\n" for database in ("all", "replication")
)


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of the server without asking it. `size_bytes` is what the data takes on disk."""

    running: bool
    pid: int | None
    version: str
    data_dir: Path
    socket_dir: Path
    port: int
    size_bytes: int | None
    started_at: datetime | None


class EmbeddedServer:
    """The one PostgreSQL of one Engagerr home. `durable=False` trades crash safety for speed: for tests only."""

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self._home = Path(home).absolute()
        self._durable = durable
        self._ready = self._home / "postgres.ready"

    def address(self) -> ServerAddress | None:
        """Where the server is, from files alone; None if this home has no database yet."""
        with _own_files(self._home):
            return self._address_at(self._base()) if self._ready.exists() else None

    def is_running(self) -> bool:
        """Whether the server accepts connections just now."""
        address = self.address()
        with _own_files(self._home):
            return address is not None and serving(address)

    def password(self, role: str) -> str:
        """The password of `postgres`, `engagerr_owner` or `engagerr_app`; NotFound before the first start."""
        if role not in (SUPERUSER, *ROLES):
            known = ", ".join((SUPERUSER, *ROLES))
            raise InvalidInput(f"The embedded database has no role {role!r}.", hint=f"It has {known}.")
        path = self._secret(role)
        with _own_files(self._home):
            try:
                return path.read_text("ascii").strip()
            except FileNotFoundError:
                raise NotFound(
                    f"The password of the database role {role} is not at {path}.",
                    hint="It is made at the first start. If this home has data, restore home/secrets from a backup.",
                ) from None

    def status(self) -> ServerStatus:
        """Process, place and size of the server; also for a home that has none yet."""
        running = self.is_running()
        with _own_files(self._home):
            address = self._address_at(self._base())
            postmaster = Postmaster.read(address.data_dir) if running else None
            return ServerStatus(
                running=postmaster is not None,
                pid=postmaster.pid if postmaster else None,
                version=wheel_version(),
                data_dir=address.data_dir,
                socket_dir=address.socket_dir,
                port=address.port,
                size_bytes=size_bytes_of(address.data_dir) if address.data_dir.exists() else None,
                started_at=datetime.fromtimestamp(postmaster.started_at, UTC) if postmaster else None,
            )

    def start(self) -> ServerAddress:
        """Make sure that the server runs and is ready, initialising it the first time.

        Any number of processes may call this at once. The server outlives the process that started it. Raises
        Unavailable when PostgreSQL cannot be started, with the end of its log.
        """
        address = self.address()
        with _own_files(self._home):
            if address is not None and serving(address) and self._is_prepared():
                return address
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                return self._start_locked()

    def stop(self) -> bool:
        """Stop the server, ending its connections; False when it was not running."""
        with _own_files(self._home):
            if not (self._home / "postgres.lock").exists():
                return False
            with self._locked():
                address = self._address_at(self._base())
                postmaster = Postmaster.read(address.data_dir)
                if postmaster is None or not postmaster.alive(address.data_dir):
                    return False
                account = Account.owning(address.data_dir)
                self._stop_locked(address, programs_for(account, self._base()), account)
                return True

    # What is where

    def _base(self) -> Path:
        link = self._home / "postgres"
        try:
            return link.readlink()
        except OSError:
            return link

    def _address_at(self, base: Path) -> ServerAddress:
        socket_dir = base / "run"
        if not fits_a_socket(socket_dir) and (base / "socket_dir").exists():
            recorded = Path((base / "socket_dir").read_text("utf-8", "surrogateescape"))
            # After a reboot has emptied the temporary folder, anyone may have taken that name.
            if Account.owning(base).owns_privately(recorded):
                socket_dir = recorded
        return ServerAddress(socket_dir=socket_dir, port=PORT, data_dir=base / "data", database=DATABASE)

    def _secret(self, role: str) -> Path:
        return self._home / "secrets" / f"postgres-{role}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._home / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            # Unlocked by name: a child forked meanwhile by another thread still holds a copy of the descriptor.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    # Starting and stopping, under the lock

    def _start_locked(self) -> ServerAddress:
        base, account = self._claim()
        programs = programs_for(account, base)
        for leftover in base.glob("init-*"):
            shutil.rmtree(leftover, ignore_errors=True)  # an orphaned initdb may still be writing: next time, then
        if not (base / "data").exists():
            if self._ready.exists():  # an empty database in its place would look like nothing had ever been there
                raise Unavailable(
                    f"The data of this home is gone: there is no {base / 'data'}.",
                    hint=f"Restore it from a backup. To begin anew, use another ENGAGERR_HOME or remove {self._ready}.",
                )
            for role in (SUPERUSER, *ROLES):
                self._make_secret(role)
            self._initialise(base, programs, account)
        made_by, ours = (base / "data" / "PG_VERSION").read_text().strip(), wheel_version().split(".")[0]
        if made_by != ours:
            raise Unavailable(
                f"The data in {base / 'data'} was made by PostgreSQL {made_by}; this Engagerr brings {ours}.",
                hint="Export it with the Engagerr version that made it, or convert it with pg_upgrade.",
                facts={"data_dir": str(base / "data"), "made_by": made_by, "installed": ours},
            )
        self._make_socket_dir(base, account)
        address = self._address_at(base)
        write_file(base / "engagerr.conf", configuration(address.socket_dir, durable=self._durable), mode=0o644)
        self._bring_up(address, programs, account)
        if not self._is_prepared():
            self._make_roles(address)
            write_file(self._ready, f"{datetime.now(UTC).isoformat()} {_PREPARED}\n")
        return address

    def _is_prepared(self) -> bool:
        return self._ready.exists() and self._ready.read_text(encoding="ascii").split()[1:] == [_PREPARED]

    def _claim(self) -> tuple[Path, Account]:
        """The base folder, made if missing, and the account that the server runs as."""
        link = self._home / "postgres"
        if "\n" in str(link):
            raise InvalidInput("The name of the Engagerr home holds a line break, which PostgreSQL cannot take.")
        if os.geteuid() != 0:
            make_folder(link, 0o700)
            return link, Account(os.geteuid(), os.getegid())
        if link.exists() and not link.is_symlink():
            raise Forbidden(
                f"{link} was made by an ordinary user, and PostgreSQL refuses to run as root.",
                hint=f"Run it as that user (sudo -u '#{link.stat().st_uid}' …), or choose another ENGAGERR_HOME.",
            )
        account = system_account()
        if not link.is_symlink():
            # The link comes first: killed after it, the next start makes the folder; nothing is left without an owner.
            link.symlink_to(SYSTEM_ROOT / secrets.token_hex(6))
        base = link.readlink()
        if base.parent != SYSTEM_ROOT:
            raise Unavailable(
                f"{link} leads to {base}, outside {SYSTEM_ROOT}.",
                hint="Remove the link if the data there is not wanted, or choose another ENGAGERR_HOME.",
            )
        # Ours and not the server's, so that a server gone wrong cannot swap what root reads and writes here.
        make_folder(base, 0o710)
        os.chown(base, 0, account.gid)
        if (base / "data").exists():
            account = Account.owning(base / "data")
        return base, account

    def _make_secret(self, role: str) -> None:
        path = self._secret(role)
        if not path.exists():
            make_folder(path.parent, 0o700)
            write_file(path, secrets.token_urlsafe(32))

    def _initialise(self, base: Path, programs: Path, account: Account) -> None:
        """Make the cluster beside its place and move it there, so that a half-made one is never taken for real."""
        staging = base / f"init-{secrets.token_hex(4)}"
        account.make_private(staging)
        pwfile = staging / "pwfile"
        write_file(pwfile, self.password(SUPERUSER) + "\n")
        account.own(pwfile)
        command = [
            str(programs / "initdb"),
            f"--pgdata={staging / 'data'}",
            f"--username={SUPERUSER}",
            f"--pwfile={pwfile}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            "--no-instructions",
            *([] if self._durable else ["--no-sync"]),
        ]
        # Only a few old systems lack the C library's own C.UTF-8; the builtin one does the sorting in any case.
        for locale in ("C.UTF-8", "C"):
            code, output = account.run([*command, f"--locale={locale}"])
            if code == 0:
                break
        else:
            raise Unavailable(
                f"The embedded database could not be initialised in {base}: {last_line(output)}",
                hint="Check the free space and the permissions of that folder, then try again.",
                facts={"output": output.splitlines()[-10:]},
            )
        pwfile.unlink()
        write_file(staging / "data" / "pg_hba.conf", _HBA)
        account.own(staging / "data" / "pg_hba.conf")
        settings = (staging / "data" / "postgresql.conf").read_text("utf-8")
        write_file(staging / "data" / "postgresql.conf", settings + "\ninclude '../engagerr.conf'\n")
        account.own(staging / "data" / "postgresql.conf")
        (staging / "data").rename(base / "data")
        staging.rmdir()

    def _make_socket_dir(self, base: Path, account: Account) -> None:
        """`base/run`, or a private folder under the temporary one when that name is too long for a socket."""
        if fits_a_socket(base / "run"):
            account.make_private(base / "run")
            return
        if self._address_at(base).socket_dir != base / "run":
            return
        for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes a private folder in it
            made = Path(tempfile.mkdtemp(prefix="engagerr-", dir=parent))
            if fits_a_socket(made):
                account.own(made)
                write_file(base / "socket_dir", str(made))
                return
            made.rmdir()
        raise Unavailable(
            f"No folder with a short enough name for the socket of {base}.", hint="Choose a shorter ENGAGERR_HOME."
        )

    def _bring_up(self, address: ServerAddress, programs: Path, account: Account) -> None:
        data, deadline = address.data_dir, time.monotonic() + _START_SECONDS
        while (postmaster := Postmaster.read(data)) is not None and postmaster.alive(data):
            if serving(address):
                return
            if postmaster.status == "ready":  # alive but deaf: someone removed its socket
                self._stop_locked(address, programs, account)
            elif time.monotonic() > deadline:
                raise _still_busy(address)
            else:  # starting for a command that was interrupted, or stopping by a signal
                time.sleep(0.05)
        forget_dead_postmaster(address)
        drop_old_logs(data)
        # pg_ctl hands its command to a shell inside double quotes, where some characters would not stay themselves.
        where = [] if _SHELL_SPECIAL.search(str(data)) else ["-D", str(data)]
        command = [str(programs / "pg_ctl"), *where, "-w", "-t", str(_START_SECONDS), "-s", "start"]
        while True:
            started = time.time()
            code, output = account.run(command, log=address.data_dir.parent / "startup.log", PGDATA=str(data))
            if code == 0 and serving(address):
                return
            postmaster = Postmaster.read(data)
            if postmaster is not None and postmaster.alive(data):
                raise _still_busy(address)
            tail = log_tail(data, since=started)
            # After a kill -9 the last processes of the dead server may need a moment to notice.
            if any("still in use" in line for line in tail) and time.monotonic() < deadline:
                time.sleep(0.2)
                continue
            reason = next((line for line in reversed(tail) if "FATAL" in line or "PANIC" in line), last_line(output))
            raise Unavailable(
                "\n  ".join([f"The embedded database did not start: {reason}", *tail]),
                hint=f"The whole log is in {data / 'log'} and {data.parent / 'startup.log'}.",
                facts={"data_dir": str(data), "log": tail},
            )

    def _stop_locked(self, address: ServerAddress, programs: Path, account: Account) -> None:
        wait = ["-w", "-t", str(_START_SECONDS), "-s"]
        code, output = account.run(
            [str(programs / "pg_ctl"), "-m", "fast", *wait, "stop"], PGDATA=str(address.data_dir)
        )
        if code != 0:
            raise Unavailable(
                f"The embedded database did not stop: {last_line(output)}",
                hint=f"Try again; its log is in {address.data_dir / 'log'}.",
                retry_after=30,
            )

    def _make_roles(self, address: ServerAddress) -> None:
        """Roles, database, rights and extensions. Every step can be repeated after a crash in the middle."""
        import psycopg
        from psycopg import sql

        try:
            with self._superuser(address, "postgres") as connection:
                for role in ROLES:
                    # The verifier and not the password: a statement that fails may be logged by the server.
                    verifier = connection.pgconn.encrypt_password(
                        self.password(role).encode(), role.encode(), b"scram-sha-256"
                    )
                    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
                    rights = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
                    connection.execute(
                        sql.SQL("{} ROLE {} WITH {} PASSWORD {}").format(
                            sql.SQL("ALTER" if known else "CREATE"),
                            sql.Identifier(role),
                            sql.SQL(rights),
                            sql.Literal(verifier.decode()),
                        )
                    )
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                if not known:
                    connection.execute(f"CREATE DATABASE {DATABASE} OWNER engagerr_owner")
            with self._superuser(address, DATABASE) as connection:
                for statement in _GRANTS:
                    connection.execute(statement)
        except psycopg.Error as problem:
            raise Unavailable(
                f"The embedded database runs, but its roles could not be made: {last_line(str(problem))}",
                hint="Start it again. If home/secrets was changed since the first start, restore it.",
                facts={"data_dir": str(address.data_dir)},
            ) from problem

    def _superuser(self, address: ServerAddress, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        import psycopg

        # Stated in full, so that no PG* variable of the caller's environment has a say.
        return psycopg.connect(
            host=str(address.socket_dir),
            port=address.port,
            dbname=database,
            user=SUPERUSER,
            password=self.password(SUPERUSER),
            options="",
            gssencmode="disable",
            channel_binding="disable",
            connect_timeout=30,
            autocommit=True,
        )


def _still_busy(address: ServerAddress) -> Unavailable:
    return Unavailable(
        f"The embedded database is still starting after {_START_SECONDS} seconds (recovering after a crash?).",
        hint=f"Try again in a minute; its log is in {address.data_dir / 'log'}.",
        facts={"data_dir": str(address.data_dir)},
        retry_after=60,
    )


@contextmanager
def _own_files(home: Path) -> Iterator[None]:
    """Say it in our words when the file system refuses."""
    try:
        yield
    except EngagerrError:
        raise
    except PermissionError as problem:
        raise Forbidden(
            f"{problem.filename or home} is closed to this user.",
            hint="Run Engagerr as the user who made this ENGAGERR_HOME, or choose another ENGAGERR_HOME.",
        ) from problem
    except OSError as problem:
        raise Unavailable(
            f"The embedded database in {home} cannot be reached: {problem.strerror or problem}"
            + (f" ({problem.filename})." if problem.filename else "."),
            hint="Check the free space and the folder, then try again.",
        ) from problem
