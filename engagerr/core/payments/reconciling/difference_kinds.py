"""The kinds of difference between our books and the provider's: what each means, in a sentence, and what to do then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engagerr.core.money import Money


@dataclass(frozen=True, slots=True)
class Sides:
    """What a difference is about, as a sentence needs it. `ours`, `theirs`: what each side moved; None: nothing."""

    what: str
    currency: str
    ours: Money | None
    theirs: Money | None
    facts: Mapping[str, Any]

    def places(self) -> list[tuple[str, str, Money | None, Money | None]]:
        """(account, currency, ours, theirs) of every balance that it shows on, fees taken off."""
        found = []
        for place in self.facts.get("places", ()):
            money = place["currency"]
            ours = Money(place["ours_gross"] - place["ours_fee"], money) if _ours_has(place) else None
            theirs = Money(place["theirs_gross"] - place["theirs_fee"], money) if place["theirs_count"] else None
            found.append((place["account"], money, ours, theirs))
        return found

    def fees(self) -> tuple[Money, Money]:
        """(our fee, their fee) over all places in the difference's currency."""
        places = [place for place in self.facts.get("places", ()) if place["currency"] == self.currency]
        return (
            Money(sum(place["ours_fee"] for place in places), self.currency),
            Money(sum(place["theirs_fee"] for place in places), self.currency),
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of difference.

    `adopts`: how it can be taken over: "converge" (the provider is asked and what it says is booked, with no person),
    "book" (the missing fee is booked, with no person), "suspense" (a person says that the provider is right; what it
    moved is booked against suspense), "no" (nothing can be booked; it is explained or dismissed).
    """

    name: str
    title: str
    adopts: str
    sentence: Callable[[Sides], str]
    advice: str


def _missing_here(sides: Sides) -> str:
    return f"The provider moved {sides.theirs} for {sides.what}; our books do not have it yet."


def _missing_there(sides: Sides) -> str:
    return f"Our books have {sides.ours} for {sides.what}; the provider has no line of it."


def _amount(sides: Sides) -> str:
    return f"Our books have {sides.ours} for {sides.what}, the provider {sides.theirs}."


def _currency(sides: Sides) -> str:
    ours = ", ".join(str(money) for *_, money, theirs in sides.places() if money is not None and theirs is None)
    theirs = ", ".join(str(money) for *_, ours, money in sides.places() if money is not None and ours is None)
    return f"Our books have {sides.what} as {ours}, the provider as {theirs}."


def _fee(sides: Sides) -> str:
    ours, theirs = sides.fees()
    if sides.ours is None:
        return f"The provider billed {theirs} for {sides.what}, which our books do not have."
    return f"The provider kept {theirs} as its fee for {sides.what}; our books have {ours}."


def _duplicate(sides: Sides) -> str:
    if int(sides.facts.get("theirs_sources", 0)) > 1:
        made = ", ".join(list(dict.fromkeys(sides.facts.get("sources", ())))[:4])
        return (
            f"The provider carried {sides.what} out {sides.facts['theirs_sources']} times ({made}): {sides.theirs}"
            f" instead of {sides.ours}."
        )
    return f"Our books have {sides.what} {sides.facts.get('ours_count')} times: {sides.ours} instead of {sides.theirs}."


def _in_flight(sides: Sides) -> str:
    if sides.ours is None:
        return f"The provider moved {sides.theirs} for {sides.what}, which is not over yet."
    return f"{sides.ours} for {sides.what} was booked just now; the provider's lists do not show it yet."


def _wrong_party(sides: Sides) -> str:
    meant = ", ".join(sides.facts.get("parties", ())) or "nobody"
    went = sides.facts.get("counterpart") or ", ".join(
        account for account, _, ours, theirs in sides.places() if ours is None and theirs is not None
    )
    return f"{sides.what} went to {went or 'somebody else'}; our books say {meant}."


def _unknown_object(sides: Sides) -> str:
    return f"The provider moved {sides.theirs} for {sides.what}, which nobody asked for through Engagerr."


def _composition(sides: Sides) -> str:
    paid = None if sides.ours is None else -sides.ours
    made = None if sides.theirs is None else -sides.theirs
    return f"The payout {sides.what} is {paid}, but its {sides.facts.get('lines_count', 0)} lines add up to {made}."


def _status(sides: Sides) -> str:
    if sides.facts.get("of") == "payout":
        why = f" ({sides.facts['failure']})" if sides.facts.get("failure") else ""
        return f"The provider says that the payout {sides.what} is {sides.facts.get('status')}{why}; its lines differ."
    if sides.facts.get("operation_state") == "failed":
        return f"Our books have {sides.what} as failed; the provider moved {sides.theirs} for it."
    if sides.ours is not None and sides.ours.minor and sides.theirs is not None and not sides.theirs.minor:
        return f"The provider took {sides.what} back; our books still have {sides.ours}."
    return f"One side took {sides.what} back and the other did not: ours {sides.ours}, theirs {sides.theirs}."


def _without_event(sides: Sides) -> str:
    return (
        f"The provider moved {sides.theirs} for {sides.what} longer ago than it still tells events, and none of them"
        " came here."
    )


def _older_books(sides: Sides) -> str:
    return (
        f"The provider moved {sides.theirs} for an operation of ours that these books do not know ({sides.what}): they"
        " are older than the provider's, as after a restore."
    )


def _balance(sides: Sides) -> str:
    return (
        f"The provider says that {sides.theirs} is on the balance; the {sides.facts.get('lines_count', 0)} lines that"
        f" we copied come to {sides.ours}."
    )


_ADOPT = "engagerr payment adopt"
_ALL = (
    Kind("missing_here", "not in our books yet", "converge", _missing_here, f"Adopt it: {_ADOPT}"),
    Kind(
        "missing_there", "not at the provider", "suspense", _missing_there,
        "Look at it in the provider's dashboard; then adopt what the provider says, or dismiss it with a reason.",
    ),
    Kind(
        "amount", "another amount", "suspense", _amount,
        "Find out which is right; adopting books what is left over to suspense.",
    ),
    Kind("currency", "another currency", "suspense", _currency, "Find out why; adopting books both sides to suspense."),
    Kind("fee", "another fee", "book", _fee, f"Adopt it: {_ADOPT} books what the provider kept."),
    Kind(
        "duplicate", "done twice", "suspense", _duplicate,
        "Refund or reverse what is too much at the provider; what is left open then is closed by the next run.",
    ),
    Kind("in_flight", "on its way", "no", _in_flight, "Nothing: the next run finds it."),
    Kind(
        "wrong_party", "to somebody else", "suspense", _wrong_party,
        "Reverse the transfer at the provider and release it again, or adopt it if the new payee is right.",
    ),
    Kind(
        "unknown_object", "unknown here", "suspense", _unknown_object,
        "Ask who made it in the dashboard; adopting books it to suspense.",
    ),
    Kind(
        "payout_composition", "payout does not add up", "no", _composition,
        "Ask the provider which lines it is made of.",
    ),
    Kind(
        "status", "taken back on one side", "converge", _status,
        f"Adopt it: {_ADOPT} asks the provider how it stands.",
    ),
    Kind("without_event", "no event ever came", "converge", _without_event, f"Adopt it: {_ADOPT}"),
    Kind(
        "older_books", "our books are older", "converge", _older_books,
        f"Adopt it: {_ADOPT} makes the operation again.",
    ),
    Kind(
        "balance", "lines do not add up to the balance", "no", _balance,
        "Copy all lines again: engagerr payment reconcile --whole",
    ),
)  # fmt: skip
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
# What is taken over by itself, because the provider alone says what is to be booked.
BY_ITSELF = tuple(kind.name for kind in _ALL if kind.adopts in ("converge", "book"))


def _ours_has(place: Mapping[str, Any]) -> bool:
    return bool(place["ours_count"] or place["ours_gross"] or place["ours_fee"])
