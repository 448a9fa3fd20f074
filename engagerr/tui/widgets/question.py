"""One question of the review as text: the two items, what speaks for it, what a yes would change, what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engagerr.tui import glyphs
from engagerr.tui.widgets.evidence import (
    QUESTIONS,
    concept_name,
    confidence,
    effect_line,
    effect_lines,
    evidence_lines,
    likely,
    spread,
    terms_line,
    why_missing,
    wrapped,
)
from engagerr.tui.widgets.map_pane import facts
from engagerr.tui.writing import BLANK, NARROW_SPACE, Cell, cell, cut, day, whole

if TYPE_CHECKING:
    from engagerr.core.content.questions import Side
    from engagerr.core.content.review import Question
    from engagerr.core.content.thresholds import Threshold

_EVIDENCE_BELOW = 5
_TEXT_LINES = 4


def side_title(side: Side) -> str:
    """What one of the two is called: its title, else how its text begins, else its name."""
    if side.title and side.title.strip():
        return side.title.strip()
    first = next((line.strip() for line in (side.text or "").splitlines() if line.strip()), "")
    return f"“{first}”" if first else f"{side.platform}:{side.native_id}"


def short_lines(question: Question, effect: Any, said: str, ahead: Sequence[Question], width: int, rows: int,
                now: datetime) -> list[Cell]:  # fmt: skip
    """Everything on one narrow screen: at most `rows` lines, evidence first to give way."""
    head = _head(question, width)
    sides = [*_side("1", question.child, width, now), *_side("2", question.parent, width, now)]
    tail = [effect_line(effect, width, said=said), terms_line(effect.terms, width) if effect is not None else BLANK]
    tail += [*_rivals(question, width, most=1), *_earlier(question, width, now), _why(question, width)]
    room = rows - 1 - len(sides) - len(tail) - 1
    reasons = evidence_lines(question.edge.evidence, width, most=max(min(room, _EVIDENCE_BELOW + 1), 2), wrap=1)
    lines = [head, *sides, *reasons]
    if rows - len(lines) - len(tail) > 2:
        lines = [head, BLANK, *sides, BLANK, *reasons]
    lines += [BLANK] * (rows - 1 - len(lines) - len(tail))
    return [*lines, *tail, _ahead(ahead, width)]


def long_lines(question: Question, ahead: Sequence[Question], width: int, now: datetime) -> list[Cell]:
    """The two items at length; evidence and effect stand in the side pane."""
    lines = [_head(question, width), BLANK]
    for number, side in (("1", question.child), ("2", question.parent)):
        lines += [*_side(number, side, width, now), *_text(side, width), BLANK]
    lines += [*_rivals(question, width, most=5), *_earlier(question, width, now)]
    lines += [cell(line, "soft") for line in wrapped(_why(question, 400).text, width)]
    lines += [BLANK, cell("Next", "faint")]
    lines += [
        Cell(((f"{glyphs.SUGGESTED} {confidence(one.edge.confidence)}  ", "unknown"),
              (cut(side_title(one.child), width - 8), "soft")))
        for one in ahead
    ]  # fmt: skip
    return lines if ahead else [*lines, cell("Nothing after this one.", "soft")]


def beside_lines(question: Question, effect: Any, said: str, threshold: Threshold | None, width: int) -> list[Cell]:
    """The side pane: every reason, what a yes would change, and when the machine stops asking."""
    lines = [_confidence(question), BLANK, cell("What speaks for it and against it", "faint")]
    lines += [*evidence_lines(question.edge.evidence, width, wrap=3), BLANK]
    lines += [*effect_lines(effect, width, said=said), BLANK]
    return lines + threshold_lines(threshold, width)


def threshold_lines(threshold: Threshold | None, width: int) -> list[Cell]:
    """From when on links of this kind are asked about, and from when on they confirm themselves."""
    if threshold is None:
        return []
    alone = f"{threshold.auto_confirm:.2f}" if threshold.auto_confirm <= 1 else "never"
    words = threshold.relation.replace("_", " ")
    judged = f"{threshold.right:,} of {threshold.decisions:,} right" if threshold.decisions else "none yet"
    return [
        cell(f"Links of this kind ({words})", "faint"), spread("Asked about from", f"{threshold.ask:.2f}", width),
        spread("Confirm themselves from", alone, width), spread("Judged here one by one", judged, width),
        *(cell(line, "soft") for line in wrapped(threshold.basis, width)),
    ]  # fmt: skip


def _head(question: Question, width: int) -> Cell:
    asked = QUESTIONS.get(question.edge.relation, question.edge.relation.replace("_", " "))
    return spread(asked, _confidence(question).text, width, left_token="ink-bold", right_token="unknown")


def _confidence(question: Question) -> Cell:
    sure = question.edge.confidence
    return cell(f"{glyphs.SUGGESTED} {confidence(sure)} {likely(sure)}", "unknown")


def _side(number: str, side: Side, width: int, now: datetime) -> list[Cell]:
    family = "" if side.family_items == 1 else f"  in a family of {side.family_items:,}"
    about = facts(side.platform, side.kind, side.duration_seconds, side.published_at, now)
    return [
        Cell(((f"{number} ", "accent"), (cut(side_title(side), width - 2), "ink-bold"))),
        Cell((("  ", "ink"), (cut(about, width - 2), "soft"))),
        spread(f"  {side.account}{family}", _audience(side), width, left_token="faint"),
    ]


def _audience(side: Side) -> str:
    seen = side.audience
    if seen is None:
        return f"{glyphs.MISSING} no audience figure imported"
    name = concept_name(seen.metric)
    if seen.reported is None:
        return f"{glyphs.MISSING} {name}: {why_missing(seen.state)}"
    about = f"{glyphs.ABOUT}{NARROW_SPACE}" if seen.state == "estimated" else ""
    return f"{about}{whole(seen.reported)}{glyphs.CHANGED if seen.spans_break else ''} {name}"


def _text(side: Side, width: int) -> list[Cell]:
    if not side.text or not side.text.strip():
        return [cell("  no text", "faint")]
    words = " ".join(side.text.split())
    return [cell(f"  {line}", "soft") for line in wrapped(words, width - 2, most=_TEXT_LINES)]


def _rivals(question: Question, width: int, *, most: int) -> list[Cell]:
    """Other parents that are suggested for the same item."""
    lines = []
    for rival in question.rivals[:most]:
        title = rival.parent.title or f"{rival.parent.platform}:{rival.parent.native_id}"
        words = f"or {rival.relation.replace('_', ' ')} {title}"
        lines.append(Cell(((f"{glyphs.SUGGESTED} {confidence(rival.confidence)}  ", "unknown"),
                           (cut(words, width - 20), "soft"), ("  m move", "faint"))))  # fmt: skip
    if len(question.rivals) > most:
        lines[-1] = Cell((*lines[-1].parts, (f" +{len(question.rivals) - most}", "faint")))
    return lines


def _earlier(question: Question, width: int, now: datetime) -> list[Cell]:
    earlier = question.earlier
    if earlier is None:
        return []
    back = ", then taken back" if earlier.undone else ""
    words = f"{earlier.after} by {earlier.member or 'nobody known'} on {day(earlier.at, now)}{back}"
    return [Cell(((f"{glyphs.LATE} ", "attention"), (cut(f"Before: {words}", width - 2), "soft")))]


def _why(question: Question, width: int) -> Cell:
    put_off = "Put off before. " if question.skipped else ""
    return cell(cut(f"{put_off}{question.why[:1].upper()}{question.why[1:]}.", width), "soft")


def _ahead(ahead: Sequence[Question], width: int) -> Cell:
    if not ahead:
        return cell("Nothing after this one.", "faint")
    titles = " · ".join(cut(side_title(one.child), 24) for one in ahead)
    return Cell((("Next  ", "faint"), (cut(titles, width - 6), "soft")))


def kept_words(rows: Sequence[Threshold]) -> str:
    """`198 answered, 96 % kept.`: of what the machine said, how much people found right."""
    answered = sum(row.decisions for row in rows)
    if not answered:
        return "Nobody has answered any yet."
    kept = sum(row.right for row in rows) / answered
    return f"{answered:,} answered, {kept * 100:.0f}{NARROW_SPACE}% kept."
