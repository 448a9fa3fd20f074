"""Taking over what the provider says: it is asked how the thing stands, and the same steps book it as would have then.

Where no step of ours is behind it, a person says that the provider is right, and the rest is booked against suspense.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, EngagerrError, NotFound
from engagerr.core.money import Money
from engagerr.core.payments.ledger import Leg, account, post

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.payments.operations import Operation, OpKind
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access

# What the provider was paid out or topped up lies with our own bank: an asset of ours, so below zero like a claim.
OWN_BANK = "own bank"
_UNEXPLAINED = "reconciliation"


class NeedsAPerson(Conflict):
    """The provider alone does not say how this is to be booked."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider answered about a difference: an object, and what it is to us."""

    what: str  # "operation", "lost operation", "dispute" or "payout"
    body: dict[str, Any]
    operation_id: UUID | None = None
    kind: str | None = None


def ask(access: Access, gateway: StripeGateway, row: Row[Any]) -> Told:
    """Ask the provider how the thing stands that a difference is about. Outside any transaction.

    `NeedsAPerson` where there is nothing that could be asked for.
    """
    from engagerr.core.payments.operations import operation_by_id
    from engagerr.core.payments.provider_states import look_up
    from engagerr.core.tenancy import Permission

    if row.kind == "older_books":
        return _ask_lost(gateway, row)
    source = next(iter(row.facts.get("sources", ())), row.object_id)
    if row.facts.get("operation_kind"):
        with access.transaction(Permission.READ_MONEY) as session:
            operation = operation_by_id(session, access, row.operation_id)
        if operation.state == "failed":
            raise NeedsAPerson(
                f"The {operation.kind} for {operation.subject} failed here, and what failed never becomes a success.",
                hint="Adopt it with --reason to book what the provider moved to suspense, then ask for it anew.",
            )
        found = look_up(gateway, operation)
        if found is None:
            raise NotFound(f"The provider's lists do not show what the {operation.kind} for {operation.subject} made.")
        return Told("operation", found, operation.id)
    if source.startswith(("dp_", "du_")):
        return Told("dispute", gateway.retrieve("dispute", source))
    if source.startswith("po_") and row.account:
        return Told("payout", gateway.retrieve("payout", source, account=row.account))
    raise NeedsAPerson(
        f"Nothing of ours is behind {row.object_id}, so the provider alone does not say how it is to be booked.",
        hint="Adopt it with --reason to book it to suspense, or dismiss it.",
    )


def take_over(session: Session, access: Access, row: Row[Any], told: Told) -> str:
    """Book what the provider said, by the steps that would have booked it at the time; says in words what was done."""
    from engagerr.core.payments.disputes import dispute_changed
    from engagerr.core.payments.operations import OpKind, adopt, converge
    from engagerr.core.payments.payouts import payout_changed
    from engagerr.core.payments.settling import settle

    if told.what == "dispute":
        dispute_changed(session, access, told.body)
        return f"the dispute is {told.body.get('status')}"
    if told.what == "payout":
        payout_changed(session, access, told.body, row.account)
        return f"the payout is {told.body.get('status')}"
    if told.what == "lost operation":
        assert told.kind is not None
        kind = OpKind(told.kind)
        if not _restore_operation(session, access, kind, told.body):
            return "the operation stands again; what it belongs to has to be approved again before it is booked"
        operation = adopt(session, access, kind, told.body)
        return f"the {operation.kind} stands again and is {operation.state}"
    assert told.operation_id is not None
    operation = converge(session, access, told.operation_id, told.body)
    # Older news changes nothing above; but here the books lack what is known.
    settle(session, access, operation)
    return f"the {operation.kind} is {operation.state}"


def book_rest(session: Session, access: Access, row: Row[Any], *, against: str) -> str:
    """Book what is left between both sides, so that the books say what the provider says.

    `against` is suspense, or own_bank for what went between our balance and our bank. Fees go to fees, and money on a
    payee's balance to that payee.
    """
    tenant_id = access.tenant.id
    legs: list[Leg] = []
    for place in row.facts.get("places", ()):
        money = place["currency"]
        outside = account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=money)
        gross = place["theirs_gross"] - place["ours_gross"]
        fee = place["theirs_fee"] - place["ours_fee"]
        if place["account"]:
            other = account(
                session, tenant_id=tenant_id, kind="connected", currency=money,
                party=_party_of(session, access, place["account"], money),
            )  # fmt: skip
            gross, fee = gross - fee, 0
        elif against == "own_bank":
            other = account(session, tenant_id=tenant_id, kind="receivable", party=OWN_BANK, currency=money)
        else:
            other = account(session, tenant_id=tenant_id, kind="suspense", party=_suspense(row), currency=money)
        legs += _leg(outside, other, gross, money, "payout" if against == "own_bank" else "correction")
        fees = account(session, tenant_id=tenant_id, kind="fees", party="stripe", currency=money)
        legs += _leg(fees, outside, fee, money, "fee")
    if not legs:
        raise NeedsAPerson(
            f"There is nothing to be booked about {row.object_id}.", hint="Explain it: engagerr payment dismiss"
        )
    post(
        session, tenant_id=tenant_id, key=f"difference:{row.object_id}:{row.id}", legs=legs,
        subject=row.subject or f"difference:{row.id}", member_id=access.member.id, now=access.clock.now(),
        effective_at=row.happened_at,
    )  # fmt: skip
    return f"{len(legs)} transfers were booked"


def _leg(source: UUID, destination: UUID, minor: int, currency: str, kind: str) -> Sequence[Leg]:
    if not minor:
        return ()
    if minor < 0:
        source, destination = destination, source
    return (Leg(source=source, destination=destination, amount=Money(abs(minor), currency), kind=kind),)


def _suspense(row: Row[Any]) -> str:
    kind, _, name = (row.subject or "").partition(":")
    return name if kind == "hold" and name else _UNEXPLAINED


def _party_of(session: Session, access: Access, provider_account: str, currency: str) -> str:
    """Under which name the books know whose balance at the provider this is."""
    party = session.execute(
        text(
            """
            SELECT coalesce(
              (SELECT min(known.party) FROM ledger_accounts AS known WHERE known.tenant_id = :tenant_id
                 AND known.kind = 'connected' AND known.currency = :currency
                 AND known.party IN ('payee:' || payee.id, 'creator:' || payee.creator_id)),
              'creator:' || payee.creator_id, 'payee:' || payee.id)
            FROM payees AS payee WHERE payee.tenant_id = :tenant_id AND payee.provider_account = :account
            """
        ),
        {"tenant_id": access.tenant.id, "account": provider_account, "currency": currency},
    ).scalar_one_or_none()
    if party is None:
        raise NeedsAPerson(
            f"The account {provider_account} belongs to no payee here.",
            hint="Add them first (engagerr payee add), or reverse the transfer at the provider.",
        )
    return str(party)


def _ask_lost(gateway: StripeGateway, row: Row[Any]) -> Told:
    """What an operation made that these books do not know, in the shape in which its kind is answered."""
    source = next(iter(row.facts.get("sources", ())), row.object_id)
    if source.startswith(("ch_", "py_")):
        payment = str(gateway.retrieve("charge", source)["payment_intent"])
        sessions = list(gateway.list("checkout.session", payment_intent=payment))
        if sessions:
            found = gateway.retrieve("checkout.session", sessions[0]["id"])
            return Told("lost operation", found, row.operation_id, "checkout")
        return Told("lost operation", gateway.retrieve("payment_intent", payment), row.operation_id, "payment")
    if source.startswith("tr_"):
        return Told("lost operation", gateway.retrieve("transfer", source), row.operation_id, "transfer")
    if source.startswith(("re_", "pyr_")):
        return Told("lost operation", gateway.retrieve("refund", source), row.operation_id, "refund")
    if source.startswith("po_"):
        found = gateway.retrieve("payout", source, account=row.account or None)
        return Told("lost operation", found, row.operation_id, "payout")
    if source.startswith("trr_"):
        for transfer in gateway.list("transfer"):
            if any(back["id"] == source for back in (transfer.get("reversals") or {}).get("data", ())):
                found = gateway.retrieve("transfer_reversal", source, of=transfer["id"])
                return Told("lost operation", found, row.operation_id, "reversal")
    raise NeedsAPerson(f"It is not known what {source} is.", hint="Adopt it with --reason to book it to suspense.")


def _restore_operation(session: Session, access: Access, kind: OpKind, body: Mapping[str, Any]) -> bool:
    """Put an operation back that the books lost, under its own purpose: nobody can ask for the same a second time.

    False where it cannot be booked yet: what it belongs to (a refund or a recall that was approved) is lost as well. It
    then stands as done, and is booked once a person has approved the same again.
    """
    from engagerr.core.payments.operations import operation_by_id, update

    told = body.get("metadata") or {}
    tenant_id = access.tenant.id
    if told.get("engagerr_tenant") != str(tenant_id) or not told.get("engagerr_operation"):
        raise NeedsAPerson(f"{body.get('id')} does not say that this workspace made it.")
    if kind not in ("transfer", "refund", "reversal"):
        return True  # all that is needed to book it stands in the object
    operation_id, purpose = UUID(told["engagerr_operation"]), str(told.get("engagerr_purpose") or "")
    request = {"_adopted": True, **_request_of(kind, purpose, body)}
    session.execute(
        text(
            "INSERT INTO payment_operations (tenant_id, id, kind, subject, purpose, request, request_hash, created_at,"
            " updated_at) VALUES (:tenant_id, :id, :kind, :subject, :purpose, CAST(:request AS jsonb), :request_hash,"
            " :now, :now) ON CONFLICT DO NOTHING"
        ),
        {
            "tenant_id": tenant_id, "id": operation_id, "kind": kind.value, "now": access.clock.now(),
            "subject": told.get("engagerr_subject") or "unknown", "purpose": purpose or f"adopted:{body['id']}",
            "request": json.dumps(request), "request_hash": bytes.fromhex(told.get("engagerr_request") or "0" * 64),
        },
    )  # fmt: skip
    operation = operation_by_id(session, access, operation_id, lock=True)
    if kind == "transfer" and _set_aside_again(session, access, operation, body):
        return True
    update(
        session, access, operation_id, state="succeeded", provider_id=body["id"], result=json.dumps(dict(body)),
        sent_at=access.clock.now(),
    )  # fmt: skip
    return False


def _request_of(kind: str, purpose: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What of a request can be read from its purpose and from what it made."""
    from engagerr.core.payments.exponents import from_provider

    amount = from_provider(body["amount"], body["currency"])
    request: dict[str, Any] = {"_amount_minor": amount.minor, "_currency": amount.currency}
    parts = purpose.split(":")
    names = {"transfer": ("_share",), "refund": ("_movement", "_payment"), "reversal": ("_movement", "_share")}[kind]
    request |= dict(zip(names, parts[1:], strict=False))
    if kind == "reversal":
        transfer = body.get("transfer")
        request["transfer"] = transfer["id"] if isinstance(transfer, Mapping) else transfer
    if kind == "transfer":
        request["destination"] = body.get("destination")
    return request


def _set_aside_again(session: Session, access: Access, operation: Operation, body: Mapping[str, Any]) -> bool:
    """Set the released part aside for the transfer that was made of it, if it waits here for being transferred."""
    from engagerr.core.payments.movement_rows import party_account, read_shares

    share_id = str(operation.request.get("_share", ""))
    tenant_id = access.tenant.id
    found = read_shares(session, access, "share.id::text = :id AND share.state = 'waiting'", id=share_id)
    amount = Money(operation.request["_amount_minor"], operation.request["_currency"])
    if not found or found[0].rest != amount:
        return False
    share = found[0]
    if _party_of(session, access, str(body.get("destination")), amount.currency) not in _names_of(
        session, access, share.party
    ):
        raise NeedsAPerson(
            f"The provider transferred {amount} to {body.get('destination')}, which is not who it was released to.",
            hint="Adopt it with --reason to book it to suspense.",
        )
    post(
        session, tenant_id=tenant_id, key=f"transfer:{operation.id}", subject=operation.subject, member_id=None,
        now=access.clock.now(),
        legs=[
            Leg(
                source=party_account(session, access, share.party, amount.currency),
                destination=account(
                    session, tenant_id=tenant_id, kind="connected", party=share.party, currency=amount.currency
                ),
                amount=amount, kind="payout", phase="pending",
            )
        ],
    )  # fmt: skip
    session.execute(
        text(
            "UPDATE hold_shares SET state = 'sending', operation_id = :operation_id, note = NULL"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {"tenant_id": tenant_id, "operation_id": operation.id, "id": share.id},
    )
    return True


def _names_of(session: Session, access: Access, party: str) -> set[str]:
    rows = session.execute(
        text(
            "SELECT 'payee:' || id AS one, 'creator:' || creator_id AS other FROM payees WHERE tenant_id = :tenant_id"
            " AND :party IN ('payee:' || id, 'creator:' || creator_id)"
        ),
        {"tenant_id": access.tenant.id, "party": party},
    )
    return {party, *(name for row in rows for name in row if name is not None)}


def what_went_wrong(error: EngagerrError) -> str:
    """An error in one sentence, for whoever goes on with a difference."""
    return error.message if error.hint is None else f"{error.message} {error.hint}"
