"""Verbs that move money, for every screen: read the facts, show all of them, have the amount typed, say how it ended.

Each dialog makes its idempotency key when it opens, so that a second `enter` cannot pay twice. `money_endings` has the
three endings, `money_dialogs` the dialogs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from engagerr.core.errors import EngagerrError
from engagerr.core.money import Money
from engagerr.tui.money_dialogs import approve_dialog, fund_dialog, payout_dialog, refund_dialog, release_dialog
from engagerr.tui.money_endings import (
    PAST,
    Asked,
    End,
    Ending,
    asked_of_hold,
    carried_out,
    changed,
    funded_ending,
    how_it_stands,
    moved_ending,
    new_key,
    not_known,
    sent_ending,
)
from engagerr.tui.page import Page, State
from engagerr.tui.widgets.dialogs import Ask, Choice, Menu, MoneyDialog, Sheet
from engagerr.tui.writing import cell, money_text, plain

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.money_facts import HoldFacts, WaitingPay
    from engagerr.core.payments.held.held_money import Funding
    from engagerr.core.payments.held.movement_rows import MovementRow
    from engagerr.tui.app import Console

CHECK_EVERY_SECONDS = 30.0
TEST_CARD = "pm_card_visa"
# Whose outcome nobody knows, by console and subject: it is not asked for again before that is known.
_OPEN: WeakKeyDictionary[Console, dict[str, Asked]] = WeakKeyDictionary()
_NOTED = {End.DONE: "good", End.NOT_DONE: "danger", End.UNKNOWN: "unknown"}


# Verbs: each asks, runs and says how it ended.


def release_verb(page: Page, hold: Any, *, part: bool = False) -> None:
    """Release what is held, or with `part` an amount that is asked for first. `hold`: a hold or its id."""
    _with_facts(page, hold, "release", part=part, then=lambda facts: _release(page, facts))


def refund_verb(page: Page, hold: Any, *, part: bool = False) -> None:
    """Send what is held back to the payer; the reason stands on the receipt."""
    _with_facts(page, hold, "refund", part=part, then=lambda facts: _refund(page, facts))


def fund_verb(page: Page, hold: Any) -> None:
    """Have what a hold lacks paid: by a page for the payer; in the sandbox, by its test card as well."""
    _with_facts(page, hold, "fund", part=False, then=lambda facts: _fund(page, facts))


def approve_verb(page: Page, movement: MovementRow) -> None:
    """Allow what somebody else asked for, and carry it out."""
    if movement.requested_by_id == page.desk.member.id:
        page.console.say(f"You asked for this {movement.kind} yourself; somebody else approves it.", mood="attention")
        return
    if stopped(page, f"movement:{movement.id}"):
        return
    from engagerr.core.desk.money_facts import hold_facts

    def opened(facts: HoldFacts | None) -> None:
        subject, verb, done = f"movement:{movement.id}", movement.kind, PAST.get(movement.kind, "Carried out")
        at = page.desk.access.clock.now()
        asked = Asked(subject, verb, done, new_key(), at, lambda work: how_it_stands(work, movement.id, verb, done))

        def call(work: Workspace) -> Ending:
            return moved_ending(work, work.payments.holds.approve(movement.id), asked)

        confirm(page, approve_dialog(facts, movement), asked, call, facts)

    hold_id = movement.hold_id
    if hold_id is None:  # of a subscription, or of a difference of the books
        opened(None)
    else:
        page.do("money:facts", lambda: hold_facts(page.desk, hold_id, amount=movement.amount), then=opened)


def reject_verb(page: Page, movement: MovementRow) -> None:
    """Say no to what somebody asked for; the money stays where it is."""

    def answered(reason: str | None) -> None:
        if reason:
            page.do(
                f"money:{movement.id}", lambda: page.desk.payments.holds.reject(movement.id, reason=reason),
                said=f"Rejected the {movement.kind} of {money_text(movement.amount)}. The money stays where it is.",
            )  # fmt: skip

    title = f"Reject the {movement.kind} of {money_text(movement.amount)}"
    page.app.push_screen(Ask(title, label="Why; who asked reads it.", words="reject", check=_said), answered)


def payout_verb(page: Page) -> None:
    """Send everything that was released and waits for payees who can be paid by now."""
    if stopped(page, "payout"):
        return
    from engagerr.core.desk.money_facts import waiting_pay

    def opened(waiting: WaitingPay) -> None:
        if not waiting.ready:
            left = f" {waiting.stuck[0].waits.capitalize()}." if waiting.stuck and waiting.stuck[0].waits else ""
            page.console.say(f"Nothing waits that could be sent.{left}", mood="attention")
            return
        asked = Asked("payout", "payout", "Sent", new_key(), waiting.at, lambda _work: None)

        def call(work: Workspace) -> Ending:
            if waiting_pay(work).stands != waiting.stands:
                return changed("sent")
            count = work.payments.holds.send_waiting()
            return sent_ending(work, waiting, count)

        confirm(page, payout_dialog(waiting), asked, call, None)

    page.do("money:facts", lambda: waiting_pay(page.desk), then=opened)


# Steps of the verbs.


def _with_facts(page: Page, hold: Any, verb: str, *, part: bool, then: Callable[[HoldFacts], None]) -> None:
    from engagerr.core.desk.money_facts import hold_facts

    hold_id = getattr(getattr(hold, "hold", hold), "id", hold)
    if stopped(page, f"hold:{hold_id}"):
        return
    fund = verb == "fund"

    def read(facts: HoldFacts) -> None:
        if facts.amount.minor <= 0:
            nothing = "All of it is paid or on its way." if fund else f"Nothing is held for {facts.hold.title}."
            page.console.say(nothing, mood="attention")
        elif part:
            _ask_amount(page, facts, verb, again)
        else:
            then(facts)

    def again(amount: Money) -> None:
        page.do("money:facts", lambda: hold_facts(page.desk, hold_id, amount=amount, fund=fund), then=then)

    page.do("money:facts", lambda: hold_facts(page.desk, hold_id, fund=fund), then=read)


def _release(page: Page, facts: HoldFacts) -> None:
    hold = facts.hold
    if hold.blocks:
        page.console.say(f"{hold.title} is not released: {hold.blocks[0].reason}", mood="danger")
        return

    def ask(reason: str | None) -> None:
        asked = asked_of_hold(facts, "release", "Released")

        def call(work: Workspace) -> Ending:
            moved = work.payments.holds.release(hold.id, amount=facts.amount, reason=reason, key=asked.key)
            return moved_ending(work, moved, asked)

        confirm(page, release_dialog(facts, reason=reason), asked, call, facts)

    if facts.approved:
        ask(None)
        return
    _ask_reason(page, f"{hold.customer} has not approved all that this pays for.", "release", ask)


def _refund(page: Page, facts: HoldFacts) -> None:
    hold = facts.hold

    def ask(reason: str | None) -> None:
        asked = asked_of_hold(facts, "refund", "Refunded")

        def call(work: Workspace) -> Ending:
            moved = work.payments.holds.refund(hold.id, amount=facts.amount, reason=reason, key=asked.key)
            return moved_ending(work, moved, asked)

        confirm(page, refund_dialog(facts, reason=reason), asked, call, facts)

    _ask_reason(page, f"Back to {hold.customer}: {money_text(facts.amount)}.", "refund", ask)


def _fund(page: Page, facts: HoldFacts) -> None:
    hold = facts.hold

    def ask(method: str | None) -> None:
        def look(work: Workspace) -> Ending | None:
            since = [one for one in work.payments.holds.show(hold.id).payments if one.at >= facts.at]
            if not since:
                return Ending(End.NOT_DONE, "Not asked for. Nothing moved.")
            return funded_ending(hold.title, since[-1]) if since[-1].state not in ("sent", "unknown") else None

        asked = Asked(f"hold:{hold.id}", "payment", "Paid", new_key(), facts.at, look)

        def call(work: Workspace) -> Ending:
            done: Funding = work.payments.holds.fund(hold.id, amount=facts.amount, method=method, key=asked.key)
            reference = None if done.receipt is None else done.receipt.id
            return funded_ending(hold.title, done.payment, reference)

        confirm(page, fund_dialog(facts, method=method), asked, call, facts)

    if not facts.sandbox:
        ask(None)
        return
    ways = [
        Choice("l", "a page on which they pay", ""), Choice("c", "the sandbox's test card, at once", TEST_CARD),
    ]  # fmt: skip
    page.app.push_screen(
        Menu(f"How is {money_text(facts.amount)} paid", ways), lambda way: None if way is None else ask(way or None)
    )


def confirm(
    page: Page, dialog: MoneyDialog, asked: Asked, call: Callable[[Workspace], Ending], facts: HoldFacts | None
) -> None:
    """Show the dialog; once the amount is typed, carry it out on a thread and say one of the three endings."""
    console = page.console

    def run() -> Ending:
        ending = carried_out(page.desk, asked, call, facts)
        # The page may be gone when this ends: in the list of what happened it stands in any case.
        console.note(ending.words, mood=_NOTED[ending.end])
        return ending

    def answered(typed: bool | None) -> None:
        if typed and not stopped(page, asked.subject):
            page.do(f"money:{asked.subject}", run, then=lambda ending: ended(page, asked, ending))

    page.app.push_screen(dialog, answered)


def ended(page: Page, asked: Asked, ending: Ending) -> None:
    """Say how it ended; where that is not known, look again every 30 seconds."""
    console, moods = page.console, {End.DONE: "ink", End.NOT_DONE: "danger", End.UNKNOWN: "attention"}
    console.say(ending.words, mood=moods[ending.end])
    if ending.end is End.UNKNOWN:
        _OPEN.setdefault(console, {})[asked.subject] = asked
        console.set_timer(CHECK_EVERY_SECONDS, lambda: _look(page, asked))
    else:
        _OPEN.get(console, {}).pop(asked.subject, None)
    if ending.url:
        console.copy_to_clipboard(ending.url)
        lines = [cell(ending.words, "soft"), cell(""), cell(ending.url, "accent"), cell(""),
                 cell("The address was copied. It is held once it is paid.", "soft")]  # fmt: skip
        page.app.push_screen(Sheet("To be paid here", lines))
    if page.is_attached:
        page.read_now()


def look_again(page: Page, subject: str) -> None:
    """Look now whether what nobody knew about a subject is known by now."""
    asked = _OPEN.get(page.console, {}).get(subject)
    if asked is not None:
        _look(page, asked)


def _look(page: Page, asked: Asked) -> None:
    """Look whether what nobody knew is known by now."""
    console = page.console
    here = page if page.is_attached else next(iter(console.pages()), None)
    if here is None or asked.subject not in _OPEN.get(console, {}):
        return

    def look() -> Ending:
        try:
            return asked.check(here.desk) or not_known(asked)
        except EngagerrError:
            return not_known(asked)

    def known(ending: Ending) -> None:
        if ending.end is End.UNKNOWN:
            console.set_timer(CHECK_EVERY_SECONDS, lambda: _look(here, asked))
        else:
            console.note(ending.words, mood="good" if ending.end is End.DONE else "danger")
            ended(here, asked, ending)

    here.do(f"money:look:{asked.subject}", look, then=known)


def stopped(page: Page, subject: str) -> bool:
    """Refuse while the outcome of the last one is not known, and while the connection is lost."""
    if subject in _OPEN.get(page.console, {}):
        page.console.say("Unknown how the last one ended. Do not repeat it before that is known.", mood="attention")
        return True
    if page.state is State.FAILED:
        page.console.say("What you see may be old: money is not moved from here now. r reads again.", mood="attention")
        return True
    return False


def _ask_amount(page: Page, facts: HoldFacts, verb: str, then: Callable[[Money], None]) -> None:
    most = facts.page.available

    def read(words: str) -> str | None:
        try:
            amount = parsed(words, most.currency)
        except EngagerrError as error:
            return error.message
        if amount.minor <= 0 or most < amount:
            return f"Between {money_text(Money(1, most.currency))} and {money_text(most)}."
        return None

    page.app.push_screen(
        Ask(f"How much of {facts.hold.title}", label=f"Available {money_text(most)}", placeholder=str(most.amount),
            words=f"go on to {verb}", check=read),
        lambda words: None if words is None else then(parsed(words, most.currency)),
    )  # fmt: skip


def _ask_reason(page: Page, label: str, verb: str, then: Callable[[str | None], None]) -> None:
    page.app.push_screen(
        Ask(f"Why the {verb}", label=f"{label} The reason stands on the receipt.", words="go on", check=_said),
        lambda reason: None if not reason else then(reason.strip()),
    )


def parsed(words: str, currency: str) -> Money:
    """An amount as it was typed, with or without separators; `InvalidInput` where it is none."""
    return Money.parse(plain(words).strip().replace(",", "").replace(" ", ""), currency)


def _said(words: str) -> str | None:
    return None if words.strip() else "Say it in a few words."
