"""A workspace whose way to the provider is cut and whose process dies where the test says; and how every fault ends."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.db import Database
from engagerr.core.db.database import Session
from engagerr.core.errors import EngagerrError
from engagerr.core.events.tasks import Task, open_tasks
from engagerr.core.payments.ledger import account, balance
from engagerr.core.payments.provider.operations import Operation
from engagerr.core.payments.sandbox import KEY, Sandbox
from engagerr.core.payments.stripe_gateway import StripeGateway
from engagerr.core.settings import Settings
from engagerr.core.tenancy import Permission
from pydantic import SecretStr
from sqlalchemy import text
from tests.core.payments.conftest import Control, Hands
from tests.fakes.clock import SteeredClock
from tests.fakes.payment_provider import Killed

SECRET = "whsec_of_the_test"
MADE = ("payment_intent", "checkout.session", "transfer", "refund")


@dataclass
class Fate:
    """What becomes of the next calls to a path: see `Wire.next`."""

    what: str
    path: str
    method: str
    times: int
    status: int
    headers: Mapping[str, str]
    meanwhile: Callable[[], object] | None


@dataclass(frozen=True)
class Call:
    """One call as it was made: whether the provider took it in, and under which key."""

    method: str
    path: str
    key: str | None
    reached: bool


class Wire(httpx.BaseTransport):
    """The way to the sandbox, without a network. What goes over it is lost where the test says so."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.fates: list[Fate] = []
        self.calls: list[Call] = []
        self._deciding = threading.Lock()

    def next(
        self, what: str, path: str, *, method: str = "POST", times: int = 1, status: int = 500,
        headers: Mapping[str, str] | None = None, meanwhile: Callable[[], object] | None = None,
    ) -> None:  # fmt: skip
        """Have this happen to the next calls whose path begins so.

        `lost`: it never left. `unsent`: no answer, and nothing was done. `unheard`: it was done, and no answer came.
        `killed before`, `killed after`: the process dies on either side of it. `refused`: an answer of `status` and
        nothing done. `broken`: an answer of `status` although it was done. `fine`: as ever, `meanwhile` in between.
        """
        self.fates.append(Fate(what, path, method, times, status, headers or {}, meanwhile))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One call, and perhaps no answer to it."""
        path = request.url.raw_path.decode()
        fate = self._fate(request.method, path)
        what = "fine" if fate is None else fate.what
        reached = what in ("fine", "unheard", "killed after", "broken")
        self.calls.append(Call(request.method, path.split("?")[0], request.headers.get("idempotency-key"), reached))
        if what == "lost":
            raise httpx.ConnectError("lost on the way there", request=request)
        if what == "unsent":
            raise httpx.ReadTimeout("no answer came", request=request)
        if what == "killed before":
            raise Killed
        if what == "refused":
            assert fate is not None
            return _failing(request, fate)
        headers = {name.title(): value for name, value in request.headers.items()}
        answer = self.sandbox.answer(request.method, path, headers, request.read())
        if fate is not None and fate.meanwhile is not None:
            fate.meanwhile()
        if what == "killed after":
            raise Killed
        if what == "unheard" or answer.dropped:
            raise httpx.ReadTimeout("no answer came", request=request)
        if what == "broken":
            assert fate is not None
            return _failing(request, fate)
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)

    def posted(self, path: str) -> list[Call]:
        """The calls that would have made something there."""
        return [call for call in self.calls if call.method == "POST" and call.path == path]

    def _fate(self, method: str, path: str) -> Fate | None:
        with self._deciding:
            for fate in self.fates:
                if fate.times and fate.method in (method, "*") and path.startswith(fate.path):
                    fate.times -= 1
                    return fate
        return None


def _failing(request: httpx.Request, fate: Fate) -> httpx.Response:
    kinds = {409: ("idempotency_error", "idempotency_key_in_use"), 429: ("invalid_request_error", "rate_limit")}
    kind, code = kinds.get(fate.status, ("api_error", ""))
    error = {"type": kind, "message": "It is not to be.", **({"code": code} if code else {})}
    return httpx.Response(fate.status, json={"error": error}, headers=dict(fate.headers), request=request)


class MortalDatabase(Database):
    """The database, whose client dies at a commit of its choosing: just before it, or just after it."""

    dies_at: int | None = None
    after_it = False
    commits = 0

    def dies(self, at: int, *, after: bool) -> None:
        """From now on the process dies around the commit of this number, the next one being 1."""
        self.dies_at, self.after_it, self.commits = at, after, 0

    def lives(self) -> None:
        """A new process, which dies nowhere."""
        self.dies_at, self.commits = None, 0

    @contextmanager
    def transaction(self, tenant_id: UUID, *, snapshot: bool = False) -> Iterator[Session]:
        """As ever, and then it may be over."""
        self.commits += 1
        over = self.dies_at == self.commits
        with super().transaction(tenant_id, snapshot=snapshot) as session:
            yield session
            if over and not self.after_it:
                raise Killed
        if over:
            raise Killed


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Webhooks are signed with `SECRET`."""
    payments = settings.payments.model_copy(update={"stripe_webhook_secret": SecretStr(SECRET)})
    return settings.model_copy(update={"payments": payments})


@pytest.fixture
def provider(tmp_path: Path, clock: SteeredClock) -> Iterator[Sandbox]:
    """The provider, in this process."""
    sandbox = Sandbox(":memory:", clock=clock, seed="test")
    yield sandbox
    sandbox.close()


@pytest.fixture
def wire(provider: Sandbox) -> Wire:
    return Wire(provider)


@pytest.fixture
def gateway(wire: Wire, clock: SteeredClock) -> Iterator[StripeGateway]:
    gateway = StripeGateway(KEY, clock=clock, url="http://127.0.0.1:1", timeout_seconds=5, transport=wire)
    yield gateway
    gateway.close()


@pytest.fixture
def control(provider: Sandbox) -> Control:
    """The sandbox's own controls, which no fault reaches."""

    def ask(control: str, /, **form: Any) -> Any:
        with httpx.Client(transport=Wire(provider)) as client:
            answer = client.post(
                f"http://127.0.0.1:1/_sandbox/{control}", data=form, headers={"Authorization": f"Bearer {KEY}"}
            )
        assert answer.status_code in (200, 303), answer.text
        return answer.json() if answer.content[:1] in (b"{", b"[") else None

    return ask


@pytest.fixture
def engagerr(settings: Settings, clock: SteeredClock, gateway: StripeGateway) -> Iterator[Engagerr]:
    with Engagerr(settings, clock=clock, stripe=gateway) as engagerr:
        vars(engagerr)["database"] = MortalDatabase(settings)
        yield engagerr


@dataclass
class Stage(Hands):
    """Northlight, its provider, and what goes wrong between them."""

    wire: Wire
    database: MortalDatabase
    clock: SteeredClock
    own: set[str] = field(default_factory=set)

    def top_up(self) -> None:
        """Money of our own, which nobody asked for through Engagerr: reconciliation rightly asks about it."""
        request = {"amount": 1_000_00, "currency": "eur", "payment_method": "pm_card_bypassPending", "confirm": True,
                   "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}  # fmt: skip
        made = self.gateway.send("payment", request, key=f"top-up {len(self.own)}")
        self.own |= {made["id"], made["latest_charge"]["id"]}

    def dies(self, verb: Callable[[], object]) -> None:
        """The process dies in the middle of this; a new one takes its place, minutes later."""
        with pytest.raises(Killed):
            verb()
        self.database.lives()
        self.clock.advance(minutes=10)

    def operations(self, kind: str, **filters: Any) -> list[Operation]:
        """What the provider was asked for of this kind, the oldest first."""
        found = self.work.payments.events.operations(limit=1_000, **filters)
        return [one for one in reversed(found) if one.kind == kind]

    def there(self, of_type: str, **filters: Any) -> list[dict[str, Any]]:
        """All objects of a type, as the provider has them; this look goes wrong for nobody."""
        with contextlib.closing(
            StripeGateway(KEY, clock=self.clock, url="http://127.0.0.1:1", transport=Wire(self.wire.sandbox))
        ) as look:
            return list(look.list(of_type, **filters))

    def tasks(self) -> dict[str, Task]:
        """What people are asked to see to, by kind."""
        access = self.work.access
        with access.transaction(Permission.READ) as session:
            return {task.kind: task for task in open_tasks(session, tenant_id=access.tenant.id)}

    def pending(self, kind: str, party: str) -> int:
        """Minor units that are on their way out of an account."""
        access = self.work.access
        with access.transaction(Permission.READ_MONEY) as session:
            account_id = account(session, tenant_id=access.tenant.id, kind=kind, party=party, currency="EUR")
            return balance(session, tenant_id=access.tenant.id, account_id=account_id).pending_out.minor

    def ends_well(self, *, waits: tuple[str, ...] = (), hours: int = 3) -> None:
        """Whatever happened: the worker comes round a few times, our books are held against the provider's, and
        everything adds up. `waits`: kinds of operations that wait for something which will not come in this test.
        """
        self.database.lives()
        for _ in range(6):
            self.clock.advance(hours=hours)
            self.control("clock", seconds=0)
            self.work.payments.payees.refresh()
            self.work.payments.rounds.run()
            if not self._left_open(waits):
                break
        assert self._left_open(waits) == []
        self._same_as_the_provider()
        self.adds_up()
        self._once_each()

    def _left_open(self, waits: tuple[str, ...]) -> list[str]:
        with self.database.transaction(self.work.tenant.id) as session:
            rows = session.execute(
                text(
                    "SELECT concat_ws(' ', kind, state, waits_for, error ->> 'message') FROM payment_operations"
                    " WHERE tenant_id = :tenant_id AND state IN ('intended', 'sent', 'unknown', 'awaiting')"
                    " AND NOT (kind = ANY (:waits)) UNION ALL"
                    " SELECT concat_ws(' ', type, state, note) FROM provider_events"
                    " WHERE tenant_id = :tenant_id AND state IN ('received', 'dead')"
                ),
                {"tenant_id": self.work.tenant.id, "waits": list(waits)},
            )
            return [row[0] for row in rows]

    def _same_as_the_provider(self) -> None:
        run = self.work.payments.reconciliation.run()
        left = [one for one in self.work.payments.differences.list(state="open") if one.object_id not in self.own]
        assert left == []
        assert run.troubles == ()

    def adds_up(self) -> None:
        work = self.work
        assert work.payments.ledger.verify().breaks == ()
        assert work.verify_audit().intact
        with self.database.transaction(work.tenant.id) as session:
            sums = session.execute(
                text(
                    "SELECT account.currency, sum(balance.posted) FROM ledger_balances AS balance JOIN ledger_accounts"
                    " AS account ON account.tenant_id = balance.tenant_id AND account.id = balance.account_id"
                    " WHERE balance.tenant_id = :tenant_id GROUP BY 1"
                ),
                {"tenant_id": work.tenant.id},
            ).all()
        assert {currency: int(total) for currency, total in sums} == {currency: 0 for currency, _ in sums}
        for hold in work.payments.holds.list():
            assert hold.funded == hold.held + hold.released + hold.refunded + hold.lost
            assert hold.funded.minor <= hold.agreed.minor

    def _once_each(self) -> None:
        """At most one thing at the provider for each operation, and for what those of one purpose are about."""
        seen: Counter[tuple[str, str]] = Counter()
        for of_type in MADE:
            for made in self.there(of_type):
                told = made.get("metadata") or {}
                if "engagerr_operation" in told:
                    seen[of_type, told["engagerr_operation"]] += 1
                if of_type == "transfer" and "engagerr_purpose" in told:  # transfer:<share>:<attempt>
                    seen[of_type, told["engagerr_purpose"].rpartition(":")[0]] += 1
        assert [key for key, count in seen.items() if count > 1] == []


@pytest.fixture
def money(
    workspace: Workspace, control: Control, gateway: StripeGateway, wire: Wire, engagerr: Engagerr, clock: SteeredClock
) -> Stage:
    """Northlight, and what its end is held against."""
    return Stage(workspace, control, gateway, wire, engagerr.database, clock)  # type: ignore[arg-type]


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


def at_once(*verbs: Callable[[], Any]) -> list[Any]:
    """Call them all at the same moment; an error of ours stands in its place."""
    ready = threading.Barrier(len(verbs))

    def call(verb: Callable[[], Any]) -> Any:
        ready.wait(60)
        try:
            return verb()
        except EngagerrError as error:
            return error

    with ThreadPoolExecutor(len(verbs)) as pool:
        return list(pool.map(call, verbs))
