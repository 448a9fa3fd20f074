"""The roster as one table, as the application role under row-level security, against a bare SELECT of as many profiles.

Every creator has a profile, an account or two, and figures by month; some are synced every day and have figures by day,
too. What is timed is all of `roster()`: permissions, every statement, and the rows as Python holds them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from engagerr import Engagerr, Workspace
from engagerr.core.desk import reach, roster
from engagerr.core.metrics.registry import Registry
from engagerr.core.tenancy import Permission
from measuring import APP, SUPERUSER, Home, Limit, arguments, finish, say, spread, step, temporary_home
from sqlalchemy import text

SMALL, MIDDLE, LARGE = 100, 10_000, 100_000
METRICS = ("views", "likes", "comments")
# As little as a client can ask of as many rows: three columns of the profile table, fetched by the driver.
BARE = "SELECT creator_id, name, followers FROM creator_profiles WHERE tenant_id = %s"

FILL = (
    """
    INSERT INTO creators (tenant_id, id, name, country, topics)
    SELECT %(tenant)s, engagerr_new_id(), 'Creator ' || n, (ARRAY['DE','US','FR','JP'])[1 + n %% 4],
           ARRAY[(ARRAY['sports','gaming','music'])[1 + n %% 3]]
    FROM generate_series(1, %(creators)s) AS n
    """,
    """
    INSERT INTO accounts (tenant_id, id, creator_id, platform, handle, handle_key)
    SELECT tenant_id, engagerr_new_id(), id, platform, '@' || replace(name, ' ', ''), lower(replace(name, ' ', ''))
    FROM creators CROSS JOIN unnest(ARRAY['youtube', 'tiktok']) AS platform
    WHERE tenant_id = %(tenant)s AND (platform = 'tiktok' OR split_part(name, ' ', 2)::int %% 2 = 0)
    """,
    """
    INSERT INTO creator_profiles (tenant_id, creator_id, made_at, name, country, topics, platforms, main_topic,
      by_platform, audience, rates, missing, followers, followers_sum, growth_90d, median_views, engagement_by_views,
      engagement_by_followers, posts_30d, last_published_at, figures_as_of, words, status, do_not_pitch, handles,
      represented, exclusive)
    SELECT tenant_id, id, now() + interval '1 day', name, country, topics,
      CASE WHEN n %% 2 = 0 THEN ARRAY['tiktok', 'youtube'] ELSE ARRAY['tiktok'] END, topics[1],
      jsonb_build_object('tiktok', jsonb_build_object('followers', 1000 + n, 'median_views', n * 10)),
      jsonb_build_object('country', jsonb_build_object('DE', 0.4, 'US', 0.2)),
      jsonb_build_object('video', jsonb_build_object('EUR', 50000 + n), 'story', jsonb_build_object('EUR', 9000)),
      CASE WHEN n %% 10 = 0 THEN '{"followers": "permission_denied"}' ELSE '{"growth_30d": "not_observed"}' END::jsonb,
      CASE WHEN n %% 10 > 0 THEN 1000 + n END, 1000 + n, 0.1, n * 10, 0.04, CASE WHEN n %% 7 > 0 THEN 0.05 END, 3,
      now() - make_interval(days => n %% 60), now(),
      to_tsvector('simple', (SELECT string_agg('word' || (n * 31 + at * at * 7919) %% 5000, ' ')
                             FROM generate_series(1, 60) AS at)),
      'active', false, ARRAY['tiktok:@' || replace(name, ' ', '')], true, false
    FROM (SELECT *, split_part(name, ' ', 2)::int AS n FROM creators WHERE tenant_id = %(tenant)s) AS creator
    """,
    """
    INSERT INTO platform_grants (tenant_id, account_id, connector, state, connected_at, lost_at)
    SELECT tenant_id, id, platform, CASE WHEN n %% 20 = 0 THEN 'lost' ELSE 'active' END, now(),
           CASE WHEN n %% 20 = 0 THEN now() END
    FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM accounts WHERE tenant_id = %(tenant)s) AS account
    WHERE n %% 100 < %(synced)s
    """,
    """
    INSERT INTO sync_checkpoints (tenant_id, account_id, connector, stream, position, state, next_due_at, updated_at)
    SELECT tenant_id, account_id, connector, stream, 3, 'ok', now() + interval '1 hour', now()
    FROM platform_grants CROSS JOIN unnest(ARRAY['videos', 'figures', 'followers']) AS stream
    WHERE tenant_id = %(tenant)s
    """,
    """
    INSERT INTO deals (tenant_id, id, keeper, side, title, brand, flow, currency, stage, stage_since, stage_actor,
                       stage_role, created_at, updated_at)
    SELECT %(tenant)s, engagerr_new_id(), '-', 'agency', 'Deal ' || n, 'Brand', 'agency', 'EUR',
           CASE WHEN n %% 3 = 0 THEN 'paid' ELSE 'negotiating' END, now(), 'Ann', 'owner', now(), now()
    FROM generate_series(1, greatest(%(creators)s / 10, 1)) AS n
    """,
    """
    INSERT INTO deal_creators (tenant_id, deal_id, creator_id, name, added_at)
    SELECT deal.tenant_id, deal.id, creator.id, creator.name, now() FROM deals AS deal
    JOIN creators AS creator ON creator.tenant_id = deal.tenant_id
     AND creator.name = 'Creator ' || split_part(deal.title, ' ', 2)
    WHERE deal.tenant_id = %(tenant)s
    """,
    """
    INSERT INTO creator_notes (tenant_id, creator_id, body, member_id, written_at)
    SELECT tenant_id, id, 'A note', %(member)s, now() FROM creators
    WHERE tenant_id = %(tenant)s AND split_part(name, ' ', 2)::int %% 5 = 0
    """,
    # By month for everybody, by day for who is synced.
    """
    INSERT INTO metric_rollups (tenant_id, account_id, grain, bucket, kind, metric, definition, basis, value, carried,
      within_month, before_month, resets, mixed, figures, missing, estimated, subjects, last_at)
    SELECT %(tenant)s, account.id, grain, bucket, 'short_video', metric,
           account.platform || '.' || CASE WHEN account.platform = 'youtube' AND metric = 'views'
                                           THEN 'views.2026-08-24' ELSE metric END,
           'growth', 1000 + day.n, 10, CASE WHEN grain = 'day' THEN 1000 + day.n END,
           CASE WHEN grain = 'day' THEN 10 END, 0, 0, 20, 0, 0, 20, now()
    FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM accounts WHERE tenant_id = %(tenant)s) AS account
    CROSS JOIN (
      SELECT 'month' AS grain, bucket::date, 0 AS n
      FROM generate_series(date_trunc('month', %(first)s::date), %(last)s::date, '1 month') AS bucket
      UNION ALL
      SELECT 'day', bucket::date, extract(day FROM bucket)::int
      FROM generate_series(%(first)s::date, %(last)s::date, '1 day') AS bucket) AS day
    CROSS JOIN unnest(%(metrics)s::text[]) AS metric
    WHERE grain = 'month' OR account.n %% 100 < %(synced)s
    """,
)
AFTERWARDS = ("creators", "accounts", "creator_profiles", "metric_rollups", "deals", "deal_creators", "creator_notes")


def write(home: Home, work: Workspace, creators: int, synced_percent: int) -> None:
    """A roster as it would stand, without the triggers and checks that one by one would take."""
    today = datetime.now(UTC).date()
    values: dict[str, Any] = {
        "tenant": work.tenant.id, "member": work.member.id, "creators": creators, "synced": synced_percent,
        "metrics": list(METRICS), "first": today - timedelta(days=200), "last": today,
    }  # fmt: skip
    with home.connect(SUPERUSER) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in FILL:
            connection.execute(statement, values)
        for table in AFTERWARDS:
            connection.execute(f"VACUUM (ANALYZE) {table}")


def bare(home: Home, tenant: UUID) -> Callable[[], Any]:
    """The bare SELECT on a warm connection of the application's, with the rows in Python."""
    connection = home.connect(APP)
    connection.execute("SELECT set_config('engagerr.tenant_id', %s, false)", [str(tenant)])
    return lambda: connection.execute(BARE, [tenant], prepare=True).fetchall()


def timed(run: Callable[[], Any], rounds: int) -> list[float]:
    """Seconds of each of so many runs, after two to warm up."""
    seconds = []
    for number in range(rounds + 2):
        started = time.perf_counter()
        run()
        if number >= 2:
            seconds.append(time.perf_counter() - started)
    return seconds


def explain(work: Workspace) -> None:
    """How the two large statements are done, for a person."""
    now = work.access.clock.now()
    since, middle, until = reach.windows(now.date())
    months, days = reach._buckets(since, middle, until)
    moved = {
        "tenant_id": work.tenant.id, "middle": middle, "months": months, "days": days,
        "covered_by": since, **reach._ruled(Registry.load()),
    }  # fmt: skip
    rows = roster._ROWS.format(engagement="engagement_by_followers", rates="CAST(profile.rates AS text)")
    views = reach._MOVED.format(whose="account.creator_id", accounts="")
    with work.access.transaction(Permission.READ) as session:
        for statement, values in ((rows, {"tenant_id": work.tenant.id}), (views, moved)):
            for line in session.execute(text(f"EXPLAIN (ANALYZE, BUFFERS) {statement}"), values).scalars():
                say(f"    {line}")


def main() -> None:
    """Measure, print, and exit."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--large", action="store_true", help=f"{LARGE:,} creators, too")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--synced", type=int, default=10, metavar="PERCENT", help="of the accounts, by day")
    parser.add_argument("--explain", action="store_true")
    options = parser.parse_args()
    limits: list[Limit] = []
    also: dict[str, Any] = {}
    for creators in (SMALL, MIDDLE, *([LARGE] if options.large else [])):
        with temporary_home() as home, Engagerr.open(home=home.path) as engagerr:
            work = engagerr.init("Bench")
            # Says by which definitions rollups are made, so that those below are not made again.
            roster.roster(work)
            with step(f"{creators:,} creators"):
                write(home, work, creators, options.synced if creators < LARGE else options.synced // 10)
            table = roster.roster(work)
            assert table.total == creators
            assert sum(row.views.value is not None for row in table.rows) == creators
            least = timed(bare(home, work.tenant.id), options.rounds)
            without = timed(lambda work=work: roster.roster(work, views=False), options.rounds)
            views = timed(lambda work=work: roster.reach_of_everybody(work), options.rounds)
            whole = timed(lambda work=work: roster.roster(work), options.rounds)
            if options.explain:
                explain(work)
        one = statistics.median(least)
        figures = {
            name: spread([1e3 * second for second in seconds], 1)
            for name, seconds in (("bare_ms", least), ("rows_ms", without), ("views_ms", views), ("whole_ms", whole))
        }
        figures["rows_us_each"] = {"median": round(statistics.median(without) / creators * 1e6, 2)}
        say(f"  {creators:,}: {figures}")
        also[f"{creators}"] = figures
        if creators > SMALL:
            limits += [
                Limit(f"rows of {creators:,} creators / bare SELECT of as many", statistics.median(without) / one,
                      at_most=20, figures=figures),
                Limit(f"with views, {creators:,} creators / bare SELECT of as many", statistics.median(whole) / one,
                      at_most=90, figures=figures),
            ]  # fmt: skip
    finish(
        "roster", limits, sizes={"creators": [int(size) for size in also], "synced_percent": options.synced}, also=also,
        assert_limits=options.assert_limits,
    )  # fmt: skip


if __name__ == "__main__":
    main()
