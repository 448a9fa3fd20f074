"""OAuth 2: signing in with a code (PKCE), with a device, as the app itself; renewing and revoking what was granted.

Authlib makes states, verifiers, challenges and addresses. Its client is not used: it is an HTTP client itself, of which
the httpx kind is deprecated (ours bounds answers, knows the gateway and redacts), and it knows no platform that calls
the client id by another name or wants a further step after the code.

Sources: RFC 6749 (OAuth 2), 7636 (PKCE), 7009 (revocation), 8252 (native apps, loopback redirects), 8628 (devices).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from engagerr.core.errors import InvalidInput, Rejected
from engagerr.core.integrations.connector import AppToken, Connector, OAuth2
from engagerr.core.integrations.faults import GrantLost, PlatformUnavailable
from engagerr.core.integrations.tokens import App, SignInRefused, Tokens, problem_in, refusal, tokens_in

if TYPE_CHECKING:
    from engagerr.core.integrations.http import PlatformHttp

# Renewed so long before the end, so that no call is made with a token that dies on the way.
RENEWAL_MARGIN = timedelta(minutes=5)
# Facebook's and Instagram's long-lived tokens (60 days) can only be renewed while they live: a machine that is off for
# a weekend must not cost the sign-in.
_EXCHANGED_RENEWAL_MARGIN = timedelta(days=7)
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_FIRST_INTERVAL_SECONDS = 5  # RFC 8628 3.5, both
_SLOW_DOWN_SECONDS = 5
_LONGEST_DEVICE_WAIT = timedelta(minutes=30)
# A platform that says less would have itself asked without a pause.
_SHORTEST_INTERVAL_SECONDS = 1
_LONGEST_SECONDS = 86_400.0
# What a person is to read and type in; more than that would be a text of somebody's.
_USER_CODE = re.compile(r"[\w-]{1,40}")
_WHOLE_ADDRESS = "Paste the whole address that the browser shows after you allowed it; it has code= in it."
_INSTAGRAM = "https://graph.instagram.com"


class AnotherSignIn(Rejected):
    """The redirect does not belong to the sign-in that was begun here."""


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in that was begun: `url` is to be opened by the person. It ends with this process."""

    connector: str
    url: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What the person types in at `address` on any device; `full_address` has the code in it already."""

    user_code: str
    address: str
    full_address: str | None
    expires_at: datetime
    interval_seconds: float
    device_code: str = field(repr=False)


def begin(connector: Connector, app: App, *, redirect_uri: str) -> PendingSignIn:
    """The address to open, with a state and a PKCE challenge of its own."""
    from authlib.common.security import generate_token
    from authlib.common.urls import add_params_to_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    auth = _oauth2(connector)
    state = generate_token(43)
    verifier = generate_token(64) if auth.pkce else None
    params = {
        "response_type": "code", auth.client_id_name: app.client_id, "redirect_uri": redirect_uri,
        "scope": _scope_words(auth), "state": state, **auth.extra_params,
    }  # fmt: skip
    if verifier is not None:
        params |= {"code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256"}
    url = add_params_to_uri(auth.authorize_url, list(params.items()))
    return PendingSignIn(connector.name, url, redirect_uri, state, verifier)


def code_in(pending: PendingSignIn, text: str, *, title: str) -> str:
    """The code in what came back: the address that the browser was sent to, or the code on its own.

    In an address the state must be ours. A code on its own carries none, so it is taken only where PKCE binds it to
    this sign-in: somebody else's code would connect somebody else's account.
    """
    text = text.strip().strip("\"'")
    query = urlsplit(text).query if "://" in text else text.lstrip("?/") if "code=" in text or "error=" in text else ""
    if not query and "://" not in text:
        code = text.partition("#")[0]  # Facebook and Instagram add "#_=_" and "#_"
        if not code or any(character.isspace() for character in code):
            raise InvalidInput(
                "That is neither the address nor a code.",
                hint=_WHOLE_ADDRESS,
            )
        if pending.verifier is None:
            raise InvalidInput(f"{title} gives codes that could be of another sign-in.", hint=_WHOLE_ADDRESS)
        return code
    params = dict(parse_qsl(query.partition("#")[0]))
    if not hmac.compare_digest(params.get("state", "").encode(), pending.state.encode()):
        raise AnotherSignIn(
            "That address does not belong to this sign-in: its state is another one.",
            hint="Use the address of the newest sign-in, or begin anew: engagerr platform connect.",
        )
    if params.get("code"):
        return params["code"]
    code, said = problem_in(params)
    if code == "access_denied" or "denied" in said:
        raise SignInRefused(
            f"{title} was not allowed to let us in: {said}.",
            hint="Begin anew and allow it: engagerr platform connect.", facts={"said": said}, code=code,
        )  # fmt: skip
    raise SignInRefused(
        f"{title} refuses the sign-in: {said}.",
        hint="Check the app's redirect address and scopes at the platform.", facts={"said": said}, code=code,
    )  # fmt: skip


def redeem(http: PlatformHttp, connector: Connector, app: App, pending: PendingSignIn, code: str) -> Tokens:
    """Tokens for a code, made long-lived where the platform has a step for that."""
    auth = _oauth2(connector)
    form = {"code": code, "redirect_uri": pending.redirect_uri}
    if pending.verifier is not None:
        form["code_verifier"] = pending.verifier
    tokens = _granted(http, connector, app, "authorization_code", form)
    return tokens if auth.exchange is None else tokens.renewed_by(_exchanged(http, connector, app, tokens))


def app_tokens(http: PlatformHttp, connector: Connector, app: App) -> Tokens:
    """The app's own token (client credentials)."""
    return _granted(http, connector, app, "client_credentials", {})


def begin_device(http: PlatformHttp, connector: Connector, app: App) -> DeviceCode:
    """Ask for a code that the person types in on another device."""
    auth = _oauth2(connector)
    if auth.device_url is None:
        raise InvalidInput(
            f"{connector.title} has no sign-in by device.",
            hint="Leave --device out; --no-browser needs no browser here.",
        )
    form = {auth.client_id_name: app.client_id, auth.device_scope_name: _scope_words(auth)}
    answer = http.post_form(auth.device_url, form, title=connector.title)
    now = http.clock.now()
    body = answer.body if isinstance(answer.body, dict) else {}
    # Google says verification_url.
    address = body.get("verification_uri") or body.get("verification_url")
    device_code, user_code = body.get("device_code"), body.get("user_code")
    usable = isinstance(user_code, str) and _USER_CODE.fullmatch(user_code) and _is_https(address)
    if answer.status >= 400 or not usable or not isinstance(device_code, str) or not device_code:
        raise refusal(answer, title=connector.title, now=now)
    full = body.get("verification_uri_complete")
    lives = min(timedelta(seconds=_seconds(body.get("expires_in"), 900)), _LONGEST_DEVICE_WAIT)
    return DeviceCode(
        str(user_code), str(address), str(full) if _is_https(full) else None, now + lives,
        max(_seconds(body.get("interval"), _FIRST_INTERVAL_SECONDS), _SHORTEST_INTERVAL_SECONDS), device_code,
    )  # fmt: skip


def await_device(
    http: PlatformHttp,
    connector: Connector,
    app: App,
    device: DeviceCode,
    *,
    waiting: Callable[[timedelta], None] | None = None,
) -> Tokens:
    """Ask until the code was typed in, as often as the platform allows. `waiting` is told what time is left."""
    auth, clock = _oauth2(connector), http.clock
    form = {"device_code": device.device_code, auth.device_scope_name: _scope_words(auth)}
    if auth.device_scope_name == "scope":
        del form["scope"]  # RFC 8628 3.4 has none; Twitch wants its own `scopes` once more
    interval = device.interval_seconds
    while (left := device.expires_at - clock.now()) > timedelta(0):
        if waiting is not None:
            waiting(left)
        clock.sleep(min(interval, left.total_seconds()))
        try:
            return _granted(http, connector, app, _DEVICE_GRANT, form)
        except SignInRefused as refused:
            if refused.code == "slow_down":
                interval += _SLOW_DOWN_SECONDS
            elif refused.code == "expired_token":
                break
            elif refused.code != "authorization_pending":
                raise
        except PlatformUnavailable:
            interval += _SLOW_DOWN_SECONDS  # RFC 8628 3.5: a time-out must slow us down
    raise SignInRefused(
        f"The code for {connector.title} was not typed in in time.",
        hint="Begin anew: engagerr platform connect.", code="expired_token",
    )  # fmt: skip


def can_renew(connector: Connector, tokens: Tokens) -> bool:
    """Whether the platform gives a new token for these without asking anybody."""
    auth = connector.auth
    if isinstance(auth, AppToken):
        return True
    return isinstance(auth, OAuth2) and auth.renews and bool(tokens.refresh_token or auth.exchange)


def renewal_margin(connector: Connector, tokens: Tokens) -> timedelta:
    """How long before its end a token is renewed."""
    exchanged = isinstance(connector.auth, OAuth2) and connector.auth.exchange and not tokens.refresh_token
    return _EXCHANGED_RENEWAL_MARGIN if exchanged else RENEWAL_MARGIN


def renew(http: PlatformHttp, connector: Connector, app: App, tokens: Tokens) -> Tokens:
    """New tokens for old ones. Raises `GrantLost` when a person must sign in again; other errors lose nothing."""
    if isinstance(connector.auth, AppToken):
        return app_tokens(http, connector, app)
    auth = _oauth2(connector)
    try:
        if tokens.refresh_token is None:
            fresh = _exchanged(http, connector, app, tokens, again=True)
        else:
            fresh = _granted(
                http, connector, app, "refresh_token", {"refresh_token": tokens.refresh_token}, asked=tokens.scopes
            )
        return tokens.renewed_by(fresh)
    except SignInRefused as refused:
        said = str(refused.facts.get("said", refused))
    raise GrantLost(
        f"{connector.title} does not renew the sign-in: {said}.",
        hint=f"Connect it again: engagerr platform connect {connector.name}",
        facts={"connector": connector.name, "platform": connector.platform, "said": said, "renews": auth.renews},
    )


def revoke(http: PlatformHttp, connector: Connector, app: App | None, tokens: Tokens) -> bool:
    """End the grant at the platform; False where it has no way to do so. The platform's no is raised.

    Each token is ended on its own: X and Twitch leave the one when the other is revoked, Google ends both at once and
    then refuses the second, so one that was accepted is enough.
    """
    auth = connector.auth
    if not isinstance(auth, OAuth2) or auth.revoke_url is None:
        return False
    if auth.exchange == "facebook":
        # Graph ends a grant with DELETE /me/permissions; `method` stands for the verb in a POST.
        form, headers = {"method": "delete"}, {"authorization": f"Bearer {tokens.access_token}"}
        answers = [http.post_form(auth.revoke_url, form, headers=headers, title=connector.title, expects="bytes")]
    else:
        answers = []
        for token, kind in ((tokens.refresh_token, "refresh_token"), (tokens.access_token, "access_token")):
            if token is not None:
                answers.append(_revoked(http, connector, auth, app, token, kind))
    if all(answer.status >= 400 for answer in answers):
        sent = (tokens.access_token, tokens.refresh_token)
        raise refusal(answers[-1], title=connector.title, now=http.clock.now(), secrets=sent, what="to end the sign-in")
    return True


def _revoked(http: PlatformHttp, connector: Connector, auth: OAuth2, app: App | None, token: str, kind: str) -> Any:
    form, headers = _as_the_app(auth, app)
    assert auth.revoke_url is not None
    form |= {"token": token, "token_type_hint": kind}
    return http.post_form(auth.revoke_url, form, headers=headers, title=connector.title, expects="bytes")


def _granted(
    http: PlatformHttp,
    connector: Connector,
    app: App,
    grant_type: str,
    form: Mapping[str, str],
    *,
    asked: tuple[str, ...] | None = None,
) -> Tokens:
    auth = connector.auth
    assert isinstance(auth, OAuth2 | AppToken)
    if asked is None:
        asked = tuple(scope.name for scope in auth.scopes if scope.asked) if isinstance(auth, OAuth2) else ()
    client, headers = _as_the_app(auth, app)
    answer = http.post_form(
        auth.token_url, {"grant_type": grant_type, **form, **client}, headers=headers, title=connector.title
    )
    sent = tuple(form.get(name) for name in ("code", "code_verifier", "refresh_token", "device_code"))
    return tokens_in(
        answer, title=connector.title, now=http.clock.now(), asked=asked, secrets=(*sent, app.client_secret)
    )


def _exchanged(http: PlatformHttp, connector: Connector, app: App, tokens: Tokens, *, again: bool = False) -> Tokens:
    """A long-lived token for a short-lived one, or for one that has become old (`again`).

    Sources: developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived,
    developers.facebook.com/docs/instagram-platform/reference/access_token and …/refresh_access_token.
    """
    auth = _oauth2(connector)
    match auth.exchange:
        case "facebook":
            url = auth.token_url
            params = {
                "grant_type": "fb_exchange_token", "client_id": app.client_id,
                "client_secret": app.client_secret or "", "fb_exchange_token": tokens.access_token,
            }  # fmt: skip
        case "instagram" if again:
            url = f"{_INSTAGRAM}/refresh_access_token"
            params = {"grant_type": "ig_refresh_token", "access_token": tokens.access_token}
        case "instagram":
            url = f"{_INSTAGRAM}/access_token"
            params = {
                "grant_type": "ig_exchange_token", "client_secret": app.client_secret or "",
                "access_token": tokens.access_token,
            }  # fmt: skip
        case other:
            raise InvalidInput(
                f"The connector {connector.name} names a step {other!r} after signing in that is not known.",
                hint="Known are facebook and instagram.",
            )
    answer = http.get(url, params, title=connector.title)
    return tokens_in(
        answer, title=connector.title, now=http.clock.now(), asked=tokens.scopes,
        secrets=(tokens.access_token, app.client_secret),
    )  # fmt: skip


def _as_the_app(auth: OAuth2 | AppToken, app: App | None) -> tuple[dict[str, str], dict[str, str]]:
    """How the app says who it is: (members of the form, headers)."""
    if app is None:
        return {}, {}
    name = auth.client_id_name if isinstance(auth, OAuth2) else "client_id"
    if app.client_secret is None:
        return {name: app.client_id}, {}
    if auth.client_auth == "basic":
        import base64

        # RFC 6749 2.3.1: both form-encoded before they are joined. (Authlib joins them as they are.)
        pair = f"{quote(app.client_id, safe='')}:{quote(app.client_secret, safe='')}"
        return {}, {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {name: app.client_id, "client_secret": app.client_secret}, {}


def _oauth2(connector: Connector) -> OAuth2:
    if not isinstance(connector.auth, OAuth2):
        raise InvalidInput(
            f"Nobody signs in to {connector.title}: it is read without.",
            hint=f"engagerr platform connect {connector.name} --account {connector.platform}:HANDLE",
        )
    return connector.auth


def _scope_words(auth: OAuth2) -> str:
    return auth.scope_separator.join(scope.name for scope in auth.scopes if scope.asked)


def _is_https(address: Any) -> bool:
    return isinstance(address, str) and re.fullmatch(r"https://[\x21-\x7e]{1,500}", address) is not None


def _seconds(value: Any, default: float) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return float(min(value, _LONGEST_SECONDS)) if usable else default
