"""How near two texts are, as one number from 0 to 1, out of their likeness in meaning and the words that they share."""

from __future__ import annotations

# Meaning in MiniLM's space: unrelated texts lie about 0.05, a creator's own subject about 0.5. A brief's words in a
# profile rarely come to more than a fifth of what they could.
MEANING_FROM, MEANING_TO = 0.05, 0.50
WORDS_TO = 0.20


def fit_of(similarity: float | None, lexical: float | None) -> float:
    """The mean of what is known of the two, each from 0 to 1; 0 where neither is."""
    parts = []
    if similarity is not None:
        parts.append(min(max((similarity - MEANING_FROM) / (MEANING_TO - MEANING_FROM), 0.0), 1.0))
    if lexical is not None:
        parts.append(min(lexical / WORDS_TO, 1.0))
    return sum(parts) / len(parts) if parts else 0.0
