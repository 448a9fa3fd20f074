"""A brief made ready to be asked of creators: its topics, its meaning, and what came of the brand's earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.ai.tasks import Piece, Topic, Topics
from engagerr.core.db.columns import as_halfvec
from engagerr.core.db.driver import driver_cursor
from engagerr.core.matching.candidates import ALIKE, Meaning
from engagerr.core.matching.nearness import MEANING_TO, WORDS_TO, fit_of
from engagerr.core.matching.signals import Asked
from engagerr.core.matching.topic_names import named_topic

if TYPE_CHECKING:
    from engagerr.core.ai import Embedder
    from engagerr.core.db import Session
    from engagerr.core.matching.brief_file import Brief
    from engagerr.core.matching.lexical import Lexical

# Whatever sorts texts into topics: one answer a piece.
Classify = Callable[[Sequence[Piece]], Sequence[Topics]]
# Where the brief names its category, that is what it is about; its text may add to that.
_NAMED = 0.8
_LEAST_PROBABILITY = 0.1
_MOST_TOPICS = 3

# Who changes their mind writes another row: the last one of a brief counts, unless it takes back.
_HISTORY = """
SELECT latest.creator_id, count(*) FILTER (WHERE latest.outcome = 'won') AS won,
       count(*) FILTER (WHERE latest.outcome = 'lost') AS lost
FROM (SELECT DISTINCT ON (outcome.brief_id, outcome.creator_id) outcome.creator_id, outcome.outcome
      FROM match_outcomes AS outcome JOIN briefs AS brief
        ON brief.tenant_id = outcome.tenant_id AND brief.id = outcome.brief_id
      WHERE outcome.tenant_id = :tenant_id AND lower(brief.brand) = lower(:brand)
      ORDER BY outcome.brief_id, outcome.creator_id, outcome.at DESC, outcome.id DESC) AS latest
WHERE latest.outcome <> 'withdrawn'
GROUP BY latest.creator_id
"""


# Where it names none, it is about what those creators do who are nearest to it by word and meaning: so many of them,
# and no more than one in so many, or in a small workspace everybody would be near.
_NEIGHBOURS, _LEAST_NEIGHBOURS, _ONE_IN = 25, 2, 10
# Words are long to rank: they are looked at in so many who are nearest by meaning, or in all where there is none.
_LOOKED_AT = 1_000
# A topic that hardly anybody has is no more telling than one that one in fifty has.
_RARE = 0.02

_NEAR = """
SELECT profile.topic_shares, {similarity} AS similarity, {lexical} AS lexical
FROM (SELECT tenant_id, creator_id, topic_shares, words, vector, space FROM creator_profiles AS profile
      WHERE profile.tenant_id = %(tenant_id)s AND profile.topic_shares <> '{{}}'
      ORDER BY {similarity} DESC NULLS LAST, profile.creator_id LIMIT %(looked_at)s) AS profile
ORDER BY coalesce({similarity}, 0) / {meaning_to} + coalesce({lexical}, 0) / {words_to} DESC, profile.creator_id
LIMIT %(most)s
"""
_USUAL = """
SELECT share.topic, sum(share.value) / max(sample.profiles) AS mean, max(sample.profiles) AS profiles
FROM (SELECT topic_shares, count(*) OVER () AS profiles FROM (
        SELECT topic_shares FROM creator_profiles
        WHERE tenant_id = :tenant_id AND topic_shares <> '{}' ORDER BY creator_id LIMIT 2000) AS first) AS sample
CROSS JOIN LATERAL (SELECT key AS topic, value::float8 AS value FROM jsonb_each_text(sample.topic_shares)) AS share
GROUP BY share.topic
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A brief with its texts already sorted and embedded: no model is called while a transaction is open.

    `topics` are what it says itself to be about; empty where it names no category.
    """

    brief: Brief
    topics: Mapping[Topic, float]
    meaning: Meaning | None


def question_of(brief: Brief, *, classify: Classify, embedder: Embedder | None) -> Question:
    """Sort and embed what the brief says. Without an embedder it is compared by topic and by word alone."""
    return Question(brief, topics_of(brief, classify), None if embedder is None else _meaning(brief, embedder))


def topics_of(brief: Brief, classify: Classify) -> dict[Topic, float]:
    """What the brief says it is about, as weights that add up to one; empty if it names no category.

    Classifiers read titles of pieces well and the prose of briefs badly, so its text only adds to what it names.
    """
    named = named_topic(brief.category)
    if named is None:
        return {}
    [said] = classify([Piece(title=brief.title, tags=(*brief.must, brief.category or ""), body=brief.text or None)])
    read = {share.topic: share.probability for share in said.topics if share.probability >= _LEAST_PROBABILITY}
    found = _most(read, part=1 - _NAMED)
    found[named] = found.get(named, 0.0) + 1 - sum(found.values())
    return found


def topics_nearby(
    session: Session, *, tenant_id: UUID, meaning: Meaning | None, lexical: Lexical
) -> dict[Topic, float]:
    """What the creators do who are nearest to the words, more than others do: weights that add up to one, or none."""
    if meaning is None and not lexical.words:
        return {}
    similarity = ALIKE if meaning else "NULL::float8"
    rows = session.execute(text(_USUAL), {"tenant_id": tenant_id}).all()
    usual = {row.topic: row.mean for row in rows}
    profiles = rows[0].profiles if rows else 0
    most = max(_LEAST_NEIGHBOURS, min(_NEIGHBOURS, profiles // _ONE_IN))
    near = driver_cursor(session).execute(
        _NEAR.format(similarity=similarity, lexical=lexical.sql, meaning_to=MEANING_TO, words_to=WORDS_TO),
        {
            **lexical.parameters, "tenant_id": tenant_id, "most": most,
            "looked_at": _LOOKED_AT if meaning else None,
            "space": meaning.space if meaning else None, "whole": as_halfvec(meaning.whole) if meaning else None,
        },
    ).fetchall()  # fmt: skip
    shares: dict[str, float] = {}
    for topic_shares, alike, said in near:
        weight = max(fit_of(alike, said), 0.0)
        for topic, share in topic_shares.items():
            shares[topic] = shares.get(topic, 0.0) + weight * float(share)
    total = sum(shares.values())
    # How much more often than usual, so that what everybody does is not what the brief is about.
    lifted = {
        Topic(topic): (share / total) ** 2 / (usual.get(topic, 0.0) + _RARE) for topic, share in shares.items() if total
    }
    return _most(lifted, part=1.0)


def _most(weights: Mapping[Topic, float], *, part: float) -> dict[Topic, float]:
    """The heaviest few, together weighing `part`."""
    chosen = sorted(weights, key=lambda topic: (-weights[topic], topic))[:_MOST_TOPICS]
    total = sum(weights[topic] for topic in chosen)
    return {topic: part * weights[topic] / total for topic in chosen} if total > 0 else {}


def _meaning(brief: Brief, embedder: Embedder) -> Meaning | None:
    whole, *musts = embedder.embed([brief.words, *brief.must])
    # A row of zeros: the model could not read it, so by meaning nothing is known.
    return Meaning(embedder.name, whole, tuple(musts)) if whole.any() else None


def asked_of(session: Session, question: Question, lexical: Lexical, *, tenant_id: UUID, now: datetime) -> Asked:
    """The question as the signals see it, with what this workspace knows of the brand and of its subject."""
    history = {}
    if question.brief.brand:
        rows = session.execute(text(_HISTORY), {"tenant_id": tenant_id, "brand": question.brief.brand})
        history = {row.creator_id: (row.won, row.lost) for row in rows}
    return Asked(
        brief=question.brief,
        now=now,
        topics=question.topics
        or topics_nearby(session, tenant_id=tenant_id, meaning=question.meaning, lexical=lexical),
        compares_meaning=question.meaning is not None,
        history=history,
    )
