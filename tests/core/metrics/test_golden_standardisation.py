# ruff: noqa: E501  a row of the table is one case, however long
"""What platforms reported, and what it must become: worked out by hand from the facts of each platform.

Each block of rows names its source: words of DOMAIN (the collected facts of the field), or the platform's own page as
the registry names it. No expected figure was taken from what the code answers.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from engagerr.core.integrations.records import State
from engagerr.core.metrics.definition import Break
from engagerr.core.metrics.registry import Registry, ruling_day
from engagerr.core.metrics.standard import standardise

REGISTRY = Registry.load()
DOMAIN = Path(__file__).parents[3].parent / "shared" / "DOMAIN.md"

# platform | metric | kind | reported | state | observed at | published on | days of period
#   | concept | standard value | unit | grade | sum group | spans the break of
TABLE = """
source: DOMAIN: YouTube view, long and live | about 30 s of play | until 2026-08-23
youtube | views | long_video | 15403 | value | 2026-08-23T23:59:59Z | 2026-05-01 | 0 | qualified_play | 15403 | count | same | qualified_play/30 s | -
youtube | views | live       | 812   | value | 2026-08-01 | 2026-07-30 | 0 | qualified_play | 812 | count | same | qualified_play/30 s | -
youtube | views | long_video | 0     | zero  | 2026-08-01 | 2026-07-31 | 0 | qualified_play | 0 | count | same | qualified_play/30 s | -
# A period that ends at midnight is of the day before it: its last day is the 23rd.
youtube | views | long_video | 2800  | value | 2026-08-24 | 2026-05-01 | 28 | qualified_play | 2800 | count | same | qualified_play/30 s | -
# Half past one in Berlin on the 24th is the 23rd in UTC.
youtube | views | long_video | 77    | value | 2026-08-24T01:30:00+02:00 | 2026-05-01 | 0 | qualified_play | 77 | count | same | qualified_play/30 s | -
youtube | views | long_video | -     | not_reported | 2026-08-01 | 2026-05-01 | 0 | qualified_play | - | count | same | - | -

source: DOMAIN: YouTube view, all formats | first frame, autoplay and hover included | 2026-08-24
youtube | views | long_video | 15403 | value | 2026-08-24 | 2026-08-24 | 0 | play_start | 15403 | count | same | play_start | -
youtube | views | long_video | 16000 | value | 2026-08-24 | 2026-05-01 | 0 | play_start | 16000 | count | same | play_start | 2026-08-24
youtube | views | live       | 900   | value | 2026-09-05 | 2026-09-01 | 0 | play_start | 900 | count | same | play_start | -
youtube | views | live       | 900   | value | 2026-09-05 | 2026-08-23 | 0 | play_start | 900 | count | same | play_start | 2026-08-24
youtube | views | episode    | 410   | value | 2026-09-05 | 2026-08-30 | 0 | play_start | 410 | count | same | play_start | -
# The 28 days before September begin on the 4th of August.
youtube | views | long_video | 3100  | value | 2026-09-01 | 2026-05-01 | 28 | play_start | 3100 | count | same | play_start | 2026-08-24
youtube | views | long_video | 700   | value | 2026-09-01 | 2026-05-01 | 7 | play_start | 700 | count | same | play_start | -
youtube | views | account    | 1658  | value | 2026-11-01 | - | 1 | play_start | 1658 | count | same | play_start | -
youtube | views | account    | 9000  | value | 2026-08-26 | - | 7 | play_start | 9000 | count | same | play_start | 2026-08-24
# For a Short it was the start before, too: the wording changed and the quantity did not.
youtube | views | short_video | 52000 | value | 2026-08-24 | 2026-08-01 | 0 | play_start | 52000 | count | same | play_start | -

source: DOMAIN: YouTube view, Shorts | play starts or replays, no minimum | 2025-03-31
youtube | views | short_video | 40000 | value | 2025-03-31 | 2025-03-31 | 0 | play_start | 40000 | count | same | play_start | -
youtube | views | short_video | 41000 | value | 2025-03-31 | 2025-03-01 | 0 | play_start | 41000 | count | same | play_start | 2025-03-31
youtube | views | short_video | 41000 | value | 2026-08-23 | 2025-06-01 | 0 | play_start | 41000 | count | same | play_start | -
# All views of a channel: two rules in one figure until both became the same one.
youtube | views | account | 50000 | value | 2025-03-31T06:00:00Z | - | 0 | - | - | - | - | - | -
youtube | views | account | 50000 | value | 2026-08-23T06:00:00Z | - | 0 | - | - | - | - | - | -

source: https://ppc.land/youtube-changes-how-shorts-views-are-counted-from-march-31
youtube | views | short_video | 39000 | value | 2025-03-30T23:59:59Z | 2025-03-01 | 0 | qualified_play | 39000 | count | not_comparable | - | -
youtube | views | account | 50000 | value | 2025-03-30 | - | 0 | qualified_play | 50000 | count | not_comparable | - | -

source: DOMAIN: YouTube `engagedViews` (Analytics API) | the old method, kept | 2025-06-30
youtube | engaged_views | long_video  | 15382 | value | 2025-06-30 | 2025-05-01 | 0 | engaged_play | 15382 | count | same | engaged_play | -
youtube | engaged_views | short_video | 21000 | value | 2026-08-24 | 2026-05-01 | 0 | engaged_play | 21000 | count | same | engaged_play | -

source: https://support.google.com/youtube/thread/333869549
youtube | engaged_views | short_video | 20000 | value | 2025-04-01 | 2025-03-01 | 0 | engaged_play | 20000 | count | same | engaged_play | -

source: YouTube Studio, headings of Table data.csv
youtube | watch_time_hours | long_video | 1820.2033 | value | 2026-11-01 | 2025-11-06 | 365 | watch_time | 6552731.88 | seconds | same | watch_time | -
youtube | subscribers      | long_video | -3   | value | 2026-11-01 | 2025-11-06 | 365 | follows_gained | -3 | count | not_comparable | - | -
youtube | unique_viewers   | long_video | 9100 | estimated | 2026-11-01 | 2025-11-06 | 28 | reach | 9100 | count | same | - | -

source: https://developers.google.com/youtube/analytics/metrics
youtube | estimated_minutes_watched     | long_video | 90 | value | 2026-10-01 | 2026-09-01 | 28 | watch_time | 5400 | seconds | same | watch_time | -
youtube | average_view_duration_seconds | long_video | 426 | value | 2026-10-01 | 2026-09-01 | 0 | average_watch | 426 | seconds | same | - | -
youtube | average_percentage_viewed     | long_video | 18.18 | value | 2026-10-01 | 2026-09-01 | 0 | completion | 0.1818 | ratio | not_comparable | - | -
youtube | likes              | long_video | 756 | value | 2026-11-01 | 2025-11-06 | 0 | likes | 756 | count | same | likes | -
youtube | likes              | long_video | -   | permission_denied | 2026-11-01 | 2025-11-06 | 0 | likes | - | count | same | - | -
youtube | comments           | long_video | 16  | value | 2026-11-01 | 2025-11-06 | 0 | comments | 16 | count | same | comments | -
youtube | comments_added     | long_video | 16  | value | 2026-11-01 | 2025-11-06 | 365 | comments | 16 | count | same | comments | -
youtube | shares             | short_video | 5  | value | 2026-11-01 | 2025-11-06 | 0 | shares | 5 | count | same | shares | -
youtube | subscribers_gained | long_video | 19 | value | 2026-11-01 | 2025-11-06 | 0 | follows_gained | 19 | count | same | follows_gained | -
youtube | estimated_revenue    | long_video | 80.339 EUR | value | 2026-11-01 | 2025-11-06 | 365 | revenue | 80.339 | currency | same | revenue/EUR | -
youtube | estimated_revenue    | long_video | 12.5 USD   | value | 2026-11-01 | 2025-11-06 | 365 | revenue | 12.5 | currency | same | revenue/USD | -
youtube | estimated_ad_revenue | long_video | 60.10 EUR  | value | 2026-11-01 | 2025-11-06 | 365 | revenue | 60.10 | currency | not_comparable | - | -
# Nobody says in what money: it is added to nothing.
youtube | estimated_revenue    | long_video | 12.5 | value | 2026-11-01 | 2025-11-06 | 365 | revenue | 12.5 | currency | same | - | -

source: https://support.google.com/youtube/answer/9002587
youtube | impressions | long_video | 155375 | value | 2026-11-01 | 2025-11-06 | 365 | exposure | 155375 | count | not_comparable | - | -

source: DOMAIN: Instagram `views` | plays for reels; on-screen count with repeats for photos and stories
instagram | views | reel     | 88000 | value | 2026-10-01 | 2026-09-01 | 0 | play_start | 88000 | count | same | play_start | -
instagram | views | carousel | 4200  | value | 2026-10-01 | 2026-09-01 | 0 | exposure | 4200 | count | same | exposure | -
instagram | views | story    | 310   | value | 2026-10-01 | 2026-09-30 | 0 | exposure | 310 | count | same | exposure | -

source: DOMAIN: Instagram removed | `plays`, `clips_replays_count`, `ig_reels_aggregated_all_plays_count` (2025-04-21)
instagram | plays                               | reel | 70000 | value | 2025-04-20 | 2025-01-01 | 0 | play_start | 70000 | count | not_comparable | - | -
instagram | clips_replays_count                 | reel | 20210 | value | 2025-04-20 | 2025-01-01 | 0 | play_start | 20210 | count | not_comparable | - | -
instagram | ig_reels_aggregated_all_plays_count | reel | 90210 | value | 2025-04-20 | 2025-01-01 | 0 | play_start | 90210 | count | same | play_start | -
instagram | ig_reels_aggregated_all_plays_count | reel | 90210 | value | 2025-04-21 | 2025-01-01 | 0 | - | - | - | - | - | -
instagram | plays                               | reel | 70000 | value | 2025-04-21 | 2025-01-01 | 0 | - | - | - | - | - | -

source: DOMAIN: `impressions` (media after 2024-07-02), `video_views` (2025-01-08)
instagram | impressions | post       | 5000 | value | 2025-06-01 | 2024-07-01 | 0 | exposure | 5000 | count | same | exposure | -
instagram | impressions | post       | 5000 | value | 2025-04-20 | 2024-07-02 | 0 | exposure | 5000 | count | same | exposure | -
instagram | impressions | post       | 5000 | value | 2025-04-21 | 2024-07-02 | 0 | - | - | - | - | - | -
instagram | video_views | long_video | 800  | value | 2025-01-07 | 2024-12-01 | 0 | qualified_play | 800 | count | not_comparable | - | -
instagram | video_views | long_video | 800  | value | 2025-01-08 | 2024-12-01 | 0 | - | - | - | - | - | -

source: DOMAIN: watch times in **milliseconds**
instagram | ig_reels_avg_watch_time          | reel | 8421     | value | 2026-10-01 | 2026-09-01 | 0 | average_watch | 8.421 | seconds | same | - | -
instagram | ig_reels_video_view_total_time   | reel | 12345678 | value | 2026-10-01 | 2026-09-01 | 0 | watch_time | 12345.678 | seconds | same | watch_time | -

source: DOMAIN: under 5 viewers error 10
instagram | reach | story | - | suppressed | 2026-10-01 | 2026-09-30 | 0 | reach | - | count | same | - | -

source: DOMAIN: story insights gone after 24 h
instagram | views | story | - | expired | 2026-10-01 | 2026-09-20 | 0 | exposure | - | count | same | - | -

source: DOMAIN: EU/JP story replies are 0 by law
instagram | replies | story | - | not_applicable | 2026-10-01 | 2026-09-30 | 0 | comments | - | count | not_comparable | - | -
instagram | replies | story | 4 | value | 2026-10-01 | 2026-09-30 | 0 | comments | 4 | count | not_comparable | - | -

source: https://developers.facebook.com/documentation/instagram-platform/reference/instagram-media/insights
instagram | reach          | reel | 61000 | value | 2026-10-01 | 2026-09-01 | 0 | reach | 61000 | count | same | - | -
instagram | likes          | reel | 3100  | value | 2026-10-01 | 2026-09-01 | 0 | likes | 3100 | count | same | likes | -
instagram | comments       | reel | 99    | value | 2026-10-01 | 2026-09-01 | 0 | comments | 99 | count | same | comments | -
instagram | shares         | reel | 45    | value | 2026-10-01 | 2026-09-01 | 0 | shares | 45 | count | same | shares | -
instagram | saves          | reel | 210   | value | 2026-10-01 | 2026-09-01 | 0 | saves | 210 | count | same | saves | -
instagram | saved          | reel | 210   | value | 2026-10-01 | 2026-09-01 | 0 | saves | 210 | count | same | saves | -
instagram | follows        | reel | 12    | value | 2026-10-01 | 2026-09-01 | 0 | follows_gained | 12 | count | same | follows_gained | -
instagram | profile_visits | reel | 87    | value | 2026-10-01 | 2026-09-01 | 0 | profile_visits | 87 | count | same | profile_visits | -

source: https://developers.facebook.com/blog/post/2025/12/03/instragram-api-updates/
instagram | reposts | reel | 6 | value | 2025-12-03 | 2025-11-01 | 0 | shares | 6 | count | same | shares | -
instagram | reposts | reel | 6 | value | 2025-12-02 | 2025-11-01 | 0 | - | - | - | - | - | -

source: DOMAIN: Instagram reports `views`, `facebook_views`, `crossposted_views`; adding Facebook's own
instagram | crossposted_views | reel | 99000 | value | 2026-10-01 | 2026-09-01 | 0 | play_start | 99000 | count | not_comparable | - | -
instagram | facebook_views    | reel | 11000 | value | 2026-10-01 | 2026-09-01 | 0 | play_start | 11000 | count | not_comparable | - | -

source: Notes of users on the titles of Meta Business Suite's metric charts
instagram | link_clicks | post    | 14  | value | 2026-10-01 | 2026-09-01 | 0 | clicks | 14 | count | same | clicks | -
facebook  | link_clicks | post    | 15  | value | 2026-10-01 | 2026-09-01 | 0 | clicks | 15 | count | same | clicks | -
facebook  | follows     | account | 30  | value | 2026-10-01 | - | 28 | follows_gained | 30 | count | same | follows_gained | -
facebook  | visits      | account | 400 | value | 2026-10-01 | - | 28 | profile_visits | 400 | count | same | profile_visits | -

source: Notes of users on the keys of Instagram's data download
instagram | link_taps | account | 22 | value | 2026-10-01 | - | 28 | clicks | 22 | count | same | clicks | -

source: DOMAIN: plays and impressions became views (Nov 2024)
facebook | plays | reel | 6000 | value | 2024-10-31 | 2024-10-01 | 0 | play_start | 6000 | count | not_comparable | - | -
facebook | plays | reel | 6000 | value | 2024-11-01 | 2024-10-01 | 0 | - | - | - | - | - | -
facebook | views | reel | 6500 | value | 2024-11-01 | 2024-10-01 | 0 | play_start | 6500 | count | same | play_start | -
facebook | views | post | 900  | value | 2026-10-01 | 2026-09-01 | 0 | exposure | 900 | count | same | exposure | -
facebook | views | reel | 6500 | value | 2024-10-31 | 2024-10-01 | 0 | - | - | - | - | - | -

source: DOMAIN: page and post insights retired 2025-11-15 and 2026-06-15
facebook | impressions | post | 7000 | value | 2025-11-14 | 2025-10-01 | 0 | exposure | 7000 | count | same | exposure | -
facebook | impressions | post | 7000 | value | 2025-11-15 | 2025-10-01 | 0 | - | - | - | - | - | -
facebook | reach       | post | 5000 | value | 2026-06-14 | 2026-06-01 | 0 | reach | 5000 | count | same | - | -
facebook | reach       | post | 5200 | value | 2026-06-15 | 2026-06-01 | 0 | reach | 5200 | count | same | - | -

source: Meta Business Help Centre
facebook | video_views | long_video | 3300 | value | 2026-10-01 | 2026-09-01 | 0 | qualified_play | 3300 | count | same | qualified_play/3 s | -

source: Meta Business Suite, headings of the content export
facebook | reactions    | post | 120 | value | 2026-10-01 | 2026-09-01 | 0 | likes | 120 | count | same | likes | -
facebook | comments     | post | 8   | value | 2026-10-01 | 2026-09-01 | 0 | comments | 8 | count | same | comments | -
facebook | shares       | post | 9   | value | 2026-10-01 | 2026-09-01 | 0 | shares | 9 | count | same | shares | -
facebook | total_clicks | post | 70  | value | 2026-10-01 | 2026-09-01 | 0 | clicks | 70 | count | not_comparable | - | -
facebook | seconds_viewed         | reel | 41000 | value | 2026-10-01 | 2026-09-01 | 0 | watch_time | 41000 | seconds | same | watch_time | -
facebook | average_seconds_viewed | reel | 6.3   | value | 2026-10-01 | 2026-09-01 | 0 | average_watch | 6.3 | seconds | same | - | -

source: https://developers.facebook.com/docs/graph-api/reference/video/video_insights
facebook | total_video_view_total_time   | long_video | 5000000 | value | 2026-10-01 | 2026-09-01 | 0 | watch_time | 5000 | seconds | same | watch_time | -
facebook | total_video_avg_time_watched  | long_video | 7250    | value | 2026-10-01 | 2026-09-01 | 0 | average_watch | 7.25 | seconds | same | - | -
facebook | fb_reels_total_plays          | reel | 6500 | value | 2026-10-01 | 2026-09-01 | 0 | play_start | 6500 | count | same | play_start | -
facebook | post_video_view_time          | reel | 1500 | value | 2026-10-01 | 2026-09-01 | 0 | watch_time | 1.5 | seconds | same | watch_time | -
facebook | post_video_avg_time_watched   | reel | 1500 | value | 2026-10-01 | 2026-09-01 | 0 | average_watch | 1.5 | seconds | same | - | -

source: DOMAIN: TikTok view | starts playing; replays count; own views do not
tiktok | views       | short_video | 120000 | value | 2026-10-01 | 2026-09-01 | 0 | play_start | 120000 | count | same | play_start | -
tiktok | video_views | account     | 900    | value | 2026-10-01 | - | 1 | play_start | 900 | count | same | play_start | -
tiktok | views       | short_video | 1200   | estimated | 2026-10-01 | 2026-09-01 | 0 | play_start | 1200 | count | same | play_start | -

source: https://developers.tiktok.com/doc/tiktok-api-v2-video-object
tiktok | likes    | short_video | 9000 | value | 2026-10-01 | 2026-09-01 | 0 | likes | 9000 | count | same | likes | -
tiktok | comments | short_video | 80   | value | 2026-10-01 | 2026-09-01 | 0 | comments | 80 | count | same | comments | -
tiktok | shares   | short_video | 60   | value | 2026-10-01 | 2026-09-01 | 0 | shares | 60 | count | same | shares | -

source: https://business-api.tiktok.com/portal/docs
tiktok | reach                   | short_video | 90000 | value | 2026-10-01 | 2026-09-01 | 0 | reach | 90000 | count | same | - | -
tiktok | total_time_watched      | short_video | 77    | value | 2026-10-01 | 2026-09-01 | 0 | watch_time | 77 | seconds | same | watch_time | -
tiktok | average_time_watched    | short_video | 6.4   | value | 2026-10-01 | 2026-09-01 | 0 | average_watch | 6.4 | seconds | same | - | -
tiktok | full_video_watched_rate | short_video | 0.42  | value | 2026-10-01 | 2026-09-01 | 0 | completion | 0.42 | ratio | same | - | -

source: TikTok Studio, headings of Overview.csv, Content.csv and FollowerHistory.csv
tiktok | profile_views | account | 55 | value | 2026-10-01 | - | 1 | profile_visits | 55 | count | same | profile_visits | -

source: DOMAIN: X impression | any part of the post visible, not unique; non-public metrics for 30 days only
x | impressions    | post | 33000 | value | 2026-10-01 | 2026-09-01 | 0 | exposure | 33000 | count | same | exposure | -
x | profile_visits | post | -     | expired | 2026-10-15 | 2026-09-01 | 0 | profile_visits | - | count | same | - | -

source: https://developer.x.com/en/docs/x-api/metrics
x | likes          | post | 500 | value | 2026-10-01 | 2026-09-01 | 0 | likes | 500 | count | same | likes | -
x | bookmarks      | post | 40  | value | 2026-10-01 | 2026-09-01 | 0 | saves | 40 | count | same | saves | -
x | reposts        | post | 61  | value | 2026-10-01 | 2026-09-01 | 0 | shares | 61 | count | same | shares | -
x | replies        | post | 17  | value | 2026-10-01 | 2026-09-01 | 0 | comments | 17 | count | same | comments | -
x | profile_visits | post | 33  | value | 2026-09-20 | 2026-09-01 | 0 | profile_visits | 33 | count | same | profile_visits | -
x | url_clicks     | post | 28  | value | 2026-09-20 | 2026-09-01 | 0 | clicks | 28 | count | same | clicks | -

source: X analytics, headings of the CSV exports
x | shares      | post | 5   | value | 2026-10-01 | 2026-09-01 | 0 | shares | 5 | count | same | shares | -
x | new_follows | post | 2   | value | 2026-10-01 | 2026-09-01 | 0 | follows_gained | 2 | count | same | follows_gained | -
x | media_views | post | 700 | value | 2026-10-01 | 2026-09-01 | 0 | exposure | 700 | count | not_comparable | - | -

source: X Help Centre, post activity and video
x | video_views | post | 1900 | value | 2026-10-01 | 2026-09-01 | 0 | qualified_play | 1900 | count | same | qualified_play/2 s | -

source: DOMAIN: ≥ 2 s, a loop counts once; gone after a year; watch time in **milliseconds**, loops add up
linkedin | video_plays | long_video | 2400  | value | 2026-10-01 | 2026-09-01 | 0 | qualified_play | 2400 | count | same | qualified_play/2 s | -
linkedin | watch_time  | long_video | 15000 | value | 2026-10-01 | 2026-09-01 | 0 | watch_time | 15 | seconds | same | watch_time | -
linkedin | video_plays | long_video | -     | expired | 2026-10-01 | 2025-09-01 | 0 | qualified_play | - | count | same | - | -

source: https://learn.microsoft.com/en-us/linkedin/marketing/community-management/members/video-statistics
linkedin | video_viewers | long_video | 1500 | value | 2026-10-01 | 2026-09-01 | 0 | reach | 1500 | count | not_comparable | - | -

source: https://learn.microsoft.com/en-us/linkedin/marketing/community-management/members/post-statistics
linkedin | impressions     | post | 8000 | value | 2026-10-01 | 2026-09-01 | 0 | exposure | 8000 | count | same | exposure | -
linkedin | members_reached | post | 5100 | value | 2026-10-01 | 2026-09-01 | 0 | reach | 5100 | count | same | - | -
linkedin | reshares        | post | 14   | value | 2026-10-01 | 2026-09-01 | 0 | shares | 14 | count | same | shares | -
linkedin | reactions       | post | 230  | value | 2026-10-01 | 2026-09-01 | 0 | likes | 230 | count | same | likes | -
linkedin | comments        | post | 19   | value | 2026-10-01 | 2026-09-01 | 0 | comments | 19 | count | same | comments | -

source: LinkedIn, headings of the content analytics workbook
linkedin | new_followers | account | 11 | value | 2026-10-01 | - | 1 | follows_gained | 11 | count | same | follows_gained | -

source: Plain name in an interchange file
facebook | saves       | post        | 3   | value | 2026-10-01 | 2026-09-01 | 0 | saves | 3 | count | same | saves | -
tiktok   | saves       | short_video | 310 | value | 2026-10-01 | 2026-09-01 | 0 | saves | 310 | count | same | saves | -
linkedin | saves       | post        | 6   | value | 2026-10-01 | 2026-09-01 | 0 | saves | 6 | count | same | saves | -
linkedin | clicks      | post        | 75  | value | 2026-10-01 | 2026-09-01 | 0 | clicks | 75 | count | not_comparable | - | -
linkedin | views       | long_video  | 900 | value | 2026-10-01 | 2026-09-01 | 0 | qualified_play | 900 | count | not_comparable | - | -
linkedin | views       | post        | 900 | value | 2026-10-01 | 2026-09-01 | 0 | exposure | 900 | count | not_comparable | - | -
podcast  | comments    | episode     | 7   | value | 2026-10-01 | 2026-09-01 | 0 | comments | 7 | count | same | comments | -
podcast  | likes       | episode     | 70  | value | 2026-10-01 | 2026-09-01 | 0 | likes | 70 | count | same | likes | -
podcast  | shares      | episode     | 4   | value | 2026-10-01 | 2026-09-01 | 0 | shares | 4 | count | same | shares | -
spotify  | comments    | episode     | 5   | value | 2026-10-01 | 2026-09-01 | 0 | comments | 5 | count | same | comments | -
spotify  | shares      | episode     | 2   | value | 2026-10-01 | 2026-09-01 | 0 | shares | 2 | count | same | shares | -
website  | views       | post        | 600 | value | 2026-10-01 | 2026-09-01 | 0 | exposure | 600 | count | not_comparable | - | -
website  | reach       | post        | 400 | value | 2026-10-01 | 2026-09-01 | 28 | reach | 400 | count | not_comparable | - | -
website  | clicks      | post        | 44  | value | 2026-10-01 | 2026-09-01 | 0 | clicks | 44 | count | same | clicks | -
website  | conversions | post        | 3   | value | 2026-10-01 | 2026-09-01 | 0 | conversions | 3 | count | same | conversions | -
website  | revenue     | post        | 199.90 EUR | value | 2026-10-01 | 2026-09-01 | 0 | revenue | 199.90 | currency | not_comparable | - | -
website  | comments    | post        | 1   | value | 2026-10-01 | 2026-09-01 | 0 | comments | 1 | count | same | comments | -
website  | shares      | post        | 2   | value | 2026-10-01 | 2026-09-01 | 0 | shares | 2 | count | same | shares | -

source: DOMAIN: ≥ 60 s of audio, one per IP + user agent + episode in 24 h, bots filtered | May 2024
podcast | downloads | episode | 1250 | value | 2026-10-01 | 2026-09-01 | 0 | downloads | 1250 | count | same | downloads | -
podcast | downloads | episode | 1250 | value | 2024-05-01 | 2024-04-01 | 0 | downloads | 1250 | count | same | downloads | -

source: https://iabtechlab.com/standards/podcast-measurement-guidelines/
podcast | downloads | episode | 1250 | value | 2024-04-30 | 2024-04-01 | 0 | downloads | 1250 | count | same | downloads | -
podcast | downloads | episode | 1250 | value | 2021-02-28 | 2021-02-01 | 0 | downloads | 1250 | count | same | downloads | -
podcast | listeners | episode | 800  | value | 2026-10-01 | 2026-09-01 | 28 | listeners | 800 | count | same | - | -

source: DOMAIN: stream and download = 60 s; play once per user and session; `starts` removed May 2025
spotify | streams   | episode | 640 | value | 2026-10-01 | 2026-09-01 | 0 | qualified_play | 640 | count | same | qualified_play/60 s | -
spotify | downloads | episode | 210 | value | 2026-10-01 | 2026-09-01 | 0 | downloads | 210 | count | same | downloads | -
spotify | plays     | episode | 700 | value | 2025-05-01 | 2025-05-01 | 0 | engaged_play | 700 | count | not_comparable | - | -
spotify | plays     | episode | 900 | value | 2026-10-01 | 2025-04-01 | 0 | engaged_play | 900 | count | not_comparable | - | 2025-05-01
spotify | starts    | episode | 950 | value | 2025-05-31 | 2025-04-01 | 0 | play_start | 950 | count | same | play_start | -
spotify | starts    | episode | 950 | value | 2025-06-01 | 2025-04-01 | 0 | - | - | - | - | - | -

source: https://support.spotify.com/us/creators/article/how-we-count-engagement-metrics/
spotify | impressions | episode | 5000 | value | 2026-10-01 | 2026-09-01 | 0 | exposure | 5000 | count | not_comparable | - | -
spotify | listeners   | episode | 480  | value | 2026-10-01 | 2026-09-01 | 28 | listeners | 480 | count | same | - | -

source: https://github.com/openpodcast/api
spotify | plays                  | episode | 690  | value | 2025-04-30 | 2025-04-01 | 0 | - | - | - | - | - | -
spotify | percentile_100         | episode | 35.5 | value | 2026-10-01 | 2026-09-01 | 0 | completion | 0.355 | ratio | not_comparable | - | -
spotify | average_listen_seconds | episode | 1260 | value | 2026-10-01 | 2026-09-01 | 0 | average_watch | 1260 | seconds | not_comparable | - | -
apple_podcasts | engaged_plays       | episode | 190    | value | 2026-10-01 | 2026-09-01 | 0 | engaged_play | 190 | count | not_comparable | - | -
apple_podcasts | total_time_listened | episode | 540000 | value | 2026-10-01 | 2026-09-01 | 0 | watch_time | 540000 | seconds | same | watch_time | -
apple_podcasts | time_listened       | account | 86400  | value | 2026-10-01 | - | 7 | watch_time | 86400 | seconds | same | watch_time | -
apple_podcasts | followers_gained    | account | 21     | value | 2026-10-01 | - | 7 | follows_gained | 21 | count | same | follows_gained | -

source: https://podcasters.apple.com/support/844-troubleshooting-data-issues
apple_podcasts | plays             | episode | 310 | value | 2026-10-01 | 2026-09-01 | 0 | play_start | 310 | count | same | play_start | -
apple_podcasts | listeners         | episode | 250 | value | 2026-10-01 | 2026-09-01 | 28 | listeners | 250 | count | same | - | -
apple_podcasts | listeners         | episode | -   | suppressed | 2026-10-01 | 2026-09-01 | 28 | listeners | - | count | same | - | -
apple_podcasts | engaged_listeners | episode | 90  | value | 2026-10-01 | 2026-09-01 | 28 | listeners | 90 | count | not_comparable | - | -

source: DOMAIN: minutes watched, average/max viewers, unique and engaged viewers; Helix has no watch time
twitch | minutes_watched | account | 90500 | value | 2026-10-01 | - | 1 | watch_time | 5430000 | seconds | same | watch_time | -
twitch | average_viewers | account | 184   | value | 2026-10-01 | - | 1 | concurrent_viewers | 184 | count | same | - | -
twitch | max_viewers     | account | 402   | value | 2026-10-01 | - | 1 | concurrent_viewers | 402 | count | not_comparable | - | -
twitch | unique_viewers  | account | 2300  | value | 2026-10-01 | - | 1 | reach | 2300 | count | not_comparable | - | -

source: Twitch, headings of the channel analytics CSV
twitch | live_views  | account | 3100 | value | 2026-10-01 | - | 1 | play_start | 3100 | count | not_comparable | - | -
twitch | clip_views  | account | 700  | value | 2026-10-01 | - | 1 | play_start | 700 | count | not_comparable | - | -
twitch | follows     | account | 41   | value | 2026-10-01 | - | 1 | follows_gained | 41 | count | same | follows_gained | -
twitch | sub_revenue | account | 18.4 USD | value | 2026-10-01 | - | 1 | revenue | 18.4 | currency | same | revenue/USD | -

source: https://dev.twitch.tv/docs/api/reference
twitch | views   | clip | 1500 | value | 2026-10-01 | 2026-09-01 | 0 | play_start | 1500 | count | not_comparable | - | -
twitch | viewers | live | 190  | value | 2026-10-01 | 2026-09-30 | 0 | concurrent_viewers | 190 | count | not_comparable | - | -
"""


class Case(NamedTuple):
    """One row of the table; `source` is that of its block."""

    source: str
    platform: str
    metric: str
    kind: str
    value: Decimal | None
    currency: str | None
    state: State
    observed_at: datetime
    published_at: datetime | None
    period_days: int
    concept: str | None
    standard: Decimal | None
    unit: str | None
    grade: str | None
    sum_group: str | None
    spans_break: date | None


def cases() -> list[Case]:
    found, source = [], ""
    for line in TABLE.splitlines():
        if line.startswith("source: "):
            source = line.removeprefix("source: ")
        elif line and not line.startswith("#"):
            found.append(case(source, [None if cell.strip() == "-" else cell.strip() for cell in line.split(" | ")]))
    return found


def case(source: str, cells: list[str | None]) -> Case:
    platform, metric, kind, reported, state, observed, published, days, concept, value, unit, grade, group, span = cells
    assert platform
    assert metric
    assert kind
    assert observed
    number, _, currency = (reported or "").partition(" ")
    return Case(
        source, platform, metric, kind, Decimal(number) if number else None, currency or None, State(state),
        moment(observed), moment(published) if published else None, int(days or 0), concept,
        Decimal(value) if value else None, unit, grade, group, date.fromisoformat(span) if span else None,
    )  # fmt: skip


def moment(written: str) -> datetime:
    read = datetime.fromisoformat(written)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


CASES = cases()


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.platform} {case.metric} {case.kind} {case.observed_at:%Y-%m-%d}"
)
def test_a_reported_figure_becomes_the_standard_one_worked_out_by_hand(case: Case) -> None:
    figure = standardise(
        REGISTRY,
        platform=case.platform,
        metric=case.metric,
        kind=case.kind,
        value=case.value,
        state=case.state,
        observed_at=case.observed_at,
        published_at=case.published_at,
        currency=case.currency,
        period_days=case.period_days,
    )
    made = (figure.concept, figure.value, figure.unit, figure.grade, figure.sum_group, figure.spans_break)
    assert made == (case.concept, case.standard, case.unit, case.grade, case.sum_group, case.spans_break), figure.how


def test_there_are_enough_of_them_and_none_stands_twice() -> None:
    assert len(CASES) >= 70
    asked = [case[1:10] for case in CASES]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("source", sorted({case.source for case in CASES}))
def test_every_case_cites_the_facts_or_the_source_that_the_registry_names(source: str) -> None:
    assert source.strip()
    for case in CASES:
        if case.source != source or source.startswith("DOMAIN: "):
            continue
        named = REGISTRY.named(platform=case.platform, metric=case.metric)
        cited = {evidence for one in named for evidence in (one.source.url, one.source.title) if evidence}
        assert source in cited, case


@pytest.mark.skipif(not DOMAIN.exists(), reason="no ../shared/DOMAIN.md beside this checkout")
def test_what_is_quoted_of_the_facts_stands_there() -> None:
    facts = " ".join(DOMAIN.read_text(encoding="utf-8").split())
    quoted = {case.source.removeprefix("DOMAIN: ") for case in CASES if case.source.startswith("DOMAIN: ")}
    assert quoted
    assert [words for words in quoted if words not in facts] == []


def test_every_metric_that_maps_to_a_concept_has_a_case_and_so_has_every_rule() -> None:
    told = {(case.platform, case.metric) for case in CASES}
    mapped = [one for one in REGISTRY.definitions() if one.concept]
    assert [(one.platform, one.metric) for one in mapped if (one.platform, one.metric) not in told] == []
    ruled = {rule_of(case) for case in CASES}
    assert [one.id for one in mapped if one.id not in ruled] == []


def rule_of(case: Case) -> str | None:
    found = REGISTRY.resolve(
        platform=case.platform, metric=case.metric, kind=case.kind, observed_at=case.observed_at,
        published_at=case.published_at, period_days=case.period_days,
    )  # fmt: skip
    return getattr(found, "id", None)


def breaks() -> list[tuple[str, str, str, Break]]:
    """(platform, metric, kind, change) of every change across which figures do not compare."""
    kinds = ("long_video", "short_video", "live", "account", "episode", "post", "story")
    names = dict.fromkeys((one.platform, one.metric) for one in REGISTRY.definitions())
    found: dict[tuple[str, str], tuple[str, str, str, Break]] = {}
    for platform, metric in names:
        for kind in kinds:
            for change in REGISTRY.breaks(platform, metric, kind):
                if not change.comparable:
                    found.setdefault((change.before.id, change.after.id), (platform, metric, kind, change))
    return list(found.values())


def test_every_change_of_meaning_has_cases_on_both_sides() -> None:
    assert len(breaks()) >= 4
    for platform, metric, _, change in breaks():
        days = [
            (rule_of(case), ruling_day(case.observed_at, case.period_days))
            for case in CASES
            if (case.platform, case.metric) == (platform, metric)
        ]
        assert any(rule == change.before.id and day < change.date for rule, day in days), change
        assert any(rule == change.after.id and day >= change.date for rule, day in days), change
