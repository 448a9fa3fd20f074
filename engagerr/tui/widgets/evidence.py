"""How a link between two items is told: what is claimed, what speaks for and against it, what an answer would change.

Pure: values of the core in, lines out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from engagerr.tui import glyphs
from engagerr.tui.writing import BLANK, NARROW_SPACE, Cell, bar, cell, cut, plain, short

if TYPE_CHECKING:
    from decimal import Decimal

    from engagerr.core.content.evidence import Evidence
    from engagerr.core.content.families import ConceptTotal
    from engagerr.core.desk.link_effect import LinkEffect, ReachingTerm

PRIOR = "prior"
RELATIONS = {
    "same_work": "the same work as", "clip_of": "clip of", "part_of": "part of", "promotes": "points to",
    "derived_from": "made from",
}  # fmt: skip
QUESTIONS = {
    "same_work": "Are these two the same work?", "clip_of": "Is the first cut from the second?",
    "part_of": "Is the first a part of the second?", "promotes": "Does the first point to the second?",
    "derived_from": "Was the first made from the second?",
}  # fmt: skip
PLATFORMS = {
    "youtube": "YouTube", "tiktok": "TikTok", "instagram": "Instagram", "facebook": "Facebook", "twitch": "Twitch",
    "x": "X", "linkedin": "LinkedIn", "podcast": "Podcast", "spotify": "Spotify", "apple_podcasts": "Apple Podcasts",
    "website": "Website",
}  # fmt: skip
CONCEPTS = {
    "play_start": "plays", "qualified_play": "qualified plays", "engaged_play": "engaged plays",
    "downloads": "downloads", "exposure": "impressions", "watch_time": "watch time",
}  # fmt: skip
# What stands after a figure that does not count plays; two letters, so that figures keep their column.
UNITS = {"play_start": "", "qualified_play": "qp", "engaged_play": "ep", "downloads": "dl", "exposure": "im"}
_MISSING = {
    "not_reported": "the platform does not report it", "not_applicable": "does not apply here",
    "suppressed": "withheld by the platform because it is small", "expired": "no longer kept by the platform",
    "permission_denied": "no permission to read it", "not_imported": "no audience figure was imported yet",
}  # fmt: skip
SIGNS = {
    "confirmed": (glyphs.CONFIRMED, "good"), "auto_confirmed": (glyphs.CONFIRMED, "good"),
    "suggested": (glyphs.SUGGESTED, "unknown"), "rejected": (glyphs.FAILED, "danger"),
}  # fmt: skip
STATES = {
    "confirmed": "confirmed by a person", "auto_confirmed": "confirmed by its evidence", "suggested": "suggested",
    "rejected": "turned down",
}  # fmt: skip
_FIRST_CONCEPTS = ("play_start", "qualified_play", "engaged_play", "downloads", "exposure", "likes", "comments")
_BAR = 8
_UNIT_CELLS = 3


def why_missing(state: str) -> str:
    """Why a figure is not there, in words."""
    return _MISSING.get(state, state.replace("_", " "))


def platform_name(platform: str) -> str:
    """A platform as it writes itself."""
    return PLATFORMS.get(platform, platform.replace("_", " ").title())


def concept_name(concept: str) -> str:
    """A measure in words."""
    return CONCEPTS.get(concept, concept.replace("_", " "))


def likely(confidence: Decimal | float) -> str:
    """A confidence in words; what is not certain is never rounded up to it."""
    sure = float(confidence)
    if sure >= 1:
        return "certain"
    for least, words in ((0.9, "very likely"), (0.7, "likely"), (0.4, "open"), (0.0, "unlikely")):
        if sure >= least:
            return words
    return "unlikely"


def confidence(value: Decimal | float) -> str:
    """`0.91`; below 1 never `1.00`."""
    return f"{min(float(value), 0.99) if value < 1 else 1.0:.2f}"


def figure(
    value: Decimal | None, concept: str | None, state: str, *, broken: bool = False, apart: bool = False,
    token: str = "ink",
) -> Cell:  # fmt: skip
    """A figure of an audience with its sign and its unit in cells of their own, so that a column of them lines up."""
    if value is None:
        return Cell(((glyphs.MISSING, "faint"), (" " * (_UNIT_CELLS + 1), "ink")), why_missing(state))
    estimated = state == "estimated"
    unit = UNITS.get(concept or "", "")
    reasons = [f"counts {concept_name(concept or '')}"] if unit else []
    if broken:
        reasons.append("the platform changed how it counts while this was counted")
    if estimated:
        reasons.append("the platform rounds or estimates it")
    if apart:
        reasons.append("counted by the platform's own rule, so it is added to its own kind only")
    number = f"{glyphs.ABOUT}{NARROW_SPACE}{short(value)}" if estimated else short(value)
    parts = (
        (number, token), (glyphs.CHANGED if broken else " ", "attention"), (f" {unit:<{_UNIT_CELLS - 1}}", "faint"),
    )  # fmt: skip
    return Cell(parts, "; ".join(reasons) or None)


def wrapped(text: str, width: int, *, most: int = 3) -> list[str]:
    """The text on as many lines as it takes, at most `most`; the last is cut if it has to be."""
    lines: list[str] = []
    left = plain(text).split(" ")
    while left and len(lines) < most - 1:
        line = ""
        while left and cell_len(f"{line} {left[0]}".strip()) <= width:
            line = f"{line} {left.pop(0)}".strip()
        if not line:
            break
        lines.append(line)
    if left:
        lines.append(cut(" ".join(left), width))
    return lines


def by_weight(evidence: Sequence[Evidence]) -> list[Evidence]:
    """What weighs most first, for and against alike; what every pair begins with last."""
    return sorted(evidence, key=lambda piece: (piece.kind == PRIOR, -abs(piece.weight)))


def evidence_lines(evidence: Sequence[Evidence], width: int, *, most: int | None = None, wrap: int = 2) -> list[Cell]:
    """`+ Both titles have “synth”   ━━━━──── +0.30`: a reason, its weight as a bar and as a number.

    With `most`, the last line says how many reasons are left out and what they weigh together.
    """
    found = by_weight(evidence)
    if not found:
        return [cell("No evidence is kept for it: a person said so.", "soft")]
    heaviest = max(abs(piece.weight) for piece in found) or 1.0
    shown = found if most is None or len(found) <= most else found[: most - 1]
    lines = [line for piece in shown for line in _reason(piece, width, heaviest, wrap)]
    if rest := found[len(shown) :]:
        together = sum(piece.weight for piece in rest)
        words = f"  {len(rest)} more reasons, together"
        lines.append(_with_tail([(words, "faint")], width, [(weight(together), "faint")]))
    return lines


def weight(value: float) -> str:
    """`+0.44` speaks for it, `−0.07` against it."""
    return f"{value:+.2f}".replace("-", glyphs.MINUS)


def _reason(piece: Evidence, width: int, heaviest: float, wrap: int) -> list[Cell]:
    if piece.kind == PRIOR:
        sign, token = glyphs.GAP, "faint"
    else:
        sign, token = ("+", "good") if piece.weight >= 0 else (glyphs.MINUS, "danger")
    room = max(width - 2 - 1 - _BAR - 1 - 5, 8)
    words = wrapped(piece.detail[:1].upper() + piece.detail[1:], room, most=wrap) or [""]
    graph = bar(abs(piece.weight) / heaviest, _BAR, token="dim" if piece.kind == PRIOR else "accent")
    tail = [*graph.parts, (f" {weight(piece.weight)}", "soft")]
    first = _with_tail([(f"{sign} ", token), (words[0], "ink")], width, tail)
    return [first, *(cell(f"  {line}", "ink") for line in words[1:])]


def _with_tail(head: list[tuple[str, str]], width: int, tail: list[tuple[str, str]]) -> Cell:
    used = sum(cell_len(text) for text, _ in (*head, *tail))
    return Cell((*head, (" " * max(width - used, 1), "ink"), *tail))


def spread(left: str, right: str, width: int, *, left_token: str = "soft", right_token: str = "ink") -> Cell:
    """A label on the left, a figure at the right edge; the label gives way to half of the width, then the other."""
    label = cut(left, max(width - cell_len(right) - 2, min(cell_len(left), width // 2)))
    right = cut(right, width - cell_len(label) - 2)
    return _with_tail([(label, left_token)], width, [(right, right_token)])


def claim(relation: str | None, parent: str) -> str:
    """`clip of The cheap synth that fooled me`."""
    return f"{RELATIONS.get(relation or '', (relation or '').replace('_', ' '))} {parent}"


def changes(effect: LinkEffect) -> list[tuple[str, str]]:
    """(measure, `2.3 M → 2.9 M`) for each total that would change, measures of an audience first."""

    def place(changed: Any) -> tuple[int, str]:
        concept = changed.after.concept
        known = concept in _FIRST_CONCEPTS
        return _FIRST_CONCEPTS.index(concept) if known else len(_FIRST_CONCEPTS), changed.after.group

    return [
        (_total_name(one.after), f"{_amount(one.before)} {'→'} {_amount(one.after)}")
        for one in sorted((one for one in effect.totals if one.after.unit == "count"), key=place)
    ]


def _total_name(total: ConceptTotal) -> str:
    _, own, rest = total.group.partition(" as ")
    name = concept_name(total.concept)
    return f"{name} ({rest})" if own else name


def _amount(total: ConceptTotal | None) -> str:
    if total is None or total.value is None:
        return glyphs.MISSING
    about = f"{glyphs.ABOUT}{NARROW_SPACE}" if total.state == "estimated" else ""
    return f"{about}{short(total.value)}{glyphs.CHANGED if total.spans_break else ''}"


def term_words(term: ReachingTerm) -> str:
    """`disclosure for Lumen Audio applies`, `usage rights of Lumen Audio: to be checked`."""
    kind = str(term.kind).replace("_", " ")
    whose = f" of {term.party}" if term.party else ""
    verdict = "applies" if str(term.verdict) == "applies" else "to be checked"
    return f"{kind}{whose} {verdict}{' to the family too' if term.upwards else ''}"


def terms_lines(terms: Sequence[ReachingTerm] | None, width: int) -> list[Cell]:
    """The terms that reach an item, each with its sentence."""
    if terms is None:
        return [Cell((("Terms  ", "soft"), ("hidden", "faint")), "Your role may not read terms.")]
    if not terms:
        return [cell("No disclosure, sponsor or licence reaches it.", "soft")]
    lines: list[Cell] = []
    for term in terms:
        applies = str(term.verdict) == "applies"
        sign = (f"{glyphs.DONE} ", "good") if applies else (f"{glyphs.LATE} ", "attention")
        words = term_words(term)
        lines.append(Cell((sign, (cut(words[:1].upper() + words[1:], width - 2), "ink"))))
        lines += [cell(f"  {line}", "soft") for line in wrapped(term.why, width - 2)]
    return lines


def effect_lines(effect: LinkEffect | None, width: int, *, said: str = "") -> list[Cell]:
    """What the totals become and which terms come with it; `said` where that is not known yet or could not be read."""
    lines = [cell("If you accept", "faint")]
    if effect is None:
        return [*lines, cell(said or "reading …", "soft")]
    coming = "1 item comes in" if effect.items == 1 else f"{effect.items:,} items come in"
    lines.append(cell(coming, "soft"))
    if effect.why_no_totals:
        lines.append(Cell((("? ", "unknown"), (f"Totals: {effect.why_no_totals}.", "soft"))))
    changed = changes(effect)
    lines += [spread(f"Family {name}", amount, width) for name, amount in changed]
    if not changed and not effect.why_no_totals:
        lines.append(cell("No total changes: nothing of it may be added.", "soft"))
    return [*lines, BLANK, *terms_lines(effect.terms, width)]


def effect_line(effect: LinkEffect | None, width: int, *, said: str = "") -> Cell:
    """The same on one line, for the lower pane."""
    head = ("If you accept  ", "faint")
    if effect is None:
        return Cell((head, (cut(said or "reading …", width - 15), "soft")))
    told = [f"{name} {amount}" for name, amount in changes(effect)[:2]]
    if effect.why_no_totals:
        told = [f"totals: {effect.why_no_totals}"]
    if effect.items > 1:
        told.insert(0, f"{effect.items:,} items come in")
    return Cell((head, (cut("   ".join(told) or "no total changes", width - 15), "ink")))


def terms_line(terms: Sequence[ReachingTerm] | None, width: int) -> Cell:
    """Terms on one line."""
    if terms is None:
        return Cell((("Terms          ", "faint"), ("hidden", "faint")))
    if not terms:
        return Cell((("Terms          ", "faint"), ("none reaches it", "soft")))
    applies = any(str(term.verdict) == "applies" for term in terms)
    words = " · ".join(term_words(term) for term in terms)
    sign = (f"{glyphs.DONE} ", "good") if applies else (f"{glyphs.LATE} ", "attention")
    return Cell((("Terms          ", "faint"), sign, (cut(words, width - 17), "ink")))
