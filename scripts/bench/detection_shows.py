"""Shows for `bench_detection.py`: creators with accounts, works published on them by habit, cuts, and the answers.

Words are made up and drawn by Zipf's law, from a vocabulary that each show has for itself; every draw comes from the
number of the show, so that the same show is made whoever asks. What is drawn is an assumption about the world: the
figures of the benchmark are about speed, and the answers are there to see that it is not bought with quality.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from engagerr.core.content.detection import Piece

MEDIAN_ITEMS, SPREAD, MOST_ITEMS = 60, 1.5, 5_000


def _listed(words: str) -> list[str]:
    return words.split()


_BEGINNINGS = _listed("b br c ch d dr f fl g gr h j k l m n p pl pr qu r s sh sl st t tr v w z")
_VOWELS = _listed("a e i o u ai ea ou")
_ENDS = ("", "", "n", "r", "l", "st", "ck", "m", "nd", "t")
_ACCENTS = str.maketrans({"a": "á", "e": "é", "o": "ö", "u": "ü"})
_SMALL = _listed("the a how to why of and in is your with for what we on do not this i you")
_FIRST = _listed("Ann Marco Ines Tom Aiko Lena Sam Nina Paul Rosa Jan Emma Omar Yuki Clara Leo Mia Ivan Zoe Ravi")
_EPOCH = datetime(2019, 1, 1, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ShowItems:
    """The pieces of one show and the answers: the work of each rendition and the work that each cut is from."""

    pieces: tuple[Piece, ...]
    work_of: dict[str, int]
    cut_from: dict[str, int]


def shows(items: int, *, first: int = 0, step: int = 1) -> Iterator[ShowItems]:
    """Every `step`-th show until they have so many items together; the last one is cut short to fit."""
    left = items
    for number in itertools.count(first, step):
        made = make_show(number)
        if len(made.pieces) >= left:
            yield _first(made, left)
            return
        left -= len(made.pieces)
        yield made


def make_show(number: int) -> ShowItems:
    """The show of this number: median 60 items, some of 5,000."""
    rng = random.Random(number)
    wanted = max(4, min(MOST_ITEMS, round(rng.lognormvariate(math.log(MEDIAN_ITEMS), SPREAD))))
    show = _Show(rng, number)
    pieces: list[Piece] = []
    work_of: dict[str, int] = {}
    cut_from: dict[str, int] = {}
    for work in itertools.count():
        if len(pieces) >= wanted:
            break
        renditions, cuts = show.publish(work)
        pieces += renditions + cuts
        work_of |= {str(piece.id): work for piece in renditions}
        cut_from |= {str(piece.id): work for piece in cuts}
    made = _first(ShowItems(tuple(pieces), work_of, cut_from), wanted)
    pieces = list(made.pieces)
    rng.shuffle(pieces)
    return ShowItems(tuple(pieces), made.work_of, made.cut_from)


def _first(made: ShowItems, most: int) -> ShowItems:
    pieces = made.pieces[:most]
    there = {str(piece.id) for piece in pieces}
    return ShowItems(
        pieces,
        {name: work for name, work in made.work_of.items() if name in there},
        {name: work for name, work in made.cut_from.items() if name in there},
    )


@functools.cache
def _vocabulary() -> tuple[str, ...]:
    rng = random.Random(20_261_123)
    syllables = [begin + vowel + end for begin in _BEGINNINGS for vowel in _VOWELS for end in _ENDS]
    found = {rng.choice(syllables) + (rng.choice(syllables) if rng.random() < 0.8 else "") for _ in range(40_000)}
    return tuple(sorted(found))


@functools.cache
def _zipf(size: int) -> list[float]:
    return list(itertools.accumulate(1.0 / (rank + 2.7) for rank in range(size)))


@dataclass(frozen=True, slots=True)
class _Account:
    platform: str
    handle: str
    title: str
    lag: float
    jitter: float
    there: float
    dated: bool
    timed: bool
    text: bool


class _Show:
    def __init__(self, rng: random.Random, number: int) -> None:
        self.rng, self.id = rng, f"show-{number}"
        script = rng.random()
        own = rng.sample(_vocabulary(), 2_500)
        if script < 0.05:
            self.words = ["".join(chr(0x4E00 + rng.randrange(3_000)) for _ in range(2)) for _ in own]
            self.between = ""
        elif script < 0.2:
            self.words = [word.translate(_ACCENTS) if rng.random() < 0.3 else word for word in own]
            self.between = " "
        else:
            self.words, self.between = own, " "
        self.name = " ".join(self._draw(2)).title()
        self.boilerplate = " ".join(self._draw(12)) + " https://example.com/show"
        self.cadence = rng.choice((1.0, 3.5, 7.0, 7.0))
        platforms = rng.sample(("podcast", "youtube", "spotify", "website"), rng.choice((2, 2, 2, 3, 3, 4)))
        self.accounts = [self._account(platform) for platform in platforms]
        self.cuts = rng.choice((0.0, 0.0, 0.5, 1.5))
        self.cut_platform = rng.choice(("youtube", "tiktok", "instagram"))

    def _account(self, platform: str) -> _Account:
        rng = self.rng
        name = self.name
        return _Account(
            platform, f"{self.id} {platform}",
            title=rng.choice((
                "{title}", "{title}", "{title}", "#{number} {title}", "Ep. {number}: {title}", f"{{title}} | {name}",
                "{title} – {guest}", "{guest}: {title}", "{title} | Episode {number}", "{guest} on {short}",
                f"{name} {{number}}: {{short}}",
            )),
            lag=rng.choice((0.0, 0.0, 0.3, 1.0, 2.0, 7.0)), jitter=rng.choice((0.02, 0.1, 0.5, 2.0)),
            there=rng.choice((1.0, 1.0, 0.95, 0.85)), dated=rng.random() < 0.95, timed=rng.random() < 0.6,
            text=rng.random() < 0.8,
        )  # fmt: skip

    def _draw(self, count: int) -> list[str]:
        return self.rng.choices(self.words, cum_weights=_zipf(len(self.words)), k=count)

    def publish(self, work: int) -> tuple[list[Piece], list[Piece]]:
        """One work on the accounts that it comes to, and what is cut from it."""
        rng = self.rng
        words = self._title_words()
        guest = f"{rng.choice(_FIRST)} {rng.choice(self.words).title()}"
        about = self._draw(26)
        day = _EPOCH + timedelta(days=self.cadence * work + rng.uniform(-0.2, 0.2))
        seconds = rng.lognormvariate(8.0, 0.4)
        # One work in ten stays where it began.
        accounts = self.accounts[:1] if rng.random() < 0.1 else self.accounts
        renditions = [
            self._rendition(account, work, words, guest, about, day, seconds)
            for account in accounts
            if rng.random() < account.there
        ]
        cuts = [
            self._cut(work, at, words, guest, about, day)
            for at in range(int(self.cuts) + (rng.random() < self.cuts % 1))
        ]
        return renditions, cuts

    def _title_words(self) -> list[str]:
        rng = self.rng
        found = self._draw(rng.randint(3, 6))
        if self.between:
            for _ in range(rng.randint(1, 3)):
                found.insert(rng.randrange(len(found)), rng.choice(_SMALL))
        return found

    def _rendition(
        self, account: _Account, work: int, words: Sequence[str], guest: str, about: Sequence[str], day: datetime,
        seconds: float,
    ) -> Piece:  # fmt: skip
        rng = self.rng
        told = list(words)
        change = rng.random()
        if change < 0.1 and len(told) > 3:
            del told[rng.randrange(len(told))]
        elif change < 0.15:
            told[rng.randrange(len(told))] = self._draw(1)[0]
        title = account.title.format(
            title=self.between.join(told).capitalize(), short=self.between.join(told[:2]), number=work + 1, guest=guest
        )
        if rng.random() < 0.05:
            title += rng.choice((" 🎧", " (2021)", "…", " — part 1"))
        body = f"{guest} {self.between.join([*about, *words])}. {self.boilerplate}" if account.text else None
        name = f"{self.id}-{account.platform}-{work}"
        return self._piece(
            name, account.platform, account.handle, title, body,
            kind="episode" if account.platform == "podcast" else None,
            published_at=day + timedelta(account.lag + abs(rng.gauss(0, account.jitter))) if account.dated else None,
            duration_seconds=round(seconds * (1 + rng.gauss(0, 0.003)), 1) if account.timed else None,
        )  # fmt: skip

    def _cut(self, work: int, at: int, words: Sequence[str], guest: str, about: Sequence[str], day: datetime) -> Piece:
        rng = self.rng
        told = rng.sample(about, 3) + rng.sample(list(words), min(2, len(words))) + self._draw(1)
        title = self.between.join(told) + rng.choice(("", "", " #shorts", f" | {guest}", f" #{guest.replace(' ', '')}"))
        return self._piece(
            f"{self.id}-cut-{work}-{at}", self.cut_platform, f"{self.id} {self.cut_platform}", title, None,
            kind="reel" if self.cut_platform == "instagram" else "short_video",
            published_at=day + timedelta(days=rng.expovariate(0.15)), duration_seconds=round(rng.uniform(15, 90), 1),
        )  # fmt: skip

    def _piece(self, name: str, platform: str, account: str, title: str, body: str | None, **facts: Any) -> Piece:
        return Piece(
            id=name, show=self.id, platform=platform, account=account, native_id=name, title=title, body=body, **facts
        )
