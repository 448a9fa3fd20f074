"""Keeping accounts in step with their platforms: leases, checkpoints, pages that land whole, and replays of them."""

from engagerr.core.ingestion.sync.reports import (
    AccountStatus,
    RunRow,
    StreamResult,
    StreamStatus,
    SyncProgress,
    SyncReport,
)
from engagerr.core.ingestion.sync.sync import Sync

__all__ = ["AccountStatus", "RunRow", "StreamResult", "StreamStatus", "Sync", "SyncProgress", "SyncReport"]
