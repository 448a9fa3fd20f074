"""What a process that is to be killed does: sync a roster of fake platforms, or import a file.

It is forked, so that it starts quickly, and connects to the database only after that.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

# What Engagerr loads when it needs it is loaded before the fork.
import engagerr.core.content
import engagerr.core.ingestion.sync.sync
import engagerr.core.integrations.formats.table
import engagerr.core.integrations.http  # noqa: F401
import httpx
import pybreaker  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401
import stamina  # noqa: F401
import zstandard  # noqa: F401
from engagerr import Engagerr, EngagerrError, Settings, Workspace
from engagerr.core.ingestion.sync.reports import StreamState
from engagerr.core.integrations.connector import Connector, Limits
from engagerr.core.integrations.registry import installed_connectors
from tests.fakes.platforms.fake_platform import FakePlatform
from tests.fakes.platforms.podcast import FakePodcastHost
from tests.fakes.platforms.tiktok import FakeTikTok
from tests.fakes.platforms.twitch import FakeTwitch
from tests.fakes.platforms.youtube import FakeYouTube

DONE, UNWELL, SKIPPED, REFUSED = 0, 4, 5, 6  # exit statuses

PLATFORMS: tuple[type[FakePlatform], ...] = (FakePodcastHost, FakeTikTok, FakeTwitch, FakeYouTube)
# Four thousand figures of days would be most of a run; the others have every shape of page.
_LEFT_OUT = {"channel_analytics"}
# Connectors that ask for each item once: what a checkpoint forgets stays forgotten, and shows. The others look at
# everything in each run, so that there is always something to be cut off.
ONCE = ("tiktok", "youtube")
_CLOCKS_DIFFER = timedelta(seconds=5)


@dataclass(frozen=True)
class Scene:
    """What the platforms have at one moment: `items` of each from `newest` back, and one more for each moment in
    `published`. `age` is added to the figures of those that are always asked for everything."""

    home: Path
    newest: datetime
    items: int = 7
    page_size: int = 2
    age: int = 0
    published: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)

    def platforms(self) -> list[FakePlatform]:
        """The fakes in this state."""
        fakes = []
        for kind in PLATFORMS:
            fake = kind(items=self.items, page_size=self.page_size, newest=self.newest)
            for moment in self.published.get(fake.connector, ()):
                fake.publish(moment)
            for item in () if fake.connector in ONCE else fake.items:
                item.figures = {name: value + self.age for name, value in item.figures.items()}
            fakes.append(fake)
        return fakes

    def open(self) -> Engagerr:
        """Engagerr in this home, with these platforms around it."""
        hosts = {host: fake for fake in self.platforms() for host in fake.hosts}

        def answer(request: httpx.Request) -> httpx.Response:
            return hosts[request.url.host](request)

        return Engagerr(Settings(home=self.home), connectors=CONNECTORS, transport=httpx.MockTransport(answer))

    def connect(self, work: Workspace) -> None:
        """Connect one account on each platform."""
        for fake in self.platforms():
            if fake.connector == "podcast":
                work.platforms.connect("podcast", account=f"podcast:{fake.handle}", creator="Ann Lee")
            else:
                work.platforms.connect_token(fake.connector, "good-token", creator="Ann Lee")


def _unhurried(connector: Connector) -> Connector:
    return replace(
        connector,
        limits=Limits(account_per_second=10_000, app_per_second=10_000, burst=10_000),
        streams=tuple(
            replace(stream, revisit=_CLOCKS_DIFFER, lag=timedelta(0), whole_every=None)
            if connector.name in ONCE
            else stream
            for stream in connector.streams
            if stream.name not in _LEFT_OUT
        ),
    )


CONNECTORS: Mapping[str, Connector] = {
    kind.connector: _unhurried(installed_connectors()[kind.connector]) for kind in PLATFORMS
}


def sync(scene: Scene) -> None:
    """Sync everything, due or not; the exit status says how it went."""
    try:
        with scene.open() as engagerr:
            report = engagerr.workspace().sync.run(now=True, workers=2)
    except EngagerrError as error:
        print(f"    a sync ended: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(REFUSED)
    if report.skipped:
        sys.exit(SKIPPED)
    well = {result.state for result in report.results} <= {StreamState.DONE}
    if not well:
        print(f"    a sync was {report.state}: {[r.error for r in report.results if r.error]}"[:600], file=sys.stderr)
    sys.exit(DONE if well else UNWELL)


def import_file(scene: Scene, path: Path) -> None:
    """Import one file."""
    try:
        with scene.open() as engagerr:
            engagerr.workspace().ingestion.import_file(path)
    except EngagerrError as error:
        print(f"    an import ended: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(REFUSED)
    sys.exit(DONE)
