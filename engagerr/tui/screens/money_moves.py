"""Verbs of money that only the Money screen has: recall, cover, give up, adopt a difference, refund a subscription.

They go the way of `money_verbs`: the facts are read, all of them are shown, the amount is typed, and it ends in one of
three ways. What stops or frees money without moving it asks for a reason only.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import EngagerrError
from engagerr.core.money import Money
from engagerr.tui.money_dialogs import names_of
from engagerr.tui.money_endings import (
    Asked,
    End,
    Ending,
    changed,
    how_it_stands,
    moved_ending,
    new_key,
)
from engagerr.tui.money_verbs import confirm, parsed, stopped
from engagerr.tui.widgets.dialogs import Ask, Confirm, Fact, MoneyDialog
from engagerr.tui.writing import cut, day, money_text

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.payments.billing.subscription_rows import Subscription
    from engagerr.core.payments.billing.subscriptions import SubscriptionFile
    from engagerr.core.payments.held.disputes import DisputeRow
    from engagerr.core.payments.held.held_money import HoldPage, Moved
    from engagerr.core.payments.held.holds import HoldRow
    from engagerr.core.payments.held.movement_rows import MovementRow
    from engagerr.core.payments.reconciling.differences import Difference
    from engagerr.tui.page import Page

_UNDONE = "This cannot be undone."
_SECOND = "A second person has to approve it; nothing moves before."


def typed(amount: Money) -> str:
    """What is typed before it moves: whole units; the amount itself where it has none."""
    return str(int(amount.amount)) if amount.amount >= 1 else str(amount.amount)


def ask_reason(page: Page, title: str, label: str, verb: str, then: Callable[[str], object]) -> None:
    """Ask why; what is answered is never empty."""

    def answered(said: str | None) -> None:
        if said:
            then(said.strip())

    page.app.push_screen(
        Ask(title, label=label, words=verb, check=lambda said: None if said.strip() else "Say it in a few words."),
        answered,
    )


def ask_amount(page: Page, title: str, most: Money, verb: str, then: Callable[[Money], None]) -> None:
    """Ask how much; between the smallest amount and `most`, which is proposed."""

    def wrong(words: str) -> str | None:
        try:
            amount = parsed(words, most.currency)
        except EngagerrError as error:
            return error.message
        return None if 0 < amount.minor <= most.minor else f"At most {money_text(most)}."

    page.app.push_screen(
        Ask(title, label=f"At most {money_text(most)}", value=str(most.amount), words=f"go on to {verb}", check=wrong),
        lambda words: None if words is None else then(parsed(words, most.currency)),
    )


# Money that was released.


def recall_verb(page: Page, hold_id: Any, *, dispute: DisputeRow | None = None, owed: Money | None = None) -> None:
    """Take released money back from the payees, into the hold or towards what a lost dispute left."""
    if stopped(page, f"hold:{hold_id}"):
        return

    def opened(shown: HoldPage) -> None:
        rest = Money(sum(share.rest.minor for share in shown.shares), shown.hold.currency)
        most = rest if owed is None or rest < owed else owed
        if most.minor <= 0:
            page.console.say(f"Nothing that was released of {shown.hold.title} can be recalled.", mood="attention")
            return
        ask_amount(page, f"How much of {cut(shown.hold.title, 40)} to recall", most, "recall",
                   lambda amount: ask_reason(page, "Why the recall", "The reason stands on the receipt.", "go on",
                                             lambda reason: _recall(page, shown, amount, reason, dispute)))  # fmt: skip

    page.do("money:facts", lambda: page.desk.payments.holds.show(hold_id), then=opened)


def _recall(page: Page, shown: HoldPage, amount: Money, reason: str, dispute: DisputeRow | None) -> None:
    from engagerr.core.desk.money_facts import movement_since, standing

    hold, at, stands = shown.hold, page.desk.access.clock.now(), standing(shown)

    def look(work: Workspace) -> Ending | None:
        found = movement_since(work, hold.id, "recall", amount, at)
        if found is None:
            return Ending(End.NOT_DONE, "Not recalled. Nothing moved.")
        return how_it_stands(work, found.id, "recall", "Recalled")

    asked = Asked(f"hold:{hold.id}", "recall", "Recalled", new_key(), at, look)

    def call(work: Workspace) -> Ending:
        if standing(work.payments.holds.show(hold.id)) != stands:
            return changed("recalled")
        moved = work.payments.holds.recall(
            hold.id, amount=amount, reason=reason, dispute=None if dispute is None else dispute.provider_id,
            key=asked.key,
        )  # fmt: skip
        return _ending(work, moved, asked, f"Recalled {money_text(amount)} for {moved.movement.hold}.")

    from_whom = [shown.parties.get(share.party, share.party) for share in shown.shares if share.rest]
    lines = [
        Fact("For", cut(hold.title, 48)), Fact("From", cut(names_of(from_whom), 40)),
        Fact("Into", "the claim of the dispute" if dispute else "the hold again"),
        Fact("To recall", money_text(amount), heavy=True), Fact("Reason, on the receipt", cut(reason, 40)),
    ]  # fmt: skip
    warnings = ["Each payee gives by what they have of it, our commission included.",
                "Part of it can fail where a payee's balance is too low; a task then says so.", _UNDONE]  # fmt: skip
    dialog = MoneyDialog(f"Recall {money_text(amount)}", lines, typed=typed(amount), words="recall",
                         keep="leave it with them", warnings=warnings)  # fmt: skip
    confirm(page, dialog, asked, call, None)


def cover_verb(page: Page, movement: MovementRow) -> None:
    """Pay ourselves, for now, what payees could not give back of a recall."""
    if stopped(page, f"movement:{movement.id}"):
        return

    def said(reason: str) -> None:
        asked = _about(page, movement, "cover", "Covered")

        def call(work: Workspace) -> Ending:
            done = work.payments.holds.cover(movement.id, reason=reason)
            words = f"Covered what was missing of the recall of {money_text(movement.amount)}; the payees owe it."
            return _ending(work, done, asked, words)

        lines = [Fact("Recall of", cut(movement.hold, 40)), Fact("At most", money_text(movement.amount), heavy=True),
                 Fact("From", "our own money"), Fact("Owed by", "the payees, from now on"),
                 Fact("Reason, on the receipt", cut(reason, 40))]  # fmt: skip
        dialog = MoneyDialog(f"Cover the recall of {money_text(movement.amount)}", lines,
                             typed=typed(movement.amount), words="cover", keep="leave it open",
                             warnings=[_UNDONE])  # fmt: skip
        confirm(page, dialog, asked, call, None)

    ask_reason(page, "Why we pay it", "The reason stands on the receipt.", "go on", said)


def write_off_verb(page: Page, dispute: DisputeRow) -> None:
    """Give up what a lost dispute took after it had been released."""
    from engagerr.core.desk.money_page import owed_for

    subject = f"dispute:{dispute.id}"
    if stopped(page, subject):
        return

    def opened(owed: Money) -> None:
        if owed.minor <= 0:
            page.console.say("Nothing is owed for it that is not being recalled.", mood="attention")
            return
        ask_reason(page, "Why it is given up", "The reason stands on the receipt.", "go on",
                   lambda reason: give_up(owed, reason))  # fmt: skip

    def give_up(owed: Money, reason: str) -> None:
        at = page.desk.access.clock.now()
        asked = Asked(subject, "write_off", "Given up", new_key(), at, lambda work: _found(
            work, at, "Given up", lambda one: one.kind == "write_off" and one.dispute_id == dispute.id
        ))  # fmt: skip

        def call(work: Workspace) -> Ending:
            if owed_for(work, dispute) != owed:
                return changed("given up")
            done = work.payments.holds.write_off(dispute.provider_id, reason=reason)
            return _ending(work, done, asked, f"Gave up {money_text(done.movement.amount)}: it is our loss.")

        lines = [Fact("Dispute of", cut(dispute.hold or dispute.provider_id, 40)),
                 Fact("The bank took", money_text(dispute.amount)), Fact("Still owed", money_text(owed), heavy=True),
                 Fact("Becomes", "our loss"), Fact("Reason, on the receipt", cut(reason, 40))]  # fmt: skip
        dialog = MoneyDialog(f"Give up {money_text(owed)}", lines, typed=typed(owed), words="give it up",
                             keep="keep the claim", warnings=[_UNDONE])  # fmt: skip
        confirm(page, dialog, asked, call, None)

    page.do("money:facts", lambda: owed_for(page.desk, dispute), then=opened)


def withdraw_verb(page: Page, movement: MovementRow) -> None:
    """Give up what the provider cannot do yet; what was set aside for it is free again."""
    what = f"{movement.kind.replace('_', ' ')} of {money_text(movement.amount)}"
    ask_reason(
        page, f"Give up the {what}", "Nothing moves; what was set aside for it is free again. Why?", "give it up",
        lambda reason: page.do(
            f"money:movement:{movement.id}", lambda: page.desk.payments.holds.withdraw(movement.id, reason=reason),
            said=f"Gave up the {what}. Nothing moved.",
        ),
    )  # fmt: skip


def approve_about_verb(page: Page, movement: MovementRow) -> None:
    """Allow a movement that is of no hold: a refund of a subscription, a difference that a person books."""
    if movement.requested_by_id == page.desk.member.id:
        page.console.say("You asked for this yourself; somebody else approves it.", mood="attention")
        return
    if stopped(page, f"movement:{movement.id}"):
        return
    asked = _about(page, movement, movement.kind, "Approved")
    what = movement.kind.replace("_", " ")

    def call(work: Workspace) -> Ending:
        done = work.payments.holds.approve(movement.id)
        return _ending(work, done, asked, f"Approved the {what} of {money_text(movement.amount)}.")

    lines = [Fact("About", cut(movement.hold, 48)), Fact("Asked for by", cut(movement.requested_by or "nobody", 40)),
             Fact("Reason", cut(movement.reason or "none was given", 40)),
             Fact("Amount", money_text(movement.amount), heavy=True)]  # fmt: skip
    dialog = MoneyDialog(f"Approve the {what} of {money_text(movement.amount)}", lines, typed=typed(movement.amount),
                         words="approve", keep="leave it waiting", warnings=[_UNDONE])  # fmt: skip
    confirm(page, dialog, asked, call, None)


# What stops a hold, or ends it without money.


def block_verb(page: Page, hold: HoldRow) -> None:
    """Stop the release of a hold by hand."""
    ask_reason(
        page, f"Stop the release of {cut(hold.title, 40)}", "Until somebody lifts it. Why?", "stop it",
        lambda reason: page.do(
            f"money:hold:{hold.id}", lambda: page.desk.payments.holds.block(hold.id, reason=reason),
            said=f"Stopped: {hold.title} is not released before somebody lifts it.",
        ),
    )  # fmt: skip


def unblock_verb(page: Page, hold: HoldRow) -> None:
    """Lift what was stopped by hand."""

    def lifted(left: Any) -> str:
        return f"Lifted. Still stopped: {left[0].reason}" if left else f"Lifted: {hold.title} can be released."

    ask_reason(
        page, f"Lift the stop of {cut(hold.title, 40)}", "Only what was stopped by hand. Why?", "lift it",
        lambda reason: page.do(
            f"money:hold:{hold.id}", lambda: page.desk.payments.holds.unblock(hold.id, reason=reason), said=lifted,
        ),
    )  # fmt: skip


def cancel_verb(page: Page, hold: HoldRow) -> None:
    """Give up a hold in which nothing is held."""

    def sure(yes: bool | None) -> None:
        if yes:
            page.do(f"money:hold:{hold.id}", lambda: page.desk.payments.holds.cancel(hold.id),
                    said=f"Given up: {hold.title}. Nothing moved.")  # fmt: skip

    page.app.push_screen(
        Confirm(f"Give up the hold {cut(hold.title, 40)}", ["Nothing is held in it. It cannot be paid any more."],
                key="g", words="give it up"),
        sure,
    )  # fmt: skip


# Differences.


def adopt_verb(page: Page, difference: Difference) -> None:
    """Make the books say what the provider says, as far as the provider alone can say it."""
    amount = difference.theirs or difference.ours
    _adopt(page, difference, None, amount)


def adopt_on_my_word_verb(page: Page, difference: Difference) -> None:
    """Book it because a person says that the provider is right; what is left over goes to suspense."""
    amount = difference.theirs or difference.ours
    ask_reason(page, "Why the provider is right", "The reason stands in the books.", "go on",
               lambda reason: _adopt(page, difference, reason, amount))  # fmt: skip


def _adopt(page: Page, difference: Difference, reason: str | None, amount: Money | None) -> None:
    subject = f"difference:{difference.id}"
    if stopped(page, subject):
        return

    def stands(work: Workspace) -> Ending | None:
        now = work.payments.differences.show(difference.id)
        done = now.state == "adopted"
        words = "Adopted: the books say now what the provider says." if done else "Not adopted. Nothing was booked."
        return Ending(End.DONE if done else End.NOT_DONE, words)

    asked = Asked(subject, "adopt", "Adopted", new_key(), page.desk.access.clock.now(), stands)

    def call(work: Workspace) -> Ending:
        now = work.payments.differences.show(difference.id)
        if (now.state, now.ours, now.theirs) != (difference.state, difference.ours, difference.theirs):
            return changed("adopted")
        done = work.payments.differences.adopt(difference.id, reason=reason)
        if done.asked is not None:
            return Ending(End.DONE, f"Asked for {money_text(done.asked.amount)} to be booked. {_SECOND}")
        if done.state != "adopted":
            return Ending(End.NOT_DONE, f"Not adopted: it is {done.state}. Nothing was booked.")
        return Ending(End.DONE, f"Adopted: {done.title}. The books say now what the provider says.")

    lines = [Fact("About", cut(difference.object_id, 44)),
             Fact("Our books", _or_nothing(difference.ours)),
             Fact("The provider", _or_nothing(difference.theirs), heavy=True)]  # fmt: skip
    if reason:
        lines += [Fact("Left over goes to", "suspense"), Fact("Reason", cut(reason, 44))]
    dialog = MoneyDialog(
        f"Adopt: {cut(difference.title, 48)}", lines,
        typed=typed(Money(abs(amount.minor), amount.currency)) if amount else "adopt", words="adopt",
        keep="leave it open", warnings=["The books are changed by a new booking; nothing is erased."],
    )  # fmt: skip
    confirm(page, dialog, asked, call, None)


def _or_nothing(amount: Money | None) -> str:
    return "nothing" if amount is None else money_text(amount)


def dismiss_verb(page: Page, difference: Difference, *, explained: bool) -> None:
    """Leave the books as they are, and say why."""
    words = "Explain" if explained else "Leave"
    ask_reason(
        page, f"{words}: {cut(difference.title, 44)}", "The books stay as they are. Why?", words.lower(),
        lambda reason: page.do(
            f"money:difference:{difference.id}",
            lambda: page.desk.payments.differences.dismiss(difference.id, reason=reason, explained=explained),
            said=f"{'Explained' if explained else 'Left'}: {difference.title}. The books stay as they are.",
        ),
    )  # fmt: skip


# Subscriptions.


def refund_subscription_verb(page: Page, row: Subscription) -> None:
    """Send back what was paid last for a subscription, or part of it."""
    subject = f"subscription:{row.id}"
    if stopped(page, subject):
        return

    def opened(file: SubscriptionFile) -> None:
        paid = next((one for one in file.invoices if one.paid.minor > one.refunded.minor), None)
        if paid is None:
            page.console.say(f"Nothing that {row.party} paid for it can be sent back.", mood="attention")
            return
        ask_amount(page, f"How much to send back to {cut(row.party, 34)}", paid.paid - paid.refunded, "refund",
                   lambda amount: ask_reason(page, "Why the refund", "It stands on the credit note.", "go on",
                                             lambda reason: send(paid, amount, reason)))  # fmt: skip

    def send(paid: Any, amount: Money, reason: str) -> None:
        at = page.desk.access.clock.now()
        asked = Asked(subject, "refund", "Refunded", new_key(), at, lambda work: _found(
            work, at, "Refunded", lambda one: one.kind == "subscription_refund" and one.amount == amount
        ))  # fmt: skip

        def call(work: Workspace) -> Ending:
            done = work.payments.subscriptions.refund(row.id, reason=reason, invoice=paid.number, amount=amount)
            moved = done.movement
            if moved.state == "requested":
                return Ending(End.DONE, f"Asked for the refund of {money_text(amount)}. {_SECOND}")
            if moved.state in ("failed", "rejected"):
                return Ending(End.NOT_DONE, f"Not refunded. {moved.answer or 'The bank refused.'} Nothing moved.")
            way = "Refunded" if moved.state == "done" else "On its way:"
            return Ending(End.DONE, f"{way} {money_text(amount)} to {row.party}. Reference {str(moved.id)[-8:]}.")

        lines = [Fact("Subscription", f"{cut(row.party, 28)}, {row.plan_name}"),
                 Fact("Paid", money_text(paid.paid)), Fact("Invoice", paid.number or "none yet"),
                 Fact("Back to the payer", money_text(amount), heavy=True),
                 Fact("Reason", cut(reason, 44))]  # fmt: skip
        dialog = MoneyDialog(f"Refund {money_text(amount)} to {cut(row.party, 34)}", lines, typed=typed(amount),
                             words="refund", keep="keep it", warnings=[_UNDONE])  # fmt: skip
        confirm(page, dialog, asked, call, None)

    page.do("money:facts", lambda: page.desk.payments.subscriptions.show(row.id), then=opened)


# How they end.


def _about(page: Page, movement: MovementRow, verb: str, done: str) -> Asked:
    return Asked(
        f"movement:{movement.id}", verb, done, new_key(), page.desk.access.clock.now(),
        lambda work: how_it_stands(work, movement.id, verb, done),
    )  # fmt: skip


def _found(work: Workspace, at: datetime, done: str, is_it: Callable[[MovementRow], bool]) -> Ending | None:
    """What became of a movement that this member asked for since then; None while nobody knows."""
    mine = (
        one
        for one in work.payments.holds.movements(limit=500)
        if one.requested_by_id == work.member.id and one.requested_at >= at and is_it(one)
    )
    found = next(mine, None)
    if found is None:
        return Ending(End.NOT_DONE, f"Not {done.lower()}. Nothing moved.")
    return how_it_stands(work, found.id, found.kind.replace("_", " "), done)


def _ending(work: Workspace, done: Moved, asked: Asked, words: str) -> Ending:
    """How a movement ended that is no release and no refund: done is said in words of its own."""
    movement = done.movement
    if movement.state == "done":
        reference = str(done.receipt.id if done.receipt else movement.id)[-8:]
        return Ending(End.DONE, f"{words} Reference {reference}.")
    return moved_ending(work, done, asked)


def asked_on(movement: MovementRow, page: Page) -> str:
    """`Jo Lindqvist, Thu 19 Nov`."""
    now = page.desk.access.clock.now()
    return f"{movement.requested_by or 'silence'}, {day(movement.requested_at, now)}"
