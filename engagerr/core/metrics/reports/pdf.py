"""A report as PDF: set by Typst from report.typ, tagged for screen readers (PDF/UA-1) and made to last (PDF/A-2a)."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engagerr.core.errors import Broken
from engagerr.core.metrics.reports.document import ReportDocument
from engagerr.core.metrics.reports.paper import layout

if TYPE_CHECKING:
    import typst

# Both at once: tags, alternative texts and a language for screen readers; fonts and colours inside the file.
STANDARDS: Sequence[Any] = ("ua-1", "a-2a")

_FONT = "DejaVu Sans"
# Draws a box with the name of the script for what no font can write. It comes with matplotlib as well.
_LAST_RESORT = "Last Resort High-Efficiency"
# Where our font lacks a letter, the machine's fonts are asked in this order.
_FONTS_OF_SCRIPTS = (
    "Noto Sans", "Noto Sans JP", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans CJK SC", "Noto Sans CJK KR",
    "Noto Sans KR", "Source Han Sans", "Hiragino Sans", "Hiragino Kaku Gothic ProN", "PingFang SC",
    "Apple SD Gothic Neo", "Yu Gothic", "Meiryo", "Microsoft YaHei", "Malgun Gothic", "WenQuanYi Zen Hei",
    "IPAexGothic", "IPAGothic", "Noto Sans Arabic", "Geeza Pro", "Noto Sans Hebrew", "Noto Sans Devanagari",
    "Kohinoor Devanagari", "Nirmala UI", "Noto Sans Thai", "Thonburi", "Leelawadee UI", "Noto Sans Symbols",
    "Noto Sans Symbols 2", "Segoe UI Symbol", "Noto Color Emoji", "Apple Color Emoji", "Segoe UI Emoji",
)  # fmt: skip


def pdf(document: ReportDocument) -> bytes:
    """The report as an A4 PDF. The same document gives the same bytes: the file's date is the end of the report's time.

    It needs no font of the machine. Only letters that our own font lacks (CJK, most emoji) are taken from the
    machine's fonts; where it has none, a box with the script's name stands for the letter.
    """
    compiled = _typeset(layout(document), document, format_name="pdf")
    assert isinstance(compiled, bytes)
    return compiled


def first_page(document: ReportDocument, *, pixels_per_inch: float) -> bytes:
    """The report's first page as a PNG."""
    compiled = _typeset(_beginning(layout(document)), document, format_name="png", pixels_per_inch=pixels_per_inch)
    return compiled if isinstance(compiled, bytes) else compiled[0]


def _beginning(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Enough for one page: the rest of a long report would be set and drawn to be thrown away."""
    sections = [
        {
            **section,
            "blocks": [
                {**block, "rows": block["rows"][:_ROWS_OF_A_PAGE]} if "rows" in block else block
                for block in section["blocks"]
            ],
        }
        for section in whole["sections"][:_SECTIONS_OF_A_PAGE]
    ]
    return {**whole, "sections": sections, "definitions": []}


# A section is a heading at least, a row of a table at least 4 mm high.
_SECTIONS_OF_A_PAGE = 16
_ROWS_OF_A_PAGE = 70


def _typeset(
    report: Mapping[str, Any],
    document: ReportDocument,
    *,
    format_name: Literal["pdf", "png"],
    pixels_per_inch: float | None = None,
) -> bytes | list[bytes]:
    """Compile; if one of the machine's fonts is in the way, once more without them."""
    import typst

    content = json.dumps(report, ensure_ascii=False)
    tries = [False] if _all_written_by_our_font(content) else [True, False]
    for with_system in tries:
        fonts, families = _fonts(with_system)
        try:
            compiled = typst.compile(
                _template(),
                format=format_name,
                ppi=pixels_per_inch,
                font_paths=fonts,
                sys_inputs={"report": content, "fonts": json.dumps(families), "pages": str(format_name == "pdf")},
                timestamp=_moment(document),
                pdf_standards=list(STANDARDS) if format_name == "pdf" else [],
            )
        except typst.TypstError as error:
            trouble = error
            continue
        assert compiled is not None
        return compiled
    raise Broken(
        f"The report “{document.title}” could not be set as {format_name.upper()}: {trouble.message}",
        hint="Another format has the same figures: --format html or xlsx. Please report this as a bug.",
        facts={"format": format_name, "diagnostic": trouble.diagnostic},
    ) from trouble


def _moment(document: ReportDocument) -> datetime:
    return (document.until.astimezone(UTC) - timedelta(microseconds=1)).replace(microsecond=0)


@functools.cache
def _template() -> bytes:
    return (resources.files("engagerr.core.metrics.reports") / "report.typ").read_bytes()


@functools.cache
def _fonts(with_system: bool) -> tuple[typst.Fonts, tuple[str, ...]]:
    """The fonts to set with, and the families in the order in which they are asked for a letter."""
    import typst

    fonts = typst.Fonts(include_system_fonts=with_system, font_paths=[_font_folder()])
    known = set(fonts.families())
    others = [family for family in _FONTS_OF_SCRIPTS if family in known] if with_system else []
    return fonts, (_FONT, *others, _LAST_RESORT)


def _font_folder() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@functools.cache
def _letters_of_our_font() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_font_folder() / "DejaVuSans.ttf")).get_charmap())


def _all_written_by_our_font(words: str) -> bool:
    return words.isascii() or all(ord(mark) in _letters_of_our_font() for mark in set(words))
