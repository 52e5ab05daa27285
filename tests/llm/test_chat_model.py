"""The port itself: deadlines, retries, cancellation, and nothing left behind."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

import pytest

from pmm.errors import ModelCancelled, ModelCutOff, ModelMalformed, ModelRefused, ModelTimeout, ModelUnavailable
from pmm.llm.model import AHEAD, Cancel, ChatModel, Message, Options, Piece, estimate_tokens


class Made(ChatModel):
    """A model made of a function of (options, number of the try)."""

    name = "made"

    def __init__(self, make: Callable[[Options, int], Iterator[Piece]]) -> None:
        self.make = make
        self.tries = 0

    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        self.tries += 1
        return self.make(options, self.tries)


def hear(model: ChatModel, **options: object) -> str:
    return "".join(piece.text for piece in model.stream([], Options(**options)))  # type: ignore[arg-type]


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "pmm-made"]


def no_threads(within_s: float = 30) -> bool:
    until = time.monotonic() + within_s
    while threads() and time.monotonic() < until:
        time.sleep(0.002)
    return not threads()


def waited(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 30
    while not condition() and time.monotonic() < until:
        time.sleep(0.002)
    return condition()


def endless(options: Options, tries: int) -> Iterator[Piece]:
    while True:
        yield Piece("x")


def test_an_unavailable_model_is_tried_again_before_its_first_piece() -> None:
    told: list[float] = []

    def make(options: Options, tries: int) -> Iterator[Piece]:
        if tries < 3:
            raise ModelUnavailable("busy", retry_after_s=0.01)
        yield Piece("hello", finish="stop")

    model = Made(make)
    assert hear(model, on_retry=lambda error, pause: told.append(pause)) == "hello"
    assert model.tries == 3
    assert told == [0.01, 0.01]


def test_the_last_try_raises_what_it_met() -> None:
    def make(options: Options, tries: int) -> Iterator[Piece]:
        raise ModelUnavailable(f"busy {tries}", retry_after_s=0.0)

    model = Made(make)
    with pytest.raises(ModelUnavailable, match="busy 2"):
        hear(model, retries=1)


def test_nothing_is_tried_again_after_the_first_piece() -> None:
    def make(options: Options, tries: int) -> Iterator[Piece]:
        yield Piece("hel")
        raise ModelUnavailable("busy")

    model = Made(make)
    with pytest.raises(ModelUnavailable):
        hear(model)
    assert model.tries == 1


def test_a_wait_longer_than_the_deadline_is_not_begun() -> None:
    def make(options: Options, tries: int) -> Iterator[Piece]:
        raise ModelUnavailable("busy", retry_after_s=3600.0)

    start = time.monotonic()
    with pytest.raises(ModelUnavailable) as caught:
        hear(Made(make))
    assert caught.value.retry_after_s == 3600.0
    assert time.monotonic() - start < 30


def test_cancelling_ends_the_wait_for_another_try() -> None:
    cancel = Cancel()

    def make(options: Options, tries: int) -> Iterator[Piece]:
        raise ModelUnavailable("busy", retry_after_s=100.0)

    timer = threading.Timer(0.05, cancel.set)
    timer.start()
    start = time.monotonic()
    with pytest.raises(ModelCancelled):
        hear(Made(make), cancel=cancel)
    assert time.monotonic() - start < 20
    timer.join()


def test_a_fast_stream_without_end_stops_at_the_deadline() -> None:
    start = time.monotonic()
    with pytest.raises(ModelTimeout, match="did not finish"):
        hear(Made(endless), timeout_s=0.2)
    assert time.monotonic() - start < 20
    assert no_threads()


def test_the_limit_for_the_first_piece_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after it has as long as the whole call."""
    later, more = [0.0], threading.Event()
    monkeypatch.setattr("pmm.llm.model.time", SimpleNamespace(monotonic=lambda: later[0]))

    def make(options: Options, tries: int) -> Iterator[Piece]:
        yield Piece()
        assert more.wait(30)
        yield Piece("hello", finish="stop")

    stream = Made(make).stream([], Options(timeout_s=100.0, first_piece_timeout_s=10.0))
    assert next(stream) == Piece()
    later[0] = 50.0
    timer = threading.Timer(0.1, more.set)
    timer.start()
    assert next(stream).text == "hello"
    timer.join()


def test_a_caller_that_pauses_bounds_what_waits_for_it_and_still_gets_it() -> None:
    made = []

    def make(options: Options, tries: int) -> Iterator[Piece]:
        for number in range(3 * AHEAD):
            made.append(number)
            yield Piece("x")
        yield Piece(finish="stop")

    stream = Made(make).stream([], Options())
    next(stream)
    time.sleep(0.1)
    assert len(made) <= AHEAD + 3
    assert len("".join(piece.text for piece in stream)) == 3 * AHEAD - 1


def test_closing_the_stream_early_ends_the_models_thread() -> None:
    stream = Made(endless).stream([], Options())
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert no_threads()


def test_dropping_the_stream_early_ends_the_models_thread() -> None:
    stream = Made(endless).stream([], Options())
    next(stream)
    del stream
    assert no_threads()


def test_a_deadline_tells_the_adapter_to_stop() -> None:
    stopped = threading.Event()

    def make(options: Options, tries: int) -> Iterator[Piece]:
        options.cancel.on_set(stopped.set)
        options.cancel.wait(60)
        yield Piece("late", finish="stop")

    with pytest.raises(ModelTimeout, match="did not begin"):
        hear(Made(make), first_piece_timeout_s=0.05)
    assert stopped.wait(30)
    assert no_threads()


def test_what_was_cancelled_says_so_even_when_its_connection_broke_too() -> None:
    cancel = Cancel()

    def make(options: Options, tries: int) -> Iterator[Piece]:
        yield Piece("a")
        options.cancel.wait(60)
        raise ModelCutOff("the connection broke")

    for _ in range(20):
        cancel = Cancel()
        stream = Made(make).stream([], Options(cancel=cancel))
        next(stream)
        threading.Thread(target=cancel.set).start()
        with pytest.raises(ModelCancelled):
            next(stream)


def test_a_long_lived_cancel_does_not_collect_callbacks() -> None:
    cancel = Cancel()
    model = Made(lambda options, tries: iter([Piece("hello", finish="stop")]))
    for _ in range(20):
        hear(model, cancel=cancel)
    assert not cancel._callbacks
    assert not cancel.is_set()


def test_every_callback_of_a_cancel_runs_in_order() -> None:
    cancel, ran = Cancel(), []

    def broken() -> None:
        ran.append("broken")
        raise OSError("no")

    cancel.on_set(broken)
    forget = cancel.on_set(lambda: ran.append("forgotten"))
    cancel.on_set(lambda: ran.append("last"))
    forget()
    with pytest.raises(OSError, match="no"):
        cancel.set()
    cancel.set()
    cancel.on_set(lambda: ran.append("at once"))
    assert ran == ["broken", "last", "at once"]


def test_an_adapter_that_fails_at_once_is_heard() -> None:
    def make(options: Options, tries: int) -> Iterator[Piece]:
        raise ValueError("a bug")

    with pytest.raises(ModelMalformed, match="ValueError: a bug"):
        hear(Made(make))


def test_an_adapter_that_fails_while_it_tidies_up_is_not_heard_after_the_answer() -> None:
    def make(options: Options, tries: int) -> Iterator[Piece]:
        yield Piece("hello", finish="stop")
        raise ValueError("a bug")

    assert hear(Made(make)) == "hello"


def test_an_adapter_that_will_not_end_does_not_hold_the_answer_back() -> None:
    def make(options: Options, tries: int) -> Iterator[Piece]:
        yield Piece("hello", finish="stop")
        options.cancel.wait(60)

    start = time.monotonic()
    assert hear(Made(make)) == "hello"
    assert time.monotonic() - start < 20
    assert no_threads()


def test_an_answer_without_a_finish_was_cut_off() -> None:
    with pytest.raises(ModelCutOff):
        hear(Made(lambda options, tries: iter([Piece("hel")])))


def test_a_purpose_that_is_not_served_is_refused_without_a_call() -> None:
    model = Made(endless)
    model.serves = frozenset({"reply"})
    with pytest.raises(ModelRefused):
        hear(model, purpose="reflect")
    assert model.tries == 0


def test_a_call_costs_little() -> None:
    model = Made(lambda options, tries: iter([Piece("hello "), Piece("there", finish="stop")]))
    options = Options()
    start = time.process_time()
    for _ in range(300):
        list(model.stream([], options))
    assert (time.process_time() - start) / 300 < 0.005  # about 0.1 ms


def test_calls_one_after_the_other_share_a_thread_and_calls_at_once_do_not() -> None:
    """A thread that is done rests for the next call; one that is still busy, or hangs, is never waited for."""
    seen: list[threading.Thread] = []

    def make(options: Options, tries: int) -> Iterator[Piece]:
        seen.append(threading.current_thread())
        yield Piece("a")
        yield Piece("b", finish="stop")

    def rested() -> bool:
        return len(model._threads._resting) == len(set(seen))

    model = Made(make)
    for _ in range(3):
        hear(model)
        assert waited(rested)
    assert len(set(seen)) == 1
    gate = threading.Event()
    slow = Made(
        lambda options, tries: iter([Piece("late" if gate.wait(60) else "never", finish="stop")]) if tries == 1 else make(options, tries)
    )
    first = threading.Thread(target=hear, args=(slow,))
    first.start()
    assert waited(lambda: slow.tries == 1)
    assert hear(slow) == "ab"
    gate.set()
    first.join(30)
    assert len(slow._threads._resting) <= 2


def test_a_thread_without_work_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pmm.llm.model.REST_S", 0.01)
    seen: list[threading.Thread] = []

    def make(options: Options, tries: int) -> Iterator[Piece]:
        seen.append(threading.current_thread())
        yield Piece("a", finish="stop")

    model = Made(make)
    for _ in range(30):  # at times right when it gives up
        assert hear(model) == "a"
        time.sleep(0.01)
    for thread in seen:
        thread.join(30)
        assert not thread.is_alive()
    assert model._threads._resting == []


def test_threads_of_another_process_are_not_waited_for() -> None:
    """After a fork the model's threads are gone, though their places are still in the list."""
    model = Made(lambda options, tries: iter([Piece("hello", finish="stop")]))
    hear(model)
    model._threads._process -= 1
    model._threads._resting.append(queue.SimpleQueue())
    assert hear(model, timeout_s=20) == "hello"


@pytest.mark.parametrize(("text", "least"), [("", 0), ("word " * 100, 100), ("你好" * 100, 200), ("👍" * 10, 10)])
def test_the_estimate_errs_high(text: str, least: int) -> None:
    assert estimate_tokens(text) >= least
