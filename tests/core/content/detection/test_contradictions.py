"""What forbids that two pieces are one work, however alike they are; and what is no contradiction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from engagerr.core.content.detection import Piece, detect
from tests.core.content.detection.shows import a_season, a_short, a_video, an_episode, between, joined

DAY = 90


def two(feed: str, channel: str) -> list[Piece]:
    """An episode and a video of one day and one length, in a show of a dozen others."""
    return [
        *a_season(),
        an_episode("podcast:a", feed, day=DAY, duration_seconds=3_000.0),
        a_video("youtube:b", channel, day=DAY, duration_seconds=3_000.0),
    ]


@pytest.mark.parametrize(
    ("feed", "channel"),
    [
        ("Episode 58: Ships of war", "Episode 59: Ships of war"),
        ("Ships of war #58", "#59 | Ships of war"),
        ("S02E05 Ships of war", "S03E05 Ships of war"),
        ("S02E05 Ships of war", "S02E06 Ships of war"),
        ("Staffel 2 Folge 5: Kriegsschiffe", "Staffel 3 Folge 5: Kriegsschiffe"),
        ("Ships of war, Part 1", "Ships of war, Part 2"),
        ("Ships of war, part one", "Ships of war – Part II"),
        ("Schiffe im Krieg, Teil 1", "Schiffe im Krieg (2/3)"),
        ("Community call, January", "Community call, February"),
        ("Community call, 9 Feb 2024", "Community call, 16 Feb 2024"),
        ("Community call 2/9/2024", "Community call 3/9/2024"),
        ("Community call, February 2023", "Community call, February 2024"),
        ("Ships of war 2023", "Ships of war 2024"),
        ("難破船（前編）", "難破船（後編）"),
        ("第12回 難破船", "第13回 難破船"),
        ("12화 난파선", "13화 난파선"),
        ("第十二期 沉船", "第十三期 沉船"),
        ("沉船（上）", "沉船（下）"),
    ],
)
def test_two_works_are_not_one_however_alike_they_look(feed: str, channel: str) -> None:
    assert between(two(feed, channel), "podcast:a", "youtube:b") is None


@pytest.mark.parametrize(
    ("feed", "channel"),
    [
        ("Episode 58: Ships of war", "Ships of war (#58)"),
        ("S02E05 Ships of war", "#57 Ships of war"),
        ("Season 2, Episode 5: Ships of war", "Ships of war 2x05"),
        ("Ships of war, Part 1", "Ships of war – Part I"),
        ("Ships of war, part two", "Ships of war (2/3)"),
        ("Community call, January 2024", "Community call (Jan 2024)"),
        ("Community call, 9 Feb 2024", "Community call 2024-02-09"),
        ("Community call 2/9/2024", "Community call, 9 Feb 2024"),
        ("Community call 2/9/2024", "Community call 9/2/2024"),
        ("第12回 難破船", "難破船 #12"),
        ("第十二期 沉船", "沉船 #12"),
        ("12화 난파선", "난파선 | Ep. 12"),
        ("𝗦𝗵𝗶𝗽𝘀 𝗼𝗳 𝘄𝗮𝗿", "Ships of war"),
        ("Ep. 58: The mistake of founders", "The #1 mistake of founders"),
        ("Mars rover lands, June 2024", "Space: Mars rover lands (June 2024)"),
        ("難破船（後編）", "難破船, Part 2"),
    ],
)
def test_what_is_counted_or_dated_alike_is_no_contradiction(feed: str, channel: str) -> None:
    edge = between(two(feed, channel), "podcast:a", "youtube:b")
    assert edge is not None
    assert (edge.child, edge.relation, edge.state) == ("youtube:b", "same_work", "auto_confirmed")


def test_two_leading_numbers_that_differ_are_not_joined_unasked() -> None:
    edge = between(two("58: Ships of war", "59: Ships of war"), "podcast:a", "youtube:b")
    assert edge is None or edge.state == "suggested"


@pytest.mark.parametrize("timed", [True, False], ids=["with lengths", "without lengths"])
def test_what_has_the_same_name_every_month_is_told_apart_by_its_date(timed: bool) -> None:
    pieces: list[Piece] = []
    for month in range(12):
        seconds = 3_000.0 + 11 * month if timed else None
        pieces += [
            an_episode(f"podcast:{month}", "Listener questions", day=30 * month, duration_seconds=seconds),
            a_video(f"youtube:{month}", "Listener questions", day=30 * month + 0.2, duration_seconds=seconds),
        ]
    assert joined(detect(pieces)) == {(f"podcast:{month}", f"youtube:{month}") for month in range(12)}


@pytest.mark.parametrize("ahead", [1, 7])
@pytest.mark.parametrize(
    ("feed", "channel"),
    [
        ("Ep. {n}: {subject} with {guest}", "#{n} {subject} | {guest}"),
        ("Ep. {n}: {subject}", "#{n} {subject} | {guest}"),
        ("{n}: {subject}", "{n}. {subject} | {guest}"),
    ],
)
def test_a_channel_that_counts_ahead_of_its_feed_is_understood(feed: str, channel: str, ahead: int) -> None:
    pieces = a_season(24, feed=feed, channel=channel, ahead=ahead)
    assert joined(detect(pieces)) == {(f"podcast:{at}", f"youtube:{at}") for at in range(24)}


def test_numbers_learned_from_the_others_tell_where_titles_do_not() -> None:
    named = a_season(16, feed="Ep. {n}: {subject} with {guest}", channel="#{n} {subject} with {guest}", ahead=7)
    extra = [
        an_episode("podcast:a", "Ep. 40: Ask us anything", day=300, duration_seconds=3_000.0),
        a_video("youtube:47", "#47 Ask us anything", day=301),
        a_video("youtube:40", "#40 Ask us anything", day=299),
    ]
    assert [pair for pair in joined(detect(named + extra)) if "podcast:a" in pair] == [("podcast:a", "youtube:47")]


def original(name: str = "podcast:o") -> Piece:
    return an_episode(name, "Ships of war with Ann Lee", day=DAY, duration_seconds=3_000.0)


def rerun(title: str) -> Piece:
    return an_episode("podcast:e", title, day=DAY + 110, duration_seconds=3_000.0)


VIDEO = a_video("youtube:o", "Ships of war | Ann Lee", day=DAY + 0.1, duration_seconds=3_004.0)
RERUNS = [
    "Encore: Ships of war with Ann Lee",
    "Best of: Ships of war with Ann Lee",
    "Ships of war with Ann Lee (re-air)",
]


@pytest.mark.parametrize("title", RERUNS)
def test_a_rerun_does_not_take_the_place_of_the_first_run(title: str) -> None:
    found = joined(detect([*a_season(), original(), rerun(title), VIDEO]))
    assert [pair for pair in found if "youtube:o" in pair] == [("podcast:o", "youtube:o")]


@pytest.mark.parametrize("title", RERUNS)
def test_a_rerun_alone_is_at_most_a_question(title: str) -> None:
    edge = between([*a_season(), rerun(title), VIDEO], "podcast:e", "youtube:o")
    assert edge is None or edge.state == "suggested"


@pytest.mark.parametrize(("seconds", "is_cut"), [(45.0, True), (4_000.0, False)])
def test_a_clip_longer_than_its_source_is_none(seconds: float, is_cut: bool) -> None:
    clip = a_short("tiktok:c", "Lighthouse keepers and Marco Ruiz #shorts", day=8, duration_seconds=seconds)
    cuts = [edge for edge in detect([*a_season(), clip]).edges if edge.relation == "clip_of"]
    assert [str(edge.parent) for edge in cuts] == (["youtube:1"] if is_cut else [])


@pytest.mark.parametrize(
    ("title", "parents"), [("a clip of part 2", ["podcast:2"]), ("a clip", ["podcast:1", "podcast:2"])]
)
def test_a_clip_of_one_part_is_none_of_the_other(title: str, parents: Sequence[str]) -> None:
    whole = [
        an_episode("podcast:1", "Ships of war with Ann Lee, part 1", day=DAY),
        an_episode("podcast:2", "Ships of war with Ann Lee, part 2", day=DAY),
    ]
    season = [replace(piece, id=f"old {piece.id}") for piece in a_season()]
    found = detect([*season, *whole, a_short("tiktok:c", f"Ann Lee on ships of war, {title}", day=DAY + 1)])
    assert sorted(str(edge.parent) for edge in found.edges if edge.relation == "clip_of") == parents
