"""creator and account."""

from __future__ import annotations

import csv
import io

import pytest
from tests.cli.conftest import CommandLine


def test_a_creator_is_added_listed_and_shown(cli: CommandLine) -> None:
    added = cli.json(
        "creator", "add", "Ann Lee", "--country", "de", "--language", "de", "--language", "en", "--topic", "Tech",
        "--bio", "Takes things apart.", "--agent", "Kim",
    )  # fmt: skip
    assert added["name"] == "Ann Lee"
    assert (added["country"], added["languages"], added["topics"]) == ("DE", ["de", "en"], ["tech"])
    [row] = cli.json("creator", "list")
    assert (row["id"], row["items"], row["accounts"]) == (added["id"], 0, [])
    assert cli.json("creator", "show", added["id"]) == cli.json("creator", "show", "ann lee") == added
    assert cli.json("creator", "list", "--topic", "cooking") == []


def test_a_creator_is_added_once(cli: CommandLine) -> None:
    cli("creator", "add", "Ann Lee")
    assert cli("creator", "add", "Ann Lee", "-o", "json", code=5).error["facts"] == {"creator": "Ann Lee"}


def test_an_edit_changes_what_it_names_and_nothing_else(cli: CommandLine) -> None:
    before = cli.json("creator", "add", "Ann Lee", "--country", "DE", "--topic", "tech", "--agent", "Kim")
    after = cli.json("creator", "edit", "Ann Lee", "--topic", "food", "--do-not-pitch", "--reason", "on leave")
    assert after == before | {"topics": ["food"], "do_not_pitch": True, "do_not_pitch_reason": "on leave"}
    cleared = cli.json(
        "creator", "edit", "Ann Lee", "--may-pitch", "--clear", "reason", "--clear", "topics", "--clear", "agent"
    )
    assert cleared == before | {"topics": [], "agent": None}
    assert "name" in cli("creator", "edit", "Ann Lee", "--clear", "name", code=2).err
    assert "what to change" in cli("creator", "edit", "Ann Lee", code=2).err


def test_an_account_belongs_to_one_creator(cli: CommandLine) -> None:
    cli("creator", "add", "Ann Lee")
    cli("creator", "add", "Bo")
    account = cli.json("creator", "add-account", "Ann Lee", "YouTube:@annlee", "--native-id", "UC1")
    assert (account["platform"], account["handle"], account["creator"]) == ("youtube", "@annlee", "Ann Lee")
    assert cli.json("account", "list") == [account]
    assert cli("creator", "add-account", "Bo", "youtube:@annlee", "-o", "json", code=5).error["category"] == "Conflict"


def test_terms_are_set_and_ended(cli: CommandLine) -> None:
    cli("creator", "add", "Ann Lee")
    terms = cli.json("creator", "set-terms", "Ann Lee", "--commission", "12.5%", "--since", "2026-01-01")
    assert terms["commission_rate"] == 0.125
    assert (terms["since"], terms["until"], terms["exclusive"]) == ("2026-01-01", None, True)
    cli("creator", "set-terms", "Ann Lee", "--commission", "0.2", "--since", "2026-06-01", code=5)
    assert cli.json("creator", "end-terms", "Ann Lee", "--on", "2026-05-31")["until"] == "2026-05-31"
    later = cli.json(
        "creator", "set-terms", "Ann Lee", "--commission", "0.2", "--since", "2026-06-01", "--non-exclusive"
    )
    assert (later["commission_rate"], later["exclusive"]) == (0.2, False)
    assert len(cli.json("creator", "show", "Ann Lee")["terms"]) == 2


@pytest.mark.parametrize("commission", ["a tenth", "150%", "-1%", "NaN"])
def test_a_commission_that_is_no_share_is_refused(cli: CommandLine, commission: str) -> None:
    cli("creator", "add", "Ann Lee")
    cli("creator", "set-terms", "Ann Lee", f"--commission={commission}", code=2)


def test_a_rate_is_money(cli: CommandLine) -> None:
    cli("creator", "add", "Ann Lee")
    rate = cli.json("creator", "set-rate", "Ann Lee", "youtube_integration", "4800.50", "eur")
    assert rate["amount"] == {"minor": 480050, "currency": "EUR"}
    assert cli.json("creator", "set-rate", "Ann Lee", "story", "90000", "JPY")["amount"]["minor"] == 90000
    assert "EUR 4,800.50" in cli("creator", "show", "Ann Lee").out
    cli("creator", "set-rate", "Ann Lee", "story", "1.234", "EUR", code=2)
    cli("creator", "set-rate", "Ann Lee", "story", "much", "EUR", code=2)


def test_what_a_role_may_not_see_is_null_and_not_empty(cli: CommandLine) -> None:
    cli("creator", "add", "Ann Lee")
    cli("member", "add", "kim@north.example", "--role", "viewer")
    token = cli.json("token", "add", "t", "--member", "kim@north.example")["token"]
    seen = cli("creator", "show", "Ann Lee", "-o", "json", ENGAGERR_TOKEN=token).document
    assert (seen["terms"], seen["rates"]) == (None, None)
    assert "not for your role" in cli("creator", "show", "Ann Lee", ENGAGERR_TOKEN=token).out
    assert cli.json("creator", "show", "Ann Lee")["terms"] == []


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(sample: CommandLine) -> None:
    assert "Jonna Brenner" in sample("creator", "show", "Jonna", code=3).err


def test_the_roster_as_csv(sample: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(sample("creator", "list", "-o", "csv").out)))
    documents = sample.json("creator", "list")
    assert [row["name"] for row in rows] == [row["name"] for row in documents]
    assert rows[0]["topics"] == "; ".join(documents[0]["topics"])
    assert {row["agent"] for row in rows} == {""}
    assert sum(int(row["items"]) for row in rows) == len(sample.json("content", "list"))
