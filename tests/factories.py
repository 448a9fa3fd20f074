"""Rows for tests: one true-to-life row for every table, and colleagues with other roles.

Rows are written as SQL on a connection of psycopg that works in a tenant, so that a test can build what it needs
without going through the features above it. `in_tenant` sets the tenant of the transaction at hand.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from engagerr import Engagerr, Workspace
from engagerr.core.db.schema import metadata
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg.types.range import Range
from tests.fakes.cluster import Connection
from tests.rows import billing, contracts, deals, delivery, desk, holds, ledger, notes, provider, reconciliation

Row = dict[str, Any]

_numbers = itertools.count(1)
WHEN = datetime(2026, 10, 15, 9, 30, tzinfo=UTC)


def number() -> int:
    """A number that no other row of this process has."""
    return next(_numbers)


@contextmanager
def in_tenant(connection: Connection, tenant_id: UUID | None) -> Iterator[Connection]:
    """A transaction that belongs to the tenant, committed at the end; None sets no tenant at all."""
    with connection.transaction():
        if tenant_id is not None:
            connection.execute("SELECT set_config('engagerr.tenant_id', %s, true)", [str(tenant_id)])
        yield connection


def insert(connection: Connection, table: str, row: Row) -> Row:
    """Write one row; returns it as the database made it, as far as the application may read it."""
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join([sql.Placeholder()] * len(row)),
        _columns(table),
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        written = cursor.execute(statement, [adapted(value) for value in row.values()]).fetchone()
    assert written is not None
    return written


def adapted(value: Any) -> Any:
    """A value as psycopg writes it: JSON columns come back as plain dicts and lists of dicts."""
    is_json = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(part, dict) for part in value))
    return Jsonb(value) if is_json else value


def a_tenant(connection: Connection, **changes: Any) -> UUID:
    """A tenant, to be used in the transaction at hand and in later ones."""
    tenant_id = uuid4()
    connection.execute("SELECT set_config('engagerr.tenant_id', %s, true)", [str(tenant_id)])
    insert(connection, "tenants", {"id": tenant_id, "kind": "agency", "name": f"Agency {number()}", **changes})
    return tenant_id


def a_creator(connection: Connection, tenant_id: UUID, **changes: Any) -> Row:
    return insert(connection, "creators", {"tenant_id": tenant_id, "name": f"Creator {number()}", **changes})


def an_account(connection: Connection, tenant_id: UUID, **changes: Any) -> Row:
    handle = f"handle{number()}"
    row = {"platform": "youtube", "handle": f"@{handle}", "handle_key": handle, "native_id": f"UC{handle}", **changes}
    return insert(connection, "accounts", {"tenant_id": tenant_id, **row})


def an_import(connection: Connection, tenant_id: UUID, **changes: Any) -> Row:
    name = f"file {number()}.csv"
    row = {
        "sha256": hashlib.sha256(name.encode()).hexdigest(), "file_name": name, "size_bytes": 120, "attempt": 0,
        "format": "engagerr-jsonl", "options": {"account": "youtube:@ann"}, "counts": {"items_new": 1},
        "observed_at": WHEN, "imported_at": WHEN, "correlation_id": uuid4().hex, **changes,
    }  # fmt: skip
    return insert(connection, "imports", {"tenant_id": tenant_id, **row})


def an_item(connection: Connection, tenant_id: UUID, **changes: Any) -> Row:
    """A content item; makes its account if none is named."""
    changes.setdefault("account_id", None)
    if changes["account_id"] is None:
        changes["account_id"] = an_account(connection, tenant_id)["id"]
    row = {
        "platform": "youtube", "native_id": f"item{number()}", "kind": "long_video", "title": "Trail shoes, tested",
        "published_at": WHEN, "duration_seconds": 600, "hints": {"video_id": "v1"}, "links": ["https://n.example/1"],
        "import_id": uuid4(), "described_at": WHEN, **changes,
    }  # fmt: skip
    return insert(connection, "content_items", {"tenant_id": tenant_id, **row})


def an_edge(connection: Connection, tenant_id: UUID, child_id: UUID, parent_id: UUID, **changes: Any) -> Row:
    row = {
        "child_id": child_id, "parent_id": parent_id, "relation": "clip_of", "state": "confirmed", "confidence": 1,
        "evidence": [{"kind": "person", "detail": "drawn by hand", "weight": 1.0}], **changes,
    }  # fmt: skip
    return insert(connection, "content_edges", {"tenant_id": tenant_id, **row})


def an_observation(connection: Connection, tenant_id: UUID, subject_id: UUID, **changes: Any) -> Row:
    """A figure as a platform reported it; asks for the partition of its month."""
    row = {
        "subject_id": subject_id, "metric": "views", "observed_at": WHEN, "period_days": 0, "value": 1200,
        "state": "value", "import_id": uuid4(), "row": 2, **changes,
    }  # fmt: skip
    connection.execute("SELECT engagerr_ensure_partitions(ARRAY[(%s AT TIME ZONE 'UTC')::date])", [row["observed_at"]])
    return insert(connection, "metric_observations", {"tenant_id": tenant_id, **row})


def fill_every_table(connection: Connection, tenant_id: UUID) -> dict[str, Row]:
    """One row of the tenant in every table there is, as `{table: row}`; the tests of tenancy walk over them.

    A migration that adds a table adds its row here. Rows that triggers write (families, the end of the audit chain)
    are read back.
    """
    rows: dict[str, Row] = {}

    def write(table: str, **row: Any) -> Row:
        rows[table] = insert(connection, table, {"tenant_id": tenant_id, **row})
        return rows[table]

    rows["tenants"] = _read(connection, "tenants")
    member = write("members", email=f"member{number()}@northlight.example", name="Ann", role="owner")
    write(
        "tokens", member_id=member["id"], kind="api", name="nightly import",
        token_hash=hashlib.sha256(uuid4().bytes).digest(),
    )  # fmt: skip
    write(
        "audit_log", sequence=0, at=WHEN, member_id=member["id"], action="tenant.founded", subject="tenant",
        detail={"kind": "agency"}, previous_hash=b"", hash=b"",
    )  # fmt: skip
    rows["audit_heads"] = _read(connection, "audit_heads")
    creator = rows["creators"] = a_creator(connection, tenant_id, country="DE", topics=["outdoor"])
    account = rows["accounts"] = an_account(connection, tenant_id, creator_id=creator["id"])
    write(
        "representation_terms", creator_id=creator["id"], commission_rate="0.15", exclusive=True,
        valid=Range(datetime(2026, 1, 1).date(), datetime(2027, 1, 1).date()),
    )  # fmt: skip
    write("rates", creator_id=creator["id"], deliverable="youtube_integration", minor=250_000, currency="EUR")
    write("audience_shares", creator_id=creator["id"], dimension="country", value="DE", share="0.41", observed_at=WHEN)
    write(
        "account_audience_shares", account_id=account["id"], dimension="country", value="DE", share="0.41",
        observed_at=WHEN,
    )  # fmt: skip
    landed = rows["imports"] = an_import(connection, tenant_id, member_id=member["id"])
    write(
        "raw_payloads", import_id=landed["id"], sequence=0, first_row=1, last_row=2, encoding="zstd", body=b"\x28\xb5"
    )
    write("quarantined_rows", import_id=landed["id"], sequence=0, row=2, reason="no id", fix="Export the file again.")
    parent = an_item(connection, tenant_id, account_id=account["id"], import_id=landed["id"])
    item = rows["content_items"] = an_item(connection, tenant_id, account_id=account["id"], import_id=landed["id"])
    write("content_item_versions", item_id=item["id"], replaced_by_import_id=landed["id"], before={"title": "Old"})
    write(
        "content_links", item_id=item["id"], platform="youtube", native_id=f"target{number()}", found_in="link",
        detail="https://youtu.be/1",
    )  # fmt: skip
    edge = rows["content_edges"] = an_edge(connection, tenant_id, item["id"], parent["id"])
    ends = {"child_id": item["id"], "parent_id": parent["id"], "relation": edge["relation"]}
    write(
        "content_decisions", edge_id=edge["id"], member_id=member["id"], before="suggested", after="confirmed",
        action_id=edge["id"], action="confirm", **ends,
    )  # fmt: skip
    write("content_terms", item_id=item["id"], kind="sponsorship", party="Trailhead", detail="thanked by name")
    write("content_review_skips", member_id=member["id"], edge_id=edge["id"], at=WHEN)
    write("content_embeddings", model="words 1", content_hash=bytes(range(16)), vector=bytes(8))
    rows["content_nodes"] = _read(connection, "content_nodes", item_id=item["id"])
    rows["metric_observations"] = an_observation(connection, tenant_id, item["id"], import_id=landed["id"])
    whose = {"account_id": account["id"], "connector": "youtube"}
    write(
        "platform_grants", **whose, state="active", scopes=["read"], secret=b"s", sealed_key=b"k", key_id="1",
        connected_at=WHEN,
    )  # fmt: skip
    write("quota_buckets", bucket="youtube", ready_at=WHEN, day=WHEN.date(), spent=7)
    write("circuits", **whose, state="closed", failures=1)
    run = write("sync_runs", correlation_id="c1", holder="host:1", options={}, started_at=WHEN, state="running")
    write("sync_leases", account_id=account["id"], run_id=run["id"], holder="host:1", taken_at=WHEN, until=WHEN)
    write("sync_checkpoints", **whose, stream="videos", position=3, state="ok", updated_at=WHEN)
    write(
        "sync_results", run_id=run["id"], **whose, stream="videos", started_at=WHEN, state="done", pages=1, items_new=1,
        items_updated=0, observations_new=5, quarantined=0,
    )  # fmt: skip
    write("events", about=account["id"], sequence=0, kind="items.seen", detail={"new": 1}, at=WHEN)
    rows["event_heads"] = _read(connection, "event_heads")
    write("event_cursors", subscriber="mapping", about=account["id"], sequence=1)
    write(
        "tasks", kind="grant.lost", about=account["id"], subject=f"youtube:{number()}", message="Reconnect it.",
        hint="engagerr platform connect youtube", opened_at=WHEN,
    )  # fmt: skip
    write("jobs", name="sync", cron="*/15 * * * *")
    write(
        "metric_rollups", account_id=account["id"], grain="day", bucket=WHEN.date(), kind="long_video", metric="views",
        definition="youtube.views.long", basis="growth", value=1200, resets=0, mixed=0, figures=1, missing=0,
        estimated=0, subjects=1, last_at=WHEN,
    )  # fmt: skip
    write("rollup_states", registry="1", rebuilt_at=WHEN)
    campaign = write("campaigns", name=f"Spring {number()}", brand="Trailhead")
    write("campaign_items", campaign_id=campaign["id"], item_id=item["id"])
    write("report_schedules", name=f"monthly {number()}", report={"kind": "roster"}, cron="0 6 1 * *", created_at=WHEN)
    write(
        "report_deliveries", schedule="monthly", due_at=WHEN, target="ann@northlight.example", state="intended",
        updated_at=WHEN,
    )  # fmt: skip
    write("saved_formats", name=f"mine {number()}", definition={"columns": []}, saved_at=WHEN)
    model, digest = "floor/words@1", bytes(range(16))
    write(
        "ai_calls", at=WHEN, member_id=member["id"], task="classify_topic", provider="floor", model="words",
        version="1", outcome="answered", inputs=3, seconds=0.02,
    )  # fmt: skip
    write(
        "ai_answers", task="classify_topic", model=model, content_hash=digest, answer={"topic": "sport"}, made_at=WHEN
    )
    write("ai_policies", task="*", stays_here=True, updated_at=WHEN)
    write("ai_qualities", task="classify_topic", model=model, quality=0.61, cases=120, measured_at=WHEN)
    write(
        "ai_runs", name=f"run {number()}", task="classify_topic", state="done", done=3, total=3, started_at=WHEN,
        updated_at=WHEN,
    )  # fmt: skip
    described = {"creator_id": creator["id"], "made_at": WHEN}
    write(
        "creator_profiles", **described, name=creator["name"], status="active", do_not_pitch=False, represented=True,
        exclusive=False,
    )  # fmt: skip
    write("creator_vectors", **described, space="words 1", dimensions=3, vector="[1,0,0]", source_hash=digest)
    spring = Range(datetime(2027, 3, 1).date(), datetime(2027, 5, 1).date())
    write("creator_unavailability", creator_id=creator["id"], during=spring)
    write("creator_exclusivities", creator_id=creator["id"], category="running shoes", during=spring)
    brief = write("briefs", title=f"Trail shoes {number()}", document={"title": "Trail shoes"})
    search = write("saved_searches", name=f"runners {number()}", query={"text": "trail"}, alerts=True)
    write("saved_search_hits", name=search["name"], creator_id=creator["id"], first_seen_at=WHEN)
    shortlist = write("shortlists", name=f"spring {number()}", brief_id=brief["id"])
    write("shortlist_entries", shortlist_id=shortlist["id"], creator_id=creator["id"], score={"score": 0.7})
    write(
        "match_outcomes", brief_id=brief["id"], creator_id=creator["id"], outcome="won", score={"score": 0.7}, at=WHEN
    )
    write("match_weights", weights={"topic_fit": 1.0}, basis="stated", made_at=WHEN)
    rows.update(_fill_the_market(connection, tenant_id, creator, brief))
    for part in (ledger, provider, holds, billing, reconciliation, deals, contracts, delivery, desk, notes):
        part.fill(connection, write, rows)
    return rows


def _fill_the_market(connection: Connection, tenant_id: UUID, creator: Row, brief: Row) -> dict[str, Row]:
    """One row in every table of the marketplace. What is shown is read by all tenants, so nothing stays shown."""

    def write(table: str, **row: Any) -> Row:
        return insert(connection, table, {"tenant_id": tenant_id, **row})

    def partner() -> tuple[UUID, UUID]:
        """Somebody else with a brief on the shelf."""
        theirs = a_tenant(connection, kind="brand")
        wanted = insert(connection, "briefs", {"tenant_id": theirs, "title": f"Rucksacks {number()}", "document": {}})
        insert(connection, "market_briefs", {"tenant_id": theirs, "brief_id": wanted["id"], **shown, "title": "Bags"})
        return theirs, wanted["id"]

    def act_as(whom: UUID) -> None:
        connection.execute("SELECT set_config('engagerr.tenant_id', %s, true)", [str(whom)])

    shown = {"version": 1, "shown": True, "publisher": "", "document": {}, "published_at": WHEN}
    theirs, wanted = partner()
    act_as(tenant_id)
    listing = write("listings", creator_id=creator["id"], version=1, state="published")
    version = write(
        "listing_versions", listing_id=listing["id"], version=1, snapshot={"name": creator["name"]}, published_at=WHEN
    )
    write("market_briefs", brief_id=brief["id"], title=brief["title"], **shown)
    del shown["document"]
    write("market_listings", listing_id=listing["id"], name=creator["name"], **shown)
    approach = write(
        "market_approaches", to_tenant_id=theirs, kind="application", brief_id=wanted, listing_id=listing["id"],
        sender="", brief_title="", creator="", sent_at=WHEN,
    )  # fmt: skip
    for whom in (theirs, tenant_id):
        act_as(whom)
        for table in ("market_listings", "market_briefs"):
            connection.execute(
                sql.SQL("UPDATE {} SET shown = false WHERE tenant_id = %s").format(sql.Identifier(table)), [whom]
            )
    return {
        "listings": listing, "listing_versions": version, "market_approaches": approach,
        "market_listings": _read(connection, "market_listings", tenant_id=tenant_id),
        "market_briefs": _read(connection, "market_briefs", tenant_id=tenant_id),
        "market_blocks": write("market_blocks", blocked_tenant_id=uuid4(), name="A competitor", at=WHEN),
        "market_reads": write("market_reads", hour=WHEN, rows=25),
    }  # fmt: skip


def colleague(workspace: Workspace, engagerr: Engagerr, role: str) -> Workspace:
    """The workspace as somebody with this role sees it, signed in with a token of their own."""
    email = f"{role}{number()}@northlight.example"
    workspace.members.add(email, role=role)
    return engagerr.workspace(workspace.members.issue_token(name="their own", member=email).token)


def _read(connection: Connection, table: str, **where: Any) -> Row:
    condition = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in where)
    query = sql.SQL("SELECT {} FROM {} WHERE {}").format(
        _columns(table), sql.Identifier(table), condition if where else sql.SQL("true")
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query, list(where.values())).fetchone()
    assert row is not None
    return row


def _columns(table: str) -> sql.Composable:
    """All of them, where the application may read all of them."""
    if table not in ("market_listings", "market_briefs"):
        return sql.SQL("*")
    names = [column.name for column in metadata.tables[table].columns if column.name != "hidden_from"]
    return sql.SQL(", ").join(map(sql.Identifier, names))
