"""The guide that takes a first deal from an empty home to a payout is typed as it stands, and says what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from engagerr.cli.main import app
from tests.docs.pages import ROOT
from tests.docs.walk import Typed, still, typed
from tests.fakes.cluster import Clone, Cluster

PAGE = ROOT / "docs" / "guides" / "first-deal.md"


@pytest.fixture(scope="module")
def session(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> list[Typed]:
    """The page, typed once."""
    with cluster.clone() as clone:
        return _session(clone, tmp_path_factory.mktemp("first-deal"))


def _session(clone: Clone, folder: Path) -> list[Typed]:
    return typed(PAGE, folder=folder, env={"ENGAGERR_DATABASE__URL": clone.url()})


def test_every_command_of_the_walk_succeeds(session: list[Typed]) -> None:
    for one in session:
        assert one.done, f"{PAGE.name}, the block in line {one.block.line}: {one.printed}"


def test_the_walk_prints_what_the_page_shows(session: list[Typed]) -> None:
    for one in session:
        if one.block.answer is not None:
            assert still(one.printed) == still(one.block.answer), (
                f"{PAGE.name}, the block in line {one.block.line}; python -m tests.docs.walk {PAGE.relative_to(ROOT)}"
            )


def test_the_walk_ends_with_books_that_are_proven(session: list[Typed]) -> None:
    *_, deal, books = (one.printed for one in session)
    assert "paid since" in deal
    assert "The books are sound" in books
    assert "Waiting     nothing" in books
    payout = next(one.printed for one in session if "payment payouts" in one.block.text)
    assert "EUR 2,720.00  paid" in payout


def test_the_walk_goes_through_every_part_of_a_partnership() -> None:
    text = PAGE.read_text(encoding="utf-8")
    nouns = ("deal", "proposal", "contract", "payee", "deliverable", "payment", "subscription", "invoice")
    assert all(f"engagerr {noun} " in text for noun in nouns)
    command: Any = typer.main.get_command(app)
    assert set(nouns) <= set(command.list_commands(command.context_class(command)))


def test_what_differs_each_time_is_told_from_what_does_not() -> None:
    assert still("Hold d15d26de  EUR 3,200.00  2026-11-23 08:22") == "Hold ID EUR 3,200.00 WHEN"
    assert still("paid 2,720.00") != still("paid 2,719.00")
