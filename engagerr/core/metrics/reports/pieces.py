"""The pieces of a report: read once with their figures, and shown as top lists, typical figures and sums."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text as sql

from engagerr.core.content.families import ConceptTotal, ItemFigure
from engagerr.core.metrics.dataset import read_items
from engagerr.core.metrics.explain import CellRef, ObservationRef
from engagerr.core.metrics.figures import DOUBLED_METRIC, FigureReader, Totals, one_per_group
from engagerr.core.metrics.reports.appendix import SUMS, TYPICAL, Appendix, pieces_in_words
from engagerr.core.metrics.reports.document import Cell, Column, DataTable, Form, Row, day, missing, number, text
from engagerr.core.metrics.reports.names import (
    NOT_IMPORTED,
    WHY_MISSING,
    concept_name,
    group_name,
    kind_name,
    kind_names,
    platform_name,
)

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

FEWEST = 5
# What the agency earns is nobody else's: it is left out before anything is added.
INTERNAL = frozenset({"revenue"})
_SHOWN = ("likes", "comments", "shares", "saves", "clicks", "average_watch")
_FORMS = {"average_watch": Form.SECONDS, "watch_time": Form.SECONDS, "completion": Form.PERCENT}
_LONGEST_TITLE = 90
BREAK_NOTE = "† The platform changed its counting rule while this was counted."
ESTIMATE_NOTE = "~ Rounded or estimated by the platform."


@dataclass(frozen=True, slots=True)
class Pieces:
    """Items of a report, one row each as `read_items` gives them, and every newest figure of theirs by the standard."""

    frame: pd.DataFrame
    figures: Mapping[str, tuple[ItemFigure, ...]]
    words: Mapping[str, str]
    since: datetime | None
    until: datetime

    def figure(self, item_id: str, *, metric: str | None = None, concept: str | None = None) -> ItemFigure | None:
        """The item's newest figure of a metric, or of a concept: one with a number before one without."""
        found = [
            figure
            for figure in self.figures.get(item_id, ())
            if (figure.metric == metric if metric else figure.concept == concept)
        ]
        return max(found, key=lambda figure: (figure.value is not None, figure.observed_at), default=None)

    def title(self, row: Any) -> str:
        """What to call a piece: its title, the beginning of its text, or its format and day."""
        return piece_title(
            row.title or self.words.get(row.item_id), row.kind, None if _absent(row.published_at) else row.published_at
        )


_NO_NAME = re.compile(r"https?://\S+|(?<!\S)#(?!\d+\b)\w+|(?<!\S)\.(?!\S)")


def piece_title(words: str | None, kind: str | None, published_at: datetime | None) -> str:
    """What to call a piece: the beginning of its words without links and hashtags, or its format and day."""
    named = " ".join(_NO_NAME.sub(" ", words or "").split()).strip(" :–—-")
    if named:
        return named if len(named) <= _LONGEST_TITLE else f"{named[: _LONGEST_TITLE - 1].rstrip()}…"
    return f"{kind_name(kind)}{f' of {published_at.date().isoformat()}' if published_at else ''}"


_WORDS = """
SELECT id::text, left(body, 200) AS body FROM content_items
WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS uuid[])) AND title IS NULL AND body IS NOT NULL
"""


def words_of(session: Session, *, tenant_id: UUID, item_ids: Sequence[str]) -> dict[str, str]:
    """The beginning of the text of those items that have no title."""
    found = session.execute(sql(_WORDS), {"tenant_id": tenant_id, "ids": list(item_ids)})
    return {row.id: row.body for row in found}


def read_pieces(
    session: Session,
    reader: FigureReader,
    *,
    tenant_id: UUID,
    since: datetime | None,
    until: datetime,
    creator_ids: Sequence[UUID] | None = None,
    item_ids: Sequence[UUID] | None = None,
) -> Pieces:
    """The items published in [since, until) with their figures as known by `until`; internal figures are left out."""
    frame = read_items(
        session, reader.registry, tenant_id=tenant_id, creator_ids=creator_ids, item_ids=item_ids, since=since,
        until=until,
    )  # fmt: skip
    ids = list(frame["item_id"])
    found = reader.figures(session, [UUID(item_id) for item_id in ids], until=until)
    return Pieces(
        frame,
        {
            str(item_id): tuple(figure for figure in figures if figure.concept not in INTERNAL)
            for item_id, figures in found.items()
        },
        words_of(session, tenant_id=tenant_id, item_ids=ids),
        since,
        until,
    )


def tell_of(pieces: Pieces, appendix: Appendix) -> None:
    """Let the appendix know how old the figures are, and which are missing for which reason."""
    for platform, of_platform in pieces.frame.groupby("platform", sort=True):
        moments = [
            figure.observed_at for item_id in of_platform["item_id"] for figure in pieces.figures.get(item_id, ())
        ]
        with_figures = sum(item_id in pieces.figures for item_id in of_platform["item_id"])
        appendix.seen(str(platform), max(moments, default=None), pieces=with_figures)
        name = platform_name(str(platform))
        if not with_figures:
            appendix.gap(
                f"{name}: no figure of its {pieces_in_words(len(of_platform))} is in the data that was imported."
            )
            continue
        _tell_of_states(pieces, of_platform, name, appendix)


def _tell_of_states(pieces: Pieces, of_platform: pd.DataFrame, name: str, appendix: Appendix) -> None:
    lacking: dict[tuple[str, str], int] = {}
    for item_id in of_platform["item_id"]:
        for figure in one_per_group(pieces.figures.get(item_id, ())):
            if figure.concept and figure.value is None:
                key = (figure.concept, figure.state)
                lacking[key] = lacking.get(key, 0) + 1
    for (concept, state), count in sorted(lacking.items()):
        reason = WHY_MISSING.get(state, NOT_IMPORTED)
        of_all = f"{count:,} of {pieces_in_words(len(of_platform))}"
        appendix.gap(f"{name}, {concept_name(concept).lower()}: {of_all} without a number; {reason}.")


def top_tables(pieces: Pieces, appendix: Appendix, *, each: int = 5, most: int = 6) -> Iterator[DataTable]:
    """The pieces with the most views, a table a platform and way of counting: those are never ranked together."""
    counted = pieces.frame.dropna(subset=["views"])
    groups = sorted(
        counted.groupby(["platform", "views_group"], sort=True), key=lambda group: (-len(group[1]), group[0])
    )
    for (platform, group), found in groups[:most]:
        best = found.sort_values(["views", "item_id"], ascending=[False, True], kind="stable").head(each)
        name = platform_name(str(platform))
        yield piece_table(pieces, appendix, best, title=f"{name}, by {group_name(str(group)).lower()}")
    for (platform, group), _ in groups[most:]:
        appendix.gap(f"{platform_name(str(platform))}, {group_name(str(group)).lower()}: no list, for want of room.")


def piece_table(
    pieces: Pieces, appendix: Appendix, rows: pd.DataFrame, *, title: str, with_platform: bool = False
) -> DataTable:
    """These pieces with their figures; a figure that none of them has gets no column."""
    shown = [concept for concept in _SHOWN if rows[concept].notna().any()]
    groups = set(rows["views_group"].dropna())
    views = group_name(next(iter(groups))) if len(groups) == 1 else "Views"
    columns = (
        Column("Piece"), Column("Published", Form.DATE), *([] if with_platform else [Column("Format")]),
        Column(views, Form.NUMBER, note="The platform's own headline count."),
        *(Column(concept_name(concept), _FORMS.get(concept, Form.NUMBER)) for concept in shown),
    )  # fmt: skip
    made = []
    for row in rows_of(rows):
        where = f"{platform_name(row.platform)}, {kind_name(row.kind).lower()}" if with_platform else None
        cells = [text(pieces.title(row), url=row.url, note=where), day(_moment(row.published_at))]
        if not with_platform:
            cells.append(text(kind_name(row.kind)) if row.kind else missing("not stated"))
        cells.append(_views_cell(pieces, appendix, row, apart=len(groups) > 1))
        cells += [_concept_cell(pieces, appendix, row, concept) for concept in shown]
        made.append(Row(tuple(cells)))
    return DataTable(title, columns, tuple(made), notes=notes_of(made), empty="No piece was published in this time.")


def notes_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """What the marks in these rows mean, as far as there are any."""
    cells = [cell for row in rows for cell in row.cells]
    marks = (
        (any(cell.estimated for cell in cells), ESTIMATE_NOTE),
        (any(cell.spans_break for cell in cells), BREAK_NOTE),
    )
    return tuple(note for there, note in marks if there)


def _views_cell(pieces: Pieces, appendix: Appendix, row: Any, *, apart: bool) -> Cell:
    figure = pieces.figure(row.item_id, metric=row.views_metric) if row.views_metric else None
    counted_as = group_name(row.views_group).lower() if apart and row.views_group else None
    return _figure_cell(appendix, row, figure, row.views, note=counted_as)


def _concept_cell(pieces: Pieces, appendix: Appendix, row: Any, concept: str) -> Cell:
    return _figure_cell(appendix, row, pieces.figure(row.item_id, concept=concept), getattr(row, concept), concept)


def _figure_cell(
    appendix: Appendix,
    row: Any,
    figure: ItemFigure | None,
    value: float,
    concept: str | None = None,
    note: str | None = None,
) -> Cell:
    if figure is None or _absent(value):
        why = WHY_MISSING.get(figure.state, NOT_IMPORTED) if figure else NOT_IMPORTED
        return missing(why, _FORMS.get(concept or "", Form.NUMBER))
    appendix.uses([figure])
    return number(
        value, form=_FORMS.get(concept or "", Form.NUMBER), estimated=figure.state == "estimated",
        spans_break=figure.spans_break, note=note, why=NOT_IMPORTED,
        cell=str(ObservationRef(f"{row.platform}:{row.native_id}", figure.metric)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Typical:
    """The median headline count of one format on one platform, and where the middle half lies. None below `FEWEST`."""

    platform: str
    kind: str | None
    group: str
    n: int
    median: float | None
    low: float | None
    high: float | None

    @property
    def name(self) -> str:
        """`YouTube shorts`."""
        return f"{platform_name(self.platform)} {kind_names(self.kind).lower()}"


def typical_views(pieces: Pieces, *, days: int = 90) -> tuple[Typical, ...]:
    """Typical headline counts of what was published in the last `days`, most pieces first."""
    first = pieces.until - timedelta(days=days)
    recent = pieces.frame[pieces.frame["published_at"] >= first].dropna(subset=["views"])
    found = []
    for (platform, kind, group), of_kind in recent.groupby(["platform", "kind", "views_group"], dropna=False):
        views = of_kind["views"]
        low, median, high = views.quantile([0.25, 0.5, 0.75]) if len(views) >= FEWEST else (None, None, None)
        known = kind if isinstance(kind, str) else None
        found.append(Typical(str(platform), known, str(group), len(views), median, low, high))
    return tuple(sorted(found, key=lambda one: (-one.n, one.platform, one.kind or "", one.group)))


def typical_table(found: Sequence[Typical], appendix: Appendix, *, days: int = 90) -> DataTable:
    """Typical counts as a table, with n and the middle half."""
    rows = []
    for one in found:
        few = f"not enough data: {pieces_in_words(one.n)}, and {FEWEST} are needed"
        cells = [number(value, why=few) for value in (one.median, one.low, one.high)]
        rows.append(Row((text(one.name), text(group_name(one.group)), number(one.n), *cells)))
        appendix.counts_by(None, one.group.partition("/")[0])
    columns = (
        Column("Format"), Column("Counted as"), Column("Pieces", Form.NUMBER), Column("Typical", Form.NUMBER),
        Column("A quarter has less than", Form.NUMBER), Column("A quarter has more than", Form.NUMBER),
    )  # fmt: skip
    appendix.says(TYPICAL)
    return DataTable(
        f"Typical views of pieces published in the last {days} days", columns, tuple(rows),
        empty=f"Nothing that was published in the last {days} days has a figure.",
    )  # fmt: skip


def sums(pieces: Pieces, by: str) -> dict[str, tuple[ConceptTotal, ...]]:
    """Totals for each value of a column of the frame (`platform`, `kind`): one concept and sum group each."""
    totals: dict[str, Totals] = {}
    for row in rows_of(pieces.frame):
        into = totals.setdefault(str(getattr(row, by)), Totals())
        for figure in one_per_group(pieces.figures.get(str(row.item_id), ())):
            into.add(figure, doubled=bool(row.doubled) and figure.metric == DOUBLED_METRIC)
    return {name: total.result() for name, total in sorted(totals.items())}


def all_sums(pieces: Pieces) -> tuple[ConceptTotal, ...]:
    """Totals over all the pieces."""
    total = Totals()
    for row in rows_of(pieces.frame):
        for figure in one_per_group(pieces.figures.get(str(row.item_id), ())):
            total.add(figure, doubled=bool(row.doubled) and figure.metric == DOUBLED_METRIC)
    return total.result()


def sum_table(
    totals: Mapping[str, Sequence[ConceptTotal]],
    pieces: Pieces,
    appendix: Appendix,
    *,
    title: str,
    creator: UUID | None = None,
) -> DataTable:
    """Totals side by side: a row a figure, a column a platform; what lacks a number on some pieces says on how many."""
    _explain_sums(pieces, appendix)
    platforms = [platform for platform, of_platform in totals.items() if of_platform]
    held = {(platform, total.group): total for platform in platforms for total in totals[platform]}
    groups = sorted({group for _, group in held}, key=lambda group: (" as " in group, _place(group), group))
    rows = []
    for group in groups:
        cells = [_sum_cell(held.get((platform, group)), platform, pieces, creator) for platform in platforms]
        rows.append(Row((text(group_name(group)), *cells)))
    columns = (Column("Figure"), *(Column(platform_name(platform), Form.NUMBER) for platform in platforms))
    return DataTable(title, columns, tuple(rows), notes=notes_of(rows), empty="There is no figure to add.")


def _place(group: str) -> int:
    order = ("play_start", "qualified_play", "engaged_play", "exposure", "downloads", "watch_time", "likes", "comments")
    concept = group.partition("/")[0].partition(" ")[0]
    return order.index(concept) if concept in order else len(order)


def _sum_cell(total: ConceptTotal | None, platform: str, pieces: Pieces, creator: UUID | None) -> Cell:
    if total is None:
        return missing(NOT_IMPORTED, Form.NUMBER)
    # A cell can be explained only where a report of the same pieces can be made again: of a creator's, not of a list.
    reference = CellRef(
        by="platform", group=platform, sum=total.group, concept=total.concept, creator=str(creator),
        since=pieces.since, until=pieces.until,
    )  # fmt: skip
    _, cell, of, without = _sum_cells(total, str(reference) if creator else None)
    some = f"of {of.shown}; {without.shown} without a number" if total.missing and total.items else None
    return replace(cell, note=" · ".join(part for part in (cell.note, some) if part) or None)


def total_table(totals: Sequence[ConceptTotal], pieces: Pieces, appendix: Appendix, *, title: str) -> DataTable:
    """Totals across platforms, each within what may be added."""
    _explain_sums(pieces, appendix)
    rows = [Row(_sum_cells(total, None)) for total in totals]
    columns = (
        Column("Figure"), Column("Sum", Form.NUMBER), Column("Of pieces", Form.NUMBER),
        Column("Without a number", Form.NUMBER, note="Named by the platform without a number; not counted as zero."),
    )  # fmt: skip
    return DataTable(title, columns, tuple(rows), notes=notes_of(rows), empty="There is no figure to add.")


def _explain_sums(pieces: Pieces, appendix: Appendix) -> None:
    appendix.uses(figure for figures in pieces.figures.values() for figure in figures if figure.sum_group)
    appendix.says(SUMS)


def _sum_cells(total: ConceptTotal, reference: str | None) -> tuple[Cell, ...]:
    form = Form.SECONDS if total.unit == "seconds" else Form.NUMBER
    elsewhere = f"{total.counted_elsewhere:,} copies are counted with their twin" if total.counted_elsewhere else None
    value = number(
        total.value, form=form, why=WHY_MISSING.get(total.state, NOT_IMPORTED), cell=reference, note=elsewhere,
        estimated=total.state == "estimated", spans_break=total.spans_break,
    )  # fmt: skip
    return (text(group_name(total.group)), value, number(total.items), number(total.missing))


def _moment(value: Any) -> datetime | None:
    return None if _absent(value) else value.to_pydatetime()


def _absent(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows as named tuples."""
    return frame.itertuples()
