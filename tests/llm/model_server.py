"""A real HTTP server on 127.0.0.1 whose every byte a test decides."""

from __future__ import annotations

import json
import re
import select
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any


class Exchange:
    """One request and the way to answer it. headers: names in lower case."""

    def __init__(
        self, server: ModelServer, connection: socket.socket, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> None:
        self.server = server
        self.connection = connection
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.keep = True

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def send(self, raw: bytes) -> None:
        self.connection.sendall(raw)

    def head(self, status: str = "200 OK", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def chunked(self, content_type: str = "text/event-stream") -> None:
        self.head(Content_Type=content_type, Transfer_Encoding="chunked")

    def chunk(self, raw: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(raw), raw))

    def end(self) -> None:
        self.send(b"0\r\n\r\n")

    def whole(self, status: str, body: bytes, **headers: str) -> None:
        self.head(status, **{"Content_Type": "application/json", **headers, "Content_Length": str(len(body))})
        self.send(body)

    def sleep(self, seconds: float) -> bool:
        """Wait; True as soon as the client has gone or the server closes."""
        readable, _, _ = select.select([self.connection, self.server.closing], [], [], seconds)
        if readable:
            self.server.gone.set()
        return bool(readable)


Script = Callable[[Exchange], None]


class ModelServer:
    """Answers requests with scripts, in order; the last one repeats. Close it."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.requests: list[Exchange] = []
        self.connections = 0
        self.gone = threading.Event()
        """a client left while a script was sleeping or sending"""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.closing, self._close = socket.socketpair()
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._close.close()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        self._socket.close()
        self.closing.close()

    def _accept(self) -> None:
        while True:
            readable, _, _ = select.select([self._socket, self.closing], [], [])
            if self.closing in readable:
                return
            connection, _ = self._socket.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while (exchange := self._read(connection)) is not None:
                    with self._lock:
                        script = self.scripts[min(len(self.requests), len(self.scripts) - 1)]
                        self.requests.append(exchange)
                    script(exchange)
                    if not exchange.keep:
                        return
            except OSError:
                self.gone.set()

    def _read(self, connection: socket.socket) -> Exchange | None:
        raw = b""
        while b"\r\n\r\n" not in raw or len(raw) < self._length(raw):
            readable, _, _ = select.select([connection, self.closing], [], [])
            if self.closing in readable:
                return None
            part = connection.recv(65536)
            if not part:
                return None
            raw += part
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Exchange(self, connection, method, path, headers, body)

    @staticmethod
    def _length(raw: bytes) -> int:
        found = re.search(rb"content-length: (\d+)", raw, re.I)
        return raw.index(b"\r\n\r\n") + 4 + (int(found.group(1)) if found else 0)


def words(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


def delta(text: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    """One chunk of an OpenAI stream, as JSON."""
    content = {} if text is None else {"content": text}
    return json.dumps({"choices": [{"index": 0, "delta": content, "finish_reason": finish}], **more}, ensure_ascii=False).encode()


def data(raw: bytes) -> bytes:
    return b"data: " + raw + b"\n\n"


USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 12}}


def events(text: str, finish: str = "stop", usage: Any = USAGE) -> list[bytes]:
    """The events of a proper OpenAI stream."""
    last = json.dumps({"choices": [], "usage": usage}).encode()
    return [data(part) for part in (delta(""), *map(delta, words(text)), delta(None, finish), last, b"[DONE]")]


def says(text: str, finish: str = "stop") -> Script:
    """An OpenAI stream as servers send it: one chunk for each event."""
    return streams(events(text, finish))


def streams(chunks: Iterable[bytes], *, end: bool = True) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.chunked()
        for chunk in chunks:
            exchange.chunk(chunk)
        if end:
            exchange.end()
        else:
            exchange.keep = False

    return script


def answers(status: str, body: bytes | dict[str, Any], **headers: str) -> Script:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda exchange: exchange.whole(status, raw, **headers)


def hangs(exchange: Exchange) -> None:
    """Takes the request and says nothing."""
    exchange.sleep(60)
    exchange.keep = False


def ollama_says(text: str, reason: str = "stop") -> Script:
    def script(exchange: Exchange) -> None:
        exchange.chunked("application/x-ndjson")
        for word in words(text):
            exchange.chunk(json.dumps({"message": {"role": "assistant", "content": word}, "done": False}).encode() + b"\n")
        last = {"message": {"content": ""}, "done": True, "done_reason": reason, "prompt_eval_count": 20, "eval_count": 5}
        exchange.chunk(json.dumps(last).encode() + b"\n")
        exchange.end()

    return script
