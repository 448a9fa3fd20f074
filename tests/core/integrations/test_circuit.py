"""The circuit breaker: it opens on failures in a row, tries again after a pause, and its row says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.integrations.circuit import Circuit
from engagerr.core.integrations.connector import Account, Answer, Call, Fault, FaultKind
from engagerr.core.integrations.faults import CallRefused, CircuitOpen, PlatformBusy, PlatformUnavailable
from engagerr.core.integrations.http import PlatformHttp
from tests.core.integrations.plain_connector import plain_connector
from tests.fakes.clock import START, SteeredClock
from tests.fakes.cluster import Connection

DOWN = Fault(kind=FaultKind.DOWN, message="status 503")
FINE = Answer(200, {}, {})


@pytest.fixture
def circuits(
    engagerr: Engagerr, workspace: Workspace, clock: SteeredClock, superuser_connection: Connection
) -> Circuits:
    return Circuits(engagerr, workspace, clock, superuser_connection, uuid4())


@dataclass
class Circuits:
    engagerr: Engagerr
    workspace: Workspace
    clock: SteeredClock
    connection: Connection
    account: Any

    def new(self, **changes: Any) -> Circuit:
        """As a process would make it that has just got the account's lease."""
        return Circuit(
            self.engagerr.database,
            clock=self.clock,
            tenant_id=self.workspace.tenant.id,
            account_id=changes.pop("account_id", self.account),
            connector=plain_connector(),
            **{"failures": 3, "pause_seconds": 300} | changes,
        )

    def row(self) -> tuple[str, int, datetime | None, str | None] | None:
        return self.connection.execute(  # type: ignore[return-value]
            "SELECT state, failures, opened_at, reason FROM circuits WHERE account_id = %s", [self.account]
        ).fetchone()


def fail(circuit: Circuit, *, times: int = 1) -> None:
    for _ in range(times):
        circuit.check()
        assert circuit.guard(lambda: DOWN) is DOWN


def test_it_opens_after_so_many_failures_in_a_row_and_says_until_when(circuits: Circuits) -> None:
    circuit = circuits.new()
    fail(circuit, times=2)
    assert circuits.row() == ("closed", 2, None, "status 503")
    circuit.check()
    fail(circuit)
    assert circuits.row() == ("open", 3, START, "status 503")
    circuits.clock.advance(seconds=100)
    with pytest.raises(CircuitOpen, match=r"Plain failed so often .* status 503") as left_alone:
        circuit.check()
    assert left_alone.value.retry_after == 200
    assert left_alone.value.hint


def test_nothing_is_asked_while_it_is_open(circuits: Circuits) -> None:
    circuit = circuits.new()
    fail(circuit, times=3)
    asked: list[int] = []

    def exchange() -> Answer:
        asked.append(1)
        return FINE

    with pytest.raises(CircuitOpen):
        circuit.guard(exchange)
    assert asked == []


def test_after_the_pause_one_trial_decides(circuits: Circuits) -> None:
    circuit = circuits.new()
    fail(circuit, times=3)
    circuits.clock.advance(seconds=300)
    seen: list[str] = []

    def trial(outcome: Answer | Fault) -> Answer | Fault:
        row = circuits.row()
        assert row is not None
        seen.append(row[0])
        return outcome

    circuit.check()
    circuit.guard(lambda: trial(DOWN))
    assert circuits.row() == ("open", 4, START + timedelta(seconds=300), "status 503")
    with pytest.raises(CircuitOpen):
        circuit.check()
    circuits.clock.advance(seconds=300)
    circuit.check()
    assert circuit.guard(lambda: trial(FINE)) is FINE
    assert circuits.row() == ("closed", 0, None, None)
    assert seen == ["half-open", "half-open"]


def test_it_outlives_the_process(circuits: Circuits) -> None:
    fail(circuits.new(), times=2)
    fail(circuits.new())
    with pytest.raises(CircuitOpen):
        circuits.new().check()
    circuits.clock.advance(seconds=299)
    with pytest.raises(CircuitOpen):
        circuits.new().check()
    circuits.clock.advance(seconds=1)
    later = circuits.new()
    later.check()
    later.guard(lambda: FINE)
    assert circuits.row() == ("closed", 0, None, None)


def test_a_process_that_dies_in_its_trial_leaves_the_next_one_a_trial(circuits: Circuits) -> None:
    circuit = circuits.new()
    fail(circuit, times=3)
    circuits.clock.advance(seconds=300)
    circuits.connection.execute("UPDATE circuits SET state = 'half-open'")
    later = circuits.new()
    later.check()
    fail(later)
    assert circuits.row() == ("open", 4, START + timedelta(seconds=300), "status 503")


def test_a_success_begins_the_count_anew(circuits: Circuits) -> None:
    circuit = circuits.new()
    fail(circuit, times=2)
    circuit.guard(lambda: FINE)
    assert circuits.row() == ("closed", 0, None, None)
    fail(circuit, times=2)
    circuit.check()


def test_a_circuit_that_never_failed_leaves_no_row(circuits: Circuits) -> None:
    circuit = circuits.new()
    for _ in range(5):
        circuit.check()
        circuit.guard(lambda: FINE)
    assert circuits.row() is None


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.DOWN])
def test_a_platform_that_answers_with_a_no_is_not_down(circuits: Circuits, kind: FaultKind) -> None:
    circuit = circuits.new()
    refusal = Fault(kind=kind, message="no")
    for _ in range(5):
        circuit.check()
        assert circuit.guard(lambda: refusal) is refusal
    assert circuits.row() is None


def test_one_accounts_trouble_is_not_anothers(circuits: Circuits) -> None:
    fail(circuits.new(), times=3)
    circuits.new(account_id=uuid4()).check()


def test_whatever_the_machines_clock_says_ours_counts(circuits: Circuits) -> None:
    circuits.clock.set(datetime.fromisoformat("2031-05-05T12:00:00+00:00"))
    circuit = circuits.new()
    fail(circuit, times=3)
    circuits.clock.advance(seconds=301)
    assert circuit.guard(lambda: FINE) is FINE


# ── In calls ────────────────────────────────────────────────────────────────────────────────────────────────────────

CALL = Call(name="videos.list", path="videos")


def asking(circuits: Circuits, answer: httpx.Response, asked: list[httpx.Request], **changes: Any) -> Any:
    def platform(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer

    http = PlatformHttp(clock=circuits.clock, transport=httpx.MockTransport(platform))
    return http.ask(
        plain_connector(),
        account=Account(platform="plain", handle="@ann"),
        token=lambda: None,
        circuit=circuits.new(**changes),
    )


def test_attempts_count_and_an_open_circuit_ends_them(circuits: Circuits) -> None:
    asked: list[httpx.Request] = []
    ask = asking(circuits, httpx.Response(503), asked, failures=7)
    with pytest.raises(PlatformUnavailable, match="status 503"):
        ask(CALL)
    with pytest.raises(CircuitOpen):
        ask(CALL)
    assert len(asked) == 7
    with pytest.raises(CircuitOpen):
        ask(CALL)
    assert len(asked) == 7


@pytest.mark.parametrize(("status", "error"), [(429, PlatformBusy), (400, CallRefused)])
def test_what_is_no_failure_never_opens_it(circuits: Circuits, status: int, error: type[Exception]) -> None:
    asked: list[httpx.Request] = []
    ask = asking(circuits, httpx.Response(status), asked, failures=2)
    for _ in range(3):
        with pytest.raises(error):
            ask(CALL)
    assert circuits.row() is None
