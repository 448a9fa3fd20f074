"""content picture and content export: a family to look at, and for other programs."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import networkx
import pytest
from tests.cli.conftest import CommandLine

# An episode of the sample on YouTube, from which clips were cut.
TWIN = "youtube:rbMdIF1MB2U"


def test_a_picture_goes_to_standard_output_as_svg(sample: CommandLine) -> None:
    out = sample("content", "picture", TWIN).out
    words = " ".join(ElementTree.fromstring(out).itertext())
    assert "same work 99 %" in words
    assert "15.4 K plays†" in words
    assert "no audience figure imported" in words


@pytest.mark.parametrize(
    ("name", "beginning"), [("family.svg", b"<svg "), ("family.html", b"<!doctype html>"), ("family.png", b"\x89PNG")]
)
def test_the_files_name_says_the_format(sample: CommandLine, tmp_path: Path, name: str, beginning: bytes) -> None:
    path = tmp_path / name
    answer = sample.json("content", "picture", TWIN, "--to", path)
    body = path.read_bytes()
    assert body.startswith(beginning)
    assert answer == {
        "path": str(path), "format": path.suffix[1:], "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest(),
    }  # fmt: skip


def test_into_a_folder_the_file_is_named_after_the_root(sample: CommandLine, tmp_path: Path) -> None:
    root = sample.json("content", "tree", TWIN)
    sample("content", "picture", TWIN, "--format", "html", "--to", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"family-podcast-{root['native_id']}.html"]


def test_a_file_that_is_there_is_kept_unless_told_otherwise(sample: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "family.svg"
    path.write_text("mine")
    refused = sample("content", "picture", TWIN, "--to", path, "-o", "json", code=5)
    assert refused.error["category"] == "Conflict"
    assert "--overwrite" in refused.error["hint"]
    assert path.read_text() == "mine"
    sample("content", "picture", TWIN, "--to", path, "--overwrite")
    assert path.read_text().startswith("<svg ")
    assert [left.name for left in tmp_path.iterdir()] == ["family.svg"]


def test_a_file_in_a_folder_that_is_not_there_is_refused(sample: CommandLine, tmp_path: Path) -> None:
    refused = sample("content", "export", TWIN, "--to", tmp_path / "nowhere" / "f.json", "-o", "json", code=2)
    assert "cannot be written" in refused.error["message"]


def test_one_family_is_exported_as_graphml_and_as_json_alike(sample: CommandLine) -> None:
    graphml = networkx.read_graphml(io.BytesIO(sample("content", "export", TWIN).out.encode()))
    document = json.loads(sample("content", "export", TWIN, "--format", "json").out)
    assert set(graphml.nodes) == {node["id"] for node in document["nodes"]}
    assert len(graphml.edges) == len(document["edges"])
    tree = sample.json("content", "tree", TWIN)
    assert tree["id"] in graphml.nodes
    for node in document["nodes"]:
        assert graphml.nodes[node["id"]].get("audience") == node["audience"]


def test_all_families_are_exported_or_those_of_a_creator(sample: CommandLine) -> None:
    everything = sample.json("content", "export", "--all", "--format", "json")
    hers = sample.json("content", "export", "--all", "--format", "json", "--creator", "Jonna Brenner")
    assert {node["id"] for node in hers["nodes"]} < {node["id"] for node in everything["nodes"]}
    assert len({node["id"] for node in everything["nodes"]}) == len(everything["nodes"])
    standing = sample.json("content", "export", "--all", "--format", "json", "--confirmed")
    edges = sample.json("content", "edges")
    assert {edge["id"] for edge in everything["edges"]} == {
        edge["id"] for edge in edges if edge["state"] != "rejected"
    }  # fmt: skip
    assert {edge["id"] for edge in standing["edges"]} == {
        edge["id"] for edge in edges if edge["state"] in {"confirmed", "auto_confirmed"}
    }


@pytest.mark.parametrize("words", [(), (TWIN, "--all"), (TWIN, "--creator", "Jonna Brenner")])
def test_what_to_export_is_said_once(sample: CommandLine, words: tuple[str, ...]) -> None:
    assert sample("content", "export", *words, "-o", "json", code=2).error["hint"]


def test_an_item_that_is_not_here_is_not_found(sample: CommandLine) -> None:
    for verb in ("picture", "export"):
        assert sample("content", verb, "youtube:nothing", "-o", "json", code=3).error["facts"] == {
            "item": "youtube:nothing"
        }
