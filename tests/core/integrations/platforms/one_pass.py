"""One pass of a connector over the fake of its platform: what the contract is checked with."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import engagerr.core.integrations.platforms as package
from engagerr.core.integrations.connector import Account, Connector, NoSignIn, Page, Stream, Window
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record
from engagerr.core.integrations.registry import installed_connectors
from tests.fakes.platforms.asking import PlainAsk
from tests.fakes.platforms.fake_platform import NEWEST, FakePlatform, all_fakes

UNTIL = NEWEST + timedelta(hours=18)


def _connectors() -> dict[str, Connector]:
    ours = {}
    for module in pkgutil.iter_modules(package.__path__):
        connector = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "CONNECTOR", None)
        if isinstance(connector, Connector):
            ours[connector.name] = connector
    return installed_connectors() | ours


FAKES = list(dict.fromkeys(all_fakes()))
FAKE_OF = {fake.connector: fake for fake in FAKES}
CONNECTORS = _connectors()
NAMES = sorted(CONNECTORS.keys() & FAKE_OF.keys())


@dataclass(slots=True)
class Pass:
    """A connector, the platform that it reads from, and one account."""

    connector: Connector
    fake: FakePlatform
    ask: PlainAsk
    account: Account

    def fetch(self, stream: Stream, *, since: datetime | None = None, cursor: str | None = None) -> list[Page]:
        return list(stream.fetch(self.ask, self.window(since=since, cursor=cursor)))

    def window(self, *, since: datetime | None = None, cursor: str | None = None) -> Window:
        return Window(account=self.account, until=UNTIL, since=since, cursor=cursor)

    def records(self, stream: Stream, pages: list[Page]) -> list[Record]:
        return [record for page in pages for record in stream.read(page, self.account)]

    def ids(self, stream: Stream, pages: list[Page]) -> list[str]:
        return [record.native_id for record in self.records(stream, pages) if isinstance(record, ItemRecord)]

    def every_record(self) -> list[Record]:
        return [one for stream in self.connector.streams for one in self.records(stream, self.fetch(stream))]


def start(name: str, **platform: Any) -> Pass:
    connector, fake = CONNECTORS[name], FAKE_OF[name](**platform)
    token = None if isinstance(connector.auth, NoSignIn) else "good-token"
    ask = PlainAsk(connector, fake.transport(), token=token)
    return Pass(connector, fake, ask, Account(connector.platform, fake.handle, fake.native_id))


def stream_of(name: str, stream_name: str) -> Stream:
    found = CONNECTORS[name].stream(stream_name)
    assert found is not None
    return found


@cache
def whole(name: str, stream_name: str) -> tuple[tuple[Page, ...], tuple[str, ...]]:
    """The pages of a stream of seven items, three a page, and the items on them."""
    one, stream = start(name), stream_of(name, stream_name)
    pages = one.fetch(stream)
    return tuple(pages), tuple(one.ids(stream, pages))


def has_items(name: str, stream_name: str) -> bool:
    return bool(whole(name, stream_name)[1])


def metrics_of(records: list[Record]) -> list[tuple[Record, MetricRecord]]:
    return [
        (record, metric)
        for record in records
        if isinstance(record, ItemRecord | AccountRecord)
        for metric in record.metrics
    ]
