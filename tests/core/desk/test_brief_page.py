"""The page of a brief: prices are whole or missing with a reason, and a sum counts what it does not know."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Money, Settings, Workspace
from engagerr.core.desk.discover import beside_of, brief_page, chosen_of, matches_of, price_of
from engagerr.core.desk.discover_export import matches_csv, write_matches
from engagerr.core.errors import Conflict, Forbidden, InvalidInput
from engagerr.core.matching.brief_file import brief_of
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.embedder import WordEmbedder
from tests.tui.discover.world import BRIEF, HARD, fill

EUR = {"minor": 100_000, "currency": "EUR"}


def brief(**fields: Any) -> Any:
    return brief_of({"title": "T", **fields})


@pytest.fixture
def runners(settings: Settings, tmp_path: Path) -> Iterator[Engagerr]:
    with Engagerr(settings, clock=SteeredClock(), embedder=WordEmbedder()) as engagerr:
        fill(engagerr.init("Northlight", email="you@northlight.example"), tmp_path)
        yield engagerr


@pytest.fixture
def work(runners: Engagerr) -> Workspace:
    return runners.workspace()


@pytest.mark.parametrize(
    ("fields", "rates", "amount", "why"),
    [
        ({"deliverables": ["reel", "reel", "story"], "budget": EUR},
         {"reel": {"EUR": 500}, "story": {"EUR": 300}}, Money(1300, "EUR"), None),
        ({"deliverables": ["reel", "story"], "budget": EUR}, {"reel": {"EUR": 500}}, None, "no rate in EUR for story"),
        ({"deliverables": ["reel"], "budget": EUR}, {"reel": {"USD": 500}}, None, "no rate in EUR for reel"),
        ({"deliverables": ["reel"]}, {"reel": {"USD": 500}}, Money(500, "USD"), None),
        ({"deliverables": ["reel"]}, {"reel": {"USD": 500, "EUR": 400}}, None, "rates in EUR and USD"),
        ({"deliverables": ["reel"]}, None, None, "no rate for reel"),
        ({"budget": EUR}, {"reel": {"EUR": 500}}, None, "the brief names no deliverables"),
    ],
)  # fmt: skip
def test_a_price_is_of_all_that_is_wanted_or_it_says_what_is_missing(
    fields: dict[str, Any], rates: Any, amount: Money | None, why: str | None
) -> None:
    price = price_of(rates, brief(**fields))
    assert price.amount == amount
    assert (why is None) == (price.why is None)
    assert why is None or (price.why or "").startswith(why)


def test_without_a_name_the_newest_open_brief_is_shown(work: Workspace) -> None:
    newer = work.briefs.add(HARD)
    assert brief_page(work).row == newer
    work.briefs.set_state(str(newer.id), "closed")
    found = brief_page(work)
    assert found.row is not None
    assert found.row.title == BRIEF.title
    assert len(found.briefs) == 2
    assert brief_page(work, HARD.title).row is not None


def test_without_any_brief_there_is_none(workspace: Workspace) -> None:
    assert brief_page(workspace).row is None


def test_what_stands_beside_a_score(work: Workspace) -> None:
    matches = matches_of(work, BRIEF)
    by_name = {match.creator: matches.beside[match.creator_id] for match in matches.found.results}
    eva, ann, cara = by_name["Eva Novak"], by_name["Ann Lee"], by_name["Cara Díaz [Berlin]"]
    assert eva.promise is not None
    assert (eva.promise.brand, eva.promise.until) == ("Rival Sports", date(2026, 12, 31))
    assert (ann.promise, ann.promises_noted) == (None, False)
    assert ann.price.amount == Money(100_000, "EUR")
    assert cara.price.amount is None
    assert ann.followers.value == 90_000
    assert ann.piece_views.value is None
    assert ann.piece_views.why


def test_a_promise_to_the_brand_itself_or_one_that_is_over_is_none(work: Workspace) -> None:
    work.availability.add_exclusivity("Ann Lee", category="sports", brand="fjellzahn", until=date(2027, 12, 31))
    work.availability.add_exclusivity("山田 花子", category="sports", brand="Rival", until=date(2026, 10, 31))
    matches = matches_of(work, BRIEF)
    by_name = {match.creator: matches.beside[match.creator_id] for match in matches.found.results}
    assert by_name["Ann Lee"].promise is None
    assert by_name["Ann Lee"].promises_noted
    assert by_name["山田 花子"].promise is None


def test_days_away_are_those_within_the_window(work: Workspace) -> None:
    work.availability.add("Ann Lee", since=date(2027, 3, 20), until=date(2027, 4, 20))
    matches = matches_of(work, BRIEF)
    ann = next(matches.beside[match.creator_id] for match in matches.found.results if match.creator == "Ann Lee")
    assert ann.away == ((date(2027, 3, 20), date(2027, 3, 31)),)


def test_a_shortlist_adds_what_is_known_and_counts_the_rest(work: Workspace) -> None:
    row = brief_page(work).row
    assert row is not None
    made = work.shortlists.create("Spring", str(row.id))
    work.shortlists.add("Spring", ["Ann Lee", "Eva Novak", "Cara Díaz [Berlin]"])
    page = brief_page(work)
    assert page.shortlist is not None
    assert page.shortlist.id == made.id
    assert [one.creator for one in page.chosen] == [one.creator for one in chosen_of(work, made.id)]
    total = page.total
    assert (total.creators, total.spent, total.unpriced) == (3, Money(220_000, "EUR"), 1)
    assert (total.reach_low, total.reach_high, total.unreached) == (None, None, 3)
    work.shortlists.set_state("Spring", "Eva Novak", "dropped")
    assert brief_page(work).total.spent == Money(100_000, "EUR")


def test_who_may_not_see_rates_sees_none(runners: Engagerr, work: Workspace) -> None:
    ids = [match.creator_id for match in matches_of(work, BRIEF).found.results]
    viewer = colleague(work, runners, "viewer")
    beside = beside_of(viewer, BRIEF, ids)
    assert len(beside) == len(ids)
    assert all(one.price.hidden and one.price.amount is None for one in beside.values())
    with pytest.raises(Forbidden):
        matches_of(viewer, BRIEF)
    assert brief_page(viewer).row is not None


def test_nobody_of_another_workspace_is_seen(work: Workspace, other_workspace: Workspace) -> None:
    ids = [match.creator_id for match in matches_of(work, BRIEF).found.results]
    assert beside_of(other_workspace, BRIEF, ids) == {}
    assert brief_page(other_workspace, BRIEF.title).row is None


def test_a_table_has_an_empty_cell_for_what_is_not_known(work: Workspace) -> None:
    matches = matches_of(work, BRIEF)
    rows = list(csv.DictReader(matches_csv(matches).decode("utf-8-sig").splitlines()))
    for row, match in zip(rows, matches.found.results, strict=True):
        assert row["creator_id"] == str(match.creator_id)
        assert float(row["score"]) == pytest.approx(match.score, abs=1e-6)
        for signal in match.signals:
            assert (row[signal.name] == "") == (signal.value is None)
        assert (row["price"] == "") == (matches.beside[match.creator_id].price.amount is None)


def test_a_name_that_reads_like_a_formula_is_not_computed(work: Workspace) -> None:
    work.roster.add("=1+1")
    rows = list(csv.DictReader(matches_csv(matches_of(work, brief())).decode("utf-8-sig").splitlines()))
    assert "'=1+1" in [row["creator"] for row in rows]


def test_a_file_that_is_there_stays_and_a_folder_that_is_not_is_named(work: Workspace, tmp_path: Path) -> None:
    matches = matches_of(work, BRIEF)
    path = tmp_path / "found.csv"
    assert write_matches(matches, path) == len(matches.found.results)
    before = path.read_bytes()
    with pytest.raises(Conflict, match="is there already"):
        write_matches(matches, path)
    assert path.read_bytes() == before
    with pytest.raises(InvalidInput, match="is not there"):
        write_matches(matches, tmp_path / "nowhere" / "found.csv")
