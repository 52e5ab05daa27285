"""A real engine behind a real server: llama-cpp-python's, with a model of random weights.

It needs a Python that has llama-cpp-python[server], gguf and numpy (compiling takes minutes); name it, then run with -m slow:
PMM_TEST_LLAMA_PYTHON=/path/to/bin/python
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pmm.config import Settings
from pmm.errors import ModelCancelled, ModelCutOff
from pmm.llm.model import Cancel, Options, Piece
from pmm.llm.openai import OpenAIModel, server_models
from pmm.llm.selection import choose

pytestmark = pytest.mark.slow

PROMPT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "what is it?"}]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    python = os.environ.get("PMM_TEST_LLAMA_PYTHON", "")
    if not python or subprocess.run([python, "-c", "import llama_cpp.server.app, gguf"], capture_output=True, check=False).returncode:
        pytest.skip("PMM_TEST_LLAMA_PYTHON names no Python that has llama-cpp-python[server] and gguf")
    folder = tmp_path_factory.mktemp("llama")
    subprocess.run([python, str(Path(__file__).with_name("tiny_gguf.py")), str(folder / "tiny.gguf")], check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [python, "-m", "llama_cpp.server", "--model", str(folder / "tiny.gguf"), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*command, "--n_ctx", "2048", "--n_threads", "1"], stdout=log, stderr=log)
    try:
        _wait(server, port)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(10)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server didn't start")


@pytest.fixture
def model(address: str) -> Iterator[OpenAIModel]:
    opened = OpenAIModel("tiny", base_url=address, window=2048)
    yield opened
    opened.close()


def ask(model: OpenAIModel, **options: Any) -> list[Piece]:
    return list(model.stream(PROMPT, Options(**{"timeout_s": 30.0, "max_tokens": 40, **options})))


def test_it_answers(model: OpenAIModel) -> None:
    for temperature in (None, 0.0, 1.0):
        pieces = ask(model, temperature=temperature)
        assert "".join(piece.text for piece in pieces)
        assert pieces[-1].finish in ("stop", "length")


def test_it_holds_to_a_schema_in_the_form_it_knows(model: OpenAIModel) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": ["yes", "no"]}}, "required": ["a"]}
    for _ in range(2):
        answer = "".join(piece.text for piece in ask(model, schema=schema, max_tokens=100))
        assert answer.replace(" ", "").replace("\n", "")[:8] in ('{"a":"ye', '{"a":"no')
    assert "json_schema" in model._refused


def test_a_cancelled_answer_leaves_the_server_ready(model: OpenAIModel) -> None:
    cancel = Cancel()
    stream = model.stream(PROMPT, Options(cancel=cancel, max_tokens=1500, temperature=1.0))
    next(stream)
    cancel.set()
    with pytest.raises(ModelCancelled):
        list(stream)
    assert ask(model)[-1].finish in ("stop", "length")


def test_a_prompt_longer_than_its_context_says_what_to_do(model: OpenAIModel) -> None:
    with pytest.raises(ModelCutOff) as caught:  # the server fails, and sends an empty stream
        list(model.stream([{"role": "user", "content": "word " * 5000}], Options()))
    assert "model_window" in caught.value.hint


def test_it_is_found(model: OpenAIModel, address: str) -> None:
    [(name, _)] = server_models(model._wire)
    assert name.endswith("tiny.gguf")
    assert choose(Settings(openai_base_url=address)).name == f"openai:{name}"
