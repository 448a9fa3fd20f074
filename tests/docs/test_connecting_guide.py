"""The session in the guide is the demonstration, which another test runs: the same commands in the same order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_the_session_shows_the_commands_of_the_demonstration() -> None:
    page = (REPOSITORY / "docs" / "guides" / "connecting.md").read_text(encoding="utf-8")
    script = (REPOSITORY / "scripts" / "demo_sync.sh").read_text(encoding="utf-8")
    shown = [shlex.split(line) for line in re.findall(r"^\$ (.+)$", page, re.MULTILINE)]
    tried = [shlex.split(line) for line in re.findall(r"^try (.+)$", script, re.MULTILINE)]
    assert shown == tried
