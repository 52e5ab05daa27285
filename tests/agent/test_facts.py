"""Facts, decided: what an assertion brings with it, what is refused, and which facts bear on a question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.agent.facts import (
    asked_for,
    assert_fact,
    fact_line,
    in_opening,
    is_single,
    matching,
    retract_fact,
    superseding,
    supersessions,
)
from pmm.errors import InvalidInput
from pmm.events import FactAsserted, FactRetracted, UserMessage
from pmm.projections.facts import Fact, Facts

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def fact(id: int, relation: str = "lives in", value: str = "Lyon", subject: str = "user", **more: Any) -> Fact:
    return Fact(id=id, subject=subject, relation=relation, value=value, since=NOW, **more)


def view_of(*current: Fact, past: Sequence[Fact] = (), overflow: int = 0, ended: int | None = None, replies: Sequence[int] = ()) -> Any:
    turns = tuple(SimpleNamespace(reply=id) for id in replies)
    facts = Facts(tuple(current), overflow, tuple(past), len(past) if ended is None else ended)
    return SimpleNamespace(facts=facts, conversation=SimpleNamespace(sessions={"main": SimpleNamespace(turns=turns)}), head=99)


def asserted(relation: str = "lives in", value: str = "Oslo", subject: str = "user", **more: Any) -> FactAsserted:
    return FactAsserted(content="x", subject=subject, relation=relation, value=value, **more)


@pytest.mark.parametrize(
    ("relation", "single"),
    [
        *(
            (one, True)
            for one in ("lives in", "Works at", "works as", "is married to", "was born on", "birthday", "diet", "wife", "is from")
        ),
        *((one, True) for one in ("favourite colour", "favorite film", " Favourite  Food ")),
        *(
            (one, False)
            for one in ("speaks", "likes", "hates", "is allergic to", "dog", "sister", "son", "has", "plays", "favourite", "", "x")
        ),
    ],
)
def test_some_relations_have_one_value_at_a_time(relation: str, single: bool) -> None:
    assert is_single(relation) is single


def test_what_holds_already_is_not_asserted_again() -> None:
    view = view_of(fact(7), fact(8, "likes", "tea"))
    assert assert_fact(view, " User ", "Lives  in", "lyon.") == 7
    assert assert_fact(view, "user", "likes", "TEA") == 8
    assert isinstance(assert_fact(view, "Ana", "lives in", "Lyon"), list)


def test_a_newer_value_takes_the_place_of_the_older_where_there_can_be_one() -> None:
    view = view_of(fact(7, text="I live in Lyon."), fact(8, "likes", "tea"), fact(9, "lives in", "Rome", "Ana"))
    new, gone = assert_fact(view, "user", "lives in", "Oslo", sentence="I live in Oslo.", source=5, valid_from="2026-02-01")  # type: ignore[misc]
    assert new == FactAsserted(
        content="I live in Oslo.", subject="user", relation="lives in", value="Oslo", source=5, valid_from=date(2026, 2, 1)
    )
    assert gone == FactRetracted(content="I live in Lyon.", fact=7, reason="superseded", superseded_by=-1, source=5)
    (more,) = assert_fact(view, "user", "likes", "coffee")  # type: ignore[misc]
    assert more == FactAsserted(content="user likes coffee", subject="user", relation="likes", value="coffee")


def test_what_a_model_read_takes_the_place_of_the_users_own_word_only_if_said_later() -> None:
    view = view_of(fact(7, source=5))
    assert assert_fact(view, "user", "lives in", "Oslo", source=5, origin="model", confidence=0.8) == 7
    assert superseding(view, asserted(source=5, origin="model"), 1) == []
    later = assert_fact(view, "user", "lives in", "Oslo", source=12, origin="model", confidence=0.8)
    assert isinstance(later, list) and [e.kind for e in later] == ["fact_asserted", "fact_retracted"]
    assert assert_fact(view, "user", "lives in", "Oslo", source=12, origin="chatgpt") == 7
    read = view_of(fact(7, origin="model", confidence=0.8))
    for origin, source in (("user", None), ("model", 3)):
        assert len(assert_fact(read, "user", "lives in", "Oslo", origin=origin, source=source)) == 2  # type: ignore[arg-type]


def test_what_the_mind_said_itself_is_no_fact() -> None:
    with pytest.raises(InvalidInput, match="said itself"):
        assert_fact(view_of(replies=(12,)), "user", "likes", "tea", source=12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": ""},
        {"relation": " \n"},
        {"value": "..."},
        {"value": None},
        {"subject": "x" * 101},
        {"relation": "x" * 61},
        {"value": "x" * 501},
        {"confidence": 0},
        {"confidence": 1.1},
        {"confidence": float("nan")},
        {"confidence": True},
        {"confidence": "1"},
        {"valid_from": "yesterday"},
        {"valid_from": NOW},
        {"valid_from": 5},
        {"evidence": tuple(range(1, 40))},
        {"sentence": "x" * 2001},
        {"origin": ""},
    ],
)
def test_what_is_no_fact_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        assert_fact(view_of(), **{"subject": "user", "relation": "likes", "value": "tea"} | wrong)


def test_a_fact_that_holds_can_be_taken_back() -> None:
    assert retract_fact(view_of(fact(7, text="I live in Lyon.")), 7, "a joke") == FactRetracted(
        content="I live in Lyon.", fact=7, reason="a joke"
    )
    for id, reason in ((8, ""), (7, "x" * 3000), (7, None)):
        with pytest.raises(InvalidInput):
            retract_fact(view_of(fact(7)), id, reason)  # type: ignore[arg-type]


def test_in_a_turn_each_assertion_supersedes_by_its_place_in_the_append() -> None:
    view = view_of(fact(7), fact(8, "works at", "Acme"))
    found = [UserMessage(content="x", source="cli", session="main"), asserted(source=5), asserted("works at", "Bolt", source=5)]
    assert supersessions(view, found, 3) == [
        FactRetracted(fact=7, reason="superseded", superseded_by=-5, source=5),
        FactRetracted(fact=8, reason="superseded", superseded_by=-6, source=5),
    ]


def test_of_two_values_in_one_message_the_last_holds_and_nothing_is_retracted_twice() -> None:
    view = view_of(fact(7))
    found = [asserted(value="Rome"), FactRetracted(fact=7, reason="the user said so"), asserted(value="Oslo")]
    assert supersessions(view, found, 0) == [FactRetracted(fact=-1, reason="superseded", superseded_by=-3)]
    assert [e.fact for e in supersessions(view, [asserted(value="Rome"), asserted(value="Oslo")], 0)] == [7, -1]


# -- showing -----------------------------------------------------------------------------------------------------------------------------


def test_a_fact_is_quoted_with_since_when_it_holds_and_what_is_wrong_with_it() -> None:
    assert fact_line(fact(7)) == "fact #7 · user lives in Lyon (since 2026-03-02)"
    told = fact_line(fact(7, valid_from=date(2025, 5, 1), stale=True, origin="model"))
    assert told == "fact #7 · user lives in Lyon (since 2025-05-01; from model; stale: what it was derived from holds no more)"
    assert fact_line(fact(7, until=NOW)) == "fact #7 · user lives in Lyon (since 2026-03-02, until 2026-03-02)"


def test_an_opening_is_known_to_quote_a_fact_whatever_other_lines_say() -> None:
    opening = f"[memory 0]\n- {fact_line(fact(7))}\n- fact-like: fact #8 · x\n[/memory 0]"
    assert in_opening(7, opening) and not in_opening(8, opening) and not in_opening(77, opening)


def test_facts_that_share_words_with_a_question_are_found_best_first() -> None:
    facts = [fact(7), fact(8, "lives in", "Paris", "sister"), fact(9, "is allergic to", "cats"), fact(10, "likes", "tea", stale=True)]
    assert [(f.id, share) for f, share in matching(facts, "Where does my sister live?")] == [(8, 1.0), (7, 0.5)]
    assert [f.id for f, _ in matching(facts, "am I allergic?")] == [9]
    assert [f.id for f, _ in matching(facts, "living!", 1)] == [8]
    assert matching(facts, "what is it that you do?") == matching(facts, "") == matching([], "live") == []


@given(st.text(max_size=200))
def test_any_text_can_be_matched(text: str) -> None:
    assert len(matching([fact(n, value=text[:40]) for n in range(5)], text)) <= 3
    asked_for(view_of(fact(7)), text)


# -- answering ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("where do i live", [1]),
        ("what city do i live in", [1]),
        ("who do i work for", [2]),
        ("what do i do for a living", [3]),
        ("what's my job", [3]),
        ("what is my favorite color", [4]),
        ("what languages do i speak", [5, 6]),
        ("what is my dog's name", [7]),
        ("what's the name of my dog", [7]),
        ("who's my wife", [8]),
        ("where does my sister live", [9]),
        ("when is my birthday", [10]),
        ("when was i born", [10]),
        ("where did i live before", [11]),
        ("where did i use to live", [11]),
        ("what is my favourite film", []),
        ("where do i live in france", []),
        ("where does my brother live", []),
        ("what am i allergic to", []),
        ("what is my dog doing", []),
        ("why do i live in lyon", []),
    ],
)
def test_a_plain_question_is_answered_by_the_facts_that_answer_it_exactly(question: str, found: list[int]) -> None:
    view = view_of(
        fact(1),
        fact(2, "works at", "Acme"),
        fact(3, "works as", "nurse"),
        fact(4, "favourite colour", "green"),
        fact(5, "speaks", "German"),
        fact(6, "speaks", "French"),
        fact(7, "dog", "Rex"),
        fact(8, "wife", "Ana"),
        fact(9, "lives in", "Paris", "sister"),
        fact(10, "was born on", "3 May 1980"),
        past=[fact(11, value="Rome", superseded_by=1, ended=12), fact(13, value="Mars", ended=14, reason="undone")],
    )
    assert [f.id for f in asked_for(view, question)] == found


def test_what_the_state_cannot_tell_exactly_is_left_to_others() -> None:
    ask = lambda view: asked_for(view, "where do i live")
    assert ask(view_of(fact(1))) != []
    assert ask(view_of(fact(1, stale=True))) == ask(view_of(fact(1, origin="model"))) == ask(view_of(fact(1), overflow=1)) == []
    assert ask(view_of(fact(1), fact(2, value="Oslo"))) == []
    before = view_of(past=[fact(11, superseded_by=1, ended=12)], ended=70)
    assert asked_for(before, "where did i live before") == []
