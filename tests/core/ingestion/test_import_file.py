"""Importing a file: what lands, what a repeat, a newer or an older export changes, and what a dry run shows."""

from __future__ import annotations

import json
import random
import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard
from engagerr import Engagerr, Workspace
from engagerr.core.errors import Forbidden, InvalidInput, NotFound, Unavailable
from engagerr.core.ingestion import ImportProgress
from engagerr.core.ingestion.raw import read_raw
from tests.factories import colleague, in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Connection
from tests.lines import a_creator, a_figure, an_edge, an_item, bring, contents, row_counts, write_lines

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


def title_of(workspace: Workspace, name: str) -> str | None:
    platform, _, native_id = name.partition(":")
    return next(i.title for i in workspace.content.list(platform=platform) if i.native_id == native_id)


def values(workspace: Workspace, name: str) -> list[tuple[str, Decimal | None, int]]:
    return [(row.metric, row.reported, row.revision) for row in workspace.metrics.show(name)]


def versions(connection: Connection, workspace: Workspace) -> list[dict[str, Any]]:
    with in_tenant(connection, workspace.tenant.id):
        return [row[0] for row in connection.execute("SELECT before FROM content_item_versions ORDER BY replaced_at")]


# --- what lands -----------------------------------------------------------------------------------------------------


def test_items_with_their_figures_and_creators_land(workspace: Workspace, tmp_path: Path) -> None:
    result = bring(
        workspace, tmp_path,
        a_creator("Ann Lee", country="de", accounts=[{"platform": "youtube", "handle": "@ann", "followers": 1200}]),
        an_item("youtube:one", title="First", duration_seconds=61.5, published_at="2026-09-01T10:00:00+02:00",
                metrics=[a_figure("views", 10, "2026-10-01"), a_figure("likes", 0, "2026-10-01"), a_figure("shares")]),
        an_item("youtube:two"),
        observed_at=NOON,
    )  # fmt: skip
    assert (result.rows, result.items_new, result.items_updated, result.observations_new) == (3, 2, 0, 4)
    assert (result.creators_new, result.accounts_new, result.unchanged, result.quarantined) == (1, 1, 0, ())
    first = workspace.content.list()[0]
    assert (first.title, first.duration_seconds, first.account, first.creator) == (
        "First", Decimal("61.5"), "youtube:@ann", "Ann Lee",
    )  # fmt: skip
    assert first.published_at == datetime(2026, 9, 1, 8, tzinfo=UTC)
    shown = {row.metric: row for row in workspace.metrics.show("youtube:one")}
    assert (shown["likes"].reported, shown["likes"].state) == (0, "zero")
    assert (shown["shares"].reported, shown["shares"].state) == (None, "not_reported")
    assert shown["shares"].observed_at == NOON, "a figure without a moment is of when the file's figures were true"
    assert shown["views"].observed_at == datetime(2026, 10, 1, tzinfo=UTC)
    assert shown["views"].source.row == 2
    followers = workspace.metrics.show("youtube:@ann")
    assert [(row.metric, row.reported) for row in followers] == [("followers", 1200)]
    assert workspace.roster.show("Ann Lee").country == "DE"


def test_without_a_word_on_it_figures_are_of_the_time_of_import(
    workspace: Workspace, tmp_path: Path, clock: SteeredClock
) -> None:
    bring(workspace, tmp_path, an_item("youtube:one", metrics=[a_figure("views", 1)]))
    assert workspace.metrics.show("youtube:one")[0].observed_at == clock.now()


def test_text_comes_through_unchanged(workspace: Workspace, tmp_path: Path) -> None:
    odd = "tab\tnew\nline\r\\N back\\slash \\. “quotes” 'x' {a,b} ünïcødé 🎧 \u202e \x01"
    bring(workspace, tmp_path, an_item("youtube:one", title=odd, kind=odd, links=[odd, "plain"], hints={odd: [odd, 1]}))
    item = workspace.content.list()[0]
    assert (item.title, item.kind) == (odd, odd)


def test_numbers_in_hints_keep_their_digits(workspace: Workspace, tmp_path: Path, app_connection: Connection) -> None:
    bring(workspace, tmp_path, an_item("youtube:v1", hints={"vod_offset": 61.5, "nested": [{"share": 0.1}]}))
    with in_tenant(app_connection, workspace.tenant.id):
        (hints,) = app_connection.execute("SELECT hints::text FROM content_items").fetchone() or ("",)
    assert json.loads(hints) == {"vod_offset": 61.5, "nested": [{"share": 0.1}]}


def test_nul_is_the_only_character_that_is_left_out(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    bring(
        workspace,
        tmp_path,
        an_item("youtube:ab", title="x\0y", links=["https://n.example/\0"], hints={"k\0": {"n": ["\0z", "\\u0000"]}}),
    )
    row = superuser_connection.execute("SELECT title, links, hints FROM content_items").fetchone()
    assert row == ("xy", ["https://n.example/"], {"k": {"n": ["z", "\\u0000"]}})


def test_a_known_name_in_other_letter_case_is_the_same_creator(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("youtube:one", creator="Ann Lee"))
    result = bring(workspace, tmp_path, an_item("youtube:two", creator="ANN LEE"))
    assert (result.creators_new, result.accounts_new) == (0, 0)
    assert len(workspace.roster.list()) == 1


@pytest.mark.parametrize("name", ["ΟΔΥΣΣΕΥΣ", "İpek", "Straße ẞ", "ǅ", "K"])
def test_a_creator_is_found_again_whatever_the_script_of_the_name(
    workspace: Workspace, tmp_path: Path, name: str
) -> None:
    bring(workspace, tmp_path, an_item("youtube:one", creator=name, account="one"))
    result = bring(workspace, tmp_path, an_item("youtube:two", creator=name, account="one"))
    assert (result.creators_new, result.items_new) == (0, 1)


def test_a_line_per_figure_is_one_item(workspace: Workspace, tmp_path: Path) -> None:
    result = bring(
        workspace, tmp_path,
        *(an_item("youtube:one", title="Same", metrics=[a_figure("views", n, f"2026-10-{n:02}")]) for n in range(1, 6)),
    )  # fmt: skip
    assert (result.rows, result.items_new, result.observations_new) == (5, 1, 5)
    assert [row.source.row for row in workspace.metrics.show("youtube:one")] == [1, 2, 3, 4, 5]


def test_of_an_item_on_several_lines_the_last_word_on_each_field_stands(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    bring(
        workspace, tmp_path,
        an_item("youtube:one", title="Old", kind="long_video", hints={"a": 1, "b": 1}, links=["https://one.example"]),
        an_item("youtube:other"),
        an_item("youtube:one", title="New", language="de", hints={"b": 2}),
    )  # fmt: skip
    row = superuser_connection.execute(
        "SELECT title, kind, language, hints, links FROM content_items WHERE native_id = 'one'"
    ).fetchone()
    assert row == ("New", "long_video", "de", {"a": 1, "b": 2}, ["https://one.example"])


# --- the same file again --------------------------------------------------------------------------------------------


def test_the_same_file_again_changes_nothing_and_says_so(
    workspace: Workspace, tmp_path: Path, clock: SteeredClock, superuser_connection: Connection
) -> None:
    path = write_lines(
        tmp_path / "one.jsonl", an_item("youtube:one", metrics=[a_figure("views", 10)]), '{"type": "item"}'
    )
    first = workspace.ingestion.import_file(path)
    before = contents(superuser_connection)
    imported_at = clock.now()
    clock.advance(days=3)
    again = workspace.ingestion.import_file(path)
    assert again.already_imported == imported_at
    assert (again.items_new, again.items_updated, again.observations_new) == (0, 0, 0)
    assert (again.rows, again.unchanged, again.quarantined) == (2, 1, first.quarantined)
    assert again.import_id == first.import_id
    assert "before" in again.notices[0]
    assert contents(superuser_connection) == before


def test_the_same_bytes_under_another_name_are_the_same_file(workspace: Workspace, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "one.jsonl", an_item("youtube:one"))
    copy = tmp_path / "copy (1).jsonl"
    copy.write_bytes(path.read_bytes())
    workspace.ingestion.import_file(path)
    assert workspace.ingestion.import_file(copy).already_imported is not None


def test_a_dry_run_of_a_known_file_says_that_it_is_known(workspace: Workspace, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "one.jsonl", an_item("youtube:one"))
    workspace.ingestion.import_file(path)
    assert workspace.ingestion.import_file(path, dry_run=True).already_imported is not None


def test_another_tenant_imports_the_same_file_for_itself(
    workspace: Workspace, other_workspace: Workspace, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "one.jsonl", an_item("youtube:one", title="Ours"))
    workspace.ingestion.import_file(path)
    assert other_workspace.content.list() == ()
    assert other_workspace.ingestion.history() == ()
    theirs = other_workspace.ingestion.import_file(path)
    assert (theirs.already_imported, theirs.items_new) == (None, 1)


# --- newer, older, corrected ----------------------------------------------------------------------------------------


def test_a_newer_export_adds_figures_and_updates_titles_and_keeps_what_was(
    workspace: Workspace, tmp_path: Path, owner_connection: Connection
) -> None:
    bring(
        workspace,
        tmp_path,
        an_item("youtube:one", title="Old", kind="long_video", metrics=[a_figure("views", 10, "2026-09-01")]),
        an_item("youtube:two", title="Same"),
        observed_at=NOON,
    )
    newer = bring(
        workspace, tmp_path,
        an_item("youtube:one", title="New", language="en", metrics=[a_figure("views", 25, "2026-10-01")]),
        an_item("youtube:two", title="Same"),
        an_item("youtube:three"),
        observed_at=NOON + timedelta(days=1),
    )  # fmt: skip
    assert (newer.items_new, newer.items_updated, newer.observations_new, newer.unchanged) == (1, 1, 1, 1)
    item = next(item for item in workspace.content.list() if item.native_id == "one")
    assert (item.title, item.kind) == ("New", "long_video"), "a field that the newer file lacks stays"
    assert values(workspace, "youtube:one") == [("views", 10, 0), ("views", 25, 0)]
    assert versions(owner_connection, workspace) == [{"title": "Old", "language": None}]


def test_an_older_export_fills_gaps_and_overwrites_nothing(
    workspace: Workspace, tmp_path: Path, owner_connection: Connection
) -> None:
    bring(workspace, tmp_path, an_item("youtube:one", title="New", hints={"a": 2}, links=["https://n.example/new"]),
          observed_at=NOON)  # fmt: skip
    older = bring(
        workspace, tmp_path,
        an_item("youtube:one", title="Old", body="A body", hints={"a": 1, "b": 1}, links=["https://n.example/old"],
                metrics=[a_figure("views", 5)]),
        observed_at=NOON - timedelta(days=30),
    )  # fmt: skip
    assert (older.items_updated, older.observations_new) == (1, 1)
    assert title_of(workspace, "youtube:one") == "New"
    with in_tenant(owner_connection, workspace.tenant.id):
        row = owner_connection.execute("SELECT body, hints, links FROM content_items").fetchone()
    assert row == ("A body", {"a": 2, "b": 1}, ["https://n.example/new"])
    assert "title" not in versions(owner_connection, workspace)[0]
    assert workspace.metrics.show("youtube:one")[0].observed_at == NOON - timedelta(days=30)


def test_a_file_between_two_others_in_time_does_not_overwrite_the_newest(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("youtube:one", title="Stands"), observed_at=NOON)
    # The newest export repeats the title: nothing changes, but it was said again, later.
    bring(workspace, tmp_path, an_item("youtube:one", title="Stands"), an_item("youtube:two"),
          observed_at=NOON + timedelta(days=20))  # fmt: skip
    bring(workspace, tmp_path, an_item("youtube:one", title="For a while"), observed_at=NOON + timedelta(days=10))
    assert title_of(workspace, "youtube:one") == "Stands"


def test_the_same_figure_again_in_another_file_is_unchanged(workspace: Workspace, tmp_path: Path) -> None:
    line = an_item("youtube:one", metrics=[a_figure("views", 10, "2026-10-01")])
    bring(workspace, tmp_path, line)
    again = bring(workspace, tmp_path, line, an_item("youtube:two"))
    assert (again.observations_new, again.unchanged, again.items_new) == (0, 1, 1)
    assert values(workspace, "youtube:one") == [("views", 10, 0)]


def test_a_correction_of_the_same_moment_is_kept_as_a_revision(workspace: Workspace, tmp_path: Path) -> None:
    for title, value in (("1", 10), ("2", 12), ("3", 12), ("4", 10)):
        bring(
            workspace, tmp_path, an_item("youtube:one", title=title, metrics=[a_figure("views", value, "2026-10-01")])
        )
    assert values(workspace, "youtube:one") == [("views", 10, 0), ("views", 12, 1), ("views", 10, 2)]
    now = workspace.metrics.show("youtube:one", at=NOON)
    assert [(row.reported, row.revision) for row in now] == [(10, 2)], "the newest word stands"
    assert workspace.content.tree("youtube:one").figures[0].reported == 10


def test_a_file_may_contradict_itself_and_every_word_is_kept(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        *(an_item("youtube:one", title=str(n), metrics=[a_figure("views", value, "2026-10-01")])
          for n, value in enumerate((1, 1, 2, 1, 1))),
    )  # fmt: skip
    assert values(workspace, "youtube:one") == [("views", 1, 0), ("views", 2, 1), ("views", 1, 2)]


def test_a_correction_may_take_a_number_away_or_name_its_currency(workspace: Workspace, tmp_path: Path) -> None:
    words: list[dict[str, Any]] = [
        {"value": 7}, {"value": 7, "currency": "EUR"}, {"state": "suppressed"}, {"state": "expired"}, {"value": 0},
        {"value": 0, "state": "estimated"},
    ]  # fmt: skip
    for number, word in enumerate(words):
        bring(
            workspace,
            tmp_path,
            an_item("x:1", title=str(number), metrics=[a_figure("revenue", at="2026-10-01", **word)]),
        )
    shown = workspace.metrics.show("x:1")
    assert [(row.reported, row.currency, row.state, row.revision) for row in shown] == [
        (7, None, "value", 0), (7, "EUR", "value", 1), (None, None, "suppressed", 2), (None, None, "expired", 3),
        (0, None, "zero", 4), (0, None, "estimated", 5),
    ]  # fmt: skip


def test_a_figure_of_a_period_and_one_since_publication_do_not_correct_each_other(
    workspace: Workspace, tmp_path: Path
) -> None:
    figures = [a_figure("views", days, "2026-10-01", period_days=days) for days in (0, 7, 28)]
    bring(workspace, tmp_path, an_item("youtube:one", metrics=figures))
    assert [(row.period_days, row.reported, row.revision) for row in workspace.metrics.show("youtube:one")] == [
        (0, 0, 0), (7, 7, 0), (28, 28, 0),
    ]  # fmt: skip


def test_what_was_known_at_a_moment_is_shown_with_at(workspace: Workspace, tmp_path: Path) -> None:
    figures = [a_figure("views", day, f"2026-10-{day:02}") for day in (1, 5, 9)]
    bring(workspace, tmp_path, an_item("youtube:one", metrics=figures))
    assert [row.reported for row in workspace.metrics.show("youtube:one", at=datetime(2026, 10, 6, tzinfo=UTC))] == [5]
    assert workspace.metrics.show("youtube:one", at=datetime(2026, 9, 6, tzinfo=UTC)) == ()


# --- dry run --------------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_the_difference_and_writes_nothing(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    bring(workspace, tmp_path, an_item("youtube:one", title="Old", metrics=[a_figure("views", 1, "2026-10-01")]),
          an_item("youtube:two", metrics=[a_figure("views", 1, "2026-10-01")]))  # fmt: skip
    path = write_lines(
        tmp_path / "next.jsonl",
        a_creator("Bo", accounts=[{"platform": "x", "handle": "bo", "followers": 3}], topics=["tech"],
                  rates=[{"deliverable": "x_post", "amount": {"minor": 5, "currency": "EUR"}}]),
        an_item("youtube:one", title="New", metrics=[a_figure("views", 2, "2026-10-01"), a_figure("likes", 3)]),
        an_item("youtube:two", metrics=[a_figure("views", 1, "2026-10-01")]),
        an_item("youtube:three", kind="short_video", body="https://youtu.be/dQw4w9WgXcQ"),
        an_item("youtube:dQw4w9WgXcQ", kind="long_video", metrics=[a_figure("views", 2, "2012-02-01")]),
        an_item("tiktok:far", creator="Cy", metrics=[a_figure("views", 2, "1999-02-01")]),
        an_edge("youtube:one", "youtube:two"),
        "not json",
    )  # fmt: skip
    before = contents(superuser_connection)
    partitions = superuser_connection.execute("SELECT count(*) FROM pg_inherits").fetchone()
    shown = workspace.ingestion.import_file(path, dry_run=True)
    assert contents(superuser_connection) == before
    assert superuser_connection.execute("SELECT count(*) FROM pg_inherits").fetchone() == partitions
    assert (shown.dry_run, shown.import_id) == (True, None)
    real = workspace.ingestion.import_file(path)
    assert replace(real, dry_run=True, import_id=None) == shown
    assert (real.items_new, real.items_updated, real.unchanged, real.edges_new) == (2, 1, 1, 2)
    assert (real.observations_new, len(real.quarantined)) == (4, 2)
    assert row_counts(superuser_connection)["imports"] == 2


def test_a_dry_run_that_would_be_refused_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not say whose"):
        workspace.ingestion.import_file(_table_data(tmp_path), dry_run=True)


# --- what was sent is kept ------------------------------------------------------------------------------------------


def test_the_raw_file_comes_back_byte_for_byte(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path, superuser_connection: Connection
) -> None:
    # Longer than two raw pieces, lines of all lengths, no newline at the end, and bytes that cannot be used.
    chance = random.Random(7)
    words = string.printable + "äß漢"
    lines = [
        an_item(f"youtube:{n}", body="".join(chance.choices(words, k=100)) * chance.randrange(600),
                metrics=[a_figure("views", n)])
        for n in range(300)
    ]  # fmt: skip
    path = write_lines(tmp_path / "big.jsonl", *lines)
    path.write_bytes(path.read_bytes() + b"\xff\xfe not utf-8 \x00")
    assert path.stat().st_size > 2 * 4 * 1024 * 1024
    result = workspace.ingestion.import_file(path)
    assert len(result.quarantined) == 1
    assert result.import_id is not None
    with engagerr.database.transaction(workspace.tenant.id) as session:
        assert read_raw(session, tenant_id=workspace.tenant.id, import_id=result.import_id) == path.read_bytes()
    # From any observation to its import, and to the piece of the file that holds its row.
    pieces = [
        (sequence, first, last, zstandard.ZstdDecompressor().decompress(body).split(b"\n"))
        for sequence, first, last, body in superuser_connection.execute(
            "SELECT sequence, first_row, last_row, body FROM raw_payloads WHERE import_id = %s", [result.import_id]
        )
    ]
    found = set()
    for row, value in superuser_connection.execute(
        'SELECT "row", value FROM metric_observations WHERE import_id = %s', [result.import_id]
    ):
        holding = [(sequence, held[row - first]) for sequence, first, last, held in pieces if first <= row <= last]
        line = b"".join(part for _, part in sorted(holding))
        assert json.loads(line) == lines[int(value)]
        found |= {sequence for sequence, _ in holding}
    assert len(found) > 2, "rows of several pieces were looked at"


def test_a_file_that_changes_while_it_is_read_is_not_imported(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    path = write_lines(tmp_path / "live.jsonl", an_item("youtube:one"))
    before = row_counts(superuser_connection)

    def meddle(progress: ImportProgress) -> None:
        if progress.phase == "landing":
            write_lines(path, an_item("youtube:one"), an_item("youtube:two"))

    with pytest.raises(Unavailable, match="changed while it was read"):
        workspace.ingestion.import_file(path, progress=meddle)
    assert row_counts(superuser_connection) == before
    assert workspace.ingestion.import_file(path).items_new == 2


def test_history_names_every_file_newest_first(workspace: Workspace, tmp_path: Path, clock: SteeredClock) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        workspace.ingestion.import_file(write_lines(tmp_path / name, an_item(f"youtube:{name}"), "bad"))
        clock.advance(hours=1)
    rows = workspace.ingestion.history()
    assert [row.file_name for row in rows] == ["b.jsonl", "a.jsonl"]
    assert (rows[0].rows, rows[0].items_new, rows[0].quarantined, rows[0].format) == (2, 1, 1, "engagerr-jsonl")
    assert rows[0].member == workspace.member.name
    assert len(workspace.ingestion.history(limit=1)) == 1
    assert workspace.verify_audit().intact


# --- what is refused ------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_as_a_file_is_refused_with_a_hint(
    workspace: Workspace, tmp_path: Path, clone: Clone
) -> None:
    with pytest.raises(NotFound, match="There is no file"):
        workspace.ingestion.import_file(tmp_path / "gone.csv")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)))
    (tmp_path / "words.txt").write_text("To whom it may concern", encoding="utf-8")
    big = write_lines(tmp_path / "big.jsonl", an_item("youtube:one", body="x" * 2_000_000))
    for path in (tmp_path, tmp_path / "empty.csv", tmp_path / "photo.jpg", tmp_path / "words.txt"):
        with pytest.raises(InvalidInput) as refused:
            workspace.ingestion.import_file(path)
        assert refused.value.hint
    with (
        Engagerr(clone.settings(tmp_path / "h", ingestion={"max_file_megabytes": 1})) as small,
        pytest.raises(InvalidInput, match="the limit is 1 MB"),
    ):
        small.init("Tiny").ingestion.import_file(big)


def test_a_named_format_must_exist_and_must_fit(workspace: Workspace, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "one.jsonl", an_item("youtube:one"))
    with pytest.raises(InvalidInput, match="no format 'engagerr'") as refused:
        workspace.ingestion.import_file(path, format="engagerr")
    assert "engagerr-jsonl" in (refused.value.hint or "")
    with pytest.raises(InvalidInput):
        workspace.ingestion.import_file(path, format="youtube-studio-table", creator="Ann")
    assert workspace.ingestion.import_file(path, format="engagerr-jsonl").items_new == 1


@pytest.mark.parametrize("moment", [datetime(2026, 10, 1), datetime(2027, 1, 1, tzinfo=UTC)])
def test_figures_cannot_be_of_the_future_or_of_no_time_zone(
    workspace: Workspace, tmp_path: Path, moment: datetime
) -> None:
    with pytest.raises(InvalidInput, match="cannot be when the figures were true"):
        bring(workspace, tmp_path, an_item("youtube:one"), observed_at=moment)


def test_figures_cannot_be_older_than_the_platforms(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        bring(workspace, tmp_path, an_item("youtube:one", metrics=[a_figure("views", 1)]),
              observed_at=datetime(1999, 1, 1, tzinfo=UTC))  # fmt: skip


def test_a_viewer_may_not_import(workspace: Workspace, engagerr: Engagerr, tmp_path: Path) -> None:
    viewer = colleague(workspace, engagerr, "viewer")
    with pytest.raises(Forbidden):
        bring(viewer, tmp_path, an_item("youtube:one"))
    assert bring(colleague(workspace, engagerr, "analyst"), tmp_path, an_item("youtube:one")).items_new == 1


def test_progress_counts_bytes_and_ends_in_landing(workspace: Workspace, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "many.jsonl", *(an_item(f"youtube:{n}", body="x" * 500) for n in range(5000)))
    seen: list[ImportProgress] = []
    workspace.ingestion.import_file(path, progress=seen.append)
    assert {step.phase for step in seen} == {"reading", "landing"}
    assert [step.done_bytes for step in seen] == sorted(step.done_bytes for step in seen)
    assert (seen[-1].phase, seen[-1].done_bytes, seen[-1].rows) == ("landing", path.stat().st_size, 5000)


def test_every_format_says_how_it_is_recognised(workspace: Workspace) -> None:
    formats = workspace.ingestion.formats()
    assert len({row.name for row in formats}) == len(formats)
    assert all(row.title and row.recognised_by and row.yields for row in formats)
    assert not next(row for row in formats if row.name == "youtube-studio-table").names_account


def _table_data(folder: Path) -> Path:
    path = folder / "Table data.csv"
    path.write_text(
        "Content,Video title,Video publish time,Duration,Views\n"
        'Total,,,,5\ndQw4w9WgXcQ,"A video","Sep 14, 2026",61,5\n',
        encoding="utf-8",
    )
    return path
