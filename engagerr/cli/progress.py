"""Progress of what takes a while: on standard error, on a terminal, and only from the first second on."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from engagerr.cli.output import clean

if TYPE_CHECKING:
    from rich.progress import Progress

    from engagerr.core.ingestion import ImportProgress

_PATIENCE_SECONDS = 1.0


@contextlib.contextmanager
def importing(name: str, *, at: int, of: int) -> Iterator[Callable[[ImportProgress], None] | None]:
    """The callback that moves the bars of an import; None where nobody would see it."""
    with _patient_progress() as progress:
        if progress is None:
            yield None
            return
        which = f"{clean(name)} ({at} of {of})" if of > 1 else clean(name)
        reading = progress.add_task(f"Reading {which}", total=None, done="")
        writing = progress.add_task(f"Writing {which}", total=None, done="", visible=False)

        def report(seen: ImportProgress) -> None:
            if seen.phase == "reading":
                done = f"{seen.done_bytes / 1e6:,.1f} of {seen.total_bytes / 1e6:,.1f} MB"
                progress.update(reading, completed=seen.done_bytes, total=seen.total_bytes, done=done)
            else:
                # Nobody knows how long the database takes: this bar runs to and fro.
                progress.update(reading, visible=False)
                progress.update(writing, visible=True, done=f"{seen.rows:,} rows")

        yield report


@contextlib.contextmanager
def counting(title: str, unit: str) -> Iterator[Callable[[int, int], None] | None]:
    """The callback that moves a bar to (done, of how many); None where nobody would see it."""
    with _patient_progress() as progress:
        if progress is None:
            yield None
            return
        task = progress.add_task(title, total=None, done="")
        yield lambda done, of: progress.update(task, completed=done, total=of, done=f"{done:,} of {of:,} {unit}")


@contextlib.contextmanager
def mapping() -> Iterator[tuple[Callable[[int, int], None] | None, Callable[[int, int], None] | None]]:
    """The callbacks that move the bars of what is compared and of what is embedded for it; Nones as in `counting`."""
    with _patient_progress() as progress:
        if progress is None:
            yield None, None
            return
        comparing = progress.add_task("Looking for what belongs together", total=None, done="")
        embedding = progress.add_task("Embedding new texts", total=None, done="", visible=False)

        def compared(done: int, of: int) -> None:
            progress.update(comparing, completed=done, total=of, done=f"{done:,} of {of:,} items")

        def embedded(done: int, of: int) -> None:
            progress.update(embedding, completed=done, total=of, done=f"{done:,} of {of:,}", visible=done < of)

        yield compared, embedded


@contextlib.contextmanager
def _patient_progress() -> Iterator[Progress | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    begun = time.monotonic()

    class PatientProgress(Progress):
        """Draws nothing in the first second: most work is done before."""

        def get_renderables(self) -> Iterator[RenderableType]:
            if time.monotonic() - begun >= _PATIENCE_SECONDS:
                yield from super().get_renderables()

    with PatientProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[done]}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True, markup=False, emoji=False, highlight=False),
        transient=True,
    ) as progress:
        yield progress
