"""The account of the operating system that the server runs as: our own, or for root one made for it."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engagerr.core.db.embedded.files import append_to, last_line, make_folder
from engagerr.core.errors import Unavailable

_SYSTEM_USER = "engagerr-postgres"
SYSTEM_ROOT = Path("/var/lib/engagerr")


@dataclass(frozen=True, slots=True)
class Account:
    """The account of the operating system that the server runs as."""

    uid: int
    gid: int

    @classmethod
    def owning(cls, path: Path) -> Account:
        """The account that a file belongs to."""
        found = path.stat()
        return cls(found.st_uid, found.st_gid)

    def run(self, command: list[str], *, log: Path | None = None, **environment: str) -> tuple[int, str]:
        """Run one of PostgreSQL's programs as this account; its exit code and output.

        In its own session, so that Ctrl-C reaches neither it nor the server it starts; with a bare environment, so
        that none of our secrets and settings leak in. Output goes to a file: the server it starts keeps it open, and
        a pipe would never end.
        """
        switch: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        with tempfile.TemporaryFile() if log is None else append_to(log) as output:
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
        make_folder(folder, 0o700)
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


def system_account() -> Account:
    """The account of the system that serves every Engagerr home of root, made at the first need."""
    make_folder(SYSTEM_ROOT, 0o755)
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
            options = ["--system", "--user-group", "--no-create-home", "--home-dir", str(SYSTEM_ROOT)]
            code, output = Account(0, 0).run([useradd, *options, "--shell", shell, _SYSTEM_USER])
            try:
                found = pwd.getpwnam(_SYSTEM_USER)
            except KeyError:
                raise Unavailable(
                    f"The account {_SYSTEM_USER} could not be made (useradd ended with {code}): {last_line(output)}",
                    hint=hint,
                ) from None
    return Account(found.pw_uid, found.pw_gid)


@contextmanager
def _system_lock() -> Iterator[None]:
    descriptor = os.open(SYSTEM_ROOT / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
