"""Ollama's own interface, proper and improper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from model_server import ModelServer, Script, answers, ollama_says, streams

from pmm.errors import ConfigError, ModelCutOff, ModelError, ModelMalformed, ModelRefused, ModelUnavailable
from pmm.llm.model import Options, Piece, TokenUsage
from pmm.llm.ollama import OllamaModel, ollama_wire, server_models

PROMPT = [{"role": "user", "content": "Hello?"}]
TEXT = "Zażółć gęślą jaźń 👩‍👩‍👧 and more."


@contextmanager
def served(*scripts: Script, **model: Any) -> Iterator[tuple[OllamaModel, ModelServer]]:
    with ModelServer(*scripts) as server:
        opened = OllamaModel("llama3.2", host=server.url, **model)
        try:
            yield opened, server
        finally:
            opened.close()


def ask(model: OllamaModel, **options: Any) -> list[Piece]:
    return list(model.stream(PROMPT, Options(**{"timeout_s": 5.0, "retries": 0, **options})))


def line(text: str = "", **more: Any) -> bytes:
    return json.dumps({"message": {"role": "assistant", "content": text}, "done": False, **more}).encode() + b"\n"


def failure(*scripts: Script) -> ModelError:
    with served(*scripts) as (model, _), pytest.raises(ModelError) as caught:
        ask(model)
    return caught.value


def test_the_request_sets_the_context_and_the_limits() -> None:
    with served(ollama_says(TEXT), window=4096, max_output=100) as (model, server):
        ask(model, max_tokens=500, temperature=0.5, schema={"type": "object"})
        ask(model)
    assert (server.requests[0].path, server.connections) == ("/api/chat", 1)
    assert server.requests[0].json == {
        "model": "llama3.2",
        "messages": PROMPT,
        "stream": True,
        "options": {"num_ctx": 4096, "num_predict": 100, "temperature": 0.5},
        "keep_alive": "30m",
        "format": {"type": "object"},
    }
    assert "format" not in server.requests[1].json


@pytest.mark.parametrize(("reason", "finish"), [("stop", "stop"), ("length", "length"), ("unload", "stop")])
def test_the_last_piece_has_finish_and_usage(reason: str, finish: str) -> None:
    with served(ollama_says(TEXT, reason)) as (model, _):
        pieces = ask(model)
    assert "".join(piece.text for piece in pieces) == TEXT
    assert pieces[-1] == Piece("", finish, TokenUsage(prompt=20, completion=5))  # type: ignore[arg-type]


def test_one_byte_at_a_time_and_odd_lines() -> None:
    whole = b"\n" + line("Zażółć ") + b"\r\n" + line(thinking="hm") + line("gęślą") + line(done=True)
    with served(streams([bytes([byte]) for byte in whole])) as (model, _):
        pieces = ask(model)
    assert "".join(piece.text for piece in pieces) == "Zażółć gęślą"
    assert pieces[-1] == Piece("", "stop")


def test_thinking_is_a_sign_of_life() -> None:
    thought = b'{"message": {"content": "", "thinking": "hm"}, "done": false}\n'
    with served(streams([thought, thought, line("Hi."), line(done=True)])) as (model, _):
        assert ask(model) == [Piece(), Piece("Hi."), Piece("", "stop")]


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (streams([line("Hel")]), ModelCutOff),
        (streams([line("Hel"), b'{"message": {"con']), ModelCutOff),
        (streams([line("Hel")], end=False), ModelCutOff),
        (answers("200 OK", b""), ModelCutOff),
        (streams([line("Hel"), b"<oops>\n"]), ModelMalformed),
        (answers("200 OK", b"<html><title>Sign in</title></html>"), ModelMalformed),
        (streams([b'{"message": "text"}\n']), ModelMalformed),
        (streams([b'{"message": {"content": "\xff"}}\n']), ModelMalformed),
        (streams([line("Hel"), b'{"error": "llama runner process has terminated"}\n']), ModelUnavailable),
        (streams([b'{"error": "bad option", "status_code": 400}\n']), ModelRefused),
        (answers("500 Internal Server Error", {"error": "out of memory"}), ModelUnavailable),
        (answers("400 Bad Request", {"error": "does not support chat"}), ModelRefused),
    ],
)
def test_what_goes_wrong_has_one_meaning(script: Script, kind: type[ModelError]) -> None:
    assert type(failure(script)) is kind


def test_a_model_it_does_not_have_says_how_to_get_it() -> None:
    error = failure(answers("404 Not Found", {"error": "model 'llama3.2' not found"}))
    assert isinstance(error, ModelRefused)
    assert "ollama pull llama3.2" in error.hint


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("http://127.0.0.1:11434", ("127.0.0.1", 11434)),
        ("127.0.0.1", ("127.0.0.1", 11434)),
        ("0.0.0.0:8000", ("127.0.0.1", 8000)),
        ("http://[::]:8000/", ("127.0.0.1", 8000)),
        ("https://models.example/ollama", ("models.example", 443)),
    ],
)
def test_the_host_is_understood_as_ollama_does(host: str, place: tuple[str, int]) -> None:
    wire = ollama_wire(host)
    assert (wire.host, wire.port) == place


def test_a_host_that_cannot_be_one_is_a_setting_error() -> None:
    for host in ("", "http://:99999999", "::::"):
        with pytest.raises(ConfigError, match="ollama_host"):
            ollama_wire(host)


def test_the_list_of_models() -> None:
    rows = {"models": [{"name": "a:latest", "details": {"parameter_size": "8B"}}, {"name": "b", "details": None}, 5]}
    with ModelServer(answers("200 OK", rows), answers("200 OK", {"models": 5})) as server:
        wire = ollama_wire(server.url)
        assert server_models(wire) == [("a:latest", "8B"), ("b", "")]
        with pytest.raises(ModelMalformed):
            server_models(wire)
        wire.close()
    assert server.requests[0].path == "/api/tags"
