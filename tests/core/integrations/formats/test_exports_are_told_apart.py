"""Exports of Meta and LinkedIn against everything else: no format claims another's file."""

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from engagerr.core.integrations.formats import instagram_download, linkedin_xlsx, meta_chart, meta_facebook
from engagerr.core.integrations.formats.source import Source
from engagerr.core.integrations.formats.table import FORMATS

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[4]
EXPORTS = ROOT.parent / "shared" / "data" / "exports"
OURS = (
    *meta_facebook.FORMATS,
    *meta_chart.FORMATS,
    *instagram_download.FORMATS,
    *linkedin_xlsx.FORMATS,
)
NEIGHBOURS = [
    path
    for folder in (ROOT / "scripts" / "sample_data", EXPORTS)
    for path in sorted(folder.rglob("*"))
    if path.is_file() and "instagram_download" not in path.parts
]


def made(folder: Path) -> Iterator[tuple[str, Source]]:
    """One small file of each format."""
    facebook = folder / "facebook.csv"
    facebook.write_text(
        "Post ID,Page ID,Page name,Title,Publish time,Permalink,Is crosspost,Post type,Date,Views,Reach\n"
        "122,100,Ann,Hi,03/27/2026 06:08,https://x,1,Reels,Lifetime,3,2\n"
    )
    yield "facebook-business-suite", Source(facebook, NOW)
    chart = folder / "chart.csv"
    chart.write_bytes('\ufeffsep=,\r\n"Views"\r\n"Date","Primary"\r\n"2026-08-01T00:00:00","3"\r\n'.encode("utf-16-le"))
    yield "meta-chart", Source(chart, NOW)
    insights = folder / "posts.json"
    insights.write_text(json.dumps({"organic_insights_posts": [{"string_map_data": {"Likes": {"value": "3"}}}]}))
    yield "instagram-download", Source(insights, NOW)
    download = folder / "download.zip"
    with zipfile.ZipFile(download, "w") as archive:
        archive.write(insights, "logged_information/past_instagram_insights/posts.json")
    yield "instagram-download-zip", Source(download, NOW)
    book = openpyxl.Workbook()
    for name in ("DISCOVERY", "ENGAGEMENT", "TOP POSTS", "FOLLOWERS"):
        book.create_sheet(name).append(("Date", "Impressions"))
    book.save(folder / "book.xlsx")
    yield "linkedin-xlsx", Source(folder / "book.xlsx", NOW)


def test_each_file_is_claimed_by_its_own_format_and_by_no_other(tmp_path: Path) -> None:
    every = {known.name: known for known in (*FORMATS, *OURS)}
    for name, source in made(tmp_path):
        assert [known.name for known in every.values() if known.recognise(source)] == [name]


@pytest.mark.parametrize("path", NEIGHBOURS, ids=lambda path: path.name)
def test_the_samples_of_others_are_not_claimed(path: Path) -> None:
    assert [known.name for known in OURS if known.recognise(Source(path, NOW))] == []
