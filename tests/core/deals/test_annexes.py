"""What the agency earns and how creators divide stays with it: signed by its hash, read by no other side, provable."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from engagerr import Workspace
from engagerr.cli.contract import version_document
from engagerr.cli.output import plain
from engagerr.core.db.schema import metadata
from engagerr.core.deals import advance
from engagerr.core.deals.contracting.annexes import set_apart
from engagerr.core.deals.contracting.clauses import canonical, terms_hash, terms_of, whole
from engagerr.core.deals.contracting.contract_checks import checked
from engagerr.core.deals.contracting.contract_files import ATTACHMENT
from engagerr.core.deals.contracting.contract_paper import layout
from engagerr.core.deals.contracting.contract_proofs import hash_of_paper
from engagerr.core.deals.contracting.seals import attached_terms
from engagerr.core.errors import EngagerrError, InvalidInput, NotFound
from engagerr.core.payments.held.holds import HoldRow
from engagerr.core.tenancy import Permission
from sqlalchemy import text
from tests.core.deals.contract_cases import ANN, MARA, a_draft, a_sent, a_signed, document, joined_contract, some_terms
from tests.factories import in_tenant
from tests.fakes.cluster import Connection

# Figures that stand nowhere else: the rate as it is written, in per cent, and the weights of the shares.
RATE, WEIGHTS = "0.17351", (617, 389)
SECRETS = (RATE, "17.351", "17351", "617", "389", "1006", "82649", 'commission_rate\\":\\"')
TERMS: dict[str, Any] = {
    "commission_rate": RATE,
    "creators": [{"key": "ann", "name": "Ann Lee"}, {"key": "ben", "name": "Ben Ode"}],
    "deliverables": [
        {"ref": "D1", "creator": "ann", "kind": "integration", "platform": "youtube"},
        {"ref": "D2", "creator": "ben", "kind": "short_video", "platform": "instagram", "count": 2},
    ],
    "shares": [{"creator": "ann", "weight": WEIGHTS[0]}, {"creator": "ben", "weight": WEIGHTS[1]}],
    "milestones": [{"ref": "M1", "title": "All of it", "amount_minor": 1_000_000, "deliverables": ["D1", "D2"]}],
}


@pytest.fixture
def contract(workspace: Workspace, other_workspace: Workspace) -> str:
    """A contract of Northlight and Southgate, a brand with a workspace of its own; both have signed."""
    workspace.roster.add("Ben Ode")
    made = joined_contract(workspace, other_workspace, **TERMS)
    workspace.contracts.sign(made, ANN)
    other_workspace.contracts.sign(made, MARA)
    return made


def holds(work: Workspace) -> list[HoldRow]:
    return list(work.payments.holds.list())


_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?")


def leaks(said: object) -> list[str]:
    """Which of the secrets stand in it, however it is written; ids, hashes and moments are no places for them."""
    text = _MOMENT.sub("", str(said))
    words = "\n".join(part for part in text.replace('"', "\n").replace("'", "\n").split("\n") if not _is_hex(part))
    return [secret for secret in SECRETS if secret in words]


def _is_hex(part: str) -> bool:
    return len(part) >= 32 and all(mark in "0123456789abcdef-\\x" for mark in part)


def in_words(value: Any) -> str:
    """A value as text, with all that is in it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return json.dumps(plain(value), default=str)
    return repr(value)


def verbs_of(work: Workspace, contract: str, shown: Path) -> list[tuple[str, Callable[[], Any]]]:
    contracts, deal = work.contracts, "Trail shoes"
    return [
        ("list", contracts.list),
        ("show", lambda: contracts.show(contract)),
        ("show as json", lambda: version_document(contracts.show(contract).version)),
        ("terms", lambda: whole(contracts.show(contract).version.terms)),
        ("laid out", lambda: layout(contracts.show(contract).version, signed=True)),
        ("attached", lambda: attached_terms(contracts.paper(contract).content, ATTACHMENT)),
        ("attached before", lambda: attached_terms(contracts.paper(contract, unsigned=True).content, ATTACHMENT)),
        ("verify", lambda: contracts.verify(contract)),
        ("verify annex", lambda: contracts.verify(contract, annex=shown)),
        ("annex", lambda: contracts.annex(contract)),
        ("compare", lambda: contracts.compare(contract)),
        ("flags", lambda: contracts.flagging.of_terms(contracts.show(contract).version.terms)),
        ("exclusivities", contracts.exclusivities),
        ("sign again", lambda: contracts.sign(contract, MARA)),
        ("amend", lambda: contracts.amend(contract, terms=some_terms(), reason="x")),
        ("edit", lambda: contracts.edit(contract, terms=some_terms())),
        ("deal", lambda: work.deals.show(deal)),
        ("deals", lambda: work.deals.list(closed=True)),
        ("trail", lambda: work.deals.trail(deal)),
        ("pieces", lambda: work.deliverables.list(deal)),
        ("piece", lambda: work.deliverables.show(f"{deal}/D1")),
        ("milestones", lambda: work.deliverables.milestones(deal)),
        ("holds", work.payments.holds.list),
        ("movements", work.payments.holds.movements),
    ]


def test_the_brand_reads_neither_commission_nor_shares_through_any_verb(
    workspace: Workspace, other_workspace: Workspace, contract: str, tmp_path: Path
) -> None:
    guessed = tmp_path / "annex.json"
    guessed.write_text('{"commission_rate":"0.2"}')
    refused = set()
    for name, verb in verbs_of(other_workspace, contract, guessed):
        try:
            said = in_words(verb())
        except EngagerrError as error:
            refused.add(name)
            said = f"{error.message} {error.hint} {error.facts}"
        assert leaks(said) == [], name
    assert refused == {"annex", "compare", "amend", "edit"}
    assert leaks(in_words(workspace.contracts.show(contract).version)) != [], "the agency does"
    assert leaks(in_words(other_workspace.contracts.sign(contract, MARA))) == []


def test_no_row_that_the_brand_reads_has_them(
    workspace: Workspace, other_workspace: Workspace, contract: str, app_connection: Connection
) -> None:
    """As the application role, table by table, in the brand's name; and the agency's in the same way."""
    found: dict[str, set[str]] = {"brand": set(), "agency": set()}
    for who, work in (("brand", other_workspace), ("agency", workspace)):
        for table in sorted(metadata.tables):
            with in_tenant(app_connection, work.tenant.id):
                try:
                    rows = app_connection.execute(f"SELECT to_jsonb(x)::text FROM {table} AS x").fetchall()
                except psycopg.errors.InsufficientPrivilege:
                    continue
            if any(leaks(row[0]) for row in rows):
                found[who].add(table)
    assert found["brand"] == set()
    assert "contract_annexes" in found["agency"]
    with in_tenant(app_connection, other_workspace.tenant.id):
        assert app_connection.execute("SELECT count(*) FROM contract_annexes").fetchone() == (0,)
        assert app_connection.execute("SELECT count(*) FROM contract_versions").fetchone() == (1,)


def test_what_is_released_is_divided_as_the_annex_says_whoever_signs_last(workspace: Workspace, contract: str) -> None:
    [hold] = holds(workspace)
    parts = {share.party: share.weight for share in hold.shares}
    whole_of_it = sum(parts.values())
    assert Decimal(parts["commission"]) / whole_of_it == Decimal(RATE)
    ann, ben = sorted((weight for party, weight in parts.items() if party != "commission"), reverse=True)
    assert ann * WEIGHTS[1] == ben * WEIGHTS[0]


def test_an_annex_that_is_shown_is_proved_and_another_is_not(
    workspace: Workspace, other_workspace: Workspace, contract: str, tmp_path: Path
) -> None:
    annex = workspace.contracts.annex(contract)
    signed = other_workspace.contracts.show(contract).version.terms.annex
    assert hashlib.sha256(annex).hexdigest() == signed
    assert json.loads(annex)["commission_rate"] == RATE
    shown = tmp_path / "annex.json"
    for content, fits in ((annex, True), (annex + b"\n", True), (annex.replace(b"617", b"618"), False)):
        shown.write_bytes(content)
        verdict = other_workspace.contracts.verify(contract, annex=shown)
        assert {one.name: one.good for one in verdict.proofs}["annex as shown"] is fits
        assert verdict.intact is fits
    assert {one.name: one.good for one in other_workspace.contracts.verify(contract).proofs}["annex"] is None
    with pytest.raises(NotFound, match="no annex here"):
        other_workspace.contracts.annex(contract)


def test_the_hash_cannot_be_guessed_from_what_it_says() -> None:
    """The same terms, set apart twice, are named by two hashes: a salt of 32 bytes is in each."""
    terms = checked(some_terms())
    (one, first), (other, _) = set_apart(terms), set_apart(terms)
    assert one.annex != other.annex
    assert len(json.loads(first)["salt"]) == 64
    assert set_apart(terms, before=first) == (one, first), "what says the same keeps its hash"
    dearer = msgspec.structs.replace(terms, commission_rate=Decimal("0.2"))
    assert set_apart(dearer, before=first)[0].annex != one.annex


def test_an_amendment_of_something_else_leaves_the_annex_as_it_is(
    workspace: Workspace, other_workspace: Workspace, contract: str
) -> None:
    before = workspace.contracts.show(contract).version.terms
    later = {**whole(before), "governing_law": "Austria"}
    workspace.contracts.amend(contract, terms=terms_of(later), reason="they moved")
    workspace.contracts.send(contract)
    assert [change.where for change in other_workspace.contracts.compare(contract).changes] == ["governing_law"]
    # Whoever changes what both read need not write down the rest.
    workspace.contracts.withdraw(contract, reason="once more")
    common = json.loads(canonical(before)) | {"governing_law": "Italy"}
    again = workspace.contracts.amend(contract, terms=terms_of(common), reason="they moved on").version.terms
    assert (again.commission_rate, again.shares, again.annex) == (before.commission_rate, before.shares, before.annex)


def test_an_amended_commission_shows_to_the_brand_as_another_annex_alone(
    workspace: Workspace, other_workspace: Workspace, contract: str
) -> None:
    later = {**whole(workspace.contracts.show(contract).version.terms), "commission_rate": "0.3"}
    workspace.contracts.amend(contract, terms=terms_of(later), reason="more for us")
    workspace.contracts.send(contract)
    assert [change.where for change in workspace.contracts.compare(contract).changes] == ["commission_rate"]
    assert [change.where for change in other_workspace.contracts.compare(contract).changes] == ["annex"]


def test_terms_without_a_commission_are_not_drafted(workspace: Workspace) -> None:
    plain_terms = document(title="Trail shoes")
    del plain_terms["commission_rate"]
    with pytest.raises(InvalidInput, match="no commission"):
        a_draft(workspace, commission_rate=None)
    contract = a_draft(workspace, "Other shoes")
    with pytest.raises(InvalidInput, match="not kept here"):
        workspace.contracts.edit(contract, terms=terms_of({**plain_terms, "annex": "00" * 32}))


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE contract_annexes SET document = replace(document, '0.15', '0.45'),"
         " commitment = sha256(convert_to(replace(document, '0.15', '0.45'), 'UTF8'))", "contract_annexes_locked"),
        ("DELETE FROM contract_annexes", "contract_annexes_append_only"),
    ],
)  # fmt: skip
def test_what_was_sent_keeps_its_annex(
    workspace: Workspace, superuser_connection: Connection, sql: str, constraint: str
) -> None:
    a_sent(workspace)
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        superuser_connection.execute(sql)
    assert refused.value.diag.constraint_name == constraint


def straight(work: Workspace, statements: list[str], values: dict[str, Any]) -> None:
    with work.access.transaction(Permission.EDIT_DEALS) as session:
        for statement in statements:
            session.execute(text(statement), values)


def test_an_agency_sends_no_terms_that_say_what_it_earns(workspace: Workspace) -> None:
    """Straight at the database, as the application."""
    contract = a_draft(workspace)
    version = workspace.contracts.show(contract).version
    told = canonical(msgspec.structs.replace(version.terms, annex=None))
    send = "UPDATE contract_versions SET state = 'sent', sent_at = now() WHERE tenant_id = :tenant_id AND id = :id"
    write = "UPDATE contract_versions SET terms = :terms, terms_hash = :hash WHERE tenant_id = :tenant_id AND id = :id"
    lost = canonical(msgspec.structs.replace(version.terms, annex="00" * 32))
    for terms, constraint in ((told, "contract_versions_annex_apart"), (lost, "contract_versions_annex")):
        values = {"tenant_id": workspace.tenant.id, "id": version.id, "terms": terms, "hash": terms_hash(terms)}
        with pytest.raises(EngagerrError) as refused:
            straight(workspace, [write, send], values)
        assert refused.value.facts["constraint"] == constraint


def test_a_changed_annex_is_seen_and_divides_nothing(workspace: Workspace, superuser_connection: Connection) -> None:
    contract, _ = a_signed(workspace)
    superuser_connection.execute("SET session_replication_role = replica")
    superuser_connection.execute(
        "UPDATE contract_annexes SET document = replace(document, '\"0.15\"', '\"0.45\"'),"
        " commitment = sha256(convert_to(replace(document, '\"0.15\"', '\"0.45\"'), 'UTF8'))"
    )
    verdict = workspace.contracts.verify(contract)
    assert [one.name for one in verdict.proofs if one.good is False] == ["annex"]
    terms = workspace.contracts.show(contract).version.terms
    with pytest.raises(EngagerrError, match="annex"):
        terms.weights()


# ── Contracts from before ──────────────────────────────────────────────────────────────────────────────────────────

# Of `document()`, checked, when terms still said all of it.
HASH_OF_BEFORE = "2c5922a8f2c59f63cb746ec6d634bf0c9e1e3760d8b2b0091b0c8432a8867295"


def test_terms_without_an_annex_have_the_hash_that_they_always_had() -> None:
    before = checked(terms_of(document(wording="2026-11")))
    assert terms_hash(before).hex() == HASH_OF_BEFORE


def as_before(connection: Connection, work: Workspace, contract: str, *, sent: bool) -> None:
    """Make a draft what it would have been: its terms say all of it, and there is no annex."""
    version = work.contracts.show(contract).version
    terms = msgspec.structs.replace(version.terms, annex=None, wording="2026-11")
    old = dataclasses.replace(version, terms=terms, terms_hash=terms_hash(terms))
    connection.execute("SET session_replication_role = replica")
    connection.execute("DELETE FROM contract_annexes WHERE version_id = %s", [version.id])
    connection.execute(
        "UPDATE contract_versions SET terms = %s, terms_hash = %s WHERE id = %s",
        [canonical(terms), terms_hash(terms), version.id],
    )
    if sent:
        connection.execute(
            "UPDATE contract_versions SET state = 'sent', sent_at = created_at, document_hash = %s WHERE id = %s",
            [hash_of_paper(old), version.id],
        )
        connection.execute("UPDATE contracts SET state = 'sent', sent_at = created_at")
    connection.execute("SET session_replication_role = origin")
    if sent:
        with work.access.transaction(Permission.EDIT_DEALS) as session:
            advance(session, work.access, version.deal_id, "proposed", "a contract was sent")


def test_a_contract_that_was_sent_before_is_signed_and_stays_good(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    contract = a_draft(workspace)
    as_before(superuser_connection, workspace, contract, sent=True)
    code = workspace.contracts.send(contract).code
    assert code is not None
    workspace.contracts.sign(contract, MARA, code=code.code)
    signed = workspace.contracts.sign(contract, ANN).version
    assert (signed.terms.annex, signed.annex, signed.terms.commission_rate) == (None, None, Decimal("0.15"))
    verdict = workspace.contracts.verify(contract)
    assert verdict.intact
    assert "annex" not in {one.name for one in verdict.proofs}
    assert "15 %" in str(layout(signed, signed=True))
    assert {share.weight for share in holds(workspace)[0].shares} == {17, 3}
    # Amended, it has an annex; and the version before stays what it was.
    workspace.contracts.amend(
        contract, terms=terms_of(whole(signed.terms) | {"governing_law": "Italy"}), reason="moved"
    )
    sent = workspace.contracts.send(contract)
    assert sent.version.terms.annex is not None
    assert "commission_rate" not in canonical(sent.version.terms)
    assert workspace.contracts.verify(contract, version=1).intact


def test_a_draft_from_before_gets_its_annex_when_it_is_sent(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    contract = a_draft(workspace)
    as_before(superuser_connection, workspace, contract, sent=False)
    assert workspace.contracts.show(contract).version.terms.annex is None
    version = workspace.contracts.send(contract).version
    assert version.terms.annex is not None
    assert version.document_hash == hash_of_paper(version)
    assert "commission_rate" not in canonical(version.terms)
    assert version.terms.commission_rate == Decimal("0.15")
