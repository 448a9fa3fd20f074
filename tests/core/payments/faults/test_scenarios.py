"""x"""
from tests.core.payments.faults.conftest import Stage, eur

def test_a_crash_before_the_intent_commits_leaves_nothing(money: Stage) -> None:
    """Scenario 1"""
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 8), ("commission", 2), amount="500.00")
    money.paid(hold)
    money.database.dies(1, after=False)
    money.dies(lambda: money.work.payments.holds.release(hold.id))
    assert money.work.payments.holds.show(hold.id).movements == ()
    assert money.operations("transfer") == []
    assert money.wire.posted("/v1/transfers") == []
    assert not money.work.payments.holds.release(hold.id).already
    assert money.of(hold).released == eur("500.00")
    money.ends_well()
