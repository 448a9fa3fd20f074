"""What a contract says: one shape, one hash, exact weights, and nothing that does not make sense."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engagerr import Money
from engagerr.core.deals.contracting.clauses import COMMISSION, canonical, terms_hash, terms_of
from engagerr.core.deals.contracting.contract_checks import category_of, checked, countries_of
from engagerr.core.deals.contracting.contract_drafts import read_terms
from engagerr.core.errors import Broken, InvalidInput
from hypothesis import given
from hypothesis import strategies as st
from tests.core.deals.contract_cases import document, some_terms


def written(**changes: Any) -> str:
    return canonical(checked(some_terms(**changes)))


def test_terms_that_mean_the_same_have_the_same_hash() -> None:
    one = checked(some_terms(commission_rate="0.150", categories=[" sports /  SHOES"], territories=["AT", "DE", "CH"]))
    other = checked(some_terms(commission_rate="0.15", categories=["Sports/Shoes"], territories=["DACH"]))
    assert terms_hash(one) == terms_hash(other)


def test_the_order_of_keys_in_the_file_does_not_matter() -> None:
    shuffled = {key: document()[key] for key in reversed(document())}
    assert canonical(terms_of(shuffled)) == canonical(some_terms())


def test_canonical_terms_read_back_to_the_same_text() -> None:
    text = written()
    assert canonical(terms_of(text)) == text
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize(
    ("change", "value"),
    [("commission_rate", "0.16"), ("title", "Trail shoes, winter"), ("governing_law", "Austria"), ("categories", [])],
)
def test_whatever_changes_what_is_agreed_changes_the_hash(change: str, value: Any) -> None:
    assert terms_hash(written(**{change: value})) != terms_hash(written())


def test_a_field_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidInput, match="retainer"):
        terms_of(document(retainer=1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"commission_rate": "NaN"}, "no rate"),
        ({"commission_rate": "1e400"}, "no rate"),
        ({"commission_rate": "-0.1"}, "no rate"),
        ({"commission_rate": "0.1234567"}, "no rate"),
        ({"commission_rate": "1"}, "leaves the creators nothing"),
        ({"currency": "eur"}, "currency"),
        ({"flow": "barter"}, "flow"),
        ({"title": "Trail \u202eshoes"}, "U\\+202E"),
        ({"title": "Trail\u200bshoes"}, "U\\+200B"),
        ({"title": "  "}, "empty"),
        ({"title": "x" * 301}, "301 characters"),
        ({"territories": ["Atlantis"]}, "Atlantis"),
        ({"categories": ["beauty//skin"]}, "no category"),
        ({"term": {"from": "2026-11-02", "until": "2026-11-01"}}, "before it begins"),
        ({"creators": []}, "names no creator"),
        ({"deliverables": []}, "Nothing is delivered"),
        ({"shares": [{"creator": "ann", "weight": 0}]}, "divide nothing"),
        ({"shares": [{"creator": "ben", "weight": 1}]}, "does not name"),
        ({"kill_fees": [{"stage": "someday", "rate": "0.5"}]}, "someday"),
        ({"renewal": {"months": 0, "notice_days": 30}}, "renew"),
        ({"payment_terms": {"net_days": 366}}, "366 days"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        checked(some_terms(**changes))


@pytest.mark.parametrize(
    ("milestones", "said"),
    [
        ([("M1", 1000, ["D1"])], "D2 stands in no milestone"),
        ([("M1", 1000, ["D1", "D2"]), ("M2", 1000, ["D1"])], "'D1' stands twice"),
        ([("M1", 1000, ["D1", "D2", "D3"])], "'D3'"),
        ([("M1", 0, ["D1", "D2"])], "0 minor units"),
        ([("M1", -5, ["D1", "D2"])], "-5 minor units"),
        ([("M1", 10**16, ["D1", "D2"])], "minor units"),
        ([("M1", 1000, [])], "pays for nothing"),
    ],
)
def test_every_deliverable_is_paid_for_in_one_milestone(milestones: list[Any], said: str) -> None:
    parts = [{"ref": ref, "title": ref, "amount_minor": minor, "deliverables": refs} for ref, minor, refs in milestones]
    with pytest.raises(InvalidInput, match=said):
        checked(some_terms(milestones=parts))


@pytest.mark.parametrize("amount", ["١٢٣", "12.5", 12.5, True, None])
def test_an_amount_is_a_whole_number_and_nothing_that_looks_like_one(amount: Any) -> None:
    parts = [{"ref": "M1", "title": "All", "amount_minor": amount, "deliverables": ["D1", "D2"]}]
    with pytest.raises(InvalidInput):
        terms_of(json.dumps(document(milestones=parts)))


@pytest.mark.parametrize(
    "right",
    [
        {"channels": ["website"]},
        {"channels": ["website"], "perpetual": True, "term_days": 30},
        {"channels": ["website"], "until": "2027-01-01", "term_days": 30},
        {"channels": [], "term_days": 30},
        {"channels": ["website"], "term_days": 0},
        {"channels": ["website"], "term_days": 9, "deliverables": ["D9"]},
        {"channels": ["website"], "from": "2027-01-02", "until": "2027-01-01"},
    ],
)
def test_a_usage_right_says_where_and_how_long(right: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        checked(some_terms(usage_rights=[right]))


def test_regions_are_countries_and_worldwide_is_none() -> None:
    assert countries_of(["dach", "UK"]) == ("AT", "CH", "DE", "GB")
    assert countries_of(["DE", "Worldwide"]) == ()
    assert len(countries_of(["EU"])) == 27
    assert len(countries_of(["EEA"])) == 30
    assert category_of(" Beauty /  Skin   Care") == "beauty/skin care"


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    as_json, as_toml = tmp_path / "terms.json", tmp_path / "terms.toml"
    terms = {**document(), "deliverables": document()["deliverables"][:1], "usage_rights": [], "exclusivity": []}
    terms["milestones"] = [{**terms["milestones"][0]}]
    as_json.write_text(json.dumps(terms))
    as_toml.write_text(
        """
        title = "Trail shoes, autumn"
        currency = "EUR"
        flow = "agency"
        commission_rate = 0.15
        governing_law = "Germany"
        jurisdiction = "Berlin"
        categories = ["Sports / Shoes"]
        territories = ["DACH"]
        creators = [{key = "ann", name = "Ann Lee"}]
        milestones = [{ref = "M1", title = "Main video", amount_minor = 850000, deliverables = ["D1"]}]
        shares = [{creator = "ann", weight = 1}]
        term = {from = 2026-11-01, until = 2027-04-30}
        kill_fees = [{stage = "signed", rate = "0.25"}, {stage = "in_production", rate = "0.5"}]
        [[deliverables]]
        ref = "D1"
        creator = "ann"
        kind = "youtube_integration"
        platform = "youtube"
        due_on = 2026-12-01
        [parties.agency]
        name = "Northlight"
        address = "Rosenthaler Straße 40\\n10178 Berlin"
        country = "DE"
        email = "ann@northlight.example"
        signer = "Ann Berg"
        signer_title = "Managing Director"
        [parties.brand]
        name = "Alpenpfad AG"
        address = "Bahnhofstrasse 1\\n8001 Zürich"
        country = "CH"
        email = "mara@alpenpfad.example"
        """
    )
    assert terms_hash(read_terms(as_toml)) == terms_hash(read_terms(as_json))


@pytest.mark.parametrize("content", [b"", b"[", b"\xff\xfe", b"[]", b'{"title": 1}', b"x" * (1 << 21)])
def test_a_file_that_holds_no_terms_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "terms.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInput):
        read_terms(path)


@given(
    rate=st.integers(0, 99_999).map(lambda parts: str(Decimal(parts) / 100_000)),
    weights=st.lists(st.integers(0, 1_000), min_size=1, max_size=6).filter(any),
    minor=st.integers(1, 10**12),
)
def test_weights_are_the_rate_and_the_shares_exactly_and_split_without_losing_a_cent(
    rate: str, weights: list[int], minor: int
) -> None:
    keys = [f"c{at}" for at in range(len(weights))]
    terms = some_terms(
        commission_rate=rate,
        creators=[{"key": key, "name": key} for key in keys],
        shares=[{"creator": key, "weight": weight} for key, weight in zip(keys, weights, strict=True)],
        deliverables=[
            {"ref": f"D{at}", "creator": key, "kind": "video", "platform": "youtube"} for at, key in enumerate(keys)
        ],
        milestones=[
            {"ref": "M", "title": "M", "amount_minor": minor, "deliverables": [f"D{at}" for at in range(len(keys))]}
        ],
    )
    found = dict(terms.weights(terms.milestones[0]))
    whole = sum(found.values())
    assert Fraction(found.get(COMMISSION, 0), whole) == Fraction(rate)
    for key, weight in zip(keys, weights, strict=True):
        assert Fraction(found[key], whole) == (1 - Fraction(rate)) * Fraction(weight, sum(weights))
    assert max(found.values()) <= 10**9, "as large as a hold takes"
    parts = Money(minor, "EUR").split(list(found.values()))
    assert sum(part.minor for part in parts) == minor


def test_only_creators_who_work_for_a_milestone_have_a_part_of_it() -> None:
    terms = some_terms(
        creators=[{"key": "ann", "name": "Ann Lee"}, {"key": "ben", "name": "Ben Ode"}],
        shares=[{"creator": "ann", "weight": 3}, {"creator": "ben", "weight": 1}],
    )
    assert dict(terms.weights()) == {"ann": 51, "ben": 17, COMMISSION: 12}
    assert dict(terms.weights(terms.milestones[0])) == {"ann": 17, COMMISSION: 3}


def test_where_creators_are_paid_in_full_the_commission_has_no_part() -> None:
    assert dict(some_terms(flow="creator").weights()) == {"ann": 1}


def test_a_wording_that_was_released_never_changes() -> None:
    """Contracts name it: to say something else, add another file."""
    for name, released in (("2026_11", WORDING_2026_11), ("2026_11_23", WORDING_2026_11_23)):
        path = resources.files("engagerr.core.deals") / "templates" / f"wording_{name}.toml"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == released


def test_a_wording_that_is_not_here_is_said() -> None:
    from engagerr.core.deals.contracting.contract_paper import wording_of

    with pytest.raises(Broken, match="1999-01"):
        wording_of("1999-01")
    with pytest.raises(InvalidInput, match="wording"):
        checked(msgspec.structs.replace(some_terms(), wording="1999-01"))


WORDING_2026_11 = "bc8095863f6e8ff8668dc07a7249b1122556c5d5db1adfb2dd28da92a1acb1b7"
WORDING_2026_11_23 = "399a3fc8d0bd2925d5651b09fdda431d6d3f4ec69e2f46b97646272c0cf9d7b5"
