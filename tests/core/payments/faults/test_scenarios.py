"""What can go wrong with other people's money, in fifty scenarios, and which tests prove how each of them ends.

A test of this folder names its scenario in its docstring ("Scenario 17"), and ends with `ends_well`: sums of zero, each
hold its parts, one effect an action, no open difference after recovery and reconciliation, and every chain unbroken.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = HERE.parents[2]

CRASHES = "core/payments/faults/test_crashes_and_lost_answers.py"
TOLD = "core/payments/faults/test_what_the_provider_tells.py"
RACES = "core/payments/faults/test_races.py"
BACK = "core/payments/faults/test_money_that_comes_back.py"
WAITS = "core/payments/faults/test_what_has_to_wait.py"
PEOPLE = "core/payments/faults/test_what_people_do.py"
MACHINE = "core/payments/faults/test_the_machine.py"
OPERATIONS = "core/payments/test_operations.py"
RESTORED = "core/payments/reconciliation/test_taking_over.py"

SCENARIOS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("a crash before the intent commits", (
        f"{CRASHES}::test_a_crash_before_the_intent_commits_leaves_nothing_and_can_be_repeated",
        f"{OPERATIONS}::test_an_intent_that_was_rolled_back_never_was",
    )),
    2: ("a crash after the intent, before the call", (
        f"{CRASHES}::test_a_crash_after_the_intent_is_sent_once_by_the_janitor_with_the_stored_key",
        f"{OPERATIONS}::test_kill_9_around_the_call_loses_nothing_and_doubles_nothing",
    )),
    3: ("a crash after the provider did it", (
        f"{CRASHES}::test_a_crash_after_the_provider_did_it_is_posted_once",
        f"{OPERATIONS}::test_kill_9_around_the_call_loses_nothing_and_doubles_nothing",
    )),
    4: ("the same, after the key was forgotten", (
        f"{CRASHES}::test_days_later_what_was_done_is_looked_up_and_adopted_and_never_sent_blindly",
        f"{OPERATIONS}::test_days_later_what_was_not_made_is_sent_under_a_new_key_that_the_audit_log_links_to_the_old_one",
    )),
    5: ("a time-out whose result nobody knows", (
        f"{CRASHES}::test_a_time_out_is_in_flight_is_not_sent_anew_and_raises_an_alarm",
    )),
    6: ("a failure that is stored under the key", (
        f"{CRASHES}::test_a_failure_that_is_stored_gets_a_new_key_only_once_nothing_is_proven_to_be_there",
        f"{CRASHES}::test_a_failure_after_which_it_is_there_all_the_same_is_adopted",
    )),
    7: ("a provider that is busy", (
        f"{CRASHES}::test_a_busy_provider_is_asked_again_by_the_same_key_after_a_nap_as_long_as_it_says",
        f"{CRASHES}::test_who_is_told_not_to_ask_again_waits_for_the_janitor",
    )),
    8: ("a key with other particulars", (
        f"{CRASHES}::test_a_key_with_other_particulars_is_refused_here_and_stops_for_a_person_there",
        f"{OPERATIONS}::test_other_particulars_under_the_same_purpose_are_refused_before_anything_is_sent",
    )),
    9: ("an event a hundred times at once", (
        f"{TOLD}::test_a_hundred_of_one_event_at_once_are_one_row_and_one_effect",
        f"{TOLD}::test_a_thread_of_webhooks_and_a_poll_beside_it_hear_everything_once",
        "core/payments/test_webhook.py::test_a_hundred_of_the_same_at_once_are_one",
    )),
    10: ("events out of order", (
        f"{TOLD}::test_every_order_of_what_a_bank_decides_comes_to_the_same_books",
        f"{TOLD}::test_every_order_of_what_a_payout_goes_through_comes_to_the_same_books",
        "core/payments/test_inbox.py::test_every_order_of_the_same_events_ends_alike",
    )),
    11: ("an event before our own answer", (f"{TOLD}::test_an_event_that_outruns_our_own_answer_posts_once",)),
    12: ("a forged signature", (
        f"{TOLD}::test_what_is_forged_is_answered_with_400_counted_and_not_kept",
        "core/payments/test_webhook.py::test_without_a_secret_nothing_is_believed",
    )),
    13: ("a replay, and a time in the future", (
        f"{TOLD}::test_what_is_replayed_late_or_signed_in_the_future_is_refused",
    )),
    14: ("well signed, and not ours", (f"{TOLD}::test_what_is_well_signed_and_not_ours_is_refused_and_put_aside",)),
    15: ("four days without an endpoint", (f"{TOLD}::test_four_days_without_an_endpoint_are_made_up_for_once",)),
    16: ("more than thirty days away", (
        f"{TOLD}::test_six_weeks_later_the_books_of_the_provider_say_what_no_event_told",
        f"{RESTORED}::test_after_six_weeks_without_an_event_the_lines_alone_bring_everything",
    )),
    17: ("released by many at once", (
        f"{RACES}::test_released_by_thirty_two_at_once_it_is_released_once_with_one_receipt",
        f"{RACES}::test_two_approvers_at_once_approve_one_release",
    )),
    18: ("a release against a refund", (f"{RACES}::test_of_a_release_and_a_refund_exactly_one_wins",)),
    19: ("a release against a dispute", (
        f"{RACES}::test_a_dispute_that_came_first_freezes_what_is_held",
        f"{RACES}::test_a_release_that_came_first_stands_and_a_case_opens",
        f"{RACES}::test_a_release_and_a_dispute_that_meet_are_one_after_the_other",
    )),
    20: ("silence against changes requested", (
        f"{RACES}::test_silence_and_changes_requested_are_decided_by_who_comes_first",
        f"{WAITS}::test_work_that_was_sent_back_is_not_released_by_a_timer_that_still_runs",
        "core/deals/test_deliverables.py::test_the_timer_and_a_request_for_changes_that_meet_are_decided_by_the_database",
    )),
    21: ("a partial refund after the release", (
        f"{BACK}::test_a_partial_refund_after_the_release_takes_back_from_each_by_what_they_have",
    )),
    22: ("a second partial reversal of one day", (
        f"{BACK}::test_partial_reversals_of_one_day_are_each_their_own",
        f"{OPERATIONS}::test_a_second_partial_reversal_of_the_same_day_is_its_own_operation",
    )),
    23: ("more back than there is", (
        f"{BACK}::test_more_than_there_is_goes_neither_back_nor_comes_back",
        "core/payments/test_holds_in_the_database.py::"
        "test_no_more_leaves_than_was_approved_and_nothing_while_it_is_blocked",
    )),
    24: ("a payee without money to give back", (
        f"{BACK}::test_a_reversal_waits_until_the_payee_has_money_again",
        "core/payments/test_holds.py::test_what_a_payee_cannot_give_back_waits_and_can_be_covered",
    )),
    25: ("a dispute lost after the payout", (
        f"{BACK}::test_a_lost_dispute_after_the_payout_is_recovered_by_share_and_the_rest_given_up_by_two",
    )),
    26: ("a dispute won", (f"{BACK}::test_a_dispute_that_is_won_undoes_exactly_what_it_did_and_costs_its_fee",)),
    27: ("a dispute and a refund of one charge", (
        f"{BACK}::test_a_payment_is_not_given_back_twice",
        f"{BACK}::test_a_refund_in_flight_when_a_bank_takes_the_payment_back_is_refused_and_counted_once",
    )),
    28: ("a payout that comes back", (
        f"{BACK}::test_a_payout_that_comes_back_is_the_payees_again_and_their_bank_is_asked_about",
    )),
    29: ("a bank account that changed", (
        f"{WAITS}::test_a_bank_account_that_changed_after_the_approval_stops_the_transfer",
    )),
    30: ("a payee who may not be paid any more", (
        f"{WAITS}::test_who_may_not_be_paid_any_more_is_paid_once_when_they_may",
    )),
    31: ("our balance does not cover it", (
        f"{WAITS}::test_a_transfer_that_our_balance_does_not_cover_is_made_once_when_it_does",
    )),
    32: ("another currency", (
        f"{WAITS}::test_another_currency_is_refused_before_anything_is_asked",
        f"{WAITS}::test_a_payee_who_is_paid_in_another_currency_is_sent_nothing",
    )),
    33: ("shares that do not divide", (
        f"{PEOPLE}::test_what_does_not_divide_goes_out_to_the_cent",
        "core/payments/test_splits.py::"
        "test_the_parts_add_up_to_the_amount_and_nobody_gets_more_than_a_cent_too_much",
        "core/payments/test_splits.py::test_the_order_in_which_parties_are_named_changes_nothing",
    )),
    34: ("currencies with other decimals", (
        f"{WAITS}::test_every_currency_reaches_the_provider_as_it_counts_and_comes_back_the_same",
        "core/payments/test_exponents.py::test_what_cannot_be_paid_out_stays_in_the_balance",
    )),
    35: ("clocks that disagree", (
        f"{WAITS}::test_a_machine_whose_clock_runs_ahead_releases_nothing_early",
        f"{WAITS}::test_silence_lasts_as_many_days_as_were_agreed_whatever_clocks_are_put_to",
        "core/payments/ledger/test_posting.py::test_books_never_run_backwards",
    )),
    36: ("an authorisation that runs out", (
        f"{WAITS}::test_an_authorisation_that_runs_out_leaves_nothing_held_and_nothing_to_release",
    )),
    37: ("a hold whose time runs out", (f"{WAITS}::test_a_hold_whose_time_runs_out_is_never_silent",)),
    38: ("a debit that fails days later", (
        f"{WAITS}::test_a_debit_that_is_taken_back_days_later_is_reversed_or_becomes_a_claim",
        f"{WAITS}::test_a_payment_that_fails_after_it_had_succeeded_leaves_what_is_held_and_a_claim_for_the_rest",
    )),
    39: ("a subscription that is not paid", (
        "core/payments/billing/test_subscriptions.py::"
        "test_a_subscription_lives_through_failure_new_card_change_refund_and_end",
        "core/payments/billing/test_subscriptions.py::test_cancelled_during_the_retries_it_stays_cancelled",
        f"{RESTORED}::test_a_subscription_that_nobody_listened_to_is_billed_by_the_lines",
    )),
    40: ("a database that gives way or dies", (
        f"{MACHINE}::test_a_posting_that_the_database_breaks_off_leaves_no_half_and_is_repeated",
        f"{MACHINE}::test_an_answer_that_cannot_be_booked_is_booked_later_and_the_call_not_made_again",
        f"{MACHINE}::test_a_server_that_drops_every_connection_in_the_middle_loses_nothing",
        "core/payments/ledger/test_concurrency.py::test_a_backend_that_is_killed_in_the_middle_leaves_nothing",
    )),
    41: ("a full disk, a time limit", (
        f"{MACHINE}::test_a_posting_that_the_database_breaks_off_leaves_no_half_and_is_repeated",
        f"{MACHINE}::test_an_answer_that_cannot_be_booked_is_booked_later_and_the_call_not_made_again",
    )),
    42: ("a poisoned event", (
        "core/payments/test_inbox.py::test_poison_is_put_aside_and_the_others_go_on",
        "core/payments/test_inbox.py::test_a_dead_event_is_replayed_once_it_was_mended",
        "core/payments/test_inbox.py::test_a_thin_event_is_enough",
    )),
    43: ("pages that move while they are read", (
        "core/payments/test_polling.py::test_what_happens_while_pages_are_read_is_neither_skipped_nor_heard_twice",
        "core/payments/test_polling.py::test_who_dies_between_two_pages_skips_nothing",
    )),
    44: ("half an hour without a line", (
        f"{MACHINE}::test_a_line_that_is_dead_for_half_an_hour_drains_once_and_in_order",
        "core/payments/test_janitor.py::"
        "test_after_half_an_hour_without_a_line_the_queue_drains_once_in_its_order_and_not_too_fast",
    )),
    45: ("books older than the provider", (
        f"{RESTORED}::test_books_that_were_restored_find_what_the_provider_did_since_and_do_it_only_once",
        f"{RESTORED}::test_a_lost_release_freezes_its_hold_until_a_person_decides",
    )),
    46: ("tampering", (
        f"{MACHINE}::test_a_row_of_money_cannot_be_changed_and_if_it_is_it_is_named",
        "core/payments/ledger/test_verifying.py::test_the_first_broken_row_is_named",
        "core/tenancy/test_audit.py::test_an_altered_entry_is_found",
    )),
    47: ("numbers of invoices", (
        "core/payments/billing/test_invoices.py::"
        "test_thirty_two_finalisers_at_once_leave_no_gap_and_no_number_twice",
        "core/payments/billing/test_invoices.py::test_a_connection_that_is_cut_after_the_number_leaves_no_gap",
    )),
    48: ("a commission that was edited", (
        f"{PEOPLE}::test_a_commission_that_was_edited_after_the_signature_changes_no_release",
        "core/deals/test_amendments.py::"
        "test_the_commission_of_the_signed_contract_is_used_whatever_is_edited_afterwards",
    )),
    49: ("input that means no good", (
        f"{PEOPLE}::test_input_that_means_no_good_is_refused_and_nothing_is_sent",
        f"{PEOPLE}::test_digits_of_another_script_are_the_amount_that_they_spell_or_none",
        f"{OPERATIONS}::test_what_the_provider_would_choke_on_is_never_written_down",
    )),
    50: ("a milestone that was edited after it was funded", (
        f"{PEOPLE}::test_what_was_funded_is_not_edited_away",
        "core/deals/test_milestones.py::test_a_funded_milestone_is_dropped_or_cut_only_after_a_refund",
        "core/deals/test_milestones.py::test_an_amendment_upwards_lets_the_difference_be_funded",
    )),
}  # fmt: skip


@functools.cache
def functions_of(path: Path) -> dict[str, ast.FunctionDef]:
    """The tests of a file, by name."""
    found = ast.parse(path.read_text()).body
    return {node.name: node for node in found if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def proofs_here() -> dict[str, ast.FunctionDef]:
    """Those that prove a scenario, by id."""
    files = [path for path in sorted(HERE.glob("test_*.py")) if path != Path(__file__)]
    return {
        f"{path.relative_to(TESTS).as_posix()}::{name}": node
        for path in files
        for name, node in functions_of(path).items()
    }


def test_there_are_fifty() -> None:
    assert list(SCENARIOS) == list(range(1, 51))


@pytest.mark.parametrize("number", SCENARIOS)
def test_a_scenario_is_proven_by_tests_that_exist(number: int) -> None:
    _, proofs = SCENARIOS[number]
    assert proofs
    for proof in proofs:
        path, _, name = proof.partition("::")
        node = functions_of(TESTS / path)[name]
        skipped = [ast.unparse(mark) for mark in node.decorator_list if "skip" in ast.unparse(mark)]
        assert skipped == [], "a test that is not run proves nothing"


def test_tests_name_the_scenarios_that_they_prove() -> None:
    said = {
        test: {int(number) for number in re.findall(r"\d+", re.match(r"Scenarios? [\d, ]+", _words(node))[0])}  # type: ignore[index]
        for test, node in proofs_here().items()
    }
    listed = {test: {number for number, (_, proofs) in SCENARIOS.items() if test in proofs} for test in said}
    assert said == listed


def test_every_test_looks_at_the_common_end() -> None:
    """All but one, whose fault the provider's own books do not show: it looks at ours."""
    ends = {test: ast.unparse(node) for test, node in proofs_here().items()}
    without = [test for test, body in ends.items() if "money.ends_well(" not in body]
    assert [test.partition("::")[2] for test in without] == [
        "test_a_payment_that_fails_after_it_had_succeeded_leaves_what_is_held_and_a_claim_for_the_rest"
    ]
    assert "money.adds_up()" in ends[without[0]]


def _words(node: ast.FunctionDef) -> str:
    return ast.get_docstring(node) or ""
