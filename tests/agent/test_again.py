"""Which questions may be answered again with the same words: those that stand by themselves, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.agent.again import carried, question

ALONE = [
    "What did Ana say about the piano?",
    "  what did ana SAY about the piano ",
    "Where do I keep the cellar key?",
    "Can you tell me the code for the garage?",
    "How many chairs are in the kitchen?",
    "Who's the dentist in Porto?",
    "Which boat did Ben buy in 2024?",
]
NOT_ALONE = [
    *(
        "",
        "?",
        "Why?",
        "What?",
        "What do you mean?",
        "Can you explain?",
        "Could you give me an example?",
        "What did you say?",
        "Do you agree?",
    ),
    "And what about Ben?",
    "What about the garden then?",
    "What did he say about the piano?",
    "Where did they put it?",
    "Who else knows the piano?",
    "Tell me about the piano again",
    "Can you explain the piano once more?",
    "What was the last thing Ana said?",
    "Is that Ana's piano?",
    "Which one did Ana sell?",
    "What's this piano worth?",
    "The piano is Ana's.",
    "Where is the piano? I sold the violin",
    "Wo steht das Klavier?",
    "Was hat er gekauft?",
    "Où est le piano ?",
    "Will er das Klavier kaufen?",
    "What " + "very " * 100 + "old piano?",
]


@pytest.mark.parametrize("text", ALONE)
def test_a_question_that_names_all_it_asks_about_stands_by_itself(text: str) -> None:
    assert question(text)


@pytest.mark.parametrize("text", NOT_ALONE)
def test_what_points_back_asks_nothing_or_is_another_language_does_not(text: str) -> None:
    assert question(text) == ""


def test_case_blanks_and_the_punctuation_around_it_do_not_count() -> None:
    assert len({question(text) for text in ALONE[:2]}) == 1
    assert question("Which code is for C++?") != question("Which code is for C?")


def test_the_same_words_in_another_order_carry_another_question() -> None:
    assert carried("Can you tell me what Ana bought?") == carried("What Ana bought, please")
    assert carried("Did Ana call Ben?") != carried("Did Ben call Ana?")
    assert carried("Where did Ana live?") != carried("Where does Ana live?")


@given(st.text(max_size=400))
def test_any_text_is_judged(text: str) -> None:
    assert isinstance(question(text), str)
