"""What HTTP adds to a turn and to a streamed piece, against the same mind without it: `python benchmarks/server.py`.

Prints medians in milliseconds, of turns by one client over loopback, and what the idle server weighs.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2

from pmm import Mind
from pmm.llm.model import ChatModel, Message, Options, Piece

TOKEN = "a-token-for-a-benchmark"
TURNS, LONG_TURNS, PIECES = 200, 20, 1000
PACE_S = 0.005
SETTINGS = {"synchronous": "NORMAL", "zone": "UTC", "max_reply_tokens": 100_000}


class Talker(ChatModel):
    """Says as many words as the last message names: at once, or, where it says "paced", apart, and each with the moment it was said."""

    name = "talker"
    window = 1_000_000
    serves = frozenset({"reply"})

    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        asked = messages[-1]["content"]
        for _ in range(int(asked.rsplit(" ", 1)[-1])):
            if "paced" in asked:
                time.sleep(PACE_S)
            yield Piece(f"{time.perf_counter()} ")
        yield Piece(finish="stop")


def direct(path: Path, words: int, turns: int) -> float:
    """Milliseconds of a turn without a server."""
    times = []
    with Mind.open(path, model=Talker(), settings=SETTINGS) as mind:
        mind.start_loop()
        for n in range(turns):
            started = time.perf_counter()
            for _ in mind.handle_user_streaming(f"turn {n}: {words}"):
                pass
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


def served(url: str, words: int, turns: int, accept: str) -> float:
    """Milliseconds of a turn over HTTP."""
    times = []
    headers = {"authorization": f"Bearer {TOKEN}", "accept": accept}
    with httpx2.Client(base_url=url, headers=headers, timeout=60) as http:
        for n in range(turns):
            started = time.perf_counter()
            with http.stream("POST", "/api/turns", json={"text": f"turn {n}: {words}"}) as answer:
                for _ in answer.iter_raw():
                    pass
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


def asked(url: str, path: str, times: int) -> float:
    """Milliseconds of a request that asks no mind anything: what uvicorn and the client take."""
    took = []
    with httpx2.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}) as http:
        for _ in range(times):
            started = time.perf_counter()
            http.get(path).raise_for_status()
            took.append(time.perf_counter() - started)
    return statistics.median(took) * 1e3


def late(url: str) -> float:
    """Milliseconds from a paced piece being said to its being read here (one clock for all processes of a machine)."""
    took = []
    headers = {"authorization": f"Bearer {TOKEN}", "accept": "text/event-stream"}
    asked = {"text": f"paced: {PIECES}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=60) as http, http.stream("POST", "/api/turns", json=asked) as answer:
        for line in answer.iter_lines():
            if line.startswith('data: {"text":"') and "route" not in line:
                took += [time.perf_counter() - float(said) for said in json.loads(line[6:])["text"].split()]
    return statistics.median(took) * 1e3


def serve(folder: Path) -> None:
    """The server, in a process of its own."""
    import uvicorn

    from pmm.api.app import Server, create_app
    from pmm.api.guard import Access
    from pmm.api.minds import Minds

    minds = Minds(folder, lambda path, first: Mind.open(path, model=Talker(), settings=SETTINGS))
    app = create_app(minds, Access(TOKEN), rate=1e6)
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    Server(uvicorn.Config(app, log_level="warning", access_log=False), minds).run(sockets=[listening])


def weight(pid: int) -> float:
    """Megabytes that a process holds, where /proc tells."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


def main() -> None:
    """Measure both in turns of the same number and length, each on a new mind."""
    with tempfile.TemporaryDirectory() as place:
        process = subprocess.Popen([sys.executable, __file__, place], stdout=subprocess.PIPE, encoding="utf-8")
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
            time.sleep(2)
            idle = weight(process.pid)
            short = served(url, 5, TURNS, "application/json")
            streamed = served(url, 5, TURNS, "text/event-stream")
            long = served(url, PIECES, LONG_TURNS, "text/event-stream")
            lateness, nothing = late(url), asked(url, "/healthz", TURNS)
        finally:
            process.terminate()
            process.wait(20)
        alone = direct(Path(place) / "alone.db", 5, 2 * TURNS)
        alone_long = direct(Path(place) / "long.db", PIECES, LONG_TURNS)
    figures = {
        "turn_ms": {"alone": alone, "json": short, "streamed": streamed, "added": max(short, streamed) - alone},
        "piece_ms": {"added": (long - alone_long) / PIECES, "late": lateness},
        "healthz_ms": nothing,
        "idle_mb": idle,
    }
    print(json.dumps(figures, indent=1, default=float))


if __name__ == "__main__":
    serve(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
