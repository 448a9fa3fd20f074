"""Any `transformers` model that lies on this machine, by its folder or by a name in the local cache. Nothing is
fetched, no code of a model is run (`trust_remote_code` stays off), and weights are read from safetensors only.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.ai.provider import Offer, ProviderFailed, Said, Where
from engagerr.core.ai.providers.labels import HYPOTHESIS, TOPIC_LABELS, labels_of, sentiment_from, text_of, topics_from
from engagerr.core.ai.providers.openai_compatible import unfenced
from engagerr.core.ai.providers.prompt import PROMPT_VERSION, messages, most_tokens
from engagerr.core.ai.tasks import Task, TaskName

if TYPE_CHECKING:
    from msgspec import Struct

_NEEDED = ("torch", "transformers")
_WRITES = tuple(task for task in TaskName if task is not TaskName.EMBED)


@dataclass(frozen=True, slots=True)
class LocalModels:
    """The models that settings name, each a folder or a name in the cache; None is none."""

    topic: str | None = None
    sentiment: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """A model on this machine: what it is called, where it lies, and a version that changes with its files."""

    model: str
    folder: Path
    version: str


class LocalTransformers:
    """The provider `transformers`. One call at a time: a model takes all cores that it may have."""

    def __init__(self, models: LocalModels, *, threads: int | None = None) -> None:
        self._models = models
        self._threads = threads
        self._loaded: dict[tuple[str, Path], Any] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Always transformers."""
        return "transformers"

    @property
    def where(self) -> Where:
        """Nothing leaves this machine."""
        return Where.HERE

    def offers(self) -> tuple[Offer, ...]:
        """The models that are named and there; none where the extra is not installed."""
        if any(importlib.util.find_spec(module) is None for module in _NEEDED):
            return ()
        offers = []
        for task, named in ((TaskName.TOPIC, self._models.topic), (TaskName.SENTIMENT, self._models.sentiment)):
            if (found := _found(named)) is not None:
                offers.append(Offer(task, found.model, found.version, seconds=0.5))
        if (found := _found(self._models.text)) is not None:
            version = f"{found.version} {PROMPT_VERSION}"
            offers += [Offer(task, found.model, version, seconds=10.0) for task in _WRITES]
        return tuple(offers)

    def answer(
        self, task: Task, inputs: Sequence[Struct], *, model: str, timeout_seconds: float, complaint: str | None = None
    ) -> Sequence[Said]:
        """By the model that is named."""
        until = time.monotonic() + timeout_seconds
        if not self._lock.acquire(timeout=timeout_seconds):
            raise ProviderFailed("it is busy with another text", transient=True)
        try:
            return [self._one(task, given, model, until, complaint) for given in inputs]
        except (OSError, ValueError, RuntimeError, ImportError, KeyError) as error:
            # Their words may quote the text.
            raise ProviderFailed(f"the model on this machine fails ({type(error).__name__})", transient=False) from None
        finally:
            self._lock.release()

    def _one(self, task: Task, given: Struct, model: str, until: float, complaint: str | None) -> Said:
        if time.monotonic() >= until:
            raise ProviderFailed("it does not answer in time", transient=True)
        topic, sentiment, text = _found(self._models.topic), _found(self._models.sentiment), _found(self._models.text)
        if task.name is TaskName.TOPIC and topic is not None and model == topic.model:
            said = self._pipeline("zero-shot-classification", topic)(
                text_of(given), list(TOPIC_LABELS), hypothesis_template=HYPOTHESIS, multi_label=False
            )
            return Said(topics_from(labels_of(said)))
        if task.name is TaskName.SENTIMENT and sentiment is not None and model == sentiment.model:
            return Said(
                sentiment_from(
                    labels_of(
                        self._pipeline("text-classification", sentiment)(text_of(given), top_k=None, truncation=True)
                    )
                )
            )
        if text is not None and model == text.model and task.name in _WRITES:
            return self._written(task, given, text, until, complaint)
        raise ProviderFailed("it has no such model", transient=False)

    def _written(self, task: Task, given: Struct, found: _Found, until: float, complaint: str | None) -> Said:
        tokenizer, model = self._writer(found)
        chat = messages(task, given, complaint=complaint)
        if tokenizer.chat_template:
            prompt = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        else:
            prompt = "\n\n".join(message["content"] for message in chat) + "\n"
        tokens = tokenizer(prompt, return_tensors="pt", add_special_tokens=not tokenizer.chat_template)
        room = getattr(model.config, "max_position_embeddings", None)
        asked = int(tokens["input_ids"].shape[1])
        most = most_tokens(task) if room is None else min(most_tokens(task), room - asked)
        if most <= 0:
            raise ProviderFailed("the text is too long for it", transient=False)
        with importlib.import_module("torch").inference_mode():
            # `max_time` ends the writing, so that no thread goes on after the router has left.
            out = model.generate(
                **tokens.to(model.device),
                max_new_tokens=most,
                do_sample=False,
                max_time=max(0.01, until - time.monotonic()),
                pad_token_id=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
            )[0][asked:]
        if time.monotonic() >= until:
            raise ProviderFailed("it does not answer in time", transient=True)
        written = tokenizer.decode(out, skip_special_tokens=True)
        return Said(unfenced(written).encode("utf-8", "replace"), asked, len(out))

    def _writer(self, found: _Found) -> tuple[Any, Any]:
        key = ("text-generation", found.folder)
        if key not in self._loaded:
            self._loaded[key] = self._read(importlib.import_module("transformers").AutoModelForCausalLM, found)
        tokenizer, model = self._loaded[key]
        return tokenizer, model

    def _pipeline(self, kind: str, found: _Found) -> Any:
        key = (kind, found.folder)
        if key not in self._loaded:
            transformers = importlib.import_module("transformers")
            tokenizer, model = self._read(transformers.AutoModelForSequenceClassification, found)
            self._loaded[key] = transformers.pipeline(kind, model=model, tokenizer=tokenizer)
        return self._loaded[key]

    def _read(self, kind: Any, found: _Found) -> tuple[Any, Any]:
        if self._threads is not None:
            importlib.import_module("torch").set_num_threads(self._threads)
        here: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        tokenizer = importlib.import_module("transformers").AutoTokenizer.from_pretrained(found.folder, **here)
        model = kind.from_pretrained(found.folder, use_safetensors=True, **here)
        model.eval()
        return tokenizer, model


def _found(named: str | None) -> _Found | None:
    """The model that settings name, if it lies on this machine."""
    if named is None:
        return None
    folder = Path(named).expanduser()
    config = folder / "config.json" if folder.is_dir() else _cached(named)
    if config is None or not config.is_file():
        return None
    files = sorted(config.parent.glob("*.safetensors"))
    digest = hashlib.blake2b(config.read_bytes(), digest_size=6)
    for file in files:
        stat = file.stat()
        digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    if not files:
        return None
    model = folder.name if folder.is_dir() else named
    return _Found(model, config.parent, f"{model} {digest.hexdigest()}")


@functools.lru_cache(maxsize=8)
def _cached(named: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(named, "config.json")
    except HFValidationError:
        return None
    return Path(path) if isinstance(path, str) else None
