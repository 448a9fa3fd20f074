"""LinkedIn posts and statistics, saved as JSON: answers of its versioned REST API, and the shape of scraping services.

One answer, an array of them, or one a line. `platforms/linkedin_payloads` reads the API's answers, as it does for the
connector. The scraped shape is the one that services sell (`activity_urn`, `full_urn`, `stats`); its date text is in an
unknown zone and its timestamp is not, so the timestamp counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.connector import Part
from engagerr.core.integrations.formats.saved_json import documents_of, head_text, identifier, objects, part, words
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.platforms.entry import Entry
from engagerr.core.integrations.platforms.linkedin_payloads import (
    MEMBER_STATISTICS,
    POSTS,
    SHARE_STATISTICS,
    organization_record,
    post_records,
    post_urn,
    published_at,
)
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record, Rejection
from engagerr.core.integrations.urls import find_urls, parse_url

_HOW_TO_GET_IT = (
    "Save the answer of `GET https://api.linkedin.com/rest/posts?q=author&author=URN` unchanged; put the answer of "
    "`organizationalEntityShareStatistics` into the same file, one answer a line, for the figures."
)
_FIX = "Save the answer again and keep it unchanged."
_URN_MARK = re.compile(r'"urn:li:(?:share|ugcPost|activity|organization|person):[A-Za-z0-9_-]+"')
_SHAPE_MARK = re.compile(
    r'"(?:commentary|lifecycleState|totalShareStatistics|metricType|firstDegreeSize|vanityName|full_urn)"\s*:'
)
_SCRAPED = {"total_reactions": "reactions", "comments": "comments", "reposts": "reshares"}


def _recognise(source: Source) -> bool:
    text = head_text(source.head)
    return text.startswith(("{", "[")) and bool(_URN_MARK.search(text)) and bool(_SHAPE_MARK.search(text))


# ── The scraped shape ──────────────────────────────────────────────────────────────────────────────────────────────


def _is_scraped(document: Any) -> bool:
    return isinstance(document, dict) and "full_urn" in document and "stats" in document


def _company(document: Any) -> tuple[str | None, str | None]:
    """(handle, address) of the page that published a scraped post."""
    for address in (words(part(document, "author", "company_url")), words(part(document, "source_company"))):
        named = parse_url(address) if address else None
        if named and named.platform == "linkedin" and named.kind == "account":
            return named.handle or named.native_id, named.canonical_url
    return None, None


def _scraped(row: int, document: dict[str, Any]) -> Iterator[Record]:
    entry = Entry(row, _FIX)
    urn = post_urn(document.get("full_urn"))
    if urn is None:
        entry.reject("full_urn", document.get("full_urn"), "It is not the URN of a post.")
        yield from entry.rejections
        return
    handle, _ = _company(document)
    stats = part(document, "stats")
    figures = [
        entry.figure(name, stats[native])
        for native, name in _SCRAPED.items()
        if isinstance(stats, dict) and native in stats
    ]
    body = words(document.get("text"))
    hints = {
        "urn": urn[0],
        # What the post's web address and the files of LinkedIn's own analytics name it by.
        "activity_id": identifier(document.get("activity_urn")),
        "edited": True if part(document, "posted_at", "is_edited") is True else None,
        "post_type": words(document.get("post_type")),
    }
    yield ItemRecord(
        row=row,
        platform="linkedin",
        native_id=urn[1],
        kind="post",
        account=handle,
        body=body,
        url=words(document.get("post_url")) or f"https://www.linkedin.com/feed/update/{urn[0]}",
        published_at=published_at(entry, {"publishedAt": part(document, "posted_at", "timestamp")}),
        language=words(document.get("post_language_code")),
        links=find_urls(body) if body else (),
        hints={name: value for name, value in hints.items() if value is not None},
        metrics=tuple(figure for figure in figures if figure is not None),
    )
    yield from entry.rejections


def _scraped_author(row: int, document: dict[str, Any]) -> Iterator[Record]:
    handle, address = _company(document)
    author = part(document, "author")
    if handle is None or not isinstance(author, dict) or "follower_count" not in author:
        return
    entry = Entry(row, _FIX)
    followers = entry.figure("followers", author["follower_count"])
    yield AccountRecord(
        row=row,
        platform="linkedin",
        handle=handle,
        name=words(author.get("name")),
        url=address,
        metrics=(followers,) if followers else (),
    )
    yield from entry.rejections


# ── The file ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _part_of(document: Any) -> Part | None:
    """The document as an answer of the API; `None` where it holds neither posts nor their figures."""
    if part(document, "commentary") is not None or part(document, "lifecycleState") is not None:
        return Part(name=POSTS, body=document)
    elements = objects(part(document, "elements"))
    first = next((element for element in elements if isinstance(element, dict)), {})
    if "totalShareStatistics" in first:
        # Of a whole page there is nobody here to give the figures to: its elements name no post.
        named = any(post_urn(part(one, name)) for one in elements for name in ("share", "ugcPost"))
        return Part(name=SHARE_STATISTICS, body=document) if named else None
    if "metricType" in first:
        return Part(name=MEMBER_STATISTICS, body=document)
    return Part(name=POSTS, body=document) if elements and post_urn(first.get("id")) else None


def _what_else(document: Any) -> str:
    first = next(iter(objects(part(document, "elements"))), None)
    if part(first, "totalShareStatistics") is not None:
        return "the statistics of a whole page, which name no post"
    if part(first, "role") is not None:
        return "a list of who administers which page (organizationAcls)"
    if part(document, "firstDegreeSize") is not None:
        return "a follower count (networkSizes) that does not say whose it is"
    if isinstance(part(document, "elements"), list):
        return "an answer without any posts"
    said = words(part(document, "message"))
    if said and part(document, "status") is not None:
        return f"an error that LinkedIn answered instead of data ({said[:200]})"
    return "something that is no answer of LinkedIn's API with posts"


def _parse(source: Source, _reading: Reading) -> Iterator[Record]:
    parts: list[Part] = []
    scraped: list[dict[str, Any]] = []
    accounts: list[AccountRecord] = []
    passed_over: Counter[str] = Counter()
    for document in documents_of(source, hint=_HOW_TO_GET_IT):
        answer = _part_of(document)
        if _is_scraped(document):
            scraped.append(document)
        elif answer is not None:
            parts.append(answer)
        elif part(document, "vanityName") and (account := organization_record(document, row=len(accounts) + 1)):
            accounts.append(account)
        else:
            passed_over[_what_else(document)] += 1
    if not any(answer.name == POSTS for answer in parts) and not scraped and not accounts:
        what = ", ".join(passed_over) or ("statistics whose posts are not in the file" if parts else "empty")
        raise InvalidInput(
            f"{source.name} is {what}; it holds no posts to import.",
            hint=_HOW_TO_GET_IT,
            facts={"found": list(passed_over)},
        )
    if any(answer.name == MEMBER_STATISTICS for answer in parts):
        parts = [answer for answer in parts if answer.name != MEMBER_STATISTICS]
        passed_over["figures of a member's post (memberCreatorPostAnalytics), which do not name the post"] += 1
    for what, count in passed_over.items():
        yield Notice(f"Passed over {count} × {what}.")
    yield from accounts
    yield from _moved(post_records(parts), by=len(accounts))
    yield from _all_scraped(scraped)


def _moved(records: Iterator[Record], *, by: int) -> Iterator[Record]:
    for record in records:
        yield msgspec.structs.replace(record, row=record.row + by) if isinstance(record, ItemRecord) else record


def _all_scraped(documents: list[dict[str, Any]]) -> Iterator[Record]:
    authors: set[str] = set()
    first_row: dict[str, int] = {}
    for row, document in enumerate(documents, start=1):
        handle, _ = _company(document)
        if handle is not None and handle not in authors:
            authors.add(handle)
            yield from _scraped_author(row, document)
        for record in _scraped(row, document):
            if isinstance(record, ItemRecord) and first_row.setdefault(record.native_id, row) != row:
                reason = f"Entry {first_row[record.native_id]} of this file is the same post."
                yield Rejection(row, "full_urn", record.native_id, reason, "Nothing to do if both say the same.")
            else:
                yield record


LINKEDIN_API = Format(
    name="linkedin-api",
    platform="linkedin",
    title="LinkedIn API response, or posts from a scraping service",
    recognised_by='JSON with "urn:li:" names of posts and "commentary", "totalShareStatistics" or "full_urn"',
    yields="posts with reactions, comments and reshares, with impressions and clicks where their statistics are in the "
    "file; pages with followers",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json", ".jsonl"),
)
FORMATS = (LINKEDIN_API,)
