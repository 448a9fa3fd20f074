"""One entry of an answer while it is read: a damaged field costs that field and is told; the entry stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from engagerr.core.integrations.formats.saved_json import BadField, figure, moment, number
from engagerr.core.integrations.records import MetricRecord, Rejection

_Read = TypeVar("_Read")


@dataclass(slots=True)
class Entry:
    """The entry at `row`. What could not be read of it gathers in `rejections`, each with `fix` as the way out."""

    row: int
    fix: str
    rejections: list[Rejection] = field(default_factory=list)

    def figure(self, name: str, value: Any) -> MetricRecord | None:
        """A count as reported; null is "not reported", and what is no count is no figure at all."""
        return self._attempt(lambda: figure(name, value))

    def number(self, value: Any, column: str) -> int | Decimal | None:
        """A number that is not negative; `None` where there is none."""
        read = self._attempt(lambda: number(value, column))
        if read is not None and read < 0:
            self.reject(column, value, "It cannot be negative.")
            return None
        return read

    def moment(self, value: Any, column: str) -> datetime | None:
        """An aware UTC moment from ISO 8601; `None` where there is none."""
        return self._attempt(lambda: moment(value, column))

    def reject(self, column: str, value: object, reason: str) -> None:
        """Tell of a field that cannot be used."""
        bad = BadField(column, value, reason)
        self.rejections.append(Rejection(self.row, bad.column, bad.value, reason, self.fix))

    def _attempt(self, read: Callable[[], _Read]) -> _Read | None:
        try:
            return read()
        except BadField as bad:
            self.rejections.append(Rejection(self.row, bad.column, bad.value, bad.reason, self.fix))
            return None
