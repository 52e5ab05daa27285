"""A server with the companion, in a process of its own, whose model says what it is told to: `python talking.py FOLDER [NAME ...]`.

It prints its port and the path of a link. NAME: further minds, made at the start.
"""

from __future__ import annotations

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
from pmm.errors import ModelUnavailable
from pmm.llm.model import ChatModel, Message, Options, Piece
from pmm.web.app import mount

TOKEN = "a-token-for-tests-alone"
FERRY = """Then I would take the **9:00 ferry** on Friday.

* It leaves after 8:00, as you asked me to keep to.
* It has the quiet deck, so you can work on board.
* It reaches Oslo at 12:40, well before dinner with Ana.

Shall I remind you on Thursday evening to book it?"""
SAYS = (
    (r"which way should i travel", FERRY),
    (r"thursday at six", "Done. I will remind you on Thursday at 18:00. If the 9:00 boat is full, the 10:30 one still arrives in time."),
    (r"show me a picture", "Look: ![a cat](http://pictures.example/cat.png) and [a link](http://links.example/)."),
)


class Talker(ChatModel):
    """ "words 40 pause 0.02" has it say w0 w1 ... w39, each after so many seconds; "break after 5" says five words and fails; then SAYS;
    anything else "Fine."."""

    name = "talker"
    window = 100_000
    serves = frozenset({"reply"})

    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        asked = messages[-1]["content"]
        words = re.search(r"words (\d+) pause ([\d.]+)\s*$", asked)
        breaks = re.search(r"break after (\d+)\s*$", asked)
        if breaks:
            for n in range(int(breaks[1])):
                yield Piece(f"w{n} ")
            raise ModelUnavailable("the model server went away.", hint="Start it again, or choose another model.")
        if words:
            said = [f"w{n} " for n in range(int(words[1]))]
        else:
            line = asked.rpartition("]\n")[2].lower()
            said = re.findall(r"\S+\s*|\s+", next((text for pattern, text in SAYS if re.search(pattern, line)), "Fine."))
        for word in said:
            if words and options.cancel.wait(float(words[2])):
                return
            yield Piece(word)
        yield Piece(finish="stop")


def opened(path: Path, first: Mind | None) -> Mind:
    settings = {"synchronous": "NORMAL", "zone": "Europe/Oslo", "max_reply_tokens": 100_000}
    return Mind.open(path, model=Talker(), settings=settings)


def main() -> None:
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        opened(folder / f"{name}.db", None).close()
    app = create_app(Minds(folder, opened, create=True), Access(TOKEN), rate=100_000)
    link = mount(app)
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listening.getsockname()[1], link, flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    Server(config, app.state.minds).run(sockets=[listening])


if __name__ == "__main__":
    main()
