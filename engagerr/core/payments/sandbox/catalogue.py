"""Products, prices, coupons, promotion codes and tax rates."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from engagerr.core.payments.sandbox.desk import Desk, given, merged_metadata, snapshot
from engagerr.core.payments.sandbox.refusals import Refusal, missing_parameter, wrong_state
from engagerr.core.payments.sandbox.routes import route


def _changed(desk: Desk, kind: str, id: str, form: dict[str, Any], *names: str) -> dict[str, Any]:
    """Change an object and tell of it."""
    body = desk.get(kind, id)
    before = snapshot(body)
    body |= given(form, *names)
    body["metadata"] = merged_metadata(body, form)
    if "updated" in body:
        body["updated"] = desk.now
    desk.save(body)
    desk.emit(f"{kind}.updated", body, before)
    return body


def _gone(desk: Desk, kind: str, id: str) -> dict[str, Any]:
    body = desk.get(kind, id)
    desk.store.remove(id)
    desk.emit(f"{kind}.deleted", body)
    return {"id": id, "object": kind, "deleted": True}


_PRODUCT = ("active", "description", "images", "marketing_features", "package_dimensions", "shippable",
            "statement_descriptor", "tax_code", "unit_label", "url", "name", "default_price")  # fmt: skip


@route("POST", "/v1/products")
def create_product(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new product, with a price where one is described."""
    body = made_product(desk, form)
    if "default_price_data" in form:
        price = create_price(desk, {**form["default_price_data"], "product": body["id"]})
        body["default_price"] = price["id"]
        desk.save(body)
    return body


def made_product(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new product."""
    values = {"active": True, "images": [], "marketing_features": [], "updated": desk.now,
              **given(form, *_PRODUCT)}  # fmt: skip
    body = desk.made("product", "prod_", **values, metadata=form.get("metadata"))
    body["id"] = _own_id(desk, "product", form, body["id"])
    desk.add("product", body)
    desk.emit("product.created", body)
    return body


def _own_id(desk: Desk, kind: str, form: dict[str, Any], fresh: str) -> str:
    """The id that was given, if one was; it must be free."""
    wanted = form.get("id") or fresh
    if desk.store.read(wanted) is not None:
        raise wrong_state(f"{kind.capitalize()} already exists.", code="resource_already_exists", param="id")
    return str(wanted)


@route("GET", "/v1/products/{id}")
def show_product(desk: Desk, _form: dict[str, Any], id: str) -> dict[str, Any]:
    """One product."""
    return desk.get("product", id)


@route("GET", "/v1/products")
def list_products(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Products, newest first."""
    if "ids" in form:
        found = [desk.get("product", id) for id in form["ids"]]
        return {"object": "list", "data": found, "has_more": False, "url": desk.path}
    return desk.listed("product", form, active=form.get("active"))


@route("POST", "/v1/products/{id}")
def update_product(desk: Desk, form: dict[str, Any], id: str) -> dict[str, Any]:
    """Change a product."""
    return _changed(desk, "product", id, form, *_PRODUCT)


@route("DELETE", "/v1/products/{id}")
def delete_product(desk: Desk, _form: dict[str, Any], id: str) -> dict[str, Any]:
    """Take a product away that has no prices."""
    if desk.find("price", product=id):
        raise wrong_state("This product cannot be deleted because it has one or more user-created prices.")
    return _gone(desk, "product", id)


@route("POST", "/v1/prices")
def create_price(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new price of a product; the product too where it is described."""
    if "product" in form:
        product = desk.named("product", form["product"], "product")["id"]
    elif "product_data" in form:
        product = made_product(desk, form["product_data"])["id"]
    else:
        raise missing_parameter("product")
    recurring = form.get("recurring")
    amount = _unit_amount(form)
    if recurring is not None:
        recurring = {"interval_count": 1, "meter": None, "usage_type": "licensed", **recurring}
    body = desk.new(
        "price", "price_", product=product, currency=form["currency"].lower(), recurring=recurring,
        type="one_time" if recurring is None else "recurring", active=form.get("active", True),
        billing_scheme=form.get("billing_scheme", "per_unit"), unit_amount=None if amount is None else _whole(amount),
        unit_amount_decimal=None if amount is None else str(amount), nickname=form.get("nickname"),
        tax_behavior=form.get("tax_behavior", "unspecified"), lookup_key=form.get("lookup_key"),
        metadata=form.get("metadata"), custom_unit_amount=None,
    )  # fmt: skip
    desk.emit("price.created", body)
    return body


def _unit_amount(form: dict[str, Any]) -> Decimal | None:
    if "unit_amount" in form:
        return Decimal(form["unit_amount"])
    if "unit_amount_decimal" not in form:
        if "custom_unit_amount" in form or "tiers" in form:
            return None
        raise missing_parameter("unit_amount")
    try:
        return Decimal(form["unit_amount_decimal"])
    except InvalidOperation as error:
        raise Refusal(f"Invalid decimal: {form['unit_amount_decimal']}", param="unit_amount_decimal") from error


def _whole(amount: Decimal) -> int | None:
    return int(amount) if amount == int(amount) else None


@route("GET", "/v1/prices/{price}")
def show_price(desk: Desk, _form: dict[str, Any], price: str) -> dict[str, Any]:
    """One price."""
    return desk.get("price", price)


@route("GET", "/v1/prices")
def list_prices(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Prices, newest first."""
    if "lookup_keys" in form:
        found = [price for key in form["lookup_keys"] for price in desk.find("price", lookup_key=key)]
        return {"object": "list", "data": found, "has_more": False, "url": desk.path}
    return desk.listed(
        "price", form, product=form.get("product"), active=form.get("active"), currency=form.get("currency"),
        type=form.get("type"),
    )  # fmt: skip


@route("POST", "/v1/prices/{price}")
def update_price(desk: Desk, form: dict[str, Any], price: str) -> dict[str, Any]:
    """Change a price; what it costs never changes."""
    return _changed(desk, "price", price, form, "active", "nickname", "lookup_key", "tax_behavior")


@route("POST", "/v1/coupons")
def create_coupon(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new coupon: an amount or a percentage off, once, for some months or for ever."""
    if ("percent_off" in form) == ("amount_off" in form):
        raise Refusal("You must pass either percent_off or amount_off.", param="percent_off")
    if "amount_off" in form and "currency" not in form:
        raise missing_parameter("currency")
    kept = given(form, "amount_off", "currency", "percent_off", "duration_in_months", "name", "max_redemptions",
                 "redeem_by")  # fmt: skip
    body = desk.made(
        "coupon", "", **kept, duration=form.get("duration", "once"), times_redeemed=0, valid=True,
        metadata=form.get("metadata"),
    )  # fmt: skip
    body["id"] = _own_id(desk, "coupon", form, body["id"][:8])
    desk.add("coupon", body)
    desk.emit("coupon.created", body)
    return body


@route("GET", "/v1/coupons/{coupon}")
def show_coupon(desk: Desk, _form: dict[str, Any], coupon: str) -> dict[str, Any]:
    """One coupon."""
    return desk.get("coupon", coupon)


@route("GET", "/v1/coupons")
def list_coupons(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Coupons, newest first."""
    return desk.listed("coupon", form)


@route("POST", "/v1/coupons/{coupon}")
def update_coupon(desk: Desk, form: dict[str, Any], coupon: str) -> dict[str, Any]:
    """Change what a coupon is called."""
    return _changed(desk, "coupon", coupon, form, "name")


@route("DELETE", "/v1/coupons/{coupon}")
def delete_coupon(desk: Desk, _form: dict[str, Any], coupon: str) -> dict[str, Any]:
    """Take a coupon away; who has it keeps it."""
    return _gone(desk, "coupon", coupon)


@route("POST", "/v1/promotion_codes")
def create_code(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A word by which customers get a coupon."""
    promotion = form.get("promotion") or {}
    coupon = desk.named("coupon", promotion.get("coupon", ""), "promotion[coupon]")
    body = desk.new(
        "promotion_code", "promo_", code=form.get("code") or desk.id("")[:8].upper(), active=form.get("active", True),
        promotion={"type": "coupon", "coupon": coupon["id"]}, customer=form.get("customer"), _coupon=coupon["id"],
        max_redemptions=form.get("max_redemptions"), expires_at=form.get("expires_at"), times_redeemed=0,
        metadata=form.get("metadata"),
    )  # fmt: skip
    desk.emit("promotion_code.created", body)
    return body


@route("GET", "/v1/promotion_codes/{promotion_code}")
def show_code(desk: Desk, _form: dict[str, Any], promotion_code: str) -> dict[str, Any]:
    """One promotion code."""
    return desk.get("promotion_code", promotion_code)


@route("GET", "/v1/promotion_codes")
def list_codes(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Promotion codes, newest first."""
    return desk.listed("promotion_code", form, code=form.get("code"), coupon=form.get("coupon"),
                       active=form.get("active"), customer=form.get("customer"))  # fmt: skip


@route("POST", "/v1/promotion_codes/{promotion_code}")
def update_code(desk: Desk, form: dict[str, Any], promotion_code: str) -> dict[str, Any]:
    """Switch a promotion code on or off."""
    return _changed(desk, "promotion_code", promotion_code, form, "active")


@route("POST", "/v1/tax_rates")
def create_rate(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new tax rate."""
    kept = given(form, "country", "description", "jurisdiction", "state", "tax_type")
    body = desk.new(
        "tax_rate", "txr_", display_name=form["display_name"], percentage=form["percentage"],
        inclusive=form["inclusive"], active=form.get("active", True), effective_percentage=form["percentage"],
        rate_type="percentage", metadata=form.get("metadata"), **kept,
    )  # fmt: skip
    desk.emit("tax_rate.created", body)
    return body


@route("GET", "/v1/tax_rates/{tax_rate}")
def show_rate(desk: Desk, _form: dict[str, Any], tax_rate: str) -> dict[str, Any]:
    """One tax rate."""
    return desk.get("tax_rate", tax_rate)


@route("GET", "/v1/tax_rates")
def list_rates(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Tax rates, newest first."""
    return desk.listed("tax_rate", {key: form[key] for key in form if key not in ("active", "inclusive")})


@route("POST", "/v1/tax_rates/{tax_rate}")
def update_rate(desk: Desk, form: dict[str, Any], tax_rate: str) -> dict[str, Any]:
    """Change what a tax rate is called; its percentage never changes."""
    return _changed(desk, "tax_rate", tax_rate, form, "active", "country", "description", "display_name",
                    "jurisdiction", "state", "tax_type")  # fmt: skip
