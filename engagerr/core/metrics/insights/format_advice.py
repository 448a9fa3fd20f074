"""Which length, format or moment of clips and posts does better than a creator's others, as far as families show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.dataset import HEADLINES, read_items
from engagerr.core.metrics.insights.forecast import at_age
from engagerr.core.metrics.insights.observed import break_moments, eras, observed_series
from engagerr.core.metrics.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from engagerr.core.db import Session

AT_AGE = "at_age"
LIFETIME = "lifetime"
DIVISIONS = ("length", "after", "of", "platform")
# Intervals of fewer hold the truth clearly less often than they say (decision 0019).
FEWEST_PIECES = 8
LEVEL = 0.95
# The share of false ones among all that is called advice.
FALSE_SHARE = 0.05
# Medians of ages further apart than this say more about age than about format.
_AGES_APART = 2.0
_RESAMPLES = 4_000
_SEED = 20_261_102
# Fixed and not learned: a band then means the same for every creator, and was not chosen for what it shows. Seconds.
_LENGTHS = (
    (20, "up to 20 s"), (40, "of 20–40 s"), (60, "of 40–60 s"), (90, "of 60–90 s"), (180, "of 90 s to 3 min"),
    (float("inf"), "over 3 min"),
)  # fmt: skip
# Days by the calendar (UTC), as some exports tell the day and no hour.
_AFTER = (
    (-1, "before the work"), (0, "on the day of the work"), (3, "1–3 days after the work"),
    (7, "4–7 days after the work"), (float("inf"), "over a week after the work"),
)  # fmt: skip
_ROLES = {"clip_of": "clips", "promotes": "posts", "derived_from": "remixes", "part_of": "parts"}
# What the renditions of a work are, in words: {kinds: words}.
_WORKS = {
    frozenset({"episode"}): "podcast episodes",
    frozenset({"long_video"}): "videos",
    frozenset({"live"}): "live videos",
    frozenset({"episode", "long_video"}): "podcast episodes with a video",
    frozenset({"episode", "live"}): "podcast episodes recorded live",
}

# What a piece was made of: for a copy of a clip, what the clip was made of. The renditions of a work count as one work,
# which came out when the first of them did.
_SOURCES = """
SELECT node.item_id, node.relation, edge.parent_id, node.kind, node.published_at
FROM content_nodes AS node
LEFT JOIN content_edges AS edge ON edge.tenant_id = node.tenant_id AND edge.id = node.edge_id
WHERE node.tenant_id = :tenant_id AND node.family_id = ANY (CAST(:family_ids AS uuid[]))
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The pieces of one sort against all others of their role, account and rule of counting.

    `ratio` is the median of their views, each as a multiple of the median of the others in its own account and rule;
    `low` and `high` are its 95 % percentile bootstrap interval. `p_value` is Mann and Whitney's; `adjusted` is it after
    Benjamini and Hochberg's correction for all comparisons that were made. `is_advice` if that is under 5 % and the
    interval leaves out 1. With fewer than 8 on a side the figures are None and `why` says so.
    """

    role: str
    division: str
    label: str
    platforms: tuple[str, ...]
    n: int
    others: int
    accounts: int
    ratio: float | None
    low: float | None
    high: float | None
    p_value: float | None
    adjusted: float | None
    is_advice: bool
    sentence: str
    why: str | None


@dataclass(frozen=True, slots=True)
class Formats:
    """What families say about formats: the advice, what showed no difference, and what could not be compared.

    `basis` is `at_age` (every piece at the same age of `days`) or `lifetime` (as last seen, `days` old or older).
    `left_out` counts pieces by the reason for which they could not be used; `why` is given where nothing was compared.
    """

    creator: str | None
    days: int
    basis: str
    n: int
    families: int
    comparisons: tuple[Comparison, ...]
    advice: tuple[str, ...]
    no_difference: tuple[str, ...]
    cautions: tuple[str, ...]
    left_out: tuple[tuple[str, int], ...]
    why: str | None

    def frame(self) -> pd.DataFrame:
        """One row a comparison; what is not known is NaN."""
        import pandas as pd

        frame = pd.DataFrame([asdict(one) for one in self.comparisons], columns=list(Comparison.__dataclass_fields__))
        return frame.astype(dict.fromkeys(("ratio", "low", "high", "p_value", "adjusted"), "float64"))


def formats(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    now: datetime,
    creator_ids: Sequence[UUID] | None,
    creator: str | None,
    platform: str | None,
    days: int,
    since: datetime | None,
    until: datetime | None,
) -> Formats:
    """Compare the clips and posts published in [since, until) that hang in families, by `DIVISIONS`."""
    if days < 1:
        raise InvalidInput(f"A clip cannot be {days} days old.", hint="Give the age in whole days: 7 or 30.")
    items = read_items(
        session, registry, tenant_id=tenant_id, creator_ids=creator_ids, platform=platform, since=since,
        until=until or now,
    )  # fmt: skip
    items["era"] = eras(registry, items)
    items["mixed"] = _mixed(registry, items)
    sources = _sources(session, tenant_id, sorted(set(items["family_id"])))
    for column in ("role", "source_kind", "source_at"):
        items[column] = [sources.get(one, {}).get(column) for one in items["item_id"]]
    pieces = items[items["role"].notna()].copy()
    names = sorted({name for one in set(pieces["platform"]) for name in HEADLINES.get(one, ("views",))})
    ids = [UUID(one) for one in pieces["item_id"]]
    observed = observed_series(session, tenant_id=tenant_id, ids=ids, metrics=names, until=until or now)
    pieces["at_age"] = [
        _at_age(observed.get(UUID(item_id), {}).get(metric, ()), published_at, days)
        for item_id, metric, published_at in zip(
            pieces["item_id"], pieces["views_metric"], pieces["published_at"], strict=True
        )
    ]
    return compare(pieces, days=days, creator=creator)


def compare(pieces: pd.DataFrame, *, days: int, creator: str | None = None) -> Formats:
    """The comparison itself: pieces with the columns of `read_items` and role, source_kind, source_at, era, mixed,
    at_age."""
    left_out: Counter[str] = Counter()
    basis, usable = _measured(pieces, days, left_out)
    found: list[Comparison] = []
    for role, own in usable.groupby("role", sort=True):
        for division in DIVISIONS:
            found += _divided(own, str(role), division)
    judged = _judged(found)
    told = [one for one in judged if one.ratio is not None]
    return Formats(
        creator=creator,
        days=days,
        basis=basis,
        n=len(usable),
        families=int(usable["family_id"].nunique()),
        comparisons=tuple(judged),
        advice=tuple(one.sentence for one in told if one.is_advice),
        no_difference=tuple(one.sentence for one in told if not one.is_advice),
        cautions=_cautions(basis, days, told),
        left_out=tuple(sorted(left_out.items())),
        why=None if told else _why(len(pieces), len(usable)),
    )


def _sources(session: Session, tenant_id: UUID, family_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """{item: its role, the kind of what it was made of, and when that came out}; renditions of works have none."""
    rows = {
        str(row.item_id): row
        for row in session.execute(text(_SOURCES), {"tenant_id": tenant_id, "family_ids": list(family_ids)})
    }

    def original(item: str | None) -> str | None:
        """The first of the renditions that an item is one of."""
        while item in rows and rows[item].relation == "same_work" and rows[item].parent_id is not None:
            item = str(rows[item].parent_id)
        return item

    renditions: dict[str, list[Any]] = {}
    for item, row in rows.items():
        renditions.setdefault(str(original(item)), []).append(row)
    found: dict[str, dict[str, Any]] = {}
    for item in rows:
        first = rows.get(str(original(item)))
        if first is None or first.relation is None or first.parent_id is None:
            continue
        of = renditions.get(str(original(str(first.parent_id))), [])
        dates = [row.published_at for row in of if row.published_at is not None]
        found[item] = {
            "role": first.relation,
            "source_kind": _work_kind([row.kind for row in of]),
            "source_at": min(dates, default=None),
        }
    return found


def _work_kind(kinds: Sequence[str | None]) -> str | None:
    """What a work is, by all of its renditions; None where the kind of one of them is not known."""
    known = frozenset(kind for kind in kinds if kind is not None)
    if not known or None in kinds:
        return None
    return _WORKS.get(known, " and ".join(sorted(kind.replace("_", " ") for kind in known)))


def _mixed(registry: Registry, items: pd.DataFrame) -> list[bool]:
    """Whether an item's views were counted by one rule first and by another one later."""
    keys = zip(
        items["platform"],
        items["views_metric"],
        items["kind"],
        items["published_at"],
        items["observed_at"],
        strict=True,
    )
    return [
        metric is not None
        and any(published < change <= seen for change in break_moments(registry, platform, metric, kind))
        for platform, metric, kind, published, seen in keys
    ]


def _at_age(points: Sequence[Any], published_at: Any, days: int) -> float | None:
    return at_age(points, published_at.to_pydatetime(), days) if points and published_at == published_at else None  # noqa: PLR0124  NaT


def _keep(items: pd.DataFrame, usable: pd.Series, reason: str, left_out: Counter[str]) -> pd.DataFrame:
    lost = int((~usable).sum())
    if lost:
        left_out[reason] += lost
    return items[usable]


def _measured(pieces: pd.DataFrame, days: int, left_out: Counter[str]) -> tuple[str, pd.DataFrame]:
    """The pieces with a number, `measured`: all at one age where most have that, else all as last seen."""
    pieces = _keep(pieces, pieces["published_at"].notna(), "when it was published is not known", left_out)
    pieces = _keep(pieces, pieces["views"].notna(), "views not known", left_out)
    old = pieces["age_days"] >= days
    known = pieces["at_age"].astype("float64").notna()
    if known.sum() >= max(FEWEST_PIECES * 2, old.sum() / 2):
        pieces = _keep(pieces, known, f"no number at {days} days", left_out)
        return AT_AGE, pieces.assign(measured=pieces["at_age"].astype("float64"), age=float(days))
    pieces = _keep(pieces, old, f"last seen before it was {days} days old", left_out)
    return LIFETIME, pieces.assign(measured=pieces["views"], age=pieces["age_days"])


def _divided(pieces: pd.DataFrame, role: str, division: str) -> list[Comparison]:
    """One comparison for every sort of a division that has another one to be compared with."""
    labels = _labels(pieces, division)
    pieces = pieces.assign(label=labels)[labels.notna()]
    # Across platforms, counts compare only where they were made under one rule throughout.
    if division == "platform":
        pieces = pieces[~pieces["mixed"].astype(bool)]
    alike = ["creator_id", "views_group"] if division == "platform" else ["account_id", "views_group", "era"]
    sorts = sorted(set(pieces["label"]), key=_order)
    # Of two, one against the other is the other against the one.
    samples = {label: _against(pieces, label, alike) for label in (sorts if len(sorts) > 2 else sorts[:1])}
    return [_comparison(role, division, label, sample) for label, sample in samples.items() if sample is not None]


def _labels(pieces: pd.DataFrame, division: str) -> pd.Series:
    import pandas as pd

    if division == "platform":
        return "on " + pieces["platform"].astype("object")
    if division == "of":
        return pieces["source_kind"].map(lambda kind: f"of {kind}" if isinstance(kind, str) else None).astype("object")
    if division == "length":
        values = pieces["duration_seconds"].where(pieces["duration_seconds"] > 0)
        bands: Sequence[tuple[float, str]] = _LENGTHS
    else:
        came = pd.to_datetime(pieces["source_at"], utc=True).dt.floor("D")
        values = (pieces["published_at"].dt.floor("D") - came).dt.days.astype("float64")
        bands = _AFTER
    return values.map(
        lambda value: next(label for longest, label in bands if value <= longest) if value == value else None  # noqa: PLR0124  NaN
    ).astype("object")


def _order(label: str) -> tuple[int, str]:
    known = [one for _, one in (*_LENGTHS, *_AFTER)]
    return (known.index(label) if label in known else len(known)), label


@dataclass(frozen=True, slots=True)
class _Sample:
    """The figures of one sort and of the others, a pair of arrays for each account and rule of counting."""

    pairs: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]
    platforms: tuple[str, ...]
    accounts: int
    age: float
    others_age: float


def _against(pieces: pd.DataFrame, label: str, alike: Sequence[str]) -> _Sample | None:
    """The pieces of a label beside the comparable others; None where there are none to compare with."""
    import numpy as np
    import pandas as pd

    pairs, used = [], []
    for _, group in pieces.groupby(list(alike), dropna=False, sort=True):
        inside = group["label"] == label
        others = np.sort(group.loc[~inside, "measured"].to_numpy(dtype="float64"))
        # Against fewer the median would be one or two pieces' own, a median of zero is no measure, and one piece alone
        # has no spread that could be drawn from.
        if inside.sum() > 1 and len(others) >= FEWEST_PIECES // 2 and np.median(others) >= 1:
            pairs.append((np.sort(group.loc[inside, "measured"].to_numpy(dtype="float64")), others))
            used.append(group)
    if not pairs:
        return None
    frame = pd.concat(used)
    inside = frame["label"] == label
    return _Sample(
        tuple(pairs), tuple(sorted(set(frame["platform"]))), int(frame["account_id"].nunique()),
        float(frame.loc[inside, "age"].median()), float(frame.loc[~inside, "age"].median()),
    )  # fmt: skip


def _ratio(*samples: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """The median of the first of each pair, as multiples of the median of the second.

    A resample may hold nothing but zeros; the least that is measured against is one view.
    """
    import numpy as np

    relative = [
        inside / np.maximum(np.median(others, axis=axis, keepdims=True), 1.0)
        for inside, others in zip(samples[::2], samples[1::2], strict=True)
    ]
    return np.asarray(np.median(np.concatenate(relative, axis=axis), axis=axis))


def _comparison(role: str, division: str, label: str, sample: _Sample) -> Comparison:
    """The ratio with its interval, and Mann and Whitney's test of ranks aligned by account (Hodges, Lehmann 1962)."""
    import numpy as np
    from scipy import stats

    n, others = (sum(len(pair[side]) for pair in sample.pairs) for side in (0, 1))
    ages = sorted((sample.age, sample.others_age))
    why = None
    if min(n, others) < FEWEST_PIECES:
        why = f"too few: {n} against {others}, {FEWEST_PIECES} are needed on each side"
    elif ages[1] > _AGES_APART * ages[0]:
        why = f"of different ages: {sample.age:.0f} days in the middle against {sample.others_age:.0f}"
    ratio = low = high = p_value = None
    if why is None:
        flat = [side for pair in sample.pairs for side in pair]
        ratio = float(_ratio(*flat))
        drawn: Any = stats.bootstrap(
            flat, _ratio, confidence_level=LEVEL, n_resamples=_RESAMPLES, method="percentile", vectorized=True,
            rng=np.random.default_rng(_SEED), batch=500,
        )  # fmt: skip
        low, high = float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)
        aligned = [np.concatenate([pair[side] / np.median(pair[1]) for pair in sample.pairs]) for side in (0, 1)]
        p_value = float(stats.mannwhitneyu(*aligned, alternative="two-sided").pvalue)
    return Comparison(
        role, division, label, sample.platforms, n, others, sample.accounts, ratio, low, high, p_value, None,
        is_advice=False, sentence="", why=why,
    )  # fmt: skip


def _judged(found: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with what is left of them when all that were made are taken into account."""
    from scipy import stats

    tested = [one.p_value for one in found if one.p_value is not None]
    adjusted = iter(stats.false_discovery_control(tested, method="bh")) if tested else iter(())
    judged = []
    for one in found:
        left = None if one.p_value is None else float(next(adjusted))
        is_advice = (
            left is not None and left < FALSE_SHARE and one.low is not None and one.high is not None
            and not one.low <= 1 <= one.high
        )  # fmt: skip
        judged.append(replace(one, adjusted=left, is_advice=is_advice, sentence=_sentence(one, is_advice=is_advice)))
    return judged


def _sentence(one: Comparison, *, is_advice: bool) -> str:
    noun = _ROLES.get(one.role, one.role)
    what = f"{noun.capitalize()} {one.label}"
    if one.division != "platform":
        what += f" ({', '.join(one.platforms)})"
    if one.ratio is None:
        return f"{what}: {one.why}."
    interval = f"95 % interval {one.low:.1f}–{one.high:.1f}, n = {one.n} against {one.others}"
    if is_advice:
        return f"{what} bring {one.ratio:.1f} times the views of the other {noun} (median, {interval})."
    return f"{what}: no difference seen ({one.ratio:.1f} times, {interval})."


def _why(pieces: int, usable: int) -> str:
    if not pieces:
        return "no clips or posts hang in a family: link them first (engagerr content suggest, engagerr content review)"
    return f"{usable} usable pieces are too few: {FEWEST_PIECES} of a sort and {FEWEST_PIECES} others are needed"


def _cautions(basis: str, days: int, told: Sequence[Comparison]) -> tuple[str, ...]:
    if not told:
        return ()
    when = (
        f"Views are those at {days} days."
        if basis == AT_AGE
        else f"Too few views at {days} days are known: they are those last seen, at {days} days or older."
    )
    lines = [
        "What goes together is not what causes: pieces of one sort may differ in subject, guest or season as well.",
        f"{when} Each piece is compared with others of its own account and rule of counting.",
        f"{len(told)} comparisons were made. What is called advice stands after a correction for all of them (Benjamini"
        f" and Hochberg): up to {FALSE_SHARE:.0%} of advice is expected to be chance.",
    ]
    if any(one.division == "platform" and one.is_advice for one in told):
        lines.append(
            "Platforms are compared where their counts mean the same; each has its own public and followers, and a"
            " piece that is on two of them is seen by both."
        )
    return tuple(lines)
