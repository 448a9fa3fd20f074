"""A proposal of what the columns of an unknown CSV or XLSX are, from its headings and from what its cells look like.

Nothing is guessed in silence: each column carries its reason, and one that is not sure stays unread until a person has
said what it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, cast

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.column_verdict import (
    CURRENCY,
    SOME_FIT,
    Verdict,
    date_order_of,
    is_daily,
    verdicts_of,
)
from engagerr.core.integrations.formats.csv_text import plain_heading
from engagerr.core.integrations.formats.heading_words import (
    PLATFORM_WORDS,
)
from engagerr.core.integrations.formats.mapped_table import (
    FIELDS,
    IGNORE,
    MappedColumn,
    TableMapping,
    is_role,
    problems,
    records_of,
    reference,
)
from engagerr.core.integrations.formats.numbers import DecimalMarks, Unit, read_number
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.formats.table_sample import Sample, fits, sample_of
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Rejection

_SHOWN_ROWS = 5
_SHOWN_CELLS = 3
_MONEY = re.compile(r"\b(revenue|earnings|cpm|rpm|cost|spend|price|umsatz|einnahmen|ingresos|revenus)\b")
_RATIOS = re.compile(r"%|\b(rate|ratio|average|avg|percent|percentage|quote|prozent|tasa|taux|promedio|moyenne)\b")
_NAME_CHARS = 60


class ColumnProposal(msgspec.Struct, frozen=True):
    """One column as it is proposed: `role` is what will be read, `suggestion` what it might be but is not sure.

    `confidence` runs from 0 to 1; `nth` counts columns of one heading, `position` all columns, both from 1.
    """

    heading: str
    nth: int
    position: int
    role: str
    confidence: float
    why: str
    samples: tuple[str, ...] = ()
    suggestion: str | None = None

    @property
    def key(self) -> str:
        """How the column is called where several have its heading: "Likes#2"."""
        return self.heading.strip() if self.nth == 1 else f"{self.heading.strip()}#{self.nth}"


class ReadRow(msgspec.Struct, frozen=True):
    """A row as it would be read; `problem` says why it would be set aside instead."""

    row: int
    values: dict[str, Any]
    problem: str | None = None


class Proposal(msgspec.Struct, frozen=True):
    """What is proposed for a file. With `problems` the mapping cannot be saved; each says what helps."""

    file: str
    mapping: TableMapping
    columns: tuple[ColumnProposal, ...]
    rows: tuple[ReadRow, ...]
    notices: tuple[str, ...]
    problems: tuple[str, ...]


def propose(
    source: Source,
    *,
    name: str | None = None,
    sheet: str | None = None,
    platform: str | None = None,
    roles: Mapping[str, str] | None = None,
    date_order: Literal["mdy", "dmy"] | None = None,
    now: datetime | None = None,
) -> Proposal:
    """Propose what each column is. What the user said (`platform`, `roles` by heading, `date_order`) goes first.

    `roles` are {heading: role}, "Heading#2" for the second column of that heading. Raises `InvalidInput` for a file
    that is no table, and for a heading or a role that does not exist.
    """
    sample = sample_of(source, sheet)
    said = _said(sample.headings, roles or {})
    order, proven = date_order_of(sample, date_order)
    verdicts = verdicts_of(sample, said, order, proven=proven)
    notices = _known_already(source)
    if platform is None:
        platform, why = _platform(source, sheet, sample)
        if why:
            notices.append(why)
    has_item = any(verdict.role in ("native_id", "url") and verdict.sure for verdict in verdicts)
    marks = _decimal_mark(sample, verdicts, notices)
    columns = tuple(
        MappedColumn(
            sample.headings[at],
            verdict.role if verdict.sure else IGNORE,
            _nth(sample.headings, at),
            **_unit(sample.headings[at], sample.cells(at)) if verdict.role.startswith("metric:") else {},
        )
        for at, verdict in enumerate(verdicts)
    )
    mapping = TableMapping(
        name=name or _name(source),
        platform=platform.strip().lower() if platform else None,
        columns=columns,
        header_row=sample.header_row,
        delimiter=cast("Any", sample.delimiter),
        encoding=sample.encoding,
        sheet=sheet,
        decimal_mark=cast("Any", marks),
        date_order=cast("Any", order),
        grain="item" if has_item or not is_daily(verdicts) else "account_day",
        period_days=0 if has_item or not is_daily(verdicts) else 1,
    )
    found = problems(mapping)
    return Proposal(
        file=source.name,
        mapping=mapping,
        columns=tuple(_column(sample, at, verdict) for at, verdict in enumerate(verdicts)),
        rows=() if found else _shown(source, mapping, now or datetime.now(UTC)),
        notices=tuple(notices),
        problems=found,
    )


def _unit(heading: str, cells: list[str]) -> dict[str, Any]:
    """The unit that all the cells can be read in, the strictest first, and the currency that the heading names."""
    plain = plain_heading(heading)
    currency = CURRENCY.search(heading)
    if _MONEY.search(plain) or any(symbol in cell for cell in cells[:20] for symbol in "$€£¥"):
        return {"unit": Unit.MONEY, "currency": currency[1].upper() if currency else None}
    if any("%" in cell for cell in cells):
        return {"unit": Unit.PERCENT}
    if cells and all(":" in cell for cell in cells):
        return {"unit": Unit.SECONDS}
    if not _RATIOS.search(plain):
        for unit in (Unit.COUNT, Unit.NET):
            if fits(lambda cell, unit=unit: read_number(cell, unit).value, cells) >= SOME_FIT:  # type: ignore[misc]
                return {"unit": unit}
    return {"unit": Unit.DECIMAL}


def _decimal_mark(sample: Sample, verdicts: list[Verdict], notices: list[str]) -> str:
    marks = DecimalMarks(sample.delimiter or ",")
    figures = [at for at, verdict in enumerate(verdicts) if verdict.role.startswith("metric:") and verdict.sure]
    for at in figures:
        unit = _unit(sample.headings[at], sample.cells(at))["unit"]
        for cell in sample.cells(at):
            marks.observe(at, cell, unit)
    found = marks.of(figures)
    seen = set(found.values()) - {None}
    if None in found.values() or len(seen) > 1:
        notices.append(
            "The figures write decimals in two ways; a point was taken for the decimal mark. Look at the rows."
        )
        return "."
    return next(iter(seen), None) or ("," if sample.delimiter == ";" else ".")


# --- what is proposed ------------------------------------------------------------------------------------------------


def _said(headings: list[str], roles: Mapping[str, str]) -> dict[int, str]:
    """{place: role} of what the user said; refuses headings and roles that do not exist."""
    plain = [plain_heading(heading) for heading in headings]
    found = {}
    for wanted, role in roles.items():
        if not is_role(role):
            raise InvalidInput(
                f"{role!r} is not what a column can be.",
                hint=f"One of {', '.join((*FIELDS, IGNORE))}, or metric:NAME with the platform's name of the figure.",
            )
        heading, _, nth = wanted.rpartition("#") if re.search(r"#\d+$", wanted) else (wanted, "", "1")
        if plain_heading(wanted) in plain:  # a heading may end in "#2" by itself
            heading, nth = wanted, "1"
        here = [at for at, known in enumerate(plain) if known == plain_heading(heading)]
        if not 1 <= int(nth) <= len(here):
            shown = ", ".join(repr(known.strip()) for known in headings[:20])
            raise InvalidInput(f"There is no column {wanted!r}.", hint=f"There are: {shown}.")
        found[here[int(nth) - 1]] = role
    return found


def _nth(headings: Sequence[str], at: int) -> int:
    plain = [plain_heading(heading) for heading in headings[: at + 1]]
    return plain.count(plain[-1])


def _platform(source: Source, sheet: str | None, sample: Sample) -> tuple[str | None, str | None]:
    """The platform that the addresses name, else the one that the words of the file name, and how it is known."""
    seen: Counter[str] = Counter()
    for at in range(len(sample.headings)):
        for cell in sample.cells(at):
            found = reference(cell) if "/" in cell else None
            if found is not None and found.kind in ("item", "account"):
                seen[found.platform] += 1
    if len(seen) == 1:
        platform = next(iter(seen))
        return platform, f"The addresses are of {platform}."
    if seen:
        return None, f"The addresses are of several platforms ({', '.join(sorted(seen))}); each row's own is taken."
    words = {
        word
        for text in (source.path.stem, sheet or "", *sample.headings)
        for word in re.findall(r"[a-z]+", text.casefold())
    }
    named = {PLATFORM_WORDS[word] for word in words & PLATFORM_WORDS.keys()}
    if len(named) == 1:
        platform = next(iter(named))
        return platform, f"The name of the file or its headings speak of {platform}; say --platform if it is another."
    return None, None


def _known_already(source: Source) -> list[str]:
    """A word about a file that needs no mapping: built-in formats go first, so a saved one would not be asked."""
    from engagerr.core.integrations.formats.table import FORMATS

    known = next((known for known in FORMATS if known.recognise(source)), None)
    if known is None:
        return []
    return [
        f"{source.name} is recognised as {known.name} and needs no mapping: engagerr import file. A mapping of it is "
        "used with --format NAME only."
    ]


def _name(source: Source) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", source.path.stem.casefold()).strip("-")
    return slug[:_NAME_CHARS].strip("-") or "table"


def _column(sample: Sample, at: int, verdict: Verdict) -> ColumnProposal:
    return ColumnProposal(
        heading=sample.headings[at],
        nth=_nth(sample.headings, at),
        position=at + 1,
        role=verdict.role if verdict.sure else IGNORE,
        confidence=verdict.confidence,
        why=verdict.why,
        samples=tuple(cell[:200] for cell in list(dict.fromkeys(sample.cells(at)))[:_SHOWN_CELLS]),
        suggestion=None if verdict.sure or verdict.role == IGNORE else verdict.role,
    )


def _shown(source: Source, mapping: TableMapping, now: datetime) -> tuple[ReadRow, ...]:
    rows: list[ReadRow] = []
    for record in records_of(source, mapping, Reading(now=now)):
        if isinstance(record, Rejection):
            problem = f"{record.column}: {record.reason}" if record.column else record.reason
            rows.append(ReadRow(record.row, {}, problem))
        elif isinstance(record, ItemRecord | AccountRecord):
            rows.append(ReadRow(record.row, _values(record)))
        if len(rows) == _SHOWN_ROWS:
            break
    return tuple(rows)


def _values(record: ItemRecord | AccountRecord) -> dict[str, Any]:
    """What a record says, with its figures beside the rest; a figure without a number shows its state."""
    wanted = (*FIELDS, "platform", "handle")
    told = {name: value for name in wanted if (value := getattr(record, name, None)) is not None}
    moment = next((metric.observed_at for metric in record.metrics if metric.observed_at), None)
    figures = {
        metric.name: metric.value if metric.value is not None else str(metric.state) for metric in record.metrics
    }
    return told | ({"observed_at": moment} if moment else {}) | figures
