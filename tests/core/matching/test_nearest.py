"""Nearest creators under any condition are those that comparing everybody gives, whichever way leads there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import numpy as np
import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.db import Session
from engagerr.core.errors import InvalidInput
from engagerr.core.matching.condition import Condition
from engagerr.core.matching.nearest import DIMENSIONS, MOST_K, Near, Nearest, Way, nearest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.factories import WHEN

SPACE = "words 1"
COUNTRIES = ("DE", "FR", "JP")
COUNT = 240

Vectors = NDArray[np.float32]


def unit(rows: Vectors) -> Vectors:
    """Rows of length one, of the halves that the database keeps."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray((rows / lengths).astype(np.float16), dtype=np.float32)


def text_of(vector: Vectors) -> str:
    return f"[{','.join(f'{number:.6g}' for number in vector.tolist())}]"


@dataclass(frozen=True)
class Crowd:
    """Creators with followers from 0 up and a country each; JP lies far from the others."""

    engagerr: Engagerr
    tenant_id: UUID
    ids: list[UUID]
    vectors: Vectors
    followers: list[int]
    countries: list[str]

    def ask(self, vector: Vectors, sql: str = "true", *, space: str = SPACE, k: int = 10, way: Way | None = None,
            **parameters: Any) -> Nearest:  # fmt: skip
        with self.engagerr.database.transaction(self.tenant_id) as session:
            return nearest(session, tenant_id=self.tenant_id, space=space, vector=vector, k=k, way=way,
                           condition=Condition(sql, parameters))  # fmt: skip

    def compared(self, vector: Vectors, places: Sequence[int], k: int = 10) -> list[UUID]:
        """The nearest of these, by comparing each."""
        similar = self.vectors @ unit(vector)
        return [self.ids[place] for place in sorted(places, key=lambda place: (-similar[place], self.ids[place]))[:k]]


def cursor_of(session: Session) -> Any:
    return cast("Any", session.connection.driver_connection).cursor()


def gather(engagerr: Engagerr, workspace: Workspace, count: int, *, seed: int = 1) -> Crowd:
    """So many creators in a few clumps, of whom every fifth speaks of something far from all others."""
    numbers = np.random.default_rng(seed)
    clumps = numbers.standard_normal((8, DIMENSIONS))
    clumps[:, 0], clumps[-1, 0] = 20.0, -20.0
    far = [place % 5 == 0 for place in range(count)]
    where = [7 if is_far else int(numbers.integers(0, 7)) for is_far in far]
    vectors = unit(np.asarray(clumps[where] + 0.7 * numbers.standard_normal((count, DIMENSIONS)), dtype=np.float32))
    countries = ["JP" if is_far else COUNTRIES[int(numbers.integers(0, 2))] for is_far in far]
    followers = [int(rank) for rank in numbers.permutation(count)]
    ids = [UUID(int=int(numbers.integers(1, 1 << 60)) << 64 | place) for place in range(count)]
    tenant_id = workspace.tenant.id
    with engagerr.database.transaction(tenant_id) as session:
        cursor = cursor_of(session)
        cursor.executemany(
            "INSERT INTO creators (tenant_id, id, name) VALUES (%s, %s, %s)",
            [(tenant_id, creator, f"Creator {creator}") for creator in ids],
        )
        # Half of the profiles are there before the vectors, half come after them.
        profiles = [
            (tenant_id, creator, WHEN, country, some)
            for creator, country, some in zip(ids, countries, followers, strict=True)
        ]
        add_profiles(cursor, profiles[: count // 2])
        add_vectors(cursor, tenant_id, ids, vectors)
        add_profiles(cursor, profiles[count // 2 :])
    return Crowd(engagerr, tenant_id, ids, vectors, followers, countries)


def add_profiles(cursor: Any, rows: Sequence[Any]) -> None:
    cursor.executemany(
        "INSERT INTO creator_profiles (tenant_id, creator_id, made_at, country, followers, name, status, do_not_pitch,"
        " represented, exclusive) VALUES (%s, %s, %s, %s, %s, 'Someone', 'active', false, false, false)",
        rows,
    )


def add_vectors(cursor: Any, tenant_id: UUID, ids: Sequence[UUID], vectors: Vectors, space: str = SPACE) -> None:
    cursor.executemany(
        "INSERT INTO creator_vectors (tenant_id, creator_id, space, dimensions, vector, source_hash, made_at)"
        " VALUES (%s, %s, %s, %s, %s::halfvec, %s, %s)",
        [
            (tenant_id, creator, space, len(vector), text_of(vector), bytes(16), WHEN)
            for creator, vector in zip(ids, vectors, strict=True)
        ],
    )


def ids_of(found: Nearest) -> list[UUID]:
    return [near.creator_id for near in found.rows]


@pytest.fixture
def crowd(engagerr: Engagerr, workspace: Workspace) -> Crowd:
    return gather(engagerr, workspace, COUNT)


def test_any_condition_gives_what_comparing_everybody_gives(crowd: Crowd) -> None:
    @settings(max_examples=60, deadline=None)
    @given(
        seed=st.integers(0, 10_000),
        followers=st.tuples(st.integers(0, COUNT), st.integers(0, COUNT)),
        countries=st.sets(st.sampled_from([*COUNTRIES, "US"])),
        k=st.integers(1, 60),
        way=st.sampled_from([None, Way.EXACT]),
    )
    def holds(seed: int, followers: tuple[int, int], countries: set[str], k: int, way: Way | None) -> None:
        vector = unit(np.random.default_rng(seed).standard_normal(DIMENSIONS).astype(np.float32))
        least, most = sorted(followers)
        found = crowd.ask(
            vector, "profile.followers BETWEEN %(least)s AND %(most)s AND profile.country = ANY (%(countries)s)",
            k=k, way=way, least=least, most=most, countries=list(countries),
        )  # fmt: skip
        places = [
            place
            for place in range(COUNT)
            if least <= crowd.followers[place] <= most and crowd.countries[place] in countries
        ]
        assert len(found.rows) == min(k, len(places))
        # Halves and single floats may part at the last digit: what counts is how near they are.
        similar = crowd.vectors @ vector
        nearest_of_all = np.sort(similar[places])[::-1][:k]
        assert [near.similarity for near in found.rows] == pytest.approx(nearest_of_all.tolist(), abs=2e-4)
        assert set(ids_of(found)) <= {crowd.ids[place] for place in places}
        if found.counted:
            assert found.matching == len(places)

    holds()


def test_no_way_gives_fewer_than_asked_for_while_as_many_match(crowd: Crowd) -> None:
    asked = [unit(crowd.vectors[seed * 31] + crowd.vectors[seed * 17 + 2]) for seed in range(6)]
    for way in (None, Way.EXACT, Way.INDEX):
        for share in (1.0, 0.5, 0.2, 0.05):
            most = int(COUNT * share)
            places = [place for place in range(COUNT) if crowd.followers[place] < most]
            met = 0
            for vector in asked:
                found = crowd.ask(vector, "profile.followers < %(most)s", way=way, most=most)
                assert len(found.rows) == 10
                met += len(set(ids_of(found)) & set(crowd.compared(vector, places)))
            assert met >= 59


def test_a_walk_that_meets_nobody_is_followed_by_comparing(crowd: Crowd) -> None:
    places = [place for place in range(COUNT) if crowd.countries[place] == "JP"]
    asked = crowd.vectors[1]
    found = crowd.ask(asked, "profile.country = 'JP'", way=Way.INDEX)
    assert found.how is Way.INDEX_THEN_EXACT
    assert ids_of(found) == crowd.compared(asked, places)
    near = crowd.ask(asked, "profile.country <> 'JP'", way=Way.INDEX)
    assert near.how is Way.INDEX


def test_rows_come_best_first_with_their_cosine(crowd: Crowd) -> None:
    found = crowd.ask(crowd.vectors[3], k=5)
    assert found.rows[0] == Near(crowd.ids[3], pytest.approx(1.0, abs=1e-3))
    assert [near.similarity for near in found.rows] == sorted((near.similarity for near in found.rows), reverse=True)


def test_fewer_matches_than_asked_for_are_all_given_and_counted(crowd: Crowd) -> None:
    for way in (None, Way.EXACT, Way.INDEX):
        found = crowd.ask(crowd.vectors[0], "profile.followers < 4", way=way)
        assert (len(found.rows), found.matching, found.counted) == (4, 4, True)
        nobody = crowd.ask(crowd.vectors[0], "false", way=way)
        assert (nobody.rows, nobody.matching, nobody.counted) == ((), 0, True)


def test_a_small_tenant_finds_its_own_and_nobody_else(
    engagerr: Engagerr, workspace: Workspace, other_workspace: Workspace
) -> None:
    gather(engagerr, workspace, 150)
    ours = gather(engagerr, other_workspace, 20, seed=2)
    for way in (None, Way.EXACT, Way.INDEX):
        found = ours.ask(ours.vectors[2], way=way)
        assert ids_of(found) == ours.compared(ours.vectors[2], range(20))


def test_while_a_new_model_is_brought_in_the_old_one_still_answers(crowd: Crowd) -> None:
    turned = unit(np.roll(crowd.vectors, 7, axis=1))
    with crowd.engagerr.database.transaction(crowd.tenant_id) as session:
        add_vectors(cursor_of(session), crowd.tenant_id, crowd.ids[:150], turned[:150], "words 2")
    for way in (None, Way.EXACT, Way.INDEX):
        old = crowd.ask(crowd.vectors[1], way=way)
        assert ids_of(old) == crowd.compared(crowd.vectors[1], range(COUNT))
        new = crowd.ask(turned[1], space="words 2", way=way)
        assert ids_of(new) == crowd.compared(crowd.vectors[1], range(150))


def test_a_vector_that_is_taken_away_is_not_found_and_comes_back(crowd: Crowd) -> None:
    for way in (Way.EXACT, Way.INDEX):
        with crowd.engagerr.database.transaction(crowd.tenant_id) as session:
            cursor_of(session).execute("DELETE FROM creator_vectors WHERE creator_id = %s", [crowd.ids[3]])
        assert crowd.ids[3] not in ids_of(crowd.ask(crowd.vectors[3], way=way))
        with crowd.engagerr.database.transaction(crowd.tenant_id) as session:
            add_vectors(cursor_of(session), crowd.tenant_id, [crowd.ids[3]], crowd.vectors[3:4])
        assert crowd.ask(crowd.vectors[3], way=way).rows[0].creator_id == crowd.ids[3]


def test_vectors_of_other_lengths_are_compared_one_by_one(crowd: Crowd) -> None:
    short = unit(np.random.default_rng(5).standard_normal((40, 3)).astype(np.float32))
    with crowd.engagerr.database.transaction(crowd.tenant_id) as session:
        add_vectors(cursor_of(session), crowd.tenant_id, crowd.ids[:40], short, "short 1")
    found = crowd.ask(short[7], space="short 1", way=Way.INDEX)
    assert (found.how, found.rows[0].creator_id, len(found.rows)) == (Way.EXACT, crowd.ids[7], 10)


def test_the_callers_transaction_keeps_its_planner(crowd: Crowd) -> None:
    names = ("enable_indexscan", "enable_sort", "enable_seqscan", "hnsw.ef_search", "hnsw.iterative_scan")
    with crowd.engagerr.database.transaction(crowd.tenant_id) as session:
        cursor = cursor_of(session)

        def planned() -> list[Any]:
            return [cursor.execute(f"SHOW {name}").fetchone() for name in names]

        cursor.execute("SELECT '[1]'::halfvec")  # the library that knows hnsw.* is loaded with the first use
        cursor.execute("SET LOCAL enable_sort = off")
        before = planned()
        for way in (None, Way.EXACT, Way.INDEX):
            nearest(session, tenant_id=crowd.tenant_id, space=SPACE, vector=crowd.vectors[0], way=way)
            assert planned() == before


def test_what_cannot_be_asked_is_refused(crowd: Crowd) -> None:
    for k in (0, -1, MOST_K + 1):
        with pytest.raises(InvalidInput, match="cannot be asked for"):
            crowd.ask(crowd.vectors[0], k=k)
    for wrong in (crowd.vectors[:2], np.full(DIMENSIONS, np.nan, dtype=np.float32)):
        with pytest.raises(InvalidInput, match="one row of numbers"):
            crowd.ask(wrong)
