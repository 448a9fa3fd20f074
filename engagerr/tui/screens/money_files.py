"""Statements of a party and a month: asked for, and written as a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engagerr.core.desk.files import write_new
from engagerr.tui.screens.deal_moves import ask_path
from engagerr.tui.screens.picking import Picker
from engagerr.tui.widgets.dialogs import Field, Form
from engagerr.tui.widgets.grid import Column
from engagerr.tui.writing import cell

if TYPE_CHECKING:
    from engagerr.core.payments.reconciling.statements import Party
    from engagerr.tui.screens.money_desk import MoneyDesk

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_FORMATS = ("pdf", "csv", "json")


def statement_file(page: MoneyDesk) -> None:
    """Whose statement, of which month, as which file."""
    statements = page.desk.payments.statements

    def parties(found: tuple[Party, ...]) -> None:
        if not found:
            page.console.say("Nobody has a statement yet: no money has moved.", mood="attention")
            return
        rows = [(party, currency) for party in found for currency in party.currencies]
        page.app.push_screen(
            Picker("Whose statement", rows, [
                Column("name", "", lambda row: cell(row[0].name), 20, grow=True),
                Column("kind", "", lambda row: cell(row[0].kind, "soft"), 10),
                Column("currency", "", lambda row: cell(row[1], "soft"), 4)],
                key=lambda row: (row[0].kind, row[0].name, row[1]), words=lambda row: f"{row[0].name} {row[1]}",
                says="choose"),
            lambda row: None if row is None else _month(page, row[0], row[1]),
        )  # fmt: skip

    page.do("parties", statements.parties, then=parties)


def _month(page: MoneyDesk, party: Party, currency: str) -> None:
    def said(given: dict[str, str] | None) -> None:
        if not given:
            return
        month, format = given["month"], given["format"]
        name = f"{party.name}-{month}-{currency}.{format}".replace(" ", "-").replace("/", "-")
        file = page.desk.payments.statements.file
        ask_path(
            page, f"Statement of {party.name}, {month}", name,
            lambda path: write_new(path, file(party.name, month=month, currency=currency, format=format)),
        )  # fmt: skip

    page.app.push_screen(
        Form(f"Statement of {party.name} in {currency}", [
            Field("month", "Month", f"{page.now:%Y-%m}",
                  check=lambda said: None if _MONTH.fullmatch(said) else "Write the month as 2026-10."),
            Field("format", f"As {', '.join(_FORMATS)}", "pdf",
                  check=lambda said: None if said in _FORMATS else f"One of: {', '.join(_FORMATS)}.")], words="go on"),
        said,
    )  # fmt: skip
