"""The examples in the README and in the guides are run for real, and print what the pages say they print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engagerr import Settings
from tests.docs.pages import ROOT, Fence, fences

GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]


@pytest.fixture
def reader(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who tries the examples, in a folder that looks like the repository, with a home of their own."""
    url = settings.database.secret_url()
    assert url is not None
    monkeypatch.setenv("ENGAGERR_HOME", str(settings.home))
    monkeypatch.setenv("ENGAGERR_DATABASE__URL", url)
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "scripts").symlink_to(ROOT / "scripts")
    monkeypatch.chdir(folder)


def run(page: Path, block: Fence, names: dict[str, Any]) -> None:
    # Blank lines before it, so that a traceback names the line of the page.
    exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)


@pytest.mark.parametrize("page", [page for page in GUIDES if any(fences(page, "python"))], ids=lambda page: page.stem)
def test_examples_run_in_order_and_print_what_the_page_shows(
    page: Path, reader: None, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in fences(page, "python"):
        run(page, block, names)
        printed = capsys.readouterr().out
        if block.answer is not None:
            assert printed == block.answer, f"{page.name}, the example in line {block.line}"


def test_the_readme_promises_ten_lines_and_keeps_it() -> None:
    [example] = fences(ROOT / "README.md", "python")
    assert len([line for line in example.text.splitlines() if line.strip()]) == 10
    assert example.answer is not None


def test_every_guide_with_python_is_run() -> None:
    assert {page.stem for page in GUIDES if any(fences(page, "python"))} >= {"README", "integrator"}
