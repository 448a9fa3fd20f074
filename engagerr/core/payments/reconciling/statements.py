"""Statements: what moved for one party in one month. The opening and the movements come to the closing, to the cent.

Months are those of UTC, and a movement belongs to the month in which it was booked. Of what is only set aside nothing
has moved yet, so it stands in no statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.money import Money
from engagerr.core.payments.ledger import balance
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session

MOST_LINES = 10_000
# What is ours: earned, less what it cost.
_OURS = ("commission", "revenue", "tax", "fees", "loss", "fx")
# How each account of a party is called on paper.
_ACCOUNTS = {
    "payable": "released, with us", "connected": "in the account at the provider", "hold": "held",
    "commission": "commission", "revenue": "revenue", "tax": "tax", "fees": "fees of the provider", "loss": "losses",
    "fx": "currency conversion",
}  # fmt: skip
# (kind of transfer, whether it comes in): in words. What is not here is said by its kind.
_WORDS = {
    ("fund", True): "Paid in", ("release", True): "Released", ("release", False): "Released",
    ("commission", True): "Commission", ("commission", False): "Commission of the agency",
    ("fee", True): "Fee of the provider given back", ("fee", False): "Fee of the provider",
    ("refund", False): "Refunded", ("refund", True): "Refund that came back", ("loss", False): "Given up",
    ("transfer", False): "Transferred", ("transfer", True): "Transferred",
    ("payout", False): "Paid out to the bank", ("payout", True): "Payout that came back",
    ("reversal", False): "Taken back", ("reversal", True): "Returned", ("recovery", False): "Taken back for a dispute",
    ("recovery", True): "Recovered", ("dispute", False): "Taken back by a bank",
    ("dispute_reversal", True): "Given back by a bank",
}  # fmt: skip
_BETWEEN = "Transferred to the account at the provider"


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody whom the books know. `kind`: payee, customer (a brand, and what is held of hers) or workspace."""

    kind: str
    name: str
    currencies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One account of the party, at the beginning and at the end."""

    account: str
    opening: Money
    closing: Money


@dataclass(frozen=True, slots=True)
class Line:
    """One movement. `amount`: what it changes for the party, zero where money only went from one account of theirs to
    another; `moved`: how much that was; `balance`: what they had after it."""

    at: datetime
    kind: str
    words: str
    about: str
    amount: Money
    moved: Money
    balance: Money
    transfer: UUID


@dataclass(frozen=True, slots=True)
class Statement:
    """What moved for a party between two moments. opening + came_in - went_out = closing, to the cent.

    `complete`: the month is over. `after` turns the page; None: this is the last.
    """

    party: str
    kind: str
    currency: str
    month: str
    since: datetime
    until: datetime
    complete: bool
    opening: Money
    came_in: Money
    went_out: Money
    closing: Money
    sides: tuple[Side, ...]
    lines: tuple[Line, ...]
    movements: int
    after: str | None


@dataclass(frozen=True, slots=True)
class _Found:
    """A party with its accounts in one currency: (id, kind of account)."""

    kind: str
    name: str
    currency: str
    accounts: tuple[tuple[UUID, str], ...]


class Statements:
    """What moved for a party in a month."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def parties(self) -> tuple[Party, ...]:
        """Everybody of whom there can be a statement, by name."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            found = _parties(session, self._access)
        names = sorted({(one.kind, one.name) for one in found}, key=lambda one: (one[0] == "workspace", one[1].lower()))
        return tuple(
            Party(kind, name, tuple(sorted(one.currency for one in found if (one.kind, one.name) == (kind, name))))
            for kind, name in names
        )

    def show(
        self, party: str, *, month: str | None = None, currency: str | None = None, after: str | None = None,
        limit: int = 200,
    ) -> Statement:  # fmt: skip
        """A party's statement of a month ("2026-10"; the one at hand if none is named), page by page.

        `party` is the name of a payee or a customer, or that of this workspace. `currency` is needed where the party
        has several: there is no sum over currencies. `after` is what the page before ended with.
        """
        if not 1 <= limit <= MOST_LINES:
            raise InvalidInput(f"A page of {limit} lines is not possible.", hint=f"From 1 to {MOST_LINES:,}.")
        now = self._access.clock.now()
        since, until = _month(month or f"{now:%Y-%m}", now)
        with self._access.transaction(Permission.READ_MONEY, snapshot=True) as session:
            found = _meant(_parties(session, self._access), party, currency)
            return _statement(session, self._access, found, since, until, after=_cursor(after), limit=limit, now=now)

    def file(
        self,
        party: str,
        *,
        month: str | None = None,
        currency: str | None = None,
        format: str = "pdf",
    ) -> bytes:
        """A whole statement as a file: pdf, csv or json. The same statement gives the same bytes.

        A month with more movements than a file holds is refused; page through it instead.
        """
        from engagerr.core.payments.reconciling.statement_files import FORMATS

        if format not in FORMATS:
            raise InvalidInput(f"There is no format {format!r}.", hint=f"One of: {', '.join(FORMATS)}.")
        statement = self.show(party, month=month, currency=currency, limit=MOST_LINES)
        if statement.after is not None:
            raise InvalidInput(
                f"{statement.movements:,} movements are more than one file holds.",
                hint=f"Read it page by page, {MOST_LINES:,} at a time.", facts={"movements": statement.movements},
            )  # fmt: skip
        return FORMATS[format](statement, self._access.tenant.name)


def _statement(
    session: Session, access: Access, found: _Found, since: datetime, until: datetime, *,
    after: tuple[datetime, UUID, int] | None, limit: int, now: datetime,
) -> Statement:  # fmt: skip
    def money(minor: int) -> Money:
        return Money(minor, found.currency)

    before = since - timedelta(microseconds=1)
    last = until - timedelta(microseconds=1)
    sides = tuple(
        Side(_ACCOUNTS.get(kind, kind), *(_posted(session, access, account_id, at) for at in (before, last)))
        for account_id, kind in found.accounts
    )
    opening = sum(side.opening.minor for side in sides)
    values = {
        "tenant_id": access.tenant.id, "accounts": [account_id for account_id, _ in found.accounts], "since": since,
        "until": until,
    }  # fmt: skip
    sums = session.execute(text(_SUMS.format(legs=_LEGS)), values).one()
    rows = session.execute(
        text(_PAGE.format(legs=_LEGS)),
        {
            **values, "limit": limit + 1, "since": after[0] if after else since,
            "after_at": after[0] if after else None, "after_id": after[1] if after else None,
        },
    ).all()  # fmt: skip
    running = after[2] if after else opening
    lines = []
    for row in rows[:limit]:
        running += row.amount
        lines.append(_line(row, found.currency, running))
    closing = sum(side.closing.minor for side in sides)
    return Statement(
        party=found.name, kind=found.kind, currency=found.currency, month=f"{since:%Y-%m}", since=since, until=until,
        complete=now >= until, opening=money(opening), came_in=money(sums.came_in), went_out=money(sums.went_out),
        closing=money(closing), sides=_added(sides), lines=tuple(lines), movements=sums.movements,
        after=f"{lines[-1].at.isoformat()}|{lines[-1].transfer}|{running}" if len(rows) > limit else None,
    )  # fmt: skip


# A transfer between two accounts of the party changes nothing for them, and is still something to be told.
_LEGS = """
  SELECT transfer.id, transfer.recorded_at, transfer.kind, transfer.subject, transfer.amount_minor AS moved,
         (transfer.destination_id = ANY (:accounts))::int - (transfer.source_id = ANY (:accounts))::int AS sign
  FROM ledger_transfers AS transfer
  WHERE transfer.tenant_id = :tenant_id AND transfer.phase IN ('single', 'post')
    AND transfer.recorded_at >= :since AND transfer.recorded_at < :until
    AND (transfer.source_id = ANY (:accounts) OR transfer.destination_id = ANY (:accounts))
"""
_SUMS = """
SELECT count(*) AS movements, coalesce(sum(moved) FILTER (WHERE sign > 0), 0)::bigint AS came_in,
       coalesce(sum(moved) FILTER (WHERE sign < 0), 0)::bigint AS went_out
FROM ({legs}) AS leg
"""
_PAGE = """
SELECT leg.id, leg.recorded_at, leg.kind, leg.sign, leg.moved, leg.moved * leg.sign AS amount,
       coalesce(hold.title, leg.subject) AS about
FROM ({legs}) AS leg
LEFT JOIN holds AS hold ON hold.tenant_id = :tenant_id AND leg.subject = 'hold:' || hold.id
WHERE CAST(:after_at AS timestamptz) IS NULL OR (leg.recorded_at, leg.id) > (:after_at, CAST(:after_id AS uuid))
ORDER BY leg.recorded_at, leg.id LIMIT :limit
"""


def _line(row: Row[Any], currency: str, running: int) -> Line:
    words = _BETWEEN if not row.sign else _WORDS.get((row.kind, row.sign > 0), row.kind.replace("_", " ").capitalize())
    return Line(
        at=row.recorded_at, kind=row.kind, words=words, about=row.about, amount=Money(int(row.amount), currency),
        moved=Money(row.moved, currency), balance=Money(running, currency), transfer=row.id,
    )  # fmt: skip


def _added(sides: Sequence[Side]) -> tuple[Side, ...]:
    """Accounts of one kind as one line: a customer may have many holds."""
    sums: dict[str, Side] = {}
    for side in sides:
        there = sums.get(side.account)
        sums[side.account] = (
            side if there is None
            else Side(side.account, there.opening + side.opening, there.closing + side.closing)
        )  # fmt: skip
    return tuple(sums.values())


def _posted(session: Session, access: Access, account_id: UUID, at: datetime) -> Money:
    return balance(session, tenant_id=access.tenant.id, account_id=account_id, at=at).posted


def _parties(session: Session, access: Access) -> tuple[_Found, ...]:
    """Every party with its accounts, one entry a currency."""
    rows = session.execute(
        text(
            """
            SELECT CASE WHEN account.kind = ANY (:ours) THEN 'workspace' WHEN account.kind = 'hold' THEN 'customer'
                        ELSE 'payee' END AS kind,
                   CASE WHEN account.kind = ANY (:ours) THEN :workspace WHEN account.kind = 'hold' THEN hold.customer
                        ELSE coalesce(payee.name, creator.name, account.party) END AS name,
                   account.currency, account.id, account.kind AS account_kind
            FROM ledger_accounts AS account
            LEFT JOIN holds AS hold
              ON account.kind = 'hold' AND hold.tenant_id = :tenant_id AND account.party = hold.id::text
            LEFT JOIN (
              SELECT 'payee:' || id AS party, name FROM payees WHERE tenant_id = :tenant_id
              UNION ALL
              SELECT 'creator:' || creator_id, name FROM payees
                WHERE tenant_id = :tenant_id AND creator_id IS NOT NULL
            ) AS payee ON account.kind IN ('payable', 'connected') AND payee.party = account.party
            LEFT JOIN creators AS creator ON account.kind IN ('payable', 'connected')
              AND creator.tenant_id = :tenant_id AND account.party = 'creator:' || creator.id
            WHERE account.tenant_id = :tenant_id
              AND (account.kind = ANY (:ours) OR account.kind IN ('payable', 'connected', 'hold'))
            ORDER BY account.created_at, account.id
            """
        ),
        {"tenant_id": access.tenant.id, "ours": list(_OURS), "workspace": access.tenant.name},
    )
    accounts: dict[tuple[str, str, str], list[tuple[UUID, str]]] = {}
    for row in rows:
        accounts.setdefault((row.kind, row.name, row.currency), []).append((row.id, row.account_kind))
    if not any(kind == "workspace" for kind, _, _ in accounts):
        # Nothing was earned yet: our own account stands at nought.
        accounts["workspace", access.tenant.name, access.settings.payments.currency] = []
    order = list(_ACCOUNTS)
    return tuple(
        _Found(*key, tuple(sorted(found, key=lambda one: order.index(one[1])))) for key, found in accounts.items()
    )


def _meant(found: Sequence[_Found], word: str, currency: str | None) -> _Found:
    wanted = word.strip().lower()
    named = [one for one in found if one.name.lower() == wanted]
    if not named:
        raise NotFound(
            f"The books know nobody called {word.strip()!r}.",
            hint="`engagerr payment parties` lists everybody of whom there can be a statement.",
        )
    kinds = {one.kind for one in named}
    if len(kinds) > 1:
        # A payee who is a customer as well: what is owed to them is what they ask for.
        named = [one for one in named if one.kind == ("payee" if "payee" in kinds else "customer")]
    if currency is not None:
        named = [one for one in named if one.currency == currency.strip().upper()]
        if not named:
            raise NotFound(f"{word.strip()} has nothing in {currency.strip().upper()}.")
    if len(named) > 1:
        currencies = ", ".join(sorted(one.currency for one in named))
        raise InvalidInput(
            f"{named[0].name} has money in several currencies: {currencies}.", hint="Name one: --currency EUR"
        )
    return named[0]


def _month(word: str, now: datetime) -> tuple[datetime, datetime]:
    try:
        since = datetime.strptime(word.strip(), "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInput(f"{word!r} is no month.", hint="Write it like 2026-10.") from None
    until = (since + timedelta(days=32)).replace(day=1)
    if since > now:
        raise InvalidInput(f"{word.strip()} has not begun yet.", hint="Take a month that has.")
    return since, until


def _cursor(after: str | None) -> tuple[datetime, UUID, int] | None:
    if after is None:
        return None
    try:
        at, transfer, running = after.split("|")
        return datetime.fromisoformat(at), UUID(transfer), int(running)
    except ValueError:
        raise InvalidInput(f"{after!r} is no place to go on from.", hint="Take it from the page before.") from None
