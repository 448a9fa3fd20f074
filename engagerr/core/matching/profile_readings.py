"""What models read in the recent pieces of creators: topics, languages, tone, and what brands may mind."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engagerr.core.ai.tasks import Language, Piece, PlainText, Safety, Sentiment, Topics
from engagerr.core.matching.profile_figures import NOT_OBSERVED, Sheet
from engagerr.core.matching.profile_reading import RECENT_PIECES
from engagerr.core.matching.topic_names import STATED_PROBABILITY, named_topic

if TYPE_CHECKING:
    import pandas as pd

NO_MODEL = "no_model"
# A language of fewer of the pieces is a guest, or a mistake.
_LEAST_LANGUAGE_SHARE = 0.15
_LEAST_SURE = 0.5
_SEVERE = 2


@dataclass(frozen=True, slots=True)
class Readers:
    """One model a task; None where there is none, and then nothing is claimed."""

    topic: Callable[[Sequence[Piece]], Sequence[Topics]] | None = None
    language: Callable[[Sequence[PlainText]], Sequence[Language]] | None = None
    sentiment: Callable[[Sequence[PlainText]], Sequence[Sentiment]] | None = None
    safety: Callable[[Sequence[Piece]], Sequence[Safety]] | None = None


def floor_readers() -> Readers:
    """The models that come with Engagerr: deterministic, without a network."""
    return Readers(*(_answering(name) for name in ("topic", "language", "sentiment", "safety")))


def _answering(name: str) -> Callable[[Any], Any] | None:
    try:
        module = importlib.import_module(f"engagerr.core.ai.floor.{name}")
    except ModuleNotFoundError:
        return None
    answer: Callable[[Any], Any] = module.answer
    return answer


def read_into(
    sheets: Mapping[str, Sheet], pieces: pd.DataFrame, readers: Readers, stated: Mapping[str, Sequence[str]]
) -> None:
    """Read the recent pieces that have a title and put what they say onto their creators' sheets."""
    recent = pieces[(pieces["place"] <= RECENT_PIECES) & pieces["title"].notna()]
    columns = ("creator_id", "title", "tags", "language")
    rows = [row for row in zip(*(recent[name] for name in columns), strict=True) if row[1].strip()]
    whose = [row[0] for row in rows]
    asked = [Piece(title=title, tags=tags_of(tags)) for _, title, tags, _ in rows]
    texts = [PlainText(text=piece.title) for piece in asked]
    _topics(sheets, whose, readers.topic(asked) if readers.topic else None, stated)
    _sentiment(sheets, whose, readers.sentiment(texts) if readers.sentiment else None)
    _safety(sheets, whose, readers.safety(asked) if readers.safety else None)
    _languages(sheets, whose, [_stated(row[3]) for row in rows], texts, readers)


def tags_of(found: Any) -> tuple[str, ...]:
    """The tags of a piece, as its hints have them."""
    return tuple(str(tag) for tag in found) if isinstance(found, list) else ()


def _stated(language: Any) -> str | None:
    """`en-US` and `en` are one language."""
    return language.split("-")[0].split("_")[0].lower() if isinstance(language, str) and language else None


def _gathered(whose: Sequence[str], answers: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for creator, answer in zip(whose, answers, strict=True):
        found.setdefault(creator, []).append(answer)
    return found


def _topics(
    sheets: Mapping[str, Sheet],
    whose: Sequence[str],
    answers: Sequence[Topics] | None,
    stated: Mapping[str, Sequence[str]],
) -> None:
    """Mean probabilities over the pieces; what the roster states of a creator counts as likely, whatever they say."""
    told = _gathered(whose, answers or [None] * len(whose)) if answers is not None else {}
    for creator, sheet in sheets.items():
        sums: Counter[str] = Counter()
        own = told.get(creator, [])
        for answer in own:
            for share in answer.topics:
                sums[share.topic.value] += share.probability
        shares = {topic: round(total / len(own), 4) for topic, total in sums.items() if total / len(own) >= 0.01}
        for topic in filter(None, map(named_topic, stated.get(creator, ()))):
            shares[topic.value] = max(shares.get(topic.value, 0.0), STATED_PROBABILITY)
        shares = dict(sorted(shares.items(), key=lambda share: (-share[1], share[0])))
        sheet.values["topic_shares"] = shares
        state = NO_MODEL if answers is None else NOT_OBSERVED
        sheet.put("main_topic", next(iter(shares), None), state)


def _sentiment(sheets: Mapping[str, Sheet], whose: Sequence[str], answers: Sequence[Sentiment] | None) -> None:
    told = _gathered(whose, answers) if answers is not None else {}
    for creator, sheet in sheets.items():
        own = told.get(creator, [])
        weight = sum(answer.sure for answer in own)
        mean = sum(answer.score * answer.sure for answer in own) / weight if weight else None
        sheet.put("sentiment", mean, NO_MODEL if answers is None else NOT_OBSERVED)


def _safety(sheets: Mapping[str, Sheet], whose: Sequence[str], answers: Sequence[Safety] | None) -> None:
    told = _gathered(whose, answers) if answers is not None else {}
    for creator, sheet in sheets.items():
        own = told.get(creator, [])
        flags: Counter[str] = Counter()
        for answer in own:
            flags.update({finding.flag.value for finding in answer.findings})
        sheet.values["safety"] = {flag: round(count / len(own), 4) for flag, count in flags.most_common()}
        unsafe = sum(any(finding.severity >= _SEVERE for finding in answer.findings) for answer in own)
        sheet.put("unsafe_share", unsafe / len(own) if own else None, NO_MODEL if answers is None else NOT_OBSERVED)


def _languages(
    sheets: Mapping[str, Sheet],
    whose: Sequence[str],
    stated: Sequence[str | None],
    texts: Sequence[PlainText],
    readers: Readers,
) -> None:
    """What the source says of a piece, else what the model says if it is sure."""
    languages = list(stated)
    open_places = [place for place, language in enumerate(stated) if language is None]
    if readers.language is not None and open_places:
        for place, answer in zip(open_places, readers.language([texts[one] for one in open_places]), strict=True):
            languages[place] = answer.language if answer.probability >= _LEAST_SURE else None
    told = _gathered(whose, languages)
    for creator, sheet in sheets.items():
        known = Counter(language for language in told.get(creator, []) if language)
        found = [one for one, count in known.most_common() if count / known.total() >= _LEAST_LANGUAGE_SHARE]
        unread = readers.language is None and creator in told
        sheet.put("content_languages", found or None, NO_MODEL if unread else NOT_OBSERVED)
