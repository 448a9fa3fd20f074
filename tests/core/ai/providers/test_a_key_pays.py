"""A key for a good hosted model improves what the evaluation measures; a bad one changes nothing but the time."""

from __future__ import annotations

import pytest
from engagerr.core.ai.answers import Complaint, checked
from engagerr.core.ai.evaluation.evaluation import measured
from engagerr.core.ai.provider import Provider, ProviderFailed
from engagerr.core.ai.providers import Floor, configured_providers
from engagerr.core.ai.tasks import TASKS, TaskName
from engagerr.core.settings import AiSettings
from msgspec import Struct
from tests.core.ai.floor.cases import inputs_of
from tests.fakes.model_server import ModelServer

KEYS = {"deepseek": {"deepseek_key": "k"}, "huggingface": {"huggingface_key": "k"}}
TASKS_OF_TEXT = [TaskName.SUMMARY, TaskName.BRIEF, TaskName.CLAUSES]


def quality(name: TaskName, provider: Provider) -> float:
    """The task's figure, with what fails or does not fit counted as wrong."""
    model = next(offer.model for offer in provider.offers() if offer.task is name)
    answers: list[Struct | None] = []
    for given in inputs_of(name):
        try:
            [said] = provider.answer(TASKS[name], [given], model=model, timeout_seconds=5)
        except ProviderFailed:
            answers.append(None)
            continue
        answer = checked(TASKS[name], given, said.said)
        answers.append(None if isinstance(answer, Complaint) else answer)
    figure, _, _ = measured(name, answers)
    assert figure is not None
    return figure


def hosted(company: str, how: str, tmp_path_factory: pytest.TempPathFactory) -> Provider:
    settings = AiSettings.model_validate(KEYS[company])
    home = tmp_path_factory.mktemp("home")
    providers = configured_providers(settings, home=home, transport=ModelServer(how).transport())
    return next(provider for provider in providers if provider.name == company)


@pytest.mark.parametrize("company", KEYS)
@pytest.mark.parametrize("name", TASKS_OF_TEXT)
def test_a_good_model_is_measurably_better(
    company: str, name: TaskName, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert quality(name, hosted(company, "good", tmp_path_factory)) >= quality(name, Floor()) + 0.03


@pytest.mark.parametrize("how", ["lying", "prose", "down"])
def test_a_bad_model_is_measured_as_one(how: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert quality(TaskName.SUMMARY, hosted("deepseek", how, tmp_path_factory)) == 0
