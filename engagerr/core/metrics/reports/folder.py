"""Files put into a folder: each appears whole, under its own name, in the folder that was meant and nowhere else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from engagerr.core.errors import Conflict, InvalidInput, Unavailable


class FolderGone(Conflict):
    """The folder is not there any more, or leads elsewhere now."""


def checked_folder(folder: str) -> str:
    """The folder's own path, without links; raises `InvalidInput` unless it is there and can be written to."""
    path = Path(folder)
    if not path.is_absolute() or "\0" in folder:
        raise InvalidInput(f"{folder!r} is no absolute path.", hint="For example /srv/reports.")
    try:
        real = path.resolve(strict=True)
    except OSError as error:
        raise InvalidInput(f"The folder {folder} is not there: {error.strerror}.", hint="Make it first.") from None
    if not real.is_dir():
        raise InvalidInput(f"{folder} is not a folder.", hint="Files are put into it, so it must be one.")
    if not os.access(real, os.W_OK | os.X_OK):
        raise InvalidInput(f"The folder {folder} cannot be written to.", hint="Check who owns it.")
    return str(real)


def put_file(folder: str, name: str, body: bytes) -> None:
    """Write a file into a folder that `checked_folder` gave: readers see the old one or the new one, never a part.

    A link of that name is replaced, not followed. Raises `FolderGone`, and `Unavailable` where the disk says no.
    """
    if name in (".", "..") or "/" in name or "\0" in name:
        raise InvalidInput(f"{name!r} is no name of a file.")
    with _opened(folder) as place:
        # The same name each time: what a crash left behind is taken away by the next one.
        fresh = f".{name}.part"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=place)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=place)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(fresh, name, src_dir_fd=place, dst_dir_fd=place)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(fresh, dir_fd=place)
                raise
            os.fsync(place)
        except OSError as error:
            raise Unavailable(
                f"{Path(folder) / name} cannot be written: {error.strerror}.", hint="Make room or mend the folder."
            ) from None


@contextlib.contextmanager
def _opened(folder: str) -> Iterator[int]:
    path = Path(folder)
    try:
        place = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise _gone(folder, error.strerror or "it cannot be opened") from None
    try:
        # Asked of what was opened: a link that was put in its way later changes nothing.
        if not os.path.samestat(os.fstat(place), path.stat()) or path.resolve() != path:
            raise _gone(folder, "it leads elsewhere now")
        yield place
    finally:
        os.close(place)


def _gone(folder: str, why: str) -> FolderGone:
    return FolderGone(
        f"The folder {folder} is not what it was: {why}.",
        hint="Put it back, or remove the schedule and add it again with another folder.",
        facts={"folder": folder},
    )
