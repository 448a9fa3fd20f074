"""Files and folders that are made private before they hold anything, and replaced in one step."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any


def make_folder(folder: Path, mode: int) -> None:
    """A folder of exactly this mode, whatever the umask."""
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(mode)


def write_file(path: Path, text: str, *, mode: int = 0o600) -> None:
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


def append_to(path: Path) -> Any:
    """An emptied file to append to, open for reading too."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    return os.fdopen(descriptor, "r+b", buffering=0)


def size_bytes_of(folder: Path) -> int:
    """What the folder takes on the disk."""
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            try:
                total += Path(where, name).lstat().st_blocks * 512
            except FileNotFoundError:  # the server removes files while we count
                continue
    return total


def last_line(output: str) -> str:
    """The line of a program's output that says what went wrong, else its last."""
    lines = [line for line in output.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "error" in line or "FATAL" in line), lines[-1] if lines else "")
