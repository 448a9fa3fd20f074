"""`engagerr content eval`: how well detection does on groups whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import Output, presentation, verb
from engagerr.cli.content.noun import app
from engagerr.cli.output import MISSING, Column, draw, number, put, table
from engagerr.cli.progress import counting

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.content.evaluation import Evaluation, EvaluationRow

# As the rows call what judged: evaluation itself is heavy to import.
OURS, BASELINE, BASELINE_AT_BEST = "engagerr", "title_ratio", "title_ratio_at_its_best"

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
    embedder: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Compare by meaning too: english or multilingual (see the setting ai)."),
    ] = None,
) -> None:
    """Measure how well detection finds what belongs together, on files that know. Needs no workspace.

    The files' answers never reach the detector. Figures are of pairs of which both items have a title, unless their
    column says otherwise; --output json has them all.
    """
    from engagerr.core.ai import local_embedder
    from engagerr.core.content import evaluation

    chosen = local_embedder(embedder) if embedder else None
    with counting("Evaluating", "steps") as progress:
        found = evaluation.evaluate(
            [*groups, *(more or ())], folds=folds, baseline=baseline, embedder=chosen, progress=progress
        )
    rows = [row.flat() for row in found.rows]
    if presentation().output is not Output.TABLE:
        put({"rows": rows, "notes": list(found.notes), "folds": found.folds, "model": found.model}, csv=_CSV, flat=rows)
        return
    draw(*_drawn(found))


def _drawn(found: Evaluation) -> list[RenderableType]:
    ours = [row for row in found.rows if row.method == OURS]
    works = [row for row in ours if not row.children]
    clips = [row for row in ours if row.children]
    lines: list[RenderableType] = [table(works, _works(found.rows))] if works else []
    if clips:
        lines += ["", table(clips, _children(found.rows), title="Children and their parents")]
    lines += ["", *_missed(ours)]
    for words in (*_LEGEND, *found.notes):
        lines += ["", words]
    return lines


_LEGEND = (
    "Pairs are those of which both items have a title. B³: families. Auto P and R: what stands without a person's word."
    " Reached: the pairs that blocking lets through. ECE: how far confidence is from the truth."
    " Titles best: what the likeness of titles reaches, with the threshold that suits the set best.",
)
# What the mapping is built to reach; a figure on the wrong side of it is marked. (name, at least?, bound)
_AIMS: tuple[tuple[str, bool, float], ...] = (
    ("F1", True, 0.95),
    ("B³ F1", True, 0.95),
    ("Auto P", True, 0.99),
    ("Auto R", True, 0.80),
    ("Reached", True, 0.995),
    ("ECE", False, 0.05),
    ("Among three", True, 0.90),
)
_MISSED = "!"


def _value(row: EvaluationRow, name: str) -> float | None:
    """The figure of that heading; None where there is none."""
    score, cubed = row.decidable, row.families_decidable
    values = {
        "Precision": score.precision,
        "Recall": score.recall,
        # Of nothing there is no share, however much was found.
        "F1": score.f1 if score.gold else None,
        "F1 of all": row.everything.f1,
        "B³ F1": cubed.f1 if cubed else None,
        "Auto P": row.auto.precision if row.auto else None,
        "Auto R": row.auto.recall if row.auto else None,
        "Reached": row.blocking.recall if row.blocking else None,
        "ECE": row.calibration_of_edges.equal_mass if row.calibration_of_edges else None,
        "First": row.first_parent,
        "Among three": row.parent_among_three,
    }
    return values[name]


def _aims(row: EvaluationRow) -> tuple[tuple[str, bool, float], ...]:
    """What is aimed at in this row: of works if it knows any, of children if it has some, and of no peer."""
    if row.method != OURS:
        return ()
    names = {"Among three"} if row.children else {name for name, *_ in _AIMS} - {"Among three"}
    known = row.children or row.decidable.gold
    return tuple(aim for aim in _AIMS if aim[0] in names) if known else ()


def _misses(row: EvaluationRow, name: str) -> bool:
    value = _value(row, name)
    return value is not None and any(
        aim == name and (value < bound if at_least else value > bound) for aim, at_least, bound in _aims(row)
    )


def _missed(rows: Sequence[EvaluationRow]) -> list[str]:
    """One line a set and relation whose figures miss what is aimed at; one line where none does."""
    lines = []
    for row in rows:
        parts = [
            f"{name} {_figure(_value(row, name))} {'<' if at_least else '>'} {bound:g}"
            for name, at_least, bound in _aims(row)
            if _misses(row, name)
        ]
        if parts:
            lines.append(f"{_MISSED} {row.set}, {row.relation}: {', '.join(parts)}")
    if lines:
        lines.insert(0, "Missed (what is aimed at stands behind each):")
    lines += [
        f"{row.set}, {row.relation}: {number(row.decidable.found)} found, and the file knows of none."
        for row in rows
        if not row.decidable.gold and row.decidable.found
    ]
    if lines:
        return lines
    return ["Every figure reaches what is aimed at."] if any(_aims(row) for row in rows) else []


def _figure(value: float | None) -> str:
    return MISSING if value is None else f"{value:.3f}"


def _between(row: EvaluationRow) -> str:
    return f"{row.interval.low:.3f}–{row.interval.high:.3f}" if row.interval else MISSING


def _peer(rows: Sequence[EvaluationRow], row: EvaluationRow, method: str) -> str:
    """The F1 of a simpler means on the same items, beside ours."""
    found = [one for one in rows if (one.set, one.relation, one.method) == (row.set, row.relation, method)]
    return _figure(found[0].decidable.f1) if found else MISSING


def _column(name: str, *, above: int = 0) -> Column[EvaluationRow]:
    def cell(row: EvaluationRow) -> str:
        return _figure(_value(row, name)) + (_MISSED if _misses(row, name) else "")

    def style(row: EvaluationRow) -> str:
        return "bold red" if _misses(row, name) else ""

    return Column(name, cell, right=True, above=above, style=style)


def _works(rows: Sequence[EvaluationRow]) -> list[Column[EvaluationRow]]:
    columns: list[Column[EvaluationRow]] = [
        Column("Set", lambda row: row.set + (" (seen)" if row.seen else ""), elastic=True),
        Column("Relation", lambda row: row.relation),
        Column("Pairs", lambda row: number(row.decidable.gold), right=True),
        _column("Precision", above=150),
        _column("Recall", above=150),
        _column("F1"),
        Column("95 %", _between, right=True, above=120),
        _column("F1 of all", above=160),
        _column("B³ F1"),
        _column("Auto P"),
        _column("Auto R"),
        _column("Reached", above=90),
        _column("ECE", above=100),
    ]
    if any(row.method == BASELINE for row in rows):
        columns.append(Column("Titles F1", lambda row: _peer(rows, row, BASELINE), right=True, above=120))
        columns.append(Column("Titles best", lambda row: _peer(rows, row, BASELINE_AT_BEST), right=True, above=100))
    return columns


def _children(rows: Sequence[EvaluationRow]) -> list[Column[EvaluationRow]]:
    def baseline(row: EvaluationRow) -> str:
        best = [one for one in rows if (one.set, one.relation, one.method) == (row.set, row.relation, BASELINE)]
        return _figure(best[0].parent_among_three) if best else MISSING

    return [
        Column("Set", lambda row: row.set + (" (seen)" if row.seen else ""), elastic=True),
        Column("Relation", lambda row: row.relation),
        Column("Children", lambda row: number(row.children), right=True),
        Column("Parent first", lambda row: _figure(row.first_parent), right=True),
        _column("Among three"),
        Column("of titles", baseline, right=True),
    ]
