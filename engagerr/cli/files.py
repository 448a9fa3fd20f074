"""Files that a command reads in one go, and those that it writes: as a whole or not at all, and never over another."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from engagerr.core.errors import Conflict, InvalidInput


def read_text(name: str) -> str:
    """The text of a file; `-` is standard input."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InvalidInput(f"{name} cannot be read: {reason}.", hint="Name a text file, or - for stdin.") from None


def refuse_another(path: Path) -> None:
    """Raise `Conflict` if a file, or a link that leads nowhere, has this name already."""
    if path.is_file() or (path.is_symlink() and not path.exists()):
        raise Conflict(
            f"{path} is there already.", hint="Add --overwrite to replace it, or name another with --to.",
            facts={"path": str(path)},
        )  # fmt: skip


def write_file(path: Path, body: bytes, *, overwrite: bool) -> None:
    """Write beside the file and put the whole in its place; a device or a pipe is written as it is."""
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(body)
            return
        if not overwrite:
            refuse_another(path)
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}-", suffix=".new")
        try:
            with os.fdopen(handle, "wb") as target:
                target.write(body)
                target.flush()
                os.fsync(target.fileno())
            # What goes out is meant for others: it gets the rights that any new file gets.
            Path(fresh).chmod(0o666 & ~_umask())
            if overwrite:
                Path(fresh).replace(path)
            else:
                # A link is refused where a name is taken, also by somebody who was quicker.
                os.link(fresh, path)
        finally:
            Path(fresh).unlink(missing_ok=True)
    except FileExistsError:
        refuse_another(path)
        raise
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written: {error.strerror}.", hint="Check the folder and its permissions."
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
