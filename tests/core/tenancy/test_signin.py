"""Founding a workspace, staying signed in, and every token that opens nothing."""

from __future__ import annotations

import base64
import json
import os
import threading
from pathlib import Path
from uuid import uuid4

import pytest
from engagerr import Engagerr, Forbidden, InvalidInput, NotFound, Settings, Workspace
from engagerr.core.tenancy.tokens import NotSignedIn, make_token
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Connection

# ── Founding ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_init_founds_a_workspace_with_its_owner_and_signs_in(engagerr: Engagerr) -> None:
    work = engagerr.init("  Northlight ", email="ann@northlight.example")
    assert (work.tenant.kind, work.tenant.name) == ("agency", "Northlight")
    assert (work.member.email, work.member.role) == ("ann@northlight.example", "owner")
    again = engagerr.workspace()
    assert (again.tenant, again.member) == (work.tenant, work.member)


@pytest.mark.parametrize("kind", ["agency", "brand", "creator"])
def test_a_workspace_is_an_agency_a_brand_or_a_creator(engagerr: Engagerr, kind: str) -> None:
    assert engagerr.init("Somebody", kind=kind).tenant.kind == kind
    assert engagerr.workspace().tenant.kind == kind


def test_init_twice_changes_nothing(engagerr: Engagerr, settings: Settings, superuser_connection: Connection) -> None:
    first = engagerr.init("Northlight", email="ann@northlight.example")
    before = everything(superuser_connection)
    second = engagerr.init("Northlight", email="ann@northlight.example")
    with Engagerr(settings, clock=engagerr.clock) as another_process:
        third = another_process.init("Northlight")
    assert {(work.tenant, work.member) for work in (first, second, third)} == {(first.tenant, first.member)}
    assert everything(superuser_connection) == before


def test_init_by_many_at_once_founds_one_workspace(
    settings: Settings, clock: SteeredClock, superuser_connection: Connection
) -> None:
    together, tenants = threading.Barrier(4), []

    def init() -> None:
        with Engagerr(settings, clock=clock) as engagerr:
            together.wait(10)
            tenants.append(engagerr.init("Northlight").tenant.id)

    threads = [threading.Thread(target=init) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(tenants) == 4
    assert len(set(tenants)) == 1
    assert superuser_connection.execute("SELECT count(*) FROM tenants").fetchone() == (1,)


@pytest.mark.parametrize(("name", "kind"), [("Southgate", "agency"), ("Northlight", "brand"), ("northlight", "agency")])
def test_another_workspace_in_the_same_home_is_refused(
    engagerr: Engagerr, workspace: Workspace, superuser_connection: Connection, name: str, kind: str
) -> None:
    with pytest.raises(InvalidInput, match="This home holds the agency Northlight already") as refused:
        engagerr.init(name, kind=kind)
    assert "ENGAGERR_HOME" in (refused.value.hint or "")
    assert refused.value.facts["workspace"] == "Northlight"
    assert superuser_connection.execute("SELECT count(*) FROM tenants").fetchone() == (1,)


@pytest.mark.parametrize(("name", "kind"), [("", "agency"), (" \t", "agency"), ("Northlight", "guild")])
def test_a_workspace_needs_a_name_and_a_known_kind(
    engagerr: Engagerr, home: Path, superuser_connection: Connection, name: str, kind: str
) -> None:
    with pytest.raises(InvalidInput):
        engagerr.init(name, kind=kind)
    assert superuser_connection.execute("SELECT count(*) FROM tenants").fetchone() == (0,)
    assert not (home / "session").exists()


def test_two_homes_on_one_database_never_meet(workspace: Workspace, other_workspace: Workspace) -> None:
    workspace.roster.add("Ann Lee")
    assert other_workspace.roster.list() == ()
    with pytest.raises(NotFound):
        other_workspace.roster.show("Ann Lee")


# ── Staying signed in ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_home_keeps_the_sign_in_for_nobody_else_to_read(home: Path, workspace: Workspace) -> None:
    assert (home / "session").stat().st_mode & 0o777 == 0o600
    assert (home / "workspace.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert json.loads((home / "workspace.json").read_text()) == {"tenant_id": str(workspace.tenant.id)}
    assert not list(home.glob(".new-*"))


def test_an_owner_who_lost_the_session_signs_in_to_the_same_workspace(
    engagerr: Engagerr, home: Path, workspace: Workspace
) -> None:
    lost = (home / "session").read_text()
    (home / "session").unlink()
    with pytest.raises(NotSignedIn):
        engagerr.workspace()
    again = engagerr.init("Northlight")
    assert (again.tenant, again.member) == (workspace.tenant, workspace.member)
    assert engagerr.workspace().tenant == workspace.tenant
    assert (home / "session").read_text() != lost
    assert again.verify_audit().entries == 3  # founded, first sign-in, sign-in


def test_an_ended_session_is_renewed_by_init(engagerr: Engagerr, clock: SteeredClock, workspace: Workspace) -> None:
    clock.advance(days=90)
    with pytest.raises(NotSignedIn):
        engagerr.workspace()
    assert engagerr.init("Northlight").tenant == workspace.tenant
    assert engagerr.workspace().tenant == workspace.tenant


def test_a_session_lasts_as_long_as_the_settings_say(clone: Clone, home: Path, clock: SteeredClock) -> None:
    with Engagerr(clone.settings(home, tenancy={"session_days": 2}), clock=clock) as engagerr:
        engagerr.init("Northlight")
        clock.advance(days=1, hours=23, minutes=59)
        engagerr.workspace()
        clock.advance(minutes=1)
        with pytest.raises(NotSignedIn):
            engagerr.workspace()


def test_init_with_an_email_signs_in_that_owner(engagerr: Engagerr, home: Path, workspace: Workspace) -> None:
    workspace.members.add("bea@northlight.example", role="owner")
    (home / "session").unlink()
    assert engagerr.init("Northlight", email="Bea@Northlight.example").member.email == "bea@northlight.example"


def test_a_home_whose_database_was_emptied_founds_anew(
    engagerr: Engagerr, workspace: Workspace, superuser_connection: Connection
) -> None:
    superuser_connection.execute("TRUNCATE tenants CASCADE")
    superuser_connection.execute("TRUNCATE audit_log, audit_heads")
    anew = engagerr.init("Northlight")
    assert anew.tenant.id != workspace.tenant.id


def test_a_token_in_the_environment_opens_its_workspace(
    engagerr: Engagerr, workspace: Workspace, other_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGAGERR_TOKEN", other_workspace.members.issue_token(name="nightly").token)
    assert engagerr.workspace().tenant == other_workspace.tenant


def test_nobody_is_signed_in_to_an_unused_home(engagerr: Engagerr) -> None:
    with pytest.raises(NotSignedIn) as refused:
        engagerr.workspace()
    assert "engagerr init" in (refused.value.hint or "")
    assert isinstance(refused.value, Forbidden)


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def everything(connection: Connection) -> dict[str, list[str]]:
    """Every row of every table as text."""
    tables = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    ).fetchall()
    return {
        table: sorted(row for (row,) in connection.execute(f'SELECT t::text FROM "{table}" AS t').fetchall())
        for (table,) in tables
    }


def test_no_token_stands_in_the_database(
    engagerr: Engagerr, home: Path, workspace: Workspace, superuser_connection: Connection
) -> None:
    issued = workspace.members.issue_token(name="nightly", days=3)
    tokens = [issued.token, (home / "session").read_text()]
    secrets = [token.rsplit("_", 1)[1] if token.count("_") == 3 else token[-43:] for token in tokens]
    stored = "\n".join(row for rows in everything(superuser_connection).values() for row in rows)
    assert "nightly" in stored  # the scan reaches the tokens' rows
    for token, secret in zip(tokens, secrets, strict=True):
        assert len(secret) >= 20
        for spelling in (token, secret, token.encode().hex(), secret.encode().hex(),
                         base64.b64encode(token.encode()).decode()):  # fmt: skip
            assert spelling not in stored
        assert engagerr.workspace(token).tenant == workspace.tenant
    assert repr(issued.token) not in repr(workspace.members.tokens())


def test_a_token_for_a_script_acts_as_its_member(engagerr: Engagerr, workspace: Workspace) -> None:
    workspace.members.add("vic@northlight.example", role="viewer", name="Vic")
    issued = workspace.members.issue_token(name="dashboard", member="VIC@northlight.example")
    assert issued.member == "Vic"
    assert issued.expires_at is None
    assert engagerr.workspace(issued.token).member.name == "Vic"


def test_an_expired_token_opens_nothing(engagerr: Engagerr, clock: SteeredClock, workspace: Workspace) -> None:
    token = workspace.members.issue_token(name="short", days=3).token
    clock.advance(days=3, microseconds=-1)
    engagerr.workspace(token)
    clock.advance(microseconds=1)
    with pytest.raises(NotSignedIn):
        engagerr.workspace(token)


def test_a_revoked_token_opens_nothing_and_others_still_do(engagerr: Engagerr, workspace: Workspace) -> None:
    token, kept = (workspace.members.issue_token(name=name).token for name in ("lost", "kept"))
    (row,) = [row for row in workspace.members.tokens() if row.name == "lost"]
    assert workspace.members.revoke_token(row.id).revoked_at is not None
    with pytest.raises(NotSignedIn):
        engagerr.workspace(token)
    engagerr.workspace(kept)
    first = workspace.members.revoke_token(row.id).revoked_at
    assert workspace.members.revoke_token(row.id).revoked_at == first


def test_a_removed_members_token_opens_nothing(engagerr: Engagerr, workspace: Workspace) -> None:
    workspace.members.add("vic@northlight.example")
    token = workspace.members.issue_token(name="theirs", member="vic@northlight.example").token
    engagerr.workspace(token)
    workspace.members.remove("vic@northlight.example")
    with pytest.raises(NotSignedIn):
        engagerr.workspace(token)


def test_a_token_cannot_be_revoked_from_another_workspace(
    engagerr: Engagerr, workspace: Workspace, other_workspace: Workspace
) -> None:
    token = workspace.members.issue_token(name="ours").token
    (row,) = [row for row in workspace.members.tokens() if row.name == "ours"]
    with pytest.raises(NotFound):
        other_workspace.members.revoke_token(row.id)
    with pytest.raises(NotFound):
        other_workspace.members.revoke_token(uuid4())
    engagerr.workspace(token)


def test_a_token_with_its_tenant_forged_opens_nothing(
    engagerr: Engagerr, workspace: Workspace, other_workspace: Workspace
) -> None:
    token = workspace.members.issue_token(name="ours").token
    secret = token.split("_", 3)[3]
    tenant = base64.b32encode(other_workspace.tenant.id.bytes).decode().rstrip("=").lower()
    for forged in (
        f"engagerr_a_{tenant}_{secret}",
        make_token(workspace.tenant.id, "api"),
        make_token(uuid4(), "session"),
        token.replace("engagerr_a_", "engagerr_s_"),
        token[:-1],
        token + "x",
        token.upper(),
    ):
        with pytest.raises(NotSignedIn):
            engagerr.workspace(forged)


def test_every_bad_token_gets_the_same_answer(engagerr: Engagerr, clock: SteeredClock, workspace: Workspace) -> None:
    expired = workspace.members.issue_token(name="short", days=1).token
    workspace.members.add("vic@northlight.example")
    removed = workspace.members.issue_token(name="theirs", member="vic@northlight.example").token
    workspace.members.remove("vic@northlight.example")
    clock.advance(days=1)
    answers = set()
    for token in (expired, removed, make_token(workspace.tenant.id, "api"), make_token(uuid4(), "api"), "nonsense"):
        with pytest.raises(NotSignedIn) as refused:
            engagerr.workspace(token)
        answers.add((refused.value.message, refused.value.hint, str(refused.value.facts)))
    assert len(answers) == 1


@given(
    token=st.one_of(
        st.text(min_size=1),
        st.text().map("engagerr_s_".__add__),
        st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567_", max_size=60).map("engagerr_a_".__add__),
        st.binary(min_size=16, max_size=16).map(lambda tenant: base64.b32encode(tenant).decode().rstrip("=").lower())
        .flatmap(lambda tenant: st.text(max_size=20).map(lambda end: f"engagerr_a_{tenant}_{end}")),
    )
)  # fmt: skip
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_that_is_no_token_opens_nothing(engagerr: Engagerr, token: str) -> None:
    with pytest.raises(NotSignedIn):
        engagerr.workspace(token)


def test_a_token_that_is_no_utf8_opens_nothing(engagerr: Engagerr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGERR_TOKEN", os.fsdecode(make_token(uuid4(), "api").encode() + b"\xff"))
    with pytest.raises(NotSignedIn):
        engagerr.workspace()


def test_an_empty_token_does_not_open_the_homes_own_workspace(engagerr: Engagerr, workspace: Workspace) -> None:
    """A caller whose token is missing must not act as the owner of the home."""
    with pytest.raises(NotSignedIn):
        engagerr.workspace("")
