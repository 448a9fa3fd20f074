"""Signing: by two parties, once each, what they read and nothing else; what follows happens together or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from engagerr import Workspace
from engagerr.core.deals.contracting.contracts import Signed
from engagerr.core.deals.contracting.seals import check_seal, reseal_seal_keys
from engagerr.core.deals.contracting.signing import NotThoseTerms, Signer
from engagerr.core.deals.contracting.signing_codes import CodeRefused
from engagerr.core.errors import Conflict, EngagerrError, Forbidden, InvalidInput
from engagerr.core.tenancy import Permission
from engagerr.core.tenancy.vault import Vault
from sqlalchemy import text
from tests.core.deals.contract_cases import (
    ANN,
    MARA,
    a_draft,
    a_sent,
    a_signed,
    join,
    joined_contract,
    pkcs12_file,
    some_terms,
)
from tests.factories import in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection

WRONG = "AAAA-BBBB-CCCC-DDDD"


def rows(work: Workspace, sql: str) -> list[Any]:
    with work.access.transaction(Permission.READ_DEALS) as session:
        return list(session.execute(text(sql)).all())


# ── Both parties ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_contract_stands_once_both_have_signed_and_not_before(workspace: Workspace) -> None:
    contract, code = a_sent(workspace)
    first = workspace.contracts.sign(contract, MARA, code=code)
    assert (first.complete, first.contract.state) == (False, "sent")
    assert rows(workspace, "SELECT FROM deal_milestones") == []
    second = workspace.contracts.sign(contract, ANN)
    assert (second.complete, second.contract.state, second.version.state) == (True, "signed", "signed")


def test_with_the_second_signature_the_deal_is_contracted_and_its_money_is_agreed(workspace: Workspace) -> None:
    a_signed(workspace)
    assert workspace.deals.show("Trail shoes").row.stage == "contracted"
    milestones = rows(
        workspace, "SELECT ref, amount_minor, hold_id IS NOT NULL AS held FROM deal_milestones ORDER BY 1"
    )
    assert milestones == [("M1", 850_000, True), ("M2", 425_050, True)]
    [noted] = workspace.availability.exclusivities("Ann Lee")
    assert (noted.category, noted.brand, noted.countries) == ("sports/shoes", "Alpenpfad AG", ("AT", "CH", "DE"))
    kinds = [event.kind for event in workspace.events.list()]
    assert kinds.count("contract.signed") == 1


def test_a_signature_keeps_who_how_and_what_was_agreed_to(workspace: Workspace) -> None:
    contract, _ = a_signed(workspace)
    version = workspace.contracts.show(contract).version
    brand, agency = version.signature("brand"), version.signature("agency")
    assert brand is not None
    assert agency is not None
    assert (brand.name, brand.title, brand.email) == ("Mara Keller", "Head of Marketing", "mara@alpenpfad.example")
    assert brand.evidence["method"] == "code"
    assert brand.evidence["code_sent_to"] == "mara@alpenpfad.example"
    assert (brand.evidence["address"], brand.evidence["program"]) == ("203.0.113.7", "Firefox 140")
    assert version.document_hash is not None
    assert brand.evidence["document_sha256"] == version.document_hash.hex()
    assert version.terms_hash.hex() in brand.statement
    assert "Alpenpfad AG" in brand.statement
    assert agency.evidence["method"] == "workspace"
    assert agency.evidence["member"] == str(workspace.member.id)


def test_signing_twice_is_signing_once(workspace: Workspace) -> None:
    contract, code = a_sent(workspace)
    workspace.contracts.sign(contract, ANN)
    assert not workspace.contracts.sign(contract, ANN).complete
    workspace.contracts.sign(contract, MARA, code=code)
    again = workspace.contracts.sign(contract, ANN)
    assert again.complete
    assert len(again.version.signatures) == 2
    with pytest.raises(EngagerrError):
        workspace.contracts.sign(contract, MARA, code=code)


def test_who_read_other_terms_does_not_sign_these(workspace: Workspace) -> None:
    contract, code = a_sent(workspace)
    read = workspace.contracts.show(contract).version.terms_hash.hex()
    workspace.contracts.recall(contract)
    workspace.contracts.edit(contract, terms=some_terms(title="Trail shoes", governing_law="Austria"))
    workspace.contracts.send(contract)
    with pytest.raises(NotThoseTerms):
        workspace.contracts.sign(contract, ANN, terms_hash=read)
    assert workspace.contracts.show(contract).version.signatures == ()
    del code


def test_a_draft_cannot_be_signed(workspace: Workspace) -> None:
    contract = a_draft(workspace)
    with pytest.raises(Conflict, match="no version that waits for signatures"):
        workspace.contracts.sign(contract, ANN)


@pytest.mark.parametrize(
    "signer",
    [
        Signer("", "mara@alpenpfad.example"), Signer("Mara\u202e", "mara@alpenpfad.example"), Signer("Mara", "nobody"),
        Signer("Mara", "a b@c.example"), Signer("M" * 301, "mara@alpenpfad.example"),
        Signer("Mara", "mara@alpenpfad.example", sent_from="\x00"),
    ],
)  # fmt: skip
def test_a_signature_needs_a_name_and_an_address_that_can_be_read(workspace: Workspace, signer: Signer) -> None:
    contract, _ = a_sent(workspace)
    with pytest.raises(InvalidInput):
        workspace.contracts.sign(contract, signer)
    assert workspace.contracts.show(contract).version.signatures == ()


def test_nothing_is_signed_in_a_deal_that_is_closed(workspace: Workspace, app_connection: Connection) -> None:
    contract, code = a_sent(workspace)
    workspace.contracts.sign(contract, MARA, code=code)
    workspace.deals.cancel("Trail shoes", reason="the brand withdrew")
    for verb in (lambda: workspace.contracts.sign(contract, ANN), lambda: workspace.contracts.send(contract)):
        with pytest.raises(Conflict, match="is cancelled"):
            verb()
    version = workspace.contracts.show(contract).version
    assert refusal(app_connection, workspace, version) is None, "a signature alone makes nothing stand"
    signed = "UPDATE contract_versions SET state = 'signed', signed_at = now()"
    assert change(app_connection, workspace, signed) == "contract_versions_step"
    workspace.deals.reopen("Trail shoes", reason="it did not")
    assert workspace.contracts.sign(contract, ANN).complete


# ── Codes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_code_is_not_kept_and_opens_once(workspace: Workspace, superuser_connection: Connection) -> None:
    contract, code = a_sent(workspace)
    kept = str(superuser_connection.execute("SELECT to_jsonb(i) FROM contract_invitations AS i").fetchall())
    assert code not in kept
    assert code.replace("-", "") not in kept
    workspace.contracts.sign(contract, MARA, code=code.lower().replace("-", " "))
    with pytest.raises(Conflict):
        workspace.contracts.sign(contract, MARA, code=code)


def test_a_wrong_code_is_counted_and_five_are_enough(workspace: Workspace) -> None:
    contract, code = a_sent(workspace)
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(CodeRefused, match=f"{left} tries left"):
            workspace.contracts.sign(contract, MARA, code=WRONG)
    with pytest.raises(CodeRefused, match="too often"):
        workspace.contracts.sign(contract, MARA, code=code)
    sent = workspace.contracts.send(contract)
    assert sent.code is not None
    workspace.contracts.sign(contract, MARA, code=sent.code.code)


def test_a_code_is_good_until_its_day(workspace: Workspace, clock: SteeredClock) -> None:
    contract, code = a_sent(workspace)
    clock.advance(days=14)
    with pytest.raises(CodeRefused, match="good until 2026-11-15"):
        workspace.contracts.sign(contract, MARA, code=code)


def test_a_new_code_takes_the_place_of_the_old_one(workspace: Workspace) -> None:
    contract, code = a_sent(workspace)
    workspace.contracts.send(contract)
    with pytest.raises(CodeRefused):
        workspace.contracts.sign(contract, MARA, code=code)


@pytest.mark.parametrize("days", [0, 91, -1])
def test_a_code_is_good_for_a_sensible_time(workspace: Workspace, days: int) -> None:
    with pytest.raises(InvalidInput):
        workspace.contracts.send(a_draft(workspace), days=days)


# ── Saying no ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_outside_party_declines_with_its_code(workspace: Workspace) -> None:
    contract, code = a_sent(workspace)
    with pytest.raises(CodeRefused):
        workspace.contracts.decline(contract, MARA, reason="too dear", code=WRONG)
    declined = workspace.contracts.decline(contract, MARA, reason="too dear", code=code)
    assert declined.state == "declined"
    shown = workspace.contracts.show(contract)
    assert (shown.version.state, shown.version.reason) == ("declined", "too dear")
    with pytest.raises(Conflict):
        workspace.contracts.sign(contract, ANN)


def test_nobody_declines_a_contract_of_their_own(workspace: Workspace) -> None:
    contract, _ = a_sent(workspace)
    with pytest.raises(InvalidInput, match="your own"):
        workspace.contracts.decline(contract, ANN, reason="no")


# ── The other side has a workspace ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("last", ["the keeper", "the other side"])
def test_the_other_workspace_signs_itself_first_or_last(
    workspace: Workspace, other_workspace: Workspace, last: str
) -> None:
    contract = joined_contract(workspace, other_workspace)
    [theirs] = other_workspace.contracts.list()
    assert (str(theirs.id), theirs.side, theirs.kept) == (contract, "brand", False)
    order: list[Callable[[], Signed]] = [
        lambda: other_workspace.contracts.sign(contract, MARA),
        lambda: workspace.contracts.sign(contract, ANN),
    ]
    if last == "the other side":
        order.reverse()
    assert not order[0]().complete
    assert order[1]().complete
    for work in (workspace, other_workspace):
        assert work.contracts.show(contract).contract.state == "signed"
        assert work.deals.show("Trail shoes").row.stage == "contracted"
        assert work.contracts.verify(contract).intact
    assert len(rows(workspace, "SELECT FROM holds")) == 2, "holds are the keeper's, whoever signs last"
    assert rows(other_workspace, "SELECT FROM holds") == []
    assert workspace.contracts.paper(contract).sealed
    assert other_workspace.contracts.paper(contract).content == workspace.contracts.paper(contract).content
    assert workspace.verify_audit().intact
    assert other_workspace.verify_audit().intact


def test_a_side_that_joins_later_goes_on_in_its_workspace(workspace: Workspace, other_workspace: Workspace) -> None:
    contract, code = a_sent(workspace)
    workspace.contracts.sign(contract, ANN)
    assert other_workspace.contracts.list() == ()
    join(workspace, other_workspace)
    [theirs] = other_workspace.contracts.list()
    assert len(other_workspace.contracts.show(theirs.id).version.signatures) == 1
    with pytest.raises(Conflict, match="signs there"):
        workspace.contracts.sign(contract, MARA, code=code)
    assert workspace.contracts.send(contract).code is None
    assert other_workspace.contracts.sign(contract, MARA).complete
    assert workspace.contracts.verify(contract).intact


def test_the_other_workspace_declines_itself(workspace: Workspace, other_workspace: Workspace) -> None:
    contract = joined_contract(workspace, other_workspace)
    other_workspace.contracts.decline(contract, MARA, reason="not this year")
    assert workspace.contracts.show(contract).contract.state == "declined"


def test_the_other_workspace_writes_nothing_but_its_signature(workspace: Workspace, other_workspace: Workspace) -> None:
    contract = joined_contract(workspace, other_workspace)
    theirs = other_workspace.contracts
    for verb in (
        lambda: theirs.recall(contract),
        lambda: theirs.edit(contract, terms=some_terms()),
        lambda: theirs.withdraw(contract, reason="no"),
        lambda: theirs.end(contract, reason="no"),
        lambda: theirs.send(contract),
        lambda: theirs.draft("Trail shoes", terms=some_terms()),
    ):
        with pytest.raises(Forbidden):
            verb()


def test_nobody_signs_with_a_code_for_a_side_that_has_a_workspace(
    workspace: Workspace, other_workspace: Workspace, app_connection: Connection
) -> None:
    contract = joined_contract(workspace, other_workspace)
    version = workspace.contracts.show(contract).version
    with in_tenant(app_connection, workspace.tenant.id):
        invitation = app_connection.execute(
            "INSERT INTO contract_invitations (tenant_id, version_id, email, code_hash, made_at, expires_at)"
            " VALUES (%s, %s, 'x@y.example', %s, now(), now() + interval '1 day') RETURNING id",
            [workspace.tenant.id, version.id, b"0" * 32],
        ).fetchone()
    assert invitation is not None
    assert refusal(app_connection, workspace, version, invitation_id=invitation[0]) == "contract_signatures_itself"


# ── Straight at the database, as the application's role ────────────────────────────────────────────────────────────


def refusal(connection: Connection, work: Workspace, version: Any, **changes: Any) -> str | None:
    """The constraint that refuses a signature which is written straight."""
    row: dict[str, Any] = {
        "tenant_id": version.tenant_id, "version_id": version.id, "decision": "signed", "side": "agency",
        "signer_tenant_id": work.tenant.id, "name": "X", "email": "x@y.example", "statement": "Yes.",
        "terms_hash": version.terms_hash, "evidence": "{}", "proof": b"0" * 32, "at": version.created_at, **changes,
    }  # fmt: skip
    names = ", ".join(row)
    places = ", ".join(["%s"] * len(row))
    try:
        with in_tenant(connection, work.tenant.id):
            connection.execute(
                f"INSERT INTO contract_signatures ({names}) VALUES ({places})",
                list(row.values()),
            )
    except psycopg.Error as error:
        return error.diag.constraint_name or error.sqlstate
    return None


def test_the_database_refuses_forged_signatures(workspace: Workspace, app_connection: Connection) -> None:
    contract, _ = a_sent(workspace)
    version = workspace.contracts.show(contract).version
    assert refusal(app_connection, workspace, version, terms_hash=b"1" * 32) == "contract_signatures_terms"
    assert refusal(app_connection, workspace, version, invitation_id=version.id) == "contract_signatures_code"
    assert refusal(app_connection, workspace, version, name="") == "contract_signatures_name_check"
    assert refusal(app_connection, workspace, version) is None
    assert refusal(app_connection, workspace, version, side="brand") == "contract_signatures_side_key", (
        "whose side it is, is not for the row to say"
    )


def test_the_database_refuses_a_signature_by_somebody_else(
    workspace: Workspace, other_workspace: Workspace, app_connection: Connection
) -> None:
    contract, _ = a_sent(workspace)
    version = workspace.contracts.show(contract).version
    assert refusal(app_connection, other_workspace, version) == "42501"


@pytest.mark.parametrize("state", ["draft", "signed", "ended"])
def test_the_database_takes_signatures_of_what_is_open_alone(
    workspace: Workspace, app_connection: Connection, state: str
) -> None:
    contract = a_draft(workspace) if state == "draft" else a_signed(workspace)[0]
    if state == "ended":
        workspace.contracts.end(contract, reason="over")
    version = workspace.contracts.show(contract).version
    assert refusal(app_connection, workspace, version) == "contract_signatures_open"


def change(connection: Connection, work: Workspace, sql: str, *values: Any) -> str | None:
    """The constraint (or the SQLSTATE) that refuses a statement of the application's role."""
    try:
        with in_tenant(connection, work.tenant.id):
            connection.execute(sql, list(values))
            raise psycopg.Rollback
    except psycopg.Error as error:
        return error.diag.constraint_name or error.sqlstate
    return None


def test_the_database_locks_what_was_sent_and_signed(workspace: Workspace, app_connection: Connection) -> None:
    contract, code = a_sent(workspace)
    other = "UPDATE contract_versions SET terms = '{}', terms_hash = sha256('{}')"
    assert change(app_connection, workspace, other) == "contract_versions_locked"
    assert change(app_connection, workspace, "UPDATE contract_versions SET terms = '{}'") == "contract_versions_locked"
    assert change(app_connection, workspace, "UPDATE contract_versions SET document_hash = %s", b"0" * 32) == (
        "contract_versions_locked"
    )
    signed = "UPDATE contract_versions SET state = 'signed', signed_at = now()"
    assert change(app_connection, workspace, signed) == "contract_versions_step", "nobody has signed"
    workspace.contracts.sign(contract, MARA, code=code)
    assert change(app_connection, workspace, signed) == "contract_versions_step", "one has signed"
    back = "UPDATE contract_versions SET state = 'draft', sent_at = NULL, document_hash = NULL"
    assert change(app_connection, workspace, back) == "contract_versions_step", "what is signed is not rewritten"
    workspace.contracts.sign(contract, ANN)
    for state in ("draft", "sent", "withdrawn", "declined", "superseded"):
        unsigned = f"UPDATE contract_versions SET signed_at = NULL, state = '{state}'"
        assert change(app_connection, workspace, unsigned) == "contract_versions_locked", state
        moved = f"UPDATE contract_versions SET state = '{state}'"
        assert change(app_connection, workspace, moved) == "contract_versions_step", state
    assert change(app_connection, workspace, other) == "contract_versions_locked"


def test_the_database_refuses_terms_that_have_another_hash(workspace: Workspace, app_connection: Connection) -> None:
    a_draft(workspace)
    assert change(app_connection, workspace, "UPDATE contract_versions SET terms = '{}'") == (
        "contract_versions_terms_hash_check"
    )


@pytest.mark.parametrize("table", ["contract_signatures", "contract_files", "contract_exclusivities", "contracts"])
def test_the_application_may_not_rewrite_what_was_agreed(
    workspace: Workspace, app_connection: Connection, table: str
) -> None:
    a_signed(workspace)
    assert change(app_connection, workspace, f"DELETE FROM {table}") == "42501"
    assert change(app_connection, workspace, f"UPDATE {table} SET id = id") == "42501"


def test_not_even_the_owner_of_the_tables_changes_a_signature(
    workspace: Workspace, owner_connection: Connection
) -> None:
    a_signed(workspace)
    for table, column in (("contract_signatures", "name"), ("contract_files", "certificate")):
        assert change(owner_connection, workspace, f"UPDATE {table} SET {column} = 'X'") == f"{table}_append_only"


# ── At the same time ───────────────────────────────────────────────────────────────────────────────────────────────


def test_both_sign_at_the_same_moment_and_it_is_concluded_once(workspace: Workspace) -> None:
    contract, code = a_sent(workspace)
    begin = threading.Barrier(6)
    found: list[Signed | Exception] = []

    def sign(signer: Signer, code: str | None) -> None:
        begin.wait()
        try:
            found.append(workspace.contracts.sign(contract, signer, code=code))
        except EngagerrError as error:
            found.append(error)

    threads = [threading.Thread(target=sign, args=(ANN, None)) for _ in range(3)]
    threads += [threading.Thread(target=sign, args=(MARA, code)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shown = workspace.contracts.show(contract)
    assert shown.contract.state == "signed"
    assert len(shown.version.signatures) == 2
    assert len(rows(workspace, "SELECT FROM deal_milestones")) == 2
    assert len(rows(workspace, "SELECT FROM audit_log WHERE action = 'contract.signed'")) == 1
    assert all(isinstance(one, Signed | Conflict | CodeRefused) for one in found), found


def test_two_workspaces_sign_at_the_same_moment(workspace: Workspace, other_workspace: Workspace) -> None:
    contract = joined_contract(workspace, other_workspace)
    begin = threading.Barrier(2)
    errors: list[EngagerrError] = []

    def sign(work: Workspace, signer: Signer) -> None:
        begin.wait()
        try:
            work.contracts.sign(contract, signer)
        except EngagerrError as error:
            errors.append(error)

    threads = [
        threading.Thread(target=sign, args=(workspace, ANN)),
        threading.Thread(target=sign, args=(other_workspace, MARA)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert workspace.contracts.show(contract).contract.state == "signed"
    assert len(rows(workspace, "SELECT FROM holds")) == 2


def test_what_was_changed_while_somebody_signed_is_not_what_they_signed(workspace: Workspace) -> None:
    """Whichever comes first: the signature is of the terms that stand, or there is none."""
    contract, code = a_sent(workspace)
    begin = threading.Barrier(2)
    errors: list[EngagerrError] = []

    def run(verb: Callable[[], object]) -> None:
        begin.wait()
        try:
            verb()
        except EngagerrError as error:
            errors.append(error)

    def rewrite() -> None:
        workspace.contracts.recall(contract)
        workspace.contracts.edit(contract, terms=some_terms(title="Trail shoes", governing_law="Austria"))

    threads = [
        threading.Thread(target=run, args=(lambda: workspace.contracts.sign(contract, MARA, code=code),)),
        threading.Thread(target=run, args=(rewrite,)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 1, errors
    version = workspace.contracts.show(contract).version
    assert (version.terms.governing_law == "Austria") == (version.signatures == ())


def test_what_follows_from_a_signature_happens_with_it_or_not_at_all(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    contract, code = a_sent(workspace)
    workspace.contracts.sign(contract, MARA, code=code)
    superuser_connection.execute("ALTER TABLE holds ADD CONSTRAINT broken CHECK (agreed_minor <> 425050)")
    with pytest.raises(EngagerrError):
        workspace.contracts.sign(contract, ANN)
    shown = workspace.contracts.show(contract)
    assert (shown.contract.state, shown.version.signature("agency")) == ("sent", None)
    assert rows(workspace, "SELECT FROM deal_milestones") == []
    assert rows(workspace, "SELECT FROM contract_exclusivities") == []
    assert workspace.deals.show("Trail shoes").row.stage == "proposed"
    superuser_connection.execute("ALTER TABLE holds DROP CONSTRAINT broken")
    assert workspace.contracts.sign(contract, ANN).complete


# ── Proofs and seals ───────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_about_a_signed_contract_checks_out(workspace: Workspace) -> None:
    contract, _ = a_signed(workspace)
    verdict = workspace.contracts.verify(contract)
    assert verdict.intact
    assert {proof.name: proof.good for proof in verdict.proofs} == dict.fromkeys(
        ("terms", "signature of the agency", "signature of the brand", "paper", "annex", "seal", "attachment"), True
    )


@pytest.mark.parametrize(
    ("sql", "wrong"),
    [
        ("UPDATE contract_signatures SET name = 'Somebody' WHERE side = 'brand'", "signature of the brand"),
        ("UPDATE contract_signatures SET at = at + interval '1 day' WHERE side = 'agency'", "signature of the agency"),
        ("UPDATE contract_signatures SET evidence = evidence || '{\"address\": \"::1\"}'", "signature of the brand"),
        ("UPDATE contract_files SET content = set_byte(content, 9000, 65),"
         " sha256 = sha256(set_byte(content, 9000, 65))", "seal"),
    ],
)  # fmt: skip
def test_whoever_may_do_everything_is_found_out(
    workspace: Workspace, superuser_connection: Connection, sql: str, wrong: str
) -> None:
    contract, _ = a_signed(workspace)
    superuser_connection.execute("SET session_replication_role = replica")
    superuser_connection.execute(sql)
    verdict = workspace.contracts.verify(contract)
    assert not verdict.intact
    assert wrong in {proof.name for proof in verdict.proofs if proof.good is False}


def test_terms_that_were_changed_together_with_their_hash_do_not_fit_the_signatures(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    contract, _ = a_signed(workspace)
    superuser_connection.execute("SET session_replication_role = replica")
    superuser_connection.execute(
        "UPDATE contract_versions SET terms = replace(terms, '\"0.25\"', '\"0.05\"'),"
        " terms_hash = sha256(convert_to(replace(terms, '\"0.25\"', '\"0.05\"'), 'UTF8'))"
    )
    wrong = {proof.name for proof in workspace.contracts.verify(contract).proofs if proof.good is False}
    assert {"signature of the agency", "signature of the brand", "attachment"} <= wrong


def test_a_file_is_checked_against_what_is_kept(workspace: Workspace, tmp_path: Path) -> None:
    contract, _ = a_signed(workspace)
    content = workspace.contracts.paper(contract).content
    path = tmp_path / "contract.pdf"
    for given, intact in (
        (content, True),
        (content[:5000] + b"X" + content[5001:], False),
        (content + b"\n% more", False),
        (workspace.contracts.paper(contract, unsigned=True).content, False),
        (b"no PDF at all", False),
        (b"", False),
    ):
        path.write_bytes(given)
        assert workspace.contracts.verify(contract, file=path).intact is intact


def test_a_seal_of_another_workspace_is_not_ours(
    workspace: Workspace, other_workspace: Workspace, tmp_path: Path
) -> None:
    contract, _ = a_signed(workspace)
    theirs, _ = a_signed(other_workspace)
    path = tmp_path / "theirs.pdf"
    path.write_bytes(other_workspace.contracts.paper(theirs).content)
    assert other_workspace.contracts.verify(theirs, file=path).intact
    verdict = workspace.contracts.verify(contract, file=path)
    assert verdict.seal is not None
    assert (verdict.seal.intact, verdict.seal.known, verdict.seal.good) == (True, False, False)


def test_the_key_of_the_seal_lies_in_the_vault_and_outlives_its_rotation(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    contract, _ = a_signed(workspace)
    [kept] = superuser_connection.execute("SELECT secret || sealed_key FROM contract_seal_keys").fetchall()
    assert b"PRIVATE" not in bytes(kept[0])
    vault = Vault(workspace.access.settings, workspace.tenant.id)
    with vault.rotation() as key_id, workspace.access.transaction(Permission.CONNECT) as session:
        assert reseal_seal_keys(session, tenant_id=workspace.tenant.id, vault=vault, key_id=key_id) == 1
    again, _ = a_signed(workspace, "Autumn cuts", exclusivity=[])
    first, second = (check_seal(workspace.contracts.paper(one).content) for one in (contract, again))
    assert first.fingerprint == second.fingerprint


def test_a_certificate_of_ones_own_seals_from_then_on(
    workspace: Workspace, tmp_path: Path, clock: SteeredClock
) -> None:
    before, _ = a_signed(workspace)
    brought = workspace.contracts.use_certificate(
        pkcs12_file(tmp_path / "own.p12", passphrase=b"secret", now=clock.now()), passphrase="secret"
    )
    assert brought.own
    after, _ = a_signed(workspace, "Autumn cuts", exclusivity=[])
    verdict = workspace.contracts.verify(after)
    assert verdict.intact
    assert verdict.seal is not None
    assert verdict.seal.fingerprint == brought.fingerprint
    assert verdict.seal.subject is not None
    assert "Northlight GmbH" in verdict.seal.subject
    assert workspace.contracts.verify(before).intact, "what was sealed before stays good"


def test_a_certificate_that_cannot_be_used_is_refused(
    workspace: Workspace, tmp_path: Path, clock: SteeredClock
) -> None:
    good = pkcs12_file(tmp_path / "own.p12", passphrase=b"secret", now=clock.now())
    over = pkcs12_file(tmp_path / "over.p12", passphrase=None, days=-1, now=clock.now())
    junk = tmp_path / "junk.p12"
    junk.write_bytes(b"junk")
    for path, passphrase in ((good, "wrong"), (good, None), (over, None), (junk, None), (tmp_path / "no.p12", None)):
        with pytest.raises(InvalidInput):
            workspace.contracts.use_certificate(path, passphrase=passphrase)
