"""Worlds to train in: real works, published again by the habits that shows have.

Labelled renditions with dates on both sides, with lengths, with clips or with renumbered seasons are not to be had
openly. So real titles and texts are given renditions by rule: each world draws, once for each account, how titles are
dressed, how far behind a platform is, what it leaves out; and then publishes every work by these habits. What is drawn
here is an assumption, and the model card says so.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from engagerr.core.content.detection.pieces import Piece
from engagerr.core.content.detection.training.works import Work

_PLATFORMS = ("podcast", "youtube", "spotify", "apple_podcasts", "website")
_CUT_PLATFORMS = ("youtube", "tiktok", "instagram")
_FIRST = (
    "Ann",
    "Marco",
    "Ines",
    "Tom",
    "Aiko",
    "Lena",
    "Sam",
    "Nina",
    "Paul",
    "Rosa",
    "Jan",
    "Emma",
    "Omar",
    "Yuki",
    "Clara",
    "Leo",
    "Mia",
    "Ivan",
    "Zoe",
    "Ravi",
    "Hugo",
    "Sofia",
    "Kwame",
    "Elif",
    "Noor",
    "Pavel",
    "Ida",
    "Theo",
)
_LAST = (
    "Lee",
    "Ruiz",
    "Roth",
    "Baker",
    "Tanaka",
    "Vogel",
    "Okoro",
    "Park",
    "Meyer",
    "Silva",
    "Novak",
    "Clark",
    "Haddad",
    "Mori",
    "Weiss",
    "Rossi",
    "Jansen",
    "Petrov",
    "Martin",
    "Patel",
    "Lindqvist",
    "Moreau",
    "Adeyemi",
    "Kaya",
    "Brandt",
    "Castillo",
    "Whitcombe",
    "Nakamura",
    "Oduya",
    "Ferreira",
    "Holm",
    "Szabo",
    "Eriksen",
    "Quist",
)
_SERIES = ("Community Call", "Weekly Show", "Morning News", "Office Hours", "Monthly Meetup", "The Daily Update")
_TAGS = ("#shorts", "#podcast", "#viral", "#fyp", "#interview", "#clips")


@dataclass(frozen=True, slots=True)
class World:
    """Pieces of one show, and the answers: which work each rendition is of, and from which work each cut is."""

    pieces: tuple[Piece, ...]
    work_of: dict[str, int]
    cut_from: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Habit:
    platform: str
    account: str
    title: str
    number: str
    guest: str
    suffix: str
    lag: float
    jitter: float
    dated: float
    timed: float
    text: str
    offset: int
    there: float


def make_world(works: Sequence[Work], seed: int) -> World:
    """Publish works (of one show) by habits drawn from `seed`."""
    rng = random.Random(f"world {seed} {works[0].show}")  # noqa: S311 - nothing here is secret
    show = works[0].show
    chosen = sorted(rng.sample(range(len(works)), min(len(works), rng.choice((15, 40, 90, 160)))))
    habits = [_habit(rng, platform, show) for platform in rng.sample(_PLATFORMS, rng.choice((2, 2, 3, 4)))]
    start = datetime(2021, 3, 1, 9, tzinfo=UTC)
    cadence = rng.choice((1.0, 3.5, 7.0, 7.0, 14.0))
    has_guests = rng.random() < 0.7
    guests = [works[at].guest or f"{rng.choice(_FIRST)} {rng.choice(_LAST)}" for at in chosen]
    pieces: list[Piece] = []
    work_of: dict[str, int] = {}
    cut_from: dict[str, int] = {}
    lost_dates = rng.random() < 0.15
    series = rng.choice(_SERIES) if rng.random() < 0.15 else ""
    for place, at in enumerate(chosen):
        work = works[at]
        day = start + timedelta(days=cadence * place + rng.uniform(-0.2, 0.2) * cadence)
        seconds = rng.lognormvariate(8.0, 0.4)
        guest = guests[place] if has_guests else ""
        for habit in habits:
            if rng.random() > habit.there:
                continue
            name = f"{seed}-{habit.platform}-{place}"
            if series:
                work = replace(work, titles=(_in_series(rng, series, habit, day),), moments=())
            pieces.append(_rendition(rng, name, show, work, habit, place, day, seconds, guest, undated=lost_dates))
            work_of[name] = place
        if work.moments and rng.random() < 0.5:
            for cut in range(rng.choice((1, 2, 4))):
                name = f"{seed}-cut-{place}-{cut}"
                pieces.append(_cut(rng, name, show, work, rng.choice(works), day, guest, undated=lost_dates))
                cut_from[name] = place
    rng.shuffle(pieces)
    return World(tuple(pieces), work_of, cut_from)


def _in_series(rng: random.Random, series: str, habit: _Habit, day: datetime) -> str:
    """The same name each time; some say which month's it is."""
    form = habit.title if rng.random() < 0.8 else "as is"
    if form in {"as is", "dropped"}:
        return series
    if form in {"another", "cut"}:
        return f"{series} {day:%B %Y}"
    return f"{series} {day:%Y-%m-%d}" if form == "new" else f"{day:%B} {series} (recording)"


def _habit(rng: random.Random, platform: str, show: str) -> _Habit:
    return _Habit(
        platform=platform,
        account=f"{show} {platform}",
        title=rng.choice(("as is", "as is", "another", "another", "cut", "dropped", "dropped", "new", "mixed")),
        number=rng.choice(("", "", "", "#{} ", "#{}: ", "Ep. {} – ", "{}. ", "{} - ", " #{}", " | Ep {}")),
        guest=rng.choice(("", "", " with {}", " – {}", "{}: ", " | {}", " ft. {}", " ({})")),
        suffix=rng.choice(("", "", "", f" | {show}", f" - {show}", f" ({show} Podcast)")),
        lag=rng.choice((0.0, 0.0, 0.0, 0.3, 1.0, 2.0, 3.0, 7.0, 21.0)),
        jitter=rng.choice((0.05, 0.1, 0.5, 2.0, 6.0)),
        dated=rng.choice((1.0, 1.0, 1.0, 0.9, 0.0)),
        timed=rng.choice((1.0, 0.95, 0.0, 0.0)),
        text=rng.choice(("same", "same", "short", "none", "none", "other")),
        offset=rng.choice((0, 0, 0, 0, 0, 1, 37)),
        there=rng.choice((1.0, 1.0, 0.95, 0.8, 0.6)),
    )


def _rendition(
    rng: random.Random, name: str, show: str, work: Work, habit: _Habit, place: int, day: datetime, seconds: float,
    guest: str, *, undated: bool,
) -> Piece:  # fmt: skip
    title = _title(rng, work, habit)
    if guest and habit.guest and guest not in title:
        title = habit.guest.format(guest) + title if habit.guest.startswith("{") else title + habit.guest.format(guest)
    number = place + 1 + habit.offset
    if habit.number:
        counted = habit.number.format(number)
        title = title + counted if counted.startswith(" ") else counted + title
    title += habit.suffix
    published = day + timedelta(days=habit.lag + rng.gauss(0, habit.jitter))
    if rng.random() < 0.02:
        published += timedelta(days=rng.uniform(10, 200))
    text = {"same": work.text, "short": work.text[:160], "none": "", "other": " ".join(work.moments[:2])}[habit.text]
    if guest and habit.text != "none" and rng.random() < 0.7:
        text = f"{guest} joins us. {text}"
    twin = seconds * (1 + rng.gauss(0, 0.004)) + rng.choice((0, 0, 0, 30, 120))
    return Piece(
        id=name, show=show, platform=habit.platform, account=habit.account, native_id=name,
        kind=rng.choice(("episode", None)) if habit.platform == "podcast" else None,
        title=title, body=text or None,
        published_at=published if rng.random() < habit.dated and not undated else None,
        duration_seconds=twin if rng.random() < habit.timed else None,
        hints={"episode": number} if habit.platform == "podcast" and rng.random() < 0.3 else {},
    )  # fmt: skip


def _title(rng: random.Random, work: Work, habit: _Habit) -> str:
    title = work.titles[0] if habit.title != "another" else rng.choice(work.titles)
    words = title.split()
    if habit.title == "cut" and len(title) > 40:
        return title[:45].rsplit(" ", 1)[0].lower()
    if habit.title == "dropped" and len(words) > 3:
        gone = set(rng.sample(range(len(words)), rng.choice((1, 1, 2))))
        return " ".join(word for at, word in enumerate(words) if at not in gone)
    if habit.title == "new" and work.moments and rng.random() < 0.6:
        return rng.choice(work.moments)[:70]
    if habit.title == "mixed" and len(words) > 4 and work.moments:
        half = words[: len(words) // 2] if rng.random() < 0.5 else words[len(words) // 2 :]
        return " ".join(half + rng.choice(work.moments).split()[:4])
    return title


def _cut(
    rng: random.Random, name: str, show: str, work: Work, stranger: Work, day: datetime, guest: str, *, undated: bool
) -> Piece:  # fmt: skip
    platform = rng.choice(_CUT_PLATFORMS)
    # A cut is often named after words that were spoken and stand in no text: as good as somebody else's.
    moment = rng.choice(work.moments)
    words = moment.split()
    if stranger.moments and rng.random() < 0.35:
        words = rng.choice(stranger.moments).split()
        rng.shuffle(words)
    if rng.random() < 0.5 and len(words) > 6:
        first = rng.randrange(0, len(words) - 4)
        words = words[first : first + rng.choice((4, 5, 7))]
    title = " ".join(words)
    form = rng.random()
    if guest and form < 0.35:
        title += rng.choice((f" | {guest}", f" - {guest}", f" #{guest.replace(' ', '').lower()}", f" with {guest}"))
    elif form < 0.45:
        title = f"{title} | {rng.choice(work.titles)}"
    elif form < 0.55:
        title = " ".join(rng.choice(work.titles).split()[:6])
    if rng.random() < 0.4:
        title += " " + " ".join(rng.sample(_TAGS, rng.choice((1, 2, 3))))
    body = None
    if rng.random() < 0.3:
        body = f"From our talk{' with ' + guest if guest else ''}: {rng.choice(work.titles)}"
    published = day + timedelta(days=rng.choice((rng.expovariate(0.2), rng.expovariate(0.03), rng.uniform(0, 400))))
    return Piece(
        id=name, show=show, platform=platform, account=f"{show} clips", native_id=name,
        kind="short_video" if platform != "instagram" else "reel", title=title, body=body,
        published_at=None if undated or rng.random() < 0.2 else published,
        duration_seconds=rng.uniform(15, 175) if rng.random() < 0.7 else None,
    )  # fmt: skip
