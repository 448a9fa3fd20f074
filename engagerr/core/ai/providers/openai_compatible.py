"""Any server that speaks OpenAI's chat completions and embeddings: hosted ones, vLLM, TEI, a gateway of yours."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engagerr.core.ai.provider import Offer, Price, ProviderFailed, Said, Where
from engagerr.core.ai.providers.prompt import PROMPT_VERSION, messages, most_tokens, schema_of
from engagerr.core.ai.tasks import PlainText, Task, TaskName, Vector

if TYPE_CHECKING:
    from msgspec import Struct

    from engagerr.core.ai.providers.wire import Wire

# TEI's default for one request (--max-client-batch-size).
_MOST_TEXTS_AT_ONCE = 32
# Where a server counts no tokens: a token is three bytes or more in every language that we measured.
_BYTES_OF_A_TOKEN = 3
_FENCED = re.compile(r"\A\s*```(?:json|JSON)?\s*\n(?P<inside>.*)\n\s*```\s*\Z", re.DOTALL)
_FULL_LENGTH = 1e-6


@dataclass(frozen=True, slots=True)
class Chat:
    """A model that writes. `json_schema` says whether the server holds it to a schema, or only to JSON.

    `extra` is sent along as it stands, for switches that only one company has.
    """

    wire: Wire
    model: str
    price: Price
    json_schema: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Embedding:
    """A model that embeds."""

    wire: Wire
    model: str
    price: Price
    seconds: float = 0.3


class OpenAiCompatible:
    """A provider with a model that writes, one that embeds, or both. Threads may share it."""

    def __init__(
        self, name: str, *, where: Where, chat: Chat | None = None, embedding: Embedding | None = None
    ) -> None:
        self._name = name
        self._where = where
        self._chat = chat
        self._embedding = embedding

    @property
    def name(self) -> str:
        """As settings name it."""
        return self._name

    @property
    def where(self) -> Where:
        """Whether the words leave this machine."""
        return self._where

    def offers(self) -> tuple[Offer, ...]:
        """The writing model for every task but embedding, and the embedding model for that."""
        offers = []
        if self._embedding is not None:
            model = self._embedding
            offers.append(
                Offer(
                    TaskName.EMBED, model.model, model.model, price=model.price, seconds=model.seconds,
                    most_at_once=_MOST_TEXTS_AT_ONCE,
                )
            )  # fmt: skip
        if self._chat is not None:
            chat = self._chat
            version = f"{chat.model} {PROMPT_VERSION}"
            offers += [
                Offer(task, chat.model, version, price=chat.price, seconds=chat.seconds)
                for task in TaskName
                if task is not TaskName.EMBED
            ]
        return tuple(offers)

    def answer(
        self, task: Task, inputs: Sequence[Struct], *, model: str, timeout_seconds: float, complaint: str | None = None
    ) -> Sequence[Said]:
        """One chat per input, or one request for all vectors; all of it within the time."""
        until = time.monotonic() + timeout_seconds
        if task.name is TaskName.EMBED:
            if self._embedding is None or model != self._embedding.model:
                raise ProviderFailed("it has no such model", transient=False)
            return embedded(self._embedding, inputs, until=until)
        if self._chat is None or model != self._chat.model:
            raise ProviderFailed("it has no such model", transient=False)
        return [written(self._chat, task, given, until=until, complaint=complaint) for given in inputs]


def written(chat: Chat, task: Task, given: Struct, *, until: float, complaint: str | None = None) -> Said:
    """What the model wrote for one input; raises `ProviderFailed`."""
    asked = messages(task, given, complaint=complaint)
    shape: dict[str, Any] = {"type": "json_object"}
    if chat.json_schema:
        shape = {"type": "json_schema", "json_schema": {"name": task.name.value, "schema": schema_of(task)}}
    said = chat.wire.post(
        "/chat/completions",
        {
            "model": chat.model, "messages": asked, "response_format": shape, "temperature": 0,
            "max_tokens": most_tokens(task), "stream": False, **chat.extra,
        },
        until=until,
    )  # fmt: skip
    content = _content_of(said)
    tokens_in, tokens_out = _tokens_of(said, asked, content)
    return Said(unfenced(content).encode("utf-8", "replace"), tokens_in, tokens_out)


def unfenced(content: str) -> str:
    """What stands in a Markdown fence that is the whole answer. Prose around JSON is left as it is, and refused."""
    fenced = _FENCED.match(content)
    return fenced["inside"] if fenced else content


def embedded(model: Embedding, inputs: Sequence[Struct], *, until: float) -> list[Said]:
    """A vector of length one per text, in their order; raises `ProviderFailed`."""
    texts = [given.text for given in inputs if isinstance(given, PlainText)]
    if len(texts) != len(inputs):
        raise ProviderFailed("it embeds texts only", transient=False)
    said = model.wire.post(
        "/embeddings", {"model": model.model, "input": texts, "encoding_format": "float"}, until=until
    )
    rows = said.get("data") if isinstance(said, dict) else None
    if not isinstance(rows, list) or len(rows) != len(texts):
        raise ProviderFailed("it gave another number of vectors than it got texts", transient=True)
    vectors: dict[int, Vector] = {}
    for place, row in enumerate(rows):
        index = row.get("index", place) if isinstance(row, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(texts) or index in vectors:
            raise ProviderFailed("its vectors cannot be told apart", transient=True)
        vectors[index] = vector_of(row.get("embedding"))
    tokens, _ = _tokens_of(said, texts, "")
    # The request's tokens are counted once, with its first text.
    return [Said(vectors[place], tokens if place == 0 else 0, 0) for place in range(len(texts))]


def vector_of(numbers: Any) -> Vector:
    """The numbers as a vector of length one; `ProviderFailed` where they are none."""
    if not isinstance(numbers, list) or not numbers or not all(isinstance(one, int | float) for one in numbers):
        raise ProviderFailed("its vector is none", transient=True)
    length = math.sqrt(math.fsum(one * one for one in numbers))
    if not math.isfinite(length) or length < _FULL_LENGTH:
        raise ProviderFailed("its vector has no length", transient=True)
    return Vector(vector=tuple(one / length for one in numbers))


def _content_of(said: Any) -> str:
    choices = said.get("choices") if isinstance(said, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise ProviderFailed("its answer has another form than a chat's", transient=True)
    why = choice.get("finish_reason")
    if message.get("refusal"):
        raise ProviderFailed("the model refuses", transient=False)
    if why == "length":
        raise ProviderFailed("its answer was cut off", transient=False)
    if why == "content_filter":
        raise ProviderFailed("its filter held the answer back", transient=False)
    if why == "insufficient_system_resource":
        raise ProviderFailed("it ran out of resources", transient=True)
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise ProviderFailed("its answer is empty", transient=True)
    return content


def _tokens_of(said: Any, asked: object, content: str) -> tuple[int, int]:
    usage = said.get("usage") if isinstance(said, dict) else None
    usage = usage if isinstance(usage, dict) else {}
    told_in, told_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return (
        told_in if isinstance(told_in, int) and told_in >= 0 else _estimated(str(asked)),
        told_out if isinstance(told_out, int) and told_out >= 0 else _estimated(content),
    )


def _estimated(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_OF_A_TOKEN)
