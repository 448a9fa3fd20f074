from engagerr.core.db import Database


def test_x(clone, home):
    db = Database(clone.settings_of_the_owner(home))
    for l in db.check_migrations():
        if "ledger_" in l:
            print("DIFF", l[:600])


from tests.core.db.test_row_level_security import *
import tests.core.db.test_row_level_security as m
from tests import factories

MINE = ["ledger_accounts", "ledger_balances", "ledger_lanes", "ledger_transfers"]


@pytest.fixture(scope="module")
def two(cluster):
    saved = {}
    for part in (
        factories.provider,
        factories.holds,
        factories.billing,
        factories.reconciliation,
        factories.deals,
        factories.contracts,
        factories.delivery,
    ):
        saved[part] = part.fill
        part.fill = lambda *a: None
    try:
        with cluster.clone() as alone:
            with alone.connect() as connection, connection.transaction():
                ours = a_tenant(connection)
                our_rows = fill_every_table(connection, ours)
            with cluster.clone(alone.name) as both:
                with both.connect() as connection, connection.transaction():
                    other = a_tenant(connection)
                    other_rows = fill_every_table(connection, other)
                yield TwoTenants(both, alone, ours, other, our_rows, other_rows)
    finally:
        for p, f in saved.items():
            p.fill = f
