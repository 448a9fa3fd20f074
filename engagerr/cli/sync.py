"""`engagerr sync …`: fetch what platforms have, see how accounts stand, read again what was kept."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from uuid import UUID

import typer

from engagerr.cli import moments
from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import MISSING, Column, flattened, minute, note, number, plain, put, show, table
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.events import Task
    from engagerr.core.ingestion.sync import AccountStatus, RunRow, StreamResult, StreamStatus, SyncProgress, SyncReport
    from engagerr.core.ingestion.sync.replay import ReplayResult

app = noun("sync")

_RESULT_CSV = (
    "account", "connector", "stream", "state", "pages", "items_new", "items_updated", "observations_new",
    "quarantined", "gaps", "error_category", "error_kind", "error_message", "error_hint", "next_due_at",
)  # fmt: skip
_STATUS_CSV = (
    "account", "creator", "connector", "grant", "expires_at", "held_by", "held_until", "circuit", "circuit_reason",
    "stream", "state", "in_pass", "complete_until", "next_due_at", "failures", "pages", "error_category",
    "error_message", "error_hint",
)  # fmt: skip
_RUN_CSV = (
    "id", "started_at", "finished_at", "state", "holder", "member", "streams", "failed", "pages", "items_new",
    "observations_new",
)  # fmt: skip
_REPLAY_CSV = (
    "source", "imports", "rows", "items_new", "items_changed", "figures_corrected", "figures_withdrawn", "quarantined",
    "error",
)  # fmt: skip

_NOT_CONNECTED = "No account is connected yet. See engagerr platform list."
_SHOWN_PROBLEMS = 20
# Where failures are of several categories, the first of these says how the run ends.
_GRAVEST = ("Broken", "Rejected", "InvalidInput", "NotFound", "Forbidden", "Conflict", "Unavailable")
_STYLES = {
    "failed": "bold red", "partial": "yellow", "interrupted": "yellow", "waiting": "yellow", "skipped": "yellow",
    "permission_denied": "yellow", "lost": "bold red",
}  # fmt: skip

_CreatorOption = Annotated[str | None, typer.Option(metavar="NAME", help="Only accounts of this creator.")]
_PlatformOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only this platform, as `engagerr platform list` names it.")
]
_AccountOption = Annotated[str | None, typer.Option(metavar="PLATFORM:HANDLE", help="Only this account.")]
_WorkersOption = Annotated[
    int | None,
    typer.Option(min=1, max=64, metavar="NUMBER", help="Accounts at the same time; without it, sync.workers."),
]


@verb(
    app,
    "run",
    examples=(
        "engagerr sync run",
        'engagerr sync run --creator "Ann Lee" --since 30d',
        "engagerr sync run --platform youtube --now --output json",
    ),
)
def run(
    creator: _CreatorOption = None,
    platform: _PlatformOption = None,
    account: _AccountOption = None,
    stream: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this stream; `engagerr sync status` shows their names.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Fetch everything published since then again, due or not.")
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Fetch streams that are not due, too.")] = False,
    workers: _WorkersOption = None,
) -> None:
    """Fetch what is due from the platforms, for all connected accounts or for those named.

    Each page lands with its checkpoint in one transaction: whatever happens, what landed stays, and the next run goes
    on after it. Ctrl-C ends the run after the page in flight.

    It ends with 0 when nothing failed: streams that wait for a quota, streams that the account does not allow, and
    nothing being due are no failures. With 5 when another run holds every account that is wanted. With 6 when all that
    failed may pass by itself, and with 7 when a platform said no, so that a person has something to do. With 1 when
    something in Engagerr or a connector is broken, and with 130 after Ctrl-C.
    """
    moment = moments.first_moment(since)
    with _interruptible(), workspace() as work, _progress() as report:
        done = work.sync.run(
            creator=creator, platform=platform, account=account, stream=stream, since=moment, now=now, workers=workers,
            progress=report,
        )  # fmt: skip
    _end(done)


@verb(app, "retry", examples=("engagerr sync retry", "engagerr sync retry --output json"))
def retry(account: _AccountOption = None, workers: _WorkersOption = None) -> None:
    """Fetch at once what failed or was not allowed the last time, also from platforms that were left alone for a while.

    It ends like `engagerr sync run`.
    """
    with _interruptible(), workspace() as work, _progress() as report:
        done = work.sync.retry(account=account, workers=workers, progress=report)
    _end(done)


@verb(app, "status", examples=("engagerr sync status", "engagerr sync status --platform youtube --output csv"))
def status(creator: _CreatorOption = None, platform: _PlatformOption = None, account: _AccountOption = None) -> None:
    """Show how each connected account and each of its streams stands, when it is due, and what a person should do."""
    with workspace() as work:
        rows = work.sync.status(creator=creator, platform=platform, account=account)
        tasks = work.sync.tasks()
    streams = [_Standing(whose, stream) for whose in rows for stream in whose.streams or (None,)]
    put(
        {"accounts": plain(rows), "tasks": plain(tasks)},
        csv=_STATUS_CSV,
        flat=[standing.flat() for standing in streams],
        drawing=lambda: [
            table(streams, _STATUS_COLUMNS) if streams else _NOT_CONNECTED,
            *_problem_lines([one.stream for one in streams if one.stream and one.state() != "lost"]),
            *_task_lines(tasks),
        ],
    )


@verb(
    app,
    "history",
    examples=("engagerr sync history", "engagerr sync history 019aa6f2-6f2b-7c60-8a1e-2b7f5d0c9e41"),
)
def history(
    run_id: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Id of one run: what each stream brought.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="At most so many runs, newest first.")] = 50,
) -> None:
    """List the runs, newest first; with an id, what each stream of that run brought and why it failed."""
    wanted = _run_id(run_id)
    with workspace() as work:
        if wanted is not None:
            results = work.sync.results(wanted)
            put(
                plain(results),
                csv=_RESULT_CSV,
                drawing=lambda: [
                    table(results, _RESULT_COLUMNS) if results else "This run had nothing to do.",
                    *_problem_lines(results),
                ],
            )
            return
        rows = work.sync.history(limit=limit)
    show(rows, columns=_RUN_COLUMNS, csv=_RUN_CSV, empty="Nothing was synced yet. Begin with: engagerr sync run")


@verb(app, "replay", examples=("engagerr sync replay", "engagerr sync replay --pages-only --output json"))
def replay(
    creator: _CreatorOption = None,
    platform: _PlatformOption = None,
    account: _AccountOption = None,
    pages_only: Annotated[
        bool, typer.Option("--pages-only", help="Leave out imported files; where an account is named, they are.")
    ] = False,
) -> None:
    """Read again what was kept as it came, after Engagerr learned to read it better. Nothing is fetched.

    A figure that reads otherwise now becomes a further revision; nothing is deleted. Repeating it changes nothing.
    It ends with 1 if something could not be read again; the rest is done all the same.
    """
    with workspace() as work, _replaying() as report:
        done = work.sync.replay(
            creator=creator, platform=platform, account=account, files=not pages_only, progress=report
        )
    show(done.results, columns=_REPLAY_COLUMNS, csv=_REPLAY_CSV, empty="Nothing was kept yet that could be read again.")
    if any(result.error for result in done.results):
        from engagerr.cli.failure import EXIT_CODES

        raise typer.Exit(EXIT_CODES["Broken"])


# ── How a run ends ─────────────────────────────────────────────────────────────────────────────────────────────────


def exit_code(results: Sequence[StreamResult]) -> int:
    """What a run's results mean for whoever called it: the code of the gravest failure's category."""
    from engagerr.cli.failure import EXIT_CODES

    states = {str(result.state) for result in results}
    if states == {"skipped"}:
        return EXIT_CODES["Conflict"]
    categories = {(result.error or {}).get("category") for result in results if str(result.state) == "failed"}
    if not categories:
        return 0
    return EXIT_CODES[next((name for name in _GRAVEST if name in categories), "Broken")]


def _end(done: SyncReport) -> None:
    put(plain(done), csv=_RESULT_CSV, flat=[_flat(result) for result in done.results], drawing=lambda: _drawn(done))
    code = exit_code(done.results)
    if code:
        raise typer.Exit(code)


def _drawn(done: SyncReport) -> list[Any]:
    lines: list[Any] = [table(done.results, _RESULT_COLUMNS), ""] if done.results else []
    seconds = (done.finished_at - done.started_at).total_seconds()
    lines.append(f"Run {done.run_id}: {done.state if done.results else 'nothing to do'}, {seconds:,.1f} s.")
    if done.not_due:
        lines.append(f"{done.not_due:,} {'stream is' if done.not_due == 1 else 'streams are'} not due yet.")
    if done.next_due_at is not None:
        lines.append(f"The next is due at {minute(done.next_due_at)} UTC.")
    return [*lines, *_problem_lines(done.results), *_task_lines(done.tasks)]


def _problem_lines(streams: Sequence[StreamResult | StreamStatus]) -> Iterator[str]:
    """What went wrong or is missing for good, a line each; the hint where it is another one than the line before."""
    told: list[tuple[str, str | None]] = []
    for row in streams:
        for gap in getattr(row, "gaps", ()):
            told.append((f"{row.account} {row.stream}: {gap}", None))
        if row.error:
            told.append((f"{row.account} {row.stream}: {row.error['message']}", row.error.get("hint")))
    before: str | None = None
    for at, (line, hint) in enumerate(told[:_SHOWN_PROBLEMS]):
        yield from ("", line) if at == 0 else (line,)
        if hint and hint != before:
            yield f"  {hint}"
        before = hint
    if len(told) > _SHOWN_PROBLEMS:
        yield f"… and {len(told) - _SHOWN_PROBLEMS:,} more; --output csv shows all."


def _task_lines(tasks: Sequence[Task]) -> Iterator[str]:
    if tasks:
        yield from ("", "To do:")
    for task in tasks:
        yield f"- {task.message}"
        yield f"  {task.hint}"


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C in words that fit: unlike other verbs, what landed before stays."""
    try:
        yield
    except KeyboardInterrupt:
        _interrupted()


def _interrupted() -> NoReturn:
    from engagerr.cli.failure import tell_interrupted

    sys.exit(tell_interrupted(words="Interrupted; what landed stays, and the next run goes on after it."))


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[SyncProgress], None] | None]:
    from engagerr.cli.sync_progress import syncing

    with syncing() as report:
        yield report


@contextlib.contextmanager
def _replaying() -> Iterator[Callable[[str, int], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    yield lambda source, pages: note(f"{source}: {pages:,} read")


# ── Rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Standing:
    """An account and one of its streams; None where its connector is not installed."""

    def __init__(self, whose: AccountStatus, stream: StreamStatus | None) -> None:
        self.whose = whose
        self.stream = stream

    def state(self) -> str:
        """The grant's where that is lost: no stream goes on then."""
        if self.whose.grant != "active":
            return self.whose.grant
        return self.stream.state if self.stream else MISSING

    def says(self) -> str:
        """What is out of the ordinary, in words."""
        whose, stream = self.whose, self.stream
        said = []
        if whose.held_by:
            said.append(f"a run is at work until {minute(whose.held_until)}")
        if whose.circuit != "closed":
            said.append(f"left alone for a while: {whose.circuit_reason or whose.circuit}")
        if stream is not None and stream.in_pass:
            said.append("a pass is under way")
        if stream is not None and stream.failures > 1:
            said.append(f"{stream.failures} failures in a row")
        return "; ".join(said)

    def flat(self) -> dict[str, Any]:
        """One row of CSV."""
        account = {key: value for key, value in plain(self.whose).items() if key != "streams"}
        return flattened(account | (plain(self.stream) if self.stream else {}))


def _flat(result: StreamResult) -> dict[str, Any]:
    return flattened(plain(result))


def _run_id(text: str | None) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInput(
            f"{text!r} is not the id of a run.", hint="`engagerr sync history` shows the ids."
        ) from error


_RESULT_COLUMNS: list[Column[StreamResult]] = [
    Column("Account", lambda row: row.account, elastic=True),
    Column("Stream", lambda row: row.stream),
    Column("State", lambda row: str(row.state), style=lambda row: _STYLES.get(str(row.state), "")),
    Column("Pages", lambda row: number(row.pages), right=True, above=100),
    Column("New", lambda row: number(row.items_new), right=True),
    Column("Updated", lambda row: number(row.items_updated), right=True, above=100),
    Column("Figures", lambda row: number(row.observations_new), right=True),
    Column("Set aside", lambda row: number(row.quarantined) if row.quarantined else "", right=True, above=110),
    Column("Next (UTC)", lambda row: minute(row.next_due_at)),
]

_STATUS_COLUMNS: list[Column[_Standing]] = [
    Column("Account", lambda row: row.whose.account, elastic=True),
    Column("Creator", lambda row: row.whose.creator or MISSING, above=130, elastic=True),
    Column("Through", lambda row: row.whose.connector, above=150),
    Column("Stream", lambda row: row.stream.stream if row.stream else MISSING),
    Column("State", lambda row: row.state(), style=lambda row: _STYLES.get(row.state(), "")),
    Column("Complete until", lambda row: minute(row.stream.complete_until if row.stream else None), above=100),
    Column("Next (UTC)", lambda row: minute(row.stream.next_due_at if row.stream else None)),
    Column("Remarks", lambda row: row.says(), fold=True),
]

_RUN_COLUMNS: list[Column[RunRow]] = [
    Column("Began (UTC)", lambda row: minute(row.started_at)),
    Column("State", lambda row: row.state, style=lambda row: _STYLES.get(row.state, "")),
    Column("Streams", lambda row: number(row.streams), right=True),
    Column("Failed", lambda row: number(row.failed) if row.failed else "", right=True, style=lambda _: "red"),
    Column("Pages", lambda row: number(row.pages), right=True, above=100),
    Column("New items", lambda row: number(row.items_new), right=True),
    Column("Figures", lambda row: number(row.observations_new), right=True),
    Column("By", lambda row: row.member or MISSING, above=150, elastic=True),
    Column("Id", lambda row: str(row.id)),
]

_REPLAY_COLUMNS: list[Column[ReplayResult]] = [
    Column("Read again", lambda row: row.source, elastic=True),
    Column("Imports", lambda row: number(row.imports), right=True),
    Column("Rows", lambda row: number(row.rows), right=True, above=90),
    Column("New items", lambda row: number(row.items_new), right=True),
    Column("Changed", lambda row: number(row.items_changed), right=True),
    Column("Corrected", lambda row: number(row.figures_corrected), right=True),
    Column("Withdrawn", lambda row: number(row.figures_withdrawn), right=True),
    Column("Set aside", lambda row: number(row.quarantined) if row.quarantined else "", right=True, above=110),
    Column("Problem", lambda row: row.error or "", fold=True),
]
