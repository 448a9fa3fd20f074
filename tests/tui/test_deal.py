"""The page of a deal: its facts and tables, its verbs, its money, its contract."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.deals.contracting.signing import Signer
from engagerr.core.deals.offering.line_items import Wanted
from engagerr.core.deals.pipeline.deals import NewDeal
from engagerr.core.desk.deal import deal_view
from engagerr.core.desk.money_facts import hold_facts
from engagerr.core.errors import Broken, EngagerrError, Rejected, Unavailable
from engagerr.core.payments.provider.errors import OutcomeUnknown, ProviderBusy, ProviderUnreachable
from engagerr.core.payments.sandbox import KEY, Server
from engagerr.tui.app import Console
from engagerr.tui.money_dialogs import release_dialog
from engagerr.tui.money_endings import Asked, End, Ending, asked_of_hold, carried_out, new_key
from engagerr.tui.money_verbs import look_again
from engagerr.tui.page import Page
from engagerr.tui.rights import who_may
from engagerr.tui.screens.contract import ContractPage
from engagerr.tui.screens.contract_text import flags_of_clause
from engagerr.tui.screens.deal import DealPage
from engagerr.tui.screens.deal_drawing import piece_rows
from engagerr.tui.screens.offer_verbs import prices_said
from engagerr.tui.widgets.dialogs import Menu, MoneyDialog, Sheet
from engagerr.tui.widgets.grid import Grid
from engagerr.tui.writing import money_text
from syrupy.assertion import SnapshotAssertion
from tests.core.payments.conftest import Control, control, engagerr, gateway, sandbox, settings  # noqa: F401
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.lines import an_item, bring
from tests.tui.conftest import NARROW, WIDE, opened_console
from tests.tui.dealing import answer, body, choose, dialog, fill, menu, said, shown, sign, type_amount
from tests.tui.drawing import settled
from textual.widgets import Input

pytestmark = pytest.mark.anyio
KEYED = {"Authorization": f"Bearer {KEY}"}
TITLE, MAIL = "Trail shoes, spring", "mara@alpenpfad.example"


def still(text: str) -> str:
    """The screen without ids and hashes, which differ each time."""
    text = re.sub(r"\b[0-9a-f]{4}…[0-9a-f]{4}\b", "0000…0000", text)
    return re.sub(r"· [0-9a-f]{8}\b", "· 00000000", text)


async def open_deal(console: Console, pilot: Any, title: str = TITLE) -> DealPage:
    """The page of a deal of the list."""
    console.action_tab("deals")
    await settled(pilot)
    grid = console.screen.query_one("#deals", Grid)
    grid.go_to(next(line.id for line in grid.rows if line.deal.row.title == title))
    await pilot.press("enter")
    await settled(pilot)
    assert isinstance(console.screen, DealPage)
    return console.screen


def agreed(work: Workspace, price: str = "600.00", title: str = TITLE) -> None:
    """An offer that both sides want."""
    if not work.roster.list():
        work.roster.add("Jonna Brenner")
    work.deals.add(NewDeal(title, brand="Alpenpfad", brand_email=MAIL, creators=("Jonna Brenner",), currency="EUR"))
    line = Wanted("Jonna Brenner", "youtube_integration", price=Money.parse(price, "EUR"), due_on=date(2026, 12, 31))
    work.proposals.add_line(title, line)
    work.proposals.send(title)
    work.proposals.accept(title, theirs=True)


def signed(work: Workspace, price: str = "600.00", title: str = TITLE) -> None:
    """A contract that both have signed."""
    agreed(work, price, title)
    work.contracts.draft(title, commission_rate=Decimal("0.15"), law="Germany")
    sent = work.contracts.send(title)
    assert sent.code is not None
    work.contracts.sign(title, Signer("Ann Berg", "ann@northlight.example"))
    work.contracts.sign(title, Signer("Mara Pfad", MAIL), code=sent.code.code)


def funded(work: Workspace, control: Control, price: str = "600.00") -> Any:  # noqa: F811  the fixture is handed on
    """Money is held for a piece that the brand has approved, and its creator can be paid."""
    signed(work, price)
    work.payments.payees.add("Jonna Brenner", email="jonna@brenner.example", creator="Jonna Brenner")
    work.payments.payees.onboard("Jonna Brenner")
    control(f"onboarding/{work.payments.payees.show('Jonna Brenner').account}")
    work.payments.payees.refresh("Jonna Brenner")
    work.payments.holds.fund(TITLE, method="pm_card_visa")
    piece = work.deliverables.list(deal=TITLE)[0]
    work.deliverables.submit(piece.id, link="https://drive.example/cut-1")
    work.deliverables.approve(piece.id, by="Mara Pfad")
    return work.payments.holds.show(TITLE)


# ── A deal from its enquiry until it is paid ────────────────────────────────────────────────────────────────────────


async def test_a_deal_goes_from_its_enquiry_to_paid_in_the_console(
    workspace: Workspace, engagerr: Engagerr, control: Control, tmp_path: Path  # noqa: F811  fixtures
) -> None:  # fmt: skip
    workspace.roster.add("Jonna Brenner")
    workspace.payments.payees.add("Jonna Brenner", email="jonna@brenner.example", creator="Jonna Brenner")
    workspace.payments.payees.onboard("Jonna Brenner")
    control(f"onboarding/{workspace.payments.payees.show('Jonna Brenner').account}")
    workspace.payments.payees.refresh("Jonna Brenner")
    bring(workspace, tmp_path, an_item("youtube:video", creator=None, account="@ann", body="Werbung: shoes"))
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        console.action_tab("deals")
        await settled(pilot)
        assert "new deal" in shown(console)
        await pilot.press("plus")
        await fill(console, pilot, title=TITLE, brand="Alpenpfad", mail=MAIL, creators="Jonna Brenner", currency="EUR",
                   expected="700")  # fmt: skip
        page = console.screen
        assert isinstance(page, DealPage)
        await choose(console, pilot, "line by line")
        await fill(console, pilot, creator="Jonna Brenner", what="youtube integration", price="600", due="2026-12-31")
        assert "a draft of €600.00" in shown(console)
        await choose(console, pilot, "send the offer of €600.00")
        await fill(console, pilot, message="As we spoke.")
        assert workspace.deals.show(TITLE).row.stage == "proposed"
        await choose(console, pilot, "Alpenpfad said yes")
        await pilot.press("a")
        await settled(pilot)
        await choose(console, pilot, "draft the contract")
        await fill(console, pilot, rate="15", law="Germany")
        await choose(console, pilot, "send contract 1 for signature")
        await fill(console, pilot, mail=MAIL)
        assert isinstance(console.screen, Sheet)
        code = console.screen.lines[0].text
        await pilot.press("escape")
        await choose(console, pilot, "sign contract 1")
        await sign(console, pilot, name="Ann Berg", title="Managing Director", mail="ann@northlight.example")
        await choose(console, pilot, "put down the signature of Alpenpfad")
        await sign(console, pilot, name="Mara Pfad", title="Head", mail=MAIL, code=code)
        assert workspace.deals.show(TITLE).row.stage == "contracted"
        assert "signed by both" in shown(console)

        page.show_table("pieces")
        await choose(console, pilot, "have €600.00 paid")
        await pilot.press("c")
        await pilot.pause()
        await type_amount(console, pilot, "600")
        assert any("Held €600.00" in words and "Reference" in words for words in said(console)), said(console)
        assert "€600.00 held" in shown(console)

        await choose(console, pilot, "hand in youtube integration")
        await fill(console, pilot, link="https://drive.example/cut-1")
        await choose(console, pilot, "approve youtube integration")
        await fill(console, pilot, by="Mara Pfad")
        await choose(console, pilot, "link what youtube integration")
        await fill(console, pilot, item="youtube:video")
        assert workspace.deals.show(TITLE).row.stage == "live"
        assert "✓ live" in shown(console)
        assert "✓ found" in shown(console)

        await choose(console, pilot, "release €600.00")
        assert "Release €510.00 to Jonna Brenner" in shown(console)
        assert "Our commission, 15 %" in shown(console)
        await type_amount(console, pilot, "510")
        assert any("Released €510.00 to Jonna Brenner. Reference" in words for words in said(console)), said(console)
        assert workspace.deals.show(TITLE).row.stage == "paid"
        assert "✓ paid" in shown(console)
        assert page.view.history[-1].words == "opened as enquiry"


# ── Money ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_money_moves_only_once_its_whole_amount_is_typed(
    workspace: Workspace, engagerr: Engagerr, control: Control, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    await asyncio.to_thread(funded, workspace, control)
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        await open_deal(console, pilot)
        await choose(console, pilot, "release €600.00")
        dialog = console.screen
        assert isinstance(dialog, MoneyDialog)
        for typed in ("", "51", "5100", "yes", "600"):
            dialog.query_one(Input).value = typed
            await pilot.press("enter")
            await pilot.pause()
            assert console.screen is dialog
        await pilot.press("escape")
        await settled(pilot)
        page = workspace.payments.holds.show(TITLE)
        assert page.hold.held == Money.parse("600.00", "EUR")
        assert page.movements == ()
        # What was typed for one dialog does not answer the next.
        await choose(console, pilot, "refund €600.00")
        await answer(console, pilot, "they changed their mind")
        assert "Back to Alpenpfad" in shown(console)
        await type_amount(console, pilot, "600")
        assert any("€600.00" in words and "Reference" in words for words in said(console)), said(console)
        assert workspace.payments.holds.show(TITLE).available == Money(0, "EUR")


async def test_a_large_release_waits_for_a_second_person_and_moves_when_they_approve(
    workspace: Workspace, engagerr: Engagerr, control: Control, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    await asyncio.to_thread(funded, workspace, control, "3000.00")
    other = colleague(workspace, engagerr, "finance")
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        await open_deal(console, pilot)
        await choose(console, pilot, "release €3,000.00")
        assert "Ask to release €2,550.00" in shown(console)
        await type_amount(console, pilot, "2550")
        assert any("Nothing has moved" in words for words in said(console)), said(console)
        [own] = [one for one in await menu(console, pilot) if one.words.startswith("approve the release")]
        assert own.refused == "You asked for it yourself; somebody else approves it."
    assert workspace.payments.holds.show(TITLE).hold.released == Money(0, "EUR")
    theirs = opened_console(engagerr, tmp_path, other)
    async with theirs.run_test(size=NARROW) as pilot:
        await open_deal(theirs, pilot)
        assert "waits for a second person" in shown(theirs)
        await choose(theirs, pilot, "approve the release of €3,000.00")
        await type_amount(theirs, pilot, "3000")
        assert any("Released €2,550.00 to Jonna Brenner. Reference" in words for words in said(theirs)), said(theirs)
    assert workspace.payments.holds.show(TITLE).hold.released == Money.parse("3000.00", "EUR")


async def test_what_changed_since_the_dialog_opened_is_not_released(
    workspace: Workspace, engagerr: Engagerr, control: Control, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    page = await asyncio.to_thread(funded, workspace, control)
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        await open_deal(console, pilot)
        await choose(console, pilot, "release €600.00")
        workspace.payments.holds.block(page.hold.id, reason="the brand asked to wait")
        await type_amount(console, pilot, "510")
        assert said(console)[-1] == "Not released. It has changed since you read it. Nothing moved. Look at it again."
        assert workspace.payments.holds.show(TITLE).hold.held == Money.parse("600.00", "EUR")


async def test_a_part_is_released_after_its_amount_and_never_more_than_there_is(
    workspace: Workspace, engagerr: Engagerr, control: Control, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    await asyncio.to_thread(funded, workspace, control)
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        await open_deal(console, pilot)
        await choose(console, pilot, "release a part")
        await answer(console, pilot, "600.01")
        assert "Between €0.01 and €600.00" in shown(console)
        await answer(console, pilot, "200")
        await type_amount(console, pilot, "170")
        assert any("Released €170.00" in words for words in said(console)), said(console)
        assert "€400.00 held" in shown(console)


@pytest.mark.parametrize(
    ("raised", "end"),
    [
        (Rejected("The bank refused: account closed."), End.NOT_DONE),
        (ProviderBusy("The provider is busy."), End.NOT_DONE),
        (ProviderUnreachable("It cannot be reached."), End.NOT_DONE),
        (OutcomeUnknown("No answer came."), End.UNKNOWN),
        (Unavailable("The database does not answer."), End.UNKNOWN),
        (Broken("The books do not add up."), End.UNKNOWN),
        (RuntimeError("a bug"), End.UNKNOWN),
    ],
)
def test_a_verb_of_money_has_one_of_three_endings(workspace: Workspace, raised: Exception, end: End) -> None:
    def call(work: Workspace) -> Ending:
        raise raised

    asked = Asked("hold:1", "release", "Released", new_key(), workspace.access.clock.now(), lambda _work: None)
    ending = carried_out(workspace, asked, call, None)
    assert ending.end is end
    if end is End.UNKNOWN:
        assert ending.words == "? Unknown whether it was released. Do not repeat. Checking every 30 s."
    else:
        assert isinstance(raised, EngagerrError)
        assert ending.words.startswith(f"Not released. {raised.message} Nothing moved.")


def test_a_release_asked_for_twice_under_the_key_of_one_dialog_pays_once(
    workspace: Workspace, control: Control  # noqa: F811
) -> None:  # fmt: skip
    page = funded(workspace, control)
    facts = hold_facts(workspace, page.hold.id, amount=Money.parse("200.00", "EUR"))
    asked = asked_of_hold(facts, "release", "Released")
    first = workspace.payments.holds.release(page.hold.id, amount=facts.amount, key=asked.key)
    second = workspace.payments.holds.release(page.hold.id, amount=facts.amount, key=asked.key)
    assert second.already
    assert second.movement.id == first.movement.id
    # Looked up later, it is found in the books and not asked for again.
    found = asked.check(workspace)
    assert found is not None
    assert found.end is End.DONE
    assert workspace.payments.holds.show(page.hold.id).hold.released == Money.parse("200.00", "EUR")


def test_the_dialog_of_a_release_says_who_gets_what_and_what_is_not_in_order(
    workspace: Workspace, control: Control  # noqa: F811
) -> None:  # fmt: skip
    page = funded(workspace, control)
    facts = hold_facts(workspace, page.hold.id)
    assert sum(part.amount.minor for part in facts.parts) == facts.amount.minor == page.available.minor
    dialog = release_dialog(facts)
    said_facts = {fact.label: fact.value for fact in dialog.facts}
    assert said_facts["From the hold"] == money_text(page.available)
    assert said_facts["Our commission, 15 %"] == money_text(facts.ours)
    assert dialog.typed == "510"
    assert any("1 of 1 pieces is not up" in words for words in dialog.warnings)
    assert any("cannot be undone" in words for words in dialog.warnings)
    nobody = replace(facts, parts=tuple(replace(part, waits="nobody is set up to be paid") for part in facts.parts))
    assert any("Nobody is set up" in words for words in release_dialog(nobody).warnings)


# ── What may be seen and done by whom ───────────────────────────────────────────────────────────────────────────────


async def test_whoever_may_not_read_the_books_sees_hidden_and_cannot_release(
    workspace: Workspace, engagerr: Engagerr, control: Control, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    await asyncio.to_thread(funded, workspace, control)
    analyst = colleague(workspace, engagerr, "analyst")
    console = opened_console(engagerr, tmp_path, analyst)
    async with console.run_test(size=WIDE) as pilot:
        await open_deal(console, pilot)
        text = shown(console)
        assert "Hold      hidden" in text
        assert "held since" not in text
        assert "Split of" not in text
        offered = await menu(console, pilot)
        assert offered
        assert all(choice.refused for choice in offered)
        assert {choice.refused for choice in offered if "release" in choice.words} == {"Owner, manager or finance may."}


def test_who_may_names_the_roles_of_the_core() -> None:
    from engagerr.core.tenancy.permissions import Permission

    assert who_may(Permission.RELEASE) == "Owner, manager or finance may."
    assert who_may(Permission.MANAGE_MEMBERS) == "Owner may."


# ── Contracts ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_contract_is_searched_explained_compared_and_written_as_pdf(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    import json

    from engagerr.core.deals.contracting.clauses import whole

    await asyncio.to_thread(signed, workspace)
    terms: Any = whole(workspace.contracts.show(TITLE).version.terms)
    terms["milestones"][0]["amount_minor"] = 70_000
    file = tmp_path / "terms.json"
    file.write_text(json.dumps(terms), encoding="utf-8")
    await asyncio.to_thread(workspace.contracts.amend, TITLE, file=file, reason="a longer video")
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        page = await open_deal(console, pilot)
        page.show_table("papers")
        await settled(pilot)
        papers = page.query_one("#papers", Grid)
        assert [row.key.partition(":")[0] for row in papers.rows] == ["contract", "contract", "offer"]
        await pilot.press("enter")
        await settled(pilot)
        contract = console.screen
        assert isinstance(contract, ContractPage)
        assert contract.paper.version.version == 2
        await pilot.press("f", *"germany")
        await settled(pilot)
        text = contract.query_one("#text", Grid)
        assert {line.clause for line in text.rows} == {
            line.clause for line in contract.answer.text if "germany" in line.words.casefold()
        }
        await pilot.press("escape")
        await settled(pilot)
        assert len(text.rows) == len(contract.answer.text)
        await pilot.press("v")
        await settled(pilot)
        compared = workspace.contracts.compare(TITLE, before=1, after=2).changes
        changes = contract.query_one("#changes", Grid)
        assert len(changes.rows) == len(compared)
        [amount] = [row for row in changes.rows if "amount" in row.where]
        assert (amount.before, amount.after) == ("€600.00", "€700.00")
        target = tmp_path / "paper.pdf"
        await pilot.press("e")
        await answer(console, pilot, str(target))
        assert target.read_bytes() == workspace.contracts.paper(TITLE, version=2).content
        await pilot.press("e")
        await answer(console, pilot, str(target))
        assert "is there already" in said(console)[-1]
        await pilot.press("w")
        await settled(pilot)
        assert all(flag.clause in shown(console) for flag in contract.paper.flags[:1])


def test_a_flag_is_found_at_the_clause_that_it_is_about(workspace: Workspace) -> None:
    signed(workspace)
    flags = workspace.contracts.show(TITLE).flags
    found = {flag.clause: flags_of_clause([flag], "1. Subject") for flag in flags}
    assert found["term"]
    assert found["categories"]
    assert not flags_of_clause(flags, "4. Payment")


async def test_only_the_own_name_signs(workspace: Workspace, engagerr: Engagerr, tmp_path: Path) -> None:  # noqa: F811
    await asyncio.to_thread(agreed, workspace)
    workspace.contracts.draft(TITLE, commission_rate=Decimal("0.15"), law="Germany")
    workspace.contracts.send(TITLE)
    workspace.members.add("berg@northlight.example", role="manager", name="Ann Berg")
    token = workspace.members.issue_token(name="hers", member="berg@northlight.example").token
    console = opened_console(engagerr, tmp_path, engagerr.workspace(token))
    async with console.run_test(size=NARROW) as pilot:
        await open_deal(console, pilot)
        await choose(console, pilot, "sign contract 1")
        await sign(console, pilot, name="Somebody Else")
        assert "You are Ann Berg here" in shown(console)
        assert workspace.contracts.show(TITLE).version.signatures == ()
        await sign(console, pilot, name="Ann Berg")
        [signature] = workspace.contracts.show(TITLE).version.signatures
        assert (signature.name, signature.side) == ("Ann Berg", "agency")


def test_prices_of_an_answer_are_read_line_by_line() -> None:
    assert prices_said("1=2800, 2=300.50", "EUR") == {"1": Money(280_000, "EUR"), "2": Money(30_050, "EUR")}
    for wrong in ("1", "=5", "1=", "1=much"):
        with pytest.raises(EngagerrError):
            prices_said(wrong, "EUR") or pytest.fail(wrong)


# ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_page_shows_what_the_core_says(console: Console, sample_work: Workspace) -> None:
    view = deal_view(sample_work, TITLE)
    async with console.run_test(size=WIDE) as pilot:
        page = await open_deal(console, pilot)
        text = shown(console)
        [held] = view.holds.value or ()
        assert f"{money_text(held.hold.held)} held" in text
        assert [row.key for row in page.query_one("#pieces", Grid).rows] == [row.key for row in piece_rows(view)]
        assert all(check.sentence.split(":")[0][:30] in text for check in view.page.checks)
        assert "If nobody acts" in text
        assert "silence releases €600.00" in text


async def test_the_only_piece_can_be_approved_from_every_table(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await open_deal(console, pilot)
        offered = {}
        for _ in range(4):
            offered[page.shown] = {choice.words for choice in page.verbs() if "approve" in choice.words.lower()}
            await pilot.press("v")
            await settled(pilot)
        assert offered["pieces"]
        assert all(words == offered["pieces"] for words in offered.values())


async def test_the_four_tables_are_walked_with_v_and_opened(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await open_deal(console, pilot)
        for name in ("papers", "history", "needs", "pieces"):
            await pilot.press("v")
            await settled(pilot)
            assert page.shown == name
            assert page.query_one(f"#{name}", Grid).has_focus
        await pilot.press("down", "enter")
        await settled(pilot)
        assert isinstance(console.screen, Sheet)
        assert "https://drive.example/trail-shoes-cut-1" in shown(console)
        await pilot.press("escape", "o")
        await settled(pilot)
        assert said(console)[-1] == "Copied: https://drive.example/trail-shoes-cut-1"


async def test_every_verb_of_the_menu_is_a_command_with_its_key(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await open_deal(console, pilot)
        choices = page.verbs()
        assert len({choice.key for choice in choices}) == len(choices)
        assert not {"j", "k", "x"} & {choice.key for choice in choices}
        commands = page.commands()
        for choice in choices:
            assert any(command.key == f"x {choice.key}" for command in commands)


async def test_a_failed_reading_leaves_what_is_shown_and_moves_no_money(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await open_deal(console, pilot)
        page.post_message(Page.Failed("page", Unavailable("The database does not answer.")))
        await pilot.pause()
        assert "! The database does not answer." in shown(console)
        assert "€600.00 held" in shown(console)
        offered = await menu(console, pilot)
        [release] = [choice for choice in offered if choice.words.startswith("release €600")]
        await pilot.press(release.key)
        await pilot.pause()
        assert isinstance(console.screen, DealPage)
        assert "money is not moved from here now" in said(console)[-1]


@pytest.mark.parametrize(("size", "name"), [(NARROW, "narrow"), (WIDE, "wide")])
async def test_snapshot_deal(console: Console, size: tuple[int, int], name: str, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=size) as pilot:
        await open_deal(console, pilot)
        assert still(body(console)) == screen


@pytest.mark.parametrize(("size", "name"), [(NARROW, "narrow"), (WIDE, "wide")])
async def test_snapshot_contract(console: Console, size: tuple[int, int], name: str, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=size) as pilot:
        page = await open_deal(console, pilot)
        assert page.view.paper is not None
        page.open_contract(page.view.paper.contract.id)
        await settled(pilot)
        assert still(body(console)) == screen


async def test_snapshot_of_the_menu_of_an_early_deal(console: Console, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await open_deal(console, pilot, "Winter gloves")
        await pilot.press("x")
        await settled(pilot)
        assert isinstance(console.screen, Menu)
        assert dialog(console) == screen


async def test_snapshot_of_a_money_dialog(console: Console, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await open_deal(console, pilot)
        await choose(console, pilot, "release €600.00")
        await answer(console, pilot, "the video is up")
        assert isinstance(console.screen, MoneyDialog)
        assert dialog(console) == screen


async def test_what_nobody_knows_is_not_repeated_and_is_looked_up_later(
    workspace: Workspace, engagerr: Engagerr, control: Control, sandbox: Server, tmp_path: Path,  # noqa: F811
) -> None:  # fmt: skip
    await asyncio.to_thread(funded, workspace, control)
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        page = await open_deal(console, pilot)
        lost = {"kind": "drop_after", "path": "/v1/transfers", "method": "POST", "times": 20}
        httpx.post(f"{sandbox.url}/_sandbox/faults", data=lost, headers=KEYED).raise_for_status()
        await choose(console, pilot, "release a part")
        await answer(console, pilot, "200")
        await type_amount(console, pilot, "170")
        assert said(console)[-1] == "? Unknown whether it was released. Do not repeat. Checking every 30 s."
        assert console.notices[-1].words == said(console)[-1]
        await choose(console, pilot, "release a part")
        assert console.screen is page
        assert said(console)[-1].startswith("Unknown how the last one ended.")
        await asyncio.to_thread(_heard, workspace, sandbox.url)
        look_again(page, f"hold:{page.view.holds.value[0].hold.id}" if page.view.holds.value else "")
        await settled(pilot)
        assert any(words.startswith("Released €200.00. Reference") for words in said(console)), said(console)
        await choose(console, pilot, "release a part")
        assert console.screen is not page
    assert workspace.payments.holds.show(TITLE).hold.released == Money.parse("200.00", "EUR")


def _heard(work: Workspace, url: str) -> None:
    """The provider answers again, and what was open is looked up."""
    httpx.delete(f"{url}/_sandbox/faults", headers=KEYED)
    clock = work.access.clock
    assert isinstance(clock, SteeredClock)
    clock.advance(hours=2)
    work.payments.rounds.run()


async def test_a_page_for_the_payer_is_shown_and_copied(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    await asyncio.to_thread(signed, workspace)
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        await open_deal(console, pilot)
        await choose(console, pilot, "have €600.00 paid")
        await pilot.press("l")
        await pilot.pause()
        await type_amount(console, pilot, "600")
        assert isinstance(console.screen, Sheet)
        [payment] = workspace.payments.holds.show(TITLE).payments
        assert payment.url is not None
        assert any(payment.url == line.text for line in console.screen.lines)
        assert console.clipboard == payment.url
