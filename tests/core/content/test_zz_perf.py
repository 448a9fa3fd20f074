import time
from sqlalchemy import text
from engagerr.core.content import suggest, linked, writing
from engagerr.core.tenancy import Permission

def test_plans(workspace, superuser_connection):
    c = superuser_connection
    tenant = c.execute("select id from tenants").fetchone()[0]
    c.execute("insert into creators(tenant_id, name) select %s, 'C'||n from generate_series(1,81) n", [tenant])
    c.execute("""insert into accounts(tenant_id, creator_id, platform, handle, handle_key)
      select %s, cr.id, p, '@'||cr.name, lower(cr.name) from creators cr, unnest(array['podcast','youtube','tiktok','x']) p""", [tenant])
    c.execute("""insert into content_items(tenant_id, account_id, platform, native_id, kind, title, body, published_at, duration_seconds, import_id, described_at)
      select a.tenant_id, a.id, a.platform, a.handle_key||'-'||n, case a.platform when 'tiktok' then 'short_video' when 'x' then 'post' when 'podcast' then 'episode' else 'long_video' end,
        md5(n::text||cr.name)||' '||md5(n::text), repeat('lorem '||n||' ', 60), now() - make_interval(hours=>n*5), 3000+n, gen_random_uuid(), now()
      from accounts a join creators cr on cr.id=a.creator_id, generate_series(1, case when cr.name='C1' then 5000 else 250 end) n""", [])
    c.execute("""insert into content_links(tenant_id, item_id, platform, native_id, found_in, detail)
       select i.tenant_id, i.id, 'youtube', split_part(i.native_id,'-',1)||'-'||split_part(i.native_id,'-',2), 'link', 'https://yt' from content_items i where i.platform in ('x')
       union all select i.tenant_id, i.id, 'website', 'https://home.example/'||split_part(i.native_id,'-',1), 'link', 'h' from content_items i
       union all select i.tenant_id, i.id, 'website', 'https://home.example/'||i.native_id, 'canonical', 'h' from content_items i
       union all select i.tenant_id, i.id, 'website', 'https://home.example/'||split_part(i.native_id,'-',1), 'canonical', 'h' from content_items i where i.platform='podcast' """)
    c.execute("""insert into content_edges(tenant_id, child_id, parent_id, relation, state, confidence, evidence)
       select i.tenant_id, i.id, p.id, 'same_work', 'suggested', 0.9, '[{"kind":"title","detail":"x","weight":0.9}]' from content_items i join content_items p on p.tenant_id=i.tenant_id and p.platform='podcast' and p.native_id=i.native_id where i.platform='youtube'""")
    c.execute("""insert into content_decisions(tenant_id, edge_id, before, after, child_id, parent_id, relation, action_id, action)
       select tenant_id, id, 'suggested','confirmed', child_id, parent_id, relation, id, 'confirm' from content_edges limit 3000""")
    print(c.execute("select count(*) from content_items").fetchone(), c.execute("select count(*) from content_links").fetchone())
    for t in "content_items content_links content_edges content_decisions accounts".split(): c.execute(f"vacuum analyze {t}")
    def explain(session, label, sql, values):
        rows = session.execute(text("EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF) " + sql), values).scalars().all()
        print("=====", label); print("\n".join(r[:150] for r in rows))
    with workspace.content._access.transaction(Permission.READ) as s:
        shows = suggest.read_shows(s)
        big = max(shows, key=lambda x: x.items); small = min(shows, key=lambda x: x.items)
        for label, show in (("big", big),):
            t=time.time(); pieces = suggest._read_pieces(s, [show.id]); print(label, len(pieces), "pieces", time.time()-t)
            ids = [str(p.id) for p in pieces]
            explain(s, label+" pieces", suggest._PIECES, {"shows": [str(show.id)], "characters": 3000})
            explain(s, label+" edges", writing._EDGES_OF, {"children": ids, "parents": ids})
            explain(s, label+" up", writing._UPWARDS, {"ids": ids[:100]})
            explain(s, label+" sources", linked._SOURCES["items"].format(pointing=linked._POINTING), {"ids": ids})
            explain(s, label+" pairs", linked._LINKED_PAIRS, {"sources": ids[:2000]})
            t=time.time(); print(len(linked.linked_claims(s, item_ids=ids)[0]), "linked", time.time()-t)
            t=time.time(); suggest._judgements(s, ids, {}); print("judged", time.time()-t)
    for label, show in (("big", big),):
        t=time.time()
        with workspace.content._access.transaction(Permission.DECIDE_CONTENT) as s:
            print(label, suggest.suggest_edges(s, tenant_id=tenant, shows=[show]), time.time()-t)
        t=time.time()
        with workspace.content._access.transaction(Permission.DECIDE_CONTENT) as s:
            print(label, suggest.suggest_edges(s, tenant_id=tenant, shows=[show]), time.time()-t)
