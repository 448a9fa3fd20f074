"""The ground that every fake stands on, which third parties have too; and finding all fakes."""

from __future__ import annotations

from collections.abc import Iterator

from engagerr.core.integrations.contract import NEWEST, FakePlatform, Published, json_response

__all__ = ["NEWEST", "FakePlatform", "Published", "all_fakes", "json_response"]


def all_fakes() -> Iterator[type[FakePlatform]]:
    """Every fake, for the tests that run over all connectors."""
    import importlib
    import pkgutil

    import tests.fakes.platforms as package

    for module in sorted(found.name for found in pkgutil.iter_modules(package.__path__)):
        for thing in vars(importlib.import_module(f"tests.fakes.platforms.{module}")).values():
            if isinstance(thing, type) and issubclass(thing, FakePlatform) and thing.connector:
                yield thing
