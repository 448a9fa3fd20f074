"""The frames that analyses start from: one row an item, or one row an account, with its newest standard figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.metrics.figures import HELD_BY_ITS_TWIN
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.rulings import UNPUBLISHED, rulings

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

# What each platform shows as *the* count of a piece, in the order of preference: its own headline, whatever it counts.
HEADLINES: Mapping[str, tuple[str, ...]] = {
    "youtube": ("views",),
    "instagram": ("views", "ig_reels_aggregated_all_plays_count", "plays", "video_views", "impressions"),
    "facebook": ("views", "fb_reels_total_plays", "plays", "video_views", "impressions"),
    "tiktok": ("views", "video_views"),
    "twitch": ("views", "view_count"),
    "x": ("impressions", "views"),
    "linkedin": ("impressions", "views", "video_plays"),
    "podcast": ("downloads",),
    "spotify": ("streams", "downloads", "plays", "views"),
    "apple_podcasts": ("plays", "views"),
    "website": ("views", "page_views"),
}
FIGURES = (
    "reach", "likes", "comments", "shares", "saves", "clicks", "watch_time", "average_watch", "completion", "downloads",
    "follows_gained", "engaged_play",
)  # fmt: skip
ITEM_COLUMNS = (
    "item_id", "platform", "native_id", "kind", "account_id", "account", "creator_id", "creator", "title", "url",
    "published_at", "duration_seconds", "language", "family_id", "relation", "doubled", "age_days", "observed_at",
    "views", "views_metric", "views_group", *FIGURES,
)  # fmt: skip
ACCOUNT_COLUMNS = (
    "account_id", "platform", "handle", "account", "creator_id", "creator", "status", "country", "topics", "followers",
    "followers_at",
)  # fmt: skip

# `doubled` marks a Facebook copy whose views its Instagram twin's figure holds already.
_CHOSEN = """
SELECT item.id AS item_id, item.platform, item.native_id, item.kind, item.account_id,
       account.platform || ':' || account.handle AS account, account.creator_id, creator.name AS creator, item.title,
       item.url, item.published_at, item.duration_seconds::float8 AS duration_seconds, item.language,
       coalesce(node.family_id, item.id) AS family_id, node.relation,
       {doubled} AS doubled
FROM content_items AS item
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
LEFT JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
LEFT JOIN content_nodes AS node ON node.tenant_id = item.tenant_id AND node.item_id = item.id
WHERE item.tenant_id = :tenant_id
  AND (CAST(:creator_ids AS uuid[]) IS NULL OR account.creator_id = ANY (CAST(:creator_ids AS uuid[])))
  AND (CAST(:item_ids AS uuid[]) IS NULL OR item.id = ANY (CAST(:item_ids AS uuid[])))
  AND (CAST(:platform AS text) IS NULL OR item.platform = :platform)
  AND (CAST(:since AS timestamptz) IS NULL OR item.published_at >= :since)
  AND (CAST(:until AS timestamptz) IS NULL OR item.published_at < :until)
ORDER BY item.published_at, item.id
"""

# Of each moment the newest revision stands; of each figure the newest number about the item's whole life. Hardly any is
# observed before its item is published (a premiere, a day without its hour), so the months long before the first
# publication are not looked at.
_LONGEST_AHEAD = timedelta(days=62)
_NEWEST = """
WITH stands AS (
  SELECT DISTINCT ON (seen.subject_id, seen.metric, seen.observed_at, seen.period_days)
         seen.subject_id, seen.metric, seen.observed_at, seen.period_days, seen.value
  FROM unnest(CAST(:ids AS uuid[])) AS one (id)
  JOIN metric_observations AS seen ON seen.tenant_id = :tenant_id AND seen.subject_id = one.id
  WHERE seen.metric = ANY (CAST(:metrics AS text[]))
    AND seen.observed_at <= coalesce(CAST(:until AS timestamptz), 'infinity')
    AND seen.observed_at >= coalesce(CAST(:first AS timestamptz), '-infinity')
  ORDER BY seen.subject_id, seen.metric, seen.observed_at, seen.period_days, seen.revision DESC
)
SELECT DISTINCT ON (stands.subject_id, stands.metric)
       stands.subject_id, stands.metric, stands.observed_at, stands.period_days, stands.value::float8 AS value
FROM stands JOIN content_items AS item ON item.tenant_id = :tenant_id AND item.id = stands.subject_id
WHERE stands.value IS NOT NULL AND (stands.period_days = 0
   -- A day of grace: reports count days in the platform's own zone.
   OR item.published_at >= stands.observed_at - make_interval(days => stands.period_days + 1))
ORDER BY stands.subject_id, stands.metric, stands.observed_at DESC, stands.period_days DESC
"""

_ACCOUNTS = """
SELECT account.id AS account_id, account.platform, account.handle,
       account.platform || ':' || account.handle AS account, account.creator_id, creator.name AS creator,
       creator.status, creator.country, coalesce(creator.topics, '{}') AS topics,
       level.value::float8 AS followers, level.observed_at AS followers_at
FROM accounts AS account
LEFT JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
LEFT JOIN LATERAL (
  SELECT value, observed_at FROM (
    SELECT DISTINCT ON (seen.metric, seen.observed_at) seen.value, seen.observed_at
    FROM metric_observations AS seen
    WHERE seen.tenant_id = account.tenant_id AND seen.subject_id = account.id AND seen.period_days = 0
      AND seen.metric = ANY (CAST(:metrics AS text[]))
      AND seen.observed_at <= coalesce(CAST(:until AS timestamptz), 'infinity')
    ORDER BY seen.metric, seen.observed_at, seen.revision DESC) AS stands
  WHERE value IS NOT NULL ORDER BY observed_at DESC LIMIT 1
) AS level ON true
WHERE account.tenant_id = :tenant_id
  AND (CAST(:creator_ids AS uuid[]) IS NULL OR account.creator_id = ANY (CAST(:creator_ids AS uuid[])))
  AND (CAST(:names AS text[]) IS NULL OR account.platform || ':' || account.handle = ANY (CAST(:names AS text[])))
ORDER BY account.platform, account.handle_key
"""
# What platforms call the people who follow an account. (YouTube's item-level `subscribers` is another figure.)
FOLLOWERS = ("followers", "followers_count", "follower_count", "subscribers", "subscriber_count", "total_followers")


def read_items(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    creator_ids: Sequence[UUID] | None = None,
    item_ids: Sequence[UUID] | None = None,
    platform: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> pd.DataFrame:
    """The items published in [since, until), oldest first, with their lifetime figures as known by `until`.

    Columns: `ITEM_COLUMNS`. Figures are in their concept's unit (counts, seconds, ratios) as float64; NaN is "not
    known", whatever the reason. `views` is the platform's own headline count (`views_metric` names it) and may be added
    or compared only within one `views_group`. Figures about a part of an item's life are left out. `age_days` is how
    old the item was at `observed_at`, when its newest figure was observed.
    """
    import pandas as pd

    chosen = _frame(
        session, _CHOSEN.format(doubled=HELD_BY_ITS_TWIN), tenant_id=tenant_id, creator_ids=_ids(creator_ids),
        item_ids=_ids(item_ids), platform=platform, since=since, until=until,
    )  # fmt: skip
    if chosen.empty:
        return _typed(pd.DataFrame(columns=list(ITEM_COLUMNS)))
    names = sorted(
        {ruling.metric for ruling in rulings(registry) if ruling.concept in FIGURES}
        | {name for headline in HEADLINES.values() for name in headline}
    )
    published = chosen["published_at"].dropna()
    found = _frame(
        session, _NEWEST, tenant_id=tenant_id, ids=[str(item_id) for item_id in chosen["item_id"]], metrics=names,
        until=until,
        # Only where all are dated: an item without a date may have been seen at any time.
        first=published.min() - _LONGEST_AHEAD if len(published) == len(chosen) else None,
    )  # fmt: skip
    figures = _standard(registry, chosen, found)
    frame = chosen.merge(_wide(figures), how="left", left_on="item_id", right_index=True)
    frame = frame.merge(_headline(chosen, figures), how="left", left_on="item_id", right_index=True)
    frame = _typed(frame.reindex(columns=list(ITEM_COLUMNS)))
    frame["age_days"] = (frame["observed_at"] - frame["published_at"]).dt.total_seconds() / 86_400
    return frame


def read_accounts(
    session: Session,
    *,
    tenant_id: UUID,
    creator_ids: Sequence[UUID] | None = None,
    names: Sequence[str] | None = None,
    until: datetime | None = None,
) -> pd.DataFrame:
    """The accounts with the followers they had last, as known by `until`. Columns: `ACCOUNT_COLUMNS`.

    Those of these creators, or of these `names` (platform:handle), or all.
    """
    import pandas as pd

    frame = _frame(
        session,
        _ACCOUNTS,
        tenant_id=tenant_id,
        creator_ids=_ids(creator_ids),
        metrics=list(FOLLOWERS),
        until=until,
        names=None if names is None else list(names),
    )
    for column in ("account_id", "creator_id"):
        frame[column] = _as_text(frame[column])
    frame["followers"] = frame["followers"].astype("float64")
    frame["followers_at"] = pd.to_datetime(frame["followers_at"], utc=True)
    return frame


def _frame(session: Session, query: str, **values: Any) -> pd.DataFrame:
    import pandas as pd

    found = session.execute(text(query), values)
    return pd.DataFrame([tuple(row) for row in found], columns=list(found.keys()))


def _standard(registry: Registry, chosen: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The figures in their concepts' units, by the ruling of their day: the vectorised `standardise`."""
    import numpy as np
    import pandas as pd

    laid_out = pd.DataFrame(rulings(registry)).rename(columns={"kind": "ruled_kind"})
    laid_out["scale"] = laid_out["scale"].astype("float64")
    for column in ("day_from", "day_to", "published_from", "published_to"):
        laid_out[column] = [day.toordinal() for day in laid_out[column]]
    known = set(laid_out["ruled_kind"])
    items = chosen[["item_id", "platform", "kind", "published_at"]].copy()
    items["ruled_kind"] = [kind if kind in known else "" for kind in items["kind"]]
    items["published_on"] = [_day(moment).toordinal() for moment in items["published_at"]]
    joined = found.merge(items.drop(columns=["kind", "published_at"]), left_on="subject_id", right_on="item_id")
    observed = pd.to_datetime(joined["observed_at"], utc=True)
    # A figure about a period that ends at midnight belongs to the day that just ended.
    observed = observed - pd.to_timedelta((joined["period_days"] > 0).astype("int64"), unit="us")
    joined["day"] = observed.dt.floor("D").map(lambda moment: moment.toordinal()).astype("int64")
    ruled = joined.merge(laid_out, on=["platform", "metric", "ruled_kind"])
    within = (
        (ruled["day"] >= ruled["day_from"])
        & (ruled["day"] < ruled["day_to"])
        & (ruled["published_on"] >= ruled["published_from"])
        & (ruled["published_on"] < ruled["published_to"])
    )
    ruled = ruled[within].copy()
    ruled["figure"] = ruled["value"].astype("float64") * ruled["scale"]
    ruled["figure"] = ruled["figure"].replace([np.inf, -np.inf], np.nan)
    return ruled.sort_values(["item_id", "metric"], kind="stable")


def _wide(figures: pd.DataFrame) -> pd.DataFrame:
    """One column a concept: of two names of one thing the newer figure; what compares with nothing is left out."""
    import pandas as pd

    comparable = figures[(figures["grade"] != "not_comparable") & figures["concept"].isin(FIGURES)]
    # Of two names at one moment the first, as everywhere.
    in_turn = comparable.sort_values(["observed_at", "metric"], ascending=[True, False], kind="stable")
    newest = in_turn.groupby(["item_id", "concept"])["figure"].last()
    wide = newest.unstack("concept") if len(newest) else pd.DataFrame(index=pd.Index([], name="item_id"))
    wide = wide.reindex(index=figures["item_id"].unique(), columns=list(FIGURES)).astype("float64")
    wide["observed_at"] = figures.groupby("item_id")["observed_at"].max()
    return wide


def _headline(chosen: pd.DataFrame, figures: pd.DataFrame) -> pd.DataFrame:
    """The platform's own headline count of each item, with its name and what it may be added to."""
    import numpy as np

    order = {(platform, name): place for platform, names in HEADLINES.items() for place, name in enumerate(names)}
    keys = zip(figures["platform"], figures["metric"], strict=True)
    places = np.array([order.get(key, np.nan) for key in keys], dtype="float64")
    headline = figures.assign(place=places).dropna(subset=["place"]).sort_values(["item_id", "place"], kind="stable")
    first = headline.drop_duplicates("item_id").set_index("item_id")
    named = first[["figure", "metric", "sum_group"]].set_axis(["views", "views_metric", "views_group"], axis=1)
    return named.reindex(chosen["item_id"].unique())


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    for column in ("item_id", "account_id", "creator_id", "family_id"):
        frame[column] = _as_text(frame[column])
    for column in ("published_at", "observed_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    for column in ("duration_seconds", "age_days", "views", *FIGURES):
        frame[column] = frame[column].astype("float64")
    for column in ("kind", "creator", "title", "url", "language", "relation", "views_metric", "views_group"):
        frame[column] = frame[column].astype("object").where(frame[column].notna(), None)
    frame["doubled"] = frame["doubled"].astype("bool")
    return frame.reset_index(drop=True)


def _as_text(ids: pd.Series) -> pd.Series:
    return ids.map(lambda one: None if one is None or one != one else str(one)).astype("object")  # noqa: PLR0124  NaN


def _ids(ids: Sequence[UUID] | None) -> list[str] | None:
    return None if ids is None else [str(one) for one in ids]


def _day(moment: Any) -> date:
    import pandas as pd

    return UNPUBLISHED if pd.isna(moment) else moment.astimezone(UTC).date()
