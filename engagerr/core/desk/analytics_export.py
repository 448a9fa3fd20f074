"""The figures of the page of analytics as a file: the same ones, and of what is missing why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engagerr.core.desk.analytics import RATE, GroupLine, Picture, quantity_title
from engagerr.core.desk.files import table_csv, write_new
from engagerr.core.errors import InvalidInput

_HEAD = (
    "part", "group", "quantity", "bucket", "value", "high", "unit", "currency", "state", "why", "carried", "sum_group",
    "spans_change", "grade", "n", "definitions", "cells",
)  # fmt: skip


def rows_of(picture: Picture) -> Iterator[dict[str, Any]]:
    """One row a figure: the whole and every group, each quantity over the time, then each bucket of it.

    `value` is exact, as text; None where there is no number, and `state` and `why` say so. Times are in seconds, money
    in major units of its `currency`. Of a rate, `value` is the lowest account's and `high` the highest's.
    """
    for part, line in (("all", picture.total), *(("group", line) for line in picture.groups)):
        yield from _of_line(part, line, picture)


def write_picture(picture: Picture, path: Path) -> int:
    """Write the figures into a new file, CSV or JSON by its ending, whole or not at all; returns how many rows.

    Raises:
        Conflict: a file of that name is there.
        InvalidInput: another ending, or the folder is not there or cannot be written to.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in (".csv", ".json"):
        raise InvalidInput(f"{path.name or path} names no CSV or JSON file.", hint="Such as figures.csv.")
    rows = list(rows_of(picture))
    write_new(path, _csv(rows) if path.suffix.lower() == ".csv" else _json(picture, rows))
    return len(rows)


def _of_line(part: str, line: GroupLine, picture: Picture) -> Iterator[dict[str, Any]]:
    for quantity, series in line.series.items():
        same = {"part": part, "group": line.group, "quantity": quantity, "unit": series.unit,
                "currency": series.currency}  # fmt: skip
        yield same | {
            "bucket": None, "value": series.value, "state": _state(series.value, estimated=series.estimated),
            "why": series.why or None, "carried": series.carried, "sum_group": series.sum_group,
            "spans_change": series.broken, "grade": series.grade, "n": series.known,
            "definitions": series.definitions, "cells": (),
        }  # fmt: skip
        known = {week.bucket: week for week in series.weeks}
        for bucket in picture.buckets:
            week = known.get(bucket)
            if week is None:
                yield same | {"bucket": bucket, "value": None, "state": "not_observed", "why": "nobody looked"}
                continue
            yield same | {
                "bucket": bucket, "value": week.value, "state": _state(week.value, estimated=bool(week.estimated)),
                "carried": week.carried, "sum_group": week.sum_group, "n": week.items, "cells": week.cells,
                "why": None if week.value is not None else "began before, or named without a number",
                "spans_change": "a part was counted across a change of definition" if week.mixed else None,
                "definitions": week.definitions,
            }  # fmt: skip
        for week in series.apart:
            yield same | {
                "part": f"{part}, counted otherwise", "bucket": week.bucket, "value": week.value,
                "state": _state(week.value, estimated=bool(week.estimated)), "carried": week.carried,
                "sum_group": week.sum_group, "n": week.items, "definitions": week.definitions, "cells": week.cells,
            }  # fmt: skip
    rate = line.rate
    yield {
        "part": part, "group": line.group, "quantity": RATE, "unit": "ratio", "value": rate.low, "high": rate.high,
        "state": "value" if rate.low is not None else "not_reported", "why": rate.why, "n": rate.n,
    }  # fmt: skip


def _state(value: object, *, estimated: bool) -> str:
    return "not_reported" if value is None else "estimated" if estimated else "value"


def _csv(rows: list[dict[str, Any]]) -> bytes:
    return table_csv(_HEAD, ([_cell(row.get(name)) for name in _HEAD] for row in rows))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return " ".join(value) if isinstance(value, tuple) else _exact(value)


def _exact(value: Any) -> str:
    return f"{value:f}" if hasattr(value, "as_tuple") else str(value)


def _json(picture: Picture, rows: list[dict[str, Any]]) -> bytes:
    asked = picture.question
    document = {
        "creator": asked.creator_name, "platform": asked.platform, "since": asked.since.isoformat(),
        "until": asked.until.isoformat(), "grain": asked.grain, "by": asked.by,
        "quantity": quantity_title(asked.quantity), "newest_figure": _written(picture.newest),
        "last_bucket_is_over": not picture.so_far, "changes_of_definition": [note.text for note in picture.notes],
        "not_read": list(picture.failed), "rows": [{name: _written(row.get(name)) for name in _HEAD} for row in rows],
    }  # fmt: skip
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _written(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return _exact(value) if hasattr(value, "as_tuple") else value
