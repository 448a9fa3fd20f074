"""A small agency that looks for runners: one brief, six creators, of whom some are hardly known."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from engagerr import Workspace
from engagerr.core.matching.brief_file import Brief, brief_of

BRIEF = brief_of(
    {
        "title": "Trail running shoes", "text": "Runners who show their trail, in all weathers.", "category": "sports",
        "brand": "Fjellzahn", "platforms": ["youtube"], "followers": {"max": 500_000},
        "budget": {"minor": 400_000, "currency": "EUR"}, "deliverables": ["youtube_integration"],
        "window": {"from": "2027-02-01", "to": "2027-03-31"},
    }
)  # fmt: skip
# Nobody has so many followers.
HARD = brief_of({"title": "Stadium tour", "category": "music", "followers": {"min": 900_000_000}})


def _rate(minor: int) -> list[dict[str, Any]]:
    return [{"deliverable": "youtube_integration", "amount": {"minor": minor, "currency": "EUR"}}]


ROSTER: list[dict[str, Any]] = [
    {"name": "Ann Lee", "topics": ["outdoor"], "rates": _rate(100_000),
     "titles": ["Trail running for beginners", "Running shoes, all weathers"]},
    {"name": "Cara Díaz [Berlin]", "topics": ["outdoor"], "titles": ["Trail running in the rain"]},
    {"name": "山田 花子", "topics": ["outdoor"], "rates": _rate(250_000), "titles": ["Running in the mountains"]},
    {"name": "Eva Novak", "topics": ["outdoor"], "rates": _rate(120_000), "titles": ["Trail tips"]},
    {"name": "Ben Okafor", "topics": ["gaming"], "titles": ["The game that nobody wins", "Game night"]},
    {"name": "Dan Fox", "topics": ["outdoor"], "titles": ["Trail tips"], "followers": 900_000},
]  # fmt: skip


def fill(work: Workspace, folder: Path, brief: Brief = BRIEF) -> None:
    """The creators with their pieces, a promise to a competitor, and the brief."""
    lines: list[dict[str, Any]] = []
    for place, one in enumerate(ROSTER):
        handle = f"@runner{place}"
        told = {key: value for key, value in one.items() if key not in ("titles", "followers")}
        account = {"platform": "youtube", "handle": handle, "followers": one.get("followers", 90_000 + 1000 * place),
                   "observed_at": "2026-10-30T00:00:00Z"}  # fmt: skip
        lines.append({"type": "creator", **told, "accounts": [account]})
        lines += [
            {
                "type": "item", "creator": one["name"], "platform": "youtube", "account": handle,
                "native_id": f"{handle[1:]}x{number}", "kind": "long_video", "title": title,
                "published_at": f"2026-10-{10 + number}T10:00:00Z",
            }
            for number, title in enumerate(one["titles"])
        ]  # fmt: skip
    path = folder / "roster.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert work.ingestion.import_file(path).quarantined == ()
    work.availability.add_exclusivity(
        "Eva Novak", category="sports", brand="Rival Sports", since=date(2026, 1, 1), until=date(2026, 12, 31)
    )
    work.briefs.add(brief)


def watch(work: Workspace, folder: Path) -> None:
    """Four further pieces of each creator, whose views are known."""
    seen = "2026-10-30T00:00:00Z"
    lines = [
        {
            "type": "item", "creator": one["name"], "platform": "youtube", "account": f"@runner{place}",
            "native_id": f"runner{place}y{number}", "kind": "long_video", "title": f"Trail {number}",
            "published_at": f"2026-10-{20 + number}T10:00:00Z",
            "metrics": [{"name": "views", "value": 10_000 * (place + 1), "observed_at": seen}],
        }
        for place, one in enumerate(ROSTER)
        for number in range(4)
    ]  # fmt: skip
    path = folder / "views.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert work.ingestion.import_file(path).quarantined == ()
