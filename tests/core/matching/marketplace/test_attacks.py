"""The shelf attacked: raw SQL as the application role, in the name of two and three tenants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from engagerr.core.db.schema import metadata
from psycopg import sql
from tests.core.matching.marketplace.conftest import (
    BRAND_MARK,
    BUDGET,
    COMMISSION,
    MARK,
    RATE,
    Side,
    add_brief,
    add_creator,
)
from tests.factories import in_tenant
from tests.fakes.cluster import Connection

SHOWN = "zzshown"
APPROACH = """INSERT INTO market_approaches (tenant_id, to_tenant_id, kind, brief_id, listing_id, sender, brief_title,
  creator, message, sent_at) VALUES (%(me)s, %(to)s, %(kind)s, %(brief)s, %(listing)s, 'The tax office', 'Free money',
  'Somebody famous', 'hello', now()) RETURNING sender, brief_title, creator, state"""


@dataclass(frozen=True)
class Stage:
    """The agency shows a listing and the brand a brief; the agency applied for it, and the third has nothing to do."""

    agency: Side
    brand: Side
    third: Side
    listing: UUID
    brief: UUID
    approach: UUID


@pytest.fixture
def stage(agency: Side, brand: Side, third: Side) -> Stage:
    everything = ["identity", "reach", "engagement", "cadence", "content", "families", "audience", "record",
                  "availability"]  # fmt: skip
    agency.market.listings.publish("Ann Lee", fields=everything, headline=f"{SHOWN} headline")
    listing = agency.market.listings.publish("Ann Lee", about=f"{SHOWN} text").id
    brief = brand.market.briefs.publish("Trail shoes, spring").id
    sent = agency.market.approaches.apply(brief, creator="Ann Lee", message=f"{SHOWN} message")
    agency.market.blocks.block(uuid4(), reason=f"{MARK} reason")
    return Stage(agency, brand, third, listing, brief, sent.id)


def refused(error: str, said: str | None = None) -> pytest.RaisesExc[psycopg.Error]:
    """The database refuses with this error, in these words."""
    return pytest.raises(getattr(psycopg.errors, error), match=said)


def everything_read(connection: Connection, tenant: UUID | None) -> dict[str, str]:
    """All that a tenant reads of every table and column, as text."""
    read = {}
    with in_tenant(connection, tenant):
        for table in metadata.sorted_tables:
            allowed = connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
                " AND has_column_privilege(attrelid, attnum, 'SELECT')",
                [table.name],
            ).fetchall()
            columns = sql.SQL(", ").join(sql.Identifier(name) for (name,) in allowed)
            rows = connection.execute(sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(table.name)))
            read[table.name] = "\n".join(repr(row) for row in rows)
    return read


def test_nothing_internal_is_anywhere_in_what_others_read(stage: Stage, app_connection: Connection) -> None:
    of_agency = (MARK, str(RATE.minor), COMMISSION, "ann@northlight.example")
    of_brand = (BRAND_MARK, str(BUDGET.minor), "bo@trailhead.example")
    for owner, secrets in ((stage.agency, of_agency), (stage.brand, of_brand)):
        read = everything_read(app_connection, owner.id)
        assert all(any(secret in text for text in read.values()) for secret in secrets)  # it is there to be found
    for reader, secrets in ((stage.third, of_agency + of_brand), (stage.brand, of_agency), (stage.agency, of_brand)):
        read = everything_read(app_connection, reader.id)
        assert SHOWN in read["market_listings"]
        assert "Trail shoes" in read["market_briefs"]
        assert [(table, secret) for table, text in read.items() for secret in secrets if secret in text] == []
    assert SHOWN not in everything_read(app_connection, stage.third.id)["market_approaches"]


def test_marks_in_what_is_shown_would_be_found(stage: Stage, app_connection: Connection, owner_connection: Connection,
                                               superuser_connection: Connection) -> None:  # fmt: skip
    """What the search guards against, each one shown to be noticed."""
    superuser_connection.execute("UPDATE market_listings SET rates = %s", [f'{{"story": {{"EUR": {RATE.minor}}}}}'])
    assert str(RATE.minor) in everything_read(app_connection, stage.third.id)["market_listings"]
    owner_connection.execute("CREATE POLICY wider ON representation_terms FOR SELECT USING (true)")
    assert MARK in everything_read(app_connection, stage.third.id)["representation_terms"]


def test_without_a_tenant_the_shelf_is_empty(stage: Stage, app_connection: Connection) -> None:
    assert set(everything_read(app_connection, None).values()) - {""} == set()
    with app_connection.transaction():
        app_connection.execute("SELECT set_config('engagerr.tenant_id', '', true)")
        assert app_connection.execute("SELECT count(*) FROM market_listings").fetchone() == (0,)


def test_whom_a_tenant_blocks_is_read_by_nobody_else(stage: Stage, app_connection: Connection) -> None:
    stage.agency.market.blocks.block(stage.third.id)
    for table in ("market_listings", "market_briefs"):
        for column in ("hidden_from", "*", "market_listings" if table == "market_listings" else "market_briefs"):
            with refused("InsufficientPrivilege"), in_tenant(app_connection, stage.brand.id):
                app_connection.execute(f"SELECT {column} FROM {table}")
        with refused("InsufficientPrivilege"), in_tenant(app_connection, stage.brand.id):
            app_connection.execute(f"SELECT 1 FROM {table} WHERE %s = ANY (hidden_from)", [stage.third.id])
    with in_tenant(app_connection, stage.brand.id):
        assert app_connection.execute("SELECT count(*) FROM market_blocks").fetchone() == (0,)
        assert app_connection.execute("SELECT count(*) FROM market_listings").fetchone() == (1,)


def test_who_is_blocked_sees_nothing_of_it_by_any_id(stage: Stage, app_connection: Connection) -> None:
    stage.agency.market.blocks.block(stage.third.id)
    stage.brand.market.blocks.block(stage.third.id)
    with in_tenant(app_connection, stage.third.id):
        for table, column, known in (("market_listings", "listing_id", stage.listing),
                                     ("market_briefs", "brief_id", stage.brief)):  # fmt: skip
            for query in (f"SELECT publisher FROM {table}", f"SELECT publisher FROM {table} WHERE {column} = '{known}'",
                          f"SELECT version FROM {table} WHERE shown IS TRUE"):  # fmt: skip
                assert app_connection.execute(query).fetchall() == []


def test_what_is_not_shown_is_read_by_its_owner_alone(stage: Stage, app_connection: Connection) -> None:
    stage.agency.market.listings.withdraw("Ann Lee")
    stage.brand.market.briefs.withdraw("Trail shoes, spring")
    for reader, rows in ((stage.third, 0), (stage.brand, 0), (stage.agency, 1)):
        with in_tenant(app_connection, reader.id):
            found = app_connection.execute(
                "SELECT count(*) FROM market_listings WHERE listing_id = %s", [stage.listing]
            )
            assert found.fetchone() == (rows,)
    with in_tenant(app_connection, stage.third.id):
        assert app_connection.execute("SELECT count(*) FROM market_briefs").fetchone() == (0,)


CHANGES = [
    "UPDATE market_listings SET shown = false",
    "UPDATE market_listings SET hidden_from = '{}'",
    "DELETE FROM market_listings",
    "UPDATE market_briefs SET title = 'mine', document = '{}'",
    "UPDATE market_briefs SET shown = false",
    "UPDATE listings SET state = 'withdrawn'",
    "UPDATE market_approaches SET state = 'accepted'",
    "UPDATE market_approaches SET state = 'withdrawn'",
    "DELETE FROM market_blocks",
    "WITH seen AS (SELECT listing_id FROM market_listings FOR UPDATE) UPDATE market_reads SET rows = 0 FROM seen",
]


def test_a_third_tenant_changes_nothing_of_others(stage: Stage, app_connection: Connection) -> None:
    for statement in CHANGES:
        with in_tenant(app_connection, stage.third.id):
            assert app_connection.execute(statement).rowcount == 0, statement
    assert stage.agency.market.listings.show("Ann Lee").state == "published"
    assert stage.brand.market.approaches.inbox()[0].state == "sent"


def test_a_row_of_others_cannot_even_be_locked(stage: Stage, app_connection: Connection) -> None:
    for lock in ("FOR UPDATE", "FOR SHARE", "FOR KEY SHARE"):
        with in_tenant(app_connection, stage.third.id):
            assert app_connection.execute(f"SELECT listing_id FROM market_listings {lock}").fetchall() == []


def test_a_row_with_a_foreign_tenant_on_it_is_refused(stage: Stage, app_connection: Connection) -> None:
    """Every column is given, so that it is the policy that refuses and nothing else."""
    forged: dict[str, dict[str, Any]] = {
        "market_listings": {"listing_id": stage.listing, "version": 9, "shown": True, "publisher": "x", "name": "x",
                            "published_at": "now"},
        "market_briefs": {"brief_id": stage.brief, "version": 9, "shown": True, "publisher": "x", "title": "x",
                          "document": "{}", "published_at": "now"},
        "listings": {"creator_id": uuid4()},
        "listing_versions": {"listing_id": stage.listing, "version": 9, "snapshot": "{}", "published_at": "now"},
        "market_blocks": {"blocked_tenant_id": stage.brand.id, "name": "x", "at": "now"},
        "market_reads": {"hour": "now", "rows": 1_000_000},
        "market_approaches": {"to_tenant_id": stage.brand.id, "kind": "application", "brief_id": stage.brief,
                              "listing_id": stage.listing, "sender": "x", "brief_title": "x", "creator": "x",
                              "sent_at": "now"},
    }  # fmt: skip
    for table, values in forged.items():
        row = {"tenant_id": stage.agency.id, **values}
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join([sql.Placeholder()] * len(row)),
        )  # fmt: skip
        for tenant in (stage.third.id, None):
            with refused("InsufficientPrivilege", "row-level security"), in_tenant(app_connection, tenant):
                app_connection.execute(statement, list(row.values()))


def test_a_sender_is_who_it_is_and_names_what_is_shown(stage: Stage, app_connection: Connection) -> None:
    own = stage.brand.market.briefs.publish("Trail shoes, spring").id
    invitation = {"me": stage.brand.id, "to": stage.agency.id, "kind": "invitation", "brief": own,
                  "listing": stage.listing}  # fmt: skip
    with in_tenant(app_connection, stage.brand.id):
        sent = app_connection.execute(APPROACH, invitation).fetchone()
    assert sent == ("Trailhead", "Trail shoes, spring", "Ann Lee", "sent")


def test_an_approach_about_what_is_not_there_is_refused(stage: Stage, app_connection: Connection) -> None:
    honest = {"me": stage.third.id, "to": stage.brand.id, "kind": "application", "brief": stage.brief,
              "listing": uuid4()}  # fmt: skip
    for forged in (
        {"listing": stage.listing},  # somebody else's listing, as if it were one's own
        {"listing": uuid4()},
        {"brief": uuid4()},
        {"to": stage.agency.id},  # a brief that the addressee does not have
        {"to": stage.third.id},
        {"to": uuid4()},
        {"kind": "invitation"},  # the other way round
        {"kind": "order"},
    ):
        with refused("CheckViolation", "nothing on the shelf"), in_tenant(app_connection, stage.third.id):
            app_connection.execute(APPROACH, honest | forged)


def test_nobody_approaches_itself_or_whom_it_blocks(stage: Stage, app_connection: Connection) -> None:
    own = add_brief(stage.agency.work, "Our own")
    stage.agency.market.briefs.publish("Our own")
    stage.agency.market.approaches.withdraw(stage.approach)
    to_itself = {"me": stage.agency.id, "to": stage.agency.id, "kind": "application", "brief": own,
                 "listing": stage.listing}  # fmt: skip
    to_them = to_itself | {"to": stage.brand.id, "brief": stage.brief}
    stage.agency.market.blocks.block(stage.brand.id)
    for forged in (to_itself, to_itself | {"kind": "invitation"}, to_them):
        with refused("CheckViolation", "nothing on the shelf"), in_tenant(app_connection, stage.agency.id):
            app_connection.execute(APPROACH, forged)
    stage.agency.market.blocks.unblock(stage.brand.id)
    with in_tenant(app_connection, stage.agency.id):
        assert app_connection.execute(APPROACH, to_them).fetchone()


def test_who_is_blocked_gets_the_same_refusal_as_for_what_never_was(stage: Stage, app_connection: Connection) -> None:
    add_creator(stage.third.work, "Cid Ray")
    own = stage.third.market.listings.publish("Cid Ray").id
    asked = {"me": stage.third.id, "to": stage.brand.id, "kind": "application", "listing": own}

    def refusal(brief: UUID) -> tuple[str | None, ...]:
        with pytest.raises(psycopg.Error) as refused, in_tenant(app_connection, stage.third.id):
            app_connection.execute(APPROACH, {**asked, "brief": brief})
        said = refused.value.diag
        return (said.sqlstate, said.message_primary, said.message_detail, said.constraint_name, said.context)

    stage.brand.market.blocks.block(stage.third.id)
    assert refusal(stage.brief) == refusal(uuid4())


def test_each_side_takes_only_its_own_steps(stage: Stage, app_connection: Connection) -> None:
    for side, changes in (
        (stage.agency, ("state = 'accepted'", "state = 'declined'", "answer = 'yes, gladly'",
                        "state = 'withdrawn', answer = 'in their name'")),
        (stage.brand, ("state = 'withdrawn'", "state = 'sent', answer = 'a second thought'", "answered_at = now()")),
    ):  # fmt: skip
        for change in changes:
            with refused("CheckViolation", "by this side"), in_tenant(app_connection, side.id):
                app_connection.execute(f"UPDATE market_approaches SET {change} WHERE id = %s", [stage.approach])


def test_an_answer_is_final_for_both_sides(stage: Stage, app_connection: Connection) -> None:
    stage.brand.market.approaches.accept(stage.approach)
    for side, state in ((stage.agency, "withdrawn"), (stage.brand, "declined"), (stage.brand, "sent")):
        with refused("CheckViolation"), in_tenant(app_connection, side.id):
            app_connection.execute("UPDATE market_approaches SET state = %s WHERE id = %s", [state, stage.approach])


def test_what_was_sent_is_never_rewritten(stage: Stage, app_connection: Connection) -> None:
    for column in ("tenant_id", "to_tenant_id", "kind", "brief_id", "listing_id", "sender", "brief_title", "creator",
                   "message", "sent_at"):  # fmt: skip
        for side in (stage.agency, stage.brand):
            with refused("InsufficientPrivilege"), in_tenant(app_connection, side.id):
                app_connection.execute(f"UPDATE market_approaches SET {column} = {column}")


def test_an_owner_cannot_un_hide_what_is_blocked_or_not_to_be_pitched(stage: Stage, app_connection: Connection) -> None:
    stage.agency.market.blocks.block(stage.third.id)
    with in_tenant(app_connection, stage.agency.id):
        app_connection.execute("UPDATE market_listings SET hidden_from = '{}', shown = true")
    with in_tenant(app_connection, stage.third.id):
        assert app_connection.execute("SELECT count(*) FROM market_listings").fetchone() == (0,)
    stage.agency.work.roster.edit("Ann Lee", do_not_pitch=True)
    with refused("CheckViolation", "not to be pitched"), in_tenant(app_connection, stage.agency.id):
        app_connection.execute("UPDATE market_listings SET shown = true")
    stage.brand.market.briefs.withdraw("Trail shoes, spring")
    with in_tenant(app_connection, stage.brand.id):
        app_connection.execute("UPDATE briefs SET state = 'closed'")
    with refused("CheckViolation", "is not open"), in_tenant(app_connection, stage.brand.id):
        app_connection.execute("UPDATE market_briefs SET shown = true")


def test_a_publisher_is_called_what_it_is_called(stage: Stage, app_connection: Connection) -> None:
    with in_tenant(app_connection, stage.brand.id):
        with refused("InsufficientPrivilege"), app_connection.transaction():
            app_connection.execute("UPDATE market_briefs SET publisher = 'Northlight'")
        app_connection.execute("UPDATE tenants SET name = 'Trailhead Europe'")
    assert stage.third.market.briefs.browse()[0].publisher == "Trailhead Europe"


def test_versions_are_added_and_never_changed(stage: Stage, app_connection: Connection) -> None:
    for statement in ("UPDATE listing_versions SET snapshot = '{}'", "DELETE FROM listing_versions",
                      "TRUNCATE listing_versions", "UPDATE listing_versions SET version = 3"):  # fmt: skip
        with refused("InsufficientPrivilege"), in_tenant(app_connection, stage.agency.id):
            app_connection.execute(statement)
    with refused("UniqueViolation"), in_tenant(app_connection, stage.agency.id):
        app_connection.execute(
            "INSERT INTO listing_versions (tenant_id, listing_id, version, snapshot, published_at)"
            " VALUES (%s, %s, 1, '{}', now())",
            [stage.agency.id, stage.listing],
        )
    assert [version.version for version in stage.agency.market.listings.show("Ann Lee").versions] == [2, 1]


def test_what_was_read_stays_counted(stage: Stage, app_connection: Connection) -> None:
    stage.third.market.shelf.browse()
    with refused("CheckViolation", "does not become less"), in_tenant(app_connection, stage.third.id):
        app_connection.execute("UPDATE market_reads SET rows = 0")
    with refused("InsufficientPrivilege"), in_tenant(app_connection, stage.third.id):
        app_connection.execute("DELETE FROM market_reads")
