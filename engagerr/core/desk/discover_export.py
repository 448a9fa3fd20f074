"""The results of a brief as a table for a spreadsheet, as they stand on the page."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.metrics.reports.folder import checked_folder, put_file
from engagerr.core.metrics.reports.plain_words import not_a_formula, printable

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
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\r\n")
    lines.writerow([*_HEAD, *signals, *_BESIDE])
    for rank, match in enumerate(results, 1):
        values = {signal.name: signal.value for signal in match.signals}
        lines.writerow(
            [
                rank, _words(match.creator), match.creator_id, f"{match.score:.6f}", f"{match.low:.6f}",
                f"{match.high:.6f}", sum(value is None for value in values.values()),
                *("" if values.get(name) is None else f"{values[name]:.6f}" for name in signals),
                *_beside(matches.beside.get(match.creator_id)),
            ]
        )  # fmt: skip
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def write_matches(matches: Matches, path: Path) -> int:
    """Write them into a new file, whole or not at all; returns how many creators.

    Raises:
        Conflict: a file of that name is there.
        InvalidInput: the folder is not there, or cannot be written to.
    """
    path = Path(path)
    if not path.name:
        raise InvalidInput("That names no file.", hint="Such as matches.csv.")
    folder = checked_folder(str(path.absolute().parent))
    if path.exists() or path.is_symlink():
        raise Conflict(f"{path} is there already.", hint="Choose another name.", facts={"path": str(path)})
    put_file(folder, path.name, matches_csv(matches))
    return len(matches.found.results)


def _beside(beside: Beside | None) -> list[object]:
    if beside is None:
        return [""] * len(_BESIDE)
    price, promise = beside.price, beside.promise
    figures = (beside.followers.value, beside.engagement.value, beside.piece_views.value)
    return [
        "" if price.amount is None else price.amount.amount,
        "" if price.amount is None else price.amount.currency,
        _words("hidden" if price.hidden else price.why or ""),
        *("" if value is None else f"{value:g}" for value in figures),
        "" if beside.last_post is None else beside.last_post.isoformat(),
        "" if promise is None else _words(promise.brand or "a competitor"),
        "" if promise is None or promise.until is None else promise.until.isoformat(),
    ]


def _words(said: str) -> str:
    return not_a_formula(printable(said))
