"""A server in a process of its own, and clients that talk to it over loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from serving import TOKEN

SERVING = Path(__file__).with_name("serving.py")
BEARER = {"authorization": f"Bearer {TOKEN}"}


class Running:
    """A server that runs. `http`: a client that bears the token."""

    def __init__(self, process: subprocess.Popen[str], port: int, folder: Path) -> None:
        self.process = process
        self.port = port
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx2.Client(base_url=self.url, headers=BEARER, timeout=60)

    def get(self, path: str, **more: Any) -> Any:
        """What it answers, which must be well."""
        return self._told(self.http.get(path, **more))

    def post(self, path: str, **body: Any) -> Any:
        return self._told(self.http.post(path, json=body))

    def say(self, text: str, mind: str = "", **more: Any) -> Any:
        return self.post(f"/api{f'/minds/{mind}' if mind else ''}/turns", text=text, **more)

    def _told(self, answer: Any) -> Any:
        assert answer.status_code < 400, answer.text
        return answer.json()


@contextmanager
def running(folder: Path, *options: str, **environment: str) -> Iterator[Running]:
    """Start one, and end it."""
    command = [sys.executable, str(SERVING), str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", env={**os.environ, **environment})
    try:
        assert process.stdout is not None
        server = Running(process, int(process.stdout.readline()), folder)
        for _ in range(1200):
            try:
                if server.http.get("/healthz").status_code == 200:
                    break
            except httpx2.TransportError:
                time.sleep(0.05)
        yield server
        server.http.close()
    finally:
        process.kill()
        process.communicate()


def frames(lines: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    """The server-sent events in these lines: (id, event, data)."""
    found = {"id": "", "event": "message"}
    for line in lines:
        name, _, value = line.partition(": ")
        if line == "" and "data" in found:
            yield found["id"], found["event"], json.loads(found["data"])
            found = {"id": "", "event": "message"}
        elif name in ("id", "event", "data"):
            found[name] = value
