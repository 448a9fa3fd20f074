"""Dialogs: nothing that matters is one keystroke away, and no key that opens also confirms."""

from __future__ import annotations

from typing import Any

import pytest
from engagerr.tui.theme import DARK, TOKENS, themes
from engagerr.tui.widgets.dialogs import Ask, Choice, Confirm, Dialog, Fact, Field, Form, Menu, MoneyDialog, Sheet
from engagerr.tui.writing import cell
from tests.tui.drawing import cells, settled
from textual.app import App
from textual.widgets import Input

pytestmark = pytest.mark.anyio
NOTHING = object()


class Asking(App[None]):
    """Shows one dialog and keeps its answer."""

    CSS_PATH = "../../engagerr/tui/app.tcss"

    def __init__(self, dialog: Dialog[Any]) -> None:
        super().__init__()
        self.dialog = dialog
        self.answer: Any = NOTHING

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(TOKENS[DARK])

    def on_load(self) -> None:
        for theme in themes():
            self.register_theme(theme)
        self.theme = DARK

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.answered)

    def answered(self, answer: Any) -> None:
        self.answer = answer

    def text(self) -> str:
        return "\n".join("".join(part.text for part in strip) for strip in self.screen._compositor.render_strips())


async def typed(dialog: Dialog[Any], *keys: str) -> Asking:
    app = Asking(dialog)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
        await pilot.pause()
        app.seen = app.text()  # type: ignore[attr-defined]
    return app


def release() -> MoneyDialog:
    return MoneyDialog(
        "Release €10,625.00 to Mara Voss",
        [Fact("From hold", "€12,500.00"), Fact("Northlight keeps 15 %", "€1,875.00")],
        typed="10625", words="release", warnings=["1 of 3 deliverables is still open: Instagram story."],
    )  # fmt: skip


@pytest.mark.parametrize("keys", ["enter", "1 enter", "1 0 6 2 enter", "y enter", "x", "space enter"])
async def test_money_moves_only_when_the_whole_amount_is_typed(keys: str) -> None:
    app = await typed(release(), *keys.split())
    assert app.answer is NOTHING


@pytest.mark.parametrize("keys", [tuple("10625"), tuple("10,625")])
async def test_the_amount_and_then_enter_releases(keys: tuple[str, ...]) -> None:
    names = [{",": "comma"}.get(key, key) for key in keys]
    assert (await typed(release(), *names, "enter")).answer is True


async def test_esc_keeps_the_money_where_it_is() -> None:
    assert (await typed(release(), *"10625", "escape")).answer is None


async def test_the_money_dialog_says_what_will_happen() -> None:
    text = (await typed(release())).seen  # type: ignore[attr-defined]
    for words in ("From hold", "€12,500.00", "Northlight keeps 15 %", "1 of 3 deliverables", "Type 10625 to release"):
        assert words in text
    assert "keep holding" in text


async def test_the_safe_answer_is_the_default_before_something_is_taken_away() -> None:
    def ending() -> Confirm:
        return Confirm("End the terms of Mara Voss?", ["Her figures stay."], key="d", words="end them")

    assert (await typed(ending(), "enter")).answer is False
    assert (await typed(ending(), "escape")).answer is None
    assert (await typed(ending(), "x", "y")).answer is NOTHING
    assert (await typed(ending(), "d")).answer is True


async def test_a_menu_refuses_what_is_refused_and_says_why() -> None:
    def menu() -> Menu:
        return Menu(
            "Hold", [Choice("r", "release", 1, refused="Finance releases"), Choice("f", "refund", 2, danger=True)]
        )

    app = await typed(menu(), "r")
    assert app.answer is NOTHING
    assert "Finance releases" in app.seen  # type: ignore[attr-defined]
    assert (await typed(menu(), "enter")).answer == 2
    assert (await typed(menu(), "up", "enter")).answer is NOTHING
    assert (await typed(menu(), "f")).answer == 2


async def test_a_question_says_what_is_wrong_and_keeps_what_was_typed() -> None:
    dialog = Ask("Rate", check=lambda said: None if said.isdigit() else "Write a whole number.")
    app = Asking(dialog)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a", "enter")
        await pilot.pause()
        assert app.answer is NOTHING
        assert "Write a whole number." in app.text()
        assert dialog.query_one("#answer", Input).value == "a"
        await pilot.press("backspace", "7", "enter")
        await pilot.pause()
        assert app.answer == "7"


async def test_a_form_goes_from_field_to_field_and_returns_to_the_wrong_one() -> None:
    dialog = Form(
        "New deal",
        [
            Field("title", "Title", check=lambda said: None if said else "A deal needs a title."),
            Field("brand", "Brand"),
        ],
    )
    app = Asking(dialog)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter", "B", "enter")
        await pilot.pause()
        assert "A deal needs a title." in app.text()
        await pilot.press("T", "enter", "enter")
        await pilot.pause()
        assert app.answer == {"title": "T", "brand": "B"}


async def test_a_long_sheet_keeps_its_title_and_its_keys_while_it_is_read() -> None:
    app = Asking(Sheet("Why it stands here", [cell(f"line {number}") for number in range(60)]))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        before = cells(app)
        assert "Why it stands here" in before
        assert "line 0" in before
        assert "esc close" in before
        await pilot.press("pagedown", "pagedown")
        await settled(pilot)
        after = cells(app)
        assert "Why it stands here" in after
        assert "line 0" not in after
        assert "line 20" in after
        assert "esc close" in after


async def test_a_short_sheet_takes_no_more_room_than_it_needs() -> None:
    app = Asking(Sheet("Why", [cell("Because.")]))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.screen.query_one(".dialog").size.height == len(("Why", "", "Because.", "", "esc"))


async def test_keys_that_come_before_a_dialog_is_drawn_only_leave_it() -> None:
    app = Asking(Sheet("Why", [cell("Because.")]))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        waiting: list[Dialog[Any]] = [Sheet("Why", [cell("Because.")]), Menu("What", [Choice("a", "this", 1)])]
        for dialog in waiting:
            assert not any(dialog.check_action(action, (1,)) for action in ("read", "move", "choose"))
            assert dialog.check_action("leave", ())
            app.push_screen(dialog)
            await settled(pilot)
            assert dialog.check_action("choose", ())
            await pilot.press("down", "escape")
            await settled(pilot)
