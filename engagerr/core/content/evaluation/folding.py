"""Where judging meets the model: which shows the shipped one has seen, and a new one for a show that is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engagerr.core.content.evaluation.groups import GroupSet

if TYPE_CHECKING:
    from engagerr.core.content.evaluation.evaluation import Detector


def shows_of_shipped_model() -> frozenset[str] | None:
    """The shows in the shipped model's training data, as its file says; None where it says nothing."""
    return None


def train_without(sets: Sequence[GroupSet], show: str) -> Detector:
    """A detector whose model has seen every show of the sets but this one."""
    raise NotImplementedError
