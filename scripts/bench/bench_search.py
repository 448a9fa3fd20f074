"""Nearest creators under filters, as the application role: who is found, how soon, and beside the scan of all vectors.

Vectors are mixtures of centres, with a little noise: a main centre, one of its forty neighbours, and one from anywhere.
The centres are embedded texts where `--centres` names a file of them (an array of numpy, rows of length one), else they
are drawn with a mean and a falling spectrum, in groups. Queries are centres that were held back. Each share is asked
for twice: by followers, which know nothing of the vectors, and by a topic, a band of their first principal direction.
"""

from __future__ import annotations

import contextlib
import struct
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import sqlalchemy
from engagerr import Engagerr
from engagerr.core.db import Session
from engagerr.core.matching.condition import Condition
from engagerr.core.matching.nearest import DIMENSIONS, Near, Way, nearest
from measuring import APP, SUPERUSER, Home, Limit, arguments, finish, percentile, say, step, temporary_home

K = 10
SPACE = "bench 1"
# Of all creators, in the order of the bands along the principal direction.
SHARES = {"0.14 %": 0.0014, "1.5 %": 0.015, "9.5 %": 0.095, "38 %": 0.38, "50 %": 0.5}
PROFILE = "tenant_id, creator_id, made_at, name, status, do_not_pitch, represented, exclusive, followers, main_topic"
WAYS = (("chosen", None), ("index", Way.INDEX), ("exact", Way.EXACT))
SCAN = """
SELECT creator_id FROM creator_vectors WHERE tenant_id = %(tenant_id)s AND space = %(space)s
ORDER BY vector <#> %(vector)s::halfvec LIMIT 10
"""
# What the planner says of the filters must be right, and pages must be known to be visible.
AFTERWARDS = ("VACUUM ANALYZE creator_vectors", "VACUUM ANALYZE creator_profiles", "CHECKPOINT")


@dataclass(frozen=True, slots=True)
class Crowd:
    """Creators as arrays: `vectors` of shape (creators, 384), `followers` a permutation, `topic` a name each."""

    vectors: np.ndarray
    queries: np.ndarray
    ids: list[UUID]
    followers: np.ndarray
    topic: np.ndarray

    def matching(self, filtered: str, by: str) -> np.ndarray | None:
        """Who meets a filter; None is everybody."""
        if filtered == "none":
            return None
        if by == "topic":
            return self.topic == filtered
        return self.followers < SHARES[filtered] * len(self.ids)

    def condition(self, filtered: str, by: str) -> Condition | None:
        """The same as SQL."""
        if filtered == "none":
            return None
        if by == "topic":
            return Condition("profile.main_topic = %(topic)s", {"topic": filtered})
        return Condition("profile.followers < %(most)s", {"most": int(SHARES[filtered] * len(self.ids))})


def drawn_centres(seed: np.random.Generator, count: int = 9_000) -> np.ndarray:
    """Unit vectors with a common part and a falling spectrum, in groups of thirty."""
    spectrum = np.arange(1, DIMENSIONS + 1) ** -0.4
    groups = seed.standard_normal((count // 30, DIMENSIONS)) * spectrum
    points = groups[seed.integers(0, len(groups), count)] + 0.9 * seed.standard_normal((count, DIMENSIONS)) * spectrum
    points += 0.45 * np.linalg.norm(points, axis=1).mean() * unit(seed.standard_normal((1, DIMENSIONS)))
    return unit(points)


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length one."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def crowd(creators: int, queries: int, centres_file: Path | None) -> Crowd:
    """Creators around centres, some of which are held back to ask with."""
    seed = np.random.default_rng(7)
    centres = drawn_centres(seed) if centres_file is None else np.load(centres_file).astype(np.float32)
    centres, asked = centres[:-queries], centres[-queries:]
    near = np.concatenate([
        np.argpartition(-(some @ centres.T), 40, axis=1)[:, :40] for some in np.array_split(centres, 10)
    ])  # fmt: skip
    often = 1 / np.sqrt(np.arange(1, len(centres) + 1))
    main = seed.choice(len(centres), creators, p=seed.permutation(often / often.sum()))
    vectors = np.empty((creators, DIMENSIONS), np.float16)
    for start in range(0, creators, 50_000):
        first = main[start : start + 50_000]
        noise = seed.standard_normal((len(first), DIMENSIONS)).astype(np.float32) / np.sqrt(DIMENSIONS)
        second = near[first, seed.integers(0, 40, len(first))]
        third = seed.integers(0, len(centres), len(first))
        mixed = 0.7 * centres[first] + 0.5 * centres[second] + 0.3 * centres[third] + 0.25 * noise
        vectors[start : start + 50_000] = unit(mixed)
    ids = [UUID(int=(number + 1) << 80 | 7 << 76 | 2 << 62) for number in range(creators)]
    return Crowd(vectors, asked, ids, seed.permutation(creators), bands(seed, vectors))


def bands(seed: np.random.Generator, vectors: np.ndarray) -> np.ndarray:
    """A topic each, by place along the first principal direction, a fifth of which is noise."""
    sample = vectors[seed.choice(len(vectors), min(len(vectors), 20_000), replace=False)].astype(np.float32)
    direction = np.linalg.svd(sample - sample.mean(axis=0), full_matrices=False)[2][0]
    place = np.concatenate([some.astype(np.float32) @ direction for some in np.array_split(vectors, 20)])
    place += 0.2 * place.std() * seed.standard_normal(len(place))
    rank = np.argsort(np.argsort(place)) / len(place)
    names = np.array([*SHARES, "other"])
    return names[np.searchsorted(np.cumsum(list(SHARES.values())), rank, side="right")]


def write(home: Home, tenant: UUID, made: Crowd) -> None:
    """Vectors and profiles as they would stand, without triggers; profiles in an order of their own."""
    order = np.random.default_rng(8).permutation(len(made.ids))
    with home.connect(SUPERUSER) as connection:
        connection.execute("SET session_replication_role = replica")
        kept = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE indexname IN ('creator_vectors_384_idx', 'creator_vectors_creator_idx')"
        ).fetchall()
        for name, _ in kept:
            connection.execute(f"DROP INDEX {name}")
        with (
            step("vectors"),
            connection.cursor().copy(
                "COPY creator_vectors (tenant_id, creator_id, space, dimensions, vector, source_hash, made_at)"
                " FROM STDIN (FORMAT binary)"
            ) as copy,
        ):
            copy.write(b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0))
            for number, creator in enumerate(made.ids):
                copy.write(row(tenant.bytes, creator.bytes, SPACE.encode(), struct.pack("!i", DIMENSIONS),
                               halfvec(made.vectors[number]), bytes(16), struct.pack("!q", 0)))  # fmt: skip
            copy.write(struct.pack("!h", -1))
        with (
            step("profiles"),
            connection.cursor().copy(
                f"COPY creator_profiles ({PROFILE}, space, vector) FROM STDIN (FORMAT binary)"
            ) as copy,
        ):
            copy.write(b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0))
            for number in order.tolist():
                followers, topic = int(made.followers[number]), str(made.topic[number])
                named, figures = b"creator %d" % number, struct.pack("!q", followers)
                copy.write(row(tenant.bytes, made.ids[number].bytes, struct.pack("!q", 0), named, b"active", b"\0",
                               b"\0", b"\0", figures, topic.encode(), SPACE.encode(),
                               halfvec(made.vectors[number])))  # fmt: skip
            copy.write(struct.pack("!h", -1))
        with step("graph"):
            connection.execute("SET maintenance_work_mem = '2500MB'")
            for _, definition in kept:
                connection.execute(definition)
        for statement in AFTERWARDS:
            connection.execute(statement)


def row(*fields: bytes) -> bytes:
    """One row of COPY's binary form."""
    return struct.pack("!h", len(fields)) + b"".join(struct.pack("!i", len(field)) + field for field in fields)


def halfvec(vector: np.ndarray) -> bytes:
    """A vector as pgvector receives it."""
    return struct.pack("!HH", len(vector), 0) + vector.astype(">f2").tobytes()


def true_similarities(made: Crowd) -> np.ndarray:
    """Of shape (creators, queries), of the halves that the database compares."""
    asked = made.queries.astype(np.float16).astype(np.float32)
    return np.concatenate([some.astype(np.float32) @ asked.T for some in np.array_split(made.vectors, 20)])


def recall(rows: Sequence[Near], places: dict[UUID, int], similar: np.ndarray, matching: np.ndarray | None) -> float:
    """The share of the nearest ten that were found; others that are just as near count, too."""
    of_all = similar if matching is None else similar[matching]
    tenth = np.partition(of_all, -K)[-K]
    return sum(similar[places[near.creator_id]] >= tenth - 1e-5 for near in rows) / K


class Asked:
    """One connection of the application's, in one tenant."""

    def __init__(self, home: Home, tenant: UUID) -> None:
        self.tenant = tenant
        self._engine = sqlalchemy.create_engine(
            "postgresql+psycopg://", creator=partial(home.connect, APP, autocommit=False)
        )

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        with self._engine.begin() as session:
            session.exec_driver_sql("SELECT set_config('engagerr.tenant_id', %s, true)", (str(self.tenant),))
            yield session

    def scan(self, query: np.ndarray) -> float:
        """Milliseconds of the exact scan of everybody, in one process."""
        vector = f"[{','.join(f'{number:.6g}' for number in query.tolist())}]"
        with self.transaction() as session:
            for name in ("enable_indexscan", "enable_bitmapscan"):
                session.exec_driver_sql(f"SET LOCAL {name} = off")
            session.exec_driver_sql("SET LOCAL max_parallel_workers_per_gather = 0")
            started = time.perf_counter()
            session.exec_driver_sql(SCAN, {"tenant_id": self.tenant, "space": SPACE, "vector": vector}).fetchall()
            return (time.perf_counter() - started) * 1e3

    def ask(self, query: np.ndarray, condition: Condition | None, way: Way | None) -> tuple[float, Any]:
        """Milliseconds, and the answer."""
        with self.transaction() as session:
            started = time.perf_counter()
            found = nearest(
                session, tenant_id=self.tenant, space=SPACE, vector=query, condition=condition, k=K, way=way
            )
            return (time.perf_counter() - started) * 1e3, found


def measure(asked: Asked, made: Crowd, options: Namespace) -> tuple[list[Limit], dict[str, Any]]:
    """Each share in both kinds, with scans of everybody in between."""
    similar, places = true_similarities(made), {creator: number for number, creator in enumerate(made.ids)}
    limits: list[Limit] = []
    also: dict[str, Any] = {}
    for filtered, by in [("none", "followers"), *((name, by) for by in ("followers", "topic") for name in SHARES)]:
        matching, condition = made.matching(filtered, by), made.condition(filtered, by)
        took: dict[str, list[float]] = {"chosen": [], "exact": [], "index": [], "scan": []}
        recalls: dict[str, list[float]] = {"chosen": [], "exact": [], "index": []}
        hows: dict[str, int] = {}
        fewest = K
        for number in range(-10, len(made.queries)):  # the first ten warm
            query = made.queries[abs(number)]
            # In turns: whoever asks first brings the pages in for the others.
            for turn in range(3):
                name, way = WAYS[(turn + number) % 3]
                if name == "exact" and number % options.every:
                    continue
                milliseconds, found = asked.ask(query, condition, way)
                if number >= 0:
                    took[name].append(milliseconds)
                    recalls[name].append(recall(found.rows, places, similar[:, number], matching))
                if number >= 0 and way is None:
                    hows[found.how] = hows.get(found.how, 0) + 1
                    fewest = min(fewest, len(found.rows))
            if number >= 0 and number % options.every == 0:
                took["scan"].append(asked.scan(query))
        scan = percentile(took["scan"], 0.5)
        middle = {name: percentile(times, 0.5) for name, times in took.items()}
        good = {name: middle[name] for name in ("exact", "index") if np.mean(recalls[name]) >= 0.99}
        figures = {
            "rows_at_least": fewest,
            "how": hows,
            "scan_ms": round(scan, 1),
            **{
                f"{name}_ms": {"p50": round(middle[name], 2), "p95": round(percentile(took[name], 0.95), 2),
                               "recall": round(float(np.mean(recalls[name])), 4)}
                for name in recalls
            },
        }  # fmt: skip
        name = f"{filtered} by {by}"
        say(f"  {name}: {figures}")
        limits.append(Limit(f"{name}: recall@10", float(np.mean(recalls["chosen"])), at_least=0.99, figures=figures))
        limits.append(Limit(f"{name}: rows", fewest, at_least=K))
        share_of_scan = percentile(took["chosen"], 0.95) / scan
        if by == "followers":
            bound = 1 / 100 if filtered in ("none", "0.14 %") else 1 / 15
            limits.append(Limit(f"{name}: p95 / scan of all", share_of_scan, at_most=bound))
            limits.append(Limit(f"{name}: p50 / best fixed way", middle["chosen"] / min(good.values()), at_most=1.2))
        else:
            also[f"{name}: p95 / scan of all"] = round(share_of_scan, 3)
            also[f"{name}: p50 / best fixed way"] = round(middle["chosen"] / min(good.values()), 2)
    return limits, also


def main() -> None:
    """Fill, ask, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--large", type=int, default=100_000, help="creators")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--every", type=int, default=20, help="scans and exact answers: at every so many queries")
    parser.add_argument("--centres", type=Path, help="embedded texts, as an array of numpy")
    parser.add_argument("--shared-buffers", help="of the server, in place of its own: such as 6GB")
    options = parser.parse_args()
    with temporary_home() as home:
        with Engagerr.open(home=home.path) as engagerr:
            tenant = engagerr.init("Bench").tenant.id
        if options.shared_buffers:
            with home.connect(SUPERUSER) as connection:
                connection.execute(f"ALTER SYSTEM SET shared_buffers = '{options.shared_buffers}'")
            home.server.stop()
            home.server.start()
        say(f"search: {options.large:,} creators")
        made = crowd(options.large, options.queries, options.centres)
        write(home, tenant, made)
        limits, also = measure(Asked(home, tenant), made, options)
        with home.connect(SUPERUSER) as connection:
            megabytes = dict(connection.execute(
                "SELECT relname, pg_relation_size(oid) / 1000000 FROM pg_class WHERE relname ~ '^creator_(pro|vec)'"
                " AND relkind IN ('r', 'i') ORDER BY 1"
            ).fetchall())  # fmt: skip
            buffers = connection.execute("SHOW shared_buffers").fetchone()
    sizes = {"creators": options.large, "queries": options.queries, "megabytes": megabytes, "shared_buffers": buffers,
             "centres": "drawn" if options.centres is None else "given"}  # fmt: skip
    finish("search", limits, sizes=sizes, also=also, assert_limits=options.assert_limits)


if __name__ == "__main__":
    main()
