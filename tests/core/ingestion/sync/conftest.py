"""A workspace whose accounts are connected to fake platforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from engagerr import Engagerr, Settings, Workspace
from engagerr.core.integrations.connector import Connector
from engagerr.core.integrations.registry import installed_connectors
from tests.fakes.clock import SteeredClock
from tests.fakes.platforms.fake_platform import FakePlatform


class Internet:
    """Leads each request to the fake platform that answers for its host."""

    def __init__(self) -> None:
        self.platforms: list[FakePlatform] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        for platform in self.platforms:
            if request.url.host in platform.hosts:
                return platform(request)
        raise httpx.ConnectError(f"nobody answers for {request.url.host}", request=request)


@dataclass
class World:
    """An agency with connected accounts, and what a test needs to steer their platforms."""

    work: Workspace
    engagerr: Engagerr
    clock: SteeredClock
    internet: Internet
    accounts: dict[str, str] = field(default_factory=dict)

    def connect(self, fake: FakePlatform, *, creator: str = "Ann Lee") -> str:
        """Connect the fake's account; returns its name, platform:handle."""
        if fake not in self.internet.platforms:
            self.internet.platforms.append(fake)
        row = self.work.platforms.connect_token(fake.connector, "good-token", creator=creator)
        self.accounts[fake.connector] = row.account
        return row.account

    def ids(self, platform: str) -> list[str]:
        """The native ids of the platform's items here, sorted; an id twice would be an item twice."""
        return sorted(item.native_id for item in self.work.content.list(platform=platform, limit=10_000))


@pytest.fixture
def connectors() -> Mapping[str, Connector]:
    """The connectors that the world knows; tests override it."""
    return installed_connectors()


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def world(
    settings: Settings, clock: SteeredClock, connectors: Mapping[str, Connector], internet: Internet
) -> Iterator[World]:
    with Engagerr(settings, clock=clock, connectors=connectors, transport=httpx.MockTransport(internet)) as engagerr:
        yield World(engagerr.init("Northlight", email="ann@northlight.example"), engagerr, clock, internet)


@pytest.fixture
def reopened(
    settings: Settings, clock: SteeredClock, internet: Internet
) -> Iterator[Callable[[Mapping[str, Connector]], Workspace]]:
    """The same workspace with other connectors: what a new version of Engagerr sees."""
    opened: list[Engagerr] = []

    def reopen(connectors: Mapping[str, Connector]) -> Workspace:
        engagerr = Engagerr(settings, clock=clock, connectors=connectors, transport=httpx.MockTransport(internet))
        opened.append(engagerr)
        return engagerr.workspace()

    yield reopen
    for engagerr in opened:
        engagerr.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return tmp_path
