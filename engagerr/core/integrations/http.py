"""Calls to platforms: paced, retried, counted against quotas, behind a circuit breaker, with a token that is renewed
once, and every no translated into the errors of `faults`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from engagerr.core.errors import EngagerrError
from engagerr.core.integrations.connector import (
    Account,
    Answer,
    AppToken,
    Call,
    Connector,
    Fault,
    FaultKind,
    NoSignIn,
    OAuth2,
)
from engagerr.core.integrations.faults import LONGEST_TOLD_SECONDS, PlatformUnavailable, retry_after_seconds
from engagerr.core.integrations.quota import LONGEST_WAIT_SECONDS
from engagerr.core.integrations.records import State
from engagerr.core.integrations.redaction import redacted, silence_secrets
from engagerr.core.integrations.refusals import error_of
from engagerr.core.integrations.wire import LONGEST_ANSWER_SECONDS, NoAnswer, Outgoing, UnfitAnswer, Wire
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    import httpx

    from engagerr.core.clock import Clock
    from engagerr.core.integrations.circuit import Circuit
    from engagerr.core.integrations.quota import Pace
    from engagerr.core.settings import Settings

# However the waits are spread, one call does not wait longer than this in all.
_LONGEST_WAITS_SECONDS = 120.0
# 1, 2, 4, 8 … seconds, each with up to a second of jitter, so that workers that failed together do not return together.
_FIRST_WAIT_SECONDS = 1.0
_LONGEST_BACKOFF_SECONDS = 30.0
_JITTER_SECONDS = 1.0
# Five tries wait about 15 seconds in all: a platform's hiccup is over by then, an outage is not.
_ATTEMPTS = 5
# Of a platform's words, in characters, and of the fields that it refuses in one answer.
_MOST_READ, _MOST_KEPT = 4_000, 500
_MOST_FIELDS, _LONGEST_FIELD = 200, 100


class PlatformHttp:
    """One a process: the client, its time-outs, and whether it all goes through a gateway. Threads may share it."""

    def __init__(
        self,
        *,
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        gateway_url: str | None = None,
        connect_timeout_seconds: float = 10,
        read_timeout_seconds: float = 30,
        attempts: int = _ATTEMPTS,
        longest_answer_seconds: float = LONGEST_ANSWER_SECONDS,
        client_ids: Mapping[str, str] | None = None,
    ) -> None:
        import stamina.instrumentation

        # Its default hook prints to standard output, where commands write their results. We log for ourselves.
        stamina.instrumentation.set_on_retry_hooks(())
        silence_secrets()
        self.clock = clock
        self._attempts = attempts
        self._client_ids = dict(client_ids or {})
        self._wire = Wire(
            clock=clock,
            transport=transport,
            gateway_url=gateway_url,
            connect_timeout_seconds=connect_timeout_seconds,
            read_timeout_seconds=read_timeout_seconds,
            longest_answer_seconds=longest_answer_seconds,
        )

    @classmethod
    def of(cls, settings: Settings, *, clock: Clock, transport: httpx.BaseTransport | None = None) -> PlatformHttp:
        """As the settings say."""
        section = settings.integrations
        return cls(
            clock=clock,
            transport=transport,
            gateway_url=section.gateway_url,
            connect_timeout_seconds=section.connect_timeout_seconds,
            read_timeout_seconds=section.read_timeout_seconds,
            attempts=section.attempts,
            client_ids={name: app.client_id for name, app in settings.platforms.items() if app.client_id},
        )

    def ask(
        self,
        connector: Connector,
        *,
        account: Account | None,
        token: Callable[[], str | None],
        renew: Callable[[], str | None] | None = None,
        pace: Pace | None = None,
        circuit: Circuit | None = None,
        clock: Clock | None = None,
    ) -> PlatformAsk:
        """Something that makes this connector's calls in the name of one account (None: of whoever granted).

        `token` gives the token to send; `renew` gets a new one when it is refused, or None if there is none to be had.
        Without a pace or a circuit (before the account is known) calls are neither counted nor held back. `clock` is
        the one to wait on, where a wait may be broken off.
        """
        return PlatformAsk(
            self._wire, connector, account=account, token=token, renew=renew, pace=pace, circuit=circuit,
            clock=clock or self.clock, attempts=self._attempts, client_id=self._client_ids.get(connector.name),
        )  # fmt: skip

    def post_form(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        title: str,
        expects: Literal["json", "bytes"] = "json",
    ) -> Answer:
        """Send a form with secrets in it (to a token endpoint, say), once, and to this address only.

        Any status is an answer; no answer raises `PlatformUnavailable`. `title` names the platform in errors.
        `expects` bytes where a yes may have no body (revocation).
        """
        outgoing = Outgoing(url=url, method="POST", form=form, headers=headers or {}, expects=expects)
        return self._plain(outgoing, title)

    def get(
        self, url: str, params: Mapping[str, str], *, headers: Mapping[str, str] | None = None, title: str
    ) -> Answer:
        """Like `post_form`, for platforms that exchange and inspect tokens with a GET: the parameters are secrets."""
        host = frozenset({urlsplit(url).hostname or ""})
        return self._plain(Outgoing(url=url, trusted=host, token_params=params, token_headers=headers or {}), title)

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def __enter__(self) -> PlatformHttp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _plain(self, outgoing: Outgoing, title: str) -> Answer:
        problem: str
        try:
            return self._wire.send(outgoing)
        except (NoAnswer, UnfitAnswer) as error:
            problem = str(error)
        raise PlatformUnavailable(
            f"{title} does not answer: {problem}.",
            hint="Check the network, then try again.",
            facts={"platform": title},
        )


class _Failed(Exception):
    """An attempt that failed with a fault that another attempt may mend, or a stop for the retry loop."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class PlatformAsk:
    """The `Ask` of one account and run. For one thread."""

    def __init__(
        self,
        wire: Wire,
        connector: Connector,
        *,
        account: Account | None,
        token: Callable[[], str | None],
        renew: Callable[[], str | None] | None,
        pace: Pace | None,
        circuit: Circuit | None,
        clock: Clock,
        attempts: int,
        client_id: str | None,
    ) -> None:
        self.refused: dict[str, State] = {}
        self._wire = wire
        self._connector = connector
        self._account = account
        self._token = token
        self._renew = renew
        self._pace = pace
        self._circuit = circuit
        self._clock = clock
        self._attempts = attempts
        self._client_id = client_id
        # A platform may quote a token in its errors, also the one before it was renewed.
        self._sent: set[str] = set()
        self._trusted = frozenset(
            host.lower() for host in (urlsplit(connector.base_url).hostname or "", *connector.hosts) if host
        )

    def __call__(self, call: Call) -> Answer:
        """The answer to one call; a fault raises its error, after as many attempts as it is worth."""
        import stamina

        fault: Fault | None = None
        wait = waited = 0.0
        tried = 0

        def passing(error: Exception) -> bool | float:
            # No pause of the library's: waiting is the clock's business, and is done before the next attempt, so that
            # none follows the last one.
            return 0.0 if isinstance(error, _Failed) and _worth_waiting(error.fault, waited) else False

        try:
            for attempt in stamina.retry_context(
                on=passing, attempts=self._attempts, timeout=None, wait_initial=_FIRST_WAIT_SECONDS,
                wait_max=_LONGEST_BACKOFF_SECONDS, wait_jitter=0,
            ):  # fmt: skip
                if fault is not None:
                    self._wait(call, fault, wait)
                    waited += wait
                with attempt:
                    tried = attempt.num
                    try:
                        return self._once(call)
                    except _Failed as failed:
                        fault = failed.fault
                        told = fault.retry_after
                        # Never sooner than told; jitter on top.
                        wait = (attempt.next_wait if told is None else told) + random.uniform(0, _JITTER_SECONDS)  # noqa: S311
                        raise
        except _Failed:
            pass
        assert fault is not None  # the loop ends with an answer or a fault
        raise self._error(call, fault, tried)

    # ── One attempt ────────────────────────────────────────────────────────────────────────────────────────────────

    def _once(self, call: Call) -> Answer:
        token = self._token()
        fault = self._judged(call, token)
        if isinstance(fault, Answer):
            return fault
        if fault.kind is FaultKind.GRANT and self._renew is not None:
            token = self._renew()
            if token is not None:
                fault = self._judged(call, token)
                if isinstance(fault, Answer):
                    return fault
        raise _Failed(fault)

    def _judged(self, call: Call, token: str | None) -> Answer | Fault:
        """One request, when its turn has come; its answer, or what is wrong with it."""
        if self._circuit is not None:
            self._circuit.check()
        if self._pace is not None:
            wait = self._pace.take(call.units)
            if wait > 0:
                self._clock.sleep(wait)
        if self._circuit is None:
            return self._exchanged(call, token)
        return self._circuit.guard(lambda: self._exchanged(call, token))

    def _exchanged(self, call: Call, token: str | None) -> Answer | Fault:
        try:
            answer = self._wire.send(self._outgoing(call, token))
        except NoAnswer as error:
            return Fault(kind=FaultKind.DOWN, message=redacted(error, secrets=self._sent))
        except UnfitAnswer as error:
            return Fault(kind=FaultKind.REFUSED, message=redacted(error, secrets=self._sent))
        fault = self._connector.judge(answer)
        if fault is None:
            return answer
        told = fault.retry_after
        if told is None or not 0 <= told < LONGEST_TOLD_SECONDS:
            told = retry_after_seconds(answer.headers, now=self._clock.now())
        # A platform's words are kept with the run, its events and its tasks: a sentence, however much it says.
        said = redacted(fault.message[:_MOST_READ], secrets=self._sent)[:_MOST_KEPT]
        named = tuple(name for name in fault.fields[:_MOST_FIELDS] if len(name) <= _LONGEST_FIELD)
        return replace(fault, message=said, fields=named, retry_after=told)

    def _outgoing(self, call: Call, token: str | None) -> Outgoing:
        auth = self._connector.auth
        headers: dict[str, str] = {}
        params: dict[str, str] = {}
        if token is not None:
            self._sent.add(token)
            if isinstance(auth, OAuth2) and auth.sent_in != "header":
                params[auth.sent_in] = token
            elif (own := self._connector.token_headers.get(urlsplit(call.path).hostname or "")) is not None:
                headers[own] = token
            else:
                headers["authorization"] = f"Bearer {token}"
        if isinstance(auth, OAuth2 | AppToken) and auth.client_id_header and self._client_id:
            headers[auth.client_id_header] = self._client_id
        path = call.path
        if not path.lower().startswith(("https://", "http://")):
            # Joined by hand: to urljoin, "insights:daily" would be an address of the scheme "insights".
            # A slash at the end of a path stays: TikTok knows no other spelling.
            base = self._connector.base_url.rstrip("/")
            path = f"{base}/{path.lstrip('/')}" if path.strip("/") else base
        return Outgoing(
            url=path,
            method=call.method,
            params=call.params,
            headers=call.headers,
            json=call.json,
            trusted=self._trusted,
            token_headers=headers,
            token_params=params,
            open=isinstance(auth, NoSignIn),
            expects=call.expects,
            max_bytes=self._connector.max_bytes,
            secrets=frozenset(self._sent),
        )

    # ── Between attempts, and after the last ───────────────────────────────────────────────────────────────────────

    def _wait(self, call: Call, fault: Fault, seconds: float) -> None:
        log(
            "platform.waits",
            level="warning",
            platform=self._connector.platform,
            account=self._handle(),
            call=call.name,
            fault=str(fault.kind),
            seconds=round(seconds, 1),
            said=redacted(fault.message),
        )
        self._clock.sleep(seconds)

    def _handle(self) -> str | None:
        return None if self._account is None else self._account.handle

    def _error(self, call: Call, fault: Fault, tried: int) -> EngagerrError:
        if fault.kind is FaultKind.SPENT and self._pace is not None:
            # The other workers need not find out for themselves.
            until_renewed = self._pace.used_up()
            fault = replace(fault, retry_after=until_renewed if fault.retry_after is None else fault.retry_after)
        return error_of(fault, connector=self._connector, call=call.name, account=self._handle(), attempts=tried)


def _worth_waiting(fault: Fault, waited: float) -> bool:
    told = fault.retry_after or 0.0
    return (
        fault.kind in (FaultKind.BUSY, FaultKind.DOWN)
        and told <= LONGEST_WAIT_SECONDS
        and waited + told <= _LONGEST_WAITS_SECONDS
    )
