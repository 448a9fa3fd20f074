"""What `from engagerr import …` gives, and what importing it costs."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import engagerr
import pytest

REPOSITORY = Path(__file__).parents[1]
HEAVY = (
    "pandas", "numpy", "transformers", "torch", "stripe", "textual", "sqlalchemy", "psycopg", "pydantic", "alembic",
    "feedparser", "typer", "rich", "structlog", "zstandard",
)  # fmt: skip


def modules_after(code: str, *, home: Path | None = None) -> set[str]:
    """The top-level packages that are loaded once the code has run in a fresh process."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)}
    if home is not None:
        environment["ENGAGERR_HOME"] = str(home)
    finished = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint('\\n' + json.dumps(sorted(sys.modules)))"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return set(json.loads(finished.stdout.splitlines()[-1]))


def test_all_is_what_resolves() -> None:
    for name in engagerr.__all__:
        value = getattr(engagerr, name)
        assert value.__name__ == name
        assert value.__module__.startswith("engagerr.core.")
    assert sorted(engagerr.__all__) == list(engagerr.__all__)
    assert len(set(engagerr.__all__)) == len(engagerr.__all__)


def test_all_and_what_can_be_looked_up_are_the_same() -> None:
    assert set(engagerr._HOMES) == set(engagerr.__all__)
    assert set(engagerr.__all__) <= set(dir(engagerr))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        engagerr.Nonsense  # noqa: B018
    with pytest.raises(ImportError):
        from engagerr import Nonsense  # noqa: F401


def test_a_star_import_gives_exactly_all() -> None:
    names: dict[str, object] = {}
    exec("from engagerr import *", names)
    assert set(names) - {"__builtins__"} == set(engagerr.__all__)


def test_every_error_says_what_happened_and_what_to_do_next() -> None:
    categories = {"InvalidInput", "NotFound", "Forbidden", "Conflict", "Unavailable", "Rejected", "Broken"}
    for name in categories:
        kind = getattr(engagerr, name)
        assert issubclass(kind, engagerr.EngagerrError)
        error = kind("It did not work.", hint="Do this.", facts={"row": 3})
        assert (str(error), error.hint, error.facts, error.category) == (
            "It did not work.", "Do this.", {"row": 3}, name,
        )  # fmt: skip
    assert engagerr.Unavailable("Later.", retry_after=2.5).retry_after == 2.5


def test_every_error_of_the_package_is_in_one_category() -> None:
    """Skins map seven categories: a subclass that is in none of them, or in two, would be nobody's."""
    import pkgutil

    for module in pkgutil.walk_packages(engagerr.__path__, "engagerr."):
        if module.name not in {"engagerr.__main__"} and ".migrations" not in module.name:
            importlib.import_module(module.name)
    families = {getattr(engagerr, name) for name in
                ("InvalidInput", "NotFound", "Forbidden", "Conflict", "Unavailable", "Rejected", "Broken")}  # fmt: skip

    def below(kind: type) -> set[type]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    for error in below(engagerr.EngagerrError) - {engagerr.EngagerrError}:
        if error.__module__.startswith("engagerr."):
            assert len([family for family in families if issubclass(error, family)]) == 1, error
            assert error.category in {family.__name__ for family in families}


def test_importing_costs_nothing() -> None:
    loaded = modules_after("import engagerr; engagerr.__version__; dir(engagerr)")
    assert loaded.isdisjoint(HEAVY)
    assert not [name for name in loaded if name.startswith("engagerr.core")]


@pytest.mark.parametrize("name", ["Money", "EngagerrError", "Clock"])
def test_values_and_errors_cost_nothing_either(name: str) -> None:
    assert modules_after(f"from engagerr import {name}").isdisjoint(HEAVY)


def test_the_version_is_the_packages() -> None:
    try:
        installed = importlib.metadata.version("engagerr")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("Engagerr is not installed here, only on the path")
    assert engagerr.__version__ == installed
