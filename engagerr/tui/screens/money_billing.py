"""Views of Money: invoices and subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from engagerr.core.desk.files import write_new
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.screens.deal_moves import ask_path
from engagerr.tui.screens.money_moves import ask_reason, refund_subscription_verb
from engagerr.tui.screens.money_view import MoneyView, Verb
from engagerr.tui.widgets.dialogs import Ask, Choice, Confirm, Menu, Sheet
from engagerr.tui.widgets.grid import Column
from engagerr.tui.widgets.money_cells import SIDE, facts, wrapped
from engagerr.tui.writing import BLANK, Cell, cell, day, missing, money, money_text, span

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.payments.billing.invoice_rows import InvoiceHead
    from engagerr.core.payments.billing.subscription_rows import Subscription

_SUBSCRIBED = {
    "incomplete": (glyphs.LATE, "first payment open", "attention"), "trialing": (glyphs.SUGGESTED, "on trial", "soft"),
    "active": (glyphs.CONFIRMED, "active", "good"), "past_due": (glyphs.DANGER, "payment failed", "danger"),
    "unpaid": (glyphs.FAILED, "given up", "danger"), "paused": (glyphs.GAP, "paused", "soft"),
    "cancelled": (glyphs.FAILED, "cancelled", "faint"),
}  # fmt: skip


class InvoicesView(MoneyView):
    """Invoices and credit notes: their numbers, what they come to, whether they are paid."""

    name = "invoices"
    words = "invoices"
    empty = "No invoices yet. They are drafted from deals, or by hand: engagerr invoice draft."
    homes: ClassVar[frozenset[str]] = frozenset({"invoice"})

    def columns(self) -> Sequence[Column[Any]]:
        """Number, party, days, sum."""
        return (
            Column("sign", "", lambda row: _stands(row, self.now.date())[0], 1),
            Column("number", "Number", lambda row: cell(row.named, "ink" if row.number else "faint"), 14,
                   sort=lambda row: row.number),
            Column("party", "Other party", lambda row: cell(other_party(row)), 12, grow=True,
                   sort=lambda row: other_party(row).casefold()),
            Column("state", "State", lambda row: _stands(row, self.now.date())[1], 10),
            Column("issued", "Issued", self._issued, 11, rank=2, sort=lambda row: row.issued_on),
            Column("due", "Due", self._due, 11, rank=1, sort=lambda row: row.due_on),
            Column("net", "Net", lambda row: money(row.net, token="soft"), 12, right=True, rank=3),
            Column("gross", "With tax", lambda row: money(row.gross), 12, right=True,
                   sort=lambda row: (row.currency, row.gross.minor)),
        )  # fmt: skip

    def _issued(self, row: InvoiceHead) -> Cell:
        return cell(day(row.issued_on, self.now), "soft") if row.issued_on else missing("a draft has no date yet")

    def _due(self, row: InvoiceHead) -> Cell:
        if row.due_on is None:
            return missing("nothing is due on a draft or a credit note")
        late = row.paid_at is None and row.due_on < self.now.date() and row.state == "finalised"
        return cell(day(row.due_on, self.now), "danger" if late else "soft")

    def read(self, work: Workspace) -> Sequence[InvoiceHead]:
        """The newest thousand."""
        return work.payments.invoices.list(limit=1000)

    def ids(self, row: InvoiceHead) -> tuple[str, ...]:
        """Id and number."""
        return str(row.id), row.number or ""

    def named(self, row: InvoiceHead) -> str:
        """`invoice INV-2026-00001, Alpenpfad GmbH`."""
        return f"{row.kind.replace('_', ' ')} {row.named}, {other_party(row)}"

    def searched(self, row: InvoiceHead) -> str:
        """Number, party, state, subject."""
        return f"{self.named(row)} {_stands(row, self.now.date())[1].text} {row.subject or ''} {row.reference or ''}"

    def is_over(self, row: InvoiceHead) -> bool:
        """Void ones."""
        return row.state == "void"

    def agenda_key(self, row: InvoiceHead) -> str | None:
        """Invoices are not on Today's list by themselves; assigned, they are."""
        return f"invoice:{row.id}"

    def side(self, row: InvoiceHead, more: Any) -> Sequence[Cell]:
        """Who, what, when, and where its file goes."""
        lines = [cell(row.named, "ink-bold"), BLANK]
        lines += facts(
            [("From", str(row.seller.get("name"))), ("To", str(row.buyer.get("name"))),
             ("Net", money_text(row.net)), ("Tax", money_text(row.tax)), ("With tax", money_text(row.gross)),
             ("Credited", money_text(row.credited) if row.credited else None),
             ("Issued", day(row.issued_on, self.now, year=True) if row.issued_on else "a draft"),
             ("Due", f"{day(row.due_on, self.now, year=True)}, {span(row.due_on, self.now)}"
              if row.due_on and row.paid_at is None else day(row.due_on, self.now, year=True) if row.due_on else None),
             ("Sent", day(row.sent_at, self.now, year=True) if row.sent_at else None),
             ("Paid", day(row.paid_at, self.now, year=True) if row.paid_at else None), ("Paid by", row.paid_by),
             ("Corrects", row.corrects), ("Reason", row.reason or row.void_reason), ("Note", row.note)]
        )  # fmt: skip
        return [*lines, BLANK, *wrapped("enter writes it as PDF/A-3 with its EN 16931 data inside.", SIDE, "soft")]

    def open(self, row: InvoiceHead) -> None:
        """Write it as PDF, and say where."""
        self._file(row, "pdf")

    def _file(self, row: InvoiceHead, format: str) -> None:
        invoices = self.work.payments.invoices
        call = invoices.pdf if format == "pdf" else invoices.xml
        ask_path(self.page, f"Write {row.named} as {format.upper()}", f"{row.named.replace(' ', '-')}.{format}",
                 lambda path: write_new(path, call(row.id)))  # fmt: skip

    def verbs(self, row: InvoiceHead) -> Sequence[Verb]:
        """What its state allows."""
        may, invoices = self.refused(Permission.FUND), self.work.payments.invoices
        draft, final = row.state == "draft", row.state == "finalised"
        choices: list[Verb] = [Choice("p", "write it as PDF …", lambda: self._file(row, "pdf")),
                               Choice("e", "write its EN 16931 data …", lambda: self._file(row, "xml"))]  # fmt: skip
        if draft:
            choices += [
                Choice("f", f"finalise: {money_text(row.gross)}, it gets its number …", lambda: self._finalise(row),
                       refused=may),
                Choice("d", "delete the draft …", lambda: self._remove(row), refused=may, danger=True),
            ]  # fmt: skip
        if final and row.sent_at is None:
            choices.append(Choice("s", "it was sent", lambda: self._act(
                row, lambda: invoices.sent(row.id), f"{row.named} counts as sent."), refused=may))  # fmt: skip
        if final and row.paid_at is None and row.kind == "invoice":
            choices.append(Choice("m", f"mark {money_text(row.gross)} as paid …", lambda: self._paid(row), refused=may))
        if final and row.kind == "invoice" and row.credited < row.gross:
            choices.append(Choice("c", "correct it by a credit note …", lambda: self._credit(row), refused=may,
                                  danger=True))  # fmt: skip
        if final:
            choices.append(Choice("v", "declare it void …", lambda: ask_reason(
                self.page, f"Declare {row.named} void", "Its number stays, and says so. Why?", "declare it void",
                lambda reason: self._act(row, lambda: invoices.void(row.id, reason=reason), f"{row.named} is void.")),
                refused=may, danger=True))  # fmt: skip
        return choices

    def commands(self) -> Sequence[Verb]:
        """Numbers without a gap."""
        return (Choice("n", "prove that no number is missing or doubled", self._verify),)

    def _act(self, row: InvoiceHead, call: Callable[[], Any], said: str) -> None:
        self.page.do(f"invoice:{row.id}", call, said=said)

    def _finalise(self, row: InvoiceHead) -> None:
        def sure(yes: bool | None) -> None:
            if yes:
                self.page.do(f"invoice:{row.id}", lambda: self.work.payments.invoices.finalise(row.id),
                             said=lambda made: f"It is {made.head.number}.")  # fmt: skip

        self.page.app.push_screen(
            Confirm(f"Finalise the {row.named}", [f"{money_text(row.gross)} to {row.buyer.get('name')}.",
                    "It gets the next number. After that it is only corrected by a credit note."],
                    key="y", words="finalise", keep="leave it a draft"),
            sure,
        )  # fmt: skip

    def _remove(self, row: InvoiceHead) -> None:
        def sure(yes: bool | None) -> None:
            if yes:
                self._act(row, lambda: self.work.payments.invoices.remove(row.id), f"Deleted: {row.named}.")

        self.page.app.push_screen(
            Confirm(f"Delete the {row.named}", ["It has no number yet."], key="y", words="delete"), sure
        )

    def _paid(self, row: InvoiceHead) -> None:
        self.page.app.push_screen(
            Ask(f"{row.named}: {money_text(row.gross)} was paid", label="How you know: bank transfer of 3 November.",
                words="mark as paid", check=_some),
            lambda by: None if not by else self._act(
                row, lambda: self.work.payments.invoices.paid(row.id, by=by.strip()), f"{row.named} is paid."),
        )  # fmt: skip

    def _credit(self, row: InvoiceHead) -> None:
        invoices = self.work.payments.invoices
        ask_reason(self.page, f"Credit {row.named}", f"{money_text(row.gross - row.credited)}, all that is left. Why?",
                   "credit it", lambda reason: self.page.do(
                       f"invoice:{row.id}", lambda: invoices.credit(row.id, reason=reason),
                       said=lambda made: f"Credited by {made.head.named}."))  # fmt: skip

    def _verify(self) -> None:
        def found(rows: Any) -> None:
            lines = [cell("No series yet.", "soft")] if not rows else []
            for one in rows:
                sign, token = (glyphs.DONE, "good") if one.whole else (glyphs.DANGER, "danger")
                said = "no gap, no number twice" if one.whole else f"missing {one.missing}, twice {one.doubled}"
                lines.append(Cell(((f"{sign} ", token), (f"{one.series} {one.year}: 1 to {one.last}, {said}", "ink"))))
            self.page.app.push_screen(Sheet("Numbers of invoices", lines))

        self.page.do("invoices", self.work.payments.invoices.verify, then=found)


def other_party(row: InvoiceHead) -> str:
    """Who it is to; of a self-billed one, who it is for."""
    side = row.seller if row.self_billed else row.buyer
    return str(side.get("name") or "")


def _stands(row: InvoiceHead, today: date) -> tuple[Cell, Cell]:
    """(sign, state in words)."""
    if row.state == "draft":
        return cell(glyphs.WAITING, "faint"), cell("draft", "faint")
    if row.state == "void":
        return cell(glyphs.FAILED, "faint"), cell("void", "faint")
    if row.kind != "invoice":
        return cell(" "), cell("credit", "soft")
    if row.paid_at is not None:
        return cell(glyphs.DONE, "good"), cell("paid", "good")
    if row.due_on is not None and row.due_on < today:
        return cell(glyphs.LATE, "attention"), cell("overdue", "attention")
    return cell(glyphs.SUGGESTED, "soft"), cell("open", "ink")


class SubscriptionsView(MoneyView):
    """Who subscribes to what, and whether it is paid."""

    name = "subscriptions"
    words = "subscriptions"
    empty = "Nobody subscribes to anything. Plans and their first subscription: engagerr subscription start."
    homes: ClassVar[frozenset[str]] = frozenset({"subscription"})

    def columns(self) -> Sequence[Column[Any]]:
        """State, party, plan, price, end of what was paid for."""
        return (
            Column("sign", "", lambda row: cell(_SUBSCRIBED[row.state][0], _SUBSCRIBED[row.state][2]), 1),
            Column("party", "Subscriber", lambda row: cell(row.party), 14, grow=True,
                   sort=lambda row: row.party.casefold()),
            Column("plan", "Plan", lambda row: cell(row.plan_name, "soft"), 10, grow=True, rank=2),
            Column("state", "State", self._state, 18, sort=lambda row: row.state),
            Column("until", "Until", self._until, 11, rank=1, sort=lambda row: row.period_end),
            Column("price", "Price", lambda row: cell(f"{money_text(row.price)} a {row.every}"), 18, right=True,
                   sort=lambda row: (row.price.currency, row.price.minor)),
        )  # fmt: skip

    def _state(self, row: Subscription) -> Cell:
        _, words, token = _SUBSCRIBED[row.state]
        return cell(f"{words}, ends" if row.cancel_at_period_end and row.state != "cancelled" else words, token)

    def _until(self, row: Subscription) -> Cell:
        until = row.ended_at or row.trial_ends_at if row.state == "trialing" else row.ended_at or row.period_end
        return cell(day(until, self.now), "soft") if until else missing("no period has begun")

    def read(self, work: Workspace) -> Sequence[Subscription]:
        """All of them."""
        return work.payments.subscriptions.list()

    def named(self, row: Subscription) -> str:
        """`Alpenpfad GmbH, Brand desk`."""
        return f"{row.party}, {row.plan_name}"

    def searched(self, row: Subscription) -> str:
        """Party, plan, state."""
        return f"{self.named(row)} {row.plan} {_SUBSCRIBED[row.state][1]}"

    def is_over(self, row: Subscription) -> bool:
        """Cancelled ones."""
        return row.state == "cancelled"

    def asks(self, row: Subscription) -> Callable[[Workspace], Any] | None:
        """What happened to it."""
        return lambda work: work.payments.subscriptions.show(row.id)

    def side(self, row: Subscription, more: Any) -> Sequence[Cell]:
        """Price, period, what was paid, what happened."""
        lines = [cell(self.named(row), "ink-bold"), BLANK]
        lines += facts(
            [("State", self._state(row).text),
             ("Price", f"{money_text(row.price)} a {row.every}{f', {row.quantity} times' if row.quantity > 1 else ''}"),
             ("Trial until", day(row.trial_ends_at, self.now, year=True) if row.trial_ends_at else None),
             ("Paid until", day(row.period_end, self.now, year=True) if row.period_end else None),
             ("Failed since", day(row.past_due_since, self.now, year=True) if row.past_due_since else None),
             ("Tried again", day(row.next_attempt_at, self.now, year=True) if row.next_attempt_at else None)]
        )  # fmt: skip
        if more is None:
            return lines
        if more.invoices:
            lines += [BLANK, cell("Paid", "faint")]
            lines += facts([(one.number or one.state, f"{money_text(one.paid)} of {money_text(one.total)}")
                            for one in more.invoices[:6]])  # fmt: skip
        lines += [BLANK, cell("History", "faint")]
        lines += facts([(day(one.at, self.now), f"{one.kind.replace('_', ' ')}{f', {one.by}' if one.by else ''}")
                        for one in more.changes[-6:]])  # fmt: skip
        return lines

    def open(self, row: Subscription) -> None:
        """All of it."""
        self.page.do("subscription", lambda: self.work.payments.subscriptions.show(row.id),
                     then=lambda found: self.page.show_sheet(self.named(row), self.side(row, found)))  # fmt: skip

    def verbs(self, row: Subscription) -> Sequence[Verb]:
        """Pause, resume, cancel, refund, ask the provider."""
        may, release, subscriptions = (
            self.refused(Permission.FUND), self.refused(Permission.RELEASE), self.work.payments.subscriptions
        )  # fmt: skip
        over = "It is cancelled." if row.state == "cancelled" else None

        def act(call: Callable[[], Any], said: str) -> Callable[[], Any]:
            return lambda: self.page.do(f"subscription:{row.id}", call, said=said)

        resumes = row.state == "paused" or row.cancel_at_period_end
        return [
            Choice("r", "resume", act(lambda: subscriptions.resume(row.id), f"{row.party} goes on."),
                   refused=may or over or (None if resumes else "It is neither paused nor about to end.")),
            Choice("p", "pause: nothing is collected",
                   act(lambda: subscriptions.pause(row.id), f"{row.party} is paused."), refused=may or over),
            Choice("c", "cancel …", lambda: self._cancel(row), refused=may or over, danger=True),
            Choice("b", "send back what was paid …", lambda: refund_subscription_verb(self.page, row), refused=release,
                   danger=True),
            Choice("q", "ask the provider how it stands",
                   act(lambda: subscriptions.refresh(row.id), "It is as the provider says.")),
        ]  # fmt: skip

    def _cancel(self, row: Subscription) -> None:
        subscriptions = self.work.payments.subscriptions
        until = day(row.period_end, self.now, year=True)
        ways = [Choice("e", f"at the end of what was paid for, {until}", False),
                Choice("n", "now; what is unused becomes a credit", True, danger=True)]  # fmt: skip

        def chosen(at_once: bool | None) -> None:
            if at_once is not None:
                self.page.do(
                    f"subscription:{row.id}", lambda: subscriptions.cancel(row.id, at_once=at_once, prorate=at_once),
                    said=f"{row.party}: {row.plan_name} is cancelled{'' if at_once else f' as of {until}'}.",
                )  # fmt: skip

        self.page.app.push_screen(Menu(f"Cancel {self.named(row)}", ways), chosen)


def _some(said: str) -> str | None:
    return None if said.strip() else "Say it in a few words."
