"""Lists of top influencers on their way into the roster."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from engagerr import Workspace

HEADING = "S.no,Tiktoker name,Tiktok name,Subscribers,Subscribers,Views avg.,Views avg."


def list_of(folder: Path, name: str, *rows: str) -> Path:
    path = folder / name
    path.write_text("\n".join([HEADING, *rows]), encoding="utf-8")
    return path


def test_a_list_makes_prospects_with_their_accounts(workspace: Workspace, tmp_path: Path) -> None:
    rows = ("1,ann,Ann,1M,1000000,5,5", "2,bob,Bob,2M,2000000,N/A',#VALOR!")
    result = workspace.ingestion.import_file(list_of(tmp_path, "jun2022.csv", *rows))
    assert (result.format, result.creators_new, result.accounts_new, result.observations_new) == (
        "influencer-list", 2, 2, 4,
    )  # fmt: skip
    assert {(row.name, row.status, row.accounts) for row in workspace.roster.list()} == {
        ("Ann", "prospect", ("tiktok:ann",)), ("Bob", "prospect", ("tiktok:bob",)),
    }  # fmt: skip


def test_a_later_list_knows_an_account_whose_name_has_changed(workspace: Workspace, tmp_path: Path) -> None:
    workspace.ingestion.import_file(list_of(tmp_path, "jun2022.csv", "1,ann,Ann,1M,1000000,5,5"))
    later = workspace.ingestion.import_file(list_of(tmp_path, "sep2022.csv", "1,ann,Ann Lee 🎵,2M,2000000,5,5"))
    assert (later.creators_new, later.accounts_new, later.observations_new) == (0, 0, 2)
    assert [row.name for row in workspace.roster.list()] == ["Ann"]


def test_the_moment_that_the_user_gives_goes_before_the_month_in_the_files_name(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = list_of(tmp_path, "jun2022.csv", "1,ann,Ann,1M,1000000,5,5")
    told = workspace.ingestion.import_file(path, observed_at=datetime(2022, 6, 7, tzinfo=UTC))
    assert not any("dates the list" in notice for notice in told.notices)
    assert any(
        "2022-06-30" in notice
        for notice in workspace.ingestion.import_file(
            list_of(tmp_path, "jun2022.csv", "1,bob,Bob,1M,1000000,5,5")
        ).notices
    )


def test_a_stranger_of_the_same_name_is_not_taken_for_somebody_on_the_roster(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.roster.add("Ann", country="PT", topics=("chess",))
    workspace.ingestion.import_file(list_of(tmp_path, "jun2022.csv", "1,ann.other,ANN,1M,1000000,5,5"))
    assert {(row.name, row.status, row.accounts) for row in workspace.roster.list()} == {
        ("Ann", "active", ()), ("ANN (tiktok:@ann.other)", "prospect", ("tiktok:ann.other",)),
    }  # fmt: skip


def test_a_list_changes_nothing_about_somebody_whom_we_represent(workspace: Workspace, tmp_path: Path) -> None:
    workspace.roster.add("Ann", country="PT", topics=("chess",))
    workspace.roster.add_account("Ann", "youtube:@ann")
    heading = "Name,Youtuber,Country,Subscribers,Subscribers,Category_2,Avg. likes,Avg. likes"
    path = tmp_path / "sep-2022.csv"
    path.write_text(f"{heading}\nAnn Official,ann,India,1M,1000000,Humor,5,5\n")
    assert workspace.ingestion.import_file(path).observations_new == 2
    [row] = workspace.roster.list()
    assert (row.name, row.status, row.country, row.topics) == ("Ann", "active", "PT", ("chess",))
