"""Why a creator stands where they stand, as lines: each signal with its points and what shows it. Pure: values in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from engagerr.tui import glyphs
from engagerr.tui.writing import BLANK, Cell, bar, cell, cut, missing

if TYPE_CHECKING:
    from engagerr.core.matching.scoring import Match, SignalValue

NAMES = {
    "topic_fit": "Topic", "audience_fit": "Audience", "expected_performance": "Views", "price_fit": "Price",
    "reliability": "Steady", "brand_safety": "Safe", "brand_history": "History", "exclusivity": "Free",
}  # fmt: skip
# Why a figure is not there, as words that end a sentence.
STATES = {
    "not_observed": "nothing was observed", "not_reported": "the platform does not report it",
    "too_few": "too few pieces to say", "too_short": "too short a time to say", "no_profile": "no figures yet",
    "permission_denied": "no permission", "suppressed_small": "withheld: too few people", "expired": "expired",
    "not_fetched": "not yet fetched", "not_read": "not read yet", "too_rare": "figures are too far apart",
    "definition_changed": "the platform changed how it counts", "ambiguous": "two sources disagree",
}  # fmt: skip
_HALF = 0.5
_NAME = 9
_BAR = 10


def in_words(state: str | None) -> str:
    """A state as words: `too_few` is "too few pieces to say"."""
    return STATES.get(state or "", (state or "unknown").replace("_", " "))


def name_of(signal: str) -> str:
    """How a signal is called where room is short."""
    return NAMES.get(signal, signal.replace("_", " ").capitalize())


def fit(match: Match | None, *, why: str = "ruled out by the brief") -> Cell:
    """`78 ± 4`: the score and how far off it is at most, since the unknown may be anything."""
    if match is None:
        return missing(why)
    score, width = _hundred(match.score), width_of(match)
    return Cell(((f"{score:>3}", "ink"), (f" ± {width:<2}" if width else "     ", "soft" if width < 10 else "unknown")))


def width_of(match: Match) -> int:
    """The points by which the score may be off: the larger side of its range, which is seldom even."""
    return max(_hundred(match.high) - _hundred(match.score), _hundred(match.score) - _hundred(match.low), 0)


def unknown_of(match: Match) -> int:
    """How many of its signals are not known."""
    return sum(signal.value is None for signal in match.signals)


def unknown(match: Match) -> Cell:
    """`1 of 7`; grey where all is known."""
    count = unknown_of(match)
    return cell(f"{count} of {len(match.signals)}", "unknown" if count else "soft")


def ordered(signals: Sequence[SignalValue]) -> list[SignalValue]:
    """What speaks for the creator, then what speaks against them, then what is not known; the heaviest first."""

    def place(signal: SignalValue) -> tuple[int, float]:
        if signal.value is None:
            return 2, -signal.weight
        if signal.value >= _HALF:
            return 0, -(signal.points or 0.0)
        return 1, -signal.weight * (1 - signal.value)

    return sorted(signals, key=place)


def signal_line(signal: SignalValue, width: int, *, evidence: bool = True) -> Cell:
    """`+ Topic      ━━━━━━━───  30 of 40  the roster says …`; an unknown one shows `?` and its width, never points."""
    most = _hundred(signal.weight)
    named = set_cell_size(name_of(signal.name), _NAME)
    if signal.value is None:
        head = [("? ", "unknown"), (f"{named} ", "ink"), ("?" + " " * (_BAR - 1), "unknown")]
        head.append((f" {'± ' + str(most):>8}", "unknown"))
        said = f"not known: {in_words(signal.state)}"
    else:
        good = signal.value >= _HALF
        head = [("+ " if good else f"{glyphs.MINUS} ", "good" if good else "danger"), (f"{named} ", "ink")]
        head += [*bar(signal.value, _BAR).parts, (f" {_hundred(signal.points or 0.0):>2} of {most:>2}", "ink")]
        said = sentence(signal)
    used = sum(cell_len(text) for text, _ in head)
    if evidence and width - used > 12:
        head.append((f"  {cut(said, width - used - 2)}", "soft"))
    return Cell(tuple(head))


def sentence(signal: SignalValue) -> str:
    """What shows it: the first thing that does, and how many more do."""
    if not signal.evidence:
        return signal.meaning
    more = len(signal.evidence) - 1
    return f"{signal.evidence[0].detail}{f' · {more} more' if more else ''}"


def head_line(match: Match, width: int, *, rank: int | None = None, of: int | None = None) -> Cell:
    """`Ines Okafor  78 ± 4   rank 1 of 214`: who it is about."""
    place = f"rank {rank:,} of {of:,}" if rank is not None and of is not None else ""
    score = f"{_hundred(match.score)} ± {width_of(match)}" if width_of(match) else f"{_hundred(match.score)}"
    name = cut(match.creator, width - len(score) - len(place) - 4)
    pad = max(width - cell_len(name) - 2 - len(score) - len(place), 1)
    return Cell(((name, "ink-bold"), (f"  {score}", "accent"), (" " * pad, "ink"), (place, "soft")))


def short_lines(match: Match, width: int, height: int, *, rank: int | None, of: int | None) -> list[Cell]:
    """The head and a line for each signal, in so many lines; what has no room is counted."""
    lines = [head_line(match, width, rank=rank, of=of)]
    signals = ordered(match.signals)
    room = height - 1
    shown = signals if len(signals) <= room else signals[: room - 1]
    lines += [signal_line(signal, width) for signal in shown]
    if len(shown) < len(signals):
        left = signals[len(shown) :]
        unknowns = sum(signal.value is None for signal in left)
        said = f"  {len(left)} more{f', {unknowns} of them unknown' if unknowns else ''}"
        lines.append(Cell(((said, "soft"), ("   w", "accent"), (" all", "soft"))))
    return lines


def long_lines(match: Match, width: int, *, rank: int | None, of: int | None, most: int = 2) -> list[Cell]:
    """The same with up to `most` lines of evidence under each signal: for the side pane and for `w`."""
    lines = [head_line(match, width, rank=rank, of=of), BLANK]
    for signal in ordered(match.signals):
        lines.append(signal_line(signal, width, evidence=False))
        if signal.value is None:
            lines.append(cell(f"  {cut(f'not known: {in_words(signal.state)}', width - 2)}", "soft"))
        lines += [cell(f"  {cut(shown.detail, width - 2)}", "soft") for shown in signal.evidence[:most]]
    return lines


def _hundred(share: float) -> int:
    return round(100 * share)
