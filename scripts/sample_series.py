"""What Northlight's nightly sync noted in its last four months, whom each audience is made of, and a prospect list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sample_exports import csv_text, short_number
from sample_world import (
    BROADCAST,
    END,
    LAST_DAY,
    Piece,
    engaged,
    roll,
    share_of,
    spread,
    views,
    whole,
    youtube_id,
)

FIRST_NIGHT = date(2026, 7, 4)
# Meta's token had expired, and it took a week until somebody renewed it: nothing is known of Instagram then.
OUTAGE = (date(2026, 8, 9), date(2026, 8, 16))
_EVERY_NIGHT_DAYS = 30
_ONCE_A_WEEK_DAYS = 60


def nights(first: date, platform: str) -> Iterator[datetime]:
    """The moments at which the sync looked at a platform, from a day on."""
    for place in range((LAST_DAY - first).days + 1):
        day = first + timedelta(days=place)
        if not (platform == "instagram" and OUTAGE[0] <= day < OUTAGE[1]):
            yield datetime(day.year, day.month, day.day, 22, tzinfo=UTC)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _figure(name: str, value: int, at: datetime) -> dict[str, Any]:
    return {"name": name, "value": value, "observed_at": _stamp(at)}


# -------------------------------------------------------------------------------------------------------- followers


@dataclass(frozen=True, slots=True)
class Following:
    """The followers of one account: how many on the last night, how many more on a usual day, and unusual days.

    `rounded`: YouTube tells the subscribers of a channel in three digits, rounded down.
    """

    creator: str
    platform: str
    handle: str
    last: int
    usual: float
    unusual: dict[date, int] = field(default_factory=dict)
    rounded: bool = False

    def levels(self) -> Iterator[tuple[datetime, int]]:
        """Each night's number, oldest first."""
        days = [FIRST_NIGHT + timedelta(days=place) for place in range((LAST_DAY - FIRST_NIGHT).days + 1)]
        level = self.last - sum(self._gain(day) for day in days[1:])
        levels = {}
        for day in days:
            level += self._gain(day) if day > FIRST_NIGHT else 0
            levels[day] = int(f"{level:d}"[:3].ljust(len(str(level)), "0")) if self.rounded else level
        for at in nights(FIRST_NIGHT, self.platform):
            yield at, levels[at.date()]

    def _gain(self, day: date) -> int:
        return round(spread(self.usual, 0.3, "gain", self.handle, day)) + self.unusual.get(day, 0)


def _days(first: date, *counts: int) -> dict[date, int]:
    return {first + timedelta(days=place): count for place, count in enumerate(counts)}


FOLLOWINGS = (
    # Her video on the map in the head went far beyond her usual viewers.
    Following(
        "Jonna Brenner", "youtube", "@northlight_bergschritt", 142_380, 55,
        _days(date(2026, 9, 25), 3_150, 2_480, 1_260, 540), rounded=True,
    ),
    Following("Jonna Brenner", "instagram", "northlight_bergschritt", 68_377, 42),
    Following("Dez Whitlocke", "youtube", "@northlight_benchgrain", 462_610, 240, rounded=True),
    # Two Reels of one dish, the second of them seen eight times as often as others.
    Following(
        "Lucía Ferrán Olmedo", "instagram", "northlight_despensa", 203_940, 88,
        _days(date(2026, 7, 20), 2_310, 3_640, 1_720, 690, 260),
    ),
    # Nobody knows where these came from, nor where they went. A giveaway of somebody else, perhaps.
    Following(
        "Priya Nandwell", "instagram", "northlight_smallchange", 97_164, 36,
        _days(date(2026, 9, 22), 2_120, 2_390)
        | _days(date(2026, 9, 27), -420, -510, -470, -390, -340, -270, -210, -160, -120, -80),
    ),
    Following("Kolja Wendtland", "twitch", "nl_nachtschicht", 36_782, 17),
)  # fmt: skip

# Shares of one account's followers or viewers by country, age and gender. Lucía's countries are the eight largest that
# her app shows; what is missing to one are all others.
_AUDIENCES: dict[tuple[str, str, str], dict[str, dict[str, float]]] = {
    ("Jonna Brenner", "youtube", "@northlight_bergschritt"): {
        "country": {"DE": 0.612, "AT": 0.174, "CH": 0.121, "IT": 0.038, "FR": 0.024, "NL": 0.017, "LU": 0.014},
        "age": {"18-24": 0.118, "25-34": 0.421, "35-44": 0.273, "45-54": 0.132, "55-64": 0.056},
        "gender": {"female": 0.462, "male": 0.531, "other": 0.007},
    },
    ("Jonna Brenner", "instagram", "northlight_bergschritt"): {
        "country": {"DE": 0.651, "AT": 0.168, "CH": 0.102, "IT": 0.047, "ES": 0.032},
        "age": {"13-17": 0.021, "18-24": 0.196, "25-34": 0.467, "35-44": 0.219, "45-54": 0.097},
        "gender": {"female": 0.587, "male": 0.413},
    },
    ("Imogen Farrow-Blythe", "youtube", "@northlight_quietmachines"): {
        "country": {"GB": 0.384, "US": 0.337, "CA": 0.094, "AU": 0.081, "DE": 0.054, "IE": 0.05},
        "age": {"18-24": 0.094, "25-34": 0.271, "35-44": 0.334, "45-54": 0.191, "55-64": 0.11},
        "gender": {"female": 0.318, "male": 0.671, "other": 0.011},
    },
    ("Lucía Ferrán Olmedo", "instagram", "northlight_despensa"): {
        "country": {
            "ES": 0.472, "MX": 0.188, "AR": 0.091, "CO": 0.063, "CL": 0.044, "PE": 0.036, "US": 0.023, "FR": 0.013,
        },
        "age": {"18-24": 0.143, "25-34": 0.386, "35-44": 0.287, "45-54": 0.124, "55-64": 0.06},
        "gender": {"female": 0.664, "male": 0.336},
    },
    ("Dez Whitlocke", "youtube", "@northlight_benchgrain"): {
        "country": {"US": 0.631, "CA": 0.122, "GB": 0.109, "AU": 0.072, "DE": 0.041, "NZ": 0.025},
        "age": {"18-24": 0.061, "25-34": 0.214, "35-44": 0.291, "45-54": 0.238, "55-64": 0.196},
        "gender": {"female": 0.127, "male": 0.868, "other": 0.005},
    },
}  # fmt: skip


def nightly_accounts() -> Iterator[dict[str, Any]]:
    """One interchange line an account: its followers by night, and the audience as the platform split it at the end."""
    seen = _stamp(END + timedelta(hours=6))
    said = {(one.creator, one.platform, one.handle): one for one in FOLLOWINGS}
    for key in dict.fromkeys([*said, *_AUDIENCES]):
        creator, platform, handle = key
        account: dict[str, Any] = {"platform": platform, "handle": handle}
        if key in said:
            account["metrics"] = [_figure("followers", level, at) for at, level in said[key].levels()]
        if key in _AUDIENCES:
            account["audience"] = [
                {"dimension": dimension, "value": value, "share": share, "observed_at": seen}
                for dimension, shares in _AUDIENCES[key].items()
                for value, share in shares.items()
            ]
        yield {"type": "creator", "name": creator, "accounts": [account]}


# ------------------------------------------------------------------------------------------------ one-evening builds

_EVENINGS = """\
Pencil box with a sliding lid
Cutting board from offcuts
Wall hooks that hold a winter coat
Magnetic knife rack
Bird feeder for small birds only
Key tray, bent lamination
Step stool, no screws
Saw bench in ninety minutes
Phone stand nobody needs
Coasters with a chamfer
Bottle opener, one nail
Plant shelf for a narrow window
Toothbrush holder that drains
Bookends from a fallen oak
Marking gauge like my grandfather's
Shoe rack behind the door
Picture frame without a mitre saw
Wooden mallet, third attempt
Spice shelf inside the cupboard
Candle holder on the lathe
Headphone hanger
Dog bowl stand for Biscuit
Napkin ring set
Boot jack before the rain"""


def evenings() -> Iterator[Piece]:
    """Dez's small builds of one evening, every fifth day: what he does between the long projects."""
    for number, title in enumerate(_EVENINGS.splitlines()):
        key = ("dez-evening", number)
        day = date(2026, 7, 6) + timedelta(days=5 * number)
        hour = (9, 17, 21)[number % 3]
        at = datetime(day.year, day.month, day.day, hour, whole(0, 49, "minute", *key), tzinfo=UTC)
        # People who build in the evening watch in the evening, and from week to week there are more of them.
        audience = spread(24_000 + 900 * number, 0.28, *key) * {9: 0.65, 17: 1.5, 21: 0.95}[hour]
        native_id = youtube_id(*key)
        yield Piece(
            creator="Dez Whitlocke",
            platform="youtube",
            kind="long_video",
            native_id=native_id,
            title=title,
            body=f"{title}.\n\nPlan: https://benchandgrain.example/evening/{number + 1}",
            url=f"https://www.youtube.com/watch?v={native_id}",
            published_at=at,
            seconds=whole(330, 880, "seconds", *key),
            audience=round(audience),
        )


# ------------------------------------------------------------------------------------------------- figures by night


def _figures(piece: Piece, at: datetime) -> dict[str, int]:
    """What the platform's API tells of a piece, made as in its exports: the newest of both agree."""
    seen = views(piece, at)
    if piece.platform == "instagram":
        return {
            "views": seen,
            "likes": share_of(piece, "likes", seen, 0.03, 0.08),
            "comments": share_of(piece, "comments", seen, 0.001, 0.008),
            "shares": share_of(piece, "shares", seen, 0.002, 0.02),
        }
    return {
        "views": seen,
        "engaged_views": engaged(piece, at),
        "likes": share_of(piece, "likes", seen, 0.02, 0.07),
        "comments": share_of(piece, "comments", seen, 0.001, 0.006),
    }


def followed(pieces: list[Piece]) -> list[Piece]:
    """The videos and Reels that the sync saw from their first night on."""
    return [
        piece for piece in pieces if piece.kind in {"long_video", "reel"} and piece.published_at.date() >= FIRST_NIGHT
    ]


def nightly_item(piece: Piece, account: str, *, known: bool) -> dict[str, Any]:
    """One piece with its counters: every night for a month, then once a week. `known`: an export says the rest."""
    line: dict[str, Any] = {"type": "item", "creator": piece.creator, "platform": piece.platform, "account": account}
    line["native_id"] = piece.native_id
    if piece.kind != "long_video" or piece.number not in BROADCAST:
        line["kind"] = piece.kind
    if not known:
        line |= {"title": piece.title, "body": piece.body, "url": piece.url}
        line |= {"published_at": _stamp(piece.published_at), "duration_seconds": piece.seconds, "language": "en"}
        line["links"] = [word for word in piece.body.split() if word.startswith("https://")]
    born = piece.published_at.date()
    line["metrics"] = [
        _figure(name, value, at)
        for at in nights(born, piece.platform)
        if at > piece.published_at and _looked_at((at.date() - born).days)
        for name, value in _figures(piece, at).items()
    ]
    return line


def _looked_at(age_days: int) -> bool:
    return age_days <= _EVERY_NIGHT_DAYS or (age_days <= _ONCE_A_WEEK_DAYS and age_days % 7 == 0)


# --------------------------------------------------------------------------------------------------------- prospects

# A list as it is passed around: name, handle, categories, subscribers, country. Nobody of it is on the roster.
_PROSPECTS = """\
Fernwald Tagebuch|northlight_scout_fernwald|Outdoor||187000|Germany
Gipfelpost|northlight_scout_gipfelpost|Outdoor|Sports|254000|-
Isarsteig|northlight_scout_isarsteig|Outdoor||121000|Germany
Kilometer Null|northlight_scout_kilometernull|Sports|Outdoor|339000|Germany
La Cresta|northlight_scout_lacresta|Outdoor||146000|Spain
Moorland Miles|northlight_scout_moorlandmiles|Outdoor|Sports|412000|United Kingdom
Nordhang|northlight_scout_nordhang|Outdoor||109000|-
Ridge & Rain|northlight_scout_ridgeandrain|Outdoor||298000|United Kingdom
Sentieri Lenti|northlight_scout_sentierilenti|Outdoor|Travel|163000|Italy
Tiny Workbench|northlight_scout_tinyworkbench|DIY||226000|United States
Zelt & Zahnrad|northlight_scout_zeltundzahnrad|Outdoor||48000|Germany"""


def prospects() -> bytes:
    """A list of the month: rounded figures beside exact ones; "N/A'" and "#VALOR!" where nothing is known."""
    headings = ["Name", "Youtuber", "Category", "Category_2", "Country", "Subscribers", "Subscribers"]
    headings += [name for name in ("Views avg.", "Likes avg.", "Comments avg.") for _ in range(2)]
    rows: list[list[object]] = [[*headings]]
    for place, line in enumerate(_PROSPECTS.splitlines()):
        name, handle, first, second, followers, country = line.split("|")
        seen = round(int(followers) * (0.08 + 0.22 * roll("prospect", handle)), -2)
        likes = round(seen * (0.02 + 0.05 * roll("prospect likes", handle)), -1)
        comments = round(seen * (0.001 + 0.005 * roll("prospect comments", handle)))
        row: list[object] = [name, handle, first, second, country]
        for figure in (int(followers), seen, likes, comments):
            row += _twice(int(figure))
        rows.append([*row[:-2], "N/A'", "#VALOR!"] if place == 6 else row)
    return csv_text(rows).encode()


def _twice(count: int) -> tuple[str, int]:
    text = short_number(count)
    letters = {"K": 1_000, "M": 1_000_000}
    return text, round(float(text.rstrip("KM")) * letters.get(text[-1], 1))
