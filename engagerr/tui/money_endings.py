"""How verbs of money end: done with a reference, not done and nothing moved, or not known. Nothing else is said."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import Broken, EngagerrError, Unavailable
from engagerr.core.money import Money
from engagerr.core.telemetry import log
from engagerr.tui import glyphs
from engagerr.tui.money_dialogs import names_of, sentence
from engagerr.tui.writing import money_text

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.money_facts import HoldFacts, WaitingPay
    from engagerr.core.payments.held.held_money import Moved

_CHECKING = "Checking every 30 s."
PAST = {"release": "Released", "refund": "Refunded", "recall": "Recalled", "write_off": "Given up",
        "subscription_refund": "Refunded", "adoption": "Adopted"}  # fmt: skip


class End(StrEnum):
    """How a verb of money ended."""

    DONE = "done"
    NOT_DONE = "not done"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Ending:
    """What is said at the end. `url` is where the payer has to go, if there is such a page."""

    end: End
    words: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One money verb as it was confirmed: what it is about, its key, when, and how to look whether it happened."""

    subject: str
    verb: str
    done: str
    key: str
    at: datetime
    check: Callable[[Workspace], Ending | None]


def carried_out(work: Workspace, asked: Asked, call: Callable[[Workspace], Ending], facts: HoldFacts | None) -> Ending:
    """Carry a verb out and say how it ended; it never raises. Runs on a thread."""
    from engagerr.core.desk.money_facts import standing
    from engagerr.core.payments.provider.errors import ProviderBusy, ProviderUnreachable

    undone = f"Not {asked.done.lower()}."
    result = not_known(asked)
    try:
        if facts is not None and standing(work.payments.holds.show(facts.hold.id)) != facts.stands:
            return changed(asked.done.lower())
    except EngagerrError as error:
        return Ending(End.NOT_DONE, f"{undone} {error.message} Nothing moved.")
    try:
        result = call(work)
    except (ProviderBusy, ProviderUnreachable) as error:
        result = Ending(End.NOT_DONE, f"{undone} {error.message} Nothing moved.")
    except (Unavailable, Broken):
        pass
    except EngagerrError as error:
        hint = f" {error.hint}" if error.hint else ""
        result = Ending(End.NOT_DONE, f"{undone} {error.message} Nothing moved.{hint}")
    except Exception as error:  # noqa: BLE001  whatever it was, money may have moved before it
        log("console.money_unknown", error=type(error).__name__, subject=asked.subject)
    return result


def moved_ending(work: Workspace, done: Moved, asked: Asked) -> Ending:  # noqa: PLR0911  an ending a line
    """How a release, a refund or an approval ended."""
    from engagerr.core.desk.money_facts import shares_unknown, unknown_operations

    movement, amount = done.movement, money_text(done.movement.amount)
    reference = f"Reference {_tail(done.receipt.id if done.receipt else movement.id)}."
    if movement.state == "requested":
        who = f"It waits for a second person: {names_of(done.approvers)}." if done.approvers else (
            "It waits for a second person, and nobody else here may approve it."
        )  # fmt: skip
        return Ending(End.DONE, f"Asked for the {movement.kind} of {amount}. {who} Nothing has moved. {reference}")
    if movement.state in ("failed", "rejected"):
        return Ending(
            End.NOT_DONE, f"Not {asked.done.lower()}. {movement.answer or 'The bank refused.'} Nothing moved."
        )
    unknown = unknown_operations(work, movement)
    if shares_unknown(done.shares, unknown) or (movement.state == "approved" and unknown):
        return not_known(asked)
    if done.already:
        return Ending(End.DONE, f"{amount} had been {asked.done.lower()} before; nothing was done again. {reference}")
    if movement.kind == "release":
        return Ending(End.DONE, " ".join((_released(done), reference)))
    if movement.state == "approved":
        way = f"The {movement.kind} of {amount} for {movement.hold} is on its way; the bank has not confirmed it."
        return Ending(End.DONE, f"{way} {' '.join(done.troubles)} {reference}".replace("  ", " "))
    whom = f" to {done.hold.customer}" if done.hold is not None else f" for {movement.hold}"
    return Ending(End.DONE, f"{asked.done} {amount}{whom}. {reference}")


def _released(done: Moved) -> str:
    gone = [share for share in done.shares if share.state not in ("kept", "waiting")]
    waits = [share for share in done.shares if share.state == "waiting"]
    said = []
    if gone:
        total = Money(sum(share.amount.minor for share in gone), done.movement.amount.currency)
        said.append(f"Released {money_text(total)} to {names_of([done.parties[share.party] for share in gone])}.")
    elif not waits:
        said.append(f"Released {money_text(done.movement.amount)}.")
    said += [
        f"Released {money_text(share.amount)} for {done.parties[share.party]}; it waits:"
        f" {(share.note or 'the bank did not take it yet').rstrip('.')}."
        for share in waits
    ]
    said += [f"Not sent yet: {trouble} It is tried again by itself." for trouble in done.troubles[:1]]
    return " ".join(said)


def funded_ending(title: str, payment: Any, reference: UUID | None = None) -> Ending:
    """How asking for a payment ended, by the payment as it stands."""
    amount, named = money_text(payment.amount), f"Reference {_tail(reference or payment.operation_id)}."
    if payment.state == "succeeded":
        return Ending(End.DONE, f"Held {amount} for {title}. {named}")
    if payment.state == "awaiting":
        if payment.url:
            return Ending(
                End.DONE, f"{amount} for {title} can be paid on a page. Nothing has moved. {named}", payment.url
            )
        return Ending(End.DONE, f"{amount} for {title} is on its way; the bank has not confirmed it. {named}")
    if payment.state == "failed":
        return Ending(End.NOT_DONE, f"Not paid. {sentence(payment.error or 'The bank refused')} Nothing moved.")
    if payment.state == "intended":
        words = f"Not paid yet. {sentence(payment.error or 'The bank was not reached')} Nothing moved."
        return Ending(End.NOT_DONE, f"{words} It is tried again by itself.")
    return Ending(End.UNKNOWN, f"{glyphs.QUESTION} Unknown whether it was paid. Do not repeat. {_CHECKING}")


def sent_ending(work: Workspace, waiting: WaitingPay, count: int) -> Ending:
    """How sending what waited ended."""
    if work.payments.events.operations(state="unknown"):
        return Ending(End.UNKNOWN, f"{glyphs.QUESTION} Unknown whether all of it was sent. Do not repeat. {_CHECKING}")
    sums = " and ".join(money_text(amount) for amount in waiting.amounts)
    return Ending(End.DONE, f"Asked the bank for {count} transfers: {sums} to {waiting.payees}. Money has them.")


def not_known(asked: Asked) -> Ending:
    """The provider or the books gave no answer: it may have happened."""
    words = f"{glyphs.QUESTION} Unknown whether it was {asked.done.lower()}. Do not repeat. {_CHECKING}"
    return Ending(End.UNKNOWN, words)


def changed(done: str) -> Ending:
    """The facts that were confirmed are not those that stand."""
    return Ending(End.NOT_DONE, f"Not {done}. It has changed since you read it. Nothing moved. Look at it again.")


def asked_of_hold(facts: HoldFacts, verb: str, done: str) -> Asked:
    """A verb about a hold, as its dialog opens."""
    hold_id, amount = facts.hold.id, facts.amount

    def look(work: Workspace) -> Ending | None:
        from engagerr.core.desk.money_facts import movement_since

        found = movement_since(work, hold_id, verb, amount, facts.at)
        if found is None:
            return Ending(End.NOT_DONE, f"Not {done.lower()}. Nothing moved.")
        return how_it_stands(work, found.id, verb, done)

    return Asked(f"hold:{hold_id}", verb, done, new_key(), facts.at, look)


def how_it_stands(work: Workspace, movement_id: UUID, verb: str, done: str) -> Ending | None:
    """How a movement stands by now; None while nobody knows."""
    from engagerr.core.desk.money_facts import unknown_operations

    found = next((one for one in work.payments.holds.movements(limit=500) if one.id == movement_id), None)
    if found is None:
        return Ending(End.NOT_DONE, f"Not {done.lower()}. Nothing moved.")
    if unknown_operations(work, found):
        return None
    if found.state in ("failed", "rejected"):
        return Ending(End.NOT_DONE, f"Not {done.lower()}. {found.answer or 'The bank refused.'} Nothing moved.")
    if found.state == "requested":
        return Ending(
            End.DONE, f"The {verb} waits for a second person. Nothing has moved. Reference {_tail(found.id)}."
        )
    return Ending(End.DONE, f"{done} {money_text(found.amount)}. Reference {_tail(found.id)}.")


def _tail(subject: UUID) -> str:
    return str(subject)[-8:]


def new_key() -> str:
    """A key under which the provider does a thing once; made when a dialog opens."""
    return f"console:{uuid.uuid4().hex}"
