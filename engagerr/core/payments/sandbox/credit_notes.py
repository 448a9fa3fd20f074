"""Credit notes: less is owed on an open invoice; of a paid one something goes back, or becomes credit."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import refunds
from engagerr.core.payments.sandbox.desk import Desk, merged_metadata, snapshot
from engagerr.core.payments.sandbox.refusals import Refusal, wrong_state
from engagerr.core.payments.sandbox.routes import route
from engagerr.core.payments.sandbox.shapes import blank


@route("POST", "/v1/credit_notes")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A credit note to a final invoice; all of them together are never more than it."""
    invoice = desk.named("invoice", form["invoice"], "invoice")
    desk = desk.on_clock_of(invoice)
    if invoice["status"] not in ("open", "paid"):
        raise wrong_state(f"Credit notes are for invoices that are open or paid; this one is {invoice['status']}.")
    lines = [_line(desk, line) for line in form.get("lines") or []]
    total = sum(line["amount"] for line in lines) if lines else form.get("amount", 0)
    earlier = [note for note in desk.find("credit_note", invoice=invoice["id"]) if note["status"] == "issued"]
    rest = invoice["total"] - sum(note["total"] for note in earlier)
    if not 0 < total <= rest:
        raise wrong_state(f"The credit note ({total}) must be more than 0 and at most what is left ({rest}).",
                          param="amount")  # fmt: skip
    paid = invoice["status"] == "paid"
    note = desk.made(
        "credit_note", "cn_", amount=total, total=total, subtotal=total, currency=invoice["currency"],
        invoice=invoice["id"], customer=invoice["customer"], number=f"{invoice['number']}-CN-{len(earlier) + 1:02d}",
        status="issued", type="post_payment" if paid else "pre_payment", memo=form.get("memo"),
        reason=form.get("reason"), metadata=form.get("metadata"), effective_at=desk.now, refunds=[],
        post_payment_amount=total if paid else 0, pre_payment_amount=0 if paid else total,
        pdf=f"{desk.url}/_sandbox/invoices/{invoice['id']}", total_excluding_tax=total, subtotal_excluding_tax=total,
    )  # fmt: skip
    note["lines"] = {"object": "list", "data": lines, "has_more": False, "url": f"/v1/credit_notes/{note['id']}/lines"}
    if paid:
        _given(desk, note, invoice, form)
    else:
        _owed_less(desk, invoice, total)
    desk.add("credit_note", note)
    desk.emit("credit_note.created", note)
    return note


def _line(desk: Desk, line: dict[str, Any]) -> dict[str, Any]:
    quantity = line.get("quantity", 1)
    amount = line.get("amount", line.get("unit_amount", 0) * quantity)
    named = {"invoice_line_item": line["invoice_line_item"]} if "invoice_line_item" in line else {}
    return {
        **blank("credit_note_line_item"), "id": desk.id("cnli_"), "object": "credit_note_line_item", "amount": amount,
        "quantity": quantity, "description": line.get("description"), "type": line["type"], "metadata": {},
        "unit_amount": line.get("unit_amount"), **named,
    }  # fmt: skip


def _owed_less(desk: Desk, invoice: dict[str, Any], total: int) -> None:
    """What an open invoice asks for becomes less, and its payment intent with it."""
    due = max(0, invoice["amount_due"] - total)
    invoice |= {"amount_due": due, "amount_remaining": due,
                "pre_payment_credit_notes_amount": invoice["pre_payment_credit_notes_amount"] + total}  # fmt: skip
    if invoice["_intent"] and due:
        intent = desk.get("payment_intent", invoice["_intent"])
        desk.save({**intent, "amount": due})
    desk.save(invoice)
    desk.emit("invoice.updated", invoice)
    if not due:
        from engagerr.core.payments.sandbox.invoices import paid

        paid(desk, invoice)


def _given(desk: Desk, note: dict[str, Any], invoice: dict[str, Any], form: dict[str, Any]) -> None:
    """Of a paid invoice: refunded, credited to the customer, or given back elsewhere; together exactly the note."""
    parts = {name: form.get(name, 0) for name in ("refund_amount", "credit_amount", "out_of_band_amount")}
    named = [(desk.named("refund", one["refund"], "refunds"), one) for one in form.get("refunds") or []]
    whole = sum(parts.values()) + sum(one.get("amount_refunded", refund["amount"]) for refund, one in named)
    if whole != note["total"]:
        raise Refusal(
            "The sum of credit amount, refund amount and out of band amount must equal the post payment credit note "
            f"amount ({note['total']}); it is {whole}.", param="amount",
        )  # fmt: skip
    if parts["refund_amount"]:
        intent = desk.get("payment_intent", invoice["_intent"])
        charge = desk.get("charge", intent["latest_charge"])
        named.append((refunds.refunded(desk, charge, {"amount": parts["refund_amount"]}), {}))
    note["refunds"] = [
        {**blank("credit_note_refund"), "refund": refund["id"], "type": "refund",
         "amount_refunded": one.get("amount_refunded", refund["amount"])}
        for refund, one in named
    ]  # fmt: skip
    note["out_of_band_amount"] = parts["out_of_band_amount"] or None
    if parts["credit_amount"]:
        customer = desk.get("customer", invoice["customer"])
        desk.save({**customer, "balance": customer["balance"] - parts["credit_amount"]})
    invoice["post_payment_credit_notes_amount"] += note["total"]
    desk.save(invoice)


@route("GET", "/v1/credit_notes/{id}")
def show(desk: Desk, _form: dict[str, Any], id: str) -> dict[str, Any]:
    """One credit note."""
    return desk.get("credit_note", id)


@route("GET", "/v1/credit_notes")
def list_notes(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Credit notes, newest first."""
    return desk.listed("credit_note", form, invoice=form.get("invoice"), customer=form.get("customer"))


@route("GET", "/v1/credit_notes/{credit_note}/lines")
def list_lines(desk: Desk, _form: dict[str, Any], credit_note: str) -> dict[str, Any]:
    """The lines of a credit note."""
    lines: dict[str, Any] = desk.get("credit_note", credit_note)["lines"]
    return lines


@route("POST", "/v1/credit_notes/{id}")
def update(desk: Desk, form: dict[str, Any], id: str) -> dict[str, Any]:
    """Change what a credit note says beside its money."""
    note = desk.get("credit_note", id)
    before = snapshot(note)
    note |= {"memo": form.get("memo", note["memo"]), "metadata": merged_metadata(note, form)}
    desk.save(note)
    desk.emit("credit_note.updated", note, before)
    return note


@route("POST", "/v1/credit_notes/{id}/void")
def void(desk: Desk, _form: dict[str, Any], id: str) -> dict[str, Any]:
    """Void a credit note of an invoice that is still open: as much is owed as before."""
    note = desk.get("credit_note", id)
    invoice = desk.get("invoice", note["invoice"])
    if note["status"] == "void" or invoice["status"] != "open":
        raise wrong_state("Only issued credit notes of open invoices can be voided.")
    due = invoice["amount_due"] + note["total"]
    left = invoice["pre_payment_credit_notes_amount"] - note["total"]
    invoice |= {"amount_due": due, "amount_remaining": due, "pre_payment_credit_notes_amount": left}
    desk.save(invoice)
    if invoice["_intent"]:
        desk.save({**desk.get("payment_intent", invoice["_intent"]), "amount": due})
    note |= {"status": "void", "voided_at": desk.now}
    desk.save(note)
    desk.emit("credit_note.voided", note)
    return note
