"""A family as a picture: cards from the root to the right, as SVG, and in an HTML page with every edge's evidence.

Neither loads anything. Words of others are escaped by Jinja; letters that mean nothing to a reader, or turn what
follows them, are shown as �. The fonts are the viewer's: they show what letters they have. The same graph gives the
same bytes.
"""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING

from engagerr.core.content.family_graph import (
    NO_FIGURE,
    Audience,
    FamilyGraph,
    GraphEdge,
    GraphNode,
    narrowed,
)
from engagerr.core.content.family_layout import laid_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from jinja2 import Environment

# A screen full of cards, and then some. Larger families are narrowed, and the picture says by how many.
MOST_DRAWN = 60

_PLATFORMS = {
    "youtube": ("YouTube", "#b3261e"), "instagram": ("Instagram", "#a8326f"), "tiktok": ("TikTok", "#1f2430"),
    "podcast": ("Podcast", "#6b3fa0"), "spotify": ("Spotify", "#1b6e3c"),
    "apple_podcasts": ("Apple Podcasts", "#7d3c98"), "facebook": ("Facebook", "#1a56b0"),
    "x": ("X", "#3a4450"), "linkedin": ("LinkedIn", "#0a5c9e"), "twitch": ("Twitch", "#6a35c9"),
}  # fmt: skip
_OTHER_PLATFORM = "#5b6673"
_AUDIENCES = {
    "play_start": ("play", "plays"), "qualified_play": ("qualified play", "qualified plays"),
    "engaged_play": ("engaged play", "engaged plays"), "downloads": ("download", "downloads"),
    "exposure": ("impression", "impressions"),
}  # fmt: skip
_WHY_NONE = {
    "not_reported": "not reported", "not_applicable": "does not apply here", "suppressed": "withheld by the platform",
    "expired": "no longer kept by the platform", "permission_denied": "not permitted to be read",
    NO_FIGURE: "no audience figure imported",
}  # fmt: skip
_STATES = {
    "confirmed": "confirmed by a person", "auto_confirmed": "confirmed by its evidence",
    "suggested": "waits for a person",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """Letters that one font draws, `offset` pixels from where their line begins; `families` is empty for our own."""

    words: str
    offset: float
    families: str


def to_svg(graph: FamilyGraph) -> str:
    """The family as one SVG on white, `width` and `height` in pixels; at most `MOST_DRAWN` items of it."""
    return drawn(graph)


def to_html(graph: FamilyGraph) -> bytes:
    """A page with the picture and, in words, every item and edge in it with its evidence. It loads nothing."""
    graph = narrowed(graph, MOST_DRAWN)
    from markupsafe import Markup

    names = {node.id: name_of(node) for node in graph.nodes}
    page = (
        _templates()
        .get_template("family_page.html.j2")
        .render(
            graph=graph,
            heading=name_of(graph.root),
            summary=_summary(graph),
            picture=Markup(drawn(graph)),  # noqa: S704  escaped when it was drawn
            names=names,
            standing={edge.child_id: edge for edge in graph.edges if edge.stands},
        )
    )
    return page.encode()


def name_of(node: GraphNode) -> str:
    """What the item is called: its title, else how its text begins, in quotes, else its name."""
    if title := one_line(node.title or ""):
        return title
    opening = one_line(node.opening or "")
    if not opening:
        return one_line(f"{node.platform}:{node.native_id}")
    return opening if set(opening) & set('“”„«»"') else f"“{opening}”"


def audience_words(audience: Audience) -> str:
    """The headline figure as people say it: `1.2 M plays†`, `~300 downloads (in 28 d)`, `plays: not reported`.

    Brackets tell what keeps it from being added to others: its seconds, its days, or a count of the platform's own. A
    rule that changed while it was counted gives it a †.
    """
    one, many = _AUDIENCES.get(audience.concept or "", ("", ""))
    if audience.value is None:
        why = _WHY_NONE.get(audience.state, audience.state.replace("_", " "))
        return f"{many}: {why}" if many else why
    about = (audience.group or "").removeprefix(audience.concept or "").strip("/ ")
    apart = f" ({about if audience.comparable else 'its own count'})" if about or not audience.comparable else ""
    rough, broken = "~" if audience.state == "estimated" else "", "†" if audience.spans_break else ""
    return f"{rough}{short(audience.value)} {one if audience.value == 1 else many}{broken}{apart}"


def short(value: Decimal) -> str:
    """A count as people say it: 9,876 · 12.3 K · 4.57 M."""
    if abs(value) < 10_000:
        return f"{round(value):,}"
    sizes = ((value / 1_000, "K"), (value / 1_000_000, "M"), (value / 1_000_000_000, "B"))
    scaled, unit = next((size for size in sizes if abs(size[0]) < Decimal("999.5")), sizes[-1])
    places = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
    return f"{scaled:,.{places}f} {unit}"


def one_line(words: str) -> str:
    """The words on one line; what means nothing to a reader or turns what follows is shown as �."""
    return " ".join("".join(map(_shown, words)).split())


def _shown(mark: str) -> str:
    if mark in "\t\n\r\u2028\u2029\x85":
        return " "
    code = ord(mark)
    turns = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return "\ufffd" if turns or code & 0xFFFE == 0xFFFE or unicodedata.category(mark) in {"Cc", "Cs", "Co"} else mark


def drawn(graph: FamilyGraph, *, runs: Callable[[str, float, bool], Iterable[Run]] | None = None) -> str:
    """The SVG of at most `MOST_DRAWN` items; `runs` splits a line of words into runs that one font can draw."""
    graph = narrowed(graph, MOST_DRAWN)
    return (
        _templates()
        .get_template("family_picture.svg.j2")
        .render(
            layout=laid_out(graph),
            graph=graph,
            heading=name_of(graph.root),
            summary=_summary(graph),
            legend=_legend(graph),
            runs=runs or _one_run,
        )
    )


def _one_run(words: str, size: float, bold: bool) -> Iterable[Run]:  # noqa: ARG001  a viewer has its own fonts
    return (Run(words, 0.0, ""),)


def _summary(graph: FamilyGraph) -> str:
    """What the picture shows, in one line."""
    family = [node for node in graph.nodes if node.family_id == graph.family_id]
    platforms = len({node.platform for node in family})
    asked = sum(not edge.stands for edge in graph.edges) + graph.more_suggested
    parts = [_counted(graph.items, "item")]
    if not graph.more:
        parts[0] += f" on {_counted(platforms, 'platform')}"
    else:
        parts.append(f"{len(family):,} shown, and {graph.more:,} more")
    if asked:
        parts.append(f"{_counted(asked, 'suggestion')} waiting for a person")
    if graph.more_suggested:
        parts.append(f"{graph.more_suggested:,} of them not shown")
    return " · ".join(parts)


def _legend(graph: FamilyGraph) -> str:
    """What the signs in this picture mean."""
    audiences = [node.audience for node in graph.nodes]
    meanings = (
        (
            "Platforms count differently: for sums see the family's totals.",
            sum(one.value is not None for one in audiences) > 1,
        ),
        ("~ estimated or rounded.", any(one.state == "estimated" for one in audiences)),
        ("† The platform changed its rule meanwhile.", any(one.spans_break for one in audiences)),
        ("✓ confirmed by a person.", any(edge.state == "confirmed" for edge in graph.edges)),
        ("Dashed: only suggested.", any(not edge.stands for edge in graph.edges)),
    )
    return "  ".join(words for words, shown in meanings if shown)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _platform(name: str) -> str:
    return _PLATFORMS[name][0] if name in _PLATFORMS else one_line(name.replace("_", " ").capitalize())


def _colour(name: str) -> str:
    return _PLATFORMS[name][1] if name in _PLATFORMS else _OTHER_PLATFORM


def _words(name: str | None) -> str:
    return one_line((name or "").replace("_", " "))


def _day(node: GraphNode) -> str:
    return _day_of(node.published_at) if node.published_at else ""


def _day_of(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def _length(node: GraphNode) -> str:
    if node.duration_seconds is None:
        return ""
    whole = int(node.duration_seconds)
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _sure(edge: GraphEdge) -> str:
    return f"{round(edge.confidence * 100)} %"


def _web_address(url: str | None) -> str | None:
    """The address, if it is one of the web: nothing else becomes a link."""
    return url if url and url.lower().startswith(("https://", "http://")) and one_line(url) == url else None


def _cut(words: str, room: float, *, size: float = 13.0, bold: bool = False) -> list[str]:
    """The words on at most one line of so many pixels; see `_lines`."""
    return lines_of(words, room, most=1, size=size, bold=bold)


def lines_of(words: str, room: float, *, most: int, size: float = 13.0, bold: bool = False) -> list[str]:
    """The words on at most so many lines of so many pixels, the last ending in … where it had to be cut.

    Widths are those of DejaVu Sans, which is wider than the fonts that browsers choose: it fits there too.
    """
    em = size * (1.08 if bold else 1.0)
    lines: list[str] = []
    rest = one_line(words)
    while rest and len(lines) < most:
        end = _fitting(rest, room / em)
        if end < len(rest):
            if len(lines) + 1 == most:
                return [*lines, rest[: _fitting(rest, room / em - 1.0)].rstrip() + "…"]
            space = rest.rfind(" ", 0, end + 1)
            end = space if space > end // 2 else end
        lines.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return lines


def _tag_width(words: str) -> int:
    return round(sum(map(_width, words)) * 10.5) + 18


def _fitting(words: str, ems: float) -> int:
    """How many letters fit, without parting a letter from its accents or an emoji from its parts."""
    used = 0.0
    for at, mark in enumerate(words):
        used += _width(mark)
        if used > ems:
            while at > 0 and (joins(words[at]) or words[at - 1] == "\u200d"):
                at -= 1  # noqa: PLW2901
            return max(at, 1)
    return len(words)


def joins(mark: str) -> bool:
    """Whether the mark stands on or within the letter before it."""
    return unicodedata.combining(mark) != 0 or mark in "\u200d\ufe0e\ufe0f" or 0x1F3FB <= ord(mark) <= 0x1F3FF


def _width(mark: str) -> float:
    """About how wide a letter is, in the size of its font."""
    if joins(mark):
        return 0.0
    if unicodedata.east_asian_width(mark) in "WF":
        return 1.05
    if mark in "iIjl.,:;'|!()[]ftr ":
        return 0.4
    if mark in "mwMW@%—":
        return 0.95
    return 0.7 if mark.isupper() else 0.62


@functools.cache
def _templates() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(lambda name: (resources.files(__package__) / name).read_text("utf-8")),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {
        "platform": _platform, "colour": _colour, "words": _words, "day": _day, "day_of": _day_of,
        "length": _length, "sure": _sure, "audience": audience_words, "name": name_of,
        "web": _web_address, "cut": _cut, "lines": lines_of,
        "state": lambda state: _STATES.get(state, state), "one_line": one_line, "length_of": _tag_width,
    }  # fmt: skip
    return environment
