"""`engagerr report`: files that go out, named, whole, and never over another one by accident."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine


@pytest.fixture(autouse=True)
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "downloads"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def test_a_media_kit_is_named_after_whom_it_is_about_and_says_its_hash(sample: CommandLine, downloads: Path) -> None:
    answer = sample("report", "creator", "Jonna Brenner")
    [path] = downloads.iterdir()
    assert path.name == "creator-jonna-brenner-2026-11-01.html"
    assert path.name in answer.out
    assert hashlib.sha256(path.read_bytes()).hexdigest() in answer.out
    page = path.read_text("utf-8")
    assert "<title>Jonna Brenner · Media kit</title>" in page
    assert stat.S_IMODE(path.stat().st_mode) & 0o044


def test_for_scripts_the_answer_is_one_object(sample: CommandLine, downloads: Path) -> None:
    told = sample.json("report", "family", "youtube:O3wWRE6vur8", "--format", "md", "--to", "work.md")
    body = (downloads / "work.md").read_bytes()
    assert told["path"] == "work.md"
    assert (told["bytes"], told["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert len(told["content_hash"]) == 64


def test_nothing_is_overwritten_unless_asked(sample: CommandLine, downloads: Path) -> None:
    there = downloads / "roster.csv"
    there.write_text("mine")
    command = ("report", "roster", "--format", "csv", "--to", "roster.csv")
    assert "--overwrite" in sample(*command, code=5).err
    assert there.read_text() == "mine"
    sample(*command, "--overwrite")
    assert there.read_text("utf-8-sig").startswith("section")
    assert list(downloads.iterdir()) == [there]


def test_a_link_that_leads_nowhere_is_not_followed(sample: CommandLine, downloads: Path) -> None:
    (downloads / "link.csv").symlink_to(downloads / "nowhere")
    command = ("report", "roster", "--format", "csv", "--to", "link.csv")
    assert "--overwrite" in sample(*command, code=5).err
    assert not (downloads / "nowhere").exists()


def test_standard_output_gets_the_file_and_nothing_else(sample: CommandLine, downloads: Path) -> None:
    out = sample("report", "creator", "Jonna Brenner", "--format", "html", "--to", "-").out
    assert out.startswith("<!DOCTYPE html>")
    assert out.endswith("</html>\n")
    assert list(downloads.iterdir()) == []


def test_the_same_command_twice_writes_the_same_bytes(sample: CommandLine, downloads: Path) -> None:
    for name in ("one.html", "two.html"):
        sample("report", "roster", "--to", name)
    assert (downloads / "one.html").read_bytes() == (downloads / "two.html").read_bytes()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("creator", "Nobody"), 3),
        (("campaign", "Nothing"), 3),
        (("family", "youtube:none"), 3),
        (("creator", "Jonna Brenner", "--format", "docx"), 2),
        (("creator", "Jonna Brenner", "--to", "no/such/folder/kit.html"), 2),
        (("creator", "Jonna Brenner", "--since", "2026-09-01", "--until", "2026-08-01"), 2),
    ],
)
def test_what_cannot_be_made_is_said_and_leaves_no_file(
    sample: CommandLine, downloads: Path, words: tuple[str, ...], code: int
) -> None:
    answer = sample("report", *words, code=code)
    assert answer.err
    assert list(downloads.iterdir()) == []


def test_a_creator_whose_name_has_no_latin_letters_gets_a_file_too(sample: CommandLine, downloads: Path) -> None:
    sample("report", "creator", "森崎ひなこ")
    [path] = downloads.iterdir()
    assert path.name.isascii()
    assert "森崎ひなこ" in path.read_text("utf-8")
