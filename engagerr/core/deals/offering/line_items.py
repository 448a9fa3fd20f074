"""What an offer consists of: its document, line by line, and how lines come from rate cards and packages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from engagerr.core.deals.contracting.clauses import ExclusivityPromise, UsageRight
from engagerr.core.deals.words import readable
from engagerr.core.errors import Broken, InvalidInput, NotFound
from engagerr.core.money import Money
from engagerr.core.roster.identity import PLATFORMS

if TYPE_CHECKING:
    from engagerr.core.db import Session

MOST_LINES = 500
_MOST_QUANTITY = 10_000
_MOST_MINOR = 10**13
_MOST_TEXT = 4_000
_MOST_IN_A_LINE = 200


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many pieces of one kind by one creator, at a price each, in minor units of the document's currency.

    `ref` names the line for as long as the deal is negotiated. `package` and `list_minor` stand where the line is part
    of a package: its name, and what one piece costs without it.
    """

    ref: str
    creator_id: UUID | None = None
    creator: str | None = None
    deliverable: str
    platform: str | None = None
    quantity: int = 1
    unit_minor: int
    due_on: date | None = None
    note: str | None = None
    package: str | None = None
    list_minor: int | None = None

    @property
    def minor(self) -> int:
        """What the line comes to."""
        return self.quantity * self.unit_minor


class ProposalDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that both sides read of an offer. It has no field for what one side keeps to itself."""

    currency: str
    lines: tuple[Line, ...] = ()
    usage_rights: tuple[UsageRight, ...] = ()
    exclusivity: tuple[ExclusivityPromise, ...] = ()
    notes: str | None = None
    valid_until: date | None = None

    @property
    def total(self) -> Money:
        """What all lines come to."""
        return Money(sum(line.minor for line in self.lines), self.currency)

    def line(self, ref: str) -> Line:
        """The line of this ref; `NotFound` names those there are."""
        for line in self.lines:
            if line.ref == ref:
                return line
        raise NotFound(
            f"The offer has no line {ref!r}.",
            hint=f"Its lines: {', '.join(line.ref for line in self.lines)}." if self.lines else "It has no lines yet.",
            facts={"ref": ref},
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line that is asked for: price None takes the creator's rate card."""

    creator: str
    deliverable: str
    price: Money | None = None
    quantity: int = 1
    platform: str | None = None
    due_on: date | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Picked:
    """A creator of a package, and the price of all that the brief asks of them."""

    creator_id: UUID
    creator: str
    price: Money
    price_basis: str


def document_of(stored: Any) -> ProposalDocument:
    """The document of a stored row. Whoever wrote it wrote it through `stored_of`, or the books are corrupt."""
    try:
        return msgspec.convert(stored, ProposalDocument, strict=True)
    except msgspec.ValidationError as error:
        raise Broken(f"A proposal cannot be read: {error}.", hint="Run `engagerr health`.") from error


def stored_of(document: ProposalDocument) -> Any:
    """The document as it is stored, and as `--output json` writes it."""
    return msgspec.to_builtins(document, str_keys=True)


def checked(document: ProposalDocument) -> ProposalDocument:
    """The same document, or `InvalidInput` with what does not make sense in it."""
    Money(0, document.currency)
    if len(document.lines) > MOST_LINES:
        raise InvalidInput(f"An offer of {len(document.lines):,} lines is too long.", hint=f"{MOST_LINES} at most.")
    refs = [line.ref for line in document.lines]
    if twice := sorted({ref for ref in refs if refs.count(ref) > 1}):
        raise InvalidInput(f"The line {twice[0]!r} is there twice.", hint="Each line has a ref of its own.")
    for line in document.lines:
        if not 1 <= line.quantity <= _MOST_QUANTITY:
            raise InvalidInput(f"Line {line.ref}: {line.quantity:,} pieces cannot be offered.", hint="1 or more.")
        if not 0 <= line.unit_minor <= _MOST_MINOR:
            raise InvalidInput(f"Line {line.ref}: {line.unit_minor:,} is no price.", hint="Nothing or more.")
        long = [word for word in (line.ref, line.creator, line.deliverable, line.platform, line.package) if word
                and len(word) > _MOST_IN_A_LINE]  # fmt: skip
        if long or not line.deliverable.strip() or not line.ref.strip():
            raise InvalidInput(
                f"Line {line.ref!r} cannot be read.", hint="Give it a ref and a deliverable, in short words."
            )
    _check_words(stored_of(document), "offer")
    return document


def _check_words(part: Any, what: str) -> None:
    """Whatever is written anywhere in it can be read, by the side that it goes to as well."""
    if isinstance(part, str):
        readable(part, what, most=_MOST_TEXT)
    elif isinstance(part, (list, tuple)):
        if len(part) > MOST_LINES:
            raise InvalidInput(f"The {what} has {len(part):,} parts.", hint=f"{MOST_LINES} at most.")
        for one in part:
            _check_words(one, what)
    elif isinstance(part, dict):
        for name, one in part.items():
            _check_words(one, str(name).replace("_", " "))


def platform_of(deliverable: str) -> str | None:
    """The platform that a deliverable's name begins with (youtube_integration: youtube); None for any other word."""
    first = deliverable.strip().lower().partition("_")[0]
    return first if first in PLATFORMS else None


def next_ref(lines: Iterable[Line]) -> str:
    """A ref that no line has: one more than the largest number."""
    return str(1 + max((int(line.ref) for line in lines if line.ref.isdecimal()), default=0))


def rate_of(session: Session, *, tenant_id: UUID, creator_id: UUID, deliverable: str, currency: str) -> Money | None:
    """What the creator's rate card says of a deliverable in a currency, as it stands; None where it says nothing."""
    minor = session.execute(
        text(
            "SELECT minor FROM rates WHERE tenant_id = :tenant_id AND creator_id = :creator_id"
            " AND deliverable = :deliverable AND currency = :currency ORDER BY quoted_at DESC, id DESC LIMIT 1"
        ),
        {"tenant_id": tenant_id, "creator_id": creator_id, "deliverable": deliverable, "currency": currency},
    ).scalar_one_or_none()
    return None if minor is None else Money(minor, currency)


def no_rate(creator: str, deliverable: str, currency: str, known: Sequence[str]) -> InvalidInput:
    """There is nothing to take the price from."""
    return InvalidInput(
        f"{creator} has no rate for {deliverable} in {currency}.",
        hint=f"Give a price; their rate card has {', '.join(known)}." if known
        else f'Give a price, or set one: engagerr creator set-rate "{creator}" {deliverable} AMOUNT {currency}',
        facts={"creator": creator, "deliverable": deliverable, "currency": currency},
    )  # fmt: skip


def known_rates(session: Session, *, tenant_id: UUID, creator_id: UUID, currency: str) -> tuple[str, ...]:
    """The deliverables that the creator's rate card prices in this currency."""
    return tuple(
        session.execute(
            text(
                "SELECT DISTINCT deliverable FROM rates WHERE tenant_id = :tenant_id AND creator_id = :creator_id"
                " AND currency = :currency ORDER BY deliverable"
            ),
            {"tenant_id": tenant_id, "creator_id": creator_id, "currency": currency},
        ).scalars()
    )


def lines_of_creators(
    session: Session,
    creators: Sequence[tuple[UUID, str]],
    deliverables: Sequence[str],
    *,
    tenant_id: UUID,
    currency: str,
    lines: tuple[Line, ...] = (),
) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """(lines and a further line for each creator and deliverable that has a rate, what has none, in words).

    Without deliverables, everything that the rate card prices in this currency.
    """
    lacking: list[str] = []
    for creator_id, name in creators:
        known = known_rates(session, tenant_id=tenant_id, creator_id=creator_id, currency=currency)
        for deliverable in deliverables or known:
            rate = rate_of(
                session, tenant_id=tenant_id, creator_id=creator_id, deliverable=deliverable, currency=currency
            )
            if rate is None:
                lacking.append(f"{name}: no rate for {deliverable} in {currency}")
                continue
            line = Line(ref=next_ref(lines), creator_id=creator_id, creator=name, deliverable=deliverable,
                        platform=platform_of(deliverable), unit_minor=rate.minor)  # fmt: skip
            lines = (*lines, line)
        if not deliverables and not known:
            lacking.append(f"{name}: no rate in {currency}")
    return lines, tuple(lacking)


def lines_of_package(
    session: Session, picks: Sequence[Picked], deliverables: Sequence[str], *, tenant_id: UUID, currency: str
) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """(a line for each pick and deliverable, what to look at, in words). The lines of a pick come to its price.

    Rates stand where they add up to the price; else the price is divided evenly over the deliverables, and said so.
    """
    if not deliverables:
        raise InvalidInput(
            "The brief of the package names no deliverables.", hint="Name them: --deliverable youtube_integration"
        )
    lines: tuple[Line, ...] = ()
    said: list[str] = []
    for pick in picks:
        if pick.price.currency != currency:
            raise InvalidInput(
                f"The package is in {pick.price.currency}, the deal in {currency}.",
                hint=f"Build it with a budget in {currency}: engagerr match package --budget … ",
            )
        rates = [
            rate_of(session, tenant_id=tenant_id, creator_id=pick.creator_id, deliverable=one, currency=currency)
            for one in deliverables
        ]
        priced = [rate.minor for rate in rates if rate is not None]
        if len(priced) < len(rates) or sum(priced) != pick.price.minor:
            priced = [part.minor for part in pick.price.split([1] * len(deliverables))]
            if len(deliverables) > 1 or pick.price_basis == "assumed":
                said.append(f"{pick.creator}: {pick.price} ({pick.price_basis}), divided evenly over the deliverables")
        for deliverable, minor in zip(deliverables, priced, strict=True):
            line = Line(ref=next_ref(lines), creator_id=pick.creator_id, creator=pick.creator, deliverable=deliverable,
                        platform=platform_of(deliverable), unit_minor=minor)  # fmt: skip
            lines = (*lines, line)
    return lines, tuple(said)


def picks_of(document: Mapping[str, Any]) -> tuple[tuple[Picked, ...], str | None]:
    """(the picks of a document that `engagerr match package --output json` wrote, the title of its brief)."""
    try:
        picks = tuple(
            Picked(
                UUID(str(pick["creator_id"])), str(pick["creator"]),
                Money(pick["price"]["minor"], pick["price"]["currency"]), str(pick.get("price_basis", "stated")),
            )
            for pick in document["picks"]
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(
            f"That is no package: {error!s} cannot be read.",
            hint="Make one: engagerr match package --brief FILE --output json > package.json",
        ) from None
    if not picks:
        raise InvalidInput("The package has no picks.", hint="Build it with a larger budget.")
    brief = document.get("brief")
    return picks, brief if isinstance(brief, str) else None


def priced_as_package(document: ProposalDocument, name: str, price: Money, refs: Sequence[str]) -> ProposalDocument:
    """The document with these lines (none named: all) sold together for one price, to the cent.

    The price is divided by what the lines cost without the package (largest remainder). A line of several pieces whose
    part does not divide evenly becomes two, so that no cent is lost: 1,000.00 for 3 is 2 × 333.33 and 1 × 333.34.
    """
    called = " ".join(name.split())
    if not called:
        raise InvalidInput("A package needs a name.")
    if price.currency != document.currency or price.minor < 0:
        raise InvalidInput(f"{price} is no price in this offer.", hint=f"Say it in {document.currency}.")
    chosen = [document.line(ref) for ref in refs] if refs else list(document.lines)
    if not chosen:
        raise InvalidInput("The offer has no lines to sell together.", hint="Add lines first.")
    listed = [line.quantity * (line.unit_minor if line.list_minor is None else line.list_minor) for line in chosen]
    parts = price.split(listed if sum(listed) else [line.quantity for line in chosen])
    by_ref = {line.ref: part for line, part in zip(chosen, parts, strict=True)}
    lines: list[Line] = []
    for line in document.lines:
        if line.ref not in by_ref:
            lines.append(line)
            continue
        each, over = divmod(by_ref[line.ref].minor, line.quantity)
        list_minor = line.unit_minor if line.list_minor is None else line.list_minor
        sold = msgspec.structs.replace(line, package=called, list_minor=list_minor)
        if line.quantity > over:
            lines.append(msgspec.structs.replace(sold, quantity=line.quantity - over, unit_minor=each))
        if over:
            lines.append(
                msgspec.structs.replace(
                    sold, ref=next_ref((*document.lines, *lines)), quantity=over, unit_minor=each + 1
                )
            )
    return checked(msgspec.structs.replace(document, lines=tuple(lines)))
