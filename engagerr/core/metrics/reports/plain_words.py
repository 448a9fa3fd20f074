"""Words of others as words and nothing else: what hides, reorders or computes is made visible or harmless."""

from __future__ import annotations

import unicodedata

REPLACEMENT = "\ufffd"

# Not shown anywhere, and in the way of comparing and searching.
_DROPPED = {"\ufeff", "\u00ad"}
_NEW_LINES = {"\r\n": "\n", "\r": "\n", "\u2028": "\n", "\u2029": "\n", "\x85": "\n"}
# Control, surrogate and private-use characters mean nothing to a reader.
_MEANINGLESS = {"Cc", "Cs", "Co"}
# Spreadsheets compute a cell that begins so (OWASP, "CSV Injection"); the full-width ones where the locale is Japanese.
_FORMULA_STARTS = tuple("=+-@＝＋－＠\t\r\n")


def printable(words: str) -> str:
    """The words as they can be shown on any surface; a character that cannot is shown as �, never left out unseen.

    Marks that set the direction of what follows (overrides, embeddings, isolates) count among them: with one, a title
    could show the figures beside it in another order.
    """
    if words.isascii() and words.isprintable():
        return words
    for old, new in _NEW_LINES.items():
        words = words.replace(old, new)
    return "".join(map(_shown, words))


def one_line(words: str) -> str:
    """Printable words on one line."""
    return " ".join(printable(words).split())


def not_a_formula(words: str) -> str:
    """The words such that no spreadsheet computes them when it reads them from text: a quote goes before."""
    return f"'{words}" if words.lstrip(" \u00a0\u3000").startswith(_FORMULA_STARTS) else words


def may_be_formula(words: str) -> bool:
    """Whether a spreadsheet would compute the words if it read them from text."""
    return not_a_formula(words) != words


def web_address(url: str | None) -> str | None:
    """The address, if it is one of the web: nothing else becomes a link."""
    if url is None or not url.lower().startswith(("https://", "http://")) or any(mark.isspace() for mark in url):
        return None
    return url if printable(url) == url else None


def _shown(mark: str) -> str:
    if mark in _DROPPED:
        return ""
    if mark == "\t":
        return " "
    if mark == "\n":
        return mark
    code = ord(mark)
    reorders = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    is_no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return REPLACEMENT if reorders or is_no_character or unicodedata.category(mark) in _MEANINGLESS else mark
