"""The signs of the console, and what stands for them where a font or a locale cannot show them."""

from __future__ import annotations

import locale
import re
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.filter import LineFilter

if TYPE_CHECKING:
    from textual.color import Color

BAR, OPEN, CLOSED = "▌", "▾", "▸"
DONE, FAILED, LATE, DANGER, QUESTION = "✓", "✕", "▲", "!", "?"
CONFIRMED, SUGGESTED, WAITING = "●", "◌", "○"
MARKED, UNMARKED = "▣", "▢"
MISSING, MINUS, ABOUT, CHANGED, GAP, BREAK = "–", "−", "≈", "†", "·", "┆"
FULL, LEVELS = "━", "▁▂▃▄▅▆"

# One cell for one cell, so that nothing moves.
_ASCII = str.maketrans(
    "▌▸▾●◌○✕✓▲†≈–−·┆━▣▢›├└─│…×▔→←↑↓“”’±•\N{NO-BREAK SPACE}",
    '>+v*o.xY^#~---:=X_>|`-|.x^><^v""\'~* ',
) | {ord(level): sign for level, sign in zip("▁▂▃▄▅▆▇█", "__..--==", strict=True)}


# What a terminal obeys and does not show, and what turns the direction of the text after it. None of it has a width,
# so that without it everything stays in its place.
_COMMANDS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class OnlyText(LineFilter):
    """The last gate before the terminal: names and titles come from elsewhere, and none of them commands it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Take control characters out of the segments of one line."""
        if not any(_COMMANDS.search(segment.text) for segment in segments):
            return segments
        return [
            segment if segment.control else Segment(_COMMANDS.sub("", segment.text), segment.style)
            for segment in segments
        ]


class AsciiGlyphs(LineFilter):
    """Draws every sign in ASCII; letters of names stay what they are."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Translate the segments of one line."""
        return [Segment(text.translate(_ASCII), style, control) for text, style, control in segments]


def ascii_needed(wanted: str) -> bool:
    """Whether to draw in ASCII: `ascii`, `unicode`, or `auto`, which asks the locale."""
    if wanted == "auto":
        return "utf" not in locale.getpreferredencoding(do_setlocale=False).lower()
    return wanted == "ascii"
