"""The light models of the base install as a provider: an embedder, and small classifiers; no torch, no network."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from engagerr.core.ai.provider import Offer, ProviderFailed, Said, Where
from engagerr.core.ai.tasks import PlainText, Task, TaskName, Vector

if TYPE_CHECKING:
    from msgspec import Struct

    from engagerr.core.ai.embeddings import Embedder

_MODELS = "engagerr.core.ai.local"
_AT_ONCE = 64


class Local:
    """The provider `local`. `embedder` opens the embedder at the first need, or gives None where there is none.

    The lock keeps two threads from opening it twice.
    """

    def __init__(self, embedder: Callable[[], Embedder | None]) -> None:
        self._open = embedder
        self._lock = threading.Lock()
        self._opened: Embedder | None = None
        self._looked = False

    @property
    def name(self) -> str:
        """Always local."""
        return "local"

    @property
    def where(self) -> Where:
        """Nothing leaves this machine."""
        return Where.HERE

    def offers(self) -> tuple[Offer, ...]:
        """The embedder, and each classifier of this installation that was trained on its vectors."""
        if (embedder := self._embedder()) is None:
            return ()
        offers = [Offer(TaskName.EMBED, embedder.name, embedder.name, seconds=0.01, most_at_once=_AT_ONCE)]
        for task in TaskName:
            if (model := _model(task)) is not None and embedder.name == model.EMBEDDER:
                version, quality = str(model.VERSION), model.QUALITY
                offers.append(Offer(task, task.value, version, quality, seconds=0.005, most_at_once=_AT_ONCE))
        return tuple(offers)

    def answer(
        self,
        task: Task,
        inputs: Sequence[Struct],
        *,
        model: str,  # noqa: ARG002  one for each task
        timeout_seconds: float,  # noqa: ARG002  milliseconds; the router bounds it
        complaint: str | None = None,  # noqa: ARG002  it says the same again
    ) -> Sequence[Said]:
        """The model's answers."""
        if task.name is TaskName.EMBED:
            return self._embedded(inputs)
        classifier, embedder = _model(task.name), self._embedder()
        if classifier is None or embedder is None or embedder.name != classifier.EMBEDDER:
            raise ProviderFailed("it has no model for this task", transient=False)
        return [Said(said) for said in classifier.answer(inputs, embedder)]

    def _embedded(self, inputs: Sequence[Struct]) -> list[Said]:
        embedder = self._embedder()
        texts = [given.text for given in inputs if isinstance(given, PlainText)]
        if embedder is None or len(texts) != len(inputs):
            raise ProviderFailed("it has no model for this task", transient=False)
        return [Said(Vector(vector=tuple(row.tolist()))) for row in embedder.embed(texts)]

    def _embedder(self) -> Embedder | None:
        with self._lock:
            if not self._looked:
                self._opened, self._looked = self._open(), True
            return self._opened


@functools.cache
def _model(task: TaskName) -> ModuleType | None:
    name = f"{_MODELS}.{task.value}"
    try:
        return importlib.import_module(name) if importlib.util.find_spec(name) is not None else None
    except ModuleNotFoundError:  # the classifier's runtime is not part of this installation
        return None
