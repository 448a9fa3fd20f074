from engagerr import Engagerr, Money
from engagerr.core.payments.operations import *
from engagerr.core.payments.stripe_gateway import StripeGateway
from engagerr.core.payments.sandbox import Sandbox, serve, KEY
from engagerr.core.payments.inbox import *
import time
def test_x(workspace, clock, tmp_path, monkeypatch):
    sb=Sandbox(tmp_path/'s.sqlite', clock=clock)
    with serve(sb) as server:
        g=StripeGateway(KEY, clock=clock, url=server.url)
        a=workspace.access
        from engagerr.core.payments.payees import Payees
        from engagerr.core.payments.customers import Customers
        print(Customers(a, lambda: g).add("Trailhead", email="a@b.example"))
        ps=Payees(a, lambda: g)
        print(ps.add("Ann Lee", email="ann+verified@lee.example"))
        o=ps.onboard("Ann Lee")
        print(o)
        print(ps.refresh())
        with a.database.transaction(a.tenant.id) as s:
            op=intend(s, access=a, kind=OpKind.PAYMENT, subject="test:1", purpose="p1", now=clock.now(), request={"amount":50000,"currency":"eur","payment_method":"pm_card_bypassPending","confirm":True,"automatic_payment_methods":{"enabled":True,"allow_redirects":"never"}})
        op=perform(a,g,op.id); print(op.state, op.error, op.result and op.result["latest_charge"])
        with a.database.transaction(a.tenant.id) as s:
            t=intend(s, access=a, kind=OpKind.TRANSFER, subject="test:1", purpose="t1", now=clock.now(), request={"amount":40000,"currency":"eur","destination":o.payee.account,"transfer_group":"hold_1"})
        t=perform(a,g,t.id); print(t.state, t.error, t.waits_for)
        with a.database.transaction(a.tenant.id) as s:
            r=intend(s, access=a, kind=OpKind.REVERSAL, subject="test:1", purpose="r1", now=clock.now(), request={"amount":400,"currency":"eur","transfer":t.provider_id})
            f=intend(s, access=a, kind=OpKind.REFUND, subject="test:1", purpose="f1", now=clock.now(), request={"amount":400,"currency":"eur","payment_intent":op.provider_id})
            q=intend(s, access=a, kind=OpKind.PAYOUT, subject="test:1", purpose="q1", now=clock.now(), request={"amount":400,"currency":"eur","_account":o.payee.account})
            c=intend(s, access=a, kind=OpKind.CHECKOUT, subject="test:1", purpose="c1", now=clock.now(), request={"mode":"payment","line_items":[{"quantity":1,"price_data":{"currency":"eur","unit_amount":5000,"product_data":{"name":"x"}}}],"success_url":"https://example.com/"})
            d=intend(s, access=a, kind=OpKind.PAYMENT, subject="test:1", purpose="p2", now=clock.now(), request={"amount":50000,"currency":"eur","payment_method":"pm_card_chargeDeclined","confirm":True,"automatic_payment_methods":{"enabled":True,"allow_redirects":"never"}})
        for x in (r,f,q,c,d):
            y=perform(a,g,x.id); print(y.kind,y.state, y.error, y.waits_for, y.provider_id)
        ev=ProviderEvents(a, lambda: g)
        print(ev.poll())
        for e in ev.list(): print(e.type,e.state,e.note,e.attempts)
        print(ev.janitor())
