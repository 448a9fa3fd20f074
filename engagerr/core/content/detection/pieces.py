"""What goes into detection and what comes out of it: pieces of content, and the edges found between them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engagerr.core.content.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Piece:
    """All that detection may see of an item.

    `show` is whose work it is (a creator): only pieces of one show are compared, and words weigh what they are worth
    within it. `links` are the things that the item points at, as (platform, native id) or ("website", page).
    `hints` are what the platform or feed said: "episode", "season", "chapters" and the like. Empty is unknown.
    """

    id: Hashable
    show: Hashable
    platform: str
    account: str
    native_id: str
    kind: str | None = None
    title: str | None = None
    body: str | None = None
    url: str | None = None
    published_at: datetime | None = None
    duration_seconds: float | None = None
    language: str | None = None
    links: tuple[tuple[str, str], ...] = ()
    hints: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundEdge:
    """A relation that the evidence speaks for: `child` is, for example, a clip_of `parent` (ids of pieces).

    `confidence` is the probability that it is right; the weights of the evidence add up to it. `state` is the band:
    auto_confirmed (stands until a person objects) or suggested (a question).
    """

    child: Hashable
    parent: Hashable
    relation: str
    confidence: float
    state: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """A pair that was compared, and how probable the relation is; what calibration is measured on."""

    one: Hashable
    other: Hashable
    relation: str
    probability: float


@dataclass(frozen=True, slots=True)
class Judgements:
    """What is judged elsewhere: pairs (of ids) that people said do not belong together, the parent and relation of
    pieces that are settled, and pairs whose links were weighed already and are not to be counted twice."""

    rejected: frozenset[frozenset[Hashable]] = frozenset()
    linked: frozenset[frozenset[Hashable]] = frozenset()
    parents: Mapping[Hashable, tuple[Hashable, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Detection:
    """What one run found. `settled` are the pieces that were looked at in full: all, or with a focus those around it.

    `pairs` is every pair that blocking let through, with its score (only when asked for).
    """

    edges: tuple[FoundEdge, ...]
    pieces: int
    compared: int
    settled: frozenset[Hashable] = frozenset()
    pairs: tuple[ScoredPair, ...] = ()
