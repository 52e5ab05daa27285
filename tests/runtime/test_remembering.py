"""A fact told once is there when it is asked about, however much was said since."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pmm import Mind
from pmm.testing import ScriptedModel
from tests.runtime.test_prefix import chatter

Open = Callable[..., Mind]

FACTS = [
    ("My cat is called Miso and she sleeps in the bathtub.", "What is my cat called?", "Miso"),
    ("I live in Tromsø, on the third floor.", "Where do I live?", "Tromsø"),
    ("I'm allergic to peanuts.", "What am I allergic to?", "peanuts"),
    ("We moved the wedding to 14 September.", "When is the wedding?", "14 September"),
    ("The code of the garage door is 4711.", "what was the garage code again", "4711"),
    ("My sister Ines works as a vet in Porto.", "What does my sister do?", "vet"),
]


@pytest.mark.parametrize(("told", "asked", "answer"), FACTS)
def test_a_fact_of_turn_one_is_in_the_prompt_after_1_5_15_40_and_400_turns(open_mind: Open, told: str, asked: str, answer: str) -> None:
    model = ScriptedModel(["I see. That is interesting, thank you for telling me about it."])
    mind = open_mind(model, synchronous="NORMAL")
    mind.handle_user(told)
    done = 0
    for turns in (1, 5, 15, 40, 400):
        while done < turns:
            mind.handle_user(chatter(done))
            done += 1
        reply = mind.handle_user(asked)  # what the state answers exactly needs no prompt
        shown = reply.text if reply.route == "fast" else "\n".join(m["content"] for m in model.prompts[-1])
        assert answer in shown, f"forgotten after {turns} turns"


def test_it_is_remembered_after_a_restart_and_in_another_session(open_mind: Open) -> None:
    open_mind().handle_user("My cat is called Miso.")
    model = ScriptedModel(["Miso."])
    mind = open_mind(model)
    reply = mind.handle_user("What do you know about my cat, and what is she called?", session="new")
    assert "Miso" in model.prompts[-1][-1]["content"]
    assert mind.log.get(reply.sources[0].id).content == "My cat is called Miso."  # type: ignore[union-attr]
