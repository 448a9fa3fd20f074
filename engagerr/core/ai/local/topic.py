"""What a piece is about, by its words and their meaning: the floor's features and vectors of the english embedder."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from engagerr.core.ai.floor.topic_features import tags_of
from engagerr.core.ai.floor.topic_model import TopicModel, read_model
from engagerr.core.ai.tasks import Piece, Topics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.ai.embeddings import Embedder

_MADE = json.loads((files(__package__) / "topic_model.json").read_text(encoding="utf-8"))
VERSION: str = _MADE["version"]
# Macro-F1 over the categories present, channels apart.
QUALITY: float | None = _MADE["quality"]
# Whose vectors the head was trained on; to those of others it is blind.
EMBEDDER: str = _MADE["embedder"]
_TAG_CHARACTERS, _TAG_CHARACTERS_BESIDE_A_TITLE = 400, 300


def answer(inputs: Sequence[Piece], embedder: Embedder) -> list[Topics]:
    """Topics of each piece, best first. `embedder` is the english one: the head was trained on its vectors."""
    if not inputs:
        return []
    model = _model()
    return model.answers(model.scores(inputs) + vectors(inputs, embedder) @ model.vector_weights)


def vectors(pieces: Sequence[Piece], embedder: Embedder) -> NDArray[np.float32]:
    """What the head sees of each piece: the vectors of its title, its tags, both, and its channel's name."""
    import numpy as np

    texts = [text for piece in pieces for text in _texts(piece)]
    return embedder.embed(texts).reshape(len(pieces), -1).astype(np.float32, copy=False)


def _texts(piece: Piece) -> tuple[str, ...]:
    tags = ", ".join(tags_of(piece))
    both = f"{piece.title}. {tags[:_TAG_CHARACTERS_BESIDE_A_TITLE]}"
    return piece.title, tags[:_TAG_CHARACTERS], both, piece.channel or ""


@functools.cache
def _model() -> TopicModel:
    return read_model((files(__package__) / "topic_model.npz").read_bytes())
