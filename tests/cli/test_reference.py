"""Every command has help and examples, the examples work, and the reference says all of it."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from engagerr.cli.main import NOUNS
from engagerr.cli.reference import Command, cli_reference_markdown, commands
from tests.cli.conftest import SAMPLE, CommandLine, with_sample_data
from tests.fakes.cluster import Cluster

GROUPS = Path(__file__).parents[1] / "data" / "groups.jsonl"
ALL = [command for _, _, found in commands() for command in found]
# They start and stop the embedded server of a home, which this test does not have.
_NEED_AN_EMBEDDED_SERVER = {
    "engagerr db start",
    "engagerr db stop",
    "engagerr db upgrade",
    "engagerr db check-migrations",
}
# It runs until it is ended.
_NEVER_ENDS = {"engagerr job start", "engagerr console"}
# They speak to a platform: test_platform.py tries their examples on a fake one.
_NEED_A_PLATFORM = {"engagerr platform connect", "engagerr platform disconnect"}
# They write to somebody else's workspace: test_market.py tries their examples between two.
_NEED_ANOTHER_WORKSPACE = {
    f"engagerr market {verb}" for verb in ("apply", "invite", "accept", "decline", "withdraw", "block", "unblock")
}

# Each step of a partnership needs the ones before it: their examples are tried where they have their place, in
# test_deal.py, test_proposal.py, test_contract.py, test_deliverable.py, test_payee.py, test_payment_*.py,
# test_subscription.py, test_invoice.py and test_tax.py.
_NEED_THEIR_PLACE = {
    "deal", "proposal", "contract", "deliverable", "payment", "payee", "subscription", "invoice", "tax",
}  # fmt: skip


# Where the examples of each part of `engagerr payment` are tried.
_PARTS_OF_PAYMENT = {"books", "money", "moves", "provider", "reconciling", "sandbox"}


def test_every_part_of_payment_has_a_test_that_tries_its_examples() -> None:
    from engagerr.cli.payment.noun import app

    modules = {str(command.callback.__module__).rpartition(".")[2] for command in app.registered_commands}
    assert modules == _PARTS_OF_PAYMENT


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.path)
def test_every_command_has_help_and_an_example_of_itself(command: Command) -> None:
    assert len(command.help) > 10
    assert command.help.endswith(".")
    assert command.examples
    assert all(example.startswith(f"{command.path}") for example in command.examples)
    for name, text in command.arguments + command.options:
        assert text, (command.path, name)


def test_every_command_shows_its_examples_in_its_help(sample: CommandLine) -> None:
    for command in ALL:
        out = sample(*command.path.split()[1:], "--help").out
        assert all(example in out for example in command.examples), command.path
        assert "--output" in out


def test_the_nouns_and_their_lines_of_help_are_one_list(sample: CommandLine) -> None:
    listed = {name: line for name, line, _ in commands()}
    assert listed == {name: line for name, (_, line) in NOUNS.items()}
    help_of_all = " ".join(sample("--help").out.split())
    assert all(line in help_of_all for line in listed.values())


def test_the_promised_commands_are_there() -> None:
    promised = """
        init whoami health settings console
        desk:today,find
        creator:add,list,show,edit,add-account,set-terms,end-terms,set-rate account:list
        import:file,map,remove-format,formats,history,quarantine
        platform:list,show,connect,connections,disconnect,rotate-keys
        sync:run,retry,status,history,replay job:list,run,set,start event:list,subscribers,deliver,replay
        content:list,suggest,edges,confirm,reject,undo,link,unlink,move,split,merge,decisions,tree,families
        content:picture,export,review,eval
        metric:show,report,definitions,explain,performance,rollup export:jsonl
        member:list,add,set-role,remove token:list,add,remove
        insight:engagement,formulas,benchmark,growth,best,forecast,audience,overlap,reach,value,clips,formats
        term:add,list,show,remove campaign:add,list,show,link,unlink report:creator,campaign,roster,family
        schedule:add,list,run,history,remove
        brief:example,draft,add,edit,list,show,close,open
        match:find,explain,compare,lookalike,pitch,shortlist,package,weights,set-weights,reset-weights,fit,backtest
        shortlist:create,fill,add,list,show,note,decide,remove
        search:creators,filters,save,list,run,remove,check
        availability:add,list,remove exclusivity:add,list,remove
        listing:preview,publish,withdraw,list,show
        market:publish,unpublish,listings,listing,briefs,brief,fitting,apply,invite,inbox,outbox,accept,decline
        market:withdraw,block,unblock,blocks
        deal:add,list,show,edit,move,cancel,decline,reopen,trail,stuck,ageing,pipeline,share,unshare,join
        proposal:draft,add,set,package,remove,terms,limits,show,list,send,decline,counter,compare,accept
        proposal:withdraw,discard
        contract:list,show,example,terms,draft,edit,amend,compare,check,clashes,exclusivities,send,recall
        contract:withdraw,sign,decline,end,pdf,verify,certificate,annex
        deliverable:list,deadlines,show,submit,request-changes,grant,approve,live,check,override,rights
        payment:ledger,accounts,balance,verify,holds,show,movements,receipts,receipt,disputes,payouts
        payment:deadlines,limits,set-limit,remove-limit,fund,release,refund,recall,write-off,approve,reject
        payment:withdraw,cover,block,unblock,quotes,quote,convert,run,poll,janitor,events,replay,operations
        payment:webhook,reconcile,reconciliations,differences,adopt,dismiss,parties,statement,sandbox
        payee:add,list,show,onboard,refresh,confirm
        subscription:plans,add-plan,price,edit-plan,archive-plan,start,list,show,change,card,pause,resume
        subscription:cancel,refund,refresh,entitlements,verify
        invoice:issuer,party,parties,draft,self-bill,commission,list,show,finalise,pdf,xml,sent,paid,credit
        invoice:void,remove,verify
        tax:ask,receive,list,show,revoke,us,dac7
        ai:models,run,runs,eval,usage,policy,set-policy,remove-policy
        db:start,stop,status,upgrade,verify-audit,check-migrations,partitions,retire,restore
    """
    expected = set()
    for word in promised.split():
        noun, _, verbs = word.partition(":")
        expected |= {f"engagerr {noun} {verb}".strip() for verb in verbs.split(",")}
    assert {command.path for command in ALL} == expected


def test_the_examples_work_one_after_the_other(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster.clone() as clone:
        cli = with_sample_data(CommandLine(tmp_path / "home", clone))
        place = tmp_path / "downloads"
        place.mkdir()
        monkeypatch.chdir(place)
        for path in ("hinako/2026-07-31/Table data.csv", "despensa/tiktok/Content.csv", "despensa/tiktok/Overview.csv"):
            # Not the very file that was imported for somebody else.
            shutil.copy(SAMPLE / path, place)
        shutil.copy(GROUPS, place)
        (place / "spring.toml").write_text(cli("brief", "example").out, encoding="utf-8")
        table = place / "Table data.csv"
        table.write_bytes(table.read_bytes() + b"\n")
        for command in ALL:
            if command.path in _NEED_AN_EMBEDDED_SERVER | _NEED_A_PLATFORM | _NEED_ANOTHER_WORKSPACE | _NEVER_ENDS:
                continue
            if command.path.split()[1] in _NEED_THEIR_PLACE:
                continue
            for example in command.examples:
                line = with_real_ids(example.partition(" | ")[0], cli)
                answer = cli(*shlex.split(line)[1:], code=None)
                assert answer.code == 0, (example, answer)
                assert answer.out


def with_real_ids(example: str, cli: CommandLine) -> str:
    """Ids are made anew in every home: those in an example stand for any that are there."""
    waiting = iter(cli.json("content", "edges", "--state", "suggested"))
    if example == "engagerr content undo 3fa2c1d09b7e":
        waiting = iter([cli.json("content", "decisions")[-1]["edge"]])
    for noun in ("term", "availability", "exclusivity"):
        if example.startswith(f"engagerr {noun} remove "):
            return re.sub(r"\b[0-9a-f]{12}\b", cli.json(noun, "list")[0]["id"].replace("-", "")[-12:], example)
    tokens = iter(cli.json("sync", "history") if example.startswith("engagerr sync ") else cli.json("token", "list"))
    example = re.sub(r"\b[0-9a-f]{12}\b", lambda _: next(waiting)["id"].replace("-", "")[-12:], example)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda _: next(tokens)["id"], example)


def test_the_reference_names_every_command_option_and_example() -> None:
    page = cli_reference_markdown()
    for command in ALL:
        assert f"$ {command.usage}" in page
        assert all(f"$ {example}" in page for example in command.examples)
        assert all(name.replace("|", "\\|") in page for name, _ in command.arguments + command.options)
    assert page.count("\n# ") == 0
    assert page.startswith("# ")
