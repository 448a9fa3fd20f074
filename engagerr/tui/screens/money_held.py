"""Views of Money: holds and payouts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.money_verbs import (
    fund_verb,
    payout_verb,
    refund_verb,
    release_verb,
)
from engagerr.tui.screens.money_moves import (
    block_verb,
    cancel_verb,
    recall_verb,
    unblock_verb,
)
from engagerr.tui.screens.money_view import MoneyView, Verb
from engagerr.tui.widgets.dialogs import Choice
from engagerr.tui.widgets.grid import Column
from engagerr.tui.widgets.money_cells import (
    SIDE,
    booked_words,
    entry_lines,
    fact,
    facts,
    hold_amount,
    hold_ends,
    hold_facts_lines,
    hold_left,
    hold_sign,
    hold_state,
    hold_stops,
    next_words,
    wrapped,
)
from engagerr.tui.writing import BLANK, Cell, cell, day, missing, money, money_text, span

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.money_page import Entry, HoldEntries, HoldLine, PayLine

_PAY_STATES = {
    "left_out": (glyphs.FAILED, "cannot be sent", "danger"), "ready": (glyphs.WAITING, "ready to send", "ink"),
    "pending": (glyphs.SUGGESTED, "on its way", "soft"), "in_transit": (glyphs.SUGGESTED, "on its way", "soft"),
    "paid": (glyphs.DONE, "arrived", "good"), "failed": (glyphs.DANGER, "came back", "danger"),
    "canceled": (glyphs.FAILED, "cancelled", "faint"),
}  # fmt: skip
_UNKNOWN = "Unknown how the last one ended. It is looked up; do not repeat it."


class HoldsView(MoneyView):
    """Money that waits for a delivery, those first whose last day is nearest."""

    name = "holds"
    words = "holds"
    empty = "No money held. Holds start when a deal is funded."
    homes: ClassVar[frozenset[str]] = frozenset({"hold"})

    def columns(self) -> Sequence[Column[Any]]:
        """Sign, parties, days, amount."""
        return (
            Column("sign", "", hold_sign, 1),
            Column("hold", "Hold", self._hold, 34, grow=True, sort=lambda line: line.parties.casefold()),
            Column("since", "Since", self._since, 11, rank=3, sort=lambda line: line.hold.funded_at),
            Column("ends", "Ends", lambda line: hold_ends(line, self.now), 11,
                   sort=lambda line: line.hold.must_end_by if line.hold.held else None),
            Column("left", "Left", lambda line: hold_left(line, self.now), 9, right=True, rank=1),
            Column("stops", "Stopped by", hold_stops, 12, rank=5),
            Column("state", "State", hold_state, 13, rank=2),
            Column("amount", "Amount", hold_amount, 12, right=True,
                   sort=lambda line: (line.hold.currency, line.hold.held.minor or line.hold.agreed.minor)),
        )  # fmt: skip

    def _hold(self, line: HoldLine) -> Cell:
        return Cell(((line.parties, "ink"), (f"  {line.hold.title}", "soft")))

    def _since(self, line: HoldLine) -> Cell:
        if line.hold.funded_at is None:
            return missing("it is not paid yet")
        return cell(day(line.hold.funded_at, self.now), "soft")

    def key(self, row: HoldLine) -> Hashable:
        """The hold's id."""
        return row.hold.id

    def read(self, work: Workspace) -> Sequence[HoldLine]:
        """Every hold."""
        from engagerr.core.desk.money_page import hold_lines

        return hold_lines(work)

    def named(self, row: HoldLine) -> str:
        """`Lumen Audio × Mara Voss`."""
        return f"{row.parties}: {row.hold.title}"

    def searched(self, row: HoldLine) -> str:
        """Parties, title, state, currency."""
        return f"{row.parties} {row.hold.title} {hold_state(row).text} {row.hold.currency} {str(row.hold.id)[-8:]}"

    def is_over(self, row: HoldLine) -> bool:
        """Nothing is held, and nothing will be."""
        return row.hold.state in ("settled", "cancelled")

    def agenda_key(self, row: HoldLine) -> str | None:
        """As Today names it."""
        return f"hold:{row.hold.id}"

    def asks(self, row: HoldLine) -> Callable[[Workspace], Any] | None:
        """Its entries."""
        from engagerr.core.desk.money_page import hold_entries

        return lambda work: hold_entries(work, row.hold.id)

    def side(self, row: HoldLine, more: HoldEntries | None) -> Sequence[Cell]:
        """Entries that sum equal, and what happens if nobody acts."""
        if more is None:
            return ()
        lines = [cell(row.parties, "ink-bold"), BLANK, *hold_facts_lines(more.page, more.line, self.now), BLANK]
        if more.entries:
            lines += [*entry_lines(more.entries, more.sums), BLANK]
        lines += [cell("Next", "faint"), *wrapped(next_words(more.page, self.now), SIDE)]
        if more.receipts:
            lines += [BLANK, cell("Receipts", "faint")]
            lines += [
                fact(day(one.at, self.now), f"{money_text(one.amount)} {booked_words(one.kind)}")
                for one in more.receipts
            ]
        return lines

    def why(self, row: HoldLine) -> Sequence[Cell]:
        """Since when, until when, by which rule; what stops its release."""
        hold = row.hold
        lines = facts(
            [("Hold", hold.title), ("Between", row.parties),
             ("Held since", day(hold.funded_at, self.now, year=True) if hold.funded_at else "not paid yet"),
             ("At most until", f"{day(hold.must_end_by, self.now, year=True)}, {span(hold.must_end_by, self.now)}"
              if hold.must_end_by and hold.held else None)]
        )  # fmt: skip
        for one in hold.blocks:
            lines += wrapped(f"{glyphs.FAILED} Release stopped: {one.reason}", SIDE + 8, "attention")
        if hold.refusal is not None:
            lines += wrapped(f"{hold.refusal.by or 'Somebody'} said no to a release: {hold.refusal.reason or ''}",
                             SIDE + 8, "attention")  # fmt: skip
        return lines

    def open(self, row: HoldLine) -> None:
        """Its double entries."""
        from engagerr.tui.screens.ledger_entries import EntriesPage

        self.page.app.push_screen(EntriesPage(row.hold.id))

    def verbs(self, row: HoldLine) -> Sequence[Verb]:
        """What the state and the person's rights allow."""
        return hold_choices(self, row)

    def commands(self) -> Sequence[Verb]:
        """Deadlines warned of, and what waits sent."""
        return (pay_out_choice(self),)


def hold_choices(view: MoneyView, row: HoldLine) -> list[Verb]:
    """The verbs of a hold; those that cannot be now say why, or who may."""
    page, hold = view.page, row.hold
    may, fund_may = view.refused(Permission.RELEASE), view.refused(Permission.FUND)
    approve = view.refused(Permission.APPROVE_RELEASE)
    doubt = _UNKNOWN if row.unknown else None
    nothing = None if hold.held else "Nothing is held."
    stopped = f"Stopped: {hold.blocks[0].reason}" if hold.blocks else None
    choices: list[Verb] = []
    if hold.state != "cancelled" and hold.funded < hold.agreed:
        choices.append(Choice("f", f"have {money_text(hold.agreed - hold.funded)} paid …",
                              lambda: fund_verb(page, hold.id), refused=fund_may or doubt))  # fmt: skip
    if hold.funded:
        choices += [
            Choice("r", f"release {money_text(hold.held)} …", lambda: release_verb(page, hold.id),
                   refused=may or doubt or nothing or stopped),
            Choice("p", "release a part …", lambda: release_verb(page, hold.id, part=True),
                   refused=may or doubt or nothing or stopped),
            Choice("b", f"send {money_text(hold.held)} back to {hold.customer} …",
                   lambda: refund_verb(page, hold.id), refused=may or doubt or nothing, danger=True),
            Choice("B", "send a part back …", lambda: refund_verb(page, hold.id, part=True),
                   refused=may or doubt or nothing, danger=True),
        ]  # fmt: skip
    if hold.released:
        choices.append(Choice("c", f"recall what was released, {money_text(hold.released)} at most …",
                              lambda: recall_verb(page, hold.id), refused=may or doubt, danger=True))  # fmt: skip
    by_hand = any(one.kind == "manual" for one in hold.blocks)
    if by_hand:
        choices.append(Choice("l", "lift the stop …", lambda: unblock_verb(page, hold), refused=approve))
    elif hold.held:
        choices.append(Choice("s", "stop the release …", lambda: block_verb(page, hold), refused=approve))
    if not hold.held and not hold.funded and hold.state == "agreed":
        choices.append(
            Choice("g", "give the hold up …", lambda: cancel_verb(page, hold), refused=fund_may, danger=True)
        )
    if row.days_left is not None:
        choices.append(Choice("+", "hold it longer", lambda: None,
                              refused="No rule allows it: release or refund before the last day.  w rule"))  # fmt: skip
    choices += [
        Choice("a", "ask somebody to decide …", page.action_assign),
        Choice("z", "later …", page.action_later), Choice("o", "open the deal", lambda: page.open_deal_of(hold.id)),
    ]  # fmt: skip
    return choices


def pay_out_choice(view: MoneyView) -> Verb:
    """Send everything that was released and waits."""
    return Choice("P", "pay out what was released and waits …", lambda: payout_verb(view.page),
                  refused=view.refused(Permission.RELEASE))  # fmt: skip


class PayoutsView(MoneyView):
    """Money on its way to payees: what waits, who is left out and why, and what reached their banks."""

    name = "payouts"
    words = "payouts"
    empty = "Nothing was paid out yet. It begins with a release."
    homes: ClassVar[frozenset[str]] = frozenset({"payout"})

    def columns(self) -> Sequence[Column[Any]]:
        """State, who, where to, when, amount."""
        return (
            Column("sign", "", lambda line: cell(_PAY_STATES[line.state][0], _PAY_STATES[line.state][2]), 1),
            Column("payee", "Payee", lambda line: cell(line.payee), 16, grow=True,
                   sort=lambda line: line.payee.casefold()),
            Column("state", "State", self._state, 14, sort=lambda line: _PAY_STATES[line.state][1]),
            Column("to", "Account", self._to, 14, rank=2),
            Column("arrives", "Arrives", self._arrives, 11, rank=1, sort=lambda line: line.arrives_on),
            Column("why", "Why", lambda line: cell(line.why or "", "soft"), 20, grow=True, rank=3),
            Column("amount", "Amount", lambda line: money(line.amount), 12, right=True,
                   sort=lambda line: (line.amount.currency, line.amount.minor)),
        )  # fmt: skip

    def _state(self, line: PayLine) -> Cell:
        _, words, token = _PAY_STATES[line.state]
        return cell(words, token, reason=line.why)

    def _to(self, line: PayLine) -> Cell:
        return cell(line.to) if line.to else missing("no bank account is known")

    def _arrives(self, line: PayLine) -> Cell:
        if line.arrives_on is None:
            return missing("no day is known before the bank takes it")
        return cell(day(line.arrives_on, self.now))

    def key(self, row: PayLine) -> Hashable:
        """The provider's id, or what waits."""
        return row.key

    def read(self, work: Workspace) -> Sequence[PayLine]:
        """What waits, then the payouts."""
        from engagerr.core.desk.money_page import pay_lines

        return pay_lines(work)

    def named(self, row: PayLine) -> str:
        """`€255.00 to Jonna Brenner`."""
        return f"{money_text(row.amount)} to {row.payee}"

    def searched(self, row: PayLine) -> str:
        """Payee, state, reason."""
        return f"{row.payee} {_PAY_STATES[row.state][1]} {row.why or ''} {row.amount.currency} {row.key}"

    def asks(self, row: PayLine) -> Callable[[Workspace], Any] | None:
        """Its entries, if it is a payout."""
        from engagerr.core.desk.money_page import payout_entries

        payout = row.payout
        return None if payout is None else lambda work: payout_entries(work, payout)

    def side(self, row: PayLine, more: tuple[Entry, ...] | None) -> Sequence[Cell]:
        """What it is, why it waits, and its entries."""
        lines = [cell(self.named(row), "ink-bold"), BLANK]
        lines += facts(
            [("State", _PAY_STATES[row.state][1]), ("Account", row.to or "not known"),
             ("Arrives", day(row.arrives_on, self.now, year=True) if row.arrives_on else None),
             ("Told", day(row.at, self.now, year=True) if row.at else None),
             ("Reference", row.payout.provider_id if row.payout else None)]
        )  # fmt: skip
        if row.why:
            lines += wrapped(f"{row.why[:1].upper()}{row.why[1:]}", SIDE, "attention")
        if row.state == "ready":
            lines += wrapped("Released, and not sent yet.  x  pays it out; the schedule does it by itself.", SIDE)
        if row.state in ("pending", "in_transit"):
            lines += wrapped("It is booked on the day on which the bank says that it arrived.", SIDE, "soft")
        if more:
            from engagerr.core.desk.money_page import entry_sums

            lines += [BLANK, *entry_lines(more, entry_sums(more))]
        return lines

    def open(self, row: PayLine) -> None:
        """Its double entries."""
        if row.payout is None:
            super().open(row)
            return
        asked = self.asks(row)
        assert asked is not None
        self.page.do("payout", lambda: asked(self.work),
                     then=lambda found: self.page.show_sheet(self.named(row), self.side(row, found)))  # fmt: skip

    def verbs(self, row: PayLine) -> Sequence[Verb]:
        """Sending is for all that waits."""
        return ()

    def commands(self) -> Sequence[Verb]:
        """Send what waits."""
        return (pay_out_choice(self),)
