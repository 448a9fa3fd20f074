"""requirements.lock: complete, hashed, light and free of any one machine's addresses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WANTED = [
    Requirement(line)
    for line in [
        *PYPROJECT["project"]["dependencies"],
        *PYPROJECT["dependency-groups"]["dev"],
        *PYPROJECT["build-system"]["requires"],
    ]
]


def _entries() -> list[tuple[Requirement, list[str]]]:
    """Every pinned requirement with its hashes; a line that is neither is an error, not skipped."""
    joined = LOCK.replace("\\\n", " ")
    entries = []
    for line in joined.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        requirement, *hashes = line.split("--hash=")
        entries.append((Requirement(requirement.strip()), [one.strip() for one in hashes]))
    return entries


PINNED = {canonicalize_name(requirement.name): requirement for requirement, _ in _entries()}


def _pinned_version(name: str) -> Version:
    (specifier,) = PINNED[canonicalize_name(name)].specifier
    return Version(specifier.version)


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_every_dependency_of_pyproject_is_pinned_to_a_version_that_it_allows(wanted: Requirement) -> None:
    assert canonicalize_name(wanted.name) in PINNED, f"{wanted.name} is not in requirements.lock: run scripts/lock"
    assert wanted.specifier.contains(_pinned_version(wanted.name)), f"{wanted} is pinned too far: run scripts/lock"


def test_the_packages_behind_an_extra_are_pinned_too() -> None:
    extras = {f"{wanted.name}[{extra}]" for wanted in WANTED for extra in wanted.extras}

    assert extras == {"psycopg[binary]"}, "add what the new extra brings to this test"
    assert "psycopg-binary" in PINNED


def test_every_entry_is_one_exact_version_and_appears_once() -> None:
    names = [canonicalize_name(requirement.name) for requirement, _ in _entries()]

    assert sorted(names) == sorted(set(names))
    assert all([specifier.operator for specifier in requirement.specifier] == ["=="] for requirement, _ in _entries())


def test_every_entry_has_sha256_hashes() -> None:
    for requirement, hashes in _entries():
        assert hashes, f"{requirement.name} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), requirement.name


def test_linux_on_python_3_11_needs_every_entry_except_those_of_other_systems() -> None:
    linux = {"python_version": "3.11", "python_full_version": "3.11.0", "sys_platform": "linux", "os_name": "posix"}
    cpython = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    left_out = {
        name for name, pin in PINNED.items() if pin.marker and not Marker(str(pin.marker)).evaluate(linux | cpython)
    }

    assert left_out <= {"colorama", "httpx2-jsfetch"}  # Windows, and browsers


def test_no_host_name_index_or_path_of_one_machine_stands_in_it() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^\s*(-|--(?!hash=))[a-z]", LOCK, flags=re.MULTILINE), "an option line, such as an index"
    assert not re.search(r"(?:^|\s)(?:/|~|file:|[A-Za-z]:\\)", LOCK.replace("\\\n", "\n")), "a path of one machine"
    assert " @ " not in LOCK


@pytest.mark.parametrize("heavy", ["torch", "sentence-transformers", "statsmodels", "jax", "tensorflow"])
def test_the_first_install_stays_light(heavy: str) -> None:
    assert heavy not in PINNED


def test_no_gpu_package_comes_along() -> None:
    assert not [name for name in PINNED if name.startswith(("nvidia-", "cuda-", "triton"))]
