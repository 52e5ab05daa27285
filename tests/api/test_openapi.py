"""The OpenAPI says what is so: its examples are of their shapes, and whatever it allows is answered as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from running import BEARER, Running
from serving import TOKEN, opened

from pmm.api import shapes
from pmm.api.app import create_app
from pmm.api.guard import Access
from pmm.api.minds import Minds
from pmm.events import KINDS, Event

METHODS = {"get", "post", "patch", "delete"}
UNFIT = {"positive_data_acceptance", "ignored_auth"}
"""a body that fits the schema may still speak of what isn't there; and the token is tested in test_guard.py: here every request bears it"""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    import asyncio

    async def made() -> dict[str, Any]:
        return create_app(Minds(tmp_path_factory.mktemp("none"), opened), Access(TOKEN)).openapi()

    return asyncio.run(made())


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in schema["paths"].items():
        if path.startswith("/v1/"):
            continue  # in OpenAI's form: see test_chat_completions.py
        for method in METHODS & set(item):
            yield f"{method} {path}", item[method]


def test_every_operation_says_what_it_does_and_how_it_fails(schema: dict[str, Any]) -> None:
    for name, operation in operations(schema):
        assert operation["description"], name
        assert "application/problem+json" in operation["responses"]["default"]["content"], name
        assert "422" not in operation["responses"], name


def test_every_answer_and_every_body_has_an_example(schema: dict[str, Any]) -> None:
    for name, operation in operations(schema):
        for status, answer in operation["responses"].items():
            told = answer.get("content", {}).get("application/json")
            assert told is None or "example" in told, f"{name} {status}"


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    import re

    names = set(re.findall(r'"#/components/schemas/([\w.-]+)"', msgspec.json.encode(schema).decode()))
    assert names <= set(schema["components"]["schemas"])


def test_all_but_health_need_the_token(schema: dict[str, Any]) -> None:
    assert schema["security"] == [{"token": []}]
    assert [name for name, operation in operations(schema) if "security" in operation] == ["get /healthz"]


def test_the_examples_are_of_their_shapes(schema: dict[str, Any]) -> None:
    assert shapes.examples()
    for shape, example in shapes.examples():
        msgspec.convert(example, shape)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_event_of_any_kind_has_the_fields_of_its_shape(kind: str) -> None:
    required = {f.name: _some(f.type) for f in msgspec.structs.fields(KINDS[kind]) if f.required}
    event: Event = KINDS[kind](id=7, **required)
    told = msgspec.json.decode(shapes.encode(event.as_dict()))
    assert list(told)[:4] == ["id", "ts", "kind", "content"]
    assert msgspec.convert(told, shapes.Event).kind == kind
    assert {f.encode_name for f in msgspec.structs.fields(KINDS[kind])} <= set(told)


def _some(type_: Any) -> Any:
    """A value of about that type; what it means is of no matter here."""
    return {int: 1, float: 0.5, str: "x", dict[str, int]: {}}.get(type_, "x")


@pytest.mark.parametrize("prefix", ["/api", "/api/minds/{mind}"])
def test_whatever_the_schema_allows_is_answered_as_it_says(server: Running, prefix: str) -> None:
    fuzz(server, prefix, 10)


@pytest.mark.slow
def test_whatever_the_schema_allows_is_answered_as_it_says_many_times_over(server: Running) -> None:
    fuzz(server, "/api", 300)


def fuzz(server: Running, prefix: str, examples: int) -> None:
    """Ask each operation under a prefix so often, with what schemathesis makes of the schema, valid and not."""
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json", headers=BEARER)
    checks = [check for check in CHECKS.get_all() if check.__name__ not in UNFIT]
    asked = 0
    for result in schema.include(path_regex=rf"^{prefix}/[a-z]".replace("{", "\\{").replace("}", "\\}")).get_all_operations():
        operation = result.ok()
        if operation.path.endswith("/events/stream") or (prefix == "/api" and operation.path.startswith("/api/minds")):
            continue
        asked += 1

        def one(case: Any) -> None:
            if "mind" in (case.path_parameters or {}):
                case.path_parameters["mind"] = "default"
            case.call_and_validate(base_url=server.url, headers=BEARER, checks=checks)

        run = settings(
            max_examples=examples, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
        )
        run(given(case=operation.as_strategy())(one))()
    assert asked > 20
