"""The report on one work: the tree of what was made of it, the sums, what clips brought, and whom it reached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.content.families import FamilyNode
from engagerr.core.metrics.figures import FigureReader, figures_of_family
from engagerr.core.metrics.insights.clip_onward import WORK
from engagerr.core.metrics.insights.clip_share import roles
from engagerr.core.metrics.reports.appendix import Appendix, pieces_in_words
from engagerr.core.metrics.reports.document import (
    Block,
    Chart,
    ChartSeries,
    Column,
    DataTable,
    Drawing,
    Form,
    KeyFigure,
    KeyFigures,
    Kind,
    Paragraph,
    ReportDocument,
    Row,
    Section,
    Term,
    decimal,
    number,
    text,
)
from engagerr.core.metrics.reports.lives import UpTo, read_tree, tree_table, walk
from engagerr.core.metrics.reports.names import group_name, platform_name
from engagerr.core.metrics.reports.pieces import piece_title, read_pieces, sum_table, sums, tell_of

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.metrics.insights.family_reach import FamilyReach

_SHARED = ("play_start", "engaged_play", "exposure", "likes", "comments")


def family_report(
    session: Session,
    *,
    reader: FigureReader,
    tenant_id: UUID,
    prepared_by: str,
    nodes: Sequence[FamilyNode],
    until: datetime,
) -> ReportDocument:
    """The report on the family of these nodes (in path order), figures as known by `until`."""
    appendix = Appendix(reader.registry, until)
    numbers = UpTo(reader, until)
    root = read_tree(session, numbers, tenant_id=tenant_id, family_id=nodes[0].id)
    ids = [node.id for node in nodes]
    pieces = read_pieces(session, reader, tenant_id=tenant_id, item_ids=ids, since=None, until=until)
    tell_of(pieces, appendix)
    if hidden := len(ids) - len(pieces.frame):
        appendix.gap(
            f"{pieces_in_words(hidden)} without a date of publication, or published later: in no sum by platform."
        )
    title = piece_title(root.title, root.kind, root.published_at)
    every = [node for node, _ in walk(root)]
    totals = numbers.total(every)
    reach = _reach(session, reader, tenant_id, nodes[0].id, until)
    on = sorted({platform_name(node.platform) for node in every})
    sections = (
        Section(
            "At a glance", f"{pieces_in_words(len(every))} on {', '.join(on)}.",
            (KeyFigures((*_reach_figures(reach), *_first_sums(root, numbers))),),
        ),
        Section("The work and what was made of it", "", (tree_table(root, appendix, title="Pieces", totals=totals),)),
        _clips(every),
        _people(reach, appendix),
        Section("By platform", "", (sum_table(sums(pieces, "platform"), pieces, appendix, title="Sums by platform"),)),
    )  # fmt: skip
    return ReportDocument(
        kind=Kind.FAMILY, title=title, subtitle="One work, everywhere", subject=title, prepared_by=prepared_by,
        since=None, until=until, sections=tuple(section for section in sections if section.blocks),
        **appendix.closing(),
    )  # fmt: skip


def _reach(session: Session, reader: FigureReader, tenant_id: UUID, family_id: UUID, until: datetime) -> FamilyReach:
    from engagerr.core.metrics.insights.family_reach import family_reach

    return family_reach(session, reader.registry, tenant_id=tenant_id, family_id=family_id, until=until)


def reach_basis(reach: FamilyReach) -> str:
    """The range and how much of the family it rests on."""
    covered = f"; {reach.covered * 100:.0f} % of its plays and impressions covered" if reach.covered is not None else ""
    return f"between {reach.low:,} and {reach.high:,}{covered}" if reach.low is not None else "not known"


def _reach_figures(reach: FamilyReach) -> list[KeyFigure]:
    cell = number(reach.estimate, estimated=True, why=reach.why or "no reach was reported")
    return [KeyFigure("People reached, across platforms", cell, reach_basis(reach))]


def _first_sums(root: FamilyNode, numbers: UpTo) -> list[KeyFigure]:
    totals = {total.group: total for total in numbers.total([node for node, _ in walk(root)])}
    return [
        KeyFigure(
            group_name(group),
            number(total.value, estimated=total.state == "estimated", spans_break=total.spans_break),
            f"sum of {pieces_in_words(total.items)}",
        )
        for group in _SHARED
        if (total := totals.get(group)) is not None and total.value is not None
    ][:4]


def _clips(nodes: Sequence[FamilyNode]) -> Section:
    """How much of each sum came from the pieces that were made of the work, and how much from the work itself.

    Where one of the two has no figure there are no shares: what nobody counted is not nothing. Nodes in path order.
    """
    parts = ("The work itself", "Clips, posts and other pieces")
    held: dict[str, dict[str, float]] = {}
    of = roles(nodes)
    for node, figure, doubled in figures_of_family(nodes):
        part = parts[0] if of[node.id] == WORK else parts[1]
        if figure.sum_group in _SHARED and figure.value is not None and not doubled:
            of_group = held.setdefault(str(figure.sum_group), {})
            of_group[part] = of_group.get(part, 0.0) + float(figure.value)
    groups = [group for group in _SHARED if len(held.get(group, {})) == len(parts) and sum(held[group].values()) > 0]
    if not groups:
        return Section("What the clips brought", "", ())
    shares = {group: {part: held[group][part] / sum(held[group].values()) for part in parts} for group in groups}
    one_sided = [
        f"{group_name(group)}: counted for {next(iter(held[group])).lower()} only, so there are no shares."
        for group in _SHARED
        if len(held.get(group, {})) == 1
    ]
    most = max(groups, key=lambda group: shares[group][parts[1]])
    chart = Chart(
        "Share of each sum",
        f"Of {group_name(most).lower()}, {shares[most][parts[1]] * 100:.0f} % came from what was made of the work.",
        Drawing.STACKED, "Figure", tuple(group_name(group) for group in groups),
        tuple(ChartSeries(part, tuple(decimal(shares[group][part]) for group in groups)) for part in parts),
        form=Form.PERCENT,
        notes=("Of pieces with a figure. The same work on another platform counts as the work itself.", *one_sided),
    )  # fmt: skip
    return Section("What the clips brought", "", (chart,))


def _people(reach: FamilyReach, appendix: Appendix) -> Section:
    for item in reach.items:
        if item.why:
            name = piece_title(item.title, item.kind, item.published_at)
            appendix.gap(f"{platform_name(item.platform)}, {name}: {item.why}.")
    if reach.low is None:
        appendix.gap(f"People reached: {reach.why or 'No reach was reported.'}")
        return Section("Whom it reached", "", ())
    if reach.assumptions:
        appendix.says(Term("People reached", " ".join(reach.assumptions)))
    rows = []
    for account in reach.accounts:
        ends = [number(value, why="no reach was reported") for value in (account.low, account.estimate, account.high)]
        counts = (number(account.items), number(account.with_reach))
        rows.append(Row((text(f"{platform_name(account.platform)} {_handle(account.account)}"), *counts, *ends)))
    columns = (
        Column("Account"), Column("Pieces", Form.NUMBER), Column("With a reach", Form.NUMBER),
        Column("At least", Form.NUMBER), Column("Estimate", Form.NUMBER), Column("At most", Form.NUMBER),
    )  # fmt: skip
    whole = [number(value, why=reach.why or "not known") for value in (reach.low, reach.estimate, reach.high)]
    together = (number(len(reach.items)), number(sum(account.with_reach for account in reach.accounts)))
    rows.append(Row((text("Together, nobody counted twice"), *together, *whole), strong=True))
    blocks: list[Block] = [DataTable("People reached", columns, tuple(rows))]
    if reach.estimate is None and reach.why:
        blocks.append(Paragraph(f"No estimate. {reach.why}", quiet=True))
    return Section(
        "Whom it reached", "The bounds hold whatever the truth is; the estimate rests on a model.", tuple(blocks)
    )


def _handle(account: str) -> str:
    return account.partition(":")[2]
