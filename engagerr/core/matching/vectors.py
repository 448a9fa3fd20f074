"""What creators speak of, as vectors: made of words without names, where words changed, and in one space at a time.

A change of model makes the new vectors beside the old ones. Searches stay in the old space until the new one is
complete; then the old one goes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.db.columns import as_halfvec
from engagerr.core.matching.negation import positive_part
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from engagerr.core.ai.embeddings import Embedder, VectorSpace
    from engagerr.core.db import Session

_AT_A_TIME = 512
_TITLES = 8
# Some four characters a token: the models read no further than 256 tokens.
_MOST_CHARACTERS = 1_000
_MOST_BIO = 300


@dataclass(frozen=True, slots=True)
class RefreshedVectors:
    """What a refresh did: `embedded` texts, `unchanged` ones, creators without words, and the space that stands now."""

    space: str
    embedded: int
    unchanged: int
    without_words: int
    complete: bool


def creator_text(
    *, topics: Sequence[str], bio: str | None, titles: Sequence[str], main_topic: str | None = None
) -> str:
    """What a creator speaks of, without their name: topics, bio (without what it negates), recent titles."""
    subjects = [*topics, *([main_topic] if main_topic and main_topic not in topics else [])]
    parts = [", ".join(subjects), positive_part(bio or "")[:_MOST_BIO], *titles[:_TITLES]]
    return ". ".join(part.strip(" .") for part in parts if part.strip(" ."))[:_MOST_CHARACTERS]


def active_space(session: Session, *, tenant_id: UUID, embedder: VectorSpace | None) -> str | None:
    """The space to search in: the embedder's own once it holds no fewer than another; None without any vectors.

    Vectors of an older space can be asked only with the model that made them.
    """
    found = session.execute(
        text(
            """
            SELECT space, count(*) AS vectors FROM creator_vectors WHERE tenant_id = :tenant_id
            GROUP BY space ORDER BY count(*) DESC, space
            """
        ),
        {"tenant_id": tenant_id},
    ).all()
    if not found or embedder is None:
        return None
    held = {row.space: row.vectors for row in found}
    return embedder.name if held.get(embedder.name, 0) >= found[0].vectors else str(found[0].space)


def standing_model(
    access: Access, embedder: Embedder, *, older: Callable[[str], Embedder | None] = lambda _space: None
) -> Embedder | None:
    """The model to ask with: the chosen one, or, while its vectors are not complete, the one before (`older` opens it).

    None if nobody can open that one any more: then there is no comparing by meaning until the new vectors are there.
    """
    with access.transaction(Permission.READ) as session:
        space = active_space(session, tenant_id=access.tenant.id, embedder=embedder)
    return embedder if space in (None, embedder.name) else older(space)


def refresh_vectors(
    access: Access,
    embedder: Embedder,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> RefreshedVectors:
    """Embed what changed. May be stopped and run again at any time; no transaction is open while the model works."""
    with access.transaction(Permission.READ) as session:
        creators = list(
            session.execute(
                text("SELECT creator_id FROM creator_profiles WHERE tenant_id = :tenant_id ORDER BY creator_id"),
                {"tenant_id": access.tenant.id},
            ).scalars()
        )
    counts = _embed(access, embedder, creators, progress)
    with access.transaction(Permission.READ) as session:
        complete = _retire_others(session, access.tenant.id, embedder.name)
    return RefreshedVectors(embedder.name, *counts, complete)


def embed_newcomers(access: Access, embedder: Embedder, *, most: int) -> int:
    """Embed creators without a vector in this space, unless they are more than `most`; how many still lack one."""
    with access.transaction(Permission.READ) as session:
        lacking = list(
            session.execute(
                text(_LACKING), {"tenant_id": access.tenant.id, "space": embedder.name, "most": most + 1}
            ).scalars()
        )
    if not lacking or len(lacking) > most:
        return len(lacking)
    _, _, silent = _embed(access, embedder, lacking, None)
    with access.transaction(Permission.READ) as session:
        _retire_others(session, access.tenant.id, embedder.name)
    return silent


def _embed(
    access: Access, embedder: Embedder, creators: Sequence[UUID], progress: Callable[[int, int], None] | None
) -> tuple[int, int, int]:
    """(embedded, unchanged, without words), batch by batch."""
    embedded = unchanged = silent = 0
    for start in range(0, len(creators), _AT_A_TIME):
        some = creators[start : start + _AT_A_TIME]
        with access.transaction(Permission.READ) as session:
            texts = creator_texts(session, tenant_id=access.tenant.id, creators=some)
            known = _hashes(session, access.tenant.id, embedder.name, some)
        wanted = {one: said for one, said in texts.items() if said and known.get(one) != _hash(said)}
        gone = [one for one, said in texts.items() if not said and one in known]
        silent += sum(not said for said in texts.values())
        unchanged += sum(bool(said) for said in texts.values()) - len(wanted)
        vectors = embedder.embed(list(wanted.values())) if wanted else None
        if wanted or gone:
            with access.transaction(Permission.READ) as session:
                _write(session, access, embedder, wanted, vectors, gone)
        embedded += len(wanted)
        if progress is not None:
            progress(start + len(some), len(creators))
    return embedded, unchanged, silent


# Of those who have something to say: who is silent would be asked about again and again.
_LACKING = """
SELECT profile.creator_id FROM creator_profiles AS profile
WHERE profile.tenant_id = :tenant_id AND (profile.main_topic IS NOT NULL OR profile.topics <> '{}') AND NOT EXISTS (
  SELECT FROM creator_vectors AS embedded WHERE embedded.tenant_id = profile.tenant_id
    AND embedded.space = :space AND embedded.creator_id = profile.creator_id)
ORDER BY profile.creator_id LIMIT :most
"""
_TEXTS = """
SELECT profile.creator_id, profile.name, profile.handles, profile.topics, profile.main_topic, creator.bio,
       ARRAY(SELECT title FROM (
         SELECT item.title, item.published_at, item.id FROM accounts AS account
         JOIN content_items AS item ON item.tenant_id = account.tenant_id AND item.account_id = account.id
         WHERE account.tenant_id = :tenant_id AND account.creator_id = profile.creator_id AND item.title <> ''
         ORDER BY item.published_at DESC NULLS LAST, item.id LIMIT :most) AS recent
         ORDER BY published_at DESC NULLS LAST, id) AS titles
FROM creator_profiles AS profile
JOIN creators AS creator ON creator.tenant_id = profile.tenant_id AND creator.id = profile.creator_id
WHERE profile.tenant_id = :tenant_id AND profile.creator_id = ANY (CAST(:creators AS uuid[]))
"""


def creator_texts(
    session: Session, *, tenant_id: UUID, creators: Sequence[UUID], with_names: bool = False
) -> dict[UUID, str]:
    """What these creators speak of, as it is embedded; `with_names` also who they are, for comparing by letters."""
    rows = session.execute(
        text(_TEXTS), {"tenant_id": tenant_id, "creators": [str(one) for one in creators], "most": 3 * _TITLES}
    )
    found = {}
    for row in rows:
        said = creator_text(topics=row.topics, bio=row.bio, titles=_unlike(row.titles), main_topic=row.main_topic)
        names = [row.name, *(handle.partition(":")[2] for handle in row.handles)] if with_names else []
        found[row.creator_id] = ". ".join([*names, said]) if names else said
    return found


def _unlike(titles: Sequence[str]) -> list[str]:
    """Newest first, without cross-posts of one piece."""
    found: dict[str, str] = {}
    for title in titles:
        found.setdefault(" ".join(title.casefold().split())[:40], title)
    return list(found.values())[:_TITLES]


def _hash(said: str) -> bytes:
    return hashlib.sha256(said.encode()).digest()[:16]


def _hashes(session: Session, tenant_id: UUID, space: str, some: Sequence[UUID]) -> dict[UUID, bytes]:
    rows = session.execute(
        text(
            "SELECT creator_id, source_hash FROM creator_vectors"
            " WHERE tenant_id = :tenant_id AND space = :space AND creator_id = ANY (CAST(:creators AS uuid[]))"
        ),
        {"tenant_id": tenant_id, "space": space, "creators": [str(one) for one in some]},
    )
    return {row.creator_id: bytes(row.source_hash) for row in rows}


def _write(
    session: Session,
    access: Access,
    embedder: Embedder,
    wanted: dict[UUID, str],
    vectors: NDArray[float32] | None,
    gone: Sequence[UUID],
) -> None:
    values: dict[str, Any] = {"tenant_id": access.tenant.id, "space": embedder.name}
    session.execute(
        text(
            "DELETE FROM creator_vectors WHERE tenant_id = :tenant_id AND space = :space"
            " AND creator_id = ANY (CAST(:creators AS uuid[]))"
        ),
        {**values, "creators": [str(one) for one in (*wanted, *gone)]},
    )
    if vectors is None:
        return
    rows = [
        (creator, said, vector)
        for (creator, said), vector in zip(wanted.items(), vectors, strict=True)
        # A row of zeros is what the model makes of words that it cannot read: nothing is known.
        if vector.any()
    ]
    session.execute(
        text(
            "INSERT INTO creator_vectors (tenant_id, creator_id, space, dimensions, vector, source_hash, made_at)"
            " SELECT :tenant_id, one.creator_id, :space, :dimensions, CAST(one.vector AS halfvec), one.hash, :now"
            " FROM unnest(CAST(:creators AS uuid[]), CAST(:vectors AS text[]), CAST(:hashes AS bytea[]))"
            " AS one (creator_id, vector, hash) ON CONFLICT DO NOTHING"
        ),
        {
            **values,
            "dimensions": embedder.dimensions,
            "now": access.clock.now(),
            "creators": [str(creator) for creator, _, _ in rows],
            "vectors": [as_halfvec(vector) for _, _, vector in rows],
            "hashes": [_hash(said) for _, said, _ in rows],
        },
    )


def _retire_others(session: Session, tenant_id: UUID, space: str) -> bool:
    """The new space is complete when every creator of an older one is in it: then the older ones go."""
    values = {"tenant_id": tenant_id, "space": space}
    lacking = session.execute(
        text(
            """
            SELECT count(DISTINCT old.creator_id) FROM creator_vectors AS old
            WHERE old.tenant_id = :tenant_id AND old.space <> :space AND NOT EXISTS (
              SELECT FROM creator_vectors AS new
              WHERE new.tenant_id = :tenant_id AND new.space = :space AND new.creator_id = old.creator_id)
            """
        ),
        values,
    ).scalar_one()
    if lacking == 0:
        session.execute(text("DELETE FROM creator_vectors WHERE tenant_id = :tenant_id AND space <> :space"), values)
    return bool(lacking == 0)
