"""Which hour, weekday, length or format does better than an account's usual, as far as its posts can show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.dataset import read_items
from engagerr.core.metrics.definition import Surface
from engagerr.core.metrics.insights.observed import eras
from engagerr.core.metrics.registry import Registry, surface_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from engagerr.core.db import Session

DIVISIONS = ("hour", "weekday", "length", "format")
# `engagement` is likes and comments a view; the others are figures of `read_items`.
MEASURES = (
    "views", "engagement", "likes", "comments", "shares", "saves", "reach", "watch_time", "average_watch", "completion",
)  # fmt: skip
# Counts of a post keep growing; after a week what is still to come is small beside what separates posts from each
# other, and waiting longer would cost the newest posts.
SETTLED_DAYS = 7.0
FEWEST_POSTS = 5
LEVEL = 0.95
_RESAMPLES = 4_000
_SEED = 20_260_824
# With fewer posts, hours go together in threes: 24 bins of a handful each show nothing.
_POSTS_FOR_SINGLE_HOURS = 240
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Fixed edges and not quantiles: a bin then means the same for every creator and does not move with the next post.
# Seconds; the surface because half a minute is a short Short and no video at all.
_LENGTHS: dict[Surface, tuple[tuple[float, str], ...]] = {
    Surface.SHORT: ((15, "to 15 s"), (30, "15–30 s"), (60, "30–60 s"), (float("inf"), "over 60 s")),
    Surface.LONG: (
        (300, "to 5 min"), (600, "5–10 min"), (1200, "10–20 min"), (2400, "20–40 min"), (float("inf"), "over 40 min"),
    ),
    Surface.AUDIO: ((1200, "to 20 min"), (2400, "20–40 min"), (3600, "40–60 min"), (float("inf"), "over 60 min")),
    Surface.LIVE: ((3600, "to 1 h"), (7200, "1–2 h"), (14_400, "2–4 h"), (float("inf"), "over 4 h")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bin:
    """One hour, weekday, length or format: the median ratio to the account's usual post, with its 95 % interval.

    1 is the usual. With fewer than 5 posts `ratio`, `low` and `high` are None and `why` says so. `stands_out` if the
    bins differ as a whole and the interval leaves 1 out even when it is widened for so many comparisons (Bonferroni).
    """

    label: str
    n: int
    accounts: int
    ratio: float | None
    low: float | None
    high: float | None
    stands_out: bool
    why: str | None


@dataclass(frozen=True, slots=True)
class Best:
    """The bins in their natural order, and what they show together.

    `p_value` is of the Kruskal–Wallis test that all bins with enough posts are alike (None: fewer than two of them;
    `why` says so). `left_out` counts posts by the reason for which they could not be used.
    """

    by: str
    measure: str
    tz: str
    platform: str | None
    since: datetime | None
    until: datetime | None
    n: int
    accounts: int
    bins: tuple[Bin, ...]
    statistic: float | None
    p_value: float | None
    answer: str
    why: str | None
    cautions: tuple[str, ...]
    left_out: tuple[tuple[str, int], ...]

    def frame(self) -> pd.DataFrame:
        """One row a bin: label, n, accounts, ratio, low, high, stands_out, why. What is not known is NaN."""
        import pandas as pd

        frame = pd.DataFrame([asdict(row) for row in self.bins], columns=list(Bin.__dataclass_fields__))
        return frame.astype({"ratio": "float64", "low": "float64", "high": "float64"})


def best(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    now: datetime,
    creator_ids: Sequence[UUID] | None,
    by: str,
    measure: str,
    platform: str | None,
    since: datetime | None,
    until: datetime | None,
    tz: str = "UTC",
) -> Best:
    """Compare the posts published in [since, until) by one division, in one time zone (IANA name).

    Each post is measured against its own account: the ratio to the median of the comparable posts of that account.
    """
    if by not in DIVISIONS:
        raise InvalidInput(f"Posts cannot be divided by {by!r}.", hint=f"One of: {', '.join(DIVISIONS)}.")
    if measure not in MEASURES:
        raise InvalidInput(f"There is no measure {measure!r}.", hint=f"One of: {', '.join(MEASURES)}.")
    zone = _zone(tz)
    items = read_items(
        session, registry, tenant_id=tenant_id, creator_ids=creator_ids, platform=platform, since=since,
        until=until or now,
    )  # fmt: skip
    items["era"] = eras(registry, items)
    return compare(items, by=by, measure=measure, zone=zone, platform=platform, since=since, until=until)


def compare(
    items: pd.DataFrame,
    *,
    by: str,
    measure: str,
    zone: ZoneInfo,
    platform: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Best:
    """The comparison itself, over items with the columns of `read_items` and their `era`."""
    left_out: Counter[str] = Counter()
    usable = _ratios(_divided(_settled(items, measure, left_out), by, zone, left_out), by, measure, left_out)
    found = _bins(usable)
    enough = [label for label, ratios in found.items() if len(ratios) >= FEWEST_POSTS]
    statistic, p_value, why = _alike([found[label] for label in enough])
    differ = p_value is not None and p_value < 1 - LEVEL
    bins = tuple(_bin(label, ratios, usable, comparisons=len(enough), differ=differ) for label, ratios in found.items())
    return Best(
        by=by,
        measure=measure,
        tz=zone.key,
        platform=platform,
        since=since,
        until=until,
        n=len(usable),
        accounts=int(usable["account_id"].nunique()),
        bins=bins,
        statistic=statistic,
        p_value=p_value,
        answer=_answer(by, measure, bins, why),
        why=why,
        cautions=_cautions(by, len(enough), int(usable["account_id"].nunique()), int(usable["kind"].isna().sum())),
        left_out=tuple(sorted(left_out.items())),
    )


def _zone(tz: str) -> ZoneInfo:
    try:
        return ZoneInfo(tz)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidInput(
            f"There is no time zone {tz!r}.", hint="Give its IANA name, such as Europe/Berlin or America/New_York."
        ) from error


def _keep(items: pd.DataFrame, usable: pd.Series, reason: str, left_out: Counter[str]) -> pd.DataFrame:
    lost = int((~usable).sum())
    if lost:
        left_out[reason] += lost
    return items[usable]


def _settled(items: pd.DataFrame, measure: str, left_out: Counter[str]) -> pd.DataFrame:
    """The posts with a number that has settled, as a column `measured`."""
    items = items.copy()
    if measure == "engagement":
        items["measured"] = (items["likes"] + items["comments"]) / items["views"].where(items["views"] > 0)
    else:
        items["measured"] = items[measure]
    items = _keep(items, items["published_at"].notna(), "when it was published is not known", left_out)
    items = _keep(items, items["measured"].notna(), f"{measure} not known", left_out)
    return _keep(items, items["age_days"] >= SETTLED_DAYS, "last seen before it was 7 days old", left_out)


def _divided(items: pd.DataFrame, by: str, zone: ZoneInfo, left_out: Counter[str]) -> pd.DataFrame:
    """The posts with their bin: `order` for the sequence, `label` for people."""
    import pandas as pd

    local = items["published_at"].dt.tz_convert(zone)
    # Some exports give the day only, which then reads as its first moment.
    day_only = items["published_at"] == items["published_at"].dt.floor("D")
    if by == "hour":
        items = _keep(items, ~day_only, "the source tells the day and no hour", left_out)
        step = 1 if len(items) >= _POSTS_FOR_SINGLE_HOURS else 3
        order = local[~day_only].dt.hour // step * step
        return items.assign(order=order, label=[f"{hour:02}–{hour + step:02} h" for hour in order])
    if by == "weekday":
        order = local.dt.day_of_week.where(~day_only, items["published_at"].dt.day_of_week)
        return items.assign(order=order, label=[_WEEKDAYS[day] for day in order])
    items = _keep(items, items["kind"].notna(), "its kind is not known", left_out)
    if by == "format":
        return items.assign(order=items["kind"], label=items["kind"].str.replace("_", " "))
    lengths = [_length(kind, seconds) for kind, seconds in zip(items["kind"], items["duration_seconds"], strict=True)]
    items = items.assign(
        order=pd.Series([order for order, _ in lengths], items.index, dtype="object"),
        label=pd.Series([label for _, label in lengths], items.index, dtype="object"),
    )
    return _keep(items, items["label"].notna(), "its length is not known, or it has none", left_out)


def _length(kind: str, seconds: float) -> tuple[str | None, str | None]:
    surface = surface_of(kind)
    edges = _LENGTHS.get(surface) if surface else None
    if not edges or not seconds > 0:
        return None, None
    place, label = next((place, label) for place, (longest, label) in enumerate(edges) if seconds <= longest)
    return f"{surface}{place}", f"{surface} {label}"


def _ratios(items: pd.DataFrame, by: str, measure: str, left_out: Counter[str]) -> pd.DataFrame:
    """The posts with `ratio`, to the median of the account's comparable ones."""
    # Counts of views compare within one rule of counting only; formats are compared with each other, all else within.
    alike = ["account_id", *(["views_group", "era"] if measure in {"views", "engagement"} else [])]
    alike += [] if by == "format" else ["kind"]
    groups = items.groupby(alike, dropna=False)["measured"]
    usual = groups.transform("median")
    items = items.assign(ratio=items["measured"] / usual.where(usual > 0))
    enough = groups.transform("size") >= FEWEST_POSTS
    items = _keep(items, enough, f"fewer than {FEWEST_POSTS} comparable posts of the account", left_out)
    items = _keep(items, items["ratio"].notna(), "the account's usual post has none", left_out)
    if items["label"].nunique() < 2:
        return items
    # Where all comparable posts are of one bin, the usual is that bin's own: it would come out as 1, whatever it is.
    contrasted = items.groupby(alike, dropna=False)["label"].transform("nunique") > 1
    return _keep(items, contrasted, f"no comparable post of another {by}", left_out)


def _bins(usable: pd.DataFrame) -> dict[str, np.ndarray]:
    ordered = usable.sort_values(["order", "published_at", "item_id"], kind="stable")
    return {str(label): group["ratio"].to_numpy() for label, group in ordered.groupby("label", sort=False)}


def _alike(groups: Sequence[np.ndarray]) -> tuple[float | None, float | None, str | None]:
    """The Kruskal–Wallis test over the bins with enough posts, or why there is none."""
    import numpy as np
    from scipy import stats

    if len(groups) < 2:
        return None, None, f"fewer than two bins have {FEWEST_POSTS} posts or more"
    if len(np.unique(np.concatenate(groups))) == 1:
        return None, None, "all posts have the same figure"
    result = stats.kruskal(*groups)
    return float(result.statistic), float(result.pvalue), None


def _bin(label: str, ratios: np.ndarray, usable: pd.DataFrame, *, comparisons: int, differ: bool) -> Bin:
    """The median of a bin with its percentile bootstrap interval; the same posts give the same interval.

    BCa is no use here: its jackknife is not consistent for a median (Efron and Tibshirani 1993, chapter 11).
    """
    import numpy as np
    from scipy import stats

    accounts = int(usable.loc[usable["label"] == label, "account_id"].nunique())
    if len(ratios) < FEWEST_POSTS:
        return Bin(label, len(ratios), accounts, None, None, None, stands_out=False, why="too few")
    drawn: Any = stats.bootstrap(
        (np.sort(ratios),), np.median, confidence_level=LEVEL, n_resamples=_RESAMPLES, method="percentile",
        rng=np.random.default_rng(_SEED), vectorized=True,
    )  # fmt: skip
    interval = drawn.confidence_interval
    tail = (1 - LEVEL) / 2 / comparisons
    widest_low, widest_high = np.quantile(drawn.bootstrap_distribution, [tail, 1 - tail])
    return Bin(
        label,
        len(ratios),
        accounts,
        float(np.median(ratios)),
        float(interval.low),
        float(interval.high),
        stands_out=differ and not widest_low <= 1 <= widest_high,
        why=None,
    )


def _answer(by: str, measure: str, bins: Sequence[Bin], why: str | None) -> str:
    if why:
        return f"No comparison: {why}."
    better = [one for one in bins if one.stands_out and one.low is not None and one.low > 1]
    worse = [one for one in bins if one.stands_out and one.high is not None and one.high < 1]
    if not better and not worse:
        return f"No difference in {measure} by {by} that the data can show."
    said = []
    for words, found in (("more", better), ("less", worse)):
        if found:
            named = "; ".join(
                f"{one.label} ({one.ratio:.2f} times the usual, {one.low:.2f} to {one.high:.2f}, n = {one.n})"
                for one in sorted(found, key=lambda one: -(one.ratio or 0) if words == "more" else one.ratio or 0)
            )
            said.append(f"{words.capitalize()} {measure} than usual: {named}.")
    return " ".join(said)


def _cautions(by: str, bins: int, accounts: int, unknown: int) -> tuple[str, ...]:
    cautions = [
        "What goes together is not what causes: the posts of one bin may differ in subject, effort or season as well."
    ]
    if bins > 1:
        cautions.append(
            f"{bins} bins were compared: of 20 intervals at 95 % one leaves out the usual by chance, so a bin is named "
            "only where the bins differ as a whole (p < 0.05) and its interval, widened for so many, leaves it out too."
        )
    if by == "length":
        cautions.append("Lengths are compared with posts of the same kind and account only.")
    if unknown:
        cautions.append(f"{unknown} posts of unknown kind were compared with each other.")
    if accounts > 1:
        cautions.append(f"{accounts} accounts go together here, each measured against its own usual.")
    return tuple(cautions)
