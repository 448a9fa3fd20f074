"""The picture of a family in pixels: its SVG, drawn by Typst, with our own font and the machine's where that ends.

What draws an SVG for Typst takes one font for a whole piece of text, so a title is handed over in runs: letters that
our own font has, and letters that it lacks, each run where the one before it ends.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from engagerr.core.content.family_graph import FamilyGraph
from engagerr.core.content.family_picture import Run, drawn, joins
from engagerr.core.errors import Broken

if TYPE_CHECKING:
    from pathlib import Path

    import typst
    from matplotlib.ft2font import FT2Font

_SHARP = 2.0
_MOST_PIXELS = 40_000_000
# A sign of Chinese, Japanese or Korean is as wide as it is high, an emoji a little wider.
_WIDTHS = {"emoji": 1.2, "decorated": 0.62, "other": 1.05}
# Where our font lacks a letter, the machine's are asked in this order; the last draws a box with the script's name.
_FONTS_OF_SCRIPTS = (
    "Noto Sans CJK JP", "Noto Sans JP", "Source Han Sans", "Hiragino Sans", "PingFang SC", "Yu Gothic", "Meiryo",
    "Microsoft YaHei", "Malgun Gothic", "WenQuanYi Zen Hei", "IPAexGothic", "Noto Sans Symbols 2", "Noto Color Emoji",
    "Apple Color Emoji", "Segoe UI Emoji", "Last Resort High-Efficiency",
)  # fmt: skip
_FONTS_OF: dict[str, tuple[str, ...]] = {
    "ours": (),
    "emoji": ("Noto Color Emoji", "Apple Color Emoji", "Segoe UI Emoji", *_FONTS_OF_SCRIPTS),
    # 𝕯𝖊𝖈𝖔𝖗𝖆𝖙𝖊𝖉 titles are letters of mathematics; the font comes in matplotlib's wheel as ours does.
    "decorated": ("STIXGeneral", *_FONTS_OF_SCRIPTS),
    "other": _FONTS_OF_SCRIPTS,
}


def to_png(graph: FamilyGraph) -> bytes:
    """The picture, two pixels for one of the SVG (fewer for a very large one).

    The same graph gives the same bytes. Letters that our own font lacks (CJK, most emoji) are taken from the machine's
    fonts, and are the one thing in which machines differ; where there is none, a box with the script's name stands for
    the letter.
    """
    import typst

    svg = drawn(graph, runs=_runs)
    size = re.search(r'width="(\d+)" height="(\d+)"', svg)
    assert size is not None
    width, height = int(size[1]), int(size[2])
    scale = min(_SHARP, (_MOST_PIXELS / (width * height)) ** 0.5)
    # Typst counts in points of 1/72 inch: at 72 an inch, a point is a pixel.
    page = (
        f"#set page(width: {width}pt, height: {height}pt, margin: 0pt)\n"
        '#image(bytes(sys.inputs.svg), format: "svg", width: 100%)'
    )
    with_system = any(ord(mark) not in _letters() for mark in set(svg) - {"\n"})
    try:
        compiled = typst.compile(
            page.encode(), format="png", ppi=72 * scale, font_paths=_fonts(with_system), sys_inputs={"svg": svg}
        )
    except typst.TypstError as error:
        raise Broken(
            f"The picture of {graph.root.platform}:{graph.root.native_id} could not be made: {error.message}",
            hint="--format svg and html show the same. Please report this as a bug.",
        ) from error
    assert isinstance(compiled, bytes)
    return compiled


def _runs(words: str, size: float, bold: bool) -> Iterator[Run]:
    """The words in runs of letters that one font has, each with how far to the right it begins."""
    offset = 0.0
    for kind, marks in groupby(words, key=_kind):
        run = "".join(marks)
        yield Run(run, round(offset, 1), ",".join(f"'{family}'" for family in _FONTS_OF[kind]))
        offset += _our_width(run, size, bold=bold) if kind == "ours" else _WIDTHS[kind] * size * _signs(run)


def _signs(run: str) -> int:
    """How many signs stand side by side: accents, and what is joined to an emoji, stand within the one before."""
    joined = sum(joins(mark) + (mark == "\u200d") for mark in run)
    return max(len(run) - joined, 1)


def _kind(mark: str) -> str:
    if ord(mark) in _letters():
        return "ours"
    if 0x1D400 <= ord(mark) <= 0x1D7FF:
        return "decorated"
    return "emoji" if ord(mark) >= 0x1F000 or mark in "\ufe0f\u200d" or 0x2300 <= ord(mark) <= 0x2BFF else "other"


def _our_width(words: str, size: float, *, bold: bool) -> float:
    font = _font(bold)
    font.set_size(size, 72)
    return sum(font.load_char(ord(mark)).linearHoriAdvance for mark in words) / 65536


@functools.cache
def _letters() -> frozenset[int]:
    return frozenset(_font(False).get_charmap())


@functools.cache
def _font(bold: bool) -> FT2Font:
    from matplotlib.ft2font import FT2Font

    return FT2Font(str(_folder() / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")))


@functools.cache
def _folder() -> Path:
    from pathlib import Path

    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@functools.cache
def _fonts(with_system: bool) -> typst.Fonts:
    import typst

    return typst.Fonts(include_system_fonts=with_system, include_embedded_fonts=False, font_paths=[_folder()])
