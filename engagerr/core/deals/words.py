"""Words of people as a deal keeps them: what nobody could see on a screen or on paper is refused when it comes in."""

from __future__ import annotations

import unicodedata

from engagerr.core.errors import InvalidInput

LONGEST = 4_000
# Overrides, embeddings and isolates: with one, a title shows the figures beside it in another order.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MEANINGLESS = frozenset(("Cc", "Cs", "Co", "Zl", "Zp"))


def readable(words: str, what: str, *, most: int = LONGEST) -> str:
    """The same words; `InvalidInput` where they are too long, or hold a mark that hides, turns or steers what is read.

    Lines may end and be indented in them. Joiners stay: names and emoji are written with them.
    """
    if len(words) > most:
        raise InvalidInput(f"The {what} is too long: {len(words):,} characters.", hint=f"{most:,} at most.")
    odd = next(
        (
            mark
            for mark in words
            if mark not in "\n\t" and (mark in _TURNING or unicodedata.category(mark) in _MEANINGLESS)
        ),
        None,
    )
    if odd is not None:
        raise InvalidInput(
            f"The {what} holds the mark U+{ord(odd):04X}, which cannot be shown.",
            hint="Write it anew, without what was pasted along.", facts={"field": what},
        )  # fmt: skip
    return words
