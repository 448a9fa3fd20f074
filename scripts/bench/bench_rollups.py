"""Rollups of ten million observations of one tenant, as the application role under row-level security.

The year by month and platform from the rollups is compared with the same question asked of the observations (the same
steps, the same sums, nothing written) and must be equal to it; a creator's 90 days with a read by primary key; rolling
up 10,000 new figures with making everything again.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from engagerr import Engagerr
from engagerr.core.metrics import performance as movement
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.rollup_steps import STEPS, choose_accounts, choose_days, lay_out, read_figures
from engagerr.core.metrics.rollups import SAID, refresh
from engagerr.core.metrics.rulings import UNPUBLISHED
from engagerr.core.metrics.upkeep import rebuild_all
from engagerr.core.tenancy import Permission
from measuring import SUPERUSER, Home, Limit, arguments, finish, say, spread, step, temporary_home
from sqlalchemy import text

FIRST_DAY = date(2025, 11, 1)
DAYS = 365
CREATORS = 300
PLATFORMS = ("tiktok", "instagram", "x")
METRICS = {"tiktok": ("views", "likes", "shares"), "instagram": ("views", "likes", "saves"),
           "x": ("impressions", "likes", "reposts")}  # fmt: skip

FILL = """
INSERT INTO creators (tenant_id, name)
  SELECT %(tenant)s, 'Creator ' || n FROM generate_series(1, %(creators)s::int) AS n;
INSERT INTO accounts (tenant_id, creator_id, platform, handle, handle_key)
  SELECT tenant_id, id, platform, platform || '_' || name, platform || '_' || lower(name)
  FROM creators CROSS JOIN unnest(%(platforms)s::text[]) AS platform WHERE tenant_id = %(tenant)s;
INSERT INTO content_items (tenant_id, account_id, platform, native_id, kind, published_at, import_id, described_at)
  SELECT %(tenant)s, account.id, account.platform, account.handle || '-' || n,
         CASE account.platform WHEN 'x' THEN 'post' ELSE 'short_video' END,
         %(first)s::timestamptz - make_interval(days => (n * 7) %% 90), gen_random_uuid(), now()
  FROM accounts AS account CROSS JOIN generate_series(1, %(items)s::int) AS n WHERE account.tenant_id = %(tenant)s;
"""
# A day is one import, as a nightly sync of the roster would be; what grows slows down with age, and now and then a
# platform takes something off.
FILL_DAYS = """
INSERT INTO metric_observations (tenant_id, subject_id, metric, observed_at, period_days, revision, value, state,
                                 import_id, "row")
SELECT %(tenant)s, item.id, metric, day + interval '6 hours', 0, 0,
       1 + (1000 * ln(2 + seed %% 97 + n) * (1 + seed %% 13))::bigint
         - CASE WHEN (seed + n) %% 211 = 0 THEN 3 ELSE 0 END,
       'value', imported.id, 1
FROM generate_series(%(since)s::int, %(until)s::int) AS n
CROSS JOIN LATERAL (SELECT %(first)s::timestamptz + make_interval(days => n::int) AS day) AS days
JOIN imports_of_days AS imported USING (n)
CROSS JOIN (SELECT id, platform, abs(hashtext(native_id)) AS seed FROM content_items WHERE tenant_id = %(tenant)s
            ORDER BY id LIMIT %(most)s::int) AS item
CROSS JOIN LATERAL unnest(CASE item.platform WHEN 'tiktok' THEN %(tiktok)s::text[] WHEN 'instagram'
                                 THEN %(instagram)s::text[]
                                             ELSE %(x)s::text[] END) AS metric
"""


def fill(home: Home, tenant: UUID, items_per_account: int) -> int:
    """Write the roster and a year of daily figures; the number of observations."""
    first = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    months = sorted({(FIRST_DAY + timedelta(days=day)).replace(day=1) for day in range(DAYS + 2)})
    values: dict[str, Any] = {
        "tenant": tenant, "creators": CREATORS, "platforms": list(PLATFORMS), "items": items_per_account,
        "first": first, "most": None, **{name: list(metrics) for name, metrics in METRICS.items()},
    }  # fmt: skip
    with home.connect(SUPERUSER) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SELECT engagerr_ensure_partitions(%s)", [months])
        for statement in FILL.split(";\n"):
            if statement.strip():
                connection.execute(statement, values)
        connection.execute(
            "CREATE TABLE imports_of_days AS SELECT n, engagerr_new_id() AS id"
            " FROM generate_series(0, %s::int) AS n ORDER BY n",
            [DAYS],
        )
        for since in range(0, DAYS, 30):
            connection.execute(FILL_DAYS, values | {"since": since, "until": min(since + 29, DAYS - 1)})
        connection.execute("VACUUM ANALYZE")
        found = connection.execute("SELECT count(*) FROM metric_observations").fetchone()
    assert found is not None
    return int(found[0])


def a_day_more(home: Home, tenant: UUID, figures: int) -> UUID:
    """The next day's figures of as many items as make so many figures; the import that brought them."""
    values: dict[str, Any] = {
        "tenant": tenant, "first": datetime.combine(FIRST_DAY, datetime.min.time(), UTC), "since": DAYS, "until": DAYS,
        "most": -(-figures // 3), **{name: list(metrics) for name, metrics in METRICS.items()},
    }  # fmt: skip
    with home.connect(SUPERUSER) as connection:
        connection.execute(FILL_DAYS, values)
        found = connection.execute("SELECT id FROM imports_of_days WHERE n = %s", [DAYS]).fetchone()
    assert found is not None
    return UUID(str(found[0]))


def from_observations(work: Any, registry: Registry, accounts: list[UUID]) -> tuple[Any, ...]:
    """The year by month and platform asked of the observations themselves: `performance`, without its rollups."""
    values = {
        "tenant_id": work.tenant.id, "grain": "month", "by": "platform", "platform": None, "unpublished": UNPUBLISHED,
        **movement._ruled(registry),
    }  # fmt: skip
    told = movement._FROM_ITEMS.format(said=SAID.format(before="is_before_month", parts=""))
    statement = movement._ADDED.format(first=f"{STEPS},", told=told, group=movement._GROUPS["platform"])
    with work.access.transaction(Permission.READ) as session:
        lay_out(session, registry)
        choose_accounts(session, tenant_id=work.tenant.id, accounts=accounts)
        choose_days(session, since=FIRST_DAY, until=FIRST_DAY + timedelta(days=DAYS))
        read_figures(session, tenant_id=work.tenant.id)
        rows = session.execute(text(statement), values).mappings()
        return tuple(movement._row(row) for row in rows)


def timed(run: Callable[[], Any], rounds: int) -> tuple[list[float], Any]:
    """Seconds of each of so many runs, and the last answer."""
    seconds, answer = [], None
    for _ in range(rounds):
        started = time.perf_counter()
        answer = run()
        seconds.append(time.perf_counter() - started)
    return seconds, answer


def in_ms(seconds: list[float]) -> dict[str, float]:
    """The spread in milliseconds."""
    return spread([one * 1e3 for one in seconds])


def comparable(rows: tuple[Any, ...]) -> set[tuple[Any, ...]]:
    """What two answers must agree on."""
    return {
        (row.group, row.bucket, row.of, row.sum_group, row.value, row.carried, row.lost, row.resets, row.figures)
        for row in rows
    }


def main() -> None:
    """Measure, print, and exit."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--observations", type=int, default=10_000_000, metavar="N")
    parser.add_argument("--new", type=int, default=10_000, metavar="N", help="figures of the next day")
    options = parser.parse_args()
    per_account = max(1, round(options.observations / (CREATORS * len(PLATFORMS) * 3 * DAYS)))
    registry = Registry.load()
    with temporary_home() as home, Engagerr.open(home=home.path) as engagerr:
        work = engagerr.init("Bench")
        tenant = work.tenant.id
        with step("filling"):
            observations = fill(home, tenant, per_account)
        say(f"  {observations:,} observations")
        with work.access.transaction(Permission.READ) as session:
            accounts = list(session.execute(text("SELECT id FROM accounts ORDER BY id")).scalars())
            creator = session.execute(text("SELECT creator_id, name FROM accounts LIMIT 1")).one().creator_id
            own = list(
                session.execute(text("SELECT id FROM accounts WHERE creator_id = :id"), {"id": creator}).scalars()
            )
            item = session.execute(text("SELECT id FROM content_items LIMIT 1")).scalar_one()
        with step("rebuilding"):
            rebuilding, made = timed(lambda: rebuild_all(work.access, registry), 1)
        with home.connect(SUPERUSER) as connection:
            connection.execute("VACUUM ANALYZE metric_rollups")
        since, until = FIRST_DAY, FIRST_DAY + timedelta(days=DAYS)

        def year() -> Any:
            with work.access.transaction(Permission.READ) as session:
                return movement.performance(
                    session, registry, tenant_id=tenant, since=since, until=until, grain="month", by="platform"
                ).rows

        raw_seconds, raw = timed(lambda: from_observations(work, registry, accounts), 2)
        timed(year, 2)
        rolled_seconds, rolled = timed(year, 9)
        equal = comparable(raw) == comparable(rolled) and len(raw) > 0
        say(f"  raw {min(raw_seconds):.2f} s, rolled up {min(rolled_seconds) * 1e3:.1f} ms, "
            f"equal: {equal}")  # fmt: skip

        with work.access.transaction(Permission.READ) as session:

            def by_key() -> Any:
                return session.execute(
                    text("SELECT * FROM content_items WHERE tenant_id = :tenant_id AND id = :id"),
                    {"tenant_id": tenant, "id": item},
                ).one()

            def quarter(grain: str = "month") -> Any:
                return movement.performance(
                    session, registry, tenant_id=tenant, since=until - timedelta(days=90), until=until, grain=grain,
                    account_ids=own,
                )  # fmt: skip

            timed(by_key, 50)
            timed(quarter, 10)
            timed(lambda: quarter("week"), 10)
            key_seconds, quarter_seconds, by_week = [], [], []
            for _ in range(60):
                key_seconds += timed(by_key, 5)[0]
                quarter_seconds += timed(quarter, 1)[0]
                by_week += timed(lambda: quarter("week"), 1)[0]
            rows = len(quarter().rows)

        refreshing = []
        imported = a_day_more(home, tenant, options.new)
        for _ in range(3):
            with work.access.transaction(Permission.READ) as session:
                seconds, _made = timed(
                    lambda session=session: refresh(
                        session, registry, tenant_id=tenant, accounts=accounts, imports=[imported]
                    ),
                    1,
                )
            refreshing += seconds
        with step("checking by a second rebuild"):
            again = rebuild_all(work.access, registry)
        finish(
            "rollups",
            [
                Limit("year × month × platform: observations / rollups",
                      statistics.median(raw_seconds) / statistics.median(rolled_seconds), at_least=250,
                      figures={"observations_s": spread(raw_seconds), "rollups_ms": in_ms(rolled_seconds),
                               "equal": equal, "rows": len(rolled)}),
                Limit("differences between both", float(not equal), at_most=0),
                Limit("a creator's 90 days / a read by primary key",
                      statistics.median(quarter_seconds) / statistics.median(key_seconds), at_most=20,
                      figures={"report_ms": in_ms(quarter_seconds),
                               "key_ms": in_ms(key_seconds), "rows": rows}),
                Limit("rebuilding everything / rolling up new figures",
                      rebuilding[0] / statistics.median(refreshing), at_least=50,
                      figures={"rebuild_s": rebuilding[0], "refresh_s": spread(refreshing), "new": options.new}),
                Limit("rows that a rebuild finds wrong afterwards", float(again.differed), at_most=0),
            ],
            sizes={"observations": observations, "accounts": len(accounts), "items_per_account": per_account,
                   "rollups": made.rows, "first": str(since)},
            also={"a creator's 90 days by week / a read by primary key":
                  round(statistics.median(by_week) / statistics.median(key_seconds), 2)},
            assert_limits=options.assert_limits,
        )  # fmt: skip


if __name__ == "__main__":
    main()
