import os
from sqlalchemy import text
from tests.core.payments.simulation import World
def test_x(clone, tmp_path):
    seed=int(os.environ["SEED"])
    w=World(seed, clone.settings(tmp_path/"x"), tmp_path/"h")
    w._look=lambda: None
    log=[]
    orig=w._step
    def step():
        before=sum(w.done.values()); b=dict(w.done); orig()
        new=[k for k in w.done if w.done[k]!=b.get(k,0)]; log.append(new)
    w._step=step
    try: w.run(trouble=float(os.environ.get("TROUBLE","0")))
    except BaseException as e: print("ERR", e)
    print(log)
    for a in w.payees:
        print(a, w._worth(a))
        for p in w._provider("payout", account=a): print("  provider payout", p["id"], p["status"], p["amount"])
    for t in w._provider("transfer"): print("transfer", t["id"], t["amount"], t["amount_reversed"], t["destination"])
    for t in w._provider("balance_transaction"): print("bt", t["type"], t["amount"], t["fee"], t["source"])
    for t in w._provider("event"): print("ev", t["type"], t["created"], t["id"])
    for t in w._provider("dispute"): print("dispute", t["id"], t["status"], t["amount"])
    with w.database.transaction(w.work.tenant.id) as s:
        for q in ("select provider_id, account, party, amount_minor, state, booked from payouts","select a.kind, a.party, b.posted from ledger_balances b join ledger_accounts a on a.id=b.account_id where b.posted<>0","select kind,state,waits_for,generation,provider_id,request->>'_amount_minor' from payment_operations order by created_at","select event_id,type,state,created_at,received_at from provider_events order by created_at", "select * from provider_cursors", "select kind,key,amount_minor,phase,subject from ledger_transfers order by recorded_at", "select provider_id,state,amount_minor,from_hold_minor,receivable_minor,fee_minor from disputes"):
            print("--",q)
            for r in s.execute(text(q)): print("   ", tuple(r))
    assert 0
