"""What outsiders try: the other side of a deal and strangers, straight at the database and through the verbs; and what
both sides of a deal want from held money, of which silence is the last resort."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.db.schema import metadata
from engagerr.core.deals.delivery.deliverable_rounds import NoStep
from engagerr.core.deals.offering.drafting import LineEdit, TermsEdit
from engagerr.core.deals.pipeline.deals import Changes
from engagerr.core.errors import Broken, Conflict, EngagerrError, InvalidInput, NotFound
from engagerr.core.payments.provider import webhook_server
from engagerr.core.payments.sandbox import KEY, Server
from engagerr.core.tenancy import Permission
from sqlalchemy import text
from tests.core.deals.contract_cases import ANN, a_draft, a_signed
from tests.core.deals.parties import TITLE, a_creator
from tests.core.deals.parties import a_deal as a_trail_deal
from tests.core.deals.signed_deals import PAID_WHEN_APPROVED, SignedDeal, a_signed_deal
from tests.core.payments.conftest import Hands, control, engagerr, gateway, money, sandbox, settings  # noqa: F401
from tests.factories import in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Connection
from tests.lines import an_item, bring

DRAFT = "https://drafts.example/1"


@pytest.fixture
def brand(tmp_path: Path, clone: Clone, clock: SteeredClock) -> Iterator[Workspace]:
    """Alpenpfad, a brand with a workspace of its own."""
    with Engagerr(clone.settings(tmp_path / "brand-home"), clock=clock) as engagerr:  # noqa: F811
        yield engagerr.init("Alpenpfad", kind="brand", email="mara@alpenpfad.example")


def piece_of(deal: SignedDeal, name: str = "D1") -> Any:
    return next(one for one in deal.work.deliverables.list(deal.title) if one.name == name)


def hold_of(deal: SignedDeal, ref: str = "M1") -> Any:
    [one] = [milestone.hold for milestone in deal.work.deliverables.milestones(deal.title) if milestone.ref == ref]
    return one


def funded(money: Hands, **changes: Any) -> SignedDeal:  # noqa: F811
    deal = a_signed_deal(money.work, **changes)
    money.work.payments.holds.fund(hold_of(deal).id, method="pm_card_visa")
    return deal


# ── Silence ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_silence_approves_and_only_publication_lets_the_money_go(
    money: Hands,  # noqa: F811
    clock: SteeredClock,
    tmp_path: Path,
) -> None:
    deal = funded(money)
    work, holds = deal.work.deliverables, deal.work.payments.holds
    work.submit(piece_of(deal).id, link=DRAFT)
    clock.advance(days=6)
    assert work.recheck().approved_by_silence == 0
    clock.advance(days=1)
    assert holds.release_due() == ()
    assert work.recheck().approved_by_silence == 1
    assert (piece_of(deal).state, work.show(piece_of(deal).id).steps[-1].actor) == ("approved", "silence")
    with pytest.raises(NoStep):
        work.request_changes(piece_of(deal).id, note="Too late.")
    clock.advance(days=30)
    assert holds.release_due() == ()

    bring(deal.work, tmp_path, an_item("youtube:1", creator=None, account="@ann", body="Shoes"))
    work.live(piece_of(deal).id, "youtube:1")
    assert [block.kind for block in hold_of(deal).blocks] == ["disclosure"]
    assert holds.release_due() == ()
    work.override(piece_of(deal).id, reason="said in the first seconds")
    assert len(holds.release_due()) == 1
    assert hold_of(deal).released == hold_of(deal).agreed


def test_a_brand_with_a_workspace_is_taken_at_its_silence_no_sooner_than_agreed(
    money: Hands,  # noqa: F811
    other_workspace: Workspace,
    clock: SteeredClock,
) -> None:
    deal = funded(money, brand=other_workspace)
    deal.work.deliverables.submit(piece_of(deal).id, link=DRAFT)
    clock.advance(days=6)
    with pytest.raises(Conflict, match="other side to say"):
        deal.work.deliverables.approve(piece_of(deal).id)
    clock.advance(days=1)
    assert deal.work.deliverables.recheck().approved_by_silence == 1
    assert other_workspace.deliverables.show(piece_of(deal).id).row.state == "approved"


def test_the_database_refuses_a_release_by_silence_of_what_is_not_live(
    money: Hands,  # noqa: F811
    clock: SteeredClock,
) -> None:
    deal = funded(money)
    deal.work.deliverables.submit(piece_of(deal).id, link=DRAFT)
    clock.advance(days=8)
    with pytest.raises(Broken) as refused, deal.work.access.transaction(Permission.RELEASE) as session:
        session.execute(
            text(
                "INSERT INTO hold_movements (tenant_id, hold_id, kind, key, amount_minor, needs_second, requested_at)"
                " VALUES (:tenant_id, :hold_id, 'release', 'forged', 1, false, :now)"
            ),
            {"tenant_id": deal.work.tenant.id, "hold_id": hold_of(deal).id, "now": clock.now()},
        )
    assert refused.value.facts["constraint"] == "hold_movements_live_check"


def test_a_contract_that_pays_for_what_is_approved_is_released_before_publication(
    money: Hands,  # noqa: F811
    clock: SteeredClock,
) -> None:
    deal = funded(money, milestones=PAID_WHEN_APPROVED)
    deal.work.deliverables.submit(piece_of(deal).id, link=DRAFT)
    clock.advance(days=7)
    assert len(deal.work.payments.holds.release_due()) == 1


def test_what_a_person_releases_is_theirs_to_decide(money: Hands) -> None:  # noqa: F811
    deal = funded(money)
    moved = deal.work.payments.holds.release(hold_of(deal).id, reason="the brand asked us to")
    assert moved.hold.held.minor == 0


# ── What each side reads and writes ─────────────────────────────────────────────────────────────────────────────────

SHARED = {
    "deals", "deal_steps", "deal_creators", "proposals", "contracts", "contract_versions", "contract_signatures",
    "contract_files", "deal_milestones", "deal_deliverables", "deliverable_steps", "deliverable_checks",
}  # fmt: skip
OURS = "zzours"


def busy(money: Hands, brand: Workspace, tmp_path: Path) -> SignedDeal:  # noqa: F811
    """A deal with money in it, a block, an override, an amendment that is being drafted, another deal: all marked."""
    deal = funded(money, brand=brand)
    work, piece = deal.work.deliverables, piece_of(deal)
    work.submit(piece.id, link=DRAFT)
    brand.deliverables.approve(piece.id)
    bring(deal.work, tmp_path, an_item("youtube:1", creator=None, account="@ann", body="Shoes"))
    work.live(piece.id, "youtube:1")
    work.override(piece.id, reason=f"{OURS}: they know")
    deal.work.payments.holds.block(hold_of(deal).id, reason=f"{OURS}: not yet")
    a_draft(deal.work, f"{OURS} deal")
    with deal.work.access.transaction(Permission.EDIT_DEALS) as session:
        session.execute(
            text(
                "INSERT INTO contract_versions (tenant_id, contract_id, version, terms, terms_hash, reason, created_at)"
                " SELECT tenant_id, contract_id, 2, terms, terms_hash, :ours, created_at FROM contract_versions"
                " WHERE contract_id = :contract"
            ),
            {"ours": OURS, "contract": deal.contract_id},
        )
    return deal


def readable(connection: Connection, tenant_id: Any) -> dict[str, list[str]]:
    """Rows of other tenants that this one can read, as text, by table."""
    found = {}
    with in_tenant(connection, tenant_id):
        for name, table in metadata.tables.items():
            if "tenant_id" in table.columns and name not in {"market_listings", "market_briefs"}:
                rows = connection.execute(f'SELECT t::text FROM "{name}" AS t WHERE tenant_id <> %s', [tenant_id])
                found[name] = [row[0] for row in rows]
    return {name: rows for name, rows in found.items() if rows}


def test_of_a_deal_with_money_in_it_the_other_side_reads_what_is_shared_and_strangers_nothing(
    money: Hands,  # noqa: F811
    other_workspace: Workspace,
    brand: Workspace,
    app_connection: Connection,
    tmp_path: Path,
) -> None:
    busy(money, brand, tmp_path)
    theirs = readable(app_connection, brand.tenant.id)
    assert set(theirs) == SHARED - {"proposals", "contract_files", "deal_creators"}
    assert not [row for rows in theirs.values() for row in rows if OURS in row]
    assert len(theirs["contract_versions"]) == 1
    assert readable(app_connection, other_workspace.tenant.id) == {}


_STEP = (
    "INSERT INTO deliverable_steps (tenant_id, deal_id, deliverable_id, sequence, from_state, to_state, side,"
    " actor_tenant_id, actor, round, note, item_id, at)"
    " SELECT tenant_id, deal_id, id, 0, '', '{}', 'agency', tenant_id, 'Ann', 0, 'x', item_id,"
    " now() + interval '1 year' FROM deal_deliverables"
)
FORBIDDEN = [
    *(_STEP.format(to) for to in ("submitted", "live", "checked", "cancelled")),
    "INSERT INTO contract_versions (tenant_id, contract_id, version, terms, terms_hash, created_at)"
    " SELECT tenant_id, contract_id, 9, terms, terms_hash, now() FROM contract_versions",
    "UPDATE contract_versions SET state = 'withdrawn'",
    "UPDATE contract_versions SET reason = 'x'",
    "INSERT INTO contract_files (tenant_id, version_id, kind, sha256, content, at)"
    " SELECT tenant_id, id, 'sealed', sha256('x'), 'x', now() FROM contract_versions",
    "INSERT INTO contract_exclusivities (tenant_id, version_id, kind, brand, creators, category, territory, during,"
    " slot) SELECT tenant_id, id, 'exclusive', 'x', '(,)', '(,)', '(,)', '(,)', '(,)' FROM contract_versions",
    "INSERT INTO contract_invitations (tenant_id, version_id, email, code_hash, made_at, expires_at)"
    " SELECT tenant_id, id, 'x@x.example', sha256('x'), now(), now() + interval '1 day' FROM contract_versions",
    "UPDATE deal_milestones SET amount_minor = 1",
    "UPDATE deal_milestones SET state = 'approved'",
    "UPDATE deal_deliverables SET revisions_allowed = NULL",
    "INSERT INTO deliverable_checks (tenant_id, deal_id, deliverable_id, run_id, item_id, item, way, regime, verdict,"
    " why, text_hash, checked_at) SELECT tenant_id, deal_id, id, engagerr_new_id(), item_id, 'x', 'own', 'x',"
    " 'disclosed', 'x', sha256('x'), now() FROM deal_deliverables",
    "INSERT INTO deliverable_overrides (tenant_id, deliverable_id, item_id, text_hash, reason, member_id, at)"
    " SELECT tenant_id, id, item_id, sha256('x'), 'x', engagerr_new_id(), now() FROM deal_deliverables",
    "INSERT INTO hold_blocks (tenant_id, hold_id, kind, reason, opened_at)"
    " SELECT tenant_id, hold_id, 'manual', 'x', now() FROM deal_milestones",
    "INSERT INTO hold_movements (tenant_id, hold_id, kind, key, amount_minor, needs_second, requested_at)"
    " SELECT tenant_id, hold_id, 'release', 'x', 1, false, now() FROM deal_milestones",
    "UPDATE holds SET auto_release_at = now()",
    "UPDATE hold_blocks SET lifted_at = now()",
    "UPDATE deals SET stage = 'paid', stage_reason = 'x'",
    "UPDATE deals SET stage = 'cancelled', stage_reason = 'x'",
    "SELECT engagerr_claim_exclusivity(v) FROM contract_versions AS v",
    "SELECT engagerr_free_exclusivity(v) FROM contract_versions AS v",
]


_BY_RIGHT = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.CheckViolation,
    psycopg.errors.ForeignKeyViolation,
)


@pytest.mark.parametrize("attacker", ["brand", "stranger"])
def test_nobody_but_the_keeper_moves_work_money_and_terms_straight_at_the_database(
    money: Hands, other_workspace: Workspace, brand: Workspace, app_connection: Connection,  # noqa: F811
    superuser_connection: Connection, tmp_path: Path, attacker: str,
) -> None:  # fmt: skip
    busy(money, brand, tmp_path)
    tables = [name for name in metadata.tables if name.startswith(("deal", "contract", "hold", "ledger"))]

    def state() -> list[str]:
        return [
            row[0] for name in tables
            for row in superuser_connection.execute(f'SELECT t::text FROM "{name}" AS t ORDER BY 1')
        ]  # fmt: skip

    before = state()
    me = brand if attacker == "brand" else other_workspace
    for attack in FORBIDDEN:
        changed, refused = 0, None
        try:
            with in_tenant(app_connection, me.tenant.id):
                changed = app_connection.execute(attack).rowcount
        except psycopg.Error as error:
            refused = error
        assert not changed, attack
        # Refused as an attack, and not as a slip of the pen.
        assert refused is None or isinstance(refused, _BY_RIGHT), (attack, refused)
        assert OURS not in str(refused), attack
    assert state() == before


def test_a_code_of_one_contract_opens_no_other(workspace: Workspace) -> None:
    first, second = a_draft(workspace, "One"), a_draft(workspace, "Two")
    code = workspace.contracts.send(first).code
    workspace.contracts.send(second)
    assert code is not None
    with pytest.raises(EngagerrError, match="is not the one that was sent"):
        workspace.contracts.sign(second, ANN, code=code.code)


def test_a_file_of_anybodys_is_a_verdict_and_never_a_crash(workspace: Workspace, tmp_path: Path) -> None:
    contract, _ = a_signed(workspace)
    paper = workspace.contracts.paper(contract).content
    # The algorithm of the digest, which no library knows any more.
    at = paper.rfind(b"/Contents <")
    digest = b"0609608648016503040201"
    assert digest in paper[at:]
    unknown = paper[:at] + paper[at:].replace(digest, b"060960864801" + b"6d03040201")
    for content in (unknown, b"", b"%PDF-1.7", paper[:-20], paper[: len(paper) // 2]):
        file = tmp_path / "theirs.pdf"
        file.write_bytes(content)
        assert not workspace.contracts.verify(contract, file=file).intact


def test_no_file_is_read_without_end(workspace: Workspace) -> None:
    contract, _ = a_signed(workspace)
    with pytest.raises(InvalidInput, match="larger than 32 megabytes"):
        workspace.contracts.verify(contract, file=Path("/dev/zero"))
    with pytest.raises(InvalidInput, match="larger than 32 megabytes"):
        workspace.contracts.use_certificate(Path("/dev/zero"))


# ── The receiver of webhooks ────────────────────────────────────────────────────────────────────────────────────────


def test_callers_that_never_finish_are_hung_up_on_and_do_not_keep_others_out(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_server, "_CALL_SECONDS", 0.5)
    monkeypatch.setattr(webhook_server, "_MOST_CALLS", 3)
    with webhook_server.WebhookServer(workspace.payments.events) as server, contextlib.ExitStack() as calls:
        here = ("127.0.0.1", server.port)
        slow = [calls.enter_context(socket.create_connection(here, timeout=20)) for _ in range(3)]
        for call in slow:
            call.sendall(b"POST /webhook HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        with socket.create_connection(here, timeout=5) as turned_away, contextlib.suppress(ConnectionError):
            assert turned_away.recv(100) == b""
        for call in slow:
            with contextlib.suppress(ConnectionError):
                while call.recv(1000):
                    pass
        assert httpx.get(server.url.replace("/webhook", "/health"), timeout=20).text == "up"
        assert not server.counts["new"]


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mark", ["\x00", "\x1b[31m", "\x9b", "\u202e", "\u2066", "\udcff", "\u2028"])
def test_words_that_hide_turn_or_steer_what_is_read_are_refused_when_they_come_in(
    workspace: Workspace, mark: str
) -> None:
    a_trail_deal(workspace, creators=(a_creator(workspace),))
    workspace.proposals.draft(TITLE)
    words, proposals = f"a{mark}b", workspace.proposals
    attempts: list[Callable[[], object]] = [
        lambda: a_trail_deal(workspace, words),
        lambda: a_trail_deal(workspace, "Other", brand=words),
        lambda: a_trail_deal(workspace, "Other", brand_email=f"{words}@brand.example"),
        lambda: a_trail_deal(workspace, "Other", note=words),
        lambda: workspace.deals.edit(TITLE, Changes(title=words)),
        lambda: workspace.deals.cancel(TITLE, reason=words),
        lambda: proposals.set_terms(TITLE, TermsEdit(notes=words)),
        lambda: proposals.set_terms(TITLE, TermsEdit(message=words)),
        lambda: proposals.set_line(TITLE, "1", LineEdit(note=words)),
        lambda: proposals.set_limits(TITLE, note=words),
        lambda: proposals.send(TITLE, message=words),
        lambda: proposals.send(TITLE, message="x" * 5_000),
    ]
    for number, attempt in enumerate(attempts):
        # A separator of lines in a title is one space, as any other blank is.
        if mark == "\u2028" and number in (0, 1, 4):
            continue
        with pytest.raises(InvalidInput):
            attempt()
    with pytest.raises((InvalidInput, NotFound)):
        workspace.deals.show(words)
    assert [one.version for one in proposals.list(TITLE)] == [None]  # the draft, as it was
    assert [row.row.title for row in workspace.deals.list()] == [TITLE]


def test_names_and_emoji_that_are_joined_are_words(workspace: Workspace) -> None:
    assert a_trail_deal(workspace, "می‌خواهم 👩‍🍳").row.title == "می‌خواهم 👩‍🍳"


def test_the_sandbox_answers_nobody_who_calls_it_by_another_name_and_takes_no_live_key(sandbox: Server) -> None:  # noqa: F811
    def status(key: str, **headers: str) -> int:
        headers["Authorization"] = f"Bearer {key}"
        return httpx.get(f"{sandbox.url}/v1/balance", headers=headers).status_code

    assert status(KEY) == 200
    assert status(KEY, Host=f"localhost:{sandbox.url.rpartition(':')[2]}") == 200
    assert status(KEY, Host="rebound.example") == 421
    assert status(KEY, Host="rebound.example:80") == 421
    assert status("sk_live_" + "x" * 24) == 401


def test_when_both_had_signed_is_not_rewritten(workspace: Workspace, app_connection: Connection) -> None:
    a_signed(workspace)
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="stands as it is"),
        in_tenant(app_connection, workspace.tenant.id),
    ):
        app_connection.execute("UPDATE contract_versions SET signed_at = signed_at - interval '1 day'")
