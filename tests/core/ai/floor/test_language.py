"""Languages of titles; None where nobody could tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from engagerr.core.ai.floor import language as rules
from engagerr.core.ai.tasks import PlainText
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("py3langid")
CASES = [line.split("\t") for line in Path("tests/data/ai/languages.tsv").read_text(encoding="utf-8").splitlines()]


def language(text: str) -> str | None:
    return rules.answer([PlainText(text=text)])[0].language


def test_written_titles_are_told_as_well_as_the_quality_says() -> None:
    said = rules.answer([PlainText(text=text) for _, text in CASES])
    right = sum((answer.language or "-") == wanted for answer, (wanted, _) in zip(said, CASES, strict=True))
    assert rules.QUALITY is not None
    assert right / len(CASES) >= rules.QUALITY


@pytest.mark.parametrize("text", ["", "LOL", "🔥🔥", "@ann @ben", "https://example.com/a", "12:30", "Vlog 12"])
def test_a_text_too_short_to_tell_has_no_language(text: str) -> None:
    assert language(text) is None


def test_a_title_in_capitals_is_read_like_any_other() -> None:
    assert language("WHY I STOPPED DRINKING COFFEE FOR GOOD") == "en"


def test_japanese_with_chinese_signs_and_korean_with_english_words_are_told_apart() -> None:
    assert language("東京の夜") == "ja"
    assert language("BTS 방탄소년단 새 노래") == "ko"


def test_hashtags_and_links_do_not_decide() -> None:
    assert language("Heute backen wir Brot ohne Hefe #cooking #food https://example.com/recipes") == "de"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_an_answer(text: str) -> None:
    (said,) = rules.answer([PlainText(text=text)])
    assert 0 <= said.probability <= 1
