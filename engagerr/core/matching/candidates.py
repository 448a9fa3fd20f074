"""Whom a brief may mean: the creators that break none of its constraints, as columns, and how many broke which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.db.columns import as_halfvec
from engagerr.core.db.driver import driver_cursor
from engagerr.core.matching.constraints import Constraint, constraints_of
from engagerr.core.matching.lexical import Lexical
from engagerr.core.matching.signals import SIGNALS

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from engagerr.core.db import Session
    from engagerr.core.matching.condition import Condition
    from engagerr.core.matching.signals import Asked
    from engagerr.core.matching.signals.signal import Columns

# More than this are not scored one by one: those nearest to the brief by topic and meaning are. At 100,000 the last of
# them are far behind on the signal that weighs most.
MOST_SCORED = 20_000
# A vector of another space would compare with nothing.
ALIKE = "CASE WHEN profile.space = %(space)s THEN -(profile.vector <#> %(whole)s::halfvec)::float8 END"
# Only these are no numbers.
_OBJECTS = {"creator_id", "name", "main_topic", "missing", "stated"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """The brief as vectors of one space: the whole, and each word that must be there. Of shape (dimensions,)."""

    space: str
    whole: NDArray[float32]
    musts: tuple[NDArray[float32], ...] = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """Candidates as columns of one length, who was looked at, and how many fell out for what. Reasons are in order:
    who breaks two constraints is counted with the first.
    """

    columns: Columns
    considered: int
    passed: int
    excluded: tuple[tuple[str, int], ...]

    def __len__(self) -> int:
        return len(self.columns["creator_id"])

    def row(self, place: int) -> dict[str, Any]:
        """One candidate's cells by name."""
        return {name: values[place] for name, values in self.columns.items()}


def read_pool(
    session: Session,
    *,
    tenant_id: UUID,
    asked: Asked,
    meaning: Meaning | None,
    lexical: Lexical,
    only: Condition | None = None,
    always: Sequence[UUID] = (),
    most: int = MOST_SCORED,
) -> Pool:
    """The candidates of a brief, `only` those of a further condition; the `most` nearest, and `always` these creators.

    Rows come in the order of their names, so that the same data gives the same columns.
    """
    constraints = constraints_of(asked, musts_by_meaning=meaning is not None and len(meaning.musts) > 0)
    parameters = _parameters(tenant_id, asked, meaning, lexical, constraints)
    where = "profile.tenant_id = %(tenant_id)s"
    if only is not None:
        where += f" AND ({only.sql})"
        parameters |= only.parameters
    parameters |= {"always": list(always), "most_scored": max(most, len(always))}
    broken = _broken(constraints)
    with driver_cursor(session, binary=True) as cursor:
        cursor.execute(
            f"""
            SELECT broken, count(*), CASE WHEN broken = 0 AND count(*) <= {MOST_SCORED} THEN array_agg(creator_id) END
            FROM (SELECT {broken} AS broken, profile.creator_id
                  FROM creator_profiles AS profile WHERE {where}) AS judged
            GROUP BY broken ORDER BY broken
            """,
            parameters,
        )
        judged = cursor.fetchall()
        counts = {int(place): int(count) for place, count, _ in judged}
        if (few := next((ids for _, _, ids in judged if ids is not None), None)) is not None:
            # Constraints are long to ask: who met them is not asked again.
            where = "profile.tenant_id = %(tenant_id)s AND profile.creator_id = ANY (%(passed)s::uuid[])"
            parameters["passed"] = few
        else:
            where += f" AND ({broken}) = 0"
        columns = _columns(asked, meaning, lexical)
        chosen = ", ".join(f'{sql} AS "{name}"' for name, sql in columns.items())
        cursor.execute(
            f"""SELECT * FROM (
              SELECT {chosen} FROM creator_profiles AS profile WHERE {where}
              ORDER BY profile.creator_id = ANY (%(always)s::uuid[]) DESC, {_nearness(asked, meaning)} DESC NULLS LAST,
                       profile.creator_id LIMIT %(most_scored)s
            ) AS nearest ORDER BY name COLLATE "C", creator_id""",
            parameters,
        )
        rows = cursor.fetchall()
    reasons = tuple((broke.reason, counts[place]) for place, broke in enumerate(constraints, 1) if place in counts)
    return Pool(_as_arrays(list(columns), rows), sum(counts.values()), counts.get(0, 0), reasons)


def broken_by(
    session: Session, *, tenant_id: UUID, asked: Asked, meaning: Meaning | None, creator_id: UUID
) -> tuple[str, ...]:
    """Every constraint of the brief that this creator is known to break, in the order in which they are asked."""
    constraints = constraints_of(asked, musts_by_meaning=meaning is not None and len(meaning.musts) > 0)
    parameters = _parameters(tenant_id, asked, meaning, Lexical(), constraints) | {"creator_id": creator_id}
    each = ", ".join(f"({constraint.broken})" for constraint in constraints)
    where = "WHERE profile.tenant_id = %(tenant_id)s AND profile.creator_id = %(creator_id)s"
    with driver_cursor(session, binary=True) as cursor:
        row = cursor.execute(f"SELECT {each} FROM creator_profiles AS profile {where}", parameters).fetchone()
    if row is None:
        return ("no profile yet",)
    return tuple(constraint.reason for constraint, broken in zip(constraints, row, strict=True) if broken)


def _broken(constraints: Sequence[Constraint]) -> str:
    """The place of the first constraint that is broken, counted from one; 0 where none is known to be."""
    cases = " ".join(f"WHEN {constraint.broken} THEN {place}" for place, constraint in enumerate(constraints, 1))
    return f"CASE {cases} ELSE 0 END"


def _columns(asked: Asked, meaning: Meaning | None, lexical: Lexical) -> dict[str, str]:
    columns = {
        "creator_id": "profile.creator_id",
        "name": "profile.name",
        "missing": "profile.missing",
        "similarity": ALIKE if meaning else "NULL::float8",
        "lexical": lexical.sql,
    }
    for signal in SIGNALS:
        if signal.applies(asked):
            columns |= signal.reads(asked).columns
    return columns


def _nearness(asked: Asked, meaning: Meaning | None) -> str:
    topics = [
        f"{weight:.6f} * coalesce((profile.topic_shares ->> '{topic.value}')::float8, 0)"
        for topic, weight in asked.topics.items()
    ]
    alike = [f"coalesce({ALIKE}, 0)"] if meaning else []
    return " + ".join(topics + alike) or "profile.followers"


def _parameters(
    tenant_id: UUID, asked: Asked, meaning: Meaning | None, lexical: Lexical, constraints: Sequence[Constraint]
) -> dict[str, Any]:
    parameters: dict[str, Any] = {"tenant_id": tenant_id, **lexical.parameters}
    for constraint in constraints:
        parameters |= constraint.parameters
    for signal in SIGNALS:
        if signal.applies(asked):
            parameters |= signal.reads(asked).parameters
    parameters |= {f"platform_{place}": platform for place, platform in enumerate(asked.brief.platforms)}
    if meaning is not None:
        parameters |= {"space": meaning.space, "whole": as_halfvec(meaning.whole)}
        parameters |= {f"must_vector_{place}": as_halfvec(vector) for place, vector in enumerate(meaning.musts)}
    return parameters


def _as_arrays(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Mapping[str, NDArray[Any]]:
    import numpy as np

    cells = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    found: dict[str, NDArray[Any]] = {}
    for name, values in zip(names, cells, strict=True):
        if name in _OBJECTS:
            column = np.empty(len(values), dtype=object)
            column[:] = values
            found[name] = column
        else:
            found[name] = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return found
