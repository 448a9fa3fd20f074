"""Who gets which part of a release: by the weights of the signed contract, to the cent, whatever came before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engagerr.core.errors import InvalidInput
from engagerr.core.money import Money
from engagerr.core.payments.provider.exponents import provider_step

COMMISSION = "commission"
_MOST_WEIGHT = 10**9


@dataclass(frozen=True, slots=True)
class Share:
    """A party of a hold and its weight: `payee:<id>`, `creator:<id>` or `commission`; weights are whole numbers."""

    party: str
    weight: int


def checked_shares(shares: Sequence[Share]) -> tuple[Share, ...]:
    """The shares as they can be kept: each party once, weights of zero or more, somebody above zero, in one order.

    The order of the parties decides who gets a cent that cannot be divided; it must not depend on who wrote them down.
    """
    parties = [share.party for share in shares]
    if len(set(parties)) < len(parties):
        raise InvalidInput("A party stands twice among the shares.", hint="Add its weights up.")
    for share in shares:
        kind, _, name = share.party.partition(":")
        if not (share.party == COMMISSION or (kind in ("payee", "creator") and name)):
            raise InvalidInput(
                f"{share.party!r} is no party of a hold.", hint="Use creator:ID, payee:ID or commission."
            )
        if isinstance(share.weight, bool) or not isinstance(share.weight, int) or not 0 <= share.weight <= _MOST_WEIGHT:
            raise InvalidInput(
                f"A weight of {share.weight!r} is not possible.", hint="Weights are whole numbers from 0."
            )
    if not any(share.weight for share in shares):
        raise InvalidInput("Nobody has a share.", hint="At least one weight must be above zero.")
    return tuple(sorted(shares, key=lambda share: (share.party == COMMISSION, share.party)))


def parts_of(
    amount: Money, shares: Sequence[Share], *, agreed: Money | None = None, before: Mapping[str, int] | None = None
) -> dict[str, Money]:
    """Each party's part of `amount`, by largest remainder; the parts always add up to it.

    With `agreed` (the whole sum of the hold) and `before` (minor units that each party has of it already), a release
    that completes the whole gives each party what is left of its part of the whole, so that many partial releases come
    to the same cents as a single one. Parties with nothing are left out.
    """
    shares = checked_shares(shares)
    weights = [share.weight for share in shares]
    parts = dict(zip((share.party for share in shares), split_in_steps(amount, weights), strict=True))
    if agreed is not None and before is not None and sum(before.values()) + amount.minor == agreed.minor:
        whole = zip((share.party for share in shares), split_in_steps(agreed, weights), strict=True)
        rest = {party: part.minor - before.get(party, 0) for party, part in whole}
        # A party that got more before than the whole gives it (the contract was amended in between) keeps it.
        if all(minor >= 0 for minor in rest.values()) and sum(rest.values()) == amount.minor:
            parts = {party: Money(minor, amount.currency) for party, minor in rest.items()}
    return {party: part for party, part in parts.items() if part}


def split_in_steps(amount: Money, weights: Sequence[int]) -> list[Money]:
    """Divide by weights into amounts that the provider can express: no fils, no hundredths of an ariary.

    `InvalidInput` where the whole is none.
    """
    step = provider_step(amount.currency)
    whole, rest = divmod(amount.minor, step)
    if rest:
        raise InvalidInput(
            f"{amount} cannot be sent: the provider takes {amount.currency} in steps of"
            f" {Money(step, amount.currency)}.",
            hint="Round the amount.", facts={"minor": amount.minor, "step_minor": step},
        )  # fmt: skip
    return [Money(part.minor * step, amount.currency) for part in Money(whole, amount.currency).split(weights)]
