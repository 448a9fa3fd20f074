"""From links between two items to a claim: which is the child, how they are related, how sure, and why.

Only explicit evidence is read here: what a platform or a person wrote down. Each piece carries its weight in the
confidence, so that a person can see what the claim rests on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

AUTO_CONFIRM = 0.95
LEAST_SUGGESTED = 0.3
# Evidence that somebody wrote down, in contrast to what is alike.
EXPLICIT = frozenset({"platform_hint", "alternate_enclosure", "canonical_url", "link"})
# What items of these kinds can be in a family: cuts, wholes, and words or pictures about something else.
SHORT_KINDS = frozenset({"short_video", "reel", "clip", "short"})
LONG_KINDS = frozenset({"long_video", "episode", "live", "audio"})
POST_KINDS = frozenset({"post", "image", "carousel", "story"})
SHORT_SECONDS = 180  # up to here a piece of no kind is a short one
# Of two renditions of one work the earlier in this list is the parent: an episode is where a work begins.
_HOMES = (
    "podcast", "youtube", "twitch", "bilibili", "niconico", "vimeo", "spotify", "apple_podcasts", "facebook",
    "instagram", "tiktok", "x", "linkedin", "website",
)  # fmt: skip
_CUES = (
    "full episode",
    "full video",
    "full interview",
    "full conversation",
    "watch the full",
    "listen to the full",
    "ganze folge",
    "ganzes video",
    "vollständige folge",
    "episodio completo",
    "vídeo completo",
    "épisode complet",
)


@dataclass(frozen=True, slots=True)
class LinkedItem:
    """What the rules look at in an item."""

    id: UUID
    platform: str
    kind: str | None
    title: str | None
    body: str | None
    published_at: datetime | None
    duration_seconds: float | None
    native_id: str = ""

    @property
    def is_short(self) -> bool:
        """A clip, reel or short: by kind, else by length."""
        if self.kind is not None:
            return self.kind in SHORT_KINDS
        return self.duration_seconds is not None and 0 < self.duration_seconds <= SHORT_SECONDS

    @property
    def is_long(self) -> bool:
        """An episode, a long video, a stream: by kind, else by length."""
        if self.kind is not None:
            return self.kind in LONG_KINDS
        return self.duration_seconds is not None and self.duration_seconds > SHORT_SECONDS

    @property
    def is_post(self) -> bool:
        """Words or pictures about something else."""
        return self.kind in POST_KINDS


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for a claim, in words, with what it adds to or takes from the confidence (0 to 1)."""

    kind: str
    detail: str
    weight: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A relation between two items that evidence speaks for.

    It stands by itself from the confidence `certain_from`, unless it is to be asked about in any case. `written` says
    that it rests (also) on what somebody wrote down. Of claims that are equally sure the first by `order` goes before
    the others: the names of its ends, so that it does not matter which arrived first.
    """

    child_id: UUID
    parent_id: UUID
    relation: str
    confidence: float
    evidence: tuple[Evidence, ...]
    asked: bool = False
    certain_from: float = AUTO_CONFIRM
    written: bool = True
    order: str = ""

    @property
    def state(self) -> str:
        """Sure enough to stand until a person objects, or a question to a person."""
        return "auto_confirmed" if self.confidence >= self.certain_from and not self.asked else "suggested"


def home_rank(platform: str) -> int:
    """How near a platform is to where works begin, 0 the nearest."""
    return _HOMES.index(platform) if platform in _HOMES else len(_HOMES)


def judge(source: LinkedItem, target: LinkedItem, *, found_in: str, detail: str, rivals: int) -> Claim | None:
    """What one link says. `rivals` counts the other known items that `source` links to in the same way."""
    if found_in == "hint":
        return _claim(source, target, "clip_of", [Evidence("platform_hint", detail, 1.0)])
    if found_in == "alternate_enclosure":
        parent, child = _by_home(source, target)
        named = Evidence("alternate_enclosure", f"the feed names {detail} as the same episode", 0.99)
        return _claim(child, parent, "same_work", [named])
    if found_in == "canonical":
        parent, child = _by_home(source, target)
        return _claim(child, parent, "same_work", [Evidence("canonical_url", f"its own page is {detail}", 0.96)])
    return _judge_link(source, target, detail, rivals)


def _judge_link(source: LinkedItem, target: LinkedItem, url: str, rivals: int) -> Claim | None:
    alone = (
        [] if rivals == 0 else [Evidence("rivals", f"it links to {rivals} more known items", -min(0.5, 0.15 * rivals))]
    )
    if source.is_post or (source.is_short and not target.is_long):
        return _claim(source, target, "promotes", [Evidence("link", f"the post links to {url}", 0.96), *alone])
    if source.is_short:
        pieces = [Evidence("link", f"the short's text links to {url}", 0.8)]
        cue = next((cue for cue in _CUES if cue in (source.body or source.title or "").casefold()), None)
        if cue:
            pieces.append(Evidence("wording", f"its text says “{cue}”", 0.12))
        if source.duration_seconds and target.duration_seconds:
            pieces.append(
                Evidence(
                    "duration",
                    f"{source.duration_seconds:,.0f} s against {target.duration_seconds:,.0f} s: a part of it",
                    0.05,
                )
            )
        return _claim(source, target, "clip_of", [*pieces, *alone])
    if source.is_long and target.is_short:
        # The long one points at its clip: the same claim, told by the parent.
        return _claim(
            target, source, "clip_of", [Evidence("link", f"the longer item links to its clip {url}", 0.6), *alone]
        )
    if source.platform != target.platform and source.is_long and target.is_long:
        return _twins(source, target, url, alone)
    # A video that links to another long video of its kind: a reference, seldom more.
    return _claim(source, target, "promotes", [Evidence("link", f"its text links to {url}", 0.4), *alone])


def _twins(source: LinkedItem, target: LinkedItem, url: str, alone: list[Evidence]) -> Claim | None:
    pieces = [Evidence("link", f"its text links to {url} on another platform", 0.6)]
    if source.duration_seconds and target.duration_seconds:
        ratio = min(source.duration_seconds, target.duration_seconds) / max(
            source.duration_seconds, target.duration_seconds
        )
        close = ratio >= 0.9
        pieces.append(
            Evidence(
                "duration",
                f"{source.duration_seconds:,.0f} s and {target.duration_seconds:,.0f} s: "
                f"{'equal' if close else 'not equal'} length",
                0.25 if close else -0.3,
            )
        )
    if source.published_at and target.published_at:
        apart = abs(source.published_at - target.published_at)
        near = apart <= timedelta(days=7)
        pieces.append(Evidence("date", f"published {apart.days} days apart", 0.12 if near else -0.2))
    parent, child = _by_home(source, target)
    return _claim(child, parent, "same_work", [*pieces, *alone])


def _by_home(one: LinkedItem, other: LinkedItem) -> tuple[LinkedItem, LinkedItem]:
    """(parent, child) of two renditions of the same work."""

    def rank(item: LinkedItem) -> tuple[int, float, str, str]:
        day = item.published_at.timestamp() if item.published_at else float("inf")
        return home_rank(item.platform), day, f"{item.platform}:{item.native_id}", str(item.id)

    return (one, other) if rank(one) <= rank(other) else (other, one)


def _claim(child: LinkedItem, parent: LinkedItem, relation: str, evidence: list[Evidence]) -> Claim | None:
    confidence = round(max(0.0, min(1.0, sum(piece.weight for piece in evidence))), 3)
    if child.id == parent.id or confidence < LEAST_SUGGESTED:
        return None
    order = order_of((child.platform, child.native_id), (parent.platform, parent.native_id))
    return Claim(child.id, parent.id, relation, confidence, tuple(evidence), order=order)


def order_of(child: tuple[str, str], parent: tuple[str, str]) -> str:
    """Where a claim between these two (platform, native id) stands among others that are as sure."""
    return f"{child[0]}:{child[1]} {parent[0]}:{parent[1]}"
