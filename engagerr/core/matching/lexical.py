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
_MOST_UNSEEN = 12
# A word that more of them have tells hardly anybody apart; in a small roster, a few are many.
_RARE, _FEW = 0.1, 5
_SAMPLE = 2_000
# With fewer words than this nothing can be said about what a creator is not about.
LEAST_WORDS = 20
# Weights of D, C, B and A: nothing stands in D; a title says less of a creator than what they say of themselves.
_PLACES = "{0, 0.5, 0.8, 1}"


@dataclass(frozen=True, slots=True)
class Lexical:
    """`sql` over `profile` gives how well it says the words, from 0 to 1.

    It is NULL where there are no words to look for, or where the profile says too little to tell.
    """

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
    lexemes = [row.lexeme for row in found if len(row.lexeme) > 1]
    if not lexemes:
        return Lexical()
    rows = session.execute(text(_COUNTS), {"tenant_id": tenant_id, "most": _SAMPLE, "lexemes": lexemes})
    counts = {row.lexeme: int(row.profiles) for row in rows}
    profiles = counts.pop(None)
    return _weighted(lexemes, profiles, counts)


# How many of a sample have each word; without a word: how many there are.
_COUNTS = """
WITH sample AS MATERIALIZED (
  SELECT words FROM creator_profiles WHERE tenant_id = :tenant_id ORDER BY creator_id LIMIT :most
)
SELECT NULL AS lexeme, count(*) AS profiles FROM sample
UNION ALL
SELECT lexeme, count(*) FROM sample, LATERAL unnest(tsvector_to_array(words)) AS lexeme
WHERE lexeme = ANY (CAST(:lexemes AS text[])) GROUP BY lexeme
"""


def _weighted(lexemes: list[str], profiles: int, counts: Mapping[str, int]) -> Lexical:
    import math

    # A word that nobody in the sample has may be in the rest: it is as rare as one that a single profile has.
    worth = {
        lexeme: math.log(1 + (profiles - count + 0.5) / (max(count, 1) + 0.5))
        for lexeme in lexemes
        for count in (counts.get(lexeme, 0),)
    }
    ranked = sorted(worth, key=lambda lexeme: (-worth[lexeme], lexeme))
    # What a profile could say at most: a brief of many rare words is hardly ever said in full.
    total = sum(worth[lexeme] for lexeme in ranked[:_MOST_TERMS]) or 1.0
    chosen = _told_apart_by(ranked, profiles, counts)
    # Divided by the logarithm of the length (1): who writes much does not say more.
    parts = [
        f"%(word_worth_{place})s::float8 * ts_rank('{_PLACES}', profile.words, %(word_{place})s::tsquery, 1)"
        for place in range(len(chosen))
    ]
    parameters: dict[str, Any] = {"any_word": " | ".join(map(_quoted, chosen))}
    for place, lexeme in enumerate(chosen):
        parameters |= {f"word_{place}": _quoted(lexeme), f"word_worth_{place}": worth[lexeme] / total}
    return Lexical(
        f"CASE WHEN profile.words @@ %(any_word)s::tsquery THEN {' + '.join(parts)}"
        f" WHEN profile.topic_shares <> '{{}}' OR length(profile.words) >= {LEAST_WORDS} THEN 0 END",
        parameters,
        tuple(chosen),
    )


def _told_apart_by(ranked: list[str], profiles: int, counts: Mapping[str, int]) -> list[str]:
    """The words to look for: those that nobody has must not crowd out those by which profiles can be told apart."""
    best = ranked[:_MOST_TERMS]
    everybody_was_asked = profiles < _SAMPLE
    unseen = [lexeme for lexeme in best if not counts.get(lexeme)][: 0 if everybody_was_asked else _MOST_UNSEEN]
    rare = max(_RARE * profiles, _FEW)
    further = [lexeme for lexeme in ranked[_MOST_TERMS:] if 0 < counts.get(lexeme, 0) <= rare]
    seen = [lexeme for lexeme in (*best, *further) if counts.get(lexeme)]
    found = {*unseen, *seen[: _MOST_TERMS - len(unseen)]}
    return [lexeme for lexeme in ranked if lexeme in found] or best


def _quoted(lexeme: str) -> str:
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
