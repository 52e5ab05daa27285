"""`pmm mind`: who the mind is: its names, traits, scores and stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pmm.cli.options import AsJson, Db, examples

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

EXAMPLES = examples("pmm mind", "pmm mind --db echo.db --json")

_TRAITS = {"O": "openness", "C": "conscientiousness", "E": "extraversion", "A": "agreeableness", "N": "neuroticism"}
_SPARKS = "▁▂▃▄▅▆▇█"
_BAR_CELLS = 20
_MOVES_SHOWN = 5


def mind(db: Db = None, as_json: AsJson = False) -> None:
    """Show who the mind is: its names, its five traits and what moved them, its two scores, and what its stage permits.

    IAS grows with turns under one name and with the mind's own actions carried out, GAS with promises kept. Both count evidence
    only, and stand still while nothing happens.
    """
    from pmm.cli import screen
    from pmm.cli.minds import existing_mind, settings_for

    with existing_mind(db, settings_for(None)) as opened:
        if as_json:
            screen.say(screen.to_json(as_dict(opened)))
        else:
            show(opened)


def as_dict(mind: Mind) -> dict[str, Any]:
    """What --json prints. adopted: the event that gave the name; turns: replies under it. last: the event of the stage's last change.
    A of B own actions were carried out, K of M counted promises kept, older ones fading."""
    view = mind.view()
    identity, traits, metrics, stage = view.identity, view.traits, view.metrics, view.stage
    floors = stage.next_floors
    return {
        "head": view.head,
        "name": identity.name,
        "user_name": identity.user_name,
        "adopted": identity.adopted,
        "created": identity.created,
        "turns": metrics.n,
        "traits": {trait: getattr(traits, trait) for trait in _TRAITS},
        "tone": traits.tone,
        "moves": traits.history,
        "scores": {
            "ias": round(metrics.ias, 4),
            "gas": round(metrics.gas, 4),
            **{name: round(getattr(metrics, name), 4) for name in "ABKM"},
        },
        "stage": {
            "level": stage.level,
            "turns": stage.turns,
            "last": stage.last,
            "permits": stage.permissions,
            "next": {"ias": floors.ias, "gas": floors.gas} if floors else None,
            "history": stage.history,
        },
    }


def show(mind: Mind) -> None:
    """The same for people."""
    from pmm.cli.screen import bold, number, one_line, say

    view = mind.view()
    identity = view.identity
    say(bold(one_line(identity.name or "A mind without a name")))
    say(f"  {'you':<18} {one_line(identity.user_name or 'not introduced yet')}")
    if identity.name:
        say(f"  {'under this name':<18} {number(view.metrics.n, 'turn')}, since event #{identity.adopted}")
    _traits(view)
    _scores(view)
    _stage(view)


def _traits(view: Any) -> None:
    from pmm.cli.screen import bold, dim, one_line, say

    say()
    say(bold("Traits"))
    for trait, label in _TRAITS.items():
        moves = [move for move in view.traits.history if move.trait == trait]
        past = sparkline([moves[0].value - moves[0].delta, *(move.value for move in moves)]) if moves else ""
        say(f"  {label:<18} {bar(getattr(view.traits, trait))} {getattr(view.traits, trait):.2f} {past}".rstrip())
    say(f"  {'manner':<18} {', '.join(view.traits.tone)}")
    for move in view.traits.history[-_MOVES_SHOWN:]:
        say(dim(f"  #{move.event}: {_TRAITS[move.trait]} {move.delta:+.2f}, {one_line(move.cause, 60)} (#{move.evidence})"))


def _scores(view: Any) -> None:
    from pmm.cli.screen import bold, say

    say()
    say(bold("Scores"))
    floors = view.stage.next_floors
    for label, score, floor in (
        ("IAS", view.metrics.ias, floors.ias if floors else None),
        ("GAS", view.metrics.gas, floors.gas if floors else None),
    ):
        wanted = f" ({floor:.2f} for S{view.stage.level + 1})" if floor is not None else ""
        say(f"  {label:<18} {bar(score)} {score:.2f}{wanted}")


def _stage(view: Any) -> None:
    from pmm.cli.screen import bold, dim, number, say

    stage = view.stage
    say()
    say(bold(f"Stage {stage}"))
    say(f"  {'may, unasked':<18} {', '.join(what.replace('_', ' ') for what in stage.permissions)}")
    say(f"  {'here for':<18} {number(stage.turns, 'turn')}")
    for change in stage.history[-_MOVES_SHOWN:]:
        say(dim(f"  #{change.event}: S{change.before} to S{change.after} at IAS {change.ias:.2f}, GAS {change.gas:.2f}"))


def bar(share: float) -> str:
    """A bar of twenty cells, filled to this share (0 to 1)."""
    full = round(min(max(share, 0.0), 1.0) * _BAR_CELLS)
    return "█" * full + "·" * (_BAR_CELLS - full)


def sparkline(values: list[float]) -> str:
    """One character per value (0 to 1)."""
    return "".join(_SPARKS[min(int(min(max(v, 0.0), 1.0) * len(_SPARKS)), len(_SPARKS) - 1)] for v in values)
