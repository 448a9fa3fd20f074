"""What people and files bring, as a task's inputs: plain texts, JSON objects, lines of a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

import msgspec
from msgspec import Struct

from engagerr.core.ai.tasks import MOST_CHARACTERS, TASKS, BriefText, Piece, PlainText, Task, TaskName
from engagerr.core.errors import InvalidInput

# A field that is a list in a table's cell.
_BETWEEN = ";"


def task_named(name: str) -> Task:
    """The task of this name.

    Raises:
        InvalidInput: there is none.
    """
    try:
        return TASKS[TaskName(name)]
    except ValueError:
        raise InvalidInput(
            f"{name!r} is no task.", hint=f"One of: {', '.join(TaskName)}.", facts={"task": name}
        ) from None


def checked_inputs(task: Task, inputs: Iterable[Struct], *, after: int = 0) -> tuple[Struct, ...]:
    """The inputs, if each is what the task takes and no longer than a provider may be given.

    Raises:
        InvalidInput: one is not; it is named by its place, from 1, `after` so many that came before.
    """
    given = tuple(inputs)
    for place, one in enumerate(given, start=after + 1):
        if not isinstance(one, task.takes):
            raise InvalidInput(
                f"Input {place} is a {type(one).__name__}; {task.name} takes {task.takes.__name__}.",
                hint="engagerr.core.ai.tasks says what each task takes.",
            )
        written = _encoded(one, f"Input {place}")
        _decoded(task, written, f"Input {place}")
        if len(written.decode()) > 2 * MOST_CHARACTERS:
            raise InvalidInput(
                f"Input {place} has {len(written.decode()):,} characters; at most {MOST_CHARACTERS:,} are read.",
                hint="Cut it into parts.",
            )
    return given


def input_of(task: Task, said: str | Mapping[str, Any], *, today: str, where: str = "The input") -> Struct:
    """An input from a plain text, or from a JSON object (a mapping, or a text that is one).

    A plain text is the text of what is summarised or classified, or the title of a piece. `today` (YYYY-MM-DD) is added
    to a brief that does not say it.

    Raises:
        InvalidInput: it is not what the task takes.
    """
    if isinstance(said, str):
        said = _object_in(said) or _plain(task, said, where)
    fields = {"today": today, **said} if task.takes is BriefText else said
    return _decoded(task, json.dumps(fields, default=str).encode(), where)


def read_lines(task: Task, lines: IO[str], *, is_csv: bool, today: str) -> Iterator[Struct]:
    """The inputs in a file, one a line: JSON objects or plain texts; or a table whose columns are the task's fields.

    Raises:
        InvalidInput: a line is not what the task takes; it is named by its number.
    """
    if is_csv:
        yield from _rows(task, lines, today)
        return
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield input_of(task, line.strip(), today=today, where=f"Line {number}")


def _rows(task: Task, lines: IO[str], today: str) -> Iterator[Struct]:
    known = {field.encode_name: field for field in msgspec.structs.fields(task.takes)}
    table = csv.DictReader(lines)
    columns: Sequence[str] = table.fieldnames or ()
    missing = [name for name, field in known.items() if field.required and name not in columns and name != "today"]
    if missing:
        raise InvalidInput(
            f"The table has no column {missing[0]}.",
            hint=f"{task.name} takes: {', '.join(known)}. Other columns are left out.",
            facts={"columns": list(columns)},
        )
    for row in table:
        said: dict[str, Any] = {}
        for name, field in known.items():
            cell = row.get(name)
            if cell:
                is_list = isinstance(field.default, tuple)
                said[name] = [part.strip() for part in cell.split(_BETWEEN) if part.strip()] if is_list else cell
        yield input_of(task, said, today=today, where=f"Line {table.line_num}")


def _object_in(said: str) -> Mapping[str, Any] | None:
    if not said.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(said)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _plain(task: Task, said: str, where: str) -> Mapping[str, Any]:
    if not said.strip():
        raise InvalidInput(f"{where} is empty.", hint="Give a text.")
    if task.takes in (PlainText, BriefText):
        return {"text": said}
    if task.takes is Piece:
        return {"title": said}
    fields = ", ".join(field.name for field in msgspec.structs.fields(task.takes))
    raise InvalidInput(f"{where} is a plain text; {task.name} takes a JSON object.", hint=f"Its fields are: {fields}.")


def _encoded(one: Struct, where: str) -> bytes:
    try:
        return msgspec.json.encode(one)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{where} cannot be written as JSON: {error}.", hint="Give text in UTF-8.") from None


def _decoded(task: Task, written: bytes, where: str) -> Struct:
    try:
        decoded: Struct = msgspec.json.decode(written, type=task.takes, strict=True)
    except msgspec.DecodeError as error:
        fields = ", ".join(field.name for field in msgspec.structs.fields(task.takes))
        raise InvalidInput(
            f"{where} is not what {task.name} takes: {error}.", hint=f"Its fields are: {fields}."
        ) from None
    return decoded
