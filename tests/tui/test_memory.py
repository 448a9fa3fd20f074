"""What the console remembers, and that it never stands in the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from engagerr.tui.memory import Memory


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "console.json")
    memory.keep("tab", "deals")
    memory.keep("page.roster", {"sort": "views"})
    memory.save()
    again = Memory(tmp_path / "console.json")
    assert (again.get("tab"), again.get("page.roster")) == ("deals", {"sort": "views"})
    assert (tmp_path / "console.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '"text"', "\x00", "{" * 2_000])
def test_a_file_that_cannot_be_read_is_forgotten(tmp_path: Path, content: str) -> None:
    (tmp_path / "console.json").write_text(content)
    memory = Memory(tmp_path / "console.json")
    assert memory.get("tab", "today") == "today"
    memory.keep("tab", "ops")
    memory.save()
    assert Memory(tmp_path / "console.json").get("tab") == "ops"


def test_a_home_that_cannot_be_written_costs_the_memory_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    memory = Memory(tmp_path / "file" / "console.json")
    memory.keep("tab", "ops")
    memory.save()
    assert memory.get("tab") == "ops"


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "console.json")
    memory.save()
    assert not (tmp_path / "console.json").exists()


def test_of_too_many_things_the_oldest_are_forgotten(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "console.json")
    for number in range(500):
        memory.keep(f"page.deal-{number}", {"row": number})
        memory.keep("tab", f"{number}")
    memory.save()
    again = Memory(tmp_path / "console.json")
    assert again.get("page.deal-499") == {"row": 499}
    assert again.get("page.deal-0") is None
    assert again.get("tab") == "499"
