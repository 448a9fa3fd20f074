"""Briefs from files: what they say comes through, what they leave out stays open, and what is wrong is named."""

from __future__ import annotations

import contextlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from engagerr import Money
from engagerr.core.errors import InvalidInput
from engagerr.core.matching.brief_file import AudienceWish, Brief, brief_of, read_brief
from engagerr.core.matching.briefs import example_brief
from hypothesis import given
from hypothesis import strategies as st

WHOLE: dict[str, Any] = {
    "title": "Trail running shoes, spring launch", "text": "Who we are, what we want.", "category": "sports",
    "platforms": ["youtube", "instagram"], "countries": ["DE", "AT"], "languages": ["de"],
    "followers": {"min": 20000, "max": 500000},
    "audience": [{"dimension": "country", "value": "DE", "share_min": 0.3}],
    "budget": {"minor": 1500000, "currency": "EUR"}, "deliverables": ["youtube_integration"], "must": ["outdoor"],
    "must_not": ["gambling"], "window": {"from": "2027-03-01", "to": "2027-04-30"},
}  # fmt: skip


def written(folder: Path, document: Any, name: str = "brief.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def test_every_field_of_a_brief_is_read(tmp_path: Path) -> None:
    assert read_brief(written(tmp_path, WHOLE)) == Brief(
        title="Trail running shoes, spring launch", text="Who we are, what we want.", category="sports",
        platforms=("youtube", "instagram"), countries=("DE", "AT"), languages=("de",), followers_min=20_000,
        followers_max=500_000, audience=(AudienceWish("country", "DE", 0.3),), budget=Money(1_500_000, "EUR"),
        deliverables=("youtube_integration",), must=("outdoor",), must_not=("gambling",),
        window_from=date(2027, 3, 1), window_to=date(2027, 4, 30),
    )  # fmt: skip


def test_a_brief_is_written_as_it_was_read() -> None:
    assert brief_of(WHOLE).document() == WHOLE


def test_the_example_is_a_brief(tmp_path: Path) -> None:
    brief = read_brief(written(tmp_path, example_brief(), "brief.toml"))
    assert brief.window_from == date(2027, 3, 1)
    assert brief.unread == ()


def test_a_title_is_enough_and_nothing_else_is_made_up() -> None:
    assert brief_of({"title": "Shoes"}) == Brief("Shoes")
    assert Brief("Shoes").document() == {"title": "Shoes"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": None}, "title"),
        ({"countries": ["Germany"]}, "countries"),
        ({"languages": "de"}, "languages"),
        ({"followers": {"min": -1}}, "followers.min"),
        ({"followers": {"min": 10, "max": 5}}, "followers.min"),
        ({"followers": {"least": 5}}, "followers"),
        ({"audience": [{"dimension": "country", "value": "DE", "share_min": 30}]}, "audience[0].share_min"),
        ({"audience": [{"dimension": "", "value": "DE", "share_min": 0.3}]}, "audience[0].dimension"),
        ({"budget": {"minor": 12.5, "currency": "EUR"}}, "budget"),
        ({"budget": {"minor": 100, "currency": "euro"}}, "budget"),
        ({"budget": 1500}, "budget"),
        ({"must": [""]}, "must"),
        ({"window": {"from": "spring"}}, "window.from"),
        ({"window": {"from": "2027-05-01", "to": "2027-04-30"}}, "window.from"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_with_its_value(
    tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    path = written(tmp_path, WHOLE | change)
    with pytest.raises(InvalidInput) as refused:
        read_brief(path)
    assert refused.value.facts["field"] == field
    assert refused.value.facts["file"] == str(path)
    assert field in refused.value.message


def test_a_field_that_is_nearly_a_known_one_is_refused_and_a_strange_one_is_told() -> None:
    with pytest.raises(InvalidInput, match="there is no field 'platfroms'") as refused:
        brief_of({"title": "Shoes", "platfroms": ["youtube"]})
    assert refused.value.hint == "Did you mean platforms?"
    assert brief_of({"title": "Shoes", "mood_board": "…"}).unread == ("mood_board",)


def test_a_platform_that_is_nearly_a_known_one_is_refused_and_a_strange_one_is_taken() -> None:
    with pytest.raises(InvalidInput, match="there is no platform 'youtub'") as refused:
        brief_of({"title": "Shoes", "platforms": ["instagram", "YouTub"]})
    assert refused.value.hint == "Did you mean youtube?"
    assert brief_of({"title": "Shoes", "platforms": ["bluesky", "X"]}).platforms == ("bluesky", "x")


@pytest.mark.parametrize(
    ("name", "document"),
    [("brief.json", "{"), ("brief.toml", "title ="), ("brief.json", "[]"), ("brief.json", "[" * 100_000)],
)
def test_a_file_that_is_no_brief_is_refused(tmp_path: Path, name: str, document: str) -> None:
    with pytest.raises(InvalidInput):
        read_brief(written(tmp_path, document, name))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        read_brief(tmp_path / "nowhere.json")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*WHOLE, "x"]), inner),
)


@given(anything)
def test_whatever_a_document_holds_it_is_a_brief_or_refused(document: Any) -> None:
    with contextlib.suppress(InvalidInput):
        assert brief_of(document).title.strip()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": "x" * 201}, "title"),
        ({"title": "Shoes\u0000"}, "title"),
        ({"text": "Shoes \ud800"}, "text"),
        ({"brand": "b" * 201}, "brand"),
        ({"must": ["o\u0000"]}, "must"),
        ({"must": ["w" * 201]}, "must"),
        ({"platforms": [f"platform{place}" for place in range(251)]}, "platforms"),
        ({"must": [f"word{place}" for place in range(51)]}, "must"),
        (
            {"audience": [{"dimension": "age", "value": f"{place}", "share_min": 0.1} for place in range(51)]},
            "audience",
        ),
        ({"followers": {"min": 10**20}}, "followers.min"),
        ({"budget": {"minor": 10**20, "currency": "EUR"}}, "budget"),
        ({"platforms": False}, "platforms"),
        ({"followers": 0}, "followers"),
        ({"audience": 0}, "audience"),
    ],
)
def test_what_no_database_could_keep_is_refused_by_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        brief_of(WHOLE | change)


def test_a_deliverable_that_is_asked_for_twice_is_two_of_them() -> None:
    brief = brief_of(WHOLE | {"deliverables": ["youtube_integration", "YouTube_Integration", "story"]})
    assert brief.deliverables == ("youtube_integration", "youtube_integration", "story")


def test_words_that_differ_by_letter_case_alone_are_one() -> None:
    brief = brief_of(WHOLE | {"platforms": ["YouTube", "youtube"], "countries": ["de", "DE"]})
    assert (brief.platforms, brief.countries) == (("youtube",), ("DE",))


def test_a_country_of_the_audience_is_written_as_countries_are() -> None:
    [wish] = brief_of(WHOLE | {"audience": [{"dimension": "Country", "value": "de", "share_min": 0.3}]}).audience
    assert wish == AudienceWish("country", "DE", 0.3)
