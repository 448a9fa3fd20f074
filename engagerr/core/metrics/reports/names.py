"""What platforms, formats, concepts and missing figures are called in a report that goes to a brand."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from importlib import resources

from engagerr.core.integrations.records import State
from engagerr.core.metrics.registry import Registry

_PLATFORMS = {
    "youtube": "YouTube",
    "tiktok": "TikTok",
    "linkedin": "LinkedIn",
    "x": "X",
    "apple_podcasts": "Apple Podcasts",
}
# Singular and plural; what is not here is its own name.
_KINDS = {
    "long_video": ("Video", "Videos"),
    "short_video": ("Short", "Shorts"),
    "long": ("Video", "Videos"),
    "short": ("Short", "Shorts"),
    "reel": ("Reel", "Reels"),
    "clip": ("Clip", "Clips"),
    "live": ("Live", "Lives"),
    "story": ("Story", "Stories"),
    "image": ("Image", "Images"),
    "carousel": ("Carousel", "Carousels"),
    "post": ("Post", "Posts"),
    "episode": ("Episode", "Episodes"),
}
_CONCEPTS = {
    "play_start": "Plays",
    "qualified_play": "Qualified plays",
    "engaged_play": "Engaged plays",
    "average_watch": "Average watch",
    "follows_gained": "Follows gained",
    "profile_visits": "Profile visits",
    "clicks": "Link clicks",
}
_RELATIONS = {
    "same_work": "the same work",
    "clip_of": "a clip",
    "part_of": "a part",
    "promotes": "promotion",
    "derived_from": "derived",
}
WHY_MISSING: Mapping[str, str] = {
    State.NOT_REPORTED: "the source does not report it",
    State.NOT_APPLICABLE: "it does not apply there",
    State.SUPPRESSED: "withheld by the platform, as for small audiences",
    State.EXPIRED: "the platform no longer keeps it",
    State.PERMISSION_DENIED: "the platform did not permit it to be read",
}
NOT_IMPORTED = "not in the data that was imported"


def platform_name(platform: str) -> str:
    """`youtube` → YouTube."""
    return _PLATFORMS.get(platform, words(platform))


def kind_name(kind: str | None) -> str:
    """`long_video` → Video; a piece whose format nobody stated is a piece."""
    return _KINDS[kind][0] if kind in _KINDS else words(kind) if kind else "Piece"


def kind_names(kind: str | None) -> str:
    """`long_video` → Videos."""
    return _KINDS[kind][1] if kind in _KINDS else words(kind) if kind else "Pieces"


def relation_name(relation: str | None) -> str:
    """How a piece hangs on the one above it: `clip_of` → a clip; the root is the work itself."""
    return "the work itself" if relation is None else _RELATIONS.get(relation, words(relation).lower())


def concept_name(concept: str) -> str:
    """`play_start` → Plays."""
    return _CONCEPTS.get(concept, words(concept))


def sum_name(group: str, registry: Registry) -> str:
    """A sum group in few words, for a legend; a rule of a platform's own by the time in which it held."""
    concept, own, definition_id = group.partition(" as ")
    rule = registry.definition(definition_id) if own else None
    if rule is None:
        return group_name(concept)
    last = rule.valid_to - timedelta(days=1) if rule.valid_to else None
    return f"{words(rule.metric)} (rule until {last})" if last else f"{words(rule.metric)} (its own rule)"


def group_name(group: str) -> str:
    """A sum group in words: `qualified_play/30 s in 28 d` → Qualified plays (30 s) in 28 d."""
    concept, as_its_own, definition = group.partition(" as ")
    concept, slash, rest = concept.partition("/")
    part, within, span = rest.partition(" in ")
    named = concept_name(concept) + (f" ({part}){within}{span}" if slash else "")
    if not as_its_own:
        return named
    platform, _, metric = definition.partition(".")
    return f"{named} as {platform_name(platform)} counts it ({words(metric).lower()})"


def words(name: str) -> str:
    """`watch_time` → Watch time."""
    spaced = name.replace("_", " ").replace(".", " ")
    return f"{spaced[:1].upper()}{spaced[1:]}"


def country_name(code: str) -> str:
    """`DE` → Germany; a code that is not here stays a code."""
    return _named()["countries"].get(code, code)


def language_name(code: str) -> str:
    """`de` → German, `pt-BR` → Portuguese (BR); a code that is not here stays a code."""
    language, _, region = code.partition("-")
    named = _named()["languages"].get(language.lower())
    return code if named is None else f"{named} ({region})" if region else named


@cache
def _named() -> dict[str, dict[str, str]]:
    return tomllib.loads((resources.files(__package__) / "names.toml").read_text("utf-8"))
