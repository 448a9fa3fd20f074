"""Whose words are nearest in meaning to a vector, among the creators of a condition: right at every share, and soon.

Two ways lead there, and which is quicker depends on how many creators match and on where they lie:

- **exact**: compare the vector of everybody who matches. Profiles hold a copy of the newest vector, so that one read of
  a row gives figures and vector; fetched by key from the table of vectors, each would cost four times as much.
- **index**: walk the graph over all vectors, outwards from the one that was asked for, and keep who matches. Its time
  grows with how rare a match is on the way. Where matches lie far from what was asked (creators of another language,
  say), the walk is given up before it has met enough of them, and the exact way answers.

To the graph, the tenant is such a condition, too: a small tenant among a million rows of others is answered exactly.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from engagerr.core.db.columns import as_halfvec
from engagerr.core.db.driver import driver_cursor
from engagerr.core.errors import InvalidInput
from engagerr.core.matching.condition import Condition

if TYPE_CHECKING:
    import psycopg
    from numpy.typing import ArrayLike

    from engagerr.core.db import Session

# The vectors for which the database keeps a graph and codes.
DIMENSIONS = 384
MOST_K = 1_000

# Microseconds, measured at a million creators (scripts/bench/bench_search.py): a profile read and compared; a step of
# the graph with its neighbours; a profile looked up by its key.
_COMPARE, _STEP, _PROFILE = 1.3, 15.0, 5.0
# The graph is walked so many times the fourth root of its size wide, for the sake of queries without clear neighbours:
# a narrower walk passes by whole groups (of the nearest ten among a million, 0.965 are found at 200, and 0.991 at 700).
_WIDE, _LEAST_WIDE, _MOST_WIDE = 22, 40, 1_000  # pgvector knows no wider walk
# So many times k must be met: towards the end of a walk, not everybody near is met.
_MET = 2
# An estimate that few match may be wrong: beyond this many times of it (and some), the exact way gives up.
_OVERRUN, _SOME = 4, 2_000


class Way(StrEnum):
    """How an answer was found."""

    EXACT = "exact"
    INDEX = "index"
    INDEX_THEN_EXACT = "index, then exact"


@dataclass(frozen=True, slots=True)
class Near:
    """A creator and how alike the words are, as the dot product of vectors of length one: from -1 to 1."""

    creator_id: UUID
    similarity: float


@dataclass(frozen=True, slots=True)
class Nearest:
    """Rows in order, best first; of the same similarity, by id. Fewer than were asked for only if no more match.

    `matching` is how many match: counted where `counted`, else the planner's estimate.
    """

    rows: tuple[Near, ...]
    matching: int
    counted: bool
    how: Way


@dataclass(frozen=True, slots=True)
class _Search:
    """One question, and the cursor that it is asked with."""

    cursor: psycopg.Cursor[Any]
    where: str
    parameters: dict[str, Any]
    k: int

    def rows(self, statement: str, **more: Any) -> list[Any]:
        # Never prepared: a plan made for any condition is a bad plan for this one.
        return self.cursor.execute(statement, {**self.parameters, **more}, prepare=False).fetchall()


def nearest(
    session: Session,
    *,
    tenant_id: UUID,
    space: str,
    vector: ArrayLike,
    condition: Condition | None = None,
    k: int = 10,
    way: Way | None = None,
) -> Nearest:
    """The `k` creators (1 to 1000) with the nearest vectors of this space, among those whose profile meets `condition`.

    `vector` is of shape (dimensions,) and of length one. A creator without a profile or without a vector of the space
    is not found. `way` (exact or index) is for measuring: without it, the cheapest is chosen for this question.
    Parameters of the condition may be called anything but tenant_id, space and nearest_*.
    """
    if not 1 <= k <= MOST_K:
        raise InvalidInput(f"{k} creators cannot be asked for at once.", hint=f"Ask for 1 to {MOST_K}.")
    numbers = _numbers(vector)
    met = condition or Condition()
    parameters = {
        **met.parameters, "tenant_id": tenant_id, "space": space, "nearest_k": k,
        "nearest_vector": as_halfvec(numbers),
    }  # fmt: skip
    where = f"profile.tenant_id = %(tenant_id)s AND ({met.sql})"
    search = _Search(driver_cursor(session, binary=True), where, parameters, k)
    matching, graph = _estimates(search)
    if len(numbers) != DIMENSIONS or way is Way.EXACT:
        return _exactly(search, matching, Way.EXACT)
    if way is None and _exact_is_cheaper(k, matching, graph):
        found = _exactly_unless_many(search, matching * _OVERRUN + _SOME)
        if found is not None:
            return found
    return _by_index(search, matching, graph)


def _numbers(vector: ArrayLike) -> list[float]:
    import numpy as np

    numbers = np.asarray(vector, dtype=np.float32)
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise InvalidInput(f"A vector is one row of numbers, and not of shape {numbers.shape}.")
    return cast("list[float]", numbers.tolist())


# --- which way ------------------------------------------------------------------------------------------------------


_ESTIMATE = "EXPLAIN (FORMAT JSON) SELECT FROM creator_profiles AS profile WHERE {where}"


def _estimates(search: _Search) -> tuple[int, int]:
    """How many match, as the planner thinks, and how many vectors of all tenants the graph holds."""
    ((plan,),) = search.rows(_ESTIMATE.format(where=search.where))
    ((graph,),) = search.rows("SELECT reltuples::bigint FROM pg_class WHERE oid = 'creator_vectors_384_idx'::regclass")
    matching = int(plan[0]["Plan"]["Plan Rows"])
    return matching, max(graph, matching)


def _exact_is_cheaper(k: int, matching: int, graph: int) -> bool:
    on_the_way = _on_the_way(k, matching, graph)
    return on_the_way > _MOST_WIDE or matching * _COMPARE <= _wide(k, matching, graph) * _STEP + on_the_way * _PROFILE


def _wide(k: int, matching: int, graph: int) -> int:
    for_its_size = math.ceil(_WIDE * math.sqrt(math.sqrt(graph)))
    return min(max(_LEAST_WIDE, for_its_size, _on_the_way(k, matching, graph)), _MOST_WIDE)


def _on_the_way(k: int, matching: int, graph: int) -> int:
    """Who is passed before enough are met, if matches lie as anybody does; half as many again, as they seldom do."""
    return math.ceil(1.5 * _MET * k * graph / max(matching, 1))


# --- the ways -------------------------------------------------------------------------------------------------------

# Where the profile has no copy of this space (a change of model is on its way), the vector is fetched by its key.
_COMPARED = """
SELECT profile.creator_id,
       CASE WHEN profile.space = %(space)s THEN -(profile.vector <#> %(nearest_vector)s::halfvec)
            ELSE (SELECT -(embedded.vector <#> %(nearest_vector)s::halfvec) FROM creator_vectors AS embedded
                  WHERE embedded.tenant_id = %(tenant_id)s AND embedded.space = %(space)s
                    AND embedded.creator_id = profile.creator_id) END AS similarity
FROM creator_profiles AS profile WHERE {where}
"""
_EXACT = _COMPARED + "ORDER BY similarity DESC NULLS LAST, profile.creator_id LIMIT %(nearest_k)s"
_EXACT_UNLESS_MANY = f"""
WITH compared AS MATERIALIZED ({_COMPARED} LIMIT %(nearest_most)s + 1)
SELECT creator_id, similarity, (SELECT count(*) FROM compared), (SELECT count(similarity) FROM compared) FROM compared
ORDER BY similarity DESC NULLS LAST, creator_id LIMIT %(nearest_k)s
"""  # noqa: S608
_INDEX = """
SELECT embedded.creator_id, -(embedded.vector::halfvec(384) <#> %(nearest_vector)s::halfvec(384))
FROM creator_vectors AS embedded
JOIN creator_profiles AS profile ON profile.tenant_id = embedded.tenant_id
                                AND profile.creator_id = embedded.creator_id
WHERE embedded.tenant_id = %(tenant_id)s AND embedded.space = %(space)s AND embedded.dimensions = 384 AND {where}
ORDER BY embedded.vector::halfvec(384) <#> %(nearest_vector)s::halfvec(384) LIMIT %(nearest_enough)s
"""
# Without a sort, the graph's own order is the only plan; and the join must look profiles up one by one, until enough
# match. The walk is not gone on with (iterative_scan): what it meets late is too far from complete, measured at 0.89.
_AS_WALKED = dict.fromkeys(
    ("enable_sort", "enable_hashjoin", "enable_mergejoin", "enable_seqscan", "enable_bitmapscan", "enable_material"),
    "off",
) | {"hnsw.iterative_scan": "off"}
# Rows of one page are read together: fetched in an index's order, each would be a page of its own.
_BY_PAGES = {"enable_indexscan": "off"}


def _exactly(search: _Search, matching: int, how: Way) -> Nearest:
    with _planned(search.cursor, _BY_PAGES):
        found = search.rows(_EXACT.format(where=search.where))
    rows = _in_order(found)
    return Nearest(rows, len(rows), True, how) if len(rows) < search.k else Nearest(rows, matching, False, how)


def _exactly_unless_many(search: _Search, most: int) -> Nearest | None:
    """None where more than `most` match."""
    with _planned(search.cursor, _BY_PAGES):
        found = search.rows(_EXACT_UNLESS_MANY.format(where=search.where), nearest_most=most)
    if found and found[0][2] > most:
        return None
    return Nearest(_in_order(found), found[0][3] if found else 0, True, Way.EXACT)


def _by_index(search: _Search, matching: int, graph: int) -> Nearest:
    with _planned(search.cursor, _AS_WALKED | {"hnsw.ef_search": str(_wide(search.k, matching, graph))}):
        found = search.rows(_INDEX.format(where=search.where), nearest_enough=_MET * search.k)
    if len(found) < _MET * search.k:
        return _exactly(search, matching, Way.INDEX_THEN_EXACT)
    return Nearest(_in_order(found)[: search.k], matching, False, Way.INDEX)


def _in_order(found: Sequence[Any]) -> tuple[Near, ...]:
    near = [Near(row[0], float(row[1])) for row in found if row[1] is not None]
    return tuple(sorted(near, key=lambda row: (-row.similarity, row.creator_id)))


@contextlib.contextmanager
def _planned(cursor: psycopg.Cursor[Any], settings: dict[str, str]) -> Iterator[None]:
    """With these settings of the planner, which the rest of the caller's transaction must not keep."""
    names = list(settings)
    columns = ", ".join("current_setting(%s, true), set_config(%s, %s, true)" for _ in names)
    (before,) = cursor.execute(
        f"SELECT {columns}", [part for name in names for part in (name, name, settings[name])]
    ).fetchall()
    # After an error the transaction is over, and its settings with it.
    yield
    columns = ", ".join("set_config(%s, %s, true)" for _ in names)
    cursor.execute(
        f"SELECT {columns}", [part for name, value in zip(names, before[::2], strict=True) for part in (name, value)]
    )
