"""`engagerr deliverable …`: what is made for a deal: drafts, rounds of changes, approvals, disclosure, usage rights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli import moments
from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, facts, minute, plain, put, show, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from rich.console import RenderableType

    from engagerr.core.deals.delivery.deliverable_rounds import DeliverableRow, StepRow
    from engagerr.core.deals.delivery.deliverables import DeliverableDetail
    from engagerr.core.deals.delivery.disclosure_gate import CheckRow
    from engagerr.core.deals.delivery.usage_rights import RightRow

app = noun("deliverable")

_CSV = (
    "id", "deal", "brand", "milestone", "name", "creator", "kind", "platform", "state", "waits_for", "due_on",
    "days_left", "timing", "round", "revisions", "revisions_left", "submitted_at", "approved_at", "item", "url",
    "live_at", "kept",
)  # fmt: skip
_CHECK_CSV = ("item", "url", "way", "finding", "passes", "found", "why", "regime", "let_pass", "checked_at")
_RIGHT_CSV = (
    "deal", "deliverable", "creator", "item", "url", "party", "detail", "starts_on", "ends_on", "standing", "days_left",
    "reaches", "term_id",
)  # fmt: skip
_STYLES = {"checked": "green", "approved": "green", "live": "yellow", "changes_requested": "yellow", "cancelled": "dim"}
_FINDING_STYLES = {
    "disclosed": "green",
    "weak": "yellow",
    "missing": "red",
    "unreadable": "yellow",
    "not_needed": "dim",
}

PieceArgument = Annotated[
    str,
    typer.Argument(metavar="PIECE", help="DEAL/REF (as in the contract), the ref if one deal has it, or the id's end."),
]
NoteOption = Annotated[str | None, typer.Option(metavar="WORDS", help="What you say with it; both sides read it.")]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who said so, at a brand that has no workspace here.")
]


@verb(
    app,
    "list",
    examples=(
        "engagerr deliverable list",
        "engagerr deliverable list --state submitted",
        "engagerr deliverable list --output csv",
    ),
)
def list_(
    deal: Annotated[str | None, typer.Argument(metavar="DEAL", help="Only those of this deal.")] = None,
    creator: Annotated[str | None, typer.Option(metavar="CREATOR", help="Only this creator's.")] = None,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="planned, submitted, approved, live …")] = None,
) -> None:
    """List what is to be made and what was, the next due first."""
    with workspace() as work:
        today = work.access.clock.now().date()
        found = work.deliverables.list(deal, creator=creator, state=state)
    _show_pieces(found, today, empty="Nothing is agreed. What a signed contract asks for stands here.")


@verb(app, "deadlines", examples=("engagerr deliverable deadlines", "engagerr deliverable deadlines --days 30"))
def deadlines(
    deal: Annotated[str | None, typer.Argument(metavar="DEAL", help="Only those of this deal.")] = None,
    days: Annotated[int, typer.Option("--days", metavar="DAYS", help="Due within so many days.")] = 14,
) -> None:
    """List what is late, what is at risk (due within 3 days and not handed in), and what is due soon."""
    with workspace() as work:
        today = work.access.clock.now().date()
        found = work.deliverables.deadlines(within_days=days, deal=deal)
    _show_pieces(found, today, empty=f"Nothing is due within {days} days, and nothing is late.")


@verb(app, "show", examples=('engagerr deliverable show "Trail shoes, spring/1"',))
def show_(piece: PieceArgument) -> None:
    """Show a piece: whose turn it is, its rounds, and what it and its family say of being advertising."""
    with workspace() as work:
        today = work.access.clock.now().date()
        detail = work.deliverables.show(piece)
    _put_detail(detail, today)


@verb(
    app,
    "submit",
    examples=(
        'engagerr deliverable submit "Trail shoes, spring/1" --link https://drafts.example/v1 --note "first cut"',
    ),
)
def submit(
    piece: PieceArgument,
    link: Annotated[str | None, typer.Option(metavar="URL", help="Where the draft can be seen.")] = None,
    note: NoteOption = None,
) -> None:
    """Hand in a draft. Once all of a milestone is handed in, the brand's time to answer runs."""
    with workspace() as work:
        row = work.deliverables.submit(piece, link=link, note=note)
    _put_row(row, f"submitted, round {row.round}. It is {row.brand}'s turn.")


@verb(
    app,
    "request-changes",
    examples=('engagerr deliverable request-changes "Trail shoes, spring/1" --note "Show the sole." --by "Mara Voss"',),
)
def request_changes(
    piece: PieceArgument,
    note: Annotated[str, typer.Option(metavar="WORDS", help="What is to be changed; both sides read it.")],
    by: ByOption = None,
) -> None:
    """Send a draft back, within the rounds that were agreed. The money waits."""
    with workspace() as work:
        row = work.deliverables.request_changes(piece, note=note, by=by)
    left = "" if row.revisions_left is None else f" {row.revisions_left} rounds are left."
    _put_row(row, f"sent back.{left}")


@verb(app, "grant", examples=('engagerr deliverable grant "Trail shoes, spring/1" --note "one more, as a favour"',))
def grant(piece: PieceArgument, note: NoteOption = None) -> None:
    """Accept one round of changes more than was agreed (on the side that makes it), while an answer is due."""
    with workspace() as work:
        row = work.deliverables.grant(piece, note=note)
    _put_row(row, f"may be sent back {row.revisions_left} more times.")


@verb(app, "approve", examples=('engagerr deliverable approve "Trail shoes, spring/1" --by "Mara Voss"',))
def approve(piece: PieceArgument, note: NoteOption = None, by: ByOption = None) -> None:
    """Say yes to what was handed in. It is not taken back."""
    with workspace() as work:
        row = work.deliverables.approve(piece, note=note, by=by)
    _put_row(row, "approved. It may go live.")


@verb(
    app,
    "live",
    examples=('engagerr deliverable live "Trail shoes, spring/1" youtube:rbMdIF1MB2U',),
)
def live(
    piece: PieceArgument,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="What it became: platform:native_id, or an id.")],
    url: Annotated[str | None, typer.Option(metavar="URL", help="Where it is; else as the item has it.")] = None,
) -> None:
    """Link what a piece became, and look whether it and its family say that it is advertising."""
    with workspace() as work:
        today = work.access.clock.now().date()
        detail = work.deliverables.live(piece, item, url=url)
    _put_detail(detail, today)


@verb(
    app,
    "check",
    examples=("engagerr deliverable check", 'engagerr deliverable check "Trail shoes, spring/1"'),
)
def check(
    piece: Annotated[
        str | None, typer.Argument(metavar="PIECE", help="One piece; without it, everything that is live.")
    ] = None,
) -> None:
    """Look again at the disclosure of what is live, at what silence approved, and at rights that end. For cron, too."""
    with workspace() as work:
        today = work.access.clock.now().date()
        if piece is not None:
            detail = work.deliverables.check(piece)
        else:
            seen = work.deliverables.recheck()
    if piece is not None:
        _put_detail(detail, today)
        return
    put(
        {**plain(seen), "changed": [_document(row, today) for row in seen.changed]},
        csv=("pieces", "failing", "approved_by_silence", "rights_ending"),
        drawing=lambda: [
            f"Live: {seen.pieces}. Not disclosed, so that their money waits: {seen.failing}.",
            *(clean(f"{row.deal}/{row.name} is {_said(row.state)} now.") for row in seen.changed),
            *([f"Approved by silence: {seen.approved_by_silence}."] if seen.approved_by_silence else []),
            *([f"Rights that end within 30 days: {seen.rights_ending} (engagerr deliverable rights --expiring 30)"]
              if seen.rights_ending else []),
        ],
    )  # fmt: skip


@verb(
    app,
    "override",
    examples=('engagerr deliverable override "Trail shoes, spring/1" --reason "said aloud in the first seconds"',),
)
def override(
    piece: PieceArgument,
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why it may pass; it is kept, with your name.")],
    item: Annotated[
        str | None, typer.Option(metavar="ITEM", help="One item of the family; else all that fail.")
    ] = None,
) -> None:
    """Let what does not disclose pass, so that the money goes on. It holds for the text as it is now."""
    with workspace() as work:
        today = work.access.clock.now().date()
        detail = work.deliverables.override(piece, reason=reason, item=item)
    _put_detail(detail, today)


@verb(
    app,
    "rights",
    examples=(
        "engagerr deliverable rights",
        "engagerr deliverable rights --expiring 30",
        "engagerr deliverable rights --output csv",
    ),
)
def rights(
    deal: Annotated[str | None, typer.Argument(metavar="DEAL", help="Only those of this deal.")] = None,
    expiring: Annotated[
        int | None, typer.Option("--expiring", metavar="DAYS", help="Only those that run and end within so many days.")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DAY", help="As of this day; without it, today (UTC).")
    ] = None,
) -> None:
    """List who may use what is live and until when, and how many items of its family that reaches."""
    as_of = moments.day(on)
    with workspace() as work:
        found = work.deliverables.rights(deal, expiring_days=expiring, on=as_of)
    columns: list[Column[RightRow]] = [
        Column("Piece", lambda row: f"{row.deal}/{row.deliverable}", elastic=True),
        Column("Item", lambda row: row.item, fold=True),
        Column("Party", lambda row: row.party or MISSING, elastic=True),
        Column("What", lambda row: row.detail or MISSING, elastic=True, above=100),
        Column("Until", lambda row: row.ends_on.isoformat() if row.ends_on else "no end"),
        Column("Days", lambda row: MISSING if row.days_left is None else str(row.days_left), right=True),
        Column("Covers", _covers),
    ]
    show(
        found, columns=columns, csv=_RIGHT_CSV, document=_right,
        empty="No right to anything that is live is on record." if expiring is None
        else f"No right ends within {expiring} days.",
    )  # fmt: skip


# ── Drawing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _show_pieces(rows: Sequence[DeliverableRow], today: date, *, empty: str) -> None:
    columns: list[Column[DeliverableRow]] = [
        Column("Piece", lambda row: f"{row.deal}/{row.name}", elastic=True),
        Column("Creator", lambda row: row.creator or MISSING, elastic=True, above=100),
        Column("What", lambda row: _said(row.kind), elastic=True, above=90),
        Column("Platform", lambda row: row.platform or MISSING, above=100),
        Column("State", lambda row: _said(row.state), style=lambda row: _STYLES.get(row.state, "")),
        Column("Waits for", lambda row: row.waits_for or MISSING),
        Column("Due", lambda row: row.due_on.isoformat() if row.due_on else MISSING),
        Column("", lambda row: _late(row, today), style=lambda row: "red" if row.timing(today) == "late" else "yellow"),
        Column("Rounds", _rounds, right=True),
        Column("Item", lambda row: row.item or MISSING, fold=True, above=130),
    ]
    show(rows, columns=columns, csv=_CSV, document=lambda row: _document(row, today), empty=empty)


def _put_row(row: DeliverableRow, done: str) -> None:
    put(
        _document(row, row.state_since.date()),
        csv=_CSV,
        drawing=lambda: [clean(f"{row.deal}/{row.name} ({row.id.hex[-8:]}): {done}")],
    )


def _put_detail(detail: DeliverableDetail, today: date) -> None:
    row = detail.row
    put(
        {
            **_document(row, today),
            "steps": [plain(step) for step in detail.steps],
            "checks": [_check(one) for one in detail.checks],
        },
        csv=_CHECK_CSV,
        flat=[_check(one) for one in detail.checks],
        drawing=lambda: _drawn(detail, today),
    )


def _drawn(detail: DeliverableDetail, today: date) -> list[RenderableType]:
    row = detail.row
    timing = row.timing(today)
    lines: list[RenderableType] = [
        facts(
            [
                ("Piece", clean(f"{row.deal}/{row.name}  {row.id.hex[-8:]}")),
                ("What", clean(", ".join(part for part in (row.kind, row.platform, row.description) if part))),
                ("Creator", clean(row.creator or MISSING)),
                ("Milestone", clean(row.milestone or MISSING)),
                ("State", _said(row.state) + (f", waits for {row.waits_for}" if row.waits_for else "")),
                ("Due", (row.due_on.isoformat() if row.due_on else MISSING) + (f", {timing}" if timing else "")),
                ("Rounds", _rounds(row)),
                ("Live", clean(" ".join(part for part in (row.item, row.url) if part) or MISSING)),
                ("Rules", f"{row.country or 'general'}{', a gift' if row.in_kind else ''}"),
            ]
        )
    ]
    if detail.steps:
        lines += ["", table(detail.steps, _step_columns())]
    if detail.checks:
        lines += [
            "",
            table(detail.checks, _check_columns()),
            *(clean(f"· {one.item}: {one.why}") for one in _open(detail)),
        ]
    return lines


def _open(detail: DeliverableDetail) -> list[CheckRow]:
    return [one for one in detail.checks if not one.passes]


def _step_columns() -> list[Column[StepRow]]:
    return [
        Column("At", lambda step: minute(step.at)),
        Column("Becomes", lambda step: "one round more" if step.grants_revision else _said(step.to_state)),
        Column("By", lambda step: f"{step.actor} ({step.side})", elastic=True),
        Column("Words", lambda step: clean(" ".join(part for part in (step.note, step.link) if part)), fold=True),
    ]


def _check_columns() -> list[Column[CheckRow]]:
    return [
        Column("Item", lambda one: one.item, fold=True),
        Column("Way", lambda one: one.way.replace("_", " ")),
        Column("Says", lambda one: _said(one.finding), style=lambda one: _FINDING_STYLES[one.finding]),
        Column("Found", lambda one: clean(one.found or MISSING), elastic=True),
        Column("Rule", lambda one: one.regime, above=100),
        Column("Let pass", lambda one: clean(one.let_pass or MISSING), elastic=True),
    ]


def _document(row: DeliverableRow, today: date) -> dict[str, Any]:
    document: dict[str, Any] = plain(row)
    return document | {
        "name": row.name, "waits_for": row.waits_for, "revisions_left": row.revisions_left,
        "days_left": row.days_left(today), "timing": row.timing(today),
    }  # fmt: skip


def _check(one: CheckRow) -> dict[str, Any]:
    document: dict[str, Any] = plain(one)
    return document | {"passes": one.passes}


def _right(row: RightRow) -> dict[str, Any]:
    document: dict[str, Any] = plain(row)
    return document | {"reaches": [{"item": one.item, "verdict": one.verdict, "why": one.why} for one in row.reaches]}


def _covers(row: RightRow) -> str:
    """How many items of the family it covers for certain, and how many a person has to look at."""
    sure = sum(one.verdict == "applies" for one in row.reaches) + (row.standing == "runs")
    ask = sum(one.verdict == "check" for one in row.reaches)
    return f"{sure}, check {ask}" if ask else str(sure)


def _rounds(row: DeliverableRow) -> str:
    agreed = "∞" if row.revisions_allowed is None else str(row.revisions_allowed + row.extra_revisions)
    return f"{row.revisions} of {agreed}"


def _late(row: DeliverableRow, today: date) -> str:
    left, timing = row.days_left(today), row.timing(today)
    if left is not None and timing == "late":
        return f"{-left} days late"
    return timing or ""


def _said(state: str) -> str:
    return str(state).replace("_", " ")
