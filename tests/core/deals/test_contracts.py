"""Contracts from draft to paper: who may write, read and end them, and that the paper is the same to the byte."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.deals.contracting.annexes import with_annex
from engagerr.core.deals.contracting.clauses import ContractTerms, ExclusivityPromise, UsageRight, canonical, terms_of
from engagerr.core.deals.contracting.contract_files import ATTACHMENT, pdf
from engagerr.core.deals.contracting.contract_paper import layout
from engagerr.core.deals.contracting.contract_reading import NoContract
from engagerr.core.deals.contracting.seals import attached_terms
from engagerr.core.deals.offering.drafting import TermsEdit, Wanted
from engagerr.core.deals.pipeline.deal_writing import NewDeal
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from engagerr.core.tenancy.permissions import Role
from tests.core.deals.contract_cases import (
    ANN,
    MARA,
    a_deal,
    a_draft,
    a_sent,
    a_signed,
    document,
    joined_contract,
    some_terms,
)
from tests.factories import colleague, in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection


def test_a_draft_knows_the_roster_and_says_how_long_silence_lasts(workspace: Workspace) -> None:
    shown = workspace.contracts.show(a_draft(workspace))
    terms = shown.version.terms
    ann = next(one for one in workspace.roster.list() if one.name == "Ann Lee")
    assert (terms.creators[0].creator_id, terms.creators[0].key) == (ann.id, str(ann.id))
    assert {one.creator for one in terms.deliverables} == {str(ann.id)}
    assert terms.exclusivity[0].creators == (str(ann.id),)
    assert [one.silence_days for one in terms.milestones] == [14, 7], "the setting of the day, and what was written"
    assert (shown.contract.state, shown.contract.side, shown.version.version) == ("draft", "agency", 1)


def test_a_creator_of_no_roster_is_known_by_name(workspace: Workspace) -> None:
    a_deal(workspace)
    shown = workspace.contracts.draft("Trail shoes", terms=some_terms(creators=[{"key": "ann", "name": "Zoë Ott"}]))
    assert shown.version.terms.creators[0].key == "name:zoë ott"
    assert shown.version.terms.creators[0].creator_id is None


def test_an_id_that_the_roster_does_not_have_is_refused(workspace: Workspace, other_workspace: Workspace) -> None:
    theirs = other_workspace.roster.add("Ann Lee")
    a_deal(workspace)
    who = [{"key": str(theirs.id), "name": "Ann Lee", "creator_id": str(theirs.id)}]
    refs: dict[str, Any] = {
        "deliverables": [{**one, "creator": str(theirs.id)} for one in document()["deliverables"]],
        "shares": [{"creator": str(theirs.id), "weight": 1}],
        "exclusivity": [],
    }
    with pytest.raises(InvalidInput, match="No creator of this roster"):
        workspace.contracts.draft("Trail shoes", terms=some_terms(creators=who, **refs))


def test_a_deal_has_one_contract_until_that_is_over(workspace: Workspace) -> None:
    contract = a_draft(workspace)
    with pytest.raises(Conflict, match="has a contract already"):
        workspace.contracts.draft("Trail shoes", terms=some_terms())
    workspace.contracts.withdraw(contract, reason="the brand wants another set-up")
    again = workspace.contracts.draft("Trail shoes", terms=some_terms())
    assert str(again.contract.id) != contract
    assert {row.state for row in workspace.contracts.list()} == {"withdrawn", "draft"}
    assert [row.id for row in workspace.contracts.list(state="draft")] == [again.contract.id]


def test_a_contract_is_in_the_currency_and_the_flow_of_its_deal(workspace: Workspace) -> None:
    a_deal(workspace)
    for changes in ({"currency": "USD"}, {"flow": "creator"}):
        with pytest.raises(InvalidInput, match="the deal is in EUR"):
            workspace.contracts.draft("Trail shoes", terms=some_terms(**changes))


def test_only_a_draft_is_written_anew(workspace: Workspace) -> None:
    contract, _ = a_sent(workspace)
    other = terms_of(document(title="Trail shoes", governing_law="Austria"))
    with pytest.raises(Conflict, match="has no draft"):
        workspace.contracts.edit(contract, terms=other)
    recalled = workspace.contracts.recall(contract)
    assert (recalled.contract.state, recalled.version.document_hash) == ("draft", None)
    edited = workspace.contracts.edit(contract, terms=other)
    assert edited.version.terms.governing_law == "Austria"
    assert edited.version.terms_hash != recalled.version.terms_hash


def test_what_was_recalled_cannot_be_signed_with_its_code(workspace: Workspace) -> None:
    contract, code = a_sent(workspace)
    workspace.contracts.recall(contract)
    workspace.contracts.send(contract)
    with pytest.raises(Forbidden, match="signing code"):
        workspace.contracts.sign(contract, MARA, code=code)


def test_sending_needs_an_address_where_the_other_side_has_no_workspace(workspace: Workspace) -> None:
    parties = document()["parties"]
    del parties["brand"]["email"]
    contract = a_draft(workspace, parties=parties)
    with pytest.raises(InvalidInput, match="No address of Alpenpfad AG"):
        workspace.contracts.send(contract)
    sent = workspace.contracts.send(contract, email="pat@alpenpfad.example", days=3)
    assert sent.code is not None
    assert sent.code.email == "pat@alpenpfad.example"


def test_sending_takes_an_enquiry_to_proposed(workspace: Workspace) -> None:
    a_sent(workspace)
    assert workspace.deals.show("Trail shoes").row.stage == "proposed"


@pytest.mark.parametrize("word", ["Trail shoes", "trail SHOES", "id", "tail"])
def test_a_contract_is_found_by_title_or_by_the_end_of_its_id(workspace: Workspace, word: str) -> None:
    contract = a_draft(workspace)
    asked = {"id": contract, "tail": contract[-6:]}.get(word, word)
    assert str(workspace.contracts.show(asked).contract.id) == contract


def test_another_workspace_reads_nothing_of_a_contract(workspace: Workspace, other_workspace: Workspace) -> None:
    contract, _ = a_sent(workspace)
    assert other_workspace.contracts.list() == ()
    for read in (other_workspace.contracts.show, other_workspace.contracts.paper, other_workspace.contracts.verify):
        with pytest.raises(NoContract):
            read(contract)


@pytest.mark.parametrize(("role", "may"), [(Role.FINANCE, {"show"}), (Role.ANALYST, {"show"}), (Role.VIEWER, set())])
def test_roles_read_but_do_not_write_or_sign(
    engagerr: Engagerr, workspace: Workspace, role: Role, may: set[str]
) -> None:
    contract, code = a_sent(workspace)
    theirs = colleague(workspace, engagerr, role).contracts
    verbs = {
        "show": lambda: theirs.show(contract),
        "draft": lambda: theirs.draft("Trail shoes", terms=some_terms()),
        "recall": lambda: theirs.recall(contract),
        "sign": lambda: theirs.sign(contract, ANN),
        "sign for the brand": lambda: theirs.sign(contract, MARA, code=code),
        "end": lambda: theirs.end(contract, reason="no"),
    }
    for name, verb in verbs.items():
        if name in may:
            verb()
        else:
            with pytest.raises(Forbidden):
                verb()


_TABLES = (
    "contracts", "contract_versions", "contract_signatures", "contract_files", "contract_invitations",
    "contract_seal_keys", "contract_exclusivities",
)  # fmt: skip


def seen_by(connection: Connection, work: Workspace) -> dict[str, int]:
    """How many rows of each table the application's role reads in this workspace."""
    with in_tenant(connection, work.tenant.id):
        found = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in _TABLES}
    return {table: int(row[0]) for table, row in found.items() if row is not None}


def test_the_other_side_reads_what_was_sent_to_it_and_nothing_else(
    workspace: Workspace, other_workspace: Workspace, app_connection: Connection
) -> None:
    nothing = dict.fromkeys(_TABLES, 0)
    contract = joined_contract(workspace, other_workspace)
    assert seen_by(app_connection, other_workspace) == {**nothing, "contracts": 1, "contract_versions": 1}
    workspace.contracts.recall(contract)
    assert seen_by(app_connection, other_workspace) == nothing, "taken back, it is a draft again"
    workspace.contracts.send(contract)
    other_workspace.contracts.sign(contract, MARA)
    workspace.contracts.sign(contract, ANN)
    signed = {**nothing, "contracts": 1, "contract_versions": 1, "contract_signatures": 2, "contract_files": 1}
    assert seen_by(app_connection, other_workspace) == signed
    terms = workspace.contracts.show(contract).version.terms
    workspace.contracts.amend(contract, terms=replace_law(terms), reason="the law of the brand")
    assert seen_by(app_connection, other_workspace) == signed, "an amendment is a draft, too"
    workspace.contracts.withdraw(contract, reason="no")
    assert seen_by(app_connection, other_workspace) == signed
    assert other_workspace.contracts.show(contract).version.version == 1


def replace_law(terms: ContractTerms) -> ContractTerms:
    return terms_of(canonical(terms).replace('"Germany"', '"Switzerland"'))


# ── Paper ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_paper_is_the_same_to_the_byte_whenever_it_is_made(workspace: Workspace, clock: SteeredClock) -> None:
    contract, _ = a_sent(workspace)
    first = workspace.contracts.paper(contract)
    clock.advance(days=20)
    assert workspace.contracts.paper(contract).content == first.content
    version = workspace.contracts.show(contract).version
    assert hashlib.sha256(first.content).digest() == version.document_hash
    assert first.content.startswith(b"%PDF-1.")
    assert b"pdfaid:part>3<" in first.content.replace(b" ", b"")


_ELSEWHERE = """
import hashlib, pickle, sys
from engagerr.core.deals.contracting.contract_files import pdf
print(hashlib.sha256(pdf(pickle.load(sys.stdin.buffer))).hexdigest())
"""


def test_another_process_in_another_place_makes_the_same_bytes(workspace: Workspace) -> None:
    contract, _ = a_sent(workspace)
    version = workspace.contracts.show(contract).version
    assert version.document_hash is not None
    elsewhere = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE], input=pickle.dumps(replace(version, state="sent")), capture_output=True,
        check=True, env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert elsewhere.stdout.decode().strip() == version.document_hash.hex()


def test_the_paper_of_what_was_signed_can_still_be_made_as_it_was_sent(workspace: Workspace) -> None:
    contract, code = a_sent(workspace)
    sent = workspace.contracts.paper(contract).content
    workspace.contracts.sign(contract, MARA, code=code)
    workspace.contracts.sign(contract, ANN)
    assert workspace.contracts.paper(contract, unsigned=True).content == sent
    assert workspace.contracts.paper(contract).content != sent


def test_the_sealed_paper_is_kept_and_not_made_again(workspace: Workspace, clock: SteeredClock) -> None:
    contract, _ = a_signed(workspace)
    first = workspace.contracts.paper(contract)
    clock.advance(days=20)
    assert workspace.contracts.paper(contract) == first
    assert first.sealed


def test_the_terms_are_attached_to_the_paper(workspace: Workspace) -> None:
    contract = a_draft(workspace)
    content = workspace.contracts.paper(contract).content
    attached = attached_terms(content, ATTACHMENT)
    assert attached is not None
    assert hashlib.sha256(attached).digest() == workspace.contracts.show(contract).version.terms_hash
    shown = workspace.contracts.show(contract).version
    assert with_annex(terms_of(attached), shown.annex) == shown.terms


def test_the_paper_says_everything_that_was_agreed(workspace: Workspace) -> None:
    contract, _ = a_signed(
        workspace,
        exclusivity=[{"category": None, "from": "2026-11-01", "until": "2026-12-31"}],
        usage_rights=[{"channels": ["paid social"], "perpetual": True, "paid_media": True, "note": "Whitelisting"}],
        renewal={"months": 12, "notice_days": 30},
        clauses=[{"heading": "Product", "text": "Two pairs of shoes."}],
    )
    said = str(layout(workspace.contracts.show(contract).version, signed=True))
    for words in (
        "Alpenpfad AG", "Rosenthaler Straße 40", "Ann Lee", "youtube integration", "1 Dec 2026", "EUR 8,500.00",
        "EUR 4,250.50", "EUR 12,750.50", "30 days", "AT, CH, DE", "every category",
        "everybody whom Northlight represents", "without end", "Whitelisting", "#ad", "25 %", "50 %",
        "renewed for 12 months", "Two pairs of shoes.", "Germany", "Berlin", "Mara Keller", "Head of Marketing",
        "203.0.113.7", "Managing Director", str(workspace.contracts.show(contract).version.terms.annex),
    ):  # fmt: skip
        assert words in said, words
    assert "15 %" not in said, "what the agency keeps stands in its annex"


@pytest.mark.parametrize("name", ["Größe & Söhne <b>", "#let x = 1", "佐藤 太郎", "شركة", "$pay$ *now* _here_ @ref"])
def test_what_people_write_is_set_as_text(workspace: Workspace, name: str) -> None:
    contract = a_draft(workspace, clauses=[{"heading": name, "text": f"{name}\n{name}"}])
    version = workspace.contracts.show(contract).version
    assert pdf(version).startswith(b"%PDF")
    assert layout(replace(version, state="sent"), signed=False)["clauses"][-2]["heading"] == name


# ── Ends ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_signed_can_be_ended_for_a_reason(workspace: Workspace) -> None:
    contract, _ = a_signed(workspace)
    ended = workspace.contracts.end(contract, reason="the brand was sold")
    assert (ended.contract.state, ended.version.reason) == ("ended", "the brand was sold")
    assert workspace.contracts.exclusivities() == ()
    assert workspace.contracts.verify(contract, version=1).intact


def test_a_contract_does_not_end_while_money_is_held_for_it(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    contract, _ = a_signed(workspace)
    # As the ledger's trigger would have it once the first milestone is funded.
    superuser_connection.execute("SET session_replication_role = replica")
    superuser_connection.execute(
        "UPDATE holds SET state = 'funded', funded_minor = agreed_minor, held_minor = agreed_minor,"
        " funded_at = opened_at WHERE agreed_minor = 850000"
    )
    with pytest.raises(Conflict, match="Money is held") as refused:
        workspace.contracts.end(contract, reason="no")
    assert refused.value.facts["held"] == {"EUR": 850_000}
    assert workspace.contracts.show(contract).contract.state == "signed"


def test_nothing_of_a_contract_is_deleted(owner_connection: Connection, workspace: Workspace) -> None:
    a_signed(workspace)
    for table in ("contracts", "contract_versions", "contract_signatures", "contract_files"):
        with pytest.raises(psycopg.errors.CheckViolation), in_tenant(owner_connection, workspace.tenant.id):
            owner_connection.execute(f"DELETE FROM {table}")


def test_a_file_that_is_not_there_is_said(workspace: Workspace, tmp_path: Path) -> None:
    contract, _ = a_signed(workspace)
    with pytest.raises(InvalidInput, match="cannot be read"):
        workspace.contracts.verify(contract, file=tmp_path / "no.pdf")
    with pytest.raises(InvalidInput, match="cannot be read"):
        workspace.contracts.draft("Trail shoes", file=tmp_path / "no.toml")
    with pytest.raises(NotFound):
        workspace.contracts.show(contract, version=7)


# ── From the accepted proposal ─────────────────────────────────────────────────────────────────────────────────────


def offered(work: Workspace, *, accept: bool = True) -> None:
    """A deal with two creators and an offer that both sides want."""
    for name in ("Ann Lee", "Ben Ode"):
        creator = work.roster.add(name)
        work.roster.set_terms(str(creator.id), commission_rate=Decimal("0.2"), exclusive=True)
    work.deals.add(
        NewDeal("Trail shoes", brand="Alpenpfad", brand_email="mara@alpenpfad.example",
                creators=("Ann Lee", "Ben Ode"), currency="EUR")
    )  # fmt: skip
    for line in (
        Wanted("Ann Lee", "youtube_integration", price=Money(400_000, "EUR"), platform="youtube"),
        Wanted("Ann Lee", "short_video", price=Money(50_000, "EUR"), platform="instagram", quantity=2),
        Wanted("Ben Ode", "short_video", price=Money(80_000, "EUR"), platform="tiktok"),
    ):
        work.proposals.add_line("Trail shoes", line)
    work.proposals.set_terms(
        "Trail shoes",
        TermsEdit(
            usage_rights=(UsageRight(channels=("instagram",), territories=("DE",), term_days=90),),
            exclusivity=(
                ExclusivityPromise(category="shoes", territories=("DE",), starts=date(2026, 11, 1), until=None),
            ),
            notes="Two pairs of shoes are sent.",
        ),
    )
    work.proposals.send("Trail shoes")
    if accept:
        work.proposals.accept("Trail shoes", theirs=True)


def test_a_contract_is_drafted_of_the_accepted_proposal(workspace: Workspace) -> None:
    offered(workspace)
    terms = workspace.contracts.draft("Trail shoes").version.terms
    assert terms.total == Money(580_000, "EUR")
    assert [(one.title, one.amount_minor) for one in terms.milestones] == [
        ("Work of Ann Lee", 500_000), ("Work of Ben Ode", 80_000),
    ]  # fmt: skip
    assert terms.commission_rate == Decimal("0.2"), "what their terms say today"
    assert terms.parties.brand.email == "mara@alpenpfad.example"
    assert len(terms.exclusivity[0].creators) == 2, "the creators of the deal, not the roster"
    assert terms.usage_rights[0].term_days == 90
    assert terms.clauses[0].text == "Two pairs of shoes are sent."
    assert terms.proposal_id is not None


def test_what_was_drafted_of_a_proposal_is_signed_as_it_is(workspace: Workspace) -> None:
    offered(workspace)
    contract = str(workspace.contracts.draft("Trail shoes").contract.id)
    sent = workspace.contracts.send(contract)
    assert sent.code is not None
    workspace.contracts.sign(contract, MARA, code=sent.code.code)
    assert workspace.contracts.sign(contract, ANN).complete
    assert workspace.deals.show("Trail shoes").row.stage == "contracted"


def test_without_an_accepted_proposal_or_terms_there_is_nothing_to_draft_of(workspace: Workspace) -> None:
    offered(workspace, accept=False)
    with pytest.raises(Conflict, match="No version of the offer is accepted"):
        workspace.contracts.draft("Trail shoes")


def test_creators_with_other_commissions_need_one_that_is_said(workspace: Workspace, clock: SteeredClock) -> None:
    offered(workspace)
    workspace.roster.end_terms("Ben Ode", on=clock.now().date() - timedelta(days=1))
    workspace.roster.set_terms("Ben Ode", commission_rate=Decimal("0.1"), exclusive=True, since=clock.now().date())
    with pytest.raises(InvalidInput, match="2 different commission rates"):
        workspace.contracts.draft("Trail shoes")
    drafted = workspace.contracts.draft("Trail shoes", commission_rate=Decimal("0.125"), law="Austria")
    assert (drafted.version.terms.commission_rate, drafted.version.terms.governing_law) == (Decimal("0.125"), "Austria")
