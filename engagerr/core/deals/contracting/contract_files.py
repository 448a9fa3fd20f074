"""A contract as a file: set by Typst as PDF/A-3b with its terms attached; the same version gives the same bytes."""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.deals.contracting.clauses import canonical
from engagerr.core.deals.contracting.contract_paper import layout
from engagerr.core.errors import Broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typst

    from engagerr.core.deals.contracting.contract_reading import VersionRow

# To be kept for as long as it may be argued about, with the terms inside as data.
STANDARDS: Sequence[Any] = ("a-3b",)
ATTACHMENT = "terms.json"
# Libertinus comes with Typst, DejaVu and Last Resort (a box for what no font can write) with matplotlib: no font of the
# machine decides what a contract looks like, as long as they have its letters.
_FONTS = ("Libertinus Serif", "DejaVu Serif", "DejaVu Sans")
_LAST_RESORT = "Last Resort High-Efficiency"


def pdf(version: VersionRow, *, signed: bool = False) -> bytes:
    """The version on A4; with `signed`, the signatures that it has. Its date is the version's own.

    Only letters that our fonts lack (CJK, most emoji) are taken from the machine's, where the bytes may differ from
    another machine's.
    """
    paper = json.dumps(layout(version, signed=signed), ensure_ascii=False, sort_keys=True)
    at = version.created_at.astimezone(UTC).replace(microsecond=0)
    return _set(paper, canonical(version.terms), at, version.terms.title)


# Sending and signing ask for the same paper several times over.
@functools.lru_cache(maxsize=8)
def _set(paper: str, terms: str, at: datetime, title: str) -> bytes:
    import typst

    fonts, families = _fonts(with_system=not _all_written_by_our_fonts(paper))
    try:
        compiled = typst.compile(
            _template(),
            format="pdf",
            font_paths=fonts,
            sys_inputs={"paper": paper, "fonts": json.dumps(families), "terms": terms},
            timestamp=at,
            pdf_standards=list(STANDARDS),
        )
    except typst.TypstError as error:
        raise Broken(
            f"The contract “{title}” could not be set: {error.message}",
            hint="Its terms can be read all the same: engagerr contract show -o json. Please report this as a bug.",
            facts={"diagnostic": error.diagnostic},
        ) from error
    assert isinstance(compiled, bytes)
    return compiled


@functools.cache
def _template() -> bytes:
    return (resources.files("engagerr.core.deals") / "templates" / "contract.typ").read_bytes()


@functools.cache
def _fonts(with_system: bool) -> tuple[typst.Fonts, tuple[str, ...]]:
    """The fonts to set with, and the families in the order in which they are asked for a letter."""
    import typst

    fonts = typst.Fonts(include_system_fonts=with_system, font_paths=[_font_folder()])
    others = tuple(sorted(family for family in fonts.families() if family.startswith("Noto Sans") and with_system))
    return fonts, (*_FONTS, *others, _LAST_RESORT)


def _font_folder() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@functools.cache
def _our_letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_font_folder() / "DejaVuSans.ttf")).get_charmap())


def _all_written_by_our_fonts(words: str) -> bool:
    return words.isascii() or all(ord(mark) in _our_letters() for mark in set(words))
