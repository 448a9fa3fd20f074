"""Recent pieces of creators that show what a brief asks for: the rows that evidence points to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.matching.signals import Shown

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.matching.lexical import Lexical

_RECENT, _SHOWN = 60, 2
# A few creators with their newest pieces: the words are looked for in their titles alone.
_PIECES = """
SELECT chosen.creator_id, piece.platform, piece.native_id, piece.title, piece.published_at::date AS day
FROM unnest(CAST(:creators AS uuid[])) AS chosen (creator_id)
CROSS JOIN LATERAL (
  SELECT recent.* FROM (
    SELECT item.platform, item.native_id, item.title, item.published_at,
           to_tsvector('simple', lower(item.title)) || to_tsvector('english', item.title) AS said
    FROM accounts AS account JOIN content_items AS item
      ON item.tenant_id = account.tenant_id AND item.account_id = account.id
    WHERE account.tenant_id = :tenant_id AND account.creator_id = chosen.creator_id AND item.title <> ''
    ORDER BY item.published_at DESC NULLS LAST, item.native_id LIMIT :recent
  ) AS recent
  WHERE recent.said @@ CAST(:any_word AS tsquery)
  ORDER BY ts_rank(recent.said, CAST(:any_word AS tsquery)) DESC, recent.published_at DESC NULLS LAST, recent.native_id
  LIMIT :shown
) AS piece
"""


# Which of the words each of them says.
_WORDS = """
SELECT profile.creator_id, array_agg(asked.word ORDER BY asked.place) AS words
FROM creator_profiles AS profile
JOIN unnest(CAST(:words AS text[]), CAST(:queries AS text[])) WITH ORDINALITY AS asked (word, query, place)
  ON profile.words @@ CAST(asked.query AS tsquery)
WHERE profile.tenant_id = :tenant_id AND profile.creator_id = ANY (CAST(:creators AS uuid[]))
GROUP BY profile.creator_id
"""


def words_shown(
    session: Session, *, tenant_id: UUID, creators: Sequence[UUID], lexical: Lexical
) -> dict[UUID, tuple[str, ...]]:
    """Of each creator, the words of the brief that their titles or bio say, those that are worth most first."""
    if not lexical.words or not creators:
        return {}
    queries = [lexical.parameters[f"word_{place}"] for place in range(len(lexical.words))]
    rows = session.execute(
        text(_WORDS),
        {"tenant_id": tenant_id, "creators": list(creators), "words": list(lexical.words), "queries": queries},
    )
    return {row.creator_id: tuple(row.words) for row in rows}


def pieces_shown(
    session: Session, *, tenant_id: UUID, creators: Sequence[UUID], lexical: Lexical
) -> dict[UUID, tuple[Shown, ...]]:
    """Of each creator, up to two recent pieces whose titles say words of the brief, those that say most first."""
    if not lexical.words or not creators:
        return {}
    rows = session.execute(
        text(_PIECES),
        {
            "tenant_id": tenant_id, "creators": list(creators), "any_word": lexical.parameters["any_word"],
            "recent": _RECENT, "shown": _SHOWN,
        },
    )  # fmt: skip
    found: dict[UUID, tuple[Shown, ...]] = {}
    for row in rows:
        day = f" ({row.day})" if row.day else ""
        piece = Shown("item", f"{row.platform}:{row.native_id}", f"“{row.title}”{day}")
        found[row.creator_id] = (*found.get(row.creator_id, ()), piece)
    return found
