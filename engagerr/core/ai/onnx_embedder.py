"""The embedder of the base install: MiniLM in integers on ONNX Runtime, with transformers' tokenizer. No torch."""

from __future__ import annotations

import importlib
import importlib.util
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.ai import text_batches
from engagerr.core.errors import Broken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.ai.embeddings import LocalModel, Progress

# The words of BERT (uncased), which MiniLM reads, as Google published them (Apache-2.0).
VOCABULARY = Path(__file__).with_name("bert_uncased_words.txt")
# What so many tokens need on their way through a layer stays in a core's own cache; larger batches take up to 1.6 times
# as long.
_TOKENS = 512


@dataclass(frozen=True, slots=True)
class _Loaded:
    tokenizer: Any
    session: Any
    padding: int
    unknown: int


class OnnxEmbedder:
    """MiniLM with weights and products of one byte, three to four times as quick as floats.

    Its graph is made in memory at the first text, from the file in the weights' package: nothing is written, so there
    is nothing to be half-written. Several threads may share one.
    """

    def __init__(self, model: LocalModel, *, version: str, threads: int | None = None) -> None:
        self._model = model
        # Threads that share a batch wait for each other, which is dear as soon as one of them waits for a core.
        self._threads = threads or max(1, (os.cpu_count() or 1) // 2)
        self._loading = threading.Lock()
        self.name = f"{model.model} {version}/int8-{model.recipe}"
        self.dimensions = model.dimensions

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> NDArray[np.float32]:
        """See `Embedder.embed`. A text counts up to 256 tokens."""
        return text_batches.embedded(texts, dimensions=self.dimensions, batches=self._batches, progress=progress)

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[str], NDArray[np.float32]]]:
        with self._loading:
            loaded = self._loaded
        found = loaded.tokenizer.encode_batch([text_batches.plain(text) for text in texts])
        tokens = [one.ids for one in found]
        for chosen in text_batches.by_length(tokens, tokens_at_once=_TOKENS):
            ids = text_batches.padded([tokens[place] for place in chosen], loaded.padding)
            yield [texts[place] for place in chosen], self._vectors(loaded, ids)

    @staticmethod
    def _vectors(loaded: _Loaded, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        import numpy as np

        there = ids != loaded.padding
        (means,) = loaded.session.run(["vectors"], {"ids": ids, "there": there.astype(np.int32)})
        vectors: NDArray[np.float32] = means / np.linalg.norm(means, axis=1, keepdims=True)
        vectors[text_batches.unreadable(ids, there, loaded.unknown)] = 0
        return vectors

    @cached_property
    def _loaded(self) -> _Loaded:
        from engagerr.core.ai.onnx_graph import minilm_graph

        runtime = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = runtime.InferenceSession(
            minilm_graph(_weights(self._model)), options, providers=["CPUExecutionProvider"]
        )
        tokenizer = _tokenizer(self._model.most_tokens)
        return _Loaded(tokenizer, session, tokenizer.token_to_id("[PAD]"), tokenizer.token_to_id("[UNK]"))


def _tokenizer(most_tokens: int) -> Any:
    """The quick half of transformers' BertTokenizer; what texts say stays text, also where it reads like "[SEP]"."""
    # transformers says at its import that torch is missing, to people who did not ask for it.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    tokenizer = importlib.import_module("transformers").BertTokenizer(str(VOCABULARY)).backend_tokenizer
    tokenizer.no_padding()
    tokenizer.enable_truncation(most_tokens)
    tokenizer.encode_special_tokens = True
    return tokenizer


def _weights(model: LocalModel) -> Path:
    found = importlib.util.find_spec(model.module)
    folders = None if found is None else found.submodule_search_locations
    path = Path(next(iter(folders))) / "model.onnx" if folders else None
    if path is None or not path.is_file():
        raise Broken(f"The package {model.package} has no weights in it.", hint=f"Install {model.package} again.")
    return path
