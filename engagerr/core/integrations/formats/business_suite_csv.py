"""What Meta Business Suite's content exports of Instagram and Facebook share: headings, times, ids, and their traps.

The English headings are those of real exports; the German, Spanish and French ones are reconstructed from public code
and may be incomplete, in which case a file is not recognised and nothing is misread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from engagerr.core.integrations.formats.csv_text import (
    BadCell,
    Columns,
    Row,
    Table,
    Vocabulary,
    metric_records,
    plain_heading,
    source_table,
    spoiled_ids,
)
from engagerr.core.integrations.formats.numbers import (
    is_missing,
    months_come_first,
    read_day,
    read_duration,
    read_moment,
)
from engagerr.core.integrations.formats.source import Source
from engagerr.core.integrations.records import ItemRecord, MetricRecord, Notice, Record, Rejection

FIELDS = {
    "post id": "post",
    "description": "description",
    "duration (sec)": "duration",
    "publish time": "published",
    "permalink": "link",
    "post type": "type",
    "data comment": "comment",
    "date": "date",
}
GERMAN = {
    "Beitrags-ID": "post id", "Beschreibung": "description", "Dauer (Sek.)": "duration (sec)",
    "Veröffentlichungszeitpunkt": "publish time", "Permalink": "permalink", "Beitragstyp": "post type",
    "Art des Beitrags": "post type", "Datenkommentar": "data comment", "Datum": "date", "Aufrufe": "views",
    "Reichweite": "reach", "Geteilte Inhalte": "shares", "Kommentare": "comments",
}  # fmt: skip
SPANISH = {
    "Identificador de la publicación": "post id", "Descripción": "description",
    "Duración (segundos)": "duration (sec)", "Hora de publicación": "publish time", "Enlace permanente": "permalink",
    "Tipo de publicación": "post type", "Comentario de datos": "data comment", "Fecha": "date",
    "Visualizaciones": "views", "Alcance": "reach", "Veces que se ha compartido": "shares",
    "Comentarios": "comments",
}  # fmt: skip
FRENCH = {
    "Identifiant de la publication": "post id", "Durée (s)": "duration (sec)", "Heure de publication": "publish time",
    "Permalien": "permalink", "Type de publication": "post type", "Vues": "views", "Couverture": "reach",
    "Partages": "shares", "Commentaires": "comments",
}  # fmt: skip

_ID_FIX = (
    "Download the export again and import it as it came. To look at it in a spreadsheet, import the id columns as text."
)


@dataclass(frozen=True, slots=True)
class Posts:
    """An export opened for reading, with what only the whole file shows.

    `marks` are the decimal marks of its metric columns, `spoiled` the ids that a spreadsheet rounded.
    """

    table: Table
    marks: Mapping[int, str | None]
    spoiled: frozenset[str]
    month_first: bool

    def post_id(self, row: Row) -> str:
        """The post's id. Raises `BadCell` for one that is damaged."""
        native_id, heading = self.table.cell(row, "post"), self.table.columns.heading("post")
        if native_id in self.spoiled:
            raise BadCell(
                heading, native_id, "A spreadsheet rounded this id, so it names another post or none.", _ID_FIX
            )
        if not (native_id.isascii() and native_id.isdigit()):
            raise BadCell(heading, native_id, "It is not a post id, which has digits only.", _ID_FIX)
        return native_id

    def account_id(self, row: Row) -> str | None:
        """The id of the account or page; `None` where it is missing or damaged."""
        account_id = self.table.cell(row, "account_id")
        return account_id if account_id.isdigit() and account_id not in self.spoiled else None

    def published(self, row: Row) -> datetime | None:
        """When the post went out (aware UTC). Raises `BadCell`."""
        cell = self.table.cell(row, "published")
        try:
            return None if is_missing(cell) else read_moment(cell, month_first=self.month_first)
        except ValueError as error:
            raise BadCell(
                self.table.columns.heading("published"), cell, f"It cannot be read as a time: {error}.",
                "Meta writes MM/DD/YYYY HH:MM; download the export again.",
            ) from error  # fmt: skip

    def duration_seconds(self, row: Row) -> float | None:
        """The length of a video; Meta writes 0 for what has none. Raises `BadCell`."""
        cell = self.table.cell(row, "duration")
        try:
            return None if is_missing(cell) else float(read_duration(cell)) or None
        except ValueError as error:
            raise BadCell(self.table.columns.heading("duration"), cell, f"It cannot be read: {error}.") from error

    def metrics(self, row: Row) -> tuple[MetricRecord, ...]:
        """The row's figures, over the post's life or one day. Raises `BadCell`."""
        observed_at, days = self._observed(row)
        return metric_records(self.table, row, self.marks, observed_at=observed_at, period_days=days)

    def hints(self, row: Row, told: Mapping[str, str]) -> dict[str, object]:
        """What else the row says: `told` is {hint: field}; empty cells are left out."""
        return {hint: self.table.cell(row, name) for hint, name in told.items() if self.table.cell(row, name)}

    def _observed(self, row: Row) -> tuple[datetime | None, int]:
        """When the figures were true: "Lifetime", in whatever language, has no digit; else they are one day's."""
        cell = self.table.cell(row, "date")
        if not re.search(r"\d", cell):
            return None, 0
        try:
            written = read_day(cell, month_first=self.month_first)
            if written.year is None:
                raise ValueError("it names no year")
        except ValueError as error:
            raise BadCell(self.table.columns.heading("date"), cell, f"It cannot be read as a date: {error}.") from error
        end = date(written.year, written.month, written.day) + timedelta(days=1)
        return datetime(end.year, end.month, end.day, tzinfo=UTC), 1


def kind_of(post_type: str, kinds: Mapping[str, str]) -> str | None:
    """The kind that the first known word of Post type names ("IG reel", "Reels")."""
    words = plain_heading(post_type).replace("-", " ").split()
    return next((kinds[word] for word in words if word in kinds), None)


def post_records(
    source: Source,
    vocabulary: Vocabulary,
    wanted: Callable[[Columns], bool],
    what: str,
    *,
    item: Callable[[Posts, Row], ItemRecord],
    accounts_known_by: str,
) -> Iterator[Record]:
    """Read a whole export, each row by `item`; `accounts_known_by` says what remains where account ids are damaged."""
    table = source_table(source, vocabulary, wanted, what)
    marks = table.decimal_marks()
    month_first, proven = months_come_first(
        table.cell(row, name) for row in table.rows() if row.damage is None for name in ("published", "date")
    )
    spoiled_accounts = spoiled_ids(table, "account_id")
    posts = Posts(table, marks, spoiled_ids(table, "post") | spoiled_accounts, month_first)
    yield Notice(f"{source.name} names no time zone for its publish times; they were taken as UTC.")
    if table.columns.localised and not proven:
        yield Notice(f"{source.name}: dates such as 03/04/2026 were read as month/day; no date of it shows the order.")
    if spoiled_accounts:
        yield Notice(
            f"{source.name}: a spreadsheet rounded the account ids ({min(spoiled_accounts)}), so they were not taken; "
            f"{accounts_known_by}."
        )
    for row in table.sound_rows():
        if isinstance(row, Rejection):
            yield row
            continue
        try:
            yield item(posts, row)
        except BadCell as bad:
            yield bad.rejection(row.number)
    yield from table.notices()
