"""Which model answers: the order in which they are asked, and the asking itself, down to the floor that always answers.

The router knows no tenant and no database: what a workspace allows, has spent and was answered before is given to it,
and what it did is given back, so that no transaction is open while another company thinks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engagerr.core.ai.answers import content_hash
from engagerr.core.ai.asking import Asking
from engagerr.core.ai.breakers import Breakers
from engagerr.core.ai.budget import Spent
from engagerr.core.ai.policy import FLOOR, Policy, permitted
from engagerr.core.ai.provider import Offer, Provider, Where
from engagerr.core.ai.tasks import CostClass, PrivacyClass, Task
from engagerr.core.ai.usage import Call, Outcome
from engagerr.core.errors import Broken, InvalidInput

if TYPE_CHECKING:
    from msgspec import Struct

    from engagerr.core.ai.answers import Kept
    from engagerr.core.clock import Clock

# Qualities that differ by no more are the same to the router: the cheaper one is asked first.
SAME_QUALITY = 0.02
# Prose is measured by whether it keeps to the facts, which rules do by construction and models nearly; how it reads
# is what they are asked for. So much more faithful must the floor be to come first.
PROSE = 0.1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may be asked. `quality` is what was measured here, or else what its provider measured; or None."""

    provider: Provider
    offer: Offer
    quality: float | None

    @property
    def label(self) -> str:
        """provider/model@version: as the cache, the qualities and the breakers call it."""
        return label_of(self.provider, self.offer)

    @property
    def is_floor(self) -> bool:
        """Whether it is what answers when nobody else does."""
        return self.provider.name == FLOOR

    @property
    def price(self) -> int:
        """What a thousand tokens in and out cost together: enough to compare by."""
        return self.offer.price.of(1000, 1000)


@dataclass(frozen=True, slots=True)
class Order:
    """Who is asked, first to last, and why the others are not, as (label, reason)."""

    candidates: tuple[Candidate, ...]
    shut_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Given:
    """An answer to one input, and why better models did not give it."""

    output: Struct
    candidate: Candidate
    outcome: Outcome
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking: an answer a place, lines for the accounts, answers for the cache by (label, hash).

    `refused` names the model that the budget does not cover, where the policy is to refuse; places without an answer
    are then None. `unanswered` says of each why nobody answered it, and `misfits` where somebody did, but wrongly.
    """

    answers: tuple[Given | None, ...]
    calls: tuple[Call, ...]
    made: Mapping[tuple[str, bytes], Struct]
    refused: str | None = None
    unanswered: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    misfits: frozenset[int] = frozenset()


class Router:
    """All providers of models, and who of them is asked first."""

    def __init__(
        self,
        providers: Sequence[Provider],
        *,
        clock: Clock,
        timeout_seconds: float = 30.0,
        breakers: Breakers | None = None,
    ) -> None:
        names = [provider.name for provider in providers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidInput(f"Two providers of models are called {twice[0]}.", hint="Give one of them another name.")
        for provider in providers:
            if provider.name == FLOOR and provider.where is not Where.HERE:
                raise Broken("The floor must answer on this machine.")
        self._providers = tuple(providers)
        self._clock = clock
        self._breakers = breakers or Breakers(clock)
        self._timeout_seconds = timeout_seconds

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the providers."""
        return tuple(provider.name for provider in self._providers)

    def offers(self, task: Task) -> tuple[tuple[Provider, Offer], ...]:
        """Every model that can do this task."""
        return tuple(
            (provider, offer) for provider in self._providers for offer in provider.offers() if offer.task == task.name
        )

    def order(
        self,
        task: Task,
        *,
        policy: Policy,
        qualities: Mapping[str, float],
        privacy: PrivacyClass,
        provider: str | None = None,
        model: str | None = None,
    ) -> Order:
        """Who is asked for words of this class, first to last.

        A model that is asked for by name comes first, then only the floor. Where the policy names providers, its order
        holds. Otherwise: the best quality first; of equal ones the cheaper, then the quicker. A model that nobody
        measured comes after the measured ones where a task runs over every item, and before the floor elsewhere. The
        floor is asked last of all, unless its figure is better (by more than a little, where prose is written).

        Raises:
            InvalidInput: the model asked for does not do this task.
        """
        candidates, shut_out = [], []
        for one, offer in self.offers(task):
            candidate = Candidate(one, offer, qualities.get(label_of(one, offer), offer.quality))
            named = (provider in (None, one.name)) and (model in (None, offer.model))
            if not named and not candidate.is_floor:
                continue
            why_not = permitted(one, privacy=privacy, policy=policy)
            if why_not is None:
                candidates.append(candidate)
            else:
                shut_out.append((candidate.label, why_not))
        if provider is not None or model is not None:
            self._refuse_unknown(task, provider, model)
            candidates.sort(key=lambda one: one.is_floor and provider != FLOOR)
        elif policy.providers:
            candidates = _by_preference(task, candidates, policy.providers)
        else:
            candidates = _by_worth(task, candidates)
        return Order(tuple(candidates), tuple(shut_out))

    def ask(
        self,
        task: Task,
        inputs: Sequence[Struct],
        order: Order,
        *,
        policy: Policy,
        spent: Spent,
        kept: Kept | None = None,
        progress: Callable[[int], None] | None = None,
        record: Callable[[Sequence[Call], Kept], None] | None = None,
    ) -> Asked:
        """Ask one after the other until every input has an answer that fits the task.

        What is in `kept` is not asked again. Each call ends within the time-out; what is wrong is repaired once. An
        input that stands there twice is asked once. `progress` is told how many have an answer.
        `record` is given the lines for the accounts and the answers for the cache at the end, and also where an error
        or Ctrl-C ends it before: what was paid for is kept.
        """
        keys = [content_hash(task, one) for one in inputs]
        once = dict(zip(keys, inputs, strict=True))
        asking = Asking(
            task, once, policy=policy, spent=spent, kept=kept or {}, breakers=self._breakers,
            timeout_seconds=self._timeout_seconds, clock=self._clock, progress=progress,
        )  # fmt: skip
        why_shut_out = tuple(f"{label}: {why}" for label, why in order.shut_out)
        try:
            for candidate in order.candidates:
                if not asking.waiting or asking.refused:
                    break
                asking.ask(candidate)
        finally:
            if record is not None:
                record(tuple(asking.calls), asking.made)
        answers = tuple(
            Given(*asking.answers[key], (*why_shut_out, *asking.why(key))) if key in asking.answers else None
            for key in keys
        )
        unanswered = {
            place: (*why_shut_out, *asking.why(key)) for place, key in enumerate(keys) if key not in asking.answers
        }
        misfits = frozenset(place for place in unanswered if keys[place] in asking.misfits)
        return Asked(answers, tuple(asking.calls), asking.made, asking.refused, unanswered, misfits)

    def _refuse_unknown(self, task: Task, provider: str | None, model: str | None) -> None:
        offers = self.offers(task)
        if any(provider in (None, one.name) and model in (None, offer.model) for one, offer in offers):
            return
        wanted = "/".join(filter(None, (provider, model)))
        there = ", ".join(f"{one.name}/{offer.model}" for one, offer in offers) or "none"
        raise InvalidInput(
            f"No model here is called {wanted} and does {task.name}.",
            hint=f"For {task.name} there are: {there}. `engagerr ai models` lists all; keys are in the settings.",
            facts={"task": str(task.name), "provider": provider, "model": model},
        )


def label_of(provider: Provider, offer: Offer) -> str:
    """provider/model@version."""
    return f"{provider.name}/{offer.model}@{offer.version}"


def _by_preference(task: Task, candidates: Sequence[Candidate], providers: Sequence[str]) -> list[Candidate]:
    """As the policy names them, each provider's models by worth; the floor last where it is not named."""
    place = {name: at for at, name in enumerate(providers)}
    return sorted(_by_worth(task, candidates), key=lambda one: place.get(one.provider.name, len(place)))


def _by_worth(task: Task, candidates: Sequence[Candidate]) -> list[Candidate]:
    def figure(one: Candidate) -> float:
        handicap = PROSE if one.is_floor and task.cost is CostClass.WRITING else 0.0
        return (one.quality or 0.0) - handicap

    measured = [one for one in candidates if one.quality is not None]
    unknown = sorted((one for one in candidates if one.quality is None), key=lambda one: (one.is_floor, *_cost(one)))
    ordered: list[Candidate] = []
    while measured:
        best = max(map(figure, measured))
        alike = [one for one in measured if figure(one) >= best - SAME_QUALITY]
        ordered += sorted(alike, key=_cost)
        measured = [one for one in measured if one not in alike]
    if task.cost is CostClass.LIGHT:
        return ordered + unknown
    above = [one for one in unknown if not one.is_floor]
    floor_at = next((at for at, one in enumerate(ordered) if one.is_floor), len(ordered))
    return [*ordered[:floor_at], *above, *ordered[floor_at:], *(one for one in unknown if one.is_floor)]


def _cost(one: Candidate) -> tuple[int, float, str]:
    return one.price, one.offer.seconds, one.label
