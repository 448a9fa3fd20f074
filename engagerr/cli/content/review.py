"""`engagerr content review`: the open questions one by one with one key each, as data, or many answered at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import Output, YesOption, ask, presentation, verb, workspace
from engagerr.cli.content.drawing import EDGE_CSV, edge_document, edge_flat, edge_lines, item_name, short_id, sure
from engagerr.cli.content.noun import CreatorOption, app
from engagerr.cli.output import MISSING, Column, draw, number, plain, put, show
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.content.questions import Side
    from engagerr.core.content.review import BulkOutcome, Question
    from engagerr.core.content.thresholds import Threshold

_SIDE_CSV = (
    "title", "text", "account", "kind", "published_at", "duration_seconds", "url", "metric", "audience",
    "audience_state", "family_id", "family_items",
)  # fmt: skip
_QUESTION_CSV = (
    "id", "relation", "confidence", "value", "why", "child", "parent",
    *(f"{end}_{name}" for end in ("child", "parent") for name in _SIDE_CSV),
    "moves", "unknown", "rivals", "evidence", "skipped",
)  # fmt: skip
_BULK_CSV = ("outcome", "why", *EDGE_CSV)
_THRESHOLD_CSV = ("relation", "auto_confirm", "ask", "decisions", "right", "basis")


@verb(
    app,
    "review",
    examples=(
        "engagerr content review",
        'engagerr content review --creator "Jonna Brenner" --limit 10',
        "engagerr content review --confirm-above 0.9 --dry-run",
        "engagerr content review --thresholds",
    ),
)
def review(
    creator: CreatorOption = None,
    relation: Annotated[
        str | None,
        typer.Option(metavar="RELATION", help="Only such: same_work, clip_of, part_of, promotes or derived_from."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="NUMBER", help="At most so many questions.")] = None,
    confirm_above: Annotated[
        float | None,
        typer.Option(metavar="CONFIDENCE", help="Confirm all that are this sure or surer, unseen: 0.9."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what --confirm-above would do.")] = False,
    thresholds: Annotated[
        bool, typer.Option("--thresholds", help="Show from when on edges confirm themselves, and why.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Answer what the machine is unsure of, the questions that matter most first.

    In a terminal each question is shown with both items side by side, and one key answers it; every answer is saved at
    once, so you can stop at any time. Elsewhere, and with --output, the questions are listed and nothing is asked.
    """
    if confirm_above is None and (dry_run or yes):
        raise InvalidInput("There is nothing to confirm in bulk.", hint="Add --confirm-above 0.9.")
    if thresholds and confirm_above is not None:
        raise InvalidInput("--thresholds and --confirm-above exclude each other.", hint="Leave one of them out.")
    with workspace() as work:
        if thresholds:
            _put_thresholds(work)
        elif confirm_above is not None:
            _confirm_above(work, confirm_above, creator=creator, relation=relation, dry_run=dry_run, yes=yes)
        elif _somebody_answers():
            from engagerr.cli.content.reviewing import Round, keys

            Round(work, creator=creator, relation=relation, limit=limit).run(keys())
        else:
            found = work.review.queue(creator=creator, relation=relation, limit=limit or 20, include_skipped=True)
            _put_questions(work, found, creator=creator, relation=relation)


def _somebody_answers() -> bool:
    return presentation().output is Output.TABLE and sys.stdin.isatty() and sys.stdout.isatty()


def _put_questions(work: Workspace, found: tuple[Question, ...], *, creator: str | None, relation: str | None) -> None:
    if presentation().output is not Output.TABLE:
        put([_document(one) for one in found], csv=_QUESTION_CSV, flat=[_flat(one) for one in found])
        return
    columns: list[Column[Question]] = [
        Column("Edge", lambda one: short_id(one.edge)),
        Column("Child", lambda one: one.edge.child.title or item_name(one.edge.child), elastic=True),
        Column("Relation", lambda one: one.edge.relation),
        Column("Parent", lambda one: one.edge.parent.title or item_name(one.edge.parent), elastic=True),
        Column("Sure", lambda one: sure(one.edge.confidence), right=True),
        Column("Why now", lambda one: one.why, elastic=True, above=100),
    ]
    show(found, columns=columns, csv=(), empty=nothing_open(creator=creator, relation=relation))
    if found:
        progress = work.review.progress(creator=creator, relation=relation)
        draw(
            "",
            f"{number(len(found))} of {number(progress.waiting)} questions. Answer them one by one in a terminal,"
            " or: engagerr content confirm EDGE…, engagerr content reject EDGE…",
        )


def nothing_open(*, creator: str | None, relation: str | None) -> str:
    """What is said where no question is left."""
    if creator or relation:
        return "No question is like that."
    return "No question is open. Look for what belongs together: engagerr content suggest"


def _document(one: Question) -> dict[str, Any]:
    document: dict[str, Any] = plain(one)
    return document | {"edge": edge_document(one.edge)}


def _flat(one: Question) -> dict[str, Any]:
    return {
        "id": one.edge.id, "relation": one.edge.relation, "confidence": one.edge.confidence, "value": one.value,
        "why": one.why, "child": item_name(one.edge.child), "parent": item_name(one.edge.parent),
        **_side_flat("child", one.child), **_side_flat("parent", one.parent),
        "moves": one.moves, "unknown": one.unknown,
        "rivals": [f"{item_name(rival.parent)} ({rival.relation}, {rival.confidence})" for rival in one.rivals],
        "evidence": [piece.detail for piece in one.edge.evidence], "skipped": one.skipped,
    }  # fmt: skip


def _side_flat(end: str, side: Side) -> dict[str, Any]:
    figure = side.audience
    row = {
        "title": side.title, "text": side.text, "account": side.account, "kind": side.kind,
        "published_at": side.published_at, "duration_seconds": side.duration_seconds, "url": side.url,
        "family_id": side.family_id, "family_items": side.family_items,
        "metric": figure.metric if figure else None, "audience": figure.reported if figure else None,
        "audience_state": figure.state if figure else "not_reported",
    }  # fmt: skip
    return {f"{end}_{name}": value for name, value in row.items()}


def _confirm_above(
    work: Workspace, threshold: float, *, creator: str | None, relation: str | None, dry_run: bool, yes: bool
) -> None:
    outcome = work.review.confirm_above(threshold, creator=creator, relation=relation, dry_run=True)
    if not dry_run and outcome.edges:
        if presentation().output is Output.TABLE and not yes:
            _put_bulk(outcome)
        ask(f"Confirm {number(len(outcome.edges))} edges that nobody looked at?", yes=yes)
        outcome = work.review.confirm_above(threshold, creator=creator, relation=relation, dry_run=False)
    _put_bulk(outcome)


def _put_bulk(outcome: BulkOutcome) -> None:
    left = [{"edge": edge_document(one.edge), "why": one.why} for one in outcome.left_open]
    document = {
        "threshold": outcome.threshold, "dry_run": outcome.dry_run, "expected_wrong": round(outcome.expected_wrong, 3),
        "edges": [edge_document(edge) for edge in outcome.edges], "left_open": left,
    }  # fmt: skip
    word = "would be confirmed" if outcome.dry_run else "confirmed"
    flat = [{"outcome": word, **edge_flat(edge)} for edge in outcome.edges]
    flat += [{"outcome": "left open", "why": one.why, **edge_flat(one.edge)} for one in outcome.left_open]
    put(document, csv=_BULK_CSV, flat=flat, drawing=lambda: _bulk_lines(outcome, word))


def _bulk_lines(outcome: BulkOutcome, word: str) -> list[Any]:
    from engagerr.cli.output import table

    lines: list[Any] = []
    if outcome.edges:
        columns: list[Column[Any]] = [
            Column("Edge", short_id),
            Column("Child", lambda edge: edge.child.title or item_name(edge.child), elastic=True),
            Column("Relation", lambda edge: edge.relation),
            Column("Parent", lambda edge: edge.parent.title or item_name(edge.parent), elastic=True),
            Column("Sure", lambda edge: f"{number(edge.confidence * 100, places=1)} %", right=True),
        ]
        lines.append(table(outcome.edges, columns))
    for one in outcome.left_open:
        lines += ["", *edge_lines(one.edge)[:3], f"  stays open: {one.why}"]
    if not outcome.edges:
        lines.append(f"No question is {number(outcome.threshold * 100, places=1)} % sure or surer.")
        return lines
    lines.append(
        f"{number(len(outcome.edges))} {word}; by the machine's own account {outcome.expected_wrong:.1f} of them"
        f" wrong. {number(len(outcome.left_open))} as sure stay open."
    )
    lines.append(
        "Without --dry-run they are confirmed." if outcome.dry_run else "Take all of it back: engagerr content undo"
    )
    return lines


def _put_thresholds(work: Workspace) -> None:
    rows = work.review.thresholds().rows
    columns: list[Column[Threshold]] = [
        Column("Relation", lambda row: row.relation),
        Column("Asked from", lambda row: f"{number(row.ask * 100, places=1)} %", right=True),
        Column("Confirmed from", lambda row: _from(row.auto_confirm), right=True),
        Column("Judged", lambda row: number(row.decisions), right=True),
        Column("Right", lambda row: number(row.right) if row.decisions else MISSING, right=True),
        Column("Basis", lambda row: row.basis, fold=True),
    ]
    show(rows, columns=columns, csv=_THRESHOLD_CSV)


def _from(confidence: float) -> str:
    return f"{number(confidence * 100, places=1)} %" if confidence <= 1 else "never"
