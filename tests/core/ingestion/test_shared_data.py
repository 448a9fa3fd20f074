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
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone

SHARED = Path(__file__).parents[4] / "shared" / "data"
FOLDERS = ("exports", "feeds", "api/youtube", "youtube_meta")
FILES = [
    path
    for folder in FOLDERS
    for path in sorted((SHARED / folder).rglob("*"))
    if path.is_file() and path.suffix not in (".md", ".txt")
]
pytestmark = pytest.mark.skipif(not FILES, reason="no ../shared/data beside this checkout")


def outcome(workspace: Workspace, path: Path) -> ImportResult | InvalidInput:
    try:
        return workspace.ingestion.import_file(path, creator="A Creator", observed_at=datetime(2026, 11, 1, tzinfo=UTC))
    except InvalidInput as refused:
        return refused


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_real_file_is_imported_or_refused_with_its_cure(
    clone: Clone, clock: SteeredClock, tmp_path: Path, folder: str, subtests: pytest.Subtests
) -> None:
    # An agency a file, all in one database: nothing of one file stands in the way of the next.
    for number, path in enumerate(found for found in FILES if found.is_relative_to(SHARED / folder)):
        with (
            subtests.test(str(path.relative_to(SHARED))),
            Engagerr(clone.settings(tmp_path / str(number)), clock=clock) as engagerr,
        ):
            imported_or_refused(engagerr.init(f"Agency {number}"), path)


def imported_or_refused(workspace: Workspace, path: Path) -> None:
    result = outcome(workspace, path)
    if isinstance(result, InvalidInput):
        assert result.hint, f"{result} without a hint"
        assert workspace.roster.list() == ()
        return
    assert result.rows > 0
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


def test_most_of_the_exports_feeds_and_answers_are_understood() -> None:
    known = {}
    for path in FILES:
        try:
            known[path] = recognise(Source(path, datetime(2026, 11, 1, tzinfo=UTC))).name
        except UnknownFormat:
            continue
    assert {"youtube-api", "podcast-rss", "instagram-business-suite", "youtube-studio-table"} <= set(known.values())
    assert len(known) > len(FILES) // 2
