"""The preview of an import: what it says is what the import then does, and nothing is written before."""

from __future__ import annotations

from pathlib import Path

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.desk import importing
from engagerr.core.errors import Forbidden, InvalidInput
from tests.factories import colleague
from tests.fakes.cluster import Connection
from tests.lines import a_creator, a_figure, an_edge, an_item, bring, contents, write_lines

DAY = "2026-10-30"


def a_work(number: int, views: int = 100, **fields: object) -> dict[str, object]:
    return an_item(f"youtube:v{number}", title=f"Video {number}", metrics=[a_figure("views", views, DAY)], **fields)


def test_a_preview_says_what_the_import_then_does(workspace: Workspace, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "new.jsonl", a_work(1), a_work(2), an_edge("youtube:v2", "youtube:v1"))

    [seen] = importing.preview(workspace, [path]).files
    done = workspace.ingestion.import_file(path)

    assert seen.result is not None
    assert (seen.result.rows, seen.result.items_new, seen.result.observations_new, seen.result.edges_new) == (
        done.rows, done.items_new, done.observations_new, done.edges_new,
    )  # fmt: skip
    assert seen.creators == ("Ann Lee",)
    assert seen.accounts == ("youtube:@ann",)
    assert (seen.figures_new, seen.figures_changed) == (2, 0)
    [family] = seen.families
    assert (family.title, family.items, family.joined) == ("Video 1", 2, 1)
    assert not seen.changes_nothing


def test_a_preview_writes_nothing(workspace: Workspace, tmp_path: Path, superuser_connection: Connection) -> None:
    bring(workspace, tmp_path, a_work(1))
    before = contents(superuser_connection)
    path = write_lines(tmp_path / "new.jsonl", a_creator("Ben Orr"), a_work(1, 200), a_work(2), "not a line\n")

    found = importing.preview(workspace, [path])

    assert not found.changes_nothing
    assert contents(superuser_connection) == before


def test_figures_that_are_new_changed_and_the_same_are_told_apart(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, a_work(1), a_work(2))
    path = write_lines(tmp_path / "more.jsonl", a_work(1, 100), a_work(2, 150), a_work(3))

    [seen] = importing.preview(workspace, [path]).files

    assert (seen.figures_new, seen.figures_changed) == (1, 1)
    assert seen.result is not None
    assert (seen.result.items_new, seen.result.unchanged) == (1, 1)


def test_rows_that_cannot_be_used_are_named_with_file_row_column_and_fix(workspace: Workspace, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "bad.jsonl", a_work(1), {"type": "item", "native_id": "v9"})

    [(file, bad)] = importing.preview(workspace, [path]).quarantined

    assert (file, bad.row, bad.column) == (path, 2, "platform")
    assert bad.reason
    assert bad.fix


def test_a_family_that_nothing_new_is_said_of_does_not_change(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path, a_work(1), a_work(2), a_work(3), a_work(4), an_edge("youtube:v2", "youtube:v1"),
        an_edge("youtube:v4", "youtube:v3"),
    )  # fmt: skip
    path = write_lines(tmp_path / "more.jsonl", a_work(1), a_work(2), a_work(4, 170))

    [seen] = importing.preview(workspace, [path]).files

    assert [(family.title, family.joined, family.touched) for family in seen.families] == [("Video 3", 0, 1)]
    assert seen.families_total == 1


def test_a_file_that_was_imported_before_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "known.jsonl", a_work(1))
    workspace.ingestion.import_file(path)

    found = importing.preview(workspace, [path])

    assert found.changes_nothing
    assert found.files[0].result is not None
    assert found.files[0].result.already_imported is not None


def test_a_file_that_is_refused_does_not_stop_the_others(workspace: Workspace, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "new.jsonl", a_work(1))

    missing, good = importing.preview(workspace, [tmp_path / "nowhere.csv", path]).files

    assert missing.refused is not None
    assert "nowhere.csv" in missing.refused
    assert good.result is not None
    assert good.result.items_new == 1


def test_somebody_whom_two_files_name_is_new_once(workspace: Workspace, tmp_path: Path) -> None:
    paths = [write_lines(tmp_path / f"{number}.jsonl", a_work(number)) for number in (1, 2)]

    found = importing.preview(workspace, paths)

    assert found.creators == ("Ann Lee",)
    assert found.rows == 2


def test_the_options_are_those_of_the_import(workspace: Workspace, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "new.jsonl", a_work(1, creator=None))

    [seen] = importing.preview(workspace, [path], creator="Cleo Marsh").files

    assert seen.creators == ("Cleo Marsh",)


def test_who_may_not_import_may_not_preview(workspace: Workspace, engagerr: Engagerr, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "new.jsonl", a_work(1))
    with pytest.raises(Forbidden):
        importing.preview(colleague(workspace, engagerr, "viewer"), [path])


def test_no_file_at_all_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput):
        importing.preview(workspace, [])
