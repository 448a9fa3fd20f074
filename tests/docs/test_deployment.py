"""The crontab and the systemd units in config/: their commands exist, their jobs too, and systemd takes them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from engagerr.core.clock.cron import next_time
from engagerr.core.jobs import JOBS
from tests.docs.pages import ROOT
from tests.docs.test_commands import find
from tests.fakes.clock import START

CRONTAB = ROOT / "config" / "engagerr.crontab"
UNITS = sorted((ROOT / "config" / "systemd").glob("engagerr-*"))
_LINE = re.compile(r"((?:[\d*/,a-z-]+\s+){5})(engagerr .*)")


def crontab_lines() -> list[tuple[str, str]]:
    """(cron line, command) of every line that runs something."""
    lines = [line for line in CRONTAB.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    found = [_LINE.fullmatch(line) for line in lines if not re.match(r"[A-Z_]+=", line)]
    return [(line[1].strip(), line[2]) for line in found if line is not None]


def started_commands() -> list[str]:
    """Every command that a unit starts, and those that comments tell people to type."""
    text = "".join(unit.read_text(encoding="utf-8") for unit in UNITS)
    started = re.findall(r"^ExecStart=/opt/engagerr/bin/(engagerr .*)$", text, re.MULTILINE)
    return started + re.findall(r"`(engagerr [^`]+)`", text + CRONTAB.read_text(encoding="utf-8"))


@pytest.mark.parametrize("command", [*(command for _, command in crontab_lines()), *started_commands()])
def test_every_command_can_be_typed(command: str) -> None:
    verb, words = find(shlex.split(command.partition(" >")[0])[1:])
    # What a comment only names may lack its arguments; what is run may not.
    verb.make_context(verb.name, words, resilient_parsing=command in ("engagerr job set", "engagerr token add")).close()


def test_the_crontab_runs_every_job_at_the_times_of_the_schedule() -> None:
    jobs = {shlex.split(command)[3]: cron for cron, command in crontab_lines()}
    assert set(jobs) == set(JOBS)
    for name, cron in jobs.items():
        here = scheduled = START
        for _ in range(20):
            here, scheduled = next_time(cron, here), next_time(JOBS[name].cron, scheduled)
            assert here == scheduled, name


def test_a_mail_of_cron_means_that_something_is_wrong() -> None:
    text = CRONTAB.read_text(encoding="utf-8")
    assert re.search(r"^MAILTO=", text, re.MULTILINE)
    assert all(command.endswith(" >/dev/null") for _, command in crontab_lines())


def test_the_units_are_there_and_no_secret_is_in_them() -> None:
    assert [unit.name for unit in UNITS] == ["engagerr-jobs.service", "engagerr-sync.service", "engagerr-sync.timer"]
    for unit in UNITS:
        if unit.suffix == ".service":
            lines = unit.read_text(encoding="utf-8").splitlines()
            hardened = {"User=engagerr", "NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077"}
            assert hardened < set(lines)
            assert not [line for line in lines if re.match(r"Environment=.*(TOKEN|_KEY|SECRET|URL)=", line)]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace("/opt/engagerr/bin/engagerr", sys.executable)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
