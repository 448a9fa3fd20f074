"""Views of Money: differences from the provider's books, the accounts of ours, and what the provider was asked."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.screens.money_moves import adopt_on_my_word_verb, adopt_verb, dismiss_verb
from engagerr.tui.screens.money_view import MoneyView, Verb
from engagerr.tui.widgets.dialogs import Choice
from engagerr.tui.widgets.grid import Column
from engagerr.tui.widgets.money_cells import SIDE, facts, wrapped
from engagerr.tui.writing import BLANK, Cell, age, cell, cut, day, missing, money, money_text

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.payments.ledger.ledger import AccountBalance
    from engagerr.core.payments.provider.operations import Operation
    from engagerr.core.payments.reconciling.differences import Difference
    from engagerr.core.payments.reconciling.reconciliation import PastRun, Run
    from engagerr.tui.loading import Progress
    from engagerr.tui.screens.money_desk import MoneyDesk

_STATES = {
    "open": (glyphs.LATE, "open", "attention"), "adopted": (glyphs.DONE, "adopted", "good"),
    "explained": (glyphs.DONE, "explained", "good"), "dismissed": (glyphs.FAILED, "left", "faint"),
    "cleared": (glyphs.DONE, "gone", "faint"),
}  # fmt: skip
_ASKED = {
    "intended": (glyphs.WAITING, "not sent yet", "soft"), "sent": (glyphs.SUGGESTED, "being asked", "soft"),
    "unknown": (glyphs.QUESTION, "unknown", "unknown"), "awaiting": (glyphs.SUGGESTED, "not over yet", "soft"),
    "succeeded": (glyphs.DONE, "done", "good"), "failed": (glyphs.FAILED, "refused", "danger"),
}  # fmt: skip


class DifferencesView(MoneyView):
    """On what our books and the provider's do not agree: each explained, each adopted or left with a reason."""

    name = "differences"
    words = "differences"
    empty = "Our books and the provider's were never compared.  x compares them now"
    homes: ClassVar[frozenset[str]] = frozenset({"difference", "reconciliation"})
    _compared: PastRun | None = None

    def columns(self) -> Sequence[Column[Any]]:
        """Class, object, both sides, since when."""
        return (
            Column("sign", "", lambda row: cell(_STATES[row.state][0], _STATES[row.state][2]), 1),
            Column("kind", "Difference", lambda row: cell(row.title), 16, grow=True, sort=lambda row: row.title),
            Column("object", "Object", lambda row: cell(row.object_id, "soft"), 16, grow=True, rank=2),
            Column("found", "Found", lambda row: cell(day(row.found_at, self.now), "soft"), 10, rank=1,
                   sort=lambda row: row.found_at),
            Column("state", "State", lambda row: cell(_STATES[row.state][1], _STATES[row.state][2]), 9, rank=3),
            Column("ours", "Our books", lambda row: money(row.ours, why="our books have nothing of it"), 13,
                   right=True),
            Column("theirs", "Provider", lambda row: money(row.theirs, why="the provider has nothing of it"), 13,
                   right=True),
        )  # fmt: skip

    def says_empty(self) -> str:
        """When they were compared last, if ever."""
        if self._compared is None:
            return self.empty
        run = self._compared
        said = f"{run.lines:,} lines and {run.transfers:,} transfers were compared on {day(run.finished_at, self.now)}"
        return f"Our books and the provider's agree: {said}.  x compares them again"

    def read(self, work: Workspace) -> Sequence[Difference]:
        """What is open, then what was decided."""
        differences = work.payments.differences
        self._compared = next(iter(work.payments.reconciliation.runs(limit=1)), None)
        return (*differences.list(state="open", limit=500),
                *(one for one in differences.list(state=None, limit=500) if one.state != "open"))  # fmt: skip

    def ids(self, row: Difference) -> tuple[str, ...]:
        """Ours and the provider's."""
        return str(row.id), row.object_id

    def named(self, row: Difference) -> str:
        """`another amount: ch_123`."""
        return f"{row.title}: {row.object_id}"

    def searched(self, row: Difference) -> str:
        """Class, object, sentence, subject."""
        return f"{self.named(row)} {row.kind} {row.explanation} {row.subject or ''}"

    def is_over(self, row: Difference) -> bool:
        """Decided, or gone."""
        return row.state != "open"

    def agenda_key(self, row: Difference) -> str | None:
        """As Today names it."""
        return f"difference:{row.id}"

    def side(self, row: Difference, more: Any) -> Sequence[Cell]:
        """The sentence, what to do, and what became of it."""
        lines = [cell(row.title, "ink-bold"), BLANK, *wrapped(row.explanation, SIDE), BLANK,
                 *wrapped(row.advice, SIDE, "soft"), BLANK]  # fmt: skip
        return [
            *lines,
            *facts([("Object", row.object_id), ("About", row.subject),
                    ("Our books", money_text(row.ours) if row.ours is not None else "nothing"),
                    ("Provider", money_text(row.theirs) if row.theirs is not None else "nothing"),
                    ("Happened", day(row.happened_at, self.now, year=True) if row.happened_at else None),
                    ("Found", day(row.found_at, self.now, year=True)), ("State", _STATES[row.state][1]),
                    ("By", row.decided_by), ("Reason", row.reason)]),
        ]  # fmt: skip

    def verbs(self, row: Difference) -> Sequence[Verb]:
        """Adopt it, or leave the books and say why."""
        may, page = self.refused(Permission.RELEASE), self.page
        over = None if row.state == "open" else f"It is {_STATES[row.state][1]} already."
        return [
            Choice("y", "adopt: book what the provider says …", lambda: adopt_verb(page, row), refused=may or over),
            Choice("j", "adopt on your word, the rest to suspense …", lambda: adopt_on_my_word_verb(page, row),
                   refused=may or over, danger=True),
            Choice("e", "explain: both sides are right …", lambda: dismiss_verb(page, row, explained=True),
                   refused=may or over),
            Choice("n", "leave it, for a reason …", lambda: dismiss_verb(page, row, explained=False),
                   refused=may or over, danger=True),
            Choice("a", "ask somebody to decide …", page.action_assign), Choice("z", "later …", page.action_later),
        ]  # fmt: skip

    def commands(self) -> Sequence[Verb]:
        """Compare now; the runs so far."""
        return (
            Choice("c", "compare our books with the provider's now", lambda: reconcile(self.page),
                   refused=self.refused(Permission.RELEASE)),
            Choice("h", "the comparisons so far", lambda: show_runs(self.page)),
        )  # fmt: skip


class AccountsView(MoneyView):
    """The accounts of our books with what they hold; `enter` reads one from its first line."""

    name = "accounts"
    words = "accounts"
    empty = "No money has moved yet: the books have no accounts."
    homes: ClassVar[frozenset[str]] = frozenset({"ledger_account"})

    def columns(self) -> Sequence[Column[Any]]:
        """What for, whose, what it holds."""
        from engagerr.core.desk.money_page import account_words

        return (
            Column("kind", "Account", lambda row: cell(account_words(row.account.kind, row.account.party)), 19,
                   sort=lambda row: row.account.kind),
            Column("whose", "Of", lambda row: cell(_whose(row), "soft"), 14, grow=True,
                   sort=lambda row: row.whose.casefold()),
            Column("reserved", "Set aside", self._reserved, 12, right=True, rank=1),
            Column("posted", "Holds", lambda row: money(row.balance.posted), 14, right=True,
                   sort=lambda row: (row.account.currency, row.balance.posted.minor)),
        )  # fmt: skip

    def _reserved(self, row: AccountBalance) -> Cell:
        return money(row.balance.pending_out, token="soft") if row.balance.pending_out else BLANK

    def key(self, row: AccountBalance) -> Hashable:
        """The account's id."""
        return row.account.id

    def read(self, work: Workspace) -> Sequence[AccountBalance]:
        """All accounts, now."""
        return work.payments.ledger.accounts()

    def named(self, row: AccountBalance) -> str:
        """`Held for deals, Trail shoes (EUR)`."""
        from engagerr.core.desk.money_page import account_words

        whose = f", {_whose(row)}" if _whose(row) else ""
        return f"{account_words(row.account.kind, row.account.party)}{whose} ({row.account.currency})"

    def searched(self, row: AccountBalance) -> str:
        """Name and currency."""
        return f"{self.named(row)} {row.account.name}"

    def is_over(self, row: AccountBalance) -> bool:
        """Nothing stands on it."""
        return not row.balance.posted and not row.balance.pending_out and not row.balance.pending_in

    def side(self, row: AccountBalance, more: Any) -> Sequence[Cell]:
        """What it holds, is to come and is set aside."""
        held = row.balance
        lines = [cell(self.named(row), "ink-bold"), BLANK]
        lines += facts(
            [("Holds", money_text(held.posted)), ("Set aside", money_text(held.pending_out)),
             ("To come", money_text(held.pending_in)), ("Available", money_text(held.available)),
             ("Guarded", "never below zero" if row.account.guarded else "may be below zero"),
             ("Name", row.account.name)]
        )  # fmt: skip
        if row.account.kind == "outside":
            lines += [BLANK, *wrapped("Outside is the world: what is below zero there came in from it.", SIDE, "soft")]
        return lines

    def open(self, row: AccountBalance) -> None:
        """Its statement, from the first line on."""
        from engagerr.tui.screens.ledger_statement import StatementPage

        self.page.app.push_screen(StatementPage(row.account.id, self.named(row)))


class OperationsView(MoneyView):
    """What the provider was asked for and is not over; those first whose outcome nobody knows."""

    name = "operations"
    words = "asked of the provider"
    empty = "The provider has answered everything that was asked of it."
    homes: ClassVar[frozenset[str]] = frozenset({"operation", "payment"})

    def columns(self) -> Sequence[Column[Any]]:
        """State, what, about what, since when, how often."""
        return (
            Column("sign", "", lambda row: cell(_ASKED[row.state][0], _ASKED[row.state][2]), 1),
            Column("kind", "What", lambda row: cell(row.kind.value.replace("_", " ")), 14,
                   sort=lambda row: row.kind.value),
            Column("state", "State", lambda row: cell(_ASKED[row.state][1], _ASKED[row.state][2]), 13),
            Column("error", "Last answer", self._error, 16, grow=True, rank=1),
            Column("tries", "Asked", lambda row: cell(f"{row.attempts} ×", "soft"), 6, right=True, rank=2),
            Column("since", "Since", lambda row: cell(age(row.updated_at, self.now), "soft"), 7, right=True,
                   sort=lambda row: row.updated_at),
        )  # fmt: skip

    def _error(self, row: Operation) -> Cell:
        words = (row.error or {}).get("message") or row.waits_for
        return cell(str(words), "soft") if words else missing("nothing was answered")

    def read(self, work: Workspace) -> Sequence[Operation]:
        """All that is not over, the unknown first."""
        rows = work.payments.events.operations(state="open", limit=200)
        return sorted(rows, key=lambda one: one.state != "unknown")

    def ids(self, row: Operation) -> tuple[str, ...]:
        """Ours and the provider's."""
        return str(row.id), row.provider_id or ""

    def named(self, row: Operation) -> str:
        """`transfer, unknown`."""
        return f"{row.kind.value.replace('_', ' ')}, {_ASKED[row.state][1]}"

    def searched(self, row: Operation) -> str:
        """What, about what."""
        return f"{self.named(row)} {row.subject} {row.purpose}"

    def agenda_key(self, row: Operation) -> str | None:
        """As Today names it."""
        return f"operation:{row.id}"

    def side(self, row: Operation, more: Any) -> Sequence[Cell]:
        """What was asked, when, and what came back."""
        lines = [cell(self.named(row), "ink-bold"), BLANK]
        if row.state == "unknown":
            lines += wrapped(f"{glyphs.QUESTION} Unknown whether it was done. Do not repeat. Checking every 30 s.",
                             SIDE, "unknown")  # fmt: skip
        return [
            *lines,
            *facts([("About", row.subject), ("First asked", day(row.created_at, self.now, year=True)),
                    ("Last", day(row.updated_at, self.now, year=True)),
                    ("Asked", f"{row.attempts} times, under one key"),
                    ("Answer", str((row.error or {}).get("message") or "") or None), ("Waits for", row.waits_for),
                    ("Reference", row.provider_id)]),
        ]  # fmt: skip

    def verbs(self, row: Operation) -> Sequence[Verb]:
        """Looking is for all of them."""
        return (Choice("a", "ask somebody to see to it …", self.page.action_assign),
                Choice("z", "later …", self.page.action_later))  # fmt: skip

    def commands(self) -> Sequence[Verb]:
        """Ask the provider what became of it."""
        return (Choice("q", "ask the provider what became of all this, under the same keys",
                       lambda: look_up(self.page), refused=self.refused(Permission.RELEASE)),)  # fmt: skip


def _whose(row: AccountBalance) -> str:
    """Whose it is; an account of our own is nobody else's."""
    return "" if row.whose == row.account.kind else row.whose


def reconcile(page: MoneyDesk) -> None:
    """Compare our books with the provider's, as long work that can be left."""
    from engagerr.tui.loading import Work

    if any(isinstance(one, Work) and one.name == _COMPARING and one.state == "running" for one in page.console.works):
        page.console.say("They are being compared already.", mood="attention")
        return

    def call(progress: Progress) -> Run:
        progress.report(0, said="copying the provider's lines")
        run = page.desk.payments.reconciliation.run()
        progress.report(1, 1, said=_run_words(run))
        return run

    page.console.say("Comparing our books with the provider's.  . shows how far it is")
    page.console.works.append(page.work("reconcile", _COMPARING, call))


_COMPARING = "Compare the books with the provider's"


def _run_words(run: Run) -> str:
    waiting = f"{run.waiting:,} wait for a person" if run.waiting else "nothing waits for a person"
    return f"{run.lines:,} lines compared, {run.matched:,} agree, {run.adopted:,} taken over, {waiting}"


def reconciled(page: MoneyDesk, run: Run) -> None:
    """The comparison is over."""
    page.console.say(f"{_run_words(run)}.", mood="attention" if run.waiting else "ink")
    for trouble in run.troubles[:3]:
        page.console.note(trouble, mood="attention")
    page.read_now()


def show_runs(page: MoneyDesk) -> None:
    """The comparisons so far."""

    def read(runs: Any) -> None:
        now = page.now
        lines = [
            Cell(((f"{day(one.started_at, now):<11}", "ink"),
                  (f"{one.lines:>8,} lines {one.matched:>8,} agree", "soft"),
                  (f"  {one.opened:,} new", "attention" if one.opened else "faint"),
                  (f"  {cut(one.by or '', 16)}", "faint")))
            for one in runs
        ]  # fmt: skip
        page.show_sheet("Comparisons with the provider's books", lines or [cell("They were never compared.", "soft")])

    page.do("runs", page.desk.payments.reconciliation.runs, then=read)


def look_up(page: MoneyDesk) -> None:
    """Ask the provider what became of what it did not answer; nothing is done twice."""

    def said(report: Any) -> str:
        return f"{report.sent:,} sent, {report.adopted:,} found done, {report.unknown:,} still unknown."

    page.do("janitor", page.desk.payments.events.janitor, said=said)


def listen(page: MoneyDesk) -> None:
    """Ask the provider for news, and do what follows from it."""

    def said(report: Any) -> str:
        return f"{report.new:,} new from the provider, {report.events.handled:,} taken in."

    page.do("poll", page.desk.payments.events.poll, said=said)


def prove(page: MoneyDesk) -> None:
    """Prove the books from their first line, as long work; what is broken is told."""
    from engagerr.core.desk.money_page import prove_books

    def call(progress: Progress) -> Any:
        progress.report(0, said="reading every line from the first one")
        found = prove_books(page.desk)
        verdict = page.desk.payments.ledger.verify() if found.sound is False else None
        return found, verdict

    page.console.say("Proving the books.  . shows how far it is")
    page.console.works.append(page.work("prove", "Prove the books", call))


def proven(page: MoneyDesk, found: Any, verdict: Any) -> None:
    """The proof is over."""
    if found.sound:
        page.console.say(f"Books balance {glyphs.DONE} {found.transfers or 0:,} transfers read from the first one.")
    elif verdict is None:
        page.console.say(f"The proof did not come to an end: {found.what}", mood="danger")
    else:
        lines = wrapped(
            "Pay nothing before it is understood. Keep the database as it is, and compare it with a backup.",
            SIDE + 8, "danger",
        )  # fmt: skip
        for one in verdict.breaks[:12]:
            lines += wrapped(f"{glyphs.DANGER} {one.what}{f' ({one.account})' if one.account else ''}", SIDE + 8)
        page.show_sheet("Books do not balance", lines)
    page.read_now()
