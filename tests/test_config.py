"""Settings: arguments over environment over file, each named when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmm.config import SECRETS, Settings, check_zone, default_db, load_settings, load_with_origins, settings_file, system_zone
from pmm.errors import ConfigError


def test_arguments_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('recall_k = 3\nmodel = "openai:from-file"\nturn_wait_s = 5\n')
    environ = {"PMM_MODEL": "ollama:from-env", "PMM_TURN_WAIT_S": "7.5"}
    found, origins = load_with_origins({"turn_wait_s": 9, "zone": None}, environ=environ, file=file)
    assert (found.recall_k, found.model, found.turn_wait_s, found.max_reply_tokens) == (3, "ollama:from-env", 9, 1024)
    assert [origins[n] for n in ("recall_k", "model", "turn_wait_s", "zone")] == [str(file), "environment", "argument", "default"]


def test_names_that_other_tools_gave_are_understood(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "k", "OLLAMA_HOST": "box:11434", "OPENAI_BASE_URL": "http://a/v1", "PMM_OPENAI_BASE_URL": "http://b/v1"}
    found = load_settings(environ=environ, file=tmp_path / "none")
    assert (found.openai_api_key, found.ollama_host, found.openai_base_url) == ("k", "http://box:11434", "http://b/v1")


@pytest.mark.parametrize(
    ("text", "named"),
    [("recall_k = 0", "recall_k"), ("recall_k = 'x'", "recall_k"), ("nonsense = 1", "nonsense"), ("= broken", "config.toml")],
)
def test_a_wrong_setting_is_named_with_where_it_came_from(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=named) as wrong:
        load_settings(environ={}, file=file)
    assert str(file) in str(wrong.value)


@pytest.mark.parametrize("value", ["", "many", "-1", "NaN"])
def test_a_wrong_environment_variable_is_refused_or_ignored_when_empty(tmp_path: Path, value: str) -> None:
    environ = {"PMM_TURN_WAIT_S": value}
    if not value:
        assert load_settings(environ=environ, file=tmp_path / "none").turn_wait_s == 30
        return
    with pytest.raises(ConfigError, match="turn_wait_s"):
        load_settings(environ=environ, file=tmp_path / "none")


def test_settings_are_frozen_and_secrets_are_known() -> None:
    with pytest.raises(AttributeError):
        Settings().model = "x"  # type: ignore[misc]
    assert set(Settings.__struct_fields__) >= SECRETS


def test_the_zone_is_that_of_tz_else_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert system_zone() == "Asia/Tokyo"
    for odd in ("", "Nowhere/Land", "../etc/passwd"):
        monkeypatch.setenv("TZ", odd)
        assert check_zone(system_zone())
    monkeypatch.delenv("TZ")
    assert check_zone(system_zone())


def test_files_can_be_put_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_DB", "/x/y.db")
    monkeypatch.setenv("PMM_CONFIG", "/x/c.toml")
    assert (default_db(), settings_file()) == (Path("/x/y.db"), Path("/x/c.toml"))
    monkeypatch.delenv("PMM_DB")
    assert default_db().name == "mind.db"
