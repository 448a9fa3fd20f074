"""Offers as people type them on the command line (rights, promises, lines), and as they are drawn."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engagerr.cli.amounts import amount_of
from engagerr.cli.files import read_text
from engagerr.cli.output import MISSING, Column, clean, facts, minute, number, plain, table
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from rich.console import RenderableType

    from engagerr import Workspace
    from engagerr.core.deals.contracting.clauses import ExclusivityPromise, UsageRight
    from engagerr.core.deals.offering.comparison import Comparison, LineChange
    from engagerr.core.deals.offering.limits import Limits
    from engagerr.core.deals.offering.line_items import Line
    from engagerr.core.deals.offering.offers import Proposal
    from engagerr.core.money import Money


# ── As typed ────────────────────────────────────────────────────────────────────────────────────────────────────────


def said_amount(work: Workspace, deal: str, said: str | None) -> Money | None:
    """ "3000" in the deal's currency, or "3000 EUR"."""
    if said is None:
        return None
    amount = amount_of(said)
    if isinstance(amount, Decimal):
        from engagerr.core.money import Money

        return Money.parse(amount, work.deals.show(deal).row.currency)
    return amount


def day_of(said: str | None) -> date | None:
    """A day as 2027-03-15."""
    if said is None:
        return None
    from datetime import date

    try:
        return date.fromisoformat(said.strip())
    except ValueError:
        raise InvalidInput(f"{said!r} is no day.", hint="Write it as 2027-03-15.") from None


def right_of(said: str) -> UsageRight:
    """ "instagram, website; DE, AT; 90", or with `perpetual` for the days."""
    from engagerr.core.deals.contracting.clauses import UsageRight

    channels, places, days = _parts(said, "instagram, website; DE, AT; 90")
    if days != "perpetual" and not days.isdecimal():
        raise InvalidInput(f"{days!r} are no days.", hint="A number of days after it is live, or `perpetual`.")
    term = {"perpetual": True} if days == "perpetual" else {"days_after_live": 0, "term_days": int(days)}
    return UsageRight(channels=_list(channels), territories=_list(places), **term)


def promise_of(said: str) -> ExclusivityPromise:
    """ "running shoes; DE; 2027-03-01..2027-04-30"; without a last day it does not end."""
    from engagerr.core.deals.contracting.clauses import ExclusivityPromise

    category, places, window = _parts(said, "running shoes; DE; 2027-03-01..2027-04-30")
    since, _, until = window.partition("..")
    starts = day_of(since)
    assert starts is not None
    return ExclusivityPromise(
        category=category.lower() or None, territories=_list(places), starts=starts, until=day_of(until or None)
    )


def pairs_of(said: Sequence[str] | None) -> dict[str, str]:
    """REF=VALUE, more than once."""
    found = {}
    for pair in said or ():
        ref, separator, value = pair.partition("=")
        if not separator or not ref.strip() or not value.strip():
            raise InvalidInput(f"{pair!r} says nothing of any line.", hint="Write REF=VALUE, such as 1=2800.")
        found[ref.strip()] = value.strip()
    return found


def count_of(said: str | None) -> int | None:
    """A whole number of pieces."""
    if said is not None and not said.isdecimal():
        raise InvalidInput(f"{said!r} is no number of pieces.", hint="Such as 3.")
    return None if said is None else int(said)


def line_of(said: str) -> tuple[str, str, str | None]:
    """(creator, deliverable, price) of CREATOR:DELIVERABLE[=AMOUNT]."""
    named, _, price = said.partition("=")
    creator, separator, deliverable = named.rpartition(":")
    if not separator or not creator.strip() or not deliverable.strip():
        raise InvalidInput(f"{said!r} is no line.", hint='Write it like "Jonna Brenner:instagram_story=450".')
    return creator.strip(), deliverable.strip(), price.strip() or None


def package_of(named: str | None) -> dict[str, Any] | None:
    """The document that `engagerr match package --output json` wrote."""
    if named is None:
        return None
    try:
        document = json.loads(read_text(named))
    except ValueError as error:
        raise InvalidInput(
            f"{named} is not valid JSON: {error}.",
            hint="Make one: engagerr match package --brief FILE --output json > package.json",
        ) from None
    if not isinstance(document, dict):
        raise InvalidInput(
            f"{named} holds no package.", hint="It is what `engagerr match package --output json` wrote."
        )
    return document


def _parts(said: str, example: str) -> tuple[str, str, str]:
    parts = [" ".join(part.split()) for part in said.split(";")]
    if len(parts) != 3 or not parts[2]:
        raise InvalidInput(f"{said!r} has not its three parts.", hint=f'Write it like "{example}".')
    return parts[0], parts[1], parts[2]


def _list(said: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in said.split(",") if part.strip())


# ── As drawn ────────────────────────────────────────────────────────────────────────────────────────────────────────


def proposal_document(offer: Proposal) -> dict[str, Any]:
    """A version of an offer as JSON, its document as a file has it."""
    from engagerr.core.deals.offering.line_items import stored_of

    return {**plain(offer), "name": offer.name, "document": stored_of(offer.document)}


def flat_lines(offer: Proposal) -> list[dict[str, Any]]:
    """A row for each line of an offer, for CSV."""
    return [
        {
            "version": offer.version or "draft", "state": offer.state, "currency": offer.document.currency,
            **{name: plain(getattr(line, name)) for name in line.__struct_fields__},
        }
        for line in offer.document.lines
    ]  # fmt: skip


def drawn_offer(offer: Proposal) -> list[RenderableType]:
    """What both sides read of it."""
    document = offer.document
    state = "" if offer.version is None else f": {offer.state}"
    pairs = [
        ("deal", offer.deal),
        ("offer", f"{offer.name} of the {offer.side}{' (you)' if offer.mine else ''}{state}"),
        ("total", str(offer.total)),
        ("valid until", str(document.valid_until or MISSING)),
    ]
    pairs += [("rights", _right(right)) for right in document.usage_rights]
    pairs += [("exclusivity", _promise(promise)) for promise in document.exclusivity]
    if offer.sent_at:
        pairs.append(("sent", f"{minute(offer.sent_at)} by {offer.sent_by}"))
    if offer.answered_at:
        said = f": {offer.answer}" if offer.answer else ""
        pairs.append(("answered", f"{minute(offer.answered_at)} by {offer.answered_by}{said}"))
    pairs += [(name, said) for name, said in (("notes", document.notes), ("message", offer.message)) if said]
    return [facts(pairs), "", table(document.lines, _line_columns(document.currency))]


def _line_columns(currency: str) -> list[Column[Line]]:
    return [
        Column("Line", lambda line: line.ref),
        Column("Creator", lambda line: clean(line.creator or MISSING), elastic=True),
        Column("What", lambda line: clean(line.deliverable), elastic=True),
        Column("On", lambda line: clean(line.platform or MISSING), above=90),
        Column("Pieces", lambda line: number(line.quantity), right=True),
        Column("Each", lambda line: amount(line.unit_minor, currency), right=True),
        Column("Comes to", lambda line: amount(line.minor, currency), right=True),
        Column("Due", lambda line: str(line.due_on or MISSING), above=100),
        Column("Package", lambda line: _packaged(line, currency), elastic=True, above=110),
        Column("Note", lambda line: clean(line.note or MISSING), elastic=True, above=130),
    ]


def amount(minor: int, currency: str) -> str:
    """Minor units as money."""
    from engagerr.core.money import Money

    return str(Money(minor, currency))


def _packaged(line: Line, currency: str) -> str:
    if line.package is None:
        return MISSING
    return clean(f"{line.package} (alone {amount(line.list_minor or 0, currency)})")


def _right(right: UsageRight) -> str:
    term = "for ever" if right.perpetual else f"{right.term_days} days" if right.term_days else str(right.until or "")
    return f"{', '.join(right.channels)} in {', '.join(right.territories) or 'every country'}, {term}"


def _promise(promise: ExclusivityPromise) -> str:
    places = ", ".join(promise.territories) or "every country"
    return f"{promise.category or 'any category'} in {places}, {promise.starts} to {promise.until or 'no end'}"


def drawn_limits(found: Limits) -> RenderableType:
    """How far one's own side goes."""
    word = "floor" if found.side == "agency" else "ceiling"
    left = MISSING if found.margin is None else str(found.margin)
    if found.margin_rate is not None:
        left += f", {found.margin_rate:.1%} of the total"
    basis = "as you said" if found.cost_basis == "given" else "what creators get by their terms"
    pairs = [
        ("deal", f"{found.deal}, {found.of}"),
        ("total", str(found.total or MISSING)),
        (word, str(found.limit or "none is set")),
        ("cost", f"{found.cost} ({basis})" if found.cost else f"not known: {found.why}"),
        ("margin", left),
        ("note", found.note or MISSING),
    ]  # fmt: skip
    return facts(pairs)


def flat_change(line: LineChange) -> dict[str, Any]:
    """A row for each line of a comparison, for CSV."""
    one = line.after or line.before
    assert one is not None
    return {
        "kind": line.kind, "ref": line.ref, "creator": one.creator, "deliverable": one.deliverable,
        "changes": "; ".join(_said_change(line, one)), "difference": plain(line.difference),
    }  # fmt: skip


def drawn_comparison(found: Comparison) -> list[RenderableType]:
    """Both totals, and what is otherwise."""
    columns: list[Column[LineChange]] = [
        Column("Line", lambda line: line.ref),
        Column("", lambda line: {"same": "", "added": "+", "removed": "−", "changed": "~"}[line.kind]),
        Column("Creator", lambda line: clean(_one(line).creator or MISSING), elastic=True),
        Column("What", lambda line: clean(_one(line).deliverable), elastic=True),
        Column("Otherwise", lambda line: clean("; ".join(_said_change(line, _one(line))) or line.kind), fold=True),
        Column("Adds", lambda line: _signed(line.difference), right=True),
    ]
    pairs = [
        (found.before, str(found.total_before)),
        (found.after, f"{found.total_after} ({_signed(found.difference)})"),
    ]
    pairs += [(change.term, f"{change.kind}: {_said_term(change.before, change.after)}") for change in found.terms]
    return [facts(pairs), "", table(found.lines, columns)]


def _one(line: LineChange) -> Line:
    one = line.after or line.before
    assert one is not None
    return one


def _said_change(line: LineChange, one: Line) -> list[str]:
    currency = line.difference.currency
    said = []
    for change in line.changes:
        before, after = change.before, change.after
        if change.field == "unit_minor":
            before, after = amount(before, currency), amount(after, currency)
        name = {"unit_minor": "price", "quantity": "pieces", "due_on": "due"}.get(change.field, change.field)
        said.append(f"{name} {MISSING if before is None else before} → {MISSING if after is None else after}")
    if line.kind in ("added", "removed"):
        said.append(f"{one.quantity} × {amount(one.unit_minor, currency)}")
    return said


def _said_term(before: Any, after: Any) -> str:
    return " → ".join(_flat(one) for one in (before, after) if one is not None)


def _flat(term: Any) -> str:
    if not isinstance(term, dict):
        return str(term)
    return ", ".join(
        f"{name} {' '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for name, value in term.items()
        if value not in (None, [], (), False)
    )


def _signed(amount: Money) -> str:
    return f"+{amount}" if amount.minor > 0 else str(amount) if amount.minor else "same"
