"""llama.cpp in this process: a GGUF file, on the GPU if there is one. Needs the extra `llamacpp`, which is loaded at first use.

The engine keeps what it read last, so a prompt that begins like the one before is read only from where it differs. Two things make that
so: every part of a prompt is tokenised by itself, so the ids of what was sent never change (nor those of a reply, which are the ones it
sampled); and one lock lets one call at a time near the engine.
"""

from __future__ import annotations

import codecs
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pmm.errors import ModelMalformed, ModelRefused, ModelUnavailable
from pmm.llm.model import PURPOSES, WARM, ChatModel, Message, Options, Piece, TokenUsage

BATCH = 256
"""tokens read at a time: a call that is stopped ends within one such batch"""
KEPT = 1024
"""texts whose ids are kept"""
TEMPERATURE = 0.7
LOCK_POLL_S = 0.02

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class LlamaCppModel(ChatModel):
    """A GGUF file. window: context in tokens, at most what the model was trained for; 0 for that.

    gpu: None uses one if there is one. layers: how many go there, -1 for all.
    """

    serves = PURPOSES | {WARM}

    def __init__(self, path: str | Path, *, window: int = 0, gpu: bool | None = None, layers: int = -1, threads: int = 0) -> None:
        self.path = Path(path).expanduser()
        self.name = f"llamacpp:{self.path}"
        self._wanted = (window, gpu, layers, threads)
        self._engine: Any = None
        self._template: Template | None = None
        self._loading = threading.Lock()
        self._lock = threading.Lock()
        self._ids: OrderedDict[tuple[str, bool], list[int]] = OrderedDict()

    @property
    def loaded(self) -> bool:  # type: ignore[override]
        """Whether the engine is."""
        return self._engine is not None

    @property
    def window(self) -> int:  # type: ignore[override]
        """Context in tokens. Loads the model."""
        return int(self._loaded().n_ctx())

    def count_tokens(self, text: str) -> int:
        """Exactly, by the model's own tokenizer."""
        return len(self._encoded(self._loaded(), text, special=False))

    def close(self) -> None:
        with self._lock, self._loading:
            if self._engine is not None:
                self._engine.close()
                self._engine = None

    # -- one call --------------------------------------------------------------------------------------------------------------------

    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        llama = self._loaded()
        with self._turn(options) as mine:
            if not mine:
                return
            ids = self.ids(messages)
            room = llama.n_ctx() - len(ids)
            if room < 1:
                told = f"the prompt has {len(ids):,} tokens; {self.path.name} reads {llama.n_ctx():,}."
                raise ModelRefused(told, hint="Raise model_window, or say less.")
            reused = self._read(llama, ids, options)
            if reused is not None and options.purpose == WARM:
                yield Piece(finish="length", usage=TokenUsage(len(ids), reused, 0))
            elif reused is not None:
                yield from self._speak(llama, ids, reused, min(room, options.max_tokens), options)

    @contextmanager
    def _turn(self, options: Options) -> Iterator[bool]:
        """The engine, when it is free; False if the call was stopped before."""
        while not self._lock.acquire(timeout=LOCK_POLL_S):
            if options.cancel.is_set():
                yield False
                return
        try:
            yield True
        finally:
            self._lock.release()

    def ids(self, messages: Sequence[Message]) -> list[int]:
        """The prompt in tokens. That of a conversation is the beginning of that of the same conversation later."""
        llama, template = self._loaded(), self._template
        assert template is not None
        ids: list[int] = []
        for text, special in template.parts(messages):
            ids += self._encoded(llama, text, special=special)
        bos = llama.token_bos()
        return ids if ids[:1] == [bos] or not template.begins else [bos, *ids]

    def _encoded(self, llama: Any, text: str, *, special: bool) -> list[int]:
        """Ids of a part. Only the template's own text may hold marks of control: what was said never becomes one."""
        known = self._ids.get((text, special))
        if known is None:
            known = llama.tokenize(text.encode(), add_bos=False, special=special) if text else []
            self._keep(text, special, known)
        return known

    def _keep(self, text: str, special: bool, ids: list[int]) -> None:
        self._ids[text, special] = ids
        while len(self._ids) > KEPT:
            self._ids.popitem(last=False)

    def _read(self, llama: Any, ids: list[int], options: Options) -> int | None:
        """Have all but the last token read; how many the engine still held. None: stopped."""
        held = llama.input_ids[: llama.n_tokens].tolist()
        reused = next((n for n, (old, new) in enumerate(zip(held, ids, strict=False)) if old != new), min(len(held), len(ids)))
        reused = min(reused, len(ids) - 1)
        llama.n_tokens = reused
        for start in range(reused, len(ids) - 1, BATCH):
            if options.cancel.is_set():
                return None
            llama.eval(ids[start : min(start + BATCH, len(ids) - 1)])
        return reused

    def _speak(self, llama: Any, ids: list[int], reused: int, most: int, options: Options) -> Iterator[Piece]:
        said: list[int] = []
        texts: list[str] = []
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        temperature = TEMPERATURE if options.temperature is None else options.temperature
        finish: Any = "stop"
        for token in llama.generate(ids, temp=temperature, grammar=_grammar(options.schema)):
            if options.cancel.is_set():
                return
            if self._ends(llama, token):
                break
            before = said[-1:] or ids[-1:]  # some tokenizers write a space at the start of a text, and only there
            said.append(token)
            if text := decode(llama.detokenize([token], prev_tokens=before)):
                texts.append(text)
                yield Piece(text)
            if len(said) == most:
                finish = "length"
                break
        if text := decode(b"", True):
            texts.append(text)
            yield Piece(text)
        self._keep("".join(texts), False, said)
        yield Piece(finish=finish, usage=TokenUsage(len(ids), reused, len(said)))

    def _ends(self, llama: Any, token: int) -> bool:
        import llama_cpp

        return bool(llama_cpp.llama_vocab_is_eog(llama._model.vocab, token))

    # -- the engine ------------------------------------------------------------------------------------------------------------------

    def _loaded(self) -> Any:
        """The engine, loaded if it isn't yet. Raises ModelUnavailable, ModelRefused."""
        with self._loading:
            if self._engine is None:
                self._engine = self._load()
            return self._engine

    def look(self) -> tuple[str, ...]:
        """The notices there will be of its chat template, without loading its weights. Raises ModelUnavailable, ModelRefused."""
        llama_cpp = self._library()
        try:
            llama = llama_cpp.Llama(str(self.path), vocab_only=True, verbose=False)
        except (ValueError, RuntimeError, OSError):
            raise ModelUnavailable(f"{self.path} can't be read.", hint="Is it a whole GGUF file?") from None
        seen = LlamaCppModel(self.path)
        seen._fitting(llama)
        llama.close()
        return seen.notices

    def _library(self) -> Any:
        if not self.path.is_file():
            raise ModelRefused(f"there is no model file {self.path}.", hint="Write llamacpp:/path/to/model.gguf.")
        try:
            import llama_cpp
        except ImportError:
            raise ModelRefused("llama.cpp isn't installed here.", hint='Run `pip install "pmm[llamacpp]"`; it compiles.') from None
        _quieten(llama_cpp)
        return llama_cpp

    def _load(self) -> Any:
        llama_cpp = self._library()
        window, gpu, layers, threads = self._wanted
        has_gpu = bool(llama_cpp.llama_supports_gpu_offload())
        on_gpu = has_gpu and gpu is not False and layers != 0
        if gpu and not has_gpu:
            self._notice("this build of llama.cpp can't use a GPU: it runs on the CPU")
        llama = None
        if on_gpu:
            llama = self._open(llama_cpp, window, layers, threads)
            if llama is None:
                self._notice("the GPU could not take the model: it runs on the CPU")
        llama = llama or self._open(llama_cpp, window, 0, threads)
        if llama is None:
            raise ModelUnavailable(f"{self.path} can't be loaded.", hint="Is it a whole GGUF file, and is there memory for it?")
        self._template = self._fitting(llama)
        return llama

    def _open(self, llama_cpp: Any, window: int, layers: int, threads: int) -> Any:
        try:
            llama = llama_cpp.Llama(
                str(self.path),
                n_ctx=window,
                n_gpu_layers=layers,
                n_batch=BATCH,
                n_threads=threads or None,
                n_threads_batch=threads or None,
                verbose=False,
            )
        except (ValueError, RuntimeError, OSError):
            return None
        trained = int(llama.metadata.get(f"{llama.metadata.get('general.architecture', '')}.context_length", 0))
        if not 0 < trained < llama.n_ctx():
            return llama
        llama.close()
        return self._open(llama_cpp, trained, layers, threads)

    def _fitting(self, llama: Any) -> Template:
        """The model's own template if it works, else ChatML; with a notice where it costs something."""
        text = llama.metadata.get("tokenizer.chat_template") or ""
        if not text:
            self._notice("the file has no chat template: ChatML is used")
        bos, eos = (llama.detokenize([token], special=True).decode("utf-8", "replace") for token in (llama.token_bos(), llama.token_eos()))
        begins = llama.metadata.get("tokenizer.ggml.add_bos_token", "true") != "false" and llama.token_bos() >= 0
        template = Template(_renderer(text or CHATML, bos, eos), begins=begins)
        if not template.works:
            self._notice("its chat template can't be used: ChatML is")
            template = Template(_renderer(CHATML, bos, eos), begins=begins)
        if template.folded:
            self._notice("its chat template has no system role: instructions stand before the first message")
        if not template.stable:
            self._notice("its chat template rewrites earlier turns: less of each prompt can be reused")
        return template

    def _notice(self, text: str) -> None:
        self.notices = (*self.notices, text)


_unheard: list[Any] = []
"""the callback that takes what the engine would write; it must live as long as the engine"""


def _quieten(llama_cpp: Any) -> None:
    """What the engine logs would be written into the conversation: its warnings come through whatever `verbose` says."""
    if not _unheard:
        _unheard.append(llama_cpp.llama_log_callback(lambda level, text, data: None))
        llama_cpp.llama_log_set(_unheard[0], None)


_MARK = re.compile("\x02(\\d+)\x03")

Render = Callable[[list[Message]], str]
"""messages -> the prompt's text, up to where the assistant speaks; raises ValueError for what a template refuses"""


class Template:
    """A chat template, taken apart: what it writes itself, and where each message's content goes.

    works: it shows every message. folded: it takes no system message, so that one is put before the first of the user's. stable: the
    prompt of a conversation is the beginning of the later ones. begins: the engine wants a mark at the beginning of everything.
    """

    def __init__(self, render: Render, *, begins: bool) -> None:
        self._render = render
        self.begins = begins
        self.folded = False
        talk = [("system", "s"), ("user", "u"), ("assistant", "a"), ("user", "v")]
        messages = [{"role": role, "content": text} for role, text in talk]
        if not self._shows(messages):
            self.folded = True
        self.works = self._shows(messages)
        first, later = self._texts(messages[:2]), self._texts(messages)
        self.stable = first is not None and later is not None and later[: len(first)] == first

    def parts(self, messages: Sequence[Message]) -> list[tuple[str, bool]]:
        """(text, whether it is the template's own) in order. Raises ModelMalformed if the template can't take these messages."""
        parts = self._texts(messages)
        if parts is None:
            raise ModelMalformed("the model's chat template refused the conversation.")
        return parts

    def _shows(self, messages: Sequence[Message]) -> bool:
        parts = self._texts(messages)
        return parts is not None and sum(not own for _, own in parts) >= len(messages) - self.folded

    def _texts(self, messages: Sequence[Message]) -> list[tuple[str, bool]] | None:
        given = _folded(messages) if self.folded else list(messages)
        marked = [{"role": m["role"], "content": f"\x02{n}\x03"} for n, m in enumerate(given)]
        try:
            pieces = _MARK.split(self._render(marked))
        except ValueError:
            return None
        return [(piece, True) if at % 2 == 0 else (given[int(piece)]["content"], False) for at, piece in enumerate(pieces)]


def _folded(messages: Sequence[Message]) -> list[Message]:
    """Without system messages: their text goes before the next message."""
    held, folded = "", []
    for message in messages:
        if message["role"] == "system":
            held += f"{message['content']}\n\n"
        else:
            folded.append({"role": message["role"], "content": held + message["content"]})
            held = ""
    return folded


def _renderer(template: str, bos: str, eos: str) -> Render:
    """llama-cpp-python's own sandboxed rendering of a Jinja template."""
    import jinja2
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    try:
        formatter: Any = Jinja2ChatFormatter(template=template, eos_token=eos, bos_token=bos)
    except jinja2.TemplateError:
        return _refuse

    def render(messages: list[Message]) -> str:
        try:
            return str(formatter(messages=messages).prompt)
        except (jinja2.TemplateError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(str(error)) from None

    return render


def _refuse(messages: list[Message]) -> str:
    raise ValueError("the template can't be read.")


def _grammar(schema: dict[str, Any] | None) -> Any:
    """A grammar that lets only JSON of this schema be sampled."""
    if schema is None:
        return None
    from llama_cpp import LlamaGrammar

    return LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False)
