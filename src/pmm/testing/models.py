"""A model that says what it is told to, and the contract every ChatModel keeps. Needs the core install alone."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Literal, TypeAlias

import msgspec

from pmm.errors import ModelCancelled, ModelError, ModelRefused, ModelTimeout
from pmm.llm.model import PURPOSES, WARM, Cancel, ChatModel, Message, Options, Piece, TokenUsage, estimate_tokens


class Scripted(msgspec.Struct, frozen=True):
    """One scripted answer. text: whole, or its pieces. delay_s: before the first piece. usage: None has it reckoned from the prompt."""

    text: str | Sequence[str | BaseException]
    finish: Literal["stop", "length"] | None = "stop"
    usage: TokenUsage | None = None
    delay_s: float = 0.0


Reply: TypeAlias = "str | Sequence[str | BaseException] | BaseException | Scripted | Callable[[list[Message]], Any]"
"""What a script may hold: a text; its exact pieces (an exception among them is raised there); an exception; a Scripted; or a function
of the messages that gives one of those."""


class ScriptedModel(ChatModel):
    """Answers from a list, in order; the last one repeats when the list runs out. Both lists may be changed between turns.

    prompts: what it was sent for replies, as lists of {"role", "content"}. calls: every call, as (purpose, messages). Other purposes
    answer from `background`, one list for all of them or one for each that is served; without it none is. It reports usage: prompt
    tokens estimated, `cached` those it shares from the start with the prompt before.
    """

    name = "scripted"

    def __init__(
        self,
        replies: Sequence[Reply] = ("All right.",),
        *,
        background: Sequence[Reply] | Mapping[str, Sequence[Reply]] | None = None,
        window: int = 8192,
    ) -> None:
        self.replies: list[Reply] = list(replies)
        self.background: list[Reply] | dict[str, list[Reply]] | None = None
        if isinstance(background, Mapping):
            self.background = {purpose: list(script) for purpose, script in background.items()}
        elif background is not None:
            self.background = list(background)
        self.prompts: list[list[Message]] = []
        self.calls: list[tuple[str, list[Message]]] = []
        self.window = window
        self.serves = PURPOSES if isinstance(self.background, list) else frozenset({"reply", *(self.background or ())})
        self._taken: Counter[str] = Counter()
        self._last: list[Message] = []
        self._last_tokens = 0
        self._lock = threading.Lock()

    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        with self._lock:
            sent, prompt_tokens, cached = self._read(messages)
            self.calls.append((options.purpose, sent))
            if options.purpose == "reply":
                self.prompts.append(sent)
            item: Any = self._take(options.purpose)
        while callable(item) and not isinstance(item, type):
            item = item([dict(message) for message in sent])
        answer = item if isinstance(item, Scripted) else Scripted([item] if isinstance(item, BaseException) else item)
        if answer.delay_s and options.cancel.wait(answer.delay_s):
            return
        said = []
        for part in re.findall(r"\S+\s*|\s+", answer.text) if isinstance(answer.text, str) else answer.text:
            if isinstance(part, BaseException):
                raise part.with_traceback(None)  # the same one may be raised many times
            said.append(part)
            yield Piece(part)
        if answer.finish is not None:
            reckoned = TokenUsage(prompt_tokens, cached, estimate_tokens("".join(said)))
            yield Piece(finish=answer.finish, usage=answer.usage or reckoned)

    def _read(self, messages: Sequence[Message]) -> tuple[list[Message], int, int]:
        """A copy of the prompt, its tokens, and how many of them the last prompt began with. Only what is new is copied and counted, as an
        engine would: a long conversation must not make an instant model slow."""
        last, known = self._last, len(self._last)
        if list(messages[:known]) == last:
            sent, cached = [*last, *(dict(message) for message in messages[known:])], self._last_tokens
            tokens = cached + sum(map(_tokens, sent[known:]))
        else:
            sent = [dict(message) for message in messages]
            cached, tokens = common_tokens(last, sent), sum(map(_tokens, sent))
        self._last, self._last_tokens = sent, tokens
        return sent, tokens, cached

    def _take(self, purpose: str) -> Reply:
        kind = purpose if purpose == "reply" or isinstance(self.background, dict) else "background"
        script = self.replies if kind == "reply" else self.background.get(kind) if isinstance(self.background, dict) else self.background
        if not script:
            return ModelRefused(f"The script has nothing to say ({purpose}).")
        place = min(self._taken[kind], len(script) - 1)
        self._taken[kind] += 1
        return script[place]


def common_tokens(before: Sequence[Message], after: Sequence[Message]) -> int:
    """Tokens that two prompts share from the start, estimated: what an engine that keeps its last prompt need not read again."""
    tokens = 0
    for old, new in zip(before, after, strict=False):
        if old == new:
            tokens += _tokens(new)
            continue
        if old["role"] == new["role"]:
            low, high = 0, min(len(old["content"]), len(new["content"]))
            while low < high:  # the longest common beginning, by halves
                middle = (low + high + 1) // 2
                if old["content"][:middle] == new["content"][:middle]:
                    low = middle
                else:
                    high = middle - 1
            tokens += int(low / 3.2)
        break
    return tokens


def _tokens(message: Message) -> int:
    return estimate_tokens(message["content"]) + 4  # the template's marks around a message


class ChatModelContract:
    """What every ChatModel does, whatever is behind it. Subclass it in a test file and override `model` (and what else fits).

    class TestMine(ChatModelContract):
        def model(self, text): return MyModel(...)    # answers any prompt with exactly `text`
    """

    TEXTS = (
        "Hello there. This is a plain answer.",
        'Zażółć gęślą jaźń — 你好, 👩‍👩‍👧‍👦 e\u0301 שלום\nsecond line\n\n  indented, "quoted" \\ and <b>tags</b> & data: [DONE]',
        "x",
    )
    PROMPT: Sequence[Message] = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"})

    def model(self, text: str) -> ChatModel:
        """A model that answers every prompt with `text`."""
        raise NotImplementedError

    def hanging_model(self) -> ChatModel | None:
        """A model that takes a call and never answers; None if there can't be one."""
        return None

    def options(self, **changes: Any) -> Options:
        """The options the contract calls with."""
        return Options(**{"timeout_s": 60.0, "first_piece_timeout_s": 60.0, "retries": 0, **changes})

    def test_it_says_the_whole_text_and_finishes_once(self) -> None:
        for text in self.TEXTS:
            with closing(self.model(text)) as model:
                pieces = list(model.stream(self.PROMPT, self.options(draft=lambda text=text: text)))
                assert "".join(piece.text for piece in pieces) == text
                assert [piece.finish is not None for piece in pieces] == [False] * (len(pieces) - 1) + [True]
                assert pieces[-1].finish == "stop"

    def test_usage_is_counted_or_left_unsaid(self) -> None:
        with closing(self.model("Hello there.")) as model:
            *_, last = model.stream(self.PROMPT, self.options(draft=lambda: "Hello there."))
            usage = last.usage or TokenUsage()
            counts = (usage.prompt, usage.cached, usage.completion)
            assert all(count is None or (isinstance(count, int) and count >= 0) for count in counts)
            assert usage.cached is None or usage.prompt is None or usage.cached <= usage.prompt

    def test_it_describes_itself(self) -> None:
        with closing(self.model("Hello.")) as model:
            assert model.name and model.window > 0 and model.serves <= PURPOSES | {WARM} and "reply" in model.serves
            assert model.route in ("model", "offline")
            assert 1 <= model.count_tokens("a few words") <= 11

    def test_the_prompt_is_left_alone(self) -> None:
        prompt = [dict(message) for message in self.PROMPT]
        with closing(self.model("Hello.")) as model:
            list(model.stream(prompt, self.options(draft=lambda: "Hello.")))
        assert prompt == list(self.PROMPT)

    def test_one_model_answers_many_calls_also_at_once(self) -> None:
        with closing(self.model("Hello there. And again.")) as model:
            heard: list[str] = []

            def ask() -> None:
                for _ in range(3):
                    pieces = model.stream(self.PROMPT, self.options(draft=lambda: "Hello there. And again."))
                    heard.append("".join(piece.text for piece in pieces))

            threads = [threading.Thread(target=ask) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            assert heard == ["Hello there. And again."] * 9

    def test_a_call_cancelled_before_it_starts_is_not_made(self) -> None:
        cancel = Cancel()
        cancel.set()
        with closing(self.model("Hello.")) as model:
            assert isinstance(self._failure(model, self.options(cancel=cancel)), ModelCancelled)

    def test_a_call_cancelled_in_mid_answer_stops(self) -> None:
        text = "One sentence. Two sentences. Three sentences."
        cancel = Cancel()
        with closing(self.model(text)) as model:
            stream = model.stream(self.PROMPT, self.options(cancel=cancel, draft=lambda: text))
            assert text.startswith(next(stream).text)
            cancel.set()
            try:
                next(stream)
            except ModelCancelled:
                pass
            else:
                raise AssertionError("it went on after it was cancelled")
            assert self._no_threads(model)

    def test_a_caller_that_leaves_early_leaves_nothing_behind(self) -> None:
        text = "One sentence. Two sentences. Three sentences."
        cancel = Cancel()
        with closing(self.model(text)) as model:
            stream = model.stream(self.PROMPT, self.options(cancel=cancel, draft=lambda: text))
            next(stream)
            stream.close()  # type: ignore[attr-defined]
            assert self._no_threads(model)
            assert "".join(piece.text for piece in model.stream(self.PROMPT, self.options(draft=lambda: text))) == text

    def test_a_call_that_hangs_ends_at_its_deadline(self) -> None:
        for limits in ({"timeout_s": 0.3}, {"first_piece_timeout_s": 0.3}):
            model = self.hanging_model()
            if model is None:
                return
            with closing(model):
                start = time.monotonic()
                assert isinstance(self._failure(model, self.options(**limits)), ModelTimeout)
                assert time.monotonic() - start < 20
                assert self._no_threads(model)

    def test_a_call_that_hangs_can_be_cancelled(self) -> None:
        model = self.hanging_model()
        if model is None:
            return
        cancel = Cancel()
        timer = threading.Timer(0.1, cancel.set)
        timer.start()
        with closing(model):
            start = time.monotonic()
            assert isinstance(self._failure(model, self.options(cancel=cancel)), ModelCancelled)
            assert time.monotonic() - start < 20
            assert self._no_threads(model)
        timer.join()

    def test_a_purpose_it_does_not_serve_is_refused(self) -> None:
        with closing(self.model("Hello.")) as model:
            for purpose in {*PURPOSES, "nonsense"} - model.serves:
                assert isinstance(self._failure(model, self.options(purpose=purpose)), ModelRefused)

    def test_it_can_be_closed_twice(self) -> None:
        model = self.model("Hello.")
        list(model.stream(self.PROMPT, self.options(draft=lambda: "Hello.")))
        model.close()
        model.close()

    def _failure(self, model: ChatModel, options: Options) -> ModelError | None:
        try:
            list(model.stream(self.PROMPT, options))
        except ModelError as error:
            return error
        return None

    def _no_threads(self, model: ChatModel, within_s: float = 30.0) -> bool:
        """Whether the threads of its calls end."""
        until = time.monotonic() + within_s
        while any(thread.name == f"pmm-{model.name}" for thread in threading.enumerate()):
            if time.monotonic() > until:
                return False
            time.sleep(0.005)
        return True
