"""The deployment files of self-hosted models: pinned, closed to other machines, and speaking of settings that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.ai.provider import Where
from engagerr.core.ai.providers import configured_providers
from engagerr.core.ai.tasks import TaskName
from engagerr.core.settings import AiSettings, setting_names

FOLDER = Path(__file__).parents[4] / "config" / "ai"
COMPOSE = FOLDER / "compose.yaml"
VARIABLE = re.compile(r"\b(ENGAGERR_[A-Z_]+)(?:=(\S+))?")


@pytest.fixture
def services() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    services: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return services


def test_ports_are_open_on_this_machine_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service["ports"]]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_are_pinned_and_fetch_no_models(services: dict[str, Any]) -> None:
    for service in services.values():
        written = (FOLDER / service["build"]["dockerfile"]).read_text(encoding="utf-8")
        [image] = re.findall(r"^FROM (\S+)$", written, re.MULTILINE)
        assert re.search(r":(?:cpu-|v)\d+\.\d+\.\d+$", image)
        assert "HF_HUB_OFFLINE=1" in written
        assert service["volumes"] == ["./models:/models:ro"]


def test_each_server_listens_where_its_port_leads(services: dict[str, Any]) -> None:
    for service in services.values():
        command, [port] = service["command"], service["ports"]
        assert port.split(":")[1] == port.split(":")[2] == command[command.index("--port") + 1]


def test_the_settings_that_it_names_exist_and_make_the_provider(services: dict[str, Any], tmp_path: Path) -> None:
    named = VARIABLE.findall(COMPOSE.read_text(encoding="utf-8"))
    known = {variable: name for name, (variable, _, _) in setting_names().items()}
    assert {variable for variable, _ in named} <= set(known)
    # As the third step has them: everything up to ENDPOINT_HERE.
    values = [(known[variable].removeprefix("ai."), value) for variable, value in named if value]
    step = dict(values[: [name for name, _ in values].index("endpoint_here") + 1])
    [provider, *_] = configured_providers(AiSettings.model_validate(step), home=tmp_path)
    assert (provider.name, provider.where) == ("selfhosted", Where.HERE)
    models = {offer.task: offer.model for offer in provider.offers()}
    served = {name: one["command"][one["command"].index("--served-model-name") + 1] for name, one in services.items()}
    assert (models[TaskName.SUMMARY], models[TaskName.EMBED]) == (served["writer"], served["embedder"])
