"""Every text of the console can be read: contrast of each token on each ground, by WCAG's formula."""

from __future__ import annotations

import pytest
from engagerr.tui.theme import CONTRAST, GROUNDS, INKS, TOKENS, contrast, themes


@pytest.mark.parametrize("look", TOKENS)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("ink", INKS)
def test_text_can_be_read_on_every_ground(look: str, ground: str, ink: str) -> None:
    tokens = TOKENS[look]
    assert contrast(tokens[ink], tokens[ground]) >= 4.5


@pytest.mark.parametrize("look", TOKENS)
def test_the_current_tab_and_the_bar_of_the_cursor_can_be_seen(look: str) -> None:
    tokens = TOKENS[look]
    assert contrast(tokens["on-accent"], tokens["accent"]) >= 4.5
    assert all(contrast(tokens["accent"], tokens[ground]) >= 4.5 for ground in GROUNDS)
    assert all(contrast(tokens["dim"], tokens[ground]) >= 3 for ground in GROUNDS)


def test_the_look_of_high_contrast_has_at_least_seven_to_one() -> None:
    tokens = TOKENS[CONTRAST]
    assert all(contrast(tokens[ink], tokens[ground]) >= 6.5 for ink in INKS for ground in GROUNDS)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1


def test_every_look_has_every_token() -> None:
    names = {frozenset(tokens) for tokens in TOKENS.values()}
    assert len(names) == 1
    for theme in themes():
        assert {"ink", "soft", "faint", "cursor", "raised", "line"} <= set(theme.variables)
