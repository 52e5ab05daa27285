"""`pmm bench`: what a mind costs on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pmm.cli.options import examples

EXAMPLES = examples(
    "pmm bench --quick",
    "pmm bench --quick --json before.json",
    "pmm bench --quick --compare before.json",
    "pmm bench --sizes 10000,100000,1000000 --only large_history,recall",
)


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Small minds and few turns: under 40 seconds.")] = False,
    sizes: Annotated[str, typer.Option("--sizes", metavar="N,N", show_default=False, help="How many events the minds have.")] = "",
    turns: Annotated[int | None, typer.Option("--turns", min=5, show_default=False, help="Turns at each size.")] = None,
    only: Annotated[str, typer.Option("--only", metavar="NAME,NAME", show_default=False, help="These scenarios alone.")] = "",
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here as well.")] = None,
    compare: Annotated[Path | None, typer.Option("--compare", metavar="FILE", help="An earlier run's, to hold these against.")] = None,
    folder: Annotated[Path | None, typer.Option("--folder", help="Where the minds are written: its disk counts.")] = None,
) -> None:
    """Measure turns, recall, start, append, replay and more.

    Idle ticks and verification, too, on minds that are made for it and thrown away. Each figure stands beside what the engine does with
    nothing around it, in the same run. Exits with 1 if a count grows with the log or is above that of --compare; times never fail.
    """
    import tempfile

    from pmm.bench.report import QUICK, WHOLE, lines, measured, regressions
    from pmm.cli import screen

    wanted = tuple(filter(None, only.split(",")))
    chosen = _sizes(sizes) or (QUICK if quick else WHOLE)
    _check(wanted)
    earlier = _read(compare)
    with tempfile.TemporaryDirectory(dir=folder) as place, screen.Waiting() as waiting:
        found = measured(Path(place), chosen, turns or (20 if quick else 200), wanted, lambda step: screen.note(screen.dim(f"{step} ...")))
        waiting.over()
    if json is not None:
        json.write_text(screen.to_json(found), encoding="utf-8")
    rows = lines(found, earlier)
    width = max((len(figure) for _, figure, _ in rows), default=0)
    last = ""
    for scenario, figure, value in rows:
        if scenario != last:
            screen.say(screen.bold(scenario))
            last = scenario
        screen.say(f"  {figure:<{width}}  {value}")
    screen.say(screen.dim(f"a bare durable commit: {found['bounds']['durable_commit']['p50_ms']} ms; noise {found['machine']['noise']} x"))
    for told in (worse := regressions(found, earlier)):
        screen.note(f"worse: {told}")
    if worse:
        raise typer.Exit(1)


def _sizes(text: str) -> tuple[int, ...]:
    from pmm.errors import InvalidInput

    try:
        sizes = tuple(sorted({int(part) for part in text.split(",") if part.strip()}))
    except ValueError:
        sizes = (0,)
    if any(not 8 <= size <= 10_000_000 for size in sizes):
        raise InvalidInput(f"{text!r} is not a list of sizes.", hint="Write --sizes 10000,100000.")
    return sizes


def _check(names: tuple[str, ...]) -> None:
    from pmm.bench.scenarios import SCENARIOS
    from pmm.errors import InvalidInput

    for name in names:
        if name not in SCENARIOS:
            raise InvalidInput(f"there is no scenario {name!r}.", hint=f"They are {', '.join(SCENARIOS)}.")


def _read(file: Path | None) -> dict[str, Any] | None:
    import msgspec

    from pmm.errors import InvalidInput

    if file is None:
        return None
    try:
        found = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
        found["scenarios"].items()
    except (OSError, msgspec.MsgspecError, KeyError, AttributeError) as error:
        raise InvalidInput(f"{file} holds no figures of an earlier run: {error}", hint="Write one with `pmm bench --json FILE`.") from None
    return found
