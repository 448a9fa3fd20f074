"""Matching: how well briefs find the right creators, against BM25 and plain cosine in the same run; and how fast.

Channels of a file of trending videos become creators with their pieces. The label of a video (its category) is what the
briefs are written for, and is not shown to anybody: a creator is right for a brief if most of their pieces have its
category. Channels are split by name. Whatever is fitted (the classifier of topics) is fitted on one part, and the other
part is asked.

Three ways to answer see the same words of brief and creator: BM25 over titles and tags, cosine of the embeddings, and
`Matching.find` as it ships. Briefs are asked with their category named, as briefs do, and without.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import statistics
import sys
import time
import tomllib
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(SCRIPTS.parent), str(SCRIPTS)]

from engagerr import Engagerr  # noqa: E402
from engagerr.core.ai.tasks import Piece, Topics  # noqa: E402
from engagerr.core.matching.brief_file import brief_of  # noqa: E402
from engagerr.core.matching.matching import Matching  # noqa: E402
from engagerr.core.matching.profile_readings import floor_readers  # noqa: E402
from engagerr.core.matching.profiles import Profiles  # noqa: E402
from matching_crowd import write_crowd  # noqa: E402
from measuring import APP, Limit, arguments, finish, say, spread, step, temporary_home  # noqa: E402

import topics_training as training  # noqa: E402

BRIEFS = Path(__file__).parent / "matching_briefs.toml"
DATA = SCRIPTS.parent.parent / "shared/data/youtube_meta/us_trending_2017_sep_oct.csv"
K = 10


def is_asked(channel: str, part: int) -> bool:
    """Whether the channel is in the part that is asked; the split is by name alone."""
    return hashlib.sha256(channel.encode()).digest()[0] % 2 == part


def write_interchange(path: Path, found: Mapping[str, Sequence[training.Labelled]]) -> None:
    """The channels as creators and items, without their categories."""
    with path.open("w", encoding="utf-8") as target:
        for number, (channel, pieces) in enumerate(found.items()):
            handle = f"@channel{number}"
            creator = {"type": "creator", "name": channel, "accounts": [{"platform": "youtube", "handle": handle}]}
            target.write(json.dumps(creator) + "\n")
            for place, one in enumerate(pieces):
                item = {
                    "type": "item", "creator": channel, "platform": "youtube", "account": handle,
                    "native_id": f"v{number}-{place}", "kind": "long_video", "title": one.piece.title,
                    "hints": {"tags": list(one.piece.tags)},
                }  # fmt: skip
                target.write(json.dumps(item) + "\n")


def ndcg(ranked: Sequence[str], right: set[str]) -> float:
    """nDCG at K with one for a right creator and nothing for a wrong one."""
    gained = sum(1 / math.log2(place + 2) for place, name in enumerate(ranked[:K]) if name in right)
    best = sum(1 / math.log2(place + 2) for place in range(min(K, len(right))))
    return gained / best if best else 0.0


def bm25(documents: Mapping[str, str], *, k1: float = 1.2, b: float = 0.75) -> Callable[[str], list[str]]:
    """Okapi BM25 over words, as Lucene scores it."""

    def words(text: str) -> list[str]:
        return re.findall(r"\w+", text.lower())

    counts = {name: Counter(words(text)) for name, text in documents.items()}
    length = {name: sum(count.values()) for name, count in counts.items()}
    mean = sum(length.values()) / len(length)
    holders = Counter(word for count in counts.values() for word in count)

    def ranked(query: str) -> list[str]:
        def score(name: str) -> float:
            total = 0.0
            for word in set(words(query)):
                if (count := counts[name][word]) == 0:
                    continue
                idf = math.log(1 + (len(counts) - holders[word] + 0.5) / (holders[word] + 0.5))
                total += idf * count * (k1 + 1) / (count + k1 * (1 - b + b * length[name] / mean))
            return total

        return sorted(counts, key=lambda name: (-score(name), name))

    return ranked


def cosine(documents: Mapping[str, str], embedder: Any) -> Callable[[str], list[str]]:
    """The embedding of all that a creator says against that of the brief."""
    names = sorted(documents)
    vectors = embedder.embed([documents[name] for name in names])

    def ranked(query: str) -> list[str]:
        [vector] = embedder.embed([query])
        alike = vectors @ vector
        return [names[place] for place in sorted(range(len(names)), key=lambda place: (-alike[place], names[place]))]

    return ranked


def classifier(labelled: Sequence[training.Labelled]) -> Callable[[Sequence[Piece]], list[Topics]]:
    """The classifier of topics as it ships, learnt from these pieces alone."""
    warnings.simplefilter("ignore")  # a category with fewer videos than folds
    model = training.fit(labelled)
    return lambda pieces: model.answers(model.scores(pieces))


def measure(part: int, labelled: Sequence[training.Labelled], briefs: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """nDCG at K of each way and brief, asked of one part; keys are (way, whether the category was named)."""
    found: dict[str, list[training.Labelled]] = defaultdict(list)
    for one in labelled:
        found[one.channel].append(one)
    asked = {name: pieces for name, pieces in found.items() if is_asked(name, part)}
    topics = {name: Counter(one.topic for one in pieces).most_common(1)[0][0] for name, pieces in asked.items()}
    documents = {
        name: ". ".join(f"{one.piece.title} {' '.join(one.piece.tags)}" for one in pieces)
        for name, pieces in asked.items()
    }
    with step(f"learning topics from {len(found) - len(asked)} channels"):
        classify = classifier([one for one in labelled if not is_asked(one.channel, part)])
    scores: dict[Any, list[float]] = defaultdict(list)
    with temporary_home() as home, Engagerr.open(home=home.path) as engagerr:
        work = engagerr.init("North")
        interchange = home.path / "channels.jsonl"
        write_interchange(interchange, asked)
        work.ingestion.import_file(interchange)
        readers = replace(floor_readers(), topic=classify)
        profiles = Profiles(work.access, lambda: readers)
        matching = Matching(
            work.access, profiles=profiles, ai=lambda: Answers(classify), embedder=lambda: engagerr.meaning
        )  # type: ignore[arg-type]
        with step(f"profiles and vectors of {len(asked)} creators"):
            matching.prepare()
        embedder = engagerr.meaning
        assert embedder is not None
        ways = {"bm25": bm25(documents), "cosine": cosine(documents, embedder)}
        for one in briefs:
            right = {name for name, topic in topics.items() if topic == one["category"]}
            if not right:
                continue
            for named in (True, False):
                brief = brief_of(dict(one) if named else {key: one[key] for key in ("title", "text")})
                for way, ranked in ways.items():
                    scores[way, named].append(ndcg(ranked(brief.words), right))
                matches = matching.find(brief, limit=K).results
                scores["matching", named].append(ndcg([match.creator for match in matches], right))
    return dict(scores)


class Answers:
    """What `Matching` asks of models here: the topics of a brief."""

    def __init__(self, classify: Callable[[Sequence[Piece]], list[Topics]]) -> None:
        self._classify = classify

    def run(self, _task: object, pieces: Sequence[Piece]) -> Any:
        """Topics, in the shape of a batch of answers."""
        outputs = [SimpleNamespace(output=topics) for topics in self._classify(pieces)]
        return SimpleNamespace(answers=outputs)


# What a manager asks of many: most of them break it, thousands do not.
WIDE = {
    "title": "Trail running shoes, spring launch", "text": "Runners who climb, hike and show their trail.",
    "category": "sports", "platforms": ["youtube"], "countries": ["DE", "AT", "US", "GB"],
    "languages": ["de", "en"], "followers": {"min": 20_000, "max": 500_000},
    "audience": [{"dimension": "country", "value": "DE", "share_min": 0.3}], "must_not": ["gambling"],
    "budget": {"minor": 600_000, "currency": "EUR"}, "deliverables": ["youtube_integration"],
}  # fmt: skip
FILTERED = (
    "platform = youtube and country in DE, AT, US, GB and language in de, en and youtube.followers >= 20000"
    " and youtube.followers <= 500000 and audience.country.DE >= 30% and rate.youtube_integration.EUR <= 6000"
)


# The same as one statement, as plain as it can be written.
BARE = """
SELECT creator_id, name, followers FROM creator_profiles
WHERE tenant_id = %s AND platforms && '{youtube}' AND country IN ('DE', 'AT', 'US', 'GB') AND languages && '{de,en}'
  AND (by_platform #>> '{youtube,followers}')::bigint BETWEEN 20000 AND 500000
  AND (audience #>> '{country,DE}')::float8 >= 0.3 AND (rates #>> '{youtube_integration,EUR}')::bigint <= 600000
ORDER BY followers DESC, creator_id LIMIT 20
"""


def speed(creators: int, rounds: int) -> tuple[Limit, dict[str, Any]]:
    """A brief over so many creators, with what shows each result, against one search with its hard constraints."""
    with temporary_home() as home, Engagerr.open(home=home.path) as engagerr:
        work = engagerr.init("North")
        embedder = engagerr.meaning
        assert embedder is not None
        write_crowd(home, work.tenant.id, creators, embedder.name)
        brief = brief_of(WIDE)
        passed = 0
        took: dict[str, list[float]] = defaultdict(list)
        with home.connect(APP) as connection:
            connection.execute("SELECT set_config('engagerr.tenant_id', %s, false)", [str(work.tenant.id)])

            def bare() -> None:
                connection.execute(BARE, [work.tenant.id]).fetchall()

            def search() -> None:
                work.search.creators(FILTERED, sort="-followers", limit=20)

            def match() -> None:
                nonlocal passed
                passed = work.matching.find(brief, limit=20).passed

            for place in range(rounds + 1):
                for ask in (bare, search, match):
                    started = time.perf_counter()
                    ask()
                    if place:  # the first one loads models and fills caches
                        took[ask.__name__].append(time.perf_counter() - started)
    ratios = [one / other for one, other in zip(took["match"], took["bare"], strict=True)]
    limit = Limit(
        f"a brief over {creators:,} creators / one filtered query", statistics.median(ratios), at_most=20,
        figures={f"{name}_seconds": spread(seconds) for name, seconds in took.items()},
    )  # fmt: skip
    return limit, {"passed": passed}


def main() -> None:
    """Measure quality on both parts, then speed at size."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--file", type=Path, default=DATA, help="trending videos with categories, as CSV")
    parser.add_argument("--briefs", type=Path, default=BRIEFS)
    parser.add_argument("--creators", type=int, default=100_000, help="for the speed; 0 leaves it out")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--speed-only", action="store_true")
    told = parser.parse_args()
    if told.speed_only:
        limit, also = speed(told.creators, told.rounds)
        finish("matching", [limit], sizes={"creators": told.creators}, also=also, assert_limits=told.assert_limits)
    briefs = tomllib.loads(told.briefs.read_text(encoding="utf-8"))["brief"]
    labelled = training.read_trending(told.file)
    scores: dict[Any, list[float]] = defaultdict(list)
    for part in (0, 1):
        say(f"part {part}")
        for key, values in measure(part, labelled, briefs).items():
            scores[key] += values
    means = {f"{way}{'' if named else ', category not named'}": statistics.mean(values)
             for (way, named), values in scores.items()}  # fmt: skip
    limits = [
        Limit(
            f"nDCG@{K} above {way}{'' if named else ', category not named'}",
            statistics.mean(scores["matching", named]) - statistics.mean(scores[way, named]),
            at_least=0.10,
        )
        for named in (True, False)
        for way in ("bm25", "cosine")
    ]
    if told.creators:
        limit, _ = speed(told.creators, told.rounds)
        limits.append(limit)
    finish(
        "matching", limits, sizes={"videos": len(labelled), "briefs": len(briefs)},
        also={"ndcg": {name: round(value, 3) for name, value in means.items()}}, assert_limits=told.assert_limits,
    )  # fmt: skip


if __name__ == "__main__":
    main()
