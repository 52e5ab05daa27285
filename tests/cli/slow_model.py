"""A tiny model server: as slow as a test wants, and it can refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class SlowModel:
    """Says `words`, one after each `pause` seconds, the first after `thinks` seconds. status: what it answers with instead of 200."""

    def __init__(self) -> None:
        self.words: Iterable[str] = ["one ", "two ", "three ", *(f"w{n} " for n in range(5000))]  # longer than any test listens
        self.pause = 0.02
        self.thinks = 0.0
        self.status = 200
        self.asked = threading.Event()
        self.closing = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                return

            def do_GET(self) -> None:
                self._whole(200, {"data": [{"id": "x"}, {"id": "y"}]})

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                owner.asked.set()
                if owner.status != 200:
                    self._whole(owner.status, {"error": {"message": "no, thank you"}})
                    return
                try:
                    self._speak()
                except OSError:
                    self.close_connection = True

            def _whole(self, status: int, value: Any) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _speak(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                owner.closing.wait(owner.thinks)
                for word in owner.words:
                    if owner.closing.wait(owner.pause):
                        break
                    self._event({"choices": [{"index": 0, "delta": {"content": word}}]})
                self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
                self.wfile.write(b"data: [DONE]\n\n")
                self.close_connection = True

            def _event(self, value: Any) -> None:
                self.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")
                self.wfile.flush()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def __enter__(self) -> SlowModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
