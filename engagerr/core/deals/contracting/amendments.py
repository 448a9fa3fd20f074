"""Amendments: a further version of what is signed, which takes its place once both have signed; and what it changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from engagerr.core.deals.contracting.clauses import Amendment, ContractTerms, whole
from engagerr.core.deals.contracting.contract_checks import plain_text
from engagerr.core.deals.contracting.contract_reading import SIGNED, ContractRow, versions_of
from engagerr.core.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Of each list, what names its parts: so that a part that moved is no change.
_NAMES = ("ref", "key", "creator", "stage", "heading")
# What two versions never share.
_ASIDE = frozenset({"amendment", "proposal_id"})


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions: where (`milestones M1 amount_minor`), and what it was and is.

    `before` is None where it was added, `after` where it was taken away.
    """

    where: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions of a contract, and every difference between them; none means that they say the same."""

    title: str
    before: int
    after: int
    changes: tuple[Change, ...]


def compared(before: ContractTerms, after: ContractTerms) -> tuple[Change, ...]:
    """Every difference between two terms, in the order of the clauses."""
    return tuple(_differences("", _plain(before), _plain(after)))


def amended(session: Session, contract: ContractRow, terms: ContractTerms, *, reason: str) -> tuple[ContractTerms, int]:
    """Step: (terms of the next version, its number); `Conflict` where nothing stands, or nothing would change.

    Parties, currency and flow stay: another party is another contract.
    """
    versions = versions_of(session, contract)
    standing = next((row for row in versions if row.state == SIGNED), None)
    if standing is None:
        raise Conflict(
            f"{contract.title!r} is {contract.state}: there is nothing to amend.",
            hint="What is not signed is changed directly: engagerr contract edit",
        )
    _refuse_another_frame(standing.terms, terms)
    if not compared(standing.terms, terms):
        raise InvalidInput("The amendment changes nothing.", hint="Change the terms first.")
    change = Amendment(version=standing.version, reason=plain_text(reason, "reason"))
    return msgspec.structs.replace(terms, amendment=change), 1 + max(row.version for row in versions)


def _refuse_another_frame(standing: ContractTerms, terms: ContractTerms) -> None:
    fixed = {
        "The currency": (standing.currency, terms.currency),
        "The flow of money": (standing.flow, terms.flow),
        "The agency": (standing.parties.agency.name, terms.parties.agency.name),
        "The brand": (standing.parties.brand.name, terms.parties.brand.name),
    }
    for what, (before, after) in fixed.items():
        if before != after:
            raise InvalidInput(
                f"{what} would change from {before} to {after}.", hint="That is another contract: end this one first.",
            )  # fmt: skip


def _plain(terms: ContractTerms) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(whole(terms)))
    return {name: value for name, value in document.items() if name not in _ASIDE}


def _differences(where: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _differences(f"{where} {name}".strip(), before.get(name), after.get(name))
    elif _named(before) and _named(after):
        yield from _differences(where, _by_name(before), _by_name(after))
    else:
        yield Change(where, before, after)


def _named(part: Any) -> bool:
    return isinstance(part, list) and all(isinstance(one, dict) and _name(one) for one in part)


def _name(one: dict[str, Any]) -> str | None:
    return next((str(one[name]) for name in _NAMES if one.get(name)), None)


def _by_name(parts: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for at, one in enumerate(parts, start=1):
        name = _name(one) or str(at)
        found[name if name not in found else f"{name} ({at})"] = one
    return found
