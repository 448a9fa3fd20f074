"""Reading damaged payloads: a field that cannot be read costs that field and is told; the rest of the entry goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from engagerr.core.integrations.formats.saved_json import BadField, figure
from engagerr.core.integrations.records import MetricRecord, Rejection, State

_Read = TypeVar("_Read")


@dataclass(slots=True)
class Salvage:
    """Reads the fields of one entry. `rejections` are the ones that could not be read; `fix` is what to do about it."""

    row: int
    fix: str
    rejections: list[Rejection] = field(default_factory=list)

    def read(self, reader: Callable[[Any, str], _Read], value: Any, column: str) -> _Read | None:
        """What `reader` makes of the value; `None` and a rejection where it cannot."""
        try:
            return reader(value, column)
        except BadField as fault:
            self.reject(fault.column, fault.value, fault.reason)
            return None

    def figure(
        self, name: str, value: Any, *, observed_at: datetime | None = None, period_days: int = 0, signed: bool = False
    ) -> MetricRecord | None:
        """A figure as reported; null is "not reported", and what is no number is left out and told."""
        try:
            return figure(name, value, observed_at=observed_at, period_days=period_days, signed=signed)
        except BadField as fault:
            self.reject(fault.column, fault.value, fault.reason)
            return None

    def figures(self, entry: Mapping[str, Any], names: Mapping[str, str]) -> Iterable[MetricRecord]:
        """The figures that stand in the entry: {our name: the platform's}. A name that it lacks says nothing."""
        for name, native in names.items():
            if native in entry and (read := self.figure(name, entry[native])) is not None:
                yield read

    def reject(self, column: str | None, value: object, reason: str) -> None:
        """Tell of a field that cannot be used."""
        written = None if value is None else str(value)[:200].encode("utf-8", "replace").decode().replace("\0", "")
        self.rejections.append(Rejection(row=self.row, column=column, value=written, reason=reason, fix=self.fix))


def merged(*sources: Iterable[MetricRecord]) -> tuple[MetricRecord, ...]:
    """One record a figure and moment: the first source that gives a number counts, else the first that says why not."""
    found: dict[tuple[str, datetime | None, int], MetricRecord] = {}
    for source in sources:
        for record in source:
            key = (record.name, record.observed_at, record.period_days)
            known = found.get(key)
            if known is None or (known.value is None and record.value is not None):
                found[key] = record
    return tuple(found.values())


def missing_figures(names: Iterable[str], missing: Mapping[str, State]) -> Iterable[MetricRecord]:
    """Figures that were asked for and refused, each with the state that says why."""
    return (MetricRecord(name, None, missing[name]) for name in names if name in missing)
