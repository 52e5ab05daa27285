"""`pmm mind`: who the mind is: its names, traits, scores and stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pmm.cli.options import AsJson, Db, examples

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

EXAMPLES = examples("pmm mind", "pmm mind --db echo.db --json")

_TRAITS = {"O": "openness", "C": "conscientiousness", "E": "extraversion", "A": "agreeableness", "N": "neuroticism"}
_BAR_CELLS = 20
_MOVES_SHOWN = 5


def mind(db: Db = None, as_json: AsJson = False) -> None:
    """Show who the mind is: names, traits, scores, stage, policies.

    Also what moved its five traits, and what it may do unasked. IAS grows with turns under one name and with the mind's own actions carried
    out, GAS with promises kept. Both count evidence only, and stand still while nothing happens.
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at, settings_for

    with looked_at(db, settings_for(None)) as opened:
        if as_json:
            screen.say(screen.to_json(as_dict(opened)))
        else:
            show(opened)


def as_dict(mind: Mind) -> dict[str, Any]:
    """What --json prints. adopted: the event that gave the name; turns: replies under it. last: the event of the stage's last change.
    A of B own actions were carried out, K of M counted promises kept, older ones fading. permits: by its stage, up to the cap, less what is
    switched off. policy: None as long as the settings decide. assessments: of every ten reflections."""
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
            "history": metrics.history,
        },
        "stage": {
            "level": stage.level,
            "cap": view.policy.stage_cap,
            "turns": stage.turns,
            "last": stage.last,
            "permits": mind.permissions,
            "switched_off": view.policy.off,
            "next": {"ias": floors.ias, "gas": floors.gas} if floors else None,
            "history": stage.history,
        },
        "policy": {name: value for name, value, knob in view.policy.table()},
        "reflections": view.reflections.total,
        "facts": view.facts.count,
        "assessments": metrics.work.assessed,
    }


def show(mind: Mind) -> None:
    """The same for people."""
    from pmm.cli.reflections import show_assessment
    from pmm.cli.screen import bold, number, one_line, say

    view = mind.view()
    identity = view.identity
    say(bold(one_line(identity.name or "A mind without a name")))
    say(f"  {'you':<18} {one_line(identity.user_name or 'not introduced yet')}")
    if identity.name:
        say(f"  {'under this name':<18} {number(view.metrics.n, 'turn')}, since event #{identity.adopted}")
    say(f"  {'knows':<18} {number(view.facts.count, 'fact')}")
    _traits(view)
    _scores(view)
    _stage(view, mind.permissions)
    _policy(view)
    show_assessment(mind)


def _traits(view: Any) -> None:
    from pmm.cli.screen import bar, bold, dim, one_line, say, sparkline

    say()
    say(bold("Traits"))
    for trait, label in _TRAITS.items():
        moves = [move for move in view.traits.history if move.trait == trait]
        past = sparkline([moves[0].value - moves[0].delta, *(move.value for move in moves)], 1.0) if moves else ""
        value = getattr(view.traits, trait)
        say(f"  {label:<18} {bar(value, _BAR_CELLS)} {value:.2f} {past}".rstrip())
    say(f"  {'manner':<18} {', '.join(view.traits.tone)}")
    for move in view.traits.history[-_MOVES_SHOWN:]:
        say(dim(f"  #{move.event}: {_TRAITS[move.trait]} {move.delta:+.2f}, {one_line(move.cause, 60)} (#{move.evidence})"))


def _scores(view: Any) -> None:
    from pmm.cli.screen import bar, bold, say, sparkline

    say()
    say(bold("Scores"))
    floors = view.stage.next_floors
    for name in ("ias", "gas"):
        score = getattr(view.metrics, name)
        past = sparkline([*(getattr(then, name) for then in view.metrics.history), score], 1.0) if view.metrics.history else ""
        wanted = f" ({getattr(floors, name):.2f} for S{view.stage.level + 1})" if floors else ""
        say(f"  {name.upper():<18} {bar(score, _BAR_CELLS)} {score:.2f}{wanted} {past}".rstrip())


def _stage(view: Any, permissions: tuple[str, ...]) -> None:
    from pmm.cli.screen import bold, dim, number, say

    stage = view.stage
    say()
    say(bold(f"Stage {stage}"))
    say(f"  {'may, unasked':<18} {', '.join(permissions).replace('_', ' ') or 'nothing'}")
    if view.policy.off:
        say(f"  {'switched off':<18} {', '.join(view.policy.off).replace('_', ' ')}")
    if stage.level > view.policy.stage_cap:
        say(f"  {'counts as':<18} S{view.policy.stage_cap}, the highest you let it reach")
    say(f"  {'here for':<18} {number(stage.turns, 'turn')}")
    for change in stage.history[-_MOVES_SHOWN:]:
        say(dim(f"  #{change.event}: S{change.before} to S{change.after} at IAS {change.ias:.2f}, GAS {change.gas:.2f}"))


def _policy(view: Any) -> None:
    from pmm.cli.screen import bold, say

    changed = [(name, value) for name, value, knob in view.policy.table() if value != knob.default and not knob.switch]
    if changed:
        say()
        say(bold("Policy"))
    for name, value in changed:
        say(f"  {name:<18} {view.policy.spoken(value)}")
