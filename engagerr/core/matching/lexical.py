"""Words of a text against the words of profiles: which of them count, and for how much, in this workspace.

Operators of full-text search are not leakproof, so under row-level security no index helps: the words are looked at in
rows that other conditions left over, and what a word is worth is counted on a sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.matching.profile_words import configurations, folded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engagerr.core.db import Session

_MOST_TERMS = 24
_SAMPLE = 2_000
# Weights of D, C, B and A: nothing stands in D; a title says less of a creator than what they say of themselves.
_PLACES = "{0, 0.5, 0.8, 1}"


@dataclass(frozen=True, slots=True)
class Lexical:
    """`sql` over `profile` gives how well it says the words, from 0 to 1; NULL where there are no words to look for."""

    sql: str = "NULL::float8"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()


def lexical_of(session: Session, *, tenant_id: UUID, words: str, languages: Iterable[str] = ()) -> Lexical:
    """How to score profiles of this tenant by these words. Words that most profiles have count for next to nothing."""
    from sqlalchemy import text

    forms = configurations(dict.fromkeys([*languages, "en"]))
    found = session.execute(
        text(
            "SELECT DISTINCT lexeme FROM unnest(CAST(:forms AS regconfig[])) AS form,"
            " LATERAL unnest(to_tsvector(form, :words)) AS found (lexeme, positions, weights) ORDER BY lexeme"
        ),
        {"forms": forms, "words": folded(words)},
    )
    lexemes = [row.lexeme for row in found if len(row.lexeme) > 1][: 8 * _MOST_TERMS]
    if not lexemes:
        return Lexical()
    counts = ", ".join(f"count(*) FILTER (WHERE words @@ CAST(:q{place} AS tsquery))" for place in range(len(lexemes)))
    quoted = {f"q{place}": _quoted(lexeme) for place, lexeme in enumerate(lexemes)}
    row = session.execute(
        text(
            f"SELECT count(*), {counts} FROM (SELECT words FROM creator_profiles WHERE tenant_id = :tenant_id"
            f" ORDER BY creator_id LIMIT {_SAMPLE}) AS sample"
        ),
        {"tenant_id": tenant_id} | quoted,
    ).one()
    return _weighted(lexemes, int(row[0]), [int(count) for count in row[1:]])


def _weighted(lexemes: list[str], profiles: int, counts: list[int]) -> Lexical:
    import math

    # A word that nobody in the sample has may be in the rest: it is as rare as one that a single profile has.
    worth = {
        lexeme: math.log(1 + (profiles - min(count, profiles) + 0.5) / (max(count, 1) + 0.5))
        for lexeme, count in zip(lexemes, counts, strict=True)
    }
    chosen = sorted(worth, key=lambda lexeme: (-worth[lexeme], lexeme))[:_MOST_TERMS]
    total = sum(worth[lexeme] for lexeme in chosen) or 1.0
    # Divided by the logarithm of the length (1): who writes much does not say more.
    parts = [
        f"%(word_worth_{place})s::float8 * ts_rank('{_PLACES}', profile.words, %(word_{place})s::tsquery, 1)"
        for place in range(len(chosen))
    ]
    parameters: dict[str, Any] = {"any_word": " | ".join(map(_quoted, chosen))}
    for place, lexeme in enumerate(chosen):
        parameters |= {f"word_{place}": _quoted(lexeme), f"word_worth_{place}": worth[lexeme] / total}
    return Lexical(
        f"CASE WHEN profile.words @@ %(any_word)s::tsquery THEN {' + '.join(parts)} ELSE 0 END",
        parameters,
        tuple(chosen),
    )


def _quoted(lexeme: str) -> str:
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
