"""How pieces of content are found to belong together: block → compare → score → assign → explain.

`detect` is the whole; each step has a file of its name, to be read in this order.
"""

from engagerr.core.content.detection.detect import detect
from engagerr.core.content.detection.pieces import Detection, FoundEdge, Judgements, Piece, ScoredPair
from engagerr.core.content.detection.scoring import Model, RelationModel, read_model, shipped_model

__all__ = [
    "Detection",
    "FoundEdge",
    "Judgements",
    "Model",
    "Piece",
    "RelationModel",
    "ScoredPair",
    "detect",
    "read_model",
    "shipped_model",
]
