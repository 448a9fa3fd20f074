"""What a platform gives to whoever signed in: tokens as values, and how its answers about them are read.

Platforms differ from RFC 6749 in how they say what they gave and why not; the differences are known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from engagerr.core.errors import EngagerrError, InvalidInput, Rejected
from engagerr.core.integrations.connector import Answer
from engagerr.core.integrations.faults import PlatformBusy, PlatformUnavailable, retry_after_seconds, words_of
from engagerr.core.integrations.redaction import redacted, without_known

# Longer than any platform's token lives; a number beyond it is nonsense.
_LONGEST_LIFE = timedelta(days=3660)
# Of RFC 6749 5.2, and Google's own: the app is at fault, and no grant is.
_THE_APPS_FAULT = frozenset(
    {"invalid_client", "unauthorized_client", "unsupported_grant_type", "deleted_client", "disabled_client"}
)
# Facebook, Instagram and Twitch say it in words ("invalid client secret", "Error validating application").
_THE_APPS_FAULT_IN_WORDS = re.compile(
    r"\b(client|app|application)[ _]?(id|key|secret)|validating (application|client)", re.I
)
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")


class SignInRefused(Rejected):
    """The person, or the platform, said no to the sign-in. `code` is the platform's own word for why."""

    def __init__(
        self, message: str, *, hint: str | None = None, facts: dict[str, Any] | None = None, code: str = ""
    ) -> None:
        super().__init__(message, hint=hint, facts=facts)
        self.code = code


class AppRefused(InvalidInput):
    """The platform does not accept the app's own id or secret: no account's sign-in is at fault."""


@dataclass(frozen=True, slots=True)
class App:
    """Our registration with a platform. Public clients have no secret."""

    client_id: str
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What was granted. `expires_at` is of the access token; None where the platform names no end.

    `account_token` is the account's own token where it has one beside that of the person (Facebook's pages).
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    account_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()

    def as_secret(self) -> dict[str, Any]:
        """As the vault keeps it."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "account_token": self.account_token,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "scopes": list(self.scopes),
        }

    @classmethod
    def from_secret(cls, secret: Mapping[str, Any]) -> Tokens:
        """As the vault kept it."""
        expires_at = secret["expires_at"]
        return cls(
            access_token=secret["access_token"],
            refresh_token=secret["refresh_token"],
            account_token=secret["account_token"],
            expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
            scopes=tuple(secret["scopes"]),
        )

    def renewed_by(self, fresh: Tokens) -> Tokens:
        """The fresh ones, with what they did not repeat: most platforms keep the refresh token as it is."""
        return replace(
            fresh,
            refresh_token=fresh.refresh_token or self.refresh_token,
            account_token=fresh.account_token or self.account_token,
            scopes=fresh.scopes or self.scopes,
        )


def checked_token(text: str, *, what: str) -> str:
    """A token as somebody hands it over: one line of visible characters."""
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise InvalidInput(f"That is no {what}.", hint="One line without spaces, as the platform shows it.")
    return token


def tokens_in(
    answer: Answer, *, title: str, now: datetime, asked: tuple[str, ...] = (), secrets: tuple[str | None, ...] = ()
) -> Tokens:
    """The tokens in a token endpoint's answer; raises what `refusal` says when it holds none.

    Where the answer does not repeat the scopes, they are those asked for (RFC 6749 5.1). `secrets` were sent, and are
    not repeated should the platform do so.
    """
    body = _flat(answer.body)
    access = body.get("access_token")
    if answer.status >= 400 or not (isinstance(access, str) and _TOKEN.fullmatch(access)):
        raise refusal(answer, title=title, now=now, secrets=secrets)
    refresh = body.get("refresh_token")
    return Tokens(
        access_token=access,
        refresh_token=refresh if isinstance(refresh, str) and _TOKEN.fullmatch(refresh) else None,
        expires_at=_end(body.get("expires_in"), now),
        scopes=_scopes(body) or asked,
    )


def refusal(
    answer: Answer,
    *,
    title: str,
    now: datetime,
    secrets: tuple[str | None, ...] = (),
    what: str = "the sign-in",
) -> EngagerrError:
    """What the no of an authorisation server means: try again later, mend the app, or sign in anew."""
    body = _flat(answer.body)
    code, said = problem_in(body, secrets=secrets)
    facts = {"platform": title, "code": code, "said": said}
    told = retry_after_seconds(answer.headers, now=now)
    if answer.status == 429:
        return PlatformBusy(
            f"{title} asks us to slow down with signing in.", hint="Try again later.", facts=facts, retry_after=told
        )
    if answer.status >= 500 or answer.status in (408, 425):
        return PlatformUnavailable(
            f"{title} does not answer: status {answer.status}.", hint="Try again later.", facts=facts, retry_after=told
        )
    if code in _THE_APPS_FAULT or _THE_APPS_FAULT_IN_WORDS.search(said):
        return AppRefused(
            f"{title} does not accept the app: {said}.",
            hint="Check its id and secret in the settings, and what it is allowed to ask for at the platform.",
            facts=facts,
        )
    return SignInRefused(
        f"{title} refuses {what}: {said}.", hint="Begin anew: engagerr platform connect.", facts=facts, code=code
    )


def problem_in(body: Mapping[str, Any], *, secrets: tuple[str | None, ...] = ()) -> tuple[str, str]:
    """(the platform's word for it, its sentence), of an answer or of the parameters of a redirect."""
    if any(secrets):
        # Before anything is cut to a length: half a secret would no longer be known.
        body = msgspec.json.decode(without_known(msgspec.json.encode(body), secrets))
    error = body.get("error")
    if isinstance(error, dict):
        code = str(error.get("code", error.get("type", "")))
    else:
        code = str(error or body.get("error_type") or body.get("message") or "")
    said = words_of(body) or str(body.get("error_message") or code or "it sent no token")
    return redacted(code, secrets=secrets)[:100], redacted(" ".join(said.split()), secrets=secrets)[:300].rstrip(".")


def _flat(body: Any) -> Mapping[str, Any]:
    """The answer's members; Instagram and TikTok's business API put them one level down, into `data`."""
    if isinstance(body, bytes):
        try:
            body = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
    if not isinstance(body, dict):
        return {}
    inner = body.get("data")
    if isinstance(inner, list) and len(inner) == 1:
        inner = inner[0]
    return body | inner if isinstance(inner, dict) and "access_token" in inner else body


def _end(expires_in: Any, now: datetime) -> datetime | None:
    """When the token ends. Facebook says 0 or nothing for those that do not; some send the number as text."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError):
        return None
    if isinstance(expires_in, bool) or not 0 < seconds < _LONGEST_LIFE.total_seconds():
        return None
    return now + timedelta(seconds=int(seconds))


def _scopes(body: Mapping[str, Any]) -> tuple[str, ...]:
    """RFC: words with spaces between; TikTok: commas; Twitch and Instagram: a list."""
    said = body.get("scope", body.get("permissions"))
    words = re.split(r"[\s,]+", said) if isinstance(said, str) else said if isinstance(said, list) else []
    return tuple(dict.fromkeys(word for word in words if isinstance(word, str) and word))
