"""`pmm policy`: the few settings that the mind may change about itself, and those that are its user's alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, ListFirst, examples

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

EXAMPLES = examples("pmm policy", "pmm policy --json")
SET_EXAMPLES = examples(
    "pmm policy set stage_cap 2", "pmm policy set permit.speak_first off", "pmm policy set cadence 1", "pmm policy set recall_k default"
)

_WORDS = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False, "default": None}
_CHANGES_SHOWN = 5

app = typer.Typer(cls=ListFirst, rich_markup_mode=None, epilog=EXAMPLES)


@app.callback()
def policy() -> None:
    """Show what the mind may do, how often and how much; change it.

    From stage S3 on, reflections may change cadence, recall_k and expiry_hours within these bounds. The cap on the stage and the
    permissions are yours alone. Without a command, all are listed.
    """


@app.command("list", epilog=EXAMPLES)
def list_(db: Db = None, as_json: AsJson = False) -> None:
    """List every policy, its value and bounds, and what changed."""
    from pmm.cli import screen
    from pmm.cli.minds import looked_at

    with looked_at(db) as mind:
        if as_json:
            screen.say(screen.to_json({"policies": as_dict(mind), "history": mind.view().policy.history}))
        else:
            show(mind)


@app.command("set", epilog=SET_EXAMPLES, context_settings={"ignore_unknown_options": True})  # -1 is a value
def set_(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Which one; `pmm policy` lists them.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help='A number, on or off, or "default".')],
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Set a policy, at any stage. "default" gives it back to the settings."""
    from pmm.cli import screen
    from pmm.cli.minds import existing_mind

    with existing_mind(db) as mind:
        mind.set_policy(key, _value(value))
        if as_json:
            screen.say(screen.to_json(as_dict(mind)[key]))
        else:
            policies = mind.view().policy
            screen.say(f"  {key} is {policies.spoken(policies.get(key))}.")


def as_dict(mind: Mind) -> dict[str, Any]:
    """Every policy by name. value: None as long as the settings decide. own: whether the mind may change it itself, from S3 on."""
    return {
        name: {
            "policy": name,
            "value": value,
            "default": knob.default,
            "low": knob.low,
            "high": knob.high,
            "own": knob.own,
            "says": knob.says,
        }
        for name, value, knob in mind.view().policy.table()
    }


def show(mind: Mind) -> None:
    """The same for people."""
    from pmm.cli.screen import dim, one_line, say

    policies = mind.view().policy
    for name, value, knob in policies.table():
        bounds = "" if knob.switch else f", {knob.low} to {knob.high}"
        whose = "" if knob.own or knob.switch else ", yours alone to set"
        say(f"  {name:<24} {policies.spoken(value):<22} {dim(knob.says + bounds + whose)}")
    for change in policies.history[-_CHANGES_SHOWN:]:
        because = f" (#{change.evidence})" if change.evidence else ""
        what = f"{change.policy} from {policies.spoken(change.old)} to {policies.spoken(change.new)}"
        say(dim(f"  #{change.event}: {what}, by {one_line(change.cause, 20)}{because}"))


def _value(text: str) -> Any:
    """As it was meant; what can't be read is left for the policy to refuse."""
    word = text.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    return int(word) if word.lstrip("+-").isdigit() and word.isascii() and len(word) < 10 else text
