"""Two sets of books for tests: the provider's as lists that can be read, and ours, kept by the steps of the core.

Each act is written on both sides unless the test says otherwise, so that what is planted is the only difference.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from engagerr import Money, Workspace
from engagerr.core.errors import Rejected, Unavailable
from engagerr.core.payments.ledger import Leg, account, post
from engagerr.core.payments.reconciling.differences import Differences
from engagerr.core.payments.reconciling.reconciliation import Reconciliation, Run
from engagerr.core.tenancy import Access, Permission
from sqlalchemy import text

_numbers = itertools.count(1)
Object = dict[str, Any]


def access_of(workspace: Workspace) -> Access:
    """Who acts in the workspace."""
    return workspace._access


@dataclass
class Provider:
    """The provider's books: balance transactions and payouts of each account ('' is ours), and objects by id."""

    now: datetime
    tenant_id: UUID
    lines: dict[str, list[Object]] = field(default_factory=dict)
    payouts: dict[str, list[Object]] = field(default_factory=dict)
    objects: dict[str, Object] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    off_by: int = 0
    refuses: str | None = None
    breaks_after: int | None = None

    def __call__(self) -> Provider:
        """As the workspace asks for its gateway."""
        return self

    def list(
        self, of_type: str, *, of: str | None = None, account: str | None = None, **filters: Any
    ) -> Iterator[Object]:
        """Newest first, like the real one."""
        if account is not None and account == self.refuses:
            raise Rejected(f"{account} may not be read.")
        since = filters.get("created", {}).get("gte", 0)
        kept = {"balance_transaction": self.lines, "payout": self.payouts}.get(of_type, {}).get(account or "", [])
        for place, found in enumerate(sorted(kept, key=lambda each: (-each["created"], each["id"]))):
            if place == self.breaks_after:
                raise Unavailable("The provider went away.")
            if found["created"] < since or filters.get("payout") not in (None, found.get("_payout")):
                continue
            self.asked.append(found["id"])
            source = found.get("source")
            expanded = {"source": self.objects.get(str(source), source)} if "expand" in filters else {}
            yield {name: value for name, value in {**found, **expanded}.items() if not name.startswith("_")}

    def balance(self, *, account: str | None = None) -> Object:
        """The sum of the lines, as far as nobody planted another."""
        sums: dict[str, int] = {}
        for line in self.lines.get(account or "", []):
            sums[line["currency"]] = sums.get(line["currency"], 0) + line["amount"] - line["fee"]
        if account is None and "eur" in sums:
            sums["eur"] += self.off_by
        parts = [{"amount": amount, "currency": currency} for currency, amount in sums.items()]
        return {"available": parts, "pending": [{"amount": 0, "currency": currency} for currency in sums]}

    def retrieve(self, of_type: str, object_id: str, *, of: str | None = None, account: str | None = None) -> Object:
        """The object as it is now."""
        return self.objects[object_id]

    def line(
        self, kind: str, amount: int, source: str | None, *, fee: int = 0, account: str = "", currency: str = "eur",
        at: datetime | None = None, payout: str | None = None,
    ) -> str:  # fmt: skip
        """Book a line."""
        moment = int((at or self.now).timestamp())
        line_id = f"txn_{next(_numbers)}"
        self.lines.setdefault(account, []).append(
            {
                "id": line_id, "type": kind, "amount": amount, "fee": fee, "currency": currency, "source": source,
                "status": "available", "created": moment, "available_on": moment, "_payout": payout,
            }
        )  # fmt: skip
        return line_id

    def thing(self, prefix: str, of_type: str, operation: UUID | None = None, **facts: Any) -> str:
        """Make an object; `operation` is what its metadata says."""
        name = f"{prefix}_{next(_numbers)}"
        marks = {} if operation is None else {
            "engagerr_operation": str(operation), "engagerr_tenant": str(self.tenant_id),
        }  # fmt: skip
        self.objects[name] = {"id": name, "object": of_type, "metadata": marks, **facts}
        return name


@dataclass
class TwoBooks:
    """Our books and the provider's, and the acts that move money."""

    workspace: Workspace
    provider: Provider

    @property
    def access(self) -> Access:
        return access_of(self.workspace)

    @property
    def differences(self) -> Differences:
        """What was found."""
        return Differences(self.access, self.provider)  # type: ignore[arg-type]

    def reconcile(self, **options: Any) -> Run:
        """A run of reconciliation between the two."""
        return Reconciliation(self.access, self.provider).run(**options)  # type: ignore[arg-type]

    def operation(
        self, kind: str, *, provider_id: str | None, state: str = "succeeded", result: Mapping[str, Any] | None = None,
        subject: str = "deal:1", operation_id: UUID | None = None, request: Mapping[str, Any] | None = None,
    ) -> UUID:  # fmt: skip
        """An operation as it stands after it was carried out."""
        made = operation_id or uuid4()
        values = {
            "tenant_id": self.access.tenant.id, "id": made, "kind": kind, "subject": subject, "purpose": f"test:{made}",
            "request": json.dumps(dict(request or {})), "hash": bytes(32), "state": state, "provider_id": provider_id,
            "result": json.dumps(dict(result or {})), "now": self.access.clock.now(),
            "error": json.dumps({"message": "declined"}) if state == "failed" else None,
        }  # fmt: skip
        with self.access.transaction(Permission.RELEASE) as session:
            session.execute(
                text(
                    "INSERT INTO payment_operations (tenant_id, id, kind, subject, purpose, request, request_hash,"
                    " created_at, updated_at) VALUES (:tenant_id, :id, :kind, :subject, :purpose,"
                    " CAST(:request AS jsonb), :hash, :now, :now)"
                ),
                values,
            )
            if state != "intended":
                session.execute(
                    text(
                        "UPDATE payment_operations"
                        " SET state = CASE WHEN :state = 'unknown' THEN 'sent' ELSE :state END,"
                        " provider_id = :provider_id, result = CAST(:result AS jsonb), sent_at = :now,"
                        " error = CAST(:error AS jsonb) WHERE tenant_id = :tenant_id AND id = :id"
                    ),
                    values,
                )
        return made

    def book(
        self, key: str, *legs: tuple[str, str, str, str, int], currency: str = "EUR", subject: str = "deal:1"
    ) -> None:
        """Post legs: (kind and party from, kind and party to, amount), as the steps of the core do."""
        with self.access.transaction(Permission.RELEASE) as session:

            def of(kind: str, party: str) -> UUID:
                return account(session, tenant_id=self.access.tenant.id, kind=kind, party=party, currency=currency)

            kinds = {"fees": "fee"}
            post(
                session, tenant_id=self.access.tenant.id, key=key, subject=subject, member_id=None,
                now=self.access.clock.now(),
                legs=[
                    Leg(of(*source), of(*destination), Money(amount, currency), kinds.get(source[0], "subscription"))
                    for source, destination, amount in (((a, b), (c, d), e) for a, b, c, d, e in legs)
                ],
            )  # fmt: skip

    def payee(self, account_id: str, name: str | None = None) -> UUID:
        """Somebody with an account at the provider."""
        values = {
            "tenant_id": self.access.tenant.id, "name": name or f"Payee {next(_numbers)}", "account": account_id,
            "key": f"payee {next(_numbers)}",
        }  # fmt: skip
        with self.access.transaction(Permission.SET_PAYMENTS) as session:
            made: UUID = session.execute(
                text(
                    "INSERT INTO payees (tenant_id, name, name_key, kind, country, currency, provider_account,"
                    " capability) VALUES (:tenant_id, :name, :key, 'individual', 'DE', 'EUR', :account, 'active')"
                    " RETURNING id"
                ),
                values,
            ).scalar_one()
        return made

    # ── Acts, each on both sides ───────────────────────────────────────────────────────────────────────────────────

    def paid(self, amount: int = 10_000, *, fee: int = 175, ours: bool = True, theirs: bool = True, **how: Any) -> UUID:
        """A brand pays: a payment with its charge. `ours_amount`, `ours_fee`, `currency` plant what differs."""
        made = uuid4()
        at = how.get("at")
        charge = self.provider.thing("ch", "charge", made, payment_intent=None)
        payment = self.provider.thing(
            "pi", "payment_intent", made, latest_charge=charge, status="succeeded", amount=amount,
            amount_received=amount, currency="eur",
        )  # fmt: skip
        self.provider.objects[charge]["payment_intent"] = payment
        if theirs:
            self.provider.line("charge", amount, charge, fee=fee, at=at, currency=how.get("currency", "eur"))
        if how.get("operation", True):
            state = how.get("state", "succeeded")
            self.operation(
                "payment", provider_id=payment if state != "unknown" else None, state=state, operation_id=made,
                result={"id": payment, "latest_charge": {"id": charge}} if state == "succeeded" else None,
            )  # fmt: skip
        if ours:
            self.book(f"op:{made}:fund", ("outside", "stripe", "revenue", "deals", how.get("ours_amount", amount)))
            if how.get("ours_fee", fee):
                self.book(f"op:{made}:fee", ("fees", "stripe", "outside", "stripe", how.get("ours_fee", fee)))
        return made

    def transferred(
        self,
        to: str,
        party: str,
        amount: int = 5_000,
        *,
        ours: bool = True,
        theirs: bool = True,
        went_to: str | None = None,
    ) -> UUID:
        """Money goes to a payee's account."""
        made = uuid4()
        arrived = self.provider.thing("py", "charge")
        transfer = self.provider.thing(
            "tr",
            "transfer",
            made,
            destination=went_to or to,
            destination_payment=arrived,
            amount=amount,
            currency="eur",
        )
        self.provider.objects[arrived]["source_transfer"] = transfer
        if theirs:
            self.provider.line("transfer", -amount, transfer)
            self.provider.line("payment", amount, arrived, account=went_to or to)
        self.operation("transfer", provider_id=transfer, operation_id=made, result=self.provider.objects[transfer])
        if ours:
            self.book(f"op:{made}:end", ("revenue", "deals", "connected", party, amount))
        return made

    def paid_out(
        self, account_id: str, party: str, amount: int, *, status: str = "paid", ours: bool = True, theirs: bool = True
    ) -> str:
        """A payee's balance goes to their bank."""
        payout = self.provider.thing("po", "payout", amount=amount, currency="eur", status=status)
        self.provider.payouts.setdefault(account_id, []).append(
            {
                **self.provider.objects[payout], "automatic": False, "created": int(self.provider.now.timestamp()),
                "arrival_date": int(self.provider.now.timestamp()),
            }
        )  # fmt: skip
        if theirs:
            self.provider.line("payout", -amount, payout, account=account_id)
            if status == "failed":
                self.provider.line("payout_failure", amount, payout, account=account_id)
        if ours:
            self.book(f"payout:{payout}:out", ("connected", party, "outside", "bank", amount))
        return payout


def later(moment: datetime, **by: float) -> datetime:
    """Some time after a moment."""
    return moment + timedelta(**by)
