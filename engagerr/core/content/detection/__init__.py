"""How pieces of content are found to belong together: block → compare → score → assign → explain."""

from engagerr.core.content.detection.pieces import Detection, FoundEdge, Piece, ScoredPair

__all__ = ["Detection", "FoundEdge", "Piece", "ScoredPair"]
