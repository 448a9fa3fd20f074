"""Running and steering the sandbox of a home: what `engagerr payment sandbox` does."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.payments.sandbox.sandbox import KEY, Sandbox
from engagerr.core.payments.sandbox.server import PORT, Server, state_of

if TYPE_CHECKING:
    from engagerr.core.clock import Clock

_SPAN = re.compile(r"^(\d{1,5})\s*([smhdw])$")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# What a person counts; the rest follows from these.
_COUNTED = ("customer", "payment_intent", "charge", "transfer", "refund", "payout", "dispute", "subscription",
            "invoice", "event")  # fmt: skip


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """The sandbox of this home. `ahead_seconds` is how far its clock was moved ahead of the machine's."""

    path: Path
    url: str
    key: str
    now: datetime
    ahead_seconds: int
    objects: dict[str, int]
    waiting_webhooks: int


@dataclass(frozen=True, slots=True)
class Tended:
    """What was done to an object of the sandbox, and the state in which that left it."""

    done: str
    id: str
    state: str
    detail: str | None = None


class Tending:
    """The sandbox of a home, for a person who steers it."""

    def __init__(self, home: Path, *, clock: Clock) -> None:
        self._home = home
        self._clock = clock

    def run(self, *, port: int = PORT, forward_to: str | None = None, secret: str | None = None) -> Running:
        """Put the sandbox on a port, where its pages are, until `close`; events go to `forward_to`, signed."""
        sandbox = Sandbox(state_of(self._home), clock=self._clock)
        try:
            server = Server(sandbox, port=port, owns=True, pages=True)
        except OSError as error:
            sandbox.close()
            raise InvalidInput(
                f"Port {port} of this machine is taken: {error.strerror}.", hint="Give another with --port."
            ) from error
        signing = None if forward_to is None else self._asked(
            sandbox, "endpoints", {"url": forward_to, **({"secret": secret} if secret else {})})["secret"]  # fmt: skip
        return Running(server, KEY, forward_to, signing)

    def status(self) -> SandboxStatus:
        """Where it is, what time it has, what is in it."""
        with _Open(self._home, self._clock) as sandbox:
            ahead = int(sandbox.store.fact("ahead", "0"))
            counted = dict(sandbox.store.rows("SELECT kind, count(*) FROM objects WHERE deleted = 0 GROUP BY kind"))
            waiting = sandbox.store.rows("SELECT count(*) FROM deliveries WHERE state = 'waiting'")[0][0]
            return SandboxStatus(
                path=state_of(self._home), url=sandbox.url, key=KEY, now=datetime.fromtimestamp(sandbox.now(), UTC),
                ahead_seconds=ahead, waiting_webhooks=int(waiting),
                objects={kind: int(counted.get(kind, 0)) for kind in _COUNTED},
            )  # fmt: skip

    def advance(self, span: str) -> Tended:
        """Move its clock ahead by 90s, 30m, 36h, 7d or 2w: all that comes due happens."""
        found = _SPAN.match(span.strip())
        if found is None:
            raise InvalidInput(f"{span!r} is no span of time.", hint="Say it like 30m, 36h, 7d or 2w.")
        seconds = int(found[1]) * _SECONDS[found[2]]
        document = self._ask("clock", {"seconds": seconds})
        now = datetime.fromtimestamp(document["now"], UTC)
        return Tended("advanced", span, f"{now:%Y-%m-%d %H:%M} UTC", f"{document['happened']} things happened")

    def pay(self, session: str, *, method: str = "pm_card_visa") -> Tended:
        """Pay a checkout session as its payer would, with a test card; a declined card leaves it open."""
        document = self._ask(f"checkout/{session}", {"payment_method": method})
        return Tended("paid" if document["status"] == "complete" else "declined", session, document["payment_status"],
                      document.get("declined"))  # fmt: skip

    def onboard(self, account: str) -> Tended:
        """Say who one is, as the owner of a connected account would on its page."""
        self._ask(f"onboarding/{account}", {})
        return Tended("onboarded", account, self._state(account))

    def account(self, account: str, *, state: str) -> Tended:
        """Put an account's transfers into a state: active, pending or restricted."""
        self._ask(f"accounts/{account}", {"state": state})
        return Tended("set", account, self._state(account))

    def pay_out(self, account: str) -> Tended:
        """Have an account paid out to its bank every day, as the provider does with those who choose nothing else."""
        headers = {"Authorization": f"Bearer {KEY}", "Stripe-Account": account,
                   "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip
        with _Open(self._home, self._clock) as sandbox:
            if sandbox.store.read(account) is None:
                raise NotFound(f"The sandbox has no account {account}.")
            sandbox.answer("POST", "/v1/balance_settings", headers, b"payments[payouts][schedule][interval]=daily")
        return Tended("paid out", account, "every day")

    def dispute(self, charge: str, *, reason: str = "fraudulent") -> Tended:
        """Have the payer's bank dispute a charge."""
        document = self._ask("disputes", {"charge": charge, "reason": reason})
        return Tended("disputed", document["id"], document["status"], f"{charge}, {reason}")

    def _state(self, account: str) -> str:
        with _Open(self._home, self._clock) as sandbox:
            found = sandbox.store.read(account)
            return "unknown" if found is None else str(found[4]["_state"])

    def _ask(self, path: str, form: dict[str, Any]) -> dict[str, Any]:
        with _Open(self._home, self._clock) as sandbox:
            return self._asked(sandbox, path, form)

    def _asked(self, sandbox: Sandbox, path: str, form: dict[str, Any]) -> dict[str, Any]:
        answer = sandbox.answer("POST", f"/_sandbox/{path}", {}, json.dumps(form).encode())
        document: dict[str, Any] = json.loads(answer.body)
        if answer.status == 404:
            raise NotFound(f"The sandbox has none such: {document['error']['message']}")
        if answer.status != 200:
            raise InvalidInput(f"The sandbox refused: {document['error']['message']}")
        return document


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that is listening. `secret` signs what goes to `forward_to`."""

    server: Server
    key: str
    forward_to: str | None
    secret: str | None

    @property
    def url(self) -> str:
        """Where it is."""
        return self.server.url

    def close(self) -> None:
        """Stop; the books stay."""
        self.server.close()


class _Open:
    """The sandbox of a home without a port, for one thing to do."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self._sandbox = Sandbox(state_of(home), clock=clock)
        self._sandbox.url = self._sandbox.pages_url()

    def __enter__(self) -> Sandbox:
        return self._sandbox

    def __exit__(self, *error: object) -> None:
        self._sandbox.close()
