"""Hands for tests of the deal screens: choosing a verb by its words, filling a form, answering a dialog."""

from __future__ import annotations

from typing import Any

from engagerr.tui.app import Console
from engagerr.tui.widgets.dialogs import Ask, Choice, Form, Menu, MoneyDialog
from tests.tui.drawing import lines, settled
from textual.pilot import Pilot
from textual.widgets import Input


def shown(console: Console) -> str:
    """The screen as one text."""
    return "\n".join(lines(console))


def body(console: Console) -> str:
    """The screen without the row of tabs, whose counts belong to other screens."""
    return "\n".join(lines(console)[1:]) + "\n"


def dialog(console: Console) -> str:
    """The dialog that is open, by itself: what shows through behind it is not its own."""
    parts = console.screen.query_one(".dialog").children
    drawn = [strip.text.rstrip() for part in parts for strip in part.render_lines(part.size.region)]
    return "\n".join(drawn) + "\n"


async def menu(console: Console, pilot: Pilot[Any], key: str = "x") -> list[Choice[Any]]:
    """Open the menu of verbs; what it offers."""
    await pilot.press(key)
    await pilot.pause()
    assert isinstance(console.screen, Menu), shown(console)
    return console.screen.choices


async def choose(console: Console, pilot: Pilot[Any], words: str, *, key: str = "x") -> None:
    """Open the menu and take the verb that has these words; it must be there and allowed."""
    offered = await menu(console, pilot, key)
    found = [choice for choice in offered if words in choice.words]
    assert len(found) == 1, [choice.words for choice in offered]
    assert not found[0].refused, found[0].refused
    await pilot.press(found[0].key)
    await settled(pilot)


async def fill(console: Console, pilot: Pilot[Any], **said: str) -> None:
    """Type into the fields of the form that is open, and keep it."""
    await pilot.pause()
    assert isinstance(console.screen, Form), shown(console)
    form = console.screen
    for name, words in said.items():
        form.query_one(f"#field-{name}", Input).value = words
    form.query_one(f"#field-{form.fields[-1].name}", Input).focus()
    await pilot.press("enter")
    await settled(pilot)


async def answer(console: Console, pilot: Pilot[Any], words: str) -> None:
    """Answer the one question that is open."""
    assert isinstance(console.screen, Ask), shown(console)
    console.screen.query_one(Input).value = words
    await pilot.press("enter")
    await settled(pilot)


async def sign(console: Console, pilot: Pilot[Any], **said: str) -> None:
    """Fill the dialog of a signature, and sign."""
    fields = console.screen.query(Input)
    for name, words in said.items():
        console.screen.query_one(f"#sign-{name}", Input).value = words
    fields.last().focus()
    await pilot.press("enter")
    await settled(pilot)


async def type_amount(console: Console, pilot: Pilot[Any], amount: str) -> None:
    """Type the amount into the money dialog, and confirm it."""
    assert isinstance(console.screen, MoneyDialog), shown(console)
    await pilot.press(*amount)
    await pilot.press("enter")
    await settled(pilot)


def said(console: Console) -> list[str]:
    """What the toasts said so far, the newest last."""
    return [str(notice.message) for notice in console._notifications]
