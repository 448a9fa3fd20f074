"""scripts/relations_jsonl.py: items of groups files as an import takes them, without a word of the answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import CommandLine

ROOT = Path(__file__).parents[2]
GROUPS = ROOT / "tests" / "data" / "groups.jsonl"


def written(folder: Path, *groups: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "relations_jsonl.py", "--to", folder, *groups],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done
    return done


def test_items_are_written_without_their_groups(tmp_path: Path) -> None:
    written(tmp_path, GROUPS)
    rows = [json.loads(line) for line in (tmp_path / "groups.items.jsonl").read_text().splitlines()]
    groups = [json.loads(line) for line in GROUPS.read_text().splitlines()]
    assert len(rows) == sum(len(group["items"]) for group in groups)
    keys = {key for row in rows for key in row}
    assert not keys & {"group_id", "relation", "items", "role", "parent_id", "join", "source", "title_source"}
    assert not any(group["group_id"] in json.dumps(rows) for group in groups)
    # Neighbours in the file are not neighbours here.
    place = {row["native_id"]: at for at, row in enumerate(rows)}
    apart = [abs(place[group["items"][0]["id"]] - place[group["items"][1]["id"]]) for group in groups]
    assert max(apart) > 2


def test_what_is_written_is_imported_and_families_are_found(cli: CommandLine, tmp_path: Path) -> None:
    written(tmp_path, GROUPS)
    [landed] = cli.json("import", "file", tmp_path / "groups.items.jsonl")["files"]
    assert landed["quarantined"] == []
    assert landed["items_new"] == 25
    cli("content", "suggest")
    found = {(edge["child"]["native_id"], edge["parent"]["native_id"]) for edge in cli.json("content", "edges")}
    assert {frozenset(pair) for pair in found} & {frozenset({"salt-41", "SaltVid41xx"})}


def test_a_guests_channel_in_two_shows_is_two_accounts(cli: CommandLine, tmp_path: Path) -> None:
    for show in ("One", "Two"):
        item = {"platform": "youtube", "id": f"vid-{show}", "channel": "Guest", "title": f"With {show}"}
        row = {"show": show, "relation": "same_episode", "items": [item]}
        (tmp_path / f"{show}.jsonl").write_text(json.dumps(row) + "\n")
    written(tmp_path / "items", tmp_path / "One.jsonl", tmp_path / "Two.jsonl")
    cli("import", "file", *sorted((tmp_path / "items").iterdir()))
    assert {row["handle"] for row in cli.json("account", "list")} == {"One: Guest", "Two: Guest"}


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    assert "no-such" in written(tmp_path, tmp_path / "no-such.jsonl", code=2).stderr
