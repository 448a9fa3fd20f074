"""Every setting of Engagerr, its default and its meaning: one frozen model, read once at the edge of the program.

Order: typed flags over `ENGAGERR_SECTION__KEY` over `engagerr.toml` over defaults. Secrets come from the environment or
from a file that a setting names, never from the TOML.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
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
    pool_size: int = Field(
        10, ge=2, le=100, description="Connections that one process may open; a sync takes one per worker and one more."
    )
    connect_timeout_seconds: int = Field(10, ge=1, le=300, description="How long to wait for a connection.")
    lock_timeout_seconds: int = Field(
        600, ge=0, description="How long to wait for another import or migration; 0 means for ever."
    )
    statement_timeout_seconds: int = Field(
        0, ge=0, description="Longest time one statement may take; 0 means no limit."
    )
    keep_observations_months: int | None = Field(
        None,
        ge=1,
        description="Observations older than so many months before this one are retired to files. Empty: all are kept.",
    )

    def secret_url(self) -> str | None:
        """The URL with its password, from the setting or from the file it names."""
        return _secret("database.url_file", self.url, self.url_file)


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


class IntegrationSettings(_Section):
    """Calls to platforms."""

    gateway_url: str | None = Field(
        None,
        description="For tests, demos and benches: send every call to GATEWAY/HOST/PATH instead. On this machine only.",
    )
    connect_timeout_seconds: int = Field(10, ge=1, le=300, description="How long to wait for a platform's connection.")
    read_timeout_seconds: int = Field(30, ge=1, le=600, description="How long a platform may be silent in an answer.")
    attempts: int = Field(5, ge=1, le=20, description="How often a call is tried when the platform fails.")

    @field_validator("gateway_url")
    @classmethod
    def _on_this_machine(cls, url: str | None) -> str | None:
        return None if url is None else checked_gateway(url)


class SyncSettings(_Section):
    """Fetching what platforms have."""

    workers: int = Field(4, ge=1, le=64, description="How many accounts are fetched at the same time.")
    lease_seconds: int = Field(
        45, ge=5, le=3600, description="After this long without a sign of life, another run may take an account over."
    )


class VaultSettings(_Section):
    """The key that seals the platforms' tokens. Without one, a key file is made in the home."""

    key: SecretStr | None = Field(
        None, description="The key: base64 of 32 random bytes. From the environment only, never from the TOML."
    )
    key_file: Path | None = Field(None, description="A file that holds the key, for secrets mounted as files.")
    previous_key: SecretStr | None = Field(
        None, description="The key before this one, while keys are rotated. From the environment only."
    )
    previous_key_file: Path | None = Field(None, description="A file that holds the key before this one.")

    def secret_key(self) -> str | None:
        """The key as text, from the setting or from the file it names."""
        return _secret("vault.key_file", self.key, self.key_file)

    def secret_previous_key(self) -> str | None:
        """The key before it, likewise."""
        return _secret("vault.previous_key_file", self.previous_key, self.previous_key_file)


class MailSettings(_Section):
    """How reports go out by mail: through an SMTP server, or through Resend's API. Files in folders need none of it."""

    via: Literal["none", "smtp", "resend"] = Field("none", description="Who sends the mail.")
    sender: str | None = Field(
        None, description="Whom it is from: North <reports@north.example>. The server must allow it."
    )
    host: str | None = Field(None, description="The SMTP server.")
    port: int | None = Field(
        None, ge=1, le=65_535, description="Its port. Empty: 587, or 465 for tls, or 25 for a server on this machine."
    )
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection is encrypted; none is for a server on this machine only."
    )
    user: str | None = Field(None, description="Who signs in to the SMTP server. Empty: nobody does.")
    password: SecretStr | None = Field(
        None, description="The password for it. From the environment only, never from the TOML."
    )
    password_file: Path | None = Field(None, description="A file that holds the password.")
    resend_key: SecretStr | None = Field(
        None, description="An API key of Resend. From the environment only, never from the TOML."
    )
    resend_key_file: Path | None = Field(None, description="A file that holds the API key.")
    timeout_seconds: int = Field(30, ge=1, le=300, description="How long an SMTP server may be silent.")

    def secret_password(self) -> str | None:
        """The password as text, from the setting or from the file it names."""
        return _secret("mail.password_file", self.password, self.password_file)

    def secret_resend_key(self) -> str | None:
        """Resend's key, likewise."""
        return _secret("mail.resend_key_file", self.resend_key, self.resend_key_file)


class AiSettings(_Section):
    """Models that run on this machine, and what for. Everything works without one."""

    embedder: str = Field(
        "none",
        min_length=1,
        description="Compares items by meaning as well: english finds rewritten titles; multilingual, or a model of "
        "transformers by its folder, needs pip install 'engagerr[local-ai]'. Creators and briefs are compared by "
        "english where this is none.",
    )
    threads: int | None = Field(
        None, ge=1, le=256, description="Threads that share its work. Empty: half of the machine's cores."
    )
    timeout_seconds: float = Field(
        30, gt=0, le=600, description="How long one call to a model may take in all; then the next one is asked."
    )
    monthly_budget_usd: Decimal | None = Field(
        None,
        ge=0,
        description="What models may cost in a calendar month (UTC), where a workspace's policy sets no budget. "
        "Empty: no limit.",
    )
    over_budget: Literal["refuse", "degrade"] = Field(
        "degrade", description="When the budget is spent: refuse the task, or let models that cost nothing answer."
    )
    deepseek_key: SecretStr | None = Field(
        None, description="An API key of DeepSeek. From the environment only, never from the TOML."
    )
    deepseek_key_file: Path | None = Field(None, description="A file that holds the API key of DeepSeek.")
    deepseek_url: str = Field(
        "https://api.deepseek.com", description="Where DeepSeek's API is asked; a gateway of yours may stand here."
    )
    deepseek_model: str = Field(
        "deepseek-flash", description="The model of DeepSeek that is asked: deepseek-flash or deepseek-v4-pro."
    )
    huggingface_key: SecretStr | None = Field(
        None,
        description="A token of Hugging Face that may call Inference Providers. From the environment only, never "
        "from the TOML.",
    )
    huggingface_key_file: Path | None = Field(None, description="A file that holds the token of Hugging Face.")
    huggingface_url: str = Field(
        "https://router.huggingface.co", description="Where Hugging Face is asked; a gateway of yours may stand here."
    )
    huggingface_model: str = Field(
        "openai/gpt-oss-20b", description="The model of Hugging Face that writes: any with chat and structured output."
    )
    huggingface_price_in: float = Field(
        0.1, ge=0, description="What that model asks, in US dollars for a million tokens that it reads."
    )
    huggingface_price_out: float = Field(
        0.5, ge=0, description="What that model asks, in US dollars for a million tokens that it writes."
    )
    huggingface_topic_model: str | None = Field(
        None,
        description="A zero-shot classifier of Hugging Face for topics: facebook/bart-large-mnli, say. Empty: none.",
    )
    huggingface_sentiment_model: str | None = Field(
        None,
        description="A text classifier of Hugging Face for sentiment, with labels positive, neutral and negative. "
        "Empty: none.",
    )
    huggingface_embedding_model: str | None = Field(
        None, description="A model of Hugging Face that embeds texts: intfloat/multilingual-e5-large, say. Empty: none."
    )
    endpoint_url: str | None = Field(
        None, description="An OpenAI-compatible endpoint with chat: http://127.0.0.1:8000/v1 for a vLLM of yours, say."
    )
    endpoint_model: str | None = Field(None, description="The name under which the endpoint serves the model.")
    endpoint_embeddings_url: str | None = Field(
        None, description="An OpenAI-compatible endpoint that embeds: http://127.0.0.1:8080/v1 for a TEI of yours, say."
    )
    endpoint_embedding_model: str | None = Field(
        None, description="The name under which it serves the embedding model."
    )
    endpoint_name: str = Field(
        "endpoint", pattern="^[a-z][a-z0-9_-]{0,39}$", description="What policies and accounts call these endpoints."
    )
    endpoint_key: SecretStr | None = Field(
        None, description="The key of the endpoints, if they want one. From the environment only, never from the TOML."
    )
    endpoint_key_file: Path | None = Field(None, description="A file that holds the key of the endpoints.")
    endpoint_price_in: float | None = Field(
        None,
        ge=0,
        description="What the endpoint asks, in US dollars for a million tokens that it reads; 0 for your own.",
    )
    endpoint_price_out: float | None = Field(
        None,
        ge=0,
        description="What the endpoint asks, in US dollars for a million tokens that it writes; 0 for your own.",
    )
    endpoint_here: bool = Field(
        False,
        description="The endpoints run their models on this machine and pass nothing on: texts that must stay here "
        "may go to them.",
    )
    endpoint_private: bool = Field(
        False,
        description="Plain http to an address of your own network (10.…, 192.168.…) is allowed for the endpoints.",
    )
    endpoint_json_schema: bool = Field(
        True, description="The endpoint takes response_format json_schema; else json_object."
    )
    transformers_topic_model: str | None = Field(
        None,
        description="A zero-shot classifier on this machine, by folder or cached name, for topics. Needs the extra "
        "local-ai.",
    )
    transformers_sentiment_model: str | None = Field(
        None, description="A text classifier on this machine for sentiment, likewise."
    )
    transformers_text_model: str | None = Field(
        None, description="A text-generation model on this machine for every task that writes, likewise."
    )

    def secret_deepseek_key(self) -> str | None:
        """DeepSeek's key, from the setting or from the file it names."""
        return _secret("ai.deepseek_key_file", self.deepseek_key, self.deepseek_key_file)

    def secret_huggingface_key(self) -> str | None:
        """Hugging Face's token, likewise."""
        return _secret("ai.huggingface_key_file", self.huggingface_key, self.huggingface_key_file)

    def secret_endpoint_key(self) -> str | None:
        """The endpoints' key, likewise."""
        return _secret("ai.endpoint_key_file", self.endpoint_key, self.endpoint_key_file)


class PaymentSettings(_Section):
    """Payments: through Stripe with a key of yours, else through the sandbox that comes with Engagerr."""

    stripe_key: SecretStr | None = Field(
        None, description="Your Stripe secret or restricted key. From the environment only. Empty: the sandbox."
    )
    stripe_key_file: Path | None = Field(None, description="A file that holds the key, for secrets mounted as files.")
    stripe_webhook_secret: SecretStr | None = Field(
        None, description="The signing secret of your webhook endpoint (whsec_…). From the environment only."
    )
    stripe_webhook_secret_file: Path | None = Field(None, description="A file that holds the signing secret.")
    stripe_url: str | None = Field(
        None, description="Where the payment provider is spoken to instead of Stripe. On this machine only."
    )
    currency: str = Field("EUR", pattern="^[A-Z]{3}$", description="The currency of new deals unless one is named.")
    country: str = Field("DE", pattern="^[A-Z]{2}$", description="Where you do business: tax and hold limits go by it.")
    four_eyes_minor: int = Field(
        100_000,
        ge=0,
        description="Releases and refunds of at least so many minor units need a second person; 0 means all do.",
    )
    auto_release_days: int = Field(
        14, ge=1, le=365, description="Days of silence after a delivery until it counts as approved."
    )
    return_url: str = Field(
        "https://example.com/", description="Where payers and payees land after a page of the provider's."
    )
    timeout_seconds: int = Field(30, ge=1, le=300, description="How long the provider may take for an answer.")

    @field_validator("stripe_url")
    @classmethod
    def _on_this_machine(cls, url: str | None) -> str | None:
        return None if url is None else checked_gateway(url)

    def secret_key(self) -> str | None:
        """The key, from the setting or from the file it names; None means the sandbox."""
        return _secret("payments.stripe_key_file", self.stripe_key, self.stripe_key_file)

    def secret_webhook_secret(self) -> str | None:
        """The signing secret of the webhook endpoint, likewise."""
        return _secret(
            "payments.stripe_webhook_secret_file", self.stripe_webhook_secret, self.stripe_webhook_secret_file
        )


class ConsoleSettings(_Section):
    """The agency console: how it looks and listens. The look that a person chooses in it is remembered and wins."""

    look: Literal["dark", "light", "contrast"] = Field("dark", description="The look of a console that is new.")
    glyphs: Literal["auto", "unicode", "ascii"] = Field(
        "auto", description="The signs it draws with; auto takes ASCII where the locale is not UTF-8."
    )
    mouse: bool = Field(True, description="Whether the mouse does anything; false leaves it to the terminal.")
    keys: dict[str, str] = Field(
        {},
        description='Other keys, by the names that `?` shows: ENGAGERR_CONSOLE__KEYS=\'{"app.search": "ctrl+f"}\'.',
    )
    frames_per_second: int = Field(
        60, ge=5, le=120, description="How often the screen may be painted; 15 suits slow lines."
    )


class PlatformSettings(_Section):
    """Your app on one platform, under the connector's name: ENGAGERR_PLATFORMS__YOUTUBE__CLIENT_ID for youtube."""

    client_id: str | None = Field(None, description="The app's id, as the platform's developer pages show it.")
    client_secret: SecretStr | None = Field(
        None, description="The app's secret. From the environment only, never from the TOML."
    )
    client_secret_file: Path | None = Field(None, description="A file that holds the app's secret.")
    daily_units: int | None = Field(
        None, ge=1, description="The app's quota a day in the platform's units, where it is not the usual one."
    )
    requests_per_second: float | None = Field(
        None, gt=0, le=1000, description="How fast the app may ask, where it is not the usual pace."
    )

    def secret(self) -> str | None:
        """The app's secret, from the setting or from the file it names."""
        return _secret("client_secret_file", self.client_secret, self.client_secret_file)


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
    integrations: IntegrationSettings = IntegrationSettings()  # type: ignore[call-arg]
    sync: SyncSettings = SyncSettings()  # type: ignore[call-arg]
    vault: VaultSettings = VaultSettings()  # type: ignore[call-arg]
    mail: MailSettings = MailSettings()  # type: ignore[call-arg]
    ai: AiSettings = AiSettings()  # type: ignore[call-arg]
    payments: PaymentSettings = PaymentSettings()  # type: ignore[call-arg]
    console: ConsoleSettings = ConsoleSettings()  # type: ignore[call-arg]
    platforms: dict[str, PlatformSettings] = Field(
        default_factory=dict, description="Your apps on the platforms, by the connector's name."
    )

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
        _refuse_secrets(path, values)
        return values


def checked_gateway(url: str) -> str:
    """The gateway's address without a slash at its end; `ValueError` unless it is on this machine."""
    parts = urlsplit(url)
    try:
        loopback = ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        loopback = parts.hostname == "localhost"
    if parts.scheme not in ("http", "https") or not loopback or parts.query or parts.fragment or "@" in parts.netloc:
        # Tokens go through it, so it is never another machine.
        raise ValueError("it takes an address of this machine, such as http://127.0.0.1:8765")
    return url.rstrip("/")


def setting_names() -> dict[str, tuple[str, Any, str]]:
    """Every setting as {dotted name: (environment variable, default, meaning)}, for the reference and for checks.

    Those of the platforms are left out, because any connector's name may stand in theirs: `platform_setting_names`.
    """
    names: dict[str, tuple[str, Any, str]] = {}
    for name, info in Settings.model_fields.items():
        section = info.annotation
        if name == "platforms":
            continue
        if isinstance(section, type) and issubclass(section, _Section):
            names |= _names_in(name, section)
        else:
            names[name] = (f"{_PREFIX}{name}".upper(), None, info.description or "")
    return names


def platform_setting_names(connector: str) -> dict[str, tuple[str, Any, str]]:
    """The settings of one connector's app, in the shape of `setting_names`."""
    return _names_in(f"platforms.{connector}", PlatformSettings)


def _names_in(name: str, section: type[_Section]) -> dict[str, tuple[str, Any, str]]:
    prefix = f"{_PREFIX}{name.replace('.', '__')}"
    return {
        f"{name}.{key}": (f"{prefix}__{key}".upper(), info.default, info.description or "")
        for key, info in section.model_fields.items()
    }


def _secret(setting: str, value: SecretStr | None, path: Path | None) -> str | None:
    """A secret from its setting, or else from the file that `setting` names."""
    if value is not None:
        return value.get_secret_value()
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidInput(
            f"{setting} {path} cannot be read: {reason}.", hint="Check the path and its permissions."
        ) from None


def _refuse_secrets(path: Path, values: dict[str, Any]) -> None:
    """Refuse a TOML that holds a secret: it is copied, shown and committed more easily than it should be."""
    database, vault, mail, ai, platforms = (
        _table(values.get(name)) for name in ("database", "vault", "mail", "ai", "platforms")
    )
    url = database.get("url")
    found: list[tuple[str, str]] = []
    if isinstance(url, str) and _PASSWORD_IN_URL.search(url):
        found.append(("a password in database.url", "database.url"))
    found += [("a key in vault." + key, "vault." + key) for key in ("key", "previous_key") if key in vault]
    found += [("a secret in mail." + key, "mail." + key) for key in ("password", "resend_key") if key in mail]
    ai_keys = ("deepseek_key", "huggingface_key", "endpoint_key")
    found += [("a secret in ai." + key, "ai." + key) for key in ai_keys if key in ai]
    for connector, app in platforms.items():
        if "client_secret" in _table(app):
            name = f"platforms.{connector}.client_secret"
            found.append((f"a secret in {name}", name))
    for what, name in found:
        variable = f"{_PREFIX}{name.replace('.', '__')}".upper()
        raise InvalidInput(
            f"{path} holds {what}.", hint=f"Secrets come from {variable} or from the file that {name}_file names."
        )


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _refuse_unknown_names() -> None:
    known = {env for env, _, _ in setting_names().values()} | _OUTSIDE_THE_MODEL
    for name in os.environ:
        if name.startswith(_PREFIX) and name.upper() not in known | _names_of_the_platform_in(name):
            near = difflib.get_close_matches(name, known | _names_of_the_platform_in(name), n=1, cutoff=0.5)
            raise InvalidInput(
                f"{name} is set in the environment, but Engagerr has no such setting.",
                hint=f"Did you mean {near[0]}?" if near else "`engagerr settings` lists them all.",
                facts={"name": name},
            )


def _names_of_the_platform_in(variable: str) -> set[str]:
    """The variables of the connector that this one speaks of, if it speaks of one."""
    section, _, rest = variable.removeprefix(_PREFIX).partition("__")
    connector = rest.partition("__")[0]
    if section.upper() != "PLATFORMS" or not connector:
        return set()
    return {env for env, _, _ in platform_setting_names(connector).values()}


def _in_words(error: ValidationError) -> InvalidInput:
    first = error.errors(include_input=False, include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = set(setting_names())
        if first["loc"][0] == "platforms" and len(first["loc"]) > 2:
            known |= set(platform_setting_names(str(first["loc"][1])))
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
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
