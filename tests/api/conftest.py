"""Servers that run while tests do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from running import Running, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests of a file. It may create minds."""
    with running(tmp_path_factory.mktemp("minds"), "create") as started:
        yield started


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """One for a test alone."""
    with ExitStack() as stack:
        yield lambda *options, **environment: stack.enter_context(running(tmp_path / "minds", *options, **environment))
