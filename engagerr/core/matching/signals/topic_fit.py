"""Topic fit: whether the recent pieces are about what the brief is about, by topic, by word and by meaning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engagerr.core.matching.signals.signal import Asked, Reading, Shown, SignalKind, always, known, profile_row
from engagerr.core.matching.topic_names import STATED_PROBABILITY, named_topic, said_in, stems

if TYPE_CHECKING:
    from engagerr.core.matching.signals.signal import Columns, Values

# Of the value, what the topics of the pieces make; the rest is how near the words are. Chosen on training channels of
# scripts/bench/bench_matching.py.
_BY_TOPIC = 0.5
_TOPICS_READ = 3
_LEAST_SHOWN = 0.05
_LEAST_ASKED = 0.15


def _reads(asked: Asked) -> Reading:
    chosen = sorted(asked.topics, key=lambda topic: (-asked.topics[topic], topic))[:_TOPICS_READ]
    columns = {f"topic_{topic}": f"(profile.topic_shares ->> '{topic.value}')::float8" for topic in chosen}
    # A profile that has topics at all has every likely one: what it leaves out is under a hundredth.
    columns["has_topics"] = "(profile.topic_shares <> '{}')::int::float8"
    return Reading(columns | {"main_topic": "profile.main_topic", "stated": "profile.topics"})


def _subject(asked: Asked) -> frozenset[str]:
    """The words that say what the brief is about: its text, too, if it names no category; texts say much in passing."""
    brief = asked.brief
    said = brief.words if not brief.category else " ".join((brief.title, brief.category, *brief.must))
    return stems(said)


def _values(asked: Asked, columns: Columns) -> Values:
    import numpy as np

    by_topic = _by_topic(asked, columns)
    by_text = columns["text_fit"]
    both = _BY_TOPIC * by_topic + (1 - _BY_TOPIC) * by_text
    return np.where(np.isnan(by_topic), by_text, np.where(np.isnan(by_text), by_topic, both))


def _by_topic(asked: Asked, columns: Columns) -> Values:
    import numpy as np

    # Whose own topics, as the roster has them, are the very words of the brief: nothing speaks more plainly.
    brief = _subject(asked)
    itself = np.array([said_in(brief, stated or ()) is not None for stated in columns["stated"]], dtype=bool)
    read = {topic: name for topic in asked.topics if (name := f"topic_{topic}") in columns}
    if not read:
        return np.where(itself, 1.0, np.nan)
    most = max(asked.topics[topic] for topic in read)
    fit = sum(asked.topics[topic] * np.nan_to_num(columns[name]) for topic, name in read.items()) / most
    return np.where(itself, 1.0, np.where(columns["has_topics"] > 0, np.clip(fit, 0, 1), np.nan))


def _shows(asked: Asked, row: Mapping[str, Any]) -> tuple[Shown, ...]:
    stated = {named_topic(words): words for words in row.get("stated") or ()}
    found = []
    if (words := said_in(_subject(asked), row.get("stated") or ())) is not None:
        found.append(Shown("topic", f"creators/{row['creator_id']}#topics", f"the roster says “{words}”, as the brief"))
    for topic in sorted(asked.topics, key=lambda topic: (-asked.topics[topic], topic)):
        share = row.get(f"topic_{topic}")
        if asked.topics[topic] < _LEAST_ASKED or share is None or not share >= _LEAST_SHOWN:  # also of NaN
            continue
        if topic in stated and math.isclose(share, STATED_PROBABILITY):
            if stated[topic] == words:
                continue
            found.append(Shown("topic", f"creators/{row['creator_id']}#topics", f"the roster says “{stated[topic]}”"))
        else:
            found.append(Shown("topic", profile_row(row, "topic_shares"), f"{share:.0%} {topic} in the recent pieces"))
    if not found and known(row.get("main_topic")):
        found.append(Shown("topic", profile_row(row, "main_topic"), f"mostly about {row['main_topic']}"))
    if known(row.get("similarity")):
        detail = f"likeness of the words' meaning {row['similarity']:.2f} of 1"
        found.append(Shown("meaning", f"creator_vectors/{row['creator_id']}", detail))
    if known(row.get("lexical")) and row["lexical"] > 0:
        found.append(Shown("words", profile_row(row, "words"), "words of the brief stand in titles or bio"))
    if not found and known(row.get("lexical")):
        found.append(Shown("words", profile_row(row, "words"), "no word of the brief stands in titles or bio"))
    return tuple(found)


TOPIC_FIT = SignalKind(
    name="topic_fit",
    meaning="the recent pieces are about what the brief is about",
    weight=0.40,
    applies=always,
    reads=_reads,
    values=_values,
    shows=_shows,
    figure="main_topic",
)
