"""Links lead somewhere, and nothing in the pages belongs to one person's machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, written_pages

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
# Folders of somebody's machine, and the hosts that packages come from: neither belongs into a page.
_PRIVATE = re.compile(
    r"/home/\w|/Users/\w|/root/\w|/work/|/tmp/\w|[A-Z]:\\\\"
    r"|pypi\.org|pythonhosted|index-url|registry\.npmjs|conda\.anaconda|ghcr\.io|docker\.io"
)


def anchors(page: Path) -> set[str]:
    """The anchors that a code forge makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    return _LINK.findall(_CODE.sub("", _FENCED.sub("", page.read_text(encoding="utf-8"))))


def is_elsewhere(link: str) -> bool:
    return link.startswith(("https://", "http://", "mailto:"))


@pytest.mark.parametrize("page", written_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_exist(page: Path) -> None:
    for link in links(page):
        if is_elsewhere(link):
            assert link.startswith("https://"), link
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", written_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_private_folder_or_a_package_host(page: Path) -> None:
    assert _PRIVATE.findall(page.read_text(encoding="utf-8")) == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if not is_elsewhere(link)]
    assert set(written_pages()) - reached == set()


def test_every_image_is_used() -> None:
    used = {(page.parent / link).resolve() for page in written_pages() for link in links(page)}
    assert set((ROOT / "docs" / "images").iterdir()) <= used


def test_paths_that_pages_name_exist() -> None:
    for page in written_pages():
        for path in re.findall(
            r"`((?:scripts|engagerr|config|docs|tests)/[\w./-]+)`", page.read_text(encoding="utf-8")
        ):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_images_load_nothing_from_elsewhere() -> None:
    for image in (ROOT / "docs" / "images").glob("*.svg"):
        text = image.read_text(encoding="utf-8")
        assert re.findall(r"(?:href|src)=[\"']https?:|url\([\"']?https?:|@import", text) == [], image.name


def test_the_licence_is_the_one_that_the_package_names() -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert licence.startswith("MIT License")
    assert "The Engagerr authors" in licence
    assert 'license = "MIT"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_scripts_that_pages_tell_people_to_run_are_executable() -> None:
    script = re.compile(r"\bscripts/(?:quickstart|test|check|lock|docs|screenshot)\b")
    named = {name for page in written_pages() for name in script.findall(page.read_text(encoding="utf-8"))}
    assert named
    for name in named:
        assert os.access(ROOT / name, os.X_OK), name
