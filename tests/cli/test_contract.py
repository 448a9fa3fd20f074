"""`engagerr contract …` as it is typed: from terms to what both have signed, its paper, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from engagerr.cli.contract import app
from engagerr.cli.main import app as engagerr_app
from engagerr.cli.reference import commands
from engagerr.core.deals.contracting.contract_drafts import example_terms
from tests.cli.conftest import Answer, CommandLine
from tests.core.deals.contract_cases import pkcs12_file
from typer.testing import CliRunner

DEAL = "Trail shoes, spring"
ANN = ("--name", "Ann Berg", "--email", "ann@northlight.example", "--title", "Managing Director", "--yes")
MARA = ("--name", "Mara Keller", "--email", "mara@alpenpfad.example", "--yes")


@pytest.fixture
def terms(cli: CommandLine, tmp_path: Path) -> Path:
    """The example's terms as a file, and the deal that they are for."""
    cli("creator", "add", "Jonna Brenner")
    cli(
        "deal", "add", DEAL, "--brand", "Alpenpfad", "--brand-email", "mara@alpenpfad.example", "--currency", "EUR",
        "--creator", "Jonna Brenner",
    )  # fmt: skip
    path = tmp_path / "terms.toml"
    path.write_text(example_terms())
    return path


def drafted(cli: CommandLine, terms: Path) -> None:
    cli("contract", "draft", DEAL, "--file", terms)


def signed(cli: CommandLine, terms: Path) -> None:
    drafted(cli, terms)
    code = cli.json("contract", "send", DEAL)["code"]
    cli("contract", "sign", DEAL, *MARA, "--code", code)
    cli("contract", "sign", DEAL, *ANN)


def test_a_contract_goes_from_terms_to_two_signatures_and_a_sealed_paper(
    cli: CommandLine, terms: Path, tmp_path: Path
) -> None:
    assert "no contract yet" in cli("contract", "list").out
    shown = cli("contract", "draft", DEAL, "--file", terms).out
    assert "EUR 6,000.00 in 2 milestones" in shown
    assert "Jonna Brenner" in shown
    sent = cli("contract", "send", DEAL).out
    code = re.search(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", sent)
    assert code is not None
    assert "It waits for the other signature." in cli("contract", "sign", DEAL, *MARA, "--code", code[0]).err
    answer = cli("contract", "sign", DEAL, *ANN)
    assert "It binds both" in answer.err
    assert "signed by Mara Keller" in answer.out
    paper = tmp_path / "contract.pdf"
    assert "Sealed" in cli("contract", "pdf", DEAL, "--to", paper).out
    assert paper.read_bytes().startswith(b"%PDF")
    assert "NO" not in cli("contract", "verify", DEAL, "--file", paper).out
    [row] = cli.json("contract", "list", "--state", "signed")
    assert (row["title"], row["state"], row["version"]) == (DEAL, "signed", 1)


def test_the_document_has_terms_hashes_signatures_and_flags(cli: CommandLine, terms: Path) -> None:
    signed(cli, terms)
    shown = cli.json("contract", "show", DEAL)
    assert shown["open"]["annex"]["commission_rate"] == "0.15", "beside the terms, which the other side reads too"
    assert "commission_rate" not in shown["open"]["terms"]
    annex = cli("contract", "annex", DEAL).out
    assert hashlib.sha256(annex.encode()).hexdigest() == shown["open"]["terms"]["annex"]
    assert "in your annex" in cli("contract", "show", DEAL).out
    assert shown["open"]["total"] == {"minor": 600_000, "currency": "EUR"}
    assert [one["side"] for one in shown["open"]["signatures"]] == ["brand", "agency"]
    assert re.fullmatch("[0-9a-f]{64}", shown["open"]["terms_hash"])
    assert {flag["rule"] for flag in shown["flags"]} == set()
    csv = cli("contract", "show", DEAL, "--output", "csv").out.splitlines()
    assert csv[0].startswith("id,title,deal,brand")
    assert "6000.00,EUR" in csv[1]


def test_terms_are_printed_changed_and_given_back(cli: CommandLine, terms: Path, tmp_path: Path) -> None:
    signed(cli, terms)
    written = json.loads(cli("contract", "terms", DEAL).out)
    written["milestones"][1]["amount_minor"] = 200_000
    path = tmp_path / "amended.json"
    path.write_text(json.dumps(written))
    amended = cli("contract", "amend", DEAL, "--file", path, "--reason", "a third clip")
    assert "It changes 1 things" in amended.err
    [change] = cli.json("contract", "compare", DEAL)["changes"]
    assert (change["where"], change["before"], change["after"]) == ("milestones M2 amount_minor", 150_000, 200_000)
    assert "milestones M2 amount_minor" in cli("contract", "compare", DEAL).out


def test_a_paper_that_was_changed_is_told_by_the_exit_code(cli: CommandLine, terms: Path, tmp_path: Path) -> None:
    signed(cli, terms)
    paper = tmp_path / "contract.pdf"
    cli("contract", "pdf", DEAL, "--to", paper)
    content = paper.read_bytes()
    paper.write_bytes(content[:9000] + b"X" + content[9001:])
    answer = cli("contract", "verify", DEAL, "--file", paper, code=1)
    assert "NO" in answer.out
    assert cli("contract", "pdf", DEAL, "--to", paper, code=5).code == 5, "it is there already"
    cli("contract", "pdf", DEAL, "--to", paper, "--overwrite")
    cli("contract", "verify", DEAL, "--file", paper)


@pytest.mark.parametrize(
    "words",
    [
        ("sign", DEAL, *ANN[:-1]), ("withdraw", DEAL, "--reason", "no"), ("end", DEAL, "--reason", "no"),
        ("decline", DEAL, *MARA[:-1], "--reason", "no", "--code", "AAAA-BBBB-CCCC-DDDD"),
    ],
)  # fmt: skip
def test_what_binds_or_ends_is_asked_for(cli: CommandLine, terms: Path, words: tuple[str, ...]) -> None:
    drafted(cli, terms)
    cli("contract", "send", DEAL)
    assert "Add --yes" in cli("contract", *words, code=2).err


def test_a_wrong_code_is_forbidden(cli: CommandLine, terms: Path) -> None:
    drafted(cli, terms)
    cli("contract", "send", DEAL)
    cli("contract", "sign", DEAL, *MARA, "--code", "AAAA-BBBB-CCCC-DDDD", code=4)


def test_other_terms_than_those_read_are_not_signed(cli: CommandLine, terms: Path) -> None:
    drafted(cli, terms)
    cli("contract", "send", DEAL)
    cli("contract", "sign", DEAL, *ANN, "--read", "0" * 64, code=5)


def test_a_clash_is_told_with_the_other_contract(cli: CommandLine, terms: Path) -> None:
    signed(cli, terms)
    rival = "Rival shoes"
    cli("deal", "add", rival, "--brand", "Peak", "--currency", "EUR", "--creator", "Jonna Brenner")
    terms.write_text(example_terms().replace(DEAL, rival).replace("Alpenpfad", "Peak"))
    cli("contract", "draft", rival, "--file", terms)
    assert "Alpenpfad" in cli("contract", "clashes", rival).out
    sent = cli.json("contract", "send", rival)
    assert {clash["contract"] for clash in sent["clashes"]} == {DEAL}
    cli("contract", "sign", rival, *MARA, "--code", sent["code"])
    refused = cli("contract", "sign", rival, *ANN, "--output", "json", code=5)
    assert DEAL in refused.error["message"]
    assert "the whole roster" not in cli("contract", "exclusivities").out
    assert "sports/shoes" in cli("contract", "exclusivities", DEAL).out


def test_what_hurts_is_said(cli: CommandLine, terms: Path) -> None:
    terms.write_text(example_terms().replace("net_days = 30", "net_days = 90"))
    rules = {flag["rule"] for flag in cli.json("contract", "check", "--file", terms)}
    assert "late_payment" in rules
    assert "Payment may take 90 days" in cli("contract", "check", "--file", terms).out
    assert cli("contract", "check", code=2).code == 2


def test_drafts_are_recalled_edited_and_withdrawn(cli: CommandLine, terms: Path) -> None:
    drafted(cli, terms)
    cli("contract", "send", DEAL)
    cli("contract", "edit", DEAL, "--file", terms, code=5)
    assert cli.json("contract", "recall", DEAL)["state"] == "draft"
    terms.write_text(example_terms().replace('"Germany"', '"Austria"'))
    assert cli.json("contract", "edit", DEAL, "--file", terms)["open"]["terms"]["governing_law"] == "Austria"
    assert cli.json("contract", "withdraw", DEAL, "--reason", "the dates moved", "--yes")["state"] == "withdrawn"


def test_an_outside_brand_says_no(cli: CommandLine, terms: Path) -> None:
    drafted(cli, terms)
    code = cli.json("contract", "send", DEAL)["code"]
    declined = cli.json("contract", "decline", DEAL, *MARA, "--reason", "too late", "--code", code)
    assert (declined["state"], declined["open"]["reason"]) == ("declined", "too late")


def test_a_contract_ends(cli: CommandLine, terms: Path) -> None:
    signed(cli, terms)
    assert cli.json("contract", "end", DEAL, "--reason", "the brand was sold", "--yes")["state"] == "ended"
    assert "keeps anything free" in cli("contract", "exclusivities").out


@pytest.mark.parametrize(
    "words", [("show", "Nothing"), ("pdf", "Nothing"), ("send", "Nothing"), ("clashes", "Nothing")]
)
def test_a_contract_that_is_not_there_is_not_found(cli: CommandLine, words: tuple[str, ...]) -> None:
    assert "There is no contract 'Nothing'" in cli("contract", *words, code=3).err


def test_a_rate_that_is_none_is_refused(cli: CommandLine, terms: Path) -> None:
    answer: Answer = cli("contract", "draft", DEAL, "--commission", "much", code=2)
    assert "'much' is no rate" in answer.err
    assert cli("contract", "draft", DEAL, code=5).code == 5, "nothing is accepted yet"


def examples() -> list[str]:
    """Every example of the noun, in the order of the help."""
    return [example for _, _, found in commands() for one in found if one.path.startswith("engagerr contract ")
            for example in one.examples]  # fmt: skip


def test_every_example_works_where_it_has_its_place(
    cli: CommandLine, terms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pkcs12_file(tmp_path / "seal.p12", passphrase=b"secret", now=datetime.now(UTC))
    (tmp_path / "passphrase.txt").write_text("secret\n")
    left = examples()

    def run(begins: str, **replaced: str) -> None:
        [example] = [one for one in left if one.startswith(f"engagerr contract {begins}")][:1]
        left.remove(example)
        for before, after in replaced.items():
            assert before.replace("_", "-") in example
            example = example.replace(before.replace("_", "-"), after)
        cli(*shlex.split(example)[1:])

    def keep_terms(**changes: object) -> None:
        written = {**json.loads(cli("contract", "terms", DEAL).out), **changes}
        (tmp_path / "terms.json").write_text(json.dumps(written))

    cli("creator", "set-terms", "Jonna Brenner", "--commission", "0.15")
    cli("proposal", "add", DEAL, "Jonna Brenner", "youtube_integration", "--price", "3200")
    cli("proposal", "send", DEAL)
    cli("proposal", "accept", DEAL, "--theirs")
    for begins in ("list", "list", "example", "exclusivities", "check", "draft", "show", "terms", "annex", "clashes"):
        run(begins)
    keep_terms(governing_law="Austria")
    for begins in ("edit", "send", "recall", "withdraw", "draft", "send"):
        run(begins)
    run("decline", ABCD_EFGH_IJKL_MNOP=str(cli.json("contract", "send", DEAL)["code"]))
    run("draft")
    code = cli.json("contract", "send", DEAL, "--email", "mara@alpenpfad.example")["code"]
    cli("contract", "sign", DEAL, *MARA, "--code", code)
    for begins in ("sign", "pdf", "verify"):
        run(begins)
    keep_terms(governing_law="Switzerland")
    for begins in ("amend", "compare", "certificate", "end"):
        run(begins)
    assert left == []


def test_every_verb_is_there() -> None:
    assert {command.name for command in app.registered_commands} == {
        "annex", "list", "show", "example", "terms", "draft", "edit", "amend", "compare", "check", "clashes",
        "exclusivities", "send", "recall", "withdraw", "sign", "decline", "end", "pdf", "verify", "certificate",
    }  # fmt: skip


def test_a_signing_code_may_come_on_standard_input_where_nobody_else_reads_it(cli: CommandLine, terms: Path) -> None:
    drafted(cli, terms)
    code = cli.json("contract", "send", DEAL)["code"]
    typed = ["contract", "sign", DEAL, *MARA, "--code", "-"]
    answer = CliRunner().invoke(engagerr_app, typed, env={**cli.env, "COLUMNS": "120"}, input=f"{code}\n")
    assert answer.exit_code == 0, answer.output
    assert cli.json("contract", "show", DEAL)["open"]["signatures"][0]["side"] == "brand"
