"""The demo part of scripts/quickstart: imports scripts/sample_data through the command line and shows what it found.

The partnerships of scripts/sample_partnership.py are made beside it; their money moves in the sandbox of the home.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "scripts" / "sample_data"
PARTNERSHIPS = ROOT / "scripts" / "sample_partnership.py"
ENGAGERR = Path(sys.executable).parent / "engagerr"

DEAL = "Trail shoes, spring"

AGENCY = "Northlight"
EMAIL = "you@northlight.example"
# In the home, so that a second run knows its own demo from a home that somebody works in.
MARKER = "made-by-quickstart"

# What a manifest entry says beside its path, and the option that says it to `engagerr import file`.
OPTIONS = {"creator": "--creator", "account": "--account", "period": "--period", "observed_at": "--observed-at"}


def typed(*words: str) -> str:
    """The words as a person would type them in a shell: O'Brien in double quotes, where shlex would write five."""
    return " ".join(
        f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word) for word in words
    )


@dataclass(frozen=True, slots=True)
class Look:
    """One command of the tour: why it is worth typing, and how much of its answer is shown."""

    title: str
    command: tuple[str, ...]
    lines: int = 14
    may_fail: bool = False


TOUR = (
    Look("The creators that the files speak of", ("creator", "list", "--status", "active")),
    Look("Every platform's numbers in one standard", ("metric", "report", "--all", "--by", "platform"), lines=20),
    Look("One piece of work, wherever it was published", ("content", "families"), lines=14),
    Look(
        "How one creator's figures moved, month by month",
        (
            *("metric", "performance", "Jonna Brenner", "--platform", "instagram"),
            *("--since", "2026-07-01", "--until", "2026-10-31"),
        ),
    ),
    Look("Followers by night, and what stands out", ("insight", "growth", "instagram:northlight_despensa"), lines=18),
    Look(
        "Who fits a brief, and what shows it",
        ("match", "find", "--brief", str(SAMPLE / "brief-trail-running.json"), "--limit", "5"),
        lines=14,
    ),
    Look("A deal: whose move it is, and what it still needs", ("deal", "show", DEAL), lines=26),
    Look("Its money: held for the work, and paid out in part", ("payment", "show", DEAL), lines=26),
    Look("Is everything well?", ("health",), may_fail=True),
)


def next_commands(creator: str, item: str) -> list[tuple[str, ...]]:
    """What a curious person may type now; `item` is `platform:native_id` of the piece with the most relations."""
    return [
        ("console",),
        ("creator", "show", creator),
        ("content", "tree", item),
        ("metric", "show", item),
        ("metric", "report", creator, "--by", "family"),
        ("insight", "best", creator, "--by", "hour"),
        ("insight", "forecast", creator, "--platform", "youtube"),
        ("match", "explain", creator, "--brief", str(SAMPLE / "brief-trail-running.json")),
        ("search", "creators", "followers >= 20k and not (topic ~ gaming)"),
        ("report", "creator", creator),
        ("deal", "list"),
        ("payment", "statement", AGENCY),
        ("content", "suggest", "--creator", creator),
        ("metric", "definitions", "--platform", "youtube"),
        ("import", "file", "YOUR-EXPORT.csv", "--creator", "Your Creator", "--dry-run"),
        ("db", "stop"),
    ]


class CommandError(Exception):
    """An engagerr command ended with an error; its words are in `said`."""

    def __init__(self, command: Sequence[str], status: int, said: str) -> None:
        super().__init__(f"engagerr {typed(*command)} ended with {status}")
        self.status = status
        self.said = said


def engagerr(*command: str, home: Path, may_fail: bool = False, program: tuple[Path, ...] = (ENGAGERR,)) -> str:
    """Run one command, of this program where another is named, and return its standard output.

    Output goes through files and not through pipes: the database server outlives the command that starts it, and a
    pipe that it had inherited would never close.
    """
    # A token of the person's own opens another database's workspace, not the demo's.
    env = {name: value for name, value in os.environ.items() if name != "ENGAGERR_TOKEN"}
    env |= {"ENGAGERR_HOME": str(home), "COLUMNS": str(shutil.get_terminal_size((110, 40)).columns)}
    if sys.stdout.isatty() and "NO_COLOR" not in env and "--output" not in command:
        env["FORCE_COLOR"] = "1"
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        status = subprocess.run(
            [*program, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, check=False
        ).returncode
        out.seek(0)
        err.seek(0)
        answer, complaint = out.read().decode(), err.read().decode()
    if status != 0 and not may_fail:
        raise CommandError(command, status, complaint.strip() or answer.strip())
    return answer if status == 0 else answer + complaint


def ask(*command: str, home: Path) -> Any:
    """The JSON answer of one command."""
    return json.loads(engagerr(*command, "--output", "json", home=home))


def is_free_for_the_demo(home: Path) -> bool:
    """True if the home is empty, missing or an earlier demo; False if it is somebody's, or not writable."""
    if (home / MARKER).is_file():
        return True
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A settings file alone is no work yet.
        if {entry.name for entry in home.iterdir()} - {"engagerr.toml"}:
            return False
        (home / MARKER).write_text("scripts/quickstart made the data in this folder.\n", encoding="utf-8")
    except OSError:
        return False
    return True


def choose_home() -> tuple[Path, bool]:
    """The home for the demo, and whether engagerr finds it without being told."""
    usual = Settings.load().home.absolute()
    if is_free_for_the_demo(usual):
        return usual, True
    apart = ROOT / ".demo-home"
    print(f"{usual} is already in use or cannot be written, and stays as it is; the demo goes to {apart}")
    if not is_free_for_the_demo(apart):
        raise InvalidInput(
            f"{apart} cannot be used either.",
            hint="Name an empty folder: ENGAGERR_HOME=/path/to/folder scripts/quickstart",
        )
    return apart, False


def import_groups() -> Iterator[tuple[list[str], list[str]]]:
    """(paths, options) in the manifest's order; neighbours with the same options go into one command."""
    entries = json.loads((SAMPLE / "manifest.json").read_text(encoding="utf-8"))

    def options(entry: dict[str, Any]) -> list[str]:
        return [word for key, option in OPTIONS.items() if entry.get(key) for word in (option, str(entry[key]))]

    for shared, group in groupby(entries, key=options):
        yield [str(SAMPLE / entry["path"]) for entry in group], shared


def import_sample(home: Path) -> None:
    """Import every file of the manifest and print one line a format."""
    groups = list(import_groups())
    wanted = sum(len(paths) for paths, _ in groups)
    print(f"\nImporting {wanted} files from scripts/sample_data …", flush=True)
    started = time.monotonic()
    totals: dict[str, Counter[str]] = {}
    for paths, options in groups:
        for answer in ask("import", "file", *paths, *options, home=home)["files"]:
            total = totals.setdefault(answer["format"], Counter())
            total.update(files=1, quarantined=len(answer["quarantined"]))
            total.update({key: answer[key] for key in ("rows", "items_new", "items_updated", "observations_new")})
    print(f"  {'format':<32}{'files':>6}{'rows':>8}{'new items':>11}{'new figures':>13}{'set aside':>11}")
    for name, total in sorted(totals.items()):
        print(
            f"  {name:<32}{total['files']:>6}{total['rows']:>8}{total['items_new']:>11}"
            f"{total['observations_new']:>13}{total['quarantined']:>11}"
        )
    seconds = time.monotonic() - started
    if not any(total[key] for total in totals.values() for key in ("items_new", "items_updated", "observations_new")):
        print(f"  Nothing changed: all {wanted} files were imported before ({seconds:.0f} s)")
    else:
        print(f"  Imported in {seconds:.0f} s")


def make_partnerships(home: Path) -> bool:
    """Make the sample's deals and move their money in the sandbox; False, and why, where that is not to be."""
    started = time.monotonic()
    print("\nMaking partnerships: deals, contracts, money in the sandbox …", flush=True)
    try:
        answer = engagerr(home=home, program=(Path(sys.executable), PARTNERSHIPS)).strip()
    except CommandError as failure:
        if failure.status != 2:
            raise
        print(f"  Left out. {failure.said}")
        return False
    if answer == "filled":
        print(f"  Made in {time.monotonic() - started:.0f} s")
    else:
        print("  Nothing changed: they were made before")
    return True


def show_suggestions(home: Path) -> str:
    """Print what the detection found, with one example and its evidence; return the item with the most relations."""
    print("\nWhat belongs together, and why\n  $ engagerr content suggest", flush=True)
    found = ask("content", "suggest", home=home)
    for name, figure in found["stats"].items():
        print(f"  {name.replace('_', ' ')}: {figure}")
    edges = found["edges"]
    for edge in edges[:1]:
        child, parent = (f"{edge[end]['platform']}:{edge[end]['native_id']}" for end in ("child", "parent"))
        print(f"  for example {child} {edge['relation']} {parent}, {edge['confidence']:.0%}, {edge['state']}:")
        for proof in edge["evidence"]:
            print(f"    - {proof['detail']}")
    if edges:
        parents = Counter((edge["parent"]["platform"], edge["parent"]["native_id"]) for edge in edges)
        return ":".join(parents.most_common(1)[0][0])
    # A second run may have nothing left to suggest; any item will do.
    item = ask("content", "list", home=home)[0]
    return f"{item['platform']}:{item['native_id']}"


def show(look: Look, home: Path) -> None:
    """Print one command and the beginning of its answer."""
    print(f"\n{look.title}\n  $ engagerr {typed(*look.command)}", flush=True)
    lines = engagerr(*look.command, home=home, may_fail=look.may_fail).rstrip().splitlines()
    for line in lines[: look.lines]:
        print(f"  {line}")
    if len(lines) > look.lines:
        print(f"  … {len(lines) - look.lines} more lines")


def main() -> int:
    """Run the demo; the exit status is that of the first command that failed."""
    started = time.monotonic()
    try:
        home, is_usual = choose_home()
        print(f"Home: {home}", flush=True)
        workspace = ask("init", "--agency", AGENCY, "--email", EMAIL, home=home)["workspace"]
        print(f"Signed in to {workspace['name'] if isinstance(workspace, dict) else workspace} as {EMAIL}")
        import_sample(home)
        dealing = make_partnerships(home)
        item = show_suggestions(home)
        for look in TOUR:
            if dealing or look.command[0] not in ("deal", "payment"):
                show(look, home)
        creator = ask("creator", "list", "--status", "active", home=home)[0]["name"]
    except CommandError as failure:
        print(f"✗ {failure}\n{failure.said}", file=sys.stderr)
        return failure.status
    except EngagerrError as error:
        print(f"✗ {error}" + (f"\n  → {error.hint}" if error.hint else ""), file=sys.stderr)
        return 2
    print(f"\nThe demo took {time.monotonic() - started:.0f} s. What to type next:\n")
    print(f"  export PATH={typed(str(ENGAGERR.parent))}:$PATH")
    if not is_usual:
        print(f"  export ENGAGERR_HOME={typed(str(home))}")
    for command in next_commands(creator, item):
        print(f"  engagerr {typed(*command)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nInterrupted. Run it again: it goes on where it stopped.", file=sys.stderr)
        sys.exit(130)
