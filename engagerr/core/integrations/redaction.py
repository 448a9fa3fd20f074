"""No secret in what people or files get to see: tokens, codes and client secrets are cut out of texts, addresses and
bodies before anything quotes or keeps them.

Two lists, for two uses. What is only *shown* (messages, logs) loses everything that may be a secret. What is *kept and
used* (the address of a next page, a raw body) loses only what is a secret for certain: `?code=SUMMER10` in a post is a
voucher, `pageToken` a cursor, and both must survive.
"""

from __future__ import annotations

import base64
import functools
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit, urlunsplit

MASK = "***"

# With or without the underscores, in any case. Graph puts the access token into `paging.next`.
_CERTAIN_NAMES = (
    "access_token", "refresh_token", "id_token", "oauth_token", "oauth_token_secret", "auth_token", "client_secret",
    "app_secret", "appsecret_proof", "code_verifier", "device_code", "client_assertion", "api_key", "x_api_key",
    "authorization", "password", "fb_exchange_token", "input_token", "page_access_token", "user_access_token",
)  # fmt: skip
_SHOWN_NAMES = ("token", "code", "key", "secret", "sig", "signature", "assertion", "user_code", "session", "cookie")
_CERTAIN = frozenset(name.replace("_", "") for name in _CERTAIN_NAMES)


def _either(names: tuple[str, ...]) -> str:
    return "|".join(name.replace("_", "[-_]?") for name in sorted(names, key=len, reverse=True))


# A name and its value: in a query (which may itself be quoted in another), in JSON, in a Python repr, in a header
# line. Names that could mean something else (a "code: 190") count in queries only.
_VALUE = r"""(?P<value>"[^"]*"?|'[^']*'?|(?:(?!%26)[^\s&"'<>,;)\]}\#])+)"""
_NAMED = re.compile(
    rf"""(?P<before>(?:{_either(_CERTAIN_NAMES)})["']?(?:\s*[=:,]\s*(?:b(?=["']))?|%3D)
        |(?:(?<![\w-])|(?<=%3F)|(?<=%26))(?:{_either(_SHOWN_NAMES)})(?:=|%3D)){_VALUE}""",
    re.VERBOSE | re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(Bearer|Basic|OAuth|Token)\s+(?!\*\*\*)[A-Za-z0-9._~+/!|=-]{8,}", re.IGNORECASE)
# The shapes of the platforms' own tokens: Google (access, refresh, client secret, API key), Meta, TikTok, JSON web
# tokens, and ours. A token that stands somewhere unforeseen is known by its shape. The header of a web token is
# bounded: of many "eyJ" in a row, each would be read on to the end of the text.
_SHAPES = re.compile(
    r"ya29\.[\w.-]+|1//0[\w-]{20,}|GOCSPX-[\w-]+|AIza[\w-]{30,}|EAA[A-Za-z0-9]{20,}|IG[A-Z]{2}[A-Za-z0-9_-]{40,}"
    r"|\b(?:act|rft|clt)\.[\w!.*-]{16,}|eyJ[\w-]{8,4000}\.[\w-]{8,}\.[\w-]*|engagerr_[sa]_[\w-]+"
)
_USERINFO = re.compile(r"(\w://)[^/?#\s@\"']+@")
_URL = re.compile(r"https?://\S+\Z", re.IGNORECASE)
# A secret shorter than this is no secret, and cutting it out would garble words; or, in an answer, data.
_SHORTEST_SECRET = 6
_SHORTEST_IN_AN_ANSWER = 16
_NOT_GIVEN = rb"""(?<!"access_token":")(?<!"access_token": ")"""


def _plain(name: str) -> str:
    return unquote(name).replace("-", "").replace("_", "").lower()


def redacted(text: object, *, secrets: Iterable[str | None] = ()) -> str:
    """The text to be shown: without these secrets, and without anything that is a secret by its name or shape."""
    shown = str(text)
    for form in _forms(secrets, _SHORTEST_SECRET):
        shown = shown.replace(form, MASK)
    shown = _USERINFO.sub(rf"\1{MASK}@", _SHAPES.sub(MASK, _SCHEME.sub(rf"\1 {MASK}", shown)))
    return _NAMED.sub(_masked, shown)


def without_known(content: bytes, secrets: Iterable[str | None]) -> bytes:
    """An answer as it came, without what was sent to get it: platforms, and what stands before them, quote requests.

    A token that is given as such stays (a page of Facebook may have the one that was sent): `clean_body` is for it.
    """
    for form in (form.encode() for form in _forms(secrets, _SHORTEST_IN_AN_ANSWER)):
        if form in content:
            content = re.sub(_NOT_GIVEN + re.escape(form), MASK.encode(), content)
    return content


def _forms(secrets: Iterable[str | None], shortest: int) -> list[str]:
    """The secrets in every spelling in which somebody may quote them (as they are, in an address, in JSON, in base64),
    the longest first."""
    forms: set[str] = set()
    for secret in secrets:
        if not secret or len(secret) < shortest:
            continue
        spelled = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), secret.replace("/", "\\/")}
        # Also where an address is a parameter of another one, and with the hex digits in small letters.
        spelled |= {quote(form, safe="") for form in spelled}
        forms |= spelled | {re.sub("%[0-9A-F]{2}", lambda hex_: hex_[0].lower(), form) for form in spelled}
        packed = {encode(secret.encode()).decode() for encode in (base64.b64encode, base64.urlsafe_b64encode)}
        forms |= packed | {form.rstrip("=") for form in packed}
    return sorted(forms, key=len, reverse=True)


def _masked(found: re.Match[str]) -> str:
    # "password: must not be empty" is a sentence, but better one word too few than a password too many.
    quote = found["value"][0] if found["value"][0] in "\"'" else ""
    return f"{found['before']}{quote}{MASK}{quote}"


def without_secrets(url: str) -> str:
    """The address without the parameters that carry secrets: it can be kept, and used again with a fresh token."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all: nobody will use it
        return redacted(url)
    return urlunsplit(
        (parts.scheme, parts.netloc.rpartition("@")[2], parts.path, _harmless(parts.query), _harmless(parts.fragment))
    )


def _harmless(query: str) -> str:
    return "&".join(pair for pair in query.split("&") if _plain(pair.partition("=")[0]) not in _CERTAIN)


def clean_body(body: Any) -> Any:
    """A parsed body to be kept: without members that hold tokens, and without tokens in the addresses it names."""
    # Every member of every answer comes by here: plain types are told apart before anything is called.
    kind = type(body)
    if kind is str:
        return _clean_address(body) if "?" in body and _URL.match(body) else body
    if kind is dict or isinstance(body, Mapping):
        return {
            name: value if type(value) in _HARMLESS else clean_body(value)
            for name, value in body.items()
            if not (type(value) is str and _holds_a_token(name))
        }
    if kind is list or kind is tuple:
        return [entry if type(entry) in _HARMLESS else clean_body(entry) for entry in body]
    return body


_HARMLESS = frozenset({int, float, bool, type(None)})


def _clean_address(address: str) -> str:
    """As it came, to the letter, unless there is something to cut."""
    parts = address.partition("?")[2]
    if not any(_plain(pair.partition("=")[0]) in _CERTAIN for pair in re.split("[&#]", parts)):
        return address
    return without_secrets(address)


# The same few hundred names come again with every page.
@functools.lru_cache(maxsize=4096)
def _holds_a_token(name: Any) -> bool:
    return isinstance(name, str) and _plain(name) in _CERTAIN


class RedactingFilter(logging.Filter):
    """Rewrites what a library logs before any handler sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: the record stays, without its secrets."""
        record.msg = redacted(record.getMessage())
        record.args = ()
        if record.exc_info or record.exc_text:
            record.exc_text = redacted(record.exc_text or logging.Formatter().formatException(record.exc_info or ()))  # type: ignore[arg-type]
            record.exc_info = None
        return True


# A logger's filter does not see what its children log, so each one that writes needs it.
_LOGGERS = (
    "httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy",
    "httpcore.socks", "authlib", "authlib.integrations", "stamina", "pybreaker",
)  # fmt: skip


def silence_secrets() -> None:
    """Make the HTTP libraries log without secrets, whatever level somebody sets; doing it again changes nothing."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, RedactingFilter) for known in logger.filters):
            logger.addFilter(RedactingFilter())
