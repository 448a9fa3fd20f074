"""Random postings, singly and in batches, against a model of fifteen lines; and the books prove themselves after it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import hypothesis.strategies as st
from engagerr import Workspace
from engagerr.core.errors import EngagerrError
from engagerr.core.payments.ledger import Leg, NotEnough, balance
from hypothesis import given, settings
from tests.core.payments.ledger.conftest import NOW, Books, books_of, euros

NAMES = ("outside", "ann", "ben", "commission")
GUARDED = ("ann", "ben")


@dataclass
class Model:
    """What every account should hold: posted, pending in, pending out."""

    posted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    pending_in: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    pending_out: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def move(self, source: str, destination: str, posted: int, reserved: int) -> bool:
        """Whether it may be; a guarded source gives only what it has."""
        left = self.posted[source] - posted - self.pending_out[source] - reserved
        if source in GUARDED and left < 0:
            return False
        self.posted[source] -= posted
        self.posted[destination] += posted
        self.pending_out[source] += reserved
        self.pending_in[destination] += reserved
        return True

    def copy(self) -> Model:
        return Model(*(defaultdict(int, part) for part in (self.posted, self.pending_in, self.pending_out)))

    def held(self, name: str) -> tuple[int, int, int]:
        return self.posted[name], self.pending_in[name], self.pending_out[name]


ends = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] != pair[1])
leg = st.tuples(ends, st.integers(1, 60), st.sampled_from(["single", "single", "pending"]))
move = st.tuples(st.just("post"), st.lists(leg, min_size=1, max_size=4))
settle = st.tuples(st.sampled_from(["post", "void"]), st.integers(0, 9), st.floats(0, 1))
again = st.tuples(st.just("again"), st.integers(0, 9))


# Books never run backwards, so every step of every example is an hour after the one before.
_hours = itertools.count()


def test_the_books_are_what_a_model_says(workspace: Workspace) -> None:
    @settings(max_examples=25)
    @given(steps=st.lists(st.one_of(move, move, settle, again), min_size=1, max_size=10))
    def books_and_model_agree(steps: list[tuple[object, ...]]) -> None:
        follow(_fresh(workspace), steps)

    books_and_model_agree()
    found = workspace.payments.ledger.verify()
    assert found.breaks == ()
    assert found.transfers > 60


def follow(books: Books, steps: list[tuple[object, ...]]) -> None:
    accounts = {name: getattr(books, name) for name in NAMES}
    model = Model()
    reserved: list[tuple[UUID, str, str, int]] = []
    taken: list[tuple[str, list[Leg]]] = []
    moments = {}
    begin = [(("outside", "ann"), 60, "single"), (("outside", "ben"), 40, "single")]
    for number, (what, *rest) in enumerate([("post", begin), *steps]):
        now = NOW + timedelta(hours=next(_hours))
        key = f"{books.ann} {number}"
        if what == "again":
            if taken:
                old, legs = taken[int(str(rest[0])) % len(taken)]
                assert books.post(old, *legs, now=now).replayed
        elif isinstance(rest[0], list):
            _post(books, model, key, rest[0], now, accounts, reserved, taken)
        elif reserved:
            _settle(books, model, key, str(what), rest, now, reserved)
        moments[now] = {name: model.held(name) for name in NAMES}
        assert {name: books.held(accounts[name]) for name in NAMES} == moments[now]
    for now, then in moments.items():
        with books.access.database.transaction(books.tenant_id) as session:
            for name in NAMES:
                found = balance(session, tenant_id=books.tenant_id, account_id=accounts[name], at=now)
                assert (found.posted.minor, found.pending_in.minor, found.pending_out.minor) == then[name]
    assert sum(model.posted.values()) == 0


def _fresh(workspace: Workspace) -> Books:
    """Accounts that no example before had."""
    books = books_of(workspace)
    number = next(_hours)
    kinds = ("outside", "payable", "payable", "commission")
    return Books(books.access, *(books.open(kind, f"{number} {place}") for place, kind in enumerate(kinds)))


def _post(books, model, key, drawn, now, accounts, reserved, taken) -> None:  # type: ignore[no-untyped-def]
    legs, after, fits = [], model.copy(), True
    for (source, destination), minor, phase in drawn:
        legs.append(Leg(accounts[source], accounts[destination], euros(minor), "release", phase))
        fits = fits and after.move(
            source, destination, minor if phase == "single" else 0, minor if phase == "pending" else 0
        )
    try:
        posting = books.post(key, *legs, now=now)
    except NotEnough:
        assert not fits
        return
    assert fits
    model.posted, model.pending_in, model.pending_out = after.posted, after.pending_in, after.pending_out
    taken.append((key, legs))
    for ((source, destination), minor, phase), transfer in zip(drawn, posting.transfers, strict=True):
        if phase == "pending":
            reserved.append((transfer.id, source, destination, minor))


def _settle(books, model, key, how, rest, now, reserved) -> None:  # type: ignore[no-untyped-def]
    place = rest[0] % len(reserved)
    transfer, source, destination, minor = reserved.pop(place)
    part = max(1, round(minor * rest[1])) if how == "post" else minor
    books.settle(key, [transfer], how, now=now, amounts={transfer: part})
    assert model.move(source, destination, part if how == "post" else 0, -minor)
    try:
        books.settle(f"{key} again", [transfer], "void", now=now)
    except EngagerrError:
        return
    raise AssertionError("settled twice")
