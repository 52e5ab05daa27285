"""Background work: in order, at least once, by one process at a time; failures wait, then park where they are seen; nothing else waits."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pmm.clock import Clock, SimulatedClock
from pmm.errors import DiskFull, LocksUnsupported, LogStopped, MindBusy
from pmm.events import Event, NameAdopted, UserMessage
from pmm.runtime.background import BACKOFF_S, TRIES, BackgroundProcessor, Chore, Consumer, Lag, Later, Outcome, Upto
from pmm.storage.locks import worker_lock
from pmm.storage.positions import Positions
from pmm.storage.sqlite import SqliteLog, open_log

START = "2026-03-02T09:00:00+00:00"


class Desk:
    """A file, its clock, and processors on it, each with a log of its own; all closed when the test ends."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        self.stack = stack
        self.clock = SimulatedClock(START)
        self.log = self.open()

    def open(self) -> SqliteLog:
        log = open_log(self.path, clock=self.clock, synchronous="OFF")
        self.stack.callback(log.close)
        return log

    def processor(
        self,
        *consumers: Consumer,
        chores: Sequence[Chore] = (),
        log: SqliteLog | None = None,
        clock: Clock | None = None,
        start: bool = True,
    ) -> BackgroundProcessor:
        log = log or self.log
        made = BackgroundProcessor(log, Positions(log), worker_lock(self.path), clock or self.clock, consumers, chores)
        if start:
            made.start()
        self.stack.callback(made.close)
        return made

    def say(self, *texts: str) -> list[Event]:
        return self.log.append([UserMessage(content=text, source="python", session="main") for text in texts])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(tmp_path / "mind.db", stack)


class Handler:
    """Notes what it is handed, and fails as it is told."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.fails: dict[int, list[BaseException]] = {}
        self.always: dict[int, BaseException] = {}

    def __call__(self, event: Event) -> None:
        self.seen.append(event.id)
        if event.id in self.always:
            raise self.always[event.id]
        if self.fails.get(event.id):
            raise self.fails[event.id].pop(0)

    def consumer(self, name: str = "notes", kinds: tuple[str, ...] = ("user_message",)) -> Consumer:
        return Consumer(name, kinds, self)


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for another thread or process."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it never happened"
        time.sleep(0.005)


def alive() -> bool:
    return any(thread.name == "pmm-background" for thread in threading.enumerate())


# -- order, and at least once ----------------------------------------------------------------------------------------------------------


def test_events_are_handed_out_in_order_and_only_those_wanted(desk: Desk) -> None:
    """What was there before it started and what comes later; other kinds are never shown."""
    desk.say(*"abc")
    messages, names = Handler(), Handler()
    processor = desk.processor(messages.consumer(), names.consumer("names", ("name_adopted", "reply")))
    assert processor.wait_idle(30)
    assert messages.seen == [1, 2, 3] and names.seen == []
    desk.log.append([NameAdopted(whose="user", name="Ana")])
    desk.say("d")
    assert processor.wait_idle(30)
    assert messages.seen == [1, 2, 3, 5] and names.seen == [4]
    assert [(lag.name, lag.position, lag.pending) for lag in processor.lags()] == [("notes", 5, False), ("names", 4, False)]


def test_more_than_a_batch_is_worked_through(desk: Desk) -> None:
    """A thousand events that waited, each once."""
    desk.say(*map(str, range(1000)))
    handler = Handler()
    assert desk.processor(handler.consumer()).wait_idle(30)
    assert handler.seen == list(range(1, 1001))


def test_a_position_survives_a_restart(desk: Desk) -> None:
    """What was dealt with is not handed out again; what wasn't, is."""
    handler = Handler()
    processor = desk.processor(handler.consumer())
    desk.say(*"abc")
    assert processor.wait_idle(30)
    processor.close()
    desk.say(*"de")
    time.sleep(0.05)
    assert handler.seen == [1, 2, 3]
    assert desk.processor(handler.consumer(), log=desk.open()).wait_idle(30)
    assert handler.seen == [1, 2, 3, 4, 5]


KILLED = """
import os, signal, sys
from pathlib import Path
from pmm.clock import Clock
from pmm.runtime.background import BackgroundProcessor, Consumer
from pmm.storage.locks import worker_lock
from pmm.storage.positions import Positions
from pmm.storage.sqlite import open_log
path, stop = Path(sys.argv[1]), int(sys.argv[2])
log = open_log(path, synchronous="OFF")
def handle(event):
    print(event.id, flush=True)
    if event.id == stop:
        os.kill(os.getpid(), signal.SIGKILL)
processor = BackgroundProcessor(log, Positions(log), worker_lock(path), Clock(), [Consumer("notes", ("user_message",), handle)], [])
processor.start()
processor.wait_idle(30)
"""


def test_every_event_is_handled_at_least_once_across_kills(desk: Desk) -> None:
    """Killed in the middle of a handler, again and again: in order within each run, none left out, the killed one handed out again."""
    desk.say(*map(str, range(30)))
    handled: list[int] = []
    for stop in (1, 7, 7, 20, 31):
        run = subprocess.run([sys.executable, "-c", KILLED, str(desk.path), str(stop)], capture_output=True, text=True, check=False)
        seen = [int(line) for line in run.stdout.split()]
        assert seen == list(range(seen[0], min(stop, 30) + 1)), run.stderr
        assert seen[0] <= max(handled, default=0) + 1
        handled += seen
    assert set(handled) == set(range(1, 31))


# -- failures --------------------------------------------------------------------------------------------------------------------------


def test_a_failure_is_tried_again_when_the_minds_clock_says_so(desk: Desk) -> None:
    """Not before; with ever longer waits; and then everything after it goes on in order."""
    handler = Handler()
    handler.fails[2] = [ValueError("first"), ValueError("second")]
    processor = desk.processor(handler.consumer())
    desk.say(*"abc")
    assert processor.wait_idle(30)
    assert handler.seen == [1, 2]
    (lag,) = processor.lags()
    assert (lag.position, lag.failures, lag.error, lag.pending) == (1, 1, "ValueError: first", False)
    desk.clock.advance(BACKOFF_S - 0.1)
    assert processor.wait_idle(30) and handler.seen == [1, 2]
    desk.clock.advance(0.1)
    assert processor.wait_idle(30) and handler.seen == [1, 2, 2]
    desk.clock.advance(BACKOFF_S)
    assert processor.wait_idle(30) and handler.seen == [1, 2, 2]
    desk.clock.advance(BACKOFF_S)
    assert processor.wait_idle(30) and handler.seen == [1, 2, 2, 2, 3]
    (lag,) = processor.lags()
    assert (lag.position, lag.failures, lag.error, lag.parked) == (3, 0, "", ())


def test_what_fails_too_often_is_parked_where_it_is_seen(desk: Desk) -> None:
    """After five tries the event is a dead letter with its error; those after it are handled; nothing is dropped in silence."""
    handler = Handler()
    handler.always[1] = RuntimeError("never")
    handler.always[3] = KeyError("either")
    processor = desk.processor(handler.consumer())
    desk.say(*"abcd")
    for _ in range(2 * TRIES):
        assert processor.wait_idle(30)
        desk.clock.advance(BACKOFF_S * 2**TRIES)
    assert processor.wait_idle(30)
    assert handler.seen == [1] * TRIES + [2] + [3] * TRIES + [4]
    (lag,) = processor.lags()
    assert (lag.position, lag.failures, lag.pending, lag.parked) == (4, 0, False, (1, 3))


def test_failures_and_dead_letters_survive_a_restart(desk: Desk) -> None:
    """The tries so far, the time of the next one, and what was parked are on the disk."""
    handler = Handler()
    handler.always[1] = RuntimeError("never")
    for n in range(1, TRIES + 1):
        log = desk.open()
        processor = desk.processor(handler.consumer(), log=log)
        if n == 1:
            desk.say(*"ab")
        assert processor.wait_idle(30) and handler.seen == [1] * n + [2] * (n == TRIES)
        processor.close()
        again = desk.processor(handler.consumer(), log=log)
        assert again.wait_idle(30) and handler.seen == [1] * n + [2] * (n == TRIES)
        again.close()
        log.close()
        desk.clock.advance(BACKOFF_S * 2**n)
    assert desk.processor(handler.consumer()).lags()[0].parked == (1,)


def test_one_consumers_failures_do_not_hold_up_the_others(desk: Desk) -> None:
    """Each has its own position and its own patience."""
    bad, good = Handler(), Handler()
    bad.always[1] = RuntimeError("never")
    processor = desk.processor(bad.consumer("bad"), good.consumer("good"))
    desk.say(*"abc")
    assert processor.wait_idle(30)
    assert good.seen == [1, 2, 3] and bad.seen == [1]
    assert {lag.name: lag.position for lag in processor.lags()} == {"bad": 0, "good": 3}


@pytest.mark.parametrize("error", [SystemError("x"), AssertionError(), ValueError("\ud800"), StopIteration(), RecursionError()])
def test_whatever_a_handler_raises_it_goes_on(desk: Desk, error: Exception) -> None:
    """The thread survives it, and the error is readable."""
    handler = Handler()
    handler.fails[1] = [error]
    processor = desk.processor(handler.consumer())
    desk.say("a")
    assert processor.wait_idle(30) and processor.lags()[0].failures == 1
    desk.clock.advance(60)
    assert processor.wait_idle(30) and handler.seen == [1, 1]


def test_busy_means_later_and_is_no_failure(desk: Desk) -> None:
    """MindBusy from a handler: tried again soon, as often as it takes, without counting; meanwhile it isn't idle, and others go on."""
    handler, other = Handler(), Handler()
    handler.always[2] = MindBusy("a turn is being spoken")
    processor = desk.processor(handler.consumer("first"), other.consumer("second"))
    desk.say(*"abc")
    until(lambda: handler.seen.count(2) > 2 * TRIES)
    assert not processor.wait_idle(0.2)
    lag = processor.lags()[0]
    assert (lag.position, lag.failures, lag.pending, lag.parked) == (1, 0, True, ())
    assert other.seen == [1, 2, 3]
    del handler.always[2]
    assert processor.wait_idle(30)
    assert handler.seen[-2:] == [2, 3] and processor.lags()[0].position == 3


@pytest.mark.parametrize("error", [DiskFull("full"), MindBusy("somebody writes")])
def test_a_log_that_can_not_write_now_is_no_failure_either(desk: Desk, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk under the positions or in a handler: the thread lives, nothing is parked, and all is done once there is space."""
    handler = Handler()
    handler.always[2] = DiskFull("full")
    processor = desk.processor(handler.consumer(), chores=[Chore("upkeep", 1, lambda: None)])
    with monkeypatch.context() as patch:

        def save(*_: object) -> None:
            raise error

        patch.setattr(processor._positions, "save", save)
        desk.say(*"abc")
        assert not processor.wait_idle(0.3)
        assert handler.seen and alive()
    del handler.always[2]
    assert processor.wait_idle(30)
    assert handler.seen[-1] == 3 and set(handler.seen) == {1, 2, 3}
    assert processor.lags() == [Lag("notes", 3, False, 0, "", ())]


@pytest.mark.parametrize("error", [LogStopped("the disk failed"), LocksUnsupported("no locks here")])
def test_a_log_that_stopped_ends_the_work_without_a_sound(desk: Desk, error: Exception) -> None:
    """The thread ends and lets the lock go; waiting for idleness tells the truth at once instead of for ever."""
    handler = Handler()
    handler.always[1] = LogStopped("the disk failed")
    processor = desk.processor(handler.consumer(), start=False)
    if isinstance(error, LocksUnsupported):

        def acquire(*_: object) -> None:
            raise error

        processor._lock.acquire = acquire  # type: ignore[method-assign, assignment]
    desk.say("a")
    processor.start()
    assert processor._thread is not None
    processor._thread.join(30)
    assert not processor._thread.is_alive()
    assert processor.wait_idle() is False and processor.wait_idle(30) is False
    lock = worker_lock(desk.path)
    lock.acquire()
    lock.release()


# -- what came of an event ---------------------------------------------------------------------------------------------------------------


def at(seconds: float) -> datetime:
    return datetime.fromisoformat(START) + timedelta(seconds=seconds)


class Patient(Handler):
    """Says what it is told to, event by event; after that, that it is done."""

    def __init__(self, *outcomes: Outcome) -> None:
        super().__init__()
        self.outcomes = list(outcomes)

    def __call__(self, event: Event) -> Outcome:
        super().__call__(event)
        return self.outcomes.pop(0) if self.outcomes else None


def test_later_is_no_failure_and_comes_when_the_minds_clock_says_so(desk: Desk) -> None:
    """However often; others go on; whoever waits for idleness doesn't wait for it; a failure before it is forgotten."""
    patient, other = Patient(*(Later(at(60 * n)) for n in range(1, 9))), Handler()
    patient.fails[1] = [ValueError("once")]
    processor = desk.processor(patient.consumer("patient"), other.consumer("other"))
    desk.say("a")
    assert processor.wait_idle(30)
    desk.clock.advance(BACKOFF_S)
    assert processor.wait_idle(30)
    for n in range(1, 8):
        lag = processor.lags()[0]
        assert (lag.position, lag.pending, lag.failures, lag.error, lag.parked, lag.until) == (0, False, 0, "", (), at(60 * n))
        desk.clock.advance((at(60 * n) - desk.clock.now()).total_seconds() - 1)
        assert processor.wait_idle(30) and len(patient.seen) == n + 1
        desk.clock.advance(1)
        assert processor.wait_idle(30) and len(patient.seen) == n + 2
    assert other.seen == [1]


def test_what_waits_is_asked_again_when_there_is_news_for_it(desk: Desk) -> None:
    """As soon as something it wants is appended, and then it is handed its first event again; what others want wakes nobody."""
    patient = Patient(Later(at(600)), Later(at(600)), None)
    processor = desk.processor(patient.consumer())
    desk.say("a")
    assert processor.wait_idle(30) and patient.seen == [1]
    desk.log.append([NameAdopted(whose="user", name="Ana")])
    assert processor.wait_idle(30) and patient.seen == [1]
    desk.say("b")
    assert processor.wait_idle(30) and patient.seen == [1, 1]
    desk.say("c")
    assert processor.wait_idle(30) and patient.seen == [1, 1, 1, 3, 4]


def test_waiting_survives_a_restart_where_it_is_asked_at_once(desk: Desk) -> None:
    """Another process shows that it waits; the next worker asks anew, for it can't know what was appended meanwhile."""
    patient = Patient(Later(at(600)))
    processor = desk.processor(patient.consumer())
    desk.say("a")
    assert processor.wait_idle(30)
    looking = desk.processor(patient.consumer(), log=desk.open(), start=False)
    assert (looking.lags()[0].pending, looking.lags()[0].until) == (False, at(600))
    processor.close()
    again = Patient(Later(at(900)))
    desk.processor(again.consumer(), log=desk.open())
    until(lambda: again.seen == [1])


def test_one_event_may_stand_for_those_after_it(desk: Desk) -> None:
    """Upto: they are handed out no more, in this batch or the next; nothing is ever handed out twice for an id that lies behind."""
    handler = Patient(Upto(3), Upto(4), None, Upto(1))
    desk.say(*map(str, range(300)))
    processor = desk.processor(handler.consumer())
    assert processor.wait_idle(30)
    assert handler.seen == [1, 4, *range(5, 301)]
    handler.outcomes = [Upto(600)]
    desk.say(*map(str, range(300)))
    assert processor.wait_idle(30)
    assert handler.seen[298:] == [301] and processor.lags()[0].position == 600


def test_what_needs_a_model_begins_at_the_head_of_a_mind_that_is_older(desk: Desk) -> None:
    """Never at event 1; and once it has begun it misses nothing, closed or not, even if it never got to work."""
    desk.say(*map(str, range(50)))
    handler = Handler()
    modelled = Consumer("modelled", ("user_message",), handler, local=False)
    processor = desk.processor(modelled)
    assert processor.wait_idle(30) and handler.seen == [] and processor.lags()[0].position == 50
    processor.close()
    desk.say("a")
    with_lock = worker_lock(desk.path)
    with_lock.acquire()
    never = desk.processor(modelled, log=desk.open())
    desk.say("b")
    never.close()
    with_lock.release()
    assert handler.seen == []
    assert desk.processor(modelled, log=desk.open()).wait_idle(30)
    assert handler.seen == [51, 52]


def test_work_asks_everything_that_waits_at_once(desk: Desk) -> None:
    """A quiet and a retry alike; it tells handlers that somebody waits, but only while somebody does."""
    hurried: list[bool] = []
    patient, failing = Patient(), Handler()
    processor = desk.processor(
        Consumer("patient", ("user_message",), lambda event: hurried.append(processor.hurried) or patient(event)),  # type: ignore[func-returns-value]
        failing.consumer("failing"),
    )
    patient.outcomes = [Later(at(600)), None, Later(at(900))]
    failing.fails[1] = [ValueError("once")]
    desk.say("a")
    assert processor.wait_idle(30) and patient.seen == failing.seen == [1]
    assert processor.work(10) is True
    assert (patient.seen, failing.seen, hurried) == ([1, 1], [1, 1], [False, True])
    assert not processor.hurried
    desk.say("b")
    assert processor.wait_idle(30) and hurried[-1] is False and processor.lags()[0].until == at(900)
    processor.work(0)  # whether it is done in no time or not: it is begun
    until(lambda: len(patient.seen) == 4)


def test_work_is_refused_while_another_process_has_it(desk: Desk) -> None:
    lock = worker_lock(desk.path)
    lock.acquire()
    try:
        with pytest.raises(MindBusy, match="another process"):
            desk.processor(Handler().consumer(), log=desk.open()).work(5)
    finally:
        lock.release()


# -- closing ---------------------------------------------------------------------------------------------------------------------------


def test_closing_with_nothing_to_do_is_at_once(desk: Desk) -> None:
    """Whether it rests, waits for a retry, or waits for the lock; and twice is fine."""
    handler = Handler()
    handler.always[1] = ValueError()
    processor = desk.processor(handler.consumer())
    desk.say("a")
    assert processor.wait_idle(30)
    waiting = desk.processor(handler.consumer(), log=desk.open())
    time.sleep(0.1)
    for each in (waiting, processor, processor):
        start = time.perf_counter()
        each.close(60)
        assert time.perf_counter() - start < 20
    assert not alive()


def test_a_handler_that_hangs_holds_up_neither_closing_nor_reading(desk: Desk) -> None:
    """close() returns after its wait; the log is read and written meanwhile; the event is handed out again by the next one."""
    inside, release = threading.Event(), threading.Event()

    def hang(event: Event) -> None:
        inside.set()
        release.wait(60)
        desk.log.head  # noqa: B018 - after close: MindClosed

    processor = desk.processor(Consumer("hung", ("user_message",), hang))
    desk.say("a")
    processor.wake()
    assert inside.wait(30)
    start = time.perf_counter()
    assert desk.log.get(1) is not None and desk.say("b")[0].id == 2 and not processor.wait_idle(0.05)
    assert time.perf_counter() - start < 20
    start = time.perf_counter()
    processor.close(0.2)
    assert 0.15 < time.perf_counter() - start < 20
    assert processor.wait_idle(30) is False
    desk.log.close()
    release.set()
    assert processor._thread is not None
    processor._thread.join(30)
    assert not processor._thread.is_alive()
    handler = Handler()
    assert desk.processor(handler.consumer("hung"), log=desk.open()).wait_idle(30)
    assert handler.seen == [1, 2]


def test_closing_finishes_what_is_local_and_there(desk: Desk) -> None:
    """A process that lives for one turn still leaves its local work done."""
    desk.say(*map(str, range(50)))
    handler = Handler()
    processor = desk.processor(handler.consumer())
    processor.close()
    assert handler.seen == list(range(1, 51))


def test_closing_in_the_middle_leaves_what_needs_a_model_for_later(desk: Desk) -> None:
    """What is being handled is finished and noted; what comes after waits in the log."""
    handler = Handler()
    halfway = threading.Event()

    def slow(event: Event) -> None:
        handler(event)
        if event.id == 10:
            halfway.set()
            until(lambda: processor._closing)

    processor = desk.processor(Consumer("notes", ("user_message",), slow, local=False))
    desk.say(*map(str, range(50)))
    processor.wake()
    assert halfway.wait(30)
    processor.close(60)
    assert handler.seen == list(range(1, 11))
    assert desk.processor(handler.consumer()).wait_idle(30)
    assert handler.seen == list(range(1, 51))


# -- several processors on one file ----------------------------------------------------------------------------------------------------


def test_of_two_processors_one_works_and_the_other_takes_over(desk: Desk) -> None:
    """While the first has the lock the second hands out nothing, whoever appends; when the first closes, the second goes on."""
    first, second = Handler(), Handler()
    one = desk.processor(first.consumer())
    until(lambda: one._mine)
    other_log = desk.open()
    two = desk.processor(second.consumer(), log=other_log)
    desk.say(*"ab")
    other_log.append([UserMessage(content="c", source="cli", session="main")])
    two.wake()
    assert one.wait_idle(30) and two.wait_idle(30)
    assert (first.seen, second.seen) == ([1, 2, 3], [])
    one.close()
    desk.say("d")
    two.wake()
    assert two.wait_idle(30)
    assert (first.seen, second.seen) == ([1, 2, 3], [4])


def test_waiting_counts_the_work_of_the_other_process(desk: Desk) -> None:
    """The one that doesn't work is idle only when the one that does is done, also with what nobody woke it for."""
    release = threading.Event()
    seen: list[int] = []

    def slow(event: Event) -> None:
        release.wait(60)
        seen.append(event.id)

    one = desk.processor(Consumer("notes", ("user_message",), slow))
    assert one.wait_idle(30)
    other_log = desk.open()
    two = desk.processor(Consumer("notes", ("user_message",), slow), log=other_log)
    other_log.append([UserMessage(content="a", source="cli", session="main")])
    assert two.wait_idle(0.3) is False
    release.set()
    assert two.wait_idle(30) is True and seen == [1]
    other_log.append([UserMessage(content="b", source="cli", session="main")])
    assert two.wait_idle() is True and seen == [1, 2]


def test_a_killed_worker_is_taken_over_from(desk: Desk) -> None:
    """kill -9 in the middle of a handler: the one that waited goes on with that very event."""
    desk.say(*map(str, range(10)))
    script = KILLED.replace("os.kill(os.getpid(), signal.SIGKILL)", "import time; time.sleep(60)")
    process = subprocess.Popen([sys.executable, "-c", script, str(desk.path), "4"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while process.stdout.readline() != "4\n":
        pass
    handler = Handler()
    processor = desk.processor(handler.consumer())
    processor.wake()
    time.sleep(0.1)
    assert handler.seen == [] and not processor.wait_idle(0.05)
    process.kill()
    process.communicate()
    assert processor.wait_idle(30)
    assert handler.seen[0] <= 4 and handler.seen == list(range(handler.seen[0], 11))


# -- waiting ---------------------------------------------------------------------------------------------------------------------------


def test_waiting_never_returns_before_the_work_is_done(desk: Desk) -> None:
    """Append, wait, look, a thousand times over: there is no moment between the two that it misses. Nobody wakes it but the append."""
    handler = Handler()
    processor = desk.processor(handler.consumer())
    for n in range(1, 501):
        desk.say("x")
        if n % 3 == 0:
            processor.wake()
        assert processor.wait_idle(30) is True
        assert handler.seen == list(range(1, n + 1))


def test_waiting_never_misses_a_retry_that_has_come_due(desk: Desk) -> None:
    """Advance the clock, wait, look: the retry has happened."""
    handler = Handler()
    processor = desk.processor(handler.consumer())
    for n in range(1, 101):
        handler.fails[n] = [ValueError("once")]
        desk.say("x")
        assert processor.wait_idle(30) is True and handler.seen.count(n) == 1
        desk.clock.advance(BACKOFF_S)
        assert processor.wait_idle(30) is True and handler.seen.count(n) == 2


def test_many_may_wait_at_once(desk: Desk) -> None:
    """Each is told the truth for what it appended itself."""
    handler = Handler()
    processor = desk.processor(handler.consumer())
    failures: list[int] = []

    def act() -> None:
        for _ in range(40):
            (event,) = desk.say("x")
            if not processor.wait_idle(30) or event.id not in handler.seen:
                failures.append(event.id)

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures and handler.seen == list(range(1, 161))


def test_waiting_times_out_without_raising(desk: Desk) -> None:
    """False after the seconds given, which are real ones; zero is an answer at once; a closed log is no reason to raise."""
    release = threading.Event()
    processor = desk.processor(Consumer("slow", ("user_message",), lambda event: release.wait(60) and None))
    assert processor.wait_idle(30) and processor.wait_idle(0)
    desk.say("a")
    start = time.perf_counter()
    assert processor.wait_idle(0) is False
    assert time.perf_counter() - start < 20
    assert processor.wait_idle(0.2) is False
    assert 0.15 < time.perf_counter() - start < 20
    release.set()
    assert processor.wait_idle(30) is True
    processor.close()
    desk.log.close()
    assert processor.wait_idle(0.1) is False and processor.wait_idle() is False


def test_what_is_parked_or_waits_for_the_clock_is_idle(desk: Desk) -> None:
    """Idle means: nothing to do now."""
    handler = Handler()
    handler.always[1] = ValueError("never")
    processor = desk.processor(handler.consumer())
    desk.say(*"ab")
    for _ in range(TRIES):
        assert processor.wait_idle() is True
        desk.clock.advance(1000)
    assert processor.wait_idle() is True and processor.lags()[0].parked == (1,)


def test_a_processor_that_was_never_started_says_what_waits(desk: Desk) -> None:
    """It is idle when nothing waits for it; else it times out."""
    processor = desk.processor(Handler().consumer(), start=False)
    assert processor.wait_idle(0) is True
    desk.say("a")
    assert processor.wait_idle(0.1) is False and processor.lags()[0].pending
    processor.close()


# -- chores ----------------------------------------------------------------------------------------------------------------------------


def test_a_chore_runs_every_so_many_events(desk: Desk) -> None:
    """At least so many since the last time, counted across restarts."""
    ran: list[int] = []
    chore = Chore("upkeep", 10, lambda: ran.append(desk.log.head[0]))
    processor = desk.processor(chores=[chore])
    for _ in range(25):
        desk.say("x")
        assert processor.wait_idle(30)
    assert ran == [10, 20]
    processor.close()
    desk.say(*map(str, range(4)))
    again = desk.processor(chores=[chore])
    assert again.wait_idle(30) and ran == [10, 20]
    desk.say("x")
    assert again.wait_idle(30) and ran == [10, 20, 30]
    desk.say(*map(str, range(35)))
    assert again.wait_idle(30) and ran == [10, 20, 30, 65]


def test_a_chore_that_fails_is_tried_later_seen_and_stops_nobody(desk: Desk) -> None:
    """Its error shows among the lags until it works; consumers and other chores go on."""
    errors: list[Exception] = [ValueError("not now"), ValueError("nor now")]
    ran: list[str] = []

    def failing() -> None:
        ran.append("failing")
        if errors:
            raise errors.pop(0)

    handler = Handler()
    processor = desk.processor(handler.consumer(), chores=[Chore("failing", 1, failing), Chore("good", 1, lambda: ran.append("good"))])
    desk.say("a")
    assert processor.wait_idle(30)
    assert ran == ["failing", "good"] and handler.seen == [1]
    assert [(lag.name, lag.failures, lag.error) for lag in processor.lags()] == [("notes", 0, ""), ("failing", 1, "ValueError: not now")]
    desk.say("b")
    assert processor.wait_idle(30) and ran == ["failing", "good", "good"] and handler.seen == [1, 2]
    for _ in range(2):
        desk.clock.advance(1000)
        processor.wake()
        assert processor.wait_idle(30)
    assert ran.count("failing") == 3 and [lag.name for lag in processor.lags()] == ["notes"]


def test_a_busy_chore_is_tried_again_soon(desk: Desk) -> None:
    """MindBusy (somebody else writes for long) is no failure of the chore."""
    errors: list[Exception] = [MindBusy("writing")]
    ran: list[Any] = []

    def act() -> None:
        ran.append(1)
        if errors:
            raise errors.pop(0)

    processor = desk.processor(chores=[Chore("upkeep", 1, act)])
    desk.say("a")
    processor.wake()
    until(lambda: len(ran) == 2)
    assert processor.wait_idle(30) and processor.lags() == [] and len(ran) == 2


def test_what_a_process_holds_in_memory_it_works_on_itself_whoever_has_the_work(desk: Desk) -> None:
    """A chore with `due` is asked, not counted: it runs where the work is done elsewhere, and waiting for idleness waits for it."""
    waiting: dict[str, list[int]] = {"first": [1], "second": [2]}
    chores = {name: Chore("own", 1, held.clear, due=lambda held=held: bool(held)) for name, held in waiting.items()}  # type: ignore[misc]
    first = desk.processor(chores=[chores["first"]])
    assert first.wait_idle(30) and waiting["first"] == []
    second = desk.processor(chores=[chores["second"]])
    until(lambda: waiting["second"] == [])
    assert first.works and not second.works
    waiting["second"].append(3)
    second.wake()
    until(lambda: waiting["second"] == [])
    assert first.lags() == []


def test_the_real_clock_drives_it_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a short backoff: the retry happens by itself, nobody wakes it."""
    monkeypatch.setattr("pmm.runtime.background.BACKOFF_S", 0.05)
    handler = Handler()
    handler.fails[1] = [ValueError("once")]
    processor = desk.processor(handler.consumer(), clock=Clock())
    desk.say("a")
    processor.wake()
    until(lambda: handler.seen == [1, 1])
    assert processor.wait_idle(30)
