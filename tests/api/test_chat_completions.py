"""OpenAI's own client, and LangChain's, talk to a mind: what is new, which conversation it is, and what was taken back there."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("openai", reason="OpenAI's client is not installed")

import httpx2
import openai
from running import Running
from serving import TOKEN


@pytest.fixture(scope="module")
def client(server: Running) -> Any:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=TOKEN, max_retries=0) as one:
        yield one


def say(client: Any, *texts: str, **more: Any) -> Any:
    """Texts in turn the user's and the mind's; the last one is new."""
    messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
    return client.chat.completions.create(model="default", messages=messages, **more)


def session_of(answer: Any) -> str:
    return answer.pmm["session"]  # type: ignore[no-any-return]


def events(server: Running, kind: str, after: int = 0) -> list[Any]:
    found = server.get("/api/events", params={"kind": kind, "after": after, "limit": 200})["items"]
    return sorted((event for event in found if event["id"] > after), key=lambda event: event["id"])


def test_minds_are_models(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["default"]
    assert client.models.retrieve("default").owned_by == "pmm"
    with pytest.raises(openai.NotFoundError) as error:
        client.models.retrieve("nobody")
    assert error.value.code == "model_not_found"


def test_an_answer_comes_whole_with_what_it_took(client: Any) -> None:
    answer = say(client, "Hello there, first")
    choice = answer.choices[0]
    assert (choice.message.content, choice.message.role, choice.finish_reason) == ("Fine.", "assistant", "stop")
    assert answer.object == "chat.completion" and answer.model == "default" and answer.id.startswith("chatcmpl-")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_an_answer_comes_piece_by_piece(client: Any) -> None:
    chunks = list(say(client, "words 12 pause 0.001", stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "".join(f"w{n} " for n in range(12))
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop" and len(chunks) > 6
    assert chunks[0].choices[0].delta.role == "assistant" and chunks[-1].usage is not None
    assert len({c.id for c in chunks}) == 1


def test_stop_and_length_are_heeded(client: Any) -> None:
    assert say(client, "words 9 pause 0", stop=["w3"]).choices[0].message.content == "w0 w1 w2 "
    assert say(client, "words 9 pause 0", stop="w1", temperature=0.2, max_tokens=50).choices[0].message.content == "w0 "


def test_a_conversation_without_a_name_goes_on_where_its_history_ends(client: Any) -> None:
    """The session is found again, whatever came between; a request with no earlier turns opens a new one."""
    first = say(client, "A question about rivers")
    other = say(client, "A question about hills")
    assert session_of(first) != session_of(other)
    again = say(client, "A question about rivers", "Fine.", "And lakes?")
    assert session_of(again) == session_of(first)
    third = say(client, "A question about rivers", " Fine.\n", "And lakes?", "Fine.", "And seas?")
    assert session_of(third) == session_of(first)
    assert session_of(say(client, "A question about rivers")) != session_of(first)


def test_only_the_last_message_is_new(client: Any, server: Running) -> None:
    head = server.get("/api/state")["head"]
    say(client, "Tell me of moss", "Moss is green.", "And of ferns?")
    said = [event["content"] for event in events(server, "user_message", head)]
    assert said == ["And of ferns?"]
    header = events(server, "context_built", head)[-1]["content"]
    assert "- user: Tell me of moss\n- assistant: Moss is green." in header, "what only the client knows is quoted"


def test_asking_again_supersedes_the_last_turn(client: Any, server: Running) -> None:
    first = say(client, "What grows here?")
    second = say(client, "What grows here?", "Fine.", "words 3 pause 0")
    third = say(client, "What grows here?", "Fine.", "words 3 pause 0")
    assert session_of(first) == session_of(second) == session_of(third)
    told = events(server, "turn_superseded", second.pmm["user_event"])
    assert [(e["turn"], e["by"]) for e in told] == [(second.pmm["user_event"], third.pmm["user_event"])]


def test_an_edit_supersedes_all_turns_after_it(client: Any, server: Running) -> None:
    texts = ["Count the trees", "Fine.", "Count the bushes", "Fine.", "Count the flowers"]
    turns = [say(client, *texts[:n]) for n in (1, 3, 5)]
    edited = say(client, "Count the trees", "Fine.", "Count the stones")
    assert session_of(edited) == session_of(turns[0])
    told = events(server, "turn_superseded", turns[-1].pmm["user_event"])
    assert [e["turn"] for e in told] == [turn.pmm["user_event"] for turn in turns[1:]]
    on = say(client, "Count the trees", "Fine.", "Count the stones", "Fine.", "And now?")
    assert session_of(on) == session_of(edited) and not events(server, "turn_superseded", edited.pmm["reply_event"])


def test_a_session_can_be_named(client: Any, server: Running) -> None:
    """With X-Session-Id a client may send just what is new."""
    named = {"X-Session-Id": "kitchen"}
    for text in ("I bake bread", "And cake"):
        answer = say(client, text, extra_headers=named)
        assert session_of(answer) == "kitchen"
    assert not [e for e in events(server, "turn_superseded") if e["by"] >= answer.pmm["user_event"]]


def test_a_chat_id_names_a_session_whose_history_is_whole(client: Any, server: Running) -> None:
    """So a request with none takes back everything said in it."""
    chat = {"X-OpenWebUI-Chat-Id": "6f1c"}
    first = say(client, "Teach me chess", extra_headers=chat)
    second = say(client, "Teach me draughts", extra_headers=chat)
    assert session_of(first) == session_of(second) == "chat:6f1c"
    assert [e["turn"] for e in events(server, "turn_superseded", second.pmm["user_event"])] == [first.pmm["user_event"]]


def test_a_reply_kept_in_another_form_takes_nothing_back(client: Any, server: Running) -> None:
    chat = {"X-OpenWebUI-Chat-Id": "7a"}
    say(client, "Name a bird", extra_headers=chat)
    answer = say(client, "Name a bird", "<p>Fine.</p>", "Another", extra_headers=chat)
    assert not events(server, "turn_superseded", answer.pmm["user_event"])


def test_the_system_message_is_an_instruction_for_the_request(client: Any, server: Running) -> None:
    messages = [{"role": "system", "content": "Speak like a pirate. Always be rude."}, {"role": "user", "content": "Good day to you"}]
    answer = client.chat.completions.create(model="default", messages=messages)
    header = events(server, "context_built", answer.pmm["user_event"])[0]["content"]
    assert "Speak like a pirate." in header
    assert not any("rude" in rule["text"] for rule in server.get("/api/directives")["items"])


def test_content_may_come_in_parts(client: Any) -> None:
    parts = [{"type": "text", "text": "words 2"}, {"type": "text", "text": "pause 0"}]
    answer = client.chat.completions.create(model="default", messages=[{"role": "user", "content": parts}])
    assert answer.choices[0].message.content in ("w0 w1 ", "Fine.")


@pytest.mark.parametrize(
    "text",
    [
        "### Task:\nGenerate a concise, 3-5 word title with an emoji.\n### Chat History:\n<chat_history>\nUSER: hi\n</chat_history>",
        "### Task:\nSuggest 3-5 relevant follow-up questions.\n<chat_history>\nUSER: hi\n</chat_history>",
        "Here is the conversation:\n\nUser: hello\n\nAssistant: hi\n\nWrite a short title for it.",
    ],
)
def test_a_clients_own_questions_are_answered_and_not_recorded(client: Any, server: Running, text: str) -> None:
    head = server.get("/api/state")["head"]
    assert say(client, text).choices[0].message.content == "Fine."
    assert not events(server, "user_message", head) and not events(server, "reply", head)


def test_a_request_may_ask_not_to_be_recorded(client: Any, server: Running) -> None:
    """And the conversation goes on past it: nothing is taken back."""
    first = say(client, "Let us talk of wood")
    head = server.get("/api/state")["head"]
    private = say(client, "Let us talk of wood", "Fine.", "A secret", extra_headers={"X-PMM-Record": "no"})
    assert private.pmm["user_event"] is None and not events(server, "user_message", head)
    after = say(client, "Let us talk of wood", "Fine.", "A secret", "Fine.", "And of iron")
    assert session_of(after) == session_of(first)
    later = say(client, "Let us talk of wood", "Fine.", "A secret", "Fine.", "And of iron", "Fine.", "Of steel")
    assert session_of(later) == session_of(first) and not events(server, "turn_superseded", head)


def test_the_same_key_gives_the_same_answer_once(client: Any, server: Running) -> None:
    key = {"Idempotency-Key": "k-1"}
    answers = [say(client, "Only once please", extra_headers=key) for _ in range(2)]
    assert answers[0].pmm["user_event"] == answers[1].pmm["user_event"]


BAD: list[dict[str, Any]] = [
    {"messages": []},
    {"messages": [{"role": "assistant", "content": "hi"}]},
    {"messages": [{"role": "user", "content": "   "}]},
    {"messages": [{"role": "wizard", "content": "hi"}]},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]},
    {"messages": [{"role": "user", "content": "hi"}], "n": 2},
    {"messages": [{"role": "user", "content": "hi"}], "temperature": 3},
    {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 0},
    {"messages": [{"role": "user", "content": "hi"}], "stop": [""]},
    {"messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function", "function": {"name": "f"}}]},
    {"messages": [{"role": "user", "content": "hi"}], "response_format": {"type": "json_object"}},
    {"messages": "hi"},
]


@pytest.mark.parametrize("body", BAD, ids=lambda body: str(body)[:60])
def test_what_cannot_be_answered_is_refused_in_openais_form(server: Running, body: dict[str, Any]) -> None:
    answer = server.http.post("/v1/chat/completions", json={"model": "default", **body})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["message"] and error["type"] == "invalid_request_error"


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b"\xff\xfe", b'{"model": "default"}', b'{"model": 4, "messages": []}', b"null"])
def test_what_cannot_be_read_is_refused(server: Running, sent: bytes) -> None:
    answer = server.http.post("/v1/chat/completions", content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request_error"


def test_a_surrogate_is_refused_and_not_half_kept(server: Running) -> None:
    body = b'{"model": "default", "messages": [{"role": "user", "content": "\\ud800 alone"}]}'
    assert server.http.post("/v1/chat/completions", content=body).status_code == 400


def test_who_bears_no_token_stays_out(server: Running) -> None:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0) as stranger, pytest.raises(openai.AuthenticationError):
        say(stranger, "Hello")


def test_a_mind_that_is_not_there_is_an_unknown_model(client: Any) -> None:
    for name in ("nobody", "../default", "x" * 300, "DEFAULT"):
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model=name, messages=[{"role": "user", "content": "hi"}])


def test_a_client_that_goes_away_stops_its_turn(client: Any, server: Running) -> None:
    import time

    stream = say(client, "words 1000 pause 0.01", stream=True)
    for _ in range(5):
        next(stream)
    stream.close()
    for _ in range(600):
        last = events(server, "reply", server.get("/api/state")["head"] - 3)
        if last and last[-1]["finish"] == "interrupted":
            break
        time.sleep(0.05)
    assert last[-1]["finish"] == "interrupted" and last[-1]["content"].startswith("w0 w1 ")


def test_the_frames_are_those_of_the_format(server: Running) -> None:
    body = {"model": "default", "stream": True, "messages": [{"role": "user", "content": "words 2 pause 0"}]}
    with server.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    assert lines[-1] == "data: [DONE]" and all(line.startswith("data: ") for line in lines)
    assert json.loads(lines[0][6:])["choices"][0]["delta"]["role"] == "assistant"


def test_langchain_talks_to_a_mind(server: Running) -> None:
    """Another client, with a history of its own."""
    langchain = pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")
    model = langchain.ChatOpenAI(model="default", base_url=f"{server.url}/v1", api_key=TOKEN, max_retries=0)
    first = model.invoke([("system", "Be brief."), ("human", "Tell me of whales")])
    assert first.content == "Fine."
    pieces = list(model.stream([("system", "Be brief."), ("human", "Tell me of whales"), ("ai", "Fine."), ("human", "words 5 pause 0")]))
    assert "".join(piece.content for piece in pieces) == "w0 w1 w2 w3 w4 "
    head = server.get("/api/state")["head"]
    said = events(server, "user_message", head - 8)
    assert len({event["session"] for event in said[-2:]}) == 1


def test_another_http_client_needs_nothing_but_json(server: Running) -> None:
    body = {"model": "default", "messages": [{"role": "user", "content": "Plain enough"}], "some_new_field": {"a": [1]}}
    with httpx2.Client() as plain:
        answer = plain.post(f"{server.url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.json()["choices"][0]["message"]["content"] == "Fine." and answer.headers["x-session-id"].startswith("chat-")
