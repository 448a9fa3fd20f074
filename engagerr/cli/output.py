"""How answers are written: one JSON document, flat CSV, or tables that fit the terminal. Missing is never zero."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from engagerr.cli.command import Output, presentation
from engagerr.core.errors import Unavailable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Row = TypeVar("Row")

MISSING = "—"
_WIDTH_OF_A_PIPE = 120
_NARROWEST = 10
# Characters that would turn the reading direction of everything after them.
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_LARGEST_JSON_INTEGER = 2**63
# What spreadsheets begin a formula with, full width too; some read past blanks before it, and past a tab or a return.
_FORMULA = re.compile(r"'*(?:[\t\r\n]|[ \u00a0\u3000]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
# A number, as money is written; a dash alone; a handle, which computes nothing and which scripts hand on as it is.
_NO_FORMULA = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|-|@[A-Za-z0-9._-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column of a table.

    `above` is the terminal width from which it is shown. Where room is short, `elastic` columns lose their ends and
    `fold` columns take several lines; the others are always whole.
    """

    heading: str
    cell: Callable[[Row], str]
    right: bool = False
    above: int = 0
    elastic: bool = False
    fold: bool = False
    style: Callable[[Row], str] | None = None


def show(
    rows: Sequence[Row],
    *,
    columns: Sequence[Column[Row]],
    csv: Sequence[str],
    document: Callable[[Row], Any] | None = None,
    empty: str = "Nothing here yet.",
    title: str | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Write rows: as a JSON list, as CSV with these headings, or as a table."""
    as_document = document or plain
    if presentation().output is Output.TABLE:
        if rows:
            draw(table(rows, columns, title=title), *notes)
        else:
            draw(empty)
        return
    put([as_document(row) for row in rows], csv=csv)


def put(
    document: Any,
    *,
    csv: Sequence[str] = (),
    flat: Sequence[Mapping[str, Any]] | None = None,
    drawing: Callable[[], Sequence[RenderableType]] | None = None,
) -> None:
    """Write one document. `flat` are its rows for CSV (itself, where not given), `drawing` what a person sees."""
    output = presentation().output
    if output is Output.JSON:
        write(json_bytes(document))
    elif output is Output.CSV:
        rows = flat if flat is not None else document if isinstance(document, list) else [document]
        write(csv_text(csv, [flattened(plain(row)) for row in rows]).encode())
    elif drawing is not None:
        draw(*drawing())


def plain(value: Any) -> Any:
    """The value as JSON has it: times in UTC with Z, money as minor units, ids as text, bytes in hex, numbers exact."""
    for known, as_json in _PLAIN:
        if isinstance(value, known):
            return as_json(value)
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "__struct_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    return str(value)


def money(value: Decimal | None, currency: str | None) -> Any:
    """An amount in major units as money, rounded to a whole minor unit; None stays None."""
    if value is None or currency is None:
        return None if value is None else _number(value)
    from engagerr.core.money import minor_digits

    minor = value.scaleb(minor_digits(currency)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    return {"minor": int(minor), "currency": currency}


def json_bytes(document: Any) -> bytes:
    """The document as UTF-8 JSON, two spaces deep, with a newline at the end."""
    import msgspec

    encoded = msgspec.json.Encoder(decimal_format="number").encode(plain(document))
    return msgspec.json.format(encoded, indent=2) + b"\n"


def csv_text(headings: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """CSV with these headings; what a row lacks is an empty cell, and no text is a formula."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    for row in rows:
        writer.writerow([_csv_cell(row.get(heading)) for heading in headings])
    return text.getvalue()


def flattened(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as `outer_inner` keys; money as its amount in major units beside `…_currency`."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and set(value) == {"minor", "currency"}:
            from engagerr.core.money import Money

            amount = Money(value["minor"], value["currency"])
            flat |= {name: str(amount.amount), f"{name}_currency": amount.currency}
        elif isinstance(value, Mapping):
            flat |= flattened(value, f"{name}_")
        else:
            flat[name] = value
    return flat


def write(data: bytes) -> None:
    """Write to standard output and make sure that it went; a closed pipe is told to the caller."""
    binary = getattr(sys.stdout, "buffer", None)
    try:
        if binary is None:
            sys.stdout.write(data.decode())
        else:
            sys.stdout.flush()
            binary.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        let_go_of_standard_output()
        raise Unavailable(
            f"The answer cannot be written: {error.strerror}.",
            hint="What was asked for is done; make room, then look at it again.",
        ) from error


def let_go_of_standard_output() -> None:
    """Python flushes standard output once more at the end; let that go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def console() -> Console:
    """Where tables are drawn: the terminal's width, or room enough where there is no terminal."""
    from rich.console import Console

    here = Console(markup=False, emoji=False, highlight=False, soft_wrap=False)
    if not here.is_terminal and not os.environ.get("COLUMNS"):
        here = Console(markup=False, emoji=False, highlight=False, soft_wrap=False, width=_WIDTH_OF_A_PIPE)
    return here


def draw(*parts: RenderableType) -> None:
    """Draw the parts below each other."""
    from rich.console import Group

    here = console()
    with here.capture() as captured:
        # As a group: on its own, a Text would lose its word on wrapping.
        here.print(Group(*parts))
    # A table pads its lines to the right; nobody wants to copy that.
    lines = "\n".join(line.rstrip() for line in captured.get().splitlines())
    write(f"{lines}\n".encode(sys.stdout.encoding or "utf-8", "replace"))


def note(line: str) -> None:
    """A line for people beside the answer: on standard error, and not where a script reads JSON."""
    if presentation().output is not Output.JSON:
        sys.stderr.write(f"{clean(line)}\n")


def table(rows: Sequence[Row], columns: Sequence[Column[Row]], *, title: str | None = None) -> RenderableType:
    """A table of the columns that this terminal has room for."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    room = console().width
    shown = [column for column in columns if column.above <= room]
    cells = [[clean(column.cell(row)) for column in shown] for row in rows]
    drawn = Table(
        box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", padding=(0, 1, 0, 0),
        pad_edge=False, show_edge=False,
    )  # fmt: skip
    for column, width in zip(shown, _widths(shown, cells, room), strict=True):
        drawn.add_column(
            column.heading,
            justify="right" if column.right else "left",
            no_wrap=not column.fold,
            overflow="fold" if column.fold else "ellipsis",
            width=width,
        )
    for row, line in zip(rows, cells, strict=True):
        styles = (column.style(row) if column.style else "" for column in shown)
        drawn.add_row(*(Text(cell, style=style) for cell, style in zip(line, styles, strict=True)))
    return drawn


def _widths(columns: Sequence[Column[Row]], cells: Sequence[Sequence[str]], room: int) -> list[int]:
    """Each column as wide as its widest cell; the widest of those that may give way do so until the line fits."""
    from rich.cells import cell_len

    widths = [
        max(cell_len(text) for text in (column.heading, *(line[at] for line in cells)))
        for at, column in enumerate(columns)
    ]
    yielding = [at for at, column in enumerate(columns) if column.elastic or column.fold]
    excess = sum(widths) + 2 * (len(widths) - 1) - room
    while excess > 0 and yielding:
        widest = max(yielding, key=lambda at: widths[at])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
        excess -= 1
    return widths


def facts(pairs: Sequence[tuple[str, str]]) -> RenderableType:
    """Names and values below each other; values may take several lines."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row(name, Text(clean(value)))
    return grid


def clean(text: str) -> str:
    """Text from elsewhere, fit for a terminal: on one line, without control characters."""
    return "".join(
        " " if character in "\n\r\t\u2028\u2029" else character
        for character in text
        if character in "\n\r\t" or not (unicodedata.category(character) == "Cc" or ord(character) in _TURNING)
    )


def moment(value: datetime) -> str:
    """RFC 3339 in UTC with Z."""
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def minute(value: datetime | None) -> str:
    """To the minute, in UTC, for tables."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}" if value else MISSING


def day(value: datetime | None) -> str:
    """The day in UTC, for tables."""
    return f"{value.astimezone(UTC):%Y-%m-%d}" if value else MISSING


def words(values: Sequence[str]) -> str:
    """A list in a cell."""
    return ", ".join(values) or MISSING


def number(value: Decimal | int | float | None, *, places: int = 0) -> str:
    """A number with thousands separators, with at most so many decimals; a dash when missing."""
    if value is None:
        return MISSING
    rounded = round(Decimal(str(value)), places)
    if rounded % 1 == 0:
        return f"{int(rounded):,}"
    return f"{rounded:,f}".rstrip("0")


def amount(value: Decimal, currency: str) -> str:
    """An amount in major units with the decimals that its currency has."""
    from engagerr.core.money import minor_digits

    return f"{value:,.{minor_digits(currency)}f} {currency}"


def compact(value: Decimal | int | None) -> str:
    """A number short enough for a narrow column: 9,876 · 12.3K · 4.57M."""
    if value is None:
        return MISSING
    exact = Decimal(value)
    if abs(exact) < 10_000:
        return number(exact)
    sizes = ((exact / 1_000, "K"), (exact / 1_000_000, "M"), (exact / 1_000_000_000, "B"))
    scaled, suffix = next((size for size in sizes if abs(size[0]) < Decimal("999.5")), sizes[-1])
    places = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
    return f"{scaled:,.{places}f}{suffix}"


def duration(seconds: Decimal | float | None) -> str:
    """1:02:03, or 4:05; hours alone for very long times (watch time)."""
    if seconds is None:
        return MISSING
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours >= 100:
        return f"{hours:,} h"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def in_unit(value: Decimal | None, unit: str | None, currency: str | None) -> str:
    """A standard figure in its unit: seconds as a time, ratios as per cent, money with its currency."""
    if value is None:
        return MISSING
    if unit == "seconds":
        return duration(value)
    if unit == "ratio":
        return f"{number(value * 100, places=2)} %"
    if unit == "currency" and currency:
        return amount(value, currency)
    return number(value, places=2)


def ago(then: datetime | None, now: datetime) -> str:
    """How long ago, in the largest whole unit."""
    if then is None:
        return MISSING
    seconds = max((now - then) // timedelta(seconds=1), 0)
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {unit}{'s' if count > 1 else ''}"
    return "now"


def _number(value: Decimal) -> int | Decimal | None:
    if not value.is_finite():
        return None
    if value == value.to_integral_value() and abs(value) < _LARGEST_JSON_INTEGER:
        return int(value)
    # The default context would round to 28 digits.
    return value.normalize(Context(prec=len(value.as_tuple().digits)))


def _csv_cell(value: Any) -> str:
    """A cell of CSV. Text that a spreadsheet would compute begins with an apostrophe; numbers stay numbers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (int, float)):
        return str(value)
    return _not_a_formula(_csv_text(value))


def _csv_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(_csv_text(inner) for inner in value)
    return _csv_cell(value) if isinstance(value, (bool, Decimal, int, float)) else str(value)


def _not_a_formula(words: str) -> str:
    """Only text that begins so changes, and text that begins like a change: so that it can be undone."""
    if not _FORMULA.match(words) or _NO_FORMULA.fullmatch(words):
        return words
    return f"'{words}"


# In this order: an enum may be a str as well, and a datetime is a date.
_PLAIN: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (Enum, lambda value: value.value),
    ((type(None), bool, int, float, str), lambda value: value),
    (Decimal, _number),
    (bytes, bytes.hex),
    (datetime, moment),
    (date, date.isoformat),
    (Mapping, lambda value: {str(key): plain(inner) for key, inner in value.items()}),
    ((frozenset, set), lambda value: sorted(plain(inner) for inner in value)),
    ((list, tuple), lambda value: [plain(inner) for inner in value]),
)
