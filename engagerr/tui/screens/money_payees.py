"""Views of Money: payees and tax forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.screens.money_moves import ask_reason
from engagerr.tui.screens.money_view import MoneyView, Verb
from engagerr.tui.widgets.dialogs import Ask, Choice, Field, Form, Sheet
from engagerr.tui.widgets.grid import Column
from engagerr.tui.widgets.money_cells import SIDE, facts, wrapped
from engagerr.tui.writing import BLANK, Cell, cell, cut, cut_middle, day, missing, span

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.payments.billing.tax_forms import TaxForm
    from engagerr.core.payments.provider.payees import Onboarding, Payee

_CAPABLE = {
    "none": (glyphs.WAITING, "not set up", "attention"), "pending": (glyphs.SUGGESTED, "being checked", "soft"),
    "active": (glyphs.CONFIRMED, "can be paid", "good"), "restricted": (glyphs.DANGER, "may not be paid", "danger"),
}  # fmt: skip
_FORMS = {
    "asked": (glyphs.WAITING, "asked for", "attention"), "valid": (glyphs.CONFIRMED, "valid", "good"),
    "expiring": (glyphs.LATE, "expires soon", "attention"), "expired": (glyphs.DANGER, "expired", "danger"),
    "replaced": (" ", "replaced", "faint"), "revoked": (glyphs.FAILED, "revoked", "faint"),
}  # fmt: skip
_KINDS = ("W-9", "W-8BEN", "W-8BEN-E", "DAC7")


class PayeesView(MoneyView):
    """Who is paid: whether they can be, what is missing, and to which account."""

    name = "payees"
    words = "payees"
    empty = "Nobody is set up to be paid.  + adds somebody"
    homes: ClassVar[frozenset[str]] = frozenset({"payee"})

    def columns(self) -> Sequence[Column[Any]]:
        """State, name, what is missing, account, country."""
        return (
            Column("sign", "", lambda row: cell(_CAPABLE[row.capability][0], _CAPABLE[row.capability][2]), 1),
            Column("name", "Payee", lambda row: cell(row.name), 14, grow=True, sort=lambda row: row.name.casefold()),
            Column("state", "State", self._state, 15, sort=lambda row: row.capability),
            Column("missing", "Missing", missing_cell, 14, grow=True, rank=2),
            Column("account", "Account", account_cell, 14),
            Column("country", "Country", lambda row: cell(row.country, "soft"), 7, rank=1),
            Column("currency", "Paid in", lambda row: cell(row.currency, "soft"), 7, rank=3),
            Column("due", "By", self._due, 11, rank=4, sort=lambda row: row.due_at),
        )  # fmt: skip

    def _state(self, row: Payee) -> Cell:
        _, words, token = _CAPABLE[row.capability]
        return cell(words, token, reason=row.reason)

    def _due(self, row: Payee) -> Cell:
        if row.due_at is None:
            return BLANK if not row.requirements else missing("the provider names no day")
        return cell(day(row.due_at, self.now), "attention")

    def read(self, work: Workspace) -> Sequence[Payee]:
        """All of them."""
        return work.payments.payees.list()

    def ids(self, row: Payee) -> tuple[str, ...]:
        """Id and name."""
        return str(row.id), row.name

    def named(self, row: Payee) -> str:
        """The name."""
        return row.name

    def searched(self, row: Payee) -> str:
        """Name, creator, state, country."""
        return f"{row.name} {row.creator or ''} {_CAPABLE[row.capability][1]} {row.country} {row.currency}"

    def side(self, row: Payee, more: Any) -> Sequence[Cell]:
        """Whether they can be paid, and what the provider still wants to know."""
        lines = [cell(row.name, "ink-bold"), BLANK]
        lines += facts(
            [("State", _CAPABLE[row.capability][1]), ("Why", row.reason), ("Creator", row.creator), ("Mail", row.email),
             ("Kind", row.kind), ("Country", row.country), ("Paid in", row.currency),
             ("Account", row.destination or "none yet"),
             ("Since", day(row.destination_since, self.now, year=True) if row.destination_since else None),
             ("Asked", day(row.refreshed_at, self.now, year=True) if row.refreshed_at else "the provider never")]
        )  # fmt: skip
        if row.destination and not row.pinned:
            lines += wrapped(f"{glyphs.LATE} The bank account has changed and nobody has confirmed it: nothing is sent"
                             " to it before.", SIDE, "attention")  # fmt: skip
        for when, wanted in row.requirements.items():
            lines += [BLANK, cell(f"Wanted, {when.replace('_', ' ')}", "faint")]
            lines += [cell(f"  {cut(requirement(one), SIDE - 2)}") for one in wanted[:8]]
        return lines

    def verbs(self, row: Payee) -> Sequence[Verb]:
        """The provider's page, how they stand, their bank account."""
        may, approve = self.refused(Permission.SET_PAYMENTS), self.refused(Permission.APPROVE_RELEASE)
        nothing = "They have no bank account yet." if not row.destination else None
        known = "It is confirmed already." if row.pinned else None
        return [
            Choice("l", "make the page on which they say who they are …", lambda: self._onboard(row), refused=may),
            Choice("q", "ask the provider how they stand", lambda: self.page.do(
                "payee", lambda: self.work.payments.payees.refresh(row.name),
                said=lambda found: f"{row.name}: {_CAPABLE[found[0].capability][1]}."),
                refused=None if row.account else "The provider does not know them yet."),
            Choice("c", f"confirm the bank account {row.destination or ''} …", lambda: self._confirm(row),
                   refused=approve or nothing or known),
        ]  # fmt: skip

    def _onboard(self, row: Payee) -> None:
        def made(page: Onboarding) -> None:
            self.page.console.copy_to_clipboard(page.url)
            until = f"Good once, until {day(page.expires_at, self.now)}." if page.expires_at else "Good once."
            lines = [cell(cut_middle(page.url, 60), "accent"), BLANK, cell(f"The address was copied. {until}", "soft")]
            self.page.app.push_screen(Sheet(f"For {row.name}", lines))
            self.page.read_now()

        self.page.do("payee", lambda: self.work.payments.payees.onboard(row.name), then=made)

    def _confirm(self, row: Payee) -> None:
        def answered(saw: str | None) -> None:
            if saw:
                self.page.do("payee", lambda: self.work.payments.payees.confirm(row.name, saw=saw),
                             said=f"Confirmed: what waited for {row.name} is sent.")  # fmt: skip

        title = f"Stand for the bank account of {row.name}"
        label = "Ask them, and not by mail. The last four digits they named:"
        self.page.app.push_screen(Ask(title, label=label, words="confirm", check=_some), answered)

    def new(self) -> None:
        """Set somebody up."""
        if (refused := self.refused(Permission.SET_PAYMENTS)) is not None:
            self.page.console.say(refused, mood="attention")
            return
        section = self.work.access.settings.payments

        def said(given: dict[str, str] | None) -> None:
            if given:
                self.page.do("payee", lambda: self.work.payments.payees.add(
                    given["name"], email=given["email"] or None, country=given["country"], currency=given["currency"]),
                    said=lambda row: f"{row.name} can be set up now: x makes the page for them.")  # fmt: skip

        self.page.app.push_screen(
            Form("Somebody to be paid", [
                Field("name", "Name, as a creator of the roster or anybody else", check=_some),
                Field("email", "Mail address"), Field("country", "Country, two letters", section.country),
                Field("currency", "Paid in", section.currency)]),
            said,
        )  # fmt: skip


class TaxView(MoneyView):
    """Tax forms: which count, which were asked for, which end; and the reports of a year."""

    name = "tax"
    words = "tax forms"
    empty = "No tax forms on record.  x asks for one, or makes the reports of a year"
    homes: ClassVar[frozenset[str]] = frozenset({"tax_form"})

    def columns(self) -> Sequence[Column[Any]]:
        """State, party, form, number, until when."""
        return (
            Column("sign", "", lambda row: cell(_FORMS[row.standing][0], _FORMS[row.standing][2]), 1),
            Column("party", "Party", lambda row: cell(row.party), 14, grow=True, sort=lambda row: row.party.casefold()),
            Column("kind", "Form", lambda row: cell(row.kind), 8, sort=lambda row: row.kind),
            Column("state", "Stands", lambda row: cell(_FORMS[row.standing][1], _FORMS[row.standing][2]), 12),
            Column("number", "Number", self._number, 12, rank=2),
            Column("signed", "Signed", self._signed, 11, rank=3, sort=lambda row: row.signed_on),
            Column("until", "Until", self._until, 11, sort=lambda row: row.expires_on),
            Column("left", "", self._left, 10, right=True, rank=1),
        )  # fmt: skip

    def _left(self, row: TaxForm) -> Cell:
        return cell(span(row.expires_on, self.now), "soft") if row.expires_on else BLANK

    def _number(self, row: TaxForm) -> Cell:
        if row.tin_ends_in is None:
            return missing("the form is not here yet" if row.standing == "asked" else "the form names no number")
        return cell(f"{row.tin_kind or ''} …{row.tin_ends_in}".strip(), "soft")

    def _signed(self, row: TaxForm) -> Cell:
        return cell(day(row.signed_on, self.now), "soft") if row.signed_on else missing("the form is not here yet")

    def _until(self, row: TaxForm) -> Cell:
        if row.expires_on is None:
            return missing("the form is not here yet") if row.standing == "asked" else cell("always", "soft")
        return cell(day(row.expires_on, self.now))

    def read(self, work: Workspace) -> Sequence[TaxForm]:
        """The newest of each kind of each party."""
        return work.payments.taxes.list()

    def named(self, row: TaxForm) -> str:
        """`W-8BEN of Ann Lee`."""
        return f"{row.kind} of {row.party}"

    def searched(self, row: TaxForm) -> str:
        """Party, form, standing."""
        return f"{self.named(row)} {_FORMS[row.standing][1]} {row.country or ''}"

    def is_over(self, row: TaxForm) -> bool:
        """Replaced and revoked ones."""
        return row.standing in ("replaced", "revoked")

    def side(self, row: TaxForm, more: Any) -> Sequence[Cell]:
        """All that may be shown of it; its number is sealed."""
        return [
            cell(self.named(row), "ink-bold"), BLANK,
            *facts([("Stands", _FORMS[row.standing][1]), ("Country", row.country), ("Number", self._number(row).text),
                    ("Asked", day(row.asked_at, self.now, year=True)),
                    ("Signed", day(row.signed_on, self.now, year=True) if row.signed_on else None),
                    ("Until", f"{day(row.expires_on, self.now, year=True)}, {span(row.expires_on, self.now)}"
                     if row.expires_on else None)]),
            BLANK, *wrapped("What it says is sealed. `engagerr tax show` opens it, which is logged.", SIDE, "soft"),
        ]  # fmt: skip

    def verbs(self, row: TaxForm) -> Sequence[Verb]:
        """Ask again, receive, revoke."""
        from engagerr.tui.screens.money_tax import receive_form

        may, taxes = self.refused(Permission.SET_PAYMENTS), self.work.payments.taxes
        return [
            Choice("k", f"ask {cut(row.party, 30)} for a new {row.kind}", lambda: self.page.do(
                "tax", lambda: taxes.ask(row.party, row.kind), said=f"Asked for: {self.named(row)}."), refused=may),
            Choice("i", "keep the signed form …", lambda: receive_form(self, row.party, row.kind), refused=may),
            Choice("d", "let it count no longer …", lambda: ask_reason(
                self.page, f"{self.named(row)} counts no longer", "What has changed?", "revoke it",
                lambda reason: self.page.do("tax", lambda: taxes.revoke(row.party, row.kind, reason=reason),
                                            said=f"Revoked: {self.named(row)}.")), refused=may, danger=True),
        ]  # fmt: skip

    def commands(self) -> Sequence[Verb]:
        """Forms asked for, and the reports of a year."""
        from engagerr.tui.screens.money_tax import open_report

        may = self.refused(Permission.SET_PAYMENTS)
        return (
            Choice("+", "ask somebody for a form …", self.new, refused=may),
            Choice("1", "1099-NEC of a year …", lambda: open_report(self, "1099-NEC"), refused=may),
            Choice("2", "1099-K of a year …", lambda: open_report(self, "1099-K"), refused=may),
            Choice("3", "DAC7 of a year …", lambda: open_report(self, "DAC7"), refused=may),
        )

    def new(self) -> None:
        """Ask somebody for a form."""
        if (refused := self.refused(Permission.SET_PAYMENTS)) is not None:
            self.page.console.say(refused, mood="attention")
            return

        def said(given: dict[str, str] | None) -> None:
            if given:
                self.page.do("tax", lambda: self.work.payments.taxes.ask(given["party"], given["kind"]),
                             said=f"Asked for: {given['kind']} of {given['party']}.")  # fmt: skip

        self.page.app.push_screen(
            Form("Ask for a tax form", [
                Field("party", "Party, as on invoices", check=_some),
                Field("kind", f"Form: {', '.join(_KINDS)}", "W-8BEN",
                      check=lambda said: None if said in _KINDS else f"One of: {', '.join(_KINDS)}.")], words="ask"),
            said,
        )  # fmt: skip


def missing_cell(row: Payee) -> Cell:
    """What the provider still wants to know, in short."""
    wanted = [requirement(one) for group in row.requirements.values() for one in group]
    if not wanted:
        return cell("nothing", "faint")
    more = f" and {len(wanted) - 1} more" if len(wanted) > 1 else ""
    return cell(f"{wanted[0]}{more}", "attention")


def account_cell(row: Payee) -> Cell:
    """The last four of the account; one that nobody has confirmed is marked."""
    if not row.destination:
        return missing("they have named no bank account yet")
    if not row.pinned:
        return Cell(
            ((f"{glyphs.LATE} ", "attention"), (row.destination, "ink")), "changed, and nobody has confirmed it"
        )
    return cell(row.destination)


def requirement(name: str) -> str:
    """`identity.individual.date_of_birth` as `date of birth`."""
    return name.rsplit(".", 1)[-1].replace("_", " ")


def _some(said: str) -> str | None:
    return None if said.strip() else "Say it in a few words."
