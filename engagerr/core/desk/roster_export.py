"""The roster as a table for a spreadsheet: the creators and columns that are on the screen, with exact values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engagerr.core.desk.files import table_csv, write_new

if TYPE_CHECKING:
    from engagerr.core.desk.figures import Figure
    from engagerr.core.desk.roster import RosterRow

_Cells = Callable[["RosterRow"], Sequence[object]]


def _figure(name: str) -> _Cells:
    def cells(row: RosterRow) -> Sequence[object]:
        figure: Figure = getattr(row, name)
        state = figure.why or ("estimated" if figure.estimated else "")
        broken = "" if figure.broken is None else figure.broken.isoformat()
        return "" if figure.value is None else f"{figure.value:.12g}", state, broken

    return cells


def _price(row: RosterRow) -> Sequence[object]:
    return (" ".join(f"{one.amount} {one.currency}" for one in row.prices),)


_COLUMNS: Mapping[str, tuple[tuple[str, ...], _Cells]] = {
    "on": (("platforms",), lambda row: (" ".join(row.platforms),)),
    "sync": (("sync", "sync_since"), lambda row: (row.sync, row.sync_since.isoformat() if row.sync_since else "")),
    "followers": (("followers", "followers_why", "followers_broken"), _figure("followers")),
    "views": (("views_90d", "views_why", "views_broken", "views_counted"),
              lambda row: (*_figure("views")(row), row.counted or "")),
    "change": (("change", "change_why", "change_broken"), _figure("change")),
    "engagement": (("engagement", "engagement_why", "engagement_broken"), _figure("engagement")),
    "topic": (("topics",), lambda row: (", ".join(row.topics) or row.topic or "",)),
    "country": (("country",), lambda row: (row.country or "",)),
    "deals": (("open_deals",), lambda row: ("hidden" if row.open_deals is None else row.open_deals,)),
    "post": (("last_post",), lambda row: (row.last_post.isoformat() if row.last_post else "",)),
    "price": (("prices_from",), _price),
    "handle": (("handle",), lambda row: (row.handle or "",)),
    "status": (("status",), lambda row: (row.status,)),
    "agent": (("agent",), lambda row: (row.agent or "",)),
    "notes": (("notes",), lambda row: (row.notes,)),
    "as_of": (("as_of",), lambda row: (row.as_of.isoformat() if row.as_of else "",)),
}  # fmt: skip


def roster_csv(rows: Sequence[RosterRow], columns: Sequence[str]) -> bytes:
    """One row a creator, in the order given; of the columns by their keys, those that there are.

    Shares are from 0 to 1. An empty figure is missing, never zero, and `…_why` says why; `…_broken` is the day from
    which a platform counts otherwise. UTF-8 with a mark, as spreadsheets read it.
    """
    chosen = [_COLUMNS[key] for key in columns if key in _COLUMNS]
    return table_csv(
        ["creator", "creator_id", *(name for names, _ in chosen for name in names)],
        ([row.name, row.id, *(value for _, cells in chosen for value in cells(row))] for row in rows),
    )


def write_roster(rows: Sequence[RosterRow], columns: Sequence[str], path: Path) -> int:
    """Write them into a new file, whole or not at all; returns how many creators.

    Raises:
        Conflict: a file of that name is there.
        InvalidInput: the folder is not there, or cannot be written to.
    """
    write_new(path, roster_csv(rows, columns))
    return len(rows)
