"""What the HTTP adapters share: kept-alive connections that can be cut from another thread, and one meaning per status and failure.

The HTTP library is imported at the first request, never before.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from pmm.errors import (
    ConfigError,
    ModelCancelled,
    ModelCutOff,
    ModelError,
    ModelMalformed,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from pmm.llm.model import Cancel

if TYPE_CHECKING:
    import httpx2

CONNECT_S = 5.0
KEEP_ALIVE_S = 120.0
"""how long an idle connection is kept: about as long as people think between two messages"""

MAX_LINE = 32 * 1024 * 1024
"""bytes of one line of a stream; a server that sends more is not understood rather than remembered"""

MAX_ERROR = 64 * 1024
"""bytes read of an answer that is an error"""

SHOWN = 200
"""characters of a server's own words kept in an error"""

BUSY = frozenset({408, 409, 425, 429})
"""statuses below 500 that may be otherwise in a moment"""


class Wire:
    """One server. base_url: http(s)://host[:port][/path]. headers: sent with every request. secret: never shown, wherever it turns up.

    Raises ConfigError when the address or a header can't be used.
    """

    def __init__(self, base_url: str, *, setting: str, headers: Mapping[str, str] | None = None, secret: str = "") -> None:
        self.base_url = base_url.strip().rstrip("/")
        try:
            parts = urlsplit(self.base_url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{setting} is not an address.", hint="It looks like http://127.0.0.1:8080/v1.")
        self.host = parts.hostname
        self.port = port or (443 if parts.scheme == "https" else 80)
        self.place = f"{self.host}:{port}" if port else self.host
        self._secret = secret
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "pmm", **(headers or {})}
        if any(not value.isascii() or not value.isprintable() for value in self._headers.values()):
            raise ConfigError("The API key has characters that can't be sent.", hint="Copy it again, without blanks or line ends.")
        self._idle: list[_Line] = []
        self._busy: set[_Line] = set()
        self._closed = False
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Wire({self.place})"

    @property
    def local(self) -> bool:
        """Whether the server is on this machine."""
        return self.host == "localhost" or self.host == "::1" or self.host.startswith("127.")

    def get_json(self, path: str, timeout_s: float) -> Any:
        """What the server has at `path`, within `timeout_s` seconds. Raises ModelError."""
        cancel = Cancel()
        timer = threading.Timer(timeout_s, cancel.set)
        timer.daemon = True
        timer.start()
        try:
            with self._call("GET", path, None, timeout_s, cancel) as answer:
                answer.check()
                try:
                    return msgspec.json.decode(answer.body(MAX_LINE))
                except (msgspec.DecodeError, UnicodeDecodeError):
                    raise ModelMalformed(f"{self.place} sent no JSON: {self.shown(answer.body())}") from None
        except ModelCancelled:
            if not cancel.is_set():
                raise
            raise ModelTimeout(f"{self.place} didn't answer in {timeout_s:g} s.") from None
        finally:
            timer.cancel()

    def models(self, path: str, key: str, name: str, note: Callable[[dict[str, Any]], str], timeout_s: float) -> list[tuple[str, str]]:
        """(name, note) of each in the list that the server has at `path`, under `key` or bare. Raises ModelError."""
        found = self.get_json(path, timeout_s)
        rows = found.get(key) if isinstance(found, dict) else found
        if not isinstance(rows, list):
            raise ModelMalformed(f"{self.place} sent no list of models.")
        return [(row[name], note(row)) for row in rows if isinstance(row, dict) and isinstance(row.get(name), str)]

    @contextmanager
    def post(self, path: str, body: Mapping[str, Any], timeout_s: float, cancel: Cancel) -> Iterator[Answer]:
        """The server's answer, as it comes, whatever its status. The connection is kept if it is read to its end. Raises ModelError."""
        with self._call("POST", path, msgspec.json.encode(body), timeout_s, cancel) as answer:
            yield answer

    def close(self) -> None:
        """Close every connection, those in use too, for good: calls under way and later ones raise ModelCancelled."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for line in idle:
            line.client.close()
        for line in busy:
            line.cut()

    def shown(self, raw: bytes | str) -> str:
        """A server's own words, one line, bounded, without the secret."""
        text = raw[: 8 * SHOWN].decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        if len(self._secret) >= 8:  # shorter ones are placeholders, and parts of common words
            text = text.replace(self._secret, "[key]")
        text = re.sub(r"[^\S ]+|\s{2,}|[\x00-\x1f\x7f]+", " ", text).strip()
        return text if len(text) <= SHOWN else text[:SHOWN] + "..."

    @contextmanager
    def _call(self, method: str, path: str, content: bytes | None, timeout_s: float, cancel: Cancel) -> Iterator[Answer]:
        line, cut = self._borrow()
        forget = cancel.on_set(cut)
        answer: Answer | None = None
        try:
            with line.send(method, self.base_url + path, content, timeout_s) as response:
                answer = Answer(self, response, cancel)
                yield answer
        except Exception as error:
            if (mine := self.explain(error, answer is not None, cancel)) is error:
                raise
            # `from None`: the library's error holds the request, and with it the key.
            raise mine from None
        finally:
            forget()
            self._give_back(line)

    def _borrow(self) -> tuple[_Line, Callable[[], None]]:
        with self._lock:
            if self._closed:
                raise ModelCancelled("the model was closed.")
            # Made under the lock, so that `close` can't miss it; it takes milliseconds, and only the first call of several at once waits.
            line = self._idle.pop() if self._idle else _Line(self._client())
            self._busy.add(line)
            return line, line.begin()

    def _give_back(self, line: _Line) -> None:
        line.end()
        with self._lock:
            self._busy.discard(line)
            if not self._closed:
                self._idle.append(line)
                return
        line.client.close()

    def _client(self) -> httpx2.Client:
        import httpx2

        host = f"[{self.host}]" if ":" in self.host else self.host
        return httpx2.Client(
            headers=self._headers,
            # Certificates are only loaded for https (10 ms).
            verify=self.base_url.startswith("https"),
            # A proxy never leads to this machine.
            mounts={f"all://{host}": None} if self.local else None,
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE_S),
        )

    def explain(self, error: Exception, answered: bool, cancel: Cancel) -> Exception:
        """The one meaning of what went wrong; the error itself where it isn't the connection's."""
        import httpx2

        if isinstance(error, ModelError):
            return error
        if cancel.is_set() or self._closed:
            return ModelCancelled("stopped." if cancel.is_set() else "the model was closed.")
        if not isinstance(error, httpx2.HTTPError | httpx2.InvalidURL | httpx2.StreamError):
            return error
        said = self.shown(str(error))
        if isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError):
            if "CERTIFICATE" in said.upper():
                return ModelRefused(f"{self.place} has a certificate that can't be trusted.", hint=said)
            return ModelUnavailable(f"{self.place} can't be reached: {said}")
        if isinstance(error, httpx2.TimeoutException):
            return ModelTimeout(f"{self.place} went silent.")
        if isinstance(error, httpx2.ProxyError):
            return ModelUnavailable(f"The proxy didn't lead to {self.place}: {said}", hint="HTTP_PROXY and NO_PROXY decide on proxies.")
        gone = isinstance(error, httpx2.NetworkError) or "disconnected" in said or "closed connection" in said
        if answered and gone:
            return ModelCutOff(f"{self.place} broke off in mid-answer.")
        if gone:
            return ModelUnavailable(f"{self.place} hung up without an answer.")
        if isinstance(error, httpx2.RemoteProtocolError | httpx2.DecodingError):
            return ModelMalformed(f"{self.place} doesn't speak proper HTTP: {said}")
        return ModelRefused(f"The request to {self.place} can't be made: {said}")


class Answer:
    """A server's answer whose head has arrived: read it by line, or whole."""

    def __init__(self, wire: Wire, response: httpx2.Response, cancel: Cancel) -> None:
        self.response = response
        self._wire = wire
        self._cancel = cancel
        self._body: bytes | None = None

    @property
    def content_type(self) -> str:
        """Such as "text/event-stream"; "" if it doesn't say."""
        kind: str = self.response.headers.get("content-type", "")
        return kind.partition(";")[0].strip().lower()

    def body(self, limit: int = MAX_ERROR) -> bytes:
        """All of it, but not much more than `limit` bytes. Safe to call again."""
        if self._body is None:
            parts: list[bytes] = []
            size = 0
            for part in self._bytes():
                parts.append(part)
                size += len(part)
                if size > limit:
                    break
            self._body = b"".join(parts)
        return self._body

    def check(self) -> None:
        """Raises what the status means, if it isn't a success."""
        response, wire = self.response, self._wire
        if response.is_success:
            return
        if response.is_redirect:
            where = wire.shown(response.headers.get("location", "somewhere else"))
            raise ModelRefused(f"{wire.place} says that it moved to {where}.", hint="Set the address it names, if you trust it.")
        raise complaint_error(self.complaint(), wire, _retry_after(response))

    def complaint(self) -> Complaint:
        """What an answer that isn't a success says."""
        found = read_complaint(self.body())
        return msgspec.structs.replace(found, status=self.response.status_code, said=found.said or self.response.reason_phrase)

    def lines(self) -> Iterator[tuple[bytes, bool]]:
        """(line, whole): ends are \\n, \\r\\n or \\r and not included; whole is False for a last line without an end."""
        return split_lines(self._bytes(), self._wire.place)

    def _bytes(self) -> Iterator[bytes]:
        try:
            yield from self.response.iter_bytes()
        except Exception as error:
            if (mine := self._wire.explain(error, True, self._cancel)) is error:
                raise
            raise mine from None


class Complaint(msgspec.Struct, frozen=True):
    """What a server says went wrong. kind: its own word for it. param: the parameter it names. status: 0 if it gives none."""

    said: str = ""
    kind: str = ""
    param: str = ""
    status: int = 0


def complaint_error(found: Complaint, wire: Wire, retry_after_s: float | None = None) -> ModelError:
    """The error that a complaint with a status means."""
    said = f"{wire.place} said {found.status}: {wire.shown(found.said) or 'no reason given'}"
    quota = found.kind in ("insufficient_quota", "billing_hard_limit_reached")
    if (found.status in BUSY and not quota) or (found.status >= 500 and found.status != 501):
        hint = "The server is there, but busy or in trouble; try again later."
        return ModelUnavailable(said, retry_after_s=retry_after_s, hint=hint)
    return ModelRefused(said, hint=_hint(found.status, found.kind, quota))


def _hint(status: int, kind: str, quota: bool) -> str:
    if quota or status == 402:
        return "Check the plan and billing of this key."
    if status in (401, 403):
        return "Check the API key (PMM_OPENAI_API_KEY or OPENAI_API_KEY), and that it may use this model."
    if status in (404, 405):
        return "Check the model's name and the server's address; `pmm models` lists what it has."
    if kind == "context_length_exceeded" or status == 413:
        return "Set model_window to the model's real context size, or lower max_transcript_tokens."
    return "The server doesn't take what it was sent; see its own words."


def read_complaint(raw: Any) -> Complaint:
    """A server's error, in any of the shapes in use; a web page gives its title, a text its beginning. raw: bytes, or decoded JSON."""
    value = raw
    if isinstance(raw, bytes):
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            text = raw.decode("utf-8", "replace")
            title = re.search(r"<title>(.*?)</title>", text[:4096], re.S | re.I)
            return Complaint(title.group(1) if title else text)
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict) and value.get("error"):
        value = value["error"]
    if not isinstance(value, dict):
        return Complaint(value if isinstance(value, str) else "")
    said = value.get("message") or value.get("detail") or value.get("msg") or ""
    code, kind, param = value.get("code"), value.get("type"), value.get("param")
    return Complaint(
        said if isinstance(said, str) else msgspec.json.encode(said).decode(),
        code if isinstance(code, str) else kind if isinstance(kind, str) else "",
        param if isinstance(param, str) else "",
        code if isinstance(code, int) else 0,
    )


def split_lines(chunks: Iterable[bytes], place: str = "the server") -> Iterator[tuple[bytes, bool]]:
    """(line, whole) of a stream of bytes cut anywhere. Raises ModelMalformed when a line is longer than MAX_LINE."""
    pending: list[bytes] = []
    size = 0
    after_return = False
    for chunk in chunks:
        if after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        after_return = chunk.endswith(b"\r") if chunk else after_return
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        head, *tail = chunk.split(b"\n")
        pending.append(head)
        size += len(head)
        if size > MAX_LINE:
            raise ModelMalformed(f"{place} sent a line of more than {MAX_LINE} bytes.")
        if tail:
            yield b"".join(pending), True
            for line in tail[:-1]:
                yield line, True
            pending, size = [tail[-1]], len(tail[-1])
    if last := b"".join(pending):
        yield last, False


def count(value: Any) -> int | None:
    """A number of tokens as a server gave it; None for anything that isn't one."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds the server asks for: a number, or a date less the server's own date (so nobody's clock has to be right)."""
    value = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        return max(0.0, float(value))
    from email.utils import parsedate_to_datetime

    try:
        until = parsedate_to_datetime(value)
        return max(0.0, (until - parsedate_to_datetime(response.headers["date"])).total_seconds())
    except (ValueError, TypeError, KeyError):
        return None


class _Line:
    """A client with one connection, used by one call at a time: so it is known which socket a call waits on, and that call can be cut.

    Closing a socket doesn't wake a thread that reads from it; shutting it down does.
    """

    def __init__(self, client: httpx2.Client) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._calls = 0
        self._in_use = False
        self._is_cut = False
        self._stream: Any = None

    def begin(self) -> Callable[[], None]:
        """Start a call. Returns what cuts this call, and none after it, from any thread."""
        with self._lock:
            self._calls += 1
            self._in_use, self._is_cut = True, False
            return partial(self.cut, self._calls)

    def cut(self, call: int | None = None) -> None:
        """End the call under way (if it is number `call`), from any thread: what it waits for comes to an end with an error."""
        with self._lock:
            if self._in_use and call in (None, self._calls):
                self._is_cut = True
                self._shut()

    def end(self) -> None:
        """The call is over; the connection, if it still stands, waits for the next."""
        with self._lock:
            self._in_use = False

    @contextmanager
    def send(self, method: str, url: str, content: bytes | None, timeout_s: float) -> Iterator[httpx2.Response]:
        """The response, its body yet to be read."""
        import httpx2

        timeout = httpx2.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s))
        headers = {"Content-Type": "application/json"} if content is not None else None
        with self.client.stream(
            method, url, content=content, headers=headers, timeout=timeout, extensions={"trace": self._seen}
        ) as response:
            yield response

    def _seen(self, event: str, info: dict[str, Any]) -> None:
        stream = info.get("return_value")
        if hasattr(stream, "get_extra_info"):  # a new connection, or the encrypted one on top of it
            with self._lock:
                self._stream = stream
                if self._is_cut:
                    self._shut()

    def _shut(self) -> None:
        found = self._stream.get_extra_info("socket") if self._stream is not None else None
        if found is not None:
            try:
                # The plain socket's own method: the encrypted one's takes its state away under the reading thread's feet.
                socket.socket.shutdown(found, socket.SHUT_RDWR)
            except OSError:
                pass  # gone already
