"""Models that run on this machine: text embeddings, and a cache of them by what was embedded."""

from engagerr.core.ai.embedding_cache import (
    KeptSpace,
    embed_cached,
    keep_only,
    kept_space,
    known_embeddings,
    store_embeddings,
    unknown_texts,
)
from engagerr.core.ai.embeddings import (
    Embedder,
    VectorSpace,
    chosen_embedder,
    default_embedder,
    embedder_of_space,
    local_embedder,
    local_embedders,
)
from engagerr.core.ai.hybrid import LetterIndex, fuse
from engagerr.core.ai.meaning import CHARACTERS_OF_A_TEXT, meaning_texts, meaning_vectors

__all__ = [
    "CHARACTERS_OF_A_TEXT",
    "Embedder",
    "KeptSpace",
    "LetterIndex",
    "VectorSpace",
    "chosen_embedder",
    "default_embedder",
    "embed_cached",
    "embedder_of_space",
    "fuse",
    "keep_only",
    "kept_space",
    "known_embeddings",
    "local_embedder",
    "local_embedders",
    "meaning_texts",
    "meaning_vectors",
    "store_embeddings",
    "unknown_texts",
]
