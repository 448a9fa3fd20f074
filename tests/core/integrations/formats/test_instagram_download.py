"""Instagram's data download: past_instagram_insights, file by file and as the whole zip."""

import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.instagram_download import INSIGHTS, ZIP
from engagerr.core.integrations.formats.instagram_words import (
    AUDIENCE_METRICS,
    INTERACTION_METRICS,
    ITEM_FIELDS,
    ITEM_METRICS,
    REACH_METRICS,
    plain_key,
    repaired,
    table,
)
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import (
    AccountRecord,
    ItemRecord,
    MetricRecord,
    Notice,
    Period,
    Record,
    Rejection,
    State,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "exports" / "instagram_download"
URI = "media/posts/202607/296182505_2306736436140223_1131775985609414029_n_17908919372611575.jpg"
SECOND = 1785578400  # 2026-08-01 10:00 UTC
FOLDER = "logged_information/past_instagram_insights"


def broken(text: str) -> str:
    """Text as Meta's downloads hold it."""
    return text.encode().decode("latin-1")


def post(figures: dict[str, str], *, uri: str = URI, title: str = "", second: int = SECOND) -> dict[str, Any]:
    strings = {broken(key): {"href": "", "value": broken(value), "timestamp": 0} for key, value in figures.items()}
    media = {"uri": uri, "creation_timestamp": second, "title": broken(title)}
    return {"title": "", "media_map_data": {"Media Thumbnail": media}, "string_map_data": strings}


def source(folder: Path, document: Any, name: str = "posts.json") -> Source:
    path = folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return Source(path, NOW)


def posts(folder: Path, *entries: Any) -> Source:
    return source(folder, {"organic_insights_posts": list(entries)})


def read(given: Source, using: Format = INSIGHTS, *, period: Period | None = None) -> list[Record]:
    return list(using.parse(given, Reading(now=NOW, period=period)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def accounts(records: list[Record]) -> list[AccountRecord]:
    return [record for record in records if isinstance(record, AccountRecord)]


def notices(records: list[Record]) -> list[str]:
    return [record.text for record in records if isinstance(record, Notice)]


def values(record: ItemRecord | AccountRecord) -> dict[str, Any]:
    return {figure.name: figure.value for figure in record.metrics}


# ---------------------------------------------------------------------------------------------------------- the items


def test_a_post_is_known_by_the_number_of_its_media_file(tmp_path: Path) -> None:
    given = posts(tmp_path, post({"Accounts reached": "95,911", "Likes": "1,204"}, title="Grüße 🌱"))
    assert INSIGHTS.recognise(given)
    [item] = items(read(given))
    assert (item.native_id, item.platform, item.body, item.account) == (
        "17908919372611575", "instagram", "Grüße 🌱", None,
    )  # fmt: skip
    assert item.published_at == datetime.fromtimestamp(SECOND, UTC)
    assert values(item) == {"reach": 95_911, "likes": 1_204}
    assert {(figure.observed_at, figure.period_days) for figure in item.metrics} == {(None, 0)}


@pytest.mark.parametrize(
    "keys",
    [("Accounts reached", "Impressions", "Likes", "Comments", "Saves"),
     ("Erreichte Konten", "Impressionen", "„Gefällt mir“-Angaben", "Kommentare", "Gespeichert"),
     ("Cuentas alcanzadas", "Impresiones", "Me gusta", "Comentarios", "Guardados"),
     ("Comptes touchés", "Impressions", "J’aime", "Commentaires", "Enregistrements"),
     ("Contas alcançadas", "Impressões", "Curtidas", "Comentários", "Salvamentos"),
     ("Account raggiunti", "Impression", "Mi piace", "Commenti", "Salvataggi")],
    ids=("en", "de", "es", "fr", "pt", "it"),
)  # fmt: skip
@pytest.mark.parametrize("number", ["95,911", "95.911", "95911"])
def test_six_languages_and_their_thousands_are_read_through_the_broken_text(
    tmp_path: Path, keys: tuple[str, ...], number: str
) -> None:
    records = read(posts(tmp_path, post(dict.fromkeys(keys, number))))
    assert values(items(records)[0]) == dict.fromkeys(("reach", "impressions", "likes", "comments", "saves"), 95_911)
    assert not [text for text in notices(records) if "not understood" in text]


def test_unknown_keys_are_told_once_and_never_guessed(tmp_path: Path) -> None:
    strange = {"Erişilen hesaplar": "12", "Beğeniler": "3"}
    records = read(posts(tmp_path, post({**strange, "Likes": "4"}), post(strange, second=SECOND + 60)))
    assert [values(item) for item in items(records)] == [{"likes": 4}, {}]
    told = [text for text in notices(records) if "not understood" in text]
    assert len(told) == 1
    assert "Erişilen hesaplar, Beğeniler" in told[0]


@pytest.mark.parametrize(
    ("text", "value", "state"),
    [("--", None, State.NOT_REPORTED), ("", None, State.NOT_REPORTED), ("0", 0, State.ZERO),
     ("63.3K", 63_300, State.ESTIMATED)],
)  # fmt: skip
def test_a_missing_figure_is_not_zero(tmp_path: Path, text: str, value: int | None, state: State) -> None:
    [item] = items(read(posts(tmp_path, post({"Saves": text}))))
    assert item.metrics == (MetricRecord("saves", value, state),)


def test_a_figure_that_is_no_number_refuses_its_entry_only(tmp_path: Path) -> None:
    records = read(posts(tmp_path, post({"Likes": "many"}), post({"Likes": "4"}), "no entry"))
    refused = [(one.row, one.column, one.value) for one in records if isinstance(one, Rejection)]
    assert refused == [(1, "Likes", "many"), (3, "string_map_data", None)]
    assert [item.row for item in items(records)] == [2]


@pytest.mark.parametrize(
    ("root", "uri", "kind"),
    [("organic_insights_reels", "media/reels/202607/x_17900000000000001.mp4", "reel"),
     ("organic_insights_stories", "media/stories/202607/st1.mp4", "story"),
     ("organic_insights_live", "media/other/l1.jpg", "live"),
     ("organic_insights_posts", "media/posts/202607/p1.mp4", "long_video"),
     ("organic_insights_posts", URI, "post")],
)  # fmt: skip
def test_the_list_that_an_entry_stands_in_gives_its_kind(tmp_path: Path, root: str, uri: str, kind: str) -> None:
    [item] = items(read(source(tmp_path, {root: [post({"Likes": "1"}, uri=uri)]})))
    assert item.kind == kind


def test_a_reel_has_its_upload_time_length_and_plays(tmp_path: Path) -> None:
    entry = post({"Instagram Plays": "55000", "Duration": "00:00:17"}, second=0)
    entry["string_map_data"]["Upload Timestamp"] = {"href": "", "value": "", "timestamp": SECOND}
    [item] = items(read(source(tmp_path, {"organic_insights_reels": [entry]})))
    assert (item.duration_seconds, item.published_at) == (17, datetime.fromtimestamp(SECOND, UTC))
    assert values(item) == {"plays": 55_000}


def test_a_post_without_a_media_file_is_known_by_its_time_and_without_both_refused(tmp_path: Path) -> None:
    nameless, nothing = post({"Likes": "1"}, uri=""), post({"Likes": "1"}, uri="", second=0)
    records = read(posts(tmp_path, nameless, nothing))
    assert [item.native_id for item in items(records)] == [f"post-{SECOND}"]
    assert [one.row for one in records if isinstance(one, Rejection)] == [2]


# -------------------------------------------------------------------------------------------------------- the account

REACH = {
    "Période": "May 29 - Aug 26", "Comptes touchés": "3359140",
    "Nombre de comptes touchés": "+59.4% vs Feb 28 - May 28",
    "Followers": "1%", "Non-followers": "99%", "Impressions": "15,570,962", "Nombre d’impressions": "+93.4%",
    "Visites du profil": "103,643",
}  # fmt: skip
AUDIENCE = {
    "Zeitraum": "9. Juli - 6. Okt.",
    "Follower": "10.801",
    "Delta von Followern": "-1,9%",
    "Neue Follower": "264",
}


def test_the_accounts_reach_is_of_the_weeks_that_the_file_names(tmp_path: Path) -> None:
    records = read(source(tmp_path, {"organic_insights_reach": [post(REACH)]}, "profiles_reached.json"))
    [account] = accounts(records)
    assert values(account) == {"reach": 3_359_140, "impressions": 15_570_962, "profile_visits": 103_643}
    assert {(figure.observed_at, figure.period_days) for figure in account.metrics} == {
        (datetime(2026, 8, 27, tzinfo=UTC), 90)
    }
    assert any("2026-05-29 to 2026-08-26" in text for text in notices(records))
    assert not any("not understood" in text for text in notices(records))


def test_followers_are_a_head_count_in_one_file_and_a_share_in_the_other(tmp_path: Path) -> None:
    [account] = accounts(read(source(tmp_path, {"organic_insights_audience": [post(AUDIENCE)]})))
    at = datetime(2026, 10, 7, tzinfo=UTC)
    assert account.metrics == (
        MetricRecord("followers", 10_801, State.VALUE, at, 0),
        MetricRecord("follows", 264, State.VALUE, at, 90),
    )


def test_the_users_period_settles_the_year_and_stands_in_for_a_missing_range(tmp_path: Path) -> None:
    last_year = Period(date(2025, 5, 29), date(2025, 8, 26))
    [account] = accounts(read(source(tmp_path, {"organic_insights_reach": [post(REACH)]}), period=last_year))
    assert account.metrics[0].observed_at == datetime(2025, 8, 27, tzinfo=UTC)
    without = {"organic_insights_reach": [post({"Accounts reached": "3"})]}
    assert [one.row for one in read(source(tmp_path, without)) if isinstance(one, Rejection)] == [1]
    [account] = accounts(read(source(tmp_path, without), period=last_year))
    assert account.metrics[0].period_days == 90


# ----------------------------------------------------------------------------------------------- files without figures


@pytest.mark.skipif(not REAL.exists(), reason="the sample exports are not on this machine")
def test_a_real_list_of_posts_gives_each_post_without_figures_and_says_where_those_are() -> None:
    given = Source(REAL / "posts_images.json", NOW)
    assert INSIGHTS.recognise(given)
    records = read(given)
    [carousel] = items(records)
    assert (carousel.native_id, carousel.kind, carousel.metrics) == ("17908919372611575", "post", ())
    assert carousel.published_at == datetime.fromtimestamp(1658871955, UTC)
    assert any("past_instagram_insights" in text for text in notices(records))


@pytest.mark.skipif(not REAL.exists(), reason="the sample exports are not on this machine")
def test_a_real_list_without_posts_is_refused_with_the_cure() -> None:
    given = Source(REAL / "reels_empty.json", NOW)
    assert INSIGHTS.recognise(given)
    with pytest.raises(InvalidInput) as refused:
        read(given)
    assert refused.value.hint is not None
    assert "past_instagram_insights" in refused.value.hint


def test_a_post_is_the_same_item_in_the_list_of_posts_and_among_the_insights(tmp_path: Path) -> None:
    [counted] = items(read(posts(tmp_path, post({"Likes": "3"}))))
    single = {"media": [{"uri": URI, "creation_timestamp": SECOND, "title": broken("Brötchen")}]}
    [listed] = items(read(source(tmp_path, [single])))
    assert (listed.native_id, listed.kind, listed.hints) == (counted.native_id, counted.kind, counted.hints)
    assert (listed.body, listed.published_at) == ("Brötchen", datetime.fromtimestamp(SECOND, UTC))


@pytest.mark.parametrize(
    ("document", "kind"),
    [({"ig_reels_media": [{"media": [{"uri": "media/reels/202607/12_17908919372611575.mp4"}]}]}, "reel"),
     ({"ig_stories": [{"uri": "media/stories/202607/12_17908919372611575.jpg"}]}, "story"),
     ([{"media": [{"uri": "media/posts/202607/12_17908919372611575.mp4"}]}], "long_video"),
     ([{"media": [{"uri": "media/posts/202607/12_17908919372611575.mp4"}, {"uri": "media/x.jpg"}]}], "post")],
)  # fmt: skip
def test_the_list_that_a_post_stands_in_gives_its_kind(tmp_path: Path, document: Any, kind: str) -> None:
    given = source(tmp_path, document, "list.json")
    assert INSIGHTS.recognise(given)
    [item] = items(read(given))
    assert (item.native_id, item.kind) == ("17908919372611575", kind)


def test_a_post_without_a_media_file_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    records = read(source(tmp_path, [{"media": [{"uri": URI}]}, {"media": []}, "x", {"title": "no file"}]))
    assert [item.row for item in items(records)] == [1]
    assert [bad.row for bad in records if isinstance(bad, Rejection)] == [2, 3, 4]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"a": 1}', b"\xff\xfe{", b"PK\x03\x04", b'{"organic": []}', b"[" * 50_000]
)
def test_other_bytes_are_not_recognised_and_refused_with_a_cure(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(data)
    for using in (INSIGHTS, ZIP):
        assert not using.recognise(Source(path, NOW))
        with pytest.raises(InvalidInput) as refused:
            read(Source(path, NOW), using)
        assert refused.value.hint


# ------------------------------------------------------------------------------------------------------------ the zip


def archive(folder: Path, members: dict[str, Any]) -> Source:
    path = folder / "instagram-ann-2026-11-01.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, document in members.items():
            made.writestr(name, document if isinstance(document, bytes) else json.dumps(document))
    return Source(path, NOW)


def test_the_whole_download_is_read_with_the_account_that_it_names(tmp_path: Path) -> None:
    user = {"profile_user": [{"string_map_data": {"Benutzername": {"value": "ann.backt", "timestamp": 0}}}]}
    given = archive(
        tmp_path,
        {
            f"{FOLDER}/posts.json": {"organic_insights_posts": [post({"Likes": "3"})]},
            f"{FOLDER}/profiles_reached.json": {"organic_insights_reach": [post(REACH)]},
            "personal_information/personal_information/personal_information.json": user,
            "your_instagram_activity/content/posts_1.json": [{"media": [{"uri": URI}]}],
            "media/posts/202607/x.jpg": b"\xff\xd8" * 1000,
        },
    )
    assert ZIP.recognise(given)
    assert not INSIGHTS.recognise(given)
    records = read(given, ZIP)
    assert [(item.account, item.part) for item in items(records)] == [("ann.backt", f"{FOLDER}/posts.json")]
    assert [account.handle for account in accounts(records)] == ["ann.backt"]


def test_a_download_without_insights_says_who_gets_them(tmp_path: Path) -> None:
    given = archive(tmp_path, {"your_instagram_activity/content/posts_1.json": []})
    assert ZIP.recognise(given)
    with pytest.raises(InvalidInput, match="no insights") as refused:
        read(given, ZIP)
    assert refused.value.hint is not None
    assert "professional" in refused.value.hint


@pytest.mark.parametrize("megabytes", [10, 70])
def test_a_member_that_unpacks_to_a_giant_is_refused_before_it_is_unpacked(tmp_path: Path, megabytes: int) -> None:
    given = archive(tmp_path, {f"{FOLDER}/posts.json": b" " * (megabytes * 1024 * 1024)})
    assert ZIP.recognise(given)
    with pytest.raises(InvalidInput, match="unpacks to"):
        read(given, ZIP)


def test_an_archive_with_countless_members_is_refused_by_its_end_record(tmp_path: Path) -> None:
    given = archive(tmp_path, {f"{FOLDER}/posts.json": {}})
    data = bytearray(given.path.read_bytes())
    at = data.rindex(b"PK\x05\x06")
    data[at + 12 : at + 16] = (2**31).to_bytes(4, "little")  # the size of the directory
    given.path.write_bytes(bytes(data))
    with pytest.raises(InvalidInput, match="lists"):
        read(Source(given.path, NOW), ZIP)


def test_a_cut_or_encrypted_archive_is_refused_with_its_cure(tmp_path: Path) -> None:
    given = archive(tmp_path, {f"{FOLDER}/posts.json": {"organic_insights_posts": [post({"Likes": "3"})]}})
    data = given.path.read_bytes()
    given.path.write_bytes(data[:-30])
    assert ZIP.recognise(Source(given.path, NOW))
    with pytest.raises(InvalidInput, match="damaged"):
        read(Source(given.path, NOW), ZIP)
    locked = bytearray(data)
    locked[6] |= 1
    locked[data.index(b"PK\x01\x02") + 8] |= 1
    given.path.write_bytes(bytes(locked))
    with pytest.raises(InvalidInput, match="encrypted"):
        read(Source(given.path, NOW), ZIP)


# ----------------------------------------------------------------------------------------------------------- the words


def test_no_key_means_two_things_in_one_file() -> None:
    for words in ((ITEM_METRICS, ITEM_FIELDS), (REACH_METRICS,), (INTERACTION_METRICS,), (AUDIENCE_METRICS,)):
        meanings: dict[str, set[str]] = {}
        for named in words:
            for name, keys in named.items():
                for key in keys:
                    meanings.setdefault(plain_key(key), set()).add(name)
        assert {key: names for key, names in meanings.items() if len(names) > 1} == {}
        assert set(table(*words)) == set(meanings)


@given(st.text(st.characters(min_codepoint=1, exclude_categories=("Cs",)), max_size=60))
def test_broken_text_is_mended_whatever_it_says(text: str) -> None:
    assert repaired(broken(text)) == text


@given(st.text(st.characters(min_codepoint=0x250, exclude_categories=("Cs", "Cc")), max_size=60))
def test_sound_text_beyond_latin_stays_as_it_is(text: str) -> None:
    assert repaired(text) == text
