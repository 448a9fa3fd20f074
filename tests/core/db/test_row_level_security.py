"""Tenancy as the database keeps it: proven from the catalogue, and by walking over every table with two tenants."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.db import Database
from engagerr.core.db.schema import metadata
from psycopg import sql
from tests.factories import Row, a_tenant, adapted, fill_every_table, in_tenant
from tests.fakes.cluster import SUPERUSER, Clone, Cluster, Connection

APP, OWNER = "engagerr_app", "engagerr_owner"
TABLES = sorted(metadata.tables)

INSERT_AND_SELECT_ONLY = {
    "audit_log", "metric_observations", "raw_payloads", "quarantined_rows", "imports", "rates", "audience_shares",
    "content_item_versions", "content_decisions", "events", "account_audience_shares", "ai_calls", "match_outcomes",
    "match_weights", "listing_versions", "contract_exclusivities", "contract_files", "contract_signatures",
    "contracts", "deliverable_checks", "deliverable_overrides", "deliverable_steps", "desk_marks", "fx_quotes",
    "ledger_accounts", "ledger_transfers", "receipts", "reconciliations", "subscription_changes", "tax_filings",
}  # fmt: skip
SELECT_ONLY = {
    "content_nodes", "audit_heads", "event_heads", "alembic_version", "deal_steps", "invoice_counters",
    "ledger_balances", "ledger_lanes",
}  # fmt: skip
# What is not history: who works on an account just now, what is made again from history, and what a person made and
# may unmake.
DELETE_TOO = {
    "sync_leases", "saved_formats", "report_schedules", "content_edges", "content_terms", "content_review_skips",
    "ai_policies", "saved_searches", "saved_search_hits", "shortlists", "shortlist_entries", "market_listings",
    "creator_profiles", "deal_ageing", "invoices", "payment_limits", "proposal_drafts",
    "desk_views",
}  # fmt: skip
ADDED_AND_DELETED = {
    "metric_rollups", "campaign_items", "content_embeddings", "ai_answers", "creator_vectors",
    "creator_unavailability", "creator_exclusivities", "market_blocks", "deal_creators", "invoice_lines",
    "invoice_taxes",
}  # fmt: skip
# Whom a tenant blocks: copied into what it shows, for the policy to read and for nobody else.
NOT_EVEN_READ = {("market_listings", "hidden_from"), ("market_briefs", "hidden_from")}


@dataclass(frozen=True)
class TwoTenants:
    """Two tenants with a row in every table, and the same database as it was before the second one came."""

    clone: Clone
    without_the_other: Clone
    ours: UUID
    other: UUID
    our_rows: dict[str, Row]
    other_rows: dict[str, Row]


@pytest.fixture(scope="module")
def two(cluster: Cluster) -> Iterator[TwoTenants]:
    with cluster.clone() as alone:
        with alone.connect() as connection, connection.transaction():
            ours = a_tenant(connection)
            our_rows = fill_every_table(connection, ours)
        with cluster.clone(alone.name) as both:
            with both.connect() as connection, connection.transaction():
                other = a_tenant(connection)
                other_rows = fill_every_table(connection, other)
            yield TwoTenants(both, alone, ours, other, our_rows, other_rows)


# ── The catalogue ───────────────────────────────────────────────────────────────────────────────────────────────────

TENANT_EXPRESSION = "(NULLIF(current_setting('engagerr.tenant_id'::text, true), ''::text))::uuid"


_READER = f"({TENANT_EXPRESSION} <> ALL (hidden_from))"
_SHELF = (
    f"t / r / APP / (shown AND (NULLIF(current_setting('engagerr.tenant_id'::text, true), ''::text) IS NOT NULL)"
    f" AND {_READER})"
)
_ADDRESSEE = f"(to_tenant_id = {TENANT_EXPRESSION})"
_OTHER_SIDE = f"(counterparty_id = {TENANT_EXPRESSION})"
_OTHER_SIDE_READS = f"t / r / APP / {_OTHER_SIDE}"
# The only tables with two parties, and all that the other one may do: read what is shown, read and answer what was sent
# to it. Nothing here inserts or deletes.
FURTHER_POLICIES = {
    "market_listings": [_SHELF],
    "market_briefs": [_SHELF],
    "market_approaches": [f"t / r / APP / {_ADDRESSEE}", f"t / w / APP / {_ADDRESSEE} / {_ADDRESSEE}"],
    "deals": [_OTHER_SIDE_READS, f"t / w / APP / {_OTHER_SIDE} / {_OTHER_SIDE}"],
    "deal_steps": [_OTHER_SIDE_READS],
    "deal_creators": [_OTHER_SIDE_READS],
    "proposals": [
        _OTHER_SIDE_READS, f"t / a / APP / {_OTHER_SIDE}", f"t / w / APP / {_OTHER_SIDE} / {_OTHER_SIDE}",
    ],
    "contracts": [f"t / r / APP / ({_OTHER_SIDE} AND (sent_at IS NOT NULL))"],
    "contract_versions": [f"t / r / APP / ({_OTHER_SIDE} AND (sent_at IS NOT NULL))"],
    "contract_files": [_OTHER_SIDE_READS],
    "contract_signatures": [
        f"t / a / APP / ({_OTHER_SIDE} AND (signer_tenant_id = {TENANT_EXPRESSION}))", _OTHER_SIDE_READS,
    ],
    "deal_milestones": [_OTHER_SIDE_READS],
    "deal_deliverables": [_OTHER_SIDE_READS],
    "deliverable_checks": [_OTHER_SIDE_READS],
    "deliverable_steps": [f"t / a / APP / {_OTHER_SIDE}", _OTHER_SIDE_READS],
}  # fmt: skip


def open_tables(connection: Connection) -> list[str]:
    """Tables and partitions that row-level security does not close to everybody but the tenant, and why."""
    found = connection.execute(
        """
        SELECT relname, relrowsecurity, relforcerowsecurity,
               (SELECT array_agg(concat_ws(' / ', polpermissive, polcmd,
                                           CASE polroles WHEN ARRAY['engagerr_app'::regrole::oid] THEN 'APP'
                                                         ELSE polroles::text END,
                                           pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
                                 ORDER BY polname = 'tenant' DESC, polname DESC)
                FROM pg_policy WHERE polrelid = pg_class.oid) AS policies
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f', 'm') AND relname <> 'alembic_version'
        ORDER BY relname
        """
    ).fetchall()
    complaints = []
    for table, enabled, forced, policies in found:
        column = "id" if table == "tenants" else "tenant_id"
        expression = f"({column} = {TENANT_EXPRESSION})"
        if not enabled:
            complaints.append(f"{table}: row-level security is not enabled")
        if not forced:
            complaints.append(f"{table}: row-level security is not forced")
        if policies != [f"t / * / {{0}} / {expression} / {expression}", *FURTHER_POLICIES.get(table, [])]:
            complaints.append(f"{table}: the policies are {policies}")
    return complaints


def test_every_table_and_partition_is_closed_to_all_but_its_tenant(clone: Clone) -> None:
    with clone.connect() as connection:
        made = connection.execute(
            "SELECT engagerr_ensure_partitions(ARRAY['2024-02-29', '2026-10-31', '2026-10-01']::date[])"
        ).fetchone()
        connection.commit()
        partitions = connection.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'metric_observations_2%' AND relkind = 'r' ORDER BY 1"
        ).fetchall()
        assert made == (2,)
        assert partitions == [("metric_observations_2024_02",), ("metric_observations_2026_10",)]
        assert open_tables(connection) == []


@pytest.mark.parametrize(
    ("statements", "complaint"),
    [
        (("CREATE TABLE leaky (tenant_id uuid)",), "leaky: row-level security is not enabled"),
        (
            ("CREATE TABLE leaky (tenant_id uuid)", "ALTER TABLE leaky ENABLE ROW LEVEL SECURITY"),
            "leaky: row-level security is not forced",
        ),
        (
            (
                "CREATE TABLE leaky (tenant_id uuid)",
                "ALTER TABLE leaky ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
                "CREATE POLICY all_of_it ON leaky USING (true)",
            ),
            "leaky: the policies are",
        ),
        (("ALTER TABLE creators NO FORCE ROW LEVEL SECURITY",), "creators: row-level security is not forced"),
        (("CREATE POLICY wider ON creators FOR SELECT USING (true)",), "creators: the policies are"),
        (("CREATE POLICY wider ON market_listings FOR DELETE USING (shown)",), "market_listings: the policies are"),
        (("ALTER POLICY shelf ON market_briefs USING (shown)",), "market_briefs: the policies are"),
        (("CREATE POLICY shelf ON listings FOR SELECT USING (true)",), "listings: the policies are"),
        (("CREATE MATERIALIZED VIEW every_creator AS SELECT * FROM creators",), "every_creator: row-level security"),
    ],
)
def test_a_table_that_is_open_is_named(
    owner_connection: Connection, statements: tuple[str, ...], complaint: str
) -> None:
    for statement in statements:
        owner_connection.execute(statement)
    assert any(line.startswith(complaint) for line in open_tables(owner_connection))


def test_a_view_of_the_owner_would_still_be_bound_and_there_is_none(owner_connection: Connection) -> None:
    views = owner_connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'").fetchall()
    assert views == []


def unbound_keys(connection: Connection) -> list[str]:
    """Unique indexes, exclusion constraints and references that do not begin with the tenant."""
    found = connection.execute(
        """
        SELECT index.relname FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid
          JOIN pg_class AS owned ON owned.oid = indrelid
          JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
        WHERE index.relnamespace = 'public'::regnamespace AND (indisunique OR indisexclusion)
          AND owned.relname NOT IN ('alembic_version', 'tenants') AND attname <> 'tenant_id'
        UNION ALL
        SELECT index.relname FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid
        WHERE index.relnamespace = 'public'::regnamespace AND (indisunique OR indisexclusion) AND indkey[0] = 0
        UNION ALL
        SELECT conname FROM pg_constraint
          JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND attname <> 'tenant_id'
        """
    ).fetchall()
    return [name for (name,) in found]


def test_the_tenant_leads_every_key_and_every_reference(owner_connection: Connection) -> None:
    assert unbound_keys(owner_connection) == []
    owner_connection.execute(
        "CREATE TABLE leaky (tenant_id uuid, id uuid PRIMARY KEY, other uuid REFERENCES leaky, code text)"
    )
    owner_connection.execute("CREATE UNIQUE INDEX leaky_code_key ON leaky (lower(code), tenant_id)")
    assert sorted(unbound_keys(owner_connection)) == ["leaky_code_key", "leaky_other_fkey", "leaky_pkey"]


# ── What the application's login may do ─────────────────────────────────────────────────────────────────────────────


def test_the_application_role_is_nobody_special_and_owns_nothing(superuser_connection: Connection) -> None:
    role = superuser_connection.execute(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = %s",
        [APP],
    ).fetchone()
    owned = superuser_connection.execute(
        """
        SELECT relname::text FROM pg_class WHERE relowner = %(app)s::regrole
        UNION ALL SELECT proname FROM pg_proc WHERE proowner = %(app)s::regrole
        UNION ALL SELECT nspname FROM pg_namespace WHERE nspowner = %(app)s::regrole
        UNION ALL SELECT datname FROM pg_database WHERE datdba = %(app)s::regrole
        UNION ALL SELECT typname FROM pg_type WHERE typowner = %(app)s::regrole
        """,
        {"app": APP},
    ).fetchall()
    member_of = superuser_connection.execute(
        "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole", [APP]
    ).fetchall()
    assert role == (False,) * 5
    assert owned == []
    assert member_of == []


def privileges(connection: Connection) -> dict[str, set[str]]:
    """What the application role may do to each table or partition, on the whole of it or on some columns."""
    found = connection.execute(
        """
        SELECT relname, privilege FROM pg_class,
          unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'])
            AS privilege
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
          AND (has_table_privilege(%(app)s, pg_class.oid, privilege)
               OR (privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                   AND has_any_column_privilege(%(app)s, pg_class.oid, privilege)))
        """,
        {"app": APP},
    ).fetchall()
    held: dict[str, set[str]] = {}
    for table, privilege in found:
        held.setdefault(table, set()).add(privilege)
    return held


def test_the_application_may_add_to_history_and_never_change_it(clone: Clone) -> None:
    with clone.connect() as connection:
        connection.execute("SELECT engagerr_ensure_partitions(ARRAY['2026-10-01']::date[])")
        held = privileges(connection)
    expected = {table: {"SELECT", "INSERT", "UPDATE"} for table in TABLES}
    expected |= {table: {"SELECT", "INSERT"} for table in INSERT_AND_SELECT_ONLY}
    expected |= {table: {"SELECT"} for table in SELECT_ONLY}
    expected |= {table: {"SELECT", "INSERT", "UPDATE", "DELETE"} for table in DELETE_TOO}
    expected |= {table: {"SELECT", "INSERT", "DELETE"} for table in ADDED_AND_DELETED}
    assert held == expected  # no DELETE or TRUNCATE on anything, and nothing at all on partitions


def test_the_application_may_change_only_the_columns_that_change(superuser_connection: Connection) -> None:
    found = superuser_connection.execute(
        """
        SELECT relname, array_agg(attname ORDER BY attname) FROM pg_class
          JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
          AND has_column_privilege(%(app)s, pg_class.oid, attnum, 'UPDATE')
          AND NOT has_table_privilege(%(app)s, pg_class.oid, 'UPDATE')
        GROUP BY relname
        """,
        {"app": APP},
    ).fetchall()
    assert dict(found) == {
        "tenants": ["name"],
        "members": ["name", "removed_at", "role"],
        "tokens": ["revoked_at"],
        "representation_terms": ["note", "valid"],
        "content_edges": ["confidence", "evidence", "state", "updated_at"],
        "content_links": ["detail", "stands"],
        "creators": [
            "agent", "bio", "country", "do_not_pitch", "do_not_pitch_reason", "languages", "name", "status", "topics",
            "updated_at",
        ],
        "accounts": ["creator_id", "handle", "handle_key", "name", "native_id", "provisional", "url"],
        "content_items": [
            "body", "described_at", "duration_seconds", "hints", "import_id", "kind", "language", "links",
            "published_at", "title", "url",
        ],
        "platform_grants": [
            "connected_at", "connected_by", "expires_at", "key_id", "lost_at", "lost_reason", "renewed_at", "scopes",
            "sealed_key", "secret", "state",
        ],
        "quota_buckets": ["day", "ready_at", "spent", "updated_at"],
        "circuits": ["failures", "opened_at", "reason", "state", "updated_at"],
        "sync_runs": ["finished_at", "state"],
        "sync_leases": ["holder", "run_id", "taken_at", "until"],
        "sync_checkpoints": [
            "complete_until", "cursor", "error", "failures", "moment", "next_due_at", "pass_began_at", "pass_since",
            "position", "remembered", "state", "updated_at", "whole", "whole_at",
        ],
        "sync_results": [
            "error", "finished_at", "gaps", "items_new", "items_updated", "next_due_at", "observations_new", "pages",
            "quarantined", "state",
        ],
        "event_cursors": ["error", "failures", "retry_at", "sequence"],
        "tasks": ["hint", "message", "resolved_at"],
        "rollup_states": ["rebuilt_at", "registry"],
        "creator_profiles": ["space", "vector"],
        "content_terms": ["detail", "ends_on", "kind", "party", "starts_on"],
        "content_review_skips": ["at"],
        "campaigns": ["brand", "ends_on", "name", "note", "starts_on"],
        "report_schedules": ["cron", "enabled", "folder", "member_id", "next_run_at", "recipients", "report"],
        "report_deliveries": ["attempts", "content_hash", "error", "reference", "state", "updated_at"],
        "jobs": [
            "cron", "enabled", "jitter_seconds", "last_finished_at", "last_holder", "last_result", "last_started_at",
            "last_state", "next_run_at",
        ],
        "saved_formats": ["definition", "member_id", "saved_at"],
        "ai_policies": [
            "allows_confidential", "monthly_micro_usd", "over_budget", "providers", "stays_here", "updated_at",
        ],
        "ai_qualities": ["cases", "detail", "measured_at", "quality"],
        "ai_runs": ["done", "member_id", "started_at", "state", "task", "total", "updated_at"],
        "briefs": ["brand", "document", "state", "title", "updated_at"],
        "saved_searches": ["alerts", "checked_at", "member_id", "query"],
        "saved_search_hits": ["told_at"],
        "shortlists": ["brief_id", "name"],
        "shortlist_entries": ["decided_at", "note", "reason", "score", "state"],
        "listings": ["state", "updated_at", "version"],
        "market_listings": ["hidden_from", "shown"],
        "market_briefs": ["closes_on", "document", "hidden_from", "published_at", "shown", "title", "version"],
        "market_approaches": ["answer", "answered_at", "state"],
        "market_reads": ["rows"],
        "billing_parties": [
            "bic", "business", "city", "country", "creator_id", "customer_id", "email", "evidence", "iban", "name",
            "payee_id", "postcode", "region", "registration", "self_billing_agreed_on", "settles_for_others",
            "small_business", "street", "tax_number", "updated_at", "vat_id",
        ],
        "contract_invitations": ["tries", "used_at"],
        "contract_annexes": ["commitment", "document"],
        "contract_seal_keys": ["key_id", "retired_at", "sealed_key"],
        "contract_versions": ["document_hash", "reason", "sent_at", "signed_at", "state", "terms", "terms_hash"],
        "creator_notes": ["removed_at", "removed_by"],
        "deal_ageing": ["days"],
        "deal_deliverables": [
            "contract_version_id", "country", "creator", "creator_id", "description", "due_on", "in_kind", "kind",
            "milestone_id", "platform", "platform_label", "revisions_allowed", "wording",
        ],
        "deal_invitations": ["expires_at"],
        "deal_milestones": [
            "amount_minor", "contract_version_id", "due_on", "hold_id", "paid_when", "silence_days", "state",
            "state_since", "title",
        ],
        "deal_sides": ["brief_id", "expected_minor", "note", "owner_id", "shortlist_id", "updated_at"],
        "deals": [
            "brand", "brand_email", "currency", "flow", "stage", "stage_actor", "stage_member_id", "stage_reason",
            "stage_role", "stage_since", "title", "updated_at",
        ],
        "desk_views": ["member_id", "name", "state", "updated_at"],
        "differences": ["decided_at", "member_id", "reason", "seen_by", "state"],
        "disputes": [
            "closed_at", "fee_minor", "from_hold_minor", "hold_id", "receivable_minor", "respond_by", "state",
            "updated_at",
        ],
        "hold_blocks": ["lifted_at", "lifted_because", "lifted_by", "reason"],
        "hold_movements": ["answer", "decided_at", "decided_by", "done_at", "state"],
        "hold_payments": ["charge_id", "refunded_minor"],
        "hold_shares": ["note", "operation_id", "recalled_minor", "state", "transfer_id"],
        "holds": [
            "agreed_minor", "auto_release_at", "delivered_at", "must_end_by", "shares", "silence_days", "state",
            "terms_hash", "title", "warned_days",
        ],
        "invoices": [
            "buyer", "finalised_at", "gross_minor", "issued_on", "net_days", "net_minor", "note", "paid_at",
            "paid_by", "reference", "seller", "sent_at", "state", "supplied_from", "supplied_until", "tax_minor",
            "void_reason", "voided_at",
        ],
        "payees": [
            "capability", "capability_reason", "creator_id", "destination_fingerprint", "destination_label",
            "destination_since", "email", "name", "name_key", "pinned_fingerprint", "provider_account",
            "refreshed_at", "requirements", "requirements_due_at", "updated_at",
        ],
        "payment_customers": ["email", "name", "provider_id", "updated_at"],
        "payment_limits": ["most_minor", "updated_at"],
        "payment_operations": [
            "attempts", "error", "generation", "lease_until", "next_attempt_at", "provider_id", "result", "sent_at",
            "state", "updated_at", "waits_for",
        ],
        "payouts": ["arrives_on", "booked", "failure", "state", "updated_at"],
        "plan_prices": ["provider_id", "state"],
        "plans": ["features", "name", "provider_id", "state", "trial_days", "updated_at"],
        "proposal_drafts": ["cost_minor", "document", "floor_minor", "message", "note", "updated_at"],
        "proposal_secrets": ["cost_minor", "floor_minor", "note", "written_at"],
        "proposals": ["answer", "answered_at", "answered_by", "state"],
        "provider_cursors": ["created_at", "last_id", "updated_at"],
        "provider_events": ["attempts", "handled_at", "next_attempt_at", "note", "object_hash", "state"],
        "provider_lines": ["available_at", "fetched_at", "payout_id", "status"],
        "provider_payouts": ["arrives_at", "failure", "fetched_at", "lines_known", "status"],
        "reconciliation_cursors": ["through_at", "updated_at"],
        "subscription_invoices": [
            "attempts", "invoice_id", "paid_minor", "period_end", "period_start", "refunded_minor", "state",
            "total_minor", "updated_at",
        ],
        "subscriptions": [
            "cancel_at_period_end", "dunning_step", "ended_at", "next_attempt_at", "past_due_since", "period_end",
            "period_start", "plan_id", "price_id", "provider_id", "quantity", "state", "trial_ends_at", "updated_at",
        ],
        "tax_forms": [
            "country", "expires_on", "key_id", "received_at", "revoked_at", "sealed_key", "secret", "signed_on",
            "state", "tin_ends_in", "tin_kind",
        ],
    }  # fmt: skip


def test_the_application_reads_every_column_but_whom_others_block(superuser_connection: Connection) -> None:
    found = superuser_connection.execute(
        """
        SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT attisdropped
          AND NOT has_column_privilege(%s, pg_class.oid, attnum, 'SELECT')
        """,
        [APP],
    ).fetchall()
    assert set(found) == NOT_EVEN_READ


def test_the_application_may_call_these_functions_of_ours_and_no_others(superuser_connection: Connection) -> None:
    found = superuser_connection.execute(
        """
        SELECT proname FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND has_function_privilege(%s, oid, 'EXECUTE')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid
                          AND deptype = 'e')
        """,
        [APP],
    ).fetchall()
    assert {name for (name,) in found} == {
        "engagerr_new_id",
        "engagerr_tenant",
        "engagerr_archived_months",
        "engagerr_audit_hash",
        "engagerr_ensure_partitions",
        "engagerr_contract_clashes",
        "engagerr_deal_side",
        "engagerr_deal_stage_steps",
        "engagerr_deliverable_rules",
        "engagerr_id_ending",
        "engagerr_join_deal",
        "engagerr_post",
        "engagerr_post_batch",
        "engagerr_request_hash",
        "engagerr_textmultirange",
        "engagerr_textrange",
        "engagerr_transfer_bytes",
        "engagerr_transfer_id",
    }


@pytest.mark.parametrize("function", ["engagerr_edges_written", "engagerr_audit_chain"])
def test_a_trigger_of_ours_cannot_be_hung_on_a_table_of_theirs(app_connection: Connection, function: str) -> None:
    """It would run with the owner's rights on rows that the caller made up."""
    app_connection.execute("CREATE TEMPORARY TABLE mine (LIKE content_edges)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_connection.execute(f"CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION {function}()")


def test_the_application_cannot_create_tables_or_take_other_roles(app_connection: Connection) -> None:
    for statement in (
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "SET ROLE engagerr_owner",
        "SET SESSION AUTHORIZATION engagerr_owner",
        "SET session_replication_role = replica",
        "ALTER TABLE creators DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE audit_log DISABLE TRIGGER audit_chain",
        "DROP POLICY tenant ON creators",
        "ALTER ROLE engagerr_app BYPASSRLS",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app_connection.transaction():
            app_connection.execute(statement)


# ── Two tenants, every table ────────────────────────────────────────────────────────────────────────────────────────


def test_the_walk_covers_every_table_of_the_catalogue(two: TwoTenants) -> None:
    with two.clone.connect(SUPERUSER) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition AND relname <> 'alembic_version'"
        ).fetchall()
    in_the_database = {name for (name,) in found}
    assert in_the_database - set(two.our_rows) == set(), "tests/factories.py fills every table"
    assert set(TABLES) == in_the_database


def rows_of(connection: Connection, table: str, tenant_id: UUID) -> list[tuple[Any, ...]]:
    """The tenant's rows with their row versions: any change of one shows."""
    column = "id" if table == "tenants" else "tenant_id"
    query = sql.SQL("SELECT t.xmin::text, t.ctid::text, t::text FROM {} AS t WHERE {} = %s ORDER BY 3")
    return connection.execute(query.format(sql.Identifier(table), sql.Identifier(column)), [tenant_id]).fetchall()


def seen(connection: Connection, table: str) -> set[UUID]:
    """The tenants whose rows a plain SELECT shows."""
    column = "id" if table == "tenants" else "tenant_id"
    query = sql.SQL("SELECT DISTINCT {} FROM {}").format(sql.Identifier(column), sql.Identifier(table))
    return {tenant for (tenant,) in connection.execute(query).fetchall()}


@pytest.mark.parametrize("role", [APP, OWNER])
@pytest.mark.parametrize("table", TABLES)
def test_only_the_tenants_own_rows_are_seen(two: TwoTenants, table: str, role: str) -> None:
    with two.clone.connect(role) as connection:
        with in_tenant(connection, two.ours):
            assert seen(connection, table) == {two.ours}
        with in_tenant(connection, two.other):
            assert seen(connection, table) == {two.other}
        with in_tenant(connection, None):
            assert seen(connection, table) == set()


@pytest.mark.parametrize("table", TABLES)
def test_the_rows_of_another_tenant_cannot_be_changed_or_deleted(two: TwoTenants, table: str) -> None:
    """As the owner, who has every privilege: it is the policy that holds, and the application has it all the more."""
    names = {"table": sql.Identifier(table), "tenant": sql.Identifier("id" if table == "tenants" else "tenant_id")}
    update_theirs, delete_theirs, update_all = (
        sql.SQL(text).format(**names)
        for text in (
            "UPDATE {table} SET {tenant} = {tenant} WHERE {tenant} = %s",
            "DELETE FROM {table} WHERE {tenant} = %s",
            "UPDATE {table} SET {tenant} = {tenant}",
        )
    )
    with two.clone.connect(SUPERUSER, autocommit=True) as superuser, two.clone.connect(OWNER) as connection:
        theirs, ours = (rows_of(superuser, table, tenant) for tenant in (two.other, two.ours))
        assert theirs
        assert ours
        for tenant, touched in ((two.ours, len(ours)), (None, 0)):
            with in_tenant(connection, tenant):
                assert connection.execute(update_theirs, [two.other]).rowcount == 0
                assert connection.execute(delete_theirs, [two.other]).rowcount == 0
            with in_tenant(connection, tenant):
                assert connection.execute(update_all).rowcount == touched
                raise psycopg.Rollback
        assert rows_of(superuser, table, two.other) == theirs


def _statement(table: str, row: Row) -> sql.Composed:
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join([sql.Placeholder()] * len(row)),
    )


def outcome(connection: Connection, tenant_id: UUID | None, table: str, row: Row) -> tuple[str | None, ...]:
    """Everything that the database says to an INSERT, which is rolled back; ("stored",) when it took the row."""
    try:
        with in_tenant(connection, tenant_id):
            connection.execute(_statement(table, row), [adapted(value) for value in row.values()])
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            raise psycopg.Rollback
    except psycopg.Error as error:
        found = error.diag
        return (error.sqlstate, found.message_primary, found.message_detail, found.constraint_name, found.table_name)
    return ("stored",)


@pytest.mark.parametrize("role", [APP, OWNER])
@pytest.mark.parametrize("table", TABLES)
def test_a_row_cannot_be_written_into_another_tenant(two: TwoTenants, table: str, role: str) -> None:
    """Refused before any key is compared: whether the row is there already does not show."""
    with two.clone.connect(role) as connection:
        for tenant in (two.ours, None):
            assert outcome(connection, tenant, table, two.other_rows[table])[0] == "42501"


def as_ours(two: TwoTenants, table: str, *, own_parents: bool) -> Row:
    """The other tenant's row with our tenant on it, pointing at their parents or at ours."""
    row = dict(two.other_rows[table])
    if table != "tenants":
        row["tenant_id"] = two.ours
    if own_parents:
        parents = {column for key in metadata.tables[table].foreign_keys for column in [key.parent.name]}
        row |= {column: two.our_rows[table][column] for column in parents - {"tenant_id"}}
    return row


@pytest.mark.parametrize("own_parents", [False, True], ids=["their parents", "our parents"])
@pytest.mark.parametrize("table", TABLES)
def test_an_insert_tells_nothing_of_another_tenants_row(two: TwoTenants, table: str, own_parents: bool) -> None:
    """The same statement gets the same answer, word for word, where the other tenant never was."""
    row = as_ours(two, table, own_parents=own_parents)
    with two.clone.connect() as connection, two.without_the_other.connect() as alone:
        answer = outcome(connection, two.ours, table, row)
        assert answer == outcome(alone, two.ours, table, row)


def test_the_comparison_would_notice_a_key_without_the_tenant(two: TwoTenants, cluster: Cluster) -> None:
    row = as_ours(two, "creators", own_parents=True)
    with cluster.clone(two.clone.name) as both, cluster.clone(two.without_the_other.name) as without:
        for clone in (both, without):
            with clone.connect(OWNER, autocommit=True) as owner:
                owner.execute("CREATE UNIQUE INDEX leaky ON creators (name)")
        with both.connect() as connection, without.connect() as alone:
            assert outcome(alone, two.ours, "creators", row) == ("stored",)
            assert outcome(connection, two.ours, "creators", row)[0] == "23505"


def test_the_same_names_and_files_may_stand_in_both_tenants(two: TwoTenants) -> None:
    with two.clone.connect() as connection:
        for table in ("creators", "accounts", "members", "imports", "content_items", "tokens", "rates"):
            assert outcome(connection, two.ours, table, as_ours(two, table, own_parents=True)) == ("stored",)


def _may_write(connection: Connection, table: str) -> set[str]:
    """The columns that the application may give a new row."""
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND has_column_privilege(attrelid, attnum, 'INSERT')",
        [table],
    ).fetchall()
    return {name for (name,) in found}


def test_a_reference_to_another_tenants_row_reads_like_one_to_nothing(two: TwoTenants) -> None:
    nowhere = UUID(int=0x7FFF)
    checked = set()
    with two.clone.connect() as connection:
        for table in sorted(set(TABLES) - SELECT_ONLY):
            for key in metadata.tables[table].foreign_key_constraints:
                for column in set(key.column_keys) - {"tenant_id"}:
                    theirs = two.other_rows[table][column]
                    writable = _may_write(connection, table)
                    row = {
                        name: value for name, value in as_ours(two, table, own_parents=True).items() if name in writable
                    }
                    if column not in writable:
                        continue
                    if table == "content_edges":
                        row["state"] = "suggested"  # our item hangs on a parent already
                    answers = [
                        outcome(connection, two.ours, table, row | {column: value}) for value in (theirs, nowhere)
                    ]
                    assert answers[0][0] == "23503", (table, column, answers[0])
                    masked = [
                        tuple(part and part.replace(str(value), "ID") for part in answer)
                        for answer, value in zip(answers, (theirs, nowhere), strict=True)
                    ]
                    assert masked[0] == masked[1]
                    checked.add((table, column))
    assert {("accounts", "creator_id"), ("content_edges", "parent_id"), ("raw_payloads", "import_id")} <= checked


# ── The setting ends with the transaction ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def one_connection(clone: Clone, home: Any) -> Iterator[Database]:
    database = Database(clone.settings(home, database={"pool_size": 2}))
    yield database
    database.close()


def backend_and_names(session: Any) -> tuple[int, list[str]]:
    from sqlalchemy import text

    pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return pid, list(session.execute(text("SELECT name FROM creators")).scalars())


def test_the_tenant_of_one_transaction_is_forgotten_by_the_next(one_connection: Database, workspace: Workspace) -> None:
    workspace.roster.add("Ann Lee")
    with one_connection.transaction(workspace.tenant.id) as session:
        first = backend_and_names(session)
    with one_connection.system() as session:
        second = backend_and_names(session)
    assert first[1] == ["Ann Lee"]
    assert second == (first[0], [])  # the same connection of the pool


def test_the_tenant_is_forgotten_after_a_failure_too(one_connection: Database, workspace: Workspace) -> None:
    from sqlalchemy import text

    workspace.roster.add("Ann Lee")
    pid = 0
    for failure in (RuntimeError, KeyboardInterrupt):
        with contextlib.suppress(failure), one_connection.transaction(workspace.tenant.id) as session:
            pid = backend_and_names(session)[0]
            raise failure
        with one_connection.system() as session:
            assert backend_and_names(session) == (pid, [])
    with pytest.raises(Exception, match="division by zero"), one_connection.transaction(workspace.tenant.id) as session:
        session.execute(text("SELECT 1 / 0"))
    with one_connection.system() as session:
        assert backend_and_names(session) == (pid, [])


def test_a_setting_made_for_the_whole_session_would_leak_and_is_not_how_it_is_done(
    one_connection: Database, workspace: Workspace
) -> None:
    """What the transaction-local setting guards against: shown to be able to go wrong."""
    from sqlalchemy import text

    workspace.roster.add("Ann Lee")
    with one_connection.system() as session:
        session.execute(
            text("SELECT set_config('engagerr.tenant_id', :tenant, false)"), {"tenant": str(workspace.tenant.id)}
        )
    with one_connection.system() as session:
        assert backend_and_names(session)[1] == ["Ann Lee"]


def test_two_workspaces_through_one_engagerr_do_not_mix(engagerr: Engagerr, workspace: Workspace,
                                                        other_workspace: Workspace) -> None:  # fmt: skip
    token = other_workspace.members.issue_token(name="visit").token
    visiting = engagerr.workspace(token)
    workspace.roster.add("Ann Lee")
    visiting.roster.add("Ben Ode")
    assert [row.name for row in workspace.roster.list()] == ["Ann Lee"]
    assert [row.name for row in visiting.roster.list()] == ["Ben Ode"]
    assert [row.name for row in other_workspace.roster.list()] == ["Ben Ode"]
