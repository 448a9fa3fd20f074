"""Meta Business Suite's export of a Facebook page's posts, videos and reels: one row a post.

A post's permalink holds a `pfbid` that differs from copy to copy, so Post ID alone says which post a row is about.
"""

from __future__ import annotations

from collections.abc import Iterator

from engagerr.core.integrations.formats import business_suite_csv
from engagerr.core.integrations.formats.business_suite_csv import Posts, kind_of, post_records
from engagerr.core.integrations.formats.csv_text import (
    Columns,
    Metric,
    Row,
    Vocabulary,
    plain_heading,
    recognises,
    translations,
)
from engagerr.core.integrations.formats.numbers import Unit
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import ItemRecord, Record

FIELDS = {
    **business_suite_csv.FIELDS,
    "page id": "account_id",
    "page name": "account_name",
    "title": "title",
    "caption type": "caption_type",
    "is crosspost": "is_crosspost",
    "is share": "is_share",
    "languages": "languages",
    "custom labels": "custom_labels",
    "funded content status": "funded",
}

# Counts over the post's life where Date says "Lifetime". What the page earned or advertised is not the post's reception
# and is left unread, as are the clicks by kind, of which real exports leave most empty.
METRICS = {
    "views": Metric("views", Unit.COUNT),
    "reach": Metric("reach", Unit.COUNT),
    "impressions": Metric("impressions", Unit.COUNT),
    "reactions": Metric("reactions", Unit.COUNT),
    "comments": Metric("comments", Unit.COUNT),
    "shares": Metric("shares", Unit.COUNT),
    "reactions, comments and shares": Metric("reactions_comments_and_shares", Unit.COUNT),
    "total clicks": Metric("total_clicks", Unit.COUNT),
    "link clicks": Metric("link_clicks", Unit.COUNT),
    "seconds viewed": Metric("seconds_viewed", Unit.SECONDS),
    "average seconds viewed": Metric("average_seconds_viewed", Unit.SECONDS),
}

_GERMAN = {
    "Seiten-ID": "page id", "Seitenname": "page name", "Name der Seite": "page name", "Titel": "title",
    "Sprachen": "languages", "Reaktionen": "reactions", "Klicks insgesamt": "total clicks", "Linkklicks": "link clicks",
    "Reaktionen, Kommentare und geteilte Inhalte": "reactions, comments and shares",
}  # fmt: skip
_SPANISH = {
    "Identificador de la página": "page id", "Nombre de la página": "page name", "Título": "title",
    "Idiomas": "languages", "Reacciones": "reactions", "Total de clics": "total clicks",
    "Clics en el enlace": "link clicks",
    "Reacciones, comentarios y veces que se ha compartido": "reactions, comments and shares",
}  # fmt: skip
_FRENCH = {
    "Identifiant de la Page": "page id", "Nom de la Page": "page name", "Titre": "title", "Langues": "languages",
    "Réactions": "reactions", "Total de clics": "total clicks", "Clics sur un lien": "link clicks",
    "Réactions, commentaires et partages": "reactions, comments and shares",
}  # fmt: skip
VOCABULARY = Vocabulary(
    FIELDS,
    METRICS,
    translations(
        business_suite_csv.GERMAN, business_suite_csv.SPANISH, business_suite_csv.FRENCH, _GERMAN, _SPANISH, _FRENCH
    ),
)

_KINDS = {
    "photo": "image", "photos": "image", "foto": "image", "fotos": "image", "image": "image", "bild": "image",
    "bilder": "image", "reel": "reel", "reels": "reel", "story": "story", "stories": "story", "historia": "story",
    "historias": "story", "video": "long_video", "videos": "long_video", "vídeo": "long_video",
    "vídeos": "long_video", "vidéo": "long_video", "vidéos": "long_video", "live": "live", "link": "post",
    "links": "post", "text": "post", "status": "post", "enlace": "post", "enlaces": "post", "lien": "post",
    "liens": "post",
}  # fmt: skip
_YES = {"1", "true", "yes", "ja", "sí", "si", "oui", "vrai", "wahr", "verdadero"}
_TOLD = {
    "account_name": "account_name", "data_comment": "comment", "post_type": "type", "caption_type": "caption_type",
    "custom_labels": "custom_labels", "funded_content_status": "funded",
}  # fmt: skip


def _is_posts(columns: Columns) -> bool:
    of_a_page = columns.has("post", "account_id") or columns.has("post", "account_name")
    return of_a_page and (columns.has("link") or columns.has("type")) and bool(columns.metrics)


def _item(posts: Posts, row: Row) -> ItemRecord:
    table = posts.table
    page_id = posts.account_id(row)
    hints = posts.hints(row, _TOLD)
    # The strongest word on duplicates that Meta gives; a plain "0" tells nothing that its absence does not.
    hints |= {name: True for name in ("is_crosspost", "is_share") if plain_heading(table.cell(row, name)) in _YES}
    # Where a post has no text of its own besides its title, Meta puts the caption there.
    title, text = table.cell(row, "title"), table.cell(row, "description")
    language = table.cell(row, "languages")
    return ItemRecord(
        row=row.number,
        platform="facebook",
        native_id=posts.post_id(row),
        kind=kind_of(table.cell(row, "type"), _KINDS),
        account=page_id,
        account_native_id=page_id,
        title=title or None,
        body=text or None,
        url=table.cell(row, "link") or None,
        published_at=posts.published(row),
        duration_seconds=posts.duration_seconds(row),
        language=language if language.isalpha() and len(language) <= 3 else None,
        hints=hints,
        metrics=posts.metrics(row),
    )


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    yield from post_records(
        source,
        VOCABULARY,
        _is_posts,
        "Meta Business Suite Facebook posts",
        item=_item,
        accounts_known_by="name the page with --account facebook:HANDLE",
    )


POSTS = Format(
    name="facebook-business-suite",
    platform="facebook",
    title="Meta Business Suite: Facebook content export",
    recognised_by="the headings Post ID and Page ID or Page name with Permalink or Post type, and a metric",
    yields="posts, videos and reels of the pages with their lifetime figures, and which are cross-posts",
    recognise=lambda source: recognises(source, VOCABULARY, _is_posts),
    parse=_parse,
    suffixes=(".csv",),
)
FORMATS = (POSTS,)
