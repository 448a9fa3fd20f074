"""Tax forms that came in, and the reports of a year: who gets one, for what, and what is missing before it is filed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from engagerr.core.desk.files import write_new
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.page import Command
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.deal_moves import ask_path
from engagerr.tui.screens.money_desk import MoneyDesk
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Choice, Confirm, Field, Form, written
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.widgets.money_cells import SIDE, facts, wrapped
from engagerr.tui.writing import BLANK, Cell, cell, day, missing, money, money_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from engagerr import Workspace
    from engagerr.tui.screens.money_view import MoneyView

_FIRST_YEAR = 2020


def receive_form(view: MoneyView, party: str, kind: str) -> None:
    """Keep a form that was signed: what it says is sealed."""

    def said(given: dict[str, str] | None) -> None:
        if not given:
            return
        from engagerr.core.payments.billing.tax_forms import TaxDetails

        details = TaxDetails(
            name=given["name"], country=given["country"].upper(), tin=given["tin"] or None,
            tin_kind=given["tin_kind"] or None, treaty_country=given["treaty_country"] or None,
            treaty_rate=Decimal(given["treaty_rate"]) if given["treaty_rate"] else None,
        )  # fmt: skip
        signed = date.fromisoformat(given["signed"])
        view.page.do("tax", lambda: view.work.payments.taxes.receive(party, kind, details, signed_on=signed),
                     said=lambda form: f"Kept: {form.kind} of {form.party}. What it says is sealed.")  # fmt: skip

    view.page.app.push_screen(
        Form(f"{kind} of {party}", [
            Field("name", "Name on the form", party, check=_some),
            Field("country", "Country, two letters", check=_some),
            Field("tin", "Tax number, if it names one"),
            Field("tin_kind", "Its kind: SSN, EIN, ITIN or foreign"),
            Field("treaty_country", "Treaty country, if one is claimed"),
            Field("treaty_rate", "Treaty rate as a fraction, such as 0.05", check=_fraction),
            Field("signed", "Signed on", check=_day)], words="seal and keep"),
        said,
    )  # fmt: skip


def open_report(view: MoneyView, kind: str) -> None:
    """Ask for the year, and the rates where other currencies become dollars."""
    fields = [Field("year", "Year", str(view.now.year), check=_year)]
    if kind != "DAC7":
        fields.append(Field("rates", "Dollars for one unit, such as EUR=1.08, GBP=1.25; empty for none", check=_rates))

    def said(given: dict[str, str] | None) -> None:
        if given:
            rates = _read_rates(given.get("rates", ""))
            view.page.app.push_screen(TaxReport(kind, int(given["year"]), rates))

    view.page.app.push_screen(Form(f"{kind} of a year", fields, words="make it"), said)


class TaxReport(MoneyDesk):
    """Everybody whom a report of a year is about; numbers are shown by their last four characters only."""

    tab: ClassVar[str] = "money"
    name_in_words: ClassVar[str] = "Money › Tax report"
    kinds: ClassVar[frozenset[str]] = frozenset({"tax_form", "payment", "movement", "payee"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("e", "export", "export", id="page.export"),
        Binding("w", "why", "why", id="page.why"),
    ]
    DEFAULT_CSS = "TaxReport #about { height: auto; padding: 0 1; border-bottom: solid $line; }"

    def __init__(self, kind: str, year: int, rates: dict[str, Decimal]) -> None:
        super().__init__()
        self.kind, self.year, self.rates = kind, year, rates

    def main(self) -> ComposeResult:
        """What it is about, and the rows."""
        yield Static(id="about")
        yield Grid(
            [
                Column("sign", "", self._sign, 1),
                Column("party", "Party", lambda row: cell(row.party), 16, grow=True,
                       sort=lambda row: row.party.casefold()),
                Column("country", "In", self._country, 3),
                Column("tin", "Number", self._tin, 9, rank=1),
                Column("why", "Report", self._why, 20, grow=True),
                Column("paid", "Paid", self._paid, 26, right=True),
            ],
            key=lambda row: row.party, id="rows",
        )  # fmt: skip

    def read(self, work: Workspace) -> Any:
        """The report, as it would be filed now."""
        taxes = work.payments.taxes
        return taxes.dac7_report(self.year) if self.kind == "DAC7" else taxes.us_report(
            self.kind, self.year, rates=self.rates
        )  # fmt: skip

    def has_nothing(self, answer: Any) -> bool:
        """Nobody is to be reported."""
        return not answer.rows

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """Nobody."""
        return [(f"{glyphs.DONE} Nobody is to be reported in the {self.kind} of {self.year}.", "soft")]

    def draw(self, answer: Any) -> None:
        """What is due when, and for whom."""
        heading = self.query_one(Heading)
        heading.scope = f"{self.kind} of {self.year} · {len(answer.rows)}"
        heading.freshness = f"due {day(answer.due_on, self.now, year=True)}"
        outside = answer.outside if self.kind == "DAC7" else answer.foreign
        where = "live outside the Union" if self.kind == "DAC7" else "are known not to be US persons"
        said = [(f"{outside:,} more {where} and are not in it. ", "soft")]
        if self.kind != "DAC7":
            limit = answer.threshold
            said.append((f"From ${limit.amount:,} on: {limit.source}.", "soft"))
        self.query_one("#about", Static).update(written(said))
        self.query_one("#rows", Grid).fill(answer.rows)

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """All about one of them."""
        self.show_sheet(event.row.party, self._about(event.row))

    def action_why(self) -> None:
        """All about the one under the cursor."""
        row = self.query_one("#rows", Grid).current
        if row is not None:
            self.show_sheet(row.party, self._about(row))

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """Put on record that it was taken as it is now."""
        may = refused_for(self.desk, Permission.SET_PAYMENTS)
        return [
            Choice("f", "put on record that it was filed as it is now …", self._filed, refused=may),
            Choice("e", "write it as CSV, with whole numbers …", self.action_export, refused=may),
        ]

    def commands(self) -> Sequence[Command]:
        """The same for the palette."""
        return [Command(f"Tax: {choice.words}", choice.answer, choice.key, choice.refused) for choice in self.verbs()]

    def action_export(self) -> None:
        """Its rows as CSV; they hold whole tax numbers."""
        if self.answer is None or not self.answer.rows:
            return
        from engagerr.core.desk.money_export import rows_csv

        rows = self.answer.rows
        ask_path(self, f"Write the {self.kind} of {self.year} as CSV: it holds whole tax numbers",
                 f"{self.kind}-{self.year}.csv", lambda path: write_new(path, rows_csv(rows)))  # fmt: skip

    def _filed(self) -> None:
        report = self.answer

        def sure(yes: bool | None) -> None:
            if yes:
                self.do("filed", lambda: self.desk.payments.taxes.filed(report),
                        said=lambda digest: f"On record as {digest.hex()[:12]}.")  # fmt: skip

        lines = [f"{len(report.rows)} rows, as they are now. A later change shows as another one."]
        self.app.push_screen(
            Confirm(f"{self.kind} of {self.year} was filed", lines, key="y", words="put on record"), sure
        )

    def _sign(self, row: Any) -> Cell:
        if row.problems:
            return cell(glyphs.LATE, "attention")
        due = getattr(row, "reportable", True)
        return cell(glyphs.QUESTION, "unknown") if due is None else cell(glyphs.DONE if due else " ", "good")

    def _country(self, row: Any) -> Cell:
        return cell(row.country, "soft") if row.country else missing("no country is known")

    def _tin(self, row: Any) -> Cell:
        return cell(f"…{row.tin[-4:]}", "soft") if row.tin else missing("no tax number is on record")

    def _why(self, row: Any) -> Cell:
        if row.problems:
            return cell(row.problems[0], "attention")
        return cell(getattr(row, "why", f"{len(row.quarters)} quarters" if self.kind == "DAC7" else ""), "soft")

    def _paid(self, row: Any) -> Cell:
        if self.kind == "DAC7":
            sums: dict[str, Any] = {}
            for one in row.quarters:
                held = sums.get(one.consideration.currency)
                sums[one.consideration.currency] = one.consideration if held is None else held + one.consideration
            return cell(" · ".join(money_text(one) for one in sums.values()))
        if row.usd is not None:
            return money(row.usd)
        said = " · ".join(money_text(one) for one in row.amounts)
        return cell(said, reason="a currency has no rate, so there is no sum in dollars")

    def _about(self, row: Any) -> list[Cell]:
        lines = facts([("Country", row.country), ("Number", self._tin(row).text), ("Address", row.address),
                       ("Why", getattr(row, "why", None)), ("Paid", self._paid(row).text)])  # fmt: skip
        for one in getattr(row, "quarters", ()):
            words = f"{money_text(one.consideration)}, fees {money_text(one.fees)}, {one.activities} activities"
            lines += facts([(f"Quarter {one.quarter}", words)], width=SIDE + 10)
        for one in row.problems:
            lines += [BLANK, *wrapped(f"{glyphs.LATE} {one}", SIDE, "attention")]
        return lines


def _some(said: str) -> str | None:
    return None if said.strip() else "This is needed."


def _fraction(said: str) -> str | None:
    if not said:
        return None
    try:
        fits = 0 <= Decimal(said) <= 1
    except InvalidOperation:
        fits = False
    return None if fits else "A fraction from 0 to 1."


def _day(said: str) -> str | None:
    try:
        date.fromisoformat(said)
    except ValueError:
        return "Write the day as 2026-10-31."
    return None


def _year(said: str) -> str | None:
    return None if said.isdecimal() and _FIRST_YEAR <= int(said) <= date.max.year else "A year, such as 2026."


def _rates(said: str) -> str | None:
    try:
        _read_rates(said)
    except (ValueError, InvalidOperation):
        return "Write rates as EUR=1.08, GBP=1.25."
    return None


def _read_rates(said: str) -> dict[str, Decimal]:
    rates = {}
    for part in (one.strip() for one in said.split(",") if one.strip()):
        code, _, rate = part.partition("=")
        exact = Decimal(rate.strip())
        if len(code.strip()) != 3 or not exact.is_finite() or exact <= 0:
            raise ValueError(part)
        rates[code.strip().upper()] = exact
    return rates
