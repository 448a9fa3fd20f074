"""Shortlists, packages and weights as typed on the command line."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engagerr.cli.reference import Command, commands
from tests.cli.conftest import CommandLine, with_sample_data
from tests.fakes.cluster import Cluster

_OURS = ("shortlist", "package", "weights", "set-weights", "reset-weights", "fit", "backtest")
ALL = [
    command
    for noun, _, found in commands()
    for command in found
    if noun == "shortlist" or (noun == "match" and command.path.split()[-1] in _OURS)
]
BRIEF = "Trail running shoes, spring launch"


@pytest.fixture(scope="module")
def northlight(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """The sample with its brief in spring.toml, and in that folder; one for all tests of this file, in their order."""
    place = tmp_path_factory.mktemp("picking")
    with cluster.clone() as clone, pytest.MonkeyPatch.context() as patch:
        cli = with_sample_data(CommandLine(tmp_path_factory.mktemp("home"), clone))
        (place / "spring.toml").write_text(cli("brief", "example").out, encoding="utf-8")
        patch.chdir(place)
        yield cli


def test_the_commands_are_there() -> None:
    assert {command.path.removeprefix("engagerr ") for command in ALL} == {
        *(f"match {name}" for name in _OURS),
        *(f"shortlist {name}" for name in ("create", "fill", "add", "list", "show", "note", "decide", "remove")),
    }


def test_the_examples_work_one_after_the_other(northlight: CommandLine) -> None:
    def order(command: Command) -> bool:
        return command.path.endswith("shortlist remove")

    for command in sorted(ALL, key=order):
        for example in command.examples:
            answer = northlight(*shlex.split(example)[1:], code=None)
            assert answer.code == 0, (example, answer)
            assert answer.out


def test_a_shortlist_from_a_file_to_a_won_deal(northlight: CommandLine, tmp_path: Path) -> None:
    made = northlight.json("match", "shortlist", "--brief", "spring.toml", "--name", "May", "--limit", 3)
    assert (made["name"], made["brief"], made["added"]) == ("May", BRIEF, 3)
    first = made["creators"][0]
    assert first["then"]["score"] == pytest.approx(first["now"]["score"])
    # Again: the brief is kept already, and nobody is added twice.
    assert northlight.json("match", "shortlist", "--brief", BRIEF, "--name", "May", "--limit", 3)["added"] == 0
    done = northlight.json("shortlist", "decide", "May", first["creator"], "pitched")
    assert (done["before"], done["state"]) == ("candidate", "pitched")
    done = northlight.json("shortlist", "decide", "May", first["creator"], "won", "--reason", "signed")
    assert done["counted"] is True
    [row] = [row for row in northlight.json("shortlist", "list") if row["name"] == "May"]
    assert row["states"] == {"candidate": 2, "won": 1}
    table = northlight("shortlist", "show", "May").out
    assert first["creator"] in table
    assert "won" in table
    csv = northlight("shortlist", "show", "May", "--output", "csv").out.splitlines()
    assert csv[0].startswith("creator,creator_id,state,then_score")
    assert len(csv) == 4


def test_an_outcome_is_taken_back_and_who_is_ruled_out_is_shown_with_the_reason_alone(northlight: CommandLine) -> None:
    made = northlight.json("match", "shortlist", "--brief", "spring.toml", "--name", "June", "--limit", 1)
    [entry] = made["creators"]
    northlight("shortlist", "decide", "June", entry["creator"], "lost")
    back = northlight("shortlist", "decide", "June", entry["creator"], "candidate").out
    assert "That it was lost is taken back" in back
    northlight("creator", "edit", entry["creator"], "--do-not-pitch", "--reason", "on leave")
    try:
        shown = northlight("shortlist", "show", "June").out
        assert "ruled out: do not pitch" in shown
        assert "→ ?" not in shown
    finally:
        northlight("creator", "edit", entry["creator"], "--may-pitch")


def test_to_remove_asks_first(northlight: CommandLine) -> None:
    northlight("shortlist", "create", "To go")
    assert northlight("shortlist", "remove", "To go", code=2).err
    northlight("shortlist", "remove", "To go", "--yes")
    assert northlight("shortlist", "show", "To go", code=3).err


def test_a_package_says_price_reach_bound_and_what_was_left_out(northlight: CommandLine) -> None:
    found = northlight.json("match", "package", "--brief", "spring.toml", "--picks", 3)
    assert found["picks"]
    assert found["price"]["minor"] == sum(pick["price"]["minor"] for pick in found["picks"])
    assert found["price"]["minor"] <= found["budget"]["minor"]
    assert found["reach"] <= found["bound"]
    assert found["gap"] <= 0.005
    assert found["proven"] is True
    assert sum(one["count"] for one in found["excluded"]) + found["candidates"] == found["considered"]
    out = northlight("match", "package", "--brief", "spring.toml", "--picks", 3).out
    assert "at most" in out
    assert "left out" in out
    header = northlight("match", "package", "--brief", "spring.toml", "--output", "csv").out.splitlines()[0]
    assert header.startswith("creator,creator_id,score,price,price_currency")


def test_a_package_that_cannot_be_says_why(northlight: CommandLine) -> None:
    said = northlight(
        "match", "package", "--brief", "spring.toml", "--least", 10, "--output", "json", code=2
    ).error  # fmt: skip
    assert "at least 10 picks" in said["facts"]["limits"]


@pytest.mark.parametrize(
    "words",
    [
        ("--budget", "much"),
        ("--budget", "9000 EURO"),
        ("--platform", "youtube"),
        ("--platform", "youtube=some"),
        ("--population", "country:DE=many"),
        ("--per-thousand-views", "20 USD"),
        ("--must", "Nobody at all"),
    ],
)
def test_options_that_say_nothing_are_refused(northlight: CommandLine, words: tuple[str, str]) -> None:
    answer = northlight("match", "package", "--brief", "spring.toml", *words, code=None)
    assert answer.code in (2, 3)
    assert answer.err


def test_weights_are_shown_set_and_reset(northlight: CommandLine) -> None:
    def of(document: Any, signal: str) -> float:
        return next(float(one["weight"]) for one in document["weights"] if one["signal"] == signal)

    shipped = northlight.json("match", "reset-weights")
    assert shipped["basis"] == "shipped"
    said = northlight.json("match", "set-weights", "price_fit=0.9")
    assert said["basis"] == "stated"
    assert of(said, "price_fit") > of(shipped, "price_fit")
    assert northlight("match", "set-weights", "charm=1", code=2).err
    assert northlight("match", "set-weights", "price_fit=lots", code=2).err
    assert of(northlight.json("match", "weights"), "price_fit") == of(said, "price_fit")
    northlight("match", "reset-weights")


def test_with_few_outcomes_fit_and_backtest_say_so(northlight: CommandLine) -> None:
    fit = northlight.json("match", "fit")
    assert fit["weights"] is None
    assert "too few" in fit["why"]
    assert northlight("match", "fit", "--apply", code=2).err
    tried = northlight.json("match", "backtest")
    assert [one["name"] for one in tried["variants"]] == [
        "stated", "fitted_on_others", "fitted_on_past", "stated_on_the_same",
    ]  # fmt: skip
    assert all(one["hit_at_1"]["value"] is None for one in tried["variants"])
