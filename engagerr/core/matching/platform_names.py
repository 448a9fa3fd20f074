"""Platforms as people write them: any name may be one, but what is nearly a known one is a slip."""

from __future__ import annotations

from difflib import get_close_matches

# "youtub" and "instagramm" are slips; "bluesky" is a platform that is not known here.
_NEARLY = 0.8


def platform_meant(word: str) -> str | None:
    """The known platform that a word nearly is; None where it is one, or is like none."""
    from engagerr.core.roster.identity import PLATFORMS

    folded = word.casefold()
    near = [] if folded in PLATFORMS else get_close_matches(folded, PLATFORMS, n=1, cutoff=_NEARLY)
    return near[0] if near else None
