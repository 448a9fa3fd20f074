"""Every connector with the fake of its platform: what the contract is checked with."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import engagerr.core.integrations.platforms as package
from engagerr.core.integrations.connector import Connector
from engagerr.core.integrations.contract import Pass, Rehearsal
from engagerr.core.integrations.registry import installed_connectors
from tests.fakes.platforms.fake_platform import all_fakes


def _connectors() -> dict[str, Connector]:
    ours = {}
    for module in pkgutil.iter_modules(package.__path__):
        connector = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "CONNECTOR", None)
        if isinstance(connector, Connector):
            ours[connector.name] = connector
    return installed_connectors() | ours


FAKES = list(dict.fromkeys(all_fakes()))
FAKE_OF = {fake.connector: fake for fake in FAKES}
CONNECTORS = _connectors()
NAMES = sorted(CONNECTORS.keys() & FAKE_OF.keys())


def rehearsal(name: str) -> Rehearsal:
    """The connector and its fake."""
    return Rehearsal(CONNECTORS[name], FAKE_OF[name])


def start(name: str, **platform: Any) -> Pass:
    """A pass over a fresh platform."""
    return rehearsal(name).start(**platform)
