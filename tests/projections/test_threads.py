"""Where a client's history goes on: the session that holds it, what it has beyond it, and what was taken back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pmm.events import ReplyEvent, TurnFailedEvent, TurnSuperseded, UserMessage
from pmm.projections.threads import SESSIONS_MAX, TURNS_MAX, Threads
from tests.projections.folding import Folding


def say(mind: Folding, text: str, reply: str | None = "y", session: str = "a") -> int:
    to = mind.put(UserMessage(content=text, source="api", session=session))
    if reply is None:
        mind.put(TurnFailedEvent(to=to, reason="timeout"))
    else:
        mind.put(ReplyEvent(content=reply, to=to, route="model", model="m", finish="stop"))
    return to


def found(mind: Folding, history: list[tuple[str, str]], session: str | None = None) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    return [(f.session, f.held, f.after) for f in mind.threads.find(history, session)]


def test_a_history_is_found_where_it_was_spoken() -> None:
    """With what the session has after it; the session that spoke last comes first; white space doesn't matter."""
    mind = Folding("threads")
    assert mind.threads == Threads() and found(mind, [("one", "y")]) == []
    say(mind, "one")
    second = say(mind, "two")
    say(mind, "one", session="b")
    assert found(mind, [("one", "y")]) == [("b", (0,), ()), ("a", (0,), (second,))]
    assert found(mind, [(" one\n", "y "), ("two", "y")]) == [("b", (0,), ()), ("a", (0, 1), ())]
    assert found(mind, [("one", "y"), ("two", "y")], "b") == [("b", (0,), ())] and found(mind, [("one", "y")], "c") == []
    assert found(mind, [("one", "another")]) == [("b", (0,), ()), ("a", (0,), (second,))], "the user says the same; the reply differs"
    assert [f.exact for f in mind.threads.find([("one", "another")])] == [0, 0]
    assert found(mind, []) == []


def test_what_only_the_client_knows_is_passed_over() -> None:
    """Turns that weren't recorded, in between; and the beginning of a history that the client left out."""
    mind = Folding("threads")
    for text in ("one", "two", "three"):
        say(mind, text)
    assert found(mind, [("one", "y"), ("private", "p"), ("two", "y"), ("three", "y")]) == [("a", (0, 2, 3), ())]
    assert found(mind, [("two", "y"), ("three", "y")]) == [("a", (0, 1), ())]


def test_the_same_turn_again_and_again_is_told_apart_by_its_place() -> None:
    """Asking the third of three alike again leaves the first two."""
    mind = Folding("threads")
    turns = [say(mind, "go on") for _ in range(3)]
    assert found(mind, [("go on", "y")] * 2) == [("a", (0, 1), (turns[2],))]
    assert found(mind, [("go on", "y")] * 3) == [("a", (0, 1, 2), ())]


def test_a_turn_that_failed_or_was_taken_back_is_not_held() -> None:
    mind = Folding("threads")
    failed, gone, kept = say(mind, "one", None), say(mind, "two"), say(mind, "three")
    assert mind.threads.holds("a", gone) and not mind.threads.holds("a", failed) and not mind.threads.holds("b", gone)
    mind.put(TurnSuperseded(turn=gone, by=kept))
    assert not mind.threads.holds("a", gone) and mind.threads.holds("a", kept)
    assert found(mind, [("two", "y")]) == [] and found(mind, [("two", "y"), ("three", "y")]) == [("a", (1,), ())]


def test_the_latest_are_kept() -> None:
    mind = Folding("threads")
    for n in range(SESSIONS_MAX + 5):
        say(mind, "hello", session=f"s{n}")
    for n in range(TURNS_MAX + 5):
        say(mind, f"turn {n}", session="long")
    assert len(mind.threads.sessions) == SESSIONS_MAX and "s0" not in mind.threads.sessions
    assert len(mind.threads.sessions["long"]) == TURNS_MAX and found(mind, [("turn 4", "y")]) == []


PAIRS = st.tuples(st.sampled_from("abc"), st.sampled_from("xy"))


@given(spoken=st.lists(PAIRS, max_size=8), cut=st.integers(0, 8), drop=st.integers(0, 8))
def test_any_part_of_a_conversation_is_found_up_to_its_end(spoken: list[tuple[str, str]], cut: int, drop: int) -> None:
    """From any beginning that was left out to any turn that was asked again, where no turn repeats."""
    spoken = [(f"{user}{n}", reply) for n, (user, reply) in enumerate(spoken)]
    mind = Folding("threads")
    ids = [say(mind, user, reply) for user, reply in spoken]
    history = spoken[min(drop, cut) : cut]
    expected = [("a", tuple(range(len(history))), tuple(ids[cut:]))] if history else []
    assert found(mind, history) == expected
