"""Saved JSON: text from bytes, and single fields read without trusting what they hold. Absent is never zero."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.html_text import storable
from engagerr.core.integrations.formats.source import Source
from engagerr.core.integrations.records import MetricRecord, State

_LARGEST = 10**18
# A page of answers has some hundred kilobytes; what JSON becomes in memory is up to twenty times its size.
_MAX_ANSWERS_BYTES = 64 * 1024 * 1024
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")


class BadField(InvalidInput):
    """A field that makes its entry unusable; the other entries go on."""

    def __init__(self, column: str, value: object, reason: str) -> None:
        super().__init__(f"{column}: {reason}", hint="Fetch or export the file again and import it unchanged.")
        self.column, self.reason = column, reason
        self.value = None if value is None else storable(str(value))[:200]


def text_of(data: bytes) -> str:
    """UTF-8, or UTF-16 where a byte order mark says so (PowerShell's ">" writes that)."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return data.decode(encoding, "replace")


def head_text(head: bytes) -> str:
    """The beginning of a file as text, without the space before its first character."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head[: len(head) // 2 * 2]
    return text_of(head).lstrip()


def read_json(data: bytes, name: str, *, hint: str) -> Any:
    """The document; `InvalidInput` with `hint` where it is not whole JSON."""
    try:
        return msgspec.json.decode(text_of(data))
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(
            f"{name} is not whole JSON ({error}).", hint=f"The download may have been cut off. {hint}"
        ) from None


def documents_of(source: Source, *, hint: str) -> list[Any]:
    """The file's documents: the one, the array's, or one a line. `InvalidInput` with `hint` for what is no JSON."""
    text = text_of(source.read(limit=_MAX_ANSWERS_BYTES))
    try:
        whole = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        fault = error
    else:
        return whole if isinstance(whole, list) else [whole]
    try:
        # Not `splitlines`, which also breaks at characters that may stand inside a JSON string.
        return [msgspec.json.decode(line) for line in io.StringIO(text) if line.strip()]
    except (msgspec.DecodeError, RecursionError):
        raise InvalidInput(
            f"{source.name} is not whole JSON ({fault}).", hint=f"The download may have been cut off. {hint}"
        ) from None


def part(entry: Any, *names: str) -> Any:
    """What stands under these keys, one inside the other; `None` where one is missing."""
    for name in names:
        entry = entry.get(name) if isinstance(entry, dict) else None
    return entry


def objects(value: Any) -> list[Any]:
    """A list as it is, anything else as an empty one."""
    return value if isinstance(value, list) else []


def words(value: Any) -> str | None:
    """A text without the space around it; `None` for anything else and for nothing."""
    return storable(value).strip() or None if isinstance(value, str) else None


def identifier(value: Any) -> str | None:
    """An id as text, whether it is written as a text or as a whole number; `None` for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value) if 0 <= value < 2**63 else None
    return words(value)


def number(value: Any, column: str) -> int | Decimal | None:
    """A number, also one in quotes; whole ones as int. `None` for null and ""; `BadField` for what is no number."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise BadField(column, value, "The figure is not a number.")
    written = value.strip() if isinstance(value, str) else format(Decimal(str(value)), "f")
    if not _NUMBER.fullmatch(written):
        raise BadField(column, value, "The figure is not a number.")
    read = Decimal(written)
    if abs(read) >= _LARGEST:
        raise BadField(column, value, "The figure is larger than anything that is counted.")
    return int(read) if read == read.to_integral_value() else read


def figure(
    name: str,
    value: Any,
    *,
    observed_at: datetime | None = None,
    period_days: int = 0,
    signed: bool = False,
) -> MetricRecord:
    """A figure as reported; null is "not reported". `BadField` for what is no number, or negative and must not be."""
    read = number(value, name)
    if read is None:
        return MetricRecord(name, None, State.NOT_REPORTED, observed_at, period_days)
    if read < 0 and not signed:
        raise BadField(name, value, "A count cannot be negative.")
    return MetricRecord(name, read, State.VALUE if read else State.ZERO, observed_at, period_days)


def moment(value: Any, column: str) -> datetime | None:
    """An aware UTC moment from ISO 8601; without a zone it is taken as UTC. `BadField` for what is none."""
    if value is None or value == "":
        return None
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise BadField(column, value, "The time is not in ISO 8601.") from None


def unix_moment(value: Any, column: str) -> datetime | None:
    """An aware UTC moment from seconds since 1970. `BadField` for what is none."""
    read = number(value, column)
    if read is None:
        return None
    if not 0 <= read < 10_000_000_000:
        raise BadField(column, value, "It is not a time in seconds since 1970.")
    return datetime.fromtimestamp(float(read), UTC)


def day(value: Any, column: str) -> date:
    """A day from "2026-09-14", or from 20260914 as a number. `BadField` for what is none."""
    written = value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
        written = str(value)
    try:
        return date.fromisoformat(written)
    except (ValueError, TypeError):
        raise BadField(column, value, "It is not a day such as 2026-09-14.") from None


def end_of(last: date) -> datetime:
    """The midnight after a day, when its figures were complete. `BadField` beyond the calendar."""
    try:
        end = last + timedelta(days=1)
    except OverflowError:
        raise BadField("date", last, "It lies outside the calendar.") from None
    return datetime(end.year, end.month, end.day, tzinfo=UTC)
