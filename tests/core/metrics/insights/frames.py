"""Frames of items and accounts as `read_items` and `read_accounts` give them, written down by hand."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from engagerr.core.metrics.dataset import ACCOUNT_COLUMNS, FIGURES, ITEM_COLUMNS

NOW = datetime(2026, 11, 1, tzinfo=UTC)
_FLOATS = ("duration_seconds", "age_days", "views", *FIGURES)
_numbers = itertools.count(1)


def item(days_ago: float = 10, *, account: str = "a", platform: str = "tiktok", **fields: Any) -> dict[str, Any]:
    """An item published so many days before NOW and observed at NOW; figures that are not named are not known."""
    return {
        "item_id": f"item{next(_numbers):05}", "platform": platform, "account_id": account,
        "account": f"{platform}:@{account}", "creator_id": account, "creator": account.title(), "kind": "short_video",
        "published_at": NOW - timedelta(days=days_ago), "observed_at": NOW, "age_days": float(days_ago),
        "doubled": False, "views_group": "play_start" if "views" in fields else None, **fields,
    }  # fmt: skip


def items(*rows: dict[str, Any]) -> pd.DataFrame:
    """Items as a frame with every column."""
    frame = pd.DataFrame(list(rows), columns=list(ITEM_COLUMNS))
    for column in _FLOATS:
        frame[column] = frame[column].astype("float64")
    for column in ("published_at", "observed_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    frame["views_group"] = frame["views_group"].astype("object").where(frame["views_group"].notna(), None)
    frame["doubled"] = frame["doubled"].astype("bool")
    return frame


def account(name: str = "a", *, platform: str = "tiktok", **fields: Any) -> dict[str, Any]:
    """An account of the creator of the same name."""
    return {
        "account_id": name, "platform": platform, "handle": f"@{name}", "account": f"{platform}:@{name}",
        "creator_id": name, "creator": name.title(), "status": "active", "country": None, "topics": [],
        "followers": float("nan"), "followers_at": NOW, **fields,
    }  # fmt: skip


def accounts(*rows: dict[str, Any]) -> pd.DataFrame:
    """Accounts as a frame with every column."""
    frame = pd.DataFrame(list(rows), columns=list(ACCOUNT_COLUMNS))
    frame["followers"] = frame["followers"].astype("float64")
    frame["followers_at"] = pd.to_datetime(frame["followers_at"], utc=True)
    return frame
