"""`engagerr match …`: who fits a brief and why, how a few compare, and who is like somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.brief import BriefOption, given_brief
from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, facts, plain, put, show, table
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from engagerr.core.matching.lookalikes import Lookalike
    from engagerr.core.matching.matching import Explanation, Found
    from engagerr.core.matching.scoring import Match, SignalValue

app = noun("match")

_CSV = ("rank", "creator", "creator_id", "score", "low", "high")
_BAR = 12
_FEWEST = 2
_SHORT = {
    "topic_fit": "Topic", "audience_fit": "Audience", "expected_performance": "Views", "price_fit": "Price",
    "reliability": "Steady", "brand_safety": "Safe", "brand_history": "History", "exclusivity": "Free",
}  # fmt: skip
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many at most.")]


@verb(
    app,
    "find",
    examples=(
        "engagerr match find --brief spring.toml",
        "engagerr match find --brief spring.toml --limit 5 --output json",
    ),
)
def find(
    brief: BriefOption,
    limit: LimitOption = 20,
    where: Annotated[
        str | None, typer.Option(metavar="EXPR", help="Only creators that this search finds; see `engagerr search`.")
    ] = None,
) -> None:
    """Find who fits a brief: hard constraints first, then a score of named signals, each with what shows it."""
    with workspace() as work:
        found = work.matching.find(given_brief(work, brief), limit=limit, where=where)
    signals = [signal.name for signal in found.results[0].signals] if found.results else []
    put(_found(found), csv=(*_CSV, *signals), flat=_flat(found.results), drawing=lambda: _drawn(found))


@verb(app, "explain", examples=('engagerr match explain "Jonna Brenner" --brief spring.toml',))
def explain(creator: Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id.")], brief: BriefOption) -> None:
    """Say why a creator stands where they stand for a brief, what is not known, and what would change it."""
    with workspace() as work:
        found = work.matching.explain(given_brief(work, brief), creator)
    put(_explanation(found), csv=_CSV, drawing=lambda: _explained(found))


@verb(app, "compare", examples=('engagerr match compare "Jonna Brenner" "Dez Whitlocke" --brief spring.toml',))
def compare(
    creators: Annotated[list[str], typer.Argument(metavar="CREATOR...", help="Two or more, by name or id.")],
    brief: BriefOption,
) -> None:
    """Hold creators against a brief side by side, signal by signal."""
    with workspace() as work:
        found = work.matching.compare(given_brief(work, brief), creators)
    if len(found) < _FEWEST:
        raise InvalidInput(
            f"{found[0].creator} alone is compared with nobody.",
            hint=f'Name two or more, or ask of one: engagerr match explain "{found[0].creator}" --brief FILE',
            facts={"creator": found[0].creator},
        )
    put([_explanation(one) for one in found], csv=_CSV, drawing=lambda: _side_by_side(found))


@verb(app, "pitch", examples=('engagerr match pitch "Jonna Brenner" --brief spring.toml --language de',))
def pitch(
    creator: Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id.")],
    brief: BriefOption,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Of the message, such as de. Without it: the brief's first one.")
    ] = None,
) -> None:
    """Draft a message to a creator about a brief, for you to read and mend. It names no rates, and is never sent."""
    with workspace() as work:
        draft = work.matching.pitch(given_brief(work, brief), creator, language=language)
    warning = [clean(f"The brief rules them out: {'; '.join(draft.broken)}.")] if draft.broken else []
    put(
        plain(draft),
        csv=("creator", "subject", "body", "by"),
        drawing=lambda: [
            clean(draft.subject),
            "",
            *map(clean, draft.body.splitlines()),
            "",
            clean(f"({draft.by})"),
            *warning,
        ],
    )


@verb(
    app,
    "lookalike",
    examples=(
        'engagerr match lookalike "Jonna Brenner"',
        'engagerr match lookalike "Jonna Brenner=2" "Dez Whitlocke" --limit 5',
    ),
)
def lookalike(
    creators: Annotated[
        list[str],
        typer.Argument(metavar="CREATOR[=WEIGHT]...", help="Names or ids; of several, the heavier counts more."),
    ],
    limit: LimitOption = 20,
    where: Annotated[
        str | None, typer.Option(metavar="EXPR", help="Only creators that this search finds; see `engagerr search`.")
    ] = None,
) -> None:
    """Find who is like these creators: what they speak of, their topics, their size, their platforms."""
    with workspace() as work:
        found = work.matching.lookalikes(_weighted(creators), limit=limit, where=where)
    columns: list[Column[tuple[int, Lookalike]]] = [
        Column("#", lambda row: str(row[0]), right=True),
        Column("Creator", lambda row: row[1].creator, elastic=True),
        Column("Alike", lambda row: f"{100 * row[1].likeness:.0f}", right=True),
        Column("Because", lambda row: "; ".join(shown.detail for shown in row[1].evidence) or MISSING, elastic=True),
    ]
    show(
        list(enumerate(found, 1)),
        columns=columns,
        csv=("rank", "creator", "creator_id", "likeness", "meaning", "topics", "size", "platforms"),
        document=lambda row: _alike(*row),
        empty="Nobody is like them, as far as is known. Import some of their pieces.",
    )


# Documents


def _weighted(named: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for word in named:
        name, separator, weight = word.rpartition("=")
        try:
            found[name if separator else word] = float(weight) if separator else 1.0
        except ValueError:
            found[word] = 1.0  # a name may hold an equals sign
    return found


def _alike(rank: int, found: Lookalike) -> dict[str, Any]:
    return {
        "rank": rank, "creator": found.creator, "creator_id": plain(found.creator_id),
        "likeness": round(found.likeness, 6),
        **{name: None if value is None else round(value, 6) for name, value in found.parts.items()},
        "states": {name: "not_observed" for name, value in found.parts.items() if value is None},
        "evidence": [plain(shown) for shown in found.evidence],
    }  # fmt: skip


def _found(found: Found) -> dict[str, Any]:
    return {
        "brief": found.brief.title,
        "results": [{"rank": rank, **_match(match)} for rank, match in enumerate(found.results, 1)],
        "considered": found.considered,
        "passed": found.passed,
        "excluded": [plain(one) for one in found.excluded],
        "weights": {name: round(weight, 6) for name, weight in found.weights.items()},
        "by_meaning": found.by_meaning,
        "unread": list(found.brief.unread),
        "at": plain(found.at),
    }


def _match(match: Match) -> dict[str, Any]:
    return {
        "creator": match.creator,
        "creator_id": plain(match.creator_id),
        "score": round(match.score, 6),
        "low": round(match.low, 6),
        "high": round(match.high, 6),
        "signals": [_signal(signal) for signal in match.signals],
    }


def _signal(signal: SignalValue) -> dict[str, Any]:
    return {
        "name": signal.name,
        "value": None if signal.value is None else round(signal.value, 6),
        "weight": round(signal.weight, 6),
        "state": signal.state,
        "evidence": [plain(shown) for shown in signal.evidence],
    }


def _explanation(found: Explanation) -> dict[str, Any]:
    match = {} if found.match is None else _match(found.match)
    return {
        "creator": found.creator, "creator_id": plain(found.creator_id), "rank": found.rank, "passed": found.passed,
        **{key: match.get(key) for key in ("score", "low", "high")},
        "state": "ruled_out" if found.match is None else "value", "signals": match.get("signals", []),
        "broken": list(found.broken), "what_if": [plain(one) for one in found.what_if], "reason": found.reason,
        "reason_by": found.reason_by,
    }  # fmt: skip


def _flat(matches: Sequence[Match]) -> list[dict[str, Any]]:
    """A row a match, its signals as columns; an empty cell is not known."""
    rows = []
    for rank, match in enumerate(matches, 1):
        document = _match(match)
        signals = {signal["name"]: signal["value"] for signal in document.pop("signals")}
        rows.append({"rank": rank, **document, **signals})
    return rows


# Drawings


def _drawn(found: Found) -> list[RenderableType]:
    lines: list[RenderableType] = []
    if found.results:
        names = [signal.name for signal in found.results[0].signals]
        ranked = list(enumerate(found.results, 1))
        columns: list[Column[tuple[int, Match]]] = [
            Column("#", lambda row: str(row[0]), right=True),
            Column("Creator", lambda row: row[1].creator, elastic=True),
            Column("Score", lambda row: f"{100 * row[1].score:.0f}", right=True),
            Column("Range", lambda row: f"{100 * row[1].low:.0f}–{100 * row[1].high:.0f}", right=True),
        ]
        columns += [
            Column(_SHORT[name], _cell(name), right=True, above=75 + 8 * place) for place, name in enumerate(names)
        ]
        columns.append(Column("Shown by", lambda row: _first_evidence(row[1]), elastic=True, above=60))
        lines.append(table(ranked, columns, title=clean(found.brief.title)))
        lines.append("Signals: 0 to 100. ? is unknown: counted as the others' mean, at most 50; it opens the range.")
    elif found.considered:
        lines.append("Nobody fits. What follows says why; loosen the brief, or add creators.")
    else:
        lines.append("Nobody is there to be considered: import or add creators, or loosen --where.")
    lines.append(f"{found.considered:,} considered, {found.passed:,} without a broken constraint.")
    lines += [f"  {one.count:,} {clean(one.reason)}" for one in found.excluded]
    if not found.by_meaning:
        lines.append("Compared by topics and words alone: no embedder is installed.")
    if found.brief.unread:
        lines.append(clean(f"Not understood in the brief: {', '.join(found.brief.unread)}."))
    if found.results:
        lines.append(clean(f'Why: engagerr match explain "{found.results[0].creator}" --brief …'))
    return lines


def _cell(name: str) -> Any:
    def cell(row: tuple[int, Match]) -> str:
        value = next((signal.value for signal in row[1].signals if signal.name == name), None)
        return "?" if value is None else f"{100 * value:.0f}"

    return cell


def _first_evidence(match: Match) -> str:
    """The piece that shows it best, or else the first thing that does."""
    shown = [one for signal in match.signals for one in signal.evidence]
    pieces = [one.detail for one in shown if one.kind == "item"]
    return (pieces or [one.detail for one in shown] or [MISSING])[0]


def _explained(found: Explanation) -> list[RenderableType]:
    from rich.text import Text

    if found.match is None:
        return [
            Text(clean(f"{found.creator} is ruled out:"), style="bold"),
            *(clean(f"  {reason}") for reason in found.broken),
            f"{found.passed:,} others are not.",
        ]
    match = found.match
    head = Text(clean(match.creator), style="bold")
    head.append(f"  {100 * match.score:.0f}, from {100 * match.low:.0f} to {100 * match.high:.0f}", style="default")
    head.append(f"  rank {found.rank:,} of {found.passed:,}", style="dim")
    lines: list[RenderableType] = [head]
    for signal in match.signals:
        line = Text()
        line.append(f"{_bar(signal.value)}  ", style="cyan" if signal.value is not None else "dim")
        line.append(f"{signal.name.replace('_', ' '):<21}")
        line.append("    ?" if signal.value is None else f"{100 * signal.value:5.0f}")
        line.append(f"  of {100 * signal.weight:.0f} %", style="dim")
        if signal.value is None:
            line.append(f"  not known: {signal.state.replace('_', ' ')}", style="yellow")
        lines.append(line)
        lines += [Text(clean(f"{' ' * _BAR}    · {shown.detail}"), style="dim") for shown in signal.evidence]
    if found.reason:
        lines += ["", clean(found.reason), Text(clean(f"({found.reason_by})"), style="dim")]
    if found.what_if:
        lines.append("")
        lines += [f"With the best {one.signal.replace('_', ' ')}: rank {one.rank:,}." for one in found.what_if[:3]]
    return lines


def _bar(value: float | None) -> str:
    if value is None:
        return "·" * _BAR
    full = round(value * _BAR)
    return "█" * full + "░" * (_BAR - full)


def _at(place: int) -> Callable[[tuple[str, list[str]]], str]:
    return lambda row: row[1][place]


def _side_by_side(found: Sequence[Explanation]) -> list[RenderableType]:
    names = list(dict.fromkeys(signal.name for one in found if one.match for signal in one.match.signals))
    rows: list[tuple[str, list[str]]] = [
        ("rank", [f"{one.rank:,}" if one.rank else MISSING for one in found]),
        ("score", [f"{100 * one.match.score:.0f}" if one.match else "ruled out" for one in found]),
        ("range", [f"{100 * one.match.low:.0f}–{100 * one.match.high:.0f}" if one.match else MISSING for one in found]),
    ]
    for name in names:
        values = [
            next((signal.value for signal in one.match.signals if signal.name == name), None) if one.match else None
            for one in found
        ]
        rows.append((name.replace("_", " "), ["?" if value is None else f"{100 * value:.0f}" for value in values]))
    columns: list[Column[tuple[str, list[str]]]] = [Column("", lambda row: row[0])]
    for place, one in enumerate(found):
        columns.append(Column(one.creator, _at(place), right=True, elastic=True))
    lines: list[RenderableType] = [table(rows, columns)]
    lines += [facts([(one.creator, "; ".join(one.broken))]) for one in found if one.broken]
    return lines


# Its verbs belong to this noun, and it needs the app from above.
from engagerr.cli import picking  # noqa: E402, F401
