"""What models are asked for: each task's name, its input and output, what it may cost and what it may see.

Inputs and outputs are msgspec structs: whatever a provider says is decoded strictly into the output's type, or refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]
# Long texts are cut by whoever asks; this is the limit that a provider may rely on.
MOST_CHARACTERS = 20_000


class TaskName(StrEnum):
    """The tasks, as commands and settings name them."""

    EMBED = "embed"
    TOPIC = "topic"
    LANGUAGE = "language"
    SENTIMENT = "sentiment"
    SAFETY = "safety"
    SUMMARY = "summary"
    BRIEF = "brief"
    CLAUSES = "clauses"
    MATCH_REASON = "match_reason"
    PITCH = "pitch"


class CostClass(StrEnum):
    """What one answer takes: `light` runs over every item, `text` over one page, `writing` makes new text."""

    LIGHT = "light"
    TEXT = "text"
    WRITING = "writing"


class PrivacyClass(StrEnum):
    """Whose words a task sees: `public` posts, `internal` names and figures, `confidential` contracts and rates."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"


class Topic(StrEnum):
    """What a piece is about: the categories of YouTube, which every platform's pieces are sorted into."""

    FILM = "film"
    AUTOS = "autos"
    MUSIC = "music"
    PETS = "pets"
    SPORTS = "sports"
    TRAVEL = "travel"
    GAMING = "gaming"
    PEOPLE = "people"
    COMEDY = "comedy"
    ENTERTAINMENT = "entertainment"
    NEWS = "news"
    STYLE = "style"
    EDUCATION = "education"
    TECHNOLOGY = "technology"
    NONPROFITS = "nonprofits"
    SHOWS = "shows"


# https://developers.google.com/youtube/v3/docs/videoCategories: ids of the United States.
YOUTUBE_CATEGORIES: Mapping[int, Topic] = {
    1: Topic.FILM, 2: Topic.AUTOS, 10: Topic.MUSIC, 15: Topic.PETS, 17: Topic.SPORTS, 19: Topic.TRAVEL,
    20: Topic.GAMING, 22: Topic.PEOPLE, 23: Topic.COMEDY, 24: Topic.ENTERTAINMENT, 25: Topic.NEWS, 26: Topic.STYLE,
    27: Topic.EDUCATION, 28: Topic.TECHNOLOGY, 29: Topic.NONPROFITS, 43: Topic.SHOWS,
}  # fmt: skip


class SafetyFlag(StrEnum):
    """What brands ask to keep away from: the categories of the Brand Safety Floor and Suitability Framework."""

    ADULT = "adult"
    ARMS = "arms"
    CRIME = "crime"
    DEATH_OR_INJURY = "death_or_injury"
    HATE = "hate"
    PROFANITY = "profanity"
    DRUGS = "drugs"
    ALCOHOL_OR_TOBACCO = "alcohol_or_tobacco"
    GAMBLING = "gambling"
    SPAM = "spam"
    TERRORISM = "terrorism"
    SENSITIVE_NEWS = "sensitive_news"
    MISINFORMATION = "misinformation"


class _Frozen(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Values; an unknown field is refused, as nobody knows what it was meant to say."""


class Piece(_Frozen, frozen=True):
    """A post, a video, an episode: as much of its text as there is."""

    title: str
    tags: tuple[str, ...] = ()
    body: str | None = None
    channel: str | None = None


class PlainText(_Frozen, frozen=True):
    """Any text."""

    text: str


class Vector(_Frozen, frozen=True):
    """An embedding of length one."""

    vector: tuple[float, ...]


class TopicShare(_Frozen, frozen=True):
    """How likely a topic is."""

    topic: Topic
    probability: Share


class Topics(_Frozen, frozen=True):
    """Topics by probability, best first; they need not add up to one, as those under a hundredth are left out."""

    topics: Annotated[tuple[TopicShare, ...], Meta(min_length=1)]


class Language(_Frozen, frozen=True):
    """A language as its ISO 639-1 code; None where the text is too short to tell."""

    language: Annotated[str, Meta(pattern="^[a-z]{2,3}$")] | None
    probability: Share


class Sentiment(_Frozen, frozen=True):
    """From -1 (hostile) over 0 (neutral or not known) to 1 (warm). `sure` is how far to trust it."""

    score: Annotated[float, Meta(ge=-1, le=1)]
    sure: Share


class SafetyFinding(_Frozen, frozen=True):
    """One thing that a brand may mind, with the words that show it, as they stand in the text."""

    flag: SafetyFlag
    severity: Annotated[int, Meta(ge=1, le=3)]
    words: str


class Safety(_Frozen, frozen=True):
    """What was found; nothing found is an empty tuple and no promise."""

    findings: tuple[SafetyFinding, ...]


class Summary(_Frozen, frozen=True):
    """At most three sentences."""

    summary: Annotated[str, Meta(min_length=1, max_length=1200)]


class BriefText(_Frozen, frozen=True):
    """A brief as a person wrote it, and today's date, because "next spring" needs one."""

    text: str
    today: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class StructuredBrief(_Frozen, frozen=True):
    """What a brief asks for. What it does not say is None or empty, never a guess."""

    title: str
    category: Topic | None = None
    platforms: tuple[str, ...] = ()
    countries: tuple[Annotated[str, Meta(pattern="^[A-Z]{2}$")], ...] = ()
    languages: tuple[Annotated[str, Meta(pattern="^[a-z]{2,3}$")], ...] = ()
    followers_min: Annotated[int, Meta(ge=0)] | None = None
    followers_max: Annotated[int, Meta(ge=0)] | None = None
    budget_minor: Annotated[int, Meta(ge=0)] | None = None
    budget_currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None
    deliverables: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    window_from: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    window_to: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None


class ClauseKind(StrEnum):
    """The clauses that a creator contract turns on."""

    DELIVERABLES = "deliverables"
    USAGE_RIGHTS = "usage_rights"
    EXCLUSIVITY = "exclusivity"
    REVISIONS = "revisions"
    KILL_FEE = "kill_fee"
    PAYMENT = "payment"
    DISCLOSURE = "disclosure"
    TERM = "term"
    RENEWAL = "renewal"
    LIABILITY = "liability"
    LAW = "law"


class Clause(_Frozen, frozen=True):
    """One clause: what it is, its words as they stand, and what hurts in it ("perpetual", "net 90"), if anything."""

    kind: ClauseKind
    words: str
    concern: str | None = None


class Clauses(_Frozen, frozen=True):
    """The clauses that were found, in the order of the text."""

    clauses: tuple[Clause, ...]


class ReasonSignal(_Frozen, frozen=True):
    """A signal of a match as the score used it. `value` is None where it is unknown."""

    name: str
    value: Share | None
    weight: Annotated[float, Meta(ge=0)]
    state: str
    evidence: tuple[str, ...] = ()


class MatchFacts(_Frozen, frozen=True):
    """What an explanation may speak of, and nothing else."""

    creator: str
    brief: str
    score: Share
    signals: tuple[ReasonSignal, ...]


class Reason(_Frozen, frozen=True):
    """Why a creator fits or does not, in at most five sentences that name only what the facts say."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


class PitchFacts(_Frozen, frozen=True):
    """What a pitch may speak of: no internal rates, no notes."""

    creator: str
    brief: str
    brief_text: str
    strengths: tuple[str, ...] = ()
    language: str = "en"


class Pitch(_Frozen, frozen=True):
    """A message that a person reads before it goes out."""

    subject: Annotated[str, Meta(min_length=1, max_length=200)]
    body: Annotated[str, Meta(min_length=1, max_length=4000)]


@dataclass(frozen=True, slots=True)
class Task:
    """A task: what goes in, what comes out, and its classes. `instruction` is what a hosted model is told."""

    name: TaskName
    takes: type[Struct]
    gives: type[Struct]
    cost: CostClass
    privacy: PrivacyClass
    instruction: str

    @property
    def schema(self) -> dict[str, object]:
        """The JSON schema of the output."""
        return msgspec.json.schema(self.gives)


_TASKS = (
    Task(TaskName.EMBED, PlainText, Vector, CostClass.LIGHT, PrivacyClass.PUBLIC, "Embed the text."),
    Task(
        TaskName.TOPIC, Piece, Topics, CostClass.LIGHT, PrivacyClass.PUBLIC,
        "Say which topics the piece is about, with a probability each, best first, at most three.",
    ),
    Task(
        TaskName.LANGUAGE, PlainText, Language, CostClass.LIGHT, PrivacyClass.PUBLIC,
        "Say in which language the text is written (ISO 639-1), or null if it is too short to tell.",
    ),
    Task(
        TaskName.SENTIMENT, PlainText, Sentiment, CostClass.LIGHT, PrivacyClass.PUBLIC,
        "Say how warm (1) or hostile (-1) the text is towards what it speaks of; 0 is neutral.",
    ),
    Task(
        TaskName.SAFETY, Piece, Safety, CostClass.LIGHT, PrivacyClass.PUBLIC,
        "List what an advertiser may not want to stand beside; quote the words that show it. Severity: 1 mentioned in"
        " passing or reported on, 2 a theme of the piece, 3 promoted or shown in an extreme form.",
    ),
    Task(
        TaskName.SUMMARY, PlainText, Summary, CostClass.TEXT, PrivacyClass.INTERNAL,
        "Summarise the text in at most three sentences, in its own language. Add nothing.",
    ),
    Task(
        TaskName.BRIEF, BriefText, StructuredBrief, CostClass.TEXT, PrivacyClass.INTERNAL,
        "Fill the fields from the brief. Leave out what the brief does not say. Money in minor units.",
    ),
    Task(
        TaskName.CLAUSES, PlainText, Clauses, CostClass.TEXT, PrivacyClass.CONFIDENTIAL,
        "List the clauses of the contract with their words, and name what hurts the creator in a clause, if anything.",
    ),
    Task(
        TaskName.MATCH_REASON, MatchFacts, Reason, CostClass.WRITING, PrivacyClass.INTERNAL,
        "Say in at most five sentences why the creator fits the brief or not. Use only the facts; say what is unknown.",
    ),
    Task(
        TaskName.PITCH, PitchFacts, Pitch, CostClass.WRITING, PrivacyClass.INTERNAL,
        "Draft a short message to the creator about the brief, in the language given. Promise nothing beyond it.",
    ),
)  # fmt: skip
TASKS: Mapping[TaskName, Task] = {task.name: task for task in _TASKS}
