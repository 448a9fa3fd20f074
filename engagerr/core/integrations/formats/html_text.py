"""HTML descriptions as plain text in which no link is lost. One pass, linear in the length whatever the markup."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from engagerr.core.integrations.urls import find_urls

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*+)([^<>]*+)>")
_HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_BLOCK = re.compile("p|div|br|li|ul|ol|tr|table|h[1-6]|blockquote|section|article|hr|pre|dl|dt|dd")
_SILENT = frozenset(("script", "style", "head", "title"))
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LOOKS_LIKE_ADDRESS = re.compile(r"\s*(?:https?://|www\.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PlainText:
    """`text` has paragraphs as lines; `links` are the addresses of the markup and of the text, once each, in order."""

    text: str
    links: tuple[str, ...]


def storable(text: str) -> str:
    """`text` without what PostgreSQL cannot keep (NUL) and what is no character at all (lone surrogates)."""
    return _UNSTORABLE.sub("", text)


def read_html(markup: str) -> PlainText:
    """The readable text of `markup`. A link stands behind its words in parentheses, or alone where the words are it.

    Plain text passes through with its line breaks; they count as mere space only where the markup makes its own.
    """
    reader = _Reader(storable(markup))
    reader.read()
    return PlainText(reader.text(), tuple(reader.links))


class _Reader:
    def __init__(self, markup: str) -> None:
        self.links: dict[str, None] = {}
        self._markup = markup
        self._lower = markup.lower() if len(markup.lower()) == len(markup) else markup
        self._pieces: list[str] = []
        self._own_breaks = False
        self._href: str | None = None
        self._anchor_start = 0

    def read(self) -> None:
        position, markup = 0, self._markup
        while position < len(markup):
            start = markup.find("<", position)
            if start < 0:
                start = len(markup)
            self._add(markup[position:start])
            if start == len(markup):
                break
            position = self._tag(start)
        self._close_anchor()

    def text(self) -> str:
        text = "".join(self._pieces)
        if self._own_breaks:
            text = re.sub(r"[^\S\x00]+", " ", text).replace("\x00", "\n")
        lines = [" ".join(line.split()) for line in storable(text).split("\n")]
        return "\n".join(line for line in lines if line and line != "-")

    def _tag(self, start: int) -> int:
        """Takes in the markup at `start`, a "<"; gives the position behind it."""
        if self._markup.startswith("<!--", start):
            return self._behind("-->", start)
        tag = _TAG.match(self._markup, start)
        if tag is None:
            self._add("<")
            return start + 1
        closing, name, attributes = tag[1], tag[2].lower(), tag[3]
        if name in _SILENT and not closing:
            return self._behind(f"</{name}", tag.end()) - len(f"</{name}")
        if name == "a":
            self._close_anchor()
            href = None if closing else _HREF.search(attributes)
            if href:
                self._href = html.unescape(href[1] or href[2] or href[3] or "").strip()
                self._anchor_start = len(self._pieces)
        elif _BLOCK.fullmatch(name):
            self._own_breaks = True
            self._pieces.append("\x00- " if name == "li" and not closing else "\x00")
        return tag.end()

    def _behind(self, mark: str, start: int) -> int:
        end = self._lower.find(mark, start)
        return len(self._markup) + len(mark) if end < 0 else end + len(mark)

    def _add(self, text: str) -> None:
        text = html.unescape(text)
        self._pieces.append(text)
        if self._href is None:
            self.links.update(dict.fromkeys(find_urls(text)))

    def _close_anchor(self) -> None:
        href, self._href = self._href, None
        if href is None or not href.startswith(("http://", "https://")):
            return
        words = "".join(self._pieces[self._anchor_start :])
        self.links[href] = None
        if _LOOKS_LIKE_ADDRESS.match(words) or not words.strip():
            self._pieces[self._anchor_start :] = [href]
        elif href not in words:
            self._pieces.append(f" ({href})")
