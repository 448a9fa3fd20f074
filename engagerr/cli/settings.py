"""`engagerr settings`: every setting, and what it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engagerr.cli.command import noun, verb
from engagerr.cli.output import MISSING, Column, plain, show
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr import Settings

app = noun("all-settings")


@verb(app, "settings", examples=("engagerr settings", "engagerr settings --output csv"))
def settings() -> None:
    """Show every setting: its variable in the environment, its default, and what it is now. Secrets show as ***.

    The environment wins over engagerr.toml in the home (or the file that ENGAGERR_CONFIG names), and that over the
    defaults.
    """
    from engagerr.core.settings import Settings, platform_setting_names, setting_names

    problem: InvalidInput | None = None
    present: Settings | None = None
    try:
        present = Settings.load()
    except InvalidInput as error:
        # What the settings may be is just what somebody with a wrong one needs to see.
        problem = error
    rows = [
        {"name": name, "env": env, "default": plain(default), "value": _value(present, name), "meaning": meaning}
        for name, (env, default, meaning) in {
            **setting_names(),
            # Apps that are named; the connectors that could be are in `platform list`.
            **{
                name: known
                for connector in (present.platforms if present else ())
                for name, known in platform_setting_names(connector).items()
            },
        }.items()
    ]
    columns: list[Column[dict[str, Any]]] = [
        Column("Setting", lambda row: row["name"]),
        Column("Now", lambda row: _shown(row["value"]), fold=True),
        Column("Default", lambda row: _shown(row["default"]), above=110),
        Column("Environment", lambda row: row["env"], above=150),
        Column("Meaning", lambda row: row["meaning"], fold=True),
    ]
    show(rows, columns=columns, csv=("name", "env", "default", "value", "meaning"))
    if problem is not None:
        raise problem


def _value(present: Settings | None, name: str) -> Any:
    """What the setting is now; a secret as stars."""
    if present is None:
        return None
    found: Any = present
    for part in name.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    return "***" if hasattr(found, "get_secret_value") else plain(found)


def _shown(value: Any) -> str:
    if value is None:
        return MISSING
    return str(value).lower() if isinstance(value, bool) else str(value)
