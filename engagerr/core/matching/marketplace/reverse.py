"""Reverse match: for a creator, the open briefs that fit, of this workspace and of others that show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.ai.floor.formats import subject_of
from engagerr.core.errors import InvalidInput
from engagerr.core.matching.brief_file import Brief, brief_of
from engagerr.core.matching.condition import Condition
from engagerr.core.matching.constraints import constraints_of
from engagerr.core.matching.marketplace.listings import bring_up_to_date
from engagerr.core.matching.marketplace.published_briefs import PublishedBriefs
from engagerr.core.matching.marketplace.reads import count_read
from engagerr.core.matching.marketplace.shelf import read
from engagerr.core.matching.signals.signal import Asked
from engagerr.core.roster.identity import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

# (the brief as its file has it, the creator's profile by column) → how well they fit, None where nothing is known.
Score = Callable[[Mapping[str, Any], Mapping[str, Any]], float | None]

# Of each side, the newest: whoever has more open briefs than this looks for them by a search.
MOST_BRIEFS = 200


@dataclass(frozen=True, slots=True)
class FittingBrief:
    """A brief whose constraints the creator is not known to break. `score` from 0 to 1, None where nothing is known.

    `unknown` are wishes of the brief of which the creator's profile says nothing. `publisher` None: your own brief.
    """

    brief_id: UUID
    publisher: str | None
    brief: Brief
    score: float | None
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FittingBriefs:
    """The best of `fitting` briefs out of `looked_at`; `left_out` says how many fell out for what."""

    creator_id: UUID
    creator: str
    briefs: tuple[FittingBrief, ...]
    looked_at: int
    fitting: int
    left_out: tuple[tuple[str, int], ...]


def fitting_briefs(access: Access, creator: str, *, score: Score | None = None, limit: int = 25) -> FittingBriefs:
    """Open briefs that fit a creator, the best first, those of which nothing is known last.

    Without `score`, it is the share of the brief's wishes that the creator is known to meet, of those of which anything
    is known. Briefs of others that are returned are counted like any that are read (`ReadEnough`).
    """
    bring_up_to_date(access, creator, Permission.READ)
    with access.transaction(Permission.READ) as session:
        creator_id, name = find_creator(session, creator)
        profile = _profile(session, access, creator_id)
        candidates, unreadable = _candidates(session, access, shown_to_others=not profile["do_not_pitch"])
        left_out = Counter({"the brief cannot be read": unreadable} if unreadable else {})
        fitting = []
        for publisher, brief_id, brief in candidates:
            asked = Asked(brief, access.clock.now())
            if (reason := _broken(session, access, creator_id, asked)) is not None:
                left_out[reason] += 1
                continue
            wishes = _wishes(brief, profile)
            value = _share_met(wishes) if score is None else score(brief.document(), profile)
            unknown = tuple(wish for wish, met in wishes.items() if met is None)
            fitting.append(FittingBrief(brief_id, publisher, brief, value, unknown))
        fitting.sort(key=lambda one: (one.score is None, -(one.score or 0), one.brief.title, one.brief_id))
        returned = tuple(fitting[:limit])
        count_read(
            session, tenant_id=access.tenant.id, now=access.clock.now(),
            rows=sum(one.publisher is not None for one in returned),
        )  # fmt: skip
    return FittingBriefs(
        creator_id, name, returned, len(candidates) + unreadable, len(fitting), tuple(left_out.most_common())
    )


def _profile(session: Session, access: Access, creator_id: UUID) -> Mapping[str, Any]:
    rows = read(
        session,
        "SELECT * FROM creator_profiles AS profile WHERE tenant_id = %(tenant_id)s AND creator_id = %(creator_id)s",
        {"tenant_id": access.tenant.id, "creator_id": creator_id},
    )
    return rows[0]


def _candidates(
    session: Session, access: Access, *, shown_to_others: bool
) -> tuple[list[tuple[str | None, UUID, Brief]], int]:
    """(publisher, id, brief) of open briefs, and how many cannot be read. Whom nobody may pitch gets none of others."""
    rows = read(
        session,
        "SELECT id, title, document, brand FROM briefs WHERE tenant_id = %(tenant_id)s AND state = 'open'"
        " ORDER BY updated_at DESC, id LIMIT %(most)s",
        {"tenant_id": access.tenant.id, "most": MOST_BRIEFS},
    )
    found: list[tuple[str | None, UUID, Brief]] = []
    for row in rows:
        document = row["document"] if isinstance(row["document"], Mapping) else {}
        try:
            brief = brief_of({"brand": row["brand"], **document, "title": row["title"]}, where=row["title"])
        except InvalidInput:
            continue
        found.append((None, row["id"], brief))
    unreadable = len(rows) - len(found)
    if shown_to_others:
        others = Condition("profile.tenant_id <> %(tenant_id)s")
        for seen in PublishedBriefs(access).seen(session, others, MOST_BRIEFS):
            found.append((seen.publisher, seen.id, seen.shown))
    return found, unreadable


def _broken(session: Session, access: Access, creator_id: UUID, asked: Asked) -> str | None:
    """The first constraint of the brief that the creator is known to break."""
    constraints = constraints_of(asked, musts_by_meaning=False)
    parameters: dict[str, Any] = {"tenant_id": access.tenant.id, "creator_id": creator_id}
    for constraint in constraints:
        parameters |= constraint.parameters
    parameters |= {f"platform_{place}": platform for place, platform in enumerate(asked.brief.platforms)}
    cases = " ".join(f"WHEN {constraint.broken} THEN {place}" for place, constraint in enumerate(constraints))
    row = read(
        session,
        f"""
        SELECT CASE {cases} END AS place FROM creator_profiles AS profile
        WHERE profile.tenant_id = %(tenant_id)s AND profile.creator_id = %(creator_id)s
        """,  # noqa: S608  constraints of a fixed list, values are bound
        parameters,
    )[0]
    return None if row["place"] is None else constraints[row["place"]].reason


def _wishes(brief: Brief, profile: Mapping[str, Any]) -> dict[str, bool | None]:
    """What the brief asks for, and whether the creator meets it: None where the profile does not say."""
    spoken = {*profile["languages"], *profile["content_languages"]}
    about = {word.casefold() for word in (*profile["topics"], profile["main_topic"] or "") if word}
    found: dict[str, bool | None] = {}
    if brief.platforms:
        found["platforms"] = _any(brief.platforms, profile["platforms"])
    if brief.countries:
        found["countries"] = _any(brief.countries, [profile["country"]] if profile["country"] else [])
    if brief.languages:
        found["languages"] = _any(brief.languages, spoken)
    if brief.followers_min is not None or brief.followers_max is not None:
        followers = profile["followers"]
        low, high = brief.followers_min or 0, brief.followers_max
        found["followers"] = None if followers is None else low <= followers and (high is None or followers <= high)
    named = subject_of(brief.category) if brief.category else None
    subjects = [word.casefold() for word in (*brief.must, brief.category or "", named or "") if word]
    if subjects:
        found["subject"] = _any(subjects, about)
    for wish in brief.audience:
        share = profile["audience"].get(wish.dimension, {}).get(wish.value)
        found[f"audience: {wish.dimension} {wish.value}"] = None if share is None else share >= wish.share_min
    return found


def _any(wanted: Sequence[str], there: Any) -> bool | None:
    return bool(set(wanted) & set(there)) if there else None


def _share_met(wishes: Mapping[str, bool | None]) -> float | None:
    known = [met for met in wishes.values() if met is not None]
    return sum(known) / len(known) if known else None
