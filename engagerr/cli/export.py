"""`engagerr export …`: everything out again."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import number, put
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr import Workspace

app = noun("export")


@verb(app, "jsonl", examples=("engagerr export jsonl northlight.jsonl", "engagerr export jsonl - | head -3"))
def jsonl(
    path: Annotated[str, typer.Argument(metavar="PATH", help="Where to; - is standard output.")] = "-",
) -> None:
    """Write the whole workspace as interchange JSONL: creators, items with all figures, edges.

    Imported into an empty home, it exports as the same bytes. An existing file is replaced as a whole, or not at all.
    """
    with workspace() as work:
        if path == "-":
            sys.stdout.flush()
            work.ingestion.export_jsonl(sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        try:
            lines = _to_file(work, Path(path))
        except OSError as error:
            if error.filename is None and not isinstance(error, FileNotFoundError):
                raise
            raise InvalidInput(
                f"{path} cannot be written: {error.strerror}.", hint="Check the folder and its permissions."
            ) from error
    put(
        {"path": path, "lines": lines},
        csv=("path", "lines"),
        drawing=lambda: [f"Wrote {number(lines)} lines to {path}."],
    )


def _to_file(work: Workspace, path: Path) -> int:
    """Write beside the file and put the whole in its place; a device or a pipe is written as it is."""
    if path.exists() and not path.is_file():
        with path.open("wb") as target:
            return work.ingestion.export_jsonl(target)
    path = path.resolve()
    # 0600, as tempfile makes it: rates are in there.
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as target:
            lines = work.ingestion.export_jsonl(target)
            target.flush()
            os.fsync(target.fileno())
        Path(fresh).replace(path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise
    return lines
