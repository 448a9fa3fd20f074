"""Migrations: from nothing to the newest schema, once, by any number of processes, and equal to what the code says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from engagerr import Engagerr
from engagerr.core.db import Database
from engagerr.core.db.database import newest_revision
from tests.fakes.cluster import SUPERUSER, Clone, Cluster, Connection

REPOSITORY = Path(__file__).parents[3]
FUNCTIONS = REPOSITORY / "engagerr" / "core" / "db" / "migrations" / "sql" / "0001_functions.sql"

UPGRADE = """
from engagerr import Engagerr
with Engagerr.open() as engagerr:
    print(*engagerr.database.upgrade())
"""


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[Clone]:
    """A database with nothing in it, owned by engagerr_owner."""
    with cluster.clone("template0") as empty:
        yield empty


@pytest.fixture
def fresh(empty: Clone, home: Path) -> Iterator[Database]:
    """The empty database, in a home that knows the owner's password."""
    database = Database(empty.settings_of_the_owner(home))
    yield database
    database.close()


def test_an_empty_database_gets_the_newest_schema_and_then_nothing_more(fresh: Database) -> None:
    assert fresh.upgrade() == (None, newest_revision())
    assert fresh.upgrade() == (newest_revision(), newest_revision())
    assert fresh.status().revision == newest_revision()


def test_a_workspace_can_be_founded_right_after_the_upgrade(empty: Clone, home: Path) -> None:
    with Engagerr(empty.settings_of_the_owner(home)) as engagerr:
        engagerr.database.upgrade()
        assert engagerr.init("Northlight").tenant.name == "Northlight"


def test_processes_that_upgrade_at_once_make_the_schema_once(empty: Clone, home: Path) -> None:
    empty.settings_of_the_owner(home)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "ENGAGERR_HOME": str(home),
        "ENGAGERR_DATABASE__URL": empty.url("engagerr_owner"),
    }
    # Both must be at the point of migrating: the lock that they wait for is held here until they are.
    with empty.connect(SUPERUSER) as holder:
        holder.execute("SELECT pg_advisory_lock(hashtextextended('engagerr.migrate', 0))")
        upgrading = [
            subprocess.Popen(
                [sys.executable, "-c", UPGRADE], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]  # fmt: skip
        deadline = time.monotonic() + 30
        waiting = 0
        while waiting < 3 and time.monotonic() < deadline and all(process.poll() is None for process in upgrading):
            time.sleep(0.05)
            waiting = _count(
                holder,
                "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
                " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()",
            )
    said = [process.communicate(timeout=60) for process in upgrading]
    assert waiting == 3, said
    assert [process.returncode for process in upgrading] == [0, 0, 0], said
    newest = newest_revision()
    assert sorted(output for output, _ in said) == sorted([f"None {newest}\n"] + [f"{newest} {newest}\n"] * 2)


def test_an_upgrade_that_fails_leaves_nothing_behind(fresh: Database, empty: Clone) -> None:
    with empty.connect(SUPERUSER, autocommit=True) as superuser:
        superuser.execute("CREATE TABLE tenants (in_the_way int)")
        with pytest.raises(Exception, match='relation "tenants" already exists'):
            fresh.upgrade()
        assert _count(superuser, "SELECT count(*) FROM pg_class WHERE relname IN ('creators', 'alembic_version')") == 0
        superuser.execute("DROP TABLE tenants")
    assert fresh.upgrade() == (None, newest_revision())


def test_the_migrated_schema_is_the_one_that_the_code_describes(clone: Clone, home: Path) -> None:
    database = Database(clone.settings_of_the_owner(home))
    with clone.connect() as connection:
        connection.execute("SELECT engagerr_ensure_partitions(ARRAY['2026-10-01']::date[])")
    assert database.check_migrations() == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("ALTER TABLE creators ADD COLUMN shoe_size int", "shoe_size"),
        ("ALTER TABLE creators DROP COLUMN agent CASCADE", "agent"),
        ("ALTER TABLE rates ALTER COLUMN minor TYPE integer", "minor"),
        ("CREATE TABLE stray (id int)", "stray"),
        ("DROP TABLE quarantined_rows", "quarantined_rows"),
        ("DROP INDEX content_edges_one_parent", "content_edges_one_parent"),
        ("ALTER TABLE rates DROP CONSTRAINT rates_creator_id_fkey", "rates_creator_id_fkey"),
        ("ALTER TABLE creators ALTER COLUMN bio SET NOT NULL", "bio"),
    ],
)
def test_a_schema_that_drifted_is_noticed(clone: Clone, home: Path, change: str, named: str) -> None:
    with clone.connect("engagerr_owner", autocommit=True) as owner:
        owner.execute(change)
    assert any(named in line for line in Database(clone.settings_of_the_owner(home)).check_migrations())


def test_what_runs_with_the_owners_rights_looks_names_up_in_our_schemas_first(clone: Clone) -> None:
    with clone.connect(SUPERUSER) as superuser:
        found = superuser.execute(
            "SELECT proname, proconfig FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        ).fetchall()
    assert len(found) >= 3
    assert [name for name, config in found if "search_path=pg_catalog, public, pg_temp" not in (config or [])] == []


# ── Ids ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def with_fallback(superuser_connection: Connection) -> Connection:
    """PostgreSQL 16's way to make ids, under another name beside the built-in one."""
    branches = re.findall(r"\$ddl\$(.*?)\$ddl\$", FUNCTIONS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(branches) == 1
    superuser_connection.execute(branches[0].replace("engagerr_new_id", "fallback_new_id"))
    return superuser_connection


@pytest.mark.parametrize("function", ["engagerr_new_id", "fallback_new_id"])
def test_ids_are_uuids_of_version_7_in_order_of_time(with_fallback: Connection, function: str) -> None:
    query = f"SELECT {function}(), (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM generate_series(1, 1500)"
    ids: list[tuple[UUID, int]] = with_fallback.execute(query).fetchall()
    with_fallback.execute("SELECT pg_sleep(0.005)")
    ids += with_fallback.execute(query).fetchall()
    assert len({made for made, _ in ids}) == 3000
    for made, milliseconds in ids:
        assert made.version == 7
        assert made.variant == "specified in RFC 4122"
        assert abs((made.int >> 80) - milliseconds) <= 50
    times = [made.int >> 80 for made, _ in ids]
    assert times == sorted(times)
    assert times[-1] > times[0]


def test_the_fallbacks_random_bits_are_random(with_fallback: Connection) -> None:
    """74 bits: every one of them is sometimes set and sometimes not (chance of a false alarm: 2^-200)."""
    ids = [row[0].int for row in with_fallback.execute("SELECT fallback_new_id() FROM generate_series(1, 400)")]
    fixed = {*range(80, 128), *range(76, 80), 62, 63}
    for bit in range(128):
        share = sum(made >> bit & 1 for made in ids) / len(ids)
        if bit not in fixed:
            assert 0.25 < share < 0.75, f"bit {bit}"


def test_the_server_in_the_wheel_makes_ids_by_itself(superuser_connection: Connection) -> None:
    body = superuser_connection.execute("SELECT prosrc FROM pg_proc WHERE proname = 'engagerr_new_id'").fetchone()
    assert body == (" SELECT uuidv7() ",)


def _count(connection: psycopg.Connection[tuple[int, ...]], query: str) -> int:
    row = connection.execute(query).fetchone()
    connection.commit() if not connection.autocommit else None
    assert row is not None
    return row[0]
