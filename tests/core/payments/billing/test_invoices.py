"""Invoices: drafts, numbers without a gap, what stands for good, credit notes, self-billing, commission."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from engagerr.core.payments.billing.invoice_drafts import InvoiceStands, PartyChanged, finalise_invoice
from engagerr.core.payments.billing.invoice_lines import LineDraft
from engagerr.core.payments.billing.invoice_parties import PartyDetails
from engagerr.core.payments.billing.invoices import Invoices
from engagerr.core.tenancy import Permission
from sqlalchemy import text
from tests.factories import colleague, in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Connection


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


class KilledHere(Exception):
    """Between the number and the commit."""


def a_reel(amount: str = "1000") -> list[LineDraft]:
    return [LineDraft("One reel", eur(amount))]


def test_a_draft_has_no_number_and_a_finalised_invoice_the_next(invoices: Invoices) -> None:
    draft = invoices.draft("Trailhead GmbH", a_reel(), reference="PO 7")
    assert (draft.head.state, draft.head.number, draft.head.issued_on) == ("draft", None, None)
    assert (draft.head.net, draft.head.tax, draft.head.gross) == (eur("1000"), eur("190"), eur("1190"))
    first = invoices.finalise(draft.head.id).head
    assert (first.number, first.issued_on, first.due_on) == ("INV-2026-00001", date(2026, 11, 1), date(2026, 11, 15))
    assert invoices.finalise(first.id).head == first
    second = invoices.finalise(invoices.draft("Sentier SARL", a_reel()).head.id)
    assert second.head.number == "INV-2026-00002"
    assert (second.head.tax, second.taxes[0].category) == (eur("0"), "AE")
    assert "Reverse charge" in str(second.taxes[0].reason)
    assert [row.number for row in invoices.list()] == ["INV-2026-00002", "INV-2026-00001"]


def test_an_invoice_is_found_by_its_number_and_by_the_end_of_its_id(invoices: Invoices) -> None:
    draft = invoices.draft("Trailhead GmbH", a_reel())
    assert invoices.show(draft.head.id.hex[-8:]) == draft
    invoices.finalise(draft.head.id)
    assert invoices.show("inv-2026-00001").head.id == draft.head.id
    with pytest.raises(NotFound, match="INV-2026-00002"):
        invoices.show("INV-2026-00002")


def test_thirty_two_finalisers_at_once_leave_no_gap_and_no_number_twice(
    invoices: Invoices, workspace: Workspace
) -> None:
    drafts = [invoices.draft("Trailhead GmbH", a_reel(str(100 + at))).head.id for at in range(32)]
    together = threading.Barrier(32)

    def finalise(at: int) -> str | None:
        together.wait(timeout=20)
        if at % 5 == 4:  # these crash after they had their number
            with contextlib.suppress(KilledHere), workspace.access.transaction(Permission.FUND) as session:
                assert finalise_invoice(session, workspace.access, drafts[at]).number
                raise KilledHere
            return None
        return invoices.finalise(drafts[at]).head.number

    with ThreadPoolExecutor(32) as pool:
        numbers = sorted(number for number in pool.map(finalise, range(32)) if number)
    assert numbers == [f"INV-2026-{at:05}" for at in range(1, 27)]
    for draft in drafts:
        invoices.finalise(draft)
    [series] = invoices.verify()
    assert (series.last, series.whole) == (32, True)


def test_a_connection_that_is_cut_after_the_number_leaves_no_gap(
    invoices: Invoices, workspace: Workspace, superuser_connection: Connection
) -> None:
    drafts = [invoices.draft("Trailhead GmbH", a_reel()).head.id for _ in range(3)]
    for draft in drafts:
        with (
            contextlib.suppress(Unavailable),
            workspace.access.database.transaction(workspace.tenant.id) as session,
        ):
            number = finalise_invoice(session, workspace.access, draft).number
            superuser_connection.execute(
                "SELECT pg_terminate_backend(%s)", [session.execute(text("SELECT pg_backend_pid()")).scalar_one()]
            )
            session.execute(text("SELECT 1"))
        assert number == "INV-2026-00001"
    assert invoices.verify() == ()
    assert invoices.finalise(drafts[2]).head.number == "INV-2026-00001"


def test_a_gap_made_behind_our_back_is_found(
    invoices: Invoices, workspace: Workspace, superuser_connection: Connection
) -> None:
    for _ in range(3):
        invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id)
    superuser_connection.execute("SET session_replication_role = replica")
    superuser_connection.execute("DELETE FROM invoice_lines")
    superuser_connection.execute("DELETE FROM invoices WHERE sequence = 2")
    [series] = invoices.verify()
    assert (series.missing, series.whole) == ((2,), False)


def test_no_invoice_is_dated_before_the_one_numbered_before_it(
    invoices: Invoices, workspace: Workspace, clock: SteeredClock
) -> None:
    invoices = Invoices(replace(workspace.access, token_id=None))  # sign-ins end before the year does
    invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id)
    late = invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id, issued_on=date(2026, 10, 1))
    assert (late.head.number, late.head.issued_on) == ("INV-2026-00002", date(2026, 11, 1))
    clock.advance(days=90)
    new_year = invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id)
    assert new_year.head.number == "INV-2027-00001"
    with pytest.raises(InvalidInput, match="has not come yet"):
        invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id, issued_on=date(2027, 6, 1))


def test_a_finalised_invoice_cannot_be_changed_by_any_statement(
    invoices: Invoices, workspace: Workspace, app_connection: Connection, owner_connection: Connection
) -> None:
    invoice = invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id).head.id
    for statement, refusal in (
        ("UPDATE invoices SET net_minor = 1, tax_minor = 0, gross_minor = 1 WHERE id = %s", "invoices_final_check"),
        ("UPDATE invoices SET note = 'more' WHERE id = %s", "invoices_final_check"),
        ("UPDATE invoices SET state = 'draft' WHERE id = %s", "invoices_final_check"),
        ("UPDATE invoices SET issued_on = '2020-01-01' WHERE id = %s", "invoices_final_check"),
        ("UPDATE invoices SET number = 'INV-2026-00009' WHERE id = %s", None),
        ("UPDATE invoices SET sequence = 9 WHERE id = %s", None),
        ("DELETE FROM invoices WHERE id = %s", "invoices_final_check"),
        ("DELETE FROM invoice_lines WHERE invoice_id = %s", "invoices_final_check"),
        ("DELETE FROM invoice_taxes WHERE invoice_id = %s", "invoices_final_check"),
        ("UPDATE invoice_lines SET net_minor = 1 WHERE invoice_id = %s", None),
        ("UPDATE invoice_counters SET last = 0", None),
        (
            "INSERT INTO invoice_lines (tenant_id, invoice_id, position, title, quantity, unit, unit_minor, net_minor,"
            " category, rate) SELECT tenant_id, id, 2, 'More', 1, 'C62', 1, 1, 'S', 0.19 FROM invoices WHERE id = %s",
            "invoices_final_check",
        ),
    ):
        given = [invoice] if "%s" in statement else []
        expected = psycopg.errors.InsufficientPrivilege if refusal is None else psycopg.errors.CheckViolation
        with pytest.raises(expected) as refused, in_tenant(app_connection, workspace.tenant.id):
            app_connection.execute(statement, given)
        assert refused.value.diag.constraint_name == refusal, statement
        # The owner, who has every privilege, meets the same trigger.
        if refusal is not None:
            with pytest.raises(psycopg.errors.CheckViolation), in_tenant(owner_connection, workspace.tenant.id):
                owner_connection.execute(statement, given)


def test_a_draft_whose_lines_do_not_add_up_gets_no_number(
    invoices: Invoices, workspace: Workspace, app_connection: Connection
) -> None:
    draft = invoices.draft("Trailhead GmbH", a_reel())
    with in_tenant(app_connection, workspace.tenant.id):
        app_connection.execute(
            "UPDATE invoices SET net_minor = 999, gross_minor = 999 + tax_minor WHERE id = %s", [draft.head.id]
        )
    with pytest.raises(InvoiceStands, match="do not add up"):
        invoices.finalise(draft.head.id)
    assert invoices.verify() == ()


def test_an_invoice_begins_as_a_draft(workspace: Workspace, invoices: Invoices, app_connection: Connection) -> None:
    invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id)
    with pytest.raises(psycopg.errors.CheckViolation) as refused, in_tenant(app_connection, workspace.tenant.id):
        app_connection.execute(
            "INSERT INTO invoices (tenant_id, kind, purpose, nature, state, series, year, sequence, number, seller_id,"
            " buyer_id, currency, rounding, net_minor, tax_minor, gross_minor, supplied_from, supplied_until, net_days,"
            " issued_on, due_on, finalised_at) SELECT tenant_id, kind, purpose, nature, state, series, year, 7,"
            " 'INV-2026-00007', seller_id, buyer_id, currency, rounding, net_minor, tax_minor, gross_minor,"
            " supplied_from, supplied_until, net_days, issued_on, due_on, finalised_at FROM invoices"
        )
    assert refused.value.diag.constraint_name == "invoices_begins_as_draft_check"


def test_a_draft_is_removed_and_an_invoice_is_not(invoices: Invoices) -> None:
    draft = invoices.draft("Trailhead GmbH", a_reel())
    invoices.remove(draft.head.id)
    assert invoices.list() == ()
    stands = invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id)
    with pytest.raises(InvoiceStands):
        invoices.remove(str(stands.head.number))


def test_the_same_key_drafts_once_and_another_amount_under_it_is_refused(invoices: Invoices) -> None:
    first = invoices.draft("Trailhead GmbH", a_reel(), key="milestone:1")
    assert invoices.draft("Trailhead GmbH", a_reel(), key="milestone:1").head.id == first.head.id
    with pytest.raises(Conflict, match="Something else"):
        invoices.draft("Trailhead GmbH", a_reel("1001"), key="milestone:1")


def test_void_keeps_the_number_and_only_before_it_was_sent(invoices: Invoices) -> None:
    one, two = (str(invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id).head.number) for _ in "ab")
    gone = invoices.void(one, reason="wrong buyer")
    assert (gone.state, gone.number, gone.void_reason) == ("void", one, "wrong buyer")
    invoices.sent(two)
    with pytest.raises(InvoiceStands, match="sent, paid or credited"):
        invoices.void(two, reason="too late")
    assert invoices.verify()[0].whole
    with pytest.raises(Conflict, match="is void"):
        invoices.paid(one, by="bank")
    with pytest.raises(InvoiceStands):
        invoices.finalise(one)


def test_payment_is_noted_once(invoices: Invoices, clock: SteeredClock) -> None:
    number = str(invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id).head.number)
    assert [row.number for row in invoices.list(unpaid=True)] == [number]
    paid = invoices.paid(number, by="bank transfer")
    clock.advance(days=1)
    assert invoices.paid(number, by="again") == paid
    assert invoices.list(unpaid=True) == ()


def test_a_credit_note_refers_to_its_invoice_and_never_exceeds_it(invoices: Invoices) -> None:
    lines = [LineDraft("Reel", eur("1000")), LineDraft("Photos", eur("300"), rate=Decimal("0.07"))]
    invoice = invoices.finalise(invoices.draft("Trailhead GmbH", lines).head.id)
    note = invoices.credit(invoice.head.id, reason="one story dropped", amount=eur("100.01"))
    assert (note.head.number, note.head.corrects, note.head.gross) == ("CN-2026-00001", "INV-2026-00001", eur("100.01"))
    assert note.head.kind == "credit_note"
    assert len(note.taxes) == 2
    with pytest.raises(InvalidInput, match="cannot be credited"):
        invoices.credit(invoice.head.id, reason="too much", amount=invoice.head.gross)
    rest = invoices.credit(invoice.head.id, reason="all of it")
    assert rest.head.gross == invoice.head.gross - eur("100.01")
    assert invoices.show(invoice.head.id).head.credited == invoice.head.gross
    assert invoices.show(invoice.head.id).credit_notes == ("CN-2026-00001", "CN-2026-00002")
    with pytest.raises(InvalidInput, match="cannot be credited"):
        invoices.credit(invoice.head.id, reason="once more", amount=eur("0.01"))
    with pytest.raises(Conflict, match="nothing to credit"):
        invoices.credit(str(note.head.number), reason="a note of a note")


def test_a_whole_invoice_is_credited_line_by_line(invoices: Invoices) -> None:
    lines = [LineDraft("Reel", eur("999.99"), Decimal("1.5")), LineDraft("Discount", eur("10"), Decimal(-1))]
    invoice = invoices.finalise(invoices.draft("Trailhead GmbH", lines, rounding="line").head.id)
    note = invoices.credit(invoice.head.id, reason="the campaign was cancelled", key="cancel:1")
    assert [line.title for line in note.lines] == ["Reel", "Discount"]
    assert (note.head.net, note.head.tax) == (invoice.head.net, invoice.head.tax)
    assert invoices.credit(invoice.head.id, reason="again", key="cancel:1").head.id == note.head.id


def test_credit_notes_at_once_take_no_more_than_there_is(invoices: Invoices) -> None:
    invoice = invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id)

    def credit(_: int) -> bool:
        try:
            invoices.credit(invoice.head.id, reason="race", amount=eur("500"))
        except (InvalidInput, Conflict):
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(credit, range(6))) == 2
    assert invoices.show(invoice.head.id).head.credited == eur("1000")


def test_the_database_itself_refuses_a_credit_note_that_goes_too_far(
    invoices: Invoices, workspace: Workspace, app_connection: Connection
) -> None:
    """Another copy of the note as a draft, written straight: its number is refused by name."""
    invoice = invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id)
    note = invoices.credit(invoice.head.id, reason="all of it")
    with in_tenant(app_connection, workspace.tenant.id):
        row = app_connection.execute(
            "INSERT INTO invoices (tenant_id, kind, purpose, nature, series, seller_id, buyer_id, seller, buyer,"
            " currency, rounding, net_minor, tax_minor, gross_minor, corrects_id, reason, supplied_from,"
            " supplied_until, net_days) SELECT tenant_id, kind, purpose, nature, series, seller_id, buyer_id, seller,"
            " buyer, currency, rounding, net_minor, tax_minor, gross_minor, corrects_id, reason, supplied_from,"
            " supplied_until, net_days FROM invoices WHERE id = %s RETURNING id",
            [note.head.id],
        ).fetchone()
        assert row is not None
        for table, columns in (
            ("invoice_lines", "position, title, quantity, unit, unit_minor, net_minor, category, rate"),
            ("invoice_taxes", "category, rate, basis_minor, tax_minor, reason"),
        ):
            app_connection.execute(
                f"INSERT INTO {table} (tenant_id, invoice_id, {columns}) SELECT tenant_id, %s, {columns} FROM {table}"
                " WHERE invoice_id = %s",
                [row[0], note.head.id],
            )
    with pytest.raises(psycopg.errors.CheckViolation) as refused, in_tenant(app_connection, workspace.tenant.id):
        app_connection.execute("UPDATE invoices SET state = 'finalised' WHERE id = %s", [row[0]])
    assert refused.value.diag.constraint_name == "invoices_credit_left_check"


def test_a_creators_invoice_is_numbered_in_a_series_of_their_own(invoices: Invoices) -> None:
    draft = invoices.self_bill("Jonna Brenner", a_reel("850"), subject="hold:1")
    bill = invoices.finalise(draft.head.id)
    assert (bill.head.number, bill.head.self_billed) == ("SB-2026-00001", True)
    assert (bill.head.seller["name"], bill.head.buyer["name"]) == ("Jonna Brenner", "Northlight GmbH")
    assert "small-business" in str(bill.taxes[0].reason)
    assert invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id).head.number == "INV-2026-00001"
    assert invoices.credit(bill.head.id, reason="paid too much", amount=eur("50")).head.number == "SBC-2026-00001"
    with pytest.raises(Conflict, match="has not agreed"):
        invoices.self_bill("Trailhead GmbH", a_reel())


def test_a_number_that_two_sellers_have_is_asked_about(invoices: Invoices, workspace: Workspace) -> None:
    workspace.roster.add("Priya Nandwell")
    details = PartyDetails(country="DE", street="Weg 1", city="Kiel", self_billing_agreed_on=date(2026, 1, 1))
    invoices.parties.save("Priya Nandwell", details, creator="Priya Nandwell")
    for name in ("Jonna Brenner", "Priya Nandwell"):
        invoices.finalise(invoices.self_bill(name, a_reel()).head.id)
    with pytest.raises(InvalidInput, match="More than one invoice"):
        invoices.show("SB-2026-00001")
    assert [series.last for series in invoices.verify()] == [1, 1]


def test_a_commission_is_billed_to_the_cent_and_settled_where_it_was_withheld(invoices: Invoices) -> None:
    bill = invoices.commission(
        "Jonna Brenner", base=eur("1234.50"), rate=Decimal("0.15"), title="Trail shoes", withheld=True, key="hold:1"
    )
    assert (bill.head.net, bill.head.tax, bill.head.purpose) == (eur("185.18"), eur("35.18"), "commission")
    assert bill.lines[0].title == "Commission 15 %"
    assert bill.head.paid_by == "withheld from a release"
    for rate in ("0", "1", "-0.1", "NaN"):
        with pytest.raises(InvalidInput, match="no commission"):
            invoices.commission("Jonna Brenner", base=eur("10"), rate=Decimal(rate), title="x")


def test_an_address_is_needed_before_a_number_is_given(invoices: Invoices) -> None:
    invoices.parties.save("Nowhere AG", PartyDetails(country="DE"))
    draft = invoices.draft("Nowhere AG", a_reel())
    with pytest.raises(InvalidInput, match="no street and no city"):
        invoices.finalise(draft.head.id)
    invoices.parties.save("Nowhere AG", PartyDetails(street="Am Ende 1", city="Kiel"))
    assert invoices.finalise(draft.head.id).head.buyer["city"] == "Kiel"


def test_a_draft_whose_vat_is_not_right_any_more_is_not_finalised(invoices: Invoices) -> None:
    draft = invoices.draft("Sentier SARL", a_reel())
    invoices.parties.save("Sentier SARL", PartyDetails(vat_id=" ", business=False))
    with pytest.raises(PartyChanged, match="not right any more"):
        invoices.finalise(draft.head.id)


def test_what_a_party_changes_later_does_not_reach_what_stands(invoices: Invoices) -> None:
    stands = invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id)
    invoices.parties.save("Trailhead GmbH", PartyDetails(street="Neue Str. 1", city="Berlin"))
    assert invoices.show(stands.head.id).head.buyer["city"] == "München"
    assert invoices.credit(stands.head.id, reason="all").head.buyer["city"] == "München"


def test_invoices_need_an_issuer_and_somebody_who_may_bill(workspace: Workspace, engagerr: Engagerr) -> None:
    with pytest.raises(NotFound, match="who issues"):
        Invoices(workspace.access).draft("Trailhead GmbH", a_reel())
    with pytest.raises(Forbidden):
        Invoices(colleague(workspace, engagerr, "analyst").access).draft("Trailhead GmbH", a_reel())
    with pytest.raises(Forbidden):
        Invoices(colleague(workspace, engagerr, "viewer").access).list()


def test_the_other_workspace_sees_no_invoice_of_ours_and_counts_for_itself(
    invoices: Invoices, other_workspace: Workspace
) -> None:
    number = str(invoices.finalise(invoices.draft("Trailhead GmbH", a_reel()).head.id).head.number)
    theirs = Invoices(other_workspace.access)
    with pytest.raises(NotFound):
        theirs.show(number)
    theirs.parties.save_self("Southgate Ltd", PartyDetails(country="GB", street="1 Mill Lane", city="Leeds"))
    theirs.parties.save("Trailhead GmbH", PartyDetails(country="DE", street="Industriestr. 12", city="München"))
    drafted = theirs.draft("Trailhead GmbH", [LineDraft("One reel", Money(100, "GBP"))])
    assert theirs.finalise(drafted.head.id).head.number == "INV-2026-00001"


@pytest.mark.parametrize(
    ("details", "words"),
    [
        (PartyDetails(), "country is missing"),
        (PartyDetails(country="Germany"), "no country"),
        (PartyDetails(country="DE", vat_id="DE1"), "no VAT id"),
        (PartyDetails(country="DE", iban="DE00120300000000202051"), "no IBAN"),
        (PartyDetails(country="DE", street="x" * 300), "longer than"),
    ],
)
def test_what_is_said_of_a_party_is_checked_for_its_form(invoices: Invoices, details: PartyDetails, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        invoices.parties.save("Odd & Co", details)


def test_a_party_is_changed_without_losing_what_was_said_before(invoices: Invoices, clone: Clone) -> None:
    before = invoices.parties.show("sentier sarl")
    after = invoices.parties.save("Sentier SARL", PartyDetails(email="compta@sentier.example"))
    assert (after.id, after.vat_id, after.email) == (before.id, "FR40303265045", "compta@sentier.example")
    with pytest.raises(InvalidInput, match="is this workspace"):
        invoices.parties.save("Northlight GmbH", PartyDetails(country="DE"))
    assert invoices.parties.list()[0].kind == "self"
