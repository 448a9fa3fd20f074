"""One mutated input after another through recognisers, parsers, connectors' `read` and the URL parser.

What may come out is a result or an `EngagerrError` with a hint; anything else is a failure, and so is a record that
cannot be kept. Each input depends on the run's seed and its own number alone, so any of them can be made again.
"""

from __future__ import annotations

import math
import resource
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from engagerr.core.errors import EngagerrError
from engagerr.core.integrations.connector import Page, Part
from engagerr.core.integrations.formats.mapping_proposal import propose
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.formats.table import FORMATS, format_named, recognise
from engagerr.core.integrations.records import (
    AccountRecord,
    CreatorRecord,
    EdgeRecord,
    ItemRecord,
    MetricRecord,
    Notice,
    Rejection,
    State,
)
from engagerr.core.integrations.urls import canonical_url, find_urls, parse_url
from scripts.bench.fuzz_mutations import changed_json, mutated, mutated_text
from scripts.bench.fuzz_seeds import NOW, ROOT, URLS, PageSeed, Seed, kept_files, kept_pages, made_files, saved_answers

SAMPLES = ROOT / "scripts" / "sample_data"
_WITH_VALUE = (State.VALUE, State.ZERO, State.ESTIMATED)
_RECORDS = (ItemRecord, AccountRecord, CreatorRecord, EdgeRecord, Rejection, Notice)
_HANGS_AFTER_SECONDS = 30
_TRIES = 400  # to make a failing input smaller


class _Hangs(BaseException):
    """An input that is not done in half a minute."""


class _Unkeepable(Exception):
    """A record that no database can keep, or a refusal without a way on."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that broke its promise. `where` tells one bug from another; `data` is as small as it could be made."""

    number: int
    target: str
    where: str
    error: str
    data: bytes
    name: str


@dataclass(slots=True)
class Tally:
    """What became of a stretch of inputs."""

    inputs: int = 0
    by_target: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    slowest: list[tuple[float, int, str, str]] = field(default_factory=list)
    grown: list[tuple[int, int, str, str]] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def add(self, other: Tally) -> None:
        """Take another stretch in."""
        self.inputs += other.inputs
        self.by_target += other.by_target
        self.outcomes += other.outcomes
        self.failures += other.failures
        self.slowest = sorted(self.slowest + other.slowest, reverse=True)[:10]
        self.grown = sorted(self.grown + other.grown, reverse=True)[:10]
        self.cpu_seconds += other.cpu_seconds


@dataclass(frozen=True)
class Case:
    """One input: what is done with it, with which bytes, and what it is named."""

    number: int
    target: str
    name: str
    data: bytes
    run: Callable[[bytes], str]


class Fuzzer:
    """Seeds, and what is done with them. Not to be shared between processes."""

    def __init__(self, seed: int, *, data: Path | None = None) -> None:
        self._seed = seed
        self._data = data
        self._folder = Path(tempfile.mkdtemp(prefix="engagerr-fuzz-", dir=_memory_folder()))
        self._seen: Counter[str] = Counter()

    @cached_property
    def pages(self) -> list[PageSeed]:
        """What connectors read."""
        return kept_pages()

    @cached_property
    def seeds(self) -> dict[str, list[Seed]]:
        """Files by format, so that each format gets its share however many seeds it has."""
        found: dict[str, list[Seed]] = {known.name: [] for known in FORMATS}
        folders = [
            SAMPLES,
            *([self._data / name for name in ("api", "exports", "feeds", "influencers")] if self._data else ()),
        ]
        for seed in (*made_files(), *saved_answers(self.pages, self._folder), *kept_files(*folders)):
            found.setdefault(seed.format or "no format", []).append(seed)
        return {name: seeds for name, seeds in found.items() if seeds}

    def case(self, number: int) -> Case:
        """The input of that number."""
        random = Random(self._seed * 1_000_000_007 + number)
        what = random.random()
        if what < 0.08:
            return self._address(random, number)
        if what < 0.24:
            return self._page(random, number)
        known = random.choice(list(self.seeds))
        seed = random.choice(self.seeds[known])
        other = random.choice(self.seeds[random.choice(list(self.seeds))])
        data = mutated(random, seed.data, seed.name, other.data)
        way = random.random()
        forced = seed.format if way < 0.35 else other.format if way < 0.4 else None
        if forced is None and way > 0.95:
            return Case(number, "mapping proposal", seed.name, data, lambda given: self._propose(seed.name, given))
        return Case(number, known, seed.name, data, lambda given: self.read(seed.name, given, forced))

    def _address(self, random: Random, number: int) -> Case:
        text = random.choice(URLS)
        for _ in range(random.choice((1, 2, 4))):
            text = mutated_text(random, text, random.choice(URLS))[:20_000]
        return Case(number, "urls", "url", text.encode("utf-8", "surrogatepass"), _read_address)

    def _page(self, random: Random, number: int) -> Case:
        seed = random.choice(self.pages)
        at = random.randrange(len(seed.page.parts)) if seed.page.parts else None
        parts = list(seed.page.parts)
        if at is not None:
            part = parts[at]
            if part.raw is not None:
                raw = mutated(random, part.raw, "feed.xml", b"<item>")
                parts[at] = Part(part.name, part.body, raw, part.of, part.missing)
            else:
                parts[at] = Part(part.name, changed_json(random, part.body), None, part.of, part.missing)
            if random.random() < 0.1:
                parts.append(random.choice(parts))
            if random.random() < 0.1:
                del parts[random.randrange(len(parts))]
        data = msgspec.json.encode(Page(tuple(parts)))
        return Case(
            number, f"read {seed.connector.name}.{seed.stream}", "page", data, lambda given: _read_page(seed, given)
        )

    def read(self, name: str, data: bytes, forced: str | None) -> str:
        source = self._source(name, data)
        if forced is None:
            using = recognise(source)
        else:
            using = format_named(forced)
            using.recognise(source)
        kinds: Counter[type] = Counter()
        for record in using.parse(source, Reading(now=NOW)):
            _check(record)
            kinds[type(record)] += 1
        return "quarantined" if kinds[Rejection] else "imported"

    def _propose(self, name: str, data: bytes) -> str:
        propose(self._source(name, data), now=NOW)
        return "proposed"

    def _source(self, name: str, data: bytes) -> Source:
        path = self._folder / f"input{Path(name).suffix}"
        path.write_bytes(data)
        return Source(path, NOW)

    def run(self, numbers: range) -> Tally:
        """Put these inputs through; failures of one kind are minimised once."""
        tally = Tally()
        started = time.process_time()
        for number in numbers:
            case = self.case(number)
            peak, began = _peak_bytes(), time.process_time()
            failure = attempt(case)
            took, grown = time.process_time() - began, _peak_bytes() - peak
            tally.inputs += 1
            tally.by_target[case.target] += 1
            if isinstance(failure, str):
                tally.outcomes[case.target, failure] += 1
            else:
                tally.outcomes[case.target, "FAILED"] += 1
                self._seen[failure.where] += 1
                tally.failures.append(self.smallest(case, failure) if self._seen[failure.where] == 1 else failure)
            tally.slowest.append((took, number, case.target, case.name))
            tally.grown.append((grown, number, case.target, case.name))
            if len(tally.slowest) > 2000:
                tally.add(Tally())
        tally.cpu_seconds = time.process_time() - started
        tally.add(Tally())
        return tally

    def smallest(self, case: Case, failure: Failure) -> Failure:
        """A smaller input that fails in the same place: by taking out halves, quarters, eighths …"""
        best, tries, size = case.data, 0, max(1, len(case.data) // 2)
        while size and tries < _TRIES:
            at, shrunk = 0, False
            while at < len(best) and tries < _TRIES:
                candidate = best[:at] + best[at + size :]
                tries += 1
                found = attempt(Case(case.number, case.target, case.name, candidate, case.run))
                if isinstance(found, Failure) and found.where == failure.where:
                    best, failure, shrunk = candidate, found, True
                else:
                    at += size
            size = size if shrunk and size > 1 else size // 2
        return failure

    def close(self) -> None:
        """Remove what was written."""
        for path in self._folder.iterdir():
            path.unlink()
        self._folder.rmdir()


def attempt(case: Case) -> str | Failure:
    """Run one input: in words what became of it, or how it failed."""
    try:
        with _time_limit():
            return case.run(case.data)
    except EngagerrError as error:
        if error.hint and error.message and error.category != "Broken":
            return "refused"
        return _failure(case, error)
    except (Exception, _Hangs) as error:  # noqa: BLE001  anything else is what is looked for
        return _failure(case, error)


def _failure(case: Case, error: BaseException) -> Failure:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/engagerr/" in frame.filename.replace("\\", "/")] or list(frames)
    last = ours[-1]
    place = f"{Path(last.filename).name}:{last.lineno} in {last.name}"
    if isinstance(error, _Unkeepable):
        place = f"{case.target}: {str(error)[:60]}"
    where = f"{type(error).__name__} at {place}"
    return Failure(case.number, case.target, where, f"{type(error).__name__}: {error}"[:500], case.data, case.name)


def _read_address(data: bytes) -> str:
    text = data.decode("utf-8", "surrogatepass")
    named = parse_url(text)
    one = canonical_url(text)
    find_urls(text)
    if one is not None:
        _check_text(one)
    return "named" if named else "an address" if one else "no address"


def _read_page(seed: PageSeed, data: bytes) -> str:
    try:
        page = msgspec.json.decode(data, type=Page)
    except (msgspec.DecodeError, RecursionError):
        return "no page"
    stream = seed.connector.stream(seed.stream)
    assert stream is not None
    kinds: Counter[type] = Counter()
    for record in stream.read(page, seed.account):
        _check(record)
        kinds[type(record)] += 1
    return "quarantined" if kinds[Rejection] else "read"


# ── What a record must be ──────────────────────────────────────────────────────────────────────────────────────────


def _check(record: Any) -> None:
    # Interchange gives its own structs for figures, which have the attributes of a MetricRecord.
    if not isinstance(record, _RECORDS):
        raise _Unkeepable(f"{type(record).__name__} is no record")
    if isinstance(record, Notice):
        if not record.text:
            raise _Unkeepable("a notice says nothing")
    elif record.row < 1:
        raise _Unkeepable(f"row {record.row}")
    if isinstance(record, Rejection) and not (record.reason and record.fix):
        raise _Unkeepable("a rejection without its reason or its cure")
    for holder in (record, *(record.accounts if isinstance(record, CreatorRecord) else ())):
        for metric in getattr(holder, "metrics", ()):
            _check_figure(metric)
    if isinstance(record, ItemRecord):
        _check_moment(record.published_at)
        if record.duration_seconds is not None and not (
            math.isfinite(record.duration_seconds) and record.duration_seconds >= 0
        ):
            raise _Unkeepable(f"a duration of {record.duration_seconds}")
        msgspec.json.encode(record.hints, order="sorted")
    _check_texts(msgspec.structs.astuple(record))


def _check_figure(metric: MetricRecord) -> None:
    if (metric.value is None) == (metric.state in _WITH_VALUE):
        raise _Unkeepable(f"{metric.state} with {metric.value}")
    if metric.value is not None and not math.isfinite(metric.value):
        raise _Unkeepable(f"a figure of {metric.value}")
    if (
        metric.value is not None
        and (metric.value == 0) != (metric.state is State.ZERO)
        and metric.state is not State.ESTIMATED
    ):
        raise _Unkeepable(f"{metric.value} is {metric.state}")
    if metric.period_days < 0:
        raise _Unkeepable(f"{metric.period_days} days")
    _check_moment(metric.observed_at)


def _check_moment(moment: datetime | None) -> None:
    if moment is not None and moment.tzinfo is None:
        raise _Unkeepable("a moment without a zone")


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_texts(key)
            _check_texts(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            _check_texts(inner)
    elif isinstance(value, msgspec.Struct):
        _check_texts(msgspec.structs.astuple(value))
    elif isinstance(value, Decimal) and not value.is_finite():
        raise _Unkeepable(f"a number of {value}")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Unkeepable("a text with a lone surrogate") from None


# ── The machine ────────────────────────────────────────────────────────────────────────────────────────────────────


def _memory_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def _time_limit() -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise _Hangs(f"not done after {_HANGS_AFTER_SECONDS} s")

    try:
        before = signal.signal(signal.SIGALRM, ring)
    except ValueError:  # not the main thread
        yield
        return
    signal.alarm(_HANGS_AFTER_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def unmutated_seconds(fuzzer: Fuzzer) -> dict[str, float]:
    """CPU seconds of the slowest sound seed of each format: the yardstick for mutated ones."""
    slowest: dict[str, float] = {}
    for name, seeds in fuzzer.seeds.items():
        for seed in seeds:
            took = []
            for _ in range(3):
                began = time.process_time()
                with suppress(EngagerrError):
                    fuzzer.read(seed.name, seed.data, None)
                took.append(time.process_time() - began)
            slowest[name] = max(slowest.get(name, 0.0), sorted(took)[1])
    return slowest
