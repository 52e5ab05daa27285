"""What there is to know of a model is shown once, by `pmm chat` and `pmm models`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pmm import Mind
from pmm.cli.chat import Chat
from pmm.config import Settings
from pmm.errors import ModelUnavailable
from pmm.llm.chain import ChainModel
from pmm.testing import ScriptedModel


def named(name: str, *replies: Any) -> ScriptedModel:
    model = ScriptedModel(replies)
    model.name = name  # type: ignore[misc]
    return model


def test_chat_says_once_who_did_not_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ChainModel([named("a", ModelUnavailable("\x1b[2Jthe server is down.")), named("b", "Here I am.")])
    with Chat(lambda known: Mind.open(tmp_path / "mind.db", model=model), Settings(model_retries=0), tmp_path, "main") as chat:
        for text in ("good morning to you", "and how do you do"):
            assert chat.take(text)
    shown = capsys.readouterr().out
    assert shown.count("Here I am.") == 2
    assert shown.count("a didn't answer") == 1
    assert "the server is down." in shown and "\x1b[2J" not in shown


def test_models_says_what_there_is_to_know_of_a_file(pmm: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model.gguf"
    monkeypatch.setenv("PMM_GGUF", str(file))
    assert "there is no model file" in pmm("models", "--json").stdout
    file.write_bytes(b"not a model")
    assert any(told in pmm("models", "--json").stdout for told in ("isn't installed", "can't be read"))
