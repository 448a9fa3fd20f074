"""Every figure can be followed to the raw record, and every cell of a report to figures that add up."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
import zstandard
from engagerr import Engagerr, Workspace
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.ingestion.raw_rows import RawRows
from engagerr.core.ingestion.sync.pages import KeptPage
from engagerr.core.integrations.connector import Account, Page, Part
from engagerr.core.metrics.cells import CellChain
from engagerr.core.metrics.explain import CellRef, ObservationChain, ObservationRef, RawRecord
from engagerr.core.metrics.metrics import GROUPINGS
from engagerr.core.tenancy import Permission
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import an_account, an_import, colleague, in_tenant, insert
from tests.fakes.cluster import Connection
from tests.lines import a_creator, a_figure, an_edge, an_item, bring

SEPTEMBER = datetime(2026, 9, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
KILOBYTES = 2_100


def observation(workspace: Workspace, subject: str, metric: str | None = None, **options: Any) -> ObservationChain:
    chain = workspace.metrics.explain(subject, metric=metric, **options)
    assert isinstance(chain, ObservationChain)
    return chain


def cell(workspace: Workspace, reference: str) -> CellChain:
    chain = workspace.metrics.explain(reference)
    assert isinstance(chain, CellChain)
    return chain


def a_video(name: str, *figures: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return an_item(name, kind="long_video", published_at="2026-06-01T00:00:00Z", metrics=list(figures), **fields)


# ── An observation ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_figure_is_followed_to_the_very_line_its_definition_and_its_standard(
    workspace: Workspace, tmp_path: Path
) -> None:
    result = bring(
        workspace, tmp_path, a_video("youtube:a", title="Other"),
        a_video("youtube:b", a_figure("watch_time_hours", 2, "2026-10-01"), title="Shoes"), account="youtube:@ann",
    )  # fmt: skip
    chain = observation(workspace, "youtube:b", "watch_time_hours")
    assert (chain.subject, chain.title, chain.kind) == ("youtube:b", "Shoes", "long_video")
    assert (chain.reported, chain.state, chain.period_days) == (2, "value", 0)
    assert json.loads(chain.raw.text or "")["native_id"] == "b"
    assert (chain.raw.where, chain.raw.exact, chain.raw.cut) == ("line 2 of the file", True, False)
    source = chain.standing.source
    assert (source.id, source.sha256, source.format) == (result.import_id, result.sha256, "engagerr-jsonl")
    assert source.by == "ann@northlight.example <ann@northlight.example>"
    assert source.options == {"account": "youtube:@ann"}
    assert chain.standing.row == 2
    assert chain.definition is not None
    assert (chain.definition.id, chain.definition.unit) == ("youtube.watch_time_hours", "hours")
    assert chain.conversion == "2 hours × 3,600 = 7,200 seconds"
    assert (chain.standard.concept, chain.standard.value, chain.standard.sum_group) == (
        "watch_time",
        7_200,
        "watch_time",
    )
    assert "48 to 72 hours late" in chain.limits[0].rule


def test_all_that_was_said_of_a_moment_is_told_and_the_newest_word_stands(workspace: Workspace, tmp_path: Path) -> None:
    for views in (5, 7, 9):
        bring(workspace, tmp_path, a_video("youtube:a", a_figure("views", views, "2026-10-01")))
    chain = observation(workspace, "youtube:a", "views")
    assert [(step.revision, step.reported, step.stands) for step in chain.revisions] == [
        (0, 5, False), (1, 7, False), (2, 9, True),
    ]  # fmt: skip
    assert len({step.source.id for step in chain.revisions}) == 3
    assert chain.reported == 9
    assert '"value": 9' in (chain.raw.text or "")
    assert chain.standing.why == "the newest word on this moment"


def test_the_figure_is_the_one_that_was_known_by_a_time(workspace: Workspace, tmp_path: Path) -> None:
    figures = [
        a_figure("views", views, day) for views, day in ((5, "2026-08-01"), (7, "2026-09-01"), (9, "2026-10-01"))
    ]
    bring(workspace, tmp_path, a_video("youtube:a", *figures))
    assert observation(workspace, "youtube:a", "views").reported == 9
    then = observation(workspace, "youtube:a", "views", at=SEPTEMBER)
    assert (then.reported, then.observed_at) == (7, SEPTEMBER)
    assert then.chosen == "It is the newest of 2 observations known by 2026-09-01 00:00 UTC."
    earlier = observation(workspace, "youtube:a", "views", at=SEPTEMBER - timedelta(seconds=1))
    assert (earlier.reported, earlier.chosen[:20]) == (5, "It is the only obser")


def test_of_a_whole_life_a_part_of_it_and_a_gap_it_is_the_one_that_reports_take(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring(
        workspace, tmp_path,
        a_video(
            "youtube:a", a_figure("likes", 100, "2026-09-01"), a_figure("likes", 3, "2026-10-01", period_days=7),
            a_figure("likes", None, "2026-10-20", state="expired"),
        ),
    )  # fmt: skip
    chain = observation(workspace, "youtube:a", "likes")
    assert (chain.reported, chain.period_days) == (100, 0)
    assert "that reports take" in chain.chosen
    assert "2026-10-20" in chain.chosen
    assert observation(workspace, "youtube:a", "likes", period_days=7).reported == 3
    [row] = [row for row in workspace.metrics.report().rows if row.total.concept == "likes"]
    assert row.total.value == chain.standard.value


def test_a_missing_figure_is_explained_and_is_no_zero(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("instagram:s", kind="story", metrics=[a_figure("reach", state="suppressed")]))
    chain = observation(workspace, "instagram:s", "reach")
    assert (chain.reported, chain.state, chain.standard.value) == (None, "suppressed", None)
    assert chain.conversion.startswith("no figure: the platform withheld it")
    assert any("under five viewers" in limit.rule for limit in chain.limits)
    assert chain.raw.text is not None


def test_a_figure_that_spans_a_change_says_so(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, a_video("youtube:a", a_figure("views", 9, "2026-10-01")))
    chain = observation(workspace, "youtube:a", "views")
    assert str(chain.standard.spans_break) == "2026-08-24"
    assert chain.definition is not None
    assert chain.definition.id == "youtube.views.2026-08-24"


def test_a_name_that_nobody_defines_has_a_raw_record_all_the_same(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, a_video("youtube:a", a_figure("zaps", 9, "2026-10-01")))
    chain = observation(workspace, "youtube:a", "zaps")
    assert (chain.definition, chain.standard.concept) == (None, None)
    assert chain.conversion.startswith("no definition for youtube zaps")
    assert "zaps" in (chain.raw.text or "")


def test_a_file_that_was_corrected_shows_what_it_took_back(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(json.dumps(a_video("youtube:a", a_figure("views", 9))) + "\n")
    workspace.ingestion.import_file(path)
    workspace.ingestion.import_file(path, observed_at=SEPTEMBER)
    first = observation(workspace, "youtube:a", "views", at=SEPTEMBER)
    assert (first.reported, first.standing.source.attempt) == (9, 1)
    [*_, last] = [row for row in workspace.metrics.show("youtube:a") if row.observed_at > SEPTEMBER]
    taken_back = observation(workspace, "youtube:a", "views", at=last.observed_at, period_days=0)
    assert taken_back.reported == 9, "what was taken back has no number, so the report takes the other"
    assert last.reported is None


def test_an_account_has_chains_too(workspace: Workspace, tmp_path: Path) -> None:
    account = {"platform": "youtube", "handle": "@ann", "followers": 5_000, "observed_at": "2026-10-01T00:00:00Z"}
    bring(workspace, tmp_path, a_creator("Ann Lee", accounts=[account]))
    chain = observation(workspace, "youtube:@ann", "followers")
    assert (chain.subject, chain.kind, chain.reported) == ("youtube:@ann", "account", 5_000)
    assert "5000" in (chain.raw.text or "")


def test_what_is_not_there_is_refused_with_what_is(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, a_video("youtube:a", a_figure("views", 9, "2026-10-01"), a_figure("likes", 1)))
    with pytest.raises(InvalidInput, match="Name the figure of youtube:a") as unnamed:
        workspace.metrics.explain("youtube:a")
    assert "likes, views" in (unnamed.value.hint or "")
    with pytest.raises(NotFound, match="No reach of youtube:a was observed") as unknown:
        workspace.metrics.explain("youtube:a", metric="reach")
    assert "likes, views" in (unknown.value.hint or "")
    with pytest.raises(NotFound, match="by 2026-09-01") as early:
        workspace.metrics.explain("youtube:a", metric="views", at=SEPTEMBER)
    assert "metric show youtube:a" in (early.value.hint or "")
    with pytest.raises(NotFound):
        workspace.metrics.explain("youtube:nobody", metric="views")


def test_another_tenant_finds_nothing(workspace: Workspace, other_workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, a_video("youtube:a", a_figure("likes", 9, "2026-10-01")))
    [row] = workspace.metrics.report().rows
    with pytest.raises(NotFound):
        other_workspace.metrics.explain("youtube:a", metric="likes")
    with pytest.raises(NotFound):
        other_workspace.metrics.explain(row.cell)
    chain = observation(workspace, "youtube:a", "likes")
    with other_workspace.access.transaction(Permission.READ) as session:
        for tenant_id in (workspace.tenant.id, other_workspace.tenant.id):
            there = RawRows().read(session, tenant_id, chain.standing.source.id, 1, None, "a", sees_terms=True)
            assert there.text is None


def test_rates_are_shown_to_those_only_who_may_see_them(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path
) -> None:
    rate = {"deliverable": "instagram_reel", "amount": {"minor": 987_600, "currency": "EUR"}}
    account = {"platform": "youtube", "handle": "@ann", "followers": 5_000}
    bring(workspace, tmp_path, a_creator("Ann Lee", accounts=[account], rates=[rate]))
    assert "987600" in (observation(workspace, "youtube:@ann", "followers").raw.text or "")
    seen = observation(colleague(workspace, engagerr, "viewer"), "youtube:@ann", "followers").raw
    assert "987600" not in str(seen)
    assert "5000" in (seen.text or "")
    assert seen.where == "line 1 of the file, without the rates"


# ── The raw record ──────────────────────────────────────────────────────────────────────────────────────────────────

Keep = Callable[..., Callable[..., RawRecord]]


@pytest.fixture
def keep(workspace: Workspace, owner_connection: Connection) -> Keep:
    """Keeps a payload as an import does; what it returns reads a record of it."""

    def kept(body: bytes, *, pieces: int = 1, page: bool = False, **fields: Any) -> Callable[..., RawRecord]:
        with in_tenant(owner_connection, workspace.tenant.id) as connection:
            if page:
                account = an_account(connection, workspace.tenant.id)
                fields |= {"account_id": account["id"], "connector": "plain", "stream": "videos", "run_id": uuid4()}
            landed = an_import(connection, workspace.tenant.id, **{"format": "x-content", **fields})
            size, first = -(-len(body) // pieces), 1
            for at in range(pieces):
                piece = body[at * size : (at + 1) * size]
                last = first + piece.count(b"\n")
                insert(
                    connection, "raw_payloads",
                    {
                        "tenant_id": workspace.tenant.id, "import_id": landed["id"], "sequence": at, "first_row": first,
                        "last_row": last, "encoding": "zstd", "body": zstandard.ZstdCompressor().compress(piece),
                    },
                )  # fmt: skip
                first = last
        return lambda row, native_id=None, part=None, **known: read(landed["id"], row, part, native_id, **known)

    def read(import_id: UUID, row: int, part: str | None, native_id: str | None, **known: Any) -> RawRecord:
        with workspace.access.transaction(Permission.READ) as session:
            options = {"sees_terms": True, **known}
            return RawRows().read(session, workspace.tenant.id, import_id, row, part, native_id, **options)

    return kept


@pytest.mark.parametrize("pieces", [1, 3, 7])
def test_a_line_is_found_in_whichever_piece_of_the_file_it_is_kept(keep: Keep, pieces: int) -> None:
    lines = [json.dumps({"type": "item", "native_id": f"v{number}", "title": "é" * number}) for number in range(1, 30)]
    read = keep("\n".join(lines).encode(), pieces=pieces, format="engagerr-jsonl")
    for row, line in enumerate(lines, start=1):
        assert read(row).text == line, row
    assert read(31).text is None


def test_a_row_of_a_table_comes_with_its_heading_as_it_was_written(keep: Keep) -> None:
    table = (
        'Content;Video title;Views\r\nTotal;;"1.234"\r\nabc;"Two\r\nlines; and a mark";"1.000"\r\ndef;Next;"234"\r\n'
    )
    read = keep(table.encode("utf-8-sig"))
    third = read(3, "abc")
    assert (third.heading, third.exact) == ("Content;Video title;Views", True)
    assert third.text == 'abc;"Two\r\nlines; and a mark";"1.000"'
    assert read(4, "def").text == 'def;Next;"234"'
    assert "does not itself write the id" in read(2, "def").where
    assert (read(9).text, read(9).exact) == (None, False)


def test_decimal_commas_do_not_pass_for_columns(keep: Keep) -> None:
    read = keep(b"Inhalte;Aufrufe;Quote\nabc;1,5;2,25\n")
    assert (read(2).heading, read(2).text) == ("Inhalte;Aufrufe;Quote", "abc;1,5;2,25")


def test_an_order_to_the_spreadsheet_is_no_row_and_a_title_is_one(keep: Keep) -> None:
    chart = 'sep=,\r\n"Reach"\r\n"Date","Primary"\r\n"2026-10-01T00:00:00","17"\r\n'
    read = keep(chart.encode("utf-16"))
    found = read(3)
    assert (found.heading, found.text) == ('"Date","Primary"', '"2026-10-01T00:00:00","17"')


def test_a_member_of_an_archive_is_named_by_its_part(keep: Keep) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("folder/Table data.csv", "Content,Views\nabc,9\n")
        archive.writestr("Totals.csv", "Date,Views\n2026-10-01,8\n")
    read = keep(packed.getvalue())
    found = read(2, "abc", "folder/Table data.csv")
    assert (found.heading, found.text) == ("Content,Views", "abc,9")
    assert found.where == "row 2, as a spreadsheet counts, in folder/Table data.csv of the archive"
    assert (read(2, "abc", None).text, read(2, "abc", "gone.csv").text) == (None, None)


def test_a_row_of_a_workbook_is_found_on_its_sheet(keep: Keep) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.create_sheet("TOP POSTS")
    for row in (["A note"], [], ["Post URL", "Impressions"], ["https://l.example/1", 77]):
        sheet.append(row)
    packed = io.BytesIO()
    book.save(packed)
    found = keep(packed.getvalue())(4, None, "TOP POSTS")
    assert (found.heading, found.text) == ("Post URL | Impressions", "https://l.example/1 | 77")
    assert found.where == "row 4 of the sheet TOP POSTS"


def test_an_entry_of_a_feed_is_counted_from_one(keep: Keep) -> None:
    feed = "<?xml version='1.0'?><rss><channel><item><guid>a</guid></item><item><guid>b</guid></item></channel></rss>"
    read = keep(feed.encode())
    assert read(2, "b").text == "<item><guid>b</guid></item>"
    assert read(3, "c").text is None


def test_entries_of_a_feed_that_never_end_cost_no_more_than_those_that_do(keep: Keep) -> None:
    feed = f"<rss><!--{'<entry>' * 200_000}--><channel><item><guid>a</guid></item ></channel></rss>"
    began = time.process_time()
    assert keep(feed.encode())(1, "a").text == "<item><guid>a</guid></item >"
    assert time.process_time() - began < 5  # each sought to the end: an hour


ANSWER = {
    "kind": "youtube#videoListResponse",
    "items": [
        {"id": "one", "snippet": {"description": "see also two", "title": "x" * 500}, "statistics": {"viewCount": "5"}},
        {"id": "two", "snippet": {"tags": list(range(60))}, "statistics": {"viewCount": "9"}},
    ],
}


@pytest.mark.parametrize("wrapped", ["{}", "[{}]", "window.YTD.tweets.part0 = [{}]", "{}\n{{}}\n"])
def test_the_object_of_an_answer_is_found_by_its_id(keep: Keep, wrapped: str) -> None:
    read = keep(wrapped.format(json.dumps(ANSWER)).encode())
    found = read(2, "two", value=Decimal(9))
    assert json.loads(found.text or "")["statistics"] == {"viewCount": "9"}
    assert "items[1]" in found.where
    assert found.cut, "its many tags are not all shown"
    assert json.loads(read(1, "one", value=Decimal(5)).text or "")["id"] == "one"
    assert read(1, "three", value=Decimal(1)).text is None


def test_of_an_object_that_is_too_long_the_part_with_the_figure_is_kept(keep: Keep) -> None:
    entry = {"id": "one", "pictures": [{"url": f"u{number}" * 90} for number in range(50)], "stats": {"plays": 77}}
    found = keep(json.dumps({"data": [entry]}).encode())(1, "one", value=Decimal(77))
    assert json.loads(found.text or "") == {"id": "one", "pictures": "…", "stats": {"plays": 77}}
    assert (found.exact, found.cut) == (False, True)


def test_of_several_objects_the_one_that_holds_the_figure_and_the_day_is_taken(keep: Keep) -> None:
    rows = [["2026-10-01", "v", 7], ["2026-10-02", "v", 7], ["2026-10-03", "v", 8], ["2026-10-02", "w", 7]]
    read = keep(
        json.dumps({"columnHeaders": [{"name": name} for name in ("day", "video", "views")], "rows": rows}).encode()
    )
    found = read(1, "v", value=Decimal(7), observed_at=datetime(2026, 10, 3, tzinfo=UTC))
    assert json.loads(found.text or "") == ["2026-10-02", "v", 7]
    assert json.loads(found.heading or "") == ["day", "video", "views"]
    of_account = read(1, "UC1", value=Decimal(8), observed_at=datetime(2026, 10, 4, tzinfo=UTC))
    assert json.loads(of_account.text or "") == ["2026-10-03", "v", 8]
    assert "by its figure and day" in of_account.where


def test_the_answer_of_a_page_is_found_also_where_its_subject_stands_beside_it(keep: Keep) -> None:
    answers = [
        Part("insights", {"data": [{"name": "views", "values": [{"value": number}]}]}, of=f"m{number}")
        for number in (1, 2)
    ]
    page = Page((*answers, Part("feed", raw=b"<rss><item><guid>g</guid></item></rss>")))
    kept = msgspec.json.encode(KeptPage("plain", 1, "videos", Account("youtube", "@ann"), NOVEMBER, page))
    found = keep(kept, page=True)(1, "m2", value=Decimal(2))
    assert json.loads(found.text or "")["of"] == "m2"
    feed = Page((Part("feed", raw=b"<rss><item><guid>g</guid></item></rss>"),))
    kept = msgspec.json.encode(KeptPage("plain", 1, "videos", Account("podcast", "@ann"), NOVEMBER, feed))
    assert keep(kept, page=True)(1, "g").where == "entry 1 of the feed, in the answer to feed"


def test_a_figure_in_an_answer_that_does_not_name_its_account_is_found_where_it_is_the_only_one(keep: Keep) -> None:
    def of_channel(*totals: int) -> RawRecord:
        counts = (Part("followers", {"total": total}) for total in totals)
        page = Page((Part("users", {"data": [{"id": "141981764", "login": "ann"}]}), *counts))
        kept = msgspec.json.encode(KeptPage("plain", 1, "videos", Account("twitch", "ann"), NOVEMBER, page))
        return keep(kept, page=True)(1, "141981764", value=Decimal(totals[0]))

    assert json.loads(of_channel(4_321).text or "")["answer"] == {"total": 4_321}
    assert of_channel(4_321).where == "the answer to followers, found by its figure"
    assert of_channel(4_321, 4_321).where == "data[0] of the answer to users, found by its id"
    assert of_channel(3).where == "data[0] of the answer to users, found by its id", "small numbers stand anywhere"


def test_what_was_read_again_leads_to_the_page_or_the_file_that_was_kept(
    keep: Keep, workspace: Workspace, owner_connection: Connection
) -> None:
    line = json.dumps({"type": "item", "native_id": "a"})
    keep(line.encode(), format="engagerr-jsonl", sha256="a" * 64)
    page = Page((Part("videos", {"items": [{"id": "v", "views": 7}]}),))
    keep(msgspec.json.encode(KeptPage("plain", 1, "videos", Account("youtube", "@ann"), NOVEMBER, page)), page=True)
    with in_tenant(owner_connection, workspace.tenant.id) as connection:
        kept = connection.execute("SELECT id, account_id, run_id FROM imports WHERE stream = 'videos'").fetchone()
        assert kept is not None
        again = an_import(
            connection, workspace.tenant.id, format="engagerr-jsonl", sha256="a" * 64, attempt=1,
            options={"replay": str(kept[0])},
        )  # fmt: skip
        pages_again = an_import(
            connection, workspace.tenant.id, format="plain/replay", stream="replay", connector="plain",
            account_id=kept[1], run_id=kept[2],
        )  # fmt: skip
    with workspace.access.transaction(Permission.READ) as session:
        read = RawRows().read
        assert read(session, workspace.tenant.id, again["id"], 1, None, "a").text == line
        found = read(session, workspace.tenant.id, pages_again["id"], 1, f"page {kept[0]}", "v", value=Decimal(7))
        unknown = read(session, workspace.tenant.id, pages_again["id"], 1, None, "v")
    assert json.loads(found.text or "") == {"id": "v", "views": 7}
    assert unknown.text is None


def test_a_file_of_a_table_of_ones_own_is_not_shown_to_who_may_not_see_rates(keep: Keep) -> None:
    read = keep(b"Name,Fee\nAnn,9000\n", format="my table")
    assert "9000" in (read(2).text or "")
    assert read(2, sees_terms=False).text is None
    platforms = keep(b"Content,Views\nabc,9000\n", format="youtube-studio-table")
    assert "9000" in (platforms(2, sees_terms=False).text or "")


def test_secrets_are_cut_out_and_long_records_are_cut_short(keep: Keep) -> None:
    line = json.dumps(
        {"next": "https://graph.example/me?access_token=EAAsecretsecretsecretsecret1", "text": "y" * 9_000}
    )
    for read in (keep(line.encode(), format="engagerr-jsonl"), keep(line.encode())):
        found = read(1, value=None)
        assert "EAAsecret" not in str(found)
    lines = keep(line.encode(), format="engagerr-jsonl")(1)
    assert lines.cut
    assert len(lines.text or "") + len(lines.heading or "") <= KILOBYTES
    began = time.process_time()
    long = keep(json.dumps({"a": "eyJ" * 300_000, "b": "x" * 3_000}).encode(), format="engagerr-jsonl")(1)
    assert time.process_time() - began < 5
    assert long.cut
    assert len(long.text or "") <= KILOBYTES
    assert (long.text or "").endswith('xx"}')
    wide = keep(("Content," + "h" * 5_000 + "\nabc," + "v" * 5_000).encode())(2)
    assert len(wide.text or "") + len(wide.heading or "") <= KILOBYTES


def test_what_is_gone_or_is_nothing_of_the_kind_is_said_in_words(keep: Keep, workspace: Workspace) -> None:
    assert "as a whole" in keep(b'{"cut": ')(1, "x").where
    assert "as a whole" in keep(b'{"id":"abcdefg","a":' * 800 + b"1" + b"}" * 800)(1, "abcdefg").where
    assert "as a whole" in keep(b"PK\x03\x04 damaged")(1, "x").where
    with workspace.access.transaction(Permission.READ) as session:
        gone = RawRows().read(session, workspace.tenant.id, uuid4(), 1, None, None)
    assert gone.text is None


# ── A cell ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def roster(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Ann on four platforms with a cross-post, Bo on one; figures missing, zero, of money, of parts of a life."""
    likes = [a_figure("likes", likes, "2026-10-20") for likes in (9, 10, 0)]
    bring(
        workspace, tmp_path,
        a_video("youtube:a", likes[0], a_figure("views", 900, "2026-10-20"), a_figure("views", 300, "2026-08-20")),
        a_video("youtube:b", likes[1], a_figure("estimated_revenue", 1.1, "2026-10-01", currency="EUR")),
        a_video("youtube:c", likes[2], a_figure("estimated_revenue", 2.2, "2026-10-01", currency="USD")),
        a_video("youtube:d", a_figure("likes", None, "2026-10-20", state="suppressed")),
        a_video("youtube:e", a_figure("likes", 4, "2026-10-20", period_days=7), a_figure("comments", 3, "2026-10-01"),
                a_figure("comments_added", 2, "2026-09-01")),
        an_item("instagram:r", kind="reel", metrics=[a_figure("views", 500, "2026-10-01"), a_figure("reach", 80)]),
        an_item("facebook:r", kind="reel", hints={"is_crosspost": True},
                metrics=[a_figure("views", 100, "2026-10-01"), a_figure("reactions", 6)]),
        an_edge("facebook:r", "instagram:r", "same_work"),
        a_video("youtube:f", a_figure("likes", 50, "2026-10-20"), creator="Bo"),
    )  # fmt: skip
    return workspace


@pytest.mark.parametrize("by", GROUPINGS)
def test_every_cell_of_a_report_adds_up_and_each_figure_in_it_can_be_explained(roster: Workspace, by: str) -> None:
    for creator, window in (
        (None, {}),
        ("Ann Lee", {"until": NOVEMBER}),
        (None, {"since": datetime(2026, 5, 1, tzinfo=UTC)}),
    ):
        report = roster.metrics.report(creator, by=by, **window)
        assert len({row.cell for row in report.rows}) == len(report.rows) > 0
        for row in report.rows:
            chain = cell(roster, row.cell)
            assert chain.total == row.total
            assert chain.adds_up, chain.check
            assert (chain.group, chain.group_id) == (row.group, row.group_id)
            assert chain.sum_of_contributions == row.total.value
            assert len(chain.contributions) == row.total.items
            for one in (*chain.contributions, *chain.left_out):
                ref = one.observation
                found = observation(roster, ref.subject, ref.metric, at=ref.at, period_days=ref.period_days)
                assert found.standard.value == one.value
                assert (found.metric, found.state) == (one.metric, one.state)


def of(workspace: Workspace, platform: str, sum_group: str) -> CellChain:
    [row] = [
        row for row in workspace.metrics.report("Ann Lee").rows
        if (row.group, row.total.group) == (platform, sum_group)
    ]  # fmt: skip
    return cell(workspace, row.cell)


def test_what_was_left_out_is_told_with_its_reason(roster: Workspace) -> None:
    chain = of(roster, "youtube", "likes")
    assert [(one.item, one.value) for one in chain.contributions] == [
        ("youtube:b", 10),
        ("youtube:a", 9),
        ("youtube:c", 0),
    ]
    assert {one.item: one.why for one in chain.left_out} == {
        "youtube:d": "missing: suppressed", "youtube:e": "other sum group: likes in 7 d",
    }  # fmt: skip
    assert [other.group for other in chain.beside] == ["likes in 7 d"]
    assert (chain.items, chain.without_figure) == (5, 0)
    assert chain.check == "3 figures add up to 19, as the report says."


def test_a_copy_whose_views_its_twin_holds_is_counted_elsewhere(roster: Workspace) -> None:
    chain = of(roster, "facebook", "play_start")
    assert (chain.total.value, chain.total.counted_elsewhere, chain.contributions) == (None, 1, ())
    [left] = chain.left_out
    assert (left.item, left.value) == ("facebook:r", 100)
    assert left.why is not None
    assert left.why.startswith("counted elsewhere")
    assert chain.adds_up


def test_of_two_names_of_one_figure_the_later_is_counted_and_the_other_told(roster: Workspace) -> None:
    chain = of(roster, "youtube", "comments")
    assert [(one.metric, one.value) for one in chain.contributions] == [("comments", 3)]
    assert [(one.metric, one.why) for one in chain.left_out] == [
        ("comments_added", "another name of the same figure was seen later")
    ]
    assert chain.without_figure == 4


def test_money_of_two_currencies_stands_in_two_cells_each_beside_the_other(roster: Workspace) -> None:
    chain = of(roster, "youtube", "revenue/EUR")
    assert (chain.total.value, chain.total.currency) == (Decimal("1.1"), "EUR")
    assert [one.why for one in chain.left_out] == ["other sum group: revenue/USD"]
    assert [other.currency for other in chain.beside] == ["USD"]


def test_a_cell_in_which_all_is_missing_is_no_zero(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, a_video("youtube:d", a_figure("likes", None, "2026-10-20", state="suppressed")))
    [row] = workspace.metrics.report().rows
    chain = cell(workspace, row.cell)
    assert (chain.total.value, chain.sum_of_contributions, chain.adds_up) == (None, None, True)
    assert "not zero" in chain.check
    assert [one.why for one in chain.left_out] == ["missing: suppressed"]


def test_a_cell_is_explained_as_it_was_known_then(roster: Workspace, tmp_path: Path) -> None:
    [then] = [row for row in roster.metrics.report(until=NOVEMBER).rows if row.total.group == "play_start"
              and row.group == "youtube"]  # fmt: skip
    assert then.total.value == 900
    bring(roster, tmp_path, a_video("youtube:a", a_figure("views", 5_000, "2026-11-01T11:00:00Z")))
    assert cell(roster, then.cell).total == then.total
    assert cell(roster, str(CellRef(by="platform", group="youtube", sum="play_start"))).total.value == 5_000


# ── References ──────────────────────────────────────────────────────────────────────────────────────────────────────

moments = st.none() | st.datetimes(datetime(2004, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
words = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.sampled_from(GROUPINGS), words, words, st.none() | words, st.none() | words, moments, moments)
def test_a_reference_to_a_cell_survives_being_written_and_read(
    by: str,
    group: str,
    sum_: str,
    concept: str | None,
    creator: str | None,
    since: datetime | None,
    until: datetime | None,
) -> None:
    ref = CellRef(by=by, group=group, sum=sum_, concept=concept, creator=creator, since=since, until=until)
    assert CellRef.parse(str(ref)) == ref
    assert not set(str(ref)) & set(' "\n')


def test_references_are_text_that_people_can_read_and_type() -> None:
    ref = CellRef(by="platform", group="youtube", sum="qualified_play/30 s", since=SEPTEMBER)
    assert str(ref) == "cell:by=platform;group=youtube;sum=qualified_play%2F30%20s;since=2026-09-01T00%3A00%3A00Z"
    assert (
        CellRef.parse("cell:by=platform; group=youtube; sum=qualified_play/30 s; since=2026-09-01T02:00:00+02:00")
        == ref
    )
    assert str(ObservationRef("podcast:it's here", "views", SEPTEMBER, 7)) == (
        "'podcast:it'\"'\"'s here' views --at 2026-09-01T00:00:00Z --period-days 7"
    )


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("cell:", "'' is not one of its parts"),
        ("cell:by=platform;group=youtube", "lacks sum"),
        ("cell:by=platform;group=youtube;sum=likes;colour=red", "'colour=red' is not one"),
        ("cell:by=platform;by=kind;group=youtube;sum=likes", "'by=kind' is not one"),
        ("cell:by=platform;group=youtube;sum=likes;since=soon", "'soon' is no time"),
        ("cell:by=platform;group=youtube;sum=likes;since=2026-09-01", "no time zone"),
        ("cell:by=colour;group=youtube;sum=likes", "cannot be grouped by 'colour'"),
    ],
)
def test_what_refers_to_no_cell_is_refused(workspace: Workspace, reference: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as refused:
        workspace.metrics.explain(reference)
    assert refused.value.hint


def test_a_cell_that_is_not_in_the_report_is_not_found_and_needs_no_metric(roster: Workspace) -> None:
    with pytest.raises(NotFound, match="no cell 'saves' for 'youtube'") as unknown:
        roster.metrics.explain("cell:by=platform;group=youtube;sum=saves")
    assert "likes" in (unknown.value.hint or "")
    with pytest.raises(NotFound):
        roster.metrics.explain("cell:by=platform;group=tiktok;sum=likes")
    with pytest.raises(InvalidInput, match="itself"):
        roster.metrics.explain("cell:by=platform;group=youtube;sum=likes", metric="likes")
