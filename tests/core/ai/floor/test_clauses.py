"""Clauses of contracts: their words as they stand, what they are, and what hurts."""

from __future__ import annotations

import pytest
from engagerr.core.ai.answers import Complaint, checked
from engagerr.core.ai.floor import clauses as rules
from engagerr.core.ai.floor.clause_words import days_to_payment
from engagerr.core.ai.tasks import TASKS, Clause, ClauseKind, PlainText, TaskName
from hypothesis import given
from hypothesis import strategies as st
from tests.core.ai.floor.cases import figure


def clauses(text: str) -> tuple[Clause, ...]:
    [answer] = rules.answer([PlainText(text=text)])
    return answer.clauses


@pytest.mark.parametrize(
    ("words", "concern"),
    [
        ("Usage: Brand may use the Content in perpetuity.", "perpetual rights"),
        ("Usage: Brand may use the Content for six months.", None),
        ("Nutzungsrechte: Die Rechte werden zeitlich unbeschränkt eingeräumt.", "perpetual rights"),
        ("Revisions: until Brand is fully satisfied.", "unlimited revisions"),
        ("Revisions: two rounds of changes.", None),
        ("Payment: net 60.", None),
        ("Payment: net 61.", "net 61"),
        ("Payment: within ninety (90) days of receipt.", "net 90"),
        ("Payment: sixty-five days after the campaign.", "net 65"),
        ("Pago: a los 120 días de la factura.", "net 120"),
        ("Exclusivity: no other company in the beauty industry.", "industry-wide exclusivity"),
        ("Exclusivity: no competing e-bike for 60 days.", None),
        ("Renewal: renews automatically each year.", "auto-renewal"),
        ("Renewal: the parties may agree to extend.", None),
        ("Liability: Creator shall indemnify Brand against all claims.", "uncapped indemnity"),
        ("Liability: Creator shall indemnify Brand; liability is capped at the fee.", None),
    ],
)
def test_what_hurts_is_named_and_what_does_not_is_not(words: str, concern: str | None) -> None:
    [clause] = clauses(words)
    assert (clause.words, clause.concern) == (words, concern)


def test_a_heading_above_names_the_clause_below() -> None:
    [clause] = clauses("7. KILL FEE\nHalf of the sum is owed after the shoot.\n")
    assert clause == Clause(kind=ClauseKind.KILL_FEE, words="Half of the sum is owed after the shoot.")


def test_a_clause_over_several_lines_keeps_its_words() -> None:
    [clause] = clauses("4. Payment. Brand shall pay\nUSD 12,000 within\n90 days of receipt.\n\nThank you.\n")
    assert (clause.kind, clause.concern) == (ClauseKind.PAYMENT, "net 90")
    assert clause.words == "4. Payment. Brand shall pay\nUSD 12,000 within\n90 days of receipt."


def test_a_paragraph_without_a_heading_is_split_where_its_sentences_are_of_several_kinds() -> None:
    said = (
        "Exclusive for 6 months in sports.", "The creator must disclose the ad.", "Payment within 90 days of EUR 500.",
    )  # fmt: skip
    assert [(one.kind, one.words, one.concern) for one in clauses(" ".join(said))] == [
        (ClauseKind.EXCLUSIVITY, said[0], None),
        (ClauseKind.DISCLOSURE, said[1], None),
        (ClauseKind.PAYMENT, said[2], "net 90"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        "Exclusivity. Creator shall not promote a rival. Payment is due all the same.",
        "Payment: Brand shall pay net 30. The creator must disclose the ad.",
        "3. Creator works for no other brand. It shall pay damages otherwise.",
    ],
)
def test_a_clause_that_has_a_name_or_a_number_stays_whole(words: str) -> None:
    assert [one.words for one in clauses(words)] == [words]


def test_a_text_that_is_no_contract_has_no_clauses() -> None:
    assert clauses("Thank you for your order. Your parcel will arrive on Tuesday.") == ()


def test_the_longest_time_to_payment_counts() -> None:
    assert days_to_payment("half within 30 days, half net 75") == 75
    assert days_to_payment("soon") is None


LINES = st.sampled_from(
    [
        "1. Fees.",
        "PAYMENT",
        "net 90",
        "shall indemnify",
        "",
        "Usage: for ever",
        "§ 3 Laufzeit.",
        "(a)",
        "x" * 300,
        "A.",
        "\t",
        "in\u00a0perpetuity",
    ]
)


@given(st.lists(LINES, max_size=30).map("\n".join))
def test_any_text_gives_clauses_whose_words_stand_in_it(text: str) -> None:
    asked = PlainText(text=text)
    assert not isinstance(checked(TASKS[TaskName.CLAUSES], asked, rules.answer([asked])[0]), Complaint)


def test_the_quality_that_it_claims_is_the_one_that_is_measured() -> None:
    assert pytest.approx(figure(rules, TaskName.CLAUSES), abs=0.005) == rules.QUALITY
