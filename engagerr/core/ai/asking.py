"""One round of asking: each model in turn gets what has no answer yet, and what it says is checked before it counts."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engagerr.core.ai.answers import Complaint, Kept, checked
from engagerr.core.ai.breakers import Breakers, TimedOut, within
from engagerr.core.ai.budget import Spent, estimated, in_the_way
from engagerr.core.ai.policy import OverBudget, Policy
from engagerr.core.ai.provider import ProviderFailed, Said
from engagerr.core.ai.tasks import Task, TaskName
from engagerr.core.ai.usage import Call, Outcome
from engagerr.core.errors import Broken

if TYPE_CHECKING:
    from msgspec import Struct

    from engagerr.core.ai.router import Candidate
    from engagerr.core.clock import Clock

# Answers to these are of use beside each other only if one model gave them all: vectors of two models cannot be
# compared.
_OF_ONE_MODEL = frozenset({TaskName.EMBED})
_MOST_OF_A_REASON = 300
# More than any model reads or writes in a call.
_MOST_TOKENS = 100_000_000


class _NoneFits(ProviderFailed):
    """It answered, and nothing of it fits the task. Counts as a failure; the answers are looked at all the same."""

    def __init__(self, heard: _Heard) -> None:
        super().__init__("its answer does not fit the task", transient=True)
        self.heard = heard


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a call brought: what was said to each input, and whether it is an answer."""

    said: Sequence[Said]
    answers: Sequence[Struct | Complaint]


class Asking:
    """The state of one round. `waiting` are the inputs without an answer, by their hash, in their order."""

    def __init__(
        self,
        task: Task,
        inputs: Mapping[bytes, Struct],
        *,
        policy: Policy,
        spent: Spent,
        kept: Kept,
        breakers: Breakers,
        timeout_seconds: float,
        clock: Clock,
        progress: Callable[[int], None] | None,
    ) -> None:
        self.waiting = dict(inputs)
        self.answers: dict[bytes, tuple[Struct, Candidate, Outcome]] = {}
        self.calls: list[Call] = []
        self.made: dict[tuple[str, bytes], Struct] = {}
        self.refused: str | None = None
        self.misfits: set[bytes] = set()
        self._why: dict[bytes, list[str]] = {}
        self._task = task
        self._inputs = inputs
        self._policy = policy
        self._spent = spent
        self._kept = kept
        self._breakers = breakers
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._progress = progress

    def why(self, key: bytes) -> tuple[str, ...]:
        """Why the models that were asked first did not answer this input."""
        return tuple(self._why.get(key, ()))

    def ask(self, candidate: Candidate) -> None:
        """Let one model answer what it can of what is waiting."""
        before = dict(self.waiting)
        self._take_kept(candidate)
        keys = list(self.waiting)
        size = max(1, candidate.offer.most_at_once)
        chunks = deque(keys[at : at + size] for at in range(0, len(keys), size))
        while chunks:
            chunk = chunks.popleft()
            rest = [key for one in (chunk, *chunks) for key in one]
            hindrance = self._hindrance(candidate, chunk, of=len(rest))
            if hindrance is not None:
                self._give_up(rest, candidate, hindrance)
                break
            failure = self._one_call(candidate, chunk)
            if failure is None:
                continue
            if failure.transient or len(chunk) == 1:
                self._give_up(chunk, candidate, failure.message)
            else:
                # One input that it cannot take must not cost the others their answer.
                half = len(chunk) // 2
                chunks.extendleft((chunk[half:], chunk[:half]))
        if self._task.name in _OF_ONE_MODEL and self.waiting:
            for key in before:
                self.answers.pop(key, None)
            self.waiting = before

    def _take_kept(self, candidate: Candidate) -> None:
        found = [key for key in self.waiting if (candidate.label, key) in self._kept]
        for key in found:
            self._answer(key, self._kept[candidate.label, key], candidate, Outcome.CACHED)
        if found:
            self._account(candidate, Outcome.CACHED, len(found), (), seconds=0.0)

    def _hindrance(self, candidate: Candidate, chunk: Sequence[bytes], *, of: int = 1) -> str | None:
        """Why this call is not made: the breaker, or the budget. Then `of` inputs are not asked about."""
        if not candidate.is_floor and (why_not := self._breakers.why_not(candidate.label)) is not None:
            return why_not
        likely = estimated(self._task, [self._inputs[key] for key in chunk], candidate.offer.price)
        in_way = in_the_way(self._policy, self._spent, likely)
        if in_way is None:
            return None
        if in_way is OverBudget.REFUSE:
            self.refused = candidate.label
        why = "the month's budget does not cover it"
        self._account(candidate, Outcome.REFUSED, of, (), seconds=0.0, reason=why)
        return why

    def _one_call(self, candidate: Candidate, chunk: Sequence[bytes]) -> ProviderFailed | None:
        """Make one call, take what fits, have the rest repaired; a failure of the whole call is returned."""
        begun = time.monotonic()
        try:
            heard = self._hear(candidate, chunk, None)
        except _NoneFits as none_fits:
            heard = none_fits.heard
        except ProviderFailed as failure:
            self._account_failure(candidate, len(chunk), failure, time.monotonic() - begun)
            return failure
        seconds = time.monotonic() - begun
        fits = [not isinstance(answer, Complaint) for answer in heard.answers]
        for outcome, wanted in ((Outcome.ANSWERED, True), (Outcome.FAILED, False)):
            said = [one for one, fit in zip(heard.said, fits, strict=True) if fit is wanted]
            if said:
                reason = None if wanted else "the answer did not fit the task"
                share = seconds * len(said) / len(chunk)
                self._account(candidate, outcome, len(said), said, seconds=share, reason=reason)
        for key, answer in zip(chunk, heard.answers, strict=True):
            if isinstance(answer, Complaint):
                self._repair(candidate, key, answer)
            else:
                self._answer(key, answer, candidate, Outcome.ANSWERED)
        return None

    def _repair(self, candidate: Candidate, key: bytes, complaint: Complaint) -> None:
        """Ask once more for one input, with what was wrong; a second wrong answer is refused."""
        if candidate.is_floor:
            raise Broken(
                f"{candidate.label} gave an answer to {self._task.name} that does not fit: {complaint.message}."
            )
        wrong = f"its answer did not fit the task ({complaint.message})"
        hindrance = self._hindrance(candidate, [key])
        if hindrance is not None:
            self._give_up([key], candidate, f"{wrong}; {hindrance}")
            return
        begun = time.monotonic()
        try:
            heard = self._hear(candidate, [key], complaint.message)
        except _NoneFits as none_fits:
            self._account(
                candidate, Outcome.FAILED, 1, none_fits.heard.said, seconds=time.monotonic() - begun,
                reason="the repaired answer did not fit the task either",
            )  # fmt: skip
            self.misfits.add(key)
            self._give_up([key], candidate, f"{wrong}, nor did the repaired one")
        except ProviderFailed as failure:
            self._account_failure(candidate, 1, failure, time.monotonic() - begun)
            self._give_up([key], candidate, f"{wrong}; {failure.message}")
        else:
            self._account(candidate, Outcome.REPAIRED, 1, heard.said, seconds=time.monotonic() - begun)
            [answer] = heard.answers
            if not isinstance(answer, Complaint):
                self._answer(key, answer, candidate, Outcome.REPAIRED)

    def _hear(self, candidate: Candidate, chunk: Sequence[bytes], complaint: str | None) -> _Heard:
        """One call, bounded in time and counted by the breaker; nothing that fits counts as a failure."""
        inputs = [self._inputs[key] for key in chunk]

        def call() -> Sequence[Said]:
            return candidate.provider.answer(
                self._task, inputs, model=candidate.offer.model, timeout_seconds=self._timeout_seconds,
                complaint=complaint,
            )  # fmt: skip

        def exchange() -> _Heard:
            said = within(self._timeout_seconds, call, name=candidate.label)
            heard = self._looked_at(inputs, said)
            if all(isinstance(answer, Complaint) for answer in heard.answers):
                raise _NoneFits(heard)
            return heard

        if candidate.is_floor:
            # Nobody comes after it: it is waited for, and a fault of it is a fault of ours.
            return self._looked_at(inputs, call())
        return self._breakers.guard(candidate.label, exchange)

    def _looked_at(self, inputs: Sequence[Struct], said: Sequence[Said]) -> _Heard:
        if not isinstance(said, Sequence) or not all(isinstance(one, Said) for one in said):
            raise ProviderFailed("it gave something else than answers", transient=True)
        if len(said) != len(inputs):
            raise ProviderFailed(f"it gave {len(said)} answers to {len(inputs)} inputs", transient=True)
        if any(not _is_count(one.tokens_in) or not _is_count(one.tokens_out) for one in said):
            raise ProviderFailed("it counted tokens that cannot be", transient=True)
        return _Heard(said, [checked(self._task, one, words.said) for one, words in zip(inputs, said, strict=True)])

    def _answer(self, key: bytes, answer: Struct, candidate: Candidate, outcome: Outcome) -> None:
        self.answers[key] = (answer, candidate, outcome)
        del self.waiting[key]
        if outcome is not Outcome.CACHED:
            self.made[candidate.label, key] = answer
        if self._progress is not None:
            self._progress(len(self.answers))

    def _give_up(self, keys: Sequence[bytes], candidate: Candidate, why: str) -> None:
        for key in keys:
            self._why.setdefault(key, []).append(f"{candidate.label}: {why}"[:_MOST_OF_A_REASON])

    def _account(
        self,
        candidate: Candidate,
        outcome: Outcome,
        inputs: int,
        said: Sequence[Said],
        *,
        seconds: float,
        reason: str | None = None,
    ) -> None:
        tokens_in, tokens_out = sum(one.tokens_in for one in said), sum(one.tokens_out for one in said)
        micro_usd = candidate.offer.price.of(tokens_in, tokens_out)
        self._spent = self._spent.and_(micro_usd)
        self._line(candidate, outcome, inputs, (tokens_in, tokens_out, micro_usd), seconds, reason)

    def _account_failure(self, candidate: Candidate, inputs: int, failure: ProviderFailed, seconds: float) -> None:
        # What was cut off may have been charged for, if anything costs something there.
        cut_off = isinstance(failure, TimedOut) and candidate.price > 0
        figures = (None, None, None) if cut_off else (0, 0, 0)
        self._line(candidate, Outcome.FAILED, inputs, figures, seconds, failure.message[:_MOST_OF_A_REASON])

    def _line(
        self,
        candidate: Candidate,
        outcome: Outcome,
        inputs: int,
        figures: tuple[int | None, int | None, int | None],
        seconds: float,
        reason: str | None,
    ) -> None:
        offer = candidate.offer
        self.calls.append(
            Call(candidate.provider.name, offer.model, offer.version, outcome, inputs, *figures, seconds, reason)
        )


def _is_count(tokens: object) -> bool:
    return isinstance(tokens, int) and 0 <= tokens <= _MOST_TOKENS
