"""Write files of groups as interchange JSONL: the items that they name, as an import takes them, and no answer.

Usage: python scripts/relations_jsonl.py [--to FOLDER] GROUPS…

Groups files (one group a line: `{show, relation, items: […]}`, or a pair: `{item_a, item_b}`) say which items belong
together. This writes only the items, so that what an import and `engagerr content suggest` find can be compared with
what the files know (`engagerr content eval --groups GROUPS…` does that without a workspace):

    python scripts/relations_jsonl.py --to items ../shared/data/relations/groups/*.jsonl
    engagerr import file items/*.jsonl
    engagerr content suggest

Each GROUPS file gives FOLDER/NAME.items.jsonl (FOLDER is the current one unless it is named). The show is the creator,
and its name the handle of one account on each platform. No group, no relation, nothing that an editor joined by hand
is written, and the items stand in the order of a hash of their own content, so that no neighbours give it away.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engagerr.core.content.detection import Piece
from engagerr.core.content.evaluation import GroupSet, read_groups
from engagerr.core.errors import EngagerrError


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )
    parser.add_argument("groups", nargs="+", type=Path, metavar="GROUPS")
    parser.add_argument("--to", type=Path, default=Path(), metavar="FOLDER")
    asked = parser.parse_args()
    try:
        sets = read_groups(asked.groups)
    except EngagerrError as error:
        print(error.message, error.hint or "", file=sys.stderr)
        return 2
    asked.to.mkdir(parents=True, exist_ok=True)
    for found in sets:
        path = asked.to / f"{found.name.replace('/', '-')}.items.jsonl"
        lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows(found)]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{path}: {len(lines):,} items of {len(found.shows):,} show{'s' if len(found.shows) != 1 else ''}")
    return 0


def rows(found: GroupSet) -> Iterator[dict[str, Any]]:
    """The items of a set as rows of type item; what is not known is left out."""
    for piece in found.pieces:
        row = {
            "type": "item",
            "creator": str(piece.show),
            "platform": piece.platform,
            # Handles of one platform are of one creator each; a guest's channel may turn up in several shows.
            "account": piece.account if piece.account == piece.show else f"{piece.show}: {piece.account}",
            "native_id": piece.native_id,
            "kind": piece.kind,
            "title": piece.title,
            "body": piece.body,
            "url": piece.url,
            "published_at": _moment(piece),
            "duration_seconds": piece.duration_seconds,
            "language": piece.language,
            "hints": dict(piece.hints),
        }
        yield {name: value for name, value in row.items() if value not in (None, {})}


def _moment(piece: Piece) -> str | None:
    return None if piece.published_at is None else piece.published_at.isoformat().replace("+00:00", "Z")


if __name__ == "__main__":
    sys.exit(main())
