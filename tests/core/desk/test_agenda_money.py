"""Money on the agenda: holds that end, second signatures, disputes; nothing of it for who may not read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engagerr import Engagerr, Money, Workspace
from engagerr.core.desk.agenda import AgendaItem, AgendaKind, Urgency, agenda
from engagerr.core.payments.held.holds import lock_hold
from engagerr.core.payments.held.movements import ask_for
from engagerr.core.tenancy import Permission
from tests.core.payments.conftest import Hands, control, engagerr, gateway, money, sandbox, settings  # noqa: F401
from tests.factories import colleague
from tests.fakes.clock import SteeredClock


def of(work: Workspace, kind: AgendaKind) -> list[AgendaItem]:
    found = agenda(work)
    assert found.unread == ()
    return [item for item in found.items if item.kind is kind]


def test_a_hold_is_on_the_agenda_a_month_before_its_end_and_dangerous_from_ten_days(
    money: Hands,  # noqa: F811
    clock: SteeredClock,
) -> None:
    money.payee("Ann Lee")
    hold = money.paid(money.hold(("commission", 1))).hold
    assert of(money.work, AgendaKind.HOLD) == []
    ends = money.of(hold).must_end_by
    assert ends is not None
    clock.set(ends - timedelta(days=30))
    [item] = of(money.work, AgendaKind.HOLD)
    assert (item.key, item.urgency, item.amount, item.due) == (
        f"hold:{hold.id}", Urgency.ATTENTION, Money.parse("1000.00", "EUR"), ends,
    )  # fmt: skip
    assert item.subject.kind == "hold"
    assert item.decision == "release"
    clock.set(ends - timedelta(days=9, hours=1))
    [item] = of(money.work, AgendaKind.HOLD)
    assert item.urgency is Urgency.DANGER
    assert item.title == "Hold on Trail video 1 ends in 9 d"
    assert f"{ends:%b %Y}" in item.detail


def test_a_movement_waits_for_a_second_person_and_never_for_the_one_who_asked(
    money: Hands,  # noqa: F811
    engagerr: Engagerr,  # noqa: F811
) -> None:
    money.work.payments.limits.set("owner", Money.parse("100.00", "EUR"))
    hold = money.paid(money.hold(("commission", 1))).hold
    asker = colleague(money.work, engagerr, "finance")
    money.work.payments.limits.set("finance", Money.parse("5000.00", "EUR"))
    moved = _asked(asker, hold.id)
    [mine] = of(asker, AgendaKind.APPROVAL)
    [theirs] = of(money.work, AgendaKind.APPROVAL)
    assert (mine.key, theirs.key) == (f"approval:{moved}",) * 2
    assert (mine.decision, theirs.decision) == ("withdraw", "approve")
    assert theirs.amount == Money.parse("1000.00", "EUR")
    assert mine.urgency.rank > theirs.urgency.rank


def _asked(work: Workspace, hold_id: Any) -> Any:
    with work.access.transaction(Permission.RELEASE) as session:
        hold = lock_hold(session, work.access, hold_id)
        movement, _ = ask_for(
            session, work.access, hold, kind="release", amount=hold.held, key="k", reason="done", by=work.member.id,
            needs_second=True,
        )  # fmt: skip
        return movement.id


def test_a_dispute_is_danger_with_its_last_day(money: Hands) -> None:  # noqa: F811
    hold = money.paid(money.hold(("commission", 1))).hold
    money.dispute(hold)
    [item] = of(money.work, AgendaKind.PAYMENT)
    assert item.urgency is Urgency.DANGER
    assert item.amount == Money.parse("1000.00", "EUR")
    assert item.key.startswith("dispute:")


def test_who_may_not_read_the_books_sees_no_money_and_is_told_so(
    money: Hands,  # noqa: F811
    engagerr: Engagerr,  # noqa: F811
) -> None:
    hold = money.paid(money.hold(("commission", 1))).hold
    money.dispute(hold)
    viewer = agenda(colleague(money.work, engagerr, "viewer"))
    assert not [item for item in viewer.items if item.amount is not None]
    assert {"hold", "approval", "payment", "reconciliation", "contract", "deal", "review"} <= set(viewer.hidden)
    assert viewer.unread == ()
    assert "Trail video" not in repr(viewer)
    analyst = agenda(colleague(money.work, engagerr, "analyst"))
    assert {"hold", "approval", "payment", "reconciliation"} == set(analyst.hidden)
