"""Health: named checks, each with what to do when it is not well."""

from __future__ import annotations

from pathlib import Path

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.ops.health import Check
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection
from tests.lines import an_edge, an_item, bring


def checks(workspace: Workspace) -> dict[str, Check]:
    return {check.name: check for check in workspace.health.report().checks}


def test_a_new_workspace_is_well_and_says_what_to_do_first(workspace: Workspace, clock: SteeredClock) -> None:
    report = workspace.health.report()
    assert (report.well, report.checked_at) == (True, clock.now())
    found = {check.name: check.state for check in report.checks}
    assert found == {"database": "ok", "schema": "ok", "disk": "ok", "audit log": "ok", "imports": "warning"}
    assert "import file" in (checks(workspace)["imports"].hint or "")


def test_after_an_import_its_age_is_known(workspace: Workspace, tmp_path: Path, clock: SteeredClock) -> None:
    bring(workspace, tmp_path, an_item("youtube:one"))
    imported_at = clock.now()
    clock.advance(days=34)
    imports = checks(workspace)["imports"]
    assert (imports.state, imports.since, imports.hint, imports.detail) == ("ok", imported_at, None, "1 file")


def test_old_figures_are_a_warning_and_no_failure(workspace: Workspace, tmp_path: Path, clock: SteeredClock) -> None:
    bring(workspace, tmp_path, an_item("youtube:one"))
    clock.advance(days=36)
    report = workspace.health.report()
    imports = next(check for check in report.checks if check.name == "imports")
    assert (imports.state, report.well) == ("warning", True)
    assert "fresh exports" in (imports.hint or "")


def test_quarantine_and_open_questions_are_counted(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace,
        tmp_path,
        an_item("youtube:a"),
        an_item("youtube:b"),
        an_edge("youtube:a", "youtube:b", state="suggested"),
        "bad",
        "worse",
    )
    found = checks(workspace)
    assert (found["quarantine"].state, found["quarantine"].detail) == ("warning", "2 rows could not be used")
    assert found["content edges"].detail == "1 wait for a decision"
    assert workspace.health.report().well
    workspace.content.confirm(str(workspace.content.edges()[0].id))
    assert "content edges" not in checks(workspace)


def test_a_forged_audit_log_fails(workspace: Workspace, tmp_path: Path, superuser_connection: Connection) -> None:
    bring(workspace, tmp_path, an_item("youtube:one"))
    superuser_connection.execute("UPDATE audit_log SET action = 'nothing.happened' WHERE action = 'file.imported'")
    report = workspace.health.report()
    audit = next(check for check in report.checks if check.name == "audit log")
    assert (audit.state, report.well) == ("failed", False)
    assert audit.hint


def test_an_older_schema_fails(workspace: Workspace, superuser_connection: Connection) -> None:
    superuser_connection.execute("UPDATE alembic_version SET version_num = '0000'")
    schema = checks(workspace)["schema"]
    assert (schema.state, schema.hint) == ("failed", "Run engagerr db upgrade.")


def test_every_check_that_is_not_well_says_what_to_do(
    workspace: Workspace, tmp_path: Path, clock: SteeredClock, superuser_connection: Connection
) -> None:
    bring(workspace, tmp_path, an_item("youtube:one"), "bad")
    clock.advance(days=50)
    superuser_connection.execute("DELETE FROM audit_log")
    for check in workspace.health.report().checks:
        assert check.state in ("ok", "warning", "failed")
        assert check.detail
        assert check.state == "ok" or check.hint


@pytest.mark.parametrize("role", ["viewer", "analyst", "finance", "manager"])
def test_everybody_may_look(workspace: Workspace, engagerr: Engagerr, role: str) -> None:
    assert colleague(workspace, engagerr, role).health.report().well


def test_another_tenants_imports_are_not_counted(
    workspace: Workspace, other_workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, an_item("youtube:one"), "bad")
    found = checks(other_workspace)
    assert "nothing was imported" in found["imports"].detail
    assert "quarantine" not in found
