"""Settings: one frozen object, validated once. Arguments win over environment variables (PMM_*), those over the settings file."""

from __future__ import annotations

import os
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from pmm.errors import ConfigError

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Limit = Annotated[float, Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. Each field is also PMM_<NAME> in the environment and <name> in the settings file.

    model: "auto", or a name such as "offline", "openai:gpt-x", "ollama:llama3.1". zone: IANA time zone of a new mind (None: TZ, else
    the system's). synchronous: "FULL" survives power loss, "NORMAL" may lose the last seconds. Tokens are as the model counts them.
    """

    # what speaks
    model: str = "auto"
    openai_base_url: str = "https://api.openai.com/v1"
    openai_api_key: str = ""
    openai_model: str = "gpt-4o-mini"
    ollama_host: str = "http://127.0.0.1:11434"
    fallback_models: str = ""
    """names with commas between them: when the model doesn't answer, the first of these that does speaks"""
    background_model: str = ""
    """what thinks behind the user's back; empty: the model that speaks"""
    warm: bool = False
    """whether servers too are sent a new prompt ahead of the user's next message, only to have it read; hosted ones charge for that"""
    gguf: str = ""
    """a GGUF file for `auto` and a bare `llamacpp`"""
    use_gpu: bool | None = None
    """llamacpp: None uses a GPU if there is one"""
    gpu_layers: Annotated[int, Meta(ge=-1)] = -1
    """llamacpp: how many layers go to the GPU, -1 for all"""
    model_window: Annotated[int, Meta(ge=0)] = 0
    """context window in tokens; 0: what the adapter knows"""
    model_timeout_s: Seconds = 120.0
    """the deadline of one whole model call"""
    first_piece_timeout_s: Seconds = 60.0
    model_retries: Annotated[int, Meta(ge=0, le=10)] = 2
    """before the first piece only"""
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None

    # what it is told
    max_context_tokens: Positive = 1500
    max_memory_tokens: Positive = 400
    max_transcript_tokens: Positive = 6000
    max_reply_tokens: Positive = 1024
    recall_k: Annotated[int, Meta(ge=1, le=50)] = 8
    answer_cache: bool = False
    """whether the answer to a question that is asked again is given again, without a model, as long as all it rests on is unchanged"""

    # what it recalls by
    embedder: str = ""
    """"hashed", "minilm", "minilm:/FOLDER" or "openai:MODEL"; empty: by words alone"""
    embed_cache: str = ""
    """a Redis that keeps vectors for several minds, such as redis://127.0.0.1:6379/0; each mind's file keeps its own in any case"""

    # how it keeps
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    max_event_bytes: Annotated[int, Meta(ge=64 * 1024, le=256 * 1024 * 1024)] = 1024 * 1024

    # how it behaves
    zone: str | None = None
    turn_wait_s: Annotated[float, Meta(ge=0)] = 30.0
    commitment_expiry_hours: Annotated[float, Meta(gt=0)] = 72.0
    heartbeat_s: Seconds = 10.0
    """within which a loop notices what nothing tells it: a clock that was set, what other processes wrote"""

    # what is measured
    trace_days: Annotated[int, Meta(ge=0, le=3650)] = 30
    """how long traces of turns, and alerts, are kept; 0: none are"""
    profile: bool = True
    """what turns take; without it there are no alerts"""
    alert_turn_ms: Limit = 5_000
    """a slower turn is an alert (P2); 0: none, here and below"""
    alert_turn_severe_ms: Limit = 10_000
    """a turn slower than this is one of P1"""
    alert_database_ms: Limit = 500
    """P2: a turn spent more in the database"""
    alert_embedding_hit_rate: Annotated[float, Meta(ge=0, le=1)] = 0.7
    """P3: of the vectors that the last 100 turns recalled by, a smaller share was there already"""
    alert_command: str = ""
    """run with each alert as JSON on its standard input: a program and its arguments, no shell"""
    otel: bool = False
    """spans of turns for OpenTelemetry (pip install 'pmm[otel]')"""
    otel_content: bool = False
    """what is said, in these spans too"""

    # what it thinks behind the user's back
    think_quiet_s: Seconds = 60.0
    """a model reads what was said when it has been quiet for so long"""
    think_turns: Positive = 5
    """or when so many turns have gathered"""
    background_tokens_per_day: Annotated[int, Meta(ge=0)] = 200_000
    """read and written by background calls in one local day; 0: no such calls"""
    foreground_tokens_per_day: Annotated[int, Meta(ge=0)] = 0
    """only shown: a turn is never refused; 0: no limit"""

    def __post_init__(self) -> None:
        if self.zone is not None:
            check_zone(self.zone)
        check_command(self.alert_command)


SECRETS = frozenset({"openai_api_key", "embed_cache"})

_OTHER_NAMES = {"openai_api_key": "OPENAI_API_KEY", "openai_base_url": "OPENAI_BASE_URL", "ollama_host": "OLLAMA_HOST"}
"""names that other tools gave to the same thing; ours win"""


def check_zone(zone: str) -> str:
    """The zone, if it is a known IANA name. Raises ConfigError."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise ConfigError(f"{zone!r} is not a known time zone.", hint="Use an IANA name such as Europe/Paris or UTC.") from None
    return zone


def check_command(command: str) -> list[str]:
    """The program and its arguments. Raises ConfigError."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"{command!r} is no command: {str(error).lower()}.") from None


def system_zone() -> str:
    """The IANA zone of this machine: TZ, else what the system says, else UTC."""
    try:
        return check_zone(os.environ["TZ"].lstrip(":"))
    except (KeyError, ConfigError):
        pass
    from tzlocal import get_localzone_name

    try:
        return check_zone(get_localzone_name() or "UTC")
    except (ConfigError, LookupError, OSError):
        return "UTC"


def settings_file() -> Path:
    """Where the settings file is looked for: PMM_CONFIG, else config.toml in the user's configuration folder."""
    if named := os.environ.get("PMM_CONFIG"):
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("pmm", appauthor=False) / "config.toml"


def default_db() -> Path:
    """Where the default mind lives: PMM_DB, else mind.db in the user's data folder."""
    return _in_data("PMM_DB", "mind.db")


def minds_folder() -> Path:
    """Where a server's minds are kept: PMM_DATA, else minds in the user's data folder."""
    return _in_data("PMM_DATA", "minds")


def models_folder() -> Path:
    """Where weights are kept: PMM_MODELS, else models in the user's data folder."""
    return _in_data("PMM_MODELS", "models").expanduser()


def _in_data(variable: str, name: str) -> Path:
    if named := os.environ.get(variable):
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("pmm", appauthor=False) / name


def load_settings(
    arguments: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None, file: Path | None = None
) -> Settings:
    """One validated Settings. Raises ConfigError that names the setting and where it came from."""
    return load_with_origins(arguments, environ=environ, file=file)[0]


def load_with_origins(
    arguments: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None, file: Path | None = None
) -> tuple[Settings, dict[str, str]]:
    """Settings, and for each of its fields where the value came from."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.__struct_fields__, "default")
    for origin, layer in _layers(arguments or {}, environ, file or settings_file()):
        for name, value in layer.items():
            if name not in origins:
                raise ConfigError(f"{origin}: there is no setting {name!r}.")
            try:
                msgspec.convert({name: value}, Settings, strict=not isinstance(value, str))
            except msgspec.ValidationError as error:
                why = str(error).partition(" - ")[0].rstrip(".")
                raise ConfigError(f"{origin}: {name}: {why[:1].lower()}{why[1:]}.") from None
            values[name] = value
            origins[name] = origin
    return msgspec.convert(values, Settings, strict=False), origins


def _layers(arguments: Mapping[str, Any], environ: Mapping[str, str], file: Path) -> list[tuple[str, Mapping[str, Any]]]:
    env: dict[str, Any] = {}
    for name in Settings.__struct_fields__:
        for label in (_OTHER_NAMES.get(name), f"PMM_{name.upper()}"):
            if label and environ.get(label):
                env[name] = environ[label]
    if host := env.get("ollama_host"):
        env["ollama_host"] = host if "://" in host else f"http://{host}"
    given = {name: value for name, value in arguments.items() if value is not None}
    return [(str(file), _read(file)), ("environment", env), ("argument", given)]


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None
