"""How pieces of content are found to belong together: block → compare → score → assign → explain.

`detect` is the whole and the file to begin with. Then, in this order: `words` and `corpus` (what is known of each
piece), `blocking` (which pairs), `comparing` and `cuts` with `likeness`, `contradicting` and `habits` (how alike),
`scoring` with `contests` (how probable), `settled` (what is decided already), `assigning` (who with whom), `hanging`
and `explaining` (the edges, and why). `training` makes the model.
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
