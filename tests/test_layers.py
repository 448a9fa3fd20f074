"""What loads what, seen from a fresh process: heavy packages come with the feature that needs them and not before."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.cluster import Clone
from tests.test_public_api import modules_after

SKINS = {"typer", "rich", "textual", "click"}
RARE = {"pandas", "numpy", "torch", "transformers", "stripe", "textual", "alembic", "feedparser", "zstandard"}


def test_the_core_is_there_without_any_skin() -> None:
    loaded = modules_after(
        "import engagerr.core.api, engagerr.core.roster, engagerr.core.content, engagerr.core.metrics"
    )
    assert loaded.isdisjoint(SKINS)
    assert not [name for name in loaded if name.startswith(("engagerr.cli", "engagerr.tui"))]


def test_opening_needs_no_database() -> None:
    loaded = modules_after(
        "from engagerr import Engagerr\nwith Engagerr.open(home='/nonexistent') as engagerr: engagerr.settings"
    )
    assert loaded.isdisjoint(RARE | SKINS | {"sqlalchemy", "psycopg"})


def test_everyday_work_loads_nothing_that_it_does_not_need(clone: Clone, home: Path) -> None:
    loaded = modules_after(
        "from engagerr import Engagerr, Settings\nfrom pathlib import Path\n"
        f"settings = Settings(home=Path({str(home)!r}), database={{'url': {clone.url()!r}}})\n"
        "with Engagerr(settings) as engagerr:\n"
        "    work = engagerr.init('Northlight')\n"
        "    work.roster.add('Ann Lee'); work.roster.list(); work.content.list(); work.content.families()\n"
    )
    assert "psycopg" in loaded
    assert loaded.isdisjoint(RARE | SKINS)


@pytest.mark.parametrize("arguments", ["'--help'", "'creator', '--help'", "'import', 'file', '--help'"])
def test_help_is_quick_because_it_loads_no_database(arguments: str) -> None:
    loaded = modules_after(
        f"import sys\nsys.argv = ['engagerr', {arguments}]\nfrom engagerr.__main__ import main\n"
        "try: main()\nexcept SystemExit as end: assert not end.code, end.code"
    )
    assert "typer" in loaded
    assert loaded.isdisjoint(RARE | {"sqlalchemy", "psycopg"})


def test_a_file_of_one_format_does_not_load_what_others_need(clone: Clone, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "creators.jsonl"
    path.write_text('{"type": "creator", "name": "Ann Lee"}\n')
    loaded = modules_after(
        "from engagerr import Engagerr, Settings\nfrom pathlib import Path\n"
        f"settings = Settings(home=Path({str(home)!r}), database={{'url': {clone.url()!r}}})\n"
        "with Engagerr(settings) as engagerr:\n"
        f"    engagerr.init('Northlight').ingestion.import_file(Path({str(path)!r}))\n"
    )
    assert loaded.isdisjoint((RARE - {"zstandard"}) | SKINS)
