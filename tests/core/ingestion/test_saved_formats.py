"""Mappings kept in a workspace under a name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import Broken, Conflict, InvalidInput, NotFound
from engagerr.core.ingestion.saved_formats import load_formats, remove_format, save_format
from engagerr.core.integrations.formats.mapped_table import MappedColumn, TableMapping
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.records import ItemRecord
from tests.fakes.cluster import Connection

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def mapping(name: str = "agency", *, metric: str = "views") -> TableMapping:
    columns = (MappedColumn("Code", "native_id"), MappedColumn("Zahl", f"metric:{metric}"), MappedColumn("Laune"))
    return TableMapping(name=name, platform="youtube", columns=columns, delimiter=",")


def save(engagerr: Engagerr, workspace: Workspace, told: TableMapping) -> None:
    with engagerr.database.transaction(workspace.tenant.id) as session:
        save_format(session, workspace.tenant.id, told, workspace.member.id, NOW)


def names(engagerr: Engagerr, workspace: Workspace) -> list[str]:
    with engagerr.database.transaction(workspace.tenant.id) as session:
        return [known.name for known in load_formats(session, workspace.tenant.id)]


def test_a_saved_format_reads_the_next_file_of_its_kind(
    engagerr: Engagerr, workspace: Workspace, tmp_path: Path
) -> None:
    save(engagerr, workspace, mapping())
    path = tmp_path / "october.csv"
    path.write_text("Laune,Code,Zahl\ngut,a1,5\n", encoding="utf-8")
    with engagerr.database.transaction(workspace.tenant.id) as session:
        [known] = load_formats(session, workspace.tenant.id)
    assert known.recognise(Source(path, NOW))
    [item] = [record for record in known.parse(Source(path, NOW), Reading(now=NOW)) if isinstance(record, ItemRecord)]
    assert (item.native_id, item.metrics[0].name, item.metrics[0].value) == ("a1", "views", 5)


def test_saved_formats_come_by_name_and_a_name_saved_again_is_replaced(
    engagerr: Engagerr, workspace: Workspace
) -> None:
    for told in (mapping("zebra"), mapping("adler"), mapping("zebra", metric="plays")):
        save(engagerr, workspace, told)
    assert names(engagerr, workspace) == ["adler", "zebra"]
    with engagerr.database.transaction(workspace.tenant.id) as session:
        zebra = load_formats(session, workspace.tenant.id)[1]
    assert "metric:plays" in zebra.yields


@pytest.mark.parametrize("name", ["youtube-api", "engagerr-jsonl", "auto"])
def test_a_built_in_name_cannot_be_taken(engagerr: Engagerr, workspace: Workspace, name: str) -> None:
    with pytest.raises(Conflict) as refused:
        save(engagerr, workspace, mapping(name))
    assert refused.value.hint
    assert names(engagerr, workspace) == []


def test_a_mapping_that_cannot_be_used_is_not_saved(engagerr: Engagerr, workspace: Workspace) -> None:
    with pytest.raises(InvalidInput):
        save(engagerr, workspace, TableMapping(name="agency", platform=None, columns=()))
    assert names(engagerr, workspace) == []


def test_a_removed_format_is_gone_and_an_unknown_one_cannot_be_removed(
    engagerr: Engagerr, workspace: Workspace
) -> None:
    save(engagerr, workspace, mapping())
    with engagerr.database.transaction(workspace.tenant.id) as session:
        remove_format(session, workspace.tenant.id, "agency")
    assert names(engagerr, workspace) == []
    with pytest.raises(NotFound), engagerr.database.transaction(workspace.tenant.id) as session:
        remove_format(session, workspace.tenant.id, "agency")


def test_a_saved_format_belongs_to_its_workspace(
    engagerr: Engagerr, workspace: Workspace, other_workspace: Workspace
) -> None:
    save(engagerr, workspace, mapping())
    assert names(engagerr, other_workspace) == []
    with pytest.raises(NotFound), engagerr.database.transaction(other_workspace.tenant.id) as session:
        remove_format(session, workspace.tenant.id, "agency")
    assert names(engagerr, workspace) == ["agency"]


@pytest.mark.parametrize("definition", ["{}", '{"name": "agency", "platform": "x", "columns": [], "colour": "red"}'])
def test_a_definition_that_nobody_can_read_says_which_it_is(
    engagerr: Engagerr, workspace: Workspace, superuser_connection: Connection, definition: str
) -> None:
    values: tuple[Any, ...] = (workspace.tenant.id, definition, NOW)
    superuser_connection.execute(
        "INSERT INTO saved_formats (tenant_id, name, definition, saved_at) VALUES (%s, 'agency', %s, %s)", values
    )
    with pytest.raises(Broken, match="agency"):
        names(engagerr, workspace)
