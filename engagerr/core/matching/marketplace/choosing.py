"""What a person chose to show of a creator: what they say now over what they chose last, checked as it stands today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import InvalidInput
from engagerr.core.matching.marketplace.free_text import (
    LONGEST_HEADLINE,
    checked_text,
    internal_notes,
    internal_rates,
)
from engagerr.core.matching.marketplace.snapshot import AT_FIRST, SHOWABLE, Choice, chosen_figures, snapshot_from
from engagerr.core.money import Money

if TYPE_CHECKING:
    from engagerr.core.db import Session


def made_choice(
    session: Session,
    tenant_id: UUID,
    creator_id: UUID,
    held: Mapping[str, Any] | None,
    *,
    fields: Sequence[str] | None,
    headline: str | None,
    about: str | None,
    rates: Mapping[str, Money] | None,
    meaning: bool | None,
) -> Choice:
    """The choice; None is as before. `held` is the listing with the document of its newest version, if there is one.

    `InvalidInput` for figures that are not in the list, and for words that must not be shown.
    """
    last = _last_choice(held)
    choice = replace(
        last,
        figures=last.figures if fields is None else chosen_figures(fields),
        headline=last.headline if headline is None else headline,
        about=last.about if about is None else about,
        rates=last.rates if rates is None else _checked_rates(rates),
        meaning=last.meaning if meaning is None else meaning,
    )
    notes = internal_notes(session, tenant_id=tenant_id, creator_id=creator_id)
    # An amount that is quoted on purpose is no secret any more.
    quoted = set(choice.rates.values())
    amounts = {
        what: money
        for what, money in internal_rates(session, tenant_id=tenant_id, creator_id=creator_id).items()
        if money not in quoted
    }
    return replace(
        choice,
        headline=checked_text(choice.headline, "headline", longest=LONGEST_HEADLINE, internal=notes, amounts=amounts),
        about=checked_text(choice.about, "text about the creator", internal=notes, amounts=amounts),
    )


def _last_choice(held: Mapping[str, Any] | None) -> Choice:
    """What was chosen for the newest version; at first, who the creator is and whom they reach."""
    if held is None or held["snapshot"] is None:
        return Choice(figures=chosen_figures(AT_FIRST))
    document = held["snapshot"]
    shown = snapshot_from(document["shown"])
    figures = set(document["figures"])
    return Choice(
        tuple(name for name in SHOWABLE if name in figures), shown.headline, shown.about, dict(shown.quoted),
        bool(document["meaning"]),
    )  # fmt: skip


def _checked_rates(rates: Mapping[str, Money]) -> dict[str, Money]:
    found = {}
    for deliverable, money in rates.items():
        name = deliverable.strip().lower()
        if not name or money.minor <= 0:
            raise InvalidInput(
                f"{deliverable!r} at {money} is no rate.",
                hint="A rate is a deliverable and an amount above 0; leave it out to show none.",
            )
        found[name] = money
    return found
