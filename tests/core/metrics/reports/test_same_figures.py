"""Every format of a report holds the same figures, misses the same ones, and is the same bytes on any machine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from engagerr.core.metrics.reports.document import (
    Cell,
    Chart,
    ChartSeries,
    Column,
    DataTable,
    Drawing,
    Form,
    Row,
    Section,
    missing,
    number,
    text,
)
from engagerr.core.metrics.reports.flat import csv, markdown
from engagerr.core.metrics.reports.paper import layout
from engagerr.core.metrics.reports.reports import ReportFormat, render
from engagerr.core.metrics.reports.xlsx import xlsx
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.metrics.reports.documents import a_document
from tests.core.metrics.reports.reading import book, csv_rows, sheet_rows

WHY = "the platform does not report it"
# What a spreadsheet holds exactly: fifteen digits.
figures = st.decimals(min_value=-(10**9), max_value=10**9, places=3, allow_nan=False, allow_infinity=False)


@st.composite
def cells(draw: st.DrawFn, form: Form) -> Cell:
    value = draw(st.none() | figures | st.just(Decimal(0)))
    if value is None:
        return missing(WHY, form)
    return number(
        value, form=form, places=3, currency=draw(st.sampled_from(["EUR", "JPY"])) if form is Form.MONEY else None
    )


FORMS = (Form.NUMBER, Form.MONEY, Form.PERCENT, Form.CHANGE)


@st.composite
def tables(draw: st.DrawFn) -> DataTable:
    forms = draw(st.lists(st.sampled_from(FORMS), min_size=1, max_size=4))
    columns = (Column("Name"), *(Column(f"C{at}", form) for at, form in enumerate(forms)))
    count = draw(st.integers(1, 5))
    rows = tuple(Row((text(f"row {at}"), *(draw(cells(form)) for form in forms))) for at in range(count))
    return DataTable("Figures", columns, rows)


def of(*blocks: Any) -> Any:
    return a_document(sections=(Section("All", "", blocks),))


@settings(max_examples=25)
@given(tables())
def test_every_figure_is_in_every_format_and_what_is_missing_in_none(table: DataTable) -> None:
    document = of(table)
    lines = {(row["row"], row["column"]): row for row in csv_rows(csv(document)) if row["table"] == "Figures"}
    sheet = sheet_rows(book(xlsx(document))["Figures"])
    written = [line for line in markdown(document).decode().splitlines() if line.startswith("| row ")]
    paper = layout(document)["sections"][0]["blocks"][0]["rows"]
    for at, row in enumerate(table.rows):
        in_markdown = [part.strip() for part in written[at].strip("|").split(" | ")]
        for place, (column, cell) in enumerate(zip(table.columns, row.cells, strict=True)):
            if place == 0:
                continue
            line = lines[f"row {at}", column.name]
            [in_sheet] = [
                value for name, value in sheet[at].items()
                if name == column.name or name.startswith(f"{column.name} (")
            ]  # fmt: skip
            shown = paper[at]["cells"][place]["text"].replace("\u00a0", " ")
            if cell.value is None:
                assert (line["value"], in_sheet, line["why"]) == ("", None, WHY)
                assert sheet[at][f"{column.name}: why empty"] == WHY
                assert shown == "—"
                assert in_markdown[place].startswith("—[^")
            else:
                assert isinstance(cell.value, Decimal)
                assert Decimal(line["value"]) == cell.value
                assert Decimal(str(in_sheet)) == cell.value
                assert line["currency"] == (cell.currency or "")
                assert shown == in_markdown[place].replace("\\", "") == cell.shown


@settings(max_examples=25)
@given(st.lists(st.none() | figures, min_size=1, max_size=6))
def test_a_gap_in_a_chart_is_a_gap_in_its_data(values: list[Decimal | None]) -> None:
    labels = tuple(f"2026-{at:02}" for at in range(1, len(values) + 1))
    drawn = Chart("Growth", "What one sees.", Drawing.LINE, "Month", labels, (ChartSeries("Views", tuple(values)),))
    document = of(drawn)
    lines = [row for row in csv_rows(csv(document)) if row["table"] == "Growth" and row["column"] == "Views"]
    assert [Decimal(row["value"]) if row["value"] else None for row in lines] == values
    sheet = sheet_rows(book(xlsx(document))["Growth"])
    assert [None if row["Views"] is None else Decimal(str(row["Views"])) for row in sheet] == values
    written = [line for line in markdown(document).decode().splitlines() if line.startswith("| 2026-")]
    assert ["—" in line for line in written] == [value is None for value in values]


_RENDER_ALL = """
import hashlib
from engagerr.core.metrics.reports.reports import ReportFormat, render
from tests.core.metrics.reports.documents import a_document
for known in ReportFormat:
    print(known.value, hashlib.sha256(render(a_document(), known.value)).hexdigest())
"""


def test_another_process_in_another_place_writes_the_same_bytes(tmp_path: Path) -> None:
    root = Path(__file__).parents[4]
    told = subprocess.run(
        [sys.executable, "-c", _RENDER_ALL],
        env={
            "PYTHONPATH": str(root), "PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati", "LC_ALL": "C",
            "HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path), "PATH": os.environ.get("PATH", ""),
        },
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = dict(line.split() for line in told.stdout.splitlines())
    ours = {known.value: hashlib.sha256(render(a_document(), known.value)).hexdigest() for known in ReportFormat}
    assert theirs == ours
