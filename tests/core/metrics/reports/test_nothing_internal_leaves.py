"""What is for members alone is planted wherever it can stand, and looked for in everything that goes out.

The search is proven first: it finds each mark where members see it, and a mark in a public place in every format.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from engagerr import Money, Workspace
from engagerr.core.db.schema import metadata
from engagerr.core.metrics.reports.document import ReportDocument, canonical_json
from engagerr.core.metrics.reports.paper import layout
from engagerr.core.metrics.reports.reports import ReportFormat
from psycopg import sql
from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from tests.core.metrics.reports.reading import everything_in
from tests.fakes.cluster import Connection
from tests.lines import a_creator, a_figure, an_edge, an_item, bring, contents

MARK = "LEAKEDMARK"
# As minor units, as an amount, as it is written; as a share and as it is written.
AMOUNTS = ("918273641", "9182736.41", "9,182,736.41", "9182736,41", "9 182 736")
REVENUE = ("5463728.19", "5,463,728.19", "5463728", "5,463,728", "546372819")
COMMISSION = ("0.13797", "13.797", "13.80 %")
SECRETS = (MARK, *AMOUNTS, *REVENUE, *COMMISSION)

# What a report is made of, or what code needs to find it: not planted. Everything else that holds words is, so that a
# column that is added tomorrow is planted without anybody thinking of it.
OPEN: Mapping[str, set[str]] = {
    "tenants": {"kind", "name"},
    "members": {"role"},
    "creators": {"name", "country", "languages", "topics", "bio", "status"},
    "accounts": {"platform", "handle", "handle_key", "native_id", "name", "url"},
    "audience_shares": {"dimension", "value"},
    "account_audience_shares": {"dimension", "value"},
    "content_items": {"platform", "native_id", "kind", "title", "body", "url", "language", "links"},
    "content_nodes": {"platform", "native_id", "account", "kind", "title", "url", "relation", "edge_state"},
    "content_edges": {"relation", "state"},
    "metric_observations": {"metric", "state", "currency"},
    "metric_rollups": {"grain", "kind", "metric", "definition", "basis", "currency"},
    "rollup_states": {"registry"},
    "campaigns": {"name", "brand"},
    "rates": {"currency"},
}
# At least these must have been planted, or the test looks for nothing.
INTERNAL = {
    "creators.agent", "creators.do_not_pitch_reason", "representation_terms.note", "rates.deliverable",
    "campaigns.note", "members.email", "members.name", "imports.file_name", "quarantined_rows.value",
    "quarantined_rows.reason", "content_decisions.reason", "content_edges.evidence", "tokens.name",
    "report_schedules.name", "report_schedules.recipients",
}  # fmt: skip


def figures(views: int, *, of: str) -> list[dict[str, Any]]:
    months = (("2026-08-31", 0.4), ("2026-09-30", 0.7), ("2026-10-30", 1.0))
    figures = [
        a_figure(name, int(views * share * part), at)
        for name, part in (("views", 1.0), ("likes", 0.05), ("comments", 0.01), ("shares", 0.004))
        for at, share in months
    ]
    return [*figures, a_figure("saves", state="suppressed", at="2026-10-30")] if of != "youtube" else figures


@pytest.fixture
def agency(workspace: Workspace, superuser_connection: Connection, tmp_path: Path) -> Workspace:
    """Ann, whom brands are told about, Bo beside her, and a mark in whatever is not for brands."""
    at_home = {"dimension": "country", "value": "DE", "share": 0.6, "observed_at": "2026-10-30T00:00:00Z"}
    lines = [
        a_creator("Ann Lee", country="DE", languages=["de"], topics=["outdoor"], bio="Walks.", audience=[at_home]),
        a_creator("Bo", country="SE"),
    ]  # fmt: skip
    for at in range(10):
        for platform, kind in (("youtube", "long_video"), ("tiktok", "short_video"), ("instagram", "reel")):
            lines.append(
                an_item(
                    f"{platform}:{at}", kind=kind, title=f"{platform} piece {at}", duration_seconds=60 + at,
                    published_at=f"2026-0{8 + at % 2}-{at + 10}T10:00:00Z",
                    metrics=figures(1000 + 97 * at, of=platform), creator="Ann Lee" if at % 4 else "Bo",
                )
            )  # fmt: skip
        lines.append(an_edge(f"tiktok:{at}", f"youtube:{at}"))
    lines += [
        {"type": "account", "platform": "youtube", "handle": "@ann", "creator": "Ann Lee",
         "metrics": [a_figure("subscribers", 10_000, "2026-08-31"), a_figure("subscribers", 12_000, "2026-10-30")]},
        an_item("youtube:1", kind="long_video",
                metrics=[a_figure("estimated_revenue", 5463728.19, "2026-10-30", currency="EUR")]),
        '{"type": "item", "platform": "youtube", "native_id": ""}',
    ]  # fmt: skip
    bring(workspace, tmp_path, *lines)
    workspace.roster.edit("Ann Lee", agent="a", do_not_pitch=True, do_not_pitch_reason="r")
    workspace.roster.set_terms("Ann Lee", commission_rate=Decimal("0.13797"), exclusive=True, since=date(2026, 1, 1),
                               note="n")  # fmt: skip
    workspace.roster.set_rate("Ann Lee", deliverable="d", amount=Money(918273641, "EUR"))
    workspace.campaigns.add("Autumn", brand="Trailhead", note="n")
    workspace.campaigns.add_items("Autumn", ["youtube:1", "youtube:2", "instagram:3"], with_family=True)
    workspace.content.reject(str(edge_of(workspace)), reason="r")
    workspace.members.add("bea@northlight.example", role="viewer", name="Bea")
    workspace.members.issue_token(name="t", member="bea@northlight.example")
    superuser_connection.execute(
        "INSERT INTO report_schedules (tenant_id, name, report, cron, recipients, created_at)"
        " SELECT id, 's', '{}', '0 6 1 * *', ARRAY['x@y.example'], now() FROM tenants"
    )
    return workspace


def edge_of(workspace: Workspace) -> Any:
    """An edge that somebody has an opinion on."""
    return workspace.content.tree("youtube:9").children[0].edge_id


@pytest.fixture
def planted(agency: Workspace, superuser_connection: Connection) -> set[str]:
    """A mark in every column of words that is not open; those that the database allowed to be written."""
    written = set()
    superuser_connection.execute("SET session_replication_role = replica")
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.name in OPEN.get(table.name, set()):
                continue
            mark = sql.Literal(f"{MARK}.{table.name}.{column.name}.")
            if isinstance(column.type, JSONB):
                value = sql.SQL(
                    "CASE jsonb_typeof({column}) WHEN 'array' THEN {column} || to_jsonb({mark}::text)"
                    " ELSE {column} || jsonb_build_object('mark', {mark}::text) END"
                )
            elif isinstance(column.type, ARRAY) and isinstance(column.type.item_type, Text):
                value = sql.SQL("ARRAY[{mark} || ctid::text]")
            elif isinstance(column.type, Text):
                value = sql.SQL("{mark} || ctid::text")
            else:
                continue
            statement = sql.SQL("UPDATE {table} SET {column} = {value}").format(
                table=sql.Identifier(table.name), column=sql.Identifier(column.name),
                value=value.format(column=sql.Identifier(column.name), mark=mark),
            )  # fmt: skip
            try:
                with superuser_connection.transaction():
                    if superuser_connection.execute(statement).rowcount:
                        written.add(f"{table.name}.{column.name}")
            except psycopg.errors.CheckViolation:
                # One of few words that the schema knows: it can hold no secret.
                continue
    superuser_connection.execute("SET session_replication_role = origin")
    return written


def documents(agency: Workspace) -> Iterator[ReportDocument]:
    reports = agency.reports
    yield reports.creator("Ann Lee")
    yield reports.campaign("Autumn")
    yield reports.roster()
    yield reports.family("youtube:1")


def found(secrets: tuple[str, ...], content: bytes) -> list[str]:
    """Which of the secrets stand in the bytes, in any of the ways in which bytes hold words."""
    # Long words on paper have places to break in them.
    plain = content.lower().replace("\u200b".encode(), b"")
    return [
        secret
        for secret in secrets
        if any(secret.lower().encode(code) in plain for code in ("utf-8", "utf-16-be", "utf-16-le"))
    ]


def test_every_internal_field_was_planted_and_members_see_it(
    agency: Workspace, planted: set[str], superuser_connection: Connection
) -> None:
    assert planted >= INTERNAL, INTERNAL - planted
    tables = [table.name for table in metadata.sorted_tables]
    stored = "\n".join(line for lines in contents(superuser_connection, tables).values() for line in lines)
    assert not [column for column in planted if f"{MARK}.{column}" not in stored]
    page = agency.roster.show("Ann Lee")
    seen = repr([
        page, agency.campaigns.show("Autumn"), agency.members.list(), agency.ingestion.history(),
        agency.ingestion.quarantine(),
    ])  # fmt: skip
    for column in ("creators.agent", "creators.do_not_pitch_reason", "representation_terms.note", "rates.deliverable",
                   "campaigns.note", "members.email", "imports.file_name", "quarantined_rows.value"):  # fmt: skip
        assert f"{MARK}.{column}" in seen, column
    assert found(AMOUNTS, seen.encode())
    assert found(COMMISSION, seen.encode())
    assert found(REVENUE, repr(agency.metrics.show("youtube:1")).encode())


def test_the_search_finds_a_mark_in_a_public_place_in_every_format(agency: Workspace) -> None:
    agency.roster.edit("Ann Lee", bio=f"Walks and {MARK} talks.")
    document = agency.reports.creator("Ann Lee")
    assert found((MARK,), canonical_json(document))
    assert found((MARK,), json.dumps(layout(document), ensure_ascii=False).encode())
    # Pixels hold no words: what they are made of is searched above.
    for known in set(ReportFormat) - {ReportFormat.PNG}:
        assert found((MARK,), everything_in(agency.reports.render(document, known))), known


def test_nothing_internal_is_in_any_report_of_any_format(agency: Workspace, planted: set[str]) -> None:
    assert planted
    count = 0
    for document in documents(agency):
        assert document.sections
        assert found(SECRETS, canonical_json(document)) == [], document.kind
        assert found(SECRETS, json.dumps(layout(document), ensure_ascii=False).encode()) == [], document.kind
        for known in ReportFormat:
            file = agency.reports.render(document, known)
            assert found(SECRETS, everything_in(file)) == [], (document.kind, known)
            count += 1
    assert count == 4 * len(ReportFormat)


def test_the_kit_of_one_creator_names_no_other(agency: Workspace) -> None:
    document = agency.reports.creator("Ann Lee")
    assert found(("@bo",), canonical_json(document)) == []
    agency.roster.edit("Bo", name=f"Bo {MARK}")
    assert found((MARK,), canonical_json(agency.reports.roster()))
    assert found((MARK,), canonical_json(agency.reports.creator("Ann Lee"))) == []
