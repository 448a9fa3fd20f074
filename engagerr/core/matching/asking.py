"""A brief made ready to be asked of creators: its topics, its meaning, and what came of the brand's earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.ai.floor.formats import subject_of
from engagerr.core.ai.tasks import Piece, Topic, Topics
from engagerr.core.matching.candidates import Meaning
from engagerr.core.matching.signals import Asked

if TYPE_CHECKING:
    from engagerr.core.ai import Embedder
    from engagerr.core.db import Session
    from engagerr.core.matching.brief_file import Brief

# Whatever sorts texts into topics: one answer a piece.
Classify = Callable[[Sequence[Piece]], Sequence[Topics]]
# Where the brief names its category, that is what it is about; its text may add to that.
_NAMED = 0.8
_LEAST_PROBABILITY = 0.1
_MOST_TOPICS = 3

_HISTORY = """
SELECT outcome.creator_id, count(*) FILTER (WHERE outcome.outcome = 'won') AS won,
       count(*) FILTER (WHERE outcome.outcome = 'lost') AS lost
FROM match_outcomes AS outcome JOIN briefs AS brief
  ON brief.tenant_id = outcome.tenant_id AND brief.id = outcome.brief_id
WHERE outcome.tenant_id = :tenant_id AND lower(brief.brand) = lower(:brand)
GROUP BY outcome.creator_id
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A brief with its texts already sorted and embedded: no model is called while a transaction is open."""

    brief: Brief
    topics: Mapping[Topic, float]
    meaning: Meaning | None


def question_of(brief: Brief, *, classify: Classify, embedder: Embedder | None) -> Question:
    """Sort and embed what the brief says. Without an embedder it is compared by topic and by word alone."""
    return Question(brief, topics_of(brief, classify), None if embedder is None else _meaning(brief, embedder))


def topics_of(brief: Brief, classify: Classify) -> dict[Topic, float]:
    """What the brief is about, as weights that add up to one; empty if it says nothing of its subject."""
    if not brief.words:
        return {}
    [said] = classify([Piece(title=brief.title, tags=(*brief.must, brief.category or ""), body=brief.text or None)])
    read = {share.topic: share.probability for share in said.topics if share.probability >= _LEAST_PROBABILITY}
    read = dict(sorted(read.items(), key=lambda share: (-share[1], share[0]))[:_MOST_TOPICS])
    named = _named(brief.category)
    total = sum(read.values())
    weights = {topic: probability / total for topic, probability in read.items()} if total else {}
    if named is None:
        return weights
    rest = 1 - _NAMED if weights else 0.0
    found = {topic: rest * weight for topic, weight in weights.items()}
    found[named] = found.get(named, 0.0) + 1 - rest
    return found


def _named(category: str | None) -> Topic | None:
    if not category:
        return None
    word = category.strip().lower()
    return Topic(word) if word in set(Topic) else subject_of(category)


def _meaning(brief: Brief, embedder: Embedder) -> Meaning | None:
    whole, *musts = embedder.embed([brief.words, *brief.must])
    # A row of zeros: the model could not read it, so by meaning nothing is known.
    return Meaning(embedder.name, whole, tuple(musts)) if whole.any() else None


def asked_of(session: Session, question: Question, *, tenant_id: UUID, now: datetime) -> Asked:
    """The question as the signals see it, with what this workspace knows of the brand."""
    history = {}
    if question.brief.brand:
        rows = session.execute(text(_HISTORY), {"tenant_id": tenant_id, "brand": question.brief.brand})
        history = {row.creator_id: (row.won, row.lost) for row in rows}
    return Asked(
        brief=question.brief,
        now=now,
        topics=question.topics,
        compares_meaning=question.meaning is not None,
        history=history,
    )
