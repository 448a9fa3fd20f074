"""How fast and how much: workers that share a bucket never exceed it together."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from engagerr import Engagerr, Settings, Workspace
from engagerr.core.db import Database
from engagerr.core.integrations.connector import Answer, Call, Fault, FaultKind, Limits
from engagerr.core.integrations.faults import PlatformBusy, QuotaSpent, judge_by_status
from engagerr.core.integrations.http import PlatformAsk, PlatformHttp
from engagerr.core.integrations.quota import Pace, day_of, limits_of, seconds_left_of_day
from engagerr.core.settings import PlatformSettings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.integrations.plain_connector import plain_connector
from tests.fakes.clock import START, SteeredClock
from tests.fakes.cluster import Connection

PACIFIC = "America/Los_Angeles"
UNBOUND = 1000.0


class Paces:
    """Makes paces of one workspace."""

    def __init__(self, database: Database, clock: SteeredClock, tenant_id: UUID) -> None:
        self.database = database
        self.clock = clock
        self.tenant_id = tenant_id

    def of(self, limits: Limits, *, account: UUID | None = None, connector: str = "plain") -> Pace:
        return Pace(
            self.database,
            clock=self.clock,
            tenant_id=self.tenant_id,
            account_id=account or uuid4(),
            connector=plain_connector(name=connector),
            limits=limits,
        )


@pytest.fixture
def paces(engagerr: Engagerr, workspace: Workspace, clock: SteeredClock) -> Paces:
    return Paces(engagerr.database, clock, workspace.tenant.id)


# ── The rate ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_burst_goes_at_once_and_then_one_call_an_interval(paces: Paces) -> None:
    pace = paces.of(Limits(account_per_second=2, app_per_second=UNBOUND, burst=3))
    assert [pace.take() for _ in range(6)] == [0, 0, 0, 0.5, 1.0, 1.5]


def test_a_rest_earns_a_new_burst_and_no_more(paces: Paces) -> None:
    pace = paces.of(Limits(account_per_second=2, app_per_second=UNBOUND, burst=3))
    for _ in range(3):
        pace.take()
    paces.clock.advance(days=1)
    assert [pace.take() for _ in range(4)] == [0, 0, 0, 0.5]


def test_an_app_is_shared_by_its_accounts_and_an_account_by_nobody(paces: Paces) -> None:
    limits = Limits(account_per_second=1, app_per_second=4, burst=1)
    ann, bea = paces.of(limits), paces.of(limits)
    other = paces.of(limits, connector="other")
    assert [ann.take(), bea.take(), ann.take(), bea.take(), other.take()] == [0, 0.25, 1, 1, 0]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.sampled_from([0.5, 1.0, 3.0, 7.0, 50.0]),
    burst=st.integers(1, 6),
    pauses=st.lists(st.floats(0, 3), min_size=5, max_size=25),
)
def test_no_window_holds_more_than_the_burst_and_the_rate(
    paces: Paces, rate: float, burst: int, pauses: list[float]
) -> None:
    pace = paces.of(Limits(account_per_second=rate, app_per_second=UNBOUND, burst=burst), connector=f"c{uuid4()}")
    moments: list[float] = []
    for pause in pauses:
        paces.clock.advance(seconds=pause)
        moments.append((paces.clock.now() - START).total_seconds() + pace.take())
    moments.sort()
    for first, begin in enumerate(moments):
        for last, end in enumerate(moments[first:], first):
            assert last - first + 1 <= burst + rate * (end - begin) + 1e-4


def test_a_wait_of_more_than_a_minute_is_refused_and_takes_nothing(
    paces: Paces, superuser_connection: Connection
) -> None:
    account = uuid4()
    slow = paces.of(Limits(account_per_second=1 / 50, app_per_second=UNBOUND, burst=1), account=account)
    assert [slow.take(), slow.take()] == [0, 50]
    before = superuser_connection.execute("SELECT * FROM quota_buckets ORDER BY bucket").fetchall()
    with pytest.raises(PlatformBusy) as busy:
        slow.take()
    assert busy.value.retry_after == 100
    assert busy.value.hint
    assert superuser_connection.execute("SELECT * FROM quota_buckets ORDER BY bucket").fetchall() == before
    paces.clock.advance(seconds=40)
    assert slow.take() == 60


# ── Sharing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_threads_that_ask_at_once_get_one_place_each(paces: Paces, settings: Settings) -> None:
    limits = Limits(account_per_second=20, app_per_second=10, burst=5, daily_units=10_000)
    accounts = [uuid4(), uuid4(), uuid4()]
    databases = [Database(settings) for _ in range(3)]

    def work(number: int) -> list[float]:
        shared = Paces(databases[number % 3], paces.clock, paces.tenant_id)
        pace = shared.of(limits, account=accounts[number % len(accounts)])
        return [pace.take(3) for _ in range(20)]

    with ThreadPoolExecutor(6) as threads:
        waits = sorted(wait for some in threads.map(work, range(6)) for wait in some)
    for database in databases:
        database.close()
    # Nobody's clock moves: 5 at once, and then exactly one every tenth of a second, as if one had asked for all.
    assert waits == pytest.approx([0.0] * 5 + [number / 10 for number in range(1, 116)])


_CHILD = """
import sys
from uuid import UUID
from engagerr import Settings
from engagerr.core.db import Database
from engagerr.core.integrations.connector import Limits
from tests.core.integrations.test_quota import Paces
from tests.fakes.clock import SteeredClock
database = Database(Settings.load())
pace = Paces(database, SteeredClock(), UUID(sys.argv[1])).of(
    Limits(account_per_second=10, app_per_second=1000, burst=2, daily_units=1000), account=UUID(sys.argv[2])
)
for _ in range(40):
    print(pace.take(5))
database.close()
"""


def test_processes_share_a_bucket_to_the_last_unit(
    paces: Paces, settings: Settings, superuser_connection: Connection
) -> None:
    account = uuid4()
    environment = {
        **os.environ,
        "ENGAGERR_HOME": str(settings.home),
        "ENGAGERR_DATABASE__URL": settings.database.secret_url() or "",
        "PYTHONPATH": ".",
    }
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(paces.tenant_id), str(account)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    waits = Counter(round(float(line), 3) for child in children for line in child.communicate(timeout=60)[0].split())
    assert all(child.returncode == 0 for child in children)
    assert waits == Counter([0.0, 0.0] + [round(number / 10, 3) for number in range(1, 79)])
    (spent,) = superuser_connection.execute("SELECT spent FROM quota_buckets WHERE bucket = 'app:plain'").fetchone()  # type: ignore[misc]
    assert spent == 400


def test_workspaces_do_not_share(paces: Paces, other_workspace: Workspace, engagerr: Engagerr) -> None:
    limits = Limits(account_per_second=1, app_per_second=1, burst=1, daily_units=1)
    account = uuid4()
    assert paces.of(limits, account=account).take() == 0
    southgate = Paces(engagerr.database, paces.clock, other_workspace.tenant.id)
    assert southgate.of(limits, account=account).take() == 0


# ── Units of the day ────────────────────────────────────────────────────────────────────────────────────────────────


def test_units_are_counted_until_the_day_has_none_left(paces: Paces) -> None:
    limits = Limits(account_per_second=UNBOUND, app_per_second=UNBOUND, burst=1000, daily_units=250, day_zone=PACIFIC)
    ann, bea = paces.of(limits), paces.of(limits)
    ann.take(100)
    bea.take(100)
    with pytest.raises(QuotaSpent, match=r"The day's quota of Plain \(250 units\) has no 100 left\.") as spent:
        ann.take(100)
    # 12:00 UTC is 04:00 in Los Angeles on the morning after the clocks went back: 20 hours to midnight.
    assert spent.value.retry_after == 20 * 3600
    assert spent.value.facts["units"] == 100
    bea.take(50)  # what is left may still be had
    with pytest.raises(QuotaSpent):
        bea.take(1)


def test_the_count_begins_anew_at_midnight_there_and_not_here(paces: Paces) -> None:
    limits = Limits(account_per_second=UNBOUND, app_per_second=UNBOUND, burst=1000, daily_units=1, day_zone=PACIFIC)
    pace = paces.of(limits)
    pace.take(1)
    for moment in (datetime(2026, 11, 2, 0, 1, tzinfo=UTC), datetime(2026, 11, 2, 7, 59, 59, tzinfo=UTC)):
        paces.clock.set(moment)
        with pytest.raises(QuotaSpent) as spent:
            pace.take(1)
    assert spent.value.retry_after == 1
    paces.clock.advance(seconds=1)
    pace.take(1)


def test_a_worker_whose_clock_is_behind_does_not_bring_yesterday_back(paces: Paces) -> None:
    limits = Limits(account_per_second=UNBOUND, app_per_second=UNBOUND, burst=1000, daily_units=2)
    pace = paces.of(limits)
    paces.clock.set(datetime(2026, 11, 2, 0, 0, 1, tzinfo=UTC))
    pace.take(2)
    paces.clock.set(datetime(2026, 11, 1, 23, 59, 59, tzinfo=UTC))
    with pytest.raises(QuotaSpent):
        pace.take(1)


@pytest.mark.parametrize(
    ("now", "day", "hours"),
    [
        ("2026-07-01T06:59:00+00:00", date(2026, 6, 30), 1 / 60),
        ("2026-07-01T07:00:00+00:00", date(2026, 7, 1), 24),
        ("2026-12-01T07:59:00+00:00", date(2026, 11, 30), 1 / 60),
        ("2026-12-01T08:00:00+00:00", date(2026, 12, 1), 24),
        ("2026-03-08T08:00:00+00:00", date(2026, 3, 8), 23),  # the clocks go forward
        ("2026-11-01T07:00:00+00:00", date(2026, 11, 1), 25),  # and back
    ],
)
def test_a_day_is_the_platforms_day_also_when_its_clocks_are_changed(now: str, day: date, hours: float) -> None:
    moment = datetime.fromisoformat(now)
    assert day_of(moment, PACIFIC) == day
    assert seconds_left_of_day(moment, PACIFIC) == pytest.approx(hours * 3600)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine reads the zones slowly
@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_the_next_day_begins_when_it_says(moment: datetime) -> None:
    for zone in (PACIFIC, "UTC", "Asia/Kolkata"):
        left = timedelta(seconds=seconds_left_of_day(moment, zone))
        assert timedelta(0) < left <= timedelta(hours=25)
        assert day_of(moment + left, zone) == day_of(moment, zone) + timedelta(days=1)
        assert day_of(moment + left - timedelta(milliseconds=1), zone) == day_of(moment, zone)


def test_what_the_platform_calls_used_up_is_used_up_for_all(paces: Paces) -> None:
    limits = Limits(account_per_second=UNBOUND, app_per_second=UNBOUND, burst=1000, daily_units=10_000)
    ann, bea = paces.of(limits), paces.of(limits)
    ann.take(1)
    assert ann.used_up() == 12 * 3600
    with pytest.raises(QuotaSpent):
        bea.take(1)
    paces.clock.advance(hours=12)
    bea.take(1)


def test_without_units_there_is_no_end(paces: Paces) -> None:
    pace = paces.of(Limits(account_per_second=UNBOUND, app_per_second=UNBOUND, burst=1000))
    for _ in range(5):
        pace.take(1_000_000)
    assert pace.used_up() == 12 * 3600
    pace.take(1)


# ── In calls ────────────────────────────────────────────────────────────────────────────────────────────────────────


def asking(paces: Paces, pace: Pace, *statuses: int) -> tuple[PlatformAsk, list[datetime]]:
    """Calls at this pace, answered with these statuses in turn (the last one stays), and when each was made."""
    made: list[datetime] = []
    left = list(statuses)

    def platform(_: httpx.Request) -> httpx.Response:
        made.append(paces.clock.now())
        return httpx.Response(left.pop(0) if len(left) > 1 else left[0], json={"error": {"message": "no more"}})

    def judge(answer: Answer) -> Fault | None:
        return Fault(kind=FaultKind.SPENT, message="no more") if answer.status == 403 else judge_by_status(answer)

    http = PlatformHttp(clock=paces.clock, transport=httpx.MockTransport(platform))
    return http.ask(plain_connector(judge=judge), account=None, token=lambda: None, pace=pace), made


def test_calls_wait_for_their_turn(paces: Paces) -> None:
    ask, made = asking(paces, paces.of(Limits(account_per_second=2, app_per_second=UNBOUND, burst=1)), 200)
    for _ in range(3):
        ask(Call(name="x", path="x"))
    assert [(moment - START).total_seconds() for moment in made] == [0, 0.5, 1]


def test_each_attempt_is_counted_and_the_last_unit_ends_them(paces: Paces) -> None:
    limits = Limits(account_per_second=UNBOUND, app_per_second=UNBOUND, burst=1000, daily_units=250)
    ask, made = asking(paces, paces.of(limits), 500)
    with pytest.raises(QuotaSpent):
        ask(Call(name="search.list", path="search", units=100))
    assert len(made) == 2


def test_a_platform_that_says_spent_is_asked_by_nobody_until_midnight_there(paces: Paces) -> None:
    limits = Limits(
        account_per_second=UNBOUND, app_per_second=UNBOUND, burst=1000, daily_units=10_000, day_zone=PACIFIC
    )
    ask, made = asking(paces, paces.of(limits), 403)
    other, _ = asking(paces, paces.of(limits), 200)
    with pytest.raises(QuotaSpent, match="the quota is spent: no more") as spent:
        ask(Call(name="x", path="x"))
    assert spent.value.retry_after == 20 * 3600
    assert spent.value.hint == "It is renewed in 20 hours; the stream goes on where it stopped."
    for calls in (ask, other):
        with pytest.raises(QuotaSpent):
            calls(Call(name="x", path="x"))
    assert len(made) == 1
    paces.clock.advance(hours=20)
    assert other(Call(name="x", path="x")).status == 200


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_settings_win_over_the_connectors_limits() -> None:
    connector = plain_connector(limits=Limits(app_per_second=10, daily_units=10_000, day_zone=PACIFIC))
    assert limits_of(connector, None) == connector.limits
    changed = limits_of(connector, PlatformSettings(daily_units=1_000_000, requests_per_second=0.5))  # type: ignore[call-arg]
    assert (changed.daily_units, changed.app_per_second, changed.day_zone) == (1_000_000, 0.5, PACIFIC)
