"""`engagerr metric …`: what was observed, what it means by the standard, and sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli import moments
from engagerr.cli.command import Output, noun, presentation, verb, workspace
from engagerr.cli.families import total_document
from engagerr.cli.output import (
    MISSING,
    Column,
    clean,
    day,
    draw,
    in_unit,
    minute,
    money,
    number,
    plain,
    put,
    show,
    table,
)
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.metrics.definition import Definition
    from engagerr.core.metrics.metrics import ObservationRow, Report, ReportRow

app = noun("metric")

_SHOW_CSV = (
    "metric", "reported", "currency", "state", "definition", "observed_at", "period_days", "revision",
    "standard_concept", "standard_value", "standard_value_currency", "standard_unit", "standard_grade",
    "standard_minimum_seconds", "standard_how", "source_import_id", "source_file", "source_format", "source_row",
    "source_part",
)  # fmt: skip
_REPORT_CSV = (
    "group", "group_id", "concept", "sum_group", "unit", "value", "currency", "state", "items", "missing",
    "counted_elsewhere", "spans_break", "cell",
)  # fmt: skip
_DEFINITION_CSV = (
    "id", "platform", "metric", "aliases", "surfaces", "unit", "measure", "trigger", "minimum_seconds",
    "counts_replays", "counts_autoplay", "unique", "traffic", "valid_from", "valid_to", "published_from",
    "published_to", "concept", "grade", "conversion", "factor", "factor_source", "good", "note", "mark", "date_mark",
    "source_title", "source_url", "source_mark", "source_retrieved_at",
)  # fmt: skip

_BREAK_NOTE = "† The platform changed its counting rule while this was counted."


@verb(
    app,
    "show",
    examples=(
        "engagerr metric show youtube:rbMdIF1MB2U",
        "engagerr metric show youtube:rbMdIF1MB2U --at 2026-08-20 --how",
        "engagerr metric show youtube:@northlight_bergschritt --output csv",
    ),
)
def show_metric(
    item: Annotated[
        str, typer.Argument(metavar="ITEM", help="platform:native_id, an id, or an account (platform:handle).")
    ],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only the newest of each metric known by then: 2026-08-20.")
    ] = None,
    how: Annotated[bool, typer.Option("--how", help="Say under each figure how the standard one was made.")] = False,
) -> None:
    """Show every observation of an item: as reported, and the standard figure made of it."""
    by_then = moments.last_moment(at)
    with workspace() as work:
        rows = work.metrics.show(item, at=by_then)
    documents = [_observation(row) for row in rows]
    put(documents, csv=_SHOW_CSV, drawing=lambda: _drawn(rows, how=how))


@verb(
    app,
    "report",
    examples=(
        "engagerr metric report --all --by creator",
        'engagerr metric report "Jonna Brenner" --since 2026-07-01 --by kind',
    ),
)
def report(
    creator: Annotated[str | None, typer.Argument(metavar="CREATOR", help="Name or id of the creator.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody on the roster.")] = False,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Published since: 2026-01-31 or 30d.")] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Published until, and figures as known then; a day counts as a whole."),
    ] = None,
    by: Annotated[str, typer.Option(metavar="GROUPING", help="platform, family, kind or creator.")] = "platform",
) -> None:
    """Sum the figures of the items published in a time. Only what may be added is; what is missing is counted."""
    if (creator is None) != everybody:
        raise InvalidInput(
            "Name one creator, or --all for everybody.", hint='For example: engagerr metric report "Ann Lee"'
        )
    first, last = moments.first_moment(since), moments.last_moment(until)
    with workspace() as work:
        found = work.metrics.report(creator, since=first, until=last, by=by)
    if presentation().output is Output.TABLE:
        _draw_report(found)
        return
    flat = [_flat_total(row) for row in found.rows]
    put([_report_row(row) for row in found.rows], csv=_REPORT_CSV, flat=flat)


@verb(
    app,
    "definitions",
    examples=("engagerr metric definitions --platform youtube", "engagerr metric definitions --output csv"),
)
def definitions(
    platform: Annotated[str | None, typer.Option(metavar="PLATFORM", help="Only this platform's: youtube.")] = None,
) -> None:
    """List what each platform's number means, since when, and who says so."""
    with workspace() as work:
        rows = work.metrics.definitions(platform=platform)
    columns: list[Column[Definition]] = [
        Column("Platform", lambda row: row.platform, above=1 if platform is None else 1_000_000),
        Column("Metric", lambda row: row.metric, fold=True),
        Column("On", lambda row: ", ".join(sorted(row.surfaces)) or "all", fold=True, above=120),
        Column("In force", _in_force),
        Column("Counts", lambda row: row.trigger, fold=True),
        Column("Standard", _standard_word, fold=True),
        Column("Source", lambda row: row.source.title, fold=True, above=150),
    ]
    show(
        rows,
        columns=columns,
        csv=_DEFINITION_CSV,
        document=lambda row: plain(row) | {"concept": row.concept.name if row.concept else None},
        empty="No definition for that platform.",
    )


def _observation(row: ObservationRow) -> dict[str, Any]:
    standard = plain(row.standard)
    if row.standard.unit == "currency":
        standard["value"] = money(row.standard.value, row.standard.currency)
    document: dict[str, Any] = plain(row)
    return document | {"standard": standard}


def _drawn(rows: Sequence[ObservationRow], *, how: bool) -> list[RenderableType]:
    if not rows:
        return ["No figure was observed."]
    from rich.text import Text

    columns: list[Column[ObservationRow]] = [
        Column("Metric", lambda row: row.metric, fold=True),
        Column("Seen", lambda row: day(row.observed_at)),
        Column("Over", lambda row: f"{row.period_days:,} d" if row.period_days else "so far", right=True),
        Column("Reported", _reported, right=True, style=lambda row: "" if row.reported is not None else "dim"),
        Column("Standard", _standard, right=True),
        Column("", lambda row: _concept(row) if row.standard.concept else "", fold=True),
        Column("Fit", lambda row: row.standard.grade or "", above=100),
        Column("File", lambda row: row.source.file, above=130, elastic=True),
    ]
    if not how:
        broken = [_BREAK_NOTE] if any(row.standard.spans_break for row in rows) else []
        return [table(rows, columns), "", *broken, "--how says how each standard figure was made."]
    lines: list[RenderableType] = []
    for row in rows:
        head = Text(clean(f"{row.metric}  {_reported(row)}  "), style="bold", overflow="fold")
        about = f"over {row.period_days:,} days" if row.period_days else "so far"
        head.append(f"{about}, seen {minute(row.observed_at)} UTC", style="dim")
        made = f"  {_concept(row)} {_standard(row)}: " if row.standard.concept else "  "
        lines += [head, Text(clean(f"{made}{row.standard.how}"), overflow="fold"), ""]
    return lines[:-1]


def _reported(row: ObservationRow) -> str:
    if row.reported is None:
        return row.state
    sign = "~" if row.state == "estimated" else ""
    return f"{sign}{number(row.reported, places=4)}{f' {row.currency}' if row.currency else ''}"


def _standard(row: ObservationRow) -> str:
    mark = "†" if row.standard.spans_break else ""
    return MISSING if row.standard.value is None else in_unit(
        row.standard.value, row.standard.unit, row.standard.currency
    ) + mark  # fmt: skip


def _concept(row: ObservationRow) -> str:
    if row.standard.concept is None:
        return "no standard concept" if row.standard.definition else "not defined"
    seconds = row.standard.minimum_seconds
    return figure_words(row.standard.concept) + (f" ({seconds} s)" if seconds is not None else "")


def _report_row(row: ReportRow) -> dict[str, Any]:
    """One flat object a total; what adds up is named `sum_group`, for `group` is whom the row is about."""
    total = total_document(row.total)
    sum_group = total.pop("group")
    return {
        "group": row.group,
        "group_id": row.group_id,
        "concept": total.pop("concept"),
        "sum_group": sum_group,
        **total,
        "cell": row.cell,
    }


def _flat_total(row: ReportRow) -> dict[str, Any]:
    return _report_row(row) | {"value": row.total.value}


def _draw_report(found: Report) -> None:
    rows = found.rows
    first_of_group = {id(row) for before, row in zip((None, *rows), rows, strict=False) if _opens(before, row)}
    columns: list[Column[ReportRow]] = [
        Column(
            found.by.capitalize(),
            lambda row: row.group if id(row) in first_of_group else "",
            elastic=True,
            style=lambda _: "bold",
        ),
        Column("Figure", _figure_name, elastic=True),
        Column("Sum", _sum, right=True),
        Column("Of items", lambda row: number(row.total.items), right=True),
        Column("Missing", lambda row: number(row.total.missing) if row.total.missing else "", right=True),
        Column("Counted elsewhere", _counted_elsewhere, right=True, above=110),
    ]
    notes = ["", f"{number(found.items)} items{_window(found)}."]
    if found.without_standard:
        notes.append(f"{number(found.without_standard)} figures have no standard concept and stand in no sum.")
    if any(row.total.state == "estimated" for row in rows):
        notes.append("~ The platform rounds or estimates a part of it.")
    if any(row.total.spans_break for row in rows):
        notes.append(_BREAK_NOTE)
    show(rows, columns=columns, csv=(), notes=notes, empty=f"No figure for these {number(found.items)} items.")
    if any(row.total.missing for row in rows):
        draw("Missing: the platform names the figure without giving a number; it is not counted as zero.")


def _opens(before: ReportRow | None, row: ReportRow) -> bool:
    return before is None or before.group_id != row.group_id


def _sum(row: ReportRow) -> str:
    total = row.total
    if total.value is None:
        return f"{MISSING} ({total.state})"
    sign = "~" if total.state == "estimated" else ""
    return f"{sign}{in_unit(total.value, total.unit, total.currency)}{'†' if total.spans_break else ''}"


def _counted_elsewhere(row: ReportRow) -> str:
    return number(row.total.counted_elsewhere) if row.total.counted_elsewhere else ""


def _window(found: Report) -> str:
    since = f" since {minute(found.since)}" if found.since else ""
    until = f" until {minute(found.until)}" if found.until else ""
    return f" published{since}{until} UTC" if since or until else ""


def figure_words(name: str) -> str:
    """`qualified_play/30 s in 28 d` for people: Qualified play (30 s) in 28 d."""
    concept, slash, rest = name.replace("_", " ").partition("/")
    part, within, span = rest.partition(" in ")
    return f"{concept[:1].upper()}{concept[1:]}" + (f" ({part}){within}{span}" if slash else "")


def _figure_name(row: ReportRow) -> str:
    # The sum names the currency itself.
    currency = row.total.currency
    return figure_words(row.total.group.replace(f"/{currency}", "") if currency else row.total.group)


def _in_force(row: Definition) -> str:
    span = f"{row.valid_from or ''}…{row.valid_to or ''}" if row.valid_from or row.valid_to else "always"
    if row.published_from or row.published_to:
        span += f" (published {row.published_from or ''}…{row.published_to or ''})"
    return span


def _standard_word(row: Definition) -> str:
    if row.concept is None:
        return MISSING
    seconds = f" ({row.minimum_seconds} s)" if row.concept.by_seconds and row.minimum_seconds is not None else ""
    grade = "" if row.grade == "same" else f", {str(row.grade).replace('_', ' ')}"
    return f"{row.concept.title}{seconds}{grade}"


# They register their verbs on the noun above.
from engagerr.cli import explain as _explain  # noqa: E402,F401
from engagerr.cli import performance as _performance  # noqa: E402,F401
