"""What each signal weighs in this workspace: as shipped, as a member set it, or as fitted on won and lost deals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.matching.signals import STATED_WEIGHTS

if TYPE_CHECKING:
    from engagerr.core.db import Session

_NEWEST = """
SELECT weights, basis FROM match_weights WHERE tenant_id = :tenant_id ORDER BY made_at DESC, id DESC LIMIT 1
"""


def read_weights(session: Session, *, tenant_id: UUID) -> Mapping[str, float]:
    """The weights that stand now, by signal; they need not add up to one."""
    row = session.execute(text(_NEWEST), {"tenant_id": tenant_id}).one_or_none()
    if row is None or row.basis == "reset":
        return STATED_WEIGHTS
    return {name: float(row.weights.get(name, stated)) for name, stated in STATED_WEIGHTS.items()}
