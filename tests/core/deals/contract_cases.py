"""Contracts for tests: terms to begin with, deals to have them in, and people who sign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from engagerr import Workspace
from engagerr.core.deals.contracting.clauses import ContractTerms, terms_of
from engagerr.core.deals.contracting.contracts import Signed
from engagerr.core.deals.contracting.signing import Signer
from engagerr.core.deals.pipeline.deal_writing import NewDeal
from engagerr.core.deals.pipeline.visibility import new_code
from engagerr.core.tenancy import Permission
from sqlalchemy import text

ANN = Signer("Ann Berg", "ann@northlight.example", "Managing Director")
MARA = Signer("Mara Keller", "mara@alpenpfad.example", "Head of Marketing", "203.0.113.7", "Firefox 140")


def some_terms(**changes: Any) -> ContractTerms:
    """A video and two clips by Ann Lee for Alpenpfad, 12,750.50 EUR in two milestones; commission 15 %."""
    return terms_of(document(**changes))


def document(**changes: Any) -> dict[str, Any]:
    """The same as a file would have it: creators by a short word."""
    return {
        "title": "Trail shoes, autumn",
        "parties": {
            "agency": {
                "name": "Northlight", "address": "Rosenthaler Straße 40\n10178 Berlin", "country": "DE",
                "email": "ann@northlight.example", "signer": "Ann Berg", "signer_title": "Managing Director",
            },
            "brand": {
                "name": "Alpenpfad AG", "address": "Bahnhofstrasse 1\n8001 Zürich", "country": "CH",
                "email": "mara@alpenpfad.example",
            },
        },
        "currency": "EUR", "flow": "agency", "commission_rate": "0.15",
        "creators": [{"key": "ann", "name": "Ann Lee"}],
        "deliverables": [
            {"ref": "D1", "creator": "ann", "kind": "youtube_integration", "platform": "youtube",
             "due_on": "2026-12-01"},
            {"ref": "D2", "creator": "ann", "kind": "short_video", "platform": "instagram", "count": 2},
        ],
        "milestones": [
            {"ref": "M1", "title": "Main video", "amount_minor": 850_000, "deliverables": ["D1"]},
            {"ref": "M2", "title": "Cuts", "amount_minor": 425_050, "deliverables": ["D2"], "silence_days": 7},
        ],
        "shares": [{"creator": "ann", "weight": 1}],
        "term": {"from": "2026-11-01", "until": "2027-04-30"},
        "governing_law": "Germany",
        "jurisdiction": "Berlin",
        "categories": ["Sports / Shoes"],
        "territories": ["DACH"],
        "usage_rights": [{"channels": ["organic social"], "territories": ["DACH"], "term_days": 180}],
        "exclusivity": [
            {"category": "Sports / Shoes", "territories": ["DACH"], "from": "2026-11-01", "until": "2027-01-31",
             "creators": ["ann"]},
        ],
        "kill_fees": [{"stage": "signed", "rate": "0.25"}, {"stage": "in_production", "rate": "0.5"}],
        **changes,
    }  # fmt: skip


def a_deal(work: Workspace, title: str = "Trail shoes", *, brand: str = "Alpenpfad AG", email: str | None = None,
           creators: Sequence[str] = ("Ann Lee",)) -> str:  # fmt: skip
    """A deal of this workspace with nothing offered in it yet; its title."""
    known = {creator.name for creator in work.roster.list()}
    for creator in creators:
        if creator not in known:
            work.roster.add(creator)
    work.deals.add(NewDeal(title, brand=brand, brand_email=email, creators=tuple(creators), currency="EUR"))
    return title


def a_draft(work: Workspace, title: str = "Trail shoes", *, brand: str = "Alpenpfad AG", **changes: Any) -> str:
    """A deal with the draft of its contract; the contract's id."""
    a_deal(work, title, brand=brand)
    terms = document(title=title, **changes)
    terms["parties"]["brand"]["name"] = brand
    return str(work.contracts.draft(title, terms=terms_of(terms)).contract.id)


def a_sent(work: Workspace, title: str = "Trail shoes", **options: Any) -> tuple[str, str]:
    """(contract, signing code) of a contract that waits for both signatures."""
    contract = a_draft(work, title, **options)
    sent = work.contracts.send(contract)
    assert sent.code is not None
    return contract, sent.code.code


def a_signed(work: Workspace, title: str = "Trail shoes", **options: Any) -> tuple[str, Signed]:
    """(contract, what the second signature brought)."""
    contract, code = a_sent(work, title, **options)
    work.contracts.sign(contract, MARA, code=code)
    return contract, work.contracts.sign(contract, ANN)


def join(work: Workspace, brand: Workspace, deal: str = "Trail shoes") -> None:
    """Another workspace joins a deal of this one."""
    _, code_hash = new_code(work.tenant.id)
    now = work.access.clock.now()
    values = {"keeper": work.tenant.id, "hash": code_hash, "now": now, "until": now + timedelta(days=1), "deal": deal}
    with work.access.transaction(Permission.EDIT_DEALS) as session:
        session.execute(
            text(
                "INSERT INTO deal_invitations (tenant_id, deal_id, code_hash, made_at, expires_at)"
                " SELECT tenant_id, id, :hash, :now, :until FROM deals WHERE title = :deal"
            ),
            values,
        )
    with brand.access.transaction(Permission.EDIT_DEALS) as session:
        assert session.execute(text("SELECT engagerr_join_deal(:keeper, :hash, :now)"), values).scalar_one()


def joined_contract(work: Workspace, brand: Workspace, **changes: Any) -> str:
    """A contract that was sent to a brand which has a workspace here."""
    a_deal(work, brand="Southgate")
    join(work, brand)
    terms = document(title="Trail shoes", **changes)
    terms["parties"]["brand"] = {"name": "Southgate"}
    contract = str(work.contracts.draft("Trail shoes", terms=terms_of(terms)).contract.id)
    assert brand.contracts.list() == (), "a draft is the keeper's"
    assert work.contracts.send(contract).code is None, "they have a workspace"
    return contract


def pkcs12_file(path: Path, *, passphrase: bytes | None, now: datetime, days: int = 300) -> Path:
    """A key with a certificate of its own, valid until so many days from now."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Northlight GmbH")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(now - timedelta(days=400)).not_valid_after(now + timedelta(days=days))
        .add_extension(x509.KeyUsage(True, True, False, False, False, False, False, False, False), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    how = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()  # type: ignore[assignment]
    )
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"seal", key, certificate, None, how))
    return path
