"""The command line as tests type it: in this process, on a database and in a home of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr
from engagerr.cli.main import app
from tests.fakes.cluster import Clone, Cluster
from typer.testing import CliRunner

import sample_partnership

SAMPLE = Path(__file__).parents[2] / "scripts" / "sample_data"


@dataclass(frozen=True)
class Answer:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """Standard error as the one error object that it must be."""
        error: dict[str, Any] = json.loads(self.err)["error"]
        return error


class CommandLine:
    """Types commands into one home."""

    def __init__(self, home: Path, clone: Clone | None) -> None:
        self.home = home
        self.clone = clone
        self.env = {"ENGAGERR_HOME": str(home)}
        if clone is not None:
            self.env["ENGAGERR_DATABASE__URL"] = clone.url()

    def __call__(self, *words: object, code: int | None = 0, columns: int = 120, **env: str) -> Answer:
        """Run `engagerr WORDS`; fails the test unless it ends with `code` (None: however it likes)."""
        typed = [str(word) for word in words]
        result = CliRunner().invoke(app, typed, env={**self.env, "COLUMNS": str(columns), **env})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        answer = Answer(result.exit_code, result.stdout, result.stderr)
        assert code is None or answer.code == code, (typed, answer)
        return answer

    def json(self, *words: object, code: int = 0) -> Any:
        """The JSON document of a command."""
        return self(*words, "--output", "json", code=code).document


@pytest.fixture
def fresh(home: Path, clone: Clone) -> CommandLine:
    """A home in which nothing was founded yet."""
    return CommandLine(home, clone)


@pytest.fixture
def cli(fresh: CommandLine) -> CommandLine:
    """Signed in to the agency Northlight, which is empty."""
    fresh("init", "--agency", "Northlight", "--email", "ann@northlight.example")
    return fresh


@pytest.fixture(scope="session")
def sample(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Northlight with all of the sample data. Shared: only for commands that read."""
    with cluster.clone() as clone:
        northlight = with_sample_data(CommandLine(tmp_path_factory.mktemp("northlight"), clone))
        # The first read of sums over time makes the rollups: whichever test comes first finds them there.
        northlight("metric", "performance", "--all", "--since", "2026-08-01", "--until", "2026-10-31")
        yield northlight


def with_sample_data(cli: CommandLine) -> CommandLine:
    """Found Northlight, import the files of the manifest and make its partnerships, as scripts/quickstart does."""
    cli("init", "--agency", "Northlight", "--email", "you@northlight.example")
    options = {"creator": "--creator", "account": "--account", "period": "--period", "observed_at": "--observed-at"}

    def said(entry: dict[str, Any]) -> list[str]:
        return [word for key, option in options.items() if entry[key] for word in (option, entry[key])]

    for words, group in groupby(json.loads((SAMPLE / "manifest.json").read_text()), key=said):
        cli("import", "file", *(SAMPLE / entry["path"] for entry in group), *words)
    assert cli.clone is not None
    with Engagerr(cli.clone.settings(cli.home)) as engagerr:
        sample_partnership.fill(engagerr.workspace())
    return cli
