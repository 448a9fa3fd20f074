"""Analytics: its figures are the core's, what is missing says why, and every figure leads back to its record."""

from __future__ import annotations

import csv
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from engagerr import Workspace
from engagerr.core.desk.analytics import GROUPS, RATE, Question, read_picture, weeks_until
from engagerr.core.desk.analytics_export import rows_of, write_picture
from engagerr.core.desk.analytics_spread import side_by_side, spread
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, Unavailable
from engagerr.core.metrics.explain import ObservationChain
from engagerr.core.metrics.moves import MoveChain
from engagerr.tui.app import Console
from engagerr.tui.screens.analytics import SHOWN, Analytics
from engagerr.tui.screens.analytics_asks import time_of
from engagerr.tui.screens.comparing import Comparing
from engagerr.tui.screens.explaining import Explaining, FigureWeeks
from engagerr.tui.screens.insights import Insights
from engagerr.tui.widgets.chrome import Banner, Reason
from engagerr.tui.widgets.dialogs import Sheet
from engagerr.tui.widgets.figures import bins_of, group_columns, series_cell
from engagerr.tui.widgets.grid import Grid
from syrupy.assertion import SnapshotAssertion
from tests.tui.conftest import NARROW, WIDE
from tests.tui.drawing import cells, lines, settled
from textual.pilot import Pilot

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
SINCE, UNTIL = date(2026, 5, 18), date(2026, 11, 2)
DEZ = "Dez Whitlocke"


def page(console: Console) -> Analytics:
    assert isinstance(console.screen, Analytics)
    return console.screen


async def opened(pilot: Pilot[None], console: Console) -> Analytics:
    console.action_tab("analytics")
    await settled(pilot)
    return page(console)


def creator_id(work: Workspace, name: str) -> str:
    return next(str(row.id) for row in work.roster.list() if row.name == name)


# The core's read.


def test_figures_of_a_group_are_the_weeks_that_the_core_gives_and_no_two_rules_are_added(
    sample_work: Workspace,
) -> None:
    picture = read_picture(sample_work, Question(SINCE, UNTIL))
    moved = sample_work.metrics.performance(since=SINCE, until=UNTIL, grain="week", by="platform")
    for line in picture.groups:
        for series in line.series.values():
            rows = [row for row in moved.rows if row.group == line.group and row.sum_group == series.sum_group]
            rows = [row for row in rows if (row.basis == "level") == series.level]
            known = {week.bucket: week for week in series.weeks}
            for week in series.weeks:
                of_week = [row for row in moved.rows if set(row.cell.split()) <= set(week.cells)]
                values = [row.value for row in of_week if row.value is not None]
                assert week.value == (sum(values) if values else None)
                assert {row.sum_group for row in of_week} == {week.sum_group}
                assert len({row.currency for row in of_week}) == 1
            for bucket, value in zip(picture.buckets, series.values, strict=True):
                assert (value is None) == (bucket not in known or known[bucket].value is None)
            of_rule = [week.value for week in series.weeks if week.sum_group == series.sum_group]
            numbers = [value for value in of_rule if value is not None]
            assert series.value == (sum(numbers) if numbers else None)
            assert series.value is not None or series.why
            assert rows or not series.weeks


def test_youtube_has_one_rule_before_the_change_and_another_after_it(sample_work: Workspace) -> None:
    asked = Question(SINCE, UNTIL, creator_id(sample_work, DEZ), DEZ, "youtube")
    views = read_picture(sample_work, asked).total.series["views"]
    turn = views.turns[-1]
    assert turn.date == date(2026, 8, 24)
    rules = [week.sum_group for week in views.weeks]
    assert set(rules) == {"qualified_play/30 s", "play_start"}
    assert all(
        (week.bucket < turn.date) == (week.sum_group == "qualified_play/30 s") for week in views.weeks
    )  # fmt: skip
    assert views.before is not None
    assert views.after == views.value
    assert views.before + views.value == sum(value for value in views.values if value is not None)
    assert views.change is None or turn.at < len(views.values) - 9


def test_on_the_whole_roster_an_older_rule_of_one_platform_does_not_stand_for_all(sample_work: Workspace) -> None:
    views = read_picture(sample_work, Question(SINCE, UNTIL)).total.series["views"]
    assert {week.sum_group for week in views.weeks} == {"play_start"}
    assert "qualified_play/30 s" in {week.sum_group for week in views.apart}
    assert views.apart_words


@pytest.mark.parametrize("by", GROUPS)
def test_groups_of_every_kind_hold_the_same_whole(sample_work: Workspace, by: str) -> None:
    picture = read_picture(sample_work, Question(SINCE, UNTIL, by=by))
    assert picture.groups
    whole = picture.total.series["likes"]
    parts = [value for line in picture.groups if (one := line.series.get("likes")) and (value := one.value) is not None]
    assert whole.value is not None
    if by == "weekday":
        # What came between two looks of different days is of no weekday: it is in no part.
        assert 0 < sum(parts) <= whole.value
    else:
        assert sum(parts) == whole.value


def test_rates_of_several_accounts_are_a_span_and_never_a_mean(sample_work: Workspace) -> None:
    picture = read_picture(sample_work, Question(SINCE, UNTIL))
    youtube = next(line for line in picture.groups if line.group == "youtube").rate
    known = [rate.value for rate in youtube.rates if rate.value is not None]
    assert len(known) > 1
    assert (youtube.low, youtube.high) == (min(known), max(known))
    assert picture.total.rate.low is None
    assert "not put together" in picture.total.rate.why


def test_a_time_without_days_is_refused(sample_work: Workspace) -> None:
    with pytest.raises(InvalidInput):
        read_picture(sample_work, Question(UNTIL, SINCE))
    with pytest.raises(InvalidInput):
        read_picture(sample_work, Question(SINCE, UNTIL, by="colour"))


def test_a_time_before_all_figures_says_when_the_first_ones_are(sample_work: Workspace) -> None:
    picture = read_picture(
        sample_work, Question(date(2026, 5, 18), date(2026, 6, 15), creator_id(sample_work, DEZ), DEZ)
    )
    assert picture.first is None
    assert all(series.value is None for series in picture.total.series.values())
    later = read_picture(sample_work, Question(date(2027, 1, 4), date(2027, 3, 1)))
    assert later.first is not None
    assert later.first <= date(2026, 7, 1)


def test_a_distribution_counts_every_item_once_and_refuses_too_few(sample_work: Workspace) -> None:
    asked = Question(SINCE, UNTIL)
    found = spread(sample_work, asked, "youtube")
    assert found.n == sum(one.items for one in found.bins)
    assert found.q1 is not None
    assert found.median is not None
    assert found.q3 is not None
    assert found.q1 <= found.median <= found.q3
    for most in (1, 3, 20):
        bars = bins_of(found, most)
        assert len(bars) <= most
        assert sum(int(bar.figure.text.replace(",", "")) for bar in bars) == found.n
    few = spread(sample_work, Question(SINCE, UNTIL, quantity="revenue/EUR"), "instagram")
    assert few.median is None
    assert few.why
    with pytest.raises(InvalidInput):
        spread(sample_work, Question(SINCE, UNTIL, by="weekday"), "Monday")


def test_creators_are_compared_over_the_same_weeks_and_with_their_own_past_only(sample_work: Workspace) -> None:
    people = [(creator_id(sample_work, name), name) for name in (DEZ, "Jonna Brenner")]
    found = side_by_side(sample_work, Question(SINCE, UNTIL, quantity="engaged_play"), people)
    assert [row.name for row in found] == [name for _, name in people]
    for row in found:
        assert row.series is not None
        assert len(row.series.values) == 24
        if row.usual is None:
            assert row.usual_why
        else:
            assert row.periods >= 3
            assert row.against_usual is not None
    with pytest.raises(InvalidInput):
        side_by_side(sample_work, Question(SINCE, UNTIL), people[:1])


def test_the_file_holds_what_the_screen_shows_and_says_why_a_figure_is_missing(
    sample_work: Workspace, tmp_path: Path
) -> None:
    picture = read_picture(sample_work, Question(SINCE, UNTIL))
    written = write_picture(picture, tmp_path / "figures.csv")
    with (tmp_path / "figures.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == written == len(list(rows_of(picture)))
    youtube = next(line for line in picture.groups if line.group == "youtube").series["views"]
    mine = [row for row in rows if (row["part"], row["group"], row["quantity"]) == ("group", "youtube", "views")]
    assert [Decimal(row["value"]) for row in mine if not row["bucket"]] == [youtube.value]
    by_bucket = {row["bucket"]: row for row in mine if row["bucket"]}
    for bucket, value in zip(picture.buckets, youtube.values, strict=True):
        row = by_bucket[bucket.isoformat()]
        assert (row["value"] == "") == (value is None)
        assert value is None or Decimal(row["value"]) == value
        assert row["state"] == "value" or row["why"] or row["state"] == "estimated"
    write_picture(picture, tmp_path / "figures.json")
    document = json.loads((tmp_path / "figures.json").read_text())
    assert len(document["rows"]) == written
    assert document["changes_of_definition"]
    with pytest.raises(Conflict):
        write_picture(picture, tmp_path / "figures.csv")
    with pytest.raises(InvalidInput):
        write_picture(picture, tmp_path / "figures.txt")


def test_times_of_the_presets_are_whole_weeks_and_own_ones_hold_their_last_day() -> None:
    today = date(2026, 11, 1)
    assert weeks_until(today, 24) == (SINCE, UNTIL)
    assert time_of("24", today) == (SINCE, UNTIL)
    assert time_of("2026-06-01..2026-06-30", today) == (date(2026, 6, 1), date(2026, 7, 1))
    assert time_of("year", today)[0] == date(2026, 1, 1)
    assert time_of("last-year", today) == (date(2025, 1, 1), date(2026, 1, 1))


# The screen.


@SIZES
async def test_the_roster_by_platform(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        await opened(pilot, console)
        assert cells(console) == screen


@SIZES
async def test_the_same_figures_in_another_way(
    console: Console, screen: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with console.run_test(size=size) as pilot:
        found = await opened(pilot, console)
        for shown in SHOWN[1:]:
            await pilot.press("v")
            await settled(pilot)
            assert found.shown == shown
            assert cells(console) == screen(name=shown)


@SIZES
async def test_a_creator(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        await opened(pilot, console)
        await pilot.press("f")
        await settled(pilot)
        await pilot.press(*"dez", "enter")
        await settled(pilot)
        assert cells(console) == screen
        assert page(console).question is not None
        assert page(console).question.creator_name == DEZ  # type: ignore[union-attr]
        await pilot.press("escape")
        await settled(pilot)
        assert page(console).creator is None


async def test_the_table_shows_the_figures_of_the_core(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        found = await opened(pilot, console)
        assert found.question is not None
        picture = read_picture(console.workspace, found.question)
        assert [line.group for line in found.figures.rows] == [line.group for line in picture.groups]
        text = cells(console)
        for line in picture.groups:
            for quantity in ("views", "engaged_play"):
                series = line.series.get(quantity)
                if series is not None and series.value is not None:
                    assert series_cell(series, quantity).text.strip() in text


async def test_every_missing_figure_has_a_reason_and_the_line_above_the_keys_says_it(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        found = await opened(pilot, console)
        assert found.question is not None
        missing = 0
        for line in found.figures.rows:
            for column in group_columns(found.question):
                made = column.cell(line)
                if made.text.strip() == "–":
                    missing += 1
                    assert made.reason
        assert missing
        found.figures.go_to("twitch")
        await settled(pilot)
        assert "reach" in console.screen.query_one(Reason).said


async def test_marked_groups_are_drawn_one_below_the_other_and_esc_takes_the_marks_away(
    console: Console, screen: SnapshotAssertion
) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await opened(pilot, console)
        await pilot.press("space", "space")
        await settled(pilot)
        assert cells(console) == screen
        await pilot.press("escape")
        await settled(pilot)
        assert not page(console).figures.marked
        assert "Views per week, " not in cells(console)


async def test_a_newer_question_supersedes_the_one_before(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        found = await opened(pilot, console)
        for quantity in ("likes", "comments", "shares", "engaged_play"):
            found.ask_again(quantity=quantity)
        await settled(pilot)
        assert found.picture is not None
        assert found.picture.question.quantity == "engaged_play"
        assert "Engaged views per week" in cells(console)


async def test_other_quantity_time_and_group_by_keys(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        found = await opened(pilot, console)
        await pilot.press("m")
        await settled(pilot)
        await pilot.press(*"likes", "enter")
        await settled(pilot)
        assert found.quantity == "likes"
        await pilot.press("t", "2")
        await settled(pilot)
        assert found.question is not None
        assert (found.question.until - found.question.since).days == 84
        for key, by in (("w", "weekday"), ("k", "kind"), ("a", "account"), ("c", "creator")):
            await pilot.press("g", key)
            await settled(pilot)
            assert found.picture is not None
            assert found.picture.question.by == by
        await pilot.press("t", "o")
        await settled(pilot)
        form = console.screen
        form.query_one("#field-since").value = "2026-09-01"  # type: ignore[attr-defined]
        form.query_one("#field-until").value = "2026-09-30"  # type: ignore[attr-defined]
        await pilot.press("enter", "enter")
        await settled(pilot)
        assert (found.question.since, found.question.until) == (date(2026, 9, 1), date(2026, 10, 1))
        assert found.question.grain == "day"


@SIZES
async def test_a_figure_leads_back_to_its_record(
    console: Console, screen: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with console.run_test(size=size) as pilot:
        found = await opened(pilot, console)
        found.figures.go_to("instagram")
        await pilot.press("w", "1")
        await settled(pilot)
        weeks = console.screen
        assert isinstance(weeks, FigureWeeks)
        week = weeks.query_one("#buckets", Grid).current
        assert week is not None
        await pilot.press("enter")
        await settled(pilot)
        steps = console.screen
        assert isinstance(steps, Explaining)
        assert all(isinstance(chain, MoveChain) for chain in steps.answer)
        assert sum(chain.value or 0 for chain in steps.answer) == (week.value or 0)
        assert cells(console) == screen
        link = steps.query_one("#links", Grid).current
        await pilot.press("enter")
        await settled(pilot)
        record = console.screen
        assert isinstance(record, Explaining)
        chain = record.answer[0]
        assert isinstance(chain, ObservationChain)
        assert (chain.subject, chain.metric, chain.observed_at) == (
            link.cause.reference, link.cause.metric, link.cause.at,
        )  # fmt: skip
        assert "Raw record" in cells(console)
        await pilot.press("escape", "escape", "escape")
        await settled(pilot)
        assert isinstance(console.screen, Analytics)


async def test_a_days_figure_leads_to_that_day_and_not_to_the_headline(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        found = await opened(pilot, console)
        found.figures.go_to("youtube")
        await pilot.press("w", "1")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        grid = console.screen.query_one("#links", Grid)
        daily = next(link for link in grid.rows if link.cause.period_days == 1)
        grid.go_to(daily.key)
        await pilot.press("enter")
        await settled(pilot)
        seen = console.screen.answer[0]  # type: ignore[attr-defined]
        assert seen.observed_at == daily.cause.at
        assert f"{seen.reported:,.0f} reported" in cells(console)


async def test_rates_are_explained_account_by_account(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        found = await opened(pilot, console)
        line = next(line for line in found.figures.rows if line.group == "tiktok")
        found.explain_figure(RATE, line)
        await settled(pilot)
        text = cells(console)
        assert isinstance(console.screen, Sheet)
        assert all(rate.account in text for rate in line.rate.rates)
        assert "at 95 %" in text


async def test_enter_shows_the_definition(console: Console, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=WIDE) as pilot:
        await opened(pilot, console)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(console.screen, Sheet)
        text = cells(console)
        assert "youtube.views.2026-08-24" in text
        assert text == screen


@SIZES
async def test_insights_of_a_creator(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        found = await opened(pilot, console)
        found.ask_again(quantity="views")
        found.show_thing("creator", creator_id(console.workspace, "Jonna Brenner"))
        await settled(pilot)
        await pilot.press("i")
        await settled(pilot)
        assert isinstance(console.screen, Insights)
        rows = console.screen.query_one("#insights", Grid).rows
        assert {row.kind for row in rows} >= {"Stands out", "Growth", "Engagement", "Best times", "Next post", "Rank"}
        assert all(row.answer.reason for row in rows if row.answer.text == "–")
        assert all(row.n is not None for row in rows)
        assert cells(console) == screen


@SIZES
async def test_creators_side_by_side(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        await opened(pilot, console)
        await pilot.press("c")
        await settled(pilot)
        for name in ("dez", "jonna", "luc"):
            await pilot.press(*name, "enter")
            await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(console.screen, Comparing)
        assert cells(console) == screen


async def test_export_writes_what_is_asked_and_says_so(console: Console, tmp_path: Path) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await opened(pilot, console)
        await pilot.press("e")
        await settled(pilot)
        path = tmp_path / "seen.csv"
        console.screen.query_one("#answer").value = str(path)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settled(pilot)
        assert path.exists()
        found = page(console)
        assert found.picture is not None
        assert len(path.read_text("utf-8-sig").splitlines()) == len(list(rows_of(found.picture))) + 1


async def test_a_report_is_long_work_that_ends_in_a_file(console: Console, tmp_path: Path) -> None:
    async with console.run_test(size=NARROW) as pilot:
        found = await opened(pilot, console)
        choices = {choice.key: choice for choice in found.verbs()}
        assert choices["k"].refused
        found.show_thing("creator", creator_id(console.workspace, DEZ))
        await settled(pilot)
        await pilot.press("x", "k")
        await settled(pilot)
        path = tmp_path / "kit.md"
        console.screen.query_one("#answer").value = str(path)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settled(pilot)
        assert DEZ in path.read_text()
        assert console.works[-1].state == "done"
        assert console.works[-1].done == console.works[-1].of


async def test_where_it_was_left_is_where_it_begins(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        found = await opened(pilot, console)
        found.ask_again(quantity="likes", by="creator", time="12")
        await settled(pilot)
        found.show_as("bars")
        found.figures.action_move(1)
        await settled(pilot)
        kept = json.loads(json.dumps(found.kept()))
        again = Analytics()
        again.restore(kept)
        assert (again.quantity, again.by, again.time, again.shown) == ("likes", "creator", "12", "bars")
        again.restore({"by": "colour", "shown": "pie", "creator": "broken"})
        assert (again.by, again.shown) == ("platform", "chart")


async def test_the_palette_names_the_figure_under_the_cursor(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        found = await opened(pilot, console)
        words = [command.words for command in found.commands()]
        assert "Metric: explain views of YouTube …" in words
        assert any(word.startswith("Report: export this view") for word in words)
        assert any(word.startswith("Insight: ") for word in words)
        kit = next(command for command in found.commands() if command.words.startswith("Report: media kit"))
        assert kit.refused


async def test_a_definition_asked_for_elsewhere_is_shown(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        found = await opened(pilot, console)
        found.show_thing("definition", "youtube.views.2026-08-24")
        await settled(pilot)
        assert isinstance(console.screen, Sheet)
        assert "the first frame plays" in cells(console)


@SIZES
async def test_an_agency_without_figures(
    empty_console: Console, screen: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with empty_console.run_test(size=size) as pilot:
        await opened(pilot, empty_console)
        assert cells(empty_console) == screen


async def test_a_time_without_figures_names_the_first_ones(console: Console, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=NARROW) as pilot:
        found = await opened(pilot, console)
        found.ask_again(time="2026-12-07..2026-12-20")
        await settled(pilot)
        assert "First data" in cells(console)
        assert cells(console) == screen


@SIZES
async def test_failed(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        found = await opened(pilot, console)
        found.read_at = None
        found.post_message(found.Failed("page", InvalidInput("The figures cannot be read.", hint="Look at the log.")))
        await settled(pilot)
        assert "Analytics could not be read: The figures cannot be read." in cells(console)
        assert cells(console) == screen


async def test_who_may_not_see_figures_is_told_so(console: Console, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=NARROW) as pilot:
        found = await opened(pilot, console)
        found.post_message(found.Failed("page", Forbidden("As guest you may not read.", hint="Ask an owner.")))
        await settled(pilot)
        assert "As guest you may not read." in cells(console)
        assert "YouTube" not in cells(console)
        assert cells(console) == screen


async def test_a_failed_refresh_keeps_what_is_on_the_screen(console: Console, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=NARROW) as pilot:
        found = await opened(pilot, console)
        before = lines(console)[3:]
        found.post_message(found.Failed("page", Unavailable("The database does not answer.")))
        await pilot.pause(0.2)
        assert "What you see is from" in console.screen.query_one(Banner).said
        shown = lines(console)
        assert sum(line in shown for line in before) > len(before) - 4
        assert cells(console) == screen


async def test_below_the_reference_size_it_still_works(console: Console) -> None:
    async with console.run_test(size=(40, 12)) as pilot:
        await opened(pilot, console)
        shown = lines(console)
        assert all(len(line) <= 40 for line in shown)
        assert any("YouTube" in line for line in shown)


async def test_a_filter_is_taken_back_on_the_screen_too(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await opened(pilot, console)
        before = cells(console)
        await pilot.press("f")
        await settled(pilot)
        await pilot.press(*"dez", "enter")
        await settled(pilot)
        assert DEZ in cells(console)
        await pilot.press("u")
        await settled(pilot)
        assert page(console).creator is None
        assert page(console).question is not None
        assert page(console).question.creator_name is None  # type: ignore[union-attr]
        assert lines(console)[1] == before.splitlines()[1]
