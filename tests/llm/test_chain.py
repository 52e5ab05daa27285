"""Models behind one another: the next one speaks when one doesn't, as long as nothing was said."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from model_server import ModelServer, answers

from pmm import Mind
from pmm.config import Settings
from pmm.errors import ConfigError, ModelCancelled, ModelCutOff, ModelError, ModelRefused, ModelTimeout, ModelUnavailable, UnknownModel
from pmm.llm import chain
from pmm.llm.chain import ChainModel
from pmm.llm.model import PURPOSES, WARM, Cancel, ChatModel, Message, Options, Piece
from pmm.llm.offline import OfflineModel
from pmm.llm.selection import open_speaker
from pmm.testing import ChatModelContract, Scripted, ScriptedModel

HELLO: list[Message] = [{"role": "user", "content": "Hello?"}]


def named(name: str, *replies: Any, **more: Any) -> ScriptedModel:
    model = ScriptedModel(replies or ["I speak."], **more)
    model.name = name  # type: ignore[misc]
    return model


def ask(model: ChatModel, **options: Any) -> str:
    return "".join(piece.text for piece in model.stream(HELLO, Options(**{"retries": 0, "timeout_s": 60.0, **options})))


class Hanging(ChatModel):
    """Never answers, until it is stopped."""

    name = "hanging"

    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        options.cancel.wait(60)
        yield from ()


class TestTheFirst(ChatModelContract):
    def model(self, text: str) -> ChatModel:
        return ChainModel([named("a", text), named("b", "no")])


class TestTheNext(ChatModelContract):
    def model(self, text: str) -> ChatModel:
        return ChainModel([named("a", ModelUnavailable("down.")), named("b", text)])

    def hanging_model(self) -> ChatModel:
        return ChainModel([Hanging(), Hanging()])


@pytest.mark.parametrize("error", [ModelUnavailable("down."), ModelRefused("no key."), ModelCutOff("broke."), ModelTimeout("late.")])
def test_the_next_one_speaks_and_its_name_is_told(error: ModelError) -> None:
    model = ChainModel([named("a", error), named("b", ModelRefused("no.")), named("c", "Here I am.")])
    assert ask(model) == "Here I am."
    assert model.name == "c"
    assert model.notices == (f"a didn't answer: {error.message}", "b didn't answer: no.")


def test_once_something_was_said_nobody_else_says_it_again() -> None:
    other = named("b")
    model = ChainModel([named("a", ["So I ", ModelCutOff("broke.")]), other])
    with pytest.raises(ModelCutOff):
        ask(model)
    assert not other.calls
    assert model.name == "a"


def test_one_that_hangs_takes_only_its_own_time() -> None:
    started = time.monotonic()
    assert ask(ChainModel([Hanging(), named("b")]), first_piece_timeout_s=2.0) == "I speak."
    assert time.monotonic() - started < 30


def test_the_whole_call_has_one_deadline() -> None:
    started = time.monotonic()
    with pytest.raises(ModelTimeout):
        ask(ChainModel([Hanging(), Hanging()]), timeout_s=0.3)
    assert time.monotonic() - started < 30


def test_whoever_stops_it_wants_nobody_else() -> None:
    other = named("b")
    cancel = Cancel()

    def stopped(messages: list[Message]) -> Any:
        cancel.set()
        return Scripted("late", delay_s=0.2)

    with pytest.raises(ModelCancelled):
        ask(ChainModel([named("a", stopped), other]), cancel=cancel)
    assert not other.calls


def test_when_none_answers_the_first_ones_trouble_is_told_first() -> None:
    model = ChainModel([named("a", ModelRefused("a has no key.", hint="Set it.")), named("b", ModelUnavailable("b is down."))])
    with pytest.raises(ModelRefused, match=r"^a has no key. Nor did the next: b is down.$") as caught:
        ask(model)
    assert caught.value.hint == "Set it."


def test_one_that_failed_rests_and_then_speaks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = named("a", ModelUnavailable("down."), "I am back.")
    model = ChainModel([first, named("b")])
    assert [ask(model), ask(model)] == ["I speak.", "I speak."]
    assert len(first.calls) == 1, "nobody waits for it at once again"
    later = itertools.count(time.monotonic() + chain.REST_S + 1)
    with monkeypatch.context() as patched:
        patched.setattr(chain.time, "monotonic", lambda: float(next(later)))
        assert ask(model, timeout_s=1000.0) == "I am back."
    assert (model.name, model.notices) == ("a", ())


def test_its_window_is_that_of_the_smallest_and_its_purposes_those_of_all() -> None:
    model = ChainModel([named("a", window=9000, background=["{}"]), OfflineModel(), named("b", window=5000)])
    assert model.window == 5000
    assert model.serves == PURPOSES
    assert ask(model, purpose="extract") == "{}"
    with pytest.raises(ModelRefused):
        ask(model, purpose=WARM)


def test_one_that_can_not_even_be_loaded_is_passed_over() -> None:
    class Broken(ScriptedModel):
        @property
        def window(self) -> int:  # type: ignore[override]
            raise ModelRefused("no such file.")

        @window.setter
        def window(self, value: int) -> None:
            pass

        loaded = False

    model = ChainModel([Broken(["never"]), named("b", window=5000)])
    assert model.window == 5000
    assert ask(model) == "I speak."
    with pytest.raises(ModelRefused, match="no such file"):
        ChainModel([Broken(["never"])]).window  # noqa: B018


# -- as a mind uses it ---------------------------------------------------------------------------------------------------------------

Open = Callable[..., Mind]


def test_a_mind_records_who_spoke(open_mind: Open) -> None:
    first = named("a", "From a.", ModelUnavailable("down."))
    mind = open_mind(ChainModel([first, named("b", "From b.")]))
    replies = [mind.handle_user(text) for text in ("good morning", "how do you do", "and now then")]
    assert [(r.model, r.text) for r in replies] == [("a", "From a."), ("b", "From b."), ("b", "From b.")]
    assert [(e.before, e.after) for e in mind.log.by_kind("model_switched")] == [(None, "a"), ("a", "b")]


def test_offline_may_be_the_last_resort(open_mind: Open) -> None:
    mind = open_mind(ChainModel([named("a", ModelUnavailable("down.")), OfflineModel()]))
    mind.handle_user("The parrot is called Polly.")
    reply = mind.handle_user("How is the parrot called?")
    assert (reply.model, reply.route) == ("offline", "offline")
    assert "Polly" in reply.text


def test_settings_make_a_chain() -> None:
    known = Settings(fallback_models=" openai:small , offline,openai:big", openai_model="big")
    model = open_speaker("openai", known)
    assert isinstance(model, ChainModel)
    assert [m.name for m in model._models] == ["openai:big", "openai:small", "offline"]
    assert isinstance(open_speaker("offline", Settings(fallback_models="offline, ,")), OfflineModel)


@pytest.mark.parametrize(("names", "error"), [("ofline", UnknownModel), ("auto", ConfigError), ("openai:x,ollama", ConfigError)])
def test_a_fallback_that_names_no_model_is_refused_at_once(names: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        open_speaker("offline", Settings(fallback_models=names))


def test_the_background_has_a_model_of_its_own(open_mind: Open) -> None:
    speaker = ScriptedModel(["I see."], background=["{}"])
    said = {"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}
    with ModelServer(answers("200 OK", said)) as server:
        mind = open_mind(speaker, background_model="openai:small", openai_base_url=f"{server.url}/v1")
        mind.handle_user("Lyon, you know, is home to me.")
        mind.work(20)
        assert [purpose for purpose, _ in speaker.calls] == ["reply"]
        assert [e.model for e in mind.log.by_kind("model_called")] == ["openai:small"]
        assert server.requests[0].json["model"] == "small"


def test_a_background_model_that_is_the_one_that_speaks_is_not_opened_twice(open_mind: Open) -> None:
    speaker = named("openai:small", "I see.", background=["{}"])
    mind = open_mind(speaker, background_model="openai:small", openai_base_url="http://127.0.0.1:9/v1")
    mind.handle_user("Lyon, you know, is home to me.")
    mind.work(20)
    assert [purpose for purpose, _ in speaker.calls] == ["reply", "extract"]
