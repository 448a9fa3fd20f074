"""Models that run on this machine: text embeddings, and a cache of them by what was embedded."""

from engagerr.core.ai.embedding_cache import embed_cached, known_embeddings, store_embeddings
from engagerr.core.ai.embeddings import Embedder, local_embedder, local_embedders

__all__ = [
    "Embedder",
    "embed_cached",
    "known_embeddings",
    "local_embedder",
    "local_embedders",
    "store_embeddings",
]
