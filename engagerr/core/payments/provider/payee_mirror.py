"""The mirror of payees: what the provider says of them, for the gate that money has to pass."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.events import emit, open_task, resolve_tasks

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.payments.provider.operations import Operation
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access

# The provider's word on transfers to somebody, in the four that matter here.
_CAPABILITIES: Mapping[str, str] = {
    "active": "active", "pending": "pending", "restricted": "restricted", "rejected": "restricted",
    "unsupported": "restricted",
}  # fmt: skip
RESTRICTED_TASK = "payee.restricted"
DESTINATION_TASK = "payee.destination"


def account_made(session: Session, access: Access, operation: Operation) -> None:
    """The provider has made the account of this operation: it is the payee's from now on."""
    if operation.state != "succeeded" or operation.result is None:
        return
    session.execute(
        text(
            "UPDATE payees SET provider_account = :account, updated_at = :now"
            " WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid) AND provider_account IS NULL"
        ),
        {
            "tenant_id": access.tenant.id, "id": operation.subject.removeprefix("payee:"),
            "account": operation.provider_id, "now": access.clock.now(),
        },
    )  # fmt: skip
    mirror(session, access, operation.result, banks=None, fetched_at=access.clock.now())


def refresh_account(access: Access, gateway: StripeGateway, account: str) -> UUID | None:
    """Fetch an account and its bank accounts, and mirror them; the payee's id, None if it is none of ours."""
    fetched_at = access.clock.now()
    body = gateway.retrieve("v2.core.account", account)
    banks = list(gateway.list("bank_account", of=account, object="bank_account"))
    with access.database.transaction(access.tenant.id) as session:
        return mirror(session, access, body, banks=banks, fetched_at=fetched_at)


def refresh_for_transfer(
    access: Access, gateway: StripeGateway, operation: Operation, *, not_older_than: datetime
) -> None:
    """Ask about the payee of a transfer, unless they were asked about just now."""
    with access.database.transaction(access.tenant.id) as session:
        row = session.execute(
            text(
                "SELECT provider_account, refreshed_at FROM payees"
                " WHERE tenant_id = :tenant_id AND provider_account = :account"
            ),
            {"tenant_id": access.tenant.id, "account": operation.request.get("destination")},
        ).one_or_none()
    if row is None or (row.refreshed_at is not None and row.refreshed_at > not_older_than):
        return
    refresh_account(access, gateway, row.provider_account)


def mirror(
    session: Session, access: Access, body: Mapping[str, Any], *, banks: Sequence[Mapping[str, Any]] | None,
    fetched_at: datetime,
) -> UUID | None:  # fmt: skip
    """Take over what the provider says of an account (v2) and, unless None, its bank accounts; the payee's id, if any.

    An answer that was asked for earlier than the one we have changes nothing.
    """
    row = session.execute(
        text("SELECT * FROM payees WHERE tenant_id = :tenant_id AND provider_account = :account FOR UPDATE"),
        {"tenant_id": access.tenant.id, "account": body["id"]},
    ).one_or_none()
    if row is None:
        return None
    payee_id: UUID = row.id
    if row.refreshed_at is not None and row.refreshed_at > fetched_at:
        return payee_id
    capability, reason = _capability(body)
    fingerprint, label = (row.destination_fingerprint, row.destination_label) if banks is None else _destination(banks)
    moved = fingerprint != row.destination_fingerprint
    session.execute(
        text(
            """
            UPDATE payees SET capability = :capability, capability_reason = :reason,
              requirements = CAST(:requirements AS jsonb), requirements_due_at = :due_at,
              destination_fingerprint = :fingerprint, destination_label = :label,
              -- The first bank account that is known is the one that they were onboarded with.
              pinned_fingerprint = coalesce(pinned_fingerprint, :fingerprint),
              destination_since = CASE WHEN :moved THEN :now ELSE destination_since END,
              refreshed_at = :fetched_at, updated_at = :now
            WHERE tenant_id = :tenant_id AND id = :id
            """
        ),
        {
            "tenant_id": access.tenant.id, "id": payee_id, "capability": capability, "reason": reason,
            "requirements": json.dumps(_requirements(body)), "due_at": _due_at(body), "fingerprint": fingerprint,
            "label": label, "moved": moved, "fetched_at": fetched_at if banks is not None else row.refreshed_at,
            "now": access.clock.now(),
        },
    )  # fmt: skip
    _tell(session, access, row, capability, reason, fingerprint=fingerprint, label=label)
    return payee_id


def _tell(
    session: Session, access: Access, before: Row[Any], capability: str, reason: str | None, *,
    fingerprint: str | None, label: str | None,
) -> None:  # fmt: skip
    """Whoever follows a payee learns of a change; what waited for it goes on."""
    tenant_id, now, payee_id = access.tenant.id, access.clock.now(), before.id
    if capability != before.capability:
        access.audit(session, "payee.changed", f"payee:{payee_id}", before=before.capability, after=capability)
        emit(
            session, tenant_id=tenant_id, about=tenant_id, kind="payee.changed", now=now, payee=str(payee_id),
            capability=capability,
        )  # fmt: skip
        if capability == "restricted":
            open_task(
                session, tenant_id=tenant_id, kind=RESTRICTED_TASK, about=payee_id, subject=before.name, now=now,
                message=f"{before.name} may not be paid: {reason or 'the provider asks for more'}.",
                hint=f'Send them to the provider\'s page: engagerr payee onboard "{before.name}"',
            )  # fmt: skip
        else:
            resolve_tasks(session, tenant_id=tenant_id, kind=RESTRICTED_TASK, about=payee_id, now=now)
        if capability == "active":
            go_on(session, access, before.provider_account, "capability")
    if before.destination_fingerprint is not None and fingerprint != before.destination_fingerprint:
        access.audit(session, "payee.moved", f"payee:{payee_id}", before=before.destination_label, after=label)
        if fingerprint == before.pinned_fingerprint:
            resolve_tasks(session, tenant_id=tenant_id, kind=DESTINATION_TASK, about=payee_id, now=now)
            go_on(session, access, before.provider_account, "destination")
            return
        open_task(
            session, tenant_id=tenant_id, kind=DESTINATION_TASK, about=payee_id, subject=before.name, now=now,
            message=f"{before.name} has another bank account: {label or 'none'}, before {before.destination_label}.",
            hint="Ask them, not by mail, which one is theirs; then:"
            f' engagerr payee confirm "{before.name}" --saw DIGITS',
        )  # fmt: skip


def go_on(session: Session, access: Access, account: str | None, waits_for: str) -> None:
    """Transfers to this account that waited for this are due now."""
    session.execute(
        text(
            "UPDATE payment_operations SET next_attempt_at = :now, updated_at = :now WHERE tenant_id = :tenant_id"
            " AND lane = :account AND state = 'intended' AND waits_for = :waits_for"
        ),
        {"tenant_id": access.tenant.id, "account": account, "waits_for": waits_for, "now": access.clock.now()},
    )


def _capability(body: Mapping[str, Any]) -> tuple[str, str | None]:
    """(what it is, why it is not active) of transfers into the account's balance."""
    recipient = (body.get("configuration") or {}).get("recipient") or {}
    told = ((recipient.get("capabilities") or {}).get("stripe_balance") or {}).get("stripe_transfers") or {}
    status = told.get("status")
    if status is None:
        return "none", None
    reasons = [str(detail.get("code")) for detail in told.get("status_details") or ()]
    # A word that we do not know is no leave to send money.
    known = _CAPABILITIES.get(str(status), "restricted")
    return known, None if known == "active" else ", ".join(reasons) or str(status)


def _requirements(body: Mapping[str, Any]) -> dict[str, list[str]]:
    due: dict[str, list[str]] = {}
    for entry in (body.get("requirements") or {}).get("entries") or ():
        status = str((entry.get("minimum_deadline") or {}).get("status") or "eventually_due")
        due.setdefault(status, []).append(str(entry.get("description")))
    return due


def _due_at(body: Mapping[str, Any]) -> datetime | None:
    summary = (body.get("requirements") or {}).get("summary") or {}
    return moment_of((summary.get("minimum_deadline") or {}).get("time"))


def _destination(banks: Sequence[Mapping[str, Any]]) -> tuple[str | None, str | None]:
    """(fingerprint, words) of where payouts go: the bank accounts that are the default of a currency."""
    used = sorted(
        (
            str(bank.get("currency", "")).upper(),
            str(bank.get("fingerprint") or bank["id"]),
            str(bank.get("last4") or "?"),
        )
        for bank in banks
        if bank.get("default_for_currency")
    )
    if not used:
        return None, None
    hashed = hashlib.sha256(json.dumps([one[:2] for one in used]).encode()).hexdigest()
    return hashed[:32], ", ".join(f"…{last4} ({currency.upper()})" for currency, _, last4 in used)


def moment_of(told: object) -> datetime | None:
    """A moment as the provider writes it: seconds since 1970, or RFC 3339 in its second version."""
    if isinstance(told, (int, float)):
        return datetime.fromtimestamp(told, UTC)
    return datetime.fromisoformat(told) if isinstance(told, str) else None
