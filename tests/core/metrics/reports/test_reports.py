"""Reports of a workspace: who is in them, what is added to what, and what each says of its gaps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.metrics.cells import CellChain
from engagerr.core.metrics.explain import CELL
from engagerr.core.metrics.reports.document import (
    Block,
    Cell,
    Chart,
    DataTable,
    Facts,
    KeyFigures,
    Kind,
    ReportDocument,
    canonical_json,
)
from engagerr.core.metrics.reports.months import months_back, whole_months
from engagerr.core.metrics.reports.pieces import piece_title
from engagerr.core.metrics.reports.reports import Reports, render
from tests.core.metrics.reports.documents import a_document
from tests.factories import colleague
from tests.lines import a_creator, a_figure, an_edge, an_item, bring

TODAY = datetime(2026, 10, 31, tzinfo=UTC)


def reports(workspace: Workspace) -> Reports:
    return workspace.reports


def tables(document: ReportDocument) -> dict[str, DataTable]:
    return {block.title: block for _, block in document.blocks() if isinstance(block, DataTable)}


def cells(table: DataTable) -> dict[str, dict[str, Cell]]:
    """The cells of a table by row and column."""
    names = [column.name for column in table.columns]
    return {row.cells[0].shown: dict(zip(names, row.cells, strict=True)) for row in table.rows}


def words(document: ReportDocument) -> str:
    return canonical_json(document).decode()


def posts(platform: str, count: int, kind: str, *, creator: str = "Ann Lee", views: int = 1000) -> list[dict[str, Any]]:
    """So many pieces of the last weeks, each with twice the figures of three months before."""
    lines = []
    for at in range(count):
        published = TODAY - timedelta(days=20 + at)
        lines.append(
            an_item(
                f"{platform}:{kind}{at}", creator=creator, kind=kind, title=f"{kind} {at}",
                url=f"https://{platform}.example/{at}", published_at=published.isoformat(),
                metrics=[
                    a_figure("views" if platform != "x" else "impressions", views + 10 * at, "2026-10-30"),
                    a_figure("likes", 50 + at, "2026-10-30"), a_figure("comments", 5, "2026-10-30"),
                ],
            )
        )  # fmt: skip
    return lines


@pytest.fixture
def agency(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Ann on two platforms with a family; Bo beside her; figures that may not be added; a saved figure missing."""
    lines: list[dict[str, Any]] = [
        a_creator(
            "Ann Lee", country="DE", languages=["de", "en"], topics=["outdoor"], bio="Walks up hills.",
            audience=[{"dimension": "country", "value": "DE", "share": 0.6, "observed_at": "2026-10-30T00:00:00Z"}],
        ),
        a_creator("Bo"),
        *posts("youtube", 8, "long_video"), *posts("x", 6, "post", views=300),
        *posts("youtube", 1, "short_video", creator="Bo"),
        an_item("instagram:reel", kind="reel", published_at="2026-10-12T00:00:00Z",
                metrics=[a_figure("views", 400, "2026-10-30"), a_figure("saves", state="suppressed", at="2026-10-30")]),
        an_item("podcast:feed", kind="episode", published_at="2026-10-11T00:00:00Z", title="Only heard"),
        an_edge("instagram:reel", "youtube:long_video0"), an_edge("x:post0", "youtube:long_video0", "promotes"),
    ]  # fmt: skip
    bring(workspace, tmp_path, *lines)
    return workspace


def test_the_media_kit_says_who_it_is_and_whom_they_reach(agency: Workspace) -> None:
    document = reports(agency).creator("ann lee")
    assert (document.kind, document.title, document.prepared_by) == (Kind.CREATOR, "Ann Lee", "Northlight")
    [facts] = [block for _, block in document.blocks() if isinstance(block, Facts)]
    assert {fact.label: fact.cell.shown for fact in facts.facts} == {
        "Based in": "Germany", "Languages": "German, English", "Topics": "outdoor",
    }  # fmt: skip
    assert "Walks up hills." in words(document)
    typical = cells(tables(document)["Typical views of pieces published in the last 90 days"])
    assert typical["YouTube videos"]["Typical"].value == 1035
    assert typical["YouTube videos"]["Pieces"].value == 8
    few = typical["Instagram reels"]["Typical"]
    assert (few.value, few.why) == (None, "not enough data: 1 piece, and 5 are needed")
    rates = cells(tables(document)["Engagement rate, last 90 days"])
    assert rates["YouTube"]["Engagement rate"].value == pytest.approx(Decimal(468) / Decimal(8280))


def test_pieces_of_two_platforms_are_never_ranked_or_added_together(agency: Workspace) -> None:
    document = reports(agency).creator("Ann Lee")
    top = {title: table for title, table in tables(document).items() if ", by " in title}
    assert [row.cells[0].shown for row in top["X, by exposure"].rows] == [f"post {at}" for at in (5, 4, 3, 2, 1)]
    assert {table.columns[3].name for table in top.values()} == {"Plays", "Exposure"}
    sums = cells(tables(document)["Sums by platform"])
    assert sums["Plays"]["YouTube"].value == 8280
    assert sums["Plays"]["Instagram"].value == 400
    assert sums["Plays"]["X"].value is None
    assert sums["Exposure"]["X"].value == 1950


def test_a_sum_can_be_explained_down_to_its_items(agency: Workspace) -> None:
    document = reports(agency).creator("Ann Lee")
    reference = cells(tables(document)["Sums by platform"])["Likes"]["YouTube"].cell
    assert reference is not None
    assert reference.startswith(CELL)
    chain = agency.metrics.explain(reference)
    assert isinstance(chain, CellChain)
    assert chain.total.value == 428


def test_what_is_missing_is_said_with_its_reason_and_stays_missing(agency: Workspace) -> None:
    document = reports(agency).creator("Ann Lee")
    assert "Instagram, saves: 1 of 1 piece without a number; withheld by the platform, as for small audiences." in (
        document.missing
    )
    assert "Podcast: no figure of its 1 piece is in the data that was imported." in document.missing
    saves = cells(tables(document)["Sums by platform"])["Saves"]["Instagram"]
    assert (saves.value, saves.why) == (None, "withheld by the platform, as for small audiences")
    ages = {age.platform: (age.age_days, age.items) for age in document.data_age}
    assert ages == {"YouTube": (1, 8), "X": (1, 6), "Instagram": (1, 1), "Podcast": (None, 0)}


def test_pieces_from_before_the_time_of_the_kit_are_said_to_be_left_out(agency: Workspace, tmp_path: Path) -> None:
    bring(agency, tmp_path, an_item("youtube:old", published_at="2024-02-01T00:00:00Z", metrics=[]))
    kit = reports(agency).creator("Ann Lee")
    [said] = [gap for gap in kit.missing if "published before" in gap]
    assert said.startswith("YouTube: 1 piece published before 2025-")
    assert not any("published before" in gap for gap in reports(agency).creator("Bo").missing)
    longer = reports(agency).creator("Ann Lee", since=datetime(2024, 1, 1, tzinfo=UTC))
    assert not any("published before" in gap for gap in longer.missing)


def test_a_split_of_an_audience_says_whose_word_it_is(agency: Workspace) -> None:
    [split] = [
        block for _, block in reports(agency).creator("Ann Lee").blocks() if getattr(block, "title", "") == "By country"
    ]
    assert isinstance(split, Chart)
    assert split.notes == ("As listed, as of 2026-10-30.", "As listed: 40 % not stated.")


def test_the_appendix_explains_the_rules_that_were_used_and_no_others(agency: Workspace) -> None:
    document = reports(agency).creator("Ann Lee")
    assert {note.platform for note in document.definitions} == {"YouTube", "X", "Instagram"}
    registry = agency.metrics.definitions()
    known = {definition.id: definition for definition in registry}
    for note in document.definitions:
        assert note.rule == known[note.id].trigger
        assert not note.valid_to or note.valid_to > date(2026, 10, 1)
    assert {"Plays", "Exposure", "Typical", "Sums"} <= {term.name for term in document.terms}
    assert "Downloads" not in {term.name for term in document.terms}


def test_the_same_data_makes_the_same_report_on_any_day(agency: Workspace, clock: Any) -> None:
    before = {format: render(reports(agency).creator("Ann Lee"), format) for format in ("html", "md")}
    clock.advance(days=40)
    assert {format: render(reports(agency).creator("Ann Lee"), format) for format in ("html", "md")} == before
    assert reports(agency).creator("Ann Lee").as_of == date(2026, 10, 30)


def test_figures_are_those_known_by_until_and_pieces_those_of_the_window(agency: Workspace, tmp_path: Path) -> None:
    before = reports(agency).creator("Ann Lee")
    bring(
        agency,
        tmp_path,
        an_item("youtube:long_video0", kind="long_video", metrics=[a_figure("likes", 9000, "2026-10-31T10:00:00Z")]),
    )
    until = before.until
    assert reports(agency).creator("Ann Lee", until=until).content_hash == before.content_hash
    assert reports(agency).creator("Ann Lee").content_hash != before.content_hash
    late = reports(agency).creator("Ann Lee", since=datetime(2026, 10, 10, tzinfo=UTC), until=until)
    assert cells(tables(late)["Sums by platform"])["Plays"]["YouTube"].value == 1000 + 1010
    with pytest.raises(InvalidInput, match="begin"):
        reports(agency).creator("Ann Lee", since=until, until=until)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
        (None, datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_of_thousands_of_months_is_refused(agency: Workspace, since: datetime | None, until: datetime) -> None:
    for make in (lambda **window: reports(agency).creator("Ann Lee", **window), reports(agency).roster):
        with pytest.raises(InvalidInput, match="figures begin in 2004"):
            make(since=since, until=until)


def test_revenue_rates_and_reasons_are_not_in_the_document(agency: Workspace, tmp_path: Path) -> None:
    bring(
        agency, tmp_path,
        an_item("youtube:long_video0", kind="long_video",
                metrics=[a_figure("estimated_revenue", 7777.25, "2026-10-30", currency="EUR")]),
    )  # fmt: skip
    agency.roster.edit("Ann Lee", agent="PLANTED", do_not_pitch=True, do_not_pitch_reason="PLANTED")
    agency.campaigns.add("Spring", brand="Trailhead", note="PLANTED")
    agency.campaigns.add_items("Spring", ["youtube:long_video0"])
    made = reports(agency)
    for document in (made.creator("Ann Lee"), made.campaign("Spring"), made.family("x:post0"), made.roster()):
        assert "PLANTED" not in words(document)
        assert "7777" not in words(document)
        assert "northlight.example" not in words(document)


def test_a_campaign_is_reported_with_the_clips_made_of_its_pieces(agency: Workspace) -> None:
    agency.campaigns.add("Spring", brand="Trailhead")
    agency.campaigns.add_items("Spring", ["youtube:long_video0", "youtube:long_video1"])
    document = reports(agency).campaign("spring")
    assert document.subtitle == "Campaign report for Trailhead"
    [figures] = [block for _, block in document.blocks() if isinstance(block, KeyFigures)]
    shown = {figure.label: figure.cell.value for figure in figures.figures}
    assert shown["Pieces"] == 4
    assert shown["Plays"] == 1000 + 1010 + 400
    assert shown["Exposure"] == 300
    pieces = cells(tables(document)["Ann Lee"])
    assert pieces["post 0"]["Views"].note == "exposure"
    assert pieces["post 0"]["Piece"].note == "X, post"
    with pytest.raises(NotFound):
        reports(agency).campaign("Autumn")
    agency.campaigns.add("Autumn")
    with pytest.raises(InvalidInput, match="Nothing is linked to Autumn") as refused:
        reports(agency).campaign("Autumn")
    assert "campaign link" in (refused.value.hint or "")


def test_a_family_shows_its_tree_and_what_the_clips_brought(agency: Workspace) -> None:
    document = reports(agency).family("instagram:reel")
    tree = tables(document)["Pieces"]
    assert [(row.cells[0].shown, row.depth) for row in tree.rows] == [
        ("long_video 0", 0), ("post 0", 1), ("Reel of 2026-10-12", 1), ("Together", 0),
    ]  # fmt: skip
    assert tree.rows[-1].strong
    assert cells(tree)["Together"]["Plays"].value == 1400
    [shares] = [block for _, block in document.blocks() if isinstance(block, Chart)]
    held = {line.name: dict(zip(shares.labels, line.values, strict=True)) for line in shares.series}
    assert held["Clips, posts and other pieces"]["Plays"] == pytest.approx(Decimal(400) / Decimal(1400))
    # Only the post counts exposure: what the video has of it is not known, which is not nothing.
    assert "Exposure" not in shares.labels
    assert any(note.startswith("Exposure: counted for clips") for note in shares.notes)


@pytest.fixture
def by_month(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Two represented creators whose video is seen at the end of each month, a prospect, and one without figures."""

    def seen(name: str, creator: str, start: int, *, skip: int | None = None) -> dict[str, Any]:
        ends = ["2026-06-30", "2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31"]
        figures = [a_figure("likes", 1, ends[0])]
        figures += [a_figure("views", start * 2**at, f"{end}T12:00:00Z") for at, end in enumerate(ends) if at != skip]
        return an_item(name, creator=creator, kind="reel", published_at="2026-06-01T00:00:00Z", metrics=figures)

    bring(
        workspace, tmp_path, a_creator("Nobody"),
        seen("instagram:a", "Ann Lee", 10_000), seen("instagram:b", "Bo", 2_000, skip=3),
        seen("instagram:p", "Pro", 5_000_000),
    )  # fmt: skip
    workspace.roster.edit("Pro", status="prospect")
    return workspace


def test_the_roster_has_everybody_represented_month_by_month(by_month: Workspace) -> None:
    document = reports(by_month).roster(since=datetime(2026, 6, 1, tzinfo=UTC), until=datetime(2026, 11, 1, tzinfo=UTC))
    table = tables(document)["Creators by month"]
    assert [row.cells[0].shown for row in table.rows] == ["Ann Lee", "Bo"]
    ann, bo = table.rows
    assert ann.cells[3].value == 80_000
    assert ann.cells[4].value == Decimal(1)
    assert ann.cells[6].value == (Decimal(10_000), Decimal(10_000), Decimal(20_000), Decimal(40_000), Decimal(80_000))
    # What grew over a month in which nobody looked belongs to no month.
    series = bo.cells[6].value
    assert isinstance(series, tuple)
    assert series[3] is None
    assert series[4] is None
    assert bo.cells[4].why == "two months in a row are needed"
    assert "1 of the creators without an account, and so without figures." in document.missing
    movers = cells(tables(document)["Most up and most down on the month before"])
    assert list(movers) == ["Ann Lee"]
    assert "5,000,000" not in words(document)


def test_a_month_that_was_looked_at_less_makes_nobody_fall(workspace: Workspace, tmp_path: Path) -> None:
    def piece(name: str, creator: str, ends: list[str], grown: int) -> dict[str, Any]:
        figures = [a_figure("views", 1 + at * grown, f"{end}T12:00:00Z") for at, end in enumerate(ends)]
        return an_item(name, creator=creator, kind="reel", published_at="2026-08-31T00:00:00Z", metrics=figures)

    ends = ["2026-08-31", "2026-09-30", "2026-10-31"]
    bring(
        workspace, tmp_path,
        piece("instagram:a", "Ann Lee", ends, 2_000), piece("instagram:b", "Ann Lee", ends[:2], 6_000),
        piece("instagram:c", "Bo", ends, 3_000),
    )  # fmt: skip
    document = reports(workspace).roster(
        since=datetime(2026, 8, 1, tzinfo=UTC), until=datetime(2026, 11, 1, tzinfo=UTC)
    )
    table = tables(document)["Most up and most down on the month before"]
    assert list(cells(table)) == ["Bo"]
    assert "1 more were looked at less often" in table.notes[0]


def test_whole_months_leave_out_what_is_not_over() -> None:
    assert whole_months(datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)) == (
        date(2026, 2, 1), date(2026, 3, 1),
    )  # fmt: skip
    assert whole_months(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)) == ()
    assert months_back(date(2026, 1, 1), 13) == date(2024, 12, 1)


def test_a_piece_is_named_by_its_words_without_links_and_hashtags() -> None:
    assert piece_title("Ganze Folge: https://x.example/1 #laufen #berge . .", "reel", None) == "Ganze Folge"
    assert piece_title("#24 Ein Jahr", "episode", None) == "#24 Ein Jahr"
    assert piece_title("#nur #tags", "reel", datetime(2026, 1, 2, tzinfo=UTC)) == "Reel of 2026-01-02"
    assert len(piece_title("x" * 500, None, None)) == 90


def test_a_report_of_nothing_is_refused_with_what_to_do(workspace: Workspace) -> None:
    workspace.roster.add("Ann Lee")
    with pytest.raises(InvalidInput) as refused:
        reports(workspace).creator("Ann Lee")
    assert "engagerr import file" in (refused.value.hint or "")
    with pytest.raises(InvalidInput):
        reports(workspace).roster()


def test_somebody_elses_creator_is_nobody(agency: Workspace, other_workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        reports(other_workspace).creator("Ann Lee")


def test_whoever_may_read_may_report(agency: Workspace, engagerr: Engagerr) -> None:
    viewer = colleague(agency, engagerr, "viewer")
    assert reports(viewer).creator("Ann Lee").content_hash == reports(agency).creator("Ann Lee").content_hash


def test_a_format_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        render(a_document(), "docx")
    assert "html, pdf, xlsx, csv, md, png" in (refused.value.hint or "")


def test_the_library_is_imported_without_what_draws(tmp_path: Path) -> None:
    program = (
        "import sys, json; import engagerr.core.metrics.reports.reports, engagerr.cli.report;"
        "print(json.dumps([n for n in ('pandas','matplotlib','jinja2','typst','xlsxwriter') if n in sys.modules]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, check=True
    )
    assert json.loads(told.stdout) == []


def test_every_block_is_of_a_kind_that_formats_know(agency: Workspace) -> None:
    from typing import get_args

    for _, block in reports(agency).creator("Ann Lee").blocks():
        assert isinstance(block, get_args(Block))
