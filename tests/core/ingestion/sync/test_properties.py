"""Whatever a platform does and wherever a run ends: every item once, every figure once, and no checkpoint goes back."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from engagerr import Engagerr, EngagerrError, Workspace
from engagerr.core.ingestion.sync.reports import StreamState
from engagerr.core.integrations.connector import Connector
from engagerr.core.integrations.registry import installed_connectors
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy import event as engine_events
from tests.core.ingestion.sync.conftest import Internet
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import SUPERUSER, Clone, Cluster, Connection
from tests.fakes.platforms.youtube import FakeYouTube

FAULTS = ("busy", "busy:7", "busy:3600", "down", "html", "truncated", "disconnect", "timeout")
# At most this many statements and requests has a run over a dozen items.
STATEMENTS, REQUESTS = 300, 16
LEASE_SECONDS = 45

_numbers = itertools.count()


class Killed(BaseException):
    """The process is no more. Nothing that catches errors may catch this."""


@dataclass(frozen=True)
class Life:
    """One process: what the platform does to it, what is published meanwhile (at which of its requests), how it ends.

    `end`: killed at a request, at a statement or at a commit, or at a statement the server ends all its connections.
    """

    faults: tuple[str | None, ...] = ()
    published_at: frozenset[int] = frozenset()
    end: tuple[Literal["request", "statement", "commit", "connections"], int] | None = None
    pause_minutes: int = 1


ENDS = st.one_of(
    st.none(),
    st.tuples(st.just("request"), st.integers(1, REQUESTS)),
    st.tuples(st.sampled_from(["statement", "connections"]), st.integers(1, STATEMENTS)),
    st.tuples(st.just("commit"), st.integers(1, STATEMENTS // 7)),
)
LIVES = st.builds(
    Life,
    faults=st.lists(st.sampled_from([None, None, None, *FAULTS]), max_size=8).map(tuple),
    published_at=st.frozensets(st.integers(1, REQUESTS), max_size=2),
    end=ENDS,
    # Within the moment that figures share, after it, and after the time that items are fetched again.
    pause_minutes=st.sampled_from([1, 20, 120]),
)


@dataclass
class Fate:
    """Ends a run where its life says so. A dead process makes no further statement, commit or request."""

    life: Life
    superuser: Connection
    dead: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    def reaches(self, *points: str) -> None:
        """The run has come to its next request, statement or commit."""
        if self.dead:
            raise Killed
        for point in points:
            self.counts[point] = self.counts.get(point, 0) + 1
            if self.life.end == (point, self.counts[point]):
                if point != "connections":
                    self.dead = True
                    raise Killed
                self.superuser.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND usename = 'engagerr_app'"
                )

    @property
    def came(self) -> bool:
        """Whether the run lived long enough to meet its end."""
        return self.life.end is not None and self.counts.get(self.life.end[0], 0) >= self.life.end[1]

    @contextlib.contextmanager
    def rules(self) -> Iterator[None]:
        """Every statement and commit of the process at hand comes to us first."""

        def before_statement(*_: Any) -> None:
            self.reaches("statement", "connections")

        def before_commit(_: Any) -> None:
            self.reaches("commit")

        engine_events.listen(Engine, "before_cursor_execute", before_statement)
        engine_events.listen(Engine, "commit", before_commit)
        try:
            yield
        finally:
            engine_events.remove(Engine, "before_cursor_execute", before_statement)
            engine_events.remove(Engine, "commit", before_commit)


@dataclass
class Agency:
    """A workspace in a database of its own, opened anew for each life."""

    clone: Clone
    home: Path
    clock: SteeredClock
    fake: FakeYouTube

    @contextlib.contextmanager
    def process(self) -> Iterator[Workspace]:
        internet = Internet()
        internet.platforms.append(self.fake)
        settings = self.clone.settings(self.home, sync={"lease_seconds": LEASE_SECONDS})
        transport = httpx.MockTransport(internet)
        with Engagerr(settings, clock=self.clock, connectors=CONNECTORS, transport=transport) as engagerr:
            yield engagerr.init("Northlight")


def _eager(connector: Connector) -> Connector:
    """Without the long history of days, and hardly ever looking twice: what a checkpoint forgets stays forgotten."""
    return replace(
        connector,
        streams=tuple(
            replace(stream, revisit=timedelta(hours=1), lag=timedelta(0), whole_every=None)
            for stream in connector.streams
            if stream.name in ("channel", "videos", "video_analytics")
        ),
    )


CONNECTORS: Mapping[str, Connector] = {"youtube": _eager(installed_connectors()["youtube"])}


@contextlib.contextmanager
def an_agency(cluster: Cluster, fake: FakeYouTube) -> Iterator[Agency]:
    with cluster.clone() as clone, tempfile.TemporaryDirectory(prefix=f"agency-{next(_numbers)}-") as folder:
        agency = Agency(clone, Path(folder) / "home", SteeredClock(), fake)
        with agency.process() as work:
            work.platforms.connect_token("youtube", "good-token", creator="Ann Lee")
        yield agency


def live(agency: Agency, life: Life, superuser: Connection) -> None:
    """One process syncs, until it is through or meets its end."""
    fake, fate = agency.fake, Fate(life, superuser)
    asked = itertools.count(1)

    def before_answer(_: httpx.Request) -> None:
        if next(asked) in life.published_at:
            fake.publish(agency.clock.now())
        fate.reaches("request")

    fake.faults, fake.before_answer = list(life.faults), before_answer
    try:
        with agency.process() as work, fate.rules():
            work.sync.run(now=True)
    except Killed:
        assert fate.dead
    except EngagerrError:
        assert life.end is not None
        assert life.end[0] == "connections"
    fake.faults, fake.before_answer = [], lambda _: None
    event(f"ended by {life.end[0] if life.end and fate.came else 'nothing'}")
    agency.clock.advance(minutes=life.pause_minutes)


def complete(agency: Agency) -> None:
    """Runs on good days: one that ends what was cut off, and one that sees what was published since that began."""
    well = 0
    for _ in range(5):
        with agency.process() as work:
            report = work.sync.run(now=True)
            well += report.state == "succeeded" and {result.state for result in report.results} == {StreamState.DONE}
            if well == 2:
                assert not any(stream.in_pass for account in work.sync.status() for stream in account.streams)
                return
        agency.clock.advance(minutes=10)
    pytest.fail(f"does not recover: {report.results}")


class Watch:
    """Looks at the database after each life."""

    def __init__(self, superuser: Connection) -> None:
        self._rows: Callable[[str], list[tuple[Any, ...]]] = lambda query: superuser.execute(query).fetchall()
        self._positions: dict[str, int] = {}
        self._items: set[str] = set()

    def look(self) -> None:
        """What must hold at every moment, whoever died."""
        positions: dict[str, int] = dict(self._rows("SELECT stream, position FROM sync_checkpoints"))  # type: ignore[arg-type]
        for stream, position in self._positions.items():
            assert positions.get(stream, -1) >= position, f"the checkpoint of {stream} went back"
        self._positions = positions
        landed = dict(self._rows("SELECT stream, count(*) FROM imports WHERE stream IS NOT NULL GROUP BY 1"))  # type: ignore[arg-type]
        assert all(positions[stream] >= pages for stream, pages in landed.items()), "a page landed without checkpoint"
        items = [row[0] for row in self._rows("SELECT native_id FROM content_items")]
        assert len(items) == len(set(items))
        assert set(items) >= self._items, "items are gone"
        self._items = set(items)
        for what, query in BROKEN.items():
            assert self._rows(query) == [], what

    def figures(self) -> dict[tuple[str, str, int], Any]:
        """{(item or "account", metric, days): what is said of it last}."""
        return {
            (subject, metric, days): (value, state)
            for subject, metric, days, value, state in self._rows(
                "SELECT coalesce(native_id, 'account'), metric, period_days, value, state FROM metric_observations"
                " LEFT JOIN content_items ON content_items.id = subject_id ORDER BY observed_at, revision"
            )
        }


# What nobody may ever see, as the rows that show it.
BROKEN = {
    "a figure that a page said twice": """
        SELECT subject_id, metric, observed_at, period_days FROM metric_observations
        GROUP BY 1, 2, 3, 4 HAVING count(*) > 1""",
    "a figure without its page": """
        SELECT import_id FROM metric_observations EXCEPT SELECT id FROM imports""",
    "an item without its page": """
        SELECT native_id FROM content_items WHERE first_import_id NOT IN (SELECT id FROM imports)""",
    "a page that was not kept as it came": """
        SELECT id FROM imports WHERE NOT EXISTS (SELECT FROM raw_payloads WHERE import_id = imports.id)""",
    "a page that counts other figures than it brought": """
        SELECT id FROM imports WHERE CAST(counts->>'observations_new' AS bigint)
          <> (SELECT count(*) FROM metric_observations WHERE import_id = imports.id)""",
    "events with a gap": """
        SELECT about FROM events GROUP BY about HAVING max(sequence) <> count(*) OR min(sequence) <> 1""",
}


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
@given(
    items=st.integers(1, 10),
    page_size=st.integers(1, 5),
    repeats_an_item=st.booleans(),
    lives=st.lists(LIVES, min_size=1, max_size=3),
)
# Killed at the commit of a page, then just after a page, then the connections are gone in the middle of the next.
@example(
    items=6, page_size=2, repeats_an_item=True,
    lives=[Life(end=("commit", 30), published_at=frozenset({4})), Life(end=("request", 5), pause_minutes=120),
           Life(end=("connections", 120), published_at=frozenset({2}))],
)  # fmt: skip
def test_whatever_happens_every_item_and_figure_is_here_once(
    cluster: Cluster, items: int, page_size: int, repeats_an_item: bool, lives: list[Life]
) -> None:
    fake = FakeYouTube(items=items, page_size=page_size)
    fake.duplicate_last_of_page = repeats_an_item
    with an_agency(cluster, fake) as agency, agency.clone.connect(SUPERUSER, autocommit=True) as superuser:
        watch = Watch(superuser)
        for life in lives:
            live(agency, life, superuser)
            watch.look()
        # A process of another machine has to be dead for so long; one of this machine would be seen to be gone.
        agency.clock.advance(seconds=LEASE_SECONDS + 1)
        complete(agency)
        watch.look()
        with agency.process() as work:
            work.events.deliver()
            assert {name: waiting for name, _, waiting in work.events.subscribers() if waiting} == {}
            assert sorted(row.native_id for row in work.content.list(limit=1000)) == sorted(
                item.native_id for item in fake.items
            )
        assert superuser.execute("SELECT count(*) FROM sync_leases").fetchone() == (0,)
        with an_agency(cluster, fake) as calm, calm.clone.connect(SUPERUSER, autocommit=True) as beside:
            calm.clock.set(agency.clock.now())
            complete(calm)
            assert watch.figures() == Watch(beside).figures()


def test_a_pass_that_ends_late_does_not_put_off_what_was_published_since(cluster: Cluster) -> None:
    fake = FakeYouTube(items=5, page_size=2)
    with an_agency(cluster, fake) as agency, agency.process() as work:
        every = next(stream.every for stream in CONNECTORS["youtube"].streams if stream.name == "videos")
        began = agency.clock.now()
        fake.faults = [None, None, *["disconnect"] * 30]
        work.sync.run(stream="videos")
        fake.faults = []
        agency.clock.advance(hours=every.total_seconds() / 3600 - 1)
        fresh = fake.publish(agency.clock.now())
        (late,) = work.sync.run(stream="videos", now=True).results
        assert late.state is StreamState.DONE
        assert late.next_due_at is not None
        assert timedelta(0) < late.next_due_at - began <= every + timedelta(minutes=1)
        agency.clock.set(late.next_due_at)
        work.sync.run(stream="videos")
        assert fresh.native_id in {row.native_id for row in work.content.list(limit=100)}
