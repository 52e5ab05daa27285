"""What all tests share: minds in temporary files, a simulated clock, and nothing of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from pmm import Mind
from pmm.testing import ScriptedModel, SimulatedClock

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting, key or file of whoever runs the tests reaches them."""
    import os

    for name in list(os.environ):
        if name.startswith(("PMM_", "OPENAI_", "OLLAMA_")) and not name.startswith("PMM_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PMM_CONFIG", str(tmp_path / "no-config.toml"))
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock("2026-03-02T09:00:00+00:00")  # a Monday


@pytest.fixture
def open_mind(tmp_path: Path, clock: SimulatedClock) -> Iterator[Callable[..., Mind]]:
    """Open a mind of the test's own; closed when the test ends. Durability is left out: these tests don't ask for it."""
    with ExitStack() as stack:

        def open_one(model: Any = None, name: str = "mind.db", **settings: Any) -> Mind:
            chosen = ScriptedModel(["Fine."]) if model is None else model
            given = {"synchronous": "NORMAL", "zone": "Europe/Berlin", "model_retries": 0} | settings
            return stack.enter_context(Mind.open(tmp_path / name, model=chosen, clock=clock, settings=given))

        yield open_one
