"""Flags: what hurts is found by rules over terms and by the task over words; what does not hurt is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.deals.contracting.contract_checks import checked
from engagerr.core.deals.contracting.contract_drafts import example_terms, read_terms
from engagerr.core.deals.contracting.flags import flags_of
from engagerr.core.errors import InvalidInput
from tests.core.deals.contract_cases import a_draft, some_terms

FAIR: dict[str, Any] = {
    "usage_rights": [
        {"channels": ["organic social"], "territories": ["DE"], "from": "2026-12-01", "until": "2027-03-31"}
    ],
}
SHOES = {"category": "sports/shoes", "territories": ["DE"], "from": "2026-11-01", "until": "2027-01-31",
         "creators": ["ann"]}  # fmt: skip
RIGHT = {"channels": ["website"], "territories": ["DE"]}


def found(**changes: Any) -> set[str]:
    return {flag.rule for flag in flags_of(checked(some_terms(**{**FAIR, **changes})))}


def test_a_fair_contract_has_no_flag() -> None:
    assert found() == set()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"usage_rights": [{**RIGHT, "perpetual": True}]}, "perpetual_rights"),
        ({"usage_rights": [{**RIGHT, "term_days": 366}]}, "long_rights"),
        ({"usage_rights": [{**RIGHT, "from": "2026-11-01", "until": "2027-11-02"}]}, "long_rights"),
        ({"usage_rights": [{**RIGHT, "from": "2026-12-01", "until": "2027-05-01"}]}, "rights_outlive_term"),
        ({"usage_rights": [{**RIGHT, "channels": ["all media"], "term_days": 30}]}, "all_channels"),
        ({"exclusivity": [{**SHOES, "category": None}]}, "industry_wide_exclusivity"),
        ({"exclusivity": [{**SHOES, "category": "sports"}]}, "broad_exclusivity"),
        ({"exclusivity": [{**SHOES, "until": None}]}, "endless_exclusivity"),
        ({"exclusivity": [{**SHOES, "until": "2027-11-02"}]}, "long_exclusivity"),
        ({"exclusivity": [{**SHOES, "creators": []}]}, "roster_exclusivity"),
        ({"exclusivity": [{**SHOES, "territories": []}]}, "worldwide_exclusivity"),
        ({"exclusivity": [{**SHOES, "until": "2027-05-01"}]}, "exclusivity_outlives_term"),
        ({"payment_terms": {"net_days": 61}}, "late_payment"),
        ({"payment_terms": {"net_days": 60}}, "slow_payment"),
        ({"payment_terms": {"held": False}}, "not_held"),
        ({"kill_fees": []}, "no_kill_fee"),
        ({"renewal": {"months": 12, "notice_days": 90}}, "auto_renewal"),
        ({"term": {"from": "2026-11-01"}}, "open_term"),
        ({"categories": []}, "no_category"),
        ({"disclosure": {"wording": [], "platform_label": False}}, "no_disclosure"),
    ],
)
def test_each_rule_finds_its_own(changes: dict[str, Any], rule: str) -> None:
    assert rule in found(**changes)
    assert found(**changes) <= {rule, "long_exclusivity", "exclusivity_outlives_term", "rights_outlive_term"}


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_terms": {"net_days": 30}},
        {"usage_rights": [{**RIGHT, "from": "2026-11-01", "until": "2027-04-30"}]},
        {"usage_rights": [{**RIGHT, "channels": ["small media"], "term_days": 30}]},
        {"exclusivity": [SHOES]},
    ],
)
def test_the_border_is_no_flag(changes: dict[str, Any]) -> None:
    assert found(**changes) == set()


def test_unlimited_revisions_are_found_by_deliverable() -> None:
    pieces = [
        {"ref": "D1", "creator": "ann", "kind": "video", "platform": "youtube", "revisions": None},
        {"ref": "D2", "creator": "ann", "kind": "video", "platform": "youtube"},
    ]
    flags = flags_of(checked(some_terms(**FAIR, deliverables=pieces)))
    assert [(flag.rule, flag.clause, flag.severity) for flag in flags] == [
        ("unlimited_revisions", "deliverable D1", "high")
    ]


def test_more_than_half_at_the_end_is_found() -> None:
    parts = [
        {"ref": "M1", "title": "First", "amount_minor": 400, "deliverables": ["D1"]},
        {"ref": "M2", "title": "Last", "amount_minor": 600, "deliverables": ["D2"]},
    ]
    assert found(milestones=parts) == {"paid_at_the_end"}


def test_the_worst_stands_first() -> None:
    flags = flags_of(checked(some_terms(payment_terms={"net_days": 90, "held": False}, categories=[])))
    assert [flag.severity for flag in flags] == ["high", "medium", "low"]


# ── Words ──────────────────────────────────────────────────────────────────────────────────────────────────────────

LETTER = """
1. Usage rights
The Brand receives a perpetual, irrevocable, worldwide licence to use the content in all media.

2. Payment
The fee is paid within 120 days of receipt of the invoice.

3. Revisions
The Creator makes unlimited revisions until the Brand is satisfied.
"""


def test_somebody_elses_contract_is_read_by_the_task(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "contract.txt"
    path.write_text(LETTER)
    flags = workspace.contracts.flagging.of_file(path)
    assert {flag.clause for flag in flags} >= {"usage_rights", "payment", "revisions"}
    assert all(flag.source != "rule" and flag.rule == "clauses" for flag in flags)
    assert any("perpetual" in flag.ask for flag in flags)


def test_free_clauses_are_read_by_the_task_and_the_rest_by_rules(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "terms.toml"
    path.write_text(
        example_terms()
        .replace('heading = "Product"', 'heading = "Usage"')
        .replace(
            "The brand sends two", "The brand may use the content in perpetuity, worldwide, in all media. It sends two"
        )
        .replace("net_days = 30", "net_days = 90")
    )
    sources = {flag.source.partition("/")[0] for flag in workspace.contracts.flagging.of_file(path)}
    assert "rule" in sources
    assert len(sources) == 2


def test_the_example_is_a_contract(tmp_path: Path, workspace: Workspace) -> None:
    path = tmp_path / "terms.toml"
    path.write_text(example_terms())
    assert read_terms(path).total.minor == 600_000


def test_flags_come_with_a_contract_when_it_is_shown(workspace: Workspace) -> None:
    contract = a_draft(workspace, renewal={"months": 12, "notice_days": 90})
    assert "auto_renewal" in {flag.rule for flag in workspace.contracts.show(contract).flags}


@pytest.mark.parametrize("content", [b"", b"   \n", b"\xff\xfe\x00"])
def test_a_file_without_words_is_refused(workspace: Workspace, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "contract.txt"
    path.write_bytes(content)
    with pytest.raises(InvalidInput):
        workspace.contracts.flagging.of_file(path)
