"""What starting the command line costs, and what it leaves unloaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "pandas",
    "transformers",
    "torch",
    "stripe",
    "textual",
    "sqlalchemy",
    "psycopg",
    "pydantic",
    "httpx",
    "alembic",
)

_LOADED = """
import sys
sys.argv = ["engagerr", *sys.argv[1:]]
{run}
print(*sorted(set(sys.modules) & set({heavy!r})), file=sys.stderr, end="")
"""
_MAIN = """
from engagerr.__main__ import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("import engagerr", []),
        ("import engagerr.cli.main", []),
        (_MAIN, ["--help"]),
        (_MAIN, []),
        (_MAIN, ["--version"]),
        (_MAIN, ["-v", "--version"]),
    ],
    ids=["import engagerr", "import the app", "--help", "nothing", "--version", "-v --version"],
)
def test_starting_loads_nothing_heavy(run: str, words: list[str]) -> None:
    program = _LOADED.format(run=run, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_no_module_of_the_command_line_loads_anything_heavy() -> None:
    program = _LOADED.format(
        run="import engagerr.cli, importlib, pkgutil\n"
        "for found in pkgutil.iter_modules(engagerr.cli.__path__):\n"
        "    importlib.import_module('engagerr.cli.' + found.name)",
        heavy=(*HEAVY, "rich", "msgspec", "engagerr.core.api", "engagerr.core.settings"),
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_help_and_version_start_about_as_quickly_as_typer_alone() -> None:
    def seconds(*words: str) -> float:
        program = (
            "import sys, time; begun = time.process_time()\n{}\nprint(time.process_time() - begun, file=sys.stderr)"
        )
        run = f"sys.argv = ['engagerr', *sys.argv[1:]]\n{_MAIN}" if words else "import typer"
        timed = program.format(run)
        runs = [
            subprocess.run([sys.executable, "-c", timed, *words], capture_output=True, text=True, check=True)
            for _ in range(5)
        ]
        # The least of several: the machine may be busy, the code is not faster by chance.
        return min(float(run.stderr.split()[-1]) for run in runs)

    typer_alone = seconds()
    assert seconds("--help") < 2.5 * typer_alone
    assert seconds("--version") < typer_alone


def test_the_version_is_that_of_the_package() -> None:
    import engagerr

    for words in (["--version"], ["-V"], ["--verbose", "--version"]):
        done = subprocess.run([sys.executable, "-m", "engagerr", *words], capture_output=True, text=True, check=True)
        assert done.stdout == f"engagerr {engagerr.__version__}\n"


def test_nothing_typed_shows_the_help() -> None:
    done = subprocess.run([sys.executable, "-m", "engagerr"], capture_output=True, text=True, check=True)
    assert "Commands:" in done.stdout
    assert "engagerr init --agency" in done.stdout


def test_completion_of_the_shell_knows_nouns_verbs_and_options() -> None:
    def completions(line: str) -> str:
        env = {
            "_ENGAGERR_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")),
            "PATH": "/usr/bin:/bin", "_TYPER_COMPLETE_ARGS": line,
        }  # fmt: skip
        done = subprocess.run([sys.executable, "-m", "engagerr"], capture_output=True, text=True, env=env, check=False)
        return done.stdout

    assert completions("engagerr cre").split() == ["creator"]
    assert {"add", "list", "set-rate"} <= set(completions("engagerr creator ").split())
    assert "--topic" in completions("engagerr creator list --").split()
