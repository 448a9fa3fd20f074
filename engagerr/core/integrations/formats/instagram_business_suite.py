"""Meta Business Suite's export of Instagram posts (Insights, Content, Export data): one row a post, reel or story."""

from __future__ import annotations

from collections.abc import Iterator

from engagerr.core.integrations.formats import business_suite_csv
from engagerr.core.integrations.formats.business_suite_csv import Posts, kind_of, post_records
from engagerr.core.integrations.formats.csv_text import Columns, Metric, Row, Vocabulary, recognises, translations
from engagerr.core.integrations.formats.numbers import Unit
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import ItemRecord, Record

FIELDS = {
    **business_suite_csv.FIELDS,
    "account id": "account_id",
    "account username": "account",
    "account name": "account_name",
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
    "Konto-ID": "account id", "Benutzername des Kontos": "account username", "Konto-Benutzername": "account username",
    "Kontoname": "account name", "„Gefällt mir“-Angaben": "likes", "Gespeicherte Beiträge": "saves",
}  # fmt: skip
_SPANISH = {
    "Identificador de la cuenta": "account id", "Nombre de usuario de la cuenta": "account username",
    "Nombre de la cuenta": "account name", "Me gusta": "likes", "Seguimientos": "follows",
    "Veces que se ha guardado": "saves",
}  # fmt: skip
_FRENCH = {
    "Identifiant du compte": "account id", "Nom d'utilisateur du compte": "account username",
    "Nom du compte": "account name", "J'aime": "likes", "Enregistrements": "saves",
}  # fmt: skip
VOCABULARY = Vocabulary(
    FIELDS,
    METRICS,
    translations(
        business_suite_csv.GERMAN, business_suite_csv.SPANISH, business_suite_csv.FRENCH, _GERMAN, _SPANISH, _FRENCH
    ),
)

# The words of Post type, in their localised spellings, by what they begin or end with.
_KINDS = {
    "image": "image", "photo": "image", "foto": "image", "bild": "image", "imagen": "image",
    "carousel": "carousel", "karussell": "carousel", "secuencia": "carousel", "carrusel": "carousel",
    "carrousel": "carousel", "reel": "reel", "reels": "reel", "story": "story", "stories": "story",
    "historia": "story", "video": "long_video",
}  # fmt: skip
_TOLD = {"account_name": "account_name", "data_comment": "comment", "post_type": "type"}


def _is_posts(columns: Columns) -> bool:
    return columns.has("post", "account") and (columns.has("link") or columns.has("type")) and bool(columns.metrics)


def _item(posts: Posts, row: Row) -> ItemRecord:
    table = posts.table
    return ItemRecord(
        row=row.number,
        platform="instagram",
        native_id=posts.post_id(row),
        kind=kind_of(table.cell(row, "type"), _KINDS),
        account=table.cell(row, "account").removeprefix("@") or None,
        account_native_id=posts.account_id(row),
        body=table.cell(row, "description") or None,
        url=table.cell(row, "link") or None,
        published_at=posts.published(row),
        duration_seconds=posts.duration_seconds(row),
        hints=posts.hints(row, _TOLD),
        metrics=posts.metrics(row),
    )


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    yield from post_records(
        source,
        VOCABULARY,
        _is_posts,
        "Meta Business Suite Instagram posts",
        item=_item,
        accounts_known_by="the usernames were",
    )


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
