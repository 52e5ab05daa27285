"""`pmm status`: the mind at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pmm.cli.options import AsJson, Db, ModelName, examples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pmm.config import Settings
    from pmm.runtime.background import Lag
    from pmm.runtime.mind import Mind

IDLE_S = 0.5
EXAMPLES = examples("pmm status", "pmm status --db echo.db --json")


def status(db: Db = None, model: ModelName = None, as_json: AsJson = False) -> None:
    """Show who the mind is, what it owes and how big it is.

    No server is asked. Where the model would be looked for when needed, it is the one that spoke last, or "auto".
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at, mind_path, settings_for

    settings = settings_for(model)
    with looked_at(db, settings) as mind:
        mind.wait_idle(IDLE_S)  # what can be done at once is no work that waits
        if as_json:
            screen.say(screen.to_json(as_dict(mind, settings)))
        else:
            show(mind, settings, mind_path(db))


def as_dict(mind: Mind, settings: Settings) -> dict[str, Any]:
    """What --json prints. events: how many there are. head: the id of the last one. size_bytes: on disk."""
    from pmm.runtime.models import expected

    view = mind.view()
    return {
        "events": mind.log.head[0],
        "head": view.head,
        "name": view.identity.name,
        "user_name": view.identity.user_name,
        "commitments_open": view.commitments.count,
        "facts": view.facts.count,
        "directives": view.directives.count,
        "model": expected(settings, view.usage.model),
        "zone": view.identity.zone,
        "size_bytes": mind.size_bytes(),
        "tokens_today": _spent(mind),
        "embeddings": _embeddings(mind),
        "alerts": [str(alert) for alert in mind.alerts(open=True)],
        "background": mind.background(),
    }


def show(mind: Mind, settings: Settings, path: Path) -> None:
    """The same for people."""
    from pmm.cli.screen import bold, fields, number, one_line, say, size

    facts = as_dict(mind, settings)
    say(bold(one_line(facts["name"] or "A mind without a name")))
    rows = [
        ("file", f"{path} ({size(facts['size_bytes'])})"),
        ("events", f"{facts['events']:,}"),
        ("you", facts["user_name"] or "not introduced yet"),
        ("model", facts["model"] if facts["model"] != "auto" else "auto (chosen when it first speaks; `pmm models` lists what is here)"),
        ("zone", facts["zone"]),
        ("commitments", number(facts["commitments_open"], "open commitment")),
        ("facts", number(facts["facts"], "fact")),
        ("rules", number(facts["directives"], "rule")),
        ("meaning", _meaning(facts["embeddings"])),
        ("tokens today", _spent_line(facts["tokens_today"])),
        ("background", _background(facts["background"])),
        ("alerts", "; ".join(facts["alerts"]) or "none"),
    ]
    fields(rows, 12)


def _embeddings(mind: Mind) -> dict[str, Any] | None:
    """None without an embedder. hit_rate: of texts that were looked up in the caches, 0 to 1, None before any was."""
    from msgspec.structs import asdict

    found = mind.encoded()
    if found is None:
        return None
    return {**asdict(found), "hit_rate": found.hit_rate}


def _meaning(found: dict[str, Any] | None) -> str:
    if found is None:
        return "recall goes by words (PMM_EMBEDDER=minilm adds meaning)"
    parts = [f"{found['embedder']}, {found['encoded']:,} of {found['messages']:,} messages encoded"]
    if found["serving"] not in ("", found["embedder"]):
        parts.append(f"{found['serving']} serves until then")
    if found["hit_rate"] is not None:
        parts.append(f"cache hits {found['hit_rate']:.0%}")
    return "; ".join([*parts, *([found["trouble"]] if found["trouble"] else [])])


def _spent(mind: Mind) -> dict[str, Any]:
    """Tokens of this local day; a cap of None is no limit. stopped: whether background calls have, until midnight."""
    spent = mind.spent_today()
    return {name: getattr(spent, name) for name in ("foreground", "foreground_cap", "background", "background_cap", "stopped")}


def _spent_line(spent: dict[str, Any]) -> str:
    def of(cap: int | None) -> str:
        return f" of {cap:,}" if cap is not None else ""

    line = (
        f"{spent['foreground']:,}{of(spent['foreground_cap'])} by turns, {spent['background']:,}{of(spent['background_cap'])} behind them"
    )
    if not spent["background_cap"]:
        return f"{line}: background calls are switched off"
    return f"{line}: background calls stopped until midnight" if spent["stopped"] else line


def _background(lags: Sequence[Lag]) -> str:
    behind = [f"{lag.name} has work waiting" for lag in lags if lag.pending]
    failing = [f"{lag.name} failed {lag.failures} times: {lag.error}" for lag in lags if lag.failures]
    parked = [f"{lag.name} gave up on {len(lag.parked)} events" for lag in lags if lag.parked]
    return "; ".join([*behind, *failing, *parked]) or "up to date"
