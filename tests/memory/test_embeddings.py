"""Embedders: the port's contract, what an endpoint answers, and the caches an embedder is used through."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import apsw
import numpy as np
import pytest
from numpy.typing import NDArray

from pmm.errors import ConfigError, ModelCancelled, ModelMalformed, ModelRefused, ModelTimeout, ModelUnavailable
from pmm.memory.embedding_cache import EmbeddingCache
from pmm.memory.embeddings import CachedEmbedder, Embedder, HashedEmbedder, digest
from pmm.memory.endpoint import EndpointEmbedder
from pmm.memory.words import Words
from pmm.storage.door import Counts, Door
from pmm.storage.locks import WriteLock
from pmm.testing import EmbedderContract


def words() -> Callable[[str], list[str]]:
    return Words(Door(apsw.Connection(":memory:"), Counts(), WriteLock(), durable=False)).of


class TestHashed(EmbedderContract):
    def embedder(self) -> Embedder:
        return HashedEmbedder(words())


def test_the_hashed_one_is_the_same_on_every_machine() -> None:
    row = HashedEmbedder(str.split).embed(["the red boat"])[0]
    assert np.allclose(row[:4], [-0.02570766, 0.05578369, -0.00436837, -0.02570766], atol=1e-6)


def test_forms_of_a_word_are_one_to_the_hashed_one() -> None:
    one, other, third = HashedEmbedder(words()).embed(["We sailed the boats", "sailing a boat", "Taxes are due"])
    assert one @ other > 0.9 > 0.2 > abs(one @ third)


# -- a server ------------------------------------------------------------------------------------------------------------------------


class Server:
    """Speaks OpenAI's /v1/embeddings. answer: what to say instead, as (status, body); limit: characters a text may have."""

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] | None = None
        self.limit = 10**9
        self.asked: list[Any] = []
        self.headers: Mapping[str, str] = {}
        self.wait = threading.Event()
        self.wait.set()
        self._embedder = HashedEmbedder(words())
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.wait.wait(60)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.asked.append(body)
                server.headers = dict(self.headers)
                status, raw = server.answer or server._told(body["input"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def _told(self, texts: list[str]) -> tuple[int, bytes]:
        if any(len(text) > self.limit for text in texts):
            return 400, b'{"error": {"message": "too long"}}'
        rows = [{"index": n, "embedding": row.tolist()} for n, row in enumerate(self._embedder.embed(texts))]
        return 200, json.dumps({"data": rows[::-1]}).encode()  # in any order

    def close(self) -> None:
        self.wait.set()
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


class TestEndpoint(EmbedderContract):
    @pytest.fixture(autouse=True)
    def _place(self, shared: Server) -> None:
        self.url = shared.url

    def embedder(self) -> Embedder:
        return EndpointEmbedder("some-model", base_url=self.url, api_key="sk-secret")


def test_an_endpoint_is_asked_as_the_protocol_says(server: Server) -> None:
    embedder = EndpointEmbedder("some-model", base_url=f" {server.url}/ ", api_key="sk-secret\n")
    assert server.asked == []
    assert embedder.embed(["one", "", "two"]).shape == (3, 384) and embedder.dimensions == 384
    assert server.asked == [{"model": "some-model", "input": ["one", "two"], "encoding_format": "float"}]
    assert server.headers["Authorization"] == "Bearer sk-secret"
    embedder.close()


def test_a_text_too_long_for_the_model_is_encoded_by_its_beginning_and_the_others_whole(server: Server) -> None:
    embedder = EndpointEmbedder("m", base_url=server.url)
    whole = embedder.embed(["the red boat", "taxes"])
    server.limit = 400
    rows = embedder.embed(["the red boat", "sourdough bread " * 200, "taxes"])
    assert np.allclose(rows[[0, 2]], whole)
    assert [len(body["input"][0]) for body in server.asked[-5:]] == [12, 3200, 1599, 799, 399] or server.asked[-1]["input"] == ["taxes"]
    server.limit = 10
    with pytest.raises(ModelRefused):
        embedder.embed(["sourdough bread " * 200])
    embedder.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, b"{}"), ModelRefused),
        ((404, b""), ModelRefused),
        ((400, b"no"), ModelRefused),
        ((429, b""), ModelUnavailable),
        ((503, b""), ModelUnavailable),
        ((200, b""), ModelMalformed),
        ((200, b"[]"), ModelMalformed),
        ((200, b'{"data": []}'), ModelMalformed),
        ((200, b'{"data": [{"embedding": []}]}'), ModelMalformed),
        ((200, b'{"data": [{"embedding": ["x"]}]}'), ModelMalformed),
        ((200, b'{"data": [{"embedding": [1]}, {"embedding": [1]}]}'), ModelMalformed),
        ((200, b'{"data": [{"embedding": [1, 2, 3]}]}'), ModelMalformed),  # another size than before
        ((200, b"\xff\xfe"), ModelMalformed),
    ],
)
def test_what_an_endpoint_may_answer_has_one_meaning(server: Server, answer: tuple[int, bytes], error: type[Exception]) -> None:
    embedder = EndpointEmbedder("m", base_url=server.url, api_key="sk-very-secret")
    assert embedder.dimensions == 384
    server.answer = answer
    with pytest.raises(error) as caught:
        embedder.embed(["hello"])
    assert "secret" not in str(caught.value) + str(getattr(caught.value, "hint", ""))
    embedder.close()


def test_a_server_that_is_not_there_is_unavailable_and_one_that_hangs_times_out(server: Server) -> None:
    gone = EndpointEmbedder("m", base_url="http://127.0.0.1:1/v1")
    with pytest.raises(ModelUnavailable, match="can't be reached"):
        gone.embed(["hello"])
    server.wait.clear()
    slow = EndpointEmbedder("m", base_url=server.url, timeout_s=0.2)
    with pytest.raises(ModelTimeout):
        slow.embed(["hello"])
    for one in (gone, slow):
        one.close()
        with pytest.raises(ModelCancelled):
            one.embed(["hello"])


@pytest.mark.parametrize(
    ("url", "key"), [("", ""), ("ftp://x", ""), ("http://", ""), ("http://[", ""), ("http://a/v1", "clé"), ("http://a", "a\nb")]
)
def test_an_address_or_key_that_can_not_be_used_is_refused(url: str, key: str) -> None:
    with pytest.raises(ConfigError):
        EndpointEmbedder("m", base_url=url, api_key=key)


# -- caches --------------------------------------------------------------------------------------------------------------------------


class Counting(Embedder):
    """Three numbers from a text's length; remembers what it was asked."""

    name, dimensions = "counting", 3

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append(list(texts))
        return np.array([[len(text), 1, 0.1] for text in texts], np.float32)


class Kept(EmbeddingCache):
    """A cache in a dict."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}

    def get(self, name: str, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        assert name == "counting"
        return {key: self.kept[key] for key in digests if key in self.kept}

    def put(self, name: str, vectors: Mapping[bytes, bytes]) -> None:
        self.kept |= vectors


def test_a_text_is_encoded_once_whoever_asks() -> None:
    inner = Counting()
    cached = CachedEmbedder(inner)
    first = cached.embed(["a", "bb", "a"])
    assert inner.asked == [["a", "bb"]]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(cached.embed(["bb", "ccc"])[0], first[1])
    assert np.array_equal(cached.query("a"), first[0])
    assert inner.asked == [["a", "bb"], ["ccc"]]
    assert (cached.hits, cached.misses) == (2, 3)
    assert cached.embed([]).shape == (0, 3)


def test_what_a_farther_cache_knows_is_put_into_the_nearer_one_and_what_is_new_into_both() -> None:
    near, far, inner = Kept(), Kept(), Counting()
    CachedEmbedder(inner, [far]).embed(["far"])
    CachedEmbedder(inner, [near]).embed(["near!"])
    cached = CachedEmbedder(inner, [near, far])
    rows = cached.embed(["far", "near!", "new"])
    assert inner.asked[2:] == [["new"]]
    assert set(near.kept) == {digest("far"), digest("near!"), digest("new")}
    assert set(far.kept) == {digest("far"), digest("new")}  # what the nearer one has is not pressed on the farther one
    assert np.array_equal(CachedEmbedder(Counting(), [near]).embed(["far", "near!", "new"]), rows)
    assert (cached.hits, cached.misses) == (2, 1)


def test_a_question_is_remembered_but_never_kept() -> None:
    near, inner = Kept(), Counting()
    cached = CachedEmbedder(inner, [near])
    cached.query("is this private?")
    cached.query("is this private?")
    assert len(inner.asked) == 1 and not near.kept
    cached.embed(["is this private?"])  # now it was said
    assert len(inner.asked) == 1 and list(near.kept) == [digest("is this private?")]


def test_what_is_least_lately_used_is_forgotten_first() -> None:
    inner = Counting()
    cached = CachedEmbedder(inner, size=2)
    for text in ("a", "bb", "a", "ccc", "a", "bb"):
        cached.query(text)
    assert inner.asked == [["a"], ["bb"], ["ccc"], ["bb"]]


@pytest.mark.parametrize("raw", [b"", b"\x00" * 5, b"\x00" * 8, np.array([1, np.nan, 0], "<f2").tobytes(), b"\xff" * 6])
def test_what_can_not_be_a_vector_is_encoded_again(raw: bytes) -> None:
    near = Kept()
    expected = CachedEmbedder(Counting()).embed(["boat"])
    near.kept[digest("boat")] = raw
    assert np.array_equal(CachedEmbedder(Counting(), [near]).embed(["boat"]), expected)
    assert near.kept[digest("boat")] == expected[0].astype("<f2").tobytes()


@pytest.mark.parametrize("rows", [np.zeros((1, 2)), np.zeros((2, 3)), np.array([[1, np.inf, 0]])])
def test_an_embedder_that_gives_something_else_is_told(rows: NDArray[np.float64]) -> None:
    class Wrong(Counting):
        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return rows.astype(np.float32)

    with pytest.raises(ModelMalformed):
        CachedEmbedder(Wrong()).embed(["boat"])
