"""Saved answers of Meta's Graph API: Instagram media, stories, profiles, business discovery; Facebook pages and posts.

One file may hold one answer, an array of them, one a line, or a map of ids to objects (`?ids=…`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engagerr.core.integrations.connector import Part
from engagerr.core.integrations.formats.saved_answers import told_once
from engagerr.core.integrations.formats.saved_json import documents_of, head_text, identifier, objects, part, words
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.platforms import facebook_payloads as facebook
from engagerr.core.integrations.platforms import instagram_payloads as instagram
from engagerr.core.integrations.platforms.meta_graph import FIX, insight_figures, insight_values
from engagerr.core.integrations.platforms.salvage import Salvage
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Record

_HINT = "Save the answer of `/{ig-user-id}/media?fields=id,caption,media_type,media_product_type,permalink,timestamp,like_count,comments_count` (or of a page's `published_posts`) as JSON."  # noqa: E501
_ALWAYS = re.compile(
    r'"business_discovery"\s*:|"id"\s*:\s*"[0-9_]+/insights/|"fbtrace_id"\s*:|"media_product_type"\s*:'
)
_TOGETHER = (
    (r'"media_type"\s*:', r'"permalink"\s*:'),
    (r'"username"\s*:', r'"(?:media_count|follows_count)"\s*:'),
    (r'"created_time"\s*:', r'"(?:permalink_url|status_type)"\s*:'),
    (r'"fan_count"\s*:', r'"(?:id|name)"\s*:'),
)


def _recognise(source: Source) -> bool:
    text = head_text(source.head)
    if not text.startswith(("{", "[")):
        return False
    together = any(all(re.search(pattern, text) for pattern in patterns) for patterns in _TOGETHER)
    return bool(_ALWAYS.search(text)) or together


@dataclass(slots=True)
class _Answers:
    """Reads answers in order; `row` counts their entries from 1."""

    useless: Counter[str] = field(default_factory=Counter)
    row: int = 0
    # Lifetime insights by what they are about, until an entry of that id takes them.
    figures: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def gather(self, document: Any, depth: int = 0) -> None:
        """Find the insights of items, so that they stand beside their items wherever in the file those are."""
        entries = part(document, "data") if isinstance(document, dict) else document
        for one in objects(entries):
            if isinstance(one, dict) and words(one.get("period")) == "lifetime" and not _is_audience(one):
                if (subject := _subject(one)) is not None:
                    self.figures.setdefault(subject, []).append(one)
            elif depth < 3 and not (isinstance(one, dict) and "insights" in one):
                self.gather(one, depth + 1)

    def rest(self) -> Iterator[Record]:
        """Insights of items that the file does not tell of otherwise."""
        for subject, entries in self.figures.items():
            self.row += 1
            yield from self._item_figures(subject, entries)

    def _beside(self, entry: dict[str, Any]) -> list[Part]:
        """The insights of an entry: written into it (`fields=…,insights.metric(…)`), or an answer of their own."""
        found = self.figures.pop(identifier(entry.get("id")) or "", [])
        bodies = (entry.get("insights"), {"data": found})
        return [Part(name="insights", body=body) for body in bodies if part(body, "data")]

    def read(self, document: Any, depth: int = 0) -> Iterator[Record]:
        """The records of one JSON value, whatever it turns out to be."""
        if isinstance(document, list) and depth < 3:
            for one in document:
                yield from self.read(one, depth + 1)
        elif not isinstance(document, dict):
            self.useless["something that is no answer of the Graph API"] += 1
        elif isinstance(document.get("error"), dict):
            said = words(part(document, "error", "message")) or "no message"
            self.useless[f"an error that Meta answered instead of data ({said[:200]})"] += 1
        elif isinstance(document.get("business_discovery"), dict):
            yield from self._discovered(document["business_discovery"])
        elif isinstance(document.get("data"), list):
            yield from self._listed(document)
        elif self._is_map(document) and depth < 3:
            for one in document.values():
                yield from self.read(one, depth + 1)
        else:
            yield from self._entry(document)

    @staticmethod
    def _is_map(document: dict[str, Any]) -> bool:
        """An answer to `?ids=…`: every key is the id of its value, or leads to a list."""
        return bool(document) and all(
            key.replace("_", "").isdigit() and isinstance(value, dict) for key, value in document.items()
        )

    def _discovered(self, user: dict[str, Any]) -> Iterator[Record]:
        if any(name in user for name in ("username", "followers_count", "media_count")):
            self.row += 1
            yield from instagram.profile_record(self.row, user, account=None)
        native_id = identifier(user.get("id"))
        owner = (words(user.get("username")), native_id if native_id and native_id.isdigit() else None)
        for media in objects(part(user.get("media"), "data")):
            self.row += 1
            yield from instagram.media_record(self.row, media, account=None, owner=owner)

    def _listed(self, document: dict[str, Any]) -> Iterator[Record]:
        entries = document["data"]
        if entries and all(isinstance(one, dict) and "name" in one and "period" in one for one in entries):
            yield from self._insights(entries)
            return
        if not entries:
            self.useless["an empty list"] += 1
        for one in entries:
            yield from self._entry(one)

    def _insights(self, entries: list[dict[str, Any]]) -> Iterator[Record]:
        about: dict[str | None, list[dict[str, Any]]] = {}
        for one in entries:
            about.setdefault(_subject(one), []).append(one)
        for subject, found in about.items():
            if subject is None:
                self.useless["insights that do not say of what"] += len(found)
                continue
            daily = [one for one in found if words(one.get("period")) == "day"]
            audience = [one for one in found if _is_audience(one)]
            lasting = [one for one in found if words(one.get("period")) == "lifetime" and one not in audience]
            if any((words(one.get("name")) or "").startswith("page_") for one in daily):
                self.useless["insights of a Facebook page by day"] += 1
                continue
            if daily or audience:
                self.row += 1
            if daily:
                one_day = Part(name="day", body={"data": daily})
                yield from instagram.daily_record(self.row, one_day, account=None, native_id=subject)
            if audience:
                yield from self._audience(subject, audience)
            if len(daily) + len(audience) + len(lasting) < len(found):
                self.useless["insights about weeks or months"] += 1

    def _audience(self, subject: str, entries: list[dict[str, Any]]) -> Iterator[Record]:
        audience, damaged = instagram.audience_of([Part(name="demographics", body={"data": entries})])
        yield AccountRecord(row=self.row, platform="instagram", handle=subject, native_id=subject, audience=audience)
        yield from damaged

    def _item_figures(self, subject: str, entries: list[dict[str, Any]]) -> Iterator[Record]:
        salvage = Salvage(self.row, FIX)
        body = {"data": entries}
        is_facebook = "_" in subject or any(name.startswith("post_") for name, _, _ in insight_values(body))
        renamed = facebook.RENAMED if is_facebook else instagram.RENAMED
        page_id, _, native_id = subject.rpartition("_")
        yield ItemRecord(
            row=self.row,
            platform="facebook" if is_facebook else "instagram",
            native_id=native_id or subject,
            account=page_id or None,
            account_native_id=page_id or None,
            metrics=tuple(insight_figures([Part(name="insights", body=body)], (), renamed, salvage)),
        )
        yield from salvage.rejections

    def _entry(self, entry: Any) -> Iterator[Record]:
        if not isinstance(entry, dict):
            self.useless["an entry that is no JSON object"] += 1
            return
        self.row += 1
        if "created_time" in entry:
            if "length" in entry or "_" not in (identifier(entry.get("id")) or "_"):
                yield from facebook.video_record(self.row, entry, account=None)
            else:
                beside = self._beside(entry)
                yield from facebook.post_record(self.row, entry, account=None, insights=beside, asked=())
        elif "media_type" in entry or "media_product_type" in entry:
            beside = self._beside(entry)
            yield from instagram.media_record(self.row, entry, account=None, insights=beside, asked=())
        elif "fan_count" in entry or "access_token" in entry or "facebook.com" in (words(entry.get("link")) or ""):
            yield from facebook.page_record(self.row, entry, account=None)
        elif "username" in entry and ("media_count" in entry or "followers_count" in entry or "biography" in entry):
            yield from instagram.profile_record(self.row, entry, account=None)
        else:
            self.useless["an object that is neither post nor account"] += 1


def _subject(insight: dict[str, Any]) -> str | None:
    """What an insight is about: "17846368219941692/insights/reach/lifetime"."""
    subject = (words(insight.get("id")) or "").partition("/")[0]
    return subject if re.fullmatch(r"[0-9A-Za-z_-]{1,100}", subject) else None


def _is_audience(insight: dict[str, Any]) -> bool:
    return bool(part(insight, "total_value", "breakdowns"))


def _parse(source: Source, _reading: Reading) -> Iterator[Record]:
    answers = _Answers()
    documents = documents_of(source, hint=_HINT)
    answers.gather(documents)
    read = (record for one in documents for record in answers.read(one))
    records = (record for records in (read, answers.rest()) for record in records)
    yield from told_once(records, answers.useless, name=source.name, wanted="posts or accounts", hint=_HINT)


META_API = Format(
    name="meta-api",
    platform=None,
    title="Graph API answer (Instagram, Facebook)",
    recognised_by="JSON with the Graph API's keys: media_type, business_discovery, created_time, insights",
    yields="Instagram posts, stories, accounts and insights; Facebook pages, posts and videos",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json", ".jsonl"),
)
