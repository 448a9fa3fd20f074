"""What a format is and what it reads from: the protocol between the importer and the parsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.records import Period, Record

HEAD_BYTES = 64 * 1024
# Formats that are read whole (CSV, JSON, XML, zip) are small in life; a giant is refused before it fills the memory.
MAX_WHOLE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Source:
    """A file to be read. `modified_at` is the file system's word (aware UTC), a hint and never proof."""

    path: Path
    modified_at: datetime

    @property
    def name(self) -> str:
        """The file's name without its folder, for messages."""
        return self.path.name

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB: enough to recognise a format by its content."""
        with self.open() as file:
            return file.read(HEAD_BYTES)

    def open(self) -> BinaryIO:
        """A fresh handle at the first byte."""
        return self.path.open("rb")

    def read(self, *, limit: int = MAX_WHOLE_BYTES) -> bytes:
        """The whole content; refused above `limit` bytes."""
        size = self.path.stat().st_size
        if size > limit:
            raise InvalidInput(
                f"{self.name} has {size / 1e6:,.0f} MB; this format is read whole, up to {limit / 1e6:,.0f} MB.",
                hint="Split the export by date, or convert it to Engagerr's JSONL, which is read line by line.",
            )
        with self.open() as file:
            return file.read()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a parser may know besides the file.

    `now` is the time of import; `period` is what the user said the figures cover (`--period`), if anything;
    `observed_at` is when the user said that they were true.
    """

    now: datetime
    period: Period | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A file format that Engagerr can import.

    `recognise` looks at the content (the name may only break a tie) and is quick and harmless on any bytes.
    `parse` yields records in file order; a bad row becomes a `Rejection` and the rest goes on; a file that is not of
    this format after all, or is damaged as a whole, raises `InvalidInput` saying how to get a good one. Rows are
    counted as a spreadsheet shows them (heading = row 1, a title line counts), JSON and feeds by their place from 1.
    `names_account` is false where the files do not say whose account they are: then --account or --creator is needed.
    """

    name: str
    platform: str | None
    title: str
    recognised_by: str
    yields: str
    recognise: Callable[[Source], bool]
    parse: Callable[[Source, Reading], Iterator[Record]]
    names_account: bool = True
    suffixes: tuple[str, ...] = field(default=())
