import time, collections, os, traceback
from tests.core.payments.simulation import World, Violation
def test_x(clone, tmp_path):
    total=collections.Counter()
    n=int(os.environ.get("SEEDS","5")); first=int(os.environ.get("FIRST","0"))
    t=time.time(); bad={}
    for seed in range(first, first+n):
        w=World(seed, clone.settings(tmp_path/"x"), tmp_path/f"h{seed}")
        if os.environ.get("NOLOOK"): w._look=lambda w=w: (w._one_effect_each(), w._balances())
        try:
            total+=w.run(trouble=float(os.environ.get("TROUBLE","0.12")))
        except BaseException as e:
            bad[seed]=''.join(traceback.format_exception(e))[-1500:]
        finally: w.close()
    print("SECONDS", (time.time()-t)/n, len(bad), list(bad)); print(total)
    for k in list(bad)[:int(os.environ.get("SHOW","3"))]: print("=====",k); print(bad[k])
    assert 0
