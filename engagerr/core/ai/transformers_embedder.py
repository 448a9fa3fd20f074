"""Embeddings by small transformer models on this machine: the mean of the last layer's tokens, of length one."""

from __future__ import annotations

import importlib
import importlib.util
import os
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.ai.e5_file import E5File
from engagerr.core.ai.embeddings import LocalModel, Progress
from engagerr.core.ai.plain_sentences import PLAIN_SENTENCES

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

_BATCH = 64
# Tokens are made for so many texts at a time, so that a million texts do not all stand in memory as tokens.
_SLICE = 64 * _BATCH


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A model with its tokenizer. `states` takes ids and a mask of shape (texts, tokens) and gives the last layer."""

    tokenizer: Any
    prepared: Callable[[str], str]
    states: Callable[[Any, Any], Any]
    device: Any
    padding: int
    unknown: int


class TransformersEmbedder:
    """One of `LOCAL_MODELS`, run by transformers' own BertModel; never asks a model hub.

    On processors that multiply bfloat16 themselves it is used (twice as fast; cosines change by less than 0.01), else
    float32. Several threads may share one: their batches take turns.
    """

    def __init__(self, model: LocalModel, *, version: str, threads: int | None = None) -> None:
        self._model = model
        # Threads that share a batch wait for each other, which is dear as soon as one of them waits for a core.
        self._threads = threads or max(1, (os.cpu_count() or 1) // 2)
        self._turn = threading.Lock()
        self.name = f"{model.model} {version}/{model.recipe}"
        self.dimensions = model.dimensions

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> NDArray[float32]:
        """See `Embedder.embed`. A text counts up to the model's length: 256 tokens, or 512 of the multilingual one."""
        import numpy as np

        places: dict[str, list[int]] = {}
        for place, text in enumerate(texts):
            if text.strip():
                places.setdefault(text, []).append(place)
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        done = len(texts) - sum(map(len, places.values()))
        # By length, longest first: a batch is padded to its longest text, and the dearest batch shows first.
        once = sorted(places, key=len, reverse=True)
        for start in range(0, len(once), _SLICE):
            for batch, vectors in self._batches(once[start : start + _SLICE]):
                for text, vector in zip(batch, self._apart(vectors), strict=True):
                    rows[places[text]] = vector
                    done += len(places[text])
                if progress is not None:
                    progress(done, len(texts))
        return rows

    @cached_property
    def _loaded(self) -> _Loaded:
        # The weights are on this disk. Said before the first import, because the hub's client reads it only then.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        found = importlib.util.find_spec(self._model.module)
        assert found is not None
        assert found.submodule_search_locations is not None
        folder = Path(next(iter(found.submodule_search_locations)))
        if self._model.name == "multilingual":
            return _e5(E5File(folder / "e5-small-q4.bin"), self._model.most_tokens)
        return _minilm(folder / "model", self._model.most_tokens)

    def _apart(self, vectors: NDArray[float32]) -> NDArray[float32]:
        """Without what all texts have in common, where that is most of a vector: unlike texts would look alike."""
        import numpy as np

        if self._in_common is None:
            return vectors
        read = vectors.any(axis=1)
        vectors[read] -= self._in_common
        vectors[read] /= np.linalg.norm(vectors[read], axis=1, keepdims=True)
        return vectors

    @cached_property
    def _in_common(self) -> NDArray[float32] | None:
        import numpy as np

        if self._model.name != "multilingual":
            return None
        mean: NDArray[float32] = np.concatenate([found for _, found in self._batches(PLAIN_SENTENCES)]).mean(axis=0)
        return mean

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[str], NDArray[float32]]]:
        loaded = self._loaded
        tokens = [found.ids for found in loaded.tokenizer.encode_batch([loaded.prepared(text) for text in texts])]
        order = sorted(range(len(texts)), key=lambda place: len(tokens[place]), reverse=True)
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            yield [texts[place] for place in chosen], self._vectors([tokens[place] for place in chosen])

    def _vectors(self, tokens: Sequence[Sequence[int]]) -> NDArray[float32]:
        import numpy as np

        torch = importlib.import_module("torch")
        loaded = self._loaded
        ids = np.full((len(tokens), max(map(len, tokens))), loaded.padding, dtype=np.int64)
        for row, text in zip(ids, tokens, strict=True):
            row[: len(text)] = text
        mask = ids != loaded.padding
        with self._turn, self._bounded_threads(torch), torch.inference_mode():
            there = torch.from_numpy(mask).to(loaded.device)
            states = loaded.states(ids, there).float() * there[..., None]
            means = states.sum(1) / there.sum(1, keepdim=True)
            vectors: NDArray[float32] = torch.nn.functional.normalize(means, dim=1).cpu().numpy()
        # Words outside the vocabulary all look the same: texts made of them would seem alike, whatever they say. The
        # same holds of texts without a word (a begin and an end are always there).
        words = mask.sum(1) - 2
        vectors[((ids == loaded.unknown).sum(1) > words / 2) | (words == 0)] = 0
        return vectors

    @contextmanager
    def _bounded_threads(self, torch: Any) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _minilm(folder: Path, most_tokens: int) -> _Loaded:
    import json

    transformers, tokenizers = importlib.import_module("transformers"), importlib.import_module("tokenizers")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = importlib.import_module("safetensors.torch").load_file(str(folder / "model.safetensors"))
    model = transformers.BertModel(transformers.BertConfig(**config), add_pooling_layer=False)
    wanted = model.state_dict()
    model.load_state_dict({name: weight for name, weight in weights.items() if name in wanted})
    model, device = _ready(model)
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(most_tokens)

    def states(ids: Any, mask: Any) -> Any:
        torch = importlib.import_module("torch")
        return model(input_ids=torch.from_numpy(ids).to(device), attention_mask=mask).last_hidden_state

    return _Loaded(tokenizer, _plain, states, device, tokenizer.token_to_id("[PAD]"), tokenizer.token_to_id("[UNK]"))


def _e5(file: E5File, most_tokens: int) -> _Loaded:
    torch, transformers = importlib.import_module("torch"), importlib.import_module("transformers")
    config = transformers.BertConfig(
        vocab_size=1, hidden_size=file.width, num_hidden_layers=file.layers, num_attention_heads=file.heads,
        intermediate_size=file.inner, max_position_embeddings=file.positions, type_vocab_size=file.types,
        layer_norm_eps=file.epsilon, pad_token_id=0,
    )  # fmt: skip
    model = transformers.BertModel(config, add_pooling_layer=False)
    weights = {name: torch.from_numpy(weight) for name, weight in file.weights().items()}
    # The words' vectors are looked up in the file; the model's own table is left with one row that nobody asks for.
    weights["embeddings.word_embeddings.weight"] = torch.zeros(1, file.width)
    model.load_state_dict(weights)
    model, device = _ready(model)

    def states(ids: Any, mask: Any) -> Any:
        words = torch.from_numpy(file.words(ids)).reshape(*ids.shape, file.width)
        return model(inputs_embeds=words.to(device, model.dtype), attention_mask=mask).last_hidden_state

    def prepared(text: str) -> str:
        words = _plain(text).translate(file.characters).strip()
        # The model learnt with this word before every text that is compared with its like (its authors' model card).
        return f"query: {words}" if words else ""

    return _Loaded(_e5_tokenizer(file, most_tokens), prepared, states, device, file.padding, file.unknown)


def _e5_tokenizer(file: E5File, most_tokens: int) -> Any:
    tokenizers = importlib.import_module("tokenizers")
    pieces = importlib.import_module("tokenizers.models").Unigram(file.vocabulary, unk_id=file.unknown)
    tokenizer = tokenizers.Tokenizer(pieces)
    tokenizer.normalizer = tokenizers.normalizers.Replace(tokenizers.Regex(" {2,}"), " ")
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    begin, end = file.vocabulary[file.begin][0], file.vocabulary[file.end][0]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{begin} $A {end}", special_tokens=[(begin, file.begin), (end, file.end)]
    )
    tokenizer.enable_truncation(most_tokens)
    return tokenizer


def _ready(model: Any) -> tuple[Any, Any]:
    """The model for use and where it stands: on the GPU if there is one; in bfloat16 where that is quick."""
    torch = importlib.import_module("torch")
    if torch.cuda.is_available():
        device, quick = torch.device("cuda"), bool(torch.cuda.is_bf16_supported(including_emulation=False))
    else:
        able = torch.cpu.get_capabilities()
        device, quick = torch.device("cpu"), bool(able.get("amx_bf16") or able.get("avx512_bf16"))
    return model.eval().to(device, torch.bfloat16 if quick else torch.float32), device


def _plain(text: str) -> str:
    """Decorated and full-width letters as plain ones; without what is no text and what tokenizers refuse or take for a
    word: halves of surrogate pairs, and NUL.
    """
    return unicodedata.normalize("NFKC", text.replace("\x00", "").encode("utf-8", "replace").decode())
