"""Writing a deal down: what it begins with, what it is about, what each side keeps to itself. None of it commits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.deals.offering.limits import in_currency
from engagerr.core.deals.pipeline.stages import OFFERING, said
from engagerr.core.deals.pipeline.visibility import DealRow, Side, held_deal
from engagerr.core.deals.words import readable
from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.money import Money
from engagerr.core.roster.identity import find_creator

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

FLOWS = ("agency", "creator")
_MOST_TITLE, _MOST_WORDS = 200, 2_000


@dataclass(frozen=True, slots=True)
class NewDeal:
    """What a deal begins with. None takes what the brief says, and then the settings.

    `side` is the side that this workspace is on; None: a brand's workspace buys, any other offers. `approach` is an
    accepted approach of the marketplace: then the other workspace is in it from the start. `expected` without a
    currency is in the deal's.
    """

    title: str
    brand: str | None = None
    brand_email: str | None = None
    creators: tuple[str, ...] = ()
    flow: str = "agency"
    currency: str | None = None
    side: str | None = None
    brief: str | None = None
    shortlist: str | None = None
    approach: str | None = None
    expected: Money | Decimal | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be otherwise; None stays as it is, and an empty text is taken away."""

    title: str | None = None
    brand: str | None = None
    brand_email: str | None = None
    flow: str | None = None
    currency: str | None = None
    expected: Money | None = None
    owner: str | None = None
    brief: str | None = None
    shortlist: str | None = None
    note: str | None = None
    add_creators: tuple[str, ...] = ()
    remove_creators: tuple[str, ...] = ()


def open_deal(session: Session, access: Access, new: NewDeal) -> DealRow:
    """Write the deal, its creators, and what this side keeps to itself about it."""
    shortlist_id = brief_id = None
    if new.shortlist:
        shortlist_id, brief_id = _shortlist(session, access, new.shortlist)
    named = new.brief or (str(brief_id) if brief_id else None)
    brief: dict[str, Any] = {}
    if named:
        brief_id, brief = _brief(session, access, named)
    deal = _insert(session, access, new, brief)
    said = new.expected
    expected = Money.parse(said, deal.currency) if isinstance(said, Decimal) else said or _budget(brief, deal)
    write_side(
        session,
        access,
        deal,
        {
            "owner_id": access.member.id, "note": words_of(new.note or ""), "shortlist_id": shortlist_id,
            "brief_id": brief_id, "expected_minor": in_currency(deal, expected, "value"),
        },
    )  # fmt: skip
    for creator in new.creators or _shortlisted(session, access, shortlist_id):
        _add_creator(session, access, deal, creator)
    return deal


def _insert(session: Session, access: Access, new: NewDeal, brief: dict[str, Any]) -> DealRow:
    now, tenant = access.clock.now(), access.tenant
    title = _line(new.title, "title")
    approach = _approach(session, access, new.approach) if new.approach else None
    side = Side.BRAND if tenant.kind == "brand" else Side.AGENCY
    if new.side is not None:
        side = _side(new.side)
    named = new.brand or brief.get("brand") or (approach[1] if approach and side is Side.AGENCY else None)
    if named is None and side is Side.BRAND:
        named = tenant.name
    if named is None:
        raise InvalidInput("Which brand is the deal with?", hint="--brand NAME, or a brief that names one.")
    currency = new.currency or (brief.get("budget") or {}).get("currency") or access.settings.payments.currency
    try:
        deal_id = session.execute(
            text(
                """
                INSERT INTO deals (tenant_id, keeper, counterparty, side, title, brand, brand_email, flow, currency,
                                   approach_id, stage_since, stage_member_id, stage_actor, stage_role, created_at,
                                   updated_at)
                VALUES (:tenant_id, :keeper, :counterparty, :side, :title, :brand, :brand_email, :flow, :currency,
                        :approach_id, :now, :member_id, :actor, :role, :now, :now)
                RETURNING id
                """
            ),
            {
                "tenant_id": tenant.id, "keeper": tenant.name, "side": side, "title": title,
                "counterparty": approach[1] if approach else None, "brand": _line(named, "brand"),
                "brand_email": _address(new.brand_email), "flow": _flow(new.flow),
                "currency": _currency(currency),
                "approach_id": approach[0] if approach else None, "now": now,
                "member_id": access.member.id, "actor": access.member.name,
                "role": access.member.role,
            },
        ).scalar_one()  # fmt: skip
    except IntegrityError as error:
        raise _inwords_of(error, title) from error
    return held_deal(session, deal_id, tenant_id=tenant.id)


def edit_shared(session: Session, access: Access, deal: DealRow, changes: Changes) -> None:
    """Change what both sides read; only who keeps the deal may."""
    read: dict[str, Callable[[str], Any]] = {
        "title": lambda words: _line(words, "title"), "brand": lambda words: _line(words, "brand"),
        "brand_email": _address, "flow": _flow, "currency": _currency,
    }  # fmt: skip
    values = {name: check(given) for name, check in read.items() if (given := getattr(changes, name)) is not None}
    if not values and not changes.add_creators and not changes.remove_creators:
        return
    if not deal.kept_by(access.tenant.id):
        raise Conflict(f"{deal.title!r} is kept by {deal.keeper}.", hint="They change what it is about.")
    if values:
        try:
            session.execute(
                text(
                    f"UPDATE deals SET {', '.join(f'{name} = :{name}' for name in values)}, updated_at = :now"  # noqa: S608
                    " WHERE tenant_id = :tenant_id AND id = :id"
                ),
                {**values, "now": access.clock.now(), "tenant_id": deal.tenant_id, "id": deal.id},
            )
        except IntegrityError as error:
            raise _inwords_of(error, values.get("title", deal.title)) from error
    if values.get("currency", deal.currency) != deal.currency:
        # What was expected was so in the other currency.
        write_side(session, access, deal, {"expected_minor": None})
    if (changes.add_creators or changes.remove_creators) and deal.stage not in OFFERING:
        raise Conflict(
            f"{deal.title!r} is {said(deal.stage)}: whose work it is stands in the contract.",
            hint="Change the contract: engagerr contract amend",
        )
    for creator in changes.add_creators:
        _add_creator(session, access, deal, creator)
    for creator in changes.remove_creators:
        _remove_creator(session, deal, creator)


def edit_own(session: Session, access: Access, deal: DealRow, changes: Changes) -> None:
    """Change what this side keeps to itself."""
    values: dict[str, Any] = {}
    if changes.expected is not None:
        values["expected_minor"] = in_currency(deal, changes.expected, "value")
    if changes.owner is not None:
        values["owner_id"] = _member(session, access, changes.owner) if changes.owner.strip() else None
    if changes.brief is not None:
        values["brief_id"] = _brief(session, access, changes.brief)[0] if changes.brief.strip() else None
    if changes.shortlist is not None:
        named = changes.shortlist.strip()
        values["shortlist_id"] = _shortlist(session, access, named)[0] if named else None
    if changes.note is not None:
        values["note"] = words_of(changes.note)
    if values:
        write_side(session, access, deal, values)


def write_side(session: Session, access: Access, deal: DealRow, values: dict[str, Any]) -> None:
    """Write these of what this side keeps to itself; the others stay."""
    names = list(values)
    session.execute(
        text(
            f"""
            INSERT INTO deal_sides (tenant_id, deal_id, deal_tenant_id, updated_at, {', '.join(names)})
            VALUES (:tenant_id, :deal_id, :keeper, :now, {', '.join(f':{name}' for name in names)})
            ON CONFLICT (tenant_id, deal_id) DO UPDATE SET updated_at = excluded.updated_at,
              {', '.join(f'{name} = excluded.{name}' for name in names)}
            """  # noqa: S608  names from above
        ),
        {
            **values, "tenant_id": access.tenant.id, "deal_id": deal.id, "keeper": deal.tenant_id,
            "now": access.clock.now(),
        },
    )  # fmt: skip


def _add_creator(session: Session, access: Access, deal: DealRow, creator: str) -> None:
    creator_id, name = find_creator(session, creator)
    session.execute(
        text(
            "INSERT INTO deal_creators (tenant_id, deal_id, creator_id, name, added_at)"
            " VALUES (:tenant_id, :deal_id, :creator_id, :name, :now) ON CONFLICT DO NOTHING"
        ),
        {
            "tenant_id": deal.tenant_id, "deal_id": deal.id, "creator_id": creator_id, "name": name,
            "now": access.clock.now(),
        },
    )  # fmt: skip


def _remove_creator(session: Session, deal: DealRow, creator: str) -> None:
    creator_id, name = find_creator(session, creator)
    gone = session.execute(
        text(
            "DELETE FROM deal_creators WHERE tenant_id = :tenant_id AND deal_id = :deal_id AND creator_id = :creator_id"
        ),
        {"tenant_id": deal.tenant_id, "deal_id": deal.id, "creator_id": creator_id},
    )
    if not gone.rowcount:
        raise NotFound(f"{name} is not in {deal.title!r}.", hint=f'engagerr deal show "{deal.title}"')


def _member(session: Session, access: Access, named: str) -> UUID:
    found = session.execute(
        text(
            "SELECT id FROM members WHERE tenant_id = :tenant_id AND removed_at IS NULL"
            " AND (lower(name) = lower(:named) OR lower(email) = lower(:named))"
        ),
        {"tenant_id": access.tenant.id, "named": named.strip()},
    ).scalars().all()  # fmt: skip
    if len(found) != 1:
        raise NotFound(f"There is no one member {named!r}.", hint="`engagerr member list` shows who there is.")
    return UUID(str(found[0]))


def _brief(session: Session, access: Access, named: str) -> tuple[UUID, dict[str, Any]]:
    row = session.execute(
        text(
            "SELECT id, document FROM briefs WHERE tenant_id = :tenant_id"
            " AND (id::text = lower(:named) OR lower(title) = lower(:named)) LIMIT 1"
        ),
        {"tenant_id": access.tenant.id, "named": named.strip()},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no brief {named!r}.", hint="`engagerr brief list` shows those there are.")
    return row.id, dict(row.document)


def _shortlist(session: Session, access: Access, named: str) -> tuple[UUID, UUID | None]:
    row = session.execute(
        text(
            "SELECT id, brief_id FROM shortlists WHERE tenant_id = :tenant_id"
            " AND (id::text = lower(:named) OR lower(name) = lower(:named)) LIMIT 1"
        ),
        {"tenant_id": access.tenant.id, "named": " ".join(named.split())},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no shortlist {named!r}.", hint="`engagerr shortlist list` shows those there are.")
    return row.id, row.brief_id


def _shortlisted(session: Session, access: Access, shortlist_id: UUID | None) -> tuple[str, ...]:
    """Who on a shortlist is still in question."""
    rows = session.execute(
        text(
            "SELECT creator_id FROM shortlist_entries WHERE tenant_id = :tenant_id AND shortlist_id = :shortlist_id"
            " AND state IN ('candidate', 'pitched', 'won') ORDER BY added_at, creator_id"
        ),
        {"tenant_id": access.tenant.id, "shortlist_id": shortlist_id},
    )
    return tuple(str(row.creator_id) for row in rows)


def _budget(brief: dict[str, Any], deal: DealRow) -> Money | None:
    """What a brief means to spend, if it says so in the deal's currency."""
    budget = brief.get("budget") or {}
    return Money(int(budget["minor"]), deal.currency) if budget.get("currency") == deal.currency else None


def _approach(session: Session, access: Access, named: str) -> tuple[UUID, str]:
    """(id, the other workspace's name) of an accepted approach, by its id or the tail of it."""
    rows = session.execute(
        text(
            """
            SELECT held.id, coalesce(
                CASE WHEN held.to_tenant_id = :tenant_id THEN held.sender END,
                (SELECT publisher FROM market_briefs AS brief
                  WHERE brief.tenant_id = held.to_tenant_id AND brief.brief_id = held.brief_id),
                (SELECT publisher FROM market_listings AS listing
                  WHERE listing.tenant_id = held.to_tenant_id AND listing.listing_id = held.listing_id),
                held.brief_title) AS other
            FROM market_approaches AS held
            WHERE (held.tenant_id = :tenant_id OR held.to_tenant_id = :tenant_id) AND held.state = 'accepted'
              AND right(held.id::text, length(:named)) = lower(:named)
            """
        ),
        {"tenant_id": access.tenant.id, "named": named.strip()},
    ).all()
    if len(rows) != 1:
        raise NotFound(
            f"There is no accepted approach {named!r}.",
            hint="See `engagerr market inbox` and `engagerr market outbox`.",
        )
    return rows[0].id, rows[0].other


def words_of(words: str) -> str | None:
    """The words without what surrounds them; None where nothing is left."""
    if len(words) > _MOST_WORDS:
        raise InvalidInput("That is too long.", hint=f"{_MOST_WORDS:,} characters at most.")
    return readable(words.replace("\r\n", "\n").strip(), "text", most=_MOST_WORDS) or None


def _line(words: str, what: str) -> str:
    line = " ".join(words.split())
    if not line or len(line) > _MOST_TITLE:
        raise InvalidInput(f"{words[:_MOST_TITLE]!r} is no {what}.", hint=f"1 to {_MOST_TITLE} characters.")
    return readable(line, what)


def _address(words: str | None) -> str | None:
    if words is None or not words.strip():
        return None
    local, at, host = words.strip().rpartition("@")
    if not (local and at and "." in host) or any(sign.isspace() for sign in words.strip()):
        raise InvalidInput(f"{words!r} is no mail address.", hint="Such as mara@alpenpfad.example.")
    return readable(words.strip(), "mail address", most=_MOST_TITLE)


def _currency(words: str) -> str:
    return Money(0, words.strip().upper()).currency


def _flow(words: str) -> str:
    if words not in FLOWS:
        raise InvalidInput(
            f"There is no flow of money {words!r}.",
            hint="agency: the brand pays the agency; creator: it pays creators, and the agency bills its commission.",
        )
    return words


def _side(words: str) -> Side:
    if words not in tuple(Side):
        raise InvalidInput(f"There is no side {words!r} of a deal.", hint="agency or brand.")
    return Side(words)


def _inwords_of(error: IntegrityError, title: str) -> Exception:
    constraint = constraint_of(error)
    if constraint == "deals_title_key":
        return Conflict(
            f"There is a deal {title!r} already.", hint="Give this one another title.", facts={"title": title}
        )
    if constraint in ("deals_approach_key", "deals_approach_accepted"):
        return Conflict(
            "This approach has its deal already, or was not accepted.", hint="`engagerr deal list` shows it."
        )
    if constraint == "deals_offered_currency":
        return Conflict(
            f"{title!r} has been offered in another currency.", hint="Open another deal in the currency that is meant."
        )
    return error
