"""Finding connectors: ours, and whatever somebody installed, which must not break every command."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from engagerr.core.integrations.registry import BadConnector, UnknownConnector, connector_named, installed_connectors


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of an installed package that names a connector `theirs`."""
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[engagerr.connectors]\ntheirs = their_module:CONNECTOR\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("their_module", None)


def test_ours_are_all_there() -> None:
    assert list(installed_connectors()) == [
        "facebook", "instagram", "linkedin", "podcast", "spotify", "tiktok", "twitch", "x", "youtube",
    ]  # fmt: skip


@pytest.mark.parametrize("module", ["1 / 0", "import nowhere_to_be_found", "OTHER = 1", "CONNECTOR = 1", "def :"])
def test_a_package_that_is_broken_is_named(package: Path, module: str) -> None:
    (package / "their_module.py").write_text(module)
    with pytest.raises(BadConnector, match="theirs"):
        installed_connectors()


def test_a_second_connector_of_one_name_is_refused(package: Path) -> None:
    (package / "their_module.py").write_text("from engagerr.core.integrations.platforms.youtube import CONNECTOR")
    with pytest.raises(BadConnector, match="second one"):
        installed_connectors()


def test_a_name_that_nobody_has_is_answered_with_those_that_are() -> None:
    with pytest.raises(UnknownConnector) as refusal:
        connector_named(installed_connectors(), "myspace")
    assert "youtube" in (refusal.value.hint or "")
