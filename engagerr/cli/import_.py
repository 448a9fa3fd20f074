"""`engagerr import …`: files in, what became of them, and what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from engagerr.cli import moments
from engagerr.cli.command import Output, noun, presentation, verb, workspace
from engagerr.cli.output import MISSING, Column, draw, flattened, minute, note, number, plain, put, show, table
from engagerr.core.errors import EngagerrError

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.ingestion import FormatRow, ImportResult, ImportRow
    from engagerr.core.integrations.records import Rejection

app = noun("import")


class DateOrder(StrEnum):
    """How days in figures are written."""

    DMY = "dmy"
    MDY = "mdy"


_SHOWN_QUARANTINED = 10
_FILE_CSV = (
    "path", "sha256", "format", "rows", "items_new", "items_updated", "observations_new", "unchanged", "quarantined",
    "creators_new", "accounts_new", "edges_new", "already_imported", "dry_run", "import_id", "error_category",
    "error_message",
)  # fmt: skip


@verb(
    app,
    "file",
    examples=(
        'engagerr import file "Table data.csv" --creator "Ann Lee" --period 2025-11-01..2026-10-31',
        "engagerr import file Content.csv Overview.csv --account tiktok:@northlight_despensa --dry-run",
    ),
)
def file(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="One file or several.")],
    account: Annotated[
        str | None, typer.Option(metavar="PLATFORM:HANDLE", help="Whose figures these are, where the file is silent.")
    ] = None,
    creator: Annotated[str | None, typer.Option(metavar="NAME", help="The creator; made if missing.")] = None,
    format_: Annotated[
        str, typer.Option("--format", metavar="NAME", help="Insist on a format; see `engagerr import formats`.")
    ] = "auto",
    period: Annotated[
        str | None, typer.Option(metavar="FIRST..LAST", help="The days that the figures cover, both included.")
    ] = None,
    observed_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the figures were true; without it, now.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come, and write nothing.")] = False,
) -> None:
    """Import files that you downloaded from the platforms.

    Each file is a transaction of its own: one that is refused does not stop the others. The same file again changes
    nothing. Rows that cannot be used are set aside and shown; they do not make the import fail.
    """
    options: dict[str, Any] = {
        "account": account, "creator": creator, "format": format_, "period": moments.period(period),
        "observed_at": moments.first_moment(observed_at), "dry_run": dry_run,
    }  # fmt: skip
    done: list[ImportResult] = []
    refused: list[tuple[Path, EngagerrError]] = []
    try:
        with workspace() as work:
            _import_all(work, paths, options, done, refused)
    finally:
        # Also after Ctrl-C: the files that are through are in, and the user should know.
        if done:
            _put_files(paths, done, refused)
    if refused:
        _refuse(refused, of=len(paths))


@verb(app, "formats", examples=("engagerr import formats",))
def formats() -> None:
    """List every format: how it is recognised and what it yields."""
    with workspace() as work:
        rows = work.ingestion.formats()
    columns: list[Column[FormatRow]] = [
        Column("Format", lambda row: row.name),
        Column("Platform", lambda row: row.platform or "any"),
        Column("What it is", lambda row: row.title, fold=True),
        Column("Recognised by", lambda row: row.recognised_by, fold=True, above=110),
        Column("Yields", lambda row: row.yields, fold=True, above=150),
        Column("Names its account", lambda row: "yes" if row.names_account else "no", above=100),
    ]
    show(rows, columns=columns, csv=("name", "platform", "title", "recognised_by", "yields", "names_account"))


@verb(
    app,
    "map",
    examples=(
        "engagerr import map Content.csv",
        'engagerr import map "Table data.csv" --platform youtube --set "Content=native_id" --save studio-copy',
    ),
)
def map_(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or XLSX that no format knows.")],
    save: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep the mapping as a format of this workspace.")
    ] = None,
    said: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="HEADING=ROLE", help="What a column is; may be given several times."),
    ] = None,
    platform: Annotated[
        str | None, typer.Option(metavar="NAME", help="The platform, where the file is silent.")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option(metavar="NAME", help="The sheet of a workbook; without it, the first.")
    ] = None,
    date_order: Annotated[
        DateOrder | None, typer.Option(help="Whether 03/04/2026 begins with the day (dmy) or the month (mdy).")
    ] = None,
) -> None:
    """Propose what the columns of an unknown table are, and keep the answer as a format.

    A role is native_id, url, title, body, published_at, duration_seconds, account, creator, language, observed_at,
    ignore, or metric:NAME with the platform's name of the figure. Columns that are not sure are not read; on a
    terminal you are asked about each.
    """
    from engagerr.cli import mapping

    roles = mapping.roles_said(said or [])
    told: dict[str, Any] = {"sheet": sheet, "platform": platform, "name": save}
    told["date_order"] = date_order.value if date_order else None
    with workspace() as work:
        proposal = work.ingestion.propose_mapping(path, roles=roles, **told)
        answers = mapping.ask_about(proposal)
        if answers:
            proposal = work.ingestion.propose_mapping(path, roles=answers | roles, **told)
        if save is not None:
            work.ingestion.save_mapping(proposal.mapping)
    mapping.put_proposal(proposal, path=path, saved=save is not None)


@verb(app, "remove-format", examples=("engagerr import remove-format studio-copy",))
def remove_format(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that the format was saved under.")],
) -> None:
    """Forget a saved format. What was imported with it stays."""
    with workspace() as work:
        work.ingestion.remove_mapping(name)
    put({"removed": name}, csv=("removed",), drawing=lambda: [f"The format {name} is removed."])


@verb(app, "history", examples=("engagerr import history", "engagerr import history --limit 3 --output json"))
def history(
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="At most so many, newest first.")] = 100,
) -> None:
    """List what was imported, newest first."""
    with workspace() as work:
        rows = work.ingestion.history(limit=limit)
    columns: list[Column[ImportRow]] = [
        Column("Imported (UTC)", lambda row: minute(row.imported_at)),
        Column("File", lambda row: row.file_name, elastic=True),
        Column("Format", lambda row: row.format, above=110, elastic=True),
        Column("Rows", lambda row: number(row.rows), right=True),
        Column("Items", lambda row: number(row.items_new), right=True, above=100),
        Column("Figures", lambda row: number(row.observations_new), right=True),
        Column("Set aside", lambda row: number(row.quarantined) if row.quarantined else "", right=True, style=_warn),
        Column("By", lambda row: row.member or MISSING, above=150, elastic=True),
        Column("Id", lambda row: str(row.id), above=140),
    ]
    show(
        rows,
        columns=columns,
        csv=(
            "id", "file_name", "format", "rows", "items_new", "items_updated", "observations_new", "quarantined",
            "observed_at", "imported_at", "member", "sha256",
        ),
        empty="Nothing was imported yet. Begin with: engagerr import file PATH",
    )  # fmt: skip


@verb(app, "quarantine", examples=("engagerr import quarantine", "engagerr import quarantine --output csv"))
def quarantine(
    import_id: Annotated[
        str | None, typer.Argument(metavar="IMPORT", help="Id of one import; without it, all.")
    ] = None,
) -> None:
    """List the rows that could not be used, why, and how to mend them."""
    wanted = _import_id(import_id)
    with workspace() as work:
        rows = work.ingestion.quarantine(wanted)
    show(
        rows,
        columns=[
            Column("File", lambda row: row[0], fold=True),
            Column("Row", lambda row: _place(row[1]), right=True),
            Column("Column", lambda row: row[1].column or MISSING, fold=True),
            Column("Value", lambda row: row[1].value or MISSING, elastic=True),
            Column("Why, and what helps", lambda row: _why(row[1]), fold=True),
        ],
        csv=("file", "row", "part", "column", "value", "reason", "fix"),
        document=lambda row: {"file": row[0], **plain(row[1])},
        empty="No row was set aside.",
    )


def _import_all(
    work: Workspace,
    paths: Sequence[Path],
    options: dict[str, Any],
    done: list[ImportResult],
    refused: list[tuple[Path, EngagerrError]],
) -> None:
    from engagerr.cli.failure import unexpected
    from engagerr.cli.progress import importing

    for number_of_file, path in enumerate(paths, start=1):
        try:
            with importing(path.name, at=number_of_file, of=len(paths)) as report:
                done.append(work.ingestion.import_file(path, **options, progress=report))
        except EngagerrError as error:
            refused.append((path, error))
        except Exception as error:  # noqa: BLE001  a bug in reading one file is not the others' fault
            refused.append((path, unexpected(error)))


def _refuse(refused: Sequence[tuple[Path, EngagerrError]], *, of: int) -> NoReturn:
    """Tell of every refused file and end with the code of the first."""
    from engagerr.cli.failure import EXIT_CODES, several, tell

    if presentation().output is Output.JSON:
        raise several(refused, of=of)
    for _, error in refused:
        tell(error)
    raise typer.Exit(EXIT_CODES[refused[0][1].category])


def _put_files(paths: Sequence[Path], done: list[ImportResult], refused: list[tuple[Path, EngagerrError]]) -> None:
    """One entry a file, in the order given, refused ones among them."""
    if presentation().output is Output.TABLE:
        _draw_files(done)
        return
    from engagerr.cli.failure import as_object

    results, errors = iter(done), dict(refused)
    entries: list[dict[str, Any]] = []
    waiting = next(results, None)
    for path in paths:
        if waiting is not None and waiting.path == path:
            entries.append(plain(waiting))
            waiting = next(results, None)
        elif path in errors:
            entries.append({"path": str(path), "error": as_object(errors[path])})
    flat = [
        flattened(entry) | {"quarantined": len(entry["quarantined"]) if "quarantined" in entry else None}
        for entry in entries
    ]
    put({"files": entries}, csv=_FILE_CSV, flat=flat)
    _warn_of_quarantine(done)


def _draw_files(done: list[ImportResult]) -> None:
    names = [result.path.name for result in done]
    columns: list[Column[ImportResult]] = [
        Column("File", lambda row: _told_apart(row.path, names), elastic=True),
        Column("Format", lambda row: row.format, elastic=True),
        Column("Rows", lambda row: number(row.rows), right=True),
        Column("New items", lambda row: number(row.items_new), right=True),
        Column("Updated", lambda row: number(row.items_updated), right=True, above=100),
        Column("Figures", lambda row: number(row.observations_new), right=True),
        Column("Unchanged", lambda row: number(row.unchanged), right=True, above=100),
        Column("Edges", lambda row: number(row.edges_new), right=True, above=100),
        Column("Set aside", lambda row: number(len(row.quarantined)), right=True, style=_warn_of),
    ]
    draw(table(done, columns))
    alike = _alike(done)
    if alike:
        rejected: list[Column[_Alike]] = [
            Column("File", lambda row: _told_apart(row.path, names), elastic=True),
            Column("Rows", lambda row: row.places(), fold=True),
            Column("Column", lambda row: row.first.column or MISSING, fold=True),
            Column("For example", lambda row: row.first.value or MISSING, elastic=True),
            Column("Why, and what helps", lambda row: _why(row.first), fold=True),
        ]
        draw("", table(alike, rejected))
    notices = [f"{_told_apart(result.path, names)}: {notice}" for result in done for notice in result.notices]
    if notices:
        draw("", *notices)
    if any(result.dry_run for result in done):
        draw("", "This was a dry run: nothing was written.")
    _warn_of_quarantine(done)


def _warn_of_quarantine(done: list[ImportResult]) -> None:
    bad = sum(len(result.quarantined) for result in done)
    if bad and any(result.dry_run for result in done):
        note(f"warning: {bad:,} {'row' if bad == 1 else 'rows'} would be set aside.")
    elif bad:
        note(
            f"warning: {bad:,} {'row was' if bad == 1 else 'rows were'} set aside; engagerr import quarantine shows "
            f"{'it' if bad == 1 else 'them'}."
        )


@dataclass(frozen=True, slots=True)
class _Alike:
    """Rows of one file that were set aside for the same reason."""

    path: Path
    rows: tuple[Rejection, ...]

    @property
    def first(self) -> Rejection:
        return self.rows[0]

    def places(self) -> str:
        """The first rows by number, and how many there are in all."""
        shown = ", ".join(_place(row) for row in self.rows[:_SHOWN_QUARANTINED])
        return shown if len(self.rows) <= _SHOWN_QUARANTINED else f"{shown} … ({len(self.rows):,})"


def _alike(done: Sequence[ImportResult]) -> list[_Alike]:
    groups: dict[tuple[Path, str | None, str, str], list[Rejection]] = {}
    for result in done:
        for bad in result.quarantined:
            groups.setdefault((result.path, bad.column, bad.reason, bad.fix), []).append(bad)
    return [_Alike(key[0], tuple(rows)) for key, rows in groups.items()]


def _place(row: Rejection) -> str:
    return f"{row.part}: {row.row}" if row.part else str(row.row)


def _why(row: Rejection) -> str:
    return f"{row.reason[:1].upper()}{row.reason[1:].rstrip('.')}. {row.fix}"


def _told_apart(path: Path, names: Sequence[str]) -> str:
    """The file's name, with its folder where another file has the same."""
    return path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}"


def _import_id(text: str | None) -> Any:
    if text is None:
        return None
    from uuid import UUID

    from engagerr.core.errors import InvalidInput

    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInput(
            f"{text!r} is not the id of an import.", hint="`engagerr import history --output csv` shows the ids."
        ) from error


def _warn(row: ImportRow) -> str:
    return "yellow" if row.quarantined else ""


def _warn_of(row: ImportResult) -> str:
    return "yellow" if row.quarantined else "dim"
