"""Rows of the marketplace: approaches, briefs and creators of others, our listings, each in the same columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.tui import glyphs
from engagerr.tui.widgets.discovery import asked_of
from engagerr.tui.widgets.signals import in_words
from engagerr.tui.writing import BLANK, Cell, cell, day, money_text, short

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.matching.marketplace.approaches import Approach
    from engagerr.core.matching.marketplace.listings import ListingRow
    from engagerr.core.matching.marketplace.published_briefs import ShelfBrief
    from engagerr.core.matching.marketplace.shelf import ShelfListing
    from engagerr.core.matching.marketplace.snapshot import ListingSnapshot

VIEWS = {
    "approaches": "Applications and invitations", "briefs": "Open briefs", "creators": "Creators of others",
    "listings": "Our listings",
}  # fmt: skip
LARGEST_PAGE = 100
OFFER_STATES = {
    "sent": (glyphs.WAITING, "attention"), "accepted": (glyphs.DONE, "good"), "declined": (glyphs.FAILED, "faint"),
    "withdrawn": (glyphs.MINUS, "faint"), "published": (glyphs.CONFIRMED, "good"), "draft": (glyphs.WAITING, "soft"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offer:
    """A row of any of the views: what it is, in the same columns. `thing` is the core's own."""

    key: UUID
    sign: str
    title: str
    whose: str
    said: str
    at: Any
    thing: Any


def offer_lines(thing: Any, now: Any) -> list[Cell]:
    """The whole of an approach, a brief or a listing."""
    if hasattr(thing, "incoming"):
        approach: Approach = thing
        lines = [
            cell(f"{approach.kind.capitalize()}, {approach.state}", "ink-bold"),
            cell(
                f"{'from' if approach.incoming else 'to'} {approach.other or 'somebody who is not shown any more'}",
                "soft",
            ),
            BLANK,
            Cell((("Creator  ", "soft"), (approach.creator, "ink"))),
            Cell((("Brief    ", "soft"), (approach.brief, "ink"))),
            cell(f"sent {day(approach.sent_at, now)}", "soft"),
        ]
        for head, words in (
            ("They read" if not approach.incoming else "They wrote", approach.message),
            ("Answer", approach.answer),
        ):
            if words:
                lines += [BLANK, cell(head, "faint"), cell(words)]
        return lines
    if hasattr(thing, "closes_on"):
        brief: ShelfBrief = thing
        lines = [
            cell(brief.shown.title, "ink-bold"),
            cell("your own" if brief.own else f"of {brief.publisher}", "soft"),
            BLANK,
        ]
        lines += [cell(part) for part in asked_of(brief.shown)]
        lines.append(
            Cell(
                (
                    ("Budget   ", "soft"),
                    (money_text(brief.shown.budget) if brief.shown.budget is not None else "not shown", "ink"),
                )
            )
        )
        lines.append(
            cell(f"open until {day(brief.closes_on, now)}" if brief.closes_on else "open until it is withdrawn", "soft")
        )
        return [*lines, BLANK, cell(brief.shown.text, "soft")] if brief.shown.text else lines
    if hasattr(thing, "shown"):
        listing: ShelfListing = thing
        return [cell("your own" if listing.own else f"of {listing.publisher}", "soft"), *snapshot_lines(listing.shown)]
    row: ListingRow = thing
    said = f"{row.state}, version {row.version}" if row.version else "never published"
    return [
        cell(row.creator, "ink-bold"),
        cell(said, "soft"),
        BLANK,
        cell(row.headline or "no headline", "soft"),
        BLANK,
        Cell((("enter", "accent"), (" what others see   ", "soft"), ("x", "accent"), (" publish, withdraw", "soft"))),
    ]


def snapshot_lines(shown: ListingSnapshot) -> list[Cell]:
    """A listing as its readers see it, and why what is missing is missing."""
    lines = [cell(shown.name, "ink-bold")]
    lines += [cell(words) for words in (shown.headline, shown.about) if words]
    pairs: list[tuple[str, str]] = [("Country", shown.country or "")]
    pairs += [(name.capitalize(), ", ".join(getattr(shown, name))) for name in ("languages", "topics", "platforms")]
    pairs.append(("Followers", "" if shown.followers is None else short(shown.followers)))
    pairs.append(("Views a piece", "" if shown.median_views is None else short(shown.median_views)))
    pairs.append(("Rates", ", ".join(f"{word} {price}" for word, price in shown.quoted)))
    lines += [Cell(((f"{name:<14}", "soft"), (words, "ink"))) for name, words in pairs if words]
    if shown.figures_as_of:
        lines.append(cell(f"figures of {shown.figures_as_of:%d %b %Y}", "faint"))
    lines += [cell(f"{glyphs.MISSING} {name.replace('_', ' ')}: {in_words(why)}", "soft")
              for name, why in sorted(shown.missing.items())]  # fmt: skip
    return lines


def _approaches(work: Workspace) -> list[Offer]:
    both = (*work.marketplace.approaches.inbox(), *work.marketplace.approaches.outbox())
    waiting = sorted(
        both, key=lambda one: (not (one.incoming and one.state == "sent"), -one.sent_at.timestamp(), one.id)
    )
    return [
        Offer(
            one.id,
            one.state,
            one.creator,
            f"{'from' if one.incoming else 'to'} {one.other or '…'}",
            one.brief,
            one.sent_at,
            one,
        )
        for one in waiting
    ]


def _briefs(work: Workspace) -> list[Offer]:
    found = work.marketplace.briefs.browse(limit=LARGEST_PAGE)
    return [
        Offer(one.id, "yours" if one.own else "open", one.shown.title, "you" if one.own else one.publisher,
              " · ".join(asked_of(one.shown)), one.published_at, one)
        for one in found
    ]  # fmt: skip


def _creators(work: Workspace) -> list[Offer]:
    found = work.marketplace.shelf.browse(limit=LARGEST_PAGE)
    return [
        Offer(one.id, "yours" if one.own else "shown", one.shown.name, "you" if one.own else one.publisher,
              one.shown.headline or ", ".join(one.shown.topics), one.published_at, one)
        for one in found.listings
    ]  # fmt: skip


def _listings(work: Workspace) -> list[Offer]:
    return [
        Offer(
            row.id,
            row.state,
            row.creator,
            f"version {row.version}" if row.version else "",
            row.headline or "",
            row.published_at,
            row,
        )
        for row in work.marketplace.listings.list()
    ]


OFFER_READERS: dict[str, Callable[[Workspace], Sequence[Offer]]] = {
    "approaches": _approaches, "briefs": _briefs, "creators": _creators, "listings": _listings,
}  # fmt: skip
