"""How far a sync is: on standard error, on a terminal, gone when it ends."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from engagerr.cli.output import clean

if TYPE_CHECKING:
    from engagerr.core.ingestion.sync import SyncProgress


@contextlib.contextmanager
def syncing() -> Iterator[Callable[[SyncProgress], None] | None]:
    """The callback that moves the bar; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[done]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[at]}", markup=False),
        console=Console(stderr=True, markup=False, emoji=False, highlight=False),
        transient=True,
    ) as bar:
        task = bar.add_task("Syncing", total=None, done="", at="")
        sums = _Sums()

        def report(seen: SyncProgress) -> None:
            done = sums.after(seen)
            at = "" if seen.state else f"{clean(seen.account)} {clean(seen.stream)}"
            bar.update(task, completed=seen.accounts_done, total=seen.accounts, done=done, at=at)

        yield report


class _Sums:
    """What all streams brought so far. Workers tell of their streams from threads of their own."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str, str], SyncProgress] = {}
        self._guard = threading.Lock()
        self._pages = self._items = self._figures = 0

    def after(self, seen: SyncProgress) -> str:
        """The sums in words, with this in them."""
        with self._guard:
            key = (seen.account, seen.connector, seen.stream)
            before = self._streams.get(key)
            self._streams[key] = seen
            self._pages += seen.pages - (before.pages if before else 0)
            self._items += seen.items - (before.items if before else 0)
            self._figures += seen.observations - (before.observations if before else 0)
            return (
                f"{seen.accounts_done:,} of {seen.accounts:,} accounts, {self._pages:,} pages, {self._items:,} items,"
                f" {self._figures:,} figures"
            )
