"""What is written from the code agrees with it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from types import ModuleType

import pytest
from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def reference_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "scripts" / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def test_no_reference_is_out_of_date(reference_pages: ModuleType) -> None:
    assert list(reference_pages.stale_pages()) == [], "run scripts/docs"


def test_pages_do_not_depend_on_who_writes_them(
    reference_pages: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    before = {path: make() for path, make in reference_pages.PAGES.items()}
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "37")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("ENGAGERR_HOME", str(tmp_path))
    assert {path: make() for path, make in reference_pages.PAGES.items()} == before


def test_a_stale_page_is_found_and_named(reference_pages: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reference_pages.PAGES, "docs/reference/formats.md", lambda: "# Something else\n")
    assert reference_pages.stale_pages()["docs/reference/formats.md"] == "# Something else\n"


def test_every_page_in_the_reference_folder_is_written_from_code(reference_pages: ModuleType) -> None:
    on_disk = {str(page.relative_to(ROOT)) for page in (ROOT / "docs" / "reference").iterdir()}
    assert on_disk == {path for path in reference_pages.PAGES if path.startswith("docs/reference/")}


def test_scripts_docs_checks_without_writing() -> None:
    answer = subprocess.run(
        [ROOT / "scripts" / "docs", "--check"],
        env={**os.environ, "COLUMNS": "50"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_the_lock_is_read_with_who_needs_what(reference_pages: ModuleType) -> None:
    locked = reference_pages.read_lock()
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert len(locked) == len(re.findall(r"^[A-Za-z0-9][^ ]*==", text, re.MULTILINE))
    assert "alembic" in locked["mako"].wanted_by
    assert all(package.version[0].isdigit() and package.wanted_by for package in locked.values())


def test_every_runtime_package_is_argued_for(reference_pages: ModuleType) -> None:
    decision = (ROOT / "docs" / "decisions" / "0008-dependencies.md").read_text(encoding="utf-8")
    argued = re.findall(r"^\| `([a-z0-9-]+)` \|", decision, re.MULTILINE)
    versions = reference_pages.PAGES["docs/reference/versions.md"]()
    needed = versions.partition("## Packages at run time")[2].partition("They bring along")[0]
    assert sorted(argued) == sorted(re.findall(r"^\| `([a-z0-9-]+)` \|", needed, re.MULTILINE))
