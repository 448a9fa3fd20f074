import threading
from tests.core.db.test_external_server import *
from engagerr.core.db.migrate import prepare_server
from engagerr.core.db.server import GivenAddress
def test_race(server, home, tmp_path):
    fails=[]
    for n in range(15):
        server.wipe()
        for d in ("a","b","c"): server.make_database(d)
        bar=threading.Barrier(3)
        def go(d):
            s=at(tmp_path/f"{n}{d}", server.url(d)); bar.wait()
            try: prepare_server(GivenAddress(s, server.url(d)), s)
            except Exception as e: fails.append(repr(e))
        ts=[threading.Thread(target=go,args=(d,)) for d in "abc"]
        [t.start() for t in ts]; [t.join() for t in ts]
    print(len(fails), fails[:3]); assert not fails
