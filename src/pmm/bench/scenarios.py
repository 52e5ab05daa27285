"""The scenarios: each a function of a Bench that returns its figures. The model is instant; everything else is what users run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from pmm.bench.clocked import clocked, peak_mb, spread
from pmm.events import MessageImported, ModelCalled
from pmm.projections import all_projections
from pmm.runtime.mind import Mind
from pmm.storage.bounds import bare_commits, decode_all, hash_all
from pmm.storage.snapshots import Snapshots
from pmm.testing import ScriptedModel, counting, generate_log
from pmm.views import Views

QUESTIONS = (
    "What did Ana say about taxes when we met in Lyon?",
    "I want to repair the bicycle before Ben comes over.",
    "How old is the violin by now?",
    "Carla told me about sourdough and chess yesterday.",
    "Which code is for the telescope in the cellar?",
)
STORY = (
    "Hello, I'm Scott.",
    "Your name is Echo.",
    "I live in Lyon and my sister's name is Ana.",
    "Remind me to send the report on Friday.",
    "Never use emojis.",
    "What do you know about my sister?",
    "I moved to Oslo in May.",
    "I'll call the dentist tomorrow.",
    "What are my open commitments?",
    "What did I tell you about the violin?",
)
GROUP = 100


class Bench(msgspec.Struct, frozen=True):
    """folder: where the minds are written; its disk decides what a durable commit costs. sizes: in events, rising. turns: a size."""

    folder: Path
    sizes: tuple[int, ...]
    turns: int
    on_step: Callable[[str], None] = lambda step: None

    def mind_of(self, size: int) -> Path:
        """The file of a generated mind of that size; made once."""
        path = self.folder / f"{size}.db"
        if not path.exists():
            self.on_step(f"generating a mind of {size:,} events")
            generate_log(path, size)
        return path

    @contextmanager
    def opened(self, size: int) -> Iterator[Mind]:
        """It, spoken with, and warm."""
        with Mind.open(self.mind_of(size), model=ScriptedModel(["That is good to know; let us see what comes of it."])) as mind:
            for n in range(10):
                mind.handle_user(f"warming up, number {n}")
            mind.wait_idle(60)
            yield mind

    @property
    def middle(self) -> int:
        return self.sizes[len(self.sizes) // 2]

    @property
    def largest(self) -> int:
        return self.sizes[-1]


def cold_start(bench: Bench) -> dict[str, Any]:
    """A whole new process, from its start to the first offline reply; and opening alone, in this one."""
    path = str(bench.mind_of(bench.middle))
    opening = lambda: Mind.open(path, model="offline").close()
    return {
        "events": bench.middle,
        "first_reply": spread([clocked(lambda: _run("ask", QUESTIONS[0], "--db", path, "--model", "offline")) for _ in range(3)]),
        "help": spread([clocked(lambda: _run("--help")) for _ in range(3)]),
        "open_and_close": spread([clocked(opening) for _ in range(5)]),
    }


def _run(*args: str) -> None:
    subprocess.run([sys.executable, "-m", "pmm", *args], check=True, stdout=subprocess.DEVNULL)


def warm_cache(bench: Bench) -> dict[str, Any]:
    """Turns one after the other in one process, each beside the two durable commits it can't do without."""
    with bench.opened(bench.middle) as mind:
        found = _turns(bench, mind)
        catching_up = spread([clocked(mind.view) for _ in range(1000)])
    return {"events": bench.middle, **found, "view_at_head": catching_up}


def large_history(bench: Bench) -> dict[str, Any]:
    """The same turn at every size: what it counts must not grow, and what it takes hardly."""
    rows = []
    for size in bench.sizes:
        bench.on_step(f"turns at {size:,} events")
        with bench.opened(size) as mind:
            rows.append({"events": size, **_turns(bench, mind)})
    first, last = rows[0], rows[-1]
    return {
        "sizes": rows,
        "growth": {
            "calls": round(last["calls"] / first["calls"], 3),
            "commits": round(last["commits"] / first["commits"], 3),
            "full_reads": last["full_reads"],
            "time": round(last["turn"]["p50_ms"] / first["turn"]["p50_ms"], 3),
        },
        "peak_mb": peak_mb(),
    }


def _turns(bench: Bench, mind: Mind) -> dict[str, Any]:
    commit, times, floor, counts = bare_commits(bench.folder / "bare.db"), [], [], []
    for n in range(bench.turns):  # in turn, so that a slow spell of the machine hits both
        floor.append(clocked(commit) + clocked(commit))
        with counting(mind) as cost:
            times.append(clocked(lambda n=n: mind.handle_user(f"{QUESTIONS[n % len(QUESTIONS)]} ({n})")))  # type: ignore[misc]
        counts.append((cost.statements, cost.rows_read, cost.commits, cost.full_reads))
    calls, rows, commits, full_reads = (max(column) for column in zip(*counts, strict=True))
    turn, two = spread(times), spread(floor)
    return {
        "turn": turn,
        "two_bare_commits": two,
        "beside_them_ms": round(turn["p50_ms"] - two["p50_ms"], 4),
        "calls": calls,
        "rows": rows,
        "commits": commits,
        "full_reads": full_reads,
    }


def complex(bench: Bench) -> dict[str, Any]:
    """A conversation of many turns that names, promises, rules, tells facts and asks, over epochs; how much of each prompt is reused."""
    model = ScriptedModel(["I will remember that. " * 6])
    times, shares = [], []
    with Mind.open(bench.folder / "complex.db", model=model) as mind:
        for n in range(max(len(STORY), bench.turns)):
            text = STORY[n] if n < len(STORY) else f"{QUESTIONS[n % len(QUESTIONS)]} ({n})"
            calls = len(model.prompts)
            done: list[Any] = []
            times.append(clocked(lambda text=text, done=done: done.append(mind.handle_user(text))))  # type: ignore[misc]
            usage = done[0].usage
            if len(model.prompts) > calls and usage.prompt:
                shares.append((usage.cached or 0) / usage.prompt)
            mind.tick()
        mind.wait_idle(60)
        view = mind.view()
        return {
            "turns": len(times),
            "turn": spread(times),
            "model_calls_per_turn": round(len(model.calls) / len(times), 3),
            "prefix_reused_p50": round(sorted(shares)[len(shares) // 2], 4),
            "epochs": sum(session.epoch for session in view.conversation.sessions.values()),
            "events": view.head,
        }


def idle(bench: Bench) -> dict[str, Any]:
    """Ticks when nothing is due."""
    with bench.opened(bench.largest) as mind:
        while mind.tick():
            pass
        mind.wait_idle(60)
        size, head = mind.size_bytes(), mind.log.head
        with counting(mind) as cost:
            times = [clocked(mind.tick) for _ in range(10_000)]
        return {
            "events": bench.largest,
            "tick": spread(times),
            "rows": cost.rows_read,
            "events_appended": cost.appended + cost.background.appended,
            "bytes_grown": mind.size_bytes() - size,
            "head_moved": mind.log.head != head,
        }


def append(bench: Bench) -> dict[str, Any]:
    """Groups of 100 events, each group one durable commit, beside a loop of bare inserts with the same pragmas: events that are only
    logged, and messages, which are indexed in the same transaction."""
    bare = bare_commits(bench.folder / "bare.db", GROUP, 60)
    logged: list[float] = []
    indexed: list[float] = []
    floor: list[float] = []
    with Mind.open(bench.folder / "append.db", model="offline") as mind:
        for n in range(max(10, bench.turns // 2)):
            calls = [ModelCalled(purpose="extract", model="bench", outcome="ok", error=f"{QUESTIONS[i % 5]} {n}") for i in range(GROUP)]
            said = [
                MessageImported(content=f"{QUESTIONS[i % 5]} {n}", origin="bench", speaker="Ana", role="other", session="s")
                for i in range(GROUP)
            ]
            floor.append(clocked(bare))
            logged.append(clocked(lambda calls=calls: mind._log.append(calls)))  # type: ignore[misc]
            indexed.append(clocked(lambda said=said: mind._log.append(said)))  # type: ignore[misc]
    least, plain, messages = spread(floor), spread(logged), spread(indexed)
    return {
        "group": GROUP,
        "bare_inserts": least,
        "append": plain,
        "of_bound": round(least["p50_ms"] / plain["p50_ms"], 3),
        "messages": messages,
        "messages_per_s": round(GROUP / messages["p50_ms"] * 1e3),
    }


def replay(bench: Bench) -> dict[str, Any]:
    """Every projection from event 1, beside reading and decoding the same events."""
    with Mind.open(bench.mind_of(bench.middle), model="offline") as mind:
        log = mind._log
        floor = min(clocked(lambda: decode_all(log)) for _ in range(3))

        def whole() -> None:
            snapshots = Snapshots(log)
            snapshots.drop()
            Views(log, snapshots, all_projections()).at_head()

        ours = min(clocked(whole) for _ in range(3))
        return _beside(log.head[0], ours, floor)


def verify(bench: Bench) -> dict[str, Any]:
    """The whole chain, beside reading and hashing the same rows."""
    with Mind.open(bench.mind_of(bench.middle), model="offline") as mind:
        log = mind._log
        floor = min(clocked(lambda: hash_all(log)) for _ in range(3))
        ours = min(clocked(log.verify) for _ in range(3))
        return _beside(log.head[0], ours, floor)


def _beside(events: int, ours: float, floor: float) -> dict[str, Any]:
    return {
        "events": events,
        "us_per_event": round(ours / events * 1e3, 3),
        "bound_us_per_event": round(floor / events * 1e3, 3),
        "of_bound": round(floor / ours, 3),
    }


def recall(bench: Bench) -> dict[str, Any]:
    """Recall by words at every size."""
    rows: list[dict[str, Any]] = []
    for size in bench.sizes:
        with bench.opened(size) as mind:
            mind.recall(QUESTIONS[0])
            with counting(mind) as cost:
                mind.recall(QUESTIONS[1])
            asked = [QUESTIONS[n % len(QUESTIONS)] for n in range(max(50, bench.turns * 2))]
            times = [clocked(lambda text=text: mind.recall(text)) for text in asked]  # type: ignore[misc]
            rows.append({"events": size, "recall": spread(times), "calls": cost.statements, "rows": cost.rows_read})
    return {"sizes": rows, "growth": {"calls": round(rows[-1]["calls"] / rows[0]["calls"], 3)}}


SCENARIOS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "cold_start": cold_start,
    "warm_cache": warm_cache,
    "large_history": large_history,
    "complex": complex,
    "idle": idle,
    "append": append,
    "replay": replay,
    "verify": verify,
    "recall": recall,
}
