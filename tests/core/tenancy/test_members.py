"""Members and their roles, and what each role may do, verb by verb."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from engagerr import Conflict, Engagerr, Forbidden, InvalidInput, Money, NotFound, Workspace
from engagerr.core.tenancy import PERMISSIONS, Permission, Role
from engagerr.core.tenancy.tokens import NotSignedIn
from tests.factories import an_account, an_edge, an_item, colleague, in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone

ANN, BEA = "ann@northlight.example", "bea@northlight.example"

# ── Members ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_members_are_listed_by_name(workspace: Workspace) -> None:
    added = workspace.members.add(BEA, role="finance", name="Bea")
    assert (added.name, added.email, added.role) == ("Bea", BEA, "finance")
    assert [(row.name, row.role) for row in workspace.members.list()] == [("Bea", "finance"), (ANN, "owner")]


def test_an_email_is_a_member_once_whatever_its_case(workspace: Workspace) -> None:
    workspace.members.add(BEA)
    with pytest.raises(Conflict, match="is a member already"):
        workspace.members.add("BEA@Northlight.Example")


def test_a_removed_member_can_come_back(workspace: Workspace, engagerr: Engagerr) -> None:
    workspace.members.add(BEA, role="manager")
    lost = workspace.members.issue_token(name="old", member=BEA).token
    workspace.members.remove(BEA)
    assert BEA not in [row.email for row in workspace.members.list()]
    assert workspace.members.add(BEA, role="viewer").role == "viewer"
    assert [row.role for row in workspace.members.list() if row.email == BEA] == ["viewer"]
    with pytest.raises(Forbidden):
        engagerr.workspace(lost)


def test_the_same_person_may_work_in_two_workspaces(workspace: Workspace, other_workspace: Workspace) -> None:
    assert workspace.members.add(BEA).id != other_workspace.members.add(BEA).id


def test_nonsense_is_refused_with_what_would_do(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="is not an email address"):
        workspace.members.add("bea")
    with pytest.raises(InvalidInput, match="'boss' is no role") as refused:
        workspace.members.add(BEA, role="boss")
    assert refused.value.hint == "One of: owner, manager, finance, analyst, viewer."
    for verb in (
        lambda: workspace.members.remove(BEA),
        lambda: workspace.members.set_role(BEA, role="viewer"),
        lambda: workspace.members.issue_token(name="x", member=BEA),
    ):
        with pytest.raises(NotFound, match=f"There is no member {BEA}"):
            verb()


def test_the_last_owner_stays_owner(workspace: Workspace) -> None:
    workspace.members.add(BEA, role="manager")
    for verb in (
        lambda: workspace.members.remove(ANN),
        lambda: workspace.members.set_role(ANN, role="manager"),
    ):
        with pytest.raises(Conflict, match="is the last owner of this workspace"):
            verb()
    assert workspace.members.set_role(ANN, role="owner").role == "owner"
    workspace.members.set_role(BEA, role="owner")
    assert workspace.members.set_role(ANN, role="viewer").role == "viewer"


def test_a_removed_owner_does_not_count_as_one(workspace: Workspace) -> None:
    workspace.members.add(BEA, role="owner")
    workspace.members.remove(BEA)
    with pytest.raises(Conflict, match="is the last owner"):
        workspace.members.remove(ANN)


def test_two_owners_who_demote_each_other_at_once_leave_one(workspace: Workspace, engagerr: Engagerr) -> None:
    workspace.members.add(BEA, role="owner")
    bea = engagerr.workspace(workspace.members.issue_token(name="hers", member=BEA).token)
    for _ in range(5):
        together = threading.Barrier(2)
        refusals: list[Exception] = []

        def demote(
            work: Workspace, email: str, together: threading.Barrier = together, refusals: list[Exception] = refusals
        ) -> None:
            together.wait(10)
            try:
                work.members.set_role(email, role="viewer")
            except (Conflict, Forbidden) as error:
                refusals.append(error)

        threads = [
            threading.Thread(target=demote, args=(workspace, BEA)),
            threading.Thread(target=demote, args=(bea, ANN)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(15)
        roles = {row.email: row.role for row in workspace.members.list()}
        assert sorted(roles.values()) == ["owner", "viewer"]
        assert len(refusals) == 1
        still, demoted = (workspace, BEA) if roles[ANN] == "owner" else (bea, ANN)
        still.members.set_role(demoted, role="owner")


def test_a_workspace_that_is_open_closes_for_a_member_who_is_removed(workspace: Workspace, engagerr: Engagerr) -> None:
    workspace.members.add(BEA, role="manager")
    bea = engagerr.workspace(workspace.members.issue_token(name="hers", member=BEA).token)
    bea.roster.add("Ann Lee")
    workspace.members.remove(BEA)
    for verb in (bea.roster.list, bea.members.list, bea.verify_audit, bea.content.list, bea.metrics.report):
        with pytest.raises(NotSignedIn):
            verb()


def test_a_workspace_that_is_open_follows_its_members_new_role(workspace: Workspace, engagerr: Engagerr) -> None:
    workspace.members.add(BEA, role="manager")
    workspace.roster.add("Ann Lee")
    workspace.roster.set_terms("Ann Lee", commission_rate=Decimal("0.15"), exclusive=True)
    bea = engagerr.workspace(workspace.members.issue_token(name="hers", member=BEA).token)
    assert bea.roster.show("Ann Lee").terms
    workspace.members.set_role(BEA, role="viewer")
    with pytest.raises(Forbidden):
        bea.roster.add("Ben Ode")
    with pytest.raises(Forbidden):
        bea.verify_audit()
    assert bea.roster.show("Ann Lee").terms is None


def test_a_workspace_that_is_open_closes_with_its_token(
    workspace: Workspace, engagerr: Engagerr, clock: SteeredClock
) -> None:
    revoked, ended, session = (
        engagerr.workspace(workspace.members.issue_token(name=name, days=days).token)
        for name, days in (("revoked", None), ("ended", 1), ("kept", None))
    )
    (row,) = [row for row in workspace.members.tokens() if row.name == "revoked"]
    workspace.members.revoke_token(row.id)
    clock.advance(days=1)
    for closed in (revoked, ended):
        with pytest.raises(NotSignedIn):
            closed.roster.list()
    assert session.roster.list() == ()


# ── Roles ───────────────────────────────────────────────────────────────────────────────────────────────────────────

Verb = Callable[[Workspace, Path], object]

VERBS: dict[str, tuple[Permission, Verb]] = {
    "members.list": (Permission.READ, lambda work, _: work.members.list()),
    "members.add": (Permission.MANAGE_MEMBERS, lambda work, _: work.members.add(f"{uuid4().hex}@n.example")),
    "members.set_role": (Permission.MANAGE_MEMBERS, lambda work, _: work.members.set_role(BEA, role="analyst")),
    "members.remove": (Permission.MANAGE_MEMBERS, lambda work, _: work.members.remove("nobody@n.example")),
    "members.tokens": (Permission.MANAGE_MEMBERS, lambda work, _: work.members.tokens()),
    "members.issue_token": (Permission.MANAGE_MEMBERS, lambda work, _: work.members.issue_token(name="x")),
    "members.revoke_token": (Permission.MANAGE_MEMBERS, lambda work, _: work.members.revoke_token(uuid4())),
    "roster.list": (Permission.READ, lambda work, _: work.roster.list()),
    "roster.show": (Permission.READ, lambda work, _: work.roster.show("Ann Lee")),
    "roster.accounts": (Permission.READ, lambda work, _: work.roster.accounts()),
    "roster.add": (Permission.EDIT_ROSTER, lambda work, _: work.roster.add(uuid4().hex)),
    "roster.edit": (Permission.EDIT_ROSTER, lambda work, _: work.roster.edit("Ann Lee", bio="x")),
    "roster.add_account": (Permission.EDIT_ROSTER, lambda work, _: work.roster.add_account("Ann Lee", "x:ann")),
    "roster.set_terms": (
        Permission.EDIT_TERMS,
        lambda work, _: work.roster.set_terms("Ben Ode", commission_rate=Decimal("0.1"), exclusive=False),
    ),
    "roster.end_terms": (
        Permission.EDIT_TERMS,
        lambda work, _: work.roster.end_terms("Ann Lee", on=datetime.date(2026, 1, 1)),
    ),
    "roster.set_rate": (
        Permission.EDIT_TERMS,
        lambda work, _: work.roster.set_rate("Ann Lee", deliverable="reel", amount=Money(100, "EUR")),
    ),
    "ingestion.import_file": (Permission.IMPORT, lambda work, path: work.ingestion.import_file(path)),
    "content.list": (Permission.READ, lambda work, _: work.content.list()),
    "content.edges": (Permission.READ, lambda work, _: work.content.edges()),
    "content.decisions": (Permission.READ, lambda work, _: work.content.decisions()),
    "content.families": (Permission.READ, lambda work, _: work.content.families()),
    "content.tree": (Permission.READ, lambda work, _: work.content.tree("youtube:a")),
    "content.suggest": (Permission.DECIDE_CONTENT, lambda work, _: work.content.suggest()),
    "content.confirm": (Permission.DECIDE_CONTENT, lambda work, _: work.content.confirm(str(uuid4()))),
    "content.reject": (Permission.DECIDE_CONTENT, lambda work, _: work.content.reject(str(uuid4()))),
    "content.link": (
        Permission.DECIDE_CONTENT,
        lambda work, _: work.content.link("youtube:a", "youtube:b", relation="clip_of"),
    ),
    "content.unlink": (Permission.DECIDE_CONTENT, lambda work, _: work.content.unlink("youtube:c")),
    "content.undo": (Permission.DECIDE_CONTENT, lambda work, _: work.content.undo()),
    "health.report": (Permission.READ, lambda work, _: work.health.report()),
    "verify_audit": (Permission.READ_AUDIT, lambda work, _: work.verify_audit()),
}


@pytest.fixture
def peopled(workspace: Workspace, clone: Clone) -> Workspace:
    workspace.members.add(BEA)
    for name in ("Ann Lee", "Ben Ode"):
        workspace.roster.add(name)
    workspace.roster.add_account("Ann Lee", "tiktok:@annlee")
    with clone.connect() as connection, in_tenant(connection, workspace.tenant.id):
        account = an_account(connection, workspace.tenant.id)["id"]
        items = {
            name: an_item(connection, workspace.tenant.id, account_id=account, native_id=name)["id"] for name in "abcd"
        }
        an_edge(connection, workspace.tenant.id, items["c"], items["d"])
    return workspace


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    """A post of an account that is known: it brings nobody new."""
    path = tmp_path / "items.jsonl"
    path.write_text(
        '{"type": "item", "creator": "Ann Lee", "platform": "tiktok", "account": "@annlee", "native_id": "73000"}\n'
    )
    return path


@pytest.mark.parametrize(("role", "may"), [("manager", True), ("analyst", False)])
def test_a_file_that_brings_creators_needs_the_right_to_edit_the_roster(
    peopled: Workspace, engagerr: Engagerr, tmp_path: Path, role: str, may: bool
) -> None:
    path = tmp_path / "creators.jsonl"
    path.write_text('{"type": "creator", "name": "Cleo Marsh"}\n')
    work = colleague(peopled, engagerr, role)
    if may:
        work.ingestion.import_file(path)
    else:
        with pytest.raises(Forbidden, match="edit the roster"):
            work.ingestion.import_file(path)
    assert ("Cleo Marsh" in [row.name for row in peopled.roster.list()]) is may


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_its_permissions_say_and_nothing_else(
    peopled: Workspace, engagerr: Engagerr, jsonl: Path, role: Role
) -> None:
    work = colleague(peopled, engagerr, role)
    refused = set()
    for name, (_, verb) in VERBS.items():
        try:
            verb(work, jsonl)
        except Forbidden:
            refused.add(name)
        except (NotFound, InvalidInput, Conflict):
            pass  # allowed to try
    assert refused == {name for name, (needed, _) in VERBS.items() if needed not in PERMISSIONS[role]}


def test_a_refused_verb_changes_nothing(peopled: Workspace, engagerr: Engagerr, jsonl: Path) -> None:
    viewer = colleague(peopled, engagerr, "viewer")
    entries = peopled.verify_audit().entries
    before = (peopled.roster.list(), peopled.content.edges(), peopled.members.list())
    for _, verb in VERBS.values():
        try:
            verb(viewer, jsonl)
        except (Forbidden, InvalidInput, NotFound):
            continue
    assert (peopled.roster.list(), peopled.content.edges(), peopled.members.list()) == before
    assert peopled.verify_audit().entries == entries


def test_what_each_role_may_do() -> None:
    """The table itself, so that a change to it is meant."""
    manager = {
        "READ", "READ_TERMS", "IMPORT", "SYNC", "CONNECT", "SCHEDULE", "EDIT_ROSTER", "EDIT_TERMS", "DECIDE_CONTENT",
        "USE_AI", "SET_AI_POLICY", "EDIT_BRIEFS", "TRADE", "READ_AUDIT", "READ_DEALS", "EDIT_DEALS", "SIGN_CONTRACTS",
        "APPROVE_DELIVERY", "READ_MONEY", "FUND", "APPROVE_RELEASE", "RELEASE", "SET_PAYMENTS",
    }  # fmt: skip
    assert {role: {permission.name for permission in held} for role, held in PERMISSIONS.items()} == {
        "owner": {*manager, "MANAGE_MEMBERS"},
        "manager": manager,
        "finance": {
            "READ", "READ_TERMS", "EDIT_TERMS", "READ_AUDIT", "READ_DEALS", "READ_MONEY", "FUND", "APPROVE_RELEASE",
            "RELEASE", "SET_PAYMENTS",
        },
        "analyst": {
            "READ", "IMPORT", "SYNC", "DECIDE_CONTENT", "READ_TERMS", "USE_AI", "EDIT_BRIEFS", "READ_DEALS",
        },
        "viewer": {"READ"},
    }  # fmt: skip


def test_a_refusal_names_who_could(peopled: Workspace, engagerr: Engagerr) -> None:
    with pytest.raises(Forbidden, match="As viewer you may not edit terms and rates") as refused:
        colleague(peopled, engagerr, "viewer").roster.set_rate("Ann Lee", deliverable="reel", amount=Money(1, "EUR"))
    assert refused.value.hint == "Ask somebody who is owner, manager, finance."


@pytest.mark.parametrize("role", Role)
def test_only_who_may_see_terms_and_rates_sees_them(peopled: Workspace, engagerr: Engagerr, role: Role) -> None:
    peopled.roster.set_terms("Ann Lee", commission_rate=Decimal("0.15"), exclusive=True)
    peopled.roster.set_rate("Ann Lee", deliverable="reel", amount=Money(100, "EUR"))
    page = colleague(peopled, engagerr, role).roster.show("Ann Lee")
    if role is Role.VIEWER:
        assert page.terms is None
        assert page.rates is None
    else:
        assert len(page.terms or ()) == len(page.rates or ()) == 1


def test_what_a_member_did_carries_their_name_in_the_log(peopled: Workspace, engagerr: Engagerr, clone: Clone) -> None:
    work = colleague(peopled, engagerr, "manager")
    work.roster.add("Dora Finch")
    with clone.connect() as connection, in_tenant(connection, peopled.tenant.id):
        last = connection.execute("SELECT action, member_id FROM audit_log ORDER BY sequence DESC LIMIT 1").fetchone()
    assert last == ("creator.added", work.member.id)
