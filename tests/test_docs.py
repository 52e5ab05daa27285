"""Docs can fail the build: their examples run, their links lead somewhere, what they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pmm import Mind
from pmm.testing import SimulatedClock

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:src|tests|docs|benchmarks)/[\w/.-]+)`", text):
        assert (ROOT / name).exists(), f"{page.name} names {name}"
    for name in re.findall(r"`((?:agent|runtime|llm|memory|storage|projections|importers|cli)/[\w/.]+)`", text):
        found = ROOT / "src" / "pmm" / name
        assert found.exists() or found.with_suffix(".py").exists(), f"{page.name} names {name}"


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert "Miso" in said
    assert "Scott" in said


def test_the_readmes_conversation_is_true(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    ((asked, answered),) = re.findall(r"^you> (.*)\n((?:.+\n)+?)```", text, re.MULTILINE)
    with Mind.open(tmp_path / "a.db", model="offline", clock=SimulatedClock("2026-03-02T09:00:00+00:00")) as mind:
        assert mind.handle_user(asked).text == answered.rstrip("\n")


def test_the_readmes_two_commands_are_the_scripts() -> None:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert [b.strip() for b in blocks] == ["./dev chat", "./dev test"]
    assert "./dev test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_nothing_of_the_workplace_is_in_the_project() -> None:
    """No absolute paths of a machine, no registry hosts, no evaluation data."""
    for path in ROOT.rglob("*"):
        hidden = any(part.startswith(".") and part != ".ci" for part in path.relative_to(ROOT).parts)
        if hidden or path.suffix not in (".py", ".md", ".toml", ".svg") or not path.is_file() or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        for word in ("/work/", "/root/", "pypi.org", "/home/"):
            assert word not in text, f"{path.relative_to(ROOT)} holds {word}"
