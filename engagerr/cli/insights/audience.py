"""`engagerr insight audience`, `overlap` and `reach`: who follows and watches, and how many people a family reached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli import moments
from engagerr.cli.command import verb, workspace
from engagerr.cli.insights.noun import app
from engagerr.cli.output import MISSING, Column, ago, compact, day, facts, number, plain, put, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.metrics.insights.audience import Audience, AudienceRow, Overlap, OverlapPair, OverlapRow
    from engagerr.core.metrics.insights.audience_splits import AudienceAccount
    from engagerr.core.metrics.insights.family_reach import FamilyReach, ReachAccount, ReachItem

_AUDIENCE_CSV = ("dimension", "value", "share", "low", "high", "state", "source", "account", "observed_at")
_OVERLAP_CSV = (
    "first", "second", "dimension", "values", "similarity", "common_low", "common_high", "at_most", "why", "first_at",
    "second_at",
)  # fmt: skip
_REACH_CSV = (
    "item_id", "platform", "native_id", "account", "kind", "title", "relation", "published_at", "reach", "state", "why",
    "observed_at", "views", "doubled",
)  # fmt: skip
_BRING = (
    "Platforms tell it to the account's owner: connect the account (engagerr platform connect), or bring the split as a"
    " file: an `audience` of the creator or account in Engagerr's JSONL (engagerr import formats)."
)

UntilOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="As known then: 2026-10-31; a day counts as a whole.")
]
LimitOption = Annotated[int, typer.Option(metavar="N", min=1, help="In a table, the largest of each split.")]


@verb(
    app,
    "audience",
    examples=(
        'engagerr insight audience "Jonna Brenner"',
        'engagerr insight audience "Jonna Brenner" --until 2026-10-31 --output json',
    ),
)
def audience(
    creator: Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id of the creator.")],
    until: UntilOption = None,
    limit: LimitOption = 8,
) -> None:
    """Show who follows and watches a creator: by account as each platform says, and combined as a range."""
    by_then = moments.last_moment(until)
    with workspace() as work:
        found = work.insights.audience(creator, until=by_then)
        now = by_then or work.access.clock.now()
    put(
        plain(found),
        csv=_AUDIENCE_CSV,
        flat=[plain(row) for row in found.rows],
        drawing=lambda: _drawn_audience(found, limit=limit, now=now),
    )


@verb(
    app,
    "overlap",
    examples=('engagerr insight overlap "Jonna Brenner" "Marlo Vestenegg" "Kolja Wendtland"',),
)
def overlap(
    creators: Annotated[list[str], typer.Argument(metavar="CREATOR…", help="Two creators or more, by name or id.")],
    until: UntilOption = None,
) -> None:
    """Compare audiences: how alike they are, and the least and the most people that they can share."""
    by_then = moments.last_moment(until)
    with workspace() as work:
        found = work.insights.overlap(creators, until=by_then)
    put(
        plain(found),
        csv=_OVERLAP_CSV,
        flat=[plain(row) for row in found.rows],
        drawing=lambda: _drawn_overlap(found),
    )


@verb(
    app,
    "reach",
    examples=("engagerr insight reach youtube:rbMdIF1MB2U",),
)
def reach(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="Any item of the family: platform:native_id, or an id.")],
    until: UntilOption = None,
) -> None:
    """Say how many different people a family reached across platforms: bounds, and an estimate with its assumptions."""
    by_then = moments.last_moment(until)
    with workspace() as work:
        found = work.insights.family_reach(item, until=by_then)
    put(
        plain(found),
        csv=_REACH_CSV,
        flat=[plain(row) for row in found.items],
        drawing=lambda: _drawn_reach(found),
    )


def _drawn_audience(found: Audience, *, limit: int, now: datetime) -> list[RenderableType]:
    accounts: list[Column[AudienceAccount]] = [
        Column("Account", lambda row: row.account, elastic=True),
        Column("Followers", lambda row: number(row.followers), right=True),
        Column("Counted", lambda row: day(row.followers_at)),
        Column("Split by", lambda row: ", ".join(row.dimensions) or MISSING, fold=True),
    ]
    columns: list[Column[AudienceRow]] = [
        Column("Audience of", lambda row: row.account or ("as listed" if row.source == "list" else "all accounts")),
        Column("By", lambda row: row.dimension),
        Column("", lambda row: row.value, elastic=True),
        Column("Share", lambda row: _percent(row.share), right=True),
        Column("Could be", _could_be, right=True),
        Column("Seen", lambda row: day(row.observed_at)),
        Column("Age", lambda row: ago(row.observed_at, now), above=100),
    ]
    parts: list[RenderableType] = [table(found.accounts, accounts)] if found.accounts else []
    shown, left = _largest(found.rows, limit)
    if shown:
        parts += ["", table(shown, columns)]
        if left:
            parts.append(f"{left} smaller shares are not shown; --output csv has all.")
    else:
        parts += ["", f"Nobody has said yet who {found.creator}'s audience is. {_BRING}"]
    return parts + _lines("Missing", found.missing) + _lines("How to read this", found.assumptions)


def _largest(rows: Sequence[AudienceRow], limit: int) -> tuple[list[AudienceRow], int]:
    """The first rows of each split, which stand in the order of their size, and what is not stated."""
    seen: dict[tuple[str, str | None, str], int] = {}
    shown = []
    for row in rows:
        key = (row.source, row.account, row.dimension)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= limit or (row.state == "not_reported" and row.share is not None):
            shown.append(row)
    return shown, len(rows) - len(shown)


def _drawn_overlap(found: Overlap) -> list[RenderableType]:
    pairs: list[Column[OverlapPair]] = [
        Column("Creator", lambda row: row.first, elastic=True),
        Column("and", lambda row: row.second, elastic=True),
        Column("Share at least", lambda row: number(row.at_least), right=True),
        Column("at most", lambda row: number(row.at_most), right=True),
        Column("By", lambda row: row.by or MISSING),
        Column("Because", lambda row: row.why or "", fold=True),
    ]
    columns: list[Column[OverlapRow]] = [
        Column("Creator", lambda row: row.first, elastic=True),
        Column("and", lambda row: row.second, elastic=True),
        Column("By", lambda row: row.dimension),
        Column("Values", lambda row: number(row.values), right=True),
        Column("Alike", lambda row: MISSING if row.similarity is None else f"{row.similarity:.2f}", right=True),
        Column("In common", lambda row: _range(_percent(row.common_low), _percent(row.common_high)), right=True),
        Column("At most", lambda row: compact(row.at_most), right=True),
        Column("Because", lambda row: row.why or "", fold=True),
    ]
    parts: list[RenderableType] = [table(found.pairs, pairs)]
    parts += ["", table(found.rows, columns)] if found.rows else ["", f"None of them has a split. {_BRING}"]
    return parts + _lines("How to read this", found.assumptions)


def _drawn_reach(found: FamilyReach) -> list[RenderableType]:
    pairs = [
        ("Family", found.title or str(found.family_id)),
        ("At least", f"{number(found.low)} people"),
        ("Estimate", MISSING if found.estimate is None else f"{number(found.estimate)} people"),
        ("At most", f"{number(found.high)} people, of the items whose reach is known"),
        ("Items with a reach", f"{sum(item.reach is not None for item in found.items)} of {len(found.items)}"),
        ("They have", f"{_percent(found.covered)} of the family's plays and impressions"),
    ]
    if found.low is None:
        pairs[1:4] = []
    accounts: list[Column[ReachAccount]] = [
        Column("Account", lambda row: row.account, elastic=True),
        Column("Followers", lambda row: number(row.followers), right=True),
        Column("Items", lambda row: number(row.items), right=True),
        Column("With reach", lambda row: number(row.with_reach), right=True),
        Column("At least", lambda row: number(row.low), right=True),
        Column("Estimate", lambda row: number(row.estimate), right=True),
        Column("At most", lambda row: number(row.high), right=True),
    ]
    items: list[Column[ReachItem]] = [
        Column("Item", lambda row: f"{row.platform}:{row.native_id}"),
        Column("Title", lambda row: row.title or MISSING, elastic=True, above=100),
        Column("Relation", lambda row: row.relation or MISSING),
        Column("Reach", lambda row: number(row.reach), right=True),
        Column("Seen", lambda row: day(row.observed_at), above=80),
        Column("Because", lambda row: row.why or ("a copy of a cross-post" if row.doubled else ""), fold=True),
    ]
    parts: list[RenderableType] = [facts(pairs)]
    if found.why:
        parts += ["", found.why]
    if found.missing:
        parts.append(
            "Where a platform tells reach, the owner's export or a connected account brings it: engagerr import"
            " formats, engagerr platform list."
        )
    parts += ["", table(found.accounts, accounts), "", table(found.items, items)]
    return parts + _lines("How it was made", found.assumptions)


def _lines(heading: str, lines: Sequence[str]) -> list[RenderableType]:
    return ["", f"{heading}:", *(f"· {line}" for line in lines)] if lines else []


def _percent(share: float | None) -> str:
    return MISSING if share is None else f"{number(share * 100, places=1)} %"


def _could_be(row: AudienceRow) -> str:
    return "" if row.low == row.high else _range(_percent(row.low), _percent(row.high))


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} – {high}"
