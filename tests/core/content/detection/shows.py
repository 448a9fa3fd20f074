"""Made shows for the tests of detection: episodes on a feed and a channel, and whatever a test adds to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from engagerr.core.content.detection import Detection, FoundEdge, Piece, detect

START = datetime(2024, 3, 4, 6, tzinfo=UTC)
SHOW = "The Harbour Hour"
# Two words each, none twice: titles that have nothing in common but what a test gives them.
SUBJECTS = (
    "Tidal pools", "Lighthouse keepers", "Salted caramel", "Mountain rescue", "Paper kites", "Glass blowing",
    "Winter swimming", "Desert bees", "Violin makers", "Sleeping badly", "Copper mines", "Harvest moons",
    "Border trains", "Urban foxes", "Cheap telescopes", "Fermented tea", "Silent films", "Marathon training",
    "Volcanic soil", "Forgotten alphabets", "Chess prodigies", "Bread ovens", "Coral gardens", "Night markets",
    "Steel bridges", "Wild orchids", "Radio pirates", "Snow leopards", "River dams", "Jazz drummers",
)  # fmt: skip
GUESTS = (
    "Ann Meyer", "Marco Ruiz", "Ines Roth", "Tom Baker", "Aiko Tanaka", "Lena Vogel", "Sam Okoro", "Nina Park",
    "Paul Silva", "Rosa Novak", "Jan Clark", "Emma Haddad", "Omar Mori", "Yuki Weiss", "Clara Rossi", "Leo Jansen",
    "Mia Petrov", "Ivan Martin", "Zoe Patel", "Ravi Lindqvist", "Hugo Moreau", "Sofia Adeyemi", "Kwame Kaya",
    "Elif Brandt", "Noor Castillo", "Pavel Whitcombe", "Ida Nakamura", "Theo Oduya", "Bea Ferreira", "Max Holm",
)  # fmt: skip


def a_piece(name: str, title: str | None = None, **fields: Any) -> Piece:
    """`name` is platform:native id and the piece's id; `day` counts from the show's first."""
    platform, _, native_id = name.partition(":")
    day = fields.pop("day", None)
    if day is not None:
        fields["published_at"] = START + timedelta(days=day)
    told = {"show": SHOW, "account": f"{platform} account"} | fields
    return Piece(id=name, platform=platform, native_id=native_id, title=title, **told)


def an_episode(name: str, title: str, **fields: Any) -> Piece:
    return a_piece(name, title, **({"kind": "episode", "duration_seconds": 3_600.0} | fields))


def a_video(name: str, title: str, **fields: Any) -> Piece:
    return a_piece(name, title, **({"kind": "long_video", "duration_seconds": 3_600.0} | fields))


def a_short(name: str, title: str, **fields: Any) -> Piece:
    return a_piece(name, title, **({"kind": "short_video", "duration_seconds": 45.0} | fields))


def a_season(
    episodes: int = 12, *, feed: str = "{subject} with {guest}", channel: str = "{subject} | {guest}",
    first: int = 1, ahead: int = 0, lag: float = 0.1,
) -> list[Piece]:  # fmt: skip
    """Weekly episodes podcast:0… and their recordings youtube:0…; `{n}` is the episode's number.

    The channel counts `ahead` of the feed and publishes `lag` days later.
    """
    pieces = []
    for at in range(episodes):
        told = {"subject": SUBJECTS[at], "guest": GUESTS[at]}
        seconds = 3_000.0 + 37 * at
        pieces.append(
            an_episode(f"podcast:{at}", feed.format(n=first + at, **told), day=7 * at, duration_seconds=seconds)
        )
        pieces.append(
            a_video(
                f"youtube:{at}", channel.format(n=first + at + ahead, **told), day=7 * at + lag,
                duration_seconds=seconds + 4,
            )
        )  # fmt: skip
    return pieces


def joined(found: Detection | Iterable[FoundEdge]) -> set[tuple[str, str]]:
    """The pairs that are one work, of each edge both ends in alphabetical order."""
    edges = found.edges if isinstance(found, Detection) else found
    return {pair(edge) for edge in edges if edge.relation == "same_work"}


def pair(edge: FoundEdge) -> tuple[str, str]:
    one, other = sorted((str(edge.child), str(edge.parent)))
    return one, other


def between(pieces: Iterable[Piece], one: str, other: str, **options: Any) -> FoundEdge | None:
    """The edge between two of the pieces, whatever its relation."""
    found = detect(list(pieces), **options)
    return next((edge for edge in found.edges if {edge.child, edge.parent} == {one, other}), None)


def names(pieces: Iterable[Piece]) -> list[str]:
    return [str(piece.id) for piece in pieces]


def families(found: Detection, *, auto_only: bool = False) -> list[set[str]]:
    """What the edges of whole works make of the pieces that have any."""
    groups: list[set[str]] = []
    for edge in found.edges:
        if auto_only and edge.state != "auto_confirmed":
            continue
        ends = {str(edge.child), str(edge.parent)}
        met = [group for group in groups if group & ends]
        groups = [group for group in groups if not group & ends] + [ends.union(*met)]
    return groups
