"""The HTML of a report: one file that needs nothing else, escapes everything, and says what is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from engagerr.core.metrics.reports.document import Column, DataTable, Form, Row, Section, missing, number, text
from engagerr.core.metrics.reports.html import html
from tests.core.metrics.reports.documents import NASTY, a_document

PAGE = html(a_document()).decode()


class _Elements(HTMLParser):
    """Every element with its attributes, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


ELEMENTS = _Elements(PAGE)


def test_the_file_loads_nothing_and_runs_nothing() -> None:
    tags = {tag for tag, _ in ELEMENTS.found}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "image", "foreignobject"}
    assert not re.findall(r"@import|url\((?!#)", PAGE)
    assert not [name for _, attributes in ELEMENTS.found for name in attributes if name.startswith("on")]
    [policy] = [one["content"] for one in ELEMENTS.all("meta") if one.get("http-equiv")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_words_of_others_are_shown_and_not_obeyed() -> None:
    assert "<b>&amp; " not in PAGE
    assert "&lt;b&gt;&amp;amp; &#34;Zoë’s&#34;" in PAGE
    assert NASTY in "".join(ELEMENTS.words)
    table = DataTable("Links", (Column("Piece"),), (Row((text("click", url="javascript:alert(1)"),)),))
    assert "javascript:" not in html(a_document(sections=(Section("S", "", (table,)),))).decode()


def test_a_missing_figure_is_a_dash_with_its_reason_and_never_a_nought() -> None:
    cells = (text("Saves"), missing("the platform withheld it", Form.NUMBER), number(0))
    table = DataTable("T", (Column("A"), Column("B", Form.NUMBER), Column("C", Form.NUMBER)), (Row(cells),))
    page = html(a_document(sections=(Section("S", "", (table,)),))).decode()
    assert '<span class="none" title="the platform withheld it">—</span>' in page
    assert "(the platform withheld it)</span>" in page
    assert '<td class="n">0</td>' in page


def test_every_table_has_a_caption_scopes_and_a_region_that_takes_the_focus() -> None:
    tables = ELEMENTS.all("table")
    assert len(ELEMENTS.all("caption")) == len(tables) > 5
    regions = [one for one in ELEMENTS.all("div") if one.get("role") == "region"]
    assert len(regions) == len(tables)
    ids = {attributes.get("id") for _, attributes in ELEMENTS.found}
    assert all(one["tabindex"] == "0" and one["aria-labelledby"] in ids for one in regions)
    assert {one.get("scope") for one in ELEMENTS.all("th")} == {"col", "row"}


def test_no_id_stands_twice_and_every_link_within_the_page_leads_somewhere() -> None:
    ids = [attributes["id"] for _, attributes in ELEMENTS.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    inner = [one["href"] for one in ELEMENTS.all("a") if (one["href"] or "").startswith("#")]
    assert inner
    assert {str(link)[1:] for link in inner} <= set(ids)


def test_every_chart_has_words_for_it_and_its_data_as_a_table() -> None:
    pictures = [one for one in ELEMENTS.all("div") if one.get("role") == "img"]
    assert [one["aria-label"] for one in pictures][0].startswith("Followers rose from 1,000")  # type: ignore[union-attr]  # noqa: RUF015
    assert len(pictures) == len(ELEMENTS.all("figure")) == len(ELEMENTS.all("details")) == 3


def test_a_cell_names_the_figure_that_can_be_explained() -> None:
    assert {one["data-cell"] for _, one in ELEMENTS.found if "data-cell" in one} == {
        "cell:account/followers",
        "cell:item/views",
    }


def test_the_page_says_language_title_age_and_hash() -> None:
    document = a_document()
    [root] = ELEMENTS.all("html")
    assert root["lang"] == "en"
    assert "<title>Zoë Brandt · Media kit</title>" in PAGE
    assert PAGE.count(document.content_hash) == 2
    assert "Northlight &amp; Söhne" in PAGE
    assert "Saves on YouTube: the platform does not report them." in PAGE


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_draws_the_same_bytes(seed: str) -> None:
    program = (
        "import sys; from engagerr.core.metrics.reports.html import html;"
        "from tests.core.metrics.reports.documents import a_document; sys.stdout.buffer.write(html(a_document()))"
    )
    drawn = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    assert drawn.stdout.decode() == PAGE
