"""What money dialogs say: pure functions from the facts of the core to a dialog, and the words they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engagerr.core.money import Money
from engagerr.tui.widgets.dialogs import Fact, MoneyDialog
from engagerr.tui.writing import cut, day, money_text, span

if TYPE_CHECKING:
    from engagerr.core.desk.money_facts import HoldFacts, WaitingPay
    from engagerr.core.payments.held.movement_rows import MovementRow

_VALUE_WIDTH = 40
_NAMED = 3
_UNDONE = "This cannot be undone."


def release_dialog(facts: HoldFacts, *, reason: str | None = None) -> MoneyDialog:
    """Before a release: who gets what, what stays with us, what is not in order."""
    names = names_of([part.name for part in facts.parts if not part.commission])
    leaves = facts.theirs if facts.theirs.minor > 0 else facts.amount
    lines = [*_about(facts), Fact("From the hold", money_text(facts.amount))]
    if facts.ours:
        lines.append(Fact(f"Our commission, {_share(facts.ours, facts.amount)}", money_text(facts.ours)))
    for part in facts.parts:
        if not part.commission:
            account = part.to or "bank account not known here"
            lines.append(Fact(f"To {cut(f'{part.name}, {account}', 42)}", money_text(part.amount), heavy=True))
    if reason:
        lines.append(Fact("Reason, on the receipt", cut(reason, _VALUE_WIDTH)))
    lines.append(Fact("On the bank account", "with their next payout; day not known"))
    return MoneyDialog(
        f"{'Ask to release' if facts.second else 'Release'} {money_text(leaves)} to {names}", lines,
        typed=_typed(leaves), words="ask for the release" if facts.second else "release",
        warnings=[*_not_in_order(facts), *_second(facts), f"{_UNDONE} To take it back is to ask the creator for it."],
    )  # fmt: skip


def refund_dialog(facts: HoldFacts, *, reason: str | None = None) -> MoneyDialog:
    """Before a refund: what goes back to the payer, and what is lost with it."""
    lines = [
        *_about(facts), Fact("From the hold", money_text(facts.amount)),
        Fact(f"Back to {cut(facts.hold.customer, 30)}", money_text(facts.amount), heavy=True),
        Fact("Fee already spent", money_text(facts.fee) if facts.fee else "not known here"),
    ]  # fmt: skip
    if reason:
        lines.append(Fact("Reason, on the receipt", cut(reason, _VALUE_WIDTH)))
    lines.append(Fact("On their account", "as their bank takes it; day not known"))
    rest = facts.page.available - facts.amount
    whole = f"Delivered so far: {facts.pieces_up} of {facts.pieces}." if facts.pieces else ""
    nobody = "" if rest else f"{_creators(facts)} nothing more of this hold. "
    return MoneyDialog(
        f"{'Ask to refund' if facts.second else 'Refund'} {money_text(facts.amount)} to"
        f" {cut(facts.hold.customer, 30)}",
        lines, typed=_typed(facts.amount), words="ask for the refund" if facts.second else "refund",
        warnings=[*(said for said in (f"{nobody}{whole}".strip(),) if said), *_second(facts), _UNDONE],
    )  # fmt: skip


def fund_dialog(facts: HoldFacts, *, method: str | None) -> MoneyDialog:
    """Before a payment is asked for: from whom, how much, and what holding it means."""
    lines = [
        *_about(facts), Fact("Agreed", money_text(facts.hold.agreed)),
        Fact("Paid so far", money_text(facts.hold.funded)),
        Fact(f"From {cut(facts.hold.customer, 34)}", money_text(facts.amount), heavy=True),
        Fact("How", "the sandbox's test card, at once" if method else "a page on which they pay"),
        Fact("Fee", "known once it is paid"),
    ]  # fmt: skip
    held = "It is held once it is paid; it moves on by a release or a refund, and has to before its time is over."
    return MoneyDialog(
        f"{'Charge' if method else 'Ask for'} {money_text(facts.amount)}", lines, typed=_typed(facts.amount),
        words="charge" if method else "make the page", keep="ask for nothing", warnings=[held],
    )  # fmt: skip


def approve_dialog(facts: HoldFacts | None, movement: MovementRow) -> MoneyDialog:
    """Before a second person allows what another has asked for; it is carried out at once. `facts`: of its hold."""
    kind = movement.kind.replace("_", " ")
    lines = [
        *(_about(facts) if facts else [Fact("For", cut(movement.hold, 48))]),
        Fact("Asked for by", cut(movement.requested_by or "silence", _VALUE_WIDTH)),
        Fact("Reason", cut(movement.reason or "none was given", _VALUE_WIDTH)),
        Fact("From the hold" if facts else "Amount", money_text(movement.amount)),
    ]
    if facts is not None and movement.kind == "release":
        lines += [Fact(f"To {cut(part.name, 34)}", money_text(part.amount), heavy=True) for part in facts.parts]
    elif facts is not None and movement.kind == "refund":
        lines.append(Fact(f"To {cut(facts.hold.customer, 34)}", money_text(movement.amount), heavy=True))
    return MoneyDialog(
        f"Approve the {kind} of {money_text(movement.amount)}",
        lines,
        typed=_typed(movement.amount),
        words="approve",
        keep="leave it waiting",
        warnings=[*(_not_in_order(facts) if facts and movement.kind == "release" else ()), _UNDONE],
    )


def payout_dialog(waiting: WaitingPay) -> MoneyDialog:
    """Before what was released and waits is sent to everybody who can be paid now. The number is typed."""
    lines = [Fact(f"In {amount.currency}", money_text(amount), heavy=True) for amount in waiting.amounts]
    by_name = [part.name for part in waiting.ready]
    lines.append(Fact("To", cut(names_of(by_name), _VALUE_WIDTH)))
    out = [f"Left out: {part.waits} ({money_text(part.amount)})." for part in waiting.stuck[:_NAMED]]
    if len(waiting.stuck) > _NAMED:
        out.append(f"Left out, too: {len(waiting.stuck) - _NAMED} more.")
    return MoneyDialog(
        f"Send what waits to {waiting.payees} {'payee' if waiting.payees == 1 else 'payees'}", lines,
        typed=str(waiting.payees), words="send", keep="leave it waiting", warnings=[*out, _UNDONE],
    )  # fmt: skip


def _about(facts: HoldFacts) -> list[Fact]:
    hold = facts.hold
    lines = [Fact("Deal", f"{cut(facts.deal or hold.title, 44)}")]
    if facts.deal and hold.title != facts.deal:
        lines.append(Fact("For", cut(hold.title.removeprefix(f"{facts.deal}: "), 48)))
    if hold.must_end_by is not None and hold.held:
        left = span(hold.must_end_by, facts.at)
        lines.append(Fact("Held until at most", f"{day(hold.must_end_by, facts.at, year=True)}, {left}"))
    return lines


def _not_in_order(facts: HoldFacts) -> list[str]:
    said = []
    if facts.open_pieces:
        named = ", ".join(facts.open_pieces[:_NAMED])
        many = len(facts.open_pieces) > 1
        are = "are" if many else "is"
        said.append(f"{len(facts.open_pieces)} of {facts.pieces} pieces {are} not up: {named}.")
    if not facts.approved:
        said.append(f"{facts.hold.customer} has not approved all that this pays for.")
    said += [f"{sentence(part.waits)} Released, it waits." for part in facts.parts if part.waits]
    return said


def _second(facts: HoldFacts) -> list[str]:
    return ["A second person has to approve it; nothing moves before."] if facts.second else []


def _creators(facts: HoldFacts) -> str:
    names = [name for party, name in facts.page.parties.items() if party != "commission"]
    return f"{names_of(names)} {'gets' if len(names) == 1 else 'get'}" if names else "Nobody gets"


def names_of(names: Sequence[str]) -> str:
    """Up to three names, of more the first two and how many follow."""
    kept = list(dict.fromkeys(names))
    if len(kept) > _NAMED:
        return f"{kept[0]}, {kept[1]} and {len(kept) - 2} more"
    return " and ".join(filter(None, (", ".join(kept[:-1]), kept[-1]))) if kept else "nobody"


def _share(part: Money, whole: Money) -> str:
    return f"{100 * part.minor / whole.minor:.4g} %"


def _typed(amount: Money) -> str:
    """What is typed: the whole units; the amount itself where it has none."""
    return str(int(amount.amount)) if amount.amount >= 1 else str(amount.amount)


def sentence(words: str | None) -> str:
    """The words as a sentence, whatever they ended in."""
    said = (words or "").strip().rstrip(".")
    return f"{said[:1].upper()}{said[1:]}." if said else ""
