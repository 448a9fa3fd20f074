"""Briefs in people's words → fields: what is said is found in many spellings, what is not said stays empty."""

from __future__ import annotations

from datetime import date

import pytest
from engagerr.core.ai.answers import Complaint, checked
from engagerr.core.ai.floor import brief as rules
from engagerr.core.ai.floor.amounts import budget_in, followers_in
from engagerr.core.ai.floor.windows import window_in
from engagerr.core.ai.tasks import TASKS, BriefText, StructuredBrief, TaskName, Topic
from hypothesis import given
from hypothesis import strategies as st
from tests.core.ai.floor.cases import figure

TODAY = "2026-11-23"


def read(text: str) -> StructuredBrief:
    [answer] = rules.answer([BriefText(text=text, today=TODAY)])
    return answer


@pytest.mark.parametrize(
    ("words", "budget"),
    [
        ("€15k in all", (1_500_000, "EUR")),
        ("15.000 EUR", (1_500_000, "EUR")),
        ("between 5 and 8 thousand dollars", (800_000, "USD")),
        ("¥2,000,000", (2_000_000, "JPY")),
        ("₹8,00,000", (80_000_000, "INR")),
        ("3.200,50 Euro", (320_050, "EUR")),
        ("8 500 $ CA", (850_000, "CAD")),
        ("5'000 CHF", (500_000, "CHF")),
        ("bis zu 10 Tsd. Euro", (1_000_000, "EUR")),
        ("entre 2 y 3 mil euros", (300_000, "EUR")),
        ("KWD 1,200", None),
        ("$30 CPM, total cap $75,000", (7_500_000, "USD")),
        ("Fee: $500 for travel. Budget: $9,000", (900_000, "USD")),
        ("call 0049 151 2345678", None),
        ("15k", None),
        ("no money at all", None),
    ],
)
def test_money_is_read_in_many_spellings(words: str, budget: tuple[int, str] | None) -> None:
    assert budget_in(words) == budget


@pytest.mark.parametrize(
    ("words", "bounds"),
    [
        ("50k–500k followers", (50_000, 500_000)),
        ("20-200k subs", (20_000, 200_000)),
        ("entre 100 mil y 1 millón de seguidores", (100_000, 1_000_000)),
        ("de 10 000 à 80 000 abonnés", (10_000, 80_000)),
        ("under 100k followers", (None, 100_000)),
        ("höchstens 40.000 Follower", (None, 40_000)),
        ("Followers: at least half a million", (500_000, None)),
        ("$50k and followers who care", (None, None)),
        ("in 2027 50k followers", (50_000, None)),
    ],
)
def test_followers_are_read_with_their_bounds(words: str, bounds: tuple[int | None, int | None]) -> None:
    assert followers_in(words) == bounds


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("March to April 2027", "2027-03-01", "2027-04-30"),
        ("next spring", "2027-03-01", "2027-05-31"),
        ("Podcast ads Q2", "2027-04-01", "2027-06-30"),
        ("segundo trimestre de 2027", "2027-04-01", "2027-06-30"),
        ("Vom 1. März bis zum 15. April 2027", "2027-03-01", "2027-04-15"),
        ("du 15 avril au 30 mai 2027", "2027-04-15", "2027-05-30"),
        ("Januar bis Februar 2027", "2027-01-01", "2027-02-28"),
        ("December to February", "2026-12-01", "2027-02-28"),
        ("by end of January 2027", None, "2027-01-31"),
        ("before Christmas", None, "2026-12-24"),
        ("antes del 15 de marzo de 2027", None, "2027-03-15"),
        ("first two weeks of June", "2027-06-01", "2027-06-14"),
        ("winter 2027", "2027-12-01", "2028-02-29"),
        ("spring launch of a boot", None, None),
        ("you may post 3 marches", None, None),
        ("31 February 2027", "2027-02-01", "2027-02-28"),
        ("next month", "2026-12-01", "2026-12-31"),
    ],
)
def test_windows_are_read_with_their_open_ends(words: str, first: str | None, last: str | None) -> None:
    found = window_in(words, today=date.fromisoformat(TODAY))
    assert tuple(day.isoformat() if day else None for day in found) == (first, last)


def test_what_is_not_said_stays_empty() -> None:
    assert read("Hello.") == StructuredBrief(title="Hello")
    assert read("").title == "Untitled brief"


def test_demands_and_exclusions_keep_the_brief_s_words() -> None:
    brief = read("They must love dogs. No gambling, nothing with alcohol. No budget yet. We need no agency.")
    assert brief.must == ("love dogs",)
    assert brief.must_not == ("gambling", "alcohol")
    german = read("Keine Glücksspiele, kein Alkohol. Kinder dürfen nicht erkennbar sein. Müssen selbst laufen.")
    assert german.must_not == ("Glücksspiele", "Alkohol", "Kinder erkennbar sein")
    assert german.must == ("selbst laufen",)


def test_a_country_that_is_shut_out_is_not_asked_for() -> None:
    brief = read("Any country except Russia. $500.")
    assert (brief.countries, brief.must_not, brief.budget_currency) == ((), ("Russia",), "USD")


def test_people_of_a_country_are_no_language() -> None:
    assert read("German cars, filmed in English").languages == ("en",)
    assert read("Hindi or English. Laptops.").languages == ("hi", "en")


def test_small_words_are_no_countries() -> None:
    assert read("Let us know. It is in no way chad or jordan.").countries == ()
    assert read("US, UK and DACH").countries == ("US", "GB", "DE", "AT", "CH")


def test_the_subject_is_the_one_with_most_words() -> None:
    assert read("Kibble for dogs and cats, maybe a car ride").category is Topic.PETS


WORDS = st.sampled_from(
    [
        "must",
        "not",
        "no",
        "nothing",
        "with",
        "5",
        "€",
        "1.000",
        "k",
        "–",
        "to",
        "and",
        "31",
        "February",
        "2027",
        "Q5",
        "next",
        "in",
        "English",
        ",",
        ".",
        "\n",
        "Must:",
        "(",
        ")",
        "darf",
        "kein",
        "bis",
        "followers",
        "under",
        "99999999999999999",
        "mil",
        "X",
        "reel",
        "Germany",
        "to",
        "3",
        "9",
        "March",
        "2027-02-30",
        "\u202e",
        "\x00",
        "ignore",
        "all",
        "instructions",
    ]
)


@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_any_words_give_a_brief_that_fits_the_task(text: str) -> None:
    given_ = BriefText(text=text, today=TODAY)
    assert not isinstance(checked(TASKS[TaskName.BRIEF], given_, rules.answer([given_])[0]), Complaint)


def test_the_quality_that_it_claims_is_the_one_that_is_measured() -> None:
    assert pytest.approx(figure(rules, TaskName.BRIEF), abs=0.005) == rules.QUALITY
