"""Who is like somebody: near in what they speak of, in their topics, in their size, and on the same platforms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.db.driver import driver_cursor
from engagerr.core.errors import InvalidInput
from engagerr.core.matching.condition import Condition
from engagerr.core.matching.nearest import DIMENSIONS, MOST_K, nearest
from engagerr.core.matching.signals import Shown

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray
    from sqlalchemy import RowMapping

    from engagerr.core.db import Session

# What likeness is made of. Meaning and topics say what somebody does; size and platforms, for whom.
_PARTS = {"meaning": 0.5, "topics": 0.3, "size": 0.1, "platforms": 0.1}

_PROFILES = """
SELECT profile.creator_id, profile.name, profile.topic_shares, profile.followers, profile.platforms,
       CAST(embedded.vector AS text) AS vector
FROM creator_profiles AS profile LEFT JOIN creator_vectors AS embedded
  ON embedded.tenant_id = profile.tenant_id AND embedded.space = :space AND embedded.creator_id = profile.creator_id
WHERE profile.tenant_id = :tenant_id AND profile.creator_id = ANY (CAST(:creators AS uuid[]))
ORDER BY profile.name COLLATE "C", profile.creator_id
"""
_BY_TOPIC = """
SELECT creator_id FROM creator_profiles AS profile
WHERE profile.tenant_id = %(tenant_id)s AND profile.topic_shares ? %(topic)s AND ({condition})
ORDER BY (profile.topic_shares ->> %(topic)s)::float8 DESC, creator_id LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A creator who is like those that were named. `parts` are from 0 to 1; None is not known, and takes no part."""

    creator_id: UUID
    creator: str
    likeness: float
    parts: Mapping[str, float | None]
    evidence: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class _Sketch:
    """What somebody is like, or several together by their weights."""

    vector: NDArray[float32] | None
    topics: Mapping[str, float]
    followers: float | None
    platforms: frozenset[str] = field(default_factory=frozenset)


def lookalikes(
    session: Session,
    *,
    tenant_id: UUID,
    of: Mapping[UUID, float],
    only: Condition | None,
    limit: int,
) -> tuple[Lookalike, ...]:
    """Up to `limit` creators like those of `of` (creator → weight above 0), best first.

    Nobody who was named, whom nobody may pitch to, or who is paused or gone.
    """
    space = _space(session, tenant_id)
    rows = _read(session, tenant_id, space, list(of))
    sketches = {row["creator_id"]: _sketch(row) for row in rows}
    if missing := [creator for creator in of if creator not in sketches]:
        raise InvalidInput(
            f"{len(missing)} of them have no profile yet.",
            hint="Import something of theirs, or run: engagerr job run profiles.",
        )
    pattern = _blend([(sketches[creator], weight) for creator, weight in of.items()])
    # Whoever is looked for here is to be approached: whom a brief would never find is not found either.
    others = Condition(
        "profile.creator_id <> ALL (%(themselves)s::uuid[]) AND NOT profile.do_not_pitch"
        " AND profile.status NOT IN ('paused', 'former')",
        {"themselves": list(of)},
    )
    condition = others if only is None else others & only
    near = _candidates(session, tenant_id, space, pattern, condition)
    found = [_compared(row, pattern) for row in _read(session, tenant_id, space, near)]
    return tuple(sorted(found, key=lambda one: (-round(one.likeness, 9), one.creator, one.creator_id))[:limit])


def _space(session: Session, tenant_id: UUID) -> str | None:
    """The space of most vectors: those who are compared stand in it themselves, so no model is needed."""
    return session.execute(
        text(
            "SELECT space FROM creator_vectors WHERE tenant_id = :tenant_id GROUP BY space"
            " ORDER BY count(*) DESC, space LIMIT 1"
        ),
        {"tenant_id": tenant_id},
    ).scalar()


def _read(session: Session, tenant_id: UUID, space: str | None, creators: Sequence[UUID]) -> Sequence[RowMapping]:
    rows = session.execute(
        text(_PROFILES), {"tenant_id": tenant_id, "space": space, "creators": [str(creator) for creator in creators]}
    )
    return list(rows.mappings())


def _sketch(row: RowMapping) -> _Sketch:
    import numpy as np

    vector = None
    if row["vector"] is not None:
        vector = np.fromstring(row["vector"].strip("[]"), dtype=np.float32, sep=",")
    return _Sketch(vector, row["topic_shares"], row["followers"], frozenset(row["platforms"]))


def _blend(sketches: Sequence[tuple[_Sketch, float]]) -> _Sketch:
    """Several as one: the mean by weight of what is known; of sizes the geometric mean, as they span magnitudes."""
    import numpy as np

    vectors = [(sketch.vector, weight) for sketch, weight in sketches if sketch.vector is not None]
    total = np.sum([vector * weight for vector, weight in vectors], axis=0) if vectors else None
    length = float(np.linalg.norm(total)) if total is not None else 0.0
    whole = sum(weight for _, weight in sketches)
    topics: dict[str, float] = {}
    for sketch, weight in sketches:
        for topic, share in sketch.topics.items():
            topics[topic] = topics.get(topic, 0.0) + share * weight / whole
    sizes = [
        (math.log(max(sketch.followers, 1)), weight) for sketch, weight in sketches if sketch.followers is not None
    ]
    sized = sum(weight for _, weight in sizes)
    followers = math.exp(sum(size * weight for size, weight in sizes) / sized) if sized else None
    platforms = frozenset(platform for sketch, _ in sketches for platform in sketch.platforms)
    return _Sketch(total / length if total is not None and length else None, topics, followers, platforms)


def _candidates(
    session: Session, tenant_id: UUID, space: str | None, pattern: _Sketch, condition: Condition
) -> list[UUID]:
    if pattern.vector is not None and space is not None and len(pattern.vector) == DIMENSIONS:
        found = nearest(session, tenant_id=tenant_id, space=space, vector=pattern.vector, condition=condition, k=MOST_K)
        return [row.creator_id for row in found.rows]
    if not pattern.topics:
        return []
    cursor = driver_cursor(session)
    topic = max(pattern.topics, key=lambda topic: (pattern.topics[topic], topic))
    parameters = {**condition.parameters, "tenant_id": tenant_id, "topic": topic, "most": MOST_K}
    rows = cursor.execute(_BY_TOPIC.format(condition=condition.sql), parameters).fetchall()
    return [row[0] for row in rows]


def _compared(row: RowMapping, pattern: _Sketch) -> Lookalike:
    other = _sketch(row)
    parts = {
        "meaning": _meaning(pattern, other),
        "topics": _cosine(pattern.topics, other.topics),
        "size": _size(pattern, other),
        "platforms": _overlap(pattern.platforms, other.platforms),
    }
    known = {name: value for name, value in parts.items() if value is not None}
    weight = sum(_PARTS[name] for name in known)
    likeness = sum(_PARTS[name] * value for name, value in known.items()) / weight if weight else 0.0
    return Lookalike(row["creator_id"], row["name"], likeness, parts, _shown(row, other, pattern, parts))


def _meaning(one: _Sketch, other: _Sketch) -> float | None:
    if one.vector is None or other.vector is None or len(one.vector) != len(other.vector):
        return None
    return max(0.0, min(1.0, float(one.vector @ other.vector)))


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    lengths = math.sqrt(sum(share**2 for share in one.values())) * math.sqrt(sum(share**2 for share in other.values()))
    return sum(share * other.get(topic, 0.0) for topic, share in one.items()) / lengths if lengths else None


def _size(one: _Sketch, other: _Sketch) -> float | None:
    """1 at the same size, 0 at a hundredfold."""
    if one.followers is None or other.followers is None:
        return None
    return max(0.0, 1 - abs(math.log10(max(other.followers, 1) / max(one.followers, 1))) / 2)


def _overlap(one: frozenset[str], other: frozenset[str]) -> float | None:
    return len(one & other) / len(one | other) if one and other else None


def _shown(row: RowMapping, other: _Sketch, pattern: _Sketch, parts: Mapping[str, float | None]) -> tuple[Shown, ...]:
    ref = f"creator_profiles/{row['creator_id']}"
    found = []
    if parts["meaning"] is not None:
        detail = f"likeness in meaning {parts['meaning']:.2f}"
        found.append(Shown("meaning", f"creator_vectors/{row['creator_id']}", detail))
    both_have = set(pattern.topics) & set(other.topics)
    if shared := sorted(both_have, key=lambda topic: (-min(pattern.topics[topic], other.topics[topic]), topic)):
        both = ", ".join(f"{topic} ({other.topics[topic]:.0%})" for topic in shared[:3])
        found.append(Shown("topic", f"{ref}#topic_shares", f"shares {both}"))
    if other.followers is not None and pattern.followers is not None:
        detail = f"{other.followers:,.0f} followers against {pattern.followers:,.0f}"
        found.append(Shown("figure", f"{ref}#followers", detail))
    if same := sorted(pattern.platforms & other.platforms):
        found.append(Shown("platform", f"{ref}#platforms", f"also on {', '.join(same)}"))
    return tuple(found)
