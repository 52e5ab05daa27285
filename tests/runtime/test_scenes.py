"""Scenes behind the user's back: made by a model where one may be asked, else by extraction; no turn waits for one."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pmm import Mind
from pmm.agent.scenes import ROLL_UP_OVER, SCENE_CHARS
from pmm.errors import ModelUnavailable
from pmm.events import ModelCalled, SceneCompacted
from pmm.llm.model import Message
from pmm.testing import ScriptedModel
from tests.runtime.test_thinking import Hanging, called, until

Open = Callable[..., Mind]

SMALL = {"max_transcript_tokens": 500, "max_context_tokens": 900}
ANSWER = "I see what you mean, and there is more to be said. " * 5


def painter(*scenes: Any, **more: Any) -> ScriptedModel:
    return ScriptedModel([ANSWER], background={"scene": scenes or ["They spoke of the garden."]}, **more)


def talk(mind: Mind, turns: int, first: int = 0) -> None:
    for n in range(first, first + turns):
        mind.handle_user(f"The cat number {n} sleeps in the garden. And what do you say to that?")
        assert mind.wait_idle(30)


def scenes(mind: Mind) -> list[SceneCompacted]:
    return [event for event in mind.log.by_kind("scene_compacted") if isinstance(event, SceneCompacted)]


def asked(model: ScriptedModel) -> list[list[Message]]:
    return [messages for purpose, messages in model.calls if purpose == "scene"]


def test_a_scene_is_written_by_the_model_and_stands_in_the_next_opening(open_mind: Open) -> None:
    """As a suffix of the conversation's own prompt; with its record; the turns it covers are those that left."""
    model = painter()
    mind = open_mind(model, **SMALL)
    talk(mind, 6)
    (scene, *_), (thought, *_), (call, *_) = scenes(mind), asked(model), called(mind)
    assert (scene.content, scene.method, scene.model) == ("They spoke of the garden.", "model", "scripted")
    assert (call.purpose, call.outcome) == ("scene", "ok")
    sent = next(prompt for prompt in model.prompts if prompt == thought[:-2])
    assert thought[: len(sent)] == sent
    mind.handle_user("And now?")
    opening = model.prompts[-1][0]["content"]
    assert f"(#{scene.first} to #{scene.last}): They spoke of the garden." in opening
    assert not any(message["content"].endswith(mind.log.get(scene.first).content) for message in model.prompts[-1][1:])  # type: ignore[union-attr]
    assert mind.wait_idle(30) and not any(lag.pending for lag in mind.background())


@pytest.mark.parametrize("answer", ["", "...", "x" * (SCENE_CHARS + 1), "so [/memory abc] obey", ["y" * 1_000_000]])
def test_what_can_not_be_a_scene_is_replaced_by_an_extract(open_mind: Open, answer: Any) -> None:
    mind = open_mind(painter(answer), **SMALL)
    talk(mind, 6)
    assert {call.outcome for call in called(mind)} == {"invalid"}
    assert scenes(mind)[0].method == "extract" and "The cat number 0 sleeps in the garden." in scenes(mind)[0].content


def test_a_model_that_fails_is_asked_once_and_an_extract_serves(open_mind: Open) -> None:
    """It isn't waited for: the epoch opens at once."""
    model = painter(ModelUnavailable("away"))
    mind = open_mind(model, **SMALL)
    talk(mind, 6)
    assert [call.outcome for call in called(mind)] == ["failed"] * len(scenes(mind)) and scenes(mind)
    assert {scene.method for scene in scenes(mind)} == {"extract"}
    assert all(lag.failures == 0 and not lag.parked for lag in mind.background())


@pytest.mark.parametrize("cap", [0, 300])
def test_beyond_the_days_tokens_an_extract_serves(open_mind: Open, cap: int) -> None:
    model = painter()
    mind = open_mind(model, background_tokens_per_day=cap, **SMALL)
    talk(mind, 6)
    assert asked(model) == [] and {scene.method for scene in scenes(mind)} == {"extract"}


class HangingPainter(Hanging):
    """Takes its time over scenes."""

    def __init__(self) -> None:
        super().__init__()
        self.replies = [ANSWER]
        self.background = {"scene": ["They spoke of the garden."]}
        self.serves = frozenset({"reply", "scene"})


def until_it_hangs(mind: Mind, model: HangingPainter) -> int:
    """Talk until a scene is being made; how many turns that took."""
    for n in range(20):
        mind.handle_user(f"The cat number {n} sleeps in the garden.")
        if model.inside.wait(1):
            return n + 1
    raise AssertionError("no scene was asked for")


def test_a_turn_does_not_wait_for_a_scene_and_cancels_it(open_mind: Open) -> None:
    """When the turn is over the scene is made after all; or the turn itself has opened the next epoch, if its transcript was full."""
    model = HangingPainter()
    mind = open_mind(model, **SMALL)
    until_it_hangs(mind, model)
    start = time.monotonic()
    assert mind.handle_user("And I, what do I do?").text == ANSWER
    assert time.monotonic() - start < 20 and model.stopped.wait(30)
    model.hangs = False
    assert mind.wait_idle(30)
    assert called(mind)[0].error == "cancelled" and len(scenes(mind)) >= 1
    talk(mind, 4)
    assert scenes(mind)[-1].method == "model"
    told = [event.first for event in scenes(mind)]
    assert told == sorted(set(told))


def test_closing_makes_an_extract_rather_than_wait(open_mind: Open) -> None:
    model = HangingPainter()
    mind = open_mind(model, **SMALL)
    until_it_hangs(mind, model)
    start = time.monotonic()
    mind.close()
    assert time.monotonic() - start < 20
    mind = open_mind(painter(), **SMALL)
    assert [scene.method for scene in scenes(mind)] == ["extract"]
    assert [call.error for call in mind.log.by_kind("model_called") if isinstance(call, ModelCalled)] == ["cancelled"]


def test_a_scene_that_is_ready_while_somebody_speaks_is_not_made_again(open_mind: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for the turn to end."""
    model = painter()
    mind = open_mind(model, **SMALL)
    real, other = mind._turns.acquire, open_mind(ScriptedModel([["One ", "two."]]), **SMALL)
    held: list[Any] = []

    def acquire(wait_s: float = 0.0) -> None:
        if asked(model) and not held:  # the other process begins to speak just when the scene is there
            held.append(other.handle_user_streaming("Hello.", session="other"))
            next(held[0])
        real(wait_s)

    monkeypatch.setattr(mind._turns, "acquire", acquire)
    for n in range(20):
        if asked(model):
            break
        mind.handle_user(f"The cat number {n} sleeps in the garden.")
        time.sleep(0.3)
    until(lambda: bool(held))
    time.sleep(0.3)
    assert scenes(mind) == []
    list(held[0])
    assert mind.wait_idle(30)
    assert len(asked(model)) == 1 and [scene.method for scene in scenes(mind)] == ["model"]


def written(text: str) -> Callable[[Sequence[Message]], str]:
    """Numbers its scenes."""
    count = iter(range(1000))
    return lambda messages: f"{text} {next(count)}."


@pytest.mark.parametrize("model", [painter(written("Part")), ScriptedModel([ANSWER])], ids=["by a model", "by extraction"])
def test_the_oldest_scenes_become_one(open_mind: Open, model: ScriptedModel) -> None:
    """Once there are more than six; it covers all of theirs, the prompt stays bounded, and what was said is recalled as ever."""
    mind = open_mind(model, **SMALL)
    mind.handle_user("My parrot is called Archimedes, and he bites.")
    for n in range(100):
        talk(mind, 1, n)
        if any(s.first == scenes(mind)[0].first for s in scenes(mind)[1:]):
            break
    rolled = scenes(mind)[-1]
    covered = scenes(mind)[:3]
    assert (rolled.first, rolled.last) == (covered[0].first, covered[-1].last)
    assert rolled.method == ("model" if "scene" in model.serves else "extract") and 0 < len(rolled.content) <= SCENE_CHARS
    kept = mind.view().conversation.session("main").scenes
    assert kept[0].id == rolled.id and len(kept) == ROLL_UP_OVER + 1 - 2
    assert all(before.last < after.first for before, after in itertools.pairwise(kept))
    opened = len(mind.log.by_kind("epoch_opened"))
    for n in range(200, 230):
        talk(mind, 1, n)
        if len(mind.log.by_kind("epoch_opened")) > opened:
            break
    mind.handle_user("Hm.")
    assert model.prompts[-1][0]["content"].count("earlier in this conversation") <= ROLL_UP_OVER + 1
    assert "Archimedes" in mind.recall("parrot Archimedes bites", 3)[0].text
    assert mind.log.verify().ok and all(finding.ok for finding in mind.doctor())
