"""The first page of a report as a picture."""

from __future__ import annotations

import io
import struct
import time
from typing import Any

from engagerr.core.metrics.reports.document import Column, DataTable, Form, Row, Section, number, text
from engagerr.core.metrics.reports.png import png
from tests.core.metrics.reports.documents import a_document


def pixels(file: bytes) -> Any:
    from matplotlib import image

    return image.imread(io.BytesIO(file), format="png")


def long_one(rows: int) -> Any:
    table = DataTable(
        "All", (Column("Piece"), Column("Views", Form.NUMBER)),
        tuple(Row((text(f"Piece {at}"), number(at))) for at in range(rows)),
    )  # fmt: skip
    return a_document(sections=(Section("Pieces", "", (table,)),))


def test_it_is_one_a4_page() -> None:
    file = png(a_document())
    assert file.startswith(b"\x89PNG\r\n")
    assert struct.unpack(">II", file[16:24]) == (1240, 1754)


def test_something_is_drawn_and_another_report_looks_different() -> None:
    page, other = pixels(png(a_document())), pixels(png(a_document(title="Bo Lind")))
    ink = (page[..., :3].mean(axis=2) < 0.5).mean()
    assert 0.005 < ink < 0.3
    assert (page != other).any()


def test_what_is_beyond_the_first_page_is_not_set_for_nothing() -> None:
    short, long = long_one(150), long_one(20_000)
    started = time.perf_counter()
    png(short)
    between = time.perf_counter()
    png(long)
    assert time.perf_counter() - between < 10 * (between - started) + 2


def test_the_first_page_is_full_where_the_report_is_longer() -> None:
    body = pixels(png(long_one(150)))[1400:1600, :, :3]
    assert (body < 0.5).any()


def test_the_same_document_gives_the_same_bytes() -> None:
    assert png(a_document()) == png(a_document())
