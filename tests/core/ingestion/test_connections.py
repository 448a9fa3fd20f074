"""Connecting accounts: whose they become, what is kept of them, how their tokens are renewed, and letting go."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from engagerr import Engagerr, Settings, Workspace
from engagerr.core.errors import Conflict, EngagerrError, Forbidden, InvalidInput, NotFound
from engagerr.core.ingestion.accounts import OtherCreator, UnknownAccount
from engagerr.core.ingestion.connections import ConnectionRow
from engagerr.core.ingestion.opened_accounts import NotThatAccount, SeveralAccounts
from engagerr.core.integrations.connector import Connector, OAuth2, Scope
from engagerr.core.integrations.faults import GrantLost, NotThere, PlatformUnavailable
from engagerr.core.integrations.grants import AppMissing, GrantBook, NotConnected, store_grant
from engagerr.core.integrations.token_source import TokenSource
from engagerr.core.integrations.tokens import Tokens
from engagerr.core.tenancy.vault import Vault, VaultKeyMissing
from tests.fakes.authorisation_server import CLIENT_ID, CLIENT_SECRET, AuthorisationServer
from tests.fakes.clock import START, SteeredClock
from tests.fakes.cluster import Clone, Connection
from tests.fakes.platforms.fake_platform import FakePlatform, all_fakes
from tests.fakes.sample_connector import APP_ONLY, AUTH, CONNECTOR, FEED, with_auth

HERE = "http://127.0.0.1:8421/"
APPS = {name: {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET} for name in ("sample", "apponly")}
CONNECTORS = {connector.name: connector for connector in (APP_ONLY, FEED, CONNECTOR)}


@pytest.fixture
def server(clock: SteeredClock) -> AuthorisationServer:
    return AuthorisationServer(clock)


@pytest.fixture
def settings(home: Path, clone: Clone) -> Settings:
    return clone.settings(home, platforms=APPS)


@pytest.fixture
def engagerr(settings: Settings, clock: SteeredClock, server: AuthorisationServer) -> Iterator[Engagerr]:
    with Engagerr(settings, clock=clock, connectors=dict(CONNECTORS), transport=server.transport()) as engagerr:
        yield engagerr


def sign_in(work: Workspace, server: AuthorisationServer, **whose: str | None) -> ConnectionRow:
    pending = work.platforms.begin("sample", redirect_uri=HERE)
    return work.platforms.finish(pending, server.visit(pending.url), **whose)  # type: ignore[arg-type]


def tokens_for(engagerr: Engagerr, work: Workspace, account_id: UUID, connector: Connector = CONNECTOR) -> TokenSource:
    book = GrantBook(engagerr.database, tenant_id=work.tenant.id, settings=engagerr.settings, http=engagerr.http)
    return book.open_grant(account_id, connector)


def events(superuser_connection: Connection) -> list[tuple[str, dict[str, object]]]:
    rows = superuser_connection.execute("SELECT kind, detail FROM events WHERE kind LIKE 'grant%' ORDER BY id")
    return [(row[0], row[1]) for row in rows]


# ── what can be connected ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_says_what_each_platform_brings_and_what_is_to_be_done_first(
    workspace: Workspace, home: Path, clone: Clone, clock: SteeredClock
) -> None:
    apponly, feed, sample = workspace.platforms.list()
    assert [row.sign_in for row in (apponly, feed, sample)] == ["app", "none", "account"]
    assert (sample.app, sample.to_do, sample.device) == (True, None, True)
    assert [scope.words for scope in sample.scopes] == [
        "see your videos and their public figures", "see your audience and watch time",
    ]  # fmt: skip
    [stream] = sample.streams
    assert (stream.yields, stream.every_hours, stream.look_back_days) == ("followers", 12, 90)
    with Engagerr(clone.settings(home), clock=clock, connectors=CONNECTORS) as bare:
        row = bare.workspace().platforms.show("sample")
        assert not row.app
        assert "ENGAGERR_PLATFORMS__SAMPLE__CLIENT_ID" in (row.to_do or "")
        assert "developers.sample.example" in (row.to_do or "")
        with pytest.raises(AppMissing):
            bare.workspace().platforms.begin("sample", redirect_uri=HERE)
        assert bare.workspace().platforms.show("feed").to_do is None


# ── connecting ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sign_in_connects_the_account_it_opens_and_makes_it_where_told_whose_it_is(
    workspace: Workspace, server: AuthorisationServer, superuser_connection: Connection
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    assert (row.account, row.creator, row.connector, row.state) == ("sample:@annlee", "Ann Lee", "sample", "active")
    assert row.scopes == ("videos.read", "insights.read")
    assert row.withheld == ()
    assert (row.connected_at, row.expires_at) == (START, START + timedelta(hours=1))
    assert workspace.platforms.connections() == (row,)
    [account] = workspace.roster.accounts()
    assert (account.native_id, account.name) == ("c-1", "Ann Lee")
    assert events(superuser_connection) == [("grant.connected", {"connector": "sample"})]
    assert workspace.verify_audit().intact


def test_the_tokens_are_nowhere_in_the_clear(
    workspace: Workspace, server: AuthorisationServer, superuser_connection: Connection, clone: Clone, home: Path
) -> None:
    sign_in(workspace, server, creator="Ann Lee")
    tables = superuser_connection.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    for (table,) in tables:
        [(text,)] = superuser_connection.execute(
            f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} AS t"  # bytea reads as hex
        ).fetchall()
        assert "sekret" not in text, table
        assert b"sekret".hex() not in text, table
    assert not [path for path in home.rglob("*") if path.is_file() and b"sekret" in path.read_bytes()]


def test_an_account_of_the_roster_is_found_by_its_id_or_its_handle(
    workspace: Workspace, server: AuthorisationServer
) -> None:
    workspace.roster.add("Ann Lee")
    held = workspace.roster.add_account("Ann Lee", "sample:@formerly", native_id="c-1")
    row = sign_in(workspace, server)
    assert (row.account_id, row.account) == (held.id, "sample:@formerly")
    server.accounts = [{"id": "c-2", "handle": "AnnTwo"}]
    other = workspace.roster.add_account("Ann Lee", "sample:@anntwo")
    assert sign_in(workspace, server).account_id == other.id
    assert {account.native_id for account in workspace.roster.accounts()} == {"c-1", "c-2"}


def test_a_stand_in_is_called_by_its_name_from_then_on(
    workspace: Workspace, server: AuthorisationServer, superuser_connection: Connection
) -> None:
    workspace.roster.add("Ann Lee")
    held = workspace.roster.add_account("Ann Lee", "sample:ann-lee?")
    superuser_connection.execute("UPDATE accounts SET provisional = true")
    row = sign_in(workspace, server, creator="ann lee")
    assert (row.account_id, row.account) == (held.id, "sample:@annlee")
    assert not workspace.roster.accounts()[0].provisional


def test_an_unknown_account_can_be_given_to_somebody_without_signing_in_again(
    workspace: Workspace, server: AuthorisationServer
) -> None:
    pending = workspace.platforms.begin("sample", redirect_uri=HERE)
    came = server.visit(pending.url)
    with pytest.raises(UnknownAccount, match="sample:@annlee is not on the roster"):
        workspace.platforms.finish(pending, came)
    assert workspace.platforms.connections() == ()
    assert workspace.roster.list() == ()
    # The code was used up by then; the tokens are still in hand.
    assert workspace.platforms.finish(pending, came, creator="Ann Lee").creator == "Ann Lee"


def test_where_several_accounts_are_opened_somebody_says_which(
    workspace: Workspace, server: AuthorisationServer
) -> None:
    server.accounts.append({"id": "c-2", "handle": "@annplays"})
    pending = workspace.platforms.begin("sample", redirect_uri=HERE)
    came = server.visit(pending.url)
    with pytest.raises(SeveralAccounts) as caught:
        workspace.platforms.finish(pending, came, creator="Ann Lee")
    assert caught.value.facts == {"accounts": ["sample:@annlee", "sample:@annplays"]}
    row = workspace.platforms.finish(pending, came, creator="Ann Lee", account="sample:annplays")
    assert row.account == "sample:@annplays"
    # The one that is on the roster is meant.
    assert sign_in(workspace, server).account == "sample:@annplays"


def test_another_account_than_the_one_named_is_not_connected(workspace: Workspace, server: AuthorisationServer) -> None:
    with pytest.raises(NotThatAccount, match="opens sample:@annlee, and not sample:@ben"):
        sign_in(workspace, server, account="sample:@ben", creator="Ben")
    with pytest.raises(InvalidInput, match="not an account of Sample"):
        sign_in(workspace, server, account="youtube:@annlee")
    workspace.roster.add("Ben")
    sign_in(workspace, server, creator="Ann Lee")
    with pytest.raises(OtherCreator):
        sign_in(workspace, server, creator="Ben")
    server.accounts = []
    with pytest.raises(NotThere):
        sign_in(workspace, server)


def test_a_permission_that_is_never_asked_for_is_not_missed(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer
) -> None:
    rare = Scope("rare.read", "see what only reviewed apps see", asked=False)
    engagerr.connectors["sample"] = with_auth(scopes=(*AUTH.scopes, rare))  # type: ignore[index]
    assert rare.words not in [scope.words for scope in workspace.platforms.show("sample").scopes]
    row = sign_in(workspace, server, creator="Ann Lee")
    assert row.withheld == ()
    assert "rare.read" not in row.scopes


def test_connecting_again_replaces_the_grant(workspace: Workspace, server: AuthorisationServer) -> None:
    first = sign_in(workspace, server, creator="Ann Lee")
    server.withhold = {"insights.read"}
    again = sign_in(workspace, server)
    assert again.account_id == first.account_id
    assert again.withheld == ("see your audience and watch time",)
    assert workspace.platforms.connections() == (again,)


def test_a_device_connects(workspace: Workspace, server: AuthorisationServer) -> None:
    pending = workspace.platforms.begin_device("sample")

    def waiting(left: timedelta) -> None:
        server.type_in(pending.code.user_code)

    row = workspace.platforms.connect_device(pending, creator="Ann Lee", waiting=waiting)
    assert row.state == "active"


def test_a_token_made_elsewhere_connects_until_it_is_refused(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer
) -> None:
    sign_in(workspace, server, creator="Ann Lee")
    brought = server.grants[0].access
    row = workspace.platforms.connect_token("sample", f" {brought}\n")
    assert (row.expires_at, row.scopes, row.withheld) == (None, (), ())
    source = tokens_for(engagerr, workspace, row.account_id)
    assert source.token() == brought
    assert source.renew() is None
    [row] = workspace.platforms.connections()
    assert (row.state, row.last_error) == ("lost", "the platform refused the token, and it cannot be renewed")
    with pytest.raises(GrantLost):
        workspace.platforms.connect_token("sample", "a-token-that-is-none")
    with pytest.raises(InvalidInput, match="no token"):
        workspace.platforms.connect_token("sample", "two words")
    with pytest.raises(InvalidInput, match="needs no token"):
        workspace.platforms.connect_token("feed", brought, account="feed:https://feeds.example/a.xml")


def test_what_everybody_may_read_is_connected_by_its_address(engagerr: Engagerr, workspace: Workspace) -> None:
    row = workspace.platforms.connect("feed", account="feed:https://feeds.example/a.xml", creator="Ann Lee")
    assert (row.account, row.state, row.expires_at) == ("feed:https://feeds.example/a.xml", "active", None)
    assert tokens_for(engagerr, workspace, row.account_id, FEED).token() is None
    assert workspace.platforms.disconnect(row.account)[0].reason is None
    with pytest.raises(InvalidInput, match="wants its account's owner to sign in"):
        workspace.platforms.connect("sample", account="sample:@annlee")
    with pytest.raises(NotConnected):
        tokens_for(engagerr, workspace, row.account_id, FEED)


def test_what_every_app_may_read_is_connected_with_the_apps_token(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, clock: SteeredClock
) -> None:
    row = workspace.platforms.connect("apponly", account="sample:@annlee", creator="Ann Lee")
    source = tokens_for(engagerr, workspace, row.account_id, APP_ONLY)
    first = source.token()
    clock.advance(minutes=56)
    assert source.token() != first
    assert server.alive(source.token())


@pytest.mark.parametrize("fake", sorted(all_fakes(), key=lambda fake: fake.connector), ids=lambda fake: fake.connector)
def test_every_connector_connects_to_its_platform(
    fake: type[FakePlatform], clone: Clone, home: Path, clock: SteeredClock
) -> None:
    platform = fake()
    app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    settings = clone.settings(home, platforms={fake.connector: app})
    with Engagerr(settings, clock=clock, transport=platform.transport()) as engagerr:
        work = engagerr.init("Northlight")
        connector = engagerr.connectors[fake.connector]
        if isinstance(connector.auth, OAuth2):
            pending = work.platforms.begin(fake.connector, redirect_uri=HERE)
            came_back = f"{HERE}?code=a-code-to-redeem&state={pending.state}"
            try:
                row = work.platforms.finish(pending, came_back, creator="Ann Lee")
            except SeveralAccounts as several:
                first = several.facts["accounts"][0]
                row = work.platforms.finish(pending, came_back, creator="Ann Lee", account=first)
        else:
            named = f"{connector.platform}:{platform.handle}"
            row = work.platforms.connect(fake.connector, account=named, creator="Ann Lee")
        assert (row.state, row.creator) == ("active", "Ann Lee")
        assert work.roster.accounts()[0].native_id
        tokens_for(engagerr, work, row.account_id, connector).token()
        # Whether the platform plays along or not, nothing is left here.
        assert work.platforms.disconnect(row.account)
        assert [one.state for one in work.platforms.connections()] == ["revoked"]


def test_only_owners_and_managers_connect(engagerr: Engagerr, workspace: Workspace) -> None:
    for role, allowed in (("manager", True), ("finance", False), ("analyst", False), ("viewer", False)):
        email = f"{role}@northlight.example"
        workspace.members.add(email, role=role)
        work = engagerr.workspace(workspace.members.issue_token(name=role, member=email).token)
        assert work.platforms.connections() == ()
        assert len(work.platforms.list()) == 3
        if allowed:
            assert work.platforms.begin("sample", redirect_uri=HERE).url
            continue
        for attempt in (
            lambda work=work: work.platforms.begin("sample", redirect_uri=HERE),
            lambda work=work: work.platforms.connect("feed", account="feed:https://feeds.example/a"),
            lambda work=work: work.platforms.connect_token("sample", "token"),
            lambda work=work: work.platforms.begin_device("sample"),
            lambda work=work: work.platforms.disconnect("sample:@annlee"),
            lambda work=work: work.platforms.rotate_keys(),
        ):
            with pytest.raises(Forbidden):
                attempt()


def test_another_workspace_sees_nothing_of_it(
    workspace: Workspace, server: AuthorisationServer, tmp_path: Path, clone: Clone, clock: SteeredClock
) -> None:
    sign_in(workspace, server, creator="Ann Lee")
    theirs = clone.settings(tmp_path / "theirs", platforms=APPS)
    with Engagerr(theirs, clock=clock, connectors=CONNECTORS, transport=server.transport()) as other:
        work = other.init("Southgate")
        assert work.platforms.connections() == ()
        with pytest.raises(NotFound):
            work.platforms.disconnect("sample:@annlee")
        assert work.platforms.rotate_keys().resealed == 0


# ── tokens for calls ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_renewed_ahead_of_its_end_and_kept(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, clock: SteeredClock
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    source = tokens_for(engagerr, workspace, row.account_id)
    first = source.token()
    clock.advance(minutes=54)
    assert source.token() == first
    clock.advance(minutes=2)
    second = source.token()
    assert second != first
    assert server.alive(second)
    assert tokens_for(engagerr, workspace, row.account_id).token() == second
    assert workspace.platforms.connections()[0].expires_at == clock.now() + timedelta(hours=1)


def test_an_outage_at_renewal_costs_nothing_while_the_token_is_good(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, clock: SteeredClock
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    source = tokens_for(engagerr, workspace, row.account_id)
    first = source.token()
    clock.advance(minutes=56)
    server.next_answers = [httpx.Response(503)]
    assert source.token() == first
    clock.advance(minutes=10)
    server.next_answers = [httpx.Response(503)]
    with pytest.raises(PlatformUnavailable):
        source.token()
    assert source.token() not in (None, first)
    assert workspace.platforms.connections()[0].state == "active"


def test_a_grant_that_was_taken_back_is_lost_once_and_stays_lost(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, superuser_connection: Connection
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    source, another = (tokens_for(engagerr, workspace, row.account_id) for _ in range(2))
    server.forget_everything()
    assert source.renew() is None
    assert another.renew() is None
    assert source.renew() is None
    with pytest.raises(GrantLost):
        source.token()
    [row] = workspace.platforms.connections()
    assert (row.state, row.last_error) == ("lost", "Token has been expired or revoked")
    assert [kind for kind, _ in events(superuser_connection)] == ["grant.connected", "grant.lost"]
    with pytest.raises(GrantLost) as caught:
        tokens_for(engagerr, workspace, row.account_id)
    assert "engagerr platform connect sample" in (caught.value.hint or "")
    # Signing in again mends it.
    assert sign_in(workspace, server).state == "active"
    assert server.alive(tokens_for(engagerr, workspace, row.account_id).token())


def test_a_machine_without_the_app_loses_no_grant(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, home: Path, clone: Clone, clock: SteeredClock
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    bare = Engagerr(clone.settings(home), clock=clock, connectors=CONNECTORS, transport=server.transport())
    with bare, pytest.raises(AppMissing):
        tokens_for(bare, workspace, row.account_id).renew()
    assert workspace.platforms.connections()[0].state == "active"


def test_of_many_workers_one_renews_and_the_others_find_its_answer(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, clock: SteeredClock
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    sources = [tokens_for(engagerr, workspace, row.account_id) for _ in range(4)]
    clock.advance(minutes=58)
    start = threading.Barrier(len(sources))
    seen: list[str | None] = []

    def work(source: TokenSource, *, refused: bool) -> None:
        start.wait()
        seen.append(source.renew() if refused else source.token())

    threads = [
        threading.Thread(target=work, args=(source,), kwargs={"refused": at % 2 == 0})
        for at, source in enumerate(sources)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The fake's refresh tokens rotate: a second renewal with the old one would have lost the grant.
    assert len(seen) == 4
    assert len(set(seen)) == 1
    assert server.alive(seen[0])
    assert [form["grant_type"] for path, form, _ in server.forms if path == "/token"] == [
        "authorization_code", "refresh_token",
    ]  # fmt: skip


def test_a_pages_own_token_is_the_one_that_is_sent(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, clock: SteeredClock
) -> None:
    engagerr.connectors["sample"] = connector = with_auth(exchange="facebook")  # type: ignore[index]
    server.with_refresh_tokens = False
    server.accounts = [{"id": "p-1", "handle": "annspage", "token": "sekret-of-the-page"}]
    row = sign_in(workspace, server, creator="Ann Lee")
    source = tokens_for(engagerr, workspace, row.account_id, connector)
    assert source.token() == "sekret-of-the-page"
    clock.advance(days=55)
    assert source.token() == "sekret-of-the-page"
    assert workspace.platforms.connections()[0].expires_at == clock.now() + timedelta(days=60)
    # It dies with what the person allowed, and no renewal brings it back.
    assert source.renew() is None
    assert workspace.platforms.connections()[0].state == "lost"


# ── letting go ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_disconnecting_ends_the_grant_there_and_erases_it_here(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, superuser_connection: Connection
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    source = tokens_for(engagerr, workspace, row.account_id)
    token = source.token()
    [ended] = workspace.platforms.disconnect("sample:annlee")
    assert (ended.account, ended.connector, ended.at_platform, ended.reason) == (row.account, "sample", True, None)
    assert not server.alive(token)
    assert superuser_connection.execute("SELECT secret, sealed_key, key_id FROM platform_grants").fetchall() == [
        (None, None, None)
    ]
    [kept] = workspace.platforms.connections()
    assert (kept.state, kept.connected_at) == ("revoked", row.connected_at)
    assert workspace.roster.accounts()[0].creator == "Ann Lee"
    assert [kind for kind, _ in events(superuser_connection)] == ["grant.connected", "grant.revoked"]
    assert source.renew() is None
    with pytest.raises(NotFound, match="is not connected"):
        workspace.platforms.disconnect("sample:annlee")
    with pytest.raises(NotFound, match="no account"):
        workspace.platforms.disconnect("sample:@nobody")


@pytest.mark.parametrize("outage", [httpx.ConnectError("no route to host"), httpx.Response(503)])
def test_a_platform_that_is_down_keeps_nothing_from_being_erased(
    workspace: Workspace, server: AuthorisationServer, superuser_connection: Connection, outage: Exception
) -> None:
    sign_in(workspace, server, creator="Ann Lee")
    server.next_answers = [outage, outage]
    [ended] = workspace.platforms.disconnect("sample:@annlee")
    assert not ended.at_platform
    assert "Sample does not answer" in (ended.reason or "")
    assert superuser_connection.execute("SELECT secret FROM platform_grants").fetchall() == [(None,)]


def test_a_sign_in_that_opens_another_account_too_is_left_standing_there(
    workspace: Workspace, server: AuthorisationServer
) -> None:
    server.accounts.append({"id": "c-2", "handle": "@annplays"})
    sign_in(workspace, server, creator="Ann Lee", account="sample:@annlee")
    token = server.grants[0].access
    for account in ("sample:@annlee", "sample:@annplays"):
        workspace.platforms.connect_token("sample", token, account=account, creator="Ann Lee")
    [ended] = workspace.platforms.disconnect("sample:@annlee")
    assert (ended.at_platform, ended.reason) == (
        False, "another account was connected with the same sign-in and keeps it",
    )  # fmt: skip
    assert server.alive(token)
    assert workspace.platforms.disconnect("sample:@annplays")[0].at_platform
    assert not server.alive(token)


# ── keys ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def key_ids(connection: Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT DISTINCT key_id FROM platform_grants")}


def test_a_rotation_puts_every_grant_under_a_new_key_and_reseals_no_token(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, superuser_connection: Connection, home: Path
) -> None:
    rows = []
    for number in range(3):
        server.accounts = [{"id": f"c-{number}", "handle": f"@ann{number}"}]
        rows.append(sign_in(workspace, server, creator="Ann Lee"))
    secrets = superuser_connection.execute("SELECT account_id, secret FROM platform_grants ORDER BY 1").fetchall()
    before = (home / "vault.key").read_text()
    rotated = workspace.platforms.rotate_keys()
    assert (rotated.resealed, {rotated.key_id}) == (3, key_ids(superuser_connection))
    assert (
        secrets == superuser_connection.execute("SELECT account_id, secret FROM platform_grants ORDER BY 1").fetchall()
    )
    assert before not in (home / "vault.key").read_text()
    for row in rows:
        assert server.alive(tokens_for(engagerr, workspace, row.account_id).token())
    assert workspace.verify_audit().intact


def test_a_rotation_that_dies_before_or_after_its_transaction_can_be_run_again(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, superuser_connection: Connection
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    vault = Vault(engagerr.settings, workspace.tenant.id)

    def die_before_the_transaction() -> None:
        with vault.rotation():
            raise RuntimeError

    def die_after_the_transaction() -> None:
        with vault.rotation():
            # Another process is through with it at this moment.
            workspace.platforms.rotate_keys()
            raise RuntimeError

    for death in (die_before_the_transaction, die_after_the_transaction):
        with pytest.raises(RuntimeError):
            death()
        assert server.alive(tokens_for(engagerr, workspace, row.account_id).token())
        server.accounts = [{"id": "c-2", "handle": "@annplays"}]
        assert sign_in(workspace, server, creator="Ann Lee").state == "active"
    assert workspace.platforms.rotate_keys().resealed == 2
    assert len(key_ids(superuser_connection)) == 1
    assert server.alive(tokens_for(engagerr, workspace, row.account_id).token())


def test_a_rotation_waits_for_a_renewal_under_way(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, superuser_connection: Connection
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    source = tokens_for(engagerr, workspace, row.account_id)
    rotating: list[threading.Thread] = []

    def rotate_meanwhile(request: httpx.Request) -> None:
        if not rotating:
            rotating.append(threading.Thread(target=workspace.platforms.rotate_keys))
            rotating[0].start()
            rotating[0].join(timeout=0.3)
            assert rotating[0].is_alive()  # it waits at the lock that we hold

    server.before_answer = rotate_meanwhile
    assert source.renew() is not None
    rotating[0].join()
    assert server.alive(tokens_for(engagerr, workspace, row.account_id).token())
    assert key_ids(superuser_connection) == {Vault(engagerr.settings, workspace.tenant.id).current_key_id()}


def test_a_rotation_waits_for_a_grant_that_is_being_stored(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer
) -> None:
    sign_in(workspace, server, creator="Ann Lee")
    account = workspace.roster.add_account("Ann Lee", "sample:@annplays")
    vault = Vault(engagerr.settings, workspace.tenant.id)
    rotating = threading.Thread(target=workspace.platforms.rotate_keys)
    with engagerr.database.transaction(workspace.tenant.id) as session:
        store_grant(
            session, tenant_id=workspace.tenant.id, account_id=account.id, connector=CONNECTOR,
            tokens=Tokens(access_token="sekret-sealed-with-the-old-key"), vault=vault, member_id=None, now=START,
        )  # fmt: skip
        rotating.start()
        rotating.join(timeout=0.3)
        assert rotating.is_alive()
    rotating.join()
    # The row that the rotation could not see when it began was moved to the new key as well.
    assert tokens_for(engagerr, workspace, account.id).token() == "sekret-sealed-with-the-old-key"


def test_a_lost_key_names_the_accounts_and_no_second_key_is_made_over_it(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, home: Path
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    kept = (home / "vault.key").read_bytes()
    (home / "vault.key").unlink()
    server.accounts = [{"id": "c-2", "handle": "@annplays"}]
    for attempt in (
        lambda: tokens_for(engagerr, workspace, row.account_id),
        lambda: sign_in(workspace, server, creator="Ann Lee"),
        workspace.platforms.rotate_keys,
    ):
        with pytest.raises(VaultKeyMissing) as caught:
            attempt()
        assert "vault.key" in (caught.value.hint or "")
    assert caught.value.facts["accounts"] == ["sample:@annlee"]
    assert not (home / "vault.key").exists()
    (home / "vault.key").write_bytes(kept)
    assert server.alive(tokens_for(engagerr, workspace, row.account_id).token())


def test_with_a_lost_key_the_account_itself_can_be_connected_again_or_let_go(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, home: Path
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    (home / "vault.key").unlink()
    assert sign_in(workspace, server).state == "active"
    assert server.alive(tokens_for(engagerr, workspace, row.account_id).token())
    (home / "vault.key").unlink()
    [ended] = workspace.platforms.disconnect("sample:@annlee")
    assert not ended.at_platform
    assert "key" in (ended.reason or "")
    assert sign_in(workspace, server).state == "active"


def test_an_unreadable_key_is_said_so_and_left_alone(
    workspace: Workspace, server: AuthorisationServer, home: Path
) -> None:
    sign_in(workspace, server, creator="Ann Lee")
    (home / "vault.key").write_text("scribbled over")
    with pytest.raises(InvalidInput, match=r"vault\.key"):
        sign_in(workspace, server)
    assert (home / "vault.key").read_text() == "scribbled over"


def test_keys_move_from_the_home_to_the_settings_with_a_rotation(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, home: Path, clone: Clone, clock: SteeredClock
) -> None:
    import base64

    row = sign_in(workspace, server, creator="Ann Lee")
    key = base64.b64encode(b"k" * 32).decode()
    given = clone.settings(home, platforms=APPS, vault={"key": key})
    with Engagerr(given, clock=clock, connectors=CONNECTORS, transport=server.transport()) as moved:
        work = moved.workspace()
        assert work.platforms.rotate_keys().resealed == 1
        assert work.platforms.rotate_keys().resealed == 0
        (home / "vault.key").unlink()
        assert server.alive(tokens_for(moved, work, row.account_id).token())


def test_no_failure_on_the_way_shows_a_token(
    engagerr: Engagerr, workspace: Workspace, server: AuthorisationServer, superuser_connection: Connection
) -> None:
    row = sign_in(workspace, server, creator="Ann Lee")
    token = tokens_for(engagerr, workspace, row.account_id).token()
    shown: list[str] = [repr(row), repr(tokens_for(engagerr, workspace, row.account_id).__dict__)]
    superuser_connection.execute("UPDATE platform_grants SET secret = secret || '\\x00'")
    for attempt in (
        lambda: tokens_for(engagerr, workspace, row.account_id),
        lambda: workspace.platforms.connect_token("sample", f"{token}-stale"),
        lambda: workspace.platforms.connect_token("sample", f"{token} {token}"),
    ):
        try:
            attempt()
        except EngagerrError as error:
            shown += [*traceback.format_exception(error), json.dumps(error.facts), str(error.hint)]
    assert len(shown) > 10
    assert "sekret" not in "".join(shown)
    assert not isinstance(token, type(None))


def test_two_sign_ins_for_one_new_account_at_once_end_well(workspace: Workspace, server: AuthorisationServer) -> None:
    sign_ins = [workspace.platforms.begin("sample", redirect_uri=HERE) for _ in range(3)]
    came = [server.visit(pending.url) for pending in sign_ins]
    ended: list[object] = []

    def finish(at: int) -> None:
        try:
            ended.append(workspace.platforms.finish(sign_ins[at], came[at], creator="Ann Lee").account)
        except Conflict as error:
            ended.append(error.hint)

    threads = [threading.Thread(target=finish, args=(at,)) for at in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(ended) <= {"sample:@annlee", "Run it again."}
    assert "sample:@annlee" in ended
    assert len(workspace.roster.accounts()) == 1
