"""Verbs of matching: who fits a brief and why, how a few compare, and who is like somebody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.ai.tasks import MatchFacts, Piece, Pitch, PitchFacts, Reason, ReasonSignal, TaskName, Topics
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.matching.asking import Question, asked_of, question_of
from engagerr.core.matching.candidates import MOST_SCORED, Pool, broken_by, read_pool
from engagerr.core.matching.constraints import DO_NOT_PITCH
from engagerr.core.matching.lexical import Lexical, lexical_of
from engagerr.core.matching.lookalikes import Lookalike, lookalikes
from engagerr.core.matching.pieces_shown import pieces_shown, words_shown
from engagerr.core.matching.scoring import Match, Scored, match_at, score
from engagerr.core.matching.search.compiling import compile_search
from engagerr.core.matching.search.searching import Query
from engagerr.core.matching.vectors import RefreshedVectors, embed_newcomers, refresh_vectors, standing_model
from engagerr.core.matching.weights import read_weights
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engagerr.core.ai import Embedder
    from engagerr.core.ai.ai import Ai
    from engagerr.core.db import Session
    from engagerr.core.matching.brief_file import Brief
    from engagerr.core.matching.condition import Condition
    from engagerr.core.matching.profiles import Profiles
    from engagerr.core.matching.scoring import SignalValue
    from engagerr.core.matching.signals import Asked, Shown

_MOST_SHOWN = 1_000
_MOST_WEIGHT = 1_000_000
# What a creator may be told of what we know of them: their pieces, and for whom they are; never what they cost.
_SAID_IN_A_PITCH = ("item", "audience")
_MOST_STRENGTHS = 5
_MOST_WORDS = 6


@dataclass(frozen=True, slots=True)
class Excluded:
    """How many creators fell out for what. Who breaks two constraints is counted with the first."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """The best matches, best first, out of `considered` creators, of whom `passed` broke no constraint."""

    brief: Brief
    results: tuple[Match, ...]
    considered: int
    passed: int
    excluded: tuple[Excluded, ...]
    weights: Mapping[str, float]
    by_meaning: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Where the creator would stand if a signal were as good as can be: what is worth finding out, or asking for."""

    signal: str
    rank: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a creator stands where they stand. Of one whom the brief rules out, `match` is None and `broken` says why.

    `reason` is in words; `reason_by` names the model that wrote them, from the facts of the match alone.
    """

    creator_id: UUID
    creator: str
    match: Match | None
    rank: int | None
    passed: int
    broken: tuple[str, ...]
    what_if: tuple[WhatIf, ...]
    reason: str | None
    reason_by: str | None


@dataclass(frozen=True, slots=True)
class PitchDraft:
    """A message to be read by a person before it goes out; `by` wrote it. `broken` are constraints that speak against
    sending it at all."""

    creator: str
    subject: str
    body: str
    by: str
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was made anew: profiles out of how many, and vectors; None where no embedder is installed."""

    made: int
    profiles: int
    vectors: RefreshedVectors | None


@dataclass(frozen=True, slots=True)
class _Ranking:
    """All that one brief comes to in one moment: the question, the candidates, and their scores."""

    question: Question
    asked: Asked
    pool: Pool
    lexical: Lexical
    scored: Scored


class Matching:
    """Briefs held against the creators of this workspace."""

    def __init__(
        self,
        access: Access,
        *,
        profiles: Profiles,
        ai: Callable[[], Ai],
        embedder: Callable[[], Embedder | None],
        older: Callable[[str], Embedder | None] = lambda _space: None,
        newcomers: int = 300,
        most_scored: int = MOST_SCORED,
    ) -> None:
        """`older` opens the model of a space that the embedder has not taken over yet. Up to so many `newcomers` are
        embedded while somebody waits (two seconds); more of them wait for the night, or for `prepare`. Of more
        candidates than `most_scored`, those nearest to the brief by topic and meaning are scored."""
        self._access = access
        self._older = older
        self._newcomers = newcomers
        self._profiles = profiles
        self._ai = ai
        self._embedder = embedder
        self._most_scored = most_scored

    def find(self, brief: Brief, *, limit: int = 20, where: str | None = None) -> Found:
        """The creators who fit the brief best, each with its signals and what shows them.

        The same data gives the same answer. `limit` is from 1 to 1,000; `where` is a search expression (see `Search`).
        """
        _check_limit(limit)
        question = self.question(brief)
        with self._access.transaction(Permission.READ_TERMS, snapshot=True) as session:
            ranking = self._ranking(session, question, only=self._only(where))
            results = self._matches(session, ranking, ranking.scored.order[:limit].tolist())
        return Found(
            brief=brief,
            results=results,
            considered=ranking.pool.considered,
            passed=ranking.pool.passed,
            excluded=tuple(Excluded(reason, count) for reason, count in ranking.pool.excluded),
            weights=ranking.scored.weights,
            by_meaning=question.meaning is not None,
            at=ranking.asked.now,
        )

    def compare(self, brief: Brief, creators: Sequence[str]) -> tuple[Explanation, ...]:
        """These creators side by side, in the order in which the brief ranks them; whom it rules out comes last."""
        question = self.question(brief)
        with self._access.transaction(Permission.READ_TERMS, snapshot=True) as session:
            chosen = dict(find_creator(session, name) for name in creators)
            ranking = self._ranking(session, question, always=list(chosen))
            found = [self._explained(session, ranking, creator_id, name) for creator_id, name in chosen.items()]
        return tuple(sorted(found, key=lambda one: (one.rank is None, one.rank or 0, one.creator)))

    def explain(self, brief: Brief, creator: str) -> Explanation:
        """Why this creator stands where they stand, what is not known, and what would change it; also in words."""
        question = self.question(brief)
        with self._access.transaction(Permission.READ_TERMS, snapshot=True) as session:
            creator_id, name = find_creator(session, creator)
            found = self._explained(session, self._ranking(session, question, always=[creator_id]), creator_id, name)
        return found if found.match is None else self._in_words(brief, found)

    def lookalikes(
        self, creators: Mapping[str, float], *, limit: int = 20, where: str | None = None
    ) -> tuple[Lookalike, ...]:
        """Creators like these, who are named with their weights (above 0), best first; only those of `where`."""
        _check_limit(limit)
        if not creators or not all(0 < weight <= _MOST_WEIGHT for weight in creators.values()):
            raise InvalidInput(
                f"Look-alikes need a creator, each with a weight above 0 and up to {_MOST_WEIGHT:,}.",
                hint='Say "Ann Lee=2".',
            )
        only = None if where is None else compile_search(Query.of(where).where, now=self._access.clock.now())
        # What a role may not read, it may not ask by either.
        permission = Permission.READ_TERMS if only is not None and only.needs_terms else Permission.READ
        self._access.require(permission)
        self._keep_up()
        with self._access.transaction(permission, snapshot=True) as session:
            of: dict[UUID, float] = {}
            for name, weight in creators.items():
                creator_id, _ = find_creator(session, name)
                of[creator_id] = of.get(creator_id, 0.0) + weight
            condition = None if only is None else only.condition
            return lookalikes(session, tenant_id=self._access.tenant.id, of=of, only=condition, limit=limit)

    def pitch(self, brief: Brief, creator: str, *, language: str | None = None) -> PitchDraft:
        """A message to this creator about the brief, for a person to read and mend before it goes out.

        It speaks of what shows the match, never of rates. `language` is an ISO 639-1 code; without one, the brief's
        first language, or English. A creator who is not to be pitched is refused with `Conflict`.
        """
        explained = self.explain(brief, creator)
        if DO_NOT_PITCH in explained.broken:
            raise Conflict(
                f"{explained.creator} is not to be pitched.",
                hint=f'`engagerr creator show "{explained.creator}"` says why.',
                facts={"creator": str(explained.creator_id)},
            )
        signals = explained.match.signals if explained.match else ()
        strengths = [
            shown.detail
            for signal in signals
            if (signal.value or 0) >= 0.5
            for shown in signal.evidence
            if shown.kind in _SAID_IN_A_PITCH
        ]
        facts = PitchFacts(
            creator=explained.creator,
            brief=brief.title,
            brief_text=brief.text,
            strengths=tuple(strengths[:_MOST_STRENGTHS]),
            language=language or next(iter(brief.languages), "en"),
        )
        [answer] = self._ai().run(TaskName.PITCH, [facts]).answers
        assert isinstance(answer.output, Pitch)
        by = f"{answer.provider}/{answer.model}"
        return PitchDraft(explained.creator, answer.output.subject, answer.output.body, by, explained.broken)

    def prepare(self, *, progress: Callable[[int, int], None] | None = None) -> Prepared:
        """Bring all profiles and vectors up to date: after a large import, or a change of the embedder."""
        made = self._profiles.keep_up(overnight=True, progress=progress)
        embedder = self._embedder()
        vectors = None if embedder is None else refresh_vectors(self._access, embedder, progress=progress)
        return Prepared(made.made, made.profiles, vectors)

    # Steps

    def _keep_up(self) -> None:
        """Profiles as new as the last import, and vectors of those who have none, if they are few."""
        self._profiles.keep_up()
        if (embedder := self._embedder()) is not None:
            embed_newcomers(self._access, embedder, most=self._newcomers)

    def question(self, brief: Brief) -> Question:
        """The brief sorted and embedded, of profiles that are up to date: before a transaction is opened."""
        for permission in (Permission.READ_TERMS, Permission.USE_AI):
            self._access.require(permission)
        self._keep_up()
        embedder = self._embedder()
        model = None if embedder is None else standing_model(self._access, embedder, older=self._older)
        return question_of(brief, classify=self._classify, embedder=model)

    def _only(self, where: str | None) -> Condition | None:
        return None if where is None else compile_search(Query.of(where).where, now=self._access.clock.now()).condition

    def _classify(self, pieces: Sequence[Piece]) -> list[Topics]:
        batch = self._ai().run(TaskName.TOPIC, list(pieces))
        return [answer.output for answer in batch.answers]  # type: ignore[misc]

    def _ranking(
        self, session: Session, question: Question, *, only: Condition | None = None, always: Sequence[UUID] = ()
    ) -> _Ranking:
        tenant_id, brief = self._access.tenant.id, question.brief
        lexical = lexical_of(session, tenant_id=tenant_id, words=brief.words, languages=brief.languages)
        asked = asked_of(session, question, lexical, tenant_id=tenant_id, now=self._access.clock.now())
        pool = read_pool(
            session, tenant_id=tenant_id, asked=asked, meaning=question.meaning, lexical=lexical, only=only,
            always=always, most=self._most_scored,
        )  # fmt: skip
        scored = score(asked, pool, read_weights(session, tenant_id=tenant_id))
        return _Ranking(question, asked, pool, lexical, scored)

    def _matches(self, session: Session, ranking: _Ranking, places: Sequence[int]) -> tuple[Match, ...]:
        found = [match_at(ranking.asked, ranking.pool, ranking.scored, place) for place in places]
        creators = [match.creator_id for match in found]
        tenant_id, lexical = self._access.tenant.id, ranking.lexical
        pieces = pieces_shown(session, tenant_id=tenant_id, creators=creators, lexical=lexical)
        words = words_shown(session, tenant_id=tenant_id, creators=creators, lexical=lexical)
        return tuple(
            _with_rows(match, pieces.get(match.creator_id, ()), words.get(match.creator_id, ())) for match in found
        )

    def _explained(self, session: Session, ranking: _Ranking, creator_id: UUID, name: str) -> Explanation:
        asked, pool, scored = ranking.asked, ranking.pool, ranking.scored
        places = [place for place, one in enumerate(pool.columns["creator_id"]) if one == creator_id]
        if not places:
            broken = broken_by(
                session, tenant_id=self._access.tenant.id, asked=asked, meaning=ranking.question.meaning,
                creator_id=creator_id,
            )  # fmt: skip
            return Explanation(creator_id, name, None, None, pool.passed, broken, (), None, None)
        [match] = self._matches(session, ranking, places)
        rank = scored.order.tolist().index(places[0]) + 1
        what_if = [
            WhatIf(signal.name, _rank_with(scored, match.score + signal.weight * (1 - _counted(scored, signal)), rank))
            for signal in match.signals
            if signal.value is None or signal.value < 1
        ]
        better = tuple(sorted((one for one in what_if if one.rank < rank), key=lambda one: (one.rank, one.signal)))
        return Explanation(creator_id, name, match, rank, pool.passed, (), better, None, None)

    def _in_words(self, brief: Brief, found: Explanation) -> Explanation:
        match = found.match
        assert match is not None
        facts = MatchFacts(
            creator=match.creator,
            brief=brief.title,
            score=min(max(match.score, 0.0), 1.0),
            signals=tuple(
                ReasonSignal(
                    name=signal.name,
                    value=signal.value,
                    weight=signal.weight,
                    state=signal.state,
                    evidence=tuple(shown.detail for shown in signal.evidence),
                )
                for signal in match.signals
            ),
        )
        [answer] = self._ai().run(TaskName.MATCH_REASON, [facts]).answers
        assert isinstance(answer.output, Reason)
        return replace(found, reason=answer.output.reason, reason_by=f"{answer.provider}/{answer.model}")


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= _MOST_SHOWN:
        raise InvalidInput(f"A limit of {limit} is not possible.", hint=f"Choose from 1 to {_MOST_SHOWN:,}.")


def _with_rows(match: Match, pieces: tuple[Shown, ...], words: tuple[str, ...]) -> Match:
    """The pieces and the words themselves stand with the signal that they speak for."""
    named = f"says {', '.join(words[:_MOST_WORDS])}"

    def shown(signal: SignalValue) -> SignalValue:
        if signal.name != "topic_fit":
            return signal
        evidence = (replace(one, detail=named) if one.kind == "words" and words else one for one in signal.evidence)
        return replace(signal, evidence=(*evidence, *pieces))

    return replace(match, signals=tuple(map(shown, match.signals)))


def _counted(scored: Scored, signal: SignalValue) -> float:
    """What the signal stands in the score with, known or not."""
    return scored.stand_ins[signal.name] if signal.value is None else signal.value


def _rank_with(scored: Scored, points: float, rank: int) -> int:
    """Where a score would stand, if all others stayed as they are."""
    better = int((scored.scores > points).sum())
    return min(better + 1, rank)
