"""A real server in a process of its own, whose model says as many words as it is told to: `python serving.py FOLDER [create]`."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn

from pmm import Mind
from pmm.api.app import Server, create_app
from pmm.api.guard import Access
from pmm.api.minds import Minds
from pmm.llm.model import ChatModel, Message, Options, Piece

TOKEN = "a-token-for-tests-alone"


class Talker(ChatModel):
    """ "words 40 pause 0.02" has it say w0 w1 ... w39, each after so many seconds; anything else "Fine."."""

    name = "talker"
    window = 1_000_000
    serves = frozenset({"reply"})

    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        asked = re.search(r"words (\d+) pause ([\d.]+)\s*$", messages[-1]["content"])
        words = [f"w{n} " for n in range(int(asked[1]))] if asked else ["Fine."]
        for word in words:
            if asked and options.cancel.wait(float(asked[2])):
                return
            yield Piece(word)
        yield Piece(finish="stop")


def opened(path: Path, first: Mind | None) -> Mind:
    settings = {"synchronous": "NORMAL", "zone": "UTC", "max_reply_tokens": 100_000}
    return Mind.open(path, model=Talker(), settings=settings)


def main() -> None:
    folder, create = Path(sys.argv[1]), "create" in sys.argv
    access = Access(TOKEN, cors=("http://page.example",))
    app = create_app(Minds(folder, opened, create=create), access, rate=float(os.environ.get("RATE", "100000")))
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    Server(config, app.state.minds).run(sockets=[listening])


if __name__ == "__main__":
    main()
