"""What stands around a list of matches: what the brief asks, why nobody passes, the shortlist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from textual.reactive import reactive

from engagerr.tui import glyphs
from engagerr.tui.widgets.chrome import Line
from engagerr.tui.widgets.matches import price_of
from engagerr.tui.widgets.signals import head_line, in_words, name_of, ordered, signal_line
from engagerr.tui.writing import BLANK, Cell, cell, cut, money_text, short

if TYPE_CHECKING:
    from engagerr.core.desk.discover import BriefPage, Chosen, Sum
    from engagerr.core.matching.brief_file import Brief
    from engagerr.core.matching.briefs import BriefRow
    from engagerr.core.matching.matching import Explanation, Found
    from engagerr.core.matching.scoring import Match

_WIDTH = 49
_MOST_SHOWN = 15
STATES = {
    "candidate": (glyphs.WAITING, "soft"), "pitched": (glyphs.SUGGESTED, "accent"), "won": (glyphs.DONE, "good"),
    "lost": (glyphs.FAILED, "faint"), "dropped": (glyphs.MINUS, "faint"),
}  # fmt: skip


def asked_of(brief: Brief) -> list[str]:
    """What a brief asks, in a few words each; what it does not say is not there."""
    said = [brief.category or "any subject", " or ".join(brief.platforms), " ".join(brief.countries)]
    said += [" ".join(brief.languages), followers_of(brief)]
    said += [f"{wish.value} {wish.share_min:.0%}" for wish in brief.audience]
    said.append(", ".join(deliverables_of(brief)))
    said += [f"must: {', '.join(brief.must)}" if brief.must else ""]
    said += [f"not: {', '.join(brief.must_not)}" if brief.must_not else ""]
    said.append(window_of(brief))
    return [part for part in said if part]


class Asked(Line):
    """`Brief   sports · youtube · DE AT · 20 k–500 k followers · not: gambling`, cut to the room that it has."""

    row: reactive[BriefRow | None] = reactive(None)

    def parts(self, width: int) -> Sequence[tuple[str, str]]:
        """Nothing before a brief is read."""
        if self.row is None:
            return ()
        return [("Brief  ", "faint"), (cut(" · ".join(asked_of(self.row.brief)), max(width - 7, 0)), "soft")]


def followers_of(brief: Brief) -> str:
    """`20 k–500 k followers`, or nothing."""
    least, most = brief.followers_min, brief.followers_max
    if least is None and most is None:
        return ""
    if least is None or most is None:
        return f"from {short(least)} followers" if least is not None else f"to {short(most or 0)} followers"
    return f"{short(least)}–{short(most)} followers"


def deliverables_of(brief: Brief) -> list[str]:
    """`2 youtube integration`: each once, with how many of it."""
    counted = {word: brief.deliverables.count(word) for word in dict.fromkeys(brief.deliverables)}
    return [f"{count} × {word}".replace("_", " ") for word, count in counted.items()]


def window_of(brief: Brief) -> str:
    """`1 Mar 2027 – 30 Apr 2027`, or nothing."""
    if brief.window_from is None and brief.window_to is None:
        return ""
    return f"{_on(brief.window_from)} – {_on(brief.window_to)}"


def nobody_lines(found: Found, where: str | None) -> list[Cell]:
    """Why nobody is there: the hardest filter first, and what it would take."""
    if where and not found.considered:
        return [
            cell("Nobody meets the filter.", "ink"), BLANK,
            Cell((("f", "accent"), (" change it   ", "soft"), ("esc", "accent"), (" in its line: no filter", "soft"))),
        ]  # fmt: skip
    if not found.considered:
        return [cell("No creators yet, so nobody can fit.", "ink"), BLANK,
                Cell((("2", "accent"), (" roster: add creators or import a CSV", "soft")))]  # fmt: skip
    hardest = max(found.excluded, key=lambda one: one.count)
    return [
        Cell((("No one passes. Hardest filter: ", "ink"), (hardest.reason, "ink-bold"),
              (f" ({glyphs.MINUS}{hardest.count:,} of {found.considered:,})", "soft"))),
        BLANK,
        *(Cell(((f"  {one.count:>7,}  ", "ink"), (one.reason, "soft"))) for one in found.excluded),
        cell("  Who breaks two of them is counted with the first.", "faint"), BLANK,
        Cell((("x", "accent"), (" edit the brief   ", "soft"), ("f", "accent"), (" filter", "soft"))),
    ]  # fmt: skip


def would_lines(match: Match | None, found: Explanation | None) -> list[Cell]:
    """What would change the answer: the signals that are worth finding out, and the place that they could bring."""
    if match is None:
        return []
    lines = [BLANK, cell("What would change it", "faint")]
    if found is None:
        unknown = [signal for signal in match.signals if signal.value is None]
        named = ", ".join(name_of(signal.name).lower() for signal in unknown)
        return [*lines, cell(f"Unknown: {named}" if unknown else "All is known.", "soft")]
    if not found.what_if:
        return [*lines, cell("Nothing: no signal alone would bring another place.", "soft")]
    for one in found.what_if[:3]:
        lines.append(
            Cell(
                (
                    ("with the best ", "soft"), (name_of(one.signal).lower(), "ink"),
                    (f": rank {one.rank:,} instead of {found.rank:,}", "soft"),
                )
            )
        )  # fmt: skip
    return lines


def why_lines(found: Explanation, all_of: Found | None, width: int = 58) -> list[Cell]:
    """All that a place rests on: every signal with its question and what shows it, in words, and how fit is counted."""
    match = found.match
    if match is None:
        head = [cell(f"{found.creator} is ruled out by the brief.", "ink"), BLANK]
        return [*head, *(Cell(((f"{glyphs.MINUS} ", "danger"), (reason, "ink"))) for reason in found.broken)]
    span = f"from {100 * match.low:.0f} if all that is unknown is bad, to {100 * match.high:.0f} if it is good"
    lines = [head_line(match, width, rank=found.rank, of=found.passed), cell(span, "soft"), BLANK]
    for signal in ordered(match.signals):
        lines += [signal_line(signal, width, evidence=False), cell(f"  {signal.meaning}", "faint")]
        if signal.value is None:
            lines.append(cell(f"  not known: {in_words(signal.state)}", "soft"))
        lines += [cell(f"  {shown.detail}", "soft") for shown in signal.evidence]
    if found.reason:
        lines += [BLANK, cell(found.reason), cell(f"In words by {found.reason_by}, from these facts alone.", "faint")]
    changes = [
        cell(f"With the best {name_of(one.signal).lower()}: rank {one.rank:,}.", "soft") for one in found.what_if
    ]
    return [*lines, BLANK, *changes, *([BLANK] if changes else []), *rule_lines(all_of)]


def shortlist_lines(page: BriefPage) -> list[Cell]:
    """The shortlist: what it uses of the budget, whom it reaches, what is not known, and who is on it."""
    if page.row is None:
        return []
    if page.shortlist is None:
        return [BLANK, cell("Shortlist", "faint"), Cell((("space", "accent"), (" begins one", "soft")))]
    lines = [BLANK, _pair(f"Shortlist  {cut(page.shortlist.name, 26)}", f"{len(page.chosen)}", "ink-bold")]
    lines += sum_lines(page.total, page.row.brief)
    lines.append(BLANK)
    lines += [_chosen(one, page) for one in page.chosen[:_MOST_SHOWN]]
    if len(page.chosen) > _MOST_SHOWN:
        lines.append(cell(f"  {len(page.chosen) - _MOST_SHOWN} more", "soft"))
    return lines


def sum_lines(total: Sum, brief: Brief) -> list[Cell]:
    """Budget, reach and unknowns of a shortlist."""
    if total.prices_hidden:
        spent = "hidden"
    elif total.spent is None:
        spent = glyphs.MISSING
    else:
        spent = money_text(total.spent) if not total.unpriced else f"from {money_text(total.spent)}"
    budget = money_text(brief.budget) if brief.budget is not None else "no budget"
    over = total.spent is not None and brief.budget is not None and total.spent.currency == brief.budget.currency
    token = "danger" if over and total.spent.minor > brief.budget.minor else "ink"  # type: ignore[union-attr]
    lines = [_pair(f"Budget  {budget}", f"used {spent}", token)]
    if total.unpriced and not total.prices_hidden:
        lines.append(cell(f"  {total.unpriced} of {total.creators} without a rate, not in it", "unknown"))
    if total.reach_low is None or total.reach_high is None:
        lines.append(_pair("Reach of a piece each", glyphs.MISSING, "faint"))
    else:
        span = f"{short(total.reach_low)} – {short(total.reach_high)}"
        lines.append(
            _pair("Reach of a piece each", span if total.creators - total.unreached > 1 else short(total.reach_low))
        )
    if total.unreached:
        lines.append(cell(f"  {total.unreached} of {total.creators} without views, not in it", "unknown"))
    return lines


def rule_lines(found: Found | None) -> list[Cell]:
    """How fit is counted, and with which weights."""
    lines = [
        cell("Each signal answers one question with 0 to 100, or not at all.", "soft"),
        cell("Fit is their mean, by the weights of this workspace.", "soft"),
        cell("An unknown one counts as the mean of the others' creators,", "soft"),
        cell("at most 50, and opens the range (±) by its whole weight.", "soft"),
    ]
    if found is not None:
        lines += [BLANK, cell("Weights of this brief", "faint")]
        lines += [cell(f"{100 * weight:>4.0f} %  {name_of(name)}") for name, weight in found.weights.items()]
        if found.excluded:
            lines += [BLANK, cell(f"{found.considered:,} looked at, {found.passed:,} pass", "faint")]
            lines += [cell(f"{one.count:>6,}  {one.reason}") for one in found.excluded]
        if not found.by_meaning:
            lines += [BLANK, cell("Compared by topics and words alone: no embedder is installed.", "attention")]
    return lines


def _chosen(one: Chosen, page: BriefPage) -> Cell:
    sign, token = STATES.get(one.state, (glyphs.WAITING, "soft"))
    price = price_of(page.beside.get(one.creator_id))
    room = _WIDTH - 2 - len(price.text) - 2
    name = cut(one.creator, room)
    pad = " " * max(_WIDTH - 2 - len(name) - len(price.text), 1)
    return Cell(((f"{sign} ", token), (name, "ink"), (pad, "ink"), *price.parts))


def _pair(label: str, value: str, token: str = "ink") -> Cell:
    pad = " " * max(_WIDTH - len(label) - len(value), 1)
    return Cell(((label, "soft"), (pad, "soft"), (value, token)))


def _on(day: date | None) -> str:
    return "…" if day is None else f"{day.day} {day:%b %Y}"


__all__: Sequence[str] = (
    "STATES", "Asked", "asked_of", "deliverables_of", "followers_of", "nobody_lines", "rule_lines",
    "shortlist_lines", "sum_lines", "window_of", "would_lines",
)  # fmt: skip
