"""What holds for every command: help, errors, exit codes, where the mind is, what is loaded."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
import typer

LOOKING = (
    ["status"],
    ["events"],
    ["show", "1"],
    ["recall", "x"],
    ["backup", "copy.db"],
    ["why", "1"],
    ["at", "1"],
    ["export"],
    ["profile"],
    ["alerts"],
)
COMMANDS = tuple(
    """chat ask status mind events show why at recall graph trace profile alerts undo zone import export verify doctor rebuild eval backup
    work mcp sql bench serve models commitments directives facts reflections policy config""".split()
)


def test_help_loads_nothing_heavy() -> None:
    heavy = "numpy apsw httpx2 msgspec rich prompt_toolkit pydantic pmm.runtime pmm.config pmm.importers pmm.llm pmm.storage".split()
    code = (
        "import sys; sys.argv = ['pmm', '--help']\n"
        "from pmm.cli.main import main\n"
        "try: main()\n"
        f"finally: print('LOADED', [n for n in {heavy!r} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Commands:" in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED []"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(pmm: Any, name: str) -> None:
    shown = pmm(name, "--help")
    assert shown.exit_code == 0
    assert "Examples:\n    " in shown.stdout and f"pmm {name}" in shown.stdout.partition("Examples:")[2]


def test_no_summary_in_a_list_of_commands_is_cut_off() -> None:
    def cut(group: Any, path: str) -> list[str]:
        found = []
        for name, command in getattr(group, "commands", {}).items():
            room = 78 - 6 - max(map(len, group.commands))  # what click leaves of 80 columns
            whole = command.get_short_help_str(room)
            found += [f"{path} {name}: {whole}"] * (not whole or whole.endswith("...")) + cut(command, f"{path} {name}")
        return found

    from pmm.cli.main import app

    assert cut(typer.main.get_command(app), "pmm") == []


def test_python_dash_m_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "pmm", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("pmm 0.")


def test_the_page_about_the_command_line_is_fresh() -> None:
    place = Path(__file__).parents[2] / "docs" / "make_cli.py"
    spec = importlib.util.spec_from_file_location("make_cli", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.page() == module.PAGE.read_text(encoding="utf-8"), "run: python docs/make_cli.py"


def test_commands_in_the_documented_order(pmm: Any) -> None:
    from pmm.cli.main import app

    group: Any = typer.main.get_command(app)
    assert tuple(group.commands) == COMMANDS


@pytest.mark.parametrize("args", [["nonsense"], ["ask", "hi", "--nonsense"], ["events", "--limit", "0"], ["show"], ["show", "one"]])
def test_a_wrong_command_line_is_2(pmm: Any, db: str, args: list[str]) -> None:
    assert pmm("ask", "hello", "--db", db).exit_code == 0
    done = pmm(*args, *(["--db", db] if args[0] != "nonsense" else []))
    assert done.exit_code == 2
    assert done.stdout == ""


@pytest.mark.parametrize("args", LOOKING, ids=lambda args: args[0])
def test_looking_creates_no_mind(pmm: Any, db: str, args: list[str]) -> None:
    done = pmm(*args, "--db", db)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: there is no mind at ") and "\nhint: `pmm chat` begins one" in done.stderr
    assert not Path(db).exists()


def test_an_empty_file_is_no_mind_to_look_at(pmm: Any, db: str) -> None:
    Path(db).touch()
    assert pmm("status", "--db", db).exit_code == 1
    assert Path(db).stat().st_size == 0


@pytest.mark.parametrize("args", [["ask", "hi"], ["chat"], ["status"], ["events"], ["recall", "x"]], ids=lambda args: args[0])
def test_a_file_that_is_no_mind_is_left_alone(pmm: Any, tmp_path: Path, args: list[str]) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("not a mind at all\n" * 100)
    done = pmm(*args, "--db", str(other), input="")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0] == f"error: {other} is not a PMM mind."
    assert other.read_text() == "not a mind at all\n" * 100


def test_a_missing_folder_is_told_not_made(pmm: Any, tmp_path: Path) -> None:
    done = pmm("ask", "hi", "--db", str(tmp_path / "typo" / "echo.db"))
    assert done.exit_code == 1
    assert done.stderr == f"error: the folder {tmp_path / 'typo'} does not exist.\nhint: Create it first.\n"
    assert not (tmp_path / "typo").exists()


def test_the_default_mind_is_private(pmm: Any, home: Path) -> None:
    assert pmm("ask", "Hello").exit_code == 0
    folder = home / "data" / "pmm"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "mind.db").stat().st_mode & 0o777 == 0o600
    assert pmm("status").exit_code == 0


def test_pmm_db_names_the_mind_and_its_folder_is_not_made(pmm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("PMM_DB", str(tmp_path / "mine.db"))
    assert pmm("ask", "Hello").exit_code == 0
    assert (tmp_path / "mine.db").exists() and not (home / "data").exists()
    monkeypatch.setenv("PMM_DB", str(tmp_path / "nowhere" / "mine.db"))
    assert pmm("ask", "Hello").exit_code == 1


def test_an_unknown_model_is_2_with_a_hint(pmm: Any, db: str) -> None:
    done = pmm("ask", "hi", "--db", db, "--model", "gpt-4o")
    assert done.exit_code == 2
    assert done.stderr == "error: There is no model 'gpt-4o'.\nhint: Did you mean openai:gpt-4o?\n"


def test_a_model_that_is_gone_hinders_nobody_from_looking(pmm: Any, db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pmm("ask", "Hello", "--db", db)
    monkeypatch.setenv("PMM_MODEL", "ollama")
    for args in (["events"], ["recall", "hello"], ["show", "1"], ["status"]):
        assert pmm(*args, "--db", db).exit_code == 0


def test_a_wrong_setting_is_named(pmm: Any, db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_TURN_WAIT_S", "soon")
    done = pmm("ask", "hi", "--db", db)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: environment: turn_wait_s:")


@pytest.mark.parametrize("plain", [True, False])
def test_no_color_is_honoured_on_a_terminal(pmm: Any, db: str, monkeypatch: pytest.MonkeyPatch, plain: bool) -> None:
    pmm("ask", "Hello", "--db", db)
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    shown = pexpect.run(f"{sys.executable} -m pmm events --db {db}", timeout=60)
    assert b"user_message" in shown
    assert (b"\x1b[" in shown) is not plain


def test_output_into_a_closed_pipe_is_no_traceback(db: str, pmm: Any) -> None:
    pmm("ask", "Hello", "--db", db)
    done = subprocess.run(f"{sys.executable} -m pmm events --db {db} --json | true", shell=True, capture_output=True, text=True)
    assert done.stderr == ""
