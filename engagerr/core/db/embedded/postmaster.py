"""Is the server there? Read from what it wrote about itself, its process and its logs; nothing is asked of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

PORT = 5432  # only a part of the socket's name: nothing listens on the network
SOCKET_NAME = f".s.PGSQL.{PORT}"
_SOCKET_PATH_LIMIT = 100  # bytes; the kernel allows 107 on Linux and 103 on macOS
_KEPT_LOGS = 10


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
class Postmaster:
    """What a server wrote about itself into `postmaster.pid`. The file outlives a server that was killed."""

    pid: int
    started_at: int
    shared_memory: str
    status: str

    @classmethod
    def read(cls, data: Path) -> Postmaster | None:
        """What stands in the data folder's file, or None."""
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


def serving(address: ServerAddress) -> bool:
    """Whether the server there accepts connections just now."""
    postmaster = Postmaster.read(address.data_dir)
    return (
        postmaster is not None
        and postmaster.status == "ready"
        and postmaster.alive(address.data_dir)
        and address.socket.exists()
    )


def forget_dead_postmaster(address: ServerAddress) -> None:
    """Remove the lock files of a server that is proven dead.

    PostgreSQL does so itself, but gives up when the number in them now belongs to another process of the same user
    (usual after a reboot) or to a zombie that no one collects (usual in containers). Left alone while any process
    is still attached to the dead server's shared memory.
    """
    dead = Postmaster.read(address.data_dir)
    segment = dead.shared_memory.split()[-1:] if dead else []
    try:
        rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    except OSError:
        return
    if any(row[1:2] == segment and int(row[6]) > 0 for row in rows):
        return
    (address.data_dir / "postmaster.pid").unlink(missing_ok=True)
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (address.socket_dir / name).unlink(missing_ok=True)


def fits_a_socket(folder: Path) -> bool:
    """Whether a socket can live there: not too long a name, and no comma, which libpq reads as two hosts."""
    name = os.fsencode(folder / SOCKET_NAME)
    return len(name) <= _SOCKET_PATH_LIMIT and b"," not in name


def _logs(data: Path) -> list[Path]:
    return sorted((data / "log").glob("postgres-*.log"))


def drop_old_logs(data: Path) -> None:
    """Keep the newest logs only."""
    if not (data / "log").is_symlink():
        for old in _logs(data)[:-_KEPT_LOGS]:
            old.unlink(missing_ok=True)


def log_tail(data: Path, *, since: float) -> list[str]:
    """The last lines of this start: before the log collector runs they are in `startup.log`, then in `log/`."""
    files = [data.parent / "startup.log", *[log for log in _logs(data) if log.stat().st_mtime >= since - 2][-1:]]
    texts = [file.read_text("utf-8", "replace") for file in files if file.exists()]
    return [line for text in texts for line in text.splitlines() if line.strip()][-8:]
