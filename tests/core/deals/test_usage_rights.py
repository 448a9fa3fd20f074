"""What a contract lets a brand do with a piece follows the piece and its family, until the day when it ends."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.content.term_rules import Standing, TermKind, Verdict
from engagerr.core.deals.contracting.clauses import UsageRight
from engagerr.core.deals.delivery.usage_rights import RIGHTS_TASK, days_of
from engagerr.core.errors import InvalidInput
from engagerr.core.events.tasks import open_tasks
from engagerr.core.tenancy import Permission
from hypothesis import given
from hypothesis import strategies as st
from tests.core.deals.signed_deals import SignedDeal, a_signed_deal
from tests.core.deals.test_deliverables import DRAFT, of
from tests.fakes.clock import SteeredClock
from tests.lines import an_edge, an_item, bring

TODAY = date(2026, 11, 1)


def a_right(**changes: Any) -> UsageRight:
    return UsageRight(channels=("paid social",), **changes)


@pytest.mark.parametrize(
    ("right", "days"),
    [
        (a_right(term_days=90), (TODAY, date(2027, 1, 29))),
        (a_right(term_days=1), (TODAY, TODAY)),
        (a_right(days_after_live=30, term_days=10), (date(2026, 12, 1), date(2026, 12, 10))),
        (a_right(until=date(2027, 6, 30)), (TODAY, date(2027, 6, 30))),
        (a_right(starts=date(2026, 12, 1), until=date(2027, 6, 30)), (date(2026, 12, 1), date(2027, 6, 30))),
        (a_right(perpetual=True), (TODAY, None)),
        (a_right(), (TODAY, None)),
        (a_right(until=date(2026, 10, 1)), (date(2026, 10, 1), date(2026, 10, 1))),
    ],
)
def test_days_are_counted_from_the_day_on_which_it_went_live(right: UsageRight, days: tuple[date, date | None]) -> None:
    assert days_of(right, TODAY) == days


@given(
    st.builds(
        UsageRight, channels=st.just(("x",)), starts=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
        until=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)), days_after_live=st.none() | st.integers(0, 400),
        term_days=st.none() | st.integers(1, 4000), perpetual=st.booleans(),
    )
)  # fmt: skip
def test_no_right_ends_before_it_begins(right: UsageRight) -> None:
    begins, ends = days_of(right, TODAY)
    assert ends is None or begins <= ends
    assert right.perpetual is False or ends is None


@pytest.fixture
def deal(workspace: Workspace, tmp_path: Path) -> SignedDeal:
    """A video with a clip and a copy of it."""
    deal = a_signed_deal(workspace)
    bring(
        workspace, tmp_path,
        an_item("youtube:video", creator=None, account="@ann", body="#ad Shoes"),
        an_item("tiktok:clip", creator=None, account="@ann", body="#ad Shoes"),
        an_item("facebook:video", creator=None, account="@ann", body="#ad Shoes"),
        an_edge("tiktok:clip", "youtube:video"), an_edge("facebook:video", "youtube:video", "same_work"),
    )  # fmt: skip
    return deal


def up(deal: SignedDeal, item: str = "youtube:video") -> SignedDeal:
    work = deal.work.deliverables
    if of(deal).state == "planned":
        work.submit(of(deal).id, link=DRAFT)
        work.approve(of(deal).id)
    work.live(of(deal).id, item)
    return deal


def tasks(deal: SignedDeal) -> list[str]:
    with deal.work.access.transaction(Permission.READ) as session:
        found = open_tasks(session, tenant_id=deal.work.tenant.id)
    return [task.message for task in found if task.kind == RIGHTS_TASK]


def test_what_the_contract_says_is_noted_on_the_item_that_is_live(deal: SignedDeal) -> None:
    noted = {term.kind: term for term in up(deal).work.terms.list("youtube:video")}
    assert set(noted) == set(TermKind)
    assert {term.party for term in noted.values()} == {"Trailpeak"}
    rights = noted[TermKind.USAGE_RIGHTS]
    assert (rights.detail, rights.starts_on, rights.ends_on) == (
        "paid social; DE; paid media", TODAY, TODAY + timedelta(days=89),
    )  # fmt: skip
    assert deal.work.terms.list("tiktok:clip") == ()


def test_rights_reach_the_family_as_far_as_terms_do(deal: SignedDeal) -> None:
    [right] = up(deal).work.deliverables.rights()
    assert (right.deliverable, right.item, right.standing, right.days_left) == (
        "D1",
        "youtube:video",
        Standing.RUNS,
        89,
    )
    assert {reach.item: reach.verdict for reach in right.reaches} == {
        "facebook:video": Verdict.APPLIES, "tiktok:clip": Verdict.CHECK,
    }  # fmt: skip
    [over] = deal.work.deliverables.rights(on=TODAY + timedelta(days=90))
    assert (over.standing, over.days_left) == (Standing.ENDED, -1)
    assert {reach.verdict for reach in over.reaches} == {Verdict.DOES_NOT_APPLY}


def test_only_rights_that_end_soon_are_asked_for(deal: SignedDeal) -> None:
    work = up(deal).work.deliverables
    assert work.rights(expiring_days=88) == ()
    assert len(work.rights(expiring_days=89)) == 1
    assert len(work.rights(deal.title, expiring_days=0, on=TODAY + timedelta(days=89))) == 1
    assert work.rights(expiring_days=30, on=TODAY + timedelta(days=90)) == ()
    with pytest.raises(InvalidInput, match="not possible"):
        work.rights(expiring_days=-1)


def test_a_right_for_some_pieces_is_not_one_for_the_others(deal: SignedDeal) -> None:
    deal.sign(
        usage_rights=[
            {"channels": ["website"], "deliverables": ["D2"], "perpetual": True},
            {"channels": ["email"], "deliverables": ["D1"], "until": "2027-01-31", "note": "no logos"},
        ]
    )
    assert [right.detail for right in up(deal).work.deliverables.rights()] == ["email; everywhere; no logos"]


def test_another_item_takes_the_rights_with_it(deal: SignedDeal, clock: SteeredClock) -> None:
    up(deal)
    clock.advance(days=2)
    up(deal, "facebook:video")
    [right] = deal.work.deliverables.rights()
    assert (right.item, right.starts_on) == ("facebook:video", TODAY + timedelta(days=2))
    assert deal.work.terms.list("youtube:video") == ()


def test_what_a_person_noted_about_the_item_stays(deal: SignedDeal) -> None:
    deal.work.terms.add("youtube:video", kind="usage_rights", party="Trailpeak", detail="their own arrangement")
    up(up(deal), "facebook:video")
    assert [term.detail for term in deal.work.terms.list("youtube:video")] == ["their own arrangement"]


def test_an_amendment_renews_the_rights_of_what_is_live(deal: SignedDeal) -> None:
    up(deal)
    deal.sign(usage_rights=[{"channels": ["paid social"], "term_days": 365}])
    [right] = deal.work.deliverables.rights()
    assert (right.detail, right.ends_on) == ("paid social; everywhere", TODAY + timedelta(days=364))
    assert of(deal).state == "checked"


def test_rights_that_end_are_a_task_until_they_are_renewed(deal: SignedDeal, clock: SteeredClock) -> None:
    work = up(deal).work.deliverables
    assert (work.recheck().rights_ending, tasks(deal)) == (0, [])
    clock.advance(days=60)
    assert work.recheck().rights_ending == 1
    assert len(tasks(deal)) == 1
    assert "may use youtube:video" in tasks(deal)[0]
    assert work.recheck().rights_ending == 1
    assert len(tasks(deal)) == 1
    deal.sign(usage_rights=[{"channels": ["paid social"], "term_days": 365}])
    assert (work.recheck().rights_ending, tasks(deal)) == (0, [])
