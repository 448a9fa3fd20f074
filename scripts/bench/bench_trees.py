"""Family trees at five million items, as the application: reads, totals of large families, moves and bulk edges.

Two tenants of two servers, one small and one large, are read in turns, so that what growth costs is a ratio of one run.
A few families of the large one have ten thousand nodes. Totals of those are compared with a recursive query over the
edges and with a closure table. Rows lie in the order of publication over all creators; client and servers are held on
one core for reads (see bench_families.py).
"""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from bench_families import (
    ACCOUNTS,
    CREATORS,
    DAYS,
    DAYS_BETWEEN,
    FAMILY_READ,
    FIRST_DAY,
    PLATFORMS,
    RELATIONS,
    SET_STATE,
    SET_TENANT,
    floor,
    hold_on_one_core,
    shape,
    sizes_of_families,
    timed,
)
from engagerr import Engagerr
from measuring import APP, SUPERUSER, Home, Limit, arguments, finish, percentile, say, spread, step, temporary_home

COPIED = {
    "content_items": "tenant_id, id, account_id, platform, native_id, kind, title, url, published_at, duration_seconds,"
    " language, import_id, described_at",
    "content_edges": "tenant_id, id, child_id, parent_id, relation, state, confidence, evidence",
    "content_nodes": "tenant_id, item_id, family_id, path, platform, native_id, account, kind, title, url,"
    " published_at, duration_seconds, is_crosspost, edge_id, relation, edge_state, confidence",
    "bench_closure": "tenant_id, above, below, distance",
}
CHUNK = 100_000
LABEL = 15  # hexadecimal digits, as engagerr_label() takes them

# What a family adds up to that stands in its nodes: pieces and seconds by platform.
OF_NODES = """
SELECT platform, count(*), sum(duration_seconds) FROM content_nodes
WHERE tenant_id = %(tenant_id)s AND family_id = %(family_id)s GROUP BY platform ORDER BY platform
"""
OF_EDGES = """
WITH RECURSIVE member AS (
  SELECT %(family_id)s::uuid AS id
  UNION ALL
  SELECT edge.child_id FROM member
  JOIN content_edges AS edge ON edge.tenant_id = %(tenant_id)s AND edge.parent_id = member.id
    AND edge.state IN ('confirmed', 'auto_confirmed')
)
SELECT item.platform, count(*), sum(item.duration_seconds) FROM member
JOIN content_items AS item ON item.tenant_id = %(tenant_id)s AND item.id = member.id
GROUP BY item.platform ORDER BY item.platform
"""
OF_CLOSURE = """
SELECT item.platform, count(*), sum(item.duration_seconds) FROM bench_closure AS member
JOIN content_items AS item ON item.tenant_id = %(tenant_id)s AND item.id = member.below
WHERE member.tenant_id = %(tenant_id)s AND member.above = %(family_id)s GROUP BY item.platform ORDER BY item.platform
"""
RIVALS = {"recursive query": OF_EDGES, "closure table": OF_CLOSURE}
CLOSURE_TABLE = """
CREATE TABLE bench_closure (tenant_id uuid NOT NULL, above uuid NOT NULL, below uuid NOT NULL, distance int NOT NULL)
"""
CLOSURE_INDEXES = (
    "CREATE UNIQUE INDEX ON bench_closure (tenant_id, above, below)",
    "SELECT engagerr_close_table('bench_closure')",
    f"GRANT SELECT ON bench_closure TO {APP}",
)
# With these, each rival reads indexes alone, as the nodes' own total does.
COVERING_FOR_RIVALS = (
    "CREATE INDEX ON content_edges (tenant_id, parent_id) INCLUDE (child_id, state)",
    "CREATE UNIQUE INDEX ON content_items (tenant_id, id) INCLUDE (platform, duration_seconds)",
)
BULK = """
INSERT INTO content_edges (tenant_id, child_id, parent_id, relation, state, confidence, evidence)
SELECT %(tenant_id)s, child_id, parent_id, 'clip_of', %(state)s, 0.97,
       '[{"kind": "link", "detail": "the description names it", "weight": 0.97}]'
FROM unnest(%(children)s::uuid[], %(parents)s::uuid[]) AS edge (child_id, parent_id)
"""
NODES_OF = "SELECT * FROM content_nodes WHERE tenant_id = %s AND family_id = ANY (%s) ORDER BY item_id"
EDGES_OF = """
SELECT edge.* FROM content_nodes AS node JOIN content_edges AS edge USING (tenant_id)
WHERE tenant_id = %s AND family_id = ANY (%s) AND edge.id = node.edge_id ORDER BY random()
"""


@dataclass(frozen=True, slots=True)
class Forest:
    """Items in families, parents before children; the arrays are by item, and `rank` is the order of publication.

    `parent` is -1 for a root. `large` families come first, then those drawn by size, then items that are `alone`.
    """

    parent: np.ndarray
    family: np.ndarray
    account: np.ndarray
    day: np.ndarray
    rank: np.ndarray
    names: list[str]
    roots: list[int]
    sizes: list[int]
    large: int
    alone: int

    @property
    def drawn(self) -> slice:
        """The places of the families that were drawn by size, among `roots` and `sizes`."""
        return slice(self.large, len(self.roots))

    def id(self, item: int) -> UUID:
        """The id of an item."""
        return UUID(self.names[item])


def grow(seed: random.Random, items: int, *, large: Sequence[int], alone: int) -> Forest:
    """Families of one creator each, as bench_families.py draws them, and some items in none."""
    sizes = [*large, *sizes_of_families(seed, items - sum(large) - alone), *[1] * alone]
    parent, family, account, day = (np.empty(items, kind) for kind in (np.int32, np.int32, np.int32, np.float64))
    roots, start = [], 0
    for number, size in enumerate(sizes):
        creator, first_day = seed.randrange(CREATORS) * len(PLATFORMS), seed.uniform(0, DAYS)
        roots.append(start)
        for place, (above, _) in enumerate(shape(seed, size)):
            parent[start + place] = start + above if place else -1
            family[start + place] = start
            account[start + place] = creator + (seed.randrange(len(PLATFORMS)) if place else number % 2)
            day[start + place] = first_day + (min(60, seed.expovariate(1 / DAYS_BETWEEN)) if place else 0)
        start += size
    rank = np.empty(items, np.int64)
    rank[np.argsort(day, kind="stable")] = np.arange(items)
    # UUIDv7, a millisecond apart in the order of publication.
    first = 1_760_000_000_000
    names = [
        f"{first + place:012x}7{seed.getrandbits(12):03x}{(2 << 62) | seed.getrandbits(62):016x}"
        for place in rank.tolist()
    ]
    return Forest(parent, family, account, day, rank, names, roots[: len(sizes) - alone], sizes, len(large), alone)


def write(home: Home, tenant: UUID, forest: Forest, *, closure: bool) -> None:
    """Items, edges and nodes as they would stand after imports, in the order of publication and without triggers."""
    creators = [UUID(int=number + 1) for number in range(CREATORS)]
    accounts = [UUID(int=10_000 + number) for number in range(ACCOUNTS)]
    handles = [f"@bench{number}" for number in range(ACCOUNTS)]
    with home.connect(SUPERUSER) as connection:
        connection.execute("SET session_replication_role = replica")
        if closure:
            connection.execute(CLOSURE_TABLE)
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO creators (tenant_id, id, name) VALUES (%s, %s, %s)",
                [(tenant, creator, f"Creator {number}") for number, creator in enumerate(creators)],
            )
            cursor.executemany(
                "INSERT INTO accounts (tenant_id, id, creator_id, platform, handle, handle_key)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [
                    (tenant, account, creators[number // len(PLATFORMS)], PLATFORMS[number % len(PLATFORMS)],
                     handles[number], handles[number][1:])
                    for number, account in enumerate(accounts)
                ],
            )  # fmt: skip
        for chunk in _chunks(forest):
            lines = _lines(tenant, forest, chunk, [str(account) for account in accounts], handles, closure=closure)
            for table, rows in lines.items():
                with connection.cursor().copy(f"COPY {table} ({COPIED[table]}) FROM STDIN") as copy:
                    copy.write("".join(rows))
        if closure:
            for statement in CLOSURE_INDEXES:
                connection.execute(statement)


def _chunks(forest: Forest) -> Iterator[list[int]]:
    order = np.argsort(forest.rank)
    for start in range(0, len(order), CHUNK):
        yield order[start : start + CHUNK].tolist()


def _lines(
    tenant: UUID, forest: Forest, chunk: list[int], accounts: list[str], handles: list[str], *, closure: bool
) -> dict[str, list[str]]:
    """Lines of COPY for some items: as they stand in each table."""
    names, parents = forest.names, forest.parent
    lines: dict[str, list[str]] = {table: [] for table in COPIED if closure or table != "bench_closure"}
    moments = np.datetime64(FIRST_DAY.replace(tzinfo=None), "s") + (forest.day[chunk] * 86_400).astype("timedelta64[s]")
    dates = np.datetime_as_string(moments).tolist()
    for item, place, account, date in zip(
        chunk, forest.rank[chunk].tolist(), forest.account[chunk].tolist(), dates, strict=True
    ):
        name, platform = names[item], PLATFORMS[account % len(PLATFORMS)]
        line = [item]
        while (above := int(parents[line[-1]])) >= 0:
            line.append(above)
        kind = "short_video" if len(line) > 1 else "episode"
        shown = (
            f"{kind}\tEpisode {place}: what we learnt about a thing\thttps://www.example.com/watch?v=v{place:010d}"
            f"\t{date}Z\t{30 + place % 3600}"
        )
        lines["content_items"].append(
            f"{tenant}\t{name}\t{accounts[account]}\t{platform}\tv{place:010d}\t{shown}\ten\t{tenant}\t{date}Z\n"
        )
        hangs = "\\N\t\\N\t\\N\t\\N"
        if len(line) > 1:
            relation, state = RELATIONS[place % 4], "confirmed" if place % 2 else "auto_confirmed"
            edge = f"{name[:13]}e{name[14:]}"
            hangs = f"{edge}\t{relation}\t{state}\t0.950"
            lines["content_edges"].append(
                f"{tenant}\t{edge}\t{name}\t{names[line[1]]}\t{relation}\t{state}\t0.950"
                '\t[{"kind": "link", "detail": "the description names it", "weight": 0.95}]\n'
            )
        if item < len(names) - forest.alone:
            path = ".".join(names[member][-LABEL:] for member in reversed(line))
            lines["content_nodes"].append(
                f"{tenant}\t{name}\t{names[line[-1]]}\t{path}\t{platform}\tv{place:010d}\t{platform}:{handles[account]}"
                f"\t{shown}\tf\t{hangs}\n"
            )
            if closure:
                lines["bench_closure"] += [
                    f"{tenant}\t{names[member]}\t{name}\t{distance}\n" for distance, member in enumerate(line)
                ]
    return lines


@dataclass(frozen=True, slots=True)
class Orchard:
    """A server with one tenant and its forest."""

    home: Home
    tenant: UUID
    forest: Forest

    def connect(self) -> psycopg.Connection[Any]:
        """A connection as the application, in the tenant, in a transaction."""
        connection = self.home.connect(APP, autocommit=False)
        connection.execute(SET_TENANT.replace("true", "false"), [str(self.tenant)])
        connection.commit()
        return connection

    def values(self, root: int) -> dict[str, UUID]:
        """What names the family of this root in a statement."""
        return {"tenant_id": self.tenant, "family_id": self.forest.id(root)}


def plant(stack: contextlib.ExitStack, items: int, *, large: Sequence[int] = (), alone: int = 0) -> Orchard:
    """A server of its own with so many items, vacuumed and as much in memory as it takes; a large one has a closure."""
    home = stack.enter_context(temporary_home())
    tenant = stack.enter_context(Engagerr.open(home=home.path)).init("Bench").tenant.id
    with step(f"{items:,} items"):
        seed = random.Random(60)
        forest = grow(seed, items, large=large, alone=alone)
        write(home, tenant, forest, closure=bool(large))
    with step("vacuum and analyze"), home.connect(SUPERUSER) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        connection.execute("SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE relname ~ '^content_nodes'")
    return Orchard(home, tenant, forest)


def drawn_as_the_triggers_draw(orchard: Orchard, families: Sequence[int]) -> int:
    """Take families apart and put them together again, as the application; how many nodes stand exactly as before."""
    ids = [orchard.forest.id(root) for root in families]
    with orchard.connect() as app:
        before = app.execute(NODES_OF, [orchard.tenant, ids]).fetchall()
        cursor = app.execute(EDGES_OF, [orchard.tenant, ids])
        columns = [column.name for column in cursor.description or ()]
        edges = [[psycopg.types.json.Jsonb(value) if isinstance(value, list) else value for value in row]
                 for row in cursor.fetchall()]  # fmt: skip
        app.execute("DELETE FROM content_edges WHERE id = ANY (%s)", [[row[columns.index("id")] for row in edges]])
        assert app.execute(NODES_OF, [orchard.tenant, ids]).fetchall() == []
        with app.cursor() as writer:
            writer.executemany(
                f"INSERT INTO content_edges ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})", edges
            )
        assert app.execute(NODES_OF, [orchard.tenant, ids]).fetchall() == before
        app.rollback()
    return len(before)


def read_in_turns(small: Orchard, large: Orchard, options: Namespace) -> tuple[list[Limit], dict[str, Any]]:
    """Families of both forests, drawn alike, each beside a `select 1` on its own connection."""
    orchards = {"small": small, "large": large}
    seed = random.Random(61)
    chosen = {
        name: seed.sample(orchard.forest.roots[orchard.forest.drawn], options.reads)
        for name, orchard in orchards.items()
    }
    ratios: dict[str, list[float]] = {name: [] for name in ("to_one", "p95_to_one", "small_to_one", "growth")}
    reads: dict[str, list[float]] = {name: [] for name in orchards}
    floors = []
    with small.connect() as one, large.connect() as other:
        held = not options.no_pin and hold_on_one_core(one, other)
        connections = {"small": one, "large": other}
        for name, orchard in orchards.items():
            for root in chosen[name][:300]:
                timed(connections[name], FAMILY_READ, orchard.values(root))
        for number in range(options.rounds):
            took: dict[str, list[float]] = {"small": [], "large": [], "small_one": [], "large_one": []}
            for place in range(options.reads):
                for name, orchard in orchards.items():
                    took[f"{name}_one"].append(floor(connections[name]))
                    took[name].append(timed(connections[name], FAMILY_READ, orchard.values(chosen[name][place])))
            middle = {name: statistics.median(times) for name, times in took.items()}
            ratios["to_one"].append(middle["large"] / middle["large_one"])
            ratios["p95_to_one"].append(percentile(took["large"], 0.95) / middle["large_one"])
            ratios["small_to_one"].append(middle["small"] / middle["small_one"])
            ratios["growth"].append(middle["large"] / middle["small"])
            floors.append(middle["large_one"])
            for name in orchards:
                reads[name] += took[name]
            say(f"  round {number + 1}: " + ", ".join(f"{name} {ratio[-1]:.2f}" for name, ratio in ratios.items()))
        explain(other, FAMILY_READ, large.values(chosen["large"][0]))
    figures = {
        "select_1_us": spread(floors, 1),
        **{
            f"{name}_us": {"p50": round(statistics.median(times), 1), "p95": round(percentile(times, 0.95), 1)}
            for name, times in reads.items()
        },
    }
    limits = [
        Limit("family read among all items, p50 / p50 of select 1", statistics.median(ratios["to_one"]), at_most=4,
              figures={**figures, "ratio": spread(ratios["to_one"])}),
        Limit("family read among all items / among the fewer items, p50", statistics.median(ratios["growth"]),
              at_most=2, figures={"ratio": spread(ratios["growth"])}),
    ]  # fmt: skip
    also = {
        "held_on_one_core": held,
        "read_p95_to_select_1": spread(ratios["p95_to_one"]),
        "read_among_the_fewer_to_select_1": spread(ratios["small_to_one"]),
    }
    return limits, also


def explain(connection: psycopg.Connection[Any], statement: str, values: dict[str, Any]) -> None:
    """The plan as it runs, for whoever watches."""
    for (line,) in connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", values):
        say(f"    {line}")


def add_up(orchard: Orchard, options: Namespace) -> tuple[list[Limit], dict[str, Any]]:
    """Totals of the large families in three ways; then again with indexes made for the rivals alone."""
    plain = totals(orchard, options)
    with step("indexes for the rivals"), orchard.home.connect(SUPERUSER) as connection:
        for statement in COVERING_FOR_RIVALS:
            connection.execute(statement)
        connection.execute("VACUUM ANALYZE content_edges, content_items, bench_closure")
    covered = totals(orchard, options)
    ours = statistics.median(plain["nodes"])
    limits = [
        Limit(f"total of {options.large:,} nodes: {name} / nodes, p50", statistics.median(plain[name]) / ours,
              at_least=6, figures={f"{way}_ms": spread(plain[way]) for way in ("nodes", name)})
        for name in RIVALS
    ]  # fmt: skip
    again = statistics.median(covered["nodes"])
    return limits, {
        "totals_with_covering_indexes_for_the_rivals_to_nodes": {
            name: round(statistics.median(covered[name]) / again, 2) for name in RIVALS
        }
    }


def totals(orchard: Orchard, options: Namespace) -> dict[str, list[float]]:
    """Milliseconds of the total of each large family, in turns; the three ways must agree."""
    took: dict[str, list[float]] = {"nodes": [], **{name: [] for name in RIVALS}}
    with orchard.connect() as app:
        if not options.no_pin:
            hold_on_one_core(app)
        for number in range(options.rounds * 4 + 1):
            for root in orchard.forest.roots[: orchard.forest.large]:
                values = orchard.values(root)
                answers = []
                for name, statement in {"nodes": OF_NODES, **RIVALS}.items():
                    started = time.perf_counter()
                    answers.append(app.execute(statement, values, prepare=True).fetchall())
                    if number > 0:  # the first round warms
                        took[name].append((time.perf_counter() - started) * 1e3)
                assert answers[0] == answers[1] == answers[2]
                assert sum(row[1] for row in answers[0]) == options.large
        for statement in (OF_NODES, *RIVALS.values()):
            explain(app, statement, orchard.values(orchard.forest.roots[0]))
    return took


def move(orchard: Orchard, options: Namespace) -> tuple[Limit, dict[str, Any]]:
    """Hang each large family below a leaf of another one: one UPDATE of one edge, and back."""
    forest = orchard.forest
    inside, durable, back, fresh = [], [], [], []
    with orchard.connect() as app, orchard.home.connect(SUPERUSER) as superuser:
        edges = []
        for place in range(options.large_families):
            other = forest.roots[-1 - place]
            row = app.execute(
                "INSERT INTO content_edges (tenant_id, child_id, parent_id, relation, state, confidence)"
                " VALUES (%s, %s, %s, 'part_of', 'suggested', 0.7) RETURNING id",
                (orchard.tenant, forest.id(forest.roots[place]), forest.id(other)),
            ).fetchone()
            assert row is not None
            edges.append(row[0])
        app.commit()

        def rate(edge: UUID, state: str, *, commit: bool) -> float:
            started = time.perf_counter()
            app.execute(SET_STATE, {"tenant_id": orchard.tenant, "id": edge, "state": state}, prepare=True)
            if commit:
                app.commit()
            return float(options.large / (time.perf_counter() - started))

        for edge in edges[:1]:  # warms: plans, and the pages of the tables' ends
            rate(edge, "confirmed", commit=False)
            app.rollback()
        # Taken back by rollback, the rows lie where publication put them, strewn over the whole table, each time.
        for edge in edges * options.rounds:
            inside.append(rate(edge, "confirmed", commit=False))
            app.rollback()
        # After a checkpoint, each page that is touched for the first time goes to the log as a whole.
        for edge in edges:
            superuser.execute("CHECKPOINT")
            fresh.append(rate(edge, "confirmed", commit=False))
            app.rollback()
        for edge in edges:
            durable.append(rate(edge, "confirmed", commit=True))
            back.append(rate(edge, "suggested", commit=True))
    limit = Limit(
        f"nodes/s of one statement that moves {options.large:,} nodes",
        statistics.median(inside),
        at_least=57_000,
        figures={"nodes_per_second": spread(inside, 0)},
    )
    also = {
        "move_and_commit_nodes_per_second": spread(durable, 0),
        "take_back_and_commit_nodes_per_second": spread(back, 0),
        "move_just_after_a_checkpoint_nodes_per_second": spread(fresh, 0),
    }
    return limit, also


def stand_up(orchard: Orchard, options: Namespace) -> tuple[Limit, dict[str, Any]]:
    """Hang items that are alone together in families of five: one INSERT of all edges, as detection sends it."""
    seed = random.Random(62)
    names = orchard.forest.names[-orchard.forest.alone :]
    seed.shuffle(names)
    children, parents = [], []
    for start in range(0, len(names) - 4, 5):
        for place in range(1, 5):
            children.append(names[start + place])
            parents.append(names[start + seed.randrange(place)])
    rates: dict[str, list[float]] = {"auto_confirmed": [], "suggested": []}
    with orchard.connect() as app:
        for _ in range(options.rounds):
            for state, seen in rates.items():
                started = time.perf_counter()
                app.execute(
                    BULK, {"tenant_id": orchard.tenant, "state": state, "children": children, "parents": parents}
                )
                seen.append(len(children) / (time.perf_counter() - started))
                app.rollback()
    limit = Limit(
        f"edges/s of one statement that confirms {len(children):,} edges",
        statistics.median(rates["auto_confirmed"]),
        at_least=10_000,
        figures={"edges_per_second": spread(rates["auto_confirmed"], 0)},
    )
    return limit, {"the_same_as_suggestions_edges_per_second": spread(rates["suggested"], 0)}


def sizes_on_disk(orchard: Orchard) -> dict[str, int]:
    """Megabytes of the tables and their indexes."""
    with orchard.home.connect(SUPERUSER) as connection:
        found = connection.execute(
            "SELECT relname, pg_relation_size(oid) / 1000000 FROM pg_class"
            " WHERE relname ~ '^(content_(items|edges|nodes)|bench_closure)' ORDER BY relname"
        )
        return dict(found.fetchall())


def main() -> None:
    """Fill, measure, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--items", type=int, default=5_000_000)
    parser.add_argument("--fewer", type=int, default=100_000, help="items of the small forest")
    parser.add_argument("--large", type=int, default=10_000, help="nodes of a large family")
    parser.add_argument("--large-families", type=int, default=4)
    parser.add_argument("--bulk", type=int, default=20_000, help="edges of one INSERT")
    parser.add_argument("--reads", type=int, default=2000, help="families read a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-pin", action="store_true", help="let the system choose the cores")
    options = parser.parse_args()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    with contextlib.ExitStack() as stack:
        say("trees: filling")
        small = plant(stack, options.fewer)
        # Edges come in bulk to the items that are alone.
        large = plant(stack, options.items, large=[options.large] * options.large_families, alone=options.bulk * 5 // 4)
        alike = drawn_as_the_triggers_draw(small, small.forest.roots[:60])
        say("trees: reading")
        reads, also = read_in_turns(small, large, options)
        say("trees: adding up")
        megabytes = sizes_on_disk(large)
        added, also_added = add_up(large, options)
        if cores is not None:
            os.sched_setaffinity(0, cores)
        say("trees: moving")
        moves, also_moved = move(large, options)
        say("trees: hanging up")
        bulk, also_bulk = stand_up(large, options)
    drawn = large.forest.sizes[large.forest.drawn]
    finish(
        "trees",
        [*reads, *added, moves, bulk],
        sizes={
            "items": options.items,
            "fewer_items": options.fewer,
            "families": len(drawn),
            "nodes_of_a_family": {
                "median": statistics.median(drawn),
                "p95": percentile(drawn, 0.95),
                "max": max(drawn),
            },
            "large_families": options.large_families,
            "nodes_of_a_large_family": options.large,
            "nodes_that_stand_as_triggers_make_them": alike,
            "megabytes": megabytes,
        },
        also={**also, **also_added, **also_moved, **also_bulk},
        assert_limits=options.assert_limits,
    )


if __name__ == "__main__":
    main()
