"""Every command that a page tells people to type exists, with those arguments and options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from engagerr.cli.main import app
from tests.docs.pages import ROOT, fences, written_pages


def typed_commands() -> list[tuple[str, int, str]]:
    """(page, line, command line) for each line of a shell block that begins with engagerr."""
    found = []
    for page in written_pages():
        if page.parent.name == "reference":
            continue
        for block in fences(page, "sh", "console"):
            for number, line in enumerate(block.text.splitlines()):
                command = line.removeprefix("$ ")
                if command.startswith("engagerr "):
                    found.append((str(page.relative_to(ROOT)), block.line + number, command))
    return found


def mentioned_commands(page: Path) -> set[tuple[str, ...]]:
    """The nouns and verbs of commands that stand inside a sentence, as in `engagerr db stop`."""
    text = page.read_text(encoding="utf-8")
    return {tuple(words.split()) for words in re.findall(r"`engagerr ((?:[a-z][a-z-]* ?){1,2})", text)}


def find(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words name, and the words that are left for it."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "get_command") and words:
        inner = command.get_command(command.context_class(command), words[0])
        assert inner is not None, f"there is no {words[0]!r}"
        command, words = inner, words[1:]
    return command, words


@pytest.mark.parametrize(("page", "line", "command"), typed_commands())
def test_a_command_that_a_page_shows_can_be_typed(page: str, line: int, command: str) -> None:
    verb, words = find(shlex.split(command)[1:])
    verb.make_context(verb.name, words).close()


@pytest.mark.parametrize("page", written_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_that_a_sentence_mentions_exists(page: Path) -> None:
    for words in mentioned_commands(page):
        find(list(words))


def test_the_pages_show_commands_at_all() -> None:
    assert len(typed_commands()) > 30
