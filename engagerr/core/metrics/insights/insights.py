"""The verbs of analysis. Each opens one transaction and asks one step; the answers live in the modules beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content import find_item
from engagerr.core.content.campaigns import campaign_item_ids, find_campaign
from engagerr.core.content.families import family_of, read_nodes
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.metrics.dataset import HEADLINES
from engagerr.core.metrics.figures import FigureReader
from engagerr.core.roster import account_id_of, accounts_of, find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.metrics.insights.audience import Audience, Overlap
    from engagerr.core.metrics.insights.benchmark import Benchmark
    from engagerr.core.metrics.insights.clip_share import ClipShare
    from engagerr.core.metrics.insights.engagement import Engagement
    from engagerr.core.metrics.insights.family_reach import FamilyReach
    from engagerr.core.metrics.insights.forecast import Forecast
    from engagerr.core.metrics.insights.format_advice import Formats
    from engagerr.core.metrics.insights.formulas import Formula
    from engagerr.core.metrics.insights.growth import Growth
    from engagerr.core.metrics.insights.media_value import MediaValue
    from engagerr.core.metrics.insights.timing import Best

OUR_FORMULA = "engagerr"


class Insights:
    """Rates, growth, comparisons and forecasts of this workspace's creators. Every answer has `.frame()` for pandas.

    A creator is named by id or name; None is the whole roster. Times are aware; figures are those known by `until`.
    """

    def __init__(self, access: Access, reader: FigureReader) -> None:
        self._access = access
        self._reader = reader

    def formulas(self) -> tuple[Formula, ...]:
        """The named engagement rates: what each divides by what, over which window, and who published it."""
        from engagerr.core.metrics.insights import formulas

        return formulas.formulas()

    def engagement(
        self,
        creator: str | None = None,
        *,
        formula: str = OUR_FORMULA,
        platform: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Engagement:
        """The engagement rate by a named formula, one row an account, with its interval, n and what was left out."""
        from engagerr.core.metrics.insights import engagement

        with self._asking() as (session, asked):
            return engagement.engagement(
                session, creator_ids=self._creators(session, creator), formula=formula, platform=platform, since=since,
                until=until, **asked,
            )  # fmt: skip

    def benchmark(
        self, creator: str, *, against: str = "roster", formula: str = OUR_FORMULA, platform: str | None = None
    ) -> Benchmark:
        """Where a creator stands among others of their tier and category: the roster's, prospects, or all."""
        from engagerr.core.metrics.insights import benchmark

        with self._asking() as (session, asked):
            return benchmark.benchmark(
                session, creator_id=find_creator(session, creator)[0], formula=formula, platform=platform,
                against=against, **asked,
            )  # fmt: skip

    def media_value(
        self,
        creator: str | None = None,
        *,
        campaign: str | None = None,
        family: str | None = None,
        rate_card: Path | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> MediaValue:
        """Earned media value as a range, by a versioned rate card. Of a creator, a campaign or a family."""
        from engagerr.core.metrics.insights import media_value

        card = media_value.read_rate_card(rate_card)
        with self._asking() as (session, asked):
            _refuse_empty(since, until or asked["now"])
            return media_value.media_value(
                session, creator_ids=self._creators(session, creator), rate_card=card, since=since, until=until,
                item_ids=self._items(session, campaign=campaign, family=family), **asked,
            )  # fmt: skip

    def growth(
        self,
        subject: str,
        *,
        metric: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Growth:
        """How a figure grew, with its gaps and its anomalies.

        `subject` is a creator, an account (platform:handle) or an item; without `metric`, the followers of accounts and
        the headline count of items.
        """
        from engagerr.core.metrics.insights import growth

        with self._asking() as (session, asked):
            _refuse_empty(since, until or asked["now"])
            accounts, items = self._subjects(session, subject)
            return growth.growth(
                session, account_ids=accounts, item_ids=items, metric=metric, since=since, until=until, **asked
            )

    def best(
        self,
        creator: str | None = None,
        *,
        by: str = "weekday",
        measure: str = "views",
        platform: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tz: str = "UTC",
    ) -> Best:
        """Which hour, weekday, length or format does better than the account's usual, with intervals and n."""
        from engagerr.core.metrics.insights import timing

        with self._asking() as (session, asked):
            _refuse_empty(since, until or asked["now"])
            self._refuse_unknown(session, platform)
            return timing.best(
                session, creator_ids=self._creators(session, creator), by=by, measure=measure, platform=platform,
                since=since, until=until, tz=tz, **asked,
            )  # fmt: skip

    def forecast(
        self, creator: str, *, platform: str, kind: str | None = None, measure: str = "views", days: int = 30
    ) -> Forecast:
        """What the next post should reach after so many days, as an interval that was back-tested, or why not."""
        from engagerr.core.metrics.insights import forecast

        with self._asking() as (session, asked):
            self._refuse_unknown(session, platform)
            return forecast.forecast(
                session, creator_id=find_creator(session, creator)[0], platform=platform, kind=kind, measure=measure,
                days=days, **asked,
            )  # fmt: skip

    def audience(self, creator: str, *, until: datetime | None = None) -> Audience:
        """Who follows and watches a creator, by dimension, as each platform says."""
        from engagerr.core.metrics.insights import audience

        with self._access.transaction(Permission.READ) as session:
            return audience.audience(
                session, tenant_id=self._access.tenant.id, creator_id=find_creator(session, creator)[0], until=until
            )

    def overlap(self, creators: Sequence[str], *, until: datetime | None = None) -> Overlap:
        """How alike the audiences of two or more creators are, and how many people they could share."""
        from engagerr.core.metrics.insights import audience

        with self._access.transaction(Permission.READ) as session:
            ids = [find_creator(session, creator)[0] for creator in creators]
            return audience.overlap(session, tenant_id=self._access.tenant.id, creator_ids=ids, until=until)

    def family_reach(self, family: str, *, until: datetime | None = None) -> FamilyReach:
        """How many people a family reached across platforms: bounds that hold, and an estimate with its assumptions."""
        from engagerr.core.metrics.insights import family_reach

        with self._access.transaction(Permission.READ) as session:
            item_id = find_item(session, family)
            return family_reach.family_reach(
                session, self._reader.registry, tenant_id=self._access.tenant.id, until=until,
                family_id=family_of(session, tenant_id=self._access.tenant.id, item_id=item_id),
            )  # fmt: skip

    def clips(
        self, family: str | None = None, *, creator: str | None = None, until: datetime | None = None
    ) -> ClipShare:
        """Which part of a work's audience its clips and posts are, and what is known of viewers whom they brought.

        Of the family of one item, or of all families of a creator.
        """
        from engagerr.core.metrics.insights import clip_share

        if (family is None) == (creator is None):
            raise InvalidInput("Name an item or a creator, and not both.", hint="engagerr insight clips ITEM")
        tenant_id = self._access.tenant.id
        with self._access.transaction(Permission.READ) as session:
            if family is not None:
                found = [family_of(session, tenant_id=tenant_id, item_id=find_item(session, family))]
                name = None
            else:
                creator_id, name = find_creator(session, str(creator))
                found = clip_share.family_ids(session, tenant_id=tenant_id, creator_id=creator_id)
            return clip_share.clip_share(
                session, self._reader.registry, tenant_id=tenant_id, families=found, creator=name, until=until
            )

    def formats(
        self,
        creator: str | None = None,
        *,
        platform: str | None = None,
        days: int = 30,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Formats:
        """Which length, moment or platform of clips and posts brings more views than the others, with intervals."""
        from engagerr.core.metrics.insights import format_advice

        with self._asking() as (session, asked):
            _refuse_empty(since, until or asked["now"])
            self._refuse_unknown(session, platform)
            creator_id, name = (None, None) if creator is None else find_creator(session, creator)
            return format_advice.formats(
                session, creator_ids=None if creator_id is None else [creator_id], creator=name, platform=platform,
                days=days, since=since, until=until, **asked,
            )  # fmt: skip

    @contextlib.contextmanager
    def _asking(self) -> Iterator[tuple[Session, dict[str, Any]]]:
        with self._access.transaction(Permission.READ) as session:
            yield session, {
                "registry": self._reader.registry, "tenant_id": self._access.tenant.id, "now": self._access.clock.now()
            }  # fmt: skip

    def _refuse_unknown(self, session: Session, platform: str | None) -> None:
        """No posts on a platform is an answer; a slip of the pen is none."""
        if platform is None or platform in HEADLINES:
            return
        known = text("SELECT EXISTS (SELECT FROM accounts WHERE tenant_id = :tenant_id AND platform = :platform)")
        if session.execute(known, {"tenant_id": self._access.tenant.id, "platform": platform}).scalar_one():
            return
        near = get_close_matches(platform.casefold(), HEADLINES, n=1)
        raise InvalidInput(
            f"There is no platform {platform!r}, and no account here is on it.",
            hint=f"Did you mean {near[0]}?" if near else f"One of: {', '.join(HEADLINES)}.",
        )

    def _creators(self, session: Session, creator: str | None) -> list[UUID] | None:
        return None if creator is None else [find_creator(session, creator)[0]]

    def _items(self, session: Session, *, campaign: str | None, family: str | None) -> list[UUID] | None:
        tenant_id = self._access.tenant.id
        if campaign is not None and family is not None:
            raise InvalidInput("A campaign and a family were both named.", hint="Name one of them.")
        if campaign is not None:
            return campaign_item_ids(
                session, tenant_id=tenant_id, campaign_id=find_campaign(session, campaign)[0], with_clips=True
            )
        if family is None:
            return None
        family_id = family_of(session, tenant_id=tenant_id, item_id=find_item(session, family))
        return [node.id for node in read_nodes(session, tenant_id=tenant_id, family_id=family_id)]

    def _subjects(self, session: Session, subject: str) -> tuple[list[UUID], list[UUID]]:
        """The accounts and the items that are meant: all accounts of a creator, one account, or one item."""
        try:
            creator_id = find_creator(session, subject)[0]
        except NotFound as no_creator:
            account_id = account_id_of(session, subject)
            if account_id is not None:
                return [account_id], []
            try:
                return [], [find_item(session, subject)]
            except (NotFound, InvalidInput):
                if ":" not in subject:
                    raise no_creator from None
                raise NotFound(
                    f"There is no account and no item {subject!r} here.",
                    hint="`engagerr account list` and `engagerr content list` show what is.",
                    facts={"subject": subject},
                ) from None
        return accounts_of(session, tenant_id=self._access.tenant.id, creator_id=creator_id), []


def _refuse_empty(since: datetime | None, end: datetime) -> None:
    if since is not None and since >= end:
        raise InvalidInput(
            f"The window is empty: it begins {since:%Y-%m-%d} and ends {end:%Y-%m-%d}.",
            hint="Swap the two, or give an earlier --since.",
        )
