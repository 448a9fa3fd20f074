"""Every setting of Engagerr, its default and its meaning: one frozen model, read once at the edge of the program.

Order: typed flags over `ENGAGERR_SECTION__KEY` over `engagerr.toml` over defaults. Secrets come from the environment or
from a file that a setting names, never from the TOML.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from engagerr.core.errors import InvalidInput

_PREFIX = "ENGAGERR_"
# In a URL before the @ or as a parameter, and in libpq's own form `host=… password=…`.
_PASSWORD_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]*@|password\s*=", re.IGNORECASE)
# Read by the skins or by Settings.load() itself, so no fields of the model.
_OUTSIDE_THE_MODEL = {"ENGAGERR_CONFIG", "ENGAGERR_TOKEN"}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(_Section):
    """Where the database is. Without `url`, the embedded PostgreSQL in the home is used."""

    url: SecretStr | None = Field(
        None,
        description="A PostgreSQL 16+ server: postgresql://role@host/database. Empty: the embedded server in the home.",
    )
    url_file: Path | None = Field(None, description="A file that holds the URL, for secrets mounted as files.")
    pool_size: int = Field(5, ge=2, le=100, description="Connections kept open by one process.")
    connect_timeout_seconds: int = Field(10, ge=1, le=300, description="How long to wait for a connection.")
    lock_timeout_seconds: int = Field(
        600, ge=0, description="How long to wait for another import or migration; 0 means for ever."
    )
    statement_timeout_seconds: int = Field(
        0, ge=0, description="Longest time one statement may take; 0 means no limit."
    )

    def secret_url(self) -> str | None:
        """The URL with its password, from the setting or from the file it names."""
        if self.url is not None:
            return self.url.get_secret_value()
        if self.url_file is not None:
            try:
                return self.url_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise InvalidInput(
                    f"database.url_file {self.url_file} cannot be read: {error.strerror}.",
                    hint="Check the path and its permissions.",
                ) from error
        return None


class IngestionSettings(_Section):
    """How files are imported."""

    max_file_megabytes: int = Field(
        8192, ge=1, description="Larger files are refused before they are read (megabytes)."
    )
    quarantine_limit: int = Field(
        10_000, ge=1, description="Bad rows kept per file; a file with more is most likely of another kind and refused."
    )


class TelemetrySettings(_Section):
    """Logs: structured, one JSON object a line, in `logs/` of the home."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severity that is logged.")
    stderr: bool = Field(False, description="Also write the log to standard error.")
    max_file_megabytes: int = Field(10, ge=1, description="The log file is rotated at this size (megabytes).")
    files_kept: int = Field(5, ge=1, description="How many rotated log files are kept.")


class TenancySettings(_Section):
    """Signing in."""

    session_days: int = Field(90, ge=1, le=3650, description="How long a sign-in lasts (days).")


class Settings(BaseSettings):
    """All settings, frozen. Use `Settings.load()`; the constructor takes typed values and reads no environment file."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid", env_ignore_empty=True
    )

    home: Path = Field(
        default_factory=lambda: user_data_path("engagerr", appauthor=False),
        description="The folder of this Engagerr: embedded database, session token, logs. Two homes never meet.",
    )
    database: DatabaseSettings = DatabaseSettings()  # type: ignore[call-arg]
    ingestion: IngestionSettings = IngestionSettings()  # type: ignore[call-arg]
    tenancy: TenancySettings = TenancySettings()  # type: ignore[call-arg]
    telemetry: TelemetrySettings = TelemetrySettings()  # type: ignore[call-arg]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, TOML, in this order; no .env files."""
        return init_settings, env_settings, _TomlSource(settings_cls)

    @classmethod
    def load(cls, **flags: Any) -> Settings:
        """Read flags, environment and TOML; a wrong or unknown key raises `InvalidInput` with the nearest match.

        The TOML file is the one that `ENGAGERR_CONFIG` names, else `engagerr.toml` in the home, if it exists.
        """
        _refuse_unknown_names()
        try:
            return cls(**flags)
        except ValidationError as error:
            raise _in_words(error) from None


class _TomlSource(PydanticBaseSettingsSource):
    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        named = os.environ.get("ENGAGERR_CONFIG")
        home = self.current_state.get("home") or os.environ.get("ENGAGERR_HOME")
        path = Path(named) if named else Path(home or user_data_path("engagerr", appauthor=False)) / "engagerr.toml"
        if not path.is_file():
            if named:
                raise InvalidInput(
                    f"ENGAGERR_CONFIG names {path}, which is not a file.", hint="Mend the path or unset it."
                )
            return {}
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{path} is not valid TOML: {error}.", hint="See config/engagerr.toml.") from error
        url = values.get("database", {}).get("url") if isinstance(values.get("database"), dict) else None
        if isinstance(url, str) and _PASSWORD_IN_URL.search(url):
            raise InvalidInput(
                f"{path} holds a password in database.url.",
                hint="Secrets come from ENGAGERR_DATABASE__URL or from the file that database.url_file names.",
            )
        return values


def setting_names() -> dict[str, tuple[str, Any, str]]:
    """Every setting as {dotted name: (environment variable, default, meaning)}, for the reference and for checks."""
    names: dict[str, tuple[str, Any, str]] = {}
    for name, info in Settings.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, _Section):
            for key, inner in section.model_fields.items():
                env = f"{_PREFIX}{name}__{key}".upper()
                names[f"{name}.{key}"] = (env, inner.default, inner.description or "")
        else:
            names[name] = (f"{_PREFIX}{name}".upper(), None, info.description or "")
    return names


def _refuse_unknown_names() -> None:
    known = {env for env, _, _ in setting_names().values()} | _OUTSIDE_THE_MODEL
    for name in os.environ:
        if name.startswith(_PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            raise InvalidInput(
                f"{name} is set in the environment, but Engagerr has no such setting.",
                hint=f"Did you mean {near[0]}?" if near else "`engagerr settings` lists them all.",
                facts={"name": name},
            )


def _in_words(error: ValidationError) -> InvalidInput:
    first = error.errors(include_input=False, include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, setting_names(), n=1, cutoff=0.5)
        return InvalidInput(
            f"There is no setting {name!r}.",
            hint=f"Did you mean {near[0]!r}?" if near else "`engagerr settings` lists them all.",
            facts={"name": name},
        )
    return InvalidInput(
        f"The setting {name} cannot be used: {first['msg']}.",
        hint="`engagerr settings` shows what it takes.",
        facts={"name": name},
    )
