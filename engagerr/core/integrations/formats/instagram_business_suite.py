"""Meta Business Suite's export of Instagram posts (Insights, Content, Export data): one row a post, reel or story.

The English headings are those of a real export; the German, Spanish and French ones are reconstructed from public code
and may be incomplete, in which case a file is not recognised and nothing is misread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from engagerr.core.integrations.formats.csv_text import (
    BadCell,
    Columns,
    Metric,
    Row,
    Table,
    Vocabulary,
    metric_records,
    plain_heading,
    recognises,
    source_table,
    spoiled_ids,
    translations,
)
from engagerr.core.integrations.formats.numbers import (
    Unit,
    is_missing,
    months_come_first,
    read_day,
    read_duration,
    read_moment,
)
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import ItemRecord, Notice, Record, Rejection

FIELDS = {
    "post id": "post",
    "account id": "account_id",
    "account username": "account",
    "account name": "account_name",
    "description": "description",
    "duration (sec)": "duration",
    "publish time": "published",
    "permalink": "link",
    "post type": "type",
    "data comment": "comment",
    "date": "date",
}

# Views: plays of a reel, times on screen of a photo or story, repeats included. All are counts over the post's life
# where Date says "Lifetime".
METRICS = {
    "views": Metric("views", Unit.COUNT),
    "reach": Metric("reach", Unit.COUNT),
    "likes": Metric("likes", Unit.COUNT),
    "shares": Metric("shares", Unit.COUNT),
    "follows": Metric("follows", Unit.COUNT),
    "comments": Metric("comments", Unit.COUNT),
    "saves": Metric("saves", Unit.COUNT),
    # Older exports and stories.
    "impressions": Metric("impressions", Unit.COUNT),
    "plays": Metric("plays", Unit.COUNT),
    "replies": Metric("replies", Unit.COUNT),
    "profile visits": Metric("profile_visits", Unit.COUNT),
    "link clicks": Metric("link_clicks", Unit.COUNT),
    "sticker taps": Metric("sticker_taps", Unit.COUNT),
    "navigation": Metric("navigation", Unit.COUNT),
}

_GERMAN = {
    "Beitrags-ID": "post id", "Konto-ID": "account id", "Benutzername des Kontos": "account username",
    "Konto-Benutzername": "account username", "Kontoname": "account name", "Beschreibung": "description",
    "Dauer (Sek.)": "duration (sec)", "Veröffentlichungszeitpunkt": "publish time", "Permalink": "permalink",
    "Beitragstyp": "post type", "Art des Beitrags": "post type", "Datenkommentar": "data comment", "Datum": "date",
    "Aufrufe": "views", "Reichweite": "reach", "„Gefällt mir“-Angaben": "likes", "Geteilte Inhalte": "shares",
    "Kommentare": "comments", "Gespeicherte Beiträge": "saves",
}  # fmt: skip
_SPANISH = {
    "Identificador de la publicación": "post id", "Identificador de la cuenta": "account id",
    "Nombre de usuario de la cuenta": "account username", "Nombre de la cuenta": "account name",
    "Descripción": "description", "Duración (segundos)": "duration (sec)", "Hora de publicación": "publish time",
    "Enlace permanente": "permalink", "Tipo de publicación": "post type", "Comentario de datos": "data comment",
    "Fecha": "date", "Visualizaciones": "views", "Alcance": "reach", "Me gusta": "likes",
    "Veces que se ha compartido": "shares", "Seguimientos": "follows", "Comentarios": "comments",
    "Veces que se ha guardado": "saves",
}  # fmt: skip
_FRENCH = {
    "Identifiant de la publication": "post id", "Identifiant du compte": "account id",
    "Nom d'utilisateur du compte": "account username", "Nom du compte": "account name",
    "Durée (s)": "duration (sec)", "Heure de publication": "publish time", "Permalien": "permalink",
    "Type de publication": "post type", "Vues": "views", "Couverture": "reach", "J'aime": "likes",
    "Partages": "shares", "Commentaires": "comments", "Enregistrements": "saves",
}  # fmt: skip
VOCABULARY = Vocabulary(FIELDS, METRICS, translations(_GERMAN, _SPANISH, _FRENCH))

# The words of Post type, in their localised spellings, by what they begin or end with.
_KINDS = {
    "image": "image", "photo": "image", "foto": "image", "bild": "image", "imagen": "image",
    "carousel": "carousel", "karussell": "carousel", "secuencia": "carousel", "carrusel": "carousel",
    "carrousel": "carousel", "reel": "reel", "reels": "reel", "story": "story", "stories": "story",
    "historia": "story", "video": "long_video",
}  # fmt: skip
_ID_FIX = (
    "Download the export again and import it as it came. To look at it in a spreadsheet, import the id columns as text."
)


def _is_posts(columns: Columns) -> bool:
    return columns.has("post", "account") and (columns.has("link") or columns.has("type")) and bool(columns.metrics)


def _kind(text: str) -> str | None:
    words = plain_heading(text).replace("-", " ").split()
    return next((_KINDS[word] for word in words if word in _KINDS), None)


def _published(table: Table, row: Row, *, month_first: bool) -> datetime | None:
    cell = table.cell(row, "published")
    try:
        return None if is_missing(cell) else read_moment(cell, month_first=month_first)
    except ValueError as error:
        raise BadCell(
            table.columns.heading("published"), cell, f"It cannot be read as a time: {error}.",
            "Meta writes MM/DD/YYYY HH:MM; download the export again.",
        ) from error  # fmt: skip


def _observed(table: Table, row: Row, *, month_first: bool) -> tuple[datetime | None, int]:
    """When the figures were true: "Lifetime", in whatever language, has no digit; else they are one day's."""
    cell = table.cell(row, "date")
    if not re.search(r"\d", cell):
        return None, 0
    try:
        written = read_day(cell, month_first=month_first)
        if written.year is None:
            raise ValueError("it names no year")
    except ValueError as error:
        raise BadCell(table.columns.heading("date"), cell, f"It cannot be read as a date: {error}.") from error
    end = date(written.year, written.month, written.day) + timedelta(days=1)
    return datetime(end.year, end.month, end.day, tzinfo=UTC), 1


def _item(
    table: Table, row: Row, marks: Mapping[int, str | None], spoiled: frozenset[str], *, month_first: bool
) -> ItemRecord:
    native_id = table.cell(row, "post")
    if native_id in spoiled:
        reason = "A spreadsheet rounded this id, so it names another post or none."
        raise BadCell(table.columns.heading("post"), native_id, reason, _ID_FIX)
    if not (native_id.isascii() and native_id.isdigit()):
        raise BadCell(table.columns.heading("post"), native_id, "It is not a post id, which has digits only.", _ID_FIX)
    observed_at, days = _observed(table, row, month_first=month_first)
    cell = table.cell(row, "duration")
    try:
        duration = None if is_missing(cell) else float(read_duration(cell))
    except ValueError as error:
        raise BadCell(table.columns.heading("duration"), cell, f"It cannot be read: {error}.") from error
    account_id = table.cell(row, "account_id")
    told = {"account_name": "account_name", "data_comment": "comment", "post_type": "type"}
    return ItemRecord(
        row=row.number,
        platform="instagram",
        native_id=native_id,
        kind=_kind(table.cell(row, "type")),
        account=table.cell(row, "account").removeprefix("@") or None,
        account_native_id=account_id if account_id.isdigit() and account_id not in spoiled else None,
        body=table.cell(row, "description") or None,
        url=table.cell(row, "link") or None,
        published_at=_published(table, row, month_first=month_first),
        duration_seconds=duration or None,  # Meta writes 0 for what has no duration
        hints={hint: table.cell(row, name) for hint, name in told.items() if table.cell(row, name)},
        metrics=metric_records(table, row, marks, observed_at=observed_at, period_days=days),
    )


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    table = source_table(source, VOCABULARY, _is_posts, "Meta Business Suite Instagram posts")
    marks = table.decimal_marks()
    month_first, proven = months_come_first(
        table.cell(row, name) for row in table.rows() if row.damage is None for name in ("published", "date")
    )
    spoiled = spoiled_ids(table, "post")
    spoiled_accounts = spoiled_ids(table, "account_id")
    yield Notice(f"{source.name} names no time zone for its publish times; they were taken as UTC.")
    if table.columns.localised and not proven:
        yield Notice(f"{source.name}: dates such as 03/04/2026 were read as month/day; no date of it shows the order.")
    if spoiled_accounts:
        yield Notice(
            f"{source.name}: a spreadsheet rounded the account ids ({min(spoiled_accounts)}), so they were not taken; "
            "the usernames were."
        )
    for row in table.sound_rows():
        if isinstance(row, Rejection):
            yield row
            continue
        try:
            yield _item(table, row, marks, spoiled | spoiled_accounts, month_first=month_first)
        except BadCell as bad:
            yield bad.rejection(row.number)
    yield from table.notices()


POSTS = Format(
    name="instagram-business-suite",
    platform="instagram",
    title="Meta Business Suite: Instagram content export",
    recognised_by="the headings Post ID and Account username with Permalink or Post type, and a metric",
    yields="posts, reels and stories of the accounts with their lifetime figures",
    recognise=lambda source: recognises(source, VOCABULARY, _is_posts),
    parse=_parse,
    suffixes=(".csv",),
)
FORMATS = (POSTS,)
