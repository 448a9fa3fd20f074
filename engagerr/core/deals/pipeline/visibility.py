"""The two parties of a deal: which deals a workspace sees, on which side it is, and how the other side comes in."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Fewer digits than this would name another deal by accident.
_LEAST_DIGITS, _WHOLE_DIGITS = 4, 32
_NAMED = 5
_SECRET_BYTES = 10


class Side(StrEnum):
    """The two sides of a deal: who offers creators, and who pays."""

    AGENCY = "agency"
    BRAND = "brand"

    @property
    def other(self) -> Side:
        """The side across the table."""
        return Side.BRAND if self is Side.AGENCY else Side.AGENCY


@dataclass(frozen=True, slots=True)
class DealRow:
    """A deal as both parties read it.

    `tenant_id` is the workspace that keeps it and `side` the side that one is on; `counterparty_id` is the other
    workspace, None while the other side has none here. `flow` is "agency" (the brand pays the agency, which pays
    creators net of commission) or "creator" (creators are paid, the agency bills its commission).
    """

    tenant_id: UUID
    id: UUID
    counterparty_id: UUID | None
    counterparty: str | None
    keeper: str
    side: Side
    title: str
    brand: str
    brand_email: str | None
    flow: str
    currency: str
    approach_id: UUID | None
    stage: str
    stage_since: datetime
    stage_reason: str | None
    closed_from: str | None
    created_at: datetime
    updated_at: datetime

    def side_of(self, tenant_id: UUID) -> Side:
        """The side that this workspace is on."""
        return self.side if tenant_id == self.tenant_id else self.side.other

    def kept_by(self, tenant_id: UUID) -> bool:
        """Whether this workspace keeps the deal; else it has joined it."""
        return tenant_id == self.tenant_id

    @property
    def alone(self) -> bool:
        """The other side has no workspace here, so that who keeps the deal also puts down what it said."""
        return self.counterparty_id is None

    @property
    def subject(self) -> str:
        """How the audit log names it."""
        return f"deal:{self.id}"


COLUMNS = (
    "tenant_id, id, counterparty_id, counterparty, keeper, side, title, brand, brand_email, flow, currency,"
    " approach_id, stage, stage_since, stage_reason, closed_from, created_at, updated_at"
)
# Both ways in which a workspace has a deal, each by its own index.
SEEN = "(deals.tenant_id = :tenant_id OR deals.counterparty_id = :tenant_id)"


def row_of(row: Any) -> DealRow:
    """The deal of a row that has `COLUMNS`."""
    values = {name: getattr(row, name) for name in DealRow.__slots__}
    return DealRow(**{**values, "side": Side(row.side)})


def find_deal(session: Session, word: str | UUID, *, tenant_id: UUID, lock: bool = False) -> DealRow:
    """The deal of this id, tail of an id (4 digits or more) or title, among those this workspace keeps or joined.

    `lock` holds it until the transaction ends. `NotFound`; `InvalidInput` where the word fits several.
    """
    named = " ".join(str(word).split())
    tail = named.lower().replace("-", "")
    digits = len(tail) >= _LEAST_DIGITS and all(digit in "0123456789abcdef" for digit in tail)
    whole = f"id = CAST(:tail AS uuid) AND {SEEN}"
    ended = "lower(title) = lower(:named) OR (:digits AND right(replace(id::text, '-', ''), length(:tail)) = :tail)"
    rows: list[Any] = []
    # A whole id is looked up by itself, which takes no time; a title is read through all that this workspace sees.
    for condition in ((whole,) if digits and len(tail) == _WHOLE_DIGITS else ()) + (f"{SEEN} AND ({ended})",):
        rows = list(
            session.execute(
                text(
                    f"SELECT {COLUMNS}, lower(title) = lower(:named) AS by_title FROM deals WHERE {condition}"  # noqa: S608
                    " ORDER BY tenant_id = :tenant_id DESC, id"
                ),
                {"tenant_id": tenant_id, "named": named, "tail": tail, "digits": digits},
            )
        )
        if rows:
            break
    # A title may read like the tail of another one's id.
    found = [row for row in rows if row.by_title] or rows
    if len(found) > 1:
        several = ", ".join(f"{row.title} ({row.id})" for row in found[:_NAMED])
        raise InvalidInput(
            f"{named!r} may be any of {len(found)} deals: {several}.",
            hint="Give more digits of the id.",
            facts={"deal": named, "deals": [str(row.id) for row in found]},
        )  # fmt: skip
    if not found:
        raise NotFound(
            f"There is no deal {named!r}.", hint="`engagerr deal list` shows those there are.", facts={"deal": named}
        )
    return held_deal(session, found[0].id, tenant_id=tenant_id) if lock else row_of(found[0])


def held_deal(session: Session, deal_id: UUID, *, tenant_id: UUID) -> DealRow:
    """The deal of this id, held until the transaction ends: one step at a time."""
    row = session.execute(
        text(f"SELECT {COLUMNS} FROM deals WHERE {SEEN} AND id = :id FOR UPDATE"),  # noqa: S608
        {"tenant_id": tenant_id, "id": deal_id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no deal {deal_id}.", hint="`engagerr deal list` shows those there are.")
    return row_of(row)


def new_code(tenant_id: UUID) -> tuple[str, bytes]:
    """(a code that lets another workspace join, its hash): whose deal it is, and 80 random bits."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    code = base64.b32encode(tenant_id.bytes + secret).decode().rstrip("=")
    return "-".join(code[at : at + 6] for at in range(0, len(code), 6)), _hash(secret)


def read_code(code: str) -> tuple[UUID, bytes]:
    """(the workspace that keeps the deal, the hash) of a code as it was typed; `InvalidInput` for anything else."""
    letters = "".join(code.split()).replace("-", "").upper()
    try:
        content = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError) as error:
        raise _no_code() from error
    if len(content) != 16 + _SECRET_BYTES:
        raise _no_code()
    return UUID(bytes=content[:16]), _hash(content[16:])


def _hash(secret: bytes) -> bytes:
    return hashlib.sha256(b"engagerr.deal." + secret).digest()


def _no_code() -> InvalidInput:
    return InvalidInput(
        "That is no code of a deal.", hint="Paste it whole, as `engagerr deal share` wrote it for the other side."
    )
