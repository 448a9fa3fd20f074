"""The sandbox: one answer to one request, with its keys, its faults and its time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from engagerr.core.payments.sandbox import controls, faults, pages, stateless
from engagerr.core.payments.sandbox.clocks import run_due
from engagerr.core.payments.sandbox.description import Description, Operation, description
from engagerr.core.payments.sandbox.desk import PLATFORM, Desk
from engagerr.core.payments.sandbox.expanding import expanded
from engagerr.core.payments.sandbox.forms import LATER, checked, decoded, parsed
from engagerr.core.payments.sandbox.refusals import Refusal, Told
from engagerr.core.payments.sandbox.routes import ROUTES, load
from engagerr.core.payments.sandbox.store import Store

if TYPE_CHECKING:
    from engagerr.core.clock import Clock

_log = logging.getLogger(__name__)
KEY = "sk_test_sandbox"
_OUR_FAULT = {"error": {"message": "The sandbox itself broke; its log says why.", "type": "api_error"}}
PORT = 8420
_LONGEST_KEY = 255
_KEY_LIVES = 24 * 3600


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a JSON body. `delay` seconds late; `dropped` means that the connection ends without a word."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    operation: Operation
    values: dict[str, str]
    form: dict[str, Any]
    account: str
    key: str | None
    id: str
    version: str | None = None

    @property
    def fingerprint(self) -> str:
        """What must be the same wherever the key is the same."""
        return hashlib.sha256(json.dumps([self.method, self.path, self.form], sort_keys=True).encode()).hexdigest()


class Sandbox:
    """A payment provider of one's own, shaped like Stripe. `path` is its file, or ":memory:" for one process.

    `clock` is where its time comes from; `/_sandbox/clock` moves it ahead of that. `seed` makes its ids, so that a run
    with the same requests gives the same objects.
    """

    def __init__(self, path: Path | str, *, clock: Clock, seed: str | None = None) -> None:
        load()
        if isinstance(path, Path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self.known: Description = description()
        self.store = Store(path, seed=seed or f"{clock.now().timestamp()}")
        self.url = "http://127.0.0.1"

    def close(self) -> None:
        """Close its file."""
        self.store.close()

    def pages_url(self) -> str:
        """Where its pages are, or would be: at the port on which it was last put in the foreground."""
        return self.store.fact("pages", f"http://127.0.0.1:{PORT}")

    def pages_are_here(self) -> None:
        """From now on links lead here."""
        with self.store.transaction():
            self.store.set_fact("pages", self.url)

    def now(self) -> int:
        """The time of the sandbox in whole seconds: the clock's, and what it was moved ahead."""
        return int((self.clock.now() + timedelta(seconds=int(self.store.fact("ahead", "0")))).timestamp())

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Answer one request; `path` with its query. Never raises for what the request says."""
        given = {name.lower(): value for name, value in headers.items()}
        target = urlsplit(path)
        if target.path.startswith("/_sandbox"):
            return self._controlled(method, target.path, target.query, body)
        fault = faults.take(self.store, method, target.path)
        if fault is not None and fault.before:
            return _faulty(fault)
        answer = self._tried(method, target.path, target.query, given, body, fault)
        return answer if fault is None else _after(fault, answer)

    def desk(self, account: str = PLATFORM) -> Desk:
        """A desk for the sandbox's own doings, inside a transaction of `store`."""
        return Desk(self.store, account, self.now(), url=self.url)

    def _controlled(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """What a tester asks of the sandbox itself."""
        name, _, id = path.removeprefix("/_sandbox/").partition("/")
        try:
            shown_to_people = name in pages.PAGES and not body.lstrip().startswith(b"{")
            form = parsed(body) if body.lstrip().startswith(b"{") else decoded(body.decode() or query)
            with self.store.transaction():
                if shown_to_people:
                    return self._page(method, name, id, form)
                document = controls.answer(self, method, path, form)
        except Refusal as refusal:
            return _json(refusal.status, refusal.document())
        return _json(200, document)

    def _page(self, method: str, name: str, id: str, form: dict[str, Any]) -> Answer:
        """A page for a person; what they press leads on, or says what came of it."""
        desk, headers = self.desk(), {"Content-Type": "text/html; charset=utf-8"}
        if method != "POST":
            return Answer(200, headers, pages.page(desk, name, id).encode())
        target, sentence = pages.pressed(desk, name, id, form)
        if target is not None:
            return Answer(303, {**headers, "Location": target})
        return Answer(200, headers, f"<!doctype html><meta charset=utf-8><p>{escape(sentence)}</p>".encode())

    def _tried(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes, fault: faults.Fault | None
    ) -> Answer:
        try:
            _authenticated(headers)
            request = self._read(method, path, query, headers, body)
        except Refusal as refusal:
            return _refused(path, refusal)
        try:
            with self.store.transaction():
                return self._once(request, fault)
        except Refusal as refusal:
            return _refused(path, refusal, request.id)
        except Exception:  # noqa: BLE001 whatever it is, the client gets its answer
            # Stripe answers 500 where it breaks, and so does the sandbox; why is in the log.
            _log.exception("The sandbox broke at %s %s.", method, path)
            return _json(500, _OUR_FAULT, request=request.id)

    def _read(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> _Request:
        found = self.known.match(method, path)
        if found is None:
            raise Refusal(
                f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs.",
                status=404, code="url_invalid",
            )  # fmt: skip
        operation, values = found
        form = self._form(operation, query, headers.get("content-type", ""), body)
        key = headers.get("idempotency-key")
        if key is not None and len(key) > _LONGEST_KEY:
            raise Refusal("Idempotency keys have at most 255 characters.", type="idempotency_error")
        with self.store.transaction():
            id = self.store.new_id("req_", 14)
        account = headers.get("stripe-account") or headers.get("stripe-context") or PLATFORM
        values = {name: unquote(value) for name, value in values.items()}
        key = key if method == "POST" else None
        return _Request(method, path, operation, values, form, account, key, id, headers.get("stripe-version"))

    def _form(self, operation: Operation, query: str, kind: str, body: bytes) -> dict[str, Any]:
        if "multipart/" in kind:
            return {}
        if "json" in kind:
            form = parsed(body) | decoded(query)
        else:
            try:
                form = decoded("&".join(part for part in (query, body.decode("utf-8")) if part))
            except UnicodeDecodeError as error:
                raise Refusal("The request body is not UTF-8.") from error
        later = LATER.get((operation.method, operation.path), frozenset())
        return checked(self.known, operation.form, form, later)

    def _once(self, request: _Request, fault: faults.Fault | None) -> Answer:
        """Do the work, or say again what was said to the same key."""
        now = self.now()
        run_due(self.store, "", now, self.url)
        if request.key is None:
            return self._done(request, now)
        self.store.run("DELETE FROM keys WHERE created <= ?", now - _KEY_LIVES)
        stored = self.store.rows(
            "SELECT path, fingerprint, request, status, body, busy FROM keys WHERE account = ? AND key = ?",
            request.account, request.key,
        )  # fmt: skip
        if stored:
            return self._again(request, stored[0])
        answer = self._stored_failure(request, fault) or self._kept(request, now)
        if fault is not None and fault.kind == "slow":
            busy = self.clock.now().timestamp() + fault.seconds
            self.store.run("UPDATE keys SET busy = ? WHERE account = ? AND key = ?", busy, request.account, request.key)
        return answer

    def _again(self, request: _Request, stored: tuple[Any, ...]) -> Answer:
        """What was said before; while it is still being said, only that."""
        if stored[-1] > self.clock.now().timestamp():
            raise Refusal(
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                "submitted twice, and the other request is still going through): " + str(request.key), status=409,
                type="idempotency_error", code="idempotency_key_in_use",
            )  # fmt: skip
        return _replayed(request, stored)

    def _stored_failure(self, request: _Request, fault: faults.Fault | None) -> Answer | None:
        """A 500 that stays under the key: Stripe failed in the middle and will say so again."""
        if fault is None or fault.kind != "500_stored":
            return None
        answer = _json(500, faults.BROKEN, request=request.id)
        self._keep(request, answer)
        return answer

    def _kept(self, request: _Request, now: int) -> Answer:
        try:
            with self.store.attempt():
                answer = self._done(request, now)
        except Refusal as refusal:
            answer = _refused(request.path, refusal, request.id)
            if not refusal.kept or request.path.startswith("/v2/"):
                return answer
        self._keep(request, answer)
        return replace(answer, headers={**answer.headers, "Idempotency-Key": request.key or ""})

    def _keep(self, request: _Request, answer: Answer) -> None:
        self.store.run(
            "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)", request.account, request.key, request.path,
            request.fingerprint, self.now(), request.id, answer.status, answer.body.decode(),
        )  # fmt: skip

    def _done(self, request: _Request, now: int) -> Answer:
        """Let the function of the route do it; refusals that still leave a trace bring it along."""
        desk = Desk(
            self.store,
            request.account,
            now,
            path=request.path,
            request=request.id,
            key=request.key,
            url=self.url,
            version=request.version,
        )
        _known_account(desk)
        form = dict(request.form)
        wanted = form.pop("expand", [])
        function = ROUTES.get((request.operation.method, request.operation.path))
        marks = {}
        if function is None:
            document = stateless.answer(desk, request.operation, form, request.values)
            marks = {"Engagerr-Sandbox": "example"}
        else:
            try:
                document = function(desk, form, **request.values)
            except Told as told:
                return _refused(request.path, told.refusal, request.id)
        return _json(200, expanded(desk, document, wanted), request=request.id, **marks)


def _authenticated(headers: dict[str, str]) -> None:
    """A secret or restricted test key, as a bearer or as the user of basic authorisation."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    if not value:
        raise Refusal("You did not provide an API key.", status=401)
    if value.startswith(("sk_live_", "rk_live_")):
        raise Refusal("This is the sandbox: it takes no live keys. Do not send them here.", status=401)
    if not value.startswith(("sk_test_", "rk_test_")):
        raise Refusal(f"Invalid API Key provided: {value[:7]}****", status=401)


def _known_account(desk: Desk) -> None:
    if desk.account == PLATFORM:
        return
    found = desk.store.read(desk.account)
    if found is None or found[0] != "v2.core.account" or found[3]:
        raise Refusal(
            f"The provided key does not have access to account '{desk.account}' (or that account does not exist).",
            status=403, code="account_invalid",
        )  # fmt: skip


def _replayed(request: _Request, stored: tuple[Any, ...]) -> Answer:
    path, fingerprint, original, status, body, _ = stored
    if path != request.path:
        raise Refusal(
            f"Keys for idempotent requests can only be used for the same endpoint they were first used for ('{path}' "
            f"vs '{request.path}'). Try using a key other than '{request.key}' if you meant to execute a different "
            "request.", type="idempotency_error",
        )  # fmt: skip
    if fingerprint != request.fingerprint:
        raise Refusal(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{request.key}' if you meant to execute a different request.",
            type="idempotency_error",
        )
    headers = {"Idempotent-Replayed": "true", "Original-Request": original, "Idempotency-Key": request.key or ""}
    return _json(status, json.loads(body), request=original, **headers)


def _refused(path: str, refusal: Refusal, request: str | None = None) -> Answer:
    """A refusal; the second version of the API gives each a code."""
    document = refusal.document()
    if path.startswith("/v2/"):
        document["error"].setdefault("code", "not_found" if refusal.status == 404 else "invalid_fields")
    return _json(refusal.status, document, request=request)


def _json(status: int, document: Any, *, request: str | None = None, **headers: str) -> Answer:
    headers = {"Content-Type": "application/json", **headers}
    if request is not None:
        headers["Request-Id"] = request
    if status in (409, 429):
        headers["Stripe-Should-Retry"] = "true"
    return Answer(status, headers, json.dumps(document).encode())


def _faulty(fault: faults.Fault) -> Answer:
    """An answer to a request that nothing was done about."""
    if fault.status is None:
        return Answer(0, delay=fault.seconds, dropped=True)
    return replace(_json(fault.status, fault.document), delay=0.0)


def _after(fault: faults.Fault, answer: Answer) -> Answer:
    """What the client sees of a request that was worked on."""
    if fault.kind in ("timeout_after", "drop_after"):
        return Answer(0, delay=fault.seconds, dropped=True)
    return replace(answer, delay=fault.seconds if fault.kind == "slow" else 0.0)
