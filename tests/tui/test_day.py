"""An agency's whole day at the console in a real terminal: find, shortlist, agree, approve, pay, and prove the books.

Every key that is pressed here stands in the key bar, in the list of `?`, or in the menu that is open.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.fakes.cluster import Clone, Cluster
from tests.tui.terminal_day import Tmux, command, copied, environment, key_of, line_with

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux is installed")


def test_a_whole_day(cluster: Cluster, sample_clone: tuple[Clone, Path], tmp_path: Path) -> None:
    with copied(cluster, sample_clone, tmp_path) as (clone, home):
        env = environment(clone, home)
        with Tmux(tmp_path, env) as terminal:
            seen = terminal.until("Draft waits for approval")
            assert "x decide" in seen
            assert "? keys" in seen
            best = find_and_shortlist(terminal)
            open_a_deal(terminal, best)
            approve_the_draft(terminal)
            release_the_money(terminal)
            terminal.press("8")
            assert "€765.00" in line_with(terminal.until("Commission earned"), "On the way to banks")
            assert "€135.00" in line_with(terminal.screen(), "Commission earned")
        verdict = json.loads(command("payment", "verify", "--output", "json", env=env))
        assert verdict["sound"]
        assert command("payment", "movements", env=env).count("EUR 600.00  done") == 1


def find_and_shortlist(terminal: Tmux) -> str:
    """Who fits the brief, and why; the first goes on the shortlist."""
    terminal.press("6")
    seen = terminal.until(lambda screen: re.search(r"▌\s+\S.*\d ± \d", screen), "a ranked creator")
    found = re.search(r"▌\s+(\S+ \S+)", seen)
    assert found
    terminal.press("w")
    terminal.until(f"{found[1]} stands here")
    terminal.press("Escape")
    assert "shortlist" in terminal.screen().splitlines()[-1]
    terminal.press("Space")
    terminal.until(f"▣ {found[1]}")
    return found[1]


def open_a_deal(terminal: Tmux, creator: str) -> None:
    """For the brand of the brief, out of the menu of verbs."""
    seen = terminal.press("x")
    terminal.press(key_of(seen, "Propose the shortlist"))
    terminal.until("its title")
    terminal.press("Enter")
    terminal.type("Fjellzahn")
    terminal.quiet()
    terminal.press("Enter", "Enter", "Enter")
    terminal.until(lambda screen: "its title" not in screen, "the form is closed")
    terminal.press("Escape", "7")
    assert "Enquiry" in line_with(terminal.until("Fjellzahn × "), "Fjellzahn × ")


def approve_the_draft(terminal: Tmux) -> None:
    """The draft that waits, by the word of the brand."""
    terminal.press("Home")
    for _ in range(8):
        if re.search(r"Trail shoes, spring ·", terminal.screen()):
            break
        terminal.press("Down")
    terminal.press("Enter")
    terminal.until("Submitted ·")
    # A deal shows the table that was looked at last; its pieces are on another (`v other table`).
    for _ in range(4):
        if "handed in" in terminal.screen():
            break
        terminal.press("v")
    terminal.press(key_of(terminal.press("x"), "approve youtube integration"))
    terminal.until("Who said so")
    terminal.type("Mara Pfad")
    terminal.press("Enter", "Enter")
    terminal.until("Approved ·")


def release_the_money(terminal: Tmux) -> None:
    """The amount is typed; a wrong one releases nothing."""
    terminal.press(key_of(terminal.press("x"), "release €600.00"))
    terminal.until("Type 510 to release")
    terminal.type("600")
    assert "Type 510 to release" in terminal.press("Enter")
    terminal.press("BSpace", "BSpace", "BSpace")
    terminal.type("510")
    terminal.quiet()
    terminal.press("Enter")
    terminal.until("€900.00 paid")
