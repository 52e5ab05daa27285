"""OpenAI-compatible servers, proper and improper ones, each a real one on 127.0.0.1."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_server import USAGE, Exchange, ModelServer, Script, answers, data, delta, events, hangs, says, streams

from pmm.errors import ConfigError, ModelCancelled, ModelCutOff, ModelError, ModelMalformed, ModelRefused, ModelTimeout, ModelUnavailable
from pmm.llm.model import Cancel, Options, Piece, TokenUsage
from pmm.llm.openai import OpenAIModel, openai_wire, server_events, server_models
from pmm.llm.wire import split_lines

KEY = "sk-very-secret"
PROMPT = [{"role": "user", "content": "Hello?"}]
TEXT = "Zażółć gęślą jaźń 👩‍👩‍👧 and more."


def breaks_in_mid_chunk(exchange: Exchange) -> None:
    exchange.chunked()
    exchange.send(b"fff\r\ndata: {")
    exchange.keep = False


@contextmanager
def served(*scripts: Script, **model: Any) -> Iterator[tuple[OpenAIModel, ModelServer]]:
    with ModelServer(*scripts) as server:
        opened = OpenAIModel("m", base_url=server.url + "/v1", api_key=KEY, **model)
        try:
            yield opened, server
        finally:
            opened.close()


def ask(model: OpenAIModel, **options: Any) -> list[Piece]:
    return list(model.stream(PROMPT, Options(**{"timeout_s": 60.0, "retries": 0, **options})))


def said(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def failure(*scripts: Script, **options: Any) -> ModelError:
    with served(*scripts) as (model, _), pytest.raises(ModelError) as caught:
        ask(model, **options)
    assert KEY not in str(caught.value) + caught.value.hint + repr(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


# what is sent


def test_the_request_is_a_streaming_chat_completion() -> None:
    with served(says(TEXT), max_output=100) as (model, server):
        ask(model, max_tokens=500, temperature=0.5, purpose="extract", schema={"type": "object"})
    sent = server.requests[0]
    assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.headers["accept-encoding"] == "identity"
    assert sent.json == {
        "model": "m",
        "messages": PROMPT,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 100,
        "temperature": 0.5,
        "response_format": {"type": "json_schema", "json_schema": {"name": "extract", "schema": {"type": "object"}}},
    }


def test_the_hosted_api_gets_the_new_name_of_the_limit() -> None:
    model = OpenAIModel("gpt-x")
    assert "max_completion_tokens" in model._body(PROMPT, Options(), frozenset())
    assert "max_tokens" in model._body(PROMPT, Options(), frozenset({"max_completion_tokens"}))


def test_no_key_means_no_authorization() -> None:
    with ModelServer(says("hi")) as server:
        model = OpenAIModel("m", base_url=server.url + "/v1/chat/completions")
        ask(model)
        model.close()
    assert "authorization" not in server.requests[0].headers
    assert server.requests[0].path == "/v1/chat/completions"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, a connection is read dry, and so can be used again."""
    monkeypatch.setattr("pmm.llm.model.TIDY_S", 30.0)


@pytest.mark.usefixtures("patient")
def test_the_connection_is_kept_between_turns() -> None:
    with served(says(TEXT)) as (model, server):
        for _ in range(5):
            assert said(ask(model)) == TEXT
    assert (server.connections, len(server.requests)) == (1, 5)


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew() -> None:
    def once(exchange: Exchange) -> None:
        says(TEXT)(exchange)
        exchange.keep = False

    with served(once) as (model, server):
        for _ in range(3):
            assert said(ask(model, retries=1)) == TEXT
    assert server.connections == 3


@pytest.mark.parametrize("name", ["stream_options", "max_tokens", "temperature", "response_format"])
@pytest.mark.parametrize("status", ["400 Bad Request", "422 Unprocessable Entity"])
def test_a_parameter_refused_by_name_is_left_out_from_then_on(name: str, status: str) -> None:
    def picky(exchange: Exchange) -> None:
        if name in exchange.json:
            error = {"error": {"message": f"Unsupported parameter: '{name}' is not supported here.", "param": name}}
            answers(status, error if status < "401" else {"detail": [{"loc": ["body", name], "msg": "Extra inputs"}]})(exchange)
        else:
            says(TEXT)(exchange)

    with served(picky) as (model, server):
        for _ in range(2):
            assert said(ask(model, temperature=1.0, schema={"type": "object"})) == TEXT
    tries = [True, True, False, False] if name == "response_format" else [True, False, False]
    assert [name in request.json for request in server.requests] == tries
    assert ("max_completion_tokens" in server.requests[-1].json) == (name == "max_tokens")


def test_several_refused_parameters_are_left_out_one_by_one() -> None:
    def picky(exchange: Exchange) -> None:
        for name in ("stream_options", "max_tokens", "max_completion_tokens"):
            if name in exchange.json:
                return answers("400 Bad Request", {"error": {"message": f"unknown field {name}"}})(exchange)
        return says(TEXT)(exchange)

    with served(picky) as (model, server):
        assert said(ask(model)) == TEXT
    assert len(server.requests) == 4


def test_a_schema_is_sent_in_the_older_form_to_a_server_that_knows_only_that() -> None:
    error = {"error": {"message": "1 validation error: {'loc': ('body', 'response_format', 'type'), 'msg': 'literal_error'}"}}
    refuses = answers("500 Internal Server Error", error)  # as llama-cpp-python's server does
    schema = {"type": "object"}
    with served(refuses, says("{}")) as (model, server):
        for _ in range(2):
            assert said(ask(model, schema=schema)) == "{}"
    assert [request.json["response_format"]["type"] for request in server.requests] == ["json_schema", "json_object", "json_object"]
    assert server.requests[1].json["response_format"]["schema"] == schema


def test_a_server_that_refuses_everything_is_believed_and_nothing_is_remembered() -> None:
    with served(answers("400 Bad Request", {"error": "stream_options and max_tokens and max_completion_tokens are bad"})) as (
        model,
        server,
    ):
        with pytest.raises(ModelRefused, match="are bad"):
            ask(model)
        assert len(server.requests) == 4
        assert not model._refused


def test_a_prompt_that_is_too_long_is_not_taken_for_a_refused_parameter() -> None:
    words = "This model's maximum context length is 8192 tokens, including max_tokens."
    refuses = answers("400 Bad Request", {"error": {"message": words, "code": "context_length_exceeded"}})
    with served(refuses) as (model, server), pytest.raises(ModelRefused) as caught:
        ask(model)
    assert len(server.requests) == 1
    assert "model_window" in caught.value.hint


# what comes back


def test_usage_comes_with_the_last_piece() -> None:
    with served(says(TEXT)) as (model, _):
        last = ask(model)[-1]
    assert last == Piece("", "stop", TokenUsage(prompt=20, cached=12, completion=5))


@pytest.mark.parametrize(
    ("more", "usage"),
    [
        ({"timings": {"cache_n": 100, "prompt_n": 7, "predicted_n": 3}}, TokenUsage(107, 100, 3)),
        ({"usage": {"prompt_tokens": 9, "completion_tokens": 2}, "timings": {"cache_n": 4, "prompt_n": 5}}, TokenUsage(9, 4, 2)),
        ({"usage": {"prompt_tokens": "many", "completion_tokens": None, "prompt_tokens_details": None}}, None),
        ({"usage": [], "timings": 5}, None),
        ({}, None),
    ],
)
def test_usage_in_other_shapes(more: dict[str, Any], usage: TokenUsage | None) -> None:
    with served(streams([data(delta("hi")), data(delta(None, "stop", **more)), data(b"[DONE]")])) as (model, _):
        assert ask(model)[-1] == Piece("", "stop", usage)


@pytest.mark.parametrize(
    ("reason", "finish"), [("stop", "stop"), ("length", "length"), ("max_tokens", "length"), ("eos", "stop"), ("tool_calls", "stop")]
)
def test_how_it_finished(reason: str, finish: str) -> None:
    with served(says(TEXT, finish=reason)) as (model, _):
        pieces = ask(model)
    assert (said(pieces), pieces[-1].finish) == (TEXT, finish)


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([bytes([byte]) for byte in b"".join(events(TEXT))], id="one byte at a time"),
        pytest.param([b"".join(events(TEXT))], id="all at once"),
        pytest.param([b"".join(events(TEXT)).replace(b"\n", b"\r\n")], id="CRLF"),
        pytest.param([bytes([byte]) for byte in b"".join(events(TEXT)).replace(b"\n", b"\r\n")], id="CRLF, one byte at a time"),
        pytest.param([b"".join(events(TEXT)).replace(b"\n", b"\r")], id="CR"),
        pytest.param([b"\xef\xbb\xbf", *events(TEXT)], id="byte order mark"),
        pytest.param([b": OPENROUTER PROCESSING\n\n", *(b": ping\n\n" + event for event in events(TEXT))], id="comments"),
        pytest.param([b"id: 1\nevent: message\nretry: 5\n" + event for event in events(TEXT)], id="other fields"),
        pytest.param([event.replace(b"data: ", b"data:") for event in events(TEXT)], id="no blank after the colon"),
        pytest.param([b'data: {"choices": [{"delta":\ndata: {"content": "%s"}}]}\n\n' % TEXT.encode(), *events("")], id="data in lines"),
        pytest.param([data(b'{"choices": [], "usage": null}'), data(b""), *events(TEXT)], id="empty choices"),
        pytest.param([data(b'{"choices": [{"delta": null}]}'), data(b'{"id": 5}'), *events(TEXT)], id="null delta"),
        pytest.param([*events(TEXT)[:-1]], id="no [DONE]"),
        pytest.param([event for event in events(TEXT) if b'"stop"' not in event], id="no finish"),
        pytest.param([*events(TEXT)[:-1], b"data: [DONE]"], id="no blank line at the end"),
        pytest.param(
            [data(json.dumps({"choices": [{"delta": {"content": [{"type": "text", "text": TEXT}]}}]}).encode()), *events("")], id="parts"
        ),
    ],
)
def test_a_stream_is_read_however_it_is_written(chunks: list[bytes]) -> None:
    with served(streams(chunks)) as (model, _):
        pieces = ask(model)
    assert said(pieces) == TEXT
    assert pieces[-1].finish == "stop"


def test_a_server_that_does_not_stream_answers_in_one_piece() -> None:
    body = {"choices": [{"message": {"role": "assistant", "content": TEXT}, "finish_reason": "length"}], "usage": USAGE}
    for kind in ("application/json; charset=utf-8", "text/plain"):
        with served(answers("200 OK", body, Content_Type=kind)) as (model, _):
            assert ask(model) == [Piece(TEXT), Piece("", "length", TokenUsage(20, 12, 5))]


def test_a_stream_with_the_wrong_content_type_is_read_all_the_same() -> None:
    with served(answers("200 OK", b"".join(events(TEXT)), Content_Type="text/plain")) as (model, _):
        assert said(ask(model)) == TEXT


def test_a_huge_chunk_is_one_piece() -> None:
    text = "x" * 10_000_000
    with served(streams([data(delta(text)), *events("")])) as (model, _):
        assert len(said(ask(model))) == len(text)


def test_a_line_without_end_is_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pmm.llm.wire.MAX_LINE", 100_000)
    assert isinstance(failure(streams([b"data: ", *[b"x" * 10_000] * 20])), ModelMalformed)


def test_thinking_is_a_sign_of_life_and_not_part_of_the_answer() -> None:
    """It comes before a word is said."""
    noticed = threading.Event()

    def thinks(exchange: Exchange) -> None:
        exchange.chunked()
        exchange.chunk(data(json.dumps({"choices": [{"delta": {"reasoning_content": "hm"}}]}).encode()))
        assert noticed.wait(30)
        for event in events(TEXT):
            exchange.chunk(event)
        exchange.end()

    with served(thinks) as (model, _):
        stream = model.stream(PROMPT, Options(timeout_s=60.0, retries=0))
        assert next(stream) == Piece()
        noticed.set()
        assert said(list(stream)) == TEXT


def test_a_slow_first_token_is_waited_for() -> None:
    def slow(exchange: Exchange) -> None:
        exchange.chunked()
        for _ in range(3):
            exchange.sleep(0.1)
            exchange.chunk(b": still reading\n\n")
        exchange.chunk(b"".join(events(TEXT)))
        exchange.end()

    with served(slow) as (model, _):
        assert said(ask(model)) == TEXT


def test_the_last_piece_does_not_wait_for_the_connection_to_end() -> None:
    def lingers(exchange: Exchange) -> None:
        exchange.chunked()
        for event in events(TEXT):
            exchange.chunk(event)
        hangs(exchange)

    with served(lingers) as (model, server):
        start = time.monotonic()
        assert said(ask(model)) == TEXT
        assert time.monotonic() - start < 20
        assert server.gone.wait(30)


@given(raw=st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b"\xc4\x85", b""])), cuts=st.lists(st.integers(0, 40)))
def test_lines_are_the_same_wherever_the_stream_is_cut(raw: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(raw)
    edges = sorted({0, len(whole), *(min(cut, len(whole)) for cut in cuts)})
    chunks = [whole[start:end] for start, end in pairwise(edges)]
    *lines, rest = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert list(split_lines(chunks)) == [(line, True) for line in lines] + ([(rest, False)] if rest else [])


def test_an_event_that_the_end_broke_off_is_marked() -> None:
    assert list(server_events(split_lines([b"data: a\n\ndata: b"]), [])) == [("", b"a", True), ("", b"b", False)]


# what goes wrong


@pytest.mark.parametrize(
    ("status", "body", "kind", "hint"),
    [
        ("401 Unauthorized", {"error": {"message": f"Incorrect API key provided: {KEY}"}}, ModelRefused, "key"),
        ("403 Forbidden", {"error": "no"}, ModelRefused, "key"),
        ("404 Not Found", {"error": {"message": "The model `m` does not exist"}}, ModelRefused, "pmm models"),
        ("400 Bad Request", {"detail": "no such thing"}, ModelRefused, "own words"),
        ("402 Payment Required", {"error": {"message": "no credit"}}, ModelRefused, "billing"),
        ("429 Too Many Requests", {"error": {"message": "no credit", "code": "insufficient_quota"}}, ModelRefused, "billing"),
        ("429 Too Many Requests", {"error": {"message": "slow down"}}, ModelUnavailable, "later"),
        ("500 Internal Server Error", b"<html><title>Oh no</title><body>...</body></html>", ModelUnavailable, "later"),
        ("502 Bad Gateway", b"", ModelUnavailable, "later"),
        ("503 Service Unavailable", {"error": {"message": "Loading model", "code": 503}}, ModelUnavailable, "later"),
        ("504 Gateway Timeout", b"\xff\xfe\x00", ModelUnavailable, "later"),
        ("529 Overloaded", [], ModelUnavailable, "later"),
        ("501 Not Implemented", [1], ModelRefused, "own words"),
    ],
)
def test_a_status_has_one_meaning_and_a_hint(status: str, body: Any, kind: type[ModelError], hint: str) -> None:
    error = failure(answers(status, body if isinstance(body, bytes) else json.dumps(body).encode()))
    assert type(error) is kind
    assert status[:3] in error.message
    assert hint in error.hint


def test_the_servers_own_words_are_kept_and_bounded() -> None:
    error = failure(answers("500 Internal Server Error", b"<html><title>Oh no</title><body>...</body></html>"))
    assert error.message.endswith("said 500: Oh no")
    error = failure(answers("500 Internal Server Error", {"error": {"message": "line\n\n\x1b[31m" + "x" * 100_000}}))
    assert len(error.message) < 300
    assert "\x1b" not in error.message and "\n" not in error.message


@pytest.mark.usefixtures("patient")
def test_a_server_in_trouble_is_asked_again_before_the_first_token() -> None:
    trouble = answers("500 Internal Server Error", b"", Retry_After="0")
    with served(trouble, trouble, says(TEXT)) as (model, server):
        assert said(ask(model, retries=2)) == TEXT
    assert len(server.requests) == 3
    assert server.connections == 1


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry_After": "0.25"}, 0.25),
        ({"Retry_After": "Wed, 21 Oct 2026 07:28:02 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 2.0),
        ({"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:29:00 GMT"}, 0.0),
        ({"Retry_After": "Wed, 21 Oct 2026 07:28:02 GMT"}, None),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-5"}, 0.0),
        ({"Retry_After": "nan"}, None),
        ({}, None),
    ],
)
def test_the_pause_a_server_asks_for(headers: dict[str, str], pause: float | None) -> None:
    error = failure(answers("429 Too Many Requests", b"", **headers))
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after_s == pause


def test_the_pause_a_server_asks_for_is_kept() -> None:
    with served(answers("429 Too Many Requests", b"", Retry_After="0.3"), says(TEXT)) as (model, _):
        start = time.monotonic()
        assert said(ask(model, retries=1)) == TEXT
        assert time.monotonic() - start >= 0.3


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(streams(events(TEXT)[:4], end=False), id="hung up"),
        pytest.param(streams(events(TEXT)[:4]), id="ended"),
        pytest.param(streams([*events(TEXT)[:4], b'data: {"choices": [{"del']), id="ended in mid-line"),
        pytest.param(breaks_in_mid_chunk, id="hung up in mid-chunk"),
        pytest.param(answers("200 OK", b""), id="empty body"),
        pytest.param(answers("200 OK", b"", Content_Type="text/event-stream"), id="empty stream"),
        pytest.param(streams([b": ping\n\n"]), id="nothing but comments"),
        pytest.param(streams([*events(TEXT)[:4], data(b'{"error": {"message": "GPU fell off"}}')]), id="an error of no kind in mid-answer"),
        pytest.param(says(TEXT, finish="error"), id="finished with an error"),
    ],
)
def test_a_stream_that_ends_before_its_end_was_cut_off(script: Script) -> None:
    assert isinstance(failure(script), ModelCutOff)


def test_a_break_after_the_finish_does_no_harm() -> None:
    with served(streams(events(TEXT)[:-2], end=False)) as (model, _):
        pieces = ask(model)
    assert (said(pieces), pieces[-1]) == (TEXT, Piece("", "stop"))


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (data(b'{"choices": [{"delta": {"content": "abc}'), "abc}"),
        (data(b"<oops " + b"x" * 1000), "<oops"),
        (data(b'{"choices": "none"}'), "none"),
        (data(b'{"choices": [{"delta": {"content": "\xff\xfe"}}]}'), "content"),
        (b"Hello, I am not a stream.\n", "Hello, I am not"),
    ],
)
def test_what_cannot_be_read_is_malformed_and_its_beginning_kept(raw: bytes, kept: str) -> None:
    error = failure(streams([data(delta("Hello ")), raw] if raw.startswith(b"data") else [raw]))
    assert isinstance(error, ModelMalformed)
    assert kept in error.message
    assert len(error.message) < 500


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (data(b'{"error": {"message": "slow down", "code": 429}}'), ModelUnavailable),
        (data(b'{"error": {"message": "slow down", "type": "rate_limit_exceeded"}}'), ModelUnavailable),
        (data(b'{"error": {"message": "oh", "type": "server_error"}}'), ModelUnavailable),
        (data(b'{"error": {"message": "no", "type": "invalid_request_error"}}'), ModelRefused),
        (data(b'{"error": {"message": "no", "code": 400}}'), ModelRefused),
        (data(b'{"error": "oh"}'), ModelUnavailable),
        (b'event: error\ndata: {"message": "oh", "code": 500}\n\n', ModelUnavailable),
        (b'error: {"code": 400, "message": "too long", "type": "invalid_request_error"}\n\n', ModelRefused),
        (b'{"error": {"message": "no", "code": 403}}', ModelRefused),
    ],
)
def test_an_error_in_the_stream_has_the_right_meaning(sent: bytes, kind: type[ModelError]) -> None:
    assert type(failure(streams([sent]))) is kind


def test_the_content_filter_is_a_refusal() -> None:
    assert isinstance(failure(says(TEXT, finish="content_filter")), ModelRefused)


def test_a_call_of_a_tool_that_was_not_offered_is_malformed() -> None:
    assert isinstance(failure(streams([data(delta(None, "tool_calls")), data(b"[DONE]")])), ModelMalformed)


def test_a_web_page_is_not_an_answer() -> None:
    error = failure(answers("200 OK", b"<html><title>Sign in</title></html>", Content_Type="text/html; charset=utf-8"))
    assert isinstance(error, ModelMalformed)
    assert "Sign in" in error.message
    assert "openai_base_url" in error.hint


def test_a_redirect_is_told_and_not_followed() -> None:
    error = failure(answers("307 Temporary Redirect", b"", Location="http://elsewhere.example/v1"))
    assert isinstance(error, ModelRefused)
    assert "elsewhere.example" in error.message


def test_something_else_than_http_is_malformed() -> None:
    def other(exchange: Exchange) -> None:
        exchange.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        exchange.sleep(0.2)
        exchange.keep = False

    assert isinstance(failure(other), ModelMalformed)


def test_a_server_that_hangs_up_without_a_word_is_unavailable() -> None:
    assert isinstance(failure(lambda exchange: setattr(exchange, "keep", False)), ModelUnavailable)


def test_nobody_there_is_unavailable() -> None:
    with ModelServer(says(TEXT)) as server:
        pass
    with pytest.raises(ModelUnavailable, match="can't be reached"):
        ask(OpenAIModel("m", base_url=server.url + "/v1", api_key=KEY))


def test_a_name_nobody_knows_is_unavailable() -> None:
    model = OpenAIModel("m", base_url="http://no-such-host.invalid/v1", api_key=KEY)
    try:
        with pytest.raises(ModelUnavailable, match=r"no-such-host\.invalid"):
            ask(model)
    finally:
        model.close()


def test_a_server_that_hangs_is_left_at_the_deadline_and_sees_it() -> None:
    def stuck(exchange: Exchange) -> None:
        streams(events(TEXT)[:4], end=False)(exchange)
        hangs(exchange)

    for script in (hangs, stuck):
        with served(script) as (model, server):
            start = time.monotonic()
            with pytest.raises(ModelTimeout):
                ask(model, timeout_s=0.3)
            assert time.monotonic() - start < 20
            assert server.gone.wait(30)


@pytest.mark.usefixtures("patient")
def test_a_hanging_call_on_a_kept_connection_is_cut_too() -> None:
    with served(says(TEXT), hangs, says(TEXT)) as (model, server):
        ask(model)
        with pytest.raises(ModelTimeout):
            ask(model, timeout_s=0.2)
        assert server.gone.wait(30)
        assert said(ask(model)) == TEXT
    assert server.connections == 2


def test_a_stream_without_end_is_left_when_cancelled() -> None:
    def endless(exchange: Exchange) -> None:
        exchange.chunked()
        while True:
            exchange.chunk(data(delta("more ")))

    cancel = Cancel()
    with served(endless) as (model, server):
        stream = model.stream(PROMPT, Options(cancel=cancel))
        for _ in range(50):
            next(stream)
        start = time.monotonic()
        cancel.set()
        with pytest.raises(ModelCancelled):
            for _ in stream:
                pass
        assert time.monotonic() - start < 20
        assert server.gone.wait(30)
        while any(thread.name == "pmm-openai:m" for thread in threading.enumerate()):
            assert time.monotonic() - start < 30
            time.sleep(0.005)


def test_closing_the_model_ends_a_call_under_way() -> None:
    with served(hangs) as (model, _):
        timer = threading.Timer(0.1, model.close)
        timer.start()
        for _ in range(2):
            with pytest.raises(ModelCancelled, match="closed"):
                ask(model, retries=2)
        timer.join()


def test_a_proxy_is_not_asked_for_a_server_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.invalid:3128")
    with served(says(TEXT)) as (model, _):
        assert said(ask(model)) == TEXT


# addresses, keys, lists


@pytest.mark.parametrize("url", ["", "localhost:8080/v1", "ftp://x", "http://", "http://x:notaport/v1", "file:///etc/passwd"])
def test_an_address_that_cannot_be_one_is_a_setting_error(url: str) -> None:
    with pytest.raises(ConfigError, match="openai_base_url"):
        OpenAIModel("m", base_url=url)


@pytest.mark.parametrize("key", ["sk-a\nb", "sk-ąę", "sk\x00"])
def test_a_key_that_cannot_be_sent_is_a_setting_error_that_does_not_show_it(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        OpenAIModel("m", api_key=key)
    assert key not in str(caught.value)


def test_a_key_and_a_password_are_shown_nowhere() -> None:
    with ModelServer(says(TEXT)) as server:
        pass
    model = OpenAIModel("m", base_url=server.url.replace("//", "//joe:hunter2@"), api_key=KEY)
    with pytest.raises(ModelUnavailable) as caught:
        ask(model)
    shown = repr(model) + repr(model._wire) + str(caught.value) + caught.value.hint
    assert "hunter2" not in shown and KEY not in shown


def test_the_list_of_models() -> None:
    rows = {"data": [{"id": "a"}, {"id": "b", "max_model_len": 4096}, {"id": 5}, "x"]}
    with ModelServer(answers("200 OK", rows)) as server:
        wire = openai_wire(server.url + "/v1/", KEY)
        assert server_models(wire) == [("a", ""), ("b", "context 4096")]
        wire.close()
    assert (server.requests[0].method, server.requests[0].path) == ("GET", "/v1/models")


@pytest.mark.parametrize(("body", "kind"), [(b"<html>", ModelMalformed), (b'{"data": 5}', ModelMalformed), (b"7", ModelMalformed)])
def test_a_list_of_models_that_is_none(body: bytes, kind: type[ModelError]) -> None:
    with ModelServer(answers("200 OK", body)) as server:
        wire = openai_wire(server.url + "/v1", KEY)
        with pytest.raises(kind):
            server_models(wire)
        wire.close()


def test_a_list_that_drips_ends_at_its_deadline() -> None:
    def drips(exchange: Exchange) -> None:
        exchange.chunked("application/json")
        while not exchange.sleep(0.02):
            exchange.chunk(b" ")
        exchange.keep = False

    with ModelServer(drips) as server:
        wire = openai_wire(server.url + "/v1", KEY)
        start = time.monotonic()
        with pytest.raises(ModelTimeout):
            wire.get_json("/models", timeout_s=0.2)
        assert time.monotonic() - start < 20
        wire.close()
