"""Where judging meets the model: which shows the shipped one has seen, and a new one for a show that is left out."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from engagerr.core.content.detection.pieces import Piece
from engagerr.core.content.evaluation.gold import Gold
from engagerr.core.content.evaluation.groups import GroupSet

if TYPE_CHECKING:
    from engagerr.core.content.evaluation.evaluation import Detector


def shows_of_shipped_model() -> frozenset[str]:
    """The shows that the shipped model was trained on, as its file says."""
    from engagerr.core.content.detection.scoring import shipped_model

    return frozenset(shipped_model().trained_on)


def shipped_version() -> str:
    """The version of the shipped model."""
    from engagerr.core.content.detection.scoring import shipped_model

    return shipped_model().version


def train_without(sets: Sequence[GroupSet], show: str) -> Detector:
    """A detector whose model has seen every show of the sets but this one."""
    from engagerr.core.content.detection import detect
    from engagerr.core.content.detection.training import train

    pieces_by_show: dict[Hashable, list[Piece]] = defaultdict(list)
    for one in sets:
        for piece in one.pieces:
            pieces_by_show[str(piece.show)].append(piece)
    model = train(pieces_by_show, gold_of_all(sets), leave_out=show)
    return functools.partial(detect, model=model)


def gold_of_all(sets: Sequence[GroupSet]) -> Gold:
    """The answers of several sets as one. A piece is in one set only, and so is a work."""
    works: dict[Hashable, int] = {}
    families: dict[Hashable, int] = {}
    cuts: dict[Hashable, int] = {}
    for labels, name in ((works, "works"), (families, "families"), (cuts, "cuts")):
        for one in sets:
            own = getattr(one.gold, name)
            begin = max(labels.values(), default=-1) + 1
            labels |= {piece: begin + label for piece, label in own.items()}
    parents = {child: told for one in sets for child, told in one.gold.parents.items()}
    return Gold(works, parents, frozenset(pair for one in sets for pair in one.gold.apart), families, cuts)
