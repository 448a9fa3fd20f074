"""The verbs of money for the command palette, with the thing under the cursor filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.money_verbs import payout_verb
from engagerr.tui.page import Command
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.money_books import listen, look_up, prove, reconcile, show_runs
from engagerr.tui.screens.money_files import statement_file
from engagerr.tui.writing import cut

if TYPE_CHECKING:
    from engagerr.tui.screens.money import MoneyPage


def money_commands(page: MoneyPage) -> Sequence[Command]:
    """Verbs of the row first, then those of the view, then all of the screen."""
    work, view, row = page.desk, page.view, page.current
    read, release = refused_for(work, Permission.READ_MONEY), refused_for(work, Permission.RELEASE)
    noun = {"holds": "Hold", "payouts": "Payout", "approvals": "Movement"}.get(view.name, view.words.capitalize())
    found: list[Command] = []
    if row is not None:
        of = cut(view.named(row), 40)
        found += [
            Command(f"{noun}: {choice.words.rstrip(' …')} – {of} …", choice.answer, f"x {choice.key}", choice.refused)
            for choice in view.verbs(row)
        ]
    found += [Command(f"{noun}: {choice.words}", choice.answer, f"x {choice.key}", choice.refused)
              for choice in view.commands()]  # fmt: skip
    found += [
        Command("Payment: verify the books, from the first line", lambda: prove(page), "", read),
        Command("Payment: reconcile now", lambda: reconcile(page), "", release),
        Command("Payment: reconciliations so far", lambda: show_runs(page), "", read),
        Command("Payment: poll the provider for news", lambda: listen(page), "", release),
        Command("Payment: ask what became of unknown outcomes", lambda: look_up(page), "", release),
        Command("Payment: pay out what was released and waits …", lambda: payout_verb(page), "", release),
        Command("Payment: run a round: hear, finish, release what is due", lambda: run_round(page), "", release),
        Command("Payment: statement of a party and a month …", lambda: statement_file(page), "", read),
        Command("Payment: balances at the end of a day …", page.action_at, "t", read),
        Command("Payment: export this view as CSV …", page.action_export, "e", read),
        Command("Payment: limits of roles", lambda: show_limits(page), "", read),
        *(Command(f"Money: show {one.words}", lambda name=one.name: page.go_to_view(name), "v", read)  # type: ignore[misc]
          for one in page.views.values()),
    ]  # fmt: skip
    return found


def run_round(page: MoneyPage) -> None:
    """Hear the provider, finish what was begun, release what silence allows."""

    def said(done: dict[str, int]) -> str:
        told = [f"{count:,} {name.replace('_', ' ')}" for name, count in done.items() if count]
        return f"Done: {', '.join(told)}." if told else "Done: there was nothing to do."

    page.do("round", page.desk.payments.rounds.run, said=said)


def show_limits(page: MoneyPage) -> None:
    """How much each role may move, and from which sum on two people are needed."""
    from engagerr.core.money import Money
    from engagerr.tui.widgets.money_cells import fact
    from engagerr.tui.writing import money_text

    section = page.desk.access.settings.payments

    def read(rows: tuple[object, ...]) -> None:
        lines = [fact(str(row.role), f"at most {money_text(row.most)}") for row in rows]  # type: ignore[attr-defined]
        four = money_text(Money(section.four_eyes_minor, section.currency))
        lines.append(fact("Two people", f"from {four} on, in any currency by its number"))
        page.show_sheet("How much may be moved", lines)

    page.do("limits", page.desk.payments.limits.list, then=read)
