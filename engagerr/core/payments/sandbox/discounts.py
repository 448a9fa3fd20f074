"""Discounts: coupons that a subscription or an invoice has, for as long as they last."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import periods
from engagerr.core.payments.sandbox.desk import Desk
from engagerr.core.payments.sandbox.refusals import Refusal, wrong_state
from engagerr.core.payments.sandbox.shapes import blank

_MONTH = {"interval": "month", "interval_count": 1}


def given_discounts(desk: Desk, wanted: Any, **owner: Any) -> list[str]:
    """The ids of discounts that parameters ask for; coupons and promotion codes become discounts here."""
    return [_one(desk, each, owner) for each in wanted or []]


def _one(desk: Desk, wanted: dict[str, Any], owner: dict[str, Any]) -> str:
    if "discount" in wanted:
        return str(desk.named("discount", wanted["discount"], "discounts")["id"])
    code = None
    if "promotion_code" in wanted:
        code = desk.named("promotion_code", wanted["promotion_code"], "discounts")
        if not code["active"]:
            raise wrong_state("This promotion code is not active.", param="discounts")
    elif "coupon" not in wanted:
        raise Refusal("Each discount needs a coupon, a promotion_code or a discount.", param="discounts")
    coupon = desk.named("coupon", wanted["coupon"] if code is None else code["_coupon"], "discounts")
    coupon["times_redeemed"] += 1
    desk.save(coupon)
    end = None
    if coupon["duration"] == "repeating":
        end = periods.ahead(desk.now, _MONTH, coupon["duration_in_months"] or 1)
    body = desk.made(
        "discount", "di_", start=desk.now, end=end, promotion_code=None if code is None else code["id"],
        source={**blank("discount_source"), "type": "coupon", "coupon": coupon["id"]}, _used=False,
        _coupon=coupon, **owner,
    )  # fmt: skip
    desk.add("discount", body)
    if owner.get("subscription"):
        desk.emit("customer.discount.created", body)
    return str(body["id"])


def lasting(desk: Desk, ids: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Those of the discounts that still count for an invoice made now, as (id, coupon)."""
    found = []
    for id in ids:
        body = desk.get("discount", id)
        coupon = body["_coupon"]
        over = body["end"] is not None and body["end"] <= desk.now
        if over or (coupon["duration"] == "once" and body["_used"]):
            continue
        desk.save({**body, "_used": True})
        found.append((id, coupon))
    return found
