"""Posting: what is booked, what is refused and how, and that a key stands for one request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from engagerr import Workspace
from engagerr.core.db import Session
from engagerr.core.money import Money
from engagerr.core.payments.ledger import Leg, NotEnough, account, balance, post, settle_pending

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_first(workspace: Workspace) -> None:
    access = workspace.roster._access
    t = access.tenant.id
    with access.database.transaction(t) as s:
        out = account(s, tenant_id=t, kind="outside", party="stripe", currency="EUR")
        hold = account(s, tenant_id=t, kind="payable", party="h1", currency="EUR")
        com = account(s, tenant_id=t, kind="commission", party="us", currency="EUR")
        p = post(s, tenant_id=t, key="k1", subject="hold:1", member_id=None, now=NOW,
                 legs=[Leg(out, hold, Money(1000, "EUR"), "fund"), Leg(hold, com, Money(100, "EUR"), "commission")])
        assert not p.replayed
        p2 = post(s, tenant_id=t, key="k1", subject="hold:1", member_id=None, now=NOW,
                 legs=[Leg(out, hold, Money(1000, "EUR"), "fund"), Leg(hold, com, Money(100, "EUR"), "commission")])
        assert p2.replayed and p2.transfers == p.transfers
        assert balance(s, tenant_id=t, account_id=hold).posted == Money(900, "EUR")
        assert balance(s, tenant_id=t, account_id=hold, at=NOW).posted == Money(900, "EUR")
        pend = post(s, tenant_id=t, key="k2", subject="hold:1", member_id=None, now=NOW,
                 legs=[Leg(hold, out, Money(500, "EUR"), "refund", "pending")])
        b = balance(s, tenant_id=t, account_id=hold)
        assert b.available == Money(400, "EUR")
        settle_pending(s, tenant_id=t, key="k3", pending=[pend.transfers[0].id], how="post", subject="hold:1", kind="refund", member_id=None, now=NOW, amounts={pend.transfers[0].id: 300})
        b = balance(s, tenant_id=t, account_id=hold)
        assert b.available == Money(600, "EUR")
        assert b.posted == Money(600, "EUR")
        with pytest.raises(NotEnough) as e:
            post(s, tenant_id=t, key="k4", subject="hold:1", member_id=None, now=NOW,
                 legs=[Leg(hold, out, Money(601, "EUR"), "refund")])
        print(e.value)
