"""`engagerr insight clips` and `formats`: what clips and posts are of a work's audience, and which do better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli import moments
from engagerr.cli.charts import Bar, bars
from engagerr.cli.command import verb, workspace
from engagerr.cli.insights.noun import app
from engagerr.cli.output import MISSING, Column, clean, console, number, plain, put, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.metrics.insights.clip_onward import Onward
    from engagerr.core.metrics.insights.clip_share import ClipShare, FamilyShare, GroupShare, SharePart
    from engagerr.core.metrics.insights.format_advice import Comparison, Formats

_CLIPS_CSV = (
    "family_id", "title", "group", "role", "platform", "items", "with_figure", "missing", "counted_elsewhere", "value",
    "share", "definitions", "spans_break", "is_estimate",
)  # fmt: skip
_FORMATS_CSV = (
    "role", "division", "label", "platforms", "n", "others", "accounts", "ratio", "low", "high", "p_value", "adjusted",
    "is_advice", "sentence", "why",
)  # fmt: skip
_ROLES = {
    "work": "the work itself", "clip_of": "clips", "promotes": "posts about it", "derived_from": "made from it",
    "part_of": "parts of it",
}  # fmt: skip
_BOUNDS = {"at_least": "≥ ", "at_most": "≤ ", "known": "of known "}
_WIDEST_CHART = 110
_MOST_FAMILIES = 12


@verb(
    app,
    "clips",
    examples=(
        "engagerr insight clips podcast:81adafef903e4d16487e90126c6088ab",
        'engagerr insight clips --creator "Jonna Brenner" --until 2026-10-31',
    ),
)
def clips(
    item: Annotated[
        str | None, typer.Argument(metavar="[ITEM]", help="Any item of the family: platform:native_id, or an id.")
    ] = None,
    creator: Annotated[
        str | None, typer.Option(metavar="CREATOR", help="Instead of an item: all families of this creator.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="As known then: 2026-10-31; a day counts as a whole.")
    ] = None,
) -> None:
    """Say which part of a work's plays are its clips' and posts', and what is known of viewers whom they brought."""
    by_then = moments.last_moment(until)
    with workspace() as work:
        found = work.insights.clips(item, creator=creator, until=by_then)
    flat = [
        {"family_id": family.family_id, "title": family.title, "group": group.group, **plain(part)}
        for family in found.families
        for group in family.groups
        for part in group.parts
    ]
    document = {**plain(found), "lift": {**plain(found.lift), "sentence": found.lift.sentence}}
    put(document, csv=_CLIPS_CSV, flat=flat, drawing=lambda: _drawn_clips(found))


@verb(
    app,
    "formats",
    examples=(
        'engagerr insight formats "Jonna Brenner"',
        "engagerr insight formats --days 14",
    ),
)
def formats(
    creator: Annotated[
        str | None, typer.Argument(metavar="[CREATOR]", help="Name or id of the creator; else the whole roster.")
    ] = None,
    platform: Annotated[str | None, typer.Option(metavar="PLATFORM", help="Only this platform's pieces.")] = None,
    days: Annotated[int, typer.Option(metavar="DAYS", min=1, help="Compare views at this age.")] = 30,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Published since: 2026-01-31 or 90d.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Published until, figures as known then.")] = None,
) -> None:
    """Say which clips and posts bring more views: by length, by day after the work, by its kind, by platform."""
    first, last = moments.first_moment(since), moments.last_moment(until)
    with workspace() as work:
        found = work.insights.formats(creator, platform=platform, days=days, since=first, until=last)
    put(found, csv=_FORMATS_CSV, flat=[plain(one) for one in found.comparisons], drawing=lambda: _drawn_formats(found))


def _drawn_clips(found: ClipShare) -> list[RenderableType]:
    from rich.text import Text

    parts: list[RenderableType] = [Text(clean(_subject(found)), style="bold"), found.answer]
    rows = [(group, part) for group in found.groups if group.share is not None for part in group.parts]
    if rows:
        parts += ["", table(rows, _PARTS)]
    if len(found.families) > 1:
        parts += ["", *_by_family(found)]
    if found.families:
        parts += ["", Text("Did clips bring viewers to the work?", style="bold")]
        parts += [f"· {line}." for line in found.not_reported]
        if found.onward:
            parts += ["", table(found.onward, _ONWARD), ""]
            parts += [f"· {line}" for line in dict.fromkeys(one.meaning for one in found.onward)]
        parts.append(f"· {found.lift.sentence}")
        if found.lift.not_seen:
            parts.append(f"· {found.lift.not_seen} days with a clip are not in it: nobody looked daily then.")
    if found.cautions:
        parts += ["", "How to read this:", *(f"· {line}" for line in found.cautions)]
    return parts


def _subject(found: ClipShare) -> str:
    if found.creator is None:
        return next((family.title or str(family.family_id) for family in found.families), "This family")
    without = f", {found.without_pieces} without any left out" if found.without_pieces else ""
    return f"{found.creator}: {len(found.families)} families with clips or posts{without}"


def _by_family(found: ClipShare) -> list[RenderableType]:
    groups = [group for group in found.groups if group.share is not None][:3]
    columns: list[Column[FamilyShare]] = [
        Column("Family", lambda row: row.title or str(row.family_id), elastic=True),
        Column("Items", lambda row: number(row.items), right=True),
        Column("Clips and posts", lambda row: number(row.pieces), right=True),
        *(Column(f"Of {_plain(group)}", _share_in(group.group), right=True) for group in groups),
    ]
    shown: list[RenderableType] = [table(found.families[:_MOST_FAMILIES], columns)]
    if len(found.families) > _MOST_FAMILIES:
        shown.append(f"{len(found.families) - _MOST_FAMILIES} more families: --output csv has all.")
    return shown


def _share_in(name: str) -> Any:
    def cell(row: FamilyShare) -> str:
        group = next((one for one in row.groups if one.group == name), None)
        return MISSING if group is None else _share(group)

    return cell


def _plain(group: GroupShare) -> str:
    return f"{group.title[:1].lower()}{group.title[1:]}"


def _share(group: GroupShare) -> str:
    if group.share is None:
        return MISSING
    sign = _BOUNDS.get(group.bound or "", "~" if group.is_estimate else "")
    return f"{sign}{_percent(group.share)}{'†' if group.spans_break else ''}"


def _percent(share: float | None) -> str:
    return MISSING if share is None else f"{number(share * 100, places=1)} %"


def _figure(part: SharePart) -> str:
    return f"{'~' if part.is_estimate else ''}{number(part.value)}{'†' if part.spans_break else ''}"


_PARTS: list[Column[tuple[GroupShare, SharePart]]] = [
    Column("Of", lambda row: row[0].title, elastic=True),
    Column("Part", lambda row: _ROLES.get(row[1].role, row[1].role)),
    Column("Platform", lambda row: row[1].platform),
    Column("Items", lambda row: number(row[1].items), right=True),
    Column("Missing", lambda row: number(row[1].missing), right=True),
    Column("Elsewhere", lambda row: number(row[1].counted_elsewhere), right=True, above=100),
    Column("Figure", lambda row: _figure(row[1]), right=True),
    Column("Share", lambda row: _percent(row[1].share), right=True),
]
_ONWARD: list[Column[Onward]] = [
    Column("Reported", lambda row: row.concept.replace("_", " ")),
    Column("By", lambda row: row.platform),
    Column("For", lambda row: _ROLES.get(row.role, row.role)),
    Column("Items", lambda row: number(row.items), right=True),
    Column("Missing", lambda row: number(row.missing), right=True),
    Column("Figure", lambda row: number(row.value), right=True),
]


def _drawn_formats(found: Formats) -> list[RenderableType]:
    from rich.text import Text

    head = f"Clips and posts of {found.creator or 'the roster'}: {found.n} in {found.families} families"
    parts: list[RenderableType] = [Text(clean(head), style="bold")]
    if found.why:
        parts.append(f"No advice: {found.why}.")
    told = [one for one in found.comparisons if one.ratio is not None]
    if told:
        parts += ["", "Times the views of the others, with 95 % intervals"]
        parts += [bars([_bar(one) for one in told], reference=1.0, width=min(console().width, _WIDEST_CHART)), ""]
        parts += _lines("Advice", found.advice) if found.advice else ["No difference that the data can show."]
        parts += _lines("No difference seen", found.no_difference)
    few = [one for one in found.comparisons if one.ratio is None]
    parts += _lines("Not compared", [one.sentence for one in few])
    parts += _lines("How to read this", found.cautions)
    return parts + [f"Left out: {number(count)} pieces, {reason}." for reason, count in found.left_out]


def _bar(one: Comparison) -> Bar:
    noun = {"promotes": "posts", "derived_from": "remixes", "part_of": "parts"}.get(one.role, "clips")
    return Bar(f"{noun} {one.label}", one.ratio, one.low, one.high, f"n = {one.n}{' *' if one.is_advice else ''}")


def _lines(heading: str, lines: Any) -> list[RenderableType]:
    return ["", f"{heading}:", *(f"· {line}" for line in lines)] if lines else []
