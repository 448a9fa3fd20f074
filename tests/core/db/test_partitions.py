"""Months of observations: retired to files, brought back, loaded in one piece; killed anywhere, and run again."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import zstandard
from engagerr import Conflict, Engagerr, Forbidden, InvalidInput, NotFound, Settings, Unavailable, Workspace
from engagerr.core.db import Database
from engagerr.core.db import monthly_tables as table
from engagerr.core.db.archive import read_manifest, write_archive
from engagerr.core.db.partitions import MonthsAreMoving, Partitions, RetiredMonth, ensure_partitions, retired_until
from tests.factories import an_observation, in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Connection

MARCH, APRIL = date(2019, 3, 1), date(2019, 4, 1)
ALL = "SELECT * FROM metric_observations ORDER BY tenant_id, subject_id, metric, observed_at, period_days, revision"


@pytest.fixture
def ours(clone: Clone, tmp_path: Path) -> Settings:
    """Settings of the home that prepared the database, where the owner's login is known."""
    return clone.settings_of_the_owner(tmp_path / "owner-home")


@pytest.fixture
def database(ours: Settings) -> Iterator[Database]:
    database = Database(ours)
    yield database
    database.close()


@pytest.fixture
def partitions(database: Database, ours: Settings, clock: SteeredClock) -> Partitions:
    return Partitions(database, ours, clock)


@pytest.fixture
def figures(clone: Clone, workspace: Workspace, other_workspace: Workspace) -> list[tuple[Any, ...]]:
    """Figures of two tenants in March and April 2019, with everything that a text file could get wrong."""
    subjects = [UUID(int=number) for number in range(1, 4)]
    with clone.connect() as connection:
        for tenant in (workspace.tenant.id, other_workspace.tenant.id):
            with in_tenant(connection, tenant):
                for day, subject in enumerate(subjects, start=1):
                    for month in (3, 4):
                        when = datetime(2019, month, day, 23, 59, 59, 999999, UTC)
                        an_observation(connection, tenant, subject, observed_at=when, value="12.50", part="a\tb\n\\N c")
                        an_observation(
                            connection, tenant, subject, observed_at=when, metric="Größe ✓", value=None,
                            state="not_reported",
                        )  # fmt: skip
    return everything(clone)


def everything(clone: Clone) -> list[tuple[Any, ...]]:
    with clone.connect("postgres") as connection:
        return connection.execute(ALL).fetchall()


def of_month(rows: list[tuple[Any, ...]], month: int) -> list[tuple[Any, ...]]:
    return [row for row in rows if row[3].month == month]


def states(partitions: Partitions) -> dict[str, str]:
    return {f"{row.month:%Y-%m}": row.state for row in partitions.list()}


# ── Retire ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_retired_month_is_in_a_file_and_not_in_the_table(
    partitions: Partitions, figures: list[tuple[Any, ...]], clone: Clone, ours: Settings
) -> None:
    (march,) = partitions.retire([date(2019, 3, 17)])
    assert (march.month, march.moved, march.rows) == (MARCH, True, 12)
    assert march.file is not None
    assert march.file.parent == ours.home / "archive"
    assert everything(clone) == of_month(figures, 4)
    rows = zstandard.ZstdDecompressor().decompressobj().decompress(march.file.read_bytes())
    manifest = json.loads(march.file.with_name(march.file.name.replace(".pgcopy.zst", ".json")).read_text())
    assert manifest["rows"] == 12
    assert rows.startswith(b"PGCOPY\n\xff\r\n\x00")
    assert manifest["sha256"] == hashlib.sha256(rows).hexdigest()
    assert manifest["month"] == "2019-03"
    assert manifest["columns"][:4] == ["tenant_id", "subject_id", "metric", "observed_at"]
    assert manifest["revision"] == partitions._database.status().revision
    assert march.file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in march.file.parent.iterdir()) == sorted(
        [march.file.name, march.file.name.replace(".pgcopy.zst", ".json")]
    )
    (listed, here) = partitions.list()
    assert (listed.month, listed.state, listed.rows, listed.file) == (MARCH, "retired", 12, march.file)
    assert (here.month, here.state) == (APRIL, "here")


def test_a_month_that_is_retired_already_stays_as_it_is(partitions: Partitions, figures: list[tuple[Any, ...]]) -> None:
    (first,) = partitions.retire([MARCH])
    (again,) = partitions.retire([MARCH])
    assert (again.moved, again.file) == (False, first.file)


def test_the_month_that_still_runs_and_one_without_figures_are_refused(
    partitions: Partitions, clock: SteeredClock, figures: list[tuple[Any, ...]], clone: Clone
) -> None:
    with pytest.raises(InvalidInput, match="2026-11 is not over"):
        partitions.retire([MARCH, clock.now().date()])
    with pytest.raises(NotFound, match="no figures of 2018-01"):
        partitions.retire([date(2018, 1, 1)])
    assert everything(clone) == figures


def test_each_tenant_reads_in_its_audit_log_how_many_of_its_figures_moved(
    partitions: Partitions, figures: list[tuple[Any, ...]], workspace: Workspace, other_workspace: Workspace,
    clone: Clone,
) -> None:  # fmt: skip
    (march,) = partitions.retire([MARCH])
    partitions.restore(MARCH)
    assert march.file is not None
    for work in (workspace, other_workspace):
        with clone.connect() as connection, in_tenant(connection, work.tenant.id):
            said = connection.execute(
                "SELECT action, subject, detail FROM audit_log WHERE action LIKE 'observations.%' ORDER BY sequence"
            ).fetchall()
        detail = {"month": "2019-03", "observations": 6, "file": march.file.name}
        assert said == [
            ("observations.retired", "2019-03", detail), ("observations.restored", "2019-03", detail),
        ]  # fmt: skip
        assert work.verify_audit().intact


def test_the_policy_retires_what_is_older_and_leaves_what_somebody_restored(
    partitions: Partitions, figures: list[tuple[Any, ...]], clock: SteeredClock
) -> None:
    assert partitions.due() == ()  # no policy
    clock.set(datetime(2019, 6, 30, 23, 59, tzinfo=UTC))
    assert partitions.due(keep_months=3) == ()
    assert partitions.due(keep_months=2) == (MARCH,)
    assert partitions.due(keep_months=1) == (MARCH, APRIL)
    clock.set(datetime(2020, 1, 1, tzinfo=UTC))
    assert partitions.due(keep_months=9) == (MARCH,)
    partitions.retire(partitions.due(keep_months=9))
    assert partitions.due(keep_months=9) == ()
    partitions.restore(MARCH)
    assert partitions.due(keep_months=9) == ()


def test_the_setting_is_the_policy(
    database: Database, ours: Settings, figures: list[tuple[Any, ...]], clock: SteeredClock
) -> None:
    kept = ours.database.model_copy(update={"keep_observations_months": 2})
    clock.set(datetime(2019, 6, 1, tzinfo=UTC))
    assert Partitions(database, ours.model_copy(update={"database": kept}), clock).due() == (MARCH,)


def test_a_home_that_does_not_know_the_owner_says_so_and_changes_nothing(
    settings: Settings, figures: list[tuple[Any, ...]], clone: Clone, clock: SteeredClock
) -> None:
    database = Database(settings)
    partitions = Partitions(database, settings, clock)
    assert states(partitions) == {"2019-03": "here", "2019-04": "here"}
    with pytest.raises(Forbidden, match="owns its tables") as refused:
        partitions.retire([MARCH])
    assert refused.value.hint is not None
    assert "engagerr db upgrade" in refused.value.hint
    database.close()
    assert everything(clone) == figures


# ── What a retired month is for others ──────────────────────────────────────────────────────────────────────────────


def test_no_partition_is_made_for_a_retired_month_and_the_words_name_the_way_out(
    partitions: Partitions, figures: list[tuple[Any, ...]], database: Database, app_connection: Connection
) -> None:
    partitions.retire([MARCH])
    with pytest.raises(psycopg.errors.CheckViolation) as refused, app_connection.transaction():
        app_connection.execute("SELECT engagerr_ensure_partitions(ARRAY['2019-03-31']::date[])")
    assert refused.value.diag.constraint_name == "metric_observations_retired"
    with pytest.raises(RetiredMonth, match=r"2019-03 were retired") as said, database.system() as session:
        ensure_partitions(session, [APRIL, date(2019, 3, 31)])
    assert said.value.hint == "Bring them back first: engagerr db restore 2019-03"
    partitions.restore(MARCH)
    with database.system() as session:
        assert ensure_partitions(session, [MARCH, APRIL]) == 0


def test_rollups_can_ask_from_when_on_all_observations_are_here(
    partitions: Partitions, figures: list[tuple[Any, ...]], engagerr: Engagerr, workspace: Workspace
) -> None:
    def asked() -> date | None:
        with engagerr.database.transaction(workspace.tenant.id) as session:  # as the application
            return retired_until(session)

    assert asked() is None
    partitions.retire([MARCH, APRIL])
    assert asked() == date(2019, 5, 1)
    partitions.restore(MARCH)
    assert asked() == date(2019, 5, 1)
    partitions.restore(APRIL)
    assert asked() is None


def test_the_application_cannot_enter_where_months_wait(
    partitions: Partitions, figures: list[tuple[Any, ...]], app_connection: Connection, owner_connection: Connection
) -> None:
    table.note(owner_connection, MARCH, "retiring", datetime(2026, 11, 1, tzinfo=UTC))
    table.detach(owner_connection, MARCH)
    for name in ("months", "metric_observations_2019_03"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app_connection.transaction():
            app_connection.execute(f"SELECT * FROM engagerr_archive.{name}")


# ── Restore ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def shape(connection: Connection, month: date) -> list[Any]:
    """Columns, constraints, indexes and policies of a month's table, without its own name."""
    name = table.name_of(month)
    found = connection.execute(
        """
        SELECT array(SELECT row(attname, format_type(atttypid, atttypmod), attnotnull, attcollation)::text
                     FROM pg_attribute WHERE attrelid = part.oid AND attnum > 0 ORDER BY attnum),
               array(SELECT contype::text || pg_get_constraintdef(oid) || coninhcount FROM pg_constraint
                     WHERE conrelid = part.oid ORDER BY 1),
               array(SELECT regexp_replace(pg_get_indexdef(indexrelid), 'INDEX \\S+', '')
                     || (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = indexrelid)
                     FROM pg_index WHERE indrelid = part.oid ORDER BY 1),
               array(SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = part.oid),
               relrowsecurity, relforcerowsecurity, relowner::regrole::text
        FROM pg_class AS part JOIN pg_inherits ON inhrelid = part.oid WHERE relname = %s
        """,
        [name],
    ).fetchone()
    assert found is not None
    return [re.sub(rf"{name}\b", "month", str(part)) for part in found]


def test_a_restored_month_is_row_for_row_and_key_for_key_what_it_was(
    partitions: Partitions, figures: list[tuple[Any, ...]], clone: Clone, superuser_connection: Connection
) -> None:
    before = shape(superuser_connection, MARCH)
    assert "brin (import_id)" in before[2] or "btree (import_id)" in before[2]
    lay = "SELECT subject_id, metric, tenant_id FROM metric_observations_2019_03 ORDER BY ctid"
    laid = superuser_connection.execute(lay).fetchall()
    partitions.retire([MARCH])
    back = partitions.restore(MARCH)
    assert (back.moved, back.rows) == (True, 12)
    assert everything(clone) == figures
    assert superuser_connection.execute(lay).fetchall() == laid
    assert shape(superuser_connection, MARCH) == before == shape(superuser_connection, APRIL)
    assert partitions.restore(MARCH).moved is False
    assert states(partitions) == {"2019-03": "restored", "2019-04": "here"}


def test_an_index_that_came_later_is_on_a_restored_month_too(
    partitions: Partitions, figures: list[tuple[Any, ...]], owner_connection: Connection,
    superuser_connection: Connection,
) -> None:  # fmt: skip
    partitions.retire([MARCH])
    owner_connection.execute("CREATE INDEX by_value ON metric_observations USING brin (tenant_id, value)")
    partitions.restore(MARCH)
    assert shape(superuser_connection, MARCH) == shape(superuser_connection, APRIL)
    assert "brin (tenant_id, value)" in shape(superuser_connection, MARCH)[2]


def test_a_restored_month_takes_new_figures_and_is_retired_with_them(
    partitions: Partitions, figures: list[tuple[Any, ...]], clone: Clone, workspace: Workspace
) -> None:
    (old,) = partitions.retire([MARCH])
    partitions.restore(MARCH)
    with clone.connect() as connection, in_tenant(connection, workspace.tenant.id):
        an_observation(connection, workspace.tenant.id, uuid4(), observed_at=datetime(2019, 3, 9, tzinfo=UTC))
    (new,) = partitions.retire([MARCH])
    assert new.rows == 13
    assert new.file != old.file
    assert old.file is not None
    assert not old.file.exists()
    partitions.restore(MARCH)
    assert len(everything(clone)) == len(figures) + 1


def test_a_damaged_or_foreign_file_is_refused_and_nothing_of_it_lands(
    partitions: Partitions, figures: list[tuple[Any, ...]], clone: Clone, tmp_path: Path
) -> None:
    (march, april) = partitions.retire([MARCH, APRIL])
    assert march.file is not None
    assert april.file is not None
    whole = march.file.read_bytes()
    for damaged in (whole[:-20], whole[:60] + b"\x00\x00" + whole[62:]):
        march.file.write_bytes(damaged)
        with pytest.raises(Conflict, match="is damaged"):
            partitions.restore(MARCH)
    with pytest.raises(InvalidInput, match="holds 2019-04 and not 2019-03"):
        partitions.restore(MARCH, file=april.file)
    of_april = zstandard.ZstdDecompressor().decompressobj().decompress(april.file.read_bytes())
    other = write_archive(
        tmp_path / "other", month=MARCH, blocks=[of_april], columns=read_manifest(april.file).columns, revision="0003",
        rows=12,
    )  # fmt: skip
    with pytest.raises(Conflict, match="not the archive that was made"):
        partitions.restore(MARCH, file=tmp_path / "other" / other.file)
    march.file.unlink()
    with pytest.raises(NotFound, match="There is no file"):
        partitions.restore(MARCH)
    assert everything(clone) == []
    assert states(partitions) == {"2019-03": "retired", "2019-04": "retired"}
    march.file.write_bytes(whole)
    partitions.restore(MARCH)
    assert everything(clone) == of_month(figures, 3)


def test_an_archive_of_another_home_is_named(
    partitions: Partitions, figures: list[tuple[Any, ...]], clone: Clone, tmp_path: Path, ours: Settings
) -> None:
    (march,) = partitions.retire([MARCH])
    assert march.file is not None
    (ours.home / "archive").rename(tmp_path / "elsewhere")
    assert partitions.list()[0].rows is None
    partitions.restore(MARCH, file=tmp_path / "elsewhere" / march.file.name)
    assert everything(clone) == figures


def test_a_month_that_never_was_cannot_be_restored(partitions: Partitions) -> None:
    with pytest.raises(NotFound, match="no figures of 2012-05"):
        partitions.restore(date(2012, 5, 1))


# ── Killed anywhere ─────────────────────────────────────────────────────────────────────────────────────────────────


def noted_only(owner: Connection, _: Partitions) -> None:
    table.note(owner, MARCH, "retiring", datetime(2026, 11, 1, tzinfo=UTC))


def detached_half(owner: Connection, partitions: Partitions) -> None:
    """As a DETACH … CONCURRENTLY leaves it that ends while it waits for a reader."""
    noted_only(owner, partitions)
    reader = partitions._database
    with reader.system() as session:
        from sqlalchemy import text

        session.execute(text("SELECT count(*) FROM metric_observations"))
        owner.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            table.detach(owner, MARCH)
        owner.execute("RESET lock_timeout")
    assert table.standing(owner, MARCH) == "detaching"


def detached_wholly(owner: Connection, partitions: Partitions) -> None:
    noted_only(owner, partitions)
    owner.execute("ALTER TABLE metric_observations DETACH PARTITION metric_observations_2019_03 CONCURRENTLY")
    assert table.standing(owner, MARCH) == "detached"


def moved_out(owner: Connection, partitions: Partitions) -> None:
    noted_only(owner, partitions)
    table.detach(owner, MARCH)
    assert table.standing(owner, MARCH) == "elsewhere"


def written(owner: Connection, partitions: Partitions) -> None:
    moved_out(owner, partitions)
    partitions._write(owner, MARCH)


POINTS: list[Callable[[Connection, Partitions], None]] = [
    noted_only, detached_half, detached_wholly, moved_out, written,
]  # fmt: skip


@pytest.mark.parametrize("killed", POINTS)
def test_a_retirement_that_was_cut_short_is_finished_by_the_next(
    partitions: Partitions, figures: list[tuple[Any, ...]], clone: Clone, owner_connection: Connection, killed: Any
) -> None:
    killed(owner_connection, partitions)
    assert partitions.due() == (MARCH,)  # without any policy
    (march,) = partitions.retire(partitions.due())
    assert (march.moved, march.rows) == (True, 12)
    assert everything(clone) == of_month(figures, 4)
    partitions.restore(MARCH)
    assert everything(clone) == figures


@pytest.mark.parametrize("killed", POINTS)
def test_a_retirement_that_was_cut_short_can_be_undone(
    partitions: Partitions, figures: list[tuple[Any, ...]], clone: Clone, owner_connection: Connection, killed: Any,
    superuser_connection: Connection,
) -> None:  # fmt: skip
    before = shape(superuser_connection, MARCH)
    killed(owner_connection, partitions)
    partitions.restore(MARCH)
    assert everything(clone) == figures
    assert shape(superuser_connection, MARCH) == before
    assert partitions.due() == ()


def test_a_file_that_cannot_be_written_puts_the_month_back_for_the_next_try(
    partitions: Partitions, figures: list[tuple[Any, ...]], clone: Clone, ours: Settings
) -> None:
    (ours.home / "archive").write_text("in the way")
    with pytest.raises(Unavailable, match="cannot be written"):
        partitions.retire([MARCH])
    assert everything(clone) == figures
    assert states(partitions) == {"2019-03": "here", "2019-04": "here"}
    (ours.home / "archive").unlink()
    assert partitions.retire([MARCH])[0].moved


def test_what_a_killed_run_left_of_a_file_is_cleared_away(
    partitions: Partitions, figures: list[tuple[Any, ...]], ours: Settings
) -> None:
    (ours.home / "archive").mkdir(parents=True)
    left = ours.home / "archive" / ".metric_observations-2019-03.0a1b2c3d"
    left.write_bytes(b"half")
    partitions.retire([MARCH])
    assert not left.exists()


def test_a_long_reader_does_not_make_writers_wait(
    partitions: Partitions, figures: list[tuple[Any, ...]], clone: Clone, workspace: Workspace,
    owner_connection: Connection,
) -> None:  # fmt: skip
    """While the month waits for a reader to end, others read and write the table at once."""
    detached_half(owner_connection, partitions)
    with clone.connect() as connection, in_tenant(connection, workspace.tenant.id):
        connection.execute("SET LOCAL lock_timeout = '1s'")
        an_observation(connection, workspace.tenant.id, uuid4(), observed_at=datetime(2019, 4, 20, tzinfo=UTC))
        assert connection.execute("SELECT count(*) FROM metric_observations").fetchone() == (7,)


def test_what_an_import_writes_while_its_month_is_retired_is_in_the_archive(
    partitions: Partitions, figures: list[tuple[Any, ...]], clone: Clone, workspace: Workspace,
    superuser_connection: Connection,
) -> None:  # fmt: skip
    waits = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'engagerr months' AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(1) as apart, clone.connect() as connection:
        with in_tenant(connection, workspace.tenant.id):
            an_observation(connection, workspace.tenant.id, uuid4(), observed_at=datetime(2019, 3, 9, tzinfo=UTC))
            retiring = apart.submit(partitions.retire, [MARCH])
            deadline = time.monotonic() + 30
            while superuser_connection.execute(waits).fetchone() == (0,):
                assert time.monotonic() < deadline
                assert not retiring.done(), retiring.result()
        (march,) = retiring.result()
    assert march.rows == 13
    partitions.restore(MARCH)
    assert len(everything(clone)) == len(figures) + 1


def test_one_at_a_time_moves_months(
    partitions: Partitions, figures: list[tuple[Any, ...]], owner_connection: Connection, clone: Clone
) -> None:
    owner_connection.execute("SELECT pg_advisory_lock(hashtextextended('engagerr.months', 0))")
    for move in (lambda: partitions.retire([MARCH]), lambda: partitions.load_month(date(2018, 1, 1), [])):
        with pytest.raises(MonthsAreMoving, match="Somebody else is moving months"):
            move()
    assert everything(clone) == figures


# ── Loading a closed month ──────────────────────────────────────────────────────────────────────────────────────────


def a_row(tenant: UUID, **changes: Any) -> tuple[Any, ...]:
    row = {
        "tenant_id": tenant, "subject_id": uuid4(), "metric": "views", "observed_at": datetime(2018, 1, 1, tzinfo=UTC),
        "period_days": 0, "revision": 0, "value": 5, "state": "value", "currency": None, "import_id": uuid4(), "row": 1,
        "part": None, **changes,
    }  # fmt: skip
    return tuple(row.values())


def test_a_closed_month_is_loaded_and_attached_like_any_other(
    partitions: Partitions, workspace: Workspace, clone: Clone, superuser_connection: Connection, database: Database
) -> None:
    rows = [a_row(workspace.tenant.id) for _ in range(5)]
    rows.append(a_row(workspace.tenant.id, observed_at=datetime(2018, 2, 1, tzinfo=UTC) - timedelta(microseconds=1)))
    assert partitions.load_month(date(2018, 1, 20), rows) == 6
    assert len(everything(clone)) == 6
    assert states(partitions) == {"2018-01": "here"}
    with database.system() as session:
        assert ensure_partitions(session, [date(2018, 1, 1), date(2018, 2, 1)]) == 1
    assert shape(superuser_connection, date(2018, 1, 1)) == shape(superuser_connection, date(2018, 2, 1))
    with clone.connect() as connection, in_tenant(connection, workspace.tenant.id):
        assert connection.execute("SELECT count(*) FROM metric_observations").fetchone() == (6,)
    with clone.connect() as connection, in_tenant(connection, uuid4()):
        assert connection.execute("SELECT count(*) FROM metric_observations").fetchone() == (0,)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"observed_at": datetime(2018, 2, 1, tzinfo=UTC)}, "does not lie in 2018-01"),
        ({"observed_at": datetime(2017, 12, 31, 23, 59, tzinfo=UTC)}, "does not lie in 2018-01"),
        ({"state": "value", "value": None}, "state_check"),
        ({"period_days": -1}, "period_days_check"),
    ],
)
def test_a_row_that_does_not_belong_there_keeps_the_whole_month_out(
    partitions: Partitions, workspace: Workspace, clone: Clone, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        partitions.load_month(date(2018, 1, 1), [a_row(workspace.tenant.id), a_row(workspace.tenant.id, **changes)])
    assert everything(clone) == []
    assert states(partitions) == {}
    assert partitions.load_month(date(2018, 1, 1), [a_row(workspace.tenant.id)]) == 1


def test_a_figure_that_stands_twice_keeps_the_whole_month_out(
    partitions: Partitions, workspace: Workspace, clone: Clone
) -> None:
    subject = uuid4()
    twice = [a_row(workspace.tenant.id, subject_id=subject) for _ in range(2)]
    with pytest.raises(InvalidInput, match="Two figures of 2018-01"):
        partitions.load_month(date(2018, 1, 1), twice)
    assert everything(clone) == []


def test_a_month_with_figures_is_not_loaded_over(
    partitions: Partitions, figures: list[tuple[Any, ...]], workspace: Workspace, clone: Clone
) -> None:
    for _ in range(2):
        with pytest.raises(Conflict, match="2019-03 has figures already"):
            partitions.load_month(MARCH, [a_row(workspace.tenant.id)])
        partitions.retire([MARCH])
    partitions.restore(MARCH)
    assert everything(clone) == figures


def test_while_a_month_is_loaded_no_import_makes_its_partition(
    partitions: Partitions, workspace: Workspace, database: Database, clone: Clone
) -> None:
    def rows() -> Iterator[tuple[Any, ...]]:
        yield a_row(workspace.tenant.id)
        with pytest.raises(RetiredMonth), database.apart() as session:
            ensure_partitions(session, [date(2018, 1, 1)])
        with database.apart() as session:
            assert ensure_partitions(session, [date(2018, 2, 1)]) == 1  # and any other is made at once

    assert partitions.load_month(date(2018, 1, 1), rows()) == 1
    assert len(everything(clone)) == 1


def test_a_load_that_was_killed_is_simply_run_again(
    partitions: Partitions, workspace: Workspace, owner_connection: Connection, clone: Clone
) -> None:
    table.note(owner_connection, date(2018, 1, 1), "loading", datetime(2026, 11, 1, tzinfo=UTC))
    assert states(partitions) == {"2018-01": "loading"}
    assert partitions.load_month(date(2018, 1, 1), [a_row(workspace.tenant.id)]) == 1
    assert states(partitions) == {"2018-01": "here"}
