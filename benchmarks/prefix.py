"""What the model costs a turn: PMM's way of building prompts beside the way the mission's documents describe, on one engine in one run.

    python benchmarks/prefix.py [--gguf FILE] [--rounds 4] [--turns 4] [--threads 1] [--events 10000] [--transcript 6000] [--json FILE]

Needs llama-cpp-python; without --gguf also the package gguf, to write a model of about 90 million random weights: what it says is noise,
the time it takes is real. A ledger of 10,000 events, 20 turns of history, a context of 1,500 tokens, replies of 64.

    before     state first, 2,500 tokens of it, the last six messages, five calls one after another
    baseline   the same with 1,500 tokens: the documents' first phase
    one call   the same, but only the reply is on the user's path: their second phase
    pmm        what users run: `Mind.handle_user_streaming`, with its background between the turns

read: tokens the engine had to read. share: of the prompt, already read. first: milliseconds to the first token. turn: to the end of
what the user waits for, without the time in which the reply's tokens came one by one (that is decode, which no prompt can change).
cpu: the same in processor time, which says more than the clock on a machine that is busy with other work.
The other parts: what PMM adds between engine and user, how soon a stopped engine is free, what reading ahead is worth, and what one more
token costs after many.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import random
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pmm import Mind
from pmm.agent.context import CHARTER
from pmm.llm.llamacpp import LlamaCppModel
from pmm.llm.model import PURPOSES, Message, Options, Piece, TokenUsage
from pmm.testing import generate_log

ROOT = Path(__file__).parent.parent
PARTS = ("contest", "between", "stopping", "warming", "reading")
CONTEXT, BEFORE, REPLY, HISTORY, AUXILIARY = 1500, 2500, 64, 20, 16
THINGS = "garden piano invoices rivers taxes chess bread violins boats grammar orchids compost jazz tents bicycle telescope".split()
PATIENCE = 600.0
"""seconds: a slow machine is measured, not given up"""
QUESTIONS = (
    "What did Ana say about the {} when we met?",
    "I want to see to the {} before Ben comes over.",
    "How old is the {} by now?",
    "Carla told me about the {} yesterday, and I liked it.",
    "Which code is for the {} in the cellar?",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", type=Path, help="a model; without it one is written")
    parser.add_argument("--width", type=int, default=768, help="of the model that is written: a multiple of 64")
    parser.add_argument("--layers", type=int, default=12, help="of the model that is written")
    parser.add_argument("--rounds", type=int, default=4, help="the contenders take turns so often")
    parser.add_argument("--turns", type=int, default=4, help="measured in each round, after one that is not")
    parser.add_argument("--threads", type=int, default=0, help="of the engine; 0: as it likes")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--transcript", type=int, default=6000, help="PMM's max_transcript_tokens")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS, help="what is measured; all of it if not said")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        path = Path(folder) / "mind.db"
        generate_log(path, options.events)
        model = Clocked(
            options.gguf or written(Path(folder) / "random.gguf", path, options.width, options.layers),
            window=10_240,
            threads=options.threads,
        )
        stack.callback(model.close)
        model.count_tokens("load")
        found: dict[str, Any] = {"model": {"file": model.path.name, "bytes": model.path.stat().st_size, "threads": options.threads}}
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "between": lambda: between(path, model),
            "stopping": lambda: stopping(model),
            "warming": lambda: warming(Path(folder), model),
            "reading": lambda: reading(model),
            "contest": lambda: contest(path, model, options.rounds, options.turns, options.transcript),
        }
        for name in options.parts:
            found[name] = parts[name]()
            show(name, found[name])
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def written(path: Path, ledger: Path, width: int, layers: int) -> Path:
    """A llama with random weights whose tokens are the words of PMM's own texts and of the ledger."""
    spec = importlib.util.spec_from_file_location("tiny_gguf", ROOT / "tests/llm/tiny_gguf.py")
    assert spec is not None and spec.loader is not None
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    texts = [
        CHARTER,
        *(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").rglob("*.md"))),
        " ".join((*QUESTIONS, *THINGS)),
    ]
    with Mind.open(ledger, model="offline") as mind:
        texts += [event.content for event in mind.log.tail(2000)]
    words = sorted(set(re.findall("[A-Za-z]{2,}", " ".join(texts))))
    heads = width // 64
    kv_heads = heads // 4 if heads % 4 == 0 else 1  # four heads share what they attend to, as in most models of this size
    writer.write(
        str(path), width=width, heads=heads, kv_heads=kv_heads, layers=layers, inner=width // 3 * 8 // 32 * 32, context=16_384, words=words
    )
    return path


class Clocked(LlamaCppModel):
    """Notes when the engine gave each piece. spoke: stopwatch readings of the last call."""

    spoke: list[float]

    def _speak(self, *args: Any) -> Iterator[Piece]:
        self.spoke = []
        for piece in super()._speak(*args):
            self.spoke.append(time.perf_counter())
            yield piece


# -- the contest ---------------------------------------------------------------------------------------------------------------------


def question(n: int) -> str:
    return f"{QUESTIONS[n % len(QUESTIONS)].format(random.Random(n).choice(THINGS))} ({n})"


class Ours:
    """PMM as users run it."""

    def __init__(self, mind: Mind) -> None:
        self._mind = mind
        self.last = 0
        """the last reply"""

    def turn(self, text: str) -> dict[str, float]:
        started = stamp()
        stamps = []
        with self._mind.handle_user_streaming(text, session="bench") as stream:
            for _ in stream:
                stamps.append(stamp())
        ended = stamp()
        assert stream.reply is not None
        self.last = stream.reply.reply_event or 0
        self._mind.wait_idle(120)
        usage = stream.reply.usage
        behind = [e.usage for e in self._mind.log.by_kind("model_called", since=self.last)]  # type: ignore[attr-defined]
        return row([TokenUsage(usage.prompt, usage.cached)], started, stamps, ended) | {"behind": sum(map(_read, behind))}

    def pause(self) -> None:
        """All that waits for a quiet is done now: it disturbs the next turn, or it doesn't."""
        self._mind.work(600)


AUXILIARIES = (
    "Decide whether the exchange below asserts, changes or rejects a name or another part of the identity of the assistant or of the "
    "user. Answer with one label out of assistant_name, user_name, both, none, and a confidence between 0 and 1. A name that is only "
    "mentioned, as that of a third person, is none. A question about a name is none. Consider only what is said, not what might be meant.",
    "Extract every commitment that the user makes in the exchange below: an action that the user says will be done, with the time until "
    "which it will be, if one is named. Write one line for each, beginning with a dash. Leave out wishes, questions, and what has been "
    "done already. If there is none, write none.",
    "Extract every commitment that the assistant makes in the exchange below: an action that the assistant says it will take. Write one "
    "line for each, beginning with a dash, in the words of the assistant. Leave out what it only offers. If there is none, write none.",
    "Reflect on the exchange below in one or two sentences: what it shows of how the assistant is changing, which of its traits it "
    "speaks for, and what it should do differently the next time. Refer to what was said. Do not repeat an earlier reflection.",
)


class Theirs:
    """The documents' way. context: tokens of state, which stands first. calls: how many a turn makes, one after another."""

    def __init__(self, mind: Mind, model: LlamaCppModel, context: int, calls: int) -> None:
        self._mind, self._model, self._context, self._calls = mind, model, context, calls
        self._said: list[Message] = []

    def turn(self, text: str) -> dict[str, float]:
        started = stamp()
        asked: Message = {"role": "user", "content": text}
        self._said = [*self._said[-5:], asked]
        reply, usages, stamps = self._call([{"role": "system", "content": self._state(text)}, *self._said], REPLY)
        self._said.append({"role": "assistant", "content": reply})
        for instruction in AUXILIARIES[: self._calls - 1]:
            exchange = f"User: {text}\nAssistant: {reply}"
            usages += self._call([{"role": "system", "content": instruction}, {"role": "user", "content": exchange}], AUXILIARY)[1]
        return row(usages, started, stamps, stamp())

    def pause(self) -> None:
        """Nothing waits."""

    def _call(self, messages: Sequence[Message], most: int) -> tuple[str, list[TokenUsage], list[Stamp]]:
        texts, stamps, usage = [], [], TokenUsage()
        for piece in self._model.stream(messages, Options(max_tokens=most, timeout_s=PATIENCE, first_piece_timeout_s=PATIENCE)):
            texts.append(piece.text)
            stamps.append(stamp())
            usage = piece.usage or usage
        return "".join(texts), [usage], stamps

    def _state(self, text: str) -> str:
        """Fresh figures first, then what is open, recalled and recent, until the budget is spent."""
        view = self._mind.view()
        now = datetime.now(UTC).isoformat()
        lines = [f"State at {now}: growth {random.random():.3f}, autonomy {random.random():.3f}, {view.head} events.", CHARTER]
        lines += [f"commitment #{c.cid}: {c.text}" for c in view.commitments.open[:12]]
        lines += [f"reflection #{r.id}: {r.text}" for r in view.reflections.latest[-3:]]
        lines += [f"memory #{m.id}: {m.text}" for m in self._mind.recall(text)]
        lines += [f"event #{e.id} {e.kind}: {e.content}" for e in self._mind.log.tail(400) if e.content]
        used, kept = 0, []
        for line in lines:
            used += self._model.count_tokens(line) + 1
            if used > self._context:
                break
            kept.append(line)
        return "\n".join(kept)


Stamp = tuple[float, float]
"""seconds of the wall clock, and of this process's processor time"""


def stamp() -> Stamp:
    return time.perf_counter(), time.process_time()


def row(usages: Sequence[TokenUsage], started: Stamp, stamps: Sequence[Stamp], ended: Stamp) -> dict[str, float]:
    """The figures of one turn. stamps: when the reply's pieces came."""
    first, last = stamps[0], stamps[-1]
    spoke, turn, decode = (
        [(b - a) * 1e3 for a, b in zip(x, y, strict=True)] for x, y in ((started, first), (started, ended), (first, last))
    )
    prompt = sum(usage.prompt or 0 for usage in usages)
    return {
        "read": sum(map(_read, usages)),
        "share": 1 - sum(map(_read, usages)) / prompt,
        "first": spoke[0],
        "turn": turn[0] - decode[0],
        "decode": decode[0],
        "first, cpu": spoke[1],
        "turn, cpu": turn[1] - decode[1],
    }


def _read(usage: Any) -> int:
    return (usage.prompt or 0) - (usage.cached or 0)


def contest(path: Path, model: LlamaCppModel, rounds: int, turns: int, transcript: int) -> dict[str, Any]:
    """The contenders in turn, so that a slow spell of the machine hits all of them."""
    patient = {"model_timeout_s": PATIENCE, "first_piece_timeout_s": PATIENCE}
    limits = {"max_context_tokens": CONTEXT, "max_transcript_tokens": transcript, "max_reply_tokens": REPLY}
    settings = {**limits, "background_tokens_per_day": 10**9, **patient}
    with Mind.open(path, model=model, settings=settings) as mind:
        ours = Ours(mind)
        for n in range(HISTORY):
            ours.turn(question(n))
        print("history told", file=sys.stderr)
        contenders: dict[str, Ours | Theirs] = {
            "before": Theirs(mind, model, BEFORE, 5),
            "baseline": Theirs(mind, model, CONTEXT, 5),
            "one call": Theirs(mind, model, CONTEXT, 1),
            "pmm": ours,
        }
        found: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
        asked = HISTORY
        for number in range(rounds):
            for name, contender in contenders.items():
                for turn in range(-1, turns):
                    asked += 1
                    measured = contender.turn(question(asked))
                    if turn >= 0:
                        found[name].append(measured)
                contender.pause()
                print(f"round {number + 1}: {name}", found[name][-1], file=sys.stderr)
    return {name: summed(rows) for name, rows in found.items()}


def summed(rows: Sequence[dict[str, float]]) -> dict[str, Any]:
    return {"n": len(rows)} | {figure: spread([row[figure] for row in rows]) for figure in rows[0]}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile (of few values: the greatest)."""
    ordered = sorted(values)
    return {"p50": statistics.median(ordered), "p95": ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], "n": len(ordered)}


# -- what PMM adds, and what stopping and warming do ---------------------------------------------------------------------------------


def between(path: Path, model: Clocked) -> dict[str, Any]:
    """Milliseconds from the engine's first piece to the user: through the library, and on the screen of `pmm chat`."""
    from pmm.cli.chat import Chat

    library, screen = [], []
    with Mind.open(path, model=model, settings={"max_reply_tokens": 8}) as mind:
        for n in range(20):
            with mind.handle_user_streaming(question(n), session="between") as stream:
                next(stream)
                library.append((time.perf_counter() - model.spoke[0]) * 1e3)
                for _ in stream:
                    pass
    with Chat(lambda known: Mind.open(path, model=model, settings=known), settings_of(), path, "between") as chat:
        for n in range(20):
            model.spoke = []
            out = Stamped(lambda: bool(model.spoke))
            with contextlib.redirect_stdout(out):
                chat.take(question(n))
            screen.append((out.at - model.spoke[0]) * 1e3)
    return {"library": spread(library), "chat": spread(screen)}


def settings_of() -> Any:
    from pmm.config import Settings

    return Settings(model="llamacpp", max_reply_tokens=8)


class Stamped(io.StringIO):
    """Notes when something was first written after it began to count."""

    def __init__(self, counts: Callable[[], bool]) -> None:
        super().__init__()
        self._counts = counts
        self.at = 0.0

    def write(self, text: str) -> int:
        if not self.at and self._counts() and text.strip():
            self.at = time.perf_counter()
        return super().write(text)


def stopping(model: Clocked) -> dict[str, Any]:
    """Milliseconds until the engine is free after a stop: in mid-answer, beside the time of one token; and while a prompt is read."""
    from pmm.errors import ModelCancelled
    from pmm.llm.model import Cancel

    def stopped(messages: Sequence[Message], after: Callable[[], bool]) -> float:
        cancel = Cancel()
        call = threading.Thread(target=lambda: listened(model, messages, cancel))
        call.start()
        while not after():
            time.sleep(0.001)
        started = time.perf_counter()
        cancel.set()
        with model._lock:
            ended = time.perf_counter()
        call.join()
        return (ended - started) * 1e3

    def listened(model: LlamaCppModel, messages: Sequence[Message], cancel: Any) -> None:
        with contextlib.suppress(ModelCancelled):
            for _ in model.stream(messages, Options(max_tokens=1000, cancel=cancel)):
                pass

    answering, reading, tokens = [], [], []
    for n in range(10):
        model.spoke = []
        answering.append(stopped([{"role": "user", "content": question(n)}], lambda: len(model.spoke) > 20))
        tokens += [(b - a) * 1e3 for a, b in zip(model.spoke, model.spoke[1:], strict=False)]
        fresh = [{"role": "user", "content": f"{n} " + " ".join(question(m) for m in range(200))}]
        begun = time.perf_counter()
        reading.append(stopped(fresh, lambda begun=begun: time.perf_counter() - begun > 0.3))
    return {"answering": spread(answering), "reading": spread(reading), "token": spread(tokens)}


def warming(folder: Path, model: LlamaCppModel) -> dict[str, Any]:
    """The first turns of epochs that were opened behind the user's back, with and without warming, and all others."""
    found: dict[str, Any] = {}
    settings = {"max_reply_tokens": REPLY, "max_transcript_tokens": 3000, "background_tokens_per_day": 10**9}
    for name, serves in (("cold", PURPOSES - {"extract", "scene"}), ("warm", LlamaCppModel.serves - {"extract", "scene"})):
        model.serves = serves
        turns: dict[str, list[dict[str, float]]] = {"new epoch": [], "other turns": []}
        with Mind.open(folder / f"{name}.db", model=model, settings=settings) as mind:
            ours = Ours(mind)
            for n in range(40):
                behind = mind.log.by_kind("epoch_opened", since=ours.last, limit=1)
                measured = ours.turn(question(n))
                if n:
                    turns["new epoch" if behind else "other turns"].append(measured)
        found[name] = {kind: summed(rows) for kind, rows in turns.items()}
    model.serves = LlamaCppModel.serves
    return found


def reading(model: LlamaCppModel) -> dict[str, Any]:
    """Milliseconds of processor time to read a token after so many others: what a long transcript costs, however little of it is new."""
    words = " ".join(question(n) for n in range(600))
    found = {}
    for before in (0, 1500, 5500):
        ids = model._loaded().tokenize(words.encode(), add_bos=False)[: before + 256]
        times = []
        for _ in range(3):
            model._read(model._loaded(), [*ids[:before], 0], Options())
            started = time.process_time()
            model._loaded().eval(ids[before:])
            times.append((time.process_time() - started) * 1e3 / 256)
        found[f"after {before:,} tokens"] = spread(times)
    return found


def show(part: str, found: dict[str, Any]) -> None:
    """Print what one part found."""
    match part:
        case "contest":
            figures = ("read", "share", "first", "turn", "decode", "first, cpu", "turn, cpu")
            print(f"{'p50 / p95':<10}" + "".join(f"{figure:>22}" for figure in figures))
            for name, rows in found.items():
                cells = (f"{rows[f]['p50']:,.2f} / {rows[f]['p95']:,.2f}" for f in figures)
                print(f"{name:<10}" + "".join(f"{cell:>22}" for cell in cells))
            for figure in ("read", "first", "turn", "first, cpu", "turn, cpu"):
                print(f"{figure}: {found['pmm'][figure]['p50'] / found['baseline'][figure]['p50'] - 1:+.1%} against the baseline")
            print(f"read behind a turn: {found['pmm']['behind']['p50']:,.0f} / {found['pmm']['behind']['p95']:,.0f}")
        case "warming":
            for name, rows in found.items():
                for kind, f in rows.items():
                    cells = (f"{figure} {f[figure]['p50']:,.0f} / {f[figure]['p95']:,.0f}" for figure in ("read", "first"))
                    print(f"{name}, {kind} (n={f['n']}): {', '.join(cells)} ms")
        case _:
            print(f"{part}: " + ", ".join(f"{name} {f['p50']:.2f} / {f['p95']:.2f} ms" for name, f in found.items()))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
