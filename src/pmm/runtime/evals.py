"""How well recall finds what answers a question: dialogues are imported into minds of their own, and every question is asked.

recall@10 is the share of a question's evidence among the first ten memories, averaged over questions. No model is in the loop.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from pmm.agent.answer import draft
from pmm.agent.context import WORTH, Budget, build
from pmm.clock import stopwatch
from pmm.errors import ModelUnavailable
from pmm.events import Turn
from pmm.llm.model import estimate_tokens
from pmm.memory.recall import WEIGHTS
from pmm.runtime.mind import Mind

K = 10
SIGNALS = tuple(WEIGHTS)
RESAMPLES = 1000
FLOORS = (0.0, 0.6, WORTH, 0.8, 0.9)
"""shares of the best memory's score that others need to be shown, to compare"""
HEADLINE = "all"
_CITED = re.compile(r"(?<=\[)#\d+(?=\])")
OPENING, MARK = 1100, "0000000000000000"
"""tokens for what stands before the memory block, as the settings leave them; a mark as long as true ones"""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Of one category. recall and its 95% interval (bootstrap over questions) are percentages; words: in the ten memories, mean."""

    category: str
    questions: int
    recall: float
    low: float
    high: float
    words: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """scores: the headline first, then each category. ms: of one recall. without: signals that were left out. embedder: "" is none;
    encoding_ms: what encoding a question takes on top of a recall, at the median."""

    dataset: str
    without: tuple[str, ...]
    messages: int
    scores: tuple[Score, ...]
    ms_p50: float
    ms_p95: float
    embedder: str = ""
    encoding_ms: float = 0.0


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a prompt keeps of a question's evidence: `recalled`, the share among the k memories; `shown`, in the memory block of `memory`
    tokens at most, of memories that have at least the share `worth` of the best one's score. Percentages, of the questions of the
    headline. tokens: what the block takes, mean, estimated."""

    k: int
    memory: int
    worth: float
    recalled: float
    shown: float
    tokens: float


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered without a model. Percentages of the questions of the headline: whose answer cites a message; the first one it
    cites is of the evidence; any of them is. declined: of those that nothing answers (`traps`), how many cite nothing."""

    questions: int
    cites: float
    first: float
    any: float
    traps: int = 0
    declined: float = 0.0


class Minds:
    """The dialogues of a dataset, each in a mind of its own. Made by `imported`."""

    def __init__(self, dataset: str, told: list[tuple[Mind, Sequence[Any]]], messages: int, embedder: str = "") -> None:
        self._dataset, self._told, self._messages, self._embedder = dataset, told, messages, embedder

    def evaluate(self, *, without: Collection[str] = ()) -> Report:
        """Ask every question. without: signals that are left out."""
        rows: list[tuple[str, bool, float, int]] = []
        times, encoding = [], []
        for mind, questions in self._told:
            for text, category, evidence, counts in questions:
                start = stopwatch()
                if self._embedder:
                    mind.recall(text, k=K, without=without)  # what it means is known from here on
                again = stopwatch()
                found = mind.recall(text, k=K, without=without)
                times.append((stopwatch() - again) * 1000)
                encoding.append(max(0.0, (again - start) * 1000 - times[-1]))
                share = len(evidence.intersection(m.ref for m in found)) / len(evidence)
                rows.append((category, counts, share, sum(len(f"{m.who}: {m.text}".split()) for m in found)))
        times.sort()
        encoding.sort()
        groups = {HEADLINE: [row for row in rows if row[1]]}
        for category in sorted({row[0] for row in rows}):
            groups[category] = [row for row in rows if row[0] == category]
        return Report(
            dataset=self._dataset,
            without=tuple(sorted(without)),
            messages=self._messages,
            scores=tuple(_score(name, group) for name, group in groups.items() if group),
            ms_p50=round(times[len(times) // 2], 3) if times else 0.0,
            ms_p95=round(times[int(len(times) * 0.95)], 3) if times else 0.0,
            embedder=self._embedder,
            encoding_ms=round(encoding[len(encoding) // 2], 3) if self._embedder and encoding else 0.0,
        )

    def answered(self, k: int) -> Answered:
        """Every question is answered from `k` memories, as the offline model does, and held against what answers it."""
        cited: list[list[bool]] = []
        trapped: list[list[bool]] = []
        for mind, questions in self._told:
            view = mind.view()
            for text, _, evidence, counts in questions:
                found = mind.recall(text, k=k)
                answer = draft(view, found, text, (), now=mind.now, zone=view.identity.zone)
                refs = {f"#{memory.id}": memory.ref for memory in found}
                (cited if counts else trapped).append([refs.get(id) in evidence for id in _CITED.findall(answer)])
        asked = max(1, len(cited))
        return Answered(
            questions=len(cited),
            cites=_percent(sum(map(bool, cited)) / asked),
            first=_percent(sum(right[:1] == [True] for right in cited) / asked),
            any=_percent(sum(map(any, cited)) / asked),
            traps=len(trapped),
            declined=_percent(sum(not right for right in trapped) / max(1, len(trapped))),
        )

    def kept(self, k: int, memory: int, worth: float = WORTH) -> Kept:
        """What a smaller prompt loses: every question is put as a turn would put it, with `k` memories in a block of `memory` tokens."""
        room = Budget(context=OPENING + memory, memory=memory, transcript=0, window=32_768, reply=1024, worth=worth)
        recalled, shown, tokens = [], [], []
        for mind, questions in self._told:
            view = mind.view()
            for text, _, evidence, counts in questions:
                if not counts:
                    continue
                found = mind.recall(text, k=k)
                prompt = build(
                    view,
                    "eval",
                    text,
                    found,
                    (),
                    budget=room,
                    count=estimate_tokens,
                    now=mind.now,
                    marker=lambda: MARK,
                    user_event=view.head,
                )
                refs = {source.ref for source in prompt.sources if source.place == "header"}
                recalled.append(len(evidence.intersection(m.ref for m in found)) / len(evidence))
                shown.append(len(evidence.intersection(refs)) / len(evidence))
                tokens.append(prompt.sections["header"])
        asked = max(1, len(shown))
        shares = (_percent(sum(recalled) / asked), _percent(sum(shown) / asked))
        return Kept(k=k, memory=memory, worth=worth, recalled=shares[0], shown=shares[1], tokens=round(sum(tokens) / asked, 1))


@contextmanager
def imported(
    dataset: str, dialogues: Iterable[tuple[str, Sequence[Turn], Sequence[Any]]], told: Callable[[str], Any], embedder: str = ""
) -> Iterator[Minds]:
    """Each dialogue in a mind of its own, in a temporary folder. told(name): which one is being imported. embedder: a name (see
    `Mind.open`): everything is encoded before anything is asked. Raises ConfigError, ModelUnavailable."""
    minds: list[tuple[Mind, Sequence[Any]]] = []
    messages = 0
    with tempfile.TemporaryDirectory(prefix="pmm-eval-") as folder:
        try:
            for number, (name, turns, questions) in enumerate(dialogues):
                told(name)
                mind = Mind.open(Path(folder) / f"{number}.db", model="offline", embedder=embedder)
                minds.append((mind, questions))
                messages += mind.import_turns(turns, origin=dataset).added
                _settled(mind)
            yield Minds(dataset, minds, messages, embedder)
        finally:
            for mind, _ in minds:
                mind.close()


def _settled(mind: Mind) -> None:
    """Wait until all of it is indexed and encoded. Raises ModelUnavailable if an embedder comes no further."""
    done = -1
    while True:
        mind.wait_idle(60)
        state = mind.encoded()
        if state is None or state.encoded >= state.messages:
            return
        if state.encoded == done:
            raise ModelUnavailable(f"the embedder {state.embedder} comes no further: {state.trouble or 'no reason is known'}.")
        done = state.encoded


def _score(category: str, rows: Sequence[tuple[str, bool, float, int]]) -> Score:
    shares = [row[2] for row in rows]
    low, high = _interval(shares)
    mean = sum(shares) / len(shares)
    words = sum(row[3] for row in rows) / len(rows)
    return Score(category=category, questions=len(rows), recall=_percent(mean), low=low, high=high, words=round(words, 1))


def _interval(shares: Sequence[float]) -> tuple[float, float]:
    """The middle 95% of the means of RESAMPLES draws with replacement, as percentages. The same for the same shares, on every machine."""
    size, state = len(shares), 0x9E3779B97F4A7C15
    means = []
    for _ in range(RESAMPLES):
        total = 0.0
        for _ in range(size):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            total += shares[(state >> 33) % size]
        means.append(total / size)
    means.sort()
    return _percent(means[int(RESAMPLES * 0.025)]), _percent(means[int(RESAMPLES * 0.975)])


def _percent(share: float) -> float:
    return round(100 * share, 1)
