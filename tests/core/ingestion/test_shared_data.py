"""Real files of the platforms: each is imported, or refused with a reason that names the cure."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import InvalidInput
from engagerr.core.ingestion import ImportResult
from engagerr.core.integrations.formats.source import Source
from engagerr.core.integrations.formats.table import UnknownFormat, recognise
from scripts.bench.real_files import (
    BROKEN_WITHOUT_LOSS,
    FILES_ARE_AT,
    FOLDERS,
    NOTHING_TO_IMPORT,
    broken_files,
    real_files,
    tells_of_damage,
    why_nothing,
)
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone

FILES = real_files(FILES_ARE_AT)
BROKEN = broken_files(FILES_ARE_AT)
WHEN = datetime(2026, 11, 1, tzinfo=UTC)
pytestmark = pytest.mark.skipif(not FILES, reason="no ../shared/data beside this checkout")


def outcome(workspace: Workspace, path: Path) -> ImportResult | InvalidInput:
    try:
        return workspace.ingestion.import_file(path, creator="A Creator", observed_at=WHEN)
    except InvalidInput as refused:
        return refused


def recognised(path: Path) -> bool:
    try:
        recognise(Source(path, WHEN))
    except UnknownFormat:
        return False
    return True


@pytest.mark.parametrize("folder", [path.name for name in FOLDERS for path in sorted((FILES_ARE_AT / name).glob("*"))
                                    if path.is_dir()] or ["none"])  # fmt: skip
def test_a_real_file_is_imported_or_refused_with_its_cure(
    clone: Clone, clock: SteeredClock, tmp_path: Path, folder: str, subtests: pytest.Subtests
) -> None:
    check_all([path for path in FILES if path.parent.name == folder], clone, clock, tmp_path, subtests)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_real_file_at_the_top_of_its_folder_is_imported_or_refused_with_its_cure(
    clone: Clone, clock: SteeredClock, tmp_path: Path, folder: str, subtests: pytest.Subtests
) -> None:
    files = [path for path in FILES if path.parent == FILES_ARE_AT / folder]
    # A list has a thousand accounts: one of each edition here, and all of them in scripts/bench/bench_files.py.
    check_all(files[:2] if folder == "influencers" else files, clone, clock, tmp_path, subtests)


def check_all(files: list[Path], clone: Clone, clock: SteeredClock, tmp_path: Path, subtests: pytest.Subtests) -> None:
    # An agency a file, all in one database: nothing of one file stands in the way of the next.
    for number, path in enumerate(files):
        name = path.relative_to(FILES_ARE_AT).as_posix()
        if not recognised(path):
            with subtests.test(name):
                assert name in BROKEN or why_nothing(name)
            continue
        with (
            subtests.test(name),
            Engagerr(clone.settings(tmp_path / str(number)), clock=clock) as engagerr,
        ):
            imported_or_refused(engagerr.init(f"Agency {number}"), path)


def imported_or_refused(workspace: Workspace, path: Path) -> None:
    name = path.relative_to(FILES_ARE_AT).as_posix()
    result = outcome(workspace, path)
    if isinstance(result, InvalidInput):
        assert result.hint, f"{result} without a hint"
        assert name in BROKEN or why_nothing(name), f"{name} is sound, and was refused: {result}"
        assert workspace.roster.list() == ()
        return
    assert why_nothing(name) is None, f"{name} is listed as holding nothing, and was imported"
    assert result.rows > 0
    if name in BROKEN - BROKEN_WITHOUT_LOSS:
        assert result.quarantined or tells_of_damage(result.notices), f"{name} is broken, and nothing says so"
    for bad in result.quarantined:
        assert bad.reason, bad
        assert bad.fix, bad
    for item in workspace.content.list(limit=5):
        workspace.content.tree(str(item.id))
        for row in workspace.metrics.show(str(item.id)):
            assert (row.reported is None) == (row.state not in ("value", "zero", "estimated"))
    workspace.metrics.report()
    again = workspace.ingestion.import_file(path)
    assert again.already_imported is not None
    assert again.unchanged == result.rows - len({(bad.part, bad.row) for bad in result.quarantined})


def test_lists_of_other_peoples_videos_are_of_no_format_and_the_cure_is_said() -> None:
    for path in sorted((FILES_ARE_AT / "youtube_meta").glob("*")):
        with pytest.raises(UnknownFormat) as refused:
            recognise(Source(path, WHEN))
        assert "engagerr import map" in (refused.value.hint or "")


def test_the_lists_of_what_is_expected_name_files_that_are_there() -> None:
    names = [path.relative_to(FILES_ARE_AT) for path in FILES]
    assert [pattern for pattern in NOTHING_TO_IMPORT if not any(name.match(pattern) for name in names)] == []
    assert {name.as_posix() for name in names} >= BROKEN
    assert BROKEN_WITHOUT_LOSS <= BROKEN
    assert not any(why_nothing(name) for name in BROKEN)
