"""Three workspaces on one database, and one of them with a creator of whom everything internal bears a mark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.matching.marketplace import Marketplace
from sqlalchemy import text
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone

# Whatever bears a mark may be read by nobody but the agency, or the brand.
MARK, BRAND_MARK = "zzinternal", "zzofthebrand"
RATE, BUDGET = Money(7_331_337, "EUR"), Money(9_119_119, "EUR")
COMMISSION = "0.17317"
FIGURES_OF = datetime(2026, 10, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Side:
    """A workspace and its marketplace."""

    work: Workspace
    market: Marketplace

    @property
    def id(self) -> UUID:
        """The tenant's."""
        return self.work.tenant.id


def side(workspace: Workspace) -> Side:
    """The workspace with its marketplace."""
    return Side(workspace, Marketplace(workspace.access))


@pytest.fixture
def agency(workspace: Workspace) -> Side:
    """Northlight, with Ann Lee: figures, and a mark in everything that is for its own people."""
    add_creator(workspace, "Ann Lee")
    return side(workspace)


@pytest.fixture
def brand(tmp_path: Path, clone: Clone, clock: SteeredClock) -> Iterator[Side]:
    """The brand Trailhead, with an open brief that is not published yet."""
    with Engagerr(clone.settings(tmp_path / "brand-home"), clock=clock) as engagerr:
        workspace = engagerr.init("Trailhead", kind="brand", email="bo@trailhead.example")
        add_brief(workspace, "Trail shoes, spring")
        yield side(workspace)


@pytest.fixture
def third(other_workspace: Workspace) -> Side:
    """Southgate, which has nothing to do with either."""
    return side(other_workspace)


def add_creator(workspace: Workspace, name: str) -> UUID:
    """A creator with an account, a vector and a profile that is never stale, marked wherever only we may read."""
    page = workspace.roster.add(
        name, country="DE", languages=["de"], topics=["outdoor"], bio=f"{MARK} bio", agent=f"{MARK} agent"
    )
    workspace.roster.add_account(name, f"youtube:@{MARK}-{name[:3].lower()}")
    workspace.roster.set_terms(
        name, commission_rate=Decimal(COMMISSION), exclusive=True, note=f"{MARK} note of the terms"
    )
    workspace.roster.set_rate(name, deliverable="youtube_integration", amount=RATE)
    key = {"tenant_id": workspace.tenant.id, "creator_id": page.id}
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        for statement, values in (
            (
                """
                INSERT INTO creator_profiles (tenant_id, creator_id, made_at, name, status, do_not_pitch, represented,
                  exclusive, agent, handles, brands, exclusivities, commission_rate, rates, followers, growth_30d,
                  by_platform, audience, country, languages, topics, platforms, topic_shares, main_topic,
                  figures_as_of, missing, unavailable, words)
                VALUES (:tenant_id, :creator_id, '2099-01-01', :name, 'active', false, true, true, :mark, ARRAY[:mark],
                  ARRAY[:mark], CAST(:promises AS jsonb), :commission, CAST(:rates AS jsonb), 48000, 0.021,
                  CAST(:by_platform AS jsonb), CAST(:audience AS jsonb), 'DE', '{de}', '{outdoor}', '{youtube}',
                  '{"sport": 0.8}', 'sport', :now,
                  '{"growth_90d": "not_observed"}', '{[2027-03-01,2027-04-01)}', to_tsvector('simple', :mark))
                """,
                {
                    "name": name, "mark": f"{MARK} profile", "promises": json.dumps([{"note": MARK}]),
                    "commission": COMMISSION, "rates": json.dumps({"youtube_integration": {"EUR": RATE.minor}}),
                    "by_platform": json.dumps({"youtube": {"followers": 48000, "handle": MARK, "rates": {"x": 1}}}),
                    "audience": json.dumps({"country": {"DE": 0.41, "source": MARK}}), "now": FIGURES_OF,
                },
            ),
            (
                "INSERT INTO creator_vectors (tenant_id, creator_id, space, dimensions, vector, source_hash, made_at)"
                " VALUES (:tenant_id, :creator_id, 'words 1', 3, '[1,0,0]', decode(repeat('00', 16), 'hex'), :now)",
                {"now": FIGURES_OF},
            ),
            (
                "INSERT INTO creator_unavailability (tenant_id, creator_id, during, note)"
                " VALUES (:tenant_id, :creator_id, '[2027-03-01,2027-04-01)', :note)",
                {"note": f"{MARK} away"},
            ),
            (
                "INSERT INTO creator_exclusivities (tenant_id, creator_id, category, brand, during, note)"
                " VALUES (:tenant_id, :creator_id, :mark, :mark, '[2027-03-01,2027-04-01)', :mark)",
                {"mark": f"{MARK} promise"},
            ),
        ):  # fmt: skip
            session.execute(text(statement), {**key, **values})
    return page.id


def add_brief(workspace: Workspace, title: str, *, state: str = "open", **fields: Any) -> UUID:
    """A brief of a workspace with a hidden brand, a budget, and a key that means nothing."""
    document = {
        "title": title, "text": "Shoes for rough ground, shown where they belong.", "category": "sport",
        "platforms": ["youtube"], "countries": ["DE"], "followers": {"min": 20_000, "max": 90_000},
        "brand": f"{BRAND_MARK} brand",
        "budget": {"minor": BUDGET.minor, "currency": "EUR"},
        "remarks_of_ours": f"{BRAND_MARK} remark",
        **fields,
    }  # fmt: skip
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        found = session.execute(
            text(
                "INSERT INTO briefs (tenant_id, title, document, brand, state)"
                " VALUES (:tenant_id, :title, CAST(:document AS jsonb), :brand, :state) RETURNING id"
            ),
            {
                "tenant_id": workspace.tenant.id, "title": title, "brand": document["brand"], "state": state,
                "document": json.dumps(document),
            },
        ).scalar_one()  # fmt: skip
        return UUID(str(found))
