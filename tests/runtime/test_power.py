"""Loss of power at any moment of a mind's life: what it said it kept is kept, everything computed from it agrees or is made anew, and the
next turn works at once.

See tests/storage/power.py for what a loss leaves. Only the log's own connection waits for the disk (synchronous=FULL). Snapshots, positions
of the background, vectors, traces and what waits for the inverted index go through the second one, at NORMAL, on purpose: all of them may
be lost with the last seconds, and all but the traces are then made again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from shutil import rmtree

import pytest

from pmm import Mind, Settings, Turn
from pmm.errors import NotAMind
from pmm.runtime.rebuild import rebuild
from pmm.storage.snapshots import Snapshots
from pmm.storage.sqlite import verify_file
from pmm.testing import ScriptedModel, SimulatedClock
from pmm.views import Views
from tests.storage.power import Acknowledged, Loss, Recorder, losses, moments

REPLIES = ["I will send you the draft tomorrow.", "Fine.", "Glad to hear that, and I will think about it. " * 8]


def _open(path: Path, clock: SimulatedClock, synchronous: str = "FULL") -> Mind:
    model = ScriptedModel(REPLIES, window=4096)  # small, so that epochs end
    return Mind.open(path, model=model, embedder="hashed", clock=clock, settings={"synchronous": synchronous, "zone": "Europe/Berlin"})


def _say(mind: Mind, text: str, told: Callable[[], None]) -> None:
    with mind.handle_user_streaming(text) as stream:
        for n, _ in enumerate(stream):
            if n == 0:
                told()  # the message was there before any of the reply


def _life(path: Path, rng: Random, acts: int) -> Recorder:
    """A mind that is opened, used, closed and perhaps rebuilt; all it says it has done is acknowledged."""
    clock = SimulatedClock("2026-03-02T09:00:00+00:00")
    with Recorder(path.parent) as disk:
        for _ in range(2):
            with _open(path, clock) as mind:
                told = lambda mind=mind: disk.acknowledged(mind.log.head)
                told()
                for _ in range(acts):
                    _act(mind, rng, clock, told)
                    told()
            if rng.random() < 0.3:
                rebuild(path, Settings(), lambda name: lambda done, of: None)
    return disk


def _act(mind: Mind, rng: Random, clock: SimulatedClock, told: Callable[[], None]) -> None:
    n = mind.log.head[0]
    match rng.randint(0, 14):
        case 0:
            mind.import_turns([Turn("Ana", f"line {n} {m} about bridges", ref=f"{n}:{m}") for m in range(rng.randint(1, 40))])
        case 1:
            mind.close_commitment(mind.commit(f"call Ana {n}", due="2026-03-03"), "kept")
        case 2:
            mind.revoke_directive(mind.set_directive(f"Never mention number {n}."))
        case 3:
            mind.retract_fact(mind.assert_fact("user", "owns", f"boat {n}"))
        case 4:
            mind.undo()
        case 5:
            assert mind.wait_idle(60)
        case 6:
            clock.advance(rng.choice([60, 86_400]))
            mind.tick()
        case 7:
            mind._views.save(every=1)  # else only every 1,000 events
        case 8:
            _holds(mind)  # remembers how far it came
        case _:
            said = ["I live in town{}.", "Remind me to call number{} tomorrow.", "Always be brief about topic{}.", "What about thing{}?"]
            _say(mind, rng.choice(said).format(n), told)


def _survives(loss: Loss, folder: Path) -> None:
    path = loss.restore(folder)
    try:
        verdict = verify_file(path)
        assert verdict.ok, verdict
        whole = verdict.events
    except NotAMind:  # it wasn't made yet
        whole = 0
    assert whole >= loss.acknowledged.id
    with _open(path, SimulatedClock("2026-03-09T09:00:00+00:00"), "NORMAL") as mind:
        if loss.acknowledged.id:
            assert mind._log.main.run("SELECT hash FROM events WHERE id = ?", (loss.acknowledged.id,)) == [(loss.acknowledged.hash,)]
        _holds(mind)
        assert mind.handle_user("What did I say about town9?").text == REPLIES[0]
        assert mind.wait_idle(60)
        encoded = mind.encoded()
        assert encoded is not None and encoded.encoded == encoded.messages > 0
        _holds(mind)
        for event in mind.log.by_kind("user_message", limit=2, newest=True):
            assert event.id in [memory.id for memory in mind.recall(event.content, k=20)]
        mind.profile()  # of turns whose traces may be lost
    assert verify_file(path).ok
    rmtree(folder)


class _NoSnapshots(Snapshots):
    def load(self, projection: str, version: int, at: int) -> None:
        return None


def _holds(mind: Mind) -> None:
    """The chain, the turns, the state against a replay from event 1, also half-way; index, links, archive, vectors, positions."""
    half = mind.log.head[0] // 2
    assert mind.view(at=half).digest() == Views(mind.log, _NoSnapshots(mind._log)).at(half).digest()
    assert not {f.check: f.detail for full in (False, True) for f in mind.doctor(full=full) if not f.ok}


def _lose_power(tmp_path: Path, seed: int, *, lives: int, acts: int, count: int) -> None:
    """So many losses in each life, which begins with what a loss in the one before left. The files of one that isn't survived stay."""
    rng = Random(seed)
    left = Loss(0, {}, Acknowledged(0, bytes(32)))
    for n in range(lives):
        disk = _life(left.restore(tmp_path / f"life {n} of seed {seed}"), rng, acts)
        all_of_them = list(losses(disk, rng, moments(disk, rng, count)))
        for loss in all_of_them:
            _survives(loss, tmp_path / f"life {n} of seed {seed}, power lost at {loss.moment}")
        left = rng.choice(all_of_them)


def test_a_mind_survives_the_loss_of_power(tmp_path: Path) -> None:
    _lose_power(tmp_path, 1, lives=2, acts=10, count=6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_a_mind_survives_three_hundred_losses_of_power(tmp_path: Path, seed: int) -> None:
    _lose_power(tmp_path, seed, lives=3, acts=60, count=10)
