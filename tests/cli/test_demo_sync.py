"""scripts/demo_sync.sh goes through its story, and each command ends as the story has it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.fakes.cluster import Clone

ROOT = Path(__file__).parents[2]


def test_the_story_of_a_broken_network_and_a_lost_sign_in_goes_as_told(clone: Clone, tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "demo_sync.sh"], capture_output=True, text=True, timeout=300, check=False,
        env={
            **os.environ, "PYTHON": sys.executable, "ENGAGERR_HOME": str(tmp_path / "home"),
            "ENGAGERR_DATABASE__URL": clone.url(),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ended = re.findall(r"^\$ (.+?)$.*?^\[ended with (\d+)\]$", done.stdout, re.MULTILINE | re.DOTALL)
    failed = [(command, int(code)) for command, code in ended if code != "0"]
    assert failed == [
        ("engagerr sync run --platform youtube --now", 6),
        ("engagerr sync run --platform instagram --now", 7),
    ], done.stdout + done.stderr
    assert "Reconnect instagram:@ann" in done.stdout
    assert len(ended) == 16


def test_the_fake_platforms_end_with_the_program_that_started_them(tmp_path: Path) -> None:
    ready = tmp_path / "environment"
    # The program in between waits until they answer, and ends without a word to them.
    program = (
        "import subprocess, sys, time, pathlib\n"
        "fakes = subprocess.Popen([sys.executable, sys.argv[1], 'serve', '--env-file', sys.argv[2]])\n"
        "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.05)\n"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", program, ROOT / "scripts" / "fake_platforms.py", ready], stdout=subprocess.PIPE
    )
    # Their standard output is ours: it ends when both have ended.
    out, _ = started.communicate(timeout=60)
    assert started.returncode == 0
    assert b"ENGAGERR_INTEGRATIONS__GATEWAY_URL" in out
