"""`engagerr content eval`: how well detection does on groups whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import Output, presentation, verb
from engagerr.cli.content.noun import app
from engagerr.cli.output import MISSING, Column, draw, number, put, table
from engagerr.cli.progress import counting

if TYPE_CHECKING:
    from engagerr.core.content.evaluation import EvaluationRow

_CSV = (
    "set", "shows", "relation", "called", "method", "seen_in_training", "items", "untitled", "groups",
    "decidable_precision", "decidable_recall", "decidable_f1", "decidable_f1_low", "decidable_f1_high",
    "decidable_right", "decidable_found", "decidable_gold",
    "all_precision", "all_recall", "all_f1", "all_right", "all_found", "all_gold",
    "auto_precision", "auto_recall", "auto_f1", "auto_right", "auto_found", "auto_gold",
    "auto_all_precision", "auto_all_recall", "auto_all_f1", "auto_all_right", "auto_all_found", "auto_all_gold",
    "direct_precision", "direct_recall", "direct_f1", "direct_right", "direct_found", "direct_gold",
    "b_cubed_precision", "b_cubed_recall", "b_cubed_f1",
    "b_cubed_decidable_precision", "b_cubed_decidable_recall", "b_cubed_decidable_f1",
    "b_cubed_auto_precision", "b_cubed_auto_recall", "b_cubed_auto_f1",
    "blocking_recall", "blocking_candidates", "blocking_mean_per_item", "blocking_p99_per_item",
    "blocking_max_per_item", "blocking_reduction",
    "calibration_edges_equal_mass", "calibration_edges_equal_width", "calibration_edges_n",
    "calibration_pairs_equal_mass", "calibration_pairs_equal_width", "calibration_pairs_n",
    "children", "first_parent", "parent_among_three", "kept_apart", "wrongly_joined", "thresholds",
)  # fmt: skip


@verb(
    app,
    "eval",
    examples=(
        "engagerr content eval --groups groups.jsonl",
        "engagerr content eval --groups groups.jsonl --no-baseline --output json",
    ),
)
def evaluate(
    groups: Annotated[
        list[Path],
        typer.Option(
            "--groups",
            metavar="FILE",
            help="JSON Lines of groups ({show, relation, items}) or pairs ({item_a, item_b}); may be repeated.",
        ),
    ],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE…", help="Further files, as a shell's * gives them.")
    ] = None,
    folds: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="show: judge each show by a model trained on all the others of the files."),
    ] = None,
    baseline: Annotated[
        bool, typer.Option(help="Also what the likeness of titles alone reaches on the same items.")
    ] = True,
) -> None:
    """Measure how well detection finds what belongs together, on files that know. Needs no workspace.

    The files' answers never reach the detector. Figures are of pairs of which both items have a title, unless their
    column says otherwise; --output json has them all.
    """
    from engagerr.core.content import evaluation

    with counting("Evaluating", "steps") as progress:
        found = evaluation.evaluate([*groups, *(more or ())], folds=folds, baseline=baseline, progress=progress)
    rows = [row.flat() for row in found.rows]
    if presentation().output is not Output.TABLE:
        put({"rows": rows, "notes": list(found.notes), "folds": found.folds, "model": found.model}, csv=_CSV, flat=rows)
        return
    clips = [row for row in found.rows if row.children]
    draw(
        table(found.rows, _WORKS),
        *(["", table(clips, _CHILDREN, title="Children and their parents")] if clips else []),
        "",
        *found.notes,
    )


def _figure(value: float | None) -> str:
    return MISSING if value is None else f"{value:.3f}"


def _between(row: EvaluationRow) -> str:
    return f"{row.interval.low:.3f}–{row.interval.high:.3f}" if row.interval else MISSING


_WORKS: list[Column[EvaluationRow]] = [
    Column("Set", lambda row: row.set + (" (seen)" if row.seen else ""), elastic=True),
    Column("Relation", lambda row: row.relation),
    Column("Method", lambda row: row.method, elastic=True),
    Column("Pairs", lambda row: number(row.decidable.gold), right=True),
    Column("Precision", lambda row: _figure(row.decidable.precision), right=True),
    Column("Recall", lambda row: _figure(row.decidable.recall), right=True),
    Column("F1", lambda row: _figure(row.decidable.f1), right=True),
    Column("95 %", _between, right=True, above=100),
    Column("F1 of all", lambda row: _figure(row.everything.f1), right=True, above=160),
    Column("Auto P", lambda row: _figure(row.auto.precision if row.auto else None), right=True, above=110),
    Column("Auto R", lambda row: _figure(row.auto.recall if row.auto else None), right=True, above=110),
    Column(
        "B³ F1",
        lambda row: _figure(row.families_decidable.f1 if row.families_decidable else None),
        right=True,
        above=90,
    ),
    Column("Blocking", lambda row: _figure(row.blocking.recall if row.blocking else None), right=True, above=130),
    Column(
        "ECE",
        lambda row: _figure(row.calibration_of_edges.equal_mass if row.calibration_of_edges else None),
        right=True,
        above=140,
    ),
]
_CHILDREN: list[Column[EvaluationRow]] = [
    Column("Set", lambda row: row.set, elastic=True),
    Column("Relation", lambda row: row.relation),
    Column("Method", lambda row: row.method),
    Column("Children", lambda row: number(row.children), right=True),
    Column("Parent first", lambda row: _figure(row.first_parent), right=True),
    Column("Among three", lambda row: _figure(row.parent_among_three), right=True),
]
