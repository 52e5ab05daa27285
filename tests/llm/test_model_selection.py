"""Which model is chosen, and that looking costs nothing where there is nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from model_server import Exchange, ModelServer, answers

from pmm.config import Settings
from pmm.errors import ModelError, UnknownModel
from pmm.llm import openai
from pmm.llm.llamacpp import LlamaCppModel
from pmm.llm.offline import OfflineModel
from pmm.llm.ollama import OllamaModel
from pmm.llm.openai import OpenAIModel
from pmm.llm.selection import ModelRow, choose, limits, list_models, needed_window, open_model


def nowhere() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def settings(**changes: object) -> Settings:
    return Settings(**{"ollama_host": nowhere(), **changes})  # type: ignore[arg-type]


def ollama_has(*names: str) -> ModelServer:
    return ModelServer(answers("200 OK", {"models": [{"name": name} for name in names]}))


def compatible_has(*names: str) -> ModelServer:
    return ModelServer(answers("200 OK", {"data": [{"id": name} for name in names]}))


def test_a_name_opens_its_adapter() -> None:
    assert isinstance(open_model("offline", settings()), OfflineModel)
    for name, expected in (("openai:gpt-x", "openai:gpt-x"), ("openai", "openai:mine"), (" openai: ", "openai:mine")):
        model = open_model(name, settings(openai_model="mine"))
        assert isinstance(model, OpenAIModel)
        assert model.name == expected
    model = open_model("ollama:llama3.2:1b", settings())
    assert isinstance(model, OllamaModel)
    assert model.name == "ollama:llama3.2:1b"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ofline", "Did you mean offline?"),
        ("opnai:gpt-4o", "Did you mean openai:gpt-4o?"),
        ("gpt-4o", "Did you mean openai:gpt-4o?"),
        ("llama3.1:8b", "Did you mean ollama:llama3.1:8b?"),
        ("offline:big", "Did you mean offline?"),
        ("llamacpp:no-such-model.gguf", "llamacpp:/path/to/model.gguf"),
        ("llamacpp", "PMM_GGUF"),
        ("zzz", "pmm models"),
    ],
)
def test_an_unknown_name_says_what_was_meant(name: str, hint: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        open_model(name, settings())
    assert hint in caught.value.hint


def test_a_gguf_file_is_opened_in_this_process_and_loaded_later(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.touch()
    model = open_model(f"llamacpp:{file}", settings())
    assert isinstance(model, LlamaCppModel) and model.path == file
    assert open_model("llamacpp", settings(gguf=str(file))).name == f"llamacpp:{file}"


def test_auto_takes_a_gguf_file_when_nothing_else_answers(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.touch()
    nowhere = {"ollama_host": "http://127.0.0.1:9", "openai_base_url": "https://api.openai.com/v1"}
    assert choose(settings(gguf=str(file), **nowhere)).name == f"llamacpp:{file}"


def test_a_configured_model_is_taken_before_all_else() -> None:
    choice = choose(settings(model="ollama:x", openai_api_key="sk"))
    assert choice.name == "ollama:x"


def test_auto_takes_a_key_without_looking_further() -> None:
    with ollama_has("llama3.2") as server:
        choice = choose(settings(openai_api_key="sk", ollama_host=server.url))
    assert choice.name == "openai:gpt-4o-mini"
    assert "key" in choice.why
    assert not server.requests


def test_auto_takes_a_local_server_and_says_why() -> None:
    with ollama_has("nomic-embed-text", "llama3.2:1b") as server:
        choice = choose(settings(ollama_host=server.url))
        assert choice.name == "ollama:llama3.2:1b"
        assert server.url in choice.why
        model = open_model("auto", settings(ollama_host=server.url))
        assert model.name == "ollama:llama3.2:1b"
        assert open_model("ollama", settings(ollama_host=server.url)).name == "ollama:llama3.2:1b"


def test_an_address_somebody_set_comes_before_a_daemon_that_happens_to_run() -> None:
    with ollama_has("llama3.2") as daemon, compatible_has("text-embedding-3", "big") as server:
        changed = settings(ollama_host=daemon.url, openai_base_url=server.url + "/v1")
        assert choose(changed).name == "openai:big"
        both = settings(ollama_host=daemon.url, openai_base_url=nowhere() + "/v1")
        assert choose(both).name == "ollama:llama3.2"


def test_a_server_without_a_list_is_taken_with_the_configured_model() -> None:
    with ModelServer(answers("404 Not Found", b"")) as server:
        assert choose(settings(openai_base_url=server.url + "/v1", openai_model="mine")).name == "openai:mine"
    with compatible_has("a", "mine") as server:
        assert choose(settings(openai_base_url=server.url + "/v1", openai_model="mine")).name == "openai:mine"


@pytest.mark.parametrize("script", [answers("200 OK", {"models": []}), answers("500 Oh", b""), answers("200 OK", b"<html>")])
def test_a_daemon_with_nothing_to_offer_is_passed_over(script: object) -> None:
    with ModelServer(script) as server:  # type: ignore[arg-type]
        assert choose(settings(ollama_host=server.url)).name == "offline"
        with pytest.raises(ModelError):
            open_model("ollama", settings(ollama_host=server.url))


def test_auto_with_nothing_there_is_quick_and_loads_no_http_library() -> None:
    code = f"""
import time, sys
from pmm.config import Settings
from pmm.llm.selection import choose, open_model, list_models
settings = Settings(ollama_host={nowhere()!r}, openai_base_url={nowhere()!r} + "/v1")
start = time.perf_counter()
choice = choose(settings)
took = time.perf_counter() - start
open_model("auto", settings), open_model("openai:x", settings), open_model("ollama:x", settings)
assert "httpx2" not in sys.modules
print(choice.name, took)
"""
    name, took = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert name == "offline"
    assert float(took) < 5  # a few ms; nobody is waited for


def test_the_default_address_is_the_hosted_one() -> None:
    assert Settings().openai_base_url == openai.HOSTED


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("gpt-4o-mini", 128_000),
        ("gpt-4.1-nano", 1_047_576),
        ("gpt-4-0613", 8_192),
        ("meta-llama/Llama-3.3-70B", 131_072),
        ("my.gguf", 8_192),
    ],
)
def test_the_window_of_a_known_family(name: str, window: int) -> None:
    assert limits(name, settings())[0] == window
    assert limits(name, settings(model_window=5000))[0] == 5000
    assert open_model(f"openai:{name}", settings(model_window=5000)).window == 5000


def test_a_local_model_is_given_the_window_that_is_needed() -> None:
    assert needed_window(settings()) == 10_240
    assert open_model("ollama:llama3.2", settings()).window == 10_240
    assert open_model("ollama:gemma2", settings()).window == 8_192
    assert open_model("ollama:llama3.2", settings(model_window=32_768)).window == 32_768


def test_the_list_names_what_is_here() -> None:
    with ollama_has("llama3.2") as daemon, compatible_has("a", "b") as server:
        rows = list_models(settings(ollama_host=daemon.url, openai_base_url=server.url + "/v1"))
    assert [row.name for row in rows] == ["offline", "openai:a", "openai:b", "ollama:llama3.2"]
    assert rows[1].where == server.url.removeprefix("http://")


def test_the_list_tells_what_is_missing() -> None:
    host = nowhere()
    assert list_models(settings(ollama_host=host))[1:] == [
        ModelRow("openai:gpt-4o-mini", "api.openai.com", "needs a key: set OPENAI_API_KEY"),
        ModelRow("ollama", host.removeprefix("http://"), "not running"),
    ]


def test_a_server_that_fails_is_a_note_in_the_list() -> None:
    with ModelServer(answers("401 Unauthorized", {"error": "bad key sk-secret"})) as server:
        rows = list_models(settings(openai_base_url=server.url + "/v1", openai_api_key="sk-secret"))
    assert "401: bad key [key]" in rows[1].note
    with ollama_has() as daemon:
        assert list_models(settings(ollama_host=daemon.url))[-1].note == "running, but has no models"


def test_the_list_does_not_wait_for_a_server_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(exchange: Exchange) -> None:
        exchange.sleep(60)
        exchange.keep = False

    monkeypatch.setattr("pmm.llm.selection.LIST_S", 0.2)
    with ModelServer(hangs) as server:
        rows = list_models(settings(ollama_host=server.url))
    assert "didn't answer" in rows[-1].note or "went silent" in rows[-1].note  # whichever limit is seen first on a busy machine
