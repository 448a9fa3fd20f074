"""One row in every table of contracts: a version that both have signed, sealed, with what it keeps free."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from tests.fakes.cluster import Connection

Row = dict[str, Any]

WHEN = datetime(2026, 10, 20, 10, 0, tzinfo=UTC)


def fill(connection: Connection, write: Callable[..., Row], rows: dict[str, Row]) -> None:
    """Contract, version, signing code, both signatures, sealed file, its key, and an exclusivity."""
    contract = write(
        "contracts", deal_id=rows["deals"]["id"], owner_side="agency", title="Trail shoes, autumn", brand="Peak Shoes",
        created_at=WHEN, updated_at=WHEN,
    )  # fmt: skip
    annex = json.dumps({"commission_rate": "0.2", "salt": "00" * 32, "shares": []})
    commitment = hashlib.sha256(annex.encode())
    document = json.dumps(
        {
            "title": "Trail shoes, autumn",
            "parties": {"brand": {"name": "Peak Shoes"}},
            "annex": commitment.hexdigest(),
        }
    )
    terms_hash = hashlib.sha256(document.encode()).digest()
    version = write(
        "contract_versions", contract_id=contract["id"], version=1, terms=document, terms_hash=terms_hash,
        created_at=WHEN,
    )  # fmt: skip
    write("contract_annexes", version_id=version["id"], document=annex, commitment=commitment.digest(), created_at=WHEN)
    _set(connection, version, "state = 'sent', sent_at = created_at")
    invitation = write(
        "contract_invitations", version_id=version["id"], email="pat@peak.example",
        code_hash=hashlib.sha256(b"code").digest(), made_at=WHEN, expires_at=WHEN + timedelta(days=14),
    )  # fmt: skip
    for side, used in (("agency", None), ("brand", invitation["id"])):
        write(
            "contract_signatures", version_id=version["id"], decision="signed", side=side,
            signer_tenant_id=contract["tenant_id"], invitation_id=used, name="Pat Moss", title="Head of Marketing",
            email="pat@peak.example", statement="I agree.", terms_hash=terms_hash,
            evidence=Jsonb({"method": "code" if used else "workspace"}), proof=hashlib.sha256(b"proof").digest(),
            at=WHEN,
        )  # fmt: skip
    _set(connection, version, "state = 'signed', signed_at = created_at")
    write(
        "contract_files", version_id=version["id"], kind="sealed", sha256=hashlib.sha256(b"%PDF").digest(),
        content=b"%PDF", certificate="00" * 32, at=WHEN,
    )  # fmt: skip
    write(
        "contract_seal_keys", certificate=b"PEM", fingerprint="00" * 32, own=False, secret=b"sealed",
        sealed_key=b"sealed", key_id="0123456789abcdef", made_at=WHEN,
    )  # fmt: skip
    write(
        "contract_exclusivities", version_id=version["id"], kind="exclusive", brand="peak shoes", creators="(,)",
        category="[sports/,sports0)", territory="[DE,DE]", during="[2026-11-01,2027-02-01)", slot="(,)",
    )  # fmt: skip


def _set(connection: Connection, version: Row, what: str) -> None:
    connection.execute(
        f"UPDATE contract_versions SET {what} WHERE tenant_id = %s AND id = %s",
        [version["tenant_id"], version["id"]],
    )
