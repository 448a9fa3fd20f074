"""Hugging Face's Inference Providers: a model that writes through the router, classifiers and embedders beside it.

Addresses and forms: https://huggingface.co/docs/inference-providers and huggingface_hub's `hf_inference` provider.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engagerr.core.ai.provider import Offer, Price, ProviderFailed, Said, Where
from engagerr.core.ai.providers.labels import HYPOTHESIS, TOPIC_LABELS, labels_of, sentiment_from, text_of, topics_from
from engagerr.core.ai.providers.openai_compatible import Chat, OpenAiCompatible, vector_of
from engagerr.core.ai.providers.wire import Wire, checked_address
from engagerr.core.ai.tasks import PlainText, Task, TaskName

if TYPE_CHECKING:
    import httpx
    from msgspec import Struct

_VECTORS_AT_ONCE = 32
# These endpoints count no tokens and bill time; four letters are about a token.
_LETTERS_OF_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Models:
    """The models of Hugging Face that settings name; a task without one is not offered."""

    chat: str
    price: Price
    topic: str | None = None
    sentiment: str | None = None
    embedding: str | None = None


class HuggingFace:
    """The provider `huggingface`. Threads may share it."""

    def __init__(self, *, key: str, url: str, models: Models, transport: httpx.BaseTransport | None = None) -> None:
        base = checked_address(url, setting="ai.huggingface_url")
        self._models = models
        self._inference = Wire(f"{base}/hf-inference/models", key=key, transport=transport)
        chat = Chat(Wire(f"{base}/v1", key=key, transport=transport), models.chat, models.price)
        self._chat = OpenAiCompatible("huggingface", where=Where.ELSEWHERE, chat=chat)

    @property
    def name(self) -> str:
        """As settings name it."""
        return "huggingface"

    @property
    def where(self) -> Where:
        """The words leave this machine."""
        return Where.ELSEWHERE

    def offers(self) -> tuple[Offer, ...]:
        """A model made for the task comes before the one that writes."""
        models, price = self._models, Price(self._models.price.micro_usd_in)
        made_for = (
            (TaskName.EMBED, models.embedding, _VECTORS_AT_ONCE),
            (TaskName.TOPIC, models.topic, 1),
            (TaskName.SENTIMENT, models.sentiment, 1),
        )
        return (
            *(
                Offer(task, model, model, price=price, seconds=0.5, most_at_once=most)
                for task, model, most in made_for
                if model is not None
            ),
            *self._chat.offers(),
        )

    def answer(
        self, task: Task, inputs: Sequence[Struct], *, model: str, timeout_seconds: float, complaint: str | None = None
    ) -> Sequence[Said]:
        """By the model that is named; all of it within the time."""
        until = time.monotonic() + timeout_seconds
        if task.name is TaskName.EMBED and model == self._models.embedding:
            return self._embedded(inputs, model, until)
        if task.name is TaskName.TOPIC and model == self._models.topic:
            return [self._topics(given, model, until) for given in inputs]
        if task.name is TaskName.SENTIMENT and model == self._models.sentiment:
            return [self._sentiment(given, model, until) for given in inputs]
        return self._chat.answer(task, inputs, model=model, timeout_seconds=timeout_seconds, complaint=complaint)

    def _topics(self, given: Struct, model: str, until: float) -> Said:
        text = text_of(given)
        parameters = {"candidate_labels": list(TOPIC_LABELS), "hypothesis_template": HYPOTHESIS, "multi_label": False}
        said = self._inference.post(f"/{model}", {"inputs": text, "parameters": parameters}, until=until)
        return Said(topics_from(labels_of(said)), _tokens(text) * len(TOPIC_LABELS))

    def _sentiment(self, given: Struct, model: str, until: float) -> Said:
        text = text_of(given)
        said = self._inference.post(f"/{model}", {"inputs": text, "parameters": {"top_k": 5}}, until=until)
        return Said(sentiment_from(labels_of(said)), _tokens(text))

    def _embedded(self, inputs: Sequence[Struct], model: str, until: float) -> list[Said]:
        texts = [given.text for given in inputs if isinstance(given, PlainText)]
        body = {"inputs": texts, "normalize": True, "truncate": True}
        said = self._inference.post(f"/{model}/pipeline/feature-extraction", body, until=until)
        if not isinstance(said, list) or len(said) != len(inputs) or len(texts) != len(inputs):
            raise ProviderFailed("it gave another number of vectors than it got texts", transient=True)
        return [Said(vector_of(numbers), _tokens(text)) for numbers, text in zip(said, texts, strict=True)]


def _tokens(text: str) -> int:
    return -(-len(text) // _LETTERS_OF_A_TOKEN)
