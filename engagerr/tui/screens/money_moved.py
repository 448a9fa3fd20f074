"""Views of Money: movements that wait for approval, disputes, receipts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.money_verbs import (
    approve_verb,
    reject_verb,
)
from engagerr.tui.screens.money_moves import (
    approve_about_verb,
    asked_on,
    cover_verb,
    recall_verb,
    withdraw_verb,
    write_off_verb,
)
from engagerr.tui.screens.money_view import MoneyView, Verb
from engagerr.tui.widgets.dialogs import Choice
from engagerr.tui.widgets.grid import Column
from engagerr.tui.widgets.money_cells import (
    SIDE,
    booked_words,
    facts,
    receipt_lines,
    wrapped,
)
from engagerr.tui.writing import BLANK, Cell, cell, day, missing, money, money_text, span

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.payments.held.disputes import DisputeRow
    from engagerr.core.payments.held.movement_rows import MovementRow
    from engagerr.core.payments.held.receipts import Receipt

_MOVED = {
    "requested": (glyphs.LATE, "waits for approval", "attention"), "approved": (glyphs.SUGGESTED, "on its way", "soft"),
    "done": (glyphs.DONE, "done", "good"), "failed": (glyphs.DANGER, "failed", "danger"),
    "rejected": (glyphs.FAILED, "rejected", "faint"),
}  # fmt: skip
_DISPUTES = {
    "warning": (glyphs.LATE, "the bank asks", "attention"), "open": (glyphs.DANGER, "open", "danger"),
    "won": (glyphs.DONE, "won", "good"), "lost": (glyphs.FAILED, "lost", "danger"), "closed": (" ", "closed", "faint"),
}  # fmt: skip


class MovementsView(MoneyView):
    """Releases, refunds, recalls: those first that wait for a second person."""

    name = "approvals"
    words = "movements"
    empty = "Nothing waits for approval. Large sums need two people: one asks, another one approves."
    homes: ClassVar[frozenset[str]] = frozenset({"movement", "approval"})

    def columns(self) -> Sequence[Column[Any]]:
        """State, what, who asked, when, amount."""
        return (
            Column("sign", "", lambda row: cell(_MOVED[row.state][0], _MOVED[row.state][2]), 1),
            Column("kind", "What", lambda row: cell(row.kind.replace("_", " ")), 9, sort=lambda row: row.kind),
            Column("hold", "About", lambda row: cell(row.hold), 14, grow=True, sort=lambda row: row.hold.casefold()),
            Column("state", "State", self._state, 18, rank=2, sort=lambda row: row.state),
            Column("asked", "Asked by", lambda row: cell(row.requested_by or "silence", "soft"), 12, grow=True, rank=1),
            Column("at", "Asked", lambda row: cell(day(row.requested_at, self.now), "soft"), 10, rank=3,
                   sort=lambda row: row.requested_at),
            Column("amount", "Amount", lambda row: money(row.amount), 12, right=True,
                   sort=lambda row: (row.amount.currency, row.amount.minor)),
        )  # fmt: skip

    def _state(self, row: MovementRow) -> Cell:
        _, words, token = _MOVED[row.state]
        return cell(words, token, reason=row.answer if row.state in ("failed", "rejected") else None)

    def read(self, work: Workspace) -> Sequence[MovementRow]:
        """The newest two hundred, what waits first."""
        rows = work.payments.holds.movements(limit=200)
        waiting = work.payments.holds.movements(state="requested", limit=200)
        seen = {one.id for one in waiting}
        return (*waiting, *(one for one in rows if one.id not in seen))

    def named(self, row: MovementRow) -> str:
        """`release of €300.00 for Trail shoes`."""
        return f"{row.kind.replace('_', ' ')} of {money_text(row.amount)} for {row.hold}"

    def searched(self, row: MovementRow) -> str:
        """What, about what, who."""
        return f"{self.named(row)} {_MOVED[row.state][1]} {row.requested_by or ''} {row.reason or ''} {row.id}"

    def is_over(self, row: MovementRow) -> bool:
        """Done, failed, rejected."""
        return row.state not in ("requested", "approved")

    def agenda_key(self, row: MovementRow) -> str | None:
        """As Today names it."""
        return f"approval:{row.id}"

    def side(self, row: MovementRow, more: Any) -> Sequence[Cell]:
        """Who asked for what and why, who decided, and what follows."""
        lines = [cell(self.named(row), "ink-bold"), BLANK]
        lines += facts(
            [("State", _MOVED[row.state][1]), ("Asked by", asked_on(row, self.page)), ("Reason", row.reason),
             ("Second", "needed" if row.needs_second else "not needed"), ("Decided by", row.decided_by),
             ("On", day(row.decided_at, self.now, year=True) if row.decided_at else None), ("Answer", row.answer)]
        )  # fmt: skip
        if row.state == "requested":
            mine = row.requested_by_id == self.work.member.id
            said = "You asked, so it cannot be you." if mine else "Whoever asked cannot approve it."
            lines += [BLANK, *wrapped(f"Nothing moves until a second person approves it. {said}", SIDE)]
        return lines

    def verbs(self, row: MovementRow) -> Sequence[Verb]:
        """Approve or reject what waits; give up what the provider cannot do yet."""
        page, approve, may = self.page, self.refused(Permission.APPROVE_RELEASE), self.refused(Permission.RELEASE)
        mine = row.requested_by_id == self.work.member.id
        four_eyes = "You asked for this; somebody else approves it.  a" if mine else None
        choices: list[Verb] = []
        if row.state == "requested":
            verb = approve_verb if row.hold_id is not None else approve_about_verb
            choices += [
                Choice("y", f"approve {money_text(row.amount)} …", lambda: verb(page, row),
                       refused=approve or four_eyes),
                Choice("n", "reject, for a reason …", lambda: reject_verb(page, row), refused=approve, danger=True),
            ]  # fmt: skip
        if row.state == "approved":
            choices.append(Choice("w", "give it up: nothing was sent yet …", lambda: withdraw_verb(page, row),
                                  refused=may, danger=True))  # fmt: skip
        if row.kind == "recall" and row.state in ("approved", "failed"):
            choices.append(Choice("c", "pay ourselves what is missing …", lambda: cover_verb(page, row), refused=may))
        hold_id = row.hold_id
        if hold_id is not None:
            choices.append(Choice("o", "open the entries of its hold", lambda: _open_entries(self, hold_id)))
        return [*choices, Choice("a", "ask somebody to decide …", page.action_assign),
                Choice("z", "later …", page.action_later)]  # fmt: skip

    def open(self, row: MovementRow) -> None:
        """The entries of its hold."""
        if row.hold_id is None:
            super().open(row)
        else:
            _open_entries(self, row.hold_id)


class DisputesView(MoneyView):
    """Payments that banks take back, or ask about."""

    name = "disputes"
    words = "disputes"
    empty = "No bank has taken a payment back."
    homes: ClassVar[frozenset[str]] = frozenset({"dispute"})

    def columns(self) -> Sequence[Column[Any]]:
        """State, of what, until when, amount."""
        return (
            Column("sign", "", lambda row: cell(_DISPUTES[row.state][0], _DISPUTES[row.state][2]), 1),
            Column("hold", "Dispute of", lambda row: cell(row.hold or row.provider_id), 16, grow=True),
            Column("state", "State", lambda row: cell(_DISPUTES[row.state][1], _DISPUTES[row.state][2]), 13),
            Column("reason", "Reason", self._reason, 16, grow=True, rank=2),
            Column("until", "Answer by", self._until, 11, sort=lambda row: row.respond_by),
            Column("claim", "Owed to us", lambda row: money(row.claim, token="soft"), 12, right=True, rank=1),
            Column("amount", "Amount", lambda row: money(row.amount), 12, right=True),
        )  # fmt: skip

    def _reason(self, row: DisputeRow) -> Cell:
        return cell(row.reason.replace("_", " "), "soft") if row.reason else missing("the bank gave no reason")

    def _until(self, row: DisputeRow) -> Cell:
        if row.respond_by is None or row.closed_at is not None:
            return missing("it is closed" if row.closed_at else "no last day is known")
        return cell(day(row.respond_by, self.now))

    def ids(self, row: DisputeRow) -> tuple[str, ...]:
        """Ours and the provider's."""
        return str(row.id), row.provider_id

    def read(self, work: Workspace) -> Sequence[DisputeRow]:
        """All of them."""
        return work.payments.disputes.list()

    def named(self, row: DisputeRow) -> str:
        """`dispute of Trail shoes`."""
        return f"dispute of {row.hold or row.provider_id}"

    def agenda_key(self, row: DisputeRow) -> str | None:
        """As Today names it."""
        return f"dispute:{row.id}"

    def side(self, row: DisputeRow, more: Any) -> Sequence[Cell]:
        """What the bank took, from where, and what is owed."""
        lines = [cell(self.named(row), "ink-bold"), BLANK]
        lines += facts(
            [("State", _DISPUTES[row.state][1]), ("Amount", money_text(row.amount)),
             ("Bank's fee", money_text(row.fee) if row.fee else None), ("From hold", money_text(row.from_hold)),
             ("Owed to us", money_text(row.claim)), ("Reason", (row.reason or "").replace("_", " ") or None),
             ("Opened", day(row.opened_at, self.now, year=True)),
             ("Answer by", f"{day(row.respond_by, self.now, year=True)}, {span(row.respond_by, self.now)}"
              if row.respond_by and not row.closed_at else None), ("Reference", row.provider_id)]
        )  # fmt: skip
        return [*lines, BLANK, *wrapped("The answer to the bank is sent in the provider's dashboard.", SIDE, "soft")]

    def verbs(self, row: DisputeRow) -> Sequence[Verb]:
        """What was released is recalled, or given up once the dispute is lost."""
        from engagerr.core.desk.money_page import owed_for

        may, page, hold_id = self.refused(Permission.RELEASE), self.page, row.hold_id
        not_lost = None if row.state == "lost" else f"The dispute is {_DISPUTES[row.state][1]}, not lost."
        choices: list[Verb] = []
        if hold_id is not None:
            choices += [
                Choice("c", "recall it from the payees …",
                       lambda: page.do("owed", lambda: owed_for(self.work, row), then=lambda owed: recall_verb(
                           page, hold_id, dispute=row, owed=owed)), refused=may or not_lost, danger=True),
                Choice("g", "give it up …", lambda: write_off_verb(page, row), refused=may or not_lost, danger=True),
                Choice("o", "open the entries of its hold", lambda: _open_entries(self, hold_id)),
            ]  # fmt: skip
        return [*choices, Choice("a", "ask somebody to see to it …", page.action_assign),
                Choice("z", "later …", page.action_later)]  # fmt: skip


class ReceiptsView(MoneyView):
    """What was done with money, as it was given out."""

    name = "receipts"
    words = "receipts"
    empty = "No receipts yet. Each movement of money gives one."
    homes: ClassVar[frozenset[str]] = frozenset({"receipt"})

    def columns(self) -> Sequence[Column[Any]]:
        """When, what, for what, by whom, amount."""
        return (
            Column("at", "On", lambda row: cell(day(row.at, self.now)), 11, sort=lambda row: row.at),
            Column("kind", "What", lambda row: cell(booked_words(row.kind)), 11, sort=lambda row: row.kind),
            Column("title", "For", lambda row: cell(row.title), 16, grow=True, sort=lambda row: row.title.casefold()),
            Column("by", "By", lambda row: cell(row.by or "by itself", "soft"), 12, grow=True, rank=1),
            Column("reason", "Reason", lambda row: cell(row.reason or "", "soft"), 12, grow=True, rank=2),
            Column("amount", "Amount", lambda row: money(row.amount), 12, right=True,
                   sort=lambda row: (row.amount.currency, row.amount.minor)),
        )  # fmt: skip

    def read(self, work: Workspace) -> Sequence[Receipt]:
        """The newest."""
        return work.payments.receipts.list(limit=500)

    def named(self, row: Receipt) -> str:
        """`released €300.00, Trail shoes`."""
        return f"{booked_words(row.kind)} {money_text(row.amount)}, {row.title}"

    def searched(self, row: Receipt) -> str:
        """What, for what, why, by whom."""
        return f"{self.named(row)} {row.by or ''} {row.reason or ''} {row.id}"

    def side(self, row: Receipt, more: Any) -> Sequence[Cell]:
        """The receipt."""
        return receipt_lines(row, self.now)


def _open_entries(view: MoneyView, hold_id: Any) -> None:
    from engagerr.tui.screens.ledger_entries import EntriesPage

    view.page.app.push_screen(EntriesPage(hold_id))
