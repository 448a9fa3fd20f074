"""A platform's authorisation server, and the one call of its API that says who signed in.

It keeps to the standards and holds others to them: PKCE is checked, codes are good for one use, refresh tokens rotate,
what was revoked is dead. Its clock is the test's.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

import httpx
from tests.fakes.clock import SteeredClock
from tests.fakes.platforms.fake_platform import json_response

HOST = "auth.sample.example"
CLIENT_ID = "app-1"
CLIENT_SECRET = "the-apps-secret/+ü"
TOKEN_LIFE = 3600


@dataclass
class Grant:
    """What one person allowed."""

    scopes: str
    access: str = ""
    refresh: str = ""
    expires_at: float = 0.0
    short_lived: bool = False


@dataclass
class Device:
    """A code that a person may type in."""

    grant: Grant
    typed_in: bool = False
    denied: bool = False
    asked_at: list[float] = field(default_factory=list)


class AuthorisationServer:
    """Answers requests; give it to `httpx.MockTransport`, or to a `Gateway`.

    `next_answers` are given before its own, in order. `forms` are what was posted, as (path, form, headers).
    """

    def __init__(self, clock: SteeredClock) -> None:
        self.clock = clock
        self.accounts: list[dict[str, str]] = [{"id": "c-1", "handle": "@annlee", "name": "Ann Lee"}]
        self.next_answers: list[httpx.Response | Exception | None] = []
        self.forms: list[tuple[str, dict[str, str], httpx.Headers]] = []
        self.requests: list[httpx.Request] = []
        self.deny = False
        self.withhold: set[str] = set()
        self.with_refresh_tokens = True
        self.basic = False
        self.life: int | None = TOKEN_LIFE
        self.client_id_name = "client_id"
        self.needs_pkce = True
        self.grants: list[Grant] = []
        self.devices: dict[str, Device] = {}
        self.interval: float = 5
        self.slow_down_below: float = 5
        self.before_answer: Callable[[httpx.Request], None] = lambda _: None
        self._codes: dict[str, tuple[Grant, dict[str, str]]] = {}
        self._made = 0

    # ── the person ─────────────────────────────────────────────────────────────────────────────────────────────────

    def visit(self, url: str) -> str:
        """What a person's browser does with the address: sign in, allow, and be sent to the address returned."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["response_type"] == "code", asked
        assert asked[self.client_id_name] == CLIENT_ID, asked
        assert len(asked["state"]) >= 32, asked
        if self.needs_pkce:
            assert asked["code_challenge_method"] == "S256", asked
        if self.deny:
            back = {
                "error": "access_denied",
                "error_description": "The user denied the request",
                "state": asked["state"],
            }
        else:
            scopes = " ".join(scope for scope in asked["scope"].split() if scope not in self.withhold)
            code = self._new("code")
            self._codes[code] = (Grant(scopes), asked)
            back = {"state": asked["state"], "code": code, "scope": scopes}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def type_in(self, user_code: str, *, allow: bool = True) -> None:
        """What a person does with a device's code."""
        self.devices[user_code].typed_in, self.devices[user_code].denied = allow, not allow

    def forget_everything(self) -> None:
        """The person took back what they allowed."""
        self.grants.clear()

    def alive(self, token: str | None) -> bool:
        """Whether the API accepts this access token now."""
        now = self.clock.now().timestamp()
        return any(grant.access == token and grant.expires_at > now for grant in self.grants)

    # ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.before_answer(request)
        answer = self.next_answers.pop(0) if self.next_answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return answer
        path = request.url.path
        if request.method == "GET" and path == "/authorize":
            return httpx.Response(302, headers={"location": self.visit(str(request.url))})
        if path == "/me":
            return self._me(request)
        if request.url.host == "graph.instagram.com":
            return self._instagram(path, dict(request.url.params))
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        if request.method == "GET":
            form = dict(request.url.params)
        self.forms.append((path, form, request.headers))
        if path == "/device":
            return self._device(form)
        if path == "/revoke":
            return self._revoke(form)
        if path == "/permissions":
            return self._permissions(request, form)
        assert path == "/token", path
        wrong = self._wrong_client(form, request.headers)
        if wrong:
            return json_response({"error": "invalid_client", "error_description": wrong}, status=401)
        return self._token(form)

    def transport(self) -> httpx.MockTransport:
        """A transport that leads here and nowhere else."""
        return httpx.MockTransport(self)

    def _token(self, form: dict[str, str]) -> httpx.Response:
        match form["grant_type"]:
            case "authorization_code":
                return self._redeem(form)
            case "refresh_token":
                grant = next((grant for grant in self.grants if grant.refresh == form["refresh_token"]), None)
                return self._issue(grant) if grant else _no("invalid_grant", "Token has been expired or revoked.")
            case "client_credentials":
                grant = Grant("")
                self.grants.append(grant)
                return self._issue(grant, refresh=False)
            case "fb_exchange_token":
                return self._exchange(form["fb_exchange_token"])
            case _:
                device = next(
                    (one for one in self.devices.values() if one.grant.refresh == form.get("device_code")), None
                )
                return self._poll(device) if device else _no("invalid_grant", "no such device code")

    def _redeem(self, form: dict[str, str]) -> httpx.Response:
        grant, asked = self._codes.pop(form["code"], (None, {}))
        if grant is None:
            return _no("invalid_grant", "The code was used already.")
        if form["redirect_uri"] != asked["redirect_uri"]:
            return _no("invalid_grant", "redirect_uri mismatch")
        if self.needs_pkce:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
                return _no("invalid_grant", "code_verifier does not fit")
        self.grants.append(grant)
        return self._issue(grant)

    def _issue(self, grant: Grant, *, refresh: bool = True) -> httpx.Response:
        grant.access = self._new("access")
        life = TOKEN_LIFE if self.life is None else self.life
        grant.expires_at = self.clock.now().timestamp() + life
        body: dict[str, Any] = {"access_token": grant.access, "token_type": "bearer", "scope": grant.scopes}
        if self.life is not None:
            body["expires_in"] = self.life
        if self.with_refresh_tokens and refresh:
            grant.refresh = self._new("refresh")
            body["refresh_token"] = grant.refresh
        return json_response(body)

    def _exchange(self, token: str) -> httpx.Response:
        grant = next((grant for grant in self.grants if grant.access == token and self.alive(token)), None)
        if grant is None:
            return json_response(
                {"error": {"message": "Error validating access token: expired", "type": "OAuthException", "code": 190}},
                status=400,
            )
        grant.access = self._new("long")
        grant.expires_at = self.clock.now().timestamp() + 60 * 86_400
        return json_response({"access_token": grant.access, "token_type": "bearer", "expires_in": 60 * 86_400})

    def _instagram(self, path: str, params: dict[str, str]) -> httpx.Response:
        if path == "/access_token":
            assert (params["grant_type"], params["client_secret"]) == ("ig_exchange_token", CLIENT_SECRET)
        else:
            assert (path, params["grant_type"]) == ("/refresh_access_token", "ig_refresh_token")
        return self._exchange(params["access_token"])

    def _device(self, form: dict[str, str]) -> httpx.Response:
        user_code = f"WXYZ-{len(self.devices)}"
        device = Device(Grant(form.get("scope") or form.get("scopes", ""), refresh=self._new("device")))
        self.devices[user_code] = device
        return json_response(
            {
                "device_code": device.grant.refresh, "user_code": user_code, "interval": self.interval,
                "expires_in": 600,
                "verification_uri": f"https://{HOST}/activate",
            }
        )  # fmt: skip

    def _poll(self, device: Device) -> httpx.Response:
        now = self.clock.now().timestamp()
        last = device.asked_at[-1] if device.asked_at else None
        device.asked_at.append(now)
        if last is not None and now - last < self.slow_down_below:
            return _no("slow_down", "Too fast")
        if device.denied:
            return _no("access_denied", "The user denied the request")
        if not device.typed_in:
            return _no("authorization_pending", "Not yet")
        grant = Grant(device.grant.scopes)
        self.grants.append(grant)
        return self._issue(grant)

    def _revoke(self, form: dict[str, str]) -> httpx.Response:
        held = [grant for grant in self.grants if form["token"] in (grant.access, grant.refresh)]
        if not held:
            return _no("invalid_token", "Token expired or revoked")
        self.grants.remove(held[0])
        return httpx.Response(200)  # a yes without a body

    def _permissions(self, request: httpx.Request, form: dict[str, str]) -> httpx.Response:
        assert form == {"method": "delete"}
        token = request.headers["authorization"].removeprefix("Bearer ")
        if not self.alive(token):
            return json_response({"error": {"message": "Invalid OAuth access token", "code": 190}}, status=400)
        self.grants = [grant for grant in self.grants if grant.access != token]
        return json_response({"success": True})

    def _me(self, request: httpx.Request) -> httpx.Response:
        if not self.alive(request.headers.get("authorization", "").removeprefix("Bearer ")):
            return json_response({"error": {"message": "Invalid Credentials", "code": 401}}, status=401)
        return json_response({"accounts": self.accounts})

    def _wrong_client(self, form: dict[str, str], headers: httpx.Headers) -> str | None:
        if self.basic:
            scheme, _, pair = headers.get("authorization", "").partition(" ")
            user, _, password = base64.b64decode(pair).decode().partition(":")
            fits = (scheme, unquote(user), unquote(password)) == ("Basic", CLIENT_ID, CLIENT_SECRET)
            return None if fits and "client_secret" not in form else "wrong basic authentication"
        fits = (form.get(self.client_id_name), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        return None if fits else "The OAuth client was not found."

    def _new(self, kind: str) -> str:
        self._made += 1
        # As long as real ones, and to be found wherever one leaks.
        return f"sekret-{kind}-{self._made:04}-{'x' * 24}"


def _no(error: str, description: str) -> httpx.Response:
    return json_response({"error": error, "error_description": description}, status=400)
