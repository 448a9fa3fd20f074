"""Lists of top influencers, with the faults that such lists have."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.integrations.formats.influencer_list import INFLUENCER_LIST
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.formats.table import FORMATS
from engagerr.core.integrations.records import (
    AccountRecord,
    CreatorRecord,
    MetricRecord,
    Notice,
    Period,
    Record,
    Rejection,
    State,
)
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SHARED = Path(__file__).parents[5] / "shared" / "data" / "influencers"
JUNE = datetime(2022, 6, 30, tzinfo=UTC)

TIKTOK = "S.no,Tiktoker name,Tiktok name,Subscribers,Subscribers,Views avg.,Views avg.,Likes avg.,Likes avg."
YOUTUBE = (
    "channel name,youTuber,Category,Category_2,Subscribers count,Subscribers count,Country,Views avg.,Views avg.,"
    "Comments avg.,Comments avg."
)
INSTAGRAM = (
    "instagram name,influencer name ,Category_1,Category_2,Subscribers count,Subscribers count,Views avg.,Likes avg,"
    "Likes avg,Comments avg.,Comments avg."
)


def source(folder: Path, heading: str, *rows: str, name: str = "top1000_jun2022.csv") -> Source:
    path = folder / name
    path.write_text("\n".join([heading, *rows]), encoding="utf-8")
    return Source(path, NOW)


def read(given: Source, period: Period | None = None) -> list[Record]:
    return list(INFLUENCER_LIST.parse(given, Reading(now=NOW, period=period)))


def creators(records: list[Record]) -> list[CreatorRecord]:
    return [record for record in records if isinstance(record, CreatorRecord)]


def rejections(records: list[Record]) -> list[Rejection]:
    return [record for record in records if isinstance(record, Rejection)]


def words(records: list[Record]) -> str:
    return "\n".join(record.text for record in records if isinstance(record, Notice))


def account(record: CreatorRecord) -> AccountRecord:
    [only] = record.accounts
    return only


def figures(record: CreatorRecord) -> dict[str, MetricRecord]:
    return {metric.name: metric for metric in account(record).metrics}


def tiktok(handle: str, name: str = "", *, followers: str = "1.3M,1300000", views: str = "1.9M,1900000") -> str:
    return f'1,{handle},"{name}",{followers},{views},225,225'


# ------------------------------------------------------------------------------------------------------ the real lists


@pytest.mark.skipif(not SHARED.exists(), reason="no ../shared/data beside this checkout")
@pytest.mark.parametrize(
    ("name", "landed", "quarantined", "metrics"),
    [
        ("instagram_top1000_jun2022.csv", 979, 16, {"followers"}),
        ("instagram_top1000_sep2022.csv", 983, 9, {"followers", "authentic_engagement", "engagement_average"}),
        ("tiktok_top1000_jun2022.csv", 990, 2, {"followers", "views_average", "likes_average", "comments_average",
                                                "shares_average"}),
        ("tiktok_top1000_sep2022.csv", 996, 2, {"followers", "views_average", "likes_average", "comments_average",
                                                "shares_average"}),
        ("youtube_top1000_jun2022.csv", 999, 1, {"followers", "views_average", "likes_average", "comments_average"}),
        ("youtube_top1000_sep2022.csv", 999, 1, {"followers", "likes_average", "comments_average"}),
    ],
)  # fmt: skip
def test_the_real_lists_land_all_but_their_contradictions(
    name: str, landed: int, quarantined: int, metrics: set[str]
) -> None:
    given = Source(SHARED / name, NOW)
    assert [known.name for known in (*FORMATS, INFLUENCER_LIST) if known.recognise(given)][-1:] == ["influencer-list"]
    records = read(given)
    found = creators(records)
    assert (len(found), len(rejections(records))) == (landed, quarantined)
    assert {metric for record in found for metric in figures(record)} == metrics
    assert len({record.name.casefold() for record in found}) == len(found)
    assert {account(record).platform for record in found} == {name.partition("_")[0]}
    moments = {metric.observed_at for record in found for metric in account(record).metrics}
    assert moments == {datetime(2022, 6 if "jun" in name else 9, 30, tzinfo=UTC)}


@pytest.mark.skipif(not SHARED.exists(), reason="no ../shared/data beside this checkout")
def test_the_markers_of_the_real_list_are_absent_and_its_zeros_are_zeros() -> None:
    records = read(Source(SHARED / "youtube_top1000_jun2022.csv", NOW))
    states = Counter((metric.name, metric.state) for record in creators(records) for metric in account(record).metrics)
    # 202 and 28 rows of the file, less the repeated ones.
    assert states["comments_average", State.NOT_REPORTED] > 190
    assert states["likes_average", State.NOT_REPORTED] > 20
    assert states["followers", State.NOT_REPORTED] == 0


# ------------------------------------------------------------------------------------------------- columns and figures


def test_a_row_becomes_a_prospect_with_an_account_and_averages(tmp_path: Path) -> None:
    [record] = creators(read(source(tmp_path, TIKTOK, tiktok("@ann.lee", "Ann Lee", views="348.5,348.5"))))
    assert (record.name, record.status, record.topics, record.country) == ("Ann Lee", "prospect", None, None)
    assert (account(record).platform, account(record).handle, account(record).creator) == (
        "tiktok",
        "ann.lee",
        "Ann Lee",
    )
    told = figures(record)
    assert (told["followers"].value, told["followers"].state) == (1_300_000, State.ESTIMATED)
    assert (str(told["views_average"].value), told["views_average"].state) == ("348.5", State.VALUE)
    assert told["likes_average"].period_days == 0


def test_topics_come_from_the_categories_and_the_country_from_its_column(tmp_path: Path) -> None:
    row = "tseries,T-Series,Music & Dance,Humor,224.4M,224400000,India,1.2M,1200000,5,5"
    [record] = creators(read(source(tmp_path, YOUTUBE, row)))
    assert (record.topics, record.country) == (("music & dance", "humor"), "IN")


def test_the_handle_is_the_column_without_blanks_whatever_the_headings_say(tmp_path: Path) -> None:
    rows = [f"c{at},The Channel {at},,,1M,1000000,-,1K,1000,5,5" for at in range(3)]
    first = creators(read(source(tmp_path, YOUTUBE, *rows)))[0]
    swapped = creators(read(source(tmp_path, YOUTUBE.replace("channel name,youTuber", "youTuber,Name"), *rows)))[0]
    assert (account(first).handle, first.name) == (account(swapped).handle, swapped.name) == ("c0", "The Channel 0")


def test_a_column_of_countries_under_a_figures_heading_is_seen_and_told(tmp_path: Path) -> None:
    rows = [f"h{at},Name {at},Music,,5M,5000000,{place},10K,10000,5K,5000" for at, place in
            enumerate(["Spain", "Brazil", "India"])]  # fmt: skip
    records = read(source(tmp_path, INSTAGRAM, *rows))
    assert all("views_average" not in figures(record) for record in creators(records))
    assert all(record.country is None for record in creators(records))
    assert "'Views avg.' holds names of countries" in words(records)
    assert figures(creators(records)[0])["likes_average"].value == 10_000


def test_a_row_whose_cells_slipped_keeps_only_what_stands_before_the_slip(tmp_path: Path) -> None:
    rows = [f"h{at},Name {at},,,5M,5000000,Spain,10K,10000,5K,5000" for at in range(3)]
    slipped = "anas,Anas,,,5.7M,5700000,4.9M,577.7K,577700,,0"
    records = read(source(tmp_path, INSTAGRAM, *rows, slipped))
    assert set(figures(creators(records)[-1])) == {"followers"}
    assert "slipped to the left: 1." in words(records)


def test_likes_and_comments_whose_headings_cannot_be_right_are_left_out(tmp_path: Path) -> None:
    rows = [f"h{at},Name {at},,,5M,5000000,Spain,10K,10000,25K,25000" for at in range(6)]
    records = read(source(tmp_path, INSTAGRAM, *rows))
    assert set(figures(creators(records)[0])) == {"followers"}
    assert "comments outnumber the likes" in words(records)


def test_the_audiences_country_is_not_the_creators(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        'Instagram name, Name,Subscribers,Subscribers,Audience country,"Engagement average\n",'
        '"Engagement average Values \n"\ncristiano,Cristiano,477.9M,477900000.00,India,6.2M,6200000.00\n'
    )
    records = read(Source(path, NOW))
    [record] = creators(records)
    assert record.country is None
    assert "not the creator's country" in words(records)
    assert figures(record)["engagement_average"].value == 6_200_000
    assert figures(record)["followers"].value == 477_900_000


@pytest.mark.parametrize(
    ("text", "twin"), [("N/A'", "#VALOR!"), ("", "0"), ("", ""), ("#VALUE!", "#VALUE!"), ("-", "0"), ("#¡VALOR!", "")]
)
def test_a_marker_of_nothing_is_absent_and_never_zero(tmp_path: Path, text: str, twin: str) -> None:
    rows = [tiktok("ann", "Ann", views=f"{text},{twin}"), tiktok("bob", "Bob"), tiktok("cid", "Cid")]
    record = creators(read(source(tmp_path, TIKTOK, *rows)))[0]
    assert (figures(record)["views_average"].value, figures(record)["views_average"].state) == (
        None, State.NOT_REPORTED,
    )  # fmt: skip


def test_a_reported_zero_is_zero(tmp_path: Path) -> None:
    [record] = creators(read(source(tmp_path, TIKTOK, tiktok("ann", "Ann", views="0,0"))))
    assert (figures(record)["views_average"].value, figures(record)["views_average"].state) == (0, State.ZERO)


def test_a_country_without_a_known_code_is_left_out_and_told(tmp_path: Path) -> None:
    records = read(source(tmp_path, YOUTUBE, "x,X Y,,,1M,1000000,Atlantis,1K,1000,5,5"))
    assert creators(records)[0].country is None
    assert "Atlantis" in words(records)


@pytest.mark.parametrize(("text", "twin"), [("1.9M", "1950000"), ("", "1950000"), ("many", "0"), ("1.9M", "some")])
def test_a_figure_whose_two_cells_disagree_is_set_aside_and_the_row_stays(tmp_path: Path, text: str, twin: str) -> None:
    rows = [tiktok("ann", "Ann", views=f"{text},{twin}"), tiktok("bob", "Bob"), tiktok("cid", "Cid")]
    records = read(source(tmp_path, TIKTOK, *rows))
    assert "views_average" not in figures(creators(records)[0])
    assert figures(creators(records)[0])["followers"].value == 1_300_000
    assert [(bad.row, bad.column) for bad in rejections(records)] == [(2, "views_average")]


# ------------------------------------------------------------------------------------------------------ names and rows


def test_creators_of_one_name_are_told_apart_by_their_handles_in_any_order(tmp_path: Path) -> None:
    rows = [tiktok("fer.a", "Fernanda"), tiktok("fer.b", "FERNANDA"), tiktok("tom", "Tom")]
    names = {account(record).handle: record.name for record in creators(read(source(tmp_path, TIKTOK, *rows)))}
    assert names == {"fer.a": "Fernanda (@fer.a)", "fer.b": "FERNANDA (@fer.b)", "tom": "Tom"}
    backwards = {
        account(record).handle: record.name for record in creators(read(source(tmp_path, TIKTOK, *rows[::-1])))
    }
    assert backwards == names


def test_a_row_without_a_name_goes_by_its_handle(tmp_path: Path) -> None:
    [record] = creators(read(source(tmp_path, TIKTOK, tiktok("ann.lee"))))
    assert record.name == "ann.lee"


def test_a_row_without_a_handle_is_refused(tmp_path: Path) -> None:
    records = read(source(tmp_path, TIKTOK, tiktok("ann", "Ann"), tiktok("", "Nobody")))
    assert [(bad.row, bad.column) for bad in rejections(records)] == [(3, "Tiktoker name")]


def test_a_repeated_row_is_left_out_and_one_that_differs_is_set_aside(tmp_path: Path) -> None:
    same, other = tiktok("ann", "Ann"), tiktok("ANN", "Ann", followers="1.4M,1400000")
    records = read(source(tmp_path, TIKTOK, same, f"2{same[1:]}", other))
    [record] = creators(records)
    assert figures(record)["followers"].value == 1_300_000
    assert [(bad.row, bad.value) for bad in rejections(records)] == [(4, "ANN")]
    assert "word for word were left out: 1." in words(records)


def test_titles_that_stand_for_handles_are_told(tmp_path: Path) -> None:
    rows = ["baby tv,Baby TV,,,1M,1000000,-,1K,1000,5,5", "tseries,T-Series Music,,,1M,1000000,-,1K,1000,5,5"]
    assert "title instead of a handle: 1." in words(read(source(tmp_path, YOUTUBE, *rows)))


# --------------------------------------------------------------------------------------------------------- the moment


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("instagram_top1000_jun2022.csv", JUNE),
        ("social media influencers-tiktok june 2022 - june 2022.csv", JUNE),
        ("influencers - Tiktok sep-2022.csv", datetime(2022, 9, 30, tzinfo=UTC)),
        ("list 2024-02.csv", datetime(2024, 2, 29, tzinfo=UTC)),
        ("top1000.csv", None),
        ("may 2021 and june 2022.csv", None),
        ("dec2031.csv", None),
        ("2022-13.csv", None),
    ],
)
def test_the_month_in_the_files_name_dates_the_figures(tmp_path: Path, name: str, moment: datetime | None) -> None:
    records = read(source(tmp_path, TIKTOK, tiktok("ann", "Ann"), name=name))
    assert figures(creators(records)[0])["followers"].observed_at == moment
    assert ("dates the list" in words(records)) == (moment is not None)


def test_a_period_that_the_user_gives_goes_before_the_files_name(tmp_path: Path) -> None:
    given = source(tmp_path, TIKTOK, tiktok("ann", "Ann"))
    [record] = creators(read(given, Period(date(2022, 5, 1), date(2022, 5, 31))))
    assert figures(record)["followers"].observed_at == datetime(2022, 6, 1, tzinfo=UTC)


# ------------------------------------------------------------------------------------------------------ what it is not


@pytest.mark.parametrize(
    "heading",
    [
        "Tiktoker name,Tiktok name,Country",
        "Youtuber,Instagram name,Name,Subscribers,Likes avg",
        "Name,Subscribers,Subscribers,Views avg.",
        "Post ID,Account username,Permalink,Views",
    ],
)
def test_other_tables_are_not_taken_for_a_list(tmp_path: Path, heading: str) -> None:
    given = source(tmp_path, heading, "a,b,c,d,e")
    assert not INFLUENCER_LIST.recognise(given)
    with pytest.raises(InvalidInput) as refused:
        read(given)
    assert refused.value.hint


def test_three_columns_for_one_figure_are_refused(tmp_path: Path) -> None:
    heading = "Tiktoker,Name,Subscribers,Subscribers,Subscribers,Likes avg."
    with pytest.raises(InvalidInput, match="which ones count is unclear"):
        read(source(tmp_path, heading, "ann,Ann,1M,1000000,1000000,5"))


_CELL = st.sampled_from(
    ["", "0", "1.3M", "1300000", "N/A'", "#VALOR!", "-", "Spain", "ann", "Ann Lee", '"', "5,5", "é"]
)


@settings(max_examples=150)
@given(st.lists(st.lists(_CELL, min_size=7, max_size=12), max_size=8), st.sampled_from([TIKTOK, YOUTUBE, INSTAGRAM]))
def test_any_cells_give_records_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], heading: str
) -> None:
    given = source(tmp_path_factory.mktemp("any"), heading, *(",".join(row) for row in rows))
    try:
        records = read(given)
    except EngagerrError:
        return
    for record in creators(records):
        assert record.name
        assert all((metric.value is None) == (metric.state is State.NOT_REPORTED) for metric in account(record).metrics)
