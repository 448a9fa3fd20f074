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
        ("£1.5k per creator", None),
        ("Budget: £1.5k per creator", None),
        ("£1.5k (per creator)", None),
        ("1.500 €/Creator", None),
        ("1.500 € netto pro Kopf", None),
        ("Budget per creator: £1.5k", None),
        ("500 € por publicación", None),
        ("800 € par créatrice", None),
        ("$500 each", None),
        ("£1.5k per creator, £9k in total", (900_000, "GBP")),
        ("£9k for six creators", (900_000, "GBP")),
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
        ("hikers on YouTube, 20k-200k", (20_000, 200_000)),
        ("YouTuber (20.000 bis 200.000)", (20_000, 200_000)),
        ("10k–50k trail runners on Instagram", (10_000, 50_000)),
        ("mindestens 20.000 Follower auf Instagram, gerne bis 150.000", (20_000, 150_000)),
        ("20k followers or more, up to 150k", (20_000, 150_000)),
        ("20k followers, up to 3 posts", (20_000, None)),
        ("20k followers, up to 90k views", (20_000, None)),
        ("20k-200k views on YouTube", (None, None)),
        ("budget for creators 20k-200k", (None, None)),
        ("creators, €20k-30k", (None, None)),
        ("YouTube, 2026-2027", (None, None)),
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
        ("für den Herbst 2027 (September bis November)", "2027-09-01", "2027-11-30"),
        ("autumn 2027 (September to November)", "2027-09-01", "2027-11-30"),
        ("September to November (autumn 2027)", "2027-09-01", "2027-11-30"),
        ("im Jahr 2028 von September bis November", "2028-09-01", "2028-11-30"),
        ("winter 2027 (December to February)", "2027-12-01", "2028-02-29"),
        ("campaign 2028: 1 March to 15 April", "2028-03-01", "2028-04-15"),
        ("Q3 (2028)", "2028-07-01", "2028-09-30"),
        ("ends January 2027, posts October to December", "2026-10-01", "2026-12-31"),
        ("Budget 2028 €, October to December", "2026-10-01", "2026-12-31"),
        ("Herbst 2027\nSeptember bis November", "2027-09-01", "2027-11-30"),
        ("September to November next year", "2027-09-01", "2027-11-30"),
        ("im September nächsten Jahres", "2027-09-01", "2027-09-30"),
        ("March 2024", None, None),
        ("before November 2025", None, None),
        ("We did March 2024 together. Now next spring.", "2027-03-01", "2027-05-31"),
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


@pytest.mark.parametrize(
    ("words", "shut_out"),
    [
        ("We don't want to see their faces again.", ()),
        ("We don't want to see gambling, crypto or their faces again.", ("gambling", "crypto")),
        ("We don't want to work with casinos.", ("casinos",)),
        ("We don't want anything that made last summer so hard for everybody.", ()),
        ("Wir wollen keine Casinos und keine von ihnen.", ("Casinos",)),
        ("No gambling sponsors in the last year.", ("gambling sponsors in the last year",)),
    ],
)
def test_what_is_shut_out_is_a_thing(words: str, shut_out: tuple[str, ...]) -> None:
    assert read(words).must_not == shut_out


@pytest.mark.parametrize(
    ("words", "countries"),
    [
        ("Reichweite ab 20.000, 40 % aus Deutschland", ()),
        ("At least 30 % of the audience should be in Germany.", ()),
        ("Audience: Germany 40%, Austria 20%. Creators from Italy.", ("IT",)),
        ("Creators aus Österreich, 40 % aus Deutschland, der Schweiz", ("AT",)),
        ("60% of their followers in the UK, creators from Spain", ("ES",)),
        ("Creators in Spain (30% of followers in France)", ("ES",)),
        ("al menos el 40 % de la audiencia en España", ()),
        ("Creators in Germany with mostly female followers", ("DE",)),
        ("Creators from Germany get 10% commission", ("DE",)),
        ("Listeners in Canada matter most.", ("CA",)),
    ],
)
def test_where_an_audience_lives_is_no_country_of_the_creators(words: str, countries: tuple[str, ...]) -> None:
    assert read(words).countries == countries


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hi Jonna\n\nwe are launching a trail shoe in May. Budget €5k.", "We are launching a trail shoe in May"),
        ("Hallo Jonna,\nwir suchen Läuferinnen.", "Wir suchen Läuferinnen"),
        ("Hola Ana:\nBuscamos corredores.\nSaludos\nEva", "Buscamos corredores"),
        ("Bonjour Jonna,\nJ'espère que vous allez bien.\nNous lançons une gourde.", "Nous lançons une gourde"),
        ("Hi team, we need three dogs. Soon.", "We need three dogs"),
        ("Hello! Lipstick launch, four shades. We pay.", "Lipstick launch, four shades"),
        ("Betreff: Kampagne\n\nHallo Jonna,\nwir planen Wanderschuhe.", "Wir planen Wanderschuhe"),
        ("Subject: Trail shoe launch\nHi Jonna, hope you are well.", "Trail shoe launch"),
        ("From: Tom\nSubject: Re: Hi\nDear Jonna,\nOur boots need hikers.\nBest,\nTom", "Our boots need hikers"),
        ("Hello Kitty campaign\nA reel.", "Hello Kitty campaign"),
        ("Fjell Boots – spring launch\nWe pay.", "Fjell Boots – spring launch"),
        ("Hi Jonna,\nthanks for your time!\nWe sell boots.\nBest\nTom", "We sell boots"),
        ("Hi Jonna", "Hi Jonna"),
    ],
)
def test_a_title_is_what_the_brief_is_about(text: str, title: str) -> None:
    assert read(text).title == title


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
def test_no_window_lies_in_the_past(text: str) -> None:
    last = read(text).window_to
    assert last is None or last >= TODAY


@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_any_words_give_a_brief_that_fits_the_task(text: str) -> None:
    given_ = BriefText(text=text, today=TODAY)
    assert not isinstance(checked(TASKS[TaskName.BRIEF], given_, rules.answer([given_])[0]), Complaint)


def test_the_quality_that_it_claims_is_the_one_that_is_measured() -> None:
    assert pytest.approx(figure(rules, TaskName.BRIEF), abs=0.005) == rules.QUALITY
