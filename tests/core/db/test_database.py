"""Transactions, the errors that they turn into, and what the database says of itself."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_socket
from engagerr import Broken, Engagerr, InvalidInput, Unavailable, Workspace
from engagerr.core.db import Database, constraint_of
from engagerr.core.db.database import newest_revision
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from tests.factories import a_creator, in_tenant
from tests.fakes.cluster import Clone, Connection


@pytest.fixture
def database(clone: Clone, home: Path) -> Iterator[Database]:
    database = Database(clone.settings(home))
    yield database
    database.close()


def test_opening_connects_to_nothing(tmp_path: Path) -> None:
    with Engagerr.open(home=tmp_path / "home", database={"url": "postgresql://nobody@/x?host=/nowhere"}) as engagerr:
        assert engagerr.database is not None
    assert not (tmp_path / "home").exists()


def test_a_transaction_works_as_the_application_and_in_utc(database: Database) -> None:
    with database.system() as session:
        row = session.execute(text("SELECT current_user, current_setting('timezone'), engagerr_tenant()")).one()
    assert tuple(row) == ("engagerr_app", "UTC", None)


def test_what_a_failed_transaction_wrote_is_gone(database: Database, workspace: Workspace) -> None:
    insert = text("INSERT INTO creators (tenant_id, name) VALUES (engagerr_tenant(), :name)")
    with contextlib.suppress(RuntimeError), database.transaction(workspace.tenant.id) as session:
        session.execute(insert, {"name": "Ann Lee"})
        raise RuntimeError
    with database.transaction(workspace.tenant.id) as session:
        session.execute(insert, {"name": "Ben Ode"})
    assert [row.name for row in workspace.roster.list()] == ["Ben Ode"]


def test_a_constraint_is_known_by_its_name(database: Database, workspace: Workspace) -> None:
    with database.transaction(workspace.tenant.id) as session:
        with pytest.raises(IntegrityError) as refused, session.begin_nested():
            session.execute(text("INSERT INTO creators (tenant_id, name) VALUES (engagerr_tenant(), '')"))
        assert constraint_of(refused.value) == "creators_name_check"
    with pytest.raises(Broken) as broken, database.transaction(workspace.tenant.id) as session:
        session.execute(text("INSERT INTO creators (tenant_id, name) VALUES (engagerr_tenant(), '')"))
    assert broken.value.facts == {"constraint": "creators_name_check"}


def test_a_statement_that_takes_too_long_is_stopped(clone: Clone, home: Path) -> None:
    database = Database(clone.settings(home, database={"statement_timeout_seconds": 1}))
    with pytest.raises(Unavailable, match="stopped a statement") as stopped, database.system() as session:
        session.execute(text("SELECT pg_sleep(30)"))
    database.close()
    assert "statement_timeout_seconds" in (stopped.value.hint or "")


def test_two_writers_that_meet_may_try_again(database: Database, clone: Clone, workspace: Workspace) -> None:
    for name in ("Ann Lee", "Ben Ode"):
        workspace.roster.add(name)
    rename = text("UPDATE creators SET bio = 'met' WHERE name = :name")
    holds_ann, holds_ben = threading.Event(), threading.Event()
    outcomes: list[str] = []

    def write(first: str, second: str, mine: threading.Event, theirs: threading.Event) -> None:
        try:
            with database.transaction(workspace.tenant.id) as session:
                session.execute(rename, {"name": first})
                mine.set()
                assert theirs.wait(10)
                session.execute(rename, {"name": second})
            outcomes.append("written")
        except Unavailable as error:
            outcomes.append(error.message)

    other = threading.Thread(target=write, args=("Ben Ode", "Ann Lee", holds_ben, holds_ann))
    other.start()
    write("Ann Lee", "Ben Ode", holds_ann, holds_ben)
    other.join(20)
    assert sorted(outcomes) == ["Two writers met; the database gave way to the other one.", "written"]


def test_a_connection_that_was_cut_is_replaced_by_the_next_one(
    database: Database, superuser_connection: Connection
) -> None:
    with database.system() as session:
        pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    superuser_connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with pytest.raises(Unavailable, match="The database went away"), database.system() as session:
        session.execute(text("SELECT 1"))
    with database.system() as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1


def test_the_status_tells_version_schema_and_size(database: Database, clone: Clone) -> None:
    status = database.status()
    assert (status.kind, status.running) == ("server", True)
    assert status.revision == status.newest_revision == newest_revision()
    assert status.server_version is not None
    assert status.server_version.startswith("18.")
    assert status.size_bytes is not None
    assert status.size_bytes > 1_000_000
    assert clone.name in status.address


def test_the_status_shows_no_password(database: Database, clone: Clone) -> None:
    password = clone.cluster.server.password("engagerr_app")
    assert password not in repr(database.status())
    assert password not in repr(database._settings)
    assert password not in repr(database._address.login("engagerr_app"))


def test_the_status_of_a_database_without_a_schema_is_still_told(clone: Clone, home: Path) -> None:
    with clone.cluster.clone("template0") as empty:
        status = Database(empty.settings(home)).status()
    assert (status.running, status.revision) == (True, None)
    assert status.size_bytes


def test_a_server_of_ones_own_is_not_started_or_stopped(database: Database) -> None:
    for verb in (database.start, database.stop):
        with pytest.raises(InvalidInput, match="is yours"):
            verb()


def test_threads_share_one_database(database: Database, workspace: Workspace) -> None:
    """More threads than connections: they wait for each other and each stays in its tenant."""
    seen: list[int] = []

    def count() -> None:
        for _ in range(5):
            with database.transaction(workspace.tenant.id) as session:
                seen.append(session.execute(text("SELECT count(*) FROM members")).scalar_one())

    threads = [threading.Thread(target=count) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seen == [1] * 60


def test_zero_stands_beside_missing_and_never_for_it(clone: Clone, workspace: Workspace) -> None:
    """The states of an observation, as the table keeps them apart."""
    from tests.factories import an_item, an_observation

    with clone.connect() as connection:
        with in_tenant(connection, workspace.tenant.id):
            item = an_item(connection, workspace.tenant.id)["id"]
            an_observation(connection, workspace.tenant.id, item, metric="likes", value=0, state="zero")
            an_observation(connection, workspace.tenant.id, item, metric="saves", value=None, state="not_reported")
        for wrong in (
            {"state": "zero", "value": None},
            {"state": "zero", "value": 7},
            {"state": "value", "value": None},
            {"state": "estimated", "value": None},
            {"state": "expired", "value": 0},
            {"state": "suppressed", "value": 3},
            {"state": "unheard_of", "value": 3},
            {"state": "unheard_of", "value": None},
        ):
            with pytest.raises(psycopg.errors.CheckViolation), in_tenant(connection, workspace.tenant.id):
                an_observation(connection, workspace.tenant.id, item, **wrong)


def test_a_month_has_its_partition_once_and_none_lies_far_ahead(app_connection: Connection) -> None:
    ask = "SELECT engagerr_ensure_partitions(ARRAY[{}]::date[])"
    with app_connection.transaction():
        assert app_connection.execute(ask.format("'2026-03-31', '2026-03-01', '2026-04-01'")).fetchone() == (2,)
        assert app_connection.execute(ask.format("'2026-03-15'")).fetchone() == (0,)
    for month in ("2003-12-31", "2999-01-01"):
        with pytest.raises(psycopg.errors.CheckViolation) as refused, app_connection.transaction():
            app_connection.execute(ask.format(f"'{month}'"))
        assert refused.value.diag.constraint_name == "metric_observations_month"


def test_an_observation_at_the_edge_of_a_month_finds_its_partition(clone: Clone, workspace: Workspace) -> None:
    """Partitions are cut at midnight UTC, whatever zone the session speaks."""
    from datetime import datetime, timedelta, timezone

    from tests.factories import an_item, an_observation

    east = timezone(timedelta(hours=14))
    with clone.connect() as connection, in_tenant(connection, workspace.tenant.id):
        connection.execute("SET LOCAL timezone = 'Pacific/Kiritimati'")
        item = an_item(connection, workspace.tenant.id)["id"]
        an_observation(connection, workspace.tenant.id, item, observed_at=datetime(2026, 6, 1, 13, 59, 59, tzinfo=east))
        found = connection.execute("SELECT tableoid::regclass::text FROM metric_observations").fetchone()
    assert found == ("metric_observations_2026_05",)


def test_tests_reach_nothing_but_this_machine() -> None:
    with pytest.raises((pytest_socket.SocketConnectBlockedError, UserWarning)), socket.socket() as outside:
        outside.connect(("192.0.2.1", 80))


def test_a_creator_of_nobody_cannot_be_written(app_connection: Connection) -> None:
    from uuid import uuid4

    with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, None):
        a_creator(app_connection, uuid4())
