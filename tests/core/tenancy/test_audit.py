"""The audit log: one chain a tenant, numbered and hashed by the database, in which every change shows."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.db import Database
from engagerr.core.telemetry import new_correlation
from engagerr.core.tenancy import AuditVerdict, verify_audit
from engagerr.core.tenancy.audit import write_audit
from tests.factories import in_tenant
from tests.fakes.cluster import Clone, Connection


@pytest.fixture
def told(workspace: Workspace) -> Workspace:
    """A workspace with some history: founding and sign-in, and three creators."""
    for name in ("Ann Lee", "Ben Ode", "Cleo Marsh"):
        workspace.roster.add(name)
    return workspace


@pytest.fixture
def vandal(superuser_connection: Connection) -> Connection:
    """A superuser whom neither row-level security nor triggers stop."""
    superuser_connection.execute("SET session_replication_role = replica")
    return superuser_connection


def test_an_untouched_log_is_intact_and_tells_what_was_done(told: Workspace, superuser_connection: Connection) -> None:
    assert told.verify_audit() == AuditVerdict(entries=5, intact=True, first_bad=None, reason=None)
    rows = superuser_connection.execute(
        "SELECT sequence, action, member_id, detail FROM audit_log ORDER BY sequence"
    ).fetchall()
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5]
    assert [row[1] for row in rows] == ["tenant.founded", "token.issued"] + ["creator.added"] * 3
    assert {row[2] for row in rows} == {told.member.id}
    assert rows[-1][3] == {"name": "Cleo Marsh"}


def test_an_empty_log_is_intact(engagerr: Engagerr) -> None:
    assert verify_audit(engagerr.database, uuid4()) == AuditVerdict(0, True, None, None)


ALTERATIONS = {
    "what was done": "action = 'creator.praised'",
    "to whom": "subject = 'creator:somebody else'",
    "by whom": "member_id = gen_random_uuid()",
    "by nobody": "member_id = NULL",
    "the details": 'detail = \'{"name": "Dora"}\'',
    "one more detail": "detail = detail || '{\"note\": null}'",
    "when, by a microsecond": "at = at + interval '1 microsecond'",
    "under which command": "correlation_id = 'another'",
    "its hash": "hash = sha256(hash)",
    "its link": "previous_hash = sha256(previous_hash)",
}


@pytest.mark.parametrize("alteration", ALTERATIONS.values(), ids=ALTERATIONS.keys())
def test_an_altered_entry_is_found(told: Workspace, vandal: Connection, alteration: str) -> None:
    vandal.execute("CREATE TEMP TABLE kept AS SELECT * FROM audit_log")
    for entry in (1, 3, 5):
        changed = vandal.execute(f"UPDATE audit_log SET {alteration} WHERE sequence = %s", [entry])
        assert changed.rowcount == 1
        verdict = told.verify_audit()
        assert (verdict.entries, verdict.intact, verdict.first_bad) == (5, False, entry)
        assert verdict.reason is not None
        vandal.execute("DELETE FROM audit_log")
        vandal.execute("INSERT INTO audit_log SELECT * FROM kept")
        assert told.verify_audit().intact


def test_an_altered_entry_whose_hash_was_mended_gives_itself_away_by_the_next(
    told: Workspace, vandal: Connection
) -> None:
    vandal.execute("UPDATE audit_log SET action = 'creator.praised' WHERE sequence = 3")
    vandal.execute("UPDATE audit_log SET hash = engagerr_audit_hash(audit_log) WHERE sequence = 3")
    assert told.verify_audit() == AuditVerdict(5, False, 4, "an entry does not follow the one before")


def test_the_last_entry_altered_with_its_hash_mended_is_found_by_the_kept_end(
    told: Workspace, vandal: Connection
) -> None:
    vandal.execute("UPDATE audit_log SET action = 'creator.praised' WHERE sequence = 5")
    vandal.execute("UPDATE audit_log SET hash = engagerr_audit_hash(audit_log) WHERE sequence = 5")
    assert not told.verify_audit().intact


@pytest.mark.parametrize("entry", [1, 2, 3, 4])
def test_a_deleted_entry_is_missed(told: Workspace, vandal: Connection, entry: int) -> None:
    vandal.execute("DELETE FROM audit_log WHERE sequence = %s", [entry])
    assert told.verify_audit() == AuditVerdict(4, False, entry, "an entry is missing")


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_log_cut_short_is_noticed(told: Workspace, vandal: Connection, kept: int) -> None:
    vandal.execute("DELETE FROM audit_log WHERE sequence > %s", [kept])
    assert told.verify_audit() == AuditVerdict(kept, False, kept + 1, "entries are missing at the end")


def test_an_entry_that_was_slipped_in_is_found(told: Workspace, vandal: Connection) -> None:
    vandal.execute("INSERT INTO audit_log SELECT tenant_id, 6, at, member_id, action, subject, detail, correlation_id,"
                   " hash, hash FROM audit_log WHERE sequence = 5")  # fmt: skip
    verdict = told.verify_audit()
    assert (verdict.intact, verdict.first_bad) == (False, 6)


def test_two_entries_that_changed_places_are_found(told: Workspace, vandal: Connection) -> None:
    vandal.execute("UPDATE audit_log SET sequence = 99 WHERE sequence = 3")
    vandal.execute("UPDATE audit_log SET sequence = 3 WHERE sequence = 4")
    vandal.execute("UPDATE audit_log SET sequence = 4 WHERE sequence = 99")
    verdict = told.verify_audit()
    assert (verdict.intact, verdict.first_bad) == (False, 3)


def test_another_tenants_log_is_not_touched_by_it(
    told: Workspace, other_workspace: Workspace, vandal: Connection
) -> None:
    vandal.execute("DELETE FROM audit_log WHERE tenant_id = %s AND sequence = 2", [told.tenant.id])
    assert not told.verify_audit().intact
    assert other_workspace.verify_audit() == AuditVerdict(2, True, None, None)


def test_the_application_can_neither_change_nor_delete_nor_number_entries(
    told: Workspace, app_connection: Connection
) -> None:
    for statement in (
        "UPDATE audit_log SET action = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "UPDATE audit_heads SET sequence = 0",
        "INSERT INTO audit_heads SELECT * FROM audit_heads",
        "DELETE FROM audit_heads",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, told.tenant.id):
            app_connection.execute(statement)
    with in_tenant(app_connection, told.tenant.id):
        written = app_connection.execute(
            "INSERT INTO audit_log (tenant_id, sequence, at, action, subject, previous_hash, hash)"
            " VALUES (%s, 77, '1999-01-01', 'x', 'y', '\\x00', '\\x00') RETURNING"
            " sequence, at > '2026-01-01', length(hash)",
            [told.tenant.id],
        ).fetchone()
    assert written == (6, True, 32)
    assert told.verify_audit().intact


def test_what_was_not_done_is_not_in_the_log(told: Workspace, engagerr: Engagerr) -> None:
    with contextlib.suppress(RuntimeError), engagerr.database.transaction(told.tenant.id) as session:
        write_audit(
            session, tenant_id=told.tenant.id, member_id=None, action="creator.sold", subject="creator:x", detail={}
        )
        raise RuntimeError
    assert told.verify_audit() == AuditVerdict(5, True, None, None)


def test_writers_at_once_make_one_chain(told: Workspace, clone: Clone, tmp_path: Path) -> None:
    """Six threads with pools of their own, in one tenant; each entry follows the one before."""
    failures: list[Exception] = []

    def write(writer: int) -> None:
        database = Database(clone.settings(tmp_path))
        try:
            for entry in range(10):
                with database.transaction(told.tenant.id) as session:
                    write_audit(
                        session, tenant_id=told.tenant.id, member_id=None, action="test.written",
                        subject=f"writer:{writer}", detail={"entry": entry},
                    )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - to be shown by the thread that asserts
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert told.verify_audit() == AuditVerdict(65, True, None, None)


def test_the_first_entries_of_a_tenant_may_be_written_at_once(clone: Clone, engagerr: Engagerr) -> None:
    tenant = uuid4()
    together = threading.Barrier(4)

    def write() -> None:
        with clone.connect() as connection:
            together.wait(10)
            with in_tenant(connection, tenant):
                connection.execute(
                    "INSERT INTO audit_log (tenant_id, sequence, at, action, subject, previous_hash, hash)"
                    " VALUES (%s, 0, now(), 'x', 'y', '', '')",
                    [tenant],
                )

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    assert verify_audit(engagerr.database, tenant) == AuditVerdict(4, True, None, None)


def test_entries_of_one_command_carry_its_correlation_id(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    chain = new_correlation()
    workspace.roster.add("Ann Lee")
    workspace.roster.edit("Ann Lee", bio="Runs.")
    other = new_correlation()
    workspace.roster.add("Ben Ode")
    rows = superuser_connection.execute(
        "SELECT correlation_id FROM audit_log ORDER BY sequence DESC LIMIT 3"
    ).fetchall()
    assert rows == [(other,), (chain,), (chain,)]


def test_text_of_any_script_stands_in_the_chain(workspace: Workspace) -> None:
    for name in ("Łucja Żółć", "山田 花子", "عمر", 'O\'Brien "Bob" \\ {x}', "🎬 Clip"):
        workspace.roster.add(name, bio=f"{name}\n\t{name}")
    assert workspace.verify_audit().intact
