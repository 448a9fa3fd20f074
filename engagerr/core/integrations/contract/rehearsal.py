"""A connector and the fake of its platform, and one pass over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engagerr.core.integrations.connector import Account, Connector, NoSignIn, Page, Stream, Window
from engagerr.core.integrations.contract.asking import PlainAsk
from engagerr.core.integrations.contract.fake_platform import NEWEST, FakePlatform
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record

UNTIL = NEWEST + timedelta(hours=18)


@dataclass(frozen=True, slots=True)
class Pass:
    """A connector, the platform that it reads from, and one account."""

    connector: Connector
    fake: FakePlatform
    ask: PlainAsk
    account: Account

    def window(self, *, since: datetime | None = None, cursor: str | None = None) -> Window:
        """What a pass is asked for; it takes place at `UNTIL`."""
        return Window(account=self.account, until=UNTIL, since=since, cursor=cursor)

    def fetch(self, stream: Stream, *, since: datetime | None = None, cursor: str | None = None) -> list[Page]:
        """All pages of a stream, from a cursor on."""
        return list(stream.fetch(self.ask, self.window(since=since, cursor=cursor)))

    def records(self, stream: Stream, pages: Iterable[Page]) -> list[Record]:
        """What the pages say."""
        return [record for page in pages for record in stream.read(page, self.account)]

    def ids(self, stream: Stream, pages: Iterable[Page]) -> list[str]:
        """The native ids of the items on the pages, in their order."""
        return [record.native_id for record in self.records(stream, pages) if isinstance(record, ItemRecord)]

    def every_record(self) -> list[Record]:
        """What all streams bring."""
        return [one for stream in self.connector.streams for one in self.records(stream, self.fetch(stream))]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A connector and the class of its platform's fake: each pass begins with a platform of its own."""

    connector: Connector
    fake: type[FakePlatform]

    def start(self, **platform: Any) -> Pass:
        """A pass over a fresh platform; `items` and `page_size` say how much it holds."""
        fake = self.fake(**platform)
        token = None if isinstance(self.connector.auth, NoSignIn) else "good-token"
        ask = PlainAsk(self.connector, fake.transport(), token=token)
        return Pass(self.connector, fake, ask, Account(self.connector.platform, fake.handle, fake.native_id))


def metrics_of(records: Iterable[Record]) -> list[tuple[ItemRecord | AccountRecord, MetricRecord]]:
    """Every figure with the record that tells it."""
    return [
        (record, metric)
        for record in records
        if isinstance(record, ItemRecord | AccountRecord)
        for metric in record.metrics
    ]
