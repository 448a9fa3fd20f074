"""What classifiers say, as answers of ours: topics from zero-shot labels, sentiment from positive and negative."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engagerr.core.ai.provider import ProviderFailed
from engagerr.core.ai.tasks import Piece, PlainText, Sentiment, Topic, Topics, TopicShare

if TYPE_CHECKING:
    from msgspec import Struct

# How a topic is named to a model that was never trained on our names.
TOPIC_LABELS: Mapping[str, Topic] = {
    "films and animation": Topic.FILM, "cars and vehicles": Topic.AUTOS, "music": Topic.MUSIC,
    "pets and animals": Topic.PETS, "sports": Topic.SPORTS, "travel and events": Topic.TRAVEL,
    "video games": Topic.GAMING, "people and everyday life": Topic.PEOPLE, "comedy": Topic.COMEDY,
    "entertainment and celebrities": Topic.ENTERTAINMENT, "news and politics": Topic.NEWS,
    "fashion, beauty, food and how-to": Topic.STYLE, "education": Topic.EDUCATION,
    "science and technology": Topic.TECHNOLOGY, "charity and activism": Topic.NONPROFITS,
    "television shows": Topic.SHOWS,
}  # fmt: skip
HYPOTHESIS = "This text is about {}."
_LEAST = 0.01
_WARM = {"positive": 1.0, "pos": 1.0, "neutral": 0.0, "neu": 0.0, "negative": -1.0, "neg": -1.0, "mixed": 0.0}
_STARS = {f"{n} star{'s' if n > 1 else ''}": (n - 3) / 2 for n in range(1, 6)}
# A classifier reads about 512 tokens; the rest would be cut by its tokenizer.
_MOST_CHARACTERS = 2_000


def text_of(given: Struct) -> str:
    """The words of an input, for a model that takes plain text."""
    if isinstance(given, PlainText):
        return given.text[:_MOST_CHARACTERS]
    if isinstance(given, Piece):
        parts = (given.title, ", ".join(given.tags), given.body or "")
        return "\n".join(part for part in parts if part)[:_MOST_CHARACTERS]
    raise ProviderFailed("it reads plain texts only", transient=False)


def topics_from(labels: Sequence[tuple[str, float]]) -> Topics:
    """Topics by what a zero-shot classifier says of `TOPIC_LABELS`."""
    if {name for name, _ in labels} != set(TOPIC_LABELS):
        raise ProviderFailed("it answered with other labels than it was asked for", transient=True)
    shares = sorted((TopicShare(topic=TOPIC_LABELS[name], probability=share) for name, share in labels), key=_by_share)
    kept = [share for share in shares if share.probability >= _LEAST] or shares[:1]
    return Topics(topics=tuple(kept))


def sentiment_from(labels: Sequence[tuple[str, float]]) -> Sentiment:
    """Sentiment by the shares of positive and negative, or of one to five stars."""
    warmth = _WARM | _STARS
    if not labels or any(name.casefold() not in warmth for name, _ in labels):
        raise ProviderFailed("its labels are neither positive and negative nor stars", transient=False)
    score = math.fsum(warmth[name.casefold()] * share for name, share in labels)
    return Sentiment(score=max(-1.0, min(1.0, score)), sure=max(share for _, share in labels))


def labels_of(said: Any) -> list[tuple[str, float]]:
    """Labels with their shares, of any form in which Hugging Face's endpoints and pipelines give them.

    [{label, score}], the same in a further list, or the older {labels: […], scores: […]}.
    """
    if isinstance(said, dict) and isinstance(said.get("labels"), list) and isinstance(said.get("scores"), list):
        said = [{"label": name, "score": share} for name, share in zip(said["labels"], said["scores"], strict=False)]
    if isinstance(said, list) and len(said) == 1 and isinstance(said[0], list):
        said = said[0]
    found = []
    for one in said if isinstance(said, list) else ():
        name, share = (one.get("label"), one.get("score")) if isinstance(one, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(share, int | float) or not 0 <= share <= 1.0001:
            raise ProviderFailed("its labels cannot be read", transient=True)
        found.append((name, min(1.0, float(share))))
    if not found:
        raise ProviderFailed("it gave no labels", transient=True)
    return found


def _by_share(share: TopicShare) -> tuple[float, str]:
    return -share.probability, share.topic
