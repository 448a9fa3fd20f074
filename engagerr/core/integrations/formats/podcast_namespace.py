"""The `podcast:` elements of a feed, which feedparser keeps only the last of: read here by a guarded XML parser.

Source: https://github.com/Podcastindex-org/podcast-namespace
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

# Both addresses are named as the namespace's by its own documentation; the schemes are mixed up in real feeds.
_NAMESPACES = frozenset(
    (
        "podcastindex.org/namespace/1.0",
        "github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md",
    )
)
_ITEMS = frozenset(("item", "entry"))
_MAX_DEPTH = 200


@dataclass(slots=True)
class EpisodeExtras:
    """What one entry of the feed says in the podcast namespace, in document order."""

    guid: str = ""
    transcript_urls: list[str] = field(default_factory=list)
    chapters_url: str | None = None
    alternate_enclosures: list[dict[str, str]] = field(default_factory=list)
    soundbites: list[dict[str, str | float]] = field(default_factory=list)


class FaultyXmlError(ValueError):
    """The XML has a fault, or declares entities or nests as no feed does; the message says what and where."""


def read_extras(xml: str) -> list[EpisodeExtras]:
    """One `EpisodeExtras` for each entry of the feed, in order. Raises `FaultyXmlError`; never opens anything."""
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.EntityDeclHandler = reader.entity
    try:
        parser.Parse(xml.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise FaultyXmlError(str(error)) from None
    return reader.episodes


class _Reader:
    """Handlers for expat. Prefixes are resolved by hand: a feed that forgot to declare `podcast:` counts as well."""

    def __init__(self) -> None:
        self.episodes: list[EpisodeExtras] = []
        self._namespace_of: dict[str, str] = {}
        self._open: list[str] = []
        self._inside: EpisodeExtras | None = None
        self._live = 0
        self._enclosure: dict[str, str] = {}
        self._soundbite: dict[str, str | float] | None = None
        self._text: list[str] | None = None

    def entity(self, name: str, is_parameter: int, value: str | None, *_: object) -> None:
        if value is not None or not is_parameter:  # an outside parameter entity is never fetched: harmless
            raise FaultyXmlError(f"it declares the XML entity {name!r}")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append(name)
        if len(self._open) > _MAX_DEPTH:
            raise FaultyXmlError(f"its elements are nested more than {_MAX_DEPTH} deep")
        for attribute, value in attributes.items():
            if attribute.startswith("xmlns:"):
                self._namespace_of[attribute[6:]] = value
        local = self._podcast_name(name)
        if local == "liveItem":
            self._live += 1
        elif name.lower() in _ITEMS and not self._live:
            self._inside = EpisodeExtras()
            self.episodes.append(self._inside)
        elif self._inside is not None and not self._live:
            if local:
                self._podcast(self._inside, local, attributes)
            elif name in ("guid", "id"):
                self._text = []

    def _podcast(self, episode: EpisodeExtras, local: str, attributes: dict[str, str]) -> None:
        if local == "transcript" and attributes.get("url"):
            episode.transcript_urls.append(attributes["url"].strip())
        elif local == "chapters" and attributes.get("url"):
            episode.chapters_url = attributes["url"].strip()
        elif local == "alternateEnclosure":
            self._enclosure = {key: attributes[key] for key in ("type", "title") if attributes.get(key)}
        elif local == "source" and attributes.get("uri"):
            own_type = {"type": attributes["contentType"]} if attributes.get("contentType") else {}
            episode.alternate_enclosures.append({"url": attributes["uri"].strip(), **self._enclosure, **own_type})
        elif local == "soundbite":
            start, length = _seconds(attributes.get("startTime")), _seconds(attributes.get("duration"))
            if start is not None and length is not None:
                self._soundbite, self._text = {"start_seconds": start, "duration_seconds": length}, []

    def characters(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def end(self, name: str) -> None:
        self._open.pop()
        text = "".join(self._text or ()).strip()
        local = self._podcast_name(name)
        if local == "liveItem":
            self._live -= 1
        elif name.lower() in _ITEMS:
            self._inside = None
        elif self._inside is not None and local == "soundbite" and self._soundbite is not None:
            self._inside.soundbites.append({**self._soundbite, **({"title": text} if text else {})})
            self._soundbite = None
        elif self._inside is not None and name in ("guid", "id") and self._text is not None:
            self._inside.guid = text
        elif local == "alternateEnclosure":
            self._enclosure = {}
        self._text = None

    def _podcast_name(self, name: str) -> str:
        """The name without its prefix when it is of the podcast namespace, else ""."""
        prefix, colon, local = name.partition(":")
        if not colon:
            return ""
        address = self._namespace_of.get(prefix)
        if address is None:
            return local if prefix == "podcast" else ""
        return local if address.partition("://")[2].rstrip("/").lower() in _NAMESPACES else ""


def _seconds(written: str | None) -> float | None:
    try:
        seconds = float(written or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e7 else None
