"""Two versions of an offer: every line once, whatever was renamed, and differences that add up."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid5

from engagerr.core.deals.contracting.clauses import ExclusivityPromise, UsageRight
from engagerr.core.deals.offering.comparison import compare
from engagerr.core.deals.offering.line_items import Line, ProposalDocument, priced_as_package
from engagerr.core.money import Money
from hypothesis import given
from hypothesis import strategies as st

HOUSE = UUID(int=7)
CREATORS = ("Ann Lee", "Ben Okafor", "Cara Diaz")


def line(ref: str, creator: str = "Ann Lee", deliverable: str = "youtube_integration", **more: object) -> Line:
    values = {"quantity": 1, "unit_minor": 400_000, "platform": None, **more}
    return Line(ref=ref, creator_id=uuid5(HOUSE, creator), creator=creator, deliverable=deliverable, **values)  # type: ignore[arg-type]


def offer(*lines: Line, **terms: object) -> ProposalDocument:
    return ProposalDocument(currency="EUR", lines=lines, **terms)  # type: ignore[arg-type]


lines = st.lists(
    st.builds(
        line,
        ref=st.integers(1, 12).map(str),
        creator=st.sampled_from(CREATORS),
        deliverable=st.sampled_from(("youtube_integration", "instagram_story")),
        quantity=st.integers(1, 4),
        unit_minor=st.integers(0, 10**7),
    ),
    max_size=8,
    unique_by=lambda one: one.ref,
).map(tuple)


@given(lines, lines)
def test_every_line_is_told_once_and_the_differences_add_up(before: tuple[Line, ...], after: tuple[Line, ...]) -> None:
    found = compare(offer(*before), offer(*after))
    assert sorted(one.before.ref for one in found.lines if one.before) == sorted(one.ref for one in before)
    assert [one.after.ref for one in found.lines if one.after] == [one.ref for one in after]
    assert sum(one.difference.minor for one in found.lines) == found.difference.minor
    assert found.difference == found.total_after - found.total_before
    for one in found.lines:
        assert one.kind == (
            "added" if one.before is None else "removed" if one.after is None else "changed" if one.changes else "same"
        )


@given(lines)
def test_a_version_is_the_same_as_itself(held: tuple[Line, ...]) -> None:
    found = compare(offer(*held), offer(*held))
    assert found.same
    assert [one.kind for one in found.lines] == ["same"] * len(held)


def test_a_change_names_the_fields_that_are_otherwise() -> None:
    found = compare(
        offer(line("1"), line("2", deliverable="instagram_story", unit_minor=45_000)),
        offer(line("1", unit_minor=350_000, due_on=date(2027, 3, 1)), line("3", "Ben Okafor")),
    )
    assert [(one.kind, one.ref, one.difference.minor) for one in found.lines] == [
        ("changed", "1", -50_000), ("added", "3", 400_000), ("removed", "2", -45_000),
    ]  # fmt: skip
    assert [(one.field, one.before, one.after) for one in found.lines[0].changes] == [
        ("unit_minor", 400_000, 350_000), ("due_on", None, date(2027, 3, 1)),
    ]  # fmt: skip
    assert found.difference == Money(305_000, "EUR")


def test_an_offer_that_was_written_anew_is_matched_by_what_its_lines_are() -> None:
    found = compare(
        offer(line("1"), line("2", "Ben Okafor")),
        offer(line("7", "Ben Okafor", unit_minor=410_000), line("8")),
    )
    assert [(one.kind, one.before.ref if one.before else None, one.ref) for one in found.lines] == [
        ("changed", "2", "7"), ("same", "1", "8"),
    ]  # fmt: skip


def test_a_ref_that_was_given_to_somebody_else_is_another_line() -> None:
    found = compare(offer(line("1", "Ann Lee")), offer(line("1", "Ben Okafor")))
    assert [(one.kind, one.ref) for one in found.lines] == [("added", "1"), ("removed", "1")]


def test_rights_promises_and_the_last_day_are_compared_too() -> None:
    right = UsageRight(channels=("instagram",), territories=("DE",), term_days=90)
    promise = ExclusivityPromise(category="shoes", starts=date(2027, 3, 1), until=date(2027, 4, 30))
    found = compare(
        offer(line("1"), usage_rights=(right,), valid_until=date(2027, 2, 1), notes="as we spoke"),
        offer(line("1"), exclusivity=(promise,), valid_until=date(2027, 2, 15)),
    )
    assert [(one.kind, one.term) for one in found.terms] == [
        ("removed", "usage right"), ("added", "exclusivity"), ("removed", "notes"), ("changed", "valid until"),
    ]  # fmt: skip
    assert not found.same


@given(lines.filter(bool), st.integers(0, 10**8))
def test_a_package_comes_to_its_price_to_the_cent(held: tuple[Line, ...], minor: int) -> None:
    document = offer(*held)
    sold = priced_as_package(document, "Bundle", Money(minor, "EUR"), ())
    assert sold.total == Money(minor, "EUR")
    assert {one.package for one in sold.lines} == {"Bundle"}
    pieces: dict[str, int] = {}
    for one in sold.lines:
        name = f"{one.creator}/{one.deliverable}"
        pieces[name] = pieces.get(name, 0) + one.quantity
    asked: dict[str, int] = {}
    for one in held:
        name = f"{one.creator}/{one.deliverable}"
        asked[name] = asked.get(name, 0) + one.quantity
    assert pieces == asked
    # What it costs alone is remembered, also when the package is priced again.
    assert sum(one.quantity * (one.list_minor or 0) for one in sold.lines) == document.total.minor
    again = priced_as_package(sold, "Bundle", Money(minor + 1, "EUR"), ())
    assert again.total == Money(minor + 1, "EUR")
    assert sum(one.quantity * (one.list_minor or 0) for one in again.lines) == document.total.minor


def test_three_pieces_for_a_thousand_are_two_and_one() -> None:
    sold = priced_as_package(offer(line("1", quantity=3)), "Bundle", Money(100_000, "EUR"), ("1",))
    assert [(one.ref, one.quantity, one.unit_minor) for one in sold.lines] == [("1", 2, 33_333), ("2", 1, 33_334)]
