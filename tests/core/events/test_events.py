"""Events: numbered without a gap per account, told in order and at least once, and told again when asked."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import hypothesis
import psycopg
import pytest
import sqlalchemy
from engagerr import Engagerr, Forbidden, InvalidInput, NotFound, Rejected, Settings, Workspace
from engagerr.core.db import Session
from engagerr.core.events import Event, Events, Subscriber, deliver, emit, emit_about, open_task, open_tasks
from engagerr.core.tenancy import Permission
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import colleague
from tests.fakes.clock import START, SteeredClock
from tests.fakes.cluster import Clone, Connection
from tests.lines import a_figure, an_item, bring, row_counts, write_lines

REPOSITORY = Path(__file__).parents[3]
KINDS = frozenset({"items.seen", "metrics.landed"})
ANN, BO, CY = (UUID(int=n) for n in (1, 2, 3))
Said = tuple[UUID, int]


class Listener:
    """A subscriber that remembers what it was told and opens a task for each event; fails where the test says so."""

    def __init__(self, name: str = "listener", *, kinds: frozenset[str] = KINDS) -> None:
        self.told: list[Said] = []
        self.refuses: Callable[[Event], bool] = lambda _: False
        self.subscriber = Subscriber(name, "listens", kinds, self._take)

    def _take(self, session: Session, tenant_id: UUID, events: Sequence[Event], now: datetime) -> int:
        for event in events:
            open_task(
                session, tenant_id=tenant_id, kind=self.subscriber.name, about=event.about,
                subject=str(event.sequence), message="heard", hint="none", now=now,
            )  # fmt: skip
        if bad := [event for event in events if self.refuses(event)]:
            raise Rejected(f"I will not hear number {bad[0].sequence}.")
        self.told += [(event.about, event.sequence) for event in events]
        return len(events)


def events_of(workspace: Workspace, *listeners: Listener) -> Events:
    return Events(workspace.access, [listener.subscriber for listener in listeners])


def say(workspace: Workspace, *abouts: UUID, kind: str = "items.seen", at: datetime | None = None) -> None:
    """One event about each, in a transaction of its own."""
    for about in abouts:
        with workspace.access.transaction(Permission.IMPORT) as session:
            emit(
                session, tenant_id=workspace.tenant.id, about=about, kind=kind,
                now=at or workspace.access.clock.now(), new=1,
            )  # fmt: skip


def numbers(workspace: Workspace, about: UUID) -> list[int]:
    """The numbers of the events about this account, oldest first."""
    return [event.sequence for event in reversed(workspace.events.list(limit=10_000)) if event.about == about]


def heard(workspace: Workspace) -> set[Said]:
    """What the listeners' work in the database is, as (account, number)."""
    with workspace.access.transaction(Permission.READ) as session:
        found = session.execute(sqlalchemy.text("SELECT about, subject FROM tasks WHERE message = 'heard'"))
        return {(row.about, int(row.subject)) for row in found}


# ── Numbers ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_account_counts_from_one_without_a_gap(workspace: Workspace, other_workspace: Workspace) -> None:
    say(workspace, ANN, BO, ANN, ANN, BO)
    say(other_workspace, ANN)
    assert (numbers(workspace, ANN), numbers(workspace, BO)) == ([1, 2, 3], [1, 2])
    assert numbers(other_workspace, ANN) == [1]


def test_what_did_not_happen_leaves_no_event_and_no_gap(workspace: Workspace) -> None:
    say(workspace, ANN)
    with workspace.access.transaction(Permission.IMPORT) as session:
        emit(session, tenant_id=workspace.tenant.id, about=ANN, kind="items.seen", now=START)
        session.rollback()
    say(workspace, ANN)
    assert numbers(workspace, ANN) == [1, 2]


def test_one_event_about_several_accounts_is_one_each(workspace: Workspace) -> None:
    with workspace.access.transaction(Permission.IMPORT) as session:
        emit_about(
            session, tenant_id=workspace.tenant.id, abouts=(CY, ANN, CY), kind="items.seen", now=START, import_id=BO
        )
    found = workspace.events.list()
    assert {(event.about, event.sequence) for event in found} == {(ANN, 1), (CY, 1)}
    assert {event.detail["import_id"] for event in found} == {str(BO)}


def test_events_cannot_be_changed_or_taken_back(workspace: Workspace, app_connection: Connection) -> None:
    say(workspace, ANN)
    for statement in ("UPDATE events SET kind = 'items.seen'", "DELETE FROM events", "DELETE FROM event_heads"):
        app_connection.execute("SELECT set_config('engagerr.tenant_id', %s, true)", [str(workspace.tenant.id)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_connection.execute(statement)  # type: ignore[call-overload]
        app_connection.rollback()


def test_who_has_seen_a_number_never_meets_a_smaller_one_later(
    workspace: Workspace, settings: Settings, clock: SteeredClock
) -> None:
    """Four writers and a reader: whatever the reader sees is 1, 2, 3 … without a gap, each time."""
    writers, each = 4, 15
    ended = threading.Event()

    def write(number: int) -> None:
        with Engagerr(settings, clock=clock) as own:
            mine = own.workspace()
            for turn in range(each):
                with mine.access.transaction(Permission.IMPORT) as session:
                    emit(session, tenant_id=mine.tenant.id, about=ANN, kind="items.seen", now=START, by=number)
                    if turn % 5 == number:
                        session.execute(sqlalchemy.text("SELECT pg_sleep(0.01)"))
                    if turn % 7 == number:
                        session.rollback()

    seen: list[list[int]] = []
    with ThreadPoolExecutor(writers) as pool:
        running = [pool.submit(write, number) for number in range(writers)]
        while not ended.is_set():
            if all(future.done() for future in running):
                ended.set()
            seen.append(numbers(workspace, ANN))
        for future in running:
            future.result()
    for read in seen:
        assert sorted(read) == list(range(1, len(read) + 1))
    assert 0 < len(seen[-1]) < writers * each  # some were taken back, and their numbers given again


# ── Telling ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everybody_is_told_everything_once_in_order(workspace: Workspace) -> None:
    first, second = Listener("first"), Listener("second", kinds=frozenset({"metrics.landed"}))
    events = events_of(workspace, first, second)
    say(workspace, BO, ANN, BO)
    say(workspace, ANN, kind="metrics.landed")
    assert [(told.subscriber, told.events, told.made) for told in events.deliver()] == [
        ("first", 4, 4), ("second", 1, 1),
    ]  # fmt: skip
    assert first.told == [(ANN, 1), (ANN, 2), (BO, 1), (BO, 2)]
    assert second.told == [(ANN, 2)]
    assert {name: waiting for name, _, waiting in events.subscribers()} == {"first": 0, "second": 0}
    assert [told.events for told in events.deliver()] == [0, 0]
    say(workspace, ANN)
    assert {name: waiting for name, _, waiting in events.subscribers()} == {"first": 1, "second": 1}
    events.deliver()
    assert first.told[4:] == [(ANN, 3)]


def test_a_subscriber_that_fails_is_told_again_after_its_pause_and_its_part_is_undone(
    workspace: Workspace, clock: SteeredClock
) -> None:
    bad, good = Listener("bad"), Listener("good")
    bad.refuses = lambda _: True
    events = events_of(workspace, bad, good)
    say(workspace, ANN)
    failed, fine = events.deliver()
    assert (failed.events, failed.made, failed.error) == (0, 0, "I will not hear number 1.")
    assert (fine.events, fine.error) == (1, None)
    assert heard(workspace) == {(ANN, 1)}  # the good one's work; the bad one's was undone
    assert len(good.told) == 1

    bad.refuses = lambda _: False
    paused, _ = events.deliver()
    assert (paused.events, paused.error) == (0, "I will not hear number 1.")  # not yet, and still not well
    clock.advance(seconds=9)
    say(workspace, ANN)
    assert events.deliver()[0].events == 0
    clock.advance(seconds=1)
    assert [(told.events, told.error) for told in events.deliver()] == [(2, None), (0, None)]
    assert bad.told == good.told == [(ANN, 1), (ANN, 2)]


def test_the_pause_grows_to_an_hour_and_no_longer(workspace: Workspace, clock: SteeredClock) -> None:
    bad = Listener()
    events = events_of(workspace, bad)
    say(workspace, ANN)
    tried: list[datetime] = []
    refusals: list[int] = []

    def refuse(event: Event) -> bool:
        refusals.append(event.sequence)
        return True

    bad.refuses = refuse
    while len(tried) < 12:
        before = len(refusals)
        events.deliver()
        if len(refusals) > before:
            tried.append(clock.now())
        clock.advance(seconds=10)
    pauses = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert pauses[:4] == [timedelta(seconds=seconds) for seconds in (10, 20, 40, 80)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(hours=1)


def test_one_bad_event_holds_up_no_other_account(workspace: Workspace) -> None:
    listener = Listener()
    listener.refuses = lambda event: (event.about, event.sequence) == (BO, 2)
    events = events_of(workspace, listener)
    say(workspace, ANN, BO, BO, BO, CY)
    (outcome,) = events.deliver()
    assert (outcome.events, outcome.error) == (2, "I will not hear number 2.")
    assert sorted(listener.told) == [(ANN, 1), (CY, 1)]
    assert heard(workspace) == {(ANN, 1), (CY, 1)}
    say(workspace, ANN)
    assert events.deliver()[0].events == 1


def test_a_statement_that_the_database_refuses_is_a_failure_of_the_subscriber_only(workspace: Workspace) -> None:
    def stumble(session: Session, tenant_id: UUID, events: Sequence[Event], now: datetime) -> int:
        return session.execute(sqlalchemy.text("SELECT 1 / 0")).scalar_one()  # type: ignore[no-any-return]

    good = Listener("good")
    events = Events(workspace.access, [Subscriber("bad", "stumbles", KINDS, stumble), good.subscriber])
    say(workspace, ANN)
    failed, fine = events.deliver()
    assert "division by zero" in (failed.error or "")
    assert (fine.events, fine.error) == (1, None)


def test_many_accounts_and_many_events_are_all_told(workspace: Workspace) -> None:
    abouts = [uuid4() for _ in range(450)]
    listener = Listener()
    events = events_of(workspace, listener)
    with workspace.access.transaction(Permission.IMPORT) as session:
        for _ in range(3):
            emit_about(session, tenant_id=workspace.tenant.id, abouts=abouts, kind="items.seen", now=START)
    assert events.deliver()[0].events == 1350
    assert listener.told == [(about, number) for about in sorted(abouts) for number in (1, 2, 3)]


# The examples share a workspace; each has a listener and accounts of its own.
@hypothesis.settings(max_examples=30, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@given(script=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=12))
def test_however_often_a_subscriber_fails_it_hears_everything_in_order(
    workspace: Workspace, clock: SteeredClock, script: list[tuple[int, int]]
) -> None:
    """Each event is refused so many times before it is heard; telling goes on until nothing waits."""
    accounts = [uuid4() for _ in range(3)]
    left: dict[Said, int] = {}
    counted = dict.fromkeys(accounts, 0)
    for account, refusals in script:
        about = accounts[account]
        counted[about] += 1
        left[about, counted[about]] = refusals

    def refuses(event: Event) -> bool:
        key = (event.about, event.sequence)
        left[key] = left.get(key, 0) - 1
        return left[key] >= 0

    listener = Listener(f"listener-{uuid4()}")
    listener.refuses = refuses
    events = events_of(workspace, listener)
    say(workspace, *(accounts[account] for account, _ in script))
    while events.subscribers()[0][2]:
        events.deliver()
        clock.advance(hours=1)
    for about, count in counted.items():
        assert [number for who, number in listener.told if who == about] == list(range(1, count + 1))


# ── With what happened ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_import_tells_its_subscribers_in_its_own_transaction(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    bring(workspace, tmp_path, an_item("youtube:a", metrics=[a_figure("views", 1), a_figure("vues", 2)]))
    assert {event.kind for event in workspace.events.list()} == {"items.seen", "metrics.landed"}
    # Rollups are told later, by the job or before they are read.
    assert {name: waiting for name, _, waiting in workspace.events.subscribers() if waiting} == {"rollups": 2}
    assert [task.kind for task in workspace.sync.tasks()] == ["metric.undefined"]

    before = row_counts(superuser_connection, ["events", "event_heads", "event_cursors", "tasks", "content_items"])
    # The last thing that an import does fails: what its subscribers made goes with it.
    superuser_connection.execute("ALTER TABLE raw_payloads ADD CONSTRAINT full_disk CHECK (sequence < 0) NOT VALID")
    path = write_lines(tmp_path / "more.jsonl", an_item("youtube:b", metrics=[a_figure("likez", 2)]))
    with pytest.raises(Exception, match="full_disk"):
        workspace.ingestion.import_file(path)
    assert row_counts(superuser_connection, list(before)) == before


def test_a_subscriber_that_fails_does_not_stop_what_happened(workspace: Workspace) -> None:
    listener = Listener()
    listener.refuses = lambda _: True
    with workspace.access.transaction(Permission.IMPORT) as session:
        emit(session, tenant_id=workspace.tenant.id, about=ANN, kind="items.seen", now=START)
        outcome, = deliver(
            session, tenant_id=workspace.tenant.id, subscribers=[listener.subscriber], about=(ANN,), now=START
        )  # fmt: skip
        assert outcome.error == "I will not hear number 1."
    assert numbers(workspace, ANN) == [1]
    assert heard(workspace) == set()


def test_what_happens_in_the_pause_of_a_subscriber_does_not_end_it(workspace: Workspace, clock: SteeredClock) -> None:
    listener = Listener()
    listener.refuses = lambda _: True

    def happen() -> str | None:
        with workspace.access.transaction(Permission.IMPORT) as session:
            emit(session, tenant_id=workspace.tenant.id, about=ANN, kind="items.seen", now=clock.now())
            told = deliver(
                session, tenant_id=workspace.tenant.id, subscribers=[listener.subscriber], about=(ANN,),
                now=clock.now(),
            )  # fmt: skip
            return told[0].error

    assert happen() == "I will not hear number 1."
    listener.refuses = lambda _: False
    happen()
    assert listener.told == []
    clock.advance(seconds=10)
    happen()
    assert listener.told == [(ANN, 1), (ANN, 2), (ANN, 3)]


SAY_AND_WAIT = """
import sys
from uuid import UUID
from engagerr import Engagerr
from engagerr.core.events import Events, Subscriber, emit, open_task
from engagerr.core.tenancy import Permission

ANN = UUID(int=1)

def take(session, tenant_id, events, now):
    for event in events:
        open_task(session, tenant_id=tenant_id, kind="listener", about=event.about, subject=str(event.sequence),
                  message="heard", hint="none", now=now)
    print("telling", flush=True)
    sys.stdin.readline()
    return len(events)

with Engagerr.open() as engagerr:
    work = engagerr.workspace()
    with work.access.transaction(Permission.IMPORT) as session:
        emit(session, tenant_id=work.tenant.id, about=ANN, kind="items.seen", now=work.access.clock.now())
    print("committed", flush=True)
    sys.stdin.readline()
    Events(work.access, [Subscriber("listener", "listens", frozenset({"items.seen"}), take)]).deliver()
"""


def test_a_process_killed_before_or_while_it_tells_loses_and_doubles_nothing(
    workspace: Workspace, clone: Clone, home: Path
) -> None:
    listener = Listener()
    events = events_of(workspace, listener)
    environment = {
        "PATH": os.environ["PATH"], "ENGAGERR_HOME": str(home), "ENGAGERR_DATABASE__URL": clone.url(),
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, sys.path)]),
    }  # fmt: skip

    def killed_at(*phases: str) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", SAY_AND_WAIT], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            for at, phase in enumerate(phases):
                if at:
                    process.stdin.write("\n")
                    process.stdin.flush()
                assert process.stdout.readline() == f"{phase}\n"
        finally:
            process.kill()
            process.communicate(timeout=30)

    killed_at("committed")
    assert events.subscribers()[0][2] == 1
    assert events.deliver()[0].events == 1
    killed_at("committed", "telling")
    assert heard(workspace) == {(ANN, 1)}
    assert events.deliver()[0].events == 1
    assert listener.told == [(ANN, 1), (ANN, 2)]
    assert heard(workspace) == {(ANN, 1), (ANN, 2)}


def test_two_who_tell_at_once_tell_nothing_twice(workspace: Workspace, settings: Settings, clock: SteeredClock) -> None:
    say(workspace, *[ANN, BO, CY] * 10)
    listener = Listener()

    def tell(_: int) -> int:
        with Engagerr(settings, clock=clock) as own:
            return sum(told.events for told in events_of(own.workspace(), listener).deliver())

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(tell, range(4))) == 30
    assert sorted(listener.told) == [(about, number) for about in (ANN, BO, CY) for number in range(1, 11)]
    for about in (ANN, BO, CY):
        assert [number for who, number in listener.told if who == about] == list(range(1, 11))


# ── Telling again ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_replay_tells_everything_from_then_on_again(workspace: Workspace, clock: SteeredClock) -> None:
    listener = Listener()
    events = events_of(workspace, listener)
    for _ in range(3):
        say(workspace, ANN, BO)
        clock.advance(hours=1)
    events.deliver()
    listener.told.clear()
    assert events.replay("listener", since=START + timedelta(hours=1))[0].events == 4
    assert listener.told == [(ANN, 2), (ANN, 3), (BO, 2), (BO, 3)]
    listener.told.clear()
    assert events.replay("listener")[0].events == 6
    assert events.replay("listener", since=clock.now())[0].events == 0
    assert workspace.verify_audit().intact


def test_a_replay_misses_nothing_where_clocks_differ(workspace: Workspace) -> None:
    listener = Listener()
    events = events_of(workspace, listener)
    for hour in (10, 12, 11, 13):  # the third writer's clock is behind
        say(workspace, ANN, at=datetime(2026, 11, 1, hour, tzinfo=UTC))
    events.deliver()
    listener.told.clear()
    events.replay("listener", since=datetime(2026, 11, 1, 12, tzinfo=UTC))
    assert {number for _, number in listener.told} >= {2, 4}


def test_a_replay_does_not_skip_what_was_not_told_yet(workspace: Workspace, clock: SteeredClock) -> None:
    listener = Listener()
    events = events_of(workspace, listener)
    listener.refuses = lambda _: True
    say(workspace, ANN)
    events.deliver()
    clock.advance(seconds=1)
    listener.refuses = lambda _: False
    assert events.replay("listener", since=clock.now())[0].events == 1
    assert listener.told == [(ANN, 1)]


def test_a_replay_of_one_account_leaves_the_others(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("youtube:a"))
    bring(workspace, tmp_path, an_item("youtube:b", creator="Bo"))
    listener = Listener()
    events = events_of(workspace, listener)
    events.deliver()
    listener.told.clear()
    assert events.replay("listener", account="YouTube:@Ann")[0].events == 1
    assert [event.account for event in workspace.events.list(account="youtube:@ann")] == ["youtube:@ann"]
    with pytest.raises(NotFound):
        events.replay("listener", account="youtube:@nobody")


def test_wrong_names_and_times_are_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="no subscriber 'nobody'"):
        workspace.events.replay("nobody")
    with pytest.raises(InvalidInput, match="time zone"):
        workspace.events.replay("mapping", since=datetime(2026, 1, 1))


def test_who_may_only_look_tells_nobody(workspace: Workspace, engagerr: Engagerr) -> None:
    say(workspace, ANN)
    viewer = colleague(workspace, engagerr, "viewer")
    assert len(viewer.events.list()) == 1
    assert viewer.events.subscribers()
    for refused in (viewer.events.deliver, lambda: viewer.events.replay("mapping")):
        with pytest.raises(Forbidden):
            refused()


def test_another_tenants_events_are_not_told(workspace: Workspace, other_workspace: Workspace) -> None:
    say(other_workspace, ANN)
    listener = Listener()
    assert events_of(workspace, listener).deliver()[0].events == 0
    assert workspace.events.list() == ()
    with workspace.access.transaction(Permission.READ) as session:
        assert open_tasks(session, tenant_id=workspace.tenant.id) == ()
