"""Amendments: what is signed changes by a further version that both sign, and by nothing else."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from engagerr import Money, Workspace
from engagerr.core.deals.contracting.amendments import compared
from engagerr.core.deals.contracting.clauses import ContractTerms, canonical, terms_of, whole
from engagerr.core.deals.contracting.contract_paper import layout
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.payments.held.holds import HoldRow, read_holds
from engagerr.core.tenancy import Permission
from tests.core.deals.contract_cases import ANN, MARA, a_sent, a_signed, some_terms
from tests.factories import in_tenant
from tests.fakes.cluster import Connection


def with_text(terms: ContractTerms, **replaced: str) -> ContractTerms:
    """The terms with pieces of their text replaced."""
    text = canonical(terms)
    for before, after in replaced.items():
        assert before in text
        text = text.replace(before, after)
    return terms_of(text)


def dearer(work: Workspace, contract: str, amount: int = 500_000) -> ContractTerms:
    """What stands, with another amount for the second milestone."""
    standing = work.contracts.show(contract, version=1).version.terms
    return terms_of(canonical(standing).replace("425050", str(amount)))


def holds(work: Workspace) -> dict[str, HoldRow]:
    """The holds of the workspace, by the milestone that they are for."""
    with work.access.transaction(Permission.READ_MONEY) as session:
        found = read_holds(session, tenant_id=work.tenant.id, where="true")
    return {hold.title.rsplit(": ", 1)[-1]: hold for hold in found}


def amended(work: Workspace, contract: str, terms: ContractTerms) -> None:
    """Draft, send and sign the amendment by both."""
    work.contracts.amend(contract, terms=terms, reason="one more cut")
    sent = work.contracts.send(contract)
    assert sent.code is not None
    work.contracts.sign(contract, MARA, code=sent.code.code)
    work.contracts.sign(contract, ANN)


def test_an_amendment_changes_nothing_until_both_have_signed_it(workspace: Workspace) -> None:
    contract, _ = a_signed(workspace)
    drafted = workspace.contracts.amend(contract, terms=dearer(workspace, contract), reason="one more cut")
    assert (drafted.version.version, drafted.version.state, drafted.contract.state) == (2, "draft", "signed")
    sent = workspace.contracts.send(contract)
    assert sent.code is not None
    workspace.contracts.sign(contract, MARA, code=sent.code.code)
    shown = workspace.contracts.show(contract, version=1)
    assert (shown.version.state, shown.contract.version) == ("signed", 1)
    assert holds(workspace)["Cuts"].agreed == Money(425_050, "EUR")
    workspace.contracts.sign(contract, ANN)
    states = {one.version: one.state for one in workspace.contracts.show(contract).versions}
    assert states == {1: "superseded", 2: "signed"}
    assert holds(workspace)["Cuts"].agreed == Money(500_000, "EUR")
    assert holds(workspace)["Cuts"].terms_hash == workspace.contracts.show(contract).version.terms_hash


def test_the_commission_of_the_signed_contract_is_used_whatever_is_edited_afterwards(workspace: Workspace) -> None:
    """Scenario 48: the agreed snapshot, by its hash."""
    contract, signed = a_signed(workspace)
    workspace.roster.set_terms("Ann Lee", commission_rate=Decimal("0.40"), exclusive=False)
    more = {**whole(signed.version.terms), "commission_rate": "0.40"}
    workspace.contracts.amend(contract, terms=terms_of(more), reason="more for us")
    for hold in holds(workspace).values():
        weights = {share.party.partition(":")[0]: share.weight for share in hold.shares}
        assert weights == {"creator": 17, "commission": 3}, "15 % is 3 of 20"
        assert hold.terms_hash == signed.version.terms_hash


def test_a_milestone_is_not_edited_or_left_out_once_it_is_funded(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    """Scenario 50: refused, whoever signed; with less money in it than the amendment says, it goes."""
    contract, _ = a_signed(workspace)
    superuser_connection.execute("SET session_replication_role = replica")
    superuser_connection.execute(
        "UPDATE holds SET state = 'funded', funded_minor = agreed_minor, held_minor = agreed_minor,"
        " funded_at = opened_at WHERE agreed_minor = 425050"
    )
    superuser_connection.execute("SET session_replication_role = origin")
    with pytest.raises(Conflict):
        amended(workspace, contract, dearer(workspace, contract, 100_000))
    shown = workspace.contracts.show(contract, version=1)
    assert (shown.contract.version, shown.version.state) == (1, "signed")
    assert holds(workspace)["Cuts"].agreed == Money(425_050, "EUR")
    workspace.contracts.withdraw(contract, reason="the money is there already")
    amended(workspace, contract, dearer(workspace, contract, 500_000))
    cuts = holds(workspace)["Cuts"]
    assert (cuts.agreed, cuts.funded) == (Money(500_000, "EUR"), Money(425_050, "EUR")), (
        "the difference is to be funded"
    )


def test_a_milestone_is_not_edited_straight_in_the_database(workspace: Workspace, app_connection: Connection) -> None:
    a_signed(workspace)
    for statement in (
        "UPDATE deal_milestones SET amount_minor = 1",
        "DELETE FROM deal_milestones",
        "UPDATE contract_versions SET state = 'superseded'",
    ):
        with pytest.raises(psycopg.Error), in_tenant(app_connection, workspace.tenant.id):
            app_connection.execute(statement)


def test_only_what_stands_is_amended(workspace: Workspace) -> None:
    contract, _ = a_sent(workspace)
    with pytest.raises(Conflict, match="nothing to amend"):
        workspace.contracts.amend(contract, terms=some_terms(title="Trail shoes"), reason="no")


def test_an_amendment_changes_something_and_says_why(workspace: Workspace) -> None:
    contract, signed = a_signed(workspace)
    with pytest.raises(InvalidInput, match="changes nothing"):
        workspace.contracts.amend(contract, terms=signed.version.terms, reason="no")
    with pytest.raises(InvalidInput, match="reason is empty"):
        workspace.contracts.amend(contract, terms=dearer(workspace, contract), reason=" ")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [('"EUR"', '"USD"', "currency"), ("Alpenpfad AG", "Peak Shoes", "brand"), ("Northlight", "Southgate", "agency"),
     ('"flow":"agency"', '"flow":"creator"', "flow")],
)  # fmt: skip
def test_another_party_currency_or_flow_is_another_contract(
    workspace: Workspace, before: str, after: str, said: str
) -> None:
    contract, signed = a_signed(workspace)
    changed = with_text(signed.version.terms, **{before: after})
    with pytest.raises(InvalidInput, match=said):
        workspace.contracts.amend(contract, terms=changed, reason="no")


def test_one_amendment_at_a_time(workspace: Workspace) -> None:
    contract, _ = a_signed(workspace)
    workspace.contracts.amend(contract, terms=dearer(workspace, contract), reason="one more cut")
    with pytest.raises(Conflict, match="open already"):
        workspace.contracts.amend(contract, terms=dearer(workspace, contract, 600_000), reason="another")
    workspace.contracts.withdraw(contract, reason="not that")
    assert workspace.contracts.show(contract, version=1).contract.state == "signed"
    third = workspace.contracts.amend(contract, terms=dearer(workspace, contract, 600_000), reason="another")
    assert third.version.version == 3


def test_the_amendment_says_on_paper_what_it_takes_the_place_of(workspace: Workspace) -> None:
    contract, _ = a_signed(workspace)
    amended(workspace, contract, dearer(workspace, contract))
    version = workspace.contracts.show(contract).version
    assert "amends version 1" in layout(version, signed=True)["amendment"]
    assert "one more cut" in layout(version, signed=True)["amendment"]
    assert workspace.contracts.verify(contract).intact
    assert workspace.contracts.verify(contract, version=1).intact, "and the first one is still what it was"


def test_a_comparison_names_every_change_and_only_changes(workspace: Workspace) -> None:
    contract, _ = a_signed(workspace)
    amended(workspace, contract, dearer(workspace, contract))
    found = workspace.contracts.compare(contract)
    assert (found.before, found.after) == (1, 2)
    assert [(one.where, one.before, one.after) for one in found.changes] == [
        ("milestones M2 amount_minor", 425_050, 500_000)
    ]
    with pytest.raises(InvalidInput, match="one version"):
        workspace.contracts.compare(a_signed(workspace, "Autumn", exclusivity=[])[0])


def test_parts_are_compared_by_their_names_wherever_they_stand() -> None:
    before = some_terms()
    more: dict[str, Any] = {"deliverables": [*reversed(_parts(before)["deliverables"])]}
    assert compared(before, some_terms(**more)) == ()
    fewer = some_terms(kill_fees=[{"stage": "signed", "rate": "0.25"}], governing_law="Austria")
    assert {(one.where, one.after) for one in compared(before, fewer)} == {
        ("governing_law", "Austria"), ("kill_fees in_production", None),
    }  # fmt: skip


def _parts(terms: ContractTerms) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(canonical(terms))
    return parts
