"""Tax forms and the reports made of the books: what counts, for whom, and never twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.errors import Forbidden, InvalidInput, NotFound
from engagerr.core.events.tasks import open_tasks
from engagerr.core.payments.billing.invoice_parties import PartyDetails
from engagerr.core.payments.billing.invoices import Invoices
from engagerr.core.payments.billing.tax_forms import TaxDetails, Taxes, checked_details, expiry, reseal_tax_forms
from engagerr.core.payments.billing.tax_reports import threshold_of
from engagerr.core.tenancy import Permission
from engagerr.core.tenancy.vault import Vault
from tests.core.payments.conftest import Hands
from tests.factories import colleague, in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection

ANN = TaxDetails("Ann Lee", "US", tin="536-90-4399")
BOB = TaxDetails("Bob Ode", "FR", tin="3023217600053", born_on=date(1990, 5, 17))


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


@pytest.fixture
def taxes(workspace: Workspace, invoices: Invoices) -> Taxes:
    return Taxes(workspace.access)


# ── Forms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "signed_on", "until"),
    [
        ("W-9", date(2026, 3, 1), None),
        ("W-8BEN", date(2026, 1, 1), date(2029, 12, 31)),
        ("W-8BEN-E", date(2026, 12, 31), date(2029, 12, 31)),
        ("DAC7", date(2026, 2, 28), date(2029, 2, 28)),
    ],
)
def test_each_form_counts_as_long_as_the_law_says(kind: str, signed_on: date, until: date | None) -> None:
    assert expiry(kind, signed_on) == until


def test_a_form_is_asked_for_received_and_expires(taxes: Taxes, workspace: Workspace, clock: SteeredClock) -> None:
    asked = taxes.ask("Sentier SARL", "W-8BEN-E")
    assert (asked.standing, asked.tin_ends_in) == ("asked", None)
    assert taxes.ask("Sentier SARL", "W-8BEN-E").id == asked.id
    received = taxes.receive(
        "Sentier SARL", "W-8BEN-E", TaxDetails("Sentier SARL", "FR", tin="40303265045"), signed_on=date(2026, 10, 1)
    )
    assert (received.id, received.standing, received.expires_on) == (asked.id, "valid", date(2029, 12, 31))
    assert received.tin_ends_in == "5045"
    taxes = Taxes(replace(workspace.access, token_id=None))
    clock.advance(days=365 * 3)
    assert [form.standing for form in taxes.list()] == ["expiring"]
    assert len(taxes.list(expiring_days=90)) == 1
    assert (taxes.remind(), taxes.remind()) == (1, 1)
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        assert [(task.kind, task.subject) for task in open_tasks(session, tenant_id=workspace.tenant.id)] == [
            ("tax.form", "W-8BEN-E")
        ]
    clock.advance(days=62)
    assert [form.standing for form in taxes.list()] == ["expired"]
    assert taxes.revoke("Sentier SARL", "W-8BEN-E", reason="moved").standing == "revoked"


def test_what_a_form_says_is_sealed_and_whoever_looks_is_in_the_log(
    taxes: Taxes, workspace: Workspace, engagerr: Engagerr, app_connection: Connection
) -> None:
    taxes.receive("Cascade Inc.", "W-9", replace(ANN, tin="12-3456789"), signed_on=date(2026, 1, 5))
    with in_tenant(app_connection, workspace.tenant.id):
        row = app_connection.execute("SELECT to_jsonb(tax_forms)::text FROM tax_forms").fetchone()
    assert row is not None
    assert "123456789" not in row[0]
    assert "Ann Lee" not in row[0]
    assert taxes.details("Cascade Inc.", "W-9") == TaxDetails("Ann Lee", "US", "123456789", "EIN")
    with in_tenant(app_connection, workspace.tenant.id):
        seen = app_connection.execute("SELECT action FROM audit_log WHERE action LIKE 'tax_form.%'").fetchall()
    assert ("tax_form.read",) in seen
    with pytest.raises(Forbidden):
        Taxes(colleague(workspace, engagerr, "analyst").access).details("Cascade Inc.", "W-9")
    with pytest.raises(NotFound):
        taxes.details("Cascade Inc.", "DAC7")


def test_a_form_on_record_is_not_rewritten(taxes: Taxes, workspace: Workspace, app_connection: Connection) -> None:
    taxes.receive("Cascade Inc.", "W-9", ANN, signed_on=date(2026, 1, 5))
    with pytest.raises(psycopg.errors.CheckViolation) as refused, in_tenant(app_connection, workspace.tenant.id):
        app_connection.execute("UPDATE tax_forms SET signed_on = '2027-01-01'")
    assert refused.value.diag.constraint_name == "tax_forms_stands_check"
    newer = taxes.receive("Cascade Inc.", "W-9", replace(ANN, tin="12-3456789"), signed_on=date(2026, 2, 1))
    assert newer.tin_ends_in == "6789"
    assert len(taxes.list()) == 1


def test_forms_open_after_the_keys_were_rotated(taxes: Taxes, workspace: Workspace) -> None:
    taxes.receive("Cascade Inc.", "W-9", ANN, signed_on=date(2026, 1, 5))
    access = workspace.access
    vault = Vault(access.settings, access.tenant.id)
    with vault.rotation() as key_id, access.transaction(Permission.CONNECT) as session:
        assert reseal_tax_forms(session, tenant_id=access.tenant.id, vault=vault, key_id=key_id) == 1
    assert taxes.details("Cascade Inc.", "W-9").tin == "536904399"


@pytest.mark.parametrize(
    ("kind", "details", "words"),
    [
        ("W-9", replace(ANN, tin=None), "has a tax number"),
        ("W-9", replace(ANN, tin="000-12-3456"), "no US tax number"),
        ("W-9", replace(ANN, tin="123456789"), "SSN or EIN"),
        ("W-9", replace(ANN, country="DE"), "US persons"),
        ("W-9", replace(ANN, tin_kind="XIN"), "no kind"),
        ("W-8BEN", ANN, "not US persons"),
        ("W-8BEN", replace(BOB, treaty_rate=Decimal("1.5")), "treaty rate"),
        ("DAC7", replace(BOB, tin=None), "tax number that FR gave"),
        ("DAC7", replace(BOB, born_on=None), "date of birth"),
        ("DAC7", replace(BOB, name=" "), "name and a country"),
    ],
)
def test_a_form_that_lacks_what_it_certifies_is_refused(kind: str, details: TaxDetails, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        checked_details(kind, details)


# ── Thresholds ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_thresholds_are_those_of_the_year() -> None:
    assert threshold_of("1099-NEC", 2025).amount == 600
    assert threshold_of("1099-NEC", 2026).amount == 2_000
    assert (threshold_of("1099-K", 2026).amount, threshold_of("1099-K", 2026).transactions) == (20_000, 200)
    with pytest.raises(InvalidInput, match="not known here"):
        threshold_of("1099-NEC", 2027)
    assert threshold_of("1099-NEC", 2027, Decimal(2_100)).amount == 2_100


# ── Reports from the books ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def paid(money: Hands, taxes: Taxes, invoices: Invoices) -> Taxes:
    """In the fourth quarter Ann (US) and Bob (FR) share two holds, after 15 % for us."""
    ann, bob = money.payee("Ann Lee"), money.payee("Bob Ode")
    for name, country in (("Ann Lee", "US"), ("Bob Ode", "FR")):
        details = PartyDetails(country=country, street="Main Street 1", city="Town")
        invoices.parties.save(name, details, creator=name, payee=name)
    taxes.receive("Ann Lee", "W-9", ANN, signed_on=date(2026, 1, 5))
    taxes.receive("Bob Ode", "DAC7", BOB, signed_on=date(2026, 1, 5))
    for at, amount in enumerate(("900.01", "100.00")):
        shares = ((f"creator:{ann}", 5000), (f"creator:{bob}", 3500), ("commission", 1500))
        hold = money.hold(*shares, amount=amount, subject=f"order:{at}")
        money.paid(hold)
        money.work.payments.holds.release(hold.id)
    return taxes


def test_dac7_counts_consideration_fees_and_activities_a_quarter(paid: Taxes) -> None:
    report = paid.dac7_report(2026)
    [bob] = report.rows
    assert (report.due_on, report.outside) == (date(2027, 1, 31), 1)
    assert (bob.party, bob.country, bob.tin, bob.born_on) == ("Bob Ode", "FR", "3023217600053", date(1990, 5, 17))
    [quarter] = bob.quarters
    assert (quarter.quarter, quarter.activities) == (4, 2)
    assert quarter.consideration == eur("350.00")
    # 15 % of both holds is 150.00; his part of it is 35 of 85.
    assert quarter.fees.minor == pytest.approx(150_00 * 35 / 85, abs=1)
    assert paid.dac7_report(2025).rows == ()
    with pytest.raises(InvalidInput):
        paid.dac7_report(2022)


def test_fees_of_all_sellers_add_up_to_the_commission(paid: Taxes, workspace: Workspace, money: Hands) -> None:
    from engagerr.core.payments.billing.tax_reports import _CREDITED
    from sqlalchemy import text

    with workspace.access.transaction(Permission.READ_MONEY) as session:
        rows = session.execute(text(_CREDITED), {"tenant_id": workspace.tenant.id, "year": 2026}).all()
    assert sum(row.fees for row in rows) == money.balance("commission", "commission")


def test_one_payment_stands_on_one_form_only(paid: Taxes, invoices: Invoices) -> None:
    rate = {"EUR": Decimal("1.10")}
    nec, k = paid.us_report("1099-NEC", 2026, rates=rate), paid.us_report("1099-K", 2026, rates=rate)
    assert [row.party for row in nec.rows] == ["Ann Lee"]
    assert k.rows == ()
    [ann] = nec.rows
    assert (ann.amounts, ann.usd) == ((eur("500.01"),), Money(550_01, "USD"))
    assert ann.reportable is False  # 2,000 dollars from 2026 on
    assert nec.foreign == 1
    assert paid.us_report("1099-NEC", 2026, rates=rate, threshold=Decimal(550)).rows[0].reportable

    invoices.parties.save_self("Northlight GmbH", PartyDetails(settles_for_others=True))
    nec, k = paid.us_report("1099-NEC", 2026, rates=rate), paid.us_report("1099-K", 2026, rates=rate)
    assert nec.rows == ()
    [ann] = k.rows
    assert ann.transactions == 2
    # Gross: with her part of the commission, 50 of 85 of 150.00.
    assert ann.amounts[0].minor == pytest.approx(500_01 + 150_00 * 50 / 85, abs=1)
    assert ann.reportable is False


def test_what_was_recalled_is_taken_off_again(paid: Taxes, money: Hands) -> None:
    hold = next(row for row in money.work.payments.holds.list() if row.subject == "order:1")
    money.top_up()
    money.work.payments.holds.recall(hold.id, amount=eur("100.00"), reason="never delivered")
    money.hear()
    [bob] = paid.dac7_report(2026).rows
    assert bob.quarters[0].consideration == eur("315.00")
    assert bob.quarters[0].fees.minor == pytest.approx(135_00 * 35 / 85, abs=1)
    [ann] = paid.us_report("1099-NEC", 2026).rows
    assert ann.amounts == (eur("450.01"),)


def test_without_a_rate_dollars_are_missing_and_never_zero(paid: Taxes) -> None:
    [ann] = paid.us_report("1099-NEC", 2026).rows
    assert (ann.usd, ann.reportable) == (None, None)
    assert any("no rate to US dollars for EUR" in problem for problem in ann.problems)


def test_who_has_given_no_form_is_listed_with_what_is_missing(money: Hands, taxes: Taxes) -> None:
    cleo = money.payee("Cleo Fay")
    hold = money.hold((f"creator:{cleo}", 1), amount="50.00", subject="order:1")
    money.paid(hold)
    money.work.payments.holds.release(hold.id)
    rows = taxes.dac7_report(2026).rows + taxes.us_report("1099-NEC", 2026).rows
    assert all(row.problems for row in rows)


def test_what_was_filed_is_on_record_with_its_hash(
    paid: Taxes, workspace: Workspace, app_connection: Connection
) -> None:
    report = paid.dac7_report(2026)
    digest = paid.filed(report)
    assert paid.filed(paid.dac7_report(2026)) == digest
    with in_tenant(app_connection, workspace.tenant.id):
        rows = app_connection.execute("SELECT kind, year, rows, content_hash FROM tax_filings").fetchall()
    assert rows == [("DAC7", 2026, 1, digest)] * 2
    with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, workspace.tenant.id):
        app_connection.execute("DELETE FROM tax_filings")
