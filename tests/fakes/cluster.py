"""One real PostgreSQL for a whole test run, shared by all workers; each test works on its own clone of a database."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from engagerr.core.db import Database
from engagerr.core.db.embedded import DATABASE as TEMPLATE
from engagerr.core.db.embedded import EmbeddedServer
from engagerr.core.db.server import APP, OWNER, GivenAddress
from engagerr.core.settings import Settings

SUPERUSER = "postgres"
_PREFIX = "engagerr-tests-"
_SYSTEM_ROOT = Path("/var/lib/engagerr")
# A clone is some 900 small files, made and removed for each test: in memory that takes a fraction of the time.
_MEMORY = Path("/dev/shm")
_TABLESPACE = "in_memory"
_ROOM_BYTES = 2 << 30

Connection = psycopg.Connection[tuple[Any, ...]]


def new_run() -> tuple[Path, Any]:
    """A folder for this run's server, and what must be kept open until the run ends: the proof that it still lives."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    alive = (folder / "alive.new").open("w")
    fcntl.flock(alive, fcntl.LOCK_EX)
    (folder / "alive.new").rename(folder / "alive")
    return folder, alive


def take_away(folder: Path) -> None:
    """Stop the servers of a run and remove everything that they left."""
    for home in folder.glob("*/"):
        take_server_away(EmbeddedServer(home, durable=False), home)
    shutil.rmtree(_MEMORY / folder.name, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def take_server_away(server: EmbeddedServer, home: Path) -> None:
    """Stop a server and remove its data, which for root lies outside the home."""
    server.stop()
    link = home / "postgres"
    if link.is_symlink() and link.readlink().parent == _SYSTEM_ROOT:
        shutil.rmtree(link.readlink(), ignore_errors=True)


def take_dead_runs_away() -> None:
    """Clean up after runs that were killed before they could: nobody holds their proof of life."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), (folder / "alive").open("r+") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            take_away(folder)


def memory_has_room() -> bool:
    """Whether there is a file system in memory with room for many clones; Docker's default one is too small."""
    try:
        found = os.statvfs(_MEMORY)
        told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    except OSError:
        return False
    return min(found.f_bavail * found.f_frsize, int(told["MemAvailable"].split()[0]) << 10) >= _ROOM_BYTES


class Cluster:
    """The run's server, started by whoever needs it first."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedServer(folder / "home", durable=False)
        self._memory = _MEMORY / folder.name
        self._names = (f"test_{os.getpid()}_{number}" for number in itertools.count())
        with (folder / "template.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._address = self.server.start()
            if not (folder / "template.ready").exists():
                self._make_quick()
                database = Database(Settings(home=folder / "home"))
                database.upgrade()
                database.close()
                (folder / "template.ready").touch()
        self._admin = self.connect(SUPERUSER, "postgres", autocommit=True)

    def _make_quick(self) -> None:
        """What costs each test time and proves nothing here: every clone, drop and connection is cheaper after it."""
        with self.connect(SUPERUSER, "postgres", autocommit=True) as superuser:
            # CREATE and DROP DATABASE look through all buffers, several times each.
            superuser.execute("ALTER SYSTEM SET shared_buffers = '128MB'")
        self.server.stop()
        self._address = self.server.start()
        with self.connect(SUPERUSER, "postgres", autocommit=True) as superuser:
            # Thousands of rounds slow down who guesses passwords, and every connection of a test.
            superuser.execute("SET scram_iterations = 1")
            for role in (SUPERUSER, OWNER, APP):
                verifier = superuser.pgconn.encrypt_password(self.server.password(role).encode(), role.encode())
                superuser.execute(f"ALTER ROLE {role} PASSWORD '{verifier.decode()}'")
            known = superuser.execute("SELECT FROM pg_tablespace WHERE spcname = %s", [_TABLESPACE]).fetchone()
            if known is None and memory_has_room():
                self._memory.mkdir(mode=0o700, exist_ok=True)
                owner = self._address.data_dir.stat()
                os.chown(self._memory, owner.st_uid, owner.st_gid)
                superuser.execute(f"CREATE TABLESPACE {_TABLESPACE} LOCATION '{self._memory}'")

    def url(self, role: str, database: str) -> str:
        """A libpq URL with the role's password."""
        return replace(self._address, database=database).url(role, self.server.password(role))

    def connect(self, role: str, database: str, *, autocommit: bool = False) -> Connection:
        """A connection of psycopg."""
        return psycopg.connect(self.url(role, database), autocommit=autocommit)

    @contextlib.contextmanager
    def clone(self, template: str = TEMPLATE) -> Iterator[Clone]:
        """A database of its own: the migrated one by default, `template0` for an empty one."""
        name = next(self._names)
        where = f"TABLESPACE {_TABLESPACE}" if self._memory.exists() and memory_has_room() else ""
        # Copying files beats writing all pages to the log: a quarter of the time.
        self._admin.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template} STRATEGY file_copy {where}")
        try:
            # A clone inherits no privileges on the database itself: the same ones as the embedded server gives.
            self._admin.execute(
                f"REVOKE ALL ON DATABASE {name} FROM PUBLIC; GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {APP}"
            )
            if template == "template0":  # pgvector is not for everybody to create; the embedded server does it, too
                with self.connect(SUPERUSER, name, autocommit=True) as superuser:
                    superuser.execute("CREATE EXTENSION vector")
            yield Clone(self, name)
        finally:
            self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """Let go of the server; it runs on for the other workers."""
        self._admin.close()


@dataclass(frozen=True)
class Clone:
    """One test's database."""

    cluster: Cluster
    name: str

    def url(self, role: str = APP) -> str:
        """A libpq URL: what ENGAGERR_DATABASE__URL would hold."""
        return self.cluster.url(role, self.name)

    def connect(self, role: str = APP, *, autocommit: bool = False) -> Connection:
        """A connection of psycopg as engagerr_app, engagerr_owner or postgres. Close it."""
        return self.cluster.connect(role, self.name, autocommit=autocommit)

    def settings(self, home: Path, **sections: Any) -> Settings:
        """Settings that use this database as the application role; nothing is known of the owner."""
        database = {"url": self.url(), **sections.pop("database", {})}
        return Settings(home=home, database=database, **sections)

    def settings_of_the_owner(self, home: Path) -> Settings:
        """Settings of a home that prepared this database, so that it knows the passwords of both roles."""
        settings = Settings(home=home, database={"url": self.url(OWNER)})  # type: ignore[arg-type]
        address = GivenAddress(settings, self.url(OWNER))
        passwords = {role: self.cluster.server.password(role) for role in (OWNER, APP)}
        address.keep_logins({role: {"user": role, "password": password} for role, password in passwords.items()})
        return settings
