"""Whose file is it: accounts are found, made, completed and kept apart, and an account belongs to one creator."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.roster import AccountRow
from tests.fakes.cluster import Connection
from tests.lines import a_creator, a_figure, an_item, bring, row_counts

CHANNEL = "UCabcdefghijklmnopqrstuv"
VIDEOS = ("dQw4w9WgXcQ", "3FKyVeipMss")


def table_data(folder: Path, *videos: str, name: str = "Table data.csv", views: int = 5) -> Path:
    """YouTube Studio's Table data.csv, which does not name its account."""
    rows = "".join(f'{video},"Video {video}","Sep 14, 2026",61,{views}\n' for video in videos or VIDEOS)
    path = folder / name
    path.write_text(f"Content,Video title,Video publish time,Duration,Views\n{rows}", encoding="utf-8")
    return path


def x_posts(folder: Path, *, author: str | None, post: str = "1790000000000000001") -> Path:
    """X's content export; its links name the author, or nobody."""
    link = f"https://x.com/{author or 'i'}/status/{post}"
    path = folder / f"account_analytics_{author}_{post}.csv"
    path.write_text(
        f'Post id,Date,Post text,Post Link,Impressions,Likes\n{post},"Mon, Sep 14, 2026",Hello,{link},10,1\n',
        encoding="utf-8",
    )
    return path


def videos_json(folder: Path, *videos: str, channel: str = CHANNEL, name: str = "videos.json") -> Path:
    """An answer of YouTube's videos.list, which names the channel by its id."""
    entries: list[dict[str, Any]] = [
        {
            "kind": "youtube#video", "id": video,
            "snippet": {"title": f"Video {video}", "channelId": channel, "channelTitle": "Ann's channel",
                        "publishedAt": "2026-09-14T10:00:00Z"},
            "statistics": {"viewCount": "5"},
        }
        for video in videos or VIDEOS
    ]  # fmt: skip
    path = folder / name
    path.write_text(json.dumps({"kind": "youtube#videoListResponse", "items": entries}), encoding="utf-8")
    return path


def channel_json(folder: Path, *, handle: str | None = "@ann", channel: str = CHANNEL) -> Path:
    """An answer of YouTube's channels.list: the id, the name and mostly the handle of the account."""
    snippet = {"title": "Ann's channel", **({"customUrl": handle} if handle else {})}
    entry = {"kind": "youtube#channel", "id": channel, "snippet": snippet, "statistics": {"subscriberCount": "100"}}
    path = folder / "channel.json"
    path.write_text(json.dumps({"kind": "youtube#channelListResponse", "items": [entry]}), encoding="utf-8")
    return path


def accounts(workspace: Workspace) -> dict[str, AccountRow]:
    return {f"{row.platform}:{row.handle}": row for row in workspace.roster.accounts()}


# --- unknown accounts -----------------------------------------------------------------------------------------------


def test_a_file_that_names_no_account_is_refused_with_both_ways_out(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    before = row_counts(superuser_connection)
    with pytest.raises(InvalidInput, match="does not say whose account it is") as refused:
        workspace.ingestion.import_file(table_data(tmp_path))
    assert "--account youtube:HANDLE" in (refused.value.hint or "")
    assert "--creator NAME" in (refused.value.hint or "")
    assert row_counts(superuser_connection) == before


def test_an_account_that_nobody_has_is_refused_by_name_with_a_hint_at_creator(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    before = row_counts(superuser_connection)
    with pytest.raises(InvalidInput, match="x:annlee is not on the roster") as refused:
        workspace.ingestion.import_file(x_posts(tmp_path, author="annlee"))
    assert "--creator NAME" in (refused.value.hint or "")
    assert refused.value.facts["accounts"] == ["x:annlee"]
    assert row_counts(superuser_connection) == before


def test_an_account_given_without_a_creator_must_be_known(workspace: Workspace, tmp_path: Path) -> None:
    path = table_data(tmp_path)
    with pytest.raises(InvalidInput, match="youtube:@ann is not on the roster") as refused:
        workspace.ingestion.import_file(path, account="youtube:@ann")
    assert "--creator" in (refused.value.hint or "")
    workspace.roster.add("Ann")
    workspace.roster.add_account("Ann", "youtube:@ANN")
    result = workspace.ingestion.import_file(path, account="youtube:@ann")
    assert (result.accounts_new, result.creators_new, result.items_new) == (0, 0, 2)


def test_with_account_and_creator_both_are_made(workspace: Workspace, tmp_path: Path) -> None:
    result = workspace.ingestion.import_file(table_data(tmp_path), account="youtube:@ann", creator="Ann Lee")
    assert (result.creators_new, result.accounts_new) == (1, 1)
    row = accounts(workspace)["youtube:@ann"]
    assert (row.creator, row.provisional, row.items) == ("Ann Lee", False, 2)


@pytest.mark.parametrize("account", ["ann", "youtube:", ":@ann", "you tube:@ann", ""])
def test_an_account_is_named_platform_and_handle(workspace: Workspace, tmp_path: Path, account: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        workspace.ingestion.import_file(table_data(tmp_path), account=account)
    assert refused.value.hint


# --- stand-ins ------------------------------------------------------------------------------------------------------


def test_a_creator_alone_is_enough_and_an_account_stands_in(workspace: Workspace, tmp_path: Path) -> None:
    result = workspace.ingestion.import_file(table_data(tmp_path), creator="Ann Lee")
    assert (result.creators_new, result.accounts_new, result.items_new) == (1, 1, 2)
    assert any("stands in" in notice for notice in result.notices)
    [row] = workspace.roster.accounts()
    assert (row.platform, row.creator, row.provisional, row.items) == ("youtube", "Ann Lee", True, 2)
    again = workspace.ingestion.import_file(table_data(tmp_path, name="next.csv", views=9), creator="ann lee")
    assert (again.creators_new, again.accounts_new, again.observations_new) == (0, 0, 2)


def test_an_answer_of_the_api_completes_the_stand_in(workspace: Workspace, tmp_path: Path) -> None:
    workspace.ingestion.import_file(table_data(tmp_path), creator="Ann Lee")
    result = workspace.ingestion.import_file(videos_json(tmp_path), creator="Ann Lee")
    assert (result.accounts_new, result.items_new) == (0, 0)
    [row] = workspace.roster.accounts()
    assert (row.native_id, row.provisional, row.creator, row.items) == (CHANNEL, False, "Ann Lee", 2)
    result = workspace.ingestion.import_file(channel_json(tmp_path))
    assert result.accounts_new == 0
    [row] = workspace.roster.accounts()
    assert (row.handle, row.native_id, row.name) == ("@ann", CHANNEL, "Ann's channel")


def test_the_items_alone_tell_whose_stand_in_it_is(workspace: Workspace, tmp_path: Path) -> None:
    workspace.ingestion.import_file(table_data(tmp_path), creator="Ann Lee")
    result = workspace.ingestion.import_file(videos_json(tmp_path))
    assert (result.accounts_new, result.items_new) == (0, 0)
    assert [row.native_id for row in workspace.roster.accounts()] == [CHANNEL]


def test_naming_the_account_completes_the_stand_in(workspace: Workspace, tmp_path: Path) -> None:
    workspace.ingestion.import_file(table_data(tmp_path), creator="Ann Lee")
    result = workspace.ingestion.import_file(
        table_data(tmp_path, name="next.csv", views=9), creator="Ann Lee", account="youtube:@annlee"
    )
    assert (result.accounts_new, result.items_new) == (0, 0)
    [row] = workspace.roster.accounts()
    assert (row.handle, row.provisional, row.items) == ("@annlee", False, 2)


def test_adding_the_account_by_hand_completes_the_stand_in(workspace: Workspace, tmp_path: Path) -> None:
    workspace.ingestion.import_file(table_data(tmp_path), creator="Ann Lee")
    workspace.roster.add_account("Ann Lee", "youtube:@annlee")
    [row] = workspace.roster.accounts()
    assert (row.handle, row.provisional, row.items) == ("@annlee", False, 2)


def test_two_creators_of_one_name_stem_get_stand_ins_of_their_own(workspace: Workspace, tmp_path: Path) -> None:
    workspace.ingestion.import_file(table_data(tmp_path, VIDEOS[0]), creator="Ann Lee")
    workspace.ingestion.import_file(table_data(tmp_path, VIDEOS[1], name="b.csv"), creator="Ann-Lee")
    assert sorted(row.creator or "" for row in workspace.roster.accounts()) == ["Ann Lee", "Ann-Lee"]


def test_an_id_only_account_gets_its_handle_when_a_file_names_both(workspace: Workspace, tmp_path: Path) -> None:
    workspace.ingestion.import_file(videos_json(tmp_path), creator="Ann")
    assert list(accounts(workspace)) == [f"youtube:{CHANNEL}"]
    workspace.ingestion.import_file(channel_json(tmp_path))
    assert list(accounts(workspace)) == ["youtube:@ann"]
    # And the id still finds it.
    result = workspace.ingestion.import_file(videos_json(tmp_path, "aaaaaaaaaaa", name="more.json"))
    assert (result.accounts_new, result.items_new) == (0, 1)


def test_a_handle_and_an_id_known_apart_turn_out_to_be_one_account_without_a_breakdown(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.ingestion.import_file(videos_json(tmp_path), creator="Ann")
    workspace.roster.add_account("Ann", "youtube:@ann")
    assert len(accounts(workspace)) == 2
    # Refusing would do, as long as it says what to do; breaking down would not.
    with suppress(InvalidInput, Conflict):
        workspace.ingestion.import_file(channel_json(tmp_path))
    for row in workspace.content.list():
        assert row.creator == "Ann"


# --- one creator each -----------------------------------------------------------------------------------------------


def test_an_account_of_another_creator_is_a_conflict(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    workspace.ingestion.import_file(x_posts(tmp_path, author="ann"), creator="Ann")
    before = row_counts(superuser_connection)
    with pytest.raises(Conflict, match="x:ann belongs to Ann, not to Bo") as refused:
        workspace.ingestion.import_file(x_posts(tmp_path, author="ann", post="1790000000000000002"), creator="Bo")
    assert refused.value.hint
    with pytest.raises(Conflict, match="belongs to Ann"):
        workspace.ingestion.import_file(
            x_posts(tmp_path, author=None, post="1790000000000000003"), account="x:@Ann", creator="Bo"
        )
    assert row_counts(superuser_connection) == before


def test_an_interchange_file_cannot_move_an_account_to_another_creator(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("youtube:one", creator="Ann", account="@shared"))
    with pytest.raises(Conflict, match="belongs to Ann"):
        bring(workspace, tmp_path, an_item("youtube:two", creator="Bo", account="@shared"))
    with pytest.raises(Conflict, match="belongs to Ann"):
        bring(workspace, tmp_path, a_creator("Bo", accounts=[{"platform": "youtube", "handle": "SHARED"}]))


def test_a_file_that_gives_one_account_to_two_creators_is_not_taken_silently(
    workspace: Workspace, tmp_path: Path
) -> None:
    first, second = (an_item(f"youtube:{name}", creator=name, account="@shared") for name in ("Ann", "Bo"))
    with suppress(InvalidInput, Conflict):
        result = bring(workspace, tmp_path, first, second)
        assert result.quarantined, "the second creator's claim is neither refused nor set aside"


def test_the_same_bytes_for_another_creator_are_a_conflict(workspace: Workspace, tmp_path: Path) -> None:
    path = table_data(tmp_path)
    workspace.ingestion.import_file(path, creator="Ann")
    assert workspace.ingestion.import_file(path, creator="ANN ").already_imported is not None
    assert workspace.ingestion.import_file(path).already_imported is not None
    with pytest.raises(Conflict, match="for Ann, not for Bo") as refused:
        workspace.ingestion.import_file(path, creator="Bo")
    assert refused.value.hint
    assert [row.name for row in workspace.roster.list()] == ["Ann"]


def test_the_same_bytes_for_another_account_are_a_conflict(workspace: Workspace, tmp_path: Path) -> None:
    path = table_data(tmp_path)
    workspace.ingestion.import_file(path, creator="Ann", account="youtube:@one")
    with pytest.raises(Conflict, match="for youtube:@one, not for youtube:@two"):
        workspace.ingestion.import_file(path, creator="Ann", account="youtube:@two")


def test_bytes_imported_by_their_account_are_not_another_creators(workspace: Workspace, tmp_path: Path) -> None:
    workspace.roster.add("Ann")
    workspace.roster.add_account("Ann", "youtube:@ann")
    path = table_data(tmp_path)
    workspace.ingestion.import_file(path, account="youtube:@ann")
    with pytest.raises(Conflict):
        workspace.ingestion.import_file(path, creator="Bo")


def test_with_several_accounts_of_a_creator_it_asks_which(workspace: Workspace, tmp_path: Path) -> None:
    workspace.roster.add("Ann")
    for handle in ("@one", "@two"):
        workspace.roster.add_account("Ann", f"youtube:{handle}")
    with pytest.raises(InvalidInput, match="has several on youtube: youtube:@one, youtube:@two") as refused:
        workspace.ingestion.import_file(table_data(tmp_path), creator="Ann")
    assert "--account youtube:@one" in (refused.value.hint or "")
    assert workspace.ingestion.import_file(table_data(tmp_path), account="youtube:@two").items_new == 2
    assert accounts(workspace)["youtube:@two"].items == 2


def test_an_account_of_another_platform_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    workspace.roster.add("Ann")
    workspace.roster.add_account("Ann", "tiktok:@ann")
    with pytest.raises(InvalidInput, match=r"is of youtube; tiktok:@ann is not") as refused:
        workspace.ingestion.import_file(table_data(tmp_path), account="tiktok:@ann")
    assert "--account youtube:HANDLE" in (refused.value.hint or "")


def test_an_account_other_than_the_one_in_the_file_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="says that it is of x:annlee, not of x:bo"):
        workspace.ingestion.import_file(x_posts(tmp_path, author="annlee"), account="x:bo", creator="Bo")
    assert workspace.roster.list() == ()


def test_items_of_another_creators_account_are_set_aside_and_stay_where_they_are(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.ingestion.import_file(table_data(tmp_path, VIDEOS[0]), creator="Ann", account="youtube:@ann")
    result = workspace.ingestion.import_file(
        table_data(tmp_path, *VIDEOS, name="b.csv", views=99), creator="Bo", account="youtube:@bo"
    )
    assert (result.items_new, result.items_updated, result.observations_new) == (1, 0, 1)
    [bad] = result.quarantined
    assert (bad.row, bad.column, bad.value) == (2, "native_id", f"youtube:{VIDEOS[0]}")
    assert "youtube:@ann of Ann" in bad.reason
    assert "--account" in bad.fix
    owners = {item.native_id: item.creator for item in workspace.content.list()}
    assert owners == {VIDEOS[0]: "Ann", VIDEOS[1]: "Bo"}
    assert [row.reported for row in workspace.metrics.show(f"youtube:{VIDEOS[0]}")] == [5]
    assert [bad.row for _, bad in workspace.ingestion.quarantine()] == [2]


def test_a_named_account_gathers_the_figures_of_handles_in_any_spelling(workspace: Workspace, tmp_path: Path) -> None:
    spellings = ("@AnnLee", "annlee", " @annlee ", "\uff20AnnLee")
    lines = [an_item(f"tiktok:{n}", account=handle) for n, handle in enumerate(spellings)]
    result = bring(workspace, tmp_path, *lines, a_creator("Ann Lee", accounts=[
        {"platform": "TikTok", "handle": "ANNLEE", "followers": 9}]))  # fmt: skip
    assert result.accounts_new == 1
    assert [row.reported for row in workspace.metrics.show("tiktok:@annlee")] == [9]


def test_an_account_without_a_creator_is_made_from_interchange_and_said(workspace: Workspace, tmp_path: Path) -> None:
    result = bring(workspace, tmp_path, an_item("youtube:one", creator=None, account="@ann"))
    assert (result.creators_new, result.accounts_new) == (0, 1)
    assert any("no creator yet" in notice for notice in result.notices)
    workspace.roster.add("Ann")
    workspace.roster.add_account("Ann", "youtube:@ann")
    assert workspace.content.list()[0].creator == "Ann"


def test_a_creator_line_changes_what_it_says_and_nothing_else(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, a_creator("Ann", country="DE", languages=["de"], topics=["tech"], bio="Hello"))
    bring(workspace, tmp_path, a_creator("ann", topics=["food"]))
    page = workspace.roster.show("Ann")
    assert (page.name, page.country, page.languages, page.topics, page.bio) == (
        "Ann",
        "DE",
        ("de",),
        ("food",),
        "Hello",
    )


@pytest.mark.parametrize("bio", ["@ann on X, too", "  spaced", "\nnew line", "x" * 5000, "nul \0 inside", ""])
def test_a_bio_is_any_text(workspace: Workspace, tmp_path: Path, bio: str) -> None:
    result = bring(workspace, tmp_path, a_creator("Ann", bio=bio))
    assert result.quarantined == ()
    assert workspace.roster.show("Ann").bio == bio.replace("\0", "")


def test_rates_are_history_and_the_newest_stands(workspace: Workspace, tmp_path: Path) -> None:
    def rate(minor: int) -> dict[str, Any]:
        return a_creator(
            "Ann", bio=str(minor), rates=[{"deliverable": "post", "amount": {"minor": minor, "currency": "EUR"}}]
        )

    for number, minor in enumerate((100, 200, 200, 100)):
        bring(workspace, tmp_path, rate(minor), an_item(f"youtube:{number}", metrics=[a_figure("views", minor)]))
    rates = workspace.roster.show("Ann").rates
    assert rates is not None
    assert [(row.deliverable, row.amount.minor) for row in rates] == [("post", 100)]


def test_a_file_names_its_accounts_and_only_the_ones_it_needs(workspace: Workspace, tmp_path: Path) -> None:
    result = bring(workspace, tmp_path, an_item("youtube:one", creator="Ann"), an_item("x:1", creator="Bo"))
    assert (result.creators_new, result.accounts_new) == (2, 2)
    assert list(accounts(workspace)) == ["x:@bo", "youtube:@ann"]
