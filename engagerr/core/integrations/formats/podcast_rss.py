"""Podcast feeds (RSS 2.0, RDF, Atom): one account for the show, one item for each entry. Nothing is ever fetched."""

from __future__ import annotations

import calendar
import hashlib
import html
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.html_text import read_html, storable
from engagerr.core.integrations.formats.podcast_namespace import EpisodeExtras, FaultyXmlError, read_extras
from engagerr.core.integrations.formats.source import HEAD_BYTES, Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record, Rejection
from engagerr.core.integrations.urls import canonical_url

_MAX_BYTES = 64 * 1024 * 1024  # feeds of ten thousand episodes have some 40 MB
_HOW_TO_GET_A_FEED = (
    "Save the feed itself: open the show's RSS address (the hosting provider lists it as “RSS feed”) and store the "
    "page's source, for example with `curl -L -o show.xml ADDRESS`."
)
_YOUTUBE_NAMESPACE = "http://www.youtube.com/xml/schemas/2015"


# --- recognising -----------------------------------------------------------------------------------------------------

_ENTITY = re.compile(r"<!ENTITY\s+(?!%\s+\S+\s+(?:PUBLIC|SYSTEM))", re.IGNORECASE)
_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z]+)[\s>/]")


@dataclass(frozen=True, slots=True)
class _Beginning:
    """What stands before the first element, and that element's name in lower case ("" when there is none)."""

    doctype: str
    root: str
    text: str


def _beginning(head: bytes) -> _Beginning:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[: len(head) // 2 * 2].decode("utf-16", "replace")
    else:
        text = head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    position, doctype = 0, ""
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if text.startswith("<!--", position):
            end = text.find("-->", position)
        elif text.startswith("<?", position):
            end = text.find("?>", position)
        elif text[position : position + 9].upper() == "<!DOCTYPE":
            end = text.find(">", position)
            subset = text.find("[", position)
            if 0 <= subset < end:
                end = text.find("]", subset)
                end = text.find(">", end) if end >= 0 else -1
            doctype = text[position : end + 1]
        else:
            break
        if end < 0:
            return _Beginning(doctype, "", text)
        position = text.find(">", end) + 1
    root = _ROOT.match(text, position)
    return _Beginning(doctype, root[1].lower() if root else "", text)


def _is_feed(beginning: _Beginning) -> bool:
    lower = beginning.text.lower()
    return (
        beginning.root == "rss"
        or (beginning.root == "rdf" and "purl.org/rss/" in lower)
        or (beginning.root == "feed" and ("w3.org/2005/atom" in lower or "purl.org/atom" in lower))
    )


def is_feed(head: bytes) -> bool:
    """Whether a document that begins like this is RSS, RDF or Atom."""
    return _is_feed(_beginning(head[:HEAD_BYTES]))


def _recognise(source: Source) -> bool:
    return is_feed(source.head)


def _refuse_other_files(head: bytes, name: str) -> None:
    beginning = _beginning(head)
    if _is_feed(beginning):
        if beginning.doctype and _ENTITY.search(beginning.text):
            raise InvalidInput(
                f"{name} declares XML entities of its own, which podcast feeds have no need of.",
                hint="Such files can be made to exhaust a reader, so they are not opened. " + _HOW_TO_GET_A_FEED,
            )
        if _YOUTUBE_NAMESPACE in beginning.text:
            raise InvalidInput(
                f"{name} is the feed of a YouTube channel, not of a podcast.",
                hint="Save `videos.list?part=snippet,contentDetails,statistics` of YouTube's Data API and import that.",
            )
        return
    start = beginning.text.lstrip().lower()
    if not start:
        likeness = "is empty"
    elif beginning.root in ("html", "head", "body") or (not beginning.root and "<html" in start):
        likeness = "looks like a web page"
    elif start.startswith(("{", "[")):
        likeness = "looks like JSON"
    elif beginning.root:
        likeness = f"is XML about <{beginning.root}>"
    else:
        likeness = "does not look like XML"
    raise InvalidInput(f"{name} {likeness}, not like a podcast feed.", hint=_HOW_TO_GET_A_FEED)


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Findings:
    """What went wrong with single entries without costing the entry; told once for the whole feed at its end."""

    rows: dict[str, list[int]] = field(default_factory=dict)

    def add(self, what: str, row: int) -> None:
        self.rows.setdefault(what, []).append(row)

    def notices(self) -> Iterator[Notice]:
        for what, rows in self.rows.items():
            shown = ", ".join(map(str, rows[:5])) + (" …" if len(rows) > 5 else "")
            yield Notice(f"{what}: {len(rows)} (entry {shown}).")


def _parse(source: Source, _reading: Reading) -> Iterator[Record]:
    _refuse_other_files(source.head, source.name)
    yield from read_feed(source.read(limit=_MAX_BYTES), source.name)


def read_feed(data: bytes, name: str) -> Iterator[Record]:
    """The show and its episodes. `name` stands for the feed in messages. `InvalidInput` where it is no feed at all."""
    _refuse_other_files(data[:HEAD_BYTES], name)
    parsed = _parsed(data, name)
    channel, entries = parsed["feed"], parsed["entries"]
    title = _title(channel)
    if not entries and not title:
        raise InvalidInput(f"{name} has neither a title nor entries.", hint=_HOW_TO_GET_A_FEED)
    handle, link = _handle(channel, title), _first_link(channel, "alternate")
    yield AccountRecord(
        row=1,
        platform="podcast",
        handle=handle,
        native_id=_line(dict.get(channel, "podcast_guid")),
        name=title,
        url=link,
    )
    if parsed["bozo"]:
        reason = _line(str(parsed.get("bozo_exception"))) or "unknown"
        yield Notice(f"The feed is not well-formed XML ({reason}); what could be read of it was kept.")
    if not entries:
        yield Notice("The feed has no entries.")
    extras: list[EpisodeExtras] = []
    try:
        extras = read_extras(_decoded(data, parsed))
    except FaultyXmlError as error:
        yield Notice(
            f"Transcripts, chapters, soundbites and further enclosures may be incomplete; the XML has a fault: {error}."
        )
    yield from _items(entries, _Joined(entries, extras), handle=handle, language=_line(channel.get("language")))


def _parsed(data: bytes, name: str) -> Any:
    import feedparser

    try:
        # A stream, as feedparser takes a bare string for an address or a path to open.
        # White space before the XML declaration is a fault that feedparser would pay for with its second-best parser.
        return feedparser.parse(io.BytesIO(data.lstrip(b" \t\r\n")), sanitize_html=False, resolve_relative_uris=False)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError, OverflowError) as error:
        raise InvalidInput(
            f"{name} is too damaged to be read as a feed ({type(error).__name__}).", hint=_HOW_TO_GET_A_FEED
        ) from error


def _decoded(data: bytes, parsed: Any) -> str:
    try:
        text = data.decode(parsed.get("encoding") or "utf-8", "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    return text.lstrip("\ufeff \t\r\n")


class _Joined:
    """Finds the extras of an entry: by place when both parsers saw the same entries, else by a guid that is unique."""

    def __init__(self, entries: list[Any], extras: list[EpisodeExtras]) -> None:
        self._by_place = extras if len(extras) == len(entries) else None
        count = Counter(extra.guid for extra in extras)
        self._by_guid = {extra.guid: extra for extra in extras if extra.guid and count[extra.guid] == 1}

    def of(self, place: int, guid: str | None) -> EpisodeExtras | None:
        if self._by_place is not None and (not guid or self._by_place[place].guid in ("", guid)):
            return self._by_place[place]
        return self._by_guid.get(guid or "")


def _items(entries: list[Any], extras: _Joined, *, handle: str | None, language: str | None) -> Iterator[Record]:
    findings = _Findings()
    first_row: dict[str, int] = {}
    for row, entry in enumerate(entries, start=1):
        guid = _line(dict.get(entry, "id"))
        item = _item(row, entry, guid, extras.of(row - 1, guid), findings)
        if item is None:
            yield Rejection(
                row=row,
                column="guid",
                value=None,
                reason="The entry has no guid, enclosure, link or title, so nothing identifies it.",
                fix="Give the entry a <guid> in the feed and save the feed again.",
            )
        elif item.native_id in first_row:
            yield Rejection(
                row=row,
                column="guid",
                value=item.native_id,
                reason=f"Entry {first_row[item.native_id]} of this feed has the same guid.",
                fix="A guid must name one episode for ever; give the newer entry a guid of its own in the feed.",
            )
        else:
            first_row[item.native_id] = row
            yield _with_channel(item, handle, language)
    yield from findings.notices()


def _with_channel(item: ItemRecord, handle: str | None, language: str | None) -> ItemRecord:
    return msgspec.structs.replace(item, account=handle, language=item.language or language)


def _item(
    row: int, entry: Any, guid: str | None, extras: EpisodeExtras | None, findings: _Findings
) -> ItemRecord | None:
    title, link = _title(entry), _first_link(entry, "alternate")
    media, others = _enclosures(entry)
    published, raw_date = _published(entry)
    native_id = guid or _derived_id(media, link, title, raw_date)
    if native_id is None:
        return None
    if published is None and raw_date:
        findings.add("Publication dates that cannot be read and stay empty", row)
    raw_duration = _line(dict.get(entry, "itunes_duration"))
    duration = _duration_seconds(raw_duration)
    if duration is None and raw_duration and raw_duration.strip("0:."):
        findings.add("Durations that cannot be read and stay empty", row)
    if guid is None:
        findings.add("Entries without a guid, known by their enclosure, link or title instead", row)
    hints = _hints(entry, extras, guid=guid, link=link, media=media, others=others)
    is_episode = media is not None or "episode_type" in hints or "episode" in hints or raw_duration is not None
    if not is_episode:
        findings.add("Entries without audio or video, kept as posts", row)
    text, links = _body(entry)
    return ItemRecord(
        row=row,
        platform="podcast",
        native_id=native_id,
        kind="episode" if is_episode else "post",
        title=title,
        body=text,
        url=link,
        published_at=published,
        duration_seconds=duration,
        language=_line((dict.get(entry, "title_detail") or {}).get("language")),
        links=links,
        hints=hints,
    )


# --- single fields ---------------------------------------------------------------------------------------------------


def _line(value: object) -> str | None:
    """One line of text, or `None` for nothing."""
    return " ".join(storable(value).split()) or None if isinstance(value, str) else None


_ESCAPE = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8}[0-9]?);", re.IGNORECASE)


def _title(part: Any) -> str | None:
    """The title, also of the many feeds that escape it twice."""
    title = _line(dict.get(part, "title"))
    return _line(_ESCAPE.sub(lambda escape: html.unescape(escape[0]), title)) if title else None


def _first_link(part: Any, rel: str) -> str | None:
    """The first link of that relation. feedparser's own `link` is the last, which may be a `podcast:liveItem`'s."""
    for link in dict.get(part, "links") or ():
        if link.get("rel") == rel and _line(link.get("href")):
            return _line(link["href"])
    return _line(dict.get(part, "link")) if rel == "alternate" else None


def _handle(channel: Any, title: str | None) -> str | None:
    """The show's handle: its feed's address without scheme and query, as that survives renaming; else the next best."""
    for address in (_first_link(channel, "self"), _line(dict.get(channel, "itunes_new-feed-url"))):
        handle = _address_handle(address)
        if handle:
            return handle
    return (
        _line(dict.get(channel, "podcast_guid"))
        or _address_handle(_first_link(channel, "alternate"))
        or re.sub(r"[\W_]+", "-", (title or "").lower()).strip("-")
        or None
    )


def _address_handle(address: str | None) -> str | None:
    plain = canonical_url(address) if address else None
    return plain.partition("://")[2].partition("?")[0] if plain else None


def _derived_id(media: dict[str, str] | None, link: str | None, title: str | None, date: str | None) -> str | None:
    if media:
        kind, basis = "enclosure", media["url"]
    elif link:
        kind, basis = "link", link
    elif title:
        kind, basis = "title", f"{title}\n{date or ''}"
    else:
        return None
    return f"{kind}:{hashlib.sha256(basis.encode()).hexdigest()[:16]}"


def _enclosures(entry: Any) -> tuple[dict[str, str] | None, list[dict[str, str]]]:
    """The entry's audio or video file, and any further ones. Pictures and documents are no media."""
    found = [*(link for link in dict.get(entry, "links") or () if link.get("rel") == "enclosure")]
    found += [{"href": media.get("url"), "type": media.get("type")} for media in dict.get(entry, "media_content") or ()]
    files: dict[str, dict[str, str]] = {}
    for enclosure in found:
        address, kind = _line(enclosure.get("href")), _line(enclosure.get("type")) or ""
        if address and not kind.lower().startswith(("image/", "text/", "application/pdf")):
            files.setdefault(address, {"url": address, **({"type": kind} if kind else {})})
    first, *others = files.values() or [None]
    return first, [other for other in others if other]


def _published(entry: Any) -> tuple[datetime | None, str | None]:
    """The publication time (Atom's `updated` where `published` is missing), and what the feed wrote."""
    for name in ("published", "updated"):
        raw, parsed = _line(dict.get(entry, name)), dict.get(entry, f"{name}_parsed")
        if raw or parsed:
            try:
                return (datetime.fromtimestamp(calendar.timegm(parsed), UTC) if parsed else None), raw
            except (ValueError, OverflowError, OSError):
                return None, raw
    return None, None


_CLOCK = re.compile(r"(?:(?:([0-9]{1,3}):)?([0-9]{1,4}):)?([0-9]{1,7}(?:\.[0-9]{1,6})?)")


def _duration_seconds(written: str | None) -> float | None:
    """Seconds from "3600", "62:05" or "1:02:05". Feeds write 0 for "unknown", so 0 is `None`."""
    match = _CLOCK.fullmatch(written or "")
    if match is None:
        return None
    hours, minutes, seconds = match.groups(default="0")
    if ":" in match[0] and float(seconds) >= 60:
        return None
    return (int(hours) * 3600 + int(minutes) * 60 + float(seconds)) or None


def _body(entry: Any) -> tuple[str | None, tuple[str, ...]]:
    """The longest of the entry's descriptions as text, and the links of all of them."""
    contents = [*(dict.get(entry, "content") or ()), {"value": dict.get(entry, "summary")}]
    texts = [read_html(content["value"]) for content in contents if isinstance(content.get("value"), str)]
    longest = max((text.text for text in texts), key=len, default="")
    links = dict.fromkeys(link for text in texts for link in text.links)
    return longest or None, tuple(storable(link) for link in links)


def _hints(
    entry: Any,
    extras: EpisodeExtras | None,
    *,
    guid: str | None,
    link: str | None,
    media: dict[str, str] | None,
    others: list[dict[str, str]],
) -> dict[str, Any]:
    """Everything that may tie the episode to its twins elsewhere; only what the feed says."""
    extras = extras or EpisodeExtras(
        transcript_urls=[*filter(None, [_attribute(entry, "podcast_transcript", "url")])],
        chapters_url=_attribute(entry, "podcast_chapters", "url"),
    )
    canonical = _first_link(entry, "canonical") or (canonical_url(link) if link else None)
    hints = {
        "guid": guid,
        "guid_missing": guid is None or None,
        "enclosure_url": media["url"] if media else None,
        "enclosure_type": media.get("type") if media else None,
        "episode": _number(dict.get(entry, "itunes_episode")) or _number(dict.get(entry, "podcast_episode")),
        "season": _number(dict.get(entry, "itunes_season")) or _number(dict.get(entry, "podcast_season")),
        "episode_type": _line(dict.get(entry, "itunes_episodetype")),
        "transcript_url": extras.transcript_urls[0] if extras.transcript_urls else None,
        "chapters_url": extras.chapters_url,
        "alternate_enclosures": others + extras.alternate_enclosures,
        "soundbites": extras.soundbites,
        "canonical_link": canonical,
    }
    return {name: value for name, value in hints.items() if value not in (None, [], "")}


def _attribute(entry: Any, element: str, name: str) -> str | None:
    value = dict.get(entry, element)
    return _line(value.get(name)) if isinstance(value, dict) else None


def _number(written: object) -> int | None:
    text = _line(written)
    return int(text) if text and re.fullmatch("[0-9]{1,6}", text) else None


PODCAST_RSS = Format(
    name="podcast-rss",
    platform="podcast",
    title="Podcast feed",
    recognised_by="an RSS, RDF or Atom document",
    yields="the show, and its episodes with length, links, transcript and twin enclosures; no figures",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".xml", ".rss"),
)
