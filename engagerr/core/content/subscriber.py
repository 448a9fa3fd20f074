"""Content mapping follows what lands: items that are new or say something new are looked at for relationships.

Nothing is embedded here, as an import must not wait for a model: vectors that are kept are used, so that edges found by
meaning stand, and what landed gets its own with the next `content suggest` (the job `mapping` runs it every night).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.content.writing import lock_tree
from engagerr.core.events import Event, Subscriber

if TYPE_CHECKING:
    from engagerr.core.db import Session


def _suggest(session: Session, tenant_id: UUID, events: Sequence[Event], _now: datetime) -> int:
    # Here and not above: numpy and scipy load with it, and most commands never map anything.
    from engagerr.core.content.suggest import suggest_landed

    return suggest_landed(
        session,
        tenant_id=tenant_id,
        accounts=sorted({event.about for event in events}),
        imports=sorted({UUID(event.detail["import_id"]) for event in events}),
    ).new


MAPPING = Subscriber(
    "mapping",
    "suggests edges between content items, with their evidence",
    frozenset({"items.seen"}),
    _suggest,
    lock=lock_tree,
)
