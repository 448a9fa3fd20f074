"""Saved answers of TikTok: the Display API, the API for Business, and item lists of its website, old shape and new."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engagerr.core.integrations.formats.saved_answers import told_once
from engagerr.core.integrations.formats.saved_json import documents_of, head_text, objects, part, words
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.platforms import tiktok_payloads as tiktok
from engagerr.core.integrations.records import AccountRecord, Record

_HINT = "Save the answer of `POST /v2/video/list/` or of `/v2/user/info/` as JSON."
_ALWAYS = re.compile(r'"authorInfos"\s*:|"open_id"\s*:|"full_video_watched_rate"\s*:|"audience_countries"\s*:')
_TOGETHER = (
    (r'"(?:diggCount|playCount)"\s*:', r'"createTime"\s*:'),
    (r'"share_url"\s*:', r'tiktok\.com'),
    (r'"create_time"\s*:', r'"(?:view_count|video_views)"\s*:'),
    (r'"log_id"\s*:', r'"error"\s*:'),
)  # fmt: skip


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
    authors: set[str | None] = field(default_factory=set)

    def read(self, document: Any, depth: int = 0) -> Iterator[Record]:
        """The records of one JSON value, whatever it turns out to be."""
        if isinstance(document, list) and depth < 3:
            for one in document:
                yield from self.read(one, depth + 1)
            return
        if not isinstance(document, dict):
            self.useless["something that is no answer of TikTok"] += 1
            return
        data = document.get("data")
        code = part(document, "error", "code")
        if isinstance(code, str) and code != "ok":
            said = words(part(document, "error", "message")) or code
            self.useless[f"an error that TikTok answered instead of data ({said[:200]})"] += 1
        elif isinstance(data, dict) and isinstance(data.get("user"), dict):
            self.row += 1
            yield from tiktok.profile_record(self.row, data["user"], account=None)
        elif isinstance(data, dict) and isinstance(data.get("videos"), list):
            yield from self._entries(data["videos"])
        elif isinstance(data, dict) and (
            "metrics" in data or "followers_count" in data or "audience_countries" in data
        ):
            self.row += 1
            yield from tiktok.business_record(self.row, data, account=None)
        elif isinstance(listed := data if isinstance(data, list) else document.get("itemList"), list):
            yield from self._entries(listed)
        elif isinstance(data, dict):
            yield from self._entries(objects(data.get("itemList")) or [data])
        else:
            yield from self._entries([document])

    def _entries(self, entries: list[Any]) -> Iterator[Record]:
        if not entries:
            self.useless["an empty list"] += 1
        for entry in entries:
            self.row += 1
            if tiktok.is_web_item(entry):
                yield from self._of_the_web(entry)
            elif isinstance(entry, dict) and "item_id" in entry:
                yield from tiktok.insight_record(self.row, entry, account=None)
            elif isinstance(entry, dict) and "id" in entry and ("create_time" in entry or "share_url" in entry):
                yield from tiktok.video_record(self.row, entry, account=None)
            else:
                self.useless["an object that is neither video nor account"] += 1

    def _of_the_web(self, entry: dict[str, Any]) -> Iterator[Record]:
        for record in tiktok.web_records(self.row, entry):
            if isinstance(record, AccountRecord):
                if record.handle in self.authors:  # the same levels stand beside each of the author's videos
                    continue
                self.authors.add(record.handle)
            yield record


def _parse(source: Source, _reading: Reading) -> Iterator[Record]:
    answers = _Answers()
    records = (record for one in documents_of(source, hint=_HINT) for record in answers.read(one))
    yield from told_once(records, answers.useless, name=source.name, wanted="videos or accounts", hint=_HINT)


TIKTOK_API = Format(
    name="tiktok-api",
    platform="tiktok",
    title="TikTok API answer",
    recognised_by="JSON with TikTok's keys: open_id, share_url, create_time and view_count, authorInfos, diggCount",
    yields="videos with views, likes, comments, shares, saves, reach and watch time; accounts with their audience",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json", ".jsonl"),
)
