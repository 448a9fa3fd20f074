"""What titles say, in the spellings that people use: words, episodes, parts, dates, reruns and cuts."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from engagerr.core.content.detection.words import EITHER_WAY, Markers, address_words, fold, markers, words
from hypothesis import given
from hypothesis import strategies as st

# Title → what it says. What is not named here is not said; `years` follow from `year` unless they are named.
SAYS: dict[str, dict[str, Any]] = {
    # Episodes
    "Episode 58": {"episode": 58},
    "Ann Meyer | Ep. 58": {"episode": 58},
    "EP058 Sleep": {"episode": 58},
    "E58 Sleep": {"episode": 58},
    "#58 – Ann Meyer": {"episode": 58},
    "Sleep (No. 58)": {"episode": 58},
    "Lecture 3: Sleep": {"episode": 3},
    "Folge 12: Schlaf": {"episode": 12},
    "Folge #12": {"episode": 12},
    "Schlaf – Nr. 12": {"episode": 12},
    "Episodio 7": {"episode": 7},
    "Capítulo 3": {"episode": 3},
    "Épisode 4": {"episode": 4},
    "Выпуск 12": {"episode": 12},
    "第12回 睡眠": {"episode": 12},
    "第１２回 睡眠": {"episode": 12},
    "第3話": {"episode": 3},
    "12화 수면": {"episode": 12},
    "第十二期 睡眠": {"episode": 12},
    "第二十一期": {"episode": 21},
    "第一百零五期": {"episode": 105},
    "第一百二十期": {"episode": 120},
    "𝗘𝗽𝗶𝘀𝗼𝗱𝗲 𝟱𝟴": {"episode": 58},
    "Epi\u200bsode\ufeff 58": {"episode": 58},
    # Seasons
    "S02E05 Sleep": {"season": 2, "episode": 5},
    "Sleep s2 · e5": {"season": 2, "episode": 5},
    "2x05 Sleep": {"season": 2, "episode": 5},
    "Season 2, Episode 5": {"season": 2, "episode": 5},
    "Saison 2 – Épisode 5": {"season": 2, "episode": 5},
    "Staffel 2 Folge 5": {"season": 2, "episode": 5},
    "Temporada 2 Episodio 5": {"season": 2, "episode": 5},
    "第2季第5集": {"season": 2, "episode": 5},
    "58: Ann Meyer": {"episode": 58},
    "058 – Ann Meyer": {"episode": 58},
    # Numbers that nothing explains
    "058 Ann Meyer": {"bare": 58},
    "Ann Meyer 58": {"bare": 58},
    "32 hours of outrage linux unplugged 311": {"bare": 311},
    "$100 for 1.5 million people": {},
    "7 ways to sleep": {},
    "Top 10 tips": {},
    "100% sleep": {},
    # A number that ranks is no count.
    "The #1 mistake of founders": {},
    # Parts
    "Sleep, Part 1": {"part": 1},
    "Sleep – Part I": {"part": 1},
    "Sleep, part one": {"part": 1},
    "Sleep, Part Ⅳ": {"part": 4},
    "Pt. 3": {"part": 3},
    "Sleep (2/3)": {"part": 2},
    "Sleep 2 of 3": {"part": 2},
    "Schlaf, Teil 2": {"part": 2},
    "Schlaf, Teil drei": {"part": 3},
    "Dormir, parte II": {"part": 2},
    "Dormir, parte dos": {"part": 2},
    "Dormir, 2e partie": {},
    "Сон, часть 2": {"part": 2},
    "수면 3부": {"part": 3},
    "第3部 睡眠": {"part": 3},
    "その2 睡眠": {"part": 2},
    "Part-time work": {},
    "Die Partei": {},
    "Départ 3": {"bare": 3},
    "Episode 58, Part 2": {"episode": 58, "part": 2},
    # Dates
    "Call 9 Feb": {"month": 2, "day": 9},
    "Community call, February 9th": {"month": 2, "day": 9},
    "9 Feb 2024": {"year": 2024, "month": 2, "day": 9},
    "February 9, 2024": {"year": 2024, "month": 2, "day": 9},
    "9th of February 2024": {"year": 2024, "month": 2, "day": 9},
    "9. Februar 2024": {"year": 2024, "month": 2, "day": 9},
    "9 de febrero de 2024": {"year": 2024, "month": 2, "day": 9},
    "9 février 2024": {"year": 2024, "month": 2, "day": 9},
    "2024-02-09": {"year": 2024, "month": 2, "day": 9},
    "2024/02/09": {"year": 2024, "month": 2, "day": 9},
    "09.02.2024": {"year": 2024, "month": 2, "day": 9},
    "25/02/2024": {"year": 2024, "month": 2, "day": 25},
    "2/25/24": {"year": 2024, "month": 2, "day": 25},
    "2024年2月9日": {"year": 2024, "month": 2, "day": 9},
    "2024년 2월 9일": {"year": 2024, "month": 2, "day": 9},
    "２月９日の質問": {"month": 2, "day": 9},
    # Whether the second or the ninth month is meant nobody can tell: in either order it is one date.
    "Call 2/9/2024": {"year": 2024, "day": EITHER_WAY + 209},
    "Call 9-2-2024": {"year": 2024, "day": EITHER_WAY + 209},
    "May 2024": {"year": 2024, "month": 5},
    "Call (Jan 2024)": {"year": 2024, "month": 1},
    "Januar-Treffen": {"month": 1},
    "32 December": {"month": 12},
    "What may come": {},
    "In May we sleep": {},
    "How they march on": {},
    "Mars rover lands, June 2024": {"year": 2024, "month": 6},
    # Years
    "2024 in review": {"year": 2024},
    "Episode 2024": {"year": 2024},
    "The 1984 question": {"year": 1984},
    "Sleep in 2024 and 2025": {"years": frozenset({2024, 2025})},
    # Reruns and cuts
    "Encore: Sleep": {"rerun": True},
    "Re-air: Sleep": {"rerun": True},
    "Best of Ann Meyer": {"rerun": True},
    "Wiederholung: Schlaf": {"rerun": True},
    "【再放送】睡眠": {"rerun": True},
    "재방송 수면": {"rerun": True},
    "Sleep #shorts": {"clip": True},
    "Highlight: Sleep": {"clip": True},
    "Ausschnitt: Schlaf": {"clip": True},
    "Fragmento: dormir": {"clip": True},
    "【切り抜き】睡眠": {"clip": True},
    "수면 하이라이트": {"clip": True},
    "睡眠切片": {"clip": True},
    "Sleep (Short)": {"clip": True},
    "Adderall for ADHD: Short- & Long-Term Effects": {},
    "How Humans Keep Romantic Partners in Short & Long Term": {},
    # Nothing
    "": {},
    "Ann Meyer on sleep": {},
    "睡眠の話": {},
    "Windowsill gardens": {},
    "Clippers and shortstops": {},
}  # fmt: skip


@pytest.mark.parametrize(("title", "told"), SAYS.items())
def test_a_title_says_what_its_markers_say(title: str, told: dict[str, Any]) -> None:
    year = told.get("year")
    expected = {"years": frozenset() if year is None else frozenset({year})} | told
    assert markers(fold(title)) == Markers(**expected)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("前編 睡眠", "後編 睡眠"),
        ("睡眠の話（前編）", "睡眠の話（後編）"),
        ("睡眠（上）", "睡眠（下）"),
        ("上集", "下集"),
    ],
)
def test_the_first_half_comes_before_the_last(first: str, last: str) -> None:
    before, after = markers(fold(first)).part, markers(fold(last)).part
    assert before is not None
    assert after is not None
    assert before < after


def test_a_middle_part_lies_between_the_first_and_the_last() -> None:
    first, middle, last = (markers(fold(f"睡眠【{which}】")).part or 0 for which in ("前編", "中編", "後編"))
    assert 1 == first < middle < last


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("𝗖𝗮𝗳é", "cafe"), ("𝓢𝓵𝓮𝓮𝓹 🅂🄻🄴🄴🄿 Ⓢⓛⓔⓔⓟ", "sleep sleep sleep"), ("Ｆｕｌｌ　Ｗｉｄｔｈ", "full width"),
        ("ｶﾞｷﾞｸﾞ", "ガギグ"), ("ze\u200bro\u00ad wi\u2060dth\ufeff", "zero width"), ("Straße", "strasse"),
        ("Ünïcödé ﬁne", "unicode fine"), ("İstanbul", "istanbul"), ("ПРИВЕТ", "привет"), ("ガ", "ガ"), ("수면", "수면"),
    ],
)  # fmt: skip
def test_decorated_letters_become_plain_ones(title: str, plain: str) -> None:
    assert fold(title) == plain


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(st.characters(max_codepoint=0x24F) | st.sampled_from("ガ구수면東京ПрЖ")))
def test_one_text_in_two_encodings_is_one_text(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(st.text())
def test_every_text_has_words_and_markers(text: str) -> None:
    folded = fold(text)
    said = markers(folded)
    assert all(words(folded))
    assert said.month is None or 1 <= said.month <= 12
    assert said.day is None or 1 <= said.day <= 31 or said.day >= EITHER_WAY
    assert address_words(text) == address_words(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("don’t stop", ["dont", "stop"]), ("theres a snap", ["there", "a", "snap"]),
        ("tools for building", ["tool", "for", "build"]), ("bus class us", ["bus", "class", "us"]),
        ("007 and 12", ["7", "and", "12"]), ("000", ["0"]), ("東京駅", ["東京", "京駅"]), ("東", ["東"]),
        ("東京駅へgo", ["東京", "京駅", "駅へ", "go"]), ("수면의 과학", ["수면", "면의", "과학"]),
        ("мир труд", ["мир", "труд"]),
        ("a_b–c/d", ["a", "b", "c", "d"]), ("🎧 ❤", []), ("", []),
    ],
)  # fmt: skip
def test_text_falls_into_words(text: str, found: list[str]) -> None:
    assert words(fold(text)) == found


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://show.example/20497/gateways-to-programming-cr-01/index.html", "gateways to programming cr 01"),
        ("https://show.example/2024/05/hello-World.html", "hello world"),
        ("https://show.example/hello_caf%C3%A9+people/", "hello cafe people"),
        ("https://show.example/show/576/scaling", "576"),
        ("https://youtu.be/dQw4w9WgXcQ", ""),
        ("https://x.com/ann/status/1234567890123456789", ""),
        ("https://show.example/", ""),
        ("http://[broken", ""),
        ("", ""),
    ],
)
def test_an_address_in_words_is_read_and_one_of_ids_is_not(url: str, told: str) -> None:
    assert address_words(url) == told
