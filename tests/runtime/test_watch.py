"""Watch: silence is told by files alone, and never when somebody may have written."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pmm import Mind
from pmm.runtime.watch import Watch
from pmm.testing import counting

Open = Callable[..., Mind]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there a file's time follows late")


def test_it_takes_three_looks_that_agree_and_reads_nothing(open_mind: Open) -> None:
    mind = open_mind()
    mind.commit("call Ana")
    assert mind.wait_idle(30)
    watch = Watch(mind.log)
    with counting(mind) as cost:
        assert [watch.quiet() for _ in range(4)] == [False, False, True, True]
    assert cost.statements == 0


def test_what_another_process_writes_is_noticed(tmp_path: Path) -> None:
    """Here another connection to the same file."""
    with Mind.open(tmp_path / "mind.db", model="offline") as mind, Mind.open(tmp_path / "mind.db", model="offline") as other:
        assert mind.wait_idle(30) and other.wait_idle(30)
        watch = Watch(mind.log)
        while not watch.quiet():
            time.sleep(0.05)
        other.commit("call Ana")
        assert not watch.quiet()


def test_a_log_that_can_not_tell_is_never_quiet(open_mind: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    mind = open_mind()
    monkeypatch.setattr(type(mind.log), "stamp", None)
    watch = Watch(mind.log)
    assert not any(watch.quiet() for _ in range(5))
