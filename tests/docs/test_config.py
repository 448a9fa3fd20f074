"""config/engagerr.toml holds every setting with its default, and can be used as it is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from engagerr import InvalidInput, Settings
from engagerr.core.settings import setting_names
from tests.docs.pages import ROOT

FILE = ROOT / "config" / "engagerr.toml"
_WITHOUT_DEFAULT = re.compile(r'^# (\w+) = "…"$', re.MULTILINE)


def flat(tables: dict[str, Any]) -> dict[str, Any]:
    """{"database": {"url": …}} as {"database.url": …}."""
    found: dict[str, Any] = {}
    for name, value in tables.items():
        found |= {f"{name}.{key}": inner for key, inner in value.items()} if isinstance(value, dict) else {name: value}
    return found


def test_the_file_holds_every_setting_and_no_other() -> None:
    everything = tomllib.loads(_WITHOUT_DEFAULT.sub(r'\1 = "…"', FILE.read_text(encoding="utf-8")))
    assert list(flat(everything)) == list(setting_names())


def test_each_key_stands_with_its_default() -> None:
    defaults = {name: default for name, (_, default, _) in setting_names().items() if default is not None}
    assert flat(tomllib.loads(FILE.read_text(encoding="utf-8"))) == defaults


def test_each_key_has_its_meaning_above_it() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    meanings = [text for _, _, text in setting_names().values()]
    keys = [number for number, line in enumerate(lines) if re.match(r"(# )?\w+ = \S+$", line)]
    assert len(keys) == len(meanings)
    for number, meaning in zip(keys, meanings, strict=True):
        assert meaning
        assert lines[number - 1].startswith(f"# {meaning}")


def test_the_file_changes_nothing_when_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = Settings.load(home=tmp_path)
    monkeypatch.setenv("ENGAGERR_CONFIG", str(FILE))
    assert Settings.load(home=tmp_path) == without


def test_a_changed_line_of_the_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert "session_days = 90" in text
    (tmp_path / "engagerr.toml").write_text(text.replace("session_days = 90", "session_days = 7"), encoding="utf-8")
    assert Settings.load(home=tmp_path).tenancy.session_days == 7
    monkeypatch.setenv("ENGAGERR_TENANCY__SESSION_DAYS", "8")
    assert Settings.load(home=tmp_path).tenancy.session_days == 8


def test_names_that_the_environment_alone_holds_are_documented_and_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(ENGAGERR_\w+)`", page))
    assert named == {env for env, _, _ in setting_names().values()} | {"ENGAGERR_CONFIG", "ENGAGERR_TOKEN"}
    monkeypatch.setenv("ENGAGERR_CONFIG", str(FILE))
    monkeypatch.setenv("ENGAGERR_TOKEN", "any")
    Settings.load(home=tmp_path)
    monkeypatch.setenv("ENGAGERR_CONFLICT", "any")
    with pytest.raises(InvalidInput, match="ENGAGERR_CONFLICT"):
        Settings.load(home=tmp_path)
