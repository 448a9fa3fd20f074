"""A workspace that can bill: it says who it is, and knows a customer at home, one abroad and a creator."""

from __future__ import annotations

from datetime import date

import pytest
from engagerr import Workspace
from engagerr.core.payments.billing.invoice_parties import PartyDetails
from engagerr.core.payments.billing.invoices import Invoices


@pytest.fixture
def invoices(workspace: Workspace) -> Invoices:
    """Northlight in Hamburg; Trailhead in Munich, Sentier in Lyon, Cascade in the US, the creator Jonna."""
    invoices = Invoices(workspace.access)
    invoices.parties.save_self(
        "Northlight GmbH",
        PartyDetails(
            country="DE", vat_id="DE 136695976", iban="DE02120300000000202051", street="Gertrudenkirchhof 4",
            postcode="20095", city="Hamburg",
        ),
    )  # fmt: skip
    invoices.parties.save("Trailhead GmbH", PartyDetails(country="DE", street="Industriestr. 12", city="München"))
    invoices.parties.save(
        "Sentier SARL", PartyDetails(country="FR", vat_id="FR40303265045", street="Rue de la Soie 3", city="Lyon")
    )
    invoices.parties.save("Cascade Inc.", PartyDetails(country="US", street="1 Pine Street", city="Portland"))
    workspace.roster.add("Jonna Brenner")
    invoices.parties.save(
        "Jonna Brenner",
        PartyDetails(
            country="DE", street="Deichweg 7", city="Husum", small_business=True, tax_number="15/123/00001",
            self_billing_agreed_on=date(2026, 1, 1),
        ),
        creator="Jonna Brenner",
    )  # fmt: skip
    return invoices
