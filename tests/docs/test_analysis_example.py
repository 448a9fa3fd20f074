"""The analyst's pages are run on the sample: the walk through the library, the commands with what they answer."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import SAMPLE, CommandLine, with_sample_data
from tests.docs.pages import ROOT, fences
from tests.fakes.cluster import Cluster

WALK = ROOT / "docs" / "examples" / "analysis" / "README.md"
GUIDE = ROOT / "docs" / "guides" / "analyst.md"
# They look from now on: what they say of 90 days differs from day to day.
_LOOK_FROM_NOW = ("engagerr insight benchmark",)
_COLUMNS = 100


@pytest.fixture(scope="module")
def northlight(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Northlight with all of the sample data, for these pages alone: they only read."""
    with cluster.clone() as clone:
        yield with_sample_data(CommandLine(tmp_path_factory.mktemp("analyst"), clone))


def shown_commands() -> list[tuple[str, str]]:
    """(command, what the guide shows of its answer) for every block of the guide that has an answer."""
    return [(block.text.strip().splitlines()[-1], block.answer) for block in fences(GUIDE, "sh") if block.answer]


def lines_of(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize(("command", "answer"), shown_commands(), ids=[command for command, _ in shown_commands()])
def test_the_guide_shows_what_the_command_answers(northlight: CommandLine, command: str, answer: str) -> None:
    said = iter(lines_of(northlight(*shlex.split(command)[1:], columns=_COLUMNS, NO_COLOR="1").out))
    if command.startswith(_LOOK_FROM_NOW):
        assert lines_of(answer)[0] in said
        return
    # A line with … alone stands for lines that are left out; all else is there, in this order.
    for line in lines_of(answer):
        assert line == "…" or line in said, line


def test_the_walk_through_the_library_prints_what_its_page_shows(
    northlight: CommandLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import pandas as pd

    for name, value in northlight.env.items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {"__name__": "__main__"}
    with pd.option_context("display.width", None, "display.max_columns", None):
        try:
            for block in fences(WALK, "python"):
                exec(compile("\n" * (block.line - 1) + block.text, str(WALK), "exec"), names)
                printed = lines_of(capsys.readouterr().out)
                assert printed == lines_of(block.answer or ""), f"the example in line {block.line}"
        finally:
            if "engagerr" in names:
                names["engagerr"].close()


def test_every_question_of_the_guide_is_asked_of_the_sample() -> None:
    page = GUIDE.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:metric|insight) [a-z]+)`", page.partition("## ")[0]))
    asked = {" ".join(shlex.split(command)[1:3]) for command, _ in shown_commands()}
    assert len(named) > 10
    assert named - asked == {"insight formulas"}


def test_three_files_make_a_media_kit_in_three_commands(cluster: Cluster, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "guides" / "reports.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```sh\n(cd scripts/sample_data/bergschritt\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line)[1:] for line in block.splitlines() if line.startswith("engagerr ")]
    assert len(commands) == 3
    with cluster.clone() as clone:
        cli = CommandLine(tmp_path / "home", clone)
        for words in commands:
            cli(*(found for word in words for found in expanded(word, tmp_path)))
    kit = (tmp_path / "jonna.html").read_text("utf-8")
    assert "<title>Jonna Brenner · Media kit</title>" in kit
    assert all(platform in kit for platform in ("YouTube", "Instagram", "Podcast"))


def expanded(word: str, home: Path) -> list[str]:
    """What a shell in the folder of the files makes of a word."""
    if word.startswith("~/"):
        return [str(home / word[2:])]
    if "*" in word or (SAMPLE / "bergschritt" / word).exists():
        found = sorted(str(path) for path in (SAMPLE / "bergschritt").glob(word))
        assert found, word
        return found
    return [word]
