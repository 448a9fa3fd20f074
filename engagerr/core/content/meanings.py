"""What items are about, as vectors that are kept: made before a look at everything, read by every look.

An import must not wait for a model. It compares by the vectors that are there, so that what was found by meaning stays
found; what it brings has none before `content suggest` or the job `mapping` runs the next time, and is compared by its
words until then. Which embedder made them stands beside them: to read them, it need not be installed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.ai import (
    CHARACTERS_OF_A_TEXT,
    Embedder,
    keep_only,
    kept_space,
    known_embeddings,
    meaning_texts,
    meaning_vectors,
    store_embeddings,
    unknown_texts,
)
from engagerr.core.content.detection import Piece
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.db import Session

# So many are embedded between two transactions: what a run that was cut short has embedded is kept.
_TEXTS_AT_A_TIME = 2_000


def compare_by(access: Access, embedder: Embedder | None) -> None:
    """From now on items of this workspace are compared by this embedder, or by words alone.

    Vectors of another one are forgotten: imports compare by whatever is kept, and that must be what a look at
    everything compares by, or edges would come and go.
    """
    with access.transaction(Permission.DECIDE_CONTENT) as session:
        keep_only(session, tenant_id=access.tenant.id, space=embedder)


def embed_shows(
    access: Access,
    embedder: Embedder,
    shows: Sequence[UUID],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Embed what the items of these shows say and what has no vector yet, with no transaction open meanwhile.

    `progress` is told (texts embedded, new texts in all).
    """
    with access.transaction(Permission.DECIDE_CONTENT) as session:
        rows = session.execute(
            text(_SAID), {"shows": [str(show) for show in shows], "characters": CHARACTERS_OF_A_TEXT}
        ).all()
        texts = meaning_texts([row.title for row in rows], [row.body for row in rows])
        new = unknown_texts(session, tenant_id=access.tenant.id, space=embedder, texts=texts)
    for start in range(0, len(new), _TEXTS_AT_A_TIME):
        chosen = new[start : start + _TEXTS_AT_A_TIME]
        vectors = embedder.embed(chosen)
        with access.transaction(Permission.DECIDE_CONTENT) as session:
            store_embeddings(session, tenant_id=access.tenant.id, embedder=embedder, texts=chosen, vectors=vectors)
        if progress is not None:
            progress(start + len(chosen), len(new))


def kept_meanings(
    session: Session, *, tenant_id: UUID, pieces: Sequence[Piece]
) -> Mapping[Hashable, NDArray[np.float32]] | None:
    """The vectors of these pieces, by id, as far as they are kept; None where this workspace keeps none."""
    space = kept_space(session, tenant_id=tenant_id)
    if space is None:
        return None

    def kept(texts: Sequence[str]) -> NDArray[np.float32]:
        return known_embeddings(session, tenant_id=tenant_id, embedder=space, texts=texts)[0]

    rows = meaning_vectors(
        kept,
        titles=[piece.title for piece in pieces],
        texts=[piece.body for piece in pieces],
        groups=[piece.show for piece in pieces],
    )
    return {piece.id: row for piece, row in zip(pieces, rows, strict=True) if row.any()}


_SAID = """
SELECT item.title, left(item.body, :characters) AS body
FROM accounts AS account
JOIN content_items AS item ON item.tenant_id = account.tenant_id AND item.account_id = account.id
WHERE account.tenant_id = engagerr_tenant() AND coalesce(account.creator_id, account.id) = ANY (CAST(:shows AS uuid[]))
ORDER BY item.id
"""
