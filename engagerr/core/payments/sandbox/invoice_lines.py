"""What stands on an invoice: lines, their discounts and taxes, and the sums of them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from engagerr.core.payments.sandbox.desk import Desk
from engagerr.core.payments.sandbox.shapes import blank


def unit_amount(price: dict[str, Any]) -> Decimal:
    """What one costs, in minor units and parts of them."""
    return Decimal(price["unit_amount_decimal"] or 0)


def cost(price: dict[str, Any], quantity: int) -> int:
    """What so many cost, rounded to a whole minor unit."""
    return int((unit_amount(price) * quantity).quantize(Decimal(1), ROUND_HALF_UP))


def pricing(price: dict[str, Any]) -> dict[str, Any]:
    """How a line names its price."""
    product = price["product"]
    return {"type": "price_details", "price_details": {"price": price["id"], "product": product},
            "unit_amount_decimal": price["unit_amount_decimal"]}  # fmt: skip


def line(
    desk: Desk, *, amount: int, currency: str, description: str, period: tuple[int, int], **values: Any
) -> dict[str, Any]:
    """One line."""
    return {
        **blank("line_item"), "id": desk.id("il_"), "object": "line_item", "amount": amount, "subtotal": amount,
        "currency": currency, "description": description, "discountable": True, "discounts": [],
        "discount_amounts": [], "livemode": False, "metadata": {}, "quantity": 1, "taxes": [],
        "period": {"start": period[0], "end": period[1]}, "pretax_credit_amounts": [], **values,
    }  # fmt: skip


def of_item(desk: Desk, item: dict[str, Any], *, amount: int | None = None) -> dict[str, Any]:
    """The line of an item of a subscription for its present period."""
    price, quantity = item["price"], item.get("quantity", 1)
    product = desk.get("product", price["product"])
    period = (item["current_period_start"], item["current_period_end"])
    return line(
        desk, amount=cost(price, quantity) if amount is None else amount, currency=price["currency"],
        description=f"{quantity} × {product['name']}" if amount is None else f"Trial period for {product['name']}",
        period=period, quantity=quantity, pricing=pricing(price), subscription=item["subscription"],
        parent=item_parent(item, proration=False),
    )  # fmt: skip


def item_parent(item: dict[str, Any], *, proration: bool) -> dict[str, Any]:
    """How a line names the item of a subscription that it comes from."""
    details = {"invoice_item": None, "proration": proration, "proration_details": {"credited_items": None},
               "subscription": item["subscription"], "subscription_item": item["id"]}  # fmt: skip
    return {"type": "subscription_item_details", "subscription_item_details": details, "invoice_item_details": None}


def of_invoice_item(desk: Desk, item: dict[str, Any]) -> dict[str, Any]:
    """The line of an invoice item."""
    details = {"invoice_item": item["id"], "proration": item["proration"],
               "proration_details": {"credited_items": None}, "subscription": item.get("_subscription")}  # fmt: skip
    period = (item["period"]["start"], item["period"]["end"])
    return line(
        desk, amount=item["amount"], currency=item["currency"], description=item["description"], period=period,
        quantity=item["quantity"], pricing=item["pricing"], discountable=item["discountable"],
        metadata=item["metadata"], parent={"type": "invoice_item_details", "invoice_item_details": details,
                                           "subscription_item_details": None},
    )  # fmt: skip


def totalled(invoice: dict[str, Any], coupons: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The invoice with its sums: lines, less discounts (id, coupon), plus taxes that are not in the prices."""
    lines = invoice["lines"]["data"]
    subtotal = sum(one["amount"] for one in lines)
    off = _discounted(invoice, lines, coupons)
    tax, extra = _taxed(invoice, lines)
    total = subtotal - off + extra
    invoice |= {"subtotal": subtotal, "subtotal_excluding_tax": subtotal - (tax - extra), "total": total,
                "total_excluding_tax": total - tax}  # fmt: skip
    invoice["lines"] |= {"total_count": len(lines)}
    invoice |= {"amount_due": max(0, total), "amount_remaining": max(0, total - invoice["amount_paid"])}
    return invoice


def _discounted(invoice: dict[str, Any], lines: list[dict[str, Any]], coupons: list[tuple[str, dict[str, Any]]]) -> int:
    """Take coupons off; what each took stands on the invoice and, by the lines' weight, on the lines."""
    taken: list[dict[str, Any]] = []
    for one in lines:
        one["discount_amounts"] = []
    rest = max(0, sum(one["amount"] for one in lines if one["discountable"]))
    for id, coupon in coupons:
        wanted = coupon["amount_off"] or int(
            (Decimal(str(coupon["percent_off"] or 0)) * rest / 100).quantize(Decimal(1), ROUND_HALF_UP)
        )
        amount = min(rest, wanted)
        taken.append({"amount": amount, "discount": id})
        _spread(lines, id, amount, rest)
        rest -= amount
    invoice["total_discount_amounts"] = taken
    return sum(one["amount"] for one in taken)


def _spread(lines: list[dict[str, Any]], id: str, amount: int, whole: int) -> None:
    """A discount over the lines; the last one takes what rounding left."""
    bearing = [one for one in lines if one["discountable"] and one["amount"] > 0]
    left = amount
    for one in bearing:
        part = left if one is bearing[-1] else min(left, amount * one["amount"] // max(1, whole))
        one["discount_amounts"].append({"amount": part, "discount": id})
        left -= part


def _taxed(invoice: dict[str, Any], lines: list[dict[str, Any]]) -> tuple[int, int]:
    """(all taxes, those on top of the prices), by the invoice's default rates, a line at a time."""
    rates = invoice["default_tax_rates"]
    totals: dict[str, dict[str, Any]] = {}
    for one in lines:
        base = one["amount"] - sum(part["amount"] for part in one["discount_amounts"])
        one["taxes"] = [_tax(rate, base) for rate in rates]
        for tax in one["taxes"]:
            rate = tax["tax_rate_details"]["tax_rate"]
            total = totals.setdefault(rate, {**tax, "amount": 0, "taxable_amount": 0})
            total["amount"] += tax["amount"]
            total["taxable_amount"] += tax["taxable_amount"]
    invoice["total_taxes"] = list(totals.values())
    everything = sum(tax["amount"] for tax in totals.values())
    on_top = sum(tax["amount"] for tax in totals.values() if tax["tax_behavior"] == "exclusive")
    return everything, on_top


def _tax(rate: dict[str, Any], base: int) -> dict[str, Any]:
    share = Decimal(str(rate["percentage"]))
    exact = base * share / (100 + share) if rate["inclusive"] else base * share / 100
    amount = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    return {"amount": amount, "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
            "tax_rate_details": {"tax_rate": rate["id"]}, "taxability_reason": "standard_rated",
            "taxable_amount": base - amount if rate["inclusive"] else base, "type": "tax_rate_details"}  # fmt: skip
