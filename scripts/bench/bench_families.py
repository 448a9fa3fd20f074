"""Family reads and moves at a million items, as the application role under row-level security, against `select 1`.

Every read is timed at the client (psycopg, unix socket, prepared, warmed) beside a `select 1` on the same connection.
Client and server process are held on one core, where `select 1` is quickest and steadiest: left to the system, it takes
30 µs or 100 µs depending on where it puts the two, and the ratios follow. Tables are in PostgreSQL's memory, but no
family is read twice in a round, so that its rows are in no processor cache.
"""

from __future__ import annotations

import os
import random
import re
import statistics
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from engagerr import Engagerr
from engagerr.core.content.families import FAMILY_NODES
from measuring import APP, SUPERUSER, Home, Limit, arguments, finish, percentile, say, spread, step, temporary_home

PLACEHOLDER = re.compile(r"(?<!:):(\w+)")
FAMILY_READ = PLACEHOLDER.sub(r"%(\1)s", FAMILY_NODES)
# What Content.confirm sends; the trigger edges_updated moves the nodes.
SET_STATE = """
UPDATE content_edges SET state = %(state)s, updated_at = now() WHERE tenant_id = %(tenant_id)s AND id = %(id)s
"""
# What the triggers would have made of the edges, one by one.
NODES = """
INSERT INTO content_nodes (tenant_id, item_id, family_id, path, platform, native_id, account, kind, title, url,
                           published_at, duration_seconds, is_crosspost, edge_id, relation, edge_state, confidence)
SELECT item.tenant_id, item.id, place.family_id, place.path, item.platform, item.native_id,
       account.platform || ':' || account.handle, item.kind, item.title, item.url, item.published_at,
       item.duration_seconds, item.hints @> '{"is_crosspost": true}', edge.id, edge.relation,
       edge.state, edge.confidence
FROM places AS place
JOIN content_items AS item ON item.tenant_id = %(tenant_id)s AND item.id = place.item_id
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
LEFT JOIN content_edges AS edge ON edge.tenant_id = item.tenant_id AND edge.child_id = item.id
ORDER BY item.id
"""
SET_TENANT = "SELECT set_config('engagerr.tenant_id', %s, true)"
LARGEST = 60
MEDIAN_NODES, SPREAD_NODES = 8, 0.8
DEPTHS = (2, 5)
MOVES = 40
VERB_READS = 300
PLATFORMS = ("youtube", "podcast", "tiktok", "instagram", "x")
RELATIONS = ("clip_of", "same_work", "promotes", "part_of")
CREATORS = 300
ACCOUNTS = CREATORS * len(PLATFORMS)
FIRST_DAY = datetime(2023, 10, 1, tzinfo=UTC)
DAYS, DAYS_BETWEEN = 1000, 10
SIZES = {" 2-4": 4, " 5-15": 15, "16-59": 59, "60": 60}
LAYOUTS = ("publication", "account", "shuffled")


@dataclass(frozen=True, slots=True)
class Node:
    """One item in its family; the root has no parent. `account` is a number below ACCOUNTS, `day` counts from 0."""

    id: UUID
    family: UUID
    parent: UUID | None
    path: str
    depth: int
    account: int
    day: float


def sizes_of_families(seed: random.Random, items: int) -> Iterator[int]:
    """Sizes, lognormal with a median of 8 and 60 at most, that add up to `items`."""
    left = items
    while left > 0:
        size = min(LARGEST, left, max(2, round(MEDIAN_NODES * seed.lognormvariate(0, SPREAD_NODES))))
        yield size
        left -= size


def shape(seed: random.Random, size: int) -> list[tuple[int, int]]:
    """A random tree of 2 to 5 levels as (place of the parent, depth) in an order where parents come first."""
    levels = seed.randint(*DEPTHS)
    made, open_places = [(-1, 1)], [0]
    for place in range(1, size):
        # The first nodes make the spine, so that the depth is reached where there are nodes enough.
        parent = place - 1 if place < levels else seed.choice(open_places)
        depth = made[parent][1] + 1
        made.append((parent, depth))
        if depth < levels:
            open_places.append(place)
    return made


def draw_families(seed: random.Random, sizes: Sequence[int], layout: str) -> list[list[Node]]:
    """Families of one creator each, over all of their accounts; what hangs below a root follows in the weeks after."""
    plan = []
    for number, size in enumerate(sizes):
        creator, first_day = seed.randrange(CREATORS), seed.uniform(0, DAYS)
        for place, (parent, depth) in enumerate(shape(seed, size)):
            account = creator * len(PLATFORMS) + (seed.randrange(len(PLATFORMS)) if place else number % 2)
            day = first_day + (min(60, seed.expovariate(1 / DAYS_BETWEEN)) if place else 0)
            plan.append((number, place, parent, depth, account, day))
    order = list(range(len(plan)))
    match layout:
        case "publication":
            order.sort(key=lambda at: plan[at][5])
        case "account":
            order.sort(key=lambda at: plan[at][4:])
        case _:
            seed.shuffle(order)
    ids: list[UUID] = [UUID(int=0)] * len(plan)
    for at, made in zip(order, time_ordered_ids(seed, len(plan)), strict=True):
        ids[at] = made
    families: list[list[Node]] = []
    for at, (_, place, parent, depth, account, day) in enumerate(plan):
        if place == 0:
            families.append([])
        above = families[-1][parent] if place else None
        label = ids[at].hex[-15:]  # as engagerr_label() makes it
        families[-1].append(
            Node(
                ids[at], above.family if above else ids[at], above.id if above else None,
                f"{above.path}.{label}" if above else label, depth, account, day,
            )
        )  # fmt: skip
    return families


def time_ordered_ids(seed: random.Random, count: int) -> Iterator[UUID]:
    """UUIDv7, ten milliseconds apart."""
    first = 1_760_000_000_000
    for place in range(count):
        random_bits = seed.getrandbits(74)
        yield UUID(
            int=((first + 10 * place) << 80)
            | (7 << 76)
            | ((random_bits >> 62) << 64)
            | (2 << 62)
            | (random_bits % 2**62)
        )


def fill(home: Home, tenant: UUID, families: list[list[Node]]) -> None:
    """Write a tenant's items, edges and nodes as they would stand after imports, without triggers and checks."""
    nodes = sorted((node for family in families for node in family), key=lambda node: node.id)
    import_id = uuid4()
    accounts = [uuid4() for _ in range(ACCOUNTS)]
    with home.connect(SUPERUSER, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        creators = [uuid4() for _ in range(CREATORS)]
        cursor.executemany(
            "INSERT INTO creators (tenant_id, id, name) VALUES (%s, %s, %s)",
            [(tenant, creator, f"Creator {number}") for number, creator in enumerate(creators)],
        )
        cursor.executemany(
            "INSERT INTO accounts (tenant_id, id, creator_id, platform, handle, handle_key)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [
                (
                    tenant,
                    account,
                    creators[number // len(PLATFORMS)],
                    _platform(number),
                    f"@bench{number}",
                    f"bench{number}",
                )
                for number, account in enumerate(accounts)
            ],
        )
        with cursor.copy(
            "COPY content_items (tenant_id, id, account_id, platform, native_id, kind, title, url, published_at,"
            " duration_seconds, language, import_id, described_at) FROM STDIN"
        ) as copy:
            for place, node in enumerate(nodes):
                moment = FIRST_DAY + timedelta(days=node.day)
                copy.write_row(
                    (
                        tenant, node.id, accounts[node.account], _platform(node.account), f"v{place:010d}",
                        "short_video" if node.parent else "episode", f"Episode {place}: what we learnt about a thing",
                        f"https://www.example.com/watch?v=v{place:010d}", moment, 30 + place % 3600, "en",
                        import_id, moment,
                    )
                )  # fmt: skip
        with cursor.copy(
            "COPY content_edges (tenant_id, child_id, parent_id, relation, state, confidence, evidence) FROM STDIN"
        ) as copy:
            for place, node in enumerate(nodes):
                if node.parent is not None:
                    copy.write_row(
                        (
                            tenant, node.id, node.parent, RELATIONS[place % 4],
                            "confirmed" if place % 2 else "auto_confirmed", "0.950",
                            '[{"kind": "link", "detail": "the description names it", "weight": 0.95}]',
                        )
                    )  # fmt: skip
        cursor.execute("CREATE TEMPORARY TABLE places (item_id uuid, family_id uuid, path ltree) ON COMMIT DROP")
        with cursor.copy("COPY places FROM STDIN") as copy:
            for node in nodes:
                copy.write_row((node.id, node.family, node.path))
        cursor.execute("ANALYZE places, content_items, content_edges, accounts")
        cursor.execute(NODES, {"tenant_id": tenant})


def _platform(account: int) -> str:
    return PLATFORMS[account % len(PLATFORMS)]


def add_figures(home: Home, tenant: UUID, members: list[Node]) -> int:
    """Observations for the families that are read through the verb: three metrics, in three months of twelve."""
    with home.connect(APP) as connection:
        connection.execute(
            "SELECT engagerr_ensure_partitions(ARRAY(SELECT m::date FROM"
            " generate_series('2025-11-01'::timestamp, '2026-10-01', '1 month') AS m))"
        )
    rows = 0
    with (
        home.connect(SUPERUSER) as connection,
        connection.cursor() as cursor,
        cursor.copy(
            "COPY metric_observations (tenant_id, subject_id, metric, observed_at, period_days, value, state,"
            " import_id, row) FROM STDIN"
        ) as copy,
    ):
        for node in members:
            for month in ("2026-08", "2026-09", "2026-10"):
                for metric in ("views", "likes", "comments"):
                    copy.write_row(
                        (
                            tenant,
                            node.id,
                            metric,
                            f"{month}-02T00:00:00Z",
                            0,
                            1000 + rows % 999,
                            "value",
                            node.family,
                            1,
                        )
                    )
                    rows += 1
    return rows


def timed(connection: psycopg.Connection[Any], statement: str, values: dict[str, Any] | None = None) -> float:
    """Microseconds from sending a statement to having all its rows in Python."""
    started = time.perf_counter()
    connection.execute(statement, values, prepare=True).fetchall()
    return (time.perf_counter() - started) * 1e6


def floor(connection: psycopg.Connection[Any]) -> float:
    """Microseconds of the least that a statement can be."""
    return timed(connection, "SELECT 1")


def hold_on_one_core(*connections: psycopg.Connection[Any]) -> bool:
    """Put this process and the server's processes for it on one core; False where the system does not let us."""
    try:
        core = {min(os.sched_getaffinity(0))}
        for process in (0, *(connection.info.backend_pid for connection in connections)):
            os.sched_setaffinity(process, core)
    except (AttributeError, OSError):
        return False
    return True


def read_families(
    home: Home, tenant: UUID, chosen: list[list[Node]], options: Namespace
) -> tuple[list[Limit], dict[str, Any]]:
    """Reads as the application role and, for the price of row-level security, as the superuser, who is above it."""
    with home.connect(APP, autocommit=False) as app, home.connect(SUPERUSER, autocommit=False) as unbound:
        held = not options.no_pin and hold_on_one_core(app, unbound)
        app.execute(SET_TENANT, [str(tenant)])
        for connection in (app, unbound):
            for family in chosen[:200]:
                floor(connection)
                timed(connection, FAMILY_READ, {"tenant_id": tenant, "family_id": family[0].id})
        p50, p95, p99, price, floors, reads = [], [], [], [], [], []
        by_size: dict[str, list[float]] = {}
        for number in range(options.rounds):
            ones, as_app, free = [], [], []
            for place, family in enumerate(chosen):
                # The same family later in the round, so that neither role finds what the other has warmed.
                twin = chosen[(place + len(chosen) // 2) % len(chosen)]
                floor(unbound)
                free.append(timed(unbound, FAMILY_READ, {"tenant_id": tenant, "family_id": twin[0].id}))
                ones.append(floor(app))
                as_app.append(timed(app, FAMILY_READ, {"tenant_id": tenant, "family_id": family[0].id}))
            one = statistics.median(ones)
            floors.append(one)
            p50.append(statistics.median(as_app) / one)
            p95.append(percentile(as_app, 0.95) / one)
            p99.append(percentile(as_app, 0.99) / one)
            price.append(statistics.median(as_app) / statistics.median(free))
            reads += as_app
            for family, read in zip(chosen, as_app, strict=True):
                by_size.setdefault(next(name for name, most in SIZES.items() if len(family) <= most), []).append(
                    read / one
                )
            say(f"  round {number + 1}: p50 {p50[-1]:.2f}, p95 {p95[-1]:.2f}, row-level security {price[-1]:.2f}")
        read = f"EXPLAIN (ANALYZE, BUFFERS) {FAMILY_READ}"
        for line in app.execute(read, {"tenant_id": tenant, "family_id": chosen[0][0].id}):
            say(f"    {line[0]}")
    figures = {
        "select_1_us": spread(floors, 1),
        "read_us": {"p50": round(statistics.median(reads), 1), "p95": round(percentile(reads, 0.95), 1)},
    }
    limits = [
        Limit("family read, p50 / p50 of select 1", statistics.median(p50), at_most=4,
              figures={**figures, "ratio": spread(p50)}),
        Limit("family read, p95 / p50 of select 1", statistics.median(p95), at_most=10,
              figures={**figures, "ratio": spread(p95)}),
        Limit("price of row-level security: p50 as the application / as superuser, same query with the tenant in it",
              statistics.median(price), at_most=1.5, figures={"ratio": spread(price)}),
    ]  # fmt: skip
    also = {
        "held_on_one_core": held,
        "read_p99_to_select_1": spread(p99),
        "read_p50_to_select_1_by_nodes": {size: round(statistics.median(r), 2) for size, r in sorted(by_size.items())},
    }
    return limits, also


def draw_moves(home: Home, tenant: UUID, made: list[list[Node]], seed: random.Random) -> list[UUID]:
    """Suggested edges, each of which hangs a family of 60 below a leaf of another one."""
    edges = []
    with home.connect(SUPERUSER) as connection:
        for family, above in zip(made[:MOVES], seed.sample(made[MOVES:], MOVES), strict=True):
            row = connection.execute(
                "INSERT INTO content_edges (tenant_id, child_id, parent_id, relation, state, confidence)"
                " VALUES (%s, %s, %s, 'part_of', 'suggested', 0.7) RETURNING id",
                (tenant, family[0].id, above[-1].id),
            ).fetchone()
            assert row is not None
            edges.append(row[0])
    return edges


def move_families(
    home: Home, tenant: UUID, edges: list[UUID], read: UUID, options: Namespace
) -> tuple[Limit, dict[str, Any]]:
    """Confirm and take back, inside a transaction that is rolled back and in one that is committed durably."""
    inside, with_commit, back, ones = [], [], [], []
    with home.connect(APP, autocommit=False) as app:
        if not options.no_pin:
            hold_on_one_core(app)

        def set_state(edge: UUID, state: str, *, commit: bool) -> float:
            started = time.perf_counter()
            app.execute(SET_STATE, {"tenant_id": tenant, "id": edge, "state": state}, prepare=True)
            if commit:
                app.commit()
            return (time.perf_counter() - started) * 1e6

        for number in range(options.rounds + 1):
            for edge in edges:
                app.execute(SET_TENANT, [str(tenant)])
                # As between the reads: after a commit the processor has slept, and `select 1` takes twice as long.
                timed(app, FAMILY_READ, {"tenant_id": tenant, "family_id": read})
                one = floor(app)
                move = set_state(edge, "confirmed", commit=False)
                app.rollback()
                app.execute(SET_TENANT, [str(tenant)])
                committed = set_state(edge, "confirmed", commit=True)
                app.execute(SET_TENANT, [str(tenant)])
                taken_back = set_state(edge, "suggested", commit=True)
                if number > 0:  # the first round warms
                    ones.append(one)
                    inside.append(move)
                    with_commit.append(committed)
                    back.append(taken_back)
    one = statistics.median(ones)
    limit = Limit(
        f"confirm an edge that moves {LARGEST} nodes, inside the transaction, p50 / p50 of select 1",
        statistics.median(inside) / one,
        at_most=40,
        figures={
            "select_1_us": spread(ones, 1),
            "confirm_us": {"p50": round(statistics.median(inside)), "p95": round(percentile(inside, 0.95))},
        },
    )
    also = {
        name: {"p50": round(statistics.median(took) / one, 1), "p95": round(percentile(took, 0.95) / one, 1)}
        for name, took in (("confirm_and_commit_to_select_1", with_commit), ("take_back_and_commit_to_select_1", back))
    }
    return limit, also


def read_through_the_verb(engagerr: Engagerr, chosen: list[list[Node]]) -> dict[str, float]:
    """Milliseconds of `work.content.tree(item)`: find the item, its family, its nodes and all their figures."""
    work = engagerr.workspace()
    reads = []
    for number, family in enumerate(chosen):
        started = time.perf_counter()
        tree = work.content.tree(str(family[-1].id))
        if number >= 20:
            reads.append((time.perf_counter() - started) * 1e3)
        assert tree.id == family[0].id
    return {
        "p50_ms": round(statistics.median(reads), 2),
        "p95_ms": round(percentile(reads, 0.95), 2),
        "reads": len(reads),
    }


def main() -> None:
    """Fill, measure, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--items", type=int, default=1_000_000, help="items of the tenant that is read")
    parser.add_argument("--other-items", type=int, default=200_000, help="items of another tenant in the same tables")
    parser.add_argument("--reads", type=int, default=3000, help="families read a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--layout", choices=LAYOUTS, default=LAYOUTS[0],
        help="the order of rows in the tables: by date over all creators, as daily imports bring them; account by"
        " account, as first imports do; or shuffled",
    )  # fmt: skip
    parser.add_argument("--no-pin", action="store_true", help="let the system choose the cores")
    options = parser.parse_args()
    seed = random.Random(60)
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    with temporary_home() as home, Engagerr.open(home=home.path) as engagerr:
        say("families: filling")
        tenant = engagerr.init("Bench").tenant.id
        other = uuid4()
        with home.connect(SUPERUSER) as connection:
            connection.execute("INSERT INTO tenants (id, kind, name) VALUES (%s, 'agency', 'Other')", [other])
        with step(f"{options.items:,} items"):
            # The big ones are there to be moved; what is read is drawn from the distribution alone.
            sizes = [LARGEST] * MOVES + list(sizes_of_families(seed, options.items - LARGEST * MOVES))
            families = draw_families(seed, sizes, options.layout)
            fill(home, tenant, families)
        with step(f"{options.other_items:,} items of another tenant"):
            fill(home, other, draw_families(seed, list(sizes_of_families(seed, options.other_items)), options.layout))
        chosen = seed.sample(families[MOVES:], min(options.reads, len(families) - MOVES))
        edges = draw_moves(home, tenant, families, seed)
        with step("observations, vacuum and analyze"):
            observations = add_figures(home, tenant, [node for family in chosen[:VERB_READS] for node in family])
            with home.connect(SUPERUSER) as connection:
                connection.execute("VACUUM ANALYZE")
                connection.execute("CHECKPOINT")
                connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
                connection.execute("SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE relname ~ '^(content|accounts)'")
        say("families: reading")
        limits, also = read_families(home, tenant, chosen, options)
        say("families: moving")
        move, also_moved = move_families(home, tenant, edges, chosen[0][0].id, options)
        between_reads = limits[0].figures["select_1_us"]["median"]
        also_moved["confirm_to_select_1_between_reads"] = round(move.figures["confirm_us"]["p50"] / between_reads, 1)
        if cores is not None:
            os.sched_setaffinity(0, cores)
        verb = read_through_the_verb(engagerr, chosen[:VERB_READS])
    drawn = sizes[MOVES:]
    finish(
        "families",
        [*limits, move],
        sizes={
            "items": options.items,
            "items_of_another_tenant": options.other_items,
            "families": len(drawn),
            "nodes_of_a_family": {
                "median": statistics.median(drawn),
                "p95": percentile(drawn, 0.95),
                "max": max(drawn),
            },
            "families_by_levels": {
                str(depth): sum(max(node.depth for node in family) == depth for family in chosen)
                for depth in range(2, 6)
            },
            "layout": options.layout,
            "families_read_a_round": len(chosen),
            "nodes_moved": LARGEST,
            "observations": observations,
        },
        also={**also, **also_moved, "tree_through_the_verb": verb},
        assert_limits=options.assert_limits,
    )


if __name__ == "__main__":
    main()
