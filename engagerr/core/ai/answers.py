"""Answers of models: checked against the task before anybody sees them, and kept by what was asked and who answered."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from sqlalchemy import text

from engagerr.core.ai.tasks import Clauses, Piece, Safety, StructuredBrief, Task, Topics, Vector

if TYPE_CHECKING:
    from uuid import UUID

    from engagerr.core.db import Session

_HASH_BYTES = 16
# What the decoder quotes may be words of the text that was read, which are nobody's instruction.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_TYPES = re.compile(
    r"`(?:int|float|str|array|object|bool|null|bytes)(?: \| (?:int|float|str|array|object|bool|null))*`"
)
_MOST_OF_A_COMPLAINT = 300


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with an answer, in words that quote neither the answer nor the text."""

    message: str


def content_hash(task: Task, asked: Struct) -> bytes:
    """What stands for an input in the cache: its content, and what the task asks for and how."""
    digest = hashlib.blake2b(digest_size=_HASH_BYTES)
    for part in (task.instruction.encode(), msgspec.json.encode(task.schema, order="sorted")):
        digest.update(len(part).to_bytes(8) + part)
    digest.update(msgspec.json.encode(asked, order="deterministic"))
    return digest.digest()


def checked(task: Task, asked: Struct, said: bytes | Struct) -> Struct | Complaint:
    """What was said as the task's output, or what is wrong with it. Strict: no number in quotes is a number."""
    try:
        written = said if isinstance(said, bytes) else msgspec.json.encode(said)
        answer: Struct = msgspec.json.decode(written, type=task.gives, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, ValueError, OverflowError, RecursionError) as error:
        return Complaint(_without_quotes(str(error)))
    wrong = next(
        (words for kind, look in _FURTHER if isinstance(answer, kind) and (words := look(asked, answer))), None
    )
    return answer if wrong is None else Complaint(wrong)


def _without_quotes(message: str) -> str:
    kept = _TYPES.sub(lambda found: found.group().replace("`", ""), message)
    path = re.search(r" - at `(\$[^`]*)`", kept)
    plain = _QUOTED.sub("…", kept[: path.start()] if path else kept)
    # Only what our own schema is made of: a key of the answer could be anything.
    where = f" at {path.group(1)}" if path and re.fullmatch(r"\$[a-z_.\[\]0-9]*", path.group(1)) else ""
    return f"{plain}{where}"[:_MOST_OF_A_COMPLAINT]


def _folded(words: str) -> str:
    return " ".join(words.split()).casefold()


def _all_of(asked: Struct) -> str:
    """The words of an input, one after the other, as quotations are looked up in them."""
    if isinstance(asked, Piece):
        return _folded(" ".join((asked.title, *asked.tags, asked.body or "", asked.channel or "")))
    return _folded(str(getattr(asked, "text", "")))


def _quotes(asked: Struct, words: Sequence[str]) -> str | None:
    whole = _all_of(asked)
    for place, quoted in enumerate(words):
        if not quoted.strip() or _folded(quoted) not in whole:
            return f"quotation {place + 1} does not stand in the text as it is quoted"
    return None


def _of_safety(asked: Struct, answer: Any) -> str | None:
    return _quotes(asked, [finding.words for finding in answer.findings])


def _of_clauses(asked: Struct, answer: Any) -> str | None:
    return _quotes(asked, [clause.words for clause in answer.clauses])


def _of_topics(_: Struct, answer: Any) -> str | None:
    names = [share.topic for share in answer.topics]
    chances = [share.probability for share in answer.topics]
    if len(set(names)) < len(names):
        return "a topic stands there twice"
    return "the topics do not stand best first" if sorted(chances, reverse=True) != chances else None


def _of_vector(_: Struct, answer: Any) -> str | None:
    length = math.hypot(*answer.vector)
    return None if abs(length - 1) < 0.01 else "the vector is not of length one"


def _of_brief(_: Struct, answer: Any) -> str | None:
    for low, high in (("followers_min", "followers_max"), ("window_from", "window_to")):
        first, last = getattr(answer, low), getattr(answer, high)
        if first is not None and last is not None and first > last:
            return f"{low} is above {high}"
    for name in ("window_from", "window_to"):
        try:
            date.fromisoformat(getattr(answer, name) or "2000-01-01")
        except ValueError:
            return f"{name} is no day of the calendar"
    if (answer.budget_minor is None) != (answer.budget_currency is None):
        return "budget_minor and budget_currency stand together or not at all"
    return None


# What the schema cannot say, where an answer can be held against what was asked.
_FURTHER = (
    (Safety, _of_safety), (Clauses, _of_clauses), (Topics, _of_topics), (Vector, _of_vector),
    (StructuredBrief, _of_brief),
)  # fmt: skip

_KEPT = """
SELECT model, content_hash, CAST(answer AS text) AS answer FROM ai_answers
WHERE tenant_id = :tenant_id AND task = :task AND model = ANY (CAST(:models AS text[]))
  AND content_hash = ANY (CAST(:hashes AS bytea[]))
"""
_KEEP = """
INSERT INTO ai_answers (tenant_id, task, model, content_hash, answer, made_at)
SELECT :tenant_id, :task, made.model, made.content_hash, CAST(made.answer AS jsonb), :now
FROM unnest(CAST(:models AS text[]), CAST(:hashes AS bytea[]), CAST(:answers AS text[]))
  AS made (model, content_hash, answer)
ON CONFLICT DO NOTHING
"""
Kept = Mapping[tuple[str, bytes], Struct]


def read_kept(
    session: Session, *, tenant_id: UUID, task: Task, models: Sequence[str], asked: Mapping[bytes, Struct]
) -> Kept:
    """What these models answered before to these inputs, by (model, hash). What no longer fits the task is left out."""
    rows = session.execute(
        text(_KEPT),
        {"tenant_id": tenant_id, "task": str(task.name), "models": list(models), "hashes": list(asked)},
    )
    found: dict[tuple[str, bytes], Struct] = {}
    for row in rows:
        key = bytes(row.content_hash)
        answer = checked(task, asked[key], row.answer.encode())
        if not isinstance(answer, Complaint):
            found[row.model, key] = answer
    return found


def keep(session: Session, *, tenant_id: UUID, task: Task, made: Kept, now: datetime) -> None:
    """Keep answers, by (model, hash)."""
    # PostgreSQL's JSON knows no NUL character; such an answer is made again the next time.
    written = {key: msgspec.json.encode(answer).decode() for key, answer in made.items()}
    # In one order for all: two that keep the same answers in different orders would wait for each other.
    written = {key: written[key] for key in sorted(written) if "\\u0000" not in written[key]}
    if written:
        session.execute(
            text(_KEEP),
            {
                "tenant_id": tenant_id, "task": str(task.name), "now": now, "models": [model for model, _ in written],
                "hashes": [key for _, key in written], "answers": list(written.values()),
            },
        )  # fmt: skip
