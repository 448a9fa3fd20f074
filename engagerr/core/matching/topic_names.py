"""What people call topics, in their own words: as topics that pieces are sorted into, and beside a brief's words."""

from __future__ import annotations

from collections.abc import Iterable

from engagerr.core.ai.floor.formats import subject_of
from engagerr.core.ai.tasks import Topic
from engagerr.core.matching.profile_words import folded

# What a person put on the roster counts as likely, and no more certain than a few plain titles make it.
STATED_PROBABILITY = 0.6
# Cook, cooks and cooking begin alike; so do few words of other meanings that are as long.
_LETTERS_THAT_COUNT = 5
_SHORTEST = 3


def named_topic(words: str | None) -> Topic | None:
    """The topic that these words name (sports, trail running, cooking); None where they name none."""
    if not words or not words.strip():
        return None
    word = words.strip().lower()
    return Topic(word) if word in set(Topic) else subject_of(word)


def stems(words: str) -> frozenset[str]:
    """The beginnings of the words, folded: enough to see that two texts say the same thing in other forms."""
    return frozenset(
        word.removesuffix("ing").removesuffix("s")[:_LETTERS_THAT_COUNT]
        for word in folded(words).split()
        if len(word) >= _SHORTEST
    )


def said_in(brief: frozenset[str], stated: Iterable[str]) -> str | None:
    """The first of a creator's stated topics of which every word stands in the brief, given by its stems."""
    return next((words for words in stated if (found := stems(words)) and found <= brief), None)
