"""The results of a brief as a table for a spreadsheet, as they stand on the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engagerr.core.desk.files import table_csv, write_new

if TYPE_CHECKING:
    from engagerr.core.desk.discover import Beside, Matches

_HEAD = ("rank", "creator", "creator_id", "score", "low", "high", "unknown")
_BESIDE = (
    "price", "price_currency", "price_why", "followers", "engagement_by_followers", "median_views",
    "last_published_at", "promised_to", "promised_until",
)  # fmt: skip


def matches_csv(matches: Matches) -> bytes:
    """One row a creator: score and range from 0 to 1, each signal from 0 to 1, price in major units.

    An empty cell is not known, never zero. UTF-8 with a mark, as spreadsheets read it.
    """
    results = matches.found.results
    signals = list(dict.fromkeys(signal.name for match in results for signal in match.signals))
    rows = []
    for rank, match in enumerate(results, 1):
        values = {signal.name: signal.value for signal in match.signals}
        rows.append(
            [
                rank, match.creator, match.creator_id, f"{match.score:.6f}", f"{match.low:.6f}",
                f"{match.high:.6f}", sum(value is None for value in values.values()),
                *("" if values.get(name) is None else f"{values[name]:.6f}" for name in signals),
                *_beside(matches.beside.get(match.creator_id)),
            ]
        )  # fmt: skip
    return table_csv([*_HEAD, *signals, *_BESIDE], rows)


def write_matches(matches: Matches, path: Path) -> int:
    """Write them into a new file, whole or not at all; returns how many creators.

    Raises:
        Conflict: a file of that name is there.
        InvalidInput: the folder is not there, or cannot be written to.
    """
    write_new(path, matches_csv(matches))
    return len(matches.found.results)


def _beside(beside: Beside | None) -> list[object]:
    if beside is None:
        return [""] * len(_BESIDE)
    price, promise = beside.price, beside.promise
    figures = (beside.followers.value, beside.engagement.value, beside.piece_views.value)
    return [
        "" if price.amount is None else price.amount.amount,
        "" if price.amount is None else price.amount.currency,
        "hidden" if price.hidden else price.why or "",
        *("" if value is None else f"{value:g}" for value in figures),
        "" if beside.last_post is None else beside.last_post.isoformat(),
        "" if promise is None else promise.brand or "a competitor",
        "" if promise is None or promise.until is None else promise.until.isoformat(),
    ]
