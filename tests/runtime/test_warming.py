"""Warming: a new epoch's prompt is read before the user speaks, and never in the user's way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from pmm import Mind
from pmm.errors import ModelUnavailable
from pmm.llm.model import PURPOSES, WARM, Message, Options, Piece
from pmm.llm.ollama import OllamaModel
from pmm.llm.openai import OpenAIModel
from pmm.testing import ScriptedModel

Open = Callable[..., Mind]
LIMITS: dict[str, Any] = {"max_transcript_tokens": 2000, "background_tokens_per_day": 10_000_000}


class Warmable(ScriptedModel):
    """Says a hundred words a turn; reads prompts ahead."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(["word " * 100], background={WARM: answers or [""]})

    @property
    def warmed(self) -> list[list[Message]]:
        return [messages for purpose, messages in self.calls if purpose == WARM]


def talk(mind: Mind, turns: int) -> None:
    for n in range(turns):
        mind.handle_user(f"let us talk about the garden, part {n}, and how it grows in spring")
        mind.wait_idle(30)


def test_the_next_turn_begins_with_what_was_read(open_mind: Open) -> None:
    model = Warmable()
    mind = open_mind(model, **LIMITS)
    while not model.warmed:
        talk(mind, 1)
    warm = model.warmed[-1]
    talk(mind, 1)
    after = model.prompts[-1]
    assert after[: len(warm) - 1] == warm[:-1]
    assert len(after) == len(warm)
    called = mind.log.by_kind("model_called")[-1]
    assert (called.purpose, called.outcome) == (WARM, "ok")
    assert called.usage.prompt


def test_one_epoch_is_read_once_and_only_if_it_was_opened_behind_the_users_back(open_mind: Open) -> None:
    model = Warmable()
    mind = open_mind(model, **LIMITS)
    talk(mind, 30)
    opened = mind.log.by_kind("epoch_opened")
    assert len(opened) > 2
    assert len(model.warmed) == len(opened) - 1, "the first was opened by a turn, which had it read"


def test_a_model_that_can_not_read_ahead_is_not_asked(open_mind: Open) -> None:
    model = ScriptedModel(["word " * 100])
    mind = open_mind(model, **LIMITS)
    talk(mind, 20)
    assert len(mind.log.by_kind("epoch_opened")) > 1
    assert not mind.log.by_kind("model_called")


@pytest.mark.parametrize("cap", [0, 500])
def test_the_days_cap_holds(open_mind: Open, cap: int) -> None:
    model = Warmable()
    mind = open_mind(model, **{**LIMITS, "background_tokens_per_day": cap})
    talk(mind, 20)
    assert not model.warmed


def test_a_failure_is_recorded_and_disturbs_nothing(open_mind: Open) -> None:
    model = Warmable(ModelUnavailable("the engine is down."))
    mind = open_mind(model, **LIMITS)
    talk(mind, 20)
    failed = mind.log.by_kind("model_called")
    assert [e.outcome for e in failed] == ["failed"] * len(model.warmed)
    assert failed
    assert not any(lag.failures or lag.parked for lag in mind.background())


def test_it_is_given_up_when_the_user_speaks(open_mind: Open) -> None:
    reading, freed = threading.Event(), threading.Event()

    class Slow(Warmable):
        def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
            if options.purpose == WARM:
                reading.set()
                assert options.cancel.wait(20)
                freed.set()
                return
            yield from super()._stream(messages, options)

    mind = open_mind(Slow(), **LIMITS)
    for n in range(30):
        mind.handle_user(f"let us talk about the garden, part {n}, and how it grows in spring")
        if reading.wait(0.3):
            break
    assert reading.is_set()
    assert mind.handle_user("and now I speak").finish == "stop"
    assert freed.wait(30)
    mind.wait_idle(30)
    assert mind.log.by_kind("model_called")[-1].error == "cancelled"


def test_servers_are_sent_a_prompt_only_to_be_read_if_the_user_says_so() -> None:
    for model in (OpenAIModel("x"), OllamaModel("x")):
        assert model.serves == PURPOSES
    for model in (OpenAIModel("x", warm=True), OllamaModel("x", warm=True)):
        assert model.serves == PURPOSES | {WARM}
