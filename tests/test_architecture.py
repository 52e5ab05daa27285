"""Net 1: imports. The rooms may not reach past their doors; nothing goes in circles; nothing is dead; style is a test."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src" / "pmm"

CORE = {"errors", "version"}
MAY_IMPORT = {
    "errors": set(),
    "version": set(),
    "clock": set(),
    "config": {"errors"},
    "events": {"errors"},
    "projections": {"events"},
    "storage": {"events", "clock"},
    "views": {"storage", "projections", "events"},
    "memory": {"storage", "events"},
    "llm": {"config"},
    "agent": {"events", "projections", "views", "memory", "llm"},
    "runtime": {"events", "projections", "views", "memory", "llm", "agent", "storage", "config", "clock"},
    "importers": {"events"},
    "api": {"runtime", "importers", "config", "events"},
    "web": {"runtime", "importers", "api", "config", "events", "clock"},
    "cli": {"runtime", "importers", "config", "events", "bench", "api", "web"},
    "bench": {"events", "projections", "views", "storage", "clock", "runtime", "testing"},
    "testing": {"events", "projections", "views", "memory", "llm", "agent", "storage", "config", "clock", "runtime"},
}
ENTRY_POINTS = {"pmm", "pmm.__main__", "pmm.cli.main"}
LAZY = ("pmm.llm", "pmm.cli", "pmm.importers", "pmm.projections", "pmm.testing")


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package, by dotted name."""
    found = {}
    for path in sorted(SRC.rglob("*.py")):
        parts = ("pmm", *path.relative_to(SRC).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "pmm"


def imported(module: str, *, types: bool = True) -> set[str]:
    """The pmm modules that a module imports, wherever in it; without the TYPE_CHECKING blocks if types is False."""
    found = set()
    skipped = set()
    if not types:
        for node in ast.walk(modules()[module]):
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                skipped.update(id(child) for child in ast.walk(node))
    for node in ast.walk(modules()[module]):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found.update(a.name for a in node.names if a.name.split(".")[0] == "pmm")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "pmm":
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                found.add(deeper if deeper in modules() else node.module)
    return found


@pytest.mark.parametrize("module", [m for m in modules() if m not in ("pmm", "pmm.__main__")])
def test_a_module_imports_only_from_rooms_its_own_may_reach(module: str) -> None:
    allowed = MAY_IMPORT[room(module)] | CORE | {room(module)}
    reached = {room(other) for other in imported(module)}
    assert reached <= allowed, f"{module} reaches {reached - allowed}"


def test_the_agent_knows_only_the_types_of_models_and_views() -> None:
    for module in modules():
        if room(module) == "agent":
            others = imported(module, types=False)
            assert not any(room(o) in ("views", "llm") for o in others), module


def test_sql_and_database_drivers_live_in_storage_and_memory_alone() -> None:
    sql = re.compile(r"\b(SELECT|INSERT INTO|DELETE FROM|UPDATE \w+ SET|PRAGMA|CREATE TABLE)\b")
    for name, tree in modules().items():
        if room(name) in ("storage", "memory"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not sql.search(node.value), f"{name} holds SQL: {node.value[:60]!r}"
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                assert not any(n.split(".")[0] in ("apsw", "sqlite3") for n in names), name


def test_only_clock_reads_the_wall_clock_or_draws_randomness() -> None:
    for name, tree in modules().items():
        if room(name) in ("clock", "testing"):
            continue
        source = ast.unparse(tree)
        for call in ("datetime.now(", "datetime.utcnow(", "date.today(", "time.time(", "os.urandom(", "uuid4(", "random.", "secrets."):
            assert call not in source, f"{name} calls {call}"


def test_imports_never_go_in_circles() -> None:
    graph = {m: imported(m, types=False) - {m} for m in modules()}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for other in graph.get(module, ()):
                visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_every_module_is_used_by_another() -> None:
    used = {other for m in modules() for other in imported(m) if other != m}
    used |= {other.rsplit(".", 1)[0] for other in used}
    homes = re.findall(r'"(pmm\.[\w.]+)"', (SRC / "__init__.py").read_text())
    for module in modules():
        if module in used or module in ENTRY_POINTS or module in homes or module.startswith(LAZY):
            continue
        pytest.fail(f"nobody imports {module}")


def test_nothing_but_the_benchmark_imports_testing() -> None:
    assert not [m for m in modules() if room(m) not in ("testing", "bench") and any(room(o) == "testing" for o in imported(m))]


def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{module}.{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None and node.end_lineno - node.lineno >= 60
    ]
    assert not long


def test_every_public_thing_says_what_it_does() -> None:
    """Public classes and functions have a docstring, unless they implement a documented method of a base."""
    silent = []
    for module, tree in modules().items():
        for node in tree.body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_") and not ast.get_docstring(node):
                base = isinstance(node, ast.ClassDef) and any(ast.unparse(b).startswith(("Projection[", "Event")) for b in node.bases)
                if not base:
                    silent.append(f"{module}.{node.name}")
    assert not silent


def test_every_event_kind_has_a_reader() -> None:
    """A kind that nothing reads is not recorded: each is named outside the catalogue by a projection, an index, an agent or the runtime."""
    from pmm.events import KINDS

    readers = "\n".join(ast.unparse(t) for m, t in modules().items() if room(m) in ("projections", "memory"))
    unread = [kind for kind, cls in KINDS.items() if f"'{kind}'" not in readers and cls.__name__ not in readers]
    assert not unread


def loaded_after(code: str) -> set[str]:
    """Names of the modules in a fresh interpreter after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(' '.join(sys.modules))"], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_pmm_loads_neither_engine_nor_model_nor_numpy() -> None:
    assert not loaded_after("import pmm") & {"apsw", "numpy", "httpx2", "pmm.runtime.mind"}


def test_the_first_turn_needs_neither_numpy_nor_a_network_client(tmp_path: Path) -> None:
    code = f"from pmm import Mind\nwith Mind.open({str(tmp_path / 'a.db')!r}, model='offline') as m: m.handle_user('hello')"
    assert not loaded_after(code) & {"numpy", "httpx2", "rich", "typer", "ijson"}


def test_public_names_are_these() -> None:
    import pmm

    assert sorted(pmm.__all__) == sorted(
        """Event Imported InvalidInput KeyConflict Memory Mind MindBusy MindClosed MindSession ModelError NotAMind PMMError Reply
        ReplyStream Settings StorageError Turn TurnFailed Unstorable View __version__""".split()
    )
    for name in pmm.__all__:
        assert getattr(pmm, name) is not None
