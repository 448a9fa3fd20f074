"""Terms before anybody signs them: read from a file, or made of an accepted proposal."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from engagerr.core.deals.contracting.clauses import ContractTerms, terms_of
from engagerr.core.deals.contracting.contract_checks import checked
from engagerr.core.deals.offering.line_items import ProposalDocument
from engagerr.core.errors import InvalidInput

_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Offered:
    """What of a deal and its accepted proposal goes into a contract's first draft; `creators` are (id, name)."""

    title: str
    agency: str
    brand: str
    brand_email: str | None
    currency: str
    flow: str
    commission_rate: Decimal
    creators: tuple[tuple[UUID | None, str], ...]
    document: ProposalDocument
    proposal_id: UUID
    governing_law: str
    today: date


def read_terms(path: Path) -> ContractTerms:
    """The terms in a JSON or TOML file, checked; `InvalidInput` says what is wrong, where, and what to do."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InvalidInput(f"{path} is larger than a megabyte.", hint="Is this the right file?")
        source = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InvalidInput(
            f"The contract {path} cannot be read: {reason}.", hint="Name a JSON or TOML file.",
            facts={"file": str(path)},
        ) from None  # fmt: skip
    try:
        document = tomllib.loads(source, parse_float=Decimal) if path.suffix.lower() == ".toml" else json.loads(source)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"{path} is neither valid JSON nor TOML: {error}.",
            hint="Terms are JSON, or TOML in a file that ends in .toml; `engagerr contract example` prints some.",
            facts={"file": str(path)},
        ) from None
    if not isinstance(document, dict):
        raise InvalidInput(f"{path} holds no terms.", hint="`engagerr contract example` prints some.")
    return checked(terms_of(document))


def example_terms() -> str:
    """Terms to begin with, as a TOML file with comments."""
    return (resources.files("engagerr.core.deals") / "templates" / "example_contract.toml").read_text(encoding="utf-8")


def terms_of_proposal(offer: Offered) -> ContractTerms:
    """A first draft: every line becomes a deliverable, every creator a milestone of what their lines come to.

    What a proposal does not say takes the usual: two revisions, net 30, half of what is open as kill fee once
    production has begun; its exclusivity binds the creators of the deal and nobody else. A person reads it before it
    is sent.
    """
    keys = {name: str(creator_id) if creator_id else f"name:{name.casefold()}" for creator_id, name in offer.creators}
    deliverables: list[dict[str, Any]] = []
    milestones: dict[str, dict[str, Any]] = {}
    for line in offer.document.lines:
        key = str(line.creator_id) if str(line.creator_id) in keys.values() else keys.get(line.creator or "")
        if key is None:
            raise InvalidInput(
                f"Line {line.ref} of the proposal names no creator of the deal.",
                hint="Offer it with a creator, or draft from a file: engagerr contract draft DEAL --file terms.toml",
            )
        due_on = line.due_on.isoformat() if line.due_on else None
        deliverables.append(
            {
                "ref": line.ref, "creator": key, "kind": line.deliverable, "platform": line.platform or "any",
                "count": line.quantity, "due_on": due_on, "description": line.note,
            }
        )  # fmt: skip
        milestone = milestones.setdefault(key, {"amount_minor": 0, "deliverables": [], "due_on": None})
        milestone["amount_minor"] += line.minor
        milestone["deliverables"].append(line.ref)
        milestone["due_on"] = max(filter(None, (milestone["due_on"], due_on)), default=None)
    names = {key: name for name, key in keys.items()}
    paid = _with_something_to_pay(milestones)
    return checked(
        terms_of(
            {
                "title": offer.title,
                "parties": {
                    "agency": {"name": offer.agency},
                    "brand": {"name": offer.brand, "email": offer.brand_email},
                },
                "currency": offer.currency,
                "flow": offer.flow,
                "commission_rate": str(offer.commission_rate),
                "creators": [
                    {"key": key, "name": name, "creator_id": None if key.startswith("name:") else key}
                    for name, key in keys.items()
                ],
                "deliverables": deliverables,
                "milestones": [
                    {"ref": f"M{at}", "title": f"Work of {names[key]}", **milestone}
                    for at, (key, milestone) in enumerate(paid.items(), start=1)
                ],
                "shares": _shares_of(milestones),
                "term": {"from": offer.today.isoformat()},
                "governing_law": offer.governing_law,
                "usage_rights": [_as_clause(right) for right in offer.document.usage_rights],
                "exclusivity": [
                    {**_as_clause(promise), "creators": promise.creators or tuple(keys.values())}
                    for promise in offer.document.exclusivity
                ],
                "kill_fees": [{"stage": "in_production", "rate": "0.5"}],
                "clauses": [{"heading": "Notes", "text": offer.document.notes}] if offer.document.notes else [],
                "proposal_id": str(offer.proposal_id),
            }
        )
    )


def _shares_of(milestones: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Each creator is paid what their lines come to: a milestone is one creator's, so that equal weights do it."""
    return [{"creator": key, "weight": int(part["amount_minor"] > 0)} for key, part in milestones.items()]


def _with_something_to_pay(milestones: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What comes for free is delivered with what is paid for first."""
    paid = {key: milestone for key, milestone in milestones.items() if milestone["amount_minor"]}
    if not paid:
        raise InvalidInput("The proposal comes to nothing: there is nothing to hold or pay.", hint="Price its lines.")
    first = next(iter(paid.values()))
    for key, milestone in milestones.items():
        if key not in paid:
            first["deliverables"].extend(milestone["deliverables"])
    return paid


def _as_clause(part: Any) -> Any:
    return msgspec.to_builtins(part, str_keys=True)
