"""Importing from the console: what would come is shown before anything is written, and it is what then comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.desk.importing import preview
from engagerr.core.errors import InvalidInput
from engagerr.core.tenancy.permissions import Role
from engagerr.tui.app import Console
from engagerr.tui.screens.importing import (
    ImportForm,
    ImportHistory,
    ImportScreen,
    Wanted,
    ask_import,
    completed,
    files_of,
)
from engagerr.tui.screens.roster import Roster
from engagerr.tui.widgets.dialogs import Sheet
from engagerr.tui.widgets.grid import Grid
from syrupy.assertion import SnapshotAssertion
from tests import factories
from tests.lines import a_figure, an_item, write_lines
from tests.tui.conftest import NARROW, SAMPLE, WIDE, opened_console
from tests.tui.drawing import cells, settled
from textual.pilot import Pilot
from textual.widgets import Input

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])


@pytest.fixture
def own(engagerr: Engagerr, workspace: Workspace, tmp_path: Path) -> Console:
    """An agency without anything, in a database of its own."""
    return opened_console(engagerr, tmp_path, workspace)


async def opened(pilot: Pilot[Any], console: Console, wanted: Wanted) -> ImportScreen:
    """The files, looked at; how much waits on other tabs is not their business."""
    await settled(pilot)
    console.show_counts({}, frozenset())
    page = ImportScreen(wanted)
    console.push_screen(page)
    await settled(pilot)
    return page


def sample_file() -> Wanted:
    """The first file of the sample, as its manifest has it."""
    import json

    from engagerr.cli.moments import first_moment, period

    entry = next(one for one in json.loads((SAMPLE / "manifest.json").read_text()) if one["path"].endswith(".csv"))
    return Wanted(
        (SAMPLE / entry["path"],), entry["account"], entry["creator"], period(entry["period"]),
        first_moment(entry["observed_at"]),
    )  # fmt: skip


@SIZES
async def test_what_would_come(own: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with own.run_test(size=size) as pilot:
        await opened(pilot, own, sample_file())
        assert cells(own) == screen


async def test_nothing_is_written_before_enter_and_then_what_was_said(own: Console, workspace: Workspace) -> None:
    wanted = sample_file()
    told = preview(workspace, list(wanted.paths), **wanted.options).files[0]
    assert told.result is not None
    assert told.result.items_new
    async with own.run_test(size=NARROW) as pilot:
        page = await opened(pilot, own, wanted)
        assert workspace.ingestion.history() == ()
        assert f"{told.result.items_new:,} new items" in cells(own)
        await pilot.press("enter")
        await settled(pilot)
        assert page.stage == "done"
        brought = workspace.ingestion.history()[0]
        assert (brought.items_new, brought.observations_new) == (told.result.items_new, told.result.observations_new)
        assert "4 the map" in cells(own)


async def test_the_same_file_again_changes_nothing(own: Console, workspace: Workspace) -> None:
    wanted = sample_file()
    workspace.ingestion.import_file(wanted.paths[0], **wanted.options)
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot, own, wanted)
        assert "Nothing would change" in cells(own)
        assert "known already" in cells(own)


async def test_rows_that_are_set_aside_say_where_and_what_helps(
    own: Console, workspace: Workspace, tmp_path: Path, screen: SnapshotAssertion
) -> None:
    broken = _broken_copy(tmp_path)
    wanted = Wanted((broken,))
    told = preview(workspace, [broken], **wanted.options).files[0]
    assert told.quarantined, told
    async with own.run_test(size=WIDE) as pilot:
        page = await opened(pilot, own, wanted)
        rows = page.query_one("#aside", Grid).rows
        assert [one.row for one in rows] == list(told.quarantined)
        assert cells(own) == screen
        await pilot.press("tab", "w")
        await settled(pilot)
        assert isinstance(own.screen, Sheet)
        assert told.quarantined[0].fix[:30] in cells(own)


def _broken_copy(folder: Path) -> Path:
    """Lines of which one has no sound day, and one is none."""
    return write_lines(
        folder / "items.jsonl",
        an_item("youtube:a", title="Tape", metrics=[a_figure("views", 100, "2026-10-30")]),
        an_item("youtube:b", title="Synth", published_at="never"),
        "not a line\n",
    )


async def test_a_file_that_is_refused_says_why_and_stops_no_other(
    own: Console, workspace: Workspace, tmp_path: Path
) -> None:
    strange = tmp_path / "strange.bin"
    strange.write_bytes(b"\x00\x01\x02")
    wanted = sample_file()
    async with own.run_test(size=WIDE) as pilot:
        page = await opened(
            pilot,
            own,
            Wanted((strange, *wanted.paths), wanted.account, wanted.creator, wanted.period, wanted.observed_at),
        )
        assert page.files[0].looked.refused
        assert page.files[0].looked.refused[:40] in cells(own)
        await pilot.press("enter")
        await settled(pilot)
        assert "1 refused" in cells(own)
        assert len(workspace.ingestion.history()) == 1


async def test_esc_stops_the_import_and_nothing_is_half_written(own: Console, workspace: Workspace) -> None:
    async with own.run_test(size=NARROW) as pilot:
        page = await opened(pilot, own, sample_file())

        def stopped(progress: Any) -> Any:
            progress.stop.set()
            return page._import(progress)

        page.stage = "importing"
        page._begin("import", "Import", stopped)
        await settled(pilot)
        assert page.job is not None
        assert page.job.state == "cancelled"
        assert workspace.ingestion.history() == ()
        assert "Stopped after 0 of 1 files" in cells(own)


async def test_the_form_asks_and_says_what_is_wrong(own: Console, tmp_path: Path) -> None:
    async with own.run_test(size=NARROW) as pilot:
        await pilot.press("2")
        await settled(pilot)
        assert isinstance(own.screen, Roster)
        await pilot.press("i")
        await settled(pilot)
        assert isinstance(own.screen, ImportForm)
        own.screen.query_one("#field-path", Input).value = str(tmp_path / "nothing.csv")
        await pilot.press("enter", "enter", "enter", "enter", "enter")
        await settled(pilot)
        assert "There is no file" in cells(own)
        own.screen.query_one("#field-path", Input).value = str(sample_file().paths[0])
        own.screen.query_one("#field-period", Input).value = "last year"
        own.screen.query_one("#field-at", Input).focus()
        await pilot.press("enter")
        await settled(pilot)
        assert "is not a period" in cells(own)


async def test_who_may_not_import_is_told_who_may(engagerr: Engagerr, workspace: Workspace, tmp_path: Path) -> None:
    console = opened_console(engagerr, tmp_path, factories.colleague(workspace, engagerr, Role.VIEWER))
    async with console.run_test(size=NARROW) as pilot:
        await pilot.press("2")
        await settled(pilot)
        assert isinstance(console.screen, Roster)
        ask_import(console.screen)
        await settled(pilot)
        assert isinstance(console.screen, Roster)
        refused = next(one for one in console.screen.commands() if one.words == "Import: a file …").refused
        assert refused == "Owner, manager or analyst may."


async def test_the_history_is_that_of_the_core(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        console.push_screen(ImportHistory())
        await settled(pilot)
        shown = console.screen.query_one("#imports", Grid).rows
        assert [one.id for one in shown] == [one.id for one in console.workspace.ingestion.history(limit=500)]
        assert "imports, newest first" in cells(console)


def test_a_path_is_completed(tmp_path: Path) -> None:
    (tmp_path / "Downloads").mkdir()
    (tmp_path / "Downloads" / "Table data.csv").touch()
    (tmp_path / "Downloads" / ".hidden").touch()
    assert completed(str(tmp_path / "Dow")) == f"{tmp_path}/Downloads/"
    assert completed(f"{tmp_path}/Downloads/") == f"{tmp_path}/Downloads/Table data.csv"
    assert completed(f"{tmp_path}/Downloads/Table data.csv") is None
    assert completed(f"{tmp_path}/nothing/here") is None
    assert completed("") is None


def test_a_folder_and_a_pattern_name_their_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.json"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    assert [path.name for path in files_of(str(tmp_path))] == ["a.csv", "b.csv", "c.json"]
    assert [path.name for path in files_of(f"{tmp_path}/*.csv")] == ["a.csv", "b.csv"]
    with pytest.raises(InvalidInput, match="There is no file"):
        files_of(f"{tmp_path}/*.xlsx")
