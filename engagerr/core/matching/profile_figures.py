"""The figures of profiles, for many creators at once. A number without a basis is not there, and its state says why."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from engagerr.core.matching.profile_reading import RECENT_PIECES, YEAR_DAYS
from engagerr.core.metrics.insights.engagement import rates
from engagerr.core.metrics.insights.formulas import find_formula

if TYPE_CHECKING:
    import pandas as pd

WINDOW_DAYS = 90
# Views of younger pieces are half grown; of fewer pieces a median says little.
YOUNGEST_DAYS = 3
FEWEST_PIECES = 3
# Each rate by one named formula (see `engagerr insight formulas`), never by a mixture of two.
FORMULAS: Mapping[str, str] = {
    "engagement_by_views": "engagerr",
    "engagement_by_followers": "stellar",
    "engagement_by_reach": "rivaliq-reach",
}
NOT_OBSERVED = "not_observed"
NOT_REPORTED = "not_reported"
NOT_APPLICABLE = "not_applicable"
TOO_FEW = "too_few"

Figures = dict[str, Any]


@dataclass(slots=True)
class Sheet:
    """The figures of one creator, and why others are missing: {figure: state}."""

    values: Figures = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    platforms: dict[str, Figures] = field(default_factory=dict)

    def put(self, name: str, value: Any, state: str = NOT_OBSERVED) -> None:
        """Keep a figure; None is missing, for the reason `state`."""
        if value is None or value != value:  # noqa: PLR0124  NaN
            self.missing[name] = state
        else:
            self.values[name] = value
            self.missing.pop(name, None)


def sheets_of(
    creators: Iterable[str],
    *,
    accounts: pd.DataFrame,
    follower_states: Mapping[str, str],
    items: pd.DataFrame,
    pieces: pd.DataFrame,
    nodes: pd.DataFrame,
    family_items: pd.DataFrame,
    deals: pd.DataFrame,
    looked_at: Mapping[str, datetime | None],
    now: datetime,
) -> dict[str, Sheet]:
    """A sheet of figures a creator. Frames as `profile_reading` and `metrics.dataset` give them, ids as text."""
    sheets = {creator: Sheet() for creator in creators}
    _reach(sheets, accounts, follower_states)
    _engagement(sheets, accounts, items, now)
    _views(sheets, items)
    _cadence(sheets, pieces, looked_at, now)
    _families(sheets, nodes, family_items)
    _deals(sheets, deals, pieces, now)
    _dated(sheets, accounts, items)
    return sheets


def _number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)  # noqa: PLR0124  NaN


def _reach(sheets: Mapping[str, Sheet], held: pd.DataFrame, states: Mapping[str, str]) -> None:
    """Followers of the largest account, of all, and how the largest grew; each platform's own beside them."""
    known = held[held["followers"].notna()].sort_values(["followers", "account"], ascending=[False, True])
    of_creator: dict[str, list[dict[str, Any]]] = {}
    for record in _records(known):
        of_creator.setdefault(record["creator_id"], []).append(record)
    for creator, sheet in sheets.items():
        ranked = of_creator.get(creator, [])
        state = states.get(creator, NOT_OBSERVED)
        if not ranked:
            for name in ("followers", "followers_sum", "growth_30d", "growth_90d"):
                sheet.put(name, None, state)
            continue
        sheet.put("followers", int(ranked[0]["followers"]))
        sheet.put("followers_sum", int(sum(one["followers"] for one in ranked)))
        for days in (30, 90):
            sheet.put(f"growth_{days}d", _growth(ranked[0], days))
        for one in ranked:
            own = sheet.platforms.setdefault(one["platform"], {})
            if "followers" not in own:
                own["followers"] = int(one["followers"])
                own["as_of"] = one["followers_at"].isoformat()
                if (growth := _growth(one, 30)) is not None:
                    own["growth_30d"] = growth


def _growth(account: Mapping[str, Any], days: int) -> float | None:
    before = _number(account[f"before_{days}d"])
    return None if not before else float(account["followers"]) / before - 1


def _engagement(sheets: Mapping[str, Sheet], held: pd.DataFrame, items: pd.DataFrame, now: datetime) -> None:
    """Each rate of the account with the most pieces that count; accounts and counting rules are never mixed."""
    have = {str(account) for account in items["account_id"].unique()}
    # Only accounts with pieces: to ask the others takes as long and gives nothing.
    asked = held[held["account_id"].isin(have)]
    # By creator and figure, and by platform too ("" is whichever has most): the most pieces, and the rate over them.
    best: dict[tuple[str, str, str], tuple[int, float]] = {}
    tried: dict[str, set[str]] = {}
    for name, formula in FORMULAS.items():
        found, _ = rates(items, asked, find_formula(formula), since=None, until=now, intervals=False)
        for rate in found:
            creator = str(rate.creator_id)
            tried.setdefault(creator, set()).add(name)
            if rate.value is None:
                continue
            for key in ((creator, name, ""), (creator, name, rate.platform)):
                if rate.n > best.get(key, (0, 0.0))[0]:
                    best[key] = (rate.n, rate.value)
    with_accounts = {str(one) for one in held["creator_id"].unique()}
    for creator, sheet in sheets.items():
        for name in FORMULAS:
            if (creator, name, "") in best:
                sheet.put(name, best[creator, name, ""][1])
            elif name in tried.get(creator, ()):
                sheet.put(name, None, TOO_FEW)
            else:
                has_pieces = creator in tried and creator in with_accounts
                sheet.put(name, None, NOT_APPLICABLE if has_pieces else NOT_OBSERVED)
    for (creator, name, platform), (_, value) in best.items():
        if platform:
            sheets[creator].platforms.setdefault(platform, {})[name] = value


def _views(sheets: Mapping[str, Sheet], items: pd.DataFrame) -> None:
    """The median of the views by the counting rule that most pieces have; other rules' views are not mixed in."""
    seen = items[items["views"].notna() & items["views_group"].notna() & ~items["doubled"]]
    seen = seen[seen["age_days"] >= YOUNGEST_DAYS]
    table = seen.groupby(["creator_id", "views_group"])["views"].agg(["count", "median"]).reset_index()
    table = table.sort_values(["count", "views_group"], ascending=[False, True], kind="stable")
    best = {row["creator_id"]: row for row in reversed(_records(table))}
    with_items = set(items["creator_id"])
    for creator, sheet in sheets.items():
        found = best.get(creator)
        if found is None:
            sheet.put("median_views", None, NOT_REPORTED if creator in with_items else NOT_OBSERVED)
        elif found["count"] < FEWEST_PIECES:
            sheet.put("median_views", None, TOO_FEW)
        else:
            sheet.put("median_views", round(found["median"]))
    own = seen.groupby(["creator_id", "platform", "views_group"])["views"].agg(["count", "median"]).reset_index()
    own = own.sort_values(["count", "views_group"], ascending=[False, True], kind="stable")
    for row in _records(own.drop_duplicates(["creator_id", "platform"])):
        if row["count"] >= FEWEST_PIECES:
            platform = sheets[row["creator_id"]].platforms.setdefault(row["platform"], {})
            platform["median_views"] = round(row["median"])


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in record.items()} for record in frame.to_dict("records")]


def _cadence(
    sheets: Mapping[str, Sheet],
    pieces: pd.DataFrame,
    looked_at: Mapping[str, datetime | None],
    now: datetime,
) -> None:
    """How often, how long, and of which kinds. A window in which nobody looked holds no zero."""
    # Plain lists: pandas takes milliseconds a group, and there are as many groups as creators.
    of_creator: dict[str, list[tuple[float | None, float | None, str | None, str, int]]] = {}
    columns = ("creator_id", "duration_seconds", "kind", "platform", "place")
    moments = _days_ago(pieces["published_at"], now)
    for age, (creator, seconds, kind, platform, place) in zip(
        moments, zip(*(pieces[name] for name in columns), strict=True), strict=True
    ):
        of_creator.setdefault(creator, []).append((age, _number(seconds), kind, platform, place))
    for creator, sheet in sheets.items():
        own = of_creator.get(creator)
        if own is None:
            for name in ("posts_30d", "posts_90d", "days_between_posts", "last_published_at",
                         "median_duration_seconds", "kinds"):  # fmt: skip
                sheet.put(name, None)
            continue
        ages = sorted(age for age, *_ in own if age is not None)
        looked = looked_at.get(creator)
        for days in (30, 90):
            known = looked is not None and looked >= now - timedelta(days=days) and ages
            sheet.put(f"posts_{days}d", sum(age <= days for age in ages) if known else None)
        quarter = [age for age in ages if age <= WINDOW_DAYS]
        gaps = [later - sooner for sooner, later in pairwise(quarter)]
        sheet.put("days_between_posts", _median(gaps) if len(quarter) >= FEWEST_PIECES else None, TOO_FEW)
        sheet.put("last_published_at", now - timedelta(days=ages[0]) if ages else None, NOT_REPORTED)
        recent = [one for one in own if one[4] <= RECENT_PIECES]
        sheet.put("median_duration_seconds", _median([one[1] for one in recent if one[1] is not None]), NOT_REPORTED)
        kinds = Counter(kind for _, _, kind, _, _ in recent if kind)
        total = kinds.total()
        sheet.values["kind_shares"] = {kind: round(count / total, 4) for kind, count in kinds.most_common()}
        sheet.put("kinds", sorted(kinds) or None, NOT_REPORTED)
        if "posts_90d" in sheet.values:
            posts = Counter(platform for age, _, _, platform, _ in own if age is not None and age <= WINDOW_DAYS)
            for platform in {one[3] for one in own}:
                sheet.platforms.setdefault(platform, {})["posts_90d"] = posts[platform]


def _days_ago(moments: pd.Series, now: datetime) -> list[float | None]:
    """How old each moment is, in days; None where there is none."""
    import pandas as pd

    ages = (pd.Timestamp(now) - moments).dt.total_seconds() / 86_400
    return [None if age != age else float(age) for age in ages]  # noqa: PLR0124  NaN


def _families(sheets: Mapping[str, Sheet], nodes: pd.DataFrame, items: pd.DataFrame) -> None:
    """Works on several platforms or with cuts, and what part of a work's plays its clips bring (median of families)."""
    columns = ("item_id", "views", "views_group", "doubled")
    figures = {
        item: (views, group)
        for item, views, group, doubled in zip(*(items[name] for name in columns), strict=True)
        if group is not None and views == views and not doubled  # noqa: PLR0124  NaN
    }
    shares: dict[str, list[float]] = {}
    counts: dict[str, list[int]] = {}
    with_clips: set[str] = set()
    names = ("creator_id", "family_id", "item_id", "platform", "depth", "relation")
    rows = zip(*(nodes[name] for name in names), strict=True)
    for (creator, _), family in groupby(rows, key=lambda row: (row[0], row[1])):
        members = list(family)
        roles = _roles((item, depth, relation) for _, _, item, _, depth, relation in members)
        platforms = len({member[3] for member in members})
        if platforms < 2 and all(role == "work" for role in roles.values()):
            continue
        counts.setdefault(creator, []).append(platforms)
        if "clip_of" not in roles.values():
            continue
        with_clips.add(creator)
        if (share := _clip_share(roles, figures)) is not None:
            shares.setdefault(creator, []).append(share)
    for creator, sheet in sheets.items():
        held = counts.get(creator)
        has_pieces = "last_published_at" in sheet.values or "kind_shares" in sheet.values
        sheet.put("families", len(held) if held else 0 if has_pieces else None)
        sheet.put("platforms_per_family", sum(held) / len(held) if held else None,
                  NOT_APPLICABLE if has_pieces else NOT_OBSERVED)  # fmt: skip
        sheet.put("clip_share", _median(shares.get(creator)),
                  NOT_REPORTED if creator in with_clips
                  else NOT_APPLICABLE if has_pieces else NOT_OBSERVED)  # fmt: skip


def _roles(nodes: Iterable[tuple[str, int, str | None]]) -> dict[str, str]:
    """What each item is to the work: a copy is what its original is (as `insights.clip_share.roles`)."""
    line: list[str] = []
    found: dict[str, str] = {}
    for item, depth, relation in nodes:
        del line[depth - 1 :]
        above = line[-1] if line else "work"
        line.append(above if relation in (None, "same_work") else str(relation))
        found[item] = line[-1]
    return found


def _clip_share(roles: Mapping[str, str], figures: Mapping[str, tuple[float, str]]) -> float | None:
    """Plays of clips over all plays of the family, by the counting rule under which both sides have most plays."""
    sums: dict[str, list[float]] = {}
    for item, role in roles.items():
        if item in figures:
            views, group = figures[item]
            held = sums.setdefault(group, [0.0, 0.0, 0.0])
            held[0] += views
            held[1] += views if role == "clip_of" else 0.0
            held[2] += role != "clip_of"
    both = [(total, clips) for total, clips, others in sums.values() if total > 0 and clips > 0 and others]
    if not both:
        return None
    total, clips = max(both)
    return float(clips / total)


def _median(values: list[float] | None) -> float | None:
    return statistics.median(values) if values else None


def _deals(sheets: Mapping[str, Sheet], deals: pd.DataFrame, pieces: pd.DataFrame, now: datetime) -> None:
    """What is on record of sponsors. Nothing on record says nothing: it is no share of zero."""
    recent = [age is not None and age <= YEAR_DAYS for age in _days_ago(pieces["published_at"], now)]
    totals = Counter(pieces["creator_id"][recent])
    of_creator: dict[str, list[tuple[str, float | None, str, str | None]]] = {}
    ages = _days_ago(deals["published_at"], now)
    names = ("creator_id", "item_id", "kind", "brand")
    for age, (creator, item, kind, brand) in zip(ages, zip(*(deals[n] for n in names), strict=True), strict=True):
        of_creator.setdefault(creator, []).append((item, age, kind, brand))
    for creator, sheet in sheets.items():
        own = of_creator.get(creator)
        if own is None:
            for name in ("sponsored_share", "disclosed_share", "last_sponsored_on"):
                sheet.put(name, None)
            continue
        of_year = [(item, kind) for item, age, kind, _ in own if age is not None and age <= YEAR_DAYS]
        paid = {item for item, kind in of_year if kind == "sponsorship"}
        told = {item for item, kind in of_year if kind == "disclosure"}
        sheet.put("sponsored_share", len(paid) / totals[creator] if totals[creator] else None)
        sheet.put("disclosed_share", len(paid & told) / len(paid) if paid else None, NOT_APPLICABLE)
        brands = {brand for _, _, kind, brand in own if kind == "sponsorship" and brand}
        sheet.values["brands"] = sorted(brands, key=str.casefold)
        last = min((age for _, age, kind, _ in own if kind == "sponsorship" and age is not None), default=None)
        day = None if last is None else (now - timedelta(days=last)).date().isoformat()
        sheet.put("last_sponsored_on", day, NOT_REPORTED)


def _dated(sheets: Mapping[str, Sheet], held: pd.DataFrame, items: pd.DataFrame) -> None:
    """When the newest figure of each creator, and of each platform of theirs, was observed."""
    newest: dict[str, Any] = {}
    for frame, column in ((held, "followers_at"), (items, "observed_at")):
        for creator, moment in frame.dropna(subset=[column]).groupby("creator_id")[column].max().items():
            key = str(creator)
            newest[key] = max(newest[key], moment) if key in newest else moment
    for creator, sheet in sheets.items():
        moment = newest.get(creator)
        sheet.put("figures_as_of", None if moment is None else moment.to_pydatetime())
