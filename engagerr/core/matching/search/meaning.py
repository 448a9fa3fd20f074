"""Free text held against creators: what is wanted by word and by meaning, and what is not wanted left out by both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.db.columns import as_halfvec
from engagerr.core.db.driver import driver_cursor
from engagerr.core.matching.condition import Condition
from engagerr.core.matching.lexical import lexical_of
from engagerr.core.matching.nearest import nearest
from engagerr.core.matching.negation import Asked, split_negation
from engagerr.core.matching.profile_words import configurations, folded
from engagerr.core.matching.vectors import creator_texts

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from engagerr.core.ai.embeddings import Embedder
    from engagerr.core.db import Session

# Of each way so many are looked at; a page behind them has nothing to do with the words.
CANDIDATES = 200
_SAMPLE = 2_000
# So many usual deviations above the usual likeness, a creator speaks of the thing (1.4826 turns a median one into it).
# Beside something wanted it takes less, as whoever is more like that is kept in any case. Looked at by hand, with the
# English model: "gambling" alone lets a gamer in and leaves poker out; "cooking, not alcohol" leaves wine out, too.
_UNUSUAL_ALONE, _UNUSUAL_BESIDE = 3.0 * 1.4826, 2.0 * 1.4826
_LEAST_ABOVE = 0.1


@dataclass(frozen=True, slots=True)
class Meaning:
    """The wanted part and each unwanted one as vectors of one space, of shape (dimensions,)."""

    space: str
    wanted: NDArray[float32] | None
    unwanted: tuple[NDArray[float32], ...] = ()


@dataclass(frozen=True, slots=True)
class Ranked:
    """Creators in order with their scores (only their order means something), and how they were found."""

    scores: dict[UUID, float]
    how: tuple[str, ...]


def meaning_of(asked: Asked, embedder: Embedder) -> Meaning:
    """Embed a text's parts; words that the model cannot read have no vector."""
    vectors = embedder.embed([asked.wanted, *asked.unwanted])
    wanted = vectors[0] if asked.wanted and vectors[0].any() else None
    return Meaning(embedder.name, wanted, tuple(vector for vector in vectors[1:] if vector.any()))


def asked_of(words: str) -> Asked:
    """What a free text wants and does not want."""
    return split_negation(words)


def unwanted_condition(
    session: Session, *, tenant_id: UUID, asked: Asked, meaning: Meaning | None
) -> tuple[Condition, tuple[str, ...]]:
    """True of creators who have nothing of what is not wanted; and how that is judged.

    By word: who says it of themselves (names, topics, bio; without a model also in titles). By meaning: whose words are
    unusually like it for this workspace, and more like it than like what is wanted.
    """
    if not asked.unwanted:
        return Condition(), ()
    condition = Condition()
    places = "AB" if meaning is not None and meaning.unwanted else "ABC"
    for place, words in enumerate(asked.unwanted):
        query = _phrase(session, words, places)
        if query:
            name = f"unwanted_{place}"
            condition &= Condition(f"NOT profile.words @@ CAST(%({name})s AS tsquery)", {name: query})
    how = [f"without {', '.join(asked.unwanted)}: by word"]
    if meaning is not None:
        for place, vector in enumerate(meaning.unwanted):
            condition &= _unlike(session, tenant_id, meaning, vector, place)
        how[0] += " and by meaning" if meaning.unwanted else ""
    return condition, tuple(how)


def _phrase(session: Session, words: str, places: str) -> str:
    """The words as they stand and in their stems, as a query that looks at these weights only."""
    rows = session.execute(
        text(
            "SELECT DISTINCT phraseto_tsquery(form, :words)::text AS query"
            " FROM unnest(CAST(:forms AS regconfig[])) AS form"
        ),
        {"words": folded(words), "forms": configurations(("en", "de", "es", "fr"))},
    )
    found = sorted({row.query for row in rows if row.query})
    if not found:
        return ""
    marked = session.execute(
        text("SELECT regexp_replace(:query, '''( |$|\\))', ''':' || CAST(:places AS text) || '\\1', 'g')"),
        {"query": " | ".join(f"( {one} )" for one in found), "places": places},
    ).scalar_one()
    return str(marked)


def _usual(session: Session, tenant_id: UUID, space: str, vector: str) -> Any:
    """The median likeness of this workspace's creators to a vector, and their median deviation from it; or None."""
    return session.execute(
        text(
            """
            WITH seen AS MATERIALIZED (
              SELECT -(vector <#> CAST(:vector AS halfvec)) AS likeness FROM creator_vectors
              WHERE tenant_id = :tenant_id AND space = :space ORDER BY creator_id LIMIT :most
            ), middle AS (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY likeness) AS likeness FROM seen)
            SELECT middle.likeness,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(seen.likeness - middle.likeness)) AS deviation
            FROM seen, middle GROUP BY middle.likeness
            """
        ),
        {"tenant_id": tenant_id, "space": space, "vector": vector, "most": _SAMPLE},
    ).one_or_none()


def _unlike(session: Session, tenant_id: UUID, meaning: Meaning, vector: NDArray[float32], place: int) -> Condition:
    as_text = as_halfvec(vector)
    usual = _usual(session, tenant_id, meaning.space, as_text)
    if usual is None:
        return Condition()
    unusual = _UNUSUAL_ALONE if meaning.wanted is None else _UNUSUAL_BESIDE
    threshold = usual.likeness + max(unusual * usual.deviation, _LEAST_ABOVE)
    names = {"vector": f"unwanted_vector_{place}", "from": f"unwanted_from_{place}"}
    likeness = f"-(spoken.vector <#> CAST(%({names['vector']})s AS halfvec))"
    like = f"{likeness} > %({names['from']})s::float8"
    parameters: dict[str, Any] = {
        names["vector"]: as_text, names["from"]: threshold, "unwanted_space": meaning.space,
        "unwanted_tenant": tenant_id,
    }  # fmt: skip
    if meaning.wanted is not None:
        like += f" AND {likeness} > -(spoken.vector <#> CAST(%(wanted_vector)s AS halfvec))"
        parameters["wanted_vector"] = as_halfvec(meaning.wanted)
    return Condition(
        f"""NOT EXISTS (SELECT FROM creator_vectors AS spoken
          WHERE spoken.tenant_id = %(unwanted_tenant)s AND spoken.space = %(unwanted_space)s
            AND spoken.creator_id = profile.creator_id AND {like})""",
        parameters,
    )


def ranked(
    session: Session,
    *,
    tenant_id: UUID,
    wanted: str,
    meaning: Meaning | None,
    condition: Condition,
    languages: Sequence[str] = ("de", "es", "fr"),
) -> Ranked:
    """The creators of the condition who have to do with the wanted words, best first.

    By word, the best of each of two ways are looked at: whose words are those, and whose words mean that. Both are then
    scored by letters and by meaning together, which is better than either (see `core.ai.hybrid`).
    """
    by_word = _by_word(session, tenant_id, wanted, condition, languages)
    if meaning is None or meaning.wanted is None:
        return Ranked(by_word, ("by word",))
    near = nearest(
        session, tenant_id=tenant_id, space=meaning.space, vector=meaning.wanted, condition=condition, k=CANDIDATES
    )
    usual = _usual(session, tenant_id, meaning.space, as_halfvec(meaning.wanted))
    best = near.rows[0].similarity if near.rows else 0.0
    # Somebody is always nearest: whoever is not half as far above the usual as the best has nothing to do with it.
    least = best if usual is None else (usual.likeness + best) / 2
    candidates = sorted({*by_word, *(row.creator_id for row in near.rows if row.similarity >= least)})
    likeness = {row.creator_id: row.similarity for row in near.rows}
    likeness |= _likeness(
        session, tenant_id, meaning.space, meaning.wanted, [c for c in candidates if c not in likeness]
    )
    letters = _letters(session, tenant_id, wanted, candidates)
    return Ranked(_fused(candidates, letters, likeness), ("by word and by meaning",))


def _likeness(
    session: Session, tenant_id: UUID, space: str, wanted: NDArray[float32], creators: Sequence[UUID]
) -> dict[UUID, float]:
    rows = session.execute(
        text(
            "SELECT creator_id, -(vector <#> CAST(:wanted AS halfvec)) AS likeness FROM creator_vectors"
            " WHERE tenant_id = :tenant_id AND space = :space AND creator_id = ANY (CAST(:creators AS uuid[]))"
        ),
        {
            "tenant_id": tenant_id,
            "space": space,
            "wanted": as_halfvec(wanted),
            "creators": [str(creator) for creator in creators],
        },
    )
    return {row.creator_id: float(row.likeness) for row in rows}


def _letters(session: Session, tenant_id: UUID, wanted: str, creators: Sequence[UUID]) -> dict[UUID, float]:
    """How alike the words are by their letters; endings and misspellings cost little."""
    from engagerr.core.ai.hybrid import LetterIndex

    said = creator_texts(session, tenant_id=tenant_id, creators=creators, with_names=True)
    held = [creator for creator in creators if said.get(creator)]
    if not held:
        return {}
    scores = LetterIndex([said[creator] for creator in held]).scores(wanted)
    return {creator: float(score) for creator, score in zip(held, scores, strict=True)}


def _fused(candidates: Sequence[UUID], letters: dict[UUID, float], likeness: dict[UUID, float]) -> dict[UUID, float]:
    import numpy as np

    from engagerr.core.ai.hybrid import fuse

    missing = float("nan")
    ways = [np.array([way.get(one, missing) for one in candidates]) for way in (letters, likeness)]
    scores = zip(candidates, fuse(*ways).tolist(), strict=True)
    # Nothing in common, by neither way, is not found.
    found = [(creator, score) for creator, score in scores if score > 0]
    return dict(sorted(found, key=lambda item: (-item[1], item[0])))


def _by_word(
    session: Session, tenant_id: UUID, wanted: str, condition: Condition, languages: Sequence[str]
) -> dict[UUID, float]:
    lexical = lexical_of(session, tenant_id=tenant_id, words=wanted, languages=languages)
    if not lexical.words:
        return {}
    statement = f"""
      SELECT creator_id, score FROM (
        SELECT profile.creator_id, {lexical.sql} AS score FROM creator_profiles AS profile
        WHERE profile.tenant_id = %(tenant_id)s AND ({condition.sql})
          AND profile.words @@ %(any_word)s::tsquery) AS scored
      ORDER BY score DESC, creator_id LIMIT {CANDIDATES}
    """  # noqa: S608  both conditions are made of registered SQL, values are parameters
    cursor = driver_cursor(session)
    cursor.execute(statement, {"tenant_id": tenant_id, **condition.parameters, **lexical.parameters})
    return {row[0]: float(row[1]) for row in cursor.fetchall()}
