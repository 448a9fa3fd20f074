"""What a report says, before anybody draws it: typed cells, tables, charts, definitions, gaps, and the hash of it all.

Assembly fills a `ReportDocument`; each format draws the same one. There is no clock in it: the same document gives the
same bytes in every format.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any, TypeAlias

from engagerr.core.errors import Broken
from engagerr.core.money import minor_digits

MISSING = "—"


class Kind(StrEnum):
    """Which report it is."""

    CREATOR = "creator"
    CAMPAIGN = "campaign"
    ROSTER = "roster"
    FAMILY = "family"


class Form(StrEnum):
    """What a cell holds, and so how it is written.

    `number` counts, `money` is in major units of the cell's currency, `percent` is a share (0.031 is written 3.1 %),
    `change` a signed share, `seconds` a time, `date` a UTC day, `series` one number a period (None: there is none).
    """

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    PERCENT = "percent"
    CHANGE = "change"
    SECONDS = "seconds"
    DATE = "date"
    SERIES = "series"


Value: TypeAlias = str | Decimal | date | tuple[Decimal | None, ...]

_NUMERIC = {Form.NUMBER, Form.MONEY, Form.PERCENT, Form.CHANGE, Form.SECONDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value, or the reason why there is none: never both, never neither.

    `value` is text, an exact Decimal (number, money, percent, change, seconds), a date, or a series. `places` is the
    most decimals that are written (None: whole for counts, 1 for percent, the currency's own for money). `estimated`
    says that the platform or a model estimates it (written ~), `spans_break` that the platform changed its rule while
    it was counted (written †), `note` qualifies it, `cell` is the reference that `engagerr metric explain` takes, `url`
    where the thing itself can be seen.
    """

    form: Form
    value: Value | None
    why: str | None = None
    currency: str | None = None
    places: int | None = None
    estimated: bool = False
    spans_break: bool = False
    note: str | None = None
    cell: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.why is None):
            raise Broken(f"A report's cell holds a value or says why not: {self.value!r}, {self.why!r}.")
        if self.form is Form.MONEY and self.value is not None and self.currency is None:
            raise Broken("Money without a currency in a report.")

    @property
    def shown(self) -> str:
        """The value in words that mean the same everywhere: 1,234,567; 3.1 %; EUR 12.50; 4:05; 2026-10-31; or —."""
        return _shown(self)

    @property
    def numeric(self) -> bool:
        """Whether it is a number, and so belongs to the right of its column."""
        return self.form in _NUMERIC


def text(value: str, *, url: str | None = None, note: str | None = None) -> Cell:
    """A cell of words."""
    return Cell(form=Form.TEXT, value=value, url=url, note=note)


def number(
    value: Decimal | float | None,
    *,
    why: str = "not reported",
    form: Form = Form.NUMBER,
    currency: str | None = None,
    places: int | None = None,
    estimated: bool = False,
    spans_break: bool = False,
    note: str | None = None,
    cell: str | None = None,
) -> Cell:
    """A cell of a number of any form; None and NaN are missing, for the reason `why`."""
    exact = decimal(value)
    return Cell(
        form=form,
        value=exact,
        why=why if exact is None else None,
        currency=currency,
        places=places,
        estimated=estimated and exact is not None,
        spans_break=spans_break and exact is not None,
        note=note,
        cell=cell,
    )


def day(value: date | None, *, why: str = "not known") -> Cell:
    """A cell of a UTC day."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC).date()
    return Cell(form=Form.DATE, value=value, why=why if value is None else None)


def missing(why: str, form: Form = Form.TEXT) -> Cell:
    """A cell without a value, and why."""
    return Cell(form=form, value=None, why=why)


def series(values: tuple[Decimal | None, ...], *, why: str = "no month with a figure") -> Cell:
    """A cell of one number a period, for a sparkline; without any number it is missing."""
    has_any = any(value is not None for value in values)
    return Cell(form=Form.SERIES, value=values if has_any else None, why=None if has_any else why)


def decimal(value: Decimal | float | None) -> Decimal | None:
    """The number, exactly as it is written in its shortest form; None for None, NaN and infinities."""
    if value is None:
        return None
    # The shortest text of a float: 0.1 is meant, not the binary fraction beside it.
    exact = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        return None
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() and exact.adjusted() < 20 else exact


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, what its cells hold, and what the heading means where that is not plain."""

    name: str
    form: Form = Form.TEXT
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row, one for each column. `depth` indents it (0 is outermost); `strong` marks totals."""

    cells: tuple[Cell, ...]
    depth: int = 0
    strong: bool = False


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table that a spreadsheet takes. The first column names the row. `notes` stand below it.

    `empty` is what is said when there is no row. `folded` tables are closed at first where a format can do that.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    empty: str = "Nothing to show."
    folded: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise Broken(f"A row of {self.title!r} has {len(row.cells)} cells for {len(self.columns)} columns.")


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One large figure: what it is, the figure, and on what it stands ("median of 14 videos of 90 days")."""

    label: str
    cell: Cell
    basis: str


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """A few figures that come first."""

    figures: tuple[KeyFigure, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One line about somebody or something: `Languages` → `de, en`."""

    label: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class Facts:
    """Lines of what is known, as a list of terms."""

    facts: tuple[Fact, ...]


class Drawing(StrEnum):
    """How a chart is drawn: a line or columns over periods, lying bars by category, or bars of shares of one whole."""

    LINE = "line"
    COLUMN = "column"
    BAR = "bar"
    STACKED = "stacked"


@dataclass(frozen=True, slots=True)
class ChartSeries:
    """One line, or one colour of bars: a value for each label of the chart, None where there is none (a gap)."""

    name: str
    values: tuple[Decimal | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture's data. `labels` are the categories or periods (months as 2026-10); `form` and `currency` the values'.

    `alt` says in words what one sees: it stands for the picture where there is none.
    """

    title: str
    alt: str
    drawing: Drawing
    label_title: str
    labels: tuple[str, ...]
    series: tuple[ChartSeries, ...]
    form: Form = Form.NUMBER
    currency: str | None = None
    notes: tuple[str, ...] = ()
    why_gaps: str = "no figure"
    places: int | None = None

    def __post_init__(self) -> None:
        for line in self.series:
            if len(line.values) != len(self.labels):
                raise Broken(f"The series {line.name!r} of {self.title!r} has {len(line.values)} values.")

    def cell(self, line: ChartSeries, at: int) -> Cell:
        """The value of a series at a label, as a cell."""
        return number(line.values[at], form=self.form, currency=self.currency, places=self.places, why=self.why_gaps)

    def table(self) -> DataTable:
        """The chart's data as a table: a row a label, a column a series."""
        return DataTable(
            title=self.title,
            columns=(Column(self.label_title), *(Column(line.name, self.form) for line in self.series)),
            rows=tuple(
                Row(
                    (
                        text(label),
                        *(self.cell(line, at) for line in self.series),
                    )
                )
                for at, label in enumerate(self.labels)
            ),
        )


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Words. `quiet` ones are notes; the others are read first."""

    text: str
    quiet: bool = False


Block: TypeAlias = KeyFigures | Facts | DataTable | Chart | Paragraph


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report under its own heading. `text` is one sentence on what it shows, or empty."""

    title: str
    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A word that the report uses and what it means: a standard concept, a named formula, a way of computing."""

    name: str
    meaning: str
    source: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class DefinitionNote:
    """The rule by which a platform counted a figure that this report uses, from the registry."""

    id: str
    platform: str
    metric: str
    surfaces: tuple[str, ...]
    concept: str | None
    grade: str | None
    rule: str
    valid_from: date | None
    valid_to: date | None
    source: str
    url: str | None
    retrieved_at: date | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class DataAge:
    """How old the newest figure of a platform is, at the end of the report's time. `items` have a figure
    (None: not counted)."""

    platform: str
    newest: datetime | None
    age_days: int | None
    items: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """A whole report. Times are [since, until) in UTC; figures are as known by `until`.

    `subject` is the short name for a file's name. `missing` says in sentences what is not in it and why.
    """

    kind: Kind
    title: str
    subtitle: str
    subject: str
    prepared_by: str
    since: datetime | None
    until: datetime
    sections: tuple[Section, ...]
    terms: tuple[Term, ...] = ()
    definitions: tuple[DefinitionNote, ...] = ()
    data_age: tuple[DataAge, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def as_of(self) -> date:
        """The last day that the report speaks about."""
        return (self.until.astimezone(UTC) - timedelta(microseconds=1)).date()

    @property
    def content_hash(self) -> str:
        """sha256 of the canonical JSON of everything else: the same inputs have the same hash."""
        return hashlib.sha256(canonical_json(self)).hexdigest()

    @property
    def file_stem(self) -> str:
        """A name for its file, without the ending: `creator-jonna-brenner-2026-10-31`."""
        plain = unicodedata.normalize("NFKD", self.subject).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")
        name = slug or hashlib.sha256(self.subject.encode()).hexdigest()[:8]
        parts = [self.kind.value, *([] if name == self.kind.value else [name]), self.as_of.isoformat()]
        return "-".join(parts)

    def blocks(self) -> Iterator[tuple[Section, Block]]:
        """Every block with its section, in order."""
        for section in self.sections:
            for block in section.blocks:
                yield section, block


def definition_table(document: ReportDocument) -> DataTable:
    """The platforms' rules behind the figures, as a table for the appendix."""
    rows = []
    for note in document.definitions:
        surfaces = ", ".join(note.surfaces)
        fit = f"{note.concept}, {note.grade}" if note.concept and note.grade not in (None, "same") else note.concept
        rows.append(
            Row(
                (
                    text(f"{note.platform}: {note.metric.lower()}", note=surfaces or None),
                    text(fit) if fit else missing("compares with no other platform's figure"),
                    text(note.rule, note=note.note),
                    text(_in_force(note)),
                    text(note.source, url=note.url),
                )
            )
        )
    columns = (
        Column("Figure"),
        Column("Standard concept", note="What it is compared and added as."),
        Column("What the platform counts"),
        Column("In force"),
        Column("Source"),
    )
    return DataTable("How each platform counts", columns, tuple(rows), empty="No platform's figure is in this report.")


def _in_force(note: DefinitionNote) -> str:
    begins = f"from {note.valid_from.isoformat()}" if note.valid_from else ""
    ends = f"until {(note.valid_to - timedelta(days=1)).isoformat()}" if note.valid_to else ""
    return " ".join(part for part in (begins, ends) if part) or "always"


def age_table(document: ReportDocument) -> DataTable:
    """How old the figures are, by platform, as a table for the appendix."""
    rows = []
    for age in document.data_age:
        newest, days = day(age.newest, why="no figure yet"), number(age.age_days, why="no figure yet")
        rows.append(Row((text(age.platform), newest, days, number(age.items, why="not counted in this report"))))
    columns = (
        Column("Platform"),
        Column("Newest figure", Form.DATE),
        Column("Days old", Form.NUMBER, note="At the end of the report's time."),
        Column("Pieces with figures", Form.NUMBER),
    )
    return DataTable("How old the data is", columns, tuple(rows), empty="There is no data.")


def canonical_json(value: Any) -> bytes:
    """The value as JSON with sorted names and no spaces: times in UTC, numbers as exact text, the hash left out."""
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def plain(value: Any) -> Any:
    """The value as JSON knows it; numbers are text so that no digit is lost."""
    if value is None or isinstance(value, bool | int | str):
        return str(value) if isinstance(value, StrEnum) else value
    for known, as_json in _PLAIN:
        if isinstance(value, known):
            return as_json(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise Broken(f"A report cannot hold {type(value).__name__}.")


# A datetime is a date as well, so it comes first.
_PLAIN: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (Decimal, lambda value: f"{value:f}"),
    (datetime, lambda value: value.astimezone(UTC).isoformat().replace("+00:00", "Z")),
    (date, date.isoformat),
    (tuple, lambda value: [plain(inner) for inner in value]),
)


def _shown(cell: Cell) -> str:
    value = cell.value
    if value is None:
        return MISSING
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return " ".join(MISSING if one is None else _digits(one, 0) for one in value)
    sign, mark = "~" if cell.estimated else "", "†" if cell.spans_break else ""
    return f"{sign}{_WRITTEN[cell.form](value, cell)}{mark}"


def _money(value: Decimal, cell: Cell) -> str:
    places = minor_digits(cell.currency or "") if cell.places is None else cell.places
    return f"{cell.currency} {_rounded(value, places):,.{places}f}"


def _seconds(value: Decimal, _: Cell) -> str:
    whole = int(value)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours >= 100:
        return f"{hours:,} h"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _digits(value: Decimal, places: int) -> str:
    written = f"{_rounded(value, places):,.{places}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def _rounded(value: Decimal, places: int) -> Decimal:
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return abs(rounded) if rounded == 0 else rounded


def _percent(value: Decimal, cell: Cell) -> str:
    places = 1 if cell.places is None else cell.places
    return f"{_rounded(value * 100, places):,.{places}f} %"


_WRITTEN = {
    Form.NUMBER: lambda value, cell: _digits(value, 0 if cell.places is None else cell.places),
    Form.MONEY: _money,
    Form.PERCENT: _percent,
    Form.CHANGE: lambda value, cell: ("+" if value > 0 else "") + _percent(value, cell),
    Form.SECONDS: _seconds,
}
