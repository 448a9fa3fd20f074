"""What a piece is about, by its words: a linear model over terms and packaged lists. docs/model-card-topics.md."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from importlib.resources import files

from engagerr.core.ai.floor.topic_model import TopicModel, read_model
from engagerr.core.ai.tasks import Piece, Topics

_MADE = json.loads((files(__package__) / "topic_model.json").read_text(encoding="utf-8"))
VERSION: str = _MADE["version"]
# Macro-F1 over the categories present, channels apart.
QUALITY: float | None = _MADE["quality"]


def answer(inputs: Sequence[Piece]) -> list[Topics]:
    """Topics of each piece, best first. One that says nothing has the topics that are usual, with low probabilities."""
    model = _model()
    return model.answers(model.scores(inputs))


@functools.cache
def _model() -> TopicModel:
    return read_model((files(__package__) / "topic_model.npz").read_bytes())
