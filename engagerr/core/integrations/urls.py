"""What a URL names: the platform, the thing on it, and that thing's own id, told from the text of the URL alone.

Nothing is fetched. A link that leads on to something that only its server knows (t.co, vm.tiktok.com, a `pfbid`) gives
`None` or a reference of kind "unresolved", never a guessed id. The rules follow the URLs that the platforms hand out;
yt-dlp's own test URLs (Unlicense) are the yardstick.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urlsplit

from engagerr.core.integrations.url_shapes import Kind, platform_of, shapes_for

_MAX_LENGTH = 16_384  # longer than any browser's address bar carries over; keeps every rule below cheap
_MAX_WRAPPERS = 5


@dataclass(frozen=True, slots=True)
class PlatformRef:
    """A thing on a platform, as a URL names it.

    `native_id` is the platform's own id in its own letter case; `None` where the URL names an account by its handle
    only. `handle` is the account that the URL names ("@annlee" on YouTube and TikTok, a bare name elsewhere; a YouTube
    name without "@" is a legacy /c/ or /user/ name). With kind "unresolved" the platform is certain, but `native_id`
    is only the link's own token and must not be compared with ids. `canonical_url` names the same thing in one
    spelling; `offset_seconds` is a position inside it and takes no part in comparisons.
    """

    platform: str
    native_id: str | None
    kind: Kind
    handle: str | None
    canonical_url: str
    offset_seconds: float | None = field(default=None, compare=False)


def parse_url(url: str) -> PlatformRef | None:
    """The thing that `url` names, or `None` for other sites and for links whose target cannot be told from the text.

    A URL of a known host may lack its scheme. Redirect and consent pages that carry their target are looked through.
    """
    for _ in range(_MAX_WRAPPERS):
        parts = _split(url)
        if parts is None:
            return _from_app_link(url.strip())
        target = _wrapped(parts)
        if target is None:
            return _from_web_address(parts)
        url = target
    return None


def canonical_url(url: str) -> str | None:
    """One spelling of a link, to compare links by: `None` when the text is no web address.

    A platform's URL becomes its `PlatformRef.canonical_url`. Of others the scheme becomes https; "www.", "m.", default
    ports, user names, the fragment, a trailing slash and tracking parameters go; parameters are sorted and
    percent-encoding is made uniform. The result is for comparing and need not be reachable.
    """
    for _ in range(_MAX_WRAPPERS):
        parts = _split(url)
        target = _wrapped(parts) if parts else None
        if target is None:
            break
        url = target
    reference = parse_url(url)
    if reference:
        return reference.canonical_url
    parts = _split(url)
    if parts is None:
        return None
    host = _bare_host(parts)
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    if port and port not in (80, 443):
        host = f"{host}:{port}"
    path = _uniform(parts.path.rstrip("/"), safe="/:@!$&'()*+,;=%")
    pairs = (pair for pair in parts.query.replace("&amp;", "&").split("&") if pair)
    kept = sorted(_uniform(pair, safe="/:@!$'()*+,;=%?") for pair in pairs if not _TRACKING.match(pair))
    return f"https://{host}{path}" + (f"?{'&'.join(kept)}" if kept else "")


def find_urls(text: str) -> tuple[str, ...]:
    """Every web address in free text or HTML, once each, in order; those of known hosts also without a scheme.

    A scheme-less address is returned with "https://" in front. Sentence punctuation and unbalanced brackets at the end
    are left out, and `&amp;` is read as `&`.
    """
    found: dict[str, None] = {}
    for match in _URL_START.finditer(text):
        address = _trimmed(_HTML_AMPERSAND.sub("&", match[0]), after=text[match.start() - 1 : match.start()])
        scheme, separator, rest = address.partition("//")
        if not separator or scheme.lower() not in ("http:", "https:"):
            address, rest = f"https://{address.removeprefix('//')}", address.removeprefix("//")
        if _split(address) is not None and rest:
            found[address] = None
    return tuple(found)


# --- taking addresses apart ------------------------------------------------------------------------------------------

_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f<>\"\\\ud800-\udfff]")
_HOST = re.compile(r"[^\s/?#@\\]+")
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_TRACKING = re.compile(
    r"(?:utm_\w*|(?:fb|g|d|y|tw|tt|ms|rb_)clid|clickid|gbraid|wbraid|li_fat_id|igsh|igshid|mc_[ce]id|mkt_tok|_hsenc|_hsmi"
    r"|__hs\w*|_ga|_gl|si|vero_id|oly_\w+_id|fb_action_ids|fb_action_types|fb_source|mibextid|cmpid|spm|ref_src|ref_url)"
    r"(?:=|$)",
    re.IGNORECASE | re.ASCII,
)


# One address is taken apart several times on its way: to be found in a text, told what it names, and spelled one way.
@functools.lru_cache(maxsize=2048)
def _split(url: str) -> SplitResult | None:
    """The parts of a web address (scheme added where a known host lacks it), or `None` when it is none."""
    url = url.strip()
    if not url or len(url) > _MAX_LENGTH or _UNSAFE.search(url):
        return None
    if not url.lower().startswith(("http://", "https://")):
        bare = url.removeprefix("//")
        host = re.split(r"[/?#:]", bare, maxsplit=1)[0].lower().removeprefix("www.").removeprefix("m.")
        if platform_of(host) is None and host not in _WRAPPER_HOSTS and host != _ARCHIVE:
            return None
        url = f"https://{bare}"
    try:
        parts = urlsplit(url)
        if not parts.hostname or not _HOST.fullmatch(parts.hostname) or parts.port == 0:
            return None
    except ValueError:  # a port that is no number, a broken IPv6 address, a host that normalises to something else
        return None
    return parts if _bare_host(parts) else None


@functools.lru_cache(maxsize=2048)
def _bare_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    while host.startswith(("www.", "m.")) and "." in host.partition(".")[2]:
        host = host.partition(".")[2]
    return host


def _parameters(parts: SplitResult) -> dict[str, str]:
    """The query, percent-decoded; of a repeated parameter the first."""
    decoded: dict[str, str] = {}
    for pair in parts.query.replace("&amp;", "&").split("&"):
        name, _, value = pair.partition("=")
        if value:
            decoded.setdefault(unquote(name), unquote(value.replace("+", " ")))
    return decoded


def _uniform(text: str, *, safe: str) -> str:
    """Percent-encoding in one spelling: plain characters plain, everything else as upper-case UTF-8 bytes."""

    def respell(match: re.Match[str]) -> str:
        byte = int(match[1], 16)
        return chr(byte) if byte in _UNRESERVED else match[0].upper()

    return quote(_PERCENT.sub(respell, text), safe=safe, errors="replace")


# --- pages that only lead on to an address which they carry ---------------------------------------------------------

_WRAPPER_HOSTS = {
    # host: (first path segment or "" for any, parameters that may carry the target)
    "consent.youtube.com": ("", ("continue",)),
    "consent.google.com": ("", ("continue",)),
    "accounts.google.com": ("", ("continue",)),
    "google.com": ("url", ("q", "url")),
    "youtube.com": ("redirect", ("q",)),
    "l.instagram.com": ("", ("u",)),
    "l.facebook.com": ("", ("u",)),
    "lm.facebook.com": ("", ("u",)),
    "facebook.com": ("plugins", ("href",)),
}
_ON_SAME_SITE = {
    # a page that asks the visitor to sign in or that counts him, and where he goes afterwards
    ("youtube.com", "attribution_link"): "u",
    ("youtube.com", "signin"): "next",
    ("youtube.com", "oembed"): "url",
    ("facebook.com", "login"): "next",
    ("facebook.com", "login.php"): "next",
    ("facebook.com", "l.php"): "u",
    ("instagram.com", "accounts"): "next",
    ("linkedin.com", "redir"): "url",
    ("linkedin.com", "safety"): "url",
}
_ARCHIVE = "web.archive.org"
_ARCHIVED = re.compile(
    r"/(?:web/)?(?:[0-9*]{1,20}(?:_?[a-z]{2}_?)?/)?(?:https?:/{1,2}|(?=www\.|youtube\.com))(.+)", re.DOTALL
)


def _wrapped(parts: SplitResult) -> str | None:
    """The address inside a redirect page, a consent page or an archived copy; `None` when `parts` is none of these."""
    host = _bare_host(parts)
    if host == _ARCHIVE:
        match = _ARCHIVED.match(parts.path)
        return f"https://{match[1]}?{parts.query}" if match else None
    first = parts.path.strip("/").partition("/")[0]
    segment, names = _WRAPPER_HOSTS.get(host, (None, ()))
    if segment is None or segment not in ("", first):
        same_site = _ON_SAME_SITE.get((host, first))
        if same_site is None:
            return None
        names = (same_site,)
    query = _parameters(parts)
    target = next((query[name] for name in names if name in query), "")
    if target.startswith("/") and not target.startswith("//"):
        return f"https://{host}{target}"
    return target if target.lower().startswith(("http://", "https://")) else None


# --- addresses in running text ---------------------------------------------------------------------------------------

_BARE_HOSTS = (
    r"youtu\.be|(?:music\.)?youtube(?:-nocookie)?\.com|instagram\.com|facebook\.com|fb\.watch|(?:vm\.|vt\.)?tiktok\.com"
    r"|(?:clips\.)?twitch\.tv|twitter\.com|x\.com|linkedin\.com|lnkd\.in|(?:open|podcasters|creators)\.spotify\.com"
    r"|spotify\.link|podcasts\.apple\.com"
)
# Quotation marks and the punctuation of scripts that write no space after it end an address.
_STOPS = r"\s\x00-\x1f\x7f<>\"`|\\^“”„«»‹›。、「」『』【】〈〉《》（），！？；：…"
_URL_START = re.compile(
    r"(?:(?<![A-Za-z0-9])https?://|(?<![\w@./-])(?://)?(?:www\.|m\.)?(?:" + _BARE_HOSTS + r")/)"
    r"(?:(?![,;]https?://|&(?:quot|lt|gt|nbsp|apos|#0*3[49]|#x0*2[27]);)[^" + _STOPS + r"])+",
    re.IGNORECASE,
)
_HTML_AMPERSAND = re.compile(r"&(?:amp|#0*38|#x0*26);", re.IGNORECASE)
_OPENER = {")": "(", "]": "[", "}": "{"}


def _trimmed(address: str, *, after: str) -> str:
    """`address` up to the first bracket that it does not open itself, without the sentence's punctuation."""
    if after == "'":
        address = address.partition("'")[0]
    depth = dict.fromkeys("([{", 0)
    for position, character in enumerate(address):
        if character in depth:
            depth[character] += 1
        elif character in _OPENER:
            if not depth[_OPENER[character]]:
                address = address[:position]
                break
            depth[_OPENER[character]] -= 1
    return address.rstrip(".,;:!?'*([{’‘")


# --- from an address to the thing ----------------------------------------------------------------------------------


def _from_web_address(parts: SplitResult) -> PlatformRef | None:
    host = _bare_host(parts)
    platform = platform_of(host)
    if platform is None or parts.port not in (None, 80, 443):  # another port is another server
        return None
    path = "/" + "/".join(unquote(segment) for segment in parts.path.split("/") if segment)
    query = _parameters(parts)
    for shape in shapes_for(platform, host):
        found = shape.groups(path, query)
        if found is not None:
            url = shape.url.format_map({name: quote(value, safe="@/") for name, value in found.items()})
            offset = _offset_seconds(query, parts.fragment) if shape.kind == "item" else None
            return PlatformRef(platform, found.get("id"), shape.kind, found.get("handle"), url, offset)
    return None


_CLOCK = re.compile(r"(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,7}(?:\.[0-9]{1,3})?)s?)?")


def _offset_seconds(query: dict[str, str], fragment: str) -> float | None:
    """The position that a link points to: `t=61`, `t=1h2m3s`, `start=61`, `#t=61`."""
    written = next(
        (query[name] for name in ("t", "start", "time_continue") if name in query), fragment.removeprefix("t=")
    )
    match = _CLOCK.fullmatch(written)
    if match is None or not written:
        return None
    hours, minutes, seconds = match.groups(default="0")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


_SPOTIFY_URI = re.compile(r"spotify:(episode|track|show|artist|playlist|album):([A-Za-z0-9]{22})")
_INSTAGRAM_MEDIA = re.compile(r"instagram://media\?id=([0-9]{5,25})")
_SHORTCODE_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _from_app_link(link: str) -> PlatformRef | None:
    """Links into apps: `spotify:episode:…`; `instagram://media?id=…`, whose number is the shortcode in base 64."""
    spotify = _SPOTIFY_URI.fullmatch(link)
    if spotify:
        return parse_url(f"https://open.spotify.com/{spotify[1]}/{spotify[2]}")
    media = _INSTAGRAM_MEDIA.fullmatch(link)
    if media is None:
        return None
    number, code = int(media[1]), ""
    while number:
        number, digit = divmod(number, 64)
        code = _SHORTCODE_ALPHABET[digit] + code
    return parse_url(f"https://www.instagram.com/p/{code}")
