"""Deals that both sides have signed, made by SQL: what delivery begins with, without walking through offers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from engagerr import Workspace
from engagerr.core.deals.contracting.annexes import set_apart, write_annex
from engagerr.core.deals.contracting.clauses import canonical, terms_hash, terms_of
from engagerr.core.deals.contracting.contract_reading import VersionRow, standing_version
from engagerr.core.deals.delivery.milestones import open_milestones
from engagerr.core.tenancy import Permission
from sqlalchemy import text


@dataclass
class SignedDeal:
    """A deal of Northlight with the brand Trailpeak, and the creator Ann Lee who works in it."""

    work: Workspace
    id: UUID
    contract_id: UUID
    title: str
    creator_id: UUID
    brand: Workspace | None
    code: bytes
    terms: dict[str, Any]
    side: str = "agency"

    def join(self, brand: Workspace) -> None:
        """Another workspace becomes the other side of the deal, with the code that it was given."""
        access = self.work.access
        with brand.access.transaction(Permission.EDIT_DEALS) as session:
            joined = session.execute(
                text("SELECT engagerr_join_deal(:keeper, :code, :now)"),
                {"keeper": access.tenant.id, "code": self.code, "now": access.clock.now()},
            ).scalar_one()
        assert joined == self.id
        self.brand = brand

    def sign(self, **changes: Any) -> VersionRow:
        """A new version with these changes, which both sides sign; what follows from it happens."""
        self.terms |= changes
        access = self.work.access
        written = terms_of(json.loads(json.dumps(self.terms)))
        annex = None
        if self.side == "agency":
            written, annex = set_apart(written)
        said = {
            "tenant_id": access.tenant.id, "contract_id": self.contract_id, "now": access.clock.now(), "by": None,
            "member_id": access.member.id, "terms": canonical(written), "hash": terms_hash(written),
        }  # fmt: skip
        with access.transaction(Permission.EDIT_DEALS) as session:
            said["id"] = session.execute(text(_DRAFT), said).scalar_one()
            if annex is not None:
                write_annex(session, said["id"], annex, tenant_id=access.tenant.id, now=said["now"])
            session.execute(text(_BECOMES.format("state = 'sent', sent_at = :now")), said)
            session.execute(text(_SIGN), said)
            if self.brand is None:
                by = session.execute(text(_INVITE), {**said, "code": uuid4().bytes + uuid4().bytes}).scalar_one()
                session.execute(text(_SIGN), {**said, "by": by})
                return self._conclude(session, said)
        with self.brand.access.transaction(Permission.EDIT_DEALS) as session:
            session.execute(text(_SIGN), said)
        with access.transaction(Permission.EDIT_DEALS) as session:
            return self._conclude(session, said)

    def _conclude(self, session: Any, said: dict[str, Any]) -> VersionRow:
        session.execute(text(_BECOMES.format("state = 'signed', signed_at = :now")), said)
        version = standing_version(session, self.id, tenant_id=self.work.tenant.id)
        assert version is not None
        open_milestones(session, self.work.access, version)
        return version


_DRAFT = """
INSERT INTO contract_versions (tenant_id, contract_id, version, terms, terms_hash, member_id, created_at)
SELECT :tenant_id, :contract_id, count(*) + 1, :terms, :hash, :member_id, :now FROM contract_versions
WHERE tenant_id = :tenant_id AND contract_id = :contract_id RETURNING id
"""
_BECOMES = "UPDATE contract_versions SET {} WHERE tenant_id = :tenant_id AND id = :id"
_INVITE = """
INSERT INTO contract_invitations (tenant_id, version_id, email, code_hash, made_at, expires_at)
VALUES (:tenant_id, :id, 'pat@trailpeak.example', :code, :now, CAST(:now AS timestamptz) + interval '1 day')
RETURNING id
"""
_SIGN = """
INSERT INTO contract_signatures (tenant_id, version_id, decision, side, signer_tenant_id, invitation_id, name, email,
                                 statement, terms_hash, evidence, proof, at)
VALUES (:tenant_id, :id, 'signed', 'agency', :tenant_id, :by, 'Pat', 'pat@trailpeak.example', 'Yes.', :hash, '{}',
        :hash, :now)
"""


def some_terms(creator_id: UUID, **changes: Any) -> dict[str, Any]:
    """Two milestones: a video of 800 EUR, and two clips of it of 200; 20 % is ours."""
    return {
        "title": "Trail shoes", "currency": "EUR", "flow": "agency", "commission_rate": "0.20",
        "parties": {"agency": {"name": "Northlight"}, "brand": {"name": "Trailpeak"}},
        "creators": [{"key": str(creator_id), "name": "Ann Lee", "creator_id": str(creator_id), "country": "US"}],
        "deliverables": [
            {"ref": "D1", "creator": str(creator_id), "kind": "integration", "platform": "youtube", "revisions": 1,
             "due_on": "2026-11-20"},
            {"ref": "D2", "creator": str(creator_id), "kind": "clip", "platform": "tiktok", "count": 2},
        ],
        "milestones": [
            {"ref": "M1", "title": "The video", "amount_minor": 80_000, "deliverables": ["D1"], "silence_days": 7},
            {"ref": "M2", "title": "The clips", "amount_minor": 20_000, "deliverables": ["D2"]},
        ],
        "shares": [{"creator": str(creator_id), "weight": 1}],
        "term": {"from": "2026-11-01"},
        "governing_law": "DE",
        "disclosure": {"wording": [], "platform_label": False},
        "usage_rights": [
            {"channels": ["paid social"], "territories": ["DE"], "term_days": 90, "paid_media": True},
        ],
        **changes,
    }  # fmt: skip


# As `some_terms` has them, but due before publication.
PAID_WHEN_APPROVED = [
    {"ref": "M1", "title": "The video", "amount_minor": 80_000, "deliverables": ["D1"], "silence_days": 7,
     "paid_when": "approved"},
    {"ref": "M2", "title": "The clips", "amount_minor": 20_000, "deliverables": ["D2"], "paid_when": "approved"},
]  # fmt: skip


def a_signed_deal(
    work: Workspace,
    *,
    brand: Workspace | None = None,
    side: str = "agency",
    title: str | None = None,
    **changes: Any,
) -> SignedDeal:
    """A deal that is contracted; with `brand`, that workspace has joined it."""
    creator = work.roster.add(f"Ann Lee {uuid4().hex[:4]}")
    access = work.access
    title = title or f"Trail shoes {uuid4().hex[:6]}"
    values = {"tenant_id": access.tenant.id, "now": access.clock.now(), "title": title, "side": side}
    code = hashlib.sha256(uuid4().bytes).digest()
    with access.transaction(Permission.EDIT_DEALS) as session:
        deal_id = session.execute(
            text(
                """
                INSERT INTO deals (tenant_id, keeper, side, title, brand, flow, currency, stage_since, stage_actor,
                                   stage_role, created_at, updated_at)
                VALUES (:tenant_id, '-', :side, :title, 'Trailpeak', 'agency', 'EUR', :now, 'Ann', 'owner', :now, :now)
                RETURNING id
                """
            ),
            values,
        ).scalar_one()
        values["deal_id"] = deal_id
        session.execute(
            text(
                "INSERT INTO deal_invitations (tenant_id, deal_id, code_hash, made_at, expires_at)"
                " VALUES (:tenant_id, :deal_id, :code, :now, CAST(:now AS timestamptz) + interval '1 day')"
            ),
            {**values, "code": code},
        )
    made = SignedDeal(work, deal_id, deal_id, title, creator.id, None, code, some_terms(creator.id, **changes), side)
    if brand is not None:
        made.join(brand)
    with access.transaction(Permission.EDIT_DEALS) as session:
        made.contract_id = session.execute(
            text(
                "INSERT INTO contracts (tenant_id, deal_id, owner_side, title, brand, created_at, updated_at)"
                " VALUES (:tenant_id, :deal_id, :side, :title, 'Trailpeak', :now, :now) RETURNING id"
            ),
            values,
        ).scalar_one()
        for stage in ("proposed", "contracted"):
            session.execute(
                text(
                    "UPDATE deals SET stage = :stage, stage_since = :now WHERE tenant_id = :tenant_id AND id = :deal_id"
                ),
                {**values, "stage": stage},
            )
    made.sign()
    return made
