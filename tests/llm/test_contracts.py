"""Every model keeps the same contract, whatever is behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from model_server import ModelServer, hangs, ollama_says, says

from pmm.llm.model import ChatModel
from pmm.llm.offline import OfflineModel
from pmm.llm.ollama import OllamaModel
from pmm.llm.openai import OpenAIModel
from pmm.testing import ChatModelContract, Scripted, ScriptedModel


class TestScripted(ChatModelContract):
    def model(self, text: str) -> ChatModel:
        return ScriptedModel([text])

    def hanging_model(self) -> ChatModel:
        return ScriptedModel([Scripted("late", delay_s=5.0)])


class TestOffline(ChatModelContract):
    def model(self, text: str) -> ChatModel:
        return OfflineModel()


class _Served(ChatModelContract):
    servers: list[ModelServer]

    @pytest.fixture(autouse=True)
    def _close(self) -> Iterator[None]:
        self.servers = []
        yield
        for server in self.servers:
            server.close()

    def serve(self, script: Any) -> str:
        self.servers.append(ModelServer(script))
        return self.servers[-1].url


class TestOpenAI(_Served):
    def model(self, text: str) -> ChatModel:
        return OpenAIModel("m", base_url=self.serve(says(text)) + "/v1", api_key="sk-key")

    def hanging_model(self) -> ChatModel:
        return OpenAIModel("m", base_url=self.serve(hangs) + "/v1")


class TestOllama(_Served):
    def model(self, text: str) -> ChatModel:
        return OllamaModel("m", host=self.serve(ollama_says(text)))

    def hanging_model(self) -> ChatModel:
        return OllamaModel("m", host=self.serve(hangs))
