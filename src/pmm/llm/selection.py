"""Which model: by name, or the best one that is here."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from pmm.config import Settings
from pmm.errors import ConfigError, ModelError, UnknownModel
from pmm.llm import ollama, openai
from pmm.llm.model import ChatModel
from pmm.llm.offline import OfflineModel
from pmm.llm.wire import Wire

LOOK_S = 0.3
"""how long a server may take to accept a connection when one is looked for"""

LIST_S = 3.0
"""how long a server may take to list its models"""

LIMITS: tuple[tuple[str, int, int | None], ...] = (
    ("gpt-5", 400_000, 128_000),
    ("gpt-4.1", 1_047_576, 32_768),
    ("gpt-4o", 128_000, 16_384),
    ("chatgpt-4o", 128_000, 16_384),
    ("gpt-4-turbo", 128_000, 4_096),
    ("gpt-4", 8_192, None),
    ("gpt-3.5", 16_385, 4_096),
    ("gpt-oss", 131_072, None),
    ("o1", 200_000, 100_000),
    ("o3", 200_000, 100_000),
    ("o4", 200_000, 100_000),
    ("claude", 200_000, 8_192),
    ("gemini", 1_048_576, 8_192),
    ("gemma3", 32_768, None),
    ("gemma-3", 32_768, None),
    ("gemma", 8_192, None),
    ("llama4", 131_072, None),
    ("llama-4", 131_072, None),
    ("llama3.", 131_072, None),
    ("llama-3.", 131_072, None),
    ("llama3", 8_192, None),
    ("llama-3", 8_192, None),
    ("qwen3", 32_768, None),
    ("qwen2.5", 32_768, None),
    ("mistral", 32_768, None),
    ("ministral", 32_768, None),
    ("mixtral", 32_768, None),
    ("phi4", 16_384, None),
    ("phi-4", 16_384, None),
    ("deepseek", 65_536, 8_192),
)
"""(how the name begins, context window, longest answer or None), in tokens; the first that fits. `model_window` overrides the window."""

UNKNOWN_WINDOW = 8_192

ADAPTERS = ("auto", "offline", "openai", "ollama", "llamacpp")


class Choice(msgspec.Struct, frozen=True):
    """The model that was chosen: name as `open_model` takes it, why (a clause) and how_to_change (a sentence)."""

    name: str
    why: str
    how_to_change: str


class ModelRow(msgspec.Struct, frozen=True):
    """A model that can be used: name as `open_model` takes it, where it runs, and a note (may be empty)."""

    name: str
    where: str
    note: str = ""


def open_model(name: str, settings: Settings) -> ChatModel:
    """The model of that name: "offline", "openai[:NAME]", "ollama[:NAME]", "llamacpp[:FILE]", "auto" (or ""). Connects to nothing and
    loads nothing yet, except that "auto" and a bare "ollama" look what is there. Raises UnknownModel, ConfigError; a bare "ollama"
    ModelError."""
    adapter, _, model = name.strip().partition(":")
    if adapter == "offline" and not model:
        return OfflineModel()
    if adapter == "openai":
        model = model or settings.openai_model
        window, output = limits(model, settings)
        return openai.OpenAIModel(
            model,
            base_url=settings.openai_base_url,
            api_key=settings.openai_api_key,
            window=window,
            max_output=output,
            warm=settings.warm,
        )
    if adapter == "ollama":
        model = model or _first_ollama(settings)
        window, output = limits(model, settings)
        if not settings.model_window:
            window = min(window, needed_window(settings))
        return ollama.OllamaModel(model, host=settings.ollama_host, window=window, max_output=output, warm=settings.warm)
    if adapter == "llamacpp":
        return _llamacpp(model or settings.gguf, settings)
    if adapter in ("auto", "") and not model:
        return open_model(_look(settings).name, settings)
    raise _unknown(name, adapter)


def open_speaker(name: str, settings: Settings) -> ChatModel:
    """The model of that name, with those of `fallback_models` behind it. Raises what `open_model` does, and ConfigError."""
    first = open_model(name, settings)
    names = [other.strip() for other in settings.fallback_models.split(",") if other.strip()]
    if unclear := next((other for other in names if other in ("auto", "ollama")), None):
        raise ConfigError(f"{unclear!r} among fallback_models says no model.", hint="Name each in full, such as ollama:llama3.2.")
    others = [model for model in (open_model(other, settings) for other in dict.fromkeys(names)) if model.name != first.name]
    if not others:
        return first
    from pmm.llm.chain import ChainModel

    return ChainModel([first, *others])


def _llamacpp(file: str, settings: Settings) -> ChatModel:
    if not file:
        raise UnknownModel("llamacpp needs a model file.", hint="Write llamacpp:/path/to/model.gguf, or set gguf (PMM_GGUF).")
    if not Path(file).expanduser().is_file():
        raise UnknownModel(f"There is no model file {file}.", hint="Write llamacpp:/path/to/model.gguf.")
    from pmm.llm.llamacpp import LlamaCppModel

    window = settings.model_window or needed_window(settings)
    return LlamaCppModel(file, window=window, gpu=settings.use_gpu, layers=settings.gpu_layers)


def choose(settings: Settings) -> Choice:
    """Which model the settings lead to, and why. With `auto` and nothing else set it looks for a local server, for moments only."""
    if settings.model in ("auto", ""):
        return _look(settings)
    return Choice(settings.model, "it is set as the model", "Set model (PMM_MODEL, --model) to another name, or to auto.")


def limits(model: str, settings: Settings) -> tuple[int, int | None]:
    """(context window, longest answer or None) of a model, in tokens, by how its name begins."""
    bare = model.rpartition("/")[2].lower()
    window, output = next(((size, most) for start, size, most in LIMITS if bare.startswith(start)), (UNKNOWN_WINDOW, None))
    return settings.model_window or window, output


def needed_window(settings: Settings) -> int:
    """The context that PMM's own budgets can fill, in tokens, rounded up: a local model pays memory for every token of its window."""
    budgets = settings.max_context_tokens + settings.max_transcript_tokens + settings.max_reply_tokens
    return -(-int(budgets * 1.15) // 1024) * 1024


def list_models(settings: Settings) -> list[ModelRow]:
    """What can be used here, the models of reachable servers included. A server that fails is a row with a note, not an error."""
    rows = [ModelRow("offline", "here", "no model: answers from memory")]
    wire = openai.openai_wire(settings.openai_base_url, settings.openai_api_key)
    if not settings.openai_api_key and _is_hosted(settings):
        rows.append(ModelRow(f"openai:{settings.openai_model}", wire.place, "needs a key: set OPENAI_API_KEY"))
    else:
        rows += _rows("openai", wire, openai.server_models, settings.openai_model)
    wire = ollama.ollama_wire(settings.ollama_host)
    if reachable(wire):
        rows += _rows("ollama", wire, ollama.server_models, "")
    else:
        rows.append(ModelRow("ollama", wire.place, "not running"))
    if settings.gguf:
        rows.append(ModelRow(f"llamacpp:{settings.gguf}", "in this process", _note_on(settings)))
    return rows


def _note_on(settings: Settings) -> str:
    from pmm.llm.llamacpp import LlamaCppModel

    try:
        return "; ".join(LlamaCppModel(settings.gguf).look())
    except ModelError as error:
        return error.message


def reachable(wire: Wire) -> bool:
    """Whether anything accepts a connection there, LOOK_S seconds at most. A plain socket: no HTTP library is loaded to find nothing."""
    try:
        socket.create_connection((wire.host, wire.port), timeout=LOOK_S).close()
    except OSError:
        return False
    return True


def _look(settings: Settings) -> Choice:
    change = "Set model (PMM_MODEL, --model) to choose another; `pmm models` lists them."
    if settings.openai_api_key:
        return Choice(f"openai:{settings.openai_model}", "there is an API key", change)
    # An address somebody has set says more than a daemon that happens to run.
    if not _is_hosted(settings) and (name := _at_address(settings)):
        return Choice(f"openai:{name}", f"a server answers at {settings.openai_base_url}", change)
    if name := _at_ollama(settings):
        return Choice(f"ollama:{name}", f"Ollama runs at {settings.ollama_host}", change)
    if settings.gguf:
        return Choice(f"llamacpp:{settings.gguf}", "it is the GGUF file that is set", change)
    change = "Set OPENAI_API_KEY, start Ollama, or set model (PMM_MODEL, --model)."
    return Choice("offline", "there is no API key and no local server", change)


def _is_hosted(settings: Settings) -> bool:
    return settings.openai_base_url.rstrip("/") == openai.HOSTED


def _at_address(settings: Settings) -> str | None:
    wire = openai.openai_wire(settings.openai_base_url, settings.openai_api_key)
    if not reachable(wire):
        return None
    try:
        names = [name for name, _ in openai.server_models(wire, LIST_S)]
    except ModelError:
        names = []  # some servers have no list, and still answer
    finally:
        wire.close()
    return settings.openai_model if settings.openai_model in names else next(_talking(names), settings.openai_model)


def _at_ollama(settings: Settings) -> str | None:
    wire = ollama.ollama_wire(settings.ollama_host)
    try:
        return _first_ollama(settings) if reachable(wire) else None
    except ModelError:
        return None


def _first_ollama(settings: Settings) -> str:
    wire = ollama.ollama_wire(settings.ollama_host)
    try:
        names = [name for name, _ in ollama.server_models(wire, LIST_S)]
    finally:
        wire.close()
    for name in _talking(names):
        return name
    raise UnknownModel(f"Ollama at {wire.place} has no model yet.", hint="Get one, such as `ollama pull llama3.2`.")


def _talking(names: list[str]) -> Iterator[str]:
    """Those that aren't for embeddings or sound, by their names."""
    return (name for name in names if not any(part in name.lower() for part in ("embed", "minilm", "bge-", "whisper", "tts", "rerank")))


def _rows(adapter: str, wire: Wire, server_models: Callable[[Wire, float], list[tuple[str, str]]], otherwise: str) -> list[ModelRow]:
    """A server's models; one row that says what is wrong where it has none to show. otherwise: the model's name for that row."""
    try:
        rows = [ModelRow(f"{adapter}:{name}", wire.place, note) for name, note in server_models(wire, LIST_S)]
        note = "running, but has no models"
    except ModelError as error:
        rows, note = [], error.message
    finally:
        wire.close()
    return rows or [ModelRow(f"{adapter}:{otherwise}" if otherwise else adapter, wire.place, note)]


def _unknown(name: str, adapter: str) -> UnknownModel:
    import difflib

    bare = name.strip()
    no_such = f"There is no model {bare!r}."
    if bare.lower().startswith(("gpt", "o1", "o3", "o4", "chatgpt")):
        return UnknownModel(no_such, hint=f"Did you mean openai:{bare}?")
    if any(bare.lower().startswith(start) for start, _, _ in LIMITS):
        return UnknownModel(no_such, hint=f"Did you mean ollama:{bare}?")
    if close := difflib.get_close_matches(adapter.lower(), ADAPTERS, n=1):
        rest = bare[len(adapter) :] if close[0] in ("openai", "ollama") else ""
        return UnknownModel(no_such, hint=f"Did you mean {close[0] + rest}?")
    return UnknownModel(
        no_such, hint="A name is offline, auto, openai:NAME, ollama:NAME or llamacpp:FILE; `pmm models` lists what is here."
    )
