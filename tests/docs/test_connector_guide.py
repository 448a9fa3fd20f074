"""The connector that the guide builds: its files are those of the page, and the package does what the page says."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import Result
from engagerr import Engagerr, Settings
from engagerr.cli.main import app
from engagerr.core.ingestion.sync.reports import StreamState
from engagerr.core.integrations.contract import Gateway, complaints
from engagerr.core.integrations.records import State
from engagerr.core.integrations.registry import installed_connectors
from tests.docs.pages import ROOT
from tests.fakes.clock import SteeredClock
from typer.testing import CliRunner

GUIDE = ROOT / "docs" / "guides" / "connectors.md"
EXAMPLE = ROOT / "docs" / "examples" / "connector"
# A file's blocks stand below a line that names it: `engagerr_pressling.py`, in one piece or several.
_FILE = re.compile(r"^\*\*`([\w.]+)`\*\*[^\n]*\n\n```(?:py|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as its wheel installs it: built by the backend that its pyproject.toml names, without a network."""
    folder = tmp_path_factory.mktemp("pressling")
    source = shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    with contextlib.chdir(source):
        backend = importlib.import_module("hatchling.build")
        wheel = backend.build_wheel(str(folder))
    installed = folder / "installed"
    with zipfile.ZipFile(folder / wheel) as archive:
        archive.extractall(installed)
    return installed


@pytest.fixture
def installed(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(package))
    yield
    sys.modules.pop("engagerr_pressling", None)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The example's fake, which is no part of its package."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    yield importlib.import_module("fake_pressling")
    sys.modules.pop("fake_pressling", None)


def pieces() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in _FILE.findall(GUIDE.read_text(encoding="utf-8")):
        found.setdefault(name, []).append(text)
    return found


def test_the_files_in_the_guide_are_the_files_of_the_example() -> None:
    shown = {name: "\n\n".join(texts) for name, texts in pieces().items()}
    there = {path.name: path.read_text(encoding="utf-8") for path in EXAMPLE.iterdir() if path.is_file()}
    assert shown == there


def test_the_installed_package_is_found_beside_our_own_connectors(installed: None) -> None:
    found = installed_connectors()
    assert found["pressling"].title == "Pressling"
    assert "youtube" in found


def test_it_keeps_the_contract_that_ours_keep(installed: None, fakes: ModuleType) -> None:
    assert complaints(installed_connectors()["pressling"], fakes.FakePressling) == ()


def test_its_own_tests_pass_where_only_engagerr_is_installed(package: Path, tmp_path: Path) -> None:
    for name in ("test_pressling.py", "fake_pressling.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_pressling.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "20 passed" in answer.stdout


def test_it_connects_with_a_token_and_syncs(
    installed: None, fakes: ModuleType, settings: Settings, clock: SteeredClock
) -> None:
    fake = fakes.FakePressling(items=7, page_size=3)
    # No connectors are given: they are found by their entry points.
    with Engagerr(settings, clock=clock, transport=fake.transport()) as engagerr:
        work = engagerr.init("Northlight", email="ann@northlight.example")
        row = work.platforms.connect_token("pressling", "good-token", creator="Ann Lee")
        assert (row.account, row.connector, row.state) == ("pressling:annlee", "pressling", "active")

        fake.refused_fields = {"clicks": "forbidden"}
        report = work.sync.run(workers=1)
        assert [(result.stream, result.state, result.items_new) for result in report.results] == [
            ("issues", StreamState.DONE, 7)
        ]
        found = {item.native_id: item for item in work.content.list(platform="pressling")}
        assert set(found) == {item.native_id for item in fake.items}
        figures = {row.metric: (row.reported, row.state) for row in work.metrics.show("pressling:issue-3")}
        assert figures == {
            "recipients": (5003, State.VALUE), "opens": (2003, State.VALUE),
            "clicks": (None, State.PERMISSION_DENIED),
        }  # fmt: skip

        fake.refused_fields = {}
        clock.advance(hours=12, minutes=1)
        fresh = fake.publish(clock.now())
        again = work.sync.run(workers=1)
        assert [result.items_new for result in again.results] == [1]
        [clicks] = [row for row in work.metrics.show(f"pressling:{fresh.native_id}") if row.metric == "clicks"]
        assert clicks.reported == fresh.figures["clicks"]


def test_what_the_platform_says_no_to_is_a_task_and_mended_by_connecting_again(
    installed: None, fakes: ModuleType, settings: Settings, clock: SteeredClock
) -> None:
    fake = fakes.FakePressling()
    with Engagerr(settings, clock=clock, transport=fake.transport()) as engagerr:
        work = engagerr.init("Northlight", email="ann@northlight.example")
        work.platforms.connect_token("pressling", "good-token", creator="Ann Lee")
        fake.valid_tokens = {"another-token"}
        report = work.sync.run(workers=1)
        assert [task.kind for task in report.tasks] == ["grant.lost"]
        work.platforms.connect_token("pressling", "another-token", account="pressling:annlee")
        assert work.sync.run(workers=1, now=True).state == "succeeded"
        assert work.sync.tasks() == ()


def test_the_fake_can_be_served_to_the_commands(fakes: ModuleType) -> None:
    import httpx

    with Gateway(fakes.FakePressling(items=2)) as gateway:
        address = f"{gateway.url}/api.pressling.example/v1/issues"
        answer: Any = httpx.get(address, headers={"authorization": "Bearer good-token"}, trust_env=False).json()
    assert [issue["id"] for issue in answer["issues"]] == ["issue-0", "issue-1"]


def typed(page: str, words: str) -> str:
    """The shell block of section 8 with these words in it."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.partition("## 8.")[2], re.MULTILINE | re.DOTALL)
    return next(block for block in blocks if words in block)


def without_times(text: str) -> set[str]:
    """The lines as words: times differ, and with them the widths of columns."""
    lines = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "", text).splitlines()
    return {" ".join(line.split()) for line in lines if not set(line) <= {"─"}}


def test_the_session_that_the_guide_shows_can_be_typed(installed: None, fakes: ModuleType, settings: Settings) -> None:
    page = GUIDE.read_text(encoding="utf-8")
    shown = [without_times(text) for text in re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]
    env = {
        "ENGAGERR_HOME": str(settings.home), "COLUMNS": "110",
        "ENGAGERR_DATABASE__URL": settings.database.secret_url(),
        # As often as it takes to see it fail: five attempts take a quarter of a minute.
        "ENGAGERR_INTEGRATIONS__ATTEMPTS": "1",
    }  # fmt: skip

    def type_in(words: str) -> Iterator[Result]:
        """What each command of the block with these words answers."""
        for line in typed(page, words).splitlines():
            given, pipe, piped = line.partition(" | ")
            command = piped if pipe else given
            if command.startswith("engagerr "):
                says = given.removeprefix("echo ") if pipe else None
                yield CliRunner().invoke(app, shlex.split(command)[1:], env=env, input=says)

    fake = fakes.FakePressling(items=25, page_size=10)
    with Gateway(fake) as gateway:
        env["ENGAGERR_INTEGRATIONS__GATEWAY_URL"] = gateway.url
        first = list(type_in("platform connect pressling --token-stdin"))
    assert [answer.exit_code for answer in first] == [0] * 6, [answer.stderr for answer in first]
    assert shown[0] <= without_times(first[3].stdout)

    broken, status = type_in("sync run --now")
    assert (broken.exit_code, status.exit_code) == (6, 0)
    assert shown[1] <= without_times(broken.stdout)
    assert "does not answer" in status.stdout

    with Gateway(fake, port=int(gateway.url.rpartition(":")[2])):
        mended, history = type_in("sync retry")
    assert (mended.exit_code, history.exit_code) == (0, 0), mended.stderr
    assert "succeeded" in mended.stdout
    assert "failed" in history.stdout
