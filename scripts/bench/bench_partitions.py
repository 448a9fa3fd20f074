"""Months of observations: loading a closed one, and which index finds the rows of one import.

A closed month is loaded twice from the same bytes in the same order, in turns: by `Partitions.load_month` (COPY into
a bare table, then key, indexes and checks, then attach) and by COPY into a partition that has them already.

For the indexes, months of figures land import by import in order of time, as a sync writes them; each month one import
is a history that falls into every month before it. The same rows are then asked for, as the application role, with no
index, with block range indexes and with B-trees, and the same further imports land with each of them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from engagerr import Engagerr
from engagerr.core.db.partitions import Partitions
from measuring import APP, SUPERUSER, Home, Limit, arguments, finish, say, spread, step, temporary_home

CLOSED = date(2018, 1, 1)
FIRST = date(2023, 1, 1)
IMPORT_ROWS = 10_000
NAME = "bench_import_idx"
INDEXES: dict[str, str | None] = {
    "none": None,
    "brin, 32 pages": "USING brin (import_id) WITH (pages_per_range = 32)",
    "brin, 8 pages": "USING brin (import_id) WITH (pages_per_range = 8)",
    "btree (import_id)": "USING btree (import_id)",
    "btree (tenant_id, import_id)": "USING btree (tenant_id, import_id)",
}
OBSERVED_AT: dict[str, str | None] = {
    "none": None,
    "brin, 32 pages": "USING brin (observed_at) WITH (pages_per_range = 32)",
    "btree (tenant_id, observed_at)": "USING btree (tenant_id, observed_at)",
}
METRICS = "ARRAY['views', 'likes', 'comments', 'shares', 'watch_time']"


def months_from(first: date, count: int) -> list[date]:
    return [date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1) for n in range(count)]


# ── A closed month ──────────────────────────────────────────────────────────────────────────────────────────────────


def closed_month(connection: psycopg.Connection[Any], tenant: UUID, rows: int) -> list[bytes]:
    """A month's rows as binary COPY has them, in order of time: each metric of each item, once a day."""
    items = rows // (28 * 5)
    query = f"""
        COPY (SELECT '{tenant}'::uuid, md5('item' || item)::uuid, metric,
                     '{CLOSED}'::timestamp AT TIME ZONE 'UTC' + day * interval '1 day' + item * interval '50 ms', 0, 0,
                     ((item * 37 + day * 11) % 1000000)::numeric, 'value', NULL::text, md5('import' || day)::uuid,
                     item, NULL::text
              FROM generate_series(1, 28) AS day, unnest({METRICS}) AS metric, generate_series(1, {items}) AS item
              ORDER BY day, metric, item)
        TO STDOUT (FORMAT binary)"""
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        blocks = [bytes(block) for block in copy]
    return [b"".join(blocks[at : at + 10_000]) for at in range(0, len(blocks), 10_000)]


def gone(connection: psycopg.Connection[Any]) -> None:
    connection.execute("DROP TABLE IF EXISTS metric_observations_2018_01")
    connection.execute("CHECKPOINT")


def loads(home: Home, partitions: Partitions, blocks: Sequence[bytes], rounds: int) -> dict[str, list[float]]:
    """Seconds of both ways, in turns, and what was there afterwards."""
    seconds: dict[str, list[float]] = {"load, then attach": [], "COPY into the partition": []}
    sums = set()
    with home.connect(SUPERUSER) as connection:
        for number in range(rounds):
            for way in sorted(seconds, reverse=number % 2 == 1):
                gone(connection)
                started = time.perf_counter()
                if way == "load, then attach":
                    partitions.load_month(CLOSED, blocks)
                else:
                    connection.execute("SELECT engagerr_ensure_partitions(ARRAY[%s::date])", [CLOSED])
                    statement = "COPY metric_observations FROM STDIN (FORMAT binary)"
                    with connection.cursor() as cursor, cursor.copy(statement) as copy:
                        for block in blocks:
                            copy.write(block)
                seconds[way].append(time.perf_counter() - started)
                say(f"  {way}: {seconds[way][-1]:.2f} s")
                sums.add(
                    connection.execute(
                        "SELECT count(*), sum(value), min(observed_at), max(observed_at)"
                        " FROM metric_observations_2018_01"
                    ).fetchone()
                )
    if len(sums) != 1:
        raise RuntimeError(f"the two ways did not load the same: {sums}")
    return seconds


def retired(partitions: Partitions) -> dict[str, float]:
    """Seconds of the way out and of the way back, for the record."""
    started = time.perf_counter()
    (moved,) = partitions.retire([CLOSED])
    out = time.perf_counter() - started
    started = time.perf_counter()
    partitions.restore(CLOSED)
    back = time.perf_counter() - started
    assert moved.file is not None
    return {
        "retire_s": round(out, 2),
        "restore_s": round(back, 2),
        "file_mb": round(moved.file.stat().st_size / 1e6, 1),
    }


# ── Which index ─────────────────────────────────────────────────────────────────────────────────────────────────────

LAND = f"""
    INSERT INTO metric_observations (tenant_id, subject_id, metric, observed_at, period_days, value, state, import_id,
                                     row)
    SELECT %(tenant)s, md5(%(tenant)s::text || n / 5 || %(account)s)::uuid, ({METRICS})[1 + n %% 5],
           %(since)s::timestamptz + n * %(apart)s::interval, %(period)s, n, 'value', %(import)s, n
    FROM generate_series(1, %(rows)s) AS n"""


def land(
    connection: psycopg.Connection[Any], tenant: UUID, account: object, since: date, days: float, *, period: int = 0
) -> UUID:
    """One import of 10,000 figures of an account's 2,000 items that begin at a date and spread over so many days."""
    made = connection.execute("SELECT engagerr_new_id()").fetchone()
    assert made is not None
    connection.execute(
        LAND,
        {
            "tenant": tenant, "account": str(account), "since": f"{since} 00:00+00", "import": made[0],
            "period": period, "apart": timedelta(days=days) / (IMPORT_ROWS + 1), "rows": IMPORT_ROWS,
        },
    )  # fmt: skip
    return made[0]  # type: ignore[no-any-return]


def fill(home: Home, tenants: Sequence[UUID], months: Sequence[date], imports: int) -> dict[str, tuple[UUID, UUID]]:
    """Land everything in order of time; returns {what: (tenant, import)} to ask for."""
    asked: dict[str, tuple[UUID, UUID]] = {}
    with home.connect(SUPERUSER) as connection:
        connection.execute("DROP INDEX IF EXISTS metric_observations_import_idx")
        connection.execute("SELECT engagerr_ensure_partitions(%s)", [list(months)])
        for number, month in enumerate(months):
            for one in range(imports - 1):
                tenant = tenants[one % len(tenants)]
                begins = month + timedelta(days=one * 27 // imports)
                made = land(connection, tenant, one, begins, 0.5)
                if number == len(months) // 2 and one == imports // 2:
                    asked["an import that lies in one month"] = (tenant, made)
            whole = (month - months[0]).days
            if whole:
                made = land(connection, tenants[0], 0, months[0], whole, period=1 + number)
                if number == len(months) - 1:
                    asked["a history that lies in every month"] = (tenants[0], made)
        connection.execute("VACUUM ANALYZE metric_observations")
    return asked


def with_index(connection: psycopg.Connection[Any], definition: str | None) -> dict[str, float]:
    """Make it in place of the one before; seconds to make and megabytes."""
    connection.execute(f"DROP INDEX IF EXISTS {NAME}")
    if definition is None:
        return {"made_s": 0.0, "mb": 0.0}
    started = time.perf_counter()
    connection.execute(f"CREATE INDEX {NAME} ON metric_observations {definition}")
    made = time.perf_counter() - started
    size = connection.execute(
        "SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(%s::regclass) WHERE isleaf", [NAME]
    ).fetchone()
    assert size is not None
    return {"made_s": round(made, 2), "mb": round(float(size[0]) / 1e6, 2)}


def read(connection: psycopg.Connection[Any], tenant: UUID, query: str, values: list[Any], times: int) -> list[float]:
    """Milliseconds of the statement in the tenant's transaction, at the client."""
    milliseconds = []
    for _ in range(times + 1):
        with connection.transaction():
            connection.execute("SELECT set_config('engagerr.tenant_id', %s, true)", [str(tenant)])
            started = time.perf_counter()
            connection.execute(query, values).fetchall()
            milliseconds.append((time.perf_counter() - started) * 1000)
    return milliseconds[1:]  # the first one brings the pages in


def plan(connection: psycopg.Connection[Any], tenant: UUID, query: str, values: list[Any]) -> list[str]:
    with connection.transaction():
        connection.execute("SELECT set_config('engagerr.tenant_id', %s, true)", [str(tenant)])
        return [row[0] for row in connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {query}", values)]


OF_IMPORT = (
    "SELECT subject_id, metric, observed_at, value FROM metric_observations WHERE tenant_id = %s AND import_id = %s"
)
OF_TIME = (
    "SELECT metric, count(*), sum(value) FROM metric_observations"
    " WHERE tenant_id = %s AND observed_at >= %s AND observed_at < %s GROUP BY 1"
)


def landed(home: Home, tenant: UUID, month: date, rounds: int, imports: int) -> dict[str, list[float]]:
    """Seconds in which the same further imports land with each index, in turns; rolled back each time."""
    seconds: dict[str, list[float]] = {name: [] for name in INDEXES}
    with home.connect(SUPERUSER) as connection:
        for number in range(rounds):
            for name in sorted(INDEXES, reverse=number % 2 == 1):
                with_index(connection, INDEXES[name])
                connection.execute("CHECKPOINT")
                with connection.transaction(force_rollback=True):
                    started = time.perf_counter()
                    for one in range(imports):
                        land(connection, tenant, one, month + timedelta(days=one % 27), 0.5, period=999)
                    seconds[name].append(time.perf_counter() - started)
                connection.execute(f"VACUUM metric_observations_{month:%Y_%m}")
    return seconds


def main() -> None:
    """Load, land, ask, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the closed month")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--imports", type=int, default=25, help="of 10,000 figures, in each month")
    parser.add_argument("--reads", type=int, default=15)
    parser.add_argument("--load-only", action="store_true", help="leave the indexes out")
    parser.add_argument("--plans", action="store_true", help="print the plans as well")
    options = parser.parse_args()
    also: dict[str, Any] = {}
    with temporary_home() as home, Engagerr.open(home=home.path) as engagerr:
        engagerr.init("Bench")
        partitions = Partitions(engagerr.database, engagerr.settings, engagerr.clock)
        tenants = [uuid4(), uuid4()]
        with home.connect(SUPERUSER) as connection, step("writing the closed month"):
            blocks = closed_month(connection, tenants[0], options.rows)
        with step("loading it both ways"):
            seconds = loads(home, partitions, blocks, options.rounds)
        with home.connect(SUPERUSER) as connection:
            gone(connection)
        partitions.load_month(CLOSED, blocks)
        with step("retiring and restoring it"):
            also["a_closed_month_out_and_back"] = retired(partitions)
        with home.connect(SUPERUSER) as connection:
            gone(connection)
        if not options.load_only:
            also |= indexes(home, partitions, tenants, options)
    quick = seconds["load, then attach"]
    ratios = [slow / fast for slow, fast in zip(seconds["COPY into the partition"], quick, strict=True)]
    finish(
        "partitions",
        [
            Limit(
                "COPY into the partition / load, then attach: seconds of a closed month",
                statistics.median(ratios),
                at_least=2.0,
                figures={**{name: spread(values) for name, values in seconds.items()}, "ratio": spread(ratios)},
            )
        ],
        sizes={
            "rows_of_the_closed_month": options.rows,
            "months": options.months,
            "imports_in_each": options.imports,
            "figures_in_each_import": IMPORT_ROWS,
        },
        also=also,
        assert_limits=options.assert_limits,
    )


def indexes(home: Home, partitions: Partitions, tenants: Sequence[UUID], options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is asked of indexes."""
    months = months_from(FIRST, options.months)
    with step("landing"):
        asked = fill(home, tenants, months, options.imports)
    found, plans = of_import(home, asked, (tenants[0], months[-1]), options.reads)
    with step("landing further imports with each index"):
        further = landed(home, tenants[0], months[-1], options.rounds, 20)
    for name, values in further.items():
        found[name]["landing_s"] = spread(values)
    middle = months[len(months) // 2]
    with step("reading an import of a month that was restored"):
        restored(home, partitions, middle, asked["an import that lies in one month"], options.reads, found)
    times = of_time(home, tenants[0], middle, options.reads)
    return {"import_id": found, "observed_at": times, **({"plans": plans} if options.plans else {})}


def of_import(
    home: Home, asked: dict[str, tuple[UUID, UUID]], whose: tuple[UUID, date], reads: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Size, time to make and milliseconds of the reads with each index, and the plans."""
    found: dict[str, Any] = {}
    plans: dict[str, Any] = {}
    with home.connect(SUPERUSER) as connection, home.connect(APP) as app:
        for name, definition in INDEXES.items():
            with step(f"reading imports: {name}"):
                found[name] = with_index(connection, definition)
                newest = land(connection, whose[0], f"new with {name}", whose[1], 0.5)  # not summed up in a BRIN yet
                further = {**asked, "an import that has just landed": (whose[0], newest)}
                for what, (tenant, made) in further.items():
                    found[name][f"{what}_ms"] = spread(read(app, tenant, OF_IMPORT, [tenant, made], reads))
                    plans[f"{name}: {what}"] = plan(app, tenant, OF_IMPORT, [tenant, made])
    return found, plans


def restored(
    home: Home, partitions: Partitions, month: date, asked: tuple[UUID, UUID], reads: int, found: dict[str, Any]
) -> None:
    """The same once the rows lie in the order in which an archive brings them back."""
    partitions.retire([month])
    partitions.restore(month)
    with home.connect(SUPERUSER) as connection, home.connect(APP) as app:
        for name, definition in INDEXES.items():
            with_index(connection, definition)
            connection.execute(f"VACUUM ANALYZE metric_observations_{month:%Y_%m}")
            times = read(app, asked[0], OF_IMPORT, list(asked), reads)
            found[name]["an import of a month that was restored_ms"] = spread(times)


def of_time(home: Home, tenant: UUID, month: date, reads: int) -> dict[str, Any]:
    """The same for a day and a week within a month."""
    found: dict[str, Any] = {}
    with home.connect(SUPERUSER) as connection, home.connect(APP) as app:
        for name, definition in OBSERVED_AT.items():
            with step(f"reading times: {name}"):
                found[name] = with_index(connection, definition)
                for what, days in (("a day", 1), ("a week", 7), ("the month", 27)):
                    values = [tenant, month + timedelta(days=1), month + timedelta(days=1 + days)]
                    found[name][f"{what}_ms"] = spread(read(app, tenant, OF_TIME, values, reads))
    return found


if __name__ == "__main__":
    main()
