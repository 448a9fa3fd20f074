"""Settings: flags over environment over TOML over defaults; what is unknown is refused; secrets stay out of files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from engagerr import InvalidInput, Settings
from engagerr.core.settings import platform_setting_names, setting_names
from pydantic import ValidationError

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that the environment names."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("ENGAGERR_HOME", str(home))
    return home


def toml(home: Path, text: str) -> Path:
    path = home / "engagerr.toml"
    path.write_text(text, encoding="utf-8")
    return path


# ── Which one wins ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_flags_win_over_environment_over_toml_over_defaults(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pool_size(**flags: Any) -> int:
        return Settings.load(**flags).database.pool_size

    assert pool_size() == 10
    toml(home, "[database]\npool_size = 6\nconnect_timeout_seconds = 61\n")
    assert pool_size() == 6
    monkeypatch.setenv("ENGAGERR_DATABASE__POOL_SIZE", "7")
    assert pool_size() == 7
    assert pool_size(database={"pool_size": 8}) == 8
    settings = Settings.load(database={"pool_size": 8})
    assert settings.database.connect_timeout_seconds == 61  # each key for itself
    assert settings.tenancy.session_days == 90


def test_an_empty_variable_says_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml(home, "[database]\npool_size = 6\n")
    monkeypatch.setenv("ENGAGERR_DATABASE__POOL_SIZE", "")
    monkeypatch.setenv("ENGAGERR_DATABASE__URL", "")
    settings = Settings.load()
    assert settings.database.pool_size == 6
    assert settings.database.secret_url() is None


def test_a_home_given_as_a_flag_brings_its_own_toml(home: Path, tmp_path: Path) -> None:
    toml(home, "[tenancy]\nsession_days = 1\n")
    other = tmp_path / "other"
    other.mkdir()
    toml(other, "[tenancy]\nsession_days = 2\n")
    assert Settings.load().tenancy.session_days == 1
    assert Settings.load(home=other).tenancy.session_days == 2
    assert Settings.load(home=other).home == other


def test_a_toml_elsewhere_can_be_named(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml(home, "[tenancy]\nsession_days = 1\n")
    named = toml(tmp_path, "[tenancy]\nsession_days = 3\n")
    monkeypatch.setenv("ENGAGERR_CONFIG", str(named))
    assert Settings.load().tenancy.session_days == 3
    monkeypatch.setenv("ENGAGERR_CONFIG", str(tmp_path / "missing.toml"))
    with pytest.raises(InvalidInput, match=r"missing\.toml, which is not a file"):
        Settings.load()


def test_the_platforms_own_folder_is_the_home_of_who_names_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Settings.load().home == tmp_path / "engagerr"
    assert not (tmp_path / "engagerr").exists()


def test_settings_do_not_change(home: Path) -> None:
    settings = Settings.load()
    with pytest.raises(ValidationError):
        settings.home = Path("/elsewhere")  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.database.pool_size = 9  # type: ignore[misc]


# ── What is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ENGAGERR_DATABASE__POOLSIZE", "ENGAGERR_DATABASE__POOL_SIZE"),
        ("ENGAGERR_DATABASE_URL", "ENGAGERR_DATABASE__URL"),
        ("ENGAGERR_HOM", "ENGAGERR_HOME"),
        ("ENGAGERR_TOKENS", "ENGAGERR_TOKEN"),
        ("ENGAGERR_TELEMETRY__LEVLE", "ENGAGERR_TELEMETRY__LEVEL"),
        ("ENGAGERR_VAULT__KEYFILE", "ENGAGERR_VAULT__KEY_FILE"),
        ("ENGAGERR_SYNC__WORKER", "ENGAGERR_SYNC__WORKERS"),
        ("ENGAGERR_PLATFORMS__YOUTUBE__CLIENTID", "ENGAGERR_PLATFORMS__YOUTUBE__CLIENT_ID"),
        ("ENGAGERR_PLATFORMS__ANY_NAME__CLIENT_SECRT", "ENGAGERR_PLATFORMS__ANY_NAME__CLIENT_SECRET"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_one(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "s3cret-value")
    with pytest.raises(InvalidInput, match=f"{name} is set in the environment") as refused:
        Settings.load()
    assert refused.value.hint == f"Did you mean {meant}?"
    assert "s3cret-value" not in f"{refused.value} {refused.value.hint} {refused.value.facts}"


def test_variables_of_others_are_none_of_our_business(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGER_HOME", "x")
    monkeypatch.setenv("MY_ENGAGERR_HOME", "x")
    monkeypatch.setenv("ENGAGERR_TOKEN", "x")
    Settings.load()


@pytest.mark.parametrize(
    ("text", "name", "meant"),
    [
        ("[database]\npoolsize = 3\n", "database.poolsize", "database.pool_size"),
        ("[tenancy]\nsessiondays = 3\n", "tenancy.sessiondays", "tenancy.session_days"),
        ("hom = '/x'\n", "hom", "home"),
        ("[integrations]\nattempt = 3\n", "integrations.attempt", "integrations.attempts"),
        ("[platforms.tiktok]\nclientid = 'x'\n", "platforms.tiktok.clientid", "platforms.tiktok.client_id"),
    ],
)
def test_an_unknown_key_of_the_toml_is_refused_with_the_nearest_one(
    home: Path, text: str, name: str, meant: str
) -> None:
    toml(home, text)
    with pytest.raises(InvalidInput, match=f"There is no setting '{name}'") as refused:
        Settings.load()
    assert refused.value.hint == f"Did you mean '{meant}'?"


def test_an_unknown_flag_is_refused(home: Path) -> None:
    with pytest.raises(InvalidInput, match="There is no setting 'shoe_size'"):
        Settings.load(shoe_size=42)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENGAGERR_DATABASE__POOL_SIZE", "many"),
        ("ENGAGERR_DATABASE__POOL_SIZE", "0"),
        ("ENGAGERR_TELEMETRY__LEVEL", "loud"),
        ("ENGAGERR_TENANCY__SESSION_DAYS", "-1"),
        ("ENGAGERR_SYNC__WORKERS", "0"),
        ("ENGAGERR_PLATFORMS__YOUTUBE__DAILY_UNITS", "0"),
        ("ENGAGERR_PLATFORMS__YOUTUBE__REQUESTS_PER_SECOND", "0"),
        ("ENGAGERR_INTEGRATIONS__GATEWAY_URL", "https://gateway.example"),
        ("ENGAGERR_INTEGRATIONS__GATEWAY_URL", "http://127.0.0.1.evil.example"),
        ("ENGAGERR_INTEGRATIONS__GATEWAY_URL", "http://10.0.0.7:8765"),
        ("ENGAGERR_INTEGRATIONS__GATEWAY_URL", "ftp://127.0.0.1"),
        ("ENGAGERR_INTEGRATIONS__GATEWAY_URL", "http://user:pass@127.0.0.1"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_name(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match="cannot be used") as refused:
        Settings.load()
    assert refused.value.facts["name"] == name.removeprefix("ENGAGERR_").lower().replace("__", ".")


@pytest.mark.parametrize("content", [b"[database\n", b"\xff\xfe[", b"a = \n"])
def test_a_toml_that_cannot_be_read_is_named(home: Path, content: bytes) -> None:
    (home / "engagerr.toml").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"engagerr\.toml is not valid TOML"):
        Settings.load()


def test_a_section_that_is_no_table_is_refused(home: Path) -> None:
    toml(home, "database = 3\n")
    with pytest.raises(InvalidInput, match="database"):
        Settings.load()


# ── Secrets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cret@db/shop",
        "postgresql://db/shop?user=ann&password=s3cret",
        "postgresql://ann@db/shop?password=s3cret",
        "host=db user=ann password=s3cret",
    ],
)
def test_a_password_in_the_toml_is_refused_and_not_repeated(home: Path, url: str) -> None:
    toml(home, f'[database]\nurl = "{url}"\n')
    with pytest.raises(InvalidInput, match="holds a password") as refused:
        Settings.load()
    assert "s3cret" not in f"{refused.value} {refused.value.hint}"
    assert "ENGAGERR_DATABASE__URL" in (refused.value.hint or "")


@pytest.mark.parametrize("url", ["postgresql://ann@db:5432/shop", "postgresql:///shop?host=/tmp", "host=db user=ann"])
def test_a_url_without_a_password_may_stand_in_the_toml(home: Path, url: str) -> None:
    toml(home, f'[database]\nurl = "{url}"\n')
    assert Settings.load().database.secret_url() == url


def test_the_url_is_not_shown_with_the_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGERR_DATABASE__URL", "postgresql://ann:s3cret@db/shop")
    settings = Settings.load()
    assert settings.database.secret_url() == "postgresql://ann:s3cret@db/shop"
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert "s3cret" not in shown


def test_the_url_may_stand_in_a_file_of_its_own(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "database-url"
    secret.write_text("  postgresql://ann:s3cret@db/shop\n")
    toml(home, f'[database]\nurl_file = "{secret}"\n')
    assert Settings.load().database.secret_url() == "postgresql://ann:s3cret@db/shop"
    secret.unlink()
    with pytest.raises(InvalidInput, match="database-url cannot be read: No such file"):
        Settings.load().database.secret_url()


def test_the_url_itself_wins_over_the_file(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGERR_DATABASE__URL", "postgresql://given@db/shop")
    monkeypatch.setenv("ENGAGERR_DATABASE__URL_FILE", str(tmp_path / "missing"))
    assert Settings.load().database.secret_url() == "postgresql://given@db/shop"


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ("[platforms.youtube]\nclient_id = 'x'\nclient_secret = 's3cret'\n", "PLATFORMS__YOUTUBE__CLIENT_SECRET"),
        ("[vault]\nkey = 's3cret'\n", "VAULT__KEY"),
        ("[vault]\nprevious_key = 's3cret'\n", "VAULT__PREVIOUS_KEY"),
    ],
)
def test_a_secret_in_the_toml_is_refused_and_not_repeated(home: Path, text: str, variable: str) -> None:
    toml(home, text)
    with pytest.raises(InvalidInput, match="holds a") as refused:
        Settings.load()
    assert "s3cret" not in f"{refused.value} {refused.value.hint}"
    assert f"ENGAGERR_{variable} or from the file" in (refused.value.hint or "")


def test_the_vaults_keys_come_from_the_environment_or_from_files(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old.key").write_text("old-s3cret\n")
    toml(home, f'[vault]\nprevious_key_file = "{tmp_path / "old.key"}"\nkey_file = "{tmp_path / "new.key"}"\n')
    with pytest.raises(InvalidInput, match=r"vault\.key_file .*new\.key cannot be read: No such file"):
        Settings.load().vault.secret_key()
    monkeypatch.setenv("ENGAGERR_VAULT__KEY", "new-s3cret")
    settings = Settings.load()
    assert (settings.vault.secret_key(), settings.vault.secret_previous_key()) == ("new-s3cret", "old-s3cret")
    for shown in (repr(settings), settings.model_dump_json()):
        assert "s3cret" not in shown


# ── Platforms ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_any_connector_may_have_an_app(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load().platforms == {}
    (tmp_path / "tiktok").write_text("s3cret-2\n")
    toml(home, "[platforms.youtube]\nclient_id = 'from the file'\ndaily_units = 5\n")
    monkeypatch.setenv("ENGAGERR_PLATFORMS__YOUTUBE__CLIENT_ID", "id-1")
    monkeypatch.setenv("ENGAGERR_PLATFORMS__YOUTUBE__CLIENT_SECRET", "s3cret-1")
    monkeypatch.setenv("ENGAGERR_PLATFORMS__MY_OWN__REQUESTS_PER_SECOND", "0.5")
    monkeypatch.setenv("ENGAGERR_PLATFORMS__TIKTOK__CLIENT_SECRET_FILE", str(tmp_path / "tiktok"))
    settings = Settings.load()
    youtube, tiktok, own = (settings.platforms[name] for name in ("youtube", "tiktok", "my_own"))
    assert (youtube.client_id, youtube.secret(), youtube.daily_units) == ("id-1", "s3cret-1", 5)
    assert tiktok.secret() == "s3cret-2"
    assert (own.requests_per_second, own.secret()) == (0.5, None)
    assert "s3cret" not in repr(settings) + settings.model_dump_json()


def test_a_platform_without_a_key_is_no_variable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGERR_PLATFORMS", "{}")
    with pytest.raises(InvalidInput, match="ENGAGERR_PLATFORMS is set in the environment"):
        Settings.load()


def test_the_settings_of_a_platform_have_a_meaning_each() -> None:
    names = platform_setting_names("youtube")
    assert names["platforms.youtube.client_id"][0] == "ENGAGERR_PLATFORMS__YOUTUBE__CLIENT_ID"
    assert all(meaning.endswith(".") for _, _, meaning in names.values())


@pytest.mark.parametrize("url", ["http://127.0.0.1:8765", "http://localhost:1/", "http://[::1]:8765/fakes/"])
def test_a_gateway_is_an_address_of_this_machine(home: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ENGAGERR_INTEGRATIONS__GATEWAY_URL", url)
    assert Settings.load().integrations.gateway_url == url.rstrip("/")


# ── What is written about them ──────────────────────────────────────────────────────────────────────────────────────


def test_every_setting_says_what_it_means_and_is_read_from_its_variable(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = setting_names()
    assert {"home", "database.url", "tenancy.session_days", "telemetry.level"} <= set(names)
    for name, (variable, default, meaning) in names.items():
        assert meaning.endswith((".", ")")), name
        if isinstance(default, bool) or not isinstance(default, int):
            continue
        with monkeypatch.context() as patch:
            patch.setenv(variable, str(default + 1))
            section, _, key = name.partition(".")
            assert getattr(getattr(Settings.load(), section), key) == default + 1


def test_the_example_file_names_every_setting_with_its_default() -> None:
    path = REPOSITORY / "config" / "engagerr.toml"
    text = path.read_text(encoding="utf-8")
    written = {
        f"{section}.{key}": value
        for section, values in tomllib.loads(text).items()
        if isinstance(values, dict)
        for key, value in values.items()
    }
    for name, (_, default, _) in setting_names().items():
        if default is None:
            assert f"# {name.rpartition('.')[2]} = " in text, name
        else:
            assert written.pop(name) == default, name
    assert written == {}
