"""Disputes: the bank takes a charge back, the platform answers, the bank decides."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import balances
from engagerr.core.payments.sandbox.desk import Desk, merged_metadata, snapshot
from engagerr.core.payments.sandbox.refusals import Refusal, wrong_state
from engagerr.core.payments.sandbox.routes import happening, route
from engagerr.core.payments.sandbox.shapes import blank

_DAY = 24 * 3600
_ANSWER_DAYS = 9
_FEE = 1500
_OPEN = ("needs_response", "warning_needs_response")
_ENDS = {"won": "won", "lost": "lost", "warning_closed": "warning_closed"}


def open_dispute(
    desk: Desk, charge: dict[str, Any], *, reason: str = "fraudulent", amount: int | None = None,
    inquiry: bool = False, lost: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The bank disputes a charge: its money is gone at once, and a fee with it; an inquiry only asks."""
    if charge["disputed"] or not charge["captured"]:
        raise wrong_state(f"Charge {charge['id']} cannot be disputed (again).")
    rest = charge["amount_captured"] - charge["amount_refunded"]
    disputed = min(amount or rest, rest)
    if disputed <= 0:
        raise wrong_state(f"Charge {charge['id']} has been refunded: there is nothing to dispute.")
    due = desk.now + _ANSWER_DAYS * _DAY
    body = desk.made(
        "dispute", "dp_", amount=disputed, currency=charge["currency"], charge=charge["id"], reason=reason,
        payment_intent=charge["payment_intent"], status="warning_needs_response" if inquiry else "needs_response",
        evidence=blank("dispute_evidence"), balance_transactions=[], is_charge_refundable=inquiry,
        enhanced_eligibility_types=[], metadata={},
        evidence_details={**blank("dispute_evidence_details"), "due_by": due, "has_evidence": False,
                          "past_due": False, "submission_count": 0},
    )  # fmt: skip
    desk.add("dispute", body)
    if not inquiry:
        _taken(desk, body)
    charge |= {"disputed": not inquiry}
    desk.save(charge)
    desk.emit("charge.dispute.created", body)
    if not inquiry:
        desk.emit("charge.dispute.funds_withdrawn", body)
    if lost:
        closed(desk, body, "lost")
    else:
        desk.later(due, "dispute.late", body["id"])
    return body


def _taken(desk: Desk, body: dict[str, Any]) -> None:
    entry = balances.book(
        desk, "adjustment", -body["amount"], body["currency"], body["id"], fee=_FEE, category="dispute",
        description=f"Chargeback withdrawal for {body['charge']}",
    )  # fmt: skip
    body["balance_transactions"] = [*body["balance_transactions"], entry]
    desk.save(body)


def closed(desk: Desk, body: dict[str, Any], status: str) -> dict[str, Any]:
    """The bank's decision: won brings the amount back, never the fee."""
    if status not in _ENDS:
        raise Refusal(f"A dispute ends as {', '.join(_ENDS)}, not {status!r}.", param="status")
    if body["status"] in _ENDS:
        raise wrong_state(f"Dispute {body['id']} is closed: {body['status']}.")
    desk.never("dispute.late", body["id"])
    desk.never("dispute.decide", body["id"])
    body |= {"status": status, "is_charge_refundable": False}
    desk.save(body)
    if status == "won" and body["balance_transactions"]:
        entry = balances.book(
            desk, "adjustment", body["amount"], body["currency"], body["id"], category="dispute_reversal",
            description=f"Chargeback reversal for {body['charge']}",
        )  # fmt: skip
        body["balance_transactions"] = [*body["balance_transactions"], entry]
        desk.save(body)
        charge = desk.get("charge", body["charge"])
        desk.save({**charge, "_dispute_won": True})
    desk.emit("charge.dispute.closed", body)
    if status == "won":
        desk.emit("charge.dispute.funds_reinstated", body)
    return body


@happening("dispute.late")
def late(desk: Desk, ref: str) -> None:
    """Nobody answered in time: lost; an inquiry is closed."""
    body = desk.get("dispute", ref)
    if body["status"] in _OPEN:
        closed(desk, body, "warning_closed" if body["status"].startswith("warning") else "lost")


@happening("dispute.decide")
def decide(desk: Desk, ref: str) -> None:
    """The bank decides by the evidence: the words `winning_evidence` and `losing_evidence` say how."""
    body = desk.get("dispute", ref)
    if body["status"] not in ("under_review", "warning_under_review"):
        return
    text = body["evidence"].get("uncategorized_text") or ""
    if body["status"].startswith("warning"):
        closed(desk, body, "warning_closed")
    elif text in ("winning_evidence", "losing_evidence"):
        closed(desk, body, "won" if text == "winning_evidence" else "lost")


@route("GET", "/v1/disputes/{dispute}")
def show(desk: Desk, _form: dict[str, Any], dispute: str) -> dict[str, Any]:
    """One dispute."""
    return desk.get("dispute", dispute)


@route("GET", "/v1/disputes")
def list_disputes(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Disputes, newest first."""
    return desk.listed("dispute", form, charge=form.get("charge"), payment_intent=form.get("payment_intent"))


@route("POST", "/v1/disputes/{dispute}")
def answer(desk: Desk, form: dict[str, Any], dispute: str) -> dict[str, Any]:
    """Give evidence; unless `submit` is false the bank has it, and decides."""
    body = desk.get("dispute", dispute)
    before = snapshot(body)
    body["metadata"] = merged_metadata(body, form)
    evidence = form.get("evidence") or {}
    if (evidence or form.get("submit")) and body["status"] not in _OPEN:
        raise wrong_state(f"This dispute is already {body['status']}: it takes no more evidence.")
    body["evidence"] |= evidence
    if evidence:
        body["evidence_details"] |= {"has_evidence": True}
    if (evidence and form.get("submit", True)) or form.get("submit"):
        warning = "warning_" if body["status"].startswith("warning") else ""
        body["status"] = f"{warning}under_review"
        body["evidence_details"] |= {"submission_count": body["evidence_details"]["submission_count"] + 1}
    desk.save(body)
    desk.emit("charge.dispute.updated", body, before)
    # The magic words decide at once, as they do with Stripe's own test mode.
    if body["status"].endswith("under_review"):
        desk.never("dispute.decide", body["id"])
        decide(desk, body["id"])
    return desk.get("dispute", dispute)


@route("POST", "/v1/disputes/{dispute}/close")
def give_up(desk: Desk, _form: dict[str, Any], dispute: str) -> dict[str, Any]:
    """Accept the dispute: it is lost."""
    return closed(desk, desk.get("dispute", dispute), "lost")
