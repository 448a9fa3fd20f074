"""One key, one idea: every key has a name, says what it does, and does the same wherever it acts."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import engagerr.tui.screens
import engagerr.tui.widgets
import pytest
from engagerr.tui.app import SCREENS, Console
from engagerr.tui.page import Page
from engagerr.tui.screens.keys import KeysScreen
from engagerr.tui.widgets.dialogs import Dialog
from tests.tui.conftest import NARROW
from tests.tui.drawing import settled
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import ModalScreen

# The idea of each key, and by which words its verbs are called. A verb is the last part of a binding's id.
IDEAS = {
    "enter": {"open", "keep"},
    "i": {"import", "insights"},
    "w": {"why", "read"},  # of a brief: what was understood from its words
    "x": {"decide"},
    "y": {"yes", "accept", "take", "keep"},
    "n": {"no", "reject", "decline", "put_away", "without"},
    "m": {"move", "stage", "quantity"},
    "a": {"assign"},
    "z": {"later"},
    "space": {"mark"},
    "asterisk": {"mark_all", "strong"},
    "f": {"filter", "wish"},
    "s": {"sort", "quantity"},
    "g": {"group", "view", "brief"},
    "t": {"time"},
    "v": {"view", "sets"},
    "V": {"view_before"},
    "c": {"compare", "copy"},
    "e": {"export", "edit"},
    "plus": {"new", "add", "split", "report"},
    "o": {"address", "source", "open_source"},
    "r": {"refresh"},
    "u": {"undo"},
    "p": {"side"},
    "escape": {"back", "close", "leave"},
    "j": {"down"}, "k": {"up"}, "h": {"left", "previous", "close"}, "l": {"right", "next", "open"},
    "down": {"down"}, "up": {"up"}, "left": {"left", "previous", "close"}, "right": {"right", "next", "open"},
    "pagedown": {"page_down"}, "pageup": {"page_up"}, "home": {"first"}, "end": {"last"},
    "tab": {"other"},
    "slash": {"search"}, "comma": {"settings"}, "question_mark": {"keys"}, "full_stop": {"notices"},
    "ctrl+q": {"quit"},
}  # fmt: skip
# Multiplexers, terminals and Textual's own fields need these.
TAKEN = re.compile(r"ctrl\+[absjmih]$|ctrl\+left_square_bracket|ctrl\+enter|shift\+enter|alt\+|f\d+$")


def classes() -> Iterator[type[DOMNode]]:
    """Everything of ours that has keys."""
    for package in (engagerr.tui.screens, engagerr.tui.widgets):
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    waiting: list[type[Any]] = [DOMNode]
    seen: set[type[Any]] = set()
    while waiting:
        for found in waiting.pop().__subclasses__():
            if found not in seen:
                seen.add(found)
                waiting.append(found)
                if found.__module__.startswith("engagerr.tui") and "BINDINGS" in found.__dict__:
                    yield found


def bindings(of: type[DOMNode]) -> Iterator[Binding]:
    """Its own, each key by itself."""
    yield from Binding.make_bindings(of.__dict__["BINDINGS"])


ALL = sorted(classes(), key=lambda found: f"{found.__module__}.{found.__name__}")
# The keys of a dialog stand in the dialog itself; those of screens and lists are in the list of `?`.
LISTED = [found for found in ALL if not issubclass(found, (Dialog, ModalScreen))]


@pytest.mark.parametrize("found", ALL, ids=lambda found: found.__name__)
def test_every_key_says_what_it_does(found: type[DOMNode]) -> None:
    assert [binding.key for binding in bindings(found) if not binding.description] == []


@pytest.mark.parametrize("found", LISTED, ids=lambda found: found.__name__)
def test_every_key_can_be_changed_by_its_name(found: type[DOMNode]) -> None:
    assert [binding.key for binding in bindings(found) if not binding.id] == []


@pytest.mark.parametrize("found", LISTED, ids=lambda found: found.__name__)
def test_a_key_has_one_idea(found: type[DOMNode]) -> None:
    strange = [
        (binding.key, binding.id)
        for binding in bindings(found)
        if binding.id and not binding.key.isdigit()
        and binding.id.rpartition(".")[2] not in IDEAS.get(binding.key, set())
    ]  # fmt: skip
    assert strange == []


def test_a_name_is_of_one_key() -> None:
    """Else changing the key of a name would change two that are nothing to each other."""
    keys: defaultdict[str, set[str]] = defaultdict(set)
    for found in LISTED:
        of_name: defaultdict[str, set[str]] = defaultdict(set)
        for binding in bindings(found):
            of_name[binding.id or ""].add(binding.key)
        for name, own in of_name.items():
            keys[name].add(" ".join(sorted(own)))
    allowed = {"page.view": {"g v", "v"}}
    assert {name: own for name, own in keys.items() if len(own) > 1 and own != allowed.get(name)} == {}


@pytest.mark.parametrize("found", ALL, ids=lambda found: found.__name__)
def test_no_key_is_one_that_terminals_keep_for_themselves(found: type[DOMNode]) -> None:
    assert [binding.key for binding in bindings(found) if TAKEN.search(binding.key)] == []


@pytest.mark.anyio
async def test_the_list_of_keys_has_all_of_them(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        missing = {}
        for name in SCREENS:
            console.action_tab(name)
            await settled(pilot)
            page = console.screen
            assert isinstance(page, Page)
            kinds = [kind for kind in type(page).__mro__ if issubclass(kind, Page) and "BINDINGS" in kind.__dict__]
            wanted = {binding.id for kind in kinds for binding in bindings(kind)}
            wanted |= {binding.id for binding in bindings(Console)}
            gone = {
                entry.binding.id for entry in page.active_bindings.values() if not entry.enabled
            }  # not for this member, or nothing to do it with
            listed = {line[2] for line in KeysScreen(page).lines}
            if wanted - gone - listed:
                missing[name] = sorted(str(one) for one in wanted - gone - listed)
        assert missing == {}
