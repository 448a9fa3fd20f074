"""The rows of the content map: families, the items of those that are open, and how they are written in a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.tui import glyphs
from engagerr.tui.widgets.evidence import SIGNS, confidence, figure, platform_name
from engagerr.tui.widgets.grid import Column
from engagerr.tui.writing import BLANK, Cell, cell, missing

if TYPE_CHECKING:
    from decimal import Decimal

    from engagerr.core.content.families import ConceptTotal
    from engagerr.core.desk.families_page import FamilyHead
    from engagerr.core.desk.opened_family import OpenedFamily, Piece

GROUPS = ("family", "platform", "relation")
_DEEPEST_TRUNK = 6
_NO_WORD = 1_000


@dataclass(frozen=True, slots=True)
class MapRow:
    """One line: a family (`piece` is None), an item of an open one, or a line that stands between (`words`).

    `kind` is family, item, group, more or reading; `trunk` are the cells of the tree before the item.
    """

    key: str
    kind: str
    head: FamilyHead
    piece: Piece | None = None
    trunk: str = ""
    is_open: bool = False
    words: str = ""


def family_key(family: UUID) -> str:
    """The key of a family's own row."""
    return f"family:{family}"


def item_key(family: UUID, piece: Piece) -> str:
    """The key of an item's row: an item may stand in one family and be suggested for another."""
    return f"item:{family}:{piece.edge_id or piece.id}"


def rows_of(
    heads: Sequence[FamilyHead], opened: Mapping[UUID, OpenedFamily | None], *, group: str = "family"
) -> Iterator[MapRow]:
    """A row for each family, and below those that are open their items; None in `opened` is being read."""
    for head in heads:
        yield MapRow(family_key(head.id), "family", head, is_open=head.id in opened)
        if head.id not in opened:
            continue
        family = opened[head.id]
        if family is None:
            yield MapRow(f"reading:{head.id}", "reading", head, words="reading …")
            continue
        yield from _tree(head, family.pieces) if group == "family" else _grouped(head, family.pieces, group)
        if family.left_out or family.more_waiting:
            yield MapRow(
                f"more:{head.id}:{family.left_out}:{family.more_waiting}", "more", head, words=_left_out(family)
            )


def _left_out(family: OpenedFamily) -> str:
    said = [f"{family.left_out:,} more of {family.items:,} items"] if family.left_out else []
    said += [f"{family.more_waiting:,} more suggestions"] if family.more_waiting else []
    return f"{' and '.join(said)} are not shown; enter shows more"


def _tree(head: FamilyHead, pieces: Sequence[Piece]) -> Iterator[MapRow]:
    last = _last_of_their_parents([piece.depth for piece in pieces])
    trunk: list[bool] = []
    for piece, is_last in zip(pieces, last, strict=True):
        del trunk[piece.depth :]
        before = "".join("  " if done else "│ " for done in trunk[-_DEEPEST_TRUNK:])
        deep = "… " if len(trunk) > _DEEPEST_TRUNK else ""
        yield MapRow(item_key(head.id, piece), "item", head, piece, f"{deep}{before}{'└' if is_last else '├'} ")
        trunk.append(is_last)


def _last_of_their_parents(depths: Sequence[int]) -> list[bool]:
    """Whether each, in the order of the tree, is the last below its parent."""
    last = [True] * len(depths)
    later: set[int] = set()
    for at in range(len(depths) - 1, -1, -1):
        depth = depths[at]
        last[at] = depth not in later
        later = {other for other in later if other < depth} | {depth}
    return last


def _grouped(head: FamilyHead, pieces: Sequence[Piece], group: str) -> Iterator[MapRow]:
    groups: dict[str, list[Piece]] = {}
    for piece in pieces:
        name = piece.platform if group == "platform" else piece.relation or "root"
        groups.setdefault(name, []).append(piece)
    for name, members in sorted(groups.items(), key=lambda one: (one[0] != "root", -len(one[1]), one[0])):
        title = platform_name(name) if group == "platform" else name.replace("_", " ")
        count = "1 item" if len(members) == 1 else f"{len(members):,} items"
        yield MapRow(f"group:{head.id}:{name}", "group", head, words=f"{title}  {count}")
        for piece in members:
            yield MapRow(item_key(head.id, piece), "item", head, piece, "  ")


@lru_cache(maxsize=64)
def code(platform: str) -> str:
    """Two letters for a platform."""
    from engagerr.core.desk.roster import platform_codes

    return platform_codes([platform])[0]


def length(seconds: Decimal | float | None) -> str:
    """`58:12`, `1:12:40`."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def columns(total: Callable[[UUID], Any], headline: Callable[[Any], ConceptTotal | None]) -> list[Column[MapRow]]:
    """The columns of the map. `total` gives a family's totals, None where they are not read yet."""

    def audience(row: MapRow) -> Cell:
        if row.piece is not None:
            seen = row.piece.audience
            apart = " as " in (seen.group or "")
            token = "ink" if row.piece.stands else "soft"
            return figure(
                seen.value,
                seen.concept,
                seen.state,
                broken=seen.spans_break and seen.value is not None,
                apart=apart,
                token=token,
            )
        return family_figure(total(row.head.id), headline) if row.kind == "family" else BLANK

    return [
        Column("title", "Family", _title, 30, grow=True),
        Column("creator", "Creator", _creator, 16, rank=3),
        Column("length", "Length", _length, 9, right=True, rank=2),
        Column("audience", "Plays    ", audience, 13, right=True),
        Column("link", "Link", _link, 5, right=True, rank=1),
    ]


def family_figure(totals: Any, headline: Callable[[Any], ConceptTotal | None]) -> Cell:
    """The total of a family that says most, `–` with the reason where there is none."""
    if totals is None:
        return Cell((("…", "faint"), ("    ", "ink")), "being read")
    if isinstance(totals, str):
        return Cell(((glyphs.MISSING, "faint"), ("    ", "ink")), totals)
    first = headline(totals)
    if first is None:
        return figure(None, None, "not_imported")
    shown = figure(
        first.value, first.concept, first.state, broken=first.spans_break and first.value is not None,
        apart=" as " in first.group, token="ink-bold",
    )  # fmt: skip
    told = [shown.reason] if shown.reason else []
    if first.missing:
        told.append("1 item has no figure" if first.missing == 1 else f"{first.missing:,} items have no figure")
    others = sum(one.value is not None and one.concept in _AUDIENCES and one is not first for one in totals)
    if others:
        told.append("there is more that may not be added to it (w)")
    return Cell(shown.parts, "; ".join(told) or None)


_AUDIENCES = frozenset(("play_start", "qualified_play", "engaged_play", "downloads", "exposure"))


def _title(row: MapRow) -> Cell:
    if row.kind == "family":
        sign = glyphs.OPEN if row.is_open else glyphs.CLOSED
        return Cell(((f"{sign} ", "accent" if row.is_open else "soft"), (row.head.title, "ink-bold")))
    if row.piece is None:
        return Cell((("    ", "ink"), (row.words, "faint")))
    sign, token = SIGNS.get(row.piece.state or "confirmed", SIGNS["confirmed"])
    ink = "ink" if row.piece.stands else "soft"
    return Cell(((row.trunk, "line"), (f"{sign} ", token), (f"{code(row.piece.platform):<4}", "faint"),
                 (row.piece.title, ink)))  # fmt: skip


def _creator(row: MapRow) -> Cell:
    if row.kind != "family":
        return BLANK
    if row.head.creator is None:
        return missing(f"the account {row.head.account} belongs to no creator yet")
    return cell(row.head.creator, "soft")


def _length(row: MapRow) -> Cell:
    if row.piece is not None:
        return cell(length(row.piece.duration_seconds), "soft")
    if row.kind == "family":
        items = row.head.items
        # A number is never cut: where the word has no room, the pane says it.
        return cell("1 item" if items == 1 else f"{items:,} items" if items < _NO_WORD else f"{items:,}", "faint")
    return BLANK


def _link(row: MapRow) -> Cell:
    if row.kind == "family":
        waiting = row.head.waiting
        return cell(f"{glyphs.SUGGESTED} {waiting:,}", "unknown") if waiting else BLANK
    if row.piece is None or row.piece.confidence is None:
        return BLANK
    if row.piece.state == "confirmed":
        return cell(glyphs.DONE, "good")
    return cell(confidence(row.piece.confidence), "unknown" if row.piece.state == "suggested" else "faint")


def haystack(row: MapRow) -> str:
    """The words by which a row is found."""
    head = row.head
    if row.piece is None:
        words = [head.title, head.creator or "", head.account, *head.platforms, *(code(one) for one in head.platforms)]
        words += ["waiting suggested"] if head.waiting else []
        return " ".join(words).casefold()
    piece = row.piece
    state = {"suggested": "suggested waiting", "rejected": "rejected", "confirmed": "confirmed"}
    words = [piece.title, piece.account, piece.platform, code(piece.platform), piece.relation or "", piece.kind or ""]
    return " ".join([*words, state.get(piece.state or "", "standing")]).casefold()


def kept_rows(rows: Sequence[MapRow], words: Sequence[str]) -> frozenset[str]:
    """The keys of what fits all words: families with all their items, and items with the family that they are in."""
    wanted = [word.casefold() for word in words]
    kept: set[str] = set()
    whole: UUID | None = None
    own = ""
    for row in rows:
        if row.kind == "family":
            own = haystack(row)
            whole = row.head.id if all(word in own for word in wanted) else None
            kept.update({row.key} if whole else ())
        elif row.piece is not None:
            found = f"{own} {haystack(row)}"
            if whole == row.head.id or all(word in found for word in wanted):
                kept.update((row.key, family_key(row.head.id)))
        elif whole == row.head.id:
            kept.add(row.key)
    return frozenset(kept)
