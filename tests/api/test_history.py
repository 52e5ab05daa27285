"""A client's own history: what is new in it, where it goes on, what was taken back, and what is no conversation at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="the server's extra is not installed")

from tests.projections.folding import Folding

from pmm import InvalidInput
from pmm.api.history import Asked, Message, Met, Part, aside, meet, read
from pmm.events import ReplyEvent, UserMessage


def asked(*texts: str, system: str = "") -> Asked:
    """Texts in turn the user's and the mind's; the last one is new."""
    before = [Message("system", system)] if system else []
    return read([*before, *(Message(("user", "assistant")[n % 2], text) for n, text in enumerate(texts))])


@pytest.fixture
def mind() -> Folding:
    """Two sessions: a with three turns, then b with one that a has too."""
    mind = Folding("threads")
    for session, text in (("a", "one"), ("a", "two"), ("a", "three"), ("b", "one")):
        to = mind.put(UserMessage(content=text, source="api", session=session))
        mind.put(ReplyEvent(content="y", to=to, route="model", model="m", finish="stop"))
    return mind


# -- reading -----------------------------------------------------------------------------------------------------------------------------


def test_only_the_last_message_is_new() -> None:
    got = asked("one", "y", "two", system="Be brief.")
    assert (got.text, got.instruction, got.pairs) == ("two", "Be brief.", (("one", "y"),))


def test_instructions_are_joined_wherever_they_stand() -> None:
    got = read([Message("system", "A"), Message("user", "x"), Message("developer", "B"), Message("assistant", "y"), Message("user", "z")])
    assert got.instruction == "A\n\nB" and got.pairs == (("x", "y"),)


def test_messages_that_make_no_turn_are_lines_all_the_same() -> None:
    """A greeting, a question without an answer, a tool's result, an empty reply."""
    roles = [("assistant", "Hi!"), ("user", "a"), ("user", "b"), ("assistant", "y"), ("tool", "42"), ("assistant", None), ("user", "c")]
    got = read([Message(role, text) for role, text in roles])
    assert got.pairs == (("b", "y"),)
    assert [(line.who, line.pair) for line in got.lines] == [
        *(("assistant", None), ("user", None), ("user", None), ("assistant", 0), ("tool", None), ("assistant", None)),
    ]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [Message("system", "x")],
        [Message("user", "")],
        [Message("user", None)],
        [Message("user", "x"), Message("assistant", "y")],
        [Message("robot", "x")],
        [Message("user", [Part("image_url")])],
        [Message("user", [Part("input_audio"), Part("text", "x")])],
    ],
)
def test_what_asks_nothing_is_refused(messages: list[Message]) -> None:
    with pytest.raises(InvalidInput) as error:
        read(messages)
    assert error.value.hint


@given(st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), st.text(max_size=3) | st.none()), max_size=9))
def test_any_list_of_messages_is_read_or_refused(messages: list[Message]) -> None:
    try:
        got = read(messages)
    except InvalidInput:
        return
    spoken = [m for m in messages if m.role != "system"]
    assert got.text == spoken[-1].content and len(got.lines) == len(spoken) - 1
    assert [line.pair for line in got.lines if line.pair is not None] == list(range(len(got.pairs)))


# -- meeting -----------------------------------------------------------------------------------------------------------------------------


def test_no_earlier_turns_open_a_new_session(mind: Folding) -> None:
    assert meet(asked("one"), mind.threads) == Met(None)


def test_a_history_goes_on_where_most_of_it_is_and_least_is_taken_back(mind: Folding) -> None:
    assert meet(asked("one", "y", "two", "y", "three", "y", "four"), mind.threads) == Met("a")
    assert meet(asked("one", "y", "new"), mind.threads) == Met("b")
    first_of_a, second_of_a = (said.user for said in mind.threads.sessions["a"][:2])
    assert meet(asked("one", "y", "two", "y", "other"), mind.threads) == Met("a", (mind.threads.sessions["a"][2].user,))
    assert meet(asked("one", "y", "other"), mind.threads, named="a").supersedes == (second_of_a, mind.threads.sessions["a"][2].user)
    assert first_of_a not in meet(asked("one", "y", "other"), mind.threads, named="a").supersedes


def test_a_history_that_nobody_knows_opens_a_new_session_and_is_quoted(mind: Folding) -> None:
    met = meet(asked("red", "blue", "green"), mind.threads)
    assert met == Met(None, (), (("user", "red"), ("assistant", "blue")))


def test_turns_in_between_that_only_the_client_knows_are_quoted_once(mind: Folding) -> None:
    """Those after the last turn that is known; the others were quoted when that was spoken."""
    texts = ("one", "y", "two", "y", "three", "y", "private", "p", "new")
    assert meet(asked(*texts), mind.threads) == Met("a", (), (("user", "private"), ("assistant", "p")))
    assert meet(asked("one", "y", "private", "p", "two", "y", "three", "y", "new"), mind.threads) == Met("a")


def test_a_reply_that_differs_is_no_proof_of_a_session(mind: Folding) -> None:
    """By history alone it takes the very words; a session that is named is trusted."""
    assert meet(asked("one", "not y", "new"), mind.threads).session is None
    assert meet(asked("one", "not y", "two", "nor y", "three", "hm", "new"), mind.threads, named="a") == Met("a")


def test_a_turn_in_the_middle_of_an_unknown_conversation_proves_nothing(mind: Folding) -> None:
    """A common one ("thanks", "you're welcome") may stand in any."""
    assert meet(asked("red", "blue", "one", "y", "green", "white", "new"), mind.threads).session is None


def test_the_end_of_a_long_history_is_enough(mind: Folding) -> None:
    assert meet(asked("two", "y", "three", "y", "four"), mind.threads) == Met("a")


def test_a_named_session_with_nothing_earlier(mind: Folding) -> None:
    """A client that always sends everything has taken everything back; one that sends what is new alone has not."""
    all_of_a = tuple(said.user for said in mind.threads.sessions["a"])
    assert meet(asked("uno"), mind.threads, named="a", whole=True) == Met("a", all_of_a)
    assert meet(asked("uno"), mind.threads, named="a") == Met("a")
    assert meet(asked("uno"), mind.threads, named="new", whole=True) == Met("new")
    assert meet(asked("red", "blue", "new"), mind.threads, named="a", whole=True).supersedes == (), "unknown is not edited"


# -- asides ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "### Task:\nGenerate 1-3 broad tags.\n\n### Chat History:\n<chat_history>\nUSER: hi\nASSISTANT: hello\n</chat_history>",
        "  ### Task:\nAnalyze the chat history to determine the necessity of queries\n<chat_history>\nUSER: hi\n</chat_history>",
        "Provide a concise, 5-word-or-less title for the conversation.\n\nConversation:\n\nUser: hi there\n\nAI: hello",
        "<conversation>\nUser: hi\n</conversation>\nGive it a title.",
    ],
)
def test_a_programs_own_questions_are_asides(text: str) -> None:
    assert aside(asked(text))


@pytest.mark.parametrize(
    "text",
    [
        "Give this chat a title",
        "What would be a good title for my book?",
        "### Task: buy milk",
        "User: hi\nAI: hello\nWhat do you make of this conversation?",
        "Tag my photos of the trip",
    ],
)
def test_a_users_questions_are_not(text: str) -> None:
    assert not aside(asked(text))


def test_what_comes_within_a_conversation_is_no_aside() -> None:
    assert not aside(asked("one", "y", "### Task:\nMake a title.\n<chat_history>\nUSER: hi\n</chat_history>"))
