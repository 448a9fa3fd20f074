"""The provider's books, copied line by line: balance transactions and payouts, ours and those of connected accounts."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import EngagerrError
from engagerr.core.payments.provider.exponents import from_provider
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

# Lists are read again from a little before where the last reading ended: what was made in the same second, or was
# still being written, comes twice rather than never.
_LINES_AGAIN = timedelta(hours=1)
# A payout may fail days after it was sent.
_PAYOUTS_AGAIN = timedelta(days=14)
# An invoice may be paid weeks after it was written.
_INVOICES_AGAIN = timedelta(days=90)
_BATCH = 1000


class Books(Protocol):
    """What is asked of the payment provider here; `StripeGateway` is that."""

    def list(
        self, of_type: str, *, of: str | None = None, account: str | None = None, **filters: Any
    ) -> Iterator[dict[str, Any]]:
        """All objects of a type that fit the filters, newest first."""

    def balance(self, *, account: str | None = None) -> dict[str, Any]:
        """What is available and pending."""

    def retrieve(
        self, of_type: str, object_id: str, *, of: str | None = None, account: str | None = None
    ) -> dict[str, Any]:
        """The object as it is now."""


@dataclass(slots=True)
class Copied:
    """What one reading of the provider's books brought.

    `read` are the connected accounts that could be read, `unread` the others with the reason, `balances` what the
    provider says is on each (minor units by account and currency; our own account is empty).
    """

    lines: int = 0
    payouts: int = 0
    read: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    balances: dict[tuple[str, str], int] = field(default_factory=dict)


def copy_books(access: Access, books: Books, *, whole: bool = False) -> Copied:
    """Copy what is new since the last time (`whole`: everything there is), each account in transactions of its own.

    A connected account that cannot be read is named and left out; our own account has to be readable.
    """
    copied = Copied()
    with access.transaction(Permission.READ_MONEY) as session:
        accounts = _connected_accounts(session, access.tenant.id)
    _copy_account(access, books, "", copied, whole=whole)
    for account in accounts:
        try:
            _copy_account(access, books, account, copied, whole=whole)
        except EngagerrError as error:
            copied.unread[account] = error.message
        else:
            copied.read.append(account)
    return copied


def _copy_account(access: Access, books: Books, account: str, copied: Copied, *, whole: bool) -> None:
    theirs = account or None
    copied.lines += _copy_stream(access, books, account, "lines", whole=whole)
    copied.payouts += _copy_stream(access, books, account, "payouts", whole=whole)
    _mark_compositions(access, books, account)
    balance = books.balance(account=theirs)
    for part in (*balance.get("available", ()), *balance.get("pending", ())):
        money = from_provider(part["amount"], part["currency"])
        key = (account, money.currency)
        copied.balances[key] = copied.balances.get(key, 0) + money.minor


def _copy_stream(access: Access, books: Books, account: str, stream: str, *, whole: bool) -> int:
    """Read one list from the last cursor on. The cursor moves when all of it is in: a list comes newest first."""
    tenant_id, now = access.tenant.id, access.clock.now()
    again = _LINES_AGAIN if stream == "lines" else _PAYOUTS_AGAIN
    with access.transaction(Permission.READ_MONEY) as session:
        through = None if whole else _cursor(session, tenant_id, account, stream)
    filters: dict[str, Any] = {}
    if through is not None:
        filters["created"] = {"gte": int((through - again).timestamp())}
    if stream == "lines":
        entries = books.list("balance_transaction", account=account or None, expand=["data.source"], **filters)
        bills = _paid_bills(books, through) if not account else {}
        rows = (line_of(each, bills=bills) for each in _ours(entries, books, bills, tenant_id))
    else:
        payouts = books.list("payout", account=account or None, **filters)
        rows = (payout_of(each) for each in _ours(payouts, books, {}, tenant_id))
    brought, newest = 0, through
    while batch := list(islice(rows, _BATCH)):
        with access.transaction(Permission.READ_MONEY) as session:
            _write(session, stream, batch, tenant_id=tenant_id, account=account, now=now)
        brought += len(batch)
        newest = max((datetime.fromisoformat(row["created_at"]) for row in batch), default=newest or now)
        newest = newest if through is None else max(newest, through)
    if newest is not None:
        with access.transaction(Permission.READ_MONEY) as session:
            _move_cursor(session, tenant_id, account, stream, newest, now)
    return brought


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice of a subscription, and the workspace that its subscription says it is of."""

    invoice_id: str
    tenant: str | None


def line_of(entry: Mapping[str, Any], *, bills: Mapping[str, Bill]) -> dict[str, Any]:
    """A balance transaction as a row of `provider_lines`; `bills` by the payment that paid each."""
    thing = _thing(entry)
    marks = _marks(thing)
    amount = from_provider(entry["amount"], entry["currency"])
    related = _related(thing)
    return {
        "line_id": entry["id"], "kind": entry["type"], "currency": amount.currency, "amount_minor": amount.minor,
        "fee_minor": from_provider(entry["fee"], entry["currency"]).minor, "source_id": _id(entry.get("source")),
        "related_ids": [*related, *(bills[name].invoice_id for name in related if name in bills)],
        "operation_id": _uuid(marks.get("engagerr_operation")), "subject": marks.get("engagerr_subject"),
        "counterpart": _id(thing.get("destination" if entry["type"] == "transfer" else "charge")),
        "status": entry["status"], "payout_id": None,
        "created_at": _moment(entry["created"]), "available_at": _moment(entry.get("available_on")),
    }  # fmt: skip


def payout_of(payout: Mapping[str, Any]) -> dict[str, Any]:
    """A payout as a row of `provider_payouts`."""
    amount = from_provider(payout["amount"], payout["currency"])
    return {
        "payout_id": payout["id"], "currency": amount.currency, "amount_minor": amount.minor,
        "status": payout["status"], "automatic": bool(payout.get("automatic")),
        "failure": payout.get("failure_message") or payout.get("failure_code"),
        "operation_id": _uuid(_marks(payout).get("engagerr_operation")),
        "created_at": _moment(payout["created"]), "arrives_at": _moment(payout.get("arrival_date")),
    }  # fmt: skip


def _ours(
    found: Iterator[dict[str, Any]], books: Books, bills: Mapping[str, Bill], tenant_id: UUID
) -> Iterator[dict[str, Any]]:
    """Without what says that another workspace made it: several may share one account at the provider."""
    for each in found:
        thing = _thing(each) or each
        if thing.get("object") == "dispute":
            # A dispute says nothing of itself; the payment that it is about does.
            thing = books.retrieve("charge", str(_id(thing.get("charge"))))
        bill = bills.get(str(_id(thing.get("payment_intent"))))
        tenant = _marks(thing).get("engagerr_tenant") or (bill and bill.tenant)
        if tenant in (None, str(tenant_id)):
            yield each


def _paid_bills(books: Books, through: datetime | None) -> dict[str, Bill]:
    """Invoices of subscriptions, by the payment that paid them: the payment itself does not say what it was for."""
    since: dict[str, Any] = (
        {} if through is None else {"created": {"gte": int((through - _INVOICES_AGAIN).timestamp())}}
    )
    found: dict[str, Bill] = {}
    for invoice in books.list("invoice", status="paid", expand=["data.payments"], **since):
        about = (invoice.get("parent") or {}).get("subscription_details") or {}
        for paid in (invoice.get("payments") or {}).get("data", ()):
            intent = _id((paid.get("payment") or {}).get("payment_intent"))
            if intent is not None:
                found[intent] = Bill(invoice["id"], _marks(about).get("engagerr_tenant"))
    return found


def _thing(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a line is about, where it was shown in full."""
    source = entry.get("source")
    return source if isinstance(source, Mapping) else {}


def _related(thing: Mapping[str, Any]) -> list[str]:
    """Other objects that are the same act: what a charge confirms, and the far side of a transfer or its reversal."""
    names = {
        "charge": ("payment_intent", "source_transfer"),
        "transfer": ("destination_payment",),
        "transfer_reversal": ("destination_payment_refund",),
        "refund": ("source_transfer_reversal", "transfer_reversal"),
    }.get(thing.get("object", ""), ())
    return [named for name in names if (named := _id(thing.get(name))) is not None]


def _marks(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    marks = thing.get("metadata")
    return marks if isinstance(marks, Mapping) else {}


def _id(value: Any) -> str | None:
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) and found else None


def _uuid(value: Any) -> str | None:
    """Metadata is anybody's to write: what is no id is none."""
    with contextlib.suppress(ValueError):
        return str(UUID(value)) if isinstance(value, str) else None
    return None


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _connected_accounts(session: Session, tenant_id: UUID) -> list[str]:
    return list(
        session.execute(
            text(
                "SELECT provider_account FROM payees WHERE tenant_id = :tenant_id AND provider_account IS NOT NULL"
                " ORDER BY 1"
            ),
            {"tenant_id": tenant_id},
        ).scalars()
    )


def _cursor(session: Session, tenant_id: UUID, account: str, stream: str) -> datetime | None:
    found: datetime | None = session.execute(
        text(
            "SELECT through_at FROM reconciliation_cursors"
            " WHERE tenant_id = :tenant_id AND account = :account AND stream = :stream"
        ),
        {"tenant_id": tenant_id, "account": account, "stream": stream},
    ).scalar_one_or_none()
    return found


def _move_cursor(
    session: Session, tenant_id: UUID, account: str, stream: str, through: datetime, now: datetime
) -> None:
    session.execute(
        text(
            """
            INSERT INTO reconciliation_cursors AS known (tenant_id, account, stream, through_at, updated_at)
            VALUES (:tenant_id, :account, :stream, :through, :now)
            ON CONFLICT (tenant_id, account, stream) DO UPDATE
              SET through_at = greatest(known.through_at, excluded.through_at), updated_at = excluded.updated_at
            """
        ),
        {"tenant_id": tenant_id, "account": account, "stream": stream, "through": through, "now": now},
    )


_LINES = """
INSERT INTO provider_lines AS known (tenant_id, account, line_id, kind, currency, amount_minor, fee_minor, source_id,
                                     related_ids, operation_id, subject, counterpart, status, payout_id, created_at,
                                     available_at, fetched_at)
SELECT :tenant_id, :account, line_id, kind, currency, amount_minor, fee_minor, source_id,
       ARRAY(SELECT jsonb_array_elements_text(related_ids)), operation_id, subject, counterpart, status, payout_id,
       created_at, available_at, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS line (
  line_id text, kind text, currency text, amount_minor bigint, fee_minor bigint, source_id text, related_ids jsonb,
  operation_id uuid, subject text, counterpart text, status text, payout_id text, created_at timestamptz,
  available_at timestamptz)
ON CONFLICT (tenant_id, account, line_id) DO UPDATE
  SET status = excluded.status, available_at = excluded.available_at, fetched_at = excluded.fetched_at
  WHERE (known.status, known.available_at) IS DISTINCT FROM (excluded.status, excluded.available_at)
"""
_PAYOUTS = """
INSERT INTO provider_payouts AS known (tenant_id, account, payout_id, currency, amount_minor, status, automatic,
                                       failure, operation_id, created_at, arrives_at, fetched_at)
SELECT :tenant_id, :account, payout_id, currency, amount_minor, status, automatic, failure, operation_id, created_at,
       arrives_at, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS payout (
  payout_id text, currency text, amount_minor bigint, status text, automatic boolean, failure text, operation_id uuid,
  created_at timestamptz, arrives_at timestamptz)
ON CONFLICT (tenant_id, account, payout_id) DO UPDATE
  SET status = excluded.status, failure = excluded.failure, arrives_at = excluded.arrives_at,
      fetched_at = excluded.fetched_at
  WHERE (known.status, known.failure, known.arrives_at)
        IS DISTINCT FROM (excluded.status, excluded.failure, excluded.arrives_at)
"""


def _write(
    session: Session, stream: str, rows: list[dict[str, Any]], *, tenant_id: UUID, account: str, now: datetime
) -> None:
    session.execute(
        text(_LINES if stream == "lines" else _PAYOUTS),
        {
            "tenant_id": tenant_id, "account": account, "now": now,
            "rows": json.dumps(rows, ensure_ascii=False),
        },
    )  # fmt: skip


def _mark_compositions(access: Access, books: Books, account: str) -> None:
    """Ask of each automatic payout which lines it is made of; the provider knows that of no other."""
    tenant_id = access.tenant.id
    whose = {"tenant_id": tenant_id, "account": account}
    with access.transaction(Permission.READ_MONEY) as session:
        unknown = session.execute(
            text(
                "SELECT payout_id FROM provider_payouts WHERE tenant_id = :tenant_id AND account = :account"
                " AND automatic AND NOT lines_known AND status IN ('paid', 'in_transit') ORDER BY created_at"
            ),
            whose,
        ).scalars()
        waiting = list(unknown)
    for payout_id in waiting:
        found = books.list("balance_transaction", account=account or None, payout=payout_id)
        made_of = [entry["id"] for entry in found]
        with access.transaction(Permission.READ_MONEY) as session:
            session.execute(
                text(
                    "UPDATE provider_lines SET payout_id = :payout_id WHERE tenant_id = :tenant_id"
                    " AND account = :account AND line_id = ANY (:lines)"
                ),
                {**whose, "payout_id": payout_id, "lines": made_of},
            )
            session.execute(
                text(
                    "UPDATE provider_payouts SET lines_known = true WHERE tenant_id = :tenant_id"
                    " AND account = :account AND payout_id = :payout_id"
                ),
                {**whose, "payout_id": payout_id},
            )
