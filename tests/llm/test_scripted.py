"""The scripted model: what tests of everything else stand on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pmm.errors import ModelCutOff, ModelMalformed, ModelRefused, ModelUnavailable
from pmm.llm.model import PURPOSES, Options, Piece, TokenUsage
from pmm.llm.offline import NO_MODEL, OfflineModel
from pmm.testing import Scripted, ScriptedModel
from pmm.testing.models import common_tokens


def prompt(*contents: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content} for content in contents]


def ask(model: ScriptedModel, *contents: str, purpose: str = "reply", retries: int = 0) -> str:
    return "".join(piece.text for piece in model.stream(prompt(*(contents or ("Hello?",))), Options(purpose=purpose, retries=retries)))


def test_replies_come_in_order_and_the_last_repeats() -> None:
    model = ScriptedModel(["one", "two"])
    assert [ask(model) for _ in range(4)] == ["one", "two", "two", "two"]
    model.replies.append("three")
    model.replies.append("four")
    assert [ask(model) for _ in range(2)] == ["four", "four"]


def test_the_script_may_be_replaced_between_turns() -> None:
    model = ScriptedModel(["one", "two"])
    ask(model)
    model.replies[1] = "deux"
    assert ask(model) == "deux"


def test_other_purposes_have_a_script_of_their_own() -> None:
    model = ScriptedModel(["reply"], background=["first", "second"])
    heard = [ask(model, purpose=purpose) for purpose in ("reply", "extract", "reflect", "reply", "scene")]
    assert heard == ["reply", "first", "second", "reply", "second"]
    assert [purpose for purpose, _ in model.calls] == ["reply", "extract", "reflect", "reply", "scene"]
    assert len(model.prompts) == 2


def test_without_background_only_replies_are_served() -> None:
    model = ScriptedModel(["reply"])
    assert model.serves == {"reply"}
    with pytest.raises(ModelRefused):
        ask(model, purpose="extract")
    assert not model.calls


def test_prompts_are_copies() -> None:
    model = ScriptedModel(["reply"])
    sent = prompt("Hello?")
    list(model.stream(sent))
    sent[0]["content"] = "changed"
    assert model.prompts == [prompt("Hello?")]


def test_a_text_comes_in_words_and_a_list_in_its_pieces() -> None:
    model = ScriptedModel(["  one two\nthree ", ["on", "e t", "wo"]])
    first = [piece.text for piece in model.stream(prompt("x"))]
    assert first == ["  ", "one ", "two\n", "three ", ""]
    assert [piece.text for piece in model.stream(prompt("x"))] == ["on", "e t", "wo", ""]


def test_exceptions_are_raised_where_they_stand() -> None:
    model = ScriptedModel([ModelUnavailable("busy", retry_after_s=0.0), ["half ", ModelCutOff("broke")], ValueError("a bug")])
    with pytest.raises(ModelUnavailable):
        ask(model)
    stream = model.stream(prompt("x"))
    assert next(stream).text == "half "
    with pytest.raises(ModelCutOff, match="broke"):
        next(stream)
    with pytest.raises(ModelMalformed, match="a bug"):
        ask(model)


def test_a_script_can_fail_first_and_answer_when_asked_again() -> None:
    assert ask(ScriptedModel([ModelUnavailable("busy", retry_after_s=0.0), "there"]), retries=1) == "there"


def test_a_scripted_answer_has_its_finish_and_usage() -> None:
    model = ScriptedModel([Scripted(["a", "b"], finish="length", usage=TokenUsage(1, 0, 2)), Scripted("cut", finish=None)])
    assert list(model.stream(prompt("x"))) == [Piece("a"), Piece("b"), Piece("", "length", TokenUsage(1, 0, 2))]
    with pytest.raises(ModelCutOff):
        ask(model)


def test_a_function_answers_from_the_messages() -> None:
    model = ScriptedModel([lambda messages: f"You said {messages[-1]['content']}", lambda messages: Scripted("x", finish="length")])
    assert ask(model, "tea") == "You said tea"
    assert list(model.stream(prompt("x")))[-1].finish == "length"


def test_usage_counts_what_two_prompts_share_from_the_start() -> None:
    model = ScriptedModel(["fine"])
    usages = [
        list(model.stream(prompt(*contents)))[-1].usage
        for contents in (("a" * 320, "b"), ("a" * 320, "b", "c"), ("a" * 160 + "x", "b", "c"), ("z",))
    ]
    assert [usage.cached for usage in usages if usage] == [0, 110, 50, 0]
    assert usages[1] is not None and usages[1].prompt == 115
    assert usages[1].completion == 2


def test_the_common_beginning_is_found_exactly() -> None:
    for length in range(40):
        assert common_tokens(prompt("a" * length + "b" * 5), prompt("a" * length + "c" * 5)) == int(length / 3.2)


def test_the_offline_model_says_the_draft_exactly() -> None:
    for draft in ("", "One. Two!  Three?\n\nfour", "no end", "  leading", "Dr. No\n"):
        pieces = list(OfflineModel().stream(prompt("x"), Options(draft=lambda draft=draft: draft)))  # type: ignore[misc]
        assert "".join(piece.text for piece in pieces) == draft
    assert len(pieces) > 2


def test_the_offline_model_without_a_draft_says_that_there_is_no_model() -> None:
    assert "".join(piece.text for piece in OfflineModel().stream(prompt("x"))) == NO_MODEL


def test_importing_the_shipped_tests_needs_no_test_library() -> None:
    code = "import sys; import pmm.testing; print(sorted({'pytest', 'hypothesis', 'httpx2', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_each_purpose_may_have_its_own_answers_and_only_those_are_served() -> None:
    model = ScriptedModel(["reply"], background={"extract": ["one", "two"], "scene": ["three"]})
    assert model.serves == {"reply", "extract", "scene"}
    assert [ask(model, purpose=purpose) for purpose in ("extract", "scene", "reply", "extract")] == ["one", "three", "reply", "two"]
    assert ScriptedModel().serves == {"reply"} and ScriptedModel(background=["x"]).serves == PURPOSES
    with pytest.raises(ModelRefused):
        ask(model, purpose="reflect")
