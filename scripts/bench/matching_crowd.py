"""Creators by the hundred thousand, as profiles and vectors would stand: for measuring how fast a brief is answered."""

from __future__ import annotations

from uuid import UUID

import numpy as np
from measuring import SUPERUSER, Home, step

DIMENSIONS = 384
_CENTRES = 400
# Figures, words and documents of the sizes that real profiles have; every number is drawn from the row's own number, so
# that each run makes the same crowd.
_PROFILES = """
INSERT INTO creator_profiles (tenant_id, creator_id, made_at, name, country, languages, topics, platforms,
  content_languages, kinds, main_topic, topic_shares, by_platform, audience, rates, missing, followers, followers_sum,
  growth_90d, median_views, engagement_by_followers, posts_30d, posts_90d, last_published_at, unsafe_share,
  figures_as_of, words, status, do_not_pitch, represented, exclusive, vector, space)
SELECT embedded.tenant_id, embedded.creator_id, now() + interval '1 day', 'creator ' || number,
  (ARRAY['DE','AT','US','GB','FR','ES','BR','JP'])[1 + number %% 8],
  ARRAY[(ARRAY['de','en','fr','es'])[1 + number %% 4]],
  ARRAY[topic], CASE WHEN number %% 3 = 0 THEN ARRAY['youtube','instagram'] ELSE ARRAY['youtube'] END,
  ARRAY[(ARRAY['de','en','fr','es'])[1 + number %% 4]], ARRAY['long_video'], topic,
  jsonb_build_object(topic, 0.6, other, 0.25, 'people', 0.1),
  jsonb_build_object('youtube', jsonb_build_object('followers', followers, 'median_views', followers / 10)),
  jsonb_build_object('country', jsonb_build_object('DE', (number %% 100) / 100.0, 'US', 0.2)),
  jsonb_build_object('youtube_integration', jsonb_build_object('EUR', 50000 + 37 * (number %% 20000))),
  '{"growth_30d": "not_observed"}', followers, followers, (number %% 40) / 100.0 - 0.1, followers / 10,
  (number %% 90) / 1000.0, number %% 20, number %% 60, now() - make_interval(days => number %% 200),
  (number %% 7) / 50.0,
  now(), to_tsvector('simple', (SELECT string_agg('word' || (number * 31 + place * place * 7919) %% 5000, ' ')
                                FROM generate_series(1, 60) AS place) || ' ' || topic || ' running'),
  'active', false, true, false, embedded.vector, embedded.space
FROM creator_vectors AS embedded
JOIN LATERAL (SELECT creator.name::int AS number FROM creators AS creator
              WHERE creator.tenant_id = embedded.tenant_id AND creator.id = embedded.creator_id) AS numbered ON true
JOIN LATERAL (SELECT (ARRAY['sports','gaming','music','style','news','technology','film','travel'])
                       [1 + number %% 8] AS topic,
                     (ARRAY['comedy','education','pets','autos'])[1 + number %% 4] AS other,
                     (1000 * exp((number * 7919 %% 1000) / 140.0))::bigint AS followers) AS drawn ON true
WHERE embedded.tenant_id = %s
"""


def write_crowd(home: Home, tenant: UUID, creators: int, space: str) -> None:
    """Creators, vectors and profiles, without the triggers and foreign keys that one by one would take."""
    seed = np.random.default_rng(5)
    centres = seed.standard_normal((_CENTRES, DIMENSIONS))
    with home.connect(SUPERUSER) as connection:
        connection.execute("SET session_replication_role = replica")
        with step("creators"):
            connection.execute(
                "INSERT INTO creators (tenant_id, id, name) SELECT %s, engagerr_new_id(), number::text"
                " FROM generate_series(1, %s) AS number",
                [tenant, creators],
            )
        ids = [
            row[0] for row in connection.execute("SELECT id FROM creators WHERE tenant_id = %s ORDER BY id", [tenant])
        ]
        [(graph,)] = connection.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'creator_vectors_384_idx'")
        connection.execute("DROP INDEX creator_vectors_384_idx")
        with (
            step("vectors"),
            connection.cursor().copy(
                "COPY creator_vectors (tenant_id, creator_id, space, dimensions, vector, source_hash, made_at)"
                " FROM STDIN"
            ) as copy,
        ):
            for start in range(0, creators, 10_000):
                some = ids[start : start + 10_000]
                rows = centres[seed.integers(0, _CENTRES, len(some))] + 0.8 * seed.standard_normal(
                    (len(some), DIMENSIONS)
                )
                rows /= np.linalg.norm(rows, axis=1, keepdims=True)
                for creator, vector in zip(some, rows, strict=True):
                    copy.write_row(
                        (tenant, creator, space, DIMENSIONS, str(vector.round(4).tolist()), b"\0" * 16, "now")
                    )
        with step("profiles"):
            connection.execute(_PROFILES, [tenant])
        with step("graph"):
            connection.execute("SET maintenance_work_mem = '1GB'")
            connection.execute(graph)
        for table in ("creators", "creator_vectors", "creator_profiles"):
            connection.execute(f"VACUUM (ANALYZE) {table}")
