"""An embedder behind any server that speaks OpenAI's /v1/embeddings: the hosted API, Ollama, llama.cpp's server, vLLM."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import numpy as np

from pmm.errors import ConfigError, ModelCancelled, ModelError, ModelMalformed, ModelRefused, ModelTimeout, ModelUnavailable
from pmm.memory.embeddings import Embedder, normalised

if TYPE_CHECKING:
    import httpx2

    from pmm.memory.embeddings import Vectors

HOSTED = "https://api.openai.com/v1"
TIMEOUT_S = 10.0
TEXT_MAX, TEXT_MIN = 6000, 200
"""characters of one text that are sent at first; below which a refused one isn't halved any more"""
TEXTS_AT_ONCE = 64
ANSWER_MAX = 64 * 1024 * 1024
"""bytes of one answer; 64 vectors of 4,096 numbers take a tenth of it"""
TOO_MUCH = frozenset({400, 413, 422, 500})
"""what servers answer to a text that is too long for their model"""


class _Row(msgspec.Struct):
    embedding: list[float]
    index: int = -1


class _Answer(msgspec.Struct):
    data: list[_Row]


class EndpointEmbedder(Embedder):
    """A model of an OpenAI-compatible server. base_url: with its version, such as http://127.0.0.1:11434/v1. Nothing is asked before
    the first text is encoded. A text that is too long for the model is encoded by its beginning.

    Raises ConfigError for an address or a key that can't be used.
    """

    local = False

    def __init__(self, model: str, *, base_url: str = HOSTED, api_key: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._base = base_url.strip().rstrip("/")
        try:
            parts = urlsplit(self._base)
            self._place = parts.netloc.rpartition("@")[2]
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("openai_base_url is not an address.", hint="It looks like http://127.0.0.1:8080/v1.")
        self._key = api_key.strip()
        if not self._key.isascii() or not (self._key or "x").isprintable():
            raise ConfigError("The API key has characters that can't be sent.", hint="Copy it again, without blanks or line ends.")
        self.name = f"openai:{model}" if self._base == HOSTED else f"openai:{model}@{self._place}"
        self._model = model
        self._near = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
        self._host = parts.hostname
        self._timeout_s = timeout_s
        self._size = 0
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None
        self._closed = False

    @property
    def dimensions(self) -> int:
        if not self._size:
            self.embed(["hello"])
        return self._size

    def embed(self, texts: Sequence[str]) -> Vectors:
        asked = [n for n, text in enumerate(texts) if text.strip()]
        rows: dict[int, list[float]] = {}
        for start in range(0, len(asked), TEXTS_AT_ONCE):
            some = asked[start : start + TEXTS_AT_ONCE]
            told = self._asked([texts[n].encode("utf-8", "replace").decode()[:TEXT_MAX] for n in some])
            rows |= dict(zip(some, told, strict=True))
        out = np.zeros((len(texts), self._size or self.dimensions), np.float32)
        for n, row in rows.items():
            out[n] = row
        return normalised(out)

    def _asked(self, texts: list[str]) -> list[list[float]]:
        """One row of numbers for each text, none of them blank."""
        try:
            return self._checked(self._post({"model": self._model, "input": texts, "encoding_format": "float"}), len(texts))
        except _TooMuch:
            if len(texts) > 1:  # one of them is too long for the model: which?
                return [row for text in texts for row in self._asked([text])]
            if len(texts[0]) > TEXT_MIN:
                return self._asked([texts[0][: len(texts[0]) // 2].rstrip() or "."])
            raise

    def _checked(self, raw: bytes, count: int) -> list[list[float]]:
        try:
            rows = msgspec.json.decode(raw, type=_Answer).data
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise ModelMalformed(f"{self._place} sent no embeddings ({str(error)[:100]}).", hint="Is it an embedding model?") from None
        if sorted(row.index for row in rows) == list(range(count)):
            rows.sort(key=lambda row: row.index)
        sizes = {len(row.embedding) for row in rows}
        if len(rows) != count or len(sizes) != 1 or 0 in sizes or (self._size and sizes != {self._size}):
            raise ModelMalformed(f"{self._place} sent {len(rows)} vectors of sizes {sorted(sizes)[:5]} for {count} texts.")
        (self._size,) = sizes
        return [row.embedding for row in rows]

    def _post(self, body: dict[str, Any]) -> bytes:
        import httpx2

        try:
            with self._open().stream("POST", "/embeddings", json=body) as response:
                status = response.status_code
                raw = b"".join(_bounded(response.iter_bytes()))
        except httpx2.TimeoutException:
            raise self._gone() or ModelTimeout(f"{self._place} didn't encode in {self._timeout_s:g} s.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, RuntimeError) as error:  # RuntimeError: closed meanwhile
            raise self._gone() or ModelUnavailable(f"{self._place} can't be reached for embeddings ({type(error).__name__}).") from None
        if status == 200:
            return raw
        said = f"{self._place} answered {status} to a request for embeddings."
        if status in TOO_MUCH:
            raise _TooMuch(said, hint=f"Does it serve the embedding model {self._model!r}?")
        if status in (408, 409, 425, 429) or status > 500:
            raise ModelUnavailable(said)
        raise ModelRefused(said, hint="Check openai_base_url, the API key and the model's name.")

    def _open(self) -> httpx2.Client:
        import httpx2

        with self._lock:
            if self._closed:
                raise ModelCancelled("the embedder was closed.")
            if self._client is None:
                host = f"[{self._host}]" if ":" in self._host else self._host
                self._client = httpx2.Client(
                    base_url=self._base,
                    headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
                    timeout=self._timeout_s,
                    mounts={f"all://{host}": None} if self._near else None,  # a proxy never leads to this machine
                )
            return self._client

    def _gone(self) -> ModelError | None:
        return ModelCancelled("the embedder was closed.") if self._closed else None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()


def _bounded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Of an answer that doesn't end, the beginning: it is no JSON then."""
    room = ANSWER_MAX
    for piece in pieces:
        yield piece
        room -= len(piece)
        if room < 0:
            return


class _TooMuch(ModelRefused):
    """Perhaps the text was too long."""
