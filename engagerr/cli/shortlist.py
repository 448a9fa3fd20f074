"""`engagerr shortlist …`: creators set aside for a brief, what became of them, and how their scores changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import YesOption, ask, noun, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, day, number, plain, put, show, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.matching.shortlists import Entry, Shortlist, ShortlistRow

app = noun("shortlist")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The shortlist's name or id.")]
CreatorArgument = Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id.")]

_CSV = ("id", "name", "brief", "entries", "created_at")
ENTRY_CSV = (
    "creator", "creator_id", "state", "then_score", "pitched_score", "now_score", "reason", "note", "added_at",
    "decided_at",
)  # fmt: skip


@verb(
    app,
    "create",
    examples=(
        'engagerr shortlist create "Spring, first look"',
        'engagerr shortlist create "Spring launch" --brief "Trail running shoes, spring launch"',
    ),
)
def create(
    name: NameArgument,
    brief: Annotated[str | None, typer.Option(metavar="TITLE", help="A kept brief, by title or id.")] = None,
) -> None:
    """Make a shortlist, empty; `engagerr match shortlist` makes one and fills it."""
    with workspace() as work:
        row = work.shortlists.create(name, brief)
    put(_document(row), csv=_CSV, drawing=lambda: [clean(f"{row.name}: for {row.brief or 'no brief'}.")])


@verb(app, "fill", examples=('engagerr shortlist fill "Spring launch" --limit 5',))
def fill(
    name: NameArgument,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many of the best at most.")] = 10,
) -> None:
    """Put the best matches of its brief on a shortlist, with their scores of today."""
    with workspace() as work:
        found = work.shortlists.fill(name, limit)
    put_shortlist(found)


@verb(app, "add", examples=('engagerr shortlist add "Spring launch" "Marlo Vestenegg" --note "met in May"',))
def add(
    name: NameArgument,
    creators: Annotated[list[str], typer.Argument(metavar="CREATOR...", help="One or more, by name or id.")],
    note: Annotated[str | None, typer.Option(metavar="WORDS", help="A note beside each of them.")] = None,
) -> None:
    """Put creators on a shortlist, with their scores of today."""
    with workspace() as work:
        found = work.shortlists.add(name, creators, note=note)
    put_shortlist(found)


@verb(app, "list", examples=("engagerr shortlist list",))
def list_() -> None:
    """List the shortlists, the newest first."""
    with workspace() as work:
        rows = work.shortlists.list()
    columns: list[Column[ShortlistRow]] = [
        Column("Name", lambda row: row.name, elastic=True),
        Column("Brief", lambda row: row.brief or MISSING, elastic=True),
        Column("Creators", lambda row: number(row.entries), right=True),
        Column("Of them", lambda row: ", ".join(f"{count} {state}" for state, count in row.states.items()), fold=True),
        Column("Since", lambda row: day(row.created_at), above=100),
    ]
    show(
        rows, columns=columns, csv=_CSV, document=_document,
        empty="None yet: engagerr match shortlist --brief FILE --name NAME",
    )  # fmt: skip


@verb(app, "show", examples=('engagerr shortlist show "Spring launch"',))
def show_(name: NameArgument) -> None:
    """Show a shortlist: the scores then and now, and which signals moved."""
    with workspace() as work:
        found = work.shortlists.show(name)
    put_shortlist(found)


@verb(app, "note", examples=('engagerr shortlist note "Spring launch" "Marlo Vestenegg" "asks for a call in May"',))
def note_(
    name: NameArgument,
    creator: CreatorArgument,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="The note; empty takes it away.")],
) -> None:
    """Write a note beside a creator of a shortlist."""
    with workspace() as work:
        found = work.shortlists.note(name, creator, words.strip() or None)
    put_shortlist(found)


@verb(
    app,
    "decide",
    examples=(
        'engagerr shortlist decide "Spring launch" "Marlo Vestenegg" pitched',
        'engagerr shortlist decide "Spring launch" "Marlo Vestenegg" won --reason "signed for two videos"',
    ),
)
def decide(
    name: NameArgument,
    creator: CreatorArgument,
    state: Annotated[str, typer.Argument(metavar="STATE", help="candidate, pitched, won, lost or dropped.")],
    reason: Annotated[str | None, typer.Option(metavar="WORDS", help="Why.")] = None,
) -> None:
    """Say what became of a creator. Won and lost are what weights are fitted on."""
    with workspace() as work:
        done = work.shortlists.set_state(name, creator, state, reason=reason)
    lines = [clean(f"{done.creator}: {done.before} → {done.state}.")]
    if done.state in ("won", "lost") and not done.counted:
        lines.append("Weights learn nothing of it: there is no score of a brief, or it was said before.")
    if done.withdrawn:
        lines.append(f"That it was {done.before} is taken back: weights learn nothing of it any more.")
    put(done, csv=("shortlist", "creator", "before", "state", "reason", "counted"), drawing=lambda: lines)


@verb(
    app,
    "remove",
    examples=(
        'engagerr shortlist remove "Spring launch" "Marlo Vestenegg" --yes',
        'engagerr shortlist remove "Spring launch" --yes',
    ),
)
def remove(
    name: NameArgument,
    creator: Annotated[
        str | None, typer.Argument(metavar="[CREATOR]", help="Only this creator; else the whole shortlist.")
    ] = None,
    yes: YesOption = False,
) -> None:
    """Take a creator off a shortlist, or remove the shortlist. What was won or lost stays kept."""
    with workspace() as work:
        if creator is not None:
            ask(f"Take {creator!r} off the shortlist {name!r}?", yes=yes)
            found = work.shortlists.remove_entry(name, creator)
            put_shortlist(found)
            return
        ask(f"Remove the shortlist {name!r}?", yes=yes)
        row = work.shortlists.remove(name)
    put(_document(row), csv=_CSV, drawing=lambda: [clean(f"{row.name} is removed.")])


def put_shortlist(found: Shortlist) -> None:
    """Write a shortlist with its entries."""
    entries = [plain(entry) for entry in found.entries]
    put(
        {**_document(found.row), "creators": entries, "added": found.added},
        csv=ENTRY_CSV,
        flat=entries,
        drawing=lambda: _drawn(found),
    )


def _document(row: ShortlistRow) -> dict[str, Any]:
    document: dict[str, Any] = plain(row)
    return document


def _drawn(found: Shortlist) -> list[RenderableType]:
    row = found.row
    lines: list[RenderableType] = []
    if found.entries:
        columns: list[Column[Entry]] = [
            Column("Creator", lambda entry: entry.creator, elastic=True),
            Column("State", lambda entry: entry.state),
            Column("Then", lambda entry: _points(entry.then.score if entry.then else None), right=True),
            Column(
                "Pitched", lambda entry: _points(entry.pitched.score if entry.pitched else None), right=True, above=80
            ),
            Column("Now", lambda entry: _points(entry.now.score if entry.now else None), right=True),
            Column("What changed", _changes, fold=True),
            Column("Note", lambda entry: entry.note or MISSING, elastic=True, above=100),
            Column("Reason", lambda entry: entry.reason or MISSING, elastic=True, above=110),
        ]
        lines.append(table(found.entries, columns, title=clean(row.name)))
    else:
        lines.append(clean(f"{row.name}: nobody is on it yet."))
    lines.append(clean(f"For {row.brief}." if row.brief else "For no brief, so there are no scores."))
    if found.added:
        lines.append(f"{found.added:,} added.")
    return lines


def _points(score: float | None) -> str:
    return MISSING if score is None else f"{100 * score:.0f}"


def _changes(entry: Entry) -> str:
    if entry.now is not None and entry.now.broken:
        # Whom a brief rules out has no signals now: to list them all as unknown would hide the reason.
        return f"ruled out: {'; '.join(entry.now.broken)}"
    said = [
        f"{one.signal.replace('_', ' ')} {'?' if one.before is None else _points(one.before)}"
        f" → {'?' if one.after is None else _points(one.after)}"
        for one in entry.changes
    ]
    if entry.then and entry.now and entry.then.weights != entry.now.weights:
        said.append("other weights")
    if entry.do_not_pitch:
        said.insert(0, "do not pitch")
    return ", ".join(said) or MISSING
