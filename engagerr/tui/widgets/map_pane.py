"""What stands beside and below the content map: the family or the item under the cursor, and why it is where it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engagerr.tui import glyphs
from engagerr.tui.widgets.evidence import (
    SIGNS,
    STATES,
    claim,
    concept_name,
    confidence,
    effect_line,
    effect_lines,
    evidence_lines,
    likely,
    platform_name,
    spread,
    terms_line,
    terms_lines,
    why_missing,
    wrapped,
)
from engagerr.tui.widgets.family_rows import MapRow, length
from engagerr.tui.writing import BLANK, NARROW_SPACE, Cell, cell, cut, cut_middle, day, short, whole

if TYPE_CHECKING:
    from engagerr.core.content.families import ConceptTotal
    from engagerr.core.content.family_graph import Audience
    from engagerr.core.desk.families_page import FamilyHead
    from engagerr.core.desk.opened_family import OpenedFamily, Piece

_SHEET = 60
_LOWER_LINES = 7


def facts(platform: str, kind: str | None, seconds: Any, published: datetime | None, now: datetime) -> str:
    """`TikTok clip, 0:38, posted Wed 14 Oct 2026`."""
    what = f"{platform_name(platform)} {kind.replace('_', ' ')}" if kind else platform_name(platform)
    parts = [what, length(seconds)]
    parts.append(f"posted {day(published, now, year=True)}" if published else "no date known")
    return ", ".join(part for part in parts if part)


def lower_lines(
    row: MapRow | None, family: OpenedFamily | None, totals: Any, found: Any, width: int, *, now: datetime,
    known: bool, said: str,
) -> list[Cell]:  # fmt: skip
    """At most seven lines for the pane below the list."""
    if row is None:
        return []
    if row.piece is None:
        return _family_below(row, family, totals, width, now=now)
    piece = row.piece
    head = _claim_cell(piece, family, width)
    lines = [head, cell(cut(facts(piece.platform, piece.kind, piece.duration_seconds, piece.published_at, now), width),
                        "soft")]  # fmt: skip
    reasons = evidence_lines(piece.evidence, width, most=_LOWER_LINES - 4, wrap=1) if piece.edge_id else []
    lines += reasons
    lines += [BLANK] * (_LOWER_LINES - 2 - len(lines))
    if piece.state == "suggested" and not piece.held:
        lines.append(effect_line(found if known else None, width, said=said))
        lines.append(terms_line(found.terms, width) if known else BLANK)
    else:
        lines.append(_held_or_blank(piece))
        lines.append(terms_line(found, width) if known and piece.state != "suggested" else cell(said, "soft"))
    return lines


def _held_or_blank(piece: Piece) -> Cell:
    if not piece.held:
        return BLANK
    return Cell(((f"{glyphs.LATE} ", "attention"), ("It hangs on another item; m moves it here.", "ink")))


def _family_below(
    row: MapRow, family: OpenedFamily | None, totals: Sequence[ConceptTotal] | None, width: int, *, now: datetime
) -> list[Cell]:
    if row.kind != "family":
        return [cell(row.words, "soft")]
    head = row.head
    lines = [
        spread(head.title, head.creator or head.account, width, left_token="ink-bold", right_token="soft"),
        cell(cut(_about(head, now), width), "soft"),
    ]
    lines += _total_lines(totals, width)[: _LOWER_LINES - 3]
    lines += [BLANK] * (_LOWER_LINES - 1 - len(lines))
    lines.append(_waits(head, family))
    return lines


def _about(head: FamilyHead, now: datetime) -> str:
    items = "1 item" if head.items == 1 else f"{head.items:,} items"
    where = ", ".join(platform_name(platform) for platform in head.platforms)
    return f"{items} on {where} · {facts(head.platform, head.kind, head.duration_seconds, head.published_at, now)}"


def _waits(head: FamilyHead, family: OpenedFamily | None) -> Cell:
    said = []
    if head.waiting:
        said.append("1 suggestion waits" if head.waiting == 1 else f"{head.waiting:,} suggestions wait")
    if family is not None and family.might_hang_on:
        above = family.might_hang_on[0]
        said.append(f"may itself belong to {above.title} ({confidence(above.confidence or 0)})")
    if not said:
        return BLANK
    return Cell(((f"{glyphs.SUGGESTED} ", "unknown"), (" · ".join(said), "soft")))


def _total_lines(totals: Sequence[ConceptTotal] | None, width: int) -> list[Cell]:
    if totals is None:
        return [cell("reading …", "soft")]
    lines = []
    for total in sorted(totals, key=_importance):
        _, own, rule = total.group.partition(" as ")
        name = concept_name(total.concept) + (f" ({rule})" if own else "")
        lines.append(spread(name[:1].upper() + name[1:], _amount(total), width))
    return lines or [cell("No figure of any item was imported yet.", "soft")]


_PLACES = ("play_start", "qualified_play", "engaged_play", "downloads", "exposure", "likes", "comments", "shares")


def _importance(total: ConceptTotal) -> tuple[bool, int, bool, str]:
    place = _PLACES.index(total.concept) if total.concept in _PLACES else len(_PLACES)
    return total.value is None, place, " as " in total.group, total.group


def _amount(total: ConceptTotal) -> str:
    if total.value is None:
        return f"{glyphs.MISSING} {why_missing(total.state)}"
    about = f"{glyphs.ABOUT}{NARROW_SPACE}" if total.state == "estimated" else ""
    number = f"{about}{_in_unit(total)}{glyphs.CHANGED if total.spans_break else ''}"
    items = "1 item " if total.items == 1 else f"{total.items:,} items"
    return f"{f'{total.missing:,} without  ' if total.missing else ''}{number}  {items}"


def _in_unit(total: ConceptTotal) -> str:
    assert total.value is not None
    if total.unit == "seconds":
        return f"{short(total.value / 3600)}{NARROW_SPACE}h"
    if total.unit == "currency" and total.currency:
        from engagerr.core.money import Money
        from engagerr.tui.writing import money_text

        return money_text(Money(int(total.value), total.currency))
    return short(total.value) if total.unit == "count" else f"{short(total.value)}{NARROW_SPACE}{total.unit or ''}"


def side_lines(
    row: MapRow | None, family: OpenedFamily | None, totals: Any, found: Any, width: int, *, now: datetime,
    known: bool, said: str,
) -> list[Cell]:  # fmt: skip
    """The side pane: as much as there is to say."""
    if row is None:
        return []
    if row.piece is None:
        return _family_beside(row, family, totals, width, now=now)
    piece = row.piece
    lines = [_state_cell(piece), *(cell(line, "ink-bold") for line in wrapped(piece.title, width))]
    lines += [
        cell(line, "soft")
        for line in wrapped(facts(piece.platform, piece.kind, piece.duration_seconds, piece.published_at, now), width)
    ]
    lines.append(cell(cut(piece.account, width), "faint"))
    lines.append(figure_line(piece.audience, width, now))
    if piece.edge_id is not None:
        lines += [BLANK, *(cell(line, "ink") for line in wrapped(_claimed(piece, family), width))]
        lines += [*evidence_lines(piece.evidence, width), BLANK]
    else:
        lines.append(BLANK)
    if piece.held:
        lines.append(_held_or_blank(piece))
    if piece.state == "suggested" and not piece.held:
        return lines + effect_lines(found if known else None, width, said=said)
    if piece.state == "suggested":
        return lines
    return [*lines, cell("Terms", "faint"),
            *(terms_lines(found, width) if known else [cell(said or "reading …", "soft")])]  # fmt: skip


def _family_beside(
    row: MapRow, family: OpenedFamily | None, totals: Sequence[ConceptTotal] | None, width: int, *, now: datetime
) -> list[Cell]:
    head = row.head
    if row.kind != "family":
        return [cell(line, "soft") for line in wrapped(row.words, width)]
    lines = [*(cell(line, "ink-bold") for line in wrapped(head.title, width))]
    lines += [cell(cut(head.creator or head.account, width), "soft")]
    lines += [cell(line, "soft") for line in wrapped(_about(head, now), width)]
    lines += [BLANK, cell("Totals, each figure counted once", "faint"), *_total_lines(totals, width), BLANK]
    return [*lines, *(_above_lines(head, family, width))]


def _above_lines(head: FamilyHead, family: OpenedFamily | None, width: int) -> list[Cell]:
    words = _waits(head, family).text
    if not words:
        return []
    found = wrapped(words, width)
    return [Cell(((found[0][:2], "unknown"), (found[0][2:], "soft"))), *(cell(line, "soft") for line in found[1:])]


def _state_cell(piece: Piece) -> Cell:
    if piece.state is None:
        return Cell(((f"{glyphs.CONFIRMED} ", "good"), ("Root of the family", "soft")))
    sign, token = SIGNS[piece.state]
    words = f"{sign} {STATES[piece.state][:1].upper()}{STATES[piece.state][1:]}"
    if piece.confidence is not None and piece.state != "confirmed":
        words = f"{words}  {confidence(piece.confidence)} {likely(piece.confidence)}"
    return cell(words, token)


def _claimed(piece: Piece, family: OpenedFamily | None) -> str:
    words = claim(piece.relation, _title_of(piece.parent_id, family))
    return words[:1].upper() + words[1:]


def _title_of(item: Any, family: OpenedFamily | None) -> str:
    pieces = family.pieces if family is not None else ()
    return next((piece.title for piece in pieces if piece.id == item), "its parent")


def _claim_cell(piece: Piece, family: OpenedFamily | None, width: int) -> Cell:
    """`◌ 0.91 likely  clip of The cheap synth`."""
    if piece.state is None or piece.confidence is None:
        return Cell(((f"{glyphs.CONFIRMED} ", "good"), (cut(f"Root of the family · {piece.title}", width - 2), "ink")))
    sign, token = SIGNS[piece.state]
    sure = STATES[piece.state]
    if piece.state == "suggested":
        sure = f"{confidence(piece.confidence)} {likely(piece.confidence)}"
    words = claim(piece.relation, _title_of(piece.parent_id, family))
    return Cell(((f"{sign} {sure}  ", token), (cut(words, max(width - len(sure) - 4, 8)), "ink")))


def figure_line(seen: Audience, width: int, now: datetime) -> Cell:
    """`Plays        604,000 as of Sun 1 Nov`, or why there are none."""
    if seen.value is None:
        name = concept_name(seen.concept) if seen.concept else "audience"
        return spread(name[:1].upper() + name[1:], f"{glyphs.MISSING} {why_missing(seen.state)}", width)
    name = concept_name(seen.concept or "")
    about = f"{glyphs.ABOUT}{NARROW_SPACE}" if seen.state == "estimated" else ""
    value = f"{about}{whole(seen.value)}{glyphs.CHANGED if seen.spans_break else ''}"
    return spread(name[:1].upper() + name[1:], f"{value} as of {day(seen.observed_at, now)}", width)


def why_lines(row: MapRow, totals: Any, found: Any, *, now: datetime, known: bool) -> list[Cell]:
    """The sheet of `w`: what it is, where its figures come from, and every reason."""
    if row.piece is None:
        return _why_family(row.head, totals, now=now) if row.kind == "family" else []
    piece = row.piece
    lines = [cell(facts(piece.platform, piece.kind, piece.duration_seconds, piece.published_at, now), "soft")]
    lines.append(cell(f"{piece.platform}:{piece.native_id} by {piece.account}", "faint"))
    lines += [cell(cut_middle(piece.url, _SHEET), "faint")] if piece.url else []
    lines += [BLANK, figure_line(piece.audience, _SHEET, now), *_why_figure(piece.audience)]
    if piece.edge_id is not None:
        lines += [BLANK, _state_cell(piece), *evidence_lines(piece.evidence, _SHEET, wrap=3)]
    if known and piece.state == "suggested" and not piece.held:
        lines += [BLANK, *effect_lines(found, _SHEET)]
    elif known and piece.state != "suggested":
        lines += [BLANK, *terms_lines(found, _SHEET)]
    return lines


def _why_figure(seen: Audience) -> list[Cell]:
    if seen.metric is None:
        return []
    said = [f"The platform calls it “{seen.metric}”."]
    if " as " in (seen.group or ""):
        said.append("It counts by its own rule, so it is added to its own kind only.")
    if seen.spans_break:
        said.append("The platform changed how it counts while this was counted; both definitions stay visible.")
    if seen.state == "estimated":
        said.append("The platform rounds or estimates it.")
    return [cell(line, "soft") for words in said for line in wrapped(words, _SHEET)]


def _why_family(head: FamilyHead, totals: Sequence[ConceptTotal] | None, *, now: datetime) -> list[Cell]:
    lines = [cell(line, "soft") for line in wrapped(_about(head, now), _SHEET)]
    lines += [cell(f"{head.platform}:{head.native_id} by {head.account}", "faint"), BLANK]
    lines.append(cell("Only figures that count alike are added, and none twice.", "soft"))
    for total in sorted(totals or (), key=_importance):
        _, own, rule = total.group.partition(" as ")
        name = concept_name(total.concept) + (f" ({rule})" if own else "")
        lines.append(spread(name[:1].upper() + name[1:], _amount(total), _SHEET))
        if total.counted_elsewhere:
            lines.append(cell(f"  {total.counted_elsewhere:,} left out: another item's figure holds them", "soft"))
        if total.spans_break:
            lines.append(cell(f"  {glyphs.CHANGED} the platform changed how it counts in between", "attention"))
    return lines
