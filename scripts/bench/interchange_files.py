"""Interchange files of any size and shape, the same for the same seed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

METRICS = ("views", "likes", "comments", "shares")
CREATORS = 300
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shape:
    """How many items with how many observations each, and whether every observation has a line of its own."""

    items: int
    observations: int
    line_each: bool = False

    @property
    def rows(self) -> int:
        """Observations in the file."""
        return self.items * self.observations


def write_interchange(path: Path, shape: Shape, *, seed: int, newer: bool = False) -> None:
    """Write the file.

    A `newer` one is a later export of the same items: it goes on after the last day, and says the last two days again,
    with a tenth of the items' figures corrected.
    """
    days = -(-shape.observations // len(METRICS))
    first_day = max(0, days - 2) if newer else 0
    with path.open("w", encoding="utf-8") as file:
        for number in range(shape.items):
            metrics = []
            for place in range(shape.observations):
                day, metric = first_day + place // len(METRICS), place % len(METRICS)
                value = 1 + (seed * 31 + number * 7_919 + day * 104_729 + metric * 1_299_709) * 2_654_435_761 % 999_983
                if newer and day < days and number % 10 == 0:
                    value += 1
                moment = (FIRST_DAY + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ")
                metrics.append({"name": METRICS[metric], "value": value, "observed_at": moment})
            item = {
                "type": "item",
                "creator": f"Creator {number % CREATORS}",
                "platform": "youtube",
                "account": f"@creator{number % CREATORS}",
                "native_id": f"s{seed}v{number:010d}",
                "kind": "long_video",
                "title": f"Video number {number} about things",
                "published_at": "2026-01-01T10:00:00Z",
                "duration_seconds": 600,
            }
            for held in [[metric] for metric in metrics] if shape.line_each else [metrics]:
                file.write(json.dumps({**item, "metrics": held}) + "\n")
