"""What is expected of the real files beside the checkout: which are broken, and which honestly hold nothing to import.

The files' own README marks the broken ones, so only the second list stands here, each entry with its argument. It is
read by `bench_files.py` and by the test of the same files.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDERS = ("api", "exports", "feeds", "influencers")
FILES_ARE_AT = Path(__file__).parents[3] / "shared" / "data"

# Sound files that Engagerr refuses, and why refusing is right. A path may be a pattern.
NOTHING_TO_IMPORT: dict[str, str] = {
    "api/podcast_platforms/anchorPlaysByEpisode.json": "plays by title of episode; a title is no identity",
    "api/podcast_platforms/forwarder.json": "the log of one listener's download: personal data, no figure of a show",
    "api/x/apis__tweet__tweets_counts_recent_resp.json": "posts of all people about a word, counted by the hour",
    "api/x/models__media.json": "a media object without the post that shows it",
    "api/x/models__meta.json": "the note on pages of an answer, without the answer",
    "api/youtube/captions__captions_by_video.json": "a list of caption tracks",
    "api/youtube/categories__video_category_by_region.json": "YouTube's own list of categories",
    "api/youtube/comment_threads__comment_threads_by_video_paged_1.json": "comments of viewers",
    "api/youtube/comments__comments_by_parent_paged_1.json": "comments of viewers",
    "api/youtube/error_permission_resp.json": "an error instead of an answer",
    "api/youtube/playlists__playlists_paged_1.json": "playlists, which are neither videos nor channels",
    "exports/instagram_download/reels_empty.json": "an empty list",
    "feeds/podcastparser_vectors/*.json": "what another program's parser should answer for the feed beside it",
    "feeds/podcastparser_vectors/generator.rss": "a channel with a generator, without title and entries",
    "feeds/podcastparser_vectors/image_url_on_newline.rss": "a channel with a picture, without title and entries",
    "feeds/podcastparser_vectors/language.rss": "a channel with a language, without title and entries",
    "feeds/podcastparser_vectors/redirect_new_location.rss": "a notice that the feed has moved, without a channel",
    "feeds/feedparser_itunes/itunes_channel_*.xml": "a channel with one feature, without title and entries",
    "feeds/feedparser_itunes/itunes_namespace_*.xml": "a channel with one feature, without title and entries",
}
# What the README calls broken because of blanks before the XML declaration. Nothing of it is lost by leaving them out.
BROKEN_WITHOUT_LOSS = frozenset({"feeds/itunes-keywords-array.rss"})
_MENDED = re.compile(r"not well-formed")


def real_files(root: Path) -> list[Path]:
    """Every file of the folders, in the order of the names."""
    return [path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.is_file()]


def broken_files(root: Path) -> frozenset[str]:
    """The files that the README of the data calls broken, as paths below `root`."""
    broken: set[str] = set()
    readme = root / "README.md"
    for line in readme.read_text("utf-8").splitlines() if readme.exists() else ():
        row = re.match(r"\| `([^`]+)`( \*\*BROKEN\*\*)? \|", line)
        if row is None:
            continue
        if row[2]:
            broken.add(row[1])
        elif row[1].endswith("/") and (listed := re.search(r"not well-formed XML: ([^|]+)", line)):
            broken |= {row[1] + name.strip() for name in listed[1].split(",") if name.strip() != "none"}
    return frozenset(broken)


def why_nothing(name: str) -> str | None:
    """Why a sound file holds nothing to import, if it is one of those."""
    return next((why for pattern, why in NOTHING_TO_IMPORT.items() if Path(name).match(pattern)), None)


def tells_of_damage(notices: tuple[str, ...]) -> bool:
    """Whether the user learns that the file was damaged and only partly read."""
    return any(_MENDED.search(notice) for notice in notices)
