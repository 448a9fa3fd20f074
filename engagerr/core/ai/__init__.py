"""Models that run on this machine: text embeddings, and a cache of them by what was embedded."""

from engagerr.core.ai.embedding_cache import embed_cached, known_embeddings, store_embeddings
from engagerr.core.ai.embeddings import Embedder, local_embedder, local_embedders
from engagerr.core.ai.meaning import meaning_vectors

__all__ = [
    "Embedder",
    "embed_cached",
    "known_embeddings",
    "local_embedder",
    "local_embedders",
    "meaning_vectors",
    "store_embeddings",
]
