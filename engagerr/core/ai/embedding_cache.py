"""A tenant's embeddings, kept by model and by what was embedded: the same words are embedded once, changed words again.

The table names no item, so it belongs to nobody above: whoever has texts and a session may use these steps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from engagerr.core.db.driver import driver_cursor
from engagerr.core.errors import Broken

if TYPE_CHECKING:
    from uuid import UUID

    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.ai.embeddings import Embedder, Progress, VectorSpace
    from engagerr.core.db import Session

_HASH_BYTES = 16
# So many rows go to and fro at a time: eight megabytes of vectors.
_ROWS = 10_000

# Both operators are leakproof (uuid, text, bytea equality), so the key is used for all three under row-level security.
_KNOWN = """
SELECT content_hash, vector FROM content_embeddings
WHERE tenant_id = %(tenant_id)s AND model = %(model)s AND content_hash = ANY(%(hashes)s)
"""
_UNKNOWN = """
SELECT asked.place FROM unnest(%(hashes)b::bytea[]) WITH ORDINALITY AS asked (content_hash, place)
WHERE NOT EXISTS (SELECT FROM content_embeddings AS kept WHERE kept.tenant_id = %(tenant_id)s
                  AND kept.model = %(model)s AND kept.content_hash = asked.content_hash)
ORDER BY asked.place
"""
# The first and the last name are found at an end of the key each: a tenant's rows are not read for it.
_SPACES = """
(SELECT model, octet_length(vector) / 2 AS dimensions FROM content_embeddings WHERE tenant_id = :tenant_id
 ORDER BY model LIMIT 1)
UNION
(SELECT model, octet_length(vector) / 2 FROM content_embeddings WHERE tenant_id = :tenant_id
 ORDER BY model DESC LIMIT 1)
"""
_STORE = """
INSERT INTO content_embeddings (tenant_id, model, content_hash, vector)
SELECT %(tenant_id)s, %(model)s, made.content_hash, made.vector
FROM unnest(%(hashes)b::bytea[], %(vectors)b::bytea[]) AS made (content_hash, vector)
ON CONFLICT DO NOTHING
"""
_MAY_STORE = (
    "SELECT pg_try_advisory_xact_lock(hashtextextended('content_embeddings ' || :tenant_id || ' ' || :model, 0))"
)


@dataclass(frozen=True, slots=True)
class KeptSpace:
    """A `VectorSpace` of which vectors are kept. To read them, no model need be installed."""

    name: str
    dimensions: int


def kept_space(session: Session, *, tenant_id: UUID) -> KeptSpace | None:
    """Whose vectors this tenant keeps; None where there are none, and also where there are those of two.

    Of two that were kept by turns nobody can say which one is meant; `keep_only` settles it.
    """
    spaces = {row.model: row.dimensions for row in session.execute(text(_SPACES), {"tenant_id": tenant_id})}
    if len(spaces) != 1:
        return None
    [(name, dimensions)] = spaces.items()
    return KeptSpace(name, dimensions)


def keep_only(session: Session, *, tenant_id: UUID, space: VectorSpace | None) -> None:
    """Forget this tenant's vectors of all spaces but this one (of all, if there is none)."""
    while True:
        rows = session.execute(text(_SPACES), {"tenant_id": tenant_id})
        others = {row.model for row in rows} - {space.name if space else None}
        if not others:
            return
        for model in sorted(others):
            session.execute(
                text("DELETE FROM content_embeddings WHERE tenant_id = :tenant_id AND model = :model"),
                {"tenant_id": tenant_id, "model": model},
            )


def unknown_texts(session: Session, *, tenant_id: UUID, space: VectorSpace, texts: Sequence[str]) -> list[str]:
    """Those of the texts that have to be embedded yet: each once, in their order, empty ones left out."""
    once = list(dict.fromkeys(words for words in texts if words.strip()))
    unknown: list[str] = []
    for start in range(0, len(once), _ROWS):
        chosen = once[start : start + _ROWS]
        with driver_cursor(session, binary=True) as cursor:
            cursor.execute(
                _UNKNOWN,
                {"tenant_id": tenant_id, "model": space.name, "hashes": [_hash(words) for words in chosen]},
            )
            unknown += [chosen[int(place) - 1] for (place, *_) in cursor.fetchall()]
    return unknown


def embed_cached(
    session: Session,
    *,
    tenant_id: UUID,
    embedder: Embedder,
    texts: Sequence[str],
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Like `embedder.embed(texts)`, but what this tenant had embedded before is read, and what is new is kept.

    Vectors are kept in half precision and brought back to length one; new ones are returned as they will be read, so
    that the first run and the next see the same numbers. `progress` counts the new texts only. A long first run holds
    its transaction open: where that hurts, read (`known_embeddings`), embed outside and keep (`store_embeddings`).
    """
    rows, known = known_embeddings(session, tenant_id=tenant_id, embedder=embedder, texts=texts)
    # In the order of the texts, each once: the embedder sees every new text a single time.
    new = list(dict.fromkeys(words for words, found in zip(texts, known.tolist(), strict=True) if not found))
    if not new:
        return rows
    made = embedder.embed(new, progress=progress)
    kept = store_embeddings(session, tenant_id=tenant_id, embedder=embedder, texts=new, vectors=made)
    place_of = {words: place for place, words in enumerate(new)}
    for place, words in enumerate(texts):
        if words in place_of:
            rows[place] = kept[place_of[words]]
    return rows


def known_embeddings(
    session: Session, *, tenant_id: UUID, embedder: VectorSpace, texts: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What is kept already: rows of shape (texts, dimensions), and which of them are known.

    Rows of unknown texts are zeros. Empty texts count as known, as there is nothing to embed.
    """
    import numpy as np

    rows = np.zeros((len(texts), embedder.dimensions), dtype=np.float32)
    known = np.fromiter((not words.strip() for words in texts), dtype=bool, count=len(texts))
    places: dict[bytes, list[int]] = {}
    for place, words in enumerate(texts):
        if not known[place]:
            places.setdefault(_hash(words), []).append(place)
    hashes = list(places)
    for start in range(0, len(hashes), _ROWS):
        found = _read(session, tenant_id, embedder.name, hashes[start : start + _ROWS])
        if not found:
            continue
        vectors = _from_bytes(b"".join(vector for _, vector in found), len(found), embedder)
        for (content_hash, _), vector in zip(found, vectors, strict=True):
            rows[places[content_hash]] = vector
            known[places[content_hash]] = True
    return rows, known


def store_embeddings(
    session: Session, *, tenant_id: UUID, embedder: Embedder, texts: Sequence[str], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Keep what was embedded; returns the vectors as they will be read. What is kept already stays as it is.

    While another transaction of this tenant keeps vectors of the same model, nothing is kept here: waiting for its end
    could take minutes, and two that wait for each other would lose both. The next run embeds those texts again.
    """
    import numpy as np

    halves = np.ascontiguousarray(vectors, dtype="<f2")
    name = {"tenant_id": tenant_id, "model": embedder.name}
    if len(texts) and session.execute(text(_MAY_STORE), name | {"tenant_id": str(tenant_id)}).scalar():
        # Each row as bytes without a copy of the whole; empty texts are never asked for, so they are not kept.
        made = {_hash(words): row.tobytes() for words, row in zip(texts, halves, strict=True) if words.strip()}
        hashes = list(made)
        for start in range(0, len(hashes), _ROWS):
            chosen = hashes[start : start + _ROWS]
            with driver_cursor(session, binary=True) as cursor:
                cursor.execute(_STORE, name | {"hashes": chosen, "vectors": [made[each] for each in chosen]})
    return _from_bytes(halves.tobytes(), len(texts), embedder)


def _read(session: Session, tenant_id: UUID, model: str, hashes: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    with driver_cursor(session, binary=True) as cursor:
        cursor.execute(_KNOWN, {"tenant_id": tenant_id, "model": model, "hashes": hashes})
        return cursor.fetchall()


def _from_bytes(halves: bytes, count: int, embedder: VectorSpace) -> NDArray[np.float32]:
    """Vectors as they are read: half precision, brought back to length one; zeros stay zeros."""
    import numpy as np

    if len(halves) != count * embedder.dimensions * 2:
        raise Broken(
            f"The vectors kept for {embedder.name} are not of {embedder.dimensions} numbers.",
            hint="Two models may not share a name: give the changed one a new version.",
            facts={"model": embedder.name},
        )
    rows = np.frombuffer(halves, dtype="<f2").reshape(count, embedder.dimensions).astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(lengths > 0, lengths, 1)
    return rows


def _hash(words: str) -> bytes:
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).digest()
