"""A brief as lines of a form and back: what a person types, and the document that the core reads. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.matching.brief_file import Brief

# Name, label, an example.
FIELDS = (
    ("title", "Title", "Trail running shoes, spring"),
    ("brand", "Brand", ""),
    ("category", "Category", "sports"),
    ("platforms", "Platforms", "youtube, instagram"),
    ("countries", "Countries", "DE, AT"),
    ("languages", "Languages", "de"),
    ("followers", "Followers", "20k - 500k"),
    ("audience", "Audience", "country DE 30%"),
    ("budget", "Budget", "15000 EUR"),
    ("deliverables", "Deliverables", "youtube_integration"),
    ("must", "Must", "outdoor"),
    ("must_not", "Must not", "gambling"),
    ("window", "Window", "2027-03-01 - 2027-04-30"),
)
_LISTS = ("platforms", "countries", "languages", "deliverables", "must", "must_not")
_SIZES = {"": 1, "k": 1_000, "m": 1_000_000}
_COUNT = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s*([kKmM]?)")
_SHARE = re.compile(r"(\S+)\s+(.+?)\s+(\d+(?:\.\d+)?)\s*%")


def lines_of(brief: Brief) -> dict[str, str]:
    """Each field as it would be typed; empty where the brief does not say."""
    found = {name: ", ".join(getattr(brief, name)) for name in _LISTS}
    found |= {name: getattr(brief, name) or "" for name in ("title", "brand", "category")}
    found["followers"] = _span(_number(brief.followers_min), _number(brief.followers_max))
    found["audience"] = ", ".join(
        f"{wish.dimension} {wish.value} {Decimal(str(wish.share_min)) * 100:f}".rstrip("0").rstrip(".") + "%"
        if "." in f"{Decimal(str(wish.share_min)) * 100:f}"
        else f"{wish.dimension} {wish.value} {Decimal(str(wish.share_min)) * 100:f}%"
        for wish in brief.audience
    )
    found["budget"] = f"{brief.budget.amount} {brief.budget.currency}" if brief.budget is not None else ""
    days = [None if day is None else day.isoformat() for day in (brief.window_from, brief.window_to)]
    found["window"] = _span(*days)
    return {name: found[name] for name, _, _ in FIELDS}


def document_of(lines: Mapping[str, str], text: str) -> dict[str, Any]:
    """The document that the lines say, to be read by `brief_of`.

    Raises:
        InvalidInput: a line cannot be read; `facts["field"]` names it.
    """
    said = {name: value.strip() for name, value in lines.items() if value.strip()}
    document: dict[str, Any] = {name: said[name] for name in ("title", "brand", "category") if name in said}
    if text.strip():
        document["text"] = text.strip()
    document |= {name: [one.strip() for one in said[name].split(",") if one.strip()] for name in _LISTS if name in said}
    if "followers" in said:
        least, most = _two(said["followers"])
        limits = {"min": _count(least), "max": _count(most)}
        document["followers"] = {name: limit for name, limit in limits.items() if limit is not None}
    if "audience" in said:
        document["audience"] = [_wish(part) for part in said["audience"].split(",") if part.strip()]
    if "budget" in said:
        document["budget"] = _budget(said["budget"])
    if "window" in said:
        first, last = _two(said["window"], days=True)
        document["window"] = {name: day for name, day in (("from", first), ("to", last)) if day}
    return document


def _span(first: str | None, last: str | None) -> str:
    if first is None and last is None:
        return ""
    return f"{first or ''} - {last or ''}".strip()


def _number(count: int | None) -> str | None:
    if count is None:
        return None
    for sign, size in (("M", 1_000_000), ("k", 1_000)):
        if count >= size and count % size == 0:
            return f"{count // size}{sign}"
    return str(count)


def _two(said: str, *, days: bool = False) -> tuple[str, str]:
    """`a - b` as its two sides; a single one is the first. Days have dashes of their own, so theirs stands alone."""
    for dash in (" - ", " – ", "..", "–"):
        if dash in said:
            first, _, last = said.partition(dash)
            return first.strip(), last.strip()
    if said.startswith("- "):
        return "", said[2:].strip()
    if said.endswith(" -"):
        return said[:-2].strip(), ""
    if not days and "-" in said:
        first, _, last = said.partition("-")
        return first.strip(), last.strip()
    return said.strip(), ""


def _count(said: str) -> int | None:
    if not said:
        return None
    found = _COUNT.fullmatch(said)
    if found is None:
        raise InvalidInput(
            f"Followers: {said!r} is no number.", hint="Such as 20k - 500k.", facts={"field": "followers"}
        )
    return int(Decimal(found[1].replace(",", "")) * _SIZES[found[2].lower()])


def _wish(said: str) -> dict[str, Any]:
    found = _SHARE.fullmatch(said.strip())
    if found is None:
        raise InvalidInput(
            f"Audience: {said.strip()!r} says no share of anything.", hint="Such as country DE 30%, gender female 60%.",
            facts={"field": "audience"},
        )  # fmt: skip
    return {"dimension": found[1], "value": found[2], "share_min": float(Decimal(found[3]) / 100)}


def _budget(said: str) -> dict[str, Any]:
    from engagerr.core.money import Money

    amount, _, currency = said.partition(" ")
    if not currency.strip():
        raise InvalidInput(f"Budget: {said!r} names no currency.", hint="Such as 15000 EUR.", facts={"field": "budget"})
    try:
        money = Money.parse(amount, currency.strip().upper())
    except InvalidInput as error:
        raise InvalidInput(
            f"Budget: {error.message}", hint=error.hint or "Such as 15000 EUR.", facts={"field": "budget"}
        ) from None
    return {"minor": money.minor, "currency": money.currency}
