"""The shape of the database, in one place: the metadata that migrations are checked against.

Rules that hold for every table: `tenant_id` leads every key, so that row-level security can use the index, an error
never tells of another tenant's row, and the big tables can be distributed by tenant. Rows that are history are
append-only by privilege (see the migrations), not by good manners.
"""

from engagerr.core.db.schema import (
    ai,
    analytics,
    billing,
    content,
    contracts,
    deals,
    delivery,
    desk,
    discovery,
    events,
    holds,
    ingestion,
    integrations,
    jobs,
    ledger,
    marketplace,
    metrics,
    notes,
    provider,
    reconciliation,
    roster,
    sync,
    tenancy,
)
from engagerr.core.db.schema.columns_in_common import metadata

__all__ = [
    "ai",
    "analytics",
    "billing",
    "content",
    "contracts",
    "deals",
    "delivery",
    "desk",
    "discovery",
    "events",
    "holds",
    "ingestion",
    "integrations",
    "jobs",
    "ledger",
    "marketplace",
    "metadata",
    "metrics",
    "notes",
    "provider",
    "reconciliation",
    "roster",
    "sync",
    "tenancy",
]
