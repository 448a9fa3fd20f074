"""What each platform's web addresses look like: a table of shapes, from which `urls` reads ids and handles.

The shapes are those that the platforms hand out, checked against the test URLs of yt-dlp 2026.10 (Unlicense).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["item", "account", "playlist", "event", "hashtag", "sound", "search", "feed", "ad", "unresolved"]


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of address. The named groups `id` and `handle` become the reference; `url` is filled from all groups.

    A shape that names `hosts` is for those only, and those hosts know no other shape.
    """

    kind: Kind
    path: re.Pattern[str]
    url: str
    query: tuple[tuple[str, re.Pattern[str]], ...]
    hosts: frozenset[str]

    def groups(self, path: str, query: dict[str, str]) -> dict[str, str] | None:
        """What the named groups hold when the decoded `path` and `query` are of this shape, else `None`."""
        match = self.path.fullmatch(path)
        if match is None:
            return None
        found = match.groupdict(default="")
        for name, pattern in self.query:
            inside = pattern.fullmatch(query.get(name, ""))
            if inside is None:
                return None
            found |= inside.groupdict(default="")
        return found


def _shape(kind: Kind, path: str, url: str, *, hosts: str = "", **query: str) -> Shape:
    wanted = tuple((name, re.compile(pattern)) for name, pattern in query.items())
    return Shape(kind, re.compile(path), url, wanted, frozenset(hosts.split()))


def _not(words: str) -> str:
    return rf"(?!(?:{'|'.join(words.split())})(?:/|$))"


_YT_VIDEO = "(?P<id>[A-Za-z0-9_-]{11})"
_YT_LIST = "(?P<id>[A-Za-z0-9_-]{2,120})"
_YT_CHANNEL = "(?P<id>UC[A-Za-z0-9_-]{22})"
_YT_POST = "(?P<id>Ug[A-Za-z0-9_-]{10,60})"
_YT_SEARCH = "https://www.youtube.com/results?search_query="
_YT_NAME = r"(?P<handle>[\w.\-·']{1,100})"
_YT_PAGES = _not(
    "about account account_notifications ads api attribution_link browse c channel channels clip creators e embed feed"
    " feeds gaming hashtag howyoutubeworks iframe_api img jobs kids live logout movies music new news oembed opensearch"
    " player playlist post premium press redirect results s search shorts signin source sports static storefront t"
    " trending trends tv upload user v vi video view_play_list watch watch_popup watch_videos yt"
    r" [^/]*\.(?:php|html|js|xml|txt|ico)"
)
_IG_CODE = "(?P<id>[A-Za-z0-9_-]{5,64})"
_IG_NAME = (
    _not("p reel reels tv stories explore accounts direct about legal developer web share press api graphql _u")
    + "(?P<handle>[A-Za-z0-9_.]{1,30})"
)
_FB_ID = "(?P<id>[0-9]{5,25})"
_FB_PFBID = "(?P<id>pfbid[A-Za-z0-9]{10,120})"
_FB_NAME = (
    _not(
        "ads business dialog events gaming groups hashtag help legal login marketplace messages p pages people pg"
        " photo places plugins policies privacy profile reel reels search settings share sharer stories story watch"
        r" watchparty video videos live home lite games notes [^/]*\.php"
    )
    + r"(?P<handle>[\w.\-]{1,100})"
)
_TT_NAME = r"(?P<handle>@[\w.\-]{1,60})"
_TT_ID = "(?P<id>[0-9]{10,20})"
_TW_NAME = (
    _not(
        "videos video v clip clips collections directory downloads jobs p settings subscriptions turbo store products"
        " search team wallet inventory prime login signup popout moderator embed user drops u"
    )
    + "(?P<handle>[A-Za-z0-9_]{2,25})"
)
_TW_CLIP = "(?P<id>[A-Za-z0-9_-]{3,120})"
_X_NAME = (
    _not(
        "home explore search settings notifications messages i intent share hashtag login signup tos privacy about"
        " compose jobs download account oauth who_to_follow status statuses widgets help"
    )
    + "@?(?P<handle>[A-Za-z0-9_]{1,20})"
)
_LI_URN = "(?P<type>activity|share|ugcPost)"
_LI_ID = "(?P<id>[0-9]{16,20})"
_SP_ID = "(?P<id>[A-Za-z0-9]{22})"
_SP_LOCALE = "(?:/intl-[a-z-]{2,8})?(?:/embed(?:-podcast)?)?"
_AP_LOCALE = "(?:/[a-z]{2}(?:-[a-z]{2,4})?)?"

_SHAPES: dict[str, tuple[Shape, ...]] = {
    "youtube": (
        _shape("item", f"/{_YT_VIDEO}(?:&.*)?", "https://www.youtube.com/watch?v={id}", hosts="youtu.be"),
        _shape("playlist", "/embed/[^/]+", "https://www.youtube.com/playlist?list={id}", list=_YT_LIST),
        _shape("account", "/embed/live_stream", "https://www.youtube.com/channel/{id}", channel=_YT_CHANNEL),
        _shape("item", r"/(?:watch|watch_popup|watch\.php)?", "https://www.youtube.com/watch?v={id}", v=_YT_VIDEO),
        _shape(
            "item",
            f"/(?:watch|v|e|vi|embed|live|shorts|video|source)/{_YT_VIDEO}(?:[&/].*)?",
            "https://www.youtube.com/watch?v={id}",
        ),
        _shape(
            "playlist",
            "/(?:playlist|watch|view_play_list)?",
            "https://www.youtube.com/playlist?list={id}",
            list=_YT_LIST,
        ),
        _shape("playlist", "/view_play_list", "https://www.youtube.com/playlist?list={id}", p=_YT_LIST),
        _shape("item", "/(?:channel/|@)[^/]+/community", "https://www.youtube.com/post/{id}", lb=_YT_POST),
        _shape("item", f"/post/{_YT_POST}", "https://www.youtube.com/post/{id}"),
        _shape("item", f"/clip/{_YT_POST}", "https://www.youtube.com/clip/{id}"),
        _shape("account", f"/channel/{_YT_CHANNEL}(?:/.*)?", "https://www.youtube.com/channel/{id}"),
        _shape("account", r"/(?P<handle>@[\w.\-·]{1,100})(?:/.*)?", "https://www.youtube.com/{handle}"),
        _shape("account", rf"/(?P<section>user|c)/{_YT_NAME}(?:/.*)?", "https://www.youtube.com/{section}/{handle}"),
        _shape("playlist", f"/browse/VL{_YT_LIST}", "https://www.youtube.com/playlist?list={id}"),
        _shape("account", f"/browse/{_YT_CHANNEL}", "https://www.youtube.com/channel/{id}"),
        _shape("unresolved", "/browse/(?P<id>MPRE[A-Za-z0-9_-]{5,60})", "https://music.youtube.com/browse/{id}"),
        _shape("hashtag", r"/hashtag/(?P<id>\w{1,200})(?:/.*)?", "https://www.youtube.com/hashtag/{id}"),
        _shape("search", "/results", f"{_YT_SEARCH}{{id}}", search_query="(?P<id>.{1,500})"),
        _shape("search", "/(?:results|search)", f"{_YT_SEARCH}{{id}}", q="(?P<id>.{1,500})"),
        _shape("feed", "/feed/(?P<id>[a-z_]{2,40})", "https://www.youtube.com/feed/{id}"),
        _shape(
            "account",
            f"/{_YT_PAGES}{_YT_NAME}"
            "(?:/(?:live|videos|featured|playlists|about|shorts|streams|community|discussion|channels|podcasts|releases))?",
            "https://www.youtube.com/{handle}",
        ),
    ),
    "instagram": (
        _shape("sound", "/reels/audio/(?P<id>[0-9]{5,25})", "https://www.instagram.com/reels/audio/{id}"),
        _shape("item", f"/(?:p|reel|reels|tv)/{_IG_CODE}(?:/.*)?", "https://www.instagram.com/p/{id}"),
        _shape("item", f"/{_IG_NAME}/(?:p|reel|tv)/{_IG_CODE}(?:/.*)?", "https://www.instagram.com/{handle}/p/{id}"),
        _shape(
            "playlist", "/stories/highlights/(?P<id>[0-9]{5,25})", "https://www.instagram.com/stories/highlights/{id}"
        ),
        _shape("item", f"/stories/{_IG_NAME}/(?P<id>[0-9]{{5,25}})", "https://www.instagram.com/stories/{handle}/{id}"),
        _shape("account", f"/(?:stories|_u)/{_IG_NAME}", "https://www.instagram.com/{handle}"),
        _shape(
            "unresolved", "/share/(?P<id>(?:(?:p|reel)/)?[A-Za-z0-9_-]{3,40})", "https://www.instagram.com/share/{id}"
        ),
        _shape("hashtag", r"/explore/tags/(?P<id>\w{1,200})", "https://www.instagram.com/explore/tags/{id}"),
        _shape("account", f"/{_IG_NAME}(?:/(?:reels|tagged|channel|feed))?", "https://www.instagram.com/{handle}"),
    ),
    "facebook": (
        _shape("unresolved", "/(?P<id>[A-Za-z0-9_-]{3,40})", "https://fb.watch/{id}", hosts="fb.watch"),
        _shape(
            "item", r"/(?:watch(?:/live)?|video(?:/video)?\.php)", "https://www.facebook.com/watch?v={id}", v=_FB_ID
        ),
        _shape("item", f"/reels?/{_FB_ID}(?:/.*)?", "https://www.facebook.com/reel/{id}"),
        _shape("item", f"/watchparty/{_FB_ID}", "https://www.facebook.com/watchparty/{id}"),
        _shape(
            "item",
            rf"/groups/(?P<group>[\w.\-]{{1,100}})/(?:permalink|posts)/{_FB_ID}(?:/.*)?",
            "https://www.facebook.com/groups/{group}/posts/{id}",
        ),
        _shape(
            "item",
            f"/{_FB_NAME}/(?P<section>videos|posts|photos)/(?:[^/]+/)?{_FB_ID}(?:/.*)?",
            "https://www.facebook.com/{handle}/{section}/{id}",
        ),
        _shape(
            "unresolved", f"/{_FB_NAME}/posts/(?:[^/]+/)?{_FB_PFBID}", "https://www.facebook.com/{handle}/posts/{id}"
        ),
        _shape(
            "item",
            r"/(?:story|permalink)\.php",
            "https://www.facebook.com/permalink.php?story_fbid={id}&id={owner}",
            story_fbid=_FB_ID,
            id="(?P<owner>[0-9]{5,25})",
        ),
        _shape(
            "unresolved",
            r"/(?:story|permalink)\.php",
            "https://www.facebook.com/permalink.php?story_fbid={id}&id={owner}",
            story_fbid=_FB_PFBID,
            id="(?P<owner>[0-9]{5,25})",
        ),
        _shape("item", r"/photo(?:\.php)?", "https://www.facebook.com/photo?fbid={id}", fbid=_FB_ID),
        _shape("event", f"/events/(?:[^/]+/){{0,3}}{_FB_ID}", "https://www.facebook.com/events/{id}"),
        _shape("ad", "/ads/library", "https://www.facebook.com/ads/library?id={id}", id=_FB_ID),
        _shape("unresolved", "/share/(?P<id>(?:[vpr]/)?[A-Za-z0-9_-]{3,60})", "https://www.facebook.com/share/{id}"),
        _shape("hashtag", r"/hashtag/(?P<id>\w{1,200})", "https://www.facebook.com/hashtag/{id}"),
        _shape("account", r"/profile\.php", "https://www.facebook.com/profile.php?id={id}", id=_FB_ID),
        _shape(
            "account",
            f"/(?:people|pages|p)/(?:[^/]+[/-])?{_FB_ID}(?:/.*)?",
            "https://www.facebook.com/profile.php?id={id}",
        ),
        _shape("account", f"/{_FB_ID}", "https://www.facebook.com/profile.php?id={id}"),
        _shape(
            "account",
            f"/(?:pg/)?{_FB_NAME}(?:/(?:videos|posts|photos|reels|about|events|live|followers|community|reviews|mentions))?",
            "https://www.facebook.com/{handle}",
        ),
    ),
    "tiktok": (
        _shape("unresolved", "/(?P<id>[A-Za-z0-9]{5,20})", "https://vm.tiktok.com/{id}", hosts="vm.tiktok.com"),
        _shape("unresolved", "/(?P<id>[A-Za-z0-9]{5,20})", "https://vt.tiktok.com/{id}", hosts="vt.tiktok.com"),
        _shape("unresolved", "/t/(?P<id>[A-Za-z0-9]{5,20})", "https://www.tiktok.com/t/{id}"),
        _shape("item", f"/{_TT_NAME}/(?:video|photo)/{_TT_ID}", "https://www.tiktok.com/{handle}/video/{id}"),
        _shape(
            "item",
            rf"/(?:(?:@/)?video|v|embed(?:/v2)?|player/v1|(?:i18n/)?share/video)/{_TT_ID}(?:\.html)?",
            "https://www.tiktok.com/@/video/{id}",
        ),
        _shape(
            "playlist",
            f"/{_TT_NAME}/(?P<section>collection|playlist)/(?:[^/]*-)?{_TT_ID}",
            "https://www.tiktok.com/{handle}/{section}/{id}",
        ),
        _shape("sound", f"/music/(?:[^/]*-)?{_TT_ID}", "https://www.tiktok.com/music/{id}"),
        _shape("hashtag", r"/tag/(?P<id>\w{1,200})", "https://www.tiktok.com/tag/{id}"),
        _shape("account", f"/{_TT_NAME}(?:/live)?", "https://www.tiktok.com/{handle}"),
    ),
    "twitch": (
        _shape("item", f"/{_TW_CLIP}", "https://clips.twitch.tv/{id}", hosts="clips.twitch.tv"),
        _shape("item", "/embed", "https://clips.twitch.tv/{id}", hosts="clips.twitch.tv", clip=_TW_CLIP),
        _shape(
            "item", "/", "https://www.twitch.tv/videos/{id}", hosts="player.twitch.tv", video="v?(?P<id>[0-9]{5,15})"
        ),
        _shape("account", "/", "https://www.twitch.tv/{handle}", hosts="player.twitch.tv", channel=_TW_NAME),
        _shape("item", f"/clip/{_TW_CLIP}", "https://clips.twitch.tv/{id}"),
        _shape("item", f"/{_TW_NAME}/clip/{_TW_CLIP}", "https://www.twitch.tv/{handle}/clip/{id}"),
        _shape("item", "/(?:videos|video|v)/v?(?P<id>[0-9]{5,15})", "https://www.twitch.tv/videos/{id}"),
        _shape("item", f"/{_TW_NAME}/(?:video|v)/(?P<id>[0-9]{{5,15}})", "https://www.twitch.tv/{handle}/video/{id}"),
        _shape(
            "item", f"/{_TW_NAME}/schedule", "https://www.twitch.tv/{handle}/video/{id}", vodID="(?P<id>[0-9]{5,15})"
        ),
        _shape("playlist", "/collections/(?P<id>[A-Za-z0-9_-]{5,40})", "https://www.twitch.tv/collections/{id}"),
        _shape(
            "account",
            f"/(?:(?:popout|moderator|embed)/)?{_TW_NAME}(?:/(?:videos(?:/[a-z]+)?|clips|about|schedule|home|chat))?",
            "https://www.twitch.tv/{handle}",
        ),
    ),
    "x": (
        _shape("item", "/v/(?P<id>[0-9a-f-]{36})", "https://amp.twimg.com/v/{id}", hosts="amp.twimg.com"),
        _shape("item", "/(?:i/)?(?:web/)?status(?:es)?/(?P<id>[0-9]{1,20})(?:/.*)?", "https://x.com/i/status/{id}"),
        _shape(
            "item",
            f"/{_X_NAME}/(?:status(?:es)?|article)/(?P<id>[0-9]{{1,20}})(?:/.*)?",
            "https://x.com/{handle}/status/{id}",
        ),
        _shape(
            "item",
            "/i/(?P<section>broadcasts|spaces)/(?P<id>[A-Za-z0-9]{10,20})(?:/.*)?",
            "https://x.com/i/{section}/{id}",
        ),
        _shape("event", "/i/events/(?P<id>[0-9]{1,20})", "https://x.com/i/events/{id}"),
        _shape("playlist", "/i/lists/(?P<id>[0-9]{1,20})", "https://x.com/i/lists/{id}"),
        _shape("hashtag", r"/hashtag/(?P<id>\w{1,200})", "https://x.com/hashtag/{id}"),
        _shape("search", "/search", "https://x.com/search?q={id}", q="(?P<id>.{1,500})"),
        _shape("account", "/i/user/(?P<id>[0-9]{1,20})", "https://x.com/i/user/{id}"),
        _shape("account", "/intent/(?:user|follow)", "https://x.com/{handle}", screen_name=_X_NAME),
        _shape(
            "account",
            f"/{_X_NAME}(?:/(?:media|with_replies|likes|followers|following|articles|highlights))?",
            "https://x.com/{handle}",
        ),
    ),
    "linkedin": (
        _shape(
            "item",
            f"/posts/(?:[^/]*[_-])?{_LI_URN}-{_LI_ID}(?:-[^/]*)?",
            "https://www.linkedin.com/feed/update/urn:li:{type}:{id}",
        ),
        _shape(
            "item",
            f"/(?:embed/)?(?:feed/update|video/live|video/event)/(?:urn:li:)?{_LI_URN}:{_LI_ID}(?:/.*)?",
            "https://www.linkedin.com/feed/update/urn:li:{type}:{id}",
        ),
        _shape("item", r"/pulse/(?P<id>[\w.\-]{1,300})", "https://www.linkedin.com/pulse/{id}"),
        _shape("event", "/events/(?:[^/]*?)(?P<id>[0-9]{19})(?:/.*)?", "https://www.linkedin.com/events/{id}"),
        _shape("playlist", f"/newsletters/(?:[^/]*-)?{_LI_ID}(?:/.*)?", "https://www.linkedin.com/newsletters/{id}"),
        _shape("hashtag", r"/feed/hashtag/(?P<id>\w{1,200})", "https://www.linkedin.com/feed/hashtag/{id}"),
        _shape("account", r"/in/(?P<handle>[\w.\-·'’&]{1,100})(?:/.*)?", "https://www.linkedin.com/in/{handle}"),
        _shape("account", "/company/(?P<id>[0-9]{1,15})(?:/.*)?", "https://www.linkedin.com/company/{id}"),
        _shape(
            "account",
            r"/(?P<section>company|school|showcase)/(?P<handle>[\w.\-·'’&]{1,100})(?:/.*)?",
            "https://www.linkedin.com/{section}/{handle}",
        ),
    ),
    "spotify": (
        _shape("unresolved", "/(?P<id>[A-Za-z0-9]{5,40})", "https://spotify.link/{id}", hosts="spotify.link"),
        _shape(
            # The host's own number of an episode (anchor.fm's successors); Spotify's catalogue has another id for it.
            "unresolved",
            r"/(?:pod/(?:pod/)?(?:show|profile)/)?(?P<handle>[\w.\-]{1,100})/episodes/(?:[^/]*-)?(?P<id>e[a-z0-9]{4,12})(?:/.*)?",
            "https://creators.spotify.com/pod/profile/{handle}/episodes/{id}",
            hosts="anchor.fm podcasters.spotify.com creators.spotify.com",
        ),
        _shape(
            "item",
            f"{_SP_LOCALE}/(?P<section>episode|track)/{_SP_ID}(?:/.*)?",
            "https://open.spotify.com/{section}/{id}",
        ),
        _shape(
            "account",
            f"{_SP_LOCALE}/(?P<section>show|artist)/{_SP_ID}(?:/.*)?",
            "https://open.spotify.com/{section}/{id}",
        ),
        _shape(
            "playlist",
            f"(?:/user/[^/]+)?{_SP_LOCALE}/(?P<section>playlist|album)/{_SP_ID}(?:/.*)?",
            "https://open.spotify.com/{section}/{id}",
        ),
        _shape("account", r"/user/(?P<handle>[\w.\-]{1,100})", "https://open.spotify.com/user/{handle}"),
    ),
    "apple_podcasts": (
        _shape(
            "item",
            f"{_AP_LOCALE}/podcast/(?:[^/]+/)?id(?P<show>[0-9]{{5,15}})",
            "https://podcasts.apple.com/podcast/id{show}?i={id}",
            i="(?P<id>[0-9]{5,20})",
        ),
        _shape(
            "item",
            f"{_AP_LOCALE}/podcast/(?P<slug>[^/]+)",
            "https://podcasts.apple.com/podcast/{slug}?i={id}",
            i="(?P<id>[0-9]{5,20})",
        ),
        _shape(
            "account",
            f"{_AP_LOCALE}/podcast/(?:[^/]+/)?id(?P<id>[0-9]{{5,15}})",
            "https://podcasts.apple.com/podcast/id{id}",
        ),
    ),
}
_SPECIAL_HOSTS = frozenset(host for shapes in _SHAPES.values() for shape in shapes for host in shape.hosts)

_HOSTS_OF = {
    "youtube": "youtube.com music.youtube.com gaming.youtube.com studio.youtube.com youtu.be"
    " youtube-nocookie.com youtubekids.com",
    "instagram": "instagram.com instagr.am",
    "facebook": "facebook.com web.facebook.com mbasic.facebook.com touch.facebook.com fb.com fb.watch",
    "tiktok": "tiktok.com tiktokv.com vm.tiktok.com vt.tiktok.com",
    "twitch": "twitch.tv go.twitch.tv clips.twitch.tv player.twitch.tv",
    "x": "x.com twitter.com mobile.twitter.com mobile.x.com amp.twimg.com",
    "linkedin": "linkedin.com",
    "spotify": "open.spotify.com play.spotify.com spotify.link anchor.fm podcasters.spotify.com creators.spotify.com",
    "apple_podcasts": "podcasts.apple.com embed.podcasts.apple.com itunes.apple.com",
}
_PLATFORM_OF = {host: platform for platform, hosts in _HOSTS_OF.items() for host in hosts.split()}
_LOCAL_HOST = re.compile(r"[a-z]{2}(?:-[a-z]{2})?\.(facebook\.com|linkedin\.com)")


def platform_of(host: str) -> str | None:
    """The platform that serves `host` (lower case, without "www."), also for its country names ("de.linkedin.com")."""
    local = _LOCAL_HOST.fullmatch(host)
    return _PLATFORM_OF.get(local[1] if local else host)


def shapes_for(platform: str, host: str) -> tuple[Shape, ...]:
    """The shapes to try on `host`, in this order: the first that fits decides."""
    special = host in _SPECIAL_HOSTS
    return tuple(shape for shape in _SHAPES[platform] if (host in shape.hosts if special else not shape.hosts))
